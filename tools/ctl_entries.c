/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See ctl_entries.h. */
#include "tools/ctl_entries.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <string.h>
#include <time.h>

#include "daemon/pool4_auto.h"
#include "tools/ctl.h"

void ctl_entries_init(struct ctl_entries *entries)
{
	*entries = (struct ctl_entries){
		.entry = g_array_new(FALSE, FALSE, sizeof(struct rules_entry)),
		.addresses = g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref),
		.ports = g_ptr_array_new_with_free_func(g_free),
	};
}

void ctl_entries_deinit(struct ctl_entries *entries)
{
	g_array_unref(entries->entry);
	g_ptr_array_unref(entries->addresses);
	g_ptr_array_unref(entries->ports);
}

void ctl_entries_add(struct ctl_entries *entries, const char *name, GArray *addresses,
		     const struct port_ranges *ports, const bool protocol[N_PROTOCOLS])
{
	struct port_ranges *copy = g_memdup2(ports, sizeof(*ports));
	struct rules_entry entry = {
		.addresses = (const struct addr4_range *)(const void *)addresses->data,
		.n_addresses = addresses->len,
		.ports = copy,
		.name = name,
	};

	memcpy(entry.protocol, protocol, sizeof(entry.protocol));
	g_ptr_array_add(entries->addresses, addresses);
	g_ptr_array_add(entries->ports, copy);
	g_array_append_val(entries->entry, entry);
}

static GArray *addresses_new(uint32_t first, uint32_t last)
{
	GArray *addresses = g_array_new(FALSE, FALSE, sizeof(struct addr4_range));
	struct addr4_range range = {.first = first, .last = last};

	g_array_append_val(addresses, range);
	return addresses;
}

static bool is_named(char **names, const char *name)
{
	return names != NULL && g_strv_contains((const char *const *)names, name);
}

/* Adds the addresses of the named interfaces. True if any of all addresses is the host's own. */
static bool add_interfaces(GArray *addresses, char **names)
{
	struct ifaddrs *list = NULL;
	bool own = false;

	if (getifaddrs(&list) < 0)
		return false;
	for (const struct ifaddrs *i = list; i != NULL; i = i->ifa_next) {
		struct sockaddr_in address;
		struct addr4_range range;

		if (i->ifa_addr == NULL || i->ifa_addr->sa_family != AF_INET)
			continue;
		memcpy(&address, i->ifa_addr, sizeof(address));
		range.first = range.last = ntohl(address.sin_addr.s_addr);
		if (is_named(names, i->ifa_name))
			g_array_append_val(addresses, range);
		for (guint j = 0; j < addresses->len; j++) {
			const struct addr4_range *other =
				&g_array_index(addresses, struct addr4_range, j);

			own = own || (other->first <= range.first && range.first <= other->last);
		}
	}
	freeifaddrs(list);
	return own;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void add_pool4(struct ctl_entries *entries, const struct config_pool4 *pool4,
		      struct pool4_auto *autos)
{
	GArray *addresses = g_array_new(FALSE, FALSE, sizeof(struct addr4_range));
	struct port_ranges ports = pool4->spec.ports;
	bool own;

	g_array_append_vals(addresses, pool4->spec.addresses, pool4->spec.n_addresses);
	own = add_interfaces(addresses, pool4->interfaces);
	if (pool4->ports_auto && own) {
		pool4_auto_ports(autos, now_ms(), &ports);
	} else if (pool4->ports_auto) {
		ports.n_ranges = 0;
		(void)port_ranges_add(&ports, 1024, UINT16_MAX);
	}
	ctl_entries_add(entries, pool4->spec.name, addresses, &ports, pool4->spec.protocol);
}

/* The entry named auto, which is there without any other (INTERFACE, section 5). */
static int add_auto(struct ctl_entries *entries, struct pool4_auto *autos, bool early)
{
	static const bool all[N_PROTOCOLS] = {true, true, true};
	struct port_ranges ports;
	uint32_t addr;

	if (!pool4_auto_address(autos, &addr)) {
		if (early)
			return 0;
		(void)ctl_fail(CTL_FAILED, "setup: the configuration has no [Pool4 NAME], and "
					   "without an IPv4 default route there is no address to "
					   "use instead");
		return -1;
	}
	pool4_auto_ports(autos, now_ms(), &ports);
	ctl_entries_add(entries, "auto", addresses_new(addr, addr), &ports, all);
	return 0;
}

static void keep_quiet(struct ctl_entries *entries, uint16_t first, uint16_t last)
{
	static const struct port_ranges all = {.range = {{1, UINT16_MAX}}, .n_ranges = 1};

	if (!port_ranges_add(&entries->quiet, first, last))
		entries->quiet = all;
}

/* Whatever address the network will give to the host: free ports, as of an entry auto and of those
 * that were added by command, and what the configuration says, whose addresses may be the host's.
 */
static void set_quiet(struct ctl_entries *entries, const struct config *config,
		      struct pool4_auto *autos)
{
	pool4_auto_ports(autos, now_ms(), &entries->quiet);
	for (uint32_t i = 0; i < config->n_pool4; i++) {
		const struct config_pool4 *pool4 = &config->pool4[i];
		const struct port_ranges *ports = &pool4->spec.ports;

		for (uint32_t j = 0; !pool4->ports_auto && j < ports->n_ranges; j++)
			keep_quiet(entries, ports->range[j].first, ports->range[j].last);
	}
	for (uint32_t i = 0; i < config->n_statics; i++)
		keep_quiet(entries, config->statics[i].outside.port,
			   config->statics[i].outside.port);
}

int ctl_entries_read(const struct config *config, bool early, struct ctl_entries *entries)
{
	struct pool4_auto *autos;
	int r = pool4_auto_new(&autos);

	if (r < 0) {
		(void)ctl_fail(CTL_FAILED, "setup: the host's ports can not be read: %s",
			       g_strerror(-r));
		return r;
	}
	for (uint32_t i = 0; i < config->n_pool4; i++)
		add_pool4(entries, &config->pool4[i], autos);
	if (config->n_pool4 == 0)
		r = add_auto(entries, autos, early);
	if (early)
		set_quiet(entries, config, autos);
	for (uint32_t i = 0; i < config->n_statics; i++) {
		const struct config_static *binding = &config->statics[i];
		struct port_ranges port = {.n_ranges = 0};

		(void)port_ranges_add(&port, binding->outside.port, binding->outside.port);
		ctl_entries_add(entries, NULL,
				addresses_new(binding->outside.addr, binding->outside.addr), &port,
				binding->protocol);
	}
	pool4_auto_free(autos);
	return r;
}
