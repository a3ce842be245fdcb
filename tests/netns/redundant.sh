#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Two gateways as doc/redundancy.md has them, with what is in data/examples: keepalived, which moves all traffic to the
# other one when nat64d is ill, and nat64d-move, which takes bindings and sessions along; BIRD, which tells the routers
# where pool4 and Pool6 are while nat64d is healthy.
#
# usage: redundant.sh keepalived|bird

. "$(dirname "$0")/tap.sh"
tap_begin "$@"
tap_needs keepalived bird birdc
VIRTUAL6=2001:db8:6::64 VIRTUAL4=192.0.2.64

# Its own /run/nat64d, /run/bird and /var/lib; and interfaces with the names of the examples.
machine()
{
	node_start "$1" machine-"$1" unshare --mount bash -c 'mkdir -p /run/nat64d /run/bird "$1" &&
		mount -t tmpfs tmpfs /run/nat64d && mount -t tmpfs tmpfs /run/bird && mount -t tmpfs tmpfs "$1" &&
		mkdir "$1/upper" "$1/work" &&
		mount -t overlay overlay -o "lowerdir=/var/lib,upperdir=$1/upper,workdir=$1/work" /var/lib &&
		echo ready && exec sleep infinity' bash "$RUN/$1-disk"
	until_true 5 grep ready "$RUN/machine-$1.log" || { cat "$RUN/machine-$1.log" && return 1; }
	export "MACHINE_$1=${TOPOLOGY_PIDS[machine-$1]}"
}

# on NODE COMMAND…; also for what it runs itself.
cat >"$RUN/on" <<'END'
#!/bin/bash
# on NODE COMMAND…: on that machine; one word is for a shell, as ssh has it.
export NODE=$1
shift
[ $# -gt 1 ] || set -- bash -c "$1"
pid=MACHINE_$NODE
exec nsenter --mount="/proc/${!pid}/ns/mnt" --net="/proc/${!pid}/ns/net" -- "$@"
END
cat >"$RUN/shell" <<'END'
#!/bin/bash
# As ssh: HOST, and words that are joined.
host=$1
shift
exec "$RUN/on" "$host" "$*"
END
cat >"$RUN/stuck" <<'END'
#!/bin/bash
# The same, but a restore has what it is to read and does not end.
case $2 in
umask*) "$RUN/on" "$1" 'cat >/run/nat64d-move.db' && : >"$RUN/is-stuck" && exec sleep 60 ;;
*) exec "$RUN/shell" "$@" ;;
esac
END
chmod +x "$RUN/on" "$RUN/shell" "$RUN/stuck"

on()
{
	"$RUN/on" "$@"
}

# In one network with the other at both sides.
second_gateway()
{
	local router
	ip netns add $TOPOLOGY_NAME-gateway2 &&
		sysctls gateway2 ipv4/ip_forward=1 ipv6/conf/all/forwarding=1 ipv6/conf/default/accept_dad=0 &&
		link router6 gateway2 && link gateway2 router4 || return
	for router in router6 router4; do
		ip -n $TOPOLOGY_NAME-$router -batch - <<-END || return
			link add both type bridge
			link set gateway master both
			link set gateway2 master both
			address flush dev gateway
			link set gateway2 up
			link set both up
		END
	done
	ip -n $TOPOLOGY_NAME-router6 -batch - <<-END && ip -n $TOPOLOGY_NAME-router4 -batch - <<-END2 || return
		address add 2001:db8:6::1/64 dev both nodad
		route replace $TOPOLOGY_POOL6/96 via $VIRTUAL6
	END
		address add 192.0.2.2/24 dev both
		route replace $TOPOLOGY_POOL4 via $VIRTUAL4
	END2
	named_as_in_examples gateway $TOPOLOGY_GATEWAY6 $TOPOLOGY_GATEWAY4 &&
		named_as_in_examples gateway2 2001:db8:6::3 192.0.2.3
}

# named_as_in_examples NODE ADDRESS6 ADDRESS4
named_as_in_examples()
{
	ip -n $TOPOLOGY_NAME-"$1" link set router6 down
	ip -n $TOPOLOGY_NAME-"$1" link set router4 down
	ip -n $TOPOLOGY_NAME-"$1" -batch - <<-END
		link set lo up
		link set router6 name lan0
		link set router4 name wan0
		address flush dev lan0
		address flush dev wan0
		link set lan0 up
		link set wan0 up
		address add $2/64 dev lan0 nodad
		address add $3/24 dev wan0
		route add 2001:db8:1::/64 via 2001:db8:6::1
		route add default via 192.0.2.2
	END
}

# is_with NODE: the addresses that move, both.
is_with()
{
	local other=gateway
	[ "$1" = gateway2 ] || other=gateway2
	[ "$(on "$1" ip -oneline address show | grep -c -e "$VIRTUAL6/" -e "$VIRTUAL4/")" = 2 ] &&
		! on $other ip -oneline address show | grep -e "$VIRTUAL6/" -e "$VIRTUAL4/"
}

mapped_stays()
{
	same "seen as" "$mapped" "$(ask client udp $TOPOLOGY_SERVER6 7 5000)"
}

# Of 60 MB.
through_second()
{
	local bytes
	bytes=$(on gateway2 nat64ctl --json stats | jq '.[] | select(.name == "bytes_4to6") | .value')
	[ "$bytes" -gt 1000000 ] || { echo "only $bytes bytes" && return 1; }
}

ends_well()
{
	wait "${TOPOLOGY_PIDS[download]}"
	unset "TOPOLOGY_PIDS[download]"
	same checksum "$TOPOLOGY_SUM  -" "$(cat "$RUN/download.log")"
}

# As when a machine breaks: nobody says goodbye.
dies()
{
	on "$1" bash -c 'kill -KILL $(cat "$RUN/$NODE-nat64d.log.pid")'
}

daemon_of()
{
	on "$1" systemctl stop nat64d && grep 'stopped; ' "$RUN/$1-nat64d.log" &&
		! grep -E 'ERROR: |runtime error: ' "$RUN/$1-nat64d.log"
}

answers()
{
	node client ping -n -c 1 -w 1 $TOPOLOGY_SERVER6
}

# As by Ctrl-C: a signal for the script and for what it runs.
interrupted()
{
	local status
	NAT64D_MOVE_SHELL=$RUN/stuck node_start gateway move setsid "$RUN/on" gateway nat64d-move gateway2 $VIRTUAL6
	until_true 30 test -e "$RUN/is-stuck" || { cat "$RUN/move.log" && return 1; }
	on gateway nat64ctl status | grep draining || return
	kill -TERM -- "-${TOPOLOGY_PIDS[move]}"
	wait "${TOPOLOGY_PIDS[move]}"
	status=$?
	unset "TOPOLOGY_PIDS[move]"
	same status 130 $status || { cat "$RUN/move.log" && return 1; }
}

nothing_is_left()
{
	same "snapshots" "" "$(on gateway bash -c 'ls /run/nat64d-move*' 2>/dev/null; on gateway2 bash -c 'ls /run/nat64d-move*' 2>/dev/null)"
}

keepalived_moves()
{
	check "keepalived has nothing to say about its file" same words "" "$(on gateway env LD_LIBRARY_PATH="$LIBRARIES" \
		keepalived --config-test --use-file /etc/keepalived/keepalived.conf 2>&1)"
	check "both gateways start" eval 'on gateway systemctl start nat64d keepalived && until_true 10 is_with gateway &&
		on gateway2 systemctl start nat64d keepalived'
	check "the first has the addresses" is_with gateway
	mapped=$(ask client udp $TOPOLOGY_SERVER6 7 5000)
	# Two megabytes a second, until the file "hurry" is there.
	node_start client download bash -c "curl -sS -m 90 'http://[$TOPOLOGY_SERVER6]/payload' | {
		until [ -e $RUN/hurry ]; do head -c 100000; sleep 0.05; done
		cat
	} | sha256sum"
	check "the download is under way" until_true 5 eval '[ -n "$(node server ss -Hnt state established "sport = :80")" ]'
	check "a planned move that is interrupted" interrupted
	check "both gateways are healthy" eval 'on gateway nat64ctl health && on gateway2 nat64ctl health'
	check "no snapshot is left" nothing_is_left
	check "the addresses stay where they are" eval '! until_true 3 is_with gateway2 && is_with gateway'
	check "a planned move" on gateway nat64d-move gateway2 $VIRTUAL6
	check "the second has the addresses" is_with gateway2
	check "the UDP flow has its port" mapped_stays
	check "the download is still under way" node_is_running download
	: >"$RUN/hurry"
	check "the download ends well" ends_well
	check "it went through the second" through_second
	check "the first is healthy again, and the addresses stay where they are" eval \
		'on gateway nat64ctl health && ! until_true 3 is_with gateway'
	check "the second breaks" dies gateway2
	check "the first takes over" until_true 20 is_with gateway
	check "it serves" until_true 5 answers
}

announced()
{
	[ "$(node router4 ip route show $TOPOLOGY_POOL4 | grep -c "via $TOPOLOGY_GATEWAY4 .*proto bird")" = 1 ] &&
		[ "$(node router6 ip -6 route show $TOPOLOGY_POOL6/96 | grep -c 'via .*proto bird')" = 1 ]
}

withdrawn()
{
	[ -z "$(node router4 ip route show $TOPOLOGY_POOL4)$(node router6 ip -6 route show $TOPOLOGY_POOL6/96)" ]
}

# signal UNIT SIGNAL
signal()
{
	on gateway bash -c 'kill -'"$2"' $(cat "$RUN/$NODE-'"$1"'.log.pid")'
}

# With a nat64d-announce that does not look.
reads_anew()
{
	signal nat64d-announce STOP && on gateway env LD_LIBRARY_PATH="$LIBRARIES" birdc configure && until_true 5 withdrawn
}

# neighbour NODE ADDRESS PEER FAMILY: a router that believes what it is told.
neighbour()
{
	cat >"$RUN/$1.conf" <<-END
		router id 10.64.0.1;
		protocol device {}
		protocol kernel { $4 { import none; export all; }; }
		protocol bgp { local $2 as 64497; neighbor $3 as 64496; connect retry time 1; $4 { import all; export none; }; }
	END
	topology_unpacked_start "$1" bird-"$1" bird -d -f -c "$RUN/$1.conf" -s "$RUN/$1.ctl" -P "$RUN/$1.pid"
}

bird_announces()
{
	node router4 ip route del $TOPOLOGY_POOL4
	node router6 ip -6 route del $TOPOLOGY_POOL6/96
	neighbour router4 192.0.2.2 $TOPOLOGY_GATEWAY4 ipv4
	neighbour router6 2001:db8:6::1 $TOPOLOGY_GATEWAY6 ipv6
	check "bird has nothing to say about its file" eval \
		'[ -z "$(on gateway env LD_LIBRARY_PATH="$LIBRARIES" bird -p -c /etc/bird/bird.conf 2>&1)" ]'
	check "BIRD and nat64d-announce start, without nat64d" on gateway systemctl start bird nat64d-announce
	check "nothing is announced" eval '! until_true 1 announced && withdrawn'
	check "nat64d starts" on gateway systemctl start nat64d
	check "both prefixes are announced" until_true 30 announced
	check "it serves" until_true 5 answers
	check "drained: withdrawn" eval 'on gateway nat64ctl drain && until_true 5 withdrawn'
	check "resumed: announced" eval 'on gateway nat64ctl resume && until_true 5 announced'
	check "BIRD reads its file anew: withdrawn" reads_anew
	check "nat64d-announce looks again: announced" eval 'signal nat64d-announce CONT && until_true 5 announced'
	check "nat64d hangs: withdrawn" eval 'signal nat64d STOP && until_true 10 withdrawn'
	check "it goes on: announced" eval 'signal nat64d CONT && until_true 10 announced'
	check "killed: withdrawn" eval 'dies gateway && until_true 5 withdrawn'
	check "back: announced" eval 'on gateway systemctl start nat64d && until_true 10 announced'
	check "nat64d-announce ends: withdrawn" eval 'on gateway systemctl stop nat64d-announce && until_true 5 withdrawn'
}

tap_own /etc /var/lib || tap_bail "no /etc to write to"
rm -rf /etc/nat64d /var/lib/nat64d && mkdir -p /etc/nat64d /etc/keepalived /etc/bird "$RUN/bin"
gateway_configure routed && cp "$RUN/nat64d.conf" /etc/nat64d/nat64d.conf
sed "s,/usr/bin/nat64ctl,$RUN/bin/nat64ctl," data/examples/keepalived/keepalived.conf >/etc/keepalived/keepalived.conf
cp data/examples/bird/bird.conf /etc/bird/
ln -s "$(realpath "$NAT64D")" "$RUN/bin/nat64d"
cp "$NAT64CTL" "$RUN/bin/nat64ctl" # keepalived looks at whose the directories on its way are
ln -s "$PWD/tests/netns/systemctl" "$PWD/data/examples/keepalived/nat64d-move" "$PWD/data/examples/bird/nat64d-announce" \
	"$RUN/bin"
export PATH=$RUN/bin:$PATH RUN SOURCES=$PWD LIBRARIES=$TAP_LIBRARIES NAT64D_MOVE_SHELL=$RUN/shell
unset DBUS_SYSTEM_BUS_ADDRESS
topology_servers 60000000 || tap_bail "the servers do not listen"
second_gateway && machine gateway && machine gateway2 || tap_bail "no second gateway"
case $1 in
keepalived) keepalived_moves ;;
bird) bird_announces ;;
esac
check "nat64d ends well" daemon_of gateway
tap_end
