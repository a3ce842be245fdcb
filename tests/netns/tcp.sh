#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# All that TCP connections go through: opened from either side and by both at once, half closed,
# reset, idle beyond their lifetime, opened again; segment by segment between crafted peers
# (tcp_crafted.py), and between real hosts (tcp_stacks.py, iperf3). Lifetimes are short but the 6 s
# of a SYN that nobody asked for. All of it under one combination of
#
#   offloads, conntrack, pool4   as in matrix.sh
#   filtering                    endpoint-independent or address-dependent
#
# Packets are taken by iptables, or, where the kernel can and conntrack is off, by nft alone; they are
# sent by raw sockets, the one way that there is.
#
# usage: tcp.sh OFFLOADS CONNTRACK POOL4 FILTERING

. "$(dirname "$0")/tap.sh"
tap_begin "$@"
offloads=$1 conntrack=$2 pool4=$3 filtering=$4
# pool4 of the clients that meet a stored SYN, and nobody else's: so its ports are free.
HELD_ADDRESS=203.0.113.65 STATIC_ADDRESS=203.0.113.1 HELD_PORT=30000
if [ "$pool4" = own ]; then HELD_ADDRESS=$TOPOLOGY_GATEWAY4 STATIC_ADDRESS=$TOPOLOGY_GATEWAY4; fi

# configure [KEY=VALUE of Translation]
configure()
{
	gateway_configure "$pool4" "
[Pool4 held]
Addresses=$HELD_ADDRESS
Ports=$HELD_PORT-30999
Clients=2001:db8:3:1::/64 2001:db8:2::/64

[Static server]
Protocols=tcp
Inside=[2001:db8:1::2]:8080
Outside=$STATIC_ADDRESS:8080

[Timeouts]
AllowBelowMinimum=yes
TCPEstablished=4
TCPTransitory=4

[Queue]
Rules=$rules
Inject=raw"
	sed -i "s/^\[Translation\]/&\nFiltering=$filtering\n${1:-}/" "$RUN/nat64d.conf"
}

has_nft_queue()
{
	node gateway nft -c 'table ip probe { chain take { queue num 0; }; }' 2>/dev/null
}

# Datagrams that reached client or server, and that iperf3 was too slow to take.
not_taken()
{
	{
		node client cat /proc/net/snmp6 && node server awk '/^Udp:/ && $6 ~ /[0-9]/ { print "Udp4RcvbufErrors", $6 }' \
			/proc/net/snmp
	} | awk '/^Udp[46]RcvbufErrors/ { n += $2 } END { print n + 0 }'
}

# iperf OPTION…: whole, and of UDP not a datagram lost on the way or out of order.
iperf()
{
	local before
	before=$(not_taken)
	node client timeout 20 iperf3 -6 -c $TOPOLOGY_SERVER6 --json "$@" >"$RUN/iperf" ||
		{ tail -n 3 "$RUN/iperf" && return 1; }
	/usr/bin/python3 - "$RUN/iperf" "$(($(not_taken) - before))" <<-END
		import json, sys
		end = json.load(open(sys.argv[1]))["end"]
		one = end.get("sum") or end["sum_received"]
		print({name: one.get(name) for name in ("bytes", "packets", "lost_packets", "out_of_order")},
		      "not taken:", sys.argv[2])
		sys.exit(one["bytes"] < 1000000 or one.get("lost_packets", 0) > int(sys.argv[2]))
	END
}

iperf_listens()
{
	[ -n "$(node server ss -Hlnt 'sport = :5201')" ]
}

reload()
{
	configure "$1"
	kill -HUP "${TOPOLOGY_PIDS[nat64d]}" && until_true 5 grep -q reload "$RUN/nat64d.log"
}

topology_offloads "$offloads" && crafted_up &&
	ip -n $TOPOLOGY_NAME-router4 route add 203.0.113.64/28 via $TOPOLOGY_GATEWAY4 ||
	tap_bail "the topology could not be built"
[ "$conntrack" = off ] || topology_conntrack || tap_bail "no connection tracking"
rules=iptables
if [ "$conntrack" = off ] && has_nft_queue; then rules=nft; fi
configure
node_start server iperf iperf3 -s -B $TOPOLOGY_SERVER4
tap_gateway
until_true 5 iperf_listens || tap_bail "iperf3 does not listen"

tests/netns/tcp.py "$filtering" $HELD_ADDRESS $HELD_PORT $STATIC_ADDRESS >"$RUN/cases" 2>&1 &
waiting=$!
check "iperf3, 4 streams of TCP from the client" iperf -P 4 -n 20M
check "iperf3, 4 streams of TCP from the server" iperf -P 4 -n 20M -R
check "iperf3, UDP from the client" iperf -u -b 20M -n 3M
check "iperf3, UDP from the server" iperf -u -b 20M -n 3M -R
wait $waiting
check_each "$RUN/cases"
reload ExternalTCP=no
tests/netns/tcp.py forbidden $HELD_ADDRESS $((HELD_PORT + 500)) $STATIC_ADDRESS >"$RUN/cases" 2>&1
check_each "$RUN/cases"
check "conservation" until_true 3 conservation
check "no teardown beside it" teardown_is_refused ctl
check "nat64d ends with status 0" daemon_ends_well
tap_end
