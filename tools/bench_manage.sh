# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# tools/bench manage: what the management interface costs with a million bindings and sessions, and
# what packets notice of it. Sourced by tools/bench.
#
# The packet thread is on the second core, and comes first there, so that what else the machine does
# is not measured; clients, the bus and the other threads of nat64d are on the first, with the load
# that the listing is compared with: some processes and pipes, which have nothing to do with nat64d.
# Pings by turns beside the one and the other.

MANAGE_FLOWS=${MANAGE_FLOWS:-1000000} MANAGE_ROWS_OF_PAGES=2000000 # --limit: by pages

manage_pin()
{
	local task
	for task in "/proc/${TOPOLOGY_PIDS[nat64d]}/task/"*; do
		threads_on 0 "$task" || return
	done
	manage_pin_bus && threads_first packets 1 2
}

manage_pin_bus()
{
	[ ${#SECOND_CORE[@]} = 0 ] || taskset -cp 0 "${TOPOLOGY_PIDS[bus]}" >/dev/null
}

manage_count() { ctl_on_first bib list --count; }

manage_pages() { ctl_on_first bib list --json --limit $MANAGE_ROWS_OF_PAGES; }

manage_dump() { ctl_on_first bib list --json; }

manage_other() { "${FIRST_CORE[@]}" sh -c 'yes | head -c 500000000 | tr y n'; }

ctl_on_first() { node gateway "${FIRST_CORE[@]}" "$NAT64CTL" "$@"; }

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

# Pings while it runs, again and again: manage_beside WHAT [PREFIX]: of the result's name.
manage_beside()
{
	local p99 pid
	rm -f "$RUN/enough"
	while [ ! -e "$RUN/enough" ]; do "manage_$1" >/dev/null; done &
	pid=$!
	p99=$(pings $((SECONDS_EACH * 1000)))
	: >"$RUN/enough"
	wait $pid
	result_add "${2:-}$1-p99" "$p99"
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
	local what
	manage_lists || return
	result_add idle-p99 "$(pings $((SECONDS_EACH * 1000)))"
	for what in other pages other dump; do
		manage_beside $what || return
	done
	manage_churn
}

# ---- while bindings come and go -----------------------------------------------------------------

CHURN_RATE=10000 CHURN_LIFETIME=5 CHURN_PORT=10

# So many come in a second and, once the first of them have lived, as many go. Each flow is new: no
# binding is there twice. From here on until churn_end.
churn_begin()
{
	CHURN_FIRST=$((CHURN_NEXT))
	CHURN_NEXT=$((CHURN_NEXT + CHURN_RATE * 600))
	node_start client churn "${FIRST_CORE[@]}" "$BENCH_FLOWS" "$TOPOLOGY_SERVER6" $CHURN_FIRST \
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

manage_pages_table() { ctl_on_first bib list --no-legend --limit $MANAGE_ROWS_OF_PAGES; }

manage_dump_table() { ctl_on_first bib list --no-legend; }

# Nobody takes more than 64 kB of the events and of a table in a tenth of a second, and then nobody takes
# anything; beside the load, as a processor that sleeps is slow, too.
manage_slow()
{
	local table pids=()
	manage_other >/dev/null &
	pids+=($!)
	ctl_on_first monitor all 2>/dev/null | slow_reader &
	pids+=($!)
	for table in bib session; do
		ctl_on_first $table list --json 2>/dev/null | slow_reader &
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

# It is killed, comes back, hangs, and goes on.
manage_bus()
{
	kill -KILL "${TOPOLOGY_PIDS[bus]}"
	wait "${TOPOLOGY_PIDS[bus]}" 2>/dev/null
	unset "TOPOLOGY_PIDS[bus]"
	rm -f "$RUN/bus"
	ctl_on_first --socket "$RUN/control" stats
	gateway_bus && manage_pin_bus && until_true 10 ctl_on_first --bus "$DBUS_SYSTEM_BUS_ADDRESS" stats
	kill -STOP "${TOPOLOGY_PIDS[bus]}"
	ctl_on_first --socket "$RUN/control" drain
	ctl_on_first --socket "$RUN/control" resume
	sleep 0.3
	kill -CONT "${TOPOLOGY_PIDS[bus]}"
}

manage_churn()
{
	local what
	churn_begin || return
	for what in pages dump; do
		churn_list $what || return
	done
	for what in other slow; do
		manage_beside $what churn- || return
	done
	churn_end
	# The bus is this shell's own child.
	manage_beside_bus
}

# As manage_beside, with what is done to the bus in this shell, and the load and the pings in others.
manage_beside_bus()
{
	local load pid status
	rm -f "$RUN/enough"
	while [ ! -e "$RUN/enough" ]; do manage_other >/dev/null; done &
	load=$!
	pings $((SECONDS_EACH * 1000)) >"$RUN/bus-p99" &
	pid=$!
	while kill -0 $pid 2>/dev/null; do manage_bus >/dev/null 2>&1; done
	wait $pid
	status=$?
	: >"$RUN/enough"
	wait $load
	[ $status = 0 ] && result_add bus-p99 "$(<"$RUN/bus-p99")"
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
	row "beside a load that has nothing to do with nat64d" "$(result other-p99)" us
	row "beside the pages" "$(result pages-p99)" us
	row "the pages / the load" "$(ratio "$(result pages-p99)" "$(result other-p99)")" "" most 2
	row "beside Dump" "$(result dump-p99)" us
	row "Dump / the load" "$(ratio "$(result dump-p99)" "$(result other-p99)")" "" most 2
	row "beside the load and a bus that is killed, comes back and hangs" "$(result bus-p99)" us
	row "these / the load" "$(ratio "$(result bus-p99)" "$(result other-p99)")" "" most 2
	manage_rows_churn pages "by pages"
	manage_rows_churn dump "by Dump"
	rows_section "Pings while bindings come and go"
	row "beside the load" "$(result churn-other-p99)" us
	row "beside the load and slow readers of Monitor and Dump" "$(result churn-slow-p99)" us
	row "these / the load" "$(ratio "$(result churn-slow-p99)" "$(result churn-other-p99)")" "" most 2
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
	manage_churn && rm -f "$RUN"/result-churn-* "$RUN"/result-bus-*
}

bench_manage()
{
	local round filled warm
	flows_path && flows_configure "[Timeouts]
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
