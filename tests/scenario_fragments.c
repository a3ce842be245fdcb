/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/scenario_fragments.h"

#include <netinet/in.h>
#include <string.h>

#include "tests/naive.h"

static unsigned load16(const uint8_t *p)
{
	return (unsigned)(p[0] << 8 | p[1]);
}

static void store16(uint8_t *p, unsigned value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static void store_ip4_lengths(GByteArray *packet, unsigned fragment)
{
	store16(packet->data + 2, packet->len);
	store16(packet->data + 6, fragment);
	store16(packet->data + 10, 0);
	store16(packet->data + 10, naive_checksum(packet->data, (packet->data[0] & 15) * 4u));
}

void scenario_fragments_cut(GByteArray *packet, guint offset, guint size, uint32_t id)
{
	const bool is6 = packet->data[0] >> 4 == 6;
	const guint header_size = is6 ? 40 : (packet->data[0] & 15) * 4u;
	const bool more = header_size + offset + size < packet->len;

	if (!more)
		size = packet->len - header_size - offset;
	g_byte_array_remove_range(packet, header_size + offset + size,
				  packet->len - header_size - offset - size);
	g_byte_array_remove_range(packet, header_size, offset);
	if (!is6) {
		store_ip4_lengths(packet, (packet->data[6] & 0x40u) << 8 | (more ? 1u << 13 : 0) |
						  offset / 8);
		return;
	}
	const uint8_t header[8] = {packet->data[6],        0,
				   (uint8_t)(offset >> 8), (uint8_t)(offset | more),
				   (uint8_t)(id >> 24),    (uint8_t)(id >> 16),
				   (uint8_t)(id >> 8),     (uint8_t)id};
	packet->data[6] = IPPROTO_FRAGMENT;
	g_autoptr(GByteArray) payload = g_byte_array_new();
	g_byte_array_append(payload, packet->data + 40, packet->len - 40);
	g_byte_array_set_size(packet, 40);
	g_byte_array_append(packet, header, sizeof(header));
	g_byte_array_append(packet, payload->data, payload->len);
	store16(packet->data + 4, packet->len - 40);
}

/* What a fragment says about itself. */
struct piece {
	guint header_size;
	guint offset;
	bool more;
};

static struct piece look(const uint8_t *data)
{
	if (data[0] >> 4 == 4)
		return (struct piece){(data[0] & 15) * 4u, (load16(data + 6) & 0x1fff) * 8,
				      data[6] & 0x20};
	if (data[6] == IPPROTO_FRAGMENT)
		return (struct piece){48, load16(data + 42) & 0xfff8, data[43] & 1};
	return (struct piece){40, 0, false};
}

/* Everything that fragments of one packet have in common: addresses, protocol, Identification. */
static bool is_alike(const uint8_t *a, const uint8_t *b)
{
	if (a[0] >> 4 == 4)
		return memcmp(a + 12, b + 12, 8) == 0 && a[9] == b[9] && !((a[6] | b[6]) & 0x40) &&
		       memcmp(a + 4, b + 4, 2) == 0;
	return memcmp(a + 8, b + 8, 32) == 0 && a[6] == IPPROTO_FRAGMENT &&
	       b[6] == IPPROTO_FRAGMENT && a[40] == b[40] && memcmp(a + 44, b + 44, 4) == 0;
}

char *scenario_fragments_join(GByteArray *whole, const uint8_t *data, gsize size, bool last)
{
	const struct piece piece = look(data);
	guint have = 0;

	if (whole->len > 0) {
		if (!is_alike(whole->data, data))
			return g_strdup("a fragment of another packet");
		have = whole->len - look(whole->data).header_size;
	}
	if (piece.offset != have)
		return g_strdup_printf("a fragment at %u, but there are %u bytes", piece.offset,
				       have);
	if (piece.more == last)
		return g_strdup_printf("the fragment at %u says that %s", piece.offset,
				       piece.more ? "there are more" : "it is the last");
	if (whole->len == 0)
		g_byte_array_append(whole, data, (guint)size);
	else
		g_byte_array_append(whole, data + piece.header_size,
				    (guint)size - piece.header_size);
	if (!last)
		return NULL;

	/* Now it is a packet in one piece. */
	if (whole->data[0] >> 4 == 4) {
		store_ip4_lengths(whole, load16(whole->data + 6) & 0x4000);
		return NULL;
	}
	if (whole->data[6] == IPPROTO_FRAGMENT) {
		whole->data[6] = whole->data[40];
		g_byte_array_remove_range(whole, 40, 8);
	}
	store16(whole->data + 4, whole->len - 40);
	return NULL;
}
