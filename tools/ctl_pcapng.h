/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets in a file, as Wireshark and tcpdump read them: pcapng (draft-ietf-opsawg-pcapng), with an
 * interface for each side of the gateway. Packets begin with their IP header.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum pcapng_side { PCAPNG_IPV6, PCAPNG_IPV4 };

/* The beginning. All return false if the file can not be written, with errno. */
bool pcapng_begin(FILE *file);
/* A packet; data has size bytes of the whole_size that it had on the wire. way: it came to the
 * gateway, or left. comment: what stands beside it, or NULL. */
bool pcapng_add(FILE *file, enum pcapng_side side, bool came, uint64_t wall_usec,
		const uint8_t *data, size_t size, size_t whole_size, const char *comment);
