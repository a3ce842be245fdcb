/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See explain.h. */
#include "dbus/explain.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "daemon/core/answer.h"
#include "daemon/core/policy.h"
#include "daemon/core/quota.h"

/* What all steps look at. */
struct view {
	const struct nat64 *nat;
	const struct packet *packet;
	const struct decision *decision;
	enum outcome outcome;
	uint64_t now_ms;
	struct explanation *ret;
};

__attribute__((format(printf, 3, 4))) static void add(struct view *view, const char *name,
						      const char *format, ...)
{
	struct explain_step *step = &view->ret->step[view->ret->n_steps++];
	va_list args;

	assert(view->ret->n_steps <= EXPLAIN_STEPS_MAX);
	step->name = name;
	va_start(args, format);
	(void)vsnprintf(step->text, sizeof(step->text), format, args);
	va_end(args);
}

/* " of 2048", or nothing without a limit. */
#define LIMIT_SIZE 32
static const char *limit_text(uint64_t limit, char ret[LIMIT_SIZE])
{
	ret[0] = '\0';
	if (limit > 0)
		(void)snprintf(ret, LIMIT_SIZE, " of %" PRIu64, limit);
	return ret;
}

static bool is_from6(const struct view *view)
{
	return view->packet->version == 6;
}

/* Is it known which client it is about? */
static bool knows_client(const struct view *view)
{
	return view->decision->has_plan &&
	       (view->decision->plan.from6 || view->decision->plan.binding != SLAB_NONE);
}

static void explain_prefix(struct view *view)
{
	const struct decision *decision = view->decision;
	char prefix[ADDR_TEXT_SIZE], peer[ADDR_TEXT_SIZE];

	if (!is_from6(view) || decision->pool6 < 0)
		return;
	add(view, "prefix", "%s embeds %s%s",
	    prefix6_print(policy_pool6(view->nat, (uint8_t)decision->pool6), prefix),
	    addr4_print(decision->peer4, peer),
	    decision->hairpinned ? ", which is ours: it comes back" : "");
}

static void explain_client(struct view *view)
{
	const struct filter_plan *plan = &view->decision->plan;
	const uint8_t length = view->nat->clients.prefix_length;
	char address[ADDR_TEXT_SIZE], client[ADDR_TEXT_SIZE];
	char limit[3][LIMIT_SIZE];
	struct prefix6 prefix;
	struct quota_use use;

	if (!knows_client(view))
		return;
	quota_use(view->nat, plan->protocol, &plan->client.addr, plan->pool6, &use);
	prefix = (struct prefix6){addr6_mask(&plan->client.addr, length), length};
	add(view, "client",
	    "%s bindings of %s: %" PRIu64 "%s; of client %s: %" PRIu64 "%s, and sessions: %" PRIu64
	    "%s",
	    protocol_name(plan->protocol), addr6_print(&plan->client.addr, address),
	    use.address_bindings, limit_text(use.address_limit, limit[0]),
	    prefix6_print(&prefix, client), use.client_bindings,
	    limit_text(use.client_limit, limit[1]), use.sessions,
	    limit_text(use.session_limit, limit[2]));
}

static const char *route_problem(const struct route_answer *route)
{
	switch (route->state) {
	case ROUTE_OK:
		break;
	case ROUTE_NONE:
		return "there is none";
	case ROUTE_NEXT_HOP_DEAD:
		return "its next hop does not answer, or the link is down";
	}
	return NULL;
}

static void explain_route(struct view *view)
{
	const struct decision *decision = view->decision;
	const struct filter_plan *plan = decision->has_back ? &decision->back : &decision->plan;
	char to[ADDR_TEXT_SIZE];
	const char *problem;

	if (!decision->has_route)
		return;
	if (is_from6(view) && !decision->hairpinned)
		addr4_print(decision->peer4, to);
	else
		addr6_print(&plan->client.addr, to);
	problem = route_problem(&decision->route);
	if (problem)
		add(view, "route", "to %s: %s", to, problem);
	else
		add(view, "route", "to %s: MTU %" PRIu32, to, decision->route.mtu);
}

/* The binding that a plan has found, or that there is none yet. */
static void explain_binding(struct view *view, const char *name, const struct filter_plan *plan)
{
	const struct bib *bib = &view->nat->bib[plan->protocol];
	char client[ADDR_TEXT_SIZE], mapped[ADDR_TEXT_SIZE];
	const struct bib_entry *entry;

	if (plan->binding == SLAB_NONE) {
		add(view, name, "%s has none%s",
		    plan->from6 ? taddr6_print(&plan->client, client)
				: taddr4_print(&plan->mapped, mapped),
		    plan->from6 ? " yet" : "");
		return;
	}
	entry = bib_at(bib, plan->binding);
	add(view, name, "%s is %s, %s, with %" PRIu32 " session%s",
	    taddr6_print(&plan->client, client), taddr4_print(&plan->mapped, mapped),
	    entry->is_static ? "static" : "dynamic", entry->n_sessions,
	    entry->n_sessions == 1 ? "" : "s");
}

static void explain_pool4(struct view *view)
{
	const struct filter_plan *plan = &view->decision->plan;
	const struct pool4_offer *offer = &plan->make.offer;
	const struct pool4_entry *entry = offer->port.entry;
	char mapped[ADDR_TEXT_SIZE];

	if (!view->decision->has_plan || !plan->from6 || plan->binding != SLAB_NONE)
		return;
	if (view->outcome == OUTCOME_POOL4_EXHAUSTED)
		add(view, "pool4", "entry %s has no port left", entry ? entry->spec.name : "?");
	if (!view->decision->goes_out)
		return;
	taddr4_print(&plan->mapped, mapped);
	if (plan->make.is_exact)
		add(view, "pool4", "%s, to which a SYN of the same peer was sent", mapped);
	else
		add(view, "pool4", "entry %s gives %s%s%s", entry->spec.name, mapped,
		    offer->has_new_block ? ", out of a new block" : "",
		    offer->port.of_others ? ", which was held for another client" : "");
}

/* " (tcp state)", for TCP. */
static const char *state_text(const struct filter_plan *plan, uint8_t state, char *ret, size_t size)
{
	ret[0] = '\0';
	if (plan->protocol == PROTOCOL_TCP)
		(void)snprintf(ret, size, " (%s)", tcp_fsm_state_name(state));
	return ret;
}

static void explain_session(struct view *view, const char *name, const struct filter_plan *plan)
{
	const struct session_table *sessions = &view->nat->sessions[plan->protocol];
	char peer[ADDR_TEXT_SIZE], before[32], after[32];
	const uint64_t left_s =
		plan->expires_ms > view->now_ms ? (plan->expires_ms - view->now_ms) / 1000 : 0;

	taddr4_print(&plan->peer, peer);
	state_text(plan, plan->state, after, sizeof(after));
	if (plan->session != SLAB_NONE)
		state_text(plan, session_at(sessions, plan->session)->state, before,
			   sizeof(before));
	switch (plan->change) {
	case FILTER_ADDS:
		add(view, name, "with %s, new%s, for %" PRIu64 " s", peer, after, left_s);
		break;
	case FILTER_SETS:
		add(view, name, "with %s%s, %s%s for %" PRIu64 " s", peer, before,
		    *after ? "becomes" : "refreshed", after, left_s);
		break;
	case FILTER_KEEPS:
		if (plan->session == SLAB_NONE)
			add(view, name, "with %s: there is none, and none is made", peer);
		else
			add(view, name, "with %s%s, goes on for %" PRIu64 " s", peer, after,
			    left_s);
		break;
	}
}

static void explain_tables(struct view *view)
{
	const struct decision *decision = view->decision;

	if (!decision->has_plan)
		return;
	explain_binding(view, "binding", &decision->plan);
	explain_pool4(view);
	if (decision->goes_out)
		explain_session(view, "session", &decision->plan);
	if (!decision->has_back)
		return;
	explain_binding(view, "return-binding", &decision->back);
	if (view->outcome == OUTCOME_HAIRPINNED)
		explain_session(view, "return-session", &decision->back);
}

static void explain_sent(struct view *view)
{
	const struct decision *decision = view->decision;
	char src[ADDR_TEXT_SIZE], dst[ADDR_TEXT_SIZE];

	if (outcome_info(view->outcome)->verdict != VERDICT_TRANSLATED)
		return;
	if (is_from6(view) && !decision->hairpinned) {
		const struct tuple4 to = filter_tuple4(&decision->plan);
		taddr4_print(&to.src, src);
		taddr4_print(&to.dst, dst);
	} else {
		const struct tuple6 to = filter_tuple6(
			view->nat, decision->has_back ? &decision->back : &decision->plan);
		taddr6_print(&to.src, src);
		taddr6_print(&to.dst, dst);
	}
	add(view, "sent", "from %s to %s, %" PRIu32 " bytes at most in one piece", src, dst,
	    decision->limit);
}

static void explain_outcome(struct view *view)
{
	const struct icmp_answer *answer = answer_to(view->nat, view->packet, view->outcome);
	const char *remedy = explain_remedy(view->outcome);

	add(view, "outcome", "%s", outcome_info(view->outcome)->sentence);
	if (answer && outcome_info(view->outcome)->verdict == VERDICT_DROP)
		add(view, "answer",
		    "ICMPv%d error %u/%u to its sender, as far as Limits.ICMPErrorRate "
		    "permits",
		    is_from6(view) ? 6 : 4, answer->type, answer->code);
	if (remedy)
		add(view, "remedy", "%s", remedy);
}

void explain_decision(const struct nat64 *nat, const struct packet *packet,
		      const struct decision *decision, enum outcome outcome, uint64_t now_ms,
		      struct explanation *ret)
{
	struct view view = {nat, packet, decision, outcome, now_ms, ret};

	ret->n_steps = 0;
	explain_prefix(&view);
	explain_client(&view);
	explain_route(&view);
	explain_tables(&view);
	explain_sent(&view);
	explain_outcome(&view);
}
