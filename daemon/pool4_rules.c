/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The second half of pool4_sync.h: the kernel's rules are brought to what the core's entries and
 * static bindings are, and what waited for that is used. The entries are handed to the rules as
 * they stand in the core, without a copy and without the lock: see pool4_sync.c.
 */
#include <string.h>
#include <syslog.h>

#include "daemon/core/nat64.h"
#include "daemon/pool4_clash.h"
#include "daemon/pool4_move.h"
#include "daemon/pool4_sync_internal.h"

static struct pool4 *pool_of(const struct pool4_sync *sync)
{
	return sync->config.gateway->nat->pool4;
}

/* An entry of the rules that only points to what it is about. */
static void append(GArray *entries, const char *name, const struct addr4_range *addresses,
		   uint32_t n_addresses, const struct port_ranges *ports,
		   const bool protocol[N_PROTOCOLS])
{
	struct rules_entry entry = {
		.addresses = addresses,
		.n_addresses = n_addresses,
		.ports = ports,
		.name = name,
	};

	memcpy(entry.protocol, protocol, sizeof(entry.protocol));
	g_array_append_val(entries, entry);
}

/* What the entry is to be: addresses and ports, once the rules are in. */
static const struct pool4_spec *spec_of(const struct pool4_sync *sync,
					const struct pool4_entry *entry)
{
	const struct pool4_wanted *wanted =
		sync->differ ? pool4_wanted_find(sync->wanted, entry->spec.name) : NULL;

	return wanted && wanted->spec.n_addresses > 0 && !wanted->change_refused ? &wanted->spec
										 : &entry->spec;
}

static void append_entry(struct pool4_sync *sync, const struct pool4_entry *entry, GArray *entries,
			 GPtrArray *of_core)
{
	const struct pool4_spec *spec = spec_of(sync, entry);
	bool made_way = entry->id == sync->auto_id;

	append(entries, spec->name, spec->addresses, spec->n_addresses,
	       made_way ? &sync->auto_ports : &spec->ports, entry->spec.protocol);
	g_ptr_array_add(of_core, (void *)entry);
}

static void append_entries(struct pool4_sync *sync, GArray *entries, GPtrArray *of_core)
{
	for (uint32_t i = 0; i < pool4_n_entries(pool_of(sync)); i++) {
		const struct pool4_entry *entry = pool4_at(pool_of(sync), i);

		if (entry->state != POOL4_DISABLED)
			append_entry(sync, entry, entries, of_core);
	}
}

/* A static binding is an address and a port. */
struct one_place {
	struct addr4_range address;
	struct port_ranges port;
};

static struct one_place *append_statics(struct pool4_sync *sync, GArray *entries)
{
	uint32_t n = static_sync_count(sync->statics);
	struct one_place *places = g_new(struct one_place, n);

	for (uint32_t i = 0; i < n; i++) {
		const struct config_static *binding = static_sync_at(sync->statics, i);
		struct one_place *place = &places[i];
		uint16_t port = binding->outside.port;

		place->address = (struct addr4_range){binding->outside.addr, binding->outside.addr};
		place->port = (struct port_ranges){.range = {{port, port}}, .n_ranges = 1};
		append(entries, NULL, &place->address, 1, &place->port, binding->protocol);
	}
	return places;
}

/* The core's answer to the change of an entry; a refusal is said once, until it is none. */
static void note_answer(struct pool4_sync *sync, const struct pool4_entry *entry,
			struct pool4_wanted *wanted, enum pool4_result result, uint32_t other_id)
{
	const struct pool4_entry *other = pool4_entry(pool_of(sync), other_id);
	bool moves = pool4_move_is_needed(entry, &wanted->spec);
	bool same_ports = port_ranges_equal(&entry->spec.ports, &wanted->spec.ports);

	if (result != POOL4_OK && !wanted->change_refused)
		pool4_sync_say(sync, LOG_ERR,
			       "the new %s of pool4 entry %s can not be used: %s%s%s",
			       !moves       ? "ports"
			       : same_ports ? "addresses"
					    : "addresses and ports",
			       wanted->spec.name, pool4_result_text(result), other ? ": " : "",
			       other ? other->spec.name : "");
	wanted->change_refused = result != POOL4_OK;
}

/* The second half of a move, and the ports. */
static void change(struct pool4_sync *sync, const struct pool4_entry *entry,
		   struct pool4_wanted *wanted)
{
	struct gateway *gateway = sync->config.gateway;
	char text[POOL4_MOVE_TEXT_SIZE];
	enum pool4_result result;
	uint32_t other;

	gateway_lock(gateway);
	result = pool4_move_to(gateway->nat, entry->id, &wanted->spec, text, &other);
	gateway_unlock(gateway);
	if (text[0])
		pool4_sync_say(sync, LOG_NOTICE, "%s", text);
	note_answer(sync, entry, wanted, result, other);
	pool4_sync_tell(sync, entry->id);
}

/* Does nothing come to the entry, and only some of its ports go? */
static bool only_loses(const struct pool4_entry *entry, const struct pool4_spec *wanted)
{
	struct port_ranges common = wanted->ports;

	port_ranges_keep(&common, &entry->spec.ports);
	return !pool4_move_is_needed(entry, wanted) && port_ranges_equal(&common, &wanted->ports);
}

static void lose_ports(struct pool4_sync *sync, const struct pool4_entry *entry,
		       struct pool4_wanted *wanted)
{
	if (only_loses(entry, &wanted->spec))
		change(sync, entry, wanted);
}

/* What the core will not have must not reach the rules either. */
static void ask(struct pool4_sync *sync, const struct pool4_entry *entry,
		struct pool4_wanted *wanted)
{
	uint32_t other;
	enum pool4_result result =
		pool4_check_places(pool_of(sync), entry->id, &wanted->spec, &other);

	note_answer(sync, entry, wanted, result, other);
}

static void use_changed(struct pool4_sync *sync, const struct pool4_entry *entry,
			struct pool4_wanted *wanted)
{
	if (!wanted->change_refused)
		change(sync, entry, wanted);
}

static void for_each_changed(struct pool4_sync *sync,
			     void (*act)(struct pool4_sync *sync, const struct pool4_entry *entry,
					 struct pool4_wanted *wanted))
{
	for (guint i = 0; sync->differ && i < sync->wanted->entries->len; i++) {
		struct pool4_wanted *wanted = g_ptr_array_index(sync->wanted->entries, i);
		const struct pool4_entry *entry =
			pool4_entry_by_name(pool_of(sync), wanted->spec.name);

		if (entry && wanted->spec.n_addresses > 0 &&
		    pool4_move_differs(entry, &wanted->spec))
			act(sync, entry, wanted);
	}
}

static void use_pending(struct pool4_sync *sync)
{
	for (guint i = 0; i < sync->pending->len; i++) {
		uint32_t id = g_array_index(sync->pending, uint32_t, i);
		const struct pool4_entry *entry = pool4_entry(pool_of(sync), id);

		if (entry && entry->state == POOL4_PENDING)
			pool4_sync_set_state(sync, id, POOL4_ACTIVE);
	}
	g_array_set_size(sync->pending, 0);
	g_array_set_size(sync->added, 0);
	g_array_set_size(sync->static_steps, 0);
}

/* What the rules have found out about each entry: those of pool4 come first. */
static void learn(struct pool4_sync *sync, const GPtrArray *of_core, const struct rules *rules)
{
	for (guint i = 0; i < of_core->len; i++) {
		const struct pool4_entry *entry = g_ptr_array_index(of_core, i);

		if (entry->reach == rules_reach(rules, i))
			continue;
		gateway_lock(sync->config.gateway);
		pool4_set_reach(pool_of(sync), entry->id, rules_reach(rules, i));
		gateway_unlock(sync->config.gateway);
		pool4_sync_tell(sync, entry->id);
	}
}

void pool4_sync_find_clashes(const struct pool4_sync *sync, const struct pool4_wanted *wanted,
			     GPtrArray *ret)
{
	g_autofree struct pool4_auto_host *host = NULL;
	const struct pool4_spec *spec = &wanted->spec;
	uint32_t addr;

	if (wanted->ports_auto || spec->source == POOL4_FROM_AUTO || wanted->intent == POOL4_OFF ||
	    !pool4_auto_own(sync->autos, spec->addresses, spec->n_addresses, &addr))
		return;
	host = g_new(struct pool4_auto_host, 1);
	pool4_auto_read_host(sync->autos, addr, gateway_now_ms(), host);
	pool4_clash_check(*spec->name ? spec->name : "(new)", addr, &spec->ports, host, ret);
}

/* What is to be known of one entry: each sentence is reported once, until it is true no more. */
static void warn_of(struct pool4_sync *sync, const char *entry, uint32_t addr, const char *text,
		    GHashTable *warned)
{
	if (!g_hash_table_contains(sync->warned, text))
		sync->config.report(LOG_WARNING, text);
	g_hash_table_add(warned, g_strdup(text));
	rules_warnings_add(sync->warnings, entry, addr, g_strdup(text));
}

static void warn_of_clashes(struct pool4_sync *sync, const struct pool4_wanted *wanted,
			    GHashTable *warned)
{
	g_autoptr(GPtrArray) sentences = g_ptr_array_new_with_free_func(g_free);

	pool4_sync_find_clashes(sync, wanted, sentences);
	for (guint i = 0; i < sentences->len; i++)
		warn_of(sync, wanted->spec.name, 0, g_ptr_array_index(sentences, i), warned);
}

/* rules may be NULL. */
static void warn(struct pool4_sync *sync, const struct rules *rules)
{
	GHashTable *warned = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	const GPtrArray *of_rules = rules ? rules_warnings(rules) : NULL;

	g_ptr_array_set_size(sync->warnings, 0);
	for (guint i = 0; i < sync->wanted->entries->len; i++)
		warn_of_clashes(sync, g_ptr_array_index(sync->wanted->entries, i), warned);
	for (guint i = 0; of_rules && i < of_rules->len; i++) {
		const struct rules_warning *warning = g_ptr_array_index(of_rules, i);

		warn_of(sync, warning->entry, warning->addr, warning->text, warned);
	}
	g_hash_table_unref(sync->warned);
	sync->warned = warned;
}

static int put_all(struct pool4_sync *sync, struct rules *rules, bool anew, char **ret_error)
{
	g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(struct rules_entry));
	g_autoptr(GPtrArray) of_core = g_ptr_array_new();
	g_autofree struct one_place *places = NULL;
	const struct rules_entry *entries;
	int r = 0;

	if (pool4_sync_wants_auto(sync))
		(void)pool4_sync_follow(sync, sync->followed);
	/* Ports that one entry leaves are free for others then. */
	for_each_changed(sync, lose_ports);
	for_each_changed(sync, ask);
	append_entries(sync, list, of_core);
	places = append_statics(sync, list);
	entries = (const struct rules_entry *)(void *)list->data;
	if (rules && anew)
		r = rules_apply(rules, entries, list->len, ret_error);
	else if (rules)
		r = rules_update(rules, entries, list->len, ret_error);
	if (r < 0)
		return r;
	if (rules)
		learn(sync, of_core, rules);
	for_each_changed(sync, use_changed);
	sync->differ = false;
	use_pending(sync);
	warn(sync, rules);
	return 0;
}

/* False: all of them have to be looked at. */
static bool put_pending(struct pool4_sync *sync, struct rules *rules)
{
	g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(struct rules_entry));
	g_autoptr(GPtrArray) of_core = g_ptr_array_new();

	for (guint i = 0; i < sync->pending->len; i++) {
		uint32_t id = g_array_index(sync->pending, uint32_t, i);
		const struct pool4_entry *entry = pool4_entry(pool_of(sync), id);

		if (entry && entry->state == POOL4_PENDING)
			append_entry(sync, entry, list, of_core);
	}
	if (!rules_add(rules, (const struct rules_entry *)(void *)list->data, list->len))
		return false;
	learn(sync, of_core, rules);
	use_pending(sync);
	return true;
}

int pool4_sync_rules(struct pool4_sync *sync, struct rules *rules, enum pool4_sync_extent extent,
		     char **ret_error)
{
	if (extent == POOL4_SYNC_PENDING && rules && !sync->differ && put_pending(sync, rules))
		return 0;
	return put_all(sync, rules, extent == POOL4_SYNC_ANEW, ret_error);
}
