/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bindings that have ended: who had what and when, for how long that is kept, and in what size. */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "schema/store_who.h"
#include "tests/store_fixture.h"

#define MAPPED ((struct taddr4){0xcb007101, 2000}) /* 203.0.113.1 */
#define HOST   2

/* Wall clock = boot clock + this, at fixture_boot_1. */
#define WALL_S(core_s) ((int64_t)(core_s) + 1800000000 - 2000)

static struct closed_binding a_closed(uint8_t host, int32_t created_s, uint32_t ended_s)
{
	struct closed_binding closed = {
		.mapped = MAPPED,
		.port6 = 5000,
		.protocol = PROTOCOL_UDP,
		.created_s = created_s,
		.ended_ms = (uint64_t)ended_s * 1000,
	};

	g_assert_true(addr6_parse("2001:db8:1::", &closed.addr6));
	closed.addr6.byte[15] = host;
	return closed;
}

static void put(struct store *store, const struct closed_binding *closed, unsigned n)
{
	g_assert_cmpint(store_begin(store), ==, 0);
	for (unsigned i = 0; i < n; i++)
		g_assert_cmpint(store_put_closed(store, &closed[i], &fixture_boot_1), ==, 0);
	g_assert_cmpint(store_commit(store, &fixture_boot_1, 42, false), ==, 0);
}

/* Of struct store_who_row. */
static GArray *who(const struct store_fixture *f, const struct store_who_question *question)
{
	const struct store_config config = {.directory = f->directory};
	GArray *rows = g_array_new(FALSE, FALSE, sizeof(struct store_who_row));
	char text[STORE_TEXT_SIZE];

	if (store_who(&config, question, rows, text) < 0)
		g_error("%s", text);
	return rows;
}

static void assert_who(const struct store_fixture *f, int64_t from_core_s, int64_t to_core_s,
		       const char *hosts)
{
	GArray *rows = who(f, &(struct store_who_question){.mapped = MAPPED,
							   .from_s = WALL_S(from_core_s),
							   .to_s = WALL_S(to_core_s),
							   .max = 100});
	GString *found = g_string_new("");

	for (guint i = 0; i < rows->len; i++)
		g_string_append_printf(
			found, "%u",
			g_array_index(rows, struct store_who_row, i).client.addr.byte[15]);
	g_assert_cmpstr(found->str, ==, hosts);
	g_string_free(found, TRUE);
	g_array_unref(rows);
}

/* Everybody who had it within the time, the earliest first; both ends belong to it. */
static void test_who(struct store_fixture *f, gconstpointer data)
{
	struct closed_binding closed[] = {
		a_closed(2, 100, 200), a_closed(1, -50, 90),  a_closed(3, 300, 300),
		a_closed(4, 150, 160), a_closed(5, 100, 200), a_closed(6, 100, 200),
	};
	struct store *store = fixture_open(f);
	GArray *rows;

	closed[4].mapped.port++;
	closed[5].mapped.addr++;
	put(store, closed, G_N_ELEMENTS(closed));
	assert_who(f, -100, 1000, "1243");
	assert_who(f, 91, 99, "");
	assert_who(f, 90, 100, "12");
	assert_who(f, 155, 155, "24");
	assert_who(f, 161, 161, "2");
	assert_who(f, 200, 299, "2");
	assert_who(f, 300, 300, "3");
	assert_who(f, 301, 1000, "");
	rows = who(f, &(struct store_who_question){
			      .mapped = MAPPED, .from_s = 0, .to_s = INT64_MAX, .max = 2});
	g_assert_cmpuint(rows->len, ==, 2);
	const struct store_who_row *row = &g_array_index(rows, struct store_who_row, 0);
	g_assert_cmpint(row->protocol, ==, PROTOCOL_UDP);
	g_assert_cmpuint(row->client.port, ==, 5000);
	g_assert_cmpint(row->created_s, ==, WALL_S(-50));
	g_assert_cmpint(row->ended_s, ==, WALL_S(90));
	g_array_unref(rows);
	store_close(store);
	fixture_assert_answer(f->path,
			      "SELECT group_concat(mapped || ':' || port4 || ' ' || client) "
			      "FROM closed WHERE client LIKE '%3'",
			      "203.0.113.1:2000 2001:0db8:0001:0000:0000:0000:0000:0003");
}

/* Parts of a second never make the time shorter than it was. */
static void test_rounding(struct store_fixture *f, gconstpointer data)
{
	const struct store_clock now = {
		.boot_ms = 2000000, .wall_ms = 1800000000400, .boot_id = "boot 1"};
	struct closed_binding closed = a_closed(HOST, 100, 200);
	struct store *store = fixture_open(f);

	g_assert_cmpint(store_begin(store), ==, 0);
	g_assert_cmpint(store_put_closed(store, &closed, &now), ==, 0);
	g_assert_cmpint(store_commit(store, &now, 42, false), ==, 0);
	store_close(store);
	fixture_assert_answer(f->path, "SELECT ended - lasted FROM closed_row", "1799998100");
	fixture_assert_answer(f->path, "SELECT ended FROM closed_row", "1799998201");
}

/* The same one twice, as after a crash, is one; a transaction that is rolled back leaves nothing.
 */
static void test_again(struct store_fixture *f, gconstpointer data)
{
	struct closed_binding closed = a_closed(HOST, 100, 200), other = a_closed(3, 100, 200);
	struct store *store = fixture_open(f);

	put(store, &closed, 1);
	put(store, &closed, 1);
	g_assert_cmpint(store_begin(store), ==, 0);
	g_assert_cmpint(store_put_closed(store, &other, &fixture_boot_1), ==, 0);
	store_roll_back(store);
	assert_who(f, 0, 1000, "2");
	put(store, &other, 1);
	assert_who(f, 0, 1000, "23");
	store_close(store);
	g_assert_cmpint(fixture_ask_number(f->path, "SELECT count(*) FROM closed_run"), ==, 1);
}

/* 0: all of them. */
static void forget(struct store *store, uint32_t retention_s, int64_t now_core_s)
{
	int64_t before_s = retention_s > 0 ? WALL_S(now_core_s) - retention_s : INT64_MAX;
	int64_t after_s = retention_s > 0 ? WALL_S(now_core_s) + retention_s : INT64_MAX;
	bool more = true;

	while (more) {
		g_assert_cmpint(store_begin(store), ==, 0);
		g_assert_cmpint(store_forget_closed(store, before_s, after_s, &more), ==, 0);
		g_assert_cmpint(store_commit(store, &fixture_boot_1, 42, false), ==, 0);
	}
}

/* To the second; also what a clock that was wrong has dated into the future. 0 keeps none. */
static void test_retention(struct store_fixture *f, gconstpointer data)
{
	const struct closed_binding closed[] = {a_closed(1, 100, 200), a_closed(2, 100, 201),
						a_closed(3, 250, 300),
						a_closed(4, 2000000, 2000000)};
	struct store *store = fixture_open(f);

	int64_t oldest_s, newest_s;

	g_assert_cmpint(store_closed_range(store, &oldest_s, &newest_s), ==, 0);
	g_assert_cmpint(oldest_s, ==, 0);
	g_assert_cmpint(newest_s, ==, 0);
	put(store, closed, G_N_ELEMENTS(closed));
	g_assert_cmpint(store_closed_range(store, &oldest_s, &newest_s), ==, 0);
	g_assert_cmpint(oldest_s, ==, WALL_S(200));
	g_assert_cmpint(newest_s, ==, WALL_S(2000000));
	forget(store, 2000000, 2000);
	assert_who(f, 0, 3000000, "1234");
	forget(store, 100, 300);
	assert_who(f, 0, 3000000, "123");
	forget(store, 100, 301);
	assert_who(f, 0, 3000000, "23");
	put(store, closed, 1);
	forget(store, 100, 301);
	assert_who(f, 0, 3000000, "23");
	forget(store, 0, 301);
	assert_who(f, 0, 3000000, "");
	g_assert_cmpint(fixture_ask_number(f->path, "SELECT count(*) FROM closed_run"), ==, 0);
	put(store, closed, 1);
	assert_who(f, 0, 3000000, "1");
	store_close(store);
}

/* More than a run has: they are found in each, and old runs go as a whole, a few at a time. */
static void test_runs(struct store_fixture *f, gconstpointer data)
{
	const uint32_t n = 10 * 65536 / 2 + 1;
	struct store *store = fixture_open(f);
	bool more = false;

	g_assert_cmpint(store_begin(store), ==, 0);
	for (uint32_t i = 0; i < n; i++) {
		struct closed_binding closed = a_closed((uint8_t)(i % 100), 0, 1000 + i / 1000);

		closed.mapped.port = (uint16_t)(i * 7919);
		g_assert_cmpint(store_put_closed(store, &closed, &fixture_boot_1), ==, 0);
	}
	g_assert_cmpint(store_commit(store, &fixture_boot_1, 42, false), ==, 0);
	g_assert_cmpint(fixture_ask_number(f->path, "SELECT count(*) FROM closed_run"), ==, 6);
	GArray *rows = who(f, &(struct store_who_question){.mapped = {MAPPED.addr, 7919},
							   .from_s = 0,
							   .to_s = INT64_MAX,
							   .max = 100});
	g_assert_cmpuint(rows->len, ==, 5); /* each port came once in 65536 */
	g_array_unref(rows);
	g_assert_cmpint(store_begin(store), ==, 0);
	g_assert_cmpint(store_forget_closed(store, INT64_MAX, INT64_MAX, &more), ==, 0);
	g_assert_cmpint(store_commit(store, &fixture_boot_1, 42, false), ==, 0);
	g_assert_true(more);
	g_assert_cmpint(fixture_ask_number(f->path, "SELECT count(*) FROM closed_run"), ==, 2);
	forget(store, 0, 0);
	g_assert_cmpint(fixture_ask_number(f->path, "SELECT count(*) FROM closed_row"), ==, 0);
	store_close(store);
}

/* ---- blocks of ports ----------------------------------------------------------------------------
 */

static struct closed_binding a_block(uint8_t host, int32_t created_s, uint32_t ended_s)
{
	struct closed_binding closed = a_closed(host, created_s, ended_s);

	closed.mapped.port = 1984;
	closed.port6 = 2047;
	closed.protocol = N_PROTOCOLS;
	closed.prefix_len = 128;
	return closed;
}

/* "HOST FROM-TO", of the core's seconds, each with a space behind. */
static void assert_blocks(const struct store_fixture *f, uint16_t port, const char *expected)
{
	const struct taddr4 mapped = {MAPPED.addr, port};
	GArray *rows = who(
		f, &(struct store_who_question){.mapped = mapped, .to_s = INT64_MAX, .max = 100});
	GString *found = g_string_new("");

	for (guint i = 0; i < rows->len; i++) {
		const struct store_who_row *row = &g_array_index(rows, struct store_who_row, i);

		g_assert_cmpint(row->protocol, ==, N_PROTOCOLS);
		g_assert_cmpuint(row->prefix_len, ==, 128);
		g_assert_cmpuint(row->client.port, ==, 0);
		g_string_append_printf(found, "%u %d-%d ", row->client.addr.byte[15],
				       (int)(row->created_s - WALL_S(0)),
				       (int)(row->ended_s - WALL_S(0)));
	}
	g_assert_cmpstr(found->str, ==, expected);
	g_string_free(found, TRUE);
	g_array_unref(rows);
}

/* One row for the time for which a client had it, in whatever order its bindings ended. */
static void test_blocks(struct store_fixture *f, gconstpointer data)
{
	const struct closed_binding closed[] = {
		a_block(1, 100, 200), a_block(1, 150, 160), /* within */
		a_block(1, 150, 250),                       /* longer */
		a_block(1, 300, 400),                       /* later */
		a_block(2, 500, 600),                       /* another one */
		a_block(1, 700, 800),
	};
	const struct closed_binding bridge = a_block(1, 240, 310);
	struct store *store = fixture_open(f);

	put(store, closed, 3);
	assert_blocks(f, 2000, "1 100-250 ");
	put(store, closed, G_N_ELEMENTS(closed));
	assert_blocks(f, 1984, "1 100-250 1 300-400 2 500-600 1 700-800 ");
	put(store, &bridge, 1);
	assert_blocks(f, 2047, "1 100-400 2 500-600 1 700-800 ");
	assert_blocks(f, 1983, "");
	assert_blocks(f, 2048, "");
	assert_who(f, 401, 499, "");
	assert_who(f, 400, 500, "12");
	g_assert_cmpint(fixture_ask_number(f->path, "SELECT count(*) FROM closed_row"), ==, 0);
	fixture_assert_answer(f->path,
			      "SELECT client || ' ' || mapped || ' ' || first || '-' || last FROM "
			      "closed_blocks WHERE client LIKE '%2/128'",
			      "2001:0db8:0001:0000:0000:0000:0000:0002/128 203.0.113.1 1984-2047");
	forget(store, 1000, 1500);
	assert_blocks(f, 2000, "2 500-600 1 700-800 ");
	forget(store, 0, 1500);
	assert_blocks(f, 2000, "");
	store_close(store);
}

/* More than go at once; and those of other sizes beside them. */
static void test_many_blocks(struct store_fixture *f, gconstpointer data)
{
	struct store *store = fixture_open(f);
	bool more = false;

	g_assert_cmpint(store_begin(store), ==, 0);
	for (uint32_t i = 0; i < 10000; i++) {
		struct closed_binding closed = a_block((uint8_t)(i % 100), 0, 1000);

		closed.mapped.addr += i / 100;
		closed.mapped.port = (uint16_t)(1024 + i % 100 * 64);
		closed.port6 = (uint16_t)(closed.mapped.port + 63);
		g_assert_cmpint(store_put_closed(store, &closed, &fixture_boot_1), ==, 0);
	}
	g_assert_cmpint(store_commit(store, &fixture_boot_1, 42, false), ==, 0);
	assert_blocks(f, 2000, "15 0-1000 ");
	g_assert_cmpint(store_begin(store), ==, 0);
	g_assert_cmpint(store_forget_closed(store, WALL_S(1900), WALL_S(2100), &more), ==, 0);
	g_assert_cmpint(store_commit(store, &fixture_boot_1, 42, false), ==, 0);
	g_assert_true(more);
	forget(store, 100, 2000);
	g_assert_cmpint(fixture_ask_number(f->path, "SELECT count(*) FROM closed_block"), ==, 0);
	store_close(store);
}

/* Rows that nat64d never writes are nobody. */
static void test_hostile_blocks(struct store_fixture *f, gconstpointer data)
{
	const struct closed_binding closed = a_block(HOST, 100, 200);
	struct store *store = fixture_open(f);

	put(store, &closed, 1);
	store_close(store);
	fixture_sql(f,
		    "INSERT INTO closed_block SELECT address4, first, last, X'00', length, ended, "
		    "created FROM closed_block WHERE length = 128;"
		    "INSERT INTO closed_block SELECT address4, first, last, address6, 129, ended, "
		    "created FROM closed_block WHERE length = 128 AND length(address6) = 16;"
		    "INSERT INTO closed_block SELECT address4, first, last, address6, 0, ended, "
		    "created FROM closed_block WHERE length = 129;"
		    "INSERT INTO closed_block SELECT address4, -1, last, address6, 127, "
		    "9223372036854775807, created FROM closed_block WHERE length = 129;"
		    "INSERT INTO closed_block SELECT address4, first, last, address6, 126, ended, "
		    "-9223372036854775807 FROM closed_block WHERE length = 129;");
	assert_blocks(f, 2000, "2 100-200 ");
	store = fixture_open(f);
	put(store, &closed, 1);
	assert_blocks(f, 2000, "2 100-200 ");
	store_close(store);
}

/* Rows that nat64d never writes are nobody; runs, what can not be gone on with. */
static void test_hostile(struct store_fixture *f, gconstpointer data)
{
	struct closed_binding closed = a_closed(HOST, 100, 200);
	const struct store_config config = {.directory = f->directory};
	GArray *rows = g_array_new(FALSE, FALSE, sizeof(struct store_who_row));
	struct store *store = fixture_open(f);
	char text[STORE_TEXT_SIZE];

	put(store, &closed, 1);
	store_close(store);
	fixture_sql(
		f,
		"UPDATE closed_run SET created = 0, ended = 9223372036854775807;"
		"INSERT OR IGNORE INTO closed_row SELECT run, mapped, ended, lasted, -1, address6 "
		"FROM closed_row;"
		"INSERT OR IGNORE INTO closed_row SELECT run, mapped, ended, lasted, 262144, "
		"address6 "
		"FROM closed_row;"
		"INSERT OR IGNORE INTO closed_row SELECT run, mapped, ended, lasted, 3, address6 "
		"FROM "
		"closed_row;"
		"INSERT OR IGNORE INTO closed_row SELECT run, mapped, ended, lasted, 1, X'00' FROM "
		"closed_row LIMIT 1;"
		"INSERT OR IGNORE INTO closed_row SELECT run, mapped, 9223372036854775807, lasted, "
		"1, "
		"address6 FROM closed_row LIMIT 1;"
		"INSERT OR IGNORE INTO closed_row SELECT run, mapped, ended, -9223372036854775807, "
		"1, "
		"address6 FROM closed_row LIMIT 1;");
	assert_who(f, 0, 1000, "2");
	fixture_sql(f, "UPDATE closed_run SET run = 9223372036854775807");
	store = fixture_open(f);
	g_assert_cmpint(store_begin(store), ==, 0);
	g_assert_cmpint(store_put_closed(store, &closed, &fixture_boot_1), ==, -EUCLEAN);
	store_roll_back(store);
	g_assert_nonnull(strstr(store_error(store), "can not be gone on with"));
	store_close(store);
	fixture_sql(f, "DROP TABLE closed_row");
	g_assert_cmpint(store_who(&config, &(struct store_who_question){.max = 1}, rows, text), ==,
			-EUCLEAN);
	g_assert_nonnull(strstr(text, "no such table: closed_row"));
	fixture_clean(f);
	g_assert_cmpint(store_who(&config, &(struct store_who_question){.max = 1}, rows, text), ==,
			-EROFS);
	g_assert_nonnull(strstr(text, "can not be opened"));
	g_array_unref(rows);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(struct store_fixture *f, gconstpointer data);
	} tests[] = {
		{"/store_closed/who", test_who},
		{"/store_closed/rounding", test_rounding},
		{"/store_closed/again", test_again},
		{"/store_closed/retention", test_retention},
		{"/store_closed/runs", test_runs},
		{"/store_closed/hostile", test_hostile},
		{"/store_closed/blocks", test_blocks},
		{"/store_closed/many_blocks", test_many_blocks},
		{"/store_closed/hostile_blocks", test_hostile_blocks},
	};

	g_test_init(&argc, &argv, NULL);
	for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++)
		g_test_add(tests[i].name, struct store_fixture, NULL, fixture_setup, tests[i].run,
			   fixture_teardown);
	return g_test_run();
}
