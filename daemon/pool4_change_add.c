/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entries of pool4 that come at run time: the other half of pool4_change.h. */
#include <string.h>

#include "daemon/change_text.h"
#include "daemon/config_value.h"
#include "daemon/core/nat64.h"
#include "daemon/kept.h"
#include "daemon/pool4_change.h"
#include "daemon/pool4_sync_internal.h"

static struct pool4 *pool_of(const struct pool4_sync *sync)
{
	return sync->config.gateway->nat->pool4;
}

/* One argument, as the key of the file is parsed; false with the error. */
static bool parse(const char *key_name, const char *text, enum change_error error,
		  const struct config *config, struct config_pool4 *entry,
		  struct change_result *ret)
{
	const struct config_key *key = config_key_find(CONFIG_SECTION_POOL4, key_name);
	bool is_list = key->type != CONFIG_COMMENT;
	g_autofree char *words = g_strdup(text && (*text || !*key->initial) ? text : key->initial);
	g_autofree char *option = g_ascii_strdown(key_name, -1);
	g_autofree char *problem = NULL;

	if (is_list)
		g_strdelimit(words, ",", ' ');
	/* The configuration is only read: for the prefixes of Pool6. */
	problem = config_value_set(key, words, (struct config *)config, entry);
	if (problem && error == CHANGE_INVALID_VALUE)
		change_fail(ret, error, "%s: %s", option, problem);
	else if (problem)
		change_fail(ret, error, "%s", problem);
	return !problem;
}

static bool parse_name(const char *name, struct config_pool4 *entry, struct change_result *ret)
{
	if (!name || !*name)
		return true;
	if (strcmp(name, POOL4_WANTED_AUTO) == 0) {
		change_fail(ret, CHANGE_INVALID_VALUE,
			    "the name 'auto' is kept for the entry that exists while there is no "
			    "other");
		return false;
	}
	if (!config_name_is_valid(name)) {
		change_fail(ret, CHANGE_INVALID_VALUE,
			    "'%.*s' is not a name: at most 32 of a-z, 0-9, '.', '_' and '-', with "
			    "a letter or digit in front",
			    CHANGE_QUOTED_MAX, name);
		return false;
	}
	g_strlcpy(entry->spec.name, name, sizeof(entry->spec.name));
	return true;
}

static void entry_deinit(struct config_pool4 *entry)
{
	g_free((void *)entry->spec.addresses);
	g_strfreev(entry->interfaces);
}

/* The caller ends *ret_entry with entry_deinit() in any case. */
static bool parse_request(struct pool4_sync *sync, const struct change_pool4 *request,
			  const struct change_options *options, struct config_pool4 *ret_entry,
			  struct change_result *ret)
{
	const struct {
		const char *key;
		const char *text;
		enum change_error error;
	} arguments[] = {
		{"Addresses", request->addresses, CHANGE_INVALID_ADDRESS},
		{"Ports", request->ports, CHANGE_INVALID_PORTS},
		{"Protocols", request->protocols, CHANGE_INVALID_PROTOCOL},
		{"Clients", options->clients, CHANGE_INVALID_VALUE},
		{"Prefix", options->prefix, CHANGE_INVALID_VALUE},
		{"Comment", options->comment, CHANGE_INVALID_VALUE},
	};

	*ret_entry = (struct config_pool4){
		.spec = {.pool6 = POOL4_ANY_PREFIX,
			 .overflow = options->overflow,
			 .source = POOL4_FROM_RUNTIME},
	};
	for (size_t i = 0; i < G_N_ELEMENTS(arguments); i++) {
		if (!parse(arguments[i].key, arguments[i].text, arguments[i].error, sync->followed,
			   ret_entry, ret))
			return false;
	}
	return parse_name(options->name, ret_entry, ret);
}

/* Do they mean the same, but for name, comment and source? */
static bool same_spec(const struct pool4_spec *a, const struct pool4_spec *b)
{
	return a->n_addresses == b->n_addresses &&
	       memcmp(a->addresses, b->addresses, a->n_addresses * sizeof(*a->addresses)) == 0 &&
	       memcmp(a->protocol, b->protocol, sizeof(a->protocol)) == 0 &&
	       port_ranges_equal(&a->ports, &b->ports) && a->n_clients == b->n_clients &&
	       memcmp(a->clients, b->clients, a->n_clients * sizeof(*a->clients)) == 0 &&
	       a->overflow == b->overflow && a->pool6 == b->pool6;
}

/* The core has said no, because of the other entry if there is one. */
static void refuse(struct pool4_sync *sync, const struct pool4_spec *spec, enum pool4_result result,
		   const struct pool4_entry *other, const struct change_options *options,
		   struct change_result *ret)
{
	char wanted[CHANGE_ADDRESSES_SIZE], text[CHANGE_SPEC_SIZE];
	const char *name = other ? other->spec.name : "";
	bool same = other && same_spec(spec, &other->spec);

	if (same && (!*spec->name || strcmp(spec->name, name) == 0)) {
		pool4_change_use(sync, other, options, ret);
		return;
	}
	if (!other) {
		change_fail(ret, CHANGE_FAILED, "%s can not be added: %s",
			    change_addresses_text(spec, wanted), pool4_result_text(result));
		return;
	}
	change_addresses_text(spec, wanted);
	change_spec_text(&other->spec, text);
	if (result == POOL4_EXISTS)
		change_fail(ret, CHANGE_OVERLAP,
			    "there is a pool4 entry %s already (%s): choose another name", name,
			    text);
	else if (other->state == POOL4_DRAINING)
		change_fail(ret, CHANGE_OVERLAP,
			    "%s overlaps pool4 entry %s (%s), which goes with its last binding: "
			    "'nat64ctl pool4 remove %s --force' ends them",
			    wanted, name, text, name);
	else if (other->state == POOL4_DISABLED)
		change_fail(ret, CHANGE_OVERLAP,
			    "%s overlaps pool4 entry %s (%s), which is disabled: "
			    "'nat64ctl pool4 enable %s' uses it again",
			    wanted, name, text, name);
	else
		change_fail(ret, CHANGE_OVERLAP,
			    "%s overlaps pool4 entry %s (%s): choose other addresses, ports, "
			    "protocols or clients, or remove that one first",
			    wanted, name, text);
}

static uint64_t count_ports(const struct pool4_spec *spec)
{
	return addr4_ranges_count(spec->addresses, spec->n_addresses) *
	       port_ranges_count(&spec->ports);
}

/* Otherwise they are found when the rules have followed. */
static void warn_of_clashes(struct pool4_sync *sync, const struct pool4_wanted *wanted,
			    struct change_result *ret)
{
	g_autoptr(GPtrArray) sentences = g_ptr_array_new_with_free_func(g_free);

	pool4_sync_find_clashes(sync, wanted, sentences);
	for (guint i = 0; i < sentences->len; i++)
		change_warn(ret, "%s", (const char *)g_ptr_array_index(sentences, i));
}

/* The new entry is there: what else that means. */
static void follow_up(struct pool4_sync *sync, const struct pool4_wanted *wanted, bool dry_run,
		      struct change_result *ret)
{
	uint32_t limit = sync->config.gateway->nat->limits.bindings;
	const struct pool4_entry *automatic = pool4_entry_by_name(pool_of(sync), POOL4_WANTED_AUTO);
	char addresses[CHANGE_ADDRESSES_SIZE];

	if (count_ports(&wanted->spec) > limit)
		change_warn(ret, "it has more ports than the %u of Limits.Bindings can use", limit);
	if (dry_run)
		warn_of_clashes(sync, wanted, ret);
	if (!automatic || automatic->spec.source != POOL4_FROM_AUTO ||
	    automatic->state == POOL4_DRAINING)
		return;
	change_warn(ret,
		    "the entry auto (%s) is drained, because it exists only while there is no "
		    "other",
		    change_addresses_text(&automatic->spec, addresses));
	if (!dry_run) {
		pool4_wanted_remove(sync->wanted, POOL4_WANTED_AUTO);
		(void)pool4_sync_drain(sync, automatic->id);
	}
}

/* Written down under its name; in a dry run as a plan. */
static void record(struct pool4_sync *sync, struct config_pool4 *entry, const char *name,
		   const struct change_options *options)
{
	struct pool4_record record = {.prefix = pool4_sync_prefix(sync, &entry->spec)};

	if (options->dry_run && !options->plan)
		return;
	(void)g_strlcpy(entry->spec.name, name, sizeof(entry->spec.name));
	record.entry = *entry;
	if (!options->dry_run) {
		(void)pool4_runtime_add(sync->runtime, entry, &record.prefix);
		return;
	}
	(void)g_strlcpy(options->plan->name, name, sizeof(options->plan->name));
	g_ptr_array_add(options->plan->rows, kept_pool4_row(&record, false));
}

/* Is there an entry of this name, though perhaps not in the core? */
static bool is_known(struct pool4_sync *sync, const char *name)
{
	return pool4_entry_by_name(pool_of(sync), name) ||
	       pool4_runtime_find(sync->runtime, name) || pool4_wanted_find(sync->wanted, name);
}

/* One that has none gets a name, and once that is stored, just this one. */
static void choose_name(struct pool4_sync *sync, const struct change_options *options,
			char name[POOL4_NAME_SIZE])
{
	if (*name == '\0' && options->planned_name)
		(void)g_strlcpy(name, options->planned_name, POOL4_NAME_SIZE);
	while (*name == '\0' || is_known(sync, name))
		(void)g_snprintf(name, POOL4_NAME_SIZE, "p%u", ++sync->last_name);
}

/* It is added once its interface has an address, and so under a name that is known now. */
static void add_later(struct pool4_sync *sync, struct config_pool4 *entry,
		      struct pool4_wanted *wanted, const struct change_options *options,
		      struct change_result *ret)
{
	g_autofree char *name = g_strdup(entry->spec.name);
	const struct pool4_record *known = pool4_runtime_find(sync->runtime, name);
	g_autofree char *interfaces = g_strjoinv(" ", entry->interfaces);

	if (!*name)
		change_fail(ret, CHANGE_INVALID_ADDRESS,
			    "%s has no IPv4 address now: give the entry a name, and it comes with "
			    "the address",
			    interfaces);
	else if (known && pool4_runtime_same(&known->entry, entry))
		change_nothing(ret, "pool4 entry %s is there already, and comes with an address",
			       name);
	else if (known || pool4_wanted_find(sync->wanted, name))
		change_fail(ret, CHANGE_OVERLAP,
			    "there is a pool4 entry %s already: choose another name", name);
	else
		change_done(ret, "pool4 entry %s %s", name,
			    options->dry_run ? "would be added" : "added");
	if (!ret->changed) {
		pool4_wanted_entry_free(wanted);
		return;
	}
	change_warn(ret, "%s has no IPv4 address now: the entry comes with it", interfaces);
	record(sync, entry, name, options);
	if (options->dry_run)
		pool4_wanted_entry_free(wanted);
	else
		pool4_wanted_add(sync->wanted, wanted);
}

static void add(struct pool4_sync *sync, struct config_pool4 *entry, struct pool4_wanted *wanted,
		const struct change_options *options, struct change_result *ret)
{
	bool has_auto = pool4_entry_by_name(pool_of(sync), POOL4_WANTED_AUTO) != NULL;
	enum pool4_result result;
	char text[CHANGE_SPEC_SIZE];
	uint32_t id;

	result = pool4_sync_check(sync, wanted, &id);
	if (result == POOL4_OK && *wanted->spec.name && is_known(sync, wanted->spec.name)) {
		change_fail(ret, CHANGE_OVERLAP,
			    "there is a pool4 entry %s already, which can not be used now: choose "
			    "another name, or 'nat64ctl pool4 remove %s'",
			    wanted->spec.name, wanted->spec.name);
		pool4_wanted_entry_free(wanted);
		return;
	}
	if (result == POOL4_OK && (!options->dry_run || options->plan))
		choose_name(sync, options, wanted->spec.name);
	if (result == POOL4_OK && !options->dry_run)
		result = pool4_sync_add(sync, wanted, &id);
	if (result != POOL4_OK) {
		bool has_other = result == POOL4_OVERLAP || result == POOL4_EXISTS;

		refuse(sync, &wanted->spec, result,
		       has_other ? pool4_entry(pool_of(sync), id) : NULL, options, ret);
		pool4_wanted_entry_free(wanted);
		return;
	}
	follow_up(sync, wanted, options->dry_run, ret);
	change_spec_text(&wanted->spec, text);
	record(sync, entry, wanted->spec.name, options);
	if (options->dry_run) {
		change_done(ret, "pool4 entry %s%swould be added: %s", wanted->spec.name,
			    *wanted->spec.name ? " " : "", text);
		pool4_wanted_entry_free(wanted);
		return;
	}
	change_done(ret, "pool4 entry %s added: %s", wanted->spec.name, text);
	ret->pool4 = id;
	ret->needs_rules = true;
	/* "auto" may have made way, or gone; a static binding may have ports of its own. */
	ret->only_adds = !pool4_sync_follow_statics(sync) && !has_auto;
	pool4_wanted_add(sync->wanted, wanted);
	g_array_append_val(sync->added, id);
}

void pool4_change_add(struct pool4_sync *sync, const struct change_pool4 *request,
		      const struct change_options *options, struct change_result *ret)
{
	struct pool4_wanted *wanted;
	struct config_pool4 entry;

	if (parse_request(sync, request, options, &entry, ret)) {
		/* Those that wait for the same update share what was read for the first. */
		if (sync->added->len == 0 && (!options->plan || options->plan->is_first))
			(void)pool4_auto_read(sync->autos);
		wanted = pool4_wanted_entry(sync->autos, &entry);
		if (wanted->spec.n_addresses > 0)
			add(sync, &entry, wanted, options, ret);
		else
			add_later(sync, &entry, wanted, options, ret);
	}
	entry_deinit(&entry);
}

void pool4_change_add_warnings(const struct pool4_sync *sync, struct change_result *result)
{
	const struct pool4_entry *entry = pool4_entry(pool_of(sync), result->pool4);

	for (guint i = 0; entry && entry->state == POOL4_ACTIVE && i < sync->warnings->len; i++) {
		const struct rules_warning *warning = g_ptr_array_index(sync->warnings, i);

		if (g_strcmp0(warning->entry, entry->spec.name) == 0 ||
		    (warning->addr && pool4_entry_has_address(entry, warning->addr)))
			change_warn(result, "%s", warning->text);
	}
}

void pool4_change_roll_back(struct pool4_sync *sync)
{
	for (guint i = 0; i < sync->added->len; i++) {
		uint32_t id = g_array_index(sync->added, uint32_t, i);
		const struct pool4_entry *entry = pool4_entry(pool_of(sync), id);
		g_autofree char *name = NULL;

		if (!entry)
			continue;
		name = g_strdup(entry->spec.name);
		(void)pool4_sync_cut(sync, id);
		pool4_wanted_remove(sync->wanted, name);
		pool4_runtime_remove(sync->runtime, name);
	}
	g_array_set_size(sync->added, 0);
}
