/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A veth pair of the daemon's own: what is sent into one end comes out of the other, whose packets
 * the kernel forwards.
 *
 * The end that they come out of has the name; the other one's name has a suffix behind it. Both
 * have fixed MAC addresses, by which the pair is known as ours, no IP addresses and no neighbours,
 * and the kernel sends nothing by them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define NETLINK_VETH_PEER_SUFFIX "-tx"

/* What the Ethernet header of a packet into the pair says, but for its type: 12 bytes. */
extern const unsigned char netlink_veth_addresses[12];

/*
 * Where probes go to (inject_probe.h): the kernel has a route to each of them back into the pair,
 * by the end that packets come out of. Nobody else's: unassigned in 192.0.0.0/24 (RFC 6890), and in
 * the prefix that is discarded everywhere (RFC 6666).
 */
#define NETLINK_VETH_PROBE4 "192.0.0.64"
#define NETLINK_VETH_PROBE6 "100::64:64"

/* Does an interface with that MAC address belong to such a pair? */
bool netlink_veth_is_ours(const void *address, size_t size);

/* Makes the pair, or takes the one that is there. *ret_ifindex: of the end to send into. 0, or a
 * negative errno: -EEXIST if an interface of that name is not ours. */
int netlink_veth_make(const char *name, unsigned *ret_ifindex, bool *ret_is_new);
/* *ret_is_whole: are both ends there and up, and the one to send into has that ifindex? 0, or a
 * negative errno. */
int netlink_veth_check(const char *name, unsigned ifindex, bool *ret_is_whole);
/* *ret_removed (may be NULL): was there one of ours? */
int netlink_veth_remove(const char *name, bool *ret_removed);
