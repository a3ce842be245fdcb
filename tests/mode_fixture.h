/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A pool4 that hands out ports in another way than one by one (P-19, P-20). */
#pragma once

#include "daemon/core/pool4.h"

/* Of the pool's hashes. */
extern const struct siphash_key mode_fixture_key;

/* Empty, and with holds. */
struct pool4 *mode_fixture_new(const struct pool4_allocation *allocation, bool parity);
/* An active entry; clients with spaces between. */
enum pool4_result mode_fixture_add(struct pool4 *pool, const char *addresses, const char *ports,
				   const char *clients, uint32_t *ret);
struct addr6 mode_fixture_addr6(const char *text);
/* The clients are /64. */
enum pool4_result mode_fixture_take(struct pool4 *pool, enum protocol protocol,
				    const struct addr6 *client, uint16_t port6, struct taddr4 *ret,
				    uint32_t *ret_id);
