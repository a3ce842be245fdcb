#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What is shown in the machine, as TAP on the second serial line. The script runs once after each boot,
# and goes on where the last one ended: installing and all that goes with it; an orderly reboot; a power
# cut.
#
# Time is emulated here, so nothing is said about how long something takes, but in comments.

exec 2>&1
cd /cases || exit
memory=/var/lib/vm-cases # what one boot leaves to the next
mkdir -p $memory
number=$(cat $memory/number 2>/dev/null || echo 0)
boot=$(($(cat $memory/boot 2>/dev/null || echo 0) + 1))
server6=64:ff9b::c633:6402
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
trap 'echo "Bail out! the script of boot $boot ended"; systemctl poweroff --force --force' EXIT

# check "NAME" FUNCTION [ARGUMENT…]: a case. Whatever it prints is shown if it fails.
check()
{
	local name=$1
	shift
	number=$((number + 1))
	if "$@" >/run/case 2>&1; then
		echo "ok $number $name"
		return
	fi
	echo "not ok $number $name"
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

# until_true COMMAND…: at most a minute, as anything may take long here.
until_true()
{
	local end=$((SECONDS + 60))
	until "$@"; do
		[ $SECONDS -lt $end ] || { echo "not within a minute: $*" && return 1; }
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

# ---- how it is installed ------------------------------------------------------------------------

inventory()
{
	find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /cases \
		-o -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/cache -o -path /var/log -o -path $memory \
		-o -path /var/lib/systemd -o -path /var/tmp \) -prune -o -print |
		grep -v -e '/etc/.*-$' -e /ld.so.cache -e __pycache__ | sort
	getent passwd
	getent group
	sysctl net.ipv4.ip_forward net.ipv6.conf.all.forwarding
	ip -6 route show table all proto 64
	nft list tables
}

installs()
{
	apt-get install -y -qq --no-install-recommends ./nat64d_*.deb && systemctl is-active nat64d.service
}

runs_as_itself()
{
	local status
	status=/proc/$(main_pid)/status
	same user "$(id -u nat64d)" "$(awk '/^Uid:/ { print $3 }' "$status")" &&
		same "effective capabilities" 0000000000003000 "$(awk '/^CapEff:/ { print $2 }' "$status")" &&
		same "bounding set" 0000000000003000 "$(awk '/^CapBnd:/ { print $2 }' "$status")"
}

is_silent()
{
	same "warnings" "-- No entries --" "$(journalctl -b -p warning -u 'nat64d*' --no-pager)" &&
		! journalctl -b -u nat64d.service | grep 'can not be counted'
}

queues_by_nft()
{
	nft list table inet nat64d >/run/table && grep -c 'queue.*to' /run/table &&
		same "iptables" "" "$(journalctl -b -u nat64d.service -o cat | grep 'rules by' | grep iptables)"
}

has_the_defaults()
{
	nat64ctl --json status >/run/status && grep -q '"64:ff9b::/96"' /run/status &&
		nat64ctl --json pool4 list | jq -e '.[] | select(.name == "auto")' &&
		same forwarding "1 1" "$(sysctl -n net.ipv4.ip_forward net.ipv6.conf.all.forwarding | paste -sd' ')"
}

# It asks for a DNS64 too, which is not there.
doctor_is_content()
{
	echo 64:ff9b::c000:aa ipv4only.arpa >>/etc/hosts && nat64ctl doctor && nat64ctl doctor --no-legend | awk '$1 != "ok"' >/run/bad &&
		same "not ok" "" "$(cat /run/bad)"
}

is_for_its_group()
{
	same socket "660 nat64d nat64d-admin" "$(stat -c '%a %U %G' /run/nat64d/control)" &&
		same state "700 nat64d" "$(stat -c '%a %U' /var/lib/nat64d)"
}

# ---- traffic ------------------------------------------------------------------------------------

# In the lab documentation addresses are reached through 64:ff9b::/96.
reloads()
{
	mkdir -p /etc/nat64d/nat64d.conf.d
	printf '[Translation]\nAllowNonGlobal=198.51.100.0/24\n' >/etc/nat64d/nat64d.conf.d/lab.conf
	systemctl reload nat64d.service && until_true client ping -n -c 1 -W 1 $server6
}

serve()
{
	systemd-run --quiet --unit=peer-server ip netns exec server python3 /cases/peer.py serve
	until_true servers_listen
}

servers_listen()
{
	[ "$(ip netns exec server ss -Htuln | grep -c -e ':7000 ' -e ':7001 ' -e ':7 ')" = 3 ]
}

pings()
{
	client ping -n -c 3 $server6
}

udp_is_seen()
{
	seen=$(client python3 peer.py udp 5000) && same "seen as" 192.0.2.1 "${seen%:*}"
}

# A download and a ping that go on meanwhile.
begin_traffic()
{
	rm -f /run/download /run/ping /run/download.out
	# Not by the function: its process would be a shell.
	ip netns exec client python3 peer.py download >/run/download.out 2>&1 &
	download=$!
	ip netns exec client ping -n -i 0.01 $server6 >/run/ping 2>&1 &
	ping=$!
	until_true [ -e /run/download ] && until_true grep -q icmp_seq=10 /run/ping
}

moved_on()
{
	[ "$(cat /run/download)" -gt "$1" ]
}

# The download goes on, with all that it should have; pings are answered again. Their number is a comment.
traffic_goes_on()
{
	local lines received status
	lines=$(cat /run/download) received=$(grep -c 'icmp_seq=' /run/ping)
	until_true moved_on $((lines + 64)) && until_true more_pings "$received"
	status=$?
	kill -INT $ping
	kill -TERM $download
	wait $ping
	wait $download || { cat /run/download.out && return 1; }
	comment="$(cat /run/download.out); $(grep transmitted /run/ping)"
	return $status
}

more_pings()
{
	[ "$(grep -c 'icmp_seq=' /run/ping)" -gt "$1" ]
}

# under_traffic COMMAND…
under_traffic()
{
	begin_traffic && "$@" && traffic_goes_on
}

restart()
{
	systemctl restart nat64d.service
}

another_pid()
{
	[ "$(main_pid)" != "$1" ] && systemctl is-active -q nat64d.service
}

kill_it()
{
	local pid
	pid=$(main_pid)
	kill -KILL "$pid" && until_true another_pid "$pid"
}

hang_it()
{
	local pid
	pid=$(main_pid)
	python3 hang.py "$pid" >/run/hang 2>&1 &
	until_true grep stopped /run/hang && until_true another_pid "$pid" &&
		journalctl -b -u nat64d.service | grep -i 'watchdog timeout'
}

# install_version VERSION: what apt does about another one.
install_version()
{
	apt-get install -y -qq --no-install-recommends --allow-downgrades "$(ls ./nat64d_*.deb ./other/*.deb | grep "_$1_")" &&
		same version "$1" "$(dpkg-query -W -f '${Version}' nat64d)" && systemctl is-active nat64d.service
}

# ---- who may ------------------------------------------------------------------------------------

# call_as USER METHOD [ARGUMENT…]
call_as()
{
	local user=$1
	shift
	runuser -u "$user" -- busctl call org.nat64d1 /org/nat64d1 org.nat64d1.Manager "$@"
}

everyone_may_look()
{
	call_as alice GetStatistics >/dev/null && call_as alice ListPool4 su "" 10 &&
		runuser -u alice -- busctl get-property org.nat64d1 /org/nat64d1 org.nat64d1.Manager State &&
		runuser -u alice -- busctl introspect org.nat64d1 /org/nat64d1 >/dev/null
}

# not_as USER METHOD…: refused; busctl does not say with which words.
not_as()
{
	! call_as "$@" >/run/refused 2>&1 && cat /run/refused && grep -q 'Access denied' /run/refused
}

# The same, with the words.
not_by_command()
{
	runuser -u alice -- nat64ctl "$@" >/run/refused 2>&1
	same "exit status" 5 $? && grep -q 'only root and members of group nat64d-admin may' /run/refused
}

nobody_else_may()
{
	not_as alice ListBib 'a{sv}su' 0 "" 10 && not_as alice AddPool4 'sssa{sv}' 192.0.2.8/29 "" "" 0 &&
		not_by_command bib list
}

polkit_may_say_yes()
{
	cat >/etc/polkit-1/rules.d/10-alice.rules <<-END
		polkit.addRule(function (action, subject) {
			if (action.id == "org.nat64d1.read-bindings" && subject.user == "alice")
				return polkit.Result.YES;
		});
	END
	until_true call_as alice ListBib 'a{sv}su' 0 "" 10 && not_as alice AddPool4 'sssa{sv}' 192.0.2.8/29 "" "" 0
}

its_group_may()
{
	usermod -a -G nat64d-admin bob &&
		runuser -u bob -- nat64ctl --socket /run/nat64d/control pool4 add 203.0.113.8/29 --name more &&
		call_as bob ListBib 'a{sv}su' 0 "" 10 && nat64ctl pool4 show more
}

log_level()
{
	systemctl service-log-level nat64d.service debug && same level debug "$(systemctl service-log-level nat64d.service)" &&
		systemctl service-log-level nat64d.service info
}

# ---- another instance ---------------------------------------------------------------------------

instance()
{
	printf '[Translation]\nPool6=2001:db8:64::/96\n[Queue]\nFirst=6500\n[Pool4 main]\nAddresses=203.0.113.32\n' \
		>/etc/nat64d/second.conf
	systemctl start nat64d@second.service && nat64ctl -i second --json status | grep 2001:db8:64::/96 &&
		nft list table inet nat64d_second >/dev/null &&
		busctl get-property org.nat64d1.second /org/nat64d1 org.nat64d1.Manager State &&
		systemctl restart nat64d.service && systemctl is-active nat64d.service &&
		nat64ctl -i second --socket /run/nat64d/second/control status >/dev/null
}

# ---- over a reboot ------------------------------------------------------------------------------

# Who has which address and port; the age is not among it.
bindings()
{
	nat64ctl --json bib list | jq -r '.[] | [.protocol, .client, .mapped] | @tsv' | sort
}

remember()
{
	client ping -n -c 1 $server6 >/dev/null && client python3 peer.py udp 5000 >$memory/udp &&
		bindings >$memory/bindings && [ "$(wc -l <$memory/bindings)" -ge 2 ]
}

bindings_are_back()
{
	bindings >/run/bindings && comm -23 $memory/bindings /run/bindings >/run/lost && same "lost bindings" "" "$(cat /run/lost)"
}

still_the_same()
{
	same "UDP is seen as" "$(cat $memory/udp)" "$(client python3 peer.py udp 5000)"
}

entries_are_back()
{
	nat64ctl pool4 show more && nat64ctl config get Timeouts.ICMP | grep -q 2min
}

rules_come_first()
{
	local rules network
	rules=$(systemctl show -P ActiveEnterTimestampMonotonic nat64d-setup.service)
	network=$(systemctl show -P ExecMainStartTimestampMonotonic vm-network.service)
	systemctl is-active nat64d-setup.service && [ "$rules" -gt 0 ] && [ "$rules" -lt "$network" ]
}

# Older than SyncInterval (5 s) and one more.
oldest_is_safe()
{
	nat64ctl --json bib list | jq -e --argjson now "$(date +%s)" 'map($now - (.created | sub("\\..*Z$"; "Z") | fromdate)) | min > 7'
}

# ---- the end ------------------------------------------------------------------------------------

removes()
{
	apt-get remove -y -qq nat64d && ! nft list table inet nat64d && ! nft list table inet nat64d_second &&
		same forwarding "0 0" "$(sysctl -n net.ipv4.ip_forward net.ipv6.conf.all.forwarding | paste -sd' ')" &&
		[ -e /etc/nat64d/nat64d.conf ]
}

purges()
{
	apt-get purge -y -qq nat64d || return
	rm -f /etc/polkit-1/rules.d/10-alice.rules
	inventory >/run/inventory && diff $memory/inventory /run/inventory
}

# The words above have gone out, and what is to be remembered is on the disk, but nothing else.
end_of_boot()
{
	echo "# boot $boot: $(cut -d' ' -f1 /proc/uptime) s"
	echo $boot >$memory/boot
	echo $number >$memory/number
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
	check "control socket and state are its own" is_for_its_group
	check "nat64ctl doctor is content" doctor_is_content
	check "systemctl reload takes a drop-in into use" reloads
	check "servers listen" serve
	check "ping" pings
	check "TCP, with a checksum" client python3 peer.py checksum
	check "UDP" udp_is_seen
	check "the package's own test passes" sh service-test
	check "systemctl restart under a download and a ping" under_traffic restart
	echo "# $comment"
	check "kill -9 under a download and a ping" under_traffic kill_it
	echo "# $comment"
	check "the watchdog ends a packet thread that hangs, and traffic goes on" under_traffic hang_it
	echo "# $comment"
	check "an upgrade under a download and a ping" under_traffic install_version "$(cat other/version)"
	echo "# $comment"
	check "a downgrade under a download and a ping" under_traffic install_version "$(cat version)"
	echo "# $comment"
	check "busctl: everyone may look" everyone_may_look
	check "busctl: nobody else may see bindings or change anything" nobody_else_may
	check "polkit's rules may permit one of them" polkit_may_say_yes
	check "the group nat64d-admin may" its_group_may
	check "systemctl service-log-level" log_level
	check "a second instance" instance
	check "a key set by command" nat64ctl config set Timeouts.ICMP 2min
	check "there are bindings" remember
	end_of_boot
	systemctl reboot
	;;
2 | 3)
	what=$([ $boot = 2 ] && echo "an orderly reboot" || echo "a power cut")
	check "after $what: it runs" until_true systemctl is-active nat64d.service
	check "after $what: the rules were there before the network" rules_come_first
	check "after $what: the bindings are back" bindings_are_back
	check "after $what: what was changed by command is back" entries_are_back
	check "after $what: servers listen" serve
	check "after $what: a client has the port that it had" still_the_same
	check "after $what: TCP, with a checksum" client python3 peer.py checksum
	if [ $boot = 2 ]; then
		check "there are new bindings" remember
		check "they are old enough to be safe" until_true oldest_is_safe
		end_of_boot
		echo b >/proc/sysrq-trigger
		sleep 60
		exit
	fi
	check "removed: rules and forwarding are as before" removes
	check "purged: nothing is left" purges
	echo "1..$number"
	end_of_boot
	systemctl poweroff
	;;
esac
