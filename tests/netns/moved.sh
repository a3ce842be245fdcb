#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# From one gateway to another (nat64ctl(1), MOVING TO ANOTHER GATEWAY): a snapshot is taken on the first and
# restored on a second, which has another kernel's boot and clock, and pool4 and Pool6 are routed to it. A
# download, idle TCP connections and a UDP flow go on; by nat64ctl and the routers alone.

. "$(dirname "$0")/tap.sh"
tap_begin "$@"
. tests/netns/lasting.sh
IDLE=20
NEXT6=2001:db8:16:: NEXT4=203.0.113.24 # networks of the second gateway's links; /64 and /29

# Between the same two routers as the first.
second_gateway()
{
	ip netns add $TOPOLOGY_NAME-gateway2 &&
		sysctls gateway2 ipv4/ip_forward=1 ipv6/conf/all/forwarding=1 ipv6/conf/default/accept_dad=0 &&
		link router6 gateway2 && link gateway2 router4 &&
		ip -n $TOPOLOGY_NAME-gateway2 -batch - <<-END &&
			link set lo up
			link set router6 up
			link set router4 up
			address add ${NEXT6}2/64 dev router6
			address add ${NEXT4%.*}.26/29 dev router4
			route add 2001:db8:1::/64 via ${NEXT6}1
			route add default via ${NEXT4%.*}.25
		END
		ip -n $TOPOLOGY_NAME-router6 -batch - <<-END2 &&
			link set gateway2 up
			address add ${NEXT6}1/64 dev gateway2
		END2
		ip -n $TOPOLOGY_NAME-router4 -batch - <<-END3
			link set gateway2 up
			address add ${NEXT4%.*}.25/29 dev gateway2
		END3
}

# Another machine was booted at another time.
cat >"$RUN/other_machine" <<'END'
mount --bind "$RUN/boot_id" /proc/sys/kernel/random/boot_id || exit
echo $$ >"$RUN/nat64d2.pid"
exec "$@"
END
echo 11111111-2222-3333-4444-555555555555 >"$RUN/boot_id"

ctl2()
{
	node gateway2 "$NAT64CTL" --socket "$RUN/control2" "$@"
}

second_is_active()
{
	[ "$(ctl2 --json status | jq -r .state)" = active ]
}

second_starts()
{
	RUN=$RUN node_start gateway2 nat64d2 unshare --mount --time --boottime 1000000 --fork --kill-child \
		sh "$RUN/other_machine" "$NAT64D" --config "$RUN/nat64d.conf" \
		--state-dir "$RUN/state2" --no-bus --socket "$RUN/control2"
	until_true 15 second_is_active || { cat "$RUN/nat64d2.log" && return 1; }
}

second_has()
{
	ctl2 --json bib list --static | jq -r '.[].mapped' | grep -qx 203.0.113.5:443 &&
		same "Timeouts.UDP" "6min runtime" \
			"$(ctl2 --json config list | jq -r '.[] | select(.key == "Timeouts.UDP") | .value + " " + .source')" &&
		grep -E 'restored [1-9][0-9]* bindings and [1-9][0-9]* sessions' "$RUN/nat64d2.log"
}

second_ends_well()
{
	kill -TERM "$(cat "$RUN/nat64d2.pid")"
	wait "${TOPOLOGY_PIDS[nat64d2]}"
	same "exit status" 0 $? && ! grep -E 'ERROR: |runtime error: ' "$RUN/nat64d2.log"
}

# pool4 and Pool6 are where the routers send them.
routes_move()
{
	ip -n $TOPOLOGY_NAME-router6 route replace $TOPOLOGY_POOL6/96 via ${NEXT6}2 &&
		ip -n $TOPOLOGY_NAME-router4 route replace $TOPOLOGY_POOL4 via ${NEXT4%.*}.26
}

mapped_stays()
{
	same "seen as" "$mapped" "$(ask client udp $TOPOLOGY_SERVER6 7 5000)"
}

# What is new gets nothing that another has.
new_ones_are_apart()
{
	local seen
	seen=$(ask client udp $TOPOLOGY_SERVER6 7 5001)
	[ "$seen" != "$mapped" ] && [[ $seen = 203.0.113.* ]] || { echo "seen as: $seen" && return 1; }
}

through_second()
{
	[ "$(ctl2 --json stats | jq '[.[] | select(.name | test("^packets_(6to4|4to6)_translated$")) | .value] | add')" \
		-gt 1000 ]
}

lasting_servers 60000000
check "a second gateway" second_gateway
gateway_configure routed
tap_gateway
check "a first start is after no end" eval 'grep "restored 0 bindings and 0 sessions; 0 ports" "$RUN/nat64d.log"'
lasting_begin idle client idle $TOPOLOGY_SERVER6 $IDLE
check "$IDLE TCP connections" lasting_has_begun idle $IDLE
mapped=$(ask client udp $TOPOLOGY_SERVER6 7 5000)
ctl publish 443/tcp 2001:db8:1::2 --on 203.0.113.5 >/dev/null && ctl config set Timeouts.UDP 6min >/dev/null
lasting_begin download client download $TOPOLOGY_SERVER6 /payload "$RUN/hurry"
check "the download is under way" until_true 10 eval '[ -n "$(node server ss -Hnt state established "sport = :80")" ]'

# While the daemon does not answer.
snapshot_is_killed()
{
	local status
	kill -STOP "${TOPOLOGY_PIDS[nat64d]}"
	node_start gateway copier "$NAT64CTL" snapshot --to "$RUN/copies/moved.db"
	until_true 5 eval 'ls -l /proc/${TOPOLOGY_PIDS[copier]}/fd | grep -q "$RUN/copies/"'
	kill -KILL "${TOPOLOGY_PIDS[copier]}"
	wait "${TOPOLOGY_PIDS[copier]}"
	status=$?
	unset "TOPOLOGY_PIDS[copier]"
	kill -CONT "${TOPOLOGY_PIDS[nat64d]}"
	same "exit status" $((128 + 9)) $status && same "what it leaves" "old" "$(ls "$RUN/copies")"
}

mkdir "$RUN/state2" "$RUN/copies"
: >"$RUN/copies/old"
check "a snapshot that is killed leaves nothing" snapshot_is_killed
check "a snapshot of the first" ctl snapshot --to "$RUN/moved.db"
check "it is restored for the second" eval 'node gateway2 "$NAT64CTL" restore "$RUN/moved.db" --state-dir "$RUN/state2" |
	grep -E "restores [1-9][0-9]* bindings and [1-9][0-9]* sessions"'
check "the second starts" second_starts
check "it has them, and what was changed by command" second_has
check "the routes move" routes_move
check "the first ends with status 0" daemon_ends_well
check "idle connections answer" lasting_answers idle $IDLE
check "the UDP flow has its port" mapped_stays
check "new flows have others" new_ones_are_apart
check "the download is still under way" node_is_running download
: >"$RUN/hurry"
check "the download ends well" lasting_ends_well download
check "it went through the second" through_second
check "the second ends with status 0" second_ends_well
tap_end
