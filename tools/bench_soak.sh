# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# tools/bench soak: everything at once for some minutes: new flows, downloads and uploads, pings, listings,
# changes of pool4, and kill -9 during the first quarter. What it must not do: damage a transfer, lose a
# binding that was on the disk by promise, or grow. Sourced by tools/bench.
#
# Lifetimes and hold-down are short, so that as many flows end as begin soon after the last kill; from then on
# memory is looked at. It is flat if the most in the last third is at most a twentieth above that of the
# first one.

SOAK_RATE=1000 SOAK_LIFETIME=20 SOAK_PAYLOAD=20000000 SOAK_PING_RATE=20
SOAK_FLUSHED_MS=350 # State.FlushInterval, and 100 ms
SOAK_POOL=203.0.113.5

soak_configure()
{
	flows_configure "[Timeouts]
AllowBelowMinimum=yes
UDP=${SOAK_LIFETIME}s
HoldDown=10s"
}

# soak_transfer download|upload: prints the checksum of what arrived.
soak_transfer()
{
	if [ "$1" = download ]; then
		node client curl -sS -m 120 http://server.example/payload | sha256sum | cut -d' ' -f1
	else
		node client curl -sS -m 120 -H Expect: --data-binary "@$RUN/www/payload" \
			http://server.example/cgi-bin/upload
	fi
}

# Bindings, as "PROTOCOL CLIENT ADDRESS:PORT", with the seconds that they have left; TCP's have hours.
soak_bindings()
{
	ctl --no-legend bib list --limit 0 | awk '{
		left = $7 ~ /^[0-9]+s$/ ? $7 + 0 : 1000
		print $1, $2, $3, left
	}'
}

# A kill, and what was there long enough before it and would still be there, but is not.
soak_kill()
{
	local begin
	begin=$(now_usec)
	soak_bindings >"$RUN/before"
	sleep 0.$SOAK_FLUSHED_MS
	kill -KILL "${TOPOLOGY_PIDS[nat64d]}"
	wait "${TOPOLOGY_PIDS[nat64d]}" 2>/dev/null
	unset "TOPOLOGY_PIDS[nat64d]"
	gateway_start || return
	soak_bindings >"$RUN/after"
	awk -v seconds=$((($(now_usec) - begin) / 1000000 + 2)) '
		{ name = $1 " " $2 " " $3 }
		NR == FNR { there[name] = 1; next }
		$4 > seconds { n++; if (!(name in there)) lost++ }
		END { print n + 0, lost + 0 }' "$RUN/after" "$RUN/before" >"$RUN/value"
	SOAK_KILLS=$((SOAK_KILLS + 1))
	SOAK_JUDGED=$((SOAK_JUDGED + $(cut -d' ' -f1 "$RUN/value")))
	SOAK_LOST=$((SOAK_LOST + $(cut -d' ' -f2 "$RUN/value")))
}

# An entry more, which client2 then has an address of, and one less.
soak_pool()
{
	local seen
	ctl pool4 add $SOAK_POOL --clients 2001:db8:2::/64 >/dev/null || return
	seen=$(ask client2 udp $TOPOLOGY_SERVER6 7)
	ctl pool4 remove --force $SOAK_POOL >/dev/null 2>&1 || return
	[ "${seen% *}" = $SOAK_POOL ] || SOAK_FAULTS=$((SOAK_FAULTS + 1))
}

soak_lists()
{
	local n
	n=$(ctl --no-legend bib list --limit 0 | wc -l)
	[ "$n" -gt $((SOAK_RATE)) ] && ctl session list --json --limit 0 >/dev/null && ctl client list >/dev/null &&
		ctl stats >/dev/null || SOAK_FAULTS=$((SOAK_FAULTS + 1))
}

# soak_round yes|no: with a kill in the middle of its transfers?
soak_round()
{
	local what pids=()
	for what in download upload; do
		soak_transfer $what >"$RUN/sum-$what" 2>&1 &
		pids+=($!)
	done
	soak_lists && soak_pool || return
	[ "$1" = no ] || soak_kill || return
	wait "${pids[@]}"
	for what in download upload; do
		SOAK_TRANSFERS=$((SOAK_TRANSFERS + 1))
		[ "$(cat "$RUN/sum-$what")" = "$TOPOLOGY_SUM" ] || {
			SOAK_DAMAGED=$((SOAK_DAMAGED + 1))
			echo "$what: $(head -c 200 "$RUN/sum-$what")" >&2
		}
	done
}

soak_rounds()
{
	local begin=$SECONDS settled
	while [ $((SECONDS - begin)) -lt $((SOAK_SECONDS / 4)) ]; do
		soak_round yes || return
	done
	settled=$((SECONDS + SOAK_LIFETIME + 15))
	while [ $((SECONDS - begin)) -lt "$SOAK_SECONDS" ]; do
		soak_round no || return
		[ $SECONDS -lt $settled ] || memory_kb VmRSS >>"$RUN/memory"
	done
}

# soak_most FROM TO: the most memory of this part of the looks, in thirds.
soak_most()
{
	awk -v from="$1" -v to="$2" '
		{ kb[NR] = $1 }
		END {
			for (i = 1; i <= NR; i++)
				if (i > from * NR / 3 && i <= to * NR / 3 && kb[i] > most)
					most = kb[i]
			print most
		}' "$RUN/memory"
}

# What the kernel has queued less what nat64d has received, or that less the sum of outcomes.
soak_uncounted()
{
	until_true 3 conservation
	conservation | tr -d ',' | awk '
		function distance(a, b) { return a > b ? a - b : b - a }
		{ print distance($2, $4) + distance($4, $6) }'
}

bench_soak()
{
	local pinger
	SOAK_KILLS=0 SOAK_JUDGED=0 SOAK_LOST=0 SOAK_TRANSFERS=0 SOAK_DAMAGED=0 SOAK_FAULTS=0
	flows_path && soak_configure && topology_servers $SOAK_PAYLOAD && gateway_start || return
	node_start client churn "${FIRST_CORE[@]}" "$BENCH_FLOWS" $TOPOLOGY_SERVER6 0 \
		$((SOAK_RATE * (SOAK_SECONDS + 600))) $SOAK_RATE
	node client "$BENCH_PING" ask $TOPOLOGY_SERVER6 7007 $SOAK_PING_RATE $((SOAK_SECONDS * 1000)) >"$RUN/pings" &
	pinger=$!
	sleep $((SOAK_LIFETIME / 4))
	soak_rounds || return
	wait $pinger
	node_stop churn

	[ "$(wc -l <"$RUN/memory")" -ge 3 ] || {
		echo "too short to look at memory after the warm-up: at least 120 seconds" >&2
		return 1
	}
	rows_section "Everything at once, $SOAK_SECONDS s, $SOAK_RATE new flows a second"
	row "downloads and uploads of $((SOAK_PAYLOAD / 1000000)) MB" $SOAK_TRANSFERS "" least 4
	row "  with a wrong checksum, or none" $SOAK_DAMAGED "" most 0
	row "kill -9" $SOAK_KILLS "" least 2
	row "  bindings that were older than $SOAK_FLUSHED_MS ms" $SOAK_JUDGED "" least 1000
	row "  lost of them" $SOAK_LOST "" most 0
	row "pings without an answer, a second for each kill" "$(awk '{ print $1 - $2 }' "$RUN/pings")" "" \
		most $((SOAK_KILLS * SOAK_PING_RATE))
	row "listings and changes of pool4 that went wrong" $SOAK_FAULTS "" most 0
	row "memory, the most in the first third after warm-up" "$(soak_most 0 1)" kB
	row "memory, the most in the last third" "$(soak_most 2 3)" kB most $(($(soak_most 0 1) * 21 / 20))
	row "packets that were queued, but not counted as anything" "$(soak_uncounted)" "" most 0
	stop_nat64d
}
