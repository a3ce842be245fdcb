/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/change_call.h"

#include <string.h>

#include "dbus/names.h"

void change_ending_clear(struct change_ending *ending)
{
	g_free(ending->name);
	g_free(ending->text);
	g_free(ending->entry);
	g_free(ending->warnings);
	g_free(ending->differences);
}

/* One name with sentences, a line each; NULL if there is none. */
static char *read_sentences(sd_bus_message *reply)
{
	GString *lines = NULL;
	const char *text;

	if (sd_bus_message_enter_container(reply, 'e', "sv") <= 0)
		return NULL;
	lines = g_string_new(NULL);
	sd_bus_message_skip(reply, "s");
	sd_bus_message_enter_container(reply, 'v', "as");
	sd_bus_message_enter_container(reply, 'a', "s");
	while (sd_bus_message_read(reply, "s", &text) > 0)
		g_string_append_printf(lines, "%s\n", text);
	for (unsigned i = 0; i < 3; i++)
		g_assert_cmpint(sd_bus_message_exit_container(reply), >=, 0);
	return g_string_free(lines, FALSE);
}

void change_read_result(sd_bus_message *reply, struct change_ending *ret)
{
	const char *summary;

	g_assert_cmpint(sd_bus_message_enter_container(reply, 'a', "{sv}"), >, 0);
	g_assert_cmpint(sd_bus_message_read(reply, "{sv}{sv}", NULL, "b", &ret->changed, NULL, "s",
					    &summary),
			>, 0);
	ret->text = g_strdup(summary);
	ret->warnings = read_sentences(reply);
	ret->differences = read_sentences(reply);
}

/* signature: of what stands in front of the options; option NULL: none. */
static void change_call(sd_bus *bus, const char *method, const char *const *words,
			const char *option, const char *type, const void *value,
			struct change_ending *ret)
{
	_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_message_ sd_bus_message *message = NULL, *reply = NULL;

	*ret = (struct change_ending){NULL};
	g_assert_cmpint(sd_bus_message_new_method_call(bus, &message, DBUS_SERVICE, DBUS_PATH,
						       DBUS_INTERFACE_MANAGER, method),
			>=, 0);
	for (; *words != NULL; words++)
		sd_bus_message_append_basic(message, 's', *words);
	sd_bus_message_open_container(message, 'a', "{sv}");
	if (option != NULL) {
		sd_bus_message_open_container(message, 'e', "sv");
		sd_bus_message_append_basic(message, 's', option);
		sd_bus_message_open_container(message, 'v', type);
		sd_bus_message_append_basic(message, *type, value);
		sd_bus_message_close_container(message);
		sd_bus_message_close_container(message);
	}
	sd_bus_message_close_container(message);
	if (sd_bus_call(bus, message, 0, &error, &reply) < 0) {
		ret->name = g_strdup(error.name);
		ret->text = g_strdup(error.message);
		return;
	}
	if (strcmp(method, "AddPool4") == 0) {
		const char *entry;

		g_assert_cmpint(sd_bus_message_read(reply, "o", &entry), >, 0);
		ret->entry = g_strdup(entry);
	}
	change_read_result(reply, ret);
}

void change_add(const char *addresses, const char *ports, const char *protocols, const char *option,
		const char *type, const void *value, struct change_ending *ret)
{
	const char *const words[] = {addresses, ports, protocols, NULL};

	change_call(clients[0], "AddPool4", words, option, type, value, ret);
}

void change_config(const char *key, const char *value, const char *option,
		   struct change_ending *ret)
{
	static const int yes = 1;
	const char *const words[] = {key, value, NULL};

	change_call(clients[0], "SetConfig", words, option, "b", &yes, ret);
}

void change_gateway(sd_bus *bus, const char *method, const char *option, struct change_ending *ret)
{
	static const char *const no_words[] = {NULL};
	static const int yes = 1;

	change_call(bus, method, no_words, option, "b", &yes, ret);
}

void change_entry(const char *method, const char *entry, const char *option,
		  struct change_ending *ret)
{
	static const int yes = 1;
	const char *const words[] = {entry, NULL};

	change_call(clients[1], method, words, option, "b", &yes, ret);
}

void change_bib(const char *method, const char *protocols, const char *address6, uint16_t port6,
		const char *address4, uint16_t port4, const char *option, struct change_ending *ret)
{
	_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_message_ sd_bus_message *reply = NULL;
	int r;

	*ret = (struct change_ending){NULL};
	if (option != NULL)
		r = sd_bus_call_method(clients[1], DBUS_SERVICE, DBUS_PATH, DBUS_INTERFACE_MANAGER,
				       method, &error, &reply, "ssqsqa{sv}", protocols, address6,
				       port6, address4, port4, 1, option, "b", 1);
	else
		r = sd_bus_call_method(clients[1], DBUS_SERVICE, DBUS_PATH, DBUS_INTERFACE_MANAGER,
				       method, &error, &reply, "ssqsqa{sv}", protocols, address6,
				       port6, address4, port4, 0);
	if (r >= 0) {
		change_read_result(reply, ret);
		return;
	}
	ret->name = g_strdup(error.name);
	ret->text = g_strdup(error.message);
}

void change_force_dry(const char *entry, struct change_ending *ret)
{
	_cleanup_message_ sd_bus_message *reply = NULL;

	*ret = (struct change_ending){NULL};
	g_assert_cmpint(sd_bus_call_method(clients[1], DBUS_SERVICE, DBUS_PATH,
					   DBUS_INTERFACE_MANAGER, "RemovePool4", NULL, &reply,
					   "sa{sv}", entry, 2, "force", "b", 1, "dry-run", "b", 1),
			>=, 0);
	change_read_result(reply, ret);
}

void change_assert_done(const struct change_ending *ending, int changed, const char *text,
			const char *warnings)
{
	g_assert_cmpstr(ending->name, ==, NULL);
	g_assert_cmpstr(ending->text, ==, text);
	g_assert_cmpstr(ending->warnings, ==, warnings);
	g_assert_cmpint(ending->changed, ==, changed);
}

void change_assert_refused(const struct change_ending *ending, const char *name, const char *text)
{
	g_assert_cmpstr(ending->text, ==, text);
	g_assert_cmpstr(ending->name, ==, name);
}
