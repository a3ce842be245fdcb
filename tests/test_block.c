/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Blocked clients: which addresses a block covers, when it ends, how many there may be. */
#include <glib.h>

#include "daemon/core/block.h"

static const struct siphash_key key = {{1, 2}};

static struct prefix6 prefix_of(const char *text)
{
	struct prefix6 prefix;

	g_assert_true(prefix6_parse(text, &prefix));
	return prefix;
}

static bool covers(const struct block_table *table, const char *text)
{
	struct addr6 addr;

	g_assert_true(addr6_parse(text, &addr));
	return block_covers(table, &addr);
}

static void block(struct block_table *table, const char *text, uint64_t until_ms)
{
	struct prefix6 prefix = prefix_of(text);

	g_assert_true(block_add(table, &prefix, until_ms));
	g_assert_true(block_table_check(table));
}

static void unblock(struct block_table *table, const char *text)
{
	struct prefix6 prefix = prefix_of(text);

	block_remove(table, block_find(table, &prefix));
	g_assert_true(block_table_check(table));
}

/* A prefix of any length, nested ones too; each is taken back on its own. */
static void test_covers(void)
{
	struct block_table table;

	block_table_init(&table, &key);
	g_assert_cmpuint(block_table_memory(&table), ==, 0);
	g_assert_false(covers(&table, "2001:db8::1"));
	block(&table, "2001:db8::1/128", BLOCK_FOREVER);
	block(&table, "2001:db8:1::/48", BLOCK_FOREVER);
	block(&table, "2001:db8:1:1::/64", BLOCK_FOREVER);
	g_assert_true(covers(&table, "2001:db8::1"));
	g_assert_false(covers(&table, "2001:db8::2"));
	g_assert_true(covers(&table, "2001:db8:1:1::2"));
	g_assert_true(covers(&table, "2001:db8:1:2::2"));
	unblock(&table, "2001:db8:1::/48");
	g_assert_true(covers(&table, "2001:db8:1:1::2"));
	g_assert_false(covers(&table, "2001:db8:1:2::2"));
	block(&table, "::/0", BLOCK_FOREVER);
	g_assert_true(covers(&table, "2001:db8:1:2::2"));
	g_assert_cmpuint(block_next_deadline(&table), ==, UINT64_MAX);
	block_table_deinit(&table);
}

/* A block has its end, which a second command moves in both directions. */
static void test_end(void)
{
	struct block_table table;

	block_table_init(&table, &key);
	block(&table, "2001:db8::/64", 5000);
	block(&table, "2001:db8:1::/64", 3000);
	g_assert_cmpuint(block_next_deadline(&table), ==, 3000);
	block_expire(&table, 2999);
	g_assert_true(covers(&table, "2001:db8:1::1"));
	block_expire(&table, 3000);
	g_assert_false(covers(&table, "2001:db8:1::1"));
	g_assert_cmpuint(block_next_deadline(&table), ==, 5000);

	block(&table, "2001:db8::/64", 9000);
	block_expire(&table, 5000);
	g_assert_true(covers(&table, "2001:db8::1"));
	g_assert_cmpuint(block_next_deadline(&table), ==, 9000);
	block(&table, "2001:db8::/64", 6000);
	g_assert_cmpuint(table.blocks.n_used, ==, 1);
	block_expire(&table, 6000);
	g_assert_false(covers(&table, "2001:db8::1"));
	g_assert_cmpuint(block_next_deadline(&table), ==, UINT64_MAX);
	g_assert_true(block_table_check(&table));
	block_table_deinit(&table);
}

static void test_limit(void)
{
	struct prefix6 prefix = prefix_of("2001:db8::/64");
	struct block_table table;

	block_table_init(&table, &key);
	for (unsigned i = 0; i < BLOCKS_MAX; i++) {
		prefix.addr.byte[6] = (uint8_t)(i >> 8);
		prefix.addr.byte[7] = (uint8_t)i;
		g_assert_true(block_add(&table, &prefix, BLOCK_FOREVER));
	}
	g_assert_true(block_add(&table, &prefix, 1)); /* only its end changes */
	prefix.addr.byte[0] = 0x30;
	g_assert_false(block_add(&table, &prefix, BLOCK_FOREVER));
	g_assert_true(block_table_check(&table));
	block_table_deinit(&table);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/block/covers", test_covers);
	g_test_add_func("/block/end", test_end);
	g_test_add_func("/block/limit", test_limit);
	return g_test_run();
}
