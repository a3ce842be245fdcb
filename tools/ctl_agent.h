/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Polkit's agent for terminals (pkttyagent, from PATH), as systemctl starts it: it asks for the
 * password where no desktop does, and is there for as long as this process.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct ctl_agent {
	pid_t pid; /* 0: none */
};

/* May polkit have to ask before it lets somebody call this method? */
bool ctl_agent_is_for(const char *method);
/* Returns when polkit knows of it; or if there is none, without a word. Once is enough. */
void ctl_agent_begin(struct ctl_agent *agent);
void ctl_agent_end(struct ctl_agent *agent);
