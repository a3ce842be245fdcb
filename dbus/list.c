/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See list.h. */
#include "dbus/list.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "daemon/core/policy.h"
#include "daemon/core/pool4_text.h"

void list_cursor_begin(struct list_cursor *ret)
{
	*ret = (struct list_cursor){PROTOCOL_TCP, 0};
}

bool list_cursor_parse(const char *text, struct list_cursor *ret)
{
	const char *colon = strchr(text, ':');
	struct list_cursor cursor;
	char name[8];

	list_cursor_begin(&cursor);

	if (*text == '\0') {
		*ret = cursor;
		return true;
	}
	if (colon == NULL || (size_t)(colon - text) >= sizeof(name))
		return false;
	memcpy(name, text, (size_t)(colon - text));
	name[colon - text] = '\0';
	if (!protocol_parse(name, &cursor.protocol) ||
	    !list_number_parse(colon + 1, &cursor.index) || cursor.index >= SLAB_NONE)
		return false;
	*ret = cursor;
	return true;
}

const char *list_cursor_print(const struct list_cursor *cursor, char ret[LIST_CURSOR_SIZE])
{
	if (cursor->protocol == N_PROTOCOLS)
		ret[0] = '\0';
	else
		snprintf(ret, LIST_CURSOR_SIZE, "%s:%" PRIu32, protocol_name(cursor->protocol),
			 cursor->index);
	return ret;
}

/* Between slices: a mutex that is taken again at once is never seen free by those who wait. */
void list_pause(void)
{
	const struct timespec pause = {.tv_nsec = LIST_PAUSE_NSEC};

	(void)nanosleep(&pause, NULL);
}

void list_let_pass(uint32_t n_rows)
{
	if (n_rows < LIST_ROWS / 2)
		list_pause();
}

/* On to the next protocol, or with a filter for one to the end. */
static void next_protocol(const struct list_filter *filter, struct list_cursor *cursor)
{
	cursor->protocol = filter->has_protocol ? N_PROTOCOLS : cursor->protocol + 1;
	cursor->index = 0;
}

/* A filter for one protocol skips those before it, and has nothing behind it. */
static void apply_protocol(const struct list_filter *filter, struct list_cursor *cursor)
{
	if (!filter->has_protocol || cursor->protocol == filter->protocol)
		return;
	if (cursor->protocol < filter->protocol)
		*cursor = (struct list_cursor){filter->protocol, 0};
	else
		cursor->protocol = N_PROTOCOLS;
}

/* One slice, with the lock held; returns the rows added (data NULL: counted), and what it cost in
 * *work. */
typedef uint32_t (*slice_fn)(const struct nat64 *nat, const struct list_filter *filter,
			     struct list_cursor *cursor, void *data, uint32_t capacity,
			     uint32_t *work);

static uint32_t take_slice(struct gateway *gateway, slice_fn slice,
			   const struct list_filter *filter, struct list_cursor *cursor, void *rows,
			   uint32_t capacity, uint32_t *work)
{
	uint32_t n, slice_work = 0;

	apply_protocol(filter, cursor);
	if (cursor->protocol == N_PROTOCOLS)
		return 0;
	gateway_lock(gateway);
	n = slice(gateway->nat, filter, cursor, rows, capacity, &slice_work);
	gateway_unlock(gateway);
	*work += slice_work;
	return n;
}

/* Looks at each of them. */
static uint64_t count(struct gateway *gateway, slice_fn slice, const struct list_filter *filter)
{
	struct list_cursor cursor;
	uint32_t work = 0;
	uint64_t n = 0;

	list_cursor_begin(&cursor);
	for (;;) {
		n += take_slice(gateway, slice, filter, &cursor, NULL, UINT32_MAX, &work);
		if (cursor.protocol == N_PROTOCOLS)
			return n;
		list_pause();
	}
}

/* When the last session of a binding ends. Work: one for each session looked at. */
static uint64_t binding_expires(const struct session_table *sessions, const struct bib_entry *entry,
				uint32_t *work)
{
	uint64_t expires_ms = 0;
	uint32_t n = 0;

	if (entry->is_static)
		return UINT64_MAX;
	for (uint32_t i = entry->first_session; i != SLAB_NONE && n < LIST_EXPIRY_SESSIONS; n++) {
		const struct session *session = session_at(sessions, i);

		if (session->expires_ms > expires_ms)
			expires_ms = session->expires_ms;
		i = session->bib_next;
	}
	*work += n;
	return expires_ms;
}

static uint32_t slice_bib(const struct nat64 *nat, const struct list_filter *filter,
			  struct list_cursor *cursor, void *data, uint32_t capacity, uint32_t *work)
{
	struct list_bib_row *rows = data;
	uint32_t n = 0;

	while (n < capacity && *work < LIST_SLICE && cursor->protocol != N_PROTOCOLS) {
		enum protocol protocol = cursor->protocol;
		uint32_t index = bib_next(&nat->bib[protocol], cursor->index);
		const struct bib_entry *entry;

		++*work;
		if (index == SLAB_NONE) {
			next_protocol(filter, cursor);
			continue;
		}
		cursor->index = index + 1;
		entry = bib_at(&nat->bib[protocol], index);
		if (!list_filter_wants_binding(filter, entry))
			continue;
		if (rows != NULL)
			rows[n] = (struct list_bib_row){
				protocol,
				*entry,
				binding_expires(&nat->sessions[protocol], entry, work),
			};
		n++;
	}
	return n;
}

uint32_t list_bib(struct gateway *gateway, const struct list_filter *filter,
		  struct list_cursor *cursor, struct list_bib_row *rows, uint32_t capacity,
		  uint32_t *work)
{
	return take_slice(gateway, slice_bib, filter, cursor, rows, capacity, work);
}

uint64_t list_count_bib(struct gateway *gateway, const struct list_filter *filter)
{
	uint64_t n = 0;

	if (!list_filter_is_of_protocol(filter))
		return count(gateway, slice_bib, filter);
	gateway_lock(gateway);
	for (enum protocol protocol = 0; protocol < N_PROTOCOLS; protocol++) {
		if (!filter->has_protocol || filter->protocol == protocol)
			n += gateway->nat->bib[protocol].entries.n_used;
	}
	gateway_unlock(gateway);
	return n;
}

bool list_bib_find(struct gateway *gateway, const struct taddr6 *taddr6,
		   const struct taddr4 *taddr4, struct list_bib_row *row)
{
	const struct nat64 *nat = gateway->nat;
	uint32_t index, work = 0;

	gateway_lock(gateway);
	index = taddr6 ? bib_find6(&nat->bib[row->protocol], taddr6)
		       : bib_find4(&nat->bib[row->protocol], taddr4);
	if (index != SLAB_NONE) {
		row->entry = *bib_at(&nat->bib[row->protocol], index);
		row->expires_ms =
			binding_expires(&nat->sessions[row->protocol], &row->entry, &work);
	}
	gateway_unlock(gateway);
	return index != SLAB_NONE;
}

static struct list_session_row session_row(const struct nat64 *nat, enum protocol protocol,
					   const struct session *session,
					   const struct bib_entry *entry)
{
	return (struct list_session_row){
		.protocol = protocol,
		.client = bib_entry_taddr6(entry),
		.mapped = bib_entry_taddr4(entry),
		.server6 = rfc6052_embed(policy_pool6(nat, session->pool6), session->addr4),
		.server = {session->addr4, session->port4},
		.state = session->state,
		.expires_ms = session->expires_ms,
	};
}

static uint32_t slice_sessions(const struct nat64 *nat, const struct list_filter *filter,
			       struct list_cursor *cursor, void *data, uint32_t capacity,
			       uint32_t *work)
{
	struct list_session_row *rows = data;
	uint32_t n = 0;

	while (n < capacity && *work < LIST_SLICE && cursor->protocol != N_PROTOCOLS) {
		enum protocol protocol = cursor->protocol;
		uint32_t index = session_next(&nat->sessions[protocol], cursor->index);
		const struct session *session;
		const struct bib_entry *entry;

		++*work;
		if (index == SLAB_NONE) {
			next_protocol(filter, cursor);
			continue;
		}
		cursor->index = index + 1;
		session = session_at(&nat->sessions[protocol], index);
		entry = bib_at(&nat->bib[protocol], session->bib);
		if (!list_filter_wants_session(filter, session) ||
		    !list_filter_wants_binding(filter, entry))
			continue;
		if (rows != NULL)
			rows[n] = session_row(nat, protocol, session, entry);
		n++;
	}
	return n;
}

uint32_t list_sessions(struct gateway *gateway, const struct list_filter *filter,
		       struct list_cursor *cursor, struct list_session_row *rows, uint32_t capacity,
		       uint32_t *work)
{
	return take_slice(gateway, slice_sessions, filter, cursor, rows, capacity, work);
}

uint64_t list_count_sessions(struct gateway *gateway, const struct list_filter *filter)
{
	uint64_t n = 0;

	if (!list_filter_is_of_protocol(filter))
		return count(gateway, slice_sessions, filter);
	gateway_lock(gateway);
	for (enum protocol protocol = 0; protocol < N_PROTOCOLS; protocol++) {
		if (!filter->has_protocol || filter->protocol == protocol)
			n += gateway->nat->sessions[protocol].sessions.n_used;
	}
	gateway_unlock(gateway);
	return n;
}

/* The addresses as text in new memory, or NULL; of more than fits into a message, the first. */
static char *print_addresses(const struct pool4_spec *spec)
{
	size_t size = pool4_text_print(spec->addresses, spec->n_addresses, NULL, 0) + 1;
	char *text;

	if (size > LIST_POOL4_TEXT_MAX)
		size = LIST_POOL4_TEXT_MAX;
	text = malloc(size);
	if (text != NULL)
		pool4_text_print(spec->addresses, spec->n_addresses, text, size);
	return text;
}

static void append_word(char *text, size_t size, const char *word)
{
	size_t used = strlen(text);

	snprintf(text + used, size - used, "%s%s", used > 0 ? " " : "", word);
}

static void print_reach(unsigned reach, char *text, size_t size)
{
	static const struct {
		enum pool4_reach bit;
		const char *word;
	} words[] = {
		{POOL4_LOCAL, "local"},
		{POOL4_ROUTED, "routed"},
		{POOL4_ANNOUNCED, "announced"},
		{POOL4_UNREACHABLE, "unreachable"},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (reach & words[i].bit)
			append_word(text, size, words[i].word);
	}
}

/* False without memory. */
static bool fill_pool4_row(const struct nat64 *nat, const struct pool4_entry *entry,
			   bool with_addresses, struct list_pool4_row *row)
{
	const struct pool4_spec *spec = &entry->spec;
	char text[ADDR_TEXT_SIZE];

	*row = (struct list_pool4_row){
		.id = entry->id,
		.addresses = with_addresses ? print_addresses(spec) : NULL,
		.state = entry->state,
		.source = spec->source,
	};
	memcpy(row->name, spec->name, sizeof(row->name));
	memcpy(row->comment, spec->comment, sizeof(row->comment));
	row->overflow = spec->overflow;
	port_ranges_print(&spec->ports, row->ports, sizeof(row->ports));
	for (enum protocol protocol = 0; protocol < N_PROTOCOLS; protocol++) {
		row->protocol[protocol] = spec->protocol[protocol];
		row->n_ports[protocol] = entry->n_ports[protocol];
		row->n_used[protocol] = entry->n_used[protocol];
		row->n_peak[protocol] = entry->n_peak[protocol];
		row->n_held[protocol] = entry->n_held[protocol];
		row->n_reused[protocol] = entry->n_reused[protocol];
		row->n_refused[protocol] = entry->n_refused[protocol];
		if (spec->protocol[protocol])
			append_word(row->protocols, sizeof(row->protocols),
				    protocol_name(protocol));
	}
	print_reach(entry->reach, row->reach, sizeof(row->reach));
	for (uint32_t i = 0; i < spec->n_clients; i++)
		append_word(row->clients, sizeof(row->clients),
			    prefix6_print(&spec->clients[i], text));
	if (spec->pool6 != POOL4_ANY_PREFIX)
		prefix6_print(&nat->config.pool6[spec->pool6], row->prefix);
	return row->addresses != NULL || !with_addresses;
}

uint32_t list_pool4(struct gateway *gateway, uint32_t *after, struct list_pool4_row *rows,
		    uint32_t capacity, int *ret_error)
{
	const struct pool4_entry *entry = NULL;
	uint32_t n = 0;
	size_t text = 0;

	*ret_error = 0;
	do {
		gateway_lock(gateway);
		for (uint32_t i = 0; i < LIST_POOL4_SLICE; i++) {
			entry = pool4_next(gateway->nat->pool4, *after);
			if (entry == NULL || n == capacity || text >= LIST_POOL4_PAGE_MAX)
				break;
			if (!fill_pool4_row(gateway->nat, entry, true, &rows[n])) {
				*ret_error = -ENOMEM;
				break;
			}
			text += strlen(rows[n++].addresses);
			*after = entry->id;
		}
		gateway_unlock(gateway);
		list_pause();
	} while (entry != NULL && n < capacity && text < LIST_POOL4_PAGE_MAX && *ret_error == 0);
	if (entry == NULL)
		*after = 0;
	return n;
}

int list_pool4_entry(struct gateway *gateway, uint32_t id, bool with_addresses,
		     struct list_pool4_row *ret)
{
	const struct pool4_entry *entry;
	int r = -ENOENT;

	gateway_lock(gateway);
	entry = pool4_entry(gateway->nat->pool4, id);
	if (entry != NULL)
		r = fill_pool4_row(gateway->nat, entry, with_addresses, ret) ? 0 : -ENOMEM;
	gateway_unlock(gateway);
	return r;
}

void list_pool4_rows_free(struct list_pool4_row *rows, uint32_t n_rows)
{
	for (uint32_t i = 0; i < n_rows; i++)
		free(rows[i].addresses);
	free(rows);
}
