/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The a{sv} at the end of every changing method. */
#pragma once

#include <systemd/sd-bus.h>

#include "daemon/change.h"

/* Names that a method takes; OPTION_DRY_RUN goes for each. */
enum option {
	OPTION_DRY_RUN = 1 << 0,
	OPTION_FORCE = 1 << 1,
	OPTION_REPLACE = 1 << 2,
	OPTION_OVERFLOW = 1 << 3,
	OPTION_NAME = 1 << 4,
	OPTION_COMMENT = 1 << 5,
	OPTION_CLIENTS = 1 << 6,
	OPTION_PREFIX = 1 << 7,
	OPTION_ALL = 1 << 8,
};

/* Texts belong to the message. A negative errno with error set if a name is not in allowed, has
 * another type, or is given twice. */
int options_read(sd_bus_message *message, unsigned allowed, struct change_options *ret,
		 sd_bus_error *error);
