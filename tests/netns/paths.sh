#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What lies between the ends: a link of 905 bytes on the IPv4 side, which is less than any IPv6 link may
# have, and the routers as both ends see them. Under one combination of offloads, conntrack and pool4 as
# in matrix.sh.
#
# usage: paths.sh OFFLOADS CONNTRACK POOL4

. "$(dirname "$0")/tap.sh"
. tests/netns/traffic.sh
tap_begin "$@"
offloads=$1 conntrack=$2 pool4=$3
NARROW=905

# narrow_back MTU: what router4 forwards to pool4, as topology_narrow; 0 takes it back.
narrow_back()
{
	local prefix="$TOPOLOGY_POOL4 via $TOPOLOGY_GATEWAY4" lock="mtu lock $1"
	[ "$pool4" = routed ] || prefix="192.0.2.0/24 dev gateway proto kernel src 192.0.2.2"
	[ "$1" != 0 ] || lock=
	# shellcheck disable=SC2086
	node router4 ip route replace $prefix $lock
	node server ip route flush cache
}

# reassembled NODE: how many packets it has put together.
reassembled()
{
	node "$1" awk '/^Ip: [0-9]/ { print $16 }' /proc/net/snmp
}

# They are cut into segments that pass (segments.sh): then no packet has to be fragmented.
superpackets()
{
	ctl --json status | grep '"tcp_way": *"packet"'
}

# F-20: the router says 905, the client is told 1280, and what then comes without DF is cut.
upload_is_narrow()
{
	local before
	before=$(reassembled server)
	same "known before" "" "$(learnt_by_client)" && upload_some &&
		same "path MTU learnt by the client" 1280 "$(learnt_by_client)" || return
	[ "$(reassembled server)" -gt "$before" ] || { [ "$offloads" = on ] && superpackets; } || { echo "nothing had to be put together" && return 1; }
}

# 1280 bytes of IPv6 always pass (RFC 8200, 5), although nobody learns a path MTU from them.
minimum_passes()
{
	node client ping -n -M "do" -s 1232 -c 5 -i 0.05 -w 5 $TOPOLOGY_SERVER6
}

# The server is told by its own router, and the gateway gets packets and fragments of 905 bytes.
download_is_narrow()
{
	same "known before" "" "$(learnt_by_server)" && download_some &&
		same "path MTU learnt by the server" $NARROW "$(learnt_by_server)"
}

# The router before the client has no IPv4 address: I-21. hops COMMAND…
hops_from_server()
{
	same hops "198.51.100.1 $TOPOLOGY_GATEWAY4 $1 $1" "$("${@:2}" | xargs)"
}

traceroute_from_server()
{
	local seen
	seen=$(ask client "$1" $TOPOLOGY_SERVER6 7 "$2")
	is_mapped "$seen" || return
	set -- "${@:3}" -p "${seen#* }"
	hops_from_server "${seen% *}" hops_of_traceroute "$@" "${seen% *}"
}

hops_of_traceroute()
{
	node server traceroute -n -q 1 -w 2 "$@" | awk 'NR > 1 { print $2 }'
}

# By ping, as traceroute -I has an identifier of its own choice, which no binding knows.
ping_route_from_server()
{
	local mapped
	node client ping -n -e 4243 -c 1 -w 5 $TOPOLOGY_SERVER6 >/dev/null
	mapped=$(ctl --json bib list --protocol icmp | sed -n 's/.*:4243","mapped":"\([^"]*\)".*/\1/p')
	hops_from_server "${mapped%:*}" hops_of_ping "${mapped#*:}" "${mapped%:*}"
}

# hops_of_ping IDENTIFIER ADDRESS
hops_of_ping()
{
	local ttl
	for ttl in 1 2 3 4; do
		node server ping -n -e "$1" -t $ttl -c 1 -W 2 "$2" |
			sed -n 's/^.*[Ff]rom \([0-9.]*\):* icmp_seq.*/\1/p'
	done
}

topology_offloads "$offloads" || tap_bail "offloads cannot be set"
[ "$conntrack" = off ] || topology_conntrack || tap_bail "no connection tracking"
traffic_servers 8000000 || tap_bail "the servers do not listen"
gateway_configure "$pool4"
tap_gateway

topology_narrow server $NARROW
check "F-15, F-20: upload through a link of $NARROW bytes" upload_is_narrow
check "F-15: 1280 bytes with DF through it" minimum_passes
check "F-17: UDP of 8000 bytes through it" echo_large client 8000
check "I-28: ICMP echo of 4000 bytes through it" ping_large client
topology_narrow server 0
narrow_back $NARROW
check "F-6: download through a link of $NARROW bytes" download_is_narrow
check "F-19: UDP of 60000 bytes back through it" echo_large client 60000
check "I-28: ICMP echo of 4000 bytes back through it" ping_large client
narrow_back 0
near_mtu router4 $NARROW
check "F-15, F-16: upload through the gateway's link of $NARROW bytes" upload_is_narrow
check "F-15: 1280 bytes with DF through it" minimum_passes
check "F-17: UDP of 8000 bytes through it" echo_large client 8000
check "F-6: download through it" download_some
near_mtu router4 1500
check "I-21: traceroute from the server, UDP" traceroute_from_server udp 5400 -U
check "I-21: traceroute from the server, TCP" traceroute_from_server tcp 5401 -T
check "I-21: traceroute from the server, ICMP" ping_route_from_server
check "conservation" until_true 3 conservation
check "nat64d ends with status 0" daemon_ends_well
tap_end
