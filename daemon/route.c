/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation
 *
 * The cache is a fixed number of sets of four places, chosen by a keyed hash: strangers choose
 * destinations, and could otherwise make one set thrash. News of routes, links, addresses or rules
 * do not say which destinations they touch, so all of them flush: an entry carries the generation
 * of its answer, and a flush is one increment. A look-up takes no lock.
 */
#include "daemon/route.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "daemon/core/packet.h"

#define N_SETS 4096
#define N_WAYS 4
#define AGE_MS 10000

struct place {
	uint8_t family; /* 0 = never used */
	uint32_t generation;
	uint64_t asked_ms;
	uint8_t dst[16];
	struct route route;
};

struct route_cache {
	struct netlink netlink;
	struct siphash_key key;
	uint32_t mark;
	atomic_uint generation;
	struct place place[N_SETS][N_WAYS];
};

static size_t size_of(int family)
{
	return family == AF_INET ? 4 : 16;
}

static struct nlmsghdr *request(char *buffer, const struct route_question *question, unsigned flags)
{
	size_t size = size_of(question->family);
	struct rtmsg *header;
	struct nlmsghdr *nlh;

	nlh = netlink_request(buffer, RTM_GETROUTE, 0, sizeof(*header), &header);
	header->rtm_family = (uint8_t)question->family;
	header->rtm_dst_len = (uint8_t)(size * 8);
	header->rtm_flags = flags;
	mnl_attr_put(nlh, RTA_DST, size, question->dst);
	if (question->mark)
		mnl_attr_put_u32(nlh, RTA_MARK, question->mark);
	if (question->ifindex)
		mnl_attr_put_u32(nlh, RTA_OIF, question->ifindex);
	return nlh;
}

static void read_next_hop(const struct nlattr *const *attr, int family, struct route *ret)
{
	if (attr[RTA_GATEWAY] && mnl_attr_get_payload_len(attr[RTA_GATEWAY]) == size_of(family)) {
		ret->next_hop_family = (uint8_t)family;
		memcpy(ret->next_hop, mnl_attr_get_payload(attr[RTA_GATEWAY]), size_of(family));
	} else if (attr[RTA_VIA]) {
		/* The next hop of another family: IPv4 by way of an IPv6 neighbour. */
		const struct rtvia *via = mnl_attr_get_payload(attr[RTA_VIA]);

		if (via->rtvia_family == AF_INET6 &&
		    mnl_attr_get_payload_len(attr[RTA_VIA]) == sizeof(*via) + 16) {
			ret->next_hop_family = AF_INET6;
			memcpy(ret->next_hop, via->rtvia_addr, 16);
		}
	}
}

static int note_route(const struct nlmsghdr *nlh, void *data)
{
	const struct rtmsg *header = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr[RTA_VIA + 1];
	const struct nlattr *metrics[RTAX_MTU + 1];
	struct route *ret = data;
	size_t size = size_of(header->rtm_family);

	netlink_attributes(nlh, sizeof(*header), attr, RTA_VIA + 1);
	switch (header->rtm_type) {
	case RTN_BLACKHOLE:
	case RTN_UNREACHABLE:
	case RTN_PROHIBIT:
	case RTN_THROW:
		return MNL_CB_OK;
	default:
		ret->exists = true;
	}
	if (attr[RTA_OIF])
		ret->ifindex = mnl_attr_get_u32(attr[RTA_OIF]);
	read_next_hop(attr, header->rtm_family, ret);
	if (attr[RTA_PREFSRC] && mnl_attr_get_payload_len(attr[RTA_PREFSRC]) == size) {
		ret->has_source = true;
		memcpy(ret->source, mnl_attr_get_payload(attr[RTA_PREFSRC]), size);
	}
	if (attr[RTA_METRICS]) {
		netlink_nested(attr[RTA_METRICS], metrics, RTAX_MTU + 1);
		if (metrics[RTAX_MTU])
			ret->mtu = mnl_attr_get_u32(metrics[RTAX_MTU]);
	}
	return MNL_CB_OK;
}

/* What the kernel answers instead of a route when there is none: also for types unreachable,
 * prohibit and blackhole. */
static bool means_no_route(int r)
{
	return r == -ENETUNREACH || r == -EHOSTUNREACH || r == -EACCES || r == -EINVAL ||
	       r == -ENETDOWN || r == -ESRCH;
}

int route_ask(struct netlink *netlink, const struct route_question *question, struct route *ret)
{
	char buffer[NETLINK_REQUEST_SIZE];
	struct route route = {0};
	int r;

	r = netlink_ask(netlink, request(buffer, question, 0), note_route, &route);
	if (r < 0 && !means_no_route(r))
		return r;
	if (r < 0)
		route = (struct route){0};
	*ret = route;
	return 0;
}

static int note_length(const struct nlmsghdr *nlh, void *data)
{
	const struct rtmsg *header = mnl_nlmsg_get_payload(nlh);

	*(bool *)data = header->rtm_dst_len == 0;
	return MNL_CB_OK;
}

/* Which entry of the table matched, instead of what it means for this destination. */
static bool is_by_default(struct netlink *netlink, const struct route_question *question)
{
	char buffer[NETLINK_REQUEST_SIZE];
	bool by_default = true;

	(void)netlink_ask(netlink, request(buffer, question, RTM_F_FIB_MATCH), note_length,
			  &by_default);
	return by_default;
}

int route_cache_new(uint32_t mark, const struct siphash_key *key, struct route_cache **ret)
{
	struct route_cache *cache;
	int r;

	cache = calloc(1, sizeof(*cache));
	if (!cache)
		return -ENOMEM;
	cache->key = *key;
	cache->mark = mark;
	r = netlink_open(NETLINK_ROUTE, &cache->netlink);
	if (r < 0) {
		route_cache_free(cache);
		return r;
	}
	*ret = cache;
	return 0;
}

void route_cache_free(struct route_cache *cache)
{
	if (!cache)
		return;
	netlink_close(&cache->netlink);
	free(cache);
}

void route_cache_flush(struct route_cache *cache)
{
	atomic_fetch_add(&cache->generation, 1);
}

static bool is_fresh(const struct place *place, uint32_t generation, uint64_t now_ms)
{
	return place->generation == generation && now_ms - place->asked_ms < AGE_MS;
}

/* The place of this destination, or the one to be overwritten. */
static struct place *find_place(struct route_cache *cache, int family, const uint8_t dst[16],
				uint32_t generation, uint64_t now_ms)
{
	struct place *set = cache->place[siphash(&cache->key, dst, 16) % N_SETS];
	struct place *oldest = &set[0];

	for (unsigned i = 0; i < N_WAYS; i++) {
		if (set[i].family == family && memcmp(set[i].dst, dst, 16) == 0)
			return &set[i];
		if (!is_fresh(oldest, generation, now_ms))
			continue;
		if (!is_fresh(&set[i], generation, now_ms) || set[i].asked_ms < oldest->asked_ms)
			oldest = &set[i];
	}
	return oldest;
}

static const struct route *find(struct route_cache *cache, int family, const uint8_t dst[16],
				uint64_t now_ms)
{
	/* Read before the kernel is asked: news in between make the answer stale, not fresh. */
	uint32_t generation = atomic_load_explicit(&cache->generation, memory_order_acquire);
	struct place *place = find_place(cache, family, dst, generation, now_ms);
	struct route_question question = {.family = family, .mark = cache->mark};

	if (place->family == family && memcmp(place->dst, dst, 16) == 0 &&
	    is_fresh(place, generation, now_ms))
		return &place->route;

	*place = (struct place){
		.family = (uint8_t)family,
		.generation = generation,
		.asked_ms = now_ms,
	};
	memcpy(place->dst, dst, 16);
	memcpy(question.dst, dst, 16);
	if (route_ask(&cache->netlink, &question, &place->route) < 0) {
		/* The kernel had no memory or the like: the next packet asks again. */
		place->family = 0;
		return &place->route;
	}
	if (family == AF_INET6 && place->route.exists)
		place->route.by_default = is_by_default(&cache->netlink, &question);
	return &place->route;
}

const struct route *route_find6(struct route_cache *cache, const struct addr6 *dst, uint64_t now_ms)
{
	return find(cache, AF_INET6, dst->byte, now_ms);
}

const struct route *route_find4(struct route_cache *cache, uint32_t dst, uint64_t now_ms)
{
	uint8_t bytes[16] = {0};

	store_be32(bytes, dst);
	return find(cache, AF_INET, bytes, now_ms);
}
