/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Next hops that do not answer ARP or neighbour solicitation.
 *
 * The kernel tells of each failure. A next hop that has failed counts as dead for a second; then
 * one packet may try it again, which makes the kernel ask anew; the next one after the kernel has
 * failed again. Who asks takes nothing from others: it is tried when a packet goes, not before, as
 * one may be decided twice, or be somebody's question only. An answer ends it at once. Bounded:
 * whoever makes the gateway look for thousands of absent neighbours pushes the older ones out,
 * which costs their clients an ICMP error, nothing else.
 *
 * The control thread feeds the news, any thread may ask; a lock inside is held for one look-up, and
 * not taken while nothing has failed.
 */
#pragma once

#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>

struct neighbours;

int neighbours_new(struct neighbours **ret);
void neighbours_free(struct neighbours *neighbours);

/* News: RTM_NEWNEIGH, RTM_DELNEIGH. */
void neighbours_note(struct neighbours *neighbours, const struct nlmsghdr *nlh, uint64_t now_ms);
/* News were lost: forgets all failures. */
void neighbours_clear(struct neighbours *neighbours);

enum neighbours_state {
	NEIGHBOURS_WELL, /* as far as is known */
	NEIGHBOURS_DEAD,
	NEIGHBOURS_ON_TRIAL, /* it has failed, and a packet may try it */
};

/* addr: 4 or 16 bytes in network order, by family. */
enum neighbours_state neighbours_ask(struct neighbours *neighbours, unsigned ifindex, int family,
				     const void *addr, uint64_t now_ms);
/* A packet goes to one that is on trial: dead for others, until the kernel has told of it. */
void neighbours_tried(struct neighbours *neighbours, unsigned ifindex, int family, const void *addr,
		      uint64_t now_ms);
