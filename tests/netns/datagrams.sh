#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Datagrams of all sizes, whole and in fragments, as they are on the wire: between crafted peers
# (datagrams_crafted.py) and between real hosts (datagrams_stacks.py); ping from the server. All of it
# under one combination of offloads, conntrack and pool4 as in matrix.sh.
#
# usage: datagrams.sh OFFLOADS CONNTRACK POOL4

. "$(dirname "$0")/tap.sh"
tap_begin "$@"
offloads=$1 conntrack=$2 pool4=$3
STATIC_ADDRESS=203.0.113.1
[ "$pool4" = routed ] || STATIC_ADDRESS=$TOPOLOGY_GATEWAY4

# ping_from_server OPTION…: by the identifier that a ping of the client has on the IPv4 side.
ping_from_server()
{
	local mapped
	node client ping -n -e 4242 -c 1 -w 5 $TOPOLOGY_SERVER6 || return
	mapped=$(ctl --json bib list --protocol icmp | sed -n 's/.*:4242","mapped":"\([^"]*\)".*/\1/p')
	node server ping -n -e "${mapped#*:}" -c 5 -i 0.05 -w 5 "$@" "${mapped%:*}"
}

topology_offloads "$offloads" && crafted_up &&
	ip -n $TOPOLOGY_NAME-router4 route add 192.0.0.170/31 dev crafted ||
	tap_bail "the topology could not be built"
[ "$conntrack" = off ] || topology_conntrack || tap_bail "no connection tracking"
gateway_configure "$pool4" "
[Static server]
Protocols=udp icmp
Inside=[2001:db8:1::2]:8080
Outside=$STATIC_ADDRESS:8080"
tap_gateway

tests/netns/datagrams.py $STATIC_ADDRESS >"$RUN/cases" 2>&1
check_each "$RUN/cases"
check "I-28, S-10: ICMP echo from the server" ping_from_server
check "I-28: ICMP echo of 4000 bytes from the server" ping_from_server -s 4000 -M dont
check "I-28: ICMP echo of 4000 bytes from the server, to a static binding" \
	node server ping -n -e 8080 -s 4000 -M dont -c 5 -i 0.05 -w 5 $STATIC_ADDRESS
check "conservation" until_true 3 conservation
check "nat64d ends with status 0" daemon_ends_well
tap_end
