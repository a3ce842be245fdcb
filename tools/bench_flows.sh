# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# tools/bench flows: what RFC 9693 asks of a stateful NAT64: how many flows a second can begin without a loss
# (4.4), that each of them is there then (4.5), how fast all of them are ended (4.7), and how many the table
# holds (4.8). Sourced by tools/bench.
#
# The first is found by halving, for nat64d and for the floor, which has no table. A step of it is one of
# FLOWS_STEP_SECONDS; it holds if all but one in 10 000 arrive at the server. Where the generator itself
# does not reach the rate, the step fails, and the row says whose limit it is.

FLOWS_STEP_SECONDS=2 FLOWS_RATE_LEAST=5000 FLOWS_RATE_MOST=400000 FLOWS_STEPS=7
FLOWS_CAPACITY=1000000 FLOWS_BEYOND=100000

# flows_start [BINDINGS]: at most.
flows_start()
{
	flows_configure $'Inject=packet\n[State]\nKeep=no' || return
	[ -z "${1:-}" ] || sed -i "s/^Bindings=.*/Bindings=$1/" "$RUN/nat64d.conf"
	start_fresh
}

# flows_step SYSTEM RATE: does each flow of that rate arrive? Sets FLOWS_REACHED, the generator's own rate.
flows_step()
{
	local number=$(($2 * FLOWS_STEP_SECONDS)) packets
	[ "$1" != nat64d ] || ctl session flush --all >/dev/null || return
	look "" && packets=$LOOK_PACKETS
	flows 0 $number "$2" >"$RUN/generator" || return
	sleep 0.5 # what waits in queues
	look ""
	FLOWS_REACHED=$(awk '{ printf "%d", $1 / $2 }' "$RUN/generator")
	[ $((FLOWS_REACHED * 50)) -ge $(($2 * 49)) ] &&
		[ $(((LOOK_PACKETS - packets) * 10000)) -ge $((number * 9999)) ]
}

# flows_establish SYSTEM: sets FLOWS_RATE to the highest rate that holds, and FLOWS_LIMIT to what ended the search.
flows_establish()
{
	local low=$FLOWS_RATE_LEAST high=$FLOWS_RATE_MOST step rate
	FLOWS_RATE=0 FLOWS_LIMIT=search
	for ((step = 0; step < FLOWS_STEPS; step++)); do
		rate=$(((low + high) / 2))
		if flows_step "$1" $rate; then
			low=$rate FLOWS_RATE=$rate
		else
			high=$rate FLOWS_LIMIT=system
			[ $((FLOWS_REACHED * 50)) -ge $((rate * 49)) ] || FLOWS_LIMIT=generator
		fi
	done
}

flows_rates()
{
	local round
	for ((round = 1; round <= ROUNDS; round++)); do
		flows_start && flows_establish nat64d || return
		result_add rate-nat64d $FLOWS_RATE
		echo $FLOWS_LIMIT >"$RUN/limit-nat64d"
		stop_nat64d
		start_floor packet && flows_establish floor || return
		result_add rate-floor $FLOWS_RATE
		echo $FLOWS_LIMIT >"$RUN/limit-floor"
		stop_floor_packet
	done
	rows_section "Maximum connection establishment rate (RFC 9693, 4.4): one datagram of each flow, no loss"
	row "nat64d, limit: the $(cat "$RUN/limit-nat64d")" "$(result rate-nat64d)" "flows/s"
	row "the floor, limit: the $(cat "$RUN/limit-floor")" "$(result rate-floor)" "flows/s"
	row "nat64d / floor" "$(ratio "$(result rate-nat64d)" "$(result rate-floor)")" "" least 0.8
}

# The table once full: what is there, what is refused, what it takes, and how fast it is empty.
flows_table()
{
	local empty full there refused begin packets arrived usec
	flows_start $FLOWS_CAPACITY || return
	empty=$(memory_kb VmRSS)
	flows_fill $FLOWS_CAPACITY || return
	full=$(memory_kb VmRSS)
	refused=$(counter packets_6to4_bib_full)
	flows $FLOWS_CAPACITY $FLOWS_BEYOND 40000 >/dev/null
	sleep 0.5
	there=$(ctl bib list --protocol udp --count) refused=$(($(counter packets_6to4_bib_full) - refused))
	look "" && packets=$LOOK_PACKETS
	flows 0 $FLOWS_CAPACITY 40000 >/dev/null && sleep 0.5 && look ""
	arrived=$((LOOK_PACKETS - packets))
	begin=$(now_usec)
	ctl session flush --all >/dev/null || return
	usec=$(($(now_usec) - begin))
	rows_section "Capacity of the table (RFC 9693, 4.8), Limits.Bindings=$FLOWS_CAPACITY"
	row "bindings after $((FLOWS_CAPACITY + FLOWS_BEYOND)) flows" "$there" "" most $FLOWS_CAPACITY
	row "  missing of them" $((FLOWS_CAPACITY - there)) "" most 0
	row "  refused and counted, of $FLOWS_BEYOND" "$refused" "" least $FLOWS_BEYOND
	row "flows that are there, asked once more (4.5)" "$arrived" "" least $((FLOWS_CAPACITY * 9999 / 10000))
	row "memory for each" "$(awk -v kb=$((full - empty)) -v n="$there" 'BEGIN { print kb * 1024 / n }')" bytes
	rows_section "Connection tear-down rate (RFC 9693, 4.7): nat64ctl session flush --all"
	row "$there flows ended" "$(awk -v usec=$usec -v n="$there" 'BEGIN { print n * 1e6 / usec }')" "flows/s"
	row "  left" "$(ctl bib list --protocol udp --count)" "" most 0
	stop_nat64d
}

bench_flows()
{
	flows_path || return
	NAT64D_WRAPPER=("${SECOND_CORE[@]}")
	flows_rates && flows_table
}
