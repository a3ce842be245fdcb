# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The rows of tools/bench manage and state: a figure, and the most or the least that it may be. As a
# table, or with JSON=yes as one array at the end. Sourced by tools/bench.

ROWS=() ROWS_SECTION= ROWS_FAILED=0

rows_section()
{
	ROWS_SECTION=$1
	[ "$JSON" = yes ] || printf '\n%s\n' "$1"
}

# row TITLE FIGURE UNIT [most|least BAR]: titles and units are ours, so nothing is to be escaped.
row()
{
	local verdict=null
	[ -n "$2" ] || {
		echo "no result for: $1" >&2
		ROWS_FAILED=$((ROWS_FAILED + 1))
		return
	}
	if [ -n "${4:-}" ]; then
		verdict=$(awk -v figure="$2" -v kind="$4" -v bar="$5" 'BEGIN {
			holds = kind == "most" ? figure <= bar : figure >= bar
			print holds ? "true" : "false"
		}')
	fi
	[ "$verdict" = true ] || [ "$verdict" = null ] || ROWS_FAILED=$((ROWS_FAILED + 1))
	ROWS+=("$(printf '{"section":"%s","title":"%s","figure":%s,"unit":"%s","bar":"%s","holds":%s}' \
		"$ROWS_SECTION" "${1#  }" "$2" "$3" "${4:+at $4 $5}" $verdict)")
	[ "$JSON" = yes ] || awk -v title="$1" -v figure="$2" -v unit="$3" -v kind="${4:-}" \
		-v bar="${5:-}" -v verdict=$verdict '
		function print_figure(figure) {
			whole = figure == int(figure) || figure >= 100
			return sprintf(whole ? "%.0f %s" : figure >= 10 ? "%.1f %s" : "%.2f %s", figure, unit)
		}
		BEGIN {
			printf "  %-58s %12s", title, print_figure(figure)
			if (kind != "")
				printf "  at %-5s %10s  %s", kind, print_figure(bar),
					verdict == "true" ? "holds" : "FAILS"
			print ""
		}'
}

# The end of it; fails if a bar does not hold.
rows_end()
{
	if [ "$JSON" = yes ]; then
		printf '[\n%s' "${ROWS[0]}"
		[ ${#ROWS[@]} -lt 2 ] || printf ',\n%s' "${ROWS[@]:1}"
		printf '\n]\n'
	else
		printf '\n%d of the bars do not hold\n' "$ROWS_FAILED"
	fi
	[ "$ROWS_FAILED" = 0 ]
}

# ---- what is measured, by both ------------------------------------------------------------------

# As numbers in files, $RUN/result-NAME: rounds add a line each.
result_add()
{
	[ -n "$2" ] && echo "$2" >>"$RUN/result-$1"
}

result()
{
	[ ! -s "$RUN/result-$1" ] || median <"$RUN/result-$1"
}

# Of all rounds the worst.
result_most()
{
	[ ! -s "$RUN/result-$1" ] || sort -n "$RUN/result-$1" | tail -n 1
}

ratio()
{
	awk -v a="$1" -v b="$2" 'BEGIN { if (b > 0) printf "%.4f\n", a / b }'
}

now_usec()
{
	echo "${EPOCHREALTIME/[.,]/}"
}

# memory_kb NAME: of nat64d, as /proc names it.
memory_kb()
{
	awk -v name="$1:" '$1 == name { print $2 }' "/proc/${TOPOLOGY_PIDS[nat64d]}/status"
}

# The threads of nat64d with this name.
threads()
{
	grep -lx "$1" "/proc/${TOPOLOGY_PIDS[nat64d]}/task/"*/comm | xargs -r -n 1 dirname
}

# Seconds of processor time that they have had.
threads_cpu()
{
	threads "$1" | sed 's/$/\/stat/' | cpu_of
}

# That of a process that node_start started.
process_cpu()
{
	echo "/proc/${TOPOLOGY_PIDS[$1]}/stat" | cpu_of
}

cpu_of()
{
	xargs -r sed 's/.*) //' | awk -v ticks="$(getconf CLK_TCK)" '
		{ sum += $12 + $13 }
		END { print sum / ticks }'
}

# threads_first NAME CPUS PRIORITY: they come before all else that the machine does, which is not
# measured so.
threads_first()
{
	local task
	for task in $(threads "$1"); do
		threads_on "$2" "$task" && chrt --fifo --pid "$3" "${task##*/}" || return
	done
}

threads_on()
{
	[ ${#SECOND_CORE[@]} = 0 ] || taskset -cp "$1" "${2##*/}" >/dev/null
}

# ---- many flows -------------------------------------------------------------------------------

FLOWS_POOL4=198.18.0.0/20 FLOWS_POOL6=2001:db8:8000::/33

# The way for bench_flows' sources and back, and a server for pings.
flows_path()
{
	ip -n $TOPOLOGY_NAME-gateway -6 route add $FLOWS_POOL6 via 2001:db8:6::1 &&
		ip -n $TOPOLOGY_NAME-router4 route add $FLOWS_POOL4 via $TOPOLOGY_GATEWAY4 || return
	node_start server echo "${FIRST_CORE[@]}" "$BENCH_PING" echo 7007
}

# flows_configure LINES: a configuration for a million of them.
flows_configure()
{
	cat >"$RUN/nat64d.conf" <<-END
		[Translation]
		Pool6=$TOPOLOGY_POOL6/96
		[Pool4 bench]
		Addresses=$FLOWS_POOL4
		[Limits]
		Bindings=1300000
		[Queue]
		Workers=1
		$1
	END
}

flows()
{
	node client "${FIRST_CORE[@]}" "$BENCH_FLOWS" $TOPOLOGY_SERVER6 "$@"
}

# So many flows have a binding each: what was lost on the way is sent again.
flows_fill()
{
	local i
	for ((i = 0; i < 10; i++)); do
		flows 0 "$1" 60000 >/dev/null || return
		[ "$(ctl bib list --protocol udp --count)" -lt "$1" ] || return 0
	done
	echo "$(ctl bib list --count) of $1 flows have a binding" >&2
	return 1
}

# pings MILLISECONDS [FILE]: of a thousand a second, the time that 99 of 100 took, in us; all of them are
# added to FILE. Fails if one in a thousand is lost. On the processor that PINGS_ON chooses.
pings()
{
	node client "${PINGS_ON[@]}" "$BENCH_PING" ask $TOPOLOGY_SERVER6 7007 1000 "$@" >"$RUN/pings" ||
		return
	awk '{ if ($1 - $2 > $1 / 1000) exit 1; print $4 }' "$RUN/pings"
}
