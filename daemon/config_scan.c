/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See config_scan.h. The rules are GLib's: comments at line start only, '[' opens a section, the
 * first '=' ends a key. A section may be opened again later in the file; its keys count together.
 */
#include "daemon/config_scan.h"

#include <stdbool.h>
#include <string.h>

static void config_line_free(gpointer data)
{
	struct config_line *line = data;

	g_free(line->section);
	g_free(line->key);
	g_free(line);
}

static void config_scan_error_free(gpointer data)
{
	struct config_scan_error *error = data;

	g_free(error->section);
	g_free(error->key);
	g_free(error->sentence);
	g_free(error);
}

static void add_line(struct config_scan *scan, unsigned number, const char *section,
		     const char *key)
{
	struct config_line *line = g_new(struct config_line, 1);

	*line = (struct config_line){g_strdup(section), g_strdup(key), number};
	g_ptr_array_add(scan->lines, line);
}

G_GNUC_PRINTF(5, 6)
static void add_error(struct config_scan *scan, unsigned number, const char *section,
		      const char *key, const char *format, ...)
{
	struct config_scan_error *error = g_new(struct config_scan_error, 1);
	va_list args;

	va_start(args, format);
	*error = (struct config_scan_error){number, g_strdup(section), g_strdup(key),
					    g_strdup_vprintf(format, args)};
	va_end(args);
	g_ptr_array_add(scan->errors, error);
}

/* The name between the brackets, or NULL with an error. line is stripped and starts with '['. */
static char *scan_section(struct config_scan *scan, unsigned number, char *line)
{
	size_t length = strlen(line);

	if (line[length - 1] != ']') {
		add_error(scan, number, "", "", "'%s' opens a section but has no ']' at its end",
			  line);
		return NULL;
	}
	line[length - 1] = '\0';
	line++;
	if (*line == '\0' || strpbrk(line, "[]") != NULL) {
		add_error(scan, number, "", "", "'[%s]' is not the name of a section", line);
		return NULL;
	}
	return g_strdup(line);
}

/* seen: "section\nkey" -> line number. */
static void scan_key(struct config_scan *scan, GHashTable *seen, unsigned number,
		     const char *section, char *line)
{
	char *equals = strchr(line, '=');
	gpointer before;
	char *place;

	if (equals == NULL || equals == line) {
		add_error(scan, number, section, "",
			  "'%s' is neither Key=Value nor a [Section] nor a # comment", line);
		return;
	}
	*equals = '\0';
	g_strchomp(line);
	if (strpbrk(line, "[] \t") != NULL) {
		add_error(scan, number, section, "", "'%s' is not the name of a key", line);
		return;
	}
	place = g_strdup_printf("%s\n%s", section, line);
	if (g_hash_table_lookup_extended(seen, place, NULL, &before)) {
		add_error(scan, number, section, line,
			  "is set twice in this section, on line %u and on line %u",
			  GPOINTER_TO_UINT(before), number);
		g_free(place);
		return;
	}
	g_hash_table_insert(seen, place, GUINT_TO_POINTER(number));
	add_line(scan, number, section, line);
}

/* The next line of *text, stripped; NULL at its end. */
static char *take_line(const char **text)
{
	const char *end = strchr(*text, '\n');
	char *line;

	if (**text == '\0')
		return NULL;
	if (end == NULL)
		end = *text + strlen(*text);
	line = g_strstrip(g_strndup(*text, (gsize)(end - *text)));
	*text = *end == '\0' ? end : end + 1;
	return line;
}

struct config_scan *config_scan_new(const char *text)
{
	struct config_scan *scan = g_new0(struct config_scan, 1);
	GHashTable *seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	char *section = NULL, *line;
	bool skipping = false; /* behind a broken section header */

	scan->lines = g_ptr_array_new_with_free_func(config_line_free);
	scan->errors = g_ptr_array_new_with_free_func(config_scan_error_free);
	for (unsigned i = 0; (line = take_line(&text)) != NULL; i++, g_free(line)) {
		if (*line == '\0' || *line == '#')
			continue;
		if (*line == '[') {
			g_free(section);
			section = scan_section(scan, i + 1, line);
			skipping = section == NULL;
			if (section != NULL)
				add_line(scan, i + 1, section, NULL);
		} else if (section != NULL) {
			scan_key(scan, seen, i + 1, section, line);
		} else if (!skipping) {
			add_error(scan, i + 1, "", "", "'%s' stands before the first [Section]",
				  line);
			skipping = true;
		}
	}
	g_free(section);
	g_hash_table_unref(seen);
	return scan;
}

void config_scan_free(struct config_scan *scan)
{
	if (scan == NULL)
		return;
	g_ptr_array_unref(scan->lines);
	g_ptr_array_unref(scan->errors);
	g_free(scan);
}
