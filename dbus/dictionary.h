/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An a{sv} argument, read against the names that it may have: options of methods, filters of lists.
 * A name that is not allowed, is given twice, or has a value of another type is refused with a
 * sentence.
 */
#pragma once

#include <stddef.h>
#include <systemd/sd-bus.h>

/* A name, and where its value lands. */
struct dictionary_row {
	const char *name;
	char type;     /* b: bool, s: const char *, q: uint16_t, u: uint32_t */
	unsigned bit;  /* of its own */
	size_t offset; /* in the caller's struct */
};

struct dictionary {
	const char *noun;  /* "option" */
	const char *error; /* name of the D-Bus error */
	const struct dictionary_row *rows;
	size_t n_rows;
};

/* Reads those whose bits are allowed into the struct at ret, and their bits into *ret_given, which
 * may be NULL; what is not given stays as it is. Texts belong to the message. A negative errno with
 * error set. */
int dictionary_read(sd_bus_message *message, const struct dictionary *dictionary, unsigned allowed,
		    void *ret, unsigned *ret_given, sd_bus_error *error);
