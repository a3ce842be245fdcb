/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A pool4 by itself, whose entries and requests are written as text. What does not parse ends the
 * test; what the pool says comes back.
 */
#pragma once

#include "daemon/core/pool4.h"

/* Of the pool's hashes. */
extern const struct siphash_key pool4_fixture_key;

/* Empty, with parity and without holds. */
struct pool4 *pool4_fixture_new(void);

/* An entry; clients, with spaces between, and name may be NULL. */
struct pool4_written {
	const char *name;
	const char *addresses;
	const char *ports;
	const char *clients;
	int pool6;
	bool overflow;
	bool tcp_only;
};

/* Pending. */
enum pool4_result pool4_fixture_add_spec(struct pool4 *pool, const struct pool4_written *written,
					 uint32_t *ret_id);
/* For all clients, or for these; active. The id. */
uint32_t pool4_fixture_add(struct pool4 *pool, const char *addresses, const char *ports);
uint32_t pool4_fixture_add_for(struct pool4 *pool, const char *addresses, const char *ports,
			       const char *clients, int pool6, bool overflow);

uint32_t pool4_fixture_addr4(const char *text);

/* A request; port6 0: 5000. */
struct pool4_asked {
	enum protocol protocol;
	const char *client; /* NULL: 2001:db8::1 */
	int pool6;
	uint16_t port6;
	uint32_t paired4;
	uint64_t hash;
};

enum pool4_result pool4_fixture_take_full(struct pool4 *pool, struct pool4_asked take,
					  struct taddr4 *ret, uint32_t *ret_id);
enum pool4_result pool4_fixture_take(struct pool4 *pool, struct pool4_asked what,
				     struct taddr4 *ret);
enum pool4_result pool4_fixture_take_exactly(struct pool4 *pool, enum protocol protocol,
					     const char *addr, uint16_t port, uint32_t *ret_id);
