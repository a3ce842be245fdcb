/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat64d: command line, then daemon_run(). */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/config.h"
#include "daemon/daemon.h"
#include "daemon/log.h"
#include "daemon/memory.h"
#include "schema/store.h"

#define USAGE_ERROR   2
#define NAME_SIZE_MAX 32
#define SOCKET_NAME   "control"

static const char *arg_config;
static const char *arg_instance = "";
static const char *arg_state_dir;
static const char *arg_bus;
static bool arg_no_bus;
static const char *arg_socket;
static bool arg_replace;
static bool arg_check;

enum {
	OPTION_CONFIG = 256,
	OPTION_INSTANCE,
	OPTION_STATE_DIR,
	OPTION_BUS,
	OPTION_NO_BUS,
	OPTION_SOCKET,
	OPTION_REPLACE,
	OPTION_LOG_LEVEL,
	OPTION_CHECK,
	OPTION_VERSION,
};

static const struct option options[] = {
	{"config", required_argument, NULL, OPTION_CONFIG},
	{"instance", required_argument, NULL, OPTION_INSTANCE},
	{"state-dir", required_argument, NULL, OPTION_STATE_DIR},
	{"bus", required_argument, NULL, OPTION_BUS},
	{"no-bus", no_argument, NULL, OPTION_NO_BUS},
	{"socket", required_argument, NULL, OPTION_SOCKET},
	{"replace", no_argument, NULL, OPTION_REPLACE},
	{"log-level", required_argument, NULL, OPTION_LOG_LEVEL},
	{"check", no_argument, NULL, OPTION_CHECK},
	{"version", no_argument, NULL, OPTION_VERSION},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static void help(void)
{
	(void)puts(
		"nat64d [OPTIONS...]\n"
		"\n"
		"Stateful NAT64 (RFC 6146): IPv6-only clients reach IPv4 servers.\n"
		"\n"
		"  --config FILE      read FILE and FILE.d/*.conf (" CONFIG_DEFAULT_PATH ")\n"
		"  --instance NAME    a second daemon beside others, with its own names\n"
		"  --state-dir DIR    where state is kept ($STATE_DIRECTORY, /var/lib/nat64d)\n"
		"  --bus ADDRESS      D-Bus to serve instead of the system bus\n"
		"  --no-bus           control socket only\n"
		"  --socket PATH      control socket ($RUNTIME_DIRECTORY/control)\n"
		"  --replace          take over from the running daemon\n"
		"  --log-level LEVEL  err, warning, notice, info (default) or debug\n"
		"  --check            only check configuration and state; status 1 on any problem\n"
		"  --version, --help");
}

/* A part of a name on the bus, which does not begin with a digit. */
static bool is_instance_name(const char *text)
{
	size_t length = strlen(text);

	return length > 0 && length <= NAME_SIZE_MAX && g_ascii_islower(text[0]) &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_") == length;
}

static bool read_option(int option)
{
	int level;

	switch (option) {
	case OPTION_CONFIG:
		arg_config = optarg;
		return true;
	case OPTION_INSTANCE:
		arg_instance = optarg;
		if (!is_instance_name(optarg))
			(void)fprintf(
				stderr,
				"nat64d: --instance %s: a name is a letter and up to %d more of "
				"a-z, 0-9 and _\n",
				optarg, NAME_SIZE_MAX - 1);
		return is_instance_name(optarg);
	case OPTION_STATE_DIR:
		arg_state_dir = optarg;
		return true;
	case OPTION_BUS:
		arg_bus = optarg;
		return true;
	case OPTION_NO_BUS:
		arg_no_bus = true;
		return true;
	case OPTION_SOCKET:
		arg_socket = optarg;
		return true;
	case OPTION_REPLACE:
		arg_replace = true;
		return true;
	case OPTION_LOG_LEVEL:
		if (!log_level_parse(optarg, &level)) {
			(void)fprintf(stderr,
				      "nat64d: --log-level %s: must be err, warning, notice, info "
				      "or debug\n",
				      optarg);
			return false;
		}
		log_set_level(level);
		return true;
	case OPTION_CHECK:
		arg_check = true;
		return true;
	default: /* getopt_long() has said what is wrong */
		return false;
	}
}

static void print_problem(void *context, const char *problem)
{
	(void)puts(problem);
}

/* Each problem on a line. Exit status. */
static int check(const char *path, const char *state_dir)
{
	GPtrArray *problems = config_problems_new();
	struct config *config = NULL;
	int r = config_load(path, &config, problems);
	bool refused = r < 0 || config_problems_have(problems, CONFIG_UNKNOWN);

	for (guint i = 0; i < problems->len; i++) {
		char *text = config_problem_print(g_ptr_array_index(problems, i));

		(void)puts(text);
		g_free(text);
	}
	if (store_check(state_dir, print_problem, NULL) > 0)
		refused = true;
	if (!refused)
		(void)printf("%s: valid\n", path);
	g_ptr_array_unref(problems);
	config_free(config);
	return refused ? 1 : 0;
}

/* The directory that systemd has made, else fallback. */
static char *directory_of(const char *variable, const char *fallback)
{
	const char *value = getenv(variable);

	return g_strdup(value && *value ? value : fallback);
}

/* Where the control socket is: who replaces a service by hand names that, and knows nothing of what
 * systemd has made. Under another name it may be one of several in its directory. */
static char *run_directory(const char *state_dir)
{
	g_autofree char *name = arg_socket ? g_path_get_basename(arg_socket) : NULL;

	if (name && strcmp(name, SOCKET_NAME) == 0)
		return g_path_get_dirname(arg_socket);
	return directory_of("RUNTIME_DIRECTORY", state_dir);
}

/* What is opened next must not become somebody's stderr. */
static void fill_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		(void)close(fd);
}

int main(int argc, char **argv)
{
	struct daemon_options daemon_options;
	char *default_config;
	char *default_state_dir;
	char *state_dir;
	char *run_dir;
	char *socket;
	int option;
	int status;

	fill_standard_descriptors();
	memory_prepare();
	while ((option = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
		if (option == 'h') {
			help();
			return 0;
		}
		if (option == OPTION_VERSION) {
			(void)puts("nat64d " NAT64D_VERSION);
			return 0;
		}
		if (!read_option(option))
			return USAGE_ERROR;
	}
	if (optind < argc) {
		(void)fprintf(stderr, "nat64d: %s: no such argument (try --help)\n", argv[optind]);
		return USAGE_ERROR;
	}
	default_config = *arg_instance ? g_strdup_printf("/etc/nat64d/%s.conf", arg_instance)
				       : g_strdup(CONFIG_DEFAULT_PATH);
	if (!arg_config)
		arg_config = default_config;
	default_state_dir = g_build_filename("/var/lib/nat64d", arg_instance, NULL);
	state_dir = arg_state_dir ? g_strdup(arg_state_dir)
				  : directory_of("STATE_DIRECTORY", default_state_dir);
	if (arg_check) {
		status = check(arg_config, state_dir);
		goto out;
	}
	run_dir = run_directory(state_dir);
	socket = arg_socket ? g_strdup(arg_socket) : g_build_filename(run_dir, SOCKET_NAME, NULL);
	/* systemd makes it; else we do. If that fails, opening the socket says why. */
	(void)g_mkdir_with_parents(state_dir, 0700);
	daemon_options = (struct daemon_options){
		.config_path = arg_config,
		.instance = arg_instance,
		.bus = arg_bus,
		.no_bus = arg_no_bus,
		.replace = arg_replace,
		.socket = socket,
		.state_dir = state_dir,
		.run_dir = run_dir,
	};
	status = daemon_run(&daemon_options);
	log_end();
	g_free(socket);
	g_free(run_dir);
out:
	g_free(state_dir);
	g_free(default_state_dir);
	g_free(default_config);
	return status;
}
