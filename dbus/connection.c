/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See connection.h. */
#include "dbus/connection.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/log.h"

struct connection {
	sd_event *event;
	char *address; /* NULL: the system bus */
	char *service;
	connection_ready_fn on_ready;
	void *userdata;
	sd_bus *bus; /* NULL while there is none */
	sd_event_source *retry;
	uint64_t pause_usec; /* before the next attempt */
	bool complained;     /* about this outage */
};

sd_bus *connection_bus(const struct connection *connection)
{
	return connection->bus;
}

static int try_again(struct connection *connection)
{
	int r;

	r = sd_event_source_set_time_relative(connection->retry, connection->pause_usec);
	if (r < 0)
		return r;
	connection->pause_usec *= 2;
	if (connection->pause_usec > CONNECTION_RETRY_MAX_USEC)
		connection->pause_usec = CONNECTION_RETRY_MAX_USEC;
	return sd_event_source_set_enabled(connection->retry, SD_EVENT_ONESHOT);
}

static void complain(struct connection *connection, const char *what, const char *why)
{
	if (!connection->complained)
		log_line(LOG_WARNING, "D-Bus: %s: %s; it is tried again, the control socket works",
			 what, why);
	connection->complained = true;
}

static void hang_up(struct connection *connection)
{
	connection->bus = sd_bus_close_unref(connection->bus);
	(void)try_again(connection);
}

void connection_give_up(struct connection *connection)
{
	complain(connection, "the bus", "does not answer");
	hang_up(connection);
}

/* sd-bus makes this signal up when a connection ends. */
static int on_message(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct connection *connection = userdata;

	if (!sd_bus_message_is_signal(message, "org.freedesktop.DBus.Local", "Disconnected"))
		return 0;
	complain(connection, "connection to the bus", "lost");
	hang_up(connection);
	return 0;
}

/* The answer to RequestName: 1 is the owner; there is no queueing. */
static int on_name(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct connection *connection = userdata;
	const sd_bus_error *refused = sd_bus_message_get_error(message);
	uint32_t answer = 0;

	if (refused != NULL) {
		complain(connection, connection->service, refused->message);
		hang_up(connection);
		return 0;
	}
	(void)sd_bus_message_read(message, "u", &answer);
	if (answer != 1 && answer != 4) {
		complain(connection, connection->service, "another program owns this name");
		hang_up(connection);
		return 0;
	}
	if (connection->complained)
		log_line(LOG_NOTICE, "D-Bus: %s is on the bus again", connection->service);
	connection->complained = false;
	connection->pause_usec = CONNECTION_RETRY_USEC;
	return 0;
}

static int open_bus(const struct connection *connection, sd_bus **ret)
{
	sd_bus *bus = NULL;
	int r;

	if (connection->address == NULL)
		return sd_bus_open_system(ret);
	r = sd_bus_new(&bus);
	if (r < 0)
		return r;
	r = sd_bus_set_address(bus, connection->address);
	if (r >= 0)
		r = sd_bus_set_bus_client(bus, true);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r < 0) {
		sd_bus_unref(bus);
		return r;
	}
	*ret = bus;
	return 0;
}

static void dial(struct connection *connection)
{
	int r;

	r = open_bus(connection, &connection->bus);
	if (r >= 0)
		r = sd_bus_add_filter(connection->bus, NULL, on_message, connection);
	if (r >= 0)
		r = connection->on_ready(connection->bus, connection->userdata);
	if (r >= 0)
		r = sd_bus_request_name_async(connection->bus, NULL, connection->service, 0,
					      on_name, connection);
	/* As of control.c's peers: the end waits for no bus that hangs. */
	if (r >= 0)
		r = sd_bus_set_close_on_exit(connection->bus, false);
	if (r >= 0)
		r = sd_bus_attach_event(connection->bus, connection->event,
					SD_EVENT_PRIORITY_NORMAL);
	if (r < 0) {
		complain(connection, "the bus can not be reached", strerror(-r));
		hang_up(connection);
	}
}

void connection_yield(struct connection *connection)
{
	(void)sd_event_source_set_enabled(connection->retry, SD_EVENT_OFF);
	connection->bus = sd_bus_close_unref(connection->bus);
}

void connection_return(struct connection *connection)
{
	dial(connection);
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	dial(userdata);
	return 0;
}

int connection_new(sd_event *event, const char *address, const char *service,
		   connection_ready_fn on_ready, void *userdata, struct connection **ret)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	int r;

	if (connection == NULL)
		return -ENOMEM;
	connection->event = sd_event_ref(event);
	connection->on_ready = on_ready;
	connection->userdata = userdata;
	connection->pause_usec = CONNECTION_RETRY_USEC;
	connection->service = strdup(service);
	connection->address = address != NULL ? strdup(address) : NULL;
	r = connection->service == NULL || (address != NULL && connection->address == NULL)
		    ? -ENOMEM
		    : sd_event_add_time(event, &connection->retry, CLOCK_MONOTONIC, UINT64_MAX, 0,
					on_retry, connection);
	if (r < 0) {
		connection_free(connection);
		return r;
	}
	dial(connection);
	*ret = connection;
	return 0;
}

void connection_free(struct connection *connection)
{
	if (connection == NULL)
		return;
	sd_bus_close_unref(connection->bus); /* without waiting for a bus that hangs */
	sd_event_source_disable_unref(connection->retry);
	sd_event_unref(connection->event);
	free(connection->address);
	free(connection->service);
	free(connection);
}
