/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which ports of pool4 a client of the stage may have, naively: of an active entry, and in the
 * modes other than the dynamic one of nobody else's block (P-19) or of its own range (P-20).
 *
 * Who has which block is what the events say: so they alone are enough to tell who had a port
 * (L-11).
 */
#include "tests/fuzz/reached.h"
#include "tests/fuzz/stage.h"

static uint32_t mode_of(const struct stage *stage)
{
	return stage->nat->limits.pool4.mode;
}

static struct prefix6 client_of(const struct stage *stage, const struct addr6 *addr)
{
	const uint8_t len = stage->nat->limits.pool4.client_length;

	return (struct prefix6){addr6_mask(addr, len), len};
}

static bool is_same(const struct prefix6 *one, const struct prefix6 *two)
{
	return one->len == two->len && addr6_equal(&one->addr, &two->addr);
}

/* NULL if it is not there, or takes no new bindings. */
static const struct pool4_entry *active(const struct stage *stage, uint32_t id)
{
	const struct pool4_entry *entry = id ? pool4_entry(stage->nat->pool4, id) : NULL;

	return entry && entry->state == POOL4_ACTIVE ? entry : NULL;
}

/* Every entry here has one address and one range of ports. */
static uint32_t n_ports_of(const struct pool4_entry *entry)
{
	return entry ? entry->spec.ports.range[0].last - entry->spec.ports.range[0].first + 1u : 0;
}

/* P-20: with the longest matching prefix; each entry here has one. */
static const struct pool4_entry *entry_for(const struct stage *stage, const struct addr6 *addr)
{
	const struct pool4_entry *second = active(stage, stage->second);

	if (second && prefix6_contains(&second->spec.clients[0], addr))
		return second;
	return active(stage, stage->first);
}

/* RFC 7422, 2: as many ports for each client of the entry, in their order. */
static struct port_range range_for(const struct stage *stage, const struct pool4_entry *entry,
				   const struct addr6 *addr)
{
	const uint32_t n_clients =
		1u << (stage->nat->limits.pool4.client_length - entry->spec.clients[0].len);
	const uint32_t n = n_ports_of(entry) / n_clients;
	const uint32_t number = n_clients == 2 ? addr->byte[15] & 1 : 0;
	const uint32_t first = entry->spec.ports.range[0].first + number * n;

	return (struct port_range){(uint16_t)first, (uint16_t)(first + n - 1)};
}

uint64_t stage_reachable(const struct stage *stage, const struct addr6 *client)
{
	const struct pool4_entry *entry;
	struct port_range range;

	if (mode_of(stage) != POOL4_DETERMINISTIC)
		return n_ports_of(active(stage, stage->first)) +
		       n_ports_of(active(stage, stage->second));
	entry = entry_for(stage, client);
	if (!entry)
		return 0;
	range = range_for(stage, entry, client);
	return range.last - range.first + 1u;
}

static bool is_in_lease(const struct stage_lease *lease, const struct taddr4 *mapped)
{
	return lease->addr == mapped->addr && mapped->port >= lease->ports.first &&
	       mapped->port <= lease->ports.last;
}

static void hear_allocate(struct stage *stage, const struct event *event)
{
	const uint32_t size = stage->nat->limits.pool4.block_size;
	struct stage_leases *leases = &stage->leases;

	REQUIRE(event->mapped.port % size == 0);
	REQUIRE(event->last_port == event->mapped.port + size - 1);
	for (unsigned i = 0; i < leases->n; i++)
		REQUIRE(!is_in_lease(&leases->at[i], &event->mapped));
	REQUIRE(leases->n < STAGE_LEASES_MAX);
	leases->at[leases->n++] = (struct stage_lease){
		.client = {event->addr6, event->prefix_len},
		.addr = event->mapped.addr,
		.ports = {event->mapped.port, event->last_port},
	};
	reached(REACHED_BLOCK);
}

static void hear_release(struct stage *stage, const struct event *event)
{
	const struct prefix6 client = {event->addr6, event->prefix_len};
	struct stage_leases *leases = &stage->leases;
	unsigned i = 0;

	while (i < leases->n && !is_in_lease(&leases->at[i], &event->mapped))
		i++;
	REQUIRE(i < leases->n);
	REQUIRE(is_same(&leases->at[i].client, &client));
	REQUIRE(leases->at[i].ports.last == event->last_port);
	leases->at[i] = leases->at[--leases->n];
	reached(REACHED_BLOCK_RELEASE);
}

static void hear(struct stage *stage)
{
	struct event event;

	while (event_next(&stage->nat->events, &event)) {
		if (event.kind == EVENT_BLOCK_ALLOCATE)
			hear_allocate(stage, &event);
		else if (event.kind == EVENT_BLOCK_RELEASE)
			hear_release(stage, &event);
	}
	REQUIRE(stage->nat->events.n_dropped == 0);
	REQUIRE(mode_of(stage) == POOL4_BLOCKS || stage->leases.n == 0);
}

/* A block is with one client, which has a binding in it, and goes with the last port in use. */
static void check_blocks(const struct stage *stage, const struct naive_bindings *bindings)
{
	const uint32_t size = stage->nat->limits.pool4.block_size;

	for (unsigned i = 0; i < bindings->n; i++) {
		const struct naive_binding *one = &bindings->at[i];
		const struct prefix6 client = client_of(stage, &one->client.addr);
		unsigned n_leases = 0;

		for (unsigned j = 0; j < stage->leases.n; j++)
			n_leases += is_in_lease(&stage->leases.at[j], &one->mapped) &&
				    is_same(&stage->leases.at[j].client, &client);
		REQUIRE(one->is_static || n_leases == 1);
		for (unsigned j = 0; j < i; j++) {
			const struct naive_binding *other = &bindings->at[j];

			REQUIRE(one->is_static || other->is_static ||
				one->mapped.addr != other->mapped.addr ||
				one->mapped.port / size != other->mapped.port / size ||
				prefix6_contains(&client, &other->client.addr));
		}
	}
	for (unsigned i = 0; i < stage->leases.n; i++) {
		bool in_use = false;

		for (unsigned j = 0; j < bindings->n; j++)
			in_use |= is_in_lease(&stage->leases.at[i], &bindings->at[j].mapped);
		REQUIRE(in_use);
	}
}

/* RFC 7422, 2: the range, and both functions of it. */
static void check_range(const struct stage *stage, const struct naive_binding *binding)
{
	const struct pool4_entry *entry = entry_for(stage, &binding->client.addr);
	const struct prefix6 client = client_of(stage, &binding->client.addr);
	struct port_range range;
	struct prefix6 found;

	REQUIRE(entry && entry->id == binding->pool4);
	range = range_for(stage, entry, &binding->client.addr);
	REQUIRE(binding->mapped.port >= range.first && binding->mapped.port <= range.last);
	REQUIRE(pool4_client_of(stage->nat->pool4, binding->protocol, &binding->mapped, &found));
	REQUIRE(is_same(&found, &client));
	reached(REACHED_RANGE);
}

/* The bindings that are there now. What an entry was made to be may change behind a binding, so
 * only new ones are held against it. */
void stage_check_ports(struct stage *stage, const struct naive_bindings *bindings)
{
	hear(stage);
	if (mode_of(stage) == POOL4_BLOCKS)
		check_blocks(stage, bindings);
	for (unsigned i = 0; i < bindings->n; i++) {
		const struct naive_binding *binding = &bindings->at[i];
		const struct pool4_entry *entry = active(stage, binding->pool4);

		if (binding->is_static || naive_bindings_have(&stage->bindings_before, binding))
			continue;
		REQUIRE(entry && entry->spec.addresses[0].first == binding->mapped.addr);
		REQUIRE(port_ranges_contain(&entry->spec.ports, binding->mapped.port));
		if (mode_of(stage) == POOL4_DETERMINISTIC)
			check_range(stage, binding);
	}
}
