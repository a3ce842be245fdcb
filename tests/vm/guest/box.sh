# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The machine "box": 128 MB of memory and the default configuration, over an orderly reboot and a power cut.

what="an orderly reboot" old=0
case $boot in
1)
	check "128 MB: dpkg installs it, and it runs" unpacks
	check "128 MB: a drop-in for the lab's addresses" reloads
	check "128 MB: servers listen" serve
	echo "outside begins"
	check "128 MB: ping" pings
	check "128 MB: TCP, 8 MB in each direction, with checksums" client python3 peer.py both 8
	check "128 MB: UDP" udp_is_seen
	check "a key set by command" nat64ctl config set Timeouts.ICMP 2min
	check "a client blocked by command" nat64ctl client block 2001:db8:9::/64
	check "there are bindings and sessions" remember
	check "128 MB: nobody was without memory" has_memory
	echo "# $comment"
	end_is_near
	end_of_boot
	systemctl reboot
	exit
	;;
3) what="a power cut" old=6 ;; # SyncInterval, and a second
esac
check "after $what: it runs" until_true systemctl is-active nat64d.service
check "after $what: the rules were there before the network" rules_come_first
check "after $what: the bindings are back" are_back bindings "$old" 22
echo "# $comment"
check "after $what: the sessions are back" are_back sessions "$old" 1
check "after $what: what was changed by command is back" changes_are_back
check "after $what: the default route by router advertisement stays" keeps_its_default_route
check "after $what: servers listen" serve
check "after $what: a client has the port that it had" still_the_same
check "after $what: TCP, with a checksum" client python3 peer.py checksum
check "after $what: who is outside goes on" outside_goes_on
echo "outside goes on: after $what the download of before goes on"
if [ $boot = 2 ]; then
	check "there are new bindings" remember
	check "they are old enough to be safe" until_true is_old_enough
	check "others come, which are not" others_come
	end_is_near
	end_of_boot
	echo b >/proc/sysrq-trigger
	sleep 60
	exit
fi
echo "outside ends: and each of its lines has come, over all of this"
check "128 MB: nobody was without memory" has_memory
echo "# $comment"
end_of_boot
systemctl poweroff --force --force
