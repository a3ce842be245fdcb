/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who may call what. On the control socket the kernel says who the peer is, on the bus the bus
 * daemon does; nothing is taken from /proc, which a caller could race.
 */
#pragma once

#include <systemd/sd-bus.h>

/* What is asked for, as the actions of polkit are named. */
enum authorise_action {
	AUTHORISE_READ_BINDINGS, /* bindings, sessions, clients: who talks to whom */
	AUTHORISE_MANAGE_POOL4,
	AUTHORISE_MANAGE_BIB,
	N_AUTHORISE_ACTIONS,
};

/* Root, the daemon's own user, group nat64d-admin may. 0, or a negative errno with error set. */
int authorise(sd_bus_message *message, enum authorise_action action, sd_bus_error *error);
