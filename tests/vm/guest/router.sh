# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The machine "router": the package from installation to purge, on a router with a firewall.

: >>/etc/hosts
inventory >$memory/inventory
check "apt installs it, and it runs" installs
check "it runs as its own user, with CAP_NET_ADMIN and CAP_NET_RAW" runs_as_itself
check "it has nothing to complain of" is_silent
check "the packet rules are nft's queue" queues_by_nft
check "prefix, pool4 and forwarding are the default's" has_the_defaults
check "a default route by router advertisements stays" keeps_its_default_route
check "control socket and state are its own" is_for_its_group
check "nat64ctl doctor is content" doctor_is_content
check "the package's own test passes" sh service-test
check "systemctl reload takes a drop-in into use" reloads
check "servers listen" serve
check "ping" pings
check "TCP, with a checksum" client python3 peer.py checksum
check "UDP" udp_is_seen
check "two packet threads have the connections of one host by both queues" uses_both_threads
check "who: the journal tells whom it has logged" journal_tells_who
check "who: the daemon comes first, and nobody is told twice" daemon_tells_first
check "who: what others write into the journal blames nobody" nobody_is_blamed
check "no ping is lost by systemctl restart, and a download goes on" loses_nothing restart
echo "# $comment"
check "kill -9 under a download and pings" loses_what_is_late kill_it
check "kill -9 is at most a second of silence" silence_is_below 1
echo "# $comment"
check "the watchdog ends a packet thread that hangs, and traffic goes on" under_traffic hang_it
echo "# $comment"
check "no ping is lost by an upgrade, and a download goes on" loses_nothing install_version "$(cat other/version)"
echo "# $comment"
check "no ping is lost by a downgrade, and a download goes on" loses_nothing install_version "$(cat version)"
echo "# $comment"
check "busctl: everyone may look" everyone_may_look
check "busctl: nobody else may see bindings or change anything" nobody_else_may
check "polkit's rules may permit one of them" polkit_may_say_yes
check "the group nat64d-admin may" its_group_may
check "systemctl service-log-level" log_level
check "systemctl stop" is_stopped
check "who: without a daemon the journal still tells" journal_tells_without
check "who only looks does not start it" is_not_started_by_looking
check "a call on the bus starts it" is_started_by_a_call
check "a second instance" instance
check "an upgrade restarts it, too" instance_is_upgraded
check "a client of a prefix of the Internet's is served" client_of_the_second
check "a stranger from the other side is not" stranger_is_refused
check "raw: a firewall that lets the host out lets translated packets out" eval 'way raw && own_firewall accept && passes'
check "raw: doctor says that nothing is dropped" doctor_is_content_with_it
check "raw: a firewall that drops what it does not know" eval 'no_firewall && own_firewall drop && is_dropped'
check "raw: with the rules that doctor prints all passes" doctor_mends
check "packet: a firewall that drops what it does not know" eval 'no_firewall && way packet && own_firewall drop && is_dropped'
check "packet: with the rules that doctor prints all passes" doctor_mends
check "packet: ufw" eval 'no_firewall && ufw_begins && is_dropped'
check "packet: with the rules that doctor prints all passes ufw" doctor_mends
check "raw: ufw lets translated packets out" eval 'ufw_ends && way raw && ufw_begins && passes && doctor_is_content_with_it'
check "and all is as before" eval 'ufw_ends && way_of_before'
check "removed: rules and forwarding are as before" removes
check "purged: nothing is left" purges
end_of_boot
systemctl poweroff --force --force
