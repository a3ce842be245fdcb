/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See pool4_wanted.h. */
#include "daemon/pool4_wanted.h"

#include "daemon/gateway.h"

#define INTERFACE_ADDRESSES_MAX 64

static void wanted_free(void *data)
{
	struct pool4_wanted *wanted = data;

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

/* The addresses are complete: takes the entry over into the list. */
static void settle(struct pool4_auto *autos, struct pool4_wanted_list *list,
		   struct pool4_wanted *wanted, bool ports_auto)
{
	struct addr4_range *range = (struct addr4_range *)(void *)wanted->addresses->data;
	struct pool4_spec *spec = &wanted->spec;

	spec->addresses = range;
	spec->n_addresses = addr4_ranges_merge(range, wanted->addresses->len);
	if (ports_auto && pool4_auto_is_own(autos, spec->addresses, spec->n_addresses))
		pool4_auto_ports(autos, gateway_now_ms(), &spec->ports);
	else if (ports_auto)
		spec->ports = (struct port_ranges){.range = {{1024, 65535}}, .n_ranges = 1};
	g_ptr_array_add(list->entries, wanted);
	g_hash_table_insert(list->by_name, spec->name, wanted);
}

static void want_configured(struct pool4_auto *autos, struct pool4_wanted_list *list,
			    const struct config_pool4 *entry)
{
	struct addr4_range found[INTERFACE_ADDRESSES_MAX];
	struct pool4_wanted *wanted = want(&entry->spec);

	for (char **name = entry->interfaces; name && *name; name++) {
		uint32_t n = pool4_auto_interface(autos, *name, found, INTERFACE_ADDRESSES_MAX);

		g_array_append_vals(wanted->addresses, found, n);
	}
	settle(autos, list, wanted, entry->ports_auto);
}

static void want_auto(struct pool4_auto *autos, struct pool4_wanted_list *list)
{
	struct pool4_spec spec = {
		.name = POOL4_WANTED_AUTO,
		.protocol = {true, true, true},
		.pool6 = POOL4_ANY_PREFIX,
		.source = POOL4_FROM_AUTO,
	};
	struct addr4_range range;

	if (!pool4_auto_address(autos, &range.first))
		return;
	range.last = range.first;
	spec.addresses = &range;
	spec.n_addresses = 1;
	settle(autos, list, want(&spec), true);
}

struct pool4_wanted_list *pool4_wanted_new(struct pool4_auto *autos, const struct config *config)
{
	struct pool4_wanted_list *list = g_new(struct pool4_wanted_list, 1);

	*list = (struct pool4_wanted_list){
		.entries = g_ptr_array_new_with_free_func(wanted_free),
		.by_name = g_hash_table_new(g_str_hash, g_str_equal),
	};
	/* Better addresses of ten seconds ago than none, which would drain their entries. */
	(void)pool4_auto_read(autos);
	for (uint32_t i = 0; i < config->n_pool4; i++)
		want_configured(autos, list, &config->pool4[i]);
	if (config->n_pool4 == 0)
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
