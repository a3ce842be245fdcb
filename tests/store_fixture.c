/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/store_fixture.h"

#include <glib/gstdio.h>
#include <sqlite3.h>

void fixture_setup(struct store_fixture *f, gconstpointer data)
{
	f->directory = g_dir_make_tmp("nat64d-store-XXXXXX", NULL);
	g_assert_nonnull(f->directory);
	f->path = g_build_filename(f->directory, "state.db", NULL);
	f->news = g_ptr_array_new_with_free_func(g_free);
}

/* The names in the directory that begin so. */
GPtrArray *fixture_files(const struct store_fixture *f, const char *prefix)
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

guint fixture_n_files(const struct store_fixture *f, const char *prefix)
{
	GPtrArray *found = fixture_files(f, prefix);
	guint n = found->len;

	g_ptr_array_unref(found);
	return n;
}

void fixture_clean(const struct store_fixture *f)
{
	GPtrArray *found = fixture_files(f, "");

	for (guint i = 0; i < found->len; i++)
		(void)g_unlink(g_ptr_array_index(found, i));
	g_ptr_array_unref(found);
	g_ptr_array_set_size(f->news, 0);
}

void fixture_teardown(struct store_fixture *f, gconstpointer data)
{
	fixture_clean(f);
	(void)g_rmdir(f->directory);
	g_ptr_array_unref(f->news);
	g_free(f->path);
	g_free(f->directory);
}

static void hear(void *context, const char *text)
{
	struct store_fixture *f = context;

	g_test_message("%s", text);
	g_ptr_array_add(f->news, g_strdup(text));
}

int fixture_try_open(struct store_fixture *f, struct store **ret, char text[STORE_TEXT_SIZE])
{
	const struct store_config config = {
		.directory = f->directory, .sync = true, .report = hear, .context = f};

	return store_open(&config, ret, text);
}

struct store *fixture_open(struct store_fixture *f)
{
	char text[STORE_TEXT_SIZE] = "";
	struct store *store = NULL;

	if (fixture_try_open(f, &store, text) < 0)
		g_error("%s", text);
	return store;
}

/* Whatever it says, by a connection of its own. */
void fixture_sql(const struct store_fixture *f, const char *text)
{
	sqlite3 *db;
	char *error = NULL;

	g_assert_cmpint(sqlite3_open(f->path, &db), ==, SQLITE_OK);
	if (sqlite3_exec(db, text, NULL, NULL, &error) != SQLITE_OK)
		g_error("%s: %s", text, error);
	sqlite3_close(db);
}

char *fixture_ask(const char *path, const char *question)
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

int64_t fixture_ask_number(const char *path, const char *question)
{
	char *answer = fixture_ask(path, question);
	int64_t number = g_ascii_strtoll(answer, NULL, 10);

	g_free(answer);
	return number;
}

/* ---- versions -----------------------------------------------------------------------------------
 */

#define SCHEMA_QUESTION                       \
	"SELECT group_concat(sql, ';') FROM " \
	"(SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name)"

char *fixture_schema(const char *path)
{
	return fixture_ask(path, SCHEMA_QUESTION);
}

/* The numbered step, as it stands in schema/. */
static char *step_text(int number)
{
	char *prefix = g_strdup_printf("%03d_", number);
	GDir *dir = g_dir_open(SCHEMA, 0, NULL);
	char *text = NULL;
	const char *name;

	while (!text && (name = g_dir_read_name(dir)))
		if (g_str_has_prefix(name, prefix)) {
			char *path = g_build_filename(SCHEMA, name, NULL);

			g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
			g_free(path);
		}
	g_dir_close(dir);
	g_free(prefix);
	g_assert_nonnull(text);
	return text;
}

char *fixture_schema_of_version(int version)
{
	sqlite3_stmt *statement;
	sqlite3 *db;
	char *schema;

	g_assert_cmpint(sqlite3_open(":memory:", &db), ==, SQLITE_OK);
	for (int i = 1; i <= version; i++) {
		char *text = step_text(i);

		g_assert_cmpint(sqlite3_exec(db, text, NULL, NULL, NULL), ==, SQLITE_OK);
		g_free(text);
	}
	g_assert_cmpint(sqlite3_prepare_v2(db, SCHEMA_QUESTION, -1, &statement, NULL), ==,
			SQLITE_OK);
	g_assert_cmpint(sqlite3_step(statement), ==, SQLITE_ROW);
	schema = g_strdup((const char *)sqlite3_column_text(statement, 0));
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return schema;
}

int64_t fixture_assert_whole(const char *path)
{
	int64_t version = fixture_ask_number(path, "PRAGMA user_version");
	char *schema = fixture_schema(path), *expected;

	g_assert_cmpint(version, >=, 0);
	g_assert_cmpint(version, <=, STORE_VERSION);
	expected = fixture_schema_of_version((int)version);
	fixture_assert_answer(path, "PRAGMA integrity_check", "ok");
	g_assert_cmpstr(schema, ==, expected);
	g_free(expected);
	g_free(schema);
	return version;
}

void fixture_make_version(const struct store_fixture *f, int version)
{
	char *kept = g_strdup_printf(KEPT "/v%d.db", version);
	char *content = NULL;
	gsize size;

	if (version > 0 && !g_file_get_contents(kept, &content, &size, NULL))
		g_error("no %s: it is made by tests/state/make %d", kept, version);
	if (version > 0)
		g_assert_true(g_file_set_contents(f->path, content, (gssize)size, NULL));
	g_free(content);
	g_free(kept);
}

/* ---- rows ---------------------------------------------------------------------------------------
 */

struct persist_row fixture_binding(uint32_t index)
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

struct persist_row fixture_session(uint32_t index)
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

const struct store_clock fixture_boot_1 = {
	.boot_ms = 2000000, .wall_ms = 1800000000000, .boot_id = "boot 1"};

void fixture_write_rows(struct store *store, uint32_t n, bool clean)
{
	g_assert_cmpint(store_begin(store), ==, 0);
	for (uint32_t i = 0; i < n; i++) {
		struct persist_row binding = fixture_binding(i), session = fixture_session(i);

		g_assert_cmpint(store_put(store, &session), ==, 0);
		g_assert_cmpint(store_put(store, &binding), ==, 0);
	}
	g_assert_cmpint(store_commit(store, &fixture_boot_1, 42, clean), ==, 0);
}

void fixture_check_row(void *context, const struct persist_row *row)
{
	struct fixture_loaded *loaded = context;

	loaded->n[row->kind]++;
	if (loaded->any)
		return;
	if (row->kind == PERSIST_BINDING) {
		struct persist_row expected = fixture_binding(row->index);

		g_assert_cmpint(loaded->n[PERSIST_SESSION], ==, 0); /* bindings first */
		g_assert_true(addr6_equal(&row->binding.addr6, &expected.binding.addr6));
		g_assert_cmpuint(row->binding.port6, ==, expected.binding.port6);
		g_assert_true(taddr4_equal(&row->binding.mapped, &expected.binding.mapped));
		g_assert_cmpuint(row->binding.number, ==, expected.binding.number);
		g_assert_cmpint(row->binding.created_s, ==,
				expected.binding.created_s + loaded->shift_s);
	} else {
		struct persist_row expected = fixture_session(row->index);

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

void fixture_assert_loads(struct store *store, const struct store_clock *now, uint32_t n,
			  int64_t shift_s)
{
	struct fixture_loaded loaded = {.shift_s = shift_s};
	uint64_t n_bad = 99;

	g_assert_cmpint(store_load(store, now, fixture_check_row, &loaded, &n_bad), ==, 0);
	g_assert_cmpuint(n_bad, ==, 0);
	g_assert_cmpuint(loaded.n[PERSIST_BINDING], ==, n);
	g_assert_cmpuint(loaded.n[PERSIST_SESSION], ==, n);
}
