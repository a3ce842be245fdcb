/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reader of the test vectors, tests/vectors/NAME.csv: lines that start with '#' are ignored, the
 * first other line names the columns, fields may stand in double quotes ("" is one quote).
 *
 *	struct csv *csv = csv_open("rfc6052.csv");
 *	while (csv_next(csv))
 *		use(csv_get(csv, "v4"), csv_get(csv, "v6"));
 *	csv_close(csv);
 *
 * Anything wrong with a file (missing, no header, a row with another number of fields, a column
 * that does not exist) ends the test: vectors are part of the source.
 */
#pragma once

#include <stdbool.h>

struct csv;

/* name is relative to the folder of the vectors. */
struct csv *csv_open(const char *name);
/* Fails the test if no row was read: a test that looked at nothing must not pass. */
void csv_close(struct csv *csv);

/* Goes to the next row; false at the end. */
bool csv_next(struct csv *csv);

/* A field of the current row, valid until the next call of csv_next(). */
const char *csv_get(const struct csv *csv, const char *column);
/* Of the current row in its file, for messages. */
unsigned csv_line(const struct csv *csv);
