/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See pool4_runtime.h. */
#include "daemon/pool4_runtime.h"

#include <string.h>

static void record_free(void *data)
{
	struct pool4_record *record = data;

	g_free((void *)record->entry.spec.addresses);
	g_strfreev(record->entry.interfaces);
	g_free(record->entry.place.file);
	g_free(record);
}

struct pool4_runtime *pool4_runtime_new(void)
{
	struct pool4_runtime *runtime = g_new(struct pool4_runtime, 1);

	*runtime = (struct pool4_runtime){
		.added = g_ptr_array_new_with_free_func(record_free),
		.by_name = g_hash_table_new(g_str_hash, g_str_equal),
		.off = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, record_free),
		.statics = g_array_new(FALSE, FALSE, sizeof(struct static_record)),
	};
	return runtime;
}

void pool4_runtime_free(struct pool4_runtime *runtime)
{
	if (!runtime)
		return;
	g_array_unref(runtime->statics);
	g_hash_table_unref(runtime->off);
	g_hash_table_unref(runtime->by_name);
	g_ptr_array_unref(runtime->added);
	g_free(runtime);
}

static struct pool4_record *record_new(const struct config_pool4 *entry)
{
	struct pool4_record *record = g_new0(struct pool4_record, 1);
	const struct pool4_spec *spec = &entry->spec;

	record->entry = *entry;
	record->entry.spec.addresses =
		g_memdup2(spec->addresses, spec->n_addresses * sizeof(*spec->addresses));
	record->entry.interfaces = g_strdupv(entry->interfaces);
	record->entry.place.file = g_strdup(entry->place.file);
	return record;
}

struct pool4_record *pool4_runtime_add(struct pool4_runtime *runtime,
				       const struct config_pool4 *entry,
				       const struct prefix6 *prefix)
{
	struct pool4_record *record = record_new(entry);

	record->prefix = *prefix;
	g_ptr_array_add(runtime->added, record);
	g_hash_table_insert(runtime->by_name, record->entry.spec.name, record);
	return record;
}

struct pool4_record *pool4_runtime_find(const struct pool4_runtime *runtime, const char *name)
{
	return g_hash_table_lookup(runtime->by_name, name);
}

void pool4_runtime_remove(struct pool4_runtime *runtime, const char *name)
{
	struct pool4_record *record = pool4_runtime_find(runtime, name);

	if (!record)
		return;
	g_hash_table_remove(runtime->by_name, name);
	(void)g_ptr_array_remove(runtime->added, record);
}

static bool same_interfaces(char **a, char **b)
{
	static char *none[] = {NULL};

	return g_strv_equal((const char *const *)(a ? a : none),
			    (const char *const *)(b ? b : none));
}

bool pool4_runtime_same(const struct config_pool4 *a, const struct config_pool4 *b)
{
	const struct pool4_spec *x = &a->spec, *y = &b->spec;

	return x->n_addresses == y->n_addresses && a->ports_auto == b->ports_auto &&
	       (x->n_addresses == 0 ||
		memcmp(x->addresses, y->addresses, x->n_addresses * sizeof(*x->addresses)) == 0) &&
	       same_interfaces(a->interfaces, b->interfaces) &&
	       (a->ports_auto || port_ranges_equal(&x->ports, &y->ports)) &&
	       memcmp(x->protocol, y->protocol, sizeof(x->protocol)) == 0 &&
	       x->n_clients == y->n_clients &&
	       memcmp(x->clients, y->clients, x->n_clients * sizeof(*x->clients)) == 0 &&
	       x->overflow == y->overflow && x->pool6 == y->pool6;
}

enum pool4_intent pool4_runtime_intent(const struct pool4_runtime *runtime,
				       const struct config_pool4 *entry)
{
	const struct pool4_record *record = g_hash_table_lookup(runtime->off, entry->spec.name);

	return record && pool4_runtime_same(&record->entry, entry) ? record->intent : POOL4_USE;
}

void pool4_runtime_set_intent(struct pool4_runtime *runtime, const struct config_pool4 *entry,
			      enum pool4_intent intent)
{
	struct pool4_record *record;

	g_hash_table_remove(runtime->off, entry->spec.name);
	if (intent == POOL4_USE)
		return;
	record = record_new(entry);
	record->intent = intent;
	g_hash_table_insert(runtime->off, record->entry.spec.name, record);
}

static const struct config_pool4 *section_of(const struct config *config, const char *name)
{
	for (uint32_t i = 0; i < config->n_pool4; i++) {
		if (strcmp(config->pool4[i].spec.name, name) == 0)
			return &config->pool4[i];
	}
	return NULL;
}

/* Those that a section of the file names, too, are the file's from now on. */
static void forget_added(struct pool4_runtime *runtime, const struct config *config)
{
	for (guint i = runtime->added->len; i-- > 0;) {
		const struct pool4_record *record = g_ptr_array_index(runtime->added, i);

		if (section_of(config, record->entry.spec.name))
			pool4_runtime_remove(runtime, record->entry.spec.name);
	}
}

void pool4_runtime_forget(struct pool4_runtime *runtime, const struct config *config,
			  void (*report)(void *context, const char *name), void *context)
{
	GHashTableIter iter;
	void *name, *value;

	forget_added(runtime, config);
	g_hash_table_iter_init(&iter, runtime->off);
	while (g_hash_table_iter_next(&iter, &name, &value)) {
		const struct pool4_record *record = value;
		const struct config_pool4 *section = section_of(config, name);

		if (section && pool4_runtime_same(section, &record->entry))
			continue;
		if (section)
			report(context, name);
		g_hash_table_iter_remove(&iter);
	}
}

/* Both have exactly one protocol. */
static bool same_static(const struct config_static *a, const struct config_static *b)
{
	return memcmp(a->protocol, b->protocol, sizeof(a->protocol)) == 0 &&
	       taddr6_equal(&a->inside, &b->inside) && taddr4_equal(&a->outside, &b->outside);
}

static void forget_static(struct pool4_runtime *runtime, const struct config_static *binding)
{
	for (guint i = runtime->statics->len; i-- > 0;) {
		const struct static_record *record =
			&g_array_index(runtime->statics, struct static_record, i);

		if (same_static(&record->binding, binding))
			g_array_remove_index(runtime->statics, i);
	}
}

void pool4_runtime_add_static(struct pool4_runtime *runtime, const struct config_static *binding,
			      bool of_file)
{
	const struct static_record record = {.binding = *binding, .removed = false};

	forget_static(runtime, binding);
	if (!of_file)
		g_array_append_val(runtime->statics, record);
}

void pool4_runtime_remove_static(struct pool4_runtime *runtime, const struct config_static *binding,
				 bool of_file)
{
	const struct static_record record = {.binding = *binding, .removed = true};

	forget_static(runtime, binding);
	if (of_file)
		g_array_append_val(runtime->statics, record);
}
