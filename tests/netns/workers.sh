#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Several packet threads: all of them work, what they send is right and in order, and a successor
# may have more or fewer of them.

. "$(dirname "$0")/tap.sh"
tap_begin "$@"
. tests/netns/traffic.sh
. tests/netns/ping.sh
pool4=routed N_FLOWS=24 N_EACH=800 PORT=9100

# with_workers N
with_workers()
{
	gateway_configure routed "[Queue]"$'\n'"Workers=$1"
}

# are_running N: so many packet threads.
are_running()
{
	local n
	n=$(cat /proc/"${TOPOLOGY_PIDS[nat64d]}"/task/*/comm | grep -c '^packets$')
	same "packet threads" "$1" "$n"
}

# processors_are LIST: the machine has these online, such as 0-3, as far as can be seen from here.
processors_are()
{
	local online=/sys/devices/system/cpu/online
	echo "$1" >"$RUN/online"
	mountpoint -q $online || mount --bind "$RUN/online" $online
}

# What the configuration says is read again, and packets of all kinds pass, by the queues that there are.
reload_changes_nothing()
{
	local n
	n=$(grep -c ': reloaded$' "$RUN/nat64d.log")
	kill -HUP "${TOPOLOGY_PIDS[nat64d]}"
	until_true 10 eval "[ \$(grep -c ': reloaded\$' '$RUN/nat64d.log') = $((n + 1)) ]" &&
		are_running "$1" && ping_server client && mappings_are_kept && download_some &&
		each_comes_back_in_order
}

doctor_misses_no_queue()
{
	ctl --json doctor --config "$RUN/nat64d.conf" >"$RUN/doctor.json"
	grep -A3 -B3 '"readers"' "$RUN/doctor.json"
	jq -e '.[] | select(.check == "readers") | .result != "FAIL"' "$RUN/doctor.json"
}

# The queues that the kernel has: their numbers. In a user namespace it does not tell.
queues()
{
	node gateway awk '{ print $1 }' /proc/net/netfilter/nfnetlink_queue 2>/dev/null | sort -n | xargs
}

# has_queues NUMBERS: no others either, as soon as nothing waits in those of before.
has_queues()
{
	[ -n "$(queues)" ] || return 0
	until_true 10 eval "[ '$1' = \"\$(queues)\" ]" || same queues "$1" "$(queues)"
}

# more_than_one REGEX: of the queues of this name, several have had packets.
more_than_one()
{
	ctl stats | grep -E "$1" >"$RUN/queues"
	cat "$RUN/queues"
	[ "$(awk '$2 > 0' "$RUN/queues" | wc -l)" -gt 1 ]
}

all_flows()
{
	node client timeout 100 python3 tests/netns/workers.py send $TOPOLOGY_SERVER6 $PORT "$N_EACH" \
		"${addresses[@]}" >"$RUN/sent"
	cat "$RUN/sent"
}

each_comes_back_in_order()
{
	all_flows
	same "sent, answered, overtaken" "$((N_FLOWS * N_EACH)) $((N_FLOWS * N_EACH)) 0" "$(cat "$RUN/sent")"
}

sink_saw_order()
{
	local pid=${TOPOLOGY_PIDS[sink]}
	kill -TERM "$pid" && wait "$pid"
	unset "TOPOLOGY_PIDS[sink]"
	tail -n 1 "$RUN/sink.log"
	same overtaken 0 "$(tail -n 1 "$RUN/sink.log" | cut -d' ' -f3)"
}

mappings_are_kept()
{
	same "seen as" "$mapped" "$(ask client udp $TOPOLOGY_SERVER6 7 5000)"
}

gateway_kill()
{
	local pid=${TOPOLOGY_PIDS[nat64d]}
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	unset "TOPOLOGY_PIDS[nat64d]"
}

# Every packet that was received has its end.
adds_up()
{
	same ended "$(counter "queue_[0-9]+_received")" "$(counter "packets_(6to4|4to6)_.*")"
}

# Several at once, of which each is right.
many_transfers()
{
	local i pids=()
	for i in 1 2 3 4 5 6; do
		download_some >"$RUN/many-$i" 2>&1 & pids+=($!)
		upload_some >"$RUN/many-up-$i" 2>&1 & pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || { cat "$RUN"/many-* && return 1; }
	done
}

traffic_servers || tap_bail "the servers do not listen"
node_start server sink python3 tests/netns/workers.py sink $PORT
until_true 10 grep -qs ready "$RUN/sink.log" || tap_bail "the sink does not listen"
for i in $(seq $N_FLOWS); do
	addresses+=("2001:db8:1::$(printf %x $((0x1000 + i * 257)))")
	node client ip addr add "${addresses[-1]}/64" dev router6 nodad || tap_bail "no address"
done
with_workers 4
tap_gateway

check "four threads" are_running 4
check "have eight queues" has_queues "6400 6401 6402 6403 6404 6405 6406 6407"
check "ICMP echo" ping_server client
check "echo in fragments" ping_large client
check "datagrams in fragments" echo_large client 6000
check "download" download
check "upload" upload
check "many transfers at once" many_transfers
check "each flow in its order, there and back" each_comes_back_in_order
check "several threads have had datagrams" more_than_one '^queue_640[4-7]_received'
check "nothing is sent twice or forgotten" adds_up
mapped=$(ask client udp $TOPOLOGY_SERVER6 7 5000)

ping_begin
with_workers 2
check "a successor with two threads" gateway_replace
check "which are two" are_running 2
check "have four queues, and the others end" has_queues "6400 6401 6402 6403"
check "mappings are kept" mappings_are_kept
check "each flow in its order" each_comes_back_in_order
check "download with two" download_some
with_workers 4
check "a successor with four threads" gateway_replace
check "which are four" are_running 4
check "have eight queues again" has_queues "6400 6401 6402 6403 6404 6405 6406 6407"
check "mappings are kept again" mappings_are_kept
check "each flow in its order again" each_comes_back_in_order
check "several threads have datagrams again" more_than_one '^queue_640[4-7]_received'
with_workers 1
check "a successor with one thread" gateway_replace
check "which is one" are_running 1
check "has two queues" has_queues "6400 6401"
check "upload with one" upload_some
with_workers 4
check "a successor with four" gateway_replace
check "no ping is lost by any of them" nothing_is_lost
check "and each flow is in its order" each_comes_back_in_order
check "flows go on while a successor takes over" eval \
	'{ all_flows & pid=$!; sleep 0.3; gateway_replace && wait $pid && [ "$(cut -d" " -f3 "$RUN/sent")" = 0 ]; }'

# Workers=auto is counted when it starts.
check "three processors" processors_are 0-2
with_workers auto
check "a successor with as many threads as there are processors" gateway_replace
check "which are three" are_running 3
check "has six queues" has_queues "6400 6401 6402 6403 6404 6405"
check "one comes" processors_are 0-3
check "it says so" until_true 15 grep 'Queue.Workers=auto would be 4 now, and is 3 until a restart' "$RUN/nat64d.log"
check "a reload changes nothing" reload_changes_nothing 3
check "nor does doctor miss a queue" doctor_misses_no_queue
check "two go" processors_are 0
check "it says so, too" until_true 15 grep 'Queue.Workers=auto would be 1 now, and is 3 until a restart' "$RUN/nat64d.log"
check "a reload changes nothing, again" reload_changes_nothing 3
check "each was said once" same said 2 "$(grep -c 'Queue.Workers=auto would be' "$RUN/nat64d.log")"
check "a successor counts anew" gateway_replace
check "and has one" are_running 1
with_workers 4
check "a successor with four, after all" gateway_replace

ping_begin
check "it is killed" gateway_kill
check "and starts again" gateway_launch nat64d
check "four threads again" are_running 4
check "pings go on" ping_goes_on 20
ping_end >/dev/null
check "mappings are kept" mappings_are_kept
check "each flow in its order, after all" each_comes_back_in_order
check "nothing is sent twice or forgotten, after all" adds_up
check "the server has seen each flow in its order" sink_saw_order
check "it ends well" daemon_ends_well
tap_end
