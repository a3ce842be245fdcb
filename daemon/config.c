/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See config.h. The way of a value: config_file.c reads and merges the files, here every row of
 * config_keys.c is applied to a fresh struct (what the files say, else the row's default), then
 * the whole is checked for what no single key can know.
 */
#include "daemon/config.h"

#include <errno.h>
#include <string.h>

#include "daemon/config_check.h"
#include "daemon/config_file.h"
#include "daemon/config_override.h"
#include "daemon/config_value.h"

/* Sections that name objects. */
static bool is_object_section(const char *section)
{
	return strcmp(section, CONFIG_SECTION_POOL4) == 0 ||
	       strcmp(section, CONFIG_SECTION_STATIC) == 0;
}

/* "Pool4 wan" is a "Pool4 NAME"; other sections are their own pattern. */
static const char *section_pattern(const char *section)
{
	if (g_str_has_prefix(section, "Pool4 "))
		return CONFIG_SECTION_POOL4;
	if (g_str_has_prefix(section, "Static "))
		return CONFIG_SECTION_STATIC;
	return section;
}

bool config_name_is_valid(const char *name)
{
	size_t length = strlen(name);

	return length >= 1 && length < POOL4_NAME_SIZE && g_ascii_isalnum(*name) &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == length;
}

/* Sections and keys that no row of the table knows. */
static void report_unknown(const struct config_file *file, GPtrArray *problems)
{
	for (guint i = 0; i < file->sections->len; i++) {
		const struct config_section *section = g_ptr_array_index(file->sections, i);
		g_autofree char *near = NULL;

		if (config_key_section_exists(section_pattern(section->name)))
			continue;
		near = config_key_suggest_section(section->name);
		config_problem_add(problems, CONFIG_UNKNOWN, &section->place, section->name, "",
				   "unknown section%s%s%s", near ? ": did you mean " : "",
				   near ? near : "", near ? "?" : "");
	}
	for (guint i = 0; i < file->settings->len; i++) {
		const struct config_setting *setting = g_ptr_array_index(file->settings, i);
		const char *pattern = section_pattern(setting->section);
		g_autofree char *near = NULL;

		if (!config_key_section_exists(pattern) ||
		    config_key_find(pattern, setting->key) != NULL)
			continue;
		near = config_key_suggest(pattern, setting->key);
		config_problem_add(problems, CONFIG_UNKNOWN, &setting->place, setting->section,
				   setting->key, "unknown key%s%s%s", near ? ": did you mean " : "",
				   near ? near : "", near ? "?" : "");
	}
}

/* One row: the files' value (setting) if there is one and it is good, else the default. */
static void apply_key(const struct config_key *key, const char *section,
		      const struct config_setting *setting, struct config *config, void *base,
		      GPtrArray *problems)
{
	bool has_default = *key->initial != '\0' || !is_object_section(key->section);
	g_autofree char *problem = NULL;

	if (has_default) {
		problem = config_value_set(key, key->initial, config, base);
		g_assert_null(problem);
	}
	if (setting == NULL)
		return;
	problem = config_value_set(key, setting->value, config, base);
	if (problem != NULL)
		config_problem_add(problems, CONFIG_ERROR, &setting->place, section, key->name,
				   "%s", problem);
}

/* What was set at run time stands in for what the files say. */
static void apply_plain_keys(const struct config_file *file, const GPtrArray *overrides,
			     struct config *config, GPtrArray *problems)
{
	for (const struct config_key *key = config_keys; key->section != NULL; key++) {
		const struct config_setting *setting;
		const struct config_override *override;
		struct config_setting newer;

		if (config_key_is_of_object(key))
			continue;
		setting = config_file_find(file, key->section, key->name);
		override = overrides != NULL ? config_override_find(overrides, key) : NULL;
		if (override != NULL) {
			newer = (struct config_setting){.value = override->value};
			setting = &newer;
		}
		apply_key(key, key->section, setting, config, config, problems);
	}
}

static void apply_object_keys(const char *pattern, const struct config_section *section,
			      const struct config_file *file, struct config *config, void *object,
			      GPtrArray *problems)
{
	for (const struct config_key *key = config_keys; key->section != NULL; key++) {
		if (strcmp(key->section, pattern) == 0)
			apply_key(key, section->name,
				  config_file_find(file, section->name, key->name), config, object,
				  problems);
	}
}

static bool is_enabled(const struct config_file *file, const struct config_section *section)
{
	const struct config_setting *setting = config_file_find(file, section->name, "Enabled");
	bool enabled = true;

	if (setting != NULL)
		(void)config_bool_parse(setting->value, &enabled);
	return enabled;
}

/* A key without which the object makes no sense. */
static void require_key(const struct config_file *file, const struct config_section *section,
			const char *key, GPtrArray *problems)
{
	if (config_file_find(file, section->name, key) == NULL)
		config_problem_add(problems, CONFIG_ERROR, &section->place, section->name, "",
				   "%s= is missing", key);
}

static void pool4_deinit(struct config_pool4 *entry)
{
	g_free((void *)entry->spec.addresses);
	g_strfreev(entry->interfaces);
	g_free(entry->place.file);
}

static void take_pool4(const struct config_file *file, const struct config_section *section,
		       const char *name, struct config *config, GArray *entries,
		       GPtrArray *problems)
{
	struct config_pool4 entry = {
		.spec = {.pool6 = POOL4_ANY_PREFIX, .source = POOL4_FROM_FILE},
		.place = {g_strdup(section->place.file), section->place.line},
	};

	g_strlcpy(entry.spec.name, name, sizeof(entry.spec.name));
	apply_object_keys(CONFIG_SECTION_POOL4, section, file, config, &entry, problems);
	if (!is_enabled(file, section)) {
		pool4_deinit(&entry);
		return;
	}
	require_key(file, section, "Addresses", problems);
	if (strcmp(name, "auto") == 0)
		config_problem_add(problems, CONFIG_ERROR, &section->place, section->name, "",
				   "the name 'auto' is kept for the entry that exists while there "
				   "is no other");
	g_array_append_val(entries, entry);
}

static void take_static(const struct config_file *file, const struct config_section *section,
			const char *name, struct config *config, GArray *statics,
			GPtrArray *problems)
{
	struct config_static binding = {
		.place = {g_strdup(section->place.file), section->place.line},
	};

	g_strlcpy(binding.name, name, sizeof(binding.name));
	apply_object_keys(CONFIG_SECTION_STATIC, section, file, config, &binding, problems);
	if (!is_enabled(file, section)) {
		g_free(binding.place.file);
		return;
	}
	require_key(file, section, "Inside", problems);
	require_key(file, section, "Outside", problems);
	g_array_append_val(statics, binding);
}

/* All [Pool4 NAME] and [Static NAME] in the order of the files. Plain keys have been applied. */
static void take_objects(const struct config_file *file, struct config *config, GPtrArray *problems)
{
	GArray *entries = g_array_new(FALSE, FALSE, sizeof(struct config_pool4));
	GArray *statics = g_array_new(FALSE, FALSE, sizeof(struct config_static));

	for (guint i = 0; i < file->sections->len; i++) {
		const struct config_section *section = g_ptr_array_index(file->sections, i);
		const char *pattern = section_pattern(section->name);
		const char *name;

		if (!is_object_section(pattern))
			continue;
		name = strchr(section->name, ' ') + 1;
		if (!config_name_is_valid(name))
			config_problem_add(problems, CONFIG_ERROR, &section->place, section->name,
					   "",
					   "'%s' is not a name: at most 32 of a-z, 0-9, '.', '_' "
					   "and '-', with a letter or digit in front",
					   name);
		else if (strcmp(pattern, CONFIG_SECTION_POOL4) == 0)
			take_pool4(file, section, name, config, entries, problems);
		else
			take_static(file, section, name, config, statics, problems);
	}
	config->n_pool4 = entries->len;
	config->pool4 = (struct config_pool4 *)g_array_free(entries, FALSE);
	config->n_statics = statics->len;
	config->statics = (struct config_static *)g_array_free(statics, FALSE);
}

static int compare_problems(gconstpointer a, gconstpointer b)
{
	const struct config_problem *one = *(const struct config_problem *const *)a;
	const struct config_problem *two = *(const struct config_problem *const *)b;
	int order = strcmp(one->file, two->file);

	if (order != 0)
		return order;
	return (one->line > two->line) - (one->line < two->line);
}

static struct config *config_of_file(const struct config_file *file, const GPtrArray *overrides,
				     GPtrArray *problems)
{
	struct config *config = g_new0(struct config, 1);

	report_unknown(file, problems);
	apply_plain_keys(file, overrides, config, problems);
	take_objects(file, config, problems);
	config_check(config, file, problems);
	g_ptr_array_sort(problems, compare_problems);
	return config;
}

int config_make(const struct config_file *file, const GPtrArray *overrides, struct config **ret,
		GPtrArray *problems)
{
	struct config *config = config_of_file(file, overrides, problems);

	if (config_problems_have(problems, CONFIG_ERROR)) {
		config_free(config);
		return -EINVAL;
	}
	*ret = config;
	return 0;
}

int config_load(const char *path, struct config **ret, GPtrArray *problems)
{
	struct config_file *file = NULL;
	struct config *config = NULL;
	int r, r_file;

	r_file = config_file_read(path != NULL ? path : CONFIG_DEFAULT_PATH, path == NULL, &file,
				  problems);
	r = config_make(file, NULL, &config, problems);
	config_file_free(file);
	if (r_file < 0) {
		if (r == 0)
			config_free(config);
		return r_file;
	}
	if (r == 0)
		*ret = config;
	return r;
}

struct config *config_new_default(void)
{
	struct config_file *file = config_file_new();
	GPtrArray *problems = config_problems_new();
	struct config *config = config_of_file(file, NULL, problems);

	g_assert_cmpuint(problems->len, ==, 0);
	g_ptr_array_unref(problems);
	config_file_free(file);
	return config;
}

void config_free(struct config *config)
{
	if (config == NULL)
		return;
	for (uint32_t i = 0; i < config->n_pool4; i++)
		pool4_deinit(&config->pool4[i]);
	g_free(config->pool4);
	for (uint32_t i = 0; i < config->n_statics; i++)
		g_free(config->statics[i].place.file);
	g_free(config->statics);
	g_strfreev(config->announce.interfaces);
	g_strfreev(config->silent_interfaces);
	g_free(config->log.target);
	g_free(config->metrics.file);
	g_free(config->metrics.listen);
	g_free(config);
}
