/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation
 *
 * The list of entries as they should be (pool4_wanted.c) is made afresh each time. It is compared
 * with that of the last time by name, and only differences reach the core. Ports and addresses that
 * are new reach the rules first and the core after them: none must be chosen before its rule is in.
 * What is gone leaves the core first (pool4_move.h). A change at run time (pool4_change.c) goes
 * past the list straight to the one entry it is about, so that it costs the same however many there
 * are.
 *
 * What the core's entries are is written here alone, in the control thread, under the lock, as the
 * packet thread reads it. So it is read here without the lock, which then is held for single
 * entries only and never while the kernel is called. How much of them is in use belongs to the
 * packet thread and is read under the lock.
 */
#include "daemon/pool4_sync.h"

#include <stdarg.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "daemon/core/nat64.h"
#include "daemon/kept.h"
#include "daemon/pool4_move.h"
#include "daemon/pool4_sync_internal.h"

/* Bindings and sessions that end while the packets wait, and how long these go before after that.
 */
#define END_SLICE      4096
#define END_PAUSE_NSEC 50000

void pool4_sync_say(struct pool4_sync *sync, int level, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	sync->config.report(level, text);
}

void pool4_sync_tell(struct pool4_sync *sync, uint32_t id)
{
	if (sync->config.changed)
		sync->config.changed(sync->config.context, id);
}

int pool4_sync_new(const struct pool4_sync_config *config, struct pool4_sync **ret)
{
	struct pool4_sync *sync = g_new0(struct pool4_sync, 1);
	int r;

	sync->config = *config;
	sync->runtime = pool4_runtime_new();
	sync->statics = static_sync_new(config->gateway, config->report);
	sync->warnings = rules_warnings_new();
	sync->warned = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	sync->pending = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	sync->added = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	sync->static_steps = g_array_new(FALSE, FALSE, sizeof(struct static_step));
	sync->draining = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	r = pool4_auto_new(&sync->autos);
	if (r < 0) {
		pool4_sync_free(sync);
		return r;
	}
	*ret = sync;
	return 0;
}

void pool4_sync_free(struct pool4_sync *sync)
{
	if (!sync)
		return;
	pool4_auto_free(sync->autos);
	pool4_wanted_free(sync->wanted);
	static_sync_free(sync->statics);
	g_array_unref(sync->draining);
	g_array_unref(sync->added);
	g_array_unref(sync->static_steps);
	g_array_unref(sync->pending);
	g_hash_table_unref(sync->warned);
	g_ptr_array_unref(sync->warnings);
	pool4_runtime_free(sync->runtime);
	g_free(sync);
}

static struct pool4 *pool_of(const struct pool4_sync *sync)
{
	return sync->config.gateway->nat->pool4;
}

struct prefix6 pool4_sync_prefix(const struct pool4_sync *sync, const struct pool4_spec *spec)
{
	const struct prefix6 any = {.len = 0};

	return spec->pool6 == POOL4_ANY_PREFIX ? any : sync->followed->nat64.pool6[spec->pool6];
}

/* All but addresses and ports, which can change in place. */
static bool same_use(const struct pool4_spec *a, const struct pool4_spec *b)
{
	return memcmp(a->protocol, b->protocol, sizeof(a->protocol)) == 0 &&
	       a->n_clients == b->n_clients &&
	       memcmp(a->clients, b->clients, a->n_clients * sizeof(*a->clients)) == 0 &&
	       a->overflow == b->overflow && a->pool6 == b->pool6;
}

static bool same_places(const struct pool4_spec *a, const struct pool4_spec *b)
{
	return a->n_addresses == b->n_addresses &&
	       memcmp(a->addresses, b->addresses, a->n_addresses * sizeof(*a->addresses)) == 0 &&
	       port_ranges_equal(&a->ports, &b->ports);
}

void pool4_sync_set_state(struct pool4_sync *sync, uint32_t id, enum pool4_state state)
{
	gateway_lock(sync->config.gateway);
	pool4_set_state(pool_of(sync), id, state);
	gateway_unlock(sync->config.gateway);
	if (state != POOL4_PENDING) /* nobody needs to know before it can be used */
		pool4_sync_tell(sync, id);
}

bool pool4_sync_follow_statics(struct pool4_sync *sync)
{
	const uint32_t n = static_sync_count(sync->statics);

	(void)static_sync_follow(sync->statics, sync->followed, false, sync->runtime);
	return static_sync_count(sync->statics) > n;
}

void pool4_sync_renew_statics(struct pool4_sync *sync)
{
	static_sync_forget_ended(sync->statics);
	(void)pool4_sync_follow_statics(sync);
}

void pool4_sync_revive(struct pool4_sync *sync, uint32_t id)
{
	pool4_sync_set_state(sync, id, POOL4_PENDING);
	g_array_append_val(sync->pending, id);
}

/* A slice at a time: packets do not wait for the end of a million bindings. */
static uint32_t end_bindings(struct pool4_sync *sync, uint32_t id, bool outside)
{
	const struct timespec pause = {.tv_nsec = END_PAUSE_NSEC};
	struct gateway *gateway = sync->config.gateway;
	struct nat64_step step = {0};
	bool more = true;

	while (more) {
		gateway_lock(gateway);
		more = nat64_end_bindings(gateway->nat, id, outside, &step, END_SLICE,
					  gateway_now_ms());
		gateway_unlock(gateway);
		if (more)
			(void)nanosleep(&pause, NULL);
	}
	static_sync_forget_ended(sync->statics);
	return step.n_ended;
}

/* All of them, while it gets no new ones. */
static uint32_t end_all_bindings(struct pool4_sync *sync, uint32_t id)
{
	gateway_lock(sync->config.gateway);
	pool4_set_state(pool_of(sync), id, POOL4_DRAINING);
	gateway_unlock(sync->config.gateway);
	return end_bindings(sync, id, false);
}

uint32_t pool4_sync_cut(struct pool4_sync *sync, uint32_t id)
{
	uint32_t n_ended = end_all_bindings(sync, id);

	if (pool4_entry(pool_of(sync), id)->spec.source == POOL4_FROM_AUTO)
		pool4_runtime_forget_leaving(sync->runtime);
	gateway_lock(sync->config.gateway);
	(void)pool4_remove(pool_of(sync), id);
	gateway_unlock(sync->config.gateway);
	n_ended += static_sync_end_lost(sync->statics);
	pool4_sync_tell(sync, id);
	return n_ended;
}

uint32_t pool4_sync_disable(struct pool4_sync *sync, uint32_t id)
{
	uint32_t n_ended = end_all_bindings(sync, id);

	pool4_sync_set_state(sync, id, POOL4_DISABLED);
	return n_ended + static_sync_end_lost(sync->statics);
}

static void replace(struct pool4_sync *sync, const struct pool4_entry *entry)
{
	g_autofree char *name = g_strdup(entry->spec.name);
	uint32_t n_ended = pool4_sync_cut(sync, entry->id);

	pool4_sync_say(sync, LOG_NOTICE, "pool4 entry %s has changed: %u bindings ended", name,
		       n_ended);
}

/* Its addresses are not there any more. */
static void lose(struct pool4_sync *sync, const struct pool4_entry *entry)
{
	const struct pool4_spec *spec = &entry->spec;
	g_autofree char *name = g_strdup(spec->name);
	char addresses[POOL4_MOVE_ADDRESSES_SIZE];
	uint32_t n_ended;

	(void)pool4_move_print(spec->addresses, spec->n_addresses, addresses);
	n_ended = pool4_sync_cut(sync, entry->id);
	pool4_sync_say(sync, LOG_NOTICE,
		       "pool4 entry %s: %s is gone, and nothing is left: %u bindings ended", name,
		       addresses, n_ended);
}

/* The first half, before the rules: see pool4_move.h. */
static void move(struct pool4_sync *sync, const struct pool4_entry *entry,
		 const struct pool4_spec *wanted)
{
	struct gateway *gateway = sync->config.gateway;
	char text[POOL4_MOVE_TEXT_SIZE];
	uint32_t id = entry->id;
	bool moved;

	if (!pool4_move_is_needed(entry, wanted))
		return;
	gateway_lock(gateway);
	moved = pool4_move_from(gateway->nat, id, wanted, text);
	gateway_unlock(gateway);
	if (!moved) {
		replace(sync, entry);
		return;
	}
	if (text[0])
		pool4_sync_say(sync, LOG_NOTICE, "%s: %u bindings ended", text,
			       end_bindings(sync, id, true) + static_sync_end_lost(sync->statics));
	if (entry->state == POOL4_PENDING)
		g_array_append_val(sync->pending, id);
	pool4_sync_tell(sync, id);
}

/* Its last binding has ended: it is gone, or off if the file still has it. False: not yet. */
static bool end_drained(struct pool4_sync *sync, const struct pool4_entry *entry)
{
	const struct pool4_wanted *wanted = pool4_wanted_find(sync->wanted, entry->spec.name);
	bool of_file = wanted && wanted->spec.source == POOL4_FROM_FILE;
	bool is_auto = entry->spec.source == POOL4_FROM_AUTO;
	g_autofree char *name = g_strdup(entry->spec.name);
	uint64_t n_used;
	uint32_t id = entry->id;

	n_used = static_sync_n_around(sync->statics, entry);
	gateway_lock(sync->config.gateway);
	for (enum protocol protocol = 0; protocol < N_PROTOCOLS; protocol++)
		n_used += entry->n_used[protocol];
	if (n_used == 0 && of_file)
		pool4_set_state(pool_of(sync), id, POOL4_DISABLED);
	else if (n_used == 0)
		(void)pool4_remove(pool_of(sync), id);
	gateway_unlock(sync->config.gateway);
	if (n_used > 0)
		return false;
	if (of_file)
		wanted = NULL;
	else if (is_auto)
		pool4_runtime_forget_leaving(sync->runtime);
	else
		pool4_runtime_remove(sync->runtime, name);
	if (wanted)
		pool4_wanted_remove(sync->wanted, name);
	pool4_sync_say(sync, LOG_NOTICE, "pool4 entry %s is %s", name,
		       of_file ? "disabled" : "removed");
	pool4_sync_tell(sync, id);
	return true;
}

static void forget_id(GArray *ids, uint32_t id)
{
	for (guint i = ids->len; i-- > 0;) {
		if (g_array_index(ids, uint32_t, i) == id)
			g_array_remove_index_fast(ids, i);
	}
}

/* With the ports that its bindings may have. */
static void keep_leaving(struct pool4_sync *sync, const struct pool4_entry *entry)
{
	struct pool4_spec spec = entry->spec;

	if (spec.source != POOL4_FROM_AUTO)
		return;
	if (entry->id == sync->auto_id)
		spec.ports = sync->auto_ports;
	pool4_runtime_set_leaving(sync->runtime, &spec);
}

bool pool4_sync_drain(struct pool4_sync *sync, uint32_t id)
{
	const struct pool4_entry *entry = pool4_entry(pool_of(sync), id);
	bool is_new = entry->state != POOL4_DRAINING;

	if (is_new) {
		gateway_lock(sync->config.gateway);
		pool4_set_state(pool_of(sync), id, POOL4_DRAINING);
		gateway_unlock(sync->config.gateway);
	}
	forget_id(sync->draining, id);
	if (end_drained(sync, entry))
		return true;
	g_array_append_val(sync->draining, id);
	if (is_new)
		keep_leaving(sync, entry);
	if (is_new) {
		pool4_sync_say(sync, LOG_NOTICE,
			       "pool4 entry %s is drained: it goes with its last binding",
			       entry->spec.name);
		pool4_sync_tell(sync, id);
	}
	return false;
}

bool pool4_sync_reap(struct pool4_sync *sync)
{
	bool any = false;

	for (guint i = sync->draining->len; i-- > 0;) {
		uint32_t id = g_array_index(sync->draining, uint32_t, i);
		const struct pool4_entry *entry = pool4_entry(pool_of(sync), id);
		bool over = !entry || entry->state != POOL4_DRAINING;

		if (!over && !end_drained(sync, entry))
			continue;
		any |= !over;
		g_array_remove_index_fast(sync->draining, i);
	}
	return any;
}

/* The address of auto may go together with the default route, by which it was chosen; and that of
 * an interface after its entry has left the file. */
static bool is_lost(const struct pool4_sync *sync, const struct pool4_entry *entry,
		    const struct pool4_wanted *now)
{
	if (now)
		return now->spec.n_addresses == 0;
	return (entry->spec.source == POOL4_FROM_AUTO || entry->reach == POOL4_LOCAL) &&
	       !pool4_auto_is_own(sync->autos, entry->spec.addresses, entry->spec.n_addresses);
}

/* What the entry is called now, if a section that says the same of it has another name. */
static const char *new_name_of(const struct pool4_sync *sync, const struct pool4_entry *entry)
{
	for (guint i = 0; entry->spec.source == POOL4_FROM_FILE && i < sync->wanted->entries->len;
	     i++) {
		const struct pool4_wanted *wanted = g_ptr_array_index(sync->wanted->entries, i);
		const struct pool4_spec *spec = &wanted->spec;

		if (spec->n_addresses > 0 && same_use(&entry->spec, spec) &&
		    port_ranges_equal(&entry->spec.ports, &spec->ports) &&
		    !pool4_move_is_needed(entry, spec) &&
		    !pool4_entry_by_name(pool_of(sync), spec->name))
			return spec->name;
	}
	return NULL;
}

/* Its section is gone, or has another name. */
static void leave(struct pool4_sync *sync, const struct pool4_entry *entry)
{
	const char *name = new_name_of(sync, entry);
	g_autofree char *before = g_strdup(entry->spec.name);
	enum pool4_result result = POOL4_EXISTS;

	gateway_lock(sync->config.gateway);
	if (name)
		result = pool4_rename(pool_of(sync), entry->id, name);
	gateway_unlock(sync->config.gateway);
	if (result != POOL4_OK) {
		(void)pool4_sync_drain(sync, entry->id);
		return;
	}
	pool4_sync_say(sync, LOG_NOTICE, "pool4 entry %s is called %s now", before, name);
	pool4_sync_tell(sync, entry->id);
}

/* Entries that are not wanted any more, or not like this. */
static void retire(struct pool4_sync *sync, const struct pool4_wanted_list *old)
{
	const struct pool4_entry *entry;

	for (uint32_t id = 0; (entry = pool4_next(pool_of(sync), id)) != NULL;) {
		const struct pool4_wanted *was = pool4_wanted_find(old, entry->spec.name);
		const struct pool4_wanted *now = pool4_wanted_find(sync->wanted, entry->spec.name);

		id = entry->id;
		if (is_lost(sync, entry, now))
			lose(sync, entry);
		else if (!now)
			leave(sync, entry);
		else if (!same_use(was ? &was->spec : &entry->spec, &now->spec))
			replace(sync, entry);
		else
			move(sync, entry, &now->spec);
	}
}

/* The ports of the one that are none of the other's; none if they are too many ranges. */
static struct port_ranges ports_between(const struct port_ranges *ranges,
					const struct port_ranges *others)
{
	struct port_ranges ret = *ranges;

	for (uint32_t i = 0; i < others->n_ranges; i++)
		if (!port_ranges_remove(&ret, others->range[i].first, others->range[i].last))
			return (struct port_ranges){.n_ranges = 0};
	return ret;
}

/* A port, or where there are blocks a block, that has nothing to do with these ranges; else none.
 */
static struct port_ranges ports_outside(const struct pool4_sync *sync,
					const struct port_ranges *ranges)
{
	const struct pool4_allocation *allocation = &sync->followed->limits.pool4;
	uint32_t size = allocation->mode == POOL4_BLOCKS ? allocation->block_size : 1;

	for (uint32_t first = size; first + size - 1 < UINT16_MAX; first += size) {
		struct port_ranges ret = {{{(uint16_t)first, (uint16_t)(first + size - 1)}}, 1};

		if (!port_ranges_overlap(&ret, ranges))
			return ret;
	}
	return (struct port_ranges){.n_ranges = 0};
}

/*
 * The entry "auto" is on its way out, and shares ports with an entry that is to come, usually on
 * the host's one address. It keeps those that are not in its way, or gets some that are in
 * nobody's: ports in use stay so, and the rules keep those of before. Only where it can not have
 * any, its bindings end.
 */
static void make_way(struct pool4_sync *sync, const struct pool4_entry *automatic,
		     const struct pool4_spec *spec)
{
	struct port_ranges ports = ports_between(&automatic->spec.ports, &spec->ports);
	enum pool4_result result;

	if (sync->auto_id != automatic->id) {
		sync->auto_id = automatic->id;
		sync->auto_ports = automatic->spec.ports;
	}
	if (ports.n_ranges == 0)
		ports = ports_outside(sync, &spec->ports);
	gateway_lock(sync->config.gateway);
	result = pool4_set_ports(pool_of(sync), automatic->id, &ports);
	gateway_unlock(sync->config.gateway);
	if (result != POOL4_OK)
		(void)pool4_sync_cut(sync, automatic->id);
}

enum pool4_result pool4_sync_check(struct pool4_sync *sync, const struct pool4_wanted *wanted,
				   uint32_t *ret_other)
{
	enum pool4_result result = pool4_check_spec(pool_of(sync), &wanted->spec, ret_other);

	if (result == POOL4_OVERLAP &&
	    pool4_entry(pool_of(sync), *ret_other)->spec.source == POOL4_FROM_AUTO)
		return POOL4_OK;
	return result;
}

enum pool4_result pool4_sync_add(struct pool4_sync *sync, struct pool4_wanted *wanted,
				 uint32_t *ret_id)
{
	const struct pool4_entry *other;
	enum pool4_result result;
	uint32_t id = 0;

	result = pool4_check_spec(pool_of(sync), &wanted->spec, &id);
	other = result == POOL4_OVERLAP ? pool4_entry(pool_of(sync), id) : NULL;
	if (other && other->spec.source == POOL4_FROM_AUTO)
		make_way(sync, other, &wanted->spec);
	gateway_lock(sync->config.gateway);
	result = pool4_add(pool_of(sync), &wanted->spec, &id);
	gateway_unlock(sync->config.gateway);
	*ret_id = id;
	if (result != POOL4_OK)
		return result;
	memcpy(wanted->spec.name, pool4_entry(pool_of(sync), id)->spec.name,
	       sizeof(wanted->spec.name));
	g_array_append_val(sync->pending, id);
	return POOL4_OK;
}

/* The entry is there: is it in the state that is wanted? */
static void follow_entry(struct pool4_sync *sync, const struct pool4_entry *entry,
			 const struct pool4_wanted *wanted)
{
	uint32_t id = entry->id;

	if (entry->spec.source != wanted->spec.source ||
	    strcmp(entry->spec.comment, wanted->spec.comment) != 0) {
		gateway_lock(sync->config.gateway);
		pool4_set_source(pool_of(sync), id, wanted->spec.source);
		pool4_set_comment(pool_of(sync), id, wanted->spec.comment);
		gateway_unlock(sync->config.gateway);
		pool4_sync_tell(sync, id);
	}
	sync->differ |= pool4_move_differs(entry, &wanted->spec);
	if (wanted->intent == POOL4_USE &&
	    (entry->state == POOL4_DRAINING || entry->state == POOL4_DISABLED)) {
		if (entry->spec.source == POOL4_FROM_AUTO)
			pool4_runtime_forget_leaving(sync->runtime);
		pool4_sync_revive(sync, id);
	} else if (wanted->intent != POOL4_USE && entry->state != POOL4_DISABLED)
		(void)pool4_sync_drain(sync, id);
}

/* One that was drained before the start: it goes with its last binding, if any is restored. */
static void add_drained(struct pool4_sync *sync, uint32_t id)
{
	pool4_sync_set_state(sync, id, POOL4_DRAINING);
	g_array_append_val(sync->draining, id);
}

/* "auto" was on its way out before the start. It is first, so that the others find it as they found
 * it then: it makes way for them. */
static void add_leaving(struct pool4_sync *sync)
{
	const struct pool4_record *leaving = sync->runtime->leaving;
	uint32_t id = 0;
	enum pool4_result result = POOL4_EXISTS;

	if (!leaving)
		return;
	if (!pool4_wanted_find(sync->wanted, POOL4_WANTED_AUTO) &&
	    pool4_auto_is_own(sync->autos, leaving->entry.spec.addresses,
			      leaving->entry.spec.n_addresses)) {
		gateway_lock(sync->config.gateway);
		result = pool4_add(pool_of(sync), &leaving->entry.spec, &id);
		gateway_unlock(sync->config.gateway);
	}
	if (result == POOL4_OK)
		add_drained(sync, id);
	else
		pool4_runtime_forget_leaving(sync->runtime);
}

/* False if it could not be added. */
static bool add(struct pool4_sync *sync, struct pool4_wanted *wanted,
		const struct pool4_wanted_list *old)
{
	const struct pool4_entry *entry = pool4_entry_by_name(pool_of(sync), wanted->spec.name);
	const struct pool4_wanted *was = pool4_wanted_find(old, wanted->spec.name);
	const struct pool4_entry *other;
	enum pool4_result result;
	uint32_t id;

	if (wanted->spec.n_addresses == 0)
		return true; /* comes with its interface */
	if (entry) {
		wanted->change_refused =
			was && was->change_refused && same_places(&was->spec, &wanted->spec);
		follow_entry(sync, entry, wanted);
		return true;
	}
	result = pool4_sync_add(sync, wanted, &id);
	if (result == POOL4_OK) {
		if (wanted->intent == POOL4_OFF)
			pool4_sync_set_state(sync, id, POOL4_DISABLED);
		else if (wanted->intent == POOL4_DRAIN)
			add_drained(sync, id);
		return true;
	}
	wanted->tried = true;
	if (was && was->tried)
		return false;
	other = result == POOL4_OVERLAP ? pool4_entry(pool_of(sync), id) : NULL;
	pool4_sync_say(sync, LOG_ERR, "pool4 entry %s can not be used: %s%s%s", wanted->spec.name,
		       pool4_result_text(result), other ? ": " : "", other ? other->spec.name : "");
	return false;
}

/* Once, until there is one again. */
static void report_no_address(struct pool4_sync *sync, bool missing)
{
	if (missing && !sync->no_address_reported)
		sync->config.report(LOG_WARNING,
				    "no pool4 address: no [Pool4] entry is configured and the host "
				    "has no IPv4 default route to take an address from; nothing is "
				    "translated until there is one");
	if (!missing && sync->no_address_reported)
		sync->config.report(LOG_NOTICE, "there is a pool4 address now");
	sync->no_address_reported = missing;
}

static void report_forgotten(void *context, const char *text)
{
	pool4_sync_say(context, LOG_NOTICE, "%s", text);
}

static void report_kept(void *context, int level, const char *text)
{
	pool4_sync_say(context, level, "%s", text);
}

void pool4_sync_restore(struct pool4_sync *sync, const struct config *config, const GPtrArray *rows)
{
	kept_pool4_restore(sync->runtime, config, rows, report_kept, sync);
}

void pool4_sync_take_kept(struct pool4_sync *sync, GPtrArray *ret)
{
	kept_pool4_take(sync->runtime, ret);
}

struct kept_row *pool4_sync_kept_now(const struct pool4_sync *sync, const struct kept_row *row)
{
	return kept_pool4_now(sync->runtime, row);
}

/* Those that were added for a prefix that Pool6 does not have now. */
static void report_held(struct pool4_sync *sync)
{
	const struct pool4_runtime *runtime = sync->runtime;

	for (guint i = 0; i < runtime->added->len; i++) {
		const struct pool4_record *record = g_ptr_array_index(runtime->added, i);
		char prefix[ADDR_TEXT_SIZE];

		if (!pool4_wanted_find(sync->wanted, record->entry.spec.name))
			pool4_sync_say(sync, LOG_WARNING,
				       "pool4 entry %s can not be used: its prefix %s is not in "
				       "Translation.Pool6",
				       record->entry.spec.name,
				       prefix6_print(&record->prefix, prefix));
	}
}

unsigned pool4_sync_follow(struct pool4_sync *sync, const struct config *config)
{
	struct pool4_wanted_list *old = sync->wanted;
	bool is_new = config != sync->followed;
	bool is_first = !sync->followed;
	unsigned n_failed = 0;

	if (is_new)
		pool4_runtime_forget(sync->runtime, config, report_forgotten, sync);
	sync->wanted = pool4_wanted_new(sync->autos, config, sync->runtime);
	sync->followed = config;
	if (is_new)
		report_held(sync);
	report_no_address(sync, config->n_pool4 == 0 && sync->runtime->added->len == 0 &&
					sync->wanted->entries->len == 0);
	retire(sync, old);
	if (is_first)
		add_leaving(sync);
	for (guint i = 0; i < sync->wanted->entries->len;) {
		struct pool4_wanted *wanted = g_ptr_array_index(sync->wanted->entries, i);
		bool of_file = wanted->spec.source == POOL4_FROM_FILE;

		if (!add(sync, wanted, old))
			n_failed += of_file;
		/* One that was drained at once is not wanted any more. */
		if (i < sync->wanted->entries->len &&
		    g_ptr_array_index(sync->wanted->entries, i) == wanted)
			i++;
	}
	if (is_first && sync->config.restore)
		sync->config.restore(sync->config.context);
	n_failed += static_sync_follow(sync->statics, config, is_new, sync->runtime);
	if (is_first)
		static_sync_end_restored(sync->statics);
	if (is_first)
		(void)pool4_sync_reap(sync);
	pool4_wanted_free(old);
	return n_failed;
}

bool pool4_sync_wants_auto(const struct pool4_sync *sync)
{
	return sync->followed->n_pool4 == 0 && sync->runtime->added->len == 0 &&
	       !pool4_wanted_find(sync->wanted, POOL4_WANTED_AUTO);
}
