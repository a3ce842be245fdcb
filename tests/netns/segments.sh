#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Segments of what came as superpackets: on the wire behind the gateway no TCP packet is larger than the
# path and the receiver allow, transfers end with the right checksum, and a path that becomes narrower in
# the middle of one is found out, whatever options TCP uses. The ends send superpackets; the gateway's
# links cut them, so that the routers behind can measure.
#
# usage: segments.sh INJECT

. "$(dirname "$0")/tap.sh"
. tests/netns/traffic.sh
tap_begin "$@"
inject=$1 pool4=routed
PAYLOAD=20000000

# From now on the lengths of all TCP packets that come from the gateway to each router.
measure_begin()
{
	local router
	for router in router6 router4; do
		node $router nft -f - <<-END || return
			table inet measure
			delete table inet measure
			table inet measure {
				set sizes { typeof meta length; flags dynamic; size 65535; }
				chain prerouting {
					type filter hook prerouting priority raw; policy accept;
					iifname "gateway" meta l4proto tcp add @sizes { meta length }
				}
			}
		END
	done
}

# largest ROUTER
largest()
{
	node "$1" nft --json list set inet measure sizes | grep -o '"elem": \[[^]]*' | grep -o '[0-9]*' |
		sort -n | tail -n 1
}

# at_most ROUTER SIZE: and such packets there were.
at_most()
{
	local size
	size=$(largest "$1")
	[ -n "$size" ] && [ "$size" -le "$2" ] && return
	echo "the largest TCP packet at $1 has \"$size\" bytes, not at most $2"
	return 1
}

# both MOST6 MOST4: there and back, with no packet larger than so much on either side.
both()
{
	measure_begin && download && upload && at_most router6 "$1" && at_most router4 "$2"
}

# announces NODE MSS: in its SYNs; 0: as ever.
announces()
{
	local mss="advmss $2"
	[ "$2" != 0 ] || mss=
	# shellcheck disable=SC2086
	if [ "$1" = client ]; then
		ip -n $TOPOLOGY_NAME-client route replace default via 2001:db8:1::1 $mss
	else
		ip -n $TOPOLOGY_NAME-server route replace default via 198.51.100.1 $mss
	fi
}

# with_mss NODE MSS: whoever sends to it keeps to it, and so does the gateway; it may send more itself.
with_mss()
{
	local most6=1500 most4=1500
	if [ "$1" = client ]; then most6=$(($2 + 60)); else most4=$(($2 + 40)); fi
	announces "$1" "$2" && both $most6 $most4
	set -- $? "$1"
	announces "$2" 0
	return "$1"
}

# with NODE KEY=VALUE MOST6 MOST4: with that sysctl at both ends.
with()
{
	local key=${1%%=*} before status
	before=$(node client cat "/proc/sys/net/$key")
	sysctls client "$1" && sysctls server "$1" && both "$2" "$3"
	status=$?
	sysctls client "$key=$before" && sysctls server "$key=$before"
	return $status
}

has_begun()
{
	[ "$(stat -c %s "$1" 2>/dev/null || echo 0)" -gt 2000000 ]
}

has_not_ended()
{
	[ "$(stat -c %s "$1")" -lt $((PAYLOAD - 1000000)) ] && return
	echo "the download was over before anything could be measured"
	return 1
}

# narrowed NODE MTU: in the middle of a download, or of an upload, the way to NODE becomes so narrow.
narrowed_download()
{
	local status
	rm -f "$RUN/part"
	node_start client curl curl -sS -m 60 --limit-rate 10M -o "$RUN/part" http://server.example/payload
	until_true 20 has_begun "$RUN/part" && topology_narrow client "$1" && wait "${TOPOLOGY_PIDS[curl]}"
	status=$?
	unset "TOPOLOGY_PIDS[curl]"
	topology_narrow client 0
	[ $status = 0 ] || { cat "$RUN/curl.log" && return 1; }
	same checksum "$TOPOLOGY_SUM" "$(sha256sum <"$RUN/part" | cut -d' ' -f1)"
}

# interrupted MSS MOST COMMAND…: of a client that announces that, and a daemon that is another one from the
# middle of a download on. What the new one knows of the session is what it is told; no packet may be larger.
interrupted()
{
	local most=$2 status
	announces client "$1"
	rm -f "$RUN/part"
	# What the client's kernel takes before curl does was not sent by the new one: less than has_not_ended() wants.
	node client sysctl -qw net.ipv4.tcp_rmem="4096 65536 262144" || return
	node_start client curl curl -sS -m 60 --limit-rate 3M -o "$RUN/part" http://server.example/payload
	until_true 20 has_begun "$RUN/part" && "${@:3}" && measure_begin && has_not_ended "$RUN/part" &&
		wait "${TOPOLOGY_PIDS[curl]}"
	status=$?
	unset "TOPOLOGY_PIDS[curl]"
	announces client 0
	[ $status = 0 ] || { cat "$RUN/curl.log" && return 1; }
	same checksum "$TOPOLOGY_SUM" "$(sha256sum <"$RUN/part" | cut -d' ' -f1)" && at_most router6 "$most"
}

restarted()
{
	gateway_stop && gateway_start
}

# What was flushed before is what the next one knows.
killed()
{
	until_true 5 state_is_flushed && kill -KILL "${TOPOLOGY_PIDS[nat64d]}" || return
	wait "${TOPOLOGY_PIDS[nat64d]}" 2>/dev/null
	unset "TOPOLOGY_PIDS[nat64d]"
	gateway_start
}

state_is_flushed()
{
	[ "$(node gateway busctl --address="$DBUS_SYSTEM_BUS_ADDRESS" get-property org.nat64d1 /org/nat64d1 \
		org.nat64d1.Manager PendingChanges)" = "t 0" ]
}

# as_large_as_before MSS COMMAND…: stored, or handed over, with the session, so segments are as large as before.
as_large_as_before()
{
	interrupted "$1" $(($1 + 60)) "${@:2}" && same "the largest" $(($1 + 60)) "$(largest router6)"
}

# How much the server's side has taken.
upload_has_begun()
{
	[ "$(node router4 nft list counter inet progress passed | awk '/bytes/ { print $4 }')" -gt 2000000 ]
}

narrowed_upload()
{
	local status
	node router4 nft -f - <<-END || return
		table inet progress
		delete table inet progress
		table inet progress {
			counter passed { }
			chain forward {
				type filter hook forward priority 0; policy accept;
				oifname "server" counter name passed
			}
		}
	END
	node_start client curl curl -sS -m 60 --limit-rate 10M -H Expect: \
		--data-binary "@$RUN/www/payload" http://server.example/cgi-bin/upload
	until_true 20 upload_has_begun && topology_narrow server "$1" && wait "${TOPOLOGY_PIDS[curl]}"
	status=$?
	unset "TOPOLOGY_PIDS[curl]"
	topology_narrow server 0
	[ $status = 0 ] || { cat "$RUN/curl.log" && return 1; }
	same checksum "$TOPOLOGY_SUM" "$(cat "$RUN/curl.log")"
}

# Bytes for each packet of the TCP queue: more than any single one has.
superpackets_are_whole()
{
	local bytes packets
	bytes=$(counter 'bytes_(6to4|4to6)') packets=$(counter 'queue_6400_received')
	[ "$inject" = raw ] || [ "$bytes" -gt $((packets * 3000)) ] && return
	echo "$bytes bytes in $packets packets"
	return 1
}

# Of a sender's own superpackets, each datagram arrives, there and back, and none as a part of another.
udp_superpackets()
{
	same "datagrams, and those as they were sent" "10 10" \
		"$(node client python3 tests/netns/udp_segment.py client $TOPOLOGY_SERVER6 4000)"
}

# They cross the gateway's links whole, so the gateway's kernel has to cut them for nat64d.
udp_superpackets_cross()
{
	node_start server segments python3 tests/netns/udp_segment.py server $TOPOLOGY_SERVER4 4000
	until_true 10 grep -q listening "$RUN/segments.log" && udp_superpackets
}

cut_on_links()
{
	node gateway ethtool -K router6 tso off gso off >/dev/null &&
		node gateway ethtool -K router4 tso off gso off >/dev/null &&
		node router6 ethtool -K gateway gro off >/dev/null &&
		node router4 ethtool -K gateway gro off >/dev/null
}

topology_offloads on && cut_on_links || tap_bail "offloads cannot be set"
traffic_servers $PAYLOAD || tap_bail "the servers do not listen"
gateway_configure "$pool4" "[Queue]"$'\n'"Workers=1"$'\n'"Inject=$inject"
tap_gateway

check "plain transfers" both 1500 1500
check "superpackets are whole" superpackets_are_whole
check "MSS 536 of the client" with_mss client 536
check "MSS 1400 of the client" with_mss client 1400
check "MSS 536 of the server" with_mss server 536
check "MSS 1400 of the server" with_mss server 1400
check "without timestamps" with ipv4/tcp_timestamps=0 1500 1500
check "with ECN" with ipv4/tcp_ecn=1 1500 1500
check "superpackets of UDP" udp_superpackets_cross
check "path MTU of the client falls to 1280 in the middle of a download" narrowed_download 1280
check "path MTU of the server falls to 1280 in the middle of an upload" narrowed_upload 1280
check "path MTU of the server falls to 905 in the middle of an upload" narrowed_upload 905
check "conservation" until_true 3 conservation
check "MSS 536 of the client, and a restart in the middle of a download" interrupted 536 596 restarted
check "MSS 536, and a hand-over in the middle of a download" interrupted 536 596 gateway_replace
check "MSS 1000, and a hand-over: segments are as large as before" as_large_as_before 1000 gateway_replace
check "MSS 1400, and a restart: segments are as large as before" as_large_as_before 1400 restarted
check "MSS 1000, and kill -9: segments are as large as before" as_large_as_before 1000 killed
check "nat64d ends with status 0" daemon_ends_well
check "its interface is gone" same "interface" "" "$(node gateway ip -brief link show type veth | grep '^n' | cut -d@ -f1)"
tap_end
