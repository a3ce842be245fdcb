/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nat64ctl who: who had an address and port at a time, ready for an answer to a complaint. The
 * daemon knows who has it now and, as State.Retention says, who has had it; the journal what
 * Log.Bindings has told it. Both are asked, as each may reach where the other does not.
 */
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dbus/names.h"
#include "tools/ctl_list.h"
#include "tools/ctl_side.h"
#include "tools/ctl_time.h"
#include "tools/owner_journal.h"

#define _cleanup_message_ __attribute__((cleanup(sd_bus_message_unrefp)))

#define WITHIN_USEC (300 * UINT64_C(1000000))

static const struct table_column columns[] = {
	{"protocol", "PROTO", TABLE_TEXT},
	{"client", "CLIENT", TABLE_TEXT},
	{"mapped", NULL, TABLE_TEXT},
	{NULL, "FROM", TABLE_TEXT, true},
	{NULL, "UNTIL", TABLE_TEXT, true},
	{"created", NULL, TABLE_TIME},
	{"ended", NULL, TABLE_TIME},
	{"source", "SOURCE", TABLE_TEXT},
	{NULL},
};

static enum ctl_status read_question(const struct ctl *ctl, const struct ctl_arguments *arguments,
				     struct owner_question *ret)
{
	const char *at = arguments->option[CTL_AT];
	uint64_t at_usec, within_usec;
	g_autofree char *problem = NULL;
	struct ctl_side side;

	if (!ctl_side_parse(arguments->word[0], &side) || side.first != side.last ||
	    !addr4_parse(side.address, &ret->mapped.addr))
		return ctl_fail(CTL_USAGE,
				"'%s' is not an IPv4 address and a port: 192.0.2.2:2000 is",
				arguments->word[0]);
	ret->mapped.port = (uint16_t)side.first;
	ret->instance = ctl->instance;
	if (at == NULL)
		return ctl_fail(CTL_USAGE, "who: --at TIME is missing, such as "
					   "--at 2026-01-31T12:00:00Z");
	problem = ctl_time_parse(at, &at_usec);
	if (problem != NULL)
		return ctl_fail(CTL_USAGE, "--at: %s", problem);
	within_usec = ctl_arguments_has(arguments, CTL_WITHIN) ? arguments->number[CTL_WITHIN]
							       : WITHIN_USEC;
	ret->from_usec = at_usec - MIN(at_usec, within_usec);
	ret->until_usec = at_usec + within_usec;
	return CTL_DONE;
}

/* ---- the daemon -------------------------------------------------------------------------------
 */

static int read_owner(const char *protocol, const char *client, uint16_t port, struct owner *ret)
{
	struct prefix6 prefix;

	if (strcmp(protocol, "any") == 0)
		ret->protocol = N_PROTOCOLS;
	else if (!protocol_parse(protocol, &ret->protocol))
		return -EBADMSG;
	if (!prefix6_parse(client, &prefix))
		return -EBADMSG;
	ret->client = (struct taddr6){.addr = prefix.addr, .port = port};
	ret->prefix_len = prefix.len;
	return 1;
}

static int read_owners(sd_bus_message *reply, GArray *owners)
{
	int r = sd_bus_message_enter_container(reply, 'a', DBUS_TYPE_WHO);

	while (r >= 0) {
		struct owner owner = {0};
		const char *protocol, *client;
		uint16_t port;

		r = sd_bus_message_read(reply, DBUS_TYPE_WHO, &protocol, &client, &port,
					&owner.created_usec, &owner.ended_usec);
		if (r <= 0)
			break;
		r = read_owner(protocol, client, port, &owner);
		if (r > 0)
			g_array_append_val(owners, owner);
	}
	return r;
}

/* Who has it now, of one protocol; nobody is no failure. */
static enum ctl_status ask_now(struct ctl *ctl, enum protocol protocol,
			       const struct owner_question *question, GArray *owners)
{
	_cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
	struct owner owner = {.ended_usec = OWNER_NEVER};
	const char *name, *client, *mapped;
	char address[ADDR_TEXT_SIZE];
	uint32_t sessions, pool4;
	uint16_t port, port4;
	enum ctl_status status;
	uint64_t expires;
	int is_static, r;

	status = ctl_call_new(ctl, DBUS_INTERFACE_MANAGER, "LookupBib", &call);
	if (status != CTL_DONE)
		return status;
	r = sd_bus_message_append(call, "ssq", protocol_name(protocol),
				  addr4_print(question->mapped.addr, address),
				  question->mapped.port);
	if (r < 0)
		return ctl_fail(CTL_FAILED, "LookupBib: %s", g_strerror(-r));
	status = ctl_call_quietly(ctl, call, &reply);
	if (status != CTL_DONE)
		return status == CTL_NO_SUCH ? CTL_DONE : ctl_fail(status, "%s", ctl->refusal);
	r = sd_bus_message_read(reply, DBUS_TYPE_BIB, &name, &client, &port, &mapped, &port4,
				&is_static, &sessions, &owner.created_usec, &expires, &pool4);
	if (r >= 0)
		r = read_owner(name, client, port, &owner);
	if (r < 0)
		return ctl_bad_reply(r);
	if (owner.created_usec <= question->until_usec)
		g_array_append_val(owners, owner);
	return CTL_DONE;
}

/* Of a daemon that keeps nobody who has had it. */
static enum ctl_status ask_each_now(struct ctl *ctl, const struct owner_question *question,
				    GArray *owners)
{
	enum ctl_status status = CTL_DONE;

	for (unsigned i = 0; i < N_PROTOCOLS && status == CTL_DONE; i++)
		status = ask_now(ctl, i, question, owners);
	return status;
}

/* A refusal is left in ctl->refusal; all else is printed. */
static enum ctl_status ask_kept(struct ctl *ctl, const struct owner_question *question,
				GArray *owners)
{
	_cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
	uint64_t within_usec = (question->until_usec - question->from_usec + 1) / 2;
	char address[ADDR_TEXT_SIZE];
	enum ctl_status status;
	int r;

	status = ctl_call_new(ctl, DBUS_INTERFACE_MANAGER, "Who", &call);
	if (status != CTL_DONE)
		return status;
	r = sd_bus_message_append(call, "sqtt", addr4_print(question->mapped.addr, address),
				  question->mapped.port, question->until_usec - within_usec,
				  within_usec);
	if (r < 0)
		return ctl_fail(CTL_FAILED, "Who: %s", g_strerror(-r));
	status = ctl_call_quietly(ctl, call, &reply);
	if (status != CTL_DONE)
		return status;
	r = read_owners(reply, owners);
	if (r >= 0)
		return CTL_DONE;
	g_array_set_size(owners, 0);
	return ctl_bad_reply(r);
}

/* ---- the journal ------------------------------------------------------------------------------
 */

/* What the daemon has said already is not said again. */
static void append_others(GArray *owners, const GArray *logged)
{
	const guint n_of_daemon = owners->len;

	for (guint i = 0; i < logged->len; i++) {
		const struct owner *owner = &g_array_index(logged, struct owner, i);
		bool is_known = false;

		for (guint k = 0; k < n_of_daemon && !is_known; k++)
			is_known = owner_covers(&g_array_index(owners, struct owner, k), owner);
		if (!is_known)
			g_array_append_val(owners, *owner);
	}
}

/* Notes, beside what is found. */
static void tell_limits(const struct owner_question *question, const struct owner_journal *journal,
			bool is_alone)
{
	char since[CTL_TIME_SIZE];

	if (journal->n_foreign > 0)
		(void)ctl_fail(CTL_DONE,
			       "the journal has %u entries about this that nat64d has not written, "
			       "or that make no sense: they are not counted",
			       journal->n_foreign);
	if (is_alone && journal->since_usec != OWNER_NEVER &&
	    journal->since_usec > question->from_usec)
		(void)ctl_fail(CTL_DONE,
			       "the journal has bindings since %s only: who had it before is known "
			       "as far as they ended after that",
			       ctl_time_print(journal->since_usec, since));
}

/* Only the journal in a directory. */
static enum ctl_status ask_directory(const char *directory, const struct owner_question *question,
				     GArray *owners)
{
	struct owner_journal journal;
	g_autofree char *problem = owner_journal_read(directory, question, owners, &journal);

	if (problem != NULL)
		return ctl_fail(CTL_FAILED, "--journal: %s", problem);
	if (!journal.is_readable)
		return ctl_fail(CTL_FAILED,
				"--journal: there is no file of a journal in %s that can be read "
				"(*.journal)",
				directory);
	if (journal.since_usec == OWNER_NEVER)
		return ctl_fail(CTL_FAILED,
				"the journal in %s has no binding of nat64d: was it logged "
				"(Log.Bindings=yes), and to the journal?",
				directory);
	tell_limits(question, &journal, true);
	return CTL_DONE;
}

/* This host's journal, if the daemon that is asked is one of this host's services. False: it can
 * not be read, which has been said if there is one. */
static bool ask_host(const struct ctl *ctl, const struct owner_question *question, GArray *logged,
		     struct owner_journal *ret)
{
	g_autofree char *problem = NULL;

	*ret = (struct owner_journal){.since_usec = OWNER_NEVER};
	if (ctl->bus_address != NULL || ctl->socket_path != NULL)
		return true;
	problem = owner_journal_read(NULL, question, logged, ret);
	if (problem == NULL && !ret->is_readable && geteuid() != 0 &&
	    (access("/var/log/journal", F_OK) == 0 || access("/run/log/journal", F_OK) == 0))
		problem = g_strdup("the journal can not be read: root and group systemd-journal "
				   "may");
	if (problem == NULL)
		return true;
	(void)ctl_fail(CTL_FAILED, "%s", problem);
	return false;
}

/* The daemon and this host's journal. Whoever is found is told, and nobody only if both say so. */
static enum ctl_status ask_both(struct ctl *ctl, const struct owner_question *question,
				GArray *owners)
{
	g_autoptr(GArray) logged = g_array_new(FALSE, FALSE, sizeof(struct owner));
	struct owner_journal journal;
	bool is_read = ask_host(ctl, question, logged, &journal);
	bool is_logged = journal.since_usec != OWNER_NEVER, is_kept;
	enum ctl_status status;

	g_clear_pointer(&ctl->refusal, g_free);
	status = ask_kept(ctl, question, owners);
	is_kept = status == CTL_DONE;
	if (status == CTL_FAILED && ctl->is_off && is_logged)
		status = ask_each_now(ctl, question, owners);
	else if (ctl->refusal != NULL)
		(void)ctl_fail(status, "%s", ctl->refusal);
	append_others(owners, logged);
	tell_limits(question, &journal, !is_kept);
	if (owners->len > 0)
		return CTL_DONE;
	if (status == CTL_DONE && !is_read)
		return CTL_FAILED;
	return status;
}

/* ---- the answer -------------------------------------------------------------------------------
 */

/* "192.0.2.2:2000 between 2026-01-31T11:55:00Z and 2026-01-31T12:05:00Z" */
static char *say_question(const struct owner_question *question)
{
	char first[CTL_TIME_SIZE], last[CTL_TIME_SIZE], text[ADDR_TEXT_SIZE];

	return g_strdup_printf("%s between %s and %s", taddr4_print(&question->mapped, text),
			       ctl_time_print(question->from_usec, first),
			       ctl_time_print(question->until_usec, last));
}

/* As the client's side, a block's as its prefix. */
static const char *say_client(const struct owner *owner, char text[CTL_ENDPOINT_SIZE])
{
	const struct prefix6 prefix = {owner->client.addr, owner->prefix_len};
	char address[ADDR_TEXT_SIZE];

	if (owner->protocol == N_PROTOCOLS)
		return prefix6_print(&prefix, text);
	return ctl_endpoint6(addr6_print(&owner->client.addr, address), owner->client.port, text);
}

static const char *say_time(uint64_t usec, char text[CTL_TIME_SIZE])
{
	if (usec == OWNER_NEVER)
		return "has it still";
	return usec == OWNER_NOT_LOGGED ? "not logged" : ctl_time_print(usec, text);
}

static void add_row(struct table *table, const struct owner *owner, const struct taddr4 *mapped)
{
	char client[CTL_ENDPOINT_SIZE], address[ADDR_TEXT_SIZE], time[CTL_TIME_SIZE];

	table_add_text(table,
		       owner->protocol == N_PROTOCOLS ? "any" : protocol_name(owner->protocol));
	table_add_text(table, say_client(owner, client));
	table_add_text(table, taddr4_print(mapped, address));
	table_add_text(table, say_time(owner->created_usec, time));
	table_add_text(table, say_time(owner->ended_usec, time));
	table_add_time(table,
		       owner->created_usec == OWNER_NOT_LOGGED ? OWNER_NEVER : owner->created_usec);
	table_add_time(table,
		       owner->ended_usec == OWNER_NOT_LOGGED ? OWNER_NEVER : owner->ended_usec);
	table_add_text(table, owner->is_logged ? "journal" : "daemon");
}

static enum ctl_status print(const struct ctl *ctl, const struct owner_question *question,
			     const GArray *owners)
{
	g_autofree char *words = say_question(question);
	struct table *table;

	if (owners->len == 0 && !ctl->json)
		return ctl_fail(CTL_NO_SUCH, "nobody had %s", words);
	table = table_new(columns, ctl->json, ctl->legend);
	if (!ctl->json && ctl->legend)
		printf("%s (UTC):\n", words);
	for (guint i = 0; i < owners->len; i++)
		add_row(table, &g_array_index(owners, struct owner, i), &question->mapped);
	table_end(table);
	return owners->len == 0 ? CTL_NO_SUCH : CTL_DONE;
}

enum ctl_status ctl_who(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	g_autoptr(GArray) owners = g_array_new(FALSE, FALSE, sizeof(struct owner));
	const char *directory = arguments->option[CTL_JOURNAL];
	struct owner_question question;
	enum ctl_status status = read_question(ctl, arguments, &question);

	if (status != CTL_DONE)
		return status;
	status = directory != NULL ? ask_directory(directory, &question, owners)
				   : ask_both(ctl, &question, owners);
	return status == CTL_DONE ? print(ctl, &question, owners) : status;
}
