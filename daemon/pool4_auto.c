/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/pool4_auto.h"

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/core/packet.h"
#include "daemon/listeners.h"
#include "daemon/route.h"

#define FIRST_PORT 1024
/* A route to this address can only be the default route: class E is nobody's. */
#define BEHIND_DEFAULT 0xf0000001u /* 240.0.0.1 */

#define LOCAL_RANGE    "/proc/sys/net/ipv4/ip_local_port_range"
#define LOCAL_RESERVED "/proc/sys/net/ipv4/ip_local_reserved_ports"
/* The list of reserved ports can be long: it is a bitmap in the kernel. */
#define SYSCTL_SIZE 65536

struct pool4_auto {
	struct netlink netlink;
	struct listeners *listeners;
	struct ifaddrs *interfaces; /* NULL only while it is made */
	char text[SYSCTL_SIZE];
};

int pool4_auto_new(struct pool4_auto **ret)
{
	struct pool4_auto *autos;
	int r;

	autos = calloc(1, sizeof(*autos));
	if (!autos)
		return -ENOMEM;
	r = netlink_open(NETLINK_ROUTE, &autos->netlink);
	if (r == 0)
		r = listeners_new(&autos->listeners);
	if (r == 0)
		r = pool4_auto_read(autos);
	if (r < 0) {
		pool4_auto_free(autos);
		return r;
	}
	*ret = autos;
	return 0;
}

void pool4_auto_free(struct pool4_auto *autos)
{
	if (!autos)
		return;
	if (autos->interfaces)
		freeifaddrs(autos->interfaces);
	listeners_free(autos->listeners);
	netlink_close(&autos->netlink);
	free(autos);
}

bool pool4_auto_address(struct pool4_auto *autos, uint32_t *ret)
{
	struct route_question question = {.family = AF_INET};
	struct route route;

	store_be32(question.dst, BEHIND_DEFAULT);
	if (route_ask(&autos->netlink, &question, &route) < 0 || !route.exists || !route.has_source)
		return false;
	*ret = load_be32(route.source);
	return true;
}

/* Of an element of getifaddrs()' list. False if it has no IPv4 address. */
static bool address_of(const struct ifaddrs *interface, uint32_t *ret)
{
	struct sockaddr_in in4;

	if (!interface->ifa_addr || interface->ifa_addr->sa_family != AF_INET)
		return false;
	memcpy(&in4, interface->ifa_addr, sizeof(in4));
	*ret = ntohl(in4.sin_addr.s_addr);
	return true;
}

int pool4_auto_read(struct pool4_auto *autos)
{
	struct ifaddrs *fresh = NULL;

	listeners_forget(autos->listeners);
	if (getifaddrs(&fresh) < 0)
		return -errno;
	if (autos->interfaces)
		freeifaddrs(autos->interfaces);
	autos->interfaces = fresh;
	return 0;
}

bool pool4_auto_own(const struct pool4_auto *autos, const struct addr4_range *ranges,
		    uint32_t n_ranges, uint32_t *ret)
{
	for (const struct ifaddrs *i = autos->interfaces; i; i = i->ifa_next)
		for (uint32_t j = 0; address_of(i, ret) && j < n_ranges; j++)
			if (*ret >= ranges[j].first && *ret <= ranges[j].last)
				return true;
	return false;
}

bool pool4_auto_is_own(const struct pool4_auto *autos, const struct addr4_range *ranges,
		       uint32_t n_ranges)
{
	uint32_t addr;

	return pool4_auto_own(autos, ranges, n_ranges, &addr);
}

/* An address with a label goes by that: "wan0:vip". No interface has a colon in its name. */
static bool is_of(const struct ifaddrs *interface, const char *name)
{
	size_t length = strlen(name);

	return strncmp(interface->ifa_name, name, length) == 0 &&
	       (interface->ifa_name[length] == '\0' || interface->ifa_name[length] == ':');
}

void pool4_auto_interface(const struct pool4_auto *autos, const char *name, GArray *ret)
{
	struct addr4_range range;

	for (const struct ifaddrs *i = autos->interfaces; i; i = i->ifa_next) {
		if (!is_of(i, name) || !address_of(i, &range.first))
			continue;
		range.last = range.first;
		g_array_append_val(ret, range);
	}
}

void pool4_auto_cut(struct port_ranges *ranges, uint16_t first, uint16_t last)
{
	const struct port_range *around = NULL;

	if (port_ranges_remove(ranges, first, last))
		return;
	for (uint32_t i = 0; i < ranges->n_ranges; i++)
		if (ranges->range[i].first < first && ranges->range[i].last > last)
			around = &ranges->range[i];
	if (!around)
		return;
	if (first - around->first < around->last - last)
		(void)port_ranges_remove(ranges, around->first, last);
	else
		(void)port_ranges_remove(ranges, first, around->last);
}

/* The next range of a list "8080,9148-9160", from *text on, which is moved. */
static bool next_range(const char **text, uint16_t *ret_first, uint16_t *ret_last)
{
	while (**text) {
		unsigned first;
		unsigned last;
		int n = 0;

		if (sscanf(*text, "%u-%u%n", &first, &last, &n) == 2 && n > 0) {
			*text += n;
		} else if (sscanf(*text, "%u%n", &first, &n) == 1 && n > 0) {
			last = first;
			*text += n;
		} else {
			(*text)++;
			continue;
		}
		if (first > last || last > 65535)
			continue;
		*ret_first = (uint16_t)first;
		*ret_last = (uint16_t)last;
		return true;
	}
	return false;
}

void pool4_auto_cut_list(struct port_ranges *ranges, const char *text)
{
	uint16_t first;
	uint16_t last;

	while (next_range(&text, &first, &last))
		pool4_auto_cut(ranges, first, last);
}

/* Empty if it can not be read. */
static const char *read_sysctl(struct pool4_auto *autos, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, autos->text, sizeof(autos->text) - 1);

	if (fd >= 0)
		(void)close(fd);
	autos->text[n > 0 ? n : 0] = '\0';
	return autos->text;
}

void pool4_auto_ports(struct pool4_auto *autos, uint64_t now_ms, struct port_ranges *ret)
{
	struct port_ranges ranges = {.range = {{FIRST_PORT, 65535}}, .n_ranges = 1};
	unsigned first;
	unsigned last;

	if (sscanf(read_sysctl(autos, LOCAL_RANGE), "%u %u", &first, &last) == 2 && first <= last &&
	    last <= 65535)
		pool4_auto_cut(&ranges, (uint16_t)first, (uint16_t)last);
	pool4_auto_cut_list(&ranges, read_sysctl(autos, LOCAL_RESERVED));
	for (enum protocol protocol = 0; protocol < N_PROTOCOLS; protocol++) {
		uint16_t port = FIRST_PORT - 1;

		while (listeners_next(autos->listeners, protocol, now_ms, &port))
			pool4_auto_cut(&ranges, port, port);
	}
	*ret = ranges;
}

void pool4_auto_read_host(struct pool4_auto *autos, uint32_t addr, uint64_t now_ms,
			  struct pool4_auto_host *ret)
{
	const char *reserved;
	unsigned local[2];
	uint16_t first;
	uint16_t last;

	memset(ret, 0, sizeof(*ret));
	if (sscanf(read_sysctl(autos, LOCAL_RANGE), "%u %u", &local[0], &local[1]) == 2 &&
	    local[0] <= local[1] && local[1] <= 65535) {
		ret->local_first = (uint16_t)local[0];
		ret->local_last = (uint16_t)local[1];
	}
	reserved = read_sysctl(autos, LOCAL_RESERVED);
	while (next_range(&reserved, &first, &last))
		memset(&ret->reserved.has[first], true, (size_t)last - first + 1);
	for (enum protocol protocol = 0; protocol < N_PROTOCOLS; protocol++) {
		uint16_t port = 0;

		while (listeners_next(autos->listeners, protocol, now_ms, &port))
			if (listeners_have(autos->listeners, protocol, addr, port, now_ms))
				ret->listens.has[port] = true;
	}
}
