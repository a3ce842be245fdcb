/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Dump: a whole table as lines into a pipe. The rows are those of list.h, a slice at a time
 * whenever the reader has taken what was there before; so the lock is held as briefly as for a
 * page, each row that exists throughout comes exactly once, and a dump costs the memory of one
 * slice.
 */
#include <errno.h>
#include <stdlib.h>

#include "dbus/authorise.h"
#include "dbus/client_list.h"
#include "dbus/list.h"
#include "dbus/manager_internal.h"
#include "dbus/names.h"
#include "dbus/quote.h"
#include "dbus/row_text.h"
#include "dbus/stream.h"

/* A reader that takes nothing for so long keeps a place from others. */
#define DUMP_PATIENCE_USEC 60000000

struct dump;

struct dump_table {
	const char *name;
	bool for_sessions; /* filters may name servers and states */
	size_t (*head)(const struct row_text *text, char *ret);
	/* The next rows of one slice, fewer than there is room for if they are rare; moves on. */
	uint32_t (*fetch)(struct dump *dump);
	size_t (*print)(struct dump *dump, uint32_t i, char *ret);
};

struct dump {
	struct manager *manager;
	struct stream *stream;
	const struct dump_table *table;
	struct list_filter filter;
	struct list_cursor cursor; /* at the end: nothing is left to fetch */
	uint32_t next_client;      /* in place of it */
	struct row_text text;
	bool has_head;
	uint64_t n_rows;
	uint32_t pool4_id; /* whose name pool4 is; 0 = none */
	char pool4[POOL4_NAME_SIZE];
	uint32_t i; /* of row, of which there are n */
	uint32_t n;
	union {
		struct list_bib_row bib[LIST_ROWS];
		struct list_session_row session[LIST_ROWS];
		struct client_row client[LIST_ROWS];
	} row;
};

static uint32_t fetch_bib(struct dump *dump)
{
	uint32_t work = 0;

	return list_bib(dump->manager->gateway, &dump->filter, &dump->cursor, dump->row.bib,
			LIST_ROWS, &work);
}

static uint32_t fetch_sessions(struct dump *dump)
{
	uint32_t work = 0;

	return list_sessions(dump->manager->gateway, &dump->filter, &dump->cursor,
			     dump->row.session, LIST_ROWS, &work);
}

static uint32_t fetch_clients(struct dump *dump)
{
	const struct prefix6 *inside = dump->filter.has_client ? &dump->filter.client : NULL;
	uint32_t n = client_list_slice(dump->manager->gateway, inside, &dump->next_client,
				       dump->row.client, LIST_ROWS);

	if (dump->next_client == SLAB_NONE)
		dump->cursor.protocol = N_PROTOCOLS;
	return n;
}

/* Its name; "" of an entry that is gone, or for none. */
static const char *pool4_name(struct dump *dump, uint32_t id)
{
	struct gateway *gateway = dump->manager->gateway;
	const struct pool4_entry *entry;

	if (id == dump->pool4_id)
		return dump->pool4;
	dump->pool4_id = id;
	gateway_lock(gateway);
	entry = pool4_entry(gateway->nat->pool4, id);
	if (entry != NULL)
		memcpy(dump->pool4, entry->spec.name, sizeof(dump->pool4));
	else
		dump->pool4[0] = '\0';
	gateway_unlock(gateway);
	return dump->pool4;
}

static size_t print_bib(struct dump *dump, uint32_t i, char *ret)
{
	const struct list_bib_row *row = &dump->row.bib[i];

	return row_text_bib(&dump->text, row, pool4_name(dump, row->entry.pool4), ret);
}

static size_t print_session(struct dump *dump, uint32_t i, char *ret)
{
	return row_text_session(&dump->text, &dump->row.session[i], ret);
}

static size_t print_client(struct dump *dump, uint32_t i, char *ret)
{
	return row_text_client(&dump->text, &dump->row.client[i], ret);
}

static const struct dump_table tables[] = {
	{"bib", false, row_text_bib_head, fetch_bib, print_bib},
	{"session", true, row_text_session_head, fetch_sessions, print_session},
	{"client", false, row_text_client_head, fetch_clients, print_client},
};

static void fetch(struct dump *dump)
{
	dump->i = 0;
	dump->n = dump->cursor.protocol != N_PROTOCOLS ? dump->table->fetch(dump) : 0;
	if (dump->cursor.protocol != N_PROTOCOLS)
		list_let_pass(dump->n);
}

static void refill(void *context)
{
	struct dump *dump = context;
	char *room;

	if (!dump->has_head) {
		stream_add(dump->stream, dump->table->head(&dump->text, stream_room(dump->stream)));
		dump->has_head = true;
	}
	if (dump->i == dump->n)
		fetch(dump);
	while (dump->i < dump->n && (room = stream_room(dump->stream)) != NULL) {
		stream_add(dump->stream, dump->table->print(dump, dump->i++, room));
		dump->n_rows++;
	}
	if (dump->i == dump->n && dump->cursor.protocol == N_PROTOCOLS)
		stream_end(dump->stream);
}

/* DumpDone: who is not there any more does not hear it. */
static void ended(void *context, int error)
{
	struct dump *dump = context;
	_cleanup_message_ sd_bus_message *signal = NULL;
	int r;

	r = stream_signal_new(dump->stream, "DumpDone", &signal);
	if (r >= 0)
		r = sd_bus_message_append(signal, "tti", stream_id(dump->stream), dump->n_rows,
					  error);
	if (r >= 0)
		(void)manager_send(signal);
	stream_free(dump->stream);
	free(dump);
}

static const struct dump_table *find_table(const char *name, sd_bus_error *error)
{
	char quoted[QUOTE_SIZE];

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		if (strcmp(name, tables[i].name) == 0)
			return &tables[i];
	}
	sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS, "'%s' is none of: bib, session, client",
			  quote(name, quoted));
	return NULL;
}

static int parse_format(const char *name, enum row_format *ret, sd_bus_error *error)
{
	char quoted[QUOTE_SIZE];

	*ret = strcmp(name, "csv") == 0 ? ROW_CSV : ROW_JSON;
	if (*ret == ROW_JSON && strcmp(name, "json") != 0)
		return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
					 "'%s' is none of: json, csv", quote(name, quoted));
	return 0;
}

static int read_call(sd_bus_message *message, struct dump *dump, int *ret_fd, sd_bus_error *error)
{
	const char *name, *format;
	int r;

	r = sd_bus_message_read(message, "s", &name);
	if (r < 0)
		return r;
	dump->table = find_table(name, error);
	if (dump->table == NULL)
		return -EINVAL;
	r = list_filter_read(message, dump->table->for_sessions, &dump->filter, error);
	if (r >= 0 && dump->table->fetch == fetch_clients)
		r = list_filter_only_client(&dump->filter, error);
	if (r < 0)
		return r;
	r = sd_bus_message_read(message, "sh", &format, ret_fd);
	return r < 0 ? r : parse_format(format, &dump->text.format, error);
}

int dump_method(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	static const struct stream_calls calls = {refill, ended};
	struct manager *manager = userdata;
	_cleanup_free_ struct dump *dump = NULL;
	uint64_t id;
	int r, fd;

	dump = calloc(1, sizeof(*dump));
	if (dump == NULL)
		return -ENOMEM;
	dump->manager = manager;
	r = read_call(message, dump, &fd, error);
	if (r < 0)
		return r;
	r = authorise(&manager->authority, message, AUTHORISE_READ_BINDINGS, error);
	if (r != 0)
		return r;
	r = manager_resolve_filter(manager, &dump->filter, error);
	if (r >= 0)
		r = stream_new(&manager->streams, message, fd, &calls, dump, &dump->stream, error);
	if (r < 0)
		return r;
	list_cursor_begin(&dump->cursor);
	dump->text.realtime_offset = manager_realtime_offset();
	stream_set_patience(dump->stream, DUMP_PATIENCE_USEC);
	id = stream_id(dump->stream);
	dump = NULL; /* is the stream's from now on */
	return sd_bus_reply_method_return(message, "t", id);
}
