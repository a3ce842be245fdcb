/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets to send, whole or in fragments. Nothing is copied: a fragment is a header in the arena
 * and a slice of the payload where it was received,
 * or was put together.
 */
#include "daemon/core/emit.h"

#include <assert.h>
#include <stdlib.h>

#include "daemon/core/ip_header.h"

struct out_held {
	struct out_held *next;
	uint8_t data[];
};

void out_clear(struct out *out)
{
	while (out->held) {
		struct out_held *next = out->held->next;

		free(out->held);
		out->held = next;
	}
	out->held_size = 0;
	out->n_packets = 0;
	out->arena_used = 0;
}

uint8_t *out_hold(struct out *out, uint32_t size)
{
	struct out_held *held = malloc(sizeof(*held) + size);

	if (!held)
		return NULL;
	held->next = out->held;
	out->held = held;
	out->held_size += size;
	return held->data;
}

uint8_t *out_alloc(struct out *out, uint32_t size)
{
	uint8_t *ret = out->arena + out->arena_used;

	assert(size <= out->arena_size - out->arena_used);
	out->arena_used += size;
	return ret;
}

static struct out_packet *out_add(struct out *out, const struct packet *from)
{
	struct out_packet *ret = &out->packet[out->n_packets];

	assert(out->n_packets < out->capacity);
	out->n_packets++;
	*ret = (struct out_packet){.version = from->version,
				   .is_tcp = from->ip_protocol == IPPROTO_TCP,
				   .mark = from->mark};
	return ret;
}

void emit_whole(const struct packet *packet, struct out *out)
{
	struct out_packet *whole = out_add(out, packet);

	whole->unfinished = packet->unfinished;
	whole->segment_size = packet->segment_size;
	whole->n_parts = 1;
	whole->part[0] = (struct out_part){packet->data, packet->size};
}

static void emit_piece(const struct packet *packet, const struct ip_fields *fields,
		       struct out_part payload, struct out *out)
{
	uint32_t header_size =
		packet->version == 6 ? IP6_HEADER_SIZE + FRAGMENT_HEADER_SIZE : IP4_HEADER_SIZE;
	uint8_t *header = out_alloc(out, header_size);
	struct out_packet *piece = out_add(out, packet);

	if (packet->version == 6) {
		struct addr6 src = packet_src6(packet);
		struct addr6 dst = packet_dst6(packet);

		ip6_header_write(header, fields, &src, &dst, payload.size);
	} else {
		ip4_header_write(header, fields, packet_src4(packet), packet_dst4(packet),
				 payload.size);
	}
	piece->n_parts = 2;
	piece->part[0] = (struct out_part){header, header_size};
	piece->part[1] = payload;
}

void emit_packet(const struct packet *packet, uint32_t limit, uint32_t fragment_id, struct out *out)
{
	bool is6 = packet->version == 6;
	uint32_t header_size = is6 ? IP6_HEADER_SIZE + FRAGMENT_HEADER_SIZE : IP4_HEADER_SIZE;
	uint32_t piece_size = (limit - header_size) & ~7u;
	uint32_t payload_size = packet_l4_size(packet);
	struct ip_fields fields = {
		.traffic_class = packet->traffic_class,
		.hop_limit = packet->hop_limit,
		.ip_protocol = packet->ip_protocol,
		.has_fragment_header = is6,
		.fragment_id =
			is6 && !packet->has_fragment_header ? fragment_id : packet->fragment_id,
	};

	if (packet->size <= limit || packet->segment_size != 0) {
		emit_whole(packet, out);
		return;
	}
	if (packet->unfinished)
		packet_finish_checksum(packet);
	for (uint32_t at = 0; at < payload_size; at += piece_size) {
		uint32_t rest = payload_size - at;
		struct out_part payload = {packet_l4(packet) + at, rest};

		fields.more_fragments = packet->more_fragments;
		if (rest > piece_size) {
			fields.more_fragments = true;
			payload.size = piece_size;
		}
		fields.fragment_offset = (uint16_t)(packet->fragment_offset + at);
		emit_piece(packet, &fields, payload, out);
	}
}
