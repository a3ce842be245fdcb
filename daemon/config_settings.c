/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/config_settings.h"

#include <string.h>

#include "daemon/config_value.h"

int config_settings_new(const char *path, struct config_settings **ret, struct config **ret_config,
			GPtrArray *problems)
{
	struct config_settings *settings = g_new0(struct config_settings, 1);
	struct config_draft draft;
	int r;

	settings->path = g_strdup(path);
	settings->file = config_file_new();
	settings->overrides = config_overrides_new();
	r = config_draft_reload(settings, &draft, problems);
	if (r < 0) {
		config_settings_free(settings);
		return r;
	}
	*ret_config = g_steal_pointer(&draft.config);
	config_settings_accept(settings, &draft);
	config_settings_settle(settings);
	*ret = settings;
	return 0;
}

void config_settings_free(struct config_settings *settings)
{
	if (settings == NULL)
		return;
	config_settings_settle(settings);
	g_free(settings->path);
	config_file_free(settings->file);
	g_ptr_array_unref(settings->overrides);
	g_free(settings);
}

void config_draft_deinit(struct config_draft *draft)
{
	if (!draft->is_back)
		config_file_free(draft->file);
	g_ptr_array_unref(draft->overrides);
	g_ptr_array_unref(draft->dropped);
	config_free(draft->config);
}

static void draft_init(const struct config_settings *settings, struct config_draft *ret)
{
	*ret = (struct config_draft){
		.overrides = config_overrides_copy(settings->overrides),
		.dropped = g_ptr_array_new_with_free_func(g_free),
	};
}

/* The configuration of the draft. Its problems count; those that the files had before do not. */
static int make(const struct config_settings *settings, struct config_draft *draft,
		GPtrArray *problems)
{
	int r = config_make(draft->file != NULL ? draft->file : settings->file, draft->overrides,
			    &draft->config, problems);

	if (r < 0)
		config_draft_deinit(draft);
	return r;
}

/* NULL: the files do not say anything. */
static const char *written(const struct config_file *file, const struct config_key *key)
{
	const struct config_setting *setting = config_file_find(file, key->section, key->name);

	return setting != NULL ? setting->value : NULL;
}

static const char *or_default(const char *value, const struct config_key *key)
{
	return value != NULL ? value : key->initial;
}

/* The newest word wins: where the files say something else than when a key was set, they do. */
static void drop_outdated(const struct config_file *file, struct config_draft *draft)
{
	for (guint i = draft->overrides->len; i > 0; i--) {
		const struct config_override *override = g_ptr_array_index(draft->overrides, i - 1);
		const char *now = written(file, override->key);

		if (g_strcmp0(now, override->base) == 0)
			continue;
		g_ptr_array_add(draft->dropped,
				g_strdup_printf("%s.%s: the files say '%s' now, which holds; '%s', "
						"set at run time, is dropped",
						override->key->section, override->key->name,
						or_default(now, override->key), override->value));
		g_ptr_array_remove_index(draft->overrides, i - 1);
	}
}

int config_draft_reload(const struct config_settings *settings, struct config_draft *ret,
			GPtrArray *problems)
{
	int r;

	draft_init(settings, ret);
	r = config_file_read(settings->path != NULL ? settings->path : CONFIG_DEFAULT_PATH,
			     settings->path == NULL, &ret->file, problems);
	if (r < 0) {
		config_draft_deinit(ret);
		return r;
	}
	drop_outdated(ret->file, ret);
	return make(settings, ret, problems);
}

/* NULL, and it is one of overrides now; or why it can not be. */
static char *try_override(const struct config_settings *settings, const struct config *running,
			  const struct config_override *override, GPtrArray *overrides)
{
	g_autoptr(GPtrArray) problems = config_problems_new();
	struct config *config = NULL;

	if (!config_key_is_live(override->key, running))
		return g_strdup("it takes effect at a start only");
	config_override_put(overrides, override->key, override->value, override->base);
	if (config_make(settings->file, overrides, &config, problems) == 0) {
		config_free(config);
		return NULL;
	}
	(void)config_override_remove(overrides, override->key);
	for (guint i = 0; i < problems->len; i++) {
		const struct config_problem *problem = g_ptr_array_index(problems, i);

		if (problem->severity == CONFIG_ERROR)
			return g_strdup(problem->sentence);
	}
	return g_strdup("the configuration can not be made");
}

static void hold(GPtrArray *stored, const struct config_override *override, const char *why,
		 GPtrArray *ret_held)
{
	g_autofree char *text = g_strdup_printf(
		"%s.%s: '%s', set at run time, can not be used now and is left in the database: %s",
		override->key->section, override->key->name, override->value, why);

	/* It may be anything that somebody has written into the database. */
	g_ptr_array_add(ret_held, g_strescape(text, NULL));
	(void)config_override_remove(stored, override->key);
}

int config_draft_restore(const struct config_settings *settings, GPtrArray *stored,
			 const struct config *running, struct config_draft *ret,
			 GPtrArray *ret_held, GPtrArray *problems)
{
	GPtrArray *usable = config_overrides_new();

	draft_init(settings, ret);
	g_ptr_array_unref(ret->overrides);
	ret->overrides = config_overrides_copy(stored);
	drop_outdated(settings->file, ret);
	for (guint i = 0; i < ret->overrides->len; i++) {
		const struct config_override *override = g_ptr_array_index(ret->overrides, i);
		g_autofree char *why = try_override(settings, running, override, usable);

		if (why != NULL)
			hold(stored, override, why, ret_held);
	}
	g_ptr_array_unref(ret->overrides);
	ret->overrides = usable;
	return make(settings, ret, problems);
}

/* The same words, with whatever between them. */
static bool says_the_same(const char *one, const char *other)
{
	g_auto(GStrv) words = config_words(one);
	g_auto(GStrv) other_words = config_words(other);

	return g_strv_equal((const char *const *)words, (const char *const *)other_words);
}

int config_draft_set(const struct config_settings *settings, const struct config_key *key,
		     const char *value, struct config_draft *ret, GPtrArray *problems)
{
	const char *base = written(settings->file, key);

	draft_init(settings, ret);
	/* What the files say needs no other word, and would go with theirs anyway. */
	if (says_the_same(value, or_default(base, key)))
		(void)config_override_remove(ret->overrides, key);
	else
		config_override_put(ret->overrides, key, value, base);
	return make(settings, ret, problems);
}

int config_draft_reset(const struct config_settings *settings, const struct config_key *key,
		       struct config_draft *ret, GPtrArray *problems)
{
	draft_init(settings, ret);
	if (key != NULL)
		(void)config_override_remove(ret->overrides, key);
	else
		g_ptr_array_set_size(ret->overrides, 0);
	return make(settings, ret, problems);
}

int config_draft_back(const struct config_settings *settings, struct config_draft *ret,
		      GPtrArray *problems)
{
	draft_init(settings, ret);
	if (settings->overrides_before != NULL) {
		g_ptr_array_unref(ret->overrides);
		ret->overrides = g_ptr_array_ref(settings->overrides_before);
	}
	ret->file = settings->file_before;
	ret->is_back = true;
	return make(settings, ret, problems);
}

void config_settings_accept(struct config_settings *settings, struct config_draft *draft)
{
	/* It is what there is again. */
	if (draft->is_back)
		settings->file_before = NULL;
	if (draft->file != NULL) {
		if (settings->file_before == NULL)
			settings->file_before = g_steal_pointer(&settings->file);
		config_file_free(settings->file);
		settings->file = g_steal_pointer(&draft->file);
	}
	if (settings->overrides_before == NULL)
		settings->overrides_before = g_ptr_array_ref(settings->overrides);
	g_ptr_array_unref(settings->overrides);
	settings->overrides = g_steal_pointer(&draft->overrides);
	g_ptr_array_unref(draft->dropped);
	config_free(draft->config);
}

void config_settings_settle(struct config_settings *settings)
{
	config_file_free(g_steal_pointer(&settings->file_before));
	g_clear_pointer(&settings->overrides_before, g_ptr_array_unref);
	settings->is_refused = false;
}

bool config_settings_is_unsettled(const struct config_settings *settings)
{
	return settings->file_before != NULL || settings->overrides_before != NULL;
}

/* What holds for a plain key. */
static const char *effective(const struct config_file *file, const GPtrArray *overrides,
			     const struct config_key *key)
{
	const struct config_override *override = config_override_find(overrides, key);

	return override != NULL ? override->value : or_default(written(file, key), key);
}

static bool is_of_object(const char *section)
{
	return strchr(section, ' ') != NULL;
}

/* The objects of one that the other does not have in the same words. */
static void compare_objects(const struct config_file *one, const struct config_file *other,
			    const char *missing, bool with_values, GPtrArray *differences)
{
	for (guint i = 0; i < one->settings->len; i++) {
		const struct config_setting *setting = g_ptr_array_index(one->settings, i);
		const struct config_setting *there =
			config_file_find(other, setting->section, setting->key);

		if (!is_of_object(setting->section))
			continue;
		if (there == NULL)
			g_ptr_array_add(differences,
					g_strdup_printf("[%s] %s: %s %s", setting->section,
							setting->key, setting->value, missing));
		else if (with_values && strcmp(setting->value, there->value) != 0)
			g_ptr_array_add(differences, g_strdup_printf("[%s] %s: %s -> %s",
								     setting->section, setting->key,
								     setting->value, there->value));
	}
}

GPtrArray *config_draft_differences(const struct config_settings *settings,
				    const struct config_draft *draft)
{
	const struct config_file *file = draft->file != NULL ? draft->file : settings->file;
	GPtrArray *differences = g_ptr_array_new_with_free_func(g_free);

	for (const struct config_key *key = config_keys; key->section != NULL; key++) {
		const char *before, *after;

		if (config_key_is_of_object(key))
			continue;
		before = effective(settings->file, settings->overrides, key);
		after = effective(file, draft->overrides, key);
		if (strcmp(before, after) != 0)
			g_ptr_array_add(differences,
					g_strdup_printf("%s.%s: %s -> %s", key->section, key->name,
							before, after));
	}
	if (file != settings->file) {
		compare_objects(settings->file, file, "is gone", true, differences);
		compare_objects(file, settings->file, "is new", false, differences);
	}
	return differences;
}

void config_settings_get(const struct config_settings *settings, const struct config_key *key,
			 char **ret_value, char **ret_source)
{
	const struct config_setting *setting =
		config_file_find(settings->file, key->section, key->name);

	*ret_value = g_strdup(effective(settings->file, settings->overrides, key));
	if (config_override_find(settings->overrides, key) != NULL)
		*ret_source = g_strdup("runtime");
	else if (setting == NULL)
		*ret_source = g_strdup("default");
	else
		*ret_source = g_strdup_printf("%s:%u", setting->place.file, setting->place.line);
}
