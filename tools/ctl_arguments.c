/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See ctl_arguments.h. */
#include "tools/ctl_arguments.h"

#include <glib.h>
#include <string.h>

#include "daemon/near.h"
#include "tools/ctl_verbs.h"

_Static_assert(CTL_N_OPTIONS <= 64, "a set of options is a number of 64 bits");

void ctl_arguments_init(struct ctl_arguments *arguments)
{
	*arguments = (struct ctl_arguments){.pending = CTL_N_OPTIONS};
	for (unsigned i = 0; i < CTL_WORDS_MAX; i++)
		arguments->word[i] = "";
}

uint64_t ctl_arguments_allowed(const struct ctl_arguments *arguments)
{
	return CTL_GLOBAL_OPTIONS |
	       (arguments->verb != NULL ? ctl_verb_options(arguments->verb) : 0);
}

/* "30", "10min", "2h", "1d", up to a year of seconds: in µs. */
static bool parse_time(const char *text, uint64_t *ret)
{
	static const struct {
		const char *name;
		uint64_t ms;
	} units[] = {{"", 1000},     {"ms", 1},      {"s", 1000},
		     {"min", 60000}, {"h", 3600000}, {"d", 86400000}};
	char *end;
	guint64 number = g_ascii_isdigit(*text) ? g_ascii_strtoull(text, &end, 10) : 0;

	if (number == 0 || number > 365 * 86400)
		return false;
	for (size_t i = 0; i < G_N_ELEMENTS(units); i++) {
		if (g_strcmp0(end, units[i].name) == 0) {
			*ret = number * units[i].ms * 1000;
			return true;
		}
	}
	return false;
}

static bool parse_number(const char *text, uint64_t max, uint64_t *ret)
{
	guint64 number;

	if (!g_ascii_string_to_unsigned(text, 10, 0, max, &number, NULL))
		return false;
	*ret = number;
	return true;
}

/* The value of an option, as far as it is judged here. */
static enum ctl_status take_value(struct ctl_arguments *arguments, enum ctl_option option,
				  const char *value)
{
	const struct ctl_option_info *info = &ctl_options[option];
	const char *form = NULL;

	if (ctl_arguments_has(arguments, option) && (CTL_BIT(option) & CTL_GLOBAL_OPTIONS) == 0)
		return ctl_fail(CTL_USAGE, "%s is given twice, '%s' and '%s'", info->name,
				arguments->option[option], value);
	if (info->kind == CTL_KIND_NUMBER &&
	    !parse_number(value, UINT32_MAX, &arguments->number[option]))
		form = "number";
	if (info->kind == CTL_KIND_PORT &&
	    !parse_number(value, UINT16_MAX, &arguments->number[option]))
		form = "port";
	if (info->kind == CTL_KIND_TIME && !parse_time(value, &arguments->number[option]))
		form = "time such as 30s, 10min, 2h or 1d";
	if (form != NULL)
		return ctl_fail(CTL_USAGE, "%s: '%s' is not a %s", info->name, value, form);
	arguments->option[option] = value;
	arguments->pending = CTL_N_OPTIONS;
	return CTL_DONE;
}

/* "there is --force, --replace" */
static char *list_options(uint64_t options)
{
	GString *list = g_string_new(NULL);

	for (unsigned o = 0; o < CTL_N_OPTIONS; o++) {
		if ((options & CTL_BIT(o)) != 0)
			g_string_append_printf(list, "%s%s", list->len > 0 ? ", " : "there is ",
					       ctl_options[o].name);
	}
	return g_string_free(list, FALSE);
}

static enum ctl_status unknown_option(const struct ctl_arguments *arguments, const char *word)
{
	g_autofree char *name = g_strndup(word, strcspn(word, "="));
	uint64_t allowed = ctl_arguments_allowed(arguments);
	struct near near = {.written = name};
	g_autofree char *command = NULL, *list = NULL;
	const char *meant;

	for (unsigned o = 0; o < CTL_N_OPTIONS; o++) {
		if ((allowed & CTL_BIT(o)) != 0)
			near_consider(&near, ctl_options[o].name, ctl_options[o].name);
	}
	meant = near_found(&near);
	if (arguments->verb == NULL && meant == NULL)
		return ctl_fail(CTL_USAGE, "there is no option '%s'; 'nat64ctl help' lists them",
				name);
	if (arguments->verb == NULL)
		return ctl_fail(CTL_USAGE, "there is no option '%s': did you mean %s?", name,
				meant);
	command = ctl_verb_name(arguments->verb);
	if (strcmp(name, ctl_options[CTL_DRY_RUN].name) == 0)
		return ctl_fail(CTL_USAGE, "'%s' changes nothing, with or without --dry-run",
				command);
	if (meant != NULL)
		return ctl_fail(CTL_USAGE, "'%s' has no option '%s': did you mean %s?", command,
				name, meant);
	list = list_options(ctl_verb_options(arguments->verb));
	return ctl_fail(CTL_USAGE, "'%s' has no option '%s'%s%s", command, name,
			*list != '\0' ? "; " : "", list);
}

/* Is this word, up to length, the option? */
static bool is_option(const struct ctl_option_info *info, const char *word, size_t length)
{
	return (strlen(info->name) == length && strncmp(word, info->name, length) == 0) ||
	       (info->brief != NULL && strcmp(word, info->brief) == 0);
}

static enum ctl_status take_option(struct ctl_arguments *arguments, const char *word)
{
	uint64_t allowed = ctl_arguments_allowed(arguments);
	size_t length = strcspn(word, "=");

	for (unsigned o = 0; o < CTL_N_OPTIONS; o++) {
		const struct ctl_option_info *info = &ctl_options[o];

		if ((allowed & CTL_BIT(o)) == 0 || !is_option(info, word, length))
			continue;
		if (info->value != NULL && word[length] == '=')
			return take_value(arguments, o, word + length + 1);
		if (word[length] == '=')
			return ctl_fail(CTL_USAGE, "%s takes no value", info->name);
		if (info->value != NULL)
			arguments->pending = o;
		else
			arguments->option[o] = "yes";
		return CTL_DONE;
	}
	return unknown_option(arguments, word);
}

/* "there is no command 'bib lst': ...". noun NULL: word is where one should be. */
static enum ctl_status no_such_verb(const char *noun, const char *word)
{
	g_autofree char *asked = noun != NULL && *word != '\0'
					 ? g_strdup_printf("%s %s", noun, word)
					 : g_strdup(noun ? noun : word);
	g_autoptr(GString) actions = g_string_new(NULL);
	struct near near = {.written = word};
	const struct ctl_verb *meant;

	for (const struct ctl_verb *verb = ctl_verbs; verb->noun != NULL; verb++) {
		if (noun == NULL)
			near_consider(&near, verb->noun, verb);
		else if (strcmp(noun, verb->noun) == 0 && *word != '\0')
			near_consider(&near, verb->action, verb);
		if (noun != NULL && strcmp(noun, verb->noun) == 0)
			g_string_append_printf(actions, "%s'%s %s'", actions->len > 0 ? ", " : "",
					       noun, verb->action);
	}
	meant = near_found(&near);
	if (meant != NULL && noun != NULL)
		return ctl_fail(CTL_USAGE, "there is no command '%s': did you mean '%s %s'?", asked,
				noun, meant->action);
	if (meant != NULL)
		return ctl_fail(CTL_USAGE, "there is no command '%s': did you mean '%s'?", asked,
				meant->noun);
	if (noun != NULL)
		return ctl_fail(CTL_USAGE, "there is no command '%s'; there is %s", asked,
				actions->str);
	return ctl_fail(CTL_USAGE, "there is no command '%s'; 'nat64ctl help' lists them", asked);
}

/* A word that is no option: of the verb's name first, then its own. */
static enum ctl_status take_word(struct ctl_arguments *arguments, const char *word)
{
	const struct ctl_verb *verb = arguments->verb;
	g_autofree char *command = NULL, *usage = NULL;

	if (verb == NULL && arguments->noun == NULL) {
		if (!ctl_verb_is_noun(word))
			return no_such_verb(NULL, word);
		arguments->noun = word;
		arguments->verb = ctl_verb_find(word, NULL);
		return CTL_DONE;
	}
	if (verb == NULL) {
		arguments->verb = ctl_verb_find(arguments->noun, word);
		return arguments->verb != NULL ? CTL_DONE : no_such_verb(arguments->noun, word);
	}
	if (arguments->n_words < ctl_verb_n_words(verb)) {
		arguments->word[arguments->n_words++] = word;
		return CTL_DONE;
	}
	command = ctl_verb_name(verb);
	usage = ctl_verb_words(verb);
	return ctl_fail(CTL_USAGE, "'%s' is one word too many: '%s' takes %s", word, command,
			*usage != '\0' ? usage : "no words");
}

enum ctl_status ctl_arguments_step(struct ctl_arguments *arguments, const char *word)
{
	if (arguments->pending != CTL_N_OPTIONS)
		return take_value(arguments, arguments->pending, word);
	if (!arguments->only_words && strcmp(word, "--") == 0) {
		arguments->only_words = true;
		return CTL_DONE;
	}
	if (!arguments->only_words && *word == '-' && word[1] != '\0')
		return take_option(arguments, word);
	return take_word(arguments, word);
}

static enum ctl_status check_complete(const struct ctl_arguments *arguments)
{
	const struct ctl_verb *verb = arguments->verb;
	g_autofree char *command = NULL, *usage = NULL;
	const struct ctl_word *missing;

	if (arguments->pending != CTL_N_OPTIONS)
		return ctl_fail(CTL_USAGE, "%s needs its value %s",
				ctl_options[arguments->pending].name,
				ctl_options[arguments->pending].value);
	if (verb == NULL)
		return arguments->noun != NULL ? no_such_verb(arguments->noun, "") : CTL_DONE;
	if (arguments->n_words == ctl_verb_n_words(verb) || verb->word[arguments->n_words].optional)
		return CTL_DONE;
	missing = &verb->word[arguments->n_words];
	command = ctl_verb_name(verb);
	usage = ctl_verb_words(verb);
	return ctl_fail(CTL_USAGE, "'%s' lacks %s: it takes %s", command, missing->name, usage);
}

enum ctl_status ctl_arguments_parse(struct ctl_arguments *arguments, int argc, char **argv)
{
	enum ctl_status status = CTL_DONE;

	ctl_arguments_init(arguments);
	for (int i = 0; i < argc && status == CTL_DONE; i++)
		status = ctl_arguments_step(arguments, argv[i]);
	if (status != CTL_DONE || ctl_arguments_has(arguments, CTL_HELP) ||
	    ctl_arguments_has(arguments, CTL_VERSION))
		return status;
	return check_complete(arguments);
}

int ctl_arguments_append(sd_bus_message *call, const struct ctl_arguments *arguments,
			 uint64_t options)
{
	return ctl_arguments_append_and(call, arguments, options, NULL);
}

int ctl_arguments_append_and(sd_bus_message *call, const struct ctl_arguments *arguments,
			     uint64_t options, const char *flag)
{
	int r = sd_bus_message_open_container(call, 'a', "{sv}");

	if (r >= 0 && flag != NULL)
		r = sd_bus_message_append(call, "{sv}", flag, "b", 1);
	for (unsigned o = 0; r >= 0 && o < CTL_N_OPTIONS; o++) {
		const struct ctl_option_info *info = &ctl_options[o];
		const char *name = info->name + strlen("--");
		const char type[] = {info->type, '\0'};
		uint64_t number = arguments->number[o];

		if ((options & CTL_BIT(o)) == 0 || !ctl_arguments_has(arguments, o))
			continue;
		if (info->type == 's')
			r = sd_bus_message_append(call, "{sv}", name, type, arguments->option[o]);
		else if (info->type == 't')
			r = sd_bus_message_append(call, "{sv}", name, type, number);
		else
			r = sd_bus_message_append(call, "{sv}", name, type,
						  info->type == 'b' ? 1 : (int)number);
	}
	return r < 0 ? r : sd_bus_message_close_container(call);
}
