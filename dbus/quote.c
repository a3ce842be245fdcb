/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See quote.h. */
#include "dbus/quote.h"

#include <string.h>

static const char more[] = "...";

const char *quote(const char *value, char ret[QUOTE_SIZE])
{
	size_t length = strnlen(value, QUOTE_SIZE);

	if (length < QUOTE_SIZE) {
		memcpy(ret, value, length + 1);
		return ret;
	}
	length = QUOTE_SIZE - sizeof(more);
	while (length > 0 && ((unsigned char)value[length] & 0xc0) == 0x80)
		length--; /* within a character */
	memcpy(ret, value, length);
	memcpy(ret + length, more, sizeof(more));
	return ret;
}
