#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# nat64ctl trace of real packets, with a file of both sides.

. "$(dirname "$0")/tap.sh"
tap_begin "$@"

# trace ARGUMENTS… -- COMMAND…: what it prints while the command runs is in $RUN/traced.
trace()
{
	local arguments=()
	while [ "$1" != -- ]; do
		arguments+=("$1")
		shift
	done
	shift
	rm -f "$RUN/packets"
	node_start gateway traced "$NAT64CTL" trace "${arguments[@]}" && until_true 5 is_tracing || return
	"$@"
	wait "${TOPOLOGY_PIDS[traced]}"
	set -- $?
	unset "TOPOLOGY_PIDS[traced]"
	cp "$RUN/traced.log" "$RUN/traced"
	same "exit status" 0 "$1"
}

# The pipe has a reader by then, and the file its beginning.
is_tracing()
{
	[ -s "$RUN/packets" ] && sleep 0.3
}

# holds LINE…: the packets in the file, without their times; in this order, and no others.
holds()
{
	tests/netns/pcapng.py "$RUN/packets" >"$RUN/listed" || return
	cat "$RUN/listed"
	same packets "$(printf '%s\n' "$@")" "$(cut -d ' ' -f 2- "$RUN/listed" | sed 's/203\.0\.113\.[0-9]*/POOL4/; s/ *$//')"
}

one_ping()
{
	trace --protocol icmp --count 2 --pcap "$RUN/packets" -- node client ping -n -c 1 -s 100 -W 5 $TOPOLOGY_SERVER6 &&
		holds "IPv6 came icmp6 2001:db8:1::2 > $TOPOLOGY_SERVER6 148/148 translated and sent" \
			"IPv4 left icmp POOL4 > $TOPOLOGY_SERVER4 128/128" \
			"IPv4 came icmp $TOPOLOGY_SERVER4 > POOL4 128/128 translated and sent" \
			"IPv6 left icmp6 $TOPOLOGY_SERVER6 > 2001:db8:1::2 148/148"
}

# Their time is now.
its_time()
{
	local now
	now=$(date +%s)
	while read -r time _; do
		[ $((now - time)) -ge 0 ] && [ $((now - time)) -lt 30 ] || return
	done <"$RUN/listed"
}

# Steps stand on the terminal as without a file.
its_steps()
{
	same packets 2 "$(grep -c ': translated and sent$' "$RUN/traced")" && grep -E '^  outcome ' "$RUN/traced" &&
		! grep '"bytes"' "$RUN/traced"
}

# An answer of the gateway's own is what has left.
refused()
{
	trace --count 1 --pcap "$RUN/packets" -- node client ping -n -c 1 -W 1 -t 2 $TOPOLOGY_SERVER6
	holds "IPv6 came icmp6 2001:db8:1::2 > $TOPOLOGY_SERVER6 104/104 $(ctl --json stats --all |
		sed -n 's/.*"packets_6to4_hop_limit".*"description":"\([^"]*\)".*/\1/p')" \
		"IPv6 left icmp6 $TOPOLOGY_GATEWAY6 > 2001:db8:1::2 152/152"
}

# Of a large one the beginning.
large()
{
	trace --protocol icmp --count 1 --pcap "$RUN/packets" -- node client ping -n -c 1 -s 1400 -W 5 $TOPOLOGY_SERVER6 &&
		holds "IPv6 came icmp6 2001:db8:1::2 > $TOPOLOGY_SERVER6 1448/1448 translated and sent" \
			"IPv4 left icmp POOL4 > $TOPOLOGY_SERVER4 1428/1428"
}

# What leaves in pieces is there in pieces; what came in pieces, as it came.
in_pieces()
{
	trace --protocol icmp --count 2 --pcap "$RUN/packets" -- node client ping -n -c 1 -s 3000 -W 5 $TOPOLOGY_SERVER6
	tests/netns/pcapng.py "$RUN/packets" >"$RUN/listed" || return
	cat "$RUN/listed"
	[ "$(grep -c 'came fragment' "$RUN/listed")" -ge 1 ]
}

# The lines of JSON are those of packets only.
in_json()
{
	trace --json --protocol icmp --count 2 --pcap "$RUN/packets" -- node client ping -n -c 1 -W 5 $TOPOLOGY_SERVER6 &&
		same lines 2 "$(wc -l <"$RUN/traced")" && same packets 2 "$(grep -c '"outcome":"translated"' "$RUN/traced")" &&
		same packets 4 "$(tests/netns/pcapng.py "$RUN/packets" | wc -l)"
}


no_file()
{
	ctl trace --count 1 --pcap /nonexistent/packets 2>"$RUN/errors"
	same "exit status" 1 $? && grep -x 'nat64ctl: /nonexistent/packets: No such file or directory' "$RUN/errors"
}

# Said when the disk is full, and it ends.
full_disk()
{
	ctl trace --count 1 --pcap /dev/full 2>"$RUN/errors"
	same "exit status" 1 $? && grep -x 'nat64ctl: /dev/full: No space left on device' "$RUN/errors"
}

gateway_configure routed
tap_gateway
check "a ping, there and back" one_ping
check "the time of its packets" its_time
check "the steps beside the file" its_steps
check "a packet that is refused, and the answer" refused
check "a large packet" large
check "packets in pieces" in_pieces
check "JSON beside the file" in_json
check "a file that can not be made" no_file
check "a full disk" full_disk
check "nat64d ends with status 0" daemon_ends_well
tap_end
