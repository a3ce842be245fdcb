# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# tools/bench overload: datagrams for a minute, at least twice as many as nat64d can translate: TCP that was
# there before goes on, nat64ctl answers, what is lost is counted, and afterwards all is as before. Sourced by
# tools/bench.
#
# One generator runs on each core, and that on the second takes half of it from nat64d's packet
# thread there; its other threads are where there is room. TCP streams are of a given
# rate, as their ends have to share a core with a generator: what an end that gets no processor can not send
# says nothing about nat64d. So are the pings.

OVERLOAD_STREAMS=4 OVERLOAD_STREAM=25M # bit/s
OVERLOAD_BEFORE=8 OVERLOAD_AFTER=8     # seconds
OVERLOAD_STATUS_MS=100

# All that comes to the gateway for nat64d, in front of its queues.
overload_count_begin()
{
	node gateway nft -f - <<-END
		table inet offered {
			counter packets_in { }
			chain prerouting {
				type filter hook prerouting priority -460; policy accept;
				ip6 daddr $TOPOLOGY_POOL6/96 counter name packets_in
				iifname router4 ip daddr $TOPOLOGY_POOL4 counter name packets_in
			}
		}
	END
}

overload_offered()
{
	node gateway nft list counter inet offered packets_in | awk '$1 == "packets" { print $2 }'
}

# Each second of the streams, as "BEGIN MBIT".
overload_seconds()
{
	tr -- '-' ' ' <"$RUN/streams.log" | awk '$1 == "[SUM]" && $8 == "Mbits/sec" && $3 - $2 < 1.5 { print $2, $7 }'
}

# overload_phase FROM TO: the median of the seconds that begin between these, and the least.
overload_phase()
{
	overload_seconds | awk -v from="$1" -v to="$2" '$1 >= from && $1 + 1 <= to { print $2 }' >"$RUN/phase"
	echo "$(median <"$RUN/phase") $(sort -n "$RUN/phase" | head -n 1)"
}

# Milliseconds of nat64ctl status, each second until the generators end.
overload_status()
{
	local begin
	while kill -0 "$1" 2>/dev/null; do
		begin=$(now_usec)
		ctl status >"$RUN/status" || return
		result_add status $((($(now_usec) - begin) / 1000))
		sleep 1
	done
}

overload_is_drained()
{
	[ "$(counter 'queue_[0-9]+_waiting')" = 0 ]
}

overload_load()
{
	local core pids=()
	for core in 0 1; do
		node client ${SECOND_CORE:+taskset -c $core} nice -n $((5 - 5 * core)) "$BENCH_UDP" send \
			$TOPOLOGY_SERVER6 9 $((OVERLOAD_SECONDS * 1000)) 256 >"$RUN/sent-${#pids[@]}" &
		pids+=($!)
	done
	overload_status "${pids[0]}"
	wait "${pids[@]}"
}

# Seconds since the streams began.
overload_now()
{
	awk -v now="$(now_usec)" -v begin="$OVERLOAD_BEGIN" 'BEGIN { print (now - begin) / 1e6 }'
}

bench_overload()
{
	local begin end before during after offered received lost packets ping_before ping_after
	flows_path && overload_count_begin && gateway_configure routed "[Queue]"$'\n'Workers=1 && gateway_start &&
		threads_on 1 "$(threads packets)" || return
	node_start server iperf3 iperf3 --server --one-off
	until_true 5 stream_server_listens || return
	OVERLOAD_BEGIN=$(now_usec)
	node_start client streams iperf3 --client $TOPOLOGY_SERVER6 --parallel $OVERLOAD_STREAMS --bitrate \
		$OVERLOAD_STREAM --format m --interval 1 --time $((OVERLOAD_BEFORE + OVERLOAD_SECONDS + OVERLOAD_AFTER))
	sleep 2
	ping_before=$(pings $((OVERLOAD_BEFORE * 1000 - 4000)))
	sleep 2
	begin=$(overload_now) && look "" && packets=$LOOK_PACKETS
	overload_load || return
	end=$(overload_now) && look "" && packets=$((LOOK_PACKETS - packets))
	sleep 1
	ping_after=$(pings 2000)
	wait "${TOPOLOGY_PIDS[streams]}" || { tail -n 3 "$RUN/streams.log" >&2 && return 1; }
	unset "TOPOLOGY_PIDS[streams]"
	until_true 5 overload_is_drained
	offered=$(overload_offered) received=$(counter 'queue_[0-9]+_received') lost=$(counter 'queue_[0-9]+_lost')
	before=$(overload_phase 1 "$begin") during=$(overload_phase "$(awk "BEGIN { print $begin + 1 }")" "$end")
	after=$(overload_phase "$(awk "BEGIN { print $end + 1 }")" 1000000)

	rows_section "Offered for $OVERLOAD_SECONDS s what it can not do"
	row "datagrams sent, 1000/s" "$(cat "$RUN"/sent-* | awk -v s="$OVERLOAD_SECONDS" '{ n += $1 } END { print n / s / 1000 }')" ""
	row "packets that arrived meanwhile, 1000/s" \
		"$(awk -v n=$packets -v s="$OVERLOAD_SECONDS" 'BEGIN { print n / s / 1000 }')" ""
	row "sent / arrived" "$(awk -v n=$packets '{ sent += $1 } END { print sent / n }' "$RUN"/sent-*)" "" least 2
	row "TCP, $OVERLOAD_STREAMS streams of $OVERLOAD_STREAM, before" "${before% *}" Mbit/s
	row "TCP meanwhile, median of seconds" "${during% *}" Mbit/s
	row "TCP meanwhile, the least second" "${during#* }" Mbit/s
	row "TCP meanwhile / before" "$(ratio "${during% *}" "${before% *}")" "" least 0.5
	row "nat64ctl status, median" "$(result status)" ms
	row "nat64ctl status, the longest" "$(result_most status)" ms most $OVERLOAD_STATUS_MS
	row "came to the gateway" "$offered" packets
	row "taken by nat64d" "$received" packets
	row "lost in queues, as nat64ctl status says" "$lost" packets
	row "neither taken nor counted" $((offered - received - lost)) packets most 0
	row "TCP, the least second from one after the end on / before" "$(ratio "${after#* }" "${before% *}")" "" least 0.9
	row "99 of 100 pings before" "$ping_before" us
	row "99 of 100 pings, a second after the end" "$ping_after" us most $((ping_before * 2))
	stop_nat64d
}
