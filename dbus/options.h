/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The a{sv} at the end of a method: of every changing one, and of others with names of their own.
 */
#pragma once

#include <stddef.h>
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
};

/* A name, and where its value lands. */
struct option_row {
	const char *name;
	char type;     /* b: bool, s: const char *, u: uint32_t */
	unsigned bit;  /* of its own */
	size_t offset; /* in the caller's struct */
};

/* Reads those whose bits are allowed into the struct at ret; what is not given stays as it is.
 * Errors as below. */
int options_read_rows(sd_bus_message *message, const struct option_row *rows, size_t n_rows,
		      unsigned allowed, void *ret, sd_bus_error *error);

/* Texts belong to the message. A negative errno with error set if a name is not in allowed, has
 * another type, or is given twice. */
int options_read(sd_bus_message *message, unsigned allowed, struct change_options *ret,
		 sd_bus_error *error);
