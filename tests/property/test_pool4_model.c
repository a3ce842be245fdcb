/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random operations on a small pool4, with overlapping scopes and shared addresses, against a model
 * that only scans arrays (P-1 to P-18, P-21, P-22). The seed is fixed, printed on failure,
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
#define N_CLIENTS   20
#define STEPS       30000
#define HELD_LIMIT  100 /* of all entries; the holds of an address are always all looked at */
#define TICK_MS     256 /* no time is between two of them, so that the end of a hold is exact */

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
	uint64_t n_reused[N_PROTOCOLS];
};

struct model_hold {
	bool is_held;
	unsigned client;
	uint32_t owner; /* 0: its entry is gone */
	uint64_t since_ms;
	unsigned turn; /* orders those of the same time */
};

struct model {
	GRand *rand;
	struct pool4 *pool;
	struct pool4_policy policy;
	struct model_entry entry[ENTRIES_MAX];
	bool used[N_PROTOCOLS][N_ADDRS][N_PORTS];
	uint32_t owner[N_PROTOCOLS][N_ADDRS][N_PORTS];
	struct model_hold hold[N_PROTOCOLS][N_ADDRS][N_PORTS];
	uint64_t now_ms;
	unsigned n_holds; /* ever */
	unsigned n_ok, n_exhausted, n_no_entry, n_overlap, n_added;
	unsigned n_own, n_reused, n_expired, n_pushed_out;
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

/* One to three ranges. */
static uint32_t random_addresses(struct model *model, struct model_entry *entry,
				 struct addr4_range ret[N_ADDRS])
{
	uint32_t n_ranges = 0;

	memset(entry->addr, 0, sizeof(entry->addr));
	for (unsigned n = 1 + (unsigned)below(model, 3); n > 0; n--) {
		uint32_t first = (uint32_t)below(model, N_ADDRS);
		uint32_t last = MIN(first + (uint32_t)n - 1, N_ADDRS - 1);

		ret[n_ranges++] = (struct addr4_range){FIRST_ADDR + first, FIRST_ADDR + last};
		for (uint32_t i = first; i <= last; i++)
			entry->addr[i] = true;
	}
	return n_ranges;
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
	spec.n_addresses = random_addresses(model, &entry, ranges);
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
	if (n_used > 0)
		return;
	for (unsigned i = 0; i < N_PROTOCOLS * N_ADDRS * N_PORTS; i++) {
		struct model_hold *hold = &model->hold[0][0][0] + i;

		if (hold->owner == entry->id)
			hold->owner = 0;
	}
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

static void step_set_addresses(struct model *model)
{
	struct model_entry *entry = random_entry(model);
	struct model_entry changed = *entry;
	struct addr4_range ranges[N_ADDRS];
	uint32_t n_ranges;
	bool overlap;

	if (entry->id == 0)
		return;
	n_ranges = random_addresses(model, &changed, ranges);
	overlap = overlaps_another(model, &changed);
	g_assert_cmpint(pool4_set_addresses(model->pool, entry->id, ranges, n_ranges), ==,
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
		    entry->state != POOL4_ACTIVE ||
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

/* Which ports count: those neither used nor held, or those that are not used. */
enum left { FREE, UNUSED };

/* Is some port of this class left for the entry at the address? NULL: any port. */
static bool has_left(struct model *model, const struct model_entry *entry, enum protocol protocol,
		     unsigned addr, const struct port_class *class, enum left left)
{
	for (unsigned i = 0; i < N_PORTS; i++) {
		if (entry->addr[addr] && entry->port[i] && !model->used[protocol][addr][i] &&
		    (left == UNUSED || !model->hold[protocol][addr][i].is_held) &&
		    (!class || port_class_contains(class, (uint16_t)(FIRST_PORT + i))))
			return true;
	}
	return false;
}

static bool has_free(struct model *model, const struct model_entry *entry, enum protocol protocol,
		     unsigned addr, const struct port_class *class)
{
	return has_left(model, entry, protocol, addr, class, FREE);
}

/* The first turn that has a port left, at an address or (N_ADDRS) anywhere; 4 if none has. */
static int first_turn(struct model *model, const int turn[ENTRIES_MAX], enum protocol protocol,
		      unsigned at, enum left left)
{
	int first = 4;

	for (unsigned i = 0; i < ENTRIES_MAX; i++) {
		if (turn[i] < 0 || turn[i] >= first || model->entry[i].state != POOL4_ACTIVE)
			continue;
		for (unsigned addr = 0; addr < N_ADDRS; addr++) {
			if ((at == N_ADDRS || at == addr) &&
			    has_left(model, &model->entry[i], protocol, addr, NULL, left))
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
	model->hold[protocol][addr][port].is_held = false;
	model->used[protocol][addr][port] = true;
	model->owner[protocol][addr][port] = id;
	if (id != 0)
		entry_by_id(model, id)->n_used[protocol]++;
}

static bool is_older(const struct model_hold *a, const struct model_hold *b)
{
	return a->is_held && (!b || a->turn < b->turn);
}

/* Of the holds of one client (or, -1, of all) at an address on ports that the turns may use, the
 * oldest. */
static struct model_hold *oldest_at(struct model *model, const int turn[ENTRIES_MAX],
				    enum protocol protocol, unsigned addr, int client)
{
	struct model_hold *oldest = NULL;

	for (unsigned i = 0; i < N_PORTS; i++) {
		struct model_hold *hold = &model->hold[protocol][addr][i];
		bool usable = false;

		for (unsigned j = 0; j < ENTRIES_MAX; j++)
			usable |= turn[j] >= 0 && model->entry[j].state == POOL4_ACTIVE &&
				  model->entry[j].addr[addr] && model->entry[j].port[i];
		if (usable && is_older(hold, oldest) &&
		    (client < 0 || hold->client == (unsigned)client))
			oldest = hold;
	}
	return oldest;
}

/* P-4: strict, and the paired address is offered. */
static bool is_bound(struct model *model, const int turn[ENTRIES_MAX],
		     const struct pool4_request *request)
{
	bool offered = false;

	if (!model->policy.strict_pairing || request->paired4 == 0)
		return false;
	for (unsigned i = 0; i < ENTRIES_MAX; i++)
		offered |= turn[i] >= 0 && model->entry[i].state == POOL4_ACTIVE &&
			   model->entry[i].addr[request->paired4 - FIRST_ADDR];
	return offered;
}

/* P-14: a port that was held is given out only to its client, or as the last choice. */
static void check_held(struct model *model, const int turn[ENTRIES_MAX],
		       const struct pool4_request *request, unsigned client,
		       const struct taddr4 *taddr, struct model_entry *entry)
{
	enum protocol protocol = request->protocol;
	unsigned addr = taddr->addr - FIRST_ADDR;
	const struct model_hold *hold = &model->hold[protocol][addr][taddr->port - FIRST_PORT];
	bool bound = is_bound(model, turn, request);
	enum left left = UNUSED;

	if (hold->client == client) {
		model->n_own++;
		if (model->policy.preserve_port && taddr->port == request->port6)
			return;
		g_assert_true(hold == oldest_at(model, turn, protocol, addr, (int)client));
		g_assert_cmpint(first_turn(model, turn, protocol, addr, FREE), ==, 4);
		if (taddr->addr == request->paired4)
			return;
	} else {
		model->n_reused++;
		entry->n_reused[protocol]++;
		g_assert_null(oldest_at(model, turn, protocol, addr, (int)client));
		g_assert_true(hold == oldest_at(model, turn, protocol, addr, -1));
	}
	if (bound) {
		g_assert_cmpuint(taddr->addr, ==, request->paired4);
		g_assert_cmpint(first_turn(model, turn, protocol, addr, FREE), ==, 4);
		return;
	}
	g_assert_cmpint(first_turn(model, turn, protocol, N_ADDRS, FREE), ==, 4);
	if (request->paired4 != 0 &&
	    first_turn(model, turn, protocol, request->paired4 - FIRST_ADDR, left) < 4)
		g_assert_cmpuint(taddr->addr, ==, request->paired4);
	else
		g_assert_cmpint(first_turn(model, turn, protocol, addr, left), ==,
				first_turn(model, turn, protocol, N_ADDRS, left));
}

static void check_taken(struct model *model, const int turn[ENTRIES_MAX],
			const struct pool4_request *request, unsigned client,
			const struct taddr4 *taddr, uint32_t id)
{
	unsigned addr = taddr->addr - FIRST_ADDR;
	struct model_entry *entry = entry_by_id(model, id);

	g_assert_nonnull(entry);
	g_assert_cmpint(entry->state, ==, POOL4_ACTIVE);
	g_assert_cmpint(turn[entry - model->entry], >=, 0);
	g_assert_true(entry->addr[addr] && entry->port[taddr->port - FIRST_PORT]);
	g_assert_true(
		pool4_entry_serves(pool4_entry(model->pool, id), request->client, request->pool6));
	if (model->hold[request->protocol][addr][taddr->port - FIRST_PORT].is_held) {
		check_held(model, turn, request, client, taddr, entry);
		return;
	}
	check_class(model, turn, request, taddr);
	if (request->paired4 != 0 &&
	    first_turn(model, turn, request->protocol, request->paired4 - FIRST_ADDR, FREE) < 4)
		g_assert_cmpuint(taddr->addr, ==, request->paired4); /* P-2 */
	else /* the address is one of the first scope that has any left */
		g_assert_cmpint(first_turn(model, turn, request->protocol, addr, FREE), ==,
				first_turn(model, turn, request->protocol, N_ADDRS, FREE));
}

/* Keyed hashes of a few clients. */
static uint64_t client_hash(unsigned client)
{
	static const struct siphash_key key = {{9, 9}};

	return siphash(&key, &client, sizeof(client));
}

static void step_take(struct model *model)
{
	struct pool4_request request = {
		.protocol = (enum protocol)below(model, N_PROTOCOLS),
		.pool6 = below(model, 2),
		.port6 = (uint16_t)(FIRST_PORT + below(model, N_PORTS)),
	};
	unsigned client_number = (unsigned)below(model, N_CLIENTS);
	int turn[ENTRIES_MAX];
	enum pool4_result result;
	struct addr6 client;
	struct taddr4 taddr;
	bool served = false;
	uint32_t id;

	g_assert_true(addr6_parse(clients[below(model, G_N_ELEMENTS(clients))], &client));
	request.client = &client;
	request.client_hash = client_hash(client_number);
	if (g_rand_boolean(model->rand))
		request.paired4 = FIRST_ADDR + (uint32_t)below(model, N_ADDRS);
	turns(model, &request, turn);
	for (unsigned i = 0; i < ENTRIES_MAX; i++)
		served |= turn[i] >= 0;

	result = pool4_take(model->pool, &request, &taddr, &id);
	if (result == POOL4_OK) {
		check_taken(model, turn, &request, client_number, &taddr, id);
		if (is_bound(model, turn, &request))
			g_assert_cmpuint(taddr.addr, ==, request.paired4);
		use(model, request.protocol, &taddr, id);
		model->n_ok++;
	} else if (result == POOL4_NO_ENTRY) {
		g_assert_false(served);
		model->n_no_entry++;
	} else {
		g_assert_cmpint(result, ==, POOL4_EXHAUSTED);
		g_assert_true(served);
		g_assert_cmpint(first_turn(model, turn, request.protocol,
					   is_bound(model, turn, &request)
						   ? request.paired4 - FIRST_ADDR
						   : N_ADDRS,
					   UNUSED),
				==, 4);
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

static uint32_t hold_ms(struct model *model, enum protocol protocol)
{
	return protocol == PROTOCOL_TCP ? model->policy.hold_tcp_ms : model->policy.hold_ms;
}

/* How many ports an entry holds; *ret: the oldest of them. */
static unsigned count_held(struct model *model, enum protocol protocol, uint32_t id,
			   struct model_hold **ret)
{
	unsigned n = 0;

	*ret = NULL;
	for (unsigned i = 0; i < N_ADDRS * N_PORTS; i++) {
		struct model_hold *hold = &model->hold[protocol][0][0] + i;

		if (!hold->is_held || hold->owner != id)
			continue;
		n++;
		if (is_older(hold, *ret))
			*ret = hold;
	}
	return n;
}

static unsigned count_all_held(struct model *model)
{
	unsigned n = 0;

	for (unsigned i = 0; i < N_PROTOCOLS * N_ADDRS * N_PORTS; i++)
		n += (&model->hold[0][0][0] + i)->is_held;
	return n;
}

/* P-15. A share is not used here. */
static bool make_room(struct model *model, enum protocol protocol, uint32_t id)
{
	const struct model_entry *entry = entry_by_id(model, id);
	uint32_t n_ports = 0, n_addrs = 0, max;
	struct model_hold *oldest;

	for (unsigned i = 0; i < N_PORTS; i++)
		n_ports += entry->port[i];
	for (unsigned i = 0; i < N_ADDRS; i++)
		n_addrs += entry->addr[i];
	max = MIN(model->policy.max_held.value, n_ports * n_addrs);
	for (unsigned i = 0; i < 2; i++) {
		unsigned n = count_held(model, protocol, id, &oldest);

		if (n == 0 || (n < max && count_all_held(model) < HELD_LIMIT))
			break;
		oldest->is_held = false;
		model->n_pushed_out++;
	}
	return count_held(model, protocol, id, &oldest) < max && count_all_held(model) < HELD_LIMIT;
}

static bool hold_port(struct model *model, enum protocol protocol, unsigned addr, unsigned port,
		      uint32_t id, unsigned client)
{
	if (id == 0 || hold_ms(model, protocol) == 0 || !make_room(model, protocol, id))
		return false;
	model->hold[protocol][addr][port] = (struct model_hold){
		.is_held = true,
		.client = client,
		.owner = id,
		.since_ms = model->now_ms,
		.turn = ++model->n_holds,
	};
	return true;
}

static void give_back(struct model *model, enum protocol protocol, unsigned addr, unsigned port)
{
	struct taddr4 taddr = {FIRST_ADDR + addr, (uint16_t)(FIRST_PORT + port)};
	uint32_t id = model->owner[protocol][addr][port];
	unsigned client = (unsigned)below(model, N_CLIENTS);

	if (!model->used[protocol][addr][port])
		return;
	model->used[protocol][addr][port] = false;
	if (id != 0)
		entry_by_id(model, id)->n_used[protocol]--;
	if (below(model, 8) == 0) {
		pool4_give_back(model->pool, protocol, &taddr, id);
		return;
	}
	pool4_retire(model->pool, protocol, &taddr, id, client_hash(client), model->now_ms);
	(void)hold_port(model, protocol, addr, port, id, client);
}

/* P-16 */
static void step_hold(struct model *model)
{
	enum protocol protocol = (enum protocol)below(model, N_PROTOCOLS);
	unsigned addr = (unsigned)below(model, N_ADDRS), port = (unsigned)below(model, N_PORTS);
	unsigned client = (unsigned)below(model, N_CLIENTS);
	struct taddr4 taddr = {FIRST_ADDR + addr, (uint16_t)(FIRST_PORT + port)};
	const struct pool4_entry *entry = pool4_find(model->pool, protocol, taddr.addr, taddr.port);
	bool held = false;

	if (entry && !model->used[protocol][addr][port] &&
	    !model->hold[protocol][addr][port].is_held)
		held = hold_port(model, protocol, addr, port, entry->id, client);
	g_assert_true(pool4_hold_port(model->pool, protocol, &taddr, client_hash(client),
				      model->now_ms) == held);
}

/* K-8 */
static void step_clock(struct model *model)
{
	unsigned budget = 10000;

	model->now_ms += (uint64_t)below(model, 20) * TICK_MS;
	pool4_expire(model->pool, model->now_ms, &budget);
	for (unsigned i = 0; i < N_PROTOCOLS * N_ADDRS * N_PORTS; i++) {
		struct model_hold *hold = &model->hold[0][0][0] + i;
		enum protocol protocol = i / (N_ADDRS * N_PORTS);

		if (hold->is_held && hold->since_ms + hold_ms(model, protocol) <= model->now_ms) {
			hold->is_held = false;
			model->n_expired++;
		}
	}
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
	else if (what < 48)
		step_take_exactly(model);
	else if (what < 50)
		step_hold(model);
	else if (what < 83)
		give_back(model, (enum protocol)below(model, N_PROTOCOLS),
			  (unsigned)below(model, N_ADDRS), (unsigned)below(model, N_PORTS));
	else if (what < 85)
		step_clock(model);
	else if (what < 90)
		step_add(model);
	else if (what < 93)
		step_remove(model);
	else if (what < 97)
		step_set_state(model);
	else if (what < 98)
		step_set_ports(model);
	else if (what < 99)
		step_set_addresses(model);
	else if (below(model, 10) == 0)
		give_back_all(model);
}

static void check_counts(struct model *model)
{
	struct model_hold *oldest;

	g_assert_true(pool4_check(model->pool));
	for (unsigned i = 0; i < ENTRIES_MAX; i++) {
		const struct pool4_entry *entry;

		if (model->entry[i].id == 0)
			continue;
		entry = pool4_entry(model->pool, model->entry[i].id);
		for (unsigned j = 0; j < N_PROTOCOLS; j++) {
			g_assert_cmpuint(entry->n_used[j], ==, model->entry[i].n_used[j]);
			g_assert_cmpuint(entry->n_reused[j], ==, model->entry[i].n_reused[j]);
			g_assert_cmpuint(entry->n_held[j], ==,
					 count_held(model, j, entry->id, &oldest));
		}
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
	pool4_set_held_limit(model.pool, HELD_LIMIT);
	for (unsigned i = 0; i < STEPS; i++) {
		if (i % 1000 == 0) {
			model.policy = (struct pool4_policy){
				.parity = g_rand_boolean(model.rand),
				.preserve_port = below(&model, 4) == 0,
				.strict_pairing = below(&model, 3) == 0,
				.hold_ms = (uint32_t)below(&model, 400) * TICK_MS,
				.hold_tcp_ms = (uint32_t)below(&model, 3) * 100 * TICK_MS,
				.max_held = {(uint32_t)below(&model, 40), false},
			};
			pool4_set_policy(model.pool, &model.policy);
			step_clock(&model);
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
	g_assert_cmpuint(model.n_own, >, 50);
	g_assert_cmpuint(model.n_reused, >, 500);
	g_assert_cmpuint(model.n_expired, >, 500);
	g_assert_cmpuint(model.n_pushed_out, >, 500);

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
