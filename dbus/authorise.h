/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who may call what. On the control socket the kernel says who the peer is, on the bus the bus
 * daemon does; nothing is taken from /proc, which a caller could race.
 */
#pragma once

#include <systemd/sd-bus.h>

/* Bindings and sessions: root, the daemon's own user, group nat64d-admin. 0, or a negative errno
 * with error set. */
int authorise_read_bindings(sd_bus_message *message, sd_bus_error *error);
