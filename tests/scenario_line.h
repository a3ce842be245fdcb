/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The words of a packet in a scenario (scenario_packet.h) taken apart, for the maker and for the
 * judge. Whatever makes no sense ends the test with where, in the message.
 */
#pragma once

#include <glib.h>
#include <stdint.h>

/* What a line says; the texts point into its words. */
struct scenario_line {
	int version;
	const char *src;
	const char *dst;
	const char *protocol; /* tcp udp echo reply icmp proto */
	const char *sport;    /* port or identifier; TYPE/CODE; number */
	const char *dport;
	const char *flags;
	char **options; /* pairs of words */
	char **inner;   /* behind "about", or NULL */
};

/* words: from "v6" or "v4" on, NULL at the end; they stay the caller's. */
struct scenario_line scenario_line_read(char **words, const char *where);

/* The value of an option, or NULL. */
const char *scenario_line_option(const struct scenario_line *d, const char *name);
uint64_t scenario_line_option_number(const struct scenario_line *d, const char *name,
				     uint64_t otherwise, GHashTable *variables, const char *where);

/* What text says, or the variable that it names. */
const char *scenario_line_resolve(const char *text, GHashTable *variables, const char *where);
uint64_t scenario_line_number(const char *text, GHashTable *variables, const char *where);

/* IPPROTO_TCP, ... */
unsigned scenario_line_protocol(const struct scenario_line *d, GHashTable *variables,
				const char *where);
