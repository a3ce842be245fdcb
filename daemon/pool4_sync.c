/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation
 *
 * The list of entries as they should be (pool4_wanted.c) is made afresh each time. It is compared
 * with that of the last time by name, and only differences reach the core. Ports that changed reach
 * the rules first and the core after them: a port must not be chosen before its rule is in.
 *
 * The core's entries are copied under the lock and handed to the rules without it, since the rules
 * call the kernel.
 */
#include "daemon/pool4_sync.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <syslog.h>

#include "daemon/core/nat64.h"
#include "daemon/pool4_wanted.h"

struct unsaid {
	int level;
	char text[256];
};

struct pool4_sync {
	struct pool4_sync_config config;
	struct pool4_auto *autos;
	struct pool4_wanted_list *wanted; /* of the last time; NULL = never yet */
	GArray *statics;                  /* of struct config_static: those that the core has */
	GHashTable *refused;              /* names of those that it refused, as reported */
	const struct config *followed;    /* of the last time; only compared */
	bool no_address_reported;
	GPtrArray *unsaid; /* of struct unsaid: reports made under the lock */
};

/* Not said at once: saying is a system call, and the lock is held. */
static void say_later(struct pool4_sync *sync, int level, const char *format, ...)
	G_GNUC_PRINTF(3, 4);

static void say_later(struct pool4_sync *sync, int level, const char *format, ...)
{
	struct unsaid *unsaid = g_new0(struct unsaid, 1);
	va_list args;

	unsaid->level = level;
	va_start(args, format);
	(void)g_vsnprintf(unsaid->text, sizeof(unsaid->text), format, args);
	va_end(args);
	g_ptr_array_add(sync->unsaid, unsaid);
}

static void say_all(struct pool4_sync *sync)
{
	for (guint i = 0; i < sync->unsaid->len; i++) {
		const struct unsaid *unsaid = g_ptr_array_index(sync->unsaid, i);

		sync->config.report(unsaid->level, unsaid->text);
	}
	g_ptr_array_set_size(sync->unsaid, 0);
}

int pool4_sync_new(const struct pool4_sync_config *config, struct pool4_sync **ret)
{
	struct pool4_sync *sync = g_new0(struct pool4_sync, 1);
	int r;

	sync->config = *config;
	sync->statics = g_array_new(FALSE, FALSE, sizeof(struct config_static));
	sync->refused = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	sync->unsaid = g_ptr_array_new_with_free_func(g_free);
	r = pool4_auto_new(&sync->autos);
	if (r < 0) {
		pool4_sync_free(sync);
		return r;
	}
	*ret = sync;
	return 0;
}

void pool4_sync_free(struct pool4_sync *sync)
{
	if (!sync)
		return;
	pool4_auto_free(sync->autos);
	pool4_wanted_free(sync->wanted);
	g_array_unref(sync->statics);
	g_hash_table_unref(sync->refused);
	g_ptr_array_unref(sync->unsaid);
	g_free(sync);
}

/* All but the ports, which can change in place. */
static bool same_but_ports(const struct pool4_spec *a, const struct pool4_spec *b)
{
	return a->n_addresses == b->n_addresses &&
	       memcmp(a->addresses, b->addresses, a->n_addresses * sizeof(*a->addresses)) == 0 &&
	       memcmp(a->protocol, b->protocol, sizeof(a->protocol)) == 0 &&
	       a->n_clients == b->n_clients &&
	       memcmp(a->clients, b->clients, a->n_clients * sizeof(*a->clients)) == 0 &&
	       a->overflow == b->overflow && a->pool6 == b->pool6 && a->source == b->source;
}

/* Static bindings that ended with their entry are to be made again. Lock held. */
static void forget_ended_statics(struct pool4_sync *sync)
{
	const struct nat64 *nat = sync->config.gateway->nat;

	for (guint i = sync->statics->len; i-- > 0;) {
		const struct config_static *binding =
			&g_array_index(sync->statics, struct config_static, i);
		bool ended = false;

		for (enum protocol protocol = 0; protocol < N_PROTOCOLS; protocol++)
			ended |= binding->protocol[protocol] &&
				 bib_find4(&nat->bib[protocol], &binding->outside) == SLAB_NONE;
		if (ended)
			g_array_remove_index_fast(sync->statics, i);
	}
}

/* Lock held. */
static void replace(struct pool4_sync *sync, const struct pool4_entry *entry)
{
	struct nat64 *nat = sync->config.gateway->nat;
	uint32_t id = entry->id;
	uint32_t n_ended;
	char name[POOL4_NAME_SIZE];

	g_strlcpy(name, entry->spec.name, sizeof(name));
	n_ended = nat64_remove_bindings_of(nat, id, gateway_now_ms());
	(void)pool4_remove(nat->pool4, id);
	forget_ended_statics(sync);
	say_later(sync, LOG_NOTICE, "pool4 entry %s has changed: %u bindings ended", name, n_ended);
}

/* Takes no new bindings and goes with the last one: tried again each time. Lock held. */
static void drain(struct pool4_sync *sync, const struct pool4_entry *entry)
{
	struct pool4 *pool = sync->config.gateway->nat->pool4;
	bool is_new = entry->state != POOL4_DRAINING;
	uint32_t id = entry->id;
	char name[POOL4_NAME_SIZE];
	bool gone;

	g_strlcpy(name, entry->spec.name, sizeof(name));
	pool4_set_state(pool, id, POOL4_DRAINING);
	gone = pool4_remove(pool, id) == POOL4_OK;
	if (gone || is_new)
		say_later(sync, LOG_NOTICE, "pool4 entry %s is %s", name,
			  gone ? "removed" : "drained: it goes with its last binding");
}

/* Entries of the file or of ours that are not wanted any more, or not like this. Lock held. */
static void retire(struct pool4_sync *sync, const struct pool4_wanted_list *fresh)
{
	struct pool4 *pool = sync->config.gateway->nat->pool4;
	const struct pool4_entry *entry;

	for (uint32_t id = 0; (entry = pool4_next(pool, id)) != NULL;) {
		const struct pool4_wanted *was = pool4_wanted_find(sync->wanted, entry->spec.name);
		const struct pool4_wanted *now = pool4_wanted_find(fresh, entry->spec.name);

		id = entry->id;
		if (entry->spec.source == POOL4_FROM_RUNTIME)
			continue;
		if (!now)
			drain(sync, entry);
		else if (!same_but_ports(was ? &was->spec : &entry->spec, &now->spec))
			replace(sync, entry);
	}
}

/* Lock held. False if it could not be added. */
static bool add(struct pool4_sync *sync, struct pool4_wanted *wanted)
{
	struct pool4 *pool = sync->config.gateway->nat->pool4;
	const struct pool4_entry *entry = pool4_entry_by_name(pool, wanted->spec.name);
	const struct pool4_wanted *was = pool4_wanted_find(sync->wanted, wanted->spec.name);
	const struct pool4_entry *other;
	enum pool4_result result;
	uint32_t id;

	if (entry) {
		if (entry->state == POOL4_DRAINING)
			pool4_set_state(pool, entry->id, POOL4_PENDING);
		return true;
	}
	result = pool4_add(pool, &wanted->spec, &id);
	if (result == POOL4_OK)
		return true;
	wanted->tried = true;
	if (was && was->tried)
		return false;
	other = result == POOL4_OVERLAP ? pool4_entry(pool, id) : NULL;
	say_later(sync, LOG_ERR, "pool4 entry %s can not be used: %s%s%s", wanted->spec.name,
		  pool4_result_text(result), other ? ": " : "", other ? other->spec.name : "");
	return false;
}

static const char *static_text(enum nat64_static_result result)
{
	switch (result) {
	case NAT64_STATIC_OK:
	case NAT64_STATIC_IDENTICAL:
		break;
	case NAT64_STATIC_ILLEGAL:
		return "its inside address is not that of one host (multicast, link-local, "
		       "loopback or ::)";
	case NAT64_STATIC_IN_POOL6:
		return "its inside address lies in Pool6";
	case NAT64_STATIC_NOT_OUR_ADDRESS:
		return "its outside address is neither in pool4 nor the host's own";
	case NAT64_STATIC_LISTENER:
		return "a local program listens on its outside address and port";
	case NAT64_STATIC_TAKEN:
		return "its inside or outside is bound otherwise";
	case NAT64_STATIC_FULL:
		return "there are as many bindings as Limits.Bindings allows";
	}
	return "";
}

/* For all of its protocols or none of them. Lock held. False if it could not be made. */
static bool add_static(struct pool4_sync *sync, const struct config_static *binding)
{
	struct nat64 *nat = sync->config.gateway->nat;
	bool is_new = !g_hash_table_contains(sync->refused, binding->name);
	bool made[N_PROTOCOLS] = {false};
	bool complete = true;

	for (enum protocol protocol = 0; protocol < N_PROTOCOLS; protocol++) {
		enum nat64_static_result result;

		if (!binding->protocol[protocol])
			continue;
		result = nat64_add_static(nat, protocol, &binding->inside, &binding->outside,
					  gateway_now_ms());
		made[protocol] = result == NAT64_STATIC_OK;
		if (result == NAT64_STATIC_OK || result == NAT64_STATIC_IDENTICAL)
			continue;
		complete = false;
		if (is_new)
			say_later(sync, LOG_ERR, "static binding %s (%s) can not be used: %s",
				  binding->name, protocol_name(protocol), static_text(result));
	}
	for (enum protocol protocol = 0; protocol < N_PROTOCOLS && !complete; protocol++)
		if (made[protocol])
			nat64_remove_binding(nat, protocol,
					     bib_find4(&nat->bib[protocol], &binding->outside),
					     gateway_now_ms());
	if (complete && !is_new)
		say_later(sync, LOG_NOTICE, "static binding %s can be used now", binding->name);
	if (complete)
		g_hash_table_remove(sync->refused, binding->name);
	else if (is_new)
		g_hash_table_add(sync->refused, g_strdup(binding->name));
	return complete;
}

static bool same_static(const struct config_static *a, const struct config_static *b)
{
	return taddr6_equal(&a->inside, &b->inside) && taddr4_equal(&a->outside, &b->outside) &&
	       memcmp(a->protocol, b->protocol, sizeof(a->protocol)) == 0;
}

/* Lock held. */
static void remove_static(struct pool4_sync *sync, const struct config_static *binding)
{
	struct nat64 *nat = sync->config.gateway->nat;

	for (enum protocol protocol = 0; protocol < N_PROTOCOLS; protocol++) {
		uint32_t index = bib_find4(&nat->bib[protocol], &binding->outside);

		if (binding->protocol[protocol] && index != SLAB_NONE)
			nat64_remove_binding(nat, protocol, index, gateway_now_ms());
	}
}

/* Those that the file does not have any more. Lock held. */
static void retire_statics(struct pool4_sync *sync, const struct config *config)
{
	for (guint i = sync->statics->len; i-- > 0;) {
		const struct config_static *old =
			&g_array_index(sync->statics, struct config_static, i);
		bool still = false;

		for (uint32_t j = 0; j < config->n_statics; j++)
			still |= same_static(old, &config->statics[j]);
		if (!still) {
			remove_static(sync, old);
			g_array_remove_index_fast(sync->statics, i);
		}
	}
}

/* One that was refused is tried again each time: its address may have come, its port may be free.
 * Lock held. Returns how many could not be made. */
static unsigned follow_statics(struct pool4_sync *sync, const struct config *config)
{
	unsigned n_failed = 0;

	if (config != sync->followed) {
		retire_statics(sync, config);
		g_hash_table_remove_all(sync->refused);
	}
	if (sync->statics->len == config->n_statics)
		return 0;
	for (uint32_t i = 0; i < config->n_statics; i++) {
		const struct config_static *binding = &config->statics[i];
		bool known = false;

		for (guint j = 0; j < sync->statics->len; j++)
			known |= same_static(&g_array_index(sync->statics, struct config_static, j),
					     binding);
		if (known)
			continue;
		if (add_static(sync, binding))
			g_array_append_val(sync->statics, *binding);
		else
			n_failed++;
	}
	return n_failed;
}

/* Once, until there is one again. */
static void report_no_address(struct pool4_sync *sync, bool missing)
{
	if (missing && !sync->no_address_reported)
		sync->config.report(LOG_WARNING,
				    "no pool4 address: no [Pool4] entry is configured and the host "
				    "has no IPv4 default route to take an address from; nothing is "
				    "translated until there is one");
	if (!missing && sync->no_address_reported)
		sync->config.report(LOG_NOTICE, "there is a pool4 address now");
	sync->no_address_reported = missing;
}

unsigned pool4_sync_follow(struct pool4_sync *sync, const struct config *config)
{
	struct pool4_wanted_list *fresh = pool4_wanted_new(sync->autos, config);
	unsigned n_failed = 0;

	report_no_address(sync, config->n_pool4 == 0 && fresh->entries->len == 0);
	gateway_lock(sync->config.gateway);
	retire(sync, fresh);
	for (guint i = 0; i < fresh->entries->len; i++)
		n_failed += !add(sync, g_ptr_array_index(fresh->entries, i));
	n_failed += follow_statics(sync, config);
	sync->followed = config;
	gateway_unlock(sync->config.gateway);
	say_all(sync);

	pool4_wanted_free(sync->wanted);
	sync->wanted = fresh;
	return n_failed;
}

/* What the rules are to have, copied. */
struct rule_list {
	GArray *entries; /* of struct rules_entry */
	GArray *pending; /* of ids */
};

static void clear_entry(void *data)
{
	struct rules_entry *entry = data;

	g_free((void *)entry->addresses);
	g_free((void *)entry->ports);
}

static void append(struct rule_list *list, const struct addr4_range *addresses,
		   uint32_t n_addresses, const struct port_ranges *ports,
		   const bool protocol[N_PROTOCOLS])
{
	struct rules_entry entry = {
		.addresses = g_memdup2(addresses, n_addresses * sizeof(*addresses)),
		.n_addresses = n_addresses,
		.ports = g_memdup2(ports, sizeof(*ports)),
	};

	memcpy(entry.protocol, protocol, sizeof(entry.protocol));
	g_array_append_val(list->entries, entry);
}

/* Lock held. */
static void collect(struct pool4_sync *sync, struct rule_list *list)
{
	struct pool4 *pool = sync->config.gateway->nat->pool4;
	const struct pool4_entry *entry;

	for (uint32_t id = 0; (entry = pool4_next(pool, id)) != NULL;) {
		const struct pool4_wanted *wanted =
			pool4_wanted_find(sync->wanted, entry->spec.name);

		id = entry->id;
		if (entry->state == POOL4_DISABLED)
			continue;
		append(list, entry->spec.addresses, entry->spec.n_addresses,
		       wanted ? &wanted->spec.ports : &entry->spec.ports, entry->spec.protocol);
		if (entry->state == POOL4_PENDING)
			g_array_append_val(list->pending, id);
	}
	for (guint i = 0; i < sync->statics->len; i++) {
		const struct config_static *binding =
			&g_array_index(sync->statics, struct config_static, i);
		const struct addr4_range address = {binding->outside.addr, binding->outside.addr};
		const struct port_ranges port = {
			.range = {{binding->outside.port, binding->outside.port}},
			.n_ranges = 1,
		};

		append(list, &address, 1, &port, binding->protocol);
	}
}

static bool same_ports(const struct port_ranges *a, const struct port_ranges *b)
{
	return a->n_ranges == b->n_ranges &&
	       memcmp(a->range, b->range, a->n_ranges * sizeof(a->range[0])) == 0;
}

/* The rules are in. Lock held. */
static void use(struct pool4_sync *sync, const struct rule_list *list)
{
	struct pool4 *pool = sync->config.gateway->nat->pool4;

	for (guint i = 0; sync->wanted && i < sync->wanted->entries->len; i++) {
		const struct pool4_wanted *wanted = g_ptr_array_index(sync->wanted->entries, i);
		const struct pool4_entry *entry = pool4_entry_by_name(pool, wanted->spec.name);

		if (entry && !same_ports(&entry->spec.ports, &wanted->spec.ports))
			(void)pool4_set_ports(pool, entry->id, &wanted->spec.ports);
	}
	for (guint i = 0; i < list->pending->len; i++) {
		const struct pool4_entry *entry =
			pool4_entry(pool, g_array_index(list->pending, uint32_t, i));

		if (entry && entry->state == POOL4_PENDING)
			pool4_set_state(pool, entry->id, POOL4_ACTIVE);
	}
}

int pool4_sync_rules(struct pool4_sync *sync, struct rules *rules, bool anew, char **ret_error)
{
	struct gateway *gateway = sync->config.gateway;
	struct rule_list list = {
		.entries = g_array_new(FALSE, FALSE, sizeof(struct rules_entry)),
		.pending = g_array_new(FALSE, FALSE, sizeof(uint32_t)),
	};
	const struct rules_entry *entries;
	int r = 0;

	g_array_set_clear_func(list.entries, clear_entry);
	gateway_lock(gateway);
	collect(sync, &list);
	gateway_unlock(gateway);
	entries = (const struct rules_entry *)(void *)list.entries->data;
	if (rules && anew)
		r = rules_apply(rules, entries, list.entries->len, ret_error);
	else if (rules)
		r = rules_update(rules, entries, list.entries->len, ret_error);
	if (r == 0) {
		gateway_lock(gateway);
		use(sync, &list);
		gateway_unlock(gateway);
	}
	g_array_unref(list.entries);
	g_array_unref(list.pending);
	return r;
}
