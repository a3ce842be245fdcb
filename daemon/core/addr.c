/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See addr.h. The text forms lean on inet_pton() and inet_ntop(), which are pure functions. */
#include "daemon/core/addr.h"

#include <arpa/inet.h>
#include <assert.h>
#include <endian.h>

#include "daemon/core/decimal.h"

bool addr6_is_unspecified(const struct addr6 *addr)
{
	static const struct addr6 unspecified;

	return addr6_equal(addr, &unspecified);
}

struct addr6 addr6_mask(const struct addr6 *addr, uint8_t len)
{
	struct addr6 masked = {0};
	unsigned n_whole = len / 8;

	assert(len <= 128);

	memcpy(masked.byte, addr->byte, n_whole);
	if (len % 8 != 0)
		masked.byte[n_whole] = addr->byte[n_whole] & (uint8_t)(0xff00 >> len % 8);
	return masked;
}

static uint32_t mask4(uint8_t len)
{
	assert(len <= 32);

	return len == 0 ? 0 : UINT32_MAX << (32 - len);
}

/* The upper 64 bits, or the lower, in which the first bit of the address is the highest. */
static uint64_t word_of(const struct addr6 *addr, unsigned i)
{
	uint64_t word;

	memcpy(&word, addr->byte + i * sizeof(word), sizeof(word));
	return be64toh(word);
}

bool prefix6_contains(const struct prefix6 *prefix, const struct addr6 *addr)
{
	const unsigned len = prefix->len;

	assert(len <= 128);

	if (len > 64 && word_of(addr, 1) >> (128 - len) != word_of(&prefix->addr, 1) >> (128 - len))
		return false;
	return len == 0 ||
	       (word_of(addr, 0) ^ word_of(&prefix->addr, 0)) >> (len < 64 ? 64 - len : 0) == 0;
}

bool prefix4_contains(const struct prefix4 *prefix, uint32_t addr)
{
	return ((prefix->addr ^ addr) & mask4(prefix->len)) == 0;
}

/* Two prefixes are disjoint or one contains the other. */
bool prefix6_overlaps(const struct prefix6 *a, const struct prefix6 *b)
{
	return a->len <= b->len ? prefix6_contains(a, &b->addr) : prefix6_contains(b, &a->addr);
}

bool prefix4_overlaps(const struct prefix4 *a, const struct prefix4 *b)
{
	return a->len <= b->len ? prefix4_contains(a, b->addr) : prefix4_contains(b, a->addr);
}

uint32_t prefix4_first(const struct prefix4 *prefix)
{
	return prefix->addr & mask4(prefix->len);
}

uint32_t prefix4_last(const struct prefix4 *prefix)
{
	return prefix->addr | ~mask4(prefix->len);
}

bool prefix6_has_host_bits(const struct prefix6 *prefix)
{
	struct addr6 masked = addr6_mask(&prefix->addr, prefix->len);

	return !addr6_equal(&masked, &prefix->addr);
}

bool prefix4_has_host_bits(const struct prefix4 *prefix)
{
	return prefix4_first(prefix) != prefix->addr;
}

/* Digits and nothing else: no sign, no space, no leading zero. */
static bool parse_number(const char *text, uint32_t max, uint32_t *ret)
{
	uint32_t number = 0;

	if (*text == '\0' || (text[0] == '0' && text[1] != '\0'))
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return false;
		number = number * 10 + (uint32_t)(*text - '0');
		if (number > max)
			return false;
	}
	*ret = number;
	return true;
}

/* Copies the size bytes of text that are to be an address. */
static bool copy_head(const char *text, size_t size, char head[ADDR_TEXT_SIZE])
{
	if (size >= ADDR_TEXT_SIZE)
		return false;
	memcpy(head, text, size);
	head[size] = '\0';
	return true;
}

bool addr6_parse(const char *text, struct addr6 *ret)
{
	struct addr6 addr;

	if (inet_pton(AF_INET6, text, addr.byte) != 1)
		return false;
	*ret = addr;
	return true;
}

bool addr4_parse(const char *text, uint32_t *ret)
{
	struct in_addr addr;

	if (inet_pton(AF_INET, text, &addr) != 1)
		return false;
	*ret = ntohl(addr.s_addr);
	return true;
}

/* Splits "HEAD/LEN"; without a slash the length is max. */
static bool split_prefix(const char *text, uint32_t max, char head[ADDR_TEXT_SIZE],
			 uint32_t *ret_len)
{
	const char *slash = strchr(text, '/');

	*ret_len = max;
	if (slash != NULL && !parse_number(slash + 1, max, ret_len))
		return false;
	return copy_head(text, slash != NULL ? (size_t)(slash - text) : strlen(text), head);
}

bool prefix6_parse(const char *text, struct prefix6 *ret)
{
	char head[ADDR_TEXT_SIZE];
	uint32_t len;

	if (!split_prefix(text, 128, head, &len) || !addr6_parse(head, &ret->addr))
		return false;
	ret->len = (uint8_t)len;
	return true;
}

bool prefix4_parse(const char *text, struct prefix4 *ret)
{
	char head[ADDR_TEXT_SIZE];
	uint32_t len;

	if (!split_prefix(text, 32, head, &len) || !addr4_parse(head, &ret->addr))
		return false;
	ret->len = (uint8_t)len;
	return true;
}

/* Splits "HEADsPORT" at the last separator s. */
static bool split_taddr(const char *text, char separator, char head[ADDR_TEXT_SIZE],
			uint32_t *ret_port)
{
	const char *mark = strrchr(text, separator);

	return mark != NULL && parse_number(mark + 1, UINT16_MAX, ret_port) &&
	       copy_head(text, (size_t)(mark - text), head);
}

bool taddr6_parse(const char *text, struct taddr6 *ret)
{
	char head[ADDR_TEXT_SIZE];
	char *addr = head;
	size_t size;
	uint32_t port;

	if (!split_taddr(text, text[0] == '[' ? ':' : '#', head, &port))
		return false;
	if (text[0] == '[') {
		size = strlen(head);
		if (head[size - 1] != ']')
			return false;
		head[size - 1] = '\0';
		addr++;
	}
	if (!addr6_parse(addr, &ret->addr))
		return false;
	ret->port = (uint16_t)port;
	return true;
}

bool taddr4_parse(const char *text, struct taddr4 *ret)
{
	char head[ADDR_TEXT_SIZE];
	uint32_t port;

	if (!split_taddr(text, strchr(text, '#') != NULL ? '#' : ':', head, &port) ||
	    !addr4_parse(head, &ret->addr))
		return false;
	ret->port = (uint16_t)port;
	return true;
}

/* Printing is by hand: a list of a million rows prints three million addresses, and a format, as
 * inet_ntop() uses within, takes ten times as long. Each returns the end of what it has written. */
static char *print_group(uint16_t group, char *at)
{
	static const char digit[] = "0123456789abcdef";
	int shift = 12;

	while (shift > 0 && group >> shift == 0)
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		*at++ = digit[group >> shift & 0xf];
	return at;
}

static char *print4(uint32_t addr, char *at)
{
	for (int shift = 24; shift >= 0; shift -= 8) {
		at = decimal_print(at, addr >> shift & 0xff);
		if (shift > 0)
			*at++ = '.';
	}
	return at;
}

/* RFC 5952, 4.2: the first of the longest runs of at least two zero groups; its length, or 0. */
static unsigned find_zeros(const uint16_t group[8], unsigned *ret_first)
{
	unsigned longest = 1, n = 0;

	for (unsigned i = 0; i < 8; i++) {
		n = group[i] == 0 ? n + 1 : 0;
		if (n > longest) {
			longest = n;
			*ret_first = i + 1 - n;
		}
	}
	return longest > 1 ? longest : 0;
}

static char *print6(const struct addr6 *addr, char *at)
{
	uint16_t group[8];
	unsigned first = 8, n_zeros;

	for (unsigned i = 0; i < 8; i++)
		group[i] = (uint16_t)(addr->byte[2 * i] << 8 | addr->byte[2 * i + 1]);
	n_zeros = find_zeros(group, &first);
	/* RFC 5952, 5: some of these end in an IPv4 address. */
	if (first == 0 && n_zeros >= 5) {
		(void)inet_ntop(AF_INET6, addr->byte, at, INET6_ADDRSTRLEN);
		return at + strlen(at);
	}
	for (unsigned i = 0; i < 8; i++) {
		if (i == first) {
			*at++ = ':';
			i += n_zeros - 1;
			if (i == 7)
				*at++ = ':';
			continue;
		}
		if (i > 0)
			*at++ = ':';
		at = print_group(group[i], at);
	}
	return at;
}

const char *addr6_print(const struct addr6 *addr, char *ret)
{
	*print6(addr, ret) = '\0';
	return ret;
}

const char *addr4_print(uint32_t addr, char *ret)
{
	*print4(addr, ret) = '\0';
	return ret;
}

const char *prefix6_print(const struct prefix6 *prefix, char *ret)
{
	char *at = print6(&prefix->addr, ret);

	*at++ = '/';
	*decimal_print(at, prefix->len) = '\0';
	return ret;
}

const char *prefix4_print(const struct prefix4 *prefix, char *ret)
{
	char *at = print4(prefix->addr, ret);

	*at++ = '/';
	*decimal_print(at, prefix->len) = '\0';
	return ret;
}

const char *taddr6_print(const struct taddr6 *taddr, char *ret)
{
	char *at = ret;

	*at++ = '[';
	at = print6(&taddr->addr, at);
	*at++ = ']';
	*at++ = ':';
	*decimal_print(at, taddr->port) = '\0';
	return ret;
}

const char *taddr4_print(const struct taddr4 *taddr, char *ret)
{
	char *at = print4(taddr->addr, ret);

	*at++ = ':';
	*decimal_print(at, taddr->port) = '\0';
	return ret;
}

static const char *const protocol_names[] = {
	[PROTOCOL_TCP] = "tcp",
	[PROTOCOL_UDP] = "udp",
	[PROTOCOL_ICMP] = "icmp",
};
static_assert(sizeof(protocol_names) / sizeof(*protocol_names) == N_PROTOCOLS,
	      "every protocol has a name");

const char *protocol_name(enum protocol protocol)
{
	assert(protocol < N_PROTOCOLS);

	return protocol_names[protocol];
}

bool protocol_parse(const char *text, enum protocol *ret)
{
	for (unsigned i = 0; i < N_PROTOCOLS; i++) {
		if (strcmp(text, protocol_names[i]) == 0) {
			*ret = (enum protocol)i;
			return true;
		}
	}
	return false;
}

/* both ends of every packet are asked, hence no table. */
bool addr4_is_illegal(uint32_t addr)
{
	switch (addr >> 24) {
	case 0:   /* RFC 1122, 3.2.1.3: this network */
	case 127: /* loopback */
		return true;
	case 169:
		return addr >> 16 == 0xa9fe; /* RFC 3927: link-local */
	default:
		return addr >= 0xe0000000; /* multicast, class E, broadcast */
	}
}

/* RFC 6890 and RFC 6598, where "Global" is false. 192.88.99.0/24 is global. */
static const struct {
	uint32_t first;
	uint32_t last;
} nonglobal[] = {
	{0x0a000000, 0x0affffff}, /* 10.0.0.0/8, RFC 1918 */
	{0x64400000, 0x647fffff}, /* 100.64.0.0/10, RFC 6598 */
	{0xac100000, 0xac1fffff}, /* 172.16.0.0/12, RFC 1918 */
	{0xc0000000, 0xc00000ff}, /* 192.0.0.0/24, IETF protocol assignments */
	{0xc0000200, 0xc00002ff}, /* 192.0.2.0/24, documentation */
	{0xc0a80000, 0xc0a8ffff}, /* 192.168.0.0/16, RFC 1918 */
	{0xc6120000, 0xc613ffff}, /* 198.18.0.0/15, benchmarking */
	{0xc6336400, 0xc63364ff}, /* 198.51.100.0/24, documentation */
	{0xcb007100, 0xcb0071ff}, /* 203.0.113.0/24, documentation */
};

bool addr4_is_nonglobal(uint32_t addr)
{
	if (addr4_is_illegal(addr))
		return true;
	for (size_t i = 0; i < sizeof(nonglobal) / sizeof(*nonglobal); i++) {
		if (addr >= nonglobal[i].first && addr <= nonglobal[i].last)
			return true;
	}
	return false;
}

bool addr6_is_illegal_source(const struct addr6 *addr)
{
	static const struct addr6 loopback = {.byte[15] = 1};
	static const struct prefix6 mapped = {.addr = {.byte = {[10] = 0xff, [11] = 0xff}},
					      .len = 96};

	switch (addr->byte[0]) {
	case 0:
		return addr6_is_unspecified(addr) || addr6_equal(addr, &loopback) ||
		       prefix6_contains(&mapped, addr);
	case 0xfe:
		return (addr->byte[1] & 0xc0) == 0x80; /* link-local, fe80::/10 */
	case 0xff:
		return true; /* multicast */
	default:
		return false;
	}
}
