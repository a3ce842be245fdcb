/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The gateway's own ICMP errors, see icmp_error.h: the limit, the judgement, the message.
 *
 * RFC 4443, 2.4 (when, and how large), RFC 1812, 4.3.2 (the same for IPv4), RFC 7915, 4.4 and 5.4.
 */
#include "daemon/core/icmp_error.h"

#include "daemon/core/checksum.h"
#include "daemon/core/ip_header.h"
#include "daemon/core/minmax.h"

/* I-26: of the whole message, IP header included. */
#define ERROR6_SIZE_MAX 1280
#define ERROR4_SIZE_MAX 576

#define ERROR_HOP_LIMIT 64

/* I-32: the DSCP without the ECN bits, which are about the other packet's way (RFC 3168, 5). */
#define DSCP_MASK 0xfc

/* T-23 gives the limit for packets that go on; more is not looked through here either. */
#define EXTENSION_HEADERS_MAX 8

/* K-11: errors about size. */
#define SIZE_FACTOR 10

void icmp_limit_init(struct icmp_limit *limit, const struct icmp_limit_config *config,
		     const struct siphash_key *key)
{
	*limit = (struct icmp_limit){.config = *config, .key = *key};
}

static bool limit_allow(struct icmp_limit *limit, const uint8_t *prefix, size_t prefix_size,
			bool size, uint64_t now_ms)
{
	const uint64_t factor = size ? SIZE_FACTOR : 1;
	const uint64_t hash = siphash(&limit->key, prefix, prefix_size);
	struct token_bucket *own = &limit->bucket[size][hash % ICMP_LIMIT_BUCKETS];
	struct token_bucket *total = &limit->total[size];

	token_bucket_refill(own, limit->config.rate * factor, now_ms);
	token_bucket_refill(total, limit->config.rate_total * factor, now_ms);
	if (!token_bucket_has_token(own, limit->config.burst * factor) ||
	    !token_bucket_has_token(total, limit->config.rate_total * factor))
		return false;
	token_bucket_take(own);
	token_bucket_take(total);
	return true;
}

bool icmp_limit_allow6(struct icmp_limit *limit, const struct addr6 *to, bool size, uint64_t now_ms)
{
	const struct addr6 prefix = addr6_mask(to, limit->config.client_prefix_length);

	return limit_allow(limit, prefix.byte, sizeof(prefix.byte), size, now_ms);
}

bool icmp_limit_allow4(struct icmp_limit *limit, uint32_t to, bool size, uint64_t now_ms)
{
	const uint8_t prefix[3] = {(uint8_t)(to >> 24), (uint8_t)(to >> 16), (uint8_t)(to >> 8)};

	return limit_allow(limit, prefix, sizeof(prefix), size, now_ms);
}

/* Unknown types count as errors: nobody waits for an answer about them. */
static bool icmp4_type_is_query(uint8_t type)
{
	switch (type) {
	case ICMP_ECHO:
	case ICMP_ECHOREPLY:
	case ICMP_TIMESTAMP:
	case ICMP_TIMESTAMPREPLY:
	case ICMP_INFO_REQUEST:
	case ICMP_INFO_REPLY:
	case ICMP_ADDRESS:
	case ICMP_ADDRESSREPLY:
		return true;
	default:
		return false;
	}
}

static bool error4_permitted(const uint8_t *ip, uint32_t size)
{
	uint32_t header_size;

	if (size < IP4_HEADER_SIZE)
		return false;
	header_size = (ip[0] & 0xfU) * 4;
	if (header_size < IP4_HEADER_SIZE)
		return false;
	if ((load_be16(ip + 6) & IP_OFFMASK) != 0)
		return false;
	if (addr4_is_illegal(load_be32(ip + 12)) || addr4_is_illegal(load_be32(ip + 16)))
		return false;
	if (ip[9] != IPPROTO_ICMP)
		return true;
	return size > header_size && icmp4_type_is_query(ip[header_size]);
}

/*
 * Finds what stands behind the extension headers, AH included, as an ICMPv6 error may hide there.
 * False for a later fragment, and for a chain that does not end within the packet.
 */
static bool find_upper_layer6(const uint8_t *ip, uint32_t size, uint8_t *ret_next_header,
			      uint32_t *ret_offset)
{
	uint8_t next_header = ip[6];
	uint32_t offset = IP6_HEADER_SIZE;

	for (unsigned n = 0; n <= EXTENSION_HEADERS_MAX; n++) {
		uint32_t header_size;

		switch (next_header) {
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
		case IPPROTO_MH:
		case IPPROTO_FRAGMENT:
		case IPPROTO_AH:
			break;
		default:
			*ret_next_header = next_header;
			*ret_offset = offset;
			return true;
		}
		if (offset + 8 > size)
			return false;
		if (next_header == IPPROTO_FRAGMENT) {
			if ((load_be16(ip + offset + 2) & 0xfff8) != 0)
				return false;
			header_size = FRAGMENT_HEADER_SIZE;
		} else if (next_header == IPPROTO_AH) {
			header_size = (ip[offset + 1] + 2U) * 4;
		} else {
			header_size = (ip[offset + 1] + 1U) * 8;
		}
		next_header = ip[offset];
		offset += header_size;
	}
	return false;
}

static bool error6_permitted(const uint8_t *ip, uint32_t size, uint8_t type, uint8_t code)
{
	struct addr6 src;
	uint8_t next_header;
	uint32_t offset;

	if (size < IP6_HEADER_SIZE)
		return false;
	memcpy(src.byte, ip + 8, sizeof(src.byte));
	/* RFC 4443, 2.4 (e.3) would let Packet Too Big be about multicast; no such packet of ours.
	 */
	if (addr6_is_illegal_source(&src) || ip[24] == 0xff)
		return false;
	if (!find_upper_layer6(ip, size, &next_header, &offset))
		return false;
	if (next_header != IPPROTO_ICMPV6)
		return true;
	if (offset >= size || !(ip[offset] & ICMP6_INFOMSG_MASK) || ip[offset] == ND_REDIRECT)
		return false;
	/* RFC 7915, 5.4: the generic refusal is not about ICMPv6 at all, the others are (C-20). */
	return type != ICMP6_DST_UNREACH || code != ICMP6_DST_UNREACH_ADMIN;
}

bool icmp_error_permitted(const struct packet *about, uint8_t type, uint8_t code)
{
	if (about->size == 0)
		return false;
	switch (about->data[0] >> 4) {
	case 4:
		return error4_permitted(about->data, about->size);
	case 6:
		return error6_permitted(about->data, about->size, type, code);
	default:
		return false;
	}
}

static void append(struct out *out, const struct packet *about, uint8_t version,
		   const uint8_t *data, uint32_t size)
{
	out->packet[out->n_packets++] = (struct out_packet){
		.version = version,
		.n_parts = 1,
		.mark = about->mark,
		.part[0] = {.base = data, .size = size},
	};
}

static void store_check(uint8_t *field, uint16_t check)
{
	memcpy(field, &check, sizeof(check));
}

void icmp_error6_build(const struct packet *about, const struct addr6 *src, uint8_t type,
		       uint8_t code, uint32_t field, struct out *out)
{
	const uint8_t *ip = about->data;
	/* Link padding that packet_parse() did not come to cut off is no part of the packet. */
	const uint32_t received = min_u32(about->size, IP6_HEADER_SIZE + load_be16(ip + 4));
	const uint32_t quoted =
		min_u32(received, ERROR6_SIZE_MAX - IP6_HEADER_SIZE - ICMP_HEADER_SIZE);
	const struct ip_fields fields = {
		.traffic_class = (load_be16(ip) >> 4) & DSCP_MASK,
		.hop_limit = ERROR_HOP_LIMIT,
		.ip_protocol = IPPROTO_ICMPV6,
	};
	uint8_t *message = out_alloc(out, IP6_HEADER_SIZE + ICMP_HEADER_SIZE + quoted);
	uint8_t *icmp = message + IP6_HEADER_SIZE;
	struct addr6 dst;
	uint64_t sum;

	memcpy(dst.byte, ip + 8, sizeof(dst.byte));
	ip6_header_write(message, &fields, src, &dst, ICMP_HEADER_SIZE + quoted);
	icmp[0] = type;
	icmp[1] = code;
	store_check(icmp + 2, 0);
	store_be32(icmp + 4, field);
	memcpy(icmp + ICMP_HEADER_SIZE, ip, quoted);
	sum = checksum_pseudo6(src, &dst, ICMP_HEADER_SIZE + quoted, IPPROTO_ICMPV6);
	store_check(icmp + 2, checksum_finish(checksum_add(sum, icmp, ICMP_HEADER_SIZE + quoted)));
	append(out, about, 6, message, IP6_HEADER_SIZE + ICMP_HEADER_SIZE + quoted);
}

void icmp_error4_build(const struct packet *about, uint32_t src, uint8_t type, uint8_t code,
		       uint16_t mtu, uint16_t ip4_id, struct out *out)
{
	const uint8_t *ip = about->data;
	const uint32_t received = min_u32(about->size, load_be16(ip + 2));
	const uint32_t quoted =
		min_u32(received, ERROR4_SIZE_MAX - IP4_HEADER_SIZE - ICMP_HEADER_SIZE);
	const struct ip_fields fields = {
		.traffic_class = ip[1] & DSCP_MASK,
		.hop_limit = ERROR_HOP_LIMIT,
		.ip_protocol = IPPROTO_ICMP,
		.fragment_id = ip4_id,
	};
	uint8_t *message = out_alloc(out, IP4_HEADER_SIZE + ICMP_HEADER_SIZE + quoted);
	uint8_t *icmp = message + IP4_HEADER_SIZE;

	ip4_header_write(message, &fields, src, load_be32(ip + 12), ICMP_HEADER_SIZE + quoted);
	icmp[0] = type;
	icmp[1] = code;
	store_check(icmp + 2, 0);
	store_be32(icmp + 4, mtu);
	memcpy(icmp + ICMP_HEADER_SIZE, ip, quoted);
	store_check(icmp + 2, checksum_finish(checksum_add(0, icmp, ICMP_HEADER_SIZE + quoted)));
	append(out, about, 4, message, IP4_HEADER_SIZE + ICMP_HEADER_SIZE + quoted);
}
