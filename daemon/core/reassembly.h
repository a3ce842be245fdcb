/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fragments on their way to becoming a packet (RFC 6146, 3.4): whose they are, what the table of
 * fragments (fragment.h) makes of them, and what happens when the rest never comes.
 */
#pragma once

#include "daemon/core/forward.h"

/*
 * passage->packet is a fragment that was admitted. OUTCOME_TRANSLATED: it was the last one missing,
 * and passage->packet is now the whole packet, parsed. Else the outcome of the fragment, or what is
 * wrong with the whole.
 *
 * 4->6 on an address of the host's own (P-23) the first fragment decides, as only it has ports:
 * without a binding it is the host's, and so are those that follow it. Those that came before it
 * had been taken from the queue already, and are lost to the host.
 */
enum outcome reassembly_6to4(struct passage *passage);
enum outcome reassembly_4to6(struct passage *passage);

/* Ends packets that waited too long, within the budget and while there is room. */
void reassembly_expire(struct nat64 *nat, uint64_t now_ms, unsigned *budget, struct out *out);
