#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What nat64ctl dns64 and pref64 print is what the programs it is for take, and do: unbound and BIND answer
# with addresses in Pool6, which doctor sees, and radvd and systemd-networkd (of the next release of Debian,
# as they are too old here) advertise its prefixes.
#
# usage: snippets.sh. CoreDNS is no package of Debian's: nobody tries its form.

. "$(dirname "$0")/tap.sh"
tap_begin "$@"
tap_needs unbound named
PACKAGES_ROOT=$PWD
. tools/packages.sh
next=$PACKAGES_ROOT/$PACKAGES_NEXT_UNPACKED
[ -e "$next/unpacked" ] || { echo "1..0 # SKIP no radvd 2.20 and systemd 255 here; tools/check unpacks them" && exit; }
readonly WELL_KNOWN=64:ff9b::/96

# resolved NODE NAME: its IPv6 addresses, in order.
resolved()
{
	node "$1" getent ahostsv6 "$2" | awk '{ print $1 }' | sort -u | xargs
}

# with_unpacked COMMAND…
with_unpacked()
{
	LD_LIBRARY_PATH=$TAP_LIBRARIES "$@"
}

doctor_sees_it()
{
	ctl --json doctor --config "$RUN/nat64d.conf" |
		jq -r '.[] | select(.check == "dns64") | .result' | same "doctor's dns64" ok "$(cat)"
}

bind_starts()
{
	mkdir "$RUN/bind"
	ctl dns64 bind >"$RUN/bind/snippet" || return
	# Into the one block of options, as an administrator would.
	sed "/^options {/a directory \"$RUN/bind\"; pid-file none; session-keyfile none; dnssec-validation no;
		/^options {/a listen-on { 127.0.0.1; }; listen-on-v6 { $TOPOLOGY_GATEWAY6; };" \
		"$RUN/bind/snippet" >"$RUN/bind/named.conf"
	sed "s/$TOPOLOGY_SERVER4/10.0.0.1/" "$RUN/unbound/server.example" >"$RUN/bind/private.example"
	cp "$RUN/unbound/"{server.example,ipv4only.arpa} "$RUN/bind"
	printf 'zone "%s" { type primary; file "%s"; };\n' {server.example,ipv4only.arpa,private.example}{,} \
		>>"$RUN/bind/named.conf"
	echo "controls { };" >>"$RUN/bind/named.conf"
	with_unpacked named-checkconf -z "$RUN/bind/named.conf" || return
	topology_unpacked_start gateway named named -g -c "$RUN/bind/named.conf"
	until_true 10 grep -q ' running$' "$RUN/named.log"
}

# advertises: 64:ff9b::/96 is as the vectors have it.
advertises()
{
	local lines
	lines=$(node router6 tests/netns/advertised.py gateway 10)
	same prefixes "$TOPOLOGY_POOL6/96 1800 $WELL_KNOWN 1800" "$(cut -d' ' -f1,2 <<<"$lines" | sort | xargs)" &&
		same option "$(sed -n 's/^64:ff9b::,96,1800,225,//p' tests/vectors/pref64_ra.csv)" \
			"$(sed -n "s,^$WELL_KNOWN 1800 ,,p" <<<"$lines")"
}

radvd_starts()
{
	# It runs as another user, who can not read $RUN.
	ctl pref64 radvd | sed 's/lan0/router6/' >/run/radvd.conf || return
	packages_in_gateway radvd-check usr/sbin/radvd -c -C /run/radvd.conf
	wait "${TOPOLOGY_PIDS[radvd-check]}" || { cat "$RUN/radvd-check.log" && return 1; }
	packages_in_gateway radvd usr/sbin/radvd -n -m stderr -p /run/radvd.pid -C /run/radvd.conf
}

# packages_in_gateway LABEL PROGRAM ARGUMENT…: of the next release. Where /sys can not be written networkd
# waits for no udev; a private one, as that of another network namespace is of no use to it.
packages_in_gateway()
{
	PACKAGES_ROOT=$PACKAGES_ROOT node_start gateway "$1" unshare --mount bash -c '
		mount -t sysfs -o ro sysfs /sys && . tools/packages.sh && packages_next "$@"' bash "${@:2}"
}

networkd_starts()
{
	mkdir -p /run/systemd/{network,netif/{links,leases,lldp}} && chown -R systemd-network: /run/systemd/netif
	{ printf '[Match]\nName=router6\n' && ctl pref64 networkd; } >/run/systemd/network/10-lan0.network || return
	SYSTEMD_LOG_LEVEL=debug packages_in_gateway networkd usr/lib/systemd/systemd-networkd
}

knows_all_of_it()
{
	grep -E 'lan0.network:[0-9]+:' "$RUN/networkd.log"
	grep '10-lan0.network: Successfully loaded' "$RUN/networkd.log" && same "words about the file" 0 "$(grep -cE 'lan0.network:[0-9]+:' "$RUN/networkd.log")"
}

gateway_configure routed
sed -i "s,^Pool6=.*,& $WELL_KNOWN," "$RUN/nat64d.conf"
topology_servers 1000 || tap_bail "the servers do not listen"
tap_gateway
check "unbound serves" topology_resolver
check "unbound-checkconf has nothing to say" with_unpacked unbound-checkconf "$RUN/unbound/unbound.conf"
check "unbound: ipv4only.arpa" same addresses "2001:db8:64::c000:aa 2001:db8:64::c000:ab" "$(resolved client ipv4only.arpa)"
check "unbound: a server by name" same page "hello from an IPv4-only server" "$(node client curl -sS -m 5 http://server.example/)"
check "doctor sees unbound's" doctor_sees_it
node_stop unbound
check "doctor misses it" eval '! doctor_sees_it'
check "BIND takes it, and serves" bind_starts
check "BIND: ipv4only.arpa, each prefix" same addresses \
	"2001:db8:64::c000:aa 2001:db8:64::c000:ab 64:ff9b::c000:aa 64:ff9b::c000:ab" "$(resolved client ipv4only.arpa)"
check "BIND: a private address has no place in $WELL_KNOWN" same addresses 2001:db8:64::a00:1 "$(resolved client private.example)"
check "doctor sees BIND's" doctor_sees_it
node_stop named
check "radvd takes it" radvd_starts
check "radvd advertises the prefixes" advertises
node_stop radvd
check "nothing without it" same options "" "$(node router6 tests/netns/advertised.py gateway 0.5)"
if [ "$(awk '{ print $3 }' /proc/self/uid_map)" -gt 65534 ]; then
	check "systemd-networkd starts with it" networkd_starts
	check "systemd-networkd advertises the prefixes" advertises
	check "systemd-networkd knows all of it" knows_all_of_it
	node_stop networkd
else
	TAP_NUMBER=$((TAP_NUMBER + 1))
	echo "ok $TAP_NUMBER systemd-networkd # SKIP it becomes another user, which one's own namespace does not have"
fi
check "nat64d ends with status 0" daemon_ends_well
tap_end
