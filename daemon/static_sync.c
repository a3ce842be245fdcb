/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/static_sync.h"

#include <syslog.h>

#include "daemon/core/nat64.h"

struct static_sync {
	struct gateway *gateway;
	struct unsaid *unsaid;
	GArray *have;                  /* of struct config_static: those that the core has */
	GHashTable *refused;           /* names of those that it refused, as reported */
	const struct config *followed; /* of the last time; only compared */
};

struct static_sync *static_sync_new(struct gateway *gateway, struct unsaid *unsaid)
{
	struct static_sync *sync = g_new0(struct static_sync, 1);

	sync->gateway = gateway;
	sync->unsaid = unsaid;
	sync->have = g_array_new(FALSE, FALSE, sizeof(struct config_static));
	sync->refused = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	return sync;
}

void static_sync_free(struct static_sync *sync)
{
	if (!sync)
		return;
	g_array_unref(sync->have);
	g_hash_table_unref(sync->refused);
	g_free(sync);
}

void static_sync_forget_ended(struct static_sync *sync)
{
	const struct nat64 *nat = sync->gateway->nat;

	for (guint i = sync->have->len; i-- > 0;) {
		const struct config_static *binding =
			&g_array_index(sync->have, struct config_static, i);
		bool ended = false;

		for (enum protocol protocol = 0; protocol < N_PROTOCOLS; protocol++)
			ended |= binding->protocol[protocol] &&
				 bib_find4(&nat->bib[protocol], &binding->outside) == SLAB_NONE;
		if (ended)
			g_array_remove_index_fast(sync->have, i);
	}
}

static const char *static_text(enum nat64_static_result result)
{
	switch (result) {
	case NAT64_STATIC_OK:
	case NAT64_STATIC_IDENTICAL:
		break;
	case NAT64_STATIC_ILLEGAL:
		return "its inside address is not that of one host (multicast, link-local, "
		       "loopback or ::)";
	case NAT64_STATIC_IN_POOL6:
		return "its inside address lies in Pool6";
	case NAT64_STATIC_NOT_OUR_ADDRESS:
		return "its outside address is neither in pool4 nor the host's own";
	case NAT64_STATIC_LISTENER:
		return "a local program listens on its outside address and port";
	case NAT64_STATIC_TAKEN:
		return "its inside or outside is bound otherwise";
	case NAT64_STATIC_FULL:
		return "there are as many bindings as Limits.Bindings allows";
	}
	return "";
}

/* For all of its protocols or none of them. False if it could not be made. */
static bool add_static(struct static_sync *sync, const struct config_static *binding)
{
	struct nat64 *nat = sync->gateway->nat;
	bool is_new = !g_hash_table_contains(sync->refused, binding->name);
	bool made[N_PROTOCOLS] = {false};
	bool complete = true;

	for (enum protocol protocol = 0; protocol < N_PROTOCOLS; protocol++) {
		enum nat64_static_result result;

		if (!binding->protocol[protocol])
			continue;
		result = nat64_add_static(nat, protocol, &binding->inside, &binding->outside,
					  gateway_now_ms());
		made[protocol] = result == NAT64_STATIC_OK;
		if (result == NAT64_STATIC_OK || result == NAT64_STATIC_IDENTICAL)
			continue;
		complete = false;
		if (is_new)
			unsaid_add(sync->unsaid, LOG_ERR,
				   "static binding %s (%s) can not be used: %s", binding->name,
				   protocol_name(protocol), static_text(result));
	}
	for (enum protocol protocol = 0; protocol < N_PROTOCOLS && !complete; protocol++)
		if (made[protocol])
			nat64_remove_binding(nat, protocol,
					     bib_find4(&nat->bib[protocol], &binding->outside),
					     gateway_now_ms());
	if (complete && !is_new)
		unsaid_add(sync->unsaid, LOG_NOTICE, "static binding %s can be used now",
			   binding->name);
	if (complete)
		g_hash_table_remove(sync->refused, binding->name);
	else if (is_new)
		g_hash_table_add(sync->refused, g_strdup(binding->name));
	return complete;
}

static bool same_static(const struct config_static *a, const struct config_static *b)
{
	return taddr6_equal(&a->inside, &b->inside) && taddr4_equal(&a->outside, &b->outside) &&
	       memcmp(a->protocol, b->protocol, sizeof(a->protocol)) == 0;
}

static void remove_static(struct static_sync *sync, const struct config_static *binding)
{
	struct nat64 *nat = sync->gateway->nat;

	for (enum protocol protocol = 0; protocol < N_PROTOCOLS; protocol++) {
		uint32_t index = bib_find4(&nat->bib[protocol], &binding->outside);

		if (binding->protocol[protocol] && index != SLAB_NONE)
			nat64_remove_binding(nat, protocol, index, gateway_now_ms());
	}
}

/* Those that the file does not have any more. */
static void retire_statics(struct static_sync *sync, const struct config *config)
{
	for (guint i = sync->have->len; i-- > 0;) {
		const struct config_static *old =
			&g_array_index(sync->have, struct config_static, i);
		bool still = false;

		for (uint32_t j = 0; j < config->n_statics; j++)
			still |= same_static(old, &config->statics[j]);
		if (!still) {
			remove_static(sync, old);
			g_array_remove_index_fast(sync->have, i);
		}
	}
}

unsigned static_sync_follow(struct static_sync *sync, const struct config *config)
{
	unsigned n_failed = 0;

	if (config != sync->followed) {
		retire_statics(sync, config);
		g_hash_table_remove_all(sync->refused);
	}
	sync->followed = config;
	if (sync->have->len == config->n_statics)
		return 0;
	for (uint32_t i = 0; i < config->n_statics; i++) {
		const struct config_static *binding = &config->statics[i];
		bool known = false;

		for (guint j = 0; j < sync->have->len; j++)
			known |= same_static(&g_array_index(sync->have, struct config_static, j),
					     binding);
		if (known)
			continue;
		if (add_static(sync, binding))
			g_array_append_val(sync->have, *binding);
		else
			n_failed++;
	}
	return n_failed;
}

const struct config_static *static_sync_get(const struct static_sync *sync, uint32_t i)
{
	return i < sync->have->len ? &g_array_index(sync->have, struct config_static, i) : NULL;
}
