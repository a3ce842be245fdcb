#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every example of the documentation (examples.py) is what really happens in the lab's network.
#
# usage: examples.sh [--write] DOCUMENT…

. "$(dirname "$0")/tap.sh"
tap_begin "$@"
topology_servers 1000 || tap_bail "the servers do not listen"
node router4 ip route add 203.0.113.0/24 via $TOPOLOGY_GATEWAY4
# What README.md says building needs is what tools/packages.sh installs.
packages_named()
{
	local package named
	named=$(sed -n '/^apt-get install/,/[^\\]$/p' README.md)
	for package in "${PACKAGES_BUILD[@]}"; do
		[[ " $(xargs <<<"${named//\\/}") " = *" $package "* ]] || { echo "$package" && return 1; }
	done
}

. tools/packages.sh
check "README.md names the packages that building needs" packages_named
tests/netns/examples.py "$@" >"$RUN/cases" 2>&1
check_each "$RUN/cases"
tap_end
