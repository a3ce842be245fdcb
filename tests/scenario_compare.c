/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The judge: a packet against the words of a scenario, see scenario_packet.h.
 */
#include "tests/scenario_packet.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "tests/scenario_line.h"

/* The value of an option as it stands in a packet; false if the packet has no such thing. */
static bool extract(const char *name, const uint8_t *data, size_t size, int64_t *ret)
{
	bool v6 = data[0] >> 4 == 6;
	bool fragment = v6 && data[6] == IPPROTO_FRAGMENT;
	size_t l4 = v6 ? (fragment ? 48 : 40) : (data[0] & 15) * 4u;
	unsigned protocol = v6 ? (fragment ? data[40] : data[6]) : data[9];
	const uint8_t *t = data + l4;

	if (size < l4 + 8)
		return false;
	if (strcmp(name, "ttl") == 0)
		*ret = v6 ? data[7] : data[8];
	else if (strcmp(name, "tos") == 0)
		*ret = v6 ? (data[0] & 15) << 4 | data[1] >> 4 : data[1];
	else if (strcmp(name, "flow") == 0 && v6)
		*ret = (data[1] & 15) << 16 | data[2] << 8 | data[3];
	else if (strcmp(name, "df") == 0 && !v6)
		*ret = data[6] >> 6 & 1;
	else if (strcmp(name, "id") == 0 && !v6)
		*ret = data[4] << 8 | data[5];
	else if (strcmp(name, "size") == 0)
		*ret = (int64_t)size;
	else if (strcmp(name, "claims") == 0)
		*ret = v6 ? 40 + (data[4] << 8 | data[5]) : data[2] << 8 | data[3];
	else if (strcmp(name, "len") == 0)
		*ret = (int64_t)(size - l4 -
				 (protocol == IPPROTO_TCP && size >= l4 + 20 ? (t[12] >> 4) * 4u
									     : 8u));
	else if (strcmp(name, "seq") == 0 && protocol == IPPROTO_TCP)
		*ret = (int64_t)t[4] << 24 | t[5] << 16 | t[6] << 8 | t[7];
	else if (strcmp(name, "seq") == 0)
		*ret = t[6] << 8 | t[7];
	else if (strcmp(name, "ack") == 0 && size >= l4 + 20)
		*ret = (int64_t)t[8] << 24 | t[9] << 16 | t[10] << 8 | t[11];
	else if (strcmp(name, "win") == 0 && size >= l4 + 20)
		*ret = t[14] << 8 | t[15];
	else if (strcmp(name, "mss") == 0 && size >= l4 + 24)
		*ret = t[22] << 8 | t[23];
	else if (strcmp(name, "mtu") == 0)
		*ret = v6 ? (int64_t)t[4] << 24 | t[5] << 16 | t[6] << 8 | t[7] : t[6] << 8 | t[7];
	else if (strcmp(name, "ptr") == 0)
		*ret = v6 ? (int64_t)t[4] << 24 | t[5] << 16 | t[6] << 8 | t[7] : t[4];
	else if (strcmp(name, "atomic") == 0 && fragment)
		*ret = (int64_t)data[44] << 24 | data[45] << 16 | data[46] << 8 | data[47];
	else if (strcmp(name, "fragoff") == 0)
		*ret = v6 ? (fragment ? (data[42] << 8 | (data[43] & 0xf8)) : -1)
			  : ((data[6] & 0x1f) << 8 | data[7]) * 8;
	else if (strcmp(name, "more") == 0)
		*ret = v6 ? (fragment ? data[43] & 1 : 0) : data[6] >> 5 & 1;
	else
		return false;
	return true;
}

/* Is value what text says? A new variable takes it. NULL, or what is wrong. */
static char *match(const char *what, const char *text, const char *value, GHashTable *variables)
{
	if (*text == '$') {
		const char *known = g_hash_table_lookup(variables, text);
		if (!known) {
			g_hash_table_insert(variables, g_strdup(text), g_strdup(value));
			return NULL;
		}
		text = known;
	}
	return strcmp(text, value) == 0 ? NULL
					: g_strdup_printf("%s is %s, not %s", what, value, text);
}

static char *match_number(const char *what, const char *text, uint64_t value, GHashTable *variables)
{
	g_autofree char *printed = g_strdup_printf("%" G_GUINT64_FORMAT, value);

	if (*text != '$') {
		g_autofree char *wanted =
			g_strdup_printf("%" G_GUINT64_FORMAT, g_ascii_strtoull(text, NULL, 0));
		return match(what, wanted, printed, variables);
	}
	return match(what, text, printed, variables);
}

static char *match_address(const char *what, int version, const char *text, const uint8_t *address,
			   GHashTable *variables)
{
	int family = version == 6 ? AF_INET6 : AF_INET;
	char printed[64], wanted[64];
	uint8_t binary[16];

	(void)inet_ntop(family, address, printed, sizeof(printed));
	if (*text == '$')
		return match(what, text, printed, variables);
	if (inet_pton(family, text, binary) != 1)
		return g_strdup_printf("%s: \"%s\" is no address", what, text);
	(void)inet_ntop(family, binary, wanted, sizeof(wanted));
	return match(what, wanted, printed, variables);
}

static char *match_options(const struct scenario_line *d, const uint8_t *data, size_t size,
			   GHashTable *variables)
{
	for (char **word = d->options; *word && strcmp(*word, "about") != 0; word += 2) {
		int64_t value;
		unsigned place, byte;
		if (strcmp(*word, "segment") == 0 || strcmp(*word, "unfinished") == 0)
			continue; /* of no byte: the player looks at them */
		if (strcmp(*word, "peek") == 0 && sscanf(word[1], "%u=%x", &place, &byte) == 2) {
			if (place >= size || data[place] != byte)
				return g_strdup_printf("byte %u is not %#x", place, byte);
			continue;
		}
		if (!extract(*word, data, size, &value))
			return g_strdup_printf("it has no %s", *word);
		char *problem = match_number(*word, word[1], (uint64_t)value, variables);
		if (problem)
			return problem;
	}
	return NULL;
}

static char *match_transport(const struct scenario_line *d, const uint8_t *t, size_t size,
			     GHashTable *variables)
{
	static const char letters[] = "FSRPAU";
	char *problem = NULL;

	if (strcmp(d->protocol, "tcp") == 0 || strcmp(d->protocol, "udp") == 0) {
		problem = match_number("source port", d->sport, (uint64_t)(t[0] << 8 | t[1]),
				       variables);
		if (!problem)
			problem = match_number("destination port", d->dport,
					       (uint64_t)(t[2] << 8 | t[3]), variables);
		if (!problem && strcmp(d->protocol, "tcp") == 0 && size >= 20) {
			unsigned flags = 0;
			for (const char *letter = d->flags; *letter && *letter != '.'; letter++)
				flags |= 1u << (strchr(letters, *letter) - letters);
			if (flags != (t[13] & 0x3fu))
				problem = g_strdup_printf("TCP flags are %#x, not %s", t[13],
							  d->flags);
		}
		return problem;
	}
	if (strcmp(d->protocol, "proto") == 0)
		return NULL;

	bool echo = strcmp(d->protocol, "echo") == 0;
	if (echo || strcmp(d->protocol, "reply") == 0) {
		unsigned type = d->version == 6 ? (echo ? 128 : 129) : (echo ? 8 : 0);
		if (t[0] != type)
			return g_strdup_printf("ICMP type is %u, not %u", t[0], type);
		return match_number("identifier", d->sport, (uint64_t)(t[4] << 8 | t[5]),
				    variables);
	}
	g_autofree char *type = g_strdup_printf("%u/%u", t[0], t[1]);
	return match("ICMP type", d->sport, type, variables);
}

char *scenario_packet_compare(char **words, GHashTable *variables, const char *where,
			      const uint8_t *data, size_t size)
{
	struct scenario_line d = scenario_line_read(words, where);
	size_t minimum = d.version == 6 ? 48 : 28;

	if (size < minimum || data[0] >> 4 != d.version)
		return g_strdup_printf("%zu bytes of IPv%u", size, size ? data[0] >> 4 : 0);

	unsigned address_size = d.version == 6 ? 16 : 4;
	const uint8_t *addresses = data + (d.version == 6 ? 8 : 12);
	char *problem = match_address("source", d.version, d.src, addresses, variables);
	if (!problem)
		problem = match_address("destination", d.version, d.dst, addresses + address_size,
					variables);
	if (problem)
		return problem;

	bool fragment_header = d.version == 6 && data[6] == IPPROTO_FRAGMENT;
	unsigned protocol = d.version == 4 ? data[9] : fragment_header ? data[40] : data[6];
	if (protocol != scenario_line_protocol(&d, variables, where))
		return g_strdup_printf("protocol is %u", protocol);

	size_t l4 = d.version == 6 ? (fragment_header ? 48 : 40) : (data[0] & 15) * 4u;
	int64_t fragment_offset = 0;
	(void)extract("fragoff", data, size, &fragment_offset);
	if (fragment_offset <= 0)
		problem = match_transport(&d, data + l4, size - l4, variables);
	if (!problem)
		problem = match_options(&d, data, size, variables);
	if (!problem && d.inner)
		problem = scenario_packet_compare(d.inner, variables, where, data + l4 + 8,
						  size - l4 - 8);
	return problem;
}

char *scenario_packet_describe(const uint8_t *data, size_t size)
{
	GString *text = g_string_new(NULL);
	char src[64] = "", dst[64] = "";
	bool v6 = size && data[0] >> 4 == 6;

	if (size >= (v6 ? 40 : 20)) {
		(void)inet_ntop(v6 ? AF_INET6 : AF_INET, data + (v6 ? 8 : 12), src, sizeof(src));
		(void)inet_ntop(v6 ? AF_INET6 : AF_INET, data + (v6 ? 24 : 16), dst, sizeof(dst));
	}
	g_string_printf(text, "%zu bytes v%d %s > %s:", size, v6 ? 6 : 4, src, dst);
	for (size_t i = 0; i < MIN(size, 96); i++)
		g_string_append_printf(text, "%s%02x", i % 4 ? "" : " ", data[i]);
	return g_string_free(text, FALSE);
}
