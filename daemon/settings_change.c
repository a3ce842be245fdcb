/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/settings_change.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/change_text.h"
#include "daemon/config_value.h"
#include "daemon/kept.h"
#include "daemon/log.h"

/* The worst of the problems becomes the answer; those of the key itself come first. */
static void refuse_for(struct change_result *ret, GPtrArray *problems, const struct config_key *key)
{
	const struct config_problem *worst = NULL;
	g_autofree char *text = NULL;

	for (guint i = 0; i < problems->len; i++) {
		const struct config_problem *problem = g_ptr_array_index(problems, i);
		bool is_own = key != NULL && strcmp(problem->section, key->section) == 0 &&
			      strcmp(problem->key, key->name) == 0;

		if (problem->severity == CONFIG_ERROR && (worst == NULL || is_own))
			worst = problem;
	}
	if (worst == NULL) {
		change_fail(ret, CHANGE_FAILED, "the configuration can not be made");
		return;
	}
	text = config_problem_print(worst);
	change_fail(ret, key != NULL ? CHANGE_INVALID_VALUE : CHANGE_FAILED, "%s", text);
}

void settings_log_problems(const GPtrArray *problems)
{
	for (guint i = 0; i < problems->len; i++) {
		const struct config_problem *problem = g_ptr_array_index(problems, i);
		g_autofree char *text = config_problem_print(problem);

		log_line(problem->severity == CONFIG_ERROR ? LOG_ERR : LOG_WARNING, "%s", text);
	}
}

static bool find_key(const char *text, const struct config_key **ret_key, struct change_result *ret)
{
	g_auto(GStrv) words = g_strsplit(text, ".", 2);
	g_autofree char *near = NULL;

	*ret_key = config_key_parse(text);
	if (*ret_key != NULL)
		return true;
	if (words[0] != NULL && words[1] != NULL)
		near = config_key_suggest(words[0], words[1]);
	if (near != NULL && config_key_parse(near) == NULL)
		g_clear_pointer(&near, g_free); /* of an object */
	change_fail(ret, CHANGE_INVALID_KEY, "there is no key '%.64s'%s%s%s", text,
		    near ? ": did you mean " : "", near ? near : "", near ? "?" : "");
	return false;
}

/* No change goes together with what was refused. */
static bool is_ready(const struct settings_change *change, struct change_result *ret)
{
	if (settings_change_retry(change))
		return true;
	change_fail(ret, CHANGE_FAILED,
		    "a configuration that the packet rules could not follow is still in use: the "
		    "one of before can not be put into effect, the log says why; it is tried again "
		    "with the next change");
	return false;
}

/* May this key be set while the daemon runs? */
static bool may_set(const struct settings_change *change, const struct config_key *key,
		    struct change_result *ret)
{
	const struct config *running = change->running(change->context);

	if (!running->overrides)
		change_fail(ret, CHANGE_OVERRIDES_DISABLED,
			    "State.Overrides=no: keys are set in the configuration file only");
	else if (!config_key_is_live(key, running))
		change_fail(
			ret, CHANGE_RESTART_REQUIRED,
			"%s.%s takes effect at the next start only: set it in the configuration "
			"file",
			key->section, key->name);
	return ret->error == CHANGE_OK;
}

static void add_details(GPtrArray *texts, struct change_result *ret)
{
	g_ptr_array_add(texts, NULL);
	ret->details = (char **)g_ptr_array_free(texts, FALSE);
}

/* Puts the draft into effect, if it is to be (changes), and ends it. */
static void take(const struct settings_change *change, struct config_draft *draft, bool changes,
		 const struct change_options *options, struct change_result *ret)
{
	g_autofree char *error = NULL;
	int r = 0;

	if (changes && options->plan != NULL)
		kept_settings_differ(change->settings->overrides, draft->overrides,
				     options->plan->rows);
	if (!changes || options->dry_run) {
		config_draft_deinit(draft);
		return;
	}
	r = change->apply(change->context, g_steal_pointer(&draft->config), &error);
	if (r < 0) {
		config_draft_deinit(draft);
		change_fail(ret, CHANGE_FAILED, "it can not be put into effect: %s",
			    error ? error : strerror(-r));
		return;
	}
	for (guint i = 0; i < draft->dropped->len; i++)
		log_line(LOG_NOTICE, "%s", (const char *)g_ptr_array_index(draft->dropped, i));
	config_settings_accept(change->settings, draft);
	ret->needs_rules = true;
}

static void set(const struct settings_change *change, const struct config_key *key,
		const char *value, const struct change_options *options, struct change_result *ret)
{
	g_autoptr(GPtrArray) problems = config_problems_new();
	g_autofree char *before = NULL, *source = NULL;
	struct config_draft draft;

	if (!may_set(change, key, ret) || !is_ready(change, ret))
		return;
	if (config_draft_set(change->settings, key, value, &draft, problems) < 0) {
		refuse_for(ret, problems, key);
		return;
	}
	config_settings_get(change->settings, key, &before, &source);
	ret->changed = strcmp(before, value) != 0;
	(void)snprintf(ret->text, sizeof(ret->text), "%s.%s %s '%s'%s%s%s", key->section, key->name,
		       ret->changed ? (options->dry_run ? "would be" : "is now") : "is already",
		       value, ret->changed ? ", before '" : "", ret->changed ? before : "",
		       ret->changed ? "'" : "");
	take(change, &draft, ret->changed, options, ret);
}

void settings_change_set(const struct settings_change *change, const char *key, const char *value,
			 const struct change_options *options, struct change_result *ret)
{
	const struct config_key *found;

	if (find_key(key, &found, ret))
		set(change, found, value, options, ret);
}

void settings_change_reset(const struct settings_change *change, const char *key,
			   const struct change_options *options, struct change_result *ret)
{
	g_autoptr(GPtrArray) problems = config_problems_new();
	const struct config_key *found = NULL;
	struct config_draft draft;
	unsigned n;

	if ((*key != '\0' && !find_key(key, &found, ret)) || !is_ready(change, ret))
		return;
	n = found != NULL ? config_override_find(change->settings->overrides, found) != NULL
			  : change->settings->overrides->len;
	if (config_draft_reset(change->settings, found, &draft, problems) < 0) {
		refuse_for(ret, problems, NULL);
		return;
	}
	ret->changed = n > 0;
	if (found != NULL && n == 0)
		(void)snprintf(ret->text, sizeof(ret->text), "%s is not set at run time", key);
	else if (found != NULL)
		(void)snprintf(ret->text, sizeof(ret->text), "%s %s", key,
			       options->dry_run ? "would be what the files say"
						: "is what the files say again");
	else
		(void)snprintf(ret->text, sizeof(ret->text), "%u key%s set at run time %s", n,
			       n == 1 ? "" : "s",
			       options->dry_run ? "would be what the files say"
			       : n == 1         ? "is what the files say again"
						: "are what the files say again");
	take(change, &draft, ret->changed, options, ret);
}

/* The prefixes with one more, or (not add) without it. NULL if that is so already. */
static char *other_pool6(const char *before, const struct prefix6 *prefix, bool add)
{
	g_auto(GStrv) words = config_words(before);
	GString *after = g_string_new(NULL);
	char text[ADDR_TEXT_SIZE];
	bool is_there = false;

	for (unsigned i = 0; words[i] != NULL; i++) {
		struct prefix6 word;
		bool same = prefix6_parse(words[i], &word) && word.len == prefix->len &&
			    addr6_equal(&word.addr, &prefix->addr);

		is_there |= same;
		if (!same || add)
			g_string_append_printf(after, "%s%s", after->len > 0 ? " " : "", words[i]);
	}
	if (is_there == add) {
		g_string_free(after, TRUE);
		return NULL;
	}
	if (add)
		g_string_append_printf(after, "%s%s", after->len > 0 ? " " : "",
				       prefix6_print(prefix, text));
	return g_string_free(after, FALSE);
}

void settings_change_pool6(const struct settings_change *change, const char *prefix, bool add,
			   const struct change_options *options, struct change_result *ret)
{
	const struct config_key *key = config_key_find("Translation", "Pool6");
	g_autofree char *before = NULL, *source = NULL, *after = NULL, *problem = NULL;
	struct prefix6 parsed;
	char text[ADDR_TEXT_SIZE];

	problem = config_prefix6_parse(prefix, &parsed);
	if (problem != NULL) {
		change_fail(ret, CHANGE_INVALID_ADDRESS, "%s", problem);
		return;
	}
	if (!is_ready(change, ret))
		return;
	config_settings_get(change->settings, key, &before, &source);
	after = other_pool6(before, &parsed, add);
	prefix6_print(&parsed, text);
	if (after == NULL) {
		(void)snprintf(ret->text, sizeof(ret->text), "%s is %s Pool6", text,
			       add ? "in" : "not in");
		return;
	}
	if (*after == '\0') {
		change_fail(ret, CHANGE_INVALID_VALUE,
			    "%s is the only prefix of Pool6: add another one first", text);
		return;
	}
	set(change, key, after, options, ret);
	if (ret->error == CHANGE_OK)
		(void)snprintf(ret->text, sizeof(ret->text), "%s %s %s Pool6", text,
			       options->dry_run ? (add ? "would be added" : "would be removed")
						: (add ? "added" : "removed"),
			       add ? "to" : "from");
}

void settings_change_reload(const struct settings_change *change,
			    const struct change_options *options, struct change_result *ret)
{
	g_autoptr(GPtrArray) problems = config_problems_new();
	struct config_draft draft;
	GPtrArray *details;
	guint n;
	int r;

	if (!is_ready(change, ret))
		return;
	r = config_draft_reload(change->settings, &draft, problems);
	if (!options->dry_run)
		settings_log_problems(problems);
	if (r < 0) {
		refuse_for(ret, problems, NULL);
		return;
	}
	details = config_draft_differences(change->settings, &draft);
	n = details->len;
	for (guint i = 0; i < draft.dropped->len; i++)
		g_ptr_array_add(details, g_strdup(g_ptr_array_index(draft.dropped, i)));
	ret->changed = details->len > 0;
	add_details(details, ret);
	if (!ret->changed)
		(void)snprintf(ret->text, sizeof(ret->text), "the files say what they said");
	else
		(void)snprintf(ret->text, sizeof(ret->text), "%u setting%s %s", n,
			       n == 1 ? "" : "s",
			       options->dry_run ? "would change"
			       : n == 1         ? "has changed"
						: "have changed");
	take(change, &draft, true, options, ret);
}

void settings_change_settle(const struct settings_change *change)
{
	/* The rules may have followed something else. */
	if (!change->settings->is_refused)
		config_settings_settle(change->settings);
}

bool settings_change_back(const struct settings_change *change)
{
	g_autoptr(GPtrArray) problems = config_problems_new();
	g_autofree char *error = NULL;
	struct config_draft draft;
	int r;

	if (!config_settings_is_unsettled(change->settings))
		return false;
	change->settings->is_refused = true;
	if (config_draft_back(change->settings, &draft, problems) < 0) {
		settings_log_problems(problems);
		return false;
	}
	r = change->apply(change->context, g_steal_pointer(&draft.config), &error);
	if (r < 0) {
		log_line(LOG_ERR, "the configuration of before can not be put into effect: %s",
			 error ? error : strerror(-r));
		config_draft_deinit(&draft);
		return false;
	}
	config_settings_accept(change->settings, &draft);
	config_settings_settle(change->settings);
	return true;
}

bool settings_change_retry(const struct settings_change *change)
{
	return !change->settings->is_refused || settings_change_back(change);
}

const GPtrArray *settings_change_overrides(const struct settings_change *change)
{
	const struct config_settings *settings = change->settings;

	return settings->is_refused && settings->overrides_before != NULL
		       ? settings->overrides_before
		       : settings->overrides;
}

/* One that makes a difference to them, or NULL. */
static const struct config_override *
find_for_rules(const struct settings_change *change,
	       bool (*need_others)(const void *context, const struct config *without),
	       const void *context, struct config_draft *ret)
{
	const GPtrArray *overrides = change->settings->overrides;

	for (guint i = 0; i < overrides->len; i++) {
		const struct config_override *override = g_ptr_array_index(overrides, i);
		g_autoptr(GPtrArray) problems = config_problems_new();

		if (config_draft_reset(change->settings, override->key, ret, problems) < 0)
			continue;
		ret->config->queue.n_workers = change->running(change->context)->queue.n_workers;
		if (need_others(context, ret->config))
			return override;
		config_draft_deinit(ret);
	}
	return NULL;
}

bool settings_change_hold(const struct settings_change *change,
			  bool (*need_others)(const void *context, const struct config *without),
			  const void *context, const char *why)
{
	static const struct change_options no_options;
	const struct config_override *override;
	struct config_draft draft;
	bool any = false;

	while ((override = find_for_rules(change, need_others, context, &draft)) != NULL) {
		struct change_result result = {.error = CHANGE_OK};

		log_line(LOG_ERR,
			 "%s.%s: '%s', set at run time, is not used now and is left in the "
			 "database, as the packet rules can not be put in place with it: %s",
			 override->key->section, override->key->name, override->value, why);
		take(change, &draft, true, &no_options, &result);
		if (result.error != CHANGE_OK)
			break;
		any = true;
	}
	return any;
}

bool settings_change_get(const struct settings_change *change, unsigned number,
			 struct change_key *ret)
{
	const struct config_key *key = config_keys;

	for (; key->section != NULL; key++)
		if (!config_key_is_of_object(key) && number-- == 0)
			break;
	if (key->section == NULL)
		return false;
	ret->section = key->section;
	ret->name = key->name;
	ret->live = config_key_is_live(key, change->running(change->context));
	config_settings_get(change->settings, key, &ret->value, &ret->source);
	return true;
}
