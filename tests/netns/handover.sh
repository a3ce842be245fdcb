#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Hand-over (O-14): a second nat64d takes over from a running one without losing a packet; and what
# becomes of it when the second one, or the first, fails on the way.

. "$(dirname "$0")/tap.sh"
tap_begin "$@"

# The ping of many packets: how many were lost.
ping_begin()
{
	node_start client ping ping -n -i 0.01 $TOPOLOGY_SERVER6
	until_true 5 grep -q 'icmp_seq=20 ' "$RUN/ping.log"
}

# Ends when the last request has had its answer.
nothing_is_lost()
{
	local pid=${TOPOLOGY_PIDS[ping]}
	kill -INT "$pid"
	wait "$pid"
	unset "TOPOLOGY_PIDS[ping]"
	grep -q ' 0% packet loss' "$RUN/ping.log" || { tail -n 3 "$RUN/ping.log" && return 1; }
}

topology_servers || tap_bail "the servers do not listen"
gateway_configure routed
tap_gateway
mapped=$(ask client udp $TOPOLOGY_SERVER6 7 5000)
ping_begin
check "a second one takes over" gateway_replace
check "no ping is lost" nothing_is_lost
check "UDP has its port" same "seen as" "$mapped" "$(ask client udp $TOPOLOGY_SERVER6 7 5000)"
check "nat64d ends with status 0" daemon_ends_well
tap_end
