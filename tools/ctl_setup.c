/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nat64ctl setup and teardown: the host as the daemon prepares it at start, put in place, shown or
 * removed without the daemon.
 *
 * What pool4 is comes from the configuration only: entries that were added at run time get their
 * rules from the daemon.
 */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "daemon/config.h"
#include "daemon/pool4_auto.h"
#include "daemon/rules.h"
#include "tools/ctl_change.h"

/* The entries, and what they point to. */
struct entries {
	GArray *entry;        /* struct rules_entry */
	GPtrArray *addresses; /* GArray of struct addr4_range */
	GPtrArray *ports;     /* struct port_ranges */
};

static void entries_init(struct entries *entries)
{
	*entries = (struct entries){
		.entry = g_array_new(FALSE, FALSE, sizeof(struct rules_entry)),
		.addresses = g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref),
		.ports = g_ptr_array_new_with_free_func(g_free),
	};
}

static void entries_deinit(struct entries *entries)
{
	g_array_unref(entries->entry);
	g_ptr_array_unref(entries->addresses);
	g_ptr_array_unref(entries->ports);
}

/* Takes addresses. */
static void entries_add(struct entries *entries, GArray *addresses, const struct port_ranges *ports,
			const bool protocol[N_PROTOCOLS])
{
	struct port_ranges *copy = g_memdup2(ports, sizeof(*ports));
	struct rules_entry entry = {
		.addresses = (const struct addr4_range *)(const void *)addresses->data,
		.n_addresses = addresses->len,
		.ports = copy,
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

static void add_pool4(struct entries *entries, const struct config_pool4 *pool4,
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
	entries_add(entries, addresses, &ports, pool4->spec.protocol);
}

/* The entry named auto, which is there without any other (INTERFACE, section 5). */
static int add_auto(struct entries *entries, struct pool4_auto *autos, bool early)
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
	entries_add(entries, addresses_new(addr, addr), &ports, all);
	return 0;
}

static int read_entries(const struct config *config, bool early, struct entries *entries)
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
	for (uint32_t i = 0; i < config->n_statics; i++) {
		const struct config_static *binding = &config->statics[i];
		struct port_ranges port = {.n_ranges = 0};

		(void)port_ranges_add(&port, binding->outside.port, binding->outside.port);
		entries_add(entries, addresses_new(binding->outside.addr, binding->outside.addr),
			    &port, binding->protocol);
	}
	pool4_auto_free(autos);
	return r;
}

static struct config *load_config(const struct ctl *ctl, const char *file)
{
	g_autoptr(GPtrArray) problems = config_problems_new();
	g_autofree char *path = file != NULL ? g_strdup(file)
				: ctl->instance != NULL
					? g_strdup_printf("/etc/nat64d/%s.conf", ctl->instance)
					: NULL;
	struct config *config = NULL;

	(void)config_load(path, &config, problems);
	for (guint i = 0; i < problems->len; i++) {
		g_autofree char *text = config_problem_print(g_ptr_array_index(problems, i));

		fprintf(stderr, "%s\n", text);
	}
	return config;
}

/* The shell script that would do it, or what has been done: "commands" is its name in JSON. */
static void print_script(const struct ctl *ctl, const char *script)
{
	if (ctl->json)
		ctl_print_json(json_pack("{s:s}", "commands", script));
	else
		fputs(script, stdout);
}

static int apply(const struct ctl *ctl, struct rules *rules, const struct entries *entries,
		 char **ret_error)
{
	static const char *const how[] = {
		[RULES_NFT] = "nft queues",
		[RULES_IPTABLES] = "nft marks, iptables queues",
		[RULES_NONE] = "Queue.Rules=none: the host only",
	};
	g_autofree char *before = rules_in_kernel(ctl->instance), *after = NULL, *summary = NULL;
	int r = rules_apply(rules, (const struct rules_entry *)(const void *)entries->entry->data,
			    entries->entry->len, ret_error);

	if (r < 0)
		return r;
	after = rules_in_kernel(ctl->instance);
	summary = g_strdup_printf("packet rules are in place (%s)", how[rules_mode(rules)]);
	ctl_change_print(ctl, strcmp(before, after) != 0, summary);
	return 0;
}

enum ctl_status ctl_setup(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	bool only_print = ctl_arguments_has(arguments, CTL_PRINT) ||
			  ctl_arguments_has(arguments, CTL_DRY_RUN);
	bool early = ctl_arguments_has(arguments, CTL_EARLY);
	struct entries entries;
	struct config *config;
	struct rules *rules = NULL;
	char *error = NULL;
	int r;

	config = load_config(ctl, arguments->option[CTL_CONFIG]);
	if (config == NULL)
		return CTL_FAILED;
	/* It would end the router advertisements by which a link is to get its default route. */
	if (early)
		config->forwarding = CONFIG_FORWARDING_NO;
	entries_init(&entries);
	r = read_entries(config, early, &entries);
	if (r == 0)
		r = rules_open(ctl->instance, config, &rules, &error);
	if (r == 0 && only_print) {
		g_autofree char *text = rules_print(
			rules, (const struct rules_entry *)(const void *)entries.entry->data,
			entries.entry->len);

		print_script(ctl, text);
	} else if (r == 0) {
		r = apply(ctl, rules, &entries, &error);
	}
	if (error != NULL)
		(void)ctl_fail(CTL_FAILED, "setup: %s", error);
	g_free(error);
	rules_close(rules);
	entries_deinit(&entries);
	config_free(config);
	return r == 0 ? CTL_DONE : CTL_FAILED;
}

enum ctl_status ctl_teardown(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	g_autofree char *error = NULL;
	bool changed = false;
	int r;

	if (ctl_arguments_has(arguments, CTL_DRY_RUN)) {
		g_autofree char *table = rules_table_name(ctl->instance);
		g_autofree char *kernel = rules_in_kernel(ctl->instance);
		g_autofree char *summary =
			*kernel == '\0'
				? g_strdup("nothing to remove")
				: g_strdup_printf(
					  "would remove the table inet %s, what iptables "
					  "has of it, and restore what its chain undo lists",
					  table);

		ctl_change_print(ctl, *kernel != '\0', summary);
		return CTL_DONE;
	}
	r = rules_remove(ctl->instance, &changed, &error);
	if (r < 0)
		return ctl_fail(CTL_FAILED, "teardown: %s", error);
	ctl_change_print(ctl, changed,
			 changed ? "packet rules are removed, the host is as it was before"
				 : "nothing to remove");
	return CTL_DONE;
}
