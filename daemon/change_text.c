/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See change_text.h. */
#include "daemon/change_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "daemon/core/pool4_text.h"

#define PORTS_SIZE 64

static void write_text(char ret[CHANGE_TEXT_SIZE], const char *format, va_list args)
	G_GNUC_PRINTF(2, 0);

static void write_text(char ret[CHANGE_TEXT_SIZE], const char *format, va_list args)
{
	const char *end;

	(void)g_vsnprintf(ret, CHANGE_TEXT_SIZE, format, args);
	if (!g_utf8_validate(ret, -1, &end))
		ret[end - ret] = '\0';
	for (char *c = ret; *c != '\0'; c++) {
		if (g_ascii_iscntrl(*c))
			*c = ' ';
	}
}

void change_fail(struct change_result *ret, enum change_error error, const char *format, ...)
{
	va_list args;

	*ret = (struct change_result){.error = error};
	va_start(args, format);
	write_text(ret->text, format, args);
	va_end(args);
}

void change_done(struct change_result *ret, const char *format, ...)
{
	va_list args;

	ret->changed = true;
	va_start(args, format);
	write_text(ret->text, format, args);
	va_end(args);
}

void change_nothing(struct change_result *ret, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_text(ret->text, format, args);
	va_end(args);
}

void change_warn(struct change_result *ret, const char *format, ...)
{
	va_list args;

	if (ret->n_warnings == CHANGE_WARNINGS_MAX)
		return;
	va_start(args, format);
	write_text(ret->warning[ret->n_warnings++], format, args);
	va_end(args);
}

const char *change_addresses_text(const struct pool4_spec *spec, char ret[CHANGE_ADDRESSES_SIZE])
{
	static const char more[] = " ...";
	size_t length =
		pool4_text_print(spec->addresses, spec->n_addresses, ret, CHANGE_ADDRESSES_SIZE);

	if (length < CHANGE_ADDRESSES_SIZE)
		return ret;
	ret[CHANGE_ADDRESSES_SIZE - sizeof(more)] = '\0';
	if (strrchr(ret, ' '))
		*strrchr(ret, ' ') = '\0';
	(void)g_strlcat(ret, more, CHANGE_ADDRESSES_SIZE);
	return ret;
}

const char *change_spec_text(const struct pool4_spec *spec, char ret[CHANGE_SPEC_SIZE])
{
	char addresses[CHANGE_ADDRESSES_SIZE], ports[PORTS_SIZE];
	GString *protocols = g_string_new(NULL);

	for (enum protocol protocol = 0; protocol < N_PROTOCOLS; protocol++) {
		if (spec->protocol[protocol])
			g_string_append_printf(protocols, "%s%s", protocols->len > 0 ? " " : "",
					       protocol_name(protocol));
	}
	snprintf(ret, CHANGE_SPEC_SIZE, "%s, %s, ports %s", change_addresses_text(spec, addresses),
		 protocols->str, port_ranges_print(&spec->ports, ports, sizeof(ports)));
	(void)g_string_free(protocols, TRUE);
	return ret;
}
