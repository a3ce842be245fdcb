/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See config_manual.h. */
#include "daemon/config_manual.h"

#include <string.h>

#include "daemon/config_keys.h"
#include "daemon/config_value.h"

/* As somebody meets them who reads from the top: what nobody does without first. */
static const char *const sections[] = {
	"Translation",
	"Pool4",
	CONFIG_SECTION_POOL4,
	CONFIG_SECTION_STATIC,
	"Timeouts",
	"Limits",
	"Queue",
	"Setup",
	"State",
	"Log",
	"Metrics",
	NULL,
};

/* Values of keys of objects that have no default, but an example. */
static const struct {
	const char *section, *name, *value;
} examples[] = {
	{CONFIG_SECTION_POOL4, "Addresses", "192.0.2.8/29"},
	{CONFIG_SECTION_STATIC, "Inside", "[2001:db8::5]:443"},
	{CONFIG_SECTION_STATIC, "Outside", "192.0.2.2:443"},
};

/* Appends each key of the section by one of these. */
typedef void (*append_fn)(GString *text, const struct config_key *key);

static void append_section(GString *text, const char *section, append_fn append)
{
	for (const struct config_key *key = config_keys; key->section != NULL; key++) {
		if (strcmp(key->section, section) == 0)
			append(text, key);
	}
}

static bool is_bounded(const struct config_key *key)
{
	switch ((int)key->type) {
	case CONFIG_NUMBER:
	case CONFIG_BYTE:
	case CONFIG_DURATION:
	case CONFIG_SIZE:
		return true;
	default:
		return false;
	}
}

/* When a change takes effect, if that is not at once. */
static const char *when(const struct config_key *key)
{
	if ((key->flags & CONFIG_LIVE) == 0)
		return "takes the next start";
	return (key->flags & CONFIG_DYNAMIC) != 0
		       ? "takes the next start unless Pool4.Mode is dynamic"
		       : NULL;
}

/* What scdoc would take for markup is escaped. */
static void append_escaped(GString *page, const char *text)
{
	for (; *text != '\0'; text++) {
		if (strchr("\\*_", *text) != NULL)
			g_string_append_c(page, '\\');
		g_string_append_c(page, *text);
	}
}

/* The same, with a capital letter at its beginning. */
static void append_sentence(GString *page, const char *text)
{
	g_string_append_c(page, g_ascii_toupper(*text));
	append_escaped(page, text + 1);
}

static void append_form(GString *page, const struct config_key *key)
{
	char min[CONFIG_DURATION_TEXT_SIZE], max[CONFIG_DURATION_TEXT_SIZE];

	if (key->choices != NULL) {
		g_autofree char *choices = g_strjoinv(", ", (char **)key->choices);

		g_string_append(page, "One of ");
		append_escaped(page, choices);
	} else {
		append_sentence(page, config_type_form(key->type));
	}
	if (is_bounded(key)) {
		config_bound_print(key, key->min, min);
		config_bound_print(key, key->max, max);
		g_string_append_printf(page, ", from %s to %s", min, max);
	}
	if (*key->bound != '\0')
		g_string_append_printf(page, " (%s)", key->bound);
	g_string_append(page, ".");
}

static void append_manual(GString *page, const struct config_key *key)
{
	g_string_append_printf(page, "*%s*\n\t", key->name);
	append_sentence(page, key->help);
	g_string_append(page, ".\n\t");
	append_form(page, key);
	if (*key->initial != '\0') {
		g_string_append(page, " Default: ");
		append_escaped(page, key->initial);
		g_string_append(page, ".");
	}
	if (when(key) != NULL) {
		g_string_append_c(page, ' ');
		append_sentence(page, when(key));
		g_string_append_c(page, '.');
	}
	g_string_append(page, "\n\n");
}

char *config_manual_keys(void)
{
	GString *page = g_string_new("# KEYS\n\n");

	for (unsigned i = 0; sections[i] != NULL; i++) {
		g_string_append_printf(page, "## [%s]\n\n", sections[i]);
		append_section(page, sections[i], append_manual);
	}
	return g_string_free(page, FALSE);
}

/* Appends lines of at most 100 bytes, each a comment. */
static void append_comment(GString *text, const char *words)
{
	g_auto(GStrv) each = g_strsplit(words, " ", -1);
	size_t column = 1;

	g_string_append_c(text, '#');
	for (unsigned i = 0; each[i] != NULL; i++) {
		if (column + 1 + strlen(each[i]) > 100) {
			g_string_append(text, "\n#");
			column = 1;
		}
		g_string_append_printf(text, " %s", each[i]);
		column += 1 + strlen(each[i]);
	}
	g_string_append_c(text, '\n');
}

static const char *example_value(const struct config_key *key)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(examples); i++) {
		if (strcmp(examples[i].section, key->section) == 0 &&
		    strcmp(examples[i].name, key->name) == 0)
			return examples[i].value;
	}
	return key->initial;
}

static void append_example(GString *text, const struct config_key *key)
{
	g_autofree char *words =
		g_strdup_printf("%c%s%s%s%s", g_ascii_toupper(*key->help), key->help + 1,
				when(key) != NULL ? " (" : "", when(key) != NULL ? when(key) : "",
				when(key) != NULL ? ")" : "");

	append_comment(text, words);
	if (key->choices != NULL) {
		g_autofree char *choices = g_strjoinv(", ", (char **)key->choices);

		g_string_append_printf(text, "#   %s\n", choices);
	}
	g_string_append_printf(text, "#%s=%s\n", key->name, example_value(key));
}

char *config_manual_example(void)
{
	GString *text = g_string_new(
		"# nat64d.conf: configuration of nat64d, see nat64d.conf(5).\n"
		"#\n"
		"# Every line below shows a default; take the '#' in front of it away to change "
		"it. "
		"Drop-ins in\n"
		"# nat64d.conf.d/*.conf are read afterwards in lexical order and change single "
		"keys.\n"
		"# \"nat64d --check\" says what is wrong with a file, and where.\n");

	for (unsigned i = 0; sections[i] != NULL; i++) {
		if (strcmp(sections[i], CONFIG_SECTION_POOL4) == 0)
			g_string_append(text, "\n# An entry of pool4. Without any, the address "
					      "towards the default route is used.\n"
					      "#[Pool4 wan]\n");
		else if (strcmp(sections[i], CONFIG_SECTION_STATIC) == 0)
			g_string_append(text,
					"\n# A static binding: reachable from the IPv4 side.\n"
					"#[Static web]\n");
		else
			g_string_append_printf(text, "\n[%s]\n", sections[i]);
		append_section(text, sections[i], append_example);
	}
	return g_string_free(text, FALSE);
}
