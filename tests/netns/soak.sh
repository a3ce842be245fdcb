#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Hours in small: downloads, uploads, new UDP flows and pings through one daemon for some minutes, with
# lifetimes as short as the RFCs permit. At the end every transfer was whole, every packet is accounted
# for, and the daemon has not grown: its memory after the last round is at most a tenth above that
# after the third. Not part of the ordinary suites; tools/check --long runs it.
#
# usage: soak.sh MINUTES

. "$(dirname "$0")/tap.sh"
. tests/netns/traffic.sh
tap_begin "$@"
minutes=${1:?usage: soak.sh MINUTES}
first_kb=0 last_kb=0 rounds=0

resident_kb()
{
	awk '/^VmRSS/ { print $2 }' "/proc/$(pgrep -o -x nat64d)/status"
}

# Fifty flows at once, each from a port of its own.
new_flows()
{
	local port pid pids=()
	for port in $(seq 30000 30049); do
		ask client2 udp $TOPOLOGY_SERVER6 7 "$port" >"$RUN/flow$port" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid"; done
	# Half a second is short for an answer on a machine that has other things to do: once more, alone.
	for port in $(seq 30000 30049); do
		[ -s "$RUN/flow$port" ] || ask client2 udp $TOPOLOGY_SERVER6 7 "$port" >"$RUN/flow$port"
		[ -s "$RUN/flow$port" ] || { echo "flow from port $port: no answer" && return 1; }
	done
}

one_round()
{
	download && upload && new_flows &&
		node client ping -q -n -c 20 -i 0.02 -w 5 $TOPOLOGY_SERVER6 >"$RUN/ping"
}

all_rounds()
{
	local end=$((SECONDS + minutes * 60))
	while [ $SECONDS -lt $end ]; do
		one_round || return
		rounds=$((rounds + 1)) last_kb=$(resident_kb)
		[ $rounds != 3 ] || first_kb=$last_kb
	done
	[ $rounds -gt 3 ]
}

has_not_grown()
{
	echo "$first_kb kB after three rounds, $last_kb kB after $rounds"
	[ "$first_kb" -gt 0 ] && [ "$last_kb" -le $((first_kb + first_kb / 10)) ]
}

gateway_configure routed $'\n[Timeouts]\nUDP=120\n'
topology_servers
tap_gateway
check "every transfer for $minutes min is whole" all_rounds
echo "# $rounds rounds; resident memory $first_kb kB after three, $last_kb kB after the last"
check "the daemon has not grown" has_not_grown
check "every packet is accounted for" conservation
check "the daemon ends well" daemon_ends_well
tap_end
