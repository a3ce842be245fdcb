/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat64ctl doctor: what is to be seen without the daemon. */
#include <inttypes.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timex.h>

#include "daemon/core/rfc6052.h"
#include "tools/ctl_doctor.h"

#define MEMORY_MIN        (16u << 20)
#define CONNTRACK_PERCENT 90
#define CLOCK_TOLERANCE_S 60
#define WELL_KNOWN        "ipv4only.arpa" /* RFC 7050: 192.0.0.170 and 192.0.0.171 */
#define WELL_KNOWN4       0xc00000aau
#define WELL_KNOWN4_2     0xc00000abu

static enum doctor_result is_configured(struct doctor *doctor)
{
	g_autofree char *first = NULL, *config = doctor_config_option(doctor);
	const char *instance = doctor->ctl->instance;

	if (doctor->problems->len == 0)
		return doctor_say(doctor, DOCTOR_OK, "the configuration is valid");
	first = config_problem_print(g_ptr_array_index(doctor->problems, 0));
	doctor_fix(doctor, "nat64d%s%s%s --check", instance != NULL ? " --instance " : "",
		   instance != NULL ? instance : "", config);
	return doctor_say(doctor, doctor->config == NULL ? DOCTOR_FAIL : DOCTOR_WARN, "%s", first);
}

/* Where forwarding takes a default route that came by router advertisement away, what keeps it
 * comes first (rules_host.h): else who sits behind that route has locked himself out. */
static char *keep_advertised(struct doctor *doctor)
{
	const struct rules_routes *routes = doctor_routes(doctor);
	GString *text = g_string_new(NULL);

	for (guint i = 0; routes != NULL && i < routes->ra_links->len; i++) {
		char name[IF_NAMESIZE];
		g_autofree char *path = NULL, *value = NULL;

		if (if_indextoname((unsigned)g_array_index(routes->ra_links, int, i), name) == NULL)
			continue;
		path = g_strdup_printf("/proc/sys/net/ipv6/conf/%s/accept_ra", name);
		if (g_file_get_contents(path, &value, NULL, NULL) && *value == '1')
			g_string_append_printf(text, "sysctl -w net/ipv6/conf/%s/accept_ra=2 && ",
					       name);
	}
	return g_string_free(text, FALSE);
}

/* Setup does it in the right order, and knows how to undo it, where it may. */
static void fix_forwarding(struct doctor *doctor, const char *key)
{
	g_autofree char *config = doctor_config_option(doctor);
	g_autofree char *before = NULL;

	if (doctor->config != NULL && doctor->config->forwarding != CONFIG_FORWARDING_NO) {
		doctor_fix_ctl(doctor, "setup%s", config);
		return;
	}
	before = g_str_has_prefix(key, "net/ipv6/") ? keep_advertised(doctor) : g_strdup("");
	doctor_fix(doctor, "%ssysctl -w %s=1", before, key);
}

static enum doctor_result forwards(struct doctor *doctor, const char *family, const char *key)
{
	g_autofree char *path = g_strconcat("/proc/sys/", key, NULL);
	g_autofree char *value = NULL;

	if (!g_file_get_contents(path, &value, NULL, NULL))
		return doctor_say(doctor, DOCTOR_SKIP, "%s can not be read", path);
	if (*value != '0')
		return doctor_say(doctor, DOCTOR_OK, "%s is forwarded", family);
	fix_forwarding(doctor, key);
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

/* Times of bindings are only as good as the clock; without them it is nobody's concern here. */
static bool needs_clock(const struct doctor *doctor)
{
	return doctor->config != NULL &&
	       (doctor->config->nat64.retention_s > 0 || doctor->config->log.bindings);
}

enum doctor_result doctor_judge_clock(struct doctor *doctor, const struct doctor_clock *clock)
{
	doctor_fix(doctor, "timedatectl set-ntp true");
	if (clock->file_s != 0 && clock->now_s + CLOCK_TOLERANCE_S < clock->file_s)
		return doctor_say(doctor, DOCTOR_FAIL,
				  "the clock is %" PRId64 " seconds before the time at which the "
				  "database was written: bindings that ended can not be told from "
				  "those to come",
				  clock->file_s - clock->now_s);
	if (!clock->synchronised && needs_clock(doctor))
		return doctor_say(doctor, DOCTOR_WARN,
				  "the clock is not synchronised: times of bindings can not be "
				  "compared with those of others");
	g_clear_pointer(&doctor->fix, g_free);
	return doctor_say(doctor, DOCTOR_OK, "%s",
			  clock->synchronised ? "the clock is synchronised"
					      : "the clock is not synchronised, and nothing here "
						"needs that");
}

static enum doctor_result has_clock(struct doctor *doctor)
{
	struct timex timex = {.modes = 0};
	struct doctor_clock clock = {.now_s = g_get_real_time() / G_USEC_PER_SEC};
	struct stat file;

	clock.synchronised = adjtimex(&timex) != TIME_ERROR && (timex.status & STA_UNSYNC) == 0;
	if (doctor->database != NULL && stat(doctor->database, &file) == 0)
		clock.file_s = file.st_mtime;
	return doctor_judge_clock(doctor, &clock);
}

/* "MemAvailable:   123456 kB", in bytes. */
static bool read_available(uint64_t *ret)
{
	g_autofree char *text = NULL;
	const char *at;

	if (!g_file_get_contents("/proc/meminfo", &text, NULL, NULL))
		return false;
	at = strstr(text, "MemAvailable:");
	if (at == NULL)
		return false;
	*ret = g_ascii_strtoull(at + strlen("MemAvailable:"), NULL, 10) * 1024;
	return true;
}

static enum doctor_result has_memory(struct doctor *doctor)
{
	uint64_t available;

	if (!read_available(&available))
		return doctor_say(doctor, DOCTOR_SKIP, "/proc/meminfo can not be read");
	if (available >= MEMORY_MIN)
		return doctor_say(doctor, DOCTOR_OK, "%" PRIu64 " MiB of memory are available",
				  available >> 20);
	if (doctor->config != NULL && doctor->config->limits.bindings > 1)
		doctor_fix_ctl(doctor, "config set Limits.Bindings %" PRIu64,
			       (uint64_t)doctor->config->limits.bindings / 2);
	return doctor_say(doctor, DOCTOR_WARN,
			  "only %" PRIu64 " MiB of memory are available: limits bound what the "
			  "tables may take",
			  available >> 20);
}

/* Of the host's own connections: ours are not tracked. */
static enum doctor_result tracks_connections(struct doctor *doctor)
{
	g_autofree char *count = NULL, *max = NULL;
	uint64_t n, limit;

	if (!g_file_get_contents("/proc/sys/net/netfilter/nf_conntrack_count", &count, NULL,
				 NULL) ||
	    !g_file_get_contents("/proc/sys/net/netfilter/nf_conntrack_max", &max, NULL, NULL))
		return doctor_say(doctor, DOCTOR_OK, "the host tracks no connections");
	n = g_ascii_strtoull(count, NULL, 10);
	limit = g_ascii_strtoull(max, NULL, 10);
	if (limit == 0 || n * 100 < limit * CONNTRACK_PERCENT)
		return doctor_say(doctor, DOCTOR_OK,
				  "%" PRIu64 " of %" PRIu64 " connections are tracked", n, limit);
	doctor_fix(doctor, "sysctl -w net.netfilter.nf_conntrack_max=%" PRIu64, limit * 2);
	return doctor_say(doctor, DOCTOR_WARN,
			  "the host tracks %" PRIu64 " of at most %" PRIu64
			  " connections: when they are full it drops packets",
			  n, limit);
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
	doctor_fix_ctl(doctor, "dns64 unbound");
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
	{"clock", has_clock},
	{"memory", has_memory},
	{"conntrack", tracks_connections},
	{"forwarding-ipv4", forwards4},
	{"forwarding-ipv6", forwards6},
	{"dns64", has_dns64},
	{NULL},
};
