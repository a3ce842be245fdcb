/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat64ctl health, for probes. */
#include <glib.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "tools/ctl_arguments.h"
#include "tools/ctl_stats.h"

#define _cleanup_message_ __attribute__((cleanup(sd_bus_message_unrefp)))

#define PATIENCE_USEC 500000 /* for a packet out of a queue in which some wait */

static enum ctl_status get_state(struct ctl *ctl, char **ret)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	enum ctl_status status = ctl_get_property(ctl, "State", &reply);
	const char *state;
	int r;

	if (status != CTL_DONE)
		return status;
	r = sd_bus_message_read(reply, "v", "s", &state);
	if (r < 0)
		return ctl_bad_reply(r);
	*ret = g_strdup(state);
	return CTL_DONE;
}

/* What is wrong with the rules, or with the queues: does the daemon take packets out of them, if
 * any wait there? NULL: nothing. */
static enum ctl_status find_problem(struct ctl *ctl, const char **ret)
{
	g_autoptr(GArray) before = NULL, after = NULL;
	enum ctl_status status = ctl_stats_get(ctl, &before);

	*ret = NULL;
	if (status != CTL_DONE)
		return status;
	if (ctl_stats_value(before, "rules_in_place") == 0)
		*ret = "the packet rules are not in place";
	if (*ret != NULL || ctl_stats_sum(before, "queue_", "_waiting") == 0)
		return CTL_DONE;
	g_usleep(PATIENCE_USEC);
	status = ctl_stats_get(ctl, &after);
	if (status == CTL_DONE && ctl_stats_sum(after, "queue_", "_waiting") > 0 &&
	    ctl_stats_sum(after, "queue_", "_received") ==
		    ctl_stats_sum(before, "queue_", "_received"))
		*ret = "packets wait in the queues and none is taken";
	return status;
}

/* The reason goes where it is looked for: into the document, or on standard error. */
static enum ctl_status print_verdict(const struct ctl *ctl, const char *problem)
{
	if (ctl->json) {
		ctl_print_json(
			json_pack("{s:b, s:s?}", "healthy", problem == NULL, "problem", problem));
		return problem == NULL ? CTL_DONE : CTL_FAILED;
	}
	if (problem != NULL)
		return ctl_fail(CTL_FAILED, "%s", problem);
	puts("active: rules in place, queues move");
	return CTL_DONE;
}

enum ctl_status ctl_health(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	g_autofree char *state = NULL, *inactive = NULL;
	const char *problem = NULL;
	enum ctl_status status = get_state(ctl, &state);

	if (status == CTL_DONE)
		status = find_problem(ctl, &problem);
	if (status != CTL_DONE)
		return status;
	if (strcmp(state, "active") != 0)
		problem = inactive = g_strdup_printf("the gateway is %s", state);
	if (ctl_arguments_has(arguments, CTL_QUIET))
		return problem == NULL ? CTL_DONE : CTL_FAILED;
	return print_verdict(ctl, problem);
}
