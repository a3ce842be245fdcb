#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What has begun goes on (O-12, O-13): a download and an upload of 300 MB, 200 idle TCP connections, 100
# flows of UDP and a ping live through ten times `kill -9` of nat64d at random moments, ten clean restarts and
# ten hand-overs. With a hand-over not one ping is lost. The state directory and, as with systemd, the runtime
# directory, which is in memory, are all that is carried over.
#
# usage: survive.sh [ROUNDS]

. "$(dirname "$0")/tap.sh"
tap_begin "$@"
. tests/netns/lasting.sh
. tests/netns/ping.sh
NAT64D_WRAPPER=(env "RUNTIME_DIRECTORY=$RUN")
ROUNDS=${1:-10} SIZE=300000000 IDLE=200 FLOWS=100
RANDOM=${NAT64D_SEED:-20110401}
echo "# NAT64D_SEED=${NAT64D_SEED:-20110401} kills at the same times"

everything_lives()
{
	check "$1: $IDLE idle connections answer" lasting_answers idle $IDLE
	check "$1: $FLOWS flows of UDP have their ports" lasting_answers flows $FLOWS
	check "$1: the ping goes on" ping_goes_on 20
	check "$1: download and upload are under way" eval 'node_is_running download && node_is_running upload'
}

is_killed()
{
	sleep "$((RANDOM % 2)).$((RANDOM % 10))" # some moment of its life
	kill -KILL "${TOPOLOGY_PIDS[nat64d]}"
	wait "${TOPOLOGY_PIDS[nat64d]}" 2>/dev/null
	unset "TOPOLOGY_PIDS[nat64d]"
	gateway_start
}

is_restarted()
{
	gateway_stop && gateway_start
}

lasting_servers $SIZE
gateway_configure routed
tap_gateway

lasting_begin idle client idle $TOPOLOGY_SERVER6 $IDLE
lasting_begin flows client flows $TOPOLOGY_SERVER6 $FLOWS
check "$IDLE TCP connections" lasting_has_begun idle $IDLE
check "$FLOWS flows of UDP" lasting_has_begun flows $FLOWS
lasting_begin download client download $TOPOLOGY_SERVER6 /payload "$RUN/hurry"
lasting_begin upload client upload $TOPOLOGY_SERVER6 /cgi-bin/upload "$RUN/www/payload" "$RUN/hurry"
ping_begin
# Whatever is in hand when it is killed for the first time is on the disk: the flush interval is 250 ms.
check "all that has begun is stored" until_true 10 eval '[ "$(sqlite3 -readonly "$RUN/state/state.db" \
	"SELECT count(*) >= '$((IDLE + FLOWS + 3))' FROM session")" = 1 ]'

for ((round = 1; round <= ROUNDS; round++)); do
	check "killed, and back: $round" is_killed
done
everything_lives killed
for ((round = 1; round <= ROUNDS; round++)); do
	check "restarted: $round" is_restarted
done
everything_lives restarted
ping_end >/dev/null
ping_begin
for ((round = 1; round <= ROUNDS; round++)); do
	check "handed over: $round" gateway_replace
done
everything_lives "handed over"
check "handed over: no ping is lost" nothing_is_lost
: >"$RUN/hurry"
check "the download ends well" lasting_ends_well download
check "the upload ends well" lasting_ends_well upload
check "nat64d ends with status 0" daemon_ends_well
tap_end
