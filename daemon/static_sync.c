/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See static_sync.h. */
#include "daemon/static_sync.h"

#include <string.h>
#include <syslog.h>

#include "daemon/core/nat64.h"
#include "daemon/static_key.h"

struct static_sync {
	struct gateway *gateway;
	static_sync_report_fn report;
	GArray *statics;     /* of struct config_static: those that the core has */
	GHashTable *refused; /* names of those that it refused, as reported */
};

struct static_sync *static_sync_new(struct gateway *gateway, static_sync_report_fn report)
{
	struct static_sync *sync = g_new(struct static_sync, 1);

	*sync = (struct static_sync){
		.gateway = gateway,
		.report = report,
		.statics = g_array_new(FALSE, FALSE, sizeof(struct config_static)),
		.refused = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
	};
	return sync;
}

void static_sync_free(struct static_sync *sync)
{
	if (!sync)
		return;
	g_array_unref(sync->statics);
	g_hash_table_unref(sync->refused);
	g_free(sync);
}

uint32_t static_sync_count(const struct static_sync *sync)
{
	return sync->statics->len;
}

const struct config_static *static_sync_at(const struct static_sync *sync, uint32_t i)
{
	return &g_array_index(sync->statics, struct config_static, i);
}

/* Another one may have its outside. */
static bool is_there(const struct bib *bib, const struct config_static *binding)
{
	uint32_t index = bib_find4(bib, &binding->outside);
	const struct bib_entry *entry = index == SLAB_NONE ? NULL : bib_at(bib, index);

	return entry && entry->is_static && entry->port6 == binding->inside.port &&
	       addr6_equal(&entry->addr6, &binding->inside.addr);
}

void static_sync_forget_ended(struct static_sync *sync)
{
	const struct nat64 *nat = sync->gateway->nat;

	gateway_lock(sync->gateway);
	for (guint i = sync->statics->len; i-- > 0;) {
		const struct config_static *binding = static_sync_at(sync, i);
		bool ended = false;

		for (enum protocol protocol = 0; protocol < N_PROTOCOLS; protocol++)
			ended |= binding->protocol[protocol] &&
				 !is_there(&nat->bib[protocol], binding);
		if (ended)
			g_array_remove_index_fast(sync->statics, i);
	}
	gateway_unlock(sync->gateway);
}

const char *static_sync_text(enum nat64_static_result result)
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

/* For all of its protocols or none of them. Lock held. result: of each protocol. False if it could
 * not be made. */
static bool make(struct nat64 *nat, const struct config_static *binding,
		 enum nat64_static_result result[N_PROTOCOLS])
{
	bool made[N_PROTOCOLS] = {false};
	bool complete = true;

	for (enum protocol protocol = 0; protocol < N_PROTOCOLS; protocol++) {
		if (!binding->protocol[protocol])
			continue;
		result[protocol] = nat64_add_static(nat, protocol, &binding->inside,
						    &binding->outside, gateway_now_ms());
		made[protocol] = result[protocol] == NAT64_STATIC_OK;
		complete &= made[protocol] || result[protocol] == NAT64_STATIC_IDENTICAL;
	}
	for (enum protocol protocol = 0; protocol < N_PROTOCOLS && !complete; protocol++)
		if (made[protocol])
			nat64_remove_binding(nat, protocol,
					     bib_find4(&nat->bib[protocol], &binding->outside),
					     gateway_now_ms());
	return complete;
}

static void report_refused(struct static_sync *sync, const struct config_static *binding,
			   const enum nat64_static_result result[N_PROTOCOLS])
{
	for (enum protocol protocol = 0; protocol < N_PROTOCOLS; protocol++) {
		g_autofree char *text = NULL;

		if (result[protocol] == NAT64_STATIC_OK ||
		    result[protocol] == NAT64_STATIC_IDENTICAL)
			continue;
		text = g_strdup_printf("static binding %s (%s) can not be used: %s", binding->name,
				       protocol_name(protocol), static_sync_text(result[protocol]));
		sync->report(LOG_ERR, text);
	}
}

/* False if it could not be made. */
static bool add(struct static_sync *sync, const struct config_static *binding)
{
	enum nat64_static_result result[N_PROTOCOLS] = {NAT64_STATIC_OK};
	bool is_new = !g_hash_table_contains(sync->refused, binding->name);
	bool complete;

	gateway_lock(sync->gateway);
	complete = make(sync->gateway->nat, binding, result);
	gateway_unlock(sync->gateway);
	if (complete && !is_new) {
		g_autofree char *text =
			g_strdup_printf("static binding %s can be used now", binding->name);

		sync->report(LOG_NOTICE, text);
		g_hash_table_remove(sync->refused, binding->name);
	} else if (!complete && is_new) {
		report_refused(sync, binding, result);
		g_hash_table_add(sync->refused, g_strdup(binding->name));
	}
	return complete;
}

static void remove_static(struct static_sync *sync, const struct config_static *binding)
{
	struct nat64 *nat = sync->gateway->nat;

	gateway_lock(sync->gateway);
	for (enum protocol protocol = 0; protocol < N_PROTOCOLS; protocol++) {
		uint32_t index = bib_find4(&nat->bib[protocol], &binding->outside);

		if (binding->protocol[protocol] && index != SLAB_NONE)
			nat64_remove_binding(nat, protocol, index, gateway_now_ms());
	}
	gateway_unlock(sync->gateway);
}

static GHashTable *keys_of(const GArray *statics)
{
	GHashTable *keys = static_keys_new();

	for (guint i = 0; i < statics->len; i++)
		(void)static_keys_add(keys, &g_array_index(statics, struct config_static, i));
	return keys;
}

/* Those that are not wanted any more. */
static void retire(struct static_sync *sync, const GArray *wanted)
{
	g_autoptr(GHashTable) still = keys_of(wanted);

	for (guint i = sync->statics->len; i-- > 0;) {
		const struct config_static *old = static_sync_at(sync, i);

		if (static_keys_contain(still, old))
			continue;
		remove_static(sync, old);
		g_array_remove_index_fast(sync->statics, i);
	}
}

/* Each with one protocol. */
static GHashTable *removed_keys(const struct pool4_runtime *runtime)
{
	GHashTable *keys = static_keys_new();

	for (guint i = 0; i < runtime->statics->len; i++) {
		const struct static_record *record =
			&g_array_index(runtime->statics, struct static_record, i);

		if (record->removed)
			(void)static_keys_add(keys, &record->binding);
	}
	return keys;
}

/* Those of the file that were not removed, which come first, and those that were added. */
static GArray *list_wanted(const struct config *config, const struct pool4_runtime *runtime,
			   guint *ret_of_file)
{
	GArray *wanted = g_array_new(FALSE, FALSE, sizeof(struct config_static));
	g_autoptr(GHashTable) removed = removed_keys(runtime);

	for (uint32_t i = 0; i < config->n_statics; i++) {
		struct config_static binding = config->statics[i];
		bool any = false;

		for (enum protocol protocol = 0; protocol < N_PROTOCOLS; protocol++) {
			const struct config_static one = static_key_only(&binding, protocol);

			if (static_keys_contain(removed, &one))
				binding.protocol[protocol] = false;
			any |= binding.protocol[protocol];
		}
		if (any)
			g_array_append_val(wanted, binding);
	}
	*ret_of_file = wanted->len;
	for (guint i = 0; i < runtime->statics->len; i++) {
		const struct static_record *record =
			&g_array_index(runtime->statics, struct static_record, i);

		if (!record->removed)
			g_array_append_val(wanted, record->binding);
	}
	return wanted;
}

unsigned static_sync_follow(struct static_sync *sync, const struct config *config, bool is_new,
			    const struct pool4_runtime *runtime)
{
	guint n_of_file;
	g_autoptr(GArray) wanted = list_wanted(config, runtime, &n_of_file);
	g_autoptr(GHashTable) known = NULL;
	unsigned n_failed = 0;

	if (is_new) {
		retire(sync, wanted);
		g_hash_table_remove_all(sync->refused);
	}
	if (sync->statics->len == wanted->len)
		return 0;
	known = keys_of(sync->statics);
	for (guint i = 0; i < wanted->len; i++) {
		const struct config_static *binding =
			&g_array_index(wanted, struct config_static, i);

		if (!static_keys_add(known, binding))
			continue;
		if (add(sync, binding))
			g_array_append_val(sync->statics, *binding);
		else
			n_failed += i < n_of_file;
	}
	return n_failed;
}

/* Protocol and outside of a static binding as one number. */
static uint64_t key_of(enum protocol protocol, const struct taddr4 *outside)
{
	return (uint64_t)protocol << 48 | (uint64_t)outside->addr << 16 | outside->port;
}

static GHashTable *wanted_keys(const struct static_sync *sync)
{
	GHashTable *keys = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);

	for (guint i = 0; i < sync->statics->len; i++) {
		const struct config_static *binding = static_sync_at(sync, i);

		for (enum protocol protocol = 0; protocol < N_PROTOCOLS; protocol++) {
			uint64_t key = key_of(protocol, &binding->outside);

			if (binding->protocol[protocol])
				g_hash_table_add(keys, g_memdup2(&key, sizeof(key)));
		}
	}
	return keys;
}

void static_sync_end_restored(struct static_sync *sync)
{
	g_autoptr(GHashTable) keys = wanted_keys(sync);
	struct nat64 *nat = sync->gateway->nat;

	gateway_lock(sync->gateway);
	for (enum protocol protocol = 0; protocol < N_PROTOCOLS; protocol++) {
		const struct bib *bib = &nat->bib[protocol];

		for (uint32_t i = bib_next(bib, 0); i != SLAB_NONE; i = bib_next(bib, i + 1)) {
			const struct taddr4 outside = bib_entry_taddr4(bib_at(bib, i));
			uint64_t key = key_of(protocol, &outside);

			if (bib_at(bib, i)->is_static && !g_hash_table_contains(keys, &key))
				nat64_remove_binding(nat, protocol, i, gateway_now_ms());
		}
	}
	gateway_unlock(sync->gateway);
}

/* Neither the host's own nor in pool4, but for the entry with this id. */
static bool has_no_place(const struct nat64 *nat, uint32_t addr, uint32_t id)
{
	return !pool4_has_address_besides(nat->pool4, addr, id) &&
	       !nat->world.own4(nat->world.context, addr);
}

uint32_t static_sync_n_around(const struct static_sync *sync, const struct pool4_entry *entry)
{
	const struct nat64 *nat = sync->gateway->nat;
	uint32_t n = 0;

	gateway_lock(sync->gateway);
	for (guint i = 0; i < sync->statics->len; i++) {
		const struct config_static *binding = static_sync_at(sync, i);
		const uint32_t addr = binding->outside.addr;

		if (!pool4_entry_has_address(entry, addr) || !has_no_place(nat, addr, entry->id))
			continue;
		for (enum protocol protocol = 0; protocol < N_PROTOCOLS; protocol++)
			n += binding->protocol[protocol] &&
			     is_there(&nat->bib[protocol], binding) &&
			     bib_at(&nat->bib[protocol],
				    bib_find4(&nat->bib[protocol], &binding->outside))
					     ->pool4 != entry->id;
	}
	gateway_unlock(sync->gateway);
	return n;
}

uint32_t static_sync_end_lost(struct static_sync *sync)
{
	struct nat64 *nat = sync->gateway->nat;
	uint32_t n = 0;

	gateway_lock(sync->gateway);
	for (guint i = 0; i < sync->statics->len; i++) {
		const struct config_static *binding = static_sync_at(sync, i);

		if (!has_no_place(nat, binding->outside.addr, 0))
			continue;
		for (enum protocol protocol = 0; protocol < N_PROTOCOLS; protocol++) {
			if (!binding->protocol[protocol] || !is_there(&nat->bib[protocol], binding))
				continue;
			nat64_remove_binding(nat, protocol,
					     bib_find4(&nat->bib[protocol], &binding->outside),
					     gateway_now_ms());
			n++;
		}
	}
	gateway_unlock(sync->gateway);
	if (n > 0)
		static_sync_forget_ended(sync);
	return n;
}

void static_sync_made(struct static_sync *sync, const struct config_static *binding)
{
	g_array_append_val(sync->statics, *binding);
}

void static_sync_ended(struct static_sync *sync, enum protocol protocol,
		       const struct taddr4 *outside)
{
	for (guint i = sync->statics->len; i-- > 0;) {
		struct config_static *binding =
			&g_array_index(sync->statics, struct config_static, i);
		bool any = false;

		if (!taddr4_equal(&binding->outside, outside))
			continue;
		binding->protocol[protocol] = false;
		for (enum protocol other = 0; other < N_PROTOCOLS; other++)
			any |= binding->protocol[other];
		if (!any)
			g_array_remove_index_fast(sync->statics, i);
	}
}
