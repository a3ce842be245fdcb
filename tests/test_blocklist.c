/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Blocked clients: which addresses a block covers, when it ends, how many there may be. */
#include <glib.h>

#include "daemon/core/blocklist.h"

static const struct siphash_key key = {{1, 2}};

static struct prefix6 prefix_of(const char *text)
{
	struct prefix6 prefix;

	g_assert_true(prefix6_parse(text, &prefix));
	return prefix;
}

static bool covers(const struct blocklist *list, const char *text)
{
	struct addr6 addr;

	g_assert_true(addr6_parse(text, &addr));
	return blocklist_covers(list, &addr);
}

static void block(struct blocklist *list, const char *text, uint64_t until_ms)
{
	struct prefix6 prefix = prefix_of(text);

	g_assert_true(blocklist_add(list, &prefix, until_ms));
	g_assert_true(blocklist_check(list));
}

static void unblock(struct blocklist *list, const char *text)
{
	struct prefix6 prefix = prefix_of(text);

	blocklist_remove(list, blocklist_find(list, &prefix));
	g_assert_true(blocklist_check(list));
}

/* A prefix of any length, nested ones too; each is taken back on its own. */
static void test_covers(void)
{
	struct prefix6 longest;
	struct blocklist list;
	struct addr6 addr;

	g_assert_true(addr6_parse("2001:db8:1:1::2", &addr));
	blocklist_init(&list, &key);
	g_assert_cmpuint(blocklist_memory(&list), ==, 0);
	g_assert_false(covers(&list, "2001:db8::1"));
	block(&list, "2001:db8::1/128", BLOCKLIST_FOREVER);
	block(&list, "2001:db8:1::/48", BLOCKLIST_FOREVER);
	block(&list, "2001:db8:1:1::/64", BLOCKLIST_FOREVER);
	g_assert_true(covers(&list, "2001:db8::1"));
	g_assert_false(covers(&list, "2001:db8::2"));
	g_assert_true(covers(&list, "2001:db8:1:1::2"));
	g_assert_true(covers(&list, "2001:db8:1:2::2"));
	g_assert_true(blocklist_find_cover(&list, &addr, &longest));
	g_assert_cmpuint(longest.len, ==, 64);
	unblock(&list, "2001:db8:1::/48");
	g_assert_true(covers(&list, "2001:db8:1:1::2"));
	g_assert_false(covers(&list, "2001:db8:1:2::2"));
	block(&list, "::/0", BLOCKLIST_FOREVER);
	g_assert_true(covers(&list, "2001:db8:1:2::2"));
	g_assert_cmpuint(blocklist_next_deadline(&list), ==, UINT64_MAX);
	blocklist_deinit(&list);
}

/* A block has its end, which a second command moves in both directions. */
static void test_end(void)
{
	struct blocklist list;

	blocklist_init(&list, &key);
	block(&list, "2001:db8::/64", 5000);
	block(&list, "2001:db8:1::/64", 3000);
	g_assert_cmpuint(blocklist_next_deadline(&list), ==, 3000);
	blocklist_expire(&list, 2999);
	g_assert_true(covers(&list, "2001:db8:1::1"));
	blocklist_expire(&list, 3000);
	g_assert_false(covers(&list, "2001:db8:1::1"));
	g_assert_cmpuint(blocklist_next_deadline(&list), ==, 5000);

	block(&list, "2001:db8::/64", 9000);
	blocklist_expire(&list, 5000);
	g_assert_true(covers(&list, "2001:db8::1"));
	g_assert_cmpuint(blocklist_next_deadline(&list), ==, 9000);
	block(&list, "2001:db8::/64", 6000);
	g_assert_cmpuint(list.entries.n_used, ==, 1);
	blocklist_expire(&list, 6000);
	g_assert_false(covers(&list, "2001:db8::1"));
	g_assert_cmpuint(blocklist_next_deadline(&list), ==, UINT64_MAX);
	g_assert_true(blocklist_check(&list));
	blocklist_deinit(&list);
}

static void test_limit(void)
{
	struct prefix6 prefix = prefix_of("2001:db8::/64");
	struct blocklist list;

	blocklist_init(&list, &key);
	for (unsigned i = 0; i < BLOCKLIST_MAX; i++) {
		prefix.addr.byte[6] = (uint8_t)(i >> 8);
		prefix.addr.byte[7] = (uint8_t)i;
		g_assert_true(blocklist_add(&list, &prefix, BLOCKLIST_FOREVER));
	}
	g_assert_true(blocklist_add(&list, &prefix, 1)); /* only its end changes */
	prefix.addr.byte[0] = 0x30;
	g_assert_false(blocklist_add(&list, &prefix, BLOCKLIST_FOREVER));
	g_assert_true(blocklist_check(&list));
	blocklist_deinit(&list);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/blocklist/covers", test_covers);
	g_test_add_func("/blocklist/end", test_end);
	g_test_add_func("/blocklist/limit", test_limit);
	return g_test_run();
}
