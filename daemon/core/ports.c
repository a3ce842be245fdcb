/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/ports.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/core/minmax.h"

#define SEPARATORS " \t\r\n,"

/* The last of the range of well-known ports, which P-6 keeps apart. */
#define WELL_KNOWN_LAST 1023

/* How much of a wrong word an error repeats. */
#define QUOTED_MAX 40

/* A decimal number that fills the word up to end. Above 65535 it stays just that. */
static bool parse_port(const char *word, const char *end, uint32_t *ret)
{
	uint32_t value = 0;

	if (word == end)
		return false;
	for (; word < end; word++) {
		if (*word < '0' || *word > '9')
			return false;
		value = value * 10 + (uint32_t)(*word - '0');
		if (value > UINT16_MAX)
			value = UINT16_MAX + 1;
	}
	*ret = value;
	return true;
}

/* "80" or "80-90"; NULL, or why not. */
static const char *parse_range(const char *word, size_t length, struct port_range *ret,
			       char *buffer, size_t size)
{
	const char *end = word + length;
	const char *dash = memchr(word, '-', length);
	int quoted = (int)min_u64(length, QUOTED_MAX);
	uint32_t first, last;
	bool is_range = parse_port(word, dash ? dash : end, &first);

	if (is_range && dash)
		is_range = parse_port(dash + 1, end, &last);
	else
		last = first;
	if (!is_range)
		snprintf(buffer, size, "%.*s is not a port or a range of ports", quoted, word);
	else if (first > UINT16_MAX || last > UINT16_MAX)
		snprintf(buffer, size, "%.*s is not possible: ports end at 65535", quoted, word);
	else if (first == 0 || last == 0)
		snprintf(buffer, size, "%.*s is not possible: port 0 is never used, the first is 1",
			 quoted, word);
	else if (first > last)
		snprintf(buffer, size, "%.*s is reversed: did you mean %u-%u?", quoted, word, last,
			 first);
	else {
		*ret = (struct port_range){(uint16_t)first, (uint16_t)last};
		return NULL;
	}
	return buffer;
}

const char *port_ranges_parse(const char *text, struct port_ranges *ret, char *buffer, size_t size)
{
	struct port_ranges ranges = {.n_ranges = 0};
	const char *word = text + strspn(text, SEPARATORS);

	while (*word != '\0') {
		size_t length = strcspn(word, SEPARATORS);
		struct port_range range = {0, 0};
		const char *error = parse_range(word, length, &range, buffer, size);

		if (error)
			return error;
		if (!port_ranges_add(&ranges, range.first, range.last)) {
			snprintf(buffer, size, "there are more than %d ranges of ports",
				 PORT_RANGES_MAX);
			return buffer;
		}
		word += length;
		word += strspn(word, SEPARATORS);
	}
	if (ranges.n_ranges == 0) {
		snprintf(buffer, size, "the list of ports is empty");
		return buffer;
	}
	*ret = ranges;
	return NULL;
}

const char *port_ranges_print(const struct port_ranges *ranges, char *buffer, size_t size)
{
	size_t used = 0;

	assert(size >= sizeof("..."));
	buffer[0] = '\0';
	for (uint32_t i = 0; i < ranges->n_ranges; i++) {
		const struct port_range *range = &ranges->range[i];
		const char *space = i == 0 ? "" : " ";
		char word[sizeof(" 65535-65535")];
		size_t length;

		if (range->first == range->last)
			snprintf(word, sizeof(word), "%s%u", space, range->first);
		else
			snprintf(word, sizeof(word), "%s%u-%u", space, range->first, range->last);
		length = strlen(word);
		/* Room for the dots is kept as long as there is more to come. */
		if (used + length + (i + 1 < ranges->n_ranges ? strlen("...") : 0) >= size) {
			memcpy(buffer + used, "...", sizeof("..."));
			break;
		}
		memcpy(buffer + used, word, length + 1);
		used += length;
	}
	return buffer;
}

static void append(struct port_range *list, uint32_t *n_ranges, uint32_t first, uint32_t last)
{
	list[*n_ranges].first = (uint16_t)first;
	list[*n_ranges].last = (uint16_t)last;
	(*n_ranges)++;
}

/* ranges with first-last in (add) or out. One more range than allowed may come out of it. */
static bool replace(struct port_ranges *ranges, uint32_t first, uint32_t last, bool add)
{
	struct port_range changed[PORT_RANGES_MAX + 1];
	uint32_t n_changed = 0;
	uint32_t i = 0;

	assert(first <= last);
	/* What lies wholly before, not even adjacent. */
	while (i < ranges->n_ranges && ranges->range[i].last + 1u < first)
		changed[n_changed++] = ranges->range[i++];
	if (add) {
		for (; i < ranges->n_ranges && ranges->range[i].first <= last + 1; i++) {
			if (ranges->range[i].first < first)
				first = ranges->range[i].first;
			if (ranges->range[i].last > last)
				last = ranges->range[i].last;
		}
		append(changed, &n_changed, first, last);
	} else {
		for (; i < ranges->n_ranges && ranges->range[i].first <= last; i++) {
			struct port_range old = ranges->range[i];

			if (old.first < first)
				append(changed, &n_changed, old.first,
				       old.last < first ? old.last : first - 1);
			if (old.last > last)
				append(changed, &n_changed, last + 1, old.last);
		}
	}
	if (n_changed + (ranges->n_ranges - i) > PORT_RANGES_MAX)
		return false;
	while (i < ranges->n_ranges)
		changed[n_changed++] = ranges->range[i++];
	memcpy(ranges->range, changed, n_changed * sizeof(*changed));
	ranges->n_ranges = n_changed;
	return true;
}

bool port_ranges_add(struct port_ranges *ranges, uint16_t first, uint16_t last)
{
	return replace(ranges, first, last, true);
}

bool port_ranges_remove(struct port_ranges *ranges, uint16_t first, uint16_t last)
{
	return replace(ranges, first, last, false);
}

void port_ranges_keep(struct port_ranges *ranges, const struct port_ranges *others)
{
	struct port_ranges kept = {.n_ranges = 0};

	for (uint32_t i = 0; i < ranges->n_ranges; i++) {
		for (uint32_t j = 0; j < others->n_ranges; j++) {
			const struct port_range *a = &ranges->range[i], *b = &others->range[j];
			uint16_t first = a->first > b->first ? a->first : b->first;
			uint16_t last = a->last < b->last ? a->last : b->last;

			if (first <= last && kept.n_ranges < PORT_RANGES_MAX)
				kept.range[kept.n_ranges++] = (struct port_range){first, last};
		}
	}
	*ranges = kept;
}

bool port_ranges_contain(const struct port_ranges *ranges, uint16_t port)
{
	uint32_t low = 0, high = ranges->n_ranges;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (ranges->range[middle].last < port)
			low = middle + 1;
		else
			high = middle;
	}
	return low < ranges->n_ranges && ranges->range[low].first <= port;
}

bool port_ranges_overlap(const struct port_ranges *a, const struct port_ranges *b)
{
	uint32_t i = 0, j = 0;

	while (i < a->n_ranges && j < b->n_ranges) {
		if (a->range[i].last < b->range[j].first)
			i++;
		else if (b->range[j].last < a->range[i].first)
			j++;
		else
			return true;
	}
	return false;
}

bool port_ranges_equal(const struct port_ranges *a, const struct port_ranges *b)
{
	return a->n_ranges == b->n_ranges &&
	       memcmp(a->range, b->range, a->n_ranges * sizeof(*a->range)) == 0;
}

uint32_t port_ranges_count(const struct port_ranges *ranges)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < ranges->n_ranges; i++)
		n += ranges->range[i].last - ranges->range[i].first + 1u;
	return n;
}

bool port_ranges_are_valid(const struct port_ranges *ranges)
{
	if (ranges->n_ranges > PORT_RANGES_MAX)
		return false;
	for (uint32_t i = 0; i < ranges->n_ranges; i++) {
		if (ranges->range[i].first > ranges->range[i].last)
			return false;
		if (i > 0 && ranges->range[i].first <= ranges->range[i - 1].last + 1u)
			return false;
	}
	return true;
}

const struct port_class port_class_any = {0, UINT16_MAX, -1};

unsigned port_classes(enum protocol protocol, uint16_t client_port, bool parity,
		      struct port_class ret[PORT_CLASSES_MAX])
{
	static const struct port_class range[2] = {
		{0, WELL_KNOWN_LAST, -1},
		{WELL_KNOWN_LAST + 1, UINT16_MAX, -1},
	};
	unsigned same = client_port > WELL_KNOWN_LAST;
	unsigned n = 0;

	/* RFC 6146, 3.5.3: an identifier has neither range nor parity. */
	if (protocol == PROTOCOL_ICMP) {
		ret[0] = port_class_any;
		return 1;
	}
	for (unsigned other = 0; other < 2; other++) {
		struct port_class class = range[same ^ other];

		if (protocol == PROTOCOL_UDP && parity) {
			ret[n] = class;
			ret[n++].parity = client_port & 1;
		}
		ret[n++] = class;
	}
	return n;
}

bool port_class_contains(const struct port_class *class, uint16_t port)
{
	return port >= class->first && port <= class->last &&
	       (class->parity < 0 || (port & 1) == class->parity);
}

uint64_t port_share_of(const struct port_share *share, uint64_t n)
{
	if (!share->is_percent)
		return share->value < n ? share->value : n;
	return n / 100 * share->value + (n % 100 * share->value + 99) / 100;
}
