/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Methods of the manager about the configuration: keys, prefixes of Pool6, the files read anew. */
#include <stdio.h>
#include <string.h>

#include "dbus/authorise.h"
#include "dbus/changing.h"
#include "dbus/manager_internal.h"
#include "dbus/names.h"
#include "dbus/quote.h"

static void key_clear(struct change_key *key)
{
	free(key->value);
	free(key->source);
}

static int append_key(sd_bus_message *reply, const struct change_key *key)
{
	char name[128];

	(void)snprintf(name, sizeof(name), "%s.%s", key->section, key->name);
	return sd_bus_message_append(reply, DBUS_TYPE_CONFIG, name, key->value, key->source,
				     (int)key->live);
}

int config_method_list(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct manager *manager = userdata;
	const struct change_calls *changes = manager->changes;
	_cleanup_message_ sd_bus_message *reply = NULL;
	struct change_key key;
	int r;

	r = sd_bus_message_new_method_return(message, &reply);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', DBUS_TYPE_CONFIG);
	for (unsigned i = 0; r >= 0 && changes->get_key(changes->context, i, &key); i++) {
		r = append_key(reply, &key);
		key_clear(&key);
	}
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	return r < 0 ? r : manager_send(reply);
}

/* Is this the name of the key? */
static bool is_named(const struct change_key *key, const char *name)
{
	size_t length = strlen(key->section);

	return strncmp(name, key->section, length) == 0 && name[length] == '.' &&
	       strcmp(name + length + 1, key->name) == 0;
}

int config_method_get(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct manager *manager = userdata;
	const struct change_calls *changes = manager->changes;
	char quoted[QUOTE_SIZE];
	struct change_key key;
	const char *name;
	int r;

	r = sd_bus_message_read(message, "s", &name);
	if (r < 0)
		return r;
	for (unsigned i = 0; changes->get_key(changes->context, i, &key); i++) {
		bool found = is_named(&key, name);

		if (found)
			r = sd_bus_reply_method_return(message, "s", key.value);
		key_clear(&key);
		if (found)
			return r;
	}
	return sd_bus_error_setf(error, DBUS_ERROR_INVALID_KEY, "there is no key '%s'",
				 quote(name, quoted));
}

static int change(struct manager *manager, sd_bus_message *message, enum change_kind kind,
		  unsigned n_words, sd_bus_error *error)
{
	struct change_request request = {.kind = kind};
	int r = 0;

	if (n_words > 0)
		r = sd_bus_message_read(message, "s", &request.word);
	if (r >= 0 && n_words > 1)
		r = sd_bus_message_read(message, "s", &request.value);
	if (r < 0)
		return r;
	r = changing_begin(manager, message, 0, AUTHORISE_CONFIGURE, &request.options, error);
	return r != 0 ? r : changing_ask(manager, message, CHANGING_RESULT, &request, error);
}

int config_method_set(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	return change(userdata, message, CHANGE_SET_CONFIG, 2, error);
}

int config_method_reset(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	return change(userdata, message, CHANGE_RESET_CONFIG, 1, error);
}

int config_method_add_pool6(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	return change(userdata, message, CHANGE_ADD_POOL6, 1, error);
}

int config_method_remove_pool6(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	return change(userdata, message, CHANGE_REMOVE_POOL6, 1, error);
}

int config_method_reload(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	return change(userdata, message, CHANGE_RELOAD, 0, error);
}
