/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers as text where printf() would be most of the work: addresses in rows and log lines. */
#pragma once

#include <stdint.h>

/* No NUL; returns the end. At most 20 characters. */
static inline char *decimal_print(char *at, uint64_t number)
{
	char digits[20];
	unsigned n = 0;

	do {
		digits[n++] = (char)('0' + number % 10);
		number /= 10;
	} while (number != 0);
	while (n > 0)
		*at++ = digits[--n];
	return at;
}
