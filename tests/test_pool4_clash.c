/* SPDX-License-Identifier: GPL-2.0-or-later */
/* P-18: ports of an entry that are the host's own, too, and the line that settles it. */
#include "daemon/pool4_clash.h"
#include "tests/craft.h"

static void set(struct pool4_auto_set *ports, const char *text)
{
	struct port_ranges ranges;
	char buffer[PORTS_ERROR_SIZE];

	if (!*text)
		return;
	g_assert_null(port_ranges_parse(text, &ranges, buffer, sizeof(buffer)));
	for (uint32_t port = 1; port < 65536; port++)
		ports->has[port] = port_ranges_contain(&ranges, (uint16_t)port);
}

static void test_sentences(void)
{
	/* clang-format off */
	static const struct {
		const char *ports, *reserved, *listens;
		const char *expected; /* "" = none; two by a line break */
	} cases[] = {
		{ "1024-32767", "", "", "" },
		{ "1024-32768", "", "",
		  "pool4 entry a: the kernel gives port 32768 of 192.0.2.1 to local programs, too: "
		  "sysctl -w net.ipv4.ip_local_reserved_ports=32768" },
		{ "20000-40000 60999-61001", "8080 9000-9003", "",
		  "pool4 entry a: the kernel gives ports 32768-40000 60999 of 192.0.2.1 to local programs, "
		  "too: sysctl -w net.ipv4.ip_local_reserved_ports=8080,9000-9003,32768-40000,60999" },
		/* settled */
		{ "20000-40000", "32768-40000", "", "" },
		/* a part of it */
		{ "20000-40000", "32768-39999", "",
		  "pool4 entry a: the kernel gives port 40000 of 192.0.2.1 to local programs, too: "
		  "sysctl -w net.ipv4.ip_local_reserved_ports=32768-40000" },
		/* a program of the kernel's choice is among those */
		{ "20000-40000", "32768-40000", "25000",
		  "pool4 entry a: port 25000 of 192.0.2.1 is reserved for or used by local programs: "
		  "Ports=20000-24999 25001-40000 leaves out what is theirs" },
		{ "20000-29999", "21000-21002 8080", "25000",
		  "pool4 entry a: ports 21000-21002 25000 of 192.0.2.1 are reserved for or used by local "
		  "programs: Ports=20000-20999 21003-24999 25001-29999 leaves out what is theirs" },
		{ "25000", "", "25000",
		  "pool4 entry a: port 25000 of 192.0.2.1 is reserved for or used by local programs: "
		  "Ports=auto leaves out what is theirs" },
		{ "30000-33000", "", "31000",
		  "pool4 entry a: the kernel gives ports 32768-33000 of 192.0.2.1 to local programs, too: "
		  "sysctl -w net.ipv4.ip_local_reserved_ports=32768-33000\n"
		  "pool4 entry a: port 31000 of 192.0.2.1 is reserved for or used by local programs: "
		  "Ports=30000-30999 31001-33000 leaves out what is theirs" },
	};
	/* clang-format on */

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree struct pool4_auto_host *host = g_new0(struct pool4_auto_host, 1);
		g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(g_free);
		g_autofree char *text = NULL;
		struct port_ranges ports;
		char buffer[PORTS_ERROR_SIZE];

		host->local_first = 32768;
		host->local_last = 60999;
		set(&host->reserved, cases[i].reserved);
		set(&host->listens, cases[i].listens);
		g_assert_null(port_ranges_parse(cases[i].ports, &ports, buffer, sizeof(buffer)));
		pool4_clash_check("a", craft_addr4("192.0.2.1"), &ports, host, found);
		g_ptr_array_add(found, NULL);
		text = g_strjoinv("\n", (char **)found->pdata);
		g_assert_cmpstr(text, ==, cases[i].expected);
	}
}

/* Too many for a sentence, and for an entry. */
static void test_many(void)
{
	g_autofree struct pool4_auto_host *host = g_new0(struct pool4_auto_host, 1);
	g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(g_free);
	const struct port_ranges ports = {.range = {{1024, 2047}}, .n_ranges = 1};

	for (uint32_t port = 1024; port < 2048; port += 2)
		host->listens.has[port] = true;
	pool4_clash_check("a", craft_addr4("192.0.2.1"), &ports, host, found);
	g_assert_cmpuint(found->len, ==, 1);
	g_assert_cmpstr(g_ptr_array_index(found, 0), ==,
			"pool4 entry a: 512 of the ports of 192.0.2.1 are reserved for or used by "
			"local programs: Ports=auto leaves out what is theirs");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/pool4-clash/sentences", test_sentences);
	g_test_add_func("/pool4-clash/many", test_many);
	return g_test_run();
}
