/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Parsing: IPv4 (RFC 791), IPv6 with its extension headers (RFC 8200), the shape of TCP, UDP and
 * ICMP, and the packet embedded in an ICMP error with RFC 4884 extensions.
 *
 * Whatever says where something ends is compared with what is there before it is believed, once.
 * Order: an IP header that lies is dropped silently; then come the refusals that are answered
 * (source route, routing header, unknown protocol), for which is_icmp_error and fragment_offset are
 * known, since errors about ICMP errors and later fragments must not be sent; then the transport.
 */
#include "daemon/core/packet.h"

#include "daemon/core/checksum.h"
#include "daemon/core/minmax.h"

#define EXTENSION_HEADERS_MAX 8   /* T-23 */
#define QUOTED_SIZE_MIN       128 /* RFC 4884, 4: in front of an extension */

#define IPPROTO_HIP   139
#define IPPROTO_SHIM6 140

#define IP6_FRAGMENT_OFFSET_MASK 0xfff8
#define IP6_FRAGMENT_MORE        0x0001

/* What stands between an IPv6 header and the transport header, RFC 8200, 4. */
struct chain {
	uint8_t next_header; /* behind the chain */
	uint32_t l4_offset;
	uint32_t segments_left_offset; /* of the first routing header not used up; 0: none */
	bool has_fragment_header;
	bool more_fragments;
	uint16_t fragment_offset;
	uint32_t fragment_id;
};

static bool is_skipped(uint8_t next_header)
{
	return next_header == IPPROTO_HOPOPTS || next_header == IPPROTO_ROUTING ||
	       next_header == IPPROTO_FRAGMENT || next_header == IPPROTO_DSTOPTS;
}

/* F-9: behind a Fragment header stands the transport header. ESP falls to "unknown protocol". */
static bool may_follow_fragment_header(uint8_t next_header)
{
	return !is_skipped(next_header) && next_header != IPPROTO_AH && next_header != IPPROTO_MH &&
	       next_header != IPPROTO_HIP && next_header != IPPROTO_SHIM6;
}

/* data has size bytes, of which the first 40 are the IPv6 header. */
static bool chain_parse(const uint8_t *data, uint32_t size, struct chain *ret)
{
	*ret = (struct chain){.next_header = data[6], .l4_offset = IP6_HEADER_SIZE};
	for (unsigned n = 0; is_skipped(ret->next_header); n++) {
		const uint8_t *header = data + ret->l4_offset;
		uint32_t rest = size - ret->l4_offset;
		uint32_t header_size;

		if (n == EXTENSION_HEADERS_MAX)
			return false;
		if (ret->next_header == IPPROTO_HOPOPTS && n != 0)
			return false;
		if (rest < 8)
			return false;

		header_size = 8;
		if (ret->next_header != IPPROTO_FRAGMENT)
			header_size += header[1] * 8u;
		if (rest < header_size)
			return false;

		if (ret->next_header == IPPROTO_ROUTING && header[3] != 0 &&
		    ret->segments_left_offset == 0)
			ret->segments_left_offset = ret->l4_offset + 3;
		if (ret->next_header == IPPROTO_FRAGMENT) {
			uint16_t field = load_be16(header + 2);

			if (!may_follow_fragment_header(header[0]))
				return false;
			ret->has_fragment_header = true;
			ret->more_fragments = (field & IP6_FRAGMENT_MORE) != 0;
			ret->fragment_offset = field & IP6_FRAGMENT_OFFSET_MASK;
			ret->fragment_id = load_be32(header + 4);
		}
		ret->next_header = header[0];
		ret->l4_offset += header_size;
	}
	return true;
}

/* T-8. Options that do not add up end the list: they are not passed on anyway (T-7). */
static bool has_source_route(const uint8_t *option, uint32_t size)
{
	while (size > 0 && option[0] != IPOPT_EOL) {
		uint32_t option_size = 1;

		if (option[0] != IPOPT_NOP) {
			if (size < 2 || option[1] < 2 || option[1] > size)
				return false;
			option_size = option[1];
		}
		if ((option[0] == IPOPT_LSRR || option[0] == IPOPT_SSRR) && option_size >= 3 &&
		    option[2] <= option_size)
			return true;
		option += option_size;
		size -= option_size;
	}
	return false;
}

static bool protocol_of(uint8_t version, uint8_t ip_protocol, enum protocol *ret)
{
	switch (ip_protocol) {
	case IPPROTO_TCP:
		*ret = PROTOCOL_TCP;
		return true;
	case IPPROTO_UDP:
		*ret = PROTOCOL_UDP;
		return true;
	case IPPROTO_ICMP:
		*ret = PROTOCOL_ICMP;
		return version == 4;
	case IPPROTO_ICMPV6:
		*ret = PROTOCOL_ICMP;
		return version == 6;
	}
	return false;
}

/* RFC 792, RFC 4443, 2.1: the messages that carry a packet. */
static bool is_icmp_error_type(uint8_t version, uint8_t type)
{
	if (version == 6)
		return type < 128;
	return type == ICMP_DEST_UNREACH || type == ICMP_SOURCE_QUENCH || type == ICMP_REDIRECT ||
	       type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETERPROB;
}

/* The header's length is 0 if it can not be one. */
static uint32_t ip4_header_size(const uint8_t *data, uint32_t size, bool trust_checksum)
{
	uint32_t header_size;

	if (size < IP4_HEADER_SIZE || data[0] >> 4 != 4)
		return 0;
	header_size = (data[0] & 0xf) * 4u;
	if (header_size < IP4_HEADER_SIZE || header_size > size)
		return 0;
	if (!trust_checksum && checksum_fold(checksum_add(0, data, header_size)) != 0xffff)
		return 0;
	return header_size;
}

static enum outcome parse_ip4(struct packet *packet)
{
	const uint8_t *data = packet->data;
	uint32_t header_size = ip4_header_size(data, packet->size, false);
	uint32_t total_length;
	uint16_t fragment;

	if (header_size == 0)
		return OUTCOME_MALFORMED_IP4;
	total_length = load_be16(data + 2);
	if (total_length < header_size || total_length > packet->size)
		return OUTCOME_MALFORMED_IP4;

	packet->size = total_length;
	packet->l4_offset = header_size;
	packet->traffic_class = data[1];
	packet->fragment_id = load_be16(data + 4);
	fragment = load_be16(data + 6);
	packet->dont_fragment = (fragment & IP_DF) != 0;
	packet->more_fragments = (fragment & IP_MF) != 0;
	packet->fragment_offset = (uint16_t)((fragment & IP_OFFMASK) * 8);
	packet->hop_limit = data[8];
	packet->ip_protocol = data[9];

	if (has_source_route(data + IP4_HEADER_SIZE, header_size - IP4_HEADER_SIZE))
		return OUTCOME_SOURCE_ROUTE;
	return OUTCOME_TRANSLATED;
}

static enum outcome parse_ip6(struct packet *packet)
{
	const uint8_t *data = packet->data;
	struct chain chain;
	uint32_t payload_length;

	if (packet->size < IP6_HEADER_SIZE)
		return OUTCOME_MALFORMED_IP6;
	payload_length = load_be16(data + 4);
	if (payload_length > packet->size - IP6_HEADER_SIZE)
		return OUTCOME_MALFORMED_IP6;
	if (payload_length == 0 && packet->size > IP6_HEADER_SIZE)
		return OUTCOME_MALFORMED_IP6; /* a jumbogram, T-23 */

	packet->size = IP6_HEADER_SIZE + payload_length;
	packet->traffic_class = (uint8_t)(load_be16(data) >> 4);
	packet->hop_limit = data[7];
	if (!chain_parse(data, packet->size, &chain))
		return OUTCOME_BAD_EXTENSION_HEADERS;

	packet->ip_protocol = chain.next_header;
	packet->l4_offset = chain.l4_offset;
	packet->has_fragment_header = chain.has_fragment_header;
	packet->more_fragments = chain.more_fragments;
	packet->fragment_offset = chain.fragment_offset;
	packet->fragment_id = chain.fragment_id;
	packet->error_pointer = chain.segments_left_offset;
	return chain.segments_left_offset == 0 ? OUTCOME_TRANSLATED : OUTCOME_ROUTING_HEADER;
}

/* What is too short for its header: F-4 if the rest of it is in another fragment. */
static enum outcome too_short(const struct packet *packet, enum outcome outcome)
{
	return packet->is_fragment ? OUTCOME_FRAGMENT_TINY : outcome;
}

/* T-38, X-9. The whole header, options included, is in the first fragment (F-25). */
static enum outcome parse_tcp(const struct packet *packet)
{
	const uint8_t *tcp = packet_l4(packet);
	uint32_t size = packet_l4_size(packet);
	uint32_t header_size;
	uint8_t flags;

	if (size < TCP_HEADER_SIZE)
		return too_short(packet, OUTCOME_MALFORMED_TCP);
	header_size = (tcp[12] >> 4) * 4u;
	if (header_size < TCP_HEADER_SIZE)
		return OUTCOME_MALFORMED_TCP;
	if (header_size > size)
		return too_short(packet, OUTCOME_MALFORMED_TCP);

	flags = packet_tcp_flags(packet);
	if (flags == 0 || ((flags & TH_SYN) && (flags & (TH_FIN | TH_RST))))
		return OUTCOME_BAD_TCP_FLAGS;
	return OUTCOME_TRANSLATED;
}

/* T-36, T-37. A first fragment has less than the length says. */
static enum outcome parse_udp(const struct packet *packet)
{
	const uint8_t *udp = packet_l4(packet);
	uint32_t size = packet_l4_size(packet);
	uint16_t length;

	if (size < UDP_HEADER_SIZE)
		return too_short(packet, OUTCOME_MALFORMED_UDP);
	length = load_be16(udp + 4);
	if (length < UDP_HEADER_SIZE || (length > size && !packet->is_fragment))
		return OUTCOME_MALFORMED_UDP;
	if (packet->version == 6 && load_be16(udp + 6) == 0)
		return OUTCOME_UDP6_ZERO_CHECKSUM;
	return OUTCOME_TRANSLATED;
}

/* I-6. */
static enum outcome parse_icmp(const struct packet *packet)
{
	uint32_t size = packet_l4_size(packet);
	uint64_t sum = 0;

	if (size < ICMP_HEADER_SIZE)
		return too_short(packet, OUTCOME_MALFORMED_ICMP);
	if (!packet->is_icmp_error || packet->is_fragment)
		return OUTCOME_TRANSLATED;

	if (packet->version == 6) {
		struct addr6 src = packet_src6(packet);
		struct addr6 dst = packet_dst6(packet);

		sum = checksum_pseudo6(&src, &dst, size, IPPROTO_ICMPV6);
	}
	if (checksum_fold(checksum_add(sum, packet_l4(packet), size)) != 0xffff)
		return OUTCOME_ICMP_BAD_CHECKSUM;
	return OUTCOME_TRANSLATED;
}

/* The field holds the sum of what stands in front of the transport header. */
void packet_finish_checksum(const struct packet *packet)
{
	const bool is_udp = packet->protocol == PROTOCOL_UDP;
	uint8_t *field = packet_l4(packet) + (is_udp ? 6 : 16);
	uint16_t check =
		checksum_finish(checksum_add(0, packet_l4(packet), packet_l4_size(packet)));

	if (is_udp && check == 0)
		check = 0xffff; /* RFC 768 */
	memcpy(field, &check, sizeof(check));
}

static enum outcome parse_transport(struct packet *packet)
{
	switch (packet->protocol) {
	case PROTOCOL_TCP:
		return parse_tcp(packet);
	case PROTOCOL_UDP:
		return parse_udp(packet);
	case PROTOCOL_ICMP:
	case N_PROTOCOLS:
		break;
	}
	return parse_icmp(packet);
}

/* What the kernel has left to a network device: it does so with whole TCP and UDP packets only, and
 * where the datagrams of a UDP superpacket end it does not say. */
static enum outcome parse_offload(struct packet *packet)
{
	const bool is_whole_tcp = packet->protocol == PROTOCOL_TCP && !packet->is_fragment;

	if (packet->superpacket && !is_whole_tcp)
		return OUTCOME_SUPERPACKET_NOT_TCP;
	if (packet->superpacket)
		packet->unfinished = true;
	if (packet->unfinished && packet->protocol == PROTOCOL_UDP && !packet->is_fragment)
		packet_finish_checksum(packet);
	if (!is_whole_tcp)
		packet->unfinished = false;
	return OUTCOME_TRANSLATED;
}

enum outcome packet_parse(struct packet *packet)
{
	enum outcome outcome;

	*packet = (struct packet){
		.data = packet->data,
		.size = packet->size,
		.headroom = packet->headroom,
		.mark = packet->mark,
		.truncated = packet->truncated,
		.reassembled = packet->reassembled,
		.trust_inner_checksum = packet->trust_inner_checksum,
		.superpacket = packet->superpacket,
		.unfinished = packet->unfinished,
		.version = packet->size > 0 && packet->data[0] >> 4 == 6 ? 6 : 4,
	};
	if (packet->truncated)
		return OUTCOME_TRUNCATED;

	outcome = packet->version == 6 ? parse_ip6(packet) : parse_ip4(packet);
	if (packet->l4_offset == 0)
		return outcome;
	packet->is_fragment = packet->more_fragments || packet->fragment_offset != 0;

	if (!protocol_of(packet->version, packet->ip_protocol, &packet->protocol))
		return outcome == OUTCOME_TRANSLATED ? OUTCOME_UNKNOWN_PROTOCOL : outcome;
	if (packet->fragment_offset != 0)
		return outcome;
	packet->is_icmp_error = packet->protocol == PROTOCOL_ICMP && packet_l4_size(packet) > 0 &&
				is_icmp_error_type(packet->version, packet_l4(packet)[0]);
	if (outcome != OUTCOME_TRANSLATED)
		return outcome;

	outcome = parse_transport(packet);
	return outcome == OUTCOME_TRANSLATED ? parse_offload(packet) : outcome;
}

struct addr6 packet_src6(const struct packet *packet)
{
	struct addr6 addr;

	memcpy(addr.byte, packet->data + 8, sizeof(addr.byte));
	return addr;
}

struct addr6 packet_dst6(const struct packet *packet)
{
	struct addr6 addr;

	memcpy(addr.byte, packet->data + 24, sizeof(addr.byte));
	return addr;
}

uint32_t packet_src4(const struct packet *packet)
{
	return load_be32(packet->data + 12);
}

uint32_t packet_dst4(const struct packet *packet)
{
	return load_be32(packet->data + 16);
}

uint8_t packet_tcp_flags(const struct packet *packet)
{
	return packet_l4(packet)[13];
}

/* RFC 4884, 7 and 8: "the version number is 2", and a checksum of 0 says that there is none. */
static bool is_extension(const uint8_t *extension, uint32_t size)
{
	if (size < 4 || extension[0] >> 4 != 2)
		return false;
	return load_be16(extension + 2) == 0 ||
	       checksum_fold(checksum_add(0, extension, size)) == 0xffff;
}

/* RFC 4884, 4: the length attribute, in bytes; 0 if there is none. */
static uint32_t length_attribute(const struct packet *packet)
{
	const uint8_t *icmp = packet_l4(packet);

	if (packet->version == 6)
		return icmp[0] == ICMP6_DST_UNREACH || icmp[0] == ICMP6_TIME_EXCEEDED ? icmp[4] * 8u
										      : 0;
	return icmp[0] == ICMP_DEST_UNREACH || icmp[0] == ICMP_TIME_EXCEEDED ||
			       icmp[0] == ICMP_PARAMETERPROB
		       ? icmp[5] * 4u
		       : 0;
}

/*
 * Where the original datagram's field ends. Before RFC 4884 the byte of the length attribute was
 * unused and may hold anything, so it is believed only if a valid extension stands where it points.
 */
static void find_extension(const struct packet *packet, struct inner_packet *ret)
{
	uint32_t size = packet_l4_size(packet) - ICMP_HEADER_SIZE;
	uint32_t quoted_size = length_attribute(packet);

	ret->quoted_size = size;
	if (quoted_size < QUOTED_SIZE_MIN || quoted_size > size ||
	    !is_extension(ret->data + quoted_size, size - quoted_size))
		return;
	ret->quoted_size = quoted_size;
	ret->extension = ret->data + quoted_size;
	ret->extension_size = size - quoted_size;
}

/* I-7, I-8. */
/* RFC 5508, REQ-3: options are skipped (b), the header's checksum is verified (a, I-7). */
static bool inner_parse_ip4(struct inner_packet *inner, bool trust_checksum)
{
	const uint8_t *data = inner->data;
	uint32_t header_size = ip4_header_size(data, inner->quoted_size, trust_checksum);
	uint16_t fragment;

	if (header_size == 0)
		return false;
	fragment = load_be16(data + 6);
	if ((fragment & IP_OFFMASK) != 0)
		return false;

	inner->claimed = load_be16(data + 2);
	inner->l4_offset = header_size;
	inner->traffic_class = data[1];
	inner->fragment_id = load_be16(data + 4);
	inner->more_fragments = (fragment & IP_MF) != 0;
	inner->hop_limit = data[8];
	inner->ip_protocol = data[9];
	return true;
}

static bool inner_parse_ip6(struct inner_packet *inner)
{
	const uint8_t *data = inner->data;
	struct chain chain;

	if (inner->quoted_size < IP6_HEADER_SIZE || data[0] >> 4 != 6)
		return false;
	inner->claimed = IP6_HEADER_SIZE + load_be16(data + 4);
	if (!chain_parse(data, min_u32(inner->claimed, inner->quoted_size), &chain))
		return false;
	if (chain.fragment_offset != 0 || chain.segments_left_offset != 0)
		return false;

	inner->l4_offset = chain.l4_offset;
	inner->traffic_class = (uint8_t)(load_be16(data) >> 4);
	inner->has_fragment_header = chain.has_fragment_header;
	inner->more_fragments = chain.more_fragments;
	inner->fragment_id = chain.fragment_id;
	inner->hop_limit = data[7];
	inner->ip_protocol = chain.next_header;
	return true;
}

static bool is_echo_type(uint8_t version, uint8_t type)
{
	if (version == 6)
		return type == ICMP6_ECHO_REQUEST || type == ICMP6_ECHO_REPLY;
	return type == ICMP_ECHO || type == ICMP_ECHOREPLY;
}

/* I-13, I-15: are the ports there, or the identifier of an echo? */
static bool inner_has_tuple(const struct inner_packet *inner, uint8_t version)
{
	uint32_t l4_size;

	if (inner->present < inner->l4_offset)
		return false;
	l4_size = inner->present - inner->l4_offset;
	if (inner->protocol != PROTOCOL_ICMP)
		return l4_size >= 4;
	return l4_size >= 6 && is_echo_type(version, inner->data[inner->l4_offset]);
}

enum outcome packet_parse_inner(const struct packet *packet, struct inner_packet *ret)
{
	*ret = (struct inner_packet){.data = packet_l4(packet) + ICMP_HEADER_SIZE};
	find_extension(packet, ret);

	if (packet->version == 6 ? !inner_parse_ip6(ret)
				 : !inner_parse_ip4(ret, packet->trust_inner_checksum))
		return OUTCOME_ICMP_INNER_UNUSABLE;
	ret->is_fragment = ret->more_fragments;
	ret->present = min_u32(ret->claimed, ret->quoted_size);
	if (!protocol_of(packet->version, ret->ip_protocol, &ret->protocol) ||
	    !inner_has_tuple(ret, packet->version))
		return OUTCOME_ICMP_INNER_UNUSABLE;
	return OUTCOME_TRANSLATED;
}
