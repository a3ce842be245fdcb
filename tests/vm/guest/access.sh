# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Who may do what by bus, polkit and group; activation; other instances.

# call_as USER METHOD [ARGUMENT…]
call_as()
{
	local user=$1
	shift
	runuser -u "$user" -- busctl call org.nat64d1 /org/nat64d1 org.nat64d1.Manager "$@"
}

everyone_may_look()
{
	call_as alice GetStatistics >/dev/null && call_as alice ListPool4 su "" 10 &&
		runuser -u alice -- busctl get-property org.nat64d1 /org/nat64d1 org.nat64d1.Manager State &&
		runuser -u alice -- busctl introspect org.nat64d1 /org/nat64d1 >/dev/null
}

# not_as USER METHOD…: refused; busctl does not say with which words.
not_as()
{
	! call_as "$@" >/run/refused 2>&1 && cat /run/refused && grep -q 'Access denied' /run/refused
}

# The same, with the words.
not_by_command()
{
	runuser -u alice -- nat64ctl "$@" >/run/refused 2>&1
	same "exit status" 5 $? && grep -q 'only root and members of group nat64d-admin may' /run/refused
}

nobody_else_may()
{
	not_as alice ListBib 'a{sv}su' 0 "" 10 && not_as alice AddPool4 'sssa{sv}' 192.0.2.8/29 "" "" 0 &&
		not_by_command bib list
}

polkit_may_say_yes()
{
	cat >/etc/polkit-1/rules.d/10-alice.rules <<-END
		polkit.addRule(function (action, subject) {
			if (action.id == "org.nat64d1.read-bindings" && subject.user == "alice")
				return polkit.Result.YES;
		});
	END
	until_true call_as alice ListBib 'a{sv}su' 0 "" 10 && not_as alice AddPool4 'sssa{sv}' 192.0.2.8/29 "" "" 0
}

its_group_may()
{
	usermod -a -G nat64d-admin bob &&
		runuser -u bob -- nat64ctl --socket /run/nat64d/control client block 2001:db8:9::/64 &&
		call_as bob ListBib 'a{sv}su' 0 "" 10 && nat64ctl client blocked | grep 2001:db8:9::/64
}

log_level()
{
	systemctl service-log-level nat64d.service debug && same level debug "$(systemctl service-log-level nat64d.service)" &&
		systemctl service-log-level nat64d.service info
}

instance()
{
	printf '[Translation]\nPool6=2001:db8:64::/96\n[Queue]\nFirst=6500\n[Pool4 main]\nAddresses=203.0.113.32\n' \
		>/etc/nat64d/second.conf
	systemctl enable --now nat64d@second.service && nat64ctl -i second --json status | grep 2001:db8:64::/96 &&
		nft list table inet nat64d_second >/dev/null &&
		busctl get-property org.nat64d1.second /org/nat64d1 org.nat64d1.Manager State &&
		systemctl restart nat64d.service && systemctl is-active nat64d.service &&
		nat64ctl -i second --socket /run/nat64d/second/control status >/dev/null
}

# The instance goes on with the program of another version, and with that of this one again.
instance_is_upgraded()
{
	local before
	for version in "$(cat other/version)" "$(cat version)"; do
		before=$(systemctl show --property=MainPID --value nat64d@second.service)
		install_version "$version" && systemctl is-active nat64d@second.service || return
		[ "$(systemctl show --property=MainPID --value nat64d@second.service)" != "$before" ] ||
			{ echo "$before still runs" && return 1; }
	done
}

# ---- started by a call --------------------------------------------------------------------------

is_stopped()
{
	systemctl stop nat64d.service && [ "$(systemctl is-active nat64d.service)" = inactive ]
}

# nat64ctl only looks, and lets it rest.
is_not_started_by_looking()
{
	! nat64ctl status && [ "$(systemctl is-active nat64d.service)" = inactive ]
}

is_started_by_a_call()
{
	busctl get-property org.nat64d1 /org/nat64d1 org.nat64d1.Manager State && systemctl is-active nat64d.service &&
		until_true client ping -n -c 1 -W 1 $server6
}

# ---- strangers ----------------------------------------------------------------------------------

# The second instance has a prefix of the Internet's.
client_of_the_second()
{
	until_true client ping -n -c 1 -W 1 2001:db8:64::c633:6402
}

stranger_is_refused()
{
	! ip netns exec server ping -n -c 2 -W 1 -I 2001:db8:5::2 2001:db8:64::c633:6402 &&
		nat64ctl -i second --json stats | jq -e '.[] | select(.name == "packets_6to4_client_not_allowed") | .value >= 2' &&
		! nat64ctl -i second --json bib list | grep 2001:db8:5::2
}
