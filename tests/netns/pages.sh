#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A page of doc/ for an administrator, followed line by line (page.py) in a network like the one it is for.
# What it writes stays inside, and there is no systemd (systemctl is that of this directory).
#
# usage: pages.sh home|office|provider|kubernetes|ci [--write]

. "$(dirname "$0")/tap.sh"
tap_begin "$@"
tap_needs unbound
page=$1 names=(client=client server=server)

# In place of router6 a switch: the clients' network begins at the gateway, where its interface is called $1.
switched()
{
	local name
	ip -n $TOPOLOGY_NAME-gateway link set router6 down && ip -n $TOPOLOGY_NAME-gateway link set router4 down &&
		ip -n $TOPOLOGY_NAME-gateway -batch - <<-END || return
			link set router6 name $1
			link set router4 name $2
			address flush dev $1
			address add 2001:db8:1::1/64 dev $1
			link set $1 up
			link set $2 up
			route add default via 192.0.2.2
		END
	sysctls router6 ipv6/conf/all/forwarding=0 ipv4/ip_forward=0
	ip -n $TOPOLOGY_NAME-router6 link add switch type bridge && ip -n $TOPOLOGY_NAME-router6 link set switch up
	for name in client client2 gateway; do
		ip -n $TOPOLOGY_NAME-router6 address flush dev $name && ip -n $TOPOLOGY_NAME-router6 link set $name master switch
	done
}

network_home()
{
	switched lan0 wan0 && names+=(tv=client2) || return
	# What the house has already: IPv4 for its devices.
	ip -n $TOPOLOGY_NAME-gateway address add 192.168.1.1/24 dev lan0
	ip -n $TOPOLOGY_NAME-client2 -batch - <<-END
		address flush dev router6
		address add 192.168.1.3/24 dev router6
		route add default via 192.168.1.1
	END
}

network_office()
{
	names+=(staff=client guest=client2)
	node_start client web busybox httpd -f -p '[::]:80' -h "$RUN/www"
}

network_provider()
{
	names+=(customer=client other=client2)
	node router4 ip route add 203.0.113.0/24 via $TOPOLOGY_GATEWAY4
}

# kube-proxy and the network plugin have their rules, and forward nothing that they do not know.
network_kubernetes()
{
	switched cni0 eth0 && names+=(pod=client) && node gateway nft -f - <<-END
		table ip kube {
			chain forward {
				type filter hook forward priority filter; policy drop;
				ct state invalid drop
				ct state established,related accept
				meta mark & 0x4000 == 0x4000 accept
			}
			chain postrouting {
				type nat hook postrouting priority srcnat;
				meta mark & 0x4000 == 0x4000 masquerade
			}
		}
		table ip6 kube {
			chain forward {
				type filter hook forward priority filter; policy drop;
				ct state invalid drop
				ct state established,related accept
				iifname cni0 accept
			}
		}
	END
}

network_ci()
{
	switched lan0 eth0
}

own_files()
{
	tap_own /etc /var/lib || return
	rm -rf /etc/nat64d /etc/unbound /etc/nftables.conf /var/lib/nat64d
	mkdir -p /etc/nat64d/nat64d.conf.d /etc/unbound/unbound.conf.d
	cp data/nat64d.conf /etc/nat64d/
	# 64:ff9b::/96 is for global addresses (RFC 6052, 3.1), and the lab's world has documentation's.
	mkdir /etc/nat64d/ci.conf.d && printf '[Translation]\nAllowNonGlobal=198.51.100.0/24\n' |
		tee /etc/nat64d/nat64d.conf.d/00-lab.conf >/etc/nat64d/ci.conf.d/00-lab.conf
}

# As Debian's, with the world's names: all in the file that the lab's own resolver has.
names_of_the_world()
{
	topology_zones
	{
		printf 'server:\n username: ""\n chroot: ""\n pidfile: ""\n use-syslog: no\n num-threads: 1\n'
		printf ' directory: %s\nremote-control:\n control-enable: no\n' "$RUN/unbound"
		cat "$RUN/unbound/zones.conf"
		echo 'include-toplevel: "/etc/unbound/unbound.conf.d/*.conf"'
	} >/etc/unbound/unbound.conf
	topology_without_hosts
}

daemon_has_ended()
{
	systemctl stop nat64d || return
	grep 'stopped; ' "$RUN/gateway-nat64d.log" && ! grep -E 'ERROR: |runtime error: ' "$RUN/gateway-nat64d.log"
}

own_files && names_of_the_world || tap_bail "no /etc to write to"
network_"$page" && topology_servers 1000 || tap_bail "the network could not be built"
case $page in
home | kubernetes | ci) topology_resolved_by 127.0.0.1 2001:db8:1::1 ;;
*) topology_resolved_by 127.0.0.1 $TOPOLOGY_GATEWAY6 ;;
esac
mkdir -p "$RUN/bin"
ln -s "$(realpath "$NAT64D")" "$RUN/bin/nat64d"
ln -s "$(realpath "$NAT64CTL")" "$RUN/bin/nat64ctl"
ln -s "$PWD/tests/netns/systemctl" "$RUN/bin/systemctl"
export PATH=$RUN/bin:$PATH RUN NODE=gateway SOURCES=$PWD LIBRARIES=$TAP_LIBRARIES
tests/netns/page.py ${2:+"$2"} "doc/$page.md" "${names[@]}" >"$RUN/cases" 2>&1
check_each "$RUN/cases"
[ ! -e "$RUN/gateway-nat64d.log" ] || check "nat64d ends well" daemon_has_ended
tap_end
