/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/heartbeat.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* Nobody can make it shorter, so that what is mapped stays there. */
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW)

struct heartbeat {
	int fd;
	_Atomic uint64_t *place;
};

static int make(void)
{
	int fd = memfd_create("nat64d-heartbeat", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r = 0;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, sizeof(uint64_t)) < 0 || fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		r = -errno;
	if (r == 0)
		return fd;
	(void)close(fd);
	return r;
}

static bool is_ours(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);

	return seals >= 0 && (seals & SEALS) == SEALS && lseek(fd, 0, SEEK_END) == sizeof(uint64_t);
}

int heartbeat_new(int fd, struct heartbeat **ret)
{
	struct heartbeat *heartbeat;
	void *place;
	int r;

	if (fd >= 0 && !is_ours(fd)) {
		(void)close(fd);
		fd = -1;
	}
	if (fd < 0)
		fd = make();
	if (fd < 0)
		return fd;
	place = mmap(NULL, sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	heartbeat = place == MAP_FAILED ? NULL : malloc(sizeof(*heartbeat));
	if (!heartbeat) {
		r = place == MAP_FAILED ? -errno : -ENOMEM;
		if (place != MAP_FAILED)
			(void)munmap(place, sizeof(uint64_t));
		(void)close(fd);
		return r;
	}
	*heartbeat = (struct heartbeat){.fd = fd, .place = place};
	*ret = heartbeat;
	return 0;
}

void heartbeat_free(struct heartbeat *heartbeat)
{
	if (!heartbeat)
		return;
	(void)munmap((void *)heartbeat->place, sizeof(uint64_t));
	(void)close(heartbeat->fd);
	free(heartbeat);
}

int heartbeat_fd(const struct heartbeat *heartbeat)
{
	return heartbeat->fd;
}

_Atomic uint64_t *heartbeat_place(struct heartbeat *heartbeat)
{
	return heartbeat->place;
}
