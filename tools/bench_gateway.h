/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bench_pool4's figures of a whole NAT64 in process: packets in, packets out, no kernel. */
#pragma once

/* Memory of 65536 clients with one binding each. */
void bench_gateway_bindings(void);

/* CPU time of a packet with a large pool and with one address. */
void bench_gateway_packets(void);
