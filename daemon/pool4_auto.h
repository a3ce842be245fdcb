/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What pool4 takes from the host by itself: the address that the host uses towards the Internet,
 * and those ports of an own address that the host's programs leave free (P-18).
 *
 * Everything here asks the kernel; control thread only, without the gateway's lock.
 */
#pragma once

#include <glib.h>

#include "daemon/core/pool4.h"

struct pool4_auto;

int pool4_auto_new(struct pool4_auto **ret);
void pool4_auto_free(struct pool4_auto *autos);

/* The source address towards the IPv4 default route. False without such a route. */
bool pool4_auto_address(struct pool4_auto *autos, uint32_t *ret);

/* Reads the addresses of all interfaces anew, for the next two, and what the host's programs listen
 * on, once somebody asks; pool4_auto_new() did it first. On failure those of the last time stay. */
int pool4_auto_read(struct pool4_auto *autos);
/* Is one of the addresses in ranges configured on an interface of this host? */
bool pool4_auto_is_own(const struct pool4_auto *autos, const struct addr4_range *ranges,
		       uint32_t n_ranges);
/* The first such address. */
bool pool4_auto_own(const struct pool4_auto *autos, const struct addr4_range *ranges,
		    uint32_t n_ranges, uint32_t *ret);
/* Appends the IPv4 addresses of an interface: struct addr4_range. */
void pool4_auto_interface(const struct pool4_auto *autos, const char *name, GArray *ret);

/* From 1024 up, without ip_local_port_range, ip_local_reserved_ports, and ports that some socket
 * listens on. */
void pool4_auto_ports(struct pool4_auto *autos, uint64_t now_ms, struct port_ranges *ret);

/* Which ports the host uses itself. */
struct pool4_auto_set {
	bool has[65536];
};
struct pool4_auto_host {
	uint16_t local_first; /* net.ipv4.ip_local_port_range */
	uint16_t local_last;
	struct pool4_auto_set reserved; /* net.ipv4.ip_local_reserved_ports */
	struct pool4_auto_set listens;  /* by the host's programs at the address */
};
void pool4_auto_read_host(struct pool4_auto *autos, uint32_t addr, uint64_t now_ms,
			  struct pool4_auto_host *ret);

/* ranges without first to last, also when there is no place for one range more: then the smaller
 * side of the cut goes, too. Part of pool4_auto_ports(), for tests. */
void pool4_auto_cut(struct port_ranges *ranges, uint16_t first, uint16_t last);
/* Cuts what the text of a sysctl lists: "8080,9148-9160". */
void pool4_auto_cut_list(struct port_ranges *ranges, const char *text);
