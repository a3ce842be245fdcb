/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See table.h. Memory that is not there ends the program (g_malloc). */
#include "tools/table.h"

#include <glib.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define USEC 1000000u

struct cell {
	char *text; /* as it stands in columns, or a text in JSON */
	uint64_t number;
};

struct table {
	const struct table_column *column;
	unsigned n_columns;
	bool json;
	bool legend;
	bool begun; /* heading or bracket has been printed */
	unsigned *width;
	GArray *cells; /* struct cell, row by row */
	uint64_t now_usec;
};

const char *table_time_print(uint64_t usec, char *ret)
{
	time_t seconds = (time_t)(usec / USEC);
	char date[32];
	struct tm tm;

	(void)gmtime_r(&seconds, &tm);
	(void)strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(ret, TABLE_TIME_SIZE, "%s.%03uZ", date, (unsigned)(usec % USEC / 1000));
	return ret;
}

const char *table_duration_print(uint64_t usec, char *ret)
{
	static const struct {
		const char *name;
		uint64_t seconds;
	} units[] = {{"d", 86400}, {"h", 3600}, {"min", 60}, {"s", 1}};
	uint64_t seconds = usec / USEC;
	unsigned i = 0;
	uint64_t rest;

	while (i < 3 && seconds < units[i].seconds)
		i++;
	rest = seconds % units[i].seconds;
	if (i < 3 && rest / units[i + 1].seconds != 0)
		(void)snprintf(ret, TABLE_TIME_SIZE, "%" PRIu64 "%s%" PRIu64 "%s",
			       seconds / units[i].seconds, units[i].name,
			       rest / units[i + 1].seconds, units[i + 1].name);
	else
		(void)snprintf(ret, TABLE_TIME_SIZE, "%" PRIu64 "%s", seconds / units[i].seconds,
			       units[i].name);
	return ret;
}

const char *table_size_print(uint64_t bytes, char *ret)
{
	static const char *const unit[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double size = (double)bytes;
	unsigned i = 0;

	while (size >= 1024 && i + 1 < G_N_ELEMENTS(unit)) {
		size /= 1024;
		i++;
	}
	(void)snprintf(ret, TABLE_TIME_SIZE, i == 0 ? "%.0f %s" : "%.1f %s", size, unit[i]);
	return ret;
}

struct table *table_new(const struct table_column *columns, bool json, bool legend)
{
	struct table *table = g_new0(struct table, 1);

	table->column = columns;
	while (columns[table->n_columns].name != NULL || columns[table->n_columns].heading != NULL)
		table->n_columns++;
	table->json = json;
	table->legend = legend;
	table->width = g_new0(unsigned, table->n_columns);
	table->cells = g_array_new(FALSE, FALSE, sizeof(struct cell));
	table->now_usec = (uint64_t)g_get_real_time();
	for (unsigned i = 0; legend && i < table->n_columns; i++) {
		if (columns[i].heading != NULL)
			table->width[i] = (unsigned)strlen(columns[i].heading);
	}
	return table;
}

/* Takes over text. NULL: only its number is of interest, as JSON has no widths. */
static void add_cell(struct table *table, enum table_type type, char *text, uint64_t number)
{
	unsigned column = table->cells->len % table->n_columns;
	struct cell cell = {text, number};
	unsigned width = table->json ? 1 : MAX((unsigned)g_utf8_strlen(text, -1), 1);

	g_assert(table->column[column].type == type);
	if (width > table->width[column])
		table->width[column] = width;
	g_array_append_val(table->cells, cell);
}

void table_add_text(struct table *table, const char *text)
{
	add_cell(table, TABLE_TEXT, g_strdup(text), 0);
}

void table_add_number(struct table *table, uint64_t number)
{
	add_cell(table, TABLE_NUMBER, table->json ? NULL : g_strdup_printf("%" PRIu64, number),
		 number);
}

void table_add_bool(struct table *table, bool truth)
{
	add_cell(table, TABLE_BOOL, g_strdup(truth ? "yes" : "no"), truth);
}

void table_add_time(struct table *table, uint64_t usec)
{
	char text[TABLE_TIME_SIZE] = "never";

	if (table->json) {
		add_cell(table, TABLE_TIME, NULL, usec);
		return;
	}
	if (usec != UINT64_MAX && usec > table->now_usec)
		table_duration_print(usec - table->now_usec, text);
	else if (usec != UINT64_MAX)
		table_duration_print(table->now_usec - usec, text);
	add_cell(table, TABLE_TIME, g_strdup(text), usec);
}

/* As JSON has it. Most texts need no escapes, and there may be millions. */
static void append_json_text(GString *line, const char *text)
{
	const char *at = text;
	json_t *value;
	char *escaped;

	while (*at >= ' ' && *at <= '~' && *at != '"' && *at != '\\')
		at++;
	if (*at == '\0') {
		g_string_append_c(line, '"');
		g_string_append_len(line, text, at - text);
		g_string_append_c(line, '"');
		return;
	}
	value = json_string(text);
	escaped = json_dumps(value, JSON_ENCODE_ANY);
	g_string_append(line, escaped != NULL ? escaped : "null");
	free(escaped);
	json_decref(value);
}

static void append_json_cell(GString *line, enum table_type type, const struct cell *cell)
{
	char text[TABLE_TIME_SIZE];

	switch (type) {
	case TABLE_TEXT:
		append_json_text(line, cell->text);
		break;
	case TABLE_NUMBER:
		g_string_append_printf(line, "%" PRIu64, cell->number);
		break;
	case TABLE_BOOL:
		g_string_append(line, cell->number != 0 ? "true" : "false");
		break;
	case TABLE_TIME:
		if (cell->number == UINT64_MAX)
			g_string_append(line, "null");
		else
			append_json_text(line, table_time_print(cell->number, text));
		break;
	}
}

static void print_json_row(struct table *table, const struct cell *row)
{
	g_autoptr(GString) line = g_string_new(table->begun ? ",\n" : "[\n");
	char separator = '{';

	for (unsigned i = 0; i < table->n_columns; i++) {
		const struct table_column *column = &table->column[i];

		if (column->columns_only)
			continue;
		g_string_append_c(line, separator);
		append_json_text(line, column->name);
		g_string_append_c(line, ':');
		append_json_cell(line, column->type, &row[i]);
		separator = ',';
	}
	g_string_append_c(line, '}');
	(void)fwrite(line->str, 1, line->len, stdout);
	table->begun = true;
}

/* A cell filled up to the width of its column, with the space to the next one. An empty one shows
 * as
 * "-", so that words can be counted. */
static void append_cell(const struct table *table, GString *line, unsigned i, const char *cell)
{
	const char *text = *cell == '\0' ? "-" : cell;
	int fill = (int)table->width[i] - (int)g_utf8_strlen(text, -1);

	if (table->column[i].type == TABLE_NUMBER)
		g_string_append_printf(line, "%*s%s  ", fill, "", text);
	else
		g_string_append_printf(line, "%s%*s  ", text, fill, "");
}

/* One row, or with NULL the headings. */
static void print_line(const struct table *table, const struct cell *row)
{
	g_autoptr(GString) line = g_string_new(NULL);

	for (unsigned i = 0; i < table->n_columns; i++) {
		const char *heading = table->column[i].heading;

		if (heading != NULL)
			append_cell(table, line, i, row != NULL ? row[i].text : heading);
	}
	puts(g_strchomp(line->str));
}

static void drop_cells(struct table *table)
{
	for (guint i = 0; i < table->cells->len; i++)
		g_free(g_array_index(table->cells, struct cell, i).text);
	g_array_set_size(table->cells, 0);
}

void table_flush(struct table *table)
{
	if (!table->json && !table->begun && table->legend && table->cells->len != 0) {
		print_line(table, NULL);
		table->begun = true;
	}
	for (guint i = 0; i < table->cells->len; i += table->n_columns) {
		const struct cell *row = &g_array_index(table->cells, struct cell, i);

		if (table->json)
			print_json_row(table, row);
		else
			print_line(table, row);
	}
	drop_cells(table);
}

void table_end(struct table *table)
{
	table_flush(table);
	if (table->json)
		fputs(table->begun ? "\n]\n" : "[]\n", stdout);
	table_free(table);
}

void table_free(struct table *table)
{
	drop_cells(table);
	g_array_unref(table->cells);
	g_free(table->width);
	g_free(table);
}
