# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# How nat64d is installed, what it changes on the host, and that nothing of it is left.

inventory()
{
	find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /cases \
		-o -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/cache -o -path /var/log -o -path $memory \
		-o -path /var/lib/systemd -o -path /var/tmp \) -prune -o -print |
		grep -v -e '/etc/.*-$' -e /ld.so.cache -e __pycache__ | sort
	getent passwd
	getent group
	sysctl net.ipv4.ip_forward net.ipv6.conf.all.forwarding net.ipv6.conf.server.accept_ra
	ip -6 route show table all proto 64
	nft list tables
}

installs()
{
	apt-get install -y -qq --no-install-recommends ./nat64d_*.deb && systemctl is-active nat64d.service
}

# With what a small machine has: apt needs more memory than all that runs in there.
unpacks()
{
	dpkg --install ./nat64d_*.deb && systemctl is-active nat64d.service
}

runs_as_itself()
{
	local status
	status=/proc/$(main_pid)/status
	same user "$(id -u nat64d)" "$(awk '/^Uid:/ { print $3 }' "$status")" &&
		same "effective capabilities" 0000000000003000 "$(awk '/^CapEff:/ { print $2 }' "$status")" &&
		same "bounding set" 0000000000003000 "$(awk '/^CapBnd:/ { print $2 }' "$status")"
}

is_silent()
{
	same "warnings" "-- No entries --" "$(journalctl -b -p warning -u 'nat64d*' --no-pager)" &&
		! journalctl -b -u nat64d.service | grep 'can not be counted'
}

queues_by_nft()
{
	nft list table inet nat64d >/run/table && grep -c 'queue.*to' /run/table &&
		same "iptables" "" "$(journalctl -b -u nat64d.service -o cat | grep 'rules by' | grep iptables)"
}

has_the_defaults()
{
	nat64ctl --json status >/run/status && grep -q '"64:ff9b::/96"' /run/status &&
		nat64ctl --json pool4 list | jq -e '.[] | select(.name == "auto")' &&
		same forwarding "1 1" "$(sysctl -n net.ipv4.ip_forward net.ipv6.conf.all.forwarding | paste -sd' ')"
}

# It asks for a DNS64 too, which is not there.
doctor_is_content()
{
	echo 64:ff9b::c000:aa ipv4only.arpa >>/etc/hosts && nat64ctl doctor && nat64ctl doctor --no-legend | awk '$1 != "ok"' >/run/bad &&
		same "not ok" "" "$(cat /run/bad)"
}

# Forwarding would end it, but that the interface is told to hear of it all the same. The next advertisement
# brings it back.
keeps_its_default_route()
{
	default_by_router && same accept_ra 2 "$(sysctl -n net.ipv6.conf.server.accept_ra)" &&
		ip -6 route del default && until_true default_by_router
}

default_by_router()
{
	[ -n "$(ip -6 route show default proto ra)" ]
}

is_for_its_group()
{
	same socket "660 nat64d nat64d-admin" "$(stat -c '%a %U %G' /run/nat64d/control)" &&
		same state "700 nat64d" "$(stat -c '%a %U' /var/lib/nat64d)"
}

# The second instance has no file any more.
removes()
{
	rm /etc/nat64d/second.conf && apt-get remove -y -qq nat64d && ! nft list table inet nat64d && ! nft list table inet nat64d_second &&
		same forwarding "0 0" "$(sysctl -n net.ipv4.ip_forward net.ipv6.conf.all.forwarding | paste -sd' ')" &&
		[ -e /etc/nat64d/nat64d.conf ]
}

purges()
{
	apt-get purge -y -qq nat64d || return
	rm -f /etc/polkit-1/rules.d/10-alice.rules
	inventory >/run/inventory && diff $memory/inventory /run/inventory
}

