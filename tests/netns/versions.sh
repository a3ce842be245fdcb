#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Upgrades and downgrades of the state database under traffic: a file as each older version of nat64d would
# have left it is taken over, and one that a newer version has left makes way for the copy of before the
# upgrade. A download, a ping, idle TCP connections and flows of UDP go on, and the states are compared.

. "$(dirname "$0")/tap.sh"
tap_begin "$@"
. tests/netns/lasting.sh
. tests/netns/ping.sh
IDLE=10 FLOWS=10
STEPS=(schema/[0-9]*.sql)
NEWEST=${#STEPS[@]}

# make_version VERSION: the database, as the nat64d of that version would have left it. Before the fourth
# times were of the boot's clock alone, which is that of the file here, in the boot that has made it.
make_version()
{
	local version=$1 pool6=pool6
	[ "$version" -ge 3 ] || pool6=0
	rm -f "$RUN/old.db"
	{
		echo "PRAGMA journal_mode = WAL; ATTACH '$RUN/state/state.db' AS new; BEGIN;"
		cat "${STEPS[@]:0:version}"
		cat <<-END
			UPDATE main.meta SET (boot_id, boot_ms, wall_ms, owner, clean) =
				(SELECT boot_id, boot_ms, wall_ms, owner, clean FROM new.meta);
			INSERT INTO main.binding (place, address6, port6, address4, port4, number, pool6, static, created)
				SELECT place, address6, port6, address4, port4, number, $pool6, static, created
				FROM new.binding;
			INSERT INTO main.session (place, binding, number, address4, port4, state, pool6, until)
				SELECT place, binding, number, address4, port4, state, $pool6, until FROM new.session;
		END
		[ "$version" -lt 3 ] || echo "INSERT INTO main.pool6 SELECT * FROM new.pool6;"
		echo "PRAGMA application_id = 0x4e363464; PRAGMA user_version = $version; COMMIT;"
	} | sqlite3 -bail "$RUN/old.db" >/dev/null || return
	rm -f "$RUN/state/state.db" "$RUN/state/state.db-"* "$RUN/state/state.db.v"*
	mv "$RUN/old.db" "$RUN/state/state.db"
}

# bindings FILE: each as a line.
bindings()
{
	sqlite3 -readonly "$1" "SELECT protocol, client, port6, mapped, port4 FROM bindings ORDER BY 1, 2, 3, 4, 5"
}

upgrades_from()
{
	local version=$1
	gateway_stop && make_version "$version" || return
	bindings "$RUN/state/state.db" >"$RUN/before"
	same "the file is of version" "$version" "$(sqlite3 -readonly "$RUN/state/state.db" "PRAGMA user_version")" &&
		[ "$(wc -l <"$RUN/before")" -gt $((IDLE + FLOWS)) ] && gateway_start &&
		grep "is upgraded from version $version to $NEWEST; .*state.db.v$version is as it was" "$RUN/nat64d.log"
}

copy_is_as_before()
{
	bindings "$RUN/state/state.db.v$1" | diff "$RUN/before" - &&
		same "the copy is of version" "$1" "$(sqlite3 -readonly "$RUN/state/state.db.v$1" "PRAGMA user_version")" &&
		same "the file is of version" "$NEWEST" "$(sqlite3 -readonly "$RUN/state/state.db" "PRAGMA user_version")"
}

# What runs is what was there before; more may have begun since.
daemon_has_all_of()
{
	ctl --json bib list | jq -r '.[] | .protocol + " " + .client + " " + .mapped' | sort >"$RUN/live"
	python3 -c '
import ipaddress, sys
for line in open(sys.argv[1]):
    protocol, client, port6, mapped, port4 = line.strip().split("|")
    print(protocol, f"[{ipaddress.ip_address(client)}]:{port6}", f"{mapped}:{port4}")
' "$1" | sort >"$RUN/expected"
	comm -23 "$RUN/expected" "$RUN/live" >"$RUN/missing"
	[ -s "$RUN/expected" ] && ! cat "$RUN/missing" | grep .
}

all_goes_on()
{
	lasting_answers idle $IDLE && lasting_answers flows $FLOWS && ping_goes_on 20 && node_is_running download
}

# As a version that is yet to come has left it.
downgrades()
{
	gateway_stop || return
	sqlite3 "$RUN/state/state.db" "PRAGMA user_version = $((NEWEST + 1))" && gateway_start &&
		grep "is of a newer version of nat64d ($((NEWEST + 1)), .*; it is kept as .*state.db.newer-" "$RUN/nat64d.log" &&
		grep "the copy of before the upgrade is used" "$RUN/nat64d.log"
}

newer_is_kept()
{
	local file
	file=$(ls "$RUN/state/state.db.newer-"* | grep -v -e -wal -e -shm)
	same "it is of version" $((NEWEST + 1)) "$(sqlite3 -readonly "$file" "PRAGMA user_version")" &&
		sqlite3 -readonly "$file" "SELECT count(*) FROM binding WHERE port6 = 5000" | grep -qx 1
}

status_says_it()
{
	ctl --json status | jq -e '.warnings | any(contains("state database") and contains("set aside"))'
}

lasting_servers 120000000
gateway_configure routed
tap_gateway
lasting_begin idle client idle $TOPOLOGY_SERVER6 $IDLE
lasting_begin flows client flows $TOPOLOGY_SERVER6 $FLOWS
check "$IDLE TCP connections" lasting_has_begun idle $IDLE
check "$FLOWS flows of UDP" lasting_has_begun flows $FLOWS
lasting_begin download client download $TOPOLOGY_SERVER6 /payload "$RUN/hurry"
ping_begin
for ((version = 1; version < NEWEST; version++)); do
	check "upgrade from version $version" upgrades_from $version
	check "version $version: the copy is as the file was" copy_is_as_before $version
	check "version $version: nat64d has all of it" daemon_has_all_of "$RUN/before"
	check "version $version: all goes on" all_goes_on
done
mapped=$(ask client udp $TOPOLOGY_SERVER6 7 5000)
check "a flow begins after the last upgrade" until_true 5 eval '[ "$(sqlite3 -readonly "$RUN/state/state.db" \
	"SELECT count(*) FROM binding WHERE port6 = 5000")" = 1 ]'
check "downgrade" downgrades
check "downgrade: the older state is used" daemon_has_all_of "$RUN/before"
check "downgrade: and nothing that is younger" eval '! grep ":5000 " "$RUN/live"'
check "downgrade: the newer file is kept, with what is younger" newer_is_kept
check "downgrade: status says it" status_says_it
check "downgrade: all goes on" all_goes_on
check "downgrade: the younger flow goes on, too" eval '[[ $(ask client udp $TOPOLOGY_SERVER6 7 5000) = 203.0.113.* ]]'
: >"$RUN/hurry"
check "the download ends well" lasting_ends_well download
check "nat64d ends with status 0" daemon_ends_well
tap_end
