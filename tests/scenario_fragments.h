/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets of scenarios into fragments and back, in the plainest way. Shares no code with the core.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Leaves of a whole packet, without extension headers, only the fragment with so many bytes of its
 * payload, or what is left of it; the last one says so. IPv6 gets the Identification id, IPv4 has
 * its own. */
void scenario_fragments_cut(GByteArray *packet, guint offset, guint size, uint32_t id);

/* Appends a fragment to what is there: whole is empty, or the packet so far. NULL, or why it does
 * not belong there: fragments are in order and alike, and only the last one ends. Free with
 * g_free(). */
char *scenario_fragments_join(GByteArray *whole, const uint8_t *data, gsize size, bool last);
