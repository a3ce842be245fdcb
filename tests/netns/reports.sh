#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Metrics in a file and by HTTP, and the log of bindings, of a gateway at work; all of it changed while it
# runs.

. "$(dirname "$0")/tap.sh"
tap_begin "$@"

BINDINGS=$RUN/bindings.log
TAB=$'\t'
TIME='[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z'
CLIENT6=2001:db8:1::2

# Prometheus' own parser takes it, and it has what dashboards ask for.
is_strict()
{
	/usr/bin/python3 tests/check_metrics.py "$1" data/grafana/nat64d.json data/prometheus/nat64d.rules.yml >"$RUN/strict" &&
		grep -c '^ok' "$RUN/strict" && ! grep '^not ok' "$RUN/strict"
}

scrape()
{
	node gateway tests/netns/scrape.py "$@"
}

in_a_file()
{
	is_strict "$RUN/metrics.prom" && same mode 644 "$(stat -c %a "$RUN/metrics.prom")" &&
		! ls "$RUN"/metrics.prom.new
}

# It is written anew, within some fifteen seconds.
file_follows()
{
	node client ping -n -c 1 -W 5 $TOPOLOGY_SERVER6 && until_true 20 grep -E '^nat64d_packets_total\{direction="6to4",outcome="translated"\} [1-9]' \
		"$RUN/metrics.prom"
}

# A folder that goes away: said once; and it comes back.
file_fails()
{
	mkdir "$RUN/metrics" && ctl config set Metrics.File "$RUN/metrics/nat64d.prom" && is_strict "$RUN/metrics/nat64d.prom" &&
		rm -r "$RUN/metrics" && until_true 20 grep 'Metrics.File: .* can not be written: No such file or directory' "$RUN/nat64d.log" &&
		mkdir "$RUN/metrics" && until_true 20 grep 'Metrics.File: .* is written again' "$RUN/nat64d.log" &&
		is_strict "$RUN/metrics/nat64d.prom" && same lines 2 "$(grep -c Metrics.File: "$RUN/nat64d.log")" &&
		ctl config set Metrics.File ''
}

# at PLACE: the same text by HTTP.
at()
{
	scrape "$1" get "$RUN/scraped" && is_strict "$RUN/scraped"
}

by_address()
{
	ctl config set Metrics.Listen "$1" && at "$1" && [ ! -e "$RUN/metrics.sock" ]
}

# Somebody else has the port, and would share it: said once, tried until it is free.
port_is_taken()
{
	node_start gateway holder socat TCP4-LISTEN:9500,bind=127.0.0.1,reuseport,fork SYSTEM:true &&
		until_true 5 node gateway bash -c 'ss -Hlnt sport = :9500 | grep .' && ctl config set Metrics.Listen 127.0.0.1:9500 &&
		grep 'Metrics.Listen: nobody can be listened to at 127.0.0.1:9500: Address already in use' "$RUN/nat64d.log" || return
	node_stop holder
	until_true 5 grep 'Metrics.Listen: metrics can be read at 127.0.0.1:9500 now' "$RUN/nat64d.log" && at 127.0.0.1:9500 &&
		same lines 2 "$(grep -c 'Metrics.Listen: .*9500' "$RUN/nat64d.log")"
}

# The next one answers at the same place, as soon as the one before has gone, and nobody complains.
taken_over()
{
	ctl config set Metrics.Listen 127.0.0.1:9464 && gateway_replace && until_true 5 at 127.0.0.1:9464 && ! grep 'Metrics.Listen' "$RUN/nat64d.log" &&
		ctl config set Metrics.Listen "$RUN/metrics.sock" && gateway_replace && until_true 5 at "$RUN/metrics.sock" && ! grep 'Metrics.Listen' "$RUN/nat64d.log"
}

# failed_at PLACE: one that fails late, as somebody else has its control socket, leaves the metrics of the
# one that goes on alone: its socket, and a file (its own here, to see that there is none).
failed_at()
{
	local status n
	n=$(grep -c 'this one goes on' "$RUN/nat64d.log")
	ctl config set Metrics.Listen "$1" && at "$1" || return
	sed "s|^File=.*|File=$RUN/next.prom|" "$RUN/nat64d.conf" >"$RUN/next.conf"
	ln -sf "$RUN/control.handover" "$RUN/other.handover"
	node_start gateway other socat UNIX-LISTEN:"$RUN/other",fork SYSTEM:true && until_true 5 test -S "$RUN/other" || return
	node gateway timeout 60 "$NAT64D" --config "$RUN/next.conf" --state-dir "$RUN/state" --bus "$DBUS_SYSTEM_BUS_ADDRESS" \
		--socket "$RUN/other" --replace >"$RUN/next.log" 2>&1
	status=$?
	node_stop other
	rm -f "$RUN/other" "$RUN/other.handover"
	cat "$RUN/next.log"
	same status 1 $status && grep 'other belongs to a daemon that is running' "$RUN/next.log" && [ ! -e "$RUN/next.prom" ] &&
		until_true 10 eval "[ \$(grep -c 'this one goes on' '$RUN/nat64d.log') = $((n + 1)) ]" && at "$1"
}

# logged PATTERN [N]: soon, so many lines are exactly so, but for the time.
logged()
{
	until_true 5 has_lines "^$TIME$TAB$1\$" "${2:-1}" || { cat "$BINDINGS"; return 1; }
}

has_lines()
{
	[ "$(grep -cE "$1" "$BINDINGS")" = "$2" ]
}

begins_and_ends()
{
	ask client udp $TOPOLOGY_SERVER6 7 5000 && logged "10${TAB}NAT64 BIB create${TAB}udp${TAB}$CLIENT6${TAB}5000${TAB}203\.0\.113\.[0-9]+${TAB}[0-9]+" &&
		ctl session flush --all && logged "11${TAB}NAT64 BIB delete${TAB}udp${TAB}$CLIENT6${TAB}5000${TAB}203\.0\.113\.[0-9]+${TAB}[0-9]+" &&
		! grep 198.51.100.2 "$BINDINGS" && same mode 640 "$(stat -c %a "$BINDINGS")"
}

# The time is when it happened.
at_that_time()
{
	local logged now
	now=$(date +%s)
	logged=$(date +%s -d "$(tail -n 1 "$BINDINGS" | cut -f 1)") && [ $((now - logged)) -ge 0 ] && [ $((now - logged)) -le 10 ]
}

rotated()
{
	mv "$BINDINGS" "$BINDINGS.1" && ask client udp $TOPOLOGY_SERVER6 7 5001 &&
		logged "10${TAB}NAT64 BIB create${TAB}udp${TAB}$CLIENT6${TAB}5001${TAB}.*" && ! grep -P '\t5001\t' "$BINDINGS.1"
}

# Sessions in place of bindings, with the peer.
with_destinations()
{
	ctl config set Log.Destinations yes && : >"$BINDINGS" && ask client udp $TOPOLOGY_SERVER6 7 5002 &&
		logged "6${TAB}NAT64 session create${TAB}udp${TAB}$CLIENT6${TAB}5002${TAB}203\.0\.113\.[0-9]+${TAB}[0-9]+${TAB}198\.51\.100\.2${TAB}7" &&
		ctl session flush --all && until_true 5 grep -P '\t7\tNAT64 session delete\tudp\t.*\t5002\t' "$BINDINGS" && ! grep BIB "$BINDINGS"
}

switched_off()
{
	ctl config set Log.Bindings no && : >"$BINDINGS" && ask client udp $TOPOLOGY_SERVER6 7 5003 && sleep 1.5 && same size 0 "$(stat -c %s "$BINDINGS")"
}

# Many at once: none is missed.
# Packets may still be on their way when they have been sent.
all_are_logged()
{
	local n
	n=$(counter bindings_udp)
	[ "$n" -ge 2048 ] && has_lines "^$TIME${TAB}10${TAB}NAT64 BIB create${TAB}udp${TAB}" "$n"
}

many()
{
	ctl config set Log.Destinations no && ctl config set Log.Bindings yes && : >"$BINDINGS" || return
	ctl session flush --all
	node client /usr/bin/python3 -c '
import socket, sys
for port in range(10000, 13000):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
        s.bind(("", port))
        s.sendto(b"x", (sys.argv[1], 9))' $TOPOLOGY_SERVER6
	until_true 20 all_are_logged && ctl session flush --all
}

# In place of single bindings (L-11); in the journal, which is stderr here.
in_blocks()
{
	gateway_stop && gateway_configure routed $'[Pool4]\nMode=blocks\n[Log]\nBindings=yes' && rm -r "$RUN/state" && mkdir "$RUN/state" && gateway_start &&
		ask client udp $TOPOLOGY_SERVER6 7 5000 &&
		until_true 5 grep -E "nat64d: $CLIENT6 gets the ports [0-9]+-[0-9]+ of 203\.0\.113\.[0-9]+" "$RUN/nat64d.log" &&
		! grep 'binding begins' "$RUN/nat64d.log"
}

# What ports are computed from, without Log.Bindings: at the start, and when an entry changes (L-12).
maps()
{
	local homes
	gateway_stop && rm -rf "$RUN/state" "$BINDINGS" && mkdir "$RUN/state" && printf '%s\n' '[Translation]' "Pool6=$TOPOLOGY_POOL6/96" \
		'[Pool4]' Mode=deterministic '[Log]' "Target=file:$BINDINGS" \
		'[Pool4 homes]' Addresses=203.0.113.0/28 Ports=1024-65535 Clients=2001:db8:1::/112 >"$RUN/nat64d.conf" && gateway_start || return
	homes="tcp udp icmp${TAB}2001:db8:1::/112${TAB}128${TAB}203.0.113.0/28${TAB}1024-65535${TAB}4096${TAB}15"
	until_true 10 has_lines "^$TIME$TAB-${TAB}NAT64 deterministic map${TAB}homes${TAB}active${TAB}$homes\$" 1 &&
		ctl pool4 drain homes &&
		until_true 10 has_lines "^$TIME$TAB-${TAB}NAT64 deterministic map${TAB}homes${TAB}(draining${TAB}$homes|disabled${TAB}$homes|gone)\$" 1 &&
		! grep BIB "$BINDINGS" && return
	cat "$BINDINGS"
	return 1
}

# Whoever reads the log, which is a pipe, hangs from the start on, and reads on later.
nobody_reads()
{
	gateway_stop && rm "$RUN/nat64d.log" && mkfifo "$RUN/nat64d.log" || return
	exec 8<>"$RUN/nat64d.log"
	python3 -c 'import fcntl; fcntl.fcntl(8, fcntl.F_SETPIPE_SZ, 4096)' && gateway_start
}

# Each one is a line: more than the pipe takes.
many_lines()
{
	local i
	for ((i = 0; i < 300; i++)); do
		ctl reload >/dev/null || return
	done
}

log_is_read()
{
	timeout 1 cat <&8 >"$RUN/first.log"
	ctl reload && timeout 1 cat <&8 >"$RUN/then.log"
	grep -E '^nat64d: [1-9][0-9]* lines before this one lost' "$RUN/then.log" && ! grep 'before this one lost' "$RUN/first.log"
}

gateway_configure routed "
[Metrics]
File=$RUN/metrics.prom
Listen=$RUN/metrics.sock
[Log]
Bindings=yes
Target=file:$BINDINGS"
topology_servers 1000
tap_gateway
check "metrics in a file" in_a_file
check "which is written anew" file_follows
check "metrics on a socket" at "$RUN/metrics.sock"
check "requests that are wrong" scrape "$RUN/metrics.sock" refused
check "too many who say nothing" scrape "$RUN/metrics.sock" flood
check "metrics at an IPv4 address" by_address 127.0.0.1:9464
check "metrics at an IPv6 address" by_address '[::1]:9464'
check "requests that are wrong, by TCP" scrape '[::1]:9464' refused
check "a port that is taken" port_is_taken
check "another nat64d takes over" taken_over
check "another one fails to take over: a socket" failed_at "$RUN/metrics.sock"
check "another one fails to take over: an address" failed_at 127.0.0.1:9464
check "a file that can not be written" file_fails
check "a binding that begins and ends" begins_and_ends
check "the time of it" at_that_time
check "a file that is moved away" rotated
check "thousands at once" many
check "sessions with their destinations" with_destinations
check "no log of bindings" switched_off
check "the maps of deterministic mode" maps
check "blocks of ports" in_blocks
check "nobody reads the log: it starts" nobody_reads
check "nobody reads the log: management goes on" many_lines
check "nobody reads the log: packets go on" node client ping -n -c 20 -i 0.01 -w 5 $TOPOLOGY_SERVER6
check "somebody reads it: how much is lost is said" log_is_read
gateway_stop
exec 8<&-
rm "$RUN/nat64d.log"
gateway_start
check "nat64d ends with status 0" daemon_ends_well
tap_end
