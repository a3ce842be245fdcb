/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The journal as a source of who had an address and port: what nat64d logged there with
 * Log.Bindings=yes, found by the journal's own index of fields.
 *
 * Anybody may write entries that look like nat64d's. Those count that a system service nat64d or
 * nat64d@INSTANCE has written, or root; journald itself says who it was. Daemons and hosts are told
 * apart: two of them may have the same private address.
 */
#pragma once

#include "tools/owner.h"

struct owner_question {
	struct taddr4 mapped;
	uint64_t from_usec, until_usec; /* of CLOCK_REALTIME */
	const char *instance;           /* only this one's service; NULL: any daemon */
};

struct owner_journal {
	bool is_readable;    /* there is one, and we may read it */
	uint64_t since_usec; /* of the first binding or block that it has; OWNER_NEVER: none */
	unsigned n_foreign;  /* entries that are others', or make no sense */
};

/*
 * Appends to ret (of struct owner), the earliest first; directory: of the journal's files, NULL:
 * this host's journal. NULL, or a sentence why it can not be read, for g_free().
 */
char *owner_journal_read(const char *directory, const struct owner_question *question, GArray *ret,
			 struct owner_journal *ret_journal);
