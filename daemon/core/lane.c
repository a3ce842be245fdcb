/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/lane.h"

#include "daemon/core/nat64.h"

void nat64_lane_init(struct nat64 *nat, struct nat64_lane *ret)
{
	uint8_t seed[RANDOM_SEED_SIZE];

	for (unsigned i = 0; i < sizeof(seed); i++)
		seed[i] = (uint8_t)random_u32(&nat->random);
	*ret = (struct nat64_lane){.bytes = {0}};
	random_init(&ret->random, seed);
}

void nat64_lane_send_failed(struct nat64_lane *lane, bool from6, enum outcome outcome)
{
	/* Below zero for a while, if the core has counted it: the sum is right. */
	lane->packets[!from6][outcome]--;
	lane->packets[!from6][OUTCOME_SEND_FAILED]++;
}

void nat64_lane_count_late(struct nat64_lane *lane, bool from6)
{
	lane->packets[!from6][OUTCOME_LATE]++;
}

void nat64_gather(struct nat64 *nat, struct nat64_lane *lane)
{
	for (unsigned i = 0; i < 2; i++) {
		for (unsigned outcome = 0; outcome < N_OUTCOMES; outcome++) {
			nat->counters.packets[i][outcome] += lane->packets[i][outcome];
			lane->packets[i][outcome] = 0;
		}
		nat->counters.bytes[i] += lane->bytes[i];
		lane->bytes[i] = 0;
	}
}
