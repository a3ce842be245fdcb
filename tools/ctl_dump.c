/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See ctl_dump.h. */
#include "tools/ctl_dump.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dbus/names.h"

#define _cleanup_message_ __attribute__((cleanup(sd_bus_message_unrefp)))

/* As much as may wait in a pipe without privileges: fewer turns of daemon and reader. */
#define PIPE_SIZE (1 << 20)

/* Once everything has been read, the daemon tells how it ended. */
#define DONE_USEC 10000000

struct done {
	uint64_t id; /* 0: not told yet */
	uint64_t n_rows;
	int32_t error;
};

static int on_message(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct done *done = userdata;

	if (sd_bus_message_is_signal(message, DBUS_INTERFACE_MANAGER, "DumpDone"))
		(void)sd_bus_message_read(message, "tti", &done->id, &done->n_rows, &done->error);
	return 0;
}

/* Lines into elements of an array: each end of a line is a comma if another one follows. */
static void print_elements(const char *text, size_t size, bool *begun, bool *is_end_of_line)
{
	while (size > 0) {
		const char *end = memchr(text, '\n', size);
		size_t length = end != NULL ? (size_t)(end - text) : size;

		if (!*begun)
			fputs("[\n", stdout);
		else if (*is_end_of_line)
			fputs(",\n", stdout);
		*begun = true;
		(void)fwrite(text, 1, length, stdout);
		*is_end_of_line = end != NULL;
		length += end != NULL;
		text += length;
		size -= length;
	}
}

/* Until the daemon has closed its end, or nobody reads ours. */
static enum ctl_status print_all(int fd)
{
	g_autofree char *buffer = g_malloc(PIPE_SIZE);
	bool begun = false, is_end_of_line = false;
	ssize_t n;

	while (!ferror(stdout) && (n = read(fd, buffer, PIPE_SIZE)) != 0) {
		if (n > 0)
			print_elements(buffer, (size_t)n, &begun, &is_end_of_line);
		else if (errno != EINTR)
			return ctl_fail(CTL_FAILED, "the list can not be read: %s",
					g_strerror(errno));
	}
	fputs(begun ? "\n]\n" : "[]\n", stdout);
	return CTL_DONE;
}

/* Was that all of it? */
static enum ctl_status wait_done(struct ctl *ctl, const struct done *done, uint64_t id)
{
	int r = 1;

	while (r >= 0 && done->id != id) {
		r = sd_bus_process(ctl->bus, NULL);
		if (r == 0) {
			r = sd_bus_wait(ctl->bus, DONE_USEC);
			if (r == 0)
				r = -ETIMEDOUT;
		}
	}
	if (r < 0)
		return ctl_fail(CTL_FAILED, "the list may be incomplete: %s", g_strerror(-r));
	if (done->error != 0)
		return ctl_fail(CTL_FAILED, "the list is incomplete: %s", g_strerror(done->error));
	return CTL_DONE;
}

/* Asks for the dump; closes fds[1]. */
static enum ctl_status begin(struct ctl *ctl, const char *table,
			     const struct ctl_arguments *arguments, int fds[2], uint64_t *ret_id)
{
	_cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
	enum ctl_status status;
	int r;

	status = ctl_call_new(ctl, DBUS_INTERFACE_MANAGER, "Dump", &call);
	if (status != CTL_DONE)
		return status;
	r = sd_bus_message_append(call, "s", table);
	if (r >= 0)
		r = ctl_arguments_append(call, arguments, CTL_FILTERS);
	if (r >= 0)
		r = sd_bus_message_append(call, "sh", "json", fds[1]);
	if (r < 0)
		return ctl_fail(CTL_FAILED, "Dump: %s", g_strerror(-r));
	status = ctl_call(ctl, call, &reply);
	if (status != CTL_DONE)
		return status;
	close(fds[1]);
	fds[1] = -1;
	r = sd_bus_message_read(reply, "t", ret_id);
	return r < 0 ? ctl_bad_reply(r) : CTL_DONE;
}

enum ctl_status ctl_dump_run(struct ctl *ctl, const char *table,
			     const struct ctl_arguments *arguments, bool *ret_done)
{
	_cleanup_message_ sd_bus_message *probe = NULL;
	struct done done = {.id = 0};
	sd_bus_slot *slot = NULL;
	enum ctl_status status;
	int fds[2];
	uint64_t id;

	/* Connects, if nothing else has. */
	status = ctl_call_new(ctl, DBUS_INTERFACE_MANAGER, "Dump", &probe);
	*ret_done = status != CTL_DONE || sd_bus_can_send(ctl->bus, 'h') > 0;
	if (!*ret_done || status != CTL_DONE)
		return status;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return ctl_fail(CTL_FAILED, "there is no pipe to be had: %s", g_strerror(errno));
	(void)fcntl(fds[0], F_SETPIPE_SZ, PIPE_SIZE);
	if (sd_bus_add_filter(ctl->bus, &slot, on_message, &done) < 0)
		status = CTL_FAILED;
	if (status == CTL_DONE)
		status = begin(ctl, table, arguments, fds, &id);
	if (status == CTL_DONE)
		status = print_all(fds[0]);
	if (status == CTL_DONE && !ferror(stdout))
		status = wait_done(ctl, &done, id);
	sd_bus_slot_unref(slot);
	close(fds[0]);
	if (fds[1] >= 0)
		close(fds[1]);
	return status;
}
