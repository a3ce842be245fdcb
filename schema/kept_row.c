/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "schema/kept_row.h"

const struct kept_columns kept_columns[N_KEPT_TABLES] = {
	[KEPT_POOL4] = {"pool4_entry",
			{"name", "addresses", "ports", "protocols", "clients", "prefix", "overflow",
			 "comment", "state", "file_said"},
			N_KEPT_POOL4,
			1},
	[KEPT_STATIC] = {"static_binding",
			 {"protocol", "outside", "inside", "comment", "removed"},
			 N_KEPT_STATIC,
			 3},
	[KEPT_SETTING] = {"setting", {"section", "key", "value", "file_said"}, N_KEPT_SETTING, 2},
	[KEPT_BLOCKED] = {"blocked_client", {"prefix", "since", "until"}, N_KEPT_BLOCKED, 1},
};

struct kept_row *kept_row_new(enum kept_table table, bool exists)
{
	struct kept_row *row = g_new0(struct kept_row, 1);

	row->table = table;
	row->exists = exists;
	return row;
}

struct kept_row *kept_row_copy(const struct kept_row *row)
{
	struct kept_row *copy = kept_row_new(row->table, row->exists);

	for (unsigned i = 0; i < KEPT_COLUMNS_MAX; i++)
		copy->value[i] = g_strdup(row->value[i]);
	return copy;
}

void kept_row_free(struct kept_row *row)
{
	if (!row)
		return;
	for (unsigned i = 0; i < KEPT_COLUMNS_MAX; i++)
		g_free(row->value[i]);
	g_free(row);
}

GPtrArray *kept_rows_new(void)
{
	return g_ptr_array_new_with_free_func((GDestroyNotify)kept_row_free);
}

char *kept_row_key(const struct kept_row *row)
{
	GString *key = g_string_new(kept_columns[row->table].table);

	/* No value has a line feed: they are words, and a hostile one only harms itself. */
	for (unsigned i = 0; i < kept_columns[row->table].n_keys; i++)
		g_string_append_printf(key, "\n%s", row->value[i]);
	return g_string_free(key, FALSE);
}

bool kept_row_equal(const struct kept_row *one, const struct kept_row *other)
{
	unsigned n =
		one->exists ? kept_columns[one->table].n_columns : kept_columns[one->table].n_keys;

	if (one->table != other->table || one->exists != other->exists)
		return false;
	for (unsigned i = 0; i < n; i++)
		if (g_strcmp0(one->value[i], other->value[i]) != 0)
			return false;
	return true;
}
