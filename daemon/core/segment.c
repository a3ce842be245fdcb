/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See segment.h. What is known of a direction only shrinks while the session lives, also if another
 * connection follows in it: too small does no harm. Before both SYNs are known it grows with the
 * single segments that pass.
 *
 * A way that is narrower than what the sender may use is told to it with the first superpacket, as
 * RFC 7915 asks for a packet that is too big; but the superpacket goes on, in smaller segments. The
 * sender's own may have been smaller already, and then it would only send the same again.
 */
#include "daemon/core/segment.h"

#include "daemon/core/minmax.h"
#include "daemon/core/xlat_transport.h"

static uint32_t mss_of(const struct session *session, bool from6)
{
	const struct session_timing timing = session_timing(session);

	return (from6 ? timing.mss_6to4 : timing.mss_4to6) * 4u;
}

static void set_mss(struct session *session, bool from6, uint32_t mss)
{
	const uint32_t units = min_u32(mss / 4, SESSION_MSS_MAX);

	/* Of what is as it should be nothing is written: see segment_learns(). */
	if (units == mss_of(session, from6) / 4)
		return;
	if (from6)
		session->mss_6to4 = units & SESSION_MSS_MAX;
	else
		session->mss_4to6 = units & SESSION_MSS_MAX;
}

static void lower(struct session *session, bool from6, uint32_t mss)
{
	set_mss(session, from6, min_u32(mss_of(session, from6), max_u32(mss, SEGMENT_MSS_MIN)));
}

static bool knows_both(const struct session *session)
{
	return session->syn_from6 && session->syn_from4;
}

/* What segments of this direction may have, by all that is known. */
static uint32_t bound(const struct session *session, bool from6)
{
	const uint32_t mss = mss_of(session, from6);

	if (knows_both(session))
		return mss;
	return session->syn_from6 || session->syn_from4 ? min_u32(mss, SEGMENT_MSS_UNKNOWN)
							: max_u32(mss, SEGMENT_MSS_UNKNOWN);
}

/* The MSS of a SYN, or what its lack means (RFC 9293, 3.7.1). */
static uint32_t announced(const struct packet *packet)
{
	uint8_t *mss = xlat_find_mss(packet_l4(packet));

	return max_u32(mss ? load_be16(mss) : SEGMENT_MSS_UNKNOWN, SEGMENT_MSS_MIN);
}

/* Neither end sends, or takes, more than it says. */
static void learn_syn(struct session *session, bool from6, uint32_t mss)
{
	const bool is_first = !session->syn_from6 && !session->syn_from4;

	if (is_first) {
		set_mss(session, true, mss);
		set_mss(session, false, mss);
	} else {
		lower(session, true, mss);
		lower(session, false, mss);
	}
	if (from6)
		session->syn_from6 = true;
	else
		session->syn_from4 = true;
}

/* The session that the plan has found, or made; or SLAB_NONE. */
static uint32_t session_of(const struct nat64 *nat, const struct filter_plan *plan)
{
	const struct session_table *sessions = &nat->sessions[plan->protocol];
	uint32_t index = plan->session;

	if (index == SLAB_NONE) {
		const uint32_t binding = bib_find4(&nat->bib[plan->protocol], &plan->mapped);
		if (binding != SLAB_NONE)
			index = session_find(sessions, binding, &plan->peer);
	}
	return index;
}

/* What has been learnt in a copy of it. */
static void keep(struct nat64 *nat, uint32_t index, const struct session *learnt)
{
	session_set_segments(&nat->sessions[PROTOCOL_TCP], index, session_segments(learnt));
}

static void lower_session(struct nat64 *nat, uint32_t index, bool from6, uint32_t mss)
{
	struct session session = *session_at(&nat->sessions[PROTOCOL_TCP], index);

	lower(&session, from6, mss);
	keep(nat, index, &session);
}

/* What a direction without SYNs knows after this segment. */
static uint32_t grown(const struct session *session, bool from6, const struct packet *packet)
{
	return max_u32(mss_of(session, from6), packet_l4_size(packet) - TCP_HEADER_SIZE);
}

/* Does it know more then than before? */
static bool grows(const struct session *session, bool from6, const struct packet *packet)
{
	return !packet->superpacket && !session->syn_from6 && !session->syn_from4 &&
	       min_u32(grown(session, from6, packet) / 4, SESSION_MSS_MAX) !=
		       mss_of(session, from6) / 4;
}

bool segment_learns(const struct nat64 *nat, const struct filter_plan *plan,
		    const struct packet *packet, uint32_t header_size, uint32_t limit)
{
	const uint32_t headers_size = header_size + TCP_HEADER_SIZE;
	const struct session *session;

	if (packet->protocol != PROTOCOL_TCP)
		return false;
	session = session_at(&nat->sessions[PROTOCOL_TCP], plan->session);
	if (packet_tcp_flags(packet) & TH_SYN)
		return true;
	if (packet->superpacket)
		return bound(session, plan->from6) >
		       max_u32(max_u32(limit, headers_size) - headers_size, SEGMENT_MSS_MIN);
	return grows(session, plan->from6, packet);
}

void segment_learn(struct nat64 *nat, const struct filter_plan *plan, const struct packet *packet)
{
	struct session session;

	if (packet->protocol != PROTOCOL_TCP)
		return;
	const bool is_syn = (packet_tcp_flags(packet) & TH_SYN) != 0;
	const uint32_t index = session_of(nat, plan);
	if (index == SLAB_NONE)
		return;
	const struct session *known = session_at(&nat->sessions[PROTOCOL_TCP], index);
	if (!is_syn && !grows(known, plan->from6, packet))
		return;
	session = *known;
	if (is_syn)
		learn_syn(&session, plan->from6, announced(packet));
	else
		set_mss(&session, plan->from6, grown(&session, plan->from6, packet));
	keep(nat, index, &session);
}

/* tuple: (T,t) and (Z,z) of a session, in this order. */
static void learn_mtu(struct nat64 *nat, const struct taddr4 *mapped, const struct taddr4 *peer,
		      bool from6, uint32_t mss)
{
	const uint32_t binding = bib_find4(&nat->bib[PROTOCOL_TCP], mapped);
	uint32_t session;

	if (binding == SLAB_NONE)
		return;
	session = session_find(&nat->sessions[PROTOCOL_TCP], binding, peer);
	if (session != SLAB_NONE)
		lower_session(nat, session, from6, mss);
}

void segment_error_6to4(struct nat64 *nat, const struct tuple4 *tuple, uint32_t mtu)
{
	if (tuple->protocol == PROTOCOL_TCP)
		learn_mtu(nat, &tuple->src, &tuple->dst, false,
			  max_u32(mtu, IP6_MTU_MIN) - IP6_HEADER_SIZE - TCP_HEADER_SIZE);
}

void segment_error_4to6(struct nat64 *nat, const struct tuple4 *tuple, uint32_t mtu)
{
	const uint32_t headers_size = IP4_HEADER_SIZE + TCP_HEADER_SIZE;

	if (tuple->protocol == PROTOCOL_TCP)
		learn_mtu(nat, &tuple->dst, &tuple->src, true,
			  max_u32(mtu, headers_size) - headers_size);
}

/* Has its sender been told, and can it do anything about it? */
static bool tell(struct passage *passage, uint32_t mtu)
{
	if (passage->packet->version == 4 && !passage->packet->dont_fragment)
		return false;
	return answer_too_big(passage->nat, passage->packet, mtu, passage->now_ms, passage->out);
}

/* What segments may have, by the session and the way. */
static uint32_t choose_mss(struct passage *passage, const struct filter_plan *plan, uint32_t room,
			   uint32_t mtu)
{
	const uint32_t index = session_of(passage->nat, plan);
	uint32_t mss = SEGMENT_MSS_UNKNOWN;

	if (index != SLAB_NONE)
		mss = bound(session_at(&passage->nat->sessions[PROTOCOL_TCP], index), plan->from6);

	room = max_u32(room, SEGMENT_MSS_MIN);
	if (mss > room) {
		if (tell(passage, mtu) && index != SLAB_NONE)
			lower_session(passage->nat, index, plan->from6, room);
		mss = room;
	}
	return max_u32(mss, SEGMENT_MSS_MIN);
}

static uint32_t tcp_header_size(const struct packet *packet)
{
	return (packet_l4(packet)[12] >> 4) * 4u;
}

void segment_cut(struct passage *passage, const struct filter_plan *plan, uint32_t header_size,
		 uint32_t limit, uint32_t mtu)
{
	const uint32_t headers_size = header_size + TCP_HEADER_SIZE;
	struct packet *packet = passage->packet;

	if (!packet->superpacket)
		return;
	const uint32_t mss =
		choose_mss(passage, plan, max_u32(limit, headers_size) - headers_size, mtu);
	const uint32_t tcp_size = tcp_header_size(packet);
	const uint32_t segment_size = mss - (tcp_size - TCP_HEADER_SIZE);
	if (packet_l4_size(packet) - tcp_size > segment_size)
		packet->segment_size = (uint16_t)segment_size;
}

uint16_t segment_count(const struct packet *packet)
{
	uint32_t payload_size;

	if (packet->segment_size == 0)
		return 1;
	payload_size = packet_l4_size(packet) - tcp_header_size(packet);
	return (uint16_t)((payload_size + packet->segment_size - 1) / packet->segment_size);
}
