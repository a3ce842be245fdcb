#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# pool4 and the host around it while traffic flows: entries grow, run out, drain and lose addresses;
# ARP, local programs, and NAT44 on the same address (pool4.py).
#
# usage: pool4.sh

. "$(dirname "$0")/tap.sh"
tap_begin "$@"
gateway_configure routed
ip -n $TOPOLOGY_NAME-router4 route add 203.0.113.0/24 via $TOPOLOGY_GATEWAY4
tap_gateway
disown "${TOPOLOGY_PIDS[nat64d]}"
tests/netns/pool4.py "${TOPOLOGY_PIDS[nat64d]}" "$RUN/nat64d.conf" "$RUN/nat64d.log" >"$RUN/cases" 2>&1
unset "TOPOLOGY_PIDS[nat64d]" # the last case has killed it
check_each "$RUN/cases"
check "nothing is left after teardown" ctl teardown
tap_end
