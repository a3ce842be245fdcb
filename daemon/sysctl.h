/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers in /proc/sys. */
#pragma once

/* name: "net/ipv4/ip_forward". -1 if it can not be read, or is no number. */
int sysctl_read(const char *name);
