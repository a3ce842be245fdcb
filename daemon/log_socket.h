/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A datagram socket of a log (journald, syslogd), to which one writes without ever waiting: whoever
 * reads it may hang, and translation depends on the thread that writes (L-14).
 *
 * What is not taken at once waits here, in its order, up to LOG_SOCKET_WAITING_MAX datagrams; what
 * comes then is lost, and so is what a socket refuses or that nobody has bound. The socket is
 * connected to anew with the next datagram.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Two queues of events full (EVENT_QUEUE_MAX). */
#define LOG_SOCKET_WAITING_MAX 8192u

struct log_socket;

struct log_socket *log_socket_new(const char *path);
/* What waits is lost. */
void log_socket_free(struct log_socket *log);

/* How many datagrams were lost by this call; if any, *ret_error is the errno of the last, which is
 * EAGAIN if they are not read. */
uint64_t log_socket_write(struct log_socket *log, const void *data, size_t size, int *ret_error);
/* Sends what waits, as far as it is taken. */
uint64_t log_socket_flush(struct log_socket *log, int *ret_error);

uint64_t log_socket_n_waiting(const struct log_socket *log);
