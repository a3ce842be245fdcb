/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys that were set at run time, as rows: see kept.h. */
#include <string.h>
#include <syslog.h>

#include "daemon/kept.h"

static struct kept_row *row_of(const struct config_key *key, const struct config_override *override)
{
	struct kept_row *row = kept_row_new(KEPT_SETTING, override != NULL);

	row->value[KEPT_SETTING_SECTION] = g_strdup(key->section);
	row->value[KEPT_SETTING_KEY] = g_strdup(key->name);
	if (override) {
		row->value[KEPT_SETTING_VALUE] = g_strdup(override->value);
		row->value[KEPT_SETTING_FILE_SAID] =
			override->base ? g_strconcat("=", override->base, NULL) : g_strdup("");
	}
	return row;
}

static bool is_same(const struct config_override *one, const struct config_override *other)
{
	if (!one || !other)
		return one == other;
	return strcmp(one->value, other->value) == 0 && g_strcmp0(one->base, other->base) == 0;
}

void kept_settings_differ(const GPtrArray *before, const GPtrArray *after, GPtrArray *ret)
{
	for (const struct config_key *key = config_keys; key->section != NULL; key++) {
		const struct config_override *now = config_override_find(after, key);

		if (!is_same(config_override_find(before, key), now))
			g_ptr_array_add(ret, row_of(key, now));
	}
}

struct kept_row *kept_setting_now(const GPtrArray *overrides, const struct kept_row *row)
{
	const struct config_key *key =
		config_key_find(row->value[KEPT_SETTING_SECTION], row->value[KEPT_SETTING_KEY]);

	return row_of(key, config_override_find(overrides, key));
}

GPtrArray *kept_settings_read(const GPtrArray *rows, kept_report_fn report, void *context)
{
	GPtrArray *overrides = config_overrides_new();

	for (guint i = 0; i < rows->len; i++) {
		const struct kept_row *row = g_ptr_array_index(rows, i);
		const struct config_key *key;
		const char *said;

		if (row->table != KEPT_SETTING)
			continue;
		key = config_key_find(row->value[KEPT_SETTING_SECTION],
				      row->value[KEPT_SETTING_KEY]);
		said = row->value[KEPT_SETTING_FILE_SAID];
		if (key && !config_key_is_of_object(key) && (!*said || *said == '=')) {
			config_override_put(overrides, key, row->value[KEPT_SETTING_VALUE],
					    *said ? said + 1 : NULL);
		} else {
			g_autofree char *section =
				g_strescape(row->value[KEPT_SETTING_SECTION], NULL);
			g_autofree char *name = g_strescape(row->value[KEPT_SETTING_KEY], NULL);
			g_autofree char *text = g_strdup_printf(
				"'%.64s.%.64s', set at run time, can not be used and is left in "
				"the database: there is no such key",
				section, name);

			report(context, LOG_WARNING, text);
		}
	}
	return overrides;
}
