/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets as a line of a scenario describes them: made from the words (scenario_packet.c), or
 * compared with them (scenario_compare.c). Shares no code with the core's packet handling.
 *
 *	v6|v4 SRC > DST tcp SPORT > DPORT FLAGS     FLAGS of S A F R P, or . for none
 *	                udp SPORT > DPORT
 *	                echo ID | reply ID
 *	                icmp TYPE/CODE
 *	                proto NUMBER
 * then options, each a word and its value, in any order:
 *	len N        bytes of payload (0, 1, 2, ... mod 256)
 *	ttl N        hop limit, 64
 *	tos N        traffic class, 0
 *	flow N       IPv6 Flow Label
 *	df 0|1       DF bit, 0
 *	id N         IPv4 Identification
 *	seq N        TCP or echo sequence
 *	ack N, win N, mss N    of TCP; mss is an option
 *	mtu N, ptr N           of an ICMP error
 * only in packets that are made:
 *	badsum N     transport checksum wrong by N
 *	nosum 1      transport checksum 0
 *	udplen N     UDP length, whatever the payload
 *	ext LIST     IPv6 extension headers of 8 bytes: hbh,dst,rt0,rt1,ah,frag
 *	             (rt1 has a segment left)
 *	opt HEX      IPv4 options
 *	frag OFFSET/MORE       a fragment; IPv6 with its header
 *	atomic ID    IPv6 Fragment header, offset 0, no more; with frag its Identification
 *	piece OFFSET+SIZE      of the whole packet only the fragment with this part of its payload;
 *	             id is the Identification in both families
 *	poke OFFSET=HEX        a byte, after everything else; many times
 *	super 1      a superpacket of TCP, its checksum unfinished
 *	unfinished 1 TCP or UDP whose checksum is unfinished
 *	pad N        bytes of link padding behind the packet
 *	cut N        only the first N bytes (of a packet in an ICMP error)
 * only in packets that are compared:
 *	size N, claims N       of the whole packet; by its own header
 *	fragoff N, more N, atomic ID    fragoff -1: no Fragment header
 *	peek OFFSET=HEX        a byte; many times
 *	segment N    what a superpacket is to be cut into; 0: it is none
 *	unfinished 0|1         its checksum, which is judged either way; 0 if not named
 * and last:
 *	about v6|v4 ...        what an ICMP error is about: everything that follows
 *
 * A port, identifier, address or number may be $NAME: in a packet that is made it must have been
 * seen before; in one that is compared it takes the value at first sight, and must equal it later.
 * Comparison looks only at what the line names.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* words: the line's words from "v6" or "v4" on, NULL at the end; variables: name -> text.
 * Fails the test with where in the message if the words make no sense. */
GByteArray *scenario_packet_make(char **words, GHashTable *variables, const char *where);

/* What a packet is that is made, or compared: the value of an option that stands in none of its
 * bytes; 0 if it is not named. */
uint64_t scenario_packet_option(char **words, const char *name, const char *where);

/* The sum of the pseudo header in place of the TCP or UDP checksum, and back. */
void scenario_packet_unfinish(uint8_t *data, size_t size);
void scenario_packet_finish(uint8_t *data, size_t size);

/* NULL if the packet is as described, else why not; free with g_free(). */
char *scenario_packet_compare(char **words, GHashTable *variables, const char *where,
			      const uint8_t *data, size_t size);

/* One line about a packet, for messages; free with g_free(). */
char *scenario_packet_describe(const uint8_t *data, size_t size);
