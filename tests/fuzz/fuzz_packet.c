/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets of any shape, from both sides, into a small NAT64.
 *
 * An input is a byte of configuration, then records: a control byte, a size of two bytes
 * (big-endian, cut to what is left) and so many bytes of packet. The low three control bits let
 * time pass, the others are below. The world is that of tests/vectors/packets.csv and a second
 * client to hairpin to; its tables hold so little that inputs reach their ends.
 *
 * The checks: a packet that goes to the host is untouched; whatever is sent has right lengths and
 * headers, is no larger than its way allows, and has a right checksum if what came had one; an
 * answer is one, and right; every packet is counted once; all tables keep their invariants and
 * bounds.
 */
#include "daemon/core/expect.h"
#include "tests/fake_world.h"
#include "tests/fuzz/ask.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/repair.h"
#include "tests/naive.h"

#define CONTROL_WAIT   0x07
#define CONTROL_REPAIR 0x08 /* make the IPv4 header and ICMP checksums right */
#define CONTROL_CHECK  0x10 /* all invariants behind this packet */
#define CONTROL_CUT    0x20 /* the kernel gave less than there was */
#define CONTROL_SUPER  0x40 /* a superpacket */
#define CONTROL_HALF   0x80 /* its checksum is unfinished */

#define CONFIG_ADDRESS_DEPENDENT 0x01
#define CONFIG_SMALL_MTU         0x02
#define CONFIG_ANSWER_OPTIONAL   0x04
#define CONFIG_CLAMP_MSS         0x08
#define CONFIG_FIXED_TOS         0x10
#define CONFIG_ERROR_FROM_SERVER 0x20
#define CONFIG_DROP_UDP_ZERO     0x40
#define CONFIG_POOL4_IS_OWN      0x80

#define N_BINDINGS 12 /* five of them are static */
#define N_SESSIONS 16
#define N_SYNS     4

#define FRAGMENT_MEMORY 32768 /* for each source an eighth of it */

/* The largest superpacket, which has grown from IPv4 into IPv6. */
#define SENT_SIZE_MAX (65535 + 20)

#define POOL4 0xcb007107u /* 203.0.113.7 */

struct fuzz {
	struct fake_world world;
	struct nat64 *nat;
	uint64_t now_ms;
	uint64_t n_received;
	struct out out; /* exactly as large as it has to be */
};

static void add_static(struct fuzz *fuzz, enum protocol protocol, const char *client, uint16_t port,
		       uint16_t mapped_port)
{
	const struct taddr4 taddr4 = {POOL4, mapped_port};
	struct taddr6 taddr6 = {.port = port};

	REQUIRE(addr6_parse(client, &taddr6.addr));
	REQUIRE(nat64_add_static(fuzz->nat, protocol, &taddr6, &taddr4, fuzz->now_ms) ==
		NAT64_STATIC_OK);
}

static void configure(struct fuzz *fuzz, uint8_t flags, struct nat64_config *ret)
{
	nat64_config_default(ret);
	REQUIRE(prefix6_parse("2001:db8:64::/96", &ret->pool6[0]));
	ret->clients_any = true;
	for (unsigned i = 0; i < N_PROTOCOLS; i++)
		ret->filtering[i] = flags & CONFIG_ADDRESS_DEPENDENT
					    ? FILTERING_ADDRESS_DEPENDENT
					    : FILTERING_ENDPOINT_INDEPENDENT;
	ret->answer_optional = flags & CONFIG_ANSWER_OPTIONAL;
	ret->error_source_server = flags & CONFIG_ERROR_FROM_SERVER;
	ret->rules.clamp_mss = flags & CONFIG_CLAMP_MSS;
	ret->rules.drop_udp4_zero_checksum = flags & CONFIG_DROP_UDP_ZERO;
	if (flags & CONFIG_FIXED_TOS)
		ret->rules.traffic_class = ret->rules.type_of_service = 0x20;
	/* Tight, and still the tables can run full. */
	ret->quota.bindings_per_address = 3;
	ret->quota.bindings_per_client.value = 4;
	ret->quota.sessions_per_client.value = 6;
	ret->quota.sessions_per_binding = 5;
	ret->quota.binding_rate = 3;

	fake_world_init(&fuzz->world);
	if (flags & CONFIG_SMALL_MTU) {
		fuzz->world.mtu6 = 1280;
		fuzz->world.mtu4 = 576;
	}
	if (flags & CONFIG_POOL4_IS_OWN)
		fuzz->world.own4[fuzz->world.n_own4++] = POOL4;
}

static void begin(struct fuzz *fuzz, uint8_t flags)
{
	static const uint8_t seed[RANDOM_SEED_SIZE] = {1};
	static const struct nat64_limits limits = {N_BINDINGS, N_SESSIONS, N_SYNS, FRAGMENT_MEMORY};
	static const struct addr4_range range = {POOL4, POOL4};
	struct pool4_spec spec = {.addresses = &range,
				  .n_addresses = 1,
				  .protocol = {true, true, true},
				  .pool6 = POOL4_ANY_PREFIX};
	struct nat64_config config;
	struct nat64_world world;
	uint32_t id;

	*fuzz = (struct fuzz){.now_ms = 1000};
	configure(fuzz, flags, &config);
	world = fake_world_calls(&fuzz->world);
	fuzz->nat = nat64_new(&config, &limits, &world, seed, fuzz->now_ms);
	REQUIRE(fuzz->nat);
	REQUIRE(port_ranges_add(&spec.ports, 1024, 65535));
	REQUIRE(pool4_add(fuzz->nat->pool4, &spec, &id) == POOL4_OK);
	pool4_set_state(fuzz->nat->pool4, id, POOL4_ACTIVE);
	add_static(fuzz, PROTOCOL_TCP, "2001:db8:1::10", 40000, 51000);
	add_static(fuzz, PROTOCOL_UDP, "2001:db8:1::10", 40001, 51001);
	add_static(fuzz, PROTOCOL_ICMP, "2001:db8:1::10", 0x1111, 0x2222);
	add_static(fuzz, PROTOCOL_TCP, "2001:db8:1::11", 40000, 51002);
	add_static(fuzz, PROTOCOL_UDP, "2001:db8:1::11", 40001, 51003);

	fuzz->out.capacity = EMIT_PIECES_MAX;
	fuzz->out.packet = calloc(EMIT_PIECES_MAX, sizeof(*fuzz->out.packet));
	fuzz->out.arena_size = EMIT_ARENA_PER_PACKET;
	fuzz->out.arena = malloc(EMIT_ARENA_PER_PACKET);
	REQUIRE(fuzz->out.packet && fuzz->out.arena);
}

/* Every packet has ended in exactly one way. */
static uint64_t n_counted(const struct nat64 *nat)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < N_OUTCOMES; i++)
		n += nat->counters.packets[0][i] + nat->counters.packets[1][i];
	return n;
}

static void end(struct fuzz *fuzz)
{
	REQUIRE(n_counted(fuzz->nat) == fuzz->n_received);
	REQUIRE(nat64_check(fuzz->nat));
	nat64_free(fuzz->nat);
	free(fuzz->out.packet);
	free(fuzz->out.arena);
}

/* The parts of a packet in one piece of memory. */
static size_t gather(const struct out_packet *packet, uint8_t *ret)
{
	size_t size = 0;

	REQUIRE(packet->n_parts == 1 || packet->n_parts == 2);
	for (unsigned i = 0; i < packet->n_parts; i++) {
		REQUIRE(size + packet->part[i].size <= SENT_SIZE_MAX);
		memcpy(ret + size, packet->part[i].base, packet->part[i].size);
		size += packet->part[i].size;
	}
	return size;
}

/* I-26, and pieces in units of eight bytes. */
static void check_shape(const uint8_t *bytes, size_t size)
{
	const bool is6 = bytes[0] >> 4 == 6;
	const uint8_t protocol = is6 ? bytes[6] : bytes[9];

	if (is6 && protocol == IPPROTO_FRAGMENT) {
		REQUIRE(size >= 48);
		REQUIRE(!(bytes[43] & 1) || (size - 48) % 8 == 0);
	} else if (is6 && protocol == IPPROTO_ICMPV6 && size > 40 && bytes[40] < 128) {
		REQUIRE(size <= 1280);
	} else if (!is6 && (load_be16(bytes + 6) & 0x3fff) != 0) {
		REQUIRE(!(bytes[6] & 0x20) || (size - 20) % 8 == 0);
	} else if (!is6 && protocol == IPPROTO_ICMP && size > 20 && bytes[20] != ICMP_ECHO &&
		   bytes[20] != ICMP_ECHOREPLY) {
		REQUIRE(size <= 576);
	}
}

/* Where the TCP header of a packet without options and extension headers is. */
static size_t l4_of(const uint8_t *bytes)
{
	return bytes[0] >> 4 == 6 ? 40 : 20;
}

/* What the device does with an unfinished checksum. */
static void finish(uint8_t *bytes, size_t size)
{
	const size_t l4 = l4_of(bytes);

	store_be16(bytes + l4 + 16, naive_checksum(bytes + l4, size - l4));
}

/* No segment is larger than the way allows, unless by what everybody must take. */
static void check_segments(const struct out_packet *packet, const uint8_t *bytes, size_t size,
			   uint32_t limit)
{
	const size_t l4 = l4_of(bytes);
	const size_t headers_size = l4 + (bytes[l4 + 12] >> 4) * 4u;

	REQUIRE(packet->is_tcp && packet->unfinished && packet->n_parts == 1);
	REQUIRE(packet->segment_size < size - headers_size);
	REQUIRE(packet->segment_size >= 88 - 40);
	REQUIRE(headers_size + packet->segment_size <= limit);
}

/* was_right: what came in had a right transport checksum, or this was made here. */
static void check_sent(struct fuzz *fuzz, bool was_right, uint32_t mark)
{
	static uint8_t bytes[SENT_SIZE_MAX];

	for (uint32_t i = 0; i < fuzz->out.n_packets; i++) {
		const struct out_packet *packet = &fuzz->out.packet[i];
		const size_t size = gather(packet, bytes);
		const uint32_t limit = packet->version == 6 ? fuzz->world.mtu6 : fuzz->world.mtu4;

		REQUIRE(naive_header_ok(bytes, size));
		REQUIRE(bytes[0] >> 4 == packet->version);
		REQUIRE(packet->mark == mark);
		if (packet->segment_size != 0)
			check_segments(packet, bytes, size, limit);
		else
			REQUIRE(size <= limit);
		if (packet->unfinished)
			finish(bytes, size);
		check_shape(bytes, size);
		REQUIRE(!(was_right || packet->unfinished) || naive_packet_ok(bytes, size));
	}
}

static void empty(struct fuzz *fuzz)
{
	out_clear(&fuzz->out); /* frees what was put together */
	memset(fuzz->out.arena, 0xa5, fuzz->out.arena_size);
}

static void pass_time(struct fuzz *fuzz, unsigned index)
{
	static const uint64_t wait_ms[CONTROL_WAIT + 1] = {0,     1,      100,     6001,
							   61000, 241000, 7201000, 1000000000};

	fuzz->now_ms += wait_ms[index];
	while (!nat64_expire(fuzz->nat, fuzz->now_ms, 8, &fuzz->out)) {
		check_sent(fuzz, true, 0);
		empty(fuzz);
	}
	check_sent(fuzz, true, 0);
	empty(fuzz);
}

static bool is_fragment(const uint8_t *data, size_t size)
{
	struct packet packet = {.data = (uint8_t *)data, .size = (uint32_t)size};

	(void)packet_parse(&packet);
	return packet.is_fragment;
}

static void receive(struct fuzz *fuzz, uint8_t control, const uint8_t *bytes, size_t size)
{
	/* Exactly as large as promised, so that the sanitizer sees every step beyond. */
	uint8_t *memory = malloc(PACKET_HEADROOM + size);
	uint8_t *copy = malloc(size + 1);
	struct packet packet = {.data = memory + PACKET_HEADROOM,
				.size = (uint32_t)size,
				.headroom = PACKET_HEADROOM,
				.mark = 0x64,
				.truncated = control & CONTROL_CUT,
				.superpacket = control & CONTROL_SUPER,
				.unfinished = control & (CONTROL_SUPER | CONTROL_HALF)};
	enum outcome outcome, asked;
	struct expected expected;
	enum verdict verdict;
	bool was_right;

	REQUIRE(memory && copy);
	memcpy(packet.data, bytes, size);
	if (control & CONTROL_REPAIR)
		repair_packet(packet.data, size);
	memcpy(copy, packet.data, size);
	/* What a fragment completes is not in it. */
	was_right = naive_packet_ok(copy, size) && !is_fragment(copy, size) && !packet.unfinished;

	fuzz->n_received++;
	asked = ask(fuzz->nat, &packet, fuzz->now_ms);
	expect_packet(fuzz->nat, &packet, &expected);
	expect_entry(&expected);
	expect_session(fuzz->nat, &expected);
	outcome = nat64_receive(fuzz->nat, &packet, fuzz->now_ms, &fuzz->out);
	REQUIRE(asked == N_OUTCOMES || asked == outcome);
	REQUIRE(outcome < N_OUTCOMES);
	verdict = outcome_info(outcome)->verdict;
	if (verdict == VERDICT_TRANSLATED)
		REQUIRE(fuzz->out.n_packets > 0);
	else
		REQUIRE(fuzz->out.n_packets <= (verdict == VERDICT_DROP));
	if (verdict == VERDICT_HOST && !(control & (CONTROL_SUPER | CONTROL_HALF)))
		REQUIRE(memcmp(copy, memory + PACKET_HEADROOM, size) == 0);
	check_sent(fuzz, was_right || verdict == VERDICT_DROP, 0x64);
	if (control & CONTROL_CHECK)
		REQUIRE(nat64_check(fuzz->nat));
	empty(fuzz);
	free(memory);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct fuzz fuzz;

	if (size == 0)
		return 0;
	begin(&fuzz, input[0]);
	input++;
	size--;
	while (size >= 3) {
		const uint8_t control = input[0];
		size_t packet_size = load_be16(input + 1);

		input += 3;
		size -= 3;
		if (packet_size > size)
			packet_size = size;
		pass_time(&fuzz, control & CONTROL_WAIT);
		receive(&fuzz, control, input, packet_size);
		input += packet_size;
		size -= packet_size;
	}
	end(&fuzz);
	return 0;
}
