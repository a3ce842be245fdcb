# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
#   client 2001:db8:1::2 ─── 2001:db8:1::1 the machine 192.0.2.1 ─── 192.0.2.2 server 198.51.100.2
#     (IPv6 only)                                      by router     2001:db8:4::2, 2001:db8:5::2
#   2001:db8:3::2 ── 2001:db8:3::1 eth0     eth1 192.0.2.129 ── 198.51.100.3
#
# The server is the way to the whole Internet, too: the machine's IPv6 address on that side, and its default
# route, are by router advertisement. What is at eth0 and eth1 stays while the machine reboots.
set -e
for node in client server; do
	ip netns add $node
	ip -n $node link set lo up
	ip link add $node type veth peer name gateway netns $node
done
ip link set server address 02:00:00:00:00:04
ip netns exec server sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv6.conf.gateway.accept_dad=0
sysctl -qw net.ipv6.conf.server.accept_dad=0
for node in client server; do
	ip link set $node up
	ip -n $node link set gateway up
done
ip address add 2001:db8:1::1/64 dev client nodad
ip -n client address add 2001:db8:1::2/64 dev gateway nodad
ip -n client route add default via 2001:db8:1::1
ip address add 192.0.2.1/25 dev server
ip route add default via 192.0.2.2
ip -n server address add 192.0.2.2/25 dev gateway
ip -n server address add 198.51.100.2/32 dev lo
ip -n server route add default via 192.0.2.1
ip -n server address add 2001:db8:4::2/64 dev gateway nodad
ip -n server address add 2001:db8:5::2/128 dev lo nodad
ip -n server route add 2001:db8:64::/96 via 2001:db8:4::ff:fe00:4
ip netns exec server python3 /cases/peer.py advertise &
modprobe virtio_net
ip link set eth0 up
ip link set eth1 up
ip address add 2001:db8:3::1/64 dev eth0 nodad
ip address add 192.0.2.129/25 dev eth1
ip route add 198.51.100.3/32 via 192.0.2.130
for _ in $(seq 100); do
	[ -z "$(ip -6 route show default proto ra)" ] || exit 0
	sleep 0.1
done
exit 1
