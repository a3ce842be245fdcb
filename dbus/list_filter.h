/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The filter of a list method: a{sv} with the names of org.nat64d1.xml, read into a struct, and
 * asked for each binding or session. Members that were not given match everything.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "daemon/core/nat64.h"

struct list_filter {
	bool has_protocol;
	enum protocol protocol;
	bool has_client;
	struct prefix6 client;
	bool has_address4;
	uint32_t address4;
	bool has_port4;
	uint16_t port4;
	bool has_static;
	bool is_static;
	char pool4[POOL4_NAME_SIZE]; /* name or id; "" = any */
	uint32_t pool4_id;           /* of pool4, by list_filter_resolve() */
	/* Sessions only. */
	bool has_server;
	struct prefix4 server;
	bool has_state;
	enum tcp_fsm_state state;
	/* Trace only: it is no condition. */
	bool with_bytes;
};

/* Reads an a{sv}. A negative errno with error set if a name, type or value is wrong, or a name is
 * given twice. */
int list_filter_read(sd_bus_message *message, bool for_sessions, struct list_filter *ret,
		     sd_bus_error *error);

/* The same for Trace. */
int list_filter_read_trace(sd_bus_message *message, struct list_filter *ret, sd_bus_error *error);

/* Names nothing, or nothing but the protocol. */
bool list_filter_is_of_protocol(const struct list_filter *filter);

/* Names the client at most: a negative errno with error set if it says more. */
int list_filter_only_client(const struct list_filter *filter, sd_bus_error *error);

/* Digits and nothing else: an id of pool4, or a position. */
bool list_number_parse(const char *text, uint32_t *ret);

/* Finds the entry of pool4 that the filter names; false if there is none. Under the lock. */
bool list_filter_resolve(struct list_filter *filter, const struct nat64 *nat);

bool list_filter_wants_binding(const struct list_filter *filter, const struct bib_entry *entry);
bool list_filter_wants_session(const struct list_filter *filter, const struct session *session);
