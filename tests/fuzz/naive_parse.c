/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See naive_parse.h.
 */
#include "tests/fuzz/naive_parse.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tests/naive.h"

#define PADDING 13 /* bytes behind a packet that do not count */

static unsigned number(const uint8_t *at, unsigned size)
{
	unsigned value = 0;

	while (size-- > 0)
		value = value * 256 + *at++;
	return value;
}

/* SYN with FIN or RST, or nothing at all. */
static bool flags_are_bad(uint8_t flags)
{
	const bool fin = flags & 1, syn = flags & 2, rst = flags & 4;

	return flags == 0 || (syn && (fin || rst));
}

static enum outcome judge_tcp(struct naive_bytes tcp, bool is_fragment)
{
	const enum outcome cut = is_fragment ? OUTCOME_FRAGMENT_TINY : OUTCOME_MALFORMED_TCP;

	if (tcp.size < 20)
		return cut;
	if (tcp.at[12] / 16 < 5)
		return OUTCOME_MALFORMED_TCP;
	if (tcp.at[12] / 16 * 4u > tcp.size)
		return cut;
	return flags_are_bad(tcp.at[13]) ? OUTCOME_BAD_TCP_FLAGS : OUTCOME_TRANSLATED;
}

static enum outcome judge_udp(struct naive_bytes udp, bool is_fragment, bool is6)
{
	if (udp.size < 8)
		return is_fragment ? OUTCOME_FRAGMENT_TINY : OUTCOME_MALFORMED_UDP;
	if (number(udp.at + 4, 2) < 8)
		return OUTCOME_MALFORMED_UDP;
	if (!is_fragment && number(udp.at + 4, 2) > udp.size)
		return OUTCOME_MALFORMED_UDP;
	if (is6 && number(udp.at + 6, 2) == 0)
		return OUTCOME_UDP6_ZERO_CHECKSUM;
	return OUTCOME_TRANSLATED;
}

static bool icmp6_check_is_right(const uint8_t *data, struct naive_bytes icmp)
{
	uint8_t *all = calloc(1, 40 + icmp.size);
	bool is_right;

	REQUIRE(all);
	memcpy(all, data + 8, 32);
	all[33] = (uint8_t)(icmp.size >> 16);
	all[34] = (uint8_t)(icmp.size >> 8);
	all[35] = (uint8_t)icmp.size;
	all[39] = 58;
	memcpy(all + 40, icmp.at, icmp.size);
	is_right = naive_checksum(all, 40 + icmp.size) == 0;
	free(all);
	return is_right;
}

static enum outcome judge_icmp(const uint8_t *data, struct naive_bytes icmp,
			       const struct packet *view)
{
	bool is_right;

	if (icmp.size < 8)
		return view->is_fragment ? OUTCOME_FRAGMENT_TINY : OUTCOME_MALFORMED_ICMP;
	if (!view->is_icmp_error || view->is_fragment)
		return OUTCOME_TRANSLATED;
	if (view->version == 6)
		is_right = icmp6_check_is_right(data, icmp);
	else
		is_right = naive_checksum(icmp.at, icmp.size) == 0;
	return is_right ? OUTCOME_TRANSLATED : OUTCOME_ICMP_BAD_CHECKSUM;
}

/* RFC 792 has five messages with a packet in them, RFC 4443 half of all types. */
static bool carries_packet(uint8_t type, bool is6)
{
	return is6 ? type <= 127 : memchr("\x03\x04\x05\x0b\x0c", type, 5) != NULL;
}

/* Behind the IP headers. so_far: what they came to. */
static enum outcome judge_transport(const uint8_t *data, enum outcome so_far, struct packet *view)
{
	const bool is6 = view->version == 6;
	const struct naive_bytes l4 = {data + view->l4_offset, view->size - view->l4_offset};

	view->is_fragment = view->more_fragments || view->fragment_offset > 0;
	if (view->ip_protocol == 6)
		view->protocol = PROTOCOL_TCP;
	else if (view->ip_protocol == 17)
		view->protocol = PROTOCOL_UDP;
	else if (view->ip_protocol == (is6 ? 58 : 1))
		view->protocol = PROTOCOL_ICMP;
	else
		view->protocol = N_PROTOCOLS;
	if (view->protocol == N_PROTOCOLS)
		return so_far == OUTCOME_TRANSLATED ? OUTCOME_UNKNOWN_PROTOCOL : so_far;

	if (view->fragment_offset > 0)
		return so_far;
	if (view->protocol == PROTOCOL_ICMP)
		view->is_icmp_error = l4.size > 0 && carries_packet(l4.at[0], is6);
	if (so_far != OUTCOME_TRANSLATED)
		return so_far;
	if (view->protocol == PROTOCOL_TCP)
		return judge_tcp(l4, view->is_fragment);
	if (view->protocol == PROTOCOL_UDP)
		return judge_udp(l4, view->is_fragment, is6);
	return judge_icmp(data, l4, view);
}

/* RFC 791: all options up to the end of the list, or to one that can not be. */
static unsigned list_options(struct naive_bytes options, struct naive_bytes ret[40])
{
	unsigned n = 0;

	for (size_t at = 0; at < options.size && options.at[at] != 0; at += ret[n++].size) {
		ret[n] = (struct naive_bytes){options.at + at, 1};
		if (options.at[at] == 1)
			continue;
		if (at + 1 == options.size || options.at[at + 1] < 2 ||
		    at + options.at[at + 1] > options.size)
			break;
		ret[n].size = options.at[at + 1];
	}
	return n;
}

static enum outcome parse4(const uint8_t *data, size_t size, struct packet *ret)
{
	const size_t header_size = size > 0 ? (size_t)(data[0] % 16) * 4 : 0;
	struct naive_bytes option[40];
	unsigned n;
	enum outcome outcome = OUTCOME_TRANSLATED;

	if (size < 20 || data[0] / 16 != 4 || header_size < 20 || header_size > size ||
	    naive_checksum(data, header_size) != 0 || number(data + 2, 2) < header_size ||
	    number(data + 2, 2) > size)
		return OUTCOME_MALFORMED_IP4;

	ret->size = number(data + 2, 2);
	ret->l4_offset = (uint32_t)header_size;
	ret->traffic_class = data[1];
	ret->fragment_id = number(data + 4, 2);
	ret->dont_fragment = data[6] & 0x40;
	ret->more_fragments = data[6] & 0x20;
	ret->fragment_offset = (uint16_t)((data[6] % 32 * 256 + data[7]) * 8);
	ret->hop_limit = data[8];
	ret->ip_protocol = data[9];

	n = list_options((struct naive_bytes){data + 20, header_size - 20}, option);
	for (unsigned i = 0; i < n; i++) {
		const bool is_route = option[i].at[0] == 131 || option[i].at[0] == 137;

		if (is_route && option[i].size >= 3 && option[i].at[2] <= option[i].size)
			outcome = OUTCOME_SOURCE_ROUTE;
	}
	return judge_transport(data, outcome, ret);
}

static void list_headers(const uint8_t *data, size_t size, struct naive_chain *ret)
{
	*ret = (struct naive_chain){.next_header = data[6], .end = 40};
	while (ret->n <= NAIVE_HEADERS_MAX && memchr("\x00\x2b\x2c\x3c", ret->next_header, 4)) {
		const uint8_t *at = data + ret->end;
		size_t header_size = 8;

		ret->is_cut = size - ret->end < 8;
		if (ret->is_cut)
			return;
		if (ret->next_header != 44)
			header_size = (at[1] + 1u) * 8;
		ret->is_cut = size - ret->end < header_size;
		if (ret->is_cut)
			return;
		ret->header[ret->n].kind = ret->next_header;
		ret->header[ret->n++].bytes = (struct naive_bytes){at, header_size};
		ret->next_header = at[0];
		ret->end += header_size;
	}
}

/* T-23, F-9. */
static bool chain_is_bad(const struct naive_chain *chain)
{
	if (chain->is_cut || chain->n > NAIVE_HEADERS_MAX)
		return true;
	for (unsigned i = 0; i < chain->n; i++) {
		const uint8_t next = chain->header[i].bytes.at[0];

		if (chain->header[i].kind == 0 && i > 0)
			return true;
		if (chain->header[i].kind == 44 &&
		    memchr("\x00\x2b\x2c\x3c\x33\x87\x8b\x8c", next, 8))
			return true;
	}
	return false;
}

bool naive_chain_parse(const uint8_t *data, size_t size, struct naive_chain *ret)
{
	list_headers(data, size, ret);
	return !chain_is_bad(ret);
}

static enum outcome parse6(const uint8_t *data, size_t size, struct packet *ret)
{
	struct naive_chain chain;
	enum outcome outcome = OUTCOME_TRANSLATED;

	if (size < 40 || number(data + 4, 2) + 40 > size ||
	    (number(data + 4, 2) == 0 && size != 40))
		return OUTCOME_MALFORMED_IP6;
	ret->size = number(data + 4, 2) + 40;
	if (!naive_chain_parse(data, ret->size, &chain))
		return OUTCOME_BAD_EXTENSION_HEADERS;

	ret->traffic_class = (uint8_t)(data[0] * 16 + data[1] / 16);
	ret->hop_limit = data[7];
	ret->ip_protocol = chain.next_header;
	ret->l4_offset = (uint32_t)chain.end;
	for (unsigned i = chain.n; i-- > 0;) {
		const uint8_t *at = chain.header[i].bytes.at;

		if (chain.header[i].kind == 43 && at[3] > 0) {
			outcome = OUTCOME_ROUTING_HEADER;
			ret->error_pointer = (uint32_t)(at + 3 - data);
		}
		if (chain.header[i].kind == 44) {
			ret->has_fragment_header = true;
			ret->more_fragments = at[3] % 2 == 1;
			ret->fragment_offset = (uint16_t)(number(at + 2, 2) / 8 * 8);
			ret->fragment_id = number(at + 4, 4);
		}
	}
	return judge_transport(data, outcome, ret);
}

enum outcome naive_parse(const uint8_t *data, size_t size, struct packet *ret)
{
	const bool is6 = size > 0 && data[0] / 16 == 6;

	*ret = (struct packet){.version = is6 ? 6 : 4, .size = (uint32_t)size};
	return is6 ? parse6(data, size, ret) : parse4(data, size, ret);
}

static void require_same_view(const struct packet *seen, const struct packet *naive)
{
	REQUIRE(seen->l4_offset == naive->l4_offset);
	if (naive->l4_offset == 0)
		return;
	REQUIRE(seen->size == naive->size && seen->l4_offset <= seen->size);
	REQUIRE(seen->ip_protocol == naive->ip_protocol);
	REQUIRE(seen->protocol == naive->protocol || naive->protocol == N_PROTOCOLS);
	REQUIRE(seen->is_icmp_error == naive->is_icmp_error);
	REQUIRE(seen->is_fragment == naive->is_fragment);
	REQUIRE(seen->has_fragment_header == naive->has_fragment_header);
	REQUIRE(seen->more_fragments == naive->more_fragments);
	REQUIRE(seen->dont_fragment == naive->dont_fragment);
	REQUIRE(seen->fragment_offset == naive->fragment_offset);
	REQUIRE(seen->fragment_id == naive->fragment_id);
	REQUIRE(seen->traffic_class == naive->traffic_class);
	REQUIRE(seen->hop_limit == naive->hop_limit);
	REQUIRE(seen->error_pointer == naive->error_pointer);
}

/* On the heap and no byte too large, so that the sanitizer sees every step beyond. */
static enum outcome parse_copy(const uint8_t *bytes, size_t size, size_t padding,
			       struct packet *ret)
{
	uint8_t *copy = malloc(size + padding + (size + padding == 0));
	enum outcome outcome;

	REQUIRE(copy);
	memcpy(copy, bytes, size);
	memset(copy + size, 0xa5, padding);
	*ret = (struct packet){.data = copy, .size = (uint32_t)(size + padding), .mark = 0x64};
	outcome = packet_parse(ret);
	REQUIRE(ret->data == copy && ret->mark == 0x64 && memcmp(copy, bytes, size) == 0);
	free(copy);
	ret->data = (uint8_t *)bytes;
	return outcome;
}

enum outcome check_parse(const uint8_t *bytes, size_t size, struct packet *ret)
{
	struct packet naive, padded;
	const enum outcome expected = naive_parse(bytes, size, &naive);
	const enum outcome outcome = parse_copy(bytes, size, 0, ret);

	REQUIRE(outcome == expected);
	REQUIRE(ret->version == naive.version);
	require_same_view(ret, &naive);
	/* T-10: padding behind the packet is nothing to it. A jumbogram's length is no length. */
	if (ret->l4_offset != 0 && !(naive.version == 6 && ret->size == IP6_HEADER_SIZE)) {
		REQUIRE(parse_copy(bytes, size, PADDING, &padded) == outcome);
		require_same_view(&padded, &naive);
	}
	return outcome;
}
