/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a packet comes in, and where it ends: checked (packet.h), admitted (admission.h), then on
 * its way (forward.h; icmp_transit.h for ICMP errors), and at last answered (answer.h) and counted.
 *
 * A fragment waits until its packet is whole (reassembly.h); the whole then goes the same way.
 */
#include "daemon/core/nat64.h"

#include "daemon/core/admission.h"
#include "daemon/core/answer.h"
#include "daemon/core/forward.h"
#include "daemon/core/icmp_map.h"
#include "daemon/core/icmp_transit.h"
#include "daemon/core/reassembly.h"

static enum outcome receive_6to4(struct passage *passage)
{
	struct nat64 *nat = passage->nat;
	uint32_t peer4;
	int pool6;

	enum outcome outcome = admission_6to4(nat, passage->packet, &pool6, &peer4);
	if (outcome == OUTCOME_TRANSLATED && passage->packet->is_fragment)
		outcome = reassembly_6to4(passage);
	if (outcome != OUTCOME_TRANSLATED)
		return outcome;

	struct packet *packet = passage->packet;
	if (packet->protocol == PROTOCOL_ICMP) {
		const uint8_t *icmp = packet_l4(packet);
		struct icmp_mapped mapped;
		outcome = icmp_map_6to4(icmp[0], icmp[1], load_be32(icmp + 4), &mapped);
		if (outcome != OUTCOME_TRANSLATED)
			return outcome;
	}
	if (packet->is_icmp_error)
		return icmp_transit_6to4(nat, packet, (uint8_t)pool6, passage->out);
	return forward_6to4(passage, (uint8_t)pool6, peer4);
}

static enum outcome pass_4to6(struct passage *passage)
{
	struct nat64 *nat = passage->nat;

	enum outcome outcome = admission_4to6(nat, passage->packet);
	if (outcome == OUTCOME_TRANSLATED && passage->packet->is_fragment)
		outcome = reassembly_4to6(passage);
	if (outcome != OUTCOME_TRANSLATED)
		return outcome;

	struct packet *packet = passage->packet;
	if (packet->protocol == PROTOCOL_ICMP) {
		const uint8_t *icmp = packet_l4(packet);
		struct icmp_mapped mapped;
		outcome = icmp_map_4to6(icmp[0], icmp[1], icmp[4], &mapped);
		if (outcome != OUTCOME_TRANSLATED)
			return outcome;
	}
	if (packet->is_icmp_error)
		return icmp_transit_4to6(nat, packet, passage->out);
	return forward_4to6(passage);
}

static enum outcome receive_4to6(struct passage *passage)
{
	enum outcome outcome = pass_4to6(passage);

	return admission_unbound_4to6(passage->nat, passage->packet, outcome);
}

enum outcome nat64_receive(struct nat64 *nat, struct packet *packet, uint64_t now_ms,
			   struct out *out)
{
	struct passage passage = {
		.nat = nat, .packet = packet, .out = out, .now_ms = now_ms, .size = packet->size};

	packet->trust_inner_checksum = nat->config.trust_inner_checksum;
	enum outcome outcome = packet_parse(packet);
	const bool from6 = packet->version == 6;
	if (outcome != OUTCOME_TRANSLATED)
		outcome = admission_refused(nat, packet, outcome);
	else if (from6)
		outcome = receive_6to4(&passage);
	else
		outcome = receive_4to6(&passage);

	const enum verdict verdict = outcome_info(outcome)->verdict;
	if (outcome_info(outcome)->noted)
		noted_take(passage.packet, &nat->noted[outcome]);
	if (verdict == VERDICT_TRANSLATED)
		nat->counters.bytes[!from6] += passage.size;
	if (verdict == VERDICT_DROP) {
		passage.field.pointer = passage.packet->error_pointer;
		answer_send(nat, passage.packet, outcome, &passage.field, now_ms, out);
	}
	nat->counters.packets[!from6][outcome]++;
	return outcome;
}
