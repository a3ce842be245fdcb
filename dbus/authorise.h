/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who may call what. On the control socket the kernel says who the peer is, on the bus the bus
 * daemon does; nothing is taken from /proc, which a caller could race.
 */
#pragma once

#include <sys/types.h>
#include <systemd/sd-bus.h>

/* What is asked for, as the actions of polkit are named. */
enum authorise_action {
	AUTHORISE_READ_BINDINGS, /* bindings, sessions, clients: who talks to whom */
	AUTHORISE_MANAGE_POOL4,
	AUTHORISE_MANAGE_BIB,
	AUTHORISE_CONFIGURE,
	N_AUTHORISE_ACTIONS,
};

/*
 * Who the last caller on the bus was: many calls in a row ask the bus daemon once. A connection
 * keeps its credentials for life and a bus never gives a unique name twice, so this needs no news
 * of ends; another bus daemon, which may give the same names, has another id. Zeroed: nobody yet.
 */
#define AUTHORISE_GROUPS_MAX 256 /* who is in more groups than this is judged by the first ones */
struct authorise_caller {
	sd_id128_t bus;
	char name[256]; /* the longest name that D-Bus allows, and its end */
	uid_t uid;
	gid_t group[AUTHORISE_GROUPS_MAX];
	size_t n_groups;
};

/* Root, the daemon's own user, group nat64d-admin may. 0, or a negative errno with error set. */
int authorise(struct authorise_caller *last, sd_bus_message *message, enum authorise_action action,
	      sd_bus_error *error);
