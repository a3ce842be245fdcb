/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A pool4 whose ports are held, and clients with numbers that take them and leave them. */
#pragma once

#include "daemon/core/pool4_hold.h"

#define HOLD_NOW 1000000u
#define HOLD_MS  120000u
/* The clock of holds, and the wheel's. */
#define HOLD_SLACK_MS 512u

/* HOLD_MS for UDP and ICMP, and as many as there are. */
extern const struct pool4_policy hold_all_of_it;

struct pool4 *hold_new_pool(const struct pool4_policy *policy);
uint64_t hold_hash_of(unsigned client);

struct hold_taken {
	struct taddr4 taddr;
	uint32_t id;
	unsigned client;
	enum protocol protocol;
};

/* These end the test if the pool is not sound afterwards.
 *
 * For a client with this number, in 2001:db8:1::/48 if it is 100 or more. */
enum pool4_result hold_take_paired(struct pool4 *pool, enum protocol protocol, unsigned client,
				   uint16_t port6, uint32_t paired4, struct hold_taken *ret);
/* A UDP port, which there is; for port 5000, or another one. */
struct hold_taken hold_take(struct pool4 *pool, unsigned client);
struct hold_taken hold_take_from(struct pool4 *pool, unsigned client, uint16_t port6);
void hold_retire(struct pool4 *pool, const struct hold_taken *taken, uint64_t now_ms);
void hold_expire(struct pool4 *pool, uint64_t now_ms);

/* Of UDP, of this entry. */
uint64_t hold_n_held(struct pool4 *pool, uint32_t id);
uint64_t hold_n_reused(struct pool4 *pool, uint32_t id);
