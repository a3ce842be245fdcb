#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The Debian package: it builds from what a clone has, lintian and systemd have nothing to say about it,
# it contains what meson installs, and in a bare Debian it can be installed, removed and purged, after
# which nothing of it is left.
#
# usage: test_package.sh

. "$(dirname "$0")/netns/tap.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
TAP_OUTPUT=$work/case

for program in dpkg-buildpackage dh lintian systemd-analyze mmdebstrap; do
	command -v $program >/dev/null || { echo "1..0 # SKIP there is no $program" && exit; }
done

builds()
{
	deb=$(tools/package --no-install) && [ -s "$deb" ]
}

nothing_for_lintian()
{
	lintian --allow-root --fail-on error,warning "${deb%.deb}.changes"
}

unpacks()
{
	dpkg-deb -x "$deb" "$work/root"
}

# installed_by_meson: what the same options put where, without the package around it.
installed_by_meson()
{
	meson setup "$work/build" . --prefix=/usr --sysconfdir=/etc -Dtests=false -Dwerror=false \
		-Dsystemdsystemunitdir=/lib/systemd/system >"$work/log" 2>&1 || { cat "$work/log" && return 1; }
	meson introspect --installed "$work/build" | python3 -c '
import json, os, sys
for source, path in json.load(sys.stdin).items():
    below = [os.path.join(folder, name) for folder, _, names in os.walk(source) for name in names]
    for one in below or [source]:
        print(path + one[len(source):])' | sort
}

has_what_meson_installs()
{
	(cd "$work/root" && find . -type f | sed 's/^\.//; s/\.gz$//' | grep -v -e '^/usr/share/doc/nat64d/[^/]*$' \
		-e ^/usr/share/lintian/ | sort) >"$work/has"
	installed_by_meson >"$work/wants" && [ "$(wc -l <"$work/wants")" -gt 30 ] && diff "$work/wants" "$work/has"
}

# By the contract with users (paths; nat64d(8), FILES).
has_its_paths()
{
	local path
	for path in usr/sbin/nat64d usr/bin/nat64ctl etc/nat64d/nat64d.conf lib/systemd/system/nat64d.service \
		lib/systemd/system/nat64d@.service usr/lib/sysusers.d/nat64d.conf \
		usr/share/dbus-1/system.d/org.nat64d1.conf usr/share/dbus-1/system-services/org.nat64d1.service \
		usr/share/dbus-1/interfaces/org.nat64d1.xml usr/share/polkit-1/actions/org.nat64d1.policy \
		usr/share/man/man8/nat64d.8.gz usr/share/man/man1/nat64ctl.1.gz \
		usr/share/man/man5/nat64d.conf.5.gz usr/share/man/man5/org.nat64d1.5.gz \
		usr/share/bash-completion/completions/nat64ctl usr/share/zsh/site-functions/_nat64ctl; do
		[ -s "$work/root/$path" ] || { echo "no $path" && return 1; }
	done
	dpkg-deb --info "$deb" conffiles | same "configuration files" /etc/nat64d/nat64d.conf "$(cat)"
}

# Every key is commented out: the defaults are Pool6 64:ff9b::/96 and the entry auto.
says_the_defaults()
{
	! grep -v -e '^#' -e '^\[' -e '^$' "$work/root/etc/nat64d/nat64d.conf" &&
		grep -qx '#Pool6=64:ff9b::/96' "$work/root/etc/nat64d/nat64d.conf"
}

# exposed_at_most UNIT LEVEL (times ten)
exposed_at_most()
{
	systemd-analyze security --offline=true --threshold="$2" "$work/root/lib/systemd/system/$1"
}

# With its own programs in place of those of the system.
is_a_unit()
{
	systemd-analyze verify --root="$work/root" --man=no "/lib/systemd/system/$1" >"$work/verify" 2>&1
	same "exit status" 0 $? && same "verify" "" "$(cat "$work/verify")"
}

# systemd-analyze looks for targets and programs that units name.
complete_root()
{
	cp -an /lib/systemd/system/. "$work/root/lib/systemd/system/"
	for program in /sbin/modprobe /bin/chgrp /bin/kill; do
		install -D -m 755 /bin/true "$work/root$program"
	done
	cp "$work/root/lib/systemd/system/nat64d@.service" "$work/root/lib/systemd/system/nat64d@x.service"
	cp "$work/root/lib/systemd/system/nat64d-setup@.service" "$work/root/lib/systemd/system/nat64d-setup@x.service"
}

# Files, users and groups of the bare Debian; dpkg's and apt's own records aside.
inventory()
{
	find "$bare" -xdev \( -path "$bare/proc" -o -path "$bare/sys" -o -path "$bare/dev" -o -path "$bare/tmp" \
		-o -path "$bare/var/lib/dpkg" -o -path "$bare/var/cache" -o -path "$bare/var/lib/apt" \
		-o -path "$bare/var/log" -o -path "$bare/run" \) -prune -o -print | grep -v -e '/etc/.*-$' -e '/ld.so.cache$' | sort
	cut -d: -f1,3 "$bare/etc/passwd" "$bare/etc/group" "$bare/etc/gshadow" "$bare/etc/shadow" | sed 's/:.*//' | sort
}

# in_bare COMMAND…
in_bare()
{
	unshare --mount --net --pid --fork --kill-child chroot "$bare" env DEBIAN_FRONTEND=noninteractive \
		LC_ALL=C.UTF-8 "$@" </dev/null
}

# All that the package needs is there, so that installing and purging is about it alone.
bare_debian()
{
	bare=$work/bare
	mmdebstrap --quiet --mode=root --variant=minbase --aptopt='APT::Install-Recommends "false"' \
		--include="$(package_depends "$deb")" "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$bare" &&
		cp "$deb" "$bare/tmp/" && inventory >"$work/before"
}

# Names of the packages it depends on, the first of alternatives.
package_depends()
{
	dpkg-deb --field "$1" Depends | tr ',' '\n' | sed -E 's/\|.*//; s/\(.*\)//; s/ //g' | paste -sd,
}

installs()
{
	in_bare apt-get install -y -qq --no-install-recommends "/tmp/${deb##*/}" || return
	in_bare id nat64d && in_bare getent group nat64d-admin && in_bare nat64ctl --version &&
		in_bare nat64d --check && [ -L "$bare/etc/systemd/system/multi-user.target.wants/nat64d.service" ]
}

# What systemd is asked for when another version is configured, and when it is the first one.
restarts_instances()
{
	dpkg-deb --ctrl-tarfile "$deb" | tar -x -C "$bare/tmp" ./postinst && mkdir -p "$bare/tmp/systemd" || return
	printf '#!/bin/sh\necho "${0##*/} $*" >>/tmp/asked\n' >"$bare/tmp/systemd/systemctl"
	chmod +x "$bare/tmp/systemd/systemctl"
	in_bare sh -ec 'mkdir -p /run/systemd/system
		PATH=/tmp/systemd:$PATH
		/tmp/postinst configure ""
		if grep -F nat64d@ /tmp/asked; then exit 1; fi
		/tmp/postinst configure 0.0
		rmdir /run/systemd/system
		grep -xF "systemctl try-restart nat64d@*.service" /tmp/asked'
}

# With an instance of which nothing but state and what it has done to the host is left; in one network, and
# whatever this kernel can.
removes()
{
	printf '[Translation]\nLocalTraffic=no\n[Queue]\nRules=none\n[Pool4 gone]\nAddresses=203.0.113.8\n' >"$bare/tmp/gone.conf"
	in_bare sh -ec 'mount -t proc proc /proc
		nat64ctl -i gone setup --config /tmp/gone.conf
		mkdir -p /var/lib/nat64d/gone
		nat64ctl -i gone teardown --dry-run | grep "would remove the table inet nat64d_gone"
		cp /usr/bin/nat64ctl /tmp/kept
		apt-get remove -y -qq nat64d
		/tmp/kept -i gone teardown --dry-run | grep "nothing to remove"' && [ -e "$bare/etc/nat64d/nat64d.conf" ] &&
		[ ! -e "$bare/usr/sbin/nat64d" ]
}

purges()
{
	mkdir -p "$bare/var/lib/nat64d" "$bare/etc/nat64d/nat64d.conf.d"
	touch "$bare/var/lib/nat64d/state.db" "$bare/etc/nat64d/nat64d.conf.d/mine.conf"
	ln -s /lib/systemd/system/nat64d@.service \
		"$bare/etc/systemd/system/multi-user.target.wants/nat64d@gone.service" || return
	in_bare apt-get purge -y -qq nat64d || return
	inventory >"$work/after" && diff "$work/before" "$work/after"
}

check "it builds from what a clone has" builds || tap_end
check "lintian has neither errors nor warnings" nothing_for_lintian
check "it can be unpacked" unpacks
check "it has what meson installs, and nothing else" has_what_meson_installs
check "it has the paths that users rely on" has_its_paths
check "its configuration says the defaults" says_the_defaults
for unit in nat64d nat64d@ nat64d-setup nat64d-setup@; do
	check "$unit.service: systemd-analyze security says at most 2.0" exposed_at_most $unit.service 20
done
complete_root
for unit in nat64d nat64d@x nat64d-setup nat64d-setup@x; do
	check "$unit.service: systemd-analyze verify is silent" is_a_unit $unit.service
done
if [ "$EUID" != 0 ]; then
	echo "ok $((TAP_NUMBER += 1)) a bare Debian # SKIP needs root"
elif check "a bare Debian" bare_debian; then
	check "it installs there" installs
	check "an upgrade restarts the instances that run" restarts_instances
	check "it is removed, without its configuration" removes
	check "purge leaves nothing" purges
fi
tap_end
