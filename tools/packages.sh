# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The Debian packages that building and testing need, and how what is missing is installed and built.
# Sourced by tools/lab, tools/check, tools/fuzz, tools/bench and tools/package. Says what it installs before it does.

PACKAGES_BUILD=(gcc libc6-dev meson ninja-build pkgconf libglib2.0-dev libmnl-dev
	libnetfilter-queue-dev libnfnetlink-dev libnftables-dev libsystemd-dev
	libjansson-dev libsqlite3-dev)
PACKAGES_LAB=(iproute2 nftables iptables iputils-ping traceroute ethtool curl busybox socat
	dbus-daemon)
PACKAGES_CHECK=(clang-format binutils groff-base iperf3 procps python3 python3-dbusmock
	python3-jsonschema python3-prometheus-client python3-scapy scdoc sqlite3 systemd zsh)
PACKAGES_PACKAGE=(debhelper dpkg-dev lintian mmdebstrap python3 scdoc systemd)
# A machine for tests/vm, made of packages.
PACKAGES_VM=(cpio e2fsprogs kmod mmdebstrap qemu-system-x86)
PACKAGES_CROSS=(gcc-arm-linux-gnueabihf libc6-dev-armhf-cross gcc-s390x-linux-gnu
	libc6-dev-s390x-cross qemu-user)
# libFuzzer is a part of libclang-rt-14-dev, which clang does not depend on.
PACKAGES_FUZZ=(clang libclang-rt-14-dev)
PACKAGES_BENCH=(iperf3)
# Installing these would start services or bring in databases: they are unpacked, see packages_unpack.
PACKAGES_STACKS=(tayga coturn wireguard-go wireguard-tools)
PACKAGES_UNPACKED=build/unpacked # below the root of the sources

# packages_install yes|no PACKAGE…: installs what is missing, or names it and fails.
packages_install()
{
	local package missing=() may=$1
	shift
	if ! command -v dpkg-query >/dev/null; then
		echo "not a Debian system: the counterparts of these packages are needed: $*" >&2
		return 0
	fi
	for package; do
		# A static busybox takes the other one's place.
		dpkg-query -W -f '${db:Status-Status}\n' "$package" "$package-static" 2>/dev/null |
			grep -qx installed || missing+=("$package")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	if [ "$may" = no ] || [ "$EUID" != 0 ]; then
		echo "missing Debian packages; as root: apt-get install ${missing[*]}" >&2
		return 1
	fi
	echo "installing Debian packages: ${missing[*]}"
	# The lists of a fresh image are empty or old, which the first attempt shows.
	packages_apt install "${missing[@]}" 2>/dev/null && return
	packages_apt update && packages_apt install "${missing[@]}" || {
		echo "apt-get could not install: ${missing[*]}" >&2
		return 1
	}
}

# packages_unpack PACKAGE…: what is missing of them, and what they need, into $PACKAGES_UNPACKED.
packages_unpack()
{
	local package missing=() root=$PACKAGES_ROOT/$PACKAGES_UNPACKED file
	command -v dpkg-query >/dev/null || return 0
	for package; do
		[ -e "$root/archives/$package.unpacked" ] ||
			dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
			missing+=("$package")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	echo "unpacking Debian packages in $PACKAGES_UNPACKED: ${missing[*]}"
	mkdir -p "$root/archives/partial" || return
	# Nothing of the system is touched, so neither its lock nor root is needed.
	set -- --download-only -o Debug::NoLocking=1 -o Dir::Cache::archives="$root/archives" \
		install "${missing[@]}"
	packages_apt "$@" 2>/dev/null || { packages_apt update && packages_apt "$@"; } || {
		echo "apt-get could not download: ${missing[*]}" >&2
		return 1
	}
	for file in "$root/archives/"*.deb; do
		dpkg-deb -x "$file" "$root" || return
	done
	for package in "${missing[@]}"; do
		: >"$root/archives/$package.unpacked"
	done
}

packages_apt()
{
	DEBIAN_FRONTEND=noninteractive packages_run apt-get -qq -y --no-install-recommends "$@" >/dev/null
}

# Runs COMMAND… so that INT, TERM and HUP end it, too (by its pid), before they end the caller.
packages_run()
{
	local pid
	"$@" </dev/null &
	pid=$!
	trap 'packages_end '$pid' 130' INT
	trap 'packages_end '$pid' 143' TERM
	trap 'packages_end '$pid' 129' HUP
	wait $pid
	set -- $?
	trap - INT TERM HUP
	return "$1"
}

packages_end()
{
	kill -TERM "$1" 2>/dev/null
	wait "$1"
	exit "$2"
}

# packages_build DIRECTORY [MESON_OPTION…] -- [TARGET…]: configures once, then builds what the sources
# of $PACKAGES_ROOT say. One build of a directory at a time. All output is in DIRECTORY/build.log. The
# build ends with the caller, even if that is killed.
packages_build()
{
	local directory=$1 options=() log=$1/build.log lock
	shift
	while [ "$1" != -- ]; do options+=("$1") && shift; done
	shift
	mkdir -p "$directory" || return
	exec {lock}>"$directory/.lock"
	flock "$lock"
	{ [ -e "$directory/build.ninja" ] ||
		packages_run setpriv --pdeathsig TERM meson setup "${options[@]}" "$directory" "$PACKAGES_ROOT" >"$log" 2>&1; } &&
		packages_run setpriv --pdeathsig TERM nice ninja -C "$directory" "$@" >>"$log" 2>&1
	set -- $?
	exec {lock}>&-
	[ "$1" = 0 ] || {
		tail -n 30 "$log" >&2
		echo "the build failed; all of it is in $log" >&2
	}
	return "$1"
}
