/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See pool4_change.h. */
#include "daemon/pool4_change.h"

#include <string.h>

#include "daemon/change_text.h"
#include "daemon/core/nat64.h"
#include "daemon/kept.h"
#include "daemon/pool4_sync_internal.h"
#include "daemon/pool4_words.h"

static struct pool4 *pool_of(const struct pool4_sync *sync)
{
	return sync->config.gateway->nat->pool4;
}

static const struct config_pool4 *section_of(const struct pool4_sync *sync, const char *name)
{
	return pool4_runtime_section(sync->followed, name);
}

/* Of an entry of the file, now or in a dry run as a plan. */
static void set_intent(struct pool4_sync *sync, const struct config_pool4 *section,
		       enum pool4_intent intent, const struct change_options *options)
{
	const struct pool4_record record = {
		.entry = *section,
		.prefix = pool4_sync_prefix(sync, &section->spec),
		.intent = intent,
	};

	if (!options->dry_run)
		pool4_runtime_set_intent(sync->runtime, section, &record.prefix, intent);
	else if (options->plan)
		g_ptr_array_add(options->plan->rows, intent == POOL4_USE
							     ? kept_pool4_gone(section->spec.name)
							     : kept_pool4_row(&record, true));
}

/* Of one that was added. */
static void set_added_intent(struct pool4_sync *sync, struct pool4_record *added,
			     enum pool4_intent intent, const struct change_options *options)
{
	struct pool4_record record = *added;

	record.intent = intent;
	if (!options->dry_run)
		pool4_runtime_set_added_intent(sync->runtime, added, intent);
	else if (options->plan)
		g_ptr_array_add(options->plan->rows, kept_pool4_row(&record, false));
}

static void forget_added(struct pool4_sync *sync, const char *name,
			 const struct change_options *options)
{
	if (!options->dry_run)
		pool4_runtime_remove(sync->runtime, name);
	else if (options->plan && pool4_runtime_find(sync->runtime, name))
		g_ptr_array_add(options->plan->rows, kept_pool4_gone(name));
}

/* An entry that the core does not know, by name: it waits for an address of its interface, or for
 * what is in its way to go. */
static struct pool4_wanted *find_waiting(struct pool4_sync *sync, const char *name)
{
	struct pool4_wanted *wanted = pool4_wanted_find(sync->wanted, name);

	return wanted && !pool4_entry_by_name(pool_of(sync), name) ? wanted : NULL;
}

static void remove_waiting(struct pool4_sync *sync, struct pool4_wanted *waiting,
			   const struct change_options *options, struct change_result *ret)
{
	const struct config_pool4 *section = section_of(sync, waiting->spec.name);
	bool of_file = section && waiting->spec.source == POOL4_FROM_FILE;
	g_autofree char *name = g_strdup(waiting->spec.name);

	if (waiting->intent == POOL4_OFF) {
		change_nothing(ret, "pool4 entry %s is disabled already", name);
		return;
	}
	change_done(ret, "pool4 entry %s %s%s: %s", name, options->dry_run ? "would be " : "",
		    of_file ? "disabled" : "removed",
		    waiting->spec.n_addresses == 0 ? "it has no address" : "it was not in use");
	if (of_file)
		set_intent(sync, section, POOL4_OFF, options);
	else
		forget_added(sync, name, options);
	if (options->dry_run)
		return;
	if (of_file)
		waiting->intent = POOL4_OFF;
	else
		pool4_wanted_remove(sync->wanted, name);
	ret->needs_rules = pool4_sync_wants_auto(sync);
	if (ret->needs_rules)
		change_warn(ret, "no other entry is left: the entry auto takes its place");
}

/* One that was added and is not even wanted now: its prefix of Pool6 is gone. */
static bool remove_held(struct pool4_sync *sync, const char *name,
			const struct change_options *options, struct change_result *ret)
{
	g_autofree char *copy = g_strdup(name);

	if (!pool4_runtime_find(sync->runtime, copy) || pool4_entry_by_name(pool_of(sync), copy))
		return false;
	change_done(ret, "pool4 entry %s %sremoved: it was not in use", copy,
		    options->dry_run ? "would be " : "");
	forget_added(sync, copy, options);
	return true;
}

static void use_waiting(struct pool4_sync *sync, struct pool4_wanted *waiting,
			const struct change_options *options, struct change_result *ret)
{
	const char *name = waiting->spec.name;

	if (waiting->intent == POOL4_USE) {
		change_nothing(ret, "pool4 entry %s is there already, and comes with an address",
			       name);
		return;
	}
	change_done(ret, "pool4 entry %s %s used again, and comes with an address", name,
		    options->dry_run ? "would be" : "is");
	set_intent(sync, section_of(sync, name), POOL4_USE, options);
	if (!options->dry_run)
		waiting->intent = POOL4_USE;
}

static uint64_t count_used(struct pool4_sync *sync, const struct pool4_entry *entry)
{
	uint64_t n = static_sync_n_around(sync->statics, entry);

	gateway_lock(sync->config.gateway);
	for (enum protocol protocol = 0; protocol < N_PROTOCOLS; protocol++)
		n += entry->n_used[protocol];
	gateway_unlock(sync->config.gateway);
	return n;
}

/* "auto" comes and goes by itself. */
static bool refuse_auto(const struct pool4_entry *entry, struct change_result *ret)
{
	if (entry->spec.source != POOL4_FROM_AUTO)
		return false;
	change_fail(ret, CHANGE_NOT_SUPPORTED,
		    "the entry auto exists as long as there is no other: 'nat64ctl pool4 add' "
		    "makes one, and auto goes");
	return true;
}

/* Nothing of it is in use any more, or it is cut. */
static void take_out(struct pool4_sync *sync, const struct pool4_entry *entry,
		     const struct change_options *options, struct change_result *ret)
{
	const struct config_pool4 *section = section_of(sync, entry->spec.name);
	g_autofree char *name = g_strdup(entry->spec.name);
	bool of_file = section && entry->spec.source == POOL4_FROM_FILE;
	uint32_t id = entry->id, n_ended;
	char spec[CHANGE_SPEC_SIZE];

	change_spec_text(&entry->spec, spec);
	if (of_file)
		set_intent(sync, section, POOL4_OFF, options);
	else
		forget_added(sync, name, options);
	if (options->dry_run)
		return;
	if (of_file) {
		n_ended = pool4_sync_disable(sync, id);
	} else {
		n_ended = pool4_sync_cut(sync, id);
		pool4_wanted_remove(sync->wanted, name);
	}
	change_done(ret, "pool4 entry %s %s: %s", name, of_file ? "disabled" : "removed", spec);
	if (n_ended > 0)
		change_warn(ret, "%u binding%s ended", n_ended, n_ended == 1 ? "" : "s");
	if (pool4_sync_wants_auto(sync))
		change_warn(ret, "no other entry is left: the entry auto takes its place");
	ret->pool4 = id;
	ret->needs_rules = true;
}

void pool4_change_remove(struct pool4_sync *sync, const char *words,
			 const struct change_options *options, struct change_result *ret)
{
	struct pool4_wanted *waiting = find_waiting(sync, words);
	const struct pool4_entry *entry;
	char spec[CHANGE_SPEC_SIZE];
	uint64_t n_used;

	if (waiting)
		remove_waiting(sync, waiting, options, ret);
	if (waiting || remove_held(sync, words, options, ret))
		return;
	entry = pool4_words_find(pool_of(sync), words, ret);
	if (!entry || refuse_auto(entry, ret))
		return;
	n_used = count_used(sync, entry);
	if (entry->state == POOL4_DISABLED) {
		change_nothing(ret, "pool4 entry %s is disabled already", entry->spec.name);
	} else if (n_used > 0 && !options->force) {
		change_fail(ret, CHANGE_POOL4_IN_USE,
			    "pool4 entry %s is used by %" G_GUINT64_FORMAT " binding%s: "
			    "'nat64ctl pool4 drain %s' waits for their end, --force ends them",
			    entry->spec.name, n_used, n_used == 1 ? "" : "s", entry->spec.name);
	} else if (options->dry_run) {
		change_done(ret, "pool4 entry %s would be %s: %s", entry->spec.name,
			    entry->spec.source == POOL4_FROM_FILE ? "disabled" : "removed",
			    change_spec_text(&entry->spec, spec));
		if (n_used > 0)
			change_warn(ret, "%" G_GUINT64_FORMAT " binding%s would end", n_used,
				    n_used == 1 ? "" : "s");
		take_out(sync, entry, options, ret);
	} else {
		take_out(sync, entry, options, ret);
	}
}

/* Does the entry count the binding of this transport address? Of several that have it, one does. */
static bool belongs_to(const struct nat64 *nat, enum protocol protocol, const struct taddr4 *taddr,
		       const struct pool4_entry *entry)
{
	uint32_t index = bib_find4(&nat->bib[protocol], taddr);

	return index != SLAB_NONE && bib_at(&nat->bib[protocol], index)->pool4 == entry->id;
}

/* Those do not end by themselves. */
static void warn_of_statics(struct pool4_sync *sync, const struct pool4_entry *entry,
			    struct change_result *ret)
{
	unsigned n = 0;

	gateway_lock(sync->config.gateway);
	for (uint32_t i = 0; i < static_sync_count(sync->statics); i++) {
		const struct config_static *binding = static_sync_at(sync->statics, i);

		for (enum protocol protocol = 0; protocol < N_PROTOCOLS; protocol++)
			n += binding->protocol[protocol] &&
			     belongs_to(sync->config.gateway->nat, protocol, &binding->outside,
					entry);
	}
	gateway_unlock(sync->config.gateway);
	n += static_sync_n_around(sync->statics, entry);
	if (n > 0)
		change_warn(ret,
			    "%u static binding%s among them: the entry stays until 'nat64ctl bib "
			    "remove' ends %s",
			    n, n == 1 ? " is" : "s are", n == 1 ? "it" : "them");
}

void pool4_change_drain(struct pool4_sync *sync, const char *words,
			const struct change_options *options, struct change_result *ret)
{
	const struct pool4_entry *entry;
	const struct config_pool4 *section;
	struct pool4_record *record;
	g_autofree char *name = NULL;
	uint64_t n_used;
	uint32_t id;

	if (find_waiting(sync, words)) {
		pool4_change_remove(sync, words, options, ret);
		return;
	}
	entry = pool4_words_find(pool_of(sync), words, ret);
	if (!entry || refuse_auto(entry, ret))
		return;
	id = entry->id;
	name = g_strdup(entry->spec.name);
	n_used = count_used(sync, entry);
	if (entry->state == POOL4_DRAINING || entry->state == POOL4_DISABLED) {
		change_nothing(ret, "pool4 entry %s is %s already", name,
			       entry->state == POOL4_DRAINING ? "drained" : "disabled");
		return;
	}
	if (n_used == 0) {
		pool4_change_remove(sync, words, options, ret);
		return;
	}
	change_done(
		ret,
		"pool4 entry %s %s no new bindings and goes with the last of %" G_GUINT64_FORMAT,
		name, options->dry_run ? "would take" : "takes", n_used);
	warn_of_statics(sync, entry, ret);
	ret->pool4 = id;
	section = section_of(sync, name);
	record = pool4_runtime_find(sync->runtime, name);
	if (record)
		set_added_intent(sync, record, POOL4_DRAIN, options);
	else if (section)
		set_intent(sync, section, POOL4_DRAIN, options);
	if (!options->dry_run)
		(void)pool4_sync_drain(sync, id);
}

void pool4_change_use(struct pool4_sync *sync, const struct pool4_entry *entry,
		      const struct change_options *options, struct change_result *ret)
{
	const struct config_pool4 *section = section_of(sync, entry->spec.name);
	struct pool4_record *added = pool4_runtime_find(sync->runtime, entry->spec.name);
	struct pool4_wanted *wanted = pool4_wanted_find(sync->wanted, entry->spec.name);
	char spec[CHANGE_SPEC_SIZE];

	ret->pool4 = entry->id;
	change_spec_text(&entry->spec, spec);
	if (entry->state == POOL4_ACTIVE || entry->state == POOL4_PENDING) {
		ret->needs_rules = entry->state == POOL4_PENDING;
		change_nothing(ret, "pool4 entry %s is there already: %s", entry->spec.name, spec);
		return;
	}
	if (!section && !added) {
		change_fail(ret, CHANGE_NOT_SUPPORTED,
			    "pool4 entry %s is not in the configuration any more: put it back "
			    "there and reload",
			    entry->spec.name);
		return;
	}
	change_done(ret, "pool4 entry %s %s used again: %s", entry->spec.name,
		    options->dry_run ? "would be" : "is", spec);
	if (added)
		set_added_intent(sync, added, POOL4_USE, options);
	else
		set_intent(sync, section, POOL4_USE, options);
	if (options->dry_run)
		return;
	if (wanted)
		wanted->intent = POOL4_USE;
	ret->needs_rules = true;
	pool4_sync_revive(sync, entry->id);
	(void)pool4_sync_follow_statics(sync);
}

void pool4_change_enable(struct pool4_sync *sync, const char *words,
			 const struct change_options *options, struct change_result *ret)
{
	struct pool4_wanted *waiting = find_waiting(sync, words);
	const struct pool4_entry *entry =
		waiting ? NULL : pool4_words_find(pool_of(sync), words, ret);

	if (waiting)
		use_waiting(sync, waiting, options, ret);
	else if (entry)
		pool4_change_use(sync, entry, options, ret);
}
