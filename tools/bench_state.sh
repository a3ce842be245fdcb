# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# tools/bench state: what it costs that bindings and sessions survive, and how fast they are back.
# Sourced by tools/bench.
#
# The state directory is on the file system of the sources, as the lab's own one is in memory. The
# generator is on the first core and the packet thread on the second, the writer where there is room,
# each ahead of what else the machine does.

STATE_RATE=50000     # new flows a second
STATE_LIFETIME=4     # seconds of a flow: as many end as begin, from then on
STATE_FLOWS=1000000
STATE_PROBE_MS=20000 # longer than a start with all of them
STATE_TURN_MS=300    # of pings: shorter than what is left of writing them all, once that has begun
STATE_TURNS=5        # for each round

# state_start KEEP LIFETIME [LINE]: with State.Keep and Timeouts.UDP, and one more of [State].
state_start()
{
	flows_configure "[Timeouts]
AllowBelowMinimum=yes
UDP=$2
[State]
Keep=$1
${3:-}" && rm -rf "$RUN/state/"* && gateway_start && threads_first packets 1 2 && threads_first state 0,1 1
}

# Bindings that were made, and seconds of processor time of packet thread and writer, bytes that the
# writer gave to the kernel and that it made the file system write: one line.
state_look()
{
	local writer
	writer=$(threads state)
	echo "$(now_usec) $(counter bindings_created_udp) $(threads_cpu packets) $(threads_cpu state)" \
		"${writer:+$(awk '$1 == "wchar:" || $1 == "write_bytes:" { printf "%s ", $2 }' "$writer/io")}"
}

# state_rate yes|no: as many flows a second as can be, in steady state.
state_rate()
{
	local first
	state_start "$1" "${STATE_LIFETIME}s" || return
	flows 0 $((STATE_RATE * (STATE_LIFETIME + 1 + SECONDS_EACH))) $STATE_RATE >"$RUN/generator" &
	until_true 30 state_is_steady || return
	first=$(state_look)
	sleep $SECONDS_EACH
	echo "$first $(state_look)" >"$RUN/looks"
	wait $!
	awk -v keep="$1" -v file="$RUN/result-" '
		NR == FNR { sent = $1; seconds = $2; cpu = $3; next }
		{
			n = NF / 2
			for (i = 1; i <= n; i++)
				more[i] = $(n + i) - $i
			s = more[1] / 1e6
			print sent / seconds >>(file "offered-" keep)
			print more[2] / s >>(file "rate-" keep)
			print 100 * cpu / seconds >>(file "generator-" keep)
			print 100 * more[3] / s >>(file "packets-" keep)
			print 100 * more[4] / s >>(file "writer-" keep)
			if (keep == "no")
				exit
			print more[5] / more[2] >>(file "bytes-kernel")
			print more[6] / more[2] >>(file "bytes-disk")
		}' "$RUN/generator" "$RUN/looks"
	stop_nat64d
}

# The first ones have ended.
state_is_steady()
{
	local created there
	created=$(counter bindings_created_udp) there=$(ctl bib list --protocol udp --count)
	[ $((created - there)) -gt $((STATE_RATE / 2)) ]
}

state_rates()
{
	local round
	for ((round = 1; round <= ROUNDS; round++)); do
		state_rate no && state_rate yes || return
	done
	rows_section "New flows, $STATE_RATE a second, of $STATE_LIFETIME s each: as many end as begin"
	row "sent, flows a second" "$(result offered-no)" ""
	row "new bindings a second without a database" "$(result rate-no)" ""
	row "  CPU of the generator" "$(result generator-no)" "%"
	row "  CPU of the packet thread" "$(result packets-no)" "%"
	row "sent, flows a second" "$(result offered-yes)" ""
	row "new bindings a second with it" "$(result rate-yes)" ""
	row "  CPU of the generator" "$(result generator-yes)" "%"
	row "  CPU of the packet thread" "$(result packets-yes)" "%"
	row "  CPU of the writer" "$(result writer-yes)" "%"
	row "with it / without" "$(ratio "$(result rate-yes)" "$(result rate-no)")" "" least 0.9
	row "given to the kernel for each flow" "$(result bytes-kernel)" bytes
	row "written to disk for each flow" "$(result bytes-disk)" bytes
}

# ---- a million ----------------------------------------------------------------------------------

state_unwritten()
{
	node gateway busctl --address="$DBUS_SYSTEM_BUS_ADDRESS" get-property org.nat64d1 /org/nat64d1 \
		org.nat64d1.Manager PendingChanges | cut -d' ' -f2
}

state_is_written()
{
	[ "$(state_unwritten)" = 0 ]
}

state_has_begun_anew()
{
	[ "$(state_unwritten)" -gt $STATE_FLOWS ]
}

# All is written anew, as the database is gone. Pings meanwhile, and as many while nothing is written, by
# turns. A turn in which all was written before its pings ended counts for neither; the answer is 2 then.
state_turn()
{
	local begun
	rm -f "$RUN"/turn-*
	pings $STATE_TURN_MS "$RUN/turn-idle" >/dev/null && rm "$RUN/state/state.db"* || return 1
	until_true 15 state_has_begun_anew || return 1
	begun=$(now_usec)
	pings $STATE_TURN_MS "$RUN/turn-flush" >/dev/null || return 1
	[ "$(state_unwritten)" -gt 0 ] || return 2
	until_true 60 state_is_written || return 1
	result_add flush-ms $((($(now_usec) - begun) / 1000))
	cat "$RUN/turn-idle" >>"$RUN/idle-usec"
	cat "$RUN/turn-flush" >>"$RUN/flush-usec"
}

# Turns until there are enough of them, whatever the writer's speed.
state_turns()
{
	local wanted=$1 done=0 tried=0 status
	while [ $done -lt "$wanted" ]; do
		[ $((tried++)) -lt $((2 * wanted)) ] || {
			echo "only $done of $tried times were a million bindings still being written after" \
				"$STATE_TURN_MS ms" >&2
			return 1
		}
		state_turn
		status=$?
		[ $status = 1 ] && return 1
		[ $status = 2 ] && until_true 60 state_is_written || done=$((done + 1))
	done
}

# The time that 99 of 100 in this file took, as bench_quantile() has it.
state_p99()
{
	sort -n "$1" | awk '{ usec[NR] = $1 } END { print usec[int((NR - 1) * 0.99 + 0.5) + 1] }'
}

# Milliseconds from start to READY, whatever else the machine does.
state_ready()
{
	NAT64D_WRAPPER=(chrt --fifo 1 sh -c 'date +%s%N >"$0" && exec "$@"' "$RUN/begun")
	gateway_start || return
	NAT64D_WRAPPER=()
	# Whole ns, without the fraction's point.
	echo $((($(stat -c %.9Y "$RUN/ready" | tr -d .) - $(cat "$RUN/begun")) / 1000000))
}

state_restarts()
{
	local round n
	for ((round = 1; round <= ROUNDS; round++)); do
		state_ready >"$RUN/value" || return
		result_add ready "$(cat "$RUN/value")"
		n=$(ctl session list --protocol udp --count)
		[ "$n" -ge $STATE_FLOWS ] || {
			echo "$n sessions were restored" >&2
			return 1
		}
		result_add ready-kb "$(memory_kb VmHWM)"
		stop_nat64d
	done
	mv "$RUN/state/state.db" "$RUN/state/aside"
	for ((round = 1; round <= ROUNDS; round++)); do
		rm -f "$RUN/state/state.db"*
		state_ready >"$RUN/value" || return
		result_add empty "$(cat "$RUN/value")"
		stop_nat64d
	done
	mv "$RUN/state/aside" "$RUN/state/state.db"
}

# Another nat64d takes over while a probe goes on, a thousand a second: the longest time that one took.
# Fails if one has no answer at all.
state_replace()
{
	local probe status
	# Whatever else the machine does: what the two do themselves.
	threads_first nat64d 0,1 1 && threads_first packets 1 2 || return
	NAT64D_WRAPPER=(chrt --fifo 1)
	node client "${FIRST_CORE[@]}" "$BENCH_PING" ask $TOPOLOGY_SERVER6 7007 1000 $STATE_PROBE_MS \
		>"$RUN/pings" &
	probe=$!
	sleep 1
	gateway_replace
	status=$?
	NAT64D_WRAPPER=()
	kill -0 $probe 2>/dev/null || {
		echo "the probe ended before the other nat64d had taken over" >&2
		return 1
	}
	wait $probe
	[ $status = 0 ] || return
	awk '$1 != $2 { print $1 - $2 " of " $1 " probes had no answer while another nat64d took over" }' \
		"$RUN/pings" >&2
	awk '{ print $5 / 1000; exit $1 != $2 }' "$RUN/pings" >"$RUN/value" || return
	result_add replace-ms "$(cat "$RUN/value")"
}

state_million()
{
	local round size memory
	state_start yes 1h && flows_fill $STATE_FLOWS && until_true 60 state_is_written || return
	state_turns $((STATE_TURNS * ROUNDS)) || return
	memory=$(memory_kb VmRSS)
	for ((round = 1; round <= ROUNDS; round++)); do
		sleep 6 # all is on the disk: it may be slow
		state_replace && until_true 60 state_is_written || return
	done
	stop_nat64d
	size=$(stat -c %s "$RUN/state/state.db")
	state_restarts || return
	rows_section "A million bindings, with a session each"
	row "pings, 1000 a second, so many" "$(wc -l <"$RUN/idle-usec")" ""
	row "  99 of 100 take at most" "$(state_p99 "$RUN/idle-usec")" us
	row "while all of them are written, so many" "$(wc -l <"$RUN/flush-usec")" ""
	row "  99 of 100 take at most" "$(state_p99 "$RUN/flush-usec")" us
	row "the second / the first" \
		"$(ratio "$(state_p99 "$RUN/flush-usec")" "$(state_p99 "$RUN/idle-usec")")" "" most 1.5
	row "from the first of those pings until all is written" "$(result flush-ms)" ms
	row "the file, for each binding and its session" $((size / STATE_FLOWS)) bytes
	row "start until ready, with an empty database" "$(result empty)" ms
	row "start until ready, with all of them" "$(result ready)" ms
	row "the difference: they are restored" \
		"$(awk -v a="$(result ready)" -v b="$(result empty)" 'BEGIN { print a - b }')" ms most 1500
	row "another nat64d takes over: the longest time of a probe" "$(result replace-ms)" ms most 100
	row "memory of nat64d before it was stopped" "$memory" kB
	row "memory at most while they were restored" "$(result ready-kb)" kB
}

# ---- a million that have ended ------------------------------------------------------------------

state_sql()
{
	sqlite3 -readonly "$RUN/state/state.db" "$1"
}

state_closed_are_written()
{
	[ "$(state_sql "SELECT ifnull(sum(n), 0) FROM closed_run")" -ge $STATE_FLOWS ]
}

# state_ask NAME ADDRESS4:PORT TIME: how long the whole command takes, in ms; its status is $?.
state_ask()
{
	local begun status
	begun=$(now_usec)
	ctl --socket "$RUN/control" who "$2" --at "$3" >"$RUN/who" 2>&1
	status=$?
	result_add "$1" "$((($(now_usec) - begun) / 1000))"
	return $status
}

# What was found, by questions about a hundred of them, and one that nobody had, which costs what a
# command costs.
state_asks()
{
	local mapped ended i
	state_sql "SELECT mapped || ':' || port4, unixepoch(ended) FROM closed ORDER BY random() LIMIT 100" |
		tr '|' ' ' >"$RUN/asked"
	while read -r mapped ended; do
		state_ask who "$mapped" "@$ended" && grep -q '2001:db8:' "$RUN/who" || {
			echo "nobody had $mapped at $ended" >&2
			return 1
		}
	done <"$RUN/asked"
	for ((i = 0; i < 20; i++)); do
		state_ask nobody 203.0.113.250:1 now
		[ $? = 3 ] || return 1
	done
}

# As many as the queue and the writer take: not a million at once.
state_closed()
{
	local bytes
	state_start yes "${STATE_LIFETIME}s" "Retention=1d" || return
	flows 0 $((STATE_FLOWS + STATE_FLOWS / 20)) $((STATE_RATE / 2)) >/dev/null || return
	until_true 90 state_closed_are_written || {
		echo "only $(state_sql "SELECT sum(n) FROM closed_run") bindings that have ended are written" >&2
		return 1
	}
	state_asks || return
	bytes=$(state_sql "SELECT (SELECT sum(pgsize) FROM dbstat WHERE name IN ('closed_row', 'closed_run')) * 1.0 /
		(SELECT count(*) FROM closed_row)")
	stop_nat64d
	rows_section "A million bindings that have ended, with State.Retention"
	row "in the file, for each" "$bytes" bytes
	row "nat64ctl who, median of a hundred" "$(result who)" ms most 100
	row "  the slowest of them" "$(sort -n "$RUN/result-who" | tail -n 1)" ms
	row "  about what nobody had" "$(result nobody)" ms
}

bench_state()
{
	mount --bind "$STATE_DISK" "$RUN/state" && flows_path || return
	! wants rates || state_rates || return
	! wants million || state_million || return
	! wants who || state_closed
}
