/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whoever reads stderr may hang, as the journal does where its disk hangs. Nobody waits for him:
 * what does not go at once is lost, and the next line that goes says how many were. Only at the end
 * of the process, when nothing else is to be done any more, he is waited for a little.
 */
#include "daemon/log.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LINE_SIZE 1024
#define END_MS    300
#define HEAD_SIZE 16 /* in front of it, and the end */

/* One line at a time, of whatever thread: nobody else of ours takes the room that poll() has found.
 */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t n_lost;
/* The last errors of those that were lost: a process that ends says them once more. */
#define ERRORS_MAX 4
static char errors[ERRORS_MAX][LINE_SIZE];
static unsigned n_errors; /* that ever were; the next one has the place n_errors % ERRORS_MAX */
static bool is_half;      /* what was written last ends within a line */

static int max_level = LOG_INFO;

void log_set_level(int level)
{
	max_level = level;
}

int log_level(void)
{
	return max_level;
}

static const struct {
	const char *name;
	int level;
} levels[] = {
	{"err", LOG_ERR},       {"error", LOG_ERR}, {"warning", LOG_WARNING},
	{"notice", LOG_NOTICE}, {"info", LOG_INFO}, {"debug", LOG_DEBUG},
};

const char *log_level_name(int level)
{
	size_t i = 0;

	while (levels[i].level < level)
		i++;
	return levels[i].name;
}

bool log_level_parse(const char *text, int *ret)
{
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (strcmp(text, levels[i].name) == 0) {
			*ret = levels[i].level;
			return true;
		}
	return false;
}

/* Is stderr the journal's stream? systemd.exec(5) says how to find out. */
bool log_is_to_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device;
	unsigned long long inode;
	struct stat status;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &status) == 0 && status.st_dev == device &&
	       status.st_ino == inode;
}

/* Without waiting; how much has gone. A pipe that has room has so much that a line never waits. */
static size_t put(const char *text, size_t size)
{
	struct pollfd file = {.fd = STDERR_FILENO, .events = POLLOUT};
	ssize_t n = send(STDERR_FILENO, text, size, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && errno == ENOTSOCK && poll(&file, 1, 0) == 1 &&
	    (file.revents & (POLLOUT | POLLERR | POLLHUP)) == POLLOUT)
		n = write(STDERR_FILENO, text, size);
	return n < 0 ? 0 : (size_t)n;
}

static bool put_line(int level, const char *line)
{
	char text[LINE_SIZE + HEAD_SIZE];
	const char *before = is_half ? "\n" : "";
	int size;
	size_t n;

	if (log_is_to_journal())
		size = snprintf(text, sizeof(text), "%s<%d>%s\n", before, level, line);
	else
		size = snprintf(text, sizeof(text), "%snat64d: %s\n", before, line);
	n = put(text, (size_t)size);
	if (n > 0)
		is_half = n < (size_t)size;
	return n == (size_t)size;
}

/* The next line has gone: whoever reads that takes the number for the rest. */
static void forget_lost(void)
{
	n_lost = 0;
	n_errors = 0;
}

static bool tell_lost(void)
{
	char text[LINE_SIZE];

	if (n_lost == 0)
		return true;
	(void)snprintf(text, sizeof(text),
		       "%" PRIu64
		       " line%s before this one lost, as whoever reads the log did not take "
		       "more: packets and management do not wait for that",
		       n_lost, n_lost == 1 ? "" : "s");
	if (!put_line(LOG_WARNING, text))
		return false;
	forget_lost();
	return true;
}

static void lose(int level, const char *line)
{
	n_lost++;
	if (level == LOG_ERR)
		(void)snprintf(errors[n_errors++ % ERRORS_MAX], LINE_SIZE, "%s", line);
}

static uint64_t clock_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* False if there is no room until then, or nobody who reads. */
static bool wait_for_room(uint64_t until_ms)
{
	struct pollfd file = {.fd = STDERR_FILENO, .events = POLLOUT};
	uint64_t now_ms = clock_ms();
	int r;

	if (now_ms >= until_ms)
		return false;
	r = poll(&file, 1, (int)(until_ms - now_ms));
	return (r < 0 && errno == EINTR) ||
	       (r == 1 && (file.revents & (POLLERR | POLLHUP | POLLNVAL)) == 0);
}

static bool put_in_time(int level, const char *line, uint64_t until_ms)
{
	while (!put_line(level, line))
		if (!wait_for_room(until_ms))
			return false;
	return true;
}

void log_end(void)
{
	uint64_t until_ms = clock_ms() + END_MS;
	unsigned n_kept = n_errors < ERRORS_MAX ? n_errors : ERRORS_MAX;
	char text[LINE_SIZE];
	bool good = true;

	(void)pthread_mutex_lock(&lock);
	if (n_lost > n_kept) {
		(void)snprintf(text, sizeof(text),
			       "%" PRIu64
			       " line%s lost until this end, as whoever reads the log did not take "
			       "more",
			       n_lost - n_kept, n_lost - n_kept == 1 ? "" : "s");
		good = put_in_time(LOG_WARNING, text, until_ms);
	}
	for (unsigned i = n_errors - n_kept; good && i != n_errors; i++)
		good = put_in_time(LOG_ERR, errors[i % ERRORS_MAX], until_ms);
	if (good)
		forget_lost();
	(void)pthread_mutex_unlock(&lock);
}

void log_line(int level, const char *format, ...)
{
	char line[LINE_SIZE];
	va_list args;

	if (level > max_level)
		return;
	va_start(args, format);
	(void)vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	(void)pthread_mutex_lock(&lock);
	if (!tell_lost() || !put_line(level, line))
		lose(level, line);
	(void)pthread_mutex_unlock(&lock);
}
