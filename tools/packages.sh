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
PACKAGES_CHECK=(clang-format binutils groff-base iperf3 jq procps python3 python3-dbusmock
	python3-jsonschema python3-prometheus-client python3-scapy scdoc sqlite3 systemd
	systemd-journal-remote zsh)
PACKAGES_PACKAGE=(debhelper dpkg-dev lintian mmdebstrap python3 scdoc systemd)
# A machine for tests/vm, made of packages.
PACKAGES_VM=(cpio e2fsprogs kmod mmdebstrap qemu-system-x86)
PACKAGES_CROSS=(gcc-arm-linux-gnueabihf libc6-dev-armhf-cross gcc-s390x-linux-gnu
	libc6-dev-s390x-cross qemu-user)
# libFuzzer is a part of libclang-rt-14-dev, which clang does not depend on.
PACKAGES_FUZZ=(clang libclang-rt-14-dev)
PACKAGES_BENCH=(iperf3)
# Installing these would start services or bring in databases: they are unpacked, see packages_unpack.
PACKAGES_RESOLVER=(unbound)
PACKAGES_STACKS=(tayga coturn wireguard-go wireguard-tools)
PACKAGES_SERVICES=(bind9 keepalived bird2)
PACKAGES_UNPACKED=build/unpacked # below the root of the sources
# Of the next release of Debian, as these can not do what is wanted here before; see packages_unpack_next.
PACKAGES_NEXT=(radvd systemd) # PREF64: radvd 2.20, systemd 255
PACKAGES_NEXT_RELEASE=trixie
PACKAGES_NEXT_UNPACKED=build/unpacked-next

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

# packages_unpack yes|no PACKAGE…: what is missing of them, and what they need, into $PACKAGES_UNPACKED;
# or names it and fails.
packages_unpack()
{
	local package missing=() root=$PACKAGES_ROOT/$PACKAGES_UNPACKED file may=$1
	shift
	command -v dpkg-query >/dev/null || return 0
	for package; do
		[ -e "$root/archives/$package.unpacked" ] ||
			dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
			missing+=("$package")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	if [ "$may" = no ]; then
		echo "missing Debian packages, which would be unpacked: ${missing[*]}" >&2
		return 1
	fi
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

# packages_unpack_next yes|no PACKAGE…: of the next release, with all that they need, the C library too, into
# $PACKAGES_NEXT_UNPACKED; packages_next runs a program there.
packages_unpack_next()
{
	local root=$PACKAGES_ROOT/$PACKAGES_NEXT_UNPACKED file mirror may=$1
	shift
	command -v dpkg-query >/dev/null || return 0
	[ "$(cat "$root/unpacked" 2>/dev/null)" != "$*" ] || return 0
	if [ "$may" = no ]; then
		echo "missing packages of Debian $PACKAGES_NEXT_RELEASE, which would be unpacked: $*" >&2
		return 1
	fi
	echo "unpacking packages of Debian $PACKAGES_NEXT_RELEASE in $PACKAGES_NEXT_UNPACKED: $*"
	# From where the packages of this release come.
	mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | head -n 1)
	mkdir -p "$root/lists/partial" "$root/archives/partial" && : >"$root/status" || return
	echo "deb ${mirror:-(none)} $PACKAGES_NEXT_RELEASE main" >"$root/next.list"
	set -- "$*" -o Dir::Etc::SourceList="$root/next.list" -o Dir::Etc::SourceParts=- \
		-o Dir::State::Lists="$root/lists" -o Dir::State::Status="$root/status" \
		-o Dir::Cache::Archives="$root/archives" -o Dir::Cache::PkgCache= -o Dir::Cache::SrcPkgCache= \
		-o Debug::NoLocking=1
	# shellcheck disable=SC2086
	packages_apt "${@:2}" update && packages_apt "${@:2}" --download-only install $1 || {
		echo "apt-get could not download from $PACKAGES_NEXT_RELEASE: $1" >&2
		return 1
	}
	for file in "$root/archives/"*.deb; do
		dpkg-deb -x "$file" "$root" || return
	done
	rm -rf "$root/lists" "$root/archives" && echo "$1" >"$root/unpacked"
}

# packages_next PROGRAM ARGUMENT…: one of those, by its path below their root, such as usr/sbin/radvd.
packages_next()
{
	local root=$PACKAGES_ROOT/$PACKAGES_NEXT_UNPACKED libraries
	libraries=$(echo "$root"/usr/lib/*-linux-*)
	exec "$libraries"/ld-linux*.so.* --library-path "$libraries:$libraries/systemd" "$root/$1" "${@:2}"
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
