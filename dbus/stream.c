/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See stream.h. */
#include "dbus/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dbus/names.h"

/* After this many bytes others have their turn. */
#define TURN_SIZE (4 * STREAM_BUFFER_SIZE)
/* Behind the calls of everybody else. */
#define PRIORITY (SD_EVENT_PRIORITY_NORMAL + 10)

struct stream {
	struct streams *streams;
	struct stream *next;
	uint64_t id;
	const struct stream_calls *calls;
	void *context;
	sd_bus *bus;
	char *sender; /* "" on the control socket */
	int fd;
	bool is_socket;
	bool ending;
	sd_event_source *source;
	sd_event_source *patience; /* NULL: without end */
	uint64_t patience_usec;
	size_t begin; /* of what is not written yet */
	size_t end;
	char buffer[STREAM_BUFFER_SIZE];
};

static int refuse(sd_bus_error *error, const char *why)
{
	return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
				 "the file descriptor is not what lines can be written to: %s",
				 why);
}

/* What is it? */
static int check_fd(int fd, bool *ret_is_socket, sd_bus_error *error)
{
	int type = 0, flags = fcntl(fd, F_GETFL);
	socklen_t size = sizeof(type);
	struct stat status;

	if (flags < 0 || fstat(fd, &status) < 0)
		return refuse(error, strerror(errno));
	*ret_is_socket = S_ISSOCK(status.st_mode);
	if (!S_ISFIFO(status.st_mode) && !*ret_is_socket)
		return refuse(error, "it is neither a pipe nor a socket");
	if (*ret_is_socket &&
	    (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || type != SOCK_STREAM))
		return refuse(error, "its socket is not one of streams");
	if ((flags & O_PATH) != 0 || (flags & O_ACCMODE) == O_RDONLY)
		return refuse(error, "it is the end of a pipe that is read from");
	return 0;
}

/* A descriptor of our own, on which writing does not wait. */
static int take_fd(int fd, bool is_socket)
{
	char path[64];
	int own;

	if (is_socket)
		own = fcntl(fd, F_DUPFD_CLOEXEC, 3); /* send() is told each time */
	else {
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		own = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
		if (own < 0)
			own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		if (own >= 0 && fcntl(own, F_SETFL, O_WRONLY | O_NONBLOCK) < 0) {
			close(own);
			own = -1;
		}
	}
	return own < 0 ? -errno : own;
}

static int check_number(const struct streams *streams, sd_bus *bus, const char *sender,
			sd_bus_error *error)
{
	unsigned n = 0;

	for (const struct stream *stream = streams->first; stream != NULL; stream = stream->next)
		n += stream->bus == bus && strcmp(stream->sender, sender) == 0;
	if (n >= STREAMS_PER_CALLER_MAX)
		return sd_bus_error_setf(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
					 "%u streams are open for this caller, which is the most: "
					 "one must end first",
					 n);
	if (streams->n >= STREAMS_MAX)
		return sd_bus_error_setf(
			error, SD_BUS_ERROR_LIMITS_EXCEEDED,
			"%u streams are open, which is the most: one must end first", streams->n);
	return 0;
}

static void finish(struct stream *stream, int error)
{
	(void)sd_event_source_set_enabled(stream->source, SD_EVENT_OFF);
	stream->calls->ended(stream->context, error);
}

/* Some progress: the reader has its time anew. */
static void be_patient(struct stream *stream)
{
	if (stream->patience != NULL)
		(void)sd_event_source_set_time_relative(stream->patience, stream->patience_usec);
}

/* Bytes written, 0 if the reader takes no more now, or a negative errno. */
static ssize_t write_some(struct stream *stream)
{
	const char *data = stream->buffer + stream->begin;
	size_t size = stream->end - stream->begin;
	ssize_t n = stream->is_socket ? send(stream->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL)
				      : write(stream->fd, data, size);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	stream->begin += (size_t)n;
	if (stream->begin == stream->end)
		stream->begin = stream->end = 0;
	if (n > 0)
		be_patient(stream);
	return n;
}

/* EPOLLOUT only while there is something to write; that the reader has gone is told anyway. */
static void want(struct stream *stream)
{
	bool wants = stream->end > 0 || stream->ending || stream->calls->refill != NULL;

	(void)sd_event_source_set_io_events(stream->source, wants ? EPOLLOUT : 0);
}

static int on_writable(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct stream *stream = userdata;
	size_t written = 0;

	if ((revents & (EPOLLERR | EPOLLHUP)) != 0) {
		finish(stream, EPIPE);
		return 0;
	}
	do {
		ssize_t n;

		if (stream->end == 0 && !stream->ending && stream->calls->refill != NULL)
			stream->calls->refill(stream->context);
		if (stream->end == 0 && stream->ending) {
			finish(stream, 0);
			return 0;
		}
		if (stream->end == 0)
			break;
		n = write_some(stream);
		if (n < 0) {
			finish(stream, (int)-n);
			return 0;
		}
		if (n == 0)
			break;
		written += (size_t)n;
	} while (written < TURN_SIZE);
	want(stream);
	return 0;
}

static int on_impatience(sd_event_source *source, uint64_t usec, void *userdata)
{
	finish(userdata, ETIMEDOUT);
	return 0;
}

int stream_new(struct streams *streams, sd_bus_message *message, int fd,
	       const struct stream_calls *calls, void *context, struct stream **ret,
	       sd_bus_error *error)
{
	const char *sender = sd_bus_message_get_sender(message);
	sd_bus *bus = sd_bus_message_get_bus(message);
	struct stream *stream;
	bool is_socket = false;
	int r;

	r = check_fd(fd, &is_socket, error);
	if (r >= 0)
		r = check_number(streams, bus, sender != NULL ? sender : "", error);
	if (r < 0)
		return r;
	stream = calloc(1, sizeof(*stream));
	if (stream == NULL)
		return -ENOMEM;
	stream->streams = streams;
	stream->calls = calls;
	stream->context = context;
	stream->is_socket = is_socket;
	stream->id = ++streams->last_id;
	stream->bus = sd_bus_ref(bus);
	stream->next = streams->first;
	streams->first = stream;
	streams->n++;
	stream->sender = strdup(sender != NULL ? sender : "");
	stream->fd = take_fd(fd, is_socket);
	r = stream->sender == NULL ? -ENOMEM : stream->fd < 0 ? stream->fd : 0;
	if (r >= 0)
		r = sd_event_add_io(streams->event, &stream->source, stream->fd,
				    calls->refill != NULL ? EPOLLOUT : 0, on_writable, stream);
	if (r >= 0)
		r = sd_event_source_set_priority(stream->source, PRIORITY);
	if (r < 0) {
		stream_free(stream);
		return r;
	}
	*ret = stream;
	return 0;
}

void stream_free(struct stream *stream)
{
	struct stream **link;

	if (stream == NULL)
		return;
	for (link = &stream->streams->first; *link != stream;)
		link = &(*link)->next;
	*link = stream->next;
	stream->streams->n--;
	sd_event_source_disable_unref(stream->source);
	sd_event_source_disable_unref(stream->patience);
	if (stream->fd >= 0)
		close(stream->fd);
	sd_bus_unref(stream->bus);
	free(stream->sender);
	free(stream);
}

void streams_stop(struct streams *streams)
{
	while (streams->first != NULL)
		finish(streams->first, ECANCELED);
}

uint64_t stream_id(const struct stream *stream)
{
	return stream->id;
}

void stream_set_patience(struct stream *stream, uint64_t usec)
{
	stream->patience_usec = usec;
	(void)sd_event_add_time_relative(stream->streams->event, &stream->patience, CLOCK_MONOTONIC,
					 usec, 0, on_impatience, stream);
}

char *stream_room(struct stream *stream)
{
	if (stream->end + STREAM_LINE_MAX > sizeof(stream->buffer) && stream->begin > 0) {
		memmove(stream->buffer, stream->buffer + stream->begin,
			stream->end - stream->begin);
		stream->end -= stream->begin;
		stream->begin = 0;
	}
	if (stream->end + STREAM_LINE_MAX > sizeof(stream->buffer))
		return NULL;
	return stream->buffer + stream->end;
}

void stream_add(struct stream *stream, size_t size)
{
	stream->end += size;
	want(stream);
}

void stream_end(struct stream *stream)
{
	stream->ending = true;
	want(stream);
}

int stream_signal_new(const struct stream *stream, const char *name, sd_bus_message **ret)
{
	int r = sd_bus_message_new_signal(stream->bus, ret, DBUS_PATH, DBUS_INTERFACE_MANAGER,
					  name);

	if (r >= 0 && *stream->sender != '\0')
		r = sd_bus_message_set_destination(*ret, stream->sender);
	return r;
}
