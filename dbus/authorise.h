/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who may call what: root, the daemon's own user and group nat64d-admin everything; others, on the
 * bus, what polkit permits them. On the control socket the kernel says who the peer is, on the bus
 * the bus daemon does; nothing is taken from /proc, which a caller could race.
 */
#pragma once

#include <sys/types.h>
#include <systemd/sd-bus.h>

struct connection;
struct polkit;

/* What is asked for: the actions of data/org.nat64d1.policy. */
enum authorise_action {
	AUTHORISE_READ_BINDINGS, /* bindings, sessions, clients: who talks to whom */
	AUTHORISE_MANAGE_POOL4,
	AUTHORISE_MANAGE_BIB,
	AUTHORISE_FLUSH_SESSIONS,
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

struct authority {
	struct authorise_caller last;
	struct polkit *polkit;
	struct connection *connection; /* to the bus */
};

/*
 * Asked by a handler between what it reads and what it does. 0: the caller may. Anything else is
 * what the handler returns: 1 while polkit is asked, and the handler is called anew when it has
 * answered; or a negative errno with error set.
 */
int authorise(struct authority *authority, sd_bus_message *message, enum authorise_action action,
	      sd_bus_error *error);
/* The same where nothing can wait for polkit, as in setting a property. */
int authorise_at_once(struct authority *authority, sd_bus_message *message,
		      enum authorise_action action, sd_bus_error *error);
