/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The interfaces of this host: MTU in both families, whether packets can leave, and their names.
 *
 * The control thread reads them anew after news of the kernel; any thread may look. A lock inside
 * is held for one look-up.
 */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

struct links;

struct link {
	uint32_t mtu4;
	uint32_t mtu6;
	bool up;     /* set up, with a carrier */
	bool silent; /* see links_set_silent() */
};

int links_new(struct links **ret);
void links_free(struct links *links);

/* Asks the kernel for all of them. changed, which may be NULL, is told of each known interface
 * that has come up or gone down since the last time. */
int links_read(struct links *links, void (*changed)(void *context, unsigned ifindex, bool up),
	       void *context);

/* By which interfaces no ICMP errors of our own leave (I-31): their names, NULL-terminated, or NULL
 * for none. They are copied, and need not exist yet. Control thread. */
int links_set_silent(struct links *links, char *const *names);

bool links_get(struct links *links, unsigned ifindex, struct link *ret);

/* For messages, from libnfnetlink's table: "eth0", or "interface 7" when it has none. name holds
 * LINKS_NAME_SIZE bytes and is returned. Control thread only. */
#define LINKS_NAME_SIZE 32
const char *links_name(struct links *links, unsigned ifindex, char *name);
