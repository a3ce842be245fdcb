/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Monitor: what happens, as it happens, in lines into a pipe.
 *
 * While somebody monitors, the core keeps what is wanted in a ring (watch.h), which is emptied here
 * MONITOR_TICK_USEC after the last time; what the log is told of limits and pools comes along when
 * it is. A reader who is slow has a buffer's worth of lines and then a line that says how many he
 * has missed; so has everybody if the ring was full.
 */
#include <errno.h>

#include "dbus/authorise.h"
#include "dbus/manager_internal.h"
#include "dbus/monitor_text.h"
#include "dbus/names.h"
#include "dbus/quote.h"
#include "dbus/stream.h"

#define MONITOR_TICK_USEC     20000
#define MONITOR_ACCURACY_USEC 1000
/* As many are taken out of the ring while the lock is held once. */
#define BATCH 64

/* What only the log has so far. */
#define MONITOR_LIMITS (WATCH_DROPS << 1)
#define MONITOR_ALL    (WATCH_BINDINGS | WATCH_SESSIONS | WATCH_DROPS | MONITOR_LIMITS)

struct monitor {
	struct monitor *next;
	struct manager *manager;
	struct stream *stream;
	unsigned wanted;
	struct list_filter filter;
	uint64_t n_lost; /* that are still to be told */
};

struct named_record {
	struct watch_record record;
	char pool4[POOL4_NAME_SIZE];
};

static void name_pool4(const struct nat64 *nat, const struct event *event,
		       char ret[POOL4_NAME_SIZE])
{
	const struct pool4_entry *entry =
		event->pool4 != 0 ? pool4_entry(nat->pool4, event->pool4) : NULL;

	ret[0] = '\0';
	if (entry != NULL)
		memcpy(ret, entry->spec.name, POOL4_NAME_SIZE);
}

/* Where the next line goes, behind one that tells of those that were lost; or NULL. */
static char *room_for_line(struct monitor *monitor)
{
	char *room = stream_room(monitor->stream);

	if (room == NULL || monitor->n_lost == 0)
		return room;
	stream_add(monitor->stream, monitor_text_lost(monitor->n_lost, room));
	monitor->n_lost = 0;
	return stream_room(monitor->stream);
}

static unsigned kind_of(const struct watch_record *record)
{
	if (record->is_drop)
		return WATCH_DROPS;
	switch ((int)record->event.kind) {
	case EVENT_SESSION_CREATE:
	case EVENT_SESSION_DELETE:
		return WATCH_SESSIONS;
	case EVENT_BINDING_CREATE:
	case EVENT_BINDING_DELETE:
	case EVENT_BLOCK_ALLOCATE:
	case EVENT_BLOCK_RELEASE:
		return WATCH_BINDINGS;
	}
	return MONITOR_LIMITS;
}

static void tell(struct monitor *monitor, const struct named_record *named, uint64_t offset)
{
	const struct watch_record *record = &named->record;
	char *room;

	if ((monitor->wanted & kind_of(record)) == 0)
		return;
	if (record->is_drop ? !monitor_wants_drop(&monitor->filter, &record->drop)
			    : !monitor_wants_event(&monitor->filter, &record->event))
		return;
	room = room_for_line(monitor);
	if (room == NULL)
		monitor->n_lost++;
	else if (record->is_drop)
		stream_add(monitor->stream, monitor_text_drop(&record->drop, offset, room));
	else
		stream_add(monitor->stream,
			   monitor_text_event(&record->event, named->pool4, offset, room));
}

static void tell_all(struct manager *manager, const struct named_record *named, uint64_t offset)
{
	for (struct monitor *monitor = manager->monitors; monitor != NULL; monitor = monitor->next)
		tell(monitor, named, offset);
}

/* Up to BATCH of them; the names are copied, as an entry may go at any time. */
static unsigned take(struct manager *manager, struct named_record *ret, uint64_t *ret_n_lost)
{
	struct nat64 *nat = manager->gateway->nat;
	unsigned n = 0;

	gateway_lock(manager->gateway);
	for (; n < BATCH && watch_next(&nat->watch, &ret[n].record); n++) {
		ret[n].pool4[0] = '\0';
		if (!ret[n].record.is_drop)
			name_pool4(nat, &ret[n].record.event, ret[n].pool4);
	}
	*ret_n_lost = nat->watch.n_lost;
	gateway_unlock(manager->gateway);
	return n;
}

/* Of n_lost since the start, what is new is everybody's but of who has only come; NULL: nobody has.
 */
static void count_lost(struct manager *manager, uint64_t n_lost, const struct monitor *fresh)
{
	for (struct monitor *monitor = manager->monitors; monitor != NULL;
	     monitor = monitor->next) {
		if (monitor != fresh && monitor->wanted != MONITOR_LIMITS)
			monitor->n_lost += n_lost - manager->n_watch_lost;
	}
	manager->n_watch_lost = n_lost;
}

static void tell_lost(struct manager *manager, uint64_t n_lost)
{
	count_lost(manager, n_lost, NULL);
	for (struct monitor *monitor = manager->monitors; monitor != NULL; monitor = monitor->next)
		(void)room_for_line(monitor);
}

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct manager *manager = userdata;
	uint64_t offset = manager_realtime_offset(), n_lost;
	unsigned rounds = WATCH_RECORDS / BATCH;
	struct named_record batch[BATCH];
	unsigned n;

	do {
		n = take(manager, batch, &n_lost);
		for (unsigned i = 0; i < n; i++)
			tell_all(manager, &batch[i], offset);
	} while (n == BATCH && --rounds > 0);
	tell_lost(manager, n_lost);
	(void)sd_event_source_set_time_relative(source, MONITOR_TICK_USEC);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

void monitor_event(struct manager *manager, const struct event *event)
{
	struct named_record named = {.record = {.event = *event}};

	if (manager->monitors == NULL || kind_of(&named.record) != MONITOR_LIMITS)
		return;
	gateway_lock(manager->gateway);
	name_pool4(manager->gateway->nat, event, named.pool4);
	gateway_unlock(manager->gateway);
	tell_all(manager, &named, manager_realtime_offset());
}

/* The core tells what any of them wants, and the timer runs while there is one. fresh: one that has
 * come, or NULL. */
static int follow(struct manager *manager, const struct monitor *fresh)
{
	unsigned wanted = 0;
	uint64_t n_lost;
	bool done;
	int r = 0;

	for (struct monitor *monitor = manager->monitors; monitor != NULL; monitor = monitor->next)
		wanted |= monitor->wanted & ~MONITOR_LIMITS;
	gateway_lock(manager->gateway);
	done = watch_want(&manager->gateway->nat->watch, wanted);
	n_lost = manager->gateway->nat->watch.n_lost;
	gateway_unlock(manager->gateway);
	/* Of the others it is lost all the same. */
	count_lost(manager, n_lost, fresh);
	if (!done)
		return -ENOMEM;
	if (manager->monitors == NULL)
		manager->monitor_tick = sd_event_source_disable_unref(manager->monitor_tick);
	else if (manager->monitor_tick == NULL)
		r = sd_event_add_time_relative(manager->streams.event, &manager->monitor_tick,
					       CLOCK_MONOTONIC, MONITOR_TICK_USEC,
					       MONITOR_ACCURACY_USEC, on_tick, manager);
	return r;
}

static void ended(void *context, int error)
{
	struct monitor *monitor = context;
	struct manager *manager = monitor->manager;
	struct monitor **link;

	for (link = &manager->monitors; *link != monitor;)
		link = &(*link)->next;
	*link = monitor->next;
	(void)follow(manager, NULL);
	stream_free(monitor->stream);
	free(monitor);
}

static int parse_word(const char *word, unsigned *wanted, sd_bus_error *error)
{
	static const struct {
		const char *name;
		unsigned wanted;
	} words[] = {
		{"bindings", WATCH_BINDINGS}, {"sessions", WATCH_SESSIONS}, {"drops", WATCH_DROPS},
		{"limits", MONITOR_LIMITS},   {"all", MONITOR_ALL},
	};
	char quoted[QUOTE_SIZE];

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(word, words[i].name) == 0) {
			*wanted |= words[i].wanted;
			return 0;
		}
	}
	return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
				 "'%s' is none of: bindings, sessions, drops, limits, all",
				 quote(word, quoted));
}

static int read_words(sd_bus_message *message, unsigned *ret_wanted, sd_bus_error *error)
{
	const char *word;
	int r;

	*ret_wanted = 0;
	r = sd_bus_message_enter_container(message, 'a', "s");
	while (r >= 0 && (r = sd_bus_message_read(message, "s", &word)) > 0)
		r = parse_word(word, ret_wanted, error);
	if (r < 0)
		return r;
	if (*ret_wanted == 0)
		*ret_wanted = MONITOR_ALL;
	return sd_bus_message_exit_container(message);
}

int monitor_read_filter(sd_bus_message *message, bool for_trace, struct list_filter *ret,
			sd_bus_error *error)
{
	int r = for_trace ? list_filter_read_trace(message, ret, error)
			  : list_filter_read(message, true, ret, error);

	if (r < 0)
		return r;
	if (ret->has_state)
		return sd_bus_error_set(error, DBUS_ERROR_INVALID_FILTER,
					"the filter 'state' is for ListSessions, FlushSessions and "
					"Dump only");
	return 0;
}

int monitor_method(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	static const struct stream_calls calls = {NULL, ended};
	struct manager *manager = userdata;
	_cleanup_free_ struct monitor *monitor = NULL;
	int r, fd;

	monitor = calloc(1, sizeof(*monitor));
	if (monitor == NULL)
		return -ENOMEM;
	monitor->manager = manager;
	r = read_words(message, &monitor->wanted, error);
	if (r >= 0)
		r = monitor_read_filter(message, false, &monitor->filter, error);
	if (r >= 0)
		r = sd_bus_message_read(message, "h", &fd);
	if (r < 0)
		return r;
	r = authorise(&manager->authority, message, AUTHORISE_READ_BINDINGS, error);
	if (r != 0)
		return r;
	r = manager_resolve_filter(manager, &monitor->filter, error);
	if (r >= 0)
		r = stream_new(&manager->streams, message, fd, &calls, monitor, &monitor->stream,
			       error);
	if (r < 0)
		return r;
	monitor->next = manager->monitors;
	manager->monitors = monitor;
	r = follow(manager, monitor);
	if (r < 0) {
		ended(monitor, -r);
		monitor = NULL;
		return r;
	}
	monitor = NULL; /* is the stream's from now on */
	return sd_bus_reply_method_return(message, NULL);
}
