#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Which way TCP leaves by (Queue.Inject): auto takes the kernel's forwarding where a probe comes through
# there and raw sockets elsewhere, and says why; what changes while the daemon runs is noticed, and no
# transfer breaks by it: the interface goes, a firewall comes, another daemon takes over that sends
# otherwise. The ends send superpackets.

. "$(dirname "$0")/tap.sh"
. tests/netns/traffic.sh
tap_begin "$@"
pool4=routed
PAYLOAD=60000000

# status NAME: a member of nat64ctl's status.
status()
{
	ctl --json status | python3 -c '
import json, sys
value = json.load(sys.stdin)[sys.argv[1]]
print("\n".join(value) if isinstance(value, list) else value)' "$1"
}

# way WAY WORDS: it is in use, and the reason has these words.
way()
{
	same "way and reason" "$1" "$(status tcp_way)" && status tcp_way_reason | grep -- "$2"
}

logged()
{
	grep -E "$1" "$RUN/nat64d.log" || { tail -n 5 "$RUN/nat64d.log" && return 1; }
}

# is_warned yes|no: by nat64ctl status.
is_warned()
{
	local n
	n=$(status warnings | grep -c "^TCP can not go")
	same "warnings" "$([ "$1" = yes ] && echo 1 || echo 0)" "$n"
}

# starts_by WAY WORDS: with what has been configured.
starts_by()
{
	gateway_start && way "$1" "$2" && logged "TCP goes .*$2" && is_warned no && download
}

# What was asked for is not remarked on.
starts_by_silently()
{
	gateway_start && way raw "Queue.Inject=raw" && ! logged "TCP goes" && is_warned no && download
}

# Between these two a transfer of ten seconds is under way; it ends well. What takes longer, on a slow machine
# with sanitizers, has begun in the middle of it.
transfer_begin()
{
	rm -f "$RUN/part"
	node_start client curl curl -sS -m 100 --limit-rate 6M -o "$RUN/part" http://server.example/payload
	until_true 20 has_begun
}

has_begun()
{
	[ "$(stat -c %s "$RUN/part" 2>/dev/null || echo 0)" -gt 3000000 ]
}

transfer_end()
{
	local status
	wait "${TOPOLOGY_PIDS[curl]}"
	status=$?
	unset "TOPOLOGY_PIDS[curl]"
	[ $status = 0 ] || { cat "$RUN/curl.log" && return 1; }
	same checksum "$TOPOLOGY_SUM" "$(sha256sum <"$RUN/part" | cut -d' ' -f1)"
}

# meanwhile WAY WORDS COMMAND…: in the middle of a transfer; that way is in use soon, as news are followed; what is seen only by looking takes 10 seconds.
meanwhile()
{
	local way=$1 words=$2
	shift 2
	transfer_begin && "$@" && until_true 4 way "$way" "$words" && transfer_end
}

on_gateway()
{
	node gateway "$@"
}

# drops on|off: a firewall that forwards nothing for the interface.
drops()
{
	if [ "$1" = on ]; then
		on_gateway nft 'table inet wall { chain forward { type filter hook forward priority 0; iifname "nat64d" drop; }; }'
	else
		on_gateway nft delete table inet wall
	fi
}

interface_of()
{
	on_gateway cat /sys/class/net/nat64d/ifindex 2>/dev/null ||
		on_gateway ip -o link show nat64d | cut -d: -f1
}

has_new_interface()
{
	[ -n "$(interface_of)" ] && [ "$(interface_of)" != "$interface" ]
}

# Bytes for each packet of the TCP queue since the last time.
superpackets_are_whole()
{
	local bytes packets before_bytes before_packets
	before_bytes=$(counter 'bytes_(6to4|4to6)') before_packets=$(counter 'queue_6400_received')
	download || return
	bytes=$(($(counter 'bytes_(6to4|4to6)') - before_bytes))
	packets=$(($(counter 'queue_6400_received') - before_packets))
	[ "$bytes" -gt $((packets * 3000)) ] && return
	echo "$bytes bytes in $packets packets"
	return 1
}

configured()
{
	gateway_configure "$pool4" "[Queue]"$'\n'"Workers=1"$'\n'"Inject=$1"
}

# replaced_by INJECT
replaced_by()
{
	configured "$1" && gateway_replace
}

# A successor that is killed when it has said that it takes over.
successor_dies()
{
	configured "$1"
	rm -f "$RUN/next.log"
	node_start gateway next "$NAT64D" --config "$RUN/nat64d.conf" --state-dir "$RUN/state" \
		--bus "$DBUS_SYSTEM_BUS_ADDRESS" --socket "$RUN/control" --replace
	until grep -qs "taking over from" "$RUN/next.log"; do node_is_running next || return; done
	kill -KILL "${TOPOLOGY_PIDS[next]}"
	wait "${TOPOLOGY_PIDS[next]}" 2>/dev/null
	unset "TOPOLOGY_PIDS[next]"
	until_true 30 grep -q "this one goes on" "$RUN/nat64d.log"
}

topology_offloads on || tap_bail "offloads cannot be set"
traffic_servers $PAYLOAD || tap_bail "the servers do not listen"

# ---- the choice at the start --------------------------------------------------------------------

gateway_configure $pool4
check "auto is the default, and takes the kernel's forwarding" starts_by packet "a probe came through"
check "in superpackets" superpackets_are_whole
check "the daemon ends well" daemon_ends_well
configured raw
check "raw" starts_by_silently
check "the daemon ends well" daemon_ends_well
configured packet
check "packet" starts_by packet "Queue.Inject=packet"
check "the daemon ends well" daemon_ends_well
configured auto
drops on
check "auto behind a firewall takes raw sockets" starts_by raw "accept at FORWARD .* interface nat64d"
check "the daemon ends well" daemon_ends_well
drops off
on_gateway sysctl -qw net.ipv4.conf.all.rp_filter=1
check "auto with a check of sources takes raw sockets" starts_by raw "net.ipv4.conf.all.rp_filter is 1"
check "the daemon ends well" daemon_ends_well
on_gateway sysctl -qw net.ipv4.conf.all.rp_filter=0
on_gateway ip link add nat64d type veth peer name other
check "auto with an interface of that name takes raw sockets" starts_by raw "interface nat64d is there that is not"
check "the daemon ends well" daemon_ends_well
on_gateway ip link del nat64d

# ---- while it runs ------------------------------------------------------------------------------

check "auto" starts_by packet "a probe came through"
interface=$(interface_of)
check "the interface goes in the middle of a transfer" meanwhile packet "came through" on_gateway ip link del nat64d
check "that is said" logged "TCP goes by raw sockets for now.*somebody has removed the interface nat64d"
check "and it is made anew" has_new_interface
check "which is said, too" logged "TCP goes through the kernel's forwarding again"
check "in superpackets" superpackets_are_whole
check "the end that packets are sent into is set down" meanwhile packet "came through" on_gateway ip link set nat64d-tx down
check "the end that they come out of is set down" meanwhile packet "came through" on_gateway ip link set nat64d down
check "in superpackets" superpackets_are_whole
check "a firewall comes in the middle of a transfer" meanwhile raw "accept at FORWARD" drops on
check "status warns" is_warned yes
check "doctor, too" eval 'ctl doctor | grep "warn .*TCP can not go"'
check "and goes in the middle of a transfer" meanwhile packet "came through" drops off
check "status does not warn any more" is_warned no
check "conservation" until_true 3 conservation

# ---- another daemon -----------------------------------------------------------------------------

check "a successor with raw dies, and all is as before" successor_dies raw
check "in superpackets" superpackets_are_whole
check "one that sends by raw sockets takes over" meanwhile raw "Queue.Inject=raw" replaced_by raw
check "the interface goes with its user" until_true 20 eval '[ -z "$(interface_of)" ]'
check "one that does not takes over" meanwhile packet "came through" replaced_by auto
check "in superpackets" superpackets_are_whole
check "again and again" meanwhile packet "Queue.Inject=packet" eval \
	'replaced_by raw && sleep 0.3 && replaced_by auto && sleep 0.3 && replaced_by raw && replaced_by packet'
check "nat64d ends with status 0" daemon_ends_well
check "its interface is gone" same "interface" "" "$(interface_of)"
tap_end
