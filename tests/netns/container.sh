#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# nat64d as in a container, by the commands of doc/container.md: a user of no rank with CAP_NET_ADMIN and
# CAP_NET_RAW and nothing else, who can not gain more; without systemd and without a bus. The rules, what
# they need of the host, and teardown are within his power, too.
#
# usage: container.sh, with NAT64D and NAT64CTL in the environment

. "$(dirname "$0")/tap.sh"
tap_begin "$@"
[ "$EUID" = 0 ] && [ "$(awk '{ print $3 }' /proc/self/uid_map)" -gt 65534 ] ||
	{ echo "1..0 # SKIP another user than root is needed, which one's own namespace does not have" && exit; }
readonly NOBODY=65534 PAGE=doc/container.md

# By the words of the page: podman's, as far as they can be done here, and what is to run.
RUNS=() HAS=() CAPABILITIES=-all
by_the_page()
{
	local words
	read -ra words < <(sed -n '/^podman run /,/[^\\]$/p' $PAGE | tr -d '\\\n')
	set -- "${words[@]:2}"
	while [ $# -gt 0 ]; do
		case $1 in
		--env) HAS+=("$2") && shift 2 ;;
		--tmpfs) mkdir -p "$2" && mount -t tmpfs -o mode=1777 tmpfs "$2" && shift 2 || return ;;
		--volume) mkdir -p "${2#*:}" && chown $NOBODY "${2#*:}" && shift 2 || return ;;
		--cap-drop=all) shift ;;
		--cap-add=*[!A-Z_]*) echo "docker does not know $1" && return 1 ;;
		--cap-add=*) CAPABILITIES+=,+$(tr A-Z a-z <<<"${1#*=}") && shift ;;
		--name | --sysctl) shift 2 ;;
		IMAGE) RUNS=("${@:2}") && break ;;
		*) echo "what is $1?" && return 1 ;;
		esac
	done
	same command nat64d "${RUNS[0]}"
}

# contained COMMAND…: in that node, and as somebody who has nothing but this.
contained()
{
	node gateway "${CONTAINED[@]}" "$@"
}

start()
{
	rm -f "$RUN/nat64d.log" # of the one before
	node_start gateway nat64d "${CONTAINED[@]}" "${HAS[@]}" "${RUNS[@]}"
	until_true 20 grep -q 'ready: ' "$RUN/nat64d.log"
}

# contained_ctl ARGUMENT…
contained_ctl()
{
	contained nat64ctl "$@"
}

# Which of the page's commands are for one that runs.
says_its_status()
{
	local words
	read -ra words < <(sed -n 's/^podman exec NAME //p' $PAGE)
	same command "nat64ctl status" "${words[*]}" && contained "${words[@]}" | grep '^nat64d .*: active for '
}

is_probed()
{
	local words
	read -ra words < <(sed -n 's/.*probe for readiness is `\(.*\)`.*/\1/p' $PAGE)
	same command "nat64ctl health" "${words[*]:0:2}" && contained "${words[@]}"
}

probe_fails()
{
	is_probed
	same "status of the probe" 4 $?
}

has_only_two()
{
	awk '/^(Uid|CapEff|CapPrm|CapBnd):/ { print $2 }' "/proc/${TOPOLOGY_PIDS[nat64d]}/status" | paste -sd' ' |
		same "user and capabilities" "$NOBODY 0000000000003000 0000000000003000 0000000000003000" "$(cat)"
}

is_managed_by_its_socket()
{
	contained_ctl pool4 add 203.0.113.32 --name more &&
		contained_ctl pool4 show more &&
		ctl bib list --no-legend | grep icmp
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
	contained_ctl config set Setup.Forwarding "$1"
}

forwarding_setting()
{
	contained_ctl config get Setup.Forwarding
}

refused_as_rules_can_not_follow()
{
	"$@" 2>"$RUN/refused"
	same status 1 $? && grep 'the packet rules can not follow: ' "$RUN/refused"
}

goes_on_as_before()
{
	same setting no "$(forwarding_setting)" && contained_ctl stats --all | grep -E '^rules_in_place +1( |$)' &&
		contained_ctl pool4 add 203.0.113.33 --name later &&
		contained_ctl pool4 remove later
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

tap_own /etc /var/lib || tap_bail "no /etc to write to"
rm -rf /etc/nat64d /var/lib/nat64d && mkdir -p /etc/nat64d "$RUN/bin"
chmod 755 "$RUN"
ln -s "$(realpath "$NAT64D")" "$(realpath "$NAT64CTL")" "$RUN/bin"
export PATH=$RUN/bin:$PATH
topology_servers || tap_bail "the servers do not listen"
gateway_configure routed && cp "$RUN/nat64d.conf" /etc/nat64d/nat64d.conf
check "the page's command can be followed" by_the_page || tap_bail "$PAGE says something else"
CONTAINED=(setpriv --reuid $NOBODY --regid $NOBODY --clear-groups --no-new-privs --inh-caps "$CAPABILITIES"
	--bounding-set "$CAPABILITIES" --ambient-caps "$CAPABILITIES" -- env -u DBUS_SYSTEM_BUS_ADDRESS)
node gateway sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
check "it starts" start
check "the page's command says its status" says_its_status
check "the page's probe is content" is_probed
check "it has two capabilities, and can not have more" has_only_two
check "forwarding is on" same forwarding "1 1 " \
	"$(node gateway cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding | tr '\n' ' ')"
check "ping" node client ping -n -c 3 -i 0.05 $TOPOLOGY_SERVER6
check "it is managed by its control socket" is_managed_by_its_socket
check "no teardown beside it" teardown_is_refused contained_ctl
check "it ends with status 0" daemon_ends_well
check "the page's probe is not content" probe_fails
check "it tears down what it has put in place" tears_down

printf '\n[Setup]\nForwarding=no\n' >>/etc/nat64d/nat64d.conf
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
