/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/descriptors.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define STATE_SIZE 64

void descriptors_init(struct descriptors *descriptors)
{
	for (unsigned i = 0; i < N_DESCRIPTORS; i++)
		descriptors->fd[i] = -1;
}

void descriptors_close(struct descriptors *descriptors)
{
	for (unsigned i = 0; i < N_DESCRIPTORS; i++) {
		int fd = descriptors_take(descriptors, i);

		if (fd >= 0)
			(void)close(fd);
	}
}

int descriptors_take(struct descriptors *descriptors, enum descriptor which)
{
	int fd = descriptors->fd[which];

	descriptors->fd[which] = -1;
	return fd;
}

const char *descriptor_name(enum descriptor which)
{
	static const char *const name[] = {
#define X(name, text) [DESCRIPTOR_##name] = text,
		DESCRIPTORS(X)
#undef X
	};

	assert(which < N_DESCRIPTORS);
	return name[which];
}

enum descriptor descriptor_parse(const char *name)
{
	unsigned i = 0;

	while (i < N_DESCRIPTORS && strcmp(descriptor_name(i), name) != 0)
		i++;
	return i;
}

void descriptors_listen(struct descriptors *ret)
{
	char **names = NULL;
	int n = sd_listen_fds_with_names(1, &names);

	descriptors_init(ret);
	for (int i = 0; i < n; i++) {
		enum descriptor which = descriptor_parse(names[i]);
		int fd = SD_LISTEN_FDS_START + i;

		if (which < N_DESCRIPTORS && ret->fd[which] < 0)
			ret->fd[which] = fd;
		else
			(void)close(fd);
		free(names[i]);
	}
	free(names);
}

void descriptors_store(enum descriptor which, int fd)
{
	char state[STATE_SIZE];

	descriptors_forget(which);
	(void)snprintf(state, sizeof(state), "FDSTORE=1\nFDNAME=%s\nFDPOLL=0\n",
		       descriptor_name(which));
	(void)sd_pid_notify_with_fds(0, 0, state, &fd, 1);
}

void descriptors_forget(enum descriptor which)
{
	char state[STATE_SIZE];

	(void)snprintf(state, sizeof(state), "FDSTOREREMOVE=1\nFDNAME=%s\n",
		       descriptor_name(which));
	(void)sd_notify(0, state);
}
