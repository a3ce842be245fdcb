/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See log_file.h. */
#include "daemon/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/aside.h"

#define TEXT_MAX    (1u << 20) /* bytes in memory, and then what comes is lost */
#define PATIENCE_MS 100        /* far more than a disk takes that does not hang */

/* The thread's, while it writes. */
struct writing {
	char *path;
	int fd; /* -1: not open */
	GString *text;
	bool is_half; /* what is in the file ends within a line */
	int error;    /* of the last time, as errno has it; 0: all was taken */
};

struct log_file {
	struct aside *aside;
	struct writing *writing;
	GString *waiting; /* whole lines */
	uint64_t n_given; /* lines that the thread has, while it is late */
	bool is_late;     /* the last time was not over in time: the next is not waited for */
};

static void close_file(struct writing *writing)
{
	if (writing->fd >= 0)
		(void)close(writing->fd);
	writing->fd = -1;
}

static void writing_free(void *data)
{
	struct writing *writing = data;

	close_file(writing);
	g_string_free(writing->text, TRUE);
	g_free(writing->path);
	g_free(writing);
}

struct log_file *log_file_new(const char *path)
{
	struct log_file *file = g_new0(struct log_file, 1);

	file->writing = g_new0(struct writing, 1);
	file->writing->path = g_strdup(path);
	file->writing->fd = -1;
	file->writing->text = g_string_new(NULL);
	file->waiting = g_string_new(NULL);
	file->aside = aside_new(file->writing, writing_free);
	return file;
}

/* ---- the thread ---------------------------------------------------------------------------------
 */

/* Appended to; nobody but the group may read who had which address. */
static void open_file(struct writing *writing)
{
	writing->fd = open(writing->path,
			   O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
}

/* Has somebody moved it, or taken it away? */
static bool is_moved(const struct writing *writing)
{
	struct stat open_one, named;

	return fstat(writing->fd, &open_one) < 0 || stat(writing->path, &named) < 0 ||
	       open_one.st_ino != named.st_ino || open_one.st_dev != named.st_dev;
}

/* As much as fits; the rest stays for the next time. */
static void write_text(void *data)
{
	struct writing *writing = data;
	ssize_t n = 0;

	writing->error = 0;
	if (writing->fd >= 0 && is_moved(writing))
		close_file(writing);
	if (writing->fd < 0)
		open_file(writing);
	if (writing->fd < 0) {
		writing->error = errno;
		return;
	}
	if (writing->text->len > 0)
		n = write(writing->fd, writing->text->str, writing->text->len);
	if (n < 0)
		writing->error = errno;
	else if ((size_t)n < writing->text->len)
		writing->error = ENOSPC;
	if (n > 0) {
		writing->is_half = writing->text->str[n - 1] != '\n';
		g_string_erase(writing->text, 0, n);
	}
}

/* ---- who has lines to write ---------------------------------------------------------------------
 */

/* But for the end of one that is in the file already. */
static uint64_t count_lines(const GString *text)
{
	uint64_t n = 0;

	for (gsize i = 1; i < text->len; i++)
		n += text->str[i] == '\n';
	return n;
}

unsigned log_file_write(struct log_file *file, const char *line, int *error)
{
	/* What the thread has is not looked at. */
	if (file->waiting->len > TEXT_MAX) {
		if (*error == 0)
			*error = ETIMEDOUT;
		return 1;
	}
	g_string_append_printf(file->waiting, "%s\n", line);
	return 0;
}

/* Nothing is under way. What the file does not take for too long is lost. */
static uint64_t lose(struct log_file *file)
{
	struct writing *writing = file->writing;
	uint64_t n;

	if (writing->text->len <= TEXT_MAX)
		return 0;
	n = count_lines(writing->text);
	g_string_assign(writing->text, writing->is_half ? "\n" : "");
	return n;
}

/* Nothing is under way: what came of it. */
static uint64_t look_back(struct log_file *file, int *error)
{
	if (file->writing->error != 0)
		*error = file->writing->error;
	return lose(file);
}

uint64_t log_file_flush(struct log_file *file, int *error)
{
	struct writing *writing = file->writing;
	bool was_late = file->is_late;
	uint64_t n_lost;

	if (aside_is_busy(file->aside)) {
		*error = ETIMEDOUT;
		return 0;
	}
	n_lost = look_back(file, error);
	g_string_append_len(writing->text, file->waiting->str, (gssize)file->waiting->len);
	g_string_truncate(file->waiting, 0);
	file->n_given = count_lines(writing->text);
	file->is_late = !aside_do(file->aside, write_text, was_late ? 0 : PATIENCE_MS);
	if (!file->is_late)
		return n_lost + look_back(file, error);
	/* One that was not waited for is not late. */
	file->is_late = !was_late;
	if (file->is_late)
		*error = ETIMEDOUT;
	return n_lost;
}

bool log_file_is_written(struct log_file *file)
{
	return file->waiting->len == 0 && !aside_is_busy(file->aside) &&
	       file->writing->text->len == 0;
}

uint64_t log_file_free(struct log_file *file, int *error)
{
	uint64_t n_lost = log_file_flush(file, error);

	n_lost += count_lines(file->waiting);
	n_lost += aside_is_busy(file->aside) ? file->n_given : count_lines(file->writing->text);
	aside_free(file->aside);
	g_string_free(file->waiting, TRUE);
	g_free(file);
	return n_lost;
}
