/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tools/bench workers: how long packet threads hold the locks of the core and wait for them, on
 * this machine with two threads; and what follows for 4, 16 and 32 threads, by the model in
 * doc/speed.md.
 *
 * Packets go through the core as in worker.c, without any kernel. For comparison the same with a
 * single lock around all of the core.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/core/checksum.h"
#include "daemon/core/nat64.h"
#include "daemon/gateway.h"
#include "tools/bench_rows.h"

#define N_SAMPLES 200000u
#define N_COLD    1000000u
/* CPU time of a packet of 64 bytes outside of the core, the kernel's included: what bench_floor
 * takes (DATAPATH: 5.5 to 6 us). */
#define OUTSIDE_NS 5500.0
#define PACKET     PACKET_HEADROOM + 64
#define NOW_MS     1000000u

static struct gateway gateway;

static void fail(const char *why)
{
	(void)fprintf(stderr, "bench_workers: %s\n", why);
	exit(1);
}

static double now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* ---- the world, a core, and packets -------------------------------------------------------------
 */

static void route6(void *context, const struct addr6 *dst, struct route_answer *ret)
{
	*ret = (struct route_answer){.state = ROUTE_OK, .mtu = 1500};
}

static void route4(void *context, uint32_t dst, struct route_answer *ret)
{
	*ret = (struct route_answer){.state = ROUTE_OK, .mtu = 1500};
}

static bool source6(void *context, const struct addr6 *dst, struct addr6 *ret)
{
	return false;
}

static bool source4(void *context, uint32_t dst, uint32_t *ret)
{
	return false;
}

static bool own6(void *context, const struct addr6 *addr)
{
	return false;
}

static bool own4(void *context, uint32_t addr)
{
	return false;
}

static bool listens4(void *context, enum protocol protocol, uint32_t addr, uint16_t port)
{
	return false;
}

static void begin(unsigned n_lanes)
{
	static const uint8_t seed[RANDOM_SEED_SIZE] = "bench";
	static const struct nat64_limits limits = {4000000, 4000000, 64, 1 << 20};
	static const struct nat64_world world = {.route6 = route6,
						 .route4 = route4,
						 .source6 = source6,
						 .source4 = source4,
						 .own6 = own6,
						 .own4 = own4,
						 .listens4 = listens4};
	struct addr4_range range = {0xcb007100, 0xcb00713f};
	struct pool4_spec spec = {.name = "bench",
				  .addresses = &range,
				  .n_addresses = 1,
				  .ports = {.range = {{1024, 65535}}, .n_ranges = 1},
				  .protocol = {true, true, true},
				  .pool6 = POOL4_ANY_PREFIX};
	struct nat64_config config;
	uint32_t id;

	nat64_config_default(&config);
	if (!prefix6_parse("2001:db8:64::/96", &config.pool6[0]))
		fail("no prefix");
	gateway_init(&gateway);
	gateway.nat = nat64_new(&config, &limits, &world, seed, NOW_MS);
	if (!gateway.nat || pool4_add(gateway.nat->pool4, &spec, &id) != POOL4_OK)
		fail("no memory");
	pool4_set_state(gateway.nat->pool4, id, POOL4_ACTIVE);
	gateway_set_lanes(&gateway, n_lanes);
}

/* One datagram of flow i: 16 of them have one client. */
static struct packet make(uint8_t *buffer, uint32_t i)
{
	uint8_t *ip = buffer + PACKET_HEADROOM;

	memset(ip, 0, 64);
	ip[0] = 0x60;
	store_be16(ip + 4, 24);
	ip[6] = IPPROTO_UDP;
	ip[7] = 64;
	store_be32(ip + 8, 0x20010db8);
	store_be32(ip + 20, i / 16 + 1);
	store_be32(ip + 24, 0x20010db8);
	store_be32(ip + 28, 0x00640000);
	store_be32(ip + 36, 0xc6336407);
	store_be16(ip + 40, (uint16_t)(5000 + i % 16));
	store_be16(ip + 42, 9000);
	store_be16(ip + 44, 24);
	store_be16(ip + 46, 1); /* right or not: it is only carried over */
	return (struct packet){.data = ip, .size = 64, .headroom = PACKET_HEADROOM};
}

struct thread {
	pthread_t id;
	unsigned lane;
	unsigned core;
	uint32_t first; /* flow, and how many there are */
	uint32_t n_flows;
	uint32_t n_packets;
	bool one_lock;
	double *hold_ns; /* NULL: not measured */
	double *wait_ns;
	double took_ns;
	struct out_packet packets[EMIT_PIECES_MAX];
	uint8_t arena[EMIT_ARENA_PER_PACKET];
	struct out out;
	uint8_t buffer[PACKET];
};

static pthread_mutex_t one_lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic bool go;

static void set_up(struct thread *thread)
{
	thread->out = (struct out){.packet = thread->packets,
				   .capacity = EMIT_PIECES_MAX,
				   .arena = thread->arena,
				   .arena_size = sizeof(thread->arena)};
}

static void pass(struct thread *thread, uint32_t i)
{
	struct packet packet = make(thread->buffer, thread->first + i * 7919u % thread->n_flows);
	const bool is_measured = thread->hold_ns != NULL;
	struct gateway_lane *lane = &gateway.lane[thread->lane];
	enum outcome outcome;
	double begun, inside, ended;
	bool is_light = true;

	out_clear(&thread->out);
	begun = is_measured ? now_ns() : 0;
	if (thread->one_lock)
		(void)pthread_mutex_lock(&one_lock);
	else
		gateway_enter(&gateway, thread->lane);
	inside = is_measured ? now_ns() : 0;
	if (thread->one_lock)
		outcome = nat64_receive(gateway.nat, &packet, NOW_MS + i / 1000, &thread->out);
	else
		is_light = nat64_receive_light(gateway.nat, &lane->core, &packet, NOW_MS + i / 1000,
					       &thread->out, &outcome);
	ended = is_measured ? now_ns() : 0;
	if (thread->one_lock)
		(void)pthread_mutex_unlock(&one_lock);
	else
		gateway_leave(&gateway, thread->lane);
	if (!is_light || outcome != OUTCOME_TRANSLATED)
		fail("a packet of a known flow was not light");
	if (is_measured) {
		thread->wait_ns[i] = inside - begun;
		thread->hold_ns[i] = ended - inside;
	}
}

static void *run(void *data)
{
	struct thread *thread = data;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(thread->core, &cpus);
	(void)pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
	while (!go)
		;
	thread->took_ns = now_ns();
	for (uint32_t i = 0; i < thread->n_packets; i++)
		pass(thread, i);
	thread->took_ns = now_ns() - thread->took_ns;
	return NULL;
}

/* Flows are made, and what that takes alone is kept. */
static void make_flows(uint32_t n, double *ret_ns)
{
	static struct thread thread;

	set_up(&thread);
	for (uint32_t i = 0; i < n; i++) {
		struct packet packet = make(thread.buffer, i);
		double before = ret_ns ? now_ns() : 0;

		out_clear(&thread.out);
		if (nat64_receive(gateway.nat, &packet, NOW_MS, &thread.out) != OUTCOME_TRANSLATED)
			fail("a flow was refused");
		if (ret_ns)
			ret_ns[i] = now_ns() - before;
	}
}

/* Packets a second of n threads together, in millions. */
static double run_threads(struct thread *threads, unsigned n, uint32_t n_flows, bool with_one_lock,
			  double *hold_ns, double *wait_ns)
{
	double longest_ns = 0;

	go = false;
	for (unsigned i = 0; i < n; i++) {
		threads[i] = (struct thread){.lane = i,
					     .core = i,
					     .first = i * n_flows / n,
					     .n_flows = n_flows / n,
					     .n_packets = N_SAMPLES,
					     .one_lock = with_one_lock,
					     .hold_ns = i == 0 ? hold_ns : NULL,
					     .wait_ns = i == 0 ? wait_ns : NULL};
		set_up(&threads[i]);
		if (pthread_create(&threads[i].id, NULL, run, &threads[i]) != 0)
			fail("no threads");
	}
	go = true;
	for (unsigned i = 0; i < n; i++) {
		(void)pthread_join(threads[i].id, NULL);
		if (threads[i].took_ns > longest_ns)
			longest_ns = threads[i].took_ns;
	}
	return n * (double)N_SAMPLES / longest_ns * 1e3;
}

/* ---- being alone --------------------------------------------------------------------------------
 */

/* Goes in and out of all lanes, as their threads would on other processors: so each lock comes
 * from there. */
static void *touch_lanes(void *data)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(1, &cpus);
	(void)pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
	while (go)
		for (unsigned i = 0; i < gateway.n_lanes; i++) {
			gateway_enter(&gateway, i);
			gateway_leave(&gateway, i);
		}
	return NULL;
}

/* Median time to be alone and to end it, with nothing in between. */
static double alone_ns(unsigned n_lanes, bool far, double *figures)
{
	pthread_t id;

	gateway_set_lanes(&gateway, n_lanes);
	go = true;
	if (far && pthread_create(&id, NULL, touch_lanes, NULL) != 0)
		fail("no threads");
	for (unsigned i = 0; i < N_SAMPLES / 10; i++) {
		double begun = now_ns();

		gateway_be_alone(&gateway);
		gateway_end_alone(&gateway);
		figures[i] = now_ns() - begun;
		/* Others go in and out meanwhile. */
		for (double until = now_ns() + 3000; far && now_ns() < until;)
			;
	}
	go = false;
	if (far)
		(void)pthread_join(id, NULL);
	return bench_quantile(figures, N_SAMPLES / 10, 0.5);
}

/* ---- the model ----------------------------------------------------------------------------------
 */

/* Share of n times the rate of one thread: a packet takes parallel_ns beside those of others, and
 * serial_ns in which no other one goes on. */
static double efficiency(unsigned n, double parallel_ns, double serial_ns)
{
	return (parallel_ns + serial_ns) / (parallel_ns + n * serial_ns);
}

static void show_model(double light_ns, double new_ns, double lane_ns, double order_ns)
{
	static const unsigned threads[] = {4, 16, 32, 64};
	static const double shares[] = {0.001, 0.01, 0.1, 1};
	const double parallel_ns = OUTSIDE_NS + light_ns;

	bench_section("model: share of N times one thread's rate");
	for (unsigned i = 0; i < sizeof(threads) / sizeof(threads[0]); i++) {
		const unsigned n = threads[i];
		char title[80];

		(void)snprintf(title, sizeof(title), "%u threads, one lock for each packet", n);
		bench_show(title, efficiency(n, OUTSIDE_NS, light_ns), "");
		for (unsigned j = 0; j < sizeof(shares) / sizeof(shares[0]); j++) {
			const double alone = order_ns + n * lane_ns + new_ns;

			(void)snprintf(title, sizeof(title), "%u threads, lanes, %g %% alone", n,
				       shares[j] * 100);
			bench_show(title, efficiency(n, parallel_ns, shares[j] * alone), "");
		}
	}
}

static double median_less_clock(double *figures, size_t n, double share, double clock_ns)
{
	const double figure = bench_quantile(figures, n, share) - clock_ns;

	return figure > 0 ? figure : 0;
}

int main(void)
{
	static struct thread threads[2];
	static double hold_ns[N_COLD], wait_ns[N_SAMPLES];
	double clock_ns, warm_ns, cold_ns, new_ns, alone1_ns, alone32_ns;

	bench_come_first();
	for (unsigned i = 0; i < N_SAMPLES; i++) {
		const double before = now_ns();

		hold_ns[i] = now_ns() - before;
	}
	clock_ns = bench_quantile(hold_ns, N_SAMPLES, 0.5);

	begin(2);
	make_flows(256, NULL);
	bench_section("256 flows known, two threads, each in its lane");
	(void)run_threads(threads, 2, 256, false, hold_ns, wait_ns);
	warm_ns = median_less_clock(hold_ns, N_SAMPLES, 0.5, clock_ns);
	bench_show("lane held, median", warm_ns, "ns");
	bench_show("99.9 of 100", median_less_clock(hold_ns, N_SAMPLES, 0.999, clock_ns), "ns");
	bench_show("waited for it, median", median_less_clock(wait_ns, N_SAMPLES, 0.5, clock_ns),
		   "ns");
	bench_show("99.9 of 100", median_less_clock(wait_ns, N_SAMPLES, 0.999, clock_ns), "ns");
	bench_section("the core by itself, millions of packets a second");
	bench_show("one thread", run_threads(threads, 1, 256, false, NULL, NULL), "M/s");
	bench_show("two, each in its lane", run_threads(threads, 2, 256, false, NULL, NULL), "M/s");
	bench_show("one, one lock", run_threads(threads, 1, 256, true, NULL, NULL), "M/s");
	bench_show("two, one lock", run_threads(threads, 2, 256, true, NULL, NULL), "M/s");

	bench_section("a million flows");
	make_flows(N_COLD, hold_ns);
	new_ns = median_less_clock(hold_ns + 256, N_COLD - 256, 0.5, clock_ns);
	bench_show("a new one, median", new_ns, "ns");
	bench_show("99.9 of 100", median_less_clock(hold_ns + 256, N_COLD - 256, 0.999, clock_ns),
		   "ns");
	(void)run_threads(threads, 2, N_COLD, false, hold_ns, wait_ns);
	cold_ns = median_less_clock(hold_ns, N_SAMPLES, 0.5, clock_ns);
	bench_show("lane held for a known one, median", cold_ns, "ns");

	bench_section("to be alone and to end it, median");
	alone1_ns = alone_ns(2, true, hold_ns) - clock_ns;
	alone32_ns = alone_ns(GATEWAY_LANES_MAX, true, hold_ns) - clock_ns;
	bench_show("2 lanes, the other thread in and out", alone1_ns, "ns");
	bench_show("32 lanes, the other thread in and out", alone32_ns, "ns");
	bench_show("32 lanes, nobody else", alone_ns(GATEWAY_LANES_MAX, false, hold_ns) - clock_ns,
		   "ns");
	show_model(cold_ns, new_ns, (alone32_ns - alone1_ns) / (GATEWAY_LANES_MAX - 2),
		   alone1_ns - 2 * (alone32_ns - alone1_ns) / (GATEWAY_LANES_MAX - 2));
	return 0;
}
