# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# tools/bench manage: what the management interface costs with a million bindings and sessions, and
# what packets notice of it. Sourced by tools/bench.
#
# The packet thread is on the second core, and so are the pings, which stand for other machines: all
# of these come first there, and what else the kernel does on the first core delays none of them. On the
# first core is all else: clients, the bus, the other threads of nat64d, this shell and what it starts, and
# the load that they are compared with: some processes and pipes, which have nothing to do with nat64d.
#
# A machine that is somebody's guest has good and bad moments, in which the same pings take twice as
# long. So what is compared comes by turns of half a measurement's seconds, one beside the other, first the
# one, then the other (manage_pairs); and the row is the median of all pairs' ratios.

MANAGE_FLOWS=${MANAGE_FLOWS:-1000000} MANAGE_ROWS_OF_PAGES=2000000 # --limit: by pages
MANAGE_PAIRS=4 # of each comparison in a round

manage_pin()
{
	local task
	PINGS_ON=("${SECOND_CORE[@]}")
	[ ${#SECOND_CORE[@]} = 0 ] || taskset -cp 1 "${TOPOLOGY_PIDS[echo]}" >/dev/null || return
	for task in "/proc/${TOPOLOGY_PIDS[nat64d]}/task/"*; do
		threads_on 0 "$task" || return
	done
	threads_first packets 1 2
}

# From here on what this shell starts is on the first core, unless it says otherwise.
manage_stay_on_first()
{
	[ ${#FIRST_CORE[@]} = 0 ] ||
		{ taskset -cp 0 $$ && taskset -cp 0 "${TOPOLOGY_PIDS[bus]}"; } >/dev/null
}

manage_count() { ctl bib list --count; }

manage_pages() { ctl bib list --json --limit $MANAGE_ROWS_OF_PAGES; }

manage_dump() { ctl bib list --json; }

manage_other() { sh -c 'yes | head -c 500000000 | tr y n'; }

# Milliseconds of it, and those of processor time that client, bus and nat64d had.
manage_time()
{
	local begin times cpu
	cpu=$(manage_cpu)
	begin=$(now_usec)
	times=$(TIMEFORMAT='%U %S'; { time "manage_$1" >/dev/null; } 2>&1) || return
	result_add "$1" $((($(now_usec) - begin) / 1000))
	result_add "$1-cpu" "$(awk -v cpu="$cpu" -v after="$(manage_cpu)" '{
		print ($1 + $2 + after - cpu) * 1000
	}' <<<"$times")"
}

manage_cpu()
{
	{ threads_cpu nat64d && process_cpu bus; } | awk '{ sum += $1 } END { print sum }'
}

# The same again and again, in a process group of its own, until it is ended: its pid in MANAGE_PID.
manage_begin()
{
	set -m
	while "manage_$1" >/dev/null 2>"$RUN/manage-$1.log"; do :; done &
	MANAGE_PID=$!
	set +m
}

# Fails if it has ended by itself.
manage_end()
{
	local status=0
	kill -0 "$MANAGE_PID" 2>/dev/null || status=1
	kill -TERM -- "-$MANAGE_PID" 2>/dev/null
	wait "$MANAGE_PID" 2>/dev/null
	return $status
}

manage_turn_ms() { echo $((SECONDS_EACH * 500)); }

# p99 of the pings beside it.
manage_beside()
{
	local p99
	manage_begin "$1"
	p99=$(pings "$(manage_turn_ms)")
	manage_end || {
		echo "while pings went: $1 failed: $(tail -n 1 "$RUN/manage-$1.log")" >&2
		return 1
	}
	[ -n "$p99" ] && MANAGE_P99=$p99
}

# manage_pairs NAME LOAD WHAT [FUNCTION]: pings by turns beside a load and beside what is compared with
# it, the one first and then the other.
manage_pairs()
{
	local pair what order beside=${4:-manage_beside}
	local -A p99
	for ((pair = 0; pair < MANAGE_PAIRS; pair++)); do
		order=("$2" "$3")
		[ $((pair % 2)) = 0 ] || order=("$3" "$2")
		for what in "${order[@]}"; do
			$beside "$what" || return
			p99[$what]=$MANAGE_P99
		done
		result_add "$1-load-p99" "${p99[$2]}"
		result_add "$1-p99" "${p99[$3]}"
		result_add "$1-ratio" "$(ratio "${p99[$3]}" "${p99[$2]}")"
	done
}

manage_lists()
{
	local what
	for what in count pages dump; do
		manage_time $what || return
	done
}

manage_round()
{
	manage_lists || return
	result_add idle-p99 "$(pings "$(manage_turn_ms)")"
	manage_pairs pages other pages && manage_pairs dump other dump && manage_churn && manage_buses
}

# ---- while bindings come and go -----------------------------------------------------------------

CHURN_RATE=10000 CHURN_LIFETIME=5 CHURN_PORT=10

# So many come in a second and, once the first of them have lived, as many go. Each flow is new: no
# binding is there twice. From here on until churn_end.
churn_begin()
{
	CHURN_FIRST=$((CHURN_NEXT))
	CHURN_NEXT=$((CHURN_NEXT + CHURN_RATE * 600))
	node_start client churn "$BENCH_FLOWS" "$TOPOLOGY_SERVER6" $CHURN_FIRST \
		$((CHURN_RATE * 600)) $CHURN_RATE $CHURN_PORT
	sleep $((CHURN_LIFETIME + 2))
}

churn_end()
{
	node_stop churn
	true
}

# Bindings that have come, and those that are there: with the clock's microseconds.
churn_look()
{
	echo "$(now_usec) $(counter bindings_created_udp) $(manage_count)"
}

# One list, judged: how many rows it has, how many entries stand there twice, how many of those that stay
# are missing, and how many came and went a second meanwhile.
churn_list()
{
	local before after
	before=$(churn_look)
	"manage_$1_table" >"$RUN/list" || return
	after=$(churn_look)
	awk -v stay=$MANAGE_FLOWS -v what="$1" -v before="$before" -v after="$after" -v results="$RUN/result-churn-" '
		$1 != "udp" { next }
		{
			rows++
			if (seen[$2]++ > 0)
				twice++
			# [2001:db8:8000:N::1]:PORT of bench_flows, or without N for the first ones
			split($2, half, "]:")
			n = split(substr(half[1], 2), group, ":")
			high = n > 4 && group[4] != "" ? group[4] : "0"
			if (group[1] == "2001" && group[3] == "8000" && hex(high) * 1000 + half[2] - 2000 < stay && seen[$2] == 1)
				staying++
		}
		function hex(text, i, value) {
			for (i = 1; i <= length(text); i++)
				value = value * 16 + index("0123456789abcdef", substr(text, i, 1)) - 1
			return value
		}
		END {
			split(before, b, " ")
			split(after, a, " ")
			s = (a[1] - b[1]) / 1e6
			print rows + 0 >>(results "rows-" what)
			print twice + 0 >>(results "twice-" what)
			print stay - staying >>(results "missed-" what)
			print (a[2] - b[2]) / s >>(results "come-" what)
			print (a[2] - b[2] - (a[3] - b[3])) / s >>(results "gone-" what)
		}' "$RUN/list"
	rm -f "$RUN/list"
}

manage_pages_table() { ctl bib list --no-legend --limit $MANAGE_ROWS_OF_PAGES; }

manage_dump_table() { ctl bib list --no-legend; }

# Nobody takes more than 64 kB of the events and of a table in a tenth of a second, and then nobody takes
# anything; beside the load, as a processor that sleeps is slow, too.
manage_slow()
{
	local table pids=()
	manage_other >/dev/null &
	pids+=($!)
	ctl monitor all 2>/dev/null | slow_reader &
	pids+=($!)
	for table in bib session; do
		ctl $table list --json 2>/dev/null | slow_reader &
		pids+=($!)
	done
	wait "${pids[@]}"
}

slow_reader()
{
	local i
	for ((i = 0; i < 5; i++)); do
		head -c 65536 >/dev/null
		sleep 0.1
	done
	sleep 1
}

manage_churn()
{
	local what
	churn_begin || return
	for what in pages dump; do
		churn_list $what || return
	done
	manage_pairs slow other slow && churn_end
}

# ---- a bus that dies ----------------------------------------------------------------------------

# bus_dies LABEL ADDRESS OPTION…: it is killed, comes back, hangs, and goes on; meanwhile four starts of
# nat64ctl: three with these options, and one that talks to that bus.
bus_dies()
{
	local label=$1 address=$2
	shift 2
	kill -KILL "${TOPOLOGY_PIDS[$label]}"
	wait "${TOPOLOGY_PIDS[$label]}" 2>/dev/null
	unset "TOPOLOGY_PIDS[$label]"
	rm -f "${address#unix:path=}"
	ctl "$@" stats
	bus_start "$label" && until_true 5 test -S "${address#unix:path=}"
	sleep 0.4
	ctl --bus "$address" stats
	kill -STOP "${TOPOLOGY_PIDS[$label]}"
	ctl "$@" drain
	ctl "$@" resume
	sleep 0.3
	kill -CONT "${TOPOLOGY_PIDS[$label]}"
}

# The one that the configuration $RUN/LABEL.conf makes.
bus_start()
{
	node_start gateway "$1" dbus-daemon --nofork --nopidfile --config-file="$RUN/$1.conf"
}

manage_bus() { bus_dies bus "$DBUS_SYSTEM_BUS_ADDRESS" --socket "$RUN/control"; }

# As many starts of a bus and of nat64ctl that have nothing to do with nat64d.
manage_stranger() { bus_dies stranger "unix:path=$RUN/stranger" help; }

# As manage_beside, with the load too, and with this shell as the one who does it: a bus is its child.
manage_beside_bus()
{
	local pid status
	manage_begin other
	pings "$(manage_turn_ms)" >"$RUN/bus-p99" &
	pid=$!
	while kill -0 $pid 2>/dev/null; do "manage_$1" >/dev/null 2>&1; done
	wait $pid
	status=$?
	manage_end && [ $status = 0 ] && MANAGE_P99=$(<"$RUN/bus-p99")
}

manage_buses()
{
	sed "s|$RUN/bus<|$RUN/stranger<|" "$RUN/bus.conf" >"$RUN/stranger.conf"
	bus_start stranger && until_true 5 test -S "$RUN/stranger" || return
	manage_pairs bus stranger bus manage_beside_bus || return
	node_stop stranger
	until_true 10 ctl --bus "$DBUS_SYSTEM_BUS_ADDRESS" stats || {
		echo "nat64d is not on the bus again" >&2
		return 1
	}
}

manage_rows()
{
	rows_section "The table"
	row "bib list --count" "$(result count)" ms most 50
	row "bib list --json, by pages" "$(result pages)" ms most 5000
	row "  CPU of client, bus and nat64d" "$(result pages-cpu)" ms
	row "bib list --json, by Dump" "$(result dump)" ms most 2000
	row "  CPU of client, bus and nat64d" "$(result dump-cpu)" ms
	row "memory of nat64d before" "$1" kB
	row "more memory after all of them" "$(result more-lists)" kB most 1024
	row "more after each round of all below than before the first" "$(result_most more-round)" kB most 1024
	rows_section "Pings meanwhile, 1000 a second: 99 of 100 take at most"
	row "beside nothing" "$(result idle-p99)" us
	manage_rows_pings pages "the load" "the pages"
	manage_rows_pings dump "the load" "Dump"
	manage_rows_pings bus "the load and another bus that dies" "the load and nat64d's bus that dies"
	manage_rows_churn pages "by pages"
	manage_rows_churn dump "by Dump"
	rows_section "Pings while bindings come and go"
	manage_rows_pings slow "the load" "the load and slow readers of Monitor and Dump"
}

manage_rows_pings()
{
	row "beside $2" "$(result "$1-load-p99")" us
	row "beside $3" "$(result "$1-p99")" us
	row "  these / those" "$(result "$1-ratio")" "" most 2
}

manage_rows_churn()
{
	rows_section "A list of all, $2, while $CHURN_RATE bindings a second come and go"
	row "bindings listed" "$(result "churn-rows-$1")" "" least $MANAGE_FLOWS
	row "that came meanwhile, a second" "$(result "churn-come-$1")" "" least $((CHURN_RATE * 9 / 10))
	row "that went meanwhile, a second" "$(result "churn-gone-$1")" "" least $((CHURN_RATE * 8 / 10))
	row "listed twice" "$(result_most "churn-twice-$1")" "" most 0
	row "missing of the million that stay" "$(result_most "churn-missed-$1")" "" most 0
}

# What is kept for bindings that come and go, for ports that are held down behind them (so these are not
# held for the two minutes of the default, in which there would be ever more of them), and for who listens,
# is there after the first time.
manage_warm_up()
{
	local MANAGE_PAIRS=1
	manage_churn && manage_buses && rm -f "$RUN"/result-churn-* "$RUN"/result-{slow,bus}-*
}

bench_manage()
{
	local round filled warm
	manage_stay_on_first && flows_path && flows_configure "[Timeouts]
UDP=1h
HoldDown=${CHURN_LIFETIME}s
UDPByPort=$CHURN_PORT:${CHURN_LIFETIME}s
[State]
Keep=no" && gateway_start && manage_pin && flows_fill $MANAGE_FLOWS || return
	CHURN_NEXT=$((MANAGE_FLOWS * 2))
	filled=$(memory_kb VmRSS)
	manage_lists || return
	result_add more-lists $(($(memory_kb VmRSS) - filled))
	manage_warm_up && warm=$(memory_kb VmRSS) || return
	for ((round = 1; round <= ROUNDS; round++)); do
		manage_round || return
		result_add more-round $(($(memory_kb VmRSS) - warm))
	done
	[ "$(manage_pages | grep -c '"protocol"')" -ge $MANAGE_FLOWS ] || {
		echo "not all bindings were listed" >&2
		return 1
	}
	manage_rows "$filled"
	stop_nat64d
}
