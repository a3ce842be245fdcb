/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/watchdog.h"

#include <stddef.h>
#include <systemd/sd-daemon.h>

void watchdog_feed(struct watchdog *watchdog, uint64_t beat)
{
	if (beat == watchdog->beat || sd_watchdog_enabled(0, NULL) <= 0)
		return;
	watchdog->beat = beat;
	(void)sd_notify(0, "WATCHDOG=1");
}
