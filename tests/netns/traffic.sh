# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Ordinary traffic between client and server, for scripts of the netns suite: each function is a case
# of its own. Sourced after tap.sh; $pool4 is "routed" or "own" where a mapping is judged.

# traffic_servers [BYTES]: the lab's, and port 8 of UDP, which sends back what it gets.
traffic_servers()
{
	topology_servers "$@" || return
	node_start server echo socat -b 65536 UDP4-RECVFROM:8,fork EXEC:cat,pipes
}

# An address of pool4, and a port of it?
is_mapped()
{
	local address=${1% *} port=${1#* }
	if [ "$pool4" = own ]; then
		[ "$address" = $TOPOLOGY_GATEWAY4 ] && [ "$port" -ge 20000 ] && [ "$port" -le 29999 ]
	else
		[[ $address = 203.0.113.* ]] && [ "${address##*.}" -lt 16 ] && [ "$port" -ge 1024 ]
	fi || { echo "not in pool4: \"$1\"" && return 1; }
}

ping_server()
{
	node "$1" ping -n -c 5 -i 0.05 -w 5 $TOPOLOGY_SERVER6
}

# I-28, F-1: fragments on both sides of the gateway, there and back.
ping_large()
{
	node "$1" ping -n -s 4000 -c 5 -i 0.05 -w 5 $TOPOLOGY_SERVER6
}

# echo_large CLIENT SIZE: one datagram there, the same back.
echo_large()
{
	head -c "$2" "$RUN/www/payload" >"$RUN/datagram"
	same checksum "$(sha256sum <"$RUN/datagram")" "$(node "$1" timeout 3 \
		socat -b 65536 -t 0.5 - "UDP6:[$TOPOLOGY_SERVER6]:8" <"$RUN/datagram" | sha256sum)"
}

ask_server()
{
	local seen
	seen=$(ask "$1" "$2" $TOPOLOGY_SERVER6 7 5000)
	is_mapped "$seen"
}

download()
{
	same checksum "$TOPOLOGY_SUM" "$(node client curl -sS -m 100 http://server.example/payload |
		sha256sum | cut -d' ' -f1)"
}

upload()
{
	same checksum "$TOPOLOGY_SUM" "$(node client curl -sS -m 100 -H Expect: \
		--data-binary "@$RUN/www/payload" http://server.example/cgi-bin/upload)"
}

# The first 8 MB.
download_some()
{
	same checksum "$(head -c 8000000 "$RUN/www/payload" | sha256sum)" \
		"$(node client curl -sS -m 20 -r 0-7999999 http://server.example/payload | sha256sum)"
}

upload_some()
{
	same checksum "$(head -c 8000000 "$RUN/www/payload" | sha256sum | cut -d' ' -f1)" \
		"$(head -c 8000000 "$RUN/www/payload" | node client curl -sS -m 20 -H Expect: \
			--data-binary @- http://server.example/cgi-bin/upload)"
}

learnt_by_server()
{
	node server ip route show cache | sed -n 's/.* mtu \([0-9]*\).*/\1/p' | sort -u | xargs
}

learnt_by_client()
{
	node client ip -6 route get $TOPOLOGY_SERVER6 | sed -n 's/.* mtu \([0-9]*\).*/\1/p'
}

# near_mtu NODE MTU: both ends of the link between the gateway and that router.
near_mtu()
{
	node gateway ip link set "$1" mtu "$2" && node "$1" ip link set gateway mtu "$2"
}
