/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the running configuration is made of: the files as they were read last, and what was set at
 * run time. Every change is a draft first: a whole configuration, validated by the code that
 * validates the files (config.h). Whoever could put it into effect accepts it; otherwise everything
 * is as before.
 */
#pragma once

#include "daemon/config_file.h"
#include "daemon/config_override.h"

struct config_settings {
	char *path; /* NULL: the default */
	struct config_file *file;
	GPtrArray *overrides;
	/* What both were before the first draft that was accepted since config_settings_settle();
	 * NULL: the same. */
	struct config_file *file_before;
	GPtrArray *overrides_before;
	bool is_refused; /* what was accepted since then is not to hold, and is still in effect */
};

struct config_draft {
	struct config_file *file; /* NULL: that of the settings */
	GPtrArray *overrides;
	struct config *config; /* the caller takes it out when it is in use */
	GPtrArray *dropped;    /* sentences: what was set at run time and is no more */
	bool is_back;          /* file is the settings' file_before */
};

/* Reads path; 0 with the settings and their configuration, or as config_load(). */
int config_settings_new(const char *path, struct config_settings **ret, struct config **ret_config,
			GPtrArray *problems);
void config_settings_free(struct config_settings *settings);

/* A draft of what the files say now; of a key with this value; without what was set at run time, of
 * one key or (NULL) of all. 0, or a negative errno with the reasons in problems; then there is no
 * draft. */
int config_draft_reload(const struct config_settings *settings, struct config_draft *ret,
			GPtrArray *problems);
int config_draft_set(const struct config_settings *settings, const struct config_key *key,
		     const char *value, struct config_draft *ret, GPtrArray *problems);
int config_draft_reset(const struct config_settings *settings, const struct config_key *key,
		       struct config_draft *ret, GPtrArray *problems);
/* Of what was set before the start, a list of struct config_override: those that the files do not
 * say otherwise by now, that can be set while the daemon runs (running), and that fit together.
 * The others leave the list, with a sentence each in ret_held: they stay where they are kept. */
int config_draft_restore(const struct config_settings *settings, GPtrArray *stored,
			 const struct config *running, struct config_draft *ret,
			 GPtrArray *ret_held, GPtrArray *problems);
/* A draft of what was before all that was accepted since config_settings_settle(). Until it is
 * accepted the way back stays. */
int config_draft_back(const struct config_settings *settings, struct config_draft *ret,
		      GPtrArray *problems);
void config_draft_deinit(struct config_draft *draft);

/* The draft is in effect. */
void config_settings_accept(struct config_settings *settings, struct config_draft *draft);
/* Whatever has been accepted stays: there is no way back. */
void config_settings_settle(struct config_settings *settings);
bool config_settings_is_unsettled(const struct config_settings *settings);

/* What the draft would change, a text each: "Timeouts.UDP: 5min -> 6min", "[Pool4 wan]: new". */
GPtrArray *config_draft_differences(const struct config_settings *settings,
				    const struct config_draft *draft);

/* What is written for a key, the default included; and where: "runtime", "default", "FILE:LINE".
 * Both for g_free(). */
void config_settings_get(const struct config_settings *settings, const struct config_key *key,
			 char **ret_value, char **ret_source);
