/* SPDX-License-Identifier: GPL-2.0-or-later */
/* P-24: NAT44 beside NAT64 on one address: which rules of others may use pool4's ports there, and
 * the command that keeps the two apart. */
#include "daemon/rules_nat44.h"
#include "tests/craft.h"

/* 192.0.2.1 on wan with these ports of TCP and UDP in pool4. */
static GArray *own_with(uint16_t first, uint16_t last)
{
	GArray *own = g_array_new(FALSE, FALSE, sizeof(struct rules_own));

	for (enum protocol protocol = 0; protocol < N_PROTOCOLS; protocol++) {
		struct rules_own range = {craft_addr4("192.0.2.1"), protocol, first, last};

		g_array_append_val(own, range);
	}
	return own;
}

static GArray *addresses(void)
{
	GArray *addresses = g_array_new(FALSE, FALSE, sizeof(struct rules_nat44_address));
	const struct rules_nat44_address wan = {craft_addr4("192.0.2.1"), "wan"};

	g_array_append_val(addresses, wan);
	return addresses;
}

/* The sentences, which are all about 192.0.2.1. */
static char *joined(GPtrArray *warnings)
{
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < warnings->len; i++) {
		const struct rules_warning *warning = g_ptr_array_index(warnings, i);

		g_assert_cmphex(warning->addr, ==, craft_addr4("192.0.2.1"));
		g_assert_null(warning->entry);
		g_string_append_printf(text, "%s%s", i > 0 ? "\n" : "", warning->text);
	}
	return g_string_free(text, FALSE);
}

#define BY    "NAT44 can use ports of 192.0.2.1 that are pool4's, by '"
#define WHERE "' (table inet fw, chain out): nft '"

static void test_nft(void)
{
	/* clang-format off */
	static const struct {
		const char *rule;
		const char *expected; /* "" = harmless */
		uint16_t first, last; /* of pool4; 0 = 1024-49151 */
	} cases[] = {
		{ "oifname \"wan\" masquerade # handle 7",
		  BY "oifname \"wan\" masquerade" WHERE
		  "insert rule inet fw out position 7 oifname \"wan\" meta l4proto { tcp, udp } masquerade to :49152-65535; "
		  "replace rule inet fw out handle 7 oifname \"wan\" meta l4proto != { tcp, udp } masquerade'" },
		{ "oifname { \"lan\", \"wan\" } counter packets 5 bytes 300 masquerade fully-random # handle 8",
		  BY "oifname { \"lan\", \"wan\" } counter masquerade fully-random" WHERE
		  "insert rule inet fw out position 8 oifname { \"lan\", \"wan\" } counter meta l4proto { tcp, udp } masquerade to :49152-65535 fully-random; "
		  "replace rule inet fw out handle 8 oifname { \"lan\", \"wan\" } counter meta l4proto != { tcp, udp } masquerade fully-random'" },
		{ "ip saddr 10.0.0.0/8 snat ip to 192.0.2.1 # handle 9",
		  BY "ip saddr 10.0.0.0/8 snat ip to 192.0.2.1" WHERE
		  "insert rule inet fw out position 9 ip saddr 10.0.0.0/8 meta l4proto { tcp, udp } snat ip to 192.0.2.1:49152-65535; "
		  "replace rule inet fw out handle 9 ip saddr 10.0.0.0/8 meta l4proto != { tcp, udp } snat ip to 192.0.2.1'" },
		/* one protocol; ports that are too many */
		{ "meta l4proto { tcp, udp } masquerade to :1024-65535 # handle 3",
		  BY "meta l4proto { tcp, udp } masquerade to :1024-65535" WHERE
		  "replace rule inet fw out handle 3 meta l4proto { tcp, udp } masquerade to :49152-65535'" },
		{ "ip protocol { udp, tcp } oifname \"wan\" snat to 192.0.2.1:1024-65535 # handle 3",
		  BY "ip protocol { udp, tcp } oifname \"wan\" snat to 192.0.2.1:1024-65535" WHERE
		  "replace rule inet fw out handle 3 ip protocol { udp, tcp } oifname \"wan\" snat to 192.0.2.1:49152-65535'" },
		{ "meta l4proto { icmp, tcp } masquerade # handle 3",
		  BY "meta l4proto { icmp, tcp } masquerade" WHERE
		  "insert rule inet fw out position 3 meta l4proto { icmp, tcp } meta l4proto tcp masquerade to :49152-65535; "
		  "replace rule inet fw out handle 3 meta l4proto { icmp, tcp } meta l4proto != tcp masquerade'" },
		{ "meta protocol ip masquerade # handle 3",
		  BY "meta protocol ip masquerade" WHERE
		  "insert rule inet fw out position 3 meta protocol ip meta l4proto { tcp, udp } masquerade to :49152-65535; "
		  "replace rule inet fw out handle 3 meta protocol ip meta l4proto != { tcp, udp } masquerade'" },
		{ "meta l4proto tcp masquerade to :1024-65535 # handle 3",
		  BY "meta l4proto tcp masquerade to :1024-65535" WHERE
		  "replace rule inet fw out handle 3 meta l4proto tcp masquerade to :49152-65535'" },
		{ "udp dport 53 masquerade # handle 4",
		  BY "udp dport 53 masquerade" WHERE "replace rule inet fw out handle 4 udp dport 53 masquerade to :49152-65535'" },
		/* the usual ports are pool4's */
		{ "masquerade # handle 5",
		  BY "masquerade" WHERE
		  "insert rule inet fw out position 5 meta l4proto { tcp, udp } masquerade to :1024-39999; "
		  "replace rule inet fw out handle 5 meta l4proto != { tcp, udp } masquerade'", 40000, 65535 },
		{ "masquerade # handle 5",
		  "NAT44 can use ports of 192.0.2.1 that are pool4's, by 'masquerade' (table inet fw, chain out), and "
		  "pool4 leaves it none: Ports=1024-49151 would", 1024, 65535 },
		/* harmless */
		{ "oifname \"wan\" meta l4proto { tcp, udp } masquerade to :49152-65535 # handle 7", "" },
		{ "oifname \"wan\" meta l4proto != { tcp, udp } masquerade # handle 7", "" },
		{ "oifname \"lan\" masquerade # handle 7", "" },
		{ "oifname != \"wan\" masquerade # handle 7", "" },
		{ "meta l4proto icmp masquerade # handle 7", "" },
		{ "snat ip to 192.0.2.7 # handle 7", "" },
		{ "snat ip to 192.0.2.2-192.0.2.9 # handle 7", "" },
		{ "snat ip to ip saddr map @m # handle 7", "" },
		{ "type nat hook postrouting priority srcnat; policy accept;", "" },
		{ "oifname \"wan\" accept # handle 7", "" },
		/* turned round, and by a wildcard */
		{ "oifname != \"lan\" tcp dport 80 masquerade # handle 6",
		  BY "oifname != \"lan\" tcp dport 80 masquerade" WHERE
		  "replace rule inet fw out handle 6 oifname != \"lan\" tcp dport 80 masquerade to :49152-65535'" },
		{ "oifname \"wa*\" tcp dport 80 masquerade # handle 6",
		  BY "oifname \"wa*\" tcp dport 80 masquerade" WHERE
		  "replace rule inet fw out handle 6 oifname \"wa*\" tcp dport 80 masquerade to :49152-65535'" },
	};
	/* clang-format on */

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GPtrArray) found = rules_warnings_new();
		g_autoptr(GArray) own = own_with(cases[i].first ? cases[i].first : 1024,
						 cases[i].last ? cases[i].last : 49151);
		g_autoptr(GArray) links = addresses();
		g_autofree char *listing = g_strdup_printf(
			"table inet fw {\n\tchain out {\n\t\t%s\n\t}\n}\n", cases[i].rule);
		g_autofree char *text = NULL;

		rules_nat44_judge("inet", "fw", "out", listing, own, links, found);
		text = joined(found);
		g_assert_cmpstr(text, ==, cases[i].expected);
	}
}

static void test_iptables(void)
{
	/* clang-format off */
	static const struct {
		const char *rules;
		const char *expected;
	} cases[] = {
		{ "-A POSTROUTING -s 10.0.0.0/8 -o lan -j MASQUERADE\n-A POSTROUTING -o wan -j MASQUERADE",
		  BY "-A POSTROUTING -o wan -j MASQUERADE' (iptables, table nat): "
		  "iptables -t nat -I POSTROUTING 2 -o wan -p tcp -j MASQUERADE --to-ports 49152-65535 && "
		  "iptables -t nat -I POSTROUTING 2 -o wan -p udp -j MASQUERADE --to-ports 49152-65535" },
		{ "-A POSTROUTING -o wan -p tcp -j MASQUERADE --to-ports 49152-65535\n"
		  "-A POSTROUTING -o wan -p udp -j MASQUERADE --to-ports 49152-65535\n"
		  "-A POSTROUTING -o wan -j MASQUERADE", "" },
		{ "-A POSTROUTING -o wan -p tcp -j MASQUERADE --to-ports 49152-65535\n"
		  "-A POSTROUTING -o wan -j MASQUERADE",
		  BY "-A POSTROUTING -o wan -j MASQUERADE' (iptables, table nat): "
		  "iptables -t nat -I POSTROUTING 2 -o wan -p udp -j MASQUERADE --to-ports 49152-65535" },
		{ "-A POSTROUTING -o wan -p udp -j SNAT --to-source 192.0.2.1",
		  BY "-A POSTROUTING -o wan -p udp -j SNAT --to-source 192.0.2.1' (iptables, table nat): "
		  "iptables -t nat -R POSTROUTING 1 -o wan -p udp -j SNAT --to-source 192.0.2.1:49152-65535" },
		{ "-A POSTROUTING ! -o wan -j MASQUERADE\n-A POSTROUTING -o wan -p icmp -j MASQUERADE\n"
		  "-A POSTROUTING -o wan -j SNAT --to-source 192.0.2.7\n-A POSTROUTING -o wan -j ACCEPT\n"
		  "-A OUTPUT -o wan -j MASQUERADE", "" },
	};
	/* clang-format on */

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GPtrArray) found = rules_warnings_new();
		g_autoptr(GArray) own = own_with(1024, 49151);
		g_autoptr(GArray) links = addresses();
		g_autofree char *saved = g_strdup_printf(
			"*nat\n:POSTROUTING ACCEPT [0:0]\n%s\nCOMMIT\n", cases[i].rules);
		g_autofree char *text = NULL;

		rules_nat44_judge_iptables(saved, own, links, found);
		text = joined(found);
		g_assert_cmpstr(text, ==, cases[i].expected);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/rules-nat44/nft", test_nft);
	g_test_add_func("/rules-nat44/iptables", test_iptables);
	return g_test_run();
}
