/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rows for people or for programs: aligned columns with a heading, or a JSON array of objects.
 *
 * Rows are kept until table_flush(), which prints them; a list of a million rows is flushed page by
 * page and costs the memory of one page. Columns grow from page to page, they never shrink.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum table_type {
	TABLE_TEXT,
	TABLE_NUMBER, /* uint64_t, to the right */
	TABLE_BOOL,   /* yes or no */
	TABLE_TIME,   /* µs of CLOCK_REALTIME; JSON: RFC 3339 or null; columns: from now */
};

struct table_column {
	const char *name;    /* in JSON */
	const char *heading; /* in columns; NULL: JSON only */
	enum table_type type;
	bool columns_only; /* not in JSON */
};

struct table;

/* columns ends with a row whose name and heading are NULL, and outlives the table. */
struct table *table_new(const struct table_column *columns, bool json, bool legend);
/* One cell after the other, in the order of the columns. */
void table_add_text(struct table *table, const char *text);
void table_add_number(struct table *table, uint64_t number);
void table_add_bool(struct table *table, bool truth);
void table_add_time(struct table *table, uint64_t usec);
/* Prints the rows so far on stdout. */
void table_flush(struct table *table);
/* Prints the rest, ends the document, frees the table. */
void table_end(struct table *table);

/* Without printing anything more. */
void table_free(struct table *table);

/* RFC 3339 in UTC with ms: "2026-01-31T12:00:00.250Z". ret is TABLE_TIME_SIZE bytes. */
#define TABLE_TIME_SIZE 40
const char *table_time_print(uint64_t usec, char *ret);
/* "2h4min", the two largest units. ret is TABLE_TIME_SIZE bytes. */
const char *table_duration_print(uint64_t usec, char *ret);
/* "1.5 MiB" */
const char *table_size_print(uint64_t bytes, char *ret);
