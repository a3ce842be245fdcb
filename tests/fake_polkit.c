/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See fake_polkit.h. */
#include "tests/fake_polkit.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static GPid pid;

static void die_with_parent(gpointer data)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
}

static bool has_owner(const char *name)
{
	return sd_bus_call_method(clients[0], "org.freedesktop.DBus", "/org/freedesktop/DBus",
				  "org.freedesktop.DBus", "GetNameOwner", NULL, NULL, "s",
				  name) >= 0;
}

void fake_polkit_start(void)
{
	const char *argv[] = {"/usr/bin/python3", "-m", "dbusmock", "--template", TEMPLATE, NULL};
	g_auto(GStrv) environment = g_environ_setenv(g_get_environ(), "DBUS_SYSTEM_BUS_ADDRESS",
						     service.bus_address, TRUE);
	g_autoptr(GError) error = NULL;
	unsigned attempts = 0;

	g_spawn_async(NULL, (char **)argv, environment,
		      G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL, die_with_parent, NULL,
		      &pid, &error);
	g_assert_no_error(error);
	while (!has_owner("org.freedesktop.PolicyKit1")) {
		g_assert_cmpint(waitpid(pid, NULL, WNOHANG), ==, 0);
		g_assert_cmpuint(attempts++, <, 2000);
		g_usleep(10000);
	}
}

void fake_polkit_stop(void)
{
	(void)kill(pid, SIGTERM);
	g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
}

void fake_polkit_mode(const char *mode, bool hang, const char *allowed)
{
	fake_polkit_tell("SetMode", NULL, NULL, "s", mode);
	fake_polkit_tell("SimulateHang", NULL, NULL, "b", (int)hang);
	fake_polkit_tell("SetAllowed", NULL, NULL, "as", 1, allowed);
}

char *fake_polkit_questions(void)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	GString *text = g_string_new(NULL);
	const char *question;

	fake_polkit_tell("TakeQuestions", NULL, &reply, NULL);
	g_assert_cmpint(sd_bus_message_enter_container(reply, 'a', "s"), >=, 0);
	while (sd_bus_message_read(reply, "s", &question) > 0)
		g_string_append_printf(text, "%s\n", question);
	return g_string_free(text, FALSE);
}

void fake_polkit_assert_asked(const char *expected)
{
	g_autofree char *questions = fake_polkit_questions();

	g_assert_cmpstr(questions, ==, expected);
}

void fake_polkit_wait(unsigned n)
{
	while (n > 0) {
		g_autofree char *questions = fake_polkit_questions();

		for (const char *at = questions; *at != '\0'; at++)
			n -= *at == '\n';
		g_usleep(1000);
	}
}

const char *fake_polkit_missing(void)
{
	if (geteuid() != 0)
		return "needs root, to become somebody else";
	if (system("/usr/bin/python3 -c 'import dbusmock' 2>/dev/null") != 0)
		return "needs Debian's python3-dbusmock";
	return NULL;
}

void fake_polkit_wait_end(void)
{
	g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
}
