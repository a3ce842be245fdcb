#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Ordinary traffic of every kind through the gateway, under one combination of
#
#   offloads   on: superpackets and unfinished checksums cross the links; off: neither
#   conntrack  on: a stateful firewall and MASQUERADE in the gateway; off: no tracking there at all
#   pool4      routed: a prefix that is not the host's; own: ports of the gateway's own address
#
#   inject     raw: everything is sent by raw sockets; packet: TCP goes through the kernel's forwarding
#
# usage: matrix.sh OFFLOADS CONNTRACK POOL4 [INJECT]

. "$(dirname "$0")/tap.sh"
. tests/netns/traffic.sh
tap_begin "$@"
offloads=$1 conntrack=$2 pool4=$3 inject=${4:-raw}

# RFC 7915 4.2: the routers behind the gateway are shown under their own addresses in Pool6.
traceroute_from_client()
{
	same hops "2001:db8:1::1 $TOPOLOGY_GATEWAY6 $(in_pool6 192.0.2.2) $TOPOLOGY_SERVER6" \
		"$(node client traceroute -6 -n -q 1 -w 2 "$@" $TOPOLOGY_SERVER6 |
			awk 'NR > 1 { print $2 }' | xargs)"
}

# I-21: the routers before the client have no IPv4 address; they are shown under the binding's.
traceroute_from_server()
{
	local seen
	seen=$(ask client udp $TOPOLOGY_SERVER6 7 5400)
	is_mapped "$seen" || return
	same hops "198.51.100.1 $TOPOLOGY_GATEWAY4 ${seen% *} ${seen% *}" \
		"$(node server traceroute -n -q 1 -w 2 -U -p "${seen#* }" "${seen% *}" |
			awk 'NR > 1 { print $2 }' | xargs)"
}

# mtu_discovery far|near client|server: a link of 1280 bytes towards that node, beyond the next router
# (whose error the gateway translates) or the gateway's own (whose error the gateway makes).
mtu_discovery()
{
	local router=router6 learnt
	[ "$2" = client ] || router=router4
	if [ "$1" = far ]; then topology_narrow "$2" 1280; else near_mtu $router 1280; fi
	if [ "$2" = client ]; then
		same "known before" "" "$(learnt_by_server)" && download_some
		learnt="$? 1260 $(learnt_by_server)"
	else
		same "known before" "" "$(learnt_by_client)" && upload_some
		learnt="$? 1300 $(learnt_by_client)"
	fi
	near_mtu $router 1500
	topology_narrow "$2" 0
	# shellcheck disable=SC2086
	set -- $learnt
	[ "$1" = 0 ] && same "path MTU learnt" "$2" "${3:-}"
}

# Two clients at once from the same source port: two mappings, two answers.
same_port()
{
	local one two
	ask client "$1" $TOPOLOGY_SERVER6 7 5001 >"$RUN/one" &
	two=$(ask client2 "$1" $TOPOLOGY_SERVER6 7 5001)
	wait $!
	one=$(cat "$RUN/one")
	is_mapped "$one" && is_mapped "$two" && [ "$one" != "$two" ] && return
	echo "client as $one, client2 as $two"
	return 1
}

same_identifier()
{
	node client2 ping -n -e 77 -c 10 -i 0.02 -w 5 $TOPOLOGY_SERVER6 >/dev/null &
	node client ping -n -e 77 -c 10 -i 0.02 -w 5 $TOPOLOGY_SERVER6 && wait $!
}

# RFC 6146 3.8: client reaches client2 by client2's mapped address, and is seen by its own.
hairpin()
{
	local port=$2 mapped expected seen from
	mapped=$(ask client2 "$1" $TOPOLOGY_SERVER6 7 "$port")
	expected=$(ask client "$1" $TOPOLOGY_SERVER6 7 "$((port + 1))")
	is_mapped "$mapped" && is_mapped "$expected" || return
	peer_server client2 "${1}6" "$port"
	until_true 3 listens client2 "$port"
	seen=$(ask client "$1" "$(in_pool6 "${mapped% *}")" "${mapped#* }" "$((port + 1))")
	node_stop "client2-${1}6-$port"
	from=$(in_pool6 "${expected% *}")
	[ "$1" = udp ] || from=$(expanded "$from")
	same "seen by client2" "$from ${expected#* }" "$seen"
}

listens()
{
	[ -n "$(node "$1" ss -Hlntu "sport = :$2")" ]
}

# The way socat writes an IPv6 address.
expanded()
{
	local high=${1%%::*} low=${1#*::} group text=
	for group in ${high//:/ } 0 0 0 ${low//:/ }; do
		text+=:$(printf '%04x' "0x$group")
	done
	echo "[${text#:}]"
}

# What is the host's own on its address goes on working beside pool4.
own_ping()
{
	node server ping -n -c 5 -i 0.05 -w 5 $TOPOLOGY_GATEWAY4
}

own_server()
{
	same answer "$TOPOLOGY_SERVER4 5022" \
		"$(echo hello | node server timeout 30 socat -t 10 - TCP4:$TOPOLOGY_GATEWAY4:22,sourceport=5022,reuseaddr)"
}

# own_client TCP4|UDP4 PORT: also from a port that pool4 has (P-23 without tracking, P-24 with it).
own_client()
{
	same "seen by the server" "$TOPOLOGY_GATEWAY4 $2" "$(ask_at gateway "$1:$TOPOLOGY_SERVER4:7,sourceport=$2,reuseaddr")"
}

# That the combination is what it claims to be.
tracks_connections()
{
	local n
	n=$(node gateway cat /proc/sys/net/netfilter/nf_conntrack_count)
	[ "$conntrack" = on ] && [ "${n:-0}" -gt 0 ] || [ "$conntrack$n" = off0 ] && return
	echo "$n connections tracked"
	return 1
}

has_offloads()
{
	same "tcp-segmentation-offload" "$offloads" "$(node client ethtool -k router6 |
		sed -n 's/^tcp-segmentation-offload: \([a-z]*\).*/\1/p')"
}

no_rules_left()
{
	ctl teardown || return
	same "tables" "" "$(node gateway nft list tables | grep -i nat64d)" &&
		same "iptables rules" "" "$(node gateway iptables-save 2>/dev/null | grep NFQUEUE)" &&
		same "ip6tables rules" "" "$(node gateway ip6tables-save 2>/dev/null | grep NFQUEUE)" &&
		same "route for Pool6" "" "$(node gateway ip -6 route show $TOPOLOGY_POOL6/96)"
}

topology_offloads "$offloads" || tap_bail "offloads cannot be set"
[ "$conntrack" = off ] || topology_conntrack || tap_bail "no connection tracking"
traffic_servers || tap_bail "the servers do not listen"
gateway_configure "$pool4" "[Queue]"$'\n'"Inject=$inject"
peer_server gateway tcp4 22
tap_gateway

check "offloads are $offloads" has_offloads
check "ICMP echo" ping_server client
check "ICMP echo of 4000 bytes" ping_large client
check "UDP" ask_server client udp
check "UDP of 8000 bytes" echo_large client 8000
check "UDP of 60000 bytes" echo_large client 60000
check "TCP" ask_server client tcp
check "download of 100 MB" download
check "upload of 100 MB" upload
check "traceroute from the client, UDP" traceroute_from_client
check "traceroute from the client, ICMP" traceroute_from_client -I
check "traceroute from the client, TCP" traceroute_from_client -T -p 80
check "traceroute from the server" traceroute_from_server
check "path MTU of the client, found by a router" mtu_discovery far client
check "path MTU of the client, found by the gateway" mtu_discovery near client
check "path MTU of the server, found by a router" mtu_discovery far server
check "path MTU of the server, found by the gateway" mtu_discovery near server
check "two clients, one source port, UDP" same_port udp
check "two clients, one source port, TCP" same_port tcp
check "two clients, one identifier" same_identifier
check "hairpinning, UDP" hairpin udp 6000
check "hairpinning, TCP" hairpin tcp 6000
check "the gateway's own ping" ping_server gateway
check "the gateway's own ping of 4000 bytes" ping_large gateway
check "the gateway's own UDP of 8000 bytes" echo_large gateway 8000
check "the gateway's own UDP" ask_server gateway udp
check "the gateway's own TCP" ask_server gateway tcp
check "the host's address answers ping" own_ping
check "the host's own server" own_server
check "the host's own UDP" own_client UDP4 15000
check "the host's own TCP" own_client TCP4 15000
check "the host's own UDP from a port of pool4" own_client UDP4 25000
check "the host's own TCP from a port of pool4" own_client TCP4 25000
check "connection tracking is $conntrack" tracks_connections
check "conservation" until_true 3 conservation
check "nat64d ends with status 0" daemon_ends_well
check "nothing is left after teardown" no_rules_left
tap_end
