/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/property/pool4_model.h"

const char *const pool4_model_prefixes[N_PREFIXES] = {"2001:db8:1::/48", "2001:db8:1:1::/64",
						      "2001:db8:2::/48"};

struct model_entry *pool4_model_entry_by_id(struct pool4_model *model, uint32_t id)
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

bool pool4_model_overlaps(const struct model_entry *a, const struct model_entry *b)
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

bool pool4_model_overlaps_another(struct pool4_model *model, const struct model_entry *entry)
{
	for (unsigned i = 0; i < ENTRIES_MAX; i++) {
		if (model->entry[i].id != 0 && model->entry[i].id != entry->id &&
		    pool4_model_overlaps(&model->entry[i], entry))
			return true;
	}
	return false;
}

/* The longest of its prefixes that holds the client, 0 for a general entry, -1 for none. */
static int match_length(const struct model_entry *entry, const struct addr6 *client)
{
	int length = entry->n_clients == 0 ? 0 : -1;

	for (unsigned i = 0; i < entry->n_clients; i++) {
		struct prefix6 prefix;

		g_assert_true(prefix6_parse(pool4_model_prefixes[entry->clients[i]], &prefix));
		if (prefix6_contains(&prefix, client) && prefix.len > length)
			length = prefix.len;
	}
	return length;
}

void pool4_model_turns(struct pool4_model *model, const struct pool4_request *request,
		       int ret[ENTRIES_MAX])
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

bool pool4_model_has_left(struct pool4_model *model, const struct model_entry *entry,
			  enum protocol protocol, unsigned addr, const struct port_class *class,
			  enum pool4_left left)
{
	for (unsigned i = 0; i < N_PORTS; i++) {
		if (entry->addr[addr] && entry->port[i] && !model->used[protocol][addr][i] &&
		    (left == POOL4_UNUSED || !model->hold[protocol][addr][i].is_held) &&
		    (!class || port_class_contains(class, (uint16_t)(FIRST_PORT + i))))
			return true;
	}
	return false;
}

int pool4_model_first_turn(struct pool4_model *model, const int turn[ENTRIES_MAX],
			   enum protocol protocol, unsigned at, enum pool4_left left)
{
	int first = 4;

	for (unsigned i = 0; i < ENTRIES_MAX; i++) {
		if (turn[i] < 0 || turn[i] >= first || model->entry[i].state != POOL4_ACTIVE)
			continue;
		for (unsigned addr = 0; addr < N_ADDRS; addr++) {
			if ((at == N_ADDRS || at == addr) &&
			    pool4_model_has_left(model, &model->entry[i], protocol, addr, NULL,
						 left))
				first = turn[i];
		}
	}
	return first;
}

bool pool4_model_is_bound(struct pool4_model *model, const int turn[ENTRIES_MAX],
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

static bool is_older(const struct model_hold *a, const struct model_hold *b)
{
	return a->is_held && (!b || a->turn < b->turn);
}

struct model_hold *pool4_model_oldest_at(struct pool4_model *model, const int turn[ENTRIES_MAX],
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

uint32_t pool4_model_hold_ms(struct pool4_model *model, enum protocol protocol,
			     enum pool4_hold_kind kind)
{
	uint32_t ms = protocol == PROTOCOL_TCP ? model->policy.hold_tcp_ms : model->policy.hold_ms;

	return kind == POOL4_HOLD_LOST ? MAX(ms, POOL4_HOLD_LOST_MS) : ms;
}

/* What goes first: of those of the same time, the lost ones. */
static bool goes_before(const struct model_hold *a, const struct model_hold *b)
{
	if (!b || a->since_ms != b->since_ms)
		return !b || a->since_ms < b->since_ms;
	return a->kind != b->kind ? a->kind == POOL4_HOLD_LOST : a->turn < b->turn;
}

unsigned pool4_model_count_held(struct pool4_model *model, enum protocol protocol, uint32_t id,
				struct model_hold **ret)
{
	unsigned n = 0;

	*ret = NULL;
	for (unsigned i = 0; i < N_ADDRS * N_PORTS; i++) {
		struct model_hold *hold = &model->hold[protocol][0][0] + i;

		if (!hold->is_held || hold->owner != id)
			continue;
		n++;
		if (goes_before(hold, *ret))
			*ret = hold;
	}
	return n;
}

static unsigned count_all_held(struct pool4_model *model)
{
	unsigned n = 0;

	for (unsigned i = 0; i < N_PROTOCOLS * N_ADDRS * N_PORTS; i++)
		n += (&model->hold[0][0][0] + i)->is_held;
	return n;
}

/* P-15. A share is not used here. */
static bool make_room(struct pool4_model *model, enum protocol protocol, uint32_t id)
{
	const struct model_entry *entry = pool4_model_entry_by_id(model, id);
	uint32_t n_ports = 0, n_addrs = 0, max;
	struct model_hold *oldest;

	for (unsigned i = 0; i < N_PORTS; i++)
		n_ports += entry->port[i];
	for (unsigned i = 0; i < N_ADDRS; i++)
		n_addrs += entry->addr[i];
	max = MIN(model->policy.max_held.value, n_ports * n_addrs);
	for (unsigned i = 0; i < 2; i++) {
		unsigned n = pool4_model_count_held(model, protocol, id, &oldest);

		if (n == 0 || (n < max && count_all_held(model) < HELD_LIMIT))
			break;
		oldest->is_held = false;
		model->n_pushed_out++;
	}
	return pool4_model_count_held(model, protocol, id, &oldest) < max &&
	       count_all_held(model) < HELD_LIMIT;
}

bool pool4_model_hold_port(struct pool4_model *model, enum protocol protocol, unsigned addr,
			   unsigned port, uint32_t id, enum pool4_hold_kind kind, unsigned client)
{
	if (id == 0 || pool4_model_hold_ms(model, protocol, kind) == 0 ||
	    !make_room(model, protocol, id))
		return false;
	model->hold[protocol][addr][port] = (struct model_hold){
		.is_held = true,
		.client = client,
		.owner = id,
		.kind = kind,
		.since_ms = model->now_ms,
		.turn = ++model->n_holds,
	};
	return true;
}

void pool4_model_use(struct pool4_model *model, enum protocol protocol, const struct taddr4 *taddr,
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
		pool4_model_entry_by_id(model, id)->n_used[protocol]++;
}

uint64_t pool4_model_client_hash(unsigned client)
{
	static const struct siphash_key key = {{9, 9}};

	return siphash(&key, &client, sizeof(client));
}

int pool4_model_below(struct pool4_model *model, int bound)
{
	return g_rand_int_range(model->rand, 0, bound);
}

void pool4_model_give_back(struct pool4_model *model, enum protocol protocol, unsigned addr,
			   unsigned port)
{
	struct taddr4 taddr = {FIRST_ADDR + addr, (uint16_t)(FIRST_PORT + port)};
	uint32_t id = model->owner[protocol][addr][port];
	unsigned client = (unsigned)pool4_model_below(model, POOL4_MODEL_CLIENTS);

	if (!model->used[protocol][addr][port])
		return;
	model->used[protocol][addr][port] = false;
	if (id != 0)
		pool4_model_entry_by_id(model, id)->n_used[protocol]--;
	if (pool4_model_below(model, 8) == 0) {
		pool4_give_back(model->pool, protocol, &taddr, id);
		return;
	}
	pool4_retire(model->pool, protocol, &taddr, id, pool4_model_client_hash(client),
		     model->now_ms);
	(void)pool4_model_hold_port(model, protocol, addr, port, id, POOL4_HOLD_LEFT, client);
}
