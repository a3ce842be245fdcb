#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The floor of tools/bench (tools/bench_floor.c) is one: what it translates arrives, both ways.

. "$(dirname "$0")/tap.sh"
. tests/netns/traffic.sh
tap_begin "$@"
pool4=routed
. tools/bench_systems.sh

udp_comes_back()
{
	same "seen from" "203.0.113.1 5000" "$(ask client udp $TOPOLOGY_SERVER6 7 5000)"
}


topology_offloads on || tap_bail "offloads cannot be set"
traffic_servers 20000000 || tap_bail "the servers do not listen"
for way in raw packet; do
	check "$way: it starts" start_floor $way
	check "$way: ping" ping_server client
	check "$way: UDP" udp_comes_back
	check "$way: download" download
	check "$way: upload" upload
	check "$way: it ends" stop_floor_raw
done
check "its interface is gone" same interface "" "$(node gateway ip -brief link show type veth | grep '^nat64d')"
tap_end
