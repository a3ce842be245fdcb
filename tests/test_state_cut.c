/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The power is cut, or the daemon is killed, at any place of what it does to its files (O-13,
 * P-16). What is found then is sound, and a state that there was: after a power cut nothing older
 * than SyncInterval and a second is lost, after a kill nothing older than FlushInterval and 100 ms.
 * By fake time, on a fake disk; each round begins with what the last one has left.
 */
#include <glib.h>
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <stdlib.h>

#include "tests/state_fixture.h"

#define N_CLIENTS 300
#define SEED      20111205

struct snapshot {
	uint64_t ms;              /* when it was flushed */
	uint16_t port[N_CLIENTS]; /* 0: no binding */
};

struct way {
	unsigned n_rounds;
	bool is_power; /* else the process alone */
	bool has_reader;
	uint64_t lost_ms; /* at most */
	struct nat64_limits limits;
	const char *clients;
};

static const struct way ways[] = {
	{300, true, false, STATE_SYNC_MS + 1000, {1000, 2000, 16, 1 << 20}, NULL},
	{100, true, true, STATE_SYNC_MS + 1000, {1000, 2000, 16, 1 << 20}, NULL},
	{300, false, false, STATE_FLUSH_MS + 100, {1000, 2000, 16, 1 << 20}, NULL},
	{100,
	 false,
	 false,
	 STATE_FLUSH_MS + 100,
	 {1000, 2000, 16, 1 << 20, .pool4 = {.mode = POOL4_BLOCKS, .block_size = 64}},
	 NULL},
	{100,
	 false,
	 false,
	 STATE_FLUSH_MS + 100,
	 {1000, 2000, 16, 1 << 20, .pool4 = {.mode = POOL4_DETERMINISTIC}},
	 "2001:db8:1::/121"},
};

/* As it is in the core now. */
static void look(struct state_fixture *f, struct snapshot *ret)
{
	struct bib *bib = &f->gateway.nat->bib[PROTOCOL_UDP];

	*ret = (struct snapshot){.ms = fake_time_now_ms()};
	gateway_lock(&f->gateway);
	for (uint32_t i = 0; i < N_CLIENTS; i++) {
		const struct taddr6 client = state_client(i);
		uint32_t index = bib_find6(bib, &client);

		if (index != SLAB_NONE)
			ret->port[i] = bib_at(bib, index)->port4;
	}
	gateway_unlock(&f->gateway);
}

static void end_binding(struct state_fixture *f, uint32_t number)
{
	const struct taddr6 client = state_client(number);
	struct nat64 *nat = f->gateway.nat;
	uint32_t index;

	gateway_lock(&f->gateway);
	index = bib_find6(&nat->bib[PROTOCOL_UDP], &client);
	if (index != SLAB_NONE)
		nat64_remove_binding(nat, PROTOCOL_UDP, index, fake_time_now_ms());
	gateway_unlock(&f->gateway);
}

/* P-16: nobody gets a port that another one had when it was killed, less than 120 s ago. */
static void send_and_check(struct state_fixture *f, uint32_t number, const struct snapshot *lost)
{
	const struct taddr6 client = state_client(number);
	uint16_t port = state_send(f, number).port;

	for (uint32_t i = 0; lost->ms + 120000 > fake_time_now_ms() && i < N_CLIENTS; i++) {
		const struct taddr6 other = state_client(i);

		if (lost->port[i] == port)
			g_assert_true(addr6_equal(&other.addr, &client.addr));
	}
}

/* Until it is cut; *ret_last: what there was then. */
static void live(struct state_fixture *f, GRand *random, GArray *snapshots,
		 struct snapshot *ret_last)
{
	struct snapshot lost = *ret_last;
	struct snapshot snapshot;

	look(f, &snapshot);
	g_array_append_val(snapshots, snapshot);
	while (!fake_disk_is_cut()) {
		uint32_t ended = (uint32_t)g_rand_int_range(random, 0, N_CLIENTS);

		for (unsigned i = 0; i < 8; i++)
			send_and_check(f, (uint32_t)g_rand_int_range(random, 0, N_CLIENTS), &lost);
		end_binding(f, ended);
		lost.port[ended] = 0; /* now it is P-14's */
		look(f, &snapshot);
		snapshot.ms += (uint64_t)fake_time_wait();
		if (state_n_pending(f) > 0) /* else there is no such flush */
			g_array_append_val(snapshots, snapshot);
		(void)fake_time_step();
	}
	*ret_last = snapshot;
}

/* Which flush was the last that is in the file; 0: it is new, or there is none. */
static uint64_t flushed_ms(const struct state_fixture *f)
{
	uint64_t ms = 0;
	sqlite3_stmt *statement;
	sqlite3 *db;

	if (!g_file_test(f->path, G_FILE_TEST_EXISTS))
		return 0;
	g_assert_cmpint(sqlite3_open(f->path, &db), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &statement, NULL), ==,
			SQLITE_OK);
	g_assert_cmpint(sqlite3_step(statement), ==, SQLITE_ROW);
	g_assert_cmpstr((const char *)sqlite3_column_text(statement, 0), ==, "ok");
	(void)sqlite3_finalize(statement);
	if (sqlite3_prepare_v2(db, "SELECT boot_ms FROM meta", -1, &statement, NULL) == SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW)
		ms = (uint64_t)sqlite3_column_int64(statement, 0);
	(void)sqlite3_finalize(statement);
	g_assert_cmpint(sqlite3_close(db), ==, SQLITE_OK);
	return ms;
}

/* It is the state of that flush, and no older one than it may be; what came later has never been.
 */
static void check_state(struct state_fixture *f, GArray *snapshots, uint64_t ms, uint64_t oldest_ms)
{
	struct snapshot now, then = {0};
	bool was_there = ms == 0;

	look(f, &now);
	while (snapshots->len > 0 &&
	       g_array_index(snapshots, struct snapshot, snapshots->len - 1).ms > ms)
		g_array_set_size(snapshots, snapshots->len - 1);
	if (snapshots->len > 0) {
		then = g_array_index(snapshots, struct snapshot, snapshots->len - 1);
		was_there = then.ms == ms;
	}
	g_assert_true(was_there);
	g_assert_cmpuint(ms, >=, oldest_ms);
	for (uint32_t i = 0; i < N_CLIENTS; i++)
		g_assert_cmpuint(now.port[i], ==, then.port[i]);
}

static sqlite3 *begin_reading(const struct state_fixture *f)
{
	sqlite3 *reader = NULL;

	if (sqlite3_open(f->path, &reader) == SQLITE_OK)
		(void)sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM binding", NULL, NULL, NULL);
	return reader;
}

/* The last flush before this one has to be there. */
static uint64_t oldest_allowed(const GArray *snapshots, uint64_t before_ms)
{
	uint64_t ms = 0;

	for (guint i = 0; i < snapshots->len; i++) {
		const struct snapshot *snapshot = &g_array_index(snapshots, struct snapshot, i);

		if (snapshot->ms <= before_ms)
			ms = snapshot->ms;
	}
	return ms;
}

static void test_cut(struct state_fixture *f, gconstpointer data)
{
	const struct way *way = data;
	GRand *random = g_rand_new_with_seed(SEED);
	GArray *snapshots = g_array_new(FALSE, FALSE, sizeof(struct snapshot));
	struct snapshot last = {0};
	uint64_t ms = 0, oldest_ms = 0;

	/* So few that one that is free is soon given to somebody, and so many that none is held for
	 * less than 120 s (P-15). Or as many for each client. */
	f->options.ports = way->clients ? "1024-65535" : "1024-4095";
	f->options.limits = &way->limits;
	f->options.clients = way->clients;
	for (unsigned round = 0; round < way->n_rounds; round++) {
		sqlite3 *reader = NULL;

		fake_disk_power((unsigned)g_rand_int_range(random, 1, 1500));
		state_begin(f);
		check_state(f, snapshots, ms, oldest_ms);
		if (way->is_power)
			last.ms = 0;
		if (way->has_reader)
			reader = begin_reading(f);
		live(f, random, snapshots, &last);
		oldest_ms = oldest_allowed(snapshots, fake_time_now_ms() - way->lost_ms);
		state_end(f);
		(void)sqlite3_close(reader);
		fake_disk_power_on(way->is_power ? random : NULL);
		ms = flushed_ms(f);
		g_assert_cmpuint(state_n_logged(f, "it is kept as"), ==, 0);
		g_ptr_array_set_size(f->log, 0);
		fake_time_advance(1000);
		g_test_message("round %u: cut at %" G_GUINT64_FORMAT ", found %" G_GUINT64_FORMAT,
			       round, last.ms, ms);
	}
	g_array_unref(snapshots);
	g_rand_free(random);
}

int main(int argc, char **argv)
{
	static const char *const names[] = {"power", "power_with_a_reader", "killed",
					    "killed_blocks", "killed_deterministic"};

	g_test_init(&argc, &argv, NULL);
	fake_disk_install();
	for (unsigned i = 0; i < G_N_ELEMENTS(ways); i++) {
		char *name = g_strconcat("/state_cut/", names[i], NULL);

		g_test_add(name, struct state_fixture, &ways[i], state_setup, test_cut,
			   state_teardown);
		g_free(name);
	}
	return g_test_run();
}
