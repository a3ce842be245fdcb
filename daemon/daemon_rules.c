/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See daemon_rules.h. */
#include "daemon/daemon_rules.h"

#include <string.h>

#include "daemon/log.h"
#include "daemon/rules_renew.h"

/* Between two times that everything is put back: as long as it took, which is longer where the pool
 * is large or the host is busy, but within these. Meanwhile packets may pass. */
#define REST_MS         1000u
#define REST_LONGEST_MS 5000u
/* Who changes them all the time is named so often. */
#define SAY_MS 60000u

static void set_applied(struct daemon_rules *rules, bool applied)
{
	rules->applied = applied;
	gateway_lock(rules->gateway);
	rules->gateway->rules_in_place = applied;
	gateway_unlock(rules->gateway);
}

static void replace(struct daemon_rules *rules, struct rules *fresh)
{
	/* Those in between were never put. */
	if (rules->before == NULL && rules->applied)
		rules->before = rules->rules;
	else
		rules_close(rules->rules);
	rules->rules = fresh;
	set_applied(rules, false);
}

int daemon_rules_open(struct daemon_rules *rules, const struct config *config, char **ret_error)
{
	struct rules *fresh = NULL;
	int r;

	if (rules->rules != NULL && rules_are_of(rules->rules, config))
		return 0;
	if (rules->before != NULL && rules_are_of(rules->before, config)) {
		fresh = g_steal_pointer(&rules->before);
		rules_close(rules->rules);
		rules->rules = fresh;
		set_applied(rules, false);
		return 0;
	}
	r = rules_open(rules->instance, config, &fresh, ret_error);
	if (r < 0)
		return r;
	replace(rules, fresh);
	return 0;
}

void daemon_rules_close(struct daemon_rules *rules)
{
	rules_close(rules->before);
	rules_close(rules->rules);
	rules->before = rules->rules = NULL;
}

int daemon_rules_put(struct daemon_rules *rules, enum pool4_sync_extent extent, char **ret_error)
{
	char *error = NULL;
	int r;

	if (!rules->applied)
		extent = POOL4_SYNC_ANEW;
	r = pool4_sync_rules(rules->sync, rules->rules, extent, &error);
	if (r == 0) {
		set_applied(rules, true);
		rules_close(rules->before);
		rules->before = NULL;
	} else {
		log_line(LOG_ERR, "packet rules: %s", error ? error : strerror(-r));
	}
	if (r < 0 && ret_error)
		*ret_error = error;
	else
		g_free(error);
	return r;
}

/* Unless the last time is not long ago. */
static void say_changed(struct daemon_rules *rules, uint64_t now_ms)
{
	g_autofree char *table = rules_table_name(rules->instance);

	if (rules_renew_is_asked(table)) {
		log_line(LOG_NOTICE, "the packet rules are asked for; putting them in place anew");
		return;
	}
	if (rules->said_ms != 0 && now_ms - rules->said_ms < SAY_MS) {
		rules->n_unsaid++;
		return;
	}
	if (rules->n_unsaid > 0)
		log_line(
			LOG_WARNING,
			"somebody keeps changing the packet rules: they have been put back %u more "
			"times; 'nft monitor' shows by whom",
			rules->n_unsaid);
	else
		log_line(LOG_WARNING,
			 "somebody has changed or removed the packet rules; putting them back");
	rules->said_ms = now_ms;
	rules->n_unsaid = 0;
}

/* Whoever it was has stopped: nothing comes any more by which it would be said. */
static void say_rest(struct daemon_rules *rules, uint64_t now_ms)
{
	if (rules->n_unsaid == 0 || now_ms - rules->said_ms < SAY_MS)
		return;
	log_line(LOG_WARNING,
		 "somebody has changed the packet rules %u more time%s since that was said last; "
		 "they are in place",
		 rules->n_unsaid, rules->n_unsaid == 1 ? "" : "s");
	rules->said_ms = now_ms;
	rules->n_unsaid = 0;
}

/* All of them. */
static void put_back(struct daemon_rules *rules)
{
	uint64_t start_ms = rules->now_ms(), end_ms;
	int r = daemon_rules_put(rules, POOL4_SYNC_ANEW, NULL);

	/* From its end on: nothing else runs while it lasts. */
	end_ms = rules->now_ms();
	rules->not_before_ms = end_ms + CLAMP(end_ms - start_ms, REST_MS, REST_LONGEST_MS);
	if (r == 0 && rules->n_unsaid == 0)
		log_line(LOG_NOTICE, "the packet rules are in place again");
}

uint64_t daemon_rules_keep(struct daemon_rules *rules)
{
	bool present = rules->applied && rules_present(rules->rules);
	uint64_t now_ms = rules->now_ms();

	if (rules->applied && !present) {
		set_applied(rules, false);
		say_changed(rules, now_ms);
	}
	if (rules->applied) {
		say_rest(rules, now_ms);
		(void)daemon_rules_put(rules, POOL4_SYNC_DIFFERENCE, NULL);
		return 0;
	}
	if (now_ms < rules->not_before_ms)
		return rules->not_before_ms - now_ms;
	put_back(rules);
	return 0;
}
