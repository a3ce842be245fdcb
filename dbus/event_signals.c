/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The core's events as signals of the manager. The core limits how often they come. */
#include <stdio.h>

#include "dbus/manager_internal.h"
#include "dbus/names.h"
#include "dbus/pool4_objects.h"

struct told {
	const struct event *event;
	char entry[POOL4_OBJECT_PATH_SIZE];
	uint64_t n_refused;
};

static void tell(sd_bus *bus, void *userdata)
{
	const struct told *told = userdata;
	const struct event *event = told->event;
	const char *protocol = protocol_name(event->protocol);
	uint64_t percent = event->limit != 0 ? event->value * 100 / event->limit : 0;
	struct prefix6 client = {event->addr6, event->prefix_len};
	char text[ADDR_TEXT_SIZE];

	switch ((int)event->kind) {
	case EVENT_ADDRESSES_EXHAUSTED:
	case EVENT_PORTS_EXHAUSTED:
		(void)sd_bus_emit_signal(bus, DBUS_PATH, DBUS_INTERFACE_MANAGER, "PoolExhausted",
					 "ost", told->entry, protocol, told->n_refused);
		break;
	case EVENT_POOL_HIGH:
	case EVENT_POOL_LOW:
		(void)sd_bus_emit_signal(bus, DBUS_PATH, DBUS_INTERFACE_MANAGER, "PoolAlarm",
					 "osyb", told->entry, protocol,
					 (uint8_t)(percent < 100 ? percent : 100),
					 event->kind == EVENT_POOL_HIGH);
		break;
	case EVENT_QUOTA_CLIENT:
		(void)sd_bus_emit_signal(
			bus, DBUS_PATH, DBUS_INTERFACE_MANAGER, "ClientLimited", "su",
			prefix6_print(&client, text),
			(uint32_t)(event->limit < UINT32_MAX ? event->limit : UINT32_MAX));
		break;
	}
}

void manager_event(struct manager *manager, const struct event *event)
{
	struct told told = {.event = event};
	const struct pool4_entry *entry;
	char path[POOL4_OBJECT_PATH_SIZE];

	monitor_event(manager, event);
	if (event->kind != EVENT_ADDRESSES_EXHAUSTED && event->kind != EVENT_PORTS_EXHAUSTED &&
	    event->kind != EVENT_POOL_HIGH && event->kind != EVENT_POOL_LOW &&
	    event->kind != EVENT_QUOTA_CLIENT)
		return;
	gateway_lock(manager->gateway);
	entry = pool4_entry(manager->gateway->nat->pool4, event->pool4);
	if (entry != NULL)
		told.n_refused = entry->n_refused[event->protocol];
	gateway_unlock(manager->gateway);
	snprintf(told.entry, sizeof(told.entry), "%s",
		 pool4_object_path(manager->objects, event->pool4, path));
	manager_for_each_bus(manager, tell, &told);
}
