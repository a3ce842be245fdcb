/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See question.h. */
#include "dbus/question.h"

#include <stdarg.h>
#include <string.h>

#include "daemon/core/ip_header.h"
#include "daemon/core/rfc6052.h"
#include "dbus/argument.h"
#include "dbus/names.h"
#include "dbus/quote.h"

#define PACKET_SIZE_MAX 65535

/* One end of the packet as it was given. */
struct end {
	bool is6;
	bool has_port;
	struct taddr6 six;
	struct taddr4 four;
};

static bool parse_end(const char *text, struct end *ret)
{
	*ret = (struct end){.has_port = true};
	ret->is6 = taddr6_parse(text, &ret->six);
	if (ret->is6 || taddr4_parse(text, &ret->four))
		return true;
	ret->has_port = false;
	ret->is6 = addr6_parse(text, &ret->six.addr);
	return ret->is6 || addr4_parse(text, &ret->four.addr);
}

static uint16_t port_of(const struct end *end)
{
	return end->is6 ? end->six.port : end->four.port;
}

static int bad_end(const char *text, sd_bus_error *error)
{
	char quoted[QUOTE_SIZE];

	return sd_bus_error_setf(error, DBUS_ERROR_INVALID_ADDRESS,
				 "'%s' is not an address with a port, such as [2001:db8::5]:2000 "
				 "or 192.0.2.2:2000",
				 quote(text, quoted));
}

static int parse_ends(const char *source, const char *destination, const struct prefix6 *pool6,
		      struct question *ret, sd_bus_error *error)
{
	const bool is_echo = ret->protocol == PROTOCOL_ICMP;
	struct end src, dst;

	if (!parse_end(source, &src) || (!is_echo && !src.has_port))
		return bad_end(source, error);
	if (!parse_end(destination, &dst) || (!is_echo && !dst.has_port))
		return bad_end(destination, error);
	if (dst.is6 && !src.is6)
		return sd_bus_error_set(error, DBUS_ERROR_INVALID_ADDRESS,
					"what comes from the IPv4 side is for an IPv4 address");
	ret->from6 = src.is6;
	ret->src6 = src.six.addr;
	ret->src4 = src.four.addr;
	ret->dst4 = dst.four.addr;
	ret->dst6 = src.is6 && !dst.is6 ? rfc6052_embed(pool6, dst.four.addr) : dst.six.addr;
	ret->src_port = port_of(&src);
	ret->dst_port = port_of(&dst);
	if (!is_echo)
		return 0;
	if (!src.has_port && !dst.has_port)
		return sd_bus_error_set(error, DBUS_ERROR_INVALID_ADDRESS,
					"an echo has an identifier: write it as the port of its "
					"source, or of its destination");
	if (src.has_port && dst.has_port && ret->src_port != ret->dst_port)
		return sd_bus_error_setf(error, DBUS_ERROR_INVALID_ADDRESS,
					 "an echo has one identifier, not both %u and %u",
					 ret->src_port, ret->dst_port);
	ret->src_port = ret->dst_port = src.has_port ? ret->src_port : ret->dst_port;
	return 0;
}

static int invalid(sd_bus_error *error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int invalid(sd_bus_error *error, const char *format, ...)
{
	va_list args;
	int r;

	va_start(args, format);
	r = sd_bus_error_setfv(error, DBUS_ERROR_INVALID_VALUE, format, args);
	va_end(args);
	return r;
}

/* "syn", "syn,ack", "fin ack". */
static int parse_flags(const char *text, struct question *ret, sd_bus_error *error)
{
	static const struct {
		const char *name;
		uint8_t bit;
	} flags[] = {{"fin", TH_FIN},  {"syn", TH_SYN}, {"rst", TH_RST},
		     {"psh", TH_PUSH}, {"ack", TH_ACK}, {"urg", TH_URG}};
	const size_t n_flags = sizeof(flags) / sizeof(flags[0]);
	char quoted[QUOTE_SIZE];
	size_t i;

	ret->tcp_flags = text ? 0 : TH_SYN;
	if (text && ret->protocol != PROTOCOL_TCP)
		return invalid(error, "flags are for tcp, not for %s",
			       protocol_name(ret->protocol));
	for (const char *word = text; word && *word != '\0';) {
		size_t length = strcspn(word, ", ");

		for (i = 0; i < n_flags; i++)
			if (strlen(flags[i].name) == length &&
			    strncmp(flags[i].name, word, length) == 0)
				break;
		if (i == n_flags)
			return invalid(error,
				       "flags: '%s' is no list of: fin, syn, rst, psh, ack, "
				       "urg",
				       quote(text, quoted));
		ret->tcp_flags |= flags[i].bit;
		word += length;
		word += strspn(word, ", ");
	}
	return 0;
}

/* 0..255 up to the stop character; where it ends. */
static const char *parse_byte(const char *text, uint8_t *ret)
{
	unsigned value = 0;
	const char *p = text;

	for (; *p >= '0' && *p <= '9' && p - text < 3; p++)
		value = value * 10 + (unsigned)(*p - '0');
	if (p == text || value > UINT8_MAX)
		return NULL;
	*ret = (uint8_t)value;
	return p;
}

/* RFC 4443, 2.1: ICMPv6 errors are those below 128. */
static bool is_icmp_error(const struct question *question)
{
	static const uint8_t errors4[] = {ICMP_DEST_UNREACH, ICMP_SOURCE_QUENCH, ICMP_REDIRECT,
					  ICMP_TIME_EXCEEDED, ICMP_PARAMETERPROB};

	if (question->from6)
		return question->icmp_type < 128;
	return memchr(errors4, question->icmp_type, sizeof(errors4)) != NULL;
}

/* "TYPE/CODE" */
static int parse_icmp(const char *text, struct question *ret, sd_bus_error *error)
{
	char quoted[QUOTE_SIZE];
	const char *p;

	ret->icmp_type = ret->from6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO;
	ret->icmp_code = 0;
	if (!text)
		return 0;
	if (ret->protocol != PROTOCOL_ICMP)
		return invalid(error, "icmp is for icmp, not for %s", protocol_name(ret->protocol));
	p = parse_byte(text, &ret->icmp_type);
	p = p && *p == '/' ? parse_byte(p + 1, &ret->icmp_code) : NULL;
	if (!p || *p != '\0')
		return invalid(error, "icmp: '%s' is not TYPE/CODE, such as 128/0",
			       quote(text, quoted));
	if (is_icmp_error(ret))
		return invalid(error,
			       "icmp: %u/%u is an error about another packet: explain that "
			       "one",
			       ret->icmp_type, ret->icmp_code);
	return 0;
}

static uint32_t headers_size(const struct question *question)
{
	static const uint32_t transport[N_PROTOCOLS] = {TCP_HEADER_SIZE, UDP_HEADER_SIZE,
							ICMP_HEADER_SIZE};

	return (question->from6 ? IP6_HEADER_SIZE : IP4_HEADER_SIZE) +
	       transport[question->protocol];
}

static int parse_numbers(const struct question_options *options, struct question *ret,
			 sd_bus_error *error)
{
	const uint32_t least = headers_size(ret);

	if (options->ttl > UINT8_MAX)
		return invalid(error, "ttl: %u is more than 255", options->ttl);
	if (options->length != 0 && options->length < least)
		return invalid(error, "length: %u is less than the %u bytes of the headers",
			       options->length, least);
	if (options->length > PACKET_SIZE_MAX)
		return invalid(error, "length: %u is more than %u", options->length,
			       PACKET_SIZE_MAX);
	ret->ttl = (uint8_t)options->ttl;
	ret->length = options->length != 0 ? options->length : least;
	return 0;
}

int question_parse(const char *protocol, const char *source, const char *destination,
		   const struct question_options *options, const struct prefix6 *pool6,
		   struct question *ret, sd_bus_error *error)
{
	int r = argument_protocol(protocol, &ret->protocol, error);

	if (r >= 0)
		r = parse_ends(source, destination, pool6, ret, error);
	if (r >= 0)
		r = parse_flags(options->flags, ret, error);
	if (r >= 0)
		r = parse_icmp(options->icmp, ret, error);
	return r < 0 ? r : parse_numbers(options, ret, error);
}

static uint8_t ip_protocol_of(const struct question *question)
{
	static const uint8_t numbers[N_PROTOCOLS] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP};

	return question->from6 && question->protocol == PROTOCOL_ICMP ? IPPROTO_ICMPV6
								      : numbers[question->protocol];
}

/* Its header; where the transport header begins. DF as most senders have it. */
static uint8_t *write_ip(const struct question *question, uint8_t *ip)
{
	const uint32_t header = question->from6 ? IP6_HEADER_SIZE : IP4_HEADER_SIZE;
	const struct ip_fields fields = {.hop_limit = question->ttl,
					 .ip_protocol = ip_protocol_of(question),
					 .dont_fragment = true};

	if (question->from6)
		ip6_header_write(ip, &fields, &question->src6, &question->dst6,
				 question->length - header);
	else
		ip4_header_write(ip, &fields, question->src4, question->dst4,
				 question->length - header);
	return ip + header;
}

static void write_transport(const struct question *question, uint8_t *l4, uint32_t size)
{
	if (question->protocol == PROTOCOL_ICMP) {
		l4[0] = question->icmp_type;
		l4[1] = question->icmp_code;
		store_be16(l4 + 4, question->src_port);
		return;
	}
	store_be16(l4, question->src_port);
	store_be16(l4 + 2, question->dst_port);
	if (question->protocol == PROTOCOL_UDP) {
		store_be16(l4 + 4, (uint16_t)size);
		store_be16(l4 + 6, 0xffff); /* 0 would say that there is none */
		return;
	}
	l4[12] = TCP_HEADER_SIZE / 4 << 4;
	l4[13] = question->tcp_flags;
}

struct packet question_packet(const struct question *question, uint8_t *data)
{
	uint8_t *l4;

	memset(data, 0, question->length);
	l4 = write_ip(question, data);
	write_transport(question, l4, question->length - (uint32_t)(l4 - data));
	return (struct packet){.data = data, .size = question->length};
}
