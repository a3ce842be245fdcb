/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ICMP errors of the gateway's own about packets it can not pass on (I-29 to I-32,
 * tests/vectors/gateway_errors.csv), and the token buckets that limit them (K-11, X-14).
 *
 * Which error belongs to which outcome stands in outcome.h; here is how it is made: it quotes the
 * packet as received, up to 1280 or 576 bytes in all (I-26), copies the DSCP, and is never about an
 * ICMP error, a later fragment, or a source that is not one unicast node.
 *
 * Errors are mostly about packets that packet_parse() refused half-way. Of these only data and size
 * can be trusted, so nothing else of the view is used here but the mark; and as the quote is of the
 * bytes at data, an error is built before the packet is rewritten (T-25).
 */
#pragma once

#include "daemon/core/emit.h"
#include "daemon/core/siphash.h"
#include "daemon/core/token_bucket.h"

/* The buckets: a fixed table by keyed hash of the client prefix, so memory is bounded; two prefixes
 * in one bucket share it. */
#define ICMP_LIMIT_BUCKETS 1024

struct icmp_limit_config {
	uint32_t rate; /* errors a second for each client prefix; 0 = none behind the burst */
	uint32_t burst;
	uint32_t rate_total; /* and in all; 0 = none are sent */
	uint8_t client_prefix_length;
};

struct icmp_limit {
	struct icmp_limit_config config; /* may be replaced at any time */
	struct siphash_key key;
	struct token_bucket total[2]; /* other errors; Packet Too Big and 3/4 */
	struct token_bucket bucket[2][ICMP_LIMIT_BUCKETS];
};

void icmp_limit_init(struct icmp_limit *limit, const struct icmp_limit_config *config,
		     const struct siphash_key *key);

/*
 * May an error be sent to this receiver now? Takes the tokens, of the client's prefix (for IPv4:
 * the receiver's /24) and of all together. Errors about size have buckets of their own, ten times
 * as large and as fast.
 */
bool icmp_limit_allow6(struct icmp_limit *limit, const struct addr6 *to, bool size,
		       uint64_t now_ms);
bool icmp_limit_allow4(struct icmp_limit *limit, uint32_t to, bool size, uint64_t now_ms);

/*
 * May this error be sent about this packet (I-29, I-30)? What can not be judged because the packet
 * is cut short is not answered.
 */
bool icmp_error_permitted(const struct packet *about, uint8_t type, uint8_t code);

/* Only about what is permitted. field: bytes 4 to 7 of the ICMPv6 header (MTU, pointer), or 0. */
void icmp_error6_build(const struct packet *about, const struct addr6 *src, uint8_t type,
		       uint8_t code, uint32_t field, struct out *out);
/* mtu: for 3/4, else 0. ip4_id: Identification of the error. */
void icmp_error4_build(const struct packet *about, uint32_t src, uint8_t type, uint8_t code,
		       uint16_t mtu, uint16_t ip4_id, struct out *out);
