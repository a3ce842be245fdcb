/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat64ctl who: who had an address and port at a time, ready for an answer to a complaint. */
#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "dbus/names.h"
#include "tools/ctl_list.h"
#include "tools/ctl_side.h"
#include "tools/ctl_time.h"

#define _cleanup_message_ __attribute__((cleanup(sd_bus_message_unrefp)))

#define WITHIN_USEC (300 * UINT64_C(1000000))
#define NEVER       UINT64_MAX

static const struct table_column columns[] = {
	{"protocol", "PROTO", TABLE_TEXT}, {"client", "CLIENT", TABLE_TEXT},
	{"mapped", NULL, TABLE_TEXT},      {NULL, "FROM", TABLE_TEXT, true},
	{NULL, "UNTIL", TABLE_TEXT, true}, {"created", NULL, TABLE_TIME},
	{"ended", NULL, TABLE_TIME},       {NULL},
};

struct question {
	struct ctl_side side;
	uint64_t at_usec;
	uint64_t within_usec;
};

static enum ctl_status read_question(const struct ctl_arguments *arguments, struct question *ret)
{
	const char *at = arguments->option[CTL_AT];
	g_autofree char *problem = NULL;

	if (!ctl_side_parse(arguments->word[0], &ret->side) || ctl_side_is_ipv6(&ret->side) ||
	    ret->side.address[0] == '\0' || strchr(arguments->word[0], ':') == NULL ||
	    ret->side.first != ret->side.last)
		return ctl_fail(CTL_USAGE,
				"'%s' is not an IPv4 address and a port: 192.0.2.2:2000 is",
				arguments->word[0]);
	if (at == NULL)
		return ctl_fail(CTL_USAGE, "who: --at TIME is missing, such as "
					   "--at 2026-01-31T12:00:00Z");
	problem = ctl_time_parse(at, &ret->at_usec);
	if (problem != NULL)
		return ctl_fail(CTL_USAGE, "--at: %s", problem);
	ret->within_usec = ctl_arguments_has(arguments, CTL_WITHIN) ? arguments->number[CTL_WITHIN]
								    : WITHIN_USEC;
	return CTL_DONE;
}

static int read_rows(sd_bus_message *reply, const struct question *question, struct table *table,
		     unsigned *ret_n)
{
	const char *protocol, *address;
	char text[CTL_ENDPOINT_SIZE], time[CTL_TIME_SIZE];
	uint64_t created, ended;
	uint16_t port;
	int r = sd_bus_message_enter_container(reply, 'a', DBUS_TYPE_WHO);

	while (r >= 0 && (r = sd_bus_message_read(reply, DBUS_TYPE_WHO, &protocol, &address, &port,
						  &created, &ended)) > 0) {
		table_add_text(table, protocol);
		/* Of a block of ports it is the client's prefix. */
		table_add_text(table,
			       strchr(address, '/') ? address : ctl_endpoint6(address, port, text));
		table_add_text(table, ctl_endpoint4(question->side.address,
						    (uint16_t)question->side.first, text));
		table_add_text(table, ctl_time_print(created, time));
		table_add_text(table,
			       ended == NEVER ? "has it still" : ctl_time_print(ended, time));
		table_add_time(table, created);
		table_add_time(table, ended);
		++*ret_n;
	}
	return r;
}

/* "192.0.2.2:2000 between 2026-01-31T11:55:00Z and 2026-01-31T12:05:00Z" */
static char *say_question(const struct question *question)
{
	uint64_t from = question->at_usec - MIN(question->at_usec, question->within_usec);
	char first[CTL_TIME_SIZE], last[CTL_TIME_SIZE], text[CTL_ENDPOINT_SIZE];

	ctl_endpoint4(question->side.address, (uint16_t)question->side.first, text);
	return g_strdup_printf("%s between %s and %s", text, ctl_time_print(from, first),
			       ctl_time_print(question->at_usec + question->within_usec, last));
}

static enum ctl_status print(struct ctl *ctl, sd_bus_message *reply,
			     const struct question *question)
{
	struct table *table = table_new(columns, ctl->json, ctl->legend);
	g_autofree char *words = say_question(question);
	unsigned n = 0;
	int r = read_rows(reply, question, table, &n);

	if (r < 0 || (n == 0 && !ctl->json)) {
		table_free(table);
		return r < 0 ? ctl_bad_reply(r) : ctl_fail(CTL_NO_SUCH, "nobody had %s", words);
	}
	if (!ctl->json && ctl->legend)
		printf("%s (UTC):\n", words);
	table_end(table);
	return n == 0 ? CTL_NO_SUCH : CTL_DONE;
}

enum ctl_status ctl_who(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	_cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
	struct question question;
	enum ctl_status status = read_question(arguments, &question);
	int r;

	if (status == CTL_DONE)
		status = ctl_call_new(ctl, DBUS_INTERFACE_MANAGER, "Who", &call);
	if (status != CTL_DONE)
		return status;
	r = sd_bus_message_append(call, "sqtt", question.side.address,
				  (uint16_t)question.side.first, question.at_usec,
				  question.within_usec);
	if (r < 0)
		return ctl_fail(CTL_FAILED, "Who: %s", g_strerror(-r));
	status = ctl_call(ctl, call, &reply);
	return status != CTL_DONE ? status : print(ctl, reply, &question);
}
