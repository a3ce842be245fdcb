/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/ctl_time.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

#define DATE "[0-9]{4}-[0-9]{2}-[0-9]{2}"
#define HOUR "[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?"
#define ZONE "([Zz]|[+-][0-9]{2}:[0-9]{2})"

static bool is_like(const char *text, const char *pattern)
{
	g_autofree char *whole = g_strdup_printf("^%s$", pattern);

	return g_regex_match_simple(whole, text, G_REGEX_DOLLAR_ENDONLY, 0);
}

/* As GLib reads it: with seconds, and a T. */
static char *complete(const char *text)
{
	bool has_seconds = text[strlen("2026-01-31T12:00")] == ':';
	const char *rest = text + strlen("2026-01-31T12:00");

	return g_strdup_printf("%.10sT%.5s%s%s", text, text + 11, has_seconds ? "" : ":00", rest);
}

static char *parse_date(const char *text, uint64_t *ret)
{
	g_autofree char *whole = complete(text);
	GDateTime *time;

	g_strdelimit(whole, ",", '.');
	for (char *c = whole; *c != '\0'; c++)
		*c = g_ascii_toupper(*c);
	time = g_date_time_new_from_iso8601(whole, NULL);
	if (time == NULL || g_date_time_to_unix(time) < 0) {
		g_clear_pointer(&time, g_date_time_unref);
		return g_strdup_printf("'%s' is no date and time since 1970 that there is", text);
	}
	*ret = (uint64_t)g_date_time_to_unix(time) * 1000000 +
	       (uint64_t)g_date_time_get_microsecond(time);
	g_date_time_unref(time);
	return NULL;
}

static char *parse_seconds(const char *text, uint64_t *ret)
{
	uint64_t seconds;

	if (!g_ascii_string_to_unsigned(text + 1, 10, 0, UINT32_MAX, &seconds, NULL))
		return g_strdup_printf("'%s' is not '@' and seconds since 1970", text);
	*ret = seconds * 1000000;
	return NULL;
}

char *ctl_time_parse(const char *text, uint64_t *ret)
{
	if (strcmp(text, "now") == 0) {
		*ret = (uint64_t)g_get_real_time();
		return NULL;
	}
	if (text[0] == '@')
		return parse_seconds(text, ret);
	if (is_like(text, DATE HOUR ZONE))
		return parse_date(text, ret);
	if (is_like(text, DATE HOUR))
		return g_strdup_printf("'%s' may be of any time zone: append Z if it is UTC, or "
				       "one such as +01:00",
				       text);
	if (is_like(text, DATE))
		return g_strdup_printf("'%s' is a whole day: %sT12:00:00Z would be a time", text,
				       text);
	if (is_like(text, "[0-9]+"))
		return g_strdup_printf(
			"'%s' may be seconds or something else: @%s if it is seconds since 1970",
			text, text);
	return g_strdup_printf("'%s' is no time: 2026-01-31T12:00:00Z, with +01:00 or the like in "
			       "place of Z, @1769860800 or now would be",
			       text);
}

const char *ctl_time_print(uint64_t usec, char ret[CTL_TIME_SIZE])
{
	GDateTime *time = g_date_time_new_from_unix_utc((gint64)(usec / 1000000));
	g_autofree char *text =
		time != NULL ? g_date_time_format(time, "%Y-%m-%dT%H:%M:%SZ") : g_strdup("later");

	g_clear_pointer(&time, g_date_time_unref);
	(void)g_strlcpy(ret, text, CTL_TIME_SIZE);
	return ret;
}
