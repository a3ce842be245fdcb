/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small pieces of text one after the other, in memory that is known to suffice. */
#pragma once

#include <stdint.h>
#include <string.h>

#include "daemon/core/addr.h"
#include "daemon/core/decimal.h"

/* Each returns where the next piece goes. */
static inline char *line_text(char *at, const char *text)
{
	size_t size = strlen(text);

	memcpy(at, text, size);
	return at + size;
}

/* So many digits, with zeros in front. */
static inline char *line_digits(char *at, unsigned n_digits, uint64_t number)
{
	for (unsigned i = n_digits; i-- > 0; number /= 10)
		at[i] = (char)('0' + number % 10);
	return at + n_digits;
}

/* "[2001:db8::5]:2000" */
static inline char *line_taddr6(char *at, const struct addr6 *addr, uint16_t port)
{
	*at++ = '[';
	(void)addr6_print(addr, at);
	at = line_text(at + strlen(at), "]:");
	return decimal_print(at, port);
}

/* "192.0.2.2:2000" */
static inline char *line_taddr4(char *at, uint32_t addr, uint16_t port)
{
	(void)addr4_print(addr, at);
	at += strlen(at);
	*at++ = ':';
	return decimal_print(at, port);
}
