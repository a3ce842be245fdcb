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

#define DAY_SECONDS 86400

struct cell {
	gsize text; /* where in texts: as it stands in columns, or a text in JSON */
	uint64_t number;
};

struct table {
	const struct table_column *column;
	unsigned n_columns;
	bool json;
	bool legend;
	bool begun; /* heading or bracket has been printed */
	unsigned *width;
	GArray *cells;  /* struct cell, row by row */
	GString *texts; /* each with the zero at its end */
	GString *line;  /* that is being made */
	uint64_t now_usec;
	/* Of JSON's times, which are many: most are of the same day. */
	uint64_t day;
	char date[TABLE_TIME_SIZE]; /* "2026-01-31T" */
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
	table->texts = g_string_new(NULL);
	table->line = g_string_new(NULL);
	table->now_usec = (uint64_t)g_get_real_time();
	for (unsigned i = 0; legend && i < table->n_columns; i++) {
		if (columns[i].heading != NULL)
			table->width[i] = (unsigned)strlen(columns[i].heading);
	}
	return table;
}

static void add_cell(struct table *table, enum table_type type, const char *text, uint64_t number)
{
	unsigned column = table->cells->len % table->n_columns;
	struct cell cell = {table->texts->len, number};
	/* JSON has no widths. */
	unsigned width = table->json ? 1 : MAX((unsigned)g_utf8_strlen(text, -1), 1);

	g_assert(table->column[column].type == type);
	if (width > table->width[column])
		table->width[column] = width;
	g_string_append_len(table->texts, text, (gssize)strlen(text) + 1);
	g_array_append_val(table->cells, cell);
}

static const char *cell_text(const struct table *table, const struct cell *cell)
{
	return table->texts->str + cell->text;
}

void table_add_text(struct table *table, const char *text)
{
	add_cell(table, TABLE_TEXT, text, 0);
}

void table_add_number(struct table *table, uint64_t number)
{
	char text[24] = "";

	if (!table->json)
		(void)snprintf(text, sizeof(text), "%" PRIu64, number);
	add_cell(table, TABLE_NUMBER, text, number);
}

void table_add_bool(struct table *table, bool truth)
{
	add_cell(table, TABLE_BOOL, truth ? "yes" : "no", truth);
}

void table_add_time(struct table *table, uint64_t usec)
{
	char text[TABLE_TIME_SIZE] = "never";

	if (table->json)
		text[0] = '\0';
	else if (usec != UINT64_MAX && usec > table->now_usec)
		table_duration_print(usec - table->now_usec, text);
	else if (usec != UINT64_MAX)
		table_duration_print(table->now_usec - usec, text);
	add_cell(table, TABLE_TIME, text, usec);
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

/* In so many digits, or as many as it has. */
static void append_number(GString *line, uint64_t number, unsigned n_digits)
{
	char text[24];
	char *at = text + sizeof(text);

	do {
		*--at = (char)('0' + number % 10);
		number /= 10;
	} while (number != 0 || at > text + sizeof(text) - n_digits);
	g_string_append_len(line, at, text + sizeof(text) - at);
}

/* What table_time_print() says. */
static void append_json_time(struct table *table, uint64_t usec)
{
	uint64_t seconds = usec / USEC;
	GString *line = table->line;
	char text[TABLE_TIME_SIZE];

	if (seconds / DAY_SECONDS != table->day || table->date[0] == '\0') {
		table->day = seconds / DAY_SECONDS;
		table_time_print(usec, text);
		*strchr(text, 'T') = '\0';
		(void)g_snprintf(table->date, sizeof(table->date), "%sT", text);
	}
	g_string_append_c(line, '"');
	g_string_append(line, table->date);
	append_number(line, seconds % DAY_SECONDS / 3600, 2);
	g_string_append_c(line, ':');
	append_number(line, seconds / 60 % 60, 2);
	g_string_append_c(line, ':');
	append_number(line, seconds % 60, 2);
	g_string_append_c(line, '.');
	append_number(line, usec % USEC / 1000, 3);
	g_string_append_len(line, "Z\"", 2);
}

static void append_json_cell(struct table *table, enum table_type type, const struct cell *cell)
{
	GString *line = table->line;

	switch (type) {
	case TABLE_TEXT:
		append_json_text(line, cell_text(table, cell));
		break;
	case TABLE_NUMBER:
		append_number(line, cell->number, 1);
		break;
	case TABLE_BOOL:
		g_string_append(line, cell->number != 0 ? "true" : "false");
		break;
	case TABLE_TIME:
		if (cell->number == UINT64_MAX)
			g_string_append(line, "null");
		else
			append_json_time(table, cell->number);
		break;
	}
}

static void print_json_row(struct table *table, const struct cell *row)
{
	GString *line = g_string_assign(table->line, table->begun ? ",\n" : "[\n");
	char separator = '{';

	for (unsigned i = 0; i < table->n_columns; i++) {
		const struct table_column *column = &table->column[i];

		if (column->columns_only)
			continue;
		g_string_append_c(line, separator);
		append_json_text(line, column->name);
		g_string_append_c(line, ':');
		append_json_cell(table, column->type, &row[i]);
		separator = ',';
	}
	g_string_append_c(line, '}');
	(void)fwrite(line->str, 1, line->len, stdout);
	table->begun = true;
}

/* A cell filled up to the width of its column, with the space to the next one. An empty one shows
 * as
 * "-", so that words can be counted. */
static void append_cell(struct table *table, unsigned i, const char *cell)
{
	GString *line = table->line;
	const char *text = *cell == '\0' ? "-" : cell;
	int fill = (int)table->width[i] - (int)g_utf8_strlen(text, -1);

	if (table->column[i].type == TABLE_NUMBER)
		g_string_append_printf(line, "%*s%s  ", fill, "", text);
	else
		g_string_append_printf(line, "%s%*s  ", text, fill, "");
}

/* One row, or with NULL the headings. */
static void print_line(struct table *table, const struct cell *row)
{
	g_string_truncate(table->line, 0);
	for (unsigned i = 0; i < table->n_columns; i++) {
		const char *heading = table->column[i].heading;

		if (heading != NULL)
			append_cell(table, i, row != NULL ? cell_text(table, &row[i]) : heading);
	}
	puts(g_strchomp(table->line->str));
}

static void drop_cells(struct table *table)
{
	g_array_set_size(table->cells, 0);
	g_string_truncate(table->texts, 0);
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
	g_array_unref(table->cells);
	(void)g_string_free(table->texts, TRUE);
	(void)g_string_free(table->line, TRUE);
	g_free(table->width);
	g_free(table);
}
