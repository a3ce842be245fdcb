/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The packet rules of a running daemon: whether they are in place, and that they get there again.
 */
#pragma once

#include "daemon/config.h"
#include "daemon/gateway.h"
#include "daemon/pool4_sync.h"
#include "daemon/rules.h"

/* One per daemon, in the control thread. */
struct daemon_rules {
	const char *instance;
	struct gateway *gateway; /* is told in rules_in_place */
	struct pool4_sync *sync; /* knows what they are to say */
	struct rules *rules;
	struct rules *before;     /* until rules has been put once; NULL: there are none */
	uint64_t (*now_ms)(void); /* gateway_now_ms() */
	bool applied;             /* else the whole table is still to be put in place */
	/* Of daemon_rules_keep(), in milliseconds of now_ms(). */
	uint64_t not_before_ms; /* the next time that it puts back what somebody has changed */
	uint64_t said_ms;       /* when it said that last, or 0 */
	unsigned n_unsaid;      /* times since then */
};

/*
 * Rules for this configuration instead of those of before, if there were any; still to be put in
 * place, unless they are the same. 0, or a negative errno with one sentence in *ret_error
 * (g_free()); those of before then stay. Going back to what was put last does not fail.
 */
int daemon_rules_open(struct daemon_rules *rules, const struct config *config, char **ret_error);
/* The kernel keeps what it has. */
void daemon_rules_close(struct daemon_rules *rules);

/*
 * Puts what extent says in place, and everything if nothing is yet. 0, or a negative errno, which
 * is logged; ret_error may be NULL.
 */
int daemon_rules_put(struct daemon_rules *rules, enum pool4_sync_extent extent, char **ret_error);

/*
 * Puts in place what has changed, and everything if somebody has changed or removed what was there.
 * Logs what it finds. With another program that does the same nobody would have rest: so not more
 * than once a second, nor right away again where that takes longer. Returns after how many
 * milliseconds there is something left to do, or 0: nothing is.
 */
uint64_t daemon_rules_keep(struct daemon_rules *rules);
