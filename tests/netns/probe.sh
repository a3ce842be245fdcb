#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# nat64ctl doctor --probe: DNS by UDP and TCP, and the path MTU, from the gateway itself to a server.

. "$(dirname "$0")/tap.sh"
tap_begin "$@"

# probe ADDRESS4: its rows as "RESULT CHECK FINDING | FIX".
probe()
{
	ctl --json doctor --config "$RUN/nat64d.conf" --probe "$1" >"$RUN/doctor.json"
	set -- $?
	/usr/bin/python3 -c '
import json, sys
for row in json.load(open(sys.argv[1])):
    print(row["result"], row["check"], row["finding"], "|", row["fix"])' "$RUN/doctor.json" | grep ' probe-' >"$RUN/probe"
	cat "$RUN/probe"
	return "$1"
}

# finds STATUS ROW…: each whole, or the beginning of one.
finds()
{
	local row status
	probe $TOPOLOGY_SERVER4
	status=$?
	same "exit status" "$1" $status || return
	shift
	for row; do
		grep -F -- "$row" "$RUN/probe" || return
	done
}

resolver()
{
	node_start server resolver tests/netns/resolver.py $TOPOLOGY_SERVER4 "$1" &&
		until_true 5 grep ready "$RUN/resolver.log"
}

answers()
{
	finds 0 "ok probe-udp the DNS server at $TOPOLOGY_SERVER6 answers by udp" \
		"ok probe-tcp the DNS server at $TOPOLOGY_SERVER6 answers by tcp" \
		"ok probe-mtu packets of 1500 bytes come through" "ok probe-way"
}

# A router before the server has less to offer: 1400 bytes of IPv4 are 1420 of IPv6.
narrow()
{
	topology_narrow server 1400 && finds 0 "ok probe-mtu packets of 1420 bytes come through" && topology_narrow server 0
}

# It drops what is too big, and does not say so; it is too big at 1381 bytes of IPv4.
black_hole()
{
	node router4 nft 'add table ip hole; add chain ip hole forward { type filter hook forward priority 0; }; add rule ip hole forward meta length > 1380 drop'
	node gateway ip -6 route flush cache
	finds 0 "warn probe-mtu packets of more than 1280 bytes vanish" "| nat64ctl config set Translation.ClampMSS yes"
	set -- $?
	node router4 nft delete table ip hole
	return "$1"
}

# Nobody listens there, and the server says so.
no_resolver()
{
	node_stop resolver
	finds 0 "ok probe-udp $TOPOLOGY_SERVER6 answers by udp that it is no DNS server" \
		"ok probe-tcp $TOPOLOGY_SERVER6 answers by tcp that it is no DNS server"
}

silent_resolver()
{
	resolver silent && finds 1 "FAIL probe-udp nothing comes back from $TOPOLOGY_SERVER6 by udp | nat64ctl explain udp '[$TOPOLOGY_GATEWAY6]:" \
		"ok probe-tcp $TOPOLOGY_SERVER6 answers by tcp that it is no" && node_stop resolver
	node_stop resolver
	true
}

# The way back is missing: nothing of it works, but the packets were translated.
no_way_back()
{
	node router4 ip route del $TOPOLOGY_POOL4 &&
		finds 1 "FAIL probe-udp nothing comes back" "FAIL probe-tcp nothing comes back" "warn probe-mtu 198.51.100.2 answers no echo request" \
			"ok probe-way" && node router4 ip route add $TOPOLOGY_POOL4 via $TOPOLOGY_GATEWAY4
}

# A command that it names tells why.
refused()
{
	ctl config set Translation.DenyDestination "own 198.51.100.0/24" && finds 1 "FAIL probe-udp" "FAIL probe-tcp" "| nat64ctl stats" &&
		node gateway bash -c "PATH=$(dirname "$NAT64CTL"):\$PATH; $(sed -n 's/^FAIL probe-udp.*| //p' "$RUN/probe")" | grep DenyDestination &&
		ctl config reset Translation.DenyDestination
}

not_by_us()
{
	ctl config set Translation.LocalTraffic no && sed -i 's/^Pool6=.*/&\nLocalTraffic=no/' "$RUN/nat64d.conf" &&
		finds 1 "FAIL probe-way no packet was translated: Translation.LocalTraffic is no | nat64ctl config set Translation.LocalTraffic yes"
}

no_address()
{
	probe 192.0.2.256 2>"$RUN/errors"
	same "exit status" 2 $? && grep "192.0.2.256: that is no IPv4 address" "$RUN/errors"
}

gateway_configure routed
echo "2001:db8:64::c000:aa ipv4only.arpa" >>"$RUN/hosts"
tap_gateway
resolver answers
check "DNS, TCP and path MTU" answers
check "a narrower link, which is found out" narrow
check "a narrower link that does not tell" black_hole
check "no DNS server there" no_resolver
check "a DNS server that is silent" silent_resolver
check "the way back is missing" no_way_back
check "a destination that is refused" refused
check "a gateway that does not translate its own packets" not_by_us
check "no address" no_address
check "nat64d ends with status 0" daemon_ends_well
tap_end
