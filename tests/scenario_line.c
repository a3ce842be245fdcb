/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/scenario_line.h"

#include <netinet/in.h>
#include <string.h>

static const char *next_word(char ***words, const char *where)
{
	if (!**words)
		g_error("%s: the line ends too soon", where);
	return *(*words)++;
}

static void expect_word(char ***words, const char *wanted, const char *where)
{
	const char *word = next_word(words, where);

	if (strcmp(word, wanted) != 0)
		g_error("%s: \"%s\" instead of \"%s\"", where, word, wanted);
}

struct scenario_line scenario_line_read(char **words, const char *where)
{
	struct scenario_line d = {.flags = "", .dport = ""};
	const char *family = next_word(&words, where);

	d.version = strcmp(family, "v6") == 0 ? 6 : strcmp(family, "v4") == 0 ? 4 : 0;
	if (!d.version)
		g_error("%s: \"%s\" is neither v4 nor v6", where, family);
	d.src = next_word(&words, where);
	expect_word(&words, ">", where);
	d.dst = next_word(&words, where);
	d.protocol = next_word(&words, where);
	d.sport = next_word(&words, where);
	if (strcmp(d.protocol, "tcp") == 0 || strcmp(d.protocol, "udp") == 0) {
		expect_word(&words, ">", where);
		d.dport = next_word(&words, where);
	}
	if (strcmp(d.protocol, "tcp") == 0)
		d.flags = next_word(&words, where);

	d.options = words;
	for (; *words && strcmp(*words, "about") != 0; words += 2)
		if (!words[1])
			g_error("%s: option %s has no value", where, *words);
	if (*words)
		d.inner = words + 1;
	return d;
}

const char *scenario_line_option(const struct scenario_line *d, const char *name)
{
	for (char **word = d->options; *word && strcmp(*word, "about") != 0; word += 2)
		if (strcmp(*word, name) == 0)
			return word[1];
	return NULL;
}

const char *scenario_line_resolve(const char *text, GHashTable *variables, const char *where)
{
	if (*text != '$')
		return text;

	const char *value = g_hash_table_lookup(variables, text);
	if (!value)
		g_error("%s: %s has no value yet", where, text);
	return value;
}

uint64_t scenario_line_number(const char *text, GHashTable *variables, const char *where)
{
	char *end;
	const char *value = scenario_line_resolve(text, variables, where);
	uint64_t result = g_ascii_strtoull(value, &end, 0);

	if (*end || end == value)
		g_error("%s: \"%s\" is no number", where, text);
	return result;
}

uint64_t scenario_line_option_number(const struct scenario_line *d, const char *name,
				     uint64_t otherwise, GHashTable *variables, const char *where)
{
	const char *text = scenario_line_option(d, name);

	return text ? scenario_line_number(text, variables, where) : otherwise;
}

unsigned scenario_line_protocol(const struct scenario_line *d, GHashTable *variables,
				const char *where)
{
	if (strcmp(d->protocol, "tcp") == 0)
		return IPPROTO_TCP;
	if (strcmp(d->protocol, "udp") == 0)
		return IPPROTO_UDP;
	if (strcmp(d->protocol, "proto") == 0)
		return (unsigned)scenario_line_number(d->sport, variables, where);
	return d->version == 6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
}
