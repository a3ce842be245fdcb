/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Verbs that change something: the call, and what they print: what has changed, in one line, and
 * warnings on stderr. */
#pragma once

#include "tools/ctl_arguments.h"

/* "tcp,udp" as the bus has it: "tcp udp". For g_free(). */
char *ctl_change_words(const char *text);

/* Appends the options, calls, and prints what came of it. entry_first: the reply has an object path
 * in front. Between ctl_change_begin() and ctl_change_end(), for a range of ports, JSON is kept and
 * then printed as one array, of what was done when a call failed, too. */
void ctl_change_begin(struct ctl *ctl);
void ctl_change_end(struct ctl *ctl);
enum ctl_status ctl_change_run(struct ctl *ctl, sd_bus_message *call,
			       const struct ctl_arguments *arguments, bool entry_first);
/* The whole of a verb whose method takes the first n words of the command line, and options. */
enum ctl_status ctl_change_call(struct ctl *ctl, const char *method, unsigned n_words,
				const struct ctl_arguments *arguments);

/* Prints what came of a change that no method tells of. */
void ctl_change_print(const struct ctl *ctl, bool changed, const char *summary);
