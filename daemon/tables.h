/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bindings and sessions in a file of memory (memfd), which one daemon leaves to its successor: all
 * rows of persist.h behind a header, of fixed size, in the order in which they are restored.
 *
 * It lasts no longer than the boot, so its times are those of the core's clock. What is read is
 * judged as if a stranger had written it: here its form, in persist.c what it means.
 */
#pragma once

#include "daemon/core/persist.h"
#include "daemon/gateway.h"

/* Changes with every change of the rows or the header. */
#define TABLES_FORMAT 1

/* All that there is, and the owner of the database beside it (store.h, 0 = none), with the
 * gateway's lock for some hundred rows at a time; packets have stopped. 0 or a negative errno. */
int tables_save(struct gateway *gateway, uint64_t owner, int *ret_fd);

/* The owner in them; 0 as below. */
int tables_owner(int fd, uint64_t *ret);
/*
 * Calls each for all rows; pool6 is what the prefixes in them are now. Rows with values that are
 * never written are only counted. 0, or a negative errno, with no row read: -EPROTONOSUPPORT of a
 * format that we do not know, -EBADMSG of no such file, or one that is shorter than it says.
 */
int tables_load(int fd, const struct prefix6 pool6[NAT64_POOL6_MAX],
		void (*each)(void *context, const struct persist_row *row), void *context,
		uint64_t *ret_n_bad);

/* What it says is not the state any more: nobody can load it again. */
void tables_spend(int fd);
