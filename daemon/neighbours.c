/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/neighbours.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/netlink.h"

#define N_SETS     256
#define N_WAYS     4
#define RETRY_MS   1000
#define TRYING_MS  4000 /* the kernel tries for 3 s, by default, and then tells */
#define FORGET_MS  10000
#define VALID_NUDS (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP)

struct neighbour {
	unsigned ifindex; /* 0 = free */
	uint8_t family;
	uint8_t addr[16];
	uint64_t failed_ms;
	uint64_t retry_ms;
};

struct neighbours {
	atomic_uint n_dead;
	pthread_mutex_t lock; /* guards dead, and changes of n_dead */
	struct neighbour dead[N_SETS][N_WAYS];
};

static struct neighbour make(unsigned ifindex, int family, const void *addr)
{
	struct neighbour neighbour = {.ifindex = ifindex, .family = (uint8_t)family};

	memcpy(neighbour.addr, addr, family == AF_INET ? 4 : 16);
	return neighbour;
}

static struct neighbour *set_of(struct neighbours *neighbours, const struct neighbour *key)
{
	/* FNV-1a: collisions only push out, so they need no secret. */
	uint32_t hash = 2166136261u ^ key->ifindex;

	for (size_t i = 0; i < sizeof(key->addr); i++)
		hash = (hash ^ key->addr[i]) * 16777619u;
	return neighbours->dead[(hash ^ hash >> 16) % N_SETS];
}

static bool same(const struct neighbour *a, const struct neighbour *b)
{
	return a->ifindex == b->ifindex && a->family == b->family &&
	       memcmp(a->addr, b->addr, sizeof(a->addr)) == 0;
}

static struct neighbour *find(struct neighbours *neighbours, const struct neighbour *key)
{
	struct neighbour *set = set_of(neighbours, key);

	for (unsigned i = 0; i < N_WAYS; i++)
		if (same(&set[i], key))
			return &set[i];
	return NULL;
}

int neighbours_new(struct neighbours **ret)
{
	struct neighbours *neighbours = calloc(1, sizeof(*neighbours));

	if (!neighbours)
		return -ENOMEM;
	(void)pthread_mutex_init(&neighbours->lock, NULL);
	*ret = neighbours;
	return 0;
}

void neighbours_free(struct neighbours *neighbours)
{
	if (!neighbours)
		return;
	(void)pthread_mutex_destroy(&neighbours->lock);
	free(neighbours);
}

static void forget(struct neighbours *neighbours, struct neighbour *neighbour)
{
	*neighbour = (struct neighbour){0};
	atomic_fetch_sub(&neighbours->n_dead, 1);
}

static void remember(struct neighbours *neighbours, const struct neighbour *key, uint64_t now_ms)
{
	struct neighbour *place = find(neighbours, key);

	if (!place) {
		struct neighbour *set = set_of(neighbours, key);

		place = &set[0];
		for (unsigned i = 1; i < N_WAYS && place->ifindex != 0; i++)
			if (set[i].ifindex == 0 || set[i].failed_ms < place->failed_ms)
				place = &set[i];
		if (place->ifindex == 0)
			atomic_fetch_add(&neighbours->n_dead, 1);
		*place = *key;
	}
	place->failed_ms = now_ms;
	place->retry_ms = now_ms + RETRY_MS;
}

void neighbours_note(struct neighbours *neighbours, const struct nlmsghdr *nlh, uint64_t now_ms)
{
	const struct ndmsg *header = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr[NDA_DST + 1];
	struct neighbour key;
	struct neighbour *known;

	netlink_attributes(nlh, sizeof(*header), attr, NDA_DST + 1);
	if (!attr[NDA_DST] ||
	    !((header->ndm_family == AF_INET && mnl_attr_get_payload_len(attr[NDA_DST]) == 4) ||
	      (header->ndm_family == AF_INET6 && mnl_attr_get_payload_len(attr[NDA_DST]) == 16)))
		return;
	key = make((unsigned)header->ndm_ifindex, header->ndm_family,
		   mnl_attr_get_payload(attr[NDA_DST]));

	(void)pthread_mutex_lock(&neighbours->lock);
	if (nlh->nlmsg_type == RTM_NEWNEIGH && header->ndm_state & NUD_FAILED) {
		remember(neighbours, &key, now_ms);
	} else if (nlh->nlmsg_type == RTM_DELNEIGH || header->ndm_state & VALID_NUDS) {
		known = find(neighbours, &key);
		if (known)
			forget(neighbours, known);
	}
	(void)pthread_mutex_unlock(&neighbours->lock);
}

void neighbours_clear(struct neighbours *neighbours)
{
	(void)pthread_mutex_lock(&neighbours->lock);
	memset(neighbours->dead, 0, sizeof(neighbours->dead));
	atomic_store(&neighbours->n_dead, 0);
	(void)pthread_mutex_unlock(&neighbours->lock);
}

enum neighbours_state neighbours_ask(struct neighbours *neighbours, unsigned ifindex, int family,
				     const void *addr, uint64_t now_ms)
{
	enum neighbours_state state = NEIGHBOURS_WELL;
	struct neighbour key;
	struct neighbour *known;

	if (atomic_load_explicit(&neighbours->n_dead, memory_order_relaxed) == 0)
		return NEIGHBOURS_WELL;
	key = make(ifindex, family, addr);
	(void)pthread_mutex_lock(&neighbours->lock);
	known = find(neighbours, &key);
	if (known && now_ms >= known->failed_ms + FORGET_MS)
		forget(neighbours, known);
	else if (known)
		state = now_ms >= known->retry_ms ? NEIGHBOURS_ON_TRIAL : NEIGHBOURS_DEAD;
	(void)pthread_mutex_unlock(&neighbours->lock);
	return state;
}

void neighbours_tried(struct neighbours *neighbours, unsigned ifindex, int family, const void *addr,
		      uint64_t now_ms)
{
	const struct neighbour key = make(ifindex, family, addr);
	struct neighbour *known;

	(void)pthread_mutex_lock(&neighbours->lock);
	known = find(neighbours, &key);
	if (known && now_ms >= known->retry_ms)
		known->retry_ms = now_ms + TRYING_MS;
	(void)pthread_mutex_unlock(&neighbours->lock);
}
