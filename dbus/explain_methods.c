/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The method of the manager that says what would become of a packet. */
#include <errno.h>
#include <stddef.h>

#include "daemon/core/policy.h"
#include "dbus/authorise.h"
#include "dbus/dictionary.h"
#include "dbus/explain.h"
#include "dbus/manager_internal.h"
#include "dbus/question.h"

static int read_options(sd_bus_message *message, struct question_options *ret, sd_bus_error *error)
{
	static const struct dictionary_row rows[] = {
		{"flags", 's', 1 << 0, offsetof(struct question_options, flags)},
		{"icmp", 's', 1 << 1, offsetof(struct question_options, icmp)},
		{"length", 'u', 1 << 2, offsetof(struct question_options, length)},
		{"ttl", 'u', 1 << 3, offsetof(struct question_options, ttl)},
	};

	static const struct dictionary dictionary = {
		.noun = "option",
		.error = SD_BUS_ERROR_INVALID_ARGS,
		.rows = rows,
		.n_rows = sizeof(rows) / sizeof(rows[0]),
	};

	*ret = QUESTION_OPTIONS;
	return dictionary_read(message, &dictionary, ~0u, ret, NULL, error);
}

static struct prefix6 first_pool6(struct gateway *gateway)
{
	struct prefix6 prefix;

	gateway_lock(gateway);
	prefix = *policy_pool6(gateway->nat, 0);
	gateway_unlock(gateway);
	return prefix;
}

/* Asks the core, and puts its answer into words while nothing can change. */
static int ask(struct gateway *gateway, const struct question *question, enum outcome *ret_outcome,
	       struct explanation *ret)
{
	_cleanup_free_ uint8_t *data = malloc(question->length);
	const uint64_t now_ms = gateway_now_ms();
	struct decision decision;
	struct packet packet;

	if (data == NULL)
		return -ENOMEM;
	packet = question_packet(question, data);
	gateway_lock(gateway);
	*ret_outcome = nat64_explain(gateway->nat, &packet, now_ms, &decision);
	explain_decision(gateway->nat, &packet, &decision, *ret_outcome, now_ms, ret);
	gateway_unlock(gateway);
	return 0;
}

static int send_explanation(sd_bus_message *message, enum outcome outcome,
			    const struct explanation *explanation)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	int r;

	r = sd_bus_message_new_method_return(message, &reply);
	if (r >= 0)
		r = sd_bus_message_append(reply, "s", outcome_info(outcome)->name);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "(ss)");
	for (unsigned i = 0; r >= 0 && i < explanation->n_steps; i++)
		r = sd_bus_message_append(reply, "(ss)", explanation->step[i].name,
					  explanation->step[i].text);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	return r < 0 ? r : manager_send(reply);
}

int explain_method(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct manager *manager = userdata;
	const struct prefix6 pool6 = first_pool6(manager->gateway);
	const char *protocol, *source, *destination;
	struct question_options options;
	struct explanation explanation;
	struct question question;
	enum outcome outcome;
	int r;

	r = sd_bus_message_read(message, "sss", &protocol, &source, &destination);
	if (r >= 0)
		r = read_options(message, &options, error);
	if (r >= 0)
		r = question_parse(protocol, source, destination, &options, &pool6, &question,
				   error);
	if (r < 0)
		return r;
	r = authorise(&manager->authority, message, AUTHORISE_READ_BINDINGS, error);
	if (r != 0)
		return r;
	r = ask(manager->gateway, &question, &outcome, &explanation);
	return r < 0 ? r : send_explanation(message, outcome, &explanation);
}
