/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Trace: the steps of real packets, in lines into a pipe.
 *
 * A packet that somebody wants to see is put into words in the packet thread, at the moment when it
 * has been decided and nothing has been done yet: later its binding may be gone. That takes some
 * microseconds, so there are no more than TRACE_RATE of them a second, and TRACE_RECORDS wait for
 * the control thread; those beyond are counted and told as lost.
 *
 * Lock: what the packet thread sees, tracers and records, changes under the gateway's lock only.
 */
#include <errno.h>

#include "dbus/authorise.h"
#include "dbus/explain.h"
#include "dbus/manager_internal.h"
#include "dbus/monitor_text.h"
#include "dbus/names.h"
#include "dbus/stream.h"
#include "dbus/text_line.h"

#define TRACE_TICK_USEC     20000
#define TRACE_ACCURACY_USEC 1000
#define TRACE_RECORDS       64
#define TRACE_RATE          1000 /* packets a second, of all tracers */
#define TRACE_PIECES        5 /* with bytes: the packet that came, and of what is sent the first */

struct tracer {
	struct tracer *next;
	struct manager *manager;
	struct stream *stream;
	struct list_filter filter;
	uint64_t n_lost; /* that are still to be told */
};

/* A packet, as much of it as is kept. */
struct trace_piece {
	uint32_t n_bytes;
	uint32_t size;
	uint8_t byte[WATCH_BYTES_MAX];
};

struct trace_record {
	unsigned n_pieces;         /* the first one came, the others are sent */
	struct trace_piece *piece; /* TRACE_PIECES of them, if somebody wants bytes; or NULL */
	uint64_t time_ms;
	enum outcome outcome;
	struct noted_packet seen;
	struct explanation explanation;
	const struct tracer *tracer;
};

struct traces {
	struct tracer *first;
	sd_event_source *tick;
	uint64_t second; /* in which n_in_second packets were put into words */
	unsigned n_in_second;
	unsigned first_record;
	unsigned n_records;
	unsigned n_fresh;           /* of these, about the packet that is on its way */
	struct trace_piece *pieces; /* of all records; NULL: nobody wants bytes */
	struct trace_record record[TRACE_RECORDS];
};

/* The binding that the packet belongs to, as far as it is known already. */
static const struct filter_plan *plan_of(const struct watch_packet *traced)
{
	const struct decision *decision = traced->decision;

	if (!decision->has_plan)
		return NULL;
	return decision->goes_out || decision->plan.binding != SLAB_NONE ? &decision->plan : NULL;
}

static bool wants_binding(const struct list_filter *filter, const struct watch_packet *traced,
			  const struct filter_plan *plan)
{
	const struct bib *bib = &traced->nat->bib[plan->protocol];
	struct bib_entry entry = {
		.addr6 = plan->client.addr,
		.port6 = plan->client.port,
		.addr4 = plan->mapped.addr,
		.port4 = plan->mapped.port,
	};

	if (plan->binding != SLAB_NONE)
		entry = *bib_at(bib, plan->binding);
	else if (plan->make.offer.port.entry != NULL)
		entry.pool4 = plan->make.offer.port.entry->id;
	return list_filter_wants_binding(filter, &entry) &&
	       (!filter->has_server || prefix4_contains(&filter->server, plan->peer.addr));
}

static bool wants(const struct list_filter *filter, const struct watch_packet *traced)
{
	const struct filter_plan *plan = plan_of(traced);
	const struct watch_drop packet = {
		.packet = *traced->seen,
		.has_peer4 = traced->decision->pool6 >= 0,
		.peer4 = traced->decision->peer4,
	};

	if (filter->has_protocol && monitor_packet_protocol(traced->seen) != filter->protocol)
		return false;
	return plan != NULL ? wants_binding(filter, traced, plan)
			    : monitor_wants_drop(filter, &packet);
}

static struct trace_record *new_record(struct traces *traces, uint64_t now_ms)
{
	uint64_t second = now_ms / 1000;

	if (second != traces->second) {
		traces->second = second;
		traces->n_in_second = 0;
	}
	if (traces->n_in_second == TRACE_RATE || traces->n_records == TRACE_RECORDS)
		return NULL;
	traces->n_in_second++;
	traces->n_fresh++;
	return &traces->record[(traces->first_record + traces->n_records++) % TRACE_RECORDS];
}

/* Packet thread. */
static void on_packet(void *context, const struct watch_packet *traced)
{
	struct traces *traces = context;

	traces->n_fresh = 0;
	for (struct tracer *tracer = traces->first; tracer != NULL; tracer = tracer->next) {
		struct trace_record *record;

		if (!wants(&tracer->filter, traced))
			continue;
		record = new_record(traces, traced->now_ms);
		if (record == NULL) {
			tracer->n_lost++;
			continue;
		}
		record->tracer = tracer;
		record->n_pieces = 0;
		record->time_ms = traced->now_ms;
		record->outcome = traced->outcome;
		record->seen = *traced->seen;
		explain_decision(traced->nat, traced->packet, traced->decision, traced->outcome,
				 traced->now_ms, &record->explanation);
	}
}

static void add_piece(struct trace_record *record, const struct out_part *part, unsigned n_parts,
		      uint32_t size)
{
	struct trace_piece *piece = &record->piece[record->n_pieces++];

	piece->n_bytes = 0;
	piece->size = size;
	for (unsigned i = 0; i < n_parts; i++) {
		uint32_t room = WATCH_BYTES_MAX - piece->n_bytes;
		uint32_t n = part[i].size < room ? part[i].size : room;

		memcpy(piece->byte + piece->n_bytes, part[i].base, n);
		piece->n_bytes += n;
	}
}

/* The packet that on_packet() has just been told of. Packet thread. */
static void on_bytes(void *context, const struct watch_bytes *bytes)
{
	struct traces *traces = context;
	const struct out_part came = {bytes->came, bytes->n_came};

	for (unsigned i = 0; i < traces->n_fresh && i < traces->n_records; i++) {
		unsigned place = traces->first_record + traces->n_records - 1 - i;
		struct trace_record *record = &traces->record[place % TRACE_RECORDS];

		if (record->tracer == NULL || !record->tracer->filter.with_bytes)
			continue;
		record->piece = &traces->pieces[place % TRACE_RECORDS * TRACE_PIECES];
		add_piece(record, &came, 1, bytes->came_size);
		for (uint32_t j = bytes->first;
		     j < bytes->out->n_packets && record->n_pieces < TRACE_PIECES; j++) {
			const struct out_packet *packet = &bytes->out->packet[j];
			uint32_t size = 0;

			for (unsigned k = 0; k < packet->n_parts; k++)
				size += packet->part[k].size;
			add_piece(record, packet->part, packet->n_parts, size);
		}
	}
	traces->n_fresh = 0;
}

/* Sentences have names of entries in them, and nothing else that is not ours. */
static char *add_sentence(char *at, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			*at++ = '\\';
		*at++ = (unsigned char)*text < ' ' ? ' ' : *text;
	}
	return at;
}

/* A line of its own for each: {"event":"packet",...}. */
static size_t print_piece(const struct trace_record *record, unsigned i, uint64_t offset, char *ret)
{
	static const char digits[] = "0123456789abcdef";
	const struct trace_piece *piece = &record->piece[i];
	char *at = line_text(ret, "{\"event\":\"packet\",\"time\":\"");

	at = monitor_text_time(at, record->time_ms, offset);
	at = line_text(at,
		       i == 0 ? "\",\"way\":\"came\",\"size\":" : "\",\"way\":\"left\",\"size\":");
	at = decimal_print(at, piece->size);
	at = line_text(at, ",\"bytes\":\"");
	for (uint32_t j = 0; j < piece->n_bytes; j++) {
		*at++ = digits[piece->byte[j] >> 4];
		*at++ = digits[piece->byte[j] & 15];
	}
	at = line_text(at, "\"}\n");
	return (size_t)(at - ret);
}

static size_t print(const struct trace_record *record, uint64_t offset, char *ret)
{
	/* A step with every character escaped, and the end of the line. */
	const size_t step_max = 2 * EXPLAIN_TEXT_SIZE + 64;
	char *at = line_text(ret, "{\"time\":\"");

	at = monitor_text_time(at, record->time_ms, offset);
	at = line_text(at, "\"");
	at = monitor_text_packet(at, &record->seen);
	at = line_text(at, ",\"outcome\":\"");
	at = line_text(at, outcome_info(record->outcome)->name);
	at = line_text(at, "\",\"steps\":[");
	for (unsigned i = 0; i < record->explanation.n_steps; i++) {
		const struct explain_step *step = &record->explanation.step[i];

		if ((size_t)(at - ret) + step_max > STREAM_LINE_MAX)
			break;
		at = line_text(at, i > 0 ? ",{\"step\":\"" : "{\"step\":\"");
		at = line_text(at, step->name);
		at = line_text(at, "\",\"text\":\"");
		at = add_sentence(at, step->text);
		at = line_text(at, "\"}");
	}
	at = line_text(at, "]}\n");
	return (size_t)(at - ret);
}

/* The oldest one, its pieces copied to piece; false if there is none. */
static bool take(struct manager *manager, struct trace_record *ret, struct trace_piece *piece)
{
	struct traces *traces = manager->traces;
	bool taken;

	gateway_lock(manager->gateway);
	taken = traces->n_records > 0;
	if (taken) {
		*ret = traces->record[traces->first_record];
		if (ret->n_pieces > 0)
			memcpy(piece, ret->piece, ret->n_pieces * sizeof(*piece));
		ret->piece = piece;
		traces->first_record = (traces->first_record + 1) % TRACE_RECORDS;
		traces->n_records--;
	}
	gateway_unlock(manager->gateway);
	return taken;
}

static void lose(struct manager *manager, struct tracer *tracer)
{
	gateway_lock(manager->gateway);
	tracer->n_lost++;
	gateway_unlock(manager->gateway);
}

static void tell_lost(struct manager *manager, struct tracer *tracer)
{
	char *room = stream_room(tracer->stream);
	uint64_t n_lost;

	if (room == NULL)
		return;
	gateway_lock(manager->gateway);
	n_lost = tracer->n_lost;
	tracer->n_lost = 0;
	gateway_unlock(manager->gateway);
	if (n_lost > 0)
		stream_add(tracer->stream, monitor_text_lost(n_lost, room));
}

/* Bytes come first: who counts packets has all of one when its line is there. */
static void tell(struct manager *manager, struct tracer *tracer, const struct trace_record *record,
		 uint64_t offset)
{
	char *room;

	for (unsigned i = 0; i < record->n_pieces; i++) {
		room = stream_room(tracer->stream);
		if (room == NULL)
			break;
		stream_add(tracer->stream, print_piece(record, i, offset, room));
	}
	room = stream_room(tracer->stream);
	if (room != NULL)
		stream_add(tracer->stream, print(record, offset, room));
	else
		lose(manager, tracer);
}

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct manager *manager = userdata;
	uint64_t offset = manager_realtime_offset();
	struct trace_piece pieces[TRACE_PIECES];
	struct trace_record record;

	while (take(manager, &record, pieces)) {
		for (struct tracer *tracer = manager->traces->first; tracer;
		     tracer = tracer->next) {
			if (tracer == record.tracer)
				tell(manager, tracer, &record, offset);
		}
	}
	for (struct tracer *tracer = manager->traces->first; tracer; tracer = tracer->next)
		tell_lost(manager, tracer);
	(void)sd_event_source_set_time_relative(source, TRACE_TICK_USEC);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* Adds it; the core shows its packets from now on. */
static int follow(struct manager *manager, struct tracer *tracer)
{
	struct watch *watch = &manager->gateway->nat->watch;
	int r = 0;

	if (manager->traces == NULL)
		manager->traces = calloc(1, sizeof(*manager->traces));
	if (manager->traces == NULL)
		return -ENOMEM;
	if (manager->traces->tick == NULL)
		r = sd_event_add_time_relative(manager->streams.event, &manager->traces->tick,
					       CLOCK_MONOTONIC, TRACE_TICK_USEC,
					       TRACE_ACCURACY_USEC, on_tick, manager);
	if (r >= 0 && tracer->filter.with_bytes && manager->traces->pieces == NULL) {
		manager->traces->pieces = calloc((size_t)TRACE_RECORDS * TRACE_PIECES,
						 sizeof(*manager->traces->pieces));
		if (manager->traces->pieces == NULL)
			r = -ENOMEM;
	}
	gateway_lock(manager->gateway);
	tracer->next = manager->traces->first;
	manager->traces->first = tracer;
	watch->trace_context = manager->traces;
	watch->trace = on_packet;
	if (r >= 0 && manager->traces->pieces != NULL && !watch_want_bytes(watch, on_bytes))
		r = -ENOMEM;
	gateway_unlock(manager->gateway);
	return r;
}

static void ended(void *context, int error)
{
	struct tracer *tracer = context;
	struct manager *manager = tracer->manager;
	struct traces *traces = manager->traces;
	struct tracer **link;

	gateway_lock(manager->gateway);
	for (link = &traces->first; *link != tracer;)
		link = &(*link)->next;
	*link = tracer->next;
	for (unsigned i = 0; i < TRACE_RECORDS; i++) {
		if (traces->record[i].tracer == tracer)
			traces->record[i].tracer = NULL;
	}
	if (traces->first == NULL) {
		manager->gateway->nat->watch.trace = NULL;
		(void)watch_want_bytes(&manager->gateway->nat->watch, NULL);
	}
	gateway_unlock(manager->gateway);
	if (traces->first == NULL) {
		sd_event_source_disable_unref(traces->tick);
		free(traces->pieces);
		free(traces);
		manager->traces = NULL;
	}
	stream_free(tracer->stream);
	free(tracer);
}

int trace_method(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	static const struct stream_calls calls = {NULL, ended};
	struct manager *manager = userdata;
	_cleanup_free_ struct tracer *tracer = NULL;
	int r, fd;

	tracer = calloc(1, sizeof(*tracer));
	if (tracer == NULL)
		return -ENOMEM;
	tracer->manager = manager;
	r = monitor_read_filter(message, true, &tracer->filter, error);
	if (r >= 0)
		r = sd_bus_message_read(message, "h", &fd);
	if (r < 0)
		return r;
	r = authorise(&manager->authority, message, AUTHORISE_READ_BINDINGS, error);
	if (r != 0)
		return r;
	r = manager_resolve_filter(manager, &tracer->filter, error);
	if (r >= 0)
		r = stream_new(&manager->streams, message, fd, &calls, tracer, &tracer->stream,
			       error);
	if (r < 0)
		return r;
	r = follow(manager, tracer);
	if (r < 0 && manager->traces == NULL) {
		stream_free(tracer->stream);
		return r;
	}
	if (r < 0) {
		ended(tracer, -r);
		tracer = NULL;
		return r;
	}
	tracer = NULL; /* is the stream's from now on */
	return sd_bus_reply_method_return(message, NULL);
}
