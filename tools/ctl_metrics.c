/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nat64ctl metrics: the counters in the OpenMetrics text format, for a collector of text files or a
 * scraper behind inetd. Every counter is there from the start, so that a first event is a change.
 */
#include <glib.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "tools/ctl_arguments.h"
#include "tools/ctl_pool4.h"
#include "tools/ctl_stats.h"

enum type { GAUGE, COUNTER };

struct metrics {
	GString *text;
	json_t *samples;
	const char *name; /* of the family that has begun */
	enum type type;
};

/* A label has a name and a value; no value of ours holds what would have to be escaped. */
struct label {
	const char *name, *value;
};

static void family(struct metrics *metrics, const char *name, enum type type, const char *help)
{
	metrics->name = name;
	metrics->type = type;
	g_string_append_printf(metrics->text, "# TYPE nat64d_%s %s\n# HELP nat64d_%s %s.\n", name,
			       type == COUNTER ? "counter" : "gauge", name, help);
}

/* second.name NULL: there is one label only; first.name NULL: there is none. */
static void sample(struct metrics *metrics, struct label first, struct label second, uint64_t value)
{
	g_autofree char *name = g_strdup_printf("nat64d_%s%s", metrics->name,
						metrics->type == COUNTER ? "_total" : "");
	json_t *labels = json_object();

	g_string_append(metrics->text, name);
	if (first.name != NULL) {
		g_string_append_printf(metrics->text, "{%s=\"%s\"", first.name, first.value);
		json_object_set_new(labels, first.name, json_string(first.value));
		if (second.name != NULL) {
			g_string_append_printf(metrics->text, ",%s=\"%s\"", second.name,
					       second.value);
			json_object_set_new(labels, second.name, json_string(second.value));
		}
		g_string_append_c(metrics->text, '}');
	}
	g_string_append_printf(metrics->text, " %" PRIu64 "\n", value);
	json_array_append_new(metrics->samples, json_pack("{s:s, s:o, s:I}", "name", name, "labels",
							  labels, "value", (json_int_t)value));
}

static const struct label none;

/* Every counter PREFIX + LABEL + SUFFIX, with what is between as the value of the label. */
static void between(struct metrics *metrics, const GArray *counters, const char *prefix,
		    const char *suffix, const char *label, struct label second)
{
	for (guint i = 0; i < counters->len; i++) {
		const struct ctl_counter *counter = &g_array_index(counters, struct ctl_counter, i);
		g_autofree char *value = NULL;

		if (!g_str_has_prefix(counter->name, prefix) ||
		    !g_str_has_suffix(counter->name, suffix))
			continue;
		value = g_strndup(counter->name + strlen(prefix),
				  strlen(counter->name) - strlen(prefix) - strlen(suffix));
		if (second.name != NULL)
			sample(metrics, second, (struct label){label, value}, counter->value);
		else
			sample(metrics, (struct label){label, value}, none, counter->value);
	}
}

static void of_protocols(struct metrics *metrics, const GArray *counters, const char *name)
{
	for (unsigned p = 0; p < CTL_N_PROTOCOLS; p++)
		sample(metrics, (struct label){"protocol", ctl_protocols[p]}, none,
		       ctl_stats_value(counters, "%s_%s", name, ctl_protocols[p]));
}

static void print_counters(struct metrics *metrics, const GArray *counters)
{
	static const char *const directions[] = {"6to4", "4to6"};

	family(metrics, "bindings", GAUGE, "Entries of the BIB");
	of_protocols(metrics, counters, "bindings");
	family(metrics, "sessions", GAUGE, "Sessions");
	of_protocols(metrics, counters, "sessions");
	family(metrics, "clients", GAUGE, "Client prefixes with bindings or limits");
	sample(metrics, none, none, ctl_stats_value(counters, "clients"));
	family(metrics, "packets", COUNTER, "Packets that were queued, by what became of them");
	for (size_t i = 0; i < G_N_ELEMENTS(directions); i++) {
		g_autofree char *prefix = g_strdup_printf("packets_%s_", directions[i]);

		between(metrics, counters, prefix, "", "outcome",
			(struct label){"direction", directions[i]});
	}
	family(metrics, "bytes", COUNTER, "Bytes of packets that were translated");
	between(metrics, counters, "bytes_", "", "direction", none);
	family(metrics, "queue_lost", COUNTER, "Packets lost before they could be read");
	between(metrics, counters, "queue_", "_lost", "queue", none);
	family(metrics, "queue_waiting", GAUGE, "Packets that wait in the kernel");
	between(metrics, counters, "queue_", "_waiting", "queue", none);
	family(metrics, "state_unsaved_changes", GAUGE, "Changes that a crash would lose");
	sample(metrics, none, none, ctl_stats_value(counters, "state_unsaved_changes"));
	family(metrics, "state_flush_failures", COUNTER, "Times the database was not written");
	sample(metrics, none, none, ctl_stats_value(counters, "state_flush_failures"));
}

/* The ports of all entries, and those in use; each family has to be in one piece. */
struct ports {
	struct metrics *metrics;
	bool used;
};

static bool print_ports(const struct ctl_pool4 *entry, void *context)
{
	const struct ports *ports = context;

	for (unsigned p = 0; p < CTL_N_PROTOCOLS; p++)
		sample(ports->metrics, (struct label){"entry", entry->name},
		       (struct label){"protocol", ctl_protocols[p]},
		       ports->used ? entry->used[p] : entry->total[p]);
	return false;
}

static enum ctl_status print_pool4(struct ctl *ctl, struct metrics *metrics)
{
	struct ports ports = {.metrics = metrics};
	enum ctl_status status;

	family(metrics, "pool4_ports", GAUGE, "Ports and identifiers of the entry");
	status = ctl_pool4_each(ctl, print_ports, &ports);
	if (status != CTL_DONE)
		return status;
	ports.used = true;
	family(metrics, "pool4_ports_used", GAUGE, "Those that are in use");
	return ctl_pool4_each(ctl, print_ports, &ports);
}

enum ctl_status ctl_metrics(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	struct metrics metrics = {.text = g_string_new(NULL), .samples = json_array()};
	g_autoptr(GArray) counters = NULL;
	enum ctl_status status;

	status = ctl_stats_get(ctl, &counters);
	if (status == CTL_DONE) {
		print_counters(&metrics, counters);
		status = print_pool4(ctl, &metrics);
	}
	if (status == CTL_DONE && ctl->json) {
		ctl_print_json(json_incref(metrics.samples));
	} else if (status == CTL_DONE) {
		g_string_append(metrics.text, "# EOF\n");
		fputs(metrics.text->str, stdout);
	}
	g_string_free(metrics.text, TRUE);
	json_decref(metrics.samples);
	return status;
}
