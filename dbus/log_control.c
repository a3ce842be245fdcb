/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See log_control.h. */
#include "dbus/log_control.h"

#include <linux/capability.h>
#include <string.h>

#include "daemon/log.h"
#include "dbus/manager_internal.h"
#include "dbus/names.h"
#include "dbus/quote.h"

#define GETTER(name)                                                                 \
	static int name(sd_bus *bus, const char *path, const char *interface,        \
			const char *property, sd_bus_message *reply, void *userdata, \
			sd_bus_error *error)
#define SETTER(name)                                                                 \
	static int name(sd_bus *bus, const char *path, const char *interface,        \
			const char *property, sd_bus_message *value, void *userdata, \
			sd_bus_error *error)

GETTER(get_level)
{
	return sd_bus_message_append(reply, "s", log_level_name(log_level()));
}

SETTER(set_level)
{
	struct manager *manager = userdata;
	char quoted[QUOTE_SIZE];
	const char *text;
	int level, r;

	r = authorise_at_once(&manager->authority, value, AUTHORISE_CONFIGURE, error);
	if (r >= 0)
		r = sd_bus_message_read(value, "s", &text);
	if (r < 0)
		return r;
	if (!log_level_parse(text, &level))
		return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
					 "'%s' is none of: err, warning, notice, info, debug",
					 quote(text, quoted));
	log_set_level(level);
	log_line(LOG_NOTICE, "the log level is %s now", log_level_name(level));
	return 0;
}

static const char *target(void)
{
	return log_is_to_journal() ? "journal" : "console";
}

GETTER(get_target)
{
	return sd_bus_message_append(reply, "s", target());
}

/* Whoever started the daemon has said where its lines go. */
SETTER(set_target)
{
	struct manager *manager = userdata;
	char quoted[QUOTE_SIZE];
	const char *text;
	int r;

	r = authorise_at_once(&manager->authority, value, AUTHORISE_CONFIGURE, error);
	if (r >= 0)
		r = sd_bus_message_read(value, "s", &text);
	if (r < 0 || strcmp(text, target()) == 0)
		return r;
	return sd_bus_error_setf(error, SD_BUS_ERROR_NOT_SUPPORTED,
				 "the log goes to the %s, and can not be led to '%s'", target(),
				 quote(text, quoted));
}

GETTER(get_identifier)
{
	return sd_bus_message_append(reply, "s", "nat64d");
}

/* clang-format off */
static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_WRITABLE_PROPERTY("LogLevel", "s", get_level, set_level, 0, MANAGER_CHANGES),
	SD_BUS_WRITABLE_PROPERTY("LogTarget", "s", get_target, set_target, 0, MANAGER_CHANGES),
	SD_BUS_PROPERTY("SyslogIdentifier", "s", get_identifier, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_VTABLE_END,
};
/* clang-format on */

int log_control_serve(struct manager *manager, sd_bus *bus)
{
	return sd_bus_add_object_vtable(bus, NULL, DBUS_PATH_LOG_CONTROL,
					DBUS_INTERFACE_LOG_CONTROL, vtable, manager);
}
