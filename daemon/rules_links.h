/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interfaces that make superpackets larger than a queue can carry (65531 bytes): "BIG TCP", which
 * somebody has turned on. What a kernel makes without orders is 65536 at most, and TCP less than
 * that, so such interfaces are left as they are.
 */
#pragma once

#include <glib.h>
#include <stdint.h>

/* Bytes, as in "ip link set NAME gso_max_size N"; 0 = this kernel does not tell. */
struct rules_link_sizes {
	uint32_t gso;
	uint32_t gro;
	uint32_t gso4; /* of IPv4, where that differs */
	uint32_t gro4;
};

#define RULES_LINKS_FIT 65000 /* for those that are too large */

struct rules_big_link {
	char name[16];
	struct rules_link_sizes sizes;
};

/* Array of struct rules_big_link: those that are too large; empty if they can not be read. */
GArray *rules_links_read(void);
/* 0, also if there is no such interface any more, or a negative errno. */
int rules_links_set(const char *name, const struct rules_link_sizes *sizes);
