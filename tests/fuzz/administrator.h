/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the administrator does on the stage: settings, limits, blocked clients, static bindings and
 * the entries of pool4. It ends only those sessions that it is meant to.
 *
 * The bits of which are told at each.
 */
#pragma once

#include "tests/fuzz/stage.h"

/* The settings that may change, of one byte; and in the beginning those that may not, of another.
 */
void administrator_begin(struct stage *stage, uint8_t which, uint8_t settings);
void administrator_configure(struct stage *stage, uint8_t which);
/* One limit of what clients may have (L-1 to L-3), or none. */
void administrator_limit(struct stage *stage, uint8_t which);
/* Clients may not send, or may again. */
void administrator_block(struct stage *stage, uint8_t which);

void administrator_add_static(struct stage *stage, uint8_t which);
void administrator_remove(struct stage *stage, uint8_t which);

/* The second entry of pool4 comes or goes; with it its bindings (P-22). */
void administrator_change_second(struct stage *stage);
void administrator_change_state(struct stage *stage, uint8_t which);
/* The first entry gets other ports, at the same address or another. */
void administrator_change_ports(struct stage *stage, uint8_t which);
