#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# nat64ctl setup --early, as nat64d-setup.service calls it: before there is any network, the rules are
# there, and nothing that the network's own start depends on has changed.
#
# usage: early.sh, with NAT64D and NAT64CTL in the environment

. "$(dirname "$0")/tap.sh"
tap_begin "$@"

# early COMMAND…: in a namespace that has lo only.
early()
{
	ip netns exec early "$@"
}

rules_are_there()
{
	early nft list table inet nat64d | tee "$RUN/table" && grep -q "$1" "$RUN/table"
}

without_a_network()
{
	: >"$RUN/early.conf"
	early "$NAT64CTL" setup --early --config "$RUN/early.conf" && rules_are_there 64:ff9b::/96
}

not_without_early()
{
	early "$NAT64CTL" setup --config "$RUN/early.conf"
	same "exit status" 1 $?
}

forwarding()
{
	early cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding | tr '\n' ' '
}

pool4_of_the_configuration()
{
	printf '%s\n' "$rules" '[Pool4 main]' Addresses=203.0.113.8/29 >"$RUN/early.conf"
	early "$NAT64CTL" setup --early --config "$RUN/early.conf" && rules_are_there 203.0.113.8
}

set_up_later()
{
	early "$NAT64CTL" setup --config "$RUN/early.conf" && same forwarding "1 1 " "$(forwarding)" &&
		early "$NAT64CTL" teardown && same forwarding "0 0 " "$(forwarding)" &&
		! early nft list table inet nat64d
}

# The answer of the host at 203.0.113.1, as its neighbour sees it.
# tcp PORT [ADDRESS], udp PORT
tcp()
{
	ip netns exec neighbour timeout 1 bash -c "</dev/tcp/${2:-203.0.113.1}/$1" 2>/dev/null
	case $? in
	124) echo silent ;;
	1) echo refused ;;
	*) echo other ;;
	esac
}

udp()
{
	ip netns exec neighbour python3 - "$1" <<-END
		import socket, sys
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.settimeout(1)
		s.connect(("203.0.113.1", int(sys.argv[1])))
		s.send(b"x")
		try:
		    s.recv(1)
		except ConnectionRefusedError:
		    print("refused")
		except TimeoutError:
		    print("silent")
	END
}

# What the network will give to the host is not known: "auto", and an interface without address.
network_comes()
{
	printf '%s\n' "$rules" '[Pool4 uplink]' Addresses=interface:uplink Ports=40000-40010 >"$RUN/early.conf"
	early "$NAT64CTL" setup --early --config "$RUN/early.conf" || return
	ip netns add neighbour && link_comes
}

link_comes()
{
	ip -n early link add uplink type veth peer name host netns neighbour &&
		ip -n early address add 203.0.113.1/24 dev uplink && ip -n early link set uplink up &&
		ip -n early route add default via 203.0.113.2 &&
		ip -n neighbour address add 203.0.113.2/24 dev host &&
		ip -n neighbour link set host up
}

quiet_at_boot()
{
	same "TCP, a port of auto" silent "$(tcp 2000)" &&
		same "TCP, a port of the interface's entry" silent "$(tcp 40000)" &&
		same "UDP, a port of auto" silent "$(udp 2000)" &&
		same "TCP, a port of the host's own" refused "$(tcp 443)" &&
		same "TCP, where the host's own connections begin" refused "$(tcp 50000)"
}

not_for_ever()
{
	early "$NAT64CTL" setup --config "$RUN/early.conf" &&
		same "TCP, a port of the entry" silent "$(tcp 40000)" &&
		same "TCP, any other port" refused "$(tcp 2000)" &&
		same "UDP, any other port" refused "$(udp 2000)" && early "$NAT64CTL" teardown
}

# The same addresses in the configuration: one of them will be the host's own, another one somebody's behind it.
own_address_of_the_configuration()
{
	ip -n early link del uplink
	printf '%s\n' "$rules" '[Pool4 main]' 'Addresses=203.0.113.1 203.0.113.9' '[Static web]' Protocols=tcp \
		'Inside=[2001:db8:1::80]:80' Outside=203.0.113.1:80 >"$RUN/early.conf"
	early "$NAT64CTL" setup --early --config "$RUN/early.conf" && link_comes && early ip neigh flush all
}

not_shut_out()
{
	early busybox nc -l -p 22 -e cat &
	until_true 5 early sh -c 'ss -Htln | grep -q :22' && same "TCP, a service of the host's own" other "$(tcp 22)" &&
		same "TCP, a port of the entry" silent "$(tcp 2000)" &&
		same "TCP, the static binding" silent "$(tcp 80)" &&
		same "TCP, a port of the host's own" refused "$(tcp 443)"
}

# Forwarding is on, as somebody else may have it.
not_forwarded()
{
	ip netns add far && ip -n early link add far type veth peer name host netns far &&
		ip -n early link set far up && ip -n early route add 203.0.113.9 dev far &&
		ip -n far address add 203.0.113.9/32 dev host && ip -n far link set host up &&
		ip -n far route add default via 203.0.113.1 dev host onlink &&
		ip -n neighbour route add 203.0.113.9 via 203.0.113.1 &&
		early sysctl -qw net.ipv4.ip_forward=1 && ip netns exec far sysctl -qw net.ipv4.conf.all.rp_filter=0 &&
		same "TCP, to somebody at a pool4 address" silent "$(tcp 443 203.0.113.9)" &&
		early "$NAT64CTL" teardown && same "TCP, without the rules" refused "$(tcp 443 203.0.113.9)"
	set -- $?
	early sysctl -qw net.ipv4.ip_forward=0
	ip netns del far
	return $1
}

ip netns add early && ip -n early link set lo up || tap_bail "no namespace"
early sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
check "the table is there without network and without IPv4 address" without_a_network
check "without --early an IPv4 address is asked for" not_without_early
check "forwarding is as it was" same forwarding "0 0 " "$(forwarding)"
for rules in '' '[Queue]
Rules=iptables'; do
	with=${rules:+, with iptables}
	check "what the configuration has as pool4 is taken, too$with" pool4_of_the_configuration
	check "the set-up of later turns forwarding on, and teardown off again$with" set_up_later
	check "the network comes behind the rules$with" network_comes
	check "nobody is told that nothing listens yet where restored sessions will be$with" quiet_at_boot
	check "with the host's addresses known, the host answers for all that is its own$with" not_for_ever
	check "the network gives the host an address that is pool4's$with" own_address_of_the_configuration
	check "the host can be reached at it, and is quiet about ports that may have sessions$with" not_shut_out
	check "what would be forwarded to pool4 is not$with" not_forwarded
	ip netns del neighbour
done
tap_end
