/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nat64ctl snapshot and restore: the state database out of a running daemon, and into one that does
 * not run.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "dbus/names.h"
#include "schema/store_restore.h"
#include "tools/ctl_change.h"
#include "tools/ctl_time.h"

#define _cleanup_message_ __attribute__((cleanup(sd_bus_message_unrefp)))

/* A large one takes its time. */
#define PATIENCE_USEC (600 * UINT64_C(1000000))
#define STATE_DIR     "/var/lib/nat64d"
#define NAMES_MAX     100 /* that are tried */

static enum ctl_status call_to(struct ctl *ctl, int fd, uint64_t *ret_rows)
{
	_cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
	enum ctl_status status = ctl_call_new(ctl, DBUS_INTERFACE_MANAGER, "SnapshotTo", &call);
	int r;

	if (status != CTL_DONE)
		return status;
	if (sd_bus_can_send(ctl->bus, 'h') <= 0)
		return ctl_fail(CTL_FAILED, "snapshot: this connection carries no files; "
					    "--socket would");
	r = sd_bus_message_append(call, "h", fd);
	if (r < 0)
		return ctl_fail(CTL_FAILED, "SnapshotTo: %s", g_strerror(-r));
	status = ctl_call(ctl, call, &reply);
	if (status != CTL_DONE)
		return status;
	r = sd_bus_message_read(reply, "t", ret_rows);
	return r < 0 ? ctl_bad_reply(r) : CTL_DONE;
}

/* The name stays, too, when the power goes. */
static int sync_directory(const char *file)
{
	g_autofree char *directory = g_path_get_dirname(file);
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 || fsync(fd) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return r;
}

/* Without a name, so that nothing is left of one that is given up; or, where the file system knows
 * no such files, with one, in *ret_name. The descriptor or a negative errno. */
static int make_fresh(const char *file, char **ret_name)
{
	g_autofree char *directory = g_path_get_dirname(file);
	int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	*ret_name = NULL;
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd < 0 ? -errno : fd;
	*ret_name = g_strconcat(file, ".XXXXXX", NULL);
	fd = g_mkstemp_full(*ret_name, O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	fd = -errno;
	g_clear_pointer(ret_name, g_free);
	return fd;
}

/* A name that nobody has, beside the one it is to get: links take nobody's place. */
static int give_name(int fd, const char *file, char **ret_name)
{
	g_autofree char *open_file = g_strdup_printf("/proc/self/fd/%d", fd);

	for (unsigned i = 0; i < NAMES_MAX; i++) {
		char *name = g_strdup_printf("%s.%08x", file, g_random_int());

		if (linkat(AT_FDCWD, open_file, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0) {
			*ret_name = name;
			return 0;
		}
		g_free(name);
		if (errno != EEXIST)
			break;
	}
	return -errno;
}

/* It is whole, and replaces what was there. */
static int put_in_place(int fd, const char *file, char **name)
{
	int r = fsync(fd) < 0 ? -errno : 0;

	if (r == 0 && !*name)
		r = give_name(fd, file, name);
	if (r == 0 && g_rename(*name, file) < 0)
		r = -errno;
	if (r < 0)
		return r;
	g_clear_pointer(name, g_free);
	return sync_directory(file);
}

static enum ctl_status write_to(struct ctl *ctl, const char *file)
{
	g_autofree char *name = NULL, *summary = NULL;
	int fd = make_fresh(file, &name);
	enum ctl_status status;
	uint64_t n_rows = 0;
	int r;

	if (fd < 0)
		return ctl_fail(CTL_FAILED, "snapshot: %s can not be made: %s", file,
				g_strerror(-fd));
	status = call_to(ctl, fd, &n_rows);
	r = status == CTL_DONE ? put_in_place(fd, file, &name) : 0;
	if (r < 0)
		status = ctl_fail(CTL_FAILED, "snapshot: %s can not be written: %s", file,
				  g_strerror(-r));
	close(fd);
	if (name)
		(void)g_unlink(name);
	if (status != CTL_DONE)
		return status;
	summary = g_strdup_printf("snapshot of %" PRIu64 " bindings and sessions written to %s",
				  n_rows, file);
	ctl_change_print(ctl, true, summary);
	return CTL_DONE;
}

enum ctl_status ctl_snapshot(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	const char *file = arguments->option[CTL_TO];
	g_autofree char *summary = NULL;

	ctl->patience_usec = PATIENCE_USEC;
	if (file == NULL)
		return ctl_change_call(ctl, "Snapshot", 0, arguments);
	if (!ctl_arguments_has(arguments, CTL_DRY_RUN))
		return write_to(ctl, file);
	summary = g_strdup_printf("would write a snapshot to %s", file);
	ctl_change_print(ctl, true, summary);
	return CTL_DONE;
}

/* ---- restore ------------------------------------------------------------------------------------
 */

static char *state_dir(const struct ctl *ctl, const struct ctl_arguments *arguments)
{
	if (ctl_arguments_has(arguments, CTL_STATE_DIR))
		return g_strdup(arguments->option[CTL_STATE_DIR]);
	return ctl->instance != NULL ? g_build_filename(STATE_DIR, ctl->instance, NULL)
				     : g_strdup(STATE_DIR);
}

enum ctl_status ctl_restore(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	g_autofree char *directory = state_dir(ctl, arguments), *summary = NULL;
	bool dry_run = ctl_arguments_has(arguments, CTL_DRY_RUN);
	const char *file = arguments->word[0];
	char text[STORE_TEXT_SIZE], time[CTL_TIME_SIZE];
	struct store_restored restored;
	int r = store_restore(directory, file, dry_run, &restored, text);

	if (r < 0)
		return ctl_fail(r == -ENOENT ? CTL_NO_SUCH : CTL_FAILED, "restore: %s", text);
	summary = g_strdup_printf(
		"%sthe next start of nat64d %s %" PRIu64 " bindings and %" PRIu64
		" sessions of %s; what does not fit its configuration is in its log%s",
		restored.is_there ? "the state database is that snapshot already: " : "",
		dry_run && !restored.is_there ? "would restore" : "restores", restored.n_bindings,
		restored.n_sessions,
		ctl_time_print((uint64_t)MAX(restored.wall_s, 0) * 1000000, time),
		restored.had_other ? "; the state of before is kept as state.db.replaced-TIME"
				   : "");
	ctl_change_print(ctl, !restored.is_there, summary);
	return CTL_DONE;
}
