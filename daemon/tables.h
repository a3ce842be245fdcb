/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bindings and sessions in a file of memory (memfd), which one daemon leaves to its successor: the
 * rows of one part (persist.h) behind a header, of fixed size, in the order in which they are
 * restored; behind them the bindings that have ended and are not stored (L-13).
 *
 * It lasts no longer than the boot, so its times are those of the core's clock. What is read is
 * judged as if a stranger had written it: here its form, in persist.c what it means.
 */
#pragma once

#include "daemon/core/persist.h"
#include "daemon/gateway.h"

/* Changes with every change of the rows or the header. */
#define TABLES_FORMAT 4

/* This part of what there is, with_closed if it is the successor who is to store what has ended,
 * and the owner of the database beside it (store.h, 0 = none), with the gateway's lock for some
 * hundred rows at a time. Packets have stopped, but for PERSIST_STORED. 0 or a negative errno. */
int tables_save(struct gateway *gateway, enum persist_part part, bool with_closed, uint64_t owner,
		int *ret_fd);

/* The owner in them; 0 as below. */
int tables_owner(int fd, uint64_t *ret);
/* Above all indices of a kind that it has, which is about how many there are; 0 as below. */
int tables_reach(int fd, uint64_t ret[N_PERSIST_KINDS]);
struct tables_reader {
	void (*row)(void *context, const struct persist_row *row);          /* NULL: not wanted */
	void (*closed)(void *context, const struct closed_binding *closed); /* NULL: not wanted */
	void *context;
};
/*
 * Calls reader's for all that there is of this part; pool6 is what the prefixes in it are now. Rows
 * with values that are never written are only counted. 0, or a negative errno, with nothing read:
 * -EPROTONOSUPPORT of a format that we do not know, -EBADMSG of no such file, of another part, or
 * of one that is shorter than it says.
 */
int tables_load(int fd, enum persist_part part, const struct prefix6 pool6[NAT64_POOL6_MAX],
		const struct tables_reader *reader, uint64_t *ret_n_bad);

/* What it says is not the state any more: nobody can load it again. */
void tables_spend(int fd);
