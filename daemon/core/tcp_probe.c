/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/tcp_probe.h"

#include "daemon/core/checksum.h"
#include "daemon/core/ip_header.h"

#define PROBE_HOP_LIMIT 64

void tcp_probe_build(const struct taddr6 *src, const struct taddr6 *dst, struct out *out)
{
	const struct ip_fields fields = {.hop_limit = PROBE_HOP_LIMIT, .ip_protocol = IPPROTO_TCP};
	uint8_t *ip = out_alloc(out, IP6_HEADER_SIZE + TCP_HEADER_SIZE);
	uint8_t *tcp = ip + IP6_HEADER_SIZE;

	ip6_header_write(ip, &fields, &src->addr, &dst->addr, TCP_HEADER_SIZE);
	memset(tcp, 0, TCP_HEADER_SIZE);
	store_be16(tcp, src->port);
	store_be16(tcp + 2, dst->port);
	tcp[12] = TCP_HEADER_SIZE / 4 << 4;
	tcp[13] = TH_ACK;

	uint64_t sum = checksum_pseudo6(&src->addr, &dst->addr, TCP_HEADER_SIZE, IPPROTO_TCP);
	uint16_t check = checksum_finish(checksum_add(sum, tcp, TCP_HEADER_SIZE));
	memcpy(tcp + 16, &check, sizeof(check));

	out->packet[out->n_packets++] = (struct out_packet){
		.version = 6,
		.is_tcp = true,
		.n_parts = 1,
		.part = {{ip, IP6_HEADER_SIZE + TCP_HEADER_SIZE}},
	};
}
