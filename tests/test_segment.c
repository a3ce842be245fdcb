/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Segments of superpackets: how many there are, with which options, and what is kept of them. What
 * they learn from is in tests/packets/sp*.pkt; but a session whose SYNs were not seen is one that
 * was restored (O-12), which is here.
 */
#include "daemon/core/segment.h"

#include <glib.h>
#include <netinet/tcp.h>

#include "daemon/core/persist.h"
#include "tests/craft.h"
#include "tests/gateway_fixture.h"

#define NOW FIXTURE_START_MS

static struct packet tcp_packet(uint8_t *data, uint32_t payload_size, unsigned options_size)
{
	const uint32_t tcp_size = TCP_HEADER_SIZE + options_size;

	data[IP4_HEADER_SIZE + 12] = (uint8_t)(tcp_size / 4 << 4);
	return (struct packet){
		.data = data,
		.size = IP4_HEADER_SIZE + tcp_size + payload_size,
		.version = 4,
		.dont_fragment = true,
		.superpacket = true,
		.ip_protocol = IPPROTO_TCP,
		.protocol = PROTOCOL_TCP,
		.l4_offset = IP4_HEADER_SIZE,
	};
}

/* Options take their place in each segment (RFC 6691). */
static void test_options_count(void)
{
	uint8_t data[100] = {0};
	struct packet packet = tcp_packet(data, 5000, 12);
	struct nat64 nat = {.config.rules.clamp_mss = false};
	const struct filter_plan plan = {.session = SLAB_NONE, .change = FILTER_KEEPS};
	struct passage passage = {.nat = &nat, .packet = &packet};

	segment_cut(&passage, &plan, IP6_HEADER_SIZE, 1500, 1480);
	g_assert_cmpuint(packet.segment_size, ==, SEGMENT_MSS_UNKNOWN - 12);
	g_assert_cmpuint(segment_count(&packet), ==, 10); /* 9 * 524 = 4716 */
}

static void test_count(void)
{
	static const struct {
		uint32_t payload_size;
		uint16_t segment_size, n;
	} rows[] = {{0, 0, 1}, {9000, 0, 1}, {1441, 1440, 2}, {2880, 1440, 2}, {65495, 48, 1365}};
	uint8_t data[100] = {0};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct packet packet = tcp_packet(data, rows[i].payload_size, 0);

		packet.segment_size = rows[i].segment_size;
		g_assert_cmpuint(segment_count(&packet), ==, rows[i].n);
	}
}

/* What is no superpacket is left alone, and so is one that is a single segment. */
static void test_nothing_to_cut(void)
{
	uint8_t data[100] = {0};
	struct packet packet = tcp_packet(data, SEGMENT_MSS_UNKNOWN, 0);
	struct nat64 nat = {.config.rules.clamp_mss = false};
	const struct filter_plan plan = {.session = SLAB_NONE, .change = FILTER_KEEPS};
	struct passage passage = {.nat = &nat, .packet = &packet};

	segment_cut(&passage, &plan, IP6_HEADER_SIZE, 1500, 1480);
	g_assert_cmpuint(packet.segment_size, ==, 0);
	packet.size += 9000;
	packet.superpacket = false;
	segment_cut(&passage, &plan, IP6_HEADER_SIZE, 1500, 1480);
	g_assert_cmpuint(packet.segment_size, ==, 0);
}

/* Room for both directions, and an end of time, in 64 bits. */
static void test_session_fields(void)
{
	struct session session = {.expires_ms = SESSION_TIME_MAX,
				  .mss_6to4 = SESSION_MSS_MAX,
				  .mss_4to6 = SESSION_MSS_MAX};

	g_assert_true(session.expires_ms == SESSION_TIME_MAX);
	g_assert_cmpuint(session.mss_6to4 * 4u, ==, SEGMENT_MSS_MAX);
	g_assert_cmpuint(session.mss_4to6 * 4u, >=, 1500);
}

/* A gateway that has been started again, with one TCP session. */
static struct gateway_fixture *restarted(void)
{
	const struct taddr6 client = taddr6_of("[2001:db8:1::10]:40000");
	const struct persist_row binding = {
		.kind = PERSIST_BINDING,
		.protocol = PROTOCOL_TCP,
		.exists = true,
		.binding = {.addr6 = client.addr,
			    .port6 = client.port,
			    .mapped = taddr4_of("203.0.113.7:2000"),
			    .number = 7},
	};
	const struct persist_row session = {
		.kind = PERSIST_SESSION,
		.protocol = PROTOCOL_TCP,
		.exists = true,
		.session = {.number = 7,
			    .peer = taddr4_of("198.51.100.20:80"),
			    .state = TCP_FSM_ESTABLISHED,
			    .until_s = NOW / 1000 + 1000},
	};
	struct gateway_fixture *gateway = gateway_new("203.0.113.7", "1024-65535", NULL);

	g_assert_cmpint(persist_restore(gateway->nat, &binding, NOW), ==, PERSIST_OK);
	g_assert_cmpint(persist_restore(gateway->nat, &session, NOW), ==, PERSIST_OK);
	persist_restored(gateway->nat, false, NOW);
	gateway->world.mtu6 = gateway->world.mtu4 =
		65535; /* so that nothing else bounds segments */
	return gateway;
}

/* A packet of that session; how many packets are sent for it. */
static unsigned receive(struct gateway_fixture *gateway, bool from6, struct craft what,
			bool superpacket)
{
	static struct craft_buffer buffer;

	what.version = from6 ? 6 : 4;
	what.protocol = IPPROTO_TCP;
	what.src_port = from6 ? 40000 : 80;
	what.dst_port = from6 ? 80 : 2000;
	what.dont_fragment = !from6;
	struct packet packet = craft_packet(&buffer, &what);
	packet.superpacket = superpacket;
	out_clear(&gateway->out);
	g_assert_cmpint(nat64_receive(gateway->nat, &packet, NOW, &gateway->out), ==,
			OUTCOME_TRANSLATED);
	return gateway->out.n_packets;
}

/* Returns what was sent of it. */
static struct out_packet pass(struct gateway_fixture *gateway, bool from6, struct craft what,
			      bool superpacket)
{
	g_assert_cmpuint(receive(gateway, from6, what, superpacket), ==, 1);
	return gateway->out.packet[0];
}

static void pass_single(struct gateway_fixture *gateway, bool from6, uint32_t payload_size)
{
	const struct craft single = {.payload_size = payload_size};

	g_assert_cmpuint(pass(gateway, from6, single, false).segment_size, ==, 0);
}

static void pass_syn(struct gateway_fixture *gateway, bool from6, const char *options)
{
	const struct craft syn = {.tcp_flags = TH_SYN, .tcp_options = options};

	(void)pass(gateway, from6, syn, false);
}

/* How large the segments of the next superpacket of this direction are. */
static unsigned segment_of(struct gateway_fixture *gateway, bool from6)
{
	const struct craft super = {.payload_size = 60000};

	return pass(gateway, from6, super, true).segment_size;
}

/* Without SYNs a direction has what its own largest single segment had: its payload and options. */
static void test_single_segments_teach(void)
{
	for (unsigned from6 = 0; from6 < 2; from6++) {
		struct gateway_fixture *gateway = restarted();

		g_assert_cmpuint(segment_of(gateway, from6), ==, SEGMENT_MSS_UNKNOWN);
		pass_single(gateway, from6, 1400);
		g_assert_cmpuint(segment_of(gateway, from6), ==, 1400);
		g_assert_cmpuint(segment_of(gateway, !from6), ==, SEGMENT_MSS_UNKNOWN);
		pass_single(gateway, from6, 1000); /* the last of a message may be small */
		g_assert_cmpuint(segment_of(gateway, from6), ==, 1400);
		(void)pass(gateway, from6,
			   (struct craft){.tcp_options = "0101080a0000000100000002",
					  .payload_size = 1428},
			   false);
		g_assert_cmpuint(segment_of(gateway, from6), ==, 1440);
		pass_single(gateway, !from6, 1200);
		g_assert_cmpuint(segment_of(gateway, !from6), ==, 1200);
		g_assert_cmpuint(segment_of(gateway, from6), ==, 1440);
		gateway_free(gateway);
	}
}

/* A superpacket says nothing of its segments, also if it is cut into small ones. */
static void test_superpackets_teach_nothing(void)
{
	for (unsigned from6 = 0; from6 < 2; from6++) {
		struct gateway_fixture *gateway = restarted();

		for (unsigned i = 0; i < 3; i++)
			g_assert_cmpuint(segment_of(gateway, from6), ==, SEGMENT_MSS_UNKNOWN);
		gateway_free(gateway);
	}
}

/* A connection that is opened again in the session: its first SYN says anew what both directions
 * may have, its second SYN lowers that; single segments say nothing any more. */
static void test_syns_after_single_segments(void)
{
	static const char *const mss_1000 = "020403e8", *const mss_1200 = "020404b0";

	for (unsigned from6 = 0; from6 < 2; from6++) {
		for (unsigned lower_first = 0; lower_first < 2; lower_first++) {
			struct gateway_fixture *gateway = restarted();

			pass_single(gateway, true, 1400);
			pass_single(gateway, false, 800);
			pass_syn(gateway, from6, lower_first ? mss_1000 : mss_1200);
			g_assert_cmpuint(segment_of(gateway, true), ==, SEGMENT_MSS_UNKNOWN);
			g_assert_cmpuint(segment_of(gateway, false), ==, SEGMENT_MSS_UNKNOWN);
			pass_single(gateway, true, 1400);
			pass_single(gateway, false, 1400);
			pass_syn(gateway, !from6, lower_first ? mss_1200 : mss_1000);
			g_assert_cmpuint(segment_of(gateway, true), ==, 1000);
			g_assert_cmpuint(segment_of(gateway, false), ==, 1000);
			pass_single(gateway, true, 1400);
			pass_single(gateway, false, 1400);
			g_assert_cmpuint(segment_of(gateway, true), ==, 1000);
			g_assert_cmpuint(segment_of(gateway, false), ==, 1000);
			gateway_free(gateway);
		}
	}
}

/* With one SYN only, a direction has no more than it says, nor than everybody takes. */
static void test_one_small_syn(void)
{
	for (unsigned from6 = 0; from6 < 2; from6++) {
		struct gateway_fixture *gateway = restarted();

		pass_syn(gateway, from6, "02040190"); /* 400 */
		g_assert_cmpuint(segment_of(gateway, true), ==, 400);
		g_assert_cmpuint(segment_of(gateway, false), ==, 400);
		gateway_free(gateway);
	}
}

/* What both say, up to the largest that a session has room for. */
static void test_largest(void)
{
	struct gateway_fixture *gateway = restarted();

	pass_syn(gateway, true, "0204ffff");
	pass_syn(gateway, false, "0204ffff");
	g_assert_cmpuint(segment_of(gateway, true), ==, SEGMENT_MSS_MAX);
	g_assert_cmpuint(segment_of(gateway, false), ==, SEGMENT_MSS_MAX);
	gateway_free(gateway);
}

static uint32_t n_to_store(struct gateway_fixture *gateway)
{
	struct persist_cursor cursor = {0};
	struct persist_row row[4];

	return persist_take(gateway->nat, &cursor, row, G_N_ELEMENTS(row), NOW);
}

/* What is learnt is to be stored, also if nothing else of the session changes; and nothing that was
 * known already. */
static void test_learnt_is_stored(void)
{
	for (unsigned from6 = 0; from6 < 2; from6++) {
		struct gateway_fixture *gateway = restarted();

		g_assert_true(persist_begin(gateway->nat));
		pass_single(gateway, from6, 1000);
		g_assert_cmpuint(n_to_store(gateway), ==, 2);
		pass_single(gateway, from6, 1000);
		g_assert_cmpuint(n_to_store(gateway), ==, 0);
		pass_single(gateway, from6, 1400);
		g_assert_cmpuint(n_to_store(gateway), ==, 1);
		gateway->world.mtu6 = gateway->world.mtu4 = 1300;
		g_assert_cmpuint(
			receive(gateway, from6, (struct craft){.payload_size = 60000}, true), ==,
			2); /* its sender is told */
		g_assert_cmpuint(n_to_store(gateway), ==, 1);
		(void)segment_of(gateway, from6);
		g_assert_cmpuint(n_to_store(gateway), ==, 0);
		pass_syn(gateway, from6, "020403e8");
		g_assert_cmpuint(n_to_store(gateway), ==, 1);
		gateway_free(gateway);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/segment/options_count", test_options_count);
	g_test_add_func("/segment/count", test_count);
	g_test_add_func("/segment/nothing_to_cut", test_nothing_to_cut);
	g_test_add_func("/segment/session_fields", test_session_fields);
	g_test_add_func("/segment/single_segments_teach", test_single_segments_teach);
	g_test_add_func("/segment/superpackets_teach_nothing", test_superpackets_teach_nothing);
	g_test_add_func("/segment/syns_after_single_segments", test_syns_after_single_segments);
	g_test_add_func("/segment/one_small_syn", test_one_small_syn);
	g_test_add_func("/segment/largest", test_largest);
	g_test_add_func("/segment/learnt_is_stored", test_learnt_is_stored);
	return g_test_run();
}
