/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Puts rows back into the core, from wherever they come, and says in the log what became of them.
 * Before any packet comes, so nobody waits for the gateway's lock. Control thread.
 */
#pragma once

#include "daemon/core/persist.h"
#include "daemon/core/pool4.h"
#include "daemon/gateway.h"

struct restore {
	struct gateway *gateway;
	uint64_t now_ms;
	uint32_t n_restored[N_PERSIST_KINDS];
	uint32_t n_refused[N_PERSIST_KINDS][N_PERSIST_RESULTS];
	uint64_t n_bad; /* rows that were not even that */
	uint32_t n_held;
	struct persist_row waiting[PERSIST_BLOCK]; /* rows that are not judged yet */
	unsigned n_waiting;
};

/* context is a struct restore; what becomes of it may show later, and does by restore_rows_end().
 */
void restore_row(void *context, const struct persist_row *row);
void restore_rows_end(struct restore *restore);
/* Nobody else gets the port of one that could not be put back, at first. */
void restore_hold(struct restore *restore, enum protocol protocol, const struct taddr4 *mapped,
		  enum pool4_hold_kind kind);
/* All rows of a predecessor's tables (tables.h), PERSIST_ALL or PERSIST_STORED, and which of them
 * are not as they are in his database. 0 or a negative errno, with nothing restored. */
int restore_tables(struct restore *restore, enum persist_part part, int fd);
/* What has changed in them since PERSIST_STORED. If there is somebody who stores it, bindings that
 * have ended with him are noted; their ports are held. 0 or a negative errno, with nothing changed.
 */
int restore_changes(struct restore *restore, int fd);

void restore_report(const struct restore *restore, const char *remark);
