#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The package in two real (emulated) machines: Debian's kernel, systemd, dbus, polkit. What is shown is in
# guest/router.sh and guest/box.sh, and in outside what goes on while one reboots.
#
# usage: vm.sh, as root; VM_CONSOLE=FILE keeps what the kernels say, VM_SECONDS is the limit of it all,
# VM_MACHINES are names with their memory in MB

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

# begin NAME MEMORY: the machine, whose cases come out of file descriptor $out.
begin()
{
	mkdir "$work/$1" && cp -r "$work/cases/." "$work/$1/" && echo "$1" >"$work/$1/machine" || bail "no cases"
	exec {out}< <(exec setpriv --pdeathsig KILL unshare --net --mount --pid --fork --kill-child --mount-proc \
		tests/vm/outside build/vm "$work/$1" "${VM_SECONDS:-3000}" "$2")
}

# tell NAME DESCRIPTOR: its cases, with numbers. Without "end", it did not come to its end.
tell()
{
	local line end=no
	while read -r line <&"$2"; do
		case $line in
		"ok "* | "not ok "*)
			number=$((number + 1))
			[ "${line%%ok *}" = "" ] || failed=1
			echo "${line#*ok }" >>"$work/names"
			echo "${line%%ok *}ok $number ${line#*ok }"
			;;
		end) end=yes ;;
		*) echo "$line" ;;
		esac
	done
	[ $end = yes ] || bail "the machine \"$1\" did not come to its end"
}

# The last column of its table.
tabulated()
{
	sed -n 's/^|.* | \([^|]*\) |$/\1/p' tests/vm/README.md | tail -n +2
}

work=$(mktemp -d)
number=0 failed=0
trap 'rm -rf "$work"' EXIT
trap 'exit 143' TERM INT HUP
deb=$(tools/package --no-install) || bail "the package could not be built"
mapfile -t packages < <(depends "$deb")
tests/vm/image build/vm "${packages[@]}" >"$work/log" 2>&1 || { sed 's/^/# /' "$work/log" && bail "no disk"; }
mkdir "$work/cases" && cp "$deb" tests/vm/guest/*.{sh,py} "$work/cases/" &&
	cp debian/tests/service "$work/cases/service-test" && repack "$deb" >"$work/log" 2>&1 ||
	{ sed 's/^/# /' "$work/log" && bail "no cases"; }
# Side by side: each uses one core.
read -ra machines <<<"${VM_MACHINES:-router:256 box:128}"
outs=()
for machine in "${machines[@]}"; do
	begin "${machine%:*}" "${machine#*:}"
	outs+=("$out")
done
for i in "${!machines[@]}"; do
	echo "# the machine ${machines[i]%:*}, ${machines[i]#*:} MB"
	tell "${machines[i]%:*}" "${outs[i]}"
done
if [ -z "${VM_MACHINES:-}" ]; then
	number=$((number + 1))
	if missing=$(tabulated | grep -Fvxf "$work/names"); then
		echo "not ok $number each case that README.md names was tried" && failed=1
		echo "$missing" | sed 's/^/# not tried: /'
	else
		echo "ok $number each case that README.md names was tried"
	fi
fi
echo "1..$number"
exit $failed
