/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See craft.h.
 */
#include "tests/craft.h"

#include <glib.h>

#include "tests/naive.h"

struct addr6 craft_addr6(const char *text)
{
	struct addr6 addr;

	if (!addr6_parse(text, &addr))
		g_error("no IPv6 address: %s", text);
	return addr;
}

uint32_t craft_addr4(const char *text)
{
	uint32_t addr;

	if (!addr4_parse(text, &addr))
		g_error("no IPv4 address: %s", text);
	return addr;
}

static uint32_t put_hex(uint8_t *at, const char *hex)
{
	uint32_t size = 0;

	for (; hex && hex[0] != '\0'; hex += 2) {
		int high = g_ascii_xdigit_value(hex[0]);
		int low = g_ascii_xdigit_value(hex[1]);

		g_assert_true(high >= 0 && low >= 0);
		at[size++] = (uint8_t)(high << 4 | low);
	}
	return size;
}

struct packet craft_hex(struct craft_buffer *buffer, const char *hex)
{
	struct packet packet = {
		.data = buffer->byte + PACKET_HEADROOM,
		.headroom = PACKET_HEADROOM,
	};

	packet.size = put_hex(packet.data, hex);
	return packet;
}

static uint32_t put_tcp(uint8_t *tcp, const struct craft *what)
{
	uint32_t options_size = put_hex(tcp + TCP_HEADER_SIZE, what->tcp_options);

	memset(tcp, 0, TCP_HEADER_SIZE);
	store_be16(tcp, what->src_port);
	store_be16(tcp + 2, what->dst_port);
	store_be32(tcp + 4, 0x11223344);
	store_be32(tcp + 8, 0x55667788);
	tcp[12] = (uint8_t)((TCP_HEADER_SIZE + options_size) / 4 << 4);
	tcp[13] = what->tcp_flags != 0 ? what->tcp_flags : TH_ACK;
	store_be16(tcp + 14, 0xfaf0);
	store_be16(tcp + 18, 0x0102); /* urgent pointer */
	return TCP_HEADER_SIZE + options_size;
}

static uint32_t put_udp(uint8_t *udp, const struct craft *what)
{
	store_be16(udp, what->src_port);
	store_be16(udp + 2, what->dst_port);
	store_be16(udp + 4, what->udp_length != 0
				    ? what->udp_length
				    : (uint16_t)(UDP_HEADER_SIZE + what->payload_size));
	store_be16(udp + 6, 0);
	return UDP_HEADER_SIZE;
}

static uint32_t put_icmp(uint8_t *icmp, const struct craft *what)
{
	icmp[0] = what->icmp_type;
	icmp[1] = what->icmp_code;
	store_be16(icmp + 2, 0);
	store_be16(icmp + 4, what->src_port);
	store_be16(icmp + 6, 0x0102); /* sequence number */
	return ICMP_HEADER_SIZE;
}

/* The right checksum of a transport header whose checksum field is 0, plus what it is to be off. */
static void put_check(const struct packet *packet, uint8_t *l4, uint32_t size, uint8_t protocol,
		      const struct craft *what)
{
	g_autofree uint8_t *all = g_malloc(40 + size);
	uint8_t *field = l4 + (protocol == IPPROTO_TCP ? 16 : protocol == IPPROTO_UDP ? 6 : 2);
	uint32_t pseudo_size = 0, check;

	if (protocol == IPPROTO_UDP && what->udp_zero_checksum)
		return;
	if (protocol == IPPROTO_UDP)
		size = MIN(size, load_be16(l4 + 4));
	if (protocol != IPPROTO_ICMP) {
		pseudo_size = what->version == 6 ? 32 : 8;
		memcpy(all, packet->data + (what->version == 6 ? 8 : 12), pseudo_size);
		store_be16(all + pseudo_size, (uint16_t)size);
		store_be16(all + pseudo_size + 2, protocol);
		pseudo_size += 4;
	}
	memcpy(all + pseudo_size, l4, size);
	check = naive_checksum(all, pseudo_size + size);
	check += what->check_off_by;
	check = (check & 0xffff) + (check >> 16);
	/* One form of zero, that which the core makes. */
	if (check == 0 || check == 0xffff)
		check = protocol == IPPROTO_UDP ? 0xffff : 0;
	store_be16(field, (uint16_t)check);
}

/* Returns the size of the header. */
static uint32_t put_ip4(uint8_t *data, const struct craft *what, uint8_t protocol)
{
	uint32_t header_size = IP4_HEADER_SIZE + put_hex(data + IP4_HEADER_SIZE, what->extra);

	memset(data, 0, IP4_HEADER_SIZE);
	data[0] = (uint8_t)(0x40 | header_size / 4);
	data[1] = what->traffic_class;
	store_be16(data + 4, (uint16_t)what->fragment_id);
	store_be16(data + 6,
		   (uint16_t)((what->dont_fragment ? IP_DF : 0) |
			      (what->more_fragments ? IP_MF : 0) | what->fragment_offset / 8));
	data[8] = what->hop_limit != 0 ? what->hop_limit : 64;
	data[9] = protocol;
	store_be32(data + 12, craft_addr4(what->src ? what->src : "198.51.100.20"));
	store_be32(data + 16, craft_addr4(what->dst ? what->dst : "203.0.113.7"));
	return header_size;
}

static uint32_t put_ip6(uint8_t *data, const struct craft *what, uint8_t protocol)
{
	struct addr6 src = craft_addr6(what->src ? what->src : "2001:db8:1::10");
	struct addr6 dst = craft_addr6(what->dst ? what->dst : "2001:db8:64::c633:6414");
	uint32_t header_size = IP6_HEADER_SIZE + put_hex(data + IP6_HEADER_SIZE, what->extra);

	store_be32(data, 6u << 28 | (uint32_t)what->traffic_class << 20 | 0xabcde);
	data[6] = what->extra             ? what->next_header
		  : what->fragment_header ? IPPROTO_FRAGMENT
					  : protocol;
	data[7] = what->hop_limit != 0 ? what->hop_limit : 64;
	memcpy(data + 8, src.byte, sizeof(src.byte));
	memcpy(data + 24, dst.byte, sizeof(dst.byte));
	if (what->fragment_header) {
		uint8_t *fragment = data + header_size;

		fragment[0] = protocol;
		fragment[1] = 0;
		store_be16(fragment + 2,
			   (uint16_t)(what->fragment_offset | (what->more_fragments ? 1 : 0)));
		store_be32(fragment + 4, what->fragment_id);
		header_size += FRAGMENT_HEADER_SIZE;
	}
	return header_size;
}

struct packet craft_packet(struct craft_buffer *buffer, const struct craft *what)
{
	struct packet packet = {
		.data = buffer->byte + PACKET_HEADROOM,
		.headroom = PACKET_HEADROOM,
	};
	uint8_t protocol = what->protocol != 0 ? what->protocol : IPPROTO_UDP;
	uint32_t header_size = what->version == 6 ? put_ip6(packet.data, what, protocol)
						  : put_ip4(packet.data, what, protocol);
	uint8_t *l4 = packet.data + header_size;
	uint32_t l4_size = 0;

	if (what->fragment_offset == 0 && protocol == IPPROTO_TCP)
		l4_size = put_tcp(l4, what);
	else if (what->fragment_offset == 0 && protocol == IPPROTO_UDP)
		l4_size = put_udp(l4, what);
	else if (what->fragment_offset == 0)
		l4_size = put_icmp(l4, what);
	for (uint32_t i = 0; i < what->payload_size; i++)
		l4[l4_size + i] = (uint8_t)(i * 7 + i / 256 + 1);
	l4_size += what->payload_size;
	packet.size = header_size + l4_size;

	if (what->fragment_offset == 0)
		put_check(&packet, l4, l4_size, protocol, what);
	if (what->version == 6) {
		store_be16(packet.data + 4, (uint16_t)(packet.size - IP6_HEADER_SIZE));
	} else {
		store_be16(packet.data + 2, (uint16_t)packet.size);
		store_be16(packet.data + 10, naive_checksum(packet.data, header_size));
	}
	return packet;
}

void craft_assert_view(const struct packet *packet)
{
	struct packet again = *packet;

	g_assert_cmpint(packet_parse(&again), ==, OUTCOME_TRANSLATED);
	g_assert_cmpuint(packet->size, ==, again.size);
	g_assert_cmpuint(packet->version, ==, again.version);
	g_assert_cmpuint(packet->ip_protocol, ==, again.ip_protocol);
	g_assert_cmpint(packet->protocol, ==, again.protocol);
	g_assert_cmpint(packet->is_icmp_error, ==, again.is_icmp_error);
	g_assert_cmpint(packet->is_fragment, ==, again.is_fragment);
	g_assert_cmpint(packet->has_fragment_header, ==, again.has_fragment_header);
	g_assert_cmpint(packet->more_fragments, ==, again.more_fragments);
	g_assert_cmpint(packet->dont_fragment, ==, again.dont_fragment);
	g_assert_cmpuint(packet->fragment_offset, ==, again.fragment_offset);
	g_assert_cmphex(packet->fragment_id, ==, again.fragment_id);
	g_assert_cmphex(packet->traffic_class, ==, again.traffic_class);
	g_assert_cmpuint(packet->hop_limit, ==, again.hop_limit);
	g_assert_cmpuint(packet->l4_offset, ==, again.l4_offset);
	g_assert_cmpuint(packet->error_pointer, ==, again.error_pointer);
}
