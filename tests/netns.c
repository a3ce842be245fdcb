/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/netns.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	if (!file)
		return;
	(void)fputs(text, file);
	(void)fclose(file);
}

static void write_map(const char *path, unsigned id)
{
	char *text = g_strdup_printf("0 %u 1", id);

	write_file(path, text);
	g_free(text);
}

gboolean netns_enter(void)
{
	unsigned uid = getuid();
	unsigned gid = getgid();
	int flags = CLONE_NEWNET | (uid == 0 ? 0 : CLONE_NEWUSER);

	if (unshare(flags) < 0) {
		char *reason = g_strdup_printf("no network namespace: %s", g_strerror(errno));

		g_test_skip(reason);
		g_free(reason);
		return FALSE;
	}
	if (uid != 0) {
		write_file("/proc/self/setgroups", "deny");
		write_map("/proc/self/uid_map", uid);
		write_map("/proc/self/gid_map", gid);
	}
	netns_run("ip link set lo up");
	return TRUE;
}

static gboolean run(const char *line, char **ret_said)
{
	GError *error = NULL;
	int status;

	if (!g_spawn_command_line_sync(line, NULL, ret_said, &status, &error) ||
	    !g_spawn_check_wait_status(status, &error)) {
		g_clear_error(&error);
		return FALSE;
	}
	return TRUE;
}

void netns_run(const char *format, ...)
{
	char *said = NULL;
	va_list args;
	char *line;

	va_start(args, format);
	line = g_strdup_vprintf(format, args);
	va_end(args);
	if (!run(line, &said))
		g_error("%s: %s", line, said ? said : "can not be run");
	g_free(said);
	g_free(line);
}

gboolean netns_try(const char *format, ...)
{
	char *said = NULL;
	gboolean worked;
	va_list args;
	char *line;

	va_start(args, format);
	line = g_strdup_vprintf(format, args);
	va_end(args);
	worked = run(line, &said);
	g_free(said);
	g_free(line);
	return worked;
}

#define LOCAL_WITHIN_MS 5000
#define LOOK_EVERY_MS   1

void netns_add_address(const char *address, const char *device)
{
	gboolean is_ip6 = strchr(address, ':') != NULL;
	char **part = g_strsplit(address, "/", 2);
	char *line =
		g_strdup_printf("ip %s route show table local %s", is_ip6 ? "-6" : "-4", part[0]);
	char *said = NULL;

	netns_run("ip address add %s dev %s %s", address, device, is_ip6 ? "nodad" : "");
	for (unsigned ms = 0; ms < LOCAL_WITHIN_MS; ms += LOOK_EVERY_MS) {
		g_clear_pointer(&said, g_free);
		if (g_spawn_command_line_sync(line, &said, NULL, NULL, NULL) && said[0] != '\0')
			break;
		g_usleep(LOOK_EVERY_MS * 1000);
	}
	if (!said || said[0] == '\0')
		g_error("%s is not local after %u ms", address, LOCAL_WITHIN_MS);
	g_free(said);
	g_free(line);
	g_strfreev(part);
}
