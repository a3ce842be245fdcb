/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of verbs: everything that nat64ctl can be told. Dispatch, messages about wrong words,
 * help, completion and the test of the manual page come from it.
 */
#pragma once

#include "tools/ctl_arguments.h"

struct ctl_word {
	const char *name;
	enum ctl_kind kind;
	bool optional;
};

struct ctl_verb {
	const char *noun;
	const char *action; /* NULL: the noun is the verb */
	struct ctl_word word[CTL_WORDS_MAX];
	uint64_t options; /* besides those of every command, and --dry-run of those that change */
	bool changes;
	const char *schema; /* of its --json document, in data/schemas */
	const char *help;
	ctl_run *run;
};

/* Ended by a row without noun. */
extern const struct ctl_verb ctl_verbs[];

/* action NULL: of the verb that is a noun. NULL if there is none. */
const struct ctl_verb *ctl_verb_find(const char *noun, const char *action);
bool ctl_verb_is_noun(const char *word);
unsigned ctl_verb_n_words(const struct ctl_verb *verb);
/* Its own options, --dry-run included. */
uint64_t ctl_verb_options(const struct ctl_verb *verb);
/* "pool4 add", and "ADDRESSES [PORTS]". For g_free(). */
char *ctl_verb_name(const struct ctl_verb *verb);
char *ctl_verb_words(const struct ctl_verb *verb);
