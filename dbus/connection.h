/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The connection to the message bus. It may be missing at start and go away: it is tried again for
 * as long as we live, first after CONNECTION_RETRY_USEC, then after twice as long each time, and
 * the name is asked for anew.
 */
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#define CONNECTION_RETRY_USEC     100000
#define CONNECTION_RETRY_MAX_USEC 5000000

struct connection;

/* Called for each new connection, before its first message. */
typedef int (*connection_ready_fn)(sd_bus *bus, void *userdata);

/* address NULL: the system bus. That the bus is not there is no error. */
int connection_new(sd_event *event, const char *address, const char *service,
		   connection_ready_fn on_ready, void *userdata, struct connection **ret);
void connection_free(struct connection *connection);

/* Leaves the name to another one, until connection_return(). */
void connection_yield(struct connection *connection);
void connection_return(struct connection *connection);

/* Hangs up on a bus that is there and does not answer; it is tried again. */
void connection_give_up(struct connection *connection);

/* NULL while there is none. */
sd_bus *connection_bus(const struct connection *connection);
