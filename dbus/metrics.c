/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See metrics.h. */
#include "dbus/metrics.h"

#include <inttypes.h>
#include <string.h>

static const char *const protocols[METRICS_N_PROTOCOLS] = {"tcp", "udp", "icmp"};

/* The family that has begun. */
struct telling {
	const struct metrics *metrics;
	const struct metrics_sink *sink;
	char *name; /* of its samples */
};

static void family(struct telling *telling, const char *name, bool is_counter, const char *help)
{
	g_autofree char *full = g_strconcat("nat64d_", name, NULL);

	g_free(telling->name);
	telling->name = g_strconcat(full, is_counter ? "_total" : "", NULL);
	telling->sink->family(telling->sink->context, full, is_counter, help);
}

static void sample(const struct telling *telling, struct metrics_label first,
		   struct metrics_label second, uint64_t value)
{
	const struct metrics_label labels[2] = {first, second};

	telling->sink->sample(telling->sink->context, telling->name, labels, value);
}

static const struct metrics_label none;

static uint64_t value_of(const struct telling *telling, const char *name)
{
	for (uint32_t i = 0; i < telling->metrics->n_counters; i++) {
		if (strcmp(telling->metrics->counter[i].name, name) == 0)
			return telling->metrics->counter[i].value;
	}
	return 0;
}

/* A family without labels, of the counter of the same name. */
static void single(struct telling *telling, const char *name, bool is_counter, const char *help)
{
	family(telling, name, is_counter, help);
	sample(telling, none, none, value_of(telling, name));
}

/* Every counter PREFIX + LABEL + SUFFIX, with what is between as the value of the label. */
static void between(const struct telling *telling, const char *prefix, const char *suffix,
		    const char *label, struct metrics_label before)
{
	for (uint32_t i = 0; i < telling->metrics->n_counters; i++) {
		const struct metrics_counter *counter = &telling->metrics->counter[i];
		g_autofree char *value = NULL;

		if (!g_str_has_prefix(counter->name, prefix) ||
		    !g_str_has_suffix(counter->name, suffix))
			continue;
		value = g_strndup(counter->name + strlen(prefix),
				  strlen(counter->name) - strlen(prefix) - strlen(suffix));
		if (before.name != NULL)
			sample(telling, before, (struct metrics_label){label, value},
			       counter->value);
		else
			sample(telling, (struct metrics_label){label, value}, none, counter->value);
	}
}

static void by_protocol(struct telling *telling, const char *name, const char *help)
{
	family(telling, name, false, help);
	for (unsigned p = 0; p < METRICS_N_PROTOCOLS; p++) {
		g_autofree char *counter = g_strdup_printf("%s_%s", name, protocols[p]);

		sample(telling, (struct metrics_label){"protocol", protocols[p]}, none,
		       value_of(telling, counter));
	}
}

static void by_direction(struct telling *telling)
{
	static const char *const directions[] = {"6to4", "4to6"};

	family(telling, "packets", true, "Packets that were queued, by what became of them");
	for (size_t i = 0; i < G_N_ELEMENTS(directions); i++) {
		g_autofree char *prefix = g_strdup_printf("packets_%s_", directions[i]);

		between(telling, prefix, "", "outcome",
			(struct metrics_label){"direction", directions[i]});
	}
	family(telling, "bytes", true, "Bytes of packets that were translated");
	between(telling, "bytes_", "", "direction", none);
}

static void by_entry(struct telling *telling, const char *name, bool used, const char *help)
{
	family(telling, name, false, help);
	for (uint32_t i = 0; i < telling->metrics->n_entries; i++) {
		const struct metrics_entry *entry = &telling->metrics->entry[i];

		for (unsigned p = 0; p < METRICS_N_PROTOCOLS; p++)
			sample(telling, (struct metrics_label){"entry", entry->name},
			       (struct metrics_label){"protocol", protocols[p]},
			       used ? entry->used[p] : entry->total[p]);
	}
}

void metrics_tell(const struct metrics *metrics, const struct metrics_sink *sink)
{
	struct telling telling = {.metrics = metrics, .sink = sink};

	family(&telling, "state", false, "1 for the state that the gateway is in");
	between(&telling, "gateway_", "", "state", none);
	single(&telling, "rules_in_place", false, "1 if the kernel has the packet rules");
	by_protocol(&telling, "bindings", "Entries of the BIB");
	by_protocol(&telling, "sessions", "Sessions");
	single(&telling, "clients", false, "Client prefixes with bindings or limits");
	by_direction(&telling);
	family(&telling, "queue_lost", true, "Packets lost before they could be read");
	between(&telling, "queue_", "_lost", "queue", none);
	family(&telling, "queue_waiting", false, "Packets that wait in the kernel");
	between(&telling, "queue_", "_waiting", "queue", none);
	single(&telling, "state_unsaved_changes", false, "Changes that a crash would lose");
	single(&telling, "state_flush_failures", true, "Times the database was not written");
	by_entry(&telling, "pool4_ports", false, "Ports and identifiers of the entry");
	by_entry(&telling, "pool4_ports_used", true, "Those that are in use");
	g_free(telling.name);
}

static void print_family(void *context, const char *name, bool is_counter, const char *help)
{
	g_string_append_printf(context, "# TYPE %s %s\n# HELP %s %s.\n", name,
			       is_counter ? "counter" : "gauge", name, help);
}

static void print_sample(void *context, const char *name, const struct metrics_label *label,
			 uint64_t value)
{
	GString *text = context;

	g_string_append(text, name);
	if (label[0].name != NULL) {
		g_string_append_printf(text, "{%s=\"%s\"", label[0].name, label[0].value);
		if (label[1].name != NULL)
			g_string_append_printf(text, ",%s=\"%s\"", label[1].name, label[1].value);
		g_string_append_c(text, '}');
	}
	g_string_append_printf(text, " %" PRIu64 "\n", value);
}

void metrics_print(const struct metrics *metrics, GString *ret)
{
	const struct metrics_sink sink = {print_family, print_sample, ret};

	metrics_tell(metrics, &sink);
	g_string_append(ret, "# EOF\n");
}
