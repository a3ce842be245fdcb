/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/event_log.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "daemon/event_report.h"
#include "daemon/log.h"
#include "daemon/log_file.h"
#include "daemon/log_socket.h"

#define SYSLOG_NAME "nat64d"
#define TELL_MS     60000 /* between two lines about what was not written */
#define TIME_SIZE   40
#define MAP_NAME    "NAT64 deterministic map"
/* What sd_journal_sendv(3) and syslog(3) talk to; these wait for whoever reads there. */
#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define SYSLOG_SOCKET  "/dev/log"

enum where { TO_JOURNAL, TO_SYSLOG, TO_FILE };

struct event_log {
	enum where where;
	char *target; /* NULL: not set yet */
	struct log_socket *journal, *syslog;
	struct log_file *file; /* NULL: none is the target */
	uint64_t n_lost;       /* lines, since they were told */
	int error;             /* for which */
	bool lost_before;
	uint64_t told_ms;
};

static bool is_session(const struct event *event)
{
	return event->kind == EVENT_SESSION_CREATE || event->kind == EVENT_SESSION_DELETE;
}

static bool is_block(const struct event *event)
{
	return event->kind == EVENT_BLOCK_ALLOCATE || event->kind == EVENT_BLOCK_RELEASE;
}

bool event_log_is_binding(const struct event *event)
{
	return is_session(event) || is_block(event) || event->kind == EVENT_BINDING_CREATE ||
	       event->kind == EVENT_BINDING_DELETE;
}

/* RFC 3339, in UTC, with milliseconds. */
static void print_time(uint64_t wall_usec, char ret[TIME_SIZE])
{
	time_t seconds = (time_t)(wall_usec / 1000000);
	struct tm tm;
	size_t n;

	(void)gmtime_r(&seconds, &tm);
	n = strftime(ret, TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(ret + n, TIME_SIZE - n, ".%03uZ", (unsigned)(wall_usec / 1000 % 1000));
}

const char *event_log_print(const struct event *event, uint64_t wall_usec, char *ret)
{
	const struct event_info *info = event_info(event->kind);
	struct prefix6 prefix = {event->addr6, event->prefix_len};
	char time[TIME_SIZE], address6[ADDR_TEXT_SIZE], address4[ADDR_TEXT_SIZE];
	int n;

	print_time(wall_usec, time);
	(void)addr4_print(event->mapped.addr, address4);
	if (is_block(event)) {
		(void)snprintf(ret, EVENT_LOG_LINE_SIZE, "%s\t%u\t%s\t%s\t%s\t%u\t%u", time,
			       info->number, info->name,
			       prefix.len == 128 ? addr6_print(&prefix.addr, address6)
						 : prefix6_print(&prefix, address6),
			       address4, event->mapped.port, event->last_port);
		return ret;
	}
	n = snprintf(ret, EVENT_LOG_LINE_SIZE, "%s\t%u\t%s\t%s\t%s\t%u\t%s\t%u", time, info->number,
		     info->name, protocol_name(event->protocol),
		     addr6_print(&event->addr6, address6), event->port6, address4,
		     event->mapped.port);
	if (is_session(event))
		(void)snprintf(ret + n, EVENT_LOG_LINE_SIZE - (size_t)n, "\t%s\t%u",
			       addr4_print(event->peer.addr, address4), event->peer.port);
	return ret;
}

char **event_log_fields(const struct event *event, const char *pool4)
{
	GPtrArray *fields = g_ptr_array_new();
	bool has_client = event->kind == EVENT_QUOTA_CLIENT || event->kind == EVENT_CLIENT_HIGH ||
			  is_block(event);
	bool has_binding = event_log_is_binding(event) && !is_block(event);
	struct prefix6 prefix = {event->addr6, event->prefix_len};
	char message[EVENT_REPORT_SIZE], address[ADDR_TEXT_SIZE];

#define ADD(...) g_ptr_array_add(fields, g_strdup_printf(__VA_ARGS__))
	ADD("MESSAGE=%s", event_report_print(event, pool4, message));
	ADD("PRIORITY=%d", event_report_level(event));
	ADD("MESSAGE_ID=%s", event_info(event->kind)->id);
	ADD("NAT64D_EVENT=%s", event_info(event->kind)->name);
	if (!is_block(event) && event->kind != EVENT_QUOTA_FRAGMENTS &&
	    event->kind != EVENT_BINDINGS_HIGH)
		ADD("NAT64D_PROTOCOL=%s", protocol_name(event->protocol));
	if (has_client)
		ADD("NAT64D_CLIENT=%s", prefix6_print(&prefix, address));
	if (has_binding) {
		ADD("NAT64D_ADDRESS6=%s", addr6_print(&event->addr6, address));
		ADD("NAT64D_PORT6=%u", event->port6);
	}
	if (event->mapped.addr != 0)
		ADD("NAT64D_ADDRESS4=%s", addr4_print(event->mapped.addr, address));
	if (has_binding || is_block(event))
		ADD("NAT64D_PORT4=%u", event->mapped.port);
	if (is_block(event))
		ADD("NAT64D_LAST_PORT4=%u", event->last_port);
	if (is_session(event)) {
		ADD("NAT64D_SERVER4=%s", addr4_print(event->peer.addr, address));
		ADD("NAT64D_SERVER_PORT4=%u", event->peer.port);
	}
	if (*pool4 != '\0')
		ADD("NAT64D_POOL4=%s", pool4);
	if (event->kind >= EVENT_QUOTA_SESSIONS && event->kind <= EVENT_QUOTA_FRAGMENTS)
		ADD("NAT64D_OUTCOME=%s", outcome_info(event->outcome)->name);
	if (event->n_suppressed > 0)
		ADD("NAT64D_SUPPRESSED=%" PRIu64, event->n_suppressed);
#undef ADD
	g_ptr_array_add(fields, NULL);
	return (char **)g_ptr_array_free(fields, FALSE);
}

/* As documented in systemd's JOURNAL_NATIVE_PROTOCOL; no value of ours has two lines. */
static void send_to_journal(struct event_log *log, const struct event *event, const char *pool4)
{
	g_auto(GStrv) fields = event_log_fields(event, pool4);
	g_autofree char *text = g_strjoinv("\n", fields);
	g_autofree char *entry = g_strdup_printf("%s\nSYSLOG_IDENTIFIER=%s\n", text, SYSLOG_NAME);

	log->n_lost += log_socket_write(log->journal, entry, strlen(entry), &log->error);
}

/* As syslog(3) does: the time is the host's. */
static void send_to_syslog(struct event_log *log, const char *line, uint64_t wall_usec)
{
	time_t seconds = (time_t)(wall_usec / 1000000);
	g_autofree char *text = NULL;
	char time[TIME_SIZE];
	struct tm tm;

	(void)localtime_r(&seconds, &tm);
	(void)strftime(time, sizeof(time), "%b %e %H:%M:%S", &tm);
	text = g_strdup_printf("<%d>%s %s[%d]: %s", LOG_DAEMON | LOG_INFO, time, SYSLOG_NAME,
			       (int)getpid(), line);
	log->n_lost += log_socket_write(log->syslog, text, strlen(text), &log->error);
}

/* What is not about single bindings, and these, too, if nothing else is said. */
static void tell(struct event_log *log, const struct event *event, const char *pool4)
{
	char text[EVENT_REPORT_SIZE];

	if (!log_is_to_journal())
		log_line(event_report_level(event), "%s", event_report_print(event, pool4, text));
	else if (event_report_level(event) <= log_level() || event_log_is_binding(event))
		send_to_journal(log, event, pool4);
}

struct event_log *event_log_new(void)
{
	struct event_log *log = g_new0(struct event_log, 1);

	log->journal = log_socket_new(JOURNAL_SOCKET);
	log->syslog = log_socket_new(SYSLOG_SOCKET);
	return log;
}

static void flush_all(struct event_log *log)
{
	if (log->file)
		log->n_lost += log_file_flush(log->file, &log->error);
	/* Whatever the target is: what is not about single bindings goes to the journal. */
	log->n_lost += log_socket_flush(log->journal, &log->error);
	log->n_lost += log_socket_flush(log->syslog, &log->error);
}

static bool is_all_written(const struct event_log *log)
{
	return (!log->file || log_file_is_written(log->file)) &&
	       log_socket_n_waiting(log->journal) == 0 && log_socket_n_waiting(log->syslog) == 0;
}

static void tell_lost(struct event_log *log)
{
	const char *why = strerror(log->error);

	if (log->error == EAGAIN)
		why = "the log's socket is not read";
	else if (log->error == ETIMEDOUT)
		why = "the file's disk hangs";
	log_line(LOG_WARNING, "Log.Target: %" PRIu64 " bindings could not be logged: %s",
		 log->n_lost, why);
	log->n_lost = 0;
}

void event_log_flush(struct event_log *log, uint64_t now_ms)
{
	flush_all(log);
	if (log->n_lost > 0 && (log->told_ms == 0 || now_ms - log->told_ms >= TELL_MS)) {
		tell_lost(log);
		log->told_ms = now_ms;
		log->lost_before = true;
	} else if (log->n_lost == 0 && log->lost_before && is_all_written(log) &&
		   now_ms - log->told_ms >= TELL_MS) {
		log_line(LOG_NOTICE, "Log.Target: bindings are logged again");
		log->lost_before = false;
	}
}

/* What it has not taken by now has no other place to go to. */
static void leave_file(struct event_log *log)
{
	if (log->file)
		log->n_lost += log_file_free(log->file, &log->error);
	log->file = NULL;
}

void event_log_free(struct event_log *log)
{
	uint64_t n_waiting;

	if (log == NULL)
		return;
	flush_all(log);
	leave_file(log);
	n_waiting = log_socket_n_waiting(log->journal) + log_socket_n_waiting(log->syslog);
	if (n_waiting > 0)
		log->error = EAGAIN;
	log->n_lost += n_waiting;
	if (log->n_lost > 0)
		tell_lost(log);
	log_socket_free(log->journal);
	log_socket_free(log->syslog);
	g_free(log->target);
	g_free(log);
}

void event_log_set(struct event_log *log, const struct config_log *config)
{
	if (g_strcmp0(log->target, config->target) == 0)
		return;
	leave_file(log);
	g_free(log->target);
	log->target = g_strdup(config->target);
	log->where = strcmp(log->target, "syslog") == 0 ? TO_SYSLOG : TO_JOURNAL;
	if (g_str_has_prefix(log->target, CONFIG_TARGET_FILE)) {
		log->where = TO_FILE;
		log->file = log_file_new(log->target + strlen(CONFIG_TARGET_FILE));
	}
}

void event_log_write(struct event_log *log, const struct event *event, const char *pool4,
		     uint64_t wall_usec)
{
	char line[EVENT_LOG_LINE_SIZE];

	if (!event_log_is_binding(event) || log->where == TO_JOURNAL) {
		tell(log, event, pool4);
		return;
	}
	(void)event_log_print(event, wall_usec, line);
	if (log->where == TO_SYSLOG)
		send_to_syslog(log, line, wall_usec);
	else
		log->n_lost += log_file_write(log->file, line, &log->error);
}

char *event_log_print_map(const struct event_log_map *map)
{
	if (map->clients == NULL)
		return g_strdup_printf("%s\t%s", map->pool4, map->state);
	return g_strdup_printf("%s\t%s\t%s\t%s\t%u\t%s\t%s\t%u\t%u", map->pool4, map->state,
			       map->protocols, map->clients, map->client_length, map->addresses,
			       map->ports, map->clients_each, map->ports_each);
}

/* One sentence. */
static char *report_map(const struct event_log_map *map)
{
	if (map->clients == NULL)
		return g_strdup_printf("deterministic: pool4 entry %s is gone", map->pool4);
	return g_strdup_printf(
		"deterministic: pool4 entry %s (%s) gives each /%u of %s %u of the ports %s "
		"at one of %s, for %s; %u clients an address",
		map->pool4, map->state, map->client_length, map->clients, map->ports_each,
		map->ports, map->addresses, map->protocols, map->clients_each);
}

static void send_map_to_journal(struct event_log *log, const struct event_log_map *map,
				const char *message)
{
	g_autoptr(GString) entry = g_string_new(NULL);

	g_string_append_printf(entry,
			       "MESSAGE=%s\nPRIORITY=%d\nMESSAGE_ID=" EVENT_LOG_MAP_ID
			       "\nNAT64D_EVENT=" MAP_NAME "\nNAT64D_POOL4=%s\nNAT64D_STATE=%s\n",
			       message, LOG_INFO, map->pool4, map->state);
	if (map->clients)
		g_string_append_printf(
			entry,
			"NAT64D_PROTOCOLS=%s\nNAT64D_CLIENTS=%s\nNAT64D_CLIENT_LENGTH=%u\n"
			"NAT64D_ADDRESSES4=%s\nNAT64D_PORTS4=%s\n"
			"NAT64D_CLIENTS_EACH=%u\nNAT64D_PORTS_EACH=%u\n",
			map->protocols, map->clients, map->client_length, map->addresses,
			map->ports, map->clients_each, map->ports_each);
	g_string_append(entry, "SYSLOG_IDENTIFIER=" SYSLOG_NAME "\n");
	log->n_lost += log_socket_write(log->journal, entry->str, entry->len, &log->error);
}

void event_log_write_map(struct event_log *log, const struct event_log_map *map, uint64_t wall_usec)
{
	g_autofree char *message = report_map(map), *text = event_log_print_map(map), *line = NULL;
	char time[TIME_SIZE];

	print_time(wall_usec, time);
	line = g_strdup_printf("%s\t-\t" MAP_NAME "\t%s", time, text);
	if (log->where == TO_FILE)
		log->n_lost += log_file_write(log->file, line, &log->error);
	else if (log->where == TO_SYSLOG)
		send_to_syslog(log, line, wall_usec);
	else if (log_is_to_journal())
		send_map_to_journal(log, map, message);
	else
		log_line(LOG_INFO, "%s", message);
}
