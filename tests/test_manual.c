/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The manual pages say what the programs do: every key of the configuration, every command of
 * nat64ctl, every option of nat64d. With NAT64D_WRITE_EXPECTED the section KEYS is written anew.
 */
#include <glib.h>
#include <string.h>

#include "daemon/config_keys.h"
#include "daemon/config_value.h"

static char *read_page(const char *name, char **ret_path)
{
	g_autofree char *path = g_build_filename(MANUAL, name, NULL);
	g_autoptr(GError) error = NULL;
	g_autoptr(GMappedFile) file = g_mapped_file_new(path, FALSE, &error);

	g_assert_no_error(error);
	if (ret_path != NULL)
		*ret_path = g_steal_pointer(&path);
	return g_strndup(g_mapped_file_get_contents(file), g_mapped_file_get_length(file));
}

/* What scdoc would take for markup is escaped. */
static void append_text(GString *page, const char *text)
{
	for (; *text != '\0'; text++) {
		if (strchr("\\*_", *text) != NULL)
			g_string_append_c(page, '\\');
		g_string_append_c(page, *text);
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

static void append_values(GString *page, const struct config_key *key)
{
	char min[CONFIG_DURATION_TEXT_SIZE], max[CONFIG_DURATION_TEXT_SIZE];

	if (key->choices != NULL) {
		g_autofree char *choices = g_strjoinv(", ", (char **)key->choices);

		g_string_append(page, "One of ");
		append_text(page, choices);
	} else {
		g_string_append_c(page, (char)g_ascii_toupper(config_type_form(key->type)[0]));
		append_text(page, config_type_form(key->type) + 1);
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

static void append_key(GString *page, const struct config_key *key)
{
	g_string_append_printf(page, "*%s*\n\t%c", key->name, g_ascii_toupper(key->help[0]));
	append_text(page, key->help + 1);
	g_string_append(page, ".\n\t");
	append_values(page, key);
	if (*key->initial != '\0') {
		g_string_append(page, " Default: ");
		append_text(page, key->initial);
		g_string_append(page, ".");
	}
	if ((key->flags & CONFIG_LATER) != 0)
		g_string_append(page, " Not in effect yet.");
	else if ((key->flags & CONFIG_LIVE) == 0)
		g_string_append(page, " Takes the next start.");
	g_string_append(page, "\n\n");
}

/* The section KEYS as the table of keys has it, in the order of the sections. */
static char *keys_section(void)
{
	GString *page = g_string_new("# KEYS\n\n");
	g_autoptr(GPtrArray) sections = g_ptr_array_new();

	for (const struct config_key *key = config_keys; key->section != NULL; key++) {
		if (!g_ptr_array_find_with_equal_func(sections, key->section, g_str_equal, NULL))
			g_ptr_array_add(sections, (char *)key->section);
	}
	for (guint i = 0; i < sections->len; i++) {
		const char *section = g_ptr_array_index(sections, i);

		g_string_append_printf(page, "## [%s]\n\n", section);
		for (const struct config_key *key = config_keys; key->section != NULL; key++) {
			if (strcmp(key->section, section) == 0)
				append_key(page, key);
		}
	}
	return g_string_free(page, FALSE);
}

static void test_keys(void)
{
	g_autofree char *path = NULL, *expected = keys_section(), *section = NULL;
	g_autofree char *text = read_page("nat64d.conf.5.scd", &path);
	char *begin = strstr(text, "# KEYS\n"), *end = strstr(text, "# FILES\n");

	g_assert_nonnull(begin);
	g_assert_nonnull(end);
	if (g_getenv("NAT64D_WRITE_EXPECTED") != NULL) {
		g_autofree char *before = g_strndup(text, (gsize)(begin - text));
		g_autofree char *page = g_strconcat(before, expected, end, NULL);

		g_assert_true(g_file_set_contents(path, page, -1, NULL));
		return;
	}
	section = g_strndup(begin, (gsize)(end - begin));
	g_assert_cmpstr(section, ==, expected);
}

/* Each match of pattern in what a program prints must stand in the page, as bold text. */
static void assert_mentions(const char *page, const char *command, const char *pattern)
{
	g_autofree char *text = read_page(page, NULL), *out = NULL;
	g_autoptr(GRegex) regex = g_regex_new(pattern, G_REGEX_MULTILINE, 0, NULL);
	g_autoptr(GMatchInfo) match = NULL;
	g_autoptr(GError) error = NULL;
	unsigned n = 0;

	g_spawn_command_line_sync(command, &out, NULL, NULL, &error);
	g_assert_no_error(error);
	for (g_regex_match(regex, out, 0, &match); g_match_info_matches(match);
	     g_match_info_next(match, NULL)) {
		g_autofree char *word = g_match_info_fetch(match, 1);
		g_autofree char *bold = g_strdup_printf("*%s*", word);

		g_test_message("%s: %s", page, bold);
		g_assert_nonnull(strstr(text, bold));
		n++;
	}
	g_assert_cmpuint(n, >, 5);
}

static void test_commands(void)
{
	assert_mentions("nat64ctl.1.scd", NAT64CTL " help", "^  ([a-z0-9-]+( [a-z0-9]+)?)");
	assert_mentions("nat64ctl.1.scd", NAT64CTL " help --json", "(--[a-z0-9-]+)");
}

static void test_options(void)
{
	assert_mentions("nat64d.8.scd", NAT64D " --help", "(--[a-z-]+)");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/manual/keys", test_keys);
	g_test_add_func("/manual/commands", test_commands);
	g_test_add_func("/manual/options", test_options);
	return g_test_run();
}
