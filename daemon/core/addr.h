/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Addresses as values: IPv6 and IPv4 addresses, transport addresses (address and port, or address
 * and ICMP identifier), prefixes, and the three protocols that NAT64 translates.
 *
 * IPv4 addresses and all ports are numbers in host byte order; an IPv6 address is its 16 bytes in
 * network order. Nothing here allocates, looks up names or knows about packets.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* RFC 6146, 3: one BIB and one session table for each of these. */
enum protocol {
	PROTOCOL_TCP,
	PROTOCOL_UDP,
	PROTOCOL_ICMP, /* ICMP and ICMPv6 queries: the port is the identifier */
	N_PROTOCOLS,
};

struct addr6 {
	uint8_t byte[16];
};

/* A transport address in RFC 6146's sense, (X',x) or (T,t). */
struct taddr6 {
	struct addr6 addr;
	uint16_t port;
};

struct taddr4 {
	uint32_t addr;
	uint16_t port;
};

/* All bits behind len are zero in a valid prefix; len is 0..128 or 0..32. */
struct prefix6 {
	struct addr6 addr;
	uint8_t len;
};

struct prefix4 {
	uint32_t addr;
	uint8_t len;
};

/* Long enough for every text that the print functions make, with its NUL. */
#define ADDR_TEXT_SIZE 64

static inline bool addr6_equal(const struct addr6 *a, const struct addr6 *b)
{
	return memcmp(a->byte, b->byte, sizeof(a->byte)) == 0;
}

static inline bool taddr6_equal(const struct taddr6 *a, const struct taddr6 *b)
{
	return a->port == b->port && addr6_equal(&a->addr, &b->addr);
}

static inline bool taddr4_equal(const struct taddr4 *a, const struct taddr4 *b)
{
	return a->addr == b->addr && a->port == b->port;
}

bool addr6_is_unspecified(const struct addr6 *addr);

/* addr with all bits behind len cleared. */
struct addr6 addr6_mask(const struct addr6 *addr, uint8_t len);

bool prefix6_contains(const struct prefix6 *prefix, const struct addr6 *addr);
bool prefix4_contains(const struct prefix4 *prefix, uint32_t addr);

/* True if some address lies in both. */
bool prefix6_overlaps(const struct prefix6 *a, const struct prefix6 *b);
bool prefix4_overlaps(const struct prefix4 *a, const struct prefix4 *b);

/* First and last address; a /32 has first == last. */
uint32_t prefix4_first(const struct prefix4 *prefix);
uint32_t prefix4_last(const struct prefix4 *prefix);

/*
 * Parsing: the whole text must be consumed; numeric only. On failure false, *ret untouched.
 *   addr6/addr4      2001:db8::1          192.0.2.1
 *   prefix6/prefix4  2001:db8::/32        192.0.2.0/24      (no length = host; host bits are kept,
 *                                                            ask prefix6_has_host_bits())
 *   taddr6           [2001:db8::1]:80     2001:db8::1#80
 *   taddr4           192.0.2.1:80         192.0.2.1#80
 */
bool addr6_parse(const char *text, struct addr6 *ret);
bool addr4_parse(const char *text, uint32_t *ret);
bool prefix6_parse(const char *text, struct prefix6 *ret);
bool prefix4_parse(const char *text, struct prefix4 *ret);
bool taddr6_parse(const char *text, struct taddr6 *ret);
bool taddr4_parse(const char *text, struct taddr4 *ret);
bool prefix6_has_host_bits(const struct prefix6 *prefix);
bool prefix4_has_host_bits(const struct prefix4 *prefix);

/* Printing: RFC 5952 text into ret, which holds ADDR_TEXT_SIZE bytes; returns ret. */
const char *addr6_print(const struct addr6 *addr, char *ret);
const char *addr4_print(uint32_t addr, char *ret);
const char *prefix6_print(const struct prefix6 *prefix, char *ret);
const char *prefix4_print(const struct prefix4 *prefix, char *ret);
const char *taddr6_print(const struct taddr6 *taddr, char *ret);
const char *taddr4_print(const struct taddr4 *taddr, char *ret);

/* "tcp", "udp", "icmp". Parsing is exact. */
const char *protocol_name(enum protocol protocol);
bool protocol_parse(const char *text, enum protocol *ret);

/*
 * Which addresses may appear in packets at all, and which only with certain prefixes.
 *
 * Illegal: never in a translated packet, whatever the prefix (RFC 7915, 4.1 and 5.1; A-10).
 * Non-global: not together with the Well-Known Prefix 64:ff9b::/96 (RFC 6052, 3.1; A-9). Every
 * illegal IPv4 address is non-global too.
 */
bool addr4_is_illegal(uint32_t addr);
bool addr4_is_nonglobal(uint32_t addr);
bool addr6_is_illegal_source(const struct addr6 *addr);
