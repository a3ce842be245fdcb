/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Internet checksum (RFC 1071) and its incremental update (RFC 1624, equation 3).
 *
 * A sum is the plain ones'-complement sum of 16-bit words in *network order as loaded by the
 * host*, folded or not, never complemented; a check is what stands in a packet: the complement.
 * The update keeps an error in a packet: a wrong check stays wrong by the same amount (T-32).
 */
#pragma once

#include "daemon/core/addr.h"

/* Sum over size bytes, which may start at any address and be odd in number; start is a sum. Words
 * of any width may be added, as 2^16, 2^32 and 1 are the same modulo 2^16 - 1. Here, because most
 * callers know the size: of a part of a header nothing but additions is left. */
static inline uint64_t checksum_add(uint64_t start, const void *data, size_t size)
{
	const uint8_t *p = data;
	uint64_t sum = start;
	uint64_t word = 0;

	/* Half a word at a time leaves room for 2^32 carries. */
	for (; size >= sizeof(word); size -= sizeof(word), p += sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		sum += (word & UINT32_MAX) + (word >> 32);
	}
	if (size > 0) {
		word = 0;
		memcpy(&word, p, size);
		sum += (word & UINT32_MAX) + (word >> 32);
	}
	return sum;
}

/* 16 bits, as a word of the packet. */
uint16_t checksum_fold(uint64_t sum);

/* The complemented, folded sum: store it as it is. */
static inline uint16_t checksum_finish(uint64_t sum)
{
	return (uint16_t)~checksum_fold(sum);
}

/* RFC 8200, 8.1 and RFC 793: pseudo headers. length is that of the transport header and data. */
uint64_t checksum_pseudo6(const struct addr6 *src, const struct addr6 *dst, uint32_t length,
			  uint8_t next_header);
uint64_t checksum_pseudo4(uint32_t src, uint32_t dst, uint16_t length, uint8_t protocol);

/*
 * check of a packet after the words summed in removed gave way to those in added. Callers treat
 * the UDP zero themselves (T-33). Never turns a right check into a wrong one or the reverse; of
 * the two zeros it gives the one that RFC 1624, equation 3 gives.
 */
uint16_t checksum_update(uint16_t check, uint64_t removed, uint64_t added);
