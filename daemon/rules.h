/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packet rules: what makes the kernel hand packets to the daemon, and the host set-up around it
 * (issue 2, item 4, P-18, P-24, X-17, X-18).
 *
 * One nft table of our own (family inet, "nat64d" or "nat64d_INSTANCE"), replaced as a whole in one
 * transaction; where the kernel's nf_tables can not queue, it marks and a jump in iptables' raw and
 * mangle tables queues. The rules stay when the daemon exits: without it nothing to Pool6 or pool4
 * leaks. rules_remove() undoes everything that rules_apply() did; what that was stands in comments
 * of the table's chain "undo", so it needs neither a file nor the daemon that wrote it.
 *
 * Everything here blocks (netlink, one or two child processes) and belongs to the control thread.
 * Functions return 0 or a negative errno; then *ret_error is one sentence, to be freed with
 * g_free().
 */
#pragma once

#include <glib.h>

#include "daemon/config.h"

/* How the kernel hands packets to a queue. */
enum rules_mode {
	RULES_NFT,      /* nft's queue expression */
	RULES_IPTABLES, /* nft marks, iptables' NFQUEUE takes what is marked */
	RULES_NONE,     /* Queue.Rules=none: the operator's own rules; only the host is set up */
};

/* What of the IPv4 side is to be taken: an entry of pool4, or one static binding's address and
 * port. Several may overlap. */
struct rules_entry {
	const struct addr4_range *addresses;
	uint32_t n_addresses;
	const struct port_ranges *ports; /* only used for the host's own addresses */
	bool protocol[N_PROTOCOLS];
	const char *name; /* for messages; NULL: a static binding, about which there are none */
};

/* What the operator should know: a sentence with the command that settles it. */
struct rules_warning {
	char *entry;   /* name of the entry that it is about, or NULL */
	uint32_t addr; /* or the host's own address, or 0 */
	char *text;
};

/* An array of them. */
GPtrArray *rules_warnings_new(void);
/* entry and addr as in struct rules_warning; takes text over. */
void rules_warnings_add(GPtrArray *warnings, const char *entry, uint32_t addr, char *text);

struct rules;

/* How many pairs of queues there are: TCP goes to Queue.First and the n - 1 after it, the rest to
 * the n numbers after those. The daemon binds all 2n when it starts, so in a configuration by which
 * one runs it is what was counted then. */
uint32_t rules_n_workers(const struct config *config);
/* What it would be for a daemon that starts now: auto is one for each processor that is online. */
uint32_t rules_count_workers(const struct config *config);

/* "nat64d", "nat64d_NAME". Instance NULL or "" is the one without a name. g_free() */
char *rules_table_name(const char *instance);

/* The interface by which TCP comes into the kernel's forwarding (inject.h): "nat64d", or for an
 * instance "n64-NAME", made short enough for an interface. g_free() */
char *rules_inject_device(const char *instance);

/*
 * Finds out what the kernel can do (nothing is left behind by that). config is only read during the
 * call. Queue.Rules=nft or iptables that this host can not do is an error.
 */
int rules_open(const char *instance, const struct config *config, struct rules **ret,
	       char **ret_error);
/* Would rules_open() with this configuration come to the same? It is not asked of the kernel. */
bool rules_are_of(const struct rules *rules, const struct config *config);
void rules_close(struct rules *rules); /* leaves the rules in place */
enum rules_mode rules_mode(const struct rules *rules);

/*
 * Before rules_apply(), at boot, while the host does not know its own addresses: as long as that
 * table stays, who sends TCP to one of these ports of the host's gets no reset, and nobody hears
 * from it of an unreachable port. It would end what a restored session is to go on with.
 */
void rules_keep_quiet(struct rules *rules, const struct port_ranges *ports);

/*
 * Sets up the host (forwarding, route for Pool6, announcing of pool4) and puts the whole table in
 * place of the one that was there. Idempotent. Reads the host's own addresses and more specific
 * native routes and whether the host tracks connections. If it fails, what it had begun has
 * been undone.
 */
int rules_apply(struct rules *rules, const struct rules_entry *entries, uint32_t n_entries,
		char **ret_error);

/*
 * The entries, the host's addresses or routes may have changed: brings the table up to date by the
 * difference only, in one transaction. Cheap when nothing changed. After rules_apply() only. The
 * caller collects changes for up to 100 ms; an entry may be used once this returned 0.
 */
int rules_update(struct rules *rules, const struct rules_entry *entries, uint32_t n_entries,
		 char **ret_error);

/* The same if nothing has changed but that these entries have come: takes time for them only, not
 * for all that there are. False: rules_update() is needed, as this host has to do with one of them,
 * by an address, a link or a route, or as something is not well, of which that will tell. */
bool rules_add(struct rules *rules, const struct rules_entry *entries, uint32_t n_entries);

/* After each of these: how packets for the i-th of its entries come here, of enum pool4_reach. */
unsigned rules_reach(const struct rules *rules, uint32_t i);
/* After rules_apply() or rules_update(): array of struct rules_warning, which belong to rules and
 * stay until the next of these calls. */
const GPtrArray *rules_warnings(const struct rules *rules);

/* After rules_apply(): has the kernel still what we put there, and nothing else in our table and,
 * in that mode, in our chains of iptables? Somebody may have flushed it, or put something else in
 * its place: then rules_apply() again. Cheap as long as nobody changes anything in nf_tables. */
bool rules_present(struct rules *rules);

/* All that rules_apply() would do, as a shell script for people. g_free() */
char *rules_print(struct rules *rules, const struct rules_entry *entries, uint32_t n_entries);

/* What the kernel has of our table, as nft says it, to be compared with what it has at another
 * time: without handles, which come anew with each table. "" if there is none. g_free(). -EPERM: we
 * may not know; with that and every other error *ret_error is one sentence. */
int rules_in_kernel(const char *instance, char **ret, char **ret_error);

/* Undoes everything, whoever did it. *ret_changed (may be NULL): was there anything? */
int rules_remove(const char *instance, bool *ret_changed, char **ret_error);
