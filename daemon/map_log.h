/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The maps of deterministic mode in the log (L-12; RFC 7422, 3): no binding needs to be logged to
 * know who had a port, if it is known what the ports were computed from, and from when on. So each
 * entry of pool4 is written at the start, whenever anything of it changes, and once a day; and when
 * it is gone.
 *
 * In the other modes there is nothing to write. Control thread, without the gateway's lock.
 */
#pragma once

#include "daemon/event_log.h"
#include "daemon/gateway.h"

struct map_log;

/* Both stay as long as it does. */
struct map_log *map_log_new(struct gateway *gateway, struct event_log *log);
void map_log_free(struct map_log *maps);

/* The entry with this id may be new, be gone, or have changed. */
void map_log_look(struct map_log *maps, uint32_t id);
/* The same of all; and a day after the last time all of them again, changed or not. */
void map_log_look_all(struct map_log *maps, uint64_t now_ms);
