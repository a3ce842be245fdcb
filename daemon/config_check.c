/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See config_check.h. Whether the host can do what is asked (addresses, interfaces, queue numbers)
 * is found out by those who do it.
 */
#include "daemon/config_check.h"

#include <string.h>

#include "daemon/config_value.h"
#include "daemon/core/deterministic.h"

static void problem_at_key(const struct config_file *file, enum config_severity severity,
			   const char *section, const char *key, const char *sentence,
			   GPtrArray *problems)
{
	const struct config_setting *setting = config_file_find(file, section, key);

	config_problem_add(problems, severity, setting != NULL ? &setting->place : NULL, section,
			   key, "%s", sentence);
}

static bool has_well_known_prefix(const struct nat64_config *nat64)
{
	for (int i = 0; i < NAT64_POOL6_MAX; i++) {
		if (nat64->pool6[i].len == rfc6052_well_known_prefix.len &&
		    addr6_equal(&nat64->pool6[i].addr, &rfc6052_well_known_prefix.addr))
			return true;
	}
	return false;
}

/* Decisions that the operator may take, and should be reminded of at each start. */
static void warn_of_decisions(const struct config *config, const struct config_file *file,
			      GPtrArray *problems)
{
	bool allows = config->nat64.any_nonglobal || config->nat64.n_nonglobal > 0;

	if (allows && has_well_known_prefix(&config->nat64)) /* */
		problem_at_key(file, CONFIG_WARNING, "Translation", "AllowNonGlobal",
			       "non-global IPv4 addresses can be reached through 64:ff9b::/96, "
			       "against RFC 6052, 3.1",
			       problems);
	if (allows && !has_well_known_prefix(&config->nat64))
		problem_at_key(file, CONFIG_WARNING, "Translation", "AllowNonGlobal",
			       "has no effect, because 64:ff9b::/96 is not in Pool6", problems);
	if (config->allow_below_minimum)
		problem_at_key(file, CONFIG_WARNING, "Timeouts", "AllowBelowMinimum",
			       "lifetimes may be below the minimum of their RFC; idle connections "
			       "may break",
			       problems);
}

/* L-13 */
static void warn_of_retention(const struct config *config, const struct config_file *file,
			      GPtrArray *problems)
{
	if (config->nat64.retention_s == 0)
		return;
	if (!config->state.keep)
		problem_at_key(file, CONFIG_WARNING, "State", "Retention",
			       "closed bindings are kept in the state database, and State.Keep=no",
			       problems);
	else if (config->state.flush_ms == UINT32_MAX)
		problem_at_key(file, CONFIG_WARNING, "State", "Retention",
			       "with FlushInterval=exit, bindings that end wait in memory, a "
			       "million at most: what comes then is lost for 'who'",
			       problems);
}

/* I-31: what the RFCs do not leave to the operator, or what breaks path MTU discovery. */
static void warn_of_answering(const struct config *config, const struct config_file *file,
			      GPtrArray *problems)
{
	const uint8_t *answering = config->nat64.answering;

	if (answering[OUTCOME_TOO_BIG] == ANSWERING_NO)
		problem_at_key(file, CONFIG_WARNING, "Translation", "ICMPErrors",
			       "without Packet Too Big and Fragmentation Needed, connections over "
			       "paths with a smaller MTU hang",
			       problems);
	for (unsigned i = 0; i < N_OUTCOMES; i++) {
		if (answering[i] != ANSWERING_UNLIMITED)
			continue;
		problem_at_key(file, CONFIG_WARNING, "Translation", "ICMPErrors",
			       "errors without a limit can be used to flood others, against RFC "
			       "4443, 2.4 (f)",
			       problems);
		break;
	}
	if (config->silent_interfaces != NULL && config->silent_interfaces[0] != NULL)
		problem_at_key(file, CONFIG_WARNING, "Translation", "SilentInterfaces",
			       "not even Packet Too Big is sent there: connections over paths with "
			       "a smaller MTU hang",
			       problems);
}

static void check_queue(const struct config *config, const struct config_file *file,
			GPtrArray *problems)
{
	uint32_t workers = config->queue.workers != 0 ? config->queue.workers : CONFIG_WORKERS_MAX;

	if (config->queue.first + 2 * workers - 1 > UINT16_MAX)
		problem_at_key(file, CONFIG_ERROR, "Queue", "First",
			       "two queue numbers for each worker from here on end above 65535",
			       problems);
}

/* One side of a static binding, as text, is in no other one of the same protocol (S-2). */
static void check_side(GHashTable *seen, enum protocol protocol, const char *side,
		       const struct config_static *binding, GPtrArray *problems)
{
	g_autofree char *section = g_strdup_printf("Static %s", binding->name);
	char *by = g_strdup_printf("%s %s", protocol_name(protocol), side);
	const struct config_static *other = g_hash_table_lookup(seen, by);

	if (other == NULL) {
		g_hash_table_insert(seen, by, (gpointer)binding);
		return;
	}
	config_problem_add(problems, CONFIG_ERROR, &binding->place, section, "",
			   "%s is bound already by [Static %s] in %s:%u", by, other->name,
			   other->place.file, other->place.line);
	g_free(by);
}

const char *config_static_refusal(const struct config_static *binding)
{
	bool has_ports = binding->protocol[PROTOCOL_TCP] || binding->protocol[PROTOCOL_UDP];
	bool zero6 = !addr6_is_unspecified(&binding->inside.addr) && binding->inside.port == 0;
	bool zero4 = binding->outside.addr != 0 && binding->outside.port == 0;

	return has_ports && (zero6 || zero4) ? "port 0 is no port of TCP or UDP: 1 to 65535 are"
					     : NULL;
}

static void check_statics(const struct config *config, GPtrArray *problems)
{
	GHashTable *seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (uint32_t i = 0; i < config->n_statics; i++) {
		const struct config_static *binding = &config->statics[i];
		g_autofree char *section = g_strdup_printf("Static %s", binding->name);
		const char *refusal = config_static_refusal(binding);
		char inside[ADDR_TEXT_SIZE], outside[ADDR_TEXT_SIZE];

		if (addr6_is_unspecified(&binding->inside.addr) || binding->outside.addr == 0)
			continue; /* reported: missing or wrong */
		if (refusal != NULL)
			config_problem_add(problems, CONFIG_ERROR, &binding->place, section, "",
					   "%s", refusal);
		taddr6_print(&binding->inside, inside);
		taddr4_print(&binding->outside, outside);
		for (enum protocol protocol = 0; protocol < N_PROTOCOLS; protocol++) {
			if (!binding->protocol[protocol])
				continue;
			check_side(seen, protocol, inside, binding, problems);
			check_side(seen, protocol, outside, binding, problems);
		}
	}
	g_hash_table_unref(seen);
}

/* Ports for one protocol, as far as they are known before the host is asked. */
static uint64_t count_ports(const struct config_pool4 *entry)
{
	uint64_t n_addresses = 0;

	for (uint32_t i = 0; i < entry->spec.n_addresses; i++)
		n_addresses += (uint64_t)entry->spec.addresses[i].last -
			       entry->spec.addresses[i].first + 1;
	return n_addresses *
	       (entry->ports_auto ? 65536 - 1024 : port_ranges_count(&entry->spec.ports));
}

static const struct config_pool4 *entry_of_id(const struct pool4 *pool, uint32_t id,
					      const struct config *config)
{
	const struct pool4_entry *entry = pool4_entry(pool, id);

	for (uint32_t i = 0; entry != NULL && i < config->n_pool4; i++) {
		if (strcmp(config->pool4[i].spec.name, entry->spec.name) == 0)
			return &config->pool4[i];
	}
	return NULL;
}

/* P-20: nothing that others may change can be part of who has which ports. False if it is not good,
 * and has been said. */
static bool check_deterministic(const struct config *config, const struct config_pool4 *entry,
				const char *section, GPtrArray *problems)
{
	g_autofree struct addr4_range *addresses = g_memdup2(
		entry->spec.addresses, entry->spec.n_addresses * sizeof(*entry->spec.addresses));
	struct deterministic map = {
		.clients = entry->spec.clients,
		.n_prefixes = entry->spec.n_clients,
		.client_length = config->nat64.pairing_prefix_length,
		.addresses = addresses,
		.n_ranges = addr4_ranges_merge(addresses, entry->spec.n_addresses),
		.ports = &entry->spec.ports,
	};
	char error[DETERMINISTIC_ERROR_SIZE];
	const char *problem = NULL;

	if (entry->interfaces != NULL && entry->interfaces[0] != NULL)
		problem = "the addresses of an interface may change, and with them who had which "
			  "ports: in deterministic mode they are to be named";
	else if (entry->ports_auto)
		problem = "automatic ports may change, and with them who had which: in "
			  "deterministic mode Ports= is needed";
	else if (entry->spec.n_addresses > 0 && entry->spec.ports.n_ranges > 0)
		problem = deterministic_init(&map, error);
	if (problem != NULL)
		config_problem_add(problems, CONFIG_ERROR, &entry->place, section, "", "%s",
				   problem);
	return problem == NULL;
}

/* P-19: a block is of all protocols. That there is a whole one is left to the core. */
static bool check_blocks(const struct config *config, const struct config_pool4 *entry,
			 const char *section, GPtrArray *problems)
{
	uint32_t size = config->limits.pool4.block_size;
	const struct port_ranges *ports = &entry->spec.ports;
	bool has_whole = entry->ports_auto;

	for (enum protocol i = 0; i < N_PROTOCOLS; i++) {
		if (entry->spec.protocol[i])
			continue;
		config_problem_add(problems, CONFIG_ERROR, &entry->place, section, "",
				   "a block is of tcp, udp and icmp: in this mode the entry has "
				   "to be for all three");
		return false;
	}
	for (uint32_t i = 0; i < ports->n_ranges; i++)
		has_whole |= (ports->range[i].first + size - 1) / size * size + size - 1 <=
			     ports->range[i].last;
	if (!has_whole)
		config_problem_add(problems, CONFIG_ERROR, &entry->place, section, "",
				   "its ports have no whole block of %" G_GUINT32_FORMAT
				   " (BlockSize), which begins at a multiple of that",
				   size);
	return has_whole;
}

/* What the core says to each entry, added to an empty pool4 after the others. */
static void try_pool4(struct pool4 *pool, const struct config *config,
		      const struct config_pool4 *entry, GPtrArray *problems)
{
	g_autofree char *section = g_strdup_printf("Pool4 %s", entry->spec.name);
	struct pool4_spec spec = entry->spec;
	const struct config_pool4 *other;
	enum pool4_result result;
	uint32_t id = 0;

	if (config->limits.pool4.mode == POOL4_DETERMINISTIC &&
	    !check_deterministic(config, entry, section, problems))
		return;
	if (config->limits.pool4.mode == POOL4_BLOCKS &&
	    !check_blocks(config, entry, section, problems))
		return;
	if (entry->ports_auto)
		port_ranges_add(&spec.ports, 1024, 65535);
	result = pool4_add(pool, &spec, &id);
	other = result == POOL4_OVERLAP ? entry_of_id(pool, id, config) : NULL;
	if (other != NULL && other->ports_auto != entry->ports_auto) {
		/* Automatic ports leave out what the host needs: only the host can say. */
	} else if (other != NULL) {
		config_problem_add(problems, CONFIG_ERROR, &entry->place, section, "",
				   "overlaps [Pool4 %s] in %s:%u: an address and port of the same "
				   "protocol, clients and prefix is in both",
				   other->spec.name, other->place.file, other->place.line);
	} else if (result != POOL4_OK) {
		config_problem_add(problems, CONFIG_ERROR, &entry->place, section, "", "%s",
				   pool4_result_text(result));
	}
	if (count_ports(entry) > config->limits.bindings)
		config_problem_add(problems, CONFIG_WARNING, &entry->place, section, "",
				   "has more ports than the %" G_GUINT32_FORMAT
				   " of Limits.Bindings can use",
				   config->limits.bindings);
}

static void check_mode(const struct config *config, const struct config_file *file,
		       GPtrArray *problems)
{
	if (config->limits.pool4.mode == POOL4_DETERMINISTIC && config->n_pool4 == 0)
		problem_at_key(
			file, CONFIG_ERROR, "Pool4", "Mode",
			"deterministic mode needs a section [Pool4 NAME] with Clients=", problems);
}

static void check_pool4(const struct config *config, GPtrArray *problems)
{
	static const uint8_t seed[RANDOM_SEED_SIZE];
	struct siphash_key key = {0};
	struct pool4 *pool = pool4_new(&key, seed);
	struct pool4_allocation allocation = config->limits.pool4;

	allocation.client_length = config->nat64.pairing_prefix_length;
	if (pool != NULL && !pool4_set_allocation(pool, &allocation)) {
		pool4_free(pool);
		pool = NULL;
	}
	for (uint32_t i = 0; pool != NULL && i < config->n_pool4; i++) {
		const struct config_pool4 *entry = &config->pool4[i];
		bool has_ports = entry->ports_auto || entry->spec.ports.n_ranges != 0;

		/* Without addresses they come from interfaces; either may be wrong, and said. */
		if ((entry->spec.n_addresses != 0 && has_ports) ||
		    config->limits.pool4.mode == POOL4_DETERMINISTIC)
			try_pool4(pool, config, entry, problems);
	}
	pool4_free(pool);
}

void config_check(const struct config *config, const struct config_file *file, GPtrArray *problems)
{
	warn_of_decisions(config, file, problems);
	warn_of_answering(config, file, problems);
	warn_of_retention(config, file, problems);
	check_queue(config, file, problems);
	check_statics(config, problems);
	check_mode(config, file, problems);
	check_pool4(config, problems);
}
