/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state database as hostile input (O-12, X-10): whatever lies in the state directory, nat64d
 * starts, and takes nothing from it that it could not have written there.
 *
 * An input is a byte (enum setting), then a file as it is, or what to do to a good one
 * (state_file.c). The daemon's state is begun in its directory as at a start, ended, and begun
 * again; beside it the file is asked and checked as nat64ctl and nat64d --check do.
 *
 * The checks: the invariants of all tables; no binding is outside pool4 or inside Pool6, of an
 * address that no client can have, or past Limits.Bindings; no session is past Limits.Sessions, in
 * a state that there is not, or lives longer than a new one would; rows of commands are texts; an
 * answer of `who` is about a time that can be. What is written then is sound and complete: the next
 * start finds as much, and has nothing to say.
 */
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "daemon/core/policy.h"
#include "daemon/kept.h"
#include "schema/store_restore.h"
#include "schema/store_who.h"
#include "tests/fuzz/state_file.h"
#include "tests/state_fixture.h"

#define N_BINDINGS 64
#define N_SESSIONS 48
#define BLOCK_SIZE 64
#define N_WHO      16

enum setting {
	SETTING_AS_IT_IS = 1, /* the file is what follows */
	SETTING_BLOCKS = 2,   /* P-19; with the next: P-20 */
	SETTING_DETERMINISTIC = 4,
	SETTING_COPY = 8, /* it is the copy of an older version, beside a newer one */
	SETTING_RETENTION = 16,
	SETTING_LOOK = 32, /* it is asked and checked before the start, too */
};

/* As they are when it has begun. */
struct counts {
	uint32_t n_bindings;
	uint32_t n_sessions;
};

/* No disk has to be waited for, and nobody who comes first: these are taken in place of the C
 * library's. */
int setpriority(__priority_which_t which, id_t who, int value)
{
	return 0;
}

__attribute__((visibility("default"))) int fsync(int fd)
{
	return 0;
}

__attribute__((visibility("default"))) int fdatasync(int fd)
{
	return 0;
}

/* ---- what is restored ---------------------------------------------------------------------------
 */

static void check_binding(const struct nat64 *nat, enum protocol protocol, uint32_t index)
{
	const struct bib_entry *entry = bib_at(&nat->bib[protocol], index);
	const struct taddr4 mapped = bib_entry_taddr4(entry);
	struct taddr4 address;

	REQUIRE(taddr4_parse(STATE_FILE_ADDRESS ":0", &address));
	REQUIRE(mapped.addr == address.addr);
	REQUIRE(entry->is_static ||
		(mapped.port >= STATE_FILE_PORT && mapped.port <= STATE_FILE_PORT_LAST));
	REQUIRE(policy_pool6_of(nat, &entry->addr6) < 0);
	REQUIRE(!addr6_is_illegal_source(&entry->addr6));
	REQUIRE(entry->pool6 < NAT64_POOL6_MAX && nat->config.pool6[entry->pool6].len > 0);
	REQUIRE(entry->created_s <= (int32_t)(STATE_BOOT_MS / 1000));
}

static void check_session(const struct nat64 *nat, enum protocol protocol, uint32_t index)
{
	const struct session *session = session_at(&nat->sessions[protocol], index);
	uint64_t longest_ms = nat->config.icmp_ms;

	if (protocol == PROTOCOL_TCP)
		longest_ms = nat->config.tcp_established_ms;
	if (protocol == PROTOCOL_UDP)
		longest_ms = nat->config.udp_ms;
	REQUIRE(session->expires_ms > STATE_BOOT_MS);
	REQUIRE(session->expires_ms <= STATE_BOOT_MS + longest_ms + longest_ms / 2 + 1000);
	REQUIRE((session->state != TCP_FSM_CLOSED) == (protocol == PROTOCOL_TCP));
	REQUIRE(session->state < N_TCP_FSM_STATES);
	REQUIRE(session->addr4 != 0 && session->pool6 < NAT64_POOL6_MAX);
}

static struct counts check_tables(const struct nat64 *nat)
{
	struct counts counts = {0};

	for (unsigned i = 0; i < N_PROTOCOLS; i++) {
		for (uint32_t at = 0; (at = bib_next(&nat->bib[i], at)) != SLAB_NONE; at++) {
			check_binding(nat, i, at);
			counts.n_bindings++;
		}
		for (uint32_t at = 0; (at = session_next(&nat->sessions[i], at)) != SLAB_NONE;
		     at++) {
			check_session(nat, i, at);
			counts.n_sessions++;
		}
	}
	REQUIRE(counts.n_bindings <= N_BINDINGS && counts.n_bindings == nat64_n_bindings(nat));
	REQUIRE(counts.n_sessions <= N_SESSIONS && counts.n_sessions == nat64_n_sessions(nat));
	return counts;
}

/* ---- what was changed by command ----------------------------------------------------------------
 */

static void note_report(void *context, int level, const char *text)
{
	unsigned *n = context;

	REQUIRE(text[0] != '\0');
	(*n)++;
}

static void check_blocked(const GPtrArray *rows)
{
	const struct siphash_key key = {{1, 2}};
	GPtrArray *gone = kept_rows_new();
	struct blocklist list;
	unsigned n = 0;

	blocklist_init(&list, &key);
	kept_blocked_restore(&list, rows, STATE_BOOT_MS, gone, note_report, &n);
	REQUIRE(list.entries.n_used + gone->len + n <= rows->len);
	blocklist_deinit(&list);
	g_ptr_array_unref(gone);
}

static void check_kept(const GPtrArray *rows)
{
	struct pool4_runtime *runtime = pool4_runtime_new();
	struct config *config = config_new_default();
	GPtrArray *overrides;
	unsigned n = 0;

	for (guint i = 0; i < rows->len; i++) {
		const struct kept_row *row = g_ptr_array_index(rows, i);

		REQUIRE(row->exists && row->table < N_KEPT_TABLES);
		for (unsigned j = 0; j < kept_columns[row->table].n_columns; j++)
			REQUIRE(row->value[j] && g_utf8_validate(row->value[j], -1, NULL));
	}
	kept_pool4_restore(runtime, config, rows, note_report, &n);
	REQUIRE(runtime->added->len + runtime->statics->len <= rows->len);
	overrides = kept_settings_read(rows, note_report, &n);
	REQUIRE(overrides->len <= rows->len);
	check_blocked(rows);
	g_ptr_array_unref(overrides);
	pool4_runtime_free(runtime);
	config_free(config);
}

/* ---- the file beside the daemon -----------------------------------------------------------------
 */

static void note_problem(void *context, const char *problem)
{
	unsigned *n = context;

	REQUIRE(problem[0] != '\0' && g_utf8_validate(problem, -1, NULL));
	(*n)++;
}

static void check_who(const struct state_fixture *f, bool is_ours)
{
	const struct store_config config = {.directory = f->directory};
	struct store_who_question question = {.from_s = 0, .to_s = INT64_MAX / 2, .max = N_WHO};
	GArray *rows = g_array_new(FALSE, FALSE, sizeof(struct store_who_row));
	char text[STORE_TEXT_SIZE] = "";
	int r;

	REQUIRE(taddr4_parse(STATE_FILE_ADDRESS ":2000", &question.mapped));
	r = store_who(&config, &question, rows, text);
	if (is_ours && r != 0)
		fprintf(stderr, "%s\n", text);
	REQUIRE(!is_ours || r == 0);
	REQUIRE(rows->len <= 2 * N_WHO && (r == 0 || text[0] != '\0'));
	for (guint i = 0; i < rows->len; i++) {
		const struct store_who_row *row = &g_array_index(rows, struct store_who_row, i);

		REQUIRE(row->created_s >= 0 && row->ended_s >= row->created_s);
		REQUIRE((row->protocol == N_PROTOCOLS) == (row->prefix_len > 0));
		REQUIRE(row->protocol <= N_PROTOCOLS && row->prefix_len <= 128);
	}
	g_array_unref(rows);
}

/* As nat64d --check and nat64ctl restore do, which change nothing. */
static unsigned check_file(const struct state_fixture *f)
{
	char *elsewhere = g_build_filename(f->directory, "elsewhere", NULL);
	char text[STORE_TEXT_SIZE] = "";
	struct store_restored restored;
	unsigned n = 0;
	int r;

	REQUIRE(store_check(f->directory, note_problem, &n) == n);
	REQUIRE(g_mkdir(elsewhere, 0700) == 0);
	r = store_restore(elsewhere, f->path, true, &restored, text);
	REQUIRE((r == 0) == (text[0] == '\0'));
	REQUIRE(g_rmdir(elsewhere) == 0);
	g_free(elsewhere);
	return n;
}

/* ---- a run --------------------------------------------------------------------------------------
 */

static struct counts begin(struct state_fixture *f)
{
	const GPtrArray *kept;

	state_begin(f);
	kept = daemon_state_kept(f->state);
	if (kept)
		check_kept(kept);
	return check_tables(f->gateway.nat);
}

/* A start reads neither each page nor the history: what of those is damaged only --check finds
 * (doc/decisions.md). */
static void run(struct state_fixture *f, bool look, bool is_sound)
{
	struct counts first, second;
	guint n_not_restored;

	if (look) {
		(void)check_file(f);
		check_who(f, false);
	}
	first = begin(f);
	state_end(f);
	check_who(f, true);
	REQUIRE(check_file(f) == 0 || !is_sound);
	n_not_restored = state_n_logged(f, "not restored");
	second = begin(f);
	if (second.n_bindings != first.n_bindings || second.n_sessions != first.n_sessions)
		fprintf(stderr, "%u bindings and %u sessions, then %u and %u\n", first.n_bindings,
			first.n_sessions, second.n_bindings, second.n_sessions);
	REQUIRE(second.n_bindings == first.n_bindings && second.n_sessions == first.n_sessions);
	REQUIRE(state_n_logged(f, "not restored") == n_not_restored);
	state_end(f);
}

static void make_newer(const struct state_fixture *f)
{
	sqlite3 *db;

	REQUIRE(sqlite3_open(f->path, &db) == SQLITE_OK);
	REQUIRE(sqlite3_exec(
			db,
			"PRAGMA synchronous = OFF; CREATE TABLE meta (x); PRAGMA "
			"application_id = " G_STRINGIFY(STORE_APPLICATION_ID) "; PRAGMA "
									      "user_version = 1000",
			NULL, NULL, NULL) == SQLITE_OK);
	REQUIRE(sqlite3_close(db) == SQLITE_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz_input input = {bytes, size};
	const uint8_t settings = fuzz_byte(&input);
	struct nat64_limits limits = {
		.bindings = N_BINDINGS,
		.sessions = N_SESSIONS,
		.stored_syns = 16,
		.fragment_memory = 1 << 20,
		.pool4 = {.mode = settings & SETTING_DETERMINISTIC ? POOL4_DETERMINISTIC
				  : settings & SETTING_BLOCKS      ? POOL4_BLOCKS
								   : POOL4_DYNAMIC,
			  .block_size = BLOCK_SIZE},
	};
	struct state_fixture f = {0};
	bool is_sound = false;
	const char *path;
	char *copy;

	state_setup(&f, NULL);
	f.options = (struct gateway_options){
		.addresses = STATE_FILE_ADDRESS,
		.ports = G_STRINGIFY(STATE_FILE_PORT) "-" G_STRINGIFY(STATE_FILE_PORT_LAST),
		.limits = &limits,
		.clients = settings & SETTING_DETERMINISTIC ? "2001:db8:1::/124" : NULL,
		.retention_s = settings & SETTING_RETENTION ? 3600 : 0,
	};
	copy = g_strdup_printf("%s.v%d", f.path, STORE_VERSION);
	path = settings & SETTING_COPY ? copy : f.path;
	if (settings & SETTING_AS_IT_IS)
		state_file_copy(path, &input);
	else
		is_sound = state_file_make(path, &input);
	if (settings & SETTING_COPY)
		make_newer(&f);
	run(&f, settings & SETTING_LOOK, is_sound);
	state_teardown(&f, NULL);
	g_free(copy);
	return 0;
}
