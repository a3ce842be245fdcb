/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Several packet threads in one core, by the locks of gateway.h and in the order of worker.c: that
 * what they come to is what one thread comes to, and that the tables hold together whatever happens
 * beside them. The test runs a second time watched by ThreadSanitizer, which reports each access
 * that no lock orders.
 */
#include <glib.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "daemon/core/forward.h"
#include "daemon/core/persist.h"
#include "daemon/gateway.h"
#include "tests/fake_world.h"
#include "tests/naive.h"
#include "tests/property/seed.h"

#define SEED       64u
#define START_MS   UINT64_C(1000000)
#define N_THREADS  4
#define N_CLIENTS  16 /* of each thread */
#define N_PEERS    4
#define N_TURNS    200
#define PACKET_MAX 1600

struct packet_maker {
	struct random random;
	uint8_t buffer[PACKET_HEADROOM + PACKET_MAX];
};

struct thread {
	pthread_t id;
	struct gateway *gateway;
	unsigned number;
	unsigned lane;
	unsigned n_steps;
	void (*step)(struct thread *thread);
	struct packet_maker maker;
	struct out out;
	struct out_packet packets[4 * EMIT_PIECES_MAX];
	uint8_t arena[4 * EMIT_ARENA_PER_PACKET];
	struct taddr4 mapped[N_PROTOCOLS][N_THREADS * N_CLIENTS]; /* as this thread knows it */
	uint64_t n_received;
	uint64_t n_wrong;
	uint64_t n_alone;
};

static struct fake_world world;
static _Atomic uint64_t clock_ms = START_MS;
static _Atomic bool is_over;
/* Threads go on until the control thread has had its turns. */
static _Atomic unsigned n_turns, n_turns_wanted;

/* ---- packets ------------------------------------------------------------------------------------
 */

/* The address of client i, who has three ports. */
static struct taddr6 client_of(unsigned i)
{
	struct taddr6 client = {.port = (uint16_t)(5000 + i % 3)};

	g_assert_true(addr6_parse("2001:db8::100", &client.addr));
	client.addr.byte[14] = (uint8_t)(1 + i / 3 / 250);
	client.addr.byte[15] = (uint8_t)(1 + i / 3 % 250);
	return client;
}

static struct taddr4 peer_of(unsigned i)
{
	return (struct taddr4){0xc6336401 + i / 2, (uint16_t)(9000 + i)};
}

static struct addr6 embedded(uint32_t addr4)
{
	struct addr6 ret;

	g_assert_true(addr6_parse("2001:db8:64::", &ret));
	store_be32(ret.byte + 12, addr4);
	return ret;
}

/* A right checksum of what is there, by the naive sum. */
static void finish(uint8_t *ip, bool is6, uint8_t protocol, uint32_t l4_size)
{
	const uint32_t ip_size = is6 ? IP6_HEADER_SIZE : IP4_HEADER_SIZE;
	const uint32_t addresses_size = is6 ? 32 : 8;
	uint8_t *l4 = ip + ip_size;
	uint8_t *check = l4 + (protocol == IPPROTO_TCP ? 16 : protocol == IPPROTO_UDP ? 6 : 2);
	uint8_t sum[40 + PACKET_MAX] = {0};
	uint32_t pseudo_size = 0;
	uint16_t value;

	store_be16(check, 0);
	if (is6 || protocol != IPPROTO_ICMP) {
		memcpy(sum, ip + ip_size - addresses_size, addresses_size);
		store_be16(sum + addresses_size, protocol);
		store_be16(sum + addresses_size + 2, (uint16_t)l4_size);
		pseudo_size = addresses_size + 4;
	}
	memcpy(sum + pseudo_size, l4, l4_size);
	value = naive_checksum(sum, pseudo_size + l4_size);
	store_be16(check, value == 0 && protocol == IPPROTO_UDP ? 0xffff : value);
}

static uint8_t *begin(struct packet_maker *maker)
{
	uint8_t *ip = maker->buffer + PACKET_HEADROOM;

	memset(ip, 0, PACKET_MAX);
	return ip;
}

static uint32_t fill_l4(uint8_t *l4, uint8_t protocol, uint16_t src_port, uint16_t dst_port,
			uint8_t tcp_flags, uint32_t payload_size)
{
	if (protocol == IPPROTO_TCP) {
		store_be16(l4, src_port);
		store_be16(l4 + 2, dst_port);
		l4[12] = 5 << 4;
		l4[13] = tcp_flags;
		return TCP_HEADER_SIZE + payload_size;
	}
	if (protocol == IPPROTO_UDP) {
		store_be16(l4, src_port);
		store_be16(l4 + 2, dst_port);
		store_be16(l4 + 4, (uint16_t)(UDP_HEADER_SIZE + payload_size));
		return UDP_HEADER_SIZE + payload_size;
	}
	l4[0] = protocol == IPPROTO_ICMPV6 ? 128 : 0; /* echo, or its reply */
	store_be16(l4 + 4, protocol == IPPROTO_ICMPV6 ? src_port : dst_port);
	return ICMP_HEADER_SIZE + payload_size;
}

static struct packet make6(struct packet_maker *maker, const struct taddr6 *src,
			   const struct taddr4 *dst, uint8_t protocol, uint8_t tcp_flags,
			   uint32_t payload_size)
{
	const struct addr6 to = embedded(dst->addr);
	uint8_t *ip = begin(maker);
	const uint32_t size = fill_l4(ip + IP6_HEADER_SIZE, protocol, src->port, dst->port,
				      tcp_flags, payload_size);

	ip[0] = 0x60;
	store_be16(ip + 4, (uint16_t)size);
	ip[6] = protocol;
	ip[7] = 64;
	memcpy(ip + 8, src->addr.byte, 16);
	memcpy(ip + 24, to.byte, 16);
	finish(ip, true, protocol, size);
	return (struct packet){
		.data = ip, .size = IP6_HEADER_SIZE + size, .headroom = PACKET_HEADROOM};
}

static struct packet make4(struct packet_maker *maker, const struct taddr4 *src,
			   const struct taddr4 *dst, uint8_t protocol, uint8_t tcp_flags,
			   uint32_t payload_size)
{
	uint8_t *ip = begin(maker);
	const uint32_t size = fill_l4(ip + IP4_HEADER_SIZE, protocol, src->port, dst->port,
				      tcp_flags, payload_size);

	ip[0] = 0x45;
	store_be16(ip + 2, (uint16_t)(IP4_HEADER_SIZE + size));
	ip[8] = 64;
	ip[9] = protocol;
	store_be32(ip + 12, src->addr);
	store_be32(ip + 16, dst->addr);
	store_be16(ip + 10, naive_checksum(ip, IP4_HEADER_SIZE));
	finish(ip, false, protocol, size);
	return (struct packet){
		.data = ip, .size = IP4_HEADER_SIZE + size, .headroom = PACKET_HEADROOM};
}

/* One half of a datagram of 1032 bytes of UDP, whose fragments come in any order. */
static struct packet make_fragment6(struct packet_maker *maker, const struct taddr6 *src,
				    const struct taddr4 *dst, uint32_t id, bool is_first)
{
	const struct packet whole = make6(maker, src, dst, IPPROTO_UDP, 0, 1024);
	uint8_t *ip = whole.data;
	uint8_t *fragment = ip + IP6_HEADER_SIZE;
	const uint32_t half = 516 & ~7u; /* 512 */
	const uint32_t size = is_first ? half : 1032 - half;

	memmove(fragment + FRAGMENT_HEADER_SIZE, fragment + (is_first ? 0 : half), size);
	memset(fragment, 0, FRAGMENT_HEADER_SIZE);
	fragment[0] = IPPROTO_UDP;
	store_be16(fragment + 2, is_first ? 1 : (uint16_t)half);
	store_be32(fragment + 4, id);
	ip[6] = 44;
	store_be16(ip + 4, (uint16_t)(FRAGMENT_HEADER_SIZE + size));
	return (struct packet){.data = ip,
			       .size = IP6_HEADER_SIZE + FRAGMENT_HEADER_SIZE + size,
			       .headroom = PACKET_HEADROOM};
}

/* ---- as worker.c does ---------------------------------------------------------------------------
 */

static bool is_right(const struct out_packet *packet)
{
	uint8_t bytes[2 * PACKET_MAX];
	uint32_t size = 0;

	for (unsigned i = 0; i < packet->n_parts; i++) {
		if (size + packet->part[i].size > sizeof(bytes))
			return false;
		memcpy(bytes + size, packet->part[i].base, packet->part[i].size);
		size += packet->part[i].size;
	}
	return naive_packet_ok(bytes, size);
}

static enum outcome receive(struct thread *thread, struct packet *packet, uint64_t now_ms)
{
	struct gateway *gateway = thread->gateway;
	struct gateway_lane *lane = &gateway->lane[thread->lane];
	enum outcome outcome;
	bool is_light;

	out_clear(&thread->out);
	gateway_enter(gateway, thread->lane);
	is_light = nat64_receive_light(gateway->nat, &lane->core, packet, now_ms, &thread->out,
				       &outcome);
	lane->received[0] += is_light;
	gateway_leave(gateway, thread->lane);
	if (!is_light) {
		gateway_be_alone(gateway);
		outcome = nat64_receive(gateway->nat, packet, gateway_not_before(gateway, now_ms),
					&thread->out);
		lane->received[0]++;
		gateway_end_alone(gateway);
		thread->n_alone++;
	}
	thread->n_received++;
	for (uint32_t i = 0; i < thread->out.n_packets; i++)
		thread->n_wrong += !is_right(&thread->out.packet[i]);
	return outcome;
}

/* (T,t) that a packet has left with; all 0 if none has. */
static struct taddr4 sent_src4(const struct thread *thread)
{
	const uint8_t *ip = thread->out.n_packets > 0 ? thread->out.packet[0].part[0].base : NULL;

	if (!ip || thread->out.packet[0].version != 4 || thread->out.packet[0].n_parts != 1)
		return (struct taddr4){0, 0};
	return (struct taddr4){load_be32(ip + 12),
			       load_be16(ip + IP4_HEADER_SIZE + (ip[9] == IPPROTO_ICMP ? 4 : 0))};
}

static void *run(void *data)
{
	struct thread *thread = data;

	for (unsigned i = 0; i < thread->n_steps; i++)
		thread->step(thread);
	while (n_turns_wanted > n_turns)
		thread->step(thread);
	return NULL;
}

static void new_gateway(struct gateway *gateway, unsigned n_lanes)
{
	static const uint8_t seed[RANDOM_SEED_SIZE] = "several threads";
	static const struct nat64_limits limits = {2000, 8000, 64, 1 << 20};
	struct addr4_range range = {0xcb007101, 0xcb007102};
	struct pool4_spec spec = {.name = "test",
				  .addresses = &range,
				  .n_addresses = 1,
				  .ports = {.range = {{1024, 65535}}, .n_ranges = 1},
				  .protocol = {true, true, true},
				  .pool6 = POOL4_ANY_PREFIX};
	struct nat64_world calls = fake_world_calls(&world);
	struct nat64_config config;
	uint32_t id;

	nat64_config_default(&config);
	g_assert_true(prefix6_parse("2001:db8:64::/96", &config.pool6[0]));
	gateway_init(gateway);
	gateway->nat = nat64_new(&config, &limits, &calls, seed, START_MS);
	g_assert_nonnull(gateway->nat);
	g_assert_cmpint(pool4_add(gateway->nat->pool4, &spec, &id), ==, POOL4_OK);
	pool4_set_state(gateway->nat->pool4, id, POOL4_ACTIVE);
	gateway->n_queues = 1;
	gateway_set_lanes(gateway, n_lanes);
}

static struct thread *new_threads(struct gateway *gateway, void (*step)(struct thread *),
				  unsigned n_steps)
{
	struct thread *threads = g_new0(struct thread, N_THREADS);

	for (unsigned i = 0; i < N_THREADS; i++) {
		struct thread *thread = &threads[i];
		const uint32_t numbers[RANDOM_SEED_SIZE / 4] = {seed_of_run(SEED), i};

		*thread = (struct thread){.gateway = gateway,
					  .number = i,
					  .lane = gateway->n_lanes == 1 ? 0 : i,
					  .n_steps = n_steps,
					  .step = step};
		thread->out = (struct out){.packet = thread->packets,
					   .capacity = G_N_ELEMENTS(thread->packets),
					   .arena = thread->arena,
					   .arena_size = sizeof(thread->arena)};
		random_init(&thread->maker.random, (const uint8_t *)numbers);
	}
	return threads;
}

static void run_threads(struct thread *threads)
{
	for (unsigned i = 0; i < N_THREADS; i++)
		g_assert_cmpint(pthread_create(&threads[i].id, NULL, run, &threads[i]), ==, 0);
}

/* Everything adds up, and the tables hold together. */
static void end_threads(struct thread *threads, struct gateway *gateway)
{
	const struct nat64_counters *counters = &gateway->nat->counters;
	uint64_t n_received = 0, n_ended = 0;

	for (unsigned i = 0; i < N_THREADS; i++) {
		out_clear(&threads[i].out);
		n_received += threads[i].n_received;
		g_assert_cmpuint(threads[i].n_wrong, ==, 0);
	}
	gateway_lock(gateway);
	for (unsigned i = 0; i < N_OUTCOMES; i++)
		n_ended += counters->packets[0][i] + counters->packets[1][i];
	g_assert_cmpuint(n_ended, ==, n_received);
	g_assert_cmpuint(gateway->queue[0].received, ==, n_received);
	g_assert_true(nat64_check(gateway->nat));
	gateway_unlock(gateway);
}

/* An error about a packet that has gone from mapped to peer: too big for a link of this MTU. */
static struct packet make_error4(struct packet_maker *maker, const struct taddr4 *mapped,
				 const struct taddr4 *peer, uint16_t mtu)
{
	const uint32_t size = ICMP_HEADER_SIZE + IP4_HEADER_SIZE + 8;
	uint8_t *ip = begin(maker);
	uint8_t *inner = ip + IP4_HEADER_SIZE + ICMP_HEADER_SIZE;

	ip[0] = inner[0] = 0x45;
	store_be16(ip + 2, (uint16_t)(IP4_HEADER_SIZE + size));
	ip[8] = inner[8] = 64;
	ip[9] = IPPROTO_ICMP;
	store_be32(ip + 12, 0xc6336407);
	store_be32(ip + 16, mapped->addr);
	store_be16(ip + 10, naive_checksum(ip, IP4_HEADER_SIZE));
	ip[IP4_HEADER_SIZE] = ICMP_DEST_UNREACH;
	ip[IP4_HEADER_SIZE + 1] = ICMP_FRAG_NEEDED;
	store_be16(ip + IP4_HEADER_SIZE + 6, mtu);
	store_be16(inner + 2, 1400);
	inner[9] = IPPROTO_TCP;
	store_be32(inner + 12, mapped->addr);
	store_be32(inner + 16, peer->addr);
	store_be16(inner + 10, naive_checksum(inner, IP4_HEADER_SIZE));
	store_be16(inner + IP4_HEADER_SIZE, mapped->port);
	store_be16(inner + IP4_HEADER_SIZE + 2, peer->port);
	finish(ip, false, IPPROTO_ICMP, size);
	return (struct packet){
		.data = ip, .size = IP4_HEADER_SIZE + size, .headroom = PACKET_HEADROOM};
}

static uint8_t protocol_on(bool is6, enum protocol protocol)
{
	static const uint8_t on4[] = {
		[PROTOCOL_TCP] = IPPROTO_TCP,
		[PROTOCOL_UDP] = IPPROTO_UDP,
		[PROTOCOL_ICMP] = IPPROTO_ICMP,
	};

	return is6 && protocol == PROTOCOL_ICMP ? IPPROTO_ICMPV6 : on4[protocol];
}

/* A packet of a client to peer, and what it came to. */
static enum outcome send6(struct thread *thread, enum protocol protocol, unsigned client,
			  const struct taddr4 *peer, uint8_t tcp_flags, uint64_t now_ms)
{
	const struct taddr6 from = client_of(client);
	struct packet packet = make6(&thread->maker, &from, peer, protocol_on(true, protocol),
				     tcp_flags, random_below(&thread->maker.random, 100));
	enum outcome outcome = receive(thread, &packet, now_ms);
	const struct taddr4 sent = sent_src4(thread);

	if (outcome == OUTCOME_TRANSLATED && sent.addr != 0)
		thread->mapped[protocol][client] = sent;
	return outcome;
}

/* One back to where the client was seen last. */
static void send4(struct thread *thread, enum protocol protocol, unsigned client,
		  const struct taddr4 *peer, uint8_t tcp_flags, uint64_t now_ms)
{
	struct packet packet = make4(&thread->maker, peer, &thread->mapped[protocol][client],
				     protocol_on(false, protocol), tcp_flags,
				     random_below(&thread->maker.random, 100));

	(void)receive(thread, &packet, now_ms);
}

static uint8_t random_flags(struct random *random)
{
	static const uint8_t flags[] = {TH_SYN, TH_ACK, TH_ACK, TH_ACK, TH_ACK | TH_FIN, TH_RST};

	return flags[random_below(random, G_N_ELEMENTS(flags))];
}

/* ---- one thread or four -------------------------------------------------------------------------
 */

/* Each thread has clients of its own, so it does not matter what the others do. */
static void step_apart(struct thread *thread)
{
	struct random *random = &thread->maker.random;
	const enum protocol protocol = (enum protocol)random_below(random, N_PROTOCOLS);
	const unsigned client = thread->number * N_CLIENTS + random_below(random, N_CLIENTS);
	const struct taddr4 peer = peer_of(random_below(random, N_PEERS));
	const uint8_t tcp_flags = random_flags(random);

	if (random_below(random, 2) && thread->mapped[protocol][client].addr != 0)
		send4(thread, protocol, client, &peer, tcp_flags, START_MS);
	else
		(void)send6(thread, protocol, client, &peer, tcp_flags, START_MS);
}

/* The state of each session that may be there: 0 is none. */
static void read_states(const struct nat64 *nat, uint8_t *ret)
{
	for (unsigned i = 0; i < N_PROTOCOLS * N_THREADS * N_CLIENTS * N_PEERS; i++) {
		const enum protocol protocol = (enum protocol)(i % N_PROTOCOLS);
		const struct taddr6 client = client_of(i / N_PROTOCOLS / N_PEERS);
		struct taddr4 peer = peer_of(i / N_PROTOCOLS % N_PEERS);
		const uint32_t binding = bib_find6(&nat->bib[protocol], &client);
		uint32_t session;

		ret[i] = binding == SLAB_NONE ? 0 : 1;
		if (binding == SLAB_NONE)
			continue;
		if (protocol == PROTOCOL_ICMP)
			peer.port = bib_at(&nat->bib[protocol], binding)->port4;
		session = session_find(&nat->sessions[protocol], binding, &peer);
		if (session != SLAB_NONE)
			ret[i] =
				(uint8_t)(2 + session_at(&nat->sessions[protocol], session)->state);
	}
}

static void test_apart(void)
{
	enum { N_STEPS = 20000, N_STATES = N_PROTOCOLS * N_THREADS * N_CLIENTS * N_PEERS };
	static struct gateway one, many;
	static uint8_t states_one[N_STATES], states_many[N_STATES];
	struct thread *threads_one, *threads_many;

	fake_world_init(&world);
	new_gateway(&one, 1);
	new_gateway(&many, N_THREADS);
	threads_one = new_threads(&one, step_apart, N_STEPS);
	threads_many = new_threads(&many, step_apart, N_STEPS);
	run_threads(threads_many);
	for (unsigned i = 0; i < N_THREADS; i++)
		g_assert_cmpint(pthread_join(threads_many[i].id, NULL), ==, 0);
	for (unsigned i = 0; i < N_THREADS; i++)
		(void)run(&threads_one[i]);
	end_threads(threads_one, &one);
	end_threads(threads_many, &many);

	g_assert_cmpmem(one.nat->counters.packets, sizeof(one.nat->counters.packets),
			many.nat->counters.packets, sizeof(many.nat->counters.packets));
	g_assert_cmpmem(one.nat->counters.bytes, sizeof(one.nat->counters.bytes),
			many.nat->counters.bytes, sizeof(many.nat->counters.bytes));
	read_states(one.nat, states_one);
	read_states(many.nat, states_many);
	g_assert_cmpmem(states_one, N_STATES, states_many, N_STATES);
	g_assert_cmpuint(nat64_n_sessions(one.nat), >, N_THREADS * N_CLIENTS);
	/* Or it would show nothing. */
	for (unsigned i = 0; i < N_THREADS; i++) {
		g_assert_cmpuint(threads_many[i].n_alone, >, 0);
		g_assert_cmpuint(threads_many[i].n_alone, <, N_STEPS / 2);
	}
	g_free(threads_one);
	g_free(threads_many);
	gateway_deinit(&one);
	gateway_deinit(&many);
}

/* ---- everything at once -------------------------------------------------------------------------
 */

static void send_fragment(struct thread *thread, unsigned client, const struct taddr4 *peer,
			  uint64_t now_ms)
{
	const uint32_t number = random_below(&thread->maker.random, 16);
	const struct taddr6 from = client_of(client % 3);
	struct packet packet =
		make_fragment6(&thread->maker, &from, peer, number / 2, number % 2 == 0);

	(void)receive(thread, &packet, now_ms);
}

static void send_noise(struct thread *thread, uint64_t now_ms)
{
	struct random *random = &thread->maker.random;
	uint8_t *ip = begin(&thread->maker);
	struct packet packet = {
		.data = ip, .size = random_below(random, 120), .headroom = PACKET_HEADROOM};

	for (unsigned i = 0; i < packet.size; i++)
		ip[i] = (uint8_t)random_u32(random);
	ip[0] = random_below(random, 2) ? 0x60 : 0x45;
	(void)receive(thread, &packet, now_ms);
}

/* All threads speak for all clients. */
static void step_together(struct thread *thread)
{
	struct random *random = &thread->maker.random;
	const uint64_t now_ms = atomic_load_explicit(&clock_ms, memory_order_relaxed);
	const enum protocol protocol = (enum protocol)random_below(random, N_PROTOCOLS);
	const unsigned client = random_below(random, N_THREADS * N_CLIENTS);
	const struct taddr4 *mapped = &thread->mapped[protocol][client];
	const struct taddr4 peer = peer_of(random_below(random, N_PEERS));
	const unsigned what = random_below(random, 20);
	const uint8_t flags = random_flags(random);

	if (what < 2 && mapped->addr != 0) {
		(void)send6(thread, protocol, random_below(random, N_THREADS * N_CLIENTS), mapped,
			    flags, now_ms);
	} else if (what < 9 && mapped->addr != 0) {
		send4(thread, protocol, client, &peer, flags, now_ms);
	} else if (what == 9) {
		send_fragment(thread, client, &peer, now_ms);
	} else if (what == 10) {
		send_noise(thread, now_ms);
	} else if (what == 11) {
		const struct taddr4 mapped_tcp = thread->mapped[PROTOCOL_TCP][client];
		struct packet packet = make_error4(&thread->maker, &mapped_tcp, &peer, 600);

		(void)receive(thread, &packet, now_ms);
	} else if (what == 12) {
		const struct taddr4 nobody = {0xcb007101, (uint16_t)random_u32(random)};
		struct packet packet =
			make4(&thread->maker, &peer, &nobody, IPPROTO_TCP, TH_SYN, 0);

		(void)receive(thread, &packet, now_ms);
	} else {
		(void)send6(thread, protocol, client, &peer, flags, now_ms);
	}
}

/* What the control thread does in a running daemon. */
struct control {
	struct gateway *gateway;
	struct random random;
	struct persist_cursor cursor;
	struct thread *sender; /* its memory for what is sent */
	uint32_t second_entry; /* 0: not there */
};

static void list_all(const struct nat64 *nat)
{
	for (unsigned p = 0; p < N_PROTOCOLS; p++) {
		uint32_t n = 0;

		for (uint32_t i = session_next(&nat->sessions[p], 0); i != SLAB_NONE;
		     i = session_next(&nat->sessions[p], i + 1))
			n += session_at(&nat->sessions[p], i)->expires_ms != 0;
		g_assert_cmpuint(n, ==, nat->sessions[p].sessions.n_used);
	}
}

static void change_pool4(struct control *control)
{
	struct addr4_range range = {0xcb007110, 0xcb007110};
	struct pool4_spec spec = {.name = "second",
				  .addresses = &range,
				  .n_addresses = 1,
				  .ports = {.range = {{2000, 2999}}, .n_ranges = 1},
				  .protocol = {true, true, true},
				  .pool6 = POOL4_ANY_PREFIX};
	struct nat64 *nat = control->gateway->nat;
	struct nat64_step step = {0};

	if (control->second_entry == 0) {
		g_assert_cmpint(pool4_add(nat->pool4, &spec, &control->second_entry), ==, POOL4_OK);
		pool4_set_state(nat->pool4, control->second_entry, POOL4_ACTIVE);
		return;
	}
	pool4_set_state(nat->pool4, control->second_entry, POOL4_DRAINING);
	while (nat64_end_bindings(nat, control->second_entry, false, &step, 32, clock_ms))
		;
	pool4_remove(nat->pool4, control->second_entry);
	control->second_entry = 0;
}

static void turn(struct control *control)
{
	struct gateway *gateway = control->gateway;
	struct nat64 *nat = gateway->nat;
	const uint64_t now_ms = atomic_fetch_add(&clock_ms, random_below(&control->random, 2000));
	struct persist_row rows[32];
	struct nat64_config config;

	gateway_be_alone(gateway);
	(void)nat64_expire(nat, gateway_not_before(gateway, now_ms), 16, &control->sender->out);
	gateway_end_alone(gateway);
	out_clear(&control->sender->out);

	gateway_lock(gateway);
	switch (random_below(&control->random, 8)) {
	case 0:
		list_all(nat);
		break;
	case 1:
		config = nat->config;
		config.filtering[PROTOCOL_UDP] = random_below(&control->random, 2)
							 ? FILTERING_ADDRESS_DEPENDENT
							 : FILTERING_ENDPOINT_INDEPENDENT;
		config.udp_ms = 120000 + random_below(&control->random, 200000);
		nat64_set_config(nat, &config);
		break;
	case 2:
		change_pool4(control);
		break;
	case 3:
		g_assert_true(watch_want(&nat->watch,
					 random_below(&control->random, 2) ? WATCH_DROPS : 0));
		break;
	case 4:
		if (bib_next(&nat->bib[PROTOCOL_UDP], 0) != SLAB_NONE)
			nat64_remove_binding(nat, PROTOCOL_UDP,
					     bib_next(&nat->bib[PROTOCOL_UDP], 0), now_ms);
		break;
	default:
		if (persist_take(nat, &control->cursor, rows, G_N_ELEMENTS(rows), now_ms) <
		    G_N_ELEMENTS(rows))
			control->cursor = (struct persist_cursor){0};
		break;
	}
	gateway_unlock(gateway);
	n_turns++;
}

static void *run_control(void *data)
{
	struct control *control = data;

	while (!is_over) {
		turn(control);
		(void)sched_yield();
	}
	return NULL;
}

static void test_together(void)
{
	static struct gateway gateway;
	static struct control control;
	struct thread *threads;
	struct thread *sender;
	pthread_t id;

	fake_world_init(&world);
	new_gateway(&gateway, N_THREADS);
	g_assert_true(persist_begin(gateway.nat));
	n_turns_wanted = N_TURNS;
	threads = new_threads(&gateway, step_together, 20000);
	sender = new_threads(&gateway, step_together, 0);
	control = (struct control){.gateway = &gateway, .sender = sender};
	random_init(&control.random, (const uint8_t *)"what the control thread does now");
	g_assert_cmpint(pthread_create(&id, NULL, run_control, &control), ==, 0);
	run_threads(threads);
	for (unsigned i = 0; i < N_THREADS; i++)
		g_assert_cmpint(pthread_join(threads[i].id, NULL), ==, 0);
	is_over = true;
	g_assert_cmpint(pthread_join(id, NULL), ==, 0);
	end_threads(threads, &gateway);

	/* Or it would show nothing. */
	g_assert_cmpuint(n_turns, >=, N_TURNS);
	g_assert_cmpuint(gateway.nat->counters.packets[0][OUTCOME_HAIRPINNED], >, 0);
	g_assert_cmpuint(gateway.nat->counters.packets[0][OUTCOME_FRAGMENT_STORED], >, 0);
	g_assert_cmpuint(gateway.nat->counters.packets[1][OUTCOME_SYN_STORED], >, 0);
	for (unsigned i = 0; i < N_THREADS; i++)
		g_assert_cmpuint(threads[i].n_alone, <, threads[i].n_received);
	g_free(threads);
	g_free(sender);
	gateway_deinit(&gateway);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/lanes/apart", test_apart);
	g_test_add_func("/lanes/together", test_together);
	return g_test_run();
}
