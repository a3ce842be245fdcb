# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What is to be there again after a reboot.

# Who has which address and port; the age is not among it.
bindings()
{
	nat64ctl --json bib list | jq -r '.[] | [.protocol, .client, .mapped] | @tsv' | sort
}

# The sessions of who is outside of the machine.
sessions()
{
	nat64ctl --json session list | jq -r '.[] | select(.client | startswith("[2001:db8:3::2]")) |
		[.protocol, .client, .mapped, .server] | @tsv' | sort
}

remember()
{
	sessions >$memory/sessions && [ -s $memory/sessions ] || return
	client ping -n -c 1 $server6 >/dev/null && client python3 peer.py udp 5000 >$memory/udp &&
		bindings >$memory/bindings && [ "$(wc -l <$memory/bindings)" -ge 2 ]
}

bindings_are_back()
{
	bindings >/run/bindings && comm -23 $memory/bindings /run/bindings >/run/lost && same "lost bindings" "" "$(cat /run/lost)"
}

sessions_are_back()
{
	sessions >/run/sessions && comm -23 $memory/sessions /run/sessions >/run/lost && same "lost sessions" "" "$(cat /run/lost)"
}

# The server outside sends 50 kB a second.
outside_goes_on()
{
	limit=240 until_true is_above /sys/class/net/eth0/statistics/tx_bytes 200000
}

still_the_same()
{
	same "UDP is seen as" "$(cat $memory/udp)" "$(client python3 peer.py udp 5000)"
}

changes_are_back()
{
	nat64ctl client blocked | grep 2001:db8:9::/64 && nat64ctl config get Timeouts.ICMP | grep -q 2min
}

rules_come_first()
{
	local rules network
	rules=$(systemctl show -P ActiveEnterTimestampMonotonic nat64d-setup.service)
	network=$(systemctl show -P ExecMainStartTimestampMonotonic vm-network.service)
	systemctl is-active nat64d-setup.service && [ "$rules" -gt 0 ] && [ "$rules" -lt "$network" ]
}

# Older than SyncInterval (5 s) and one more.
oldest_is_safe()
{
	nat64ctl --json bib list | jq -e --argjson now "$(date +%s)" 'map($now - (.created | sub("\\..*Z$"; "Z") | fromdate)) | min > 7'
}

