/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See ctl_help.h. */
#include "tools/ctl_help.h"

#include <glib.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "tools/terminal.h"

#define HELP_COLUMN   34 /* of the sentences in the list of commands */
#define OPTION_COLUMN 30
#define HELP_INDENT   6  /* of a sentence on a line of its own */
#define NARROW        64 /* columns; with fewer each sentence has lines of its own */

/* "  pool4 list        addresses and ports ..." */
static void print_row(const char *left, unsigned column, const char *text)
{
	unsigned length = 2 + (unsigned)strlen(left);

	if (terminal_width() < NARROW || length + 2 > column) {
		fputs("  ", stdout);
		terminal_print(2, HELP_INDENT + 4, left);
		printf("%*s", HELP_INDENT, "");
		terminal_print(HELP_INDENT, HELP_INDENT, text);
	} else {
		printf("  %-*s", (int)column - 2, left);
		terminal_print(column, column, text);
	}
}

static void print_verb(const struct ctl_verb *verb)
{
	g_autofree char *name = ctl_verb_name(verb), *words = ctl_verb_words(verb);
	g_autofree char *left = g_strdup_printf("%s %s", name, words);

	print_row(g_strchomp(left), HELP_COLUMN, verb->help);
}

/* "-i, --instance INSTANCE", or NULL as the first if it has no short name. */
static char *option_text(const struct ctl_option_info *info)
{
	return g_strdup_printf("%s%s%s%s%s", info->brief != NULL ? info->brief : "",
			       info->brief != NULL ? ", " : "", info->name,
			       info->value != NULL ? " " : "",
			       info->value != NULL ? info->value : "");
}

static void print_options(uint64_t options)
{
	for (unsigned o = 0; o < CTL_N_OPTIONS; o++) {
		g_autofree char *left = option_text(&ctl_options[o]);

		if ((options & CTL_BIT(o)) != 0)
			print_row(left, OPTION_COLUMN, ctl_options[o].help);
	}
}

static void print_all(void)
{
	puts("nat64ctl [OPTION...] [COMMAND]\n");
	for (const struct ctl_verb *verb = ctl_verbs; verb->noun != NULL; verb++)
		print_verb(verb);
	putchar('\n');
	terminal_print(0, 0, "Options of every command; 'nat64ctl help COMMAND' tells its own:");
	putchar('\n');
	print_options(CTL_GLOBAL_OPTIONS);
	putchar('\n');
	terminal_print(
		0, 0,
		"Without a command: status. Without --bus or --socket: the system bus, then "
		"the control socket. Exit status: 0 done, 1 refused or failed, 2 usage, 3 no "
		"such thing, 4 daemon not running, 5 not authorised.");
}

static void print_one(const struct ctl_verb *verb)
{
	g_autofree char *name = ctl_verb_name(verb), *words = ctl_verb_words(verb);
	uint64_t options = ctl_verb_options(verb);

	printf("nat64ctl %s%s%s%s\n", name, *words != '\0' ? " " : "", words,
	       options != 0 ? " [OPTION...]" : "");
	printf("%*s", HELP_INDENT, "");
	terminal_print(HELP_INDENT, HELP_INDENT, verb->help);
	if (options != 0)
		putchar('\n');
	print_options(options);
}

static json_t *json_of_words(const struct ctl_verb *verb)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < ctl_verb_n_words(verb); i++)
		json_array_append_new(array, json_pack("{s:s, s:b}", "name", verb->word[i].name,
						       "optional", verb->word[i].optional));
	return array;
}

static json_t *json_of_options(uint64_t options)
{
	json_t *array = json_array();

	for (unsigned o = 0; o < CTL_N_OPTIONS; o++) {
		const struct ctl_option_info *info = &ctl_options[o];

		if ((options & CTL_BIT(o)) != 0)
			json_array_append_new(array,
					      json_pack("{s:s, s:s?, s:s?, s:s}", "name",
							info->name, "short", info->brief, "value",
							info->value, "help", info->help));
	}
	return array;
}

static json_t *json_of_verb(const struct ctl_verb *verb)
{
	g_autofree char *name = ctl_verb_name(verb);

	return json_pack("{s:s, s:o, s:o, s:b, s:s, s:s}", "command", name, "words",
			 json_of_words(verb), "options", json_of_options(ctl_verb_options(verb)),
			 "changes", verb->changes, "schema", verb->schema, "help", verb->help);
}

static void print_json(const struct ctl_verb *only, const char *noun)
{
	json_t *commands = json_array();

	for (const struct ctl_verb *verb = ctl_verbs; verb->noun != NULL; verb++) {
		if ((only == NULL || verb == only) && (noun == NULL || !strcmp(noun, verb->noun)))
			json_array_append_new(commands, json_of_verb(verb));
	}
	ctl_print_json(json_pack("{s:o, s:o}", "commands", commands, "options",
				 json_of_options(CTL_GLOBAL_OPTIONS)));
}

enum ctl_status ctl_help_of(struct ctl *ctl, const struct ctl_verb *verb, const char *noun)
{
	if (ctl->json) {
		print_json(verb, noun);
	} else if (verb != NULL) {
		print_one(verb);
	} else if (noun != NULL) {
		for (verb = ctl_verbs; verb->noun != NULL; verb++) {
			if (strcmp(verb->noun, noun) == 0)
				print_verb(verb);
		}
	} else {
		print_all();
	}
	return CTL_DONE;
}

/* "help pool4 add": what its words name is found as if they were a command. */
enum ctl_status ctl_help(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	struct ctl_arguments named;

	ctl_arguments_init(&named);
	for (unsigned i = 0; i < arguments->n_words; i++) {
		enum ctl_status status = ctl_arguments_step(&named, arguments->word[i]);

		if (status != CTL_DONE)
			return status;
	}
	return ctl_help_of(ctl, named.verb, named.noun);
}
