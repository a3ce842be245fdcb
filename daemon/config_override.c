/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/config_override.h"

static void override_free(gpointer data)
{
	struct config_override *override = data;

	g_free(override->value);
	g_free(override->base);
	g_free(override);
}

GPtrArray *config_overrides_new(void)
{
	return g_ptr_array_new_with_free_func(override_free);
}

GPtrArray *config_overrides_copy(const GPtrArray *overrides)
{
	GPtrArray *copy = config_overrides_new();

	for (guint i = 0; i < overrides->len; i++) {
		const struct config_override *override = g_ptr_array_index(overrides, i);

		config_override_put(copy, override->key, override->value, override->base);
	}
	return copy;
}

const struct config_override *config_override_find(const GPtrArray *overrides,
						   const struct config_key *key)
{
	for (guint i = 0; i < overrides->len; i++) {
		const struct config_override *override = g_ptr_array_index(overrides, i);

		if (override->key == key)
			return override;
	}
	return NULL;
}

void config_override_put(GPtrArray *overrides, const struct config_key *key, const char *value,
			 const char *base)
{
	struct config_override *override = g_new(struct config_override, 1);

	*override = (struct config_override){key, g_strdup(value), g_strdup(base)};
	(void)config_override_remove(overrides, key);
	g_ptr_array_add(overrides, override);
}

bool config_override_remove(GPtrArray *overrides, const struct config_key *key)
{
	for (guint i = 0; i < overrides->len; i++) {
		const struct config_override *override = g_ptr_array_index(overrides, i);

		if (override->key == key) {
			g_ptr_array_remove_index(overrides, i);
			return true;
		}
	}
	return false;
}
