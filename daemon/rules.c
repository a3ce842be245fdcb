/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packet rules: the order in which things are done. What the rules say is in rules_plan.c, their
 * words in rules_nft.c and rules_iptables.c, the host around them in rules_host.c.
 *
 * Order of coming: the table first, in one transaction, with the records of how to undo the rest;
 * from then on nothing leaks. Then iptables (what is marked until then is dropped by the guards),
 * then forwarding and routes. Order of going: the other way round; what is not announced any more
 * goes before the table changes (P-23).
 *
 * Updating changes what differs (rules_table.h). If the kernel does not have what was put there, as
 * somebody else has been at it, everything is put anew.
 */
#include "daemon/rules.h"

#include <errno.h>
#include <unistd.h>

#include "daemon/netlink_veth.h"
#include "daemon/rules_announce.h"
#include "daemon/rules_comments.h"
#include "daemon/rules_host.h"
#include "daemon/rules_instances.h"
#include "daemon/rules_iptables.h"
#include "daemon/rules_kernel.h"
#include "daemon/rules_nat44.h"
#include "daemon/rules_nft.h"
#include "daemon/rules_probe.h"
#include "daemon/rules_table.h"

/* iptables' limit is 28 characters; "nat64d_" and "/offer" take 13. */
#define INSTANCE_MAX 15

struct rules {
	struct rules_plan plan;
	enum config_rules wanted;
	bool forwarding;
	struct rules_table table;
	struct rules_digest iptables; /* our chains there */
	bool looked;                  /* all was ours when nf_tables had come to ... */
	uint32_t generation;          /* ... this one */
};

uint32_t rules_count_workers(const struct config *config)
{
	long n_processors;

	if (config->queue.workers != 0)
		return config->queue.workers;
	/* Of the machine: whoever else asks, such as nat64ctl, has to find the same. */
	n_processors = sysconf(_SC_NPROCESSORS_ONLN);
	return (uint32_t)CLAMP(n_processors, 1, CONFIG_WORKERS_MAX);
}

uint32_t rules_n_workers(const struct config *config)
{
	return config->queue.n_workers != 0 ? config->queue.n_workers : rules_count_workers(config);
}

char *rules_table_name(const char *instance)
{
	return instance == NULL || instance[0] == '\0' ? g_strdup("nat64d")
						       : g_strconcat("nat64d_", instance, NULL);
}

/* Its peer has three letters more. */
char *rules_inject_device(const char *instance)
{
	if (instance == NULL || instance[0] == '\0')
		return g_strdup("nat64d");
	if (strlen(instance) <= 8)
		return g_strconcat("n64-", instance, NULL);
	return g_strdup_printf("n64-%.3s%05x", instance, g_str_hash(instance) & 0xfffff);
}

static int check_iptables(const char *instance, const struct config *config, char **ret_error)
{
	const char *const argv[] = {"iptables-nft-restore", "--version", NULL};
	const struct config_mark *mark = &config->queue.mark;
	g_autofree char *table = NULL;
	struct rules_marks marks;
	int r;

	if (instance != NULL && strlen(instance) > INSTANCE_MAX) {
		*ret_error = g_strdup_printf("the instance name %s is longer than %d characters, "
					     "which iptables' chains do not allow",
					     instance, INSTANCE_MAX);
		return -ENAMETOOLONG;
	}
	if (!rules_plan_marks(mark, &marks)) {
		*ret_error = g_strdup_printf("Queue.Mark 0x%x/0x%x: iptables' rules need a mask of "
					     "two bits at least",
					     mark->value, mark->mask);
		return -EINVAL;
	}
	r = rules_kernel_program(argv, "", NULL, ret_error);
	if (r == -ENOENT) {
		g_free(*ret_error);
		*ret_error = g_strdup(
			config->queue.rules == CONFIG_RULES_IPTABLES
				? "Queue.Rules=iptables: iptables-nft-restore is missing: install "
				  "the package iptables"
				: "nf_tables of this kernel can not queue (CONFIG_NFT_QUEUE), and "
				  "iptables-nft, which would, is missing: install the package "
				  "iptables");
	}
	if (r < 0)
		return r;
	table = rules_table_name(instance);
	return rules_instances_check(table, mark, ret_error);
}

static int choose_mode(const struct config *config, enum rules_mode *ret, char **ret_error)
{
	enum config_rules wanted = config->queue.rules;
	int r;

	if (wanted == CONFIG_RULES_NONE) {
		*ret = RULES_NONE;
		return 0;
	}
	r = rules_probe_nft_queue(ret_error);
	if (r < 0 && r != -EOPNOTSUPP)
		return r;
	if (r < 0 && wanted == CONFIG_RULES_NFT) {
		*ret_error = g_strdup("Queue.Rules=nft: nf_tables of this kernel can not queue "
				      "(CONFIG_NFT_QUEUE); use auto or iptables");
		return r;
	}
	*ret = r < 0 || wanted == CONFIG_RULES_IPTABLES ? RULES_IPTABLES : RULES_NFT;
	return 0;
}

int rules_open(const char *instance, const struct config *config, struct rules **ret,
	       char **ret_error)
{
	enum rules_mode mode;
	struct rules *rules;
	int r;

	r = choose_mode(config, &mode, ret_error);
	if (r == 0 && mode == RULES_IPTABLES)
		r = check_iptables(instance, config, ret_error);
	if (r < 0)
		return r;
	rules = g_new0(struct rules, 1);
	rules_plan_init(&rules->plan, instance, config, mode);
	rules->plan.by_flow =
		mode == RULES_NFT && rules->plan.workers > 1 && rules_probe_nft_hash();
	rules->wanted = config->queue.rules;
	rules->forwarding = config->forwarding == CONFIG_FORWARDING_AUTO;
	*ret = rules;
	return 0;
}

bool rules_are_of(const struct rules *rules, const struct config *config)
{
	return rules->wanted == config->queue.rules &&
	       rules->forwarding == (config->forwarding == CONFIG_FORWARDING_AUTO) &&
	       rules_plan_is_of(&rules->plan, config);
}

void rules_close(struct rules *rules)
{
	if (rules == NULL)
		return;
	rules_table_forget(&rules->table);
	rules_plan_deinit(&rules->plan);
	g_free(rules);
}

void rules_keep_quiet(struct rules *rules, const struct port_ranges *ports)
{
	rules->plan.quiet = *ports;
}

enum rules_mode rules_mode(const struct rules *rules)
{
	return rules->plan.mode;
}

/* own: an array of uint32_t. */
static int read_surroundings(GArray *own, struct rules_routes *ret_routes, char **ret_error)
{
	int r = rules_host_addresses(own);

	/* Not as if there were none: then all ports of the host's own would be taken from it. */
	if (r < 0) {
		*ret_error =
			g_strdup_printf("the host's addresses can not be read: %s", g_strerror(-r));
		return r;
	}
	r = rules_routes_read(ret_routes);
	if (r < 0)
		*ret_error =
			g_strdup_printf("the routing table can not be read: %s", g_strerror(-r));
	return r;
}

/* Reads the host into the plan. Tracking that our own rule started does not end before teardown:
 * nobody can tell whose it is then. */
static int read_host(struct rules *rules, const struct rules_entry *entries, uint32_t n_entries,
		     struct rules_routes *ret_routes, char **ret_error)
{
	g_autoptr(GArray) own = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	int r = read_surroundings(own, ret_routes, ret_error);

	if (r < 0)
		return r;
	rules_plan_set_entries(&rules->plan, entries, n_entries,
			       (const uint32_t *)(const void *)own->data, own->len);
	rules_plan_set_native(&rules->plan, entries, n_entries, ret_routes->native6,
			      ret_routes->native4);
	rules_announce_plan(&rules->plan, entries, n_entries,
			    (const uint32_t *)(const void *)own->data, own->len, ret_routes);
	rules->plan.conntrack = rules->plan.mode != RULES_NONE && rules->plan.own->len > 0 &&
				rules_probe_conntrack();
	if (rules->plan.conntrack)
		rules_nat44_check(&rules->plan);
	return 0;
}

/* The records of a table that is there. False: there is none. */
static bool read_undo(const char *table, GPtrArray *ret_records)
{
	return rules_comments_read(table, "undo", ret_records) == 0;
}

/* What the table says; if somebody has thrown it away, what it said when we wrote it. */
static bool keep_undo(struct rules_plan *plan)
{
	GPtrArray *records = g_ptr_array_new_with_free_func(g_free);
	bool there = read_undo(plan->table, records);

	if (there) {
		g_ptr_array_unref(plan->undo);
		plan->undo = records;
	} else {
		g_ptr_array_unref(records);
	}
	return there;
}

/* What is to be done to the host, in the words of rules_host.h. */
struct steps {
	GPtrArray *before; /* the table changes */
	GPtrArray *after;
};

static void steps_init(struct steps *steps)
{
	*steps = (struct steps){
		.before = g_ptr_array_new_with_free_func(g_free),
		.after = g_ptr_array_new_with_free_func(g_free),
	};
}

static void steps_deinit(struct steps *steps)
{
	g_ptr_array_unref(steps->before);
	g_ptr_array_unref(steps->after);
}

/* The plan for this host, with the steps that are still to be taken. */
static int make_plan(struct rules *rules, const struct rules_entry *entries, uint32_t n_entries,
		     struct steps *steps, bool *ret_there, char **ret_error)
{
	struct rules_plan *plan = &rules->plan;
	struct rules_routes routes;
	int r;

	r = read_host(rules, entries, n_entries, &routes, ret_error);
	if (r < 0)
		return r;
	*ret_there = keep_undo(plan);
	rules_host_plan(plan, rules->forwarding, &routes, steps->before, steps->after);
	(void)rules_host_plan_announce(plan, routes.announced4, steps->before, steps->after);
	rules_routes_deinit(&routes);
	if (plan->mode == RULES_IPTABLES)
		rules_iptables_note(plan);
	return 0;
}

/* iptables' rules of an earlier mode go once the table does not mark any more. */
static int put_iptables(struct rules *rules, char **ret_error)
{
	bool changed = false;
	guint n_records = rules->plan.undo->len;
	int r;

	if (rules->plan.mode == RULES_IPTABLES)
		return rules_iptables_apply(&rules->plan, ret_error);
	r = rules_iptables_remove(rules->plan.table, rules->plan.undo, &changed, ret_error);
	if (r == 0 && rules->plan.undo->len != n_records)
		r = rules_table_put(&rules->table, &rules->plan, true, ret_error);
	return r;
}

/* The table was not there before, and something failed: nothing of it stays. */
static void take_back(struct rules *rules)
{
	g_autofree char *command = g_strdup_printf("delete table inet %s", rules->plan.table);
	g_autofree char *ignored = NULL;
	bool changed;

	(void)rules_iptables_remove(rules->plan.table, rules->plan.undo, &changed, &ignored);
	g_clear_pointer(&ignored, g_free);
	(void)rules_host_undo(rules->plan.undo, &ignored);
	(void)rules_kernel_nft(command, false, NULL, NULL);
}

int rules_apply(struct rules *rules, const struct rules_entry *entries, uint32_t n_entries,
		char **ret_error)
{
	struct steps steps;
	bool there = false;
	int r;

	steps_init(&steps);
	r = make_plan(rules, entries, n_entries, &steps, &there, ret_error);
	if (r == 0)
		r = rules_host_do(steps.before, ret_error);
	if (r == 0)
		r = rules_table_put(&rules->table, &rules->plan, there, ret_error);
	if (r == 0) {
		rules->looked = false;
		r = put_iptables(rules, ret_error);
		rules_iptables_stamp(&rules->plan, &rules->iptables);
		if (r == 0)
			r = rules_host_do(steps.after, ret_error);
		if (r < 0 && !there)
			take_back(rules);
	}
	steps_deinit(&steps);
	return r;
}

/* The steps for what is announced. True if the records in the kernel are to be rewritten, too. */
static bool plan_announce(struct rules_plan *plan, const struct rules_routes *routes,
			  struct steps *steps)
{
	if (!rules_host_plan_announce(plan, routes->announced4, steps->before, steps->after))
		return false;
	/* Those of the kernel: as above. */
	(void)keep_undo(plan);
	g_ptr_array_set_size(steps->before, 0);
	g_ptr_array_set_size(steps->after, 0);
	(void)rules_host_plan_announce(plan, routes->announced4, steps->before, steps->after);
	return true;
}

/* The host and the table by what differs; whole: the table as such. -ESTALE: it is another one. */
static int update(struct rules *rules, const struct rules_routes *routes, bool whole,
		  char **ret_error)
{
	struct steps steps;
	bool undo;
	int r;

	steps_init(&steps);
	undo = plan_announce(&rules->plan, routes, &steps);
	r = rules_host_do(steps.before, ret_error);
	if (r == 0 && whole)
		r = rules_table_put(&rules->table, &rules->plan, true, ret_error);
	else if (r == 0 && !rules_table_change(&rules->table, &rules->plan, undo))
		r = -ESTALE;
	if (r == 0)
		r = rules_host_do(steps.after, ret_error);
	steps_deinit(&steps);
	return r;
}

int rules_update(struct rules *rules, const struct rules_entry *entries, uint32_t n_entries,
		 char **ret_error)
{
	bool conntrack = rules->plan.conntrack;
	struct rules_routes routes;
	int r;

	r = read_host(rules, entries, n_entries, &routes, ret_error);
	if (r < 0)
		return r;
	/* Another instance may have left its records to us meanwhile. */
	if (rules->plan.conntrack != conntrack)
		(void)keep_undo(&rules->plan);
	if (rules->plan.mode != RULES_NONE)
		r = update(rules, &routes, rules->plan.conntrack != conntrack, ret_error);
	rules_routes_deinit(&routes);
	if (r != -ESTALE)
		return r;
	r = rules_apply(rules, entries, n_entries, ret_error);
	if (r == 0)
		rules_warnings_add(rules->plan.warnings, NULL, 0,
				   g_strdup("somebody has changed the packet rules; they have been "
					    "put back"));
	return r;
}

bool rules_add(struct rules *rules, const struct rules_entry *entries, uint32_t n_entries)
{
	g_autoptr(GArray) own = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	g_autofree char *error = NULL;
	struct rules_plan *plan = &rules->plan;
	struct rules_routes routes;
	bool far;

	if (read_surroundings(own, &routes, &error) < 0)
		return false;
	far = rules_announce_add(plan, entries, n_entries,
				 (const uint32_t *)(const void *)own->data, own->len, &routes);
	rules_routes_deinit(&routes);
	if (!far)
		return false;
	rules_plan_add_entries(plan, entries, n_entries);
	return plan->mode == RULES_NONE || rules_table_change(&rules->table, plan, false);
}

unsigned rules_reach(const struct rules *rules, uint32_t i)
{
	return i < rules->plan.reach->len ? g_array_index(rules->plan.reach, unsigned, i) : 0;
}

const GPtrArray *rules_warnings(const struct rules *rules)
{
	return rules->plan.warnings;
}

bool rules_present(struct rules *rules)
{
	const struct rules_plan *plan = &rules->plan;
	struct rules_digest iptables;
	uint32_t generation = 0;

	/* Before all that is read: what changes meanwhile is seen the next time. */
	if (rules_stamp_generation(&generation) < 0)
		return false;
	if (rules->looked && rules->generation == generation)
		return true;
	rules_iptables_stamp(plan, &iptables);
	rules->looked = rules_table_is_ours(&rules->table, plan) &&
			rules_digest_equal(&iptables, &rules->iptables) &&
			(plan->mode != RULES_IPTABLES || rules_iptables_present(plan));
	rules->generation = generation;
	return rules->looked;
}

static void print_steps(GString *text, const GPtrArray *steps, const char *some, const char *none)
{
	g_string_append(text, steps->len == 0 ? none : some);
	for (guint i = 0; i < steps->len; i++) {
		g_autofree char *command = rules_host_command(g_ptr_array_index(steps, i));

		g_string_append_printf(text, "%s\n", command);
	}
}

char *rules_print(struct rules *rules, const struct rules_entry *entries, uint32_t n_entries)
{
	g_autofree char *error = NULL;
	g_autofree char *table = NULL;
	GString *text = g_string_new("#!/bin/sh\n");
	struct steps steps;
	bool there;

	steps_init(&steps);
	if (make_plan(rules, entries, n_entries, &steps, &there, &error) < 0) {
		g_string_append_printf(text, "# %s\n", error);
		steps_deinit(&steps);
		return g_string_free(text, FALSE);
	}
	print_steps(text, steps.before, "# Not routed here any more.\n", "");
	table = rules_nft_table(&rules->plan);
	g_string_append_printf(text,
			       "# The packet rules; the chain \"undo\" says what teardown restores."
			       "\nnft -f - <<'END'\n%sEND\n",
			       table);
	for (int i = 0; rules->plan.mode == RULES_IPTABLES && i < N_RULES_FAMILIES; i++) {
		enum rules_family family = (enum rules_family)i;
		g_autofree char *words = rules_iptables_text(&rules->plan, family, NULL);

		g_string_append_printf(text,
				       "\n# nf_tables of this kernel can not queue; run this "
				       "once.\n%s --noflush <<'END'\n%sEND\n",
				       rules_iptables_restore_program(family), words);
	}
	print_steps(text, steps.after, "\n# The host.\n", "\n# The host is set up already.\n");
	steps_deinit(&steps);
	return g_string_free(text, FALSE);
}

int rules_in_kernel(const char *instance, char **ret, char **ret_error)
{
	g_autofree char *table = rules_table_name(instance);
	g_autofree char *command = g_strdup_printf("list table inet %s", table);
	g_autofree char *listing = NULL, *error = NULL;
	g_autoptr(GRegex) handles = g_regex_new(" # handle [0-9]+", 0, 0, NULL);
	int r = rules_kernel_nft(command, false, &listing, &error);

	if (r < 0 && r != -ENOENT) {
		*ret_error = g_steal_pointer(&error);
		return r;
	}
	*ret = r < 0 ? g_strdup("") : g_regex_replace_literal(handles, listing, -1, 0, "", 0, NULL);
	return 0;
}

/* The table of another instance on this host, or NULL. */
static char *other_table(const char *table)
{
	g_autofree char *listing = NULL;
	g_auto(GStrv) lines = NULL;

	/* As quick as it sounds, unlike "list tables", which reads all elements. */
	if (rules_kernel_nft("list chains inet", false, &listing, NULL) < 0)
		return NULL;
	lines = g_strsplit(listing, "\n", -1);
	for (char **line = lines; *line != NULL; line++) {
		g_auto(GStrv) words = g_strsplit(*line, " ", 4);

		if (g_strv_length(words) >= 3 && strcmp(words[2], table) != 0 &&
		    !g_str_has_suffix(words[2], RULES_STAND_IN) &&
		    (strcmp(words[2], "nat64d") == 0 || g_str_has_prefix(words[2], "nat64d_")))
			return g_strdup(words[2]);
	}
	return NULL;
}

/* What instances share (sysctls, built-in chains) the last of them undoes: the records go over to
 * another's table. Routes are for one's own Pool6 or pool4 and stay in undo. */
static int hand_over(const char *table, GPtrArray *undo, char **ret_error)
{
	g_autofree char *other = other_table(table);
	g_autoptr(GString) text = g_string_new(NULL);
	int r = 0;

	if (other == NULL)
		return 0;
	for (guint i = undo->len; i-- > 0;) {
		const char *record = g_ptr_array_index(undo, i);

		if (g_str_has_prefix(record, "route ") || g_str_has_prefix(record, "announce "))
			continue;
		/* At the head, as this loop goes backwards: the order stays. */
		g_string_append_printf(text, "insert rule inet %s undo return comment \"%s\"\n",
				       other, record);
		g_ptr_array_remove_index(undo, i);
	}
	if (text->len > 0)
		r = rules_kernel_nft(text->str, false, NULL, ret_error);
	return r;
}

int rules_remove(const char *instance, bool *ret_changed, char **ret_error)
{
	g_autoptr(GPtrArray) undo = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *table = rules_table_name(instance);
	g_autofree char *device = rules_inject_device(instance);
	/* A stand-in is there only if a daemon was killed in the middle of a change. */
	g_autofree char *command =
		g_strdup_printf("delete table inet %s\nadd table inet %s" RULES_STAND_IN
				"\ndelete table inet %s" RULES_STAND_IN,
				table, table, table);
	g_autofree char *why_not = NULL;
	bool changed = false, removed = false, there;
	int r, undone;

	/* Whether one may at all, before anything else fails with less clear words. */
	r = rules_kernel_nft("list chains", false, NULL, ret_error);
	if (r < 0)
		return r;
	there = read_undo(table, undo);
	r = hand_over(table, undo, ret_error);
	if (r == 0)
		r = rules_iptables_remove(table, undo, &changed, ret_error);
	if (r < 0)
		return r;
	undone = rules_host_undo(undo, &why_not);
	if (there) {
		r = rules_kernel_nft(command, false, NULL, ret_error);
		changed = true;
	}
	(void)netlink_veth_remove(device, &removed);
	changed = changed || removed;
	if (r == 0 && undone < 0) {
		*ret_error = g_steal_pointer(&why_not);
		r = undone;
	}
	if (r == 0 && ret_changed != NULL)
		*ret_changed = changed;
	return r;
}
