/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/scenario_settings.h"

#include <glib.h>
#include <string.h>

static const char *const booleans[] = {"no", "yes"};
static const char *const filterings[] = {"endpoint-independent", "address-dependent"};

/* What "set" can change: words[value], or a number if there are no words. */
struct setting {
	const char *name;
	size_t offset;
	size_t size;
	const char *const *words;
};

#define SETTING(name, member, words)                                      \
	{                                                                 \
		name, offsetof(struct nat64_config, member),              \
			sizeof(((struct nat64_config *)0)->member), words \
	}

static const struct setting settings[] = {
	SETTING("AllowNonGlobal", any_nonglobal, booleans),
	SETTING("FilteringTCP", filtering[PROTOCOL_TCP], filterings),
	SETTING("FilteringUDP", filtering[PROTOCOL_UDP], filterings),
	SETTING("FilteringICMP", filtering[PROTOCOL_ICMP], filterings),
	SETTING("ExternalTCP", external_tcp, booleans),
	SETTING("ClientsAny", clients_any, booleans),
	SETTING("ErrorSourceServer", error_source_server, booleans),
	SETTING("InboundRefresh", inbound_refresh, booleans),
	SETTING("AnswerUnbound", answer_optional, booleans),
	SETTING("TrustInnerChecksum", trust_inner_checksum, booleans),
	SETTING("ClampMSS", rules.clamp_mss, booleans),
	SETTING("LowestIPv6MTU", rules.lowest_ipv6_mtu, NULL),
	SETTING("TrafficClass", rules.traffic_class, NULL),
	SETTING("TypeOfService", rules.type_of_service, NULL),
	SETTING("DropZeroUDPChecksum", rules.drop_udp4_zero_checksum, booleans),
	SETTING("Parity", pool4_policy.parity, booleans),
	SETTING("PreservePort", pool4_policy.preserve_port, booleans),
	SETTING("HoldDown", pool4_policy.hold_ms, NULL),
	SETTING("HoldDownTCP", pool4_policy.hold_tcp_ms, NULL),
	SETTING("HeldPercent", pool4_policy.max_held.value, NULL),
	SETTING("StrictPairing", pool4_policy.strict_pairing, booleans),
	SETTING("PairingPrefixLength", pairing_prefix_length, NULL),
	SETTING("BindingsPerAddress", quota.bindings_per_address, NULL),
	SETTING("BindingsPerClient", quota.bindings_per_client.value, NULL),
	SETTING("SessionsPerClient", quota.sessions_per_client.value, NULL),
	SETTING("NewBindingsPerClientRate", quota.binding_rate, NULL),
	SETTING("SessionsPerBinding", quota.sessions_per_binding, NULL),
	SETTING("ClientPrefixLength", icmp_limit.client_prefix_length, NULL),
	SETTING("ICMPErrorRate", icmp_limit.rate, NULL),
	SETTING("ICMPErrorBurst", icmp_limit.burst, NULL),
	SETTING("TCPOpening", tcp_opening_ms, NULL),
	SETTING("Fragment", fragment_ms, NULL),
};

/* In the member's own width: the first bytes of a wider number are its upper ones on big-endian. */
static void store(struct nat64_config *config, const struct setting *setting, uint32_t number)
{
	void *member = (char *)config + setting->offset;

	if (setting->size == sizeof(uint8_t))
		*(uint8_t *)member = (uint8_t)number;
	else if (setting->size == sizeof(uint16_t))
		*(uint16_t *)member = (uint16_t)number;
	else if (setting->size == sizeof(uint32_t))
		*(uint32_t *)member = number;
	else
		g_assert_not_reached();
}

bool scenario_set(struct nat64_config *config, const char *name, const char *value)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(settings); i++) {
		const struct setting *setting = &settings[i];
		if (strcmp(setting->name, name) != 0)
			continue;
		uint32_t number = (uint32_t)g_ascii_strtoull(value, NULL, 0);
		if (setting->words) {
			number = strcmp(value, setting->words[1]) == 0;
			if (strcmp(value, setting->words[number]) != 0)
				return false;
		}
		store(config, setting, number);
		return true;
	}
	return false;
}

bool scenario_answer(struct nat64_config *config, const char *name, const char *value)
{
	static const char *const words[] = {
		[ANSWERING_DEFAULT] = "default",
		[ANSWERING_NO] = "no",
		[ANSWERING_LIMITED] = "limited",
		[ANSWERING_UNLIMITED] = "unlimited",
	};
	enum outcome outcome = outcome_parse(name);

	for (unsigned i = 0; i < G_N_ELEMENTS(words) && outcome < N_OUTCOMES; i++) {
		if (strcmp(words[i], value) != 0)
			continue;
		config->answering[outcome] = (uint8_t)i;
		return true;
	}
	return false;
}

bool scenario_limit(struct nat64_limits *limits, const char *name, const char *value)
{
	uint32_t number = (uint32_t)g_ascii_strtoull(value, NULL, 0);
	enum protocol protocol;

	if (strcmp(name, "bindings") == 0)
		limits->bindings = number;
	else if (strcmp(name, "sessions") == 0)
		limits->sessions = number;
	else if (g_str_has_prefix(name, "sessions_") &&
		 protocol_parse(name + strlen("sessions_"), &protocol))
		limits->sessions_of[protocol] = number;
	else if (strcmp(name, "stored_syns") == 0)
		limits->stored_syns = number;
	else if (strcmp(name, "fragment_memory") == 0)
		limits->fragment_memory = number;
	else if (strcmp(name, "block_size") == 0)
		limits->pool4 = (struct pool4_allocation){POOL4_BLOCKS, number, 0};
	else if (strcmp(name, "deterministic") == 0)
		limits->pool4.mode = number ? POOL4_DETERMINISTIC : POOL4_DYNAMIC;
	else
		return false;
	return true;
}
