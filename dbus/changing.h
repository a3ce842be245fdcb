/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a changing method ends: an error, an answer, or an answer once the kernel's rules have
 * followed. */
#pragma once

#include "dbus/manager_internal.h"

/* How the result is put into the reply: "oa{sv}" for an entry that was added, else "a{sv}". */
enum changing_reply { CHANGING_RESULT, CHANGING_ENTRY };

/* Ends the call now or later. */
int changing_finish(struct manager *manager, sd_bus_message *message, enum changing_reply form,
		    const struct change_result *result, sd_bus_error *error);

/* Answers those who wait. */
void changing_settle(struct manager *manager, const char *error);
/* Forgets them. */
void changing_drop(struct manager *manager);
