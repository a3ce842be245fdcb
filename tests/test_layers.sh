#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The layers of STYLE.md 1: who may include whom, and what the core may call. Each table below is the
# rule; a new file that no table knows fails, so that its author says where it belongs.
#
# usage: test_layers.sh SOURCE_ROOT LIBCORE.A

root=$1 library=$(realpath "$2")
cd "$root" || exit
LC_ALL=C
number=0

# result NAME OFFENDERS: one TAP line, not ok if there are any offenders.
result()
{
	number=$((number + 1))
	[ -z "$2" ] && echo "ok $number $1" && return
	echo "not ok $number $1"
	sed 's/^/# /' <<<"$2"
}

# ---- the layers of the core, from the bottom up -------------------------------------------------

# stem FILE: sets $stem, its name without directory and ending.
stem()
{
	stem=${1##*/}
	stem=${stem%.[ch]}
}

# layer_of FILE: sets $layer. No subshell: it is asked about every include there is.
layer_of()
{
	stem "$1"
	case $stem in
	addr | addr4_* | decimal | minmax | checksum | siphash | random | token_bucket | slab | dirty | hash_index | wheel | outcome | rfc6052 | \
		ports | port_set | deterministic | given | closed) layer=values ;;
	packet | noted | tuple | xlat* | fragment | ip_header | emit | cut | icmp_error | icmp_map | ip4_id | tcp_probe)
		layer=packets ;;
	pool4* | addr_choice | pairing | client | blocklist | event | bib | session | syn_store | tcp_fsm) layer=tables ;;
	# They share struct nat64, so they see its header; nat64.c alone is above them.
	nat64* | lane | watch | decision | policy | quota | admission | binding | filter | answer | icmp_transit | segment | forward | reassembly | \
		persist | expect)
		layer=filters ;;
	*) layer= ;;
	esac
}

declare -A below=(
	[values]="values"
	[packets]="values packets" # translators never see a table
	[tables]="values tables"   # tables never see a packet
	[filters]="values packets tables filters"
)

# includes FILE…: "FILE included-path" for each #include "…"
includes()
{
	grep -o '^#include "[^"]*"' /dev/null "$@" | sed 's/:#include "/ /; s/"$//'
}

core_offenders()
{
	local file path from layer stem
	includes daemon/core/*.[ch] | while read -r file path; do
		[ "${path#daemon/core/}" != "$path" ] || { echo "$file includes $path, outside the core" && continue; }
		layer_of "$file" && from=${layer:-values}
		layer_of "$path"
		[[ " ${below[$from]} " = *" $layer "* ]] ||
			echo "$file ($from) includes $path ($layer)"
	done
	for file in daemon/core/*.[ch]; do
		layer_of "$file"
		[ -n "$layer" ] || echo "$file: no layer in tests/test_layers.sh"
	done
}

# ---- the core's contact with the outside --------------------------------------------------------

headers="arpa/inet.h assert.h endian.h inttypes.h limits.h netinet/icmp6.h netinet/in.h netinet/ip.h
	netinet/ip6.h netinet/ip_icmp.h netinet/tcp.h netinet/udp.h search.h stdarg.h stdbool.h stddef.h
	stdint.h stdio.h stdlib.h string.h strings.h"

# Memory, strings, sorting, text of addresses: nothing that could wait, ask or say anything.
symbols="malloc calloc realloc free
	memchr memcmp memcpy memmove memset
	strcasecmp strchr strcmp strcspn strlen strncmp strnlen strrchr strspn
	snprintf vsnprintf qsort bsearch tsearch tfind tdelete inet_ntop inet_pton __assert_fail"

header_offenders()
{
	local file header
	grep -o '^#include <[^>]*>' daemon/core/*.[ch] | sed 's/:#include </ /; s/>$//' |
		while read -r file header; do
			[[ " ${headers//[$'\n\t']/ } " = *" $header "* ]] || echo "$file includes <$header>"
		done
}

# Undefined symbols less defined ones; what compilers and sanitizers add themselves does not count.
symbol_offenders()
{
	local symbol
	comm -23 <(nm -u "$library" 2>/dev/null | awk '$1 == "U" { print $2 }' | sort -u) \
		<(nm --defined-only "$library" 2>/dev/null | awk 'NF == 3 { print $3 }' | sort -u) |
		grep -vE '^(__(asan|ubsan|tsan|msan|sanitizer|sancov|gcov|llvm|popcount|stack_chk)|_GLOBAL_OFFSET)' |
		sed -E 's/^__(.*)_chk$/\1/; s/^__isoc[0-9]*_//' |
		while read -r symbol; do
			[[ " ${symbols//[$'\n\t']/ } " = *" $symbol "* ]] || echo "the core calls $symbol()"
		done
}

# Constant tables are in .rodata and .data.rel.ro; what is in .data or .bss can be written.
global_offenders()
{
	nm --format=sysv "$library" 2>/dev/null | tr -d ' ' |
		awk -F'|' '$7 ~ /^\.(data|bss|tbss|tdata)(\.[^r].*)?$/ && $1 !~ /^(__|\.|_)/ \
			{ print "a global variable of the core: " $1 }' | sort -u
}

# ---- the edges ----------------------------------------------------------------------------------

# A room is one edge and the files it is made of. It may include itself, the core, and what all share:
# the gateway (the core with its lock), log, how to ask the kernel, and the parsed configuration.
# room_of FILE: sets $room.
room_of()
{
	stem "$1"
	case $stem in
	# These know several edges, which is their job.
	daemon* | main | worker | client_change | kept* | map_log | world | pool4_auto | pool4_change* | pool4_clash | \
		pool4_move | pool4_rules | pool4_spec_text | pool4_sync* | pool4_wanted | pool4_words | restore | row_pipe | settings_change | \
		static_change | static_sync)
		room=wiring ;;
	config* | near | pool4_runtime | static_key) room=config ;;
	rules*) room=rules ;;
	links | route | neighbours | listeners | own_addresses | reader_lock) room=kernel ;;
	change*) room=change ;;
	state_calls) room=state_calls ;;
	handover* | descriptors) room=handover ;;
	rawsock | inject* | send*) room=sending ;;
	netlink* | sysctl) room=netlink ;;
	event_log | event_report | log_file | log_socket) room=event_report ;;
	nfqueue | heartbeat | watchdog | tables | noted_log | log | memory | \
		aside | capabilities | gateway | copy_out | thread_number | queue_plan)
		room=$stem ;;
	*) room= ;;
	esac
}

edge_offenders()
{
	local file path from room stem
	includes daemon/*.[ch] | while read -r file path; do
		room_of "$file" && from=$room
		[ -n "$from" ] || { echo "$file: no room in tests/test_layers.sh" && continue; }
		[ "$from" != wiring ] || continue
		case $path in
		daemon/core/*) continue ;;
		daemon/*) room_of "$path" ;;
		*) echo "$file includes $path" && continue ;;
		esac
		[[ " $from aside gateway log netlink thread_number " = *" $room "* ]] || [ "$path" = daemon/config.h ] ||
			echo "$file ($from) includes $path ($room)"
	done | sort -u
}

bus_offenders()
{
	includes dbus/*.[ch] schema/*.[ch] 2>/dev/null |
		grep -vE ' (dbus/|schema/|daemon/core/|daemon/(aside|change|state_calls|gateway|log|config[a-z_]*)\.h)'
}

# nat64ctl talks over the bus: it shares names with the service, and the list of outcomes with the
# core. Setup, teardown and doctor work without a daemon, and so know the configuration, the host, the
# rules; import makes a configuration; what is read from the journal are the events of the core.
# What measures the core includes the core.
tool_offenders()
{
	includes tools/*.[ch] 2>/dev/null |
		grep -vE ' (tools/|dbus/(metrics|names)\.h|daemon/core/outcome\.h|daemon/near\.h)' |
		grep -vE '^tools/ctl_complete\.c daemon/core/tcp_fsm\.h' |
		grep -vE '^tools/bench_[a-z0-9]+\.[ch] daemon/core/' |
		grep -vE '^tools/bench_floor\.c daemon/(nfqueue|sending)\.h' | # which it has in common
		grep -vE '^tools/bench_clients\.c dbus/(client_list|list)\.h' | # which it measures
		grep -vE '^tools/bench_workers\.c daemon/gateway\.h' |
		grep -vE '^tools/bench_tables\.c daemon/memory\.h' |
		grep -vE '^tools/bench_restore\.c (schema/store|daemon/(gateway|restore|row_pipe|tables))\.h' |
		grep -vE '^tools/ctl_(doctor[a-z_]*|entries|firewall|setup)\.[ch] daemon/(config|rules[a-z0-9_]*|pool4_auto)\.h' |
		grep -vE '^tools/ctl_doctor[a-z_]*\.[ch] daemon/(netlink|netlink_veth|pool4_clash|route|core/(packet|pool4_text|rfc6052))\.h' |
		grep -vE '^tools/ctl_doctor_config\.c daemon/config_(file|override)\.h' |
		grep -vE '^tools/ctl_import[a-z_]*\.[ch] daemon/(config[a-z_]*|core/(addr|pool4_text))\.h' |
		grep -vE '^tools/ctl_snapshot\.c schema/store_restore\.h' |
		grep -vE '^tools/owner[a-z_]*\.[ch] daemon/core/(addr|event)\.h'
}

upward_offenders()
{
	includes daemon/*.[ch] daemon/core/*.[ch] | grep -E ' (tools|tests)/'
	includes daemon/core/*.[ch] daemon/*.[ch] dbus/*.[ch] | grep -vE '^daemon/(daemon|main)\.c ' |
		grep -E ' daemon/(daemon|main)\.h'
}

result "core includes point downwards" "$(core_offenders)"
result "core includes no header that reaches outside" "$(header_offenders)"
if nm "$library" 2>/dev/null | grep -q ' T nat64_receive$'; then
	result "core calls nothing but the listed symbols" "$(symbol_offenders)"
	result "core has no global variables" "$(global_offenders)"
else
	result "the core's library can be read" "no nat64_receive() in $library"
fi
result "edges do not include each other" "$(edge_offenders)"
result "dbus and schema include no edge" "$(bus_offenders)"
result "tools talk over the bus" "$(tool_offenders)"
result "nothing includes upwards" "$(upward_offenders)"
echo "1..$number"
