#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tools/lab itself: its steps work, it fits on a screen, and it leaves nothing behind, however it ends.
# Every process it starts carries a mark in its environment, by which this test can find what is left
# (what has no process left has no namespace left either, as nothing pins one).
#
# usage: test_lab.sh, with NAT64D and NAT64CTL in the environment

. "$(dirname "$0")/netns/tap.sh"
obstacle=$(topology_obstacle)
[ -z "$obstacle" ] || { echo "1..0 # SKIP no namespaces: $obstacle" && exit; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export NAT64D_LAB_MARK=$work NAT64D_LAB_RECORD=$work/record
TAP_OUTPUT=$work/case

# Pids of marked processes that are not ours.
marked()
{
	local pid session own
	own=$(ps -o sid= -p $$)
	for pid in $(grep -lsz "^NAT64D_LAB_MARK=$work$" /proc/[0-9]*/environ | cut -d/ -f3); do
		# This script and its subshells have it, too.
		session=$(ps -o sid= -p "$pid")
		[ "${session:-$own}" = "$own" ] || echo "$pid"
	done
}

nothing_is_left()
{
	local pid
	until_true 2 no_marked || {
		for pid in $(marked); do tr '\0' ' ' <"/proc/$pid/cmdline" && echo; done
		return 1
	}
	! ls -d "$NAT64D_LAB_RECORD" /run/nat64d-lab /run/netns/nat64d-lab* 2>/dev/null
}

no_marked()
{
	[ -z "$(marked)" ]
}

demonstration()
{
	local seconds=$SECONDS
	setsid --wait tools/lab --no-install >"$work/out" 2>&1
	same "exit status" 0 $? || { cat "$work/out" && return 1; }
	[ "$(wc -l <"$work/out")" -le 40 ] || { echo "more than 40 lines" && return 1; }
	[ "$(wc -L <"$work/out")" -le 80 ] || { echo "wider than 80 columns" && return 1; }
	[ $((SECONDS - seconds)) -le 60 ] || { echo "slower than 60 s" && return 1; }
	nothing_is_left
}

# What stands in a document between the command and the end of its block; the numbers vary.
shown_in()
{
	sed -n "/^\$ ${2//\//\\\/}\$/,/^\`\`\`/p" "$1" | sed '1d;$d' | without_numbers
}

without_numbers()
{
	sed -E 's/[0-9a-f]{12}…/SUM/; s/[0-9]+(\.[0-9]+)?/N/g; s/ +/ /g'
}

in_readme()
{
	diff <(shown_in README.md tools/lab) <(without_numbers <"$work/out")
}

json()
{
	setsid --wait tools/lab --json --no-install >"$work/out" 2>&1 &&
		python3 -m json.tool "$work/out" >/dev/null && grep -q '"ok": true$' "$work/out" &&
		nothing_is_left && return
	cat "$work/out"
	return 1
}

# is_lab PID: not any more what has still to become it, with INT ignored, as bash starts its jobs.
is_lab()
{
	tr '\0' ' ' <"/proc/$1/cmdline" | grep -q '^[^ ]*bash tools/lab '
}

# interrupted SIGNAL LINES: the signal as soon as that many lines have been printed.
interrupted()
{
	local pid line n=0 status
	exec {lines}< <(exec env --default-signal=HUP,INT,TERM setsid tools/lab --no-install 2>&1)
	pid=$!
	while [ $n -lt "$2" ] && read -r line <&"$lines"; do n=$((n + 1)); done
	[ "$2" -gt 0 ] || { until_true 10 is_lab $pid && sleep 0.1; }
	kill -"$1" $pid
	wait $pid
	status=$?
	exec {lines}<&-
	same "exit status" $((128 + $(kill -l "$1"))) $status && nothing_is_left
}

kept()
{
	setsid --wait tools/lab --keep --no-install >"$work/out" 2>&1 || { cat "$work/out" && return 1; }
	tools/lab --no-install --keep && return 1
	tools/lab shell client ping -n -c 1 $TOPOLOGY_SERVER6 &&
		tools/lab shell gateway nat64ctl bib list && ! tools/lab shell server false
	same "commands inside" 0 $?
	set -- $?
	tools/lab down && nothing_is_left && return "$1"
}

kept_and_killed()
{
	local pid
	setsid tools/lab --keep --no-install >"$work/out" 2>&1 &
	pid=$!
	until_true 20 grep -q '^ 3' "$work/out"
	kill -KILL $pid
	wait $pid 2>/dev/null
	tools/lab down && nothing_is_left
}

check "the demonstration works, on one screen, in a minute, and leaves nothing" demonstration
check "README.md shows the same" in_readme
check "--json" json
check "--keep, shell, down" kept
signals=(INT TERM HUP KILL)
for lines in 0 1 3 5 7 9 12 14 16 18 20 23; do
	signal=${signals[$((TAP_NUMBER % 4))]}
	check "$signal after $lines lines leaves nothing" interrupted $signal $lines
done
check "--keep, KILL, down" kept_and_killed
check "unknown option" eval '! tools/lab --nonsense'
tap_end
