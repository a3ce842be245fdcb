/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Setting up a real host and taking it all back: what stands where, and that nothing stays. */
#include <errno.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/rules_comments.h"
#include "tests/netns.h"
#include "tests/netns/rules_world.h"

/* Ends the test at the first line that differs: the whole is too long to read. */
static void assert_same(const char *got, const char *expected)
{
	g_auto(GStrv) got_lines = g_strsplit(got, "\n", -1);
	g_auto(GStrv) expected_lines = g_strsplit(expected, "\n", -1);

	for (size_t i = 0; got_lines[i] != NULL || expected_lines[i] != NULL; i++) {
		g_assert_cmpstr(got_lines[i], ==, expected_lines[i]);
		if (got_lines[i] == NULL)
			return;
	}
}

/* What stands as comments in a chain, and nothing else of it. */
static void test_comments(void)
{
	g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(g_free);

	if (!netns_enter())
		return;
	netns_run("nft add table inet t");
	netns_run("nft add chain inet t c");
	netns_run("nft add chain inet t other");
	netns_run("nft add rule inet t c return comment \\\"one 1\\\"");
	netns_run("nft add rule inet t c counter");
	netns_run("nft add rule inet t other return comment \\\"not this\\\"");
	netns_run("nft add rule inet t c return comment \\\"two\\\"");
	g_assert_cmpint(rules_comments_read("t", "c", found), ==, 0);
	g_assert_cmpuint(found->len, ==, 2);
	g_assert_cmpstr(g_ptr_array_index(found, 0), ==, "one 1");
	g_assert_cmpstr(g_ptr_array_index(found, 1), ==, "two");
	g_assert_cmpint(rules_comments_read("t", "d", found), ==, -ENOENT);
	g_assert_cmpint(rules_comments_read("u", "c", found), ==, -ENOENT);
	g_assert_cmpuint(found->len, ==, 2);
}

static void test_teardown_restores(void)
{
	g_autofree char *before = NULL, *during = NULL, *after = NULL;
	struct world world;

	if (!world_begin(&world))
		return;
	netns_run("nft add table inet fw");
	netns_run("nft add chain inet fw in { type filter hook input priority 0 ; }");
	netns_run("iptables-nft -t raw -A OUTPUT -d 192.0.2.99 -j DROP");
	netns_run("ip6tables-nft -t mangle -A PREROUTING -d 2001:db8::99 -j DROP");
	netns_run("sysctl -qw net.ipv4.conf.near.forwarding=1");
	netns_run("sysctl -qw net.ipv4.conf.all.accept_redirects=0");
	before = snapshot();
	apply(&world);
	during = snapshot();
	g_assert_cmpstr(during, !=, before);
	teardown();
	after = snapshot();
	assert_same(after, before);
	teardown(); /* once more does nothing */
	world_end(&world);
}

static void test_apply_is_idempotent(void)
{
	g_autofree char *first = NULL, *second = NULL, *first4 = NULL, *second4 = NULL;
	g_autofree char *before = NULL, *after = NULL;
	struct world world;

	if (!world_begin(&world))
		return;
	before = snapshot();
	apply(&world);
	first = output_of("nft list table inet nat64d");
	first4 = output_of("sh -c 'iptables-nft-save | grep -v ^#'");
	apply(&world);
	second = output_of("nft list table inet nat64d");
	second4 = output_of("sh -c 'iptables-nft-save | grep -v ^#'");
	assert_same(second, first);
	assert_same(second4, first4);
	teardown();
	after = snapshot(); /* the records are those of the first time */
	assert_same(after, before);
	world_end(&world);
}

static bool has_route(const char *prefix)
{
	g_autofree char *routes = output_of("ip -6 route show proto 64");

	return strstr(routes, prefix) != NULL;
}

/* With the configuration of now. */
static void reload(struct world *world)
{
	rules_close(world->rules);
	world->rules = NULL;
	apply(world);
}

/* A reload: the route of a prefix that is not in Pool6 any more would swallow its traffic, and so
 * would that of local traffic which is not translated any more. */
static void test_route_follows_pool6(void)
{
	g_autofree char *before = NULL, *after = NULL;
	struct world world;

	if (!world_begin(&world))
		return;
	before = snapshot();
	apply(&world);
	g_assert_true(has_route("2001:db8:64::/96"));
	g_assert_true(prefix6_parse("2001:db8:65::/96", &world.config.nat64.pool6[0]));
	reload(&world);
	g_assert_true(has_route("2001:db8:65::/96"));
	g_assert_false(has_route("2001:db8:64::/96"));
	world.config.local_traffic = false;
	reload(&world);
	g_assert_false(has_route("2001:db8"));
	teardown();
	after = snapshot();
	assert_same(after, before);
	world_end(&world);
}

/* Superpackets that no queue could carry: only where somebody has asked for them, and only where
 * they come whole. */
static void test_big_links(void)
{
	static const char shown[] =
		"sh -c 'ip -d link show near | grep -o \"g[rs]o_max_size [0-9]*\"'";
	g_autofree char *before = NULL, *during = NULL, *once_more = NULL, *after = NULL;
	g_autofree char *raw = NULL;
	struct world world;

	if (!world_begin(&world))
		return;
	if (!netns_try("ip link set near gro_max_size 200000 gso_max_size 60000")) {
		g_test_skip("ip or this kernel knows no gro_max_size");
		world_end(&world);
		return;
	}
	before = output_of(shown);
	world.config.queue.inject = CONFIG_INJECT_RAW;
	apply(&world);
	raw = output_of(shown);
	g_assert_cmpstr(raw, ==, before);
	world.config.queue.inject = CONFIG_INJECT_AUTO;
	reload(&world);
	during = output_of(shown);
	g_assert_nonnull(strstr(before, "gro_max_size 200000"));
	g_assert_nonnull(strstr(during, "gro_max_size 65000"));
	apply(&world);
	once_more = output_of(shown);
	g_assert_cmpstr(once_more, ==, during);
	teardown();
	after = output_of(shown);
	g_assert_cmpstr(after, ==, before);
	/* One that is gone by then. */
	netns_run("ip link add big type veth peer name big-end");
	netns_run("ip link set big gro_max_size 200000");
	apply(&world);
	netns_run("ip link del big");
	teardown();
	world_end(&world);
}

/* Somebody flushes all rules, and with them the records of how to undo: the daemon puts back both.
 */
static void test_flush_keeps_records(void)
{
	struct rules_entry entry = world_entry();
	g_autofree char *before = NULL, *after = NULL;
	struct world world;
	char *error = NULL;

	if (!world_begin(&world))
		return;
	before = snapshot();
	apply(&world);
	netns_run("nft flush ruleset");
	g_assert_false(rules_present(world.rules));
	g_assert_cmpint(rules_apply(world.rules, &entry, 1, &error), ==, 0);
	g_assert_true(rules_present(world.rules));
	teardown();
	after = snapshot();
	assert_same(after, before);
	world_end(&world);
}

/* clang-format off */
static const struct {
	const char *command;
	bool present;
	bool iptables; /* in this mode only */
} foreign_changes[] = {
	{ "nft add table inet other", true, false },
	{ "nft add chain inet other c { type filter hook prerouting priority -500 ; }", true, false },
	{ "nft add rule inet nat64d undo return comment \\\"of another instance\\\"", true, false },
	{ "nft add table inet nat64d", true, false },
	{ "nft flush chain inet nat64d prerouting", false, false },
	{ "nft flush chain inet nat64d take", false, false },
	{ "nft insert rule inet nat64d prerouting accept", false, false },
	{ "nft add chain inet nat64d renew", false, false },
	{ "nft chain inet nat64d output { policy drop \\; }", false, false },
	{ "nft add table inet nat64d { flags dormant \\; }", false, false },
	{ "nft flush set inet nat64d pool4", false, false },
	{ "nft delete element inet nat64d pool4 { 203.0.113.7 }", false, false },
	{ "nft add element inet nat64d pool4 { 203.0.113.200 }", false, false },
	{ "nft flush set inet nat64d pool6", false, false },
	{ "nft flush set inet nat64d own_ports", false, false },
	{ "nft add element inet nat64d exempt6 { 2001:db8:1::/64 }", false, false },
	{ "nft delete table inet nat64d", false, false },
	{ "iptables-nft -t raw -A PREROUTING -s 192.0.2.99 -j ACCEPT", true, true },
	{ "iptables-nft -t raw -F nat64d", false, true },
	{ "iptables-nft -t mangle -F nat64d/offer", false, true },
	{ "ip6tables-nft -t raw -D OUTPUT 1", false, true },
};
/* clang-format on */

/* Whatever of ours somebody changes is seen; what is another's is none of our business. */
static void test_changes_of_others(void)
{
	struct world world;

	if (!world_begin(&world))
		return;
	for (size_t i = 0; i < G_N_ELEMENTS(foreign_changes); i++) {
		apply(&world);
		if (foreign_changes[i].iptables && rules_mode(world.rules) != RULES_IPTABLES)
			continue;
		netns_run("%s", foreign_changes[i].command);
		for (unsigned twice = 0; twice < 2; twice++)
			if (rules_present(world.rules) != foreign_changes[i].present)
				g_error("%s: %s", foreign_changes[i].command,
					foreign_changes[i].present ? "not present" : "present");
	}
	world_end(&world);
}

/* Our own changes are ours, those of elements and those of whole sets. */
static void test_own_changes(void)
{
	struct rules_entry entry = world_entry();
	struct world world;
	char *error = NULL;

	if (!world_begin(&world))
		return;
	apply(&world);
	for (uint32_t n = 0; n < 2; n++) {
		entry.n_addresses = 2 * n;
		g_assert_cmpint(rules_update(world.rules, &entry, n, &error), ==, 0);
		g_assert_true(rules_present(world.rules));
	}
	netns_run("ip route add 2001:db8:64::c633:6400/120 via 2001:db8:1::2");
	g_assert_cmpint(rules_update(world.rules, &entry, 1, &error), ==, 0);
	g_assert_true(rules_present(world.rules));
	world_end(&world);
}

/* Somebody sets up by other words what has the same name, as nat64ctl setup would by the files. */
static void test_other_table(void)
{
	struct rules_entry entry = world_entry();
	struct rules *other = NULL;
	struct world world;
	char *error = NULL;

	if (!world_begin(&world))
		return;
	apply(&world);
	g_assert_cmpint(rules_open(NULL, &world.config, &other, &error), ==, 0);
	for (uint32_t n = 0; n < 2; n++) {
		g_assert_cmpint(rules_apply(other, &entry, n, &error), ==, 0);
		g_assert_true(rules_present(other));
		g_assert_false(rules_present(world.rules));
		apply(&world);
		g_assert_false(rules_present(other));
	}
	rules_close(other);
	world_end(&world);
}

/* What others put into the built-in chains that came with our rules stays, policies too. */
static void test_later_rules_of_others_stay(void)
{
	g_autofree char *saved = NULL, *saved6 = NULL;
	struct world world;

	if (!world_begin(&world))
		return;
	apply(&world);
	netns_run("iptables-nft -t raw -A PREROUTING -s 192.0.2.99 -j DROP");
	netns_run("iptables-nft -t mangle -P PREROUTING DROP");
	netns_run("ip6tables-nft -t raw -A OUTPUT -d 2001:db8::99 -j DROP");
	teardown();
	saved = output_of("iptables-nft-save");
	saved6 = output_of("ip6tables-nft-save");
	g_assert_nonnull(strstr(saved, "-A PREROUTING -s 192.0.2.99/32 -j DROP\n"));
	g_assert_nonnull(strstr(saved, ":PREROUTING DROP "));
	g_assert_nonnull(strstr(saved6, "-A OUTPUT -d 2001:db8::99/128 -j DROP\n"));
	g_assert_null(strstr(saved, "nat64d"));
	g_assert_null(strstr(saved6, "nat64d"));
	world_end(&world);
}

/* What --print shows does the same as apply. */
static void test_print_is_what_apply_does(void)
{
	struct rules_entry entry = world_entry();
	g_autofree char *printed = NULL, *applied = NULL, *script = NULL, *text = NULL;
	g_autofree char *path = g_strdup_printf("/tmp/nat64d-rules-%d", (int)getpid());
	struct world world;

	if (!world_begin(&world))
		return;
	g_assert_cmpint(rules_open(NULL, &world.config, &world.rules, &text), ==, 0);
	script = rules_print(world.rules, &entry, 1);
	g_assert_true(g_file_set_contents(path, script, -1, NULL));
	netns_run("sh -c 'sh -e %s >/dev/null'", path);
	(void)unlink(path);
	printed = snapshot();
	teardown();
	apply(&world);
	applied = snapshot();
	assert_same(printed, applied);
	world_end(&world);
}

/* 65 536 addresses of which no two touch: the whole table, and one more by an update. */
static void test_many_addresses(void)
{
	enum { N = 65536 };
	struct addr4_range *many = g_new(struct addr4_range, N);
	struct rules_entry entry = world_entry();
	struct world world;
	char *error = NULL;
	double took;

	if (!world_begin(&world)) {
		g_free(many);
		return;
	}
	entry.addresses = many;
	entry.n_addresses = N - 1;
	for (uint32_t i = 0; i < N; i++)
		many[i].first = many[i].last = craft_addr4("10.0.0.0") + 2 * i;
	g_assert_cmpint(rules_open(NULL, &world.config, &world.rules, &error), ==, 0);
	g_test_timer_start();
	g_assert_cmpint(rules_apply(world.rules, &entry, 1, &error), ==, 0);
	took = g_test_timer_elapsed();
	g_test_message("65 535 ranges in %.2f s", took);
	g_assert_cmpfloat(took, <, 60);
	entry.n_addresses = N;
	g_test_timer_start();
	g_assert_cmpint(rules_update(world.rules, &entry, 1, &error), ==, 0);
	took = g_test_timer_elapsed();
	g_test_message("one more in %.2f s", took);
	g_assert_cmpfloat(took, <, 60);
	g_free(many);
	world_end(&world);
}

/* Queue.Rules=none: the host is set up, and the table holds nothing but how to undo that. */
static void test_queue_rules_none(void)
{
	g_autofree char *table = NULL;
	struct world world;

	if (!world_begin(&world))
		return;
	world.config.queue.rules = CONFIG_RULES_NONE;
	apply(&world);
	table = output_of("nft list ruleset");
	g_assert_null(strstr(table, "hook"));
	g_assert_nonnull(strstr(table, "sysctl net/ipv4/ip_forward 0"));
	teardown();
	world_end(&world);
}

/* Two instances: what they share is undone by the last that goes, whoever did it. */
static void test_two_instances(void)
{
	struct rules_entry entry = world_entry();
	g_autofree char *before = NULL, *between = NULL, *after = NULL;
	struct rules *other;
	struct world world;
	char *error = NULL;

	if (!world_begin(&world))
		return;
	before = snapshot();
	apply(&world);
	world.config.queue.first = QUEUE + 100;
	/* Whose rules would take whose packets? Where nft queues there is no such question. */
	if (rules_mode(world.rules) == RULES_IPTABLES) {
		g_assert_cmpint(rules_open("lab", &world.config, &other, &error), ==, -EADDRINUSE);
		g_assert_cmpstr(error, ==,
				"Queue.Mark 0x64000000/0xff000000: the iptables rules of the "
				"instance without a name take what has this mark or one next to "
				"it; Queue.Mark=0x68000000/0xff000000 would work");
		g_clear_pointer(&error, g_free);
	}
	world.config.queue.mark.value = 0x32000000;
	g_assert_cmpint(rules_open("lab", &world.config, &other, &error), ==, 0);
	g_assert_cmpint(rules_apply(other, &entry, 1, &error), ==, 0);
	g_assert_true(rules_present(world.rules));
	g_assert_true(rules_present(other));
	teardown();
	between = output_of("cat /proc/sys/net/ipv4/ip_forward");
	g_assert_cmpstr(between, ==, "1\n");
	g_assert_true(rules_present(other));
	rules_close(other);
	g_assert_cmpint(rules_remove("lab", NULL, &error), ==, 0);
	after = snapshot();
	assert_same(after, before);
	world_end(&world);
}

static void set_net_admin(bool on)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	g_assert_cmpint(syscall(SYS_capget, &header, data), ==, 0);
	if (on)
		data[0].effective |= 1u << CAP_NET_ADMIN;
	else
		data[0].effective &= ~(1u << CAP_NET_ADMIN);
	g_assert_cmpint(syscall(SYS_capset, &header, data), ==, 0);
}

/* Bad input: one sentence that names what is missing, and nothing has changed. */
static void test_missing_right(void)
{
	g_autofree char *before = NULL, *after = NULL, *apply_error = NULL, *remove_error = NULL;
	struct world world;

	if (!world_begin(&world))
		return;
	before = snapshot();
	set_net_admin(false);
	g_assert_cmpint(rules_open(NULL, &world.config, &world.rules, &apply_error), ==, -EPERM);
	g_assert_cmpint(rules_remove(NULL, NULL, &remove_error), ==, -EPERM);
	set_net_admin(true);
	g_assert_cmpstr(apply_error, ==, "packet rules need the capability CAP_NET_ADMIN");
	g_assert_cmpstr(remove_error, ==, apply_error);
	after = snapshot();
	assert_same(after, before);
	world_end(&world);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/rules_setup/comments", test_comments);
	g_test_add_func("/rules_setup/teardown_restores", test_teardown_restores);
	g_test_add_func("/rules_setup/apply_is_idempotent", test_apply_is_idempotent);
	g_test_add_func("/rules_setup/route_follows_pool6", test_route_follows_pool6);
	g_test_add_func("/rules_setup/big_links", test_big_links);
	g_test_add_func("/rules_setup/flush_keeps_records", test_flush_keeps_records);
	g_test_add_func("/rules_setup/changes_of_others", test_changes_of_others);
	g_test_add_func("/rules_setup/own_changes", test_own_changes);
	g_test_add_func("/rules_setup/other_table", test_other_table);
	g_test_add_func("/rules_setup/later_rules_of_others_stay", test_later_rules_of_others_stay);
	g_test_add_func("/rules_setup/print_is_what_apply_does", test_print_is_what_apply_does);
	g_test_add_func("/rules_setup/many_addresses", test_many_addresses);
	g_test_add_func("/rules_setup/queue_rules_none", test_queue_rules_none);
	g_test_add_func("/rules_setup/two_instances", test_two_instances);
	g_test_add_func("/rules_setup/missing_right", test_missing_right);
	return g_test_run();
}
