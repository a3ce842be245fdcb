/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/ctl_side.h"

#include <glib.h>
#include <string.h>

bool ctl_ports_parse(const char *text, unsigned *ret_first, unsigned *ret_last)
{
	g_auto(GStrv) ends = g_strsplit(text, "-", 2);
	guint64 first, last;

	if (ends[0] == NULL ||
	    !g_ascii_string_to_unsigned(ends[0], 10, 0, UINT16_MAX, &first, NULL))
		return false;
	last = first;
	if (ends[1] != NULL &&
	    !g_ascii_string_to_unsigned(ends[1], 10, first, UINT16_MAX, &last, NULL))
		return false;
	*ret_first = (unsigned)first;
	*ret_last = (unsigned)last;
	return true;
}

bool ctl_side_parse(const char *text, struct ctl_side *ret)
{
	const char *bracket = strchr(text, ']');
	const char *mark = strchr(text, '#');
	size_t skip = *text == '[' ? 1 : 0;
	const char *end;

	if (mark == NULL)
		mark = bracket != NULL ? bracket + 1 : strchr(text, ':');
	if (mark == NULL || (*mark != '#' && *mark != ':') || (skip == 1) != (bracket != NULL))
		return false;
	end = bracket != NULL ? bracket : mark;
	if (end <= text + skip || (size_t)(end - text) - skip >= sizeof(ret->address))
		return false;
	memcpy(ret->address, text + skip, (size_t)(end - text) - skip);
	ret->address[(size_t)(end - text) - skip] = '\0';
	return ctl_ports_parse(mark + 1, &ret->first, &ret->last);
}

bool ctl_side_is_ipv6(const struct ctl_side *side)
{
	return strchr(side->address, ':') != NULL;
}

enum ctl_status ctl_side_bad(const char *text)
{
	return ctl_fail(CTL_USAGE,
			"'%s' is not an address with a port, such as [2001:db8::5]:2000 or "
			"192.0.2.2:2000",
			text);
}
