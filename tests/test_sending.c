/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Both ways out for TCP, and from one to the other: the same packets leave, none is lost on the
 * way, and none twice.
 */
#include "daemon/sending.h"

#include <net/if.h>
#include <unistd.h>

#include "tests/far_end.h"
#include "tests/netns.h"

#define DEVICE "nat64d"
#define MARK   0x64000000u
#define MASK   0xff000000u

static const struct {
	uint8_t version;
	const char *src;
	uint32_t payload_size;
	uint16_t segment_size;
} rows[] = {
	{4, "203.0.113.7", 100, 0},          {4, "203.0.113.7", 30000, 1440},
	{4, "192.0.2.1", 64000, 700}, /* more segments than one call sends */
	{6, "2001:db8:64::c633:6407", 1, 0}, {6, "2001:db8:64::c633:6407", 30001, 1220},
};

static struct sending *new_sending(void)
{
	const struct rawsock_config config = {
		.mark = MARK, .mark_mask = MASK, .memory_size = 1 << 20};
	char text[RAWSOCK_TEXT_SIZE];
	struct sending *sending = NULL;

	if (sending_new(&config, &sending, text) < 0)
		g_error("%s", text);
	return sending;
}

static void offer(struct sending *sending)
{
	const struct inject_config config = {
		.device = DEVICE, .mark = MARK, .mark_mask = MASK, .memory_size = 1 << 20};
	char text[INJECT_TEXT_SIZE];
	struct inject *inject = NULL;

	if (inject_new(&config, &inject, text) < 0)
		g_error("%s", text);
	sending_offer(sending, inject);
}

static void assert_no_errors(const struct sending *sending)
{
	for (enum gateway_send_error error = 0; error < N_GATEWAY_SEND_ERRORS; error++)
		g_assert_cmpuint(sending_errors(sending, error), ==, 0);
}

static void assert_sends(struct sending *sending, int far)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		const struct out_packet packet = far_end_make(
			rows[i].version, rows[i].src, rows[i].payload_size, rows[i].segment_size);
		int error[1] = {-1};

		g_assert_cmpuint(sending_send(sending, &packet, 1, error), ==, 0);
		g_assert_cmpint(error[0], ==, 0);
		far_end_check(far, &packet, rows[i].payload_size);
	}
}

/* TCP that comes out of the pair. The device's own numbers have what the kernel says of itself,
 * too. */
static gboolean set_up(int *ret_far)
{
	if (!far_end_set_up(ret_far))
		return FALSE;
	netns_run("nft add table inet count");
	netns_run("nft add counter inet count injected");
	netns_run("nft add chain inet count in { type filter hook prerouting priority -500 ; }");
	netns_run("nft add rule inet count in iifname " DEVICE
		  " meta l4proto tcp counter name injected");
	return TRUE;
}

static guint64 n_injected(void)
{
	g_autofree char *text = NULL;
	const char *number;

	g_assert_true(g_spawn_command_line_sync("nft list counter inet count injected", &text, NULL,
						NULL, NULL));
	number = strstr(text, "packets ");
	g_assert_nonnull(number);
	return g_ascii_strtoull(number + strlen("packets "), NULL, 10);
}

static void test_ways(void)
{
	struct sending *sending;
	int far;

	if (!set_up(&far))
		return;
	sending = new_sending();
	assert_sends(sending, far);
	offer(sending);
	assert_sends(sending, far); /* still by raw sockets */
	g_assert_cmpuint(n_injected(), ==, 0);
	sending_set_way(sending, SENDING_PACKET);
	assert_sends(sending, far);
	g_assert_cmpuint(n_injected(), ==, G_N_ELEMENTS(rows));
	sending_set_way(sending, SENDING_RAW);
	assert_sends(sending, far);
	g_assert_cmpuint(n_injected(), ==, G_N_ELEMENTS(rows));
	assert_no_errors(sending);
	sending_free(sending, false);
	g_assert_cmpuint(if_nametoindex(DEVICE), ==, 0);
	close(far);
}

/* The device is not there any more, in the middle of it. */
static void test_gone(void)
{
	static const char *const commands[] = {"ip link del " DEVICE,
					       "ip link set " DEVICE "-tx down"};
	struct sending *sending;
	int far;

	if (!set_up(&far))
		return;
	sending = new_sending();
	for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++) {
		offer(sending);
		sending_set_way(sending, SENDING_PACKET);
		assert_sends(sending, far);
		g_assert_cmpint(sending_way(sending), ==, SENDING_PACKET);
		netns_run("%s", commands[i]);
		assert_sends(sending, far);
		g_assert_cmpint(sending_way(sending), ==, SENDING_RAW);
	}
	/* Anew. */
	offer(sending);
	sending_set_way(sending, SENDING_PACKET);
	assert_sends(sending, far);
	g_assert_cmpint(sending_way(sending), ==, SENDING_PACKET);
	g_assert_cmpuint(n_injected(), >=, G_N_ELEMENTS(rows));
	assert_no_errors(sending);
	sending_free(sending, true);
	g_assert_cmpuint(if_nametoindex(DEVICE), !=, 0);
	close(far);
}

/* One that has no route is refused, by name; what stands beside it is sent, and only once, also
 * while the device goes. */
static void test_refused(void)
{
	struct out_packet packets[3];
	uint8_t bytes[2000];
	int error[3];
	struct sending *sending;
	int far;

	if (!set_up(&far))
		return;
	netns_run("ip route add 192.0.2.50 dev out");
	netns_run("nft add table inet f");
	netns_run("nft add chain inet f out { type filter hook output priority 0 ; }");
	netns_run("nft add rule inet f out ip saddr 203.0.113.66 drop");
	sending = new_sending();
	offer(sending);
	sending_set_way(sending, SENDING_PACKET);
	assert_sends(sending, far);
	netns_run("ip link del " DEVICE);
	packets[0] = far_end_make(4, "203.0.113.7", 100, 0);
	packets[1] = packets[0];
	packets[1].is_tcp = false; /* goes by raw sockets in any case */
	packets[1].unfinished = false;
	packets[2] = packets[0];
	g_assert_cmpuint(sending_send(sending, packets, 3, error), ==, 0);
	for (unsigned i = 0; i < 3; i++)
		g_assert_cmpint(error[i], ==, 0);
	/* One of the three has a checksum that nobody has finished. */
	g_assert_cmpuint(far_end_receive_any(far, bytes, sizeof(bytes)), ==, 140);
	g_assert_cmpuint(far_end_receive(far, bytes, sizeof(bytes)), ==, 140);
	g_assert_cmpuint(far_end_receive(far, bytes, sizeof(bytes)), ==, 140);
	packets[0] = far_end_make(4, "203.0.113.66", 3000, 1000);
	g_assert_cmpuint(sending_send(sending, packets, 1, error), ==, 3);
	g_assert_cmpint(error[0], <, 0);
	g_assert_cmpuint(sending_errors(sending, GATEWAY_SEND_FIREWALL), ==, 3);
	sending_free(sending, false);
	close(far);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/sending/ways", test_ways);
	g_test_add_func("/sending/gone", test_gone);
	g_test_add_func("/sending/refused", test_refused);
	return g_test_run();
}
