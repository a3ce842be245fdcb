/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The service manager hears of beats, and of nothing else. */
#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/watchdog.h"

static char *path;
static int manager;

/* A service manager's socket. */
static void listen_here(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = g_file_open_tmp("nat64d-watchdog-XXXXXX", &path, NULL);

	g_assert_cmpint(fd, >=, 0);
	close(fd);
	g_assert_cmpint(g_unlink(path), ==, 0);
	g_assert_cmpuint(g_strlcpy(address.sun_path, path, sizeof(address.sun_path)), <,
			 sizeof(address.sun_path));
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	g_assert_cmpint(bind(manager, (const struct sockaddr *)&address, sizeof(address)), ==, 0);
	g_setenv("NOTIFY_SOCKET", path, TRUE);
}

static void listen_no_more(void)
{
	close(manager);
	g_unlink(path);
	g_free(path);
	g_unsetenv("NOTIFY_SOCKET");
	g_unsetenv("WATCHDOG_USEC");
	g_unsetenv("WATCHDOG_PID");
}

static void assert_heard(const char *expected)
{
	char text[64] = "";

	if (recv(manager, text, sizeof(text) - 1, 0) < 0)
		g_assert_cmpint(errno, ==, EAGAIN);
	g_assert_cmpstr(text, ==, expected);
}

static void test_beats(void)
{
	struct watchdog watchdog = {0};

	listen_here();
	g_setenv("WATCHDOG_USEC", "10000000", TRUE);
	watchdog_feed(&watchdog, 0);
	assert_heard("");
	watchdog_feed(&watchdog, 1000);
	assert_heard("WATCHDOG=1");
	watchdog_feed(&watchdog, 1000);
	assert_heard("");
	watchdog_feed(&watchdog, 1500);
	assert_heard("WATCHDOG=1");
	listen_no_more();
}

/* The unit has none, or it is about another process. */
static void test_no_watchdog(void)
{
	static const char *const pid[] = {NULL, "1"};

	for (size_t i = 0; i < G_N_ELEMENTS(pid); i++) {
		struct watchdog watchdog = {0};

		listen_here();
		if (pid[i] != NULL) {
			g_setenv("WATCHDOG_USEC", "10000000", TRUE);
			g_setenv("WATCHDOG_PID", pid[i], TRUE);
		}
		watchdog_feed(&watchdog, 1000);
		assert_heard("");
		listen_no_more();
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/watchdog/beats", test_beats);
	g_test_add_func("/watchdog/no_watchdog", test_no_watchdog);
	return g_test_run();
}
