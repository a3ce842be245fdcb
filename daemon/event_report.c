/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/event_report.h"

#include <glib.h>
#include <inttypes.h>
#include <syslog.h>

#include "daemon/core/nat64.h"
#include "daemon/gateway.h"

/* As many are taken out of the queue while the lock is held once. */
#define BATCH 64

/* What is in use of something, and how much of it that is. */
static unsigned percent_of(const struct event *event)
{
	return event->limit ? (unsigned)(event->value * 100 / event->limit) : 100;
}

static void append_client(GString *text, const struct event *event)
{
	struct prefix6 prefix = {event->addr6, event->prefix_len};
	char address[ADDR_TEXT_SIZE];

	g_string_append(text, prefix.len == 128 ? addr6_print(&prefix.addr, address)
						: prefix6_print(&prefix, address));
}

static void append_no_port(GString *text, const struct event *event, const char *pool4)
{
	char address[ADDR_TEXT_SIZE];

	g_string_append_printf(text, "pool4 entry %s has no free %s port", pool4,
			       protocol_name(event->protocol));
	if (event->mapped.addr)
		g_string_append_printf(text, " at %s", addr4_print(event->mapped.addr, address));
	g_string_append_printf(text, ": new bindings are refused, %" PRIu64 " so far",
			       event->value);
}

static void append_use(GString *text, const struct event *event, const char *pool4)
{
	g_string_append_printf(
		text, "pool4 entry %s: %" PRIu64 " of %" PRIu64 " %s ports are in use (%u%%)%s",
		pool4, event->value, event->limit, protocol_name(event->protocol),
		percent_of(event), event->kind == EVENT_POOL_LOW ? ": the alarm is over" : "");
}

static void append_quota(GString *text, const struct event *event)
{
	if (event->kind == EVENT_QUOTA_CLIENT) {
		append_client(text, event);
		g_string_append_printf(text, " (%s)", protocol_name(event->protocol));
	} else {
		g_string_append(text, event->kind == EVENT_QUOTA_FRAGMENTS  ? "a fragment"
				      : event->kind == EVENT_QUOTA_BINDINGS ? "a new binding"
									    : "a new session");
	}
	g_string_append_printf(text, " is refused: %s", outcome_info(event->outcome)->sentence);
	if (event->limit)
		g_string_append_printf(text, ", %" PRIu64, event->limit);
}

static void append_binding(GString *text, const struct event *event)
{
	struct taddr6 client = {event->addr6, event->port6};
	bool is_session =
		event->kind == EVENT_SESSION_CREATE || event->kind == EVENT_SESSION_DELETE;
	bool begins = event->kind == EVENT_SESSION_CREATE || event->kind == EVENT_BINDING_CREATE;
	char inside[ADDR_TEXT_SIZE], outside[ADDR_TEXT_SIZE], peer[ADDR_TEXT_SIZE];

	g_string_append_printf(text, "%s %s %s %s %s", is_session ? "session" : "binding",
			       begins ? "begins:" : "ends:", protocol_name(event->protocol),
			       taddr6_print(&client, inside),
			       taddr4_print(&event->mapped, outside));
	if (is_session)
		g_string_append_printf(text, " with %s", taddr4_print(&event->peer, peer));
	if (event->forced)
		g_string_append(text, ", as its address has left pool4");
}

static void append_block(GString *text, const struct event *event)
{
	char address[ADDR_TEXT_SIZE];

	append_client(text, event);
	g_string_append_printf(text, " %s the ports %u-%u of %s",
			       event->kind == EVENT_BLOCK_ALLOCATE ? "gets" : "has left",
			       event->mapped.port, event->last_port,
			       addr4_print(event->mapped.addr, address));
}

static void append_event(GString *text, const struct event *event, const char *pool4)
{
	switch (event->kind) {
	case EVENT_ADDRESSES_EXHAUSTED:
	case EVENT_PORTS_EXHAUSTED:
		append_no_port(text, event, pool4);
		break;
	case EVENT_POOL_HIGH:
	case EVENT_POOL_LOW:
		append_use(text, event, pool4);
		break;
	case EVENT_BINDINGS_HIGH:
		g_string_append_printf(text, "%" PRIu64 " bindings are %u%% of Limits.Bindings",
				       event->value, percent_of(event));
		break;
	case EVENT_CLIENT_HIGH:
		append_client(text, event);
		g_string_append_printf(text,
				       " has %" PRIu64 " %s bindings, %u%% of the %" PRIu64
				       " that Limits.BindingsPerClient allows",
				       event->value, protocol_name(event->protocol),
				       percent_of(event), event->limit);
		break;
	case EVENT_QUOTA_SESSIONS:
	case EVENT_QUOTA_BINDINGS:
	case EVENT_QUOTA_CLIENT:
	case EVENT_QUOTA_FRAGMENTS:
		append_quota(text, event);
		break;
	case EVENT_SESSION_CREATE:
	case EVENT_SESSION_DELETE:
	case EVENT_BINDING_CREATE:
	case EVENT_BINDING_DELETE:
		append_binding(text, event);
		break;
	case EVENT_BLOCK_ALLOCATE:
	case EVENT_BLOCK_RELEASE:
		append_block(text, event);
		break;
	case N_EVENT_KINDS:
		break;
	}
	if (event->n_suppressed)
		g_string_append_printf(text, " (%" PRIu64 " times more since this was said last)",
				       event->n_suppressed);
}

const char *event_report_print(const struct event *event, const char *pool4,
			       char ret[EVENT_REPORT_SIZE])
{
	GString *text = g_string_new(NULL);

	append_event(text, event, *pool4 ? pool4 : "(gone)");
	g_strlcpy(ret, text->str, EVENT_REPORT_SIZE);
	g_string_free(text, TRUE);
	return ret;
}

int event_report_level(const struct event *event)
{
	switch (event->kind) {
	case EVENT_SESSION_CREATE:
	case EVENT_SESSION_DELETE:
	case EVENT_BINDING_CREATE:
	case EVENT_BLOCK_ALLOCATE:
	case EVENT_BLOCK_RELEASE:
		return LOG_INFO;
	case EVENT_BINDING_DELETE:
		return event->forced ? LOG_NOTICE : LOG_INFO;
	case EVENT_POOL_LOW:
		return LOG_NOTICE;
	case EVENT_ADDRESSES_EXHAUSTED:
	case EVENT_PORTS_EXHAUSTED:
	case EVENT_QUOTA_SESSIONS:
	case EVENT_QUOTA_BINDINGS:
	case EVENT_QUOTA_CLIENT:
	case EVENT_QUOTA_FRAGMENTS:
	case EVENT_POOL_HIGH:
	case EVENT_BINDINGS_HIGH:
	case EVENT_CLIENT_HIGH:
	case N_EVENT_KINDS:
		break;
	}
	return LOG_WARNING;
}

struct named_event {
	struct event event;
	char pool4[POOL4_NAME_SIZE];
};

/* Up to BATCH of them; the names are copied, as an entry may go at any time. */
static unsigned take(struct event_report *report, struct named_event *ret, uint64_t *ret_n_lost)
{
	struct nat64 *nat = report->gateway->nat;
	unsigned n = 0;

	gateway_lock(report->gateway);
	while (n < BATCH && event_next(&nat->events, &ret[n].event)) {
		const struct pool4_entry *entry =
			ret[n].event.pool4 ? pool4_entry(nat->pool4, ret[n].event.pool4) : NULL;

		g_strlcpy(ret[n].pool4, entry ? entry->spec.name : "", sizeof(ret[n].pool4));
		n++;
	}
	*ret_n_lost = nat->events.n_dropped;
	gateway_unlock(report->gateway);
	return n;
}

void event_report_drain(struct event_report *report)
{
	struct named_event events[BATCH];
	unsigned rounds = EVENT_QUEUE_MAX / BATCH;
	uint64_t n_lost;
	unsigned n;

	do {
		n = take(report, events, &n_lost);
		for (unsigned i = 0; i < n; i++)
			report->each(report->context, &events[i].event, events[i].pool4);
	} while (n == BATCH && --rounds > 0);
	if (n_lost != report->n_lost_known)
		report->lost(report->context, n_lost - report->n_lost_known);
	report->n_lost_known = n_lost;
}
