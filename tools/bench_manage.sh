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

MANAGE_FLOWS=1000000 MANAGE_ROWS_OF_PAGES=2000000 # --limit: by pages

manage_pin()
{
	local task
	for task in "/proc/${TOPOLOGY_PIDS[nat64d]}/task/"*; do
		threads_on 0 "$task" || return
	done
	threads_first packets 1 2
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

# Pings while it runs, again and again.
manage_beside()
{
	local p99 pid
	rm -f "$RUN/enough"
	while [ ! -e "$RUN/enough" ]; do "manage_$1" >/dev/null; done &
	pid=$!
	p99=$(pings $((SECONDS_EACH * 1000)))
	: >"$RUN/enough"
	wait $pid
	result_add "$1-p99" "$p99"
}

manage_round()
{
	local what
	for what in count pages dump; do
		manage_time $what || return
	done
	result_add idle-p99 "$(pings $((SECONDS_EACH * 1000)))"
	for what in other pages other dump; do
		manage_beside $what || return
	done
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
	row "more memory after all of them" $(($(memory_kb VmRSS) - $1)) kB most 1024
	rows_section "Pings meanwhile, 1000 a second: 99 of 100 take at most"
	row "beside nothing" "$(result idle-p99)" us
	row "beside a load that has nothing to do with nat64d" "$(result other-p99)" us
	row "beside the pages" "$(result pages-p99)" us
	row "the pages / the load" "$(ratio "$(result pages-p99)" "$(result other-p99)")" "" most 2
	row "beside Dump" "$(result dump-p99)" us
	row "Dump / the load" "$(ratio "$(result dump-p99)" "$(result other-p99)")" "" most 2
}

bench_manage()
{
	local round memory
	flows_path && flows_configure $'[Timeouts]\nUDP=1h\n[State]\nKeep=no' && gateway_start &&
		manage_pin && flows_fill $MANAGE_FLOWS || return
	memory=$(memory_kb VmRSS)
	for ((round = 1; round <= ROUNDS; round++)); do
		manage_round || return
	done
	[ "$(manage_pages | grep -c '"protocol"')" -ge $MANAGE_FLOWS ] || {
		echo "not all bindings were listed" >&2
		return 1
	}
	manage_rows "$memory"
	stop_nat64d
}
