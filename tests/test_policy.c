/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <glib.h>

#include "daemon/core/policy.h"
#include "tests/gateway_fixture.h"

static struct gateway_fixture *gateway;

static struct addr6 addr6_of(const char *text)
{
	struct addr6 addr = {0};

	g_assert_true(addr6_parse(text, &addr));
	return addr;
}

static uint32_t addr4_of(const char *text)
{
	uint32_t addr = 0;

	g_assert_true(addr4_parse(text, &addr));
	return addr;
}

static void begin(void)
{
	gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
}

static enum outcome ask(const char *client, const char *dst4, bool hairpinned)
{
	struct addr6 addr = addr6_of(client);

	return policy_new_session(gateway->nat, &addr, 0, addr4_of(dst4), hairpinned);
}

/* A prefix that has gone leaves its index behind in sessions; they go on with the first. */
static void test_prefixes(void)
{
	begin();
	struct nat64_config *config = &gateway->nat->config;
	g_assert_true(prefix6_parse("2001:db8:65::/96", &config->pool6[3]));
	struct addr6 in = addr6_of("2001:db8:65::1"), outside = addr6_of("2001:db8:66::1");

	g_assert_cmpint(policy_pool6_of(gateway->nat, &in), ==, 3);
	g_assert_cmpint(policy_pool6_of(gateway->nat, &outside), ==, -1);
	g_assert_true(policy_pool6(gateway->nat, 3) == &config->pool6[3]);
	config->pool6[3].len = 0;
	g_assert_cmpint(policy_pool6_of(gateway->nat, &in), ==, -1);
	g_assert_true(policy_pool6(gateway->nat, 3) == &config->pool6[0]);
	gateway_free(gateway);
}

/* the first that there is, whichever of all places that is. */
static void test_last_prefix(void)
{
	begin();
	struct nat64_config *config = &gateway->nat->config;
	struct addr6 in = addr6_of("2001:db8:65::1");

	config->pool6[0].len = 0;
	g_assert_true(prefix6_parse("2001:db8:65::/96", &config->pool6[NAT64_POOL6_MAX - 1]));
	g_assert_cmpint(policy_pool6_of(gateway->nat, &in), ==, NAT64_POOL6_MAX - 1);
	g_assert_true(policy_pool6(gateway->nat, 3) == &config->pool6[NAT64_POOL6_MAX - 1]);
	config->pool6[1] = config->pool6[NAT64_POOL6_MAX - 1];
	g_assert_true(policy_pool6(gateway->nat, 3) == &config->pool6[1]);
	g_assert_cmpint(policy_pool6_of(gateway->nat, &in), ==, 1);
	gateway_free(gateway);
}

/* */
static void test_nonglobal(void)
{
	static const struct {
		const char *prefix;
		const char *addr;
		bool refused;
	} cases[] = {
		{"64:ff9b::/96", "10.0.0.1", true},      {"64:ff9b::/96", "8.8.8.8", false},
		{"64:ff9b:1::/96", "10.0.0.1", false},   {"64:ff9b:1::/48", "10.0.0.1", false},
		{"2001:db8:64::/96", "10.0.0.1", false}, {"64:ff9b::/96", "192.0.0.170", true},
	};

	begin();
	struct nat64_config *config = &gateway->nat->config;
	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_assert_true(prefix6_parse(cases[i].prefix, &config->pool6[0]));
		g_assert_cmpint(policy_nonglobal(gateway->nat, 0, addr4_of(cases[i].addr)), ==,
				cases[i].refused);
	}
	g_assert_true(prefix6_parse("64:ff9b::/96", &config->pool6[0]));
	g_assert_true(prefix4_parse("10.0.0.0/8", &config->nonglobal[config->n_nonglobal++]));
	g_assert_false(policy_nonglobal(gateway->nat, 0, addr4_of("10.0.0.1")));
	g_assert_true(policy_nonglobal(gateway->nat, 0, addr4_of("172.16.0.1")));
	config->any_nonglobal = true;
	g_assert_false(policy_nonglobal(gateway->nat, 0, addr4_of("172.16.0.1")));
	gateway_free(gateway);
}

/* who may use the gateway. */
static void test_clients(void)
{
	begin();
	struct nat64_config *config = &gateway->nat->config;
	struct fake_world *world = &gateway->world;
	g_assert_true(prefix6_parse("2001:db8:9::/48", &world->route6[0].prefix));
	world->route6[0].answer = (struct route_answer){ROUTE_OK, 1500, true};
	world->n_route6 = 1;
	world->own6[world->n_own6++] = addr6_of("2001:db8:9::99");

	g_assert_cmpint(ask("2001:db8:1::1", "198.51.100.7", false), ==, OUTCOME_TRANSLATED);
	g_assert_cmpint(ask("2001:db8:9::1", "198.51.100.7", false), ==,
			OUTCOME_CLIENT_NOT_ALLOWED);
	g_assert_cmpint(ask("2001:db8:9::99", "198.51.100.7", false), ==, OUTCOME_TRANSLATED);

	/* Nobody but strangers' prefixes needs the look at the route. */
	g_assert_true(prefix6_parse("fd00:64::/96", &config->pool6[0]));
	g_assert_cmpint(ask("2001:db8:9::1", "198.51.100.7", false), ==, OUTCOME_TRANSLATED);
	for (unsigned i = 0; i < 3; i++) {
		static const char *const local[] = {"64:ff9b:1::/48", "64:ff9b:1:ffff::/64",
						    "fc00:64::/96"};

		g_assert_true(prefix6_parse(local[i], &config->pool6[0]));
		g_assert_cmpint(ask("2001:db8:9::1", "198.51.100.7", false), ==,
				OUTCOME_TRANSLATED);
	}
	for (unsigned i = 0; i < 3; i++) {
		static const char *const global[] = {"64:ff9b:2::/48", "64:ff9b:0:1::/64",
						     "fbff:64::/96"};

		g_assert_true(prefix6_parse(global[i], &config->pool6[0]));
		g_assert_cmpint(ask("2001:db8:9::1", "198.51.100.7", false), ==,
				OUTCOME_CLIENT_NOT_ALLOWED);
	}

	config->clients_auto = false;
	g_assert_cmpint(ask("2001:db8:1::1", "198.51.100.7", false), ==,
			OUTCOME_CLIENT_NOT_ALLOWED);
	g_assert_true(prefix6_parse("2001:db8:1::/64", &config->clients[config->n_clients++]));
	g_assert_cmpint(ask("2001:db8:1::1", "198.51.100.7", false), ==, OUTCOME_TRANSLATED);
	config->clients_any = true;
	g_assert_cmpint(ask("2001:db8:9::1", "198.51.100.7", false), ==, OUTCOME_TRANSLATED);
	gateway_free(gateway);
}

/* where nobody may go. */
static void test_destinations(void)
{
	begin();
	struct nat64_config *config = &gateway->nat->config;
	gateway->world.own4[gateway->world.n_own4++] = addr4_of("192.0.2.1");
	g_assert_true(prefix4_parse("10.0.0.0/8", &config->deny[config->n_deny++]));

	g_assert_cmpint(ask("2001:db8::1", "192.0.2.1", false), ==, OUTCOME_DESTINATION_DENIED);
	g_assert_cmpint(ask("2001:db8::1", "192.0.2.1", true), ==, OUTCOME_TRANSLATED);
	g_assert_cmpint(ask("2001:db8::1", "10.9.9.9", false), ==, OUTCOME_DESTINATION_DENIED);
	config->deny_own = false;
	g_assert_cmpint(ask("2001:db8::1", "192.0.2.1", false), ==, OUTCOME_TRANSLATED);
	gateway_free(gateway);
}

static void test_exempt(void)
{
	begin();
	struct nat64_config *config = &gateway->nat->config;
	struct addr6 in = addr6_of("2001:db8:64::1"), outside = addr6_of("2001:db8:64::ff00:1");
	g_assert_true(prefix4_parse("10.0.0.0/8", &config->exempt4[config->n_exempt4++]));
	g_assert_true(prefix6_parse("2001:db8:64::/112", &config->exempt6[config->n_exempt6++]));

	g_assert_true(policy_exempt4(gateway->nat, addr4_of("10.0.0.1")));
	g_assert_false(policy_exempt4(gateway->nat, addr4_of("11.0.0.1")));
	g_assert_true(policy_exempt6(gateway->nat, &in));
	g_assert_false(policy_exempt6(gateway->nat, &outside));
	gateway_free(gateway);
}

/* ports of servers, both ends of the range included. */
static void test_exempt_ports(void)
{
	static const struct {
		const char *server;
		enum protocol protocol;
		bool exempt;
	} cases[] = {
		{"198.51.100.7:100", PROTOCOL_TCP, true},
		{"198.51.100.7:200", PROTOCOL_TCP, true},
		{"198.51.100.7:99", PROTOCOL_TCP, false},
		{"198.51.100.7:201", PROTOCOL_TCP, false},
		{"198.51.100.7:100", PROTOCOL_UDP, false},
		{"198.51.101.7:100", PROTOCOL_TCP, false},
		{"198.51.101.7:53", PROTOCOL_UDP, true},
		{"198.51.101.7:54", PROTOCOL_UDP, false},
	};

	begin();
	struct nat64_config *config = &gateway->nat->config;
	config->exempt_ports[0] = (struct exempt_ports){.protocol = PROTOCOL_TCP, 100, 200};
	g_assert_true(prefix4_parse("198.51.100.0/24", &config->exempt_ports[0].servers));
	config->exempt_ports[1] = (struct exempt_ports){.protocol = PROTOCOL_UDP, 53, 53};
	config->n_exempt_ports = 2;
	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		const struct taddr4 server = taddr4_of(cases[i].server);

		g_test_message("%s", cases[i].server);
		g_assert_cmpint(policy_exempt_server(gateway->nat, cases[i].protocol, &server), ==,
				cases[i].exempt);
	}
	gateway_free(gateway);
}

/* What was in a list before it became shorter counts no more, in any of them. */
static void test_shorter_lists(void)
{
	begin();
	struct nat64_config *config = &gateway->nat->config;
	const struct taddr4 server = taddr4_of("192.0.2.9:80");
	struct addr6 client = addr6_of("2001:db8:9::1");
	struct prefix4 all4 = {0};
	struct prefix6 all6 = {0};

	config->exempt4[0] = config->deny[0] = config->deny_source[0] = config->nonglobal[0] = all4;
	config->exempt6[0] = config->clients[0] = all6;
	config->exempt_ports[0] = (struct exempt_ports){.protocol = PROTOCOL_TCP, 0, 65535, all4};
	config->clients_auto = false;
	for (unsigned n = 0; n < 2; n++) {
		config->n_exempt4 = config->n_exempt6 = config->n_exempt_ports = n;
		config->n_nonglobal = config->n_clients = n;
		g_assert_cmpint(policy_exempt4(gateway->nat, server.addr), ==, n);
		g_assert_cmpint(policy_exempt6(gateway->nat, &client), ==, n);
		g_assert_cmpint(policy_exempt_server(gateway->nat, PROTOCOL_TCP, &server), ==, n);
		g_assert_cmpint(ask("2001:db8:9::1", "198.51.100.7", false), ==,
				n ? OUTCOME_TRANSLATED : OUTCOME_CLIENT_NOT_ALLOWED);
		config->n_deny = config->n_deny_source = n;
		g_assert_cmpint(policy_denied4(gateway->nat, server.addr, true), ==, n);
		g_assert_cmpint(policy_denied_source4(gateway->nat, server.addr), ==, n);
		config->n_deny = 0;
	}
	g_assert_true(prefix6_parse("64:ff9b::/96", &config->pool6[0]));
	g_assert_false(policy_nonglobal(gateway->nat, 0, addr4_of("10.0.0.1")));
	config->n_nonglobal = 0;
	g_assert_true(policy_nonglobal(gateway->nat, 0, addr4_of("10.0.0.1")));
	gateway_free(gateway);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/policy/prefixes", test_prefixes);
	g_test_add_func("/policy/last_prefix", test_last_prefix);
	g_test_add_func("/policy/nonglobal", test_nonglobal);
	g_test_add_func("/policy/clients", test_clients);
	g_test_add_func("/policy/destinations", test_destinations);
	g_test_add_func("/policy/exempt", test_exempt);
	g_test_add_func("/policy/exempt_ports", test_exempt_ports);
	g_test_add_func("/policy/shorter_lists", test_shorter_lists);
	return g_test_run();
}
