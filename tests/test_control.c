/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Clients that do not behave, on the control socket, and a bus that goes away: the service stays
 * there for the others (INTERFACE, section 2; STYLE, 4: what a stranger can make grow has a limit).
 */
#include "dbus/control.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "dbus/local_socket.h"
#include "dbus/names.h"
#include "tests/bus.h"

#define _cleanup_message_ __attribute__((cleanup(sd_bus_message_unrefp)))

/* Of one poll(): far more than anything here takes. */
#define WAIT_MS 20000

static struct test_service service;

/* A stream to the control socket, without a word. */
static int connect_silently(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpuint(strlen(service.socket_path), <, sizeof(address.sun_path));
	memcpy(address.sun_path, service.socket_path, strlen(service.socket_path) + 1);
	g_assert_cmpint(connect(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	return fd;
}

/* Reads until the service hangs up. */
static void assert_hangs_up(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	char text[256];

	do {
		g_assert_cmpint(poll(&poll_fd, 1, WAIT_MS), ==, 1);
	} while (read(fd, text, sizeof(text)) > 0);
}

static void get_statistics(sd_bus *bus)
{
	_cleanup_message_ sd_bus_message *reply = NULL;

	g_assert_cmpint(sd_bus_call_method(bus, DBUS_SERVICE, DBUS_PATH, DBUS_INTERFACE_MANAGER,
					   "GetStatistics", NULL, &reply, NULL),
			>=, 0);
}

/* A well-behaved client is served. As nat64ctl, it waits for a place in the queue to connect. */
static void assert_served(bool to_socket)
{
	sd_bus *bus = NULL;

	if (to_socket) {
		int fd = connect_silently();

		g_assert_cmpint(sd_bus_new(&bus), >=, 0);
		g_assert_cmpint(sd_bus_set_fd(bus, fd, fd), >=, 0);
		g_assert_cmpint(sd_bus_start(bus), >=, 0);
	} else {
		bus = test_service_connect(&service, false);
	}
	get_statistics(bus);
	sd_bus_flush_close_unref(bus);
}

/* Peers that connect and say nothing hold all places, and more of them wait. */
static void test_silent(void)
{
	int fd[CONTROL_PEERS_MAX + 10];

	for (unsigned i = 0; i < G_N_ELEMENTS(fd); i++)
		fd[i] = connect_silently();
	assert_served(true);
	for (unsigned i = 0; i < G_N_ELEMENTS(fd); i++)
		close(fd[i]);
	assert_served(true);
}

static void test_garbage(void)
{
	static const struct {
		const char *text;
		size_t size;
	} cases[] = {
		{"GET / HTTP/1.1\r\n\r\n", 18},
		{"\0AUTH NONSENSE 00\r\nBEGIN\r\nxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 53},
		{"\0AUTH ANONYMOUS\r\nBEGIN\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
		 "\xff\xff\xff",
		 40},
		/* A header of 4 GiB. */
		{"\0AUTH ANONYMOUS\r\nBEGIN\r\nl\1\0\1\xff\xff\xff\xff\1\0\0\0\xff\xff\xff\xff",
		 40},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		int fd = connect_silently();

		g_test_message("case %u", i);
		g_assert_cmpint(send(fd, cases[i].text, cases[i].size, MSG_NOSIGNAL), ==,
				(gssize)cases[i].size);
		(void)shutdown(fd, i % 2 == 0 ? SHUT_WR : SHUT_RD);
		if (i % 2 == 0)
			assert_hangs_up(fd);
		close(fd);
		assert_served(true);
	}
}

#define LONG_USEC  600000000
#define N_CALLS    250
#define N_BINDINGS 4000

static int on_reply(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	g_assert_false(sd_bus_message_is_method_error(message, NULL));
	++*(unsigned *)userdata;
	return 0;
}

/* Bytes that the service has not read. */
static int n_unread(sd_bus *bus)
{
	int n = 0;

	g_assert_cmpint(ioctl(sd_bus_get_fd(bus), SIOCOUTQ, &n), ==, 0);
	return n;
}

/* For N_CALLS answers, of which the kernel can keep some only: each is about 300 kB. */
static void ask(sd_bus *bus, unsigned *n_answers)
{
	for (unsigned i = 0; i < N_CALLS; i++)
		g_assert_cmpint(sd_bus_call_method_async(bus, NULL, DBUS_SERVICE, DBUS_PATH,
							 DBUS_INTERFACE_MANAGER, "ListBib",
							 on_reply, n_answers, "a{sv}su", 0, "",
							 DBUS_ROWS_MAX),
				>=, 0);
}

/* From one that asks and asks and reads no answer, nothing more is read before memory is full of
 * them. Others are served; and so is this one, to the last answer, once it reads. */
static void test_never_reads(void)
{
	sd_bus *bus = test_service_connect(&service, true);
	unsigned n_answers = 0;
	int before, after;

	for (uint32_t client = 0; client < N_BINDINGS; client++)
		test_service_add_session(&service, PROTOCOL_UDP, client, 7, 1);
	get_statistics(bus); /* the handshake is over */
	/* The last answer may take longer than sd-bus waits for one: sd_bus_wait() ends by that. */
	g_assert_cmpint(sd_bus_set_method_call_timeout(bus, LONG_USEC), >=, 0);
	ask(bus, &n_answers);
	do {
		before = n_unread(bus);
		assert_served(true);
		after = n_unread(bus);
	} while (after != before);
	g_test_message("%d bytes are not read", after);
	g_assert_cmpint(after, >, 0);
	while (n_answers < N_CALLS) {
		int r = sd_bus_process(bus, NULL);

		g_assert_cmpint(r, >=, 0);
		if (r == 0)
			g_assert_cmpint(sd_bus_wait(bus, WAIT_MS * 1000), >, 0);
	}
	get_statistics(bus);
	sd_bus_close_unref(bus);
}

/* One that has let many answers pile up hangs up. */
static void test_never_reads_and_goes(void)
{
	sd_bus *bus = test_service_connect(&service, true);
	unsigned n_answers = 0;

	get_statistics(bus);
	ask(bus, &n_answers);
	assert_served(true);
	sd_bus_close_unref(bus);
	for (unsigned i = 0; i < 2 * CONTROL_PEERS_MAX; i++)
		assert_served(true);
}

/* The service's process has no descriptor left for the peer that waits, until later. */
static void test_no_descriptors(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	static const char hello[] = "\0AUTH ANONYMOUS\r\n";
	struct rlimit before, none;
	struct timespec cpu_begin, cpu_end;

	memcpy(address.sun_path, service.socket_path, strlen(service.socket_path) + 1);
	g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &before), ==, 0);
	none = before;
	none.rlim_cur = (rlim_t)fd + 1;
	g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &none), ==, 0);
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu_begin);
	g_assert_cmpint(connect(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	g_assert_cmpint(send(fd, hello, sizeof(hello) - 1, MSG_NOSIGNAL), ==, sizeof(hello) - 1);
	g_assert_cmpint(poll(&poll_fd, 1, 300), ==, 0);
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu_end);
	g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &before), ==, 0);
	g_assert_cmpint(poll(&poll_fd, 1, WAIT_MS), ==, 1); /* served now */
	close(fd);
	/* And it has not asked for one over and over meanwhile. */
	g_assert_cmpint((cpu_end.tv_sec - cpu_begin.tv_sec) * 1000 +
				(cpu_end.tv_nsec - cpu_begin.tv_nsec) / 100000,
			<, 150);
}

/* The bus dies: the control socket works. It comes back: the name is there again. */
static void test_bus_restarts(void)
{
	for (unsigned i = 0; i < 2; i++) {
		bool owned = false;
		sd_bus *watcher;

		test_service_stop_bus(&service);
		assert_served(true);
		test_service_start_bus(&service);
		watcher = test_service_watch(&service, &owned);
		test_service_wait(watcher, &owned);
		sd_bus_flush_close_unref(watcher);
		assert_served(false);
	}
}

/* The bus hangs while it is asked who many callers are: that is waited for once. Once it goes on,
 * it gets us back. */
static void test_bus_hangs(void)
{
	const gint64 begin = g_get_monotonic_time();
	unsigned n_answers = 0;
	sd_bus *callers[16], *caller;

	gateway_lock(&service.gateway); /* the first call waits for this, and the others for it */
	for (unsigned i = 0; i < G_N_ELEMENTS(callers); i++) {
		callers[i] = test_service_connect(&service, false);
		g_assert_cmpint(sd_bus_call_method_async(callers[i], NULL, DBUS_SERVICE, DBUS_PATH,
							 DBUS_INTERFACE_MANAGER, "ListBib",
							 on_reply, &n_answers, "a{sv}su", 0, "", 1),
				>=, 0);
		g_assert_cmpint(sd_bus_flush(callers[i]), >=, 0);
		/* The bus has passed it on before it answers this. */
		g_assert_cmpint(sd_bus_call_method(callers[i], "org.freedesktop.DBus",
						   "/org/freedesktop/DBus", "org.freedesktop.DBus",
						   "GetId", NULL, NULL, NULL),
				>=, 0);
	}
	g_assert_cmpint(kill(service.bus_daemon, SIGSTOP), ==, 0);
	gateway_unlock(&service.gateway);
	assert_served(true);
	/* Two seconds for each of them would be half a minute. */
	g_assert_cmpint(g_get_monotonic_time() - begin, <, 20000000);
	g_assert_cmpint(kill(service.bus_daemon, SIGCONT), ==, 0);
	for (unsigned i = 0; i < G_N_ELEMENTS(callers); i++)
		sd_bus_close_unref(callers[i]);
	caller = test_service_connect(&service, false);
	while (sd_bus_call_method(caller, DBUS_SERVICE, DBUS_PATH, DBUS_INTERFACE_MANAGER,
				  "GetStatistics", NULL, NULL, NULL) < 0)
		g_usleep(10000);
	sd_bus_flush_close_unref(caller);
}

/* Another program has our name: it is asked for again, and ours once that one goes. */
static void test_name_taken(void)
{
	bool owned = false;
	sd_bus *thief, *watcher;

	test_service_stop_bus(&service);
	test_service_start_bus(&service);
	thief = test_service_connect(&service, false);
	/* Whoever comes first, the thief gets it. */
	g_assert_cmpint(sd_bus_request_name(thief, DBUS_SERVICE, SD_BUS_NAME_ALLOW_REPLACEMENT), >=,
			0);
	assert_served(true);
	watcher = test_service_watch(&service, &owned);
	g_assert_cmpint(sd_bus_release_name(thief, DBUS_SERVICE), >=, 0);
	test_service_wait(watcher, &owned);
	sd_bus_flush_close_unref(thief);
	sd_bus_flush_close_unref(watcher);
	assert_served(false);
}

static int bind_there(const char *path)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r = local_socket_bind(fd, path);

	(void)close(fd);
	return r;
}

/* A name is taken from the dead alone. */
static void test_names(void)
{
	g_autofree char *name = g_build_filename(service.directory, "a-name", NULL);
	g_autofree char *file = g_build_filename(service.directory, "a-file", NULL);
	g_autofree char *link = g_build_filename(service.directory, "a-link", NULL);
	g_autofree char *nowhere = g_build_filename(service.directory, "nowhere", "a-name", NULL);
	g_autofree char *too_long = g_strnfill(sizeof(((struct sockaddr_un *)NULL)->sun_path), 'x');

	g_assert_cmpint(bind_there(service.socket_path), ==, -EADDRINUSE);
	(void)close(connect_silently());
	g_assert_cmpint(bind_there(name), ==, 0);
	g_assert_cmpint(bind_there(name), ==, 0);
	g_assert_true(g_file_set_contents(file, "mine", -1, NULL));
	g_assert_cmpint(bind_there(file), ==, -EADDRINUSE);
	g_assert_cmpint(g_access(file, F_OK), ==, 0);
	g_assert_cmpint(symlink(name, link), ==, 0);
	g_assert_cmpint(bind_there(link), ==, -EADDRINUSE);
	g_assert_cmpint(bind_there(nowhere), ==, -ENOENT);
	g_assert_cmpint(bind_there(too_long), ==, -ENAMETOOLONG);
	(void)g_unlink(link);
	(void)g_unlink(file);
	(void)g_unlink(name);
}

/* Dies as a test that fails or is killed does, and says what it would have left behind. */
static void test_killed(void)
{
	g_print("%s\n", service.directory);
	(void)fflush(stdout);
	(void)raise(SIGKILL);
}

/* A killed test leaves no directory behind. */
static void test_leaves_nothing(void)
{
	g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
	const char *argv[] = {self, "--killed", NULL};
	g_autofree char *out = NULL;
	g_autoptr(GError) error = NULL;
	unsigned attempts = 0;

	g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &out, NULL, NULL,
		     &error);
	g_assert_no_error(error);
	g_strstrip(out);
	g_assert_true(g_str_has_prefix(out, g_get_tmp_dir()));
	while (g_access(out, F_OK) == 0 && attempts++ < 2000)
		(void)poll(NULL, 0, 10);
	g_assert_cmpint(g_access(out, F_OK), ==, -1);
}

int main(int argc, char **argv)
{
	int r;

	if (argc == 2 && strcmp(argv[1], "--killed") == 0) {
		test_service_start(&service);
		test_killed();
	}
	g_test_init(&argc, &argv, NULL);
	test_service_start(&service);
	g_test_add_func("/control/silent", test_silent);
	g_test_add_func("/control/garbage", test_garbage);
	g_test_add_func("/control/never-reads", test_never_reads);
	g_test_add_func("/control/never-reads-and-goes", test_never_reads_and_goes);
	g_test_add_func("/control/no-descriptors", test_no_descriptors);
	g_test_add_func("/control/bus-restarts", test_bus_restarts);
	g_test_add_func("/control/bus-hangs", test_bus_hangs);
	g_test_add_func("/control/name-taken", test_name_taken);
	g_test_add_func("/control/names", test_names);
	g_test_add_func("/control/leaves-nothing", test_leaves_nothing);
	r = g_test_run();
	test_service_stop(&service);
	return r;
}
