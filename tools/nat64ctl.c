/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nat64ctl: the command line of nat64d. What it can be told is in the table of verbs (ctl_verbs.h).
 */
#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/ctl_complete.h"
#include "tools/ctl_help.h"
#include "tools/ctl_verbs.h"

#define INSTANCE_NAME_MAX 32

/* The names that the daemon takes. */
static bool is_instance_name(const char *text)
{
	size_t length = strlen(text);

	return length > 0 && length <= INSTANCE_NAME_MAX && g_ascii_islower(*text) &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_") == length;
}

/* Takes the options that every command has. */
static enum ctl_status take_global(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	ctl->instance = arguments->option[CTL_INSTANCE];
	ctl->bus_address = arguments->option[CTL_BUS];
	ctl->socket_path = arguments->option[CTL_SOCKET];
	ctl->json = ctl_arguments_has(arguments, CTL_JSON);
	ctl->legend = !ctl_arguments_has(arguments, CTL_NO_LEGEND);
	if (ctl->bus_address != NULL && ctl->socket_path != NULL)
		return ctl_fail(CTL_USAGE, "--bus and --socket exclude each other");
	if (ctl->instance != NULL && !is_instance_name(ctl->instance))
		return ctl_fail(
			CTL_USAGE,
			"--instance: '%s' is not a letter and up to %d more of a-z, 0-9 and _",
			ctl->instance, INSTANCE_NAME_MAX - 1);
	return CTL_DONE;
}

static enum ctl_status run(struct ctl *ctl, int argc, char **argv)
{
	struct ctl_arguments arguments;
	enum ctl_status status = ctl_arguments_parse(&arguments, argc, argv);

	if (status == CTL_DONE)
		status = take_global(ctl, &arguments);
	if (status != CTL_DONE)
		return status;
	if (ctl_arguments_has(&arguments, CTL_HELP))
		return ctl_help_of(ctl, arguments.verb, arguments.noun);
	if (ctl_arguments_has(&arguments, CTL_VERSION)) {
		puts("nat64ctl " NAT64D_VERSION);
		return CTL_DONE;
	}
	if (arguments.verb == NULL)
		return ctl_status(ctl, &arguments);
	return arguments.verb->run(ctl, &arguments);
}

/* For the shell: the words up to the one that is being written, see ctl_complete.h. */
static enum ctl_status complete(struct ctl *ctl, int argc, char **argv)
{
	struct ctl_arguments arguments;
	enum ctl_status status = CTL_DONE;

	ctl_arguments_init(&arguments);
	for (int i = 0; i < argc - 1 && status == CTL_DONE; i++)
		status = ctl_arguments_step(&arguments, argv[i]);
	if (status == CTL_DONE)
		status = take_global(ctl, &arguments);
	return status != CTL_DONE ? status
				  : ctl_complete(ctl, &arguments, argc > 0 ? argv[argc - 1] : "");
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
	if (argc > 1 && strcmp(argv[1], "--complete") == 0)
		status = complete(&ctl, argc - 2, argv + 2);
	else
		status = run(&ctl, argc - 1, argv + 1);
	ctl_deinit(&ctl);
	return (int)finish_output(status);
}
