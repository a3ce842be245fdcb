/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat64ctl doctor: others' packet rules, of many forms. */
#include <glib.h>

#include "tools/ctl_firewall.h"

/* One chain, and whether it eats what is translated. */
#define CHAIN(family, table, name, head, rules)                                    \
	"table " family " " table " { # handle 1\n\tchain " name " { # handle 2\n" \
	"\t\t" head "\n" rules "\t}\n}\n"
#define OUTPUT(rules) \
	CHAIN("inet", "fw", "out", "type filter hook output priority filter; policy drop;", rules)

static const struct {
	const char *listing;
	bool forwarded;  /* Queue.Inject=packet */
	const char *fix; /* NULL: it does not */
} firewalls[] = {
	{"", false, NULL},
	{OUTPUT(""), false,
	 "nft insert rule inet fw out meta mark and 0xff000000 == 0x64000000 accept"},
	{OUTPUT("\t\tmeta mark & 0xff000000 == 0x64000000 accept # handle 3\n"), false, NULL},
	{OUTPUT("\t\tmeta mark & 0xff000000 == 0x64000000 counter packets 1 bytes 2 accept\n"),
	 false, NULL},
	/* Whoever is accepted before nobody is dropped. */
	{OUTPUT("\t\tcounter packets 1 bytes 2 accept\n"), false, NULL},
	{OUTPUT("\t\tdrop\n\t\tmeta mark & 0xff000000 == 0x64000000 accept\n"), false,
	 "nft insert rule inet fw out meta mark and 0xff000000 == 0x64000000 accept"},
	{OUTPUT("\t\tip daddr 192.0.2.1 accept\n\t\tlog prefix \"accept all \" comment \"drop it\" "
		"reject with icmpx admin-prohibited\n"),
	 false, "nft insert rule inet fw out meta mark and 0xff000000 == 0x64000000 accept"},
	{CHAIN("ip", "filter", "OUTPUT", "type filter hook output priority 0; policy drop;", ""),
	 false, "iptables -t filter -I OUTPUT -m mark --mark 0x64000000/0xff000000 -j ACCEPT"},
	{CHAIN("ip6", "mangle", "POSTROUTING",
	       "type filter hook postrouting priority mangle; policy drop;", ""),
	 false,
	 "ip6tables -t mangle -I POSTROUTING -m mark --mark 0x64000000/0xff000000 -j ACCEPT"},
	/* What raw sockets send is not forwarded. */
	{CHAIN("inet", "fw", "fwd", "type filter hook forward priority 0; policy drop;", ""), false,
	 NULL},
	{CHAIN("inet", "fw", "fwd", "type filter hook forward priority 0; policy drop;", ""), true,
	 "nft insert rule inet fw fwd meta mark and 0xff000000 == 0x64000000 accept"},
	{CHAIN("inet", "fw", "fwd", "type filter hook forward priority 0; policy drop;",
	       "\t\tiifname \"nat64d\" accept\n"),
	 true, NULL},
	{CHAIN("inet", "fw", "in", "type filter hook input priority 0; policy drop;", ""), false,
	 NULL},
	{CHAIN("inet", "fw", "pre", "type filter hook prerouting priority -500; policy drop;", ""),
	 false, "nft insert rule inet fw pre meta mark and 0xff000000 == 0x64000000 accept"},
	{CHAIN("inet", "fw", "pre", "type filter hook prerouting priority raw; policy drop;", ""),
	 false, NULL},
	{CHAIN("inet", "fw", "pre", "type filter hook prerouting priority raw - 200; policy drop;",
	       ""),
	 false, "nft insert rule inet fw pre meta mark and 0xff000000 == 0x64000000 accept"},
	{CHAIN("inet", "fw", "out", "type filter hook output priority 0; policy accept;",
	       "\t\tct state invalid,untracked drop\n"),
	 false, "nft insert rule inet fw out meta mark and 0xff000000 == 0x64000000 accept"},
	{CHAIN("inet", "fw", "out", "type filter hook output priority 0; policy accept;",
	       "\t\tct state invalid drop\n\t\tct state untracked accept\n"),
	 false, NULL},
	/* What the kernel forwards passes PREROUTING once more, and has no way back to its sources.
	 */
	{CHAIN("inet", "fw", "pre", "type filter hook prerouting priority raw; policy drop;", ""),
	 true, "nft insert rule inet fw pre meta mark and 0xff000000 == 0x64000000 accept"},
	{CHAIN("inet", "firewalld", "filter_PREROUTING",
	       "type filter hook prerouting priority filter + 10; policy accept;",
	       "\t\ticmpv6 type { nd-router-advert, nd-neighbor-solicit } accept\n"
	       "\t\tmeta nfproto ipv6 fib saddr . mark . iif oif missing drop\n"),
	 true,
	 "nft insert rule inet firewalld filter_PREROUTING meta mark and 0xff000000 == 0x64000000 "
	 "accept"},
	{CHAIN("inet", "firewalld", "filter_PREROUTING",
	       "type filter hook prerouting priority filter + 10; policy accept;",
	       "\t\tiifname \"nat64d\" accept\n"
	       "\t\tmeta nfproto ipv6 fib saddr . mark . iif oif missing drop\n"),
	 true, NULL},
	{CHAIN("inet", "firewalld", "filter_PREROUTING",
	       "type filter hook prerouting priority filter + 10; policy accept;",
	       "\t\tmeta nfproto ipv6 fib saddr . mark . iif oif missing drop\n"),
	 false, NULL},
	/* Our own, and those of an instance. */
	{CHAIN("inet", "nat64d", "out", "type filter hook output priority 0; policy drop;", ""),
	 false, NULL},
	{CHAIN("inet", "nat64d_lan", "out", "type filter hook output priority 0; policy drop;", ""),
	 false, NULL},
	{CHAIN("bridge", "fw", "out", "type filter hook output priority 0; policy drop;", ""),
	 false, NULL},
	/* Not whole, and not nft's at all. */
	{"table inet", false, NULL},
	{"table inet fw {\n\tchain out {\n\t\ttype filter hook output priority", false, NULL},
	{"chain out {\n\ttype filter hook output priority 0; policy drop;\n}\n", false, NULL},
	{"}\n}\n\n\t # handle \n\"\n", false, NULL},
};

static void test_firewall(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(firewalls); i++) {
		g_autoptr(GPtrArray) chains = firewall_parse(firewalls[i].listing);
		g_autofree char *finding = NULL, *fix = NULL;
		const struct firewall_ours ours = {
			.mark = {0x64000000, 0xff000000},
			.device = firewalls[i].forwarded ? "nat64d" : NULL,
		};

		g_test_message("%zu: %s", i, firewalls[i].listing);
		g_assert_cmpint(firewall_eats(chains, &ours, &finding, &fix), ==,
				firewalls[i].fix != NULL);
		g_assert_cmpstr(fix, ==, firewalls[i].fix);
	}
}

static void test_marks(void)
{
	static const struct {
		const char *rule;
		bool clashes;
	} cases[] = {
		{"meta mark set 0x64000000", true},
		{"meta mark set 0x64000007 accept", true},
		{"meta mark set 0x65000000", true},
		{"meta mark set 0x66123456", true},
		{"meta mark set 0x67000000", false},
		{"meta mark set 0x00000001", false},
		{"meta mark set meta mark & 0x00ffffff | 0x64000000", true},
		{"meta mark set mark and 0x00ffffff xor 0x65000000", true},
		{"ip daddr 192.0.2.1 meta mark set ct mark", false},
		{"ct mark set 0x64000000", false},
		{"meta mark & 0xff000000 == 0x64000000 drop", false},
		{"meta mark set", false},
		{"meta mark set 0x", false},
		{"meta mark set 0xffffffffffff", false},
		{"meta mark set 0x1 comment \"0x64000000\"", false},
	};
	const struct config_mark mark = {0x64000000, 0xff000000};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *listing = g_strdup_printf(
			"table ip shaper {\n\tchain marks {\n\t\t%s # handle 9\n\t}\n}\n",
			cases[i].rule);
		g_autoptr(GPtrArray) chains = firewall_parse(listing);
		g_autofree char *clash = firewall_marks(chains, &mark);
		g_autofree char *expected = g_strdup_printf("'%s' (chain marks of table ip shaper) "
							    "gives packets a mark that is nat64d's",
							    cases[i].rule);

		g_assert_cmpstr(clash, ==, cases[i].clashes ? expected : NULL);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/doctor/firewall", test_firewall);
	g_test_add_func("/doctor/marks", test_marks);
	return g_test_run();
}
