/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Running what the packet rules are written in: nft commands through libnftables, and iptables' own
 * programs, without a shell; and asking what is there.
 */
#pragma once

#include <stdbool.h>

/* One transaction. *ret_output (may be NULL) is what a list command prints, with handles; on error
 * *ret_error (may be NULL) is one sentence. dry: the kernel judges it, and nothing changes. */
int rules_kernel_nft(const char *commands, bool dry, char **ret_output, char **ret_error);

/* Is this chain in the table of family inet? By netlink itself: libnftables would read all sets. */
bool rules_kernel_has_chain(const char *table, const char *chain);

/* Runs argv[0], found in PATH or the sbin directories, with input as its stdin, and waits for it.
 * -ENOENT if there is no such program; -EIO if it failed: *ret_error is its first line. */
int rules_kernel_program(const char *const argv[], const char *input, char **ret_output,
			 char **ret_error);
