/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the core's queue of bindings that have ended into the store, and out of that again when they
 * are older than State.Retention: a part of the writer, in its thread.
 *
 * What has ended is in the same transaction as the row that goes with it, or in one before. So a
 * crash loses neither: at worst a binding is found with its row, and ends once more.
 */
#pragma once

#include "daemon/gateway.h"
#include "schema/closed_clock.h"
#include "schema/store.h"

/* But for these two zeroed: nothing is under way. */
#define CLOSED_WRITER(a_gateway) \
	((struct closed_writer){.gateway = (a_gateway), .retention_s = UINT32_MAX})
struct closed_writer {
	struct gateway *gateway;
	uint64_t put;          /* number of the first one that is not in the transaction */
	uint64_t forgotten_ms; /* when it was last looked for what is too old, */
	uint32_t retention_s;  /* and how old that was; UINT32_MAX: never yet */
	struct closed_clock clock;
	uint64_t lost_ms; /* when it was told of n_lost */
	uint64_t n_lost;
};

/* Is there something to store or to forget? */
bool closed_writer_has_work(const struct closed_writer *writer);
/* In a transaction, behind the rows that are taken: all that have ended until now, and what is too
 * old. 0 or the store's error; if that is committed, closed_writer_stored(). */
int closed_writer_put(struct closed_writer *writer, struct store *store);
void closed_writer_stored(struct closed_writer *writer);
/* What has piled up while nothing could be stored, but for so many: in transactions of their own.
 */
int closed_writer_put_pile(struct closed_writer *writer, struct store *store, uint64_t but,
			   uint64_t owner);

/* How many were lost since it was asked last, at most once a minute. */
uint64_t closed_writer_take_lost(struct closed_writer *writer);
