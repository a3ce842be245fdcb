/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A state directory for tests of the store: opened, filled with rows that are known by their index,
 * read back, and looked into by a connection of the test's own.
 */
#pragma once

#include <glib.h>

#include "schema/store.h"

/* STORE_VERSION, and one that is newer than this program, for SQL. */
#define FIXTURE_STRING_(x) #x
#define FIXTURE_STRING(x)  FIXTURE_STRING_(x)
#define FIXTURE_VERSION    FIXTURE_STRING(STORE_VERSION)
#define FIXTURE_NEWER      FIXTURE_VERSION "0"

struct store_fixture {
	char *directory;
	char *path;      /* of the database */
	GPtrArray *news; /* what the store has reported */
};

/* As g_test_add() wants them. */
void fixture_setup(struct store_fixture *f, gconstpointer data);
void fixture_teardown(struct store_fixture *f, gconstpointer data);

/* The paths of the files whose names begin so; free with g_ptr_array_unref(). */
GPtrArray *fixture_files(const struct store_fixture *f, const char *prefix);
guint fixture_n_files(const struct store_fixture *f, const char *prefix);
/* Removes all files, and forgets what was reported. */
void fixture_clean(const struct store_fixture *f);

int fixture_try_open(struct store_fixture *f, struct store **ret, char text[STORE_TEXT_SIZE]);
struct store *fixture_open(struct store_fixture *f);

/* Any SQL, by another connection; the first column of the first row of a question. */
void fixture_sql(const struct store_fixture *f, const char *text);
char *fixture_ask(const char *path, const char *question);
#define fixture_assert_answer(path, question, expected)          \
	do {                                                     \
		char *answer_ = fixture_ask((path), (question)); \
		g_assert_cmpstr(answer_, ==, (expected));        \
		g_free(answer_);                                 \
	} while (0)
int64_t fixture_ask_number(const char *path, const char *question);
/* What tables, views and indices there are, as SQL; and what the first steps make, by themselves.
 */
char *fixture_schema(const char *path);
char *fixture_schema_of_version(int version);
/* Sound, and of one version as a whole: which one. */
int64_t fixture_assert_whole(const char *path);
/* As that version has left it, with the rows below FIXTURE_KEPT; 0: no file. */
#define FIXTURE_KEPT 3
void fixture_make_version(const struct store_fixture *f, int version);

extern const struct store_clock fixture_boot_1;

/* A binding with a session for each index below n. */
struct persist_row fixture_binding(uint32_t index);
struct persist_row fixture_session(uint32_t index);
void fixture_write_rows(struct store *store, uint32_t n, bool clean);

/* What store_load() gives: its context. */
struct fixture_loaded {
	uint32_t n[N_PERSIST_KINDS];
	int64_t shift_s; /* of times, against what was written */
	bool any;        /* the rows need not be those that were written */
};
void fixture_check_row(void *context, const struct persist_row *row);
/* All n, and nothing else. */
void fixture_assert_loads(struct store *store, const struct store_clock *now, uint32_t n,
			  int64_t shift_s);
