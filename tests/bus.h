/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A management service to talk to: a private dbus-daemon, a gateway with entries in its tables, and
 * the real manager in a thread of its own, on that bus and on a control socket.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <systemd/sd-bus.h>

#include "daemon/core/nat64.h"
#include "daemon/event_report.h"
#include "daemon/gateway.h"
#include "daemon/pool4_sync.h"
#include "daemon/settings_change.h"

struct fake_world;

struct test_service {
	char *directory;
	char *bus_address;
	char *socket_path;
	GPid bus_daemon;
	GPid cleaner; /* removes the directory when cleaner_fd is closed */
	int cleaner_fd;
	struct fake_world *world;
	struct gateway gateway;
	uint32_t pool4_id; /* of the entry "wan", or 0 */
	struct config *config;
	struct config_settings *settings;
	struct settings_change settings_change;
	struct pool4_sync *sync; /* once it serves, of its thread only */
	struct manager *manager;
	int n_rules;    /* how often the rules followed */
	int extent;     /* how much of them the last time: of enum pool4_sync_extent */
	int rules_fail; /* 1: they can not follow; 2: nor can there be any way back (apply_fails) */
	int apply_fails; /* set: another configuration can not be put into effect */
	/* What is changed by command is stored here, as the state database would. */
	GHashTable *kept; /* by key: struct kept_row; of the service's thread, or while it waits */
	GPtrArray *storing; /* what a transaction has that is not done yet */
	uint64_t ticket;    /* of that one, or 0 */
	int store_fails;    /* set: it can not be stored */
	int store_waits;    /* set: storing takes until test_service_store() */
	int n_stored;       /* transactions that have begun */
	int store_fd;       /* wakes the thread for the end of one */
	struct daemon_changes *changes;
	GThread *thread;
	int stop_fd;
	int call_fd; /* wakes the thread for call(); done_fd tells that it has been called */
	int done_fd;
	void (*call)(struct test_service *service);
	struct event_report events;
};

/* Serves until test_service_stop(); the name is owned and the socket listens when this returns. */
void test_service_start(struct test_service *service);
/* The same with another configuration; if that has State.Retention, there is a state database in
 * directory/state. */
void test_service_start_with(struct test_service *service, const char *config);
/* One in deterministic mode: 16 clients of 2001:db8:1::/60 with 250 ports each of wan, 1000-1999 of
 * 192.0.2.0/30, and for UDP that comes by 2001:db8:65::/96, 2 of 2001:db8:2::/63 with 50 each. */
extern const char test_service_deterministic[];
void test_service_stop(struct test_service *service);
/* Of those that start from now on: how long a snapshot may take that goes elsewhere; 0: as long as
 * the daemon gives it. */
extern uint64_t test_service_give_ms;

/* The bus dies, and comes back at the same address. */
void test_service_stop_bus(struct test_service *service);
void test_service_start_bus(struct test_service *service);

/* A client that sees the service come to the bus, and how to wait for that. */
sd_bus *test_service_watch(const struct test_service *service, bool *owned);
void test_service_wait(sd_bus *watcher, const bool *owned);

/* A new client connection: to the bus, or to the control socket. */
sd_bus *test_service_connect(const struct test_service *service, bool to_socket);

/* Another configuration file, which nobody has read yet. */
void test_service_write(const struct test_service *service, const char *text);
/* As the daemon does: another configuration is followed, with the rules; and what the core has to
 * tell is told. */
void test_service_reload(struct test_service *service, const char *config);
void test_service_tell_events(struct test_service *service);

/* Transactions are done at once (wait: no more, until the next call). */
void test_service_store(struct test_service *service, bool wait);
/* Waits until so many have begun. */
void test_service_wait_stored(const struct test_service *service, int n);

/* What becomes of a first packet from 2001:db8:1::client port to 198.51.100.server port 80; takes
 * the lock. */
enum outcome test_service_packet(struct test_service *service, enum protocol protocol,
				 uint32_t client, uint16_t port, uint8_t server);
/* A UDP packet from 198.51.100.9 port 4000 to 192.0.2.2 and this port, through the whole core;
 * takes the lock. */
enum outcome test_service_receive4(struct test_service *service, uint16_t port);
/* A session from 2001:db8:1::client port to 198.51.100.server port 80; takes the lock. */
void test_service_add_session(struct test_service *service, enum protocol protocol, uint32_t client,
			      uint16_t port, uint8_t server);
