/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Clients of a running service that ask too much, for scripts (netns/bus.sh).
 *
 * usage: bus_flood parallel|flood|unread ADDRESS SERVICE
 * parallel: 50 clients at once, 200 calls each
 * flood:    one client, 100 000 calls, as many under way as the bus lets it
 * unread:   one client that asks for as long as it can, reads nothing, and stays until its input
 * ends
 *
 * SERVICE "" is for a control socket. Ends with 1 if a call is not answered as it should be.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "dbus/names.h"

#define WAIT_USEC 60000000

struct client {
	sd_bus *bus;
	const char *service;
	unsigned n_left, n_under_way, n_failed;
};

static void check(int r, const char *what)
{
	if (r >= 0)
		return;
	(void)fprintf(stderr, "bus_flood: %s: %s\n", what, strerror(-r));
	exit(1);
}

static void client_open(struct client *client, const char *address, const char *service,
			unsigned n_calls)
{
	*client = (struct client){.service = *service != '\0' ? service : NULL, .n_left = n_calls};
	check(sd_bus_new(&client->bus), "sd_bus_new");
	check(sd_bus_set_address(client->bus, address), address);
	check(sd_bus_set_bus_client(client->bus, *service != '\0'), address);
	check(sd_bus_start(client->bus), address);
}

static int on_reply(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	struct client *client = userdata;
	const sd_bus_error *failed = sd_bus_message_get_error(reply);

	client->n_under_way--;
	if (failed == NULL)
		return 0;
	client->n_failed++;
	(void)fprintf(stderr, "bus_flood: %s: %s\n", failed->name, failed->message);
	return 0;
}

static void client_fill(struct client *client, unsigned n_at_once)
{
	while (client->n_left > 0 && client->n_under_way < n_at_once) {
		/* What costs the daemon next to nothing: it is the number that counts. */
		check(sd_bus_call_method_async(client->bus, NULL, client->service, DBUS_PATH,
					       "org.freedesktop.DBus.Properties", "Get", on_reply,
					       client, "ss", DBUS_INTERFACE_MANAGER, "Version"),
		      "call");
		client->n_left--;
		client->n_under_way++;
	}
}

/* Keeps so many calls under way; false once all are answered. */
static bool client_step(struct client *client, unsigned n_at_once)
{
	int r;

	do {
		client_fill(client, n_at_once);
		r = sd_bus_process(client->bus, NULL);
		check(r, "answer");
	} while (r > 0);
	return client->n_under_way > 0;
}

static int run(struct client *clients, unsigned n_clients, unsigned n_at_once)
{
	unsigned n_failed = 0;

	for (unsigned i = 0; i < n_clients; i++) {
		struct client *client = &clients[i];

		/* In turn, so that all have calls under way. */
		while (client_step(client, n_at_once)) {
			for (unsigned j = 0; j < n_clients; j++)
				(void)client_step(&clients[j], n_at_once);
			if (client->n_under_way > 0)
				check(sd_bus_wait(client->bus, WAIT_USEC), "answer");
		}
	}
	for (unsigned i = 0; i < n_clients; i++) {
		n_failed += clients[i].n_failed;
		sd_bus_flush_close_unref(clients[i].bus);
	}
	return n_failed > 0;
}

/* Writes calls, until the kernel has taken no more of them for half a second. */
static int leave_unread(const char *address, const char *service)
{
	struct client client;
	struct pollfd writable = {.events = POLLOUT};
	unsigned n = 0;
	char end;

	client_open(&client, address, service, 0);
	check(sd_bus_call_method(client.bus, client.service, DBUS_PATH, DBUS_INTERFACE_MANAGER,
				 "GetStatistics", NULL, NULL, NULL),
	      "GetStatistics");
	writable.fd = sd_bus_get_fd(client.bus);
	while (n < 4000 && poll(&writable, 1, 500) > 0) {
		sd_bus_message *call = NULL;

		if (writable.revents & (POLLHUP | POLLERR))
			break;
		check(sd_bus_message_new_method_call(client.bus, &call, client.service, DBUS_PATH,
						     DBUS_INTERFACE_MANAGER, "GetStatistics"),
		      "call");
		if (sd_bus_send(client.bus, call, NULL) < 0) {
			sd_bus_message_unref(call);
			break;
		}
		sd_bus_message_unref(call);
		n++;
	}
	(void)printf("%u calls sent\n", n);
	(void)fflush(stdout);
	while (read(STDIN_FILENO, &end, 1) > 0)
		continue;
	sd_bus_close_unref(client.bus);
	return 0;
}

int main(int argc, char **argv)
{
	struct client clients[50];
	unsigned n_clients;

	if (argc != 4) {
		(void)fprintf(stderr, "usage: bus_flood parallel|flood|unread ADDRESS SERVICE\n");
		return 2;
	}
	if (strcmp(argv[1], "unread") == 0)
		return leave_unread(argv[2], argv[3]);
	n_clients = strcmp(argv[1], "parallel") == 0 ? 50 : 1;
	for (unsigned i = 0; i < n_clients; i++)
		client_open(&clients[i], argv[2], argv[3], n_clients == 50 ? 200 : 100000);
	return run(clients, n_clients, n_clients == 50 ? 10 : 100);
}
