/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The consent of polkit for callers on the bus whom authorise.c does not know. Nothing waits for
 * the answer: the call is kept, and dispatched a second time when the answer is there. Then the
 * handler reads and checks it all anew, and comes to polkit_check() again, which knows what has
 * been said.
 *
 * So a call is remembered from its question to its second dispatch, or until the event loop is idle
 * after that, if the second one went another way. What strangers can make grow is bounded by
 * POLKIT_CHECKS_MAX, and no user takes more of it than POLKIT_CHECKS_PER_USER.
 */
#pragma once

#include <sys/types.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#define POLKIT_CHECKS_MAX      32
#define POLKIT_CHECKS_PER_USER 8
#define POLKIT_TIMEOUT_USEC    5000000

struct polkit;

int polkit_new(sd_event *event, struct polkit **ret);
void polkit_free(struct polkit *polkit);

/* May the sender of the call, who is this user, do what the action is about? 0: he may. 1: polkit
 * is asked, and the handler returns this. Else a negative errno with error set; what: in the words
 * of
 * "... may WHAT". */
int polkit_check(struct polkit *polkit, sd_bus_message *call, uid_t user, const char *action,
		 const char *what, sd_bus_error *error);

/* The bus that calls came by is gone, and who sent them with it. */
void polkit_forget(struct polkit *polkit);
