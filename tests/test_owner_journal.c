/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who had an address and port, out of a real journal (L-13) into which nat64d's own fields were
 * written, beside entries of those who would like others to be blamed; and what nat64ctl says.
 */
#include "tools/owner_journal.h"

#include <glib/gstdio.h>
#include <string.h>

#include "daemon/event_log.h"

#define WALL   UINT64_C(1769860800000000) /* 2026-01-31T12:00:00Z */
#define SECOND UINT64_C(1000000)
#define HOST   .addr6 = {{0x20, 0x01, 0x0d, 0xb8, [15] = 1}}, .prefix_len = 128, .port6 = 5000
#define OTHER  .addr6 = {{0x20, 0x01, 0x0d, 0xb8, [15] = 2}}, .prefix_len = 128, .port6 = 5000
#define CLIENT .addr6 = {{0x20, 0x01, 0x0d, 0xb8}}, .prefix_len = 64
#define MAPPED .mapped = {0xcb007101, 2000}
#define TCP    .protocol = PROTOCOL_TCP

#define OF_SERVICE "_SYSTEMD_UNIT=nat64d.service\n_UID=990\n"
#define OF_ROOT    "_UID=0\n"
#define OF_USER    "_SYSTEMD_UNIT=user@1000.service\n_UID=1000\n"

static const struct owner_question question = {
	.mapped = {0xcb007101, 2000},
	.from_usec = WALL - 300 * SECOND,
	.until_usec = WALL + 300 * SECOND,
};

struct fixture {
	char *directory;
	GString *export; /* as of systemd's JOURNAL_EXPORT_FORMATS */
	uint64_t last_usec;
};

static void begin(struct fixture *f)
{
	*f = (struct fixture){.directory = g_dir_make_tmp("nat64d-XXXXXX", NULL),
			      .export = g_string_new(NULL)};
}

/* An entry; fields: each in a line of its own. */
static void add_fields(struct fixture *f, int second, const char *of, const char *fields)
{
	f->last_usec = (uint64_t)((int64_t)WALL + second * (int64_t)SECOND);
	g_string_append_printf(f->export,
			       "__REALTIME_TIMESTAMP=%" G_GUINT64_FORMAT
			       "\n__MONOTONIC_TIMESTAMP=%" G_GUINT64_FORMAT
			       "\n_BOOT_ID=0123456789abcdef0123456789abcdef\n%s%s\n",
			       f->last_usec, f->last_usec, of, fields);
}

static void add(struct fixture *f, int second, const char *of, const struct event *event)
{
	g_auto(GStrv) fields = event_log_fields(event, "wan");
	g_autofree char *text = g_strjoinv("\n", fields), *lines = g_strconcat(text, "\n", NULL);

	add_fields(f, second, of, lines);
}

static void write_journal(struct fixture *f)
{
	g_autofree char *export = g_build_filename(f->directory, "export", NULL);
	g_autofree char *journal = g_build_filename(f->directory, "system.journal", NULL);
	const char *argv[] = {JOURNAL_REMOTE, "-o", journal, export, NULL};
	g_autofree char *err = NULL;
	int status;

	g_assert_true(g_file_set_contents(export, f->export->str, (gssize)f->export->len, NULL));
	g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL,
				   NULL, NULL, &err, &status, NULL));
	if (!g_spawn_check_wait_status(status, NULL))
		g_error("systemd-journal-remote: %s", err);
	(void)g_unlink(export);
}

static void end(struct fixture *f)
{
	g_autofree char *journal = g_build_filename(f->directory, "system.journal", NULL);

	(void)g_unlink(journal);
	g_assert_cmpint(g_rmdir(f->directory), ==, 0);
	g_free(f->directory);
	g_string_free(f->export, TRUE);
}

/* nat64ctl who; both are regular expressions. */
static void assert_run_in(const char *directory, const char *arguments, int expected,
			  const char *out, const char *message)
{
	g_autofree char *line =
		g_strdup_printf("%s who 203.0.113.1:2000 --at 2026-01-31T12:00:00Z --journal %s %s",
				NAT64CTL, directory, arguments);
	g_autofree char *got = NULL, *got_message = NULL;
	int status;

	g_assert_true(g_spawn_command_line_sync(line, &got, &got_message, &status, NULL));
	if (!WIFEXITED(status) || WEXITSTATUS(status) != expected ||
	    !g_regex_match_simple(out, got, 0, 0) ||
	    !g_regex_match_simple(message, got_message, 0, 0))
		g_error("%s: %d, '%s', '%s'", line, status, got, got_message);
}

static void assert_run(const struct fixture *f, const char *arguments, int expected,
		       const char *out, const char *message)
{
	assert_run_in(f->directory, arguments, expected, out, message);
}

static GArray *read_owners(const struct fixture *f, struct owner_journal *journal)
{
	GArray *owners = g_array_new(FALSE, FALSE, sizeof(struct owner));
	g_autofree char *problem = owner_journal_read(f->directory, &question, owners, journal);

	g_assert_null(problem);
	return owners;
}

static void test_bindings(void)
{
	const struct event created = {.kind = EVENT_BINDING_CREATE, TCP, HOST, MAPPED};
	const struct event deleted = {.kind = EVENT_BINDING_DELETE, TCP, HOST, MAPPED};
	const struct event other_port = {
		.kind = EVENT_BINDING_CREATE, TCP, OTHER, .mapped = {0xcb007101, 2001}};
	const struct event other_address = {
		.kind = EVENT_BINDING_CREATE, TCP, OTHER, .mapped = {0xcb007102, 2000}};
	const struct event next = {.kind = EVENT_BINDING_CREATE, TCP, OTHER, MAPPED};
	struct fixture f;

	begin(&f);
	add(&f, -7200, OF_SERVICE, &created);
	add(&f, -100, OF_SERVICE, &other_port);
	add(&f, -90, OF_SERVICE, &other_address);
	add(&f, -60, OF_SERVICE, &deleted);
	add(&f, 200, OF_SERVICE, &next);
	add(&f, 4000, OF_SERVICE, &created); /* by then the other's has ended */
	write_journal(&f);
	assert_run(
		&f, "", 0,
		"^203\\.0\\.113\\.1:2000 between 2026-01-31T11:55:00Z and 2026-01-31T12:05:00Z "
		"\\(UTC\\):\n"
		"PROTO +CLIENT +FROM +UNTIL +SOURCE\n"
		"tcp +\\[2001:db8::1\\]:5000 +2026-01-31T10:00:00Z +2026-01-31T11:59:00Z +journal\n"
		"tcp +\\[2001:db8::2\\]:5000 +2026-01-31T12:03:20Z +2026-01-31T13:06:40Z "
		"+journal\n$",
		"^$");
	assert_run(&f, "--within 1s", 3, "^$",
		   "^nat64ctl: nobody had 203\\.0\\.113\\.1:2000 between 2026-01-31T11:59:59Z and "
		   "2026-01-31T12:00:01Z\n$");
	assert_run(&f, "--within 3h --json", 0,
		   "(?s)\"created\":\"2026-01-31T10:00:00\\.000Z\",\"ended\":\"2026-01-31T11:59:00"
		   "\\.000Z\",\"source\":\"journal\".*\"ended\":null,\"source\":\"journal\"",
		   "^nat64ctl: the journal has bindings since 2026-01-31T10:00:00Z only: ");
	end(&f);
}

/* Logged from the middle of it, long after what is asked for. */
static void test_late(void)
{
	const struct event deleted = {.kind = EVENT_BINDING_DELETE, TCP, HOST, MAPPED};
	struct fixture f;

	begin(&f);
	add(&f, 7200, OF_SERVICE, &deleted);
	write_journal(&f);
	assert_run(&f, "--no-legend", 0,
		   "^tcp +\\[2001:db8::1\\]:5000 +not logged +2026-01-31T14:00:00Z +journal\n$",
		   "^nat64ctl: the journal has bindings since 2026-01-31T14:00:00Z only: ");
	end(&f);
}

/* Two daemons with the same address: neither ends the other's. */
static void test_instances(void)
{
	const struct event created = {.kind = EVENT_BINDING_CREATE, TCP, HOST, MAPPED};
	const struct event other = {.kind = EVENT_BINDING_CREATE, TCP, OTHER, MAPPED};
	struct fixture f;

	begin(&f);
	add(&f, -200, OF_SERVICE, &created);
	add(&f, -190, "_SYSTEMD_UNIT=nat64d@lab.service\n_UID=990\n", &other);
	write_journal(&f);
	assert_run(
		&f, "--within 1min --no-legend", 0,
		"(?s)^tcp .*::1\\].* not logged +journal\n|^tcp .*::2\\].* not logged +journal\n",
		"^$");
	assert_run(&f, "--within 1min --no-legend", 0, "^[^\n]*\n[^\n]*\n$", "^$");
	assert_run(&f, "--within 1min --no-legend -i lab", 0,
		   "^tcp +\\[2001:db8::2\\]:5000 [^\n]* not logged +journal\n$", "^$");
	end(&f);
}

/* Log.Destinations: from the first session to the last. */
static void test_sessions(void)
{
	const struct event first = {
		.kind = EVENT_SESSION_CREATE, TCP, HOST, MAPPED, .peer = {0xc6336402, 443}};
	const struct event second = {
		.kind = EVENT_SESSION_CREATE, TCP, HOST, MAPPED, .peer = {0xc6336402, 80}};
	struct event ended = first;
	struct owner_journal journal;
	struct fixture f;
	GArray *owners;

	begin(&f);
	ended.kind = EVENT_SESSION_DELETE;
	add(&f, -7200, OF_SERVICE, &first);
	add(&f, -7100, OF_SERVICE, &second);
	add(&f, -7000, OF_SERVICE, &ended);
	write_journal(&f);
	owners = read_owners(&f, &journal);
	g_assert_cmpuint(owners->len, ==, 1);
	g_assert_cmpuint(g_array_index(owners, struct owner, 0).created_usec, ==,
			 WALL - 7200 * SECOND);
	g_assert_cmpuint(g_array_index(owners, struct owner, 0).ended_usec, ==, OWNER_NOT_LOGGED);
	g_assert_cmpuint(journal.since_usec, ==, WALL - 7200 * SECOND);
	g_array_unref(owners);
	assert_run(&f, "--no-legend", 0, "^tcp +\\[2001:db8::1\\]:5000 .* not logged +journal\n$",
		   "^$");
	end(&f);
}

/* Whichever port of the block was asked for. */
static void test_blocks(void)
{
	const struct event taken = {.kind = EVENT_BLOCK_ALLOCATE,
				    CLIENT,
				    .mapped = {0xcb007101, 1984},
				    .last_port = 2047};
	const struct event beside = {.kind = EVENT_BLOCK_ALLOCATE,
				     OTHER,
				     .mapped = {0xcb007101, 2048},
				     .last_port = 2111};
	struct event left = taken;
	struct fixture f;

	begin(&f);
	left.kind = EVENT_BLOCK_RELEASE;
	add(&f, -7200, OF_SERVICE, &taken);
	add(&f, -7100, OF_SERVICE, &beside);
	add(&f, 5, OF_SERVICE, &left);
	write_journal(&f);
	assert_run(&f, "--no-legend", 0,
		   "^any +2001:db8::/64 +2026-01-31T10:00:00Z +2026-01-31T12:00:05Z +journal\n$",
		   "^$");
	end(&f);
}

/* journald says who has written an entry; nobody else can. */
static void test_foreign(void)
{
	const struct event created = {.kind = EVENT_BINDING_CREATE, TCP, HOST, MAPPED};
	const struct event blamed = {.kind = EVENT_BINDING_CREATE, TCP, OTHER, MAPPED};
	struct fixture f;

	begin(&f);
	add(&f, -200, OF_USER, &blamed);
	add(&f, -190, "_SYSTEMD_UNIT=nat64d.service.evil.service\n_UID=1000\n", &blamed);
	add(&f, -180, "", &blamed);
	add(&f, -170, "_SYSTEMD_UNIT=nat64d@lab.service\n_UID=990\n", &created);
	write_journal(&f);
	assert_run(
		&f, "--no-legend", 0, "^tcp +\\[2001:db8::1\\]:5000 [^\n]*\n$",
		"^nat64ctl: the journal has 3 entries about this that nat64d has not written, or "
		"that make no sense: they are not counted\n"
		"nat64ctl: the journal has bindings since 2026-01-31T11:57:10Z only: ");
	end(&f);
}

/* What nat64d never writes. */
static void test_senseless(void)
{
	static const char id[] = "MESSAGE_ID=b10f5ba5ae794245b6699702e722c7cd\n";
	static const char block_id[] = "MESSAGE_ID=9aa07d36b60440e6b82a363293397d92\n";
	static const char session_id[] = "MESSAGE_ID=cae47cdb0438449f920667179e34537b\n";
	static const char mapped[] = "NAT64D_ADDRESS4=203.0.113.1\nNAT64D_PORT4=2000\n";
	const struct event created = {.kind = EVENT_BINDING_CREATE, TCP, HOST, MAPPED};
	g_autofree char *long_address = g_strnfill(4000, '1');
	char *cases[] = {
		g_strconcat(id, mapped, NULL),
		g_strconcat(id, mapped, "NAT64D_PROTOCOL=sctp\nNAT64D_ADDRESS6=2001:db8::1\n",
			    "NAT64D_PORT6=1\n", NULL),
		g_strconcat(id, mapped, "NAT64D_PROTOCOL=tcp\nNAT64D_ADDRESS6=192.0.2.1\n",
			    "NAT64D_PORT6=1\n", NULL),
		g_strconcat(id, mapped, "NAT64D_PROTOCOL=tcp\nNAT64D_ADDRESS6=", long_address,
			    "\nNAT64D_PORT6=1\n", NULL),
		g_strconcat(id, mapped, "NAT64D_PROTOCOL=tcp\nNAT64D_ADDRESS6=2001:db8::1\n",
			    "NAT64D_PORT6=65536\n", NULL),
		g_strconcat(id, mapped, "NAT64D_PROTOCOL=tcp\nNAT64D_ADDRESS6=2001:db8::1\n",
			    "NAT64D_PORT6=\n", NULL),
		g_strconcat(session_id, mapped,
			    "NAT64D_PROTOCOL=tcp\nNAT64D_ADDRESS6=2001:db8::1\n",
			    "NAT64D_PORT6=1\nNAT64D_SERVER4=2001:db8::1\n"
			    "NAT64D_SERVER_PORT4=5\n",
			    NULL),
		g_strconcat(block_id, mapped, "NAT64D_LAST_PORT4=2047\n", NULL),
		g_strconcat(block_id, mapped,
			    "NAT64D_LAST_PORT4=2047\nNAT64D_CLIENT=2001:db8::/129\n", NULL),
	};
	struct owner_journal journal;
	struct fixture f;
	GArray *owners;

	begin(&f);
	add(&f, -200, OF_ROOT, &created);
	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++)
		add_fields(&f, -100 + (int)i, OF_ROOT, cases[i]);
	write_journal(&f);
	owners = read_owners(&f, &journal);
	g_assert_cmpuint(owners->len, ==, 1);
	g_assert_cmpuint(journal.n_foreign, ==, G_N_ELEMENTS(cases));
	g_array_unref(owners);
	end(&f);
	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++)
		g_free(cases[i]);
}

/* journald had it later than nat64d wrote it. */
static void test_source_time(void)
{
	const struct event created = {.kind = EVENT_BINDING_CREATE, TCP, HOST, MAPPED};
	struct owner_journal journal;
	struct fixture f;
	GArray *owners;

	begin(&f);
	add(&f, 400, OF_ROOT "_SOURCE_REALTIME_TIMESTAMP=1769860850000000\n", &created);
	write_journal(&f);
	owners = read_owners(&f, &journal);
	g_assert_cmpuint(owners->len, ==, 1);
	g_assert_cmpuint(g_array_index(owners, struct owner, 0).created_usec, ==,
			 WALL + 50 * SECOND);
	g_array_unref(owners);
	end(&f);
}

/* Nothing to read, and nothing in what is read. */
static void test_nothing(void)
{
	static const char garbage[8192] = "LPKSHHRH";
	g_autofree char *path = NULL;
	struct fixture f;

	begin(&f);
	path = g_build_filename(f.directory, "system.journal", NULL);
	assert_run(&f, "", 1, "^$",
		   "^nat64ctl: --journal: there is no file of a journal in /.* that can be read "
		   "\\(\\*\\.journal\\)\n$");
	assert_run_in("/no/such/folder", "", 1, "^$",
		      "^nat64ctl: --journal: /no/such/folder: No such file or directory\n$");
	g_assert_true(g_file_set_contents(path, garbage, sizeof(garbage), NULL));
	assert_run(&f, "", 1, "^$", "^nat64ctl: --journal: there is no file of a journal in ");
	(void)g_unlink(path);
	add_fields(&f, 0, OF_ROOT, "MESSAGE=hello\n");
	write_journal(&f);
	assert_run(&f, "", 1, "^$",
		   "^nat64ctl: the journal in /.* has no binding of nat64d: was it logged "
		   "\\(Log\\.Bindings=yes\\), and to the journal\\?\n$");
	end(&f);
}

int main(int argc, char *argv[])
{
	g_test_init(&argc, &argv, NULL);
	if (!g_file_test(JOURNAL_REMOTE, G_FILE_TEST_IS_EXECUTABLE)) {
		g_print("1..0 # SKIP there is no " JOURNAL_REMOTE " (systemd-journal-remote)\n");
		return 0;
	}
	g_test_add_func("/owner-journal/bindings", test_bindings);
	g_test_add_func("/owner-journal/late", test_late);
	g_test_add_func("/owner-journal/instances", test_instances);
	g_test_add_func("/owner-journal/sessions", test_sessions);
	g_test_add_func("/owner-journal/blocks", test_blocks);
	g_test_add_func("/owner-journal/foreign", test_foreign);
	g_test_add_func("/owner-journal/senseless", test_senseless);
	g_test_add_func("/owner-journal/source-time", test_source_time);
	g_test_add_func("/owner-journal/nothing", test_nothing);
	return g_test_run();
}
