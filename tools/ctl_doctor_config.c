/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nat64ctl doctor: the configuration that it judges by. That is what the files say and, above
 * them, what was set at run time, as that holds over restarts too. Keys that the files have changed
 * since the daemon read them count as if it had.
 */
#include "daemon/config_file.h"
#include "daemon/config_override.h"
#include "dbus/names.h"
#include "tools/ctl_doctor.h"

#define _cleanup_message_ __attribute__((cleanup(sd_bus_message_unrefp)))

/* The file that may be missing is the default one. */
static const char *path_of(const struct doctor *doctor)
{
	return doctor->config_given || doctor->ctl->instance != NULL ? doctor->config_path : NULL;
}

void doctor_config_load(struct doctor *doctor)
{
	(void)config_load(path_of(doctor), &doctor->config, doctor->problems);
}

/* The keys that were set at run time; NULL: the reason has been printed. */
static GPtrArray *ask_overrides(struct doctor *doctor)
{
	g_autoptr(GPtrArray) overrides = config_overrides_new();
	_cleanup_message_ sd_bus_message *reply = NULL;
	const char *name, *value, *source;
	int r, live;

	if (ctl_call_plain(doctor->ctl, "ListConfig", &reply) != CTL_DONE)
		return NULL;
	r = sd_bus_message_enter_container(reply, 'a', DBUS_TYPE_CONFIG);
	while (r >= 0 && (r = sd_bus_message_read(reply, DBUS_TYPE_CONFIG, &name, &value, &source,
						  &live)) > 0) {
		const struct config_key *key = config_key_parse(name);

		/* One that is not known is of a newer daemon. */
		if (key != NULL && strcmp(source, "runtime") == 0)
			config_override_put(overrides, key, value, NULL);
	}
	if (r < 0) {
		(void)ctl_bad_reply(r);
		return NULL;
	}
	return g_steal_pointer(&overrides);
}

void doctor_config_lay(struct doctor *doctor, const GPtrArray *overrides)
{
	g_autoptr(GPtrArray) problems = config_problems_new();
	struct config_file *file = NULL;
	struct config *config = NULL;
	const char *path = path_of(doctor);

	if (doctor->config == NULL || overrides->len == 0)
		return;
	if (config_file_read(path != NULL ? path : CONFIG_DEFAULT_PATH, path == NULL, &file,
			     problems) == 0 &&
	    config_make(file, overrides, &config, problems) == 0) {
		config_free(doctor->config);
		doctor->config = config;
	}
	config_file_free(file);
	/* Also that both do not fit together: then the files count, and that is said. */
	g_ptr_array_unref(doctor->problems);
	doctor->problems = g_steal_pointer(&problems);
}

void doctor_config_ask(struct doctor *doctor)
{
	g_autoptr(GPtrArray) overrides = ask_overrides(doctor);

	if (overrides != NULL)
		doctor_config_lay(doctor, overrides);
}
