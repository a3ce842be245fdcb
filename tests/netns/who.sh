#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Who had a port (L-11, L-13) where clients have blocks of ports: the client, whichever port of its block it
# was, from its first binding to its last; one row of it is kept, over kills and restarts.

. "$(dirname "$0")/tap.sh"
tap_begin "$@"
SIZE=64

daemon_is_killed_and_back()
{
	kill -KILL "${TOPOLOGY_PIDS[nat64d]}"
	wait "${TOPOLOGY_PIDS[nat64d]}" 2>/dev/null
	unset "TOPOLOGY_PIDS[nat64d]"
	gateway_start
}

# who PORT: protocol, client, and whether it has it still; a line each.
who()
{
	ctl --json who "$ADDRESS:$1" --at now | jq -r '.[] | .protocol + " " + .client + " " + (if .ended then "ended" else "open" end)'
}

# flow PORT: of the client's, seen as "ADDRESS PORT".
flow()
{
	ask "$1" udp $TOPOLOGY_SERVER6 7 "$2"
}

state_sql()
{
	sqlite3 -readonly "$RUN/state/state.db" "$1"
}

in_one_block()
{
	same "address and block" "$ADDRESS $FIRST" "${1% *} $((${1#* } / SIZE * SIZE))"
}

topology_servers 1000 || tap_bail "the servers do not listen"
gateway_configure routed "
[Pool4]
Mode=blocks
BlockSize=$SIZE

[State]
Retention=1h"
tap_gateway
seen=$(flow client 5000)
ADDRESS=${seen% *} PORT=${seen#* }
FIRST=$((PORT / SIZE * SIZE)) OTHER=$((PORT % SIZE == 5 ? PORT + 1 : PORT / SIZE * SIZE + 5))
[ "$PORT" -gt 0 ] || tap_bail "no flow: $seen"
check "a binding: it, and the block" same "who" \
	$'udp [2001:db8:1::2]:5000 open\nany 2001:db8:1::2/128 open' "$(who "$PORT" | sort -r)"
check "another port of the block" same "who" "any 2001:db8:1::2/128 open" "$(who $OTHER)"
check "a port of the next block" same "who" "" "$(who $((FIRST + SIZE)) 2>/dev/null)"
check "flows of the same block" eval 'for port in 5001 5002 5003; do in_one_block "$(flow client $port)" || exit; done'
check "one of them ends: the block goes on" eval 'ctl session flush --client 2001:db8:1::2 --port4 "$PORT" &&
	same "who" "any 2001:db8:1::2/128 open" "$(who "$PORT")"'
check "killed, and back: it goes on" eval 'daemon_is_killed_and_back &&
	same "who" "any 2001:db8:1::2/128 open" "$(who "$PORT")"'
check "all of them end" eval 'ctl session flush --all && until_true 5 eval "[ \$(ctl bib list --count) = 0 ]" &&
	same "who" "any 2001:db8:1::2/128 ended" "$(who $OTHER)"'
check "one row is kept" same "rows of blocks, of bindings" "1|0" \
	"$(state_sql "SELECT (SELECT count(*) FROM closed_block), (SELECT count(*) FROM closed_row)")"
check "killed, and back: it is known" eval 'daemon_is_killed_and_back &&
	same "who" "any 2001:db8:1::2/128 ended" "$(who $OTHER)"'
check "a static binding is one record" eval 'ctl publish 443/tcp 2001:db8:1::2 --on 203.0.113.5 &&
	ctl bib remove tcp 203.0.113.5:443 && ADDRESS=203.0.113.5 &&
	same "who" "tcp [2001:db8:1::2]:443 ended" "$(who 443)"'
check "and for people" eval 'state_sql "SELECT client || first || mapped FROM closed_blocks" |
	grep -x "2001:0db8:0001:0000:0000:0000:0000:0002/128$FIRST${seen% *}"'
check "nat64d ends with status 0" daemon_ends_well
tap_end
