/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is decided about a packet before anything is done: where it goes, and what becomes of the
 * tables. nat64_receive() carries it out; who only asks (nat64_explain()) reads it.
 */
#pragma once

#include "daemon/core/filter.h"

struct decision {
	bool known_only; /* asked for by the caller: see filter.h */
	int pool6; /* from the IPv6 side: index of the prefix of its destination; -1: of none */
	uint32_t peer4; /* and the address embedded there */
	bool hairpinned;
	bool has_plan; /* the tables were asked: what plan says was found */
	bool goes_out; /* plan is whole and stands; of a hairpinned packet whatever becomes of it on
			  its way back */
	bool has_back; /* hairpinned, and another binding was asked for its way back: back */
	bool has_route; /* towards where it leaves: route */
	struct filter_plan plan;
	struct filter_plan back;
	struct route_answer route;
	struct xlat_path path;
	uint32_t limit; /* bytes of one piece */
	uint32_t mtu;   /* for OUTCOME_TOO_BIG */
};
