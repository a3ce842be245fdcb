/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A copy of the database while it is written to, by SQLite's online backup, as it is at one moment.
 * In whatever thread; a step of it is short, and between two it may be stopped.
 */
#pragma once

#include <stdatomic.h>

#include "schema/store.h"

/* path, which is replaced as a whole or stays as it was: of mode 0600, power-safe when this
 * returns. *ret_rows: bindings and sessions in it. A negative errno with a sentence in text;
 * nothing is left then. -ECANCELED: *stop was set. */
int store_snapshot(const struct store_config *config, const char *path, const atomic_bool *stop,
		   uint64_t *ret_rows, char text[STORE_TEXT_SIZE]);
