/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/pool4_clash.h"

#include "daemon/core/addr.h"

/* More than this is counted instead. */
#define RANGES_MAX 16

static void add(struct pool4_auto_set *set, uint32_t port)
{
	set->has[port] = true;
}

/* "8080,32768-40000": as the sysctl has it, and Ports too with a space for separator. *ret_n: how
 * many ranges there are. */
static char *print(const struct pool4_auto_set *set, char separator, unsigned *ret_n)
{
	GString *text = g_string_new(NULL);
	unsigned n = 0;

	for (uint32_t port = 1; port < 65536; port++) {
		uint32_t last = port;

		if (!set->has[port])
			continue;
		while (last < 65535 && set->has[last + 1])
			last++;
		if (n++ > 0)
			g_string_append_c(text, separator);
		g_string_append_printf(text, "%u", port);
		if (last > port)
			g_string_append_printf(text, "-%u", last);
		port = last;
	}
	*ret_n = n;
	return g_string_free(text, FALSE);
}

static unsigned count(const struct pool4_auto_set *set)
{
	unsigned n = 0;

	for (uint32_t port = 1; port < 65536; port++)
		n += set->has[port];
	return n;
}

/* Those that are given out by themselves. Reserved with what is reserved already, they are not. */
static void check_local_range(const char *entry, const char *address,
			      const struct pool4_auto_set *clash,
			      const struct pool4_auto_host *host, GPtrArray *ret)
{
	g_autofree struct pool4_auto_set *all = g_memdup2(&host->reserved, sizeof(*all));
	g_autofree char *ports = NULL;
	g_autofree char *list = NULL;
	unsigned n;

	if (count(clash) == 0)
		return;
	for (uint32_t port = 1; port < 65536; port++)
		if (clash->has[port])
			add(all, port);
	ports = print(clash, ' ', &n);
	list = print(all, ',', &n);
	g_ptr_array_add(ret, g_strdup_printf("pool4 entry %s: the kernel gives %s %s of %s to "
					     "local programs, too: sysctl -w "
					     "net.ipv4.ip_local_reserved_ports=%s",
					     entry, count(clash) == 1 ? "port" : "ports", ports,
					     address, list));
}

/* Those that somebody has: the entry has to do without. */
static void check_taken(const char *entry, const char *address, const struct port_ranges *ports,
			const struct pool4_auto_set *clash, GPtrArray *ret)
{
	g_autofree struct pool4_auto_set *left = g_new0(struct pool4_auto_set, 1);
	g_autofree char *taken = NULL;
	g_autofree char *line = NULL;
	unsigned n_taken, n_left;

	if (count(clash) == 0)
		return;
	for (uint32_t port = 1; port < 65536; port++)
		if (port_ranges_contain(ports, (uint16_t)port) && !clash->has[port])
			add(left, port);
	taken = print(clash, ' ', &n_taken);
	line = print(left, ' ', &n_left);
	if (n_taken > RANGES_MAX) {
		g_free(taken);
		taken = g_strdup_printf("%u of the ports", count(clash));
	}
	if (n_left == 0 || n_left > PORT_RANGES_MAX) {
		g_free(line);
		line = g_strdup("auto");
	}
	g_ptr_array_add(ret,
			g_strdup_printf("pool4 entry %s: %s%s of %s %s reserved for or used by "
					"local programs: Ports=%s leaves out what is theirs",
					entry,
					n_taken > RANGES_MAX ? ""
					: count(clash) == 1  ? "port "
							     : "ports ",
					taken, address, count(clash) == 1 ? "is" : "are", line));
}

void pool4_clash_check(const char *entry, uint32_t addr, const struct port_ranges *ports,
		       const struct pool4_auto_host *host, GPtrArray *ret)
{
	g_autofree struct pool4_auto_set *local = g_new0(struct pool4_auto_set, 1);
	g_autofree struct pool4_auto_set *taken = g_new0(struct pool4_auto_set, 1);
	char address[ADDR_TEXT_SIZE];

	addr4_print(addr, address);
	for (uint32_t i = 0; i < ports->n_ranges; i++) {
		for (uint32_t port = ports->range[i].first; port <= ports->range[i].last; port++) {
			bool is_local = port >= host->local_first && port <= host->local_last;

			if (is_local && !host->reserved.has[port])
				add(local, port);
			else if (host->listens.has[port] || (host->reserved.has[port] && !is_local))
				add(taken, port);
		}
	}
	check_local_range(entry, address, local, host, ret);
	check_taken(entry, address, ports, taken, ret);
}
