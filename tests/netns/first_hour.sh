#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What an operator does in a first hour, with nat64ctl alone: the transcript first_hour.txt is played in
# the lab's topology, and what is printed has to be what it says.
#
# usage: first_hour.sh
#
# The transcript: "## TITLE" begins a case. "NODE$ COMMAND" is run by a shell in that node's network; the
# lines behind it are what it prints, on standard output and error, where "..." stands for anything;
# "[N]" as the last of them is its exit status, else that is 0. "NODE& COMMAND" stays in the background.
# An empty line ends what a command prints.

. "$(dirname "$0")/tap.sh"
tap_begin "$@"
gateway_configure routed
topology_servers 1000
tap_gateway
mkdir "$RUN/bin"
ln -s "$(realpath "$NAT64CTL")" "$RUN/bin/nat64ctl"
# ask ADDRESS PORT SOURCE_PORT: who does the server say is asking, by UDP?
printf '#!/bin/sh\n%s\n' 'exec socat -t 0.5 SYSTEM:"echo who; read -r line; echo \$line >&2" \
	"UDP6:[$1]:$2,sourceport=$3,reuseaddr"' >"$RUN/bin/ask"
chmod +x "$RUN/bin/ask"
export PATH=$RUN/bin:$PATH

# expects EXPECTED FOUND
expects()
{
	local glob=${1//\\/\\\\}
	glob=${glob//\*/\\*} glob=${glob//\?/\\?} glob=${glob//\[/\\[}
	glob=${glob//.../*}
	# shellcheck disable=SC2053
	[[ $2 == $glob ]] && return
	printf 'expected:\n%s\nfound:\n%s\n' "$1" "$2"
	return 1
}

# run_command NODE COMMAND EXPECTED
run_command()
{
	local found status expected=$3 expected_status=0
	if [[ $expected =~ (^|$'\n')'['([0-9]+)']'$ ]]; then
		expected_status=${BASH_REMATCH[2]}
		expected=${expected%"${BASH_REMATCH[0]}"}
	fi
	found=$(node "$1" timeout 30 bash -c "$2" 2>&1 </dev/null)
	status=$?
	echo "$1\$ $2"
	expects "$expected" "$found" && same "exit status" "$expected_status" "$status"
}

# One case: lines of the transcript from a title to the next.
play()
{
	local line node='' command='' expected=''
	while IFS= read -r line; do
		if [[ $line =~ ^([a-z0-9]+)'& '(.*)$ ]]; then
			node_start "${BASH_REMATCH[1]}" background bash -c "${BASH_REMATCH[2]}"
			continue
		fi
		if [ -n "$command" ] && [[ -z $line || $line =~ ^[a-z0-9]+'$ ' ]]; then
			run_command "$node" "$command" "$expected" || return
			command=''
		fi
		if [[ $line =~ ^([a-z0-9]+)'$ '(.*)$ ]]; then
			node=${BASH_REMATCH[1]} command=${BASH_REMATCH[2]} expected=''
		elif [ -n "$line" ]; then
			expected+=${expected:+$'\n'}$line
		fi
	done <<<"$1"$'\n'
}

play_all()
{
	local line title='' part=''
	while IFS= read -r line; do
		if [[ $line = "## "* ]]; then
			[ -z "$title" ] || check "$title" play "$part"
			title=${line#\#\# } part=''
		elif [ -n "$title" ]; then
			part+=$line$'\n'
		fi
	done
	[ -z "$title" ] || check "$title" play "$part"
}

play_all <tests/netns/first_hour.txt
check "the daemon ends well" daemon_ends_well
check "without it the host is set up and taken back, once and once more" play 'gateway$ nat64ctl teardown
packet rules are removed, the host is as it was before
gateway$ nat64ctl teardown
nothing to remove
gateway$ nat64ctl --json setup --config /run/nat64d-lab/nat64d.conf 2>/dev/null | grep changed
  "changed": true,
gateway$ nat64ctl --json setup --config /run/nat64d-lab/nat64d.conf 2>/dev/null | grep changed
  "changed": false,
gateway$ nat64ctl --json setup --print --config /run/nat64d-lab/nat64d.conf 2>/dev/null | grep -c commands
1
gateway$ nat64ctl --json teardown --dry-run | grep changed
  "changed": true,
gateway$ nat64ctl --json teardown | grep changed
  "changed": true,
gateway$ nat64ctl --json teardown | grep changed
  "changed": false,
gateway$ nat64ctl status
nat64ctl: nat64d is not running: ...
[4]
'
tap_end
