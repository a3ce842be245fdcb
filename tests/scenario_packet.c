/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The maker: a packet out of the words of a scenario, see scenario_packet.h.
 */
#include "tests/scenario_packet.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "tests/naive.h"
#include "tests/scenario_fragments.h"
#include "tests/scenario_line.h"

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
	const char *value = scenario_line_resolve(text, variables, where);

	if (inet_pton(version == 6 ? AF_INET6 : AF_INET, value, address) != 1)
		g_error("%s: \"%s\" is no address", where, value);
	g_byte_array_append(bytes, address, version == 6 ? 16 : 4);
}

static void append_payload(GByteArray *bytes, const struct scenario_line *d, GHashTable *variables,
			   const char *where)
{
	uint64_t size = scenario_line_option_number(d, "len", 0, variables, where);

	for (uint64_t i = 0; i < size; i++)
		append8(bytes, i);
}

static void append_tcp(GByteArray *bytes, const struct scenario_line *d, GHashTable *variables,
		       const char *where)
{
	static const char letters[] = "FSRPAU";
	bool mss = scenario_line_option(d, "mss");
	unsigned flags = 0;

	for (const char *letter = d->flags; *letter && *letter != '.'; letter++) {
		const char *place = strchr(letters, *letter);
		if (!place)
			g_error("%s: TCP flag \"%c\"", where, *letter);
		flags |= 1u << (place - letters);
	}
	append16(bytes, scenario_line_number(d->sport, variables, where));
	append16(bytes, scenario_line_number(d->dport, variables, where));
	append32(bytes, scenario_line_option_number(d, "seq", 1000, variables, where));
	append32(bytes, scenario_line_option_number(d, "ack", 0, variables, where));
	append8(bytes, (mss ? 6 : 5) << 4);
	append8(bytes, flags);
	append16(bytes, scenario_line_option_number(d, "win", 65535, variables, where));
	append32(bytes, 0);
	if (mss)
		append32(bytes,
			 0x02040000 | scenario_line_option_number(d, "mss", 0, variables, where));
	append_payload(bytes, d, variables, where);
}

static void append_udp(GByteArray *bytes, const struct scenario_line *d, GHashTable *variables,
		       const char *where)
{
	append16(bytes, scenario_line_number(d->sport, variables, where));
	append16(bytes, scenario_line_number(d->dport, variables, where));
	append16(bytes, scenario_line_option_number(
				d, "udplen",
				8 + scenario_line_option_number(d, "len", 0, variables, where),
				variables, where));
	append16(bytes, 0);
	append_payload(bytes, d, variables, where);
}

static void append_icmp(GByteArray *bytes, const struct scenario_line *d, GHashTable *variables,
			const char *where)
{
	bool echo = strcmp(d->protocol, "echo") == 0;

	if (echo || strcmp(d->protocol, "reply") == 0) {
		append8(bytes, d->version == 6 ? (echo ? 128 : 129) : (echo ? 8 : 0));
		append8(bytes, 0);
		append16(bytes, 0);
		append16(bytes, scenario_line_number(d->sport, variables, where));
		append16(bytes, scenario_line_option_number(d, "seq", 1, variables, where));
		append_payload(bytes, d, variables, where);
		return;
	}

	unsigned type, code;
	if (sscanf(d->sport, "%u/%u", &type, &code) != 2)
		g_error("%s: \"%s\" is no TYPE/CODE", where, d->sport);
	append8(bytes, type);
	append8(bytes, code);
	append16(bytes, 0);
	uint64_t pointer = scenario_line_option_number(d, "ptr", 0, variables, where);
	if (d->version == 4)
		pointer <<= 24;
	append32(bytes, pointer | scenario_line_option_number(d, "mtu", 0, variables, where));
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
	const uint8_t *l4 = packet->data + offset;
	unsigned size = packet->len - offset;

	/* T-37: a UDP length that is shorter than the payload counts. */
	if (protocol == IPPROTO_UDP && (l4[4] << 8 | l4[5]) >= 8)
		size = MIN(size, (unsigned)(l4[4] << 8 | l4[5]));
	if (protocol != IPPROTO_ICMP) {
		if (version == 6)
			g_byte_array_append(all, packet->data + 8, 32);
		else
			g_byte_array_append(all, packet->data + 12, 8);
		append32(all, size);
		append32(all, protocol);
	}
	g_byte_array_append(all, l4, size);
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

/* What "ext" names: hop-by-hop, destination options, a routing header with segments left. */
static unsigned extension_number(const char *name, const char *where)
{
	if (strcmp(name, "hbh") == 0)
		return IPPROTO_HOPOPTS;
	if (strcmp(name, "dst") == 0)
		return IPPROTO_DSTOPTS;
	if (strcmp(name, "rt0") == 0 || strcmp(name, "rt1") == 0)
		return IPPROTO_ROUTING;
	if (strcmp(name, "ah") == 0)
		return IPPROTO_AH;
	if (strcmp(name, "frag") == 0)
		return IPPROTO_FRAGMENT;
	g_error("%s: extension header \"%s\"", where, name);
}

/* Eight bytes each, the last one in front of protocol. Returns the first one's number. */
static unsigned append_extensions(GByteArray *bytes, const char *names, unsigned protocol,
				  const char *where)
{
	g_auto(GStrv) list = g_strsplit(names, ",", -1);

	for (unsigned i = 0; list[i]; i++) {
		unsigned next = list[i + 1] ? extension_number(list[i + 1], where) : protocol;
		append8(bytes, next);
		append8(bytes, 0);
		append8(bytes, 0);
		append8(bytes, strcmp(list[i], "rt1") == 0);
		append32(bytes, 0);
	}
	return extension_number(list[0], where);
}

static void append_header6(GByteArray *bytes, const struct scenario_line *d, GHashTable *variables,
			   const char *where)
{
	unsigned protocol = scenario_line_protocol(d, variables, where);
	const char *extensions = scenario_line_option(d, "ext");
	const char *fragment = scenario_line_option(d, "frag");
	bool has_fragment = fragment || scenario_line_option(d, "atomic");

	append32(bytes, 6u << 28 |
				scenario_line_option_number(d, "tos", 0, variables, where) << 20 |
				scenario_line_option_number(d, "flow", 0, variables, where));
	append16(bytes, 0);
	append8(bytes, has_fragment ? IPPROTO_FRAGMENT : protocol);
	append8(bytes, scenario_line_option_number(d, "ttl", 64, variables, where));
	append_address(bytes, 6, d->src, variables, where);
	append_address(bytes, 6, d->dst, variables, where);
	if (extensions)
		bytes->data[6] = (uint8_t)append_extensions(
			bytes, extensions, has_fragment ? IPPROTO_FRAGMENT : protocol, where);
	if (has_fragment) {
		unsigned offset = 0, more = 0;
		if (fragment && sscanf(fragment, "%u/%u", &offset, &more) != 2)
			g_error("%s: frag is OFFSET/MORE", where);
		append8(bytes, protocol);
		append8(bytes, 0);
		append16(bytes, offset | more);
		append32(bytes, scenario_line_option_number(d, "atomic", 0, variables, where));
	}
}

static void append_header4(GByteArray *bytes, const struct scenario_line *d, GHashTable *variables,
			   const char *where)
{
	const char *fragment = scenario_line_option(d, "frag");
	const char *options = scenario_line_option(d, "opt");
	unsigned offset = 0, more = 0, value;

	if (fragment && sscanf(fragment, "%u/%u", &offset, &more) != 2)
		g_error("%s: frag is OFFSET/MORE", where);
	append8(bytes, 0x45);
	append8(bytes, scenario_line_option_number(d, "tos", 0, variables, where));
	append16(bytes, 0);
	append16(bytes, scenario_line_option_number(d, "id", 0x1234, variables, where));
	append16(bytes, scenario_line_option_number(d, "df", 0, variables, where) << 14 |
				more << 13 | offset / 8);
	append8(bytes, scenario_line_option_number(d, "ttl", 64, variables, where));
	append8(bytes, scenario_line_protocol(d, variables, where));
	append16(bytes, 0);
	append_address(bytes, 4, d->src, variables, where);
	append_address(bytes, 4, d->dst, variables, where);
	for (; options && *options; options += 2) {
		if (sscanf(options, "%2x", &value) != 1)
			g_error("%s: opt is hexadecimal", where);
		append8(bytes, value);
	}
	while (bytes->len % 4)
		append8(bytes, 0);
	bytes->data[0] = (uint8_t)(0x40 | bytes->len / 4);
}

/* Lengths and checksums, now that everything is there. */
static void complete(GByteArray *bytes, const struct scenario_line *d, unsigned l4_offset,
		     GHashTable *variables, const char *where)
{
	unsigned protocol = scenario_line_protocol(d, variables, where);
	unsigned offset = checksum_offset(protocol);

	if (offset) {
		uint32_t check = transport_checksum(bytes, d->version, l4_offset, protocol);
		if (protocol == IPPROTO_UDP && check == 0)
			check = 0xffff;
		check += (uint32_t)scenario_line_option_number(d, "badsum", 0, variables, where);
		check = (check & 0xffff) + (check >> 16);
		if (scenario_line_option(d, "nosum"))
			check = 0;
		put16(bytes->data + l4_offset + offset, check);
	}
	if (d->version == 6) {
		put16(bytes->data + 4, bytes->len - 40);
	} else {
		put16(bytes->data + 2, bytes->len);
		put16(bytes->data + 10, naive_checksum(bytes->data, (bytes->data[0] & 15) * 4u));
	}
}

/* What spoils a packet that is complete: bytes poked in, padding behind it, the end cut off. */
static void spoil(GByteArray *bytes, const struct scenario_line *d, GHashTable *variables,
		  const char *where)
{
	uint64_t padding = scenario_line_option_number(d, "pad", 0, variables, where);
	unsigned place, value;

	for (char **word = d->options; *word && strcmp(*word, "about") != 0; word += 2) {
		if (strcmp(*word, "poke") != 0)
			continue;
		if (sscanf(word[1], "%u=%x", &place, &value) != 2 || place >= bytes->len)
			g_error("%s: poke is OFFSET=HEX", where);
		bytes->data[place] = (uint8_t)value;
	}
	while (padding--)
		append8(bytes, 0xee);
	g_byte_array_set_size(
		bytes, (guint)MIN(bytes->len, scenario_line_option_number(d, "cut", G_MAXUINT,
									  variables, where)));
}

static void cut(GByteArray *bytes, const struct scenario_line *d, GHashTable *variables,
		const char *where)
{
	const char *piece = scenario_line_option(d, "piece");
	unsigned offset, size;

	if (!piece)
		return;
	if (sscanf(piece, "%u+%u", &offset, &size) != 2)
		g_error("%s: piece is OFFSET+SIZE", where);
	scenario_fragments_cut(
		bytes, offset, size,
		(uint32_t)scenario_line_option_number(d, "id", 0x1234, variables, where));
}

GByteArray *scenario_packet_make(char **words, GHashTable *variables, const char *where)
{
	struct scenario_line d = scenario_line_read(words, where);
	GByteArray *bytes = g_byte_array_new();

	if (d.version == 6)
		append_header6(bytes, &d, variables, where);
	else
		append_header4(bytes, &d, variables, where);
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
	cut(bytes, &d, variables, where);
	spoil(bytes, &d, variables, where);
	return bytes;
}

uint64_t scenario_packet_option(char **words, const char *name, const char *where)
{
	struct scenario_line d = scenario_line_read(words, where);
	const char *text = scenario_line_option(&d, name);

	return text ? g_ascii_strtoull(text, NULL, 0) : 0;
}

/* Where the transport header is, without options and extension headers, and its checksum. */
static unsigned find_check(const uint8_t *data, unsigned *ret_l4)
{
	*ret_l4 = data[0] >> 4 == 6 ? 40 : 20;
	return *ret_l4 + checksum_offset(data[0] >> 4 == 6 ? data[6] : data[9]);
}

void scenario_packet_unfinish(uint8_t *data, size_t size)
{
	g_autoptr(GByteArray) pseudo = g_byte_array_new();
	const bool v6 = data[0] >> 4 == 6;
	unsigned l4, check = find_check(data, &l4);

	g_byte_array_append(pseudo, data + (v6 ? 8 : 12), v6 ? 32 : 8);
	append32(pseudo, size - l4);
	append32(pseudo, v6 ? data[6] : data[9]);
	put16(data + check, 0xffff & ~naive_checksum(pseudo->data, pseudo->len));
}

void scenario_packet_finish(uint8_t *data, size_t size)
{
	unsigned l4, check = find_check(data, &l4);

	put16(data + check, naive_checksum(data + l4, size - l4));
}
