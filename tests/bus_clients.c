/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/bus_clients.h"

#include <grp.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "dbus/names.h"

struct test_service service;
sd_bus *clients[2];

void bus_clients_begin(const char *config)
{
	if (config != NULL)
		test_service_start_with(&service, config);
	else
		test_service_start(&service);
	for (unsigned i = 0; i < 2; i++)
		clients[i] = test_service_connect(&service, i == 1);
}

void bus_clients_end(void)
{
	for (unsigned i = 0; i < 2; i++)
		clients[i] = sd_bus_flush_close_unref(clients[i]);
	test_service_stop(&service);
}

int bus_clients_run(const char *config)
{
	int r;

	/* Where it is permitted: addresses of the machine, which the entries may have, too, are
	 * not in the answers then. */
	(void)unshare(CLONE_NEWNET);
	bus_clients_begin(config);
	r = g_test_run();
	bus_clients_end();
	return r;
}

/* The C library's functions would change all threads, the service's included. */
sd_bus *bus_clients_connect_as(uid_t user, gid_t group, bool to_socket)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	sd_bus *bus;

	g_assert_cmpint(syscall(SYS_setgroups, 0, NULL), ==, 0);
	g_assert_cmpint(syscall(SYS_setresgid, -1, group, -1), ==, 0);
	g_assert_cmpint(syscall(SYS_setresuid, -1, user, -1), ==, 0);
	bus = test_service_connect(&service, to_socket);
	g_assert_cmpint(sd_bus_call_method(bus, DBUS_SERVICE, DBUS_PATH,
					   "org.freedesktop.DBus.Peer", "Ping", NULL, &reply, NULL),
			>=, 0);
	g_assert_cmpint(syscall(SYS_setresuid, -1, 0, -1), ==, 0);
	g_assert_cmpint(syscall(SYS_setresgid, -1, 0, -1), ==, 0);
	return bus;
}

/* A file of our own in the place of the system's, in a namespace of our own. */
bool bus_clients_make_group(void)
{
	g_autofree char *path = NULL, *text = NULL, *groups = NULL;
	g_autoptr(GError) error = NULL;
	bool done;
	int fd;

	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return false;
	g_assert_true(g_file_get_contents("/etc/group", &text, NULL, NULL));
	groups = g_strdup_printf("%s" DBUS_ADMIN_GROUP ":x:%u:\n", text, BUS_CLIENTS_GROUP);
	fd = g_file_open_tmp("nat64d-group-XXXXXX", &path, &error);
	g_assert_no_error(error);
	g_assert_cmpint(write(fd, groups, strlen(groups)), ==, (gssize)strlen(groups));
	g_assert_cmpint(fchmod(fd, 0644), ==, 0);
	close(fd);
	done = mount(path, "/etc/group", NULL, MS_BIND, NULL) == 0;
	g_assert_cmpint(unlink(path), ==, 0);
	return done;
}

static void become_nobody(gpointer data)
{
	if (setgroups(0, NULL) < 0 || setgid(65534) < 0 || setuid(65534) < 0)
		_exit(99);
}

void bus_clients_check_access(const char *const *calls, size_t n_calls, bool allowed)
{
	if (geteuid() != 0) {
		g_test_skip("needs root, to become somebody else");
		return;
	}
	for (size_t i = 0; i < n_calls; i++) {
		const char *object =
			*calls[i] == '/' ? "" : DBUS_PATH " " DBUS_INTERFACE_MANAGER " ";
		g_autofree char *line =
			g_strdup_printf("busctl --address=%s call " DBUS_SERVICE " %s%s",
					service.bus_address, object, calls[i]);
		g_autoptr(GError) error = NULL;
		g_autofree char *message = NULL;
		g_auto(GStrv) words = NULL;
		int status;

		g_assert_true(g_shell_parse_argv(line, NULL, &words, NULL));
		g_spawn_sync(NULL, words, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL,
			     become_nobody, NULL, NULL, &message, &status, &error);
		g_assert_no_error(error);
		g_test_message("%s: %s", calls[i], message);
		g_assert_cmpint(status == 0, ==, allowed);
		if (!allowed)
			g_assert_nonnull(strstr(message, "Access denied"));
	}
}
