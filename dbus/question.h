/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A packet that somebody asks about (Explain): made out of what people know of one, as the bytes
 * that would come. Without payload of its own; nobody looks at its transport checksum.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "daemon/core/packet.h"

/* Options of Explain, as they are given; what is not given is as here. */
struct question_options {
	const char *flags; /* NULL: syn */
	const char *icmp;  /* NULL: an echo request */
	uint32_t length;   /* of the whole packet; 0: what its headers need */
	uint32_t ttl;      /* or hop limit */
};
#define QUESTION_OPTIONS ((struct question_options){.ttl = 64})

struct question {
	enum protocol protocol;
	bool from6;
	struct addr6 src6, dst6;
	uint32_t src4, dst4;
	uint16_t src_port, dst_port; /* or the identifier in both */
	uint8_t tcp_flags;
	uint8_t icmp_type, icmp_code;
	uint8_t ttl;
	uint32_t length;
};

/*
 * source and destination: addresses with a port, of the same family; an IPv4 destination of an IPv6
 * source is embedded in pool6. Of an echo one of them has the identifier. 0, or a negative errno
 * with error set.
 */
int question_parse(const char *protocol, const char *source, const char *destination,
		   const struct question_options *options, const struct prefix6 *pool6,
		   struct question *ret, sd_bus_error *error);

/* The packet: its length bytes are written to data. */
struct packet question_packet(const struct question *question, uint8_t *data);
