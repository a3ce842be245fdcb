/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See pool4_objects.h. The names of arguments in the vtable are those of org.nat64d1.Pool4.xml. */
#include "dbus/pool4_objects.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>

#include "dbus/list.h"
#include "dbus/manager_internal.h"
#include "dbus/names.h"
#include "dbus/pool4_row.h"

struct pool4_object {
	struct manager *manager;
	uint32_t id;
};

struct pool4_objects {
	struct manager *manager;
	struct pool4_object **object; /* in the order of their ids */
	uint32_t n_objects;
	uint32_t max;
};

/* Where the object with this id is, or would be. */
static uint32_t position(const struct pool4_objects *objects, uint32_t id)
{
	uint32_t low = 0, high = objects->n_objects;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (objects->object[middle]->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct pool4_object *find(const struct pool4_objects *objects, uint32_t id)
{
	uint32_t i = position(objects, id);

	return i < objects->n_objects && objects->object[i]->id == id ? objects->object[i] : NULL;
}

/* Is there such an entry, and can it be an object? */
static bool is_small(const struct pool4_entry *entry)
{
	return entry != NULL && entry->spec.n_addresses <= POOL4_OBJECT_RANGES_MAX;
}

/* False if there are as many as may be, or without memory. */
static bool add(struct pool4_objects *objects, uint32_t id)
{
	uint32_t at = position(objects, id);
	struct pool4_object *object;

	if (objects->n_objects == objects->max)
		return false;
	object = malloc(sizeof(*object));
	if (object == NULL)
		return false;
	*object = (struct pool4_object){objects->manager, id};
	memmove(&objects->object[at + 1], &objects->object[at],
		(objects->n_objects - at) * sizeof(objects->object[0]));
	objects->object[at] = object;
	objects->n_objects++;
	return true;
}

static void forget(struct pool4_objects *objects, uint32_t id)
{
	uint32_t at = position(objects, id);

	free(objects->object[at]);
	objects->n_objects--;
	memmove(&objects->object[at], &objects->object[at + 1],
		(objects->n_objects - at) * sizeof(objects->object[0]));
}

struct pool4_objects *pool4_objects_new(struct manager *manager, uint32_t max)
{
	struct pool4_objects *objects = calloc(1, sizeof(*objects));
	const struct pool4_entry *entry;

	if (objects == NULL)
		return NULL;
	objects->manager = manager;
	objects->max = max;
	objects->object = calloc((size_t)max + 1, sizeof(objects->object[0]));
	if (objects->object == NULL) {
		free(objects);
		return NULL;
	}
	gateway_lock(manager->gateway);
	for (uint32_t id = 0; (entry = pool4_next(manager->gateway->nat->pool4, id)) != NULL;
	     id = entry->id) {
		if (is_small(entry))
			(void)add(objects, entry->id);
	}
	gateway_unlock(manager->gateway);
	return objects;
}

void pool4_objects_free(struct pool4_objects *objects)
{
	if (objects == NULL)
		return;
	for (uint32_t i = 0; i < objects->n_objects; i++)
		free(objects->object[i]);
	free(objects->object);
	free(objects);
}

static const char *print_path(uint32_t id, char ret[POOL4_OBJECT_PATH_SIZE])
{
	snprintf(ret, POOL4_OBJECT_PATH_SIZE, DBUS_PATH_POOL4 "/%" PRIu32, id);
	return ret;
}

const char *pool4_object_path(const struct pool4_objects *objects, uint32_t id,
			      char ret[POOL4_OBJECT_PATH_SIZE])
{
	return find(objects, id) != NULL ? print_path(id, ret) : "/";
}

/* sd-bus asks: which object does the path name? */
static int on_find(sd_bus *bus, const char *path, const char *interface, void *userdata,
		   void **ret_found, sd_bus_error *error)
{
	const struct pool4_objects *objects = userdata;
	char own[POOL4_OBJECT_PATH_SIZE];
	uint32_t id;

	if (strncmp(path, DBUS_PATH_POOL4 "/", strlen(DBUS_PATH_POOL4 "/")) != 0 ||
	    !list_number_parse(path + strlen(DBUS_PATH_POOL4 "/"), &id))
		return 0;
	if (strcmp(path, print_path(id, own)) != 0) /* "01" */
		return 0;
	*ret_found = find(objects, id);
	return *ret_found != NULL;
}

/* sd-bus asks: which objects are there? */
static int on_enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes,
			sd_bus_error *error)
{
	const struct pool4_objects *objects = userdata;
	char path[POOL4_OBJECT_PATH_SIZE];
	char **nodes = calloc((size_t)objects->n_objects + 1, sizeof(*nodes));

	if (nodes == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < objects->n_objects; i++) {
		nodes[i] = strdup(print_path(objects->object[i]->id, path));
		if (nodes[i] == NULL) {
			while (i-- > 0)
				free(nodes[i]);
			free(nodes);
			return -ENOMEM;
		}
	}
	*ret_nodes = nodes;
	return 0;
}

static int property_of_row(sd_bus *bus, const char *path, const char *interface,
			   const char *property, sd_bus_message *reply, void *userdata,
			   sd_bus_error *error)
{
	const struct pool4_object *object = userdata;
	struct list_pool4_row row;
	int r;

	r = list_pool4_entry(object->manager->gateway, object->id,
			     strcmp(property, "Addresses") == 0, &row);
	if (r < 0)
		return r;
	r = pool4_row_append(reply, &row, property);
	free(row.addresses);
	return r;
}

/* The methods of the object are those of the manager with the entry named. */
static int change(const struct pool4_object *object, sd_bus_message *message,
		  enum change_action action, sd_bus_error *error)
{
	/* The id, in words that stay as long as the message. */
	const char *entry = strrchr(sd_bus_message_get_path(message), '/') + 1;

	return pool4_change(object->manager, message, entry, action, error);
}

static int method_remove(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	return change(userdata, message, CHANGE_REMOVE, error);
}

static int method_drain(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	return change(userdata, message, CHANGE_DRAIN, error);
}

static int method_enable(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	return change(userdata, message, CHANGE_ENABLE, error);
}

/* clang-format off */
static const sd_bus_vtable pool4_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD_WITH_ARGS("Remove",
		SD_BUS_ARGS("a{sv}", options), SD_BUS_RESULT("a{sv}", result),
		method_remove, MANAGER_CHANGES),
	SD_BUS_METHOD_WITH_ARGS("Drain",
		SD_BUS_ARGS("a{sv}", options), SD_BUS_RESULT("a{sv}", result),
		method_drain, MANAGER_CHANGES),
	SD_BUS_METHOD_WITH_ARGS("Enable",
		SD_BUS_ARGS("a{sv}", options), SD_BUS_RESULT("a{sv}", result),
		method_enable, MANAGER_CHANGES),
	SD_BUS_PROPERTY("Id", "u", property_of_row, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Name", "s", property_of_row, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Addresses", "s", property_of_row, 0, SD_BUS_VTABLE_PROPERTY_EMITS_INVALIDATION),
	SD_BUS_PROPERTY("Ports", "s", property_of_row, 0, SD_BUS_VTABLE_PROPERTY_EMITS_INVALIDATION),
	SD_BUS_PROPERTY("Protocols", "s", property_of_row, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Clients", "s", property_of_row, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Overflow", "b", property_of_row, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Prefix", "s", property_of_row, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Comment", "s", property_of_row, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("State", "s", property_of_row, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Source", "s", property_of_row, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Reach", "s", property_of_row, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("PortsTotal", "a{st}", property_of_row, 0, 0),
	SD_BUS_PROPERTY("PortsUsed", "a{st}", property_of_row, 0, 0),
	SD_BUS_PROPERTY("PortsPeak", "a{st}", property_of_row, 0, 0),
	SD_BUS_PROPERTY("PortsHeld", "a{st}", property_of_row, 0, 0),
	SD_BUS_PROPERTY("HeldReused", "a{st}", property_of_row, 0, 0),
	SD_BUS_PROPERTY("Refused", "a{st}", property_of_row, 0, 0),
	SD_BUS_VTABLE_END,
};
/* clang-format on */

int pool4_objects_serve(struct pool4_objects *objects, sd_bus *bus)
{
	int r;

	r = sd_bus_add_object_manager(bus, NULL, DBUS_PATH);
	if (r >= 0)
		r = sd_bus_add_fallback_vtable(bus, NULL, DBUS_PATH_POOL4, DBUS_INTERFACE_POOL4,
					       pool4_vtable, on_find, objects);
	if (r >= 0)
		r = sd_bus_add_node_enumerator(bus, NULL, DBUS_PATH_POOL4, on_enumerate, objects);
	return r;
}

struct announcement {
	const char *path;
	enum { ADDED, REMOVED, CHANGED } what;
};

static void announce(sd_bus *bus, void *userdata)
{
	const struct announcement *announcement = userdata;
	const char *path = announcement->path;

	switch (announcement->what) {
	case ADDED:
		(void)sd_bus_emit_object_added(bus, path);
		break;
	case REMOVED:
		(void)sd_bus_emit_interfaces_removed(bus, path, DBUS_INTERFACE_POOL4, NULL);
		break;
	case CHANGED:
		(void)sd_bus_emit_properties_changed(bus, path, DBUS_INTERFACE_POOL4, "Name",
						     "Addresses", "Ports", "Comment", "State",
						     "Source", "Reach", NULL);
		break;
	}
}

void pool4_objects_changed(struct pool4_objects *objects, uint32_t id)
{
	struct manager *manager = objects->manager;
	bool known = find(objects, id) != NULL;
	struct announcement announcement;
	char path[POOL4_OBJECT_PATH_SIZE];
	bool there;

	gateway_lock(manager->gateway);
	there = is_small(pool4_entry(manager->gateway->nat->pool4, id));
	gateway_unlock(manager->gateway);
	if (!known && (!there || !add(objects, id)))
		return;
	announcement.path = print_path(id, path);
	announcement.what = !there ? REMOVED : known ? CHANGED : ADDED;
	manager_for_each_bus(manager, announce, &announcement);
	if (!there)
		forget(objects, id);
}
