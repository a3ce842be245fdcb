/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/pool4_text.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define SEPARATORS " \t\r\n,"
#define INTERFACE  "interface:"

/* The longest word that can be right is first-last. */
#define WORD_SIZE 64

/* How much of a wrong word an error repeats. */
#define QUOTED_MAX 40

/* As much of the text as has been read. */
struct parser {
	struct pool4_text text;
	uint32_t range_capacity;
	uint32_t interface_capacity;
	char *error;
};

__attribute__((format(printf, 2, 3))) static bool fail(struct parser *parser, const char *format,
						       ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(parser->error, POOL4_TEXT_ERROR_SIZE, format, args);
	va_end(args);
	return false;
}

/* Room for one more element of an array that doubles. */
static bool reserve(struct parser *parser, void **array, uint32_t n, uint32_t *capacity,
		    size_t element_size)
{
	uint32_t grown = *capacity ? *capacity * 2 : 4;
	void *moved;

	if (n < *capacity)
		return true;
	moved = realloc(*array, grown * element_size);
	if (!moved)
		return fail(parser, "there is no memory for the list of addresses");
	*array = moved;
	*capacity = grown;
	return true;
}

static bool add_range(struct parser *parser, const char *word, uint32_t first, uint32_t last)
{
	struct addr4_range range = {first, last};
	const char *refusal = addr4_range_refusal(&range);
	void *array = parser->text.range;

	if (refusal)
		return fail(
			parser,
			"%s cannot be in pool4: %s%s: name addresses at which others reach this "
			"host",
			word, first == last ? "the address is " : "it has addresses that are ",
			refusal);
	if (!reserve(parser, &array, parser->text.n_ranges, &parser->range_capacity, sizeof(range)))
		return false;
	parser->text.range = array;
	parser->text.range[parser->text.n_ranges++] = range;
	return true;
}

static bool add_interface(struct parser *parser, const char *word, const char *name)
{
	struct pool4_text *text = &parser->text;
	void *array = text->interface;

	if (name[0] == '\0')
		return fail(parser, "%s names no interface", word);
	if (strlen(name) >= POOL4_TEXT_INTERFACE_SIZE || strchr(name, '/') ||
	    strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return fail(parser, "%s cannot be the name of an interface", name);
	for (uint32_t i = 0; i < text->n_interfaces; i++) {
		if (strcmp(text->interface[i], name) == 0)
			return true;
	}
	if (!reserve(parser, &array, text->n_interfaces, &parser->interface_capacity,
		     sizeof(*text->interface)))
		return false;
	text->interface = array;
	memcpy(text->interface[text->n_interfaces++], name, strlen(name) + 1);
	return true;
}

/* "192.0.2.0/28 (16 addresses)", or "192.0.2.7 (1 address)". */
static void describe_prefix(const struct prefix4 *prefix, char *ret, size_t size)
{
	uint64_t n = UINT64_C(1) << (32 - prefix->len);
	char text[ADDR_TEXT_SIZE];

	if (prefix->len == 32)
		addr4_print(prefix->addr, text);
	else
		prefix4_print(prefix, text);
	snprintf(ret, size, "%s (%" PRIu64 " address%s)", text, n, n == 1 ? "" : "es");
}

/* The two things that may have been meant: the prefix that the address lies in, or the largest one
 * that starts with it. */
static bool fail_host_bits(struct parser *parser, const char *word, const struct prefix4 *prefix)
{
	struct prefix4 around = {prefix4_first(prefix), prefix->len};
	struct prefix4 from = {prefix->addr, (uint8_t)(32 - __builtin_ctz(prefix->addr))};
	char text[2][2 * ADDR_TEXT_SIZE];

	describe_prefix(&around, text[0], sizeof(text[0]));
	describe_prefix(&from, text[1], sizeof(text[1]));
	return fail(parser, "%s has host bits set: did you mean %s or %s?", word, text[0], text[1]);
}

static bool parse_prefix(struct parser *parser, const char *word)
{
	struct prefix4 prefix;

	if (!prefix4_parse(word, &prefix))
		return fail(parser, "%s is not an IPv4 prefix", word);
	if (prefix4_has_host_bits(&prefix))
		return fail_host_bits(parser, word, &prefix);
	return add_range(parser, word, prefix4_first(&prefix), prefix4_last(&prefix));
}

static bool parse_range(struct parser *parser, char *word, char *dash)
{
	char text[2][ADDR_TEXT_SIZE];
	uint32_t first, last;
	bool good;

	*dash = '\0';
	good = addr4_parse(word, &first) && addr4_parse(dash + 1, &last);
	*dash = '-';
	if (!good)
		return fail(parser, "%s is not an IPv4 address or a range of them", word);
	if (first > last)
		return fail(parser, "%s is reversed: did you mean %s-%s?", word,
			    addr4_print(last, text[0]), addr4_print(first, text[1]));
	return add_range(parser, word, first, last);
}

static bool parse_word(struct parser *parser, const char *text, size_t length)
{
	char word[WORD_SIZE];
	uint32_t addr;

	if (length >= sizeof(word))
		return fail(parser, "%.*s... is not an IPv4 address", QUOTED_MAX, text);
	memcpy(word, text, length);
	word[length] = '\0';
	if (strncmp(word, INTERFACE, strlen(INTERFACE)) == 0)
		return add_interface(parser, word, word + strlen(INTERFACE));
	if (strchr(word, '/'))
		return parse_prefix(parser, word);
	if (addr4_parse(word, &addr))
		return add_range(parser, word, addr, addr);
	if (strchr(word, ':'))
		return fail(parser, "%s is not an IPv4 address: pool4 has IPv4 addresses only",
			    word);
	if (strchr(word, '-'))
		return parse_range(parser, word, strchr(word, '-'));
	return fail(parser, "%s is not an IPv4 address", word);
}

const char *pool4_text_parse(const char *text, struct pool4_text *ret,
			     char error[POOL4_TEXT_ERROR_SIZE])
{
	struct parser parser = {.error = error};
	const char *word = text + strspn(text, SEPARATORS);
	bool good = *word != '\0' || fail(&parser, "the list of addresses is empty");

	while (good && *word != '\0') {
		size_t length = strcspn(word, SEPARATORS);

		good = parse_word(&parser, word, length);
		word += length;
		word += strspn(word, SEPARATORS);
	}
	if (!good) {
		pool4_text_deinit(&parser.text);
		return error;
	}
	parser.text.n_ranges = addr4_ranges_merge(parser.text.range, parser.text.n_ranges);
	*ret = parser.text;
	return NULL;
}

void pool4_text_deinit(struct pool4_text *text)
{
	if (!text)
		return;
	free(text->range);
	free(text->interface);
	*text = (struct pool4_text){.range = NULL};
}

static void print_range(const struct addr4_range *range, char *ret, size_t size)
{
	char first[ADDR_TEXT_SIZE], last[ADDR_TEXT_SIZE];
	struct prefix4 prefix;

	if (range->first == range->last)
		snprintf(ret, size, "%s", addr4_print(range->first, first));
	else if (addr4_range_is_prefix(range, &prefix))
		snprintf(ret, size, "%s", prefix4_print(&prefix, first));
	else
		snprintf(ret, size, "%s-%s", addr4_print(range->first, first),
			 addr4_print(range->last, last));
}

size_t pool4_text_print(const struct addr4_range *range, uint32_t n_ranges, char *buffer,
			size_t size)
{
	size_t length = 0;

	if (size > 0)
		buffer[0] = '\0';
	for (uint32_t i = 0; i < n_ranges; i++) {
		char word[2 * ADDR_TEXT_SIZE];
		size_t room = length < size ? size - length : 0;

		print_range(&range[i], word, sizeof(word));
		length += (size_t)snprintf(room ? buffer + length : NULL, room, "%s%s",
					   i == 0 ? "" : " ", word);
	}
	return length;
}
