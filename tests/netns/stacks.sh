#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Programs of others that live with a NAT64, all Debian's:
#
#   TAYGA         is the CLAT of an IPv4-only host, nat64d the PLAT (464XLAT, RFC 6877):
#                 host 192.168.1.2 - clat - router6 - gateway - router4 - server
#   coturn        is a STUN server of two addresses, and the client that finds out what NAT it is
#                 behind (RFC 5780)
#   wireguard-go  is a tunnel in UDP
#
# usage: stacks.sh OFFLOADS CONNTRACK POOL4 FILTERING (as tcp.sh)

. "$(dirname "$0")/tap.sh"
TOPOLOGY_NODES+=(clat host)
tap_needs tayga turnserver turnutils_natdiscovery turnutils_stunclient wireguard-go wg
tap_begin "$@"
offloads=$1 conntrack=$2 pool4=$3 filtering=$4
HOST4=192.168.1.2
HOST6=2001:db8:4:464::2 # HOST4, behind the CLAT
OTHER_SERVER4=198.51.100.3
pool4_pattern='203\.0\.113\.([0-9]|1[0-5])'
[ "$pool4" = routed ] || pool4_pattern='192\.0\.2\.1'
TUNNEL=10.9.0 # .1 the client, .2 the server

# ---- 464XLAT ------------------------------------------------------------------------------------

host_up()
{
	link clat router6 && link host clat || return
	sysctls clat ipv4/ip_forward=1 ipv6/conf/all/forwarding=1
	sysctls host ipv6/conf/all/disable_ipv6=1
	ip -n $TOPOLOGY_NAME-router6 -batch - <<-END && ip -n $TOPOLOGY_NAME-clat -batch - <<-END2 &&
		link set clat up
		address add 2001:db8:4::1/64 dev clat
		route add 2001:db8:4:464::/64 via 2001:db8:4::2
	END
		link set router6 up
		link set host up
		address add 2001:db8:4::2/64 dev router6
		address add 192.168.1.1/24 dev host
		route add default via 2001:db8:4::1
	END2
	ip -n $TOPOLOGY_NAME-host -batch - <<-END
		link set clat up
		address add $HOST4/24 dev clat
		route add default via 192.168.1.1
	END
	ip -n $TOPOLOGY_NAME-gateway route add 2001:db8:4::/48 via 2001:db8:6::1
}

# clat_up on|off: with atomic fragments for packets without DF, or without.
clat_up()
{
	mkdir -p "$RUN/tayga"
	cat >"$RUN/tayga.conf" <<-END
		tun-device xlat
		ipv4-addr 192.168.1.64
		ipv6-addr 2001:db8:4:464::64
		prefix $TOPOLOGY_POOL6/96
		map $HOST4 $HOST6
		strict-frag-hdr $1
		data-dir $RUN/tayga
	END
	node clat tayga -c "$RUN/tayga.conf" --mktun >/dev/null || return
	ip -n $TOPOLOGY_NAME-clat -batch - <<-END
		link set xlat up
		route add default dev xlat mtu 1480
		route add 2001:db8:4:464::/64 dev xlat
	END
	node_start clat tayga tayga -c "$RUN/tayga.conf" -n
}

# Counts what passes router6 with a Fragment header that has nothing to be put together (RFC 6946).
count_atomic()
{
	node router6 nft -f - <<-END
		table ip6 atomic {
			counter atomic { }
			chain prerouting {
				type filter hook prerouting priority raw - 200; policy accept;
				iifname "clat" frag frag-off 0 frag more-fragments 0 counter name atomic
			}
		}
	END
}

atomic()
{
	node router6 nft list counter ip6 atomic atomic | awk '/packets/ { print $2 }'
}

# host_pings DF EXPECTED: with DF (do) or without (dont), in so many atomic fragments. (TAYGA translates
# no ICMP in real fragments.)
host_pings()
{
	local before
	before=$(atomic)
	node host ping -n -M "$1" -c 5 -i 0.05 -w 5 $TOPOLOGY_SERVER4 &&
		same "atomic fragments" "$2" $(($(atomic) - before))
}

# host_echoes SIZE
host_echoes()
{
	head -c "$1" "$RUN/www/payload" >"$RUN/datagram"
	same checksum "$(sha256sum <"$RUN/datagram")" "$(node host timeout 3 \
		socat -b 65536 -t 0.5 - "UDP4:$TOPOLOGY_SERVER4:8" <"$RUN/datagram" | sha256sum)"
}

host_downloads()
{
	same checksum "$TOPOLOGY_SUM" "$(node host curl -sS -m 30 http://$TOPOLOGY_SERVER4/payload |
		sha256sum | cut -d' ' -f1)"
}

host_uploads()
{
	same checksum "$TOPOLOGY_SUM" "$(node host curl -sS -m 30 -H Expect: \
		--data-binary "@$RUN/www/payload" http://$TOPOLOGY_SERVER4/cgi-bin/upload)"
}

# path_mtu NODE: what the node has learnt.
path_mtu()
{
	node "$1" ip route show cache | sed -n 's/.* mtu \([0-9]*\).*/\1/p' | sort -u | xargs
}

# A link of 1280 bytes between router6 and the CLAT.
host_path_mtu()
{
	node router6 ip -6 route replace 2001:db8:4:464::/64 via 2001:db8:4::2 mtu lock 1280
	host_downloads && same "path MTU learnt by the server" 1260 "$(path_mtu server)"
	set -- $?
	node router6 ip -6 route replace 2001:db8:4:464::/64 via 2001:db8:4::2
	node server ip route flush cache
	return "$1"
}

server_path_mtu()
{
	topology_narrow server 1380
	host_uploads && same "path MTU learnt by the host" 1380 "$(path_mtu host)"
	set -- $?
	topology_narrow server 0
	node host ip route flush cache
	return "$1"
}

# RFC 7915 4.2: what is behind the gateway; for TAYGA the routers before it have no IPv4 address.
host_traces()
{
	same hops "192.0.2.2 $TOPOLOGY_SERVER4" "$(node host traceroute -f 6 -n -q 1 -w 2 "$@" \
		$TOPOLOGY_SERVER4 | awk 'NR > 1 { print $2 }' | xargs)"
}

# passed_since BEGIN MICROSECONDS
passed_since()
{
	[ $((${EPOCHREALTIME/[.,]/} - $1)) -ge "$2" ]
}

# ---- STUN ---------------------------------------------------------------------------------------

stun_listens()
{
	[ "$(node server ss -Hlnu 'sport = :3478 or sport = :3479' | grep -c .)" -ge 4 ]
}

stun_up()
{
	ip -n $TOPOLOGY_NAME-server address add $OTHER_SERVER4/24 dev router4 &&
		node_start server stun env LD_LIBRARY_PATH="$TAP_LIBRARIES" turnserver -n -S \
			-L $TOPOLOGY_SERVER4 -L $OTHER_SERVER4 -m 1 --no-tls --no-dtls --no-cli \
			-b "$RUN/turndb" -l stdout --pidfile "$RUN/turnserver.pid" &&
		until_true 10 stun_listens
}

# natdiscovery OPTION WORDS: what coturn's client finds out at the IPv4-only host.
natdiscovery()
{
	node host timeout 20 env LD_LIBRARY_PATH="$TAP_LIBRARIES" turnutils_natdiscovery \
		"$1" $TOPOLOGY_SERVER4 >"$RUN/stun" 2>&1
	grep -q "$2" "$RUN/stun" || { cat "$RUN/stun" && return 1; }
}

# The IPv6 client is told its address of pool4. It then asks at the server's other address, which it
# cannot reach as that is IPv4: not waited for.
stunclient()
{
	node_start client stunclient env LD_LIBRARY_PATH="$TAP_LIBRARIES" \
		stdbuf -oL turnutils_stunclient $TOPOLOGY_SERVER6
	until_true 5 grep -E "reflexive addr: $pool4_pattern:" "$RUN/stunclient.log"
	set -- $?
	cat "$RUN/stunclient.log"
	node_stop stunclient
	return "$1"
}

# ---- WireGuard ----------------------------------------------------------------------------------

# tunnel_end NODE NUMBER PEER_KEY [WORDS]
tunnel_end()
{
	node_start "$1" "wireguard-$1" wireguard-go -f wg-"$1"
	until_true 5 test -S "/run/wireguard/wg-$1.sock" &&
		node "$1" wg set wg-"$1" private-key "$RUN/key-$1" listen-port 51820 \
			peer "$3" allowed-ips "$TUNNEL.0/24" "${@:4}" &&
		ip -n $TOPOLOGY_NAME-"$1" address add "$TUNNEL.$2/24" dev wg-"$1" &&
		ip -n $TOPOLOGY_NAME-"$1" link set wg-"$1" up
}

# The client knows where the server is, and not the other way round.
tunnel_up()
{
	local end
	for end in client server; do (umask 077 && wg genkey >"$RUN/key-$end"); done
	tunnel_end server 2 "$(wg pubkey <"$RUN/key-client")" &&
		tunnel_end client 1 "$(wg pubkey <"$RUN/key-server")" \
			endpoint "[$TOPOLOGY_SERVER6]:51820" persistent-keepalive 1 &&
		node_start server tunnel-http busybox httpd -f -p $TUNNEL.2:8080 -h "$RUN/www"
}

# Where the server sees the client; nothing before the first handshake.
tunnel_endpoint()
{
	node server wg show wg-server endpoints | awk '$2 != "(none)" { print $2 }'
}

has_endpoint()
{
	[ -n "$(tunnel_endpoint)" ]
}

# Nobody sent anything but keepalives since: the server reaches the client where it was, while
# a binding without them is gone.
tunnel_is_kept()
{
	ctl --json bib list --protocol udp >"$RUN/bib"
	same "bindings of the tunnel and the datagram" "1 0" \
		"$(grep -c ':51820"' "$RUN/bib") $(grep -c ':5000"' "$RUN/bib")" && tunnel_pings server 1 1392 &&
		same "the client, as the server sees it" "$1" "$(tunnel_endpoint)"
}

tunnel_pings()
{
	node "$1" ping -n -s "$3" -c 5 -i 0.05 -w 5 "$TUNNEL.$2"
}

tunnel_downloads()
{
	same checksum "$TOPOLOGY_SUM" "$(node client curl -sS -m 30 "http://$TUNNEL.2:8080/payload" |
		sha256sum | cut -d' ' -f1)"
}

tunnel_uploads()
{
	same checksum "$TOPOLOGY_SUM" "$(node client curl -sS -m 30 -H Expect: \
		--data-binary "@$RUN/www/payload" "http://$TUNNEL.2:8080/cgi-bin/upload")"
}

host_up && topology_offloads "$offloads" && clat_up on && count_atomic ||
	tap_bail "the topology could not be built"
[ "$conntrack" = off ] || topology_conntrack || tap_bail "no connection tracking"
topology_servers 8000000 && stun_up || tap_bail "the servers do not listen"
node_start server echo socat -b 65536 UDP4-RECVFROM:8,fork EXEC:cat,pipes
gateway_configure "$pool4" "
[Timeouts]
AllowBelowMinimum=yes
UDP=2"
sed -i "s/^\[Translation\]/&\nFiltering=$filtering/" "$RUN/nat64d.conf"
tap_gateway

tunnel_up || tap_bail "the tunnel's ends do not start"
check "WireGuard: handshake" until_true 10 has_endpoint
endpoint=$(tunnel_endpoint) began=${EPOCHREALTIME/[.,]/}
check "UDP, once" ask client udp $TOPOLOGY_SERVER6 7 5000
check "464XLAT: ICMP echo with DF" host_pings "do" 0
check "464XLAT: ICMP echo without DF, in atomic fragments" host_pings dont 5
check "464XLAT: UDP of 100 bytes" host_echoes 100
check "464XLAT: UDP of 60000 bytes" host_echoes 60000
check "464XLAT: download of 8 MB" host_downloads
check "464XLAT: upload of 8 MB" host_uploads
check "464XLAT: path MTU of the host" host_path_mtu
check "464XLAT: path MTU of the server" server_path_mtu
check "464XLAT: traceroute, UDP" host_traces
check "464XLAT: traceroute, ICMP" host_traces -I
check "STUN: endpoint-independent mapping" natdiscovery -m "NAT with Endpoint Independent Mapping"
if [ "$filtering" = endpoint-independent ]; then
	check "STUN: $filtering filtering" natdiscovery -f "NAT with Endpoint Independent Filtering"
	check "STUN: hairpinning" natdiscovery -H "successful hairpinning"
else
	check "STUN: $filtering filtering" natdiscovery -f "NAT with Address Dependent Filtering"
fi
check "STUN: the IPv6 client's address" stunclient
# K-13: a session is gone at most 2 s after its lifetime.
until_true 10 passed_since "$began" 4500000
check "WireGuard: keepalives keep the binding" tunnel_is_kept "$endpoint"
check "WireGuard: ping from the client" tunnel_pings client 2 56
check "WireGuard: download of 8 MB" tunnel_downloads
check "WireGuard: upload of 8 MB" tunnel_uploads
check "conservation" until_true 3 conservation
check "nat64d ends with status 0" daemon_ends_well
tap_end
