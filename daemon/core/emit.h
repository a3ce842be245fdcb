/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the core wants sent. The caller owns the memory and sends when it likes, but before it
 * reuses the buffers of the packets that came in: a translated packet is sent from where it was
 * received, headers of fragments and ICMP errors from the arena. The one exception is a packet that
 * was put together out of fragments: its memory is held by struct out itself, until out_clear().
 */
#pragma once

#include "daemon/core/packet.h"

/* The pieces of the largest packet: 65535 bytes in fragments of 576 bytes, and some to spare. */
#define EMIT_PIECES_MAX 128
/* Arena that one packet can need: a header for every piece, or one ICMP error with headroom. */
#define EMIT_ARENA_PER_PACKET 8192

struct out_part {
	const uint8_t *base;
	uint32_t size;
};

/* An IP packet in one or two parts, as it is to be on the wire: complete with all checksums, but
 * that of TCP if it is unfinished (packet.h). */
struct out_packet {
	uint8_t version; /* 4 or 6 */
	uint8_t n_parts;
	bool is_tcp; /* or a fragment of it: its ways out may be others */
	bool unfinished;
	bool is_remark; /* an ICMP error beside a packet that goes on: refused, that one is not */
	uint16_t segment_size; /* of a superpacket, else 0 */
	uint32_t mark;         /* of the packet it was made from; the edge adds its own bits */
	struct out_part part[2];
};

/* How much memory of reassembled packets may be held before the caller has to send. */
#define EMIT_HELD_MAX (1u << 20)

struct out_held; /* memory of a packet that was made here */

/* Zeroed but for packet, capacity, arena and arena_size, and emptied by out_clear() at the end. */
struct out {
	struct out_packet *packet;
	uint32_t capacity;
	uint32_t n_packets;
	uint8_t *arena;
	uint32_t arena_size;
	uint32_t arena_used;
	struct out_held *held;
	uint32_t held_size;
};

/* Room for one more packet in and all that may come of it? The caller asks before each packet, and
 * sends and empties when not. */
static inline bool out_has_room(const struct out *out)
{
	return out->capacity - out->n_packets >= EMIT_PIECES_MAX &&
	       out->arena_size - out->arena_used >= EMIT_ARENA_PER_PACKET &&
	       out->held_size <= EMIT_HELD_MAX;
}

/* Everything has been sent. */
void out_clear(struct out *out);

/* size bytes of the arena; there is room, by out_has_room(). */
uint8_t *out_alloc(struct out *out, uint32_t size);

/* size bytes from the heap that stay until out_clear(). NULL without memory. */
uint8_t *out_hold(struct out *out, uint32_t size);

/*
 * Sends packet whole if it has at most limit bytes, else in fragments none of which is larger
 * (F-11, F-15, F-17, F-18): in order, all with one Identification. A packet that is a fragment
 * itself is cut further. limit >= 68 for IPv4, >= 1280 for IPv6. For IPv6 the Identification of a
 * packet without Fragment header is fragment_id. A superpacket is sent whole, whatever its size.
 */
void emit_packet(const struct packet *packet, uint32_t limit, uint32_t fragment_id,
		 struct out *out);
/* Sends packet as it is, whatever its size. */
void emit_whole(const struct packet *packet, struct out *out);
