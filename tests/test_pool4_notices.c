/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the log says of pool4 and the packet rules as they change, word by word. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "daemon/daemon_reload.h"
#include "daemon/daemon_rules.h"
#include "daemon/rules.h"
#include "daemon/rules_renew.h"
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

/* The clock of the rules. Each time that it is read, so much has passed. */
static uint64_t clock_ms, clock_step_ms;

static uint64_t read_clock(void)
{
	clock_ms += clock_step_ms;
	return clock_ms;
}

/* The rules of an entry in place, or the test is skipped. */
static bool put_rules(struct gateway_host *host, struct daemon_rules *ret)
{
	g_autofree char *error = NULL;

	if (!host_set_up(host, "[Pool4 a]\nAddresses=203.0.113.1\nPorts=20000-20999\n"
			       "[Queue]\nRules=auto\n"))
		return false;
	g_assert_cmpuint(pool4_sync_follow(host->sync, host->config), ==, 0);
	*ret = (struct daemon_rules){
		.gateway = &host->gateway, .sync = host->sync, .now_ms = read_clock};
	if (daemon_rules_open(ret, host->config, &error) < 0) {
		g_test_skip(error);
		host_tear_down(host);
		return false;
	}
	g_assert_cmpint(daemon_rules_put(ret, POOL4_SYNC_ANEW, NULL), ==, 0);
	return true;
}

/* What is said meanwhile; and whether there is something left to do. g_free() */
static char *keep(struct daemon_rules *rules, uint64_t now_ms, uint64_t *ret_again_ms)
{
	struct captured log = capture();

	clock_ms = now_ms;
	*ret_again_ms = daemon_rules_keep(rules);
	return take(&log);
}

#define PUT_BACK                                                                        \
	"nat64d: somebody has changed or removed the packet rules; putting them back\n" \
	"nat64d: the packet rules are in place again\n"

/* Somebody throws the rules away, empties them, or puts others in their place: they are put back,
 * and both is said. */
static void test_rules(void)
{
	static const char *const commands[] = {
		"nft delete table inet nat64d",
		"nft flush ruleset",
		"nft flush chain inet nat64d prerouting",
		"nft flush set inet nat64d pool6",
		"nft add table inet nat64d ; delete table inet nat64d ; add table inet nat64d ; "
		"add chain inet nat64d prerouting",
	};
	struct gateway_host host = {0};
	struct daemon_rules rules = {0};
	uint64_t now_ms = 1000000, again_ms;
	g_autofree char *quiet = NULL, *first = NULL, *error = NULL;

	if (!put_rules(&host, &rules))
		return;
	g_assert_cmpint(rules_in_kernel(NULL, &first, &error), ==, 0);
	g_assert_nonnull(strstr(first, "goto take"));
	quiet = keep(&rules, now_ms, &again_ms);
	g_assert_cmpstr(quiet, ==, "");
	for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
		g_autofree char *said = NULL, *table = NULL;

		now_ms += 3600000;
		netns_run("%s", commands[i]);
		said = keep(&rules, now_ms, &again_ms);
		g_assert_cmpstr(said, ==, PUT_BACK);
		g_assert_cmpuint(again_ms, ==, 0);
		g_assert_true(host.gateway.rules_in_place);
		g_assert_cmpint(rules_in_kernel(NULL, &table, &error), ==, 0);
		g_assert_cmpstr(table, ==, first);
	}
	daemon_rules_close(&rules);
	host_tear_down(&host);
}

/* Another program that changes them all the time costs neither all of the time nor the whole log;
 * meanwhile it is known that they are not in place. */
static void test_two_programs(void)
{
	struct gateway_host host = {0};
	struct daemon_rules rules = {0};
	uint64_t now_ms = 1000000, again_ms;
	unsigned n_put = 0;
	g_autoptr(GString) all = g_string_new(NULL);

	if (!put_rules(&host, &rules))
		return;
	/* A daemon is told at once, ten times a second; the last times a minute apart. */
	for (unsigned i = 0; i <= 52; i++, now_ms += i < 50 ? 100 : 60000) {
		g_autofree char *said = NULL;

		if (rules.applied)
			netns_run("nft flush chain inet nat64d prerouting");
		said = keep(&rules, now_ms, &again_ms);
		g_string_append(all, said);
		n_put += rules.applied;
		g_assert_true(rules.applied || again_ms > 0);
		g_assert_true(host.gateway.rules_in_place == rules.applied);
	}
	g_assert_cmpuint(n_put, >, 1);
	g_assert_cmpuint(n_put, <=, 9);
	g_assert_true(g_str_has_prefix(all->str, PUT_BACK));
	g_assert_nonnull(strstr(all->str,
				"somebody keeps changing the packet rules: they have been "
				"put back "));
	g_assert_cmpuint(all->len, <, 1000);
	daemon_rules_close(&rules);
	host_tear_down(&host);
}

/* As long a rest as it took, from its end on. */
static void test_rest(void)
{
	struct gateway_host host = {0};
	struct daemon_rules rules = {0};
	uint64_t again_ms, end_ms;
	g_autofree char *said = NULL, *still = NULL, *then = NULL;

	if (!put_rules(&host, &rules))
		return;
	netns_run("nft flush chain inet nat64d prerouting");
	clock_step_ms = 3000;
	said = keep(&rules, 1000000, &again_ms);
	end_ms = clock_ms;
	clock_step_ms = 0;
	g_assert_cmpstr(said, ==, PUT_BACK);
	g_assert_cmpuint(rules.not_before_ms, ==, end_ms + 3000);
	netns_run("nft flush chain inet nat64d prerouting");
	still = keep(&rules, end_ms + 2999, &again_ms);
	g_assert_cmpuint(again_ms, ==, 1);
	g_assert_false(rules.applied);
	then = keep(&rules, end_ms + 3000, &again_ms);
	g_assert_cmpuint(again_ms, ==, 0);
	g_assert_true(rules.applied);
	daemon_rules_close(&rules);
	host_tear_down(&host);
}

/* The other program stops: the times that were not said yet are. */
static void test_other_stops(void)
{
	struct gateway_host host = {0};
	struct daemon_rules rules = {0};
	uint64_t now_ms = 1000000, again_ms;
	g_autofree char *last = NULL, *quiet = NULL, *after = NULL;

	if (!put_rules(&host, &rules))
		return;
	for (unsigned i = 0; i < 3; i++, now_ms += 2000) {
		g_autofree char *said = NULL;

		netns_run("nft flush chain inet nat64d prerouting");
		said = keep(&rules, now_ms, &again_ms);
		g_assert_cmpstr(said, ==, i == 0 ? PUT_BACK : "");
	}
	quiet = keep(&rules, now_ms + 10000, &again_ms);
	g_assert_cmpstr(quiet, ==, "");
	last = keep(&rules, 1000000 + 60000, &again_ms);
	g_assert_cmpstr(last, ==,
			"nat64d: somebody has changed the packet rules 2 more times since that was "
			"said last; they are in place\n");
	after = keep(&rules, 1000000 + 180000, &again_ms);
	g_assert_cmpstr(after, ==, "");
	daemon_rules_close(&rules);
	host_tear_down(&host);
}

/* A configuration that comes to nothing: those that were in place are used again, and the host is
 * not asked what it can do. */
static void test_way_back(void)
{
	struct gateway_host host = {0};
	struct daemon_rules rules = {0};
	struct config *other = host_read_config("[Pool4 a]\nAddresses=203.0.113.1\n"
						"[Queue]\nRules=auto\nMark=0x20/0x60\n");
	struct config *third = host_read_config("[Pool4 a]\nAddresses=203.0.113.1\n"
						"[Queue]\nRules=auto\nMark=0x40/0x60\n");
	g_autofree char *error = NULL;
	const struct rules *first;

	if (!put_rules(&host, &rules))
		goto out;
	first = rules.rules;
	(void)daemon_rules_open(&rules, other, &error);
	g_assert_cmpstr(error, ==, NULL);
	g_assert_true(rules.rules != first);
	g_assert_false(rules.applied);
	g_assert_cmpint(daemon_rules_open(&rules, third, &error), ==, 0);
	g_assert_cmpint(daemon_rules_open(&rules, host.config, &error), ==, 0);
	g_assert_true(rules.rules == first);
	g_assert_null(rules.before);
	g_assert_cmpint(daemon_rules_put(&rules, POOL4_SYNC_DIFFERENCE, NULL), ==, 0);
	g_assert_cmpint(daemon_rules_open(&rules, other, &error), ==, 0);
	g_assert_true(rules.before == first);
	g_assert_cmpint(daemon_rules_put(&rules, POOL4_SYNC_DIFFERENCE, NULL), ==, 0);
	g_assert_null(rules.before);
	daemon_rules_close(&rules);
	host_tear_down(&host);
out:
	config_free(third);
	config_free(other);
}

/* 'nat64ctl setup' asks for them. */
static void test_asked_for(void)
{
	struct gateway_host host = {0};
	struct daemon_rules rules = {0};
	uint64_t again_ms;
	g_autofree char *said = NULL;

	if (!put_rules(&host, &rules))
		return;
	g_assert_cmpint(rules_renew_ask("nat64d", 6400, 0), ==, -ESRCH); /* nobody reads it */
	netns_run("nft add chain inet nat64d renew");
	g_assert_true(rules_renew_is_asked("nat64d"));
	said = keep(&rules, 1000000, &again_ms);
	g_assert_cmpstr(said, ==,
			"nat64d: the packet rules are asked for; putting them in place anew\n"
			"nat64d: the packet rules are in place again\n");
	g_assert_false(rules_renew_is_asked("nat64d"));
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
	g_autofree char *text = NULL, *error = NULL;

	g_assert_cmpint(daemon_adapt_config(fresh, running, &error), ==, 0);
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

/* Processors have come since the start: the threads and queues are those of then, and nothing has
 * changed that would be worth a word. */
static void test_other_processors(void)
{
	struct config *running = host_read_config("[Pool4 a]\nAddresses=192.0.2.1\n");
	struct config *fresh = host_read_config("[Pool4 a]\nAddresses=192.0.2.1\n");
	struct captured log = capture();
	g_autofree char *text = NULL, *error = NULL;

	running->queue.n_workers = 1 + rules_count_workers(running);
	g_assert_cmpint(daemon_adapt_config(fresh, running, &error), ==, 0);
	g_assert_cmpuint(rules_n_workers(fresh), ==, running->queue.n_workers);
	g_assert_cmpuint(fresh->queue.workers, ==, 0);
	text = take(&log);
	g_assert_cmpstr(text, ==, "");
	config_free(fresh);
	config_free(running);
}

/* Files that are good for another mode than the one that runs until the next start: taken where
 * they are good for this one, too, and else refused before anything is cut. */
static void test_other_mode(void)
{
	static const char good[] = "[Pool4 a]\nAddresses=192.0.2.1\nPorts=1024-65535\n"
				   "Clients=2001:db8:1::/62\n";
	struct config *running =
		host_read_config("[Pool4]\nMode=deterministic\nPairingPrefixLength=64\n[Pool4 "
				 "a]\nAddresses=192.0.2.1\n"
				 "Ports=1024-65535\nClients=2001:db8:1::/62\n");
	struct config *fit = host_read_config(good);
	struct config *unfit = host_read_config("[Pool4 a]\nAddresses=192.0.2.1\n");
	struct captured log = capture();
	g_autofree char *text = NULL, *error = NULL;

	g_assert_cmpint(daemon_adapt_config(fit, running, &error), ==, 0);
	g_assert_cmpint(daemon_adapt_config(unfit, running, &error), ==, -EINVAL);
	text = take(&log);
	g_assert_nonnull(
		strstr(text, "Pool4.Mode has changed: that takes effect at the next start"));
	g_assert_nonnull(strstr(error, "[Pool4 a]"));
	g_assert_nonnull(strstr(error,
				"in deterministic mode Ports= is needed; that goes by what is "
				"in use until a restart, which would take all of it"));
	config_free(fit);
	config_free(unfit);
	config_free(running);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/pool4_notices/entries", test_entries);
	g_test_add_func("/pool4_notices/refused", test_refused);
	g_test_add_func("/pool4_notices/rules", test_rules);
	g_test_add_func("/pool4_notices/two_programs", test_two_programs);
	g_test_add_func("/pool4_notices/asked_for", test_asked_for);
	g_test_add_func("/pool4_notices/rest", test_rest);
	g_test_add_func("/pool4_notices/other_stops", test_other_stops);
	g_test_add_func("/pool4_notices/way_back", test_way_back);
	g_test_add_func("/pool4_notices/later-keys", test_later_keys);
	g_test_add_func("/pool4_notices/other-processors", test_other_processors);
	g_test_add_func("/pool4_notices/other-mode", test_other_mode);
	return g_test_run();
}
