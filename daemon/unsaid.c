/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/unsaid.h"

#include <stdarg.h>

struct sentence {
	int level;
	char text[UNSAID_TEXT_SIZE];
};

struct unsaid {
	void (*report)(int level, const char *text);
	GPtrArray *sentences;
};

struct unsaid *unsaid_new(void (*report)(int level, const char *text))
{
	struct unsaid *unsaid = g_new(struct unsaid, 1);

	*unsaid = (struct unsaid){report, g_ptr_array_new_with_free_func(g_free)};
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
	struct sentence *sentence = g_new0(struct sentence, 1);
	va_list args;

	sentence->level = level;
	va_start(args, format);
	(void)g_vsnprintf(sentence->text, sizeof(sentence->text), format, args);
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
