#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What is shown in the machine, as TAP without numbers on the second serial line, and what tests/vm/outside
# is to do. The script runs once after each boot: installing and all that goes with it; an orderly reboot; a
# power cut.

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
	local name=$1
	shift
	if "$@" >/run/case 2>&1; then
		echo "ok $name"
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

for part in install traffic access firewall reboot; do
	. ./$part.sh
done

# The words above have gone out, and what is to be remembered is on the disk, but nothing else.
end_of_boot()
{
	echo "# boot $boot: $(cut -d' ' -f1 /proc/uptime) s"
	echo $boot >$memory/boot
	sync $memory/* $memory
	stty -F /dev/ttyS1 -echo
	trap - EXIT
}

case $boot in
1)
	: >>/etc/hosts
	inventory >$memory/inventory
	check "apt installs it, and it runs" installs
	check "it runs as its own user, with CAP_NET_ADMIN and CAP_NET_RAW" runs_as_itself
	check "it has nothing to complain of" is_silent
	check "the packet rules are nft's queue" queues_by_nft
	check "prefix, pool4 and forwarding are the default's" has_the_defaults
	check "a default route by router advertisements stays" keeps_its_default_route
	check "control socket and state are its own" is_for_its_group
	check "nat64ctl doctor is content" doctor_is_content
	check "the package's own test passes" sh service-test
	check "systemctl reload takes a drop-in into use" reloads
	echo "outside begins"
	check "servers listen" serve
	check "ping" pings
	check "TCP, with a checksum" client python3 peer.py checksum
	check "UDP" udp_is_seen
	check "no ping is lost by systemctl restart, and a download goes on" loses_nothing restart
	echo "# $comment"
	check "kill -9 under a download and pings" loses_what_is_late kill_it
	check "kill -9 is at most a second of silence" silence_is_below 1
	echo "# $comment"
	check "the watchdog ends a packet thread that hangs, and traffic goes on" under_traffic hang_it
	echo "# $comment"
	check "no ping is lost by an upgrade, and a download goes on" loses_nothing install_version "$(cat other/version)"
	echo "# $comment"
	check "no ping is lost by a downgrade, and a download goes on" loses_nothing install_version "$(cat version)"
	echo "# $comment"
	check "busctl: everyone may look" everyone_may_look
	check "busctl: nobody else may see bindings or change anything" nobody_else_may
	check "polkit's rules may permit one of them" polkit_may_say_yes
	check "the group nat64d-admin may" its_group_may
	check "systemctl service-log-level" log_level
	check "systemctl stop" is_stopped
	check "who only looks does not start it" is_not_started_by_looking
	check "a call on the bus starts it" is_started_by_a_call
	check "a second instance" instance
	check "a client of a prefix of the Internet's is served" client_of_the_second
	check "a stranger from the other side is not" stranger_is_refused
	check "raw: a firewall that lets the host out lets translated packets out" eval 'way raw && own_firewall accept && passes'
	check "raw: doctor says that nothing is dropped" doctor_is_content_with_it
	check "raw: a firewall that drops what it does not know" eval 'no_firewall && own_firewall drop && is_dropped'
	check "raw: with the rules that doctor prints all passes" doctor_mends
	check "packet: a firewall that drops what it does not know" eval 'no_firewall && way packet && own_firewall drop && is_dropped'
	check "packet: with the rules that doctor prints all passes" doctor_mends
	check "packet: ufw" eval 'no_firewall && ufw_begins && is_dropped'
	check "packet: with the rules that doctor prints all passes ufw" doctor_mends
	check "raw: ufw lets translated packets out" eval 'ufw_ends && way raw && ufw_begins && passes && doctor_is_content_with_it'
	check "and all is as before" eval 'ufw_ends && way_of_before'
	check "a key set by command" nat64ctl config set Timeouts.ICMP 2min
	check "there are bindings and sessions" remember
	end_of_boot
	systemctl reboot
	;;
2 | 3)
	what=$([ $boot = 2 ] && echo "an orderly reboot" || echo "a power cut")
	check "after $what: it runs" until_true systemctl is-active nat64d.service
	check "after $what: the rules were there before the network" rules_come_first
	check "after $what: the bindings are back" bindings_are_back
	check "after $what: the sessions are back" sessions_are_back
	check "after $what: what was changed by command is back" changes_are_back
	check "after $what: the default route by router advertisements stays" keeps_its_default_route
	check "after $what: servers listen" serve
	check "after $what: a client has the port that it had" still_the_same
	check "after $what: TCP, with a checksum" client python3 peer.py checksum
	check "after $what: who is outside goes on" outside_goes_on
	echo "outside goes on: after $what the download of before goes on"
	if [ $boot = 2 ]; then
		check "there are new bindings" remember
		check "they are old enough to be safe" until_true oldest_is_safe
		end_of_boot
		echo b >/proc/sysrq-trigger
		sleep 60
		exit
	fi
	echo "outside ends: and each of its lines has come, over all of this"
	sleep 2
	check "removed: rules and forwarding are as before" removes
	check "purged: nothing is left" purges
	end_of_boot
	systemctl poweroff
	;;
esac
