# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What tools/bench sends through a system, and one figure of what came of it. Datagrams are counted where
# they enter the server, and end there: who would receive them does not take the generator's processor. A
# rate is that of a steady state, some time after the load has begun and while it goes on. Sourced by
# tools/bench.

LOAD_WARM_UP=0.4  # seconds after which queues are as full as they will be
LOAD_RATE=40000   # datagrams a second that any system can do, for the processor time of each
LOAD_FLOWS_MOST=1000000

# The server neither receives nor answers what is for ports 9 and 10 of UDP; and something of it that is
# always there, by whose /proc its links can be read.
server_swallows()
{
	node server nft -f - <<-END || return
		table inet swallow {
			chain prerouting {
				type filter hook prerouting priority raw; policy accept;
				udp dport 9-10 drop
			}
		}
	END
	node_start server links sleep infinity
}

# system_address SYSTEM: of the server.
system_address()
{
	case $1 in
	kernel | nat44) echo $TOPOLOGY_SERVER4 ;;
	*) echo $TOPOLOGY_SERVER6 ;;
	esac
}

# The process that translates; none if that is the kernel.
system_process()
{
	case $1 in
	kernel | nat44) ;;
	floor_*) echo "${TOPOLOGY_PIDS[floor]}" ;;
	tayga) echo "${TOPOLOGY_PIDS[tayga]}" ;;
	*) echo "${TOPOLOGY_PIDS[nat64d]}" ;;
	esac
}

# look PID: sets LOOK_USEC, LOOK_PACKETS that have come to the server, and LOOK_NS of processor time that
# all threads of the process have had. Starts no program, which would take some of it.
look()
{
	local line ns file
	LOOK_NS=0
	for file in "/proc/$1/task/"*/schedstat; do
		[ -n "$1" ] && read -r ns _ <"$file" && LOOK_NS=$((LOOK_NS + ns))
	done
	while read -r -a line; do
		[ "${line[0]}" != router4: ] || LOOK_PACKETS=${line[2]}
	done <"/proc/${TOPOLOGY_PIDS[links]}/net/dev"
	LOOK_USEC=${EPOCHREALTIME/[.,]/}
}

# load_milliseconds: how long a generator has to go on to be there all the time.
load_milliseconds()
{
	echo $((SECONDS_EACH * 1000 + 1000))
}

# load_window PID COMMAND…: thousands of datagrams a second that arrive while the command sends them, and
# the translator's processor time for each, in ns, in $RUN/cpu.
load_window()
{
	local usec packets ns generator
	node client "${FIRST_CORE[@]}" "${@:2}" >"$RUN/generator" &
	generator=$!
	sleep $LOAD_WARM_UP
	look "$1"
	usec=$LOOK_USEC packets=$LOOK_PACKETS ns=$LOOK_NS
	sleep "$SECONDS_EACH"
	look "$1"
	kill -0 $generator 2>/dev/null || {
		echo "the generator ended before its time" >&2
		return 1
	}
	wait $generator || return
	awk -v usec=$((LOOK_USEC - usec)) -v packets=$((LOOK_PACKETS - packets)) -v ns=$((LOOK_NS - ns)) \
		-v cpu="$RUN/cpu" 'BEGIN {
			if (packets == 0)
				exit 1
			print packets * 1000 / usec
			print ns / packets >cpu
		}'
}

# datagrams SYSTEM FLOWS [RATE]: of 64 bytes, from sockets of the client.
datagrams()
{
	load_window "$(system_process "$1")" "$BENCH_UDP" send "$(system_address "$1")" 9 \
		"$(load_milliseconds)" "${@:2}"
}

# The processor time of each of 256 flows' datagrams, at a rate that leaves some.
datagrams_cpu()
{
	[ -n "$(system_process "$1")" ] || return 0
	datagrams "$1" 256 $LOAD_RATE >"$RUN/rate" && cat "$RUN/cpu"
}

# many_flows SYSTEM NUMBER: round and round through so many, which have all been there before.
many_flows()
{
	local rate=0
	case $1 in
	raw | packet) flows_fill "$2" || return ;;
	esac
	load_window "$(system_process "$1")" "$BENCH_FLOWS" $TOPOLOGY_SERVER6 0 "$2" $rate 9 \
		"$(load_milliseconds)"
}

# new_flows SYSTEM: each datagram is of a flow that has not been there before.
new_flows()
{
	load_window "$(system_process "$1")" "$BENCH_FLOWS" $TOPOLOGY_SERVER6 0 $LOAD_FLOWS_MOST 0 9 \
		"$(load_milliseconds)"
}

# stream ADDRESS OPTION…: Mbit/s of TCP. The server is another one each time: one that has not seen the end
# of the last measurement yet would be "busy".
stream()
{
	local try
	for try in 1 2 3; do
		node_start server iperf3 "${FIRST_CORE[@]}" iperf3 --server --one-off
		until_true 5 stream_server_listens || return
		node client "${FIRST_CORE[@]}" iperf3 --client "$1" --time "$SECONDS_EACH" --format m "${@:2}" \
			>"$RUN/iperf3.out" 2>&1 && break
		node_stop iperf3
		echo "iperf3, attempt $try: $(tail -n 1 "$RUN/iperf3.out")" >&2
		[ $try -lt 3 ] || return
	done
	node_stop iperf3
	# Of several streams the sum, which comes last.
	awk '/receiver/ { for (i = 1; i <= NF; i++) if ($i == "Mbits/sec") rate = $(i - 1) } END { print rate }' \
		"$RUN/iperf3.out"
}

stream_server_listens()
{
	[ -n "$(node server ss -Hlnt 'sport = :5201')" ]
}

# rtt SYSTEM COLUMN: of 200 a second, each answered before the next one is sent. Both figures are of one run.
rtt()
{
	if [ "$2" = 3 ]; then
		node client "${FIRST_CORE[@]}" "$BENCH_PING" ask "$(system_address "$1")" 7007 200 \
			$((SECONDS_EACH * 1000)) >"$RUN/rtt" || return
	fi
	awk -v column="$2" '{ print $column }' "$RUN/rtt"
}

# measure SYSTEM MEASUREMENT: one number, or nothing if there is no such thing.
measure()
{
	local address
	address=$(system_address "$1")
	case $2 in
	udp*) datagrams "$1" "${2#udp}" ;;
	cpu256) datagrams_cpu "$1" ;;
	up | frames_up) stream "$address" ;;
	down | frames_down) stream "$address" --reverse ;;
	up8 | frames_up8) stream "$address" --parallel 8 ;;
	down8 | frames_down8) stream "$address" --parallel 8 --reverse ;;
	rtt50) rtt "$1" 3 ;;
	rtt99) rtt "$1" 4 ;;
	new) new_flows "$1" ;;
	many*) many_flows "$1" "${2#many}" ;;
	esac
}
