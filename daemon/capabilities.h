/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Capabilities: what the daemon may do once it runs. */
#pragma once

/* Gives up all but CAP_NET_ADMIN and CAP_NET_RAW, for this thread, those that it makes and the
 * programs that it starts (iptables). Those two it keeps if it has them. */
int capabilities_keep_net(void);
