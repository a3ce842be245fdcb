/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The input: a byte of settings (enum setting), then actions. The first byte of an action says what
 * it is (enum action); its operands behind it are told there. An action that SQLite refuses changes
 * nothing.
 */
#include "tests/fuzz/state_file.h"

#include <glib.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

#include "schema/store_internal.h"

#define ACTIONS_MAX 64
#define PATCHES_MAX 64
#define COLUMNS_MAX 16
#define PAGE_SIZE   512

enum setting {
	SETTING_VERSION = 7, /* these bits: which of the released ones, counted from the newest */
	SETTING_LOOSE = 8,   /* any type in any column */
	SETTING_OTHER_BOOT = 16, /* it was written in another boot */
	SETTING_UNCLEAN = 32,
	SETTING_EMPTY = 64, /* without rows of ours */
};

enum action {
	ACTION_CHANGE, /* table, row, column, value: of that row */
	ACTION_COPY,   /* table, row, column, value: another row like it, but for that */
	ACTION_REMOVE, /* table, row */
	ACTION_MANY,   /* which, how many, first, step: bindings, or sessions, or ones that ended */
	ACTION_SCHEMA, /* which statement */
	ACTION_HEADER, /* which number, value */
	ACTION_PATCH,  /* place of two bytes, byte: of the file, later */
	ACTION_CUT,    /* size in units of 64 bytes: of the file, later */
	N_ACTIONS,
};

struct patch {
	uint16_t at;
	uint8_t byte;
	bool is_cut;
};

struct state_file {
	sqlite3 *db;
	struct patch patch[PATCHES_MAX];
	unsigned n_patches;
};

static const char *const tables[] = {
	"binding",        "session",        "meta",           "pool6",
	"closed_run",     "closed_row",     "pool4_entry",    "setting",
	"static_binding", "blocked_client", "closed_binding", "closed_block",
};

/* Of every version that has the tables; what a version has not is refused. */
static const char *const rows[] = {
	"UPDATE meta SET boot_id = 'boot 1', boot_ms = 2000000, wall_ms = 1800000000000, owner = "
	"42, clean = 1",
	"INSERT INTO binding (place, address6, port6, address4, port4, number, pool6, static, "
	"created) WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 5) "
	"SELECT i << 2 | i % 3, X'20010db8000100000000000000000002', 5000 + i, "
	"3405803777, 1024 + i, i * 7, 0, i = 4, 1000 + i FROM n",
	"INSERT INTO session (place, binding, number, address4, port4, state, pool6, until) WITH "
	"RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT i << 2 | i "
	"% 3, i, i * 7, 3325256711, iif(i % 3 = 2, 1024 + i, 443), iif(i % 3, 0, 3), 0, 2100 + i "
	"FROM n",
	"INSERT INTO pool6 VALUES (16, X'20010db8006400000000000000000000', 96)",
	"UPDATE binding SET pool6 = 16 WHERE EXISTS (SELECT * FROM pool6)",
	"INSERT INTO pool4_entry VALUES ('more', '203.0.113.32', '1024-65535', 'tcp udp icmp', "
	"'2001:db8:1::/48', '', 0, 'by hand', 'active', '')",
	"INSERT INTO setting VALUES ('Timeouts', 'UDP', '6min', '=5min')",
	"INSERT INTO static_binding (protocol, outside, inside, comment, removed) VALUES ('tcp', "
	"'203.0.113.1:443', '[2001:db8:1::2]:443', '', 0)",
	"INSERT INTO blocked_client VALUES ('2001:db8:9::/64', 1799999000, 1800009000)",
	"INSERT INTO closed_row VALUES (1, 223202756722688 | 2000, 1799999300, 300, 20001, "
	"X'20010db8000100000000000000000002')",
	"INSERT INTO closed_run VALUES (1, 1, 1799999000, 1799999300, 1799999300)",
	"INSERT INTO closed_block VALUES (3405803777, 1984, 2047, "
	"X'20010db8000100000000000000000002', 128, 1799999300, 1799999000)",
	"INSERT INTO closed_binding VALUES (1, 1, 3405803777, 2000, "
	"X'20010db8000100000000000000000002', 5000, 1799999000, 1799999300)",
};

static const char *const statements[] = {
	"CREATE TRIGGER t AFTER UPDATE ON meta BEGIN DELETE FROM binding; END",
	"CREATE TRIGGER t AFTER INSERT ON binding BEGIN DELETE FROM session; END",
	"CREATE INDEX x ON binding (abs(port6))",
	"CREATE VIEW v AS SELECT * FROM v",
	"CREATE TABLE more (x)",
	"DROP TABLE session",
	"DROP TABLE meta",
	"DROP VIEW bindings",
	"DELETE FROM meta",
	"ALTER TABLE session ADD COLUMN x INTEGER AS (abs(port4))",
	"ALTER TABLE binding RENAME TO other",
	"ANALYZE",
	"CREATE VIRTUAL TABLE f USING fts5 (x)",
	"PRAGMA auto_vacuum = FULL; VACUUM",
	"PRAGMA page_size = 4096; VACUUM",
	"PRAGMA encoding = 'UTF-16'",
	"PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage = 2",
	"PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE TABLE binding (x)' "
	"WHERE name = 'binding'",
	"PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'session'",
	"UPDATE binding SET place = -place; UPDATE session SET place = -place",
	"UPDATE binding SET address6 = zeroblob(1000000)",
	"UPDATE binding SET port6 = port6 + 60536, port4 = port4 + 1024",
};

/* ---- values -------------------------------------------------------------------------------------
 */

static const int64_t numbers[] = {
	0,
	1,
	-1,
	3,
	4,
	16,
	96,
	128,
	255,
	256,
	443,
	1023,
	STATE_FILE_PORT,
	STATE_FILE_PORT_LAST,
	STATE_FILE_PORT_LAST + 1,
	65535,
	65536,
	3405803776,
	3405803777,
	3405803778, /* pool4 */
	3325256711,
	2130706433,
	3758096385,
	UINT32_MAX,
	INT64_C(1) << 32,
	2000000,
	1800000000,
	1800000000000,
	INT64_C(1) << 34,
	-(INT64_C(1) << 34),
	(INT64_C(1) << 40) + 1,
	INT64_MAX,
	INT64_MIN,
	INT64_MIN + 1,
};

static const char *const texts[] = {
	"",
	"boot 1",
	"boot 2",
	"tcp",
	"udp",
	"icmp",
	"active",
	"draining",
	"disabled",
	"auto",
	"203.0.113.1:1024",
	"203.0.113.2:80",
	"[2001:db8:1::2]:5000",
	"[2001:db8:64::1]:5000",
	"[ff02::1]:1",
	"0.0.0.0:0",
	"2001:db8:1::/64",
	"::/0",
	"Timeouts",
	"UDP",
	"Limits",
	"Bindings",
	"1s",
	"=5min",
	"99999999999999999999",
	"\x1b[31m\n",
	"\xff\xfe",
	"interface:lo",
};

static const char *const addresses[] = {
	"2001:db8:1::2",
	"2001:db8:64::1",
	"2001:db8:64::c633:6402",
	"::",
	"::1",
	"ff02::1",
	"fe80::1",
	"::ffff:192.0.2.1",
	"64:ff9b::c000:201",
	"2001:db8::",
	"2001:db8:1::3",
};

static void bind_bytes(sqlite3_stmt *statement, int place, struct fuzz_input *input, bool is_text)
{
	size_t size = fuzz_byte(input);

	size = MIN(size, input->size);
	if (is_text)
		(void)sqlite3_bind_text(statement, place, (const char *)input->at, (int)size,
					SQLITE_TRANSIENT);
	else
		(void)sqlite3_bind_blob(statement, place, input->at, (int)size, SQLITE_TRANSIENT);
	input->at += size;
	input->size -= size;
}

static int64_t read_number(struct fuzz_input *input, unsigned n_bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < n_bytes; i++)
		value = value << 8 | fuzz_byte(input);
	return (int64_t)value;
}

static void bind_value(sqlite3_stmt *statement, int place, struct fuzz_input *input)
{
	uint8_t byte = fuzz_byte(input);
	struct addr6 addr6;

	switch (byte & 15) {
	case 0:
		(void)sqlite3_bind_null(statement, place);
		return;
	case 1:
	case 2:
	case 3:
	case 4:
		(void)sqlite3_bind_int64(statement, place,
					 read_number(input, 1u << ((byte & 15) - 1)));
		return;
	case 5:
		(void)sqlite3_bind_double(statement, place, (double)read_number(input, 2) / 256);
		return;
	case 6:
		bind_bytes(statement, place, input, true);
		return;
	case 7:
		bind_bytes(statement, place, input, false);
		return;
	case 8:
		(void)sqlite3_bind_zeroblob(statement, place, (int)read_number(input, 2));
		return;
	case 9:
	case 10:
		(void)sqlite3_bind_text(statement, place,
					texts[fuzz_byte(input) % G_N_ELEMENTS(texts)], -1,
					SQLITE_STATIC);
		return;
	case 11:
	case 12:
		REQUIRE(addr6_parse(addresses[fuzz_byte(input) % G_N_ELEMENTS(addresses)], &addr6));
		(void)sqlite3_bind_blob(statement, place, addr6.byte, sizeof(addr6.byte),
					SQLITE_TRANSIENT);
		return;
	default:
		(void)sqlite3_bind_int64(statement, place,
					 numbers[fuzz_byte(input) % G_N_ELEMENTS(numbers)]);
		return;
	}
}

/* ---- actions ------------------------------------------------------------------------------------
 */

static void run(sqlite3 *db, const char *sql)
{
	(void)sqlite3_exec(db, sql, NULL, NULL, NULL);
}

/* With a value of the input for "?", if there is one. */
static void run_with(struct state_file *file, const char *sql, struct fuzz_input *input)
{
	sqlite3_stmt *statement = NULL;

	if (sqlite3_prepare_v2(file->db, sql, -1, &statement, NULL) != SQLITE_OK) {
		(void)sqlite3_finalize(statement);
		return;
	}
	if (sqlite3_bind_parameter_count(statement) > 0)
		bind_value(statement, 1, input);
	(void)sqlite3_step(statement);
	(void)sqlite3_finalize(statement);
}

/* Names, for g_strfreev(); how many. */
static char **columns_of(sqlite3 *db, const char *table, unsigned *ret_n)
{
	char **names = g_new0(char *, COLUMNS_MAX + 1);
	char *sql = g_strdup_printf("SELECT * FROM %s", table);
	sqlite3_stmt *statement = NULL;

	*ret_n = 0;
	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK)
		*ret_n = MIN((unsigned)sqlite3_column_count(statement), COLUMNS_MAX);
	for (unsigned i = 0; i < *ret_n; i++)
		names[i] = g_strdup(sqlite3_column_name(statement, (int)i));
	(void)sqlite3_finalize(statement);
	g_free(sql);
	return names;
}

/* The first column is the key, or a part of it. */
static void act_on_row(struct state_file *file, enum action action, struct fuzz_input *input)
{
	const char *table = tables[fuzz_byte(input) % G_N_ELEMENTS(tables)];
	const unsigned row = fuzz_byte(input);
	unsigned n_columns, column;
	char **names = columns_of(file->db, table, &n_columns);
	char *which, *sql, *values;

	if (n_columns == 0) {
		g_strfreev(names);
		return;
	}
	which = g_strdup_printf("WHERE \"%s\" = (SELECT \"%s\" FROM %s LIMIT 1 OFFSET %u)",
				names[0], names[0], table, row);
	if (action == ACTION_REMOVE) {
		sql = g_strdup_printf("DELETE FROM %s %s", table, which);
	} else {
		column = fuzz_byte(input) % n_columns;
		if (action == ACTION_CHANGE) {
			sql = g_strdup_printf("UPDATE OR REPLACE %s SET \"%s\" = ? %s", table,
					      names[column], which);
		} else {
			g_free(names[column]);
			names[column] = g_strdup("?1");
			values = g_strjoinv(", ", names);
			sql = g_strdup_printf("INSERT OR REPLACE INTO %s SELECT %s FROM %s %s",
					      table, values, table, which);
			g_free(values);
		}
	}
	run_with(file, sql, input);
	g_free(sql);
	g_free(which);
	g_strfreev(names);
}

#define CLIENT "X'20010db8000100000000000000000002'"

/* As many as may be too many. */
static void act_many(struct state_file *file, struct fuzz_input *input)
{
	const uint8_t which = fuzz_byte(input);
	const unsigned n = 4u * fuzz_byte(input), first = fuzz_byte(input), step = fuzz_byte(input);
	char *from = g_strdup_printf("WITH RECURSIVE n(i) AS (SELECT %u UNION ALL SELECT i + 1 "
				     "FROM n WHERE i < %u) SELECT",
				     first, first + n);
	char *sql;

	if (which % 3 == 0)
		sql = g_strdup_printf("INSERT OR REPLACE INTO binding (place, address6, port6, "
				      "address4, port4, number, pool6, static, created) %s i << 2 "
				      "| %u, " CLIENT ", i, 3405803777, 1024 + i * %u, i, (SELECT "
				      "pool6 FROM binding), 0, 1000 FROM n",
				      from, which >> 6, step);
	else if (which % 3 == 1)
		sql = g_strdup_printf("INSERT OR REPLACE INTO session (place, binding, number, "
				      "address4, port4, state, pool6, until) %s i << 2 | %u, 1, 7, "
				      "3325256711, 1024 + i * %u, 0, (SELECT pool6 FROM session), "
				      "2200 FROM n",
				      from, which >> 6, step);
	else
		sql = g_strdup_printf("INSERT OR REPLACE INTO closed_row %s i %% 3, 3405803777 << "
				      "16 | 1024, i - %u, i * %u, i, " CLIENT " FROM n",
				      from, (unsigned)which, step);
	run(file->db, sql);
	g_free(sql);
	g_free(from);
}

static void act_header(struct state_file *file, struct fuzz_input *input)
{
	static const char *const pragmas[] = {"user_version", "application_id", "schema_version"};
	const uint8_t which = fuzz_byte(input);
	char *sql = g_strdup_printf("PRAGMA %s = %d", pragmas[which % G_N_ELEMENTS(pragmas)],
				    which & 128 ? (int)(int32_t)read_number(input, 4)
						: (int)(int8_t)fuzz_byte(input));

	run(file->db, sql);
	g_free(sql);
}

static void act_later(struct state_file *file, bool is_cut, struct fuzz_input *input)
{
	struct patch patch = {.at = fuzz_be16(input), .is_cut = is_cut};

	if (!is_cut)
		patch.byte = fuzz_byte(input);
	if (file->n_patches < PATCHES_MAX)
		file->patch[file->n_patches++] = patch;
}

static void act(struct state_file *file, struct fuzz_input *input)
{
	const enum action action = fuzz_byte(input) % N_ACTIONS;

	switch (action) {
	case ACTION_CHANGE:
	case ACTION_COPY:
	case ACTION_REMOVE:
		act_on_row(file, action, input);
		return;
	case ACTION_MANY:
		act_many(file, input);
		return;
	case ACTION_SCHEMA:
		run(file->db, statements[fuzz_byte(input) % G_N_ELEMENTS(statements)]);
		return;
	case ACTION_HEADER:
		act_header(file, input);
		return;
	case ACTION_PATCH:
	case ACTION_CUT:
		act_later(file, action == ACTION_CUT, input);
		return;
	case N_ACTIONS:
		return;
	}
}

/* ---- the file -----------------------------------------------------------------------------------
 */

static sqlite3 *open_db(const char *path)
{
	sqlite3 *db;
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;

	REQUIRE(sqlite3_open_v2(path, &db, flags, NULL) == SQLITE_OK);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
	run(db, "PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF");
	return db;
}

/* Types and the rest hold only while somebody writes who knows of them. */
static void loosen(struct state_file *file)
{
	run(file->db, "PRAGMA writable_schema = ON;"
		      "CREATE TABLE was AS SELECT name, sql FROM sqlite_schema;"
		      "UPDATE sqlite_schema SET sql = replace(replace(replace(replace(sql, "
		      "' STRICT, WITHOUT', ' WITHOUT'), ' STRICT', ''), ' NOT NULL', ''), "
		      "'CHECK (only_row = 1)', '') WHERE type = 'table' AND name <> 'was'");
}

static void tighten(struct state_file *file)
{
	run(file->db, "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = ifnull((SELECT "
		      "sql FROM was WHERE was.name = sqlite_schema.name), sql); DROP TABLE was");
}

static void make_version(struct state_file *file, uint8_t settings)
{
	const int version = STORE_VERSION - (settings & SETTING_VERSION) % (STORE_VERSION + 1);
	char *header = g_strdup_printf("PRAGMA application_id = %d; PRAGMA user_version = %d",
				       STORE_APPLICATION_ID, version);

	run(file->db, "PRAGMA page_size = " G_STRINGIFY(PAGE_SIZE));
	for (int i = 0; i < version; i++)
		REQUIRE(sqlite3_exec(file->db, store_steps[i], NULL, NULL, NULL) == SQLITE_OK);
	for (unsigned i = 0; i < G_N_ELEMENTS(rows) && !(settings & SETTING_EMPTY); i++)
		run(file->db, rows[i]);
	if (settings & SETTING_OTHER_BOOT)
		run(file->db, "UPDATE meta SET boot_id = 'boot 0', wall_ms = wall_ms - 60000");
	if (settings & SETTING_UNCLEAN)
		run(file->db, "UPDATE meta SET clean = 0");
	if (version > 0)
		run(file->db, header);
	g_free(header);
}

static void write_file(const char *path, const char *bytes, gsize size)
{
	REQUIRE(g_file_set_contents_full(path, bytes, (gssize)size, G_FILE_SET_CONTENTS_NONE, 0600,
					 NULL));
}

static void patch(const char *path, const struct state_file *file)
{
	char *bytes = NULL;
	gsize size = 0;

	if (file->n_patches == 0)
		return;
	REQUIRE(g_file_get_contents(path, &bytes, &size, NULL));
	for (unsigned i = 0; i < file->n_patches; i++) {
		const struct patch *patch = &file->patch[i];

		if (patch->is_cut)
			size = MIN(size, (gsize)patch->at * 64);
		else if (patch->at < size)
			bytes[patch->at] = (char)patch->byte;
	}
	write_file(path, bytes, size);
	g_free(bytes);
}

/* What an input begins with takes longer to make than all that it does to it. */
static void begin(const char *path, uint8_t settings)
{
	static struct {
		char *bytes;
		gsize size;
	} made[256];
	struct state_file file;

	if (!made[settings].bytes) {
		file = (struct state_file){.db = open_db(path)};
		make_version(&file, settings);
		if (settings & SETTING_LOOSE)
			loosen(&file);
		REQUIRE(sqlite3_close(file.db) == SQLITE_OK);
		REQUIRE(g_file_get_contents(path, &made[settings].bytes, &made[settings].size,
					    NULL));
		return;
	}
	write_file(path, made[settings].bytes, made[settings].size);
}

bool state_file_make(const char *path, struct fuzz_input *input)
{
	const uint8_t settings = fuzz_byte(input);
	struct state_file file = {0};

	begin(path, settings);
	file.db = open_db(path);
	for (unsigned i = 0; i < ACTIONS_MAX && input->size > 0; i++)
		act(&file, input);
	if (settings & SETTING_LOOSE)
		tighten(&file);
	REQUIRE(sqlite3_close(file.db) == SQLITE_OK);
	patch(path, &file);
	return !(settings & SETTING_LOOSE) && file.n_patches == 0;
}

void state_file_copy(const char *path, struct fuzz_input *input)
{
	write_file(path, (const char *)input->at, input->size);
}
