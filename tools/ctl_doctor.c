/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat64ctl doctor: check after check, each with what would mend it. See ctl_doctor.h. */
#include "tools/ctl_doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "daemon/core/pool4_text.h"
#include "tools/ctl_arguments.h"
#include "tools/ctl_pool4.h"
#include "tools/ctl_stats.h"
#include "tools/table.h"

/* Enough for a daemon that is busy. */
#define PATIENCE_USEC 5000000
/* For packets to come, where some come at all. */
#define LATER_USEC 300000

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

enum doctor_result doctor_skip(struct doctor *doctor)
{
	return doctor_say(doctor, DOCTOR_SKIP, "nat64d would have to be asked");
}

void doctor_fix(struct doctor *doctor, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_free(doctor->fix);
	doctor->fix = g_strdup_vprintf(format, args);
	va_end(args);
}

void doctor_fix_ctl(struct doctor *doctor, const char *format, ...)
{
	const char *instance = doctor->ctl->instance;
	g_autofree char *rest = NULL;
	va_list args;

	va_start(args, format);
	rest = g_strdup_vprintf(format, args);
	va_end(args);
	doctor_fix(doctor, "nat64ctl %s%s%s%s", instance != NULL ? "-i " : "",
		   instance != NULL ? instance : "", instance != NULL ? " " : "", rest);
}

void doctor_fix_key(struct doctor *doctor, const char *section, const char *key, const char *value)
{
	const char *file = doctor->config_path;
	g_autofree char *unit = doctor_unit(doctor);
	g_autofree char *name = g_strdup_printf("90-%s-%s.conf", section, key);

	/* "Pool4 NAME" */
	g_strdelimit(name, " ", '-');
	doctor_fix(doctor,
		   "mkdir -p %s.d && printf '[%s]\\n%s=%s\\n' >%s.d/%s && systemctl restart %s",
		   file, section, key, value, file, name, unit);
}

char *doctor_config_option(const struct doctor *doctor)
{
	return doctor->config_given ? g_strdup_printf(" --config %s", doctor->config_path)
				    : g_strdup("");
}

char *doctor_unit(const struct doctor *doctor)
{
	const char *instance = doctor->ctl->instance;

	return instance != NULL ? g_strdup_printf("nat64d@%s", instance) : g_strdup("nat64d");
}

/* A property of type s, or NULL: then the reason has been printed. g_free() */
static char *get_text(struct doctor *doctor, const char *name)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	const char *text;

	if (ctl_get_property(doctor->ctl, name, &reply) != CTL_DONE ||
	    sd_bus_message_read(reply, "v", "s", &text) < 0)
		return NULL;
	return g_strdup(text);
}

/* What the daemon says, if it answers; else the reason has been printed. */
static void ask_daemon(struct doctor *doctor)
{
	g_autofree char *state = get_text(doctor, "State");

	if (state == NULL || ctl_stats_get(doctor->ctl, &doctor->counters) != CTL_DONE)
		return;
	doctor->state = g_steal_pointer(&state);
	doctor->database = get_text(doctor, "DatabasePath");
	if (doctor->database != NULL && *doctor->database == '\0')
		g_clear_pointer(&doctor->database, g_free);
}

/* An entry that the daemon has: the texts are its own, so they can be read. */
static bool add_entry(const struct ctl_pool4 *entry, void *context)
{
	static const char *const names[N_PROTOCOLS] = {"tcp", "udp", "icmp"};
	struct doctor *doctor = context;
	GArray *addresses = g_array_new(FALSE, FALSE, sizeof(struct addr4_range));
	char error[POOL4_TEXT_ERROR_SIZE];
	struct port_ranges ports = {.n_ranges = 0};
	bool protocol[N_PROTOCOLS];
	struct pool4_text text;

	if (pool4_text_parse(entry->addresses, &text, error) == NULL) {
		g_array_append_vals(addresses, text.range, text.n_ranges);
		pool4_text_deinit(&text);
	}
	(void)port_ranges_parse(entry->ports, &ports, error, sizeof(error));
	for (enum protocol p = 0; p < N_PROTOCOLS; p++)
		protocol[p] = strstr(entry->protocols, names[p]) != NULL;
	g_ptr_array_add(doctor->names, g_strdup(entry->name));
	ctl_entries_add(&doctor->entries, g_ptr_array_index(doctor->names, doctor->names->len - 1),
			addresses, &ports, protocol);
	return false;
}

const struct ctl_entries *doctor_entries(struct doctor *doctor)
{
	if (doctor->has_entries)
		return &doctor->entries;
	if (doctor->state == NULL && doctor->config == NULL)
		return NULL;
	ctl_entries_init(&doctor->entries);
	doctor->names = g_ptr_array_new_with_free_func(g_free);
	doctor->has_entries = true;
	if (doctor->state != NULL)
		(void)ctl_pool4_each(doctor->ctl, add_entry, doctor);
	else
		(void)ctl_entries_read(doctor->config, true, &doctor->entries);
	return &doctor->entries;
}

const struct rules_routes *doctor_routes(struct doctor *doctor)
{
	if (!doctor->has_routes)
		doctor->has_routes = rules_routes_read(&doctor->routes) == 0;
	return doctor->has_routes ? &doctor->routes : NULL;
}

const GArray *doctor_later(struct doctor *doctor)
{
	if (doctor->later != NULL)
		return doctor->later;
	g_usleep(LATER_USEC);
	return ctl_stats_get(doctor->ctl, &doctor->later) == CTL_DONE ? doctor->later : NULL;
}

static void doctor_deinit(struct doctor *doctor)
{
	g_clear_pointer(&doctor->counters, g_array_unref);
	g_clear_pointer(&doctor->later, g_array_unref);
	g_clear_pointer(&doctor->links, g_array_unref);
	g_clear_pointer(&doctor->chains, g_ptr_array_unref);
	g_clear_pointer(&doctor->names, g_ptr_array_unref);
	if (doctor->has_entries)
		ctl_entries_deinit(&doctor->entries);
	if (doctor->has_routes)
		rules_routes_deinit(&doctor->routes);
	g_free(doctor->state);
	g_free(doctor->database);
	g_ptr_array_unref(doctor->problems);
	config_free(doctor->config);
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
	const char *given = arguments->option[CTL_CONFIG];
	g_autofree char *path = given != NULL ? g_strdup(given)
				: ctl->instance != NULL
					? g_strdup_printf("/etc/nat64d/%s.conf", ctl->instance)
					: g_strdup(CONFIG_DEFAULT_PATH);
	struct doctor doctor = {
		.ctl = ctl,
		.config_path = path,
		.config_given = given != NULL,
		.probe = arguments->option[CTL_PROBE],
	};
	struct table *table;
	bool failed = false;
	uint32_t server;

	if (doctor.probe != NULL && !addr4_parse(doctor.probe, &server))
		return ctl_fail(CTL_USAGE,
				"--probe %s: that is no IPv4 address; it is of a server, such as "
				"192.0.2.1",
				doctor.probe);
	doctor.problems = config_problems_new();
	/* One that hangs is told as such, and soon. */
	ctl->patience_usec = PATIENCE_USEC;
	doctor_config_load(&doctor);
	ask_daemon(&doctor);
	if (doctor.state != NULL)
		doctor_config_ask(&doctor);
	table = table_new(columns, ctl->json, ctl->legend);
	run_checks(&doctor, doctor_daemon_checks, table, &failed);
	run_checks(&doctor, doctor_host_checks, table, &failed);
	run_checks(&doctor, doctor_link_checks, table, &failed);
	run_checks(&doctor, doctor_rule_checks, table, &failed);
	if (doctor.probe != NULL)
		run_checks(&doctor, doctor_probe_checks, table, &failed);
	table_end(table);
	doctor_deinit(&doctor);
	return failed ? CTL_FAILED : CTL_DONE;
}
