/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log of bindings (L-5 to L-8, L-11, L-14): its lines word by word, its fields in the journal,
 * and what becomes of it when a disk is full, a file is moved, or nobody takes it.
 */
#include "daemon/event_log.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "daemon/aside.h"
#include "daemon/log_socket.h"

#define WALL   UINT64_C(1767225600250000) /* 2026-01-01T00:00:00.250Z */
#define CLIENT .addr6 = {{0x20, 0x01, 0x0d, 0xb8}}, .prefix_len = 64
#define HOST   .addr6 = {{0x20, 0x01, 0x0d, 0xb8, [15] = 1}}, .prefix_len = 128, .port6 = 5000
#define MAPPED .mapped = {0xcb007101, 2000}
#define PEER   .peer = {0xc6336402, 443}
#define UDP    .protocol = PROTOCOL_UDP

struct log_socket *__real_log_socket_new(const char *path);
struct log_socket *__wrap_log_socket_new(const char *path);

static char *sockets; /* the folder with those of this test */

static char *socket_of(const char *name)
{
	return g_build_filename(sockets, name, NULL);
}

/* The host's are not ours. */
struct log_socket *__wrap_log_socket_new(const char *path)
{
	g_autofree char *ours = NULL;

	g_assert_true(strcmp(path, "/run/systemd/journal/socket") == 0 ||
		      strcmp(path, "/dev/log") == 0);
	ours = socket_of(path[1] == 'd' ? "syslog" : "journal");
	return __real_log_socket_new(ours);
}

bool __real_aside_do(struct aside *aside, void (*work)(void *data), unsigned limit_ms);
bool __wrap_aside_do(struct aside *aside, void (*work)(void *data), unsigned limit_ms);
ssize_t __real_write(int fd, const void *data, size_t size);
ssize_t __wrap_write(int fd, const void *data, size_t size);

/* A disk is slow here only if it is told to: this machine is not taken for one. */
static atomic_bool disk_hangs;

bool __wrap_aside_do(struct aside *aside, void (*work)(void *data), unsigned limit_ms)
{
	return __real_aside_do(aside, work,
			       limit_ms > 0 && !atomic_load(&disk_hangs) ? 60000 : limit_ms);
}

ssize_t __wrap_write(int fd, const void *data, size_t size)
{
	struct stat status;

	while (fd != STDERR_FILENO && atomic_load(&disk_hangs) && fstat(fd, &status) == 0 &&
	       S_ISREG(status.st_mode))
		g_usleep(1000);
	return __real_write(fd, data, size);
}

/* As journald or syslogd. */
static int listen_as(const char *name)
{
	g_autofree char *path = socket_of(name);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	(void)g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
	g_assert_cmpint(bind(fd, (const struct sockaddr *)&address, sizeof(address)), ==, 0);
	return fd;
}

static void stop_listening(const char *name, int fd)
{
	g_autofree char *path = socket_of(name);

	(void)close(fd);
	(void)g_unlink(path);
}

/* The next datagram, or NULL. */
static char *receive(int fd)
{
	char text[4096];
	ssize_t n = recv(fd, text, sizeof(text), 0);

	return n < 0 ? NULL : g_strndup(text, (gsize)n);
}

/* Does it end so? */
static void assert_is_next(int fd, const char *expected)
{
	g_autofree char *text = receive(fd);

	g_assert_nonnull(text);
	g_assert_true(g_str_has_suffix(text, expected));
}

static const struct {
	struct event event;
	const char *line;
} lines[] = {
	{{.kind = EVENT_BINDING_CREATE, UDP, HOST, MAPPED},
	 "2026-01-01T00:00:00.250Z\t10\tNAT64 BIB "
	 "create\tudp\t2001:db8::1\t5000\t203.0.113.1\t2000"},
	{{.kind = EVENT_BINDING_DELETE, UDP, HOST, MAPPED},
	 "2026-01-01T00:00:00.250Z\t11\tNAT64 BIB "
	 "delete\tudp\t2001:db8::1\t5000\t203.0.113.1\t2000"},
	/* L-6: the peer only in these. */
	{{.kind = EVENT_SESSION_CREATE, UDP, HOST, MAPPED, PEER},
	 "2026-01-01T00:00:00.250Z\t6\tNAT64 session "
	 "create\tudp\t2001:db8::1\t5000\t203.0.113.1\t2000\t198.51.100.2\t443"},
	{{.kind = EVENT_SESSION_DELETE, UDP, HOST, MAPPED, PEER},
	 "2026-01-01T00:00:00.250Z\t7\tNAT64 session "
	 "delete\tudp\t2001:db8::1\t5000\t203.0.113.1\t2000\t198.51.100.2\t443"},
	/* L-11 */
	{{.kind = EVENT_BLOCK_ALLOCATE, CLIENT, MAPPED, .last_port = 2511},
	 "2026-01-01T00:00:00.250Z\t16\tPort block "
	 "allocation\t2001:db8::/64\t203.0.113.1\t2000\t2511"},
	{{.kind = EVENT_BLOCK_RELEASE, HOST, MAPPED, .last_port = 2511},
	 "2026-01-01T00:00:00.250Z\t17\tPort block "
	 "de-allocation\t2001:db8::1\t203.0.113.1\t2000\t2511"},
};

static void test_lines(void)
{
	char line[EVENT_LOG_LINE_SIZE];

	for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
		g_assert_true(event_log_is_binding(&lines[i].event));
		g_assert_cmpstr(event_log_print(&lines[i].event, WALL, line), ==, lines[i].line);
	}
}

/* The longest that there can be has room. */
static void test_longest(void)
{
	struct event event = {.kind = EVENT_SESSION_DELETE,
			      .protocol = PROTOCOL_ICMP,
			      .port6 = 65535,
			      .mapped = {0xdeadbeef, 65535},
			      .peer = {~0u, 65535}};
	char line[EVENT_LOG_LINE_SIZE];

	memset(event.addr6.byte, 0xff, sizeof(event.addr6.byte));
	g_assert_true(g_str_has_suffix(event_log_print(&event, UINT64_MAX, line),
				       "\t255.255.255.255\t65535"));
}

static char *fields_of(const struct event *event, const char *pool4)
{
	g_auto(GStrv) fields = event_log_fields(event, pool4);
	GString *text = g_string_new(NULL);

	for (char **field = fields; *field != NULL; field++) {
		if (!g_str_has_prefix(*field, "MESSAGE=") &&
		    !g_str_has_prefix(*field, "MESSAGE_ID="))
			g_string_append_printf(text, "%s%s", text->len > 0 ? " " : "", *field);
	}
	return g_string_free(text, FALSE);
}

static void test_fields(void)
{
	static const struct {
		struct event event;
		const char *pool4, *fields;
	} cases[] = {
		{{.kind = EVENT_BINDING_CREATE, UDP, HOST, MAPPED},
		 "wan",
		 "PRIORITY=6 NAT64D_EVENT=NAT64 BIB create NAT64D_PROTOCOL=udp "
		 "NAT64D_ADDRESS6=2001:db8::1 NAT64D_PORT6=5000 NAT64D_ADDRESS4=203.0.113.1 "
		 "NAT64D_PORT4=2000 NAT64D_POOL4=wan"},
		{{.kind = EVENT_SESSION_DELETE, UDP, HOST, MAPPED, PEER},
		 "",
		 "PRIORITY=6 NAT64D_EVENT=NAT64 session delete NAT64D_PROTOCOL=udp "
		 "NAT64D_ADDRESS6=2001:db8::1 NAT64D_PORT6=5000 NAT64D_ADDRESS4=203.0.113.1 "
		 "NAT64D_PORT4=2000 NAT64D_SERVER4=198.51.100.2 NAT64D_SERVER_PORT4=443"},
		{{.kind = EVENT_BLOCK_ALLOCATE, CLIENT, MAPPED, .last_port = 2511},
		 "wan",
		 "PRIORITY=6 NAT64D_EVENT=Port block allocation NAT64D_CLIENT=2001:db8::/64 "
		 "NAT64D_ADDRESS4=203.0.113.1 NAT64D_PORT4=2000 NAT64D_LAST_PORT4=2511 "
		 "NAT64D_POOL4=wan"},
		{{.kind = EVENT_PORTS_EXHAUSTED, UDP, MAPPED, .value = 3, .n_suppressed = 9},
		 "wan",
		 "PRIORITY=4 NAT64D_EVENT=NAT ports exhausted NAT64D_PROTOCOL=udp "
		 "NAT64D_ADDRESS4=203.0.113.1 NAT64D_POOL4=wan NAT64D_SUPPRESSED=9"},
		{{.kind = EVENT_QUOTA_CLIENT, UDP, CLIENT, .outcome = OUTCOME_CLIENT_BINDINGS},
		 "",
		 "PRIORITY=4 NAT64D_EVENT=Maximum entries per user NAT64D_PROTOCOL=udp "
		 "NAT64D_CLIENT=2001:db8::/64 NAT64D_OUTCOME=client_bindings"},
		{{.kind = EVENT_BINDINGS_HIGH, .protocol = N_PROTOCOLS, .value = 8, .limit = 10},
		 "",
		 "PRIORITY=4 NAT64D_EVENT=Address and port mapping high threshold event"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *fields = fields_of(&cases[i].event, cases[i].pool4);

		g_assert_cmpstr(fields, ==, cases[i].fields);
	}
}

/* Each kind of event has an id of its own, and the catalogue explains it. */
static void test_catalogue(void)
{
	g_autofree char *catalogue = NULL;
	g_autoptr(GHashTable) ids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	g_assert_true(g_file_get_contents(CATALOGUE, &catalogue, NULL, NULL));
	for (int kind = 0; kind < N_EVENT_KINDS; kind++) {
		struct event event = {.kind = (enum event_kind)kind, UDP, MAPPED};
		g_auto(GStrv) fields = event_log_fields(&event, "");
		g_autofree char *heading = NULL;
		const char *id = NULL;

		for (char **field = fields; *field != NULL; field++) {
			if (g_str_has_prefix(*field, "MESSAGE_ID="))
				id = *field + strlen("MESSAGE_ID=");
		}
		g_assert_nonnull(id);
		g_assert_cmpuint(strlen(id), ==, 32);
		g_assert_cmpuint(strspn(id, "0123456789abcdef"), ==, 32);
		g_assert_true(g_hash_table_add(ids, g_strdup(id)));
		heading = g_strdup_printf("\n-- %s\nSubject: ", id);
		g_assert_nonnull(strstr(catalogue, heading));
	}
	g_assert_true(g_hash_table_add(ids, g_strdup(EVENT_LOG_MAP_ID)));
	g_assert_nonnull(strstr(catalogue, "\n-- " EVENT_LOG_MAP_ID "\nSubject: "));
	/* And nothing else. */
	for (const char *at = catalogue; (at = strstr(at, "\n-- ")) != NULL; at++) {
		g_autofree char *id = g_strndup(at + 4, 32);

		g_assert_true(g_hash_table_contains(ids, id));
	}
}

/* What its fields are called in the catalogue are fields that there are. */
static void test_catalogue_fields(void)
{
	static const char *const known[] = {
		"NAT64D_PROTOCOL",      "NAT64D_CLIENT",       "NAT64D_ADDRESS6",
		"NAT64D_PORT6",         "NAT64D_ADDRESS4",     "NAT64D_PORT4",
		"NAT64D_LAST_PORT4",    "NAT64D_SERVER4",      "NAT64D_POOL4",
		"NAT64D_OUTCOME",       "NAT64D_SERVER_PORT4", "NAT64D_CLIENTS",
		"NAT64D_CLIENT_LENGTH", "NAT64D_ADDRESSES4",   "NAT64D_PORTS4",
		"NAT64D_PORTS_EACH",    "NAT64D_STATE",        NULL,
	};
	g_autofree char *catalogue = NULL;
	g_autoptr(GRegex) regex = g_regex_new("@(\\w+)@", 0, 0, NULL);
	GMatchInfo *match;
	unsigned n = 0;

	g_assert_true(g_file_get_contents(CATALOGUE, &catalogue, NULL, NULL));
	for (g_regex_match(regex, catalogue, 0, &match); g_match_info_matches(match);
	     g_match_info_next(match, NULL), n++) {
		g_autofree char *name = g_match_info_fetch(match, 1);

		if (!g_strv_contains(known, name))
			g_error("the catalogue has a field %s", name);
	}
	g_match_info_free(match);
	g_assert_cmpuint(n, >, 10);
}

/* What is said on stderr meanwhile. */
struct captured {
	int kept, fd;
};

static struct captured capture(void)
{
	struct captured captured = {.kept = dup(STDERR_FILENO)};
	g_autofree char *path = NULL;

	captured.fd = g_file_open_tmp("nat64d-XXXXXX", &path, NULL);
	g_assert_cmpint(captured.fd, >=, 0);
	(void)unlink(path);
	g_assert_cmpint(dup2(captured.fd, STDERR_FILENO), ==, STDERR_FILENO);
	return captured;
}

static char *take(const struct captured *captured)
{
	char *text = g_malloc0(65536);

	g_assert_cmpint(pread(captured->fd, text, 65535, 0), >=, 0);
	(void)dup2(captured->kept, STDERR_FILENO);
	(void)close(captured->kept);
	(void)close(captured->fd);
	return text;
}

/* Target=file: whole lines in the order in which they came; a file that was moved is not missed. */
static void test_file(void)
{
	g_autofree char *directory = g_dir_make_tmp("nat64d-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(directory, "bindings", NULL);
	g_autofree char *moved = g_build_filename(directory, "moved", NULL);
	g_autofree char *target = g_strconcat("file:", path, NULL);
	g_autofree char *first = NULL, *second = NULL;
	g_autofree char *expected = g_strdup_printf("%s\n%s\n", lines[0].line, lines[1].line);
	g_autofree char *expected2 = g_strdup_printf("%s\n", lines[2].line);
	struct event_log *log = event_log_new();
	struct stat status;

	event_log_set(log, &(struct config_log){.bindings = true, .target = target});
	event_log_write(log, &lines[0].event, "wan", WALL);
	event_log_write(log, &lines[1].event, "wan", WALL);
	event_log_flush(log, 1000);
	g_assert_cmpint(stat(path, &status), ==, 0);
	g_assert_cmpint(status.st_mode & 0777, ==, 0640);
	g_assert_cmpint(g_rename(path, moved), ==, 0);
	event_log_write(log, &lines[2].event, "wan", WALL);
	event_log_free(log);
	g_assert_true(g_file_get_contents(moved, &first, NULL, NULL));
	g_assert_cmpstr(first, ==, expected);
	g_assert_true(g_file_get_contents(path, &second, NULL, NULL));
	g_assert_cmpstr(second, ==, expected2);
	(void)g_unlink(path);
	(void)g_unlink(moved);
	(void)g_rmdir(directory);
}

/* How many bindings it says were lost, in all. */
static unsigned count_lost(const char *text)
{
	unsigned n_lost = 0;

	for (const char *at = text; (at = strstr(at, "Log.Target: ")) != NULL; at++) {
		unsigned n = 0;

		(void)sscanf(at, "Log.Target: %u bindings could not be logged: ", &n);
		n_lost += n;
	}
	return n_lost;
}

/* A full disk: what does not fit into memory is counted, and told once a minute and at the end, not
 * once a line. */
static void test_full_disk(void)
{
	struct event_log *log = event_log_new();
	struct captured captured = capture();
	char target[] = "file:/dev/full";
	g_autofree char *text = NULL;

	event_log_set(log, &(struct config_log){.bindings = true, .target = target});
	for (unsigned i = 0; i < 50000; i++) {
		event_log_write(log, &lines[0].event, "wan", WALL);
		if (i % 100 == 0)
			event_log_flush(log, 1000 + i / 100);
	}
	event_log_free(log);
	text = take(&captured);
	g_assert_true(g_str_has_prefix(text, "nat64d: Log.Target: "));
	g_assert_nonnull(strstr(text, " bindings could not be logged: No space left on device\n"));
	g_assert_true(g_str_has_suffix(strchr(text, '\n'),
				       " bindings could not be logged: No space left on device\n"));
	g_assert_cmpuint(count_lost(text), ==, 50000);
	g_assert_null(strchr(strchr(strchr(text, '\n') + 1, '\n') + 1, '\n'));
}

static unsigned port_of(const char *row)
{
	g_auto(GStrv) fields = g_strsplit(row, "\t", 0);

	return (unsigned)atoi(fields[5]);
}

/* Of the last line that is whole. */
static unsigned last_port(const char *path)
{
	g_autofree char *text = NULL;
	char *begin;

	g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
	g_assert_cmpint(text[0], !=, '\0');
	*strrchr(text, '\n') = '\0';
	begin = strrchr(text, '\n');
	return port_of(begin ? begin + 1 : text);
}

/* Its disk hangs: lines wait up to a bound, what is past that is counted, and all that was kept is
 * in the file, once and in order, when the disk goes on. */
static void test_hung_disk(void)
{
	unsigned n_bindings = 30000; /* some three megabytes */
	g_autofree char *directory = g_dir_make_tmp("nat64d-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(directory, "bindings", NULL);
	g_autofree char *target = g_strconcat("file:", path, NULL);
	struct captured captured = capture();
	g_autofree char *text = NULL, *written = NULL;
	struct event_log *log = event_log_new();
	struct event event = lines[0].event;
	g_auto(GStrv) rows = NULL;
	unsigned n_rows, n_lost, last = 0;

	event_log_set(log, &(struct config_log){.bindings = true, .target = target});
	event_log_write(log, &event, "wan", WALL);
	event_log_flush(log, 1000);
	atomic_store(&disk_hangs, true);
	for (unsigned i = 0; i < n_bindings; i++) {
		event.port6 = (uint16_t)(1 + i);
		event_log_write(log, &event, "wan", WALL);
		if (i % 1000 == 0)
			event_log_flush(log, 1000 + i);
	}
	event_log_flush(log, 70000);
	atomic_store(&disk_hangs, false);
	do {
		event.port6 = (uint16_t)(1 + n_bindings++);
		event_log_write(log, &event, "wan", WALL);
		event_log_flush(log, 70001);
	} while (last_port(path) != event.port6);
	event_log_free(log);
	g_assert_true(g_file_get_contents(path, &written, NULL, NULL));
	text = take(&captured);
	g_assert_nonnull(strstr(text, "bindings could not be logged: the file's disk hangs\n"));
	n_lost = count_lost(text);
	rows = g_strsplit(g_strchomp(written), "\n", 0);
	n_rows = g_strv_length(rows);
	g_assert_cmpuint(n_lost, >, 0);
	g_assert_cmpuint(n_rows + n_lost, ==, n_bindings + 1);
	for (unsigned i = 1; i < n_rows; i++) {
		g_assert_cmpuint(port_of(rows[i]), >, last);
		last = port_of(rows[i]);
	}
	(void)g_unlink(path);
	(void)g_rmdir(directory);
}

static void to_syslog(struct event_log *log)
{
	char target[] = "syslog";

	event_log_set(log, &(struct config_log){.bindings = true, .target = target});
}

static void test_syslog(void)
{
	struct event_log *log = event_log_new();
	int fd = listen_as("syslog");
	g_autofree char *expected =
		g_strdup_printf("<30>Jan  1 00:00:00 nat64d[%d]: %s", (int)getpid(), lines[0].line);
	g_autofree char *text = NULL;

	to_syslog(log);
	to_syslog(log);
	event_log_write(log, &lines[0].event, "wan", WALL);
	event_log_flush(log, 1000);
	text = receive(fd);
	g_assert_cmpstr(text, ==, expected);
	g_assert_null(receive(fd));
	event_log_free(log);
	stop_listening("syslog", fd);
}

/* L-14: nobody waits for a syslogd that hangs. What there is room for comes later, in its order;
 * what is too much is counted, and told once. */
static void test_hung_syslog(void)
{
	const unsigned n_written = 3 * LOG_SOCKET_WAITING_MAX;
	struct event_log *log = event_log_new();
	struct captured captured = capture();
	int fd = listen_as("syslog");
	g_autofree char *text = NULL;
	unsigned n_read = 0, n_lost;
	char *line;

	to_syslog(log);
	event_log_write(log, &lines[1].event, "wan", WALL);
	for (unsigned i = 1; i < n_written; i++) {
		event_log_write(log, &lines[0].event, "wan", WALL);
		if (i % 100 == 0)
			event_log_flush(log, i == 100 ? 1000 : 2000);
	}
	event_log_flush(log, 61000);
	event_log_flush(log, 62000);
	assert_is_next(fd, lines[1].line);
	n_read++;
	for (; (line = receive(fd)) != NULL; n_read++) {
		g_free(line);
		event_log_flush(log, 63000);
	}
	event_log_flush(log, 130000);
	event_log_write(log, &lines[2].event, "wan", WALL);
	assert_is_next(fd, lines[2].line);
	event_log_free(log);
	text = take(&captured);
	n_lost = count_lost(text);
	g_assert_nonnull(
		strstr(text, " bindings could not be logged: the log's socket is not read\n"));
	g_assert_cmpuint(n_lost, >, 0);
	g_assert_cmpuint(n_read, >=, LOG_SOCKET_WAITING_MAX);
	g_assert_cmpuint(n_read + n_lost, ==, n_written);
	g_assert_true(g_str_has_suffix(text, "nat64d: Log.Target: bindings are logged again\n"));
	stop_listening("syslog", fd);
}

/* The end, while it hangs: what waits is told as lost. */
static void test_hung_at_the_end(void)
{
	struct event_log *log = event_log_new();
	struct captured captured = capture();
	int fd = listen_as("syslog");
	g_autofree char *text = NULL;
	unsigned n_read = 0;
	char *line;

	to_syslog(log);
	for (unsigned i = 0; i < LOG_SOCKET_WAITING_MAX; i++)
		event_log_write(log, &lines[0].event, "wan", WALL);
	event_log_flush(log, 1000);
	event_log_free(log);
	text = take(&captured);
	for (; (line = receive(fd)) != NULL; n_read++)
		g_free(line);
	g_assert_cmpuint(count_lost(text), >, 0);
	g_assert_cmpuint(n_read + count_lost(text), ==, LOG_SOCKET_WAITING_MAX);
	stop_listening("syslog", fd);
}

/* No syslogd: lost and told; another one: it gets what comes then, without a new start of ours. */
static void test_syslog_comes_back(void)
{
	struct event_log *log = event_log_new();
	struct captured captured = capture();
	g_autofree char *text = NULL;
	int fd;

	to_syslog(log);
	event_log_write(log, &lines[0].event, "wan", WALL);
	event_log_flush(log, 1000);
	for (size_t i = 1; i < 3; i++) {
		fd = listen_as("syslog");
		event_log_write(log, &lines[i].event, "wan", WALL);
		assert_is_next(fd, lines[i].line);
		g_assert_null(receive(fd));
		stop_listening("syslog", fd);
	}
	event_log_write(log, &lines[0].event, "wan", WALL);
	event_log_flush(log, 61000);
	event_log_free(log);
	text = take(&captured);
	g_assert_cmpstr(text, ==,
			"nat64d: Log.Target: 1 bindings could not be logged: No such file or "
			"directory\n"
			"nat64d: Log.Target: 1 bindings could not be logged: No such file or "
			"directory\n");
}

/* Each reload says again what the target is: what waits for its file waits on. If it is another
 * one, what waits is lost, and counted. */
static void test_set_again(void)
{
	struct event_log *log = event_log_new();
	struct captured captured = capture();
	g_autofree char *directory = g_dir_make_tmp("nat64d-XXXXXX", NULL);
	g_autofree char *late = g_build_filename(directory, "late", NULL);
	g_autofree char *path = g_build_filename(late, "bindings", NULL);
	g_autofree char *target = g_strconcat("file:", path, NULL);
	g_autofree char *expected = g_strdup_printf("%s\n%s\n", lines[0].line, lines[1].line);
	g_autofree char *text = NULL, *written = NULL;
	char full[] = "file:/dev/full", journal[] = "journal";

	event_log_set(log, &(struct config_log){.bindings = true, .target = target});
	event_log_write(log, &lines[0].event, "wan", WALL);
	event_log_set(log, &(struct config_log){.bindings = true, .target = target});
	event_log_write(log, &lines[1].event, "wan", WALL);
	g_assert_cmpint(g_mkdir(late, 0700), ==, 0);
	event_log_set(log, &(struct config_log){.bindings = true, .target = target});
	event_log_flush(log, 1000);
	g_assert_true(g_file_get_contents(path, &written, NULL, NULL));
	g_assert_cmpstr(written, ==, expected);

	event_log_set(log, &(struct config_log){.bindings = true, .target = full});
	for (unsigned i = 0; i < 7; i++)
		event_log_write(log, &lines[0].event, "wan", WALL);
	event_log_set(log, &(struct config_log){.bindings = true, .target = journal});
	event_log_flush(log, 2000);
	event_log_free(log);
	text = take(&captured);
	g_assert_cmpstr(text, ==,
			"nat64d: Log.Target: 7 bindings could not be logged: No space left on "
			"device\n");
	(void)g_unlink(path);
	(void)g_rmdir(late);
	(void)g_rmdir(directory);
}

/* What the operator is to hear of goes to the operator, whatever Log.Target is. */
static void test_limits(void)
{
	const struct event event = {.kind = EVENT_PORTS_EXHAUSTED, UDP, .value = 1};
	struct event_log *log = event_log_new();
	struct captured captured = capture();
	g_autofree char *text = NULL;

	to_syslog(log);
	event_log_write(log, &event, "wan", WALL);
	event_log_free(log);
	text = take(&captured);
	g_assert_cmpstr(text, ==,
			"nat64d: pool4 entry wan has no free udp port: new bindings are "
			"refused, 1 so far\n");
}

/* stderr is the journal's: entries have fields. One that is not taken is counted; no hung journald
 * is waited for. */
static void test_journal(void)
{
	struct event_log *log = event_log_new();
	struct captured captured = capture();
	char target[] = "journal";
	g_autofree char *stream = NULL, *text = NULL, *entry = NULL;
	int fd = listen_as("journal");
	struct stat status;

	g_assert_cmpint(fstat(STDERR_FILENO, &status), ==, 0);
	stream = g_strdup_printf("%llu:%llu", (unsigned long long)status.st_dev,
				 (unsigned long long)status.st_ino);
	g_setenv("JOURNAL_STREAM", stream, TRUE);
	event_log_set(log, &(struct config_log){.bindings = true, .target = target});
	event_log_write(log, &lines[0].event, "wan", WALL);
	entry = receive(fd);
	for (unsigned i = 0; i < 2 * LOG_SOCKET_WAITING_MAX; i++)
		event_log_write(log, &lines[0].event, "wan", WALL);
	stop_listening("journal", fd);
	event_log_flush(log, 1000);
	event_log_free(log);
	text = take(&captured);
	g_unsetenv("JOURNAL_STREAM");
	g_assert_true(g_str_has_prefix(entry, "MESSAGE=binding begins: udp [2001:db8::1]:5000 "
					      "203.0.113.1:2000\nPRIORITY=6\nMESSAGE_ID="));
	g_assert_nonnull(strstr(entry, "\nNAT64D_ADDRESS4=203.0.113.1\n"));
	g_assert_true(g_str_has_suffix(entry, "\nSYSLOG_IDENTIFIER=nat64d\n"));
	g_assert_true(g_str_has_prefix(text, "<4>Log.Target: "));
	g_assert_true(g_str_has_suffix(
		text, " bindings could not be logged: No such file or directory\n"));
}

int main(int argc, char **argv)
{
	int result;

	g_test_init(&argc, &argv, NULL);
	g_setenv("TZ", "UTC", TRUE);
	sockets = g_dir_make_tmp("nat64d-XXXXXX", NULL);
	g_test_add_func("/event_log/lines", test_lines);
	g_test_add_func("/event_log/longest", test_longest);
	g_test_add_func("/event_log/fields", test_fields);
	g_test_add_func("/event_log/catalogue", test_catalogue);
	g_test_add_func("/event_log/catalogue-fields", test_catalogue_fields);
	g_test_add_func("/event_log/file", test_file);
	g_test_add_func("/event_log/hung-disk", test_hung_disk);
	g_test_add_func("/event_log/full-disk", test_full_disk);
	g_test_add_func("/event_log/syslog", test_syslog);
	g_test_add_func("/event_log/hung-syslog", test_hung_syslog);
	g_test_add_func("/event_log/hung-at-the-end", test_hung_at_the_end);
	g_test_add_func("/event_log/syslog-comes-back", test_syslog_comes_back);
	g_test_add_func("/event_log/set-again", test_set_again);
	g_test_add_func("/event_log/limits", test_limits);
	g_test_add_func("/event_log/journal", test_journal);
	result = g_test_run();
	(void)g_rmdir(sockets);
	g_free(sockets);
	return result;
}
