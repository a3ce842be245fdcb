/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "schema/store_who.h"

#include <string.h>

#include "schema/store_internal.h"

/* A look into each run that may have some, in the order of its key. */
#define QUESTION                                                                             \
	"SELECT side, address6, closed.ended - lasted, closed.ended FROM closed_run AS run " \
	"CROSS JOIN closed_row AS closed ON closed.run = run.run AND mapped = ?1 AND "       \
	"closed.ended >= ?2 WHERE run.ended >= ?2 AND run.created <= ?3 AND "                \
	"closed.ended - lasted <= ?3 ORDER BY closed.ended - lasted, closed.ended LIMIT ?4"

/* Whose block it was. */
#define QUESTION_BLOCKS                                                                        \
	"SELECT length, address6, created, ended FROM closed_block WHERE address4 = ?1 >> 16 " \
	"AND first <= (?1 & 65535) AND last >= (?1 & 65535) AND ended >= ?2 AND created <= "   \
	"?3 ORDER BY created, ended LIMIT ?4"

static bool is_time(const struct store_who_row *row)
{
	return row->created_s >= 0 && row->ended_s >= row->created_s &&
	       row->ended_s < STORE_TIME_MAX_S;
}

/* False: nat64d never writes such a row. */
static bool read_block(sqlite3_stmt *statement, struct store_who_row *ret)
{
	int64_t length = sqlite3_column_int64(statement, 0);
	const void *addr6 = sqlite3_column_blob(statement, 1);

	if (length < 1 || length > 128 || !addr6 ||
	    sqlite3_column_bytes(statement, 1) != sizeof(struct addr6))
		return false;
	*ret = (struct store_who_row){
		.protocol = N_PROTOCOLS,
		.prefix_len = (uint8_t)length,
		.created_s = sqlite3_column_int64(statement, 2),
		.ended_s = sqlite3_column_int64(statement, 3),
	};
	memcpy(ret->client.addr.byte, addr6, sizeof(ret->client.addr.byte));
	return is_time(ret);
}

/* Likewise. */
static bool read_row(sqlite3_stmt *statement, struct store_who_row *ret)
{
	int64_t side = sqlite3_column_int64(statement, 0);
	const void *addr6 = sqlite3_column_blob(statement, 1);

	if (side < 0 || side >> 2 > UINT16_MAX || (side & 3) >= N_PROTOCOLS || !addr6 ||
	    sqlite3_column_bytes(statement, 1) != sizeof(struct addr6))
		return false;
	*ret = (struct store_who_row){
		.protocol = side & 3,
		.client = {.port = (uint16_t)(side >> 2)},
		.created_s = sqlite3_column_int64(statement, 2),
		.ended_s = sqlite3_column_int64(statement, 3),
	};
	memcpy(ret->client.addr.byte, addr6, sizeof(ret->client.addr.byte));
	return is_time(ret);
}

static int ask(struct store *store, const char *sql,
	       bool (*read)(sqlite3_stmt *statement, struct store_who_row *ret),
	       const struct store_who_question *question, GArray *ret)
{
	sqlite3_stmt *statement = NULL;
	int result = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);
	struct store_who_row row;

	(void)sqlite3_bind_int64(statement, 1, store_key_of(&question->mapped));
	(void)sqlite3_bind_int64(statement, 2, question->from_s);
	(void)sqlite3_bind_int64(statement, 3, question->to_s);
	(void)sqlite3_bind_int64(statement, 4, question->max);
	if (result == SQLITE_OK)
		while ((result = sqlite3_step(statement)) == SQLITE_ROW)
			if (read(statement, &row))
				g_array_append_val(ret, row);
	(void)sqlite3_finalize(statement);
	return result == SQLITE_DONE ? 0 : store_fail(store, result, "can not be read");
}

int store_who(const struct store_config *config, const struct store_who_question *question,
	      GArray *ret, char text[STORE_TEXT_SIZE])
{
	struct store *store = NULL;
	int r = store_open_reader(config, &store);

	if (r == 0)
		r = ask(store, QUESTION, read_row, question, ret);
	if (r == 0)
		r = ask(store, QUESTION_BLOCKS, read_block, question, ret);
	if (r < 0)
		(void)g_strlcpy(text, store->error, STORE_TEXT_SIZE);
	store_close(store);
	return r;
}
