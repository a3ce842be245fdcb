/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/owner_journal.h"

#include <string.h>
#include <systemd/sd-journal.h>

#include "daemon/core/event.h"

#define _cleanup_journal_ __attribute__((cleanup(close_journal)))

#define SERVICE   "nat64d.service"
#define INSTANCES "nat64d@"
#define VALUE_MAX 256

static const enum event_kind of_bindings[] = {EVENT_BINDING_CREATE, EVENT_BINDING_DELETE,
					      EVENT_SESSION_CREATE, EVENT_SESSION_DELETE};
static const enum event_kind of_blocks[] = {EVENT_BLOCK_ALLOCATE, EVENT_BLOCK_RELEASE};

static void close_journal(sd_journal **journal)
{
	sd_journal_close(*journal);
}

/* The value of a field, or NULL: there is none that could be one of nat64d's. */
static const char *get(sd_journal *journal, const char *field, char ret[VALUE_MAX])
{
	size_t skip = strlen(field) + 1, size;
	const void *data;

	if (sd_journal_get_data(journal, field, &data, &size) < 0 || size < skip ||
	    size - skip >= VALUE_MAX || memchr(data, '\0', size))
		return NULL;
	memcpy(ret, (const char *)data + skip, size - skip);
	ret[size - skip] = '\0';
	return ret;
}

static bool get_number(sd_journal *journal, const char *field, guint64 max, guint64 *ret)
{
	char value[VALUE_MAX];

	return get(journal, field, value) &&
	       g_ascii_string_to_unsigned(value, 10, 0, max, ret, NULL);
}

static bool get_port(sd_journal *journal, const char *field, uint16_t *ret)
{
	guint64 number;

	if (!get_number(journal, field, UINT16_MAX, &number))
		return false;
	*ret = (uint16_t)number;
	return true;
}

/* When it was written; when journald had it, where it says nothing else. */
static bool get_time(sd_journal *journal, uint64_t *ret_usec)
{
	guint64 usec;

	if (get_number(journal, "_SOURCE_REALTIME_TIMESTAMP", OWNER_NOT_LOGGED - 1, &usec))
		*ret_usec = usec;
	else if (sd_journal_get_realtime_usec(journal, ret_usec) < 0)
		return false;
	return *ret_usec < OWNER_NOT_LOGGED;
}

/* Is it the service of nat64d, or one of its instances? */
static bool is_service(const char *unit)
{
	return strcmp(unit, SERVICE) == 0 ||
	       (g_str_has_prefix(unit, INSTANCES) && g_str_has_suffix(unit, ".service"));
}

/* Which daemon of which host has written the entry, for g_free(); NULL: none. */
static char *read_daemon(sd_journal *journal)
{
	char unit[VALUE_MAX] = "", uid[VALUE_MAX], machine[VALUE_MAX] = "";

	(void)get(journal, "_SYSTEMD_UNIT", unit);
	(void)get(journal, "_MACHINE_ID", machine);
	if (!is_service(unit)) {
		if (!get(journal, "_UID", uid) || strcmp(uid, "0") != 0)
			return NULL;
		unit[0] = '\0';
	}
	return g_strdup_printf("%s %s", machine, unit);
}

static bool is_wanted(const char *daemon, const char *instance)
{
	g_autofree char *unit = g_strdup_printf(" " INSTANCES "%s.service", instance);

	return instance == NULL || g_str_has_suffix(daemon, unit);
}

static bool read_kind(sd_journal *journal, enum event_kind *ret)
{
	char value[VALUE_MAX];

	if (!get(journal, "MESSAGE_ID", value))
		return false;
	for (unsigned i = 0; i < N_EVENT_KINDS; i++) {
		if (strcmp(value, event_info(i)->id) == 0) {
			*ret = i;
			return true;
		}
	}
	return false;
}

static bool read_block(sd_journal *journal, struct owner_change *change)
{
	char value[VALUE_MAX];
	struct prefix6 client;

	if (!get(journal, "NAT64D_CLIENT", value) || !prefix6_parse(value, &client))
		return false;
	change->protocol = N_PROTOCOLS;
	change->client = (struct taddr6){.addr = addr6_mask(&client.addr, client.len)};
	change->prefix_len = client.len;
	return true;
}

static bool read_peer(sd_journal *journal, struct taddr4 *ret)
{
	char value[VALUE_MAX];

	return get(journal, "NAT64D_SERVER4", value) && addr4_parse(value, &ret->addr) &&
	       get_port(journal, "NAT64D_SERVER_PORT4", &ret->port);
}

static bool read_binding(sd_journal *journal, bool is_session, struct owner_change *change)
{
	char value[VALUE_MAX];

	change->prefix_len = 128;
	return get(journal, "NAT64D_PROTOCOL", value) && protocol_parse(value, &change->protocol) &&
	       get(journal, "NAT64D_ADDRESS6", value) && addr6_parse(value, &change->client.addr) &&
	       get_port(journal, "NAT64D_PORT6", &change->client.port) &&
	       (!is_session || read_peer(journal, &change->peer));
}

/* Of the entry; false: nat64d writes no such thing. */
static bool read_change(sd_journal *journal, struct owner_change *ret)
{
	enum event_kind kind;

	*ret = (struct owner_change){0};
	if (!read_kind(journal, &kind) || !get_time(journal, &ret->usec))
		return false;
	ret->begins = kind == EVENT_BINDING_CREATE || kind == EVENT_SESSION_CREATE ||
		      kind == EVENT_BLOCK_ALLOCATE;
	if (kind == EVENT_BLOCK_ALLOCATE || kind == EVENT_BLOCK_RELEASE)
		return read_block(journal, ret);
	return read_binding(journal, kind == EVENT_SESSION_CREATE || kind == EVENT_SESSION_DELETE,
			    ret);
}

/* A block that does not have the port, of which the index knows nothing. */
static bool is_another_block(sd_journal *journal, uint16_t port)
{
	uint16_t first, last;

	return get_port(journal, "NAT64D_LAST_PORT4", &last) &&
	       get_port(journal, "NAT64D_PORT4", &first) && (port < first || port > last);
}

static int match(sd_journal *journal, const char *format, ...) G_GNUC_PRINTF(2, 3);
static int match(sd_journal *journal, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	return sd_journal_add_match(journal, text, 0);
}

static int match_kinds(sd_journal *journal, const enum event_kind *kinds, unsigned n)
{
	int r = 0;

	for (unsigned i = 0; r >= 0 && i < n; i++)
		r = match(journal, "MESSAGE_ID=%s", event_info(kinds[i])->id);
	return r;
}

/* Fields of the same name are alternatives, others have to hold together. */
static int ask(sd_journal *journal, const struct taddr4 *mapped)
{
	char address[ADDR_TEXT_SIZE];
	int r;

	(void)addr4_print(mapped->addr, address);
	sd_journal_flush_matches(journal);
	r = match_kinds(journal, of_bindings, G_N_ELEMENTS(of_bindings));
	if (r >= 0)
		r = match(journal, "NAT64D_ADDRESS4=%s", address);
	if (r >= 0)
		r = match(journal, "NAT64D_PORT4=%u", mapped->port);
	if (r >= 0)
		r = sd_journal_add_disjunction(journal);
	if (r >= 0)
		r = match_kinds(journal, of_blocks, G_N_ELEMENTS(of_blocks));
	if (r >= 0)
		r = match(journal, "NAT64D_ADDRESS4=%s", address);
	return r < 0 ? r : sd_journal_seek_head(journal);
}

/* The first entry about anybody. */
static int read_since(sd_journal *journal, const char *instance, struct owner_journal *ret)
{
	int r;

	ret->since_usec = OWNER_NEVER;
	sd_journal_flush_matches(journal);
	r = match_kinds(journal, of_bindings, G_N_ELEMENTS(of_bindings));
	if (r >= 0)
		r = match_kinds(journal, of_blocks, G_N_ELEMENTS(of_blocks));
	if (r >= 0)
		r = sd_journal_seek_head(journal);
	while (r >= 0 && (r = sd_journal_next(journal)) > 0) {
		g_autofree char *daemon = read_daemon(journal);

		if (daemon != NULL && is_wanted(daemon, instance) &&
		    get_time(journal, &ret->since_usec))
			break;
	}
	return r;
}

/* logs: of struct owner_log, by daemon. */
static void add_entry(sd_journal *journal, const struct owner_question *question, GHashTable *logs,
		      struct owner_journal *ret)
{
	g_autofree char *daemon = read_daemon(journal);
	struct owner_change change;
	struct owner_log *log;

	if (daemon != NULL && !is_wanted(daemon, question->instance))
		return;
	if (daemon == NULL || !read_change(journal, &change)) {
		ret->n_foreign++;
		return;
	}
	log = g_hash_table_lookup(logs, daemon);
	if (log == NULL) {
		log = owner_log_new();
		g_hash_table_insert(logs, g_steal_pointer(&daemon), log);
	}
	owner_log_add(log, &change);
}

/* All there is about the address and port: an end may be logged long after the time that is asked
 * for, and a begin long before. */
static int read_all(sd_journal *journal, const struct owner_question *question, GHashTable *logs,
		    struct owner_journal *ret)
{
	int r = ask(journal, &question->mapped);

	while (r >= 0 && (r = sd_journal_next(journal)) > 0)
		if (!is_another_block(journal, question->mapped.port))
			add_entry(journal, question, logs, ret);
	return r;
}

static int open_journal(const char *directory, sd_journal **ret)
{
	if (directory)
		return sd_journal_open_directory(ret, directory, 0);
	return sd_journal_open(ret, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM);
}

char *owner_journal_read(const char *directory, const struct owner_question *question, GArray *ret,
			 struct owner_journal *ret_journal)
{
	_cleanup_journal_ sd_journal *journal = NULL;
	g_autoptr(GHashTable) logs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
							   (GDestroyNotify)owner_log_free);
	GHashTableIter each;
	uint64_t first_usec;
	void *log;
	int r;

	*ret_journal = (struct owner_journal){.since_usec = OWNER_NEVER};
	r = open_journal(directory, &journal);
	if (r >= 0)
		ret_journal->is_readable =
			sd_journal_get_cutoff_realtime_usec(journal, &first_usec, NULL) > 0;
	if (r >= 0)
		r = read_since(journal, question->instance, ret_journal);
	if (r >= 0)
		r = read_all(journal, question, logs, ret_journal);
	if (r < 0)
		return g_strdup_printf("%s: %s", directory ? directory : "the journal",
				       g_strerror(-r));
	g_hash_table_iter_init(&each, logs);
	while (g_hash_table_iter_next(&each, NULL, &log))
		owner_log_between(log, question->from_usec, question->until_usec, ret);
	return NULL;
}
