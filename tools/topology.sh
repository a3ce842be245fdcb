# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The lab's network: who stands where, how it is built, how nat64d is started in it and stopped.
# Sourced by tools/lab, tools/bench and tests/netns; it prints nothing of its own accord.
#
#   client  2001:db8:1::2 ──┐                                               (IPv6 only)
#                           ├─ router6 ─────── gateway ─────── router4 ─── server 198.51.100.2
#   client2 2001:db8:2::2 ──┘    2001:db8:6::/64     192.0.2.0/24                (IPv4 only)
#
#   Pool6 2001:db8:64::/96 is routed to the gateway by router6, pool4 203.0.113.0/28 by router4.
#   An interface is named after the node at its other end.
#
# Theory of operation. Everything lives in a mount, a PID and network namespaces of its own:
#
#   the caller ── topology_contain ──► process 1 of the PID namespace: the same script, "inside"
#
# /run is a private tmpfs there, so the named network namespaces, sockets, logs and the 100 MB of the
# downloads are nowhere on the host. When process 1 ends, the kernel ends every process inside, and
# with the last of them go mounts, networks and files: this is the whole of the clean-up, and it is
# the same after success, a signal, or a kill -9 of the caller (the parent-death signal). No process
# is ever looked for by name. Without root a user namespace makes the same possible.

TOPOLOGY_NODES=(client client2 router6 gateway router4 server)
TOPOLOGY_POOL6=2001:db8:64::
TOPOLOGY_SERVER4=198.51.100.2
TOPOLOGY_SERVER6=2001:db8:64::c633:6402 # 198.51.100.2 in Pool6
TOPOLOGY_GATEWAY4=192.0.2.1
TOPOLOGY_GATEWAY6=2001:db8:6::2
TOPOLOGY_POOL4=203.0.113.0/28
TOPOLOGY_OWN_PORTS=20000-29999 # of the gateway's own address, where that is in pool4
TOPOLOGY_NAME=nat64d-lab       # namespaces are called nat64d-lab-client and so on
RUN=/run/nat64d-lab            # inside only

declare -A TOPOLOGY_PIDS=() # label → process, started by node_start

# ---- outside ------------------------------------------------------------------------------------

# One sentence saying why namespaces cannot be had here; nothing if they can.
topology_obstacle()
{
	local error
	error=$(unshare "$(topology_user_flag)" --mount --net --pid --fork true 2>&1) && return
	if [ "$EUID" = 0 ]; then
		echo "this root may not make namespaces (a container without CAP_SYS_ADMIN?): $error"
	else
		echo "neither root nor allowed to make user namespaces (kernel.unprivileged_userns_clone," \
			"apparmor_restrict_unprivileged_userns): run it as root"
	fi
}

topology_user_flag()
{
	[ "$EUID" = 0 ] && echo --mount || echo --map-root-user
}

# Runs COMMAND… as process 1 of fresh namespaces; sets TOPOLOGY_INIT (its pid as seen out here) and
# TOPOLOGY_KEEPER (its parent, whose exit status is COMMAND's). It dies with the caller. With
# --detached it survives the caller, and writes into the pipe $topology_report.
topology_contain()
{
	local tie=(setpriv --pdeathsig KILL --) user=(env) out=1 error=2
	if [ "$1" = --detached ]; then
		tie=(setsid)
		shift
	else
		exec {out}>&1 {error}>&2
	fi
	# Becoming root in a user namespace clears the parent-death signal, so that comes first.
	[ "$EUID" = 0 ] || user=(unshare --map-root-user --)
	exec {topology_report}< <(
		exec 3>&1
		[ $out != 1 ] || exec 2>&1
		# unshare itself would comment on the end of process 1 by KILL.
		exec "${user[@]}" "${tie[@]}" unshare --mount --net --pid --fork --kill-child -- \
			env TOPOLOGY_INSIDE=1 sh -c 'exec "$@" 2>&4 4>&-' sh "$@" \
			>&"$out" 4>&"$error" 2>/dev/null </dev/null
	)
	TOPOLOGY_KEEPER=$!
	[ $out = 1 ] || exec {out}>&- {error}>&-
	TOPOLOGY_INIT=
	read -r TOPOLOGY_INIT <&"$topology_report"
}

# Ends process 1, and with it everything inside; returns when all of it is gone.
topology_kill()
{
	kill -KILL "${TOPOLOGY_INIT:-$TOPOLOGY_KEEPER}" 2>/dev/null
	wait "$TOPOLOGY_KEEPER" 2>/dev/null
}

# The same script, inside or outside?
topology_is_inside()
{
	[ "${TOPOLOGY_INSIDE:-}" = 1 ] && [ $$ = 1 ]
}

# Runs the script itself inside, passes signals on as the end of everything, returns its status.
topology_run_inside()
{
	trap 'topology_kill; exit 130' INT
	trap 'topology_kill; exit 143' TERM
	trap 'topology_kill; exit 129' HUP
	topology_contain "$@"
	wait "$TOPOLOGY_KEEPER"
}

# ---- inside: the walls --------------------------------------------------------------------------

# First thing inside: report our pid, then private /proc, /run and /etc/hosts.
topology_settle()
{
	local pid _
	read -r pid _ </proc/self/stat # of the old /proc: our pid as the outside sees it
	echo "$pid" >&3
	mount -t proc proc /proc || return
	mount -t tmpfs -o mode=755 nat64d-lab /run || return
	mkdir -p "$RUN/www/cgi-bin" "$RUN/state" /run/netns /run/lock
	cp /etc/hosts "$RUN/hosts"
	echo "$TOPOLOGY_SERVER6 server.example" >>"$RUN/hosts"
	mount --bind "$RUN/hosts" /etc/hosts
}

# node NAME COMMAND…: in that node's network. VERBOSE=yes shows commands on descriptor 5.
node()
{
	[ "${VERBOSE:-no}" = no ] || echo "    $1\$ ${*:2}" >&5
	nsenter --net=/run/netns/$TOPOLOGY_NAME-"$1" -- "${@:2}"
}

# node_start NAME LABEL COMMAND…: in the background, its words in $RUN/LABEL.log.
node_start()
{
	[ "${VERBOSE:-no}" = no ] || echo "    $1\$ ${*:3} &" >&5
	nsenter --net=/run/netns/$TOPOLOGY_NAME-"$1" -- "${@:3}" >"$RUN/$2.log" 2>&1 </dev/null &
	TOPOLOGY_PIDS[$2]=$!
}

# node_stop LABEL [SECONDS]: TERM, and KILL after SECONDS (5); returns its exit status.
node_stop()
{
	local pid=${TOPOLOGY_PIDS[$1]:-} killer status
	[ -n "$pid" ] || return 0
	unset "TOPOLOGY_PIDS[$1]"
	kill -TERM "$pid" 2>/dev/null
	{ sleep "${2:-5}"; kill -KILL "$pid"; } >/dev/null 2>&1 &
	killer=$!
	wait "$pid" 2>/dev/null
	status=$?
	kill "$killer" 2>/dev/null
	wait "$killer" 2>/dev/null
	return $status
}

node_is_running()
{
	[ -n "${TOPOLOGY_PIDS[$1]:-}" ] && kill -0 "${TOPOLOGY_PIDS[$1]}" 2>/dev/null
}

# until_true SECONDS COMMAND…: repeats it every 50 ms until it succeeds. The seconds are of the pauses: on a
# machine that stands still or is slow, what is waited for has as much more time as this takes, up to ten times
# as long in all.
until_true()
{
	local rounds=$(($1 * 20)) end=$((SECONDS + $1 * 10))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $((rounds--)) -gt 0 ] && [ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}

# ---- inside: the network ------------------------------------------------------------------------

# sysctls NODE KEY=VALUE…
sysctls()
{
	local pair node=$1
	shift
	for pair; do
		node "$node" sh -c 'echo "$2" >"/proc/sys/net/$1"' sh "${pair%%=*}" "${pair#*=}"
	done
}

# link NODE NODE: a veth pair; each end is called after the other node. While a neighbour's address is asked
# for, 101 packets wait for it: fewer than what comes at once after a restart that took a second and a half.
link()
{
	ip link add "$2" netns $TOPOLOGY_NAME-"$1" type veth peer name "$1" netns $TOPOLOGY_NAME-"$2" &&
		keep_waiting "$1" "$2" && keep_waiting "$2" "$1"
}

keep_waiting()
{
	ip -n $TOPOLOGY_NAME-"$1" ntable change name arp_cache dev "$2" queue 2000 &&
		ip -n $TOPOLOGY_NAME-"$1" ntable change name ndisc_cache dev "$2" queue 2000
}

topology_up()
{
	local name
	for name in "${TOPOLOGY_NODES[@]}"; do
		ip netns add $TOPOLOGY_NAME-"$name" || return
		# Duplicate address detection would keep addresses waiting for a second; the limits on
		# ICMP errors would hide hops from a quick traceroute.
		sysctls "$name" ipv6/conf/default/accept_dad=0 ipv6/conf/all/accept_dad=0 \
			ipv6/icmp/ratelimit=0 ipv4/icmp_ratelimit=0
		ip -n $TOPOLOGY_NAME-"$name" link set lo up
	done
	for name in router6 gateway router4; do
		sysctls "$name" ipv4/ip_forward=1 ipv6/conf/all/forwarding=1
	done
	link client router6 && link client2 router6 && link router6 gateway &&
		link gateway router4 && link router4 server || return
	# The server has no IPv6 at all, not even a link-local address.
	sysctls server ipv6/conf/all/disable_ipv6=1
	topology_addresses
}

topology_addresses()
{
	ip -n $TOPOLOGY_NAME-client -batch - <<-END && ip -n $TOPOLOGY_NAME-client2 -batch - <<-END2 &&
		link set router6 up
		address add 2001:db8:1::2/64 dev router6
		route add default via 2001:db8:1::1
	END
		link set router6 up
		address add 2001:db8:2::2/64 dev router6
		route add default via 2001:db8:2::1
	END2
	ip -n $TOPOLOGY_NAME-router6 -batch - <<-END && ip -n $TOPOLOGY_NAME-gateway -batch - <<-END2 &&
		link set client up
		link set client2 up
		link set gateway up
		address add 2001:db8:1::1/64 dev client
		address add 2001:db8:2::1/64 dev client2
		address add 2001:db8:6::1/64 dev gateway
		route add $TOPOLOGY_POOL6/96 via $TOPOLOGY_GATEWAY6
	END
		link set router6 up
		link set router4 up
		address add $TOPOLOGY_GATEWAY6/64 dev router6
		address add $TOPOLOGY_GATEWAY4/24 dev router4
		route add 2001:db8:1::/64 via 2001:db8:6::1
		route add 2001:db8:2::/64 via 2001:db8:6::1
		route add default via 192.0.2.2
	END2
	ip -n $TOPOLOGY_NAME-router4 -batch - <<-END && ip -n $TOPOLOGY_NAME-server -batch - <<-END2
		link set gateway up
		link set server up
		address add 192.0.2.2/24 dev gateway
		address add 198.51.100.1/24 dev server
		route add $TOPOLOGY_POOL4 via $TOPOLOGY_GATEWAY4
	END
		link set router4 up
		address add $TOPOLOGY_SERVER4/24 dev router4
		route add default via 198.51.100.1
	END2
}

# topology_offloads on|off: on every interface of every node.
topology_offloads()
{
	local name interface
	for name in "${TOPOLOGY_NODES[@]}"; do
		for interface in $(ip -n $TOPOLOGY_NAME-"$name" -brief link show type veth | cut -d@ -f1); do
			node "$name" ethtool -K "$interface" tso "$1" gso "$1" gro "$1" tx "$1" \
				>/dev/null 2>&1 || return
		done
	done
}

# topology_frames on|off: whether packets may cross links as superpackets; if not, whoever sends cuts them
# and whoever receives them gathers them again.
topology_frames()
{
	local name interface gather=on
	[ "$1" = off ] || gather=off
	for name in "${TOPOLOGY_NODES[@]}"; do
		for interface in $(ip -n $TOPOLOGY_NAME-"$name" -brief link show type veth | cut -d@ -f1); do
			node "$name" ethtool -K "$interface" tso "$1" gro $gather >/dev/null 2>&1 || return
		done
	done
}

# A firewall with connection tracking in the gateway, and NAT44 on the address nat64d may share.
topology_conntrack()
{
	node gateway nft -f - <<-END
		table inet lab_firewall {
			chain input {
				type filter hook input priority filter; policy accept;
				ct state established,related accept
				ct state invalid drop
			}
			chain forward {
				type filter hook forward priority filter; policy accept;
				ct state invalid drop
			}
			chain postrouting {
				type nat hook postrouting priority srcnat; policy accept;
				oifname "router4" masquerade
			}
		}
	END
}

# topology_narrow client|server MTU: what the router before that node forwards to it from now on, as
# if a narrower link followed; 0 takes it back. Both ends of the link itself keep 1500, so that only
# path MTU discovery can find it out.
topology_narrow()
{
	local lock="mtu lock $2"
	[ "$2" != 0 ] || lock=
	if [ "$1" = client ]; then
		node router6 ip -6 route replace 2001:db8:1::/64 dev client proto kernel metric 256 $lock
	else
		node router4 ip route replace 198.51.100.0/24 dev server proto kernel \
			src 198.51.100.1 $lock
	fi
	node client ip -6 route flush cache
	node server ip route flush cache
}

# ---- inside: the programs -----------------------------------------------------------------------

# The server's side: HTTP (busybox httpd; /cgi-bin/peer says who asks, /cgi-bin/upload what arrived),
# and port 7 of TCP and UDP, which answers with the address and port it sees.
topology_servers()
{
	echo "hello from an IPv4-only server" >"$RUN/www/index.html"
	head -c "${1:-104857600}" /dev/urandom >"$RUN/www/payload"
	TOPOLOGY_SUM=$(sha256sum <"$RUN/www/payload" | cut -d' ' -f1)
	printf '#!/bin/sh\nprintf "Content-Type: text/plain\\n\\n%%s\\n" "$REMOTE_ADDR"\n' \
		>"$RUN/www/cgi-bin/peer"
	printf '#!/bin/sh\nprintf "Content-Type: text/plain\\n\\n"\n%s\n' \
		'head -c "$CONTENT_LENGTH" | sha256sum | cut -d" " -f1' >"$RUN/www/cgi-bin/upload"
	chmod +x "$RUN/www/cgi-bin/"*
	node_start server http busybox httpd -f -p $TOPOLOGY_SERVER4:80 -h "$RUN/www"
	peer_server server udp4 7
	peer_server server tcp4 7
	until_true 5 server_is_listening
}

# peer_server NODE udp4|udp6|tcp4|tcp6 PORT: answers "ADDRESS PORT" of whoever asks.
peer_server()
{
	local say='SYSTEM:read -r line; echo $SOCAT_PEERADDR $SOCAT_PEERPORT'
	case $2 in
	udp?) node_start "$1" "$1-$2-$3" "${LAB_PEER:-${NAT64CTL%/*}/lab_peer}" "${2#udp}" "$3" ;;
	tcp4) node_start "$1" "$1-$2-$3" socat TCP4-LISTEN:"$3",reuseaddr,fork "$say" ;;
	tcp6) node_start "$1" "$1-$2-$3" socat TCP6-LISTEN:"$3",reuseaddr,fork "$say" ;;
	esac
}

server_is_listening()
{
	[ "$(node server ss -Hlntu 'sport = :80 or sport = :7' | wc -l)" = 3 ]
}

# ask NODE udp|tcp ADDRESS6 PORT [SOURCE_PORT]: one line there, one line back, within 10 s.
ask()
{
	ask_at "$1" "${2^^}6:[$3]:$4${5:+,sourceport=$5,reuseaddr}"
}

# ask_at NODE PLACE: the same, at an address of socat.
ask_at()
{
	node "$1" timeout 10 socat -t 0.5 SYSTEM:'echo hello; read -r line; echo "$line" >&2' "$2" 2>&1
}

# gateway_configure routed|own [LINES]: which pool4, and further lines of configuration.
gateway_configure()
{
	local pool="Addresses=$TOPOLOGY_POOL4"
	[ "$1" = routed ] || pool="Addresses=$TOPOLOGY_GATEWAY4"$'\n'"Ports=$TOPOLOGY_OWN_PORTS"
	printf '[Translation]\nPool6=%s/96\n\n[Pool4 lab]\n%s\n%s\n' $TOPOLOGY_POOL6 "$pool" "${2:-}" \
		>"$RUN/nat64d.conf"
}

# The private bus; nat64d and nat64ctl find it by the environment.
gateway_bus()
{
	cat >"$RUN/bus.conf" <<-END
		<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
		 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
		<busconfig>
		  <type>system</type>
		  <listen>unix:path=$RUN/bus</listen>
		  <auth>EXTERNAL</auth>
		  <policy context="default">
		    <allow send_destination="*" eavesdrop="true"/>
		    <allow eavesdrop="true"/>
		    <allow own="*"/>
		  </policy>
		</busconfig>
	END
	export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$RUN/bus
	node_start gateway bus dbus-daemon --nofork --nopidfile --config-file="$RUN/bus.conf"
	until_true 5 test -S "$RUN/bus"
}

# The gateway's own DNS64: unbound with what `nat64ctl dns64 unbound` says, for zones of the lab with
# addresses of IPv4 alone. From then on names of the lab are known by it, in all nodes: the gateway asks it
# by IPv4, the clients by IPv6.
topology_resolver()
{
	topology_zones
	cat >"$RUN/unbound/unbound.conf" <<-END
		server:
		 directory: $RUN/unbound
		 interface: $TOPOLOGY_GATEWAY6
		 interface: 127.0.0.1
		 access-control: ::/0 allow
		 access-control: 127.0.0.0/8 allow
		 username: ""
		 chroot: ""
		 pidfile: ""
		 use-syslog: no
		 num-threads: 1
		remote-control:
		 control-enable: no
		include: $RUN/unbound/zones.conf
	END
	ctl dns64 unbound >>"$RUN/unbound/unbound.conf" || return
	topology_unpacked_start gateway unbound unbound -d -c "$RUN/unbound/unbound.conf"
	topology_without_hosts
	topology_resolved_by 127.0.0.1 $TOPOLOGY_GATEWAY6
	until_true 5 eval '[ "$(node gateway ss -Hlnu "sport = :53" | wc -l)" -ge 2 ]'
}

# The names of the lab's world, for unbound: $RUN/unbound/zones.conf.
topology_zones()
{
	mkdir -p "$RUN/unbound"
	cat >"$RUN/unbound/server.example" <<-END
		@ 60 SOA ns.example. root.example. 1 3600 600 86400 60
		@ 60 NS ns.example.
		@ 60 A $TOPOLOGY_SERVER4
	END
	# RFC 7050, 8.2
	sed '$d' "$RUN/unbound/server.example" >"$RUN/unbound/ipv4only.arpa"
	printf '@ 60 A 192.0.0.%s\n' 170 171 >>"$RUN/unbound/ipv4only.arpa"
	printf 'auth-zone:\n name: %s\n zonefile: '"$RUN/unbound"'/%s\n for-downstream: no\n' \
		server.example{,} ipv4only.arpa{,} >"$RUN/unbound/zones.conf"
}

# The server has no name from now on, but of a resolver's.
topology_without_hosts()
{
	local hosts
	hosts=$(grep -v ' server\.example$' "$RUN/hosts")
	echo "$hosts" >"$RUN/hosts" # the same file, as it is mounted
}

# topology_resolved_by ADDRESS…: in all nodes.
topology_resolved_by()
{
	local file
	file=$(realpath -m /etc/resolv.conf) # of another program's, below the /run that is not here?
	printf 'nameserver %s\n' "$@" >"$RUN/resolv.conf"
	mountpoint -q "$file" && return
	[ -e "$file" ] || { mkdir -p "${file%/*}" && : >"$file"; } || return
	mount --bind "$RUN/resolv.conf" "$file"
}

# topology_unpacked_start NODE LABEL PROGRAM ARGUMENT…: of the system, or of tools/packages.sh's unpacking.
topology_unpacked_start()
{
	local unpacked=$PWD/build/unpacked libraries
	libraries=$(echo "$unpacked"/{usr/,}lib/*-linux-* | tr ' ' :)
	node_start "$1" "$2" env PATH="$PATH:/usr/sbin:$unpacked/usr/sbin:$unpacked/usr/bin" LD_LIBRARY_PATH="$libraries" "${@:3}"
}

# Starts nat64d ($NAT64D, by the command in NAT64D_WRAPPER if there is one) and waits until it is ready (it says so as services do).
gateway_start()
{
	gateway_launch nat64d
}

# gateway_launch LABEL [OPTION…]: the same under another label; its log is $RUN/LABEL.log.
gateway_launch()
{
	local label=$1
	shift
	rm -f "$RUN/notify" "$RUN/ready"
	node_start gateway notify socat -u UNIX-RECV:"$RUN/notify" OPEN:"$RUN/ready",creat,append
	until_true 5 test -S "$RUN/notify" || return
	NOTIFY_SOCKET=$RUN/notify node_start gateway "$label" "${NAT64D_WRAPPER[@]}" "$NAT64D" --config "$RUN/nat64d.conf" \
		--state-dir "$RUN/state" --bus "$DBUS_SYSTEM_BUS_ADDRESS" --socket "$RUN/control" "$@"
	until_true 15 gateway_is_ready_or_gone "$label"
	node_stop notify
	grep -qs '^READY=1' "$RUN/ready" && node_is_running "$label"
}

gateway_is_ready_or_gone()
{
	grep -qs '^READY=1' "$RUN/ready" || ! node_is_running "$1"
}

# A second nat64d takes over from the first (--replace), which ends with status 0; it is the one called
# nat64d then, and what the first one has said is in nat64d-before.log.
gateway_replace()
{
	local before=${TOPOLOGY_PIDS[nat64d]} status
	gateway_launch nat64d-next --replace || return
	wait "$before"
	status=$?
	TOPOLOGY_PIDS[nat64d]=${TOPOLOGY_PIDS[nat64d-next]}
	unset "TOPOLOGY_PIDS[nat64d-next]"
	mv "$RUN/nat64d.log" "$RUN/nat64d-before.log"
	mv "$RUN/nat64d-next.log" "$RUN/nat64d.log"
	return $status
}

# Stops nat64d as a service manager would; returns its exit status.
gateway_stop()
{
	node_stop nat64d 10
}

ctl()
{
	node gateway "$NAT64CTL" "$@"
}

# counter PATTERN: the sum of what `nat64ctl stats` calls by such names (an extended regular expression).
counter()
{
	ctl --json stats | grep -o '"name":"[^"]*","value":[0-9]*' | tr -d '"' | tr : , |
		awk -F, -v name="^($1)\$" '$2 ~ name { sum += $4 } END { printf "%d\n", sum }'
}

counter_is_above()
{
	[ "$(counter "$1")" -gt "$2" ]
}

# Conservation: what the kernel queued = what the daemon received = the sum over all outcomes
# (translated, handed to the host, stored, dropped). Prints the three sums; fails if they differ.
conservation()
{
	local queued received ended
	queued=$(node gateway awk '{ sum += $8 - $7 } END { print sum + 0 }' \
		/proc/net/netfilter/nfnetlink_queue)
	received=$(counter 'queue_[0-9]+_received')
	ended=$(counter 'packets_(6to4|4to6)_.*')
	echo "queued $queued, received $received, ended $ended"
	[ "$queued" -gt 0 ] && [ "$queued" = "$received" ] && [ "$received" = "$ended" ]
}
