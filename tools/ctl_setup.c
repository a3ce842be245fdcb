/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nat64ctl setup and teardown: the host as the daemon prepares it at start, put in place, shown or
 * removed without the daemon.
 *
 * What pool4 is comes from the configuration only: entries that were added at run time get their
 * rules from the daemon. So where one runs, setup leaves it all to it (rules_renew.h).
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "daemon/config.h"
#include "daemon/rules.h"
#include "daemon/rules_renew.h"
#include "tools/ctl_change.h"
#include "tools/ctl_entries.h"

/* For a daemon with a large pool, or one that is about to be ended for not answering. */
#define PATIENCE_MS 10000u

/* That of the instance. NULL: that of config_load(). g_free() */
static char *config_path(const struct ctl *ctl)
{
	return ctl->instance != NULL ? g_strdup_printf("/etc/nat64d/%s.conf", ctl->instance) : NULL;
}

static struct config *load_config(const struct ctl *ctl, const char *file)
{
	g_autoptr(GPtrArray) problems = config_problems_new();
	g_autofree char *path = file != NULL ? g_strdup(file) : config_path(ctl);
	struct config *config = NULL;

	(void)config_load(path, &config, problems);
	for (guint i = 0; i < problems->len; i++) {
		g_autofree char *text = config_problem_print(g_ptr_array_index(problems, i));

		fprintf(stderr, "%s\n", text);
	}
	return config;
}

/* The shell script that would do it, or what has been done: "commands" is its name in JSON. */
static void print_script(const struct ctl *ctl, const char *script)
{
	if (ctl->json)
		ctl_print_json(json_pack("{s:s}", "commands", script));
	else
		fputs(script, stdout);
}

/* By the daemon if one runs here. */
static int put(const struct ctl *ctl, struct rules *rules, uint32_t queue,
	       const struct ctl_entries *entries, bool *ret_by_daemon, char **ret_error)
{
	g_autofree char *table = rules_table_name(ctl->instance);

	*ret_by_daemon = rules_renew_ask(table, queue, PATIENCE_MS) == 0;
	if (*ret_by_daemon)
		return 0;
	return rules_apply(rules, (const struct rules_entry *)(const void *)entries->entry->data,
			   entries->entry->len, ret_error);
}

static int apply(const struct ctl *ctl, struct rules *rules, uint32_t queue,
		 const struct ctl_entries *entries, char **ret_error)
{
	static const char *const how[] = {
		[RULES_NFT] = "nft queues",
		[RULES_IPTABLES] = "nft marks, iptables queues",
		[RULES_NONE] = "Queue.Rules=none: the host only",
	};
	g_autofree char *before = NULL, *after = NULL, *summary = NULL;
	bool by_daemon = false;
	int r;

	r = rules_in_kernel(ctl->instance, &before, ret_error);
	if (r == 0)
		r = put(ctl, rules, queue, entries, &by_daemon, ret_error);
	if (r == 0)
		r = rules_in_kernel(ctl->instance, &after, ret_error);
	if (r < 0)
		return r;
	summary = by_daemon ? g_strdup("the daemon that runs has put its packet rules in place "
				       "anew; what the files say is read by 'nat64ctl reload'")
			    : g_strdup_printf("packet rules are in place (%s)",
					      how[rules_mode(rules)]);
	ctl_change_print(ctl, strcmp(before, after) != 0, summary);
	return 0;
}

enum ctl_status ctl_setup(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	bool only_print = ctl_arguments_has(arguments, CTL_PRINT) ||
			  ctl_arguments_has(arguments, CTL_DRY_RUN);
	bool early = ctl_arguments_has(arguments, CTL_EARLY);
	struct ctl_entries entries;
	struct config *config;
	struct rules *rules = NULL;
	char *error = NULL;
	int r;

	config = load_config(ctl, arguments->option[CTL_CONFIG]);
	if (config == NULL)
		return CTL_FAILED;
	/* Forwarding would end the router advertisements by which a link is to get its default
	 * route; and nobody answers yet for what is announced. */
	if (early) {
		config->forwarding = CONFIG_FORWARDING_NO;
		config->announce.how = CONFIG_ANNOUNCE_NONE;
	}
	ctl_entries_init(&entries);
	r = ctl_entries_read(config, early, &entries);
	if (r == 0)
		r = rules_open(ctl->instance, config, &rules, &error);
	if (r == 0 && early)
		rules_keep_quiet(rules, &entries.quiet);
	if (r == 0 && only_print) {
		g_autofree char *text = rules_print(
			rules, (const struct rules_entry *)(const void *)entries.entry->data,
			entries.entry->len);

		print_script(ctl, text);
	} else if (r == 0) {
		r = apply(ctl, rules, config->queue.first, &entries, &error);
	}
	if (error != NULL)
		(void)ctl_fail(CTL_FAILED, "setup: %s", error);
	g_free(error);
	rules_close(rules);
	ctl_entries_deinit(&entries);
	config_free(config);
	return r == 0 ? CTL_DONE : CTL_FAILED;
}

enum ctl_status ctl_teardown(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	g_autofree char *table = rules_table_name(ctl->instance);
	g_autofree char *kernel = NULL, *error = NULL;
	bool changed = false;
	int r;

	/* Whoever may not see rules may not remove any. */
	r = rules_in_kernel(ctl->instance, &kernel, &error);
	if (r < 0)
		return ctl_fail(CTL_FAILED, "teardown: %s", error);
	/* What is taken from a daemon that runs, it puts in place again at once. */
	if (rules_renew_is_kept(table, kernel))
		return ctl_fail(CTL_FAILED,
				"teardown: nat64d runs, and would put its packet rules in place "
				"again at once: 'systemctl stop nat64d%s%s' first",
				ctl->instance != NULL ? "@" : "",
				ctl->instance != NULL ? ctl->instance : "");
	if (ctl_arguments_has(arguments, CTL_DRY_RUN)) {
		g_autofree char *summary =
			*kernel == '\0'
				? g_strdup("nothing to remove")
				: g_strdup_printf(
					  "would remove the table inet %s, what iptables "
					  "has of it, and restore what its chain undo lists",
					  table);

		ctl_change_print(ctl, *kernel != '\0', summary);
		return CTL_DONE;
	}
	r = rules_remove(ctl->instance, &changed, &error);
	if (r < 0)
		return ctl_fail(CTL_FAILED, "teardown: %s", error);
	ctl_change_print(ctl, changed,
			 changed ? "packet rules are removed, the host is as it was before"
				 : "nothing to remove");
	return CTL_DONE;
}
