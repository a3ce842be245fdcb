/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat64ctl explain: what would become of a packet, step by step. */
#include <glib.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "dbus/names.h"
#include "tools/ctl_arguments.h"
#include "tools/terminal.h"

#define _cleanup_message_ __attribute__((cleanup(sd_bus_message_unrefp)))

#define TEXT_COLUMN 16

static enum ctl_status append(sd_bus_message *call, const struct ctl_arguments *arguments)
{
	int r = sd_bus_message_append(call, "sss", arguments->word[0], arguments->word[1],
				      arguments->word[2]);

	if (r >= 0)
		r = ctl_arguments_append(call, arguments,
					 CTL_BIT(CTL_FLAGS) | CTL_BIT(CTL_LENGTH) |
						 CTL_BIT(CTL_TTL) | CTL_BIT(CTL_ICMP_TYPE));
	return r < 0 ? ctl_fail(CTL_FAILED, "Explain: %s", g_strerror(-r)) : CTL_DONE;
}

/* "name   text", the text in lines that fit on a terminal. */
static void print_step(const char *name, const char *text)
{
	printf("%-*s", TEXT_COLUMN, name);
	terminal_print(TEXT_COLUMN, TEXT_COLUMN, text);
}

static int print(struct ctl *ctl, sd_bus_message *reply)
{
	const char *outcome, *name, *text;
	json_t *steps = json_array();
	int r;

	r = sd_bus_message_read(reply, "s", &outcome);
	if (r >= 0)
		r = sd_bus_message_enter_container(reply, 'a', "(ss)");
	while (r >= 0 && (r = sd_bus_message_read(reply, "(ss)", &name, &text)) > 0) {
		g_autofree char *ending = g_strdup_printf("%s: %s", outcome, text);

		if (ctl->json)
			(void)json_array_append_new(
				steps, json_pack("{s:s, s:s}", "step", name, "text", text));
		else
			print_step(name, strcmp(name, "outcome") == 0 ? ending : text);
	}
	if (r >= 0 && ctl->json)
		ctl_print_json(json_pack("{s:s, s:O}", "outcome", outcome, "steps", steps));
	json_decref(steps);
	return r;
}

enum ctl_status ctl_explain(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	_cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
	enum ctl_status status = ctl_call_new(ctl, DBUS_INTERFACE_MANAGER, "Explain", &call);
	int r;

	if (status == CTL_DONE)
		status = append(call, arguments);
	if (status == CTL_DONE)
		status = ctl_call(ctl, call, &reply);
	if (status != CTL_DONE)
		return status;
	r = print(ctl, reply);
	return r < 0 ? ctl_bad_reply(r) : CTL_DONE;
}
