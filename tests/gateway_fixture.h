/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A whole NAT64 in a fake world, for tests of single modules above the tables: Pool6
 * 2001:db8:64::/96, one entry of pool4 as the test says, a fixed seed, and memory for what is sent.
 */
#pragma once

#include "daemon/core/decision.h"
#include "daemon/core/nat64.h"
#include "tests/fake_world.h"

#define FIXTURE_START_MS 1000000

struct gateway_fixture {
	struct nat64 *nat;
	struct nat64_lane *lane; /* where packets come as if there were several threads; or NULL */
	struct fake_world world;
	uint32_t pool4; /* id of the entry */
	struct out out;
	struct out_packet packets[4 * EMIT_PIECES_MAX];
	uint8_t arena[4 * EMIT_ARENA_PER_PACKET];
};

/* addresses and ports as in a configuration; limits NULL: 1000, 2000, 16, 1 MiB. Free with
 * gateway_free().
 */
struct gateway_fixture *gateway_new(const char *addresses, const char *ports,
				    const struct nat64_limits *limits);
/* One that is told more. */
struct gateway_options {
	const char *addresses, *ports;
	const struct nat64_limits *limits; /* NULL: as above */
	uint64_t now_ms;                   /* when it begins */
	const char *clients; /* the only prefix that the entry is for; NULL: for everybody */
	uint32_t retention_s;
	bool in_lane; /* packets come as where there are several threads */
};
struct gateway_fixture *gateway_new_with(const struct gateway_options *options);
void gateway_free(struct gateway_fixture *gateway);

/* Plain UDP packets with right checksums through nat64_receive(); out is emptied before.
 */
enum outcome gateway_udp6(struct gateway_fixture *gateway, const struct taddr6 *src,
			  const struct taddr4 *dst, uint64_t now_ms);
/* What nat64_explain() says of the same. */
enum outcome gateway_explain_udp6(struct gateway_fixture *gateway, const struct taddr6 *src,
				  const struct taddr4 *dst, uint64_t now_ms, struct decision *ret);
enum outcome gateway_udp4(struct gateway_fixture *gateway, const struct taddr4 *src,
			  const struct taddr4 *dst, uint64_t now_ms);
/* A TCP SYN with a right checksum. */
enum outcome gateway_syn6(struct gateway_fixture *gateway, const struct taddr6 *src,
			  const struct taddr4 *dst, uint64_t now_ms);

/* The transport addresses of the only packet in out. */
struct taddr4 gateway_sent_src4(const struct gateway_fixture *gateway);
struct taddr6 gateway_sent_dst6(const struct gateway_fixture *gateway);

/* Ends bindings in many steps (nat64_end_bindings()); how many they were. */
uint32_t gateway_end_bindings(struct gateway_fixture *gateway, bool outside, uint64_t now_ms);

struct taddr6 taddr6_of(const char *text);
struct taddr4 taddr4_of(const char *text);
