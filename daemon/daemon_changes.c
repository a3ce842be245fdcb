/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation
 *
 * What outlives a restart is stored first and done then: if it can not be stored, nothing has
 * changed. A request is tried (dry run), which says what rows it would write; they go to the thread
 * that writes the database, and when it has them on the disk the request is carried out. Meanwhile
 * nobody waits but who has asked. Requests of one kind about different things that come before a
 * transaction has begun share it; others wait for its end and are tried then, so that all happen in
 * the order in which they came. What is different in the end from what was planned (something else
 * has changed meanwhile, or the rules could not follow) is stored once more, until it works.
 *
 * A change reaches the core at once then, where a new entry waits (pending). The rules follow when
 * the event loop has nothing else to do, so after all calls that have come already; but no later
 * than COLLECT_USEC after the first, or as long as the last update took if that was longer, and
 * COLLECT_MAX changes. Then everybody who waits is answered. Who asks one by one gets one update
 * for each; who sends many without waiting for the answers, one for all that came while the last
 * was being made. The time of an update grows with the pool, so with a fixed time of collecting,
 * filling a large one would be nothing but updates. New entries are the cheaper case: as long as
 * nothing else has changed, only they are looked at.
 */
#include "daemon/daemon_changes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "daemon/change_text.h"
#include "daemon/core/nat64.h"
#include "daemon/daemon_perform.h"
#include "daemon/kept.h"
#include "daemon/log.h"
#include "daemon/pool4_change.h"
#include "daemon/static_change.h"
#include "dbus/manager.h"

#define COLLECT_USEC         100000
#define COLLECT_LONGEST_USEC 5000000
#define COLLECT_MAX          4096

/* Changes between two updates that are logged by a line each. */
#define LINES_MAX 20

struct daemon_changes {
	struct daemon_changes_config config;
	struct change_calls calls;
	struct manager *manager;
	sd_event_source *idle;
	uint64_t since_usec; /* of the first that waits */
	uint64_t collect_usec;
	unsigned n_waiting;
	unsigned n_done; /* changes since the last update */
	bool only_adds;  /* all that wait are new entries */
	sd_event_source *submit;
	enum change_kind kind; /* of the requests in batch */
	GPtrArray *batch;      /* rows that are to be stored */
	GHashTable *keys;      /* theirs, or of those that are being stored: rows by key */
	uint64_t ticket;       /* of those that are being stored, or 0 */
	uint64_t last_ticket;
	GPtrArray *overrides; /* as they are kept */
};

static void log_change(struct daemon_changes *changes, const char *text)
{
	log_line(changes->n_done++ < LINES_MAX ? LOG_NOTICE : LOG_DEBUG, "%s", text);
}

static void log_rest(struct daemon_changes *changes)
{
	if (changes->n_done > LINES_MAX)
		log_line(LOG_NOTICE, "and %u more changes like these", changes->n_done - LINES_MAX);
	changes->n_done = 0;
}

static uint64_t time_to_collect(uint64_t update_usec)
{
	if (update_usec < COLLECT_USEC)
		return COLLECT_USEC;
	return update_usec < COLLECT_LONGEST_USEC ? update_usec : COLLECT_LONGEST_USEC;
}

/* They can not: what is new does not stay in effect, as the next start would fail by it, and static
 * bindings that have ended are there again. What can not be made again (dynamic bindings; an entry
 * of pool4 that was removed, drained or enabled) stays changed, and the answer says so. Entries and
 * static bindings leave the rules the next time; another configuration at once, since the one of
 * before had rules. */
static void take_back(struct daemon_changes *changes)
{
	const struct daemon_changes_config *config = &changes->config;
	char *error = NULL;

	static_change_roll_back(config->sync);
	pool4_change_roll_back(config->sync);
	if (!settings_change_back(config->settings))
		return;
	(void)config->put_rules(config->context, POOL4_SYNC_DIFFERENCE, &error);
	g_free(error);
	/* The prefixes may be others. */
	if (changes->manager)
		manager_changed(changes->manager);
}

/* The rules follow, and all are answered. */
static void settle(struct daemon_changes *changes)
{
	gint64 start_usec = g_get_monotonic_time();
	char *error = NULL;
	int r;

	log_rest(changes);
	(void)sd_event_source_set_enabled(changes->idle, SD_EVENT_OFF);
	(void)sd_event_source_set_priority(changes->idle, SD_EVENT_PRIORITY_IDLE);
	changes->n_waiting = 0;
	(void)settings_change_retry(changes->config.settings);
	r = changes->config.put_rules(
		changes->config.context,
		changes->only_adds ? POOL4_SYNC_PENDING : POOL4_SYNC_DIFFERENCE, &error);
	/* What is taken back is to leave the rules, too. */
	changes->only_adds = r == 0;
	if (r < 0)
		take_back(changes);
	else
		settings_change_settle(changes->config.settings);
	if (r < 0 && !error)
		error = g_strdup(strerror(-r));
	if (changes->manager)
		manager_settled(changes->manager, r < 0 ? error : NULL);
	daemon_changes_keep(changes);
	changes->collect_usec = time_to_collect((uint64_t)(g_get_monotonic_time() - start_usec));
	g_free(error);
}

void daemon_changes_settle(struct daemon_changes *changes)
{
	if (changes->n_waiting > 0)
		settle(changes);
}

static int on_idle(sd_event_source *source, void *userdata)
{
	settle(userdata);
	return 0;
}

static void want_rules(struct daemon_changes *changes, bool only_adds)
{
	uint64_t now_usec = 0;

	changes->only_adds &= only_adds;
	(void)sd_event_now(changes->config.event, CLOCK_MONOTONIC, &now_usec);
	if (changes->n_waiting++ == 0) {
		changes->since_usec = now_usec;
		(void)sd_event_source_set_enabled(changes->idle, SD_EVENT_ONESHOT);
	} else if (changes->n_waiting >= COLLECT_MAX ||
		   now_usec - changes->since_usec >= changes->collect_usec) {
		/* Next of all. */
		(void)sd_event_source_set_priority(changes->idle, SD_EVENT_PRIORITY_IMPORTANT);
	}
}

void daemon_changes_want_rules(struct daemon_changes *changes)
{
	want_rules(changes, false);
}

/* What came of a change: said in the log, as who changes what is of interest later. */
static void finish(struct daemon_changes *changes, const struct change_options *options,
		   struct change_result *result)
{
	if (options->dry_run)
		result->needs_rules = false;
	if (!result->needs_rules)
		return;
	if (result->changed)
		log_change(changes, result->text);
	want_rules(changes, result->only_adds);
}

static void call_add_warnings(void *context, struct change_result *result)
{
	const struct daemon_changes *changes = context;

	pool4_change_add_warnings(changes->config.sync, result);
}

static void perform(struct daemon_changes *changes, const struct change_request *request,
		    const struct change_options *options, struct change_result *ret)
{
	daemon_perform(changes->config.sync, changes->config.gateway, changes->config.settings,
		       request, options, ret);
}

static enum change_step carry_out(struct daemon_changes *changes,
				  const struct change_request *request, struct change_result *ret)
{
	struct change_options options = request->options;
	bool done;

	options.planned_name = request->planned;
	perform(changes, request, &options, ret);
	done = ret->needs_rules;
	finish(changes, &options, ret);
	/* The prefixes may be others. */
	if (done && daemon_perform_is_of_settings(request->kind) && changes->manager)
		manager_changed(changes->manager);
	return ret->error == CHANGE_OK && ret->needs_rules ? CHANGE_WAIT_RULES : CHANGE_ANSWER;
}

/* ---- what is stored first -----------------------------------------------------------------------
 */

static bool permits_overrides(const struct daemon_changes *changes)
{
	const struct settings_change *settings = changes->config.settings;

	return settings->running(settings->context)->overrides;
}

/* Would it put something at run time over what the files say? Blocking a client does not. */
static bool is_override(const GPtrArray *rows)
{
	for (guint i = 0; i < rows->len; i++) {
		const struct kept_row *row = g_ptr_array_index(rows, i);

		if (row->exists && row->table != KEPT_BLOCKED)
			return true;
	}
	return false;
}

static bool meets_batch(const struct daemon_changes *changes, const GPtrArray *rows)
{
	for (guint i = 0; i < rows->len; i++) {
		g_autofree char *key = kept_row_key(g_ptr_array_index(rows, i));

		if (g_hash_table_contains(changes->keys, key))
			return true;
	}
	return false;
}

static void add_to_batch(struct daemon_changes *changes, enum change_kind kind, GPtrArray *rows)
{
	changes->kind = kind;
	for (guint i = 0; i < rows->len; i++) {
		struct kept_row *row = g_ptr_array_index(rows, i);

		g_hash_table_replace(changes->keys, kept_row_key(row), kept_row_copy(row));
		g_ptr_array_add(changes->batch, kept_row_copy(row));
	}
	(void)sd_event_source_set_enabled(changes->submit, SD_EVENT_ONESHOT);
}

/* What it would store. */
static void plan(struct daemon_changes *changes, struct change_request *request,
		 struct kept_plan *plan, struct change_result *ret)
{
	struct change_options options = request->options;

	options.dry_run = true;
	options.plan = plan;
	perform(changes, request, &options, ret);
	(void)g_strlcpy(request->planned, plan->name, sizeof(request->planned));
}

static void clear_result(struct change_result *result)
{
	/* Of malloc(), each of them. */
	for (unsigned i = 0; result->details != NULL && result->details[i] != NULL; i++)
		free(result->details[i]);
	free(result->details);
	*result = (struct change_result){.error = CHANGE_OK};
}

static bool refuse_override(const struct daemon_changes *changes, const GPtrArray *rows,
			    struct change_result *ret)
{
	if (!is_override(rows) || permits_overrides(changes))
		return false;
	clear_result(ret);
	change_fail(ret, CHANGE_OVERRIDES_DISABLED,
		    "State.Overrides=no: pool4, static bindings and keys are changed in the "
		    "configuration file only");
	return true;
}

/* Nobody else is at it. */
static enum change_step ask_planned(struct daemon_changes *changes, struct change_request *request,
				    struct kept_plan *planned, struct change_result *ret)
{
	plan(changes, request, planned, ret);
	if (ret->error != CHANGE_OK || planned->rows->len == 0) {
		/* That may be otherwise when those before have been done. */
		if (!planned->is_first) {
			clear_result(ret);
			return CHANGE_WAIT_TURN;
		}
		if (ret->error != CHANGE_OK)
			return CHANGE_ANSWER;
		clear_result(ret);
		return carry_out(changes, request, ret);
	}
	if (refuse_override(changes, planned->rows, ret))
		return CHANGE_ANSWER;
	clear_result(ret);
	if (!changes->config.store)
		return carry_out(changes, request, ret);
	if (meets_batch(changes, planned->rows))
		return CHANGE_WAIT_TURN;
	add_to_batch(changes, request->kind, planned->rows);
	return CHANGE_WAIT_STORE;
}

static enum change_step ask_dry(struct daemon_changes *changes, struct change_request *request,
				struct change_result *ret)
{
	struct kept_plan planned = {.rows = kept_rows_new(), .is_first = true};

	plan(changes, request, &planned, ret);
	if (ret->error == CHANGE_OK && !refuse_override(changes, planned.rows, ret)) {
		clear_result(ret);
		(void)carry_out(changes, request, ret);
	}
	g_ptr_array_unref(planned.rows);
	return CHANGE_ANSWER;
}

static enum change_step call_ask(void *context, struct change_request *request,
				 struct change_result *ret)
{
	struct daemon_changes *changes = context;
	struct kept_plan planned = {.is_first = changes->batch->len == 0};
	enum change_step step;

	if (request->options.dry_run)
		return ask_dry(changes, request, ret);
	if (changes->ticket != 0 || (!planned.is_first && changes->kind != request->kind))
		return CHANGE_WAIT_TURN;
	/* The files are read whatever the database is like: what they drop would be dropped at the
	 * next start, too. */
	if (request->kind == CHANGE_RELOAD ||
	    (!changes->config.store && permits_overrides(changes))) {
		step = carry_out(changes, request, ret);
		daemon_changes_keep(changes);
		return step;
	}
	planned.rows = kept_rows_new();
	step = ask_planned(changes, request, &planned, ret);
	g_ptr_array_unref(planned.rows);
	return step;
}

static enum change_step call_carry_out(void *context, const struct change_request *request,
				       struct change_result *ret)
{
	return carry_out(context, request, ret);
}

static int on_submit(sd_event_source *source, void *userdata)
{
	struct daemon_changes *changes = userdata;
	GPtrArray *rows = changes->batch;

	if (rows->len == 0 || changes->ticket != 0)
		return 0;
	changes->batch = kept_rows_new();
	changes->ticket = ++changes->last_ticket;
	changes->config.store(changes->config.context, rows, changes->ticket);
	return 0;
}

/* What is to be kept under this key as things are. */
static struct kept_row *row_now(const struct daemon_changes *changes, const struct kept_row *row)
{
	struct gateway *gateway = changes->config.gateway;
	struct kept_row *now = NULL;

	switch (row->table) {
	case KEPT_POOL4:
	case KEPT_STATIC:
		now = pool4_sync_kept_now(changes->config.sync, row);
		break;
	case KEPT_SETTING:
		now = kept_setting_now(settings_change_overrides(changes->config.settings), row);
		break;
	case KEPT_BLOCKED:
		gateway_lock(gateway);
		now = kept_blocked_now(&gateway->nat->blocklist, row, gateway_now_ms());
		gateway_unlock(gateway);
		break;
	case N_KEPT_TABLES:
		break;
	}
	return now;
}

/* Those that were planned, as they have turned out. */
static GPtrArray *take_planned(struct daemon_changes *changes)
{
	GPtrArray *rows = kept_rows_new();
	GHashTableIter iter;
	void *value;

	g_hash_table_iter_init(&iter, changes->keys);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const struct kept_row *row = value;
		struct kept_row *now = row_now(changes, row);

		/* The time that is left of a block is another one each time it is asked for. */
		if (row->table == KEPT_BLOCKED && row->exists && now->exists)
			kept_row_free(now);
		else
			g_ptr_array_add(rows, now);
	}
	g_hash_table_remove_all(changes->keys);
	return rows;
}

void daemon_changes_stored(struct daemon_changes *changes, uint64_t ticket, const char *error)
{
	GPtrArray *rows;

	if (ticket != changes->ticket)
		return;
	if (changes->manager)
		manager_stored(changes->manager, error);
	changes->ticket = 0;
	rows = take_planned(changes);
	if (!error)
		changes->config.store(changes->config.context, rows, 0);
	else
		g_ptr_array_unref(rows);
	daemon_changes_keep(changes);
	if (changes->manager)
		manager_next_turn(changes->manager);
}

static bool need_others(const void *context, const struct config *without)
{
	const struct rules *const *rules = context;

	return !rules_are_of(*rules, without);
}

bool daemon_changes_hold_settings(struct daemon_changes *changes, struct rules *const *rules,
				  const char *why)
{
	const struct settings_change *settings = changes->config.settings;

	if (!settings_change_hold(settings, need_others, rules, why))
		return false;
	g_ptr_array_unref(changes->overrides);
	changes->overrides = config_overrides_copy(settings->settings->overrides);
	return true;
}

void daemon_changes_keep(struct daemon_changes *changes)
{
	const GPtrArray *overrides = settings_change_overrides(changes->config.settings);
	GPtrArray *rows = kept_rows_new();

	pool4_sync_take_kept(changes->config.sync, rows);
	kept_settings_differ(changes->overrides, overrides, rows);
	g_ptr_array_unref(changes->overrides);
	changes->overrides = config_overrides_copy(overrides);
	if (rows->len > 0 && changes->config.store)
		changes->config.store(changes->config.context, rows, 0);
	else
		g_ptr_array_unref(rows);
}

static bool call_get_key(void *context, unsigned number, struct change_key *ret)
{
	const struct daemon_changes *changes = context;

	return settings_change_get(changes->config.settings, number, ret);
}

int daemon_changes_new(const struct daemon_changes_config *config, struct daemon_changes **ret)
{
	struct daemon_changes *changes = g_new0(struct daemon_changes, 1);
	int r;

	changes->config = *config;
	changes->collect_usec = COLLECT_USEC;
	changes->only_adds = true;
	changes->calls = (struct change_calls){
		.context = changes,
		.ask = call_ask,
		.carry_out = call_carry_out,
		.add_warnings = call_add_warnings,
		.get_key = call_get_key,
	};
	changes->batch = kept_rows_new();
	changes->keys = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
					      (GDestroyNotify)kept_row_free);
	changes->overrides = config->overrides ? config_overrides_copy(config->overrides)
					       : config_overrides_new();
	r = sd_event_add_defer(config->event, &changes->submit, on_submit, changes);
	if (r >= 0)
		r = sd_event_source_set_enabled(changes->submit, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_defer(config->event, &changes->idle, on_idle, changes);
	if (r >= 0)
		r = sd_event_source_set_priority(changes->idle, SD_EVENT_PRIORITY_IDLE);
	if (r >= 0)
		r = sd_event_source_set_enabled(changes->idle, SD_EVENT_OFF);
	if (r < 0) {
		daemon_changes_free(changes);
		return r;
	}
	*ret = changes;
	return 0;
}

void daemon_changes_free(struct daemon_changes *changes)
{
	if (!changes)
		return;
	(void)sd_event_source_disable_unref(changes->idle);
	(void)sd_event_source_disable_unref(changes->submit);
	g_ptr_array_unref(changes->batch);
	g_hash_table_unref(changes->keys);
	g_ptr_array_unref(changes->overrides);
	g_free(changes);
}

const struct change_calls *daemon_changes_calls(const struct daemon_changes *changes)
{
	return &changes->calls;
}

void daemon_changes_set_manager(struct daemon_changes *changes, struct manager *manager)
{
	changes->manager = manager;
}
