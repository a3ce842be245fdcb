/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration: good files land in the struct; what is said of bad ones is in
 * test_config_problems.c (INTERFACE, section 4; K-1 to K-9, K-12, A-1 to A-5).
 */
#include <glib/gstdio.h>
#include <string.h>

#include "daemon/config_keys.h"
#include "daemon/config_value.h"
#include "tests/config_fixture.h"

static void test_good_translation(void)
{
	g_autofree char *path = config_fixture_path("good.conf");
	g_autoptr(GPtrArray) problems = config_problems_new();
	struct config *config = config_fixture_load(path, problems);
	const struct nat64_config *nat64 = &config->nat64;
	char text[ADDR_TEXT_SIZE];

	g_assert_cmpuint(problems->len, ==, 0);
	g_assert_cmpstr(prefix6_print(&nat64->pool6[0], text), ==, "2001:db8:64::/96");
	g_assert_cmpstr(prefix6_print(&nat64->pool6[1], text), ==, "2001:db8:100::/40");
	g_assert_cmpuint(nat64->pool6[2].len, ==, 0);
	/* S-7: per protocol. */
	g_assert_cmpint(nat64->filtering[PROTOCOL_TCP], ==, FILTERING_ADDRESS_DEPENDENT);
	g_assert_cmpint(nat64->filtering[PROTOCOL_UDP], ==, FILTERING_ENDPOINT_INDEPENDENT);
	g_assert_cmpint(nat64->filtering[PROTOCOL_ICMP], ==, FILTERING_ADDRESS_DEPENDENT);
	g_assert_false(nat64->external_tcp);
	g_assert_false(nat64->inbound_refresh);
	g_assert_true(nat64->answer_optional);
	g_assert_cmpint(nat64->answering[OUTCOME_NO_ROUTE], ==, ANSWERING_NO);
	g_assert_cmpint(nat64->answering[OUTCOME_BIB4_NOT_FOUND], ==, ANSWERING_LIMITED);
	g_assert_cmpint(nat64->answering[OUTCOME_TOO_BIG], ==, ANSWERING_DEFAULT);
	g_assert_true(nat64->trust_inner_checksum);
	g_assert_cmpuint(nat64->n_deny_source, ==, 1);
	g_assert_cmpstr(prefix4_print(&nat64->deny_source[0], text), ==, "192.0.2.0/25");
	g_assert_cmpint(nat64->rules.traffic_class, ==, 0);
	g_assert_cmpint(nat64->rules.type_of_service, ==, 184);
	g_assert_true(nat64->error_source_server);
	g_assert_cmpuint(nat64->rules.lowest_ipv6_mtu, ==, 1400);
	g_assert_true(nat64->rules.clamp_mss);
	g_assert_true(nat64->rules.drop_udp4_zero_checksum);
	g_assert_false(nat64->pool4_policy.parity);
	g_assert_true(nat64->pool4_policy.preserve_port);
	g_assert_true(nat64->pool4_policy.strict_pairing);
	g_assert_cmpuint(nat64->pairing_prefix_length, ==, 64);
	g_assert_false(nat64->clients_any);
	g_assert_true(nat64->clients_auto);
	g_assert_cmpuint(nat64->n_clients, ==, 1);
	g_assert_true(nat64->deny_own);
	g_assert_cmpuint(nat64->n_deny, ==, 5);
	g_assert_cmpstr(prefix4_print(&nat64->deny[0], text), ==, "198.51.100.0/24");
	g_assert_cmpstr(prefix4_print(&nat64->deny[4], text), ==, "100.64.0.0/10");
	g_assert_cmpuint(nat64->n_exempt4, ==, 1);
	g_assert_cmpuint(nat64->n_exempt6, ==, 1);
	g_assert_cmpuint(nat64->n_exempt_ports, ==, 2);
	g_assert_cmpint(nat64->exempt_ports[0].protocol, ==, PROTOCOL_TCP);
	g_assert_cmpuint(nat64->exempt_ports[0].first, ==, 25);
	g_assert_cmpuint(nat64->exempt_ports[0].last, ==, 25);
	g_assert_cmpuint(nat64->exempt_ports[0].servers.len, ==, 0);
	g_assert_cmpint(nat64->exempt_ports[1].protocol, ==, PROTOCOL_UDP);
	g_assert_cmpuint(nat64->exempt_ports[1].last, ==, 5010);
	g_assert_cmpstr(prefix4_print(&nat64->exempt_ports[1].servers, text), ==,
			"198.51.100.0/24");
	g_assert_false(config->local_traffic);
	config_free(config);
}

static void test_good_numbers(void)
{
	g_autofree char *path = config_fixture_path("good.conf");
	g_autoptr(GPtrArray) problems = config_problems_new();
	struct config *config = config_fixture_load(path, problems);
	const struct nat64_config *nat64 = &config->nat64;

	g_assert_cmpuint(nat64->udp_ms, ==, 240000); /* of the last drop-in */
	g_assert_cmpuint(nat64->n_udp_by_port, ==, 1);
	g_assert_cmpuint(nat64->udp_by_port[0].port, ==, 53);
	g_assert_cmpuint(nat64->udp_by_port[0].lifetime_ms, ==, 20000);
	g_assert_cmpuint(nat64->tcp_established_ms, ==, 7440000);
	g_assert_cmpuint(nat64->tcp_transitory_ms, ==, 240000);
	g_assert_cmpuint(nat64->tcp_opening_ms, ==, 30000);
	g_assert_cmpuint(nat64->tcp_incoming_syn_ms, ==, 10000);
	g_assert_cmpuint(nat64->icmp_ms, ==, 90000);
	g_assert_cmpuint(nat64->icmp_limit.rate, ==, 20);
	g_assert_cmpuint(nat64->icmp_limit.burst, ==, 30);
	g_assert_cmpuint(nat64->icmp_limit.rate_total, ==, 0);
	g_assert_cmpuint(nat64->icmp_limit.client_prefix_length, ==, 56);
	g_assert_cmpuint(config->limits.bindings, ==, 2000000);
	g_assert_cmpuint(config->limits.sessions, ==, 4000000);
	g_assert_cmpuint(config->limits.sessions_of[PROTOCOL_TCP], ==, 3000000);
	g_assert_cmpuint(config->limits.sessions_of[PROTOCOL_UDP], ==, 0);
	g_assert_cmpuint(config->limits.stored_syns, ==, 100);
	g_assert_cmpuint(config->nat64.quota.bindings_per_address, ==, 100);
	g_assert_cmpuint(config->nat64.quota.bindings_per_client.value, ==, 50);
	g_assert_true(config->nat64.quota.bindings_per_client.is_percent);
	g_assert_cmpuint(config->nat64.quota.sessions_per_client.value, ==, 5000);
	g_assert_false(config->nat64.quota.sessions_per_client.is_percent);
	g_assert_cmpuint(config->nat64.quota.binding_rate, ==, 1000000);
	g_assert_cmpuint(config->nat64.quota.sessions_per_binding, ==, 64);
	g_assert_cmpuint(config->nat64.quota.alarm[0].value, ==, 90);
	g_assert_cmpuint(config->nat64.quota.alarm[1].value, ==, 60);
	g_assert_cmpuint(config->queue.first, ==, 7000);
	g_assert_cmpuint(config->queue.workers, ==, 2);
	g_assert_cmpuint(config->queue.length, ==, 4096);
	g_assert_cmpuint(config->queue.memory_size, ==, 16 << 20);
	g_assert_cmpint(config->queue.rules, ==, CONFIG_RULES_IPTABLES);
	g_assert_cmphex(config->queue.mark.value, ==, 0x01000000);
	g_assert_cmphex(config->queue.mark.mask, ==, 0x0f000000);
	g_assert_cmpint(config->forwarding, ==, CONFIG_FORWARDING_NO);
	g_assert_cmpint(config->announce.how, ==, CONFIG_ANNOUNCE_LIST);
	g_assert_cmpstr(config->announce.interfaces[1], ==, "eth1");
	config_free(config);
}

static void test_good_objects(void)
{
	g_autofree char *path = config_fixture_path("good.conf");
	g_autoptr(GPtrArray) problems = config_problems_new();
	struct config *config = config_fixture_load(path, problems);
	const struct config_pool4 *wan = &config->pool4[0], *second = &config->pool4[1];
	const struct config_static *web = &config->statics[0];
	char text[ADDR_TEXT_SIZE];

	/* "gone" is disabled in the file, "third" by a drop-in. */
	g_assert_cmpuint(config->n_pool4, ==, 2);
	g_assert_cmpstr(wan->spec.name, ==, "wan");
	g_assert_cmpuint(wan->spec.n_addresses, ==, 2);
	g_assert_cmpstr(wan->interfaces[0], ==, "wan0");
	g_assert_null(wan->interfaces[1]);
	g_assert_false(wan->ports_auto);
	g_assert_cmpuint(port_ranges_count(&wan->spec.ports), ==, 1025);
	g_assert_true(wan->spec.protocol[PROTOCOL_TCP]);
	g_assert_false(wan->spec.protocol[PROTOCOL_ICMP]);
	g_assert_cmpuint(wan->spec.n_clients, ==, 1);
	g_assert_cmpint(wan->spec.pool6, ==, 0);
	g_assert_true(wan->spec.overflow);
	g_assert_cmpstr(wan->spec.comment, ==, "the first one");
	g_assert_cmpint(wan->spec.source, ==, POOL4_FROM_FILE);

	g_assert_true(second->ports_auto);
	g_assert_true(second->spec.protocol[PROTOCOL_ICMP]);
	g_assert_cmpint(second->spec.pool6, ==, POOL4_ANY_PREFIX);
	g_assert_cmpstr(second->spec.comment, ==, "changed by a drop-in");

	g_assert_cmpuint(config->n_statics, ==, 1);
	g_assert_true(web->protocol[PROTOCOL_TCP]);
	g_assert_false(web->protocol[PROTOCOL_UDP]);
	g_assert_cmpstr(taddr6_print(&web->inside, text), ==, "[2001:db8:1::5]:443");
	g_assert_cmpstr(taddr4_print(&web->outside, text), ==, "192.0.2.2:8443");
	g_assert_cmpuint(web->place.line, ==, 47);
	config_free(config);
}

/* INTERFACE, section 4: the defaults are those of the core, written once more there. */
static void test_defaults(void)
{
	struct config *config = config_new_default();
	struct nat64_config core;

	nat64_config_default(&core);
	g_assert_cmpuint(config->nat64.pool6[0].len, ==, 96);
	g_assert_cmpmem(&config->nat64.pool6, sizeof(core.pool6), &core.pool6, sizeof(core.pool6));
	g_assert_cmpmem(&config->nat64.filtering, sizeof(core.filtering), &core.filtering,
			sizeof(core.filtering));
	g_assert_true(config->nat64.external_tcp && core.external_tcp);
	g_assert_true(config->nat64.clients_auto && core.clients_auto);
	g_assert_true(config->nat64.deny_own && core.deny_own);
	g_assert_cmpint(config->nat64.inbound_refresh, ==, core.inbound_refresh);
	g_assert_cmpint(config->nat64.rules.traffic_class, ==, core.rules.traffic_class);
	g_assert_cmpint(config->nat64.rules.type_of_service, ==, core.rules.type_of_service);
	g_assert_cmpuint(config->nat64.rules.lowest_ipv6_mtu, ==, core.rules.lowest_ipv6_mtu);
	g_assert_cmpint(config->nat64.pool4_policy.parity, ==, core.pool4_policy.parity);
	g_assert_cmpuint(config->nat64.pairing_prefix_length, ==, core.pairing_prefix_length);
	g_assert_cmpuint(config->nat64.icmp_limit.rate, ==, core.icmp_limit.rate);
	g_assert_cmpuint(config->nat64.icmp_limit.rate_total, ==, core.icmp_limit.rate_total);
	g_assert_cmpuint(config->nat64.udp_ms, ==, core.udp_ms);
	g_assert_cmpuint(config->nat64.tcp_established_ms, ==, core.tcp_established_ms);
	g_assert_cmpuint(config->nat64.tcp_transitory_ms, ==, core.tcp_transitory_ms);
	g_assert_cmpuint(config->nat64.tcp_opening_ms, ==, core.tcp_opening_ms);
	g_assert_cmpuint(config->nat64.tcp_incoming_syn_ms, ==, core.tcp_incoming_syn_ms);
	g_assert_cmpuint(config->nat64.icmp_ms, ==, core.icmp_ms);
	g_assert_cmpuint(config->nat64.n_udp_by_port, ==, core.n_udp_by_port);
	g_assert_cmpuint(config->limits.bindings, ==, 1000000);
	g_assert_cmpuint(config->nat64.quota.bindings_per_address, ==, 2048);
	g_assert_cmpuint(config->nat64.quota.bindings_per_client.value, ==, 0);
	g_assert_cmpuint(config->nat64.quota.sessions_per_client.value, ==, 0);
	g_assert_cmpuint(config->nat64.quota.binding_rate, ==, 0);
	g_assert_cmpuint(config->nat64.quota.sessions_per_binding, ==, 0);
	g_assert_cmpuint(config->nat64.quota.alarm[0].value, ==, 80);
	g_assert_cmpuint(config->nat64.quota.alarm[1].value, ==, 70);
	g_assert_cmpuint(config->queue.workers, ==, 0);
	g_assert_cmpuint(config->n_pool4, ==, 0);
	config_free(config);
}

/* The lists of I-31, with what they warn of in test_config_problems.c. */
static void test_answering(void)
{
	g_autofree char *path =
		config_fixture_write("[Translation]\nSilentInterfaces=wan0 eth2\n"
				     "ICMPErrors=hop_limit:unlimited Syn_Stored:no\n");
	g_autoptr(GPtrArray) problems = config_problems_new();
	struct config *config = config_fixture_load(path, problems);

	g_unlink(path);
	g_assert_cmpint(config->nat64.answering[OUTCOME_HOP_LIMIT], ==, ANSWERING_UNLIMITED);
	g_assert_cmpint(config->nat64.answering[OUTCOME_SYN_STORED], ==, ANSWERING_NO);
	g_assert_cmpstr(config->silent_interfaces[0], ==, "wan0");
	g_assert_cmpstr(config->silent_interfaces[1], ==, "eth2");
	g_assert_null(config->silent_interfaces[2]);
	config_free(config);
}

static bool is_bounded(const struct config_key *key)
{
	return key->type == CONFIG_NUMBER || key->type == CONFIG_BYTE ||
	       key->type == CONFIG_DURATION || key->type == CONFIG_SIZE;
}

/* K-12, of every key that has bounds: they are in, what is one step outside is refused, and the
 * sentence names the bound. */
static void test_every_bound(void)
{
	struct config *config = config_new_default();
	char bound[CONFIG_DURATION_TEXT_SIZE];
	unsigned n = 0;

	for (const struct config_key *key = config_keys; key->section != NULL; key++) {
		/* The key's own unit; a bare number of a time would be seconds. */
		const char *unit = key->type == CONFIG_DURATION ? "ms" : "";
		const uint64_t values[] = {key->min, key->max, key->min - 1, key->max + 1};

		if (!is_bounded(key))
			continue;
		for (unsigned i = 0; i < G_N_ELEMENTS(values); i++) {
			g_autofree char *text =
				g_strdup_printf("%" G_GUINT64_FORMAT "%s", values[i], unit);
			g_autofree char *problem = NULL;

			if (i == 2 && key->min == 0)
				continue;
			problem = config_value_set(key, text, config, config);
			g_test_message("%s.%s=%s: %s", key->section, key->name, text,
				       problem ? problem : "taken");
			if (i < 2) {
				g_assert_null(problem);
				continue;
			}
			config_bound_print(key, i == 2 ? key->min : key->max, bound);
			g_assert_nonnull(problem);
			g_assert_nonnull(strstr(problem, bound));
			g_assert_nonnull(strstr(problem, key->bound));
		}
		n++;
	}
	g_assert_cmpuint(n, >, 20);
	config_free(config);
}

/* What editors of other systems leave behind is no part of the text. */
static void test_foreign_text(void)
{
	g_autofree char *path = config_fixture_write("\xef\xbb\xbf[Timeouts]\r\nUDP=7min\r\n");
	g_autoptr(GPtrArray) problems = config_problems_new();
	struct config *config = config_fixture_load(path, problems);

	g_assert_cmpuint(problems->len, ==, 0);
	g_assert_cmpuint(config->nat64.udp_ms, ==, 7 * 60000);
	config_free(config);
	(void)g_unlink(path);
}

/* Turns every "#Key=value" and "#[Section]" of the example into a line that counts. */
static char *uncomment(const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	for (unsigned i = 0; lines[i] != NULL; i++) {
		if (lines[i][0] == '#' && lines[i][1] != ' ' && lines[i][1] != '\0')
			memmove(lines[i], lines[i] + 1, strlen(lines[i]));
	}
	return g_strjoinv("\n", lines);
}

/* data/nat64d.conf parses clean as it is, and names every key with its default. */
static void test_example(void)
{
	g_autoptr(GPtrArray) problems = config_problems_new();
	g_autoptr(GKeyFile) values = g_key_file_new();
	g_autofree char *text = NULL, *all = NULL, *path = NULL;
	g_autoptr(GError) error = NULL;

	config_free(config_fixture_load(EXAMPLE, problems));
	g_assert_cmpuint(problems->len, ==, 0);

	g_file_get_contents(EXAMPLE, &text, NULL, &error);
	g_assert_no_error(error);
	all = uncomment(text);
	path = config_fixture_write(all);
	config_free(config_fixture_load(path, problems));
	g_unlink(path);
	g_assert_false(config_problems_have(problems, CONFIG_UNKNOWN));

	g_key_file_load_from_data(values, all, strlen(all), G_KEY_FILE_NONE, &error);
	g_assert_no_error(error);
	for (const struct config_key *key = config_keys; key->section != NULL; key++) {
		bool is_pool4 = strcmp(key->section, CONFIG_SECTION_POOL4) == 0;
		bool is_static = strcmp(key->section, CONFIG_SECTION_STATIC) == 0;
		const char *section = is_pool4    ? "Pool4 wan"
				      : is_static ? "Static web"
						  : key->section;
		g_autofree char *value = g_key_file_get_value(values, section, key->name, NULL);

		g_test_message("%s.%s", section, key->name);
		g_assert_nonnull(value);
		if (!is_pool4 && !is_static)
			g_assert_cmpstr(value, ==, key->initial);
	}
}

static void test_durations(void)
{
	static const struct {
		const char *text;
		uint64_t ms;
		const char *printed; /* NULL: not a duration */
	} cases[] = {
		{"300", 300000, "5min"},
		{"5min", 300000, "5min"},
		{"2h4min", 7440000, "2h4min"},
		{"250ms", 250, "250ms"},
		{"1d12h", 129600000, "1d12h"},
		{"0", 0, "0s"},
		{"90s", 90000, "1min30s"},
		{"", 0, NULL},
		{"5m", 0, NULL},
		{"min", 0, NULL},
		{"-5", 0, NULL},
		{"5 min", 0, NULL},
		{"5min3", 0, NULL},
		{"18446744073709551615", 0, NULL},
		{"99999999999999999999", 0, NULL},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		char text[CONFIG_DURATION_TEXT_SIZE];
		uint64_t ms = 0;
		bool parsed = config_duration_parse(cases[i].text, &ms);

		g_test_message("'%s'", cases[i].text);
		g_assert_cmpint(parsed, ==, cases[i].printed != NULL);
		if (!parsed)
			continue;
		g_assert_cmpuint(ms, ==, cases[i].ms);
		g_assert_cmpstr(config_duration_print(ms, text), ==, cases[i].printed);
	}
}

static void test_sizes(void)
{
	uint64_t size = 0;

	g_assert_true(config_size_parse("65536", &size));
	g_assert_cmpuint(size, ==, 65536);
	g_assert_true(config_size_parse("64M", &size));
	g_assert_cmpuint(size, ==, 64 << 20);
	g_assert_false(config_size_parse("64MB", &size));
	g_assert_false(config_size_parse("1M1K", &size));
	g_assert_false(config_size_parse("99999999999T", &size));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/config/answering", test_answering);
	g_test_add_func("/config/every-bound", test_every_bound);
	g_test_add_func("/config/good-translation", test_good_translation);
	g_test_add_func("/config/good-numbers", test_good_numbers);
	g_test_add_func("/config/good-objects", test_good_objects);
	g_test_add_func("/config/defaults", test_defaults);
	g_test_add_func("/config/foreign-text", test_foreign_text);
	g_test_add_func("/config/example", test_example);
	g_test_add_func("/config/durations", test_durations);
	g_test_add_func("/config/sizes", test_sizes);
	return g_test_run();
}
