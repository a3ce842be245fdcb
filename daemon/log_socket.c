/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/log_socket.h"

#include <errno.h>
#include <glib.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct log_socket {
	struct sockaddr_un address;
	int fd;         /* -1: not connected */
	GQueue waiting; /* of GBytes */
};

struct log_socket *log_socket_new(const char *path)
{
	struct log_socket *log = g_new0(struct log_socket, 1);

	log->address.sun_family = AF_UNIX;
	(void)g_strlcpy(log->address.sun_path, path, sizeof(log->address.sun_path));
	log->fd = -1;
	g_queue_init(&log->waiting);
	return log;
}

static void close_socket(struct log_socket *log)
{
	if (log->fd >= 0)
		(void)close(log->fd);
	log->fd = -1;
}

void log_socket_free(struct log_socket *log)
{
	if (log == NULL)
		return;
	close_socket(log);
	g_queue_clear_full(&log->waiting, (GDestroyNotify)g_bytes_unref);
	g_free(log);
}

/* -errno */
static int open_socket(struct log_socket *log)
{
	int r = 0;

	log->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (log->fd < 0)
		return -errno;
	if (connect(log->fd, (const struct sockaddr *)&log->address, sizeof(log->address)) < 0)
		r = -errno;
	if (r < 0)
		close_socket(log);
	return r;
}

/* -errno */
static int send_once(struct log_socket *log, GBytes *datagram)
{
	gsize size;
	const void *data = g_bytes_get_data(datagram, &size);
	int r = log->fd < 0 ? open_socket(log) : 0;

	if (r == 0 && send(log->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		r = -errno;
	if (r < 0 && r != -EAGAIN)
		close_socket(log);
	return r;
}

/* Whoever has read may have ended, and another one be there. */
static int send_datagram(struct log_socket *log, GBytes *datagram)
{
	bool was_open = log->fd >= 0;
	int r = send_once(log, datagram);

	return r < 0 && r != -EAGAIN && was_open ? send_once(log, datagram) : r;
}

uint64_t log_socket_flush(struct log_socket *log, int *ret_error)
{
	GBytes *datagram;
	uint64_t n_lost = 0;

	while ((datagram = g_queue_peek_head(&log->waiting)) != NULL) {
		int r = send_datagram(log, datagram);

		if (r == -EAGAIN)
			break;
		if (r < 0) {
			n_lost++;
			*ret_error = -r;
		}
		g_bytes_unref(g_queue_pop_head(&log->waiting));
	}
	return n_lost;
}

uint64_t log_socket_write(struct log_socket *log, const void *data, size_t size, int *ret_error)
{
	uint64_t n_lost = log_socket_flush(log, ret_error);

	if (log->waiting.length >= LOG_SOCKET_WAITING_MAX) {
		*ret_error = EAGAIN;
		return n_lost + 1;
	}
	g_queue_push_tail(&log->waiting, g_bytes_new(data, size));
	/* The others wait for the same. */
	return log->waiting.length > 1 ? n_lost : n_lost + log_socket_flush(log, ret_error);
}

uint64_t log_socket_n_waiting(const struct log_socket *log)
{
	return log->waiting.length;
}
