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
	doctor && ! grep -v '^ok ' "$RUN/doctor" && same checks 36 "$(wc -l <"$RUN/doctor")"
}

# by_its_command CHECK: runs in the gateway what it names, which mends it.
by_its_command()
{
	local fix
	fix=$(sed -n "s/^[a-zA-Z]* $1 //p" "$RUN/doctor")
	[ -n "$fix" ] && mends "$1" node gateway bash -c "PATH=$(dirname "$NAT64CTL"):\$PATH; $fix"
}

# instead FILE "TEXT" COMMAND…: in the gateway, with another file in place of that one of the kernel's.
instead()
{
	local file=$1 status
	echo "$2" >"$RUN/instead"
	shift 2
	node gateway mount --bind "$RUN/instead" "$file" && "$@"
	status=$?
	node gateway umount "$file"
	return $status
}

valid_json()
{
	/usr/bin/python3 -c '
import json, sys, jsonschema
jsonschema.validate(json.load(open(sys.argv[1])), json.load(open(sys.argv[2])))' "$RUN/doctor.json" data/schemas/doctor.json
}

# forwards FAMILY KEY: setup knows the order.
forwards()
{
	node gateway sysctl -qw "$2=0" && says 1 "FAIL forwarding-$1 nat64ctl setup --config $RUN/nat64d.conf" &&
		by_its_command "forwarding-$1"
}

# Where setup may not, what keeps a default route by router advertisement comes first.
forwards_by_hand()
{
	local status key=net/ipv6/conf/all/forwarding ra=net/ipv6/conf/router6/accept_ra
	cp "$RUN/nat64d.conf" "$RUN/kept.conf" && printf '[Setup]\nForwarding=no\n' >>"$RUN/nat64d.conf" &&
		node gateway sysctl -qw net/ipv4/ip_forward=0 && says 1 "FAIL forwarding-ipv4 sysctl -w net/ipv4/ip_forward=1" &&
		by_its_command forwarding-ipv4 && node gateway sysctl -qw $key=0 $ra=1 &&
		node gateway ip -6 route add default via 2001:db8:6::1 dev router6 proto ra expires 1000 &&
		says 1 "FAIL forwarding-ipv6 sysctl -w $ra=2 && sysctl -w $key=1" && by_its_command forwarding-ipv6 &&
		node gateway ip -6 route show default proto ra | grep router6
	status=$?
	node gateway ip -6 route del default dev router6
	node gateway sysctl -qw $key=1
	cp "$RUN/kept.conf" "$RUN/nat64d.conf" && return $status
}

drained()
{
	ctl drain && says 0 "warn state nat64ctl resume" && mends state ctl resume
}

without_an_entry()
{
	ctl pool4 drain lab && ctl pool4 drain rest && says 1 "FAIL pool4 nat64ctl pool4 add" && mends pool4 ctl pool4 enable rest &&
		ctl pool4 enable lab
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
	until_true 10 counter_is_above 'queue_.*_lost' 0 && says 0 "warn queues nat64ctl config set Queue.Length 65536" &&
		by_its_command_with_a_ping queues
}

unknown_key()
{
	cp "$RUN/nat64d.conf" "$RUN/kept.conf" && echo 'Nonsense=1' >>"$RUN/nat64d.conf" &&
		says 0 "warn configuration nat64d --config $RUN/nat64d.conf --check" && cp "$RUN/kept.conf" "$RUN/nat64d.conf"
}

refused_configuration()
{
	printf '[Timeouts]\nUDP=1s\n' >>"$RUN/nat64d.conf" && says 1 "FAIL configuration nat64d --config $RUN/nat64d.conf --check" &&
		cp "$RUN/kept.conf" "$RUN/nat64d.conf"
}

without_rules()
{
	ctl teardown && says 1 "FAIL rules nat64ctl setup" && ctl setup --config "$RUN/nat64d.conf" &&
		says 1 "ok rules "
}

# Packets of what is translated go by the OUTPUT hook.
firewall_drops()
{
	node gateway nft -f - <<-END
		table inet strict {
			chain out {
				type filter hook output priority filter; policy drop;
				oif "lo" accept
				ip6 nexthdr icmpv6 accept
				ct state established,related accept
				counter log prefix "accept all, they say " reject
			}
		}
	END
	says 0 "warn firewall nft insert rule inet strict out meta mark and 0xff000000 == 0x64000000 accept" &&
		! node client ping -n -c 1 -W 1 $TOPOLOGY_SERVER6 && says 1 "FAIL firewall nft insert rule inet strict out" &&
		node gateway nft insert rule inet strict out meta mark and 0xff000000 == 0x64000000 accept &&
		node client ping -n -c 1 -W 5 $TOPOLOGY_SERVER6 && node gateway nft delete table inet strict
}

# looked_at_by_a_ping "ROW": while the client pings.
looked_at_by_a_ping()
{
	local status
	node_start client ping ping -n -q -i 0.02 $TOPOLOGY_SERVER6
	says 0 "$1"
	status=$?
	node_stop ping
	return $status
}

# by_its_command_with_a_ping CHECK: what is counted since the start is over when packets show it.
by_its_command_with_a_ping()
{
	local fix
	fix=$(sed -n "s/^[a-zA-Z]* $1 //p" "$RUN/doctor")
	[ -n "$fix" ] && node gateway bash -c "PATH=$(dirname "$NAT64CTL"):\$PATH; $fix" && looked_at_by_a_ping "ok $1 "
}

# The same by iptables; what it has refused so far is still told, until packets show that it is over.
iptables_drops()
{
	node gateway iptables-nft -P OUTPUT DROP && says 1 "FAIL firewall iptables -t filter -I OUTPUT -m mark" &&
		node gateway iptables-nft -t filter -I OUTPUT -m mark --mark 0x64000000/0xff000000 -j ACCEPT &&
		says 0 "warn firewall nft list ruleset" && node client ping -n -c 1 -W 5 $TOPOLOGY_SERVER6 &&
		looked_at_by_a_ping "ok firewall " && node gateway iptables-nft -I OUTPUT -d "$TOPOLOGY_SERVER4" -j DROP &&
		looked_at_by_a_ping "warn firewall nft list ruleset" && grep "of them just now" "$RUN/doctor.json" && node gateway iptables-nft -P OUTPUT ACCEPT && node gateway iptables-nft -F OUTPUT
}

mark_clashes()
{
	node gateway nft "add table ip shaper; add chain ip shaper marks { type filter hook prerouting priority mangle; }; \
		add rule ip shaper marks meta mark set 0x65000001" && says 0 "warn marks mkdir -p $RUN/nat64d.conf.d && printf" &&
		mends marks node gateway nft delete table ip shaper
}

# own_address PORTS OPTION…: the gateway's own beside the lab's.
own_address()
{
	ctl pool4 add "$TOPOLOGY_GATEWAY4" "$@" --name own
}

local_ports()
{
	own_address 40000-40009 && says 0 "warn ports sysctl -w net.ipv4.ip_local_reserved_ports=" && by_its_command ports &&
		node gateway sysctl -qw net.ipv4.ip_local_reserved_ports= && ctl pool4 remove own
}

# Its Ports leave out what a program listens on; everything else stays.
port_in_use()
{
	own_address 21000-21009 --clients 2001:db8:1::/48 --comment "it's ours" --protocols tcp,udp && node_start gateway holder socat TCP4-LISTEN:21005,fork SYSTEM:true &&
		until_true 5 node gateway bash -c 'ss -Hlnt sport = :21005 | grep .' &&
		says 0 "warn ports nat64ctl pool4 remove own --force && nat64ctl pool4 add '192.0.2.1' '21000-21004 21006-21009'" &&
		by_its_command ports && ctl --json pool4 show own >"$RUN/own.json" && grep '"clients": *"2001:db8:1::/48"' "$RUN/own.json" &&
		grep '"comment": *"it.s ours"' "$RUN/own.json" && grep '"protocols": *"tcp udp"' "$RUN/own.json" &&
		ctl pool4 remove own && node_stop holder
	node_stop holder
	true
}

masquerade()
{
	own_address 20000-29999 && node gateway nft "add table ip nat4; \
		add chain ip nat4 post { type nat hook postrouting priority srcnat; }; \
		add rule ip nat4 post oifname router4 masquerade" && says 0 "warn nat44 nft 'insert rule ip nat4 post" &&
		by_its_command nat44 && node gateway nft delete table ip nat4 && ctl pool4 remove own
}

conntrack_is_full()
{
	node gateway test -e /proc/sys/net/netfilter/nf_conntrack_max || return 0
	instead /proc/sys/net/netfilter/nf_conntrack_count 95 \
		instead /proc/sys/net/netfilter/nf_conntrack_max 100 \
		says 0 "warn conntrack sysctl -w net.netfilter.nf_conntrack_max=200"
}

little_memory()
{
	instead /proc/meminfo "MemAvailable:       8192 kB" says 0 "warn memory nat64ctl config set Limits.Bindings 500"
}

# The database was written tomorrow.
clock_is_behind()
{
	touch -d tomorrow "$RUN/state/state.db" && says 1 "FAIL clock timedatectl set-ntp true" &&
		mends clock touch "$RUN/state/state.db"
}

# The database lies on a disk of its own.
full_disk()
{
	fallocate -l 60M "$RUN/state/ballast" && says 0 "warn disk du -xh $RUN/state" && mends disk rm "$RUN/state/ballast"
}

no_route_to_pool6()
{
	node gateway ip -6 route del $TOPOLOGY_POOL6/96 && says 0 "warn route-pool6 nat64ctl setup --config $RUN/nat64d.conf" &&
		by_its_command route-pool6
}

no_default_route()
{
	node gateway ip route del default && says 0 "warn route-ipv4 ip route add default via GATEWAY" &&
		mends route-ipv4 node gateway ip route add default via 192.0.2.2
}

advertised_route()
{
	node gateway ip -6 route add default via 2001:db8:6::1 dev router6 proto ra expires 1000 &&
		node gateway sysctl -qw net/ipv6/conf/router6/accept_ra=1 &&
		says 0 "warn router-advertisements sysctl -w net/ipv6/conf/router6/accept_ra=2" &&
		by_its_command router-advertisements && node gateway ip -6 route del default dev router6
}

# What its command sets counts, though no file says so. No client sends by a link for storage.
narrow_side()
{
	node gateway ip link add storage mtu 9000 up type veth peer name storage-end && says 0 "ok mtu-sides " &&
		node gateway ip link del storage && node gateway ip link set router4 mtu 1400 && says 0 "warn mtu-sides nat64ctl config set Translation.ClampMSS yes" &&
		mends mtu-sides ctl config set Translation.ClampMSS yes && ctl config reset Translation.ClampMSS &&
		says 0 "warn mtu-sides " && mends mtu-sides node gateway ip link set router4 mtu 1500
}

# Pool6 of the running daemon is asked about, not that of the files.
other_pool6()
{
	local status
	ctl pool6 add 2001:db8:66::/96 && ctl pool6 remove $TOPOLOGY_POOL6/96 && dns64_of 2001:db8:66::c000:aa &&
		node gateway ip -6 route flush $TOPOLOGY_POOL6/96
	says 0 "ok route-pool6 " && grep '^ok dns64 ' "$RUN/doctor"
	status=$?
	ctl config reset Translation.Pool6 && dns64_of 2001:db8:64::c000:aa || return
	return $status
}

large_superpackets()
{
	node gateway ip link set router6 gso_max_size 100000 &&
		says 0 "warn superpackets ip link set router6 gso_max_size 65000 gro_max_size 65000" && by_its_command superpackets
}

# Only where the kernel forwards what is translated.
source_check()
{
	cp "$RUN/nat64d.conf" "$RUN/kept.conf" && printf '[Queue]\nInject=packet\n' >>"$RUN/nat64d.conf" &&
		node gateway sysctl -qw net.ipv4.conf.all.rp_filter=1 && says 1 "FAIL source-check sysctl -w net.ipv4.conf.all.rp_filter=0" &&
		by_its_command source-check && cp "$RUN/kept.conf" "$RUN/nat64d.conf"
}

# Without this capability the kernel does not answer.
without_rights()
{
	node gateway setpriv --bounding-set -net_admin "$NAT64CTL" --json doctor --config "$RUN/nat64d.conf" >"$RUN/doctor.json"
	same "exit status" 0 $? && grep -A2 -B2 'CAP_NET_ADMIN' "$RUN/doctor.json" && grep 'sudo nat64ctl doctor' "$RUN/doctor.json" &&
		/usr/bin/python3 -c '
import json, sys
for row in json.load(open(sys.argv[1])):
    if row["check"] == "rules":
        sys.exit(row["result"] != "skip" or row["fix"] != "sudo nat64ctl doctor")
sys.exit(1)' "$RUN/doctor.json" && may_not_ask_what_is_there
}

# Not known is not the same as not there.
may_not_ask_what_is_there()
{
	node gateway setpriv --bounding-set -net_admin "$NAT64CTL" teardown --dry-run 2>"$RUN/refused"
	same "exit status" 1 $? && grep '^nat64ctl: teardown: packet rules need the capability CAP_NET_ADMIN' "$RUN/refused"
}

# What Queue.Rules asks of the kernel; where that can do it there is nothing to provoke.
no_queue_expression()
{
	cp "$RUN/nat64d.conf" "$RUN/kept.conf" && printf '[Queue]\nRules=nft\n' >>"$RUN/nat64d.conf"
	if node gateway nft -c 'add table inet t; add chain inet t c; add rule inet t c queue num 1' 2>/dev/null; then
		says 0 "ok kernel "
	else
		says 1 "FAIL kernel modprobe nft_queue"
	fi && cp "$RUN/kept.conf" "$RUN/nat64d.conf"
}

# The servers do not find back to pool4.
no_answers()
{
	node router4 ip route del $TOPOLOGY_POOL4 && node client ping -n -q -c 25 -i 0.02 -W 0.2 $TOPOLOGY_SERVER6
	says 0 "warn traffic ip route add 203.0.113.1/32 via 192.0.2.1 && ip route add 203.0.113.2/32 via 192.0.2.1" &&
		node router4 ip route add $TOPOLOGY_POOL4 via $TOPOLOGY_GATEWAY4 && node client ping -n -c 1 -W 5 $TOPOLOGY_SERVER6 &&
		says 0 "ok traffic "
}

# The packet loop does not read.
hangs()
{
	local pid=${TOPOLOGY_PIDS[nat64d]} status
	kill -STOP "$pid" && node client ping -n -q -c 3 -i 0.1 -W 0.1 $TOPOLOGY_SERVER6
	says 1 "FAIL readers systemctl restart nat64d" && grep '^FAIL daemon systemctl restart nat64d' "$RUN/doctor"
	status=$?
	kill -CONT "$pid"
	return $status
}

# The remedies of an instance are for it.
of_an_instance()
{
	ctl --json -i other doctor --config "$RUN/nat64d.conf" >"$RUN/doctor.json"
	same "exit status" 1 $? && grep '"fix":"systemctl restart nat64d@other"' "$RUN/doctor.json" &&
		grep '"fix":"nat64ctl -i other setup --config' "$RUN/doctor.json"
}

mount -t tmpfs -o size=64M nat64d-state "$RUN/state"
gateway_configure routed
sed -i 's/^Addresses=.*/Addresses=203.0.113.1\nPorts=5000-5001\nProtocols=tcp\n[Pool4 rest]\nAddresses=203.0.113.2/' "$RUN/nat64d.conf"
dns64_of 2001:db8:64::c000:aa
tap_gateway
check "answers do not come back" no_answers
check "all is well" all_well
check "its JSON is as the schema says" valid_json
check "IPv4 is not forwarded" forwards ipv4 net/ipv4/ip_forward
check "IPv6 is not forwarded" forwards ipv6 net/ipv6/conf/all/forwarding
check "forwarding that setup may not turn on" forwards_by_hand
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
check "a firewall that drops what is translated" firewall_drops
check "the same made by iptables" iptables_drops
check "a rule that sets a mark of nat64d's" mark_clashes
check "ports that the kernel gives to programs" local_ports
check "a port that a program listens on" port_in_use
check "masquerade on ports of pool4" masquerade
check "connections at their limit" conntrack_is_full
check "little memory" little_memory
check "a clock that is behind the database" clock_is_behind
check "a full disk" full_disk
check "no route to Pool6" no_route_to_pool6
check "no IPv4 default route" no_default_route
check "a default route by router advertisement" advertised_route
check "an IPv4 side that is narrower" narrow_side
check "another Pool6 at run time" other_pool6
check "superpackets that do not fit" large_superpackets
check "sources are checked" source_check
check "no queue expression" no_queue_expression
check "without CAP_NET_ADMIN" without_rights
check "an instance" of_an_instance
check "packets lost in the queues" lost_packets
check "a daemon that hangs" hangs
check "nat64d ends with status 0" daemon_ends_well
check "no daemon" says 1 "FAIL daemon systemctl restart nat64d"
check "nobody reads the queues" says 1 "FAIL readers systemctl restart nat64d"
check "what only it knows is skipped" grep -c '^skip' "$RUN/doctor"
check "no rules" without_rules
tap_end
