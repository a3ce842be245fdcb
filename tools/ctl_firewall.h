/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Other programs' packet rules, as far as they can stop what nat64d sends or take its marks: read
 * from what nft lists, iptables' own tables included.
 *
 * Judged are the rules of base chains, one by one: a policy or a last rule that drops what no rule
 * before it has let through, a rule that drops what is not tracked or, where the kernel forwards
 * for us, whose source has no route back, and rules that set marks. Chains that are jumped to are
 * not followed for the first two.
 */
#pragma once

#include <glib.h>

#include "daemon/config.h"

struct firewall_chain {
	char *family; /* "inet" */
	char *table;
	char *name;
	char *hook; /* NULL: no base chain */
	int priority;
	bool drops;       /* by its policy */
	GPtrArray *rules; /* char *, without handles */
};

/* Of "nft list ruleset": an array of struct firewall_chain, which frees its members. Tables of
 * nat64d's, of whatever instance, are left out. */
GPtrArray *firewall_parse(const char *listing);

struct firewall_ours {
	struct config_mark mark;
	const char *device; /* by which what we send comes into forwarding; NULL: by none */
};

/* The first chain that may drop what nat64d sends: the finding and the command that lets it pass,
 * both for g_free(). False if there is none. */
bool firewall_eats(const GPtrArray *chains, const struct firewall_ours *ours, char **ret_finding,
		   char **ret_fix);
/* The first rule that gives packets one of the marks that are nat64d's, in words. For g_free(), or
 * NULL. */
char *firewall_marks(const GPtrArray *chains, const struct config_mark *mark);
