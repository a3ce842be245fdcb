/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/owner.h"

#include <stdlib.h>

/* Between what happens at once, or is told by two. */
#define AT_ONCE_USEC 2000000

/* Of one protocol, or of all: at most one client has an address and port. */
struct holding {
	bool is_held;
	struct owner owner;  /* who has it, or had it last */
	uint64_t ended_usec; /* when it was had last; 0: never */
	GHashTable *parts;   /* of struct taddr4: the sessions that are open, or 0.0.0.0:0 */
};

struct owner_log {
	struct holding holding[N_PROTOCOLS + 1];
	GArray *ended; /* of struct owner */
};

/* Peers are chosen by others. */
static guint hash_peer(gconstpointer key)
{
	static guint64 seed;
	const struct taddr4 *peer = key;

	if (seed == 0)
		seed = ((guint64)g_random_int() << 32 | g_random_int()) | 1;
	return (guint)((((guint64)peer->addr << 16 | peer->port) * seed) >> 32);
}

static gboolean equal_peer(gconstpointer a, gconstpointer b)
{
	return taddr4_equal(a, b);
}

struct owner_log *owner_log_new(void)
{
	struct owner_log *log = g_new0(struct owner_log, 1);

	for (unsigned i = 0; i <= N_PROTOCOLS; i++)
		log->holding[i].parts = g_hash_table_new_full(hash_peer, equal_peer, g_free, NULL);
	log->ended = g_array_new(FALSE, FALSE, sizeof(struct owner));
	return log;
}

void owner_log_free(struct owner_log *log)
{
	if (log == NULL)
		return;
	for (unsigned i = 0; i <= N_PROTOCOLS; i++)
		g_hash_table_unref(log->holding[i].parts);
	g_array_unref(log->ended);
	g_free(log);
}

static bool is_same_client(const struct owner *owner, const struct owner_change *change)
{
	return taddr6_equal(&owner->client, &change->client) &&
	       owner->prefix_len == change->prefix_len;
}

static bool is_at_once(uint64_t earlier_usec, uint64_t later_usec)
{
	return later_usec >= earlier_usec && later_usec - earlier_usec <= AT_ONCE_USEC;
}

static void begin(struct holding *holding, const struct owner_change *change, uint64_t created_usec)
{
	holding->is_held = true;
	holding->owner = (struct owner){
		.protocol = change->protocol,
		.client = change->client,
		.prefix_len = change->prefix_len,
		.is_logged = true,
		.created_usec = created_usec,
		.ended_usec = OWNER_NOT_LOGGED,
		.after_usec = holding->ended_usec,
	};
}

static void end(struct owner_log *log, struct holding *holding, uint64_t usec)
{
	holding->is_held = false;
	holding->owner.ended_usec = usec;
	holding->ended_usec = usec;
	g_hash_table_remove_all(holding->parts);
	g_array_append_val(log->ended, holding->owner);
}

/* Of a client whose block of ports tells it already. */
static bool is_in_block(const struct owner_log *log, const struct owner_change *change)
{
	const struct holding *block = &log->holding[N_PROTOCOLS];
	const struct prefix6 client = {block->owner.client.addr, block->owner.prefix_len};

	return change->protocol != N_PROTOCOLS &&
	       (block->is_held ||
		(block->ended_usec > 0 && is_at_once(block->ended_usec, change->usec))) &&
	       prefix6_contains(&client, &change->client.addr);
}

/* The end of something whose begin is not in the log. */
static void end_unknown(struct owner_log *log, struct holding *holding,
			const struct owner_change *change)
{
	if (holding->is_held) {
		/* A session of his from before: he had it all the time. */
		holding->owner.created_usec = OWNER_NOT_LOGGED;
		return;
	}
	/* The binding's end behind that of its sessions, or theirs behind its own. */
	if (holding->ended_usec > 0 && is_same_client(&holding->owner, change) &&
	    is_at_once(holding->ended_usec, change->usec))
		return;
	if (is_in_block(log, change))
		return;
	begin(holding, change, OWNER_NOT_LOGGED);
	end(log, holding, change->usec);
}

void owner_log_add(struct owner_log *log, const struct owner_change *change)
{
	static const struct taddr4 whole;
	struct holding *holding = &log->holding[change->protocol];

	/* Nobody else gets it before it has ended, which was not logged then. */
	if (holding->is_held && !is_same_client(&holding->owner, change))
		end(log, holding, change->usec);
	if (change->begins) {
		if (!holding->is_held)
			begin(holding, change, change->usec);
		g_hash_table_add(holding->parts, g_memdup2(&change->peer, sizeof(change->peer)));
	} else if (holding->is_held && taddr4_equal(&change->peer, &whole)) {
		/* With all of its sessions. */
		end(log, holding, change->usec);
	} else if (!g_hash_table_remove(holding->parts, &change->peer)) {
		end_unknown(log, holding, change);
	} else if (g_hash_table_size(holding->parts) == 0) {
		end(log, holding, change->usec);
	}
}

static uint64_t first_usec(const struct owner *owner)
{
	return owner->created_usec == OWNER_NOT_LOGGED ? owner->after_usec : owner->created_usec;
}

/* A clock that was set back in between has the end before the begin: then it was in between. */
static void append_if(const struct owner *owner, uint64_t from_usec, uint64_t until_usec,
		      GArray *ret)
{
	uint64_t first = first_usec(owner), last = owner->ended_usec;

	if (MIN(first, last) <= until_usec && MAX(first, last) >= from_usec)
		g_array_append_val(ret, *owner);
}

static int by_first(gconstpointer a, gconstpointer b)
{
	uint64_t one = first_usec(a), other = first_usec(b);

	return one < other ? -1 : one > other;
}

void owner_log_between(const struct owner_log *log, uint64_t from_usec, uint64_t until_usec,
		       GArray *ret)
{
	guint n_before = ret->len;

	for (guint i = 0; i < log->ended->len; i++)
		append_if(&g_array_index(log->ended, struct owner, i), from_usec, until_usec, ret);
	for (unsigned i = 0; i <= N_PROTOCOLS; i++)
		if (log->holding[i].is_held)
			append_if(&log->holding[i].owner, from_usec, until_usec, ret);
	if (ret->len > n_before)
		qsort(&g_array_index(ret, struct owner, n_before), ret->len - n_before,
		      sizeof(struct owner), by_first);
}

/* Is the time within those of the owner, or close to them? */
static bool is_within(uint64_t usec, const struct owner *owner)
{
	return usec + AT_ONCE_USEC >= first_usec(owner) &&
	       (owner->ended_usec >= OWNER_NOT_LOGGED || usec <= owner->ended_usec + AT_ONCE_USEC);
}

bool owner_covers(const struct owner *known, const struct owner *logged)
{
	return known->protocol == logged->protocol &&
	       taddr6_equal(&known->client, &logged->client) &&
	       known->prefix_len == logged->prefix_len &&
	       (logged->created_usec == OWNER_NOT_LOGGED ||
		is_within(logged->created_usec, known)) &&
	       (logged->ended_usec == OWNER_NOT_LOGGED || is_within(logged->ended_usec, known));
}
