/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One side of a binding as people write it: "[2001:db8::5]:2000", "192.0.2.2:2000-2009",
 * "2001:db8::5#2000". */
#pragma once

#include "tools/ctl.h"

#define CTL_SIDE_ADDRESS_SIZE 64

struct ctl_side {
	char address[CTL_SIDE_ADDRESS_SIZE]; /* "": not given */
	unsigned first, last;                /* ports; 0: not given */
};

bool ctl_side_parse(const char *text, struct ctl_side *ret);
bool ctl_side_is_ipv6(const struct ctl_side *side);
/* Says that text is no side. */
enum ctl_status ctl_side_bad(const char *text);

/* "2000" or "2000-2009"; an ICMP identifier may be 0. */
bool ctl_ports_parse(const char *text, unsigned *ret_first, unsigned *ret_last);
