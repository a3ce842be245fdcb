/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entries of pool4 and static bindings as rows: see kept.h. */
#include <string.h>
#include <syslog.h>

#include "daemon/config_check.h"
#include "daemon/config_value.h"
#include "daemon/core/pool4_text.h"
#include "daemon/kept.h"
#include "daemon/pool4_spec_text.h"

#define PORTS_TEXT_SIZE 1024 /* of PORT_RANGES_MAX ranges */
#define AUTO            "auto"

static const char *const states[] = {
	[POOL4_USE] = "active", [POOL4_DRAIN] = "draining", [POOL4_OFF] = "disabled"};

struct reporting {
	kept_report_fn report;
	void *context;
};

static void say(const struct reporting *reporting, int level, const char *format, ...)
	G_GNUC_PRINTF(3, 4);

static void say(const struct reporting *reporting, int level, const char *format, ...)
{
	g_autofree char *text = NULL, *line = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	/* What is repeated of a row may be anything. */
	line = g_strescape(text, NULL);
	reporting->report(reporting->context, level, line);
}

/* ---- entries -----------------------------------------------------------------------------------
 */

static char *addresses_text(const struct config_pool4 *entry)
{
	g_autofree char *addresses = pool4_spec_text_addresses(&entry->spec);
	GString *text = g_string_new(addresses);

	for (char **name = entry->interfaces; name && *name; name++)
		g_string_append_printf(text, "%sinterface:%s", text->len > 0 ? " " : "", *name);
	return g_string_free(text, FALSE);
}

static char *ports_text(const struct config_pool4 *entry)
{
	char text[PORTS_TEXT_SIZE];

	return g_strdup(entry->ports_auto
				? "auto"
				: port_ranges_print(&entry->spec.ports, text, sizeof(text)));
}

static char *prefix_text(const struct prefix6 *prefix)
{
	char text[ADDR_TEXT_SIZE];

	return g_strdup(prefix->len == 0 ? "" : prefix6_print(prefix, text));
}

/* What a section says, comments aside. */
static char *section_text(const struct config_pool4 *section, const struct prefix6 *prefix)
{
	g_autofree char *addresses = addresses_text(section), *ports = ports_text(section),
			*protocols = pool4_spec_text_protocols(&section->spec),
			*clients = pool4_spec_text_clients(&section->spec),
			*prefixes = prefix_text(prefix);

	return g_strdup_printf("Addresses=%s; Ports=%s; Protocols=%s; Clients=%s; Prefix=%s; "
			       "Overflow=%s",
			       addresses, ports, protocols, clients, prefixes,
			       section->spec.overflow ? "yes" : "no");
}

struct kept_row *kept_pool4_row(const struct pool4_record *record, bool of_file)
{
	const struct config_pool4 *entry = &record->entry;
	struct kept_row *row = kept_row_new(KEPT_POOL4, true);

	row->value[KEPT_POOL4_NAME] = g_strdup(entry->spec.name);
	row->value[KEPT_POOL4_ADDRESSES] = addresses_text(entry);
	row->value[KEPT_POOL4_PORTS] = ports_text(entry);
	row->value[KEPT_POOL4_PROTOCOLS] = pool4_spec_text_protocols(&entry->spec);
	row->value[KEPT_POOL4_CLIENTS] = pool4_spec_text_clients(&entry->spec);
	row->value[KEPT_POOL4_PREFIX] = prefix_text(&record->prefix);
	row->value[KEPT_POOL4_OVERFLOW] = g_strdup(entry->spec.overflow ? "1" : "0");
	row->value[KEPT_POOL4_COMMENT] = g_strdup(entry->spec.comment);
	row->value[KEPT_POOL4_STATE] = g_strdup(states[record->intent]);
	row->value[KEPT_POOL4_FILE_SAID] =
		of_file ? section_text(entry, &record->prefix) : g_strdup("");
	return row;
}

struct kept_row *kept_pool4_gone(const char *name)
{
	struct kept_row *row = kept_row_new(KEPT_POOL4, false);

	row->value[KEPT_POOL4_NAME] = g_strdup(name);
	return row;
}

/* ---- static bindings ----------------------------------------------------------------------------
 */

static enum protocol protocol_of(const struct config_static *binding)
{
	enum protocol protocol = 0;

	while (protocol < N_PROTOCOLS - 1 && !binding->protocol[protocol])
		protocol++;
	return protocol;
}

static struct kept_row *static_key(const struct config_static *binding, bool exists)
{
	struct kept_row *row = kept_row_new(KEPT_STATIC, exists);
	char text[ADDR_TEXT_SIZE];

	row->value[KEPT_STATIC_PROTOCOL] = g_strdup(protocol_name(protocol_of(binding)));
	row->value[KEPT_STATIC_OUTSIDE] = g_strdup(taddr4_print(&binding->outside, text));
	row->value[KEPT_STATIC_INSIDE] = g_strdup(taddr6_print(&binding->inside, text));
	return row;
}

struct kept_row *kept_static_row(const struct config_static *binding, bool removed)
{
	struct kept_row *row = static_key(binding, true);

	row->value[KEPT_STATIC_COMMENT] = g_strdup(binding->comment);
	row->value[KEPT_STATIC_REMOVED] = g_strdup(removed ? "1" : "0");
	return row;
}

struct kept_row *kept_static_gone(const struct config_static *binding)
{
	return static_key(binding, false);
}

/* ---- out ----------------------------------------------------------------------------------------
 */

static struct kept_row *row_of_name(const struct pool4_runtime *runtime, const char *name)
{
	const struct pool4_record *added = pool4_runtime_find(runtime, name);
	const struct pool4_record *off = g_hash_table_lookup(runtime->off, name);

	if (strcmp(name, AUTO) == 0)
		return runtime->leaving ? kept_pool4_row(runtime->leaving, false)
					: kept_pool4_gone(name);
	if (added)
		return kept_pool4_row(added, false);
	return off ? kept_pool4_row(off, true) : kept_pool4_gone(name);
}

static struct kept_row *row_of_static(const struct pool4_runtime *runtime,
				      const struct config_static *binding)
{
	const struct static_record *record = pool4_runtime_find_static(runtime, binding);

	return record ? kept_static_row(&record->binding, record->removed)
		      : kept_static_gone(binding);
}

/* The row is one of ours. */
struct kept_row *kept_pool4_now(const struct pool4_runtime *runtime, const struct kept_row *row)
{
	struct config_static binding = {.name = ""};
	enum protocol protocol = 0;

	if (row->table == KEPT_POOL4)
		return row_of_name(runtime, row->value[KEPT_POOL4_NAME]);
	(void)protocol_parse(row->value[KEPT_STATIC_PROTOCOL], &protocol);
	(void)taddr4_parse(row->value[KEPT_STATIC_OUTSIDE], &binding.outside);
	(void)taddr6_parse(row->value[KEPT_STATIC_INSIDE], &binding.inside);
	binding.protocol[protocol] = true;
	return row_of_static(runtime, &binding);
}

void kept_pool4_take(struct pool4_runtime *runtime, GPtrArray *ret)
{
	GHashTableIter iter;
	void *name;

	g_hash_table_iter_init(&iter, runtime->touched);
	while (g_hash_table_iter_next(&iter, &name, NULL))
		g_ptr_array_add(ret, row_of_name(runtime, name));
	g_hash_table_remove_all(runtime->touched);
	for (guint i = 0; i < runtime->touched_statics->len; i++)
		g_ptr_array_add(ret,
				row_of_static(runtime, &g_array_index(runtime->touched_statics,
								      struct config_static, i)));
	g_array_set_size(runtime->touched_statics, 0);
}

/* ---- in -----------------------------------------------------------------------------------------
 */

/* NULL, or a clause that says why not. */
static char *parse_prefix(const char *text, struct prefix6 *ret)
{
	*ret = (struct prefix6){.len = 0};
	return *text ? config_prefix6_parse(text, ret) : NULL;
}

static char *parse_state(const char *text, enum pool4_intent *ret)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(states); i++) {
		if (strcmp(text, states[i]) == 0) {
			*ret = (enum pool4_intent)i;
			return NULL;
		}
	}
	return g_strdup_printf("'%.64s' is no state of an entry", text);
}

/* The record belongs to the caller, entry_deinit(), in any case. */
static char *parse_entry(const struct kept_row *row, const struct config *config,
			 struct pool4_record *ret)
{
	static const struct {
		const char *key;
		unsigned column;
	} keys[] = {
		{"Addresses", KEPT_POOL4_ADDRESSES}, {"Ports", KEPT_POOL4_PORTS},
		{"Protocols", KEPT_POOL4_PROTOCOLS}, {"Clients", KEPT_POOL4_CLIENTS},
		{"Overflow", KEPT_POOL4_OVERFLOW},   {"Comment", KEPT_POOL4_COMMENT},
	};
	const char *name = row->value[KEPT_POOL4_NAME];
	char *problem = NULL;

	*ret = (struct pool4_record){
		.entry = {.spec = {.pool6 = POOL4_ANY_PREFIX, .source = POOL4_FROM_RUNTIME}},
	};
	if (!config_name_is_valid(name))
		return g_strdup("that is no name");
	(void)g_strlcpy(ret->entry.spec.name, name, sizeof(ret->entry.spec.name));
	for (size_t i = 0; !problem && i < G_N_ELEMENTS(keys); i++)
		/* The configuration is only read. */
		problem = config_value_set(config_key_find(CONFIG_SECTION_POOL4, keys[i].key),
					   row->value[keys[i].column], (struct config *)config,
					   &ret->entry);
	if (!problem)
		problem = parse_prefix(row->value[KEPT_POOL4_PREFIX], &ret->prefix);
	if (!problem)
		problem = parse_state(row->value[KEPT_POOL4_STATE], &ret->intent);
	if (!problem && ret->intent == POOL4_OFF)
		problem = g_strdup("only an entry of the files can be disabled");
	if (!problem && strcmp(name, AUTO) == 0 && ret->intent != POOL4_DRAIN)
		problem = g_strdup("that is no name");
	return problem;
}

static void entry_deinit(struct config_pool4 *entry)
{
	g_free((void *)entry->spec.addresses);
	g_strfreev(entry->interfaces);
}

static void restore_added(struct pool4_runtime *runtime, const struct config *config,
			  const struct kept_row *row, const struct reporting *reporting)
{
	struct pool4_record record;
	g_autofree char *problem = parse_entry(row, config, &record);

	if (!problem && pool4_runtime_find(runtime, record.entry.spec.name))
		problem = g_strdup("there are two of this name");
	if (problem) {
		say(reporting, LOG_WARNING,
		    "pool4 entry '%.64s', added at run time, can not be used and is left in the "
		    "database: %s",
		    row->value[KEPT_POOL4_NAME], problem);
	} else if (strcmp(record.entry.spec.name, AUTO) == 0) {
		record.entry.spec.source = POOL4_FROM_AUTO;
		pool4_runtime_set_leaving(runtime, &record.entry.spec);
	} else {
		struct pool4_record *added =
			pool4_runtime_add(runtime, &record.entry, &record.prefix);

		added->intent = record.intent;
	}
	entry_deinit(&record.entry);
}

static struct prefix6 prefix_of(const struct config *config, const struct config_pool4 *section)
{
	const struct prefix6 any = {.len = 0};

	return section->spec.pool6 == POOL4_ANY_PREFIX ? any
						       : config->nat64.pool6[section->spec.pool6];
}

/* Of the files: as it was left, if the section still says the same. */
static void restore_off(struct pool4_runtime *runtime, const struct config *config,
			const struct kept_row *row, const struct reporting *reporting)
{
	const char *name = row->value[KEPT_POOL4_NAME];
	const struct config_pool4 *section = pool4_runtime_section(config, name);
	const struct prefix6 prefix =
		section ? prefix_of(config, section) : (struct prefix6){.len = 0};
	g_autofree char *says = section ? section_text(section, &prefix) : NULL;
	enum pool4_intent intent = POOL4_USE;
	g_autofree char *problem = parse_state(row->value[KEPT_POOL4_STATE], &intent);

	if (problem || intent == POOL4_USE) {
		say(reporting, LOG_WARNING,
		    "the state '%.64s' of pool4 entry '%.64s', set at run time, can not be used "
		    "and "
		    "is left in the database",
		    row->value[KEPT_POOL4_STATE], name);
		return;
	}
	if (section && strcmp(says, row->value[KEPT_POOL4_FILE_SAID]) == 0) {
		pool4_runtime_set_intent(runtime, section, &prefix, intent);
		return;
	}
	if (section)
		say(reporting, LOG_NOTICE,
		    "pool4 entry %s: its section in the files has changed and holds: it is used "
		    "again, though it was %s at run time",
		    name, intent == POOL4_OFF ? "disabled" : "drained");
	g_hash_table_add(runtime->touched, g_strdup(name)); /* the row goes */
}

static char *parse_static(const struct kept_row *row, const struct config *config,
			  struct config_static *ret)
{
	static const struct {
		const char *key;
		unsigned column;
	} keys[] = {{"Protocols", KEPT_STATIC_PROTOCOL},
		    {"Outside", KEPT_STATIC_OUTSIDE},
		    {"Comment", KEPT_STATIC_COMMENT}};
	char *problem = NULL;
	enum protocol protocol;
	const char *refusal;

	*ret = (struct config_static){.name = ""};
	if (!protocol_parse(row->value[KEPT_STATIC_PROTOCOL], &protocol))
		return g_strdup("there is no such protocol");
	for (size_t i = 0; !problem && i < G_N_ELEMENTS(keys); i++)
		problem =
			config_value_set(config_key_find(CONFIG_SECTION_STATIC, keys[i].key),
					 row->value[keys[i].column], (struct config *)config, ret);
	/* That it lies in Pool6 now says the core, each time that it is tried. */
	if (!problem && !taddr6_parse(row->value[KEPT_STATIC_INSIDE], &ret->inside))
		return g_strdup("its inside is not an IPv6 address with a port");
	refusal = problem ? NULL : config_static_refusal(ret);
	return refusal ? g_strdup(refusal) : problem;
}

static void restore_static(struct pool4_runtime *runtime, const struct config *config,
			   const struct kept_row *row, const struct reporting *reporting)
{
	bool removed = strcmp(row->value[KEPT_STATIC_REMOVED], "1") == 0;
	struct config_static binding;
	g_autofree char *problem = parse_static(row, config, &binding);
	char outside[ADDR_TEXT_SIZE];

	if (problem) {
		say(reporting, LOG_WARNING,
		    "static binding '%.64s' '%.64s' to '%.64s', %s at run time, can not be used "
		    "and "
		    "is left in the database: %s",
		    row->value[KEPT_STATIC_PROTOCOL], row->value[KEPT_STATIC_INSIDE],
		    row->value[KEPT_STATIC_OUTSIDE], removed ? "removed" : "added", problem);
		return;
	}
	(void)g_strlcpy(binding.name, taddr4_print(&binding.outside, outside),
			sizeof(binding.name));
	if (removed)
		pool4_runtime_remove_static(runtime, &binding, true);
	else
		pool4_runtime_add_static(runtime, &binding, false);
}

void kept_pool4_restore(struct pool4_runtime *runtime, const struct config *config,
			const GPtrArray *rows, kept_report_fn report, void *context)
{
	const struct reporting reporting = {report, context};

	for (guint i = 0; i < rows->len; i++) {
		const struct kept_row *row = g_ptr_array_index(rows, i);

		if (row->table == KEPT_POOL4 && *row->value[KEPT_POOL4_FILE_SAID])
			restore_off(runtime, config, row, &reporting);
		else if (row->table == KEPT_POOL4)
			restore_added(runtime, config, row, &reporting);
		else if (row->table == KEPT_STATIC)
			restore_static(runtime, config, row, &reporting);
	}
}
