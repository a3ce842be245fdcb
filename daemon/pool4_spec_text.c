/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/pool4_spec_text.h"

#include <glib.h>

#include "daemon/core/pool4_text.h"

char *pool4_spec_text_addresses(const struct pool4_spec *spec)
{
	const size_t size = pool4_text_print(spec->addresses, spec->n_addresses, NULL, 0) + 1;
	char *text = g_malloc(size);

	(void)pool4_text_print(spec->addresses, spec->n_addresses, text, size);
	return text;
}

char *pool4_spec_text_protocols(const struct pool4_spec *spec)
{
	GString *text = g_string_new(NULL);

	for (enum protocol protocol = 0; protocol < N_PROTOCOLS; protocol++)
		if (spec->protocol[protocol])
			g_string_append_printf(text, "%s%s", text->len > 0 ? " " : "",
					       protocol_name(protocol));
	return g_string_free(text, FALSE);
}

char *pool4_spec_text_clients(const struct pool4_spec *spec)
{
	GString *text = g_string_new(NULL);
	char prefix[ADDR_TEXT_SIZE];

	for (uint32_t i = 0; i < spec->n_clients; i++)
		g_string_append_printf(text, "%s%s", text->len > 0 ? " " : "",
				       prefix6_print(&spec->clients[i], prefix));
	return g_string_free(text, FALSE);
}
