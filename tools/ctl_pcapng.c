/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See ctl_pcapng.h. Numbers are in this machine's order, which the first block tells. */
#include "tools/ctl_pcapng.h"

#include <glib.h>
#include <string.h>

#define BLOCK_SECTION   0x0a0d0d0au
#define BLOCK_INTERFACE 1u
#define BLOCK_PACKET    6u
#define ORDER           0x1a2b3c4du
#define LINKTYPE_RAW    101 /* an IP header, of whatever version */

#define OPTION_END     0
#define OPTION_COMMENT 1
#define OPTION_IF_NAME 2
#define OPTION_FLAGS   2 /* of packets */
#define OPTION_WRITER  4 /* of the section */

#define FLAG_INBOUND  1u
#define FLAG_OUTBOUND 2u

static void put16(GByteArray *block, uint16_t value)
{
	g_byte_array_append(block, (const guint8 *)&value, sizeof(value));
}

static void put32(GByteArray *block, uint32_t value)
{
	g_byte_array_append(block, (const guint8 *)&value, sizeof(value));
}

/* Everything is padded to 32 bits. */
static void put_bytes(GByteArray *block, const void *data, size_t size)
{
	static const guint8 zeros[4];

	g_byte_array_append(block, data, (guint)size);
	g_byte_array_append(block, zeros, (guint)(-size & 3));
}

static void put_option(GByteArray *block, uint16_t code, const void *data, size_t size)
{
	put16(block, code);
	put16(block, (uint16_t)size);
	put_bytes(block, data, size);
}

static void put_text(GByteArray *block, uint16_t code, const char *text)
{
	put_option(block, code, text, MIN(strlen(text), 1000));
}

/* type and the whole length stand in front of the body, and the length behind it again. */
static bool write_block(FILE *file, uint32_t type, GByteArray *body)
{
	uint32_t size = body->len + 12;
	bool written = fwrite(&type, sizeof(type), 1, file) == 1 &&
		       fwrite(&size, sizeof(size), 1, file) == 1 &&
		       (body->len == 0 || fwrite(body->data, body->len, 1, file) == 1) &&
		       fwrite(&size, sizeof(size), 1, file) == 1;

	g_byte_array_unref(body);
	return written;
}

static bool write_section(FILE *file)
{
	GByteArray *body = g_byte_array_new();

	put32(body, ORDER);
	put16(body, 1); /* version 1.0 */
	put16(body, 0);
	put32(body, UINT32_MAX); /* length: not known */
	put32(body, UINT32_MAX);
	put_text(body, OPTION_WRITER, "nat64ctl trace");
	put_option(body, OPTION_END, "", 0);
	return write_block(file, BLOCK_SECTION, body);
}

static bool write_interface(FILE *file, const char *name)
{
	GByteArray *body = g_byte_array_new();

	put16(body, LINKTYPE_RAW);
	put16(body, 0);
	put32(body, 0); /* no limit of its own; times are in microseconds */
	put_text(body, OPTION_IF_NAME, name);
	put_option(body, OPTION_END, "", 0);
	return write_block(file, BLOCK_INTERFACE, body);
}

bool pcapng_begin(FILE *file)
{
	return write_section(file) && write_interface(file, "IPv6") &&
	       write_interface(file, "IPv4");
}

bool pcapng_add(FILE *file, enum pcapng_side side, bool came, uint64_t wall_usec,
		const uint8_t *data, size_t size, size_t whole_size, const char *comment)
{
	GByteArray *body = g_byte_array_new();
	uint32_t flags = came ? FLAG_INBOUND : FLAG_OUTBOUND;

	put32(body, (uint32_t)side);
	put32(body, (uint32_t)(wall_usec >> 32));
	put32(body, (uint32_t)wall_usec);
	put32(body, (uint32_t)size);
	put32(body, (uint32_t)whole_size);
	put_bytes(body, data, size);
	if (comment != NULL)
		put_text(body, OPTION_COMMENT, comment);
	put_option(body, OPTION_FLAGS, &flags, sizeof(flags));
	put_option(body, OPTION_END, "", 0);
	return write_block(file, BLOCK_PACKET, body);
}
