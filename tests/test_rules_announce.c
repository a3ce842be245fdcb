/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How packets for pool4 come here, what is announced, and the sentence where neither helps
 * (Pool4.Announce, P-18, P-23). What the kernel makes of it is in netns/test_announce.c. */
#include "daemon/rules_announce.h"
#include "daemon/rules_host.h"
#include "tests/craft.h"

/* Words "192.0.2.1-192.0.2.3" or "192.0.2.0/29". */
static GArray *ranges_of(const char *text)
{
	GArray *ranges = g_array_new(FALSE, FALSE, sizeof(struct addr4_range));
	g_auto(GStrv) words = g_strsplit(text, " ", -1);

	for (char **word = words; *word && **word; word++) {
		g_auto(GStrv) ends = g_strsplit(*word, "-", 2);
		struct addr4_range range;
		struct prefix4 prefix;

		g_assert_true(prefix4_parse(ends[0], &prefix));
		range.first = prefix4_first(&prefix);
		range.last = ends[1] ? craft_addr4(ends[1]) : prefix4_last(&prefix);
		g_array_append_val(ranges, range);
	}
	return ranges;
}

static char *print(const GArray *prefixes)
{
	GString *text = g_string_new(NULL);
	char buffer[ADDR_TEXT_SIZE];

	for (guint i = 0; i < prefixes->len; i++)
		g_string_append_printf(
			text, "%s%s", i == 0 ? "" : " ",
			prefix4_print(&g_array_index(prefixes, struct prefix4, i), buffer));
	return g_string_free(text, FALSE);
}

static void test_split(void)
{
	static const char *const cases[][2] = {
		{"192.0.2.8", "192.0.2.8/32"},
		{"192.0.2.8/29", "192.0.2.8/29"},
		{"192.0.2.1-192.0.2.6", "192.0.2.1/32 192.0.2.2/31 192.0.2.4/31 192.0.2.6/32"},
		{"0.0.0.0-255.255.255.255", "0.0.0.0/0"},
		{"255.255.255.254-255.255.255.255", "255.255.255.254/31"},
		{"255.255.255.255", "255.255.255.255/32"},
		{"0.0.0.0-127.255.255.255", "0.0.0.0/1"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GArray) ranges = ranges_of(cases[i][0]);
		g_autoptr(GArray) prefixes = g_array_new(FALSE, FALSE, sizeof(struct prefix4));
		g_autofree char *text = NULL;

		rules_announce_split(&g_array_index(ranges, struct addr4_range, 0), prefixes);
		text = print(prefixes);
		g_assert_cmpstr(text, ==, cases[i][1]);
	}
}

static GArray *prefixes_of(const char *text)
{
	GArray *prefixes = g_array_new(FALSE, FALSE, sizeof(struct prefix4));
	g_auto(GStrv) words = g_strsplit(text, " ", -1);

	for (char **word = words; *word && **word; word++) {
		struct prefix4 prefix;

		g_assert_true(prefix4_parse(*word, &prefix));
		g_array_append_val(prefixes, prefix);
	}
	return prefixes;
}

static GArray *addresses_of(const char *text)
{
	GArray *addresses = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	g_auto(GStrv) words = g_strsplit(text, " ", -1);

	for (char **word = words; *word && **word; word++) {
		uint32_t addr = craft_addr4(*word);

		g_array_append_val(addresses, addr);
	}
	return addresses;
}

/* wan: 192.0.2.0/24, lan: 198.51.100.0/24. */
static struct rules_routes routes_of(const char *next_hops, const char *local, bool wan_ignores)
{
	static const struct rules_onlink4 links[] = {
		{{0xc0000200, 24}, 2, "wan", ""},
		{{0xc6336400, 24}, 3, "lan", ""},
	};
	struct rules_routes routes = {
		.native6 = g_array_new(FALSE, FALSE, sizeof(struct prefix6)),
		.native4 = prefixes_of("192.0.2.0/24 198.51.100.0/24 203.0.113.64/26"),
		.onlink4 = g_array_new(FALSE, FALSE, sizeof(struct rules_onlink4)),
		.next_hops4 = addresses_of(next_hops),
		.local4 = prefixes_of(local),
	};

	g_array_append_vals(routes.onlink4, links, 2);
	if (wan_ignores)
		g_strlcpy(g_array_index(routes.onlink4, struct rules_onlink4, 0).arp_ignore,
			  "net.ipv4.conf.wan.arp_ignore=0", RULES_ARP_IGNORE_SIZE);
	return routes;
}

struct announce_case {
	const char *announce; /* as Pool4.Announce */
	const char *addresses;
	const char *own;
	const char *local;
	const char *expected; /* announced */
	unsigned reach;
	const char *warning; /* NULL: none */
	bool wan_ignores;
	enum rules_mode mode;
};

static void assert_warning(const struct rules_warning *warning, const char *text)
{
	g_assert_cmpstr(warning->text, ==, text);
	g_assert_cmpstr(warning->entry, ==, "main");
	g_assert_cmpuint(warning->addr, ==, 0);
}

static void run(const struct announce_case *c)
{
	g_autoptr(GArray) ranges = ranges_of(c->addresses);
	g_autoptr(GArray) own = addresses_of(c->own);
	struct rules_routes routes = routes_of("192.0.2.2", c->local, c->wan_ignores);
	struct port_ranges ports = {.range = {{1024, 65535}}, .n_ranges = 1};
	struct rules_entry entry = {
		(const struct addr4_range *)(void *)ranges->data,
		ranges->len,
		&ports,
		{true, true, true},
		"main",
	};
	struct config config = {
		.queue = {.first = 6400, .mark = {.value = 0x64000000, .mask = 0xff000000}},
	};
	struct rules_plan plan;
	g_autofree char *announced = NULL;

	if (strcmp(c->announce, "none") == 0) {
		config.announce.how = CONFIG_ANNOUNCE_NONE;
	} else if (strcmp(c->announce, "auto") != 0) {
		config.announce.how = CONFIG_ANNOUNCE_LIST;
		config.announce.interfaces = g_strsplit(c->announce, " ", -1);
	}
	config.nat64.exempt4[0] = (struct prefix4){0xc0000250, 29}; /* 192.0.2.80/29 */
	config.nat64.n_exempt4 = 1;
	rules_plan_init(&plan, NULL, &config, c->mode);
	rules_plan_set_entries(&plan, &entry, 1, (const uint32_t *)(void *)own->data, own->len);
	rules_plan_set_native(&plan, &entry, 1, routes.native6, routes.native4);
	rules_announce_plan(&plan, &entry, 1, (const uint32_t *)(void *)own->data, own->len,
			    &routes);
	announced = print(plan.announce);
	g_assert_cmpstr(announced, ==, c->expected);
	g_assert_cmphex(g_array_index(plan.reach, unsigned, 0), ==, c->reach);
	g_assert_cmpuint(plan.warnings->len, ==, c->warning ? 1 : 0);
	if (c->warning)
		assert_warning(g_ptr_array_index(plan.warnings, 0), c->warning);
	rules_plan_deinit(&plan);
	g_strfreev(config.announce.interfaces);
	rules_routes_deinit(&routes);
}

static void test_reach(void)
{
	/* clang-format off */
	static const struct announce_case cases[] = {
		/* a router sends it */
		{ "auto", "203.0.113.8/29", "192.0.2.1", "", "", POOL4_ROUTED, NULL },
		{ "none", "203.0.113.8/29", "192.0.2.1", "", "", POOL4_ROUTED, NULL },
		/* on a link */
		{ "auto", "192.0.2.8/29", "192.0.2.1", "", "192.0.2.8/29", POOL4_ANNOUNCED, NULL },
		{ "wan", "192.0.2.8/29", "192.0.2.1", "", "192.0.2.8/29", POOL4_ANNOUNCED, NULL },
		{ "auto", "192.0.2.8/29 198.51.100.7", "192.0.2.1", "", "192.0.2.8/29 198.51.100.7/32", POOL4_ANNOUNCED, NULL },
		/* the host's own */
		{ "auto", "192.0.2.1", "192.0.2.1", "", "", POOL4_LOCAL, NULL },
		{ "auto", "192.0.2.8-192.0.2.11", "192.0.2.9", "", "192.0.2.8/32 192.0.2.10/31", POOL4_LOCAL | POOL4_ANNOUNCED, NULL },
		{ "auto", "192.0.2.1 203.0.113.8/29", "192.0.2.1", "", "", POOL4_LOCAL | POOL4_ROUTED, NULL },
		/* somebody has announced it already */
		{ "auto", "192.0.2.8/29", "192.0.2.1", "192.0.2.0/28", "", POOL4_ANNOUNCED, NULL },
		{ "none", "192.0.2.8/29", "192.0.2.1", "192.0.2.8/30", "", POOL4_ANNOUNCED | POOL4_UNREACHABLE,
		  "pool4 entry main: nobody answers ARP for 192.0.2.12/30 on wan: Pool4.Announce=auto, "
		  "or: ip route add local 192.0.2.12/30 dev lo" },
		/* not allowed */
		{ "none", "192.0.2.8/29", "192.0.2.1", "", "", POOL4_UNREACHABLE,
		  "pool4 entry main: nobody answers ARP for 192.0.2.8/29 on wan: Pool4.Announce=auto, "
		  "or: ip route add local 192.0.2.8/29 dev lo" },
		{ "lan", "192.0.2.4-192.0.2.11", "192.0.2.1", "", "", POOL4_UNREACHABLE,
		  "pool4 entry main: nobody answers ARP for 192.0.2.4-192.0.2.11 on wan: Pool4.Announce=auto, "
		  "or: ip route add local 192.0.2.4/30 dev lo && ip route add local 192.0.2.8/30 dev lo" },
		/* the link asks for what lies in none of its subnets */
		{ "lan", "203.0.113.8/29", "192.0.2.1", "", "203.0.113.8/29", POOL4_ANNOUNCED, NULL },
		/* the link keeps silent */
		{ "auto", "192.0.2.8/29", "192.0.2.1", "", "", POOL4_UNREACHABLE,
		  "pool4 entry main: wan does not answer ARP for 192.0.2.8/29: "
		  "sysctl -w net.ipv4.conf.wan.arp_ignore=0", .wan_ignores = true },
		/* the host would lose its next hop */
		{ "auto", "192.0.2.0-192.0.2.3", "192.0.2.1", "", "192.0.2.0/32 192.0.2.3/32",
		  POOL4_LOCAL | POOL4_ANNOUNCED | POOL4_UNREACHABLE,
		  "pool4 entry main: 192.0.2.2 is the next hop of a route, so it is not announced: "
		  "take it out of Addresses" },
		/* left to the kernel: exempt, and routed natively */
		{ "auto", "192.0.2.64/27", "192.0.2.1", "", "192.0.2.64/28 192.0.2.88/29", POOL4_ANNOUNCED, NULL },
		{ "lan", "203.0.113.0/25", "192.0.2.1", "", "203.0.113.0/26", POOL4_ANNOUNCED, NULL },
		/* without rules of ours nothing would drop the rest */
		{ "auto", "192.0.2.8/29", "192.0.2.1", "", "", POOL4_UNREACHABLE,
		  "pool4 entry main: nobody answers ARP for 192.0.2.8/29 on wan: "
		  "ip route add local 192.0.2.8/29 dev lo", .mode = RULES_NONE },
	};
	/* clang-format on */

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_test_message("Announce=%s %s", cases[i].announce, cases[i].addresses);
		run(&cases[i]);
	}
}

/* More than fits into a sentence. */
static void test_many(void)
{
	GString *addresses = g_string_new(NULL);

	for (unsigned i = 0; i < 60; i++)
		g_string_append_printf(addresses, "%s192.0.2.%u", i == 0 ? "" : " ", 2 * i + 5);
	run(&(struct announce_case){"none", addresses->str, "192.0.2.1", "", "", POOL4_UNREACHABLE,
				    "pool4 entry main: nobody answers ARP for 56 addresses on wan: "
				    "Pool4.Announce=auto"});
	g_string_free(addresses, TRUE);
}

static struct rules_plan plan_announcing(const char *prefixes, const char *record)
{
	struct config config = {
		.queue = {.first = 6400, .mark = {.value = 0x64000000, .mask = 0xff000000}},
	};
	struct rules_plan plan;

	rules_plan_init(&plan, NULL, &config, RULES_NFT);
	g_array_unref(plan.announce);
	plan.announce = prefixes_of(prefixes);
	g_ptr_array_add(plan.undo, g_strdup("sysctl net/ipv4/ip_forward 0"));
	if (record)
		g_ptr_array_add(plan.undo, g_strdup(record));
	return plan;
}

/* Which records and steps follow from what is wanted, recorded, and there. */
static void test_steps(void)
{
	/* clang-format off */
	static const struct {
		const char *wanted, *record, *there;
		bool changed;
		const char *record_then, *before, *after;
	} cases[] = {
		{ "", NULL, "", false, NULL, NULL, NULL },
		{ "192.0.2.8/29", NULL, "", true, "announce 192.0.2.8/29", NULL, "announce 192.0.2.8/29" },
		{ "192.0.2.8/29", "announce 192.0.2.8/29", "192.0.2.8/29", false, "announce 192.0.2.8/29", NULL, NULL },
		/* somebody has deleted it */
		{ "192.0.2.8/29", "announce 192.0.2.8/29", "", false, "announce 192.0.2.8/29", NULL, "announce 192.0.2.8/29" },
		{ "", "announce 192.0.2.8/29", "192.0.2.8/29", true, NULL, "withdraw 192.0.2.8/29", NULL },
		{ "192.0.2.8/30", "announce 192.0.2.8/29", "192.0.2.8/29", true, "announce 192.0.2.8/30",
		  "withdraw 192.0.2.8/29", "announce 192.0.2.8/30" },
		/* another instance's is none of ours */
		{ "", NULL, "192.0.2.8/29", false, NULL, NULL, NULL },
	};
	/* clang-format on */

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GPtrArray) before = g_ptr_array_new_with_free_func(g_free);
		g_autoptr(GPtrArray) after = g_ptr_array_new_with_free_func(g_free);
		g_autoptr(GArray) there = prefixes_of(cases[i].there);
		struct rules_plan plan = plan_announcing(cases[i].wanted, cases[i].record);

		g_assert_true(rules_host_plan_announce(&plan, there, before, after) ==
			      cases[i].changed);
		g_assert_cmpuint(plan.undo->len, ==, cases[i].record_then ? 2 : 1);
		if (cases[i].record_then)
			g_assert_cmpstr(g_ptr_array_index(plan.undo, 1), ==, cases[i].record_then);
		g_assert_cmpuint(before->len, ==, cases[i].before ? 1 : 0);
		if (cases[i].before)
			g_assert_cmpstr(g_ptr_array_index(before, 0), ==, cases[i].before);
		g_assert_cmpuint(after->len, ==, cases[i].after ? 1 : 0);
		if (cases[i].after)
			g_assert_cmpstr(g_ptr_array_index(after, 0), ==, cases[i].after);
		rules_plan_deinit(&plan);
	}
}

static void test_commands(void)
{
	g_autofree char *add = rules_host_command("announce 192.0.2.8/29");
	g_autofree char *remove = rules_host_command("withdraw 192.0.2.8/29");

	g_assert_cmpstr(add, ==, "ip route add local 192.0.2.8/29 dev lo proto 64");
	g_assert_cmpstr(remove, ==, "ip route delete local 192.0.2.8/29 dev lo proto 64");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/rules-announce/split", test_split);
	g_test_add_func("/rules-announce/reach", test_reach);
	g_test_add_func("/rules-announce/many", test_many);
	g_test_add_func("/rules-announce/steps", test_steps);
	g_test_add_func("/rules-announce/commands", test_commands);
	return g_test_run();
}
