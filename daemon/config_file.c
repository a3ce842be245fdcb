/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See config_file.h. GKeyFile reads the values; config_scan.c says in which lines they stand, and
 * finds what GKeyFile does not report. The memory of all texts belongs to the members.
 */
#include "daemon/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "daemon/config_scan.h"

/* A million addresses, one by one, are 16 MB. What is longer is no configuration: /dev/zero has no
 * end. */
#define FILE_SIZE_MAX (64u << 20)
#define CHUNK_SIZE    65536

static void config_problem_free(gpointer data)
{
	struct config_problem *problem = data;

	g_free(problem->file);
	g_free(problem->section);
	g_free(problem->key);
	g_free(problem->sentence);
	g_free(problem);
}

GPtrArray *config_problems_new(void)
{
	return g_ptr_array_new_with_free_func(config_problem_free);
}

void config_problem_add(GPtrArray *problems, enum config_severity severity,
			const struct config_place *place, const char *section, const char *key,
			const char *format, ...)
{
	struct config_problem *problem = g_new(struct config_problem, 1);
	va_list args;

	va_start(args, format);
	*problem = (struct config_problem){
		.severity = severity,
		.file = g_strdup(place != NULL && place->file != NULL ? place->file : ""),
		.line = place != NULL ? place->line : 0,
		.section = g_strdup(section),
		.key = g_strdup(key),
		.sentence = g_strdup_vprintf(format, args),
	};
	va_end(args);
	g_ptr_array_add(problems, problem);
}

char *config_problem_print(const struct config_problem *problem)
{
	GString *text = g_string_new(problem->file);

	if (problem->line != 0)
		g_string_append_printf(text, ":%u", problem->line);
	if (text->len != 0)
		g_string_append(text, ": ");
	if (*problem->section != '\0')
		g_string_append_printf(text, "[%s]%s", problem->section,
				       *problem->key != '\0' ? " " : ": ");
	if (*problem->key != '\0')
		g_string_append_printf(text, "%s: ", problem->key);
	g_string_append(text, problem->sentence);
	return g_string_free(text, FALSE);
}

bool config_problems_have(const GPtrArray *problems, enum config_severity severity)
{
	for (guint i = 0; i < problems->len; i++) {
		const struct config_problem *problem = g_ptr_array_index(problems, i);

		if (problem->severity >= severity)
			return true;
	}
	return false;
}

static void setting_free(gpointer data)
{
	struct config_setting *setting = data;

	g_free(setting->section);
	g_free(setting->key);
	g_free(setting->value);
	g_free(setting->place.file);
	g_free(setting);
}

static void section_free(gpointer data)
{
	struct config_section *section = data;

	g_free(section->name);
	g_free(section->place.file);
	g_free(section);
}

void config_file_free(struct config_file *file)
{
	if (file == NULL)
		return;
	g_hash_table_unref(file->by_name);
	g_ptr_array_unref(file->sections);
	g_ptr_array_unref(file->settings);
	g_free(file);
}

struct config_file *config_file_new(void)
{
	struct config_file *file = g_new(struct config_file, 1);

	*file = (struct config_file){
		.sections = g_ptr_array_new_with_free_func(section_free),
		.settings = g_ptr_array_new_with_free_func(setting_free),
		.by_name = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
	};
	return file;
}

static void add_section(struct config_file *file, const char *name,
			const struct config_place *place)
{
	g_autofree char *by = g_strdup_printf("%s\n", name);
	struct config_section *section;

	if (g_hash_table_contains(file->by_name, by))
		return;
	section = g_new(struct config_section, 1);
	*section = (struct config_section){
		g_strdup(name),
		{g_strdup(place->file), place->line},
	};
	g_ptr_array_add(file->sections, section);
	g_hash_table_insert(file->by_name, g_steal_pointer(&by), section);
}

/* A new setting, or a new value and place for an old one. Takes over value. */
static void put_setting(struct config_file *file, const char *section, const char *key, char *value,
			const struct config_place *place)
{
	g_autofree char *by = g_strdup_printf("%s\n%s", section, key);
	struct config_setting *setting = g_hash_table_lookup(file->by_name, by);

	if (setting == NULL) {
		setting = g_new0(struct config_setting, 1);
		setting->section = g_strdup(section);
		setting->key = g_strdup(key);
		g_ptr_array_add(file->settings, setting);
		g_hash_table_insert(file->by_name, g_steal_pointer(&by), setting);
	}
	g_free(setting->value);
	g_free(setting->place.file);
	setting->value = value;
	setting->place = (struct config_place){g_strdup(place->file), place->line};
}

const struct config_setting *config_file_find(const struct config_file *file, const char *section,
					      const char *key)
{
	g_autofree char *by = g_strdup_printf("%s\n%s", section, key);

	return g_hash_table_lookup(file->by_name, by);
}

/* The line that holds the byte at offset. */
static unsigned line_of(const char *text, size_t offset)
{
	unsigned line = 1;

	for (size_t i = 0; i < offset; i++)
		line += text[i] == '\n';
	return line;
}

static void take_scan(struct config_file *file, const char *path, const struct config_scan *scan,
		      GKeyFile *values, GPtrArray *problems)
{
	for (guint i = 0; i < scan->errors->len; i++) {
		const struct config_scan_error *error = g_ptr_array_index(scan->errors, i);
		struct config_place place = {(char *)path, error->line};

		config_problem_add(problems, CONFIG_ERROR, &place, error->section, error->key, "%s",
				   error->sentence);
	}
	for (guint i = 0; i < scan->lines->len; i++) {
		const struct config_line *line = g_ptr_array_index(scan->lines, i);
		struct config_place place = {(char *)path, line->line};
		char *value;

		if (line->key == NULL) {
			add_section(file, line->section, &place);
			continue;
		}
		value = g_key_file_get_value(values, line->section, line->key, NULL);
		if (value != NULL)
			put_setting(file, line->section, line->key, g_strstrip(value), &place);
	}
}

/* Some editors put it in front of UTF-8 text; it says nothing, and nobody sees it. */
static size_t byte_order_mark_size(const char *text)
{
	static const char mark[] = "\xef\xbb\xbf";

	return g_str_has_prefix(text, mark) ? strlen(mark) : 0;
}

static void take_text(struct config_file *file, const char *path, const GString *content,
		      GPtrArray *problems)
{
	size_t n_skipped = byte_order_mark_size(content->str);
	const char *text = content->str + n_skipped;
	size_t size = content->len - n_skipped;
	struct config_place place = {(char *)path, 0};
	g_autoptr(GKeyFile) values = g_key_file_new();
	g_autoptr(GError) error = NULL;
	struct config_scan *scan;
	const char *end;

	if (!g_utf8_validate(text, (gssize)size, &end)) {
		place.line = line_of(text, (size_t)(end - text));
		config_problem_add(problems, CONFIG_ERROR, &place, "", "",
				   "this line is not UTF-8 text");
		return;
	}
	scan = config_scan_new(text);
	/* What the scan has found wrong, GKeyFile would refuse without a line. */
	if (!g_key_file_load_from_data(values, text, size, G_KEY_FILE_NONE, &error) &&
	    scan->errors->len == 0 && size != 0)
		config_problem_add(problems, CONFIG_ERROR, &place, "", "", "%s", error->message);
	take_scan(file, path, scan, values, problems);
	config_scan_free(scan);
}

/* GLib's own reader does not tell the errno. */
static int read_content(const char *path, GString *ret)
{
	g_autofree char *chunk = g_malloc(CHUNK_SIZE);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;
	int r = 0;

	if (fd < 0)
		return -errno;
	while (r == 0 && (n = read(fd, chunk, CHUNK_SIZE)) != 0) {
		if (n < 0)
			r = errno == EINTR ? 0 : -errno;
		else if (ret->len + (size_t)n > FILE_SIZE_MAX)
			r = -EFBIG;
		else
			g_string_append_len(ret, chunk, n);
	}
	(void)close(fd);
	return r;
}

static int read_one(struct config_file *file, const char *path, bool may_be_missing,
		    GPtrArray *problems)
{
	struct config_place place = {(char *)path, 0};
	g_autoptr(GString) content = g_string_new(NULL);
	int r = read_content(path, content);

	if (r == -ENOENT && may_be_missing)
		return 0;
	if (r < 0)
		config_problem_add(problems, CONFIG_ERROR, &place, "", "", "can not be read: %s",
				   g_strerror(-r));
	else
		take_text(file, path, content, problems);
	return r;
}

static int compare_names(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The full names of directory/ *.conf in lexical order; none if there is no such directory. */
static int list_drop_ins(const char *directory, GPtrArray **ret, GPtrArray *problems)
{
	struct config_place place = {(char *)directory, 0};
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GError) error = NULL;
	GDir *dir = g_dir_open(directory, 0, &error);
	const char *name;

	*ret = names;
	if (dir == NULL) {
		if (g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
			return 0;
		config_problem_add(problems, CONFIG_ERROR, &place, "", "", "can not be read: %s",
				   error->message);
		return -EIO;
	}
	while ((name = g_dir_read_name(dir)) != NULL) {
		if (*name != '.' && g_str_has_suffix(name, ".conf"))
			g_ptr_array_add(names, g_build_filename(directory, name, NULL));
	}
	g_dir_close(dir);
	g_ptr_array_sort(names, compare_names);
	return 0;
}

int config_file_read(const char *path, bool may_be_missing, struct config_file **ret,
		     GPtrArray *problems)
{
	g_autofree char *directory = g_strdup_printf("%s.d", path);
	g_autoptr(GPtrArray) names = NULL;
	struct config_file *file = config_file_new();
	int r, r_names;

	r = read_one(file, path, may_be_missing, problems);
	r_names = list_drop_ins(directory, &names, problems);
	if (r == 0)
		r = r_names;
	for (guint i = 0; i < names->len; i++) {
		int r_one = read_one(file, g_ptr_array_index(names, i), false, problems);

		if (r == 0)
			r = r_one;
	}
	*ret = file;
	return r;
}
