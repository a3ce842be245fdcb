/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See authorise.h. */
#include "dbus/authorise.h"

#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dbus/connection.h"
#include "dbus/names.h"
#include "dbus/polkit.h"

/* How long the bus daemon may take to say who a caller is. From one that takes longer we hang up:
 * all others would wait as long for each caller. */
#define WHO_TIMEOUT_USEC 2000000

static void add_group(struct authorise_caller *caller, gid_t group)
{
	if (caller->n_groups < AUTHORISE_GROUPS_MAX)
		caller->group[caller->n_groups++] = group;
}

/* Peer to peer: as the kernel saw it at connect(). */
static int caller_of_socket(int fd, struct authorise_caller *ret)
{
	struct ucred peer;
	gid_t groups[AUTHORISE_GROUPS_MAX];
	socklen_t size = sizeof(peer), groups_size = sizeof(groups);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return -errno;
	*ret = (struct authorise_caller){.uid = peer.uid};
	add_group(ret, peer.gid);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &groups_size) == 0) {
		for (size_t i = 0; i < groups_size / sizeof(*groups); i++)
			add_group(ret, groups[i]);
	}
	return 0;
}

static int read_credential(sd_bus_message *reply, struct authorise_caller *caller,
			   bool *ret_has_uid)
{
	const char *name;
	const void *groups;
	uint32_t uid;
	size_t size;
	int r;

	r = sd_bus_message_read(reply, "s", &name);
	if (r < 0)
		return r;
	if (strcmp(name, "UnixUserID") == 0) {
		r = sd_bus_message_read(reply, "v", "u", &uid);
		caller->uid = uid;
		*ret_has_uid = true;
		return r;
	}
	if (strcmp(name, "UnixGroupIDs") != 0)
		return sd_bus_message_skip(reply, "v");
	r = sd_bus_message_enter_container(reply, 'v', "au");
	if (r < 0)
		return r;
	r = sd_bus_message_read_array(reply, 'u', &groups, &size);
	if (r < 0)
		return r;
	for (size_t i = 0; i < size / sizeof(uint32_t); i++)
		add_group(caller, ((const uint32_t *)groups)[i]);
	return sd_bus_message_exit_container(reply);
}

/* On the bus: the bus daemon has asked the kernel when the caller connected. */
static int caller_of_bus(sd_bus_message *message, struct authorise_caller *ret)
{
	__attribute__((cleanup(sd_bus_message_unrefp))) sd_bus_message *call = NULL, *reply = NULL;
	sd_bus *bus = sd_bus_message_get_bus(message);
	struct authorise_caller caller = {.n_groups = 0};
	bool has_uid = false;
	int r;

	r = sd_bus_message_new_method_call(bus, &call, "org.freedesktop.DBus",
					   "/org/freedesktop/DBus", "org.freedesktop.DBus",
					   "GetConnectionCredentials");
	if (r < 0)
		return r;
	r = sd_bus_message_append(call, "s", sd_bus_message_get_sender(message));
	if (r < 0)
		return r;
	r = sd_bus_call(bus, call, WHO_TIMEOUT_USEC, NULL, &reply);
	if (r < 0)
		return r;
	r = sd_bus_message_enter_container(reply, 'a', "{sv}");
	if (r < 0)
		return r;
	while ((r = sd_bus_message_enter_container(reply, 'e', "sv")) > 0) {
		r = read_credential(reply, &caller, &has_uid);
		if (r < 0)
			return r;
		r = sd_bus_message_exit_container(reply);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	if (!has_uid)
		return -ENODATA;
	*ret = caller;
	return 0;
}

/* As before, or as the bus daemon says. */
static int caller_of_bus_message(struct authorise_caller *last, sd_bus_message *message,
				 struct authorise_caller *ret)
{
	const char *name = sd_bus_message_get_sender(message);
	sd_id128_t bus;
	int r;

	if (name == NULL || strlen(name) >= sizeof(last->name))
		return -ENODATA;
	r = sd_bus_get_bus_id(sd_bus_message_get_bus(message), &bus);
	if (r < 0)
		return r;
	if (!sd_id128_equal(last->bus, bus) || strcmp(last->name, name) != 0) {
		r = caller_of_bus(message, last);
		last->bus = r < 0 ? SD_ID128_NULL : bus;
		strcpy(last->name, r < 0 ? "" : name);
		if (r < 0)
			return r;
	}
	*ret = *last;
	return 0;
}

static bool is_admin(const struct authorise_caller *caller)
{
	const struct group *admins;

	if (caller->uid == 0 || caller->uid == geteuid())
		return true;
	admins = getgrnam(DBUS_ADMIN_GROUP);
	for (size_t i = 0; admins != NULL && i < caller->n_groups; i++) {
		if (caller->group[i] == admins->gr_gid)
			return true;
	}
	return false;
}

/* Their names for polkit, and in sentences. */
static const struct {
	const char *action, *what;
} actions[N_AUTHORISE_ACTIONS] = {
	[AUTHORISE_READ_BINDINGS] = {"org.nat64d1.read-bindings", "see bindings and sessions"},
	[AUTHORISE_MANAGE_POOL4] = {"org.nat64d1.manage-pool4", "change pool4"},
	[AUTHORISE_MANAGE_BIB] = {"org.nat64d1.manage-bib", "change bindings and clients"},
	[AUTHORISE_FLUSH_SESSIONS] = {"org.nat64d1.flush-sessions", "end sessions"},
	[AUTHORISE_CONFIGURE] = {"org.nat64d1.configure",
				 "drain, resume and configure the gateway"},
};

static int caller_of(struct authority *authority, sd_bus_message *message,
		     struct authorise_caller *ret, sd_bus_error *error)
{
	sd_bus *bus = sd_bus_message_get_bus(message);
	int r;

	if (sd_bus_is_server(bus) > 0)
		r = caller_of_socket(sd_bus_get_fd(bus), ret);
	else
		r = caller_of_bus_message(&authority->last, message, ret);
	if (r == -ETIMEDOUT)
		connection_give_up(authority->connection);
	if (r < 0)
		return sd_bus_error_set_errnof(error, r, "can not tell who the caller is");
	return 0;
}

static int refuse(enum authorise_action action, sd_bus_error *error)
{
	return sd_bus_error_setf(error, SD_BUS_ERROR_ACCESS_DENIED,
				 "only root and members of group " DBUS_ADMIN_GROUP " may %s",
				 actions[action].what);
}

int authorise(struct authority *authority, sd_bus_message *message, enum authorise_action action,
	      sd_bus_error *error)
{
	struct authorise_caller caller;
	int r;

	r = caller_of(authority, message, &caller, error);
	if (r < 0 || is_admin(&caller))
		return r;
	if (sd_bus_is_server(sd_bus_message_get_bus(message)) > 0)
		return refuse(action, error);
	return polkit_check(authority->polkit, message, caller.uid, actions[action].action,
			    actions[action].what, error);
}

int authorise_at_once(struct authority *authority, sd_bus_message *message,
		      enum authorise_action action, sd_bus_error *error)
{
	struct authorise_caller caller;
	int r;

	r = caller_of(authority, message, &caller, error);
	return r < 0 || is_admin(&caller) ? r : refuse(action, error);
}
