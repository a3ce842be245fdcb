/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat64ctl doctor: what is to be seen without the daemon. */
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/core/rfc6052.h"
#include "daemon/rules.h"
#include "tools/ctl_doctor.h"

#define MTU_MIN       1280            /* RFC 8200, 5 */
#define WELL_KNOWN    "ipv4only.arpa" /* RFC 7050: 192.0.0.170 and 192.0.0.171 */
#define WELL_KNOWN4   0xc00000aau
#define WELL_KNOWN4_2 0xc00000abu

static enum doctor_result is_configured(struct doctor *doctor)
{
	g_autofree char *first = NULL;

	if (doctor->problems->len == 0)
		return doctor_say(doctor, DOCTOR_OK, "the configuration is valid");
	first = config_problem_print(g_ptr_array_index(doctor->problems, 0));
	doctor_fix(doctor, "nat64d --check");
	return doctor_say(doctor, doctor->config == NULL ? DOCTOR_FAIL : DOCTOR_WARN, "%s", first);
}

static enum doctor_result has_rules(struct doctor *doctor)
{
	g_autofree char *rules = rules_in_kernel(doctor->ctl->instance);

	if (*rules != '\0')
		return doctor_say(doctor, DOCTOR_OK, "the packet rules are in place");
	doctor_fix(doctor, "nat64ctl setup");
	return doctor_say(doctor, DOCTOR_FAIL,
			  "there are no packet rules: packets to Pool6 leave as they are");
}

static enum doctor_result forwards(struct doctor *doctor, const char *family, const char *key)
{
	g_autofree char *path = g_strconcat("/proc/sys/", key, NULL);
	g_autofree char *value = NULL;

	if (!g_file_get_contents(path, &value, NULL, NULL))
		return doctor_say(doctor, DOCTOR_SKIP, "%s can not be read", path);
	if (*value != '0')
		return doctor_say(doctor, DOCTOR_OK, "%s is forwarded", family);
	doctor_fix(doctor, "sysctl -w %s=1", key);
	return doctor_say(doctor, DOCTOR_FAIL, "%s is not forwarded", family);
}

static enum doctor_result forwards4(struct doctor *doctor)
{
	return forwards(doctor, "IPv4", "net/ipv4/ip_forward");
}

static enum doctor_result forwards6(struct doctor *doctor)
{
	return forwards(doctor, "IPv6", "net/ipv6/conf/all/forwarding");
}

/* The MTU of the link, or 0. */
static unsigned mtu_of(int fd, const char *name)
{
	struct ifreq request = {.ifr_mtu = 0};

	(void)g_strlcpy(request.ifr_name, name, sizeof(request.ifr_name));
	return ioctl(fd, SIOCGIFMTU, &request) == 0 ? (unsigned)request.ifr_mtu : 0;
}

/* Such a link has no IPv6; on the IPv4 side every packet of 1280 bytes comes in pieces. */
static enum doctor_result has_mtu(struct doctor *doctor)
{
	struct ifaddrs *list = NULL;
	char name[IF_NAMESIZE] = "";
	unsigned mtu = 0;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || getifaddrs(&list) < 0) {
		if (fd >= 0)
			(void)close(fd);
		return doctor_say(doctor, DOCTOR_SKIP, "the interfaces can not be listed");
	}
	for (const struct ifaddrs *i = list; i != NULL && *name == '\0'; i = i->ifa_next) {
		mtu = (i->ifa_flags & IFF_UP) != 0 ? mtu_of(fd, i->ifa_name) : 0;
		if (mtu != 0 && mtu < MTU_MIN)
			(void)g_strlcpy(name, i->ifa_name, sizeof(name));
	}
	freeifaddrs(list);
	(void)close(fd);
	if (*name == '\0')
		return doctor_say(doctor, DOCTOR_OK, "every link has an MTU of %d or more",
				  MTU_MIN);
	doctor_fix(doctor, "ip link set %s mtu %d", name, MTU_MIN);
	return doctor_say(doctor, DOCTOR_WARN, "the MTU of %s is %u: IPv6 needs %d", name, mtu,
			  MTU_MIN);
}

/* Is it one of the two addresses in a prefix of Pool6? */
static bool is_synthesised(const struct config *config, const struct sockaddr_in6 *address)
{
	struct addr6 addr;
	uint32_t addr4;

	memcpy(addr.byte, &address->sin6_addr, sizeof(addr.byte));
	for (unsigned i = 0; i < NAT64_POOL6_MAX; i++) {
		if (config->nat64.pool6[i].len != 0 &&
		    rfc6052_extract(&config->nat64.pool6[i], &addr, &addr4) == RFC6052_OK &&
		    (addr4 == WELL_KNOWN4 || addr4 == WELL_KNOWN4_2))
			return true;
	}
	return false;
}

static enum doctor_result has_dns64(struct doctor *doctor)
{
	const struct addrinfo hints = {.ai_family = AF_INET6, .ai_socktype = SOCK_DGRAM};
	struct addrinfo *list = NULL;
	bool found = false;

	if (doctor->config == NULL)
		return doctor_say(doctor, DOCTOR_SKIP, "the configuration is refused");
	doctor_fix(doctor, "nat64ctl dns64 unbound");
	if (getaddrinfo(WELL_KNOWN, NULL, &hints, &list) != 0)
		return doctor_say(doctor, DOCTOR_WARN,
				  "this host's resolver has no AAAA for " WELL_KNOWN
				  ": it is no DNS64");
	for (const struct addrinfo *i = list; i != NULL; i = i->ai_next)
		found = found || is_synthesised(doctor->config, (const void *)i->ai_addr);
	freeaddrinfo(list);
	if (!found)
		return doctor_say(
			doctor, DOCTOR_WARN,
			"this host's resolver makes addresses of another prefix than Pool6");
	g_clear_pointer(&doctor->fix, g_free);
	return doctor_say(doctor, DOCTOR_OK,
			  "this host's resolver is a DNS64 with a prefix of Pool6");
}

const struct doctor_check doctor_host_checks[] = {
	{"configuration", is_configured},
	{"rules", has_rules},
	{"forwarding-ipv4", forwards4},
	{"forwarding-ipv6", forwards6},
	{"mtu", has_mtu},
	{"dns64", has_dns64},
	{NULL},
};
