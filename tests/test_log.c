/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Log lines on a stderr that nobody reads: nobody waits, and none is lost without being counted. */
#include "daemon/log.h"

#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define N_LINES 20000 /* some MB: more than a pipe or a socket holds */

/* An end that is read, and the other one in place of stderr, which is kept. */
struct reader {
	int fd;
	int stderr_fd;
};

static struct reader redirect(bool is_socket)
{
	struct reader reader;
	int fd[2];

	g_assert_cmpint(is_socket ? socketpair(AF_UNIX, SOCK_STREAM, 0, fd) : pipe(fd), ==, 0);
	reader.stderr_fd = dup(STDERR_FILENO);
	reader.fd = fd[0];
	g_assert_cmpint(dup2(fd[1], STDERR_FILENO), ==, STDERR_FILENO);
	(void)close(fd[1]);
	g_assert_cmpint(fcntl(reader.fd, F_SETFL, O_NONBLOCK), ==, 0);
	return reader;
}

static void restore_stderr(const struct reader *reader)
{
	g_assert_cmpint(dup2(reader->stderr_fd, STDERR_FILENO), ==, STDERR_FILENO);
	(void)close(reader->stderr_fd);
}

/* What is there to be read. */
static char *read_all(const struct reader *reader)
{
	GString *text = g_string_new(NULL);
	char part[4096];
	ssize_t n;

	while ((n = read(reader->fd, part, sizeof(part))) > 0)
		g_string_append_len(text, part, n);
	return g_string_free(text, FALSE);
}

static unsigned count_lines(const char *text)
{
	unsigned n = 0;

	while ((text = strchr(text, '\n')) != NULL) {
		text++;
		n++;
	}
	return n;
}

static void test_unread(gconstpointer is_socket)
{
	struct reader reader = redirect(is_socket != NULL);
	g_autofree char *before = NULL, *after = NULL;
	unsigned n_lost = 0, n_read;

	for (unsigned i = 0; i < N_LINES; i++)
		log_line(LOG_NOTICE, "%u: a line that somebody should read", i);
	before = read_all(&reader);
	log_line(LOG_NOTICE, "the last one");
	after = read_all(&reader);
	restore_stderr(&reader);
	(void)close(reader.fd);

	n_read = count_lines(before);
	g_assert_cmpuint(n_read, >, 0);
	g_assert_cmpuint(n_read, <, N_LINES);
	g_assert_true(g_str_has_prefix(before, "nat64d: 0: a line"));
	g_assert_true(g_str_has_suffix(before, "read\n")); /* whole lines */
	g_assert_cmpint(sscanf(after, "nat64d: %u lines before this one lost", &n_lost), ==, 1);
	g_assert_cmpuint(n_lost, ==, N_LINES - n_read);
	g_assert_true(g_str_has_suffix(after, "\nnat64d: the last one\n"));
	g_assert_cmpuint(count_lines(after), ==, 2);
}

/* Whoever read is gone: no signal ends the daemon, and it goes on. */
static void test_gone(gconstpointer is_socket)
{
	struct reader reader = redirect(is_socket != NULL);

	(void)close(reader.fd);
	(void)signal(SIGPIPE, SIG_DFL);
	log_line(LOG_NOTICE, "nobody");
	restore_stderr(&reader);
	reader = redirect(is_socket != NULL);
	log_line(LOG_NOTICE, "somebody");
	g_autofree char *text = read_all(&reader);
	restore_stderr(&reader);
	(void)close(reader.fd);
	g_assert_true(g_str_has_prefix(text, "nat64d: 1 line before this one lost"));
	g_assert_true(g_str_has_suffix(text, "\nnat64d: somebody\n"));
}

static void *read_to_end(void *context)
{
	const struct reader *reader = context;
	GString *text = g_string_new(NULL);
	char part[4096];
	ssize_t n;

	g_assert_cmpint(fcntl(reader->fd, F_SETFL, 0), ==, 0);
	while ((n = read(reader->fd, part, sizeof(part))) > 0)
		g_string_append_len(text, part, n);
	return g_string_free(text, FALSE);
}

/* Why a process ends is said though nobody has read for a while. */
static void test_end(gconstpointer is_socket)
{
	struct reader reader = redirect(is_socket != NULL);
	GThread *thread;

	for (unsigned i = 0; i < N_LINES; i++)
		log_line(LOG_NOTICE, "%u: a line that somebody should read", i);
	log_line(LOG_ERR, "why it ends");
	log_line(LOG_NOTICE, "and something else");
	thread = g_thread_new("reader", read_to_end, &reader);
	log_end();
	restore_stderr(&reader);
	g_autofree char *text = g_thread_join(thread);
	(void)close(reader.fd);
	g_assert_true(g_str_has_suffix(text, "\nnat64d: why it ends\n"));
	g_assert_nonnull(strstr(text, " lines lost until this end, as whoever reads"));

	/* Nothing is owed any more. */
	reader = redirect(is_socket != NULL);
	log_line(LOG_NOTICE, "the next one");
	log_end();
	g_autofree char *next = read_all(&reader);
	restore_stderr(&reader);
	(void)close(reader.fd);
	g_assert_cmpstr(next, ==, "nat64d: the next one\n");
}

/* Nobody reads at all: it ends. */
static void test_end_unread(gconstpointer is_socket)
{
	struct reader reader = redirect(is_socket != NULL);

	for (unsigned i = 0; i < N_LINES; i++)
		log_line(LOG_ERR, "%u: a line that somebody should read", i);
	log_end();
	(void)close(reader.fd);
	log_end();
	restore_stderr(&reader);
	log_line(LOG_NOTICE, "# read again");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_data_func("/log/unread/pipe", NULL, test_unread);
	g_test_add_data_func("/log/unread/socket", GUINT_TO_POINTER(1), test_unread);
	g_test_add_data_func("/log/gone/pipe", NULL, test_gone);
	g_test_add_data_func("/log/gone/socket", GUINT_TO_POINTER(1), test_gone);
	g_test_add_data_func("/log/end/pipe", NULL, test_end);
	g_test_add_data_func("/log/end/socket", GUINT_TO_POINTER(1), test_end);
	g_test_add_data_func("/log/end-unread/pipe", NULL, test_end_unread);
	g_test_add_data_func("/log/end-unread/socket", GUINT_TO_POINTER(1), test_end_unread);
	return g_test_run();
}
