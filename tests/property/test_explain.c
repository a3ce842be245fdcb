/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random packets against random state: what nat64_explain() says of a packet is what becomes of it
 * right afterwards, the random choices included, and asking changes nothing. The latter is held by
 * the machine: all memory of the core can not be written while it is asked.
 *
 * The linker leads malloc() and its kin of everything in this program here (tests/meson.build);
 * GLib's own are left alone. The seed is fixed; NAT64D_SEED=NUMBER plays another one.
 */
#include <glib.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <sys/mman.h>

#include "daemon/core/decision.h"
#include "daemon/core/pool4_text.h"
#include "tests/craft.h"
#include "tests/fake_world.h"
#include "tests/property/seed.h"

#define N_PACKETS  10000 /* for each way of handing out ports */
#define ARENA_SIZE ((size_t)256 << 20)
#define SIZE_ALIGN 16

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *memory, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void __wrap_free(void *memory);

/* ---- memory that can be locked --------------------------------------------------------------- */

static uint8_t *arena; /* nothing is ever given back to it */
static size_t arena_used;
static bool arena_is_locked;

static bool is_of_arena(const void *memory)
{
	return arena && (const uint8_t *)memory >= arena &&
	       (const uint8_t *)memory < arena + ARENA_SIZE;
}

void *__wrap_malloc(size_t size)
{
	if (!arena)
		return __real_malloc(size);
	g_assert_false(arena_is_locked);
	g_assert_cmpuint(arena_used + 2 * SIZE_ALIGN + size, <=, ARENA_SIZE);
	uint8_t *memory = arena + arena_used + SIZE_ALIGN;
	memcpy(memory - SIZE_ALIGN, &size, sizeof(size));
	arena_used += SIZE_ALIGN + (size + SIZE_ALIGN - 1) / SIZE_ALIGN * SIZE_ALIGN;
	return memory;
}

void *__wrap_calloc(size_t n, size_t size)
{
	return arena ? __wrap_malloc(n * size) : __real_calloc(n, size); /* mmap(2) gives zeros */
}

void *__wrap_realloc(void *memory, size_t size)
{
	size_t old_size = 0;

	if (memory && !is_of_arena(memory))
		return __real_realloc(memory, size);
	if (memory)
		memcpy(&old_size, (uint8_t *)memory - SIZE_ALIGN, sizeof(old_size));
	void *grown = __wrap_malloc(size);
	if (memory)
		memcpy(grown, memory, old_size < size ? old_size : size);
	return grown;
}

void __wrap_free(void *memory)
{
	if (memory && !is_of_arena(memory))
		__real_free(memory);
	g_assert_false(memory && arena_is_locked);
}

static void arena_begin(void)
{
	arena = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	g_assert_true(arena != MAP_FAILED);
	arena_used = 0;
}

static void arena_lock(bool lock)
{
	const size_t used = (arena_used + 65535) & ~(size_t)65535;

	g_assert_cmpint(mprotect(arena, used, lock ? PROT_READ : PROT_READ | PROT_WRITE), ==, 0);
	arena_is_locked = lock;
}

static void arena_end(void)
{
	munmap(arena, ARENA_SIZE);
	arena = NULL;
}

/* ---- a gateway and its neighbours ------------------------------------------------------------ */

static struct nat64 *nat;
static struct fake_world world;
static struct random numbers;
static uint64_t now_ms;
static unsigned n_of_outcome[N_OUTCOMES];
static unsigned n_turned_back, n_to_clients, n_of_syn; /* the rarer sights */
static struct out out;
static struct out_packet out_packets[4 * EMIT_PIECES_MAX];
static uint8_t out_arena[4 * EMIT_ARENA_PER_PACKET];

#define OWN4 0xcb0071c8 /* 203.0.113.200 */

static uint32_t below(uint32_t bound)
{
	return random_below(&numbers, bound);
}

static bool one_in(uint32_t n)
{
	return below(n) == 0;
}

#define pick(list) ((list)[below(G_N_ELEMENTS(list))])

static void add_entry(const char *addresses, const char *ports, const char *clients, int pool6)
{
	struct pool4_spec spec = {.protocol = {true, true, true}, .pool6 = pool6};
	struct pool4_text text;
	char problem[POOL4_TEXT_ERROR_SIZE];
	uint32_t id;

	g_assert_cmpstr(pool4_text_parse(addresses, &text, problem), ==, NULL);
	g_assert_cmpstr(port_ranges_parse(ports, &spec.ports, problem, sizeof(problem)), ==, NULL);
	spec.addresses = text.range;
	spec.n_addresses = text.n_ranges;
	spec.n_clients = clients ? 1 : 0;
	if (clients)
		g_assert_true(prefix6_parse(clients, &spec.clients[0]));
	g_assert_cmpint(pool4_add(nat->pool4, &spec, &id), ==, POOL4_OK);
	pool4_set_state(nat->pool4, id, POOL4_ACTIVE);
	pool4_text_deinit(&text);
}

static void add_entries(uint32_t mode)
{
	const char *clients = mode == POOL4_DETERMINISTIC ? "2001:db8:1::/125" : NULL;

	add_entry("203.0.113.1-203.0.113.3", "1000-1003,2000-2059", clients, POOL4_ANY_PREFIX);
	add_entry("203.0.113.3-203.0.113.4", "2048-2063", "2001:db8:1:0:1::/125", POOL4_ANY_PREFIX);
	if (mode != POOL4_DETERMINISTIC)
		add_entry("203.0.113.5", "2048-2055", NULL, 1);
}

static void begin(const struct pool4_allocation *allocation, uint32_t number)
{
	const struct nat64_limits limits = {.bindings = 100,
					    .sessions = 70,
					    .stored_syns = 6,
					    .fragment_memory = 1 << 20,
					    .pool4 = *allocation,
					    .sessions_of = {0, 45, 0}};
	uint8_t seed[RANDOM_SEED_SIZE] = {(uint8_t)allocation->mode};
	struct nat64_config config;

	memcpy(seed + 4, &number, sizeof(number));
	random_init(&numbers, seed);
	fake_world_init(&world);
	world.own4[world.n_own4++] = OWN4;
	world.route4[world.n_route4++] =
		(struct fake_route4){{0xc6336408, 32}, {ROUTE_NONE, 0, false}};
	world.route4[world.n_route4++] =
		(struct fake_route4){{0xc6336409, 32}, {ROUTE_OK, 1300, false}};
	world.listener[world.n_listeners].protocol = PROTOCOL_TCP;
	world.listener[world.n_listeners++].taddr = (struct taddr4){OWN4, 2000};
	nat64_config_default(&config);
	g_assert_true(prefix6_parse("2001:db8:64::/96", &config.pool6[0]));
	g_assert_true(prefix6_parse("2001:db8:65::/96", &config.pool6[1]));
	config.pairing_prefix_length = allocation->client_length;
	config.deny_own = true;
	config.deny[config.n_deny++] = (struct prefix4){0xc6336407, 32};
	config.deny_source[config.n_deny_source++] = (struct prefix4){0xc6336406, 32};
	config.pool4_policy.max_held = (struct port_share){50, true};
	struct nat64_world calls = fake_world_calls(&world);
	now_ms = 1000000;
	nat = nat64_new(&config, &limits, &calls, seed, now_ms);
	g_assert_nonnull(nat);
	add_entries(allocation->mode);
	out = (struct out){.packet = out_packets,
			   .capacity = G_N_ELEMENTS(out_packets),
			   .arena = out_arena,
			   .arena_size = sizeof(out_arena)};
}

/* ---- what happens meanwhile ------------------------------------------------------------------ */

static void change_rules(void)
{
	struct nat64_config config = nat->config;

	config.quota.bindings_per_address = below(3) ? 0 : 1 + below(12);
	config.quota.bindings_per_client = (struct port_share){below(3) ? 0 : 1 + below(30), true};
	config.quota.sessions_per_client = (struct port_share){below(3) ? 0 : 1 + below(20), false};
	config.quota.sessions_per_binding = below(3) ? 0 : 1 + below(6);
	config.quota.binding_rate = below(3) ? 0 : 1 + below(8);
	config.external_tcp = !one_in(5);
	config.inbound_refresh = !one_in(3);
	config.rules.clamp_mss = one_in(2);
	config.pool4_policy.parity = one_in(2);
	config.pool4_policy.preserve_port = one_in(3);
	config.pool4_policy.strict_pairing = one_in(2);
	for (unsigned i = 0; i < N_PROTOCOLS; i++)
		config.filtering[i] =
			one_in(2) ? FILTERING_ENDPOINT_INDEPENDENT : FILTERING_ADDRESS_DEPENDENT;
	nat64_set_config(nat, &config);
}

static struct addr6 random_client(void)
{
	struct addr6 client = craft_addr6(one_in(3) ? "2001:db8:1:0:1::" : "2001:db8:1::");

	client.byte[15] = (uint8_t)(1 + below(8));
	return client;
}

static void add_static(void)
{
	const struct taddr6 inside = {random_client(), (uint16_t)(4000 + below(20))};
	const struct taddr4 outside = {one_in(3) ? OWN4 : 0xcb007101 + below(4),
				       (uint16_t)(2000 + below(64))};

	(void)nat64_add_static(nat, (enum protocol)below(N_PROTOCOLS), &inside, &outside, now_ms);
}

static void meanwhile(void)
{
	static const uint32_t steps_ms[] = {1, 10, 100, 300, 2000, 5000, 70000, 310000};

	if (one_in(20))
		now_ms += pick(steps_ms);
	out_clear(&out);
	while (!nat64_expire(nat, now_ms, 1000, &out))
		out_clear(&out);
	if (one_in(50))
		change_rules();
	if (one_in(40))
		add_static();
	nat->draining = nat->draining ? !one_in(20) : one_in(400);
	world.route6[0].prefix = (struct prefix6){craft_addr6("2001:db8:1:0:1::2"), 128};
	world.route6[0].answer.state = one_in(2) ? ROUTE_OK : ROUTE_NEXT_HOP_DEAD;
	world.route6[0].answer.mtu = 1300;
	world.n_route6 = 1;
	if (one_in(200)) {
		const struct prefix6 prefix = {random_client(), 128};
		const uint32_t blocked = blocklist_next(&nat->blocklist, 0);
		if (blocked != SLAB_NONE)
			blocklist_remove(&nat->blocklist, blocked);
		else
			g_assert_true(blocklist_add(&nat->blocklist, &prefix, UINT64_MAX));
	}
}

/* ---- packets --------------------------------------------------------------------------------- */

static void random_transport(struct craft *craft)
{
	static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP};
	static const uint8_t flags[] = {TH_SYN,          TH_SYN, TH_SYN, TH_SYN | TH_ACK, TH_ACK,
					TH_FIN | TH_ACK, TH_RST, TH_ACK, TH_ACK,          TH_SYN,
					TH_SYN,          TH_SYN, TH_SYN, TH_SYN | TH_FIN};
	static const uint32_t sizes[] = {0, 8, 100, 1240, 1400, 1480, 1800};
	static const uint8_t hops[] = {64, 64, 64, 64, 64, 64, 2, 1};
	static const uint8_t types6[] = {ICMP6_ECHO_REQUEST, ICMP6_ECHO_REQUEST, ICMP6_ECHO_REPLY,
					 133};
	static const uint8_t types4[] = {ICMP_ECHO, ICMP_ECHO, ICMP_ECHOREPLY, ICMP_TIMESTAMP};

	craft->protocol = pick(protocols);
	craft->tcp_flags = pick(flags);
	craft->payload_size = one_in(4) ? pick(sizes) : 8;
	craft->hop_limit = pick(hops);
	craft->dont_fragment = one_in(2);
	craft->icmp_type = craft->version == 6 ? pick(types6) : pick(types4);
	if (craft->protocol == IPPROTO_ICMP && craft->version == 6)
		craft->protocol = IPPROTO_ICMPV6;
}

/* A transport address of pool4 or beside it, often one that is bound. */
static struct taddr4 random_mapped(void)
{
	const struct bib *bib = &nat->bib[below(N_PROTOCOLS)];
	const uint32_t i = bib_next(bib, below(8));

	if (i != SLAB_NONE && !one_in(4))
		return bib_entry_taddr4(bib_at(bib, i));
	return (struct taddr4){one_in(8) ? OWN4 : 0xcb007101 + below(6),
			       (uint16_t)(1998 + below(12))};
}

static struct packet packet_6to4(struct craft_buffer *buffer)
{
	struct craft craft = {.version = 6};
	struct taddr4 to = {0xc6336402 + below(8), (uint16_t)(80 + below(3))};
	struct addr6 client = random_client();
	char src[ADDR_TEXT_SIZE], dst[ADDR_TEXT_SIZE];

	random_transport(&craft);
	craft.src_port = (uint16_t)(4000 + below(8));
	if (one_in(4))
		to = random_mapped();
	if (one_in(60))
		to.addr = 0x0a000001;
	if (one_in(60))
		client = craft_addr6("2001:db8:64::1");
	const struct addr6 server =
		one_in(60) ? craft_addr6("2001:db8:66::1")
			   : rfc6052_embed(&nat->config.pool6[one_in(3) ? 1 : 0], to.addr);
	craft.dst_port = to.port;
	craft.src = addr6_print(&client, src);
	craft.dst = addr6_print(&server, dst);
	return craft_packet(buffer, &craft);
}

static struct packet packet_4to6(struct craft_buffer *buffer)
{
	const struct taddr4 to = random_mapped();
	struct craft craft = {.version = 4, .dst_port = to.port};
	char src[ADDR_TEXT_SIZE], dst[ADDR_TEXT_SIZE];

	random_transport(&craft);
	craft.src = addr4_print(one_in(60) ? 0x7f000001 : 0xc6336402 + below(5), src);
	craft.src_port = 80;
	if (craft.protocol == IPPROTO_ICMP)
		craft.src_port = to.port; /* the identifier */
	craft.dst = addr4_print(to.addr, dst);
	return craft_packet(buffer, &craft);
}

/* ---- what was said, and what became of it ---------------------------------------------------- */

static void assert_plan(const struct filter_plan *plan)
{
	const struct bib *bib = &nat->bib[plan->protocol];
	const struct session_table *sessions = &nat->sessions[plan->protocol];
	const uint32_t binding = bib_find6(bib, &plan->client);

	g_assert_cmpuint(binding, !=, SLAB_NONE);
	const struct taddr4 mapped = bib_entry_taddr4(bib_at(bib, binding));
	g_assert_cmphex(mapped.addr, ==, plan->mapped.addr);
	g_assert_cmpuint(mapped.port, ==, plan->mapped.port);
	if (plan->make.offer.port.entry)
		g_assert_cmpuint(bib_at(bib, binding)->pool4, ==, plan->make.offer.port.entry->id);
	const uint32_t session = session_find(sessions, binding, &plan->peer);
	g_assert_cmpint(session != SLAB_NONE, ==,
			plan->session != SLAB_NONE || plan->change == FILTER_ADDS);
	if (session == SLAB_NONE)
		return;
	g_assert_cmpuint(session_at(sessions, session)->state, ==, plan->state);
	g_assert_cmpuint(session_at(sessions, session)->expires_ms, ==, plan->expires_ms);
}

static void assert_sent(const struct decision *decision, enum outcome outcome, bool from6)
{
	const uint8_t *ip = out.packet[0].part[0].base;
	const struct filter_plan *plan = decision->has_back ? &decision->back : &decision->plan;

	g_assert_cmpuint(out.n_packets, >, 0);
	for (uint32_t i = 0; i < out.n_packets; i++) {
		uint32_t size = 0;
		for (unsigned j = 0; j < out.packet[i].n_parts; j++)
			size += out.packet[i].part[j].size;
		g_assert_cmpuint(size, <=, decision->limit);
	}
	if (outcome == OUTCOME_TRANSLATED && from6) {
		const struct tuple4 to = filter_tuple4(plan);
		g_assert_cmphex(load_be32(ip + 12), ==, to.src.addr);
		g_assert_cmphex(load_be32(ip + 16), ==, to.dst.addr);
		if (plan->protocol != PROTOCOL_ICMP && out.packet[0].n_parts == 1)
			g_assert_cmpuint(load_be16(ip + 20), ==, to.src.port);
		return;
	}
	const struct tuple6 to = filter_tuple6(nat, plan);
	g_assert_cmpmem(ip + 8, 16, to.src.addr.byte, 16);
	g_assert_cmpmem(ip + 24, 16, to.dst.addr.byte, 16);
}

static void assert_came_true(const struct decision *decision, enum outcome outcome, bool from6)
{
	if (decision->goes_out)
		assert_plan(&decision->plan);
	if (decision->has_back && outcome == OUTCOME_HAIRPINNED)
		assert_plan(&decision->back);
	if (outcome_info(outcome)->verdict == VERDICT_TRANSLATED)
		assert_sent(decision, outcome, from6);
	n_turned_back += outcome == OUTCOME_HAIRPINNED && !decision->has_back;
	n_to_clients += outcome == OUTCOME_HAIRPINNED && decision->has_back;
	n_of_syn += decision->goes_out && decision->plan.stored_syn != SLAB_NONE;
}

static void ask_and_send(void)
{
	static struct craft_buffer said, sent;
	static struct decision decision;
	const bool from6 = !one_in(3);
	struct packet packet = from6 ? packet_6to4(&sent) : packet_4to6(&sent);
	struct packet question = packet;
	const uint32_t n_bindings = nat64_n_bindings(nat), n_sessions = nat64_n_sessions(nat);

	memcpy(&said, &sent, sizeof(said.byte) < 4096 ? sizeof(said.byte) : 4096);
	question.data = said.byte + PACKET_HEADROOM;
	arena_lock(true);
	enum outcome explained = nat64_explain(nat, &question, now_ms, &decision);
	arena_lock(false);

	out_clear(&out);
	enum outcome outcome = nat64_receive(nat, &packet, now_ms, &out);
	g_assert_cmpstr(outcome_info(explained)->name, ==, outcome_info(outcome)->name);
	n_of_outcome[outcome]++;
	assert_came_true(&decision, outcome, from6);
	if (!decision.goes_out) {
		g_assert_cmpuint(nat64_n_bindings(nat), ==, n_bindings);
		g_assert_cmpuint(nat64_n_sessions(nat), ==, n_sessions);
	}
}

static void play(const struct pool4_allocation *allocation)
{
	const uint32_t number = seed_of_run(6146);

	g_test_message("NAT64D_SEED=%u", number);
	arena_begin();
	begin(allocation, number);
	for (unsigned i = 0; i < N_PACKETS; i++) {
		meanwhile();
		ask_and_send();
		if (i % 100 == 0)
			g_assert_true(nat64_check(nat));
	}
	g_assert_true(nat64_check(nat));
	out_clear(&out);
	nat64_free(nat);
	arena_end();
}

static void test_dynamic(void)
{
	play(&(struct pool4_allocation){.mode = POOL4_DYNAMIC, .client_length = 128});
}

static void test_dynamic_prefix(void)
{
	play(&(struct pool4_allocation){.mode = POOL4_DYNAMIC, .client_length = 64});
}

static void test_blocks(void)
{
	play(&(struct pool4_allocation){
		.mode = POOL4_BLOCKS, .block_size = 4, .client_length = 128});
}

static void test_deterministic(void)
{
	play(&(struct pool4_allocation){.mode = POOL4_DETERMINISTIC, .client_length = 128});
}

/* The packets were random enough. */
static void test_seen(void)
{
	static const enum outcome wanted[] = {
		OUTCOME_TRANSLATED,      OUTCOME_HAIRPINNED,       OUTCOME_NOT_OURS,
		OUTCOME_LEFT_TO_HOST,    OUTCOME_SYN_STORED,       OUTCOME_SYN_STORE_FULL,
		OUTCOME_SYN_WAITS,       OUTCOME_HOP_LIMIT,        OUTCOME_TOO_BIG,
		OUTCOME_NO_ROUTE,        OUTCOME_HOST_UNREACHABLE, OUTCOME_POOL4_NO_ENTRY,
		OUTCOME_POOL4_EXHAUSTED, OUTCOME_SESSION_FULL,     OUTCOME_ADDRESS_BINDINGS,
		OUTCOME_CLIENT_BINDINGS, OUTCOME_CLIENT_RATE,      OUTCOME_CLIENT_SESSIONS,
		OUTCOME_DRAINING,        OUTCOME_BINDING_SESSIONS, OUTCOME_BIB6_NOT_FOUND,
		OUTCOME_BIB4_NOT_FOUND,  OUTCOME_FILTERED,         OUTCOME_FILTERED_TCP,
		OUTCOME_CLIENT_BLOCKED,  OUTCOME_SOURCE_DENIED,    OUTCOME_DESTINATION_DENIED,
		OUTCOME_SOURCE_IN_POOL6, OUTCOME_ILLEGAL_SOURCE,   OUTCOME_ICMP_UNTRANSLATABLE,
		OUTCOME_BAD_TCP_FLAGS,   OUTCOME_BIB_FULL,         OUTCOME_EXTERNAL_TCP_FORBIDDEN,
	};

	for (unsigned i = 0; i < N_OUTCOMES; i++)
		g_test_message("%6u %s", n_of_outcome[i], outcome_info((enum outcome)i)->name);
	for (unsigned i = 0; i < G_N_ELEMENTS(wanted); i++)
		if (n_of_outcome[wanted[i]] == 0)
			g_error("no packet ended as %s", outcome_info(wanted[i])->name);
	g_test_message("turned back %u, to other clients %u, met a stored SYN %u", n_turned_back,
		       n_to_clients, n_of_syn);
	g_assert_cmpuint(n_turned_back, >, 0);
	g_assert_cmpuint(n_to_clients, >, 0);
	g_assert_cmpuint(n_of_syn, >, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/explain/dynamic", test_dynamic);
	g_test_add_func("/explain/dynamic-prefix", test_dynamic_prefix);
	g_test_add_func("/explain/blocks", test_blocks);
	g_test_add_func("/explain/deterministic", test_deterministic);
	g_test_add_func("/explain/seen", test_seen);
	return g_test_run();
}
