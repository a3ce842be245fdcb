/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random operations on a small pool4, with overlapping scopes and shared addresses, against a model
 * that only scans arrays (P-1 to P-13, P-17, P-18, P-21). The seed is fixed, printed on failure,
 * and set by NAT64D_SEED.
 */
#include <glib.h>
#include <stdlib.h>

#include "daemon/core/pool4.h"

#define FIRST_ADDR  0xc0000200u /* 192.0.2.0 */
#define N_ADDRS     8
#define FIRST_PORT  1018 /* on both sides of the border of P-6 */
#define N_PORTS     12
#define ENTRIES_MAX 12
#define STEPS       30000

struct model_entry {
	uint32_t id; /* 0 = none */
	enum pool4_state state;
	bool addr[N_ADDRS];
	bool port[N_PORTS];
	bool protocol[N_PROTOCOLS];
	unsigned clients[2]; /* numbers of client_prefixes */
	unsigned n_clients;
	bool overflow;
	int pool6;
	uint32_t n_used[N_PROTOCOLS];
};

struct model {
	GRand *rand;
	struct pool4 *pool;
	struct pool4_policy policy;
	struct model_entry entry[ENTRIES_MAX];
	bool used[N_PROTOCOLS][N_ADDRS][N_PORTS];
	uint32_t owner[N_PROTOCOLS][N_ADDRS][N_PORTS];
	unsigned n_ok, n_exhausted, n_no_entry, n_overlap, n_added;
};

static const char *const client_prefixes[] = {"2001:db8:1::/48", "2001:db8:1:1::/64",
					      "2001:db8:2::/48"};
static const char *const clients[] = {"2001:db8:1:1::1", "2001:db8:1:2::1", "2001:db8:2::1",
				      "2001:db8:3::1"};

static int below(struct model *model, int bound)
{
	return g_rand_int_range(model->rand, 0, bound);
}

static struct model_entry *random_entry(struct model *model)
{
	return &model->entry[below(model, ENTRIES_MAX)];
}

static struct model_entry *entry_by_id(struct model *model, uint32_t id)
{
	for (unsigned i = 0; i < ENTRIES_MAX; i++) {
		if (model->entry[i].id == id)
			return &model->entry[i];
	}
	return NULL;
}

static bool same_scope(const struct model_entry *a, const struct model_entry *b)
{
	if (a->pool6 != b->pool6 || (a->n_clients == 0) != (b->n_clients == 0))
		return false;
	if (a->n_clients == 0)
		return true;
	for (unsigned i = 0; i < a->n_clients; i++) {
		for (unsigned j = 0; j < b->n_clients; j++) {
			if (a->clients[i] == b->clients[j])
				return true;
		}
	}
	return false;
}

static bool overlaps(const struct model_entry *a, const struct model_entry *b)
{
	bool protocol = false, addr = false, port = false;

	for (unsigned i = 0; i < N_PROTOCOLS; i++)
		protocol |= a->protocol[i] && b->protocol[i];
	for (unsigned i = 0; i < N_ADDRS; i++)
		addr |= a->addr[i] && b->addr[i];
	for (unsigned i = 0; i < N_PORTS; i++)
		port |= a->port[i] && b->port[i];
	return protocol && addr && port && same_scope(a, b);
}

static bool overlaps_another(struct model *model, const struct model_entry *entry)
{
	for (unsigned i = 0; i < ENTRIES_MAX; i++) {
		if (model->entry[i].id != 0 && model->entry[i].id != entry->id &&
		    overlaps(&model->entry[i], entry))
			return true;
	}
	return false;
}

static void random_ports(struct model *model, struct model_entry *entry, struct port_ranges *ret)
{
	unsigned first = (unsigned)below(model, N_PORTS);
	unsigned last = (unsigned)g_rand_int_range(model->rand, (int)first, N_PORTS);

	*ret = (struct port_ranges){.n_ranges = 0};
	for (unsigned i = 0; i < N_PORTS; i++) {
		entry->port[i] = (i >= first && i <= last) || below(model, 8) == 0;
		if (entry->port[i])
			g_assert_true(port_ranges_add(ret, (uint16_t)(FIRST_PORT + i),
						      (uint16_t)(FIRST_PORT + i)));
	}
}

static void step_add(struct model *model)
{
	struct model_entry *place = entry_by_id(model, 0);
	struct addr4_range ranges[N_ADDRS];
	struct pool4_spec spec = {.addresses = ranges};
	struct model_entry entry = {.state = POOL4_PENDING};
	enum pool4_result result;
	uint32_t id = 0;

	if (!place)
		return;
	for (unsigned n = 1 + (unsigned)below(model, 3); n > 0; n--) {
		uint32_t first = (uint32_t)below(model, N_ADDRS);
		uint32_t last = MIN(first + (uint32_t)n - 1, N_ADDRS - 1);

		ranges[spec.n_addresses++] =
			(struct addr4_range){FIRST_ADDR + first, FIRST_ADDR + last};
		for (uint32_t i = first; i <= last; i++)
			entry.addr[i] = true;
	}
	random_ports(model, &entry, &spec.ports);
	entry.protocol[below(model, N_PROTOCOLS)] = true;
	for (unsigned i = 0; i < N_PROTOCOLS; i++) {
		entry.protocol[i] |= g_rand_boolean(model->rand);
		spec.protocol[i] = entry.protocol[i];
	}
	entry.n_clients = (unsigned)below(model, 3);
	spec.n_clients = entry.n_clients;
	for (unsigned i = 0; i < entry.n_clients; i++) {
		entry.clients[i] = (unsigned)below(model, G_N_ELEMENTS(client_prefixes));
		g_assert_true(prefix6_parse(client_prefixes[entry.clients[i]], &spec.clients[i]));
	}
	entry.overflow = spec.overflow = g_rand_boolean(model->rand);
	entry.pool6 = spec.pool6 = below(model, 3) - 1;

	result = pool4_add(model->pool, &spec, &id);
	if (overlaps_another(model, &entry)) {
		g_assert_cmpint(result, ==, POOL4_OVERLAP);
		g_assert_true(overlaps(entry_by_id(model, id), &entry));
		model->n_overlap++;
		return;
	}
	g_assert_cmpint(result, ==, POOL4_OK);
	model->n_added++;
	*place = entry;
	place->id = id;
}

static void step_remove(struct model *model)
{
	struct model_entry *entry = random_entry(model);
	uint32_t n_used = 0;

	if (entry->id == 0)
		return;
	for (unsigned i = 0; i < N_PROTOCOLS; i++)
		n_used += entry->n_used[i];
	g_assert_cmpint(pool4_remove(model->pool, entry->id), ==,
			n_used > 0 ? POOL4_IN_USE : POOL4_OK);
	if (n_used == 0)
		entry->id = 0;
}

static void step_set_state(struct model *model)
{
	struct model_entry *entry = random_entry(model);

	if (entry->id == 0)
		return;
	entry->state = below(model, 3) ? POOL4_ACTIVE : (enum pool4_state)below(model, 4);
	pool4_set_state(model->pool, entry->id, entry->state);
}

static void step_set_ports(struct model *model)
{
	struct model_entry *entry = random_entry(model);
	struct model_entry changed = *entry;
	struct port_ranges ports;
	bool overlap;

	if (entry->id == 0)
		return;
	random_ports(model, &changed, &ports);
	overlap = overlaps_another(model, &changed);
	g_assert_cmpint(pool4_set_ports(model->pool, entry->id, &ports), ==,
			overlap ? POOL4_OVERLAP : POOL4_OK);
	if (!overlap)
		*entry = changed;
}

/* The longest of its prefixes that holds the client, 0 for a general entry, -1 for none. */
static int match_length(const struct model_entry *entry, const struct addr6 *client)
{
	int length = entry->n_clients == 0 ? 0 : -1;

	for (unsigned i = 0; i < entry->n_clients; i++) {
		struct prefix6 prefix;

		g_assert_true(prefix6_parse(client_prefixes[entry->clients[i]], &prefix));
		if (prefix6_contains(&prefix, client) && prefix.len > length)
			length = prefix.len;
	}
	return length;
}

/*
 * In which turn the entry serves the request: 0 and 1 by the longest prefix of clients, naming the
 * Pool6 prefix or not; 2 and 3 the same among general entries; -1 never.
 */
static void turns(struct model *model, const struct pool4_request *request, int ret[ENTRIES_MAX])
{
	int longest = 0;
	bool overflow = false;

	for (unsigned i = 0; i < ENTRIES_MAX; i++) {
		const struct model_entry *entry = &model->entry[i];

		ret[i] = -1;
		if (entry->id == 0 || !entry->protocol[request->protocol] ||
		    (entry->state != POOL4_ACTIVE && entry->state != POOL4_PENDING) ||
		    (entry->pool6 != POOL4_ANY_PREFIX && entry->pool6 != request->pool6))
			continue;
		ret[i] = match_length(entry, request->client);
		if (ret[i] > longest)
			longest = ret[i];
	}
	for (unsigned i = 0; i < ENTRIES_MAX; i++)
		overflow |= longest > 0 && ret[i] == longest && model->entry[i].overflow;
	for (unsigned i = 0; i < ENTRIES_MAX; i++) {
		int any = model->entry[i].pool6 == POOL4_ANY_PREFIX;

		if (ret[i] == longest && longest > 0)
			ret[i] = any;
		else if (ret[i] == 0 && (longest == 0 || overflow))
			ret[i] = 2 + any;
		else
			ret[i] = -1;
	}
}

/* Is some port of this class free for the entry at the address? NULL: any port. */
static bool has_free(struct model *model, const struct model_entry *entry, enum protocol protocol,
		     unsigned addr, const struct port_class *class)
{
	for (unsigned i = 0; i < N_PORTS; i++) {
		if (entry->addr[addr] && entry->port[i] && !model->used[protocol][addr][i] &&
		    (!class || port_class_contains(class, (uint16_t)(FIRST_PORT + i))))
			return true;
	}
	return false;
}

/* The first turn that has a free port, at an address or (N_ADDRS) anywhere; 4 if none has. */
static int first_turn(struct model *model, const int turn[ENTRIES_MAX], enum protocol protocol,
		      unsigned at)
{
	int first = 4;

	for (unsigned i = 0; i < ENTRIES_MAX; i++) {
		if (turn[i] < 0 || turn[i] >= first || model->entry[i].state != POOL4_ACTIVE)
			continue;
		for (unsigned addr = 0; addr < N_ADDRS; addr++) {
			if ((at == N_ADDRS || at == addr) &&
			    has_free(model, &model->entry[i], protocol, addr, NULL))
				first = turn[i];
		}
	}
	return first;
}

/* P-8, P-10: no better class was free at this address. */
static void check_class(struct model *model, const int turn[ENTRIES_MAX],
			const struct pool4_request *request, const struct taddr4 *taddr)
{
	unsigned addr = taddr->addr - FIRST_ADDR;
	struct port_class class[PORT_CLASSES_MAX];
	struct port_class same = {request->port6, request->port6, -1};
	unsigned n = port_classes(request->protocol, request->port6, model->policy.parity, class);

	for (unsigned i = 0; i < n; i++) {
		bool reached = port_class_contains(&class[i], taddr -> port);

		for (unsigned j = 0; j < ENTRIES_MAX; j++) {
			if (turn[j] < 0 || model->entry[j].state != POOL4_ACTIVE)
				continue;
			if (model->policy.preserve_port && taddr->port != request->port6)
				g_assert_false(has_free(model, &model->entry[j], request->protocol,
							addr, &same));
			if (!reached &&
			    !(model->policy.preserve_port && taddr->port == request->port6))
				g_assert_false(has_free(model, &model->entry[j], request->protocol,
							addr, &class[i]));
		}
		if (reached)
			return;
	}
	g_assert_not_reached();
}

static void use(struct model *model, enum protocol protocol, const struct taddr4 *taddr,
		uint32_t id)
{
	unsigned addr = taddr->addr - FIRST_ADDR, port = taddr->port - (unsigned)FIRST_PORT;

	g_assert_cmpuint(addr, <, N_ADDRS);
	g_assert_cmpuint(port, <, N_PORTS);
	g_assert_false(model->used[protocol][addr][port]); /* P-11 */
	model->used[protocol][addr][port] = true;
	model->owner[protocol][addr][port] = id;
	if (id != 0)
		entry_by_id(model, id)->n_used[protocol]++;
}

static void check_taken(struct model *model, const int turn[ENTRIES_MAX],
			const struct pool4_request *request, const struct taddr4 *taddr,
			uint32_t id)
{
	unsigned addr = taddr->addr - FIRST_ADDR;
	const struct model_entry *entry = entry_by_id(model, id);

	g_assert_nonnull(entry);
	g_assert_cmpint(entry->state, ==, POOL4_ACTIVE);
	g_assert_cmpint(turn[entry - model->entry], >=, 0);
	g_assert_true(entry->addr[addr] && entry->port[taddr->port - FIRST_PORT]);
	g_assert_true(
		pool4_entry_serves(pool4_entry(model->pool, id), request->client, request->pool6));
	check_class(model, turn, request, taddr);
	if (request->paired4 != 0 &&
	    first_turn(model, turn, request->protocol, request->paired4 - FIRST_ADDR) < 4)
		g_assert_cmpuint(taddr->addr, ==, request->paired4); /* P-2 */
	else /* the address is one of the first scope that has any left */
		g_assert_cmpint(first_turn(model, turn, request->protocol, addr), ==,
				first_turn(model, turn, request->protocol, N_ADDRS));
}

/* P-4: strict, and the paired address is offered but full. */
static bool is_held_by_pairing(struct model *model, const int turn[ENTRIES_MAX],
			       const struct pool4_request *request)
{
	unsigned addr = request->paired4 - FIRST_ADDR;
	bool offered = false;

	if (!model->policy.strict_pairing || request->paired4 == 0)
		return false;
	for (unsigned i = 0; i < ENTRIES_MAX; i++)
		offered |= turn[i] >= 0 && model->entry[i].state == POOL4_ACTIVE &&
			   model->entry[i].addr[addr];
	return offered && first_turn(model, turn, request->protocol, addr) == 4;
}

static void step_take(struct model *model)
{
	struct pool4_request request = {
		.protocol = (enum protocol)below(model, N_PROTOCOLS),
		.pool6 = below(model, 2),
		.port6 = (uint16_t)(FIRST_PORT + below(model, N_PORTS)),
		.client_hash = (uint64_t)g_rand_int(model->rand) << 32 | g_rand_int(model->rand),
	};
	int turn[ENTRIES_MAX];
	enum pool4_result result;
	struct addr6 client;
	struct taddr4 taddr;
	bool served = false;
	uint32_t id;

	g_assert_true(addr6_parse(clients[below(model, G_N_ELEMENTS(clients))], &client));
	request.client = &client;
	if (g_rand_boolean(model->rand))
		request.paired4 = FIRST_ADDR + (uint32_t)below(model, N_ADDRS);
	turns(model, &request, turn);
	for (unsigned i = 0; i < ENTRIES_MAX; i++)
		served |= turn[i] >= 0;

	result = pool4_take(model->pool, &request, &taddr, &id);
	if (result == POOL4_OK) {
		g_assert_false(is_held_by_pairing(model, turn, &request));
		check_taken(model, turn, &request, &taddr, id);
		use(model, request.protocol, &taddr, id);
		model->n_ok++;
	} else if (result == POOL4_NO_ENTRY) {
		g_assert_false(served);
		model->n_no_entry++;
	} else {
		g_assert_cmpint(result, ==, POOL4_EXHAUSTED);
		g_assert_true(served);
		g_assert_true(is_held_by_pairing(model, turn, &request) ||
			      first_turn(model, turn, request.protocol, N_ADDRS) == 4);
		model->n_exhausted++;
	}
}

static void step_take_exactly(struct model *model)
{
	enum protocol protocol = (enum protocol)below(model, N_PROTOCOLS);
	unsigned addr = (unsigned)below(model, N_ADDRS), port = (unsigned)below(model, N_PORTS);
	struct taddr4 taddr = {FIRST_ADDR + addr, (uint16_t)(FIRST_PORT + port)};
	uint32_t id = 0, oldest = 0;
	enum pool4_result result;

	for (unsigned i = 0; i < ENTRIES_MAX; i++) {
		const struct model_entry *entry = &model->entry[i];

		if (entry->id != 0 && entry->state != POOL4_DISABLED && entry->protocol[protocol] &&
		    entry->addr[addr] && entry->port[port] && (oldest == 0 || entry->id < oldest))
			oldest = entry->id;
	}
	g_assert_true(pool4_find(model->pool, protocol, taddr.addr, taddr.port) ==
		      pool4_entry(model->pool, oldest));
	result = pool4_take_exactly(model->pool, protocol, &taddr, &id);
	if (model->used[protocol][addr][port]) {
		g_assert_cmpint(result, ==, POOL4_TAKEN);
		return;
	}
	g_assert_cmpint(result, ==, POOL4_OK);
	g_assert_cmpuint(id, ==, oldest);
	use(model, protocol, &taddr, id);
}

static void give_back(struct model *model, enum protocol protocol, unsigned addr, unsigned port)
{
	struct taddr4 taddr = {FIRST_ADDR + addr, (uint16_t)(FIRST_PORT + port)};
	uint32_t id = model->owner[protocol][addr][port];

	if (!model->used[protocol][addr][port])
		return;
	pool4_give_back(model->pool, protocol, &taddr, id);
	model->used[protocol][addr][port] = false;
	if (id != 0)
		entry_by_id(model, id)->n_used[protocol]--;
}

static void give_back_all(struct model *model)
{
	for (unsigned i = 0; i < N_PROTOCOLS * N_ADDRS * N_PORTS; i++)
		give_back(model, i % N_PROTOCOLS, i / N_PROTOCOLS % N_ADDRS,
			  i / N_PROTOCOLS / N_ADDRS);
}

static void step(struct model *model)
{
	int what = below(model, 100);

	if (what < 45)
		step_take(model);
	else if (what < 50)
		step_take_exactly(model);
	else if (what < 85)
		give_back(model, (enum protocol)below(model, N_PROTOCOLS),
			  (unsigned)below(model, N_ADDRS), (unsigned)below(model, N_PORTS));
	else if (what < 90)
		step_add(model);
	else if (what < 93)
		step_remove(model);
	else if (what < 97)
		step_set_state(model);
	else if (what < 99)
		step_set_ports(model);
	else if (below(model, 10) == 0)
		give_back_all(model);
}

static void check_counts(struct model *model)
{
	g_assert_true(pool4_check(model->pool));
	for (unsigned i = 0; i < ENTRIES_MAX; i++) {
		const struct pool4_entry *entry;

		if (model->entry[i].id == 0)
			continue;
		entry = pool4_entry(model->pool, model->entry[i].id);
		for (unsigned j = 0; j < N_PROTOCOLS; j++)
			g_assert_cmpuint(entry->n_used[j], ==, model->entry[i].n_used[j]);
	}
}

static uint32_t seed(void)
{
	const char *text = g_getenv("NAT64D_SEED");

	return text ? (uint32_t)strtoul(text, NULL, 0) : 1;
}

static void test_random_operations(void)
{
	static const struct siphash_key key = {{5, 6}};
	static const uint8_t random_seed[RANDOM_SEED_SIZE] = {7};
	struct model model = {.rand = g_rand_new_with_seed(seed())};

	model.pool = pool4_new(&key, random_seed);
	for (unsigned i = 0; i < STEPS; i++) {
		if (i % 1000 == 0) {
			model.policy = (struct pool4_policy){
				.parity = g_rand_boolean(model.rand),
				.preserve_port = below(&model, 4) == 0,
				.strict_pairing = below(&model, 3) == 0,
			};
			pool4_set_policy(model.pool, &model.policy);
		}
		step(&model);
		check_counts(&model);
	}
	/* The run has met everything it is for. */
	g_assert_cmpuint(model.n_ok, >, STEPS / 20);
	g_assert_cmpuint(model.n_exhausted, >, STEPS / 200);
	g_assert_cmpuint(model.n_no_entry, >, 10);
	g_assert_cmpuint(model.n_overlap, >, 10);
	g_assert_cmpuint(model.n_added, >, 50);

	give_back_all(&model);
	check_counts(&model);
	for (unsigned i = 0; i < ENTRIES_MAX; i++) {
		if (model.entry[i].id != 0)
			g_assert_cmpint(pool4_remove(model.pool, model.entry[i].id), ==, POOL4_OK);
	}
	g_assert_cmpuint(pool4_n_entries(model.pool), ==, 0);
	g_assert_true(pool4_check(model.pool));
	pool4_free(model.pool);
	g_rand_free(model.rand);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	/* On stderr, so that a failed assertion leaves it behind. */
	g_printerr("# NAT64D_SEED=%u\n", seed());
	g_test_add_func("/pool4-model/random-operations", test_random_operations);
	return g_test_run();
}
