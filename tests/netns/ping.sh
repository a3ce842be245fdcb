# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# A ping of a hundred a second from the client to the server, and which of them have had no answer. Sourced
# after tap.sh.

ping_begin()
{
	rm -f "$RUN/ping.log"
	node_start client ping python3 tests/netns/pinger.py "$TOPOLOGY_SERVER6" 0.01
	until_true 10 grep -qs 'icmp_seq=20 ' "$RUN/ping.log"
}

# ping_goes_on N: so many more answers come.
ping_goes_on()
{
	local n
	n=$(grep -c 'bytes from' "$RUN/ping.log")
	until_true 30 eval "[ \$(grep -c 'bytes from' '$RUN/ping.log') -ge $((n + $1)) ]"
}

# ping_end: after twenty more answers; prints how many before the last one have never come, or that none come
# any more.
ping_end()
{
	local pid=${TOPOLOGY_PIDS[ping]}
	ping_goes_on 20 || echo "no answers any more:"
	kill -INT "$pid"
	wait "$pid"
	unset "TOPOLOGY_PIDS[ping]"
	sed -n 's/.*bytes from.* icmp_seq=\([0-9]*\) .*/\1/p' "$RUN/ping.log" | sort -nu |
		awk '{ last = $1 } END { print last - NR }'
}

nothing_is_lost()
{
	ping_end >"$RUN/lost"
	same "pings lost" 0 "$(cat "$RUN/lost")"
}
