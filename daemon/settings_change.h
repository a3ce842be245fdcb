/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changes of the configuration that management asks for (change.h): a key set or reset, a prefix of
 * Pool6 added or removed, the files read anew.
 */
#pragma once

#include "daemon/change.h"
#include "daemon/config_settings.h"

struct settings_change {
	struct config_settings *settings;
	/* The configuration that runs now. */
	const struct config *(*running)(void *context);
	/* Puts another one into effect, but for the rules, and takes it over. 0, or a negative
	 * errno with a sentence for g_free(), and everything is as before. */
	int (*apply)(void *context, struct config *fresh, char **ret_error);
	void *context;
};

/* A log line for each. */
void settings_log_problems(const GPtrArray *problems);

void settings_change_set(const struct settings_change *change, const char *key, const char *value,
			 const struct change_options *options, struct change_result *ret);
/* key "": all of them. */
void settings_change_reset(const struct settings_change *change, const char *key,
			   const struct change_options *options, struct change_result *ret);
void settings_change_pool6(const struct settings_change *change, const char *prefix, bool add,
			   const struct change_options *options, struct change_result *ret);
void settings_change_reload(const struct settings_change *change,
			    const struct change_options *options, struct change_result *ret);

/* The rules have followed: what was changed stays, unless it is still to be taken back. */
void settings_change_settle(const struct settings_change *change);
/* They can not: what was changed since then is taken back, the files as they were read, too. False:
 * there was nothing, or it can not be done now, which is logged. Then no other change is made
 * before it is. */
bool settings_change_back(const struct settings_change *change);
/* True if there is nothing, or nothing more, that is still to be taken back. */
bool settings_change_retry(const struct settings_change *change);
/* What is set at run time and is to stay. */
const GPtrArray *settings_change_overrides(const struct settings_change *change);

/*
 * At a start: the rules can not be put in place, for this reason. Keys that were set before and
 * without which other rules would do (need_others() with another configuration) are not used any
 * more, with a line in the log. False: there is none.
 */
bool settings_change_hold(const struct settings_change *change,
			  bool (*need_others)(const void *context, const struct config *without),
			  const void *context, const char *why);

/* The key with this number, in the order of the table; false behind the last. */
bool settings_change_get(const struct settings_change *change, unsigned number,
			 struct change_key *ret);
