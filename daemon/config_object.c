/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keys of objects: [Pool4 NAME] and [Static NAME]. See config_value.h.
 */
#include <string.h>

#include "daemon/config_value.h"
#include "daemon/core/pool4_text.h"

static char *set_addresses(const char *text, struct config_pool4 *entry)
{
	char error[POOL4_TEXT_ERROR_SIZE];
	struct pool4_text parsed;
	const char *problem = pool4_text_parse(text, &parsed, error);

	if (problem != NULL)
		return g_strdup(problem);
	entry->spec.addresses = g_memdup2(parsed.range, parsed.n_ranges * sizeof(*parsed.range));
	entry->spec.n_addresses = parsed.n_ranges;
	entry->interfaces = g_new0(char *, parsed.n_interfaces + 1);
	for (uint32_t i = 0; i < parsed.n_interfaces; i++)
		entry->interfaces[i] = g_strdup(parsed.interface[i]);
	pool4_text_deinit(&parsed);
	return NULL;
}

static char *set_ports(const char *text, struct config_pool4 *entry)
{
	char error[256];
	const char *problem;

	entry->ports_auto = strcmp(text, "auto") == 0;
	if (entry->ports_auto)
		return NULL;
	problem = port_ranges_parse(text, &entry->spec.ports, error, sizeof(error));
	return g_strdup(problem);
}

static char *set_protocols(const char *text, bool ret[N_PROTOCOLS])
{
	g_auto(GStrv) words = config_words(text);
	bool chosen[N_PROTOCOLS] = {false};
	enum protocol protocol;

	if (words[0] == NULL)
		return g_strdup("at least one of tcp, udp, icmp is needed");
	for (unsigned i = 0; words[i] != NULL; i++) {
		if (!protocol_parse(words[i], &protocol))
			return g_strdup_printf("'%s' is none of: tcp, udp, icmp", words[i]);
		chosen[protocol] = true;
	}
	memcpy(ret, chosen, sizeof(chosen));
	return NULL;
}

static char *set_entry_clients(const char *text, struct pool4_spec *spec)
{
	g_auto(GStrv) words = config_words(text);

	if (g_strv_length(words) > POOL4_CLIENTS_MAX)
		return g_strdup_printf("more than %d of them", POOL4_CLIENTS_MAX);
	for (unsigned i = 0; words[i] != NULL; i++) {
		char *problem = config_prefix6_parse(words[i], &spec->clients[i]);

		if (problem != NULL)
			return problem;
	}
	spec->n_clients = g_strv_length(words);
	return NULL;
}

static char *set_entry_prefix(const char *text, const struct nat64_config *nat64,
			      struct pool4_spec *spec)
{
	struct prefix6 prefix;
	char *problem;

	spec->pool6 = POOL4_ANY_PREFIX;
	if (*text == '\0')
		return NULL;
	problem = config_prefix6_parse(text, &prefix);
	if (problem != NULL)
		return problem;
	for (int i = 0; i < NAT64_POOL6_MAX; i++) {
		const struct prefix6 *pool6 = &nat64->pool6[i];

		if (pool6->len != 0 && pool6->len == prefix.len &&
		    addr6_equal(&pool6->addr, &prefix.addr)) {
			spec->pool6 = i;
			return NULL;
		}
	}
	return g_strdup_printf("%s is not a prefix of Translation.Pool6", text);
}

static char *set_comment(const struct config_key *key, const char *text, char *field)
{
	if (strlen(text) > key->max)
		return g_strdup_printf("longer than %" G_GUINT64_FORMAT " bytes", key->max);
	g_strlcpy(field, text, key->max + 1);
	return NULL;
}

/* The object is made only if it is enabled (config.c), so there is nothing to store. */
static char *check_enabled(const char *text)
{
	bool enabled;

	return config_bool_parse(text, &enabled) ? NULL
						 : g_strdup_printf("'%s' is not yes or no", text);
}

/* S-5: such a host can not be reached through a binding. */
static char *set_inside(const char *text, const struct nat64_config *nat64, struct taddr6 *ret)
{
	struct taddr6 inside;
	char prefix[ADDR_TEXT_SIZE];

	if (!taddr6_parse(text, &inside))
		return g_strdup_printf("'%s' is not an IPv6 address with a port, such as "
				       "[2001:db8::5]:443",
				       text);
	if (addr6_is_illegal_source(&inside.addr))
		return g_strdup_printf("%s: no host can have this address", text);
	for (int i = 0; i < NAT64_POOL6_MAX; i++) {
		if (nat64->pool6[i].len != 0 && prefix6_contains(&nat64->pool6[i], &inside.addr))
			return g_strdup_printf("%s lies inside %s of Translation.Pool6", text,
					       prefix6_print(&nat64->pool6[i], prefix));
	}
	*ret = inside;
	return NULL;
}

static char *set_outside(const char *text, struct taddr4 *ret)
{
	struct taddr4 outside;

	if (!taddr4_parse(text, &outside))
		return g_strdup_printf("'%s' is not an IPv4 address with a port, such as "
				       "192.0.2.2:443",
				       text);
	if (addr4_is_illegal(outside.addr))
		return g_strdup_printf("%s: no host can have this address", text);
	*ret = outside;
	return NULL;
}

char *config_object_set(const struct config_key *key, const char *text, struct config *config,
			void *base)
{
	void *field = (char *)base + key->offset;

	switch ((int)key->type) {
	case CONFIG_ADDRESSES:
		return set_addresses(text, base);
	case CONFIG_PORTS:
		return set_ports(text, base);
	case CONFIG_PROTOCOLS:
		return set_protocols(text, field);
	case CONFIG_ENTRY_CLIENTS:
		return set_entry_clients(text, &((struct config_pool4 *)base)->spec);
	case CONFIG_ENTRY_PREFIX:
		return set_entry_prefix(text, &config->nat64, &((struct config_pool4 *)base)->spec);
	case CONFIG_COMMENT:
		return set_comment(key, text, field);
	case CONFIG_ENABLED:
		return check_enabled(text);
	case CONFIG_INSIDE:
		return set_inside(text, &config->nat64, field);
	case CONFIG_OUTSIDE:
		return set_outside(text, field);
	}
	g_assert_not_reached();
}
