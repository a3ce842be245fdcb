/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/property/pool4_admin.h"

static struct model_entry *random_entry(struct pool4_model *model)
{
	return &model->entry[pool4_model_below(model, ENTRIES_MAX)];
}

static void random_ports(struct pool4_model *model, struct model_entry *entry,
			 struct port_ranges *ret)
{
	unsigned first = (unsigned)pool4_model_below(model, N_PORTS);
	unsigned last = (unsigned)g_rand_int_range(model->rand, (int)first, N_PORTS);

	*ret = (struct port_ranges){.n_ranges = 0};
	for (unsigned i = 0; i < N_PORTS; i++) {
		entry->port[i] = (i >= first && i <= last) || pool4_model_below(model, 8) == 0;
		if (entry->port[i])
			g_assert_true(port_ranges_add(ret, (uint16_t)(FIRST_PORT + i),
						      (uint16_t)(FIRST_PORT + i)));
	}
}

/* One to three ranges. */
static uint32_t random_addresses(struct pool4_model *model, struct model_entry *entry,
				 struct addr4_range ret[N_ADDRS])
{
	uint32_t n_ranges = 0;

	memset(entry->addr, 0, sizeof(entry->addr));
	for (unsigned n = 1 + (unsigned)pool4_model_below(model, 3); n > 0; n--) {
		uint32_t first = (uint32_t)pool4_model_below(model, N_ADDRS);
		uint32_t last = MIN(first + (uint32_t)n - 1, N_ADDRS - 1);

		ret[n_ranges++] = (struct addr4_range){FIRST_ADDR + first, FIRST_ADDR + last};
		for (uint32_t i = first; i <= last; i++)
			entry->addr[i] = true;
	}
	return n_ranges;
}

void pool4_admin_add(struct pool4_model *model)
{
	struct model_entry *place = pool4_model_entry_by_id(model, 0);
	struct addr4_range ranges[N_ADDRS];
	struct pool4_spec spec = {.addresses = ranges};
	struct model_entry entry = {.state = POOL4_PENDING};
	enum pool4_result result;
	uint32_t id = 0;

	if (!place)
		return;
	spec.n_addresses = random_addresses(model, &entry, ranges);
	random_ports(model, &entry, &spec.ports);
	entry.protocol[pool4_model_below(model, N_PROTOCOLS)] = true;
	for (unsigned i = 0; i < N_PROTOCOLS; i++) {
		entry.protocol[i] |= g_rand_boolean(model->rand);
		spec.protocol[i] = entry.protocol[i];
	}
	entry.n_clients = (unsigned)pool4_model_below(model, 3);
	spec.n_clients = entry.n_clients;
	for (unsigned i = 0; i < entry.n_clients; i++) {
		entry.clients[i] =
			(unsigned)pool4_model_below(model, G_N_ELEMENTS(pool4_model_prefixes));
		g_assert_true(
			prefix6_parse(pool4_model_prefixes[entry.clients[i]], &spec.clients[i]));
	}
	entry.overflow = spec.overflow = g_rand_boolean(model->rand);
	entry.pool6 = spec.pool6 = pool4_model_below(model, 3) - 1;

	result = pool4_add(model->pool, &spec, &id);
	if (pool4_model_overlaps_another(model, &entry)) {
		g_assert_cmpint(result, ==, POOL4_OVERLAP);
		g_assert_true(pool4_model_overlaps(pool4_model_entry_by_id(model, id), &entry));
		model->n_overlap++;
		return;
	}
	g_assert_cmpint(result, ==, POOL4_OK);
	model->n_added++;
	*place = entry;
	place->id = id;
}

static uint32_t count_used(const struct model_entry *entry)
{
	uint32_t n_used = 0;

	for (unsigned i = 0; i < N_PROTOCOLS; i++)
		n_used += entry->n_used[i];
	return n_used;
}

/* It has no port in use any more. Its holds are nobody's. */
static void remove_entry(struct pool4_model *model, struct model_entry *entry)
{
	g_assert_cmpint(pool4_remove(model->pool, entry->id), ==, POOL4_OK);
	for (unsigned i = 0; i < N_PROTOCOLS * N_ADDRS * N_PORTS; i++) {
		struct model_hold *hold = &model->hold[0][0][0] + i;

		if (hold->owner == entry->id)
			hold->owner = 0;
	}
	entry->id = 0;
}

void pool4_admin_remove(struct pool4_model *model)
{
	struct model_entry *entry = random_entry(model);

	if (entry->id == 0)
		return;
	if (count_used(entry) == 0)
		remove_entry(model, entry);
	else
		g_assert_cmpint(pool4_remove(model->pool, entry->id), ==, POOL4_IN_USE);
}

void pool4_admin_force_remove(struct pool4_model *model)
{
	struct model_entry *entry = random_entry(model);
	uint32_t n_used = count_used(entry);

	if (entry->id == 0 || n_used == 0)
		return;
	pool4_set_state(model->pool, entry->id, POOL4_DRAINING);
	for (unsigned i = 0; i < N_PROTOCOLS * N_ADDRS * N_PORTS; i++) {
		enum protocol protocol = i / (N_ADDRS * N_PORTS);
		unsigned addr = i / N_PORTS % N_ADDRS, port = i % N_PORTS;

		if (model->used[protocol][addr][port] &&
		    model->owner[protocol][addr][port] == entry->id)
			pool4_model_give_back(model, protocol, addr, port);
	}
	g_assert_cmpuint(count_used(entry), ==, 0);
	remove_entry(model, entry);
	model->n_forced++;
	model->n_cut += n_used;
}

void pool4_admin_set_state(struct pool4_model *model)
{
	struct model_entry *entry = random_entry(model);

	if (entry->id == 0)
		return;
	entry->state = pool4_model_below(model, 3) ? POOL4_ACTIVE
						   : (enum pool4_state)pool4_model_below(model, 4);
	pool4_set_state(model->pool, entry->id, entry->state);
}

void pool4_admin_set_ports(struct pool4_model *model)
{
	struct model_entry *entry = random_entry(model);
	struct model_entry changed = *entry;
	struct port_ranges ports;
	bool overlap;

	if (entry->id == 0)
		return;
	random_ports(model, &changed, &ports);
	overlap = pool4_model_overlaps_another(model, &changed);
	g_assert_cmpint(pool4_set_ports(model->pool, entry->id, &ports), ==,
			overlap ? POOL4_OVERLAP : POOL4_OK);
	if (!overlap)
		*entry = changed;
}

void pool4_admin_set_addresses(struct pool4_model *model)
{
	struct model_entry *entry = random_entry(model);
	struct model_entry changed = *entry;
	struct addr4_range ranges[N_ADDRS];
	uint32_t n_ranges;
	bool overlap;

	if (entry->id == 0)
		return;
	n_ranges = random_addresses(model, &changed, ranges);
	overlap = pool4_model_overlaps_another(model, &changed);
	g_assert_cmpint(pool4_set_addresses(model->pool, entry->id, ranges, n_ranges), ==,
			overlap ? POOL4_OVERLAP : POOL4_OK);
	if (!overlap)
		*entry = changed;
}
