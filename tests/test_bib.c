/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The BIB: found from both sides, each transport address once (S-2), bounded, listed once. */
#include <glib.h>

#include "daemon/core/bib.h"

static const struct siphash_key key = {{1, 2}};

static struct taddr6 client(uint32_t number, uint16_t port)
{
	struct taddr6 taddr = {.port = port};

	g_assert_true(addr6_parse("2001:db8::", &taddr.addr));
	memcpy(&taddr.addr.byte[12], &number, sizeof(number));
	return taddr;
}

static struct taddr4 mapped(uint32_t number, uint16_t port)
{
	return (struct taddr4){0xcb007100 + number, port};
}

static uint32_t add(struct bib *bib, uint32_t client_number, uint16_t port6, uint32_t number4,
		    uint16_t port4)
{
	struct taddr6 taddr6 = client(client_number, port6);
	struct taddr4 taddr4 = mapped(number4, port4);

	return bib_add(bib, &taddr6, &taddr4);
}

static void test_find(void)
{
	struct taddr6 taddr6 = client(1, 1000);
	struct taddr4 taddr4 = mapped(1, 2000);
	struct taddr6 other6 = client(1, 1001);
	struct taddr4 other4 = mapped(2, 2000);
	struct bib_entry *entry;
	uint32_t index;
	struct bib bib;

	bib_init(&bib, &key, 10);
	g_assert_cmpuint(bib_find6(&bib, &taddr6), ==, SLAB_NONE);
	g_assert_cmpuint(bib_find4(&bib, &taddr4), ==, SLAB_NONE);
	index = bib_add(&bib, &taddr6, &taddr4);
	g_assert_cmpuint(bib_find6(&bib, &taddr6), ==, index);
	g_assert_cmpuint(bib_find4(&bib, &taddr4), ==, index);
	g_assert_cmpuint(bib_find6(&bib, &other6), ==, SLAB_NONE);
	g_assert_cmpuint(bib_find4(&bib, &other4), ==, SLAB_NONE);

	entry = bib_at(&bib, index);
	taddr6 = bib_entry_taddr6(entry);
	taddr4 = bib_entry_taddr4(entry);
	g_assert_cmpuint(bib_find6(&bib, &taddr6), ==, index);
	g_assert_cmpuint(bib_find4(&bib, &taddr4), ==, index);
	g_assert_cmpuint(entry->pairing, ==, SLAB_NONE);
	g_assert_cmpuint(entry->first_session, ==, SLAB_NONE);
	g_assert_cmpuint(entry->n_sessions, ==, 0);
	g_assert_true(bib_check(&bib));

	bib_remove(&bib, index);
	g_assert_cmpuint(bib_find6(&bib, &taddr6), ==, SLAB_NONE);
	g_assert_cmpuint(bib_find4(&bib, &taddr4), ==, SLAB_NONE);
	g_assert_true(bib_check(&bib));
	bib_deinit(&bib);
	bib_deinit(NULL);
}

/* S-2: neither side twice, whatever the other one is. */
static void test_unique(void)
{
	struct bib bib;

	bib_init(&bib, &key, 10);
	g_assert_cmpuint(add(&bib, 1, 1000, 1, 2000), !=, SLAB_NONE);
	g_assert_cmpuint(add(&bib, 1, 1000, 1, 2000), ==, SLAB_NONE);
	g_assert_cmpuint(add(&bib, 1, 1000, 1, 2001), ==, SLAB_NONE);
	g_assert_cmpuint(add(&bib, 1, 1001, 1, 2000), ==, SLAB_NONE);
	g_assert_cmpuint(add(&bib, 2, 1000, 1, 2000), ==, SLAB_NONE);
	g_assert_cmpuint(add(&bib, 1, 1001, 1, 2001), !=, SLAB_NONE);
	g_assert_cmpuint(add(&bib, 2, 1000, 2, 2000), !=, SLAB_NONE);
	g_assert_cmpuint(bib.entries.n_used, ==, 3);
	g_assert_true(bib_check(&bib));
	bib_deinit(&bib);
}

/* a full table refuses and stays as it is. */
static void test_limit(void)
{
	struct bib bib;

	bib_init(&bib, &key, 100);
	for (uint16_t i = 0; i < 100; i++)
		g_assert_cmpuint(add(&bib, i, i, 0, i), !=, SLAB_NONE);
	g_assert_cmpuint(add(&bib, 100, 100, 0, 100), ==, SLAB_NONE);
	g_assert_true(bib_check(&bib));
	bib_remove(&bib, 42);
	g_assert_cmpuint(add(&bib, 100, 100, 0, 100), !=, SLAB_NONE);
	g_assert_true(bib_check(&bib));
	bib_deinit(&bib);
}

static void test_next(void)
{
	uint32_t n = 0;
	struct bib bib;

	bib_init(&bib, &key, 3000);
	for (uint16_t i = 0; i < 3000; i++)
		(void)add(&bib, i, i, 0, i);
	for (uint32_t i = 0; i < 3000; i += 3)
		bib_remove(&bib, i);
	for (uint32_t i = bib_next(&bib, 0); i != SLAB_NONE; i = bib_next(&bib, i + 1)) {
		g_assert_cmpuint(bib_at(&bib, i)->port4 % 3, !=, 0);
		n++;
	}
	g_assert_cmpuint(n, ==, 2000);
	g_assert_true(bib_check(&bib));
	bib_deinit(&bib);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/bib/find", test_find);
	g_test_add_func("/bib/unique", test_unique);
	g_test_add_func("/bib/limit", test_limit);
	g_test_add_func("/bib/next", test_next);
	return g_test_run();
}
