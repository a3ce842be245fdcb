/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Blocked clients as rows: see kept.h. */
#include <syslog.h>

#include "daemon/config_value.h"
#include "daemon/kept.h"

static uint64_t wall_s(void)
{
	gint64 now_usec = g_get_real_time();

	return now_usec > 0 ? (uint64_t)now_usec / G_USEC_PER_SEC : 0;
}

struct kept_row *kept_blocked_gone(const struct prefix6 *prefix)
{
	struct kept_row *row = kept_row_new(KEPT_BLOCKED, false);
	char text[ADDR_TEXT_SIZE];

	row->value[KEPT_BLOCKED_PREFIX] = g_strdup(prefix6_print(prefix, text));
	return row;
}

struct kept_row *kept_blocked_row(const struct prefix6 *prefix, uint64_t until_ms, uint64_t now_ms)
{
	struct kept_row *row = kept_blocked_gone(prefix);
	uint64_t since_s = wall_s();
	uint64_t left_s = until_ms > now_ms ? (until_ms - now_ms + 999) / 1000 : 1;
	/* What is longer than SQLite's integers go is without end. */
	bool forever = until_ms == BLOCKLIST_FOREVER || left_s > G_MAXINT64 / 2;

	row->exists = true;
	row->value[KEPT_BLOCKED_SINCE] = g_strdup_printf("%" G_GUINT64_FORMAT, since_s);
	row->value[KEPT_BLOCKED_UNTIL] =
		g_strdup_printf("%" G_GUINT64_FORMAT, forever ? 0 : since_s + left_s);
	return row;
}

/* The row is one of ours. */
struct kept_row *kept_blocked_now(const struct blocklist *list, const struct kept_row *row,
				  uint64_t now_ms)
{
	struct prefix6 prefix = {.len = 0};
	uint32_t index;

	(void)prefix6_parse(row->value[KEPT_BLOCKED_PREFIX], &prefix);
	index = blocklist_find(list, &prefix);
	return index == SLAB_NONE
		       ? kept_blocked_gone(&prefix)
		       : kept_blocked_row(&prefix, blocklist_at(list, index)->until_ms, now_ms);
}

enum block_verdict { USE, OVER, BAD };

/* A clock that went back makes no block longer than it was. */
static enum block_verdict read_row(const struct kept_row *row, uint64_t now_ms,
				   struct prefix6 *ret_prefix, uint64_t *ret_until_ms)
{
	g_autofree char *problem =
		config_prefix6_parse(row->value[KEPT_BLOCKED_PREFIX], ret_prefix);
	uint64_t since_s, until_s, now_s = wall_s(), left_s;

	if (problem || !config_number_parse(row->value[KEPT_BLOCKED_SINCE], &since_s) ||
	    !config_number_parse(row->value[KEPT_BLOCKED_UNTIL], &until_s))
		return BAD;
	if (until_s == 0) {
		*ret_until_ms = BLOCKLIST_FOREVER;
		return USE;
	}
	if (until_s > G_MAXINT64 / 2 || until_s < since_s)
		return BAD;
	if (until_s <= now_s)
		return OVER;
	left_s = MIN(until_s - now_s, until_s - since_s);
	*ret_until_ms = left_s < UINT64_MAX / 2000 - now_ms / 1000 ? now_ms + left_s * 1000
								   : BLOCKLIST_FOREVER;
	return left_s > 0 ? USE : OVER;
}

void kept_blocked_restore(struct blocklist *list, const GPtrArray *rows, uint64_t now_ms,
			  GPtrArray *ret_gone, kept_report_fn report, void *context)
{
	for (guint i = 0; i < rows->len; i++) {
		const struct kept_row *row = g_ptr_array_index(rows, i);
		struct prefix6 prefix;
		uint64_t until_ms;
		enum block_verdict verdict;

		if (row->table != KEPT_BLOCKED)
			continue;
		verdict = read_row(row, now_ms, &prefix, &until_ms);
		if (verdict == OVER) {
			struct kept_row *gone = kept_row_copy(row);

			gone->exists = false;
			g_ptr_array_add(ret_gone, gone);
		} else if (verdict == BAD || !blocklist_add(list, &prefix, until_ms)) {
			g_autofree char *word = g_strescape(row->value[KEPT_BLOCKED_PREFIX], NULL);
			g_autofree char *text = g_strdup_printf(
				"the block of client '%.64s' can not be used and is left in the "
				"database: %s",
				word,
				verdict == BAD ? "that is no prefix, or no time"
					       : "there are as many as there can be");

			report(context, LOG_WARNING, text);
		}
	}
}
