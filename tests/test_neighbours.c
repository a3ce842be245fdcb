/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <glib.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "daemon/neighbours.h"
#include "daemon/netlink.h"

#define DEVICE 3

static const uint8_t hop4[4] = {192, 0, 2, 1};
static const uint8_t hop6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};

/* What the kernel would say. */
static void news(struct neighbours *neighbours, uint16_t type, int family, const void *addr,
		 uint16_t state, uint64_t now_ms)
{
	char buffer[NETLINK_REQUEST_SIZE];
	struct ndmsg *header;
	struct nlmsghdr *nlh = netlink_request(buffer, type, 0, sizeof(*header), &header);

	header->ndm_family = (uint8_t)family;
	header->ndm_ifindex = DEVICE;
	header->ndm_state = state;
	mnl_attr_put(nlh, NDA_DST, family == AF_INET ? 4 : 16, addr);
	neighbours_note(neighbours, nlh, now_ms);
}

static gboolean is_dead(struct neighbours *neighbours, unsigned ifindex, int family,
			const void *addr, uint64_t now_ms)
{
	return neighbours_ask(neighbours, ifindex, family, addr, now_ms) == NEIGHBOURS_DEAD;
}

static gboolean dead4(struct neighbours *neighbours, uint64_t now_ms)
{
	return is_dead(neighbours, DEVICE, AF_INET, hop4, now_ms);
}

static gboolean on_trial4(struct neighbours *neighbours, uint64_t now_ms)
{
	return neighbours_ask(neighbours, DEVICE, AF_INET, hop4, now_ms) == NEIGHBOURS_ON_TRIAL;
}

static void try4(struct neighbours *neighbours, uint64_t now_ms)
{
	neighbours_tried(neighbours, DEVICE, AF_INET, hop4, now_ms);
}

/* Dead for a second, then one packet tries, and the next one when the kernel has given up again. */
static void test_retry(void)
{
	struct neighbours *neighbours = NULL;

	g_assert_cmpint(neighbours_new(&neighbours), ==, 0);
	g_assert_false(dead4(neighbours, 1000));
	news(neighbours, RTM_NEWNEIGH, AF_INET, hop4, NUD_FAILED, 1000);
	g_assert_true(dead4(neighbours, 1000));
	g_assert_true(dead4(neighbours, 1999));
	/* Asking tries nothing, however often. */
	g_assert_true(on_trial4(neighbours, 2000));
	g_assert_true(on_trial4(neighbours, 2000));
	try4(neighbours, 2000);
	g_assert_true(dead4(neighbours, 2000));
	news(neighbours, RTM_NEWNEIGH, AF_INET, hop4, NUD_INCOMPLETE, 2001);
	g_assert_true(dead4(neighbours, 4999));
	news(neighbours, RTM_NEWNEIGH, AF_INET, hop4, NUD_FAILED, 5000);
	g_assert_true(dead4(neighbours, 5999));
	g_assert_true(on_trial4(neighbours, 6000));
	/* No news for ten seconds: forgotten. */
	g_assert_true(on_trial4(neighbours, 14999));
	g_assert_false(dead4(neighbours, 15000));
	g_assert_false(on_trial4(neighbours, 15000));
	neighbours_free(neighbours);
}

/* Two threads have both found it on trial: the second one to go has no time of its own. One that
 * nobody knows of, or that is not due, is not tried. */
static void test_tried_twice(void)
{
	struct neighbours *neighbours = NULL;

	g_assert_cmpint(neighbours_new(&neighbours), ==, 0);
	try4(neighbours, 1000);
	g_assert_cmpint(neighbours_ask(neighbours, DEVICE, AF_INET, hop4, 1000), ==,
			NEIGHBOURS_WELL);
	news(neighbours, RTM_NEWNEIGH, AF_INET, hop4, NUD_FAILED, 1000);
	try4(neighbours, 1500);
	g_assert_true(on_trial4(neighbours, 2000));
	try4(neighbours, 2000);
	try4(neighbours, 5999);
	g_assert_true(dead4(neighbours, 5999));
	g_assert_true(on_trial4(neighbours, 6000));
	neighbours_free(neighbours);
}

static void test_recovery(void)
{
	static const struct {
		uint16_t type;
		uint16_t state;
		gboolean dead_after;
	} cases[] = {
		{RTM_NEWNEIGH, NUD_REACHABLE, FALSE}, {RTM_NEWNEIGH, NUD_STALE, FALSE},
		{RTM_NEWNEIGH, NUD_PERMANENT, FALSE}, {RTM_NEWNEIGH, NUD_INCOMPLETE, TRUE},
		{RTM_DELNEIGH, NUD_FAILED, FALSE},    {RTM_NEWNEIGH, NUD_FAILED, TRUE},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct neighbours *neighbours = NULL;

		g_assert_cmpint(neighbours_new(&neighbours), ==, 0);
		news(neighbours, RTM_NEWNEIGH, AF_INET, hop4, NUD_FAILED, 1000);
		news(neighbours, RTM_NEWNEIGH, AF_INET6, hop6, NUD_FAILED, 1000);
		news(neighbours, cases[i].type, AF_INET, hop4, cases[i].state, 1100);
		g_assert_cmpint(dead4(neighbours, 1200), ==, cases[i].dead_after);
		/* The other one is not touched, nor the same address elsewhere. */
		g_assert_true(is_dead(neighbours, DEVICE, AF_INET6, hop6, 1200));
		g_assert_false(is_dead(neighbours, DEVICE + 1, AF_INET, hop4, 1200));
		neighbours_clear(neighbours);
		g_assert_false(is_dead(neighbours, DEVICE, AF_INET6, hop6, 1200));
		neighbours_free(neighbours);
	}
}

/* a scan of absent neighbours is bounded, and the latest failures are known. */
static void test_bounded(void)
{
	struct neighbours *neighbours = NULL;
	unsigned n_dead = 0;

	g_assert_cmpint(neighbours_new(&neighbours), ==, 0);
	for (uint32_t i = 0; i < 100000; i++) {
		uint32_t addr = htonl(0xc6120000u + i);

		news(neighbours, RTM_NEWNEIGH, AF_INET, &addr, NUD_FAILED, 1000 + i);
		g_assert_true(is_dead(neighbours, DEVICE, AF_INET, &addr, 1000 + i));
	}
	for (uint32_t i = 0; i < 100000; i++) {
		uint32_t addr = htonl(0xc6120000u + i);

		n_dead += is_dead(neighbours, DEVICE, AF_INET, &addr, 101000);
	}
	g_assert_cmpuint(n_dead, <=, 1024);
	neighbours_free(neighbours);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/neighbours/retry", test_retry);
	g_test_add_func("/neighbours/tried-twice", test_tried_twice);
	g_test_add_func("/neighbours/recovery", test_recovery);
	g_test_add_func("/neighbours/bounded", test_bounded);
	return g_test_run();
}
