/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sets in a real kernel have what the plan says, whatever has changed in them before, and also
 * if somebody else has been at them. */
#include <errno.h>
#include <jansson.h>
#include <unistd.h>

#include "daemon/rules_batch.h"
#include "tests/netns.h"
#include "tests/netns/rules_world.h"

/* The space in which entries come and go: 203.0.113.0/24. */
#define FIRST    0xcb007100u
#define N        256u
#define N_STEPS  60u
#define N_RANGES 24u

/* ---- what the kernel has -----------------------------------------------------------------------
 */

static uint32_t addr_of(const json_t *value)
{
	g_assert_true(json_is_string(value));
	return craft_addr4(json_string_value(value));
}

/* An address, {"range": [first, last]} or {"prefix": {"addr": first, "len": len}}. */
static struct addr4_range range_of(const json_t *element)
{
	const json_t *range = json_object_get(element, "range");
	const json_t *prefix = json_object_get(element, "prefix");
	struct addr4_range ret;

	if (range) {
		ret.first = addr_of(json_array_get(range, 0));
		ret.last = addr_of(json_array_get(range, 1));
	} else if (prefix) {
		ret.first = addr_of(json_object_get(prefix, "addr"));
		ret.last =
			ret.first | (uint32_t)(UINT64_C(0xffffffff) >>
					       json_integer_value(json_object_get(prefix, "len")));
	} else {
		ret.first = ret.last = addr_of(element);
	}
	return ret;
}

/* How many elements the set has, and which of N addresses are in one; none may be in two. */
static size_t read_set(const char *name, bool ret[N])
{
	g_autofree char *command = g_strdup_printf("nft -j list set inet nat64d %s", name);
	g_autofree char *text = output_of(command);
	json_t *root = json_loads(text, 0, NULL);
	const json_t *items = json_object_get(root, "nftables");
	const json_t *set = json_object_get(json_array_get(items, 1), "set");
	const json_t *elements = json_object_get(set, "elem");
	size_t n = json_array_size(elements);

	g_assert_nonnull(set);
	memset(ret, 0, N * sizeof(*ret));
	for (size_t i = 0; i < n; i++) {
		struct addr4_range range = range_of(json_array_get(elements, i));

		g_assert_cmphex(range.first, >=, FIRST);
		g_assert_cmphex(range.last, <, FIRST + N);
		for (uint32_t addr = range.first; addr <= range.last; addr++) {
			g_assert_false(ret[addr - FIRST]);
			ret[addr - FIRST] = true;
		}
	}
	json_decref(root);
	return n;
}

static void assert_set(const char *name, const bool expected[N], unsigned step)
{
	bool there[N];

	(void)read_set(name, there);
	for (uint32_t i = 0; i < N; i++) {
		if (there[i] != expected[i])
			g_error("step %u, set %s: .%u is %s", step, name, i,
				there[i] ? "there" : "missing");
	}
}

/* ---- what it is to have ------------------------------------------------------------------------
 */

/* Entries of one range each, with the rules' view of them. */
struct pool {
	struct addr4_range range[N_RANGES];
	bool there[N_RANGES];
	bool own[N]; /* addresses of the host */
};

static uint32_t list_entries(const struct pool *pool, struct rules_entry ret[N_RANGES])
{
	struct rules_entry entry = world_entry();
	uint32_t n = 0;

	for (uint32_t i = 0; i < N_RANGES; i++) {
		if (!pool->there[i])
			continue;
		entry.addresses = &pool->range[i];
		entry.n_addresses = 1;
		ret[n++] = entry;
	}
	return n;
}

static void expect(const struct pool *pool, bool ret_pool4[N], bool ret_own[N])
{
	memset(ret_pool4, 0, N * sizeof(*ret_pool4));
	memset(ret_own, 0, N * sizeof(*ret_own));
	for (uint32_t i = 0; i < N_RANGES; i++) {
		for (uint32_t addr = pool->range[i].first;
		     pool->there[i] && addr <= pool->range[i].last; addr++) {
			uint32_t at = addr - FIRST;

			*(pool->own[at] ? &ret_own[at] : &ret_pool4[at]) = true;
		}
	}
}

static void follow(struct world *world, const struct pool *pool, unsigned step)
{
	bool pool4[N], own[N];
	struct rules_entry entries[N_RANGES];
	uint32_t n = list_entries(pool, entries);
	char *error = NULL;

	if (rules_update(world->rules, entries, n, &error) < 0)
		g_error("step %u: %s", step, error);
	expect(pool, pool4, own);
	assert_set("pool4", pool4, step);
	assert_set("own", own, step);
}

static void begin(struct world *world, const struct pool *pool)
{
	struct rules_entry entries[N_RANGES];
	uint32_t n = list_entries(pool, entries);
	char *error = NULL;

	if (rules_open(NULL, &world->config, &world->rules, &error) < 0 ||
	    rules_apply(world->rules, entries, n, &error) < 0)
		g_error("%s", error);
}

/* Entries come and go, next to each other, around each other, and the host's addresses with them.
 */
static void change(struct pool *pool, GRand *random)
{
	uint32_t i = (uint32_t)g_rand_int_range(random, 0, N_RANGES);
	uint32_t at = (uint32_t)g_rand_int_range(random, 0, N);
	uint32_t size = (uint32_t)(g_rand_boolean(random) ? 1 : g_rand_int_range(random, 1, 40));

	if (g_rand_int_range(random, 0, 6) == 0) {
		netns_run("ip addr %s 203.0.113.%u/32 dev near", pool->own[at] ? "del" : "add", at);
		pool->own[at] = !pool->own[at];
		return;
	}
	pool->there[i] = !pool->there[i];
	pool->range[i].first = FIRST + at;
	pool->range[i].last = FIRST + MIN(at + size, N) - 1;
}

static void test_random(void)
{
	g_autoptr(GRand) random = g_rand_new_with_seed(4);
	struct pool pool = {.there = {false}};
	struct world world;

	if (!world_begin(&world))
		return;
	begin(&world, &pool);
	for (unsigned step = 0; step < N_STEPS; step++) {
		for (int n = g_rand_int_range(random, 1, 4); n > 0; n--)
			change(&pool, random);
		follow(&world, &pool, step);
		g_assert_cmpuint(rules_warnings(world.rules)->len, ==, 0);
	}
	world_end(&world);
}

/* More than fit into one message: 2500 come, and go again. */
static void test_many(void)
{
	g_autoptr(GArray) none = g_array_new(FALSE, FALSE, sizeof(struct addr4_range));
	g_autoptr(GArray) many = g_array_new(FALSE, FALSE, sizeof(struct addr4_range));
	struct pool pool = {.there = {false}};
	struct world world;
	bool there[N];

	if (!world_begin(&world))
		return;
	begin(&world, &pool);
	for (uint32_t i = 0; i < 2500; i++) {
		struct addr4_range range = {0x0a000000 + 2 * i, 0x0a000000 + 2 * i};

		g_array_append_val(many, range);
	}
	g_assert_cmpint(rules_batch_change("nat64d", "pool4", none, many), ==, 0);
	g_assert_cmpint(rules_batch_change("nat64d", "pool4", none, many), ==, -EEXIST);
	g_assert_cmpint(rules_batch_change("nat64d", "pool4", many, many), ==, 0);
	g_assert_cmpint(rules_batch_change("nat64d", "pool4", many, none), ==, 0);
	g_assert_cmpint(rules_batch_change("nat64d", "pool4", many, none), ==, -ENOENT);
	g_assert_cmpuint(read_set("pool4", there), ==, 0);
	world_end(&world);
}

/* The last address of all has nothing behind it. */
static void test_last_address(void)
{
	g_autoptr(GArray) none = g_array_new(FALSE, FALSE, sizeof(struct addr4_range));
	g_autoptr(GArray) last = g_array_new(FALSE, FALSE, sizeof(struct addr4_range));
	struct addr4_range range = {0xfffffff0, 0xffffffff};
	struct pool pool = {.there = {false}};
	g_autofree char *set = NULL;
	struct world world;
	bool there[N];

	if (!world_begin(&world))
		return;
	begin(&world, &pool);
	g_array_append_val(last, range);
	g_assert_cmpint(rules_batch_change("nat64d", "pool4", none, last), ==, 0);
	set = output_of("nft list set inet nat64d pool4");
	g_assert_nonnull(strstr(set, "elements = { 255.255.255.240/28 }"));
	g_assert_cmpint(rules_batch_change("nat64d", "pool4", last, none), ==, 0);
	g_assert_cmpuint(read_set("pool4", there), ==, 0);
	world_end(&world);
}

/* What is there is not what we put there: all is put anew, and somebody is told. */
static void test_others_change_it(void)
{
	static const char *const commands[] = {
		"nft flush ruleset",
		"nft delete table inet nat64d",
		"nft flush set inet nat64d pool4",
		"nft delete element inet nat64d pool4 { 203.0.113.10 }",
		"nft add element inet nat64d pool4 { 203.0.113.20-203.0.113.21 }",
		"nft add element inet nat64d pool4 { 203.0.113.12-203.0.113.30 }",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
		struct pool pool = {.range = {{FIRST + 10, FIRST + 10}, {FIRST + 20, FIRST + 21}},
				    .there = {true, false}};
		struct world world;
		const struct rules_warning *warning;

		if (!world_begin(&world))
			return;
		begin(&world, &pool);
		netns_run("%s", commands[i]);
		pool.there[0] = false;
		pool.there[1] = true;
		follow(&world, &pool, (unsigned)i);
		g_assert_cmpuint(rules_warnings(world.rules)->len, ==, 1);
		warning = g_ptr_array_index(rules_warnings(world.rules), 0);
		g_assert_cmpstr(warning->text, ==,
				"somebody has changed the packet rules; they have been put back");
		g_assert_true(rules_present(world.rules));
		pool.there[0] = true;
		follow(&world, &pool, (unsigned)i);
		g_assert_cmpuint(rules_warnings(world.rules)->len, ==, 0);
		world_end(&world);
	}
}

/* There is nothing to change, or nothing that could be. */
static void test_no_such_set(void)
{
	g_autoptr(GArray) none = g_array_new(FALSE, FALSE, sizeof(struct addr4_range));
	g_autoptr(GArray) some = g_array_new(FALSE, FALSE, sizeof(struct addr4_range));
	struct addr4_range range = {FIRST, FIRST};
	struct pool pool = {.there = {false}};
	struct world world;

	if (!world_begin(&world))
		return;
	begin(&world, &pool);
	g_array_append_val(some, range);
	g_assert_cmpint(rules_batch_change("no-table", "pool4", none, some), ==, -ENOENT);
	g_assert_cmpint(rules_batch_change("nat64d", "no-set", none, some), ==, -ENOENT);
	g_assert_cmpint(rules_batch_change("nat64d", "pool4", none, none), ==, 0);
	world_end(&world);
}

static bool add(struct world *world, const struct pool *pool)
{
	struct rules_entry entries[N_RANGES];
	uint32_t n = list_entries(pool, entries);

	return rules_add(world->rules, entries, n);
}

/* New entries without a look at those that are there. */
static void test_add(void)
{
	struct pool pool = {.range = {{FIRST + 10, FIRST + 11}}, .there = {true}};
	const struct pool more = {.range = {{FIRST + 30, FIRST + 39}, {FIRST + 12, FIRST + 12}},
				  .there = {true, true}};
	bool expected[N] = {[10] = true, [11] = true, [12] = true};
	struct world world;

	if (!world_begin(&world))
		return;
	begin(&world, &pool);
	g_assert_true(add(&world, &more));
	g_assert_cmpuint(rules_reach(world.rules, 0), ==, POOL4_ROUTED);
	g_assert_cmpuint(rules_reach(world.rules, 1), ==, POOL4_ROUTED);
	for (uint32_t i = 30; i < 40; i++)
		expected[i] = true;
	assert_set("pool4", expected, 0);
	for (uint32_t i = 0; i < 2; i++) {
		pool.range[1 + i] = more.range[i];
		pool.there[1 + i] = true;
	}
	follow(&world, &pool, 0);
	pool.there[0] = false;
	follow(&world, &pool, 1);
	g_assert_cmpuint(rules_warnings(world.rules)->len, ==, 0);
	netns_run("nft delete table inet nat64d");
	pool.there[3] = true;
	pool.range[3] = (struct addr4_range){FIRST + 99, FIRST + 99};
	g_assert_false(add(&world, &pool));
	follow(&world, &pool, 2);
	world_end(&world);
}

/* Where this host has to do with an entry, all of them are to be looked at: command makes it so,
 * and undo takes it back. */
static void test_add_near(void)
{
	static const struct {
		const char *first;
		const char *last;
		const char *command;
		const char *undo;
	} cases[] = {
		{OWN, OWN, "true", "true"},
		{"192.0.2.77", "192.0.2.77", "true", "true"}, /* on the link */
		{"203.0.113.0", "203.0.113.255", "ip route add 203.0.113.64/26 via " PEER,
		 "ip route del 203.0.113.64/26"},
		{"203.0.113.9", "203.0.113.9", "ip route add local 203.0.113.8/30 dev lo",
		 "ip route del local 203.0.113.8/30"},
		{"203.0.113.40", "203.0.113.47", "true", "true"}, /* exempt */
	};
	const struct pool none = {.there = {false}};
	const bool nothing[N] = {false};
	struct world world;

	if (!world_begin(&world))
		return;
	world.config.nat64.exempt4[0] = (struct prefix4){craft_addr4("203.0.113.45"), 32};
	world.config.nat64.n_exempt4 = 1;
	begin(&world, &none);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct pool pool = {.there = {true}};

		pool.range[0].first = craft_addr4(cases[i].first);
		pool.range[0].last = craft_addr4(cases[i].last);
		netns_run("%s", cases[i].command);
		g_assert_false(add(&world, &pool));
		netns_run("%s", cases[i].undo);
		follow(&world, &none, (unsigned)i);
		assert_set("pool4", nothing, (unsigned)i);
	}
	world_end(&world);
}

/* What is to be announced on a link that was named changes more than the sets. */
static void test_add_announced(void)
{
	static char *const names[] = {(char *)"near", NULL};
	const struct pool none = {.there = {false}};
	const struct pool pool = {.range = {{FIRST, FIRST}}, .there = {true}};
	struct world world;

	if (!world_begin(&world))
		return;
	world.config.announce.how = CONFIG_ANNOUNCE_AUTO;
	begin(&world, &none);
	g_assert_true(add(&world, &pool));
	rules_close(world.rules);
	world.config.announce.interfaces = (char **)names;
	begin(&world, &none);
	g_assert_false(add(&world, &pool));
	world_end(&world);
}

struct flood {
	struct world *world;
	gint stop;
	unsigned n_sent;
};

static void *flood(void *data)
{
	static const struct craft packet = {.version = 4,
					    .src = PEER,
					    .dst = "203.0.113.100",
					    .protocol = IPPROTO_UDP,
					    .src_port = 53,
					    .dst_port = 7000};
	struct flood *flood = data;

	while (!g_atomic_int_get(&flood->stop)) {
		send_in(flood->world, &packet);
		flood->n_sent++;
	}
	return NULL;
}

/* Packets to an address that is in pool4 all the time are taken all the time, whatever becomes of
 * the element that it is in. Nobody reads the queues: what is not taken leaves for the router. */
static void test_nothing_escapes(void)
{
	struct pool pool = {.range = {{FIRST + 90, FIRST + 100}, {FIRST + 100, FIRST + 110}},
			    .there = {true, true}};
	struct flood flood_state = {.stop = 0};
	g_autofree char *forwarded = NULL;
	struct world world;
	GThread *thread;

	if (!world_begin(&world))
		return;
	begin(&world, &pool);
	flood_state.world = &world;
	thread = g_thread_new("flood", flood, &flood_state);
	for (unsigned i = 0; i < 10; i++) {
		pool.there[i & 1] = false;
		follow(&world, &pool, i);
		pool.there[i & 1] = true;
		follow(&world, &pool, i);
	}
	g_atomic_int_set(&flood_state.stop, 1);
	(void)g_thread_join(thread);
	g_test_message("%u packets", flood_state.n_sent);
	g_assert_cmpuint(flood_state.n_sent, >, 100);
	forwarded = output_of("awk '/^Ip: [0-9]/ { print $7 }' /proc/net/snmp");
	g_assert_cmpstr(forwarded, ==, "0\n");
	world_end(&world);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/rules_sets/random", test_random);
	g_test_add_func("/rules_sets/many", test_many);
	g_test_add_func("/rules_sets/last_address", test_last_address);
	g_test_add_func("/rules_sets/others_change_it", test_others_change_it);
	g_test_add_func("/rules_sets/no_such_set", test_no_such_set);
	g_test_add_func("/rules_sets/add", test_add);
	g_test_add_func("/rules_sets/add_near", test_add_near);
	g_test_add_func("/rules_sets/add_announced", test_add_announced);
	g_test_add_func("/rules_sets/nothing_escapes", test_nothing_escapes);
	return g_test_run();
}
