/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon: the only place that knows all edges. Puts them together in order, runs the event
 * loop, and takes them apart.
 */
#pragma once

#include <stdbool.h>

struct daemon_options {
	const char *config_path; /* never NULL */
	const char *instance;    /* "" = the one without a name */
	const char *bus;         /* address; NULL = the system bus */
	bool no_bus;
	bool replace;          /* take over from the running one, if there is one */
	const char *socket;    /* control socket */
	const char *state_dir; /* for the state database */
	const char *run_dir;   /* for what need not outlive the machine */
};

/* Runs until a signal ends it. 0, or 1 after one line in the log that says why. */
int daemon_run(const struct daemon_options *options);
