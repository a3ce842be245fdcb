/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See monitor_text.h. Names of events and outcomes, and words, have nothing to be escaped. */
#include "dbus/monitor_text.h"

#include <netinet/in.h>
#include <time.h>

#include "dbus/text_line.h"

char *monitor_text_time(char *at, uint64_t core_ms, uint64_t offset)
{
	uint64_t usec = core_ms * 1000 + offset;
	time_t seconds = (time_t)(usec / 1000000);
	struct tm tm;

	(void)gmtime_r(&seconds, &tm);
	at += strftime(at, 32, "%Y-%m-%dT%H:%M:%S.", &tm);
	at = line_digits(at, 3, usec % 1000000 / 1000);
	*at++ = 'Z';
	return at;
}

static char *begin_line(char *at, uint64_t core_ms, uint64_t offset, const char *name)
{
	at = line_text(at, "{\"time\":\"");
	at = monitor_text_time(at, core_ms, offset);
	at = line_text(at, "\",\"event\":\"");
	at = line_text(at, name);
	*at++ = '"';
	return at;
}

/* ,"name": */
static char *add_name(char *at, const char *name)
{
	at = line_text(at, ",\"");
	at = line_text(at, name);
	return line_text(at, "\":");
}

static char *add_text(char *at, const char *name, const char *text)
{
	at = add_name(at, name);
	*at++ = '"';
	at = line_text(at, text);
	*at++ = '"';
	return at;
}

static char *add_number(char *at, const char *name, uint64_t number)
{
	return decimal_print(add_name(at, name), number);
}

static char *add_address6(char *at, const struct event *event)
{
	const struct prefix6 prefix = {event->addr6, event->prefix_len};
	char text[ADDR_TEXT_SIZE];

	if (prefix.len == 0)
		return at;
	if (prefix.len < 128)
		return add_text(at, "client", prefix6_print(&prefix, text));
	return add_text(at, "address6", addr6_print(&prefix.addr, text));
}

static bool is_binding(const struct event *event)
{
	return event->kind == EVENT_BINDING_CREATE || event->kind == EVENT_BINDING_DELETE;
}

static bool is_session(const struct event *event)
{
	return event->kind == EVENT_SESSION_CREATE || event->kind == EVENT_SESSION_DELETE;
}

static bool is_block(const struct event *event)
{
	return event->kind == EVENT_BLOCK_ALLOCATE || event->kind == EVENT_BLOCK_RELEASE;
}

static bool is_quota(const struct event *event)
{
	return event->kind == EVENT_QUOTA_SESSIONS || event->kind == EVENT_QUOTA_BINDINGS ||
	       event->kind == EVENT_QUOTA_CLIENT || event->kind == EVENT_QUOTA_FRAGMENTS;
}

/* Limits and pools: how many there are, of how many. */
static char *add_use(char *at, const struct event *event)
{
	if (is_quota(event))
		at = add_text(at, "outcome", outcome_info(event->outcome)->name);
	at = add_number(at, "value", event->value);
	if (event->limit != 0)
		at = add_number(at, "limit", event->limit);
	if (event->n_suppressed != 0)
		at = add_number(at, "suppressed", event->n_suppressed);
	return at;
}

size_t monitor_text_event(const struct event *event, const char *pool4, uint64_t offset, char *ret)
{
	const struct event_info *info = event_info(event->kind);
	char text[ADDR_TEXT_SIZE];
	char *at = begin_line(ret, event->time_ms, offset, info->name);

	if (event->protocol < N_PROTOCOLS && !is_block(event))
		at = add_text(at, "protocol", protocol_name(event->protocol));
	at = add_address6(at, event);
	if (is_binding(event) || is_session(event))
		at = add_number(at, "port6", event->port6);
	if (event->mapped.addr != 0)
		at = add_text(at, "address4", addr4_print(event->mapped.addr, text));
	if (is_binding(event) || is_session(event) || is_block(event))
		at = add_number(at, "port4", event->mapped.port);
	if (is_block(event))
		at = add_number(at, "last_port4", event->last_port);
	if (is_session(event)) {
		at = add_text(at, "server", addr4_print(event->peer.addr, text));
		at = add_number(at, "server_port", event->peer.port);
	}
	if (*pool4 != '\0')
		at = add_text(at, "pool4", pool4);
	if (!is_binding(event) && !is_session(event) && !is_block(event))
		at = add_use(at, event);
	at = line_text(at, "}\n");
	return (size_t)(at - ret);
}

enum protocol monitor_packet_protocol(const struct noted_packet *packet)
{
	switch (packet->ip_protocol) {
	case IPPROTO_TCP:
		return PROTOCOL_TCP;
	case IPPROTO_UDP:
		return PROTOCOL_UDP;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return PROTOCOL_ICMP;
	}
	return N_PROTOCOLS;
}

static char *add_end(char *at, const char *name, const struct noted_packet *packet, bool is_source)
{
	uint16_t port = is_source ? packet->src_port : packet->dst_port;
	struct taddr6 taddr6 = {is_source ? packet->src6 : packet->dst6, port};
	struct taddr4 taddr4 = {is_source ? packet->src4 : packet->dst4, port};
	char text[ADDR_TEXT_SIZE];

	if (packet->version == 6 && packet->has_ports)
		return add_text(at, name, taddr6_print(&taddr6, text));
	if (packet->version == 6)
		return add_text(at, name, addr6_print(&taddr6.addr, text));
	if (packet->has_ports)
		return add_text(at, name, taddr4_print(&taddr4, text));
	return add_text(at, name, addr4_print(taddr4.addr, text));
}

char *monitor_text_packet(char *at, const struct noted_packet *packet)
{
	enum protocol protocol = monitor_packet_protocol(packet);

	if (packet->version == 0)
		return at;
	if (protocol != N_PROTOCOLS)
		at = add_text(at, "protocol", protocol_name(protocol));
	at = add_end(at, "source", packet, true);
	return add_end(at, "destination", packet, false);
}

size_t monitor_text_drop(const struct watch_drop *drop, uint64_t offset, char *ret)
{
	char *at = begin_line(ret, drop->time_ms, offset, "drop");

	at = add_text(at, "outcome", outcome_info(drop->outcome)->name);
	at = monitor_text_packet(at, &drop->packet);
	at = line_text(at, "}\n");
	return (size_t)(at - ret);
}

size_t monitor_text_lost(uint64_t n_lost, char *ret)
{
	char *at = decimal_print(line_text(ret, "{\"event\":\"lost\",\"count\":"), n_lost);

	return (size_t)(line_text(at, "}\n") - ret);
}

/* Is it about a client that the filter names? One that a prefix tells of may be anywhere in it. */
static bool wants_client(const struct list_filter *filter, const struct event *event)
{
	const struct prefix6 prefix = {event->addr6, event->prefix_len};

	return !filter->has_client ||
	       (prefix.len > 0 && prefix6_overlaps(&filter->client, &prefix));
}

bool monitor_wants_event(const struct list_filter *filter, const struct event *event)
{
	bool has_port = is_binding(event) || is_session(event);

	if (filter->has_protocol && event->protocol != filter->protocol)
		return false;
	if (!wants_client(filter, event) ||
	    (filter->pool4[0] != '\0' && event->pool4 != filter->pool4_id))
		return false;
	if (filter->has_address4 && event->mapped.addr != filter->address4)
		return false;
	if (filter->has_port4 && is_block(event))
		return filter->port4 >= event->mapped.port && filter->port4 <= event->last_port;
	if (filter->has_port4 && (!has_port || event->mapped.port != filter->port4))
		return false;
	if (filter->has_static && (!has_port || event->is_static != filter->is_static))
		return false;
	return !filter->has_server ||
	       (is_session(event) && prefix4_contains(&filter->server, event->peer.addr));
}

bool monitor_wants_drop(const struct list_filter *filter, const struct watch_drop *drop)
{
	const struct noted_packet *packet = &drop->packet;
	bool is6 = packet->version == 6, is4 = packet->version == 4;

	if (filter->has_protocol && monitor_packet_protocol(packet) != filter->protocol)
		return false;
	if (filter->has_client && !(is6 && prefix6_contains(&filter->client, &packet->src6)))
		return false;
	if (filter->has_address4 && !(is4 && packet->dst4 == filter->address4))
		return false;
	if (filter->has_port4 && !(is4 && packet->has_ports && packet->dst_port == filter->port4))
		return false;
	if (filter->has_static || filter->pool4[0] != '\0')
		return false;
	if (!filter->has_server)
		return true;
	return is6 ? drop->has_peer4 && prefix4_contains(&filter->server, drop->peer4)
		   : is4 && prefix4_contains(&filter->server, packet->src4);
}
