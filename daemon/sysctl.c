/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/sysctl.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int sysctl_read(const char *name)
{
	char path[256];
	char text[16] = "";
	ssize_t n;
	int fd;

	if (snprintf(path, sizeof(path), "/proc/sys/%s", name) >= (int)sizeof(path))
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	return n > 0 && isdigit((unsigned char)text[0]) ? atoi(text) : -1;
}
