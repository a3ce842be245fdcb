/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tayga.conf: a keyword and its values on each line. TAYGA maps an IPv6 address to an IPv4 address
 * of its own, mostly private, and leaves the sharing of public ones to the kernel's NAT44; nat64d
 * does both at once. See ctl_import.h.
 */
#include <stdio.h>
#include <string.h>

#include "daemon/core/addr.h"
#include "tools/ctl_import.h"

#define WORDS_MAX 3

struct tayga {
	struct import *import;
	unsigned line;
	unsigned n_maps;
	bool has_prefix;
	GString *pool6;
};

/* RFC 1918, RFC 6598, RFC 3927, RFC 6890 and RFC 2544: an address there means that NAT44 follows.
 */
static bool is_private(const struct prefix4 *prefix)
{
	static const char *const privates[] = {
		"10.0.0.0/8",     "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10",
		"169.254.0.0/16", "192.0.0.0/24",  "198.18.0.0/15",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(privates); i++) {
		struct prefix4 other;

		if (prefix4_parse(privates[i], &other) && prefix4_contains(&other, prefix->addr))
			return true;
	}
	return false;
}

static bool is_true(const char *word)
{
	return g_ascii_strcasecmp(word, "true") == 0 || g_ascii_strcasecmp(word, "on") == 0 ||
	       g_ascii_strcasecmp(word, "yes") == 0 || strcmp(word, "1") == 0;
}

static bool is_false(const char *word)
{
	return g_ascii_strcasecmp(word, "false") == 0 || g_ascii_strcasecmp(word, "off") == 0 ||
	       g_ascii_strcasecmp(word, "no") == 0 || strcmp(word, "0") == 0;
}

static void on_prefix(struct tayga *tayga, char **words)
{
	struct prefix6 prefix;

	if (!prefix6_parse(words[1], &prefix)) {
		import_note(tayga->import, "line %u, prefix %s: that is no IPv6 prefix",
			    tayga->line, words[1]);
		return;
	}
	tayga->has_prefix = true;
	g_string_append_printf(tayga->pool6, "%s%s", tayga->pool6->len > 0 ? " " : "", words[1]);
}

static void on_dynamic_pool(struct tayga *tayga, char **words)
{
	struct prefix4 prefix;

	if (!prefix4_parse(words[1], &prefix)) {
		import_note(tayga->import, "line %u, dynamic-pool %s: that is no IPv4 prefix",
			    tayga->line, words[1]);
	} else if (is_private(&prefix)) {
		import_note(tayga->import,
			    "dynamic-pool %s: it is private; nat64d uses an address of the host's "
			    "own (entry auto), and the NAT44 behind TAYGA is to go",
			    words[1]);
	} else {
		import_object(tayga->import, "Pool4 dynamic");
		import_key(tayga->import, "Pool4 dynamic", "Addresses", words[1], "dynamic-pool");
	}
}

/* An address of its own for a client, or a block of them for a block of clients. */
static void on_map(struct tayga *tayga, char **words)
{
	g_autofree char *section = NULL;
	struct prefix4 prefix4;
	struct prefix6 prefix6;

	if (words[2] == NULL || !prefix4_parse(words[1], &prefix4) ||
	    !prefix6_parse(words[2], &prefix6)) {
		import_note(tayga->import,
			    "line %u, map %s %s: it takes an IPv4 and an IPv6 address or prefix",
			    tayga->line, words[1], words[2] != NULL ? words[2] : "");
		return;
	}
	if (is_private(&prefix4)) {
		import_note(tayga->import,
			    "map %s %s: it is private; 'nat64ctl publish PORTS/PROTOCOLS %s' lets "
			    "the IPv4 side reach that host by a public address",
			    words[1], words[2], words[2]);
		return;
	}
	section = g_strdup_printf("Pool4 map%u", ++tayga->n_maps);
	import_object(tayga->import, section);
	import_key(tayga->import, section, "Addresses", words[1], "map");
	import_key(tayga->import, section, "Clients", words[2], "map");
	if (prefix4.len == 32)
		import_note(
			tayga->import,
			"map %s %s: [%s] gives that client this address; the IPv4 side opens "
			"connections to it by 'nat64ctl publish PORTS/PROTOCOLS %s --on %s' only",
			words[1], words[2], section, words[2], words[1]);
	else
		import_note(tayga->import,
			    "map %s %s: [%s] gives these clients these addresses, but not each its "
			    "own; 'nat64ctl publish' lets the IPv4 side reach single ones",
			    words[1], words[2], section);
}

static void on_checksum(struct tayga *tayga, char **words)
{
	if (g_ascii_strncasecmp(words[1], "dr", 2) == 0)
		import_key(tayga->import, "Translation", "DropZeroUDPChecksum", "yes",
			   "udp-cksum-mode");
	else if (g_ascii_strncasecmp(words[1], "calc", 4) != 0)
		import_note(tayga->import,
			    "udp-cksum-mode %s: a checksum is computed (RFC 7915, 4.5), or "
			    "Translation.DropZeroUDPChecksum=yes drops the packet",
			    words[1]);
}

static void on_strict(struct tayga *tayga, char **words)
{
	if (is_false(words[1]))
		import_key(tayga->import, "Translation", "AllowNonGlobal", "yes", "wkpf-strict");
	else if (!is_true(words[1]))
		import_note(tayga->import, "line %u, wkpf-strict %s: it is yes or no", tayga->line,
			    words[1]);
}

/* What means nothing here, with the reason; or with what to do about it. */
static const struct {
	const char *word;
	void (*run)(struct tayga *tayga, char **words);
	const char *why;
} directives[] = {
	{"prefix", on_prefix, NULL},
	{"dynamic-pool", on_dynamic_pool, NULL},
	{"map", on_map, NULL},
	{"udp-cksum-mode", on_checksum, NULL},
	{"wkpf-strict", on_strict, NULL},
	{"tun-device", NULL, "nat64d needs no interface: it takes packets by rules of its own"},
	{"tun-up", NULL, "nat64d needs no interface"},
	{"tun-ip", NULL, "nat64d needs no interface"},
	{"tun-route", NULL, "nat64d needs no interface, nor routes to it"},
	{"ipv4-addr", NULL, "errors come from an address of the host's own"},
	{"ipv6-addr", NULL, "errors come from an address of the host's own"},
	{"data-dir", NULL, "the state database is nat64d's own; mappings of TAYGA's are not read"},
	{"map-file", NULL, "maps in other files are not read: put them into this one"},
	{"strict-frag-hdr", NULL, "fragment headers are as RFC 7915 has them"},
	{"offlink-mtu", NULL, "the MTU is that of the routes"},
	{"log", NULL, "Log.Bindings=yes logs bindings; 'nat64ctl monitor' shows drops"},
};

static void on_line(struct tayga *tayga, char *line)
{
	g_auto(GStrv) all = NULL;
	char *words[WORDS_MAX + 1] = {NULL};
	unsigned n = 0;

	line[strcspn(line, "#")] = '\0';
	all = g_strsplit_set(line, " \t\r\v\f", -1);
	for (char **word = all; *word != NULL && n < WORDS_MAX; word++) {
		if (**word != '\0')
			words[n++] = *word;
	}
	if (n == 0)
		return;
	for (size_t i = 0; i < G_N_ELEMENTS(directives); i++) {
		if (strcmp(words[0], directives[i].word) != 0)
			continue;
		if (directives[i].run == NULL)
			import_note(tayga->import, "%s %s: %s", words[0],
				    words[1] != NULL ? words[1] : "", directives[i].why);
		else if (words[1] == NULL)
			import_note(tayga->import, "line %u, %s: it has no value", tayga->line,
				    words[0]);
		else
			directives[i].run(tayga, words);
		return;
	}
	import_note(tayga->import, "line %u, %s: TAYGA has no such keyword", tayga->line, words[0]);
}

char *import_tayga(struct import *import, const char *text, size_t size)
{
	struct tayga tayga = {.import = import, .pool6 = g_string_new(NULL)};
	g_auto(GStrv) lines = NULL;
	char *problem = NULL;

	if (memchr(text, '\0', size) != NULL) {
		g_string_free(tayga.pool6, TRUE);
		return g_strdup("that is no text, as tayga.conf is");
	}
	lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line != NULL; line++) {
		tayga.line++;
		on_line(&tayga, *line);
	}
	if (tayga.has_prefix)
		import_key(import, "Translation", "Pool6", tayga.pool6->str, "prefix");
	else
		problem =
			g_strdup("it says no prefix; without one TAYGA only maps single addresses, "
				 "and is no NAT64");
	g_string_free(tayga.pool6, TRUE);
	return problem;
}
