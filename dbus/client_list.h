/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The clients that use most, copied out slice by slice as list.h's rows are. */
#pragma once

#include "daemon/core/nat64.h"
#include "daemon/gateway.h"

enum client_sort { CLIENT_BY_BINDINGS, CLIENT_BY_SESSIONS, CLIENT_BY_REFUSED };

/* "" is by bindings. */
bool client_sort_parse(const char *text, enum client_sort *ret);

struct client_row {
	struct client_view client;
	uint8_t prefix_length;
	uint64_t n_refused;
};

/* Of one slice, at once: those inside the prefix (NULL: all) from position *next on, which is
 * moved, and SLAB_NONE at the end. */
uint32_t client_list_slice(struct gateway *gateway, const struct prefix6 *inside, uint32_t *next,
			   struct client_row *rows, uint32_t capacity);

/* The first of those inside the prefix (NULL: of all), those that use most first; returns how many
 * rows. */
uint32_t client_list(struct gateway *gateway, const struct prefix6 *inside, enum client_sort sort,
		     struct client_row *rows, uint32_t capacity);
