/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line, read word by word by the table of verbs: which verb it names, its words, its
 * options. Whatever is wrong is said here, and what would be right.
 */
#pragma once

#include "tools/ctl.h"
#include "tools/ctl_option.h"

#define CTL_WORDS_MAX 3

struct ctl_verb;

struct ctl_arguments {
	const struct ctl_verb *verb;     /* NULL: none named (yet) */
	const char *noun;                /* its first word, or what stood there; or NULL */
	const char *word[CTL_WORDS_MAX]; /* "" if not given */
	unsigned n_words;
	const char *option[CTL_N_OPTIONS]; /* NULL if not given; "yes" for those without value */
	uint64_t number[CTL_N_OPTIONS];    /* of numbers, ports, and times in µs; 0 if not given */
	enum ctl_option pending;           /* waits for its value; CTL_N_OPTIONS: none does */
	bool only_words;                   /* "--" has been met */
};

void ctl_arguments_init(struct ctl_arguments *arguments);
/* Reads one word more. */
enum ctl_status ctl_arguments_step(struct ctl_arguments *arguments, const char *word);
/* All of them; whether something is missing, too, unless help is asked for. */
enum ctl_status ctl_arguments_parse(struct ctl_arguments *arguments, int argc, char **argv);

/* The options that may come now. */
uint64_t ctl_arguments_allowed(const struct ctl_arguments *arguments);
static inline bool ctl_arguments_has(const struct ctl_arguments *arguments, enum ctl_option option)
{
	return arguments->option[option] != NULL;
}

/* Appends a{sv} with those of these options that are given: a negative errno, or 0. */
int ctl_arguments_append(sd_bus_message *call, const struct ctl_arguments *arguments,
			 uint64_t options);
/* The same, and flag with the value true; NULL: none. */
int ctl_arguments_append_and(sd_bus_message *call, const struct ctl_arguments *arguments,
			     uint64_t options, const char *flag);
