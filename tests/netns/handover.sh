#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Hand-over (O-12): a second nat64d takes over from a running one without losing a packet; and what
# becomes of it when the second one, or the first, fails on the way, at each stage.

. "$(dirname "$0")/tap.sh"
tap_begin "$@"
. tests/netns/ping.sh

# As the other side: handover.py.
peer()
{
	node gateway python3 tests/netns/handover.py "$@"
}

# goes_on_after SENTENCE STEP…: a successor of these steps, after which the daemon goes on and says why.
goes_on_after()
{
	local why=$1 n
	n=$(grep -c 'this one goes on' "$RUN/nat64d.log")
	shift
	peer successor "$RUN/control.handover" "$@" || return
	until_true 30 eval "[ \$(grep -c 'this one goes on' '$RUN/nat64d.log') = $((n + 1)) ]" &&
		grep 'this one goes on' "$RUN/nat64d.log" | tail -n 1 | grep "($why)" || return
	is_as_before
}

# Management, the database and packets, of the daemon that runs; and the ports it gives out (P-16) are noted where
# they were, whatever has become of another one.
is_as_before()
{
	[ -e "$RUN/ports" ] && [ ! -e "$RUN/state/ports" ] || return
	until_true 10 ctl --socket "$RUN/control" status &&
		until_true 10 node gateway busctl --address="$DBUS_SYSTEM_BUS_ADDRESS" get-property \
			org.nat64d1 /org/nat64d1 org.nat64d1.Manager StateProblem &&
		same StateProblem 's ""' "$(node gateway busctl --address="$DBUS_SYSTEM_BUS_ADDRESS" \
			get-property org.nat64d1 /org/nat64d1 org.nat64d1.Manager StateProblem)" &&
		same "seen as" "$mapped" "$(ask client udp $TOPOLOGY_SERVER6 7 5000)"
}

# is_refused SENTENCE STEP…: nothing becomes of it.
is_refused()
{
	local why=$1 said
	shift
	said=$(peer successor "$RUN/control.handover" "$@")
	echo "$said"
	grep -q "^refused .*$why" <<<"$said" && is_as_before
}

# next_fails WORDS OPTION…: a second nat64d that ends with status 1, saying so.
next_fails()
{
	local words=$1 status
	shift
	node gateway timeout 60 "$NAT64D" --config "$RUN/nat64d.conf" --state-dir "$RUN/state" \
		--bus "$DBUS_SYSTEM_BUS_ADDRESS" --socket "$RUN/control" --replace "$@" \
		>"$RUN/next.log" 2>&1
	status=$?
	cat "$RUN/next.log"
	same status 1 $status && grep -q "$words" "$RUN/next.log"
}

# second_fails WORDS: one that is to take over from nobody.
second_fails()
{
	local status
	node gateway timeout 60 "$NAT64D" --config "$RUN/nat64d.conf" --state-dir "$RUN/state" \
		--bus "$DBUS_SYSTEM_BUS_ADDRESS" --socket "$RUN/control" >"$RUN/next.log" 2>&1
	status=$?
	cat "$RUN/next.log"
	same status 1 $status && grep -q "$1" "$RUN/next.log" && is_as_before
}

# next_is_killed WORDS: a second nat64d dies as soon as it has said this.
next_is_killed()
{
	local n
	n=$(grep -c 'this one goes on' "$RUN/nat64d.log")
	rm -f "$RUN/nat64d-next.log"
	node_start gateway nat64d-next "$NAT64D" --config "$RUN/nat64d.conf" --state-dir "$RUN/state" \
		--bus "$DBUS_SYSTEM_BUS_ADDRESS" --socket "$RUN/control" --replace
	until grep -qs "$1" "$RUN/nat64d-next.log"; do node_is_running nat64d-next || return; done
	kill -KILL "${TOPOLOGY_PIDS[nat64d-next]}"
	wait "${TOPOLOGY_PIDS[nat64d-next]}" 2>/dev/null
	unset "TOPOLOGY_PIDS[nat64d-next]"
	until_true 30 eval "[ \$(grep -c 'this one goes on' '$RUN/nat64d.log') = $((n + 1)) ]" &&
		is_as_before
}

# The queues that the kernel has: their numbers. In a user namespace it does not tell.
queues()
{
	node gateway awk '{ print $1 }' /proc/net/netfilter/nfnetlink_queue 2>/dev/null | sort -n | xargs
}

row_of_state()
{
	sqlite3 -readonly "$RUN/state/state.db" "$1"
}

topology_servers || tap_bail "the servers do not listen"
gateway_configure routed
sed -i "1i [Queue]\\nWorkers=2\\n" "$RUN/nat64d.conf"

# ---- it works -----------------------------------------------------------------------------------

check "nobody to take over from: it starts plainly" gateway_launch nat64d --replace
check "and says so" grep -q 'there is no daemon at .*: starting plainly' "$RUN/nat64d.log"
mapped=$(ask client udp $TOPOLOGY_SERVER6 7 5000)
ping_begin
for round in 1 2 3; do
	check "$round: a second one takes over" gateway_replace
	check "$round: with what there is" grep -q 'restored [1-9][0-9]* bindings and [1-9][0-9]* sessions;' \
		"$RUN/nat64d.log"
	check "$round: it says how long packets have waited" grep 'packets have waited for at most [0-9]* ms' \
		"$RUN/nat64d.log"
	check "$round: all is as before" is_as_before
done
check "no ping is lost" nothing_is_lost
check "the first one's socket is gone" eval '[ ! -e "$RUN/control.before" ]'
check "what changes is written to the database" until_true 10 eval \
	'[ -n "$(row_of_state "SELECT 1 FROM binding WHERE port6 = 5000 AND place & 3 = 1")" ]'

# ---- with other queues --------------------------------------------------------------------------

# other_queues NUMBER: the next one is to have others than the one that runs.
other_queues()
{
	sed "1i [Queue]\\nFirst=$1\\n" "$RUN/plain.conf" >"$RUN/nat64d.conf" && gateway_replace &&
		grep "ready: .*, queues $1-" "$RUN/nat64d.log" && is_as_before
}

# Its rules come after the tables: what the rules of before have sent to their queues until then is lost.
cp "$RUN/nat64d.conf" "$RUN/plain.conf"
ping_begin
check "the next one has other queues" other_queues 7000
check "and the next one others, which overlap" other_queues 7001
check "and the next one those of the first" other_queues 6400
echo "# pings lost by other queues, three times: $(ping_end)"
cp "$RUN/plain.conf" "$RUN/nat64d.conf"

# ---- the next one fails -------------------------------------------------------------------------

ping_begin
cp "$RUN/nat64d.conf" "$RUN/good.conf"
check "one that does not ask fails at the queues" second_fails 'queue number [0-9]* is in use'
sed "1a First=7010" "$RUN/good.conf" >"$RUN/nat64d.conf"
check "and with others, at the control socket" second_fails 'the control socket .* belongs to a daemon'
cp "$RUN/good.conf" "$RUN/nat64d.conf"
echo 'Addresses=203.0.113.999' >>"$RUN/nat64d.conf"
check "a bad configuration does not even ask" next_fails 'is given twice\|203.0.113.999'
check "and the daemon is not bothered" eval '! grep "another nat64d is taking over" "$RUN/nat64d.log"'
sed "1a First=7000" "$RUN/good.conf" >"$RUN/nat64d.conf"
node_start gateway occupier python3 -c '
import socket, struct, time
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
body = struct.pack("!BBH", 0, 0, 7000) + struct.pack("=HH", 8, 1) + struct.pack("!BBH", 1, 0, 0)
s.send(struct.pack("=IHHII", 16 + len(body), 3 << 8 | 2, 5, 1, 0) + body)
print(struct.unpack("=i", s.recv(4096)[16:20])[0], flush=True)
time.sleep(1000)'
until_true 5 grep -q '^0$' "$RUN/occupier.log"
check "one that fails after it has asked" next_fails 'queue number 7000 is in use by another program'
check "and the daemon goes on" until_true 10 grep -q '(it has ended): this one goes on' "$RUN/nat64d.log"
check "all is as before" is_as_before
node_stop occupier
cp "$RUN/good.conf" "$RUN/nat64d.conf"
check "killed after it has asked" next_is_killed 'taking over from'
# With other queues, rules come only after the tables: that takes long enough to be killed in it.
sed "1a First=7000" "$RUN/good.conf" >"$RUN/nat64d.conf"
before=$(queues)
check "killed after it has the tables" next_is_killed 'restored '
check "and its queues have ended" until_true 5 eval '[ "$(queues)" = "$before" ]'
cp "$RUN/good.conf" "$RUN/nat64d.conf"
check "it asks, and is gone" goes_on_after 'it has ended' ask expect=ready
check "it takes the tables, and is gone" goes_on_after 'it has ended' ask expect=ready take expect=tables
check "it talks nonsense" goes_on_after 'it has said what makes no sense here' \
	ask expect=ready taken expect=late
check "it sends garbage" goes_on_after 'it has said what makes no sense here' ask expect=ready garbage
check "no ping is lost in all that" nothing_is_lost
check "another format of tables: packets stop at once, the database has everything" goes_on_after \
	'it has ended' ask/1/9 expect=ready take expect=tables
check "it hangs with the tables, and comes too late" goes_on_after 'it took too long' \
	ask expect=ready take expect=tables expect=late taken

# ---- who may, and how ---------------------------------------------------------------------------

check "another protocol is refused" is_refused 'hands over by protocol 1, not 7' ask/7 receive
check "garbage first is nothing" peer successor "$RUN/control.handover" garbage expect=late
check "a short message is nothing" peer successor "$RUN/control.handover" short expect=late
if setpriv --reuid 65534 --clear-groups true 2>/dev/null; then
	check "nobody else can connect" eval \
		'PEER_UID=65534 peer successor "$RUN/control.handover" ask 2>&1 | grep PermissionError'
	chmod 666 "$RUN/control.handover"
	export PEER_UID=65534
	check "nor may, if he could" eval 'peer successor "$RUN/control.handover" receive |
		grep "^refused only root and the user of the running nat64d"'
	unset PEER_UID
	chmod 600 "$RUN/control.handover"
fi
check "nothing of it has bothered the daemon" is_as_before
check "a second one takes over, after all" gateway_replace
check "all is as before" is_as_before

# A static binding that the next one has anew, while the one before gives its place in the table to a client:
# the next one is stopped meanwhile, right after it has asked.
bindings_meet()
{
	local before=${TOPOLOGY_PIDS[nat64d]} status
	printf '\n[Static door]\nProtocols=udp\nInside=[2001:db8:1::2]:8080\nOutside=203.0.113.5:8080\n' \
		>>"$RUN/nat64d.conf"
	rm -f "$RUN/nat64d-next.log"
	node_start gateway nat64d-next "$NAT64D" --config "$RUN/nat64d.conf" --state-dir "$RUN/state" \
		--bus "$DBUS_SYSTEM_BUS_ADDRESS" --socket "$RUN/control" --replace
	until grep -qs 'taking over from' "$RUN/nat64d-next.log"; do node_is_running nat64d-next || return; done
	kill -STOP "${TOPOLOGY_PIDS[nat64d-next]}"
	cp "$RUN/nat64d-next.log" "$RUN/stopped.log"
	met=$(ask client udp $TOPOLOGY_SERVER6 7 5050)
	ask client udp $TOPOLOGY_SERVER6 7 5051 >"$RUN/met"
	kill -CONT "${TOPOLOGY_PIDS[nat64d-next]}"
	wait "$before"
	status=$?
	TOPOLOGY_PIDS[nat64d]=${TOPOLOGY_PIDS[nat64d-next]}
	unset "TOPOLOGY_PIDS[nat64d-next]"
	mv "$RUN/nat64d-next.log" "$RUN/nat64d.log"
	cp "$RUN/good.conf" "$RUN/nat64d.conf"
	same status 0 $status && until_true 15 grep '^.*ready: version' "$RUN/nat64d.log"
}

static_bindings()
{
	ctl --socket "$RUN/control" --json bib list --static | jq -r '.[] | .protocol + " " + .mapped'
}

check "clients get bindings while the next one starts, which has a static one anew" bindings_meet
check "the next one was not ready then" eval '! grep "ready: version" "$RUN/stopped.log"'
check "its static binding is there" same static "udp 203.0.113.5:8080" "$(static_bindings)"
check "and those of the clients, too" same "seen as" "$met" "$(ask client udp $TOPOLOGY_SERVER6 7 5050)"
check "all is as before" is_as_before
check "nat64d ends with status 0" daemon_ends_well

# ---- the one before fails -----------------------------------------------------------------------

# starts_after WORDS STEP…: something else hands over, and a daemon starts all the same, saying so.
starts_after()
{
	local words=$1
	shift
	rm -f "$RUN/control.handover" "$RUN/before.log"
	node_start gateway before python3 tests/netns/handover.py predecessor "$RUN/control.handover" "$@"
	until_true 5 grep -q '^listening' "$RUN/before.log"
	gateway_launch nat64d --replace || { cat "$RUN/nat64d.log" && return 1; }
	grep "$words" "$RUN/nat64d.log" || { cat "$RUN/nat64d.log" && return 1; }
	same "seen as" "$mapped" "$(ask client udp $TOPOLOGY_SERVER6 7 5000)" && daemon_ends_well
}

check "it dies before it answers" starts_after 'starting plainly' receive
check "it dies before it gives its tables" starts_after 'has died while it handed over' receive ready receive
check "it dies before it hears that they are taken" starts_after 'restored [1-9]' \
	receive ready receive tables
head -c 5000 /dev/urandom >"$RUN/garbage"
check "its tables are garbage" starts_after 'can not be used (Bad message): the database' \
	receive ready receive tables="$RUN/garbage" receive
check "what was stored is garbage, and it dies before it says more" starts_after \
	'has died while it handed over' receive ready="$RUN/garbage" receive
check "what was stored and what has changed are garbage" starts_after \
	'what has changed in the tables .* can not be used (Bad message)' \
	receive ready="$RUN/garbage" receive tables="$RUN/garbage" receive
printf 'n64table\11\0\0\0%5000s' x >"$RUN/other"
check "its tables are of another format" starts_after 'of another version: the database' \
	receive ready receive tables="$RUN/other" receive

printf '\n[State]\nKeep=no\n' >>"$RUN/nat64d.conf"
tap_gateway
mapped=$(ask client udp $TOPOLOGY_SERVER6 7 5000)
check "without a database: a second one takes over" gateway_replace
check "without a database: UDP has its port" same "seen as" "$mapped" \
	"$(ask client udp $TOPOLOGY_SERVER6 7 5000)"
check "nat64d ends with status 0" daemon_ends_well
cp "$RUN/good.conf" "$RUN/nat64d.conf"

# ---- through the store of a service manager -----------------------------------------------------

# keeper COMMAND WORDS: what it then says.
keeper()
{
	local n
	n=$(wc -l <"$RUN/keeper.out")
	echo "$1" >&9
	until_true 60 eval "[ \$(wc -l <'$RUN/keeper.out') -gt $n ]"
	same "the keeper says" "$2" "$(tail -n +$((n + 1)) "$RUN/keeper.out")"
}

# How many of the pings are lost, and how many the daemon that runs has dropped as too late. What it has not
# dropped, it has answered; but of a killed one, the batch in hand is gone.
lost_are_late()
{
	local lost late
	ping_end >"$RUN/lost"
	lost=$(cat "$RUN/lost")
	late=$(counter 'packets_(6to4|4to6)_late')
	echo "$lost pings lost, $late packets late"
	[ "$lost" -ge "$late" ] && [ "$lost" -le $((late + $1)) ]
}

# Where lost ones have gone: a queue that was full, a packet that was late, or none of ours.
lost_are()
{
	same "lost pings" "$1" "$(ping_end)" && return
	node gateway cat /proc/net/netfilter/nfnetlink_queue
	ctl stats
	tail -n 20 "$RUN/nat64d.log" "$RUN/keeper.log"
	return 1
}

mkfifo "$RUN/keeper.commands"
exec 9<>"$RUN/keeper.commands"
node_start gateway keeper sh -c 'exec python3 tests/netns/keeper.py "$@" <"$0.commands" >"$0.out"' \
	"$RUN/keeper" "$RUN/keeper.notify" "$NAT64D" --config "$RUN/nat64d.conf" --state-dir "$RUN/state" \
	--bus "$DBUS_SYSTEM_BUS_ADDRESS" --socket "$RUN/control"
check "a service manager starts it" until_true 15 grep -q '^ready$' "$RUN/keeper.out"
mapped=$(ask client udp $TOPOLOGY_SERVER6 7 5000)
ping_begin
check "a clean restart: queues and tables are kept" keeper restart 'ready heartbeat queue queue1 raw4 raw6 tables'
check "a clean restart: all is as before" is_as_before
check "a clean restart: no ping is lost" lost_are 0
ping_begin
check "a slow restart: queues and tables are kept" keeper slow 'ready heartbeat queue queue1 raw4 raw6 tables'
check "a slow restart: all is as before" is_as_before
check "a slow restart: no ping is lost" lost_are 0
ping_begin
check "killed: the queues are kept" keeper crash 'ready heartbeat queue queue1 raw4 raw6'
check "killed: all is as before" is_as_before
check "killed: only the batch in hand is lost, or what is too late" lost_are_late 64
ping_begin
check "away for long: the queues are kept" keeper outage 'ready heartbeat queue queue1 raw4 raw6'
check "away for long: what waited is dropped" counter_is_above 'packets_(6to4|4to6)_late' 0
check "away for long: all is as before" is_as_before
check "away for long: and counted" lost_are_late 64
check "away for long: each packet that was received has its end" eval \
	'same ended "$(counter "queue_[0-9]+_received")" "$(counter "packets_(6to4|4to6)_.*")"'
check "the end" keeper end 'ended 0'
tap_end
