/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The facade as a whole; the way of single packets is in tests/packets. */
#include <glib.h>

#include "daemon/core/decision.h"
#include "tests/craft.h"
#include "tests/gateway_fixture.h"

#define NOW FIXTURE_START_MS

/* What holds without a configuration: section 1 of the catalogue, K-1 to K-11, and its defaults. */
static void test_defaults(void)
{
	struct nat64_config config;

	nat64_config_default(&config);
	g_assert_cmpuint(config.udp_ms, ==, 300000);
	g_assert_cmpuint(config.n_udp_by_port, ==, 2);
	g_assert_cmpuint(config.udp_by_port[0].port, ==, 53);
	g_assert_cmpuint(config.udp_by_port[0].lifetime_ms, ==, 15000);
	g_assert_cmpuint(config.udp_by_port[1].port, ==, 123);
	g_assert_cmpuint(config.udp_by_port[1].lifetime_ms, ==, 15000);
	g_assert_cmpuint(config.tcp_established_ms, ==, 7200000);
	g_assert_cmpuint(config.tcp_transitory_ms, ==, 240000);
	g_assert_cmpuint(config.tcp_opening_ms, ==, 240000);
	g_assert_cmpuint(config.tcp_incoming_syn_ms, ==, 6000);
	g_assert_cmpuint(config.icmp_ms, ==, 60000);
	g_assert_cmpuint(config.fragment_ms, ==, 10000);
	g_assert_cmpuint(config.rules.lowest_ipv6_mtu, ==, 1280);
	g_assert_cmpuint(config.icmp_limit.rate, ==, 10);
	g_assert_cmpuint(config.icmp_limit.burst, ==, 10);
	g_assert_cmpuint(config.icmp_limit.rate_total, ==, 1000);
	g_assert_cmpuint(config.icmp_limit.client_prefix_length, ==, 64);

	g_assert_cmpuint(config.pool6[0].len, ==, 96); /* */
	g_assert_cmpuint(config.pool6[1].len, ==, 0);
	g_assert_true(config.external_tcp);        /* S-25 */
	g_assert_true(config.clients_auto);        /* */
	g_assert_true(config.deny_own);            /* */
	g_assert_true(config.inbound_refresh);     /* S-20 */
	g_assert_true(config.pool4_policy.parity); /* P-7 */
	g_assert_false(config.pool4_policy.preserve_port);
	g_assert_false(config.pool4_policy.strict_pairing);
	g_assert_cmpuint(config.pool4_policy.hold_ms, ==, 120000); /* K-8 */
	g_assert_cmpuint(config.pool4_policy.hold_tcp_ms, ==, 0);
	g_assert_cmpuint(config.pool4_policy.max_held.value, ==, 25); /* P-15 */
	g_assert_true(config.pool4_policy.max_held.is_percent);
	g_assert_cmpuint(config.pairing_prefix_length, ==, 128);       /* P-3 */
	g_assert_cmpuint(config.quota.bindings_per_address, ==, 2048); /* L-1 */
	g_assert_cmpuint(config.quota.alarm[0].value, ==, 80);         /* L-10 */
	g_assert_cmpuint(config.quota.alarm[1].value, ==, 70);
	g_assert_true(config.quota.alarm[0].is_percent && config.quota.alarm[1].is_percent);
}

/* Who only asks is told what a packet would end as and what was decided before that, also of one
 * that does not get far; and nothing has happened. */
static void test_explain(void)
{
	static const struct {
		struct craft what;
		enum outcome outcome;
		int pool6;
		bool has_plan;
	} cases[] = {
		{{.version = 6}, OUTCOME_TRANSLATED, 0, true},
		{{.version = 6, .dst = "2001:db8:65::1"}, OUTCOME_NOT_OURS, -1, false},
		{{.version = 6, .dst = "2001:db8:65::1", .udp_zero_checksum = true},
		 OUTCOME_NOT_OURS,
		 -1,
		 false},
		{{.version = 6, .udp_zero_checksum = true}, OUTCOME_UDP6_ZERO_CHECKSUM, -1, false},
		{{.version = 6, .src = "ff02::1"}, OUTCOME_ILLEGAL_SOURCE, -1, false},
		{{.version = 4, .dst = "203.0.113.1", .dst_port = 2000},
		 OUTCOME_BIB4_NOT_FOUND,
		 -1,
		 true},
		{{.version = 4, .src = "127.0.0.1", .dst = "192.0.2.99"},
		 OUTCOME_LEFT_TO_HOST,
		 -1,
		 false},
		{{.version = 4, .src = "127.0.0.1", .dst = "192.0.2.98"},
		 OUTCOME_NOT_OURS,
		 -1,
		 false},
	};
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
	struct craft_buffer *buffer = g_new(struct craft_buffer, 1);

	gateway->world.own4[gateway->world.n_own4++] = 0xc0000263;
	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct packet packet = craft_packet(buffer, &cases[i].what);
		struct decision decision;

		g_test_message("case %u", i);
		g_assert_cmpstr(
			outcome_info(nat64_explain(gateway->nat, &packet, NOW, &decision))->name,
			==, outcome_info(cases[i].outcome)->name);
		g_assert_cmpint(decision.pool6, ==, cases[i].pool6);
		g_assert_true(decision.has_plan == cases[i].has_plan);
		g_assert_false(decision.hairpinned);
		g_assert_true(decision.goes_out == (cases[i].outcome == OUTCOME_TRANSLATED));
		g_assert_true((decision.mtu == 0) == !decision.goes_out);
		g_assert_true(decision.has_route == decision.goes_out);
		g_assert_cmpuint(nat64_n_bindings(gateway->nat), ==, 0);
	}
	g_free(buffer);
	gateway_free(gateway);
}

/* A client's packet to a port that nobody has, at an address that is the host's, too: what comes
 * from the IPv6 side is not left to the host, also where only a question is asked. */
static void test_explain_hairpin_to_host(void)
{
	const struct craft what = {
		.version = 6, .dst = "2001:db8:64::203.0.113.1", .dst_port = 2000};
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
	struct craft_buffer *buffer = g_new(struct craft_buffer, 1);
	struct packet packet = craft_packet(buffer, &what);
	struct decision decision;

	gateway->world.own4[gateway->world.n_own4++] = 0xcb007101;
	g_assert_cmpstr(outcome_info(nat64_explain(gateway->nat, &packet, NOW, &decision))->name,
			==, outcome_info(OUTCOME_BIB4_NOT_FOUND)->name);
	g_assert_true(decision.hairpinned);
	g_free(buffer);
	gateway_free(gateway);
}

/* What has waited too long while nobody ran is counted by its direction, and nothing else. */
static void test_late(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
	const struct nat64_counters *counters = &gateway->nat->counters;

	struct nat64_lane lane;

	nat64_lane_init(gateway->nat, &lane);
	nat64_lane_count_late(&lane, true);
	nat64_lane_count_late(&lane, false);
	nat64_lane_count_late(&lane, false);
	g_assert_cmpuint(counters->packets[0][OUTCOME_LATE], ==, 0);
	nat64_gather(gateway->nat, &lane);
	nat64_gather(gateway->nat, &lane);
	g_assert_cmpuint(counters->packets[0][OUTCOME_LATE], ==, 1);
	g_assert_cmpuint(counters->packets[1][OUTCOME_LATE], ==, 2);
	g_assert_cmpuint(counters->bytes[0] + counters->bytes[1], ==, 0);
	gateway_free(gateway);
}

/* A hairpin that passes: the way back, and its MTU, are told. */
static void test_explain_hairpin(void)
{
	const struct craft what = {
		.version = 6, .dst = "2001:db8:64::203.0.113.1", .dst_port = 2000};
	const struct taddr6 other = taddr6_of("[2001:db8:2::2]:53");
	const struct taddr4 mapped = taddr4_of("203.0.113.1:2000");
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
	struct craft_buffer *buffer = g_new(struct craft_buffer, 1);
	struct packet packet = craft_packet(buffer, &what);
	struct decision decision;

	g_assert_cmpint(nat64_add_static(gateway->nat, PROTOCOL_UDP, &other, &mapped, NOW), ==,
			NAT64_STATIC_OK);
	gateway->world.mtu6 = 1400;
	g_assert_cmpstr(outcome_info(nat64_explain(gateway->nat, &packet, NOW, &decision))->name,
			==, outcome_info(OUTCOME_HAIRPINNED)->name);
	g_assert_true(decision.hairpinned);
	g_assert_true(decision.goes_out);
	g_assert_true(decision.has_back);
	g_assert_true(decision.has_route);
	g_assert_cmpuint(decision.route.mtu, ==, 1400);
	g_assert_cmpuint(decision.mtu, ==, 1400);
	g_assert_cmpuint(nat64_n_bindings(gateway->nat), ==, 1);
	g_free(buffer);
	gateway_free(gateway);
}

/* Every packet ends in exactly one counter, whatever it is. */
static void test_conservation(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
	struct nat64 *nat = gateway->nat;
	struct taddr4 server = taddr4_of("198.51.100.7:9");
	uint8_t buffer[PACKET_HEADROOM + 256];
	uint64_t n_packets = 0, n_counted = 0;
	struct random random;
	random_init(&random, (const uint8_t[RANDOM_SEED_SIZE]){7});

	for (unsigned i = 0; i < 2000; i++, n_packets++) {
		struct taddr6 client = taddr6_of("[2001:db8::1]:0");
		client.port = (uint16_t)random_below(&random, 500);
		(void)gateway_udp6(gateway, &client, &server, NOW + i);
	}
	for (unsigned i = 0; i < 20000; i++, n_packets++) {
		struct packet packet = {.data = buffer + PACKET_HEADROOM,
					.size = random_below(&random, 257),
					.headroom = PACKET_HEADROOM};
		for (unsigned j = 0; j < packet.size; j++)
			packet.data[j] = (uint8_t)random_u32(&random);
		if (packet.size)
			packet.data[0] = i % 2 ? 0x60 : 0x45;
		out_clear(&gateway->out);
		(void)nat64_receive(nat, &packet, NOW + i, &gateway->out);
	}
	for (unsigned direction = 0; direction < 2; direction++)
		for (unsigned outcome = 0; outcome < N_OUTCOMES; outcome++)
			n_counted += nat->counters.packets[direction][outcome];
	g_assert_cmpuint(n_counted, ==, n_packets);

	struct nat64_lane lane;
	const uint64_t before = nat->counters.packets[0][OUTCOME_NOT_OURS];

	nat64_lane_init(nat, &lane);
	nat64_lane_send_failed(&lane, true, OUTCOME_NOT_OURS);
	nat64_gather(nat, &lane);
	g_assert_cmpuint(nat->counters.packets[0][OUTCOME_NOT_OURS], ==, before - 1);
	g_assert_cmpuint(nat->counters.packets[0][OUTCOME_SEND_FAILED], ==, 1);
	gateway_free(gateway);
}

/* L-15: what was translated counts with its bytes, as they came, what was dropped without. */
static void test_bytes(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
	const struct nat64_counters *counters = &gateway->nat->counters;
	struct taddr6 client = taddr6_of("[2001:db8::1]:5000"),
		      inside = taddr6_of("[2001:db8:64::1]:1");
	struct taddr4 server = taddr4_of("198.51.100.7:9"), mapped;

	g_assert_cmpint(gateway_udp6(gateway, &client, &server, NOW), ==, OUTCOME_TRANSLATED);
	g_assert_cmpuint(counters->bytes[0], ==, 48);
	g_assert_cmpuint(counters->bytes[1], ==, 0);
	mapped = gateway_sent_src4(gateway);
	g_assert_cmpint(gateway_udp4(gateway, &server, &mapped, NOW), ==, OUTCOME_TRANSLATED);
	g_assert_cmpuint(counters->bytes[1], ==, 28);
	mapped.port ^= 1;
	g_assert_cmpint(gateway_udp4(gateway, &server, &mapped, NOW), ==, OUTCOME_BIB4_NOT_FOUND);
	g_assert_cmpint(gateway_udp6(gateway, &inside, &server, NOW), !=, OUTCOME_TRANSLATED);
	g_assert_cmpuint(counters->bytes[0], ==, 48);
	g_assert_cmpuint(counters->bytes[1], ==, 28);
	g_assert_cmpuint(counters->packets[0][OUTCOME_TRANSLATED], ==, 1);
	g_assert_cmpuint(counters->packets[1][OUTCOME_TRANSLATED], ==, 1);
	g_assert_cmpuint(counters->packets[1][OUTCOME_BIB4_NOT_FOUND], ==, 1);
	gateway_free(gateway);
}

/* One binding with its session on each of 65 536 addresses: at most 256 bytes, all included. */
static void test_memory_of_a_binding(void)
{
	struct nat64_limits limits = {65536, 65536, 16, 65536};
	struct gateway_fixture *gateway = gateway_new("198.18.0.0/16", "1024-65535", &limits);
	struct taddr4 server = taddr4_of("198.51.100.7:9");
	size_t before = nat64_memory(gateway->nat);
	struct addr6 client = taddr6_of("[2001:db8::1]:0").addr;
	GHashTable *addresses = g_hash_table_new(NULL, NULL);

	for (uint32_t i = 0; i < 65536; i++) {
		store_be32(client.byte + 4, i); /* of as many clients, too */
		struct taddr6 src = {client, 5000};
		g_assert_cmpint(gateway_udp6(gateway, &src, &server, NOW), ==, OUTCOME_TRANSLATED);
		g_hash_table_add(addresses, GUINT_TO_POINTER(gateway_sent_src4(gateway).addr));
	}
	g_assert_cmpuint(nat64_n_bindings(gateway->nat), ==, 65536);
	g_assert_cmpuint((nat64_memory(gateway->nat) - before) / 65536, <=, 256);
	g_assert_cmpuint(g_hash_table_size(addresses), >, 30000); /* spread, P-5 */
	g_hash_table_unref(addresses);
	gateway_free(gateway);
}

/* Expiry does as much as it may and says whether that was all. */
static void test_expiry_budget(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
	struct nat64 *nat = gateway->nat;
	struct taddr4 server = taddr4_of("198.51.100.7:9");
	struct taddr6 client = taddr6_of("[2001:db8::1]:0");

	for (client.port = 1; client.port <= 100; client.port++)
		g_assert_cmpint(gateway_udp6(gateway, &client, &server, NOW), ==,
				OUTCOME_TRANSLATED);
	g_assert_cmpuint(nat64_next_deadline(nat), >=, NOW + 1);
	g_assert_cmpuint(nat64_next_deadline(nat), <=, NOW + 302000);

	while (!nat64_expire(nat, NOW + 299000, 10, &gateway->out))
		;
	g_assert_cmpuint(nat64_n_sessions(nat), ==, 100);
	g_assert_false(nat64_expire(nat, NOW + 302000, 10, &gateway->out));
	g_assert_cmpuint(nat64_n_sessions(nat), >=, 90);
	while (!nat64_expire(nat, NOW + 302000, 10, &gateway->out))
		;
	g_assert_cmpuint(nat64_n_sessions(nat), ==, 0);
	g_assert_cmpuint(nat64_n_bindings(nat), ==, 0);

	/* The ports are held, and end in the same way (P-14). */
	g_assert_cmpuint(nat64_next_deadline(nat), >, NOW + 302000);
	g_assert_cmpuint(nat64_next_deadline(nat), <=, NOW + 302000 + 121000);
	g_assert_false(nat64_expire(nat, NOW + 302000 + 121000, 10, &gateway->out));
	while (!nat64_expire(nat, NOW + 302000 + 121000, 10, &gateway->out))
		;
	g_assert_cmpuint(nat64_next_deadline(nat), ==, UINT64_MAX);
	gateway_free(gateway);
}

/* A packet in pieces that ends costs one for itself, and one for each piece. */
static void test_expiry_of_fragments(void)
{
	static struct craft_buffer buffer;

	for (unsigned budget = 9; budget <= 11; budget++) {
		struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
		struct nat64 *nat = gateway->nat;
		struct craft what = {.version = 4,
				     .dst = "203.0.113.1",
				     .fragment_offset = 16,
				     .payload_size = 16};

		for (what.fragment_id = 1; what.fragment_id <= 5; what.fragment_id++) {
			struct packet packet = craft_packet(&buffer, &what);
			g_assert_cmpint(nat64_receive(nat, &packet, NOW, &gateway->out), ==,
					OUTCOME_FRAGMENT_STORED);
		}
		g_assert_cmpuint(nat64_next_deadline(nat), ==, NOW + 10000);
		g_assert_true(nat64_expire(nat, NOW + 9999, budget, &gateway->out));
		g_assert_cmpuint(nat->fragments.queues.n_used, ==, 5);
		g_assert_true(nat64_expire(nat, NOW + 10000, budget, &gateway->out) ==
			      (budget > 10));
		g_assert_cmpuint(nat->fragments.queues.n_used, ==, 0);
		g_assert_cmpuint(nat->counters.fragments_expired, ==, 5);
		gateway_free(gateway);
	}
}

/* L-4: who reads the log is told that fragments are too many, of one source or of all, and of
 * nothing else that becomes of a fragment. */
static void test_full_of_fragments(void)
{
	static const struct nat64_limits limits = {10, 10, 1, .fragment_memory = 4096};
	static struct craft_buffer buffer;
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", &limits);
	struct nat64 *nat = gateway->nat;
	bool told[N_OUTCOMES] = {false}, ended[N_OUTCOMES] = {false};
	struct event event;

	for (unsigned i = 0; i < 200; i++) {
		g_autofree char *src = g_strdup_printf("198.51.100.%u", i < 100 ? 1 : i);
		const struct craft what = {.version = 4,
					   .src = src,
					   .dst = "203.0.113.1",
					   .fragment_id = i,
					   .fragment_offset = 16,
					   .more_fragments = i % 3 == 0,
					   .payload_size = i % 9 == 0 ? 17 : 16};
		struct packet packet = craft_packet(&buffer, &what);

		out_clear(&gateway->out);
		ended[nat64_receive(nat, &packet, NOW, &gateway->out)] = true;
		while (event_next(&nat->events, &event)) {
			g_assert_cmpint(event.kind, ==, EVENT_QUOTA_FRAGMENTS);
			told[event.outcome] = true;
		}
	}
	g_assert_true(ended[OUTCOME_FRAGMENT_STORED] && ended[OUTCOME_FRAGMENT_BAD]);
	for (unsigned i = 0; i < N_OUTCOMES; i++)
		g_assert_cmpint(told[i], ==,
				i == OUTCOME_FRAGMENT_MEMORY || i == OUTCOME_FRAGMENT_SHARE);
	gateway_free(gateway);
}

/* Whatever waits for the clock is what the next deadline is about, each by itself. */
static void test_deadlines(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
	struct taddr6 client = taddr6_of("[2001:db8::1]:1");
	struct taddr4 server = taddr4_of("198.51.100.7:9"), mapped = taddr4_of("203.0.113.1:2000");
	const struct prefix6 prefix = {.addr = client.addr, .len = 128};
	struct nat64 *nat = gateway->nat;

	g_assert_cmpuint(nat64_next_deadline(nat), ==, UINT64_MAX);
	g_assert_cmpint(gateway_udp6(gateway, &client, &server, NOW), ==, OUTCOME_TRANSLATED);
	g_assert_cmpuint(nat64_next_deadline(nat), >, NOW);
	g_assert_cmpuint(nat64_next_deadline(nat), <=, NOW + 302000);
	g_assert_true(blocklist_add(&nat->blocklist, &prefix, NOW + 700));
	g_assert_cmpuint(nat64_next_deadline(nat), ==, NOW + 700);
	g_assert_true(
		syn_store_add(&nat->syns, &mapped, &server, (const uint8_t[1]){0}, 1, NOW + 600));
	g_assert_cmpuint(nat64_next_deadline(nat), ==, NOW + 600);
	nat->alarm_due_ms = NOW + 500;
	g_assert_cmpuint(nat64_next_deadline(nat), ==, NOW + 500);
	gateway_free(gateway);
}

/* S-23: a changed lifetime applies from the next packet on, and cuts nothing. */
static void test_changed_lifetime(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
	struct nat64 *nat = gateway->nat;
	struct nat64_config config = nat->config;
	struct taddr4 server = taddr4_of("198.51.100.7:9");
	struct taddr6 client = taddr6_of("[2001:db8::1]:1");

	(void)gateway_udp6(gateway, &client, &server, NOW);
	config.udp_ms = 120000;
	nat64_set_config(nat, &config);
	(void)nat64_expire(nat, NOW + 290000, 100, &gateway->out);
	g_assert_cmpuint(nat64_n_sessions(nat), ==, 1);
	(void)gateway_udp6(gateway, &client, &server, NOW + 290000);
	(void)nat64_expire(nat, NOW + 412500, 100, &gateway->out);
	g_assert_cmpuint(nat64_n_sessions(nat), ==, 0);
	gateway_free(gateway);
}

/* Packets from ports 1 to n of one client; how many ended so. */
static unsigned n_ended(struct gateway_fixture *gateway, unsigned n, enum outcome outcome)
{
	struct taddr4 server = taddr4_of("198.51.100.7:9");
	struct taddr6 client = taddr6_of("[2001:db8::1]:1");
	unsigned n_such = 0;

	for (; client.port <= n; client.port++)
		n_such += gateway_udp6(gateway, &client, &server, NOW) == outcome;
	g_assert_true(nat64_check(gateway->nat));
	return n_such;
}

/* X-1, O-11: tables that may have less than there is keep it; then they may have more. */
static void test_changed_limits(void)
{
	struct nat64_limits limits = {10, 12, 1, 65536};
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", &limits);

	g_assert_cmpuint(n_ended(gateway, 8, OUTCOME_TRANSLATED), ==, 8);
	limits.bindings = 3;
	nat64_set_limits(gateway->nat, &limits);
	g_assert_cmpuint(n_ended(gateway, 10, OUTCOME_TRANSLATED), ==, 8);
	g_assert_cmpuint(n_ended(gateway, 10, OUTCOME_BIB_FULL), ==, 2);
	limits = (struct nat64_limits){100, 8, 1, 65536};
	nat64_set_limits(gateway->nat, &limits);
	g_assert_cmpuint(n_ended(gateway, 10, OUTCOME_SESSION_FULL), ==, 2);
	limits = (struct nat64_limits){100, 100, 1, 65536, .sessions_of = {50, 50, 50}};
	nat64_set_limits(gateway->nat, &limits);
	g_assert_cmpuint(n_ended(gateway, 60, OUTCOME_TRANSLATED), ==, 50);
	gateway_free(gateway);
}

/* Same seed, same packets, same ports. */
static void test_deterministic(void)
{
	struct taddr4 server = taddr4_of("198.51.100.7:9");
	struct taddr6 client = taddr6_of("[2001:db8::1]:1");
	struct taddr4 mapped[2];

	for (unsigned run = 0; run < 2; run++) {
		struct gateway_fixture *gateway = gateway_new("203.0.113.0/24", "1024-65535", NULL);
		(void)gateway_udp6(gateway, &client, &server, NOW);
		mapped[run] = gateway_sent_src4(gateway);
		g_assert_cmpint(gateway_udp4(gateway, &server, &mapped[run], NOW), ==,
				OUTCOME_TRANSLATED);
		struct taddr6 back = gateway_sent_dst6(gateway);
		g_assert_true(taddr6_equal(&back, &client));
		gateway_free(gateway);
	}
	g_assert_true(taddr4_equal(&mapped[0], &mapped[1]));
}

/* Without room for what could come of it nothing ends yet. */
static void test_expiry_needs_room(void)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.1", "1024-65535", NULL);
	struct nat64 *nat = gateway->nat;
	struct taddr4 server = taddr4_of("198.51.100.7:9");
	struct taddr6 client = taddr6_of("[2001:db8::1]:1");

	(void)gateway_udp6(gateway, &client, &server, NOW);
	gateway->out.n_packets = gateway->out.capacity;
	g_assert_false(nat64_expire(nat, NOW + 400000, 100, &gateway->out));
	g_assert_cmpuint(nat64_n_sessions(nat), ==, 1);
	out_clear(&gateway->out);
	g_assert_true(nat64_expire(nat, NOW + 400000, 100, &gateway->out));
	g_assert_cmpuint(nat64_n_sessions(nat), ==, 0);
	gateway_free(gateway);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/nat64/defaults", test_defaults);
	g_test_add_func("/nat64/bytes", test_bytes);
	g_test_add_func("/nat64/expiry_of_fragments", test_expiry_of_fragments);
	g_test_add_func("/nat64/full_of_fragments", test_full_of_fragments);
	g_test_add_func("/nat64/deadlines", test_deadlines);
	g_test_add_func("/nat64/expiry_needs_room", test_expiry_needs_room);
	g_test_add_func("/nat64/explain", test_explain);
	g_test_add_func("/nat64/explain_hairpin_to_host", test_explain_hairpin_to_host);
	g_test_add_func("/nat64/late", test_late);
	g_test_add_func("/nat64/explain_hairpin", test_explain_hairpin);
	g_test_add_func("/nat64/conservation", test_conservation);
	g_test_add_func("/nat64/memory_of_a_binding", test_memory_of_a_binding);
	g_test_add_func("/nat64/expiry_budget", test_expiry_budget);
	g_test_add_func("/nat64/changed_lifetime", test_changed_lifetime);
	g_test_add_func("/nat64/changed_limits", test_changed_limits);
	g_test_add_func("/nat64/deterministic", test_deterministic);
	return g_test_run();
}
