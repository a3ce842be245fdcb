# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Packets through it, and what goes on under a download and a ping.

# In the lab documentation addresses are reached through 64:ff9b::/96.
reloads()
{
	mkdir -p /etc/nat64d/nat64d.conf.d
	printf '[Translation]\nAllowNonGlobal=198.51.100.0/24\n' >/etc/nat64d/nat64d.conf.d/lab.conf
	systemctl reload nat64d.service && until_true client ping -n -c 1 -W 1 $server6
}

serve()
{
	systemd-run --quiet --unit=peer-server ip netns exec server python3 /cases/peer.py serve
	until_true servers_listen
}

servers_listen()
{
	[ "$(ip netns exec server ss -Htuln | grep -c -e ':700[012] ' -e ':7 ')" = 4 ]
}

pings()
{
	client ping -n -c 3 $server6
}

udp_is_seen()
{
	seen=$(client python3 peer.py udp 5000) && same "seen as" 192.0.2.1 "${seen%:*}"
}

# with_threads N: so many packet threads, and as many queues for TCP, whose numbers come first.
with_threads()
{
	printf '[Queue]\nWorkers=%d\n' "$1" >/etc/nat64d/nat64d.conf.d/workers.conf &&
		systemctl restart nat64d.service &&
		same "packet threads" "$1" "$(grep -cH '^packets$' /proc/"$(main_pid)"/task/*/comm | grep -c ':1$')"
}

# Connections of one host, until both of the two queues have had some of them.
come_by_both()
{
	client bash -c "exec 3<>/dev/tcp/$server6/7000 && read -r -u 3" || return
	nat64ctl --json stats | jq -r '.[] | select(.name | test("^queue_[0-9]+_received$")) | "\(.name) \(.value)"' |
		sort >/run/queues
	cat /run/queues
	same "queues of TCP with packets" 2 "$(head -n 2 /run/queues | awk '$2 > 0' | wc -l)"
}

# By nft's hash of addresses and ports: this kernel has it.
uses_both_threads()
{
	with_threads 2 && nft list table inet nat64d | grep jhash && until_true come_by_both && pings && with_threads 1 &&
		! nft list table inet nat64d | grep jhash && pings && rm /etc/nat64d/nat64d.conf.d/workers.conf &&
		systemctl restart nat64d.service && pings
}

# A download and pings, 100 a second, that go on meanwhile.
begin_traffic()
{
	rm -f /run/download /run/ping
	# Not by the function: its process would be a shell.
	ip netns exec client python3 peer.py download >/run/download.out 2>&1 &
	download=$!
	ip netns exec client python3 peer.py ping >/run/ping.out 2>&1 &
	ping=$!
	until_true is_above /run/download 0 && until_true is_above /run/ping 100
}

# is_above FILE N: what stands in the file.
is_above()
{
	local found
	found=$(cat "$1" 2>/dev/null)
	[ "${found:-0}" -gt "$2" ]
}

# more FILE N: so much more than now, within a minute.
more()
{
	local found
	found=$(cat "$1")
	until_true is_above "$1" $((found + $2))
}

# The download goes on, with all that it should have, and pings are answered again. How many were not is the
# first word of ping.out.
traffic_goes_on()
{
	local status
	more /run/download 64 && more /run/ping 10
	status=$?
	kill -TERM $ping $download
	wait $ping
	wait $download || { cat /run/download.out && return 1; }
	comment="download $(cat /run/download.out); $(cat /run/ping.out)"
	echo "$comment"
	return $status
}

# under_traffic COMMAND…
under_traffic()
{
	begin_traffic && "$@" && traffic_goes_on
}

# loses_nothing COMMAND…: not one ping.
loses_nothing()
{
	under_traffic "$@" && same "lost pings" 0 "$(cut -d' ' -f1 /run/ping.out)"
}

# loses_what_is_late COMMAND…: that, and what a killed one had in hand.
loses_what_is_late()
{
	local lost late
	under_traffic "$@" || return
	lost=$(cut -d' ' -f1 /run/ping.out)
	late=$(nat64ctl --json stats | jq '[.[] | select(.name | endswith("_late")) | .value] | add')
	echo "$lost pings lost, $late packets late"
	[ "$lost" -le $((late + 64)) ]
}

# silence_is_below SECONDS: of the last pings, by the machine's own clock.
silence_is_below()
{
	awk -v most="$1" '{ print; exit !($(NF - 1) <= most) }' /run/ping.out
}

restart()
{
	systemctl restart nat64d.service
}

another_pid()
{
	[ "$(main_pid)" != "$1" ] && systemctl is-active -q nat64d.service
}

kill_it()
{
	local pid
	pid=$(main_pid)
	kill -KILL "$pid" && until_true another_pid "$pid"
}

hang_it()
{
	local pid
	pid=$(main_pid)
	python3 hang.py "$pid" >/run/hang 2>&1 &
	until_true grep stopped /run/hang && until_true another_pid "$pid" &&
		journalctl -b -u nat64d.service | grep -i 'watchdog timeout'
}

# install_version VERSION: what apt does about another one.
install_version()
{
	apt-get install -y -qq --no-install-recommends --allow-downgrades "$(ls ./nat64d_*.deb ./other/*.deb | grep "_$1_")" &&
		same version "$1" "$(dpkg-query -W -f '${Version}' nat64d)" && systemctl is-active nat64d.service
}
