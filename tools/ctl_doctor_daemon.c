/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat64ctl doctor: what the daemon itself knows. */
#include <inttypes.h>
#include <string.h>

#include "tools/ctl_doctor.h"
#include "tools/ctl_pool4.h"
#include "tools/ctl_stats.h"

#define ALARM_PERCENT 80

static enum doctor_result is_running(struct doctor *doctor)
{
	if (doctor->state != NULL)
		return doctor_say(doctor, DOCTOR_OK, "nat64d answers");
	doctor_fix(doctor, "systemctl start nat64d%s%s", doctor->ctl->instance != NULL ? "@" : "",
		   doctor->ctl->instance != NULL ? doctor->ctl->instance : "");
	return doctor_say(doctor, DOCTOR_FAIL, "nat64d does not answer");
}

static enum doctor_result skip(struct doctor *doctor)
{
	return doctor_say(doctor, DOCTOR_SKIP, "nat64d would have to be asked");
}

static enum doctor_result is_active(struct doctor *doctor)
{
	if (doctor->state == NULL)
		return skip(doctor);
	if (strcmp(doctor->state, "active") == 0)
		return doctor_say(doctor, DOCTOR_OK, "the gateway is active");
	if (strcmp(doctor->state, "draining") == 0)
		doctor_fix(doctor, "nat64ctl resume");
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
		return skip(doctor);
	if (ctl_pool4_each(doctor->ctl, look_at, &fullest) != CTL_DONE) {
		result = doctor_say(doctor, DOCTOR_SKIP, "the entries can not be listed");
	} else if (!fullest.active) {
		doctor_fix(doctor, "nat64ctl pool4 add ADDRESSES");
		result = doctor_say(doctor, DOCTOR_FAIL,
				    "no entry of pool4 is active: nothing new is translated");
	} else if (fullest.percent >= ALARM_PERCENT) {
		doctor_fix(doctor, "nat64ctl pool4 add ADDRESSES");
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

/* Of "bindings" or "sessions" beside its limit. */
static enum doctor_result is_below(struct doctor *doctor, const char *what, const char *key)
{
	g_autofree char *prefix = NULL;
	uint64_t used = 0, limit;

	if (doctor->state == NULL)
		return skip(doctor);
	for (unsigned p = 0; p < CTL_N_PROTOCOLS; p++)
		used += ctl_stats_value(doctor->counters, "%s_%s", what, ctl_protocols[p]);
	limit = ctl_stats_value(doctor->counters, "limit_%s", what);
	if (used * 100 < limit * ALARM_PERCENT)
		return doctor_say(doctor, DOCTOR_OK, "%" PRIu64 " of %" PRIu64 " %s", used, limit,
				  what);
	doctor_fix(doctor, "nat64ctl config set %s %" PRIu64, key, MAX(used, limit) * 2);
	return doctor_say(doctor, DOCTOR_WARN, "%" PRIu64 " of %" PRIu64 " %s are in use", used,
			  limit, what);
}

static enum doctor_result has_room_for_bindings(struct doctor *doctor)
{
	return is_below(doctor, "bindings", "Limits.Bindings");
}

static enum doctor_result has_room_for_sessions(struct doctor *doctor)
{
	return is_below(doctor, "sessions", "Limits.Sessions");
}

static enum doctor_result reads_its_queues(struct doctor *doctor)
{
	uint64_t lost;

	if (doctor->state == NULL)
		return skip(doctor);
	lost = ctl_stats_sum(doctor->counters, "queue_", "_lost");
	if (lost == 0)
		return doctor_say(doctor, DOCTOR_OK, "no packet was lost in the queues");
	doctor_fix(doctor, "nat64ctl config set Queue.Length 65536");
	return doctor_say(doctor, DOCTOR_WARN, "%" PRIu64 " packets were lost in the queues", lost);
}

static enum doctor_result writes_its_database(struct doctor *doctor)
{
	if (doctor->state == NULL)
		return skip(doctor);
	if (ctl_stats_value(doctor->counters, "state_failing") == 0)
		return doctor_say(doctor, DOCTOR_OK,
				  "the state database is written, or none is kept");
	doctor_fix(doctor, "journalctl -u nat64d -p warning");
	return doctor_say(doctor, DOCTOR_FAIL, "the state database can not be written");
}

const struct doctor_check doctor_daemon_checks[] = {
	{"daemon", is_running},
	{"state", is_active},
	{"pool4", has_pool4},
	{"bindings", has_room_for_bindings},
	{"sessions", has_room_for_sessions},
	{"queues", reads_its_queues},
	{"database", writes_its_database},
	{NULL},
};
