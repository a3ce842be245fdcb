/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the state database answers over D-Bus: who had an address and port (L-13), and snapshots,
 * on the bus and on the control socket. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dbus/names.h"
#include "tests/change_call.h"
#include "tests/stream_reader.h"

static const char keeping[] = "[Translation]\nPool6=2001:db8:64::/96\nClients=any\n"
			      "[State]\nRetention=1h\n"
			      "[Pool4 wan]\nAddresses=192.0.2.0/30\nPorts=1024-65535\n";

#define MINUTE_USEC G_GUINT64_CONSTANT(60000000)
#define NEVER       G_GUINT64_CONSTANT(18446744073709551615)

static uint64_t now_usec(void)
{
	return (uint64_t)g_get_real_time();
}

/* "PROTOCOL [CLIENT]:PORT open|closed", a line each, or the error's sentence. g_free() */
static char *who(sd_bus *bus, const char *address, uint16_t port, uint64_t at, uint64_t within,
		 char **ret_error)
{
	_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_message_ sd_bus_message *reply = NULL;
	GString *text = g_string_new("");
	const char *protocol, *client;
	uint64_t begin, end, before = 0;
	uint16_t port6;

	*ret_error = NULL;
	if (sd_bus_call_method(bus, DBUS_SERVICE, DBUS_PATH, DBUS_INTERFACE_MANAGER, "Who", &error,
			       &reply, "sqtt", address, port, at, within) < 0) {
		*ret_error = g_strdup(error.name);
		g_string_free(text, TRUE);
		return g_strdup(error.message);
	}
	g_assert_cmpint(sd_bus_message_enter_container(reply, 'a', DBUS_TYPE_WHO), >, 0);
	while (sd_bus_message_read(reply, DBUS_TYPE_WHO, &protocol, &client, &port6, &begin, &end) >
	       0) {
		g_string_append_printf(text, "%s [%s]:%u %s\n", protocol, client, port6,
				       end == NEVER ? "open" : "closed");
		g_assert_cmpuint(begin, <=, now_usec());
		g_assert_cmpuint(begin, >=, before);
		g_assert_cmpuint(begin, <=, end);
		before = begin;
	}
	return g_string_free(text, FALSE);
}

static void assert_who(uint16_t port, uint64_t at, uint64_t within, const char *expected)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(clients); i++) {
		g_autofree char *error = NULL;
		g_autofree char *text = who(clients[i], "192.0.2.1", port, at, within, &error);

		g_assert_cmpstr(text, ==, expected);
		g_assert_null(error);
	}
}

static void assert_refused(const char *address, uint64_t at, const char *name, const char *sentence)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(clients); i++) {
		g_autofree char *error = NULL;
		g_autofree char *text = who(clients[i], address, 2000, at, 0, &error);

		g_assert_cmpstr(text, ==, sentence);
		g_assert_cmpstr(error, ==, name);
	}
}

static void add_static(enum protocol protocol, const char *client, uint16_t port)
{
	struct taddr6 inside = {.port = 80};
	const struct taddr4 outside = {0xc0000201, port};

	g_assert_true(addr6_parse(client, &inside.addr));
	gateway_lock(&service.gateway);
	g_assert_cmpint(nat64_add_static(service.gateway.nat, protocol, &inside, &outside,
					 gateway_now_ms()),
			==, NAT64_STATIC_OK);
	gateway_unlock(&service.gateway);
}

static void end_binding(enum protocol protocol, uint16_t port)
{
	const struct taddr4 outside = {0xc0000201, port};

	gateway_lock(&service.gateway);
	nat64_remove_binding(service.gateway.nat, protocol,
			     bib_find4(&service.gateway.nat->bib[protocol], &outside),
			     gateway_now_ms());
	gateway_unlock(&service.gateway);
}

/* Those that have ended, also a moment ago, and those that have it still. */
static void test_who(void)
{
	uint64_t before = now_usec();

	add_static(PROTOCOL_TCP, "2001:db8:1::1", 2000);
	add_static(PROTOCOL_UDP, "2001:db8:1::2", 2000);
	assert_who(2000, now_usec(), MINUTE_USEC,
		   "tcp [2001:db8:1::1]:80 open\nudp [2001:db8:1::2]:80 open\n");
	end_binding(PROTOCOL_TCP, 2000);
	assert_who(2000, now_usec(), MINUTE_USEC,
		   "tcp [2001:db8:1::1]:80 closed\nudp [2001:db8:1::2]:80 open\n");
	add_static(PROTOCOL_TCP, "2001:db8:1::3", 2000);
	end_binding(PROTOCOL_TCP, 2000);
	add_static(PROTOCOL_TCP, "2001:db8:1::3", 2001);
	end_binding(PROTOCOL_TCP, 2001);
	assert_who(2001, now_usec(), MINUTE_USEC, "tcp [2001:db8:1::3]:80 closed\n");
	assert_who(2002, now_usec(), MINUTE_USEC, "");
	assert_who(2000, before - MINUTE_USEC, 0, "");
	/* Whatever somebody asks for. */
	assert_who(2001, 0, 0, "");
	assert_who(2001, 0, NEVER, "tcp [2001:db8:1::3]:80 closed\n");
	assert_who(2001, NEVER, NEVER, "tcp [2001:db8:1::3]:80 closed\n");
	assert_who(2001, NEVER, 0, "");
	end_binding(PROTOCOL_UDP, 2000);
}

/* What is older than the retention is not told, even if it is still there. */
static void test_retention(void)
{
	_cleanup_ending_ struct change_ending ending;

	add_static(PROTOCOL_TCP, "2001:db8:1::4", 2010);
	end_binding(PROTOCOL_TCP, 2010);
	assert_who(2010, now_usec(), MINUTE_USEC, "tcp [2001:db8:1::4]:80 closed\n");
	change_config("State.Retention", "0", NULL, &ending);
	change_assert_done(&ending, true, "State.Retention is now '0', before '1h'", "");
	assert_refused("192.0.2.1", now_usec(), SD_BUS_ERROR_NOT_SUPPORTED,
		       "closed bindings are not kept: set State.Retention to how long they shall "
		       "be ('nat64ctl config set State.Retention 7d'); who has it now, 'nat64ctl "
		       "bib lookup' says");
	change_ending_clear(&ending);
	change_config("State.Retention", "1h", NULL, &ending);
	g_assert_null(ending.name);
}

static int on_who(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	const sd_bus_error *failed = sd_bus_message_get_error(message);

	if (failed != NULL && g_str_equal(failed->name, SD_BUS_ERROR_LIMITS_EXCEEDED))
		*(char **)userdata = g_strdup(failed->message);
	else
		*(char **)userdata = g_strdup("");
	return 0;
}

static void ask_who(sd_bus *bus, char **ret)
{
	*ret = NULL;
	g_assert_cmpint(sd_bus_call_method_async(bus, NULL, DBUS_SERVICE, DBUS_PATH,
						 DBUS_INTERFACE_MANAGER, "Who", on_who, ret, "sqtt",
						 "192.0.2.1", 2000, now_usec(), MINUTE_USEC),
			>=, 0);
}

/* While somebody else writes to the database, what has changed can not be, and eight wait for that.
 */
static void test_busy(void)
{
	g_autofree char *path = g_build_filename(service.directory, "state", "state.db", NULL);
	char *answer[9];
	sqlite3 *db;

	g_assert_cmpint(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), ==, SQLITE_OK);
	add_static(PROTOCOL_TCP, "2001:db8:1::9", 2030);
	for (unsigned i = 0; i < G_N_ELEMENTS(answer); i++)
		ask_who(clients[0], &answer[i]);
	while (answer[8] == NULL) {
		if (sd_bus_process(clients[0], NULL) == 0)
			g_assert_cmpint(sd_bus_wait(clients[0], UINT64_MAX), >=, 0);
	}
	g_assert_cmpstr(answer[8], ==,
			"8 questions to the state database are being answered: try again");
	g_assert_cmpint(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), ==, SQLITE_OK);
	sqlite3_close(db);
	for (unsigned i = 0; i < G_N_ELEMENTS(answer); i++) {
		while (answer[i] == NULL) {
			if (sd_bus_process(clients[0], NULL) == 0)
				g_assert_cmpint(sd_bus_wait(clients[0], UINT64_MAX), >=, 0);
		}
		if (i < 8)
			g_assert_cmpstr(answer[i], ==, "");
		g_free(answer[i]);
	}
	end_binding(PROTOCOL_TCP, 2030);
}

static void test_refusals(void)
{
	assert_refused("192.0.2", now_usec(), DBUS_ERROR_INVALID_ADDRESS,
		       "'192.0.2' is not an IPv4 address");
	assert_refused("2001:db8::1", now_usec(), DBUS_ERROR_INVALID_ADDRESS,
		       "'2001:db8::1' is not an IPv4 address");
	assert_refused("", now_usec(), DBUS_ERROR_INVALID_ADDRESS, "'' is not an IPv4 address");
}

/* ---- snapshots ----------------------------------------------------------------------------------
 */

static char *state_path(const char *name)
{
	return g_build_filename(service.directory, "state", name, NULL);
}

/* It can be read without any other file, and has so many bindings. */
static void assert_snapshot(const char *path, int n)
{
	sqlite3_stmt *statement;
	sqlite3 *db;

	g_assert_cmpint(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), ==, SQLITE_OK);
	g_assert_cmpint(
		sqlite3_prepare_v2(db, "SELECT count(*) FROM binding", -1, &statement, NULL), ==,
		SQLITE_OK);
	g_assert_cmpint(sqlite3_step(statement), ==, SQLITE_ROW);
	g_assert_cmpint(sqlite3_column_int(statement, 0), ==, n);
	sqlite3_finalize(statement);
	sqlite3_close(db);
}

static int on_signal(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	GString *seen = userdata;
	uint64_t rows, usec;
	const char *text;

	if (sd_bus_message_is_signal(message, DBUS_INTERFACE_MANAGER, "SnapshotDone")) {
		g_assert_cmpint(sd_bus_message_read(message, "tt", &rows, &usec), >, 0);
		g_string_append_printf(seen, "done %u\n", (unsigned)rows);
	} else if (sd_bus_message_is_signal(message, DBUS_INTERFACE_MANAGER, "SnapshotFailed")) {
		g_assert_cmpint(sd_bus_message_read(message, "s", &text), >, 0);
		g_string_append_printf(seen, "failed: %s\n", text);
	}
	return 0;
}

static char *snapshot(sd_bus *bus, const char *option)
{
	_cleanup_ending_ struct change_ending ending;

	change_gateway(bus, "Snapshot", option, &ending);
	return g_strdup_printf("%s%s%s", ending.name ? ending.name : "", ending.name ? ": " : "",
			       ending.text);
}

static void test_snapshot(void)
{
	g_autofree char *path = state_path("snapshot.db"), *fresh = state_path("snapshot.db.new");
	GString *seen = g_string_new("");
	struct stat status;

	add_static(PROTOCOL_TCP, "2001:db8:1::5", 2020);
	for (unsigned i = 0; i < G_N_ELEMENTS(clients); i++) {
		_cleanup_ending_ struct change_ending dry, ending;
		g_autofree char *would = g_strdup_printf("would write a snapshot to %s", path);
		g_autofree char *is =
			g_strdup_printf("snapshot of 1 bindings and sessions written to %s", path);
		sd_bus_slot *slot = NULL;

		while (sd_bus_process(clients[i], NULL) > 0)
			continue;
		g_string_truncate(seen, 0);
		g_assert_cmpint(sd_bus_match_signal(clients[i], &slot, NULL, NULL,
						    DBUS_INTERFACE_MANAGER, NULL, on_signal, seen),
				>=, 0);
		(void)g_unlink(path);
		change_gateway(clients[i], "Snapshot", "dry-run", &dry);
		change_assert_done(&dry, true, would, "");
		g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
		change_gateway(clients[i], "Snapshot", NULL, &ending);
		change_assert_done(&ending, true, is, "");
		assert_snapshot(path, 1);
		g_assert_cmpint(stat(path, &status), ==, 0);
		g_assert_cmpint(status.st_mode, ==, S_IFREG | 0600);
		g_assert_false(g_file_test(fresh, G_FILE_TEST_EXISTS));
		while (sd_bus_process(clients[i], NULL) > 0)
			continue;
		g_assert_cmpstr(seen->str, ==, "done 1\n");
		sd_bus_slot_unref(slot);
	}
	end_binding(PROTOCOL_TCP, 2020);
	g_string_free(seen, TRUE);
}

/* What fails leaves nothing, and the one before as it was. */
static void test_snapshot_fails(void)
{
	g_autofree char *path = state_path("snapshot.db"), *fresh = state_path("snapshot.db.new");
	g_autofree char *text = NULL, *seen_text = NULL;
	GString *seen = g_string_new("");
	sd_bus_slot *slot = NULL;

	(void)g_unlink(path);
	g_assert_cmpint(g_mkdir(path, 0700), ==, 0);
	g_assert_cmpint(sd_bus_match_signal(clients[0], &slot, NULL, NULL, DBUS_INTERFACE_MANAGER,
					    NULL, on_signal, seen),
			>=, 0);
	text = snapshot(clients[0], NULL);
	seen_text = g_strdup_printf("failed: %s can not be replaced: Is a directory\n", path);
	g_assert_true(g_str_has_prefix(text, DBUS_ERROR_DATABASE_FAILED ": "));
	g_assert_nonnull(strstr(text, "can not be replaced: Is a directory"));
	while (sd_bus_process(clients[0], NULL) > 0)
		continue;
	g_assert_cmpstr(seen->str, ==, seen_text);
	g_assert_false(g_file_test(fresh, G_FILE_TEST_EXISTS));
	g_assert_cmpint(g_rmdir(path), ==, 0);
	sd_bus_slot_unref(slot);
	g_string_free(seen, TRUE);
}

/* The answer comes when all is written, so somebody else reads meanwhile. */
struct taking {
	int fd;
	GString *bytes;
};

static gpointer take(gpointer data)
{
	struct taking *taking = data;
	char buffer[4096];
	ssize_t n;

	while ((n = read(taking->fd, buffer, sizeof(buffer))) > 0)
		g_string_append_len(taking->bytes, buffer, n);
	return NULL;
}

static void test_snapshot_to_pipe(void)
{
	g_autofree char *path = g_build_filename(service.directory, "taken.db", NULL);
	g_autofree char *left = state_path("snapshot.db.out");

	for (enum reader_kind kind = 0; kind < N_READER_KINDS; kind++) {
		_cleanup_message_ sd_bus_message *reply = NULL;
		struct taking taking = {.bytes = g_string_new("")};
		struct reader reader;
		uint64_t rows = 99;
		GThread *thread;

		reader_open(&reader, kind);
		taking.fd = reader.fd;
		thread = g_thread_new("take", take, &taking);
		g_assert_cmpint(sd_bus_call_method(clients[kind], DBUS_SERVICE, DBUS_PATH,
						   DBUS_INTERFACE_MANAGER, "SnapshotTo", NULL,
						   &reply, "h", reader.other),
				>=, 0);
		reader_handed_over(&reader);
		g_thread_join(thread);
		g_assert_cmpint(sd_bus_message_read(reply, "t", &rows), >, 0);
		g_assert_cmpuint(rows, ==, 0);
		g_assert_true(g_file_set_contents(path, taking.bytes->str,
						  (gssize)taking.bytes->len, NULL));
		assert_snapshot(path, 0);
		g_assert_false(g_file_test(left, G_FILE_TEST_EXISTS));
		reader_close(&reader);
		g_string_free(taking.bytes, TRUE);
	}
}

/* A descriptor that can not be written to, is no file, or is nobody's any more. */
static void test_snapshot_to_refused(void)
{
	static const struct {
		const char *path;
		int flags;
		const char *text;
	} cases[] = {
		{"/dev/null", O_RDONLY, "the file descriptor is not open for writing"},
		{"/dev/null", O_WRONLY, "the file descriptor is no file, pipe or socket"},
		{"/", O_RDONLY | O_DIRECTORY, "the file descriptor is not open for writing"},
		{"/", O_PATH, "the file descriptor is not open for writing"},
		{"/dev/full", O_WRONLY, "the file descriptor is no file, pipe or socket"},
	};
	struct reader reader;

	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
		int fd = open(cases[i].path, cases[i].flags | O_CLOEXEC);

		g_assert_cmpint(fd, >=, 0);
		g_assert_cmpint(sd_bus_call_method(clients[0], DBUS_SERVICE, DBUS_PATH,
						   DBUS_INTERFACE_MANAGER, "SnapshotTo", &error,
						   NULL, "h", fd),
				<, 0);
		g_assert_cmpstr(error.name, ==, SD_BUS_ERROR_INVALID_ARGS);
		g_assert_cmpstr(error.message, ==, cases[i].text);
		close(fd);
	}
	_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	reader_open(&reader, READER_PIPE);
	close(reader.fd);
	g_assert_cmpint(sd_bus_call_method(clients[0], DBUS_SERVICE, DBUS_PATH,
					   DBUS_INTERFACE_MANAGER, "SnapshotTo", &error, NULL, "h",
					   reader.other),
			<, 0);
	g_assert_cmpstr(error.name, ==, DBUS_ERROR_DATABASE_FAILED);
	g_assert_cmpstr(error.message, ==, "the snapshot can not be written there: Broken pipe");
	close(reader.other);
	g_string_free(reader.text, TRUE);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	(void)signal(SIGPIPE, SIG_IGN); /* as the daemon does */
	g_test_add_func("/history/who", test_who);
	g_test_add_func("/history/retention", test_retention);
	g_test_add_func("/history/refusals", test_refusals);
	g_test_add_func("/history/busy", test_busy);
	g_test_add_func("/history/snapshot", test_snapshot);
	g_test_add_func("/history/snapshot-fails", test_snapshot_fails);
	g_test_add_func("/history/snapshot-to-pipe", test_snapshot_to_pipe);
	g_test_add_func("/history/snapshot-to-refused", test_snapshot_to_refused);
	return bus_clients_run(keeping);
}
