/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TCP that leaves a namespace by a link that cuts nothing itself, seen at its other end. */
#pragma once

#include <glib.h>

#include "daemon/core/emit.h"

/* Enters a namespace with a way to 198.51.100.0/24 and 2001:db8:1::/64, and a socket that sees what
 * comes there. FALSE: the test is skipped. */
gboolean far_end_set_up(int *ret_far);

/* A TCP packet whose checksum is unfinished, with a hop limit of 61; one at a time. */
struct out_packet far_end_make(uint8_t version, const char *src, uint32_t payload_size,
			       uint16_t segment_size);

/* The next TCP packet at the other end, whose lengths and checksums are right; 0 after two seconds.
 */
size_t far_end_receive(int far, uint8_t *bytes, size_t size);
/* The same, whatever its checksums. */
size_t far_end_receive_any(int far, uint8_t *bytes, size_t size);

/* All segments of that packet, each as large as was asked for. */
void far_end_check(int far, const struct out_packet *packet, uint32_t payload_size);
