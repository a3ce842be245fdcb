/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See stream_reader.h. */
#include "tests/stream_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Longer than anything takes, even with sanitizers on a busy machine. */
#define PATIENCE_MS 60000

void reader_open(struct reader *reader, enum reader_kind kind)
{
	int fds[2];

	if (kind == READER_PIPE)
		g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);
	else
		g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
	*reader = (struct reader){fds[0], fds[1], g_string_new(NULL)};
}

void reader_handed_over(struct reader *reader)
{
	if (reader->other >= 0)
		close(reader->other);
	reader->other = -1;
}

void reader_close(struct reader *reader)
{
	reader_handed_over(reader);
	if (reader->fd >= 0)
		close(reader->fd);
	reader->fd = -1;
	g_string_free(reader->text, TRUE);
}

bool reader_read_some(struct reader *reader)
{
	struct pollfd wait = {.fd = reader->fd, .events = POLLIN};
	char buffer[65536];
	ssize_t n;

	g_assert_cmpint(poll(&wait, 1, PATIENCE_MS), ==, 1);
	n = read(reader->fd, buffer, sizeof(buffer));
	if (n < 0)
		g_assert_cmpint(errno, ==, ECONNRESET);
	if (n > 0)
		g_string_append_len(reader->text, buffer, n);
	return n > 0;
}

void reader_read_all(struct reader *reader)
{
	while (reader_read_some(reader))
		;
}

void reader_read_until(struct reader *reader, const char *text)
{
	while (strstr(reader->text->str, text) == NULL) {
		if (!reader_read_some(reader))
			g_error("the stream has ended without '%s':\n%s", text, reader->text->str);
	}
}

unsigned reader_n_lines(const struct reader *reader)
{
	unsigned n = 0;

	for (const char *at = reader->text->str; *at != '\0'; at++)
		n += *at == '\n';
	g_assert_true(reader->text->len == 0 || reader->text->str[reader->text->len - 1] == '\n');
	return n;
}
