/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state database: rows in and out, versions, and files that can not be used. */
#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "schema/given_file.h"
#include "schema/store.h"

struct fixture {
	char *directory;
	char *path;
	GPtrArray *news;
};

static void setup(struct fixture *f, gconstpointer data)
{
	f->directory = g_dir_make_tmp("nat64d-store-XXXXXX", NULL);
	g_assert_nonnull(f->directory);
	f->path = g_build_filename(f->directory, "state.db", NULL);
	f->news = g_ptr_array_new_with_free_func(g_free);
}

/* The names in the directory that begin so. */
static GPtrArray *files(const struct fixture *f, const char *prefix)
{
	GPtrArray *found = g_ptr_array_new_with_free_func(g_free);
	GDir *dir = g_dir_open(f->directory, 0, NULL);
	const char *name;

	while ((name = g_dir_read_name(dir)))
		if (g_str_has_prefix(name, prefix))
			g_ptr_array_add(found, g_build_filename(f->directory, name, NULL));
	g_dir_close(dir);
	return found;
}

static guint n_files(const struct fixture *f, const char *prefix)
{
	GPtrArray *found = files(f, prefix);
	guint n = found->len;

	g_ptr_array_unref(found);
	return n;
}

static void clean_directory(const struct fixture *f)
{
	GPtrArray *found = files(f, "");

	for (guint i = 0; i < found->len; i++)
		(void)g_unlink(g_ptr_array_index(found, i));
	g_ptr_array_unref(found);
	g_ptr_array_set_size(f->news, 0);
}

static void teardown(struct fixture *f, gconstpointer data)
{
	clean_directory(f);
	(void)g_rmdir(f->directory);
	g_ptr_array_unref(f->news);
	g_free(f->path);
	g_free(f->directory);
}

static void hear(void *context, const char *text)
{
	struct fixture *f = context;

	g_test_message("%s", text);
	g_ptr_array_add(f->news, g_strdup(text));
}

static int try_open(struct fixture *f, struct store **ret, char text[STORE_TEXT_SIZE])
{
	const struct store_config config = {
		.directory = f->directory, .sync = true, .report = hear, .context = f};

	return store_open(&config, ret, text);
}

static struct store *open_store(struct fixture *f)
{
	char text[STORE_TEXT_SIZE] = "";
	struct store *store = NULL;

	if (try_open(f, &store, text) < 0)
		g_error("%s", text);
	return store;
}

/* Whatever it says, by a connection of its own. */
static void sql(const struct fixture *f, const char *text)
{
	sqlite3 *db;
	char *error = NULL;

	g_assert_cmpint(sqlite3_open(f->path, &db), ==, SQLITE_OK);
	if (sqlite3_exec(db, text, NULL, NULL, &error) != SQLITE_OK)
		g_error("%s: %s", text, error);
	sqlite3_close(db);
}

static char *ask(const struct fixture *f, const char *path, const char *question)
{
	sqlite3_stmt *statement;
	sqlite3 *db;
	char *answer;

	g_assert_cmpint(sqlite3_open(path, &db), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_prepare_v2(db, question, -1, &statement, NULL), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_step(statement), ==, SQLITE_ROW);
	answer = g_strdup((const char *)sqlite3_column_text(statement, 0));
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return answer;
}

#define assert_answer(f, path, question, expected)            \
	do {                                                  \
		char *answer_ = ask((f), (path), (question)); \
		g_assert_cmpstr(answer_, ==, (expected));     \
		g_free(answer_);                              \
	} while (0)

static struct persist_row a_binding(uint32_t index)
{
	struct persist_row row = {.kind = PERSIST_BINDING,
				  .protocol = index % N_PROTOCOLS,
				  .index = index,
				  .exists = true};

	g_assert_true(addr6_parse("2001:db8:1::2", &row.binding.addr6));
	row.binding.port6 = (uint16_t)index;
	row.binding.mapped = (struct taddr4){0xcb007101, (uint16_t)(1024 + index)};
	row.binding.number = (uint16_t)(index * 7);
	row.binding.created_s = 1000 + index;
	return row;
}

static struct persist_row a_session(uint32_t index)
{
	struct persist_row row = {.kind = PERSIST_SESSION,
				  .protocol = index % N_PROTOCOLS,
				  .index = index,
				  .exists = true};

	row.session = (struct persist_session){.binding = index,
					       .number = (uint16_t)(index * 7),
					       .peer = {0xc6336407, 443},
					       .state = index % N_PROTOCOLS ? 0 : 3,
					       .until_s = 5000 + index};
	return row;
}

static const struct store_clock boot_1 = {
	.boot_ms = 2000000, .wall_ms = 1800000000000, .boot_id = "boot 1"};

static void write_rows(struct store *store, uint32_t n, bool clean)
{
	g_assert_cmpint(store_begin(store), ==, 0);
	for (uint32_t i = 0; i < n; i++) {
		struct persist_row binding = a_binding(i), session = a_session(i);

		g_assert_cmpint(store_put(store, &session), ==, 0);
		g_assert_cmpint(store_put(store, &binding), ==, 0);
	}
	g_assert_cmpint(store_commit(store, &boot_1, 42, clean), ==, 0);
}

struct loaded {
	uint32_t n[N_PERSIST_KINDS];
	int64_t shift_s; /* of times, against what was written */
	bool any;        /* the rows need not be those that were written */
};

static void check_row(void *context, const struct persist_row *row)
{
	struct loaded *loaded = context;

	loaded->n[row->kind]++;
	if (loaded->any)
		return;
	if (row->kind == PERSIST_BINDING) {
		struct persist_row expected = a_binding(row->index);

		g_assert_cmpint(loaded->n[PERSIST_SESSION], ==, 0); /* bindings first */
		g_assert_true(addr6_equal(&row->binding.addr6, &expected.binding.addr6));
		g_assert_cmpuint(row->binding.port6, ==, expected.binding.port6);
		g_assert_true(taddr4_equal(&row->binding.mapped, &expected.binding.mapped));
		g_assert_cmpuint(row->binding.number, ==, expected.binding.number);
		g_assert_cmpint(row->binding.created_s, ==,
				MAX(0, expected.binding.created_s + loaded->shift_s));
	} else {
		struct persist_row expected = a_session(row->index);

		g_assert_cmpuint(row->session.binding, ==, expected.session.binding);
		g_assert_cmpuint(row->session.number, ==, expected.session.number);
		g_assert_true(taddr4_equal(&row->session.peer, &expected.session.peer));
		g_assert_cmpuint(row->session.state, ==, expected.session.state);
		g_assert_cmpint(row->session.until_s, ==,
				MAX(0, expected.session.until_s + loaded->shift_s));
	}
	g_assert_cmpuint(row->protocol, ==, row->index % N_PROTOCOLS);
	g_assert_true(row->exists);
}

static void assert_loads(struct store *store, const struct store_clock *now, uint32_t n,
			 int64_t shift_s)
{
	struct loaded loaded = {.shift_s = shift_s};
	uint64_t n_bad = 99;

	g_assert_cmpint(store_load(store, now, check_row, &loaded, &n_bad), ==, 0);
	g_assert_cmpuint(n_bad, ==, 0);
	g_assert_cmpuint(loaded.n[PERSIST_BINDING], ==, n);
	g_assert_cmpuint(loaded.n[PERSIST_SESSION], ==, n);
}

static void test_rows(struct fixture *f, gconstpointer data)
{
	struct store *store = open_store(f);
	struct persist_row gone = a_binding(3);

	g_assert_true(store_was_clean(store));
	assert_loads(store, &boot_1, 0, 0);
	write_rows(store, 100, false);
	assert_loads(store, &boot_1, 100, 0);
	store_close(store);
	store = open_store(f);
	g_assert_false(store_was_clean(store));
	g_assert_cmpuint(store_owner(store), ==, 42);
	assert_loads(store, &boot_1, 100, 0);

	g_assert_cmpint(store_begin(store), ==, 0); /* rolled back: as before */
	g_assert_cmpint(store_put(store, &gone), ==, 0);
	gone.exists = false;
	g_assert_cmpint(store_put(store, &gone), ==, 0);
	store_roll_back(store);
	assert_loads(store, &boot_1, 100, 0);
	g_assert_cmpint(store_cut(store, 50, 50), ==, 0);
	assert_loads(store, &boot_1, 50, 0);
	g_assert_cmpint(store_clear(store), ==, 0);
	g_assert_cmpint(store_begin(store), ==, 0);
	g_assert_cmpint(store_put(store, &gone), ==, 0); /* is not there: no harm */
	g_assert_cmpint(store_commit(store, &boot_1, 42, true), ==, 0);
	assert_loads(store, &boot_1, 0, 0);
	store_close(store);
	store = open_store(f);
	g_assert_true(store_was_clean(store));
	store_close(store);
	g_assert_cmpuint(f->news->len, ==, 0);
}

static const char *const three_prefixes[] = {"2001:db8:64::/96", "64:ff9b::/96",
					     "2001:db8:65::/64"};

/* The prefixes with these numbers; a negative one leaves its place free. */
static void set_prefixes(struct store *store, int first, int second)
{
	struct prefix6 pool6[NAT64_POOL6_MAX] = {{{{0}}, 0}};

	if (first >= 0)
		g_assert_true(prefix6_parse(three_prefixes[first], &pool6[0]));
	if (second >= 0)
		g_assert_true(prefix6_parse(three_prefixes[second], &pool6[1]));
	store_set_pool6(store, pool6);
}

/* The rows with index i are of place i % 2. */
static void put_with_prefixes(struct store *store, uint32_t first, uint32_t n)
{
	for (uint32_t i = first; i < first + n; i++) {
		struct persist_row binding = a_binding(i), session = a_session(i);

		binding.binding.pool6 = session.session.pool6 = i % 2;
		g_assert_cmpint(store_put(store, &session), ==, 0);
		g_assert_cmpint(store_put(store, &binding), ==, 0);
	}
}

static void add_place(void *context, const struct persist_row *row)
{
	g_string_append_printf(context, "%u ",
			       row->kind == PERSIST_BINDING ? row->binding.pool6
							    : row->session.pool6);
}

/* Bindings, and then sessions. */
static void assert_places(struct store *store, const char *expected)
{
	GString *text = g_string_new(NULL);
	uint64_t n_bad;

	g_assert_cmpint(store_load(store, &boot_1, add_place, text, &n_bad), ==, 0);
	g_assert_cmpstr(text->str, ==, expected);
	g_assert_cmpuint(n_bad, ==, 0);
	g_string_free(text, TRUE);
}

/* Rows mean the prefix that they had, in whatever order Pool6 is. */
static void test_prefixes(struct fixture *f, gconstpointer data)
{
	struct store *store = open_store(f);

	set_prefixes(store, 0, 1);
	g_assert_cmpint(store_begin(store), ==, 0);
	put_with_prefixes(store, 0, 2);
	store_roll_back(store);
	g_assert_cmpint(store_begin(store), ==, 0);
	put_with_prefixes(store, 0, 2);
	g_assert_cmpint(store_commit(store, &boot_1, 42, true), ==, 0);
	assert_places(store, "0 1 0 1 ");
	store_close(store);

	store = open_store(f);
	set_prefixes(store, 1, 0);
	assert_places(store, "1 0 1 0 ");
	g_assert_cmpint(store_cut(store, 1000, 1000), ==, 0);
	g_assert_cmpint(store_begin(store), ==, 0);
	put_with_prefixes(store, 2, 1);
	/* A reload: another prefix at a place that an older one had. */
	set_prefixes(store, 2, -1);
	put_with_prefixes(store, 4, 2);
	g_assert_cmpint(store_commit(store, &boot_1, 42, true), ==, 0);
	store_close(store);

	store = open_store(f);
	set_prefixes(store, 2, 0);
	assert_places(store, "1 255 255 0 1 1 255 255 0 1 ");
	g_assert_cmpint(store_cut(store, 1, 1), ==, 0);
	store_close(store);
	assert_answer(f, f->path, "SELECT count(*) FROM pool6", "1");
}

/* K-13: in the same boot the wall clock says nothing; in another it says how long it was. */
static void test_clocks(struct fixture *f, gconstpointer data)
{
	struct store_clock now = boot_1;
	struct store *store = open_store(f);

	write_rows(store, 10, true);
	store_close(store);
	store = open_store(f);
	now.wall_ms += 86400000;
	assert_loads(store, &now, 10, 0);
	now.boot_ms += 60000;
	assert_loads(store, &now, 10, 0);
	/* 100 s later, 30 s after the next boot */
	now = (struct store_clock){
		.boot_ms = 30000, .wall_ms = boot_1.wall_ms + 100000, .boot_id = "boot 2"};
	assert_loads(store, &now, 10, -2070);
	now.wall_ms = boot_1.wall_ms + 10000000;
	assert_loads(store, &now, 10, -11970);
	now.boot_id[0] = '\0'; /* not known: as another one */
	assert_loads(store, &now, 10, -11970);
	store_close(store);
}

static void test_view(struct fixture *f, gconstpointer data)
{
	struct store *store = open_store(f);

	write_rows(store, 2, true);
	store_close(store);
	assert_answer(f, f->path,
		      "SELECT protocol || ' ' || client || ' ' || port6 || ' ' || mapped || ' ' || "
		      "port4 || ' ' || created FROM bindings WHERE place = 1",
		      "udp 2001:0db8:0001:0000:0000:0000:0000:0002 1 203.0.113.1 1025 "
		      "2027-01-15 07:43:21");
	assert_answer(f, f->path,
		      "SELECT protocol || ' ' || server || ' ' || port || ' ' || state || ' ' || "
		      "mapped_port FROM sessions WHERE place = 0",
		      "tcp 198.51.100.7 443 established 1024");
}

/* ---- versions -----------------------------------------------------------------------------------
 */

static char *first_step(void)
{
	char *text = NULL;

	g_assert_true(g_file_get_contents(SCHEMA "/001_state.sql", &text, NULL, NULL));
	return text;
}

/* As version 1 has left it, with a binding. */
static void make_version_1(const struct fixture *f)
{
	char *step = first_step();
	char *text = g_strdup_printf(
		"%s; PRAGMA application_id = %d; PRAGMA user_version = 1; UPDATE meta SET boot_id "
		"= 'boot 1', boot_ms = 2000000, wall_ms = 1800000000000; INSERT INTO binding "
		"VALUES (0, X'20010db8000100000000000000000002', 0, 3405803777, 1024, 0, 0, 0, "
		"1000); INSERT INTO session VALUES (0, 0, 0, 3325256711, 443, 3, 0, 5000)",
		step, STORE_APPLICATION_ID);

	sql(f, text);
	g_free(text);
	g_free(step);
}

static void test_upgrade(struct fixture *f, gconstpointer data)
{
	char *copy = g_strconcat(f->path, ".v1", NULL);
	struct store *store;

	make_version_1(f);
	store = open_store(f);
	assert_loads(store, &boot_1, 1, 0);
	store_close(store);
	g_assert_cmpuint(f->news->len, ==, 1);
	assert_answer(f, f->path, "PRAGMA user_version", "3");
	assert_answer(f, f->path, "SELECT count(*) FROM setting", "0");
	assert_answer(f, copy, "PRAGMA user_version", "1");
	assert_answer(f, copy, "SELECT count(*) FROM binding", "1");
	store = open_store(f);
	store_close(store);
	g_assert_cmpuint(f->news->len, ==, 1);
	g_free(copy);
}

/* A step that can not be taken changes nothing of the file that is set aside. */
static void test_upgrade_fails(struct fixture *f, gconstpointer data)
{
	struct store *store;
	GPtrArray *aside;

	make_version_1(f);
	sql(f, "CREATE TABLE setting (x)");
	store = open_store(f);
	assert_loads(store, &boot_1, 0, 0);
	store_close(store);
	aside = files(f, "state.db.corrupt-");
	g_assert_cmpuint(aside->len, ==, 1);
	assert_answer(f, g_ptr_array_index(aside, 0), "PRAGMA user_version", "1");
	assert_answer(f, g_ptr_array_index(aside, 0),
		      "SELECT count(*) FROM sqlite_schema WHERE name = 'pool4_entry'", "0");
	g_ptr_array_unref(aside);
}

static void test_newer(struct fixture *f, gconstpointer data)
{
	struct store *store = open_store(f);
	char *copy = g_strconcat(f->path, ".v3", NULL);
	char *text = NULL;
	gsize size;

	write_rows(store, 5, true);
	store_close(store);
	g_assert_true(g_file_get_contents(f->path, &text, &size, NULL));
	g_assert_true(g_file_set_contents(copy, text, (gssize)size, NULL));
	sql(f, "DELETE FROM binding; PRAGMA user_version = 4");
	store = open_store(f);
	assert_loads(store, &boot_1, 5, 0);
	store_close(store);
	g_assert_cmpuint(n_files(f, "state.db.newer-"), ==, 1);
	g_assert_cmpuint(f->news->len, ==, 2);

	(void)g_unlink(copy);
	sql(f, "PRAGMA user_version = 4");
	store = open_store(f);
	assert_loads(store, &boot_1, 0, 0);
	store_close(store);
	g_assert_cmpuint(n_files(f, "state.db.newer-"), ==, 2);
	g_free(copy);
	g_free(text);
}

/* ---- what can not be used -----------------------------------------------------------------------
 */

static void assert_set_aside(struct fixture *f, const char *word)
{
	struct store *store = open_store(f);

	assert_loads(store, &boot_1, 0, 0);
	write_rows(store, 3, false);
	assert_loads(store, &boot_1, 3, 0);
	store_close(store);
	g_assert_cmpuint(n_files(f, "state.db.corrupt-"), >=, 1);
	g_assert_cmpuint(f->news->len, ==, 1);
	g_assert_nonnull(strstr(g_ptr_array_index(f->news, 0), word));
	clean_directory(f);
}

static void test_foreign(struct fixture *f, gconstpointer data)
{
	sql(f, "CREATE TABLE t (x); PRAGMA application_id = 7");
	assert_set_aside(f, "of another program");
	sql(f, "CREATE TABLE t (x)");
	assert_set_aside(f, "of another program");
	g_assert_true(
		g_file_set_contents(f->path, "this is no database, but text ......", -1, NULL));
	assert_set_aside(f, "file is not a database");
	sql(f, "CREATE TABLE t (x); PRAGMA application_id = 1312175204; PRAGMA user_version = 3");
	assert_set_aside(f, "no such table");
	sql(f, "CREATE TABLE t (x); PRAGMA application_id = 1312175204; PRAGMA user_version = -2");
	assert_set_aside(f, "of version -2");
	sql(f, "CREATE VIEW meta AS SELECT '' AS boot_id, 0 AS boot_ms, 0 AS wall_ms, 0 AS owner, "
	       "0 AS "
	       "clean, 1 AS only_row; PRAGMA application_id = 1312175204; PRAGMA user_version = 3");
	assert_set_aside(f, "state.db");
}

/* Three of each are kept, the newest, and nothing that has another name. */
static void test_kept(struct fixture *f, gconstpointer data)
{
	static const char *const others[] = {
		"corrupt-20200101T000000Z",     "corrupt-20200101T000000Z-2",
		"corrupt-20200101T000000Z-wal", "corrupt-20200101T000000Z-10",
		"corrupt-99990101T000000Z",     "corrupt-mine",
		"newer-20200101T000000Z",       "corrupt-20200101T000000Z.gz",
	};
	static const bool kept[] = {false, false, false, true, true, true, true, true};

	for (unsigned i = 0; i < G_N_ELEMENTS(others); i++) {
		char *path = g_strdup_printf("%s.%s", f->path, others[i]);

		g_assert_true(g_file_set_contents(path, "x", 1, NULL));
		g_free(path);
	}
	g_assert_true(g_file_set_contents(f->path, "no database, but some text ......", -1, NULL));
	store_close(open_store(f));
	for (unsigned i = 0; i < G_N_ELEMENTS(others); i++) {
		char *path = g_strdup_printf("%s.%s", f->path, others[i]);

		g_test_message("%s", path);
		g_assert_cmpint(g_file_test(path, G_FILE_TEST_EXISTS), ==, kept[i]);
		g_free(path);
	}
	for (unsigned i = 0; i < 20; i++) {
		g_assert_true(
			g_file_set_contents(f->path, "again no database .........", -1, NULL));
		store_close(open_store(f));
		g_assert_cmpuint(n_files(f, "state.db.corrupt-"), ==, 3 + 2);
	}
}

static void note(void *context, const char *problem)
{
	g_test_message("%s", problem);
	(void)g_strlcpy(context, problem, STORE_TEXT_SIZE);
}

/* Whatever there is, it is the same afterwards. word NULL: there is nothing wrong with it. */
static void assert_check(struct fixture *f, const char *word)
{
	char problem[STORE_TEXT_SIZE] = "";
	guint n_before = n_files(f, "");
	char *before = NULL, *after = NULL;
	gsize size = 0, size_after = 0;
	unsigned n;

	(void)g_file_get_contents(f->path, &before, &size, NULL);
	n = store_check(f->directory, note, problem);
	if (word) {
		g_assert_cmpuint(n, >, 0);
		g_assert_nonnull(strstr(problem, word));
		g_assert_nonnull(strstr(problem, f->path));
	} else {
		g_assert_cmpuint(n, ==, 0);
	}
	(void)g_file_get_contents(f->path, &after, &size_after, NULL);
	g_assert_cmpmem(before, size, after, size_after);
	g_assert_cmpuint(n_files(f, ""), ==, n_before);
	g_free(before);
	g_free(after);
}

static void test_check(struct fixture *f, gconstpointer data)
{
	struct store *store;

	assert_check(f, NULL); /* no file */
	store = open_store(f);
	write_rows(store, 2000, true);
	assert_check(f, NULL); /* somebody has it open, */
	g_assert_cmpint(store_begin(store), ==, 0);
	assert_check(f, NULL); /* and is writing */
	store_roll_back(store);
	store_close(store);
	assert_check(f, NULL);
	sql(f, "DROP TABLE session");
	assert_check(f, "has other tables than ours");
	sql(f, "PRAGMA user_version = 4");
	assert_check(f, "is of a newer version of nat64d (4, this one knows up to 3)");
	sql(f, "PRAGMA application_id = 7");
	assert_check(f, "is of another program");
	clean_directory(f);
	make_version_1(f);
	assert_check(f, NULL);
	clean_directory(f);
	g_assert_true(g_file_set_contents(f->path, "no database, but some text ......", -1, NULL));
	assert_check(f, "file is not a database");
	g_assert_true(g_file_set_contents(f->path, "", 0, NULL));
	assert_check(f, NULL);
	clean_directory(f);
	g_assert_cmpint(symlink(f->path, f->path), ==, 0);
	assert_check(f, "can not be read: Too many levels of symbolic links");
}

/* Everybody may check a configuration. */
static void test_check_not_ours(struct fixture *f, gconstpointer data)
{
	struct store *store = open_store(f);
	pid_t child;
	int status;

	store_close(store);
	g_assert_cmpint(chmod(f->path, 0), ==, 0);
	child = fork();
	if (child == 0) {
		char problem[STORE_TEXT_SIZE] = "";
		unsigned n;

		if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
			_exit(77);
		n = store_check(f->directory, note, problem);
		_exit(n == 0 && strstr(problem, "is not checked") ? 0 : 1);
	}
	g_assert_cmpint(waitpid(child, &status, 0), ==, child);
	g_assert_cmpint(status, ==, 0);
}

/* A page that is others' bytes now. */
static void test_check_damaged(struct fixture *f, gconstpointer data)
{
	struct store *store = open_store(f);
	char *content = NULL;
	gsize size;

	write_rows(store, 2000, true);
	store_close(store);
	g_assert_true(g_file_get_contents(f->path, &content, &size, NULL));
	g_assert_cmpuint(size, >, 80000);
	memset(content + 40960, '\033', 4096);
	g_assert_true(g_file_set_contents(f->path, content, (gssize)size, NULL));
	assert_check(f, "is damaged: ");
	g_assert_cmpint(truncate(f->path, 40960), ==, 0);
	assert_check(f, "state.db ");
	g_free(content);
}

static void test_empty_file(struct fixture *f, gconstpointer data)
{
	struct store *store;

	g_assert_true(g_file_set_contents(f->path, "", 0, NULL));
	store = open_store(f);
	write_rows(store, 3, false);
	store_close(store);
	g_assert_cmpuint(f->news->len, ==, 0);
}

static void test_truncated(struct fixture *f, gconstpointer data)
{
	struct store *store = open_store(f);
	struct loaded loaded = {.any = true};
	uint64_t n_bad;

	write_rows(store, 2000, true);
	store_close(store);
	g_assert_cmpint(truncate(f->path, 40960), ==, 0);
	store = open_store(f);
	if (f->news->len == 0) { /* then it is found out when it is read */
		g_assert_cmpint(store_load(store, &boot_1, check_row, &loaded, &n_bad), ==,
				-EUCLEAN);
		g_assert_cmpint(store_set_aside_open(store), ==, 0);
		store_close(store);
		store = open_store(f);
	}
	assert_loads(store, &boot_1, 0, 0);
	store_close(store);
	g_assert_cmpuint(n_files(f, "state.db.corrupt-"), ==, 1);
}

/* Random bytes of 200 files: it opens, and what is read is read to an end, whatever it is. */
static void test_flipped_bytes(struct fixture *f, gconstpointer data)
{
	GRand *random = g_rand_new_with_seed(20111201);
	struct store *store = open_store(f);
	char *good = NULL;
	unsigned n_damaged = 0;
	gsize size;

	write_rows(store, 300, true);
	store_close(store);
	g_assert_true(g_file_get_contents(f->path, &good, &size, NULL));
	for (unsigned i = 0; i < 200; i++) {
		char *bad = g_memdup2(good, size);
		uint32_t n = 1u << g_rand_int_range(random, 0, 8);
		struct loaded loaded = {.any = true};
		uint64_t n_bad;
		int r;

		while (n-- > 0)
			bad[g_rand_int_range(random, 0, (int32_t)size)] =
				(char)g_rand_int_range(random, 0, 256);
		clean_directory(f);
		g_assert_true(g_file_set_contents(f->path, bad, (gssize)size, NULL));
		store = open_store(f);
		r = store_load(store, &boot_1, check_row, &loaded, &n_bad);
		g_assert_true(r == 0 || r == -EUCLEAN);
		n_damaged += r == -EUCLEAN || f->news->len > 0;
		store_close(store);
		g_free(bad);
	}
	g_assert_cmpuint(n_damaged, >, 50);
	g_free(good);
	g_rand_free(random);
}

/* Values that nat64d never writes are counted, and the other rows are read. */
static void test_bad_values(struct fixture *f, gconstpointer data)
{
	static const char *const changes[] = {
		"UPDATE binding SET place = -1 WHERE place = 0",
		"UPDATE binding SET place = 3 WHERE place = 0",
		"UPDATE binding SET place = 9223372036854775804 WHERE place = 0",
		"UPDATE binding SET address6 = X'2001' WHERE place = 0",
		"UPDATE binding SET address6 = X'' WHERE place = 0",
		"UPDATE binding SET port6 = 65536 WHERE place = 0",
		"UPDATE binding SET address4 = 4294967296 WHERE place = 0",
		"UPDATE binding SET port4 = -1 WHERE place = 0",
		"UPDATE binding SET static = 2 WHERE place = 0",
		"UPDATE session SET until = 4294967296 WHERE place = 0",
		"UPDATE session SET until = -5 WHERE place = 0",
		"UPDATE session SET binding = -1 WHERE place = 0",
		"UPDATE session SET state = 256 WHERE place = 0",
		"UPDATE session SET pool6 = 256 WHERE place = 0",
		"UPDATE session SET pool6 = 16 WHERE place = 0",
		"UPDATE binding SET pool6 = -1 WHERE place = 0",
		"INSERT INTO pool6 VALUES (20, X'20', 96); UPDATE binding SET pool6 = 20 "
		"WHERE place = 0",
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(changes); i++) {
		struct store *store = open_store(f);
		struct loaded loaded = {.any = true};
		uint64_t n_bad;

		g_test_message("%s", changes[i]);
		write_rows(store, 3, true);
		store_close(store);
		sql(f, changes[i]);
		store = open_store(f);
		g_assert_cmpint(store_load(store, &boot_1, check_row, &loaded, &n_bad), ==, 0);
		g_assert_cmpuint(n_bad, ==, 1);
		g_assert_cmpuint(loaded.n[PERSIST_BINDING] + loaded.n[PERSIST_SESSION], ==, 5);
		store_close(store);
		clean_directory(f);
	}
}

/* Clocks that can not be. */
static void test_bad_clocks(struct fixture *f, gconstpointer data)
{
	struct store *store = open_store(f);
	struct loaded loaded = {.any = true};
	const struct store_clock now = {.boot_ms = 1, .wall_ms = 1, .boot_id = "boot 2"};
	uint64_t n_bad;

	write_rows(store, 3, true);
	store_close(store);
	sql(f, "UPDATE meta SET boot_ms = -9223372036854775807, wall_ms = 9223372036854775807");
	store = open_store(f);
	g_assert_cmpint(store_load(store, &now, check_row, &loaded, &n_bad), ==, 0);
	g_assert_cmpuint(loaded.n[PERSIST_SESSION], ==, 3);
	store_close(store);
}

static void test_no_directory(struct fixture *f, gconstpointer data)
{
	char text[STORE_TEXT_SIZE] = "";
	struct store *store = NULL;

	(void)g_rmdir(f->directory);
	g_assert_cmpint(try_open(f, &store, text), ==, -EROFS);
	g_assert_null(store);
	g_assert_nonnull(strstr(text, "state.db can not be opened: unable to open database file"));
	g_assert_cmpint(g_mkdir(f->directory, 0700), ==, 0);
	g_assert_cmpint(g_mkdir(f->path, 0700), ==, 0);
	g_assert_cmpint(try_open(f, &store, text), ==, -EROFS);
	(void)g_rmdir(f->path);
}

static void test_locked(struct fixture *f, gconstpointer data)
{
	struct store *store = open_store(f);
	sqlite3 *other;

	g_assert_cmpint(sqlite3_open(f->path, &other), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), ==, SQLITE_OK);
	g_assert_cmpint(store_begin(store), ==, -EBUSY);
	g_assert_nonnull(strstr(store_error(store), "database is locked"));
	store_roll_back(store);
	g_assert_cmpint(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), ==, SQLITE_OK);
	write_rows(store, 3, false);
	sqlite3_close(other);
	store_close(store);
}

/* The log is bounded, but for what a reader still needs. */
static void test_long_reader(struct fixture *f, gconstpointer data)
{
	struct store *store = open_store(f);
	uint64_t size = 1;
	sqlite3 *other;

	write_rows(store, 1000, false);
	g_assert_cmpint(store_sync(store, &size), ==, 0);
	g_assert_cmpuint(size, ==, 0);
	g_assert_cmpint(sqlite3_open(f->path, &other), ==, SQLITE_OK);
	g_assert_cmpint(
		sqlite3_exec(other, "BEGIN; SELECT count(*) FROM binding", NULL, NULL, NULL), ==,
		SQLITE_OK);
	write_rows(store, 2000, false);
	g_assert_cmpint(store_sync(store, &size), ==, 0);
	g_assert_cmpuint(size, >, 0);
	g_assert_cmpint(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), ==, SQLITE_OK);
	g_assert_cmpint(store_sync(store, &size), ==, 0);
	g_assert_cmpuint(size, ==, 0);
	sqlite3_close(other);
	store_close(store);
}

static void test_moved(struct fixture *f, gconstpointer data)
{
	struct store *store = open_store(f);

	g_assert_false(store_has_moved(store));
	clean_directory(f);
	g_assert_true(store_has_moved(store));
	store_close(store);
}

/* ---- ports
 * --------------------------------------------------------------------------------------- */

static void collect(void *context, enum protocol protocol, const struct taddr4 *mapped)
{
	GString *text = context;

	g_string_append_printf(text, "%s/%u ", protocol_name(protocol), mapped->port);
}

static char *given_ports(struct fixture *f, struct given_file **ret)
{
	GString *text = g_string_new(NULL);

	g_assert_cmpint(given_file_open(f->directory, ret), ==, 0);
	(void)given_file_each(*ret, 120000, collect, text);
	return g_string_free(text, FALSE);
}

#define assert_given(f, file, expected)                  \
	do {                                             \
		char *given_ = given_ports((f), (file)); \
		g_assert_cmpstr(given_, ==, (expected)); \
		g_free(given_);                          \
	} while (0)

/* P-16: those that nothing else knows yet, and those of the last 120 s. */
static void test_given(struct fixture *f, gconstpointer data)
{
	struct given_file *file;
	struct given_ring *ring;

	assert_given(f, &file, "");
	ring = given_file_ring(file);
	for (uint16_t i = 0; i < 4; i++)
		given_note(ring, i % N_PROTOCOLS, &(struct taddr4){1, i}, 1000 + i * 100000);
	given_file_close(file);
	assert_given(f, &file, "tcp/0 udp/1 icmp/2 tcp/3 ");
	given_file_set_stored(file, 4);
	given_file_close(file);
	assert_given(f, &file, "icmp/2 tcp/3 ");
	given_file_set_stored(file, 1);
	given_file_close(file);
	assert_given(f, &file, "udp/1 icmp/2 tcp/3 ");
	for (unsigned i = 0; i < GIVEN_PORTS; i++) /* the oldest are written over */
		given_note(given_file_ring(file), PROTOCOL_TCP, &(struct taddr4){1, 7}, 900000);
	given_file_set_stored(file, GIVEN_PORTS);
	g_assert_cmpuint(given_file_ring(file)->n, ==, GIVEN_PORTS + 4);
	given_file_close(file);
}

static void test_given_hostile(struct fixture *f, gconstpointer data)
{
	char *path = g_build_filename(f->directory, "ports", NULL);
	struct given_file *file;
	gsize size;
	char *bytes;

	g_assert_true(g_file_set_contents(path, "no such file", -1, NULL));
	assert_given(f, &file, "");
	given_note(given_file_ring(file), PROTOCOL_UDP, &(struct taddr4){1, 5}, 7);
	given_note(given_file_ring(file), 9, &(struct taddr4){1, 6}, 7); /* no protocol */
	given_file_close(file);
	assert_given(f, &file, "udp/5 ");
	given_file_set_stored(file, 5000); /* more than there are */
	given_file_close(file);
	assert_given(f, &file, "");
	given_file_close(file);
	g_assert_true(g_file_get_contents(path, &bytes, &size, NULL));
	memset(bytes + 8, 0xff, size - 8);
	g_assert_true(g_file_set_contents(path, bytes, (gssize)size, NULL));
	assert_given(f, &file, "");
	given_file_close(file);
	(void)g_unlink(path);
	g_assert_cmpint(g_mkdir(path, 0700), ==, 0);
	g_assert_cmpint(given_file_open(f->directory, &file), ==, -EISDIR);
	(void)g_rmdir(path);
	g_assert_cmpint(symlink("/dev/full", path), ==, 0);
	g_assert_cmpint(given_file_open(f->directory, &file), ==, -ELOOP);
	g_free(bytes);
	g_free(path);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(struct fixture *f, gconstpointer data);
	} tests[] = {
		{"/store/rows", test_rows},
		{"/store/prefixes", test_prefixes},
		{"/store/clocks", test_clocks},
		{"/store/view", test_view},
		{"/store/upgrade", test_upgrade},
		{"/store/upgrade_fails", test_upgrade_fails},
		{"/store/newer", test_newer},
		{"/store/foreign", test_foreign},
		{"/store/kept", test_kept},
		{"/store/check", test_check},
		{"/store/check_not_ours", test_check_not_ours},
		{"/store/check_damaged", test_check_damaged},
		{"/store/empty_file", test_empty_file},
		{"/store/truncated", test_truncated},
		{"/store/flipped_bytes", test_flipped_bytes},
		{"/store/bad_values", test_bad_values},
		{"/store/bad_clocks", test_bad_clocks},
		{"/store/no_directory", test_no_directory},
		{"/store/locked", test_locked},
		{"/store/long_reader", test_long_reader},
		{"/store/moved", test_moved},
		{"/store/given", test_given},
		{"/store/given_hostile", test_given_hostile},
	};

	g_test_init(&argc, &argv, NULL);
	for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++)
		g_test_add(tests[i].name, struct fixture, NULL, setup, tests[i].run, teardown);
	return g_test_run();
}
