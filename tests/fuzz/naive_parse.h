/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What packet_parse() has to say about a packet, found out in the plainest way: all headers and
 * options are listed first and judged afterwards. Shares no code with the core, only the names of
 * its outcomes and its struct.
 */
#pragma once

#include <stddef.h>

#include "daemon/core/packet.h"

/* The most IPv6 extension headers that a packet may have (T-23). */
#define NAIVE_HEADERS_MAX 8

/* A view of the bytes of one header, option or message. */
struct naive_bytes {
	const uint8_t *at;
	size_t size;
};

/* All headers between an IPv6 header and the transport header, and one more than may be at most, so
 * that it can be seen that there are too many. */
struct naive_chain {
	unsigned n;
	struct {
		uint8_t kind;
		struct naive_bytes bytes;
	} header[NAIVE_HEADERS_MAX + 1];
	bool is_cut;
	uint8_t next_header; /* behind them */
	size_t end;
};

/* data has size bytes, at least 40. False if there is anything wrong with the chain. */
bool naive_chain_parse(const uint8_t *data, size_t size, struct naive_chain *ret);

/* *ret: all that packet_parse() finds, and size without padding. If the IP header or its extension
 * headers are refused, only version is promised; protocol is N_PROTOCOLS if it is none of ours. */
enum outcome naive_parse(const uint8_t *data, size_t size, struct packet *ret);

/* Parses a copy that is exactly as large as the packet, and aborts if it is not judged and viewed
 * as naive_parse() does, if a byte of it has changed, or if padding behind it makes a difference.
 * *ret is the view, with data pointing to bytes. */
enum outcome check_parse(const uint8_t *bytes, size_t size, struct packet *ret);
