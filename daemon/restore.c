/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/restore.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <string.h>

#include "daemon/core/binding.h"
#include "daemon/core/minmax.h"
#include "daemon/log.h"
#include "daemon/tables.h"

void restore_hold(struct restore *restore, enum protocol protocol, const struct taddr4 *mapped,
		  enum pool4_hold_kind kind)
{
	struct pool4 *pool4 = restore->gateway->nat->pool4;

	restore->n_held += pool4_hold_port(pool4, protocol, mapped, kind, 0, restore->now_ms);
}

/* L-13: one that does not come back has ended by now; when exactly nobody knows. */
static void note_closed(struct restore *restore, const struct persist_row *row)
{
	binding_note_closed(restore->gateway->nat,
			    (struct closed_binding){
				    .addr6 = row->binding.addr6,
				    .mapped = row->binding.mapped,
				    .port6 = row->binding.port6,
				    .protocol = (uint8_t)row->protocol,
				    .created_s = row->binding.created_s,
				    .ended_ms = restore->now_ms,
			    },
			    row->binding.is_static);
}

static void note(struct restore *restore, const struct persist_row *row, enum persist_result result)
{
	if (result == PERSIST_OK) {
		restore->n_restored[row->kind]++;
		return;
	}
	restore->n_refused[row->kind][result]++;
	if (row->kind == PERSIST_BINDING)
		restore_hold(restore, row->protocol, &row->binding.mapped, POOL4_HOLD_LOST);
	if (row->kind == PERSIST_BINDING && result != PERSIST_BAD && result != PERSIST_TAKEN)
		note_closed(restore, row);
}

void restore_rows_end(struct restore *restore)
{
	enum persist_result result[PERSIST_BLOCK];
	struct nat64 *nat = restore->gateway->nat;

	persist_restore_all(nat, restore->waiting, restore->n_waiting, restore->now_ms, result);
	for (unsigned i = 0; i < restore->n_waiting; i++) {
		note(restore, &restore->waiting[i], result[i]);
		if (restore->waiting[i].changed)
			persist_set_changed(nat, &restore->waiting[i]);
	}
	restore->n_waiting = 0;
}

void restore_row(void *context, const struct persist_row *row)
{
	struct restore *restore = context;

	restore->waiting[restore->n_waiting++] = *row;
	if (restore->n_waiting == PERSIST_BLOCK)
		restore_rows_end(restore);
}

/* Even one that is gone may still be stored. */
static void restore_copied(void *context, const struct persist_row *row)
{
	struct restore *restore = context;

	if (row->exists)
		restore_row(restore, row);
	else if (row->changed)
		persist_set_changed(restore->gateway->nat, row);
}

/* L-13: to be stored here, if somebody stores. */
static void restore_closed(void *context, const struct closed_binding *closed)
{
	struct restore *restore = context;
	struct nat64 *nat = restore->gateway->nat;
	struct closed_binding found = *closed;

	if (nat->config.retention_s == 0 || !persist_is_on(nat))
		return;
	found.ended_ms = min_u64(found.ended_ms, restore->now_ms);
	closed_note(&nat->closed, &found);
}

/* What can be said of a file that can not be used. */
static int report_unusable(int r)
{
	if (r == -EPROTONOSUPPORT)
		log_line(LOG_NOTICE, "the tables of the daemon before are of another version: the "
				     "database is used instead");
	else if (r < 0)
		log_line(LOG_WARNING,
			 "the tables of the daemon before can not be used (%s): the database is "
			 "used instead",
			 strerror(-r));
	return r;
}

int restore_tables(struct restore *restore, enum persist_part part, int fd)
{
	const struct tables_reader reader = {
		.row = restore_copied, .closed = restore_closed, .context = restore};
	struct nat64 *nat = restore->gateway->nat;
	uint64_t reach[N_PERSIST_KINDS] = {0};
	int r;

	(void)tables_reach(fd, reach);
	for (unsigned i = 0; i < N_PERSIST_KINDS; i++)
		persist_expect(nat, i, reach[i]);
	r = tables_load(fd, part, nat->config.pool6, &reader, &restore->n_bad);
	restore_rows_end(restore);
	return report_unusable(r);
}

/* ---- what has changed since then ----------------------------------------------------------------
 */

struct left {
	enum protocol protocol;
	struct taddr4 mapped;
};

/* The binding at the place of this row, if it is one that was restored. */
static bool find_restored(const struct nat64 *nat, const struct persist_row *row, struct left *ret)
{
	const struct bib_entry *entry;

	if (row->kind != PERSIST_BINDING || row->protocol >= N_PROTOCOLS ||
	    !slab_is_used(&nat->bib[row->protocol].entries, row->index))
		return false;
	entry = bib_at(&nat->bib[row->protocol], row->index);
	*ret = (struct left){row->protocol, bib_entry_taddr4(entry)};
	return entry->is_restored;
}

struct leaving {
	struct restore *restore;
	GArray *left; /* struct left: ports of those that were restored, and are not there any more
		       */
};

static void make_way(void *context, const struct persist_row *row)
{
	struct leaving *leaving = context;
	struct restore *restore = leaving->restore;
	struct nat64 *nat = restore->gateway->nat;
	uint32_t n_bindings = nat64_n_bindings(nat), n_sessions = nat64_n_sessions(nat);
	struct left left;
	bool was_restored = find_restored(nat, row, &left);

	persist_make_way(nat, row, restore->now_ms);
	restore->n_restored[PERSIST_SESSION] -= n_sessions - nat64_n_sessions(nat);
	if (!was_restored || nat64_n_bindings(nat) == n_bindings)
		return;
	restore->n_restored[PERSIST_BINDING]--;
	g_array_append_val(leaving->left, left);
}

/* P-14: what has ended with the one before was in use until now, if no other one has it. */
static void hold_left(struct restore *restore, const GArray *left)
{
	for (guint i = 0; i < left->len; i++) {
		const struct left *at = &g_array_index(left, struct left, i);

		restore_hold(restore, at->protocol, &at->mapped, POOL4_HOLD_LEFT);
	}
}

/* A static binding is the configuration's: it stands there, or is not to be any more. */
static void restore_changed(void *context, const struct persist_row *row)
{
	struct restore *restore = context;
	struct nat64 *nat = restore->gateway->nat;
	bool is_static = row->kind == PERSIST_BINDING && row->exists && row->binding.is_static;

	if (row->exists && !is_static && !persist_is_there(nat, row)) {
		restore_row(restore, row);
		return;
	}
	if (is_static)
		(void)persist_is_there(nat, row);
	persist_set_changed(nat, row);
}

int restore_changes(struct restore *restore, int fd)
{
	g_autoptr(GArray) left = g_array_new(FALSE, FALSE, sizeof(struct left));
	struct leaving leaving = {restore, left};
	const struct tables_reader going = {.row = make_way, .context = &leaving};
	const struct tables_reader coming = {
		.row = restore_changed, .closed = restore_closed, .context = restore};
	const struct prefix6 *pool6 = restore->gateway->nat->config.pool6;
	uint64_t n_bad;
	int r;

	r = tables_load(fd, PERSIST_CHANGED, pool6, &going, &n_bad);
	if (r == 0)
		r = tables_load(fd, PERSIST_CHANGED, pool6, &coming, &n_bad);
	restore_rows_end(restore);
	hold_left(restore, left);
	if (r < 0)
		log_line(LOG_WARNING,
			 "what has changed in the tables of the daemon before can not be used "
			 "(%s): it "
			 "is as after a crash",
			 strerror(-r));
	else
		restore->n_bad += n_bad;
	return r;
}

static const char *why_not(enum persist_result result)
{
	switch (result) {
	case PERSIST_OK:
		break;
	case PERSIST_BAD:
		return "with an address or a state that can not be";
	case PERSIST_NO_POOL6:
		return "of a prefix that is not in Translation.Pool6 any more";
	case PERSIST_IN_POOL6:
		return "of a client inside Pool6";
	case PERSIST_NOT_IN_POOL4:
		return "at an address or port that is not in pool4 any more";
	case PERSIST_TAKEN:
		return "that come twice";
	case PERSIST_FULL:
		return "more than Limits.Bindings and Limits.Sessions allow";
	case PERSIST_NO_BINDING:
		return "without their binding";
	case PERSIST_OVER:
		return "whose time is over";
	case N_PERSIST_RESULTS:
		break;
	}
	return "";
}

/* Sessions that ended meanwhile, or with a flush that was not complete, are as they should be. */
static bool is_expected(enum persist_kind kind, unsigned result)
{
	return kind == PERSIST_SESSION && (result == PERSIST_OVER || result == PERSIST_NO_BINDING);
}

static void report_refused(const struct restore *restore)
{
	for (unsigned i = 0; i < N_PERSIST_KINDS * N_PERSIST_RESULTS; i++) {
		enum persist_kind kind = i / N_PERSIST_RESULTS;
		unsigned result = i % N_PERSIST_RESULTS;

		if (restore->n_refused[kind][result] > 0)
			log_line(
				is_expected(kind, result) ? LOG_INFO : LOG_WARNING,
				"not restored: %" PRIu32 " %s %s", restore->n_refused[kind][result],
				kind == PERSIST_BINDING ? "bindings" : "sessions", why_not(result));
	}
	if (restore->n_bad > 0)
		log_line(LOG_WARNING,
			 "not restored: %" PRIu64 " rows with values that nat64d never writes",
			 restore->n_bad);
}

void restore_report(const struct restore *restore, const char *remark)
{
	report_refused(restore);
	log_line(LOG_INFO,
		 "restored %" PRIu32 " bindings and %" PRIu32 " sessions%s; %" PRIu32
		 " ports that were in use are held",
		 restore->n_restored[PERSIST_BINDING], restore->n_restored[PERSIST_SESSION], remark,
		 restore->n_held);
}
