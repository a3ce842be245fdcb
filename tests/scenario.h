/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Plays a scenario (tests/packets/NAME.pkt) against the core: packets and a clock in, packets and
 * outcomes compared. '#' begins a comment line; the first one names what the scenario shows.
 *
 * The gateway, before the first packet:
 *	pool6 PREFIX                      another one each time; without any 64:ff9b::/96
 *	pool4 ADDRESSES PORTS [PROTOCOLS [CLIENTS]]
 *	                                  as in the configuration, lists with commas: tcp,udp
 *	set KEY VALUE                     see settings[] in scenario_settings.c
 *	limit bindings|sessions|sessions_PROTOCOL|stored_syns|fragment_memory N
 *	limit deterministic 1 | limit block_size N   Pool4.Mode
 *	limit want_bindings 1             events of bindings, or of blocks
 *	answer OUTCOME no|limited|unlimited   its ICMP error
 *	deny | deny_source | exempt4 | nonglobal | clients PREFIX    another one each time
 *	exempt_ports PROTOCOL FIRST-LAST PREFIX
 *	own4 ADDRESS | own6 ADDRESS       configured on the gateway
 *	listen PROTOCOL ADDRESS:PORT      a local socket
 *	mtu4 N | mtu6 N                   of all routes but:
 *	route4 PREFIX none|dead|trial|MTU  route6 PREFIX none|dead|trial|default|MTU
 *	static PROTOCOL [V6]:PORT V4:PORT
 * Steps; TIME is behind the step before, in ms, s, min or h, and may be left out:
 *	[+TIME] in PACKET                 PACKET as in scenario_packet.h
 *	[+TIME] flood COUNT PACKET        so many, @ in its words being 1, 2, 3, ...; not compared
 *	[+TIME] expire                    only the clock
 *	block PREFIX [TIME] | unblock PREFIX   the administrator stops a client's traffic
 * What must have come of the step before, in this order:
 *	out PACKET                        one line for every packet that is sent
 *	join PACKET                       all that is sent, put together
 *	end OUTCOME                       its name in outcome.h; without it TRANSLATED or HAIRPINNED
 * What must hold now:
 *	bindings PROTOCOL N | sessions PROTOCOL N | stored N | fragments N | incomplete N
 *	                                  packets of which fragments wait; that never became whole
 *	counted OUTCOME N                 packets so far that ended so
 *	held PROTOCOL N | reused PROTOCOL N   ports held down; given out before their time
 *	binding PROTOCOL [V6]:PORT V4:PORT    variables allowed in place of a port
 *	event KIND                        the next event, as in event.h
 *	state STATE                       of the only TCP session
 *	timer SECONDS                     what is left of the only TCP session's lifetime
 * Every packet sent is judged by a second, naive implementation of the checksums, and the tables'
 * invariants are checked after each step.
 */
#pragma once

/* Ends the test at the first line that does not hold. */
void scenario_play(const char *path);
/* The same for a text made by a test; name is for messages. */
void scenario_play_text(const char *name, const char *text);
