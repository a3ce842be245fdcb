/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rows of bindings, sessions and clients as lines of text: JSON objects with the members that
 * "nat64ctl --json" prints, or CSV with the same columns. Times are RFC 3339 in UTC; never is null
 * or nothing. A million lines a second, which is why nothing here is printed by a format.
 */
#pragma once

#include "dbus/client_list.h"
#include "dbus/list.h"

enum row_format { ROW_JSON, ROW_CSV };

/* What all rows of a listing share. */
struct row_text {
	enum row_format format;
	uint64_t realtime_offset; /* manager_realtime_offset() */
	/* The day that was printed last: nearly always that of the next row. */
	uint64_t day;
	char date[16]; /* "2026-01-31T", "" = none yet */
};

#define ROW_TEXT_MAX 512

/* Each writes one line with its end, of ROW_TEXT_MAX bytes at most and not terminated; returns its
 * length. pool4: the name of the binding's entry, or "". */
size_t row_text_bib(struct row_text *text, const struct list_bib_row *row, const char *pool4,
		    char *ret);
size_t row_text_session(struct row_text *text, const struct list_session_row *row, char *ret);
size_t row_text_client(struct row_text *text, const struct client_row *row, char *ret);

/* The first line, with the names of the columns: of CSV only. */
size_t row_text_bib_head(const struct row_text *text, char *ret);
size_t row_text_session_head(const struct row_text *text, char *ret);
size_t row_text_client_head(const struct row_text *text, char *ret);
