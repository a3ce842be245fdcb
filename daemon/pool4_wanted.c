/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See pool4_wanted.h. */
#include "daemon/pool4_wanted.h"

#include "daemon/gateway.h"

void pool4_wanted_entry_free(struct pool4_wanted *wanted)
{
	if (!wanted)
		return;
	g_array_unref(wanted->addresses);
	g_free(wanted);
}

static struct pool4_wanted *want(const struct pool4_spec *spec)
{
	struct pool4_wanted *wanted = g_new0(struct pool4_wanted, 1);

	wanted->spec = *spec;
	wanted->addresses = g_array_new(FALSE, FALSE, sizeof(struct addr4_range));
	g_array_append_vals(wanted->addresses, spec->addresses, spec->n_addresses);
	return wanted;
}

/* The addresses are complete. */
static void settle(struct pool4_auto *autos, struct pool4_wanted *wanted, bool ports_auto)
{
	struct addr4_range *range = (struct addr4_range *)(void *)wanted->addresses->data;
	struct pool4_spec *spec = &wanted->spec;

	spec->addresses = range;
	spec->n_addresses = addr4_ranges_merge(range, wanted->addresses->len);
	if (ports_auto && pool4_auto_is_own(autos, spec->addresses, spec->n_addresses))
		pool4_auto_ports(autos, gateway_now_ms(), &spec->ports);
	else if (ports_auto)
		spec->ports = (struct port_ranges){.range = {{1024, 65535}}, .n_ranges = 1};
}

struct pool4_wanted *pool4_wanted_entry(struct pool4_auto *autos, const struct config_pool4 *entry)
{
	struct pool4_wanted *wanted = want(&entry->spec);

	for (char **name = entry->interfaces; name && *name; name++)
		pool4_auto_interface(autos, *name, wanted->addresses);
	wanted->ports_auto = entry->ports_auto;
	settle(autos, wanted, entry->ports_auto);
	return wanted;
}

void pool4_wanted_add(struct pool4_wanted_list *list, struct pool4_wanted *wanted)
{
	g_ptr_array_add(list->entries, wanted);
	g_hash_table_insert(list->by_name, wanted->spec.name, wanted);
}

void pool4_wanted_remove(struct pool4_wanted_list *list, const char *name)
{
	struct pool4_wanted *wanted = pool4_wanted_find(list, name);

	if (!wanted)
		return;
	g_hash_table_remove(list->by_name, name);
	(void)g_ptr_array_remove(list->entries, wanted);
}

static void want_entry(struct pool4_auto *autos, struct pool4_wanted_list *list,
		       const struct config_pool4 *entry, enum pool4_intent intent)
{
	struct pool4_wanted *wanted = pool4_wanted_entry(autos, entry);

	wanted->intent = intent;
	pool4_wanted_add(list, wanted);
}

/* The index of the prefix in Pool6 as it is now; false if it is gone. */
static bool find_pool6(const struct config *config, const struct prefix6 *prefix, int *ret)
{
	*ret = POOL4_ANY_PREFIX;
	for (int i = 0; prefix->len != 0 && i < NAT64_POOL6_MAX; i++) {
		const struct prefix6 *pool6 = &config->nat64.pool6[i];

		if (pool6->len == prefix->len && addr6_equal(&pool6->addr, &prefix->addr))
			*ret = i;
	}
	return prefix->len == 0 || *ret != POOL4_ANY_PREFIX;
}

static void want_added(struct pool4_auto *autos, struct pool4_wanted_list *list,
		       const struct config *config, struct pool4_record *record)
{
	struct pool4_spec *spec = &record->entry.spec;

	if (find_pool6(config, &record->prefix, &spec->pool6) &&
	    !pool4_wanted_find(list, spec->name))
		want_entry(autos, list, &record->entry, record->intent);
}

static void want_auto(struct pool4_auto *autos, struct pool4_wanted_list *list)
{
	struct pool4_spec spec = {
		.name = POOL4_WANTED_AUTO,
		.protocol = {true, true, true},
		.pool6 = POOL4_ANY_PREFIX,
		.source = POOL4_FROM_AUTO,
	};
	struct pool4_wanted *wanted;
	struct addr4_range range;

	if (!pool4_auto_address(autos, &range.first))
		return;
	range.last = range.first;
	spec.addresses = &range;
	spec.n_addresses = 1;
	wanted = want(&spec);
	settle(autos, wanted, true);
	pool4_wanted_add(list, wanted);
}

struct pool4_wanted_list *pool4_wanted_new(struct pool4_auto *autos, const struct config *config,
					   const struct pool4_runtime *runtime)
{
	struct pool4_wanted_list *list = g_new(struct pool4_wanted_list, 1);

	*list = (struct pool4_wanted_list){
		.entries = g_ptr_array_new_with_free_func((GDestroyNotify)pool4_wanted_entry_free),
		.by_name = g_hash_table_new(g_str_hash, g_str_equal),
	};
	/* Better addresses of ten seconds ago than none, which would drain their entries. */
	(void)pool4_auto_read(autos);
	for (uint32_t i = 0; i < config->n_pool4; i++)
		want_entry(autos, list, &config->pool4[i],
			   pool4_runtime_intent(runtime, &config->pool4[i]));
	for (guint i = 0; i < runtime->added->len; i++)
		want_added(autos, list, config, g_ptr_array_index(runtime->added, i));
	if (config->n_pool4 == 0 && runtime->added->len == 0)
		want_auto(autos, list);
	return list;
}

void pool4_wanted_free(struct pool4_wanted_list *list)
{
	if (!list)
		return;
	g_hash_table_unref(list->by_name);
	g_ptr_array_unref(list->entries);
	g_free(list);
}

struct pool4_wanted *pool4_wanted_find(const struct pool4_wanted_list *list, const char *name)
{
	return list ? g_hash_table_lookup(list->by_name, name) : NULL;
}
