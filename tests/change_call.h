/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Methods of the manager that change something, called by a client of bus_clients.h; how each
 * ended. */
#pragma once

#include "tests/bus_clients.h"

/* What a call ended with. */
struct change_ending {
	char *name; /* of the error; NULL = done */
	char *text; /* its sentence, or the summary */
	char *entry;
	char *warnings;    /* a line each */
	char *differences; /* likewise, or NULL */
	int changed;
};

void change_ending_clear(struct change_ending *ending);
#define _cleanup_ending_ __attribute__((cleanup(change_ending_clear)))

/* The result of a change, as INTERFACE has it. */
void change_read_result(sd_bus_message *reply, struct change_ending *ret);

/* AddPool4 on the bus, with one option of that type, or none (NULL). */
void change_add(const char *addresses, const char *ports, const char *protocols, const char *option,
		const char *type, const void *value, struct change_ending *ret);

/* An option that is true, or none (NULL): of the whole gateway by this client, of an entry or a
 * binding on the control socket. */
void change_gateway(sd_bus *bus, const char *method, const char *option, struct change_ending *ret);
void change_entry(const char *method, const char *entry, const char *option,
		  struct change_ending *ret);
/* SetConfig on the bus. */
void change_config(const char *key, const char *value, const char *option,
		   struct change_ending *ret);
void change_bib(const char *method, const char *protocols, const char *address6, uint16_t port6,
		const char *address4, uint16_t port4, const char *option,
		struct change_ending *ret);

/* What removing by force would do. */
void change_force_dry(const char *entry, struct change_ending *ret);

/* It ends so, with this sentence and these warnings. */
void change_assert_done(const struct change_ending *ending, int changed, const char *text,
			const char *warnings);
void change_assert_refused(const struct change_ending *ending, const char *name, const char *text);
