/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nat64ctl metrics: the counters in the OpenMetrics text format (dbus/metrics.h), for a collector
 * of text files or a scraper behind inetd; or as JSON.
 */
#include <glib.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "dbus/metrics.h"
#include "tools/ctl_arguments.h"
#include "tools/ctl_pool4.h"
#include "tools/ctl_stats.h"

static bool note_entry(const struct ctl_pool4 *entry, void *context)
{
	struct metrics_entry copy = {.name = g_strdup(entry->name)};

	memcpy(copy.total, entry->total, sizeof(copy.total));
	memcpy(copy.used, entry->used, sizeof(copy.used));
	g_array_append_val((GArray *)context, copy);
	return false;
}

static void entry_clear(gpointer data)
{
	g_free((char *)((struct metrics_entry *)data)->name);
}

static void no_family(void *context, const char *name, bool is_counter, const char *help) {}

static void add_sample(void *context, const char *name, const struct metrics_label *label,
		       uint64_t value)
{
	json_t *labels = json_object();

	for (unsigned i = 0; i < 2; i++) {
		if (label[i].name != NULL)
			json_object_set_new(labels, label[i].name, json_string(label[i].value));
	}
	json_array_append_new(context, json_pack("{s:s, s:o, s:I}", "name", name, "labels", labels,
						 "value", (json_int_t)value));
}

static void print(const struct ctl *ctl, const struct metrics *metrics)
{
	if (ctl->json) {
		json_t *samples = json_array();
		const struct metrics_sink sink = {no_family, add_sample, samples};

		metrics_tell(metrics, &sink);
		ctl_print_json(samples);
	} else {
		g_autoptr(GString) text = g_string_new(NULL);

		metrics_print(metrics, text);
		fputs(text->str, stdout);
	}
}

enum ctl_status ctl_metrics(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	g_autoptr(GArray) entries = g_array_new(FALSE, FALSE, sizeof(struct metrics_entry));
	g_autoptr(GArray) counters = NULL;
	g_autofree struct metrics_counter *copies = NULL;
	enum ctl_status status;

	g_array_set_clear_func(entries, entry_clear);
	status = ctl_stats_get(ctl, &counters);
	if (status == CTL_DONE)
		status = ctl_pool4_each(ctl, note_entry, entries);
	if (status != CTL_DONE)
		return status;
	copies = g_new(struct metrics_counter, counters->len);
	for (guint i = 0; i < counters->len; i++) {
		const struct ctl_counter *counter = &g_array_index(counters, struct ctl_counter, i);

		copies[i] = (struct metrics_counter){counter->name, counter->value};
	}
	print(ctl, &(struct metrics){copies, counters->len,
				     (const struct metrics_entry *)(const void *)entries->data,
				     entries->len});
	return CTL_DONE;
}
