/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Methods of the manager about the gateway as a whole. */
#include <inttypes.h>
#include <stdio.h>

#include "daemon/log.h"
#include "dbus/changing.h"
#include "dbus/manager_internal.h"

/* Into the state, unless it is in it. */
static void change(struct manager *manager, bool draining, bool dry_run, struct change_result *ret)
{
	struct gateway *gateway = manager->gateway;
	uint32_t n_sessions;

	gateway_lock(gateway);
	n_sessions = nat64_n_sessions(gateway->nat);
	ret->changed = gateway->nat->draining != draining;
	if (ret->changed && !dry_run) {
		gateway->nat->draining = draining;
		gateway->state = draining ? GATEWAY_DRAINING : GATEWAY_ACTIVE;
	}
	gateway_unlock(gateway);
	dry_run &= ret->changed;
	if (draining)
		(void)snprintf(ret->text, sizeof(ret->text),
			       "the gateway %s no new bindings; %" PRIu32 " session%s left",
			       dry_run ? "would make" : "makes", n_sessions,
			       n_sessions == 1 ? " is" : "s are");
	else
		(void)snprintf(ret->text, sizeof(ret->text), "the gateway %s new bindings%s",
			       dry_run ? "would make" : "makes", ret->changed ? " again" : "");
}

static int change_state(struct manager *manager, sd_bus_message *message, bool draining,
			sd_bus_error *error)
{
	struct change_result result = {.error = CHANGE_OK};
	struct change_options options;
	int r;

	r = changing_begin(manager, message, 0, AUTHORISE_CONFIGURE, &options, error);
	if (r != 0)
		return r;
	change(manager, draining, options.dry_run, &result);
	if (result.changed && !options.dry_run) {
		log_line(LOG_NOTICE, "%s", result.text);
		manager_changed(manager);
	}
	return changing_finish(manager, message, CHANGING_RESULT, &result, error);
}

int gateway_method_drain(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	return change_state(userdata, message, true, error);
}

int gateway_method_resume(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	return change_state(userdata, message, false, error);
}
