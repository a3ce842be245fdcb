/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file of NAT64 Jool, as "jool file handle" reads it: JSON, with the keys of its manual. See
 * ctl_import.h.
 */
#include <jansson.h>
#include <string.h>

#include "daemon/config_value.h"
#include "daemon/core/addr.h"
#include "daemon/core/pool4_text.h"
#include "tools/ctl_import.h"

#define TCP  1u
#define UDP  2u
#define ICMP 4u

/* Of every object: people's. */
#define COMMENT "comment"

/* A value as text: strings, whole numbers and booleans. NULL: it is something else. g_free() */
static char *text_of(const json_t *value)
{
	if (json_is_string(value))
		return g_strdup(json_string_value(value));
	if (json_is_integer(value))
		return g_strdup_printf("%lld", (long long)json_integer_value(value));
	if (json_is_boolean(value))
		return g_strdup(json_is_true(value) ? "true" : "false");
	return NULL;
}

/* "[[HH:]MM:]SS[.mmm]" as nat64d writes times. NULL: it is none. g_free() */
static char *time_of(const char *text)
{
	g_auto(GStrv) parts = g_strsplit(text, ":", -1);
	guint n = g_strv_length(parts);
	char printed[CONFIG_DURATION_TEXT_SIZE];
	double ms = 0;

	if (n < 1 || n > 3)
		return NULL;
	for (guint i = 0; i < n; i++) {
		size_t digits = strspn(parts[i], "0123456789");
		size_t rest = parts[i][digits] == '.' && i + 1 == n
				      ? 1 + strspn(parts[i] + digits + 1, "0123456789")
				      : 0;

		if (digits == 0 || digits > 9 || parts[i][digits + rest] != '\0')
			return NULL;
		ms = ms * 60 + g_ascii_strtod(parts[i], NULL) * 1000;
	}
	return g_strdup(config_duration_print((uint64_t)ms, printed));
}

enum kind {
	AS_IT_IS,
	TIME,
	IF_TRUE,  /* value, if theirs is true */
	IF_FALSE, /* the same, if it is false */
	DEFAULT,  /* nothing is lost if it has this value, and else it is */
	DROPPED,  /* means nothing here */
};

static const struct global {
	const char *name;
	enum kind kind;
	const char *section, *key;
	const char *value; /* ours; or that of theirs with which nothing is lost */
	const char *why;   /* it is dropped */
} globals[] = {
	{"pool6", AS_IT_IS, "Translation", "Pool6", NULL, NULL},
	{"lowest-ipv6-mtu", AS_IT_IS, "Translation", "LowestIPv6MTU", NULL, NULL},
	{"zeroize-traffic-class", IF_TRUE, "Translation", "TrafficClass", "zero", NULL},
	{"address-dependent-filtering", IF_TRUE, "Translation", "Filtering", "address-dependent",
	 NULL},
	{"drop-externally-initiated-tcp", IF_TRUE, "Translation", "ExternalTCP", "no", NULL},
	{"source-icmpv6-errors-better", IF_FALSE, "Translation", "ErrorSource", "server", NULL},
	{"udp-timeout", TIME, "Timeouts", "UDP", NULL, NULL},
	{"tcp-est-timeout", TIME, "Timeouts", "TCPEstablished", NULL, NULL},
	{"tcp-trans-timeout", TIME, "Timeouts", "TCPTransitory", NULL, NULL},
	{"icmp-timeout", TIME, "Timeouts", "ICMP", NULL, NULL},
	{"fragment-arrival-timeout", TIME, "Timeouts", "Fragment", NULL, NULL},
	{"maximum-simultaneous-opens", AS_IT_IS, "Limits", "StoredSYNs", NULL, NULL},
	{"logging-bib", IF_TRUE, "Log", "Bindings", "yes", NULL},
	{"logging-session", IF_TRUE, "Log", "Destinations", "yes", NULL},
	{"manually-enabled", DEFAULT, NULL, NULL, "true",
	 "nat64d translates while it runs: 'nat64ctl drain' or 'systemctl disable nat64d' stops "
	 "it"},
	{"drop-icmpv6-info", DEFAULT, NULL, NULL, "false",
	 "pings are translated; an entry of pool4 without icmp in Protocols= would stop them"},
	{"handle-rst-during-fin-rcv", DEFAULT, NULL, NULL, "false",
	 "states of TCP are those of RFC 6146"},
	{"amend-udp-checksum-zero", DEFAULT, NULL, NULL, "true",
	 "Translation.DropZeroUDPChecksum=yes would drop them"},
	{"ss-enabled", DEFAULT, NULL, NULL, "false",
	 "sessions are not sent to another machine; 'nat64ctl snapshot' and 'restore' move them"},
	{"logging-debug", DEFAULT, NULL, NULL, "false",
	 "'nat64ctl log-level' and 'nat64ctl trace' show more"},
	{"trace", DEFAULT, NULL, NULL, "false", "'nat64ctl trace' shows packets"},
	{"mtu-plateaus", DROPPED, NULL, NULL, NULL, "the plateaus of RFC 1191 are built in"},
	{"f-args", DROPPED, NULL, NULL, NULL, "ports are chosen at random (RFC 6056)"},
};

/* Of session synchronisation; without that they mean nothing. */
static bool is_of_sync(const char *name)
{
	return g_str_has_prefix(name, "ss-");
}

/* A session names its binding here, so that Log.Destinations says nothing without Log.Bindings,
 * which logging-bib may have brought already. */
static void import_logging(struct import *import, const json_t *object)
{
	if (json_is_true(json_object_get(object, "logging-session")) &&
	    !json_is_true(json_object_get(object, "logging-bib")))
		import_key(import, "Log", "Bindings", "yes", "logging-session");
}

/* They belong to one setting here. */
static void import_tos(struct import *import, const json_t *object)
{
	g_autofree char *tos = NULL;

	if (!json_is_true(json_object_get(object, "override-tos")))
		return;
	tos = text_of(json_object_get(object, "tos"));
	import_key(import, "Translation", "TypeOfService", tos != NULL ? tos : "0", "tos");
}

static void import_global(struct import *import, const struct global *global, const char *text)
{
	g_autofree char *time = NULL;

	switch (global->kind) {
	case AS_IT_IS:
		import_key(import, global->section, global->key, text, global->name);
		break;
	case TIME:
		time = time_of(text);
		if (time == NULL)
			import_note(import, "%s %s: that is no time such as 0:05:00", global->name,
				    text);
		else
			import_key(import, global->section, global->key, time, global->name);
		break;
	case IF_TRUE:
	case IF_FALSE:
		if (strcmp(text, global->kind == IF_TRUE ? "true" : "false") == 0)
			import_key(import, global->section, global->key, global->value,
				   global->name);
		else if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
			import_note(import, "%s %s: it is true or false", global->name, text);
		break;
	case DEFAULT:
		if (strcmp(text, global->value) != 0)
			import_note(import, "%s %s: %s", global->name, text, global->why);
		break;
	case DROPPED:
		import_note(import, "%s: %s", global->name, global->why);
		break;
	}
}

static void import_globals(struct import *import, json_t *object)
{
	const char *name;
	json_t *value;

	json_object_foreach(object, name, value)
	{
		const struct global *global = NULL;
		g_autofree char *text = text_of(value);

		if (strcmp(name, COMMENT) == 0 || strcmp(name, "override-tos") == 0 ||
		    strcmp(name, "tos") == 0 || json_is_null(value))
			continue;
		for (size_t i = 0; i < G_N_ELEMENTS(globals); i++) {
			if (strcmp(globals[i].name, name) == 0)
				global = &globals[i];
		}
		if (global != NULL && (text != NULL || global->kind == DROPPED))
			import_global(import, global, text);
		else if (global != NULL)
			import_note(import, "%s: it has no value that can be read", name);
		else if (!is_of_sync(name))
			import_note(import, "%s: NAT64 Jool has no such key", name);
	}
	import_tos(import, object);
	import_logging(import, object);
}

/* Rows of their pool4 that are one entry here. */
struct group {
	char *addresses;
	char *ports; /* "": theirs has none */
	unsigned protocols;
};

static void group_free(gpointer data)
{
	struct group *group = data;

	g_free(group->addresses);
	g_free(group->ports);
	g_free(group);
}

static unsigned protocol_of(const json_t *value)
{
	const char *text = json_string_value(value);

	if (text == NULL)
		return 0;
	return g_ascii_strcasecmp(text, "TCP") == 0    ? TCP
	       : g_ascii_strcasecmp(text, "UDP") == 0  ? UDP
	       : g_ascii_strcasecmp(text, "ICMP") == 0 ? ICMP
						       : 0;
}

static char *protocols_text(unsigned protocols)
{
	g_autofree char *text =
		g_strconcat(protocols & TCP ? "tcp " : "", protocols & UDP ? "udp " : "",
			    protocols & ICMP ? "icmp" : "", NULL);

	return g_strdup(g_strchomp(text));
}

/* What three of a group's facts have in common with another's: the key by which they merge. */
enum by { BY_PROTOCOLS, BY_PORTS, BY_ADDRESSES };

static char *key_of(const struct group *group, enum by by)
{
	switch (by) {
	case BY_PROTOCOLS:
		return g_strdup_printf("%s|%s", group->addresses, group->ports);
	case BY_PORTS:
		return g_strdup_printf("%s|%u", group->addresses, group->protocols);
	case BY_ADDRESSES:
		break;
	}
	return g_strdup_printf("%s|%u", group->ports, group->protocols);
}

/* Takes text's place. */
static void join(char **text, const char *more)
{
	char *joined = g_strconcat(*text, " ", more, NULL);

	g_free(*text);
	*text = joined;
}

/* Groups that differ in one thing only become one. */
static GPtrArray *merge(GPtrArray *groups, enum by by)
{
	GPtrArray *merged = g_ptr_array_new_with_free_func(group_free);
	g_autoptr(GHashTable) known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (guint i = 0; i < groups->len; i++) {
		struct group *group = g_ptr_array_index(groups, i);
		g_autofree char *key = key_of(group, by);
		struct group *first = g_hash_table_lookup(known, key);

		/* All ports are all already. */
		if (first == NULL ||
		    (by == BY_PORTS && (*group->ports == '\0' || *first->ports == '\0'))) {
			struct group *copy = g_new0(struct group, 1);

			*copy = (struct group){g_strdup(group->addresses), g_strdup(group->ports),
					       group->protocols};
			g_ptr_array_add(merged, copy);
			g_hash_table_replace(known, g_steal_pointer(&key), copy);
		} else if (by == BY_PROTOCOLS) {
			first->protocols |= group->protocols;
		} else if (by == BY_PORTS) {
			join(&first->ports, group->ports);
		} else {
			join(&first->addresses, group->addresses);
		}
	}
	g_ptr_array_unref(groups);
	return merged;
}

/* NULL, and a note, if it is not a row. */
static struct group *read_row(struct import *import, const json_t *row, size_t number)
{
	const json_t *mark = json_object_get(row, "mark");
	g_autofree char *ports = text_of(json_object_get(row, "port range"));
	const char *prefix = json_string_value(json_object_get(row, "prefix"));
	unsigned protocol = protocol_of(json_object_get(row, "protocol"));
	char error[POOL4_TEXT_ERROR_SIZE];
	struct pool4_text parsed;
	struct port_ranges ranges = {.n_ranges = 0};
	const char *problem;
	struct group *group;

	if (prefix == NULL || protocol == 0) {
		import_note(import,
			    "pool4, row %zu: it has no prefix, or no protocol TCP, UDP or ICMP",
			    number);
		return NULL;
	}
	if (json_is_integer(mark) && json_integer_value(mark) != 0) {
		import_note(import,
			    "pool4, row %zu, %s for packets with mark %lld: marks choose nothing "
			    "here; an entry with Clients= is for some clients only",
			    number, prefix, (long long)json_integer_value(mark));
		return NULL;
	}
	problem = pool4_text_parse(prefix, &parsed, error);
	if (problem != NULL || parsed.n_interfaces > 0 || strpbrk(prefix, " ,-") != NULL) {
		import_note(import, "pool4, row %zu: %s", number,
			    problem != NULL ? problem : "its prefix is no IPv4 prefix");
		if (problem == NULL)
			pool4_text_deinit(&parsed);
		return NULL;
	}
	pool4_text_deinit(&parsed);
	/* Zero is an identifier of ICMP, which is never used here. */
	if (ports != NULL && g_str_has_prefix(ports, "0-"))
		ports[0] = '1';
	problem = ports != NULL ? port_ranges_parse(ports, &ranges, error, sizeof(error)) : NULL;
	if (problem != NULL) {
		import_note(import, "pool4, row %zu, %s: %s", number, prefix, problem);
		return NULL;
	}
	group = g_new0(struct group, 1);
	*group = (struct group){g_strdup(prefix),
				ports != NULL ? g_steal_pointer(&ports) : g_strdup(""), protocol};
	return group;
}

static void import_pool4(struct import *import, const json_t *rows)
{
	GPtrArray *groups = g_ptr_array_new_with_free_func(group_free);
	bool any_iterations = false;
	size_t i;
	json_t *row;

	json_array_foreach(rows, i, row)
	{
		struct group *group = read_row(import, row, i + 1);

		if (group != NULL)
			g_ptr_array_add(groups, group);
		any_iterations = any_iterations || json_object_get(row, "max-iterations") != NULL;
	}
	groups = merge(merge(merge(groups, BY_PROTOCOLS), BY_PORTS), BY_ADDRESSES);
	for (guint j = 0; j < groups->len; j++) {
		const struct group *group = g_ptr_array_index(groups, j);
		g_autofree char *section = g_strdup_printf("Pool4 p%u", j + 1);
		g_autofree char *protocols = protocols_text(group->protocols);

		import_object(import, section);
		import_key(import, section, "Addresses", group->addresses, "pool4");
		if (*group->ports != '\0')
			import_key(import, section, "Ports", group->ports, "pool4");
		if (group->protocols != (TCP | UDP | ICMP))
			import_key(import, section, "Protocols", protocols, "pool4");
	}
	if (any_iterations)
		import_note(import,
			    "max-iterations: finding a free port takes the same time always");
	if (groups->len == 0 && json_array_size(rows) > 0)
		import_note(import,
			    "pool4: none of its rows could be taken; without any, nat64d uses an "
			    "address of the host's own (entry auto)");
	else if (groups->len == 0)
		import_note(import, "pool4 is empty: as Jool, nat64d then uses an address of the "
				    "host's own, and ports that no program of the host uses (entry "
				    "auto)");
	g_ptr_array_unref(groups);
}

static void import_bib(struct import *import, const json_t *rows)
{
	g_autoptr(GHashTable) known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	GPtrArray *groups = g_ptr_array_new_with_free_func(group_free);
	size_t i;
	json_t *row;

	json_array_foreach(rows, i, row)
	{
		const char *inside = json_string_value(json_object_get(row, "ipv6 address"));
		const char *outside = json_string_value(json_object_get(row, "ipv4 address"));
		unsigned protocol = protocol_of(json_object_get(row, "protocol"));
		char text6[ADDR_TEXT_SIZE], text4[ADDR_TEXT_SIZE];
		struct taddr6 addr6;
		struct taddr4 addr4;
		struct group *group;
		char *key;

		if (inside == NULL || outside == NULL || protocol == 0 ||
		    !taddr6_parse(inside, &addr6) || !taddr4_parse(outside, &addr4)) {
			import_note(import,
				    "bib, row %zu: it takes a protocol, and addresses such as "
				    "2001:db8::1#80 and 192.0.2.1#80",
				    i + 1);
			continue;
		}
		(void)taddr6_print(&addr6, text6);
		(void)taddr4_print(&addr4, text4);
		key = g_strdup_printf("%s|%s", text6, text4);
		group = g_hash_table_lookup(known, key);
		if (group == NULL) {
			group = g_new0(struct group, 1);
			*group = (struct group){g_strdup(text6), g_strdup(text4), 0};
			g_ptr_array_add(groups, group);
			g_hash_table_insert(known, key, group);
		} else {
			g_free(key);
		}
		group->protocols |= protocol;
	}
	for (guint j = 0; j < groups->len; j++) {
		const struct group *group = g_ptr_array_index(groups, j);
		g_autofree char *section = g_strdup_printf("Static bib%u", j + 1);
		g_autofree char *protocols = protocols_text(group->protocols);

		import_object(import, section);
		import_key(import, section, "Protocols", protocols, "bib");
		import_key(import, section, "Inside", group->addresses, "bib");
		import_key(import, section, "Outside", group->ports, "bib");
	}
	g_ptr_array_unref(groups);
}

static void import_top(struct import *import, const char *name, json_t *value)
{
	g_autofree char *text = text_of(value);

	if (strcmp(name, "global") == 0 && json_is_object(value))
		import_globals(import, value);
	else if (strcmp(name, "pool6") == 0 && text != NULL)
		import_key(import, "Translation", "Pool6", text, "pool6");
	else if (strcmp(name, "bib") == 0 && json_is_array(value))
		import_bib(import, value);
	else if (strcmp(name, "instance") == 0 && g_strcmp0(text, "default") != 0)
		import_note(import,
			    "instance %s: nat64d --instance NAME runs several; its file is "
			    "/etc/nat64d/NAME.conf",
			    text != NULL ? text : "?");
	else if (strcmp(name, "framework") == 0 && g_strcmp0(text, "iptables") == 0)
		import_note(import,
			    "framework iptables: rules with -j JOOL are to go; nat64d makes "
			    "its own, for all that is sent to Pool6 and pool4");
	else if (strcmp(name, "instance") != 0 && strcmp(name, "framework") != 0 &&
		 strcmp(name, "pool4") != 0 && strcmp(name, COMMENT) != 0)
		import_note(import, "%s: NAT64 Jool has no such section", name);
}

char *import_jool(struct import *import, const char *text, size_t size)
{
	json_error_t error;
	json_t *document = json_loadb(text, size, 0, &error);
	json_t *value;
	const char *name;
	char *problem = NULL;

	if (document == NULL)
		return g_strdup_printf("line %d: that is no JSON, as Jool's file is: %s",
				       error.line, error.text);
	if (!json_is_object(document)) {
		problem = g_strdup("that is no file of Jool's: it has no object");
	} else if (json_object_get(document, "eamt") != NULL ||
		   json_object_get(document, "denylist4") != NULL ||
		   json_object_get(document, "blacklist4") != NULL) {
		problem = g_strdup("that is a file of SIIT Jool, which translates without state; "
				   "nat64d is a stateful NAT64");
	} else if (json_object_get(document, "global") == NULL &&
		   json_object_get(document, "pool6") == NULL) {
		problem = g_strdup("that is no file of NAT64 Jool: it says no pool6");
	} else {
		json_object_foreach(document, name, value) import_top(import, name, value);
		import_pool4(import, json_object_get(document, "pool4"));
		import_note(import, "who may use it: Jool asks nobody; nat64d looks at "
				    "Translation.Clients");
	}
	json_decref(document);
	return problem;
}
