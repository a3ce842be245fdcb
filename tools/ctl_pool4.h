/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An entry of pool4 as ListPool4 gives it. */
#pragma once

#include "tools/ctl.h"

enum { CTL_TCP, CTL_UDP, CTL_ICMP, CTL_N_PROTOCOLS };
extern const char *const ctl_protocols[CTL_N_PROTOCOLS];

struct ctl_pool4 {
	uint32_t id;
	int overflow;
	const char *name, *addresses, *ports, *protocols, *clients, *prefix, *comment, *state;
	const char *source, *reach;
	uint64_t total[CTL_N_PROTOCOLS];
	uint64_t used[CTL_N_PROTOCOLS];
	uint64_t peak[CTL_N_PROTOCOLS];
	uint64_t held[CTL_N_PROTOCOLS];
	uint64_t reused[CTL_N_PROTOCOLS];
	uint64_t refused[CTL_N_PROTOCOLS];
};

/* One row of the reply; texts belong to the reply. */
int ctl_pool4_read(sd_bus_message *reply, struct ctl_pool4 *ret);

/* Every entry, until each() has seen enough and returns true. */
typedef bool ctl_pool4_each_fn(const struct ctl_pool4 *entry, void *context);
enum ctl_status ctl_pool4_each(struct ctl *ctl, ctl_pool4_each_fn *each, void *context);

/* The name of the entry with this id, asked for once; "" for 0. */
const char *ctl_pool4_name(struct ctl *ctl, uint32_t id);

/* "tcp 3% udp 0%": how much of the entry is in use, the protocols it has. */
#define CTL_POOL4_USE_SIZE 64
const char *ctl_pool4_use(const struct ctl_pool4 *entry, const uint64_t number[CTL_N_PROTOCOLS],
			  char ret[CTL_POOL4_USE_SIZE]);
