/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See ctl_import.h. Here: what is common to all, and the file that comes out. */
#include "tools/ctl_import.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/config_keys.h"
#include "daemon/config_value.h"
#include "tools/ctl_arguments.h"
#include "tools/ctl_verbs.h"

#define FILE_SIZE_MAX (4u << 20)
#define NOTE_MAX      300
#define NOTES_MAX     1000
/* Each takes away all that is wrong by then; what is hidden behind it comes to light in the next.
 */
#define ROUNDS_MAX 16

struct import_key {
	char *name;
	char *value;
};

struct import_section {
	char *name;
	GPtrArray *keys; /* struct import_key */
};

static void key_free(gpointer data)
{
	struct import_key *key = data;

	g_free(key->name);
	g_free(key->value);
	g_free(key);
}

static void section_free(gpointer data)
{
	struct import_section *section = data;

	g_free(section->name);
	g_ptr_array_unref(section->keys);
	g_free(section);
}

static struct import_section *find_section(struct import *import, const char *name)
{
	for (guint i = import->sections->len; i > 0; i--) {
		struct import_section *section = g_ptr_array_index(import->sections, i - 1);

		if (strcmp(section->name, name) == 0)
			return section;
	}
	return NULL;
}

static struct import_section *add_section(struct import *import, const char *name)
{
	struct import_section *section = g_new0(struct import_section, 1);

	section->name = g_strdup(name);
	section->keys = g_ptr_array_new_with_free_func(key_free);
	g_ptr_array_add(import->sections, section);
	return section;
}

void import_object(struct import *import, const char *section)
{
	(void)add_section(import, section);
}

void import_note(struct import *import, const char *format, ...)
{
	g_autofree char *text = NULL, *valid = NULL;
	va_list args;

	if (import->notes->len >= NOTES_MAX)
		return;
	if (import->notes->len == NOTES_MAX - 1) {
		g_ptr_array_add(import->notes, g_strdup("there is more that is not carried over"));
		return;
	}
	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	if (strlen(text) > NOTE_MAX)
		memcpy(text + NOTE_MAX - 3, "...", sizeof("..."));
	valid = g_utf8_make_valid(text, -1);
	for (char *c = valid; *c != '\0'; c++) {
		if (g_ascii_iscntrl(*c))
			*c = '?';
	}
	g_ptr_array_add(import->notes, g_steal_pointer(&valid));
}

static bool has_control(const char *text)
{
	for (; *text != '\0'; text++) {
		if (g_ascii_iscntrl(*text))
			return true;
	}
	return false;
}

/* Keys of objects are judged with the whole. */
static char *refusal(struct import *import, const char *section, const char *name,
		     const char *value)
{
	const struct config_key *key = config_key_find(section, name);

	if (has_control(value))
		return g_strdup("it has control characters in it");
	if (key == NULL)
		return NULL;
	return config_value_set(key, value, import->scratch, import->scratch);
}

void import_key(struct import *import, const char *section, const char *name, const char *value,
		const char *origin)
{
	g_autofree char *problem = refusal(import, section, name, value);
	struct import_section *place;
	struct import_key *key;

	if (problem != NULL) {
		import_note(import, "%s, as %s.%s: %s", origin, section, name, problem);
		return;
	}
	place = find_section(import, section);
	if (place == NULL)
		place = add_section(import, section);
	key = g_new0(struct import_key, 1);
	key->name = g_strdup(name);
	key->value = g_strdup(value);
	g_ptr_array_add(place->keys, key);
}

static void append_sections(const struct import *import, GString *text)
{
	for (guint i = 0; i < import->sections->len; i++) {
		const struct import_section *section = g_ptr_array_index(import->sections, i);

		if (section->keys->len == 0)
			continue;
		g_string_append_printf(text, "\n[%s]\n", section->name);
		for (guint j = 0; j < section->keys->len; j++) {
			const struct import_key *key = g_ptr_array_index(section->keys, j);

			g_string_append_printf(text, "%s=%s\n", key->name, key->value);
		}
	}
}

/* What nat64d thinks of the file: through one in memory, as it reads by name. */
static GPtrArray *judge(const struct import *import)
{
	GPtrArray *problems = config_problems_new();
	g_autoptr(GString) text = g_string_new(NULL);
	g_autofree char *path = NULL;
	struct config *config = NULL;
	int fd = memfd_create("nat64d.conf", MFD_CLOEXEC);

	append_sections(import, text);
	path = g_strdup_printf("/proc/self/fd/%d", fd);
	if (fd >= 0 && write(fd, text->str, text->len) == (ssize_t)text->len)
		(void)config_load(path, &config, problems);
	config_free(config);
	if (fd >= 0)
		(void)close(fd);
	return problems;
}

/* Takes the key away, or the object. False if it is not there any more. */
static bool take_away(struct import *import, const struct config_problem *problem)
{
	struct import_section *section = find_section(import, problem->section);
	guint n;

	if (section == NULL)
		return false;
	n = section->keys->len;
	if (n > 0 && (strchr(section->name, ' ') != NULL || *problem->key == '\0'))
		g_ptr_array_set_size(section->keys, 0);
	for (guint i = 0; i < section->keys->len; i++) {
		const struct import_key *key = g_ptr_array_index(section->keys, i);

		if (strcmp(key->name, problem->key) == 0)
			g_ptr_array_remove_index(section->keys, i--);
	}
	return section->keys->len != n;
}

/* Until nat64d takes the file. False if it never does. */
static bool settle(struct import *import)
{
	for (unsigned round = 0; round < ROUNDS_MAX; round++) {
		g_autoptr(GPtrArray) problems = judge(import);
		bool any = false;

		for (guint i = 0; i < problems->len; i++) {
			const struct config_problem *problem = g_ptr_array_index(problems, i);

			if (problem->severity != CONFIG_WARNING && take_away(import, problem)) {
				import_note(import, "[%s] %s: %s", problem->section, problem->key,
					    problem->sentence);
				any = true;
			}
		}
		if (!config_problems_have(problems, CONFIG_UNKNOWN))
			return true;
		if (!any)
			return false;
	}
	return false;
}

static void print(const struct ctl *ctl, const struct import *import, const char *program,
		  const char *file)
{
	g_autoptr(GString) text = g_string_new(NULL);
	g_autofree char *name = g_filename_display_basename(file);
	json_t *notes = json_array();

	for (char *c = name; *c != '\0'; c++) {
		if (g_ascii_iscntrl(*c))
			*c = '?';
	}
	g_string_append_printf(text, "# Made by nat64ctl import %s %s.\n", program, name);
	if (import->notes->len > 0)
		g_string_append(text, "#\n# Not carried over:\n");
	for (guint i = 0; i < import->notes->len; i++) {
		const char *note = g_ptr_array_index(import->notes, i);

		g_string_append_printf(text, "# - %s\n", note);
		json_array_append_new(notes, json_string(note));
	}
	append_sections(import, text);
	if (ctl->json)
		ctl_print_json(json_pack("{s:s, s:O, s:s}", "program", program, "notes", notes,
					 "text", text->str));
	else
		fputs(text->str, stdout);
	json_decref(notes);
}

/* All of it, and a NUL behind. A negative errno: it can not be read; -EFBIG: it has no end. */
static int read_file(const char *path, GString *ret)
{
	char buffer[65536];
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), r = 0;

	if (fd < 0)
		return -errno;
	while (r == 0 && (n = read(fd, buffer, sizeof(buffer))) != 0) {
		if (n < 0)
			r = -errno;
		else if (ret->len + (size_t)n > FILE_SIZE_MAX)
			r = -EFBIG;
		else
			g_string_append_len(ret, buffer, n);
	}
	(void)close(fd);
	return r;
}

enum ctl_status ctl_import(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	const char *program = arguments->verb->action, *path = arguments->word[0];
	g_autoptr(GString) text = g_string_new(NULL);
	g_autofree char *problem = NULL;
	struct import import;
	enum ctl_status status = CTL_DONE;
	int r = read_file(path, text);

	if (r < 0)
		return ctl_fail(r == -ENOENT ? CTL_NO_SUCH : CTL_FAILED, "%s: %s", path,
				g_strerror(-r));
	import = (struct import){
		.sections = g_ptr_array_new_with_free_func(section_free),
		.notes = g_ptr_array_new_with_free_func(g_free),
		.scratch = config_new_default(),
	};
	problem = strcmp(program, "jool") == 0 ? import_jool(&import, text->str, text->len)
					       : import_tayga(&import, text->str, text->len);
	if (problem != NULL)
		status = ctl_fail(CTL_FAILED, "%s: %s", path, problem);
	else if (!settle(&import))
		status = ctl_fail(CTL_FAILED, "%s: no nat64d.conf can be made of it", path);
	else
		print(ctl, &import, program, path);
	g_ptr_array_unref(import.sections);
	g_ptr_array_unref(import.notes);
	config_free(import.scratch);
	return status;
}
