/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Plays packets through the core, for differential.py to compare what comes out.
 *
 * Lines on standard input, answered in order by one line each but for the first two kinds:
 *
 *   prefix PREFIX                    one more prefix of Pool6
 *   bind PROTOCOL [ADDR6]:PORT ADDR4:PORT
 *   packet FIRST MTU6 MTU4 HEX       -> outcome, and each packet sent in hexadecimal
 *
 * Every packet meets a gateway of its own, so that none depends on those before: the static
 * bindings, all prefixes with number FIRST in front, pool4 203.0.113.0/29 with all ports.
 */
#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "tests/gateway_fixture.h"

#define BINDINGS_MAX 64
#define PACKET_MAX   65535
#define ALIGNMENTS   8 /* packets begin at any address: they are read byte by byte */

struct binding {
	enum protocol protocol;
	struct taddr6 taddr6;
	struct taddr4 taddr4;
};

static struct prefix6 pool6[NAT64_POOL6_MAX];
static unsigned n_pool6;
static struct binding bindings[BINDINGS_MAX];
static unsigned n_bindings;
static uint8_t buffer[PACKET_HEADROOM + ALIGNMENTS + PACKET_MAX];

static void add_binding(const char *text)
{
	struct binding *binding = &bindings[n_bindings++];
	char protocol[8], side6[64], side4[64];

	g_assert_cmpuint(n_bindings, <=, BINDINGS_MAX);
	g_assert_cmpint(sscanf(text, "%7s %63s %63s", protocol, side6, side4), ==, 3);
	binding->protocol = strcmp(protocol, "tcp") == 0   ? PROTOCOL_TCP
			    : strcmp(protocol, "udp") == 0 ? PROTOCOL_UDP
							   : PROTOCOL_ICMP;
	binding->taddr6 = taddr6_of(side6);
	binding->taddr4 = taddr4_of(side4);
}

static struct gateway_fixture *new_gateway(unsigned first, uint32_t mtu6, uint32_t mtu4)
{
	struct gateway_fixture *gateway = gateway_new("203.0.113.0/29", "1-65535", NULL);
	struct nat64_config config = gateway->nat->config;

	gateway->world.mtu6 = mtu6;
	gateway->world.mtu4 = mtu4;
	for (unsigned i = 0; i < n_pool6; i++)
		config.pool6[i] = pool6[(first + i) % n_pool6];
	config.clients_any = true;
	nat64_set_config(gateway->nat, &config);
	for (unsigned i = 0; i < n_bindings; i++)
		g_assert_cmpint(nat64_add_static(gateway->nat, bindings[i].protocol,
						 &bindings[i].taddr6, &bindings[i].taddr4,
						 FIXTURE_START_MS),
				==, NAT64_STATIC_OK);
	return gateway;
}

static uint32_t read_hex(const char *text, uint8_t *ret, uint32_t capacity)
{
	uint32_t size = 0;

	for (; g_ascii_isxdigit(text[0]); text += 2) {
		g_assert_cmpuint(size, <, capacity);
		ret[size++] = (uint8_t)(g_ascii_xdigit_value(text[0]) << 4 |
					g_ascii_xdigit_value(text[1]));
	}
	return size;
}

static void print_hex(const struct out_packet *packet)
{
	putchar(' ');
	for (unsigned part = 0; part < packet->n_parts; part++)
		for (uint32_t i = 0; i < packet->part[part].size; i++)
			printf("%02x", packet->part[part].base[i]);
}

static void play(const char *text)
{
	static unsigned n_packets;
	uint8_t *data = buffer + PACKET_HEADROOM + n_packets++ % ALIGNMENTS;
	unsigned first, mtu6, mtu4;
	int hex = 0;

	g_assert_cmpint(sscanf(text, "%u %u %u %n", &first, &mtu6, &mtu4, &hex), ==, 3);
	struct packet packet = {
		.data = data,
		.size = read_hex(text + hex, data, PACKET_MAX),
		.headroom = PACKET_HEADROOM,
	};
	struct gateway_fixture *gateway = new_gateway(first, mtu6, mtu4);
	enum outcome outcome =
		nat64_receive(gateway->nat, &packet, FIXTURE_START_MS, &gateway->out);

	fputs(outcome_info(outcome)->name, stdout);
	for (uint32_t i = 0; i < gateway->out.n_packets; i++)
		print_hex(&gateway->out.packet[i]);
	putchar('\n');
	gateway_free(gateway);
}

int main(void)
{
	static char line[2 * PACKET_MAX + 128];

	while (fgets(line, sizeof(line), stdin)) {
		g_strchomp(line);
		if (g_str_has_prefix(line, "prefix ")) {
			g_assert_cmpuint(n_pool6, <, NAT64_POOL6_MAX);
			g_assert_true(prefix6_parse(line + 7, &pool6[n_pool6++]));
		} else if (g_str_has_prefix(line, "bind ")) {
			add_binding(line + 5);
		} else {
			g_assert_true(g_str_has_prefix(line, "packet "));
			play(line + 7);
		}
	}
	return 0;
}
