/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/unsaid.h"

#include <stdarg.h>

struct sentence {
	int level;
	char *text;
};

static void sentence_free(void *data)
{
	struct sentence *sentence = data;

	g_free(sentence->text);
	g_free(sentence);
}

struct unsaid {
	void (*report)(int level, const char *text);
	GPtrArray *sentences;
};

struct unsaid *unsaid_new(void (*report)(int level, const char *text))
{
	struct unsaid *unsaid = g_new(struct unsaid, 1);

	*unsaid = (struct unsaid){report, g_ptr_array_new_with_free_func(sentence_free)};
	return unsaid;
}

void unsaid_free(struct unsaid *unsaid)
{
	if (!unsaid)
		return;
	g_ptr_array_unref(unsaid->sentences);
	g_free(unsaid);
}

void unsaid_add(struct unsaid *unsaid, int level, const char *format, ...)
{
	struct sentence *sentence = g_new(struct sentence, 1);
	va_list args;

	sentence->level = level;
	va_start(args, format);
	sentence->text = g_strdup_vprintf(format, args);
	va_end(args);
	g_ptr_array_add(unsaid->sentences, sentence);
}

void unsaid_say_all(struct unsaid *unsaid)
{
	for (guint i = 0; i < unsaid->sentences->len; i++) {
		const struct sentence *sentence = g_ptr_array_index(unsaid->sentences, i);

		unsaid->report(sentence->level, sentence->text);
	}
	g_ptr_array_set_size(unsaid->sentences, 0);
}
