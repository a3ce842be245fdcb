# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
#   client 2001:db8:1::2 ─── 2001:db8:1::1 the machine 192.0.2.1 ─── 192.0.2.2 server 198.51.100.2
#     (IPv6 only)                                                              (IPv4 only)
set -e
for node in client server; do
	ip netns add $node
	ip -n $node link set lo up
	ip link add $node type veth peer name gateway netns $node
	ip link set $node up
	ip -n $node link set gateway up
done
ip address add 2001:db8:1::1/64 dev client nodad
ip -n client address add 2001:db8:1::2/64 dev gateway nodad
ip -n client route add default via 2001:db8:1::1
ip address add 192.0.2.1/24 dev server
ip route add default via 192.0.2.2
ip -n server address add 192.0.2.2/24 dev gateway
ip -n server address add 198.51.100.2/32 dev lo
ip netns exec server sysctl -qw net.ipv4.ip_forward=1
ip -n server route add default via 192.0.2.1
