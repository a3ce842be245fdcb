/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation
 *
 * The list of entries as they should be (pool4_wanted.c) is made afresh each time. It is compared
 * with that of the last time by name, and only differences reach the core. Ports and addresses that
 * are new reach the rules first and the core after them: none must be chosen before its rule is in.
 * What is gone leaves the core first (pool4_move.h).
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
#include "daemon/pool4_move.h"
#include "daemon/pool4_wanted.h"
#include "daemon/static_sync.h"
#include "daemon/unsaid.h"

struct pool4_sync {
	struct pool4_sync_config config;
	struct pool4_auto *autos;
	struct pool4_wanted_list *wanted; /* of the last time; NULL = never yet */
	struct static_sync *statics;
	struct unsaid *unsaid; /* reports made under the lock */
	GHashTable *warned;    /* sentences of rules_warnings() that have been reported */
	bool no_address_reported;
};

int pool4_sync_new(const struct pool4_sync_config *config, struct pool4_sync **ret)
{
	struct pool4_sync *sync = g_new0(struct pool4_sync, 1);
	int r;

	sync->config = *config;
	sync->unsaid = unsaid_new(config->report);
	sync->warned = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	sync->statics = static_sync_new(config->gateway, sync->unsaid);
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
	static_sync_free(sync->statics);
	unsaid_free(sync->unsaid);
	g_hash_table_unref(sync->warned);
	g_free(sync);
}

/* All but addresses and ports, which can change in place. */
static bool same_use(const struct pool4_spec *a, const struct pool4_spec *b)
{
	return memcmp(a->protocol, b->protocol, sizeof(a->protocol)) == 0 &&
	       a->n_clients == b->n_clients &&
	       memcmp(a->clients, b->clients, a->n_clients * sizeof(*a->clients)) == 0 &&
	       a->overflow == b->overflow && a->pool6 == b->pool6 && a->source == b->source;
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
	static_sync_forget_ended(sync->statics);
	unsaid_add(sync->unsaid, LOG_NOTICE, "pool4 entry %s has changed: %u bindings ended", name,
		   n_ended);
}

/* Its addresses are not there any more. Lock held. */
static void lose(struct pool4_sync *sync, const struct pool4_entry *entry)
{
	struct nat64 *nat = sync->config.gateway->nat;
	const struct pool4_spec *spec = &entry->spec;
	uint32_t id = entry->id;
	char addresses[POOL4_MOVE_ADDRESSES_SIZE];

	unsaid_add(sync->unsaid, LOG_NOTICE,
		   "pool4 entry %s: %s is gone, and nothing is left: %u bindings "
		   "ended",
		   spec->name, pool4_move_print(spec->addresses, spec->n_addresses, addresses),
		   nat64_remove_bindings_of(nat, id, gateway_now_ms()));
	(void)pool4_remove(nat->pool4, id);
	static_sync_forget_ended(sync->statics);
}

/* The first half, before the rules: see pool4_move.h. Lock held. */
static void move(struct pool4_sync *sync, const struct pool4_entry *entry,
		 const struct pool4_spec *wanted)
{
	char text[POOL4_MOVE_TEXT_SIZE];

	if (!pool4_move_is_needed(entry, wanted))
		return;
	if (!pool4_move_from(sync->config.gateway->nat, entry->id, wanted, text)) {
		replace(sync, entry);
		return;
	}
	static_sync_forget_ended(sync->statics);
	if (text[0])
		unsaid_add(sync->unsaid, LOG_NOTICE, "%s", text);
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
		unsaid_add(sync->unsaid, LOG_NOTICE, "pool4 entry %s is %s", name,
			   gone ? "removed" : "drained: it goes with its last binding");
}

/* The address of auto may go together with the default route, by which it was chosen. */
static bool is_lost(const struct pool4_sync *sync, const struct pool4_entry *entry,
		    const struct pool4_wanted *now)
{
	if (now)
		return now->spec.n_addresses == 0;
	return entry->spec.source == POOL4_FROM_AUTO &&
	       !pool4_auto_is_own(sync->autos, entry->spec.addresses, entry->spec.n_addresses);
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
		if (is_lost(sync, entry, now))
			lose(sync, entry);
		else if (!now)
			drain(sync, entry);
		else if (!same_use(was ? &was->spec : &entry->spec, &now->spec))
			replace(sync, entry);
		else
			move(sync, entry, &now->spec);
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

	if (wanted->spec.n_addresses == 0)
		return true; /* comes with its interface */
	if (entry) {
		wanted->move_refused = was && was->move_refused;
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
	unsaid_add(sync->unsaid, LOG_ERR, "pool4 entry %s can not be used: %s%s%s",
		   wanted->spec.name, pool4_result_text(result), other ? ": " : "",
		   other ? other->spec.name : "");
	return false;
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
	n_failed += static_sync_follow(sync->statics, config);
	gateway_unlock(sync->config.gateway);
	unsaid_say_all(sync->unsaid);

	pool4_wanted_free(sync->wanted);
	sync->wanted = fresh;
	return n_failed;
}

/* What the rules are to have, copied. */
struct rule_list {
	GArray *entries; /* of struct rules_entry: those of pool4 first */
	GArray *ids;     /* of those */
	GArray *pending; /* ids, too */
};

static void clear_entry(void *data)
{
	struct rules_entry *entry = data;

	g_free((void *)entry->addresses);
	g_free((void *)entry->ports);
	g_free((void *)entry->name);
}

static void append(struct rule_list *list, const char *name, const struct addr4_range *addresses,
		   uint32_t n_addresses, const struct port_ranges *ports,
		   const bool protocol[N_PROTOCOLS])
{
	struct rules_entry entry = {
		.addresses = g_memdup2(addresses, n_addresses * sizeof(*addresses)),
		.n_addresses = n_addresses,
		.ports = g_memdup2(ports, sizeof(*ports)),
		.name = g_strdup(name),
	};

	memcpy(entry.protocol, protocol, sizeof(entry.protocol));
	g_array_append_val(list->entries, entry);
}

/* Lock held. */
static void collect(struct pool4_sync *sync, struct rule_list *list)
{
	struct pool4 *pool = sync->config.gateway->nat->pool4;
	const struct config_static *binding;
	const struct pool4_entry *entry;

	for (uint32_t id = 0; (entry = pool4_next(pool, id)) != NULL;) {
		const struct pool4_wanted *wanted =
			pool4_wanted_find(sync->wanted, entry->spec.name);
		const struct pool4_spec *spec;

		id = entry->id;
		if (entry->state == POOL4_DISABLED)
			continue;
		spec = wanted && wanted->spec.n_addresses > 0 ? &wanted->spec : &entry->spec;
		append(list, spec->name, spec->addresses, spec->n_addresses, &spec->ports,
		       entry->spec.protocol);
		g_array_append_val(list->ids, id);
		if (entry->state == POOL4_PENDING)
			g_array_append_val(list->pending, id);
	}
	for (uint32_t i = 0; (binding = static_sync_get(sync->statics, i)) != NULL; i++) {
		const struct addr4_range address = {binding->outside.addr, binding->outside.addr};
		const struct port_ranges port = {
			.range = {{binding->outside.port, binding->outside.port}},
			.n_ranges = 1,
		};

		append(list, NULL, &address, 1, &port, binding->protocol);
	}
}

static bool same_ports(const struct port_ranges *a, const struct port_ranges *b)
{
	return a->n_ranges == b->n_ranges &&
	       memcmp(a->range, b->range, a->n_ranges * sizeof(a->range[0])) == 0;
}

/* The rules are in: the second half of a move, and the ports. Lock held. */
static void change(struct pool4_sync *sync, const struct pool4_entry *entry,
		   struct pool4_wanted *wanted)
{
	struct nat64 *nat = sync->config.gateway->nat;
	char text[POOL4_MOVE_TEXT_SIZE];
	enum pool4_result result;

	if (wanted->spec.n_addresses > 0 && pool4_move_is_needed(entry, &wanted->spec)) {
		result = pool4_move_to(nat, entry->id, &wanted->spec, text);
		if (text[0])
			unsaid_add(sync->unsaid, LOG_NOTICE, "%s", text);
		if (result != POOL4_OK && !wanted->move_refused)
			unsaid_add(sync->unsaid, LOG_ERR,
				   "the new addresses of pool4 entry %s can not be used: %s",
				   wanted->spec.name, pool4_result_text(result));
		wanted->move_refused = result != POOL4_OK;
	}
	if (!same_ports(&entry->spec.ports, &wanted->spec.ports))
		(void)pool4_set_ports(nat->pool4, entry->id, &wanted->spec.ports);
}

/* The rules are in. Lock held. */
static void use(struct pool4_sync *sync, const struct rule_list *list)
{
	struct pool4 *pool = sync->config.gateway->nat->pool4;

	for (guint i = 0; sync->wanted && i < sync->wanted->entries->len; i++) {
		struct pool4_wanted *wanted = g_ptr_array_index(sync->wanted->entries, i);
		const struct pool4_entry *entry = pool4_entry_by_name(pool, wanted->spec.name);

		if (entry)
			change(sync, entry, wanted);
	}
	for (guint i = 0; i < list->pending->len; i++) {
		const struct pool4_entry *entry =
			pool4_entry(pool, g_array_index(list->pending, uint32_t, i));

		if (entry && entry->state == POOL4_PENDING)
			pool4_set_state(pool, entry->id, POOL4_ACTIVE);
	}
}

/* What the rules have found out about each entry. Lock held. */
static void learn(struct pool4_sync *sync, const struct rule_list *list, const struct rules *rules)
{
	struct pool4 *pool = sync->config.gateway->nat->pool4;

	for (guint i = 0; i < list->ids->len; i++)
		pool4_set_reach(pool, g_array_index(list->ids, uint32_t, i), rules_reach(rules, i));
}

/* Each once, until it is true no more. */
static void warn(struct pool4_sync *sync, const struct rules *rules)
{
	GHashTable *warned = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	const GPtrArray *warnings = rules_warnings(rules);

	for (guint i = 0; i < warnings->len; i++) {
		const char *sentence = g_ptr_array_index(warnings, i);

		if (!g_hash_table_contains(sync->warned, sentence))
			sync->config.report(LOG_WARNING, sentence);
		g_hash_table_add(warned, g_strdup(sentence));
	}
	g_hash_table_unref(sync->warned);
	sync->warned = warned;
}

int pool4_sync_rules(struct pool4_sync *sync, struct rules *rules, bool anew, char **ret_error)
{
	struct gateway *gateway = sync->config.gateway;
	struct rule_list list = {
		.entries = g_array_new(FALSE, FALSE, sizeof(struct rules_entry)),
		.ids = g_array_new(FALSE, FALSE, sizeof(uint32_t)),
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
		if (rules)
			learn(sync, &list, rules);
		gateway_unlock(gateway);
		unsaid_say_all(sync->unsaid);
		if (rules)
			warn(sync, rules);
	}
	g_array_unref(list.entries);
	g_array_unref(list.ids);
	g_array_unref(list.pending);
	return r;
}
