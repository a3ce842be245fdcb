/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing IPv4 and IPv6 headers, for packets that are translated, embedded, cut or made.
 */
#pragma once

#include "daemon/core/addr.h"

struct ip_fields {
	uint8_t traffic_class;
	uint8_t hop_limit;
	uint8_t ip_protocol;
	bool dont_fragment;
	bool has_fragment_header; /* write one (IPv6) */
	bool more_fragments;
	uint16_t fragment_offset; /* bytes */
	uint32_t fragment_id;
};

/* payload_size: bytes behind the header (behind the Fragment header for IPv6), as claimed. */
void ip4_header_write(uint8_t *ret, const struct ip_fields *fields, uint32_t src, uint32_t dst,
		      uint32_t payload_size);
/* Writes 40 bytes, or 48 with a Fragment header. */
void ip6_header_write(uint8_t *ret, const struct ip_fields *fields, const struct addr6 *src,
		      const struct addr6 *dst, uint32_t payload_size);
