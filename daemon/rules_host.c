/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host around the packet rules: see rules_host.h.
 *
 * Turning forwarding on has side effects, which the records undo too: it sets every interface (and
 * turning it off clears every one, also those that had it on before), IPv4's turns accepting
 * redirects off, IPv6's throws away default routes that came by router advertisement unless
 * accept_ra is 2 by then.
 */
#include "daemon/rules_host.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/rules_links.h"

#define SYSCTL_ROOT "/proc/sys/"

int rules_host_addresses(GArray *ret)
{
	struct ifaddrs *list = NULL;

	if (getifaddrs(&list) < 0)
		return -errno;
	for (const struct ifaddrs *i = list; i != NULL; i = i->ifa_next) {
		struct sockaddr_in address;
		uint32_t addr;

		if (i->ifa_addr == NULL || i->ifa_addr->sa_family != AF_INET)
			continue;
		memcpy(&address, i->ifa_addr, sizeof(address));
		addr = ntohl(address.sin_addr.s_addr);
		g_array_append_val(ret, addr);
	}
	freeifaddrs(list);
	return 0;
}

static char *sysctl_read(const char *key)
{
	g_autofree char *path = g_strconcat(SYSCTL_ROOT, key, NULL);
	char *value = NULL;

	if (g_file_get_contents(path, &value, NULL, NULL))
		g_strchomp(value);
	return value;
}

static bool sysctl_is(const char *key, const char *value)
{
	g_autofree char *now = sysctl_read(key);

	return now != NULL && strcmp(now, value) == 0;
}

/* g_file_set_contents() would make a new file and rename it. */
static int sysctl_write(const char *key, const char *value)
{
	g_autofree char *path = g_strconcat(SYSCTL_ROOT, key, NULL);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int r = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, value, strlen(value)) < 0)
		r = -errno;
	close(fd);
	return r;
}

/* A record is about its first two words: the newer one of the same thing is wrong. */
static void note_of(GPtrArray *undo, const char *kind, const char *key, const char *value)
{
	g_autofree char *about = g_strdup_printf("%s %s ", kind, key);

	for (guint i = 0; i < undo->len; i++) {
		if (g_str_has_prefix(g_ptr_array_index(undo, i), about))
			return;
	}
	g_ptr_array_add(undo, g_strconcat(about, value, NULL));
}

static void note(GPtrArray *undo, const char *key, const char *value)
{
	note_of(undo, "sysctl", key, value);
}

/* Records which interfaces forward already, when the switch for all is off. */
static void note_interfaces(GPtrArray *undo, const char *family)
{
	g_autofree char *path = g_strdup_printf(SYSCTL_ROOT "net/%s/conf", family);
	g_autoptr(GDir) directory = g_dir_open(path, 0, NULL);
	const char *name;

	while (directory != NULL && (name = g_dir_read_name(directory)) != NULL) {
		g_autofree char *key = g_strdup_printf("net/%s/conf/%s/forwarding", family, name);

		if (strcmp(name, "all") != 0 && sysctl_is(key, "1"))
			note(undo, key, "1");
	}
}

static void plan_switch(struct rules_plan *plan, const char *family, const char *key,
			GPtrArray *steps)
{
	g_autofree char *redirects = NULL;

	if (!sysctl_is(key, "0"))
		return;
	note(plan->undo, key, "0");
	note_interfaces(plan->undo, family);
	redirects = strcmp(family, "ipv4") == 0 ? sysctl_read("net/ipv4/conf/all/accept_redirects")
						: NULL;
	if (redirects != NULL && strcmp(redirects, "1") != 0)
		note(plan->undo, "net/ipv4/conf/all/accept_redirects", redirects);
	g_ptr_array_add(steps, g_strdup_printf("sysctl %s 1", key));
}

static void plan_forwarding(struct rules_plan *plan, const struct rules_routes *routes,
			    GPtrArray *steps)
{
	for (guint i = 0; i < routes->ra_links->len; i++) {
		char name[IF_NAMESIZE];
		g_autofree char *key = NULL;

		if (if_indextoname((unsigned)g_array_index(routes->ra_links, int, i), name) == NULL)
			continue;
		key = g_strdup_printf("net/ipv6/conf/%s/accept_ra", name);
		if (!sysctl_is(key, "1"))
			continue;
		note(plan->undo, key, "1");
		g_ptr_array_add(steps, g_strdup_printf("sysctl %s 2", key));
	}
	plan_switch(plan, "ipv4", "net/ipv4/ip_forward", steps);
	plan_switch(plan, "ipv6", "net/ipv6/conf/all/forwarding", steps);
}

static bool has_prefix(const GArray *prefixes, const struct prefix6 *prefix)
{
	for (guint i = 0; i < prefixes->len; i++) {
		const struct prefix6 *other = &g_array_index(prefixes, struct prefix6, i);

		if (other->len == prefix->len && addr6_equal(&other->addr, &prefix->addr))
			return true;
	}
	return false;
}

static bool has_text(const GPtrArray *texts, const char *text)
{
	for (guint i = 0; i < texts->len; i++) {
		if (strcmp(g_ptr_array_index(texts, i), text) == 0)
			return true;
	}
	return false;
}

/* A route for exactly Pool6 that somebody else made serves as well, and stays his. */
static void plan_routes(struct rules_plan *plan, const struct rules_routes *routes,
			GPtrArray *steps)
{
	char buffer[ADDR_TEXT_SIZE];

	for (guint i = 0; i < plan->pool6->len; i++) {
		const struct prefix6 *prefix = &g_array_index(plan->pool6, struct prefix6, i);
		g_autofree char *line = g_strdup_printf("route %s", prefix6_print(prefix, buffer));

		if (has_prefix(routes->all6, prefix))
			continue;
		if (!has_text(plan->undo, line))
			g_ptr_array_add(plan->undo, g_strdup(line));
		g_ptr_array_add(steps, g_steal_pointer(&line));
	}
}

/* Of before: for what is not in Pool6 any more, or when local traffic was still translated. Left in
 * place such a route would swallow what the default route would take. */
static void plan_route_removals(struct rules_plan *plan, GPtrArray *steps)
{
	struct prefix6 prefix;

	for (guint i = plan->undo->len; i-- > 0;) {
		const char *record = g_ptr_array_index(plan->undo, i);

		if (!g_str_has_prefix(record, "route ") ||
		    !prefix6_parse(record + strlen("route "), &prefix) ||
		    (plan->local_traffic && has_prefix(plan->pool6, &prefix)))
			continue;
		g_ptr_array_add(steps, g_strconcat("un", record, NULL));
		g_ptr_array_remove_index(plan->undo, i);
	}
}

/* Where superpackets come whole. Their sizes as a step and as a record are alike. */
static void plan_links(struct rules_plan *plan, GPtrArray *steps)
{
	g_autoptr(GArray) links = rules_links_read();

	for (guint i = 0; i < links->len; i++) {
		const struct rules_big_link *link = &g_array_index(links, struct rules_big_link, i);
		const struct rules_link_sizes *sizes = &link->sizes;
		g_autofree char *before = g_strdup_printf("%u %u %u %u", sizes->gso, sizes->gro,
							  sizes->gso4, sizes->gro4);

		note_of(plan->undo, "link", link->name, before);
		g_ptr_array_add(steps, g_strdup_printf("link %s %u %u 0 0", link->name,
						       RULES_LINKS_FIT, RULES_LINKS_FIT));
	}
}

void rules_host_plan(struct rules_plan *plan, bool forwarding, const struct rules_routes *routes,
		     GPtrArray *ret_before, GPtrArray *ret_after)
{
	if (forwarding)
		plan_forwarding(plan, routes, ret_after);
	if (plan->inject_device)
		plan_links(plan, ret_after);
	plan_route_removals(plan, ret_before);
	if (plan->local_traffic)
		plan_routes(plan, routes, ret_after);
}

/* Each prefix once, as text; the table owns it. */
static GHashTable *texts_of(const GArray *prefixes)
{
	GHashTable *texts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	char buffer[ADDR_TEXT_SIZE];

	for (guint i = 0; i < prefixes->len; i++)
		g_hash_table_add(texts,
				 g_strdup(prefix4_print(&g_array_index(prefixes, struct prefix4, i),
							buffer)));
	return texts;
}

bool rules_host_plan_announce(struct rules_plan *plan, const GArray *announced,
			      GPtrArray *ret_before, GPtrArray *ret_after)
{
	g_autoptr(GHashTable) wanted = texts_of(plan->announce);
	g_autoptr(GHashTable) there = texts_of(announced);
	g_autoptr(GHashTable) recorded =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	bool changed = false;
	char buffer[ADDR_TEXT_SIZE];

	for (guint i = plan->undo->len; i-- > 0;) {
		const char *record = g_ptr_array_index(plan->undo, i);
		const char *prefix = record + strlen("announce ");

		if (!g_str_has_prefix(record, "announce "))
			continue;
		if (g_hash_table_contains(wanted, prefix)) {
			g_hash_table_add(recorded, g_strdup(prefix));
			continue;
		}
		g_ptr_array_add(ret_before, g_strconcat("withdraw ", prefix, NULL));
		g_ptr_array_remove_index(plan->undo, i);
		changed = true;
	}
	for (guint i = 0; i < plan->announce->len; i++) {
		const char *prefix =
			prefix4_print(&g_array_index(plan->announce, struct prefix4, i), buffer);

		if (!g_hash_table_contains(recorded, prefix)) {
			g_ptr_array_add(plan->undo, g_strconcat("announce ", prefix, NULL));
			changed = true;
		}
		if (!g_hash_table_contains(there, prefix))
			g_ptr_array_add(ret_after, g_strconcat("announce ", prefix, NULL));
	}
	return changed;
}

static int do_sysctl(char **words, char **ret_error)
{
	int r = sysctl_write(words[1], words[2]);

	if (r < 0)
		*ret_error = g_strdup_printf("%s%s can not be set to %s (%s): set it before, or "
					     "use Setup.Forwarding=no",
					     SYSCTL_ROOT, words[1], words[2], g_strerror(-r));
	return r;
}

/* "route PREFIX" or "unroute PREFIX" */
static int do_route(char **words, char **ret_error)
{
	bool adds = strcmp(words[0], "route") == 0;
	struct prefix6 prefix;
	int r;

	if (!prefix6_parse(words[1], &prefix))
		return -EINVAL;
	r = adds ? rules_route_add(&prefix) : rules_route_remove(&prefix);
	if (r == -EPERM)
		*ret_error = g_strdup("routes need the capability CAP_NET_ADMIN");
	else if (r < 0)
		*ret_error = g_strdup_printf("the route for %s by lo, which local traffic needs, "
					     "can not be %s (%s)",
					     words[1], adds ? "added" : "removed", g_strerror(-r));
	return r;
}

/* "announce PREFIX" or "withdraw PREFIX" */
static int do_announce(char **words, char **ret_error)
{
	bool adds = strcmp(words[0], "announce") == 0;
	struct prefix4 prefix;
	int r;

	if (!prefix4_parse(words[1], &prefix))
		return -EINVAL;
	r = adds ? rules_route_announce(&prefix) : rules_route_withdraw(&prefix);
	if (r == -EPERM)
		*ret_error = g_strdup("routes need the capability CAP_NET_ADMIN");
	else if (r < 0)
		*ret_error = g_strdup_printf("the local route for %s, which announces pool4, can "
					     "not be %s (%s)",
					     words[1], adds ? "added" : "removed", g_strerror(-r));
	return r;
}

/* The words behind "link". */
static int set_link(const char *name, const char *text)
{
	struct rules_link_sizes sizes;

	if (name == NULL || text == NULL ||
	    sscanf(text, "%u %u %u %u", &sizes.gso, &sizes.gro, &sizes.gso4, &sizes.gro4) != 4)
		return -EINVAL;
	return rules_links_set(name, &sizes);
}

static int do_link(char **words, char **ret_error)
{
	int r = set_link(words[1], words[2]);

	if (r < 0)
		*ret_error = g_strdup_printf(
			"superpackets of %s can not be made smaller (%s): ip link set %s "
			"gso_max_size %u gro_max_size %u",
			words[1], g_strerror(-r), words[1], RULES_LINKS_FIT, RULES_LINKS_FIT);
	return r;
}

static int do_one(char **words, char **ret_error)
{
	if (strcmp(words[0], "link") == 0)
		return do_link(words, ret_error);
	if (strcmp(words[0], "sysctl") == 0)
		return do_sysctl(words, ret_error);
	if (strcmp(words[0], "announce") == 0 || strcmp(words[0], "withdraw") == 0)
		return do_announce(words, ret_error);
	return do_route(words, ret_error);
}

int rules_host_do(const GPtrArray *steps, char **ret_error)
{
	for (guint i = 0; i < steps->len; i++) {
		g_auto(GStrv) words = g_strsplit(g_ptr_array_index(steps, i), " ", 3);
		int r = do_one(words, ret_error);

		if (r < 0)
			return r;
	}
	return 0;
}

static int undo_one(const char *record)
{
	g_auto(GStrv) words = g_strsplit(record, " ", 3);
	struct prefix6 prefix;
	struct prefix4 prefix4;
	int r = 0;

	if (strcmp(words[0], "sysctl") == 0 && g_strv_length(words) == 3)
		r = sysctl_write(words[1], words[2]);
	else if (strcmp(words[0], "link") == 0)
		r = set_link(words[1], words[1] ? words[2] : NULL);
	else if (strcmp(words[0], "route") == 0 && words[1] != NULL &&
		 prefix6_parse(words[1], &prefix))
		r = rules_route_remove(&prefix);
	else if (strcmp(words[0], "announce") == 0 && words[1] != NULL &&
		 prefix4_parse(words[1], &prefix4))
		r = rules_route_withdraw(&prefix4);
	return r == -ENOENT ? 0 : r;
}

int rules_host_undo(const GPtrArray *records, char **ret_error)
{
	int result = 0;

	for (guint i = 0; i < records->len; i++) {
		const char *record = g_ptr_array_index(records, i);
		int r = undo_one(record);

		if (r < 0 && result == 0) {
			*ret_error =
				g_strdup_printf("can not undo \"%s\": %s", record, g_strerror(-r));
			result = r;
		}
	}
	return result;
}

char *rules_host_command(const char *step)
{
	g_auto(GStrv) words = g_strsplit(step, " ", 3);

	if (strcmp(words[0], "link") == 0)
		return g_strdup_printf("ip link set %s gso_max_size %u gro_max_size %u", words[1],
				       RULES_LINKS_FIT, RULES_LINKS_FIT);
	if (strcmp(words[0], "sysctl") == 0)
		return g_strdup_printf("sysctl -w %s=%s", words[1], words[2]);
	if (strcmp(words[0], "announce") == 0 || strcmp(words[0], "withdraw") == 0)
		return g_strdup_printf("ip route %s local %s dev lo proto %u",
				       strcmp(words[0], "announce") == 0 ? "add" : "delete",
				       words[1], RULES_ROUTE_PROTOCOL);
	if (strcmp(words[0], "unroute") == 0)
		return g_strdup_printf("ip -6 route delete %s dev lo proto %u metric 1024",
				       words[1], RULES_ROUTE_PROTOCOL);
	return g_strdup_printf("ip -6 route add %s dev lo proto %u metric 1024 mtu %u", words[1],
			       RULES_ROUTE_PROTOCOL, RULES_ROUTE_MTU);
}
