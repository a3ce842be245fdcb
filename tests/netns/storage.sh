#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Storage that fails under a running nat64d: a full disk, a file system that turns read-only by an error or is
# frozen, a directory that goes or can not be written, a file that somebody has locked, syncs that take seconds, and a
# wall clock that steps by a day. Each time translation goes on, `nat64ctl status` says what is wrong until it
# is mended, and what has begun meanwhile is in the file then. All the while not one ping is lost.
#
# The disk is an ext4 of its own on a loop device, or a tmpfs where there are none: that turns read-only
# at no error.

. "$(dirname "$0")/tap.sh"
tap_begin "$@"
. tests/netns/lasting.sh
. tests/netns/ping.sh
ODD_HOST_LIBRARY=${ODD_HOST_LIBRARY:-build/tests/netns/libodd_host.so}
DISK=$RUN/disk PORT=5000

disk_mount()
{
	mkdir -p "$DISK"
	[ -e "$RUN/disk.img" ] || { truncate -s 4M "$RUN/disk.img" &&
		mkfs.ext4 -q -O ^has_journal -e remount-ro "$RUN/disk.img"; } >/dev/null 2>&1
	mount -o loop "$RUN/disk.img" "$DISK" 2>/dev/null
}

# What ext4 does when it finds itself damaged.
disk_breaks()
{
	local loop
	loop=$(findmnt -no SOURCE "$DISK")
	echo "a test" >"/sys/fs/ext4/${loop##*/}/trigger_fs_error"
}

# What an operator has to do then (nat64d(8), STATE): the old daemon has files of it open, and with those
# it would be mounted again as it is.
disk_is_mended()
{
	umount -l "$DISK" && gateway_replace && { e2fsck -fy "$RUN/disk.img" || [ $? = 1 ]; } && disk_mount
}

# As for a snapshot: whoever writes, also to what is mapped, waits. What is written before makes each page of
# a mapped file one that is asked for again.
disk_freezes()
{
	sync && fsfreeze -f "$DISK"
}

# Longer than the watchdog waits for the packet thread.
goes_on_while_frozen()
{
	local end=$((SECONDS + 12))
	while [ $SECONDS -lt $end ]; do
		many_flows && new_flow && ping_goes_on 5 || return
	done
	node_is_running nat64d && ctl status >/dev/null
}

disk_thaws()
{
	fsfreeze -u "$DISK"
}

can_break()
{
	local loop
	loop=$(findmnt -no SOURCE "$DISK")
	[ -w "/sys/fs/ext4/${loop##*/}/trigger_fs_error" ]
}

fill_disk()
{
	head -c 100M /dev/zero >"$DISK/filler" 2>/dev/null
	[ -s "$DISK/filler" ] && many_flows
}

many_flows()
{
	node client python3 -c '
import socket, sys
for port in range(20000, 20400):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.bind(("::", port))
    s.sendto(b"hello\n", (sys.argv[1], 7777))
' $TOPOLOGY_SERVER6
}

# In the way of whoever wants to write.
lock_file()
{
	rm -f "$RUN/locked"
	sqlite3 "$RUN/state/state.db" ".timeout 5000" "BEGIN EXCLUSIVE" \
		".shell touch $RUN/locked; while [ -e $RUN/locked ]; do sleep 0.1; done" "ROLLBACK" &
	LOCKER=$!
	until_true 10 test -e "$RUN/locked"
}

unlock_file()
{
	rm "$RUN/locked"
	wait $LOCKER
}

directory_goes()
{
	rm -r "$DISK/state"
}

directory_is_back()
{
	mkdir "$DISK/state"
}

# A new one, which can not be written.
directory_is_closed()
{
	rm -r "$DISK/state" && mkdir "$DISK/state" && mount --bind -o ro "$DISK/state" "$DISK/state"
}

directory_is_open()
{
	umount "$DISK/state"
}

# odd_host SYNC_S CLOCK_S
odd_host()
{
	echo "$1 $2" >"$RUN/odd.new" && mv "$RUN/odd.new" "$RUN/odd"
}

# ---- what has to hold ---------------------------------------------------------------------------

alarm_says()
{
	ctl --json status | jq -e --arg words "$1" '.warnings | any(contains("state database") and test($words))'
}

no_alarm()
{
	ctl --json status | jq -e '.warnings | any(contains("state database")) | not'
}

# alarm_comes WORDS: while new flows begin, as there is nothing to write otherwise.
alarm_comes()
{
	until_true "$1" eval 'new_flow && alarm_says "'"$2"'"' || { ctl --json status | jq .warnings && return 1; }
}

new_flow()
{
	PORT=$((PORT + 1))
	ask client udp $TOPOLOGY_SERVER6 7 $PORT | grep -q '^203\.0\.113\.'
}

translation_goes_on()
{
	lasting_answers idle $IDLE && new_flow && ping_goes_on 5
}

# in_file PORT: of the client.
in_file()
{
	[ "$(sqlite3 -readonly "$RUN/state/state.db" "SELECT count(*) FROM binding WHERE port6 = $1")" = 1 ]
}

# All that lives is there again, also what had been before.
all_in_file()
{
	until_true 15 in_file $PORT || { echo "the flow of port $PORT is not in the file" && return 1; }
	same "the first flow" 0 "$(in_file 5001; echo $?)" &&
		same "bindings in the file, of $IDLE connections" $IDLE "$(sqlite3 -readonly "$RUN/state/state.db" \
			"SELECT count(*) FROM session WHERE place & 3 = 0 AND port4 = 2007")"
}

# trouble NAME WORDS BEGIN END
trouble()
{
	check "$1: it begins" $3
	check "$1: the alarm" alarm_comes 20 "$2"
	check "$1: translation goes on" translation_goes_on
	check "$1: it ends" $4
	check "$1: the alarm ends" until_true 25 no_alarm
	check "$1: all is in the file" all_in_file
}

IDLE=10
lasting_servers 1000
disk_mount || mount -t tmpfs -o size=3M tmpfs "$DISK" || tap_bail "no disk"
rmdir "$RUN/state" && mkdir "$DISK/state" && ln -s "$DISK/state" "$RUN/state"
gateway_configure routed "
[State]
SyncInterval=1s"
odd_host 0 0
NAT64D_WRAPPER=(env "LD_PRELOAD=$(realpath "$ODD_HOST_LIBRARY")" "ODD_HOST=$RUN/odd"
	"ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0" "RUNTIME_DIRECTORY=$RUN")
tap_gateway
lasting_begin idle client idle $TOPOLOGY_SERVER6 $IDLE
check "$IDLE TCP connections" lasting_has_begun idle $IDLE
check "a flow" new_flow
check "both are in the file" all_in_file
ping_begin

trouble "full" "disk is full" fill_disk "rm $DISK/filler"
trouble "locked" "database is locked" lock_file unlock_file
trouble "removed" "has been removed|can not be opened" directory_goes directory_is_back
trouble "not writable" "Read-only file system|readonly database|can not be opened" directory_is_closed directory_is_open
if disk_freezes 2>/dev/null; then
	check "frozen: translation goes on" goes_on_while_frozen
	check "frozen: it ends" disk_thaws
	check "frozen: all is in the file" all_in_file
else
	echo "# a file system that can not be frozen"
fi
if can_break; then
	trouble "read-only by an error" "Read-only file system|readonly database" disk_breaks disk_is_mended
else
	echo "# no ext4 on a loop device here: none that turns read-only by an error"
fi
trouble "slow" "has been busy with it for" "odd_host 8 0" "odd_host 0 0"
check "slow: the log says how slow" until_true 10 grep -E 'the disk writes the state database in 0 s again' \
	"$RUN/nat64d.log"
for step in 86400 -86400; do
	check "clock $step s: it steps" odd_host 0 $step
	check "clock $step s: translation goes on" translation_goes_on
	check "clock $step s: all is in the file" all_in_file
	check "clock $step s: no alarm" no_alarm
	check "clock $step s: it steps back" odd_host 0 0
	check "clock $step s: all is in the file" eval 'new_flow && all_in_file'
done
check "not one ping is lost" nothing_is_lost
mapped=$(ask client udp $TOPOLOGY_SERVER6 7 $PORT)
odd_host 0 86400
check "nat64d ends a day later" daemon_ends_well
odd_host 0 -86400
tap_gateway
check "and begins two days earlier: its flows are there" eval 'lasting_answers idle $IDLE &&
	same "seen as" "$mapped" "$(ask client udp $TOPOLOGY_SERVER6 7 $PORT)"'
check "without an alarm" no_alarm
check "nat64d ends with status 0" daemon_ends_well
tap_end
