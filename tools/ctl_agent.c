/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See ctl_agent.h. */
#include "tools/ctl_agent.h"

#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* One that hangs is not waited for: polkit refuses then, as without it. */
#define PATIENCE_MS 5000

bool ctl_agent_is_for(const char *method)
{
	static const char *const never_asked[] = {"Get",       "GetAll",     "GetStatistics",
						  "ListPool4", "CountPool4", "GetConfig",
						  "Set",       "ListConfig", NULL};

	return !g_strv_contains(never_asked, method);
}

/* In the child. It ends with us, whatever ends us; what we print is not for it to write to. */
static void become_agent(int notify_fd)
{
	char fd[16];

	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)dup2(STDERR_FILENO, STDOUT_FILENO);
	(void)fcntl(notify_fd, F_SETFD, 0);
	(void)snprintf(fd, sizeof(fd), "%d", notify_fd);
	(void)execlp("pkttyagent", "pkttyagent", "--notify-fd", fd, "--fallback", (char *)NULL);
	_exit(EXIT_FAILURE);
}

void ctl_agent_begin(struct ctl_agent *agent)
{
	struct pollfd known = {.events = 0}; /* closed by who has it */
	int fds[2];

	if (agent->pid != 0 || pipe2(fds, O_CLOEXEC) < 0)
		return;
	agent->pid = fork();
	if (agent->pid == 0)
		become_agent(fds[1]);
	close(fds[1]);
	known.fd = fds[0];
	if (agent->pid > 0)
		(void)poll(&known, 1, PATIENCE_MS);
	else
		agent->pid = 0;
	close(fds[0]);
}

void ctl_agent_end(struct ctl_agent *agent)
{
	if (agent->pid == 0)
		return;
	(void)kill(agent->pid, SIGTERM);
	(void)kill(agent->pid, SIGCONT);
	(void)waitpid(agent->pid, NULL, 0);
	agent->pid = 0;
}
