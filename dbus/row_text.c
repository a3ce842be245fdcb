/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See row_text.h. */
#include "dbus/row_text.h"

#include <time.h>

#include "daemon/core/tcp_fsm.h"
#include "dbus/text_line.h"

#define DAY_USEC UINT64_C(86400000000)

/* A line that grows column by column; of CSV the names are only in the head. */
struct line {
	struct row_text *text;
	char *at;
	bool is_first;
};

static void begin_column(struct line *line, const char *name)
{
	const bool json = line->text->format == ROW_JSON;

	if (!line->is_first)
		*line->at++ = ',';
	else if (json)
		*line->at++ = '{';
	line->is_first = false;
	if (json) {
		*line->at++ = '"';
		line->at = line_text(line->at, name);
		line->at = line_text(line->at, "\":");
	}
}

/* Around a text. */
static void quote_mark(struct line *line)
{
	if (line->text->format == ROW_JSON)
		*line->at++ = '"';
}

/* The texts are ours: words, addresses and names of entries have nothing to be escaped. */
static void add_text(struct line *line, const char *name, const char *text)
{
	begin_column(line, name);
	quote_mark(line);
	line->at = line_text(line->at, text);
	quote_mark(line);
}

static void add_number(struct line *line, const char *name, uint64_t number)
{
	begin_column(line, name);
	line->at = decimal_print(line->at, number);
}

static void add_bool(struct line *line, const char *name, bool truth)
{
	begin_column(line, name);
	line->at = line_text(line->at, truth ? "true" : "false");
}

static void add_taddr6(struct line *line, const char *name, const struct addr6 *addr, uint16_t port)
{
	begin_column(line, name);
	quote_mark(line);
	line->at = line_taddr6(line->at, addr, port);
	quote_mark(line);
}

static void add_taddr4(struct line *line, const char *name, const struct taddr4 *taddr)
{
	begin_column(line, name);
	quote_mark(line);
	line->at = line_taddr4(line->at, taddr->addr, taddr->port);
	quote_mark(line);
}

/* "2026-01-31T" */
static const char *print_date(struct row_text *text, uint64_t day)
{
	time_t seconds = (time_t)(day * 86400);
	struct tm tm;

	if (text->date[0] == '\0' || text->day != day) {
		(void)gmtime_r(&seconds, &tm);
		(void)strftime(text->date, sizeof(text->date), "%Y-%m-%dT", &tm);
		text->day = day;
	}
	return text->date;
}

/* "2026-01-31T12:00:00.250Z" */
static void add_realtime(struct line *line, const char *name, uint64_t usec)
{
	uint64_t seconds = usec % DAY_USEC / 1000000;

	begin_column(line, name);
	quote_mark(line);
	line->at = line_text(line->at, print_date(line->text, usec / DAY_USEC));
	line->at = line_digits(line->at, 2, seconds / 3600);
	*line->at++ = ':';
	line->at = line_digits(line->at, 2, seconds / 60 % 60);
	*line->at++ = ':';
	line->at = line_digits(line->at, 2, seconds % 60);
	*line->at++ = '.';
	line->at = line_digits(line->at, 3, usec % 1000000 / 1000);
	*line->at++ = 'Z';
	quote_mark(line);
}

static void add_time(struct line *line, const char *name, uint64_t core_ms)
{
	if (core_ms <= UINT64_MAX / 2000) {
		add_realtime(line, name, core_ms * 1000 + line->text->realtime_offset);
		return;
	}
	begin_column(line, name);
	line->at = line_text(line->at, line->text->format == ROW_JSON ? "null" : "");
}

static size_t end_line(struct line *line, const char *begin)
{
	line->at = line_text(line->at, line->text->format == ROW_JSON ? "}\n" : "\n");
	return (size_t)(line->at - begin);
}

size_t row_text_bib(struct row_text *text, const struct list_bib_row *row, const char *pool4,
		    char *ret)
{
	const struct bib_entry *entry = &row->entry;
	const struct taddr4 mapped = bib_entry_taddr4(entry);
	struct line line = {text, ret, true};

	add_text(&line, "protocol", protocol_name(row->protocol));
	add_taddr6(&line, "client", &entry->addr6, entry->port6);
	add_taddr4(&line, "mapped", &mapped);
	add_bool(&line, "static", entry->is_static);
	add_number(&line, "sessions", entry->n_sessions);
	add_realtime(&line, "created",
		     (uint64_t)entry->created_s * 1000000 + line.text->realtime_offset);
	add_time(&line, "expires", row->expires_ms);
	add_text(&line, "pool4", pool4);
	return end_line(&line, ret);
}

size_t row_text_session(struct row_text *text, const struct list_session_row *row, char *ret)
{
	struct line line = {text, ret, true};

	add_text(&line, "protocol", protocol_name(row->protocol));
	add_taddr6(&line, "client", &row->client.addr, row->client.port);
	add_taddr4(&line, "mapped", &row->mapped);
	add_taddr6(&line, "server6", &row->server6, list_session_port6(row));
	add_taddr4(&line, "server", &row->server);
	add_text(&line, "state", tcp_fsm_state_name(row->state));
	add_time(&line, "expires", row->expires_ms);
	return end_line(&line, ret);
}

size_t row_text_client(struct row_text *text, const struct client_row *row, char *ret)
{
	const struct prefix6 prefix = {row->client.prefix, row->prefix_length};
	struct line line = {text, ret, true};
	char printed[ADDR_TEXT_SIZE];
	uint64_t n_sessions = 0;

	for (enum protocol protocol = 0; protocol < N_PROTOCOLS; protocol++)
		n_sessions += row->client.n_sessions[protocol];
	add_text(&line, "prefix", prefix6_print(&prefix, printed));
	add_number(&line, "tcp", row->client.n_bindings[PROTOCOL_TCP]);
	add_number(&line, "udp", row->client.n_bindings[PROTOCOL_UDP]);
	add_number(&line, "icmp", row->client.n_bindings[PROTOCOL_ICMP]);
	add_number(&line, "sessions", n_sessions);
	add_number(&line, "refused", row->n_refused);
	return end_line(&line, ret);
}

static size_t head(const struct row_text *text, const char *names, char *ret)
{
	return text->format == ROW_CSV ? (size_t)(line_text(ret, names) - ret) : 0;
}

size_t row_text_bib_head(const struct row_text *text, char *ret)
{
	return head(text, "protocol,client,mapped,static,sessions,created,expires,pool4\n", ret);
}

size_t row_text_session_head(const struct row_text *text, char *ret)
{
	return head(text, "protocol,client,mapped,server6,server,state,expires\n", ret);
}

size_t row_text_client_head(const struct row_text *text, char *ret)
{
	return head(text, "prefix,tcp,udp,icmp,sessions,refused\n", ret);
}
