/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the log says of pool4 and the packet rules as they change, word by word. */
#include <fcntl.h>
#include <unistd.h>

#include "daemon/daemon_reload.h"
#include "daemon/daemon_rules.h"
#include "tests/craft.h"
#include "tests/netns.h"
#include "tests/pool4_host.h"

/* Entries that are used otherwise, go, come back and get another name. */
static void test_entries(void)
{
	struct gateway_host host = {0};

	if (!host_set_up(&host, "[Pool4 a]\nAddresses=192.0.2.1\n[Pool4 b]\nAddresses=192.0.2.2\n"))
		return;
	g_assert_cmpuint(host_follow(&host), ==, 0);
	host_bind_client(&host, "192.0.2.1", 20000);
	host_reload(&host, "[Pool4 a]\nAddresses=192.0.2.1\nClients=2001:db8:1::/48\n"
			   "[Pool4 c]\nAddresses=192.0.2.2\n");
	host_assert_reported("pool4 entry a has changed: 1 bindings ended\n"
			     "pool4 entry b is called c now\n");
	g_assert_cmpuint(host_follow(&host), ==, 0);
	host_bind_client(&host, "192.0.2.2", 20000);
	host_reload(&host, "[Pool4 d]\nAddresses=192.0.2.9\n");
	host_assert_reported("pool4 entry c is drained: it goes with its last binding\n"
			     "pool4 entry a is removed\n");
	g_assert_false(pool4_sync_reap(host.sync));
	host_assert_reported("");
	nat64_remove_binding(host.gateway.nat, PROTOCOL_UDP,
			     bib_next(&host.gateway.nat->bib[PROTOCOL_UDP], 0), gateway_now_ms());
	g_assert_true(pool4_sync_reap(host.sync));
	host_assert_reported("pool4 entry c is removed\n");
	host_tear_down(&host);
}

/* Two entries that only the host's addresses bring together: the second is refused, once. */
static void test_refused(void)
{
	struct gateway_host host = {0};

	if (!host_set_up(&host, "[Pool4 a]\nAddresses=203.0.113.1\nPorts=20000-20999\n"
				"[Pool4 b]\nAddresses=interface:wan\nPorts=20000-20999\n"))
		return;
	for (unsigned i = 0; i < 2; i++) {
		g_assert_cmpuint(host_follow(&host), ==, 1);
		host_assert_reported(i > 0 ? ""
					   : "pool4 entry b can not be used: another entry has the "
					     "same address, port, protocol and clients: a\n");
	}
	host_tear_down(&host);
}

/* stderr goes to a file of its own until its text is taken. */
struct captured {
	char *path;
	int before;
};

static struct captured capture(void)
{
	struct captured log = {.before = dup(STDERR_FILENO)};
	int fd = g_file_open_tmp("nat64d-notices-XXXXXX", &log.path, NULL);

	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(dup2(fd, STDERR_FILENO), >=, 0);
	(void)close(fd);
	return log;
}

static char *take(struct captured *log)
{
	char *text = NULL;

	g_assert_cmpint(dup2(log->before, STDERR_FILENO), >=, 0);
	(void)close(log->before);
	g_assert_true(g_file_get_contents(log->path, &text, NULL, NULL));
	(void)unlink(log->path);
	g_free(log->path);
	return text;
}

/* Somebody throws the rules away: they are put back, and both is said; what the kernel refuses is
 * said in one line. */
static void test_rules(void)
{
	struct gateway_host host = {0};
	g_autofree char *quiet = NULL, *gone = NULL, *error = NULL;
	struct daemon_rules rules = {0};
	struct captured log;

	if (!host_set_up(&host, "[Pool4 a]\nAddresses=203.0.113.1\nPorts=20000-20999\n"
				"[Queue]\nRules=auto\n"))
		return;
	g_assert_cmpuint(pool4_sync_follow(host.sync, host.config), ==, 0);
	rules = (struct daemon_rules){.gateway = &host.gateway, .sync = host.sync};
	if (daemon_rules_open(&rules, host.config, &error) < 0) {
		g_test_skip(error);
		host_tear_down(&host);
		return;
	}
	log = capture();
	g_assert_cmpint(daemon_rules_put(&rules, POOL4_SYNC_ANEW, NULL), ==, 0);
	daemon_rules_keep(&rules);
	quiet = take(&log);
	g_assert_cmpstr(quiet, ==, "");
	netns_run("nft delete table inet nat64d");
	log = capture();
	daemon_rules_keep(&rules);
	gone = take(&log);
	g_assert_cmpstr(gone, ==,
			"nat64d: somebody has removed the packet rules; putting them back\n"
			"nat64d: the packet rules are in place again\n");
	g_assert_true(host.gateway.rules_in_place);
	daemon_rules_close(&rules);
	host_tear_down(&host);
}

/* A reload that would change what is fixed at start. */
static void test_later_keys(void)
{
	struct config *running = host_read_config("[Pool4 a]\nAddresses=192.0.2.1\n");
	struct config *fresh =
		host_read_config("[Pool4 a]\nAddresses=192.0.2.1\n"
				 "[Limits]\nClientPrefixLength=56\n[Pool4]\nMode=blocks\n");
	struct captured log = capture();
	g_autofree char *text = NULL;

	daemon_adapt_config(fresh, running);
	text = take(&log);
	g_assert_cmpstr(text, ==,
			"nat64d: Pool4.Mode has changed: that takes effect at the next start\n"
			"nat64d: Limits.ClientPrefixLength has changed: that takes effect at the "
			"next start\n");
	g_assert_cmpuint(fresh->nat64.icmp_limit.client_prefix_length, ==, 64);
	g_assert_cmpuint(fresh->limits.pool4.mode, ==, POOL4_DYNAMIC);
	config_free(fresh);
	config_free(running);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/pool4_notices/entries", test_entries);
	g_test_add_func("/pool4_notices/refused", test_refused);
	g_test_add_func("/pool4_notices/rules", test_rules);
	g_test_add_func("/pool4_notices/later-keys", test_later_keys);
	return g_test_run();
}
