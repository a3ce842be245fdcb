/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation
 *
 * A change reaches the core at once, where a new entry waits (pending). The rules follow when the
 * event loop has nothing else to do, so after all calls that have come already; but no later than
 * COLLECT_USEC after the first, or as long as the last update took if that was longer, and
 * COLLECT_MAX changes. Then everybody who waits is answered. Who asks one by one gets one update
 * for each; who sends many without waiting for the answers, one for all that came while the last
 * was being made. The time of an update grows with the pool, so with a fixed time of collecting,
 * filling a large one would be nothing but updates. New entries are the cheaper case: as long as
 * nothing else has changed, only they are looked at.
 */
#include "daemon/daemon_changes.h"

#include <errno.h>
#include <string.h>
#include <syslog.h>

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
	r = changes->config.put_rules(
		changes->config.context,
		changes->only_adds ? POOL4_SYNC_PENDING : POOL4_SYNC_DIFFERENCE, &error);
	/* What is taken back is to leave the rules, too. */
	changes->only_adds = r == 0;
	if (r < 0)
		pool4_change_roll_back(changes->config.sync);
	if (r < 0 && !error)
		error = g_strdup(strerror(-r));
	if (changes->manager)
		manager_settled(changes->manager, r < 0 ? error : NULL);
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

static void call_add_pool4(void *context, const struct change_pool4 *request,
			   const struct change_options *options, struct change_result *ret)
{
	struct daemon_changes *changes = context;

	pool4_change_add(changes->config.sync, request, options, ret);
	finish(changes, options, ret);
}

static void call_change_pool4(void *context, enum change_action action, const char *entry,
			      const struct change_options *options, struct change_result *ret)
{
	static void (*const change[N_CHANGE_ACTIONS])(struct pool4_sync * sync, const char *entry,
						      const struct change_options *options,
						      struct change_result *ret) = {
		[CHANGE_REMOVE] = pool4_change_remove,
		[CHANGE_DRAIN] = pool4_change_drain,
		[CHANGE_ENABLE] = pool4_change_enable,
	};
	struct daemon_changes *changes = context;

	change[action](changes->config.sync, entry, options, ret);
	finish(changes, options, ret);
}

static void call_add_warnings(void *context, struct change_result *result)
{
	const struct daemon_changes *changes = context;

	pool4_change_add_warnings(changes->config.sync, result);
}

static void call_add_bib(void *context, const struct change_bib *request,
			 const struct change_options *options, struct change_result *ret)
{
	struct daemon_changes *changes = context;

	static_change_add(changes->config.sync, request, options, ret);
	finish(changes, options, ret);
}

static void call_remove_bib(void *context, const struct change_bib *request,
			    const struct change_options *options, struct change_result *ret)
{
	struct daemon_changes *changes = context;

	static_change_remove(changes->config.sync, request, options, ret);
	finish(changes, options, ret);
}

/* The prefixes may be others. */
static void finish_settings(struct daemon_changes *changes, const struct change_options *options,
			    struct change_result *result)
{
	bool done = result->needs_rules;

	finish(changes, options, result);
	if (done && changes->manager)
		manager_changed(changes->manager);
}

static void call_set_config(void *context, const char *key, const char *value,
			    const struct change_options *options, struct change_result *ret)
{
	struct daemon_changes *changes = context;

	settings_change_set(changes->config.settings, key, value, options, ret);
	finish_settings(changes, options, ret);
}

static void call_reset_config(void *context, const char *key, const struct change_options *options,
			      struct change_result *ret)
{
	struct daemon_changes *changes = context;

	settings_change_reset(changes->config.settings, key, options, ret);
	finish_settings(changes, options, ret);
}

static void call_change_pool6(void *context, const char *prefix, bool add,
			      const struct change_options *options, struct change_result *ret)
{
	struct daemon_changes *changes = context;

	settings_change_pool6(changes->config.settings, prefix, add, options, ret);
	finish_settings(changes, options, ret);
}

static void call_reload(void *context, const struct change_options *options,
			struct change_result *ret)
{
	struct daemon_changes *changes = context;

	settings_change_reload(changes->config.settings, options, ret);
	finish_settings(changes, options, ret);
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
		.add_pool4 = call_add_pool4,
		.change_pool4 = call_change_pool4,
		.add_warnings = call_add_warnings,
		.add_bib = call_add_bib,
		.remove_bib = call_remove_bib,
		.set_config = call_set_config,
		.reset_config = call_reset_config,
		.change_pool6 = call_change_pool6,
		.reload = call_reload,
		.get_key = call_get_key,
	};
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
