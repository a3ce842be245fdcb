/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/reassembly.h"

/* L-4: too many wait, of all or of one source. */
static void tell_full(struct nat64 *nat, enum outcome outcome, uint64_t now_ms)
{
	if (outcome != OUTCOME_FRAGMENT_MEMORY && outcome != OUTCOME_FRAGMENT_SHARE)
		return;
	(void)event_push_limited(&nat->events, &(struct event){
						       .kind = EVENT_QUOTA_FRAGMENTS,
						       .protocol = N_PROTOCOLS,
						       .outcome = outcome,
						       .value = nat->fragments.queues.n_used,
						       .time_ms = now_ms,
					       });
}

/* Hands the fragment to the table, and goes on with the whole if it is complete. */
static enum outcome add(struct passage *passage)
{
	enum outcome outcome = fragment_judge(passage->packet);
	if (outcome == OUTCOME_TRANSLATED)
		outcome = fragment_add(&passage->nat->fragments, passage->packet, passage->now_ms,
				       passage->out, &passage->whole);
	if (outcome != OUTCOME_TRANSLATED) {
		tell_full(passage->nat, outcome, passage->now_ms);
		return outcome;
	}
	passage->packet = &passage->whole;
	passage->size = passage->whole.size;
	passage->whole.trust_inner_checksum = passage->nat->config.trust_inner_checksum;
	return packet_parse(passage->packet);
}

enum outcome reassembly_6to4(struct passage *passage)
{
	return add(passage);
}

/* Does a first fragment belong to a binding? A SYN that would be kept (S-25) has none, and no
 * sender cuts it. */
static bool is_bound(const struct nat64 *nat, const struct packet *packet)
{
	struct inner_packet inner;
	struct tuple4 in;

	if (!packet->is_icmp_error) {
		in = tuple4_of_packet(packet);
	} else {
		if (packet_parse_inner(packet, &inner) != OUTCOME_TRANSLATED)
			return false;
		in = tuple4_of_inner(&inner);
	}
	return bib_find4(&nat->bib[in.protocol], &in.dst) != SLAB_NONE;
}

enum outcome reassembly_4to6(struct passage *passage)
{
	struct nat64 *nat = passage->nat;
	const struct packet *packet = passage->packet;
	const uint32_t dst = packet_dst4(packet);
	const bool is_own = nat->world.own4(nat->world.context, dst);
	const bool is_pool4 = pool4_has_address(nat->pool4, dst);

	if (!is_own && !is_pool4)
		return OUTCOME_NOT_OURS;
	if (is_own && packet->fragment_offset == 0 && !is_bound(nat, packet)) {
		fragment_leave_to_host(&nat->fragments, packet, passage->now_ms);
		return OUTCOME_LEFT_TO_HOST;
	}
	/* Ports are unknown: outside pool4, where only static bindings are, the host is likelier.
	 */
	if (!is_pool4 && packet->fragment_offset != 0 &&
	    !fragment_is_known(&nat->fragments, packet))
		return OUTCOME_LEFT_TO_HOST;
	return add(passage);
}

void reassembly_expire(struct nat64 *nat, uint64_t now_ms, unsigned *budget, struct out *out)
{
	struct fragment_table *table = &nat->fragments;
	struct packet first;
	uint32_t index;

	while (*budget && out_has_room(out) &&
	       (index = fragment_expired(table, now_ms)) != SLAB_NONE) {
		const struct fragment_queue *queue = fragment_at(table, index);
		const unsigned work = 1u + queue->n_pieces;

		if (queue->state == FRAGMENT_WAITING)
			nat->counters.fragments_expired++;
		if (fragment_first(table, index, out, &first))
			answer_incomplete(nat, &first, now_ms, out);
		fragment_remove(table, index);
		*budget -= work < *budget ? work : *budget;
	}
}
