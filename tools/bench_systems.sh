# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What tools/bench measures: each system, how it is started in the lab's gateway, and how it is stopped so
# that nothing of it is left for the next one. Sourced by tools/bench and tests/netns/floor.sh.

SPEED_FLOOR_QUEUE=6600

# An IPv4 path along the same links, for the kernel alone.
kernel_path()
{
	ip -n $TOPOLOGY_NAME-client -batch - <<-END && ip -n $TOPOLOGY_NAME-router6 -batch - <<-END2 &&
		address add 203.0.113.130/30 dev router6
		route add default via 203.0.113.129
	END
		address add 203.0.113.129/30 dev client
		address add 203.0.113.133/30 dev gateway
		route add default via 203.0.113.134
	END2
	ip -n $TOPOLOGY_NAME-gateway -batch - <<-END && ip -n $TOPOLOGY_NAME-router4 -batch - <<-END2
		address add 203.0.113.134/30 dev router6
		route add 203.0.113.128/30 via 203.0.113.133
	END
		route add 203.0.113.128/30 via $TOPOLOGY_GATEWAY4
	END2
}

start_kernel() { :; }

stop_kernel() { :; }

start_tayga()
{
	mkdir -p "$RUN/tayga"
	cat >"$RUN/tayga.conf" <<-END
		tun-device nat64
		ipv4-addr 203.0.113.15
		ipv6-addr 2001:db8:6::64
		prefix $TOPOLOGY_POOL6/96
		dynamic-pool $TOPOLOGY_POOL4
		data-dir $RUN/tayga
	END
	node gateway "$TAYGA" -c "$RUN/tayga.conf" --mktun >/dev/null &&
		node gateway ip link set nat64 up &&
		node gateway ip route add $TOPOLOGY_POOL4 dev nat64 &&
		node gateway ip -6 route add $TOPOLOGY_POOL6/96 dev nat64 || return
	node_start gateway tayga "${SECOND_CORE[@]}" "$TAYGA" -c "$RUN/tayga.conf" -n
}

stop_tayga()
{
	node_stop tayga
	node gateway "$TAYGA" -c "$RUN/tayga.conf" --rmtun >/dev/null
}

# Without what it has kept: the flows of earlier rounds would be there, up to what one client may have.
start_fresh()
{
	rm -rf "$RUN/state/"*
	gateway_start
}

start_nat64d()
{
	# One packet thread, as the others have: it has the second core for itself.
	gateway_configure routed "[Queue]"$'\n'Workers=1
	start_fresh
}

# start_sending WAY: nat64d with Queue.Inject=WAY. With SYSTEMS_FLOWS=yes one for a million flows.
start_sending()
{
	if [ "${SYSTEMS_FLOWS:-no}" = yes ]; then
		flows_configure "Inject=$1"$'\n[State]\nKeep=no'
	else
		gateway_configure routed "[Queue]"$'\n'"Workers=1"$'\n'"Inject=$1"
	fi
	start_fresh
}

start_raw() { start_sending raw; }

stop_raw() { stop_nat64d; }

start_packet() { start_sending packet; }

stop_packet() { stop_nat64d; }

stop_nat64d()
{
	gateway_stop && ctl teardown >/dev/null
}

# A pool with this address or prefix, to which router4 routes it.
start_pool()
{
	printf '[Translation]\nPool6=%s/96\n\n[Pool4 lab]\nAddresses=%s\n' \
		$TOPOLOGY_POOL6 "$1" >"$RUN/nat64d.conf"
	ip -n $TOPOLOGY_NAME-router4 route replace "$1" via $TOPOLOGY_GATEWAY4 && start_fresh
}

start_one() { start_pool 10.0.0.1; }

start_big() { start_pool 10.0.0.0/8; }

stop_one()
{
	stop_nat64d
	ip -n $TOPOLOGY_NAME-router4 route delete 10.0.0.1
}

stop_big()
{
	stop_nat64d
	ip -n $TOPOLOGY_NAME-router4 route delete 10.0.0.0/8
}


# start_floor raw|packet: by the packet rules of nat64d, for the one address that it knows.
start_floor()
{
	printf '[Translation]\nPool6=%s/96\n\n[Pool4 floor]\nAddresses=%s\n\n[Queue]\nWorkers=1\nFirst=%s\n' \
		$TOPOLOGY_POOL6 "${TOPOLOGY_POOL4%.*}.1" $SPEED_FLOOR_QUEUE >"$RUN/floor.conf"
	ctl setup --config "$RUN/floor.conf" >"$RUN/setup" || return
	node_start gateway floor "${SECOND_CORE[@]}" "$FLOOR" "$1" $SPEED_FLOOR_QUEUE 2001:db8:1::2 \
		"${TOPOLOGY_POOL4%.*}.1" $TOPOLOGY_POOL6
	until_true 5 grep -q READY "$RUN/floor.log"
}

start_floor_raw() { start_floor raw; }

start_floor_packet() { start_floor packet; }

stop_floor_raw() { node_stop floor && ctl teardown >/dev/null; }

stop_floor_packet() { stop_floor_raw; }

start_nat44()
{
	node gateway nft -f - <<-END
		table ip bench_nat44 {
			chain postrouting {
				type nat hook postrouting priority srcnat; policy accept;
				ip saddr 203.0.113.128/30 snat to $TOPOLOGY_GATEWAY4
			}
		}
	END
}

stop_nat44() { node gateway nft delete table ip bench_nat44; }
