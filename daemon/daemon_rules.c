/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See daemon_rules.h. */
#include "daemon/daemon_rules.h"

#include <string.h>

#include "daemon/log.h"

static void set_applied(struct daemon_rules *rules, bool applied)
{
	rules->applied = applied;
	gateway_lock(rules->gateway);
	rules->gateway->rules_in_place = applied;
	gateway_unlock(rules->gateway);
}

int daemon_rules_open(struct daemon_rules *rules, const struct config *config, char **ret_error)
{
	struct rules *fresh = NULL;
	int r;

	if (rules->rules != NULL && rules_are_of(rules->rules, config))
		return 0;
	r = rules_open(rules->instance, config, &fresh, ret_error);
	if (r < 0)
		return r;
	rules_close(rules->rules);
	rules->rules = fresh;
	set_applied(rules, false);
	return 0;
}

void daemon_rules_close(struct daemon_rules *rules)
{
	rules_close(rules->rules);
	rules->rules = NULL;
}

int daemon_rules_put(struct daemon_rules *rules, enum pool4_sync_extent extent, char **ret_error)
{
	char *error = NULL;
	int r;

	if (!rules->applied)
		extent = POOL4_SYNC_ANEW;
	r = pool4_sync_rules(rules->sync, rules->rules, extent, &error);
	if (r == 0)
		set_applied(rules, true);
	else
		log_line(LOG_ERR, "packet rules: %s", error ? error : strerror(-r));
	if (r < 0 && ret_error)
		*ret_error = error;
	else
		g_free(error);
	return r;
}

void daemon_rules_keep(struct daemon_rules *rules)
{
	bool applied;

	if (rules->applied && !rules_present(rules->rules)) {
		set_applied(rules, false);
		log_line(LOG_WARNING, "somebody has removed the packet rules; putting them back");
	}
	applied = rules->applied;
	if (daemon_rules_put(rules, POOL4_SYNC_DIFFERENCE, NULL) == 0 && !applied)
		log_line(LOG_NOTICE, "the packet rules are in place again");
}
