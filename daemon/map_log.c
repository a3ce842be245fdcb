/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/map_log.h"

#include <string.h>

#include "daemon/core/deterministic.h"
#include "daemon/core/nat64.h"
#include "daemon/pool4_spec_text.h"

#define DAY_MS          (UINT64_C(24) * 60 * 60 * 1000)
#define PORTS_TEXT_SIZE 1024

struct map_log {
	struct gateway *gateway;
	struct event_log *log;
	GHashTable *known; /* id to struct known */
	uint64_t all_ms;   /* when all were written; 0 = never */
};

/* What was written of an entry. */
struct known {
	char *name;
	char *text;
};

static void known_free(void *data)
{
	struct known *known = data;

	g_free(known->name);
	g_free(known->text);
	g_free(known);
}

struct map_log *map_log_new(struct gateway *gateway, struct event_log *log)
{
	struct map_log *maps = g_new0(struct map_log, 1);

	maps->gateway = gateway;
	maps->log = log;
	maps->known = g_hash_table_new_full(NULL, NULL, NULL, known_free);
	return maps;
}

void map_log_free(struct map_log *maps)
{
	if (maps == NULL)
		return;
	g_hash_table_unref(maps->known);
	g_free(maps);
}

static const char *state_of(const struct pool4_entry *entry)
{
	switch (entry->state) {
	case POOL4_PENDING:
		break;
	case POOL4_ACTIVE:
		return "active";
	case POOL4_DRAINING:
		return "draining";
	case POOL4_DISABLED:
		return "disabled";
	}
	return NULL;
}

/* A pending entry has no ports to give yet, and one without addresses or clients no map. Texts of
 * *ret are the caller's. */
static bool describe(const struct nat64 *nat, const struct pool4_entry *entry,
		     struct event_log_map *ret)
{
	const struct pool4_spec *spec = &entry->spec;
	char error[DETERMINISTIC_ERROR_SIZE], ports[PORTS_TEXT_SIZE];
	struct deterministic map = {
		.clients = spec->clients,
		.n_prefixes = spec->n_clients,
		.client_length = nat->limits.pool4.client_length,
		.addresses = spec->addresses,
		.n_ranges = spec->n_addresses,
		.ports = &spec->ports,
	};

	if (state_of(entry) == NULL || deterministic_init(&map, error) != NULL)
		return false;
	*ret = (struct event_log_map){
		.pool4 = g_strdup(spec->name),
		.state = state_of(entry),
		.protocols = pool4_spec_text_protocols(spec),
		.clients = pool4_spec_text_clients(spec),
		.addresses = pool4_spec_text_addresses(spec),
		.ports = g_strdup(port_ranges_print(&spec->ports, ports, sizeof(ports))),
		.client_length = map.client_length,
		.clients_each = map.clients_each,
		.ports_each = map.ports_each,
	};
	return true;
}

static void forget_texts(struct event_log_map *map)
{
	g_free(map->pool4);
	g_free(map->protocols);
	g_free(map->clients);
	g_free(map->addresses);
	g_free(map->ports);
}

static bool read_entry(struct map_log *maps, uint32_t id, struct event_log_map *ret)
{
	const struct nat64 *nat = maps->gateway->nat;
	const struct pool4_entry *entry;
	bool found = false;

	gateway_lock(maps->gateway);
	if (nat->limits.pool4.mode == POOL4_DETERMINISTIC) {
		entry = pool4_entry(nat->pool4, id);
		found = entry != NULL && describe(nat, entry, ret);
	}
	gateway_unlock(maps->gateway);
	return found;
}

static void write_map(struct map_log *maps, const struct event_log_map *map)
{
	event_log_write_map(maps->log, map, (uint64_t)g_get_real_time());
}

static void write_gone(struct map_log *maps, uint32_t id)
{
	const struct known *known = g_hash_table_lookup(maps->known, GUINT_TO_POINTER(id));

	if (known == NULL)
		return;
	write_map(maps, &(struct event_log_map){.pool4 = known->name, .state = "gone"});
	g_hash_table_remove(maps->known, GUINT_TO_POINTER(id));
}

static void look(struct map_log *maps, uint32_t id, bool again)
{
	const struct known *known = g_hash_table_lookup(maps->known, GUINT_TO_POINTER(id));
	struct event_log_map map;
	char *text;

	if (!read_entry(maps, id, &map)) {
		write_gone(maps, id);
		return;
	}
	text = event_log_print_map(&map);
	if (again || known == NULL || strcmp(known->text, text) != 0) {
		struct known *written = g_new(struct known, 1);

		write_map(maps, &map);
		*written =
			(struct known){.name = g_strdup(map.pool4), .text = g_steal_pointer(&text)};
		g_hash_table_replace(maps->known, GUINT_TO_POINTER(id), written);
	}
	g_free(text);
	forget_texts(&map);
}

void map_log_look(struct map_log *maps, uint32_t id)
{
	look(maps, id, false);
}

static GArray *ids_of(struct map_log *maps)
{
	GArray *ids = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	const struct nat64 *nat = maps->gateway->nat;

	gateway_lock(maps->gateway);
	if (nat->limits.pool4.mode == POOL4_DETERMINISTIC) {
		for (uint32_t i = 0; i < pool4_n_entries(nat->pool4); i++)
			g_array_append_val(ids, pool4_at(nat->pool4, i)->id);
	}
	gateway_unlock(maps->gateway);
	return ids;
}

void map_log_look_all(struct map_log *maps, uint64_t now_ms)
{
	g_autoptr(GArray) ids = ids_of(maps);
	g_autoptr(GList) before = g_hash_table_get_keys(maps->known);
	const bool again = maps->all_ms == 0 || now_ms - maps->all_ms >= DAY_MS;

	if (again)
		maps->all_ms = now_ms;
	for (guint i = 0; i < ids->len; i++)
		look(maps, g_array_index(ids, uint32_t, i), again);
	/* Those that are gone, of which nobody has said so. */
	for (const GList *id = before; id; id = id->next)
		look(maps, GPOINTER_TO_UINT(id->data), false);
}
