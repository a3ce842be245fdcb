/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One IPv4 or IPv6 packet in a buffer, checked once and then viewed in place.
 *
 * packet_parse() finds the transport header and refuses what lies about its own shape (X-7, X-8,
 * T-23, T-37, T-38, X-9); nobody behind it checks lengths again. What needs addresses, tables or
 * policy is not judged here. The translators rewrite the packet in place: the new header is written
 * in front of the transport header, so the buffer needs PACKET_HEADROOM bytes before data.
 */
#pragma once

#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>

#include "daemon/core/addr.h"
#include "daemon/core/outcome.h"

/* IPv4 into IPv6 with a Fragment header grows by 28; an ICMP error grows so twice. */
#define PACKET_HEADROOM 64

#define IP6_HEADER_SIZE      40
#define IP4_HEADER_SIZE      20 /* without options */
#define FRAGMENT_HEADER_SIZE 8
#define ICMP_HEADER_SIZE     8
#define UDP_HEADER_SIZE      8
#define TCP_HEADER_SIZE      20   /* without options */
#define IP6_MTU_MIN          1280 /* RFC 8200, 5: no IPv6 link has less */

struct packet {
	uint8_t *data;             /* first byte of the IP header */
	uint32_t size;             /* of the IP packet; packet_parse() cuts padding off (T-10) */
	uint32_t headroom;         /* writable bytes in front of data */
	uint32_t mark;             /* netfilter's, carried over to what is sent */
	bool truncated;            /* the kernel gave less than the packet had */
	bool reassembled;          /* it was fragments when it came (F-19) */
	bool trust_inner_checksum; /* of the IPv4 header in an ICMP error (I-7) */
	bool superpacket;          /* segments of one flow that came as one packet (segment.h) */
	/* The TCP checksum field holds the pseudo header's sum (checksum.h): whoever sends it on
	 * finishes it. Always so of a superpacket. */
	bool unfinished;
	uint16_t segment_size; /* of a superpacket that leaves: TCP payload of each but the last */

	/* Found by packet_parse(). */
	uint8_t version;     /* 4 or 6 */
	uint8_t ip_protocol; /* IPPROTO_TCP, _UDP, _ICMP or _ICMPV6 */
	enum protocol protocol;
	bool is_icmp_error;
	bool is_fragment;         /* a real one: offset != 0 or more fragments follow */
	bool has_fragment_header; /* IPv6 only, also if atomic */
	bool more_fragments;
	bool dont_fragment;       /* IPv4 only */
	uint16_t fragment_offset; /* bytes */
	uint32_t fragment_id;
	uint8_t traffic_class;  /* or TOS */
	uint8_t hop_limit;      /* or TTL */
	uint32_t l4_offset;     /* of the transport header, or of the fragment's payload */
	uint32_t error_pointer; /* for OUTCOME_ROUTING_HEADER and _FRAGMENT_BAD */
};

/*
 * Checks and fills in what is above. OUTCOME_TRANSLATED: may go on. data, size, headroom, mark,
 * truncated, reassembled, trust_inner_checksum, superpacket and unfinished are the caller's; the
 * last is taken away from all but whole TCP packets, by finishing. For an IPv4 packet the header
 * checksum is verified; transport checksums are not, except that of ICMP errors (I-6).
 */
enum outcome packet_parse(struct packet *packet);

/* Makes an unfinished checksum a whole one; of a packet that is no fragment, and no superpacket. */
void packet_finish_checksum(const struct packet *packet);

static inline uint8_t *packet_l4(const struct packet *packet)
{
	return packet->data + packet->l4_offset;
}

static inline uint32_t packet_l4_size(const struct packet *packet)
{
	return packet->size - packet->l4_offset;
}

/* Loads and stores of big-endian fields at any address. */
static inline uint16_t load_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t load_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void store_be16(uint8_t *p, uint16_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static inline void store_be32(uint8_t *p, uint32_t value)
{
	store_be16(p, (uint16_t)(value >> 16));
	store_be16(p + 2, (uint16_t)value);
}

struct addr6 packet_src6(const struct packet *packet);
struct addr6 packet_dst6(const struct packet *packet);
uint32_t packet_src4(const struct packet *packet);
uint32_t packet_dst4(const struct packet *packet);

/* The TCP flags byte (TH_SYN, ...); the packet is unfragmented TCP. */
uint8_t packet_tcp_flags(const struct packet *packet);

/*
 * The packet embedded in an ICMP error, viewed like a packet of its own (I-8 to I-15). It may be
 * cut off anywhere behind its ports or identifier; its lengths are what its header claims.
 */
struct inner_packet {
	uint8_t *data;
	uint32_t
		present; /* bytes of the embedded packet that are there: no padding, no extension */
	uint32_t claimed; /* total size by its own header */
	uint8_t ip_protocol;
	enum protocol protocol;
	bool has_fragment_header;
	bool is_fragment; /* a first one with more to come */
	bool more_fragments;
	uint32_t fragment_id;
	uint8_t traffic_class;
	uint8_t hop_limit;
	uint32_t l4_offset;

	/* RFC 4884: behind the original datagram's field, or NULL. */
	const uint8_t *extension;
	uint32_t extension_size;
	uint32_t quoted_size; /* the original datagram's field: padding included */
};

/* packet->is_icmp_error. OUTCOME_TRANSLATED or OUTCOME_ICMP_INNER_UNUSABLE. */
enum outcome packet_parse_inner(const struct packet *packet, struct inner_packet *ret);
