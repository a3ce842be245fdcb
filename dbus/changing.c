/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See changing.h. */
#include "dbus/changing.h"

#include <errno.h>
#include <stdio.h>

#include "dbus/names.h"
#include "dbus/pool4_objects.h"

/* Differences that one answer names. */
#define DETAILS_MAX 10000

/* A call that waits. */
struct waiting {
	struct waiting *next;
	sd_bus_message *call;
	enum changing_reply form;
	enum change_step step; /* for what: any but CHANGE_ANSWER */
	struct change_request request;
	struct change_result result;
};

static const char *const error_names[N_CHANGE_ERRORS] = {
	[CHANGE_INVALID_ADDRESS] = DBUS_ERROR_INVALID_ADDRESS,
	[CHANGE_INVALID_PORTS] = DBUS_ERROR_INVALID_PORTS,
	[CHANGE_INVALID_PROTOCOL] = DBUS_ERROR_INVALID_PROTOCOL,
	[CHANGE_INVALID_VALUE] = DBUS_ERROR_INVALID_VALUE,
	[CHANGE_INVALID_KEY] = DBUS_ERROR_INVALID_KEY,
	[CHANGE_RESTART_REQUIRED] = DBUS_ERROR_RESTART_REQUIRED,
	[CHANGE_OVERRIDES_DISABLED] = DBUS_ERROR_OVERRIDES_DISABLED,
	[CHANGE_OVERLAP] = DBUS_ERROR_OVERLAP,
	[CHANGE_AMBIGUOUS] = DBUS_ERROR_AMBIGUOUS,
	[CHANGE_NO_SUCH_POOL4] = DBUS_ERROR_NO_SUCH_POOL4,
	[CHANGE_POOL4_IN_USE] = DBUS_ERROR_POOL4_IN_USE,
	[CHANGE_NO_SUCH_BIB] = DBUS_ERROR_NO_SUCH_BIB,
	[CHANGE_BIB_EXISTS] = DBUS_ERROR_BIB_EXISTS,
	[CHANGE_ADDRESS_TAKEN] = DBUS_ERROR_ADDRESS_TAKEN,
	[CHANGE_NOT_IN_POOL4] = DBUS_ERROR_NOT_IN_POOL4,
	[CHANGE_NO_SUCH_CLIENT] = DBUS_ERROR_NO_SUCH_CLIENT,
	[CHANGE_CLIENT_BLOCKED] = DBUS_ERROR_CLIENT_BLOCKED,
	[CHANGE_EXHAUSTED] = DBUS_ERROR_EXHAUSTED,
	[CHANGE_DATABASE_FAILED] = DBUS_ERROR_DATABASE_FAILED,
	[CHANGE_NOT_SUPPORTED] = SD_BUS_ERROR_NOT_SUPPORTED,
	[CHANGE_FAILED] = SD_BUS_ERROR_FAILED,
};

int changing_begin(struct manager *manager, sd_bus_message *message, unsigned allowed,
		   enum authorise_action action, struct change_options *ret, sd_bus_error *error)
{
	int r = options_read(message, allowed, ret, error);

	return r < 0 ? r : authorise(&manager->authority, message, action, error);
}

/* One name with sentences, of which there are n. */
static int append_sentences(sd_bus_message *reply, const char *name, unsigned n,
			    const char *(*get)(const struct change_result *result, unsigned i),
			    const struct change_result *result)
{
	int r;

	r = sd_bus_message_open_container(reply, 'e', "sv");
	if (r >= 0)
		r = sd_bus_message_append(reply, "s", name);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'v', "as");
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "s");
	for (unsigned i = 0; r >= 0 && i < n; i++)
		r = sd_bus_message_append(reply, "s", get(result, i));
	for (unsigned i = 0; r >= 0 && i < 3; i++)
		r = sd_bus_message_close_container(reply);
	return r;
}

static const char *get_warning(const struct change_result *result, unsigned i)
{
	return result->warning[i];
}

static const char *get_detail(const struct change_result *result, unsigned i)
{
	return result->details[i];
}

static int append_result(sd_bus_message *reply, const struct change_result *result)
{
	unsigned n_details = 0;
	int r;

	r = sd_bus_message_open_container(reply, 'a', "{sv}");
	if (r >= 0)
		r = sd_bus_message_append(reply, "{sv}{sv}", "changed", "b", (int)result->changed,
					  "summary", "s", result->text);
	if (r >= 0)
		r = append_sentences(reply, "warnings", result->n_warnings, get_warning, result);
	while (result->details != NULL && n_details < DETAILS_MAX &&
	       result->details[n_details] != NULL)
		n_details++;
	if (r >= 0 && result->details != NULL)
		r = append_sentences(reply, "differences", n_details, get_detail, result);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

static void free_details(const struct change_result *result)
{
	for (unsigned i = 0; result->details != NULL && result->details[i] != NULL; i++)
		free(result->details[i]);
	free(result->details);
}

static int answer(const struct manager *manager, sd_bus_message *call, enum changing_reply form,
		  const struct change_result *result)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	char path[POOL4_OBJECT_PATH_SIZE];
	int r;

	r = sd_bus_message_new_method_return(call, &reply);
	if (r >= 0 && form == CHANGING_ENTRY)
		r = sd_bus_message_append(reply, "o",
					  pool4_object_path(manager->objects, result->pool4, path));
	if (r >= 0)
		r = append_result(reply, result);
	return r < 0 ? r : manager_send(reply);
}

int changing_finish(struct manager *manager, sd_bus_message *message, enum changing_reply form,
		    const struct change_result *result, sd_bus_error *error)
{
	int r = result->error != CHANGE_OK
			? sd_bus_error_set(error, error_names[result->error], result->text)
			: answer(manager, message, form, result);

	free_details(result);
	return r;
}

/* Nobody overtakes others: who waits for his turn is in front. */
static bool is_queue(const struct manager *manager)
{
	for (const struct waiting *waiting = manager->waiting; waiting != NULL;
	     waiting = waiting->next)
		if (waiting->step == CHANGE_WAIT_TURN)
			return true;
	return false;
}

int changing_ask(struct manager *manager, sd_bus_message *message, enum changing_reply form,
		 const struct change_request *request, sd_bus_error *error)
{
	struct waiting *waiting = malloc(sizeof(*waiting));
	int r;

	if (waiting == NULL)
		return -ENOMEM;
	*waiting = (struct waiting){.form = form,
				    .step = CHANGE_WAIT_TURN,
				    .request = *request,
				    .result = {.error = 0}};
	if (request->options.dry_run || !is_queue(manager))
		waiting->step = manager->changes->ask(manager->changes->context, &waiting->request,
						      &waiting->result);
	if (waiting->step == CHANGE_ANSWER) {
		r = changing_finish(manager, message, form, &waiting->result, error);
		free(waiting);
		return r;
	}
	waiting->call = sd_bus_message_ref(message);
	*manager->last_waiting = waiting;
	manager->last_waiting = &waiting->next;
	return 1;
}

/* What comes of one that has waited; it is freed. */
static void end(struct manager *manager, struct waiting *waiting)
{
	__attribute__((cleanup(sd_bus_error_free))) sd_bus_error error = SD_BUS_ERROR_NULL;

	if (changing_finish(manager, waiting->call, waiting->form, &waiting->result, &error) < 0)
		(void)sd_bus_reply_method_error(waiting->call, &error);
	sd_bus_message_unref(waiting->call);
	free(waiting);
}

/* Those that wait for this go on, in their order, and are answered if that is all; who does not get
 * his turn is waited for. */
static void go_on(struct manager *manager, enum change_step step,
		  enum change_step (*next_step)(struct manager *manager, struct waiting *waiting,
						const char *error),
		  const char *error)
{
	struct waiting **place = &manager->waiting;

	while (*place != NULL) {
		struct waiting *waiting = *place;

		if (waiting->step == step)
			waiting->step = next_step(manager, waiting, error);
		if (waiting->step == CHANGE_ANSWER) {
			*place = waiting->next;
			if (*place == NULL)
				manager->last_waiting = place;
			end(manager, waiting);
			continue;
		}
		if (step == CHANGE_WAIT_TURN && waiting->step == CHANGE_WAIT_TURN)
			break;
		place = &waiting->next;
	}
}

static void fail(struct waiting *waiting, enum change_error code, const char *format,
		 const char *error)
{
	free_details(&waiting->result);
	waiting->result = (struct change_result){.error = code};
	(void)snprintf(waiting->result.text, sizeof(waiting->result.text), format, error);
}

static enum change_step step_stored(struct manager *manager, struct waiting *waiting,
				    const char *error)
{
	if (error == NULL)
		return manager->changes->carry_out(manager->changes->context, &waiting->request,
						   &waiting->result);
	fail(waiting, CHANGE_DATABASE_FAILED, "%s", error);
	return CHANGE_ANSWER;
}

static enum change_step step_turn(struct manager *manager, struct waiting *waiting,
				  const char *error)
{
	return manager->changes->ask(manager->changes->context, &waiting->request,
				     &waiting->result);
}

/* With what stays done all the same. */
static void fail_rules(struct waiting *waiting, const char *error)
{
	char lasting[CHANGE_TEXT_SIZE];
	struct change_result *result = &waiting->result;
	size_t size;

	(void)snprintf(lasting, sizeof(lasting), "%s", result->lasting);
	fail(waiting, CHANGE_FAILED, "the packet rules can not follow: %s", error);
	size = strlen(result->text);
	if (lasting[0] != '\0')
		(void)snprintf(result->text + size, sizeof(result->text) - size,
			       "; this stays done: %s", lasting);
}

static enum change_step step_settled(struct manager *manager, struct waiting *waiting,
				     const char *error)
{
	if (error != NULL)
		fail_rules(waiting, error);
	else if (waiting->result.pool4 != 0)
		manager->changes->add_warnings(manager->changes->context, &waiting->result);
	return CHANGE_ANSWER;
}

void changing_stored(struct manager *manager, const char *error)
{
	go_on(manager, CHANGE_WAIT_STORE, step_stored, error);
}

void changing_next_turn(struct manager *manager)
{
	go_on(manager, CHANGE_WAIT_TURN, step_turn, NULL);
}

void changing_settle(struct manager *manager, const char *error)
{
	go_on(manager, CHANGE_WAIT_RULES, step_settled, error);
}

void changing_drop(struct manager *manager)
{
	while (manager->waiting != NULL) {
		struct waiting *next = manager->waiting->next;

		sd_bus_message_unref(manager->waiting->call);
		free_details(&manager->waiting->result);
		free(manager->waiting);
		manager->waiting = next;
	}
	manager->last_waiting = &manager->waiting;
}
