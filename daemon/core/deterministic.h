/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Deterministic NAT (RFC 7422, 2; P-20): which IPv4 address and ports a client has, computed from
 * its prefix alone, and back again. So nothing needs to be logged to know who had a port.
 *
 * Theory of operation. The clients are numbered in the order of the prefixes they are in, the
 * addresses and the ports in the order of their ranges. Each address is for the same number of
 * clients, one after the other (RFC 7422's algorithm 0, sequential, without a dynamic pool), and
 * each of them has the same number of its ports. What is left of the ports after that is not used,
 * nor are the last addresses if there are more than clients.
 */
#pragma once

#include "daemon/core/addr4_ranges.h"
#include "daemon/core/ports.h"

/* Holds every sentence of deterministic_init(). */
#define DETERMINISTIC_ERROR_SIZE 256

struct deterministic {
	/* Of what it is made. They belong to the caller and stay while this is in use. */
	const struct prefix6 *clients; /* none in another */
	uint32_t n_prefixes;
	uint8_t client_length;               /* of the prefix that is one client */
	const struct addr4_range *addresses; /* merged */
	uint32_t n_ranges;
	const struct port_ranges *ports;

	/* What follows from it. */
	uint64_t n_clients;
	uint32_t clients_each; /* of one address */
	uint32_t ports_each;   /* of one client */
};

/* Fills in what follows. One clause that says why it cannot work, with the numbers, in error; else
 * NULL. */
const char *deterministic_init(struct deterministic *map, char error[DETERMINISTIC_ERROR_SIZE]);

/* Function 1: the address and ports of the client that addr belongs to. False if it is none. */
bool deterministic_range(const struct deterministic *map, const struct addr6 *addr,
			 uint32_t *ret_addr, struct port_ranges *ret_ports);

/* Function 2: the client that has this. False if nobody has. */
bool deterministic_client(const struct deterministic *map, const struct taddr4 *taddr,
			  struct prefix6 *ret);
