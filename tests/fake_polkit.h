/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A polkit on the bus of bus_clients.h that does as it is told: python-dbusmock's, with what
 * fake_polkit.py adds. */
#pragma once

#include "tests/bus_clients.h"

#define READ_BINDINGS  "org.nat64d1.read-bindings"
#define MANAGE_POOL4   "org.nat64d1.manage-pool4"
#define MANAGE_BIB     "org.nat64d1.manage-bib"
#define FLUSH_SESSIONS "org.nat64d1.flush-sessions"
#define CONFIGURE      "org.nat64d1.configure"

/* What is not here that it takes to be somebody else, and to be asked about him; or NULL. */
const char *fake_polkit_missing(void);

void fake_polkit_start(void);
void fake_polkit_stop(void);
/* It ends by itself. */
void fake_polkit_wait_end(void);

/* One of the calls that fake_polkit.py, and the template in it, takes. */
#define fake_polkit_tell(...)                                                         \
	g_assert_cmpint(sd_bus_call_method(clients[0], "org.freedesktop.PolicyKit1",  \
					   "/org/freedesktop/PolicyKit1/Authority",   \
					   "org.freedesktop.DBus.Mock", __VA_ARGS__), \
			>=, 0)
/* From now on: how it answers, whether it does, and which action it permits. */
void fake_polkit_mode(const char *mode, bool hang, const char *allowed);

/* What it was asked since the last time, a line each: "system-bus-name ACTION FLAGS". */
char *fake_polkit_questions(void);
void fake_polkit_assert_asked(const char *expected);
/* Until it was asked so many more. */
void fake_polkit_wait(unsigned n);
