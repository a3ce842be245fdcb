# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What is to be there again after a reboot.

# rows TABLE FILTER COLUMN,…: those of a list, each with when it was made, if that is known, and when it ends,
# in seconds, both without their fractions.
rows()
{
	nat64ctl --json "$1" list | jq -r ".[] | select($2) | [$3, "'(.created // "1970-01-01T00:00:00Z", .expires |
		sub("\\.[0-9]*Z$"; "Z") | fromdate)] | @tsv'
}

# Who has which address and port.
bindings()
{
	rows bib true .protocol,.client,.mapped
}

# The sessions of who is outside of the machine.
sessions()
{
	rows session '.client | startswith("[2001:db8:3::2]")' .protocol,.client,.mapped,.server
}

remember()
{
	client ping -n -c 1 $server6 >/dev/null && client python3 peer.py udp 5000 >$memory/udp &&
		client python3 peer.py udps 5001 20 || return
	sessions >$memory/sessions && bindings >$memory/bindings && [ -s $memory/sessions ] && [ "$(wc -l <$memory/bindings)" -ge 22 ]
}

# What is written down here is not older than the last word before the end.
end_is_near()
{
	date +%s >$memory/end
}

# are_back TABLE SECONDS N: at least N rows are there again: each that was made SECONDS before the end, and
# would not have ended by itself meanwhile.
are_back()
{
	local now
	now=$(date +%s)
	"$1" | rev | cut -f 3- | rev | sort >/run/now
	awk -F '\t' -v OFS='\t' -v now="$now" -v end="$(($(cat $memory/end) - $2))" '$(NF - 1) + 1 <= end && $NF > now { NF -= 2; print }' \
		"$memory/$1" | sort >/run/wanted
	comment="$(wc -l <$memory/"$1") $1 were there, $(wc -l </run/wanted) have to be"
	echo "$comment, $(wc -l </run/now) are"
	comm -23 /run/wanted /run/now >/run/lost
	while read -r lost; do grep -F "$lost" "$memory/$1"; done </run/lost
	same "lost" "" "$(cat /run/lost)" && [ "$(wc -l </run/wanted)" -ge "$3" ]
}

# The server outside sends 50 kB a second.
outside_goes_on()
{
	limit=240 until_true is_above /sys/class/net/eth0/statistics/tx_bytes 200000
}

still_the_same()
{
	same "UDP is seen as" "$(cat $memory/udp)" "$(client python3 peer.py udp 5000)"
}

changes_are_back()
{
	nat64ctl client blocked | grep 2001:db8:9::/64 && nat64ctl config get Timeouts.ICMP | grep -q 2min
}

rules_come_first()
{
	local rules network
	rules=$(systemctl show -P ActiveEnterTimestampMonotonic nat64d-setup.service)
	network=$(systemctl show -P ExecMainStartTimestampMonotonic vm-network.service)
	systemctl is-active nat64d-setup.service && [ "$rules" -gt 0 ] && [ "$rules" -lt "$network" ]
}

# The youngest of them is older than SyncInterval (5 s) and one more; then come some that need not be back.
is_old_enough()
{
	local youngest
	youngest=$(cut -f 4 $memory/bindings | sort -n | tail -n 1)
	[ "$(date +%s)" -gt $((youngest + 7)) ]
}

others_come()
{
	client python3 peer.py udps 6000 20 && bindings | grep -q ']:6019'
}

# The kernel ended nobody, and the daemon's own share, in kB, is told.
has_memory()
{
	! dmesg | grep -i -e 'out of memory' -e 'page allocation failure' || return
	comment="daemon $(awk '/^VmRSS/ { print $2 }' "/proc/$(main_pid)/status") kB; $(free -k | awk '/^Mem/ { print $2 " kB, " $7 " kB available" }')"
}
