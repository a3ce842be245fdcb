/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arguments of methods that are text: parsed, or refused with a sentence that quotes them. Each
 * function returns 0, or a negative errno with error set.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "daemon/core/addr.h"

/* "tcp", "udp" or "icmp". */
int argument_protocol(const char *text, enum protocol *ret, sd_bus_error *error);
int argument_addr4(const char *text, uint32_t *ret, sd_bus_error *error);
/* A prefix without host bits; a single address is one, too. */
int argument_prefix6(const char *text, struct prefix6 *ret, sd_bus_error *error);
