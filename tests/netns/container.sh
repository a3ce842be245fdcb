#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# nat64d as in a container: a user of no rank with CAP_NET_ADMIN and CAP_NET_RAW and nothing else, who can
# not gain more; without systemd and without a bus. The rules, what they need of the host, and teardown are
# within his power, too.
#
# usage: container.sh, with NAT64D and NAT64CTL in the environment

. "$(dirname "$0")/tap.sh"
tap_begin "$@"
[ "$EUID" = 0 ] && [ "$(awk '{ print $3 }' /proc/self/uid_map)" -gt 65534 ] ||
	{ echo "1..0 # SKIP another user than root is needed, which one's own namespace does not have" && exit; }
readonly NOBODY=65534 SOCKET=$RUN/container/control

CONTAINED=(env -u DBUS_SYSTEM_BUS_ADDRESS setpriv --reuid $NOBODY --regid $NOBODY --clear-groups --no-new-privs
	--inh-caps -all,+net_admin,+net_raw --bounding-set -all,+net_admin,+net_raw
	--ambient-caps -all,+net_admin,+net_raw --)

start()
{
	rm -f "$RUN/nat64d.log" # of the one before
	node_start gateway nat64d "${CONTAINED[@]}" "$NAT64D" --config "$RUN/nat64d.conf" \
		--state-dir "$RUN/container" --no-bus --socket "$SOCKET"
	until_true 20 grep -q 'ready: ' "$RUN/nat64d.log"
}

# contained_ctl ARGUMENT…
contained_ctl()
{
	node gateway "${CONTAINED[@]}" "$NAT64CTL" "$@"
}

has_only_two()
{
	awk '/^(Uid|CapEff|CapPrm|CapBnd):/ { print $2 }' "/proc/${TOPOLOGY_PIDS[nat64d]}/status" | paste -sd' ' |
		same "user and capabilities" "$NOBODY 0000000000003000 0000000000003000 0000000000003000" "$(cat)"
}

is_managed_by_its_socket()
{
	contained_ctl --socket "$SOCKET" pool4 add 203.0.113.32 --name more &&
		contained_ctl --socket "$SOCKET" pool4 show more &&
		ctl --socket "$SOCKET" bib list --no-legend | grep icmp
}

# What is to be done to the host can not be: as where a container's /proc/sys is read-only.
forwarding_is_out_of_reach()
{
	node gateway sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0 &&
		mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys
}

forwarding_is_within_reach()
{
	umount /proc/sys
}

set_forwarding()
{
	contained_ctl --socket "$SOCKET" config set Setup.Forwarding "$1"
}

forwarding_setting()
{
	contained_ctl --socket "$SOCKET" config get Setup.Forwarding
}

refused_as_rules_can_not_follow()
{
	"$@" 2>"$RUN/refused"
	same status 1 $? && grep 'the packet rules can not follow: ' "$RUN/refused"
}

goes_on_as_before()
{
	same setting no "$(forwarding_setting)" && contained_ctl --socket "$SOCKET" stats --all | grep -E '^rules_in_place +1( |$)' &&
		contained_ctl --socket "$SOCKET" pool4 add 203.0.113.33 --name later &&
		contained_ctl --socket "$SOCKET" pool4 remove later
}

starts_by_the_files()
{
	daemon_ends_well && contained_ctl teardown && forwarding_is_out_of_reach && start &&
		grep "Setup.Forwarding: 'auto', set at run time, is not used now and is left in the database" \
			"$RUN/nat64d.log" && same setting no "$(forwarding_setting)"
}

uses_it_again()
{
	daemon_ends_well && forwarding_is_within_reach && start && same setting auto "$(forwarding_setting)"
}

tears_down()
{
	contained_ctl teardown && ! node gateway nft list table inet nat64d
}

mkdir "$RUN/container" && chown $NOBODY "$RUN/container"
chmod 755 "$RUN"
topology_servers || tap_bail "the servers do not listen"
gateway_configure routed
node gateway sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
check "it starts" start
check "it has two capabilities, and can not have more" has_only_two
check "forwarding is on" same forwarding "1 1 " \
	"$(node gateway cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding | tr '\n' ' ')"
check "ping" node client ping -n -c 3 -i 0.05 $TOPOLOGY_SERVER6
check "it is managed by its control socket" is_managed_by_its_socket
check "it ends with status 0" daemon_ends_well
check "it tears down what it has put in place" tears_down

printf '\n[Setup]\nForwarding=no\n' >>"$RUN/nat64d.conf"
check "forwarding can not be turned on" forwarding_is_out_of_reach
check "it starts, as it is not to" start
check "to turn it on at run time is refused" refused_as_rules_can_not_follow set_forwarding auto
check "all is as before" goes_on_as_before
check "it ends with status 0" daemon_ends_well
check "it starts again" start
check "it can be turned on" forwarding_is_within_reach
check "to turn it on at run time" set_forwarding auto
check "a start that can not do it goes by the files" starts_by_the_files
check "the next one that can does it" uses_it_again
check "it ends with status 0" daemon_ends_well
tap_end
