# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Beside the host's own firewall: what it drops, and that doctor says with which command that ends.

# way raw|packet: how TCP leaves.
way()
{
	printf '[Queue]\nInject=%s\n' "$1" >/etc/nat64d/nat64d.conf.d/way.conf
	systemctl restart nat64d.service && passes
}

way_of_before()
{
	rm /etc/nat64d/nat64d.conf.d/way.conf
	systemctl restart nat64d.service && passes
}

passes()
{
	timeout 60 ip netns exec client python3 peer.py checksum && client ping -n -c 1 -W 5 $server6
}

is_dropped()
{
	! timeout 5 ip netns exec client python3 peer.py checksum
}

# Tracks connections, drops what it does not know, and hides what is behind it.
own_firewall()
{
	nft -f - <<-END
		table inet host {
			chain input {
				type filter hook input priority filter; policy drop
				ct state established,related accept
				iif lo accept
				meta l4proto { icmp, ipv6-icmp } accept
			}
			chain forward {
				type filter hook forward priority filter; policy drop
				ct state established,related accept
				iifname client oifname server accept
			}
			chain output {
				type filter hook output priority filter; policy $1
				ct state established,related accept
				oif lo accept
				meta l4proto { icmp, ipv6-icmp } accept
			}
		}
		table ip host_nat {
			chain postrouting {
				type nat hook postrouting priority srcnat
				oifname server masquerade
			}
		}
	END
}

no_firewall()
{
	nft delete table inet host && nft delete table ip host_nat && passes
}

# The command that doctor prints about firewalls, or nothing.
doctor_command()
{
	nat64ctl --json doctor >/run/doctor
	jq -r '.[] | select(.check == "firewall") | .result, .finding, .fix' /run/doctor >/run/firewall
	sed -n 3p /run/firewall
}

doctor_is_content_with_it()
{
	same command "" "$(doctor_command)" && same result ok "$(head -n 1 /run/firewall)"
}

# A command for one chain after the other, until it knows of none that drops in general; what was refused
# before is counted still.
doctor_mends()
{
	local command round
	for round in 1 2 3 4; do
		command=$(doctor_command)
		cat /run/firewall
		if [ -z "$command" ] || [ "$command" = "nft list ruleset" ]; then
			[ $round -gt 1 ] && passes
			return
		fi
		sh -c "$command" || return
	done
	echo "there is always one more"
	return 1
}

ufw_begins()
{
	ufw --force enable && ufw status | grep -q 'Status: active'
}

ufw_ends()
{
	local family table
	ufw disable || return
	for family in ip ip6; do
		for table in filter nat mangle raw; do
			nft delete table $family $table 2>/dev/null
		done
	done
	passes
}
