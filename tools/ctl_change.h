/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Verbs that change something: their words and options, the call, and what they print: what has
 * changed, in one line, and warnings on stderr. */
#pragma once

#include <stdint.h>

#include "tools/ctl.h"

/* Options; --dry-run goes for each. */
enum ctl_option {
	CTL_DRY_RUN,
	CTL_FORCE,
	CTL_REPLACE,
	CTL_OVERFLOW,
	CTL_NAME,
	CTL_COMMENT,
	CTL_CLIENTS,
	CTL_PREFIX,
	CTL_PROTOCOL, /* from here on arguments of the call, not sent as options */
	CTL_ON,
	CTL_TOP,
	CTL_FOR,
	CTL_WAIT,
	CTL_ALL,
	CTL_N_OPTIONS,
};
#define CTL_BIT(option) (1u << (option))

#define CTL_WORDS_MAX 3

struct ctl_arguments {
	const char *word[CTL_WORDS_MAX]; /* "" if not given */
	unsigned n_words;
	const char *option[CTL_N_OPTIONS]; /* NULL if not given; "yes" for those without value */
};

/* allowed: bits. usage names the words for messages: "ADDRESSES [PORTS]". Prints what is wrong. */
enum ctl_status ctl_change_parse(int argc, char **argv, unsigned allowed, unsigned min_words,
				 unsigned max_words, const char *usage, struct ctl_arguments *ret);

/* "tcp,udp" as the bus has it: "tcp udp". For g_free(). */
char *ctl_change_words(const char *text);

/* "30", "10min", "2h", "1d", up to a year of seconds: in µs. */
bool ctl_change_time(const char *text, uint64_t *ret);

/* Appends the options, calls, and prints what came of it. entry_first: the reply has an object path
 * in front. Between ctl_change_begin() and ctl_change_end(), for a range of ports, JSON is kept and
 * then printed as one array, of what was done when a call failed, too. */
void ctl_change_begin(struct ctl *ctl);
void ctl_change_end(struct ctl *ctl);
enum ctl_status ctl_change_run(struct ctl *ctl, sd_bus_message *call,
			       const struct ctl_arguments *arguments, bool entry_first);
