/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nat64ctl top: in place on a terminal, which is one of the kernel's own (pty); plain text into a
 * pipe; rates of what happens between two looks; and how it ends.
 */
#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/cli_run.h"

#define ROWS     20
#define COLUMNS  72
#define PATIENCE 20000

#define HOME "\033[H"
#define HIDE "\033[?25l"
#define SHOW "\033[?25h"

static struct test_service service;

/* nat64ctl on a terminal. */
struct terminal {
	int fd;
	pid_t pid;
	GString *text; /* that it has printed */
};

static void terminal_start(struct terminal *terminal)
{
	struct winsize size = {.ws_row = ROWS, .ws_col = COLUMNS};

	terminal->text = g_string_new(NULL);
	terminal->pid = forkpty(&terminal->fd, NULL, NULL, &size);
	g_assert_cmpint(terminal->pid, >=, 0);
	if (terminal->pid == 0) {
		(void)unsetenv("COLUMNS");
		execl(NAT64CTL, NAT64CTL, "--socket", service.socket_path, "top", "--interval",
		      "100ms", NULL);
		_exit(127);
	}
}

/* More of it. False at its end. */
static bool terminal_read(struct terminal *terminal)
{
	struct pollfd pollfd = {.fd = terminal->fd, .events = POLLIN};
	char buffer[4096];
	ssize_t n;

	g_assert_cmpint(poll(&pollfd, 1, PATIENCE), ==, 1);
	n = read(terminal->fd, buffer, sizeof(buffer));
	if (n <= 0)
		return false;
	g_string_append_len(terminal->text, buffer, n);
	return true;
}

static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;

	for (; (text = strstr(text, what)) != NULL; text++)
		n++;
	return n;
}

/* Its exit status. */
static int terminal_end(struct terminal *terminal)
{
	int status;

	while (terminal_read(terminal))
		;
	g_assert_cmpint(waitpid(terminal->pid, &status, 0), ==, terminal->pid);
	g_assert_true(WIFEXITED(status));
	(void)close(terminal->fd);
	return WEXITSTATUS(status);
}

static void terminal_wait_for_looks(struct terminal *terminal, unsigned n)
{
	while (count(terminal->text->str, HOME) < n)
		g_assert_true(terminal_read(terminal));
}

/* Without what moves the cursor: lines that fit, and a page that does. */
static void assert_fits(const char *text)
{
	g_auto(GStrv) pages = g_strsplit(text, HOME, -1);

	for (unsigned i = 1; pages[i] != NULL && pages[i + 1] != NULL; i++) {
		g_auto(GStrv) lines = g_strsplit(pages[i], "\r\n", -1);

		g_assert_cmpuint(g_strv_length(lines), <=, ROWS);
		g_assert_true(g_str_has_prefix(lines[0], "nat64d active for "));
		for (unsigned j = 0; lines[j] != NULL; j++) {
			size_t length = strcspn(lines[j], "\033");

			g_assert_cmpuint(length, <=, COLUMNS);
		}
	}
}

static void test_terminal(void)
{
	static const struct {
		const char *key;
		int signal;
	} ends[] = {{"q", 0}, {"Q", 0}, {NULL, SIGINT}, {NULL, SIGTERM}, {"\003", 0}};

	for (unsigned i = 0; i < 40; i++)
		test_service_add_session(&service, PROTOCOL_UDP, 100 + i, 900, 1);
	for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
		struct terminal terminal;
		struct termios mode;

		g_test_message("end %zu", i);
		terminal_start(&terminal);
		terminal_wait_for_looks(&terminal, 3);
		g_assert_cmpint(tcgetattr(terminal.fd, &mode), ==, 0);
		g_assert_cmpint(mode.c_lflag & (ECHO | ICANON), ==, 0);
		/* Other keys are of no use. */
		g_assert_cmpint(write(terminal.fd, "x\n", 2), ==, 2);
		terminal_wait_for_looks(&terminal, 5);
		if (ends[i].key != NULL)
			g_assert_cmpint(write(terminal.fd, ends[i].key, 1), ==, 1);
		else
			g_assert_cmpint(kill(terminal.pid, ends[i].signal), ==, 0);
		g_assert_cmpint(terminal_end(&terminal), ==, 0);
		g_assert_true(g_str_has_prefix(terminal.text->str, HIDE));
		g_assert_true(g_str_has_suffix(terminal.text->str, SHOW));
		g_assert_nonnull(strstr(terminal.text->str, "2001:db8:1::"));
		assert_fits(terminal.text->str);
		g_string_free(terminal.text, TRUE);
	}
}

/* The terminal is left as it was, also when the daemon goes. */
static void test_daemon_goes(void)
{
	struct terminal terminal;

	terminal_start(&terminal);
	terminal_wait_for_looks(&terminal, 2);
	test_service_stop(&service);
	g_assert_cmpint(terminal_end(&terminal), ==, 4);
	g_assert_nonnull(strstr(terminal.text->str, "nat64ctl: nat64d hung up\r\n"));
	g_assert_true(g_str_has_suffix(terminal.text->str, SHOW));
	g_string_free(terminal.text, TRUE);
	test_service_start(&service);
}

/* No more than what was asked for, and nothing that moves a cursor. */
static void test_pipe(void)
{
	g_autofree char *out = NULL, *message = NULL;

	g_assert_cmpint(cli_run(&service, "top --count 3 --interval 100ms", true, &out, &message),
			==, 0);
	g_assert_cmpstr(message, ==, "");
	g_assert_null(strchr(out, '\033'));
	g_assert_cmpuint(count(out, "nat64d active for "), ==, 3);
	g_assert_cmpuint(count(out, "\n\nnat64d active for "), ==, 2);
	g_assert_cmpuint(count(out, "POOL4 "), ==, 3);
}

/* Whoever reads has gone: it ends. */
static void test_pipe_ends(void)
{
	g_autofree char *line =
		g_strdup_printf("sh -c '%s --socket %s top --interval 100ms | head -n 1'", NAT64CTL,
				service.socket_path);
	g_autofree char *out = NULL;
	int status;

	g_assert_true(g_spawn_command_line_sync(line, &out, NULL, &status, NULL));
	g_assert_cmpint(status, ==, 0);
	g_assert_true(g_str_has_prefix(out, "nat64d active for "));
	g_assert_cmpuint(count(out, "\n"), ==, 1);
}

static double number(const json_t *object, const char *direction, const char *name)
{
	return json_number_value(json_object_get(json_object_get(object, direction), name));
}

/* Packets that are dropped, and bindings, while it looks: each is in the rate of one look. */
static void test_rates(void)
{
	g_autofree char *line =
		g_strdup_printf("%s --json --socket %s top --interval 300ms --count 4", NAT64CTL,
				service.socket_path);
	g_auto(GStrv) words = g_strsplit(line, " ", -1);
	double drops = 0, bindings = 0;
	int out, status, n = 0;
	char text[65536];
	FILE *file;
	GPid pid;

	g_assert_true(g_spawn_async_with_pipes(NULL, words, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL,
					       NULL, &pid, NULL, &out, NULL, NULL));
	file = fdopen(out, "r");
	while (fgets(text, sizeof(text), file) != NULL) {
		json_t *look = json_loads(text, 0, NULL);
		double seconds = json_number_value(json_object_get(look, "seconds"));

		g_assert_true(json_is_true(json_object_get(look, "rates")));
		g_assert_cmpfloat(seconds, >=, 0.2);
		drops += number(look, "4to6", "drops") * seconds;
		bindings += json_number_value(json_object_get(look, "new_bindings")) * seconds;
		json_decref(look);
		if (n++ > 0)
			continue;
		for (uint16_t port = 5000; port < 5007; port++)
			(void)test_service_receive4(&service, port);
		test_service_add_session(&service, PROTOCOL_UDP, 77, 900, 1);
	}
	(void)fclose(file);
	g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
	g_assert_cmpint(status, ==, 0);
	g_assert_cmpint(n, ==, 4);
	g_assert_cmpfloat_with_epsilon(drops, 7, 0.01);
	g_assert_cmpfloat_with_epsilon(bindings, 1, 0.01);
}

static void test_wrong(void)
{
	static const struct {
		const char *arguments;
		int status;
		const char *message;
	} cases[] = {
		{"top --interval x", 2,
		 "nat64ctl: --interval: 'x' is not a time such as 30s, 10min, 2h or 1d\n"},
		{"top --count x", 2, "nat64ctl: --count: 'x' is not a number\n"},
		{"top 5", 2, "nat64ctl: '5' is one word too many: 'top' takes no words\n"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *out = NULL, *message = NULL;

		g_assert_cmpint(cli_run(&service, cases[i].arguments, true, &out, &message), ==,
				cases[i].status);
		g_assert_cmpstr(message, ==, cases[i].message);
	}
}

int main(int argc, char **argv)
{
	int result;

	g_test_init(&argc, &argv, NULL);
	test_service_start(&service);
	g_test_add_func("/top/terminal", test_terminal);
	g_test_add_func("/top/daemon-goes", test_daemon_goes);
	g_test_add_func("/top/pipe", test_pipe);
	g_test_add_func("/top/pipe-ends", test_pipe_ends);
	g_test_add_func("/top/rates", test_rates);
	g_test_add_func("/top/wrong", test_wrong);
	result = g_test_run();
	test_service_stop(&service);
	return result;
}
