/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/descriptors.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define STATE_SIZE 64
#define NAME_SIZE  16

void descriptors_init(struct descriptors *descriptors)
{
	for (unsigned i = 0; i < N_DESCRIPTORS; i++)
		descriptors->fd[i] = -1;
	for (unsigned i = 0; i < DESCRIPTORS_MORE_MAX; i++)
		descriptors->more_queues[i] = -1;
}

void descriptors_close(struct descriptors *descriptors)
{
	for (unsigned i = 0; i < N_DESCRIPTORS; i++) {
		int fd = descriptors_take(descriptors, i);

		if (fd >= 0)
			(void)close(fd);
	}
	for (unsigned i = 0; i < DESCRIPTORS_MORE_MAX; i++) {
		if (descriptors->more_queues[i] >= 0)
			(void)close(descriptors->more_queues[i]);
		descriptors->more_queues[i] = -1;
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

static void name_more(unsigned index, char name[NAME_SIZE])
{
	(void)snprintf(name, NAME_SIZE, "%s%u", descriptor_name(DESCRIPTOR_QUEUE), index + 1);
}

/* Where a descriptor of this name belongs; NULL if nowhere. */
static int *place_of(struct descriptors *descriptors, const char *name)
{
	enum descriptor which = descriptor_parse(name);
	char more[NAME_SIZE];

	if (which < N_DESCRIPTORS)
		return &descriptors->fd[which];
	for (unsigned i = 0; i < DESCRIPTORS_MORE_MAX; i++) {
		name_more(i, more);
		if (strcmp(more, name) == 0)
			return &descriptors->more_queues[i];
	}
	return NULL;
}

void descriptors_listen(struct descriptors *ret)
{
	char **names = NULL;
	int n = sd_listen_fds_with_names(1, &names);

	descriptors_init(ret);
	for (int i = 0; i < n; i++) {
		int *place = place_of(ret, names[i]);
		int fd = SD_LISTEN_FDS_START + i;

		if (place && *place < 0)
			*place = fd;
		else
			(void)close(fd);
		free(names[i]);
	}
	free(names);
}

static void forget(const char *name)
{
	char state[STATE_SIZE];

	(void)snprintf(state, sizeof(state), "FDSTOREREMOVE=1\nFDNAME=%s\n", name);
	(void)sd_notify(0, state);
}

static void store(const char *name, int fd)
{
	char state[STATE_SIZE];

	forget(name);
	(void)snprintf(state, sizeof(state), "FDSTORE=1\nFDNAME=%s\nFDPOLL=0\n", name);
	(void)sd_pid_notify_with_fds(0, 0, state, &fd, 1);
}

void descriptors_store(enum descriptor which, int fd)
{
	store(descriptor_name(which), fd);
}

void descriptors_forget(enum descriptor which)
{
	forget(descriptor_name(which));
}

void descriptors_store_all(const struct descriptors *descriptors)
{
	for (unsigned i = 0; i < N_DESCRIPTORS; i++)
		if (i != DESCRIPTOR_TABLES && descriptors->fd[i] >= 0)
			descriptors_store(i, descriptors->fd[i]);
	for (unsigned i = 0; i < DESCRIPTORS_MORE_MAX; i++) {
		char name[NAME_SIZE];

		name_more(i, name);
		if (descriptors->more_queues[i] >= 0)
			store(name, descriptors->more_queues[i]);
		else
			forget(name);
	}
}
