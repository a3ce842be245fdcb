/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Values that are lists and land in arrays of struct nat64_config: Pool6, clients, denied and
 * exempt prefixes, lifetimes by port, kinds of ICMP errors, and names of interfaces. See
 * config_value.h.
 *
 * A list is parsed whole before anything is written, and replaces what was there.
 */
#include <string.h>

#include "daemon/config_value.h"
#include "daemon/core/pool4_text.h"

char *config_prefix6_parse(const char *text, struct prefix6 *ret)
{
	char masked[ADDR_TEXT_SIZE];
	struct prefix6 prefix;

	if (!prefix6_parse(text, &prefix))
		return g_strdup_printf("'%s' is not an IPv6 prefix", text);
	if (prefix6_has_host_bits(&prefix)) {
		prefix.addr = addr6_mask(&prefix.addr, prefix.len);
		return g_strdup_printf("%s has host bits set: did you mean %s?", text,
				       prefix6_print(&prefix, masked));
	}
	*ret = prefix;
	return NULL;
}

static char *prefix4_of_text(const char *text, struct prefix4 *ret)
{
	char masked[ADDR_TEXT_SIZE];
	struct prefix4 prefix;

	if (!prefix4_parse(text, &prefix))
		return g_strdup_printf("'%s' is not an IPv4 prefix", text);
	if (prefix4_has_host_bits(&prefix)) {
		prefix.addr = prefix4_first(&prefix);
		return g_strdup_printf("%s has host bits set: did you mean %s?", text,
				       prefix4_print(&prefix, masked));
	}
	*ret = prefix;
	return NULL;
}

static char *too_many(uint32_t max)
{
	return g_strdup_printf("more than %" G_GUINT32_FORMAT " of them", max);
}

/* The places behind the last used one have length 0, which means free. */
static char *set_pool6(const struct config_key *key, char **words, struct nat64_config *nat64)
{
	struct prefix6 pool6[NAT64_POOL6_MAX] = {{.len = 0}};
	uint32_t n = g_strv_length(words);

	if (n == 0)
		return g_strdup("at least one prefix is needed");
	if (n > NAT64_POOL6_MAX)
		return too_many(NAT64_POOL6_MAX);
	for (uint32_t i = 0; i < n; i++) {
		const char *why;

		if (!prefix6_parse(words[i], &pool6[i]))
			return g_strdup_printf("'%s' is not an IPv6 prefix", words[i]);
		why = rfc6052_prefix_problem(&pool6[i]);
		if (why != NULL)
			return g_strdup_printf("%s: %s (%s)", words[i], why, key->bound);
		for (uint32_t j = 0; j < i; j++) {
			if (prefix6_overlaps(&pool6[i], &pool6[j]))
				return g_strdup_printf("%s overlaps %s", words[i], words[j]);
		}
	}
	memcpy(nat64->pool6, pool6, sizeof(pool6));
	return NULL;
}

/* All words into an array of IPv4 or IPv6 prefixes. */
static char *parse_prefixes4(char **words, struct prefix4 *ret, uint32_t *ret_n)
{
	struct prefix4 prefix[NAT64_PREFIXES_MAX];
	uint32_t n = 0;

	for (; words[n] != NULL; n++) {
		char *problem;

		if (n == NAT64_PREFIXES_MAX)
			return too_many(NAT64_PREFIXES_MAX);
		problem = prefix4_of_text(words[n], &prefix[n]);
		if (problem != NULL)
			return problem;
	}
	memcpy(ret, prefix, n * sizeof(*prefix));
	*ret_n = n;
	return NULL;
}

static char *parse_prefixes6(char **words, struct prefix6 *ret, uint32_t *ret_n)
{
	struct prefix6 prefix[NAT64_PREFIXES_MAX];
	uint32_t n = 0;

	for (; words[n] != NULL; n++) {
		char *problem;

		if (n == NAT64_PREFIXES_MAX)
			return too_many(NAT64_PREFIXES_MAX);
		problem = config_prefix6_parse(words[n], &prefix[n]);
		if (problem != NULL)
			return problem;
	}
	memcpy(ret, prefix, n * sizeof(*prefix));
	*ret_n = n;
	return NULL;
}

/* Takes a keyword out of the list; true if it was there. */
static bool take_word(char **words, const char *word)
{
	bool found = false;
	unsigned n = 0;

	for (unsigned i = 0; words[i] != NULL; i++) {
		if (strcmp(words[i], word) == 0) {
			g_free(words[i]);
			found = true;
		} else {
			words[n++] = words[i];
		}
	}
	words[n] = NULL;
	return found;
}

static char *set_nonglobal(char **words, struct nat64_config *nat64)
{
	bool yes = take_word(words, "yes");
	bool no = take_word(words, "no");
	char *problem;

	if (yes + no + (words[0] != NULL) != 1)
		return g_strdup("either no, or yes, or prefixes");
	problem = parse_prefixes4(words, nat64->nonglobal, &nat64->n_nonglobal);
	if (problem == NULL)
		nat64->any_nonglobal = yes;
	return problem;
}

static char *set_clients(char **words, struct nat64_config *nat64)
{
	bool any = take_word(words, "any");
	bool automatic = take_word(words, "auto");
	char *problem;

	if (any && (automatic || words[0] != NULL))
		return g_strdup("'any' stands alone");
	problem = parse_prefixes6(words, nat64->clients, &nat64->n_clients);
	if (problem == NULL) {
		nat64->clients_any = any;
		nat64->clients_auto = automatic;
	}
	return problem;
}

/* RFC 1918 and RFC 6598. */
static const struct prefix4 private_prefixes[] = {
	{0x0a000000, 8},
	{0xac100000, 12},
	{0xc0a80000, 16},
	{0x64400000, 10},
};

static char *set_deny(char **words, struct nat64_config *nat64)
{
	bool own = take_word(words, "own");
	bool private = take_word(words, "private");
	char *problem;

	if (private && g_strv_length(words) + G_N_ELEMENTS(private_prefixes) > NAT64_PREFIXES_MAX)
		return too_many(NAT64_PREFIXES_MAX - G_N_ELEMENTS(private_prefixes));
	problem = parse_prefixes4(words, nat64->deny, &nat64->n_deny);
	if (problem != NULL)
		return problem;
	nat64->deny_own = own;
	for (unsigned i = 0; private && i < G_N_ELEMENTS(private_prefixes); i++)
		nat64->deny[nat64->n_deny++] = private_prefixes[i];
	return NULL;
}

/* Both families in one list: a word with a colon is IPv6. */
static char *set_exempt(char **words, struct nat64_config *nat64)
{
	g_autofree char **words4 = g_new0(char *, g_strv_length(words) + 1);
	g_autofree char **words6 = g_new0(char *, g_strv_length(words) + 1);
	struct prefix4 exempt4[NAT64_PREFIXES_MAX];
	unsigned n4 = 0, n6 = 0;
	uint32_t n_exempt4;
	char *problem;

	for (unsigned i = 0; words[i] != NULL; i++) {
		if (strchr(words[i], ':') != NULL)
			words6[n6++] = words[i];
		else
			words4[n4++] = words[i];
	}
	problem = parse_prefixes4(words4, exempt4, &n_exempt4);
	if (problem == NULL)
		problem = parse_prefixes6(words6, nat64->exempt6, &nat64->n_exempt6);
	if (problem != NULL)
		return problem;
	memcpy(nat64->exempt4, exempt4, n_exempt4 * sizeof(*exempt4));
	nat64->n_exempt4 = n_exempt4;
	return NULL;
}

/* PROTOCOL:PORTS[@PREFIX] */
static char *parse_exempt_ports(const char *word, struct exempt_ports *ret)
{
	g_auto(GStrv) sides = g_strsplit(word, "@", 2);
	g_auto(GStrv) what = g_strsplit(sides[0], ":", 2);
	char error[POOL4_TEXT_ERROR_SIZE];
	struct port_ranges ports;
	const char *problem;

	*ret = (struct exempt_ports){.protocol = PROTOCOL_TCP};
	if (g_strv_length(what) != 2 || !protocol_parse(what[0], &ret->protocol) ||
	    ret->protocol == PROTOCOL_ICMP)
		return g_strdup_printf("'%s' is not tcp:PORTS or udp:PORTS", word);
	problem = port_ranges_parse(what[1], &ports, error, sizeof(error));
	if (problem != NULL)
		return g_strdup(problem);
	if (ports.n_ranges != 1)
		return g_strdup_printf("'%s' is not one range of ports", what[1]);
	ret->first = ports.range[0].first;
	ret->last = ports.range[0].last;
	return sides[1] != NULL ? prefix4_of_text(sides[1], &ret->servers) : NULL;
}

static char *set_exempt_ports(char **words, struct nat64_config *nat64)
{
	struct exempt_ports exempt[NAT64_PREFIXES_MAX];
	uint32_t n = 0;

	for (; words[n] != NULL; n++) {
		char *problem;

		if (n == NAT64_PREFIXES_MAX)
			return too_many(NAT64_PREFIXES_MAX);
		problem = parse_exempt_ports(words[n], &exempt[n]);
		if (problem != NULL)
			return problem;
	}
	memcpy(nat64->exempt_ports, exempt, n * sizeof(*exempt));
	nat64->n_exempt_ports = n;
	return NULL;
}

/* PORT:TIME of a well-known destination port; the key's bounds are those of the time (K-1). */
static char *parse_port_lifetime(const struct config_key *key, char *word,
				 struct port_lifetime *ret)
{
	char *colon = strchr(word, ':');
	uint64_t port, lifetime_ms;

	if (colon == NULL)
		return g_strdup_printf("'%s' is not PORT:TIME", word);
	*colon = '\0';
	if (!config_number_parse(word, &port) || port > 1023)
		return g_strdup_printf("'%s' is not a destination port from 0 to 1023 "
				       "(RFC 4787, REQ-5)",
				       word);
	if (!config_duration_parse(colon + 1, &lifetime_ms))
		return g_strdup_printf("'%s' is not a time", colon + 1);
	if (lifetime_ms < key->min || lifetime_ms > key->max)
		return g_strdup_printf("%s is not between 1s and 30d", colon + 1);
	*ret = (struct port_lifetime){(uint16_t)port, (uint32_t)lifetime_ms};
	return NULL;
}

static char *set_udp_by_port(const struct config_key *key, char **words, struct nat64_config *nat64)
{
	struct port_lifetime by_port[NAT64_PORT_LIFETIMES_MAX];
	uint32_t n = 0;

	for (; words[n] != NULL; n++) {
		char *problem;

		if (n == NAT64_PORT_LIFETIMES_MAX)
			return too_many(NAT64_PORT_LIFETIMES_MAX);
		problem = parse_port_lifetime(key, words[n], &by_port[n]);
		if (problem != NULL)
			return problem;
		for (uint32_t i = 0; i < n; i++) {
			if (by_port[i].port == by_port[n].port)
				return g_strdup_printf("port %s stands there twice", words[n]);
		}
	}
	memcpy(nat64->udp_by_port, by_port, n * sizeof(*by_port));
	nat64->n_udp_by_port = n;
	return NULL;
}

static char *set_deny_source(char **words, struct nat64_config *nat64)
{
	return parse_prefixes4(words, nat64->deny_source, &nat64->n_deny_source);
}

/* I-31. OUTCOME:WORD, where the outcome has an ICMP error. */
static char *parse_answering(char *word, uint8_t answering[N_OUTCOMES])
{
	static const char *const names[] = {
		[ANSWERING_NO] = "no",
		[ANSWERING_LIMITED] = "limited",
		[ANSWERING_UNLIMITED] = "unlimited",
	};
	char *colon = strchr(word, ':');
	enum outcome outcome;

	if (colon == NULL)
		return g_strdup_printf("'%s' is not OUTCOME:no, :limited or :unlimited", word);
	*colon = '\0';
	outcome = outcome_parse(word);
	if (outcome == N_OUTCOMES)
		return g_strdup_printf("'%s' is not an outcome of 'nat64ctl stats --all'", word);
	if (!outcome_info(outcome)->answer6.sent && !outcome_info(outcome)->answer4.sent)
		return g_strdup_printf("%s has no ICMP error", word);
	if (answering[outcome] != ANSWERING_DEFAULT)
		return g_strdup_printf("%s stands there twice", word);
	for (uint8_t i = ANSWERING_NO; i < G_N_ELEMENTS(names); i++) {
		if (strcmp(colon + 1, names[i]) != 0)
			continue;
		answering[outcome] = i;
		return NULL;
	}
	return g_strdup_printf("'%s' is not no, limited or unlimited", colon + 1);
}

static char *set_answering(char **words, struct nat64_config *nat64)
{
	uint8_t answering[N_OUTCOMES] = {0};

	for (; *words != NULL; words++) {
		char *problem = parse_answering(*words, answering);
		if (problem != NULL)
			return problem;
	}
	memcpy(nat64->answering, answering, sizeof(answering));
	return NULL;
}

static char *interface_problem(char **words)
{
	for (; *words != NULL; words++) {
		if (strlen(*words) >= POOL4_TEXT_INTERFACE_SIZE || strchr(*words, '/') != NULL)
			return g_strdup_printf("'%s' is not the name of an interface", *words);
	}
	return NULL;
}

static char *set_interfaces(char **words, char ***field)
{
	char *problem = interface_problem(words);

	if (problem != NULL)
		return problem;
	g_strfreev(*field);
	*field = g_strdupv(words);
	return NULL;
}

static char *set_announce(char **words, struct config_announce *announce)
{
	bool none = take_word(words, "none");
	bool automatic = take_word(words, "auto");
	char *problem;

	if (none + automatic + (words[0] != NULL) != 1)
		return g_strdup("either none, or auto, or names of interfaces");
	problem = interface_problem(words);
	if (problem != NULL)
		return problem;
	g_strfreev(announce->interfaces);
	announce->interfaces = NULL;
	if (none || automatic) {
		announce->how = none ? CONFIG_ANNOUNCE_NONE : CONFIG_ANNOUNCE_AUTO;
	} else {
		announce->how = CONFIG_ANNOUNCE_LIST;
		announce->interfaces = g_strdupv(words);
	}
	return NULL;
}

char *config_list_set(const struct config_key *key, const char *text, struct config *config,
		      void *field)
{
	g_auto(GStrv) words = config_words(text);

	switch ((int)key->type) {
	case CONFIG_POOL6:
		return set_pool6(key, words, &config->nat64);
	case CONFIG_NONGLOBAL:
		return set_nonglobal(words, &config->nat64);
	case CONFIG_CLIENTS:
		return set_clients(words, &config->nat64);
	case CONFIG_DENY:
		return set_deny(words, &config->nat64);
	case CONFIG_DENY_SOURCE:
		return set_deny_source(words, &config->nat64);
	case CONFIG_EXEMPT:
		return set_exempt(words, &config->nat64);
	case CONFIG_EXEMPT_PORTS:
		return set_exempt_ports(words, &config->nat64);
	case CONFIG_UDP_BY_PORT:
		return set_udp_by_port(key, words, &config->nat64);
	case CONFIG_ANNOUNCE:
		return set_announce(words, field);
	case CONFIG_INTERFACES:
		return set_interfaces(words, field);
	case CONFIG_ANSWERING:
		return set_answering(words, &config->nat64);
	}
	g_assert_not_reached();
}
