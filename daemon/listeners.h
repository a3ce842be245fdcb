/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which transport addresses the host's own programs use: listening TCP sockets and all UDP sockets,
 * by sock_diag (P-18, P-23).
 *
 * The kernel is asked only when somebody asks us, and at most once a second: never once a packet.
 * A lock inside lets one ask at a time.
 */
#pragma once

#include "daemon/core/addr.h"

struct listeners;

int listeners_new(struct listeners **ret);
void listeners_free(struct listeners *listeners);

/* The next question asks the kernel, however soon it comes. */
void listeners_forget(struct listeners *listeners);

/* Does a socket get what arrives for addr and port? One bound to all addresses does, IPv6 sockets
 * that take IPv4, too. False for ICMP, and if the kernel can not tell (no INET_DIAG). */
bool listeners_have(struct listeners *listeners, enum protocol protocol, uint32_t addr,
		    uint16_t port, uint64_t now_ms);

/* The ports in use on whatever address, ascending: the next one after *ret_port. Start with 0. */
bool listeners_next(struct listeners *listeners, enum protocol protocol, uint64_t now_ms,
		    uint16_t *ret_port);
