/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See pool4_runtime.h. */
#include "daemon/pool4_runtime.h"

#include <stdarg.h>
#include <string.h>

#include "daemon/static_key.h"

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
		.static_keys = static_keys_new(),
		.touched = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
		.touched_statics = g_array_new(FALSE, FALSE, sizeof(struct config_static)),
	};
	return runtime;
}

void pool4_runtime_free(struct pool4_runtime *runtime)
{
	if (!runtime)
		return;
	if (runtime->leaving)
		record_free(runtime->leaving);
	g_array_unref(runtime->touched_statics);
	g_hash_table_unref(runtime->touched);
	g_hash_table_unref(runtime->static_keys);
	g_array_unref(runtime->statics);
	g_hash_table_unref(runtime->off);
	g_hash_table_unref(runtime->by_name);
	g_ptr_array_unref(runtime->added);
	g_free(runtime);
}

static void touch(struct pool4_runtime *runtime, const char *name)
{
	g_hash_table_add(runtime->touched, g_strdup(name));
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
	touch(runtime, entry->spec.name);
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
	touch(runtime, name);
	g_hash_table_remove(runtime->by_name, name);
	(void)g_ptr_array_remove(runtime->added, record);
}

void pool4_runtime_set_added_intent(struct pool4_runtime *runtime, struct pool4_record *record,
				    enum pool4_intent intent)
{
	record->intent = intent;
	touch(runtime, record->entry.spec.name);
}

void pool4_runtime_set_leaving(struct pool4_runtime *runtime, const struct pool4_spec *spec)
{
	const struct config_pool4 entry = {.spec = *spec};

	pool4_runtime_forget_leaving(runtime);
	runtime->leaving = record_new(&entry);
	runtime->leaving->intent = POOL4_DRAIN;
	touch(runtime, spec->name);
}

void pool4_runtime_forget_leaving(struct pool4_runtime *runtime)
{
	if (!runtime->leaving)
		return;
	touch(runtime, runtime->leaving->entry.spec.name);
	record_free(runtime->leaving);
	runtime->leaving = NULL;
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
			      const struct prefix6 *prefix, enum pool4_intent intent)
{
	struct pool4_record *record;

	touch(runtime, entry->spec.name);
	g_hash_table_remove(runtime->off, entry->spec.name);
	if (intent == POOL4_USE)
		return;
	record = record_new(entry);
	record->prefix = *prefix;
	record->intent = intent;
	g_hash_table_insert(runtime->off, record->entry.spec.name, record);
}

const struct config_pool4 *pool4_runtime_section(const struct config *config, const char *name)
{
	for (uint32_t i = 0; i < config->n_pool4; i++) {
		if (strcmp(config->pool4[i].spec.name, name) == 0)
			return &config->pool4[i];
	}
	return NULL;
}

/* Both have exactly one protocol. */
static bool same_protocol(const struct config_static *a, const struct config_static *b)
{
	return memcmp(a->protocol, b->protocol, sizeof(a->protocol)) == 0;
}

static bool same_static(const struct config_static *a, const struct config_static *b)
{
	return same_protocol(a, b) && taddr6_equal(&a->inside, &b->inside) &&
	       taddr4_equal(&a->outside, &b->outside);
}

const struct static_record *pool4_runtime_find_static(const struct pool4_runtime *runtime,
						      const struct config_static *binding)
{
	if (!static_keys_contain(runtime->static_keys, binding))
		return NULL;
	for (guint i = 0; i < runtime->statics->len; i++) {
		const struct static_record *record =
			&g_array_index(runtime->statics, struct static_record, i);

		if (same_static(&record->binding, binding))
			return record;
	}
	return NULL;
}

static void forget_static(struct pool4_runtime *runtime, const struct config_static *binding)
{
	g_array_append_val(runtime->touched_statics, *binding);
	if (!static_keys_contain(runtime->static_keys, binding))
		return;
	static_keys_remove(runtime->static_keys, binding);
	for (guint i = runtime->statics->len; i-- > 0;) {
		const struct static_record *record =
			&g_array_index(runtime->statics, struct static_record, i);

		if (same_static(&record->binding, binding))
			g_array_remove_index(runtime->statics, i);
	}
}

static void note_static(struct pool4_runtime *runtime, const struct static_record *record)
{
	g_array_append_val(runtime->statics, *record);
	(void)static_keys_add(runtime->static_keys, &record->binding);
}

void pool4_runtime_add_static(struct pool4_runtime *runtime, const struct config_static *binding,
			      bool of_file)
{
	const struct static_record record = {.binding = *binding, .removed = false};

	forget_static(runtime, binding);
	if (!of_file)
		note_static(runtime, &record);
}

void pool4_runtime_remove_static(struct pool4_runtime *runtime, const struct config_static *binding,
				 bool of_file)
{
	const struct static_record record = {.binding = *binding, .removed = true};

	forget_static(runtime, binding);
	if (of_file)
		note_static(runtime, &record);
}

/* ---- the newest word wins -----------------------------------------------------------------------
 */

struct forgetting {
	struct pool4_runtime *runtime;
	const struct config *config;
	void (*report)(void *context, const char *text);
	void *context;
};

static void say(const struct forgetting *forgetting, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void say(const struct forgetting *forgetting, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	forgetting->report(forgetting->context, text);
}

/* Those that a section of the file names, too, are the file's from now on. */
static void forget_added(const struct forgetting *forgetting)
{
	struct pool4_runtime *runtime = forgetting->runtime;

	for (guint i = runtime->added->len; i-- > 0;) {
		const struct pool4_record *record = g_ptr_array_index(runtime->added, i);
		const struct config_pool4 *section =
			pool4_runtime_section(forgetting->config, record->entry.spec.name);

		if (!section)
			continue;
		if (!pool4_runtime_same(section, &record->entry))
			say(forgetting,
			    "pool4 entry %s: its section in the files is new and holds; what was "
			    "added at run time under this name is dropped",
			    record->entry.spec.name);
		pool4_runtime_remove(runtime, record->entry.spec.name);
	}
}

static void forget_off(const struct forgetting *forgetting)
{
	GHashTableIter iter;
	void *name, *value;

	g_hash_table_iter_init(&iter, forgetting->runtime->off);
	while (g_hash_table_iter_next(&iter, &name, &value)) {
		const struct pool4_record *record = value;
		const struct config_pool4 *section =
			pool4_runtime_section(forgetting->config, name);

		if (section && pool4_runtime_same(section, &record->entry))
			continue;
		if (section)
			say(forgetting,
			    "pool4 entry %s: its section in the files has changed and holds: it is "
			    "used again, though it was %s at run time",
			    record->entry.spec.name,
			    record->intent == POOL4_OFF ? "disabled" : "drained");
		touch(forgetting->runtime, name);
		g_hash_table_iter_remove(&iter);
	}
}

/* Do they stand in each other's way, or say the same? Both for this protocol. */
static bool meets(const struct config_static *a, const struct config_static *b)
{
	return taddr6_equal(&a->inside, &b->inside) || taddr4_equal(&a->outside, &b->outside);
}

static enum protocol protocol_of(const struct config_static *binding)
{
	enum protocol protocol = 0;

	while (protocol < N_PROTOCOLS - 1 && !binding->protocol[protocol])
		protocol++;
	return protocol;
}

/* The file's, as one of one protocol: was it removed at run time? */
static bool is_removed(const struct pool4_runtime *runtime, const struct config_static *section,
		       enum protocol protocol)
{
	const struct config_static one = static_key_only(section, protocol);
	const struct static_record *record = pool4_runtime_find_static(runtime, &one);

	return record && record->removed;
}

/* One of the file that a record is about: what was removed, or what holds instead of what was
 * added. */
static const struct config_static *static_of_file(const struct forgetting *forgetting,
						  const struct static_record *record)
{
	enum protocol protocol = protocol_of(&record->binding);

	for (uint32_t i = 0; i < forgetting->config->n_statics; i++) {
		const struct config_static *section = &forgetting->config->statics[i];
		bool same = taddr6_equal(&section->inside, &record->binding.inside) &&
			    taddr4_equal(&section->outside, &record->binding.outside);

		if (!section->protocol[protocol])
			continue;
		if (record->removed ? same
				    : meets(section, &record->binding) &&
					      !is_removed(forgetting->runtime, section, protocol))
			return section;
	}
	return NULL;
}

static void say_static(const struct forgetting *forgetting, const struct config_static *binding,
		       const struct config_static *section)
{
	char text[4][ADDR_TEXT_SIZE];

	say(forgetting,
	    "static binding %s %s to %s: the files say %s to %s now, which holds; what was added "
	    "at run time is dropped",
	    protocol_name(protocol_of(binding)), taddr6_print(&binding->inside, text[0]),
	    taddr4_print(&binding->outside, text[1]), taddr6_print(&section->inside, text[2]),
	    taddr4_print(&section->outside, text[3]));
}

/* Removed ones first: an added one may have taken the place of such. */
static void forget_statics(const struct forgetting *forgetting, bool removed)
{
	struct pool4_runtime *runtime = forgetting->runtime;

	for (guint i = runtime->statics->len; i-- > 0;) {
		const struct static_record *record =
			&g_array_index(runtime->statics, struct static_record, i);
		const struct config_static *section;

		if (record->removed != removed)
			continue;
		section = static_of_file(forgetting, record);
		if ((section != NULL) == removed)
			continue;
		if (section && !(taddr6_equal(&section->inside, &record->binding.inside) &&
				 taddr4_equal(&section->outside, &record->binding.outside)))
			say_static(forgetting, &record->binding, section);
		g_array_append_val(runtime->touched_statics, record->binding);
		static_keys_remove(runtime->static_keys, &record->binding);
		g_array_remove_index(runtime->statics, i);
	}
}

void pool4_runtime_forget(struct pool4_runtime *runtime, const struct config *config,
			  void (*report)(void *context, const char *text), void *context)
{
	const struct forgetting forgetting = {runtime, config, report, context};

	forget_added(&forgetting);
	forget_off(&forgetting);
	forget_statics(&forgetting, true);
	forget_statics(&forgetting, false);
}
