/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Entries of pool4 as objects /org/nat64d1/pool4/<id> with org.nat64d1.Pool4, announced by
 * ObjectManager. There are no more than Limits.Pool4Objects of them: entries that come when there
 * are as many are rows of ListPool4 only, and stay so. So is an entry for as long as it has more
 * than POOL4_OBJECT_RANGES_MAX ranges of addresses: all objects come in one message
 * (GetManagedObjects), and a bus hangs up on who sends one of more than 32 MiB. By both bounds it
 * stays below that.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#define POOL4_OBJECT_RANGES_MAX 128

struct manager;
struct pool4_objects;

/* Those that are there already are not announced: nobody listens yet. NULL without memory. */
struct pool4_objects *pool4_objects_new(struct manager *manager, uint32_t max);
void pool4_objects_free(struct pool4_objects *objects);

/* For a new connection. */
int pool4_objects_serve(struct pool4_objects *objects, sd_bus *bus);

/* An entry is new, is gone, or has another state: announced to all who listen. */
void pool4_objects_changed(struct pool4_objects *objects, uint32_t id);

/* "/org/nat64d1/pool4/7", or "/" for an entry without an object. */
#define POOL4_OBJECT_PATH_SIZE 40
const char *pool4_object_path(const struct pool4_objects *objects, uint32_t id,
			      char ret[POOL4_OBJECT_PATH_SIZE]);
