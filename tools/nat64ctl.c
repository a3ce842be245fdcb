/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nat64ctl: the command line of nat64d. One table of verbs; help and dispatch come from it.
 *
 * Global options may stand anywhere; what is left behind the verb is the verb's own.
 */
#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/ctl.h"
#include "tools/ctl_setup.h"

/* These two need neither the daemon nor a bus; they know --instance themselves. */
static enum ctl_status run_setup(struct ctl *ctl, int (*verb)(int argc, char **argv),
				 const char *name, int argc, char **argv)
{
	GPtrArray *words = g_ptr_array_new();
	int status;

	g_ptr_array_add(words, (char *)name);
	if (ctl->instance != NULL) {
		g_ptr_array_add(words, (char *)"--instance");
		g_ptr_array_add(words, (char *)ctl->instance);
	}
	for (int i = 0; i < argc; i++)
		g_ptr_array_add(words, argv[i]);
	g_ptr_array_add(words, NULL);
	status = verb((int)words->len - 1, (char **)words->pdata);
	g_ptr_array_unref(words);
	return (enum ctl_status)status;
}

static enum ctl_status verb_setup(struct ctl *ctl, int argc, char **argv)
{
	return run_setup(ctl, ctl_setup, "setup", argc, argv);
}

static enum ctl_status verb_teardown(struct ctl *ctl, int argc, char **argv)
{
	return run_setup(ctl, ctl_teardown, "teardown", argc, argv);
}

static enum ctl_status verb_help(struct ctl *ctl, int argc, char **argv);

#define TERMINAL_WIDTH    80
#define INSTANCE_NAME_MAX 32

#define FILTERS \
	"[--protocol P] [--client PREFIX] [--address4 A] [--port4 N] [--static] [--pool4 ENTRY]"
#define SESSION_FILTERS FILTERS " [--server PREFIX4] [--state S]"

static const struct verb {
	const char *noun;
	const char *action; /* NULL: the noun is the verb */
	const char *arguments;
	const char *help;
	enum ctl_status (*run)(struct ctl *ctl, int argc, char **argv);
} verbs[] = {
	{"status", NULL, "", "the gateway at a glance", ctl_status},
	{"health", NULL, "[--quiet]",
	 "is it active, with rules in place and queues that move? for probes", ctl_health},
	{"pool4", "list", "", "addresses and ports that bindings may use", ctl_pool4_list},
	{"pool4", "show", "ENTRY", "everything about one entry", ctl_pool4_show},
	{"pool4", "add",
	 "ADDRESSES [PORTS] [--name N] [--protocol tcp,udp,icmp] [--clients PREFIX] [--overflow] "
	 "[--prefix P] [--comment T] [--dry-run]",
	 "use addresses: 192.0.2.7, 192.0.2.8/29, A-B, interface:NAME", ctl_pool4_add},
	{"pool4", "remove", "ENTRY|ADDRESSES [--force] [--dry-run]",
	 "remove an entry; --force ends the bindings that use it", ctl_pool4_remove},
	{"pool4", "drain", "ENTRY|ADDRESSES [--dry-run]",
	 "no new bindings; the entry goes with its last one", ctl_pool4_drain},
	{"pool4", "enable", "ENTRY|ADDRESSES [--dry-run]",
	 "use an entry again that was removed or drained", ctl_pool4_enable},
	{"bib", "list", FILTERS " [--limit N] [--count]", "bindings", ctl_bib_list},
	{"bib", "add", "PROTOCOLS V6 V4 [--replace] [--comment T] [--dry-run]",
	 "a static binding: bib add tcp '[2001:db8::5]:2000' 192.0.2.2:2000", ctl_bib_add},
	{"bib", "remove", "PROTOCOLS V6|V4 [--dry-run]", "end a binding, static or not",
	 ctl_bib_remove},
	{"bib", "lookup", "PROTOCOL V6|V4", "the binding of one address and port", ctl_bib_lookup},
	{"publish", NULL,
	 "PORTS/PROTOCOLS ADDRESS6[:PORT] [--on ADDRESS4] [--replace] [--comment T] [--dry-run]",
	 "let the IPv4 side reach a client: publish 443/tcp,udp 2001:db8::5", ctl_publish},
	{"session", "list", SESSION_FILTERS " [--limit N] [--count]", "sessions", ctl_session_list},
	{"client", "list", "[--top N]", "who uses most", ctl_client_list},
	{"client", "show", "PREFIX", "the clients in a prefix", ctl_client_show},
	{"client", "block", "PREFIX [--for TIME] [--dry-run]",
	 "drop what comes from a client, or is for it", ctl_client_block},
	{"client", "unblock", "PREFIX [--dry-run]", "end a block", ctl_client_unblock},
	{"client", "blocked", "", "whom a block stops, and until when", ctl_client_blocked},
	{"client", "ports", "PROTOCOL ADDRESS6 [--prefix P]",
	 "deterministic mode: the address and ports of a client", ctl_client_ports},
	{"client", "of", "PROTOCOL V4",
	 "deterministic mode: the client that has an address and port", ctl_client_of},
	{"drain", NULL, "[--wait TIME] [--dry-run]",
	 "no new bindings, the whole gateway; --wait until no session is left", ctl_drain},
	{"resume", NULL, "[--dry-run]", "new bindings again, after drain", ctl_resume},
	{"pool6", "list", "", "prefixes in which IPv4 addresses are embedded", ctl_pool6_list},
	{"pool6", "add", "PREFIX [--dry-run]", "one more prefix", ctl_pool6_add},
	{"pool6", "remove", "PREFIX [--dry-run]", "a prefix less", ctl_pool6_remove},
	{"config", "list", "", "the keys of the configuration, and where each stands",
	 ctl_config_list},
	{"config", "get", "KEY", "the value of one key: config get Timeouts.UDP", ctl_config_get},
	{"config", "set", "KEY VALUE [--dry-run]",
	 "set a key until the file says something else about it", ctl_config_set},
	{"config", "reset", "KEY|--all [--dry-run]", "what the file says holds again",
	 ctl_config_reset},
	{"reload", NULL, "[--dry-run]", "read the files anew, or only say what would change",
	 ctl_reload},
	{"log-level", NULL, "LEVEL", "err, warning, notice, info or debug, from now on",
	 ctl_log_level},
	{"explain", NULL,
	 "PROTOCOL SOURCE DESTINATION [--flags syn] [--length N] [--ttl N] [--icmp TYPE/CODE]",
	 "what would become of a packet, step by step; changes nothing", ctl_explain},
	{"stats", NULL, "[--all]", "counters that are not zero, or all", ctl_stats},
	{"setup", NULL, "[--print] [--dry-run] [--config FILE]",
	 "put rules, sysctls and routes in place, or show them", verb_setup},
	{"teardown", NULL, "[--dry-run]", "remove what setup and the daemon put in place",
	 verb_teardown},
	{"help", NULL, "", "this text", verb_help},
};

/* "  NOUN ACTION ARGUMENTS" in lines that fit on a terminal, cut before a "[". */
static void print_usage(const struct verb *verb)
{
	g_autofree char *command =
		g_strjoin(" ", verb->noun, verb->action != NULL ? verb->action : "", NULL);
	g_auto(GStrv) arguments = g_strsplit(verb->arguments, " [", -1);
	size_t column = 2 + strlen(g_strchomp(command));

	printf("  %s", command);
	for (unsigned i = 0; arguments[i] != NULL && *arguments[i] != '\0'; i++) {
		size_t width = strlen(arguments[i]) + (i == 0 ? 1 : 2);

		if (column + width > TERMINAL_WIDTH) {
			fputs("\n         ", stdout);
			column = 9;
		}
		printf(i == 0 ? " %s" : " [%s", arguments[i]);
		column += width;
	}
	printf("\n      %s\n", verb->help);
}

static enum ctl_status verb_help(struct ctl *ctl, int argc, char **argv)
{
	puts("nat64ctl [-i INSTANCE] [--json] [--no-legend] [--bus ADDRESS | --socket PATH]\n"
	     "         [COMMAND]\n");
	for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++)
		print_usage(&verbs[i]);
	puts("\nWithout a command: status. Without --bus or --socket: the system bus, then the\n"
	     "control socket. Exit status: 0 done, 1 refused or failed, 2 usage, 3 no such\n"
	     "thing, 4 daemon not running, 5 not authorised.");
	return CTL_DONE;
}

/* The verb that the words name, and how many words that takes. */
static const struct verb *find_verb(int argc, char **argv, int *ret_words)
{
	for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++) {
		const struct verb *verb = &verbs[i];

		if (strcmp(argv[0], verb->noun) != 0)
			continue;
		if (verb->action == NULL) {
			*ret_words = 1;
			return verb;
		}
		if (argc > 1 && strcmp(argv[1], verb->action) == 0) {
			*ret_words = 2;
			return verb;
		}
	}
	return NULL;
}

/* Says what is wrong with the words, and what would be right. */
static enum ctl_status no_such_verb(int argc, char **argv)
{
	g_autoptr(GString) actions = g_string_new(NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++) {
		if (verbs[i].action != NULL && strcmp(argv[0], verbs[i].noun) == 0)
			g_string_append_printf(actions, "%s'%s %s'", actions->len > 0 ? ", " : "",
					       verbs[i].noun, verbs[i].action);
	}
	if (actions->len > 0)
		return ctl_fail(CTL_USAGE, "there is no command '%s%s%s'; there is %s", argv[0],
				argc > 1 ? " " : "", argc > 1 ? argv[1] : "", actions->str);
	return ctl_fail(CTL_USAGE, "there is no %s '%s'; 'nat64ctl help' lists them",
			argv[0][0] == '-' ? "option" : "command", argv[0]);
}

/* The names that the daemon takes. */
static bool is_instance_name(const char *text)
{
	size_t length = strlen(text);

	return length > 0 && length <= INSTANCE_NAME_MAX && *text != '_' &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_") == length;
}

/* The value of option name at argv[*i], given as "--name VALUE" or "--name=VALUE"; moves *i. */
static bool take_value(const char *name, int argc, char **argv, int *i, const char **ret,
		       bool *ret_missing)
{
	size_t length = strlen(name);

	if (strcmp(argv[*i], name) == 0) {
		*ret_missing = *i + 1 >= argc;
		if (!*ret_missing)
			*ret = argv[++*i];
		return true;
	}
	if (strncmp(argv[*i], name, length) == 0 && argv[*i][length] == '=') {
		*ret = argv[*i] + length + 1;
		return true;
	}
	return false;
}

/* Takes the global options out of argv, and returns how many words are left; -1 with a message. */
static int take_options(struct ctl *ctl, int argc, char **argv, bool *ret_help, bool *ret_version)
{
	int n = 0;

	for (int i = 0; i < argc; i++) {
		bool missing = false;

		if (strcmp(argv[i], "--json") == 0)
			ctl->json = true;
		else if (strcmp(argv[i], "--no-legend") == 0)
			ctl->legend = false;
		else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			*ret_help = true;
		else if (strcmp(argv[i], "--version") == 0)
			*ret_version = true;
		else if (!take_value("-i", argc, argv, &i, &ctl->instance, &missing) &&
			 !take_value("--instance", argc, argv, &i, &ctl->instance, &missing) &&
			 !take_value("--bus", argc, argv, &i, &ctl->bus_address, &missing) &&
			 !take_value("--socket", argc, argv, &i, &ctl->socket_path, &missing))
			argv[n++] = argv[i];
		if (missing) {
			(void)ctl_fail(CTL_USAGE, "%s needs a value", argv[i]);
			return -1;
		}
	}
	return n;
}

static enum ctl_status run(struct ctl *ctl, int argc, char **argv)
{
	bool help = false, version = false;
	const struct verb *verb;
	int words = 0;

	argc = take_options(ctl, argc, argv, &help, &version);
	if (argc < 0)
		return CTL_USAGE;
	if (ctl->bus_address != NULL && ctl->socket_path != NULL)
		return ctl_fail(CTL_USAGE, "--bus and --socket exclude each other");
	if (ctl->instance != NULL && !is_instance_name(ctl->instance))
		return ctl_fail(CTL_USAGE, "--instance: '%s' is not up to %d of a-z, 0-9 and _",
				ctl->instance, INSTANCE_NAME_MAX);
	if (help)
		return verb_help(ctl, 0, NULL);
	if (version) {
		puts("nat64ctl " NAT64D_VERSION);
		return CTL_DONE;
	}
	if (argc == 0)
		return ctl_status(ctl, 0, NULL);
	verb = find_verb(argc, argv, &words);
	if (verb == NULL)
		return no_such_verb(argc, argv);
	return verb->run(ctl, argc - words, argv + words);
}

/* What could not be printed is a failure, unless the reader has gone. */
static enum ctl_status finish_output(enum ctl_status status)
{
	/* An error of before has not kept its number; the pipe tells whether anybody reads. */
	bool failed = ferror(stdout) != 0;
	struct pollfd out = {.fd = STDOUT_FILENO};

	errno = 0;
	failed = fflush(stdout) != 0 || failed;
	if (!failed || status != CTL_DONE)
		return status;
	if (errno == EPIPE || (poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0))
		return CTL_DONE;
	return ctl_fail(CTL_FAILED, "can not write: %s",
			errno != 0 ? g_strerror(errno) : "output is incomplete");
}

int main(int argc, char **argv)
{
	struct ctl ctl = {.legend = true};
	enum ctl_status status;

	/* A reader that has seen enough (head, less) is no failure. */
	(void)signal(SIGPIPE, SIG_IGN);
	status = run(&ctl, argc - 1, argv + 1);
	ctl_deinit(&ctl);
	return (int)finish_output(status);
}
