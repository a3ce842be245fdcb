/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What nat64ctl doctor looks at. A check says what it has found in one sentence, and by which
 * command that can be mended; what it needs to know is in struct doctor. Those of the host work
 * without the daemon.
 */
#pragma once

#include <glib.h>

#include "daemon/config.h"
#include "tools/ctl.h"

enum doctor_result { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL, DOCTOR_SKIP };

struct doctor {
	struct ctl *ctl;
	struct config *config; /* of the files; NULL: it is refused */
	GPtrArray *problems;   /* of the files: struct config_problem */
	GArray *counters;      /* struct ctl_counter; NULL: the daemon does not answer */
	char *state;           /* or NULL, as well */
	/* Of the check that is running. */
	char *finding;
	char *fix; /* a command; or NULL */
};

struct doctor_check {
	const char *name;
	enum doctor_result (*run)(struct doctor *doctor);
};

/* Each ends with a row without a name. */
extern const struct doctor_check doctor_daemon_checks[];
extern const struct doctor_check doctor_host_checks[];

/* Sets finding. Returns result. */
enum doctor_result doctor_say(struct doctor *doctor, enum doctor_result result, const char *format,
			      ...) G_GNUC_PRINTF(3, 4);
/* Sets fix. */
void doctor_fix(struct doctor *doctor, const char *format, ...) G_GNUC_PRINTF(2, 3);
