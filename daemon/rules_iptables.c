/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * iptables' part of the packet rules: queues what the nft table has marked.
 *
 * In the built-in chain stands one jump that matches the mark. Our chain takes the mark off and
 * queues, so that a packet that the daemon hands back goes on unmarked, and whatever still has
 * the mark behind it was not queued (the guards in rules_nft.c drop it).
 *
 * Reading and removing goes through nft: rules are found by their jump and removed by their handle,
 * which needs no iptables program and works whatever mark they match.
 */
#include "daemon/rules_iptables.h"

#include <errno.h>
#include <stdlib.h>

#include "daemon/rules_kernel.h"

/* Where our jumps are. The late hook is on the host's own IPv4 addresses only. */
static const struct hook {
	enum rules_family family;
	const char *nft_family;
	const char *table;
	const char *chain;
	bool offers;
} hooks[] = {
	{RULES_FAMILY4, "ip", "raw", "PREROUTING", false},
	{RULES_FAMILY4, "ip", "mangle", "PREROUTING", true},
	{RULES_FAMILY6, "ip6", "raw", "PREROUTING", false},
	{RULES_FAMILY6, "ip6", "raw", "OUTPUT", false},
};

static const char *const restore_programs[N_RULES_FAMILIES] = {"iptables-nft-restore",
							       "ip6tables-nft-restore"};
static const char *const save_programs[N_RULES_FAMILIES] = {"iptables-nft-save",
							    "ip6tables-nft-save"};

const char *rules_iptables_restore_program(enum rules_family family)
{
	return restore_programs[family];
}

/* The chain that offers. No instance has a slash in its name. */
static char *offer_chain(const char *table)
{
	return g_strdup_printf("%s/offer", table);
}

static bool jumps_to(const char *line, const char *word, const char *chain)
{
	g_autofree char *jump = g_strdup_printf(" %s %s", word, chain);
	const char *found = strstr(line, jump);

	return found != NULL && strchr(" \t\n", found[strlen(jump)]) != NULL;
}

/* "-D ..." for each of our jumps in the table as iptables-save printed it. */
static void print_old_jumps(GString *text, const char *saved, const char *table, const char *chain)
{
	g_auto(GStrv) lines = g_strsplit(saved, "\n", -1);
	g_autofree char *offer = offer_chain(chain);
	g_autofree char *heading = g_strdup_printf("*%s", table);
	bool inside = false;

	for (char **line = lines; *line != NULL; line++) {
		if ((*line)[0] == '*')
			inside = strcmp(*line, heading) == 0;
		if (inside && g_str_has_prefix(*line, "-A ") &&
		    (jumps_to(*line, "-j", chain) || jumps_to(*line, "-j", offer)))
			g_string_append_printf(text, "-D %s\n", *line + strlen("-A "));
	}
}

static void print_target(GString *text, const char *chain, const char *match, uint32_t first,
			 uint32_t n, const char *tail)
{
	g_string_append_printf(text, "-A %s%s -j NFQUEUE ", chain, match);
	if (n == 1)
		g_string_append_printf(text, "--queue-num %u", first);
	else
		g_string_append_printf(text, "--queue-balance %u:%u", first, first + n - 1);
	g_string_append_printf(text, "%s\n", tail);
}

static void print_table(GString *text, const struct rules_plan *plan, enum rules_family family,
			const char *table, bool offers, const char *saved)
{
	const char *chain = plan->table;
	g_autofree char *offer = offer_chain(chain);
	uint32_t rest = plan->queue_first + plan->workers, mask = plan->mark.mask;
	struct rules_marks marks = {0};

	(void)rules_plan_marks(&plan->mark, &marks);
	g_string_append_printf(text, "*%s\n:%s - [0:0]\n", table, chain);
	if (offers)
		g_string_append_printf(text, ":%s - [0:0]\n", offer);
	if (saved != NULL)
		print_old_jumps(text, saved, table, chain);
	g_string_append_printf(text, "-A %s -j MARK --set-xmark 0x0/0x%x\n", chain, mask);
	print_target(text, chain, " -p tcp", plan->queue_first, plan->workers, "");
	print_target(text, chain, "", rest, plan->workers, "");
	for (size_t i = 0; i < G_N_ELEMENTS(hooks); i++) {
		if (hooks[i].family == family && strcmp(hooks[i].table, table) == 0)
			g_string_append_printf(text, "-I %s 1 -m mark --mark 0x%x/0x%x -j %s\n",
					       hooks[i].chain, marks.take, mask, chain);
	}
	if (offers) {
		g_string_append_printf(text, "-A %s -j MARK --set-xmark 0x0/0x%x\n", offer, mask);
		print_target(text, offer, "", rest, plan->workers, " --queue-bypass");
		g_string_append_printf(text, "-I PREROUTING 1 -m mark --mark 0x%x/0x%x -j %s\n",
				       marks.offer, mask, offer);
	}
	g_string_append(text, "COMMIT\n");
}

char *rules_iptables_text(const struct rules_plan *plan, enum rules_family family,
			  const char *saved)
{
	GString *text = g_string_new(NULL);

	print_table(text, plan, family, "raw", false, saved);
	if (family == RULES_FAMILY4)
		print_table(text, plan, family, "mangle", true, saved);
	return g_string_free(text, FALSE);
}

static char *list_chain(const struct hook *hook)
{
	g_autofree char *command =
		g_strdup_printf("list chain %s %s %s", hook->nft_family, hook->table, hook->chain);
	char *output = NULL;

	return rules_kernel_nft(command, false, &output, NULL) == 0 ? output : NULL;
}

static void note(GPtrArray *undo, char *record)
{
	for (guint i = 0; i < undo->len; i++) {
		if (strcmp(g_ptr_array_index(undo, i), record) == 0) {
			g_free(record);
			return;
		}
	}
	g_ptr_array_add(undo, record);
}

static bool table_exists(const struct hook *hook)
{
	g_autofree char *command = g_strdup_printf("list chains %s", hook->nft_family);
	g_autofree char *heading = g_strdup_printf("table %s %s {", hook->nft_family, hook->table);
	g_autofree char *output = NULL;

	return rules_kernel_nft(command, false, &output, NULL) == 0 &&
	       strstr(output, heading) != NULL;
}

void rules_iptables_note(struct rules_plan *plan)
{
	for (size_t i = 0; i < G_N_ELEMENTS(hooks); i++) {
		g_autofree char *chain = list_chain(&hooks[i]);

		if (chain == NULL)
			note(plan->undo, g_strdup_printf("chain %s %s %s", hooks[i].nft_family,
							 hooks[i].table, hooks[i].chain));
		if (!table_exists(&hooks[i]))
			note(plan->undo,
			     g_strdup_printf("table %s %s", hooks[i].nft_family, hooks[i].table));
	}
}

bool rules_iptables_queue(const char *table, uint32_t *ret)
{
	g_autofree char *pattern =
		g_strdup_printf("^-A %s .*-j NFQUEUE --queue-(?:num|balance) ([0-9]+)", table);
	g_autoptr(GRegex) ours = g_regex_new(pattern, G_REGEX_MULTILINE, 0, NULL);

	for (int i = 0; i < N_RULES_FAMILIES; i++) {
		const char *const save[] = {save_programs[i], "-t", "raw", NULL};
		g_autofree char *saved = NULL, *number = NULL;
		g_autoptr(GMatchInfo) match = NULL;

		if (rules_kernel_program(save, "", &saved, NULL) < 0 ||
		    !g_regex_match(ours, saved, 0, &match))
			continue;
		number = g_match_info_fetch(match, 1);
		*ret = (uint32_t)g_ascii_strtoull(number, NULL, 10);
		return true;
	}
	return false;
}

int rules_iptables_apply(const struct rules_plan *plan, char **ret_error)
{
	for (int i = 0; i < N_RULES_FAMILIES; i++) {
		const char *const save[] = {save_programs[i], NULL};
		const char *const restore[] = {restore_programs[i], "--noflush", NULL};
		g_autofree char *saved = NULL;
		g_autofree char *text = NULL;
		int r;

		r = rules_kernel_program(save, "", &saved, ret_error);
		if (r < 0)
			return r;
		text = rules_iptables_text(plan, (enum rules_family)i, saved);
		r = rules_kernel_program(restore, text, NULL, ret_error);
		if (r < 0)
			return r;
	}
	return 0;
}

static unsigned count_jumps(const char *listing, const char *chain)
{
	g_auto(GStrv) lines = g_strsplit(listing, "\n", -1);
	unsigned n = 0;

	for (char **line = lines; *line != NULL; line++)
		n += jumps_to(*line, "jump", chain);
	return n;
}

bool rules_iptables_present(const struct rules_plan *plan)
{
	g_autofree char *offer = offer_chain(plan->table);

	for (size_t i = 0; i < G_N_ELEMENTS(hooks); i++) {
		g_autofree char *listing = list_chain(&hooks[i]);

		if (listing == NULL || count_jumps(listing, plan->table) != 1 ||
		    (hooks[i].offers && count_jumps(listing, offer) != 1))
			return false;
	}
	return true;
}

void rules_iptables_stamp(const struct rules_plan *plan, struct rules_digest *ret)
{
	g_autofree char *offer = offer_chain(plan->table);

	*ret = (struct rules_digest){0};
	if (plan->mode != RULES_IPTABLES)
		return;
	for (size_t i = 0; i < G_N_ELEMENTS(hooks); i++) {
		const char *const chains[] = {plan->table, offer};

		for (size_t k = 0; k < G_N_ELEMENTS(chains); k++) {
			struct rules_digest one = {0};

			(void)rules_stamp_chain(hooks[i].nft_family, hooks[i].table, chains[k],
						&one);
			rules_digest_add(ret, &one);
		}
	}
}

/* "... jump nat64d # handle 7": removed by that number. */
static void print_removals(GString *text, const struct hook *hook, const char *chain)
{
	g_autofree char *listing = list_chain(hook);
	g_auto(GStrv) lines = listing == NULL ? NULL : g_strsplit(listing, "\n", -1);

	for (char **line = lines; line != NULL && *line != NULL; line++) {
		const char *handle = strstr(*line, "# handle ");

		if (handle != NULL && jumps_to(*line, "jump", chain))
			g_string_append_printf(text, "delete rule %s %s %s handle %llu\n",
					       hook->nft_family, hook->table, hook->chain,
					       strtoull(handle + strlen("# handle "), NULL, 10));
	}
}

static void print_chain_removal(GString *text, const struct hook *hook, const char *chain)
{
	g_autofree char *name = g_strdup_printf("%s %s %s", hook->nft_family, hook->table, chain);
	g_autofree char *list = g_strdup_printf("list chain %s", name);

	if (rules_kernel_nft(list, false, NULL, NULL) == 0)
		g_string_append_printf(text, "flush chain %s\ndelete chain %s\n", name, name);
}

/* Is nothing left in the table? Then all that "list table" prints is its two lines. */
static bool table_is_empty(const char *name)
{
	g_autofree char *command = g_strdup_printf("list table %s", name);
	g_autofree char *listing = NULL;
	const char *body;

	if (rules_kernel_nft(command, false, &listing, NULL) != 0)
		return false;
	body = strchr(listing, '\n');
	return body != NULL && g_str_has_prefix(body, "\n}");
}

/* Is the built-in chain as iptables makes it? Then it has one line inside: type, hook, policy. */
static bool chain_is_untouched(const char *name)
{
	g_autofree char *command = g_strdup_printf("list chain %s", name);
	g_autofree char *listing = NULL;
	g_auto(GStrv) lines = NULL;
	unsigned n_lines = 0;

	if (rules_kernel_nft(command, false, &listing, NULL) != 0)
		return false;
	lines = g_strsplit(listing, "\n", -1);
	for (char **line = lines; *line != NULL; line++)
		n_lines += g_str_has_prefix(*line, "\t\t");
	return n_lines == 1 && strstr(listing, "policy accept;") != NULL;
}

/* The built-in chains and tables that came with our rules; kept if others use them by now. Of that
 * the kernel would not remind us: it deletes a chain together with its rules. */
static void remove_created(GPtrArray *undo)
{
	for (guint i = 0; i < undo->len; i++) {
		const char *record = g_ptr_array_index(undo, i);
		g_autofree char *command = g_strdup_printf("delete %s", record);

		if (g_str_has_prefix(record, "chain ") &&
		    chain_is_untouched(record + strlen("chain ")))
			(void)rules_kernel_nft(command, false, NULL, NULL);
	}
	for (guint i = undo->len; i-- > 0;) {
		const char *record = g_ptr_array_index(undo, i);
		g_autofree char *command = g_strdup_printf("delete %s", record);

		if (g_str_has_prefix(record, "table ") && table_is_empty(record + strlen("table ")))
			(void)rules_kernel_nft(command, false, NULL, NULL);
		if (g_str_has_prefix(record, "chain ") || g_str_has_prefix(record, "table "))
			g_ptr_array_remove_index(undo, i);
	}
}

int rules_iptables_remove(const char *table, GPtrArray *undo, bool *ret_changed, char **ret_error)
{
	g_autofree char *offer = offer_chain(table);
	g_autoptr(GString) text = g_string_new(NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(hooks); i++) {
		print_removals(text, &hooks[i], table);
		print_removals(text, &hooks[i], offer);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(hooks); i++) {
		/* One of our chains in each table: PREROUTING stands for it. */
		if (strcmp(hooks[i].chain, "PREROUTING") != 0)
			continue;
		print_chain_removal(text, &hooks[i], table);
		print_chain_removal(text, &hooks[i], offer);
	}
	if (text->len > 0) {
		int r = rules_kernel_nft(text->str, false, NULL, ret_error);

		if (r < 0)
			return r;
		*ret_changed = true;
	}
	remove_created(undo);
	return 0;
}
