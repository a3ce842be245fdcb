# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# tools/bench tables: memory of a million bindings with sessions, and the longest that a packet waits for
# the tables while they grow, empty and shrink. Sourced by tools/bench.
#
# In process (bench_tables.c) CPU time is measured, of each packet and of each turn of expiry by itself;
# through the lab resident memory, and what a thousand pings a second notice while a million flows come,
# beside the floor under the same load.

TABLES_FLOWS=${TABLES_FLOWS:-1000000} TABLES_MANY=${TABLES_MANY:-4000000}
# New flows a second: half of what one packet thread takes here (tables_find_rate), unless this says another
# number. What waits behind more than that tells of the machine's pauses, not of tables.
TABLES_RATE=${TABLES_RATE:-}
TABLES_POOL4=198.18.0.0/27

# tables_run NAME ARGUMENTS: bench_tables' figures as results.
tables_run()
{
	local name=$1 what figure
	"${SECOND_CORE[@]}" "$BENCH_TABLES" "${@:2}" >"$RUN/tables" || return
	while read -r what figure; do
		result_add "$name-$what" "$figure"
	done <"$RUN/tables"
}

# tables_rows NAME TITLE BINDINGS [BYTES]: BYTES that they may take.
tables_rows()
{
	local name=$1
	rows_section "$2"
	row "more resident memory, of each binding with session" "$(result "$name-full-each")" bytes
	row "  in all" "$(result "$name-full-bytes")" bytes ${4:+most "$4"}
	row "  left once the bindings have ended, and their ports are held" "$(result "$name-emptied-bytes")" bytes
	row "  left once those are free" "$(result "$name-shrunk-bytes")" bytes most $(($3 * 16))
	row "longest CPU time of one packet while they come" "$(result "$name-grow-packet")" us most 1000
	row "of one turn of expiry while all end at once" "$(result "$name-expire-turn")" us most 2000
	row "of one packet between two such turns" "$(result "$name-expire-packet")" us most 1000
	row "of one turn while held ports become free at once" "$(result "$name-holds-turn")" us most 2000
}

tables_process()
{
	tables_run few 256 "$TABLES_FLOWS" && tables_run each "$TABLES_FLOWS" "$TABLES_FLOWS" &&
		tables_run keep 256 "$TABLES_FLOWS" keep && tables_run many 1024 "$TABLES_MANY" || return
	tables_rows few "$TABLES_FLOWS bindings of 256 clients, in process" "$TABLES_FLOWS" $((TABLES_FLOWS * 128))
	tables_rows each "$TABLES_FLOWS bindings, each of another client" "$TABLES_FLOWS" $((TABLES_FLOWS * 192))
	tables_rows keep "$TABLES_FLOWS bindings of 256 clients, with State.Keep and Retention" "$TABLES_FLOWS"
	tables_rows many "$TABLES_MANY bindings of 1024 clients" "$TABLES_MANY" $((TABLES_MANY * 128))
}

# All flows come once, with pings meanwhile. tables_grow NAME
tables_grow()
{
	local pid
	flows 0 "$TABLES_FLOWS" "$TABLES_RATE" >"$RUN/flows" &
	pid=$!
	node client "${FIRST_CORE[@]}" "$BENCH_PING" ask $TOPOLOGY_SERVER6 7007 1000 \
		$((TABLES_FLOWS * 1000 / TABLES_RATE)) >"$RUN/pings" || return
	wait $pid || return
	result_add "$1-p999" "$(awk '{ print $6 }' "$RUN/pings")"
	result_add "$1-lost" "$(awk '{ print $1 - $2 }' "$RUN/pings")"
	result_add "$1-rate" "$(awk '{ printf "%d\n", $1 / $2 }' "$RUN/flows")"
}

tables_floor()
{
	start_floor raw && tables_grow floor && stop_floor_raw
}

tables_start()
{
	flows_configure "[State]
Keep=no" && sed -i "s#^Addresses=.*#Addresses=$TABLES_POOL4#" "$RUN/nat64d.conf" && gateway_start
}

tables_find_rate()
{
	local packets usec
	tables_start && look "" && packets=$LOOK_PACKETS usec=$LOOK_USEC && flows 0 "$((TABLES_FLOWS / 4))" 0 >/dev/null &&
		look "" && stop_nat64d || return # what is still in the queue then is below a tenth
	TABLES_RATE=$(((LOOK_PACKETS - packets) * 500000 / (LOOK_USEC - usec)))
	[ "$TABLES_RATE" -gt 0 ] || { echo "no new flow passes" >&2 && return 1; }
}

tables_nat64d()
{
	local empty
	tables_start || return
	node client "${FIRST_CORE[@]}" "$BENCH_PING" ask $TOPOLOGY_SERVER6 7007 1000 1000 >/dev/null
	empty=$(memory_kb VmRSS)
	tables_grow nat64d && flows_fill "$TABLES_FLOWS" || return
	result_add nat64d-bytes $((($(memory_kb VmRSS) - empty) * 1024))
	stop_nat64d
}

tables_lab()
{
	local round
	flows_path || return
	NAT64D_WRAPPER=("${SECOND_CORE[@]}")
	[ -n "$TABLES_RATE" ] || tables_find_rate || return
	for ((round = 1; round <= ROUNDS; round++)); do
		tables_floor && tables_nat64d || return
	done
	rows_section "Through the lab, $TABLES_RATE new flows a second up to $TABLES_FLOWS"
	row "more resident memory of nat64d" "$(result nat64d-bytes)" bytes most $((TABLES_FLOWS * 128))
	row "flows a second that were sent" "$(result nat64d-rate)" ""
	row "pings meanwhile, 1000 a second, lost: the floor" "$(result floor-lost)" ""
	row "nat64d" "$(result nat64d-lost)" ""
	row "999 of 1000 take at most: the floor" "$(result floor-p999)" us
	row "nat64d" "$(result nat64d-p999)" us
	row "more than the floor" "$(awk -v a="$(result nat64d-p999)" -v b="$(result floor-p999)" \
		'BEGIN { print a - b }')" us most 2000
}

bench_tables()
{
	! wants process || tables_process || return
	! wants lab || tables_lab
}
