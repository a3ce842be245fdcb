/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/admission.h"

#include "daemon/core/policy.h"
#include "daemon/core/tuple.h"

/* Where the ports stand, in TCP and in UDP. */
#define SRC_PORT 0
#define DST_PORT 2

/* RFC 6888, REQ-6: is the server's port exempt? Only what came in one piece shows it. at: of
 * the port in the transport header. */
static bool is_exempt_server(const struct nat64 *nat, const struct packet *packet, uint32_t peer4,
			     uint32_t at)
{
	struct taddr4 server;

	if (nat->config.n_exempt_ports == 0 || packet->is_fragment ||
	    packet->protocol == PROTOCOL_ICMP || packet_l4_size(packet) < at + 2)
		return false;
	server = (struct taddr4){peer4, load_be16(packet_l4(packet) + at)};
	return policy_exempt_server(nat, packet->protocol, &server);
}

enum outcome admission_6to4(const struct nat64 *nat, const struct packet *packet, int *ret_pool6,
			    uint32_t *ret_peer4)
{
	struct addr6 src = packet_src6(packet);
	struct addr6 dst = packet_dst6(packet);
	int pool6 = policy_pool6_of(nat, &dst);
	if (pool6 < 0)
		return OUTCOME_NOT_OURS;

	bool embeds = rfc6052_extract(&nat->config.pool6[pool6], &dst, ret_peer4) == RFC6052_OK;
	if (policy_exempt6(nat, &dst) || (embeds && policy_exempt4(nat, *ret_peer4)))
		return OUTCOME_EXEMPT;
	if (policy_pool6_of(nat, &src) >= 0)
		return OUTCOME_SOURCE_IN_POOL6;
	if (addr6_is_illegal_source(&src))
		return OUTCOME_ILLEGAL_SOURCE;
	if (blocklist_covers(&nat->blocklist, &src))
		return OUTCOME_CLIENT_BLOCKED;
	if (!embeds)
		return OUTCOME_BAD_U_OCTET;
	if (policy_nonglobal(nat, (uint8_t)pool6, *ret_peer4))
		return OUTCOME_NONGLOBAL_DESTINATION;
	if (addr4_is_illegal(*ret_peer4))
		return OUTCOME_ILLEGAL_DESTINATION;
	if (is_exempt_server(nat, packet, *ret_peer4, DST_PORT))
		return OUTCOME_EXEMPT;
	*ret_pool6 = pool6;
	return OUTCOME_TRANSLATED;
}

/* A-10; the outer source of an ICMP error may be stranger than others (I-20). */
static bool illegal_source4(const struct packet *packet)
{
	uint32_t src = packet_src4(packet);
	uint32_t top = src >> 24;

	if (packet->is_icmp_error)
		return top == 0 || top == 127 || (top >= 224 && top < 240);
	return addr4_is_illegal(src);
}

static bool is_exempt_4to6(const struct nat64 *nat, const struct packet *packet)
{
	return policy_exempt4(nat, packet_dst4(packet)) || policy_exempt4(nat, packet_src4(packet));
}

enum outcome admission_4to6(const struct nat64 *nat, const struct packet *packet)
{
	if (is_exempt_4to6(nat, packet))
		return OUTCOME_EXEMPT;
	if (illegal_source4(packet))
		return OUTCOME_ILLEGAL_SOURCE;
	return is_exempt_server(nat, packet, packet_src4(packet), SRC_PORT) ? OUTCOME_EXEMPT
									    : OUTCOME_TRANSLATED;
}

/* These are found before any binding is looked at, or without one. */
static bool is_unbound(enum outcome outcome)
{
	static const bool unbound[N_OUTCOMES] = {
		[OUTCOME_UNKNOWN_PROTOCOL] = true,    [OUTCOME_ICMP_UNTRANSLATABLE] = true,
		[OUTCOME_ICMP_INNER_UNUSABLE] = true, [OUTCOME_ICMP_ADDRESS_MISMATCH] = true,
		[OUTCOME_ICMP_NO_BINDING] = true,     [OUTCOME_ILLEGAL_SOURCE] = true,
		[OUTCOME_SOURCE_ROUTE] = true,
	};

	return unbound[outcome];
}

/* A-13, P-23: a packet that no binding wants is the host's on its own addresses, and the kernel's
 * outside pool4; elsewhere it ends as outcome says. */
static enum outcome whose_4to6(const struct nat64 *nat, const struct packet *packet,
			       enum outcome outcome)
{
	uint32_t dst = packet_dst4(packet);

	if (nat->world.own4(nat->world.context, dst))
		return OUTCOME_LEFT_TO_HOST;
	return pool4_has_address(nat->pool4, dst) ? outcome : OUTCOME_NOT_OURS;
}

enum outcome admission_unbound_4to6(const struct nat64 *nat, const struct packet *packet,
				    enum outcome outcome)
{
	return is_unbound(outcome) ? whose_4to6(nat, packet, outcome) : outcome;
}

/* Is there a binding for a packet that was refused for its IPv4 options or its transport header? */
static bool finds_binding4(const struct nat64 *nat, const struct packet *packet)
{
	bool has_tuple = packet->ip_protocol == IPPROTO_TCP || packet->ip_protocol == IPPROTO_UDP ||
			 (packet->ip_protocol == IPPROTO_ICMP && !packet->is_icmp_error);

	if (!has_tuple || packet->fragment_offset != 0 || packet_l4_size(packet) < ICMP_HEADER_SIZE)
		return false;
	const struct tuple4 in = tuple4_of_packet(packet);
	return bib_find4(&nat->bib[in.protocol], &in.dst) != SLAB_NONE;
}

/* X-8, T-37, T-38: nobody is told anything about these. */
static bool is_malformed(enum outcome outcome)
{
	return outcome == OUTCOME_BAD_EXTENSION_HEADERS || outcome == OUTCOME_MALFORMED_TCP ||
	       outcome == OUTCOME_MALFORMED_UDP || outcome == OUTCOME_MALFORMED_ICMP;
}

enum outcome admission_refused(const struct nat64 *nat, const struct packet *packet,
			       enum outcome outcome)
{
	if (outcome == OUTCOME_TRUNCATED || outcome == OUTCOME_MALFORMED_IP4 ||
	    outcome == OUTCOME_MALFORMED_IP6)
		return outcome; /* not even its addresses can be trusted */
	if (packet->version == 6) {
		uint32_t peer4;
		int pool6;
		enum outcome admitted = admission_6to4(nat, packet, &pool6, &peer4);
		bool answered = admitted == OUTCOME_NONGLOBAL_DESTINATION ||
				admitted == OUTCOME_CLIENT_BLOCKED;
		if (answered && is_malformed(outcome))
			return outcome;
		return admitted == OUTCOME_TRANSLATED ? outcome : admitted;
	}
	if (is_exempt_4to6(nat, packet))
		return OUTCOME_EXEMPT;
	if (illegal_source4(packet))
		outcome = OUTCOME_ILLEGAL_SOURCE;
	else if (finds_binding4(nat, packet))
		return outcome; /* the binding's, not the host's, whatever is wrong with it */
	if (is_unbound(outcome) || !pool4_has_address(nat->pool4, packet_dst4(packet)))
		return whose_4to6(nat, packet, outcome);
	return outcome;
}
