/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/answer.h"

#include "daemon/core/policy.h"

static bool wanted(const struct nat64 *nat, const struct icmp_answer *answer)
{
	return answer->sent && (!answer->optional || nat->config.answer_optional);
}

/* Counts, too. */
static bool within_limit(struct nat64 *nat, bool to6, bool allowed)
{
	if (allowed)
		nat->counters.icmp_errors_sent[!to6]++;
	else
		nat->counters.icmp_errors_limited[!to6]++;
	return allowed;
}

static void answer6(struct nat64 *nat, const struct packet *packet,
		    const struct icmp_answer *answer, const struct answer_field *field,
		    uint64_t now_ms, struct out *out)
{
	const struct addr6 to = packet_src6(packet);
	bool about_size = answer->type == ICMP6_PACKET_TOO_BIG;
	bool about_header = answer->type == ICMP6_PARAM_PROB;
	struct addr6 from;

	if (policy_pool6_of(nat, &to) >= 0 || addr6_is_illegal_source(&to))
		return;
	if (!nat->world.source6(nat->world.context, &to, &from))
		return;
	if (!within_limit(nat, true, icmp_limit_allow6(&nat->icmp_limit, &to, about_size, now_ms)))
		return;
	icmp_error6_build(packet, &from, answer->type, answer->code,
			  about_size     ? field->mtu
			  : about_header ? field->pointer
					 : 0,
			  out);
}

static void answer4(struct nat64 *nat, const struct packet *packet,
		    const struct icmp_answer *answer, const struct answer_field *field,
		    uint64_t now_ms, struct out *out)
{
	uint32_t to = packet_src4(packet);
	bool about_size = answer->type == ICMP_DEST_UNREACH && answer->code == ICMP_FRAG_NEEDED;
	uint32_t from;

	if (addr4_is_illegal(to))
		return;
	if (!nat->world.source4(nat->world.context, to, &from))
		return;
	if (!within_limit(nat, false, icmp_limit_allow4(&nat->icmp_limit, to, about_size, now_ms)))
		return;
	icmp_error4_build(packet, from, answer->type, answer->code,
			  about_size ? (uint16_t)field->mtu : 0,
			  ip4_id_next(&nat->ip4_ids, from, to, IPPROTO_ICMP), out);
}

void answer_send(struct nat64 *nat, const struct packet *packet, enum outcome outcome,
		 const struct answer_field *field, uint64_t now_ms, struct out *out)
{
	const struct outcome_info *info = outcome_info(outcome);
	const struct icmp_answer *answer = packet->version == 6 ? &info->answer6 : &info->answer4;

	if (!wanted(nat, answer) || !icmp_error_permitted(packet, answer->type, answer->code))
		return;
	if (packet->version == 6)
		answer6(nat, packet, answer, field, now_ms, out);
	else
		answer4(nat, packet, answer, field, now_ms, out);
}

void answer_incomplete(struct nat64 *nat, const struct packet *first, uint64_t now_ms,
		       struct out *out)
{
	static const struct icmp_answer over6 = {.sent = true,
						 .optional = true,
						 .type = ICMP6_TIME_EXCEEDED,
						 .code = ICMP6_TIME_EXCEED_REASSEMBLY};
	static const struct icmp_answer over4 = {.sent = true,
						 .optional = true,
						 .type = ICMP_TIME_EXCEEDED,
						 .code = ICMP_EXC_FRAGTIME};
	static const struct answer_field no_field;
	const struct icmp_answer *answer = first->version == 6 ? &over6 : &over4;

	if (!wanted(nat, answer) || !icmp_error_permitted(first, answer->type, answer->code))
		return;
	if (first->version == 6)
		answer6(nat, first, answer, &no_field, now_ms, out);
	else
		answer4(nat, first, answer, &no_field, now_ms, out);
}

bool answer_stored_syn(struct nat64 *nat, const struct stored_syn *syn, uint64_t now_ms,
		       struct out *out)
{
	static const struct icmp_answer port_unreachable = {
		.sent = true, .type = ICMP_DEST_UNREACH, .code = ICMP_PORT_UNREACH};
	static const struct answer_field no_field;
	uint32_t before = out->n_packets;

	/* The arena's copy outlives the store's. */
	struct packet packet = {.data = out_alloc(out, syn->packet_size),
				.size = syn->packet_size,
				.version = 4,
				.ip_protocol = IPPROTO_TCP,
				.protocol = PROTOCOL_TCP};
	memcpy(packet.data, syn->packet, syn->packet_size);
	answer4(nat, &packet, &port_unreachable, &no_field, now_ms, out);
	return out->n_packets > before;
}
