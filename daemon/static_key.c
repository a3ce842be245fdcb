/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See static_key.h. */
#include "daemon/static_key.h"

#include <string.h>

/* Without padding: compared, and hashed, as bytes. */
struct static_key {
	uint8_t inside[16];
	uint32_t outside;
	uint16_t inside_port, outside_port;
	uint32_t protocols; /* bits */
};

static void key_of(const struct config_static *binding, struct static_key *ret)
{
	*ret = (struct static_key){
		.outside = binding->outside.addr,
		.inside_port = binding->inside.port,
		.outside_port = binding->outside.port,
	};
	memcpy(ret->inside, binding->inside.addr.byte, sizeof(ret->inside));
	for (enum protocol protocol = 0; protocol < N_PROTOCOLS; protocol++)
		ret->protocols |= (uint32_t)binding->protocol[protocol] << protocol;
}

static guint hash(gconstpointer data)
{
	const uint8_t *byte = data;
	guint h = 5381;

	for (size_t i = 0; i < sizeof(struct static_key); i++)
		h = h * 33 + byte[i];
	return h;
}

static gboolean equal(gconstpointer a, gconstpointer b)
{
	return memcmp(a, b, sizeof(struct static_key)) == 0;
}

GHashTable *static_keys_new(void)
{
	return g_hash_table_new_full(hash, equal, g_free, NULL);
}

bool static_keys_add(GHashTable *keys, const struct config_static *binding)
{
	struct static_key key;

	key_of(binding, &key);
	return g_hash_table_add(keys, g_memdup2(&key, sizeof(key)));
}

void static_keys_remove(GHashTable *keys, const struct config_static *binding)
{
	struct static_key key;

	key_of(binding, &key);
	(void)g_hash_table_remove(keys, &key);
}

bool static_keys_contain(GHashTable *keys, const struct config_static *binding)
{
	struct static_key key;

	key_of(binding, &key);
	return g_hash_table_contains(keys, &key);
}

struct config_static static_key_only(const struct config_static *binding, enum protocol protocol)
{
	struct config_static one = *binding;

	memset(one.protocol, 0, sizeof(one.protocol));
	one.protocol[protocol] = true;
	return one;
}
