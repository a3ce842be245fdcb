# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# tools/bench speed: nat64d beside the floor (bench_floor.c), which sends the same way, and beside plain
# forwarding, the kernel's NAT44 and TAYGA. Sourced by tools/bench.
#
# It has parts, each with measurements and systems of its own. A round goes through all systems of a part,
# and the next one through them backwards (ABBA), so that what changes slowly meets each alike. What
# counts are the ratios of nat64d's figure to that of each other system in the same round: their geometric
# mean, and its 95 % interval by Student's distribution of their logarithms. Rounds of a part go on until
# the intervals of all ratios to the floor are narrower than 5 % to either side, or there were so many.
# All but the floor take part in the first ones only.

SPEED_OTHERS_ROUNDS=5 SPEED_ROUNDS_MIN=3
# nat64d's ways, and the floor's of the same. By which one TCP is sent is nothing to the other parts.
SPEED_PAIRED=(raw packet)
SPEED_ALL_PARTS=(tcp frames udp latency flows)

# speed_part PART: what is measured of what in it.
speed_part()
{
	SPEED_PART=$1 SYSTEMS_FLOWS=no SPEED_PART_WAYS=("${SPEED_WAYS[@]: -1}")
	SPEED_OTHERS=(kernel nat44 tayga)
	case $1 in
	tcp)
		SPEED_MEASUREMENTS=(up down up8 down8) SPEED_PART_WAYS=("${SPEED_WAYS[@]}")
		SPEED_TITLE="TCP, links with offloads, MTU 1500"
		;;
	frames)
		SPEED_MEASUREMENTS=(frames_up frames_down frames_up8 frames_down8) SPEED_OTHERS=(kernel)
		SPEED_TITLE="TCP, frames of 1500 bytes on links, which receivers gather (GRO)"
		;;
	udp)
		SPEED_MEASUREMENTS=(udp1 udp256 cpu256)
		SPEED_TITLE="UDP, 64 bytes, as many as can be; processor time of all threads at $LOAD_RATE/s"
		;;
	latency)
		SPEED_MEASUREMENTS=(rtt50 rtt99)
		SPEED_TITLE="Round trips while nothing else goes on, 200 a second"
		;;
	flows)
		SPEED_MEASUREMENTS=(many1 many256 new many65536 many1000000) SPEED_OTHERS=()
		SYSTEMS_FLOWS=yes
		SPEED_TITLE="UDP, 8 bytes, of so many flows in turn"
		;;
	esac
}

# The bars, of the way "packet": PART MEASUREMENT OTHER least|most BAR. OTHER is the system that it is compared
# with, or another measurement of nat64d's own.
speed_bars()
{
	cat <<-END
		tcp up floor least 0.90
		tcp down floor least 0.90
		tcp up8 floor least 0.90
		tcp down8 floor least 0.90
		tcp up kernel least 0.75
		tcp down kernel least 0.75
		tcp up8 kernel least 0.68
		tcp down8 kernel least 0.68
		tcp up tayga least 8
		tcp down tayga least 8
		tcp up8 tayga least 8
		tcp down8 tayga least 8
		frames frames_up kernel least 0.9
		frames frames_down kernel least 0.9
		frames frames_up8 kernel least 0.9
		frames frames_down8 kernel least 0.9
		udp udp256 floor least 0.90
		udp cpu256 floor most 1.10
		latency rtt50 floor most 1.15
		latency rtt99 floor most 1.5
		flows new floor least 0.80
		flows many1000000 many256 least 0.80
	END
}

# ---- rounds -------------------------------------------------------------------------------------

# speed_one SYSTEM: all its figures of one round.
speed_one()
{
	local system=$1 what
	start_"$system" || {
		echo "$system did not start:" >&2
		cat "$RUN/${system%%_*}.log" "$RUN/nat64d.log" >&2
		return 1
	}
	for what in "${SPEED_MEASUREMENTS[@]}"; do
		if ! measure "$system" "$what" >"$RUN/value"; then
			echo "no result for $system, ${TITLE[$what]}" >&2
			tail -n 5 "$RUN/iperf3.out" "$RUN/generator" "$RUN/nat64d.log" >&2
			return 1
		fi
		cat "$RUN/value" >>"$RUN/result-$system-$what"
	done
	stop_"$system"
}

speed_systems()
{
	local way
	if [ "$1" -le "$SPEED_OTHERS_ROUNDS" ]; then echo "${SPEED_OTHERS[@]}"; fi
	for way in "${SPEED_PART_WAYS[@]}"; do echo "$way floor_$way"; done
}

speed_round()
{
	local round=$1 system
	for system in $(if [ $((round % 2)) = 1 ]; then speed_systems "$round"; else
		speed_systems "$round" | xargs -n 1 | tac
	fi); do
		[ ! -t 2 ] || printf '\r%s, round %d: %-14s' "$SPEED_PART" "$round" "$system" >&2
		speed_one "$system" || return
	done
}

# ---- ratios -------------------------------------------------------------------------------------

# speed_ratio SYSTEM OTHER MEASUREMENT [OTHERS_MEASUREMENT]: "RATIO LOW HIGH N" of the rounds that both took
# part in; nothing if there is none.
speed_ratio()
{
	[ -s "$RUN/result-$1-$3" ] && [ -s "$RUN/result-$2-${4:-$3}" ] || return
	paste "$RUN/result-$1-$3" "$RUN/result-$2-${4:-$3}" | awk '
		# Student, 0.975, for so many degrees of freedom.
		BEGIN {
			split("12.706 4.303 3.182 2.776 2.571 2.447 2.365 2.306 2.262 2.228 2.201 2.179 2.160 " \
				"2.145 2.131 2.120 2.110 2.101 2.093 2.086 2.080 2.074 2.069 2.064 2.060 2.056 " \
				"2.052 2.048 2.045", student, " ")
		}
		$1 > 0 && $2 > 0 { n++; x = log($1 / $2); sum += x; squares += x * x }
		END {
			if (n == 0)
				exit 1
			mean = sum / n
			half = n < 2 ? 9 : sqrt((squares - n * mean * mean) / (n - 1) / n + 1e-18) * \
				(n - 1 in student ? student[n - 1] : 2)
			printf "%.4f %.4f %.4g %d\n", exp(mean), exp(mean - half), exp(mean + half), n
		}'
}

# Is every interval to the floor narrow enough?
speed_is_settled()
{
	local way what
	for way in "${SPEED_PART_WAYS[@]}"; do
		for what in "${SPEED_MEASUREMENTS[@]}"; do
			speed_ratio "$way" "floor_$way" "$what" | awk '{ exit !($3 / $1 < 1.05) }' || return
		done
	done
}

speed_rows()
{
	local title what system kind limit ratio
	while read -r _ what system kind limit; do
		case $system in
		floor) ratio=$(speed_ratio packet floor_packet "$what") title="the floor" ;;
		many*) ratio=$(speed_ratio packet packet "$what" "$system") title=${TITLE[$system]%, *} ;;
		*) ratio=$(speed_ratio packet "$system" "$what") title=$system ;;
		esac
		row "${TITLE[$what]%, *} / $title" "${ratio%% *}" "" "$kind" "$limit"
	done < <(speed_bars | grep "^$SPEED_PART ")
}

# ---- what is printed ----------------------------------------------------------------------------

speed_median()
{
	[ -s "$RUN/result-$1-$2" ] && median <"$RUN/result-$1-$2"
}

speed_table()
{
	local way what system
	printf '\n%s; medians of %d rounds\n%-32s' "$SPEED_TITLE" "$1" ""
	for system in $(speed_systems 1); do printf ' %12s' "$system"; done
	echo
	for what in "${SPEED_MEASUREMENTS[@]}"; do
		printf '%-32s' "${TITLE[$what]}"
		for system in $(speed_systems 1); do
			speed_median "$system" "$what" | awk '
				{ figure = sprintf("%.0f", $1) }
				END { printf " %12s", NR ? figure : "-" }'
		done
		echo
	done
	for way in "${SPEED_PART_WAYS[@]}"; do
		printf '%-32s' "nat64d by $way /"
		printf ' %20s' "floor_$way" "${SPEED_OTHERS[@]}"
		echo
		for what in "${SPEED_MEASUREMENTS[@]}"; do
			printf '%-32s' "${TITLE[$what]%, *}"
			for system in "floor_$way" "${SPEED_OTHERS[@]}"; do
				speed_ratio "$way" "$system" "$what" | awk '
					$4 > 1 { figure = sprintf("%.2f (%.2f-%.2f)", $1, $2, $3) }
					$4 == 1 { figure = sprintf("%.2f", $1) }
					END { printf " %20s", NR ? figure : "-" }'
			done
			echo
		done
	done
}

# speed_json_row SYSTEM MEASUREMENT: an object, with its ratios if it is a way of nat64d's.
speed_json_row()
{
	local other comma=
	printf '{"part":"%s","measurement":"%s","system":"%s","median":%s,"figures":[%s]' "$SPEED_PART" "$2" \
		"$1" "$(speed_median "$1" "$2")" "$(paste -sd, "$RUN/result-$1-$2")"
	if [[ " ${SPEED_PART_WAYS[*]} " = *" $1 "* ]]; then
		printf ',"ratios":{'
		for other in "floor_$1" "${SPEED_OTHERS[@]}"; do
			speed_ratio "$1" "$other" "$2" | awk -v to="$other" -v comma=$comma '{
				printf "%s\"%s\":{\"ratio\":%s,\"low\":%s,\"high\":%s,\"rounds\":%d}",
					comma, to, $1, $2, $3, $4 }'
			comma=,
		done
		printf '}'
	fi
	printf '}'
}

speed_json()
{
	local what system
	for what in "${SPEED_MEASUREMENTS[@]}"; do
		for system in $(speed_systems 1); do
			[ ! -s "$RUN/result-$system-$what" ] || SPEED_JSON+=("$(speed_json_row "$system" "$what")")
		done
	done
}

speed_json_print()
{
	printf '{"kernel":"%s","cores":%d,"seconds":%d,"tayga":"%s","figures":[\n%s' "$(uname -sr)" "$(nproc)" \
		"$SECONDS_EACH" "$TAYGA_VERSION" "${SPEED_JSON[0]}"
	[ ${#SPEED_JSON[@]} -lt 2 ] || printf ',\n%s' "${SPEED_JSON[@]:1}"
	printf '\n],"bars":'
	rows_end
	printf '}\n'
}

# ---- all of it ----------------------------------------------------------------------------------

# speed_ends CPUS: where the ends receive, 0 for where packets come from. TCP sends what its acknowledgements
# let it send where these arrive. That is the translator's core: where links carry frames, it would make all
# frames of both ends, while theirs is idle for six tenths of the time.
speed_ends()
{
	local name
	[ ${#FIRST_CORE[@]} -gt 0 ] || return 0
	for name in client server; do
		ip netns exec "$TOPOLOGY_NAME-$name" sh -c "
			for cpus in /sys/class/net/router*/queues/rx-*/rps_cpus; do
				[ \$((0x\$(cat \$cpus))) = $1 ] || echo $1 >\$cpus || exit
			done" 2>/dev/null && continue
		echo "the ends receive where packets come from, as their core can not be chosen here (RPS)" >&2
		return 0
	done
}

speed_links()
{
	if [ "$SPEED_PART" = frames ]; then
		topology_frames off && speed_ends 1
	else
		topology_frames on && speed_ends 0
	fi
}

speed_all_rounds()
{
	local round=0
	while [ $round -lt "$PAIRS" ]; do
		round=$((round + 1))
		speed_round $round || return
		[ $round -lt $SPEED_ROUNDS_MIN ] || ! speed_is_settled || break
	done
	[ ! -t 2 ] || printf '\r%40s\r' '' >&2
	if [ "$JSON" = yes ]; then speed_json; else speed_table $round; fi
}

bench_speed()
{
	local part load
	SPEED_JSON=()
	read -r load _ </proc/loadavg
	[ "$JSON" = yes ] || echo "$(uname -sr), $(nproc) cores, ${SECONDS_EACH} s each, $TAYGA_VERSION, load before: $load"
	flows_path || return
	NAT64D_WRAPPER=("${SECOND_CORE[@]}")
	for part in "${SPEED_PARTS[@]}"; do
		speed_part "$part"
		speed_links && speed_all_rounds || return
		[[ " ${SPEED_PART_WAYS[*]} " != *" packet "* ]] || {
			rows_section "Bars, by packet: $SPEED_TITLE"
			speed_rows
		}
	done
	if [ "$JSON" = yes ]; then speed_json_print; else rows_end; fi
	[ "$ROWS_FAILED" = 0 ]
}
