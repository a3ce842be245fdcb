/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See ctl_change.h. */
#include "tools/ctl_change.h"

#include <glib.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "dbus/names.h"

#define _cleanup_message_ __attribute__((cleanup(sd_bus_message_unrefp)))

/* Those that a method takes as options; others are arguments, or nat64ctl's own. */
#define SENT                                                                                       \
	(CTL_BIT(CTL_DRY_RUN) | CTL_BIT(CTL_FORCE) | CTL_BIT(CTL_REPLACE) | CTL_BIT(CTL_EVERY) |   \
	 CTL_BIT(CTL_OVERFLOW) | CTL_BIT(CTL_NAME) | CTL_BIT(CTL_COMMENT) | CTL_BIT(CTL_CLIENTS) | \
	 CTL_BIT(CTL_PREFIX))

char *ctl_change_words(const char *text)
{
	return g_strdelimit(g_strdup(text != NULL ? text : ""), ",", ' ');
}

/* What every changing method returns. */
struct outcome {
	const char *entry; /* path, or NULL */
	int changed;
	const char *summary;
	json_t *warnings;
	json_t *differences; /* of reload; NULL: none are told of */
};

static int read_sentences(sd_bus_message *reply, json_t *sentences)
{
	const char *text;
	int r;

	r = sd_bus_message_enter_container(reply, 'v', "as");
	if (r >= 0)
		r = sd_bus_message_enter_container(reply, 'a', "s");
	while (r >= 0 && (r = sd_bus_message_read(reply, "s", &text)) > 0)
		(void)json_array_append_new(sentences, json_string(text));
	if (r >= 0)
		r = sd_bus_message_exit_container(reply);
	return r < 0 ? r : sd_bus_message_exit_container(reply);
}

static int read_outcome(sd_bus_message *reply, bool entry_first, struct outcome *ret)
{
	const char *name;
	int r = 0;

	if (entry_first)
		r = sd_bus_message_read(reply, "o", &ret->entry);
	if (r >= 0)
		r = sd_bus_message_enter_container(reply, 'a', "{sv}");
	while (r >= 0 && (r = sd_bus_message_enter_container(reply, 'e', "sv")) > 0) {
		r = sd_bus_message_read(reply, "s", &name);
		if (r < 0)
			break;
		if (strcmp(name, "changed") == 0)
			r = sd_bus_message_read(reply, "v", "b", &ret->changed);
		else if (strcmp(name, "summary") == 0)
			r = sd_bus_message_read(reply, "v", "s", &ret->summary);
		else if (strcmp(name, "warnings") == 0)
			r = read_sentences(reply, ret->warnings);
		else if (strcmp(name, "differences") == 0)
			r = read_sentences(reply, ret->differences = json_array());
		else
			r = sd_bus_message_skip(reply, "v");
		if (r >= 0)
			r = sd_bus_message_exit_container(reply);
	}
	return r;
}

void ctl_change_begin(struct ctl *ctl)
{
	ctl->outcomes = ctl->json ? json_array() : NULL;
}

void ctl_change_end(struct ctl *ctl)
{
	if (ctl->outcomes != NULL)
		ctl_print_json(ctl->outcomes);
	ctl->outcomes = NULL;
}

static void print_outcome(const struct ctl *ctl, const struct outcome *outcome)
{
	const json_t *warning, *difference;
	size_t i;

	if (ctl->json) {
		json_t *object =
			json_pack("{s:b, s:s, s:O}", "changed", outcome->changed, "summary",
				  outcome->summary, "warnings", outcome->warnings);

		if (outcome->differences != NULL)
			(void)json_object_set(object, "differences", outcome->differences);
		if (outcome->entry != NULL)
			(void)json_object_set_new(object, "entry", json_string(outcome->entry));
		if (ctl->outcomes != NULL)
			(void)json_array_append_new(ctl->outcomes, object);
		else
			ctl_print_json(object);
		return;
	}
	puts(outcome->summary);
	json_array_foreach(outcome->differences, i, difference)
		printf("  %s\n", json_string_value(difference));
	json_array_foreach(outcome->warnings, i, warning)(void)
		ctl_fail(CTL_DONE, "warning: %s", json_string_value(warning));
}

/* Of what is gone, a script that runs again is told that nothing has changed, besides the status.
 */
static bool is_removal(sd_bus_message *call)
{
	const char *method = sd_bus_message_get_member(call);

	return g_str_has_prefix(method, "Remove") || g_str_equal(method, "UnblockClient");
}

enum ctl_status ctl_change_run(struct ctl *ctl, sd_bus_message *call,
			       const struct ctl_arguments *arguments, bool entry_first)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	struct outcome outcome = {.summary = ""};
	enum ctl_status status;
	int r;

	r = ctl_arguments_append(call, arguments, SENT);
	if (r < 0)
		return ctl_fail(CTL_FAILED, "the call can not be made: %s", g_strerror(-r));
	status = ctl_call(ctl, call, &reply);
	if (status == CTL_NO_SUCH && ctl->json && is_removal(call))
		ctl_change_print(ctl, false, ctl->refusal);
	if (status != CTL_DONE)
		return status;
	outcome.warnings = json_array();
	r = read_outcome(reply, entry_first, &outcome);
	if (r >= 0)
		print_outcome(ctl, &outcome);
	json_decref(outcome.warnings);
	json_decref(outcome.differences);
	return r < 0 ? ctl_bad_reply(r) : CTL_DONE;
}

enum ctl_status ctl_change_call(struct ctl *ctl, const char *method, unsigned n_words,
				const struct ctl_arguments *arguments)
{
	_cleanup_message_ sd_bus_message *call = NULL;
	enum ctl_status status = ctl_call_new(ctl, DBUS_INTERFACE_MANAGER, method, &call);
	int r = 0;

	for (unsigned i = 0; status == CTL_DONE && r >= 0 && i < n_words; i++)
		r = sd_bus_message_append(call, "s", arguments->word[i]);
	if (r < 0)
		return ctl_fail(CTL_FAILED, "%s: %s", method, g_strerror(-r));
	return status != CTL_DONE ? status : ctl_change_run(ctl, call, arguments, false);
}

void ctl_change_print(const struct ctl *ctl, bool changed, const char *summary)
{
	struct outcome outcome = {
		.changed = changed,
		.summary = summary,
		.warnings = json_array(),
	};

	print_outcome(ctl, &outcome);
	json_decref(outcome.warnings);
}
