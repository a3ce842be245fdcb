/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fragments of a few packets in any order, overlap and time into the table of fragments, against a
 * naive reassembly that keeps a byte map of each packet (F-1 to F-5, F-24 to F-26, X-10, X-11).
 *
 * An input is two bytes for the limit and the timeout, then actions of six bytes: what it is and
 * how long before it (ACTION_...), which packet and variant, the offset in units of eight, and two
 * bytes of size, which is large only with SIZE_LARGE. All fragments of a packet are cut from one
 * payload, unless the variant says that they lie; so overlaps are met both as duplicates and as
 * contradictions.
 *
 * The checks, after each action: the outcome is the naive one, a refusal for lack of memory happens
 * exactly when the naive account has none left, the whole is the naive whole byte for byte, what is
 * expired is what is old, and the accounts are right. In the end all memory is given back.
 */
#include <string.h>

#include "daemon/core/fragment.h"
#include "tests/fuzz/fuzz.h"
#include "tests/naive.h"

#define ACTION_WAIT  0x07
#define ACTION_KIND  0x18
#define KIND_EXPIRE  0x08 /* one packet, if it is old */
#define KIND_TO_HOST 0x10 /* if it is a first fragment */
#define ACTION_MORE  0x20
#define ACTION_ECN   0xc0

#define VARIANT_LIE 0x80 /* other bytes than the rest */
#define N_KEYS      8    /* even ones IPv6; four is a second one of the source of two */

#define SIZE_LARGE 0x8000
#define SIZE_USUAL 2048

#define PAYLOAD_MAX 65536
#define PIECES_MAX  257 /* one more than is let in */
#define ACTIONS_MAX 600

/* What is known of one packet: naively, a map of its bytes. */
struct naive_packet {
	enum { ABSENT, WAITING, POISONED, OF_HOST } state;
	uint64_t started_ms;
	uint32_t total; /* 0: not known */
	uint32_t n_bytes;
	unsigned n_pieces;
	uint8_t ecn_seen;
	uint8_t traffic_class; /* of the first fragment */
	uint64_t cost;
	struct {
		uint32_t offset, size;
		bool is_last;
	} piece[PIECES_MAX];
	uint8_t there[PAYLOAD_MAX];
	uint8_t byte[PAYLOAD_MAX];
};

struct fuzz {
	struct fragment_table table;
	struct out out;
	uint8_t *arena;
	uint64_t now_ms;
	uint64_t used;
	uint64_t used_by[N_KEYS];
};

static struct naive_packet naive[N_KEYS];

/* One fragment as it comes in. */
struct fragment {
	unsigned key;
	uint32_t offset, size;
	bool more;
	uint8_t ecn;
	uint8_t lie;
};

static unsigned source_of(unsigned key)
{
	return key == 4 ? 2 : key;
}

static uint8_t protocol_of_key(unsigned key)
{
	return key / 2 % 2 == 0 ? IPPROTO_UDP : IPPROTO_TCP;
}

/* What all fragments of a packet are cut from; that of a liar is shifted. */
static const uint8_t *payload_of(const struct fragment *fragment)
{
	static uint8_t pattern[PAYLOAD_MAX + SIZE_LARGE + 256 * (N_KEYS + 1)];

	if (pattern[1] == 0)
		for (uint32_t at = 0; at < sizeof(pattern); at++)
			pattern[at] = (uint8_t)(at * 7 + at / 256);
	return pattern + 256 * fragment->key + fragment->lie + fragment->offset;
}

static uint32_t write_fragment(const struct fragment *fragment, uint8_t *ret)
{
	const uint8_t traffic_class = (uint8_t)(fragment->key << 2 | fragment->ecn);
	uint8_t *payload;
	const bool is6 = fragment->key % 2 == 0;
	const uint32_t header_size = is6 ? 48 : 20;

	memset(ret, 0, header_size);
	if (is6) {
		store_be32(ret, 6u << 28 | (uint32_t)traffic_class << 20);
		store_be16(ret + 4, (uint16_t)(8 + fragment->size));
		ret[6] = IPPROTO_FRAGMENT;
		ret[7] = 64;
		ret[8] = 0x20;
		ret[15] = (uint8_t)source_of(fragment->key);
		ret[24] = 0x64;
		ret[40] = protocol_of_key(fragment->key);
		store_be16(ret + 42, (uint16_t)(fragment->offset | fragment->more));
		store_be32(ret + 44, 0x10000 + fragment->key);
	} else {
		ret[0] = 0x45;
		ret[1] = traffic_class;
		store_be16(ret + 2, (uint16_t)(20 + fragment->size));
		store_be16(ret + 4, (uint16_t)fragment->key);
		store_be16(ret + 6,
			   (uint16_t)((fragment->more ? 0x2000 : 0) | fragment->offset / 8));
		ret[8] = 64;
		ret[9] = protocol_of_key(fragment->key);
		store_be32(ret + 12, 0xc6336400 + source_of(fragment->key));
		store_be32(ret + 16, 0xcb007107);
		store_be16(ret + 10, naive_checksum(ret, 20));
	}
	payload = ret + header_size;
	memcpy(payload, payload_of(fragment), fragment->size);
	return header_size + fragment->size;
}

static void naive_forget(struct fuzz *fuzz, unsigned key)
{
	fuzz->used -= naive[key].cost;
	fuzz->used_by[source_of(key)] -= naive[key].cost;
	naive[key].state = ABSENT;
	naive[key].cost = 0;
}

/* An empty queue stays, and says no to the rest. */
static void naive_poison(struct fuzz *fuzz, unsigned key)
{
	const uint64_t given_back = naive[key].cost - sizeof(struct fragment_queue);

	fuzz->used -= given_back;
	fuzz->used_by[source_of(key)] -= given_back;
	naive[key].cost -= given_back;
	naive[key].state = POISONED;
}

static enum outcome naive_charge(struct fuzz *fuzz, unsigned key, uint64_t cost)
{
	if (fuzz->used + cost > fuzz->table.limit)
		return OUTCOME_FRAGMENT_MEMORY;
	if (fuzz->used_by[source_of(key)] + cost > fuzz->table.limit / FRAGMENT_SHARE)
		return OUTCOME_FRAGMENT_SHARE;
	fuzz->used += cost;
	fuzz->used_by[source_of(key)] += cost;
	naive[key].cost += cost;
	return OUTCOME_TRANSLATED;
}

static enum outcome naive_open(struct fuzz *fuzz, unsigned key)
{
	struct naive_packet *packet = &naive[key];
	enum outcome outcome;

	memset(packet, 0, sizeof(*packet));
	outcome = naive_charge(fuzz, key, sizeof(struct fragment_queue));
	if (outcome == OUTCOME_TRANSLATED) {
		packet->state = WAITING;
		packet->started_ms = fuzz->now_ms;
	}
	return outcome;
}

static bool is_over(const struct fuzz *fuzz, unsigned key)
{
	return fuzz->now_ms - naive[key].started_ms >= fuzz->table.timeout_ms;
}

static bool is_the_same_again(const struct naive_packet *packet, const struct fragment *fragment)
{
	for (unsigned i = 0; i < packet->n_pieces; i++) {
		if (packet->piece[i].offset != fragment->offset ||
		    packet->piece[i].size != fragment->size ||
		    (!fragment->more && packet->total == 0))
			continue;
		return memcmp(packet->byte + fragment->offset, payload_of(fragment),
			      fragment->size) == 0;
	}
	return false;
}

/* Does it say anything else than what is known (F-24)? */
static bool contradicts(const struct naive_packet *packet, const struct fragment *fragment)
{
	const uint32_t end = fragment->offset + fragment->size;

	if (memchr(packet->there + fragment->offset, 1, fragment->size))
		return true;
	if (!fragment->more && memchr(packet->there + end, 1, PAYLOAD_MAX - end))
		return true;
	if (packet->total == 0)
		return false;
	return fragment->more ? end >= packet->total : end != packet->total;
}

static void naive_store(struct naive_packet *packet, const struct fragment *fragment)
{
	const unsigned n = packet->n_pieces++;

	packet->piece[n].offset = fragment->offset;
	packet->piece[n].size = fragment->size;
	packet->n_bytes += fragment->size;
	packet->ecn_seen |= (uint8_t)(1 << fragment->ecn);
	if (fragment->offset == 0)
		packet->traffic_class = (uint8_t)(fragment->key << 2 | fragment->ecn);
	if (!fragment->more)
		packet->total = fragment->offset + fragment->size;
	memset(packet->there + fragment->offset, 1, fragment->size);
	memcpy(packet->byte + fragment->offset, payload_of(fragment), fragment->size);
}

/* F-25, F-26: the size can be no fragment's. */
static enum outcome naive_judge(const struct fragment *fragment)
{
	if (protocol_of_key(fragment->key) == IPPROTO_TCP && fragment->offset == 8)
		return OUTCOME_FRAGMENT_TINY;
	if (fragment->size == 0 || (fragment->more && fragment->size % 8 != 0))
		return OUTCOME_FRAGMENT_BAD;
	if (fragment->offset + fragment->size > 65515)
		return OUTCOME_FRAGMENT_TOO_BIG;
	return OUTCOME_TRANSLATED;
}

static enum outcome naive_add(struct fuzz *fuzz, const struct fragment *fragment)
{
	struct naive_packet *packet = &naive[fragment->key];
	enum outcome outcome;

	if (packet->state != ABSENT &&
	    (is_over(fuzz, fragment->key) || (packet->state == OF_HOST && fragment->offset == 0)))
		naive_forget(fuzz, fragment->key);
	if (packet->state == ABSENT) {
		outcome = naive_open(fuzz, fragment->key);
		if (outcome != OUTCOME_TRANSLATED)
			return outcome;
	}
	if (packet->state == OF_HOST)
		return OUTCOME_LEFT_TO_HOST;
	if (packet->state == POISONED)
		return OUTCOME_FRAGMENT_OVERLAP;
	if (is_the_same_again(packet, fragment) &&
	    (fragment->more ? fragment->offset + fragment->size != packet->total
			    : fragment->offset + fragment->size == packet->total))
		return OUTCOME_FRAGMENT_DUPLICATE;
	if (contradicts(packet, fragment)) {
		naive_poison(fuzz, fragment->key);
		return OUTCOME_FRAGMENT_OVERLAP;
	}

	const uint32_t total = fragment->more ? packet->total : fragment->offset + fragment->size;
	if (total != 0 && packet->n_bytes + fragment->size == total) {
		naive_store(packet, fragment);
		if ((packet->ecn_seen & 8) && (packet->ecn_seen & 1))
			outcome = OUTCOME_FRAGMENT_BAD;
		else
			outcome = OUTCOME_TRANSLATED;
		naive_forget(fuzz, fragment->key);
		return outcome;
	}
	if (packet->n_pieces == FRAGMENT_PIECES_MAX) {
		naive_poison(fuzz, fragment->key);
		return OUTCOME_FRAGMENT_TOO_BIG;
	}
	outcome = naive_charge(fuzz, fragment->key, FRAGMENT_PIECE_COST + fragment->size);
	if (outcome == OUTCOME_TRANSLATED) {
		naive_store(packet, fragment);
		return OUTCOME_FRAGMENT_STORED;
	}
	if (packet->n_pieces == 0)
		naive_forget(fuzz, fragment->key);
	return outcome;
}

/* What came out is the sum of what was put in, under the header of the first fragment. */
static void check_whole(const struct fragment *last, const struct packet *whole)
{
	const struct naive_packet *packet = &naive[last->key];
	const bool is6 = last->key % 2 == 0;
	const uint32_t header_size = is6 ? 40 : 20;
	uint8_t traffic_class = packet->traffic_class;

	if (packet->ecn_seen & 8)
		traffic_class |= 3;
	REQUIRE(whole->reassembled);
	REQUIRE(whole->headroom >= PACKET_HEADROOM);
	REQUIRE(whole->size == header_size + packet->total);
	REQUIRE(naive_header_ok(whole->data, whole->size));
	REQUIRE(memcmp(whole->data + header_size, packet->byte, packet->total) == 0);
	if (is6) {
		REQUIRE(load_be16(whole->data) >> 4 == (0x600 | traffic_class));
		REQUIRE(whole->data[6] == protocol_of_key(last->key) && whole->data[7] == 64);
		REQUIRE(whole->data[15] == source_of(last->key) && whole->data[24] == 0x64);
	} else {
		REQUIRE(whole->data[1] == traffic_class && whole->data[8] == 64);
		REQUIRE(whole->data[9] == protocol_of_key(last->key));
		REQUIRE((load_be16(whole->data + 6) & 0x3fff) == 0);
		REQUIRE(load_be32(whole->data + 12) == 0xc6336400 + source_of(last->key));
		REQUIRE(load_be32(whole->data + 16) == 0xcb007107);
	}
}

static void add(struct fuzz *fuzz, const struct fragment *fragment)
{
	static uint8_t bytes[48 + PAYLOAD_MAX];
	const uint32_t size = write_fragment(fragment, bytes);
	uint8_t *copy = malloc(size);
	struct packet packet = {.data = copy, .size = size}, whole;
	enum outcome expected = naive_judge(fragment), outcome;

	REQUIRE(copy);
	memcpy(copy, bytes, size);
	(void)packet_parse(&packet); /* the UDP header may be nonsense */
	REQUIRE(packet.fragment_offset == fragment->offset);
	REQUIRE(packet.more_fragments == fragment->more);
	outcome = fragment_judge(&packet);
	REQUIRE(outcome == expected);
	if (outcome == OUTCOME_TRANSLATED) {
		expected = naive_add(fuzz, fragment);
		outcome = fragment_add(&fuzz->table, &packet, fuzz->now_ms, &fuzz->out, &whole);
		REQUIRE(outcome == expected);
	}
	REQUIRE(memcmp(copy, bytes, size) == 0);
	free(copy); /* nothing points to it any more */
	if (outcome == OUTCOME_TRANSLATED)
		check_whole(fragment, &whole);
	out_clear(&fuzz->out);
}

static void leave_to_host(struct fuzz *fuzz, struct fragment *fragment)
{
	static uint8_t bytes[48 + PAYLOAD_MAX];
	struct packet packet = {.data = bytes};

	fragment->offset = 0;
	fragment->more = true;
	packet.size = write_fragment(fragment, bytes);
	(void)packet_parse(&packet);
	naive_forget(fuzz, fragment->key);
	if (naive_open(fuzz, fragment->key) == OUTCOME_TRANSLATED)
		naive[fragment->key].state = OF_HOST;
	fragment_leave_to_host(&fuzz->table, &packet, fuzz->now_ms);
	REQUIRE(fragment_is_known(&fuzz->table, &packet) ==
		(naive[fragment->key].state == OF_HOST));
}

static unsigned key_of_queue(const struct fragment_queue *queue)
{
	return load_be32(queue->key.id) & 0xff;
}

/* The quote for an error: the first fragment's own bytes, under a header that is right. */
static void check_first(const struct fuzz *fuzz, const struct packet *first, unsigned key)
{
	const uint32_t header_size = first->version == 6 ? 48 : 20;

	REQUIRE(naive[key].state == WAITING && naive[key].there[0]);
	REQUIRE(first->version == (key % 2 == 0 ? 6 : 4));
	REQUIRE(first->size > header_size && first->size <= fuzz->out.arena_size);
	REQUIRE(memcmp(first->data + header_size, naive[key].byte, first->size - header_size) == 0);
}

/* The oldest of those that are over, if there is one; the naive one is searched for. */
static void expire(struct fuzz *fuzz)
{
	const uint32_t index = fragment_expired(&fuzz->table, fuzz->now_ms);
	bool has_over = false;
	struct packet first;
	unsigned key;

	for (unsigned i = 0; i < N_KEYS; i++)
		has_over |= naive[i].state != ABSENT && is_over(fuzz, i);
	REQUIRE(has_over == (index != SLAB_NONE));
	if (index == SLAB_NONE)
		return;
	key = key_of_queue(fragment_at(&fuzz->table, index));
	REQUIRE(key < N_KEYS && naive[key].state != ABSENT && is_over(fuzz, key));
	for (unsigned i = 0; i < N_KEYS; i++)
		REQUIRE(naive[i].state == ABSENT || naive[i].started_ms >= naive[key].started_ms);
	if (fragment_first(&fuzz->table, index, &fuzz->out, &first))
		check_first(fuzz, &first, key);
	else
		REQUIRE(naive[key].state != WAITING || !naive[key].there[0]);
	fragment_remove(&fuzz->table, index);
	naive_forget(fuzz, key);
	out_clear(&fuzz->out);
}

static void begin(struct fuzz *fuzz, struct fuzz_input *input)
{
	static const struct siphash_key key = {{6146, 7915}};
	static const uint64_t limit[] = {4096, 16384, 262144, 8u << 20};
	const uint8_t limits = fuzz_byte(input);

	*fuzz = (struct fuzz){.now_ms = 1000};
	fragment_table_init(&fuzz->table, &key, limit[limits % 4],
			    1000u + 1000u * fuzz_byte(input));
	for (unsigned i = 0; i < N_KEYS; i++) {
		naive[i].state = ABSENT;
		naive[i].cost = 0;
	}
	fuzz->out.arena_size = EMIT_ARENA_PER_PACKET;
	fuzz->out.arena = malloc(EMIT_ARENA_PER_PACKET);
	REQUIRE(fuzz->out.arena);
}

/* F-3: whatever is left ends by time alone, and with it every byte. */
static void end(struct fuzz *fuzz)
{
	static const uint64_t no_account[FRAGMENT_ACCOUNTS];

	fuzz->now_ms += fuzz->table.timeout_ms;
	for (unsigned i = 0; i < N_KEYS; i++)
		expire(fuzz);
	REQUIRE(fragment_expired(&fuzz->table, UINT64_MAX) == SLAB_NONE);
	REQUIRE(fuzz->table.used == 0 && fuzz->table.queues.n_used == 0);
	REQUIRE(memcmp(fuzz->table.account, no_account, sizeof(no_account)) == 0);
	REQUIRE(fragment_check(&fuzz->table));
	fragment_table_deinit(&fuzz->table);
	free(fuzz->out.arena);
}

static void act(struct fuzz *fuzz, struct fuzz_input *input)
{
	static const uint32_t wait_ms[ACTION_WAIT + 1] = {0, 0, 1, 10, 200, 900, 1001, 60000};
	const uint8_t action = fuzz_byte(input), which = fuzz_byte(input);
	struct fragment fragment = {
		.key = which % N_KEYS,
		.lie = (uint8_t)(which & VARIANT_LIE ? which : 0),
		.offset = fuzz_be16(input) % 8192u * 8,
		.size = fuzz_be16(input),
		.more = action & ACTION_MORE,
		.ecn = action >> 6,
	};

	/* Mostly of a size that is met; SIZE_LARGE is asked for. */
	fragment.size %= fragment.size & SIZE_LARGE ? SIZE_LARGE : SIZE_USUAL;
	fuzz->now_ms += wait_ms[action & ACTION_WAIT];
	if (fragment.offset == 0 && !fragment.more)
		fragment.more = true; /* else it is none */
	if ((action & ACTION_KIND) == KIND_EXPIRE)
		expire(fuzz);
	else if ((action & ACTION_KIND) == KIND_TO_HOST)
		leave_to_host(fuzz, &fragment);
	else
		add(fuzz, &fragment);
	REQUIRE(fuzz->table.used == fuzz->used);
	REQUIRE(fragment_check(&fuzz->table));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz_input input = {bytes, size};
	struct fuzz fuzz;

	begin(&fuzz, &input);
	for (unsigned n = 0; input.size > 0 && n < ACTIONS_MAX; n++)
		act(&fuzz, &input);
	end(&fuzz);
	return 0;
}
