/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a shell offers behind nat64ctl: what is asked of nat64ctl (tools/ctl_complete.h), and both
 * shells with keys pressed at a terminal.
 */
#include <string.h>

#include "tests/bus.h"

static struct test_service service;

static const struct {
	const char *words; /* separated by spaces; the last one is being written */
	const char *candidates;
} cases[] = {
	{"po", "pool4 pool6"},
	{"pool4 ", "list show add remove drain enable"},
	{"pool4 re", "remove"},
	{"pool4 remove ", "wan"},
	{"pool4 remove x", ""},
	{"pool4 remove wan ", ""},
	{"pool4 remove wan --", "--dry-run --force --instance --json --no-legend --bus "
				"--help --version"},
	{"pool4 remove wan --force --f", ""},
	{"pool4 list --d", ""},
	{"pool4 remove --force ", "wan"},
	{"--json pool4 remove ", "wan"},
	{"-- pool4 remove ", "wan"},
	{"pool4 add 192.0.2.8 --protocol ", "tcp udp icmp"},
	{"pool4 add 192.0.2.8 --protocol tcp,i", "tcp,icmp"},
	{"pool4 add 192.0.2.8 --protocol tcp,", "tcp,udp tcp,icmp"},
	{"pool4 add 192.0.2.8 --protocol tcp,tcp", ""},
	{"pool4 add 192.0.2.8 --protocol=u", "--protocol=udp"},
	{"pool4 add 192.0.2.8 --pro=u", ""},
	{"pool4 add 192.0.2.8 --prefix ", "2001:db8:64::/96"},
	{"pool6 remove ", "2001:db8:64::/96"},
	{"client show 2001", "2001:db8:1::/64"},
	{"client unblock ", "2001:db8:9::/64"},
	{"bib list --pool4 ", "wan"},
	{"bib list --pool4=", "--pool4=wan"},
	{"config get Translation.P", "Translation.Pool6 Translation.Parity "
				     "Translation.PreservePort"},
	{"config set Timeouts.UDP ", "5min"},
	{"config set Timeouts.Never ", ""},
	{"session list --state v4_", "v4_init v4_fin_rcv"},
	{"log-level ", "err warning notice info debug"},
	{"explain tcp a b --flags syn,a", "syn,ack"},
	{"setup --config ", "@files"},
	{"help ", "status health"},
	{"help client bl", "block blocked"},
	{"nothing ", ""},
	{"pool4 nothing ", ""},
	{"bib list --nothing ", ""},
	{"bib list --port4 x --", ""},
	{"-i ../x pool4 remove ", ""},
	{"--socket /nonexistent/control pool4 remove ", ""},
	{"pool4 add --name", "--name"},
};

/* The first words of its lines. */
static char *complete(const char *words)
{
	g_auto(GStrv) typed = g_strsplit(words, " ", -1);
	g_autoptr(GPtrArray) argv = g_ptr_array_new();
	g_autofree char *out = NULL, *message = NULL;
	g_auto(GStrv) lines = NULL;
	GString *candidates = g_string_new(NULL);
	int status;

	g_ptr_array_add(argv, (char *)NAT64CTL);
	g_ptr_array_add(argv, (char *)"--complete");
	g_ptr_array_add(argv, (char *)"--socket");
	g_ptr_array_add(argv, service.socket_path);
	for (unsigned i = 0; typed[i] != NULL; i++)
		g_ptr_array_add(argv, typed[i]);
	g_ptr_array_add(argv, NULL);
	g_assert_true(g_spawn_sync(NULL, (char **)argv->pdata, NULL, G_SPAWN_DEFAULT, NULL, NULL,
				   &out, &message, &status, NULL));
	g_assert_true(WIFEXITED(status));
	lines = g_strsplit(out, "\n", -1);
	for (unsigned i = 0; lines[i] != NULL && *lines[i] != '\0'; i++) {
		*strchrnul(lines[i], '\t') = '\0';
		g_string_append_printf(candidates, "%s%s", i > 0 ? " " : "", lines[i]);
	}
	return g_string_free(candidates, FALSE);
}

static void test_candidates(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *got = complete(cases[i].words);

		g_test_message("'%s'", cases[i].words);
		if (strcmp(cases[i].words, "help ") == 0)
			g_assert_true(g_str_has_prefix(got, cases[i].candidates));
		else
			g_assert_cmpstr(got, ==, cases[i].candidates);
	}
}

/* Nobody else's names come where the daemon does not run, and it is not waited for. */
static void test_without_daemon(void)
{
	g_autofree char *out = NULL, *message = NULL;
	int status;

	g_assert_true(g_spawn_command_line_sync(NAT64CTL " --complete --socket /nonexistent/control"
							 " pool4 remove ''",
						&out, &message, &status, NULL));
	g_assert_cmpstr(out, ==, "");
	g_assert_cmpint(WEXITSTATUS(status), ==, 0);
}

static void test_shell(gconstpointer shell)
{
	g_autofree char *path = g_find_program_in_path(shell);
	g_autofree char *line = g_strdup_printf("%s %s %s %s %s", SHELL, (const char *)shell,
						NAT64CTL, COMPLETION, service.socket_path);
	g_autofree char *out = NULL, *message = NULL;
	int status;

	if (path == NULL) {
		g_test_skip("this shell is not installed");
		return;
	}
	g_assert_true(g_spawn_command_line_sync(line, &out, &message, &status, NULL));
	g_test_message("%s%s", out, message);
	g_assert_cmpint(status, ==, 0);
}

static void block_client(void)
{
	g_autofree char *line = g_strdup_printf("%s --socket %s client block 2001:db8:9::/64",
						NAT64CTL, service.socket_path);
	int status;

	g_assert_true(g_spawn_command_line_sync(line, NULL, NULL, &status, NULL));
	g_assert_cmpint(status, ==, 0);
}

int main(int argc, char **argv)
{
	int r;

	g_test_init(&argc, &argv, NULL);
	test_service_start(&service);
	test_service_add_session(&service, PROTOCOL_TCP, 1, 2000, 1);
	block_client();
	g_test_add_func("/complete/candidates", test_candidates);
	g_test_add_func("/complete/without-daemon", test_without_daemon);
	g_test_add_data_func("/complete/bash", "bash", test_shell);
	g_test_add_data_func("/complete/zsh", "zsh", test_shell);
	r = g_test_run();
	test_service_stop(&service);
	return r;
}
