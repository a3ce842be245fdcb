/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ICMP errors for tests of their translation: each message is built in both families, byte by byte
 * and with naive checksums; the translation of the one has to be the other.
 */
#pragma once

#include "daemon/core/xlat_icmp.h"

#define ICMP_MESSAGE_MAX 4096

/* An embedded packet, the same in both families but for what translation changes. */
struct icmp_inner {
	const char *name;
	enum protocol protocol;
	uint32_t l4_size;       /* by its header, or of the whole packet if fragmented */
	uint32_t present;       /* how much of it is quoted */
	uint32_t fragment_size; /* not 0: it is the first fragment, with so many bytes */
	bool atomic;            /* IPv6 only: Fragment header all the same */
	uint32_t options;       /* IPv4 options or an IPv6 extension header, not translated */
	bool reply;
	bool no_check;       /* UDP without a checksum */
	uint16_t tweak;      /* first bytes of the payload of UDP */
	uint8_t check_error; /* added to the checksum: it has to stay wrong (I-9) */
};

extern const struct icmp_inner icmp_tcp_header8;

/* An ICMP error around it. */
struct icmp_message {
	uint8_t type, code;
	uint32_t field;       /* bytes 4 to 7 */
	uint32_t quoted_size; /* 0: as much as there is */
	uint32_t extension_size;
};

extern const struct xlat_rules icmp_copy_rules;
extern const struct xlat_path icmp_path1500;

/* One translation. */
struct icmp_run {
	uint8_t received[ICMP_MESSAGE_MAX];
	struct packet packet;
	struct inner_packet inner;
	struct out out;
	uint8_t arena[EMIT_ARENA_PER_PACKET];
};

/* The transport packet that is embedded, into ret; returns its protocol's number. */
uint8_t icmp_message_build_l4(uint8_t *ret, unsigned version, const struct icmp_inner *inner);

/* The whole message, as it is received or as it has to be translated, into ret with
 * ICMP_MESSAGE_MAX bytes; returns its size. */
uint32_t icmp_message_build(uint8_t *ret, unsigned version, const struct icmp_message *message,
			    const struct icmp_inner *inner, bool received);

/* Receives the message, in IPv4 or IPv6, and translates it; what comes out is what packet_parse()
 * makes of its bytes. */
enum outcome icmp_message_run(struct icmp_run *run, unsigned version,
			      const struct icmp_message *message, const struct icmp_inner *inner,
			      const struct xlat_path *path, const struct xlat_rules *rules);

/* The second half of icmp_message_run(), for a packet that is parsed already, and unjudged. */
enum outcome icmp_message_translate(struct icmp_run *run, const struct xlat_path *path,
				    const struct xlat_rules *rules);
void icmp_message_check_view(const struct icmp_run *run);

/* What came out is this message, byte by byte. */
void icmp_message_check(const struct icmp_run *run, unsigned version,
			const struct icmp_message *message, const struct icmp_inner *inner);
