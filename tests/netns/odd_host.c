/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A host whose disk is slow and whose wall clock steps, for one program: preloaded (LD_PRELOAD), it
 * stands before the C library. The file named by ODD_HOST has two numbers, which may change at any
 * time: how many seconds a sync takes, and by how many the wall clock is off.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

struct oddity {
	int sync_s;
	int clock_s;
};

/* Without a file, or with one that is just being written, all is as usual. */
static struct oddity read_oddity(void)
{
	const char *path = getenv("ODD_HOST");
	struct oddity oddity = {0};
	char text[64] = "";
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0)
		return oddity;
	if (read(fd, text, sizeof(text) - 1) > 0 &&
	    sscanf(text, "%d %d", &oddity.sync_s, &oddity.clock_s) != 2)
		oddity = (struct oddity){0};
	(void)close(fd);
	return oddity;
}

static int sync_slowly(long call, int fd)
{
	const struct oddity oddity = read_oddity();
	const struct timespec pause = {.tv_sec = oddity.sync_s};

	if (oddity.sync_s > 0)
		(void)nanosleep(&pause, NULL);
	return (int)syscall(call, fd);
}

EXPORT int fsync(int fd)
{
	return sync_slowly(SYS_fsync, fd);
}

EXPORT int fdatasync(int fd)
{
	return sync_slowly(SYS_fdatasync, fd);
}

EXPORT int clock_gettime(clockid_t clock, struct timespec *ret)
{
	const int r = (int)syscall(SYS_clock_gettime, clock, ret);

	if (r == 0 && clock == CLOCK_REALTIME)
		ret->tv_sec += read_oddity().clock_s;
	return r;
}

EXPORT int gettimeofday(struct timeval *restrict ret, void *restrict zone)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	*ret = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
	return 0;
}

EXPORT time_t time(time_t *ret)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (ret)
		*ret = now.tv_sec;
	return now.tv_sec;
}
