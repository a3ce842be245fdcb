/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See pool4_words.h. */
#include "daemon/pool4_words.h"

#include <string.h>

#include "daemon/change_text.h"
#include "daemon/config_value.h"
#include "daemon/core/pool4_text.h"

#define LISTED_MAX 8 /* entries that a sentence lists */

static bool has_addresses(const struct pool4_entry *entry, const struct pool4_text *text)
{
	return entry->spec.n_addresses == text->n_ranges &&
	       memcmp(entry->spec.addresses, text->range, text->n_ranges * sizeof(*text->range)) ==
		       0;
}

static bool shares_addresses(const struct pool4_entry *entry, const struct pool4_text *text)
{
	for (uint32_t i = 0; i < entry->spec.n_addresses; i++) {
		for (uint32_t j = 0; j < text->n_ranges; j++) {
			if (entry->spec.addresses[i].first <= text->range[j].last &&
			    text->range[j].first <= entry->spec.addresses[i].last)
				return true;
		}
	}
	return false;
}

/* Those entries that match, as a list for a sentence; returns how many, and one of them. */
static guint list_matching(const struct pool4 *pool, const struct pool4_text *text,
			   bool (*match)(const struct pool4_entry *, const struct pool4_text *),
			   GString *ret_names, const struct pool4_entry **ret)
{
	const struct pool4_entry *entry;
	char spec[CHANGE_SPEC_SIZE];
	guint n = 0;

	for (uint32_t id = 0; (entry = pool4_next(pool, id)) != NULL; id = entry->id) {
		if (!match(entry, text))
			continue;
		*ret = entry;
		if (n++ < LISTED_MAX)
			g_string_append_printf(ret_names, "%s%s (%s)", n > 1 ? ", " : "",
					       entry->spec.name,
					       change_spec_text(&entry->spec, spec));
	}
	if (n > LISTED_MAX)
		g_string_append_printf(ret_names, " and %u more", n - LISTED_MAX);
	return n;
}

static const struct pool4_entry *find_by_addresses(const struct pool4 *pool, const char *words,
						   const struct pool4_text *text,
						   struct change_result *ret)
{
	g_autoptr(GString) names = g_string_new(NULL);
	const struct pool4_entry *entry = NULL;
	guint n = list_matching(pool, text, has_addresses, names, &entry);

	if (n == 1)
		return entry;
	if (n > 1) {
		change_fail(ret, CHANGE_AMBIGUOUS,
			    "%u entries of pool4 have the addresses %.*s: name one of %s", n,
			    CHANGE_QUOTED_MAX, words, names->str);
		return NULL;
	}
	n = list_matching(pool, text, shares_addresses, names, &entry);
	if (n > 0)
		change_fail(ret, CHANGE_NO_SUCH_POOL4,
			    "pool4 has no entry with exactly the addresses %.*s; %s has some of "
			    "them",
			    CHANGE_QUOTED_MAX, words, names->str);
	else
		change_fail(ret, CHANGE_NO_SUCH_POOL4, "pool4 has no entry with the addresses %.*s",
			    CHANGE_QUOTED_MAX, words);
	return NULL;
}

static bool parse_id(const char *text, uint32_t *ret)
{
	uint64_t id;

	if (!config_number_parse(text, &id) || id > UINT32_MAX)
		return false;
	*ret = (uint32_t)id;
	return true;
}

const struct pool4_entry *pool4_words_find(const struct pool4 *pool, const char *words,
					   struct change_result *ret)
{
	const struct pool4_entry *entry = pool4_entry_by_name(pool, words);
	char error[POOL4_TEXT_ERROR_SIZE];
	struct pool4_text text;
	uint32_t id;

	if (!entry && parse_id(words, &id))
		entry = pool4_entry(pool, id);
	if (entry)
		return entry;
	if (!strpbrk(words, "./:") || pool4_text_parse(words, &text, error) != NULL) {
		change_fail(ret, CHANGE_NO_SUCH_POOL4, "pool4 has no entry '%.*s'",
			    CHANGE_QUOTED_MAX, words);
		return NULL;
	}
	entry = find_by_addresses(pool, words, &text, ret);
	pool4_text_deinit(&text);
	return entry;
}
