/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nat64ctl dns64 and pref64: what belongs into the configuration of other programs so that clients
 * find the gateway, with the prefixes that it has now: DNS64 (RFC 6147) answers with addresses in a
 * prefix, PREF64 (RFC 8781) tells the prefix in router advertisements.
 */
#include <glib.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "tools/ctl_pool6.h"
#include "tools/ctl_verbs.h"

#define WELL_KNOWN_PREFIX "64:ff9b::/96"

static const struct snippet {
	const char *program; /* the action of the verb */
	const char *before;
	const char *prefix;     /* "@" stands for it */
	const char *well_known; /* of the well-known prefix instead, or NULL: the same */
	const char *after;
	bool only_one; /* it can not have more prefixes */
} snippets[] = {
	{
		.program = "unbound",
		.before = "# unbound.conf\n"
			  "server:\n"
			  "\tmodule-config: \"dns64 validator iterator\"\n",
		.prefix = "\tdns64-prefix: @\n",
		.after = "",
		.only_one = true,
	},
	{
		.program = "bind",
		.before = "// named.conf; AAAA records of IPv4-mapped addresses are of no use\n"
			  "options {\n",
		.prefix = "\tdns64 @ {\n"
			  "\t\tclients { any; };\n"
			  "\t\texclude { ::ffff:0:0/96; };\n"
			  "\t};\n",
		/* RFC 6052, 3.1: it must not represent addresses that are not global. */
		.well_known = "\tdns64 @ {\n"
			      "\t\tclients { any; };\n"
			      "\t\tmapped { !10.0.0.0/8; !100.64.0.0/10; !172.16.0.0/12;\n"
			      "\t\t\t!192.168.0.0/16; any; };\n"
			      "\t\texclude { ::ffff:0:0/96; };\n"
			      "\t};\n",
		.after = "};\n",
	},
	{
		.program = "coredns",
		.before = "# Corefile; queries that come over IPv6 are answered so\n"
			  ". {\n",
		.prefix = "\tdns64 @\n",
		.after = "\tforward . /etc/resolv.conf\n"
			 "}\n",
		.only_one = true,
	},
	{
		.program = "radvd",
		.before =
			"# radvd.conf, of radvd 2.20 or later; put your interface's name for lan0\n"
			"interface lan0 {\n"
			"\tAdvSendAdvert on;\n",
		.prefix = "\tnat64prefix @ {\n"
			  "\t\tAdvValidLifetime 1800;\n"
			  "\t};\n",
		.after = "};\n",
	},
	{
		.program = "networkd",
		.before = "# In the .network file of the clients' side, of systemd 255 or later\n"
			  "[Network]\n"
			  "IPv6SendRA=yes\n",
		.prefix = "\n"
			  "[IPv6PREF64Prefix]\n"
			  "Prefix=@\n"
			  "LifetimeSec=1800\n",
		.after = "",
	},
};

static const struct snippet *find(const char *program)
{
	for (size_t i = 0; i < G_N_ELEMENTS(snippets); i++) {
		if (strcmp(snippets[i].program, program) == 0)
			return &snippets[i];
	}
	g_assert_not_reached();
}

static void append_prefix(GString *text, const struct snippet *snippet, const char *prefix)
{
	bool well_known = strcmp(prefix, WELL_KNOWN_PREFIX) == 0;
	const char *form =
		well_known && snippet->well_known != NULL ? snippet->well_known : snippet->prefix;
	const char *place = strchr(form, '@');

	g_string_append_len(text, form, place - form);
	g_string_append(text, prefix);
	g_string_append(text, place + 1);
}

static void print(const struct ctl *ctl, const struct snippet *snippet, const GPtrArray *prefixes)
{
	guint n = snippet->only_one ? MIN(prefixes->len, 1) : prefixes->len;
	g_autoptr(GString) text = g_string_new(snippet->before);
	json_t *used = json_array();

	for (guint i = 0; i < n; i++) {
		append_prefix(text, snippet, g_ptr_array_index(prefixes, i));
		json_array_append_new(used, json_string(g_ptr_array_index(prefixes, i)));
	}
	g_string_append(text, snippet->after);
	if (ctl->json)
		ctl_print_json(json_pack("{s:s, s:O, s:s}", "program", snippet->program, "prefixes",
					 used, "text", text->str));
	else
		fputs(text->str, stdout);
	json_decref(used);
	if (n < prefixes->len)
		(void)ctl_fail(CTL_DONE, "warning: %s can have one prefix only: this is the first",
			       snippet->program);
}

enum ctl_status ctl_snippet(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	g_autoptr(GPtrArray) prefixes = NULL;
	enum ctl_status status = ctl_pool6_get(ctl, &prefixes);

	if (status == CTL_DONE)
		print(ctl, find(arguments->verb->action), prefixes);
	return status;
}
