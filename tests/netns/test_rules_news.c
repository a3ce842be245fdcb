/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What nf_tables tells when somebody changes our rules, and what is no news for us. */
#include "daemon/rules_news.h"
#include "tests/netns.h"
#include "tests/netns/rules_world.h"

static void update(struct world *world, uint32_t n_entries)
{
	struct rules_entry entry = world_entry();
	char *error = NULL;

	if (rules_update(world->rules, &entry, n_entries, &error) < 0)
		g_error("%s", error);
}

/* clang-format off */
static const struct {
	const char *command;
	bool ours;
	bool iptables; /* in this mode only */
	bool others;   /* rules of others; those of iptables may be ours */
} cases[] = {
	{ "nft add table inet other", false, false, false },
	{ "nft add chain inet other c", false, false, true },
	{ "nft add rule inet other c accept", false, false, true },
	{ "nft flush table inet other", false, false, true },
	{ "nft delete table inet other", false, false, true },
	{ "nft add rule inet nat64d prerouting accept", true, false, false },
	{ "nft add chain inet nat64d renew", true, false, false },
	{ "nft add element inet nat64d pool4 { 203.0.113.200 }", false, false, false },
	{ "nft delete element inet nat64d pool4 { 203.0.113.7 }", false, false, false },
	{ "nft add table inet nat64d_other", false, false, false },
	{ "nft delete table inet nat64d_other", false, false, true },
	{ "nft flush chain inet nat64d prerouting", true, false, false },
	{ "nft flush table inet nat64d", true, false, false },
	{ "nft delete table inet nat64d", true, false, false },
	{ "nft flush ruleset", true, false, false },
	{ "iptables-nft -t filter -F", false, false, false },
	{ "iptables-nft -A INPUT -j ACCEPT", false, false, true },
	{ "iptables-nft -t raw -F", true, true, true },
	{ "iptables-nft -t mangle -F", true, true, true },
	{ "ip6tables-nft -t raw -F", true, true, true },
};
/* clang-format on */

static void test_news(void)
{
	struct rules_news *news;
	struct world world;

	if (!world_begin(&world))
		return;
	g_assert_cmpint(rules_news_new(NULL, &news), ==, 0);
	g_assert_cmpint(rules_news_fd(news), >=, 0);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		apply(&world);
		if (cases[i].iptables && rules_mode(world.rules) != RULES_IPTABLES)
			continue;
		(void)rules_news_read(news);
		g_assert_false(rules_news_read(news)); /* nothing is left */
		netns_run("%s", cases[i].command);
		if (rules_news_read(news) != cases[i].ours)
			g_error("%s: %s", cases[i].command, cases[i].ours ? "no news" : "news");
		if (!g_str_has_prefix(cases[i].command, "nft flush ruleset") &&
		    rules_news_of_others(news) != cases[i].others)
			g_error("%s: %s of others", cases[i].command,
				cases[i].others ? "no news" : "news");
	}
	rules_news_free(news);
	world_end(&world);
}

/* Our own changes are none, as long as nothing but elements changes. */
static void test_own_changes(void)
{
	struct rules_news *news;
	struct world world;

	if (!world_begin(&world))
		return;
	apply(&world);
	g_assert_cmpint(rules_news_new(NULL, &news), ==, 0);
	update(&world, 0);
	update(&world, 1);
	g_assert_false(rules_news_read(news));
	rules_news_free(news);
	world_end(&world);
}

/* Each instance has a table of its own. */
static void test_instance(void)
{
	struct rules_news *news;
	struct world world;

	if (!world_begin(&world))
		return;
	netns_run("nft add table inet nat64d_lab");
	g_assert_cmpint(rules_news_new("lab", &news), ==, 0);
	apply(&world);
	netns_run("nft delete table inet nat64d");
	g_assert_false(rules_news_read(news));
	netns_run("nft delete table inet nat64d_lab");
	g_assert_true(rules_news_read(news));
	rules_news_free(news);
	world_end(&world);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/rules_news/news", test_news);
	g_test_add_func("/rules_news/own_changes", test_own_changes);
	g_test_add_func("/rules_news/instance", test_instance);
	return g_test_run();
}
