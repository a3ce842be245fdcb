/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat64ctl doctor: what the daemon itself knows. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/statvfs.h>

#include "daemon/core/pool4_text.h"
#include "daemon/pool4_auto.h"
#include "daemon/rules_announce.h"
#include "tools/ctl_doctor.h"
#include "tools/ctl_pool4.h"
#include "tools/ctl_stats.h"

#define ALARM_PERCENT    80
#define ROUTES_MAX       16  /* more make no command; the first ones show what is missing */
#define ANSWERS_EXPECTED 20  /* packets without any answer are no accident */
#define SILENT_SECONDS   600 /* after a start */
#define DISK_MIN         (16u << 20)
/* A remedy is twice of what is set, and not less than this; these are the most that can be set. */
#define LENGTH_LEAST 65536u
#define LENGTH_MAX   (1u << 24)
#define MEMORY_LEAST (256u << 20)
#define MEMORY_MAX   (1u << 30)

static enum doctor_result is_running(struct doctor *doctor)
{
	g_autofree char *unit = doctor_unit(doctor);

	if (doctor->state != NULL)
		return doctor_say(doctor, DOCTOR_OK, "nat64d answers");
	doctor_fix(doctor, "systemctl restart %s", unit);
	return doctor_say(doctor, DOCTOR_FAIL, "nat64d does not answer");
}

static enum doctor_result is_active(struct doctor *doctor)
{
	if (doctor->state == NULL)
		return doctor_skip(doctor);
	if (strcmp(doctor->state, "active") == 0)
		return doctor_say(doctor, DOCTOR_OK, "the gateway is active");
	if (strcmp(doctor->state, "draining") == 0)
		doctor_fix_ctl(doctor, "resume");
	return doctor_say(doctor, DOCTOR_WARN, "the gateway is %s: nothing new is translated",
			  doctor->state);
}

/* The fullest of all entries, and whether any is active. */
struct fullest {
	char *name;
	const char *protocol;
	uint64_t percent;
	bool active;
};

static bool look_at(const struct ctl_pool4 *entry, void *context)
{
	struct fullest *fullest = context;

	fullest->active = fullest->active || strcmp(entry->state, "active") == 0;
	for (unsigned p = 0; p < CTL_N_PROTOCOLS; p++) {
		uint64_t percent =
			entry->total[p] == 0 ? 0 : entry->used[p] * 100 / entry->total[p];

		if (fullest->name != NULL && percent <= fullest->percent)
			continue;
		g_free(fullest->name);
		fullest->name = g_strdup(entry->name);
		fullest->protocol = ctl_protocols[p];
		fullest->percent = percent;
	}
	return false;
}

static enum doctor_result has_pool4(struct doctor *doctor)
{
	struct fullest fullest = {.name = NULL};
	enum doctor_result result;

	if (doctor->state == NULL)
		return doctor_skip(doctor);
	if (ctl_pool4_each(doctor->ctl, look_at, &fullest) != CTL_DONE) {
		result = doctor_say(doctor, DOCTOR_SKIP, "the entries can not be listed");
	} else if (!fullest.active) {
		doctor_fix_ctl(doctor, "pool4 add ADDRESSES");
		result = doctor_say(doctor, DOCTOR_FAIL,
				    "no entry of pool4 is active: nothing new is translated");
	} else if (fullest.percent >= ALARM_PERCENT) {
		doctor_fix_ctl(doctor, "pool4 add ADDRESSES");
		result = doctor_say(doctor, DOCTOR_WARN, "entry %s is %" PRIu64 "%% full for %s",
				    fullest.name, fullest.percent, fullest.protocol);
	} else {
		result = doctor_say(doctor, DOCTOR_OK,
				    "the fullest entry is %s, %" PRIu64 "%% for %s", fullest.name,
				    fullest.percent, fullest.protocol);
	}
	g_free(fullest.name);
	return result;
}

/* What is in use of something beside its limit. */
static enum doctor_result is_below(struct doctor *doctor, uint64_t used, uint64_t limit,
				   const char *what, const char *key)
{
	if (used * 100 < limit * ALARM_PERCENT || used == 0)
		return doctor_say(doctor, DOCTOR_OK, "%" PRIu64 " of %" PRIu64 " %s", used, limit,
				  what);
	doctor_fix_ctl(doctor, "config set %s %" PRIu64, key, MAX(used, limit) * 2);
	return doctor_say(doctor, DOCTOR_WARN, "%" PRIu64 " of %" PRIu64 " %s are in use", used,
			  limit, what);
}

/* Of "bindings" or "sessions". */
static enum doctor_result is_table_below(struct doctor *doctor, const char *what, const char *key)
{
	uint64_t used = 0;

	if (doctor->state == NULL)
		return doctor_skip(doctor);
	for (unsigned p = 0; p < CTL_N_PROTOCOLS; p++)
		used += ctl_stats_value(doctor->counters, "%s_%s", what, ctl_protocols[p]);
	return is_below(doctor, used, ctl_stats_value(doctor->counters, "limit_%s", what), what,
			key);
}

static enum doctor_result has_room_for_bindings(struct doctor *doctor)
{
	return is_table_below(doctor, "bindings", "Limits.Bindings");
}

static enum doctor_result has_room_for_sessions(struct doctor *doctor)
{
	return is_table_below(doctor, "sessions", "Limits.Sessions");
}

static enum doctor_result has_room_for_syns(struct doctor *doctor)
{
	if (doctor->state == NULL)
		return doctor_skip(doctor);
	return is_below(doctor, ctl_stats_value(doctor->counters, "stored_syns"),
			ctl_stats_value(doctor->counters, "limit_stored_syns"), "stored SYNs",
			"Limits.StoredSYNs");
}

static enum doctor_result has_room_for_fragments(struct doctor *doctor)
{
	if (doctor->state == NULL)
		return doctor_skip(doctor);
	return is_below(doctor, ctl_stats_value(doctor->counters, "fragment_bytes"),
			ctl_stats_value(doctor->counters, "limit_fragment_bytes"),
			"bytes for fragments", "Limits.FragmentMemory");
}

/* Counters are since the start, and what has been cured may not be complained of for ever: judged
 * is what comes while doctor looks. n packets were WHAT by then, WHY. */
static enum doctor_result judge_past(struct doctor *doctor,
				     uint64_t (*count)(const GArray *counters), const char *what,
				     const char *why)
{
	const uint64_t n = count(doctor->counters);
	const GArray *later = doctor_later(doctor);
	uint64_t received = ctl_stats_sum(doctor->counters, "queue_", "_received");
	uint64_t came = 0, more = 0;

	/* Less than before are those of another daemon. */
	if (later != NULL && count(later) >= n &&
	    ctl_stats_sum(later, "queue_", "_received") >= received) {
		came = ctl_stats_sum(later, "queue_", "_received") - received;
		more = count(later) - n;
	}
	if (more > 0)
		return doctor_say(doctor, DOCTOR_WARN,
				  "%" PRIu64 " packets were %s, %" PRIu64 " of them just now%s",
				  n + more, what, more, why);
	if (came == 0)
		return doctor_say(doctor, DOCTOR_WARN,
				  "%" PRIu64 " packets were %s%s; just now there was none to show "
				  "whether that goes on",
				  n, what, why);
	g_clear_pointer(&doctor->fix, g_free);
	return doctor_say(doctor, DOCTOR_OK,
			  "none of the last %" PRIu64 " packets was %s; %" PRIu64
			  " were, of those before",
			  came, what, n);
}

static uint64_t count_lost(const GArray *counters)
{
	return ctl_stats_sum(counters, "queue_", "_lost");
}

static enum doctor_result reads_its_queues(struct doctor *doctor)
{
	if (doctor->state == NULL)
		return doctor_skip(doctor);
	if (count_lost(doctor->counters) == 0)
		return doctor_say(doctor, DOCTOR_OK, "no packet was lost in the queues");
	if (doctor->config == NULL || doctor->config->queue.length >= LENGTH_MAX)
		doctor_fix_ctl(doctor, "top");
	else
		doctor_fix_ctl(doctor, "config set Queue.Length %" PRIu64,
			       CLAMP(UINT64_C(2) * doctor->config->queue.length, LENGTH_LEAST,
				     LENGTH_MAX));
	return judge_past(doctor, count_lost, "lost in the queues", "");
}

static enum doctor_result sends_superpackets(struct doctor *doctor)
{
	if (doctor->state == NULL)
		return doctor_skip(doctor);
	if (ctl_stats_value(doctor->counters, "tcp_by_packet") != 0)
		return doctor_say(doctor, DOCTOR_OK, "TCP is forwarded in superpackets");
	if (ctl_stats_value(doctor->counters, "tcp_way_fallen") == 0)
		return doctor_say(
			doctor, DOCTOR_OK,
			"TCP goes by raw sockets, for the reason that 'nat64ctl status' shows");
	doctor_fix_ctl(doctor, "status");
	return doctor_say(doctor, DOCTOR_WARN,
			  "TCP can not go through the kernel's forwarding any more, and is slower");
}

static enum doctor_result writes_its_database(struct doctor *doctor)
{
	g_autofree char *unit = doctor_unit(doctor);

	if (doctor->state == NULL)
		return doctor_skip(doctor);
	if (ctl_stats_value(doctor->counters, "state_failing") == 0)
		return doctor_say(doctor, DOCTOR_OK,
				  "the state database is written, or none is kept");
	doctor_fix(doctor, "journalctl -u %s -p warning", unit);
	return doctor_say(doctor, DOCTOR_FAIL, "the state database can not be written");
}

/* Appends to context what a router has to send here: not what is the host's own, nor what it asks
 * for on a link. */
static bool note_routed(const struct ctl_pool4 *entry, void *context)
{
	char error[POOL4_TEXT_ERROR_SIZE];
	GArray *ranges = context;
	struct pool4_text text;

	/* Empty while that is not known. */
	if (*entry->reach != '\0' && strstr(entry->reach, "routed") == NULL)
		return false;
	if (pool4_text_parse(entry->addresses, &text, error) != NULL)
		return false;
	g_array_append_vals(ranges, text.range, text.n_ranges);
	pool4_text_deinit(&text);
	return false;
}

char *doctor_route_commands(const struct addr4_range *range, uint32_t n_ranges, uint32_t via)
{
	g_autoptr(GArray) prefixes = g_array_new(FALSE, FALSE, sizeof(struct prefix4));
	GString *text = g_string_new(NULL);
	char prefix[ADDR_TEXT_SIZE], gateway[ADDR_TEXT_SIZE];

	/* No route leads to an address by itself. */
	for (uint32_t i = 0; i < n_ranges && prefixes->len < ROUTES_MAX; i++) {
		if (range[i].first != via || range[i].last != via)
			rules_announce_split(&range[i], prefixes);
	}
	for (guint i = 0; i < prefixes->len && i < ROUTES_MAX; i++)
		g_string_append_printf(
			text, "%sip route add %s via %s", i > 0 ? " && " : "",
			prefix4_print(&g_array_index(prefixes, struct prefix4, i), prefix),
			addr4_print(via, gateway));
	return g_string_free(text, FALSE);
}

/* What the router on the IPv4 side may lack. */
static enum doctor_result suggest_route(struct doctor *doctor, uint64_t n_out)
{
	g_autoptr(GArray) ranges = g_array_new(FALSE, FALSE, sizeof(struct addr4_range));
	g_autofree char *commands = NULL;
	struct pool4_auto *autos;
	uint32_t addr;

	if (ctl_pool4_each(doctor->ctl, note_routed, ranges) == CTL_DONE &&
	    pool4_auto_new(&autos) == 0) {
		if (pool4_auto_address(autos, &addr))
			commands = doctor_route_commands(
				(const struct addr4_range *)(const void *)ranges->data, ranges->len,
				addr);
		pool4_auto_free(autos);
	}
	if (commands == NULL || *commands == '\0') {
		doctor_fix_ctl(doctor, "pool4 list");
		return doctor_say(doctor, DOCTOR_WARN,
				  "%" PRIu64 " packets have gone out and none has come back: do "
				  "answers to pool4 get to this host?",
				  n_out);
	}
	doctor_fix(doctor, "%s", commands);
	return doctor_say(doctor, DOCTOR_WARN,
			  "%" PRIu64 " packets have gone out and none has come back: is pool4 "
			  "routed to this host by the router on the IPv4 side? The command is for "
			  "that router, not for this host",
			  n_out);
}

/* Do packets come, and do answers to them? */
static enum doctor_result has_traffic(struct doctor *doctor)
{
	uint64_t uptime, out, back;

	if (doctor->state == NULL)
		return doctor_skip(doctor);
	uptime = ctl_stats_value(doctor->counters, "uptime_usec") / G_USEC_PER_SEC;
	out = ctl_stats_value(doctor->counters, "packets_6to4_translated");
	back = ctl_stats_sum(doctor->counters, "packets_4to6_", "");
	if (out >= ANSWERS_EXPECTED && back == 0)
		return suggest_route(doctor, out);
	if (ctl_stats_sum(doctor->counters, "queue_", "_received") > 0)
		return doctor_say(doctor, DOCTOR_OK,
				  "%" PRIu64 " packets were translated, %" PRIu64 " came back", out,
				  back);
	if (uptime < SILENT_SECONDS)
		return doctor_say(doctor, DOCTOR_OK, "no packet has come yet");
	doctor_fix_ctl(doctor, "doctor --probe ADDRESS4");
	return doctor_say(doctor, DOCTOR_WARN,
			  "no packet has come for %" PRIu64 " minutes: is Pool6 routed to this "
			  "host, and do clients ask a DNS64?",
			  uptime / 60);
}

/* Only what lay in the queues at the start is ever late: what had come while nobody read them. */
static enum doctor_result is_quick(struct doctor *doctor)
{
	g_autofree char *unit = doctor_unit(doctor);
	uint64_t late, uptime;

	if (doctor->state == NULL)
		return doctor_skip(doctor);
	late = ctl_stats_sum(doctor->counters, "packets_", "_late");
	uptime = ctl_stats_value(doctor->counters, "uptime_usec") / G_USEC_PER_SEC;
	if (late == 0)
		return doctor_say(doctor, DOCTOR_OK, "no packet had to wait too long");
	if (uptime < SILENT_SECONDS)
		doctor_fix(doctor, "journalctl -u %s -n 100", unit);
	return doctor_say(doctor, uptime < SILENT_SECONDS ? DOCTOR_WARN : DOCTOR_OK,
			  "when nat64d started, %" PRIu64
			  " minutes ago, nobody had read the queues for "
			  "so long that the %" PRIu64 " packets in them were dropped",
			  uptime / 60, late);
}

static uint64_t count_no_buffer(const GArray *counters)
{
	return ctl_stats_value(counters, "send_errors_no_buffer");
}

static uint64_t count_other(const GArray *counters)
{
	return ctl_stats_value(counters, "send_errors_other");
}

/* A firewall has a check of its own, which finds the rule; and that no route or neighbour is there
 * for what a client wants is nothing of ours. */
static enum doctor_result can_send(struct doctor *doctor)
{
	uint64_t memory_size =
		doctor->config != NULL ? doctor->config->queue.memory_size : MEMORY_MAX;
	enum doctor_result result = DOCTOR_OK;

	if (doctor->state == NULL)
		return doctor_skip(doctor);
	if (count_no_buffer(doctor->counters) > 0) {
		if (memory_size >= MEMORY_MAX)
			doctor_fix(doctor, "tc -s qdisc show");
		else
			doctor_fix_ctl(doctor, "config set Queue.Memory %" PRIu64 "M",
				       CLAMP(2 * memory_size, MEMORY_LEAST, MEMORY_MAX) >> 20);
		result = judge_past(doctor, count_no_buffer, "left unsent",
				    ": the interface is slower than what comes, and the socket's "
				    "buffer was full");
	}
	if (result != DOCTOR_OK)
		return result;
	if (count_other(doctor->counters) > 0) {
		doctor_fix_ctl(doctor, "monitor drops");
		return judge_past(doctor, count_other, "left unsent",
				  ", for reasons of the kernel's");
	}
	return doctor->finding != NULL
		       ? DOCTOR_OK
		       : doctor_say(doctor, DOCTOR_OK, "everything translated could be sent");
}

static enum doctor_result has_disk(struct doctor *doctor)
{
	g_autofree char *directory = NULL;
	struct statvfs disk;
	uint64_t free_bytes;

	if (doctor->state == NULL)
		return doctor_skip(doctor);
	if (doctor->database == NULL)
		return doctor_say(doctor, DOCTOR_OK, "no state database is kept");
	directory = g_path_get_dirname(doctor->database);
	if (statvfs(directory, &disk) < 0)
		return doctor_say(doctor, DOCTOR_SKIP, "%s: %s", directory, g_strerror(errno));
	free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
	if (free_bytes >= DISK_MIN)
		return doctor_say(doctor, DOCTOR_OK, "%" PRIu64 " MiB are free for the database",
				  free_bytes >> 20);
	doctor_fix(doctor, "du -xh %s | sort -h | tail", directory);
	return doctor_say(doctor, DOCTOR_WARN, "only %" PRIu64 " MiB are free in %s",
			  free_bytes >> 20, directory);
}

const struct doctor_check doctor_daemon_checks[] = {
	{"daemon", is_running},
	{"state", is_active},
	{"pool4", has_pool4},
	{"bindings", has_room_for_bindings},
	{"sessions", has_room_for_sessions},
	{"stored-syns", has_room_for_syns},
	{"fragments", has_room_for_fragments},
	{"traffic", has_traffic},
	{"queues", reads_its_queues},
	{"speed", is_quick},
	{"sending", can_send},
	{"tcp", sends_superpackets},
	{"database", writes_its_database},
	{"disk", has_disk},
	{NULL},
};
