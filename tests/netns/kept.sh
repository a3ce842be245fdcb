#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What was changed by command survives (INTERFACE, sections 4 and 5): restarts, `kill -9` right behind the
# answer, and failing storage, which changes nothing; and the newest word wins.

. "$(dirname "$0")/tap.sh"
tap_begin "$@"

daemon_is_killed()
{
	kill -KILL "${TOPOLOGY_PIDS[nat64d]}"
	wait "${TOPOLOGY_PIDS[nat64d]}" 2>/dev/null
	unset "TOPOLOGY_PIDS[nat64d]"
}

daemon_restarts()
{
	daemon_ends_well && gateway_start
}

daemon_is_killed_and_back()
{
	daemon_is_killed && gateway_start
}

log_has()
{
	until_true 10 grep -E "$1" "$RUN/nat64d.log" || { tail -n 8 "$RUN/nat64d.log" && return 1; }
}

# How often.
log_count()
{
	grep -cE "$1" "$RUN/nat64d.log"
}

# entry NAME: state and source.
entry()
{
	ctl --json pool4 list | jq -r ".[] | select(.name == \"$1\") | .state + \" \" + .source"
}

value()
{
	ctl --json config list | jq -r ".[] | select(.key == \"$1\") | .value + \" \" + .source"
}

static()
{
	ctl --json bib list --static | jq -r '.[] | .protocol + " " + .mapped' | sort | paste -sd,
}

blocked()
{
	ctl --json client blocked | jq -r '.[].prefix' | sort | paste -sd,
}

change_all()
{
	ctl pool4 add 203.0.113.32/30 2000-2999 --name more --comment "for tests" &&
		ctl pool4 add 203.0.113.40 &&
		ctl pool4 remove off &&
		ctl publish 2500/udp 2001:db8:1::2 --on 203.0.113.33 --comment mail &&
		ctl bib remove tcp 203.0.113.5:443 &&
		ctl config set Timeouts.UDP 6min &&
		ctl pool6 add 2001:db8:65::/96 &&
		ctl client block 2001:db8:9::/64 --for 1h &&
		ctl client block 2001:db8:8::/64
}

all_is_there()
{
	same "entry p1" "active runtime" "$(entry p1)" &&
		same "entry more" "active runtime" "$(entry more)" &&
		same "entry off" "disabled file" "$(entry off)" &&
		same "entry lab" "active file" "$(entry lab)" &&
		same "static bindings" "udp 203.0.113.33:2500" "$(static)" &&
		same "Timeouts.UDP" "6min runtime" "$(value Timeouts.UDP)" &&
		same "Pool6" "2001:db8:64::/96 2001:db8:65::/96 runtime" "$(value Translation.Pool6)" &&
		same "blocked" "2001:db8:8::/64,2001:db8:9::/64" "$(blocked)" &&
		same "seen as" "203.0.113.33 2500" "$(ask client udp $TOPOLOGY_SERVER6 7 2500)"
}

server_answers()
{
	until_true 10 node client ping -n -c 1 -W 1 $TOPOLOGY_SERVER6
}

# state_sql SQL: into the database, while nobody runs.
state_sql()
{
	sqlite3 -bail "$RUN/state/state.db" "$1"
}

# refused COMMAND…: it is, because of the database, and says what would work.
refused()
{
	local words
	words=$(ctl "$@" 2>&1) && echo "done: $words" && return 1
	grep -E "can not be stored, and nothing is changed: .*: $REMEDY" <<<"$words" || { echo "$words" && return 1; }
}

nothing_changes()
{
	local before after
	before=$(picture)
	REMEDY=$1
	refused pool4 add 203.0.113.48 --name late &&
		refused pool4 remove more --force && refused pool4 drain lab && refused pool4 enable off &&
		refused publish 2501/udp 2001:db8:1::2 --on 203.0.113.33 &&
		refused bib remove udp 203.0.113.33:2500 &&
		refused config set Timeouts.UDP 7min && refused config reset Timeouts.UDP &&
		refused pool6 remove 2001:db8:65::/96 &&
		refused client block 2001:db8:7::/64 && refused client unblock 2001:db8:8::/64 || return
	after=$(picture)
	same "all of it" "$before" "$after"
}

# fill COMMAND…: with the number of its turn behind, until it is refused.
fill()
{
	local i
	for ((i = 0; i < 400; i++)); do
		"$@" $i >"$RUN/fill" 2>&1 || break
	done
	cat "$RUN/fill"
	grep -q "make room on its file system" "$RUN/fill"
}

# What the files have had before takes more: the log is written from its beginning when all of it is in the
# database. So there come rows for which the database would have to grow, until the log is full; and then
# what is as small as a change can be.
fill_the_rest()
{
	fill publish_many && fill set_icmp
}

publish_many()
{
	local first=$((3000 + $1 * 50)) comment
	printf -v comment '%0120d' "$1"
	ctl publish $first-$((first + 49))/udp 2001:db8:1::2 --on 203.0.113.40 --comment "$comment"
}

set_icmp()
{
	ctl config set Timeouts.ICMP $((61 + $1 % 2))s
}

# All that a change could change.
picture()
{
	ctl --json pool4 list | jq -c '.[] | [.name, .state, .addresses]'
	ctl --json bib list --static | jq -c '.[] | [.protocol, .client, .mapped]'
	ctl --json config list | jq -c '.[] | [.key, .value, .source]'
	blocked
}

configure()
{
	gateway_configure routed "
[Pool4 off]
Addresses=203.0.113.64/30
${4:-}

[Static web]
Protocols=tcp
Inside=[2001:db8:1::2]:443
Outside=203.0.113.5:443
${3:-}

[Timeouts]
UDP=${1:-5min}
${2:-}"
}

topology_servers 1000 || tap_bail "the servers do not listen"
node router4 ip route add 203.0.113.0/24 via $TOPOLOGY_GATEWAY4
configure
tap_gateway

# ---- restarts -----------------------------------------------------------------------------------

check "changes are made" change_all
check "and in effect" all_is_there
check "killed right behind the answer, and back" daemon_is_killed_and_back
check "all is there" all_is_there
check "stopped, and back" daemon_restarts
check "all is there" all_is_there
check "nothing was said of it" same "notices" 0 "$(log_count 'can not be used|dropped')"
check "drained: not the next start" eval 'ctl pool4 drain p1 && daemon_is_killed_and_back && [ -z "$(entry p1)" ]'
check "used again, and killed" eval 'ctl pool4 enable off && daemon_is_killed_and_back &&
	same "entry off" "active file" "$(entry off)"'
check "disabled once more, and killed" eval 'ctl pool4 remove off && daemon_is_killed_and_back &&
	same "entry off" "disabled file" "$(entry off)"'
check "a block ends: also in the database" eval 'ctl client unblock 2001:db8:8::/64 && daemon_is_killed_and_back &&
	same "blocked" "2001:db8:9::/64" "$(blocked)" && ctl client block 2001:db8:8::/64'
check "the file is readable" eval '[ "$(sqlite3 -readonly "$RUN/state/state.db" "SELECT addresses FROM pool4_entry
	WHERE name = '"'more'"'")" = 203.0.113.32/30 ]'

# ---- the newest word wins -----------------------------------------------------------------------

configure 4min
check "reload: the file says something else of a key" eval 'ctl reload &&
	same "Timeouts.UDP" "4min $RUN/nat64d.conf:18" "$(value Timeouts.UDP)"'
check "which is said once" eval "log_has \"Timeouts.UDP: the files say '4min' now, which holds; '6min'\""
check "and gone from the database" until_true 5 eval '[ "$(sqlite3 -readonly "$RUN/state/state.db" \
	"SELECT count(*) FROM setting WHERE key = '"'UDP'"'")" = 0 ]'
ctl config set Timeouts.UDP 6min >/dev/null
daemon_ends_well
configure 3min "" "" "Ports=3000-3999"
gateway_start
check "start: the file says something else of a key" eval \
	'same "Timeouts.UDP" "3min $RUN/nat64d.conf:18" "$(value Timeouts.UDP)" &&
	log_has "the files say .3min. now, which holds; .6min., set at run time, is dropped"'
check "start: and of an entry that was disabled" eval 'same "entry off" "active file" "$(entry off)" &&
	log_has "pool4 entry off: its section in the files has changed and holds"'
check "what was removed of it stays removed" same "static bindings" "udp 203.0.113.33:2500" "$(static)"
daemon_ends_well
configure 3min "

[Pool4 more]
Addresses=203.0.113.80" "Comment=new"
gateway_start
check "start: an entry that was added is in the file" eval \
	'same "entry more" "active file" "$(entry more)" && log_has "pool4 entry more: its section in the files is new"'
check "its static binding is held, and reported" eval 'same "static bindings" "" "$(static)" &&
	log_has "static binding 203.0.113.33:2500 \(udp\) can not be used"'
daemon_ends_well
configure 3min
gateway_start
check "the entry that was dropped stays so" same "entry more" "" "$(entry more)"
check "the static binding comes with an entry" eval 'ctl pool4 add 203.0.113.32/30 2000-2999 --name more &&
	same "static bindings" "udp 203.0.113.33:2500" "$(static)"'
check "one of an entry that is disabled goes" eval 'ctl bib add tcp "[2001:db8:1::2]:4430" 203.0.113.5:4430 &&
	ctl pool4 add 203.0.113.99 && ctl pool4 remove lab --force && same "static bindings" "udp 203.0.113.33:2500" "$(static)"'
check "and is back with it" eval 'ctl pool4 enable lab &&
	same "static bindings" "tcp 203.0.113.5:4430,udp 203.0.113.33:2500" "$(static)" &&
	ctl bib remove tcp 203.0.113.5:4430 && ctl pool4 remove 203.0.113.99'

# ---- what does not fit any more -----------------------------------------------------------------

ctl config set Timeouts.UDP 6min >/dev/null
ctl pool4 remove off >/dev/null
ctl pool4 add 203.0.113.50 --name fifty --prefix 2001:db8:65::/96 >/dev/null
daemon_ends_well
gateway_configure routed "
[Pool4 bigger]
Addresses=203.0.113.32/29

[Timeouts]
UDP=3min"
sed -i '/^Pool6=/s|$| 2001:db8:66::/96|' "$RUN/nat64d.conf"
gateway_start
check "an entry that overlaps is held" eval 'same "entry more" "" "$(entry more)" &&
	log_has "pool4 entry more can not be used: .*bigger"'
check "and one without its prefix" eval 'same "entry fifty" "" "$(entry fifty)" &&
	log_has "pool4 entry fifty can not be used: its prefix 2001:db8:65::/96 is not in Translation.Pool6"'
check "they can be removed" eval 'ctl pool4 remove more && ctl pool4 remove fifty && daemon_restarts &&
	[ -z "$(entry more)$(entry fifty)" ] && ! grep "entry more can" <(tail -n 5 "$RUN/nat64d.log")'

# ---- a database that is not ours ----------------------------------------------------------------

daemon_ends_well
state_sql "DELETE FROM setting; DELETE FROM static_binding; DELETE FROM pool4_entry;
	INSERT INTO static_binding VALUES ('tcp', '203.0.113.2:70000', '[2001:db8:1::2]:80', '', 0),
		('tcp', '203.0.113.2:0', '[2001:db8:1::2]:0', '', 0),
		('tcp', '203.0.113.2:81', '[2001:db8:64::1]:81', '', 0),
		('sctp', '203.0.113.2:82', '[2001:db8:1::2]:82', '', 0),
		('tcp', '203.0.113.2:83', '[ff02::1]:83', '', 7),
		('tcp', char(27) || '[31m', '', '', 0);
	INSERT INTO pool4_entry VALUES ('lab2', '203.0.113.0/28', '1024-65535', 'tcp udp icmp', '', '', 0, '', 'active', ''),
		('mult', '224.0.0.1', 'auto', 'tcp', '', '', 0, '', 'active', ''),
		('big', '203.0.113.96', '0-99999', 'tcp', '', '', 0, '', 'active', ''),
		('Bad Name', '203.0.113.97', 'auto', 'tcp', '', '', 0, '', 'active', ''),
		('odd', '203.0.113.98', 'auto', 'tcp', '', '', 7, '', 'strange', ''),
		('none', '', 'auto', '', '', '', 0, '', 'active', ''),
		('gone', '203.0.113.98', 'auto', 'tcp', '', '', 0, '', 'disabled', 'Addresses=1');
	INSERT INTO setting VALUES ('Timeouts', 'UDP', '1s', '=3min'), ('Timeouts', 'Nonsense', '1', ''),
		('Limits', 'Bindings', 'many', ''), ('Queue', 'First', '7', ''), ('State', 'Keep', 'no', ''),
		('Pool4 NAME', 'Addresses', '203.0.113.99', ''), ('Timeouts', 'ICMP', '2min', '');
	INSERT INTO blocked_client VALUES ('here', 1, 0), ('2001:db8:5::/64', 9223372036854775807, -1),
		('2001:db8:6::/64', -5, 9223372036854775807), ('2001:db8:7::/64', 1, 2);"
check "hostile rows: it starts" gateway_start
for words in 'static binding .*70000' 'static binding .*:0.* port 0' 'static binding 203.0.113.2:81 .tcp. can not be used: its inside address lies in Pool6' \
	"'sctp'.* no such protocol" '203.0.113.2:83 .tcp. can not be used: its inside address is not that of one host' \
	'static binding .tcp. .* .\\033' 'pool4 entry lab2 can not be used' "entry 'mult'.*multicast" "entry 'big'" "entry 'Bad Name'" \
	"entry 'odd'" "entry 'none'" "Timeouts.UDP: '1s'.*below the minimum" "Timeouts.Nonsense.*no such key" "Limits.Bindings: 'many'" \
	"Queue.First: '7'.*at a start only" "State.Keep: 'no'.*at a start only" "'Pool4 NAME.Addresses'.*no such key" \
	"client 'here' can not be used" "client '2001:db8:5::/64' can not" "client '2001:db8:6::/64' can not"; do
	check "reported: $words" log_has "$words"
done
check "and none of it is used" eval 'same "entries" "bigger lab" "$(ctl --json pool4 list | jq -r ".[].name" | sort | paste -sd" ")" &&
	same "static" "" "$(static)" && same "Timeouts.UDP" "3min" "$(value Timeouts.UDP | cut -d" " -f1)"'
check "what is good among it is" same "Timeouts.ICMP" "2min runtime" "$(value Timeouts.ICMP)"
check "translation goes on" server_answers
daemon_ends_well

# ---- when storage fails -------------------------------------------------------------------------

rm -rf "${RUN:?}/state" && mkdir "$RUN/state"
mount -t tmpfs -o size=2M tmpfs "$RUN/state" || # for the database alone: ports is in $RUN
	tap_bail "no tmpfs"
configure
tap_gateway
check "changes on a small disk" change_all
head -c 100M /dev/zero >"$RUN/state/filler" 2>/dev/null
check "full: a change is refused" fill_the_rest
check "full: nothing changes" nothing_changes "make room on its file system"
check "full: the alarm" log_has 'database or disk is full; translation goes on'
check "full: translation goes on" server_answers
rm "$RUN/state/filler"
check "room again: the alarm ends" log_has 'written to the state database again'
check "room again: a change is made" ctl config set Timeouts.ICMP 2min
daemon_ends_well
mount -o remount,ro "$RUN/state"
tap_gateway
check "only readable: all is there" eval 'same "Timeouts.ICMP" "2min runtime" "$(value Timeouts.ICMP)" && all_is_there'
check "only readable: nothing changes" nothing_changes "make it writable for nat64d"
mount -o remount,rw "$RUN/state"
check "writable again: a change is made" until_true 15 ctl config set Timeouts.ICMP 3min
sqlite3 "$RUN/state/state.db" ".timeout 5000" "BEGIN IMMEDIATE" ".shell touch $RUN/locked; while [ -e $RUN/locked ]; do sleep 0.1; done" \
	"ROLLBACK" &
until_true 10 test -e "$RUN/locked"
check "locked: nothing changes" eval 'REMEDY="try again when whoever has locked it has ended" refused config set Timeouts.ICMP 4min &&
	same "Timeouts.ICMP" "3min runtime" "$(value Timeouts.ICMP)"'
rm "$RUN/locked"
wait $!
check "unlocked: a change is made" until_true 15 ctl config set Timeouts.ICMP 4min
check "nat64d ends with status 0" daemon_ends_well
umount "$RUN/state"

# ---- entries on their way out -------------------------------------------------------------------

# seen PORT: as whom the server sees the client's flow of this port.
seen()
{
	ask client udp $TOPOLOGY_SERVER6 7 "$1"
}

# The database has so many rows about this entry.
rows_of()
{
	same "rows of $2" "$1" "$(sqlite3 -readonly "$RUN/state/state.db" "SELECT count(*) FROM pool4_entry WHERE name = '$2'")"
}

# What a drained entry has stays, over a clean end and over none.
drained_stays()
{
	same "entry $1" "$2" "$(entry "$1")" && same "seen as" "$mapped" "$(seen 5000)" &&
		! grep "not restored" "$RUN/nat64d.log"
}

entry_is()
{
	same "entry $1" "$2" "$(entry "$1")"
}

begin_with_auto()
{
	rm -rf "${RUN:?}/state"/* && printf '[Translation]\nPool6=%s/96\n' $TOPOLOGY_POOL6 >"$RUN/nat64d.conf" &&
		gateway_start && mapped=$(seen 5000) && [[ $mapped = "$TOPOLOGY_GATEWAY4 "* ]]
}

# add_beside WHERE: an entry elsewhere, or at the same address, around the port that is in use or with it.
add_beside()
{
	local port=${mapped#* } ports=20000-29999
	[ "$port" -lt 20000 ] || ports=1024-19999
	case $1 in
	elsewhere) ctl pool4 add 203.0.113.32 --name more ;;
	around) ctl pool4 add $TOPOLOGY_GATEWAY4 $ports --name more ;;
	with) ctl pool4 add $TOPOLOGY_GATEWAY4 "$port-$((port + 9))" --name more ;;
	esac
}

new_flow_is_elsewhere()
{
	local seen
	seen=$(seen 5001)
	same "entry" more "$(ctl --json bib list --protocol udp --port4 "${seen#* }" | jq -r '.[].pool4' | sort -u)"
}

flow_ends()
{
	ctl session flush --client 2001:db8:1::2/128 --protocol udp
}

for where in elsewhere around; do
	check "auto: begins" begin_with_auto
	check "auto: drained by an entry $where" eval 'add_beside $where && drained_stays auto "draining auto" &&
		until_true 5 rows_of 1 auto'
	check "auto: killed, and back" eval 'daemon_is_killed_and_back && drained_stays auto "draining auto"'
	check "auto: stopped, and back" eval 'daemon_restarts && drained_stays auto "draining auto"'
	check "auto: handed over" eval 'gateway_replace && drained_stays auto "draining auto"'
	check "auto: it has no new flow" new_flow_is_elsewhere
	check "auto: it goes with its last binding" eval 'flow_ends && until_true 25 entry_is auto "" &&
		until_true 5 rows_of 0 auto'
	check "auto: and does not come back" eval 'daemon_restarts && same "entry auto" "" "$(entry auto)"'
	daemon_ends_well
done
check "auto: begins" begin_with_auto
check "auto: drained by an entry that has its ports" eval 'add_beside with && drained_stays auto "draining auto"'
check "auto: after a restart its flow is the other's" eval 'daemon_restarts && drained_stays more "active runtime" &&
	same "entry auto" "" "$(entry auto)" && until_true 5 rows_of 0 auto'
daemon_ends_well
check "auto: begins" begin_with_auto
check "auto: drained" eval 'add_beside elsewhere && until_true 5 rows_of 1 auto'
check "auto: no other is left, so it is used again" eval 'ctl pool4 remove more --force && until_true 5 rows_of 0 auto &&
	drained_stays auto "active auto" && daemon_restarts && drained_stays auto "active auto"'
daemon_ends_well
rm -rf "${RUN:?}/state"/*
gateway_configure routed
gateway_start
mapped=$(seen 5000)
check "an entry of the file is drained" eval 'ctl pool4 add 203.0.113.32 --name more && ctl pool4 drain lab &&
	drained_stays lab "draining file"'
check "killed, and back: it has its flow" eval 'daemon_is_killed_and_back && drained_stays lab "draining file"'
check "it goes with its last binding" eval 'flow_ends && until_true 25 entry_is lab "disabled file"'
check "and is off after a restart" eval 'daemon_restarts && same "entry lab" "disabled file" "$(entry lab)"'

# A static binding may have any port of an address of pool4; without the address it has no place (P-22).
check "a static binding outside its entry's ports" eval 'ctl pool4 add 203.0.113.36 2000-2999 --name few &&
	ctl publish 80/tcp 2001:db8:1::2 --on 203.0.113.36'
check "removing the entry is refused for it" eval '! ctl pool4 remove few && ctl pool4 remove few 2>&1 |
	grep "few is used by 1 binding:"'
check "draining waits for it" eval 'ctl pool4 drain few 2>&1 | grep "1 static binding is among them" &&
	same "entry few" "draining runtime" "$(entry few)" && daemon_restarts && same "entry few" "draining runtime" "$(entry few)"'
check "--force ends it" eval 'ctl pool4 remove few --force 2>&1 | grep "1 binding ended" && same "entry few" "" "$(entry few)" &&
	! static | grep 203.0.113.36'
check "nat64d ends with status 0" daemon_ends_well
rm -rf "${RUN:?}/state"/*

# ---- nothing is kept, and nothing may be changed ------------------------------------------------

configure 5min "
[State]
Keep=no"
tap_gateway
check "State.Keep=no: changes are made" change_all
check "State.Keep=no: and in effect" all_is_there
check "State.Keep=no: stopped, and back" daemon_restarts
check "State.Keep=no: nothing is there" same "all" "active file 5min" "$(entry off) $(entry more)$(value Timeouts.UDP | cut -d' ' -f1)"
daemon_ends_well
configure 5min "
[State]
Overrides=no"
tap_gateway
overrides_are_refused()
{
	local words
	for words in "pool4 add 203.0.113.32" "pool4 remove off" "publish 2500/udp 2001:db8:1::2 --on 203.0.113.3" \
		"bib remove tcp 203.0.113.5:443" "config set Timeouts.UDP 6min" "pool6 add 2001:db8:65::/96"; do
		# shellcheck disable=SC2086
		ctl $words 2>&1 | grep "State.Overrides=no" || { echo "$words" && return 1; }
	done
}
check "State.Overrides=no: refused" overrides_are_refused
check "State.Overrides=no: but not blocking" ctl client block 2001:db8:9::/64
check "nat64d ends with status 0" daemon_ends_well
tap_end
