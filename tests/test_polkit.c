/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Callers who are neither root nor administrators, and a polkit that permits, denies, asks for a
 * password, is slow, crashes, talks nonsense or is not there. Nobody else waits for it.
 */
#include "dbus/polkit.h"

#include <fcntl.h>
#include <grp.h>
#include <pty.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dbus/names.h"
#include "tests/fake_polkit.h"

#define WAIT_USEC 20000000
#define MANAGER   DBUS_INTERFACE_MANAGER

static sd_bus *nobody;

static void assert_refused(const sd_bus_error *error, const char *name, const char *message)
{
	g_assert_cmpstr(error->message, ==, message);
	g_assert_cmpstr(error->name, ==, name);
}

/* How a call went that nobody makes: ListBib. */
static int list_bib(sd_bus *bus, bool interactive, sd_bus_error *error)
{
	_cleanup_message_ sd_bus_message *call = NULL;

	g_assert_cmpint(sd_bus_message_new_method_call(bus, &call, DBUS_SERVICE, DBUS_PATH, MANAGER,
						       "ListBib"),
			>=, 0);
	g_assert_cmpint(sd_bus_message_append(call, "a{sv}su", 0, "", 1), >=, 0);
	g_assert_cmpint(sd_bus_message_set_allow_interactive_authorization(call, interactive), >=,
			0);
	return sd_bus_call(bus, call, WAIT_USEC, error, NULL);
}

static void assert_list_refused(const char *name, const char *message)
{
	_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;

	g_assert_cmpint(list_bib(nobody, false, &error), <, 0);
	assert_refused(&error, name, message);
}

/* The one action that is permitted, and no other; a call that makes no sense is not asked about. */
static void test_allowed(void)
{
	g_autofree char *entry = NULL;
	_cleanup_message_ sd_bus_message *reply = NULL;
	_cleanup_error_ sd_bus_error bad = SD_BUS_ERROR_NULL;
	const char *path;

	fake_polkit_mode("answer", false, MANAGE_POOL4);
	g_assert_cmpint(sd_bus_call_method(nobody, DBUS_SERVICE, DBUS_PATH, MANAGER, "AddPool4",
					   NULL, &reply, "sssa{sv}", "198.51.100.8/30", "", "", 0),
			>=, 0);
	g_assert_cmpint(sd_bus_message_read(reply, "o", &path), >, 0);
	fake_polkit_assert_asked("system-bus-name " MANAGE_POOL4 " 0\n");
	entry = g_strdup(path);
	g_assert_cmpint(sd_bus_call_method(nobody, DBUS_SERVICE, entry, DBUS_INTERFACE_POOL4,
					   "Remove", NULL, NULL, "a{sv}", 0),
			>=, 0);
	fake_polkit_assert_asked("system-bus-name " MANAGE_POOL4 " 0\n");
	assert_list_refused(SD_BUS_ERROR_ACCESS_DENIED,
			    "only root and members of group nat64d-admin may see bindings and "
			    "sessions: polkit does not permit you " READ_BINDINGS);
	fake_polkit_assert_asked("system-bus-name " READ_BINDINGS " 0\n");
	g_assert_cmpint(sd_bus_call_method(nobody, DBUS_SERVICE, DBUS_PATH, MANAGER, "AddPool4",
					   &bad, NULL, "sssa{sv}", "198.51.100.8/30", "", "", 1,
					   "colour", "s", "red"),
			<, 0);
	assert_refused(&bad, SD_BUS_ERROR_INVALID_ARGS, "there is no option 'colour' here");
	fake_polkit_assert_asked("");
}

/* With a password: only who lets polkit ask for it has it asked. */
static void test_password(void)
{
	_cleanup_error_ sd_bus_error dismissed = SD_BUS_ERROR_NULL;

	fake_polkit_mode("password", false, "");
	assert_list_refused(SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
			    "polkit lets you see bindings and sessions (" READ_BINDINGS
			    ") with a password only, and was not to ask for one");
	fake_polkit_assert_asked("system-bus-name " READ_BINDINGS " 0\n");
	g_assert_cmpint(list_bib(nobody, true, &dismissed), <, 0);
	assert_refused(&dismissed, SD_BUS_ERROR_ACCESS_DENIED,
		       "only root and members of group nat64d-admin may see bindings and sessions: "
		       "polkit does not permit you " READ_BINDINGS);
	fake_polkit_mode("password", false, READ_BINDINGS);
	g_assert_cmpint(list_bib(nobody, true, NULL), >=, 0);
	fake_polkit_assert_asked("system-bus-name " READ_BINDINGS
				 " 1\nsystem-bus-name " READ_BINDINGS " 1\n");
}

/* Where nat64ctl finds its programs. */
static const char *path_of_ctl;

/* nat64ctl COMMAND list, as nobody: its exit status. By descriptor, as nobody may not come to where
 * it was built. */
static int run_ctl(const char *command, int input)
{
	char *argv[] = {(char *)"nat64ctl", (char *)"--bus", service.bus_address,
			(char *)command,    (char *)"list",  NULL};
	g_auto(GStrv) environment = g_environ_setenv(g_get_environ(), "PATH", path_of_ctl, TRUE);
	int program = open(NAT64CTL, O_PATH | O_CLOEXEC),
	    null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int status;
	pid_t child;

	g_assert_cmpint(program, >=, 0);
	g_assert_cmpint(null, >=, 0);
	child = fork();
	if (child == 0) {
		if (dup2(input >= 0 ? input : null, 0) == 0 && dup2(null, 1) == 1 &&
		    dup2(null, 2) == 2 && setgroups(0, NULL) == 0 &&
		    setgid(BUS_CLIENTS_NOBODY) == 0 && setuid(BUS_CLIENTS_NOBODY) == 0)
			(void)fexecve(program, argv, environment);
		_exit(99);
	}
	g_assert_cmpint(waitpid(child, &status, 0), ==, child);
	g_assert_true(WIFEXITED(status));
	close(program);
	close(null);
	return WEXITSTATUS(status);
}

/* A pkttyagent: says what it is called with, that polkit knows of it, and how it ends. */
static const char agent[] = "#!/bin/sh\n"
			    "trap 'kill $!; echo ended >>\"$0.log\"; exit' TERM\n"
			    "echo \"$1 $3\" >>\"$0.log\"\n"
			    "sleep 1000 >&- 2>&- &\n"
			    "eval \"exec $2>&-\"\n"
			    "wait\n";

static void make_agent(const char *folder, const char *script)
{
	g_autofree char *path = g_build_filename(folder, "pkttyagent", NULL);
	g_autofree char *log = g_strconcat(path, ".log", NULL);

	g_assert_true(g_file_set_contents(path, script, -1, NULL));
	g_assert_true(g_file_set_contents(log, "", 0, NULL));
	g_assert_cmpint(chmod(path, 0755), ==, 0);
	g_assert_cmpint(chmod(log, 0666), ==, 0);
}

/* What it has said since the last time. */
static void assert_agent(const char *folder, const char *expected)
{
	g_autofree char *path = g_build_filename(folder, "pkttyagent.log", NULL);
	g_autofree char *said = NULL;

	g_assert_true(g_file_get_contents(path, &said, NULL, NULL));
	g_assert_cmpstr(said, ==, expected);
	g_assert_cmpint(truncate(path, 0), ==, 0);
}

/* nat64ctl lets polkit ask where there is somebody to be asked: at a terminal. */
static void check_terminal(const char *folder, int terminal)
{
	fake_polkit_mode("password", false, "");
	g_assert_cmpint(run_ctl("bib", -1), ==, 5);
	fake_polkit_assert_asked("system-bus-name " READ_BINDINGS " 0\n");
	assert_agent(folder, "");
	g_assert_cmpint(run_ctl("bib", terminal), ==, 5);
	assert_agent(folder, "--notify-fd --fallback\nended\n");
	fake_polkit_mode("password", false, READ_BINDINGS);
	g_assert_cmpint(run_ctl("bib", terminal), ==, 0);
	assert_agent(folder, "--notify-fd --fallback\nended\n");
	fake_polkit_assert_asked("system-bus-name " READ_BINDINGS
				 " 1\nsystem-bus-name " READ_BINDINGS " 1\n");
	/* What is open to everyone. */
	g_assert_cmpint(run_ctl("pool4", terminal), ==, 0);
	g_assert_cmpint(run_ctl("config", terminal), ==, 0);
	assert_agent(folder, "");
	fake_polkit_assert_asked("");
}

/* It is the desktop's business, if anybody's, where there is no agent, or one that is not well. */
static void check_without_agent(const char *folder, int terminal)
{
	make_agent(folder, "#!/bin/sh\nexit 1\n");
	g_assert_cmpint(run_ctl("bib", terminal), ==, 0);
	path_of_ctl = "/nonexistent";
	g_assert_cmpint(run_ctl("bib", terminal), ==, 0);
	fake_polkit_assert_asked("system-bus-name " READ_BINDINGS
				 " 1\nsystem-bus-name " READ_BINDINGS " 1\n");
}

static void test_terminal(void)
{
	g_autofree char *folder = g_dir_make_tmp("nat64d-agent-XXXXXX", NULL);
	g_autofree char *with_agent = g_strconcat(folder, ":", g_getenv("PATH"), NULL);
	g_autofree char *remove = g_strconcat("rm -r ", folder, NULL);
	int master, slave;

	g_assert_cmpint(chmod(folder, 0755), ==, 0);
	make_agent(folder, agent);
	path_of_ctl = with_agent;
	g_assert_cmpint(openpty(&master, &slave, NULL, NULL, NULL), ==, 0);
	check_terminal(folder, slave);
	check_without_agent(folder, slave);
	close(master);
	close(slave);
	g_assert_true(g_spawn_command_line_sync(remove, NULL, NULL, NULL, NULL));
}

struct answer {
	bool there;
	sd_bus_error error;
};

static int on_reply(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct answer *answer = userdata;

	g_assert_false(answer->there);
	answer->there = true;
	(void)sd_bus_error_copy(&answer->error, sd_bus_message_get_error(message));
	return 0;
}

/* Without waiting for the answer. */
static void begin_list(sd_bus *bus, bool interactive, struct answer *ret)
{
	_cleanup_message_ sd_bus_message *call = NULL;

	*ret = (struct answer){.there = false};
	g_assert_cmpint(sd_bus_message_new_method_call(bus, &call, DBUS_SERVICE, DBUS_PATH, MANAGER,
						       "ListBib"),
			>=, 0);
	g_assert_cmpint(sd_bus_message_append(call, "a{sv}su", 0, "", 1), >=, 0);
	g_assert_cmpint(sd_bus_message_set_allow_interactive_authorization(call, interactive), >=,
			0);
	g_assert_cmpint(sd_bus_call_async(bus, NULL, call, on_reply, ret, WAIT_USEC), >=, 0);
	g_assert_cmpint(sd_bus_flush(bus), >=, 0);
}

static void wait_for(sd_bus *bus, const struct answer *answer)
{
	while (!answer->there) {
		int r = sd_bus_process(bus, NULL);

		g_assert_cmpint(r, >=, 0);
		if (r == 0)
			g_assert_cmpint(sd_bus_wait(bus, WAIT_USEC), >, 0);
	}
}

static void get_statistics(sd_bus *bus)
{
	g_assert_cmpint(sd_bus_call_method(bus, DBUS_SERVICE, DBUS_PATH, MANAGER, "GetStatistics",
					   NULL, NULL, NULL),
			>=, 0);
}

/* Is served while polkit thinks: the caller himself, others, packets. */
static void assert_others_do_not_wait(void)
{
	get_statistics(nobody);
	for (unsigned i = 0; i < 2; i++)
		g_assert_cmpint(list_bib(clients[i], false, NULL), >=, 0);
	g_assert_cmpint(test_service_packet(&service, PROTOCOL_UDP, 77, 5000, 1), ==,
			OUTCOME_TRANSLATED);
}

/* One who answers never is not waited for very long; but somebody may take his time for a password.
 */
static void test_slow(void)
{
	struct answer plain, patient;

	fake_polkit_mode("answer", true, READ_BINDINGS);
	begin_list(nobody, true, &patient);
	begin_list(nobody, false, &plain);
	fake_polkit_wait(2);
	assert_others_do_not_wait();
	g_assert_false(plain.there);
	wait_for(nobody, &plain);
	assert_refused(&plain.error, SD_BUS_ERROR_ACCESS_DENIED,
		       "only root and members of group nat64d-admin may see bindings and sessions: "
		       "polkit has not answered whether you may");
	fake_polkit_wait(1); /* it is told that nobody waits any more */
	g_assert_false(patient.there);
	fake_polkit_tell("ReleaseHangingCalls", NULL, NULL, NULL);
	wait_for(nobody, &patient);
	g_assert_cmpstr(patient.error.message, ==, NULL);
	sd_bus_error_free(&plain.error);
}

/* No user takes all places, and there is an end of them. */
static void test_limits(void)
{
	enum { N_USERS = POLKIT_CHECKS_MAX / POLKIT_CHECKS_PER_USER + 1 };
	struct answer answers[N_USERS][POLKIT_CHECKS_PER_USER], more;
	sd_bus *user[N_USERS];

	fake_polkit_mode("answer", true, READ_BINDINGS);
	for (unsigned i = 0; i < N_USERS; i++)
		/* Those that every system has; a bus lets nobody in whom it does not know. */
		user[i] = bus_clients_connect_as(i == 0 ? BUS_CLIENTS_NOBODY : i,
						 BUS_CLIENTS_NOBODY, false);
	for (unsigned i = 0; i < N_USERS - 1; i++) {
		for (unsigned j = 0; j < POLKIT_CHECKS_PER_USER; j++)
			begin_list(user[i], true, &answers[i][j]);
		begin_list(i % 2 == 0 ? user[i] : nobody, true, &more);
		wait_for(i % 2 == 0 ? user[i] : nobody, &more);
		assert_refused(&more.error, SD_BUS_ERROR_LIMITS_EXCEEDED,
			       "polkit is being asked about too many calls: try again when others "
			       "have been answered");
		sd_bus_error_free(&more.error);
	}
	begin_list(user[N_USERS - 1], true, &more);
	wait_for(user[N_USERS - 1], &more);
	g_assert_cmpstr(more.error.name, ==, SD_BUS_ERROR_LIMITS_EXCEEDED);
	sd_bus_error_free(&more.error);
	fake_polkit_wait(POLKIT_CHECKS_MAX);
	assert_others_do_not_wait();
	fake_polkit_tell("SimulateHang", NULL, NULL, "b", 0);
	fake_polkit_tell("ReleaseHangingCalls", NULL, NULL, NULL);
	for (unsigned i = 0; i < N_USERS - 1; i++) {
		for (unsigned j = 0; j < POLKIT_CHECKS_PER_USER; j++) {
			wait_for(user[i], &answers[i][j]);
			g_assert_cmpstr(answers[i][j].error.message, ==, NULL);
		}
	}
	for (unsigned i = 0; i < N_USERS; i++) {
		g_assert_cmpint(list_bib(user[i], false, NULL), >=, 0);
		sd_bus_flush_close_unref(user[i]);
	}
	g_free(fake_polkit_questions());
}

/* The caller goes, or what he wants to change does, before polkit answers: all places are free
 * after. */
static void test_gone(void)
{
	_cleanup_message_ sd_bus_message *reply = NULL, *call = NULL;
	struct answer answer[POLKIT_CHECKS_PER_USER], removed = {.there = false};
	sd_bus *caller = bus_clients_connect_as(BUS_CLIENTS_NOBODY, BUS_CLIENTS_NOBODY, false);
	const char *entry;

	fake_polkit_mode("answer", true, MANAGE_POOL4);
	g_assert_cmpint(sd_bus_call_method(clients[0], DBUS_SERVICE, DBUS_PATH, MANAGER, "AddPool4",
					   NULL, &reply, "sssa{sv}", "198.51.100.8/30", "", "", 0),
			>=, 0);
	g_assert_cmpint(sd_bus_message_read(reply, "o", &entry), >, 0);
	for (unsigned i = 0; i < POLKIT_CHECKS_PER_USER - 1; i++)
		begin_list(caller, false, &answer[i]);
	g_assert_cmpint(sd_bus_call_method_async(nobody, NULL, DBUS_SERVICE, entry,
						 DBUS_INTERFACE_POOL4, "Drain", on_reply, &removed,
						 "a{sv}", 0),
			>=, 0);
	g_assert_cmpint(sd_bus_flush(nobody), >=, 0);
	fake_polkit_wait(POLKIT_CHECKS_PER_USER);
	sd_bus_close_unref(caller);
	g_assert_cmpint(sd_bus_call_method(clients[0], DBUS_SERVICE, entry, DBUS_INTERFACE_POOL4,
					   "Remove", NULL, NULL, "a{sv}", 0),
			>=, 0);
	fake_polkit_mode("answer", false, READ_BINDINGS);
	fake_polkit_tell("ReleaseHangingCalls", NULL, NULL, NULL);
	wait_for(nobody, &removed);
	g_assert_cmpstr(removed.error.name, ==, SD_BUS_ERROR_UNKNOWN_OBJECT);
	sd_bus_error_free(&removed.error);
	for (unsigned i = 0; i < POLKIT_CHECKS_PER_USER; i++)
		begin_list(nobody, false, &answer[i]);
	for (unsigned i = 0; i < POLKIT_CHECKS_PER_USER; i++) {
		wait_for(nobody, &answer[i]);
		g_assert_cmpstr(answer[i].error.message, ==, NULL);
	}
	g_free(fake_polkit_questions());
}

static void test_error(void)
{
	fake_polkit_mode("error", false, READ_BINDINGS);
	assert_list_refused(
		SD_BUS_ERROR_ACCESS_DENIED,
		"only root and members of group nat64d-admin may see bindings and "
		"sessions: polkit can not say whether you may: 'the wires are crossed'");
}

/* What is none of the calls of polkit's answers, from who owns its name. */
static int on_question(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	const char *const *rubbish = userdata;

	if (g_str_equal(*rubbish, ""))
		return sd_bus_reply_method_return(message, NULL);
	if (g_str_equal(*rubbish, "s"))
		return sd_bus_reply_method_return(message, "s", "yes");
	if (g_str_equal(*rubbish, "bba{ss}"))
		return sd_bus_reply_method_return(message, "bba{ss}", 1, 0, 0);
	return sd_bus_reply_method_return(message, "(sba{ss})", "true", 0, 0);
}

static void test_rubbish(void)
{
	static const char *const answers[] = {"", "s", "bba{ss}", "(sba{ss})"};
	sd_bus *impostor = test_service_connect(&service, false);
	const char *rubbish;

	fake_polkit_stop();
	g_assert_cmpint(sd_bus_add_object(impostor, NULL, "/org/freedesktop/PolicyKit1/Authority",
					  on_question, &rubbish),
			>=, 0);
	g_assert_cmpint(sd_bus_request_name(impostor, "org.freedesktop.PolicyKit1", 0), >=, 0);
	for (unsigned i = 0; i < G_N_ELEMENTS(answers); i++) {
		struct answer answer;

		rubbish = answers[i];
		begin_list(nobody, false, &answer);
		while (!answer.there) {
			g_assert_cmpint(sd_bus_process(impostor, NULL), >=, 0);
			g_assert_cmpint(sd_bus_process(nobody, NULL), >=, 0);
			g_usleep(1000);
		}
		assert_refused(&answer.error, SD_BUS_ERROR_ACCESS_DENIED,
			       "only root and members of group nat64d-admin may see bindings and "
			       "sessions: polkit's answer about others is none");
		sd_bus_error_free(&answer.error);
	}
	sd_bus_flush_close_unref(impostor);
	fake_polkit_start();
}

/* Before it answers; another one, started later, is asked again. */
static void test_crash(void)
{
	fake_polkit_mode("crash", false, READ_BINDINGS);
	assert_list_refused(SD_BUS_ERROR_ACCESS_DENIED,
			    "only root and members of group nat64d-admin may see bindings and "
			    "sessions: polkit has not answered whether you may");
	fake_polkit_wait_end();
	fake_polkit_start();
	fake_polkit_mode("answer", false, READ_BINDINGS);
	g_assert_cmpint(list_bib(nobody, false, NULL), >=, 0);
}

/* Then it is root and the group. */
static void test_absent(void)
{
	fake_polkit_stop();
	assert_list_refused(
		SD_BUS_ERROR_ACCESS_DENIED,
		"only root and members of group nat64d-admin may see bindings and sessions");
	assert_others_do_not_wait();
	fake_polkit_start();
}

/* On the control socket, and of the log's level, polkit is not asked, whatever it would say. */
static void test_not_asked(void)
{
	_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL, level = SD_BUS_ERROR_NULL;
	sd_bus *peer;

	fake_polkit_tell("AllowUnknown", NULL, NULL, "b", 1);
	fake_polkit_mode("answer", false, READ_BINDINGS);
	g_assert_cmpint(chmod(service.socket_path, 0666), ==, 0);
	peer = bus_clients_connect_as(BUS_CLIENTS_NOBODY, BUS_CLIENTS_NOBODY, true);
	g_assert_cmpint(list_bib(peer, true, &error), <, 0);
	assert_refused(&error, SD_BUS_ERROR_ACCESS_DENIED,
		       "only root and members of group nat64d-admin may see bindings and sessions");
	get_statistics(peer);
	sd_bus_flush_close_unref(peer);
	g_assert_cmpint(sd_bus_set_property(nobody, DBUS_SERVICE, DBUS_PATH_LOG_CONTROL,
					    DBUS_INTERFACE_LOG_CONTROL, "LogLevel", &level, "s",
					    "debug"),
			<, 0);
	g_assert_cmpstr(level.name, ==, SD_BUS_ERROR_ACCESS_DENIED);
	fake_polkit_assert_asked("");
	fake_polkit_tell("AllowUnknown", NULL, NULL, "b", 0);
}

/* The bus goes while polkit is asked: what was asked is forgotten, and all is as before. */
static void test_bus_restarts(void)
{
	struct answer answer[POLKIT_CHECKS_PER_USER];
	sd_bus *watcher;
	bool owned = false;

	fake_polkit_mode("answer", true, READ_BINDINGS);
	for (unsigned i = 0; i < POLKIT_CHECKS_PER_USER; i++)
		begin_list(nobody, true, &answer[i]);
	fake_polkit_wait(POLKIT_CHECKS_PER_USER);
	test_service_stop_bus(&service);
	fake_polkit_wait_end();
	test_service_start_bus(&service);
	watcher = test_service_watch(&service, &owned);
	test_service_wait(watcher, &owned);
	sd_bus_flush_close_unref(watcher);
	sd_bus_close_unref(nobody);
	sd_bus_close_unref(clients[0]);
	clients[0] = test_service_connect(&service, false);
	nobody = bus_clients_connect_as(BUS_CLIENTS_NOBODY, BUS_CLIENTS_NOBODY, false);
	fake_polkit_start();
	fake_polkit_mode("answer", false, READ_BINDINGS);
	for (unsigned i = 0; i < POLKIT_CHECKS_PER_USER; i++)
		begin_list(nobody, true, &answer[i]);
	for (unsigned i = 0; i < POLKIT_CHECKS_PER_USER; i++) {
		wait_for(nobody, &answer[i]);
		g_assert_cmpstr(answer[i].error.message, ==, NULL);
	}
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*test)(void);
	} tests[] = {
		{"allowed", test_allowed},     {"password", test_password},
		{"terminal", test_terminal},   {"slow", test_slow},
		{"limits", test_limits},       {"gone", test_gone},
		{"error", test_error},         {"rubbish", test_rubbish},
		{"crash", test_crash},         {"absent", test_absent},
		{"not-asked", test_not_asked}, {"bus-restarts", test_bus_restarts},
	};
	const char *what = fake_polkit_missing();
	int r;

	g_test_init(&argc, &argv, NULL);
	if (what != NULL) {
		g_print("1..0 # SKIP %s\n", what);
		return 0;
	}
	for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
		g_autofree char *path = g_strdup_printf("/polkit/%s", tests[i].name);

		g_test_add_func(path, tests[i].test);
	}
	bus_clients_begin(NULL);
	nobody = bus_clients_connect_as(BUS_CLIENTS_NOBODY, BUS_CLIENTS_NOBODY, false);
	fake_polkit_start();
	r = g_test_run();
	fake_polkit_stop();
	sd_bus_flush_close_unref(nobody);
	bus_clients_end();
	return r;
}
