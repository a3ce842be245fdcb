/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See statistics.h. */
#include "dbus/statistics.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/core/persist.h"

/* Those beside outcomes, protocols, queues, send errors and states; there is room for a few more.
 */
#define N_SINGLE 32
#define N_MAX                                                                                \
	(2 * N_OUTCOMES + 5 * N_PROTOCOLS + 3 * GATEWAY_QUEUES_MAX + N_GATEWAY_SEND_ERRORS + \
	 N_GATEWAY_STATES + N_SINGLE)

struct list {
	struct statistic *statistic;
	uint32_t n;
};

__attribute__((format(printf, 3, 4))) static void add(struct list *list, uint64_t value,
						      const char *format, ...)
{
	struct statistic *statistic = &list->statistic[list->n++];
	va_list args;

	assert(list->n <= N_MAX);
	va_start(args, format);
	(void)vsnprintf(statistic->name, sizeof(statistic->name), format, args);
	va_end(args);
	statistic->value = value;
}

static void add_packets(struct list *list, const struct nat64_counters *counters)
{
	static const char *const direction[2] = {"6to4", "4to6"};
	static const char *const side[2] = {"6", "4"};

	for (unsigned i = 0; i < 2; i++) {
		for (enum outcome outcome = 0; outcome < N_OUTCOMES; outcome++)
			add(list, counters->packets[i][outcome], "packets_%s_%s", direction[i],
			    outcome_info(outcome)->name);
		add(list, counters->bytes[i], "bytes_%s", direction[i]);
		add(list, counters->icmp_errors_sent[i], "icmp_errors_sent_%s", side[i]);
		add(list, counters->icmp_errors_limited[i], "icmp_errors_limited_%s", side[i]);
	}
}

static void add_core(struct list *list, const struct nat64 *nat)
{
	add_packets(list, &nat->counters);
	for (enum protocol protocol = 0; protocol < N_PROTOCOLS; protocol++) {
		const char *name = protocol_name(protocol);

		add(list, nat->bib[protocol].entries.n_used, "bindings_%s", name);
		add(list, nat->sessions[protocol].sessions.n_used, "sessions_%s", name);
		add(list, nat->counters.bindings_created[protocol], "bindings_created_%s", name);
		add(list, nat->counters.sessions_created[protocol], "sessions_created_%s", name);
	}
	add(list, nat->clients.clients.n_used, "clients");
	add(list, nat->syns.syns.n_used, "stored_syns");
	add(list, nat->counters.stored_syns_expired, "stored_syns_expired");
	add(list, nat->fragments.used, "fragment_bytes");
	add(list, pool4_n_held(nat->pool4), "held_ports");
	add(list, nat->counters.fragments_expired, "fragments_expired");
	add(list, nat->counters.probes_sent, "probes_sent");
	add(list, nat64_memory(nat), "memory_bytes");
}

/* the bounds beside what they bound. */
static void add_limits(struct list *list, const struct nat64 *nat)
{
	const struct nat64_limits *limits = &nat->limits;

	add(list, limits->bindings, "limit_bindings");
	add(list, limits->sessions, "limit_sessions");
	for (enum protocol protocol = 0; protocol < N_PROTOCOLS; protocol++)
		add(list,
		    limits->sessions_of[protocol] ? limits->sessions_of[protocol]
						  : limits->sessions,
		    "limit_sessions_%s", protocol_name(protocol));
	add(list, limits->stored_syns, "limit_stored_syns");
	add(list, limits->fragment_memory, "limit_fragment_bytes");
	add(list, limits->bindings, "limit_held_ports");
}

static void add_edges(struct list *list, const struct gateway *gateway)
{
	struct gateway_store store;

	for (unsigned i = 0; i < gateway->n_queues; i++) {
		const struct gateway_queue *queue = &gateway->queue[i];

		add(list, queue->received, "queue_%u_received", queue->number);
		add(list, queue->lost, "queue_%u_lost", queue->number);
		add(list, queue->waiting, "queue_%u_waiting", queue->number);
	}
	for (enum gateway_send_error error = 0; error < N_GATEWAY_SEND_ERRORS; error++)
		add(list, gateway->send_errors[error], "send_errors_%s",
		    gateway_send_error_name(error));
	for (enum gateway_state state = 0; state < N_GATEWAY_STATES; state++)
		add(list, gateway->state == state, "gateway_%s", gateway_state_name(state));
	add(list, gateway->rules_in_place, "rules_in_place");
	add(list, persist_n_changed(gateway->nat), "state_unsaved_changes");
	gateway_see_store(gateway, gateway_now_ms(), &store);
	add(list, store.n_failures, "state_flush_failures");
	add(list, store.n_set_aside, "state_files_set_aside");
	add(list, store.state == GATEWAY_STORE_FAILING, "state_failing");
	add(list, gateway->sending.by_packet, "tcp_by_packet");
	add(list, gateway->sending.has_fallen, "tcp_way_fallen");
	add(list, (gateway_now_ms() - gateway->started_ms) * 1000, "uptime_usec");
}

struct statistic *statistics_take(struct gateway *gateway, uint32_t *ret_n)
{
	struct list list = {.statistic = calloc(N_MAX, sizeof(*list.statistic))};

	if (list.statistic == NULL)
		return NULL;
	gateway_lock(gateway);
	add_core(&list, gateway->nat);
	add_limits(&list, gateway->nat);
	add_edges(&list, gateway);
	gateway_unlock(gateway);
	*ret_n = list.n;
	return list.statistic;
}
