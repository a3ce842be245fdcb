# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# tools/bench speed: nat64d beside the floor (bench_floor.c), which sends the same way, and beside plain
# forwarding, the kernel's NAT44 and TAYGA. Sourced by tools/bench.
#
# A round goes through all systems, and the next one through them backwards (ABBA), so that what changes
# slowly meets each alike. What counts are the ratios of nat64d's figure to that of each other system in the
# same round: their geometric mean, and its 95 % interval by Student's distribution of their logarithms.
# Rounds go on until the intervals of all ratios to the floor are narrower than 5 % to either side, or
# there were so many. The others take part in the first ones only.

SPEED_OTHERS_ROUNDS=5 SPEED_ROUNDS_MIN=3
SPEED_FLOOR_QUEUE=6600
SPEED_MEASUREMENTS=(up down up8 down8 udp256 rtt50 rtt99)
# nat64d's ways, and the floor's of the same.
SPEED_PAIRED=(raw packet)
SPEED_OTHERS=(kernel nat44 tayga)

# ---- systems ------------------------------------------------------------------------------------

# What the floor gets: all that comes for the prefix by one link, and for the address by the other.
floor_rules()
{
	local action=$1 family chain
	for family in ip6tables iptables; do
		if [ $family = ip6tables ]; then
			chain=(-t raw "$action" PREROUTING -i router6 -d "$TOPOLOGY_POOL6/96")
		else
			chain=(-t raw "$action" PREROUTING -i router4 -d "${TOPOLOGY_POOL4%.*}.1")
		fi
		node gateway $family "${chain[@]}" -p tcp -j NFQUEUE --queue-num $SPEED_FLOOR_QUEUE &&
			node gateway $family "${chain[@]}" ! -p tcp -j NFQUEUE --queue-num $((SPEED_FLOOR_QUEUE + 1)) ||
			return
	done
}

# start_floor raw|packet
start_floor()
{
	node gateway sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 && floor_rules -A || return
	node_start gateway floor "${SECOND_CORE[@]}" "$FLOOR" "$1" $SPEED_FLOOR_QUEUE 2001:db8:1::2 \
		"${TOPOLOGY_POOL4%.*}.1" $TOPOLOGY_POOL6
	until_true 5 grep -q READY "$RUN/floor.log"
}

start_floor_raw() { start_floor raw; }

start_floor_packet() { start_floor packet; }

stop_floor_raw() { node_stop floor && floor_rules -D; }

stop_floor_packet() { stop_floor_raw; }

start_nat44()
{
	node gateway nft -f - <<-END
		table ip bench_nat44 {
			chain postrouting {
				type nat hook postrouting priority srcnat; policy accept;
				ip saddr 203.0.113.128/30 snat to $TOPOLOGY_GATEWAY4
			}
		}
	END
}

stop_nat44() { node gateway nft delete table ip bench_nat44; }

# ---- measurements -------------------------------------------------------------------------------

# rtt ADDRESS COLUMN: of 200 a second, each answered before the next one is sent.
rtt()
{
	if [ "$2" = 3 ]; then
		node client "${FIRST_CORE[@]}" "$BENCH_PING" ask "$1" 7007 200 $((SECONDS_EACH * 1000)) \
			>"$RUN/rtt" || return
	fi
	awk -v column="$2" '{ print $column }' "$RUN/rtt" # both figures are of one run
}

# speed_measure SYSTEM MEASUREMENT
speed_measure()
{
	local address=$TOPOLOGY_SERVER6
	case $1 in
	kernel | nat44) address=$TOPOLOGY_SERVER4 ;;
	esac
	case $2 in
	rtt50) rtt $address 3 ;;
	rtt99) rtt $address 4 ;;
	*) measure "$([ $address = $TOPOLOGY_SERVER4 ] && echo kernel || echo "$1")" "$2" ;;
	esac
}

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
		if ! speed_measure "$system" "$what" >"$RUN/value" || [ ! -s "$RUN/value" ]; then
			echo "no result for $system, ${TITLE[$what]}" >&2
			tail -n 5 "$RUN/iperf3.out" "$RUN/nat64d.log" >&2
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
	for way in "${SPEED_WAYS[@]}"; do echo "$way floor_$way"; done
}

speed_round()
{
	local round=$1 system
	for system in $(if [ $((round % 2)) = 1 ]; then speed_systems "$round"; else
		speed_systems "$round" | xargs -n 1 | tac
	fi); do
		[ ! -t 2 ] || printf '\rround %d: %-14s' "$round" "$system" >&2
		speed_one "$system" || return
	done
}

# speed_ratio SYSTEM OTHER MEASUREMENT: "RATIO LOW HIGH N" of the rounds that both took part in.
speed_ratio()
{
	paste "$RUN/result-$1-$3" "$RUN/result-$2-$3" | awk '
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
			half = n < 2 ? 99 : sqrt((squares - n * mean * mean) / (n - 1) / n + 1e-18) * \
				(n - 1 in student ? student[n - 1] : 2)
			printf "%.4f %.4f %.4f %d\n", exp(mean), exp(mean - half), exp(mean + half), n
		}'
}

# Is every interval to the floor narrow enough?
speed_is_settled()
{
	local way what
	for way in "${SPEED_WAYS[@]}"; do
		for what in "${SPEED_MEASUREMENTS[@]}"; do
			speed_ratio "$way" "floor_$way" "$what" | awk '{ exit !($3 / $1 < 1.05) }' || return
		done
	done
}

speed_table()
{
	local way what system
	printf '%-32s' "medians of the rounds"
	printf ' %12s' "${SPEED_OTHERS[@]}" $(for way in "${SPEED_WAYS[@]}"; do echo "$way" "floor_$way"; done)
	echo
	for what in "${SPEED_MEASUREMENTS[@]}"; do
		printf '%-32s' "${TITLE[$what]}"
		for system in $(speed_systems 1); do
			printf ' %12.0f' "$(median <"$RUN/result-$system-$what")"
		done
		echo
	done
	for way in "${SPEED_WAYS[@]}"; do
		printf '\n%-32s' "nat64d by $way /"
		printf ' %20s' "floor_$way" "${SPEED_OTHERS[@]}"
		echo
		for what in "${SPEED_MEASUREMENTS[@]}"; do
			printf '%-32s' "${TITLE[$what]%, *}"
			for system in "floor_$way" "${SPEED_OTHERS[@]}"; do
				speed_ratio "$way" "$system" "$what" |
					awk '{ printf " %20s", sprintf("%.2f (%.2f-%.2f)", $1, $2, $3) }'
			done
			echo
		done
	done
}

speed_json()
{
	local way what system comma=
	printf '{"kernel":"%s","cores":%d,"seconds":%d,"rounds":%d,"tayga":"%s","rows":[' \
		"$(uname -sr)" "$(nproc)" "$SECONDS_EACH" "$1" "$TAYGA_VERSION"
	for what in "${SPEED_MEASUREMENTS[@]}"; do
		for system in $(speed_systems 1); do
			printf '%s\n{"measurement":"%s","system":"%s","median":%s,"figures":[%s]' "$comma" "$what" \
				"$system" "$(median <"$RUN/result-$system-$what")" \
				"$(paste -sd, "$RUN/result-$system-$what")"
			case " ${SPEED_WAYS[*]} " in
			*" $system "*)
				printf ',"ratios":{'
				for way in "floor_$system" "${SPEED_OTHERS[@]}"; do
					speed_ratio "$system" "$way" "$what" | awk -v to="$way" \
						-v comma="$([ "$way" = "floor_$system" ] || echo ,)" '{
						printf "%s\"%s\":{\"ratio\":%s,\"low\":%s,\"high\":%s,\"rounds\":%d}",
							comma, to, $1, $2, $3, $4 }'
				done
				printf '}'
				;;
			esac
			printf '}'
			comma=,
		done
	done
	printf '\n]}\n'
}

bench_speed()
{
	local round=0
	node_start server iperf3 "${FIRST_CORE[@]}" iperf3 --server
	node_start server echo "${FIRST_CORE[@]}" "$BENCH_PING" echo 7007
	NAT64D_WRAPPER=("${SECOND_CORE[@]}")
	while [ $round -lt "$PAIRS" ]; do
		round=$((round + 1))
		speed_round $round || return
		[ $round -lt $SPEED_ROUNDS_MIN ] || ! speed_is_settled || break
	done
	[ ! -t 2 ] || printf '\r%40s\r' '' >&2
	if [ "$JSON" = yes ]; then
		speed_json $round
	else
		echo "$(uname -sr), $(nproc) cores, ${SECONDS_EACH} s each, $round rounds, $TAYGA_VERSION, veth" \
			"with offloads, MTU 1500"
		speed_table
	fi
}
