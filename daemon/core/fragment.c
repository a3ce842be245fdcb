/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation
 *
 * RFC 6146, 3.4 permits two ways: to follow the first fragment with the others, or to put the
 * packet together. We put together, always: only the whole has a checksum that can be made (T-35)
 * or remade (I-28), only the whole can be checked for overlaps (RFC 5722), and the way of a packet
 * through the tables is then one and the same. What is sent is cut anew, under an Identification of
 * our own (F-19, C-8). The price is that the first fragment waits for the last.
 *
 * A queue is one packet, found by its key (F-5). Its pieces hang in a list from the highest to the
 * lowest, as fragments mostly come in order; none of them overlap, so the packet is complete when
 * the sum of their sizes is the end of the last fragment. Whatever contradicts what is there (an
 * overlap that is not the same piece again, a second end, a piece beyond the end) poisons the
 * queue: its pieces are freed, and it stays to refuse the rest until its time is over (F-24).
 *
 * Time: all queues live equally long from their first fragment on, whatever comes later (F-3), so
 * the oldest stands at the head of one list. The list keeps the beginning, not the end, so that a
 * new timeout holds for all at once.
 *
 * Memory: every queue and every piece is charged to the table and to the account of its source
 * before it is taken, and never above the limit or the source's share (F-2). Pieces are blocks of
 * their own size from the heap: slots of one size would waste most of a limit that strangers fill
 * with the smallest pieces. Nothing is thrown out for what is new: a flood makes new fragments fail
 * until old ones have ended, and touches neither what is already kept nor packets in one piece. The
 * last piece missing is never stored, so it needs no room. The whole packet belongs to struct out,
 * which says when it has too much (out_has_room()).
 *
 * Work: a fragment walks along at most FRAGMENT_PIECES_MAX pieces.
 *
 * Invariants (fragment_check): no two queues have one key; the sum of the costs is what the table
 * has used, and what the accounts say; pieces are in order and apart from each other; a poisoned
 * queue, or the host's, has none; no queue is complete.
 */
#include "daemon/core/fragment.h"

#include <stdlib.h>

#include "daemon/core/ip_header.h"
#include "daemon/core/minmax.h"

#define PREFIX6_SIZE 8 /* bytes of a client's prefix of 64 bits */

#define PAYLOAD_LENGTH_OFFSET 4 /* in an IPv6 header */
#define IP6_PAYLOAD_MAX       65535

/* RFC 3168, 5 */
#define ECN_MASK    3
#define ECN_NOT_ECT 0
#define ECN_CE      3

/* As much of a first fragment as goes into an ICMPv6 error with its headers, and to spare. */
#define QUOTE_MAX 1280

enum outcome fragment_judge(struct packet *packet)
{
	const uint32_t size = packet_l4_size(packet);
	const uint32_t end = packet->fragment_offset + size;
	uint32_t other_headers = 0; /* between the IPv6 and the Fragment header; they count, too */

	if (packet->version == 6)
		other_headers = packet->l4_offset - IP6_HEADER_SIZE - FRAGMENT_HEADER_SIZE;
	if (packet->protocol == PROTOCOL_TCP && packet->fragment_offset == 8)
		return OUTCOME_FRAGMENT_TINY; /* RFC 3128, 3 */
	if (size == 0 || (packet->more_fragments && size % 8 != 0)) {
		packet->error_pointer = PAYLOAD_LENGTH_OFFSET;
		return OUTCOME_FRAGMENT_BAD;
	}
	if (end > FRAGMENT_PAYLOAD_MAX || end + other_headers > IP6_PAYLOAD_MAX)
		return OUTCOME_FRAGMENT_TOO_BIG;
	return OUTCOME_TRANSLATED;
}

static struct fragment_key key_of(const struct packet *packet)
{
	struct fragment_key key = {.version = packet->version};

	store_be32(key.id, packet->fragment_id);
	if (packet->version == 6) {
		const struct addr6 src = packet_src6(packet), dst = packet_dst6(packet);

		memcpy(key.src, src.byte, sizeof(src.byte));
		memcpy(key.dst, dst.byte, sizeof(dst.byte));
	} else {
		key.ip_protocol = packet->ip_protocol;
		store_be32(key.src, packet_src4(packet));
		store_be32(key.dst, packet_dst4(packet));
	}
	return key;
}

static uint64_t hash_key(const struct fragment_table *table, const struct fragment_key *key)
{
	return siphash(&table->key, (const uint8_t *)key, sizeof(*key));
}

static uint64_t hash_of(const void *context, const void *entry)
{
	return hash_key(context, &((const struct fragment_queue *)entry)->key);
}

static uint16_t account_of(const struct fragment_table *table, const struct fragment_key *key)
{
	const size_t size = key->version == 6 ? PREFIX6_SIZE : sizeof(uint32_t);

	return (uint16_t)(siphash(&table->key, key->src, size) % FRAGMENT_ACCOUNTS);
}

void fragment_table_init(struct fragment_table *table, const struct siphash_key *key,
			 uint64_t limit, uint32_t timeout_ms)
{
	*table = (struct fragment_table){.oldest = SLAB_NONE,
					 .newest = SLAB_NONE,
					 .timeout_ms = timeout_ms,
					 .limit = limit,
					 .bound = limit,
					 .key = *key};
	slab_init(&table->queues, sizeof(struct fragment_queue), FRAGMENT_QUEUES_MAX);
	hash_index_init(&table->by_key, &table->queues, offsetof(struct fragment_queue, next),
			hash_of, table);
}

void fragment_table_set_limit(struct fragment_table *table, uint64_t limit)
{
	table->limit = limit;
	table->bound = max_u64(limit, table->used);
}

void fragment_table_deinit(struct fragment_table *table)
{
	if (table == NULL)
		return;
	while (table->oldest != SLAB_NONE)
		fragment_remove(table, table->oldest);
	hash_index_deinit(&table->by_key);
	slab_deinit(&table->queues);
}

/* F-2. OUTCOME_TRANSLATED: there is room, and it is taken. */
static enum outcome charge(struct fragment_table *table, uint16_t account, uint64_t cost)
{
	if (table->used > table->limit || cost > table->limit - table->used)
		return OUTCOME_FRAGMENT_MEMORY;
	if (table->account[account] + cost > table->limit / FRAGMENT_SHARE)
		return OUTCOME_FRAGMENT_SHARE;
	table->used += cost;
	table->account[account] += cost;
	return OUTCOME_TRANSLATED;
}

static void discharge(struct fragment_table *table, uint16_t account, uint64_t cost)
{
	table->used -= cost;
	table->account[account] -= cost;
}

static uint32_t find(const struct fragment_table *table, const struct fragment_key *key)
{
	uint32_t index = hash_index_first(&table->by_key, hash_key(table, key));

	while (index != SLAB_NONE) {
		const struct fragment_queue *queue = fragment_at(table, index);

		if (memcmp(&queue->key, key, sizeof(*key)) == 0)
			break;
		index = queue->next;
	}
	return index;
}

bool fragment_is_known(const struct fragment_table *table, const struct packet *packet)
{
	const struct fragment_key key = key_of(packet);

	return find(table, &key) != SLAB_NONE;
}

static void link_newest(struct fragment_table *table, uint32_t index)
{
	struct fragment_queue *queue = fragment_at(table, index);

	queue->older = table->newest;
	queue->newer = SLAB_NONE;
	if (table->newest != SLAB_NONE)
		fragment_at(table, table->newest)->newer = index;
	else
		table->oldest = index;
	table->newest = index;
}

static void unlink_queue(struct fragment_table *table, const struct fragment_queue *queue)
{
	if (queue->older != SLAB_NONE)
		fragment_at(table, queue->older)->newer = queue->newer;
	else
		table->oldest = queue->newer;
	if (queue->newer != SLAB_NONE)
		fragment_at(table, queue->newer)->older = queue->older;
	else
		table->newest = queue->older;
}

/* A queue without pieces. OUTCOME_TRANSLATED, or why there is none. */
static enum outcome queue_new(struct fragment_table *table, const struct fragment_key *key,
			      uint64_t now_ms, uint32_t *ret_index)
{
	const uint16_t account = account_of(table, key);
	enum outcome outcome = charge(table, account, sizeof(struct fragment_queue));
	if (outcome != OUTCOME_TRANSLATED)
		return outcome;

	uint32_t index = slab_alloc(&table->queues);
	if (index == SLAB_NONE)
		goto full;
	struct fragment_queue *queue = fragment_at(table, index);
	queue->key = *key;
	queue->account = account;
	queue->cost = sizeof(*queue);
	queue->started_ms = now_ms;
	if (!hash_index_add(&table->by_key, index, hash_key(table, key))) {
		slab_free(&table->queues, index);
		goto full;
	}
	link_newest(table, index);
	*ret_index = index;
	return OUTCOME_TRANSLATED;

full:
	discharge(table, account, sizeof(struct fragment_queue));
	return OUTCOME_FRAGMENT_MEMORY;
}

static void free_pieces(struct fragment_table *table, struct fragment_queue *queue)
{
	struct fragment_piece *piece = queue->highest;

	while (piece) {
		struct fragment_piece *lower = piece->lower;

		free(piece);
		piece = lower;
	}
	discharge(table, queue->account, queue->cost - sizeof(*queue));
	queue->cost = sizeof(*queue);
	queue->highest = NULL;
	queue->n_pieces = 0;
	queue->received = 0;
}

void fragment_remove(struct fragment_table *table, uint32_t index)
{
	struct fragment_queue *queue = fragment_at(table, index);

	free_pieces(table, queue);
	discharge(table, queue->account, queue->cost);
	hash_index_remove(&table->by_key, index, hash_key(table, &queue->key));
	unlink_queue(table, queue);
	slab_free(&table->queues, index);
}

/* F-24. */
static void poison(struct fragment_table *table, struct fragment_queue *queue)
{
	free_pieces(table, queue);
	queue->state = FRAGMENT_POISONED;
	queue->first_seen = false;
}

/*
 * Where packet's piece belongs: *ret_place is to point to it, and it to what is there now. False if
 * it contradicts what is there; *ret_duplicate: it is there.
 */
static bool find_place(struct fragment_queue *queue, const struct packet *packet,
		       struct fragment_piece ***ret_place, bool *ret_duplicate)
{
	const uint32_t offset = packet->fragment_offset, size = packet_l4_size(packet);
	const uint32_t end = offset + size;
	struct fragment_piece **place = &queue->highest;
	uint32_t highest_end = 0;

	if (queue->highest)
		highest_end = (uint32_t)queue->highest->offset + queue->highest->size;
	/* The last fragment ends the packet, and no other does. */
	if (queue->total != 0 &&
	    (packet->more_fragments ? end >= queue->total : end != queue->total))
		return false;
	if (!packet->more_fragments && highest_end > end)
		return false;

	while (*place && (*place)->offset >= end)
		place = &(*place)->lower;
	*ret_place = place;
	*ret_duplicate = false;
	if (!*place || (uint32_t)(*place)->offset + (*place)->size <= offset)
		return true;
	*ret_duplicate = (*place)->offset == offset && (*place)->size == size &&
			 (packet->more_fragments || queue->total != 0) &&
			 memcmp((*place)->payload, packet_l4(packet), size) == 0;
	return *ret_duplicate;
}

/* RFC 791 and RFC 8200, 4.5: the headers of the whole are those of the first fragment. */
static void note_headers(struct fragment_queue *queue, const struct packet *packet)
{
	queue->ecn_seen |= (uint8_t)(1u << (packet->traffic_class & ECN_MASK));
	if (!packet->more_fragments)
		queue->total = packet->fragment_offset + packet_l4_size(packet);
	if (packet->fragment_offset != 0)
		return;
	queue->first_seen = true;
	queue->ip_protocol = packet->ip_protocol;
	queue->traffic_class = packet->traffic_class;
	queue->hop_limit = packet->hop_limit;
	queue->mark = packet->mark;
}

static enum outcome store(struct fragment_table *table, struct fragment_queue *queue,
			  struct fragment_piece **place, const struct packet *packet)
{
	const uint32_t size = packet_l4_size(packet);
	const uint32_t cost = (uint32_t)FRAGMENT_PIECE_COST + size;
	struct fragment_piece *piece;

	enum outcome outcome = charge(table, queue->account, cost);
	if (outcome != OUTCOME_TRANSLATED)
		return outcome;
	piece = malloc(sizeof(*piece) + size);
	if (!piece) {
		discharge(table, queue->account, cost);
		return OUTCOME_FRAGMENT_MEMORY;
	}
	piece->offset = packet->fragment_offset;
	piece->size = (uint16_t)size;
	memcpy(piece->payload, packet_l4(packet), size);
	piece->lower = *place;
	*place = piece;
	queue->cost += cost;
	queue->n_pieces++;
	queue->received += size;
	note_headers(queue, packet);
	return OUTCOME_FRAGMENT_STORED;
}

/* The header of the packet, or of a fragment of it, with payload_size bytes behind. */
static uint32_t write_header(const struct fragment_queue *queue, bool first_fragment,
			     uint32_t payload_size, uint8_t *ret)
{
	const struct ip_fields fields = {
		.traffic_class = queue->traffic_class,
		.hop_limit = queue->hop_limit,
		.ip_protocol = queue->ip_protocol,
		.has_fragment_header = first_fragment,
		.more_fragments = first_fragment,
		.fragment_id = load_be32(queue->key.id),
	};

	if (queue->key.version == 6) {
		struct addr6 src, dst;

		memcpy(src.byte, queue->key.src, sizeof(src.byte));
		memcpy(dst.byte, queue->key.dst, sizeof(dst.byte));
		ip6_header_write(ret, &fields, &src, &dst, payload_size);
		return IP6_HEADER_SIZE + (first_fragment ? FRAGMENT_HEADER_SIZE : 0);
	}
	ip4_header_write(ret, &fields, load_be32(queue->key.src), load_be32(queue->key.dst),
			 payload_size);
	return IP4_HEADER_SIZE;
}

/* RFC 3168, 5.3: a mark on one fragment is a mark on the packet, unless one could not be marked. */
static bool join_ecn(struct fragment_queue *queue)
{
	if (!(queue->ecn_seen & 1u << ECN_CE))
		return true;
	if (queue->ecn_seen & 1u << ECN_NOT_ECT)
		return false;
	queue->traffic_class |= ECN_CE;
	return true;
}

/* Of the pieces and the last one missing. False without memory. */
static bool assemble(struct fragment_queue *queue, const struct packet *last, struct out *out,
		     struct packet *ret)
{
	const uint32_t header_size = queue->key.version == 6 ? IP6_HEADER_SIZE : IP4_HEADER_SIZE;
	uint8_t *memory = out_hold(out, PACKET_HEADROOM + header_size + queue->total);
	uint8_t *payload;

	if (!memory)
		return false;
	*ret = (struct packet){
		.data = memory + PACKET_HEADROOM,
		.size = header_size + queue->total,
		.headroom = PACKET_HEADROOM,
		.mark = queue->mark,
		.reassembled = true,
	};
	payload = ret->data + write_header(queue, false, queue->total, ret->data);
	for (const struct fragment_piece *piece = queue->highest; piece; piece = piece->lower)
		memcpy(payload + piece->offset, piece->payload, piece->size);
	memcpy(payload + last->fragment_offset, packet_l4(last), packet_l4_size(last));
	return true;
}

static enum outcome complete(struct fragment_table *table, uint32_t index,
			     const struct packet *last, struct out *out, struct packet *ret)
{
	struct fragment_queue *queue = fragment_at(table, index);
	enum outcome outcome = OUTCOME_TRANSLATED;

	note_headers(queue, last);
	if (!join_ecn(queue))
		outcome = OUTCOME_FRAGMENT_BAD;
	else if (!assemble(queue, last, out, ret))
		outcome = OUTCOME_FRAGMENT_MEMORY;
	fragment_remove(table, index);
	return outcome;
}

/* The queue of packet, a new one if need be. */
static enum outcome find_or_make(struct fragment_table *table, const struct packet *packet,
				 uint64_t now_ms, uint32_t *ret_index)
{
	const struct fragment_key key = key_of(packet);

	*ret_index = find(table, &key);
	/* A packet whose time is over has ended, even if nobody has taken it away yet; and what was
	 * the host's is judged anew with every first fragment. */
	if (*ret_index != SLAB_NONE) {
		const struct fragment_queue *queue = fragment_at(table, *ret_index);
		const bool over = now_ms - queue->started_ms >= table->timeout_ms;

		if (!over && (queue->state != FRAGMENT_OF_HOST || packet->fragment_offset != 0))
			return OUTCOME_TRANSLATED;
		fragment_remove(table, *ret_index);
	}
	return queue_new(table, &key, now_ms, ret_index);
}

enum outcome fragment_add(struct fragment_table *table, const struct packet *packet,
			  uint64_t now_ms, struct out *out, struct packet *ret_whole)
{
	struct fragment_piece **place;
	uint32_t index;
	bool duplicate;

	enum outcome outcome = find_or_make(table, packet, now_ms, &index);
	if (outcome != OUTCOME_TRANSLATED)
		return outcome;
	struct fragment_queue *queue = fragment_at(table, index);
	if (queue->state == FRAGMENT_OF_HOST)
		return OUTCOME_LEFT_TO_HOST;
	if (queue->state == FRAGMENT_POISONED)
		return OUTCOME_FRAGMENT_OVERLAP;
	if (!find_place(queue, packet, &place, &duplicate)) {
		poison(table, queue);
		return OUTCOME_FRAGMENT_OVERLAP;
	}
	if (duplicate)
		return OUTCOME_FRAGMENT_DUPLICATE;

	const uint32_t received = queue->received + packet_l4_size(packet);
	const uint32_t end = packet->fragment_offset + packet_l4_size(packet);
	if (received == (packet->more_fragments ? queue->total : end))
		return complete(table, index, packet, out, ret_whole);
	if (queue->n_pieces == FRAGMENT_PIECES_MAX) {
		poison(table, queue);
		return OUTCOME_FRAGMENT_TOO_BIG;
	}
	outcome = store(table, queue, place, packet);
	if (outcome != OUTCOME_FRAGMENT_STORED && queue->n_pieces == 0)
		fragment_remove(table, index); /* there is not even room for the first of it */
	return outcome;
}

void fragment_leave_to_host(struct fragment_table *table, const struct packet *packet,
			    uint64_t now_ms)
{
	const struct fragment_key key = key_of(packet);
	uint32_t index = find(table, &key);

	if (index != SLAB_NONE)
		fragment_remove(table, index);
	if (queue_new(table, &key, now_ms, &index) == OUTCOME_TRANSLATED)
		fragment_at(table, index)->state = FRAGMENT_OF_HOST;
}

bool fragment_first(const struct fragment_table *table, uint32_t index, struct out *out,
		    struct packet *ret)
{
	const struct fragment_queue *queue = fragment_at(table, index);
	const struct fragment_piece *piece = queue->highest;
	uint32_t header_size, present;

	if (!queue->first_seen)
		return false;
	while (piece->lower)
		piece = piece->lower;

	present = min_u32(piece->size, QUOTE_MAX);
	*ret = (struct packet){
		.data = out_alloc(out, IP6_HEADER_SIZE + FRAGMENT_HEADER_SIZE + QUOTE_MAX),
		.version = queue->key.version,
	};
	header_size = write_header(queue, true, piece->size, ret->data);
	memcpy(ret->data + header_size, piece->payload, present);
	ret->size = header_size + present;
	return true;
}

uint64_t fragment_next_deadline(const struct fragment_table *table)
{
	return table->oldest != SLAB_NONE
		       ? fragment_at(table, table->oldest)->started_ms + table->timeout_ms
		       : UINT64_MAX;
}

uint32_t fragment_expired(const struct fragment_table *table, uint64_t now_ms)
{
	return fragment_next_deadline(table) <= now_ms ? table->oldest : SLAB_NONE;
}

size_t fragment_memory(const struct fragment_table *table)
{
	const size_t queues = (size_t)table->queues.n_used * sizeof(struct fragment_queue);

	return slab_memory(&table->queues) + hash_index_memory(&table->by_key) +
	       (size_t)table->used - queues;
}

static bool check_pieces(const struct fragment_queue *queue)
{
	const struct fragment_piece *piece = queue->highest;
	uint32_t below = queue->total != 0 ? queue->total : FRAGMENT_PAYLOAD_MAX;
	uint64_t cost = sizeof(*queue);
	uint32_t received = 0, n = 0;
	bool first_seen = false;

	for (; piece; piece = piece->lower, n++) {
		if (piece->size == 0 || (uint32_t)piece->offset + piece->size > below)
			return false;
		below = piece->offset;
		received += piece->size;
		cost += FRAGMENT_PIECE_COST + piece->size;
		first_seen = below == 0;
	}
	if (queue->state != FRAGMENT_WAITING)
		return n == 0 && cost == queue->cost && !queue->first_seen;
	return n > 0 && n <= FRAGMENT_PIECES_MAX && n == queue->n_pieces &&
	       received == queue->received && cost == queue->cost && received != queue->total &&
	       first_seen == queue->first_seen;
}

bool fragment_check(const struct fragment_table *table)
{
	uint64_t account[FRAGMENT_ACCOUNTS] = {0};
	uint32_t older = SLAB_NONE, n = 0;
	uint64_t started_ms = 0, used = 0;

	if (!slab_check(&table->queues) || !hash_index_check(&table->by_key))
		return false;
	for (uint32_t i = table->oldest; i != SLAB_NONE;
	     older = i, i = fragment_at(table, i)->newer) {
		const struct fragment_queue *queue;

		if (!slab_is_used(&table->queues, i) || ++n > table->queues.n_used)
			return false;
		queue = fragment_at(table, i);
		if (queue->older != older || queue->started_ms < started_ms ||
		    find(table, &queue->key) != i || !check_pieces(queue))
			return false;
		started_ms = queue->started_ms;
		used += queue->cost;
		account[queue->account] += queue->cost;
	}
	return table->newest == older && n == table->queues.n_used && used == table->used &&
	       used <= table->bound && memcmp(account, table->account, sizeof(account)) == 0;
}
