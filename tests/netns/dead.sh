#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What happens when something is dead: the server's link, the gateway's next hop, or nat64d itself
# (X-17: nothing untranslated passes, and nothing of the host's own is lost).
#
# usage: dead.sh POOL4 (routed or own)

. "$(dirname "$0")/tap.sh"
tap_begin "$@"
pool4=$1

# The client is told 1/0, no route to destination, within 5 seconds.
told_no_route()
{
	node client ping -n -c 6 -i 1 -w 6 $TOPOLOGY_SERVER6 >"$RUN/ping" 2>&1 &
	until_true 5 grep -q 'Destination unreachable: No route' "$RUN/ping"
	set -- $?
	kill $! 2>/dev/null
	wait $!
	cat "$RUN/ping"
	return "$1"
}

# with_link_down NODE INTERFACE COMMAND…
with_link_down()
{
	local status
	node "$1" ip link set "$2" down
	"${@:3}"
	status=$?
	node "$1" ip link set "$2" up
	[ "$1" != server ] || node server ip route replace default via 198.51.100.1
	[ "$1" != router4 ] || node router4 ip route replace $TOPOLOGY_POOL4 via $TOPOLOGY_GATEWAY4
	return $status
}

server_answers()
{
	until_true 10 node client ping -n -c 1 -W 1 $TOPOLOGY_SERVER6
}

# Counts what the gateway lets out, in both neighbours; neighbour discovery is none of it.
count_leaks()
{
	node router4 nft -f - <<-END
		table ip leaks {
			counter out { }
			chain prerouting {
				type filter hook prerouting priority raw; policy accept;
				iifname "gateway" counter name out
			}
		}
	END
	node router6 nft -f - <<-END
		table ip6 leaks {
			counter out { }
			chain prerouting {
				type filter hook prerouting priority raw; policy accept;
				ip6 nexthdr icmpv6 icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert,
					nd-router-solicit, nd-router-advert, mld2-listener-report } return
				ip6 nexthdr hopopt return
				iifname "gateway" counter name out
			}
		}
	END
}

leaked()
{
	{ node router4 nft list counter ip leaks out && node router6 nft list counter ip6 leaks out; } |
		awk '/packets/ { sum += $2 } END { print sum }'
}

# Both ways, in all protocols, to a mapping that was live a moment ago.
nothing_leaks()
{
	local address=$1 port=$2 before
	before=$(leaked)
	[ "$before" -gt 0 ] || { echo "nothing is counted at all" && return 1; }
	node client ping -n -c 2 -i 0.05 -W 0.5 $TOPOLOGY_SERVER6
	ask client udp $TOPOLOGY_SERVER6 7 5000
	node client timeout 1 bash -c ": <>/dev/tcp/$TOPOLOGY_SERVER6/7"
	node server bash -c "echo >/dev/udp/$address/$port"
	node server timeout 1 bash -c ": <>/dev/tcp/$address/$port"
	[ "$pool4" = own ] || node server ping -n -c 2 -i 0.05 -W 0.5 "$address"
	same "packets let out" "$before" "$(leaked)"
}

own_ping()
{
	node server ping -n -c 5 -i 0.05 -w 5 $TOPOLOGY_GATEWAY4
}

own_server()
{
	same answer "$TOPOLOGY_SERVER4 5022" \
		"$(echo hello | node server timeout 30 socat -t 10 - TCP4:$TOPOLOGY_GATEWAY4:22,sourceport=5022,reuseaddr)"
}

own_path_mtu()
{
	topology_narrow server 1280
	node gateway ping -n -c 3 -i 0.1 -W 1 -M do -s 1400 $TOPOLOGY_SERVER4
	node gateway ip route get $TOPOLOGY_SERVER4 | grep 'mtu 1280'
	set -- $?
	topology_narrow server 0
	return "$1"
}

# The daemon hears of it, and does not wait for its next look at the host.
rules_are_flushed()
{
	node gateway nft flush ruleset &&
		until_true 8 grep 'the packet rules are in place again' "$RUN/nat64d.log" &&
		server_answers
}

# put_back COMMAND…: what it changes of the table is as it was before, soon and as long as it is looked at.
put_back()
{
	local before
	before=$(table_now)
	"$@" && until_true 20 eval '[ "$(table_now)" = "$before" ]' && server_answers && same table "$before" "$(table_now)"
}

table_now()
{
	node gateway nft list table inet nat64d
}

# What was added by command is not in the files by which setup would put the table.
setup_beside_the_daemon()
{
	ctl pool4 add 203.0.113.32 --name more && ctl pool6 add 2001:db8:65::/96 &&
		ctl setup --config "$RUN/nat64d.conf" >"$RUN/setup" &&
		grep 'the daemon that runs has put its packet rules in place anew' "$RUN/setup" &&
		still_has_both
}

# The same by what knows nothing of the daemon.
table_by_the_files()
{
	ctl setup --print --config "$RUN/nat64d.conf" >"$RUN/setup.sh" && node gateway sh "$RUN/setup.sh"
}

still_has_both()
{
	node gateway nft list set inet nat64d pool4 | grep -F 203.0.113.32 &&
		node gateway nft list set inet nat64d pool6 | grep -F 2001:db8:65::/96
}

daemon_is_killed()
{
	kill -KILL "${TOPOLOGY_PIDS[nat64d]}"
	wait "${TOPOLOGY_PIDS[nat64d]}" 2>/dev/null
	unset "TOPOLOGY_PIDS[nat64d]"
}

topology_servers 1000 || tap_bail "the servers do not listen"
count_leaks
gateway_configure "$pool4"
peer_server gateway tcp4 22
tap_gateway

check "the server answers" server_answers
check "the server's link is down: 1/0 within 5 s" with_link_down server router4 told_no_route
check "the server answers again" server_answers
check "the next hop is dead: 1/0 within 5 s" with_link_down router4 gateway told_no_route
check "the server answers again" server_answers
for end in stopped killed; do
	mapped=$(ask client udp $TOPOLOGY_SERVER6 7 5000)
	if [ $end = stopped ]; then
		check "conservation" until_true 3 conservation
		check "nat64d ends with status 0" daemon_ends_well
	else
		daemon_is_killed
	fi
	check "nat64d $end: nothing leaks" nothing_leaks "${mapped% *}" "${mapped#* }"
	check "nat64d $end: the gateway answers ping" own_ping
	check "nat64d $end: the gateway's own TCP server answers" own_server
	check "nat64d $end: the gateway's own path MTU discovery" own_path_mtu
	tap_gateway
	check "nat64d is back: the server answers" server_answers
done
check "somebody flushes all rules: the server answers again" rules_are_flushed
check "somebody flushes one chain: the server answers again" \
	put_back node gateway nft flush chain inet nat64d prerouting
check "somebody puts a rule before ours: the server answers again" \
	put_back node gateway nft insert rule inet nat64d prerouting accept
check "somebody empties a set: the server answers again" put_back node gateway nft flush set inet nat64d pool6
check "setup beside the daemon: it does that itself, with all that it has" setup_beside_the_daemon
check "somebody puts the table of the files in place" put_back table_by_the_files
check "what was added by command is in the rules again" still_has_both
check "conservation" until_true 3 conservation
check "nat64d ends with status 0" daemon_ends_well
tap_end
