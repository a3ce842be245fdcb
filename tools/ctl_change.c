/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See ctl_change.h. */
#include "tools/ctl_change.h"

#include <glib.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define _cleanup_message_ __attribute__((cleanup(sd_bus_message_unrefp)))

/* clang-format off */
static const struct {
	const char *option;
	const char *name; /* on the bus; NULL: not there */
	bool has_value;
} options[CTL_N_OPTIONS] = {
	[CTL_DRY_RUN]  = {"--dry-run",  "dry-run",  false},
	[CTL_FORCE]    = {"--force",    "force",    false},
	[CTL_REPLACE]  = {"--replace",  "replace",  false},
	[CTL_OVERFLOW] = {"--overflow", "overflow", false},
	[CTL_NAME]     = {"--name",     "name",     true},
	[CTL_COMMENT]  = {"--comment",  "comment",  true},
	[CTL_CLIENTS]  = {"--clients",  "clients",  true},
	[CTL_PREFIX]   = {"--prefix",   "prefix",   true},
	[CTL_PROTOCOL] = {"--protocol", NULL,       true},
	[CTL_ON]       = {"--on",       NULL,       true},
	[CTL_TOP]      = {"--top",      NULL,       true},
	[CTL_FOR]      = {"--for",      NULL,       true},
	[CTL_WAIT]     = {"--wait",     NULL,       true},
	[CTL_ALL]      = {"--all",      NULL,       false},
};
/* clang-format on */

static enum ctl_status unknown_option(const char *word, unsigned allowed)
{
	g_autoptr(GString) known = g_string_new(NULL);

	for (unsigned i = 0; i < CTL_N_OPTIONS; i++) {
		if ((allowed & CTL_BIT(i)) != 0)
			g_string_append_printf(known, "%s%s", known->len > 0 ? ", " : "",
					       options[i].option);
	}
	return ctl_fail(CTL_USAGE, "'%s' is not an option here; there is %s", word, known->str);
}

/* The option at argv[*i], which is moved over its value. */
static enum ctl_status take_option(int argc, char **argv, int *i, unsigned allowed,
				   struct ctl_arguments *ret)
{
	const char *word = argv[*i];
	size_t length = strcspn(word, "=");

	for (unsigned o = 0; o < CTL_N_OPTIONS; o++) {
		const char *option = options[o].option;

		if ((allowed & CTL_BIT(o)) == 0 || strlen(option) != length ||
		    strncmp(word, option, length) != 0)
			continue;
		if (!options[o].has_value && word[length] == '=')
			return ctl_fail(CTL_USAGE, "%s takes no value", option);
		if (!options[o].has_value)
			ret->option[o] = "yes";
		else if (word[length] == '=')
			ret->option[o] = word + length + 1;
		else if (*i + 1 < argc)
			ret->option[o] = argv[++*i];
		else
			return ctl_fail(CTL_USAGE, "%s needs a value", option);
		return CTL_DONE;
	}
	return unknown_option(word, allowed);
}

enum ctl_status ctl_change_parse(int argc, char **argv, unsigned allowed, unsigned min_words,
				 unsigned max_words, const char *usage, struct ctl_arguments *ret)
{
	struct ctl_arguments arguments = {.n_words = 0};
	enum ctl_status status = CTL_DONE;

	for (unsigned i = 0; i < CTL_WORDS_MAX; i++)
		arguments.word[i] = "";
	for (int i = 0; i < argc && status == CTL_DONE; i++) {
		if (strncmp(argv[i], "--", 2) == 0)
			status = take_option(argc, argv, &i, allowed | CTL_BIT(CTL_DRY_RUN),
					     &arguments);
		else if (arguments.n_words < max_words)
			arguments.word[arguments.n_words++] = argv[i];
		else
			return ctl_fail(CTL_USAGE, "'%s' is one word too many: it takes %s",
					argv[i], usage);
	}
	if (status == CTL_DONE && arguments.n_words < min_words)
		return ctl_fail(CTL_USAGE, "a word is missing: it takes %s", usage);
	*ret = arguments;
	return status;
}

char *ctl_change_words(const char *text)
{
	return g_strdelimit(g_strdup(text != NULL ? text : ""), ",", ' ');
}

bool ctl_change_time(const char *text, uint64_t *ret)
{
	static const struct {
		const char *name;
		uint64_t seconds;
	} units[] = {{"", 1}, {"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}};
	char *end;
	guint64 number = g_ascii_isdigit(*text) ? g_ascii_strtoull(text, &end, 10) : 0;

	if (number == 0 || number > 365 * 86400)
		return false;
	for (size_t i = 0; i < G_N_ELEMENTS(units); i++) {
		if (g_strcmp0(end, units[i].name) == 0) {
			*ret = number * units[i].seconds * 1000000;
			return true;
		}
	}
	return false;
}

static int append_options(sd_bus_message *call, const struct ctl_arguments *arguments)
{
	int r = sd_bus_message_open_container(call, 'a', "{sv}");

	for (unsigned i = 0; r >= 0 && i < CTL_N_OPTIONS; i++) {
		if (arguments->option[i] == NULL || options[i].name == NULL)
			continue;
		if (options[i].has_value)
			r = sd_bus_message_append(call, "{sv}", options[i].name, "s",
						  arguments->option[i]);
		else
			r = sd_bus_message_append(call, "{sv}", options[i].name, "b", 1);
	}
	return r < 0 ? r : sd_bus_message_close_container(call);
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

static void print_json(json_t *document)
{
	(void)json_dumpf(document, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(document);
}

void ctl_change_begin(struct ctl *ctl)
{
	ctl->outcomes = ctl->json ? json_array() : NULL;
}

void ctl_change_end(struct ctl *ctl)
{
	if (ctl->outcomes != NULL)
		print_json(ctl->outcomes);
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
			print_json(object);
		return;
	}
	puts(outcome->summary);
	json_array_foreach(outcome->differences, i, difference)
		printf("  %s\n", json_string_value(difference));
	json_array_foreach(outcome->warnings, i, warning)(void)
		ctl_fail(CTL_DONE, "warning: %s", json_string_value(warning));
}

enum ctl_status ctl_change_run(struct ctl *ctl, sd_bus_message *call,
			       const struct ctl_arguments *arguments, bool entry_first)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	struct outcome outcome = {.summary = ""};
	enum ctl_status status;
	int r;

	r = append_options(call, arguments);
	if (r < 0)
		return ctl_fail(CTL_FAILED, "the call can not be made: %s", g_strerror(-r));
	status = ctl_call(ctl, call, &reply);
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
