# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Traffic that lasts while gateways come and go: transfers, idle TCP connections and flows of UDP (survive.py).
# Sourced after tap.sh.

# lasting_servers [BYTES]: the lab's, whose payload is so large, and that of the connections and flows.
lasting_servers()
{
	topology_servers "$@" || tap_bail "the servers do not listen"
	lasting_begin echo server server $TOPOLOGY_SERVER4
	lasting_has_begun echo listening || tap_bail "the server does not listen"
}

# lasting_begin LABEL NODE ARGUMENT…: what survive.py prints is in $RUN/LABEL.out, and it reads lines of
# $RUN/LABEL.in.
lasting_begin()
{
	local label=$1 node=$2
	shift 2
	mkfifo "$RUN/$label.in"
	: >"$RUN/$label.out"
	node_start "$node" "$label" sh -c \
		'label=$1; shift; exec python3 tests/netns/survive.py "$@" <>"$label.in" >"$label.out"' \
		sh "$RUN/$label" "$@"
}

# lasting_has_begun LABEL WORDS: it says so.
lasting_has_begun()
{
	until_true 30 grep -qx "$2" "$RUN/$1.out"
}

# lasting_answers LABEL N: asked now, each of them does.
lasting_answers()
{
	local n
	n=$(wc -l <"$RUN/$1.out")
	echo >"$RUN/$1.in"
	until_true 90 eval "[ \$(wc -l <'$RUN/$1.out') -gt $n ]"
	same "$1 that answer" "$2" "$(tail -n +$((n + 1)) "$RUN/$1.out")"
}

# lasting_ends_well LABEL: a transfer, with the right checksum.
lasting_ends_well()
{
	wait "${TOPOLOGY_PIDS[$1]}"
	unset "TOPOLOGY_PIDS[$1]"
	same checksum "$TOPOLOGY_SUM" "$(cat "$RUN/$1.out")"
}
