/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sentences of changes: bounded, of one line, UTF-8 wherever they are cut. */
#pragma once

#include <glib.h>

#include "daemon/change.h"
#include "daemon/core/pool4.h"

/* Bytes of a wrong word that a sentence repeats. */
#define CHANGE_QUOTED_MAX 64

/* Ends with this error and sentence. */
void change_fail(struct change_result *ret, enum change_error error, const char *format, ...)
	G_GNUC_PRINTF(3, 4);
/* What was done, or with dry_run would be: the sentence, and that something changes. */
void change_done(struct change_result *ret, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* Nothing is to be done: why not. */
void change_nothing(struct change_result *ret, const char *format, ...) G_GNUC_PRINTF(2, 3);
void change_warn(struct change_result *ret, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* "192.0.2.8/29, tcp udp icmp, ports 1024-65535": addresses and ports cut if they are many. */
#define CHANGE_SPEC_SIZE 256
const char *change_spec_text(const struct pool4_spec *spec, char ret[CHANGE_SPEC_SIZE]);
/* "192.0.2.8/29", cut if they are many. */
#define CHANGE_ADDRESSES_SIZE 96
const char *change_addresses_text(const struct pool4_spec *spec, char ret[CHANGE_ADDRESSES_SIZE]);
