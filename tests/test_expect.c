/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <glib.h>
#include <string.h>

#include "daemon/core/expect.h"
#include "tests/craft.h"
#include "tests/gateway_fixture.h"

#define N_CLIENTS (EXPECT_BINDINGS_MIN + 100)

static const struct taddr4 server = {0xc6336414, 53};

static struct taddr6 client(uint32_t n)
{
	struct taddr6 ret = {craft_addr6("2001:db8:1::"), 5000};

	store_be32(ret.addr.byte + 12, n);
	return ret;
}

/* With so many bindings of UDP, each of another client. */
static struct gateway_fixture *with_bindings(uint32_t n)
{
	const struct nat64_limits limits = {2 * N_CLIENTS, 2 * N_CLIENTS, 16, 1 << 20};
	struct gateway_fixture *gateway = gateway_new("203.0.113.0/24", "1024-65535", &limits);

	for (uint32_t i = 0; i < n; i++) {
		const struct taddr6 from = client(i);

		g_assert_cmpint(gateway_udp6(gateway, &from, &server, FIXTURE_START_MS), ==,
				OUTCOME_TRANSLATED);
	}
	return gateway;
}

static struct expected expect(const struct gateway_fixture *gateway, const struct packet *packet)
{
	struct expected expected;

	expect_packet(gateway->nat, packet, &expected);
	expect_entry(&expected);
	expect_session(gateway->nat, &expected);
	return expected;
}

static struct expected expect_crafted(const struct gateway_fixture *gateway,
				      const struct craft *what)
{
	struct craft_buffer buffer;
	struct packet packet = craft_packet(&buffer, what);

	return expect(gateway, &packet);
}

/* A look-up by this hash would find the binding. */
static void assert_leads_to(const struct expected *expected, const struct bib *bib,
			    uint32_t binding)
{
	uint32_t index;

	g_assert_nonnull(expected->table);
	g_assert_cmpint(expected->protocol, ==, PROTOCOL_UDP);
	index = hash_index_first(expected->table, expected->hash);
	while (index != SLAB_NONE && index != binding)
		index = expected->table == &bib->by6 ? bib_at(bib, index)->next6
						     : bib_at(bib, index)->next4;
	g_assert_cmpuint(index, ==, binding);
}

/* What is expected is what is then looked up, on both sides. */
static void test_looked_up(void)
{
	struct gateway_fixture *gateway = with_bindings(N_CLIENTS);
	const struct bib *bib = &gateway->nat->bib[PROTOCOL_UDP];

	for (uint32_t i = 0; i < N_CLIENTS; i += 97) {
		const struct taddr6 from = client(i);
		const uint32_t binding = bib_find6(bib, &from);
		const struct bib_entry *entry = bib_at(bib, binding);
		g_autofree char *client_text =
			g_strdup_printf("2001:db8:1::%x:%x", i >> 16, i & 0xffff);
		g_autofree char *mapped_text = g_strdup_printf("203.0.113.%u", entry->addr4 & 255);
		struct expected expected = expect_crafted(
			gateway,
			&(struct craft){.version = 6, .src = client_text, .src_port = 5000});

		assert_leads_to(&expected, bib, binding);
		expected = expect_crafted(gateway, &(struct craft){.version = 4,
								   .dst = mapped_text,
								   .dst_port = entry->port4});
		assert_leads_to(&expected, bib, binding);
	}
	gateway_free(gateway);
}

/* Of a small table nothing, nor of another protocol's that is empty. */
static void test_small(void)
{
	struct gateway_fixture *gateway = with_bindings(EXPECT_BINDINGS_MIN - 1);
	struct gateway_fixture *large = with_bindings(EXPECT_BINDINGS_MIN);
	const struct craft udp = {.version = 6, .src_port = 5000};
	const struct craft tcp = {.version = 6, .protocol = IPPROTO_TCP, .src_port = 5000};
	const struct craft later = {.version = 4, .fragment_offset = 1480, .payload_size = 64};
	struct expected expected = expect_crafted(gateway, &udp);

	g_assert_null(expected.table);
	expected = expect_crafted(large, &udp);
	g_assert_nonnull(expected.table);
	expected = expect_crafted(large, &tcp);
	g_assert_null(expected.table);
	expected = expect_crafted(large, &later);
	g_assert_null(expected.table);
	gateway_free(gateway);
	gateway_free(large);
}

/* Packets cut anywhere, in exactly as much memory as they have, and bytes of any kind. */
static void test_hostile(void)
{
	struct gateway_fixture *gateway = with_bindings(N_CLIENTS);
	const struct craft whole[] = {
		{.version = 6},
		{.version = 4},
		{.version = 6, .protocol = IPPROTO_ICMPV6, .icmp_type = 128},
		{.version = 4, .protocol = IPPROTO_ICMP, .icmp_type = 8},
		{.version = 4, .extra = "01010101"},
		{.version = 6, .fragment_header = true, .payload_size = 8},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(whole); i++) {
		struct craft_buffer buffer;
		const struct packet packet = craft_packet(&buffer, &whole[i]);

		for (uint32_t size = 0; size <= packet.size; size++) {
			g_autofree uint8_t *data = g_memdup2(packet.data, size);
			const struct packet cut = {.data = data, .size = size};

			(void)expect(gateway, &cut);
		}
	}
	for (uint32_t i = 0; i < 100000; i++) {
		const uint32_t size = (uint32_t)g_test_rand_int_range(1, 80);
		g_autofree uint8_t *data = g_malloc(size);
		const struct packet any = {.data = data, .size = size};

		for (uint32_t j = 0; j < size; j++)
			data[j] = (uint8_t)g_test_rand_int();
		data[0] = (uint8_t)((i % 2 ? 0x40 : 0x60) | (data[0] & 15));
		(void)expect(gateway, &any);
	}
	g_assert_cmpuint(nat64_n_bindings(gateway->nat), ==, N_CLIENTS);
	gateway_free(gateway);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/expect/looked_up", test_looked_up);
	g_test_add_func("/expect/small", test_small);
	g_test_add_func("/expect/hostile", test_hostile);
	return g_test_run();
}
