#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Configuration at run time, with traffic (INTERFACE, section 4; O-11, S-23): each change is in effect
# when its command ends, no ping of those it is not about is lost, and every binding stays.
#
# usage: live.sh

. "$(dirname "$0")/tap.sh"
tap_begin "$@"
OTHER_POOL6=2001:db8:65:: OTHER_SERVER6=2001:db8:65::c633:6402

# The kernel's name for our table, which a new one does not have.
table_handle()
{
	node gateway nft -a list table inet nat64d | sed -n 's/^table .* handle //p'
}

# mapped NODE: what the server sees of UDP port 5000.
mapped()
{
	ask "$1" udp $TOPOLOGY_SERVER6 7 5000
}

# Nothing of the rules changes with what they are not about, and the binding stays.
keeps_rules()
{
	local handle mapping
	handle=$(table_handle) mapping=$(mapped client)
	[ -n "$handle" ] || return
	"$@" || return
	same "the table" "$handle" "$(table_handle)" && same mapping "$mapping" "$(mapped client)"
}

# S-23: from the next packet on.
lifetime()
{
	ctl config set Timeouts.UDP "$1" && mapped client && ctl bib list --protocol udp --no-legend &&
		ctl bib list --protocol udp --no-legend | grep -q "$2"
}

other_prefix()
{
	ctl pool6 add $OTHER_POOL6/96 && node client ping -n -c 2 -i 0.05 -W 1 $OTHER_SERVER6 &&
		ctl pool6 remove $OTHER_POOL6/96 && ! node client ping -n -c 1 -W 0.5 $OTHER_SERVER6 &&
		same prefixes "$TOPOLOGY_POOL6/96" "$(ctl pool6 list --no-legend)"
}

# refuses KEY VALUE: this client, until the key is reset; then its binding is still there.
refuses()
{
	local mapping
	mapping=$(mapped client)
	ctl config set "$1" "$2" || return
	! node client ping -n -c 1 -W 0.5 $TOPOLOGY_SERVER6 || return
	ctl bib list && ctl config reset "$1" && node client ping -n -c 1 -W 2 $TOPOLOGY_SERVER6 &&
		same mapping "$mapping" "$(mapped client)"
}

# answered NUMBER: of twenty packets whose hop limit ends here, so many at least.
answered()
{
	local n
	n=$(node client ping -n -t 2 -c 20 -i 0.002 -W 0.5 $TOPOLOGY_SERVER6 | grep -c 'Time exceeded')
	echo "$n answers"
	[ "$n" -ge "$1" ] && [ "$n" -le "$2" ]
}

error_rate()
{
	ctl config set Limits.ICMPErrorBurst 1 && ctl config set Limits.ICMPErrorRate 1 && answered 0 2 &&
		ctl config set Limits.ICMPErrorBurst 100 && ctl config set Limits.ICMPErrorRate 1000 &&
		answered 20 20
}

# A limit below what is there (X-1), and taken back.
table_size()
{
	ctl config set Limits.Bindings 1 && mapped client && ! ask client udp $TOPOLOGY_SERVER6 7 5001 &&
		ctl config reset Limits.Bindings && ask client udp $TOPOLOGY_SERVER6 7 5001
}

# The kernel's queues go on with other sizes, and status says what is set.
queue_size()
{
	ctl config set Queue.Length 1000 && ctl config set Queue.Memory 8M && mapped client && ctl status &&
		ctl status | grep -q 'Queue.Length=1000' && ctl config reset --all &&
		! ctl status | grep 'Queue.Length'
}

# What is not good changes nothing.
bad_values()
{
	local key
	for key in Timeouts.UDP=1s Translation.Pool6=2001:db8::/97 Limits.ICMPErrorRate=0 \
		Translation.Clients=192.0.2.0/24; do
		! ctl config set "${key%%=*}" "${key#*=}" || return
	done
	mapped client
}

# The newest word wins: a key set by command, until the file says something new about it.
newest_word()
{
	ctl config set Timeouts.ICMP 2min && gateway_configure routed $'[Timeouts]\nICMP=3min' &&
		ctl reload --dry-run | grep 'Timeouts.ICMP: 2min -> 3min' &&
		same value 2min "$(ctl config get Timeouts.ICMP)" && ctl reload &&
		same value 3min "$(ctl config get Timeouts.ICMP)" &&
		grep "the files say '3min' now, which holds; '2min', set at run time, is dropped" \
			"$RUN/nat64d.log"
}

# What the file says of rules, announcing and the rest, by a reload.
reloads()
{
	gateway_configure routed $'[Translation]\nExempt=198.51.100.128/25\n[Pool4]\nAnnounce=none' &&
		ctl reload && mapped client && gateway_configure routed && ctl reload
}

no_ping_lost()
{
	kill -INT "${TOPOLOGY_PIDS[pings]}"
	wait "${TOPOLOGY_PIDS[pings]}"
	unset "TOPOLOGY_PIDS[pings]"
	cat "$RUN/pings.log"
	grep -q ' 0% packet loss' "$RUN/pings.log" &&
		same "bindings of the pings" 1 "$(ctl bib list --client 2001:db8:2::2 --count)"
}

topology_servers 1000 || tap_bail "the servers do not listen"
gateway_configure routed
node router6 ip route add $OTHER_POOL6/96 via $TOPOLOGY_GATEWAY6
tap_gateway
node_start client2 pings ping -n -q -i 0.01 $TOPOLOGY_SERVER6

check "a key that is not about the rules leaves them alone" keeps_rules ctl config set Translation.Parity no
check "so does a reload" keeps_rules ctl reload
check "Timeouts.UDP is shorter" lifetime 130s '2min\(9\|10\)s'
check "Timeouts.UDP is longer" lifetime 20min '19min\|20min'
check "one more prefix, and one less" other_prefix
check "Clients: who is not of them is refused, and keeps his binding" \
	refuses Translation.Clients 2001:db8:2::/64
check "DenyDestination: the server is refused, and bindings stay" \
	refuses Translation.DenyDestination "own 198.51.100.2"
check "ICMPErrorRate and Burst" error_rate
check "Bindings: fewer than there are" table_size
check "Queue.Length and Memory" queue_size
check "bad values change nothing" bad_values
check "the newest word wins" newest_word
check "a reload that changes the rules" reloads
check "no ping was lost, all by one binding" no_ping_lost
check "conservation" until_true 3 conservation
check "nat64d ends with status 0" daemon_ends_well
check "nothing is left after teardown" ctl teardown
tap_end
