/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/expect.h"

/* Both begin with the source port. */
#define PORTS_SIZE       4
#define DESTINATION_PORT 2
#define ICMP_IDENTIFIER  4
#define IP4_OFFSET_MASK  0x1fff

/* The client's port is the source port of what it sends, and its peer's destination port; of a
 * query it is the identifier both times. */
static bool find_port(const uint8_t *l4, uint32_t size, uint8_t ip_protocol, unsigned at,
		      enum protocol *ret_protocol, uint16_t *ret_port)
{
	if (size < ICMP_HEADER_SIZE)
		return false;
	switch (ip_protocol) {
	case IPPROTO_TCP:
		*ret_protocol = PROTOCOL_TCP;
		break;
	case IPPROTO_UDP:
		*ret_protocol = PROTOCOL_UDP;
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		*ret_protocol = PROTOCOL_ICMP;
		at = ICMP_IDENTIFIER;
		break;
	default:
		return false;
	}
	*ret_port = load_be16(l4 + at);
	return true;
}

static bool is_large(const struct hash_index *table, struct expected *ret)
{
	if (table->n_entries < EXPECT_BINDINGS_MIN)
		return false;
	ret->table = table;
	return true;
}

static void expect6(const struct nat64 *nat, const struct packet *packet, struct expected *ret)
{
	struct taddr6 client;

	if (packet->size < IP6_HEADER_SIZE ||
	    !find_port(packet->data + IP6_HEADER_SIZE, packet->size - IP6_HEADER_SIZE,
		       packet->data[offsetof(struct ip6_hdr, ip6_nxt)], 0, &ret->protocol,
		       &client.port))
		return;
	client.addr = packet_src6(packet);
	if (is_large(&nat->bib[ret->protocol].by6, ret))
		ret->hash = bib_hash6(&nat->bib[ret->protocol], &client);
}

static void expect4(const struct nat64 *nat, const struct packet *packet, struct expected *ret)
{
	const uint32_t header_size = (packet->data[0] & 15u) * 4;
	struct taddr4 mapped;

	if (header_size < IP4_HEADER_SIZE || packet->size < header_size ||
	    load_be16(packet->data + offsetof(struct ip, ip_off)) & IP4_OFFSET_MASK ||
	    !find_port(packet->data + header_size, packet->size - header_size,
		       packet->data[offsetof(struct ip, ip_p)], DESTINATION_PORT, &ret->protocol,
		       &mapped.port))
		return;
	mapped.addr = packet_dst4(packet);
	if (is_large(&nat->bib[ret->protocol].by4, ret))
		ret->hash = bib_hash4(&nat->bib[ret->protocol], &mapped);
}

void expect_packet(const struct nat64 *nat, const struct packet *packet, struct expected *ret)
{
	ret->table = NULL;
	if (packet->size < IP4_HEADER_SIZE)
		return;
	if (packet->data[0] >> 4 == 6)
		expect6(nat, packet, ret);
	else if (packet->data[0] >> 4 == 4)
		expect4(nat, packet, ret);
	if (ret->table)
		hash_index_prefetch(ret->table, ret->hash);
}

void expect_entry(const struct expected *expected)
{
	if (expected->table)
		hash_index_prefetch_first(expected->table, expected->hash);
}

void expect_session(const struct nat64 *nat, const struct expected *expected)
{
	uint32_t binding =
		expected->table ? hash_index_first(expected->table, expected->hash) : SLAB_NONE;

	/* The first of the chain, which is mostly the one. */
	if (binding != SLAB_NONE)
		session_prefetch_first(&nat->sessions[expected->protocol], binding);
}
