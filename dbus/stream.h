/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines on their way into a pipe or socket that a caller has handed over: written from the control
 * loop, never waited for. Whoever reads slowly or not at all keeps a buffer of STREAM_BUFFER_SIZE,
 * and one of STREAMS_MAX places, and nothing else.
 *
 * A pipe is opened anew where that is permitted, so that the caller can not make writing wait by
 * changing the mode of his own end; elsewhere his end is made non-blocking.
 */
#pragma once

#include <stdint.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#define STREAMS_MAX            32 /* at once, of all callers */
#define STREAMS_PER_CALLER_MAX 4  /* of one connection */
#define STREAM_BUFFER_SIZE     (64u << 10)
#define STREAM_LINE_MAX        4096u /* bytes, its end included */

struct stream;

struct stream_calls {
	/* All that there was is written, and the reader would take more: stream_room() and
	 * stream_add(), or stream_end(). NULL: lines are added as they come. */
	void (*refill)(void *context);
	/* The stream is over: 0 after stream_end(), or the errno. The caller is told what he waits
	 * for, and frees the stream. */
	void (*ended)(void *context, int error);
};

/* All streams of a manager; but for event zeroed = none. */
struct streams {
	sd_event *event; /* outlives them */
	struct stream *first;
	unsigned n;
	uint64_t last_id;
};

/*
 * For the caller of message, who has sent fd, which stays his. Calls come from the event loop. A
 * negative errno with error set: fd is no pipe or stream socket, can
 * not be written to, or there are too many streams.
 */
int stream_new(struct streams *streams, sd_bus_message *message, int fd,
	       const struct stream_calls *calls, void *context, struct stream **ret,
	       sd_bus_error *error);
/* Also while it is written. */
void stream_free(struct stream *stream);

/* Ends all of them, with ECANCELED. */
void streams_stop(struct streams *streams);

/* From 1 on, never given twice. */
uint64_t stream_id(const struct stream *stream);
/* Ends if its reader takes nothing for so long. */
void stream_set_patience(struct stream *stream, uint64_t usec);

/* Where a line may be written that is no longer than STREAM_LINE_MAX; NULL if there is no room.
 * Then how long it has become. */
char *stream_room(struct stream *stream);
void stream_add(struct stream *stream, size_t size);
/* It is over once all is written. */
void stream_end(struct stream *stream);

/* A signal of the manager for the caller of the stream alone. */
int stream_signal_new(const struct stream *stream, const char *name, sd_bus_message **ret);
