/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat64ctl doctor: what the daemon itself knows. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/statvfs.h>

#include "daemon/core/pool4_text.h"
#include "daemon/pool4_auto.h"
#include "tools/ctl_doctor.h"
#include "tools/ctl_pool4.h"
#include "tools/ctl_stats.h"

#define ALARM_PERCENT    80
#define ANSWERS_EXPECTED 20  /* packets without any answer are no accident */
#define SILENT_SECONDS   600 /* after a start */
#define DISK_MIN         (16u << 20)

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

static enum doctor_result reads_its_queues(struct doctor *doctor)
{
	uint64_t lost;

	if (doctor->state == NULL)
		return doctor_skip(doctor);
	lost = ctl_stats_sum(doctor->counters, "queue_", "_lost");
	if (lost == 0)
		return doctor_say(doctor, DOCTOR_OK, "no packet was lost in the queues");
	doctor_fix_ctl(doctor, "config set Queue.Length 65536");
	return doctor_say(doctor, DOCTOR_WARN, "%" PRIu64 " packets were lost in the queues", lost);
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

/* What the router on the IPv4 side may lack. */
static void suggest_route(struct doctor *doctor)
{
	const struct ctl_entries *entries = doctor_entries(doctor);
	const struct rules_entry *entry;
	char addresses[256], own[ADDR_TEXT_SIZE];
	struct pool4_auto *autos;
	uint32_t addr;

	doctor_fix_ctl(doctor, "pool4 list");
	if (entries == NULL || entries->entry->len == 0 || pool4_auto_new(&autos) < 0)
		return;
	entry = &g_array_index(entries->entry, struct rules_entry, 0);
	if (entry->n_addresses > 0 && pool4_auto_address(autos, &addr)) {
		(void)pool4_text_print(entry->addresses, 1, addresses, sizeof(addresses));
		doctor_fix(doctor, "ip route add %s via %s", addresses, addr4_print(addr, own));
	}
	pool4_auto_free(autos);
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
	if (out >= ANSWERS_EXPECTED && back == 0) {
		suggest_route(doctor);
		return doctor_say(doctor, DOCTOR_WARN,
				  "%" PRIu64 " packets have gone out and none has come back: is "
				  "pool4 routed to this host by the router on the IPv4 side?",
				  out);
	}
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

static enum doctor_result is_quick(struct doctor *doctor)
{
	g_autofree char *unit = doctor_unit(doctor);
	uint64_t late;

	if (doctor->state == NULL)
		return doctor_skip(doctor);
	late = ctl_stats_sum(doctor->counters, "packets_", "_late");
	if (late == 0)
		return doctor_say(doctor, DOCTOR_OK, "no packet had to wait too long");
	doctor_fix(doctor, "systemctl set-property %s CPUWeight=1000", unit);
	return doctor_say(doctor, DOCTOR_WARN,
			  "%" PRIu64 " packets waited for so long that they were dropped: the "
			  "machine is too slow, or too busy",
			  late);
}

/* A firewall has a check of its own, which finds the rule; and that no route or neighbour is there
 * for what a client wants is nothing of ours. */
static enum doctor_result can_send(struct doctor *doctor)
{
	uint64_t no_buffer, other;

	if (doctor->state == NULL)
		return doctor_skip(doctor);
	no_buffer = ctl_stats_value(doctor->counters, "send_errors_no_buffer");
	other = ctl_stats_value(doctor->counters, "send_errors_other");
	if (no_buffer > 0) {
		doctor_fix_ctl(doctor, "config set Queue.Memory 256M");
		return doctor_say(doctor, DOCTOR_WARN,
				  "%" PRIu64 " packets were not sent: the interface is slower than "
				  "what comes, and the socket's buffer was full",
				  no_buffer);
	}
	if (other > 0) {
		doctor_fix_ctl(doctor, "monitor drops");
		return doctor_say(doctor, DOCTOR_WARN,
				  "%" PRIu64 " packets were not sent for reasons of the kernel's",
				  other);
	}
	return doctor_say(doctor, DOCTOR_OK, "everything translated could be sent");
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
