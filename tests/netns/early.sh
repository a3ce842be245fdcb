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
	printf '[Pool4 main]\nAddresses=203.0.113.8/29\n' >"$RUN/early.conf"
	early "$NAT64CTL" setup --early --config "$RUN/early.conf" && rules_are_there 203.0.113.8
}

set_up_later()
{
	early "$NAT64CTL" setup --config "$RUN/early.conf" && same forwarding "1 1 " "$(forwarding)" &&
		early "$NAT64CTL" teardown && same forwarding "0 0 " "$(forwarding)" &&
		! early nft list table inet nat64d
}

ip netns add early && ip -n early link set lo up || tap_bail "no namespace"
early sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
check "the table is there without network and without IPv4 address" without_a_network
check "without --early an IPv4 address is asked for" not_without_early
check "forwarding is as it was" same forwarding "0 0 " "$(forwarding)"
check "what the configuration has as pool4 is taken, too" pool4_of_the_configuration
check "the set-up of later turns forwarding on, and teardown off again" set_up_later
tap_end
