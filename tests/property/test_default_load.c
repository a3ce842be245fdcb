/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A household or small office behind the default configuration: one address shared with the host,
 * of which pool4 has the ports that the host does not use itself, and 100 hosts in one /64. For 15
 * minutes each opens a UDP flow every second, every other one to a DNS server, and a TCP connection
 * every two seconds, which is closed by both sides. Nothing is refused, and there is no alarm.
 */
#include <glib.h>
#include <netinet/tcp.h>

#include "tests/craft.h"
#include "tests/gateway_fixture.h"

#define N_HOSTS   100
#define N_SECONDS 900
#define EPHEMERAL 32768 /* from here on hosts take their ports in turn */
#define POOL4     "203.0.113.1"
#define AUTO      "1024-32767 61000-65535" /* P-18 with Linux's own ip_local_port_range */
#define SERVER    "198.51.100.7"

static struct gateway_fixture *gateway;
static uint64_t now_ms = FIXTURE_START_MS;

static uint16_t next_port(unsigned host)
{
	static uint16_t last[N_HOSTS];

	last[host] = (uint16_t)((last[host] + 1) % (61000 - EPHEMERAL));
	return (uint16_t)(EPHEMERAL + last[host]);
}

static struct taddr6 client(unsigned host, uint16_t port)
{
	struct taddr6 taddr = taddr6_of("[2001:db8:1::]:1");

	taddr.addr.byte[15] = (uint8_t)(host + 1);
	taddr.port = port;
	return taddr;
}

static void open_udp(unsigned host, unsigned second)
{
	struct taddr6 src = client(host, next_port(host));
	struct taddr4 dst = taddr4_of(SERVER ":443");

	if ((host + second) % 2)
		dst.port = 53;
	g_assert_cmpstr(outcome_info(gateway_udp6(gateway, &src, &dst, now_ms))->name, ==,
			"translated");
}

static void send_tcp(const struct craft *what)
{
	static struct craft_buffer buffer;
	struct packet packet = craft_packet(&buffer, what);

	out_clear(&gateway->out);
	g_assert_cmpstr(
		outcome_info(nat64_receive(gateway->nat, &packet, now_ms, &gateway->out))->name, ==,
		"translated");
}

static void send_tcp6(const char *src, uint16_t port, uint8_t flags)
{
	send_tcp(&(struct craft){.version = 6,
				 .protocol = IPPROTO_TCP,
				 .src = src,
				 .dst = "2001:db8:64::" SERVER,
				 .src_port = port,
				 .dst_port = 443,
				 .tcp_flags = flags});
}

static void send_tcp4(uint16_t port, uint8_t flags)
{
	send_tcp(&(struct craft){.version = 4,
				 .protocol = IPPROTO_TCP,
				 .src = SERVER,
				 .dst = POOL4,
				 .src_port = 443,
				 .dst_port = port,
				 .tcp_flags = flags});
}

static void use_tcp(unsigned host)
{
	uint16_t port = next_port(host), mapped;
	struct taddr6 src = client(host, port);
	char text[ADDR_TEXT_SIZE];

	(void)addr6_print(&src.addr, text);
	send_tcp6(text, port, TH_SYN);
	mapped = gateway_sent_src4(gateway).port;
	send_tcp4(mapped, TH_SYN | TH_ACK);
	send_tcp6(text, port, TH_ACK);
	send_tcp6(text, port, TH_FIN | TH_ACK);
	send_tcp4(mapped, TH_FIN | TH_ACK);
}

static void test_no_refusal(void)
{
	struct nat64_limits limits = {1000000, 2000000, 1024, 16 << 20}; /* the defaults */
	const struct pool4_entry *entry;
	struct event event;

	gateway = gateway_new(POOL4, AUTO, &limits);
	for (unsigned second = 0; second < N_SECONDS; second++, now_ms += 1000) {
		for (unsigned host = 0; host < N_HOSTS; host++) {
			open_udp(host, second);
			if ((host + second) % 2)
				use_tcp(host);
		}
		while (!nat64_expire(gateway->nat, now_ms, 1000, &gateway->out))
			;
		g_assert_false(event_next(&gateway->nat->events, &event));
	}
	entry = pool4_entry(gateway->nat->pool4, gateway->pool4);
	g_test_message(
		"of %u ports at most %u used for UDP and %u for TCP; %u held UDP ports reused",
		(unsigned)entry->n_ports[PROTOCOL_UDP], (unsigned)entry->n_peak[PROTOCOL_UDP],
		(unsigned)entry->n_peak[PROTOCOL_TCP], (unsigned)entry->n_reused[PROTOCOL_UDP]);
	g_assert_cmpuint(entry->n_peak[PROTOCOL_UDP], >=, N_HOSTS * 157);
	g_assert_cmpuint(entry->n_peak[PROTOCOL_TCP], >=, N_HOSTS * 120);
	g_assert_cmpuint(entry->n_refused[PROTOCOL_UDP] + entry->n_refused[PROTOCOL_TCP], ==, 0);
	gateway_free(gateway);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/property/default_load/no_refusal", test_no_refusal);
	return g_test_run();
}
