/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IPv4 Identifications (F-10).
 */
#include <glib.h>
#include <netinet/in.h>
#include <stdbool.h>

#include "daemon/core/ip4_id.h"

#define SRC 0xcb007107 /* 203.0.113.7 */
#define DST 0xc6336414 /* 198.51.100.20 */

static const struct siphash_key key = {{1, 2}};

/* F-10: one flow sees every value but 0 once before the first comes back. */
static void test_does_not_repeat_soon(void)
{
	struct ip4_id *ids = g_new(struct ip4_id, 1);
	bool *seen = g_new0(bool, UINT16_MAX + 1);
	uint16_t first;

	ip4_id_init(ids, &key);
	first = ip4_id_next(ids, SRC, DST, IPPROTO_UDP);
	seen[first] = true;
	for (unsigned n = 1; n < UINT16_MAX; n++) {
		const uint16_t id = ip4_id_next(ids, SRC, DST, IPPROTO_UDP);

		g_assert_cmpuint(id, !=, 0);
		g_assert_false(seen[id]);
		seen[id] = true;
	}
	g_assert_cmpuint(ip4_id_next(ids, SRC, DST, IPPROTO_UDP), ==, first);
	g_free(seen);
	g_free(ids);
}

/* F-10: flows that share a counter, as some of 20000 must, do not repeat each other's values for
 * one of them: it advances by what the others took, and less than once around. */
static void test_others_do_not_cause_repetition(void)
{
	struct ip4_id *ids = g_new(struct ip4_id, 1);
	bool *seen = g_new0(bool, UINT16_MAX + 1);

	ip4_id_init(ids, &key);
	for (uint32_t other = 1; other <= 20000; other++) {
		uint16_t id;

		g_assert_cmpuint(ip4_id_next(ids, SRC, DST + other, IPPROTO_UDP), !=, 0);
		id = ip4_id_next(ids, SRC, DST, IPPROTO_UDP);
		g_assert_cmpuint(id, !=, 0);
		g_assert_false(seen[id]);
		seen[id] = true;
	}
	g_free(seen);
	g_free(ids);
}

/* F-10: the segments of a superpacket get what follows, never 0, never one that was there. */
static void test_several_at_once(void)
{
	struct ip4_id *ids = g_new(struct ip4_id, 1);
	bool *seen = g_new0(bool, UINT16_MAX + 1);

	ip4_id_init(ids, &key);
	for (unsigned n = 1; n < 350; n++) {
		const uint16_t first = ip4_id_take(ids, SRC, DST, IPPROTO_TCP, (uint16_t)n);

		for (unsigned i = 0; i < n; i++) {
			g_assert_cmpuint((uint16_t)(first + i), !=, 0);
			g_assert_false(seen[(uint16_t)(first + i)]);
			seen[(uint16_t)(first + i)] = true;
		}
	}
	/* Up to the end there was no room. */
	g_assert_cmpuint(ip4_id_take(ids, SRC, DST, IPPROTO_TCP, UINT16_MAX), ==, 1);
	g_assert_cmpuint(ip4_id_take(ids, SRC, DST, IPPROTO_TCP, UINT16_MAX), ==, 1);
	g_free(seen);
	g_free(ids);
}

/* F-10: what one destination sees says nothing of what another does. */
static void test_not_predictable_across_destinations(void)
{
	static const struct {
		uint32_t src, dst;
		uint8_t ip_protocol;
	} other[] = {
		{SRC, DST + 1, IPPROTO_UDP}, {SRC, DST - 1, IPPROTO_UDP},
		{SRC + 1, DST, IPPROTO_UDP}, {SRC, DST, IPPROTO_TCP},
		{DST, SRC, IPPROTO_UDP},
	};
	struct ip4_id *ids = g_new(struct ip4_id, 1);
	uint16_t distance[G_N_ELEMENTS(other)];

	for (unsigned i = 0; i < G_N_ELEMENTS(other); i++) {
		ip4_id_init(ids, &key);
		distance[i] = ip4_id_next(ids, other[i].src, other[i].dst, other[i].ip_protocol) -
			      ip4_id_next(ids, SRC, DST, IPPROTO_UDP);
		for (unsigned j = 0; j < i; j++)
			g_assert_cmpuint(distance[i], !=, distance[j]);
		g_assert_cmpuint((uint16_t)(distance[i] + 16), >, 32);
	}
	g_free(ids);
}

static void test_depends_on_the_key(void)
{
	static const struct siphash_key other_key = {{1, 3}};
	struct ip4_id *ids = g_new(struct ip4_id, 1);
	uint16_t with_key, again, with_other;

	ip4_id_init(ids, &key);
	with_key = ip4_id_next(ids, SRC, DST, IPPROTO_UDP);
	ip4_id_init(ids, &key);
	again = ip4_id_next(ids, SRC, DST, IPPROTO_UDP);
	ip4_id_init(ids, &other_key);
	with_other = ip4_id_next(ids, SRC, DST, IPPROTO_UDP);
	g_assert_cmpuint(with_key, ==, again);
	g_assert_cmpuint(with_key, !=, with_other);
	g_free(ids);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ip4_id/does_not_repeat_soon", test_does_not_repeat_soon);
	g_test_add_func("/ip4_id/others_do_not_cause_repetition",
			test_others_do_not_cause_repetition);
	g_test_add_func("/ip4_id/several_at_once", test_several_at_once);
	g_test_add_func("/ip4_id/not_predictable_across_destinations",
			test_not_predictable_across_destinations);
	g_test_add_func("/ip4_id/depends_on_the_key", test_depends_on_the_key);
	return g_test_run();
}
