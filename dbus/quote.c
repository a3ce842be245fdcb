/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See quote.h. */
#include "dbus/quote.h"

#include <string.h>

static const char more[] = "...";

void quote_one_line(char *text)
{
	for (unsigned char *at = (unsigned char *)text; *at != '\0'; at++) {
		if (*at < ' ' || *at == 0x7f)
			*at = '?';
		else if (at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0)
			at[0] = at[1] = '?';
	}
}

const char *quote(const char *value, char ret[QUOTE_SIZE])
{
	size_t length = strnlen(value, QUOTE_SIZE);

	if (length < QUOTE_SIZE) {
		memcpy(ret, value, length + 1);
		quote_one_line(ret);
		return ret;
	}
	length = QUOTE_SIZE - sizeof(more);
	while (length > 0 && ((unsigned char)value[length] & 0xc0) == 0x80)
		length--; /* within a character */
	memcpy(ret, value, length);
	memcpy(ret + length, more, sizeof(more));
	quote_one_line(ret);
	return ret;
}
