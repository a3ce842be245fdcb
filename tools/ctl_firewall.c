/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See ctl_firewall.h. */
#include "tools/ctl_firewall.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemon/rules_plan.h"

/* Where nat64d's own rules take packets: what comes before that never gets there. */
#define TAKE_PRIORITY -450

#define OUR_TABLE "nat64d"

static void chain_free(gpointer data)
{
	struct firewall_chain *chain = data;

	g_free(chain->family);
	g_free(chain->table);
	g_free(chain->name);
	g_free(chain->hook);
	g_ptr_array_unref(chain->rules);
	g_free(chain);
}

static bool is_ours(const char *table)
{
	return strcmp(table, OUR_TABLE) == 0 || g_str_has_prefix(table, OUR_TABLE "_");
}

/* "filter", "filter - 10", "-300" as a number. Names mean what they mean to nft. */
static int priority_of(const char *text)
{
	static const struct {
		const char *name;
		int priority;
	} names[] = {
		{"raw", -300}, {"mangle", -150}, {"dstnat", -100},
		{"filter", 0}, {"security", 50}, {"srcnat", 100},
	};
	char sign = 0;
	int add = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		if (!g_str_has_prefix(text, names[i].name))
			continue;
		(void)sscanf(text + strlen(names[i].name), " %c %d", &sign, &add);
		return names[i].priority + (sign == '-' ? -add : add);
	}
	return (int)strtol(text, NULL, 10);
}

/* "type filter hook output priority filter; policy drop;" */
static bool read_base(const char *line, struct firewall_chain *chain)
{
	const char *hook = strstr(line, " hook "), *priority = strstr(line, " priority ");

	if (!g_str_has_prefix(line, "type ") || hook == NULL || priority == NULL)
		return false;
	hook += strlen(" hook ");
	g_free(chain->hook);
	chain->hook = g_strndup(hook, strcspn(hook, " "));
	chain->priority = priority_of(priority + strlen(" priority "));
	chain->drops = strstr(line, "policy drop") != NULL;
	return true;
}

GPtrArray *firewall_parse(const char *listing)
{
	GPtrArray *chains = g_ptr_array_new_with_free_func(chain_free);
	g_auto(GStrv) lines = g_strsplit(listing, "\n", -1);
	g_autofree char *family = NULL, *table = NULL;
	struct firewall_chain *chain = NULL;

	for (char **at = lines; *at != NULL; at++) {
		char *handle = strstr(*at, " # handle ");
		g_auto(GStrv) words = NULL;

		if (handle != NULL)
			*handle = '\0';
		g_strstrip(*at);
		words = g_strsplit(*at, " ", 4);
		if (strcmp(words[0] != NULL ? words[0] : "", "table") == 0 &&
		    g_strv_length(words) >= 3) {
			g_free(family);
			g_free(table);
			family = g_strdup(words[1]);
			table = g_strdup(words[2]);
		} else if (table == NULL || is_ours(table)) {
			continue;
		} else if (g_str_has_prefix(*at, "chain ") && g_str_has_suffix(*at, "{")) {
			chain = g_new0(struct firewall_chain, 1);
			chain->family = g_strdup(family);
			chain->table = g_strdup(table);
			chain->name = g_strdup(words[1]);
			chain->rules = g_ptr_array_new_with_free_func(g_free);
			g_ptr_array_add(chains, chain);
		} else if (strcmp(*at, "}") == 0) {
			chain = NULL;
		} else if (chain != NULL && **at != '\0' && !read_base(*at, chain)) {
			g_ptr_array_add(chain->rules, g_strdup(*at));
		}
	}
	return chains;
}

/* What is left of a rule without what does not matter to whom it is for: counters, log, comment.
 * Words for g_strfreev(). */
static char **bare(const char *rule)
{
	g_auto(GStrv) words = g_strsplit(rule, " ", -1);
	GPtrArray *kept = g_ptr_array_new();
	bool quoted = false;

	for (char **word = words; *word != NULL; word++) {
		bool was_quoted = quoted;

		for (const char *c = *word; *c != '\0'; c++)
			quoted = quoted != (*c == '"');
		if (was_quoted || quoted || **word == '"' || strcmp(*word, "counter") == 0 ||
		    strcmp(*word, "log") == 0 || strcmp(*word, "prefix") == 0 ||
		    strcmp(*word, "comment") == 0)
			continue;
		if ((strcmp(*word, "packets") == 0 || strcmp(*word, "bytes") == 0) &&
		    word[1] != NULL)
			word++;
		else
			g_ptr_array_add(kept, g_strdup(*word));
	}
	g_ptr_array_add(kept, NULL);
	return (char **)g_ptr_array_free(kept, FALSE);
}

static bool stops(const char *word)
{
	return strcmp(word, "drop") == 0 || strcmp(word, "reject") == 0;
}

static bool has_word(char **words, const char *wanted)
{
	return g_strv_contains((const char *const *)words, wanted);
}

/* By the mark, or by the interface: our packets, whatever else they are. */
static bool is_for_ours(const char *rule, const struct firewall_ours *ours)
{
	g_autofree char *mark = g_strdup_printf("0x%08" PRIx32, ours->mark.value);
	g_autofree char *device =
		ours->device != NULL ? g_strdup_printf("\"%s\"", ours->device) : NULL;

	return (strstr(rule, "mark") != NULL && strstr(rule, mark) != NULL) ||
	       (device != NULL && strstr(rule, "iif") != NULL && strstr(rule, device) != NULL);
}

/* "ct state invalid,untracked drop": what we send is not tracked. */
static bool drops_untracked(char **words)
{
	bool is_state = false;

	for (char **word = words; *word != NULL; word++) {
		if (strcmp(*word, "ct") == 0 && word[1] != NULL && strcmp(word[1], "state") == 0)
			is_state = true;
		if (is_state && strstr(*word, "untracked") != NULL)
			return has_word(words, "drop") || has_word(words, "reject");
	}
	return false;
}

/* "fib saddr . mark . iif oif missing drop", as firewalld's IPv6_rpfilter: no route leads back to
 * the sources of what comes in by our interface. */
static bool drops_by_source(char **words, const struct firewall_ours *ours)
{
	return ours->device != NULL && has_word(words, "fib") && has_word(words, "saddr") &&
	       has_word(words, "iif") && (has_word(words, "missing") || has_word(words, "0")) &&
	       has_word(words, "drop");
}

/* Does what is ours go on behind this chain? */
static bool lets_pass(const struct firewall_chain *chain, const struct firewall_ours *ours)
{
	for (guint i = 0; i < chain->rules->len; i++) {
		const char *rule = g_ptr_array_index(chain->rules, i);
		g_auto(GStrv) words = bare(rule);

		if (words[0] == NULL)
			continue;
		if (strcmp(words[0], "accept") == 0 ||
		    (has_word(words, "accept") && is_for_ours(rule, ours)))
			return true;
		if (stops(words[0]) || drops_untracked(words) ||
		    (strcmp(chain->hook, "prerouting") == 0 && drops_by_source(words, ours)))
			return false;
	}
	return !chain->drops;
}

/* Do packets of ours come by there? At PREROUTING they do before they are taken, and once more
 * where the kernel forwards them. */
static bool is_on_our_way(const struct firewall_chain *chain, const struct firewall_ours *ours)
{
	if (chain->hook == NULL ||
	    (strcmp(chain->family, "ip") != 0 && strcmp(chain->family, "ip6") != 0 &&
	     strcmp(chain->family, "inet") != 0))
		return false;
	if (strcmp(chain->hook, "prerouting") == 0)
		return chain->priority < TAKE_PRIORITY || ours->device != NULL;
	return strcmp(chain->hook, "output") == 0 || strcmp(chain->hook, "postrouting") == 0 ||
	       (strcmp(chain->hook, "forward") == 0 && ours->device != NULL);
}

/* A chain that iptables made is best changed by iptables. */
static bool is_iptables(const struct firewall_chain *chain)
{
	static const char *const tables[] = {"filter", "mangle", "raw", "security", NULL};

	return strcmp(chain->family, "inet") != 0 && g_strv_contains(tables, chain->table) &&
	       g_ascii_isupper(chain->name[0]);
}

static char *let_pass(const struct firewall_chain *chain, const struct firewall_ours *ours)
{
	if (is_iptables(chain))
		return g_strdup_printf(
			"%s -t %s -I %s -m mark --mark 0x%" PRIx32 "/0x%" PRIx32 " -j ACCEPT",
			strcmp(chain->family, "ip6") == 0 ? "ip6tables" : "iptables", chain->table,
			chain->name, ours->mark.value, ours->mark.mask);
	return g_strdup_printf(
		"nft insert rule %s %s %s meta mark and 0x%" PRIx32 " == 0x%" PRIx32 " accept",
		chain->family, chain->table, chain->name, ours->mark.mask, ours->mark.value);
}

bool firewall_eats(const GPtrArray *chains, const struct firewall_ours *ours, char **ret_finding,
		   char **ret_fix)
{
	for (guint i = 0; i < chains->len; i++) {
		const struct firewall_chain *chain = g_ptr_array_index(chains, i);

		if (!is_on_our_way(chain, ours) || lets_pass(chain, ours))
			continue;
		*ret_finding =
			g_strdup_printf("chain %s of table %s %s (%s) may drop what is "
					"translated: no rule of it lets Queue.Mark pass",
					chain->name, chain->family, chain->table, chain->hook);
		*ret_fix = let_pass(chain, ours);
		return true;
	}
	return false;
}

/* The number that a rule sets the mark to, or adds to it: "meta mark set 0x1", "meta mark set meta
 * mark & 0xffffff00 | 0x1". */
static bool sets_mark(const char *rule, uint32_t *ret)
{
	const char *set = strstr(rule, "mark set ");
	g_auto(GStrv) words = NULL;
	bool found = false;

	/* Of the connection, not of the packet. */
	if (set == NULL || (set - rule >= 3 && strncmp(set - 3, "ct ", 3) == 0))
		return false;
	words = g_strsplit(set + strlen("mark set "), " ", -1);
	for (char **word = words; *word != NULL; word++) {
		static const char *const within[] = {"meta", "mark", "&",   "|", "^",
						     "and",  "or",   "xor", NULL};
		guint64 number;

		if (g_str_has_prefix(*word, "0x") &&
		    g_ascii_string_to_unsigned(*word + 2, 16, 0, UINT32_MAX, &number, NULL)) {
			*ret = (uint32_t)number;
			found = true;
		} else if (!g_strv_contains(within, *word)) {
			break;
		}
	}
	return found;
}

char *firewall_marks(const GPtrArray *chains, const struct config_mark *mark)
{
	struct rules_marks marks;
	bool has_marks = rules_plan_marks(mark, &marks);

	for (guint i = 0; i < chains->len; i++) {
		const struct firewall_chain *chain = g_ptr_array_index(chains, i);

		for (guint j = 0; j < chain->rules->len; j++) {
			const char *rule = g_ptr_array_index(chain->rules, j);
			uint32_t set;

			if (!sets_mark(rule, &set))
				continue;
			set &= mark->mask;
			if (set == mark->value ||
			    (has_marks && (set == marks.take || set == marks.offer)))
				return g_strdup_printf(
					"'%s' (chain %s of table %s %s) gives packets a mark that "
					"is nat64d's",
					rule, chain->name, chain->family, chain->table);
		}
	}
	return NULL;
}
