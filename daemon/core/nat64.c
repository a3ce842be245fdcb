/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a packet comes in, and where it ends: checked (packet.h), admitted (admission.h), then on
 * its way (forward.h; icmp_transit.h for ICMP errors), and at last answered (answer.h) and counted.
 *
 * A fragment waits until its packet is whole (reassembly.h); the whole then goes the same way.
 * Whoever only asks goes that way too, as far as it is decided and before it is done.
 */
#include "daemon/core/nat64.h"

#include <assert.h>

#include "daemon/core/admission.h"
#include "daemon/core/answer.h"
#include "daemon/core/forward.h"
#include "daemon/core/icmp_map.h"
#include "daemon/core/icmp_transit.h"
#include "daemon/core/policy.h"
#include "daemon/core/reassembly.h"

/* Whose is it, and may it be? What admission has found out of its destination is decided. */
static enum outcome admit(const struct nat64 *nat, const struct packet *packet,
			  struct decision *decision)
{
	return packet->version == 6
		       ? admission_6to4(nat, packet, &decision->pool6, &decision->peer4)
		       : admission_4to6(nat, packet);
}

static enum outcome reassemble(struct passage *passage)
{
	return passage->packet->version == 6 ? reassembly_6to4(passage) : reassembly_4to6(passage);
}

/* Has its ICMP message a counterpart? */
static enum outcome has_counterpart(const struct packet *packet)
{
	const uint8_t *icmp = packet_l4(packet);
	struct icmp_mapped mapped;

	if (packet->protocol != PROTOCOL_ICMP)
		return OUTCOME_TRANSLATED;
	return packet->version == 6 ? icmp_map_6to4(icmp[0], icmp[1], load_be32(icmp + 4), &mapped)
				    : icmp_map_4to6(icmp[0], icmp[1], icmp[4], &mapped);
}

/* What becomes of a packet that is whole and no ICMP error. */
static enum outcome decide(const struct nat64 *nat, struct packet *packet, uint64_t now_ms,
			   struct decision *decision)
{
	return packet->version == 6 ? forward_decide_6to4(nat, packet, now_ms, decision)
				    : forward_decide_4to6(nat, packet, now_ms, decision);
}

static enum outcome transit(struct passage *passage, const struct decision *decision)
{
	struct nat64 *nat = passage->nat;

	return passage->packet->version == 6
		       ? icmp_transit_6to4(nat, passage->packet, (uint8_t)decision->pool6,
					   passage->out)
		       : icmp_transit_4to6(nat, passage->packet, passage->out);
}

/* To whoever traces packets: what was decided, or what became of it before that. */
static void trace(struct passage *passage, const struct noted_packet *seen,
		  const struct decision *decision, enum outcome outcome)
{
	const struct watch *watch = &passage->nat->watch;

	passage->traced = true;
	watch->trace(watch->trace_context, &(struct watch_packet){
						   .nat = passage->nat,
						   .packet = passage->packet,
						   .seen = seen,
						   .decision = decision,
						   .outcome = outcome,
						   .now_ms = passage->now_ms,
					   });
}

/* Before anything is done, which is when nat64_explain() would answer. */
static void trace_decided(struct passage *passage, const struct decision *decision,
			  enum outcome outcome)
{
	struct noted_packet seen;

	noted_take(passage->packet, &seen);
	if (passage->packet->version == 4)
		outcome = admission_unbound_4to6(passage->nat, passage->packet, outcome);
	trace(passage, &seen, decision, outcome);
}

static enum outcome go(struct passage *passage, struct decision *decision)
{
	const bool is_light = decision->known_only;
	struct nat64 *nat = passage->nat;

	enum outcome outcome = admit(nat, passage->packet, decision);
	if (is_light && (passage->packet->is_fragment || passage->packet->is_icmp_error))
		return FILTER_UNDECIDED;
	if (outcome == OUTCOME_TRANSLATED && passage->packet->is_fragment)
		outcome = reassemble(passage);
	if (outcome == OUTCOME_TRANSLATED)
		outcome = has_counterpart(passage->packet);
	if (outcome != OUTCOME_TRANSLATED)
		return outcome;
	if (passage->packet->is_icmp_error)
		return transit(passage, decision);

	const bool from6 = passage->packet->version == 6;
	outcome = decide(nat, passage->packet, passage->now_ms, decision);
	if (is_light && !forward_is_light(nat, passage->packet, decision, outcome))
		return FILTER_UNDECIDED;
	if (nat->watch.trace)
		trace_decided(passage, decision, outcome);
	return from6 ? forward_6to4(passage, decision, outcome)
		     : forward_4to6(passage, decision, outcome);
}

static enum outcome pass(struct passage *passage, struct decision *decision)
{
	const bool from6 = passage->packet->version == 6;

	enum outcome outcome = go(passage, decision);
	return from6 || outcome == FILTER_UNDECIDED
		       ? outcome
		       : admission_unbound_4to6(passage->nat, passage->packet, outcome);
}

/* Nobody has asked anything yet; the plans are written when somebody does. */
static void decision_init(struct decision *decision)
{
	decision->known_only = false;
	decision->pool6 = -1;
	decision->peer4 = 0;
	decision->hairpinned = false;
	decision->has_plan = false;
	decision->goes_out = false;
	decision->has_back = false;
	decision->has_route = false;
	decision->mtu = 0;
}

enum outcome nat64_explain(const struct nat64 *nat, struct packet *packet, uint64_t now_ms,
			   struct decision *ret)
{
	decision_init(ret);
	enum outcome outcome = packet_parse(packet);
	if (outcome != OUTCOME_TRANSLATED)
		return admission_refused(nat, packet, outcome);
	assert(!packet->is_fragment && !packet->is_icmp_error);

	outcome = admit(nat, packet, ret);
	if (outcome == OUTCOME_TRANSLATED)
		outcome = has_counterpart(packet);
	if (outcome == OUTCOME_TRANSLATED)
		outcome = decide(nat, packet, now_ms, ret);
	return packet->version == 6 ? outcome : admission_unbound_4to6(nat, packet, outcome);
}

/* What nobody has been told of yet, as it came in. */
static void watch_end(struct passage *passage, const struct noted_packet *seen,
		      const struct decision *decision, enum outcome outcome)
{
	struct nat64 *nat = passage->nat;
	struct watch_drop drop = {.time_ms = passage->now_ms, .outcome = outcome};

	if (nat->watch.trace && !passage->traced)
		trace(passage, seen, decision, outcome);
	if (!(nat->watch.wanted & WATCH_DROPS) || outcome_info(outcome)->verdict != VERDICT_DROP)
		return;
	noted_take(passage->packet, &drop.packet);
	/* The decision knows it only of packets that were admitted. */
	const int pool6 = policy_pool6_of(nat, &drop.packet.dst6);
	drop.has_peer4 = drop.packet.version == 6 && pool6 >= 0 &&
			 rfc6052_extract(&nat->config.pool6[pool6], &drop.packet.dst6,
					 &drop.peer4) == RFC6052_OK;
	watch_drop(&nat->watch, &drop);
}

enum outcome nat64_receive(struct nat64 *nat, struct packet *packet, uint64_t now_ms,
			   struct out *out)
{
	struct passage passage = {.nat = nat,
				  .packet = packet,
				  .out = out,
				  .random = &nat->random,
				  .now_ms = now_ms,
				  .size = packet->size};
	struct decision decision;

	decision_init(&decision);
	packet->trust_inner_checksum = nat->config.trust_inner_checksum;
	enum outcome outcome = packet_parse(packet);
	const bool from6 = packet->version == 6;
	struct noted_packet seen;

	const uint32_t first = out->n_packets;

	seen.version = 0;
	if (nat->watch.trace)
		noted_take(packet, &seen);
	if (nat->watch.bytes)
		watch_keep(&nat->watch, packet->data, packet->size);
	if (outcome != OUTCOME_TRANSLATED)
		outcome = admission_refused(nat, packet, outcome);
	else
		outcome = pass(&passage, &decision);
	if (nat->watch.trace || nat->watch.wanted)
		watch_end(&passage, &seen, &decision, outcome);

	const enum verdict verdict = outcome_info(outcome)->verdict;
	if (outcome_info(outcome)->noted)
		noted_take(passage.packet, &nat->noted[outcome]);
	if (verdict == VERDICT_TRANSLATED)
		nat->counters.bytes[!from6] += passage.size;
	if (verdict == VERDICT_DROP) {
		passage.field.pointer = passage.packet->error_pointer;
		answer_send(nat, passage.packet, outcome, &passage.field, now_ms, out);
	}
	if (nat->watch.bytes)
		watch_tell(&nat->watch, out, first);
	nat->counters.packets[!from6][outcome]++;
	return outcome;
}

/* Is there more to do than to count it? */
static bool ends_light(const struct nat64 *nat, const struct packet *packet, enum outcome outcome)
{
	if (outcome == FILTER_UNDECIDED || outcome_info(outcome)->noted)
		return false;
	return outcome_info(outcome)->verdict != VERDICT_DROP || !answer_to(nat, packet, outcome);
}

bool nat64_receive_light(struct nat64 *nat, struct nat64_lane *lane, struct packet *packet,
			 uint64_t now_ms, struct out *out, enum outcome *ret)
{
	const bool was_reassembled = packet->reassembled;
	struct passage passage = {.nat = nat,
				  .packet = packet,
				  .out = out,
				  .random = &lane->random,
				  .now_ms = now_ms,
				  .size = packet->size};
	struct decision decision;

	if (nat->watch.trace || nat->watch.wanted || nat->watch.bytes)
		return false; /* whoever looks on is told in one order */
	decision_init(&decision);
	decision.known_only = true;
	packet->trust_inner_checksum = nat->config.trust_inner_checksum;
	enum outcome outcome = packet_parse(packet);
	const bool from6 = packet->version == 6;
	outcome = outcome == OUTCOME_TRANSLATED ? pass(&passage, &decision)
						: admission_refused(nat, packet, outcome);
	if (!ends_light(nat, packet, outcome)) {
		packet->size = passage.size;
		packet->reassembled = was_reassembled;
		return false;
	}
	if (outcome_info(outcome)->verdict == VERDICT_TRANSLATED)
		lane->bytes[!from6] += passage.size;
	lane->packets[!from6][outcome]++;
	*ret = outcome;
	return true;
}
