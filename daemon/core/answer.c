/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/answer.h"

#include "daemon/core/policy.h"

/* RFC 7915, 4.4 and 5.4; RFC 5508, REQ-9: the administrator decides of each kind of error (I-31).
 */
static bool wanted(const struct nat64 *nat, enum outcome outcome, const struct icmp_answer *answer)
{
	switch ((enum answering)nat->config.answering[outcome]) {
	case ANSWERING_DEFAULT:
		return answer->sent && (!answer->optional || nat->config.answer_optional);
	case ANSWERING_NO:
		return false;
	case ANSWERING_LIMITED:
	case ANSWERING_UNLIMITED:
		break;
	}
	return answer->sent;
}

/* What is to be told, to whom, and why. */
struct answer {
	const struct packet *packet;
	enum outcome outcome;
	const struct icmp_answer *error;
	const struct answer_field *field;
	uint64_t now_ms;
};

static bool is_unlimited(const struct nat64 *nat, const struct answer *answer)
{
	return nat->config.answering[answer->outcome] == ANSWERING_UNLIMITED;
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

static void answer6(struct nat64 *nat, const struct answer *answer, struct out *out)
{
	const struct addr6 to = packet_src6(answer->packet);
	const uint8_t type = answer->error->type;
	const bool about_size = type == ICMP6_PACKET_TOO_BIG;
	const bool about_header = type == ICMP6_PARAM_PROB;
	struct addr6 from;

	if (policy_pool6_of(nat, &to) >= 0 || addr6_is_illegal_source(&to))
		return;
	if (!nat->world.source6(nat->world.context, &to, &from) || policy_pool6_of(nat, &from) >= 0)
		return; /* I-32 */
	if (!within_limit(
		    nat, true,
		    is_unlimited(nat, answer) ||
			    icmp_limit_allow6(&nat->icmp_limit, &to, about_size, answer->now_ms)))
		return;
	icmp_error6_build(answer->packet, &from, type, answer->error->code,
			  about_size     ? answer->field->mtu
			  : about_header ? answer->field->pointer
					 : 0,
			  out);
}

static void answer4(struct nat64 *nat, const struct answer *answer, struct out *out)
{
	const uint32_t to = packet_src4(answer->packet);
	const uint8_t type = answer->error->type;
	const uint8_t code = answer->error->code;
	const bool about_size = type == ICMP_DEST_UNREACH && code == ICMP_FRAG_NEEDED;
	uint32_t from;

	if (addr4_is_illegal(to))
		return;
	if (!nat->world.source4(nat->world.context, to, &from))
		return;
	if (!within_limit(
		    nat, false,
		    is_unlimited(nat, answer) ||
			    icmp_limit_allow4(&nat->icmp_limit, to, about_size, answer->now_ms)))
		return;
	icmp_error4_build(answer->packet, from, type, code,
			  about_size ? (uint16_t)answer->field->mtu : 0,
			  ip4_id_next(&nat->ip4_ids, from, to, IPPROTO_ICMP), out);
}

const struct icmp_answer *answer_to(const struct nat64 *nat, const struct packet *packet,
				    enum outcome outcome)
{
	const struct outcome_info *info = outcome_info(outcome);
	const struct icmp_answer *error = packet->version == 6 ? &info->answer6 : &info->answer4;

	return wanted(nat, outcome, error) && icmp_error_permitted(packet, error->type, error->code)
		       ? error
		       : NULL;
}

void answer_send(struct nat64 *nat, const struct packet *packet, enum outcome outcome,
		 const struct answer_field *field, uint64_t now_ms, struct out *out)
{
	const struct icmp_answer *error = answer_to(nat, packet, outcome);
	const struct answer answer = {packet, outcome, error, field, now_ms};

	if (!error)
		return;
	if (packet->version == 6)
		answer6(nat, &answer, out);
	else
		answer4(nat, &answer, out);
}

bool answer_too_big(struct nat64 *nat, const struct packet *packet, uint32_t mtu, uint64_t now_ms,
		    struct out *out)
{
	const struct answer_field field = {.mtu = mtu};
	uint32_t before = out->n_packets;

	answer_send(nat, packet, OUTCOME_TOO_BIG, &field, now_ms, out);
	for (uint32_t i = before; i < out->n_packets; i++)
		out->packet[i].is_remark = true;
	return out->n_packets > before;
}

void answer_incomplete(struct nat64 *nat, const struct packet *first, uint64_t now_ms,
		       struct out *out)
{
	static const struct answer_field no_field;

	answer_send(nat, first, OUTCOME_FRAGMENT_STORED, &no_field, now_ms, out);
}

bool answer_stored_syn(struct nat64 *nat, const struct stored_syn *syn, uint64_t now_ms,
		       struct out *out)
{
	static const struct answer_field no_field;
	uint32_t before = out->n_packets;

	/* The arena's copy outlives the store's. */
	struct packet packet = {.data = out_alloc(out, syn->packet_size),
				.size = syn->packet_size,
				.version = 4,
				.ip_protocol = IPPROTO_TCP,
				.protocol = PROTOCOL_TCP};
	memcpy(packet.data, syn->packet, syn->packet_size);
	answer_send(nat, &packet, OUTCOME_SYN_STORED, &no_field, now_ms, out);
	return out->n_packets > before;
}
