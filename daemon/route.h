/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Routes, as the kernel would choose them for what the daemon sends, in a bounded cache by
 * destination.
 *
 * A destination that is not in the cache costs a question to the kernel. Answers are kept for at
 * most ten seconds (F-27: path MTUs that the kernel learns are not announced) and until the next
 * news. The cache belongs to the packet thread; route_cache_flush() may be called by any thread.
 */
#pragma once

#include "daemon/core/addr.h"
#include "daemon/core/siphash.h"
#include "daemon/netlink.h"

struct route {
	bool exists;
	bool by_default; /* IPv6 only: the route that matched is ::/0 */
	bool has_source;
	uint8_t next_hop_family; /* of next_hop, 0 = there is none: the destination is on the link
				  */
	unsigned ifindex;
	uint32_t mtu;         /* of the route or the path; 0 = the device's */
	uint8_t next_hop[16]; /* network order */
	uint8_t source[16];   /* what the host would use, network order */
};

/* How to ask. */
struct route_question {
	int family;
	uint8_t dst[16]; /* 4 or 16 bytes, network order */
	uint32_t mark;
	unsigned ifindex; /* 0 = any; else only routes out of this interface */
};

/* 0 also if no route exists. Does not fill by_default. */
int route_ask(struct netlink *netlink, const struct route_question *question, struct route *ret);

struct route_cache;

int route_cache_new(uint32_t mark, const struct siphash_key *key, struct route_cache **ret);
void route_cache_free(struct route_cache *cache);
void route_cache_flush(struct route_cache *cache);

/* The answer stays until the next call. Never NULL: what the kernel can not say does not exist. */
const struct route *route_find6(struct route_cache *cache, const struct addr6 *dst,
				uint64_t now_ms);
const struct route *route_find4(struct route_cache *cache, uint32_t dst, uint64_t now_ms);
