/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat64ctl explain: what would become of a packet, step by step. */
#include <glib.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "dbus/names.h"
#include "tools/ctl.h"

#define _cleanup_message_ __attribute__((cleanup(sd_bus_message_unrefp)))

#define USAGE          "PROTOCOL SOURCE DESTINATION"
#define N_WORDS        3
#define TERMINAL_WIDTH 80
#define TEXT_COLUMN    16

/* clang-format off */
static const struct option {
	const char *option;
	const char *name; /* on the bus */
	char type;
} options[] = {
	{"--flags",  "flags",  's'},
	{"--icmp",   "icmp",   's'},
	{"--length", "length", 'u'},
	{"--ttl",    "ttl",    'u'},
};
/* clang-format on */

struct words {
	const char *word[N_WORDS];
	unsigned n_words;
	const char *value[G_N_ELEMENTS(options)]; /* NULL if not given */
};

/* The option at argv[*i], which is moved over its value. */
static enum ctl_status take_option(int argc, char **argv, int *i, struct words *ret)
{
	const char *word = argv[*i];
	size_t length = strcspn(word, "=");

	for (unsigned o = 0; o < G_N_ELEMENTS(options); o++) {
		if (strlen(options[o].option) != length ||
		    strncmp(word, options[o].option, length) != 0)
			continue;
		if (word[length] == '=')
			ret->value[o] = word + length + 1;
		else if (*i + 1 < argc)
			ret->value[o] = argv[++*i];
		else
			return ctl_fail(CTL_USAGE, "%s needs a value", options[o].option);
		return CTL_DONE;
	}
	return ctl_fail(CTL_USAGE,
			"'%s' is not an option here; there is --flags, --icmp, --length, --ttl",
			word);
}

static enum ctl_status parse(int argc, char **argv, struct words *ret)
{
	enum ctl_status status = CTL_DONE;

	*ret = (struct words){.n_words = 0};
	for (int i = 0; i < argc && status == CTL_DONE; i++) {
		if (strncmp(argv[i], "--", 2) == 0)
			status = take_option(argc, argv, &i, ret);
		else if (ret->n_words < N_WORDS)
			ret->word[ret->n_words++] = argv[i];
		else
			return ctl_fail(CTL_USAGE, "'%s' is one word too many: it takes " USAGE,
					argv[i]);
	}
	if (status == CTL_DONE && ret->n_words < N_WORDS)
		return ctl_fail(CTL_USAGE, "a word is missing: it takes " USAGE);
	return status;
}

static enum ctl_status append(sd_bus_message *call, const struct words *words)
{
	int r = sd_bus_message_append(call, "sss", words->word[0], words->word[1], words->word[2]);

	if (r >= 0)
		r = sd_bus_message_open_container(call, 'a', "{sv}");
	for (unsigned o = 0; r >= 0 && o < G_N_ELEMENTS(options); o++) {
		const char *value = words->value[o];
		guint64 number;

		if (value == NULL)
			continue;
		if (options[o].type == 's') {
			r = sd_bus_message_append(call, "{sv}", options[o].name, "s", value);
			continue;
		}
		if (!g_ascii_string_to_unsigned(value, 10, 0, G_MAXUINT32, &number, NULL))
			return ctl_fail(CTL_USAGE, "%s: '%s' is not a number", options[o].option,
					value);
		r = sd_bus_message_append(call, "{sv}", options[o].name, "u", (uint32_t)number);
	}
	if (r >= 0)
		r = sd_bus_message_close_container(call);
	return r < 0 ? ctl_fail(CTL_FAILED, "the call can not be made: %s", g_strerror(-r))
		     : CTL_DONE;
}

/* "name   text", the text in lines that fit on a terminal. */
static void print_step(const char *name, const char *text)
{
	g_auto(GStrv) words = g_strsplit(text, " ", -1);
	int column = TEXT_COLUMN;

	printf("%-*s", TEXT_COLUMN, name);
	for (unsigned i = 0; words[i] != NULL; i++) {
		int width = (int)g_utf8_strlen(words[i], -1);

		if (i > 0 && column + 1 + width > TERMINAL_WIDTH) {
			printf("\n%*s", TEXT_COLUMN, "");
			column = TEXT_COLUMN;
		} else if (i > 0) {
			putchar(' ');
			column++;
		}
		fputs(words[i], stdout);
		column += width;
	}
	putchar('\n');
}

static int print(struct ctl *ctl, sd_bus_message *reply)
{
	const char *outcome, *name, *text;
	json_t *steps = json_array();
	int r;

	r = sd_bus_message_read(reply, "s", &outcome);
	if (r >= 0)
		r = sd_bus_message_enter_container(reply, 'a', "(ss)");
	while (r >= 0 && (r = sd_bus_message_read(reply, "(ss)", &name, &text)) > 0) {
		g_autofree char *ending = g_strdup_printf("%s: %s", outcome, text);

		if (ctl->json)
			(void)json_array_append_new(
				steps, json_pack("{s:s, s:s}", "step", name, "text", text));
		else
			print_step(name, strcmp(name, "outcome") == 0 ? ending : text);
	}
	if (r >= 0 && ctl->json) {
		json_t *document = json_pack("{s:s, s:O}", "outcome", outcome, "steps", steps);

		(void)json_dumpf(document, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(document);
	}
	json_decref(steps);
	return r;
}

enum ctl_status ctl_explain(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
	struct words words;
	enum ctl_status status = parse(argc, argv, &words);
	int r;

	if (status == CTL_DONE)
		status = ctl_call_new(ctl, DBUS_INTERFACE_MANAGER, "Explain", &call);
	if (status == CTL_DONE)
		status = append(call, &words);
	if (status == CTL_DONE)
		status = ctl_call(ctl, call, &reply);
	if (status != CTL_DONE)
		return status;
	r = print(ctl, reply);
	return r < 0 ? ctl_bad_reply(r) : CTL_DONE;
}
