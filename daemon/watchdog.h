/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The service manager's watchdog (WatchdogSec=): it hears of us as long as the packet loop goes
 * round, not just because the control thread lives. So a loop that hangs is ended and begun anew.
 */
#pragma once

#include <stdint.h>

struct watchdog {
	uint64_t beat; /* of the heartbeat, when it was fed last */
};

/* Once a second: feeds it if there has been another beat since. Nothing without a watchdog. */
void watchdog_feed(struct watchdog *watchdog, uint64_t beat);
