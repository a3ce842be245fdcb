/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What hosts do on the stage: packets of clients and peers, each of which has done to the sessions
 * what the RFC says when it is over, and went out to whom it should. Packets from and to clients
 * that are blocked do nothing.
 *
 * The bits of who are told at each; a TCP segment has any flags. Of an echo the lowest bit of flags
 * says whether it is a reply.
 */
#pragma once

#include "tests/fuzz/stage.h"

void hosts_send6(struct stage *stage, uint8_t who, uint8_t flags);
void hosts_send4(struct stage *stage, uint8_t who, uint8_t flags);
/* From one client to another's IPv4 side (3.8). */
void hosts_hairpin(struct stage *stage, uint8_t who, uint8_t flags);
/* An ICMP error about a packet of a session. It changes nothing. */
void hosts_error(struct stage *stage, uint8_t which);
