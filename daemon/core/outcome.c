/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table behind OUTCOME_LIST, and the way back from a name.
 */
#include "daemon/core/outcome.h"

#include <strings.h>

/* The lower-case twin of every name, made by the compiler, so that each stands only once in the
 * list: character i of a string literal, and NUL behind its end. */
#define NAME_SIZE 24

#define AT(s, i)       ((s)[(i) < sizeof(s) ? (i) : sizeof(s) - 1])
#define LOWER(s, i)    ((char)(AT(s, i) >= 'A' && AT(s, i) <= 'Z' ? AT(s, i) - 'A' + 'a' : AT(s, i)))
#define LOWER_4(s, i)  LOWER(s, i), LOWER(s, i + 1), LOWER(s, i + 2), LOWER(s, i + 3)
#define LOWER_12(s, i) LOWER_4(s, i), LOWER_4(s, i + 4), LOWER_4(s, i + 8)

static const char outcome_name[N_OUTCOMES][NAME_SIZE] = {
#define X(name, verdict, answer6, answer4, sentence) \
	[OUTCOME_##name] = {LOWER_12(#name, 0), LOWER_12(#name, 12)},
	OUTCOME_LIST(X)
#undef X
};

#define X(name, verdict, answer6, answer4, sentence) \
	_Static_assert(sizeof(#name) <= NAME_SIZE, "name of an outcome: " #name);
OUTCOME_LIST(X)
#undef X

/* The words of the two answer columns. */
/* clang-format off */
#define SILENT               {.sent = false}
#define ERROR(type_, code_)  {.sent = true, .type = (type_), .code = (code_)}
#define OPTION(type_, code_) {.sent = true, .optional = true, .type = (type_), .code = (code_)}
/* clang-format on */

/* The words of the verdict column, beside those of the enum. */
#define VERDICT_NOTED    VERDICT_DROP
#define NOTED_TRANSLATED false
#define NOTED_HOST       false
#define NOTED_STORED     false
#define NOTED_DROP       false
#define NOTED_NOTED      true

static const struct outcome_info outcomes[N_OUTCOMES] = {
#define X(name_, verdict_, answer6_, answer4_, sentence_) \
	[OUTCOME_##name_] = {                             \
		.name = outcome_name[OUTCOME_##name_],    \
		.verdict = VERDICT_##verdict_,            \
		.noted = NOTED_##verdict_,                \
		.answer6 = answer6_,                      \
		.answer4 = answer4_,                      \
		.sentence = sentence_,                    \
	},
	OUTCOME_LIST(X)
#undef X
};

const struct outcome_info *outcome_info(enum outcome outcome)
{
	return &outcomes[outcome];
}

enum outcome outcome_parse(const char *name)
{
	for (unsigned i = 0; i < N_OUTCOMES; i++) {
		if (strcasecmp(name, outcomes[i].name) == 0)
			return (enum outcome)i;
	}
	return N_OUTCOMES;
}
