/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See control.h. */
#include "dbus/control.h"

#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-id128.h>
#include <time.h>
#include <unistd.h>

#include "dbus/names.h"

struct peer {
	sd_bus *bus; /* NULL: the place is free */
	uint64_t since_usec;
};

struct control {
	int fd;
	char *path; /* set once the socket is ours */
	sd_event *event;
	sd_event_source *source;
	sd_event_source *patience; /* armed while somebody waits for a place */
	control_connect_fn on_connect;
	void *userdata;
	struct peer peer[CONTROL_PEERS_MAX];
};

sd_bus *control_peer(const struct control *control, unsigned i)
{
	return control->peer[i].bus;
}

static void hang_up(struct control *control, const sd_bus *bus)
{
	for (unsigned i = 0; i < CONTROL_PEERS_MAX; i++) {
		if (control->peer[i].bus == bus)
			control->peer[i].bus = sd_bus_close_unref(control->peer[i].bus);
	}
	(void)sd_event_source_set_enabled(control->source, SD_EVENT_ON);
}

/* Sees each message before the manager does. The signal is sd-bus's own, when a connection ends. */
static int on_message(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct control *control = userdata;
	sd_bus *bus = sd_bus_message_get_bus(message);
	uint64_t n_replies = 0;

	(void)sd_bus_get_n_queued_write(bus, &n_replies);
	if (n_replies < CONTROL_REPLIES_MAX &&
	    !sd_bus_message_is_signal(message, "org.freedesktop.DBus.Local", "Disconnected"))
		return 0;
	hang_up(control, bus);
	return 1;
}

/* Makes a server out of an accepted socket; takes over fd. */
static int serve(struct control *control, int fd, sd_bus **ret)
{
	sd_bus *bus = NULL;
	sd_id128_t id;
	int r;

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
		r = sd_bus_add_filter(bus, NULL, on_message, control);
	if (r >= 0)
		r = control->on_connect(bus, control->userdata);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r >= 0)
		r = sd_bus_attach_event(bus, control->event, SD_EVENT_PRIORITY_NORMAL);
	if (r < 0)
		goto fail;
	*ret = bus;
	return 0;
fail:
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
		const struct peer *peer = &control->peer[i];

		if (peer->bus != NULL && sd_bus_is_ready(peer->bus) <= 0 &&
		    usec >= peer->since_usec + CONTROL_PATIENCE_USEC)
			hang_up(control, peer->bus);
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
	(void)serve(control, peer_fd, &control->peer[place].bus);
	return 0;
}

/* Is somebody listening there? */
static bool is_alive(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool alive;

	if (fd < 0)
		return true; /* better leave it alone */
	alive = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
		errno == EAGAIN;
	close(fd);
	return alive;
}

/* Write permission is what lets a peer connect; until chmod() only our own user has it. */
static void permit_admins(const char *path)
{
	const struct group *admins = getgrnam(DBUS_ADMIN_GROUP);

	if (admins == NULL || chown(path, (uid_t)-1, admins->gr_gid) == 0)
		(void)chmod(path, 0660);
	else
		(void)chmod(path, 0600);
}

static int open_socket(struct control *control, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	control->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (control->fd < 0)
		return -errno;
	if (bind(control->fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		if (errno != EADDRINUSE || is_alive(&address))
			return -errno;
		if (unlink(path) < 0)
			return -errno;
		if (bind(control->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
			return -errno;
	}
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

void control_free(struct control *control)
{
	if (control == NULL)
		return;
	for (unsigned i = 0; i < CONTROL_PEERS_MAX; i++)
		sd_bus_close_unref(control->peer[i].bus);
	sd_event_source_disable_unref(control->source);
	sd_event_source_disable_unref(control->patience);
	sd_event_unref(control->event);
	if (control->path != NULL)
		(void)unlink(control->path);
	if (control->fd >= 0)
		close(control->fd);
	free(control->path);
	free(control);
}
