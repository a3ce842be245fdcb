/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One management service for all tests of a program, two clients of it, and a stranger. */
#pragma once

#include "tests/bus.h"

#define _cleanup_message_ __attribute__((cleanup(sd_bus_message_unrefp)))
#define _cleanup_error_   __attribute__((cleanup(sd_bus_error_free)))

extern struct test_service service;
extern sd_bus *clients[2]; /* bus, control socket */

/* Service and clients are there until the end; config NULL: the usual one (bus.h). */
void bus_clients_begin(const char *config);
void bus_clients_end(void);
/* What main() ends with: g_test_run() between the two. */
int bus_clients_run(const char *config);

/* A client who is somebody else, for the service as well as for the kernel: this user, in this
 * group alone. Needs root. */
sd_bus *bus_clients_connect_as(uid_t user, gid_t group, bool to_socket);
#define BUS_CLIENTS_NOBODY 65534

/* Makes the administrators' group known to this process and its children, before they start; false
 * if that is not permitted. */
bool bus_clients_make_group(void);
#define BUS_CLIENTS_GROUP 64064

/* Calls of the manager in busctl's words, behind the name of the interface, or of another object
 * from its path on: somebody who is nobody
 * may make them all, or none of them. Skips the test if this is not root. */
void bus_clients_check_access(const char *const *calls, size_t n_calls, bool allowed);
