/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The counters of GetStatistics: names as in org.nat64d1.xml, values copied under the lock. */
#pragma once

#include "daemon/gateway.h"

#define STATISTIC_NAME_SIZE 64

struct statistic {
	char name[STATISTIC_NAME_SIZE];
	uint64_t value;
};

/* All of them in new memory, to be freed with free(); NULL without memory. */
struct statistic *statistics_take(struct gateway *gateway, uint32_t *ret_n);
