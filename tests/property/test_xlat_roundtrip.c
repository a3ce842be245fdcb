/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random packets there and back: payload, ports and checksum come back as they went, and on the way
 * every packet is right, or wrong by as much as it was (T-32). Random bytes, too: nothing that
 * packet_parse() lets pass leads out of the packet, for which the sanitizers watch memory of
 * the exact size.
 *
 * NAT64D_SEED=number repeats a run; the seed is printed when a property fails.
 */
#include <glib.h>

#include "daemon/core/emit.h"
#include "daemon/core/xlat.h"
#include "tests/craft.h"
#include "tests/naive.h"
#include "tests/property/seed.h"

#define N_PACKETS 4000
#define N_MANGLED 20000

static const struct xlat_rules rules = {
	.traffic_class = XLAT_COPY, .type_of_service = XLAT_COPY, .lowest_ipv6_mtu = 1280};

static struct craft_buffer buffer;
static unsigned run; /* which of the random packets */

#define SEED             6146
#define HOLDS(condition) seed_holds(condition, #condition, SEED, run)

static bool coin(GRand *rand)
{
	return g_rand_boolean(rand);
}

static uint8_t random_protocol(GRand *rand, uint8_t version)
{
	static const uint8_t of4[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP};
	static const uint8_t of6[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMPV6};

	return (version == 6 ? of6 : of4)[g_rand_int_range(rand, 0, 3)];
}

/* A valid packet, but perhaps for its transport checksum. */
static struct craft random_craft(GRand *rand, uint8_t version)
{
	struct craft what = {
		.version = version,
		.protocol = random_protocol(rand, version),
		.traffic_class = (uint8_t)g_rand_int(rand),
		.hop_limit = (uint8_t)g_rand_int_range(rand, 3, 256),
		.fragment_id = g_rand_int(rand),
		.src_port = (uint16_t)g_rand_int(rand),
		.dst_port = (uint16_t)g_rand_int(rand),
		.tcp_options = coin(rand) ? "020405b4" : NULL,
		.payload_size = (uint32_t)g_rand_int_range(rand, 0, coin(rand) ? 40 : 1400),
	};

	if (version == 6) {
		what.fragment_header = coin(rand);
		what.icmp_type = coin(rand) ? ICMP6_ECHO_REQUEST : ICMP6_ECHO_REPLY;
		if (!what.fragment_header && coin(rand)) {
			what.next_header = IPPROTO_DSTOPTS;
			what.extra = what.protocol == IPPROTO_TCP   ? "0600010400000000"
				     : what.protocol == IPPROTO_UDP ? "1100010400000000"
								    : "3a00010400000000";
		}
	} else {
		what.dont_fragment = coin(rand);
		what.extra = coin(rand) ? "0101010001010100" : NULL;
		what.icmp_type = coin(rand) ? ICMP_ECHO : ICMP_ECHOREPLY;
	}
	if (what.payload_size > 16 && coin(rand))
		what.udp_length = (uint16_t)(what.payload_size - 3);
	if (g_rand_int_range(rand, 0, 4) == 0)
		what.check_off_by = (uint16_t)g_rand_int_range(rand, 1, 65535);
	return what;
}

static void fill_random(GRand *rand, uint8_t *at, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		at[i] = (uint8_t)g_rand_int(rand);
}

static struct tuple4 random_tuple4(GRand *rand, enum protocol protocol)
{
	return (struct tuple4){
		.protocol = protocol,
		.src = {g_rand_int(rand), (uint16_t)g_rand_int(rand)},
		.dst = {g_rand_int(rand), (uint16_t)g_rand_int(rand)},
	};
}

static struct tuple6 random_tuple6(GRand *rand, enum protocol protocol)
{
	struct tuple6 tuple = {
		.protocol = protocol,
		.src.port = (uint16_t)g_rand_int(rand),
		.dst.port = (uint16_t)g_rand_int(rand),
	};

	fill_random(rand, tuple.src.addr.byte, sizeof(tuple.src.addr.byte));
	fill_random(rand, tuple.dst.addr.byte, sizeof(tuple.dst.addr.byte));
	return tuple;
}

/* There and back: the packet has its old addresses and ports again. */
static void test_there_and_back(void)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(seed_of_run(SEED));
	const struct xlat_path path = {.nh4_mtu = 1500, .nh6_mtu = 1500, .ip4_id = 1};

	for (run = 0; run < N_PACKETS; run++) {
		const uint8_t version = coin(rand) ? 6 : 4;
		const struct craft what = random_craft(rand, version);
		struct packet packet = craft_packet(&buffer, &what);
		/* What craft_packet() adds to the checksum, its error lacks. */
		const uint16_t error = (uint16_t)(0xffff - what.check_off_by) % 0xffff;
		uint8_t before[2048];
		uint32_t size;

		HOLDS(packet_parse(&packet) == OUTCOME_TRANSLATED);
		size = packet_l4_size(&packet);
		memcpy(before, packet_l4(&packet), size);

		if (version == 6) {
			const struct tuple6 back = tuple6_of_packet(&packet);
			const struct tuple4 to = random_tuple4(rand, packet.protocol);

			xlat_6to4(&packet, &to, &path, &rules);
			craft_assert_view(&packet);
			HOLDS(packet_src4(&packet) == to.src.addr);
			HOLDS(naive_transport_error(packet.data, packet.size) == error);
			xlat_4to6(&packet, &back, &path, &rules);
			HOLDS(packet.hop_limit == what.hop_limit - 2);
		} else {
			const struct tuple4 back = tuple4_of_packet(&packet);
			const struct tuple6 to = random_tuple6(rand, packet.protocol);

			xlat_4to6(&packet, &to, &path, &rules);
			craft_assert_view(&packet);
			HOLDS(naive_transport_error(packet.data, packet.size) == error);
			xlat_6to4(&packet, &back, &path, &rules);
			HOLDS(packet.hop_limit == what.hop_limit - 2);
		}
		craft_assert_view(&packet);
		HOLDS(packet.traffic_class == what.traffic_class);
		HOLDS(packet_l4_size(&packet) == size);
		HOLDS(memcmp(packet_l4(&packet), before, size) == 0);
		HOLDS(naive_packet_ok(packet.data, packet.size) == (error == 0));
	}
}

/* Packets with some bytes changed, cut off anywhere, in memory of exactly their size. */
static void test_mangled(void)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(seed_of_run(SEED));
	const struct xlat_path path = {.nh4_mtu = 576, .nh6_mtu = 1280};
	static struct out_packet packets[EMIT_PIECES_MAX];
	static uint8_t arena[EMIT_ARENA_PER_PACKET];
	unsigned n_passed = 0;

	for (run = 0; run < N_MANGLED; run++) {
		const uint8_t version = coin(rand) ? 6 : 4;
		struct craft what = random_craft(rand, version);
		struct packet good, packet;
		struct out out = {packets, G_N_ELEMENTS(packets), 0, arena, sizeof(arena), 0};
		uint32_t limit, mtu;

		if (g_rand_int_range(rand, 0, 4) == 0)
			what.icmp_type = version == 6 ? ICMP6_TIME_EXCEEDED : ICMP_TIME_EXCEEDED;
		good = craft_packet(&buffer, &what);
		for (int i = g_rand_int_range(rand, 0, 4); i > 0; i--)
			good.data[g_rand_int_range(rand, 0, (int)MIN(good.size, 70))] =
				(uint8_t)g_rand_int(rand);
		if (version == 4 && coin(rand)) {
			store_be16(good.data + 10, 0);
			store_be16(good.data + 10,
				   naive_checksum(good.data,
						  MIN((good.data[0] & 0xf) * 4u, good.size)));
		}
		if (coin(rand))
			good.size = (uint32_t)g_rand_int_range(rand, 0, (int)good.size + 1);

		g_autofree uint8_t *memory = g_malloc(PACKET_HEADROOM + good.size);
		packet = (struct packet){
			.data = memory + PACKET_HEADROOM,
			.size = good.size,
			.headroom = PACKET_HEADROOM,
		};
		memcpy(packet.data, good.data, good.size);
		if (packet_parse(&packet) != OUTCOME_TRANSLATED)
			continue;
		if (packet.is_icmp_error) {
			struct inner_packet inner;

			(void)packet_parse_inner(&packet, &inner);
			continue;
		}
		n_passed++;
		if (packet.version == 6) {
			const struct tuple4 to = random_tuple4(rand, packet.protocol);

			if (xlat_6to4_check(&packet, &path, &rules, &limit, &mtu) !=
			    OUTCOME_TRANSLATED)
				continue;
			xlat_6to4(&packet, &to, &path, &rules);
		} else {
			const struct tuple6 to = random_tuple6(rand, packet.protocol);

			if (xlat_4to6_check(&packet, &path, &rules, &limit, &mtu) !=
			    OUTCOME_TRANSLATED)
				continue;
			xlat_4to6(&packet, &to, &path, &rules);
		}
		emit_packet(&packet, limit, 1, &out);
		HOLDS(out.n_packets >= 1);
	}
	HOLDS(n_passed > N_MANGLED / 10);
}

/* An embedded packet, cut and changed anywhere, with an extension or none. */
static void test_mangled_inner(void)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(seed_of_run(SEED));
	static struct craft_buffer inner_buffer;
	unsigned n_usable = 0;

	for (run = 0; run < N_MANGLED; run++) {
		const uint8_t version = coin(rand) ? 6 : 4;
		const struct craft what = random_craft(rand, version);
		const struct packet embedded = craft_packet(&inner_buffer, &what);
		const uint32_t header_size = version == 6 ? IP6_HEADER_SIZE : IP4_HEADER_SIZE;
		const uint32_t size = (uint32_t)g_rand_int_range(
			rand, 0, 1 + (int)(coin(rand) ? embedded.size : MIN(embedded.size, 60)));
		g_autofree uint8_t *memory = g_malloc(header_size + ICMP_HEADER_SIZE + size);
		const struct packet packet = {
			.data = memory,
			.size = header_size + ICMP_HEADER_SIZE + size,
			.version = version,
			.protocol = PROTOCOL_ICMP,
			.is_icmp_error = true,
			.l4_offset = header_size,
		};
		struct inner_packet inner;

		fill_random(rand, memory, header_size + ICMP_HEADER_SIZE);
		memory[header_size] = version == 6 ? ICMP6_TIME_EXCEEDED : ICMP_TIME_EXCEEDED;
		memcpy(memory + header_size + ICMP_HEADER_SIZE, embedded.data, size);
		if (size > 0 && coin(rand))
			packet_l4(
				&packet)[ICMP_HEADER_SIZE + g_rand_int_range(rand, 0, (int)size)] =
				(uint8_t)g_rand_int(rand);
		if (packet_parse_inner(&packet, &inner) != OUTCOME_TRANSLATED)
			continue;
		n_usable++;
		HOLDS(inner.present <= size);
		HOLDS(inner.present <= inner.claimed);
		HOLDS(inner.quoted_size + inner.extension_size == size);
		(void)(version == 6 ? tuple6_of_inner(&inner).src.port
				    : tuple4_of_inner(&inner).src.port);
	}
	HOLDS(n_usable > N_MANGLED / 10);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/xlat_roundtrip/there_and_back", test_there_and_back);
	g_test_add_func("/xlat_roundtrip/mangled", test_mangled);
	g_test_add_func("/xlat_roundtrip/mangled_inner", test_mangled_inner);
	return g_test_run();
}
