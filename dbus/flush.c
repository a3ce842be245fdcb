/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * FlushSessions: ends what a filter finds, slice by slice as list.h's pages come. A slice looks at
 * no more than FLUSH_SLICE positions and ends no more than FLUSH_ENDS sessions, which costs more.
 */
#include <inttypes.h>
#include <stdio.h>

#include "daemon/core/binding.h"
#include "dbus/authorise.h"
#include "dbus/changing.h"
#include "dbus/list.h"
#include "dbus/manager_internal.h"
#include "dbus/names.h"

#define FLUSH_SLICE 1024
#define FLUSH_ENDS  256 /* as many as one round of the packet thread ends */

struct flush {
	const struct list_filter *filter;
	struct list_cursor cursor;
	bool dry_run;
	uint64_t n_sessions;
	uint64_t n_bindings; /* that ended with them; not known with dry_run */
};

static bool wants(const struct flush *flush, const struct nat64 *nat, enum protocol protocol,
		  uint32_t index)
{
	const struct session *session = session_at(&nat->sessions[protocol], index);
	const struct bib_entry *entry = bib_at(&nat->bib[protocol], session->bib);

	return list_filter_wants_session(flush->filter, session) &&
	       list_filter_wants_binding(flush->filter, entry);
}

/* Under the lock. A session that ends leaves the others where they are. */
static void flush_slice(struct flush *flush, struct nat64 *nat, uint64_t now_ms)
{
	const enum protocol protocol = flush->cursor.protocol;
	unsigned n_ends = 0;

	for (unsigned i = 0; i < FLUSH_SLICE && n_ends < FLUSH_ENDS; i++) {
		uint32_t index = session_next(&nat->sessions[protocol], flush->cursor.index);
		uint32_t n_before = nat->bib[protocol].entries.n_used;

		if (index == SLAB_NONE) {
			flush->cursor = (struct list_cursor){protocol + 1, 0};
			return;
		}
		flush->cursor.index = index + 1;
		if (!wants(flush, nat, protocol, index))
			continue;
		flush->n_sessions++;
		if (flush->dry_run)
			continue;
		binding_end_session(nat, protocol, index, now_ms);
		flush->n_bindings += n_before - nat->bib[protocol].entries.n_used;
		n_ends++;
	}
}

static void flush_all(struct flush *flush, struct gateway *gateway)
{
	list_cursor_begin(&flush->cursor);
	while (flush->cursor.protocol != N_PROTOCOLS) {
		if (flush->filter->has_protocol &&
		    flush->filter->protocol != flush->cursor.protocol) {
			flush->cursor.protocol++;
			continue;
		}
		gateway_lock(gateway);
		flush_slice(flush, gateway->nat, gateway_now_ms());
		gateway_unlock(gateway);
		list_pause();
	}
}

static void say(const struct flush *flush, struct change_result *ret)
{
	ret->changed = flush->n_sessions > 0;
	if (flush->n_sessions == 0)
		snprintf(ret->text, sizeof(ret->text), "there is no such session");
	else if (flush->dry_run)
		snprintf(ret->text, sizeof(ret->text), "%" PRIu64 " session%s would end",
			 flush->n_sessions, flush->n_sessions == 1 ? "" : "s");
	else
		snprintf(ret->text, sizeof(ret->text),
			 "%" PRIu64 " session%s ended, and %" PRIu64 " binding%s with %s",
			 flush->n_sessions, flush->n_sessions == 1 ? "" : "s", flush->n_bindings,
			 flush->n_bindings == 1 ? "" : "s", flush->n_sessions == 1 ? "it" : "them");
}

/* Whoever forgets the filter does not mean everybody. */
static int check_extent(const struct list_filter *filter, bool all, sd_bus_error *error)
{
	bool is_empty = list_filter_is_of_protocol(filter) && !filter->has_protocol;

	if (is_empty && !all)
		return sd_bus_error_set(error, DBUS_ERROR_INVALID_FILTER,
					"without a filter every session would end: that takes the "
					"option 'all'");
	if (!is_empty && all)
		return sd_bus_error_set(error, DBUS_ERROR_INVALID_FILTER,
					"the option 'all' and a filter exclude each other");
	return 0;
}

int session_method_flush(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct manager *manager = userdata;
	struct change_result result = {.error = CHANGE_OK};
	struct change_options options;
	struct list_filter filter;
	struct flush flush = {.filter = &filter};
	int r;

	r = list_filter_read(message, true, &filter, error);
	if (r < 0)
		return r;
	r = options_read(message, OPTION_ALL, &options, error);
	if (r < 0)
		return r;
	r = check_extent(&filter, options.all, error);
	if (r < 0)
		return r;
	r = authorise(&manager->authority, message, AUTHORISE_FLUSH_SESSIONS, error);
	if (r != 0)
		return r;
	r = manager_resolve_filter(manager, &filter, error);
	if (r < 0)
		return r;
	flush.dry_run = options.dry_run;
	flush_all(&flush, manager->gateway);
	say(&flush, &result);
	return changing_finish(manager, message, CHANGING_RESULT, &result, error);
}
