/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All ways out for what the packet thread sends: raw sockets (rawsock.h), and for TCP, if there is
 * such a way and it is in use, the kernel's forwarding (inject.h). One way for all TCP at any
 * moment, so that no flow is split over two.
 *
 * Whatever comes can be sent by either way: superpackets that go by raw sockets are cut here
 * (core/cut.h). Where the device of the other way turns out to be gone, what it has refused and all
 * that follows goes by raw sockets at once.
 */
#pragma once

#include "daemon/core/emit.h"
#include "daemon/inject.h"
#include "daemon/rawsock.h"

enum sending_way { SENDING_RAW, SENDING_PACKET };

struct sending;

/* By raw sockets first. Errors and text as rawsock_new(). */
int sending_new(const struct rawsock_config *config, struct sending **ret, char *text);
/* keep_device as in inject_free(). */
void sending_free(struct sending *sending, bool keep_device);

/* ---- of the control thread: also while packets are sent ---- */

/* Another way for TCP in place of the one before, which is given up; from the next packets on, if
 * it is in use. It is owned here from now on. */
void sending_offer(struct sending *sending, struct inject *inject);
/* SENDING_PACKET only after sending_offer(). */
void sending_set_way(struct sending *sending, enum sending_way way);
/* Is not what was set last if the device has gone. */
enum sending_way sending_way(const struct sending *sending);
/* For a successor. */
const struct rawsock *sending_rawsock(const struct sending *sending);

/* ---- of the packet thread ---- */

/*
 * Sends n packets. Never blocks and never gives up: a packet that is refused is counted by name,
 * and the next one follows. ret_error holds n elements: 0 or a negative errno, of the last part
 * that was refused. Returns how many parts were refused.
 */
unsigned sending_send(struct sending *sending, const struct out_packet *packets, unsigned n,
		      int *ret_error);
/* Refused since the start. */
uint64_t sending_errors(const struct sending *sending, enum gateway_send_error error);
