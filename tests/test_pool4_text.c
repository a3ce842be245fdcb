/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses of pool4 as text: P-1, INTERFACE.md section 5. */
#include <glib.h>

#include "daemon/core/pool4_text.h"

static void test_parse(void)
{
	static const struct {
		const char *text;
		const char *printed;
	} cases[] = {
		{"192.0.2.7", "192.0.2.7"},
		{"192.0.2.7/32", "192.0.2.7"},
		{"192.0.2.8/29", "192.0.2.8/29"},
		{"192.0.2.8-192.0.2.15", "192.0.2.8/29"},
		{"192.0.2.8-192.0.2.16", "192.0.2.8-192.0.2.16"},
		{"192.0.2.7-192.0.2.7", "192.0.2.7"},
		{" 203.0.113.1,192.0.2.1 \n 198.51.100.1\t", "192.0.2.1 198.51.100.1 203.0.113.1"},
		{"192.0.2.0 192.0.2.1", "192.0.2.0/31"},
		{"192.0.2.1 192.0.2.2", "192.0.2.1-192.0.2.2"},
		{"192.0.2.0/24 192.0.2.128/25 192.0.2.3", "192.0.2.0/24"},
		{"10.0.0.0/8", "10.0.0.0/8"},
		{"223.255.255.255 1.0.0.0", "1.0.0.0 223.255.255.255"},
		{"128.0.0.0/2", "128.0.0.0/2"},
		{"169.254.0.0/16", "169.254.0.0/16"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		char error[POOL4_TEXT_ERROR_SIZE], printed[100];
		struct pool4_text text;

		g_assert_cmpstr(pool4_text_parse(cases[i].text, &text, error), ==, NULL);
		g_assert_cmpuint(
			pool4_text_print(text.range, text.n_ranges, printed, sizeof(printed)), ==,
			strlen(cases[i].printed));
		g_assert_cmpstr(printed, ==, cases[i].printed);
		g_assert_cmpuint(text.n_interfaces, ==, 0);
		pool4_text_deinit(&text);
	}
}

static void test_errors(void)
{
	static const struct {
		const char *text;
		const char *error;
	} cases[] = {
		{"192.0.2.8/28", "192.0.2.8/28 has host bits set: did you mean 192.0.2.0/28 (16 "
				 "addresses) or 192.0.2.8/29 (8 addresses)?"},
		{"192.0.2.7/24", "192.0.2.7/24 has host bits set: did you mean 192.0.2.0/24 (256 "
				 "addresses) or 192.0.2.7 (1 address)?"},
		{"192.0.2.15-192.0.2.8",
		 "192.0.2.15-192.0.2.8 is reversed: did you mean 192.0.2.8-192.0.2.15?"},
		{"224.0.0.1", "224.0.0.1 cannot be in pool4: the address is multicast: name "
			      "addresses at which others reach this host"},
		{"240.0.0.1", "240.0.0.1 cannot be in pool4: the address is reserved (class E): "
			      "name addresses at which others reach this host"},
		{"255.255.255.255", "255.255.255.255 cannot be in pool4: the address is reserved "
				    "(class E): name addresses at which others reach this host"},
		{"127.0.0.1", "127.0.0.1 cannot be in pool4: the address is loopback: name "
			      "addresses at which others reach this host"},
		{"0.0.0.0", "0.0.0.0 cannot be in pool4: the address is in 0.0.0.0/8: name "
			    "addresses at which others reach this host"},
		{"192.0.2.1 0.0.0.0/0",
		 "0.0.0.0/0 cannot be in pool4: it has addresses that are in 0.0.0.0/8: name "
		 "addresses at which others reach this host"},
		{"126.0.0.0-128.0.0.0",
		 "126.0.0.0-128.0.0.0 cannot be in pool4: it has addresses "
		 "that are loopback: name addresses at which others reach this host"},
		{"223.0.0.0-225.0.0.0",
		 "223.0.0.0-225.0.0.0 cannot be in pool4: it has addresses "
		 "that are multicast: name addresses at which others reach this host"},
		{"gateway.example", "gateway.example is not an IPv4 address"},
		{"my-host", "my-host is not an IPv4 address or a range of them"},
		{"192.0.2.1-", "192.0.2.1- is not an IPv4 address or a range of them"},
		{"192.0.2.1-192.0.2.2-192.0.2.3",
		 "192.0.2.1-192.0.2.2-192.0.2.3 is not an IPv4 address or a range of them"},
		{"192.0.2.256", "192.0.2.256 is not an IPv4 address"},
		{"192.0.2", "192.0.2 is not an IPv4 address"},
		{"192.0.2.0/33", "192.0.2.0/33 is not an IPv4 prefix"},
		{"192.0.2.0/", "192.0.2.0/ is not an IPv4 prefix"},
		{"2001:db8::1",
		 "2001:db8::1 is not an IPv4 address: pool4 has IPv4 addresses only"},
		{"interface:", "interface: names no interface"},
		{"interface:abcdefghijklmnop",
		 "abcdefghijklmnop cannot be the name of an interface"},
		{"interface:a/b", "a/b cannot be the name of an interface"},
		{"interface:.", ". cannot be the name of an interface"},
		{"interface:..", ".. cannot be the name of an interface"},
		{"a.very.long.name.that.is.longer.than.any.address.can.be.in.this.list.example",
		 "a.very.long.name.that.is.longer.than.any... is not an IPv4 address"},
		{"", "the list of addresses is empty"},
		{" , ", "the list of addresses is empty"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		char error[POOL4_TEXT_ERROR_SIZE];
		struct pool4_text text = {.n_ranges = 77};

		g_assert_cmpstr(pool4_text_parse(cases[i].text, &text, error), ==, cases[i].error);
		g_assert_cmpuint(text.n_ranges, ==, 77);
	}
}

static void test_interfaces(void)
{
	char error[POOL4_TEXT_ERROR_SIZE];
	struct pool4_text text;

	g_assert_cmpstr(pool4_text_parse("interface:wan0 192.0.2.1 interface:lte-1 interface:wan0 "
					 "interface:abcdefghijklmno",
					 &text, error),
			==, NULL);
	g_assert_cmpuint(text.n_ranges, ==, 1);
	g_assert_cmpuint(text.n_interfaces, ==, 3);
	g_assert_cmpstr(text.interface[0], ==, "wan0");
	g_assert_cmpstr(text.interface[1], ==, "lte-1");
	g_assert_cmpstr(text.interface[2], ==, "abcdefghijklmno");
	pool4_text_deinit(&text);
	g_assert_cmpstr(pool4_text_parse("interface:wan0", &text, error), ==, NULL);
	g_assert_cmpuint(text.n_ranges, ==, 0);
	pool4_text_deinit(&text);
	pool4_text_deinit(&text);
}

/* A list of any length: the pool of the page had at most 5 addresses at start. */
static void test_long_list(void)
{
	g_autoptr(GString) list = g_string_new(NULL);
	g_autofree char *printed = NULL;
	char error[POOL4_TEXT_ERROR_SIZE], cut[40];
	struct pool4_text text;
	size_t length;

	for (unsigned i = 0; i < 5000; i++)
		g_string_append_printf(list, "%s10.%u.%u.1", i ? " " : "", i / 256, i % 256);
	g_assert_cmpstr(pool4_text_parse(list->str, &text, error), ==, NULL);
	g_assert_cmpuint(text.n_ranges, ==, 5000);
	length = pool4_text_print(text.range, text.n_ranges, NULL, 0);
	g_assert_cmpuint(length, ==, list->len);
	printed = g_malloc(length + 1);
	g_assert_cmpuint(pool4_text_print(text.range, text.n_ranges, printed, length + 1), ==,
			 length);
	g_assert_cmpstr(printed, ==, list->str);
	g_assert_cmpuint(pool4_text_print(text.range, text.n_ranges, cut, sizeof(cut)), ==, length);
	g_assert_cmpuint(strlen(cut), ==, sizeof(cut) - 1);
	g_assert_true(g_str_has_prefix(list->str, cut));
	pool4_text_deinit(&text);
}

static void test_print_none(void)
{
	char printed[] = "what was there";

	g_assert_cmpuint(pool4_text_print(NULL, 0, printed, sizeof(printed)), ==, 0);
	g_assert_cmpstr(printed, ==, "");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/pool4-text/print_none", test_print_none);
	g_test_add_func("/pool4-text/parse", test_parse);
	g_test_add_func("/pool4-text/errors", test_errors);
	g_test_add_func("/pool4-text/interfaces", test_interfaces);
	g_test_add_func("/pool4-text/long-list", test_long_list);
	return g_test_run();
}
