/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The manual pages say what the programs do: every key of the configuration, every command of
 * nat64ctl, every option of nat64d, every file of its state, every member of the interfaces; and
 * data/nat64d.conf has every key. With NAT64D_WRITE_EXPECTED that is written anew. Without scdoc
 * there are no pages.
 */
#include <gio/gio.h>
#include <string.h>

#include "daemon/config_keys.h"
#include "daemon/config_manual.h"

/* name may be NULL: directory is the file. */
static char *read_page(const char *directory, const char *name)
{
	g_autofree char *path = g_build_filename(directory, name, NULL), *text = NULL;
	g_autoptr(GError) error = NULL;

	g_file_get_contents(path, &text, NULL, &error);
	g_assert_no_error(error);
	return g_steal_pointer(&text);
}

/* The page says this in bold letters. */
static void assert_bold(const char *page, const char *text, const char *word)
{
	g_autofree char *bold = g_strdup_printf("*%s*", word);

	g_test_message("%s: %s", page, bold);
	g_assert_nonnull(strstr(text, bold));
}

/* The build makes the section; nothing of it is lost. */
static void test_keys(void)
{
	g_autofree char *text = read_page(BUILT, "nat64d.conf.5.scd");

	g_assert_nonnull(strstr(text, "# FILES\n"));
	for (const struct config_key *key = config_keys; key->section != NULL; key++) {
		g_autofree char *section = g_strdup_printf("## [%s]\n", key->section);
		g_autofree char *name = g_strdup_printf("\n*%s*\n", key->name);
		const char *begin = strstr(text, section), *found, *next;

		g_test_message("[%s] %s", key->section, key->name);
		g_assert_nonnull(begin);
		found = strstr(begin, name);
		next = strstr(begin + 1, "\n## ");
		g_assert_nonnull(found);
		g_assert_true(next == NULL || found < next);
	}
}

/* data/nat64d.conf is the table of keys. */
static void test_example(void)
{
	g_autofree char *expected = config_manual_example(), *text = NULL;
	g_auto(GStrv) lines = NULL, expected_lines = NULL;
	g_autoptr(GError) error = NULL;

	if (g_getenv("NAT64D_WRITE_EXPECTED") != NULL) {
		g_assert_true(g_file_set_contents(EXAMPLE, expected, -1, NULL));
		return;
	}
	text = read_page(EXAMPLE, NULL);
	lines = g_strsplit(text, "\n", -1);
	expected_lines = g_strsplit(expected, "\n", -1);
	for (unsigned i = 0; lines[i] != NULL && expected_lines[i] != NULL; i++)
		g_assert_cmpstr(lines[i], ==, expected_lines[i]);
	g_assert_cmpuint(strlen(text), ==, strlen(expected));
}

static void assert_members(const char *text, const GDBusInterfaceInfo *interface)
{
	for (GDBusMethodInfo **method = interface->methods; *method != NULL; method++) {
		g_autofree char *begin = g_strdup_printf("\n*%s(", (*method)->name);

		g_test_message("%s.%s", interface->name, (*method)->name);
		g_assert_nonnull(strstr(text, begin));
	}
	for (GDBusSignalInfo **signal = interface->signals; signal && *signal != NULL; signal++) {
		g_autofree char *begin = g_strdup_printf("\n*%s(", (*signal)->name);

		g_assert_nonnull(strstr(text, begin));
	}
	for (GDBusPropertyInfo **property = interface->properties; *property != NULL; property++) {
		g_autofree char *word =
			g_strdup_printf("%s %s", (*property)->name, (*property)->signature);

		assert_bold("org.nat64d1.5", text, word);
	}
}

/* Every method, signal and property; that each argument is described, the build sees to. */
static void test_interfaces(void)
{
	static const char *const contracts[] = {"org.nat64d1.xml", "org.nat64d1.Pool4.xml"};
	g_autofree char *text = read_page(BUILT, "org.nat64d1.5.scd");

	for (unsigned i = 0; i < G_N_ELEMENTS(contracts); i++) {
		g_autofree char *xml = read_page(CONTRACTS, contracts[i]);
		g_autoptr(GError) error = NULL;
		g_autoptr(GDBusNodeInfo) node = g_dbus_node_info_new_for_xml(xml, &error);

		g_assert_no_error(error);
		for (GDBusInterfaceInfo **one = node->interfaces; *one != NULL; one++)
			assert_members(text, *one);
	}
}

/* Every page, without a word of complaint. */
static void test_render(void)
{
	static const char *const pages[] = {"nat64ctl.1", "nat64d.8", "nat64d.conf.5",
					    "org.nat64d1.5"};
	g_autofree char *groff = g_find_program_in_path("groff");

	if (groff == NULL) {
		g_test_skip("groff is missing");
		return;
	}
	for (unsigned i = 0; i < G_N_ELEMENTS(pages); i++) {
		g_autofree char *command = g_strdup_printf("%s -man -ww -z -Kutf8 -Tutf8 %s/%s",
							   groff, BUILT, pages[i]);
		g_autofree char *out = NULL, *complaints = NULL;
		g_autoptr(GError) error = NULL;
		int status;

		g_test_message("%s", pages[i]);
		g_spawn_command_line_sync(command, &out, &complaints, &status, &error);
		g_assert_no_error(error);
		g_assert_cmpstr(complaints, ==, "");
		g_assert_cmpint(status, ==, 0);
	}
}

/* Each match of pattern in what a program prints must stand in the page, as bold text. */
static void assert_mentions(const char *page, const char *command, const char *pattern)
{
	g_autofree char *text = read_page(MANUAL, page), *out = NULL;
	g_autoptr(GRegex) regex = g_regex_new(pattern, G_REGEX_MULTILINE, 0, NULL);
	g_autoptr(GMatchInfo) match = NULL;
	g_autoptr(GError) error = NULL;
	unsigned n = 0;

	g_spawn_command_line_sync(command, &out, NULL, NULL, &error);
	g_assert_no_error(error);
	for (g_regex_match(regex, out, 0, &match); g_match_info_matches(match);
	     g_match_info_next(match, NULL)) {
		g_autofree char *word = g_match_info_fetch(match, 1);

		assert_bold(page, text, word);
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

/* Whoever finds a file in the state directory finds it in the manual. */
static void test_state_files(void)
{
	static const char *const names[] = {"\n_state.db_",
					    "_state.db-wal_",
					    "\n_state.db.v1_",
					    "\n_state.db.corrupt-TIME_\n",
					    "\n_state.db.newer-TIME_\n",
					    "\n_ports_\n"};
	g_autofree char *text = read_page(MANUAL, "nat64d.8.scd");

	for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
		g_test_message("%s", names[i]);
		g_assert_nonnull(strstr(text, names[i]));
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/manual/example", test_example);
	g_test_add_func("/manual/commands", test_commands);
	g_test_add_func("/manual/options", test_options);
	g_test_add_func("/manual/state_files", test_state_files);
	if (g_file_test(BUILT "/nat64d.8", G_FILE_TEST_EXISTS)) {
		g_test_add_func("/manual/keys", test_keys);
		g_test_add_func("/manual/interfaces", test_interfaces);
		g_test_add_func("/manual/render", test_render);
	}
	return g_test_run();
}
