/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A gateway whose pool4 follows a configuration and the addresses of a namespace with one
 * interface, and what it says about that. */
#pragma once

#include <glib.h>

#include "daemon/core/nat64.h"
#include "daemon/pool4_sync.h"
#include "daemon/world.h"

struct gateway_host {
	struct gateway gateway;
	struct world *world;
	struct pool4_sync *sync;
	struct config *config;
};

/* What was said since the last time is just this. */
void host_assert_reported(const char *expected);

void host_forget_reports(void);

struct config *host_read_config(const char *text);
/* The file says this now, in one or two halves; follows it. */
void host_reload(struct gateway_host *host, const char *text);
void host_reload_with(struct gateway_host *host, const char *text, const char *also);
/* As the daemon does every ten seconds. Returns how many could not be made. */
unsigned host_follow(struct gateway_host *host);

/* With the interface "wan", 203.0.113.1/24. False: the test is skipped. */
gboolean host_set_up(struct gateway_host *host, const char *text);
void host_tear_down(struct gateway_host *host);

gboolean host_is_bound(const struct gateway_host *host, enum protocol protocol, const char *addr,
		       uint16_t port);
/* Ranges of them; 0 if there is no such entry. */
unsigned host_n_addresses(const struct gateway_host *host, const char *name);
/* A client's binding of UDP: one that nothing in the configuration would make again. */
void host_bind_client(struct gateway_host *host, const char *addr, uint16_t port);
