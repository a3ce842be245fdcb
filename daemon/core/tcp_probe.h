/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The probe at the end of an idle established session (RFC 6146, 3.5.2.2; S-31): an empty segment
 * to the IPv6 endpoint, which a live one answers, so that the session goes on.
 */
#pragma once

#include "daemon/core/emit.h"

/* From (Y',y) to (X',x): sequence and acknowledgment 0, only ACK set, window 0, Hop Limit 64. */
void tcp_probe_build(const struct taddr6 *src, const struct taddr6 *dst, struct out *out);
