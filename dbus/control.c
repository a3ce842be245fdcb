/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See control.h. */
#include "dbus/control.h"

#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <systemd/sd-id128.h>
#include <time.h>
#include <unistd.h>

#include "dbus/local_socket.h"
#include "dbus/names.h"

#define YIELDED ".before" /* the socket's name while another daemon has the path */

struct peer {
	struct control *control;
	sd_bus *bus; /* NULL: the place is free */
	uint64_t since_usec;
	/* While it is to read first: writes, and reads nothing. Else the bus is on the event loop.
	 */
	sd_event_source *writing;
};

struct control {
	int fd;
	char *path; /* set once the socket is ours */
	bool yielded;
	sd_event *event;
	sd_event_source *source;
	sd_event_source *patience; /* armed while somebody waits for a place */
	control_connect_fn on_connect;
	void *userdata;
	struct peer peer[CONTROL_PEERS_MAX];
};

static uint64_t n_unread(sd_bus *bus)
{
	uint64_t n = 0;

	(void)sd_bus_get_n_queued_write(bus, &n);
	return n;
}

sd_bus *control_peer(const struct control *control, unsigned i)
{
	sd_bus *bus = control->peer[i].bus;

	return bus != NULL && n_unread(bus) < CONTROL_REPLIES_MAX ? bus : NULL;
}

static void hang_up(struct peer *peer)
{
	peer->writing = sd_event_source_disable_unref(peer->writing);
	peer->bus = sd_bus_close_unref(peer->bus);
	(void)sd_event_source_set_enabled(peer->control->source, SD_EVENT_ON);
}

static int attach(struct peer *peer)
{
	/* At the end of the loop sd-bus would wait until all is read, and hang up: the end waits
	 * for nobody, and some are answered after it. */
	(void)sd_bus_set_close_on_exit(peer->bus, false);
	return sd_bus_attach_event(peer->bus, peer->control->event, SD_EVENT_PRIORITY_NORMAL);
}

/* The peer has read something. sd-bus writes first, and while it can write whole messages reads
 * nothing. */
static int on_writable(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct peer *peer = userdata;
	sd_bus *bus = sd_bus_ref(peer->bus);
	int r = sd_bus_process(bus, NULL);

	sd_bus_unref(bus);
	if (peer->bus == NULL) /* hung up meanwhile */
		return 0;
	if (r >= 0 && n_unread(peer->bus) <= CONTROL_REPLIES_MAX / 2) {
		peer->writing = sd_event_source_disable_unref(peer->writing);
		r = attach(peer);
	}
	if (r < 0)
		hang_up(peer);
	return 0;
}

static void let_it_read_first(struct peer *peer)
{
	int r;

	r = sd_bus_detach_event(peer->bus);
	if (r >= 0)
		r = sd_event_add_io(peer->control->event, &peer->writing, sd_bus_get_fd(peer->bus),
				    EPOLLOUT, on_writable, peer);
	if (r < 0)
		hang_up(peer);
}

/* Sees each message before the manager does. The signal is sd-bus's own, when a connection ends. */
static int on_message(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct peer *peer = userdata;

	if (sd_bus_message_is_signal(message, "org.freedesktop.DBus.Local", "Disconnected")) {
		hang_up(peer);
		return 1;
	}
	if (peer->writing == NULL && n_unread(peer->bus) >= CONTROL_REPLIES_MAX)
		let_it_read_first(peer);
	return peer->bus == NULL; /* else this one is served */
}

/* Makes a server for the peer out of an accepted socket; takes over fd. */
static int serve(struct peer *peer, int fd)
{
	const int memory = CONTROL_SEND_MEMORY;
	struct control *control = peer->control;
	sd_bus *bus = NULL;
	sd_id128_t id;
	int r;

	/* Without the privilege it is as much as everybody gets. */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &memory, sizeof(memory));
	r = sd_bus_new(&bus);
	if (r < 0) {
		close(fd);
		return r;
	}
	r = sd_bus_set_fd(bus, fd, fd);
	if (r < 0) {
		close(fd);
		goto fail;
	}
	r = sd_id128_randomize(&id);
	if (r >= 0)
		r = sd_bus_set_server(bus, true, id);
	if (r >= 0) /* the kernel has said who the peer is: authorise.c asks it */
		r = sd_bus_set_anonymous(bus, true);
	if (r >= 0)
		r = sd_bus_add_filter(bus, NULL, on_message, peer);
	if (r >= 0)
		r = control->on_connect(bus, control->userdata);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r < 0)
		goto fail;
	peer->bus = bus;
	r = attach(peer);
	if (r >= 0)
		return 0;
fail:
	peer->bus = NULL;
	sd_bus_close_unref(bus);
	return r;
}

/* Lets those who connect wait, for a while. */
static int wait_for_place(struct control *control)
{
	int r;

	r = sd_event_source_set_time_relative(control->patience, CONTROL_PATIENCE_USEC);
	if (r >= 0)
		r = sd_event_source_set_enabled(control->patience, SD_EVENT_ONESHOT);
	if (r < 0)
		return r;
	return sd_event_source_set_enabled(control->source, SD_EVENT_OFF);
}

/* While others wait, there is no place for who does not even say what he wants. */
static int on_patience(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct control *control = userdata;

	for (unsigned i = 0; i < CONTROL_PEERS_MAX; i++) {
		struct peer *peer = &control->peer[i];

		if (peer->bus != NULL && sd_bus_is_ready(peer->bus) <= 0 &&
		    usec >= peer->since_usec + CONTROL_PATIENCE_USEC)
			hang_up(peer);
	}
	return sd_event_source_set_enabled(control->source, SD_EVENT_ON);
}

static int on_connection(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct control *control = userdata;
	unsigned place = 0;
	int peer_fd;

	while (place < CONTROL_PEERS_MAX && control->peer[place].bus != NULL)
		place++;
	if (place == CONTROL_PEERS_MAX)
		return wait_for_place(control);
	peer_fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (peer_fd < 0) /* without descriptors or memory it would be reported over and over */
		return errno == EAGAIN ? 0 : wait_for_place(control);
	(void)sd_event_now(control->event, CLOCK_MONOTONIC, &control->peer[place].since_usec);
	(void)serve(&control->peer[place], peer_fd);
	return 0;
}

/* Write permission is what lets a peer connect; until chmod() only our own user has it. */
static void permit_admins(const char *path)
{
	const struct group *admins = getgrnam(DBUS_ADMIN_GROUP);
	struct stat status;

	/* The unit's sandbox permits no chown(), and its group is that. */
	if (admins == NULL || (stat(path, &status) == 0 && status.st_gid == admins->gr_gid) ||
	    chown(path, (uid_t)-1, admins->gr_gid) == 0)
		(void)chmod(path, 0660);
	else
		(void)chmod(path, 0600);
}

static int open_socket(struct control *control, const char *path)
{
	int r;

	control->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (control->fd < 0)
		return -errno;
	r = local_socket_bind(control->fd, path);
	if (r < 0)
		return r;
	control->path = strdup(path);
	if (control->path == NULL)
		return -ENOMEM;
	permit_admins(path);
	if (listen(control->fd, CONTROL_PEERS_MAX) < 0)
		return -errno;
	return 0;
}

int control_new(sd_event *event, const char *path, control_connect_fn on_connect, void *userdata,
		struct control **ret)
{
	struct control *control = calloc(1, sizeof(*control));
	int r;

	if (control == NULL)
		return -ENOMEM;
	control->fd = -1;
	for (unsigned i = 0; i < CONTROL_PEERS_MAX; i++)
		control->peer[i].control = control;
	control->event = sd_event_ref(event);
	control->on_connect = on_connect;
	control->userdata = userdata;
	r = open_socket(control, path);
	if (r >= 0)
		r = sd_event_add_io(event, &control->source, control->fd, EPOLLIN, on_connection,
				    control);
	if (r >= 0)
		r = sd_event_add_time(event, &control->patience, CLOCK_MONOTONIC, UINT64_MAX, 0,
				      on_patience, control);
	if (r >= 0)
		r = sd_event_source_set_enabled(control->patience, SD_EVENT_OFF);
	if (r < 0) {
		control_free(control);
		return r;
	}
	*ret = control;
	return 0;
}

static char *yielded_path(const struct control *control)
{
	size_t size = strlen(control->path) + sizeof(YIELDED);
	char *path = malloc(size);

	if (path != NULL)
		(void)snprintf(path, size, "%s%s", control->path, YIELDED);
	return path;
}

void control_yield(struct control *control)
{
	char *yielded = yielded_path(control);

	for (unsigned i = 0; i < CONTROL_PEERS_MAX; i++)
		if (control->peer[i].bus != NULL)
			hang_up(&control->peer[i]);
	(void)sd_event_source_set_enabled(control->source, SD_EVENT_OFF);
	(void)sd_event_source_set_enabled(control->patience, SD_EVENT_OFF);
	if (yielded == NULL || rename(control->path, yielded) < 0)
		(void)unlink(control->path);
	control->yielded = true;
	free(yielded);
}

int control_return(struct control *control)
{
	char *yielded = yielded_path(control);
	int r = 0;

	if (yielded == NULL || rename(yielded, control->path) < 0)
		r = yielded == NULL ? -ENOMEM : -errno;
	free(yielded);
	if (r < 0)
		return r;
	control->yielded = false;
	r = sd_event_source_set_enabled(control->source, SD_EVENT_ON);
	return r < 0 ? r : 0;
}

/* A path that is ours. */
static void remove_path(struct control *control)
{
	char *yielded = control->yielded ? yielded_path(control) : NULL;

	if (!control->yielded)
		(void)unlink(control->path);
	else if (yielded != NULL)
		(void)unlink(yielded);
	free(yielded);
}

void control_free(struct control *control)
{
	if (control == NULL)
		return;
	for (unsigned i = 0; i < CONTROL_PEERS_MAX; i++) {
		sd_event_source_disable_unref(control->peer[i].writing);
		sd_bus_close_unref(control->peer[i].bus);
	}
	sd_event_source_disable_unref(control->source);
	sd_event_source_disable_unref(control->patience);
	sd_event_unref(control->event);
	if (control->path != NULL)
		remove_path(control);
	if (control->fd >= 0)
		close(control->fd);
	free(control->path);
	free(control);
}
