# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Who had an address and port, of the real journal.

# whose SIDE: a line for each who is known to have it about now: client, source, whether it has ended.
whose()
{
	nat64ctl --json who "$1" --at now --within 1h 2>/run/notes |
		jq -r '.[] | "\(.client) \(.source) \(if .ended then "ended" else "open" end)"'
}

is_whose()
{
	same "who had $1" "$2" "$(whose "$1")"
}

# flow_of PORT: of the client's; what the server sees is in $seen, also for the cases behind this one.
flow_of()
{
	seen=$(client python3 peer.py udp "$1")
}

# Of what has ended, too, though State.Retention is 0.
journal_tells_who()
{
	nat64ctl config set Log.Bindings yes && flow_of 6000 &&
		until_true is_whose "$seen" "[2001:db8:1::2]:6000 daemon open" &&
		same "notes" "" "$(grep -v 'has bindings since' /run/notes)" &&
		nat64ctl session flush --port4 "${seen#*:}" &&
		until_true is_whose "$seen" "[2001:db8:1::2]:6000 journal ended"
}

daemon_tells_first()
{
	nat64ctl config set State.Retention 1h && flow_of 6001 && nat64ctl session flush --port4 "${seen#*:}" &&
		until_true is_whose "$seen" "[2001:db8:1::2]:6001 daemon ended" &&
		until_true eval 'journalctl -o json NAT64D_PORT4="${seen#*:}" | grep -q "BIB delete"' &&
		is_whose "$seen" "[2001:db8:1::2]:6001 daemon ended"
}

# The journal says of each entry who has written it.
nobody_is_blamed()
{
	printf '%s\n' "MESSAGE=udp" MESSAGE_ID=b10f5ba5ae794245b6699702e722c7cd NAT64D_PROTOCOL=udp \
		NAT64D_ADDRESS6=2001:db8:1::66 NAT64D_PORT6=6000 NAT64D_ADDRESS4="${seen%:*}" NAT64D_PORT4="${seen#*:}" |
		runuser -u daemon -- logger --journald &&
		until_true eval 'journalctl -o json NAT64D_ADDRESS6=2001:db8:1::66 | grep -q _UID' &&
		is_whose "$seen" "[2001:db8:1::2]:6001 daemon ended" && cat /run/notes &&
		grep '1 entries about this that nat64d has not written' /run/notes &&
		nat64ctl config reset State.Retention && nat64ctl config reset Log.Bindings
}

# The journal goes on to tell when no daemon does.
journal_tells_without()
{
	! systemctl is-active nat64d.service && is_whose "$seen" "[2001:db8:1::2]:6001 journal ended" &&
		grep 'nat64d is not running' /run/notes && ! systemctl is-active nat64d.service
}
