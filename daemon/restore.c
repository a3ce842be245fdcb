/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/restore.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

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
	struct nat64 *nat = restore->gateway->nat;

	if (nat->config.retention_s > 0)
		closed_note(&nat->closed, &(struct closed_binding){
						  .addr6 = row->binding.addr6,
						  .mapped = row->binding.mapped,
						  .port6 = row->binding.port6,
						  .protocol = (uint8_t)row->protocol,
						  .created_s = row->binding.created_s,
						  .ended_ms = restore->now_ms,
					  });
}

void restore_row(void *context, const struct persist_row *row)
{
	struct restore *restore = context;
	enum persist_result result = persist_restore(restore->gateway->nat, row, restore->now_ms);

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

/* Even one that is gone may still be stored. */
static void restore_copied(void *context, const struct persist_row *row)
{
	struct restore *restore = context;

	if (row->exists)
		restore_row(restore, row);
	if (row->changed)
		persist_set_changed(restore->gateway->nat, row);
}

int restore_tables(struct restore *restore, int fd)
{
	int r = tables_load(fd, restore->gateway->nat->config.pool6, restore_copied, restore,
			    &restore->n_bad);

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
