/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the packet rules are to say, before it is said in anybody's language: prefixes, ranges and
 * ports, merged, sorted and split into what is the host's own and what is not. Pure: no system
 * calls.
 *
 * The split matters because an address of the host's own is shared with the host: there only the
 * entry's ports and ICMP identifiers are ours (P-18), while any other pool4 address is ours as a
 * whole.
 */
#pragma once

#include <glib.h>

#include "daemon/rules.h"

/* One protocol's range of ports (ICMP: identifiers) of an address of the host's own. */
struct rules_own {
	uint32_t addr;
	enum protocol protocol;
	uint16_t first;
	uint16_t last;
};

struct rules_plan {
	char *table;
	enum rules_mode mode;
	struct config_mark mark;
	uint32_t queue_first;
	uint32_t workers;
	bool by_flow;        /* nf_tables can choose a queue by more than addresses */
	char *inject_device; /* by which TCP comes that the daemon sends; NULL: by none */
	bool local_traffic;
	bool conntrack;           /* the host tracks IPv4 connections: P-24 */
	GArray *pool6;            /* struct prefix6 */
	GArray *exempt6;          /* struct prefix6: as configured, and exempt4 inside Pool6 */
	GArray *native6;          /* struct prefix6: more specific native routes */
	GArray *exempt4;          /* struct addr4_range, merged; so are the next two */
	GArray *native4;          /* struct addr4_range */
	GArray *pool4;            /* struct addr4_range: without the host's own addresses */
	GArray *own;              /* struct rules_own, merged */
	struct port_ranges quiet; /* of which nobody is told that nothing listens; mostly none */
	bool announces;     /* Pool4.Announce is not none, and there are rules that drop the rest */
	char **announce_on; /* names of links; NULL = all */
	GArray *announce;   /* struct prefix4: what the kernel is to answer ARP for */
	GArray *reach;      /* unsigned: of enum pool4_reach, for each entry */
	GPtrArray *warnings; /* struct rules_warning, by rules_warnings_new() */
	GPtrArray *undo;     /* records: how to undo what was done to the host (rules_host.h) */
};

void rules_plan_init(struct rules_plan *plan, const char *instance, const struct config *config,
		     enum rules_mode mode);
void rules_plan_deinit(struct rules_plan *plan);
/* Does this configuration ask for what the plan has from the one it was made of? */
bool rules_plan_is_of(const struct rules_plan *plan, const struct config *config);

/* The IPv4 side. own: addresses of the host's interfaces, in any order. */
void rules_plan_set_entries(struct rules_plan *plan, const struct rules_entry *entries,
			    uint32_t n_entries, const uint32_t *own, size_t n_own);
/* Native unicast routes: takes over those that are more specific than a Pool6 prefix, or than a
 * range of addresses of an entry. */
void rules_plan_set_native(struct rules_plan *plan, const struct rules_entry *entries,
			   uint32_t n_entries, const GArray *routes6, const GArray *routes4);

/* More entries, none of them with an address of the host's own. */
void rules_plan_add_entries(struct rules_plan *plan, const struct rules_entry *entries,
			    uint32_t n_entries);
/* Would rules_plan_set_native() take over one of these routes because of the entries? */
bool rules_plan_has_native(const struct rules_entry *entries, uint32_t n_entries,
			   const GArray *routes4);

/* Sorts, and merges what overlaps or touches. Array of struct addr4_range. */
void rules_plan_merge4(GArray *ranges);
/* Appends a range that is not before the last one; merges it with that if they overlap or touch. */
void rules_plan_append4(GArray *ranges, const struct addr4_range *range);
/* Where the IPv4 prefix lies inside the Pool6 prefix (RFC 6052, 2.2). */
struct prefix6 rules_plan_embed(const struct prefix6 *pool6, const struct prefix4 *prefix4);

/* Marks inside Queue.Mark's mask, neither 0 nor the daemon's own, each with as few bits flipped as
 * possible. False if the mask has less than two bits. */
struct rules_marks {
	uint32_t take;  /* to the daemon or nowhere */
	uint32_t offer; /* to the daemon, without it to the host */
};
bool rules_plan_marks(const struct config_mark *mark, struct rules_marks *ret);
