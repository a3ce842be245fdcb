/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See administrator.h.
 */
#include "tests/fuzz/administrator.h"

#define CONFIG_ADDRESS_DEPENDENT 0x01
#define CONFIG_NO_EXTERNAL_TCP   0x02
#define CONFIG_NO_REFRESH        0x04
#define CONFIG_LONG              0x08
#define CONFIG_NO_HOLD           0x10
#define CONFIG_DRAINING          0x20
#define CONFIG_STRICT            0x40
#define CONFIG_PRESERVE_PORT     0x80

static void make_config(const struct stage *stage, uint8_t which, struct nat64_config *ret)
{
	nat64_config_default(ret);
	ret->pool6[0] = stage->pool6;
	ret->clients_any = true;
	ret->n_udp_by_port = 1; /* 53 */
	for (unsigned i = 0; i < N_PROTOCOLS; i++)
		ret->filtering[i] = which & CONFIG_ADDRESS_DEPENDENT
					    ? FILTERING_ADDRESS_DEPENDENT
					    : FILTERING_ENDPOINT_INDEPENDENT;
	ret->external_tcp = !(which & CONFIG_NO_EXTERNAL_TCP);
	ret->inbound_refresh = !(which & CONFIG_NO_REFRESH);
	ret->pool4_policy.hold_ms = which & CONFIG_NO_HOLD ? 0 : 120000;
	ret->pool4_policy.strict_pairing = which & CONFIG_STRICT;
	ret->pool4_policy.preserve_port = which & CONFIG_PRESERVE_PORT;
	if (which & CONFIG_LONG) {
		ret->udp_ms *= 3;
		ret->icmp_ms *= 3;
		ret->tcp_opening_ms = 120000;
		ret->tcp_transitory_ms *= 2;
	}
}

void administrator_begin(struct stage *stage, uint8_t which, uint8_t settings)
{
	struct nat64_config config;

	make_config(stage, which, &config);
	config.pairing_prefix_length = settings & STAGE_PAIRED_TWO ? 127 : 128;
	config.icmp_limit.client_prefix_length = settings & STAGE_LIMITED_ONE ? 128 : 64;
	stage_open(stage, &config, settings);
	stage->nat->draining = which & CONFIG_DRAINING;
}

void administrator_configure(struct stage *stage, uint8_t which)
{
	const struct nat64_config *old = &stage->nat->config;
	struct nat64_config config;

	make_config(stage, which, &config);
	config.pairing_prefix_length = old->pairing_prefix_length;
	config.icmp_limit.client_prefix_length = old->icmp_limit.client_prefix_length;
	config.quota = old->quota;
	nat64_set_config(stage->nat, &config);
	stage->nat->draining = which & CONFIG_DRAINING;
	stage_check(stage, false);
}

/* which: three bits which limit, five how many; 0 = no limit. Of shares that is in steps of 4 %. */
void administrator_limit(struct stage *stage, uint8_t which)
{
	const uint8_t value = which >> 3;
	struct nat64_config config = stage->nat->config;
	struct quota_config *quota = &config.quota;

	switch (which & 7) {
	case 0:
		quota->bindings_per_address = value;
		break;
	case 1:
		quota->bindings_per_client = (struct port_share){value, false};
		break;
	case 2:
		quota->sessions_per_client = (struct port_share){value, false};
		break;
	case 3:
		stage_forget_rate(stage);
		quota->binding_rate = value;
		break;
	case 4:
		quota->sessions_per_binding = value;
		break;
	case 5:
		quota->bindings_per_client = (struct port_share){value * 4u, true};
		break;
	case 6:
		quota->sessions_per_client = (struct port_share){value * 4u, true};
		break;
	case 7:
		quota->alarm[0] = (struct port_share){value * 4u, true};
		quota->alarm[1] = (struct port_share){value * 2u, true};
		break;
	}
	nat64_set_config(stage->nat, &config);
	stage_check(stage, false);
}

/* which: two bits client, two length of the prefix, four for how long: 0 = allowed again, 15 = for
 * ever. */
void administrator_block(struct stage *stage, uint8_t which)
{
	static const uint8_t lengths[] = {128, 127, 64, 128};
	const uint8_t len = lengths[which >> 2 & 3];
	const struct addr6 client = stage_client(which).addr;
	const struct prefix6 prefix = {addr6_mask(&client, len), len};
	const unsigned time = which >> 4;
	const uint64_t until_ms =
		time == 15 ? BLOCKLIST_FOREVER : stage->now_ms + time * time * 1000;
	struct blocklist *blocklist = &stage->nat->blocklist;
	const uint32_t index = blocklist_find(blocklist, &prefix);

	if (time > 0) {
		REQUIRE(blocklist_add(blocklist, &prefix, until_ms));
		stage_block(stage, &prefix, until_ms);
	} else if (index != SLAB_NONE) {
		blocklist_remove(blocklist, index);
		stage_allow(stage, &prefix);
	}
	stage_check(stage, false);
}

/* which: two bits client, two protocol, one address, three port. */
void administrator_add_static(struct stage *stage, uint8_t which)
{
	const struct taddr6 client = stage_client(which);
	const struct taddr4 mapped = {which & 0x10 ? STAGE_OWN4 : STAGE_POOL4_FIRST,
				      (uint16_t)(STAGE_PORT + (which >> 5))};
	const enum protocol protocol = stage_protocol(which >> 2);
	const enum nat64_static_result result =
		nat64_add_static(stage->nat, protocol, &client, &mapped, stage->now_ms);
	struct naive_bindings bindings;

	if (result == NAT64_STATIC_OK || result == NAT64_STATIC_IDENTICAL) {
		const struct naive_binding *binding;

		naive_bindings_read(stage->nat, &bindings);
		binding = naive_bindings_find6(&bindings, protocol, &client);
		REQUIRE(binding && binding->is_static && taddr4_equal(&binding->mapped, &mapped));
	}
	stage_check(stage, false);
}

/* Those that end. */
static void forget(struct stage *stage, bool (*ends)(const struct naive_session *, const void *),
		   const void *context)
{
	struct naive_sessions *sessions = &stage->sessions;

	for (unsigned i = 0; i < sessions->n;) {
		if (ends(&sessions->at[i], context))
			sessions->at[i] = sessions->at[--sessions->n];
		else
			i++;
	}
}

struct binding_key {
	enum protocol protocol;
	struct taddr4 mapped;
};

static bool is_of_binding(const struct naive_session *session, const void *context)
{
	const struct binding_key *key = context;

	return session->protocol == key->protocol && taddr4_equal(&session->mapped, &key->mapped);
}

static bool is_of_entry(const struct naive_session *session, const void *context)
{
	return session->pool4 == *(const uint32_t *)context;
}

/* which: two bits protocol, the rest of which binding. */
void administrator_remove(struct stage *stage, uint8_t which)
{
	struct binding_key key = {.protocol = stage_protocol(which)};
	const uint32_t index = stage_binding(stage, key.protocol, which >> 2);

	if (index == SLAB_NONE)
		return;
	key.mapped = bib_entry_taddr4(bib_at(&stage->nat->bib[key.protocol], index));
	forget(stage, is_of_binding, &key);
	nat64_remove_binding(stage->nat, key.protocol, index, stage->now_ms);
	stage_check(stage, false);
}

static void end_bindings(struct stage *stage, uint32_t id, bool outside)
{
	struct nat64_step step = {0};

	while (nat64_end_bindings(stage->nat, id, outside, &step, 2, stage->now_ms))
		continue;
}

void administrator_change_second(struct stage *stage)
{
	struct prefix6 clients;

	REQUIRE(prefix6_parse("2001:db8:1::11/128", &clients));
	if (stage->second == 0) {
		stage->second =
			stage_add_entry(stage, STAGE_POOL4_SECOND, STAGE_PORT + 3, &clients);
	} else {
		forget(stage, is_of_entry, &stage->second);
		end_bindings(stage, stage->second, false);
		REQUIRE(pool4_remove(stage->nat->pool4, stage->second) == POOL4_OK);
		stage->second = 0;
	}
	stage_check(stage, false);
}

/* which: one bit entry, two state. */
void administrator_change_state(struct stage *stage, uint8_t which)
{
	static const enum pool4_state states[] = {POOL4_ACTIVE, POOL4_ACTIVE, POOL4_DRAINING,
						  POOL4_DISABLED};
	const uint32_t id = which % 2 && stage->second ? stage->second : stage->first;

	pool4_set_state(stage->nat->pool4, id, states[which >> 1 & 3]);
	stage_check(stage, false);
}

static bool is_outside(const struct naive_session *session, const void *context)
{
	const struct pool4_entry *entry = context;

	return session->pool4 == entry->id && !pool4_entry_has_address(entry, session->mapped.addr);
}

/* which: three bits the last port, two the address. */
void administrator_change_ports(struct stage *stage, uint8_t which)
{
	const uint32_t addr = STAGE_POOL4_FIRST + (which >> 3 & 3) % 3 * 4;
	const struct addr4_range range = {addr, addr};
	struct port_ranges ports = {0};

	REQUIRE(port_ranges_add(&ports, STAGE_PORT, (uint16_t)(STAGE_PORT + which % 8)));
	(void)pool4_set_ports(stage->nat->pool4, stage->first, &ports);
	if (pool4_set_addresses(stage->nat->pool4, stage->first, &range, 1) == POOL4_OK) {
		forget(stage, is_outside, pool4_entry(stage->nat->pool4, stage->first));
		end_bindings(stage, stage->first, true);
	}
	stage_check(stage, false);
}
