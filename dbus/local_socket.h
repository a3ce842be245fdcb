/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A listening socket with a name in the file system. A daemon that was killed leaves its name
 * behind: who comes next takes it. A name that somebody listens at stays his.
 */
#pragma once

/* Gives fd (AF_UNIX, stream) that name. 0 or a negative errno: -ENAMETOOLONG; -EADDRINUSE if
 * somebody listens there, or if it is no socket. */
int local_socket_bind(int fd, const char *path);
