/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Load for tools/bench pool4 --bus: adds entries of one address each to nat64d on the system bus or
 * its control socket, of which no two touch, so that nothing can be summarised. Up to a window of
 * calls is on its way at a time. Prints the seconds from the first call to the last answer, which
 * comes when the kernel's rules have the entry.
 */
#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-bus.h>
#include <time.h>

#include "dbus/names.h"

#define FIRST_ADDRESS 0xc6120000u /* 198.18.0.0, RFC 2544 */
#define N_MAX         65536u

struct run {
	sd_bus *bus;
	unsigned n_calls;
	unsigned window;
	unsigned n_sent;
	unsigned n_done;
	unsigned n_failed;
};

static double now_s(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int on_reply(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct run *run = userdata;
	const sd_bus_error *refused = sd_bus_message_get_error(message);

	run->n_done++;
	if (refused && run->n_failed++ == 0)
		fprintf(stderr, "AddPool4: %s\n", refused->message);
	return 0;
}

static int send_one(struct run *run)
{
	unsigned address = FIRST_ADDRESS + 2 * run->n_sent++;
	char text[16];

	(void)snprintf(text, sizeof(text), "%u.%u.%u.%u", address >> 24, address >> 16 & 0xff,
		       address >> 8 & 0xff, address & 0xff);
	return sd_bus_call_method_async(run->bus, NULL, DBUS_SERVICE, DBUS_PATH,
					DBUS_INTERFACE_MANAGER, "AddPool4", on_reply, run,
					"sssa{sv}", text, "", "", 0);
}

/* address NULL: the system bus. */
static int open_bus(const char *address, sd_bus **ret)
{
	int r;

	if (!address)
		return sd_bus_open_system(ret);
	r = sd_bus_new(ret);
	if (r >= 0)
		r = sd_bus_set_address(*ret, address);
	return r < 0 ? r : sd_bus_start(*ret);
}

static int add_all(struct run *run)
{
	int r = 0;

	while (r >= 0 && run->n_done < run->n_calls) {
		while (r >= 0 && run->n_sent < run->n_calls &&
		       run->n_sent - run->n_done < run->window)
			r = send_one(run);
		if (r >= 0)
			r = sd_bus_process(run->bus, NULL);
		if (r == 0)
			r = sd_bus_wait(run->bus, UINT64_MAX);
	}
	return r;
}

int main(int argc, char **argv)
{
	struct run run = {
		.n_calls = argc >= 3 ? (unsigned)strtoul(argv[1], NULL, 10) : 0,
		.window = argc >= 3 ? (unsigned)strtoul(argv[2], NULL, 10) : 0,
	};
	double start_s = now_s();
	int r;

	if (run.n_calls == 0 || run.n_calls > N_MAX || run.window == 0) {
		fprintf(stderr, "usage: bench_bus ENTRIES CALLS_AT_A_TIME [ADDRESS]\n");
		return 2;
	}
	r = open_bus(argc > 3 ? argv[3] : NULL, &run.bus);
	if (r >= 0)
		r = sd_bus_set_method_call_timeout(run.bus,
						   UINT64_MAX); /* the time is the result */
	if (r >= 0)
		r = add_all(&run);
	sd_bus_close_unref(run.bus);
	if (r < 0 || run.n_failed > 0) {
		fprintf(stderr, "%u of %u calls failed, %s\n", run.n_failed, run.n_done,
			r < 0 ? "and the bus with them" : "the bus is well");
		return 1;
	}
	printf("%.1f\n", now_s() - start_s);
	return 0;
}
