/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a changing method goes on: an error, or an answer, which may come once the change is stored,
 * and once the kernel's rules have followed. */
#pragma once

#include "dbus/manager_internal.h"

/* How the result is put into the reply: "oa{sv}" for an entry that was added, else "a{sv}". */
enum changing_reply { CHANGING_RESULT, CHANGING_ENTRY };

/* How each begins: reads its options, as options_read(), and asks authorise(). 0: go on; anything
 * else is what the handler returns. */
int changing_begin(struct manager *manager, sd_bus_message *message, unsigned allowed,
		   enum authorise_action action, struct change_options *ret, sd_bus_error *error);
/* Asks for the change. Its texts belong to the message. The call ends now or later. */
int changing_ask(struct manager *manager, sd_bus_message *message, enum changing_reply form,
		 const struct change_request *request, sd_bus_error *error);
/* The change is done, or refused, and nothing is to be waited for. */
int changing_finish(struct manager *manager, sd_bus_message *message, enum changing_reply form,
		    const struct change_result *result, sd_bus_error *error);

/* Those who wait for it are carried out, or refused (error); asked again; answered. */
void changing_stored(struct manager *manager, const char *error);
void changing_next_turn(struct manager *manager);
void changing_settle(struct manager *manager, const char *error);
/* Forgets them. */
void changing_drop(struct manager *manager);
