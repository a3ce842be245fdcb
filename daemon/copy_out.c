/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See copy_out.h. The copy belongs to its thread and to who has begun it: the last of them frees
 * it. The thread alone has the descriptors, and writes result before is_over.
 */
#include "daemon/copy_out.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define NICE           10
#define COPY_SIZE      65536
#define PIPE_COPY_SIZE 4096  /* for as much a pipe has room when it has any */
#define PATIENCE_MS    60000 /* for who takes nothing at all */
#define LOOK_MS        200   /* between two looks whether to go on */

struct copy_out {
	int from, to;
	mode_t type;
	atomic_bool enough; /* nobody waits any more */
	GMutex mutex;
	GCond changed;
	/* Under the mutex. */
	unsigned n_owners;
	bool is_over;
	int result;
};

static void unref(struct copy_out *copy)
{
	bool is_last;

	g_mutex_lock(&copy->mutex);
	is_last = --copy->n_owners == 0;
	g_mutex_unlock(&copy->mutex);
	if (!is_last)
		return;
	g_mutex_clear(&copy->mutex);
	g_cond_clear(&copy->changed);
	g_free(copy);
}

/* Until it takes something: 0 or a negative errno. */
static int wait_for_room(const struct copy_out *copy)
{
	struct pollfd pollfd = {.fd = copy->to, .events = POLLOUT};

	for (int waited = 0; waited < PATIENCE_MS; waited += LOOK_MS) {
		int r = poll(&pollfd, 1, LOOK_MS);

		if (r < 0 && errno != EINTR)
			return -errno;
		if (atomic_load(&copy->enough))
			return -ECANCELED;
		if (r > 0)
			return 0;
	}
	return -ETIMEDOUT;
}

static int write_all(const struct copy_out *copy, const char *data, size_t size)
{
	while (size > 0) {
		int r = wait_for_room(copy);
		size_t most = MIN(size, S_ISREG(copy->type) ? COPY_SIZE : PIPE_COPY_SIZE);
		ssize_t n;

		if (r < 0)
			return r;
		n = S_ISSOCK(copy->type) ? send(copy->to, data, most, MSG_DONTWAIT | MSG_NOSIGNAL)
					 : write(copy->to, data, most);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		if (n > 0) {
			data += n;
			size -= (size_t)n;
		}
	}
	return 0;
}

static int copy_all(const struct copy_out *copy)
{
	char *data = g_malloc(COPY_SIZE);
	ssize_t n = 1;
	int r = 0;

	while (r == 0 && n > 0) {
		n = read(copy->from, data, COPY_SIZE);
		r = n < 0 ? -errno : write_all(copy, data, (size_t)n);
	}
	if (r == 0 && S_ISREG(copy->type) && fsync(copy->to) < 0)
		r = -errno;
	g_free(data);
	return r;
}

static void close_both(const struct copy_out *copy)
{
	if (copy->from >= 0)
		(void)close(copy->from);
	if (copy->to >= 0)
		(void)close(copy->to);
}

static void *run(void *data)
{
	struct copy_out *copy = data;
	int r;

	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
	r = copy_all(copy);
	/* Who reads sees the end of it no later than who has asked. */
	close_both(copy);
	g_mutex_lock(&copy->mutex);
	copy->result = r;
	copy->is_over = true;
	g_cond_signal(&copy->changed);
	g_mutex_unlock(&copy->mutex);
	unref(copy);
	return NULL;
}

static int start(struct copy_out *copy)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int r = -pthread_attr_init(&attributes);

	if (r < 0)
		return r;
	(void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	r = -pthread_create(&thread, &attributes, run, copy);
	(void)pthread_attr_destroy(&attributes);
	return r;
}

int copy_out_new(const char *path, int fd, struct copy_out **ret)
{
	struct copy_out *copy = g_new0(struct copy_out, 1);
	struct stat status;
	int r = 0;

	g_mutex_init(&copy->mutex);
	g_cond_init(&copy->changed);
	copy->n_owners = 2;
	copy->from = open(path, O_RDONLY | O_CLOEXEC);
	copy->to = copy->from < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (copy->to < 0 || fstat(copy->to, &status) < 0)
		r = -errno;
	else
		copy->type = status.st_mode;
	if (r == 0)
		r = start(copy);
	if (r < 0) {
		close_both(copy);
		copy->n_owners = 1;
		unref(copy);
		return r;
	}
	*ret = copy;
	return 0;
}

int copy_out_wait(struct copy_out *copy, const atomic_bool *stop, uint64_t limit_ms)
{
	gint64 end = g_get_monotonic_time() + (gint64)limit_ms * 1000;
	int r = 0;

	g_mutex_lock(&copy->mutex);
	while (!copy->is_over && r == 0) {
		gint64 now = g_get_monotonic_time();

		if (atomic_load(stop))
			r = -ECANCELED;
		else if (now >= end)
			r = -ETIMEDOUT;
		else
			(void)g_cond_wait_until(&copy->changed, &copy->mutex,
						MIN(end, now + LOOK_MS * 1000));
	}
	if (copy->is_over)
		r = copy->result;
	g_mutex_unlock(&copy->mutex);
	if (r < 0)
		atomic_store(&copy->enough, true);
	return r;
}

bool copy_out_is_over(struct copy_out *copy)
{
	bool is_over;

	if (!copy)
		return true;
	g_mutex_lock(&copy->mutex);
	is_over = copy->is_over;
	g_mutex_unlock(&copy->mutex);
	return is_over;
}

void copy_out_free(struct copy_out *copy)
{
	if (!copy)
		return;
	atomic_store(&copy->enough, true);
	unref(copy);
}
