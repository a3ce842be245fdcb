/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See stage.h.
 */
#include "tests/fuzz/stage.h"

#include <string.h>

#include "tests/fuzz/ask.h"
#include "tests/fuzz/reached.h"
#include "tests/naive.h"

#define SLACK_MS 2000 /* K-13 */

void stage_init(struct stage *stage)
{
	memset(stage, 0, sizeof(*stage));
	stage->now_ms = 1000;
	stage->made.is_exact = true;
	stage->out.packet = stage->packets;
	stage->out.capacity = EMIT_PIECES_MAX;
	stage->out.arena = stage->arena;
	stage->out.arena_size = sizeof(stage->arena);
	fake_world_init(&stage->world);
	stage->world.own4[stage->world.n_own4++] = STAGE_OWN4;
	REQUIRE(prefix6_parse("2001:db8:64::/96", &stage->pool6));
}

void stage_open(struct stage *stage, const struct nat64_config *config, uint8_t settings)
{
	static const uint8_t modes[] = {POOL4_DYNAMIC, POOL4_BLOCKS, POOL4_DETERMINISTIC,
					POOL4_BLOCKS};
	static const uint8_t sizes[] = {2, 1, 3, 4};
	static const uint8_t seed[RANDOM_SEED_SIZE] = {1};
	const struct nat64_limits limits = {
		.bindings = STAGE_BINDINGS,
		.sessions = STAGE_SESSIONS,
		.stored_syns = STAGE_SYNS,
		.fragment_memory = 32768,
		.pool4 = {.mode = modes[settings & STAGE_MODE],
			  .block_size = sizes[(settings & STAGE_BLOCK_SIZE) >> 2]},
	};
	struct nat64_world world = fake_world_calls(&stage->world);
	struct prefix6 clients;

	stage->nat = nat64_new(config, &limits, &world, seed, stage->now_ms);
	REQUIRE(stage->nat);
	stage->nat->events.want_bindings = true;
	REQUIRE(prefix6_parse("2001:db8:1::10/127", &clients));
	stage->first = stage_add_entry(stage, STAGE_POOL4_FIRST, STAGE_PORT + 7, &clients);
	REQUIRE(stage->first);
}

static void remove_statics(struct stage *stage)
{
	for (unsigned protocol = 0; protocol < N_PROTOCOLS; protocol++) {
		const struct bib *bib = &stage->nat->bib[protocol];

		for (uint32_t i; (i = bib_next(bib, 0)) != SLAB_NONE;) {
			REQUIRE(bib_at(bib, i)->is_static);
			nat64_remove_binding(stage->nat, (enum protocol)protocol, i, stage->now_ms);
		}
	}
}

void stage_close(struct stage *stage)
{
	for (unsigned i = 0; i < 3; i++) {
		stage->now_ms += 4 * stage->nat->config.tcp_established_ms;
		stage_expire(stage, 0);
	}
	REQUIRE(stage->sessions.n == 0 && stage->stored.n == 0);
	remove_statics(stage);
	stage->now_ms += 1000000;
	stage_expire(stage, 0);
	REQUIRE(nat64_n_bindings(stage->nat) == 0 && stage->nat->clients.clients.n_used == 0);
	REQUIRE(stage->leases.n == 0);
	REQUIRE(nat64_next_deadline(stage->nat) == UINT64_MAX);
	nat64_free(stage->nat);
}

struct taddr6 stage_client(unsigned which)
{
	struct taddr6 client = {.port = (uint16_t)(5000 + which % 2)};

	REQUIRE(addr6_parse("2001:db8:1::10", &client.addr));
	client.addr.byte[15] = (uint8_t)(client.addr.byte[15] + which / 2 % 2);
	return client;
}

/* One port has a lifetime of its own (K-1). */
struct taddr4 stage_peer(unsigned which)
{
	return (struct taddr4){STAGE_PEER4 + which / 2 % 4, which % 2 ? 53 : 7000};
}

/* TCP is the one with the most to go wrong. */
enum protocol stage_protocol(unsigned which)
{
	static const enum protocol protocols[] = {PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_ICMP,
						  PROTOCOL_TCP};

	return protocols[which % 4];
}

uint32_t stage_binding(const struct stage *stage, enum protocol protocol, unsigned which)
{
	const struct bib *bib = &stage->nat->bib[protocol];
	uint32_t index = SLAB_NONE;

	if (bib->entries.n_used == 0)
		return SLAB_NONE;
	for (unsigned i = 0; i <= which % bib->entries.n_used; i++)
		index = bib_next(bib, index == SLAB_NONE ? 0 : index + 1);
	return index;
}

uint32_t stage_add_entry(struct stage *stage, uint32_t addr, uint16_t last_port,
			 const struct prefix6 *clients)
{
	const struct addr4_range range = {addr, addr};
	struct pool4_spec spec = {.addresses = &range,
				  .n_addresses = 1,
				  .protocol = {true, true, true},
				  .pool6 = POOL4_ANY_PREFIX};
	uint32_t id;

	if (stage->nat->limits.pool4.mode == POOL4_DETERMINISTIC)
		spec.clients[spec.n_clients++] = *clients;
	REQUIRE(port_ranges_add(&spec.ports, STAGE_PORT, last_port));
	if (pool4_add(stage->nat->pool4, &spec, &id) != POOL4_OK)
		return 0;
	pool4_set_state(stage->nat->pool4, id, POOL4_ACTIVE);
	return id;
}

enum outcome stage_receive(struct stage *stage, uint8_t *memory, uint32_t size)
{
	struct packet packet = {
		.data = memory + PACKET_HEADROOM, .size = size, .headroom = PACKET_HEADROOM};
	enum outcome outcome, asked;

	stage->n_received++;
	asked = ask(stage->nat, &packet, stage->now_ms);
	outcome = nat64_receive(stage->nat, &packet, stage->now_ms, &stage->out);
	REQUIRE(asked == N_OUTCOMES || asked == outcome);
	if (outcome_info(outcome)->verdict == VERDICT_TRANSLATED)
		REQUIRE(stage->out.n_packets == 1);
	else
		REQUIRE(stage->out.n_packets <= (outcome_info(outcome)->verdict == VERDICT_DROP));
	reached_outcome(outcome);
	return outcome;
}

uint32_t stage_sent(const struct stage *stage, uint32_t number, uint8_t ret[STAGE_SENT_MAX])
{
	const struct out_packet *packet = &stage->out.packet[number];
	uint32_t size = 0;

	for (unsigned i = 0; i < packet->n_parts; i++) {
		REQUIRE(size + packet->part[i].size <= STAGE_SENT_MAX);
		memcpy(ret + size, packet->part[i].base, packet->part[i].size);
		size += packet->part[i].size;
	}
	return size;
}

void stage_empty(struct stage *stage)
{
	uint8_t bytes[STAGE_SENT_MAX];

	for (uint32_t i = 0; i < stage->out.n_packets; i++)
		REQUIRE(naive_packet_ok(bytes, stage_sent(stage, i, bytes)));
	out_clear(&stage->out);
	memset(stage->arena, 0xa5, sizeof(stage->arena));
}

/* True if nothing is left to do. Nothing goes to clients that are blocked, no probe either. */
static bool expire_some(struct stage *stage, unsigned budget)
{
	const bool done = nat64_expire(stage->nat, stage->now_ms, budget, &stage->out);
	uint8_t bytes[STAGE_SENT_MAX];
	struct addr6 dst;

	for (uint32_t i = 0; i < stage->out.n_packets; i++) {
		if (stage->out.packet[i].version != 6)
			continue;
		(void)stage_sent(stage, i, bytes);
		memcpy(dst.byte, bytes + 24, sizeof(dst.byte));
		REQUIRE(!stage_is_blocked(stage, &dst));
	}
	stage_expire_blocked(stage);
	stage_empty(stage);
	return done;
}

void stage_expire(struct stage *stage, unsigned budget)
{
	if (budget != 0)
		(void)expire_some(stage, budget);
	while (budget == 0 && !expire_some(stage, 3))
		;
	stage_check(stage, true);
	for (unsigned i = 0; budget == 0 && i < stage->sessions.n; i++)
		REQUIRE(stage->sessions.at[i].expires_ms + SLACK_MS > stage->now_ms);
}
