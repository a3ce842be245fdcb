/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What differs between segments is what the kernel makes different, too: the sequence number; FIN
 * and PSH, which only the last has, and CWR, which only the first has (RFC 3168, 6.1.2); and for
 * IPv4 the Identification, of which the core has reserved as many as there are segments.
 */
#include "daemon/core/cut.h"

#include <string.h>

#include "daemon/core/checksum.h"
#include "daemon/core/minmax.h"

#define TCP_SEQUENCE 4
#define TCP_FLAGS    13
#define TCP_CHECK    16
#define TCP_FIN      0x01
#define TCP_PSH      0x08
#define TCP_CWR      0x80

/* The parts of a packet. */
struct shape {
	uint32_t ip_size;
	uint32_t tcp_size;
	uint32_t payload_size;
};

static struct shape shape_of(const struct out_packet *whole)
{
	const uint32_t ip_size = whole->version == 6 ? IP6_HEADER_SIZE : IP4_HEADER_SIZE;
	const uint32_t tcp_size = (whole->part[0].base[ip_size + 12] >> 4) * 4u;

	return (struct shape){ip_size, tcp_size, whole->part[0].size - ip_size - tcp_size};
}

uint32_t cut_count(const struct out_packet *whole)
{
	uint32_t payload_size;

	if (whole->segment_size == 0)
		return 1;
	payload_size = shape_of(whole).payload_size;
	return max_u32((payload_size + whole->segment_size - 1) / whole->segment_size, 1);
}

static void set_ip4(uint8_t *ip, uint32_t size, uint32_t index)
{
	uint16_t check;

	store_be16(ip + 2, (uint16_t)size);
	store_be16(ip + 4, (uint16_t)(load_be16(ip + 4) + index));
	memset(ip + 10, 0, sizeof(check));
	check = checksum_finish(checksum_add(0, ip, IP4_HEADER_SIZE));
	memcpy(ip + 10, &check, sizeof(check));
}

static void set_tcp(uint8_t *tcp, uint32_t at, bool is_last)
{
	store_be32(tcp + TCP_SEQUENCE, load_be32(tcp + TCP_SEQUENCE) + at);
	if (!is_last)
		tcp[TCP_FLAGS] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
	if (at > 0)
		tcp[TCP_FLAGS] &= (uint8_t)~TCP_CWR;
}

/* Of an IP header, its TCP header and the payload. */
static void set_check(const struct out_packet *segment, const struct shape *shape, uint8_t *header)
{
	const uint32_t tcp_size = shape->tcp_size + segment->part[1].size;
	uint8_t *tcp = header + shape->ip_size;
	struct addr6 src, dst;
	uint64_t sum;
	uint16_t check;

	if (segment->version == 6) {
		memcpy(src.byte, header + 8, sizeof(src.byte));
		memcpy(dst.byte, header + 24, sizeof(dst.byte));
		sum = checksum_pseudo6(&src, &dst, tcp_size, IPPROTO_TCP);
	} else {
		sum = checksum_pseudo4(load_be32(header + 12), load_be32(header + 16),
				       (uint16_t)tcp_size, IPPROTO_TCP);
	}
	memset(tcp + TCP_CHECK, 0, sizeof(check));
	sum = checksum_add(sum, tcp, shape->tcp_size);
	sum = checksum_add(sum, segment->part[1].base, segment->part[1].size);
	check = checksum_finish(sum);
	memcpy(tcp + TCP_CHECK, &check, sizeof(check));
}

void cut_segment(const struct out_packet *whole, uint32_t index, uint8_t *header,
		 struct out_packet *ret)
{
	const struct shape shape = shape_of(whole);
	const uint32_t header_size = shape.ip_size + shape.tcp_size;
	const uint32_t at = index * whole->segment_size;
	uint32_t size = shape.payload_size - at;

	if (whole->segment_size != 0)
		size = min_u32(size, whole->segment_size);
	*ret = *whole;
	ret->unfinished = false;
	ret->segment_size = 0;
	ret->n_parts = 2;
	ret->part[0] = (struct out_part){header, header_size};
	ret->part[1] = (struct out_part){whole->part[0].base + header_size + at, size};
	memcpy(header, whole->part[0].base, header_size);
	set_tcp(header + shape.ip_size, at, at + size == shape.payload_size);
	if (whole->version == 6)
		store_be16(header + 4, (uint16_t)(shape.tcp_size + size));
	else
		set_ip4(header, header_size + size, index);
	set_check(ret, &shape, header);
}
