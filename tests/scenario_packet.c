/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/scenario_packet.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "tests/naive.h"

/* What a line says; the texts point into its words. */
struct description {
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

static struct description read_description(char **words, const char *where)
{
	struct description d = {.flags = "", .dport = ""};
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

static const char *option(const struct description *d, const char *name)
{
	for (char **word = d->options; *word && strcmp(*word, "about") != 0; word += 2)
		if (strcmp(*word, name) == 0)
			return word[1];
	return NULL;
}

static const char *resolve(const char *text, GHashTable *variables, const char *where)
{
	if (*text != '$')
		return text;

	const char *value = g_hash_table_lookup(variables, text);
	if (!value)
		g_error("%s: %s has no value yet", where, text);
	return value;
}

static uint64_t number(const char *text, GHashTable *variables, const char *where)
{
	char *end;
	const char *value = resolve(text, variables, where);
	uint64_t result = g_ascii_strtoull(value, &end, 0);

	if (*end || end == value)
		g_error("%s: \"%s\" is no number", where, text);
	return result;
}

static uint64_t option_number(const struct description *d, const char *name, uint64_t otherwise,
			      GHashTable *variables, const char *where)
{
	const char *text = option(d, name);

	return text ? number(text, variables, where) : otherwise;
}

static void append8(GByteArray *bytes, uint64_t value)
{
	uint8_t byte = (uint8_t)value;

	g_byte_array_append(bytes, &byte, 1);
}

static void append16(GByteArray *bytes, uint64_t value)
{
	append8(bytes, value >> 8);
	append8(bytes, value);
}

static void append32(GByteArray *bytes, uint64_t value)
{
	append16(bytes, value >> 16);
	append16(bytes, value);
}

static void put16(uint8_t *p, unsigned value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static void append_address(GByteArray *bytes, int version, const char *text, GHashTable *variables,
			   const char *where)
{
	uint8_t address[16];
	const char *value = resolve(text, variables, where);

	if (inet_pton(version == 6 ? AF_INET6 : AF_INET, value, address) != 1)
		g_error("%s: \"%s\" is no address", where, value);
	g_byte_array_append(bytes, address, version == 6 ? 16 : 4);
}

static unsigned protocol_number(const struct description *d, GHashTable *variables,
				const char *where)
{
	if (strcmp(d->protocol, "tcp") == 0)
		return IPPROTO_TCP;
	if (strcmp(d->protocol, "udp") == 0)
		return IPPROTO_UDP;
	if (strcmp(d->protocol, "proto") == 0)
		return (unsigned)number(d->sport, variables, where);
	return d->version == 6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
}

static void append_payload(GByteArray *bytes, const struct description *d, GHashTable *variables,
			   const char *where)
{
	uint64_t size = option_number(d, "len", 0, variables, where);

	for (uint64_t i = 0; i < size; i++)
		append8(bytes, i);
}

static void append_tcp(GByteArray *bytes, const struct description *d, GHashTable *variables,
		       const char *where)
{
	static const char letters[] = "FSRPAU";
	bool mss = option(d, "mss");
	unsigned flags = 0;

	for (const char *letter = d->flags; *letter && *letter != '.'; letter++) {
		const char *place = strchr(letters, *letter);
		if (!place)
			g_error("%s: TCP flag \"%c\"", where, *letter);
		flags |= 1u << (place - letters);
	}
	append16(bytes, number(d->sport, variables, where));
	append16(bytes, number(d->dport, variables, where));
	append32(bytes, option_number(d, "seq", 1000, variables, where));
	append32(bytes, option_number(d, "ack", 0, variables, where));
	append8(bytes, (mss ? 6 : 5) << 4);
	append8(bytes, flags);
	append16(bytes, option_number(d, "win", 65535, variables, where));
	append32(bytes, 0);
	if (mss)
		append32(bytes, 0x02040000 | option_number(d, "mss", 0, variables, where));
	append_payload(bytes, d, variables, where);
}

static void append_udp(GByteArray *bytes, const struct description *d, GHashTable *variables,
		       const char *where)
{
	append16(bytes, number(d->sport, variables, where));
	append16(bytes, number(d->dport, variables, where));
	append16(bytes, 8 + option_number(d, "len", 0, variables, where));
	append16(bytes, 0);
	append_payload(bytes, d, variables, where);
}

static void append_icmp(GByteArray *bytes, const struct description *d, GHashTable *variables,
			const char *where)
{
	bool echo = strcmp(d->protocol, "echo") == 0;

	if (echo || strcmp(d->protocol, "reply") == 0) {
		append8(bytes, d->version == 6 ? (echo ? 128 : 129) : (echo ? 8 : 0));
		append8(bytes, 0);
		append16(bytes, 0);
		append16(bytes, number(d->sport, variables, where));
		append16(bytes, option_number(d, "seq", 1, variables, where));
		append_payload(bytes, d, variables, where);
		return;
	}

	unsigned type, code;
	if (sscanf(d->sport, "%u/%u", &type, &code) != 2)
		g_error("%s: \"%s\" is no TYPE/CODE", where, d->sport);
	append8(bytes, type);
	append8(bytes, code);
	append16(bytes, 0);
	uint64_t pointer = option_number(d, "ptr", 0, variables, where);
	if (d->version == 4)
		pointer <<= 24;
	append32(bytes, pointer | option_number(d, "mtu", 0, variables, where));
	if (d->inner) {
		GByteArray *inner = scenario_packet_make(d->inner, variables, where);
		g_byte_array_append(bytes, inner->data, inner->len);
		g_byte_array_unref(inner);
	}
	append_payload(bytes, d, variables, where);
}

/* The sum over pseudo header and transport, from the addresses at the front of the packet. */
static uint16_t transport_checksum(const GByteArray *packet, int version, unsigned offset,
				   unsigned protocol)
{
	GByteArray *all = g_byte_array_new();

	if (protocol != IPPROTO_ICMP) {
		if (version == 6)
			g_byte_array_append(all, packet->data + 8, 32);
		else
			g_byte_array_append(all, packet->data + 12, 8);
		append32(all, packet->len - offset);
		append32(all, protocol);
	}
	g_byte_array_append(all, packet->data + offset, packet->len - offset);
	uint16_t check = naive_checksum(all->data, all->len);
	g_byte_array_unref(all);
	return check;
}

/* Where in the transport header the checksum stands; 0 if there is none. */
static unsigned checksum_offset(unsigned protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return 16;
	case IPPROTO_UDP:
		return 6;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return 2;
	default:
		return 0;
	}
}

static void append_ip_header(GByteArray *bytes, const struct description *d, GHashTable *variables,
			     const char *where)
{
	unsigned protocol = protocol_number(d, variables, where);
	unsigned tos = (unsigned)option_number(d, "tos", 0, variables, where);
	unsigned ttl = (unsigned)option_number(d, "ttl", 64, variables, where);

	if (d->version == 6) {
		append32(bytes, 6u << 28 | tos << 20);
		append16(bytes, 0);
		append8(bytes, option(d, "atomic") ? IPPROTO_FRAGMENT : protocol);
		append8(bytes, ttl);
	} else {
		unsigned offset = 0, more = 0;
		if (option(d, "frag") && sscanf(option(d, "frag"), "%u/%u", &offset, &more) != 2)
			g_error("%s: frag is OFFSET/MORE", where);
		append8(bytes, 0x45);
		append8(bytes, tos);
		append16(bytes, 0);
		append16(bytes, option_number(d, "id", 0x1234, variables, where));
		append16(bytes, option_number(d, "df", 0, variables, where) << 14 | more << 13 |
					offset / 8);
		append8(bytes, ttl);
		append8(bytes, protocol);
		append16(bytes, 0);
	}
	append_address(bytes, d->version, d->src, variables, where);
	append_address(bytes, d->version, d->dst, variables, where);
	if (d->version == 6 && option(d, "atomic")) {
		append8(bytes, protocol);
		append8(bytes, 0);
		append16(bytes, 0);
		append32(bytes, option_number(d, "atomic", 0, variables, where));
	}
}

/* Lengths and checksums, now that everything is there. */
static void complete(GByteArray *bytes, const struct description *d, unsigned l4_offset,
		     GHashTable *variables, const char *where)
{
	unsigned protocol = protocol_number(d, variables, where);
	unsigned offset = checksum_offset(protocol);

	if (offset) {
		uint32_t check = transport_checksum(bytes, d->version, l4_offset, protocol);
		if (protocol == IPPROTO_UDP && check == 0)
			check = 0xffff;
		check += (uint32_t)option_number(d, "badsum", 0, variables, where);
		put16(bytes->data + l4_offset + offset, (check & 0xffff) + (check >> 16));
	}
	if (d->version == 6) {
		put16(bytes->data + 4, bytes->len - 40);
	} else {
		put16(bytes->data + 2, bytes->len);
		put16(bytes->data + 10, naive_checksum(bytes->data, 20));
	}
}

GByteArray *scenario_packet_make(char **words, GHashTable *variables, const char *where)
{
	struct description d = read_description(words, where);
	GByteArray *bytes = g_byte_array_new();

	append_ip_header(bytes, &d, variables, where);
	unsigned l4_offset = bytes->len;
	if (strcmp(d.protocol, "tcp") == 0)
		append_tcp(bytes, &d, variables, where);
	else if (strcmp(d.protocol, "udp") == 0)
		append_udp(bytes, &d, variables, where);
	else if (strcmp(d.protocol, "proto") == 0)
		append_payload(bytes, &d, variables, where);
	else
		append_icmp(bytes, &d, variables, where);
	complete(bytes, &d, l4_offset, variables, where);

	unsigned place, value;
	if (option(&d, "poke")) {
		if (sscanf(option(&d, "poke"), "%u=%x", &place, &value) != 2 || place >= bytes->len)
			g_error("%s: poke is OFFSET=HEX", where);
		bytes->data[place] = (uint8_t)value;
	}
	g_byte_array_set_size(bytes, (guint)MIN(bytes->len, option_number(&d, "cut", G_MAXUINT,
									  variables, where)));
	return bytes;
}

/* From here on: comparison. */

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

static char *match_options(const struct description *d, const uint8_t *data, size_t size,
			   GHashTable *variables)
{
	for (char **word = d->options; *word && strcmp(*word, "about") != 0; word += 2) {
		int64_t value;
		if (strcmp(*word, "badsum") == 0)
			continue;
		if (!extract(*word, data, size, &value))
			return g_strdup_printf("it has no %s", *word);
		char *problem = match_number(*word, word[1], (uint64_t)value, variables);
		if (problem)
			return problem;
	}
	return NULL;
}

static char *match_transport(const struct description *d, const uint8_t *t, size_t size,
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
	struct description d = read_description(words, where);
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
	if (protocol != protocol_number(&d, variables, where))
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
