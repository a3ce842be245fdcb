/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Clients that are blocked, and not any more, by command. See pool4_change.h.
 */
#pragma once

#include "daemon/change.h"
#include "daemon/gateway.h"

/* For usec; without end with 0 or UINT64_MAX. prefix: without host bits, as text. */
void client_change_block(struct gateway *gateway, const char *prefix, uint64_t usec,
			 const struct change_options *options, struct change_result *ret);
void client_change_unblock(struct gateway *gateway, const char *prefix,
			   const struct change_options *options, struct change_result *ret);
