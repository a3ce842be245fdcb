/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rules_table.h. */
#include "daemon/rules_table.h"

#include <string.h>

#include "daemon/rules_batch.h"
#include "daemon/rules_elements.h"
#include "daemon/rules_kernel.h"

void rules_table_forget(struct rules_table *table)
{
	for (int i = 0; i < N_RULES_SETS; i++) {
		g_clear_pointer(&table->ranges[i], g_array_unref);
		g_clear_pointer(&table->words[i], g_free);
	}
}

/* Right after it was put there. What can not be read will not be ours when it is looked for. */
static void note_words(struct rules_table *table, const struct rules_plan *plan, enum rules_set set,
		       char *words)
{
	g_free(table->words[set]);
	table->words[set] = words;
	table->set[set] = (struct rules_digest){0};
	if (plan->mode != RULES_NONE)
		(void)rules_stamp_set(plan->table, rules_nft_set_name(set), &table->set[set]);
}

static void note(struct rules_table *table, const struct rules_plan *plan)
{
	rules_table_forget(table);
	(void)rules_stamp_table(plan->table, &table->stamp);
	for (int i = 0; i < N_RULES_SETS; i++) {
		enum rules_set set = (enum rules_set)i;

		table->ranges[i] = rules_nft_ranges(plan, set);
		if (table->ranges[i] == NULL)
			note_words(table, plan, set, rules_nft_elements(plan, set));
	}
}

static bool has_set(const struct rules_table *table, const char *name, enum rules_set set)
{
	const GArray *ranges = table->ranges[set];
	struct rules_digest wanted = table->set[set], there;

	if (ranges != NULL)
		rules_stamp_ranges((const struct addr4_range *)(const void *)ranges->data,
				   ranges->len, &wanted);
	return rules_stamp_set(name, rules_nft_set_name(set), &there) == 0 &&
	       rules_digest_equal(&there, &wanted);
}

bool rules_table_is_ours(const struct rules_table *table, const struct rules_plan *plan)
{
	struct rules_digest there;

	if (rules_stamp_table(plan->table, &there) < 0 ||
	    !rules_digest_equal(&there, &table->stamp))
		return false;
	for (int i = 0; i < N_RULES_SETS && plan->mode != RULES_NONE; i++)
		if (!has_set(table, plan->table, (enum rules_set)i))
			return false;
	return true;
}

/* pool4 as in rules_nft.h. */
static int put_stand_in(const struct rules_plan *plan, GArray *pool4, char **ret_error)
{
	g_autofree char *commands = rules_nft_stand_in(plan, pool4);

	return rules_kernel_nft(commands, false, NULL, ret_error);
}

static int remove_stand_in(const struct rules_plan *plan, char **ret_error)
{
	g_autofree char *command =
		g_strdup_printf("delete table inet %s" RULES_STAND_IN, plan->table);

	return rules_kernel_nft(command, false, NULL, ret_error);
}

int rules_table_put(struct rules_table *table, const struct rules_plan *plan, bool there,
		    char **ret_error)
{
	bool stand_in = there && plan->mode != RULES_NONE;
	g_autofree char *commands = rules_nft_table(plan);
	int r = 0, removed = 0;

	if (stand_in)
		r = put_stand_in(plan, NULL, ret_error);
	if (r < 0)
		return r;
	r = rules_kernel_nft(commands, false, NULL, ret_error);
	if (r == 0)
		note(table, plan);
	if (stand_in)
		removed = remove_stand_in(plan, r == 0 ? ret_error : NULL);
	return r < 0 ? r : removed;
}

/* How the table in the kernel differs from the plan. */
struct changes {
	GString *commands;         /* one transaction of libnftables */
	char *words[N_RULES_SETS]; /* of the sets that it fills anew */
	struct rules_difference difference[N_RULES_SETS];
	bool gap; /* a stand-in is needed */
};

static void changes_init(struct changes *changes, const struct rules_table *table,
			 const struct rules_plan *plan)
{
	*changes = (struct changes){.commands = g_string_new(NULL)};
	for (int i = 0; i < N_RULES_SETS; i++) {
		enum rules_set set = (enum rules_set)i;
		g_autoptr(GArray) ranges = rules_nft_ranges(plan, set);
		g_autofree char *words = NULL;

		if (ranges != NULL) {
			rules_elements_compare(table->ranges[i], ranges, &changes->difference[i]);
			changes->gap |= changes->difference[i].gap;
			continue;
		}
		words = rules_nft_elements(plan, set);
		if (strcmp(words, table->words[i]) == 0)
			continue;
		rules_nft_refill(changes->commands, plan, set, words);
		changes->words[i] = g_steal_pointer(&words);
		changes->gap = true;
	}
}

static void changes_deinit(struct changes *changes)
{
	g_string_free(changes->commands, TRUE);
	for (int i = 0; i < N_RULES_SETS; i++) {
		g_free(changes->words[i]);
		rules_difference_deinit(&changes->difference[i]);
	}
}

static int run_commands(struct rules_table *table, const struct rules_plan *plan,
			struct changes *changes)
{
	int r;

	if (changes->commands->len == 0)
		return 0;
	r = rules_kernel_nft(changes->commands->str, false, NULL, NULL);
	for (int i = 0; r == 0 && i < N_RULES_SETS; i++) {
		if (changes->words[i] != NULL)
			note_words(table, plan, (enum rules_set)i,
				   g_steal_pointer(&changes->words[i]));
	}
	return r;
}

static int change_elements(struct rules_table *table, const char *name, enum rules_set set,
			   const struct rules_difference *difference)
{
	GArray *before = table->ranges[set];
	int r;

	if (before == NULL || difference->gone->len + difference->fresh->len == 0)
		return 0;
	r = rules_batch_change(name, rules_nft_set_name(set), difference->gone, difference->fresh);
	if (r < 0)
		return r;
	table->ranges[set] = rules_elements_after(before, difference);
	g_array_unref(before);
	return 0;
}

/* An address that begins or ceases to be the host's own goes from one set into another; meanwhile
 * the stand-in has it. */
static int make_changes(struct rules_table *table, const struct rules_plan *plan,
			struct changes *changes)
{
	int r = 0, removed = 0;

	if (changes->gap)
		r = put_stand_in(plan, changes->difference[RULES_SET_POOL4].fresh, NULL);
	if (r < 0)
		return r;
	r = run_commands(table, plan, changes);
	for (int i = 0; r == 0 && i < N_RULES_SETS; i++)
		r = change_elements(table, plan->table, (enum rules_set)i, &changes->difference[i]);
	if (changes->gap)
		removed = remove_stand_in(plan, NULL);
	return r < 0 ? r : removed;
}

bool rules_table_change(struct rules_table *table, const struct rules_plan *plan, bool undo)
{
	struct changes changes;
	int r;

	changes_init(&changes, table, plan);
	if (undo)
		rules_nft_rewrite_undo(changes.commands, plan);
	r = make_changes(table, plan, &changes);
	changes_deinit(&changes);
	return r == 0;
}
