/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What was changed by command, to and from the rows in which it is kept (schema/kept_row.h). Rows
 * are read as the files are, by the same code: what can not be is reported and not used, and what
 * the files say otherwise by now is dropped with a notice, as the newest word wins.
 *
 * Control thread only.
 */
#pragma once

#include "daemon/config_override.h"
#include "daemon/core/blocklist.h"
#include "daemon/pool4_runtime.h"
#include "schema/kept_row.h"

/* What a change would store: rows, and the name that a new entry gets. */
struct kept_plan {
	GPtrArray *rows; /* kept_rows_new() */
	char name[POOL4_NAME_SIZE];
	bool is_first; /* of those that are stored together: the host is looked at anew */
};

typedef void (*kept_report_fn)(void *context, int level, const char *text);

/* ---- pool4 and static bindings: kept_pool4.c ---------------------------------------------------
 */

/* The record as a row; of_file: it is about a section. */
struct kept_row *kept_pool4_row(const struct pool4_record *record, bool of_file);
struct kept_row *kept_pool4_gone(const char *name);
/* binding: with one protocol. */
struct kept_row *kept_static_row(const struct config_static *binding, bool removed);
struct kept_row *kept_static_gone(const struct config_static *binding);

/* What has changed since the last time. */
void kept_pool4_take(struct pool4_runtime *runtime, GPtrArray *ret);
/* What is to be kept now under the key of this row, of either table. */
struct kept_row *kept_pool4_now(const struct pool4_runtime *runtime, const struct kept_row *row);
/* Into an empty list. */
void kept_pool4_restore(struct pool4_runtime *runtime, const struct config *config,
			const GPtrArray *rows, kept_report_fn report, void *context);

/* ---- keys: kept_settings.c ---------------------------------------------------------------------
 */

/* A row for each key that is not set as it was. */
void kept_settings_differ(const GPtrArray *before, const GPtrArray *after, GPtrArray *ret);
struct kept_row *kept_setting_now(const GPtrArray *overrides, const struct kept_row *row);
/* Those that can be read, of struct config_override. */
GPtrArray *kept_settings_read(const GPtrArray *rows, kept_report_fn report, void *context);

/* ---- blocked clients: kept_clients.c -----------------------------------------------------------
 */

/* until_ms: of the core's clock. */
struct kept_row *kept_blocked_row(const struct prefix6 *prefix, uint64_t until_ms, uint64_t now_ms);
struct kept_row *kept_blocked_gone(const struct prefix6 *prefix);
struct kept_row *kept_blocked_now(const struct blocklist *list, const struct kept_row *row,
				  uint64_t now_ms);
/* Into the core's list, with the time that is left. Rows of those that are over go to ret_gone. */
void kept_blocked_restore(struct blocklist *list, const GPtrArray *rows, uint64_t now_ms,
			  GPtrArray *ret_gone, kept_report_fn report, void *context);
