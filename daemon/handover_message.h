/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the two sides of handover.h say to each other: one message is one packet of the socket. */
#pragma once

#include <stdint.h>

#include "daemon/descriptors.h"

enum handover_type {
	HANDOVER_ASK = 1,
	HANDOVER_READY,
	HANDOVER_TAKE,
	HANDOVER_TABLES,
	HANDOVER_TAKEN,
	HANDOVER_REFUSED, /* with a sentence */
	HANDOVER_LATE,
};

/* Magic, protocol and type stay where they are in every version. */
struct handover_message {
	char magic[8];
	uint32_t protocol;
	uint32_t type;
	uint32_t tables_format; /* the one that is known */
	uint32_t n_descriptors;
	uint32_t descriptor[N_DESCRIPTORS]; /* which, in their order */
	char text[160];
};

struct handover_message handover_message(enum handover_type type);

/* With all descriptors there are; NULL = none. 0 or a negative errno. Waits for nothing. */
int handover_send(int fd, struct handover_message *message, const struct descriptors *descriptors);
/* The next one, and what came with it. -EAGAIN there is none yet, -ECONNRESET the other side has
 * closed, -EBADMSG it is not ours: then nothing is in ret_descriptors. */
int handover_receive(int fd, struct handover_message *ret, struct descriptors *ret_descriptors);
