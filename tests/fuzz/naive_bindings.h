/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All bindings of a NAT64 in a plain array, to be counted and compared one by one.
 */
#pragma once

#include "daemon/core/nat64.h"

#define NAIVE_BINDINGS_MAX 16

struct naive_binding {
	enum protocol protocol;
	struct taddr6 client;
	struct taddr4 mapped;
	uint32_t pool4;
	bool is_static;
};

struct naive_bindings {
	unsigned n;
	struct naive_binding at[NAIVE_BINDINGS_MAX];
};

/* As the tables have them. */
void naive_bindings_read(const struct nat64 *nat, struct naive_bindings *ret);

/* NULL if there is none. */
const struct naive_binding *naive_bindings_find6(const struct naive_bindings *bindings,
						 enum protocol protocol,
						 const struct taddr6 *client);
const struct naive_binding *naive_bindings_find4(const struct naive_bindings *bindings,
						 enum protocol protocol,
						 const struct taddr4 *mapped);

/* Is it there, just like this? */
bool naive_bindings_have(const struct naive_bindings *bindings,
			 const struct naive_binding *binding);
