#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What is shown in the machine, as TAP without numbers on the second serial line, and what tests/vm/outside
# is to do. Which cases stands in the file that is named like the machine, which is what /cases/machine says;
# it runs once after each boot.

exec 2>&1
cd /cases || exit
memory=/var/lib/vm-cases # what one boot leaves to the next
mkdir -p $memory
boot=$(($(cat $memory/boot 2>/dev/null || echo 0) + 1))
server6=64:ff9b::c633:6402
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
trap 'echo "Bail out! the script of boot $boot ended"; systemctl poweroff --force --force' EXIT

# check "NAME" FUNCTION [ARGUMENT…]: a case. Whatever it prints is shown if it fails.
check()
{
	local name=$1 begin idle end still
	shift
	read -r begin idle </proc/uptime
	if "$@" >/run/case 2>&1; then
		read -r end still </proc/uptime
		echo "ok $name"
		awk "BEGIN { printf \"# %.1f s, %.1f of them idle\n\", $end - $begin, $still - $idle }"
		return
	fi
	echo "not ok $name"
	tail -n 40 /run/case | sed 's/^/# /'
	journalctl -u 'nat64d*' -n 15 -o short-monotonic --no-pager | sed 's/^/# /'
}

# same WHAT EXPECTED FOUND
same()
{
	[ "$2" = "$3" ] && return
	echo "$1: expected \"$2\", found \"$3\""
	return 1
}

# until_true COMMAND…: at most a minute, or as many seconds as $limit says.
until_true()
{
	local end=$((SECONDS + ${limit:-60}))
	until "$@"; do
		[ $SECONDS -lt $end ] || { echo "not in time: $*" && return 1; }
		sleep 0.2
	done
}

client()
{
	ip netns exec client "$@"
}

main_pid()
{
	systemctl show -P MainPID nat64d.service
}

for part in install traffic history access firewall reboot; do
	. ./$part.sh
done

# The words above have gone out, and what is to be remembered is on the disk, but nothing else.
end_of_boot()
{
	echo "# boot $boot: $(sed 's/ / s, /; s/$/ of them idle/' /proc/uptime)"
	echo $boot >$memory/boot
	sync $memory/* $memory
	stty -F /dev/ttyS1 -echo
	trap - EXIT
}

echo "# boot $boot: $(sed 's/ / s, /; s/$/ of them idle/' /proc/uptime)"
. "./$(cat machine).sh"
