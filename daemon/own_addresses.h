/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The addresses that are configured on interfaces of this host. Routes that make an address local
 * (Pool4.Announce) do not count.
 *
 * The control thread reads them anew after news of the kernel; any thread may look, and
 * none waits for another one that looks.
 */
#pragma once

#include "daemon/core/addr.h"

struct own_addresses;

int own_addresses_new(struct own_addresses **ret);
void own_addresses_free(struct own_addresses *own);

int own_addresses_read(struct own_addresses *own);

bool own_addresses_have4(struct own_addresses *own, uint32_t addr);
bool own_addresses_have6(struct own_addresses *own, const struct addr6 *addr);
