/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See csv.h. Reads line by line; a quoted field can not contain a line break. */
#include "tests/csv.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct csv {
	char *name;
	FILE *file;
	char *text; /* the current line; fields point into it, taken apart in place */
	size_t text_size;
	unsigned line;
	unsigned n_rows;
	GPtrArray *columns; /* char * */
	GPtrArray *fields;  /* const char *, into text */
};

/* Next line that is neither a comment nor empty, without its end. */
static bool read_line(struct csv *csv)
{
	while (getline(&csv->text, &csv->text_size, csv->file) >= 0) {
		csv->line++;
		g_strchomp(csv->text);
		if (csv->text[0] != '#' && csv->text[0] != '\0')
			return true;
	}
	return false;
}

/* Takes one field at *cursor apart in place and moves behind its comma; NULL behind the last. */
static char *split_field(const struct csv *csv, char **cursor)
{
	char *in = *cursor;
	char *out = *cursor;
	char *field = *cursor;
	bool quoted = *in == '"';

	if (quoted)
		in++;
	while (*in != '\0' && (quoted || *in != ',')) {
		if (quoted && *in == '"') {
			if (in[1] != '"') {
				quoted = false;
				in++;
				break;
			}
			in++;
		}
		*out++ = *in++;
	}
	if (quoted || (*in != ',' && *in != '\0'))
		g_error("%s:%u: unbalanced quotes", csv->name, csv->line);

	*cursor = *in == ',' ? in + 1 : NULL;
	*out = '\0';
	return field;
}

static void split_line(struct csv *csv)
{
	char *cursor = csv->text;

	g_ptr_array_set_size(csv->fields, 0);
	while (cursor != NULL)
		g_ptr_array_add(csv->fields, split_field(csv, &cursor));
}

struct csv *csv_open(const char *name)
{
	struct csv *csv = g_new0(struct csv, 1);

	csv->name = g_build_filename(VECTORS, name, NULL);
	csv->file = fopen(csv->name, "re");
	if (csv->file == NULL)
		g_error("%s: can not be opened", csv->name);
	csv->columns = g_ptr_array_new_with_free_func(g_free);
	csv->fields = g_ptr_array_new();
	if (!read_line(csv))
		g_error("%s: no header", csv->name);
	split_line(csv);
	for (unsigned i = 0; i < csv->fields->len; i++)
		g_ptr_array_add(csv->columns, g_strdup(g_ptr_array_index(csv->fields, i)));
	return csv;
}

void csv_close(struct csv *csv)
{
	if (csv == NULL)
		return;
	if (csv->n_rows == 0)
		g_error("%s: no rows", csv->name);
	g_ptr_array_unref(csv->columns);
	g_ptr_array_unref(csv->fields);
	(void)fclose(csv->file);
	free(csv->text);
	g_free(csv->name);
	g_free(csv);
}

bool csv_next(struct csv *csv)
{
	if (!read_line(csv))
		return false;
	split_line(csv);
	if (csv->fields->len != csv->columns->len)
		g_error("%s:%u: %u fields under %u columns", csv->name, csv->line, csv->fields->len,
			csv->columns->len);
	csv->n_rows++;
	return true;
}

const char *csv_get(const struct csv *csv, const char *column)
{
	for (unsigned i = 0; i < csv->columns->len; i++) {
		if (strcmp(g_ptr_array_index(csv->columns, i), column) == 0)
			return g_ptr_array_index(csv->fields, i);
	}
	g_error("%s: no column %s", csv->name, column);
}

unsigned csv_line(const struct csv *csv)
{
	return csv->line;
}
