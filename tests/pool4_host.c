/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/pool4_host.h"

#include <glib/gstdio.h>
#include <unistd.h>

#include "tests/craft.h"
#include "tests/netns.h"

static GString *reports;

static void report(int level, const char *text)
{
	g_string_append_printf(reports, "%s\n", text);
}

void host_forget_reports(void)
{
	g_string_truncate(reports, 0);
}

void host_assert_reported(const char *expected)
{
	g_assert_cmpstr(reports->str, ==, expected);
	g_string_truncate(reports, 0);
}

struct config *host_read_config(const char *text)
{
	g_autofree char *path = g_strdup_printf("/tmp/nat64d-pool4-sync-%d", (int)getpid());
	GPtrArray *problems = config_problems_new();
	struct config *config = NULL;

	g_assert_true(g_file_set_contents(path, text, -1, NULL));
	g_assert_cmpint(config_load(path, &config, problems), ==, 0);
	g_ptr_array_unref(problems);
	(void)unlink(path);
	return config;
}

void host_reload(struct gateway_host *host, const char *text)
{
	struct config *fresh = host_read_config(text);

	g_assert_cmpuint(pool4_sync_follow(host->sync, fresh), ==, 0);
	config_free(host->config);
	host->config = fresh;
}

/* The file in two halves. */
void host_reload_with(struct gateway_host *host, const char *text, const char *also)
{
	g_autofree char *both = g_strconcat(text, also, NULL);

	host_reload(host, both);
}

/* As the daemon does every ten seconds. Returns how many could not be made. */
unsigned host_follow(struct gateway_host *host)
{
	char *error = NULL;
	unsigned n_failed;

	g_assert_cmpint(world_refresh(host->world), ==, 0);
	n_failed = pool4_sync_follow(host->sync, host->config);
	g_assert_cmpint(pool4_sync_rules(host->sync, NULL, POOL4_SYNC_DIFFERENCE, &error), ==, 0);
	return n_failed;
}

gboolean host_set_up(struct gateway_host *host, const char *text)
{
	static const uint8_t seed[RANDOM_SEED_SIZE];
	const struct world_config world_config = {0};
	const struct pool4_sync_config sync_config = {&host->gateway, report};
	struct nat64_world functions;

	if (!netns_enter())
		return FALSE;
	netns_run("ip link add wan type veth peer name wan1");
	netns_run("ip address add 203.0.113.1/24 dev wan");
	reports = g_string_new(NULL);
	host->config = host_read_config(text);
	gateway_init(&host->gateway);
	g_assert_cmpint(world_new(&world_config, &host->world), ==, 0);
	functions = world_functions(host->world);
	host->gateway.nat = nat64_new(&host->config->nat64, &host->config->limits, &functions, seed,
				      gateway_now_ms());
	g_assert_nonnull(host->gateway.nat);
	g_assert_cmpint(pool4_sync_new(&sync_config, &host->sync), ==, 0);
	return TRUE;
}

void host_tear_down(struct gateway_host *host)
{
	pool4_sync_free(host->sync);
	gateway_deinit(&host->gateway);
	world_free(host->world);
	config_free(host->config);
	g_string_free(reports, TRUE);
}

gboolean host_is_bound(const struct gateway_host *host, enum protocol protocol, const char *addr,
		       uint16_t port)
{
	const struct taddr4 outside = {craft_addr4(addr), port};

	return bib_find4(&host->gateway.nat->bib[protocol], &outside) != SLAB_NONE;
}

unsigned host_n_addresses(const struct gateway_host *host, const char *name)
{
	const struct pool4_entry *entry = pool4_entry_by_name(host->gateway.nat->pool4, name);

	return entry ? entry->spec.n_addresses : 0;
}

/* A client's binding: one that nothing in the configuration would make again. */
void host_bind_client(struct gateway_host *host, const char *addr, uint16_t port)
{
	struct nat64 *nat = host->gateway.nat;
	const struct taddr4 outside = {craft_addr4(addr), port};
	struct taddr6 inside = {.port = port};

	inside.addr = craft_addr6("2001:db8:1::77");
	g_assert_cmpint(nat64_add_static(nat, PROTOCOL_UDP, &inside, &outside, gateway_now_ms()),
			==, NAT64_STATIC_OK);
}
