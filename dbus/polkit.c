/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See polkit.h. */
#include "dbus/polkit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dbus/names.h"
#include "dbus/quote.h"

#define POLKIT_NAME      "org.freedesktop.PolicyKit1"
#define POLKIT_PATH      "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_INTERFACE "org.freedesktop.PolicyKit1.Authority"

#define _cleanup_message_ __attribute__((cleanup(sd_bus_message_unrefp)))

#define POLKIT_ALLOW_USER_INTERACTION 1u
#define POLKIT_CANCELLATION_SIZE      24

/* A call, and what polkit has said about it. */
struct check {
	struct polkit *polkit;
	sd_bus_message *call; /* NULL: the place is free */
	sd_bus_slot *asked;   /* NULL once it is answered */
	uid_t user;
	const char *action, *what;
	char cancellation[POLKIT_CANCELLATION_SIZE];
	sd_bus_error refusal; /* unset: consent */
};

struct polkit {
	sd_event_source *idle; /* armed while answers wait to be made use of */
	uint64_t n_asked;
	struct check check[POLKIT_CHECKS_MAX];
};

static void check_end(struct check *check)
{
	sd_bus_slot_unref(check->asked);
	sd_bus_message_unref(check->call);
	sd_bus_error_free(&check->refusal);
	*check = (struct check){.polkit = check->polkit};
}

/* Nothing is left to be dispatched: nobody comes for these answers any more. */
static int on_idle(sd_event_source *source, void *userdata)
{
	struct polkit *polkit = userdata;

	for (unsigned i = 0; i < POLKIT_CHECKS_MAX; i++) {
		if (polkit->check[i].call != NULL && polkit->check[i].asked == NULL)
			check_end(&polkit->check[i]);
	}
	return 0;
}

int polkit_new(sd_event *event, struct polkit **ret)
{
	struct polkit *polkit = calloc(1, sizeof(*polkit));
	int r;

	if (polkit == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < POLKIT_CHECKS_MAX; i++)
		polkit->check[i].polkit = polkit;
	r = sd_event_add_defer(event, &polkit->idle, on_idle, polkit);
	if (r >= 0)
		r = sd_event_source_set_priority(polkit->idle, SD_EVENT_PRIORITY_IDLE);
	if (r >= 0)
		r = sd_event_source_set_enabled(polkit->idle, SD_EVENT_OFF);
	if (r < 0) {
		polkit_free(polkit);
		return r;
	}
	*ret = polkit;
	return 0;
}

void polkit_free(struct polkit *polkit)
{
	if (polkit == NULL)
		return;
	polkit_forget(polkit);
	sd_event_source_disable_unref(polkit->idle);
	free(polkit);
}

void polkit_forget(struct polkit *polkit)
{
	for (unsigned i = 0; i < POLKIT_CHECKS_MAX; i++)
		check_end(&polkit->check[i]);
}

/* There is no polkit, or none that can be started. */
static bool is_absent(const sd_bus_error *error)
{
	return sd_bus_error_has_name(error, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
	       sd_bus_error_has_name(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER) ||
	       strncmp(error->name, "org.freedesktop.DBus.Error.Spawn.", 33) == 0 ||
	       strncmp(error->name, "org.freedesktop.systemd1.", 25) == 0;
}

static void refuse_unanswered(const struct check *check, const sd_bus_error *why,
			      sd_bus_error *refusal)
{
	char quoted[QUOTE_SIZE];

	if (is_absent(why))
		sd_bus_error_setf(refusal, SD_BUS_ERROR_ACCESS_DENIED,
				  "only root and members of group " DBUS_ADMIN_GROUP " may %s",
				  check->what);
	else if (sd_bus_error_has_name(why, SD_BUS_ERROR_NO_REPLY))
		sd_bus_error_setf(refusal, SD_BUS_ERROR_ACCESS_DENIED,
				  "only root and members of group " DBUS_ADMIN_GROUP
				  " may %s: polkit has not answered whether you may",
				  check->what);
	else
		sd_bus_error_setf(refusal, SD_BUS_ERROR_ACCESS_DENIED,
				  "only root and members of group " DBUS_ADMIN_GROUP
				  " may %s: polkit can not say whether you may: '%s'",
				  check->what,
				  quote(why->message ? why->message : why->name, quoted));
}

static void refuse_answered(const struct check *check, bool needs_password, sd_bus_error *refusal)
{
	if (needs_password && sd_bus_message_get_allow_interactive_authorization(check->call) <= 0)
		sd_bus_error_setf(
			refusal, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
			"polkit lets you %s (%s) with a password only, and was not to ask "
			"for one",
			check->what, check->action);
	else
		sd_bus_error_setf(refusal, SD_BUS_ERROR_ACCESS_DENIED,
				  "only root and members of group " DBUS_ADMIN_GROUP
				  " may %s: polkit does not permit you %s",
				  check->what, check->action);
}

/* Into what stands in check->refusal then. */
static void judge(struct check *check, sd_bus_message *answer)
{
	const sd_bus_error *failed = sd_bus_message_get_error(answer);
	int authorised, needs_password;

	if (failed != NULL)
		refuse_unanswered(check, failed, &check->refusal);
	else if (!sd_bus_message_has_signature(answer, "(bba{ss})") ||
		 sd_bus_message_enter_container(answer, 'r', "bba{ss}") < 0 ||
		 sd_bus_message_read(answer, "bb", &authorised, &needs_password) < 0)
		sd_bus_error_setf(&check->refusal, SD_BUS_ERROR_ACCESS_DENIED,
				  "only root and members of group " DBUS_ADMIN_GROUP
				  " may %s: polkit's answer about others is none",
				  check->what);
	else if (!authorised)
		refuse_answered(check, needs_password, &check->refusal);
}

static int call_new(sd_bus *bus, const char *method, sd_bus_message **ret)
{
	return sd_bus_message_new_method_call(bus, ret, POLKIT_NAME, POLKIT_PATH, POLKIT_INTERFACE,
					      method);
}

/* Takes the dialog away that nobody has answered. One that has crashed is not started by this. */
static void cancel(sd_bus *bus, const struct check *check)
{
	_cleanup_message_ sd_bus_message *call = NULL;
	int r;

	r = call_new(bus, "CancelCheckAuthorization", &call);
	if (r >= 0)
		r = sd_bus_message_set_auto_start(call, false);
	if (r >= 0)
		r = sd_bus_message_append(call, "s", check->cancellation);
	if (r >= 0)
		(void)sd_bus_send(bus, call, NULL);
}

static int on_answer(sd_bus_message *answer, void *userdata, sd_bus_error *error)
{
	struct check *check = userdata;
	sd_bus *bus = sd_bus_message_get_bus(check->call);
	int r;

	check->asked = sd_bus_slot_unref(check->asked);
	judge(check, answer);
	if (sd_bus_message_is_method_error(answer, SD_BUS_ERROR_NO_REPLY))
		cancel(bus, check);
	r = sd_bus_message_rewind(check->call, true);
	if (r >= 0)
		r = sd_bus_enqueue_for_read(bus, check->call);
	if (r >= 0)
		r = sd_event_source_set_enabled(check->polkit->idle, SD_EVENT_ONESHOT);
	if (r < 0) /* the bus is gone */
		check_end(check);
	return 0;
}

static int ask(struct check *check)
{
	_cleanup_message_ sd_bus_message *question = NULL;
	sd_bus *bus = sd_bus_message_get_bus(check->call);
	bool interactive = sd_bus_message_get_allow_interactive_authorization(check->call) > 0;
	int r;

	r = call_new(bus, "CheckAuthorization", &question);
	if (r < 0)
		return r;
	r = sd_bus_message_append(question, "(sa{sv})sa{ss}us", "system-bus-name", 1, "name", "s",
				  sd_bus_message_get_sender(check->call), check->action, 0,
				  interactive ? POLKIT_ALLOW_USER_INTERACTION : 0u,
				  check->cancellation);
	if (r < 0)
		return r;
	return sd_bus_call_async(bus, &check->asked, question, on_answer, check,
				 interactive ? DBUS_PASSWORD_USEC : POLKIT_TIMEOUT_USEC);
}

/* A place for one more check of this user, or NULL. */
static struct check *find_place(struct polkit *polkit, uid_t user)
{
	struct check *place = NULL;
	unsigned n_same_user = 0;

	for (unsigned i = 0; i < POLKIT_CHECKS_MAX; i++) {
		struct check *check = &polkit->check[i];

		if (check->call == NULL)
			place = check;
		else if (check->user == user && check->asked != NULL)
			n_same_user++;
	}
	return n_same_user < POLKIT_CHECKS_PER_USER ? place : NULL;
}

static struct check *find_answered(struct polkit *polkit, const sd_bus_message *call)
{
	for (unsigned i = 0; i < POLKIT_CHECKS_MAX; i++) {
		if (polkit->check[i].call == call && polkit->check[i].asked == NULL)
			return &polkit->check[i];
	}
	return NULL;
}

int polkit_check(struct polkit *polkit, sd_bus_message *call, uid_t user, const char *action,
		 const char *what, sd_bus_error *error)
{
	struct check *check = find_answered(polkit, call);
	int r;

	if (check != NULL) {
		r = sd_bus_error_copy(error, &check->refusal);
		check_end(check);
		return r;
	}
	check = find_place(polkit, user);
	if (check == NULL)
		return sd_bus_error_setf(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
					 "polkit is being asked about too many calls: try again "
					 "when others have been answered");
	check->call = sd_bus_message_ref(call);
	check->user = user;
	check->action = action;
	check->what = what;
	(void)snprintf(check->cancellation, sizeof(check->cancellation), "%" PRIu64,
		       ++polkit->n_asked);
	r = ask(check);
	if (r < 0) {
		check_end(check);
		return sd_bus_error_set_errnof(error, r, "polkit can not be asked");
	}
	return 1;
}
