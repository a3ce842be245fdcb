#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The package in a real (emulated) machine: Debian's kernel, systemd, dbus, polkit. What is shown is in
# guest/cases.sh, and in outside what goes on while it reboots.
#
# usage: vm.sh, as root; VM_CONSOLE=FILE keeps what the kernel says, VM_SECONDS is the limit of it all

cd "$(dirname "$0")/../.." || exit
for program in dpkg-buildpackage qemu-system-x86_64 mmdebstrap mke2fs cpio modprobe; do
	command -v $program >/dev/null || { echo "1..0 # SKIP there is no $program" && exit; }
done
[ -c /dev/net/tun ] || { echo "1..0 # SKIP there is no /dev/net/tun" && exit; }
[ "$EUID" = 0 ] || { echo "1..0 # SKIP building the disk needs root" && exit; }

bail()
{
	echo "Bail out! $1"
	exit 1
}

# Names of the packages it depends on, the first of alternatives; those that are virtual by name.
depends()
{
	dpkg-deb --field "$1" Depends | tr ',' '\n' |
		sed -E 's/\|.*//; s/\(.*\)//; s/ //g; s/^default-dbus-system-bus$/dbus/' | sort
}

# The same package as another version, to be upgraded to.
repack()
{
	mkdir -p "$work/cases/other" && dpkg-deb --raw-extract "$1" "$work/other" &&
		sed -i 's/^Version: .*/&+later/' "$work/other/DEBIAN/control" &&
		dpkg-deb --field "$1" Version >"$work/cases/version" &&
		echo "$(cat "$work/cases/version")+later" >"$work/cases/other/version" &&
		dpkg-deb --root-owner-group --build "$work/other" "$work/cases/other"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 143' TERM INT HUP
deb=$(tools/package --no-install) || bail "the package could not be built"
mapfile -t packages < <(depends "$deb")
tests/vm/image build/vm "${packages[@]}" >"$work/log" 2>&1 || { sed 's/^/# /' "$work/log" && bail "no disk"; }
mkdir "$work/cases" && cp "$deb" tests/vm/guest/*.{sh,py} "$work/cases/" &&
	cp debian/tests/service "$work/cases/service-test" && repack "$deb" >"$work/log" 2>&1 ||
	{ sed 's/^/# /' "$work/log" && bail "no cases"; }
setpriv --pdeathsig KILL unshare --net --mount --pid --fork --kill-child --mount-proc \
	tests/vm/outside build/vm "$work/cases" "${VM_SECONDS:-1500}"
