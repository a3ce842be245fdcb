/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The packet rules as text: what is merged and split, which words follow (A-16, A-18, P-18, P-24,
 * What the kernel makes of them is in netns/test_rules_kernel.c. */
#include <unistd.h>

#include "daemon/rules_host.h"
#include "daemon/rules_instances.h"
#include "daemon/rules_iptables.h"
#include "daemon/rules_nft.h"
#include "tests/craft.h"

/* A list of ranges "192.0.2.1-192.0.2.3 192.0.2.9". */
static GArray *ranges_of(const char *text)
{
	GArray *ranges = g_array_new(FALSE, FALSE, sizeof(struct addr4_range));
	g_auto(GStrv) words = g_strsplit(text, " ", -1);

	for (char **word = words; *word != NULL && **word != '\0'; word++) {
		g_auto(GStrv) ends = g_strsplit(*word, "-", 2);
		struct addr4_range range = {
			.first = craft_addr4(ends[0]),
			.last = craft_addr4(ends[1] != NULL ? ends[1] : ends[0]),
		};

		g_array_append_val(ranges, range);
	}
	return ranges;
}

static struct config config_default(void)
{
	struct config config = {
		.queue = {.first = 6400, .mark = {.value = 0x64000000, .mask = 0xff000000}},
		.local_traffic = true,
	};

	g_assert_true(prefix6_parse("2001:db8:64::/96", &config.nat64.pool6[0]));
	return config;
}

static void set_entry(struct rules_plan *plan, const char *addresses, const char *ports,
		      const char *own)
{
	g_autoptr(GArray) ranges = ranges_of(addresses);
	g_autoptr(GArray) own_ranges = ranges_of(own);
	g_autoptr(GArray) own_addresses = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	struct port_ranges port_ranges;
	char buffer[128];
	struct rules_entry entry = {
		.addresses = (const struct addr4_range *)(const void *)ranges->data,
		.n_addresses = ranges->len,
		.ports = &port_ranges,
		.protocol = {true, true, true},
	};

	g_assert_null(port_ranges_parse(ports, &port_ranges, buffer, sizeof(buffer)));
	for (guint i = 0; i < own_ranges->len; i++)
		g_array_append_val(own_addresses,
				   g_array_index(own_ranges, struct addr4_range, i).first);
	rules_plan_set_entries(plan, &entry, 1, (const uint32_t *)(const void *)own_addresses->data,
			       own_addresses->len);
}

static void assert_elements(const struct rules_plan *plan, enum rules_set set, const char *expected)
{
	g_autofree char *elements = rules_nft_elements(plan, set);

	g_assert_cmpstr(elements, ==, expected);
}

static void test_merge(void)
{
	/* clang-format off */
	static const struct {
		const char *ranges;
		const char *own;
		const char *pool4;
	} cases[] = {
		{ "", "", "" },
		{ "192.0.2.1", "", "192.0.2.1" },
		{ "192.0.2.2 192.0.2.1", "", "192.0.2.1-192.0.2.2" },
		{ "192.0.2.0-192.0.2.9 192.0.2.4-192.0.2.5", "", "192.0.2.0-192.0.2.9" },
		{ "192.0.2.1 192.0.2.3", "", "192.0.2.1, 192.0.2.3" },
		{ "255.255.255.0-255.255.255.255 255.255.255.255", "", "255.255.255.0-255.255.255.255" },
		{ "0.0.0.0-255.255.255.255", "0.0.0.0 255.255.255.255", "0.0.0.1-255.255.255.254" },
		{ "192.0.2.1", "192.0.2.1", "" },
		{ "192.0.2.1-192.0.2.3", "192.0.2.2 192.0.2.2", "192.0.2.1, 192.0.2.3" },
		{ "192.0.2.1-192.0.2.3", "192.0.2.3 192.0.2.1", "192.0.2.2" },
		{ "192.0.2.1-192.0.2.3 192.0.2.9", "192.0.2.9 10.0.0.1 192.0.2.5", "192.0.2.1-192.0.2.3" },
	};
	/* clang-format on */

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct config config = config_default();
		struct rules_plan plan;

		rules_plan_init(&plan, NULL, &config, RULES_NFT);
		set_entry(&plan, cases[i].ranges, "1024-65535", cases[i].own);
		assert_elements(&plan, RULES_SET_POOL4, cases[i].pool4);
		rules_plan_deinit(&plan);
	}
}

/* P-18: of an own address only the entry's ports, in merged ranges. */
static void test_own(void)
{
	struct config config = config_default();
	struct port_ranges ports[2] = {
		{.range = {{1024, 2000}, {3000, 3000}}, .n_ranges = 2},
		{.range = {{2001, 2500}}, .n_ranges = 1},
	};
	struct addr4_range address = {craft_addr4("192.0.2.1"), craft_addr4("192.0.2.7")};
	struct rules_entry entries[2] = {
		{&address, 1, &ports[0], {true, false, true}},
		{&address, 1, &ports[1], {true, false, false}},
	};
	uint32_t own = craft_addr4("192.0.2.1");
	struct rules_plan plan;

	rules_plan_init(&plan, NULL, &config, RULES_NFT);
	rules_plan_set_entries(&plan, entries, 2, &own, 1);
	assert_elements(&plan, RULES_SET_POOL4, "192.0.2.2-192.0.2.7");
	assert_elements(&plan, RULES_SET_OWN, "192.0.2.1");
	assert_elements(&plan, RULES_SET_OWN_PORTS,
			"192.0.2.1 . tcp . 1024-2500, 192.0.2.1 . tcp . 3000");
	assert_elements(&plan, RULES_SET_OWN_IDS, "192.0.2.1 . 1024-2000, 192.0.2.1 . 3000");
	rules_plan_deinit(&plan);
}

/* an exempt IPv4 prefix is exempt as a part of Pool6, too. RFC 6052, 2.2: the u octet. */
static void test_embed(void)
{
	/* clang-format off */
	static const struct {
		const char *pool6;
		const char *prefix4;
		const char *inside;
	} cases[] = {
		{ "64:ff9b::/96",       "10.0.0.0/8",     "64:ff9b::a00:0/104" },
		{ "64:ff9b::/96",       "192.0.2.33",     "64:ff9b::c000:221/128" },
		{ "64:ff9b::/96",       "0.0.0.0/0",      "64:ff9b::/96" },
		{ "2001:db8::/32",      "192.0.2.33/32",  "2001:db8:c000:221::/64" },
		{ "2001:db8:100::/40",  "192.0.2.0/24",   "2001:db8:1c0:2::/64" },
		{ "2001:db8:100::/40",  "192.0.2.33/32",  "2001:db8:1c0:2:21::/80" },
		{ "2001:db8:122::/48",  "192.0.0.0/16",   "2001:db8:122:c000::/64" },
		{ "2001:db8:122::/48",  "192.0.2.33/32",  "2001:db8:122:c000:2:2100::/88" },
		{ "2001:db8:122:300::/56", "192.0.0.0/8", "2001:db8:122:3c0::/64" },
		{ "2001:db8:122:344::/64", "0.0.0.0/0",   "2001:db8:122:344::/64" },
		{ "2001:db8:122:344::/64", "192.0.0.0/8", "2001:db8:122:344:c0::/80" },
	};
	/* clang-format on */
	char text[ADDR_TEXT_SIZE];

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct prefix6 pool6, inside;
		struct prefix4 prefix4;

		g_assert_true(prefix6_parse(cases[i].pool6, &pool6));
		g_assert_true(prefix4_parse(cases[i].prefix4, &prefix4));
		inside = rules_plan_embed(&pool6, &prefix4);
		prefix6_print(&inside, text);
		if (inside.len == 128)
			g_strlcat(text, strchr(text, '/') == NULL ? "/128" : "", sizeof(text));
		g_assert_cmpstr(text, ==, cases[i].inside);
	}
}

/* both marks stay in the mask, and are neither 0 nor the daemon's. */
static void test_marks(void)
{
	/* clang-format off */
	static const struct {
		struct config_mark mark;
		struct rules_marks expected; /* 0 = impossible */
	} cases[] = {
		{ { 0x64000000, 0xff000000 }, { 0x65000000, 0x66000000 } },
		{ { 0x1, 0x3 },               { 0x3, 0x2 } },
		{ { 0x3, 0x3 },               { 0x2, 0x1 } },
		{ { 0x80000000, 0xc0000000 }, { 0xc0000000, 0x40000000 } },
		{ { 0x1, 0xffffffff },        { 0x3, 0x5 } },
		{ { 0x10, 0x10 },             { 0, 0 } },
	};
	/* clang-format on */

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct rules_marks marks = {0};
		bool possible = rules_plan_marks(&cases[i].mark, &marks);

		g_assert_cmpint(possible, ==, cases[i].expected.take != 0);
		g_assert_cmphex(marks.take, ==, cases[i].expected.take);
		g_assert_cmphex(marks.offer, ==, cases[i].expected.offer);
	}
}

/* what is more specific than Pool6, or than a range of an entry, is native. */
static void test_native(void)
{
	static const char *const routes6[] = {"2001:db8:64::/96", "2001:db8:64::c000:200/120",
					      "2001:db8:64::c000:201/128", "2001:db8::/32"};
	static const char *const routes4[] = {"203.0.113.0/24", "203.0.113.128/25", "192.0.2.0/24"};
	g_autoptr(GArray) prefixes6 = g_array_new(FALSE, FALSE, sizeof(struct prefix6));
	g_autoptr(GArray) prefixes4 = g_array_new(FALSE, FALSE, sizeof(struct prefix4));
	struct addr4_range address = {craft_addr4("203.0.113.0"), craft_addr4("203.0.113.255")};
	struct port_ranges ports = {.range = {{1024, 65535}}, .n_ranges = 1};
	struct rules_entry entry = {&address, 1, &ports, {true, true, true}};
	struct config config = config_default();
	struct rules_plan plan;

	for (size_t i = 0; i < G_N_ELEMENTS(routes6); i++) {
		struct prefix6 prefix;

		g_assert_true(prefix6_parse(routes6[i], &prefix));
		g_array_append_val(prefixes6, prefix);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(routes4); i++) {
		struct prefix4 prefix;

		g_assert_true(prefix4_parse(routes4[i], &prefix));
		g_array_append_val(prefixes4, prefix);
	}
	rules_plan_init(&plan, NULL, &config, RULES_NFT);
	rules_plan_set_entries(&plan, &entry, 1, NULL, 0);
	rules_plan_set_native(&plan, &entry, 1, prefixes6, prefixes4);
	assert_elements(&plan, RULES_SET_NATIVE6, "2001:db8:64::c000:200/120");
	assert_elements(&plan, RULES_SET_NATIVE4, "203.0.113.128-203.0.113.255");
	rules_plan_deinit(&plan);
}

/* auto is one for each processor that is online. */
static void test_workers(void)
{
	struct config config = config_default();
	struct rules_plan plan;

	g_assert_cmpuint(rules_n_workers(&config), ==,
			 CLAMP(sysconf(_SC_NPROCESSORS_ONLN), 1, CONFIG_WORKERS_MAX));
	config.queue.workers = 3;
	g_assert_cmpuint(rules_n_workers(&config), ==, 3);
	/* Of a daemon that runs, whatever there was then; it need not be what there is. */
	config.queue.workers = 0;
	config.queue.n_workers = 2 + rules_count_workers(&config);
	g_assert_cmpuint(rules_n_workers(&config), ==, config.queue.n_workers);
	rules_plan_init(&plan, NULL, &config, RULES_NFT);
	g_assert_cmpuint(plan.workers, ==, config.queue.n_workers);
	g_assert_true(rules_plan_is_of(&plan, &config));
	config.queue.n_workers--;
	g_assert_false(rules_plan_is_of(&plan, &config));
	rules_plan_deinit(&plan);
}

/* Each case: words that the table has, or has not, in a mode and with so many workers. */
static void test_table(void)
{
	/* clang-format off */
	static const struct {
		enum rules_mode mode;
		unsigned workers;
		bool conntrack;
		bool local_traffic;
		const char *has;
		const char *has_not;
		enum config_inject inject;
		bool by_flow;
	} cases[] = {
		{ RULES_NFT, 1, false, true, "meta l4proto tcp queue num 6400\n\t\tqueue num 6401\n", "jhash", .by_flow = true },
		{ RULES_NFT, 4, false, true, "meta nfproto ipv4 meta l4proto tcp queue to jhash ip saddr . ip daddr . th sport . th dport mod 4 seed 0x6e363464 offset 6400\n\t\tmeta l4proto tcp queue num 6400-6403\n", "ct state", .by_flow = true },
		{ RULES_NFT, 4, false, true, "meta nfproto ipv6 udp dport 443 queue to jhash ip6 saddr . ip6 daddr . th sport . th dport mod 4 seed 0x6e363464 offset 6404\n", "meta l4proto udp", .by_flow = true },
		{ RULES_NFT, 4, false, true, "meta l4proto tcp queue num 6400-6403\n\t\tqueue num 6404-6407\n", "guard" },
		{ RULES_NFT, 1, false, true, "queue num 6401 bypass\n", "6400 bypass" },
		{ RULES_NFT, 1, true,  true, "ct state established,related accept", "meta mark set" },
		{ RULES_NFT, 1, false, true, "== 0x64000000 notrack accept\n\t\tip6 daddr @pool6 goto take", "ct state" },
		{ RULES_NFT, 1, false, false, "== 0x64000000 notrack accept\n\t}", "ct state" },
		{ RULES_IPTABLES, 1, false, true, "notrack meta mark set meta mark & 0x00ffffff | 0x65000000", "queue num" },
		{ RULES_IPTABLES, 1, false, true, "meta mark & 0xff000000 == 0x65000000 drop", "bypass" },
		{ RULES_NFT, 1, true, true, "-450; policy accept;\n\t\tip6 daddr @pool6 goto take\n", "iifname", CONFIG_INJECT_RAW },
		{ RULES_NFT, 1, true, true, "-450; policy accept;\n\t\tiifname \"n64-lab\" notrack accept\n\t\tip6 daddr @pool6 goto take\n", "\"nat64d\"", CONFIG_INJECT_PACKET },
		{ RULES_NFT, 1, true, true, "@own accept\n\t\tiifname \"n64-lab\" accept\n\t\tct state", "guard", CONFIG_INJECT_PACKET },
		{ RULES_IPTABLES, 1, true, true, "\t\tiifname \"n64-lab\" notrack accept\n", "bypass", CONFIG_INJECT_PACKET },
		{ RULES_NONE, 1, false, true, "chain undo {\n\t\treturn comment \"sysctl a 0\"\n\t}", "hook" },
	};
	/* clang-format on */

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct config config = config_default();
		g_autofree char *text = NULL;
		struct rules_plan plan;

		config.queue.workers = cases[i].workers;
		config.queue.inject = cases[i].inject;
		config.local_traffic = cases[i].local_traffic;
		rules_plan_init(&plan, "lab", &config, cases[i].mode);
		plan.conntrack = cases[i].conntrack;
		plan.by_flow = cases[i].by_flow;
		g_ptr_array_add(plan.undo, g_strdup("sysctl a 0"));
		text = rules_nft_table(&plan);
		g_assert_true(g_str_has_prefix(text, "add table inet nat64d_lab\n"
						     "delete table inet nat64d_lab\n"
						     "table inet nat64d_lab {\n"));
		if (strstr(text, cases[i].has) == NULL || strstr(text, cases[i].has_not) != NULL)
			g_error("case %zu: \"%s\" missing or \"%s\" there:\n%s", i, cases[i].has,
				cases[i].has_not, text);
		rules_plan_deinit(&plan);
	}
}

/* Our old jumps go, whatever they matched; nobody else's do. X-17: only what is offered to the host
 * bypasses. */
/* As long as an interface's name may be, with "-tx" behind it. */
static void test_inject_device(void)
{
	/* clang-format off */
	static const struct {
		const char *instance;
		const char *device;
	} cases[] = {
		{ NULL, "nat64d" }, { "", "nat64d" }, { "lab", "n64-lab" }, { "abcdefgh", "n64-abcdefgh" },
	};
	/* clang-format on */
	g_autofree char *one = rules_inject_device("a_long_name_one");
	g_autofree char *two = rules_inject_device("a_long_name_two");

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *device = rules_inject_device(cases[i].instance);

		g_assert_cmpstr(device, ==, cases[i].device);
	}
	g_assert_cmpuint(strlen(one), ==, 12);
	g_assert_cmpstr(one, !=, two);
}

static void test_iptables(void)
{
	static const char saved[] = "*raw\n:PREROUTING ACCEPT [0:0]\n:nat64d - [0:0]\n"
				    "-A PREROUTING -m mark --mark 0x1/0x3 -j nat64d\n"
				    "-A PREROUTING -j nat64d_lab\n"
				    "-A PREROUTING -p tcp -j DROP\nCOMMIT\n";
	static const char expected[] =
		"*raw\n:nat64d - [0:0]\n"
		"-D PREROUTING -m mark --mark 0x1/0x3 -j nat64d\n"
		"-A nat64d -j MARK --set-xmark 0x0/0xff000000\n"
		"-A nat64d -p tcp -j NFQUEUE --queue-balance 6400:6401\n"
		"-A nat64d -j NFQUEUE --queue-balance 6402:6403\n"
		"-I PREROUTING 1 -m mark --mark 0x65000000/0xff000000 -j nat64d\n"
		"COMMIT\n"
		"*mangle\n:nat64d - [0:0]\n:nat64d/offer - [0:0]\n"
		"-A nat64d -j MARK --set-xmark 0x0/0xff000000\n"
		"-A nat64d -p tcp -j NFQUEUE --queue-balance 6400:6401\n"
		"-A nat64d -j NFQUEUE --queue-balance 6402:6403\n"
		"-I PREROUTING 1 -m mark --mark 0x65000000/0xff000000 -j nat64d\n"
		"-A nat64d/offer -j MARK --set-xmark 0x0/0xff000000\n"
		"-A nat64d/offer -j NFQUEUE --queue-balance 6402:6403 --queue-bypass\n"
		"-I PREROUTING 1 -m mark --mark 0x66000000/0xff000000 -j nat64d/offer\n"
		"COMMIT\n";
	struct config config = config_default();
	g_autofree char *text = NULL;
	struct rules_plan plan;

	config.queue.workers = 2;
	rules_plan_init(&plan, NULL, &config, RULES_IPTABLES);
	text = rules_iptables_text(&plan, RULES_FAMILY4, saved);
	g_assert_cmpstr(text, ==, expected);
	rules_plan_deinit(&plan);
}

/* Queue.Mark 0x64... of instance lab is with 0x65... and 0x66... */
static void test_instances(void)
{
	static const char saved[] =
		"*raw\n:PREROUTING ACCEPT [0:0]\n:nat64d_lab - [0:0]\n"
		"-A PREROUTING -m mark --mark 0x65000000/0xff000000 -j nat64d_lab\n"
		"-A PREROUTING -m mark --mark 0x32000000/0xff000000 -j somebody\n"
		"-A PREROUTING -m mark --mark\n-A PREROUTING -m mark --mark x -j nat64d_odd/offer\n"
		"-A nat64d_lab -p tcp -j NFQUEUE --queue-num 6400\nCOMMIT\n"
		"*mangle\n-A PREROUTING -m mark --mark 0x66000000/0xff000000 -j nat64d_lab/offer\n"
		"-A PREROUTING -m mark --mark 0xf3 -j nat64d\nCOMMIT\n";
#define TAKEN(mark, who, other)                                                              \
	"Queue.Mark " mark ": the iptables rules of " who " take what has this mark or one " \
	"next to it; " other " would work"
#define LAB "instance 'lab'"
	static const struct {
		struct config_mark mark;
		const char *table, *expected;
	} cases[] = {
		{{0x64000000, 0xff000000}, "nat64d_lab", NULL},
		{{0x32000000, 0xff000000}, "nat64d_b", NULL},
		{{0x68000000, 0xff000000}, "nat64d_b", NULL},
		{{0x64000000, 0xff000000},
		 "nat64d_b",
		 TAKEN("0x64000000/0xff000000", LAB, "Queue.Mark=0x68000000/0xff000000")},
		/* What it sends, and what is taken because of another mask. */
		{{0x65000000, 0xff000000},
		 "nat64d_b",
		 TAKEN("0x65000000/0xff000000", LAB, "Queue.Mark=0x68000000/0xff000000")},
		{{0x00000000, 0x03000000},
		 "nat64d_b",
		 TAKEN("0x0/0x3000000", LAB, "a mask with more bits")},
		{{0x000000f2, 0x000000ff},
		 "nat64d_b",
		 TAKEN("0xf2/0xff", "the instance without a name", "Queue.Mark=0xf4/0xff")},
		{{0x000000f2, 0x000000ff}, "nat64d", NULL},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *clash =
			rules_instances_clash(saved, cases[i].table, &cases[i].mark);

		g_assert_cmpstr(clash, ==, cases[i].expected);
	}
	g_assert_null(rules_instances_clash("", "nat64d", &cases[0].mark));
}

static void test_undo(void)
{
	g_autofree char *sysctl = rules_host_command("sysctl net/ipv4/ip_forward 1");
	g_autofree char *route = rules_host_command("route 2001:db8:64::/96");

	g_assert_cmpstr(sysctl, ==, "sysctl -w net/ipv4/ip_forward=1");
	g_assert_cmpstr(route, ==,
			"ip -6 route add 2001:db8:64::/96 dev lo proto 64 metric 1024 mtu 1500");
}

/* Each of these changes the rules, and nothing else does. */
static void test_is_of(void)
{
	char *links[] = {(char *)"wan0", NULL};
	struct config config = config_default();
	struct rules_plan plan;

	g_assert_true(prefix4_parse("198.51.100.0/24", &config.nat64.exempt4[0]));
	config.nat64.n_exempt4 = 1;
	rules_plan_init(&plan, NULL, &config, RULES_NFT);
	set_entry(&plan, "192.0.2.1", "1024-65535", "");
	config.nat64.udp_ms = 1;
	config.nat64.deny_own = true;
	g_assert_true(rules_plan_is_of(&plan, &config));
	for (unsigned i = 0; i < 8; i++) {
		struct config other = config;

		switch (i) {
		case 0:
			other.local_traffic = false;
			break;
		case 1:
			other.nat64.pool6[0].len = 95;
			break;
		case 2:
			other.nat64.pool6[1] = (struct prefix6){.addr = {{0x20, 2}}, .len = 96};
			break;
		case 3:
			other.nat64.exempt4[0].len = 23;
			break;
		case 4:
			other.nat64.n_exempt4 = 0;
			break;
		case 5:
			other.announce.how = CONFIG_ANNOUNCE_NONE;
			break;
		case 6:
			other.announce.interfaces = links;
			break;
		default:
			other.queue.mark.value = 0x65000000;
			break;
		}
		g_test_message("change %u", i);
		g_assert_false(rules_plan_is_of(&plan, &other));
	}
	rules_plan_deinit(&plan);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/rules/merge", test_merge);
	g_test_add_func("/rules/own", test_own);
	g_test_add_func("/rules/embed", test_embed);
	g_test_add_func("/rules/marks", test_marks);
	g_test_add_func("/rules/native", test_native);
	g_test_add_func("/rules/workers", test_workers);
	g_test_add_func("/rules/table", test_table);
	g_test_add_func("/rules/inject-device", test_inject_device);
	g_test_add_func("/rules/iptables", test_iptables);
	g_test_add_func("/rules/instances", test_instances);
	g_test_add_func("/rules/undo", test_undo);
	g_test_add_func("/rules/is-of", test_is_of);
	return g_test_run();
}
