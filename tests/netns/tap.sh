# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the scripts of the netns suite share: the lab's topology, one TAP line for each case, and the
# daemon under test ($NAT64D, $NAT64CTL, which meson sets).

TAP_SCRIPT=$(realpath "$0")
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit
. tools/topology.sh
export TOPOLOGY_NAME TOPOLOGY_POOL6 TOPOLOGY_SERVER4 TOPOLOGY_SERVER6 # for nodes.py
export TOPOLOGY_GATEWAY4 TOPOLOGY_GATEWAY6
TAP_CRAFTED_MAC=02:00:00:00:00:01
TAP_NUMBER=0 TAP_FAILED=0 TAP_OUTPUT=$RUN/output

# Cases depend on time, and run beside builds and other suites: they come first, where that is permitted.
# The kernel weighs sessions before processes, and meson begins one for each test.
tap_come_first()
{
	[ "$(ps -o sid= -p $$)" -eq $$ ] || return
	{ echo -10 >/proc/self/autogroup; } 2>/dev/null
	renice -n -10 -p $$ >/dev/null 2>&1
}

# tap_begin ARGUMENT…: returns inside the namespaces; outside, the script ends here.
tap_begin()
{
	local obstacle
	if ! topology_is_inside; then
		obstacle=$(topology_obstacle)
		[ -z "$obstacle" ] || { echo "1..0 # SKIP no namespaces: $obstacle" && exit; }
		tap_come_first
		topology_run_inside bash "$TAP_SCRIPT" "$@"
		exit
	fi
	topology_settle && topology_up && gateway_bus || tap_bail "the topology could not be built"
	# A failing sanitizer must be seen in the exit status and in the log.
	export ASAN_OPTIONS=${ASAN_OPTIONS:-}:exitcode=99 UBSAN_OPTIONS=${UBSAN_OPTIONS:-}:print_stacktrace=1
}

# tap_needs PROGRAM…: of packages that are unpacked instead of installed (tools/packages.sh). What is
# unpacked with them has to be in the LD_LIBRARY_PATH of those that need more than the C library.
tap_needs()
{
	local program unpacked=$PWD/build/unpacked/usr
	PATH=$PATH:$unpacked/bin:$unpacked/sbin
	TAP_LIBRARIES=$(echo "${unpacked%/usr}"/{usr/,}lib/*-linux-* | tr " " :)
	for program; do
		command -v "$program" >/dev/null ||
			{ echo "1..0 # SKIP there is no $program here; tools/check unpacks it" && exit; }
	done
}

# Peers whose packets are written by hand (crafted.py) stand behind router6 and router4, on an interface
# without neighbour discovery: what it sends to is at the other end, where no kernel listens.
crafted_up()
{
	local router
	for router in router6 router4; do
		ip -n $TOPOLOGY_NAME-$router -batch - <<-END || return
			link add crafted address $TAP_CRAFTED_MAC type veth peer name crafted-end
			link set crafted arp off
			link set crafted up
			link set crafted-end up
		END
	done
	ip -n $TOPOLOGY_NAME-router6 route add 2001:db8:3::/48 dev crafted &&
		ip -n $TOPOLOGY_NAME-gateway route add 2001:db8:3::/48 via 2001:db8:6::1 &&
		ip -n $TOPOLOGY_NAME-router4 route add 198.51.100.128/25 dev crafted
}

# tap_own DIRECTORY…: what is written there stays inside.
tap_own()
{
	local directory own
	for directory; do
		own=$RUN/own$directory
		mkdir -p "$own/upper" "$own/work" && mount -t overlay overlay \
			-o "lowerdir=$directory,upperdir=$own/upper,workdir=$own/work" "$directory" || return
	done
	mountpoint -q /etc/hosts || mount --bind "$RUN/hosts" /etc/hosts
}

# The daemon, or the end of it all with its last words.
tap_gateway()
{
	gateway_start || { sed 's/^/# /' "$RUN/nat64d.log" && tap_bail "nat64d did not start"; }
}

tap_bail()
{
	echo "Bail out! $1"
	exit 1
}

# check "NAME" FUNCTION [ARGUMENT…]: a case. Whatever the function prints is shown if it fails.
check()
{
	local name=$1
	shift
	TAP_NUMBER=$((TAP_NUMBER + 1))
	# Not in a subshell, which could not wait for what the case ends.
	if "$@" >"$TAP_OUTPUT" 2>&1; then
		echo "ok $TAP_NUMBER $name"
		return
	fi
	TAP_FAILED=$((TAP_FAILED + 1))
	echo "not ok $TAP_NUMBER $name"
	sed 's/^/# /' "$TAP_OUTPUT"
	return 1
}

# check_each FILE: the cases of another program, as its lines "ok NAME", "not ok NAME" and "# WORDS".
# One that says nothing, or ends with anything else, has failed.
check_each()
{
	local line any=no
	while IFS= read -r line; do
		case $line in
		"ok "*) TAP_NUMBER=$((TAP_NUMBER + 1)) any=yes && echo "ok $TAP_NUMBER ${line#ok }" ;;
		"not ok "*)
			TAP_NUMBER=$((TAP_NUMBER + 1)) TAP_FAILED=$((TAP_FAILED + 1)) any=yes
			echo "not ok $TAP_NUMBER ${line#not ok }"
			;;
		"# "*) echo "$line" ;;
		*) echo "# $line" && any=no ;;
		esac
	done <"$1"
	[ $any = yes ] || check "the cases ran" false
}

# same WHAT EXPECTED FOUND
same()
{
	[ "$2" = "$3" ] && return
	echo "$1: expected \"$2\", found \"$3\""
	return 1
}

tap_end()
{
	if [ $TAP_FAILED -gt 0 ] && topology_is_inside; then
		tail -n 50 "$RUN/nat64d.log" | sed 's/^/# nat64d: /'
		ctl stats | sed 's/^/# /'
	fi
	echo "1..$TAP_NUMBER"
	exit $((TAP_FAILED > 0))
}

# The daemon ends with status 0 when it is asked to; sanitizers report leaks then.
daemon_ends_well()
{
	gateway_stop
	same "exit status" 0 $? && ! grep -E 'ERROR: |runtime error: ' "$RUN/nat64d.log"
}

# teardown_is_refused NAT64CTL…: beside a daemon that runs, with which the rules stay.
teardown_is_refused()
{
	"$@" teardown 2>"$RUN/refused"
	same "exit status" 1 $? && node gateway nft list table inet nat64d >/dev/null &&
		grep "nat64d runs, and would put .* again at once: 'systemctl stop nat64d' first" "$RUN/refused"
}

# 198.51.100.7 → 2001:db8:64::c633:6407
in_pool6()
{
	local a b c d
	IFS=. read -r a b c d <<<"$1"
	printf '%s%x:%x\n' $TOPOLOGY_POOL6 $((a << 8 | b)) $((c << 8 | d))
}
