/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat64ctl doctor: check after check, each with what would mend it. See ctl_doctor.h. */
#include "tools/ctl_doctor.h"

#include <stdarg.h>
#include <stdio.h>

#include "tools/ctl_arguments.h"
#include "tools/ctl_stats.h"
#include "tools/table.h"

#define _cleanup_message_ __attribute__((cleanup(sd_bus_message_unrefp)))

enum doctor_result doctor_say(struct doctor *doctor, enum doctor_result result, const char *format,
			      ...)
{
	va_list args;

	va_start(args, format);
	g_free(doctor->finding);
	doctor->finding = g_strdup_vprintf(format, args);
	va_end(args);
	return result;
}

void doctor_fix(struct doctor *doctor, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_free(doctor->fix);
	doctor->fix = g_strdup_vprintf(format, args);
	va_end(args);
}

/* What the daemon says, if it answers; else the reason has been printed. */
static void ask_daemon(struct doctor *doctor)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	const char *state;

	if (ctl_get_property(doctor->ctl, "State", &reply) != CTL_DONE ||
	    sd_bus_message_read(reply, "v", "s", &state) < 0 ||
	    ctl_stats_get(doctor->ctl, &doctor->counters) != CTL_DONE)
		return;
	doctor->state = g_strdup(state);
}

static void run_checks(struct doctor *doctor, const struct doctor_check *checks,
		       struct table *table, bool *ret_failed)
{
	static const char *const results[] = {
		[DOCTOR_OK] = "ok",
		[DOCTOR_WARN] = "warn",
		[DOCTOR_FAIL] = "FAIL",
		[DOCTOR_SKIP] = "skip",
	};

	for (; checks->name != NULL; checks++) {
		enum doctor_result result = checks->run(doctor);

		table_add_text(table, results[result]);
		table_add_text(table, checks->name);
		table_add_text(table, doctor->finding);
		table_add_text(table, doctor->fix != NULL ? doctor->fix : "");
		*ret_failed = *ret_failed || result == DOCTOR_FAIL;
		g_clear_pointer(&doctor->finding, g_free);
		g_clear_pointer(&doctor->fix, g_free);
	}
}

enum ctl_status ctl_doctor(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	static const struct table_column columns[] = {
		{"result", "RESULT", TABLE_TEXT},
		{"check", "CHECK", TABLE_TEXT},
		{"finding", "FINDING", TABLE_TEXT},
		{"fix", "COMMAND", TABLE_TEXT},
		{NULL},
	};
	g_autoptr(GPtrArray) problems = config_problems_new();
	g_autofree char *path =
		arguments->option[CTL_CONFIG] != NULL ? g_strdup(arguments->option[CTL_CONFIG])
		: ctl->instance != NULL ? g_strdup_printf("/etc/nat64d/%s.conf", ctl->instance)
					: NULL;
	struct doctor doctor = {.ctl = ctl, .problems = problems};
	struct table *table;
	bool failed = false;

	(void)config_load(path, &doctor.config, problems);
	ask_daemon(&doctor);
	table = table_new(columns, ctl->json, ctl->legend);
	run_checks(&doctor, doctor_daemon_checks, table, &failed);
	run_checks(&doctor, doctor_host_checks, table, &failed);
	table_end(table);
	if (doctor.counters != NULL)
		g_array_unref(doctor.counters);
	g_free(doctor.state);
	config_free(doctor.config);
	return failed ? CTL_FAILED : CTL_DONE;
}
