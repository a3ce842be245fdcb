#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# State that survives (O-12, O-13): a download, idle TCP connections, UDP and a ping through `kill -9` of
# nat64d and its clean restart; and a start on what can not be used or written (while it runs: storage.sh).

. "$(dirname "$0")/tap.sh"
tap_begin "$@"
IDLE=20 # TCP connections

daemon_is_killed()
{
	kill -KILL "${TOPOLOGY_PIDS[nat64d]}"
	wait "${TOPOLOGY_PIDS[nat64d]}" 2>/dev/null
	unset "TOPOLOGY_PIDS[nat64d]"
}

# An echo server, and connections to it that each send a line when they are told to.
idle_begin()
{
	local i
	node_start server echo socat TCP4-LISTEN:7007,reuseaddr,fork EXEC:cat
	until_true 5 eval '[ -n "$(node server ss -Hlnt "sport = :7007")" ]'
	mkdir -p "$RUN/idle"
	for ((i = 0; i < IDLE; i++)); do
		mkfifo "$RUN/idle/$i.in"
		# Opened for both, so that it does not end with the first writer.
		eval "exec $((100 + i))<>$RUN/idle/$i.in"
		node_start client "idle-$i" socat -u OPEN:"$RUN/idle/$i.in" \
			TCP6:[$TOPOLOGY_SERVER6]:7007,keepalive=0
	done
	until_true 10 eval \
		'[ "$(node server ss -Hnt state established "sport = :7007" | wc -l)" = $IDLE ]'
}

# What the server has received on all of them: the number of bytes.
idle_bytes()
{
	node server ss -Hnti state established "sport = :7007" |
		grep -o 'bytes_received:[0-9]*' | awk -F: '{ sum += $2 } END { print sum + 0 }'
}

idle_is_alive()
{
	local i before
	before=$(idle_bytes)
	for ((i = 0; i < IDLE; i++)); do echo hello >&$((100 + i)); done
	until_true 10 eval "[ \"\$(idle_bytes)\" = $((before + IDLE * 6)) ]" ||
		same "bytes of the idle connections" $((before + IDLE * 6)) "$(idle_bytes)"
}

download_begin()
{
	node_start client download sh -c \
		"curl -sS -g --limit-rate 4M --max-time 60 'http://[$TOPOLOGY_SERVER6]/payload' | sha256sum"
}

download_ends_well()
{
	wait "${TOPOLOGY_PIDS[download]}"
	same "checksum" "$TOPOLOGY_SUM" "$(cut -d' ' -f1 "$RUN/download.log")"
}

mapped_stays()
{
	same "seen as" "$1" "$(ask client udp $TOPOLOGY_SERVER6 7 5000)"
}

flushed()
{
	sleep 0.6
}

daemon_restarts()
{
	"$@" && sleep 0.3 && gateway_start
}

log_has()
{
	until_true "$1" grep -E "$2" "$RUN/nat64d.log" || { tail -n 5 "$RUN/nat64d.log" && return 1; }
}

restored()
{
	log_has 1 "restored [1-9][0-9]* bindings and [1-9][0-9]* sessions$1"
}

server_answers()
{
	until_true 10 node client ping -n -c 1 -W 1 $TOPOLOGY_SERVER6
}

topology_servers 40000000 || tap_bail "the servers do not listen"
gateway_configure routed
tap_gateway

check "idle connections" idle_begin
mapped=$(ask client udp $TOPOLOGY_SERVER6 7 5000)
node_start client ping ping -n -i 0.2 $TOPOLOGY_SERVER6
check "the ping runs" until_true 5 grep -q 'icmp_seq=2 ' "$RUN/ping.log"
for round in 1 2; do
	download_begin
	sleep 1
	flushed
	check "$round: killed, and back" daemon_restarts daemon_is_killed
	check "$round: the state is there" restored " after an end that was not a clean one"
	check "$round: the download goes on" download_ends_well
	check "$round: idle connections live" idle_is_alive
	check "$round: UDP has its port" mapped_stays "$mapped"
	download_begin
	sleep 1
	check "$round: stopped, and back" daemon_restarts daemon_ends_well
	check "$round: the state is there" restored ';'
	check "$round: the download goes on" download_ends_well
	check "$round: idle connections live" idle_is_alive
	check "$round: UDP has its port" mapped_stays "$mapped"
done
set -- "$(grep -c 'bytes from' "$RUN/ping.log")"
check "the ping goes on" until_true 5 eval "[ \"\$(grep -c 'bytes from' $RUN/ping.log)\" -gt $1 ]"
check "the file is readable" node gateway sqlite3 -readonly "$RUN/state/state.db" \
	"SELECT client, mapped FROM bindings LIMIT 1; PRAGMA integrity_check"
check "nat64d --check, beside the daemon" node gateway "$NAT64D" --config "$RUN/nat64d.conf" \
	--state-dir "$RUN/state" --check

# ---- when storage fails -------------------------------------------------------------------------

daemon_ends_well
head -c 100000 /dev/urandom >"$RUN/state/state.db"
rm -f "$RUN/state/state.db-"*
tap_gateway
check "garbage is set aside" log_has 1 'file is not a database; it is kept as .*state.db.corrupt-'
check "and translation goes on" server_answers
daemon_ends_well

mount -t tmpfs tmpfs "$RUN/state" || tap_bail "no tmpfs"
tap_gateway
check "another flow" mapped_stays "$(ask client udp $TOPOLOGY_SERVER6 7 5000)"
check "nat64d ends with status 0" daemon_ends_well
mount -o remount,ro "$RUN/state"
tap_gateway
check "started on what is only readable: restored" restored ""
check "started on what is only readable: the alarm" log_has 5 '(Read-only file system).*; translation goes on'
check "started on what is only readable: translation" server_answers
mount -o remount,rw "$RUN/state"
check "writable now: the alarm ends" log_has 15 'written to the state database again'
check "nat64d ends with status 0" daemon_ends_well
umount "$RUN/state"
rm -rf "$RUN/state"
: >"$RUN/state"
tap_gateway
check "no directory: the alarm" log_has 1 'can not be opened: .*; translation goes on'
check "no directory: translation goes on" server_answers
check "nat64d ends with status 0" daemon_ends_well
tap_end
