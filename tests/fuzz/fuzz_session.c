/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sequences of valid packets, clock steps and changes by the administrator through a small NAT64,
 * against naive tables: S-1 to S-36, H-1, H-6, I-16, I-21, P-1, P-11, P-17, P-19, P-20, P-22,
 * L-1 to L-4, L-11, K-1 to K-6, K-13, C-13, X-1, X-2, X-10.
 *
 * An input is a byte of settings that may change later (administrator.c), one of those that may not
 * (stage.h), then actions. The low four bits of an action's first byte say what it is (enum
 * action), the high four how long before it the clock stands still or runs, with all that is over
 * ended; the meaning of the bytes behind is told at each action, in hosts.c and administrator.c. So
 * few ports, bindings, sessions and stored SYNs that all of them run out.
 *
 * The checks, after each action: what packets did to the sessions is what the RFC says, to the
 * millisecond, and nothing else has changed; no session ends before its time, nor stays two seconds
 * longer once all that is over has been ended; a packet of a session that is there always passes,
 * to and from the right addresses, unless its client is blocked; no two bindings share a side; new
 * ones are where pool4 and its mode let the client have them, and within its limits, and whoever is
 * refused one for a limit has met it; every packet is counted once; all tables keep their
 * invariants and bounds. In the end everything goes by time alone.
 *
 * Played without libFuzzer, a corpus must have seen every TCP state and limit, and more
 * (reached.c).
 */
#include "tests/fuzz/administrator.h"
#include "tests/fuzz/hosts.h"
#include "tests/fuzz/reached.h"

#define ACTIONS_MAX 100

enum action {
	ACTION_SEND6, /* who, flags */
	ACTION_SEND6_AGAIN,
	ACTION_LIMIT, /* which, and how many */
	ACTION_SEND4, /* who, flags */
	ACTION_SEND4_AGAIN,
	ACTION_BLOCK,   /* whom, for how long */
	ACTION_HAIRPIN, /* who, flags */
	ACTION_ERROR,   /* which session */
	ACTION_RUN,     /* seconds, twice: the clock runs, and nobody ends anything */
	ACTION_EXPIRE,  /* budget; 0: until nothing is left to do */
	ACTION_CONFIG,  /* settings */
	ACTION_STATIC,  /* which client and port */
	ACTION_REMOVE,  /* which binding */
	ACTION_STATE,   /* of which entry of pool4, and which */
	ACTION_ENTRY,   /* the second entry comes or goes */
	ACTION_PORTS,   /* which ports and addresses the first entry has */
};

bool fuzz_finish(void)
{
	return reached_all();
}

static void act(struct stage *stage, struct fuzz_input *input)
{
	static const uint32_t wait_ms[16] = {0,      0,      0,       0,      0,     0,
					     1,      100,    1000,    6001,   16000, 61000,
					     241000, 301000, 7200000, 7441000};
	const uint8_t first = fuzz_byte(input), second = fuzz_byte(input);

	if (wait_ms[first >> 4] != 0) {
		stage->now_ms += wait_ms[first >> 4];
		stage_expire(stage, 0);
	}
	switch ((enum action)(first & 15)) {
	case ACTION_SEND6:
	case ACTION_SEND6_AGAIN:
		hosts_send6(stage, second, fuzz_byte(input));
		return;
	case ACTION_LIMIT:
		administrator_limit(stage, second);
		return;
	case ACTION_SEND4:
	case ACTION_SEND4_AGAIN:
		hosts_send4(stage, second, fuzz_byte(input));
		return;
	case ACTION_BLOCK:
		administrator_block(stage, second);
		return;
	case ACTION_HAIRPIN:
		hosts_hairpin(stage, second, fuzz_byte(input));
		return;
	case ACTION_ERROR:
		hosts_error(stage, second);
		return;
	case ACTION_RUN:
		stage->now_ms += 500u * second * second;
		return;
	case ACTION_EXPIRE:
		stage_expire(stage, second);
		return;
	case ACTION_CONFIG:
		administrator_configure(stage, second);
		return;
	case ACTION_STATIC:
		administrator_add_static(stage, second);
		return;
	case ACTION_REMOVE:
		administrator_remove(stage, second);
		return;
	case ACTION_STATE:
		administrator_change_state(stage, second);
		return;
	case ACTION_ENTRY:
		administrator_change_second(stage);
		return;
	case ACTION_PORTS:
		administrator_change_ports(stage, second);
		return;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz_input input = {bytes, size};
	static struct stage stage;
	const uint8_t changeable = fuzz_byte(&input);

	stage_init(&stage);
	administrator_begin(&stage, changeable, fuzz_byte(&input));
	for (unsigned n = 0; input.size > 0 && n < ACTIONS_MAX; n++)
		act(&stage, &input);
	stage_close(&stage);
	return 0;
}
