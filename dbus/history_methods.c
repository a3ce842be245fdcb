/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Methods of the manager that the state database answers, later: who had what, and a copy of it. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "daemon/log.h"
#include "daemon/state_calls.h"
#include "dbus/argument.h"
#include "dbus/changing.h"
#include "dbus/names.h"

/* How often a signal about snapshots comes. */
#define TOLD_AT_ONCE  10
#define TOLD_A_SECOND 1

/* A call that waits for its answer. */
struct asked {
	struct manager *manager;
	sd_bus_message *call;
	bool to_fd; /* SnapshotTo */
};

static const char *const error_names[N_STATE_ERRORS] = {
	[STATE_OFF] = SD_BUS_ERROR_NOT_SUPPORTED,
	[STATE_BUSY] = SD_BUS_ERROR_LIMITS_EXCEEDED,
	[STATE_FAILED] = DBUS_ERROR_DATABASE_FAILED,
	[STATE_ENDS] = SD_BUS_ERROR_FAILED,
};

static struct asked *asked_new(struct manager *manager, sd_bus_message *call, bool to_fd)
{
	struct asked *asked = malloc(sizeof(*asked));

	if (asked != NULL)
		*asked = (struct asked){manager, sd_bus_message_ref(call), to_fd};
	return asked;
}

static void asked_free(struct asked *asked)
{
	sd_bus_message_unref(asked->call);
	free(asked);
}

static void refuse(const struct asked *asked, const struct state_answer *answer)
{
	(void)sd_bus_reply_method_errorf(asked->call, error_names[answer->error], "%s",
					 answer->text);
}

static int append_owners(sd_bus_message *reply, const struct state_answer *answer)
{
	int r = sd_bus_message_open_container(reply, 'a', DBUS_TYPE_WHO);

	for (uint32_t i = 0; r >= 0 && i < answer->n_owners; i++) {
		const struct state_owner *owner = &answer->owner[i];
		const struct prefix6 prefix = {.addr = owner->client.addr,
					       .len = owner->prefix_len};
		bool is_block = owner->protocol == N_PROTOCOLS;
		char text[ADDR_TEXT_SIZE];

		r = sd_bus_message_append(
			reply, DBUS_TYPE_WHO, is_block ? "any" : protocol_name(owner->protocol),
			is_block ? prefix6_print(&prefix, text)
				 : addr6_print(&owner->client.addr, text),
			owner->client.port, owner->created_usec, owner->ended_usec);
	}
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

static void answer_who(void *cookie, const struct state_answer *answer)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	struct asked *asked = cookie;
	int r = 0;

	if (answer->error != STATE_OK) {
		refuse(asked, answer);
	} else {
		r = sd_bus_message_new_method_return(asked->call, &reply);
		if (r >= 0)
			r = append_owners(reply, answer);
		if (r >= 0)
			(void)manager_send(reply);
	}
	if (r < 0)
		(void)sd_bus_reply_method_errno(asked->call, r, NULL);
	asked_free(asked);
}

int history_method_who(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct manager *manager = userdata;
	struct state_who question;
	const char *address;
	struct asked *asked;
	int r;

	r = sd_bus_message_read(message, "sqtt", &address, &question.mapped.port, &question.at_usec,
				&question.within_usec);
	if (r >= 0)
		r = argument_addr4(address, &question.mapped.addr, error);
	if (r < 0)
		return r;
	r = authorise(&manager->authority, message, AUTHORISE_READ_BINDINGS, error);
	if (r != 0)
		return r;
	asked = asked_new(manager, message, false);
	if (asked == NULL)
		return -ENOMEM;
	manager->state->who(manager->state->context, &question, answer_who, asked);
	return 1;
}

/* ---- snapshots ----------------------------------------------------------------------------------
 */

/* Whoever fails again and again wakes all others no more often than this. */
static bool may_tell(struct manager *manager, bool is_done)
{
	struct token_bucket *bucket = &manager->snapshots_told[is_done];

	token_bucket_refill(bucket, TOLD_A_SECOND, gateway_now_ms());
	if (!token_bucket_has_token(bucket, TOLD_AT_ONCE))
		return false;
	token_bucket_take(bucket);
	return true;
}

static void tell_snapshot(sd_bus *bus, void *userdata)
{
	const struct state_answer *answer = userdata;

	if (answer->error == STATE_OK)
		(void)sd_bus_emit_signal(bus, DBUS_PATH, DBUS_INTERFACE_MANAGER, "SnapshotDone",
					 "tt", answer->n_rows, answer->usec);
	else
		(void)sd_bus_emit_signal(bus, DBUS_PATH, DBUS_INTERFACE_MANAGER, "SnapshotFailed",
					 "s", answer->text);
}

static void reply_snapshot(const struct asked *asked, const struct state_answer *answer)
{
	struct change_result result = {.error = CHANGE_OK, .changed = true};
	sd_bus_error error = SD_BUS_ERROR_NULL;

	(void)snprintf(result.text, sizeof(result.text),
		       "snapshot of %" PRIu64 " bindings and sessions written to %s",
		       answer->n_rows, asked->manager->state->snapshot_path);
	log_line(LOG_NOTICE, "%s", result.text);
	(void)changing_finish(asked->manager, asked->call, CHANGING_RESULT, &result, &error);
	sd_bus_error_free(&error);
}

static void answer_snapshot(void *cookie, const struct state_answer *answer)
{
	struct asked *asked = cookie;
	struct state_answer told = *answer;

	/* What is refused is nobody else's business. */
	if ((answer->error == STATE_OK || answer->error == STATE_FAILED) &&
	    may_tell(asked->manager, answer->error == STATE_OK))
		manager_for_each_bus(asked->manager, tell_snapshot, &told);
	if (answer->error != STATE_OK)
		refuse(asked, answer);
	else if (asked->to_fd)
		(void)sd_bus_reply_method_return(asked->call, "t", answer->n_rows);
	else
		reply_snapshot(asked, answer);
	asked_free(asked);
}

static int begin_snapshot(struct manager *manager, sd_bus_message *message, int fd)
{
	struct asked *asked = asked_new(manager, message, fd >= 0);

	if (asked == NULL)
		return -ENOMEM;
	manager->state->snapshot(manager->state->context, fd, answer_snapshot, asked);
	return 1;
}

int history_method_snapshot(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct manager *manager = userdata;
	struct change_result result = {.error = CHANGE_OK, .changed = true};
	struct change_options options;
	int r;

	r = changing_begin(manager, message, 0, AUTHORISE_CONFIGURE, &options, error);
	if (r != 0)
		return r;
	if (!options.dry_run)
		return begin_snapshot(manager, message, -1);
	(void)snprintf(result.text, sizeof(result.text), "would write a snapshot to %s",
		       manager->state->snapshot_path);
	return changing_finish(manager, message, CHANGING_RESULT, &result, error);
}

/* Something that takes bytes, and is no device that could do anything else with them. */
static int check_fd(int fd, sd_bus_error *error)
{
	int flags = fcntl(fd, F_GETFL);
	struct stat status;

	if (flags < 0 || fstat(fd, &status) < 0)
		return -errno;
	if ((flags & O_ACCMODE) == O_RDONLY || (flags & O_PATH))
		return sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS,
					"the file descriptor is not open for writing");
	if (S_ISREG(status.st_mode) || S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode))
		return 0;
	return sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS,
				"the file descriptor is no file, pipe or socket");
}

int history_method_snapshot_to(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct manager *manager = userdata;
	int fd, r;

	r = sd_bus_message_read(message, "h", &fd);
	if (r >= 0)
		r = check_fd(fd, error);
	if (r < 0)
		return r;
	r = authorise(&manager->authority, message, AUTHORISE_READ_BINDINGS, error);
	return r != 0 ? r : begin_snapshot(manager, message, fd);
}
