#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# nat64ctl doctor: every check, provoked, with the command that it names; and that the command mends it.

. "$(dirname "$0")/tap.sh"
tap_begin "$@"

# doctor: its rows as "RESULT CHECK FIX", and its status.
doctor()
{
	ctl --json doctor --config "$RUN/nat64d.conf" >"$RUN/doctor.json"
	set -- $?
	cat "$RUN/doctor.json"
	/usr/bin/python3 -c '
import json, sys
for row in json.load(open(sys.argv[1])):
    print(row["result"], row["check"], row["fix"])' "$RUN/doctor.json" >"$RUN/doctor"
	return "$1"
}

# says STATUS "ROW": a whole row, or one that begins so.
says()
{
	doctor
	same "exit status" "$1" $? && grep "^$2" "$RUN/doctor"
}

# mends "ROW" COMMAND…: after the command it is ok.
mends()
{
	local check=$1
	shift
	"$@" && says 0 "ok $check "
}

all_well()
{
	doctor && ! grep -v '^ok ' "$RUN/doctor" && same checks 13 "$(wc -l <"$RUN/doctor")"
}

valid_json()
{
	/usr/bin/python3 -c '
import json, sys, jsonschema
jsonschema.validate(json.load(open(sys.argv[1])), json.load(open(sys.argv[2])))' "$RUN/doctor.json" data/schemas/doctor.json
}

# forwards FAMILY KEY
forwards()
{
	node gateway sysctl -qw "$2=0" && says 1 "FAIL forwarding-$1 sysctl -w $2=1" &&
		mends "forwarding-$1" node gateway sysctl -w "$2=1"
}

drained()
{
	ctl drain && says 0 "warn state nat64ctl resume" && mends state ctl resume
}

without_an_entry()
{
	ctl pool4 drain lab && says 1 "FAIL pool4 nat64ctl pool4 add" && mends pool4 ctl pool4 enable lab
}

# A binding for each of the two ports that there are.
nearly_full()
{
	ctl bib add tcp '[2001:db8:1::2]:80' 203.0.113.1:5000 && ctl bib add tcp '[2001:db8:1::2]:81' 203.0.113.1:5001 &&
		says 0 "warn pool4 nat64ctl pool4 add" && ctl bib remove tcp '[2001:db8:1::2]:80' &&
		mends pool4 ctl bib remove tcp '[2001:db8:1::2]:81'
}

# at_the_limit WHAT KEY: a ping makes one of each.
at_the_limit()
{
	node client ping -n -c 1 -W 5 $TOPOLOGY_SERVER6 && ctl config set "$2" 1 && says 0 "warn $1 nat64ctl config set $2 [1-9]" &&
		mends "$1" ctl config set "$2" 1000
}

small_mtu()
{
	node gateway ip link add small mtu 1000 up type veth peer name small-end && says 0 "warn mtu ip link set small mtu 1280" &&
		mends mtu node gateway ip link set small mtu 1280
}

# Where the resolver looks first.
dns64_of()
{
	grep -v ipv4only.arpa "$RUN/hosts" >"$RUN/hosts.new"
	[ -z "$1" ] || echo "$1 ipv4only.arpa" >>"$RUN/hosts.new"
	cat "$RUN/hosts.new" >"$RUN/hosts"
}

no_dns64()
{
	dns64_of "" && says 0 "warn dns64 nat64ctl dns64 unbound"
}

dns64_of_another()
{
	dns64_of 2001:db8:65::c000:aa && says 0 "warn dns64 nat64ctl dns64 unbound" &&
		mends dns64 dns64_of 2001:db8:64::c000:aa
}

# Nobody reads, and more comes than the queue takes.
lost_packets()
{
	local pid=${TOPOLOGY_PIDS[nat64d]}
	ctl config set Queue.Length 16 && kill -STOP "$pid" &&
		node client ping -n -q -f -c 200 -W 0.1 $TOPOLOGY_SERVER6
	kill -CONT "$pid"
	until_true 10 counter_is_above 'queue_.*_lost' 0 && says 0 "warn queues nat64ctl config set Queue.Length 65536"
}

unknown_key()
{
	cp "$RUN/nat64d.conf" "$RUN/kept.conf" && echo 'Nonsense=1' >>"$RUN/nat64d.conf" &&
		says 0 "warn configuration nat64d --check" && cp "$RUN/kept.conf" "$RUN/nat64d.conf"
}

refused_configuration()
{
	printf '[Timeouts]\nUDP=1s\n' >>"$RUN/nat64d.conf" && says 1 "FAIL configuration nat64d --check" &&
		cp "$RUN/kept.conf" "$RUN/nat64d.conf"
}

without_rules()
{
	ctl teardown && says 1 "FAIL rules nat64ctl setup" && ctl setup --config "$RUN/nat64d.conf" &&
		says 1 "ok rules "
}

gateway_configure routed
sed -i 's/^Addresses=.*/Addresses=203.0.113.1\nPorts=5000-5001/' "$RUN/nat64d.conf"
dns64_of 2001:db8:64::c000:aa
tap_gateway
check "all is well" all_well
check "its JSON is as the schema says" valid_json
check "IPv4 is not forwarded" forwards ipv4 net/ipv4/ip_forward
check "IPv6 is not forwarded" forwards ipv6 net/ipv6/conf/all/forwarding
check "draining" drained
check "no active entry" without_an_entry
check "an entry that is nearly full" nearly_full
check "bindings at their limit" at_the_limit bindings Limits.Bindings
check "sessions at their limit" at_the_limit sessions Limits.Sessions
check "a link with an MTU below 1280" small_mtu
check "no DNS64" no_dns64
check "a DNS64 with another prefix" dns64_of_another
check "a key that is unknown" unknown_key
check "a configuration that is refused" refused_configuration
check "packets lost in the queues" lost_packets
check "nat64d ends with status 0" daemon_ends_well
check "no daemon" says 1 "FAIL daemon systemctl start nat64d"
check "what only it knows is skipped" grep -c '^skip' "$RUN/doctor"
check "no rules" without_rules
tap_end
