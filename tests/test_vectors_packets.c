/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every row of packets.csv: whole packets through the core, byte by byte. The setup is that of the
 * file: three bindings, and sessions with the peer, made by the file's own first packets.
 */
#include <glib.h>
#include <string.h>

#include "daemon/core/nat64.h"
#include "tests/csv.h"
#include "tests/fake_world.h"
#include "tests/naive.h"

#define BUFFER_SIZE 2048

struct row {
	char *name;
	bool from6;
	GByteArray *in;
	GByteArray *out; /* empty: nothing is forwarded */
	bool ignore[BUFFER_SIZE];
};

/* What a row without output ends as, and the ICMP error that its note promises. */
static const struct {
	const char *name;
	enum outcome outcome;
	uint8_t type;
	uint8_t code;
	uint8_t version; /* of the error; 0 = silent */
	uint32_t pointer;
} refused[] = {
	{"hop_limit_1_6to4", OUTCOME_HOP_LIMIT, 3, 0, 6, 0},
	{"source_in_pref64_6to4", OUTCOME_SOURCE_IN_POOL6, 0, 0, 0, 0},
	{"udp6_zero_checksum_6to4", OUTCOME_UDP6_ZERO_CHECKSUM, 0, 0, 0, 0},
	{"routing_header_sl1_6to4", OUTCOME_ROUTING_HEADER, 4, 0, 6, 43},
	{"source_route_4to6", OUTCOME_SOURCE_ROUTE, 3, 5, 4, 0},
};

static struct fake_world world;
static uint8_t buffer[PACKET_HEADROOM + BUFFER_SIZE];
static uint8_t arena[2 * EMIT_ARENA_PER_PACKET];
static struct out_packet packets[2 * EMIT_PIECES_MAX];

static GByteArray *from_hex(const char *hex)
{
	GByteArray *bytes = g_byte_array_new();

	for (; *hex; hex += 2) {
		uint8_t byte =
			(uint8_t)(g_ascii_xdigit_value(hex[0]) << 4 | g_ascii_xdigit_value(hex[1]));
		g_assert_true(g_ascii_isxdigit(hex[0]) && g_ascii_isxdigit(hex[1]));
		g_byte_array_append(bytes, &byte, 1);
	}
	return bytes;
}

static struct nat64 *gateway(void)
{
	static const uint8_t seed[RANDOM_SEED_SIZE] = "packets.csv";
	static const struct {
		enum protocol protocol;
		struct taddr6 six;
		struct taddr4 four;
	} bindings[] = {
		{PROTOCOL_TCP, {.port = 40000}, {0xcb007107, 51000}},
		{PROTOCOL_UDP, {.port = 40001}, {0xcb007107, 51001}},
		{PROTOCOL_ICMP, {.port = 0x1111}, {0xcb007107, 0x2222}},
	};
	struct addr4_range address = {0xcb007107, 0xcb007107};
	struct pool4_spec spec = {.name = "test",
				  .addresses = &address,
				  .n_addresses = 1,
				  .protocol = {true, true, true},
				  .pool6 = POOL4_ANY_PREFIX};
	struct nat64_limits limits = {100, 100, 10, 1 << 20};
	struct nat64_config config;
	uint32_t id;

	fake_world_init(&world);
	nat64_config_default(&config);
	g_assert_true(prefix6_parse("2001:db8:64::/96", &config.pool6[0]));
	struct nat64_world calls = fake_world_calls(&world);
	struct nat64 *nat = nat64_new(&config, &limits, &calls, seed, 1000);
	g_assert_true(port_ranges_add(&spec.ports, 1024, 65535));
	g_assert_cmpint(pool4_add(nat->pool4, &spec, &id), ==, POOL4_OK);
	pool4_set_state(nat->pool4, id, POOL4_ACTIVE);
	for (unsigned i = 0; i < G_N_ELEMENTS(bindings); i++) {
		struct taddr6 six = bindings[i].six;
		g_assert_true(addr6_parse("2001:db8:1::10", &six.addr));
		g_assert_cmpint(
			nat64_add_static(nat, bindings[i].protocol, &six, &bindings[i].four, 1000),
			==, NAT64_STATIC_OK);
	}
	return nat;
}

static enum outcome receive(struct nat64 *nat, const struct row *row, struct out *out)
{
	struct packet packet = {.data = buffer + PACKET_HEADROOM,
				.size = row->in->len,
				.headroom = PACKET_HEADROOM};

	*out = (struct out){.packet = packets,
			    .capacity = G_N_ELEMENTS(packets),
			    .arena = arena,
			    .arena_size = sizeof(arena)};
	memcpy(packet.data, row->in->data, row->in->len);
	return nat64_receive(nat, &packet, 2000, out);
}

static GByteArray *gather(const struct out_packet *packet)
{
	GByteArray *bytes = g_byte_array_new();

	for (unsigned i = 0; i < packet->n_parts; i++)
		g_byte_array_append(bytes, packet->part[i].base, packet->part[i].size);
	return bytes;
}

static void check_refused(const struct row *row, enum outcome outcome, const struct out *out)
{
	unsigned i = 0;

	while (i < G_N_ELEMENTS(refused) && strcmp(refused[i].name, row->name) != 0)
		i++;
	g_assert_cmpuint(i, <, G_N_ELEMENTS(refused));
	g_assert_cmpstr(outcome_info(outcome)->name, ==, outcome_info(refused[i].outcome)->name);
	g_assert_cmpuint(out->n_packets, ==, refused[i].version != 0);
	if (!refused[i].version)
		return;

	g_autoptr(GByteArray) error = gather(&out->packet[0]);
	const uint8_t *icmp = error->data + (refused[i].version == 6 ? 40 : 20);
	g_assert_true(naive_packet_ok(error->data, error->len));
	g_assert_cmpuint(error->data[0] >> 4, ==, refused[i].version);
	g_assert_cmpuint(icmp[0], ==, refused[i].type);
	g_assert_cmpuint(icmp[1], ==, refused[i].code);
	g_assert_cmpuint(load_be32(icmp + 4), ==, refused[i].pointer);
	g_assert_cmpmem(icmp + 8, row->in->len, row->in->data, row->in->len); /* T-25 */
}

static void check_forwarded(const struct row *row, enum outcome outcome, const struct out *out)
{
	g_assert_cmpstr(outcome_info(outcome)->name, ==, "translated");
	g_assert_cmpuint(out->n_packets, ==, 1);

	g_autoptr(GByteArray) is = gather(&out->packet[0]);
	g_assert_cmpuint(is->len, ==, row->out->len);
	for (guint i = 0; i < is->len; i++)
		if (!row->ignore[i] && is->data[i] != row->out->data[i])
			g_error("%s: byte %u is %02x, not %02x", row->name, i, is->data[i],
				row->out->data[i]);
	if (strcmp(row->name, "udp_bad_checksum_6to4") != 0)
		g_assert_true(naive_packet_ok(is->data, is->len));
}

static void play(gconstpointer data)
{
	const struct row *row = data;
	struct nat64 *nat = gateway();
	struct out out;

	enum outcome outcome = receive(nat, row, &out);
	if (row->out->len)
		check_forwarded(row, outcome, &out);
	else
		check_refused(row, outcome, &out);
	g_assert_true(nat64_check(nat));
	nat64_free(nat);
}

static void row_free(gpointer data)
{
	struct row *row = data;

	g_free(row->name);
	g_byte_array_unref(row->in);
	g_byte_array_unref(row->out);
	g_free(row);
}

/* "4-5,10-11" */
static void read_ignored(const char *text, struct row *row)
{
	g_auto(GStrv) ranges = g_strsplit(text, ",", -1);

	for (char **range = ranges; *range && **range; range++) {
		char *end;
		guint64 first = g_ascii_strtoull(*range, &end, 10);
		guint64 last = *end == '-' ? g_ascii_strtoull(end + 1, NULL, 10) : first;
		for (; first <= last; first++)
			row->ignore[first] = true;
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);

	struct csv *rows = csv_open("packets.csv");
	while (csv_next(rows)) {
		struct row *row = g_new0(struct row, 1);
		row->name = g_strdup(csv_get(rows, "name"));
		row->from6 = strcmp(csv_get(rows, "direction"), "6to4") == 0;
		row->in = from_hex(csv_get(rows, "in_hex"));
		row->out = from_hex(csv_get(rows, "out_hex"));
		read_ignored(csv_get(rows, "ignore_out_bytes"), row);

		g_autofree char *name = g_strdup_printf("/packets.csv/%s", row->name);
		g_test_add_data_func_full(name, row, play, row_free);
	}
	csv_close(rows);
	return g_test_run();
}
