/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The packet rules in nft's words.
 *
 * The way of a packet that arrives:
 *
 *   -450 prerouting      to Pool6, or to a pool4 address that is not the host's: taken as it was on
 *                        the wire, before defragmentation (-400) and connection tracking (-200)
 *   -155 prerouting_own  to an address of the host's own, after connection tracking: what the host
 *                        tracks is left to it (P-24); only the entry's ports are taken (P-18)
 *   -450 input           what is announced on a link, and was taken by nobody, ends here
 *
 * (what comes by the daemon's own interface, inject.h, is neither tracked nor taken again), and of
 * one that is sent from here:
 *
 *   -450 output          the daemon's own, known by its mark, is neither tracked nor defragmented
 *                        nor taken again; local traffic to Pool6 is taken
 *   -450 quiet           at boot only: no reset and no unreachable port from where restored
 *                        sessions may be, as it is not known yet which addresses are the host's
 *
 * "take" means to the daemon or nowhere: without it nothing leaks. "offer" means to the
 * daemon or, without it, to the host: ICMP on an own address that can not be told apart (an echo
 * with an identifier of the entry, any error) and fragments there. A later fragment has no ports
 * and is of use only together with its first, so that all fragments go the same way; the first of
 * a TCP or UDP packet to the entry's ports is taken before that and so still fails closed.
 *
 * At boot a pool4 address may turn out to be the host's own, which must be able to be reached where
 * the daemon does not start: then what comes to one is not taken in prerouting, but dropped
 * where it would be forwarded (-450 forward).
 *
 * lo is not exempt: the kernel's own ICMP errors about what the daemon sent from an own address
 * come in there, even marked (net.ipv4.fwmark_reflect).
 *
 * A native route inside Pool6 or pool4 goes into a set that is read from the routing table.
 * nft's fib expression would follow the routes by itself, but can tell "no native route" from "the
 * default route" only with the help of a route for Pool6; where somebody removed that, everything
 * would leak.
 *
 * Where the kernel's nf_tables can not queue, take and offer mark instead, iptables' raw (-300) and
 * mangle (-150) tables queue what is marked and take the mark off again (rules_iptables.c), and the
 * guards behind them drop what still has it: should somebody flush iptables, nothing leaks. What
 * is taken at -450 is not tracked, which keeps it from defragmentation on the way to -300; none of
 * it may belong to the host.
 */
#include "daemon/rules_nft.h"

static void print_prefixes6(GString *text, const GArray *prefixes)
{
	char buffer[ADDR_TEXT_SIZE];

	for (guint i = 0; i < prefixes->len; i++)
		g_string_append_printf(
			text, "%s%s", i == 0 ? "" : ", ",
			prefix6_print(&g_array_index(prefixes, struct prefix6, i), buffer));
}

static void print_ranges4(GString *text, const GArray *ranges)
{
	char buffer[ADDR_TEXT_SIZE];

	for (guint i = 0; i < ranges->len; i++) {
		const struct addr4_range *range = &g_array_index(ranges, struct addr4_range, i);

		g_string_append(text, i == 0 ? "" : ", ");
		g_string_append(text, addr4_print(range->first, buffer));
		if (range->last != range->first)
			g_string_append_printf(text, "-%s", addr4_print(range->last, buffer));
	}
}

/* Each own address once, however many port ranges it has. */
static void print_own(GString *text, const GArray *array)
{
	char buffer[ADDR_TEXT_SIZE];

	for (guint i = 0; i < array->len; i++) {
		const struct rules_own *own = &g_array_index(array, struct rules_own, i);

		if (i == 0 || own[-1].addr != own->addr)
			g_string_append_printf(text, "%s%s", i == 0 ? "" : ", ",
					       addr4_print(own->addr, buffer));
	}
}

static void print_own_ports(GString *text, const GArray *array, bool icmp)
{
	char buffer[ADDR_TEXT_SIZE];

	for (guint i = 0; i < array->len; i++) {
		const struct rules_own *own = &g_array_index(array, struct rules_own, i);

		if ((own->protocol == PROTOCOL_ICMP) != icmp)
			continue;
		g_string_append_printf(text, "%s%s . ", text->len == 0 ? "" : ", ",
				       addr4_print(own->addr, buffer));
		if (!icmp)
			g_string_append_printf(text, "%s . ", protocol_name(own->protocol));
		g_string_append_printf(text, "%u", own->first);
		if (own->last != own->first)
			g_string_append_printf(text, "-%u", own->last);
	}
}

GArray *rules_nft_ranges(const struct rules_plan *plan, enum rules_set set)
{
	GArray *ranges;

	if (set == RULES_SET_POOL4)
		return g_array_ref(plan->pool4);
	if (set != RULES_SET_ANNOUNCED)
		return NULL;
	ranges = g_array_new(FALSE, FALSE, sizeof(struct addr4_range));
	for (guint i = 0; i < plan->announce->len; i++) {
		const struct prefix4 *prefix = &g_array_index(plan->announce, struct prefix4, i);
		struct addr4_range range = {prefix4_first(prefix), prefix4_last(prefix)};

		g_array_append_val(ranges, range);
	}
	rules_plan_merge4(ranges);
	return ranges;
}

/* As ranges of which no two touch: libnftables would leave out the ends between those that do, and
 * then they could not be taken out one by one. */
static void print_announced(GString *text, const struct rules_plan *plan)
{
	g_autoptr(GArray) ranges = rules_nft_ranges(plan, RULES_SET_ANNOUNCED);

	print_ranges4(text, ranges);
}

/* clang-format off */
static const struct {
	const char *name;
	const char *type;
} sets[N_RULES_SETS] = {
	[RULES_SET_POOL6]     = { "pool6",     "type ipv6_addr" },
	[RULES_SET_EXEMPT6]   = { "exempt6",   "type ipv6_addr" },
	[RULES_SET_NATIVE6]   = { "native6",   "type ipv6_addr" },
	[RULES_SET_EXEMPT4]   = { "exempt4",   "type ipv4_addr" },
	[RULES_SET_NATIVE4]   = { "native4",   "type ipv4_addr" },
	[RULES_SET_POOL4]     = { "pool4",     "type ipv4_addr" },
	[RULES_SET_OWN]       = { "own",       "type ipv4_addr" },
	[RULES_SET_OWN_PORTS] = { "own_ports", "typeof ip daddr . meta l4proto . th dport" },
	[RULES_SET_OWN_IDS]   = { "own_ids",   "typeof ip daddr . icmp id" },
	[RULES_SET_ANNOUNCED] = { "announced", "type ipv4_addr" },
};
/* clang-format on */

char *rules_nft_elements(const struct rules_plan *plan, enum rules_set set)
{
	GString *text = g_string_new(NULL);

	switch (set) {
	case RULES_SET_POOL6:
		print_prefixes6(text, plan->pool6);
		break;
	case RULES_SET_EXEMPT6:
		print_prefixes6(text, plan->exempt6);
		break;
	case RULES_SET_NATIVE6:
		print_prefixes6(text, plan->native6);
		break;
	case RULES_SET_EXEMPT4:
		print_ranges4(text, plan->exempt4);
		break;
	case RULES_SET_NATIVE4:
		print_ranges4(text, plan->native4);
		break;
	case RULES_SET_POOL4:
		print_ranges4(text, plan->pool4);
		break;
	case RULES_SET_OWN:
		print_own(text, plan->own);
		break;
	case RULES_SET_OWN_PORTS:
		print_own_ports(text, plan->own, false);
		break;
	case RULES_SET_OWN_IDS:
		print_own_ports(text, plan->own, true);
		break;
	case RULES_SET_ANNOUNCED:
		print_announced(text, plan);
		break;
	case N_RULES_SETS:
		break;
	}
	return g_string_free(text, FALSE);
}

static void print_sets(GString *text, const struct rules_plan *plan)
{
	for (int i = 0; i < N_RULES_SETS; i++) {
		g_autofree char *elements = rules_nft_elements(plan, (enum rules_set)i);

		g_string_append_printf(text, "\tset %s {\n\t\t%s\n\t\tflags interval\n",
				       sets[i].name, sets[i].type);
		if (elements[0] != '\0')
			g_string_append_printf(text, "\t\telements = { %s }\n", elements);
		g_string_append(text, "\t}\n\n");
	}
}

const char *rules_nft_set_name(enum rules_set set)
{
	return sets[set].name;
}

void rules_nft_refill(GString *text, const struct rules_plan *plan, enum rules_set set,
		      const char *elements)
{
	g_string_append_printf(text, "flush set inet %s %s\n", plan->table, sets[set].name);
	if (elements[0] != '\0')
		g_string_append_printf(text, "add element inet %s %s { %s }\n", plan->table,
				       sets[set].name, elements);
}

static char *queue_numbers(uint32_t first, uint32_t n)
{
	return n == 1 ? g_strdup_printf("%u", first)
		      : g_strdup_printf("%u-%u", first, first + n - 1);
}

/* Where it does not matter which flows meet in a queue, but two hosts that want to know can not
 * make all of theirs meet. The same whenever the rules are put, so that no flow changes its queue
 * then. */
#define FLOW_SEED 0x6e363464

/* Flows by their ports, too, so that those of one host are spread over all queues. A later fragment
 * has no ports: it matches none of these and goes by its addresses, with the next rule. */
static void print_flows(GString *text, const char *match, uint32_t first, uint32_t n)
{
	static const char *const family[] = {"ip6", "ip"};

	for (unsigned i = 0; i < G_N_ELEMENTS(family); i++)
		g_string_append_printf(text,
				       "\t\tmeta nfproto %s %s queue to jhash %s saddr . %s daddr "
				       ". th sport . th dport mod %u seed 0x%x offset %u\n",
				       i == 0 ? "ipv6" : "ipv4", match, family[i], family[i], n,
				       FLOW_SEED, first);
}

/* Each packet of a flow and direction goes into the same queue, or it would be overtaken: TCP, and
 * QUIC, which is never fragmented (RFC 9000, 14), by addresses and ports; everything else by
 * addresses, as the ports of some of its packets can not be seen. */
static void print_queues(GString *text, const struct rules_plan *plan)
{
	const uint32_t n = plan->workers;
	const uint32_t first_rest = plan->queue_first + n;
	g_autofree char *tcp = queue_numbers(plan->queue_first, n);
	g_autofree char *rest = queue_numbers(first_rest, n);

	if (n > 1 && plan->by_flow)
		print_flows(text, "meta l4proto tcp", plan->queue_first, n);
	g_string_append_printf(text, "\t\tmeta l4proto tcp queue num %s\n", tcp);
	if (n > 1 && plan->by_flow) {
		print_flows(text, "udp dport 443", first_rest, n);
		print_flows(text, "udp sport 443", first_rest, n);
	}
	g_string_append_printf(text, "\t\tqueue num %s\n", rest);
}

/* How packets leave for the daemon. untrack: in the early chains of the mark's way. */
static void print_take(GString *text, const struct rules_plan *plan, uint32_t mark, bool untrack)
{
	g_string_append(text, "\t\tjump exempt\n");
	if (plan->mode == RULES_IPTABLES)
		g_string_append_printf(text, "\t\t%smeta mark set meta mark & 0x%08x | 0x%08x\n",
				       untrack ? "notrack " : "", ~plan->mark.mask, mark);
	else
		print_queues(text, plan);
}

static void print_offer(GString *text, const struct rules_plan *plan, uint32_t mark)
{
	g_autofree char *rest = queue_numbers(plan->queue_first + plan->workers, plan->workers);

	g_string_append(text, "\t\tjump exempt\n");
	if (plan->mode == RULES_IPTABLES)
		g_string_append_printf(text, "\t\tmeta mark set meta mark & 0x%08x | 0x%08x\n",
				       ~plan->mark.mask, mark);
	else
		g_string_append_printf(text, "\t\tqueue num %s bypass\n", rest);
}

static void print_exempt(GString *text, const struct rules_plan *plan)
{
	g_string_append_printf(text,
			       "\tchain exempt {\n"
			       /* A frame for everybody: the kernel never forwards these (RFC 1812,
				* 5.3.4), nor are they answered (I-29). */
			       "\t\tmeta pkttype { broadcast, multicast } accept\n"
			       "\t\tmeta mark & 0x%08x == 0x%08x iif != \"lo\" accept\n"
			       "\t\tip6 saddr @exempt6 accept\n"
			       "\t\tip6 daddr @exempt6 accept\n"
			       "\t\tip6 daddr @native6 accept\n"
			       "\t\tip saddr @exempt4 accept\n"
			       "\t\tip daddr @exempt4 accept\n"
			       "\t\tip daddr @native4 accept\n"
			       "\t}\n\n",
			       plan->mark.mask, plan->mark.value);
}

static void print_prerouting(GString *text, const struct rules_plan *plan,
			     const struct rules_marks *marks)
{
	g_string_append(text, "\tchain take {\n");
	print_take(text, plan, marks->take, true);
	g_string_append(text, "\t}\n\n\tchain take_own {\n");
	print_take(text, plan, marks->take, false);
	g_string_append(text, "\t}\n\n\tchain offer_own {\n");
	print_offer(text, plan, marks->offer);
	g_string_append(text, "\t}\n\n"
			      "\tchain prerouting {\n"
			      "\t\ttype filter hook prerouting priority -450; policy accept;\n");
	if (plan->inject_device)
		g_string_append_printf(text, "\t\tiifname \"%s\" notrack accept\n",
				       plan->inject_device);
	g_string_append(text, "\t\tip6 daddr @pool6 goto take\n");
	if (plan->quiet.n_ranges == 0)
		g_string_append(text, "\t\tip daddr @pool4 goto take\n");
	g_string_append(text, "\t}\n\n"
			      "\tchain prerouting_own {\n"
			      "\t\ttype filter hook prerouting priority -155; policy accept;\n"
			      "\t\tmeta nfproto ipv6 accept\n"
			      "\t\tip daddr != @own accept\n");
	if (plan->inject_device)
		g_string_append_printf(text, "\t\tiifname \"%s\" accept\n", plan->inject_device);
	if (plan->conntrack)
		g_string_append(text, "\t\tct state established,related accept\n");
	g_string_append(text,
			"\t\tip daddr . meta l4proto . th dport @own_ports goto take_own\n"
			"\t\ticmp type { echo-request, echo-reply } ip daddr . icmp id @own_ids "
			"goto offer_own\n"
			"\t\ticmp type { destination-unreachable, source-quench, redirect, "
			"time-exceeded, parameter-problem } goto offer_own\n"
			"\t\tmeta l4proto { tcp, udp, icmp } ip frag-off & 0x3fff != 0 "
			"goto offer_own\n"
			"\t}\n\n");
}

static void print_output(GString *text, const struct rules_plan *plan)
{
	g_string_append_printf(text,
			       "\tchain output {\n"
			       "\t\ttype filter hook output priority -450; policy accept;\n"
			       "\t\tmeta mark & 0x%08x == 0x%08x notrack accept\n",
			       plan->mark.mask, plan->mark.value);
	if (plan->local_traffic)
		g_string_append(text, "\t\tip6 daddr @pool6 goto take\n");
	g_string_append(text, "\t}\n\n");
}

/* What is announced is local to the kernel, but not the host's (P-23): what the rules above leave
 * to it, as from an exempt source, reaches no socket. */
static void print_input(GString *text)
{
	g_string_append(text, "\tchain input {\n"
			      "\t\ttype filter hook input priority -450; policy accept;\n"
			      "\t\tip daddr @announced drop\n"
			      "\t}\n\n");
}

/* At boot: nobody is to hear that nothing listens where a restored session will, and nothing to
 * pool4 goes on. */
static void print_quiet(GString *text, const struct rules_plan *plan)
{
	g_string_append_printf(text,
			       "\tchain quiet {\n"
			       "\t\ttype filter hook output priority -450; policy accept;\n"
			       "\t\tmeta mark & 0x%08x == 0x%08x accept\n"
			       "\t\tmeta nfproto ipv4 tcp flags & rst == rst tcp sport { ",
			       plan->mark.mask, plan->mark.value);
	for (uint32_t i = 0; i < plan->quiet.n_ranges; i++)
		g_string_append_printf(text, "%s%u-%u", i == 0 ? "" : ", ",
				       plan->quiet.range[i].first, plan->quiet.range[i].last);
	g_string_append(text,
			" } drop\n"
			"\t\ticmp type destination-unreachable icmp code port-unreachable drop\n"
			"\t}\n\n"
			"\tchain forward {\n"
			"\t\ttype filter hook forward priority -450; policy accept;\n"
			"\t\tip daddr != @pool4 accept\n"
			"\t\tjump exempt\n"
			"\t\tdrop\n"
			"\t}\n\n");
}

/* Behind both of iptables' tables: one guard serves the early and the late chain. */
static void print_guards(GString *text, const struct rules_plan *plan,
			 const struct rules_marks *marks)
{
	uint32_t mask = plan->mark.mask;

	g_string_append_printf(text,
			       "\tchain guard {\n"
			       "\t\ttype filter hook prerouting priority -149; policy accept;\n"
			       "\t\tmeta mark & 0x%08x == 0x%08x drop\n"
			       "\t\tmeta mark & 0x%08x == 0x%08x meta mark set meta mark & 0x%08x\n"
			       "\t}\n\n"
			       "\tchain guard_output {\n"
			       "\t\ttype filter hook output priority -299; policy accept;\n"
			       "\t\tmeta mark & 0x%08x == 0x%08x drop\n"
			       "\t}\n\n",
			       mask, marks->take, mask, marks->offer, ~mask, mask, marks->take);
}

void rules_nft_rewrite_undo(GString *text, const struct rules_plan *plan)
{
	g_string_append_printf(text, "flush chain inet %s undo\n", plan->table);
	for (guint i = 0; i < plan->undo->len; i++)
		g_string_append_printf(text, "add rule inet %s undo return comment \"%s\"\n",
				       plan->table, (const char *)g_ptr_array_index(plan->undo, i));
}

/* Not called by any hook: the place where it stands in the open how to undo the host set-up. */
static void print_undo(GString *text, const struct rules_plan *plan)
{
	g_string_append(text, "\tchain undo {\n");
	for (guint i = 0; i < plan->undo->len; i++)
		g_string_append_printf(text, "\t\treturn comment \"%s\"\n",
				       (const char *)g_ptr_array_index(plan->undo, i));
	g_string_append(text, "\t}\n");
}

/* As one transaction that takes the place of what was there under that name. */
static char *print_table(const struct rules_plan *plan, const char *name, bool undo)
{
	GString *text = g_string_new(NULL);
	struct rules_marks marks = {0};

	(void)rules_plan_marks(&plan->mark, &marks);
	g_string_append_printf(text, "add table inet %s\ndelete table inet %s\ntable inet %s {\n",
			       name, name, name);
	if (plan->mode != RULES_NONE) {
		print_sets(text, plan);
		print_exempt(text, plan);
		print_prerouting(text, plan, &marks);
		print_output(text, plan);
		print_input(text);
		if (plan->quiet.n_ranges > 0)
			print_quiet(text, plan);
		if (plan->mode == RULES_IPTABLES)
			print_guards(text, plan, &marks);
	}
	if (undo)
		print_undo(text, plan);
	g_string_append(text, "}\n");
	return g_string_free(text, FALSE);
}

char *rules_nft_table(const struct rules_plan *plan)
{
	return print_table(plan, plan->table, true);
}

char *rules_nft_stand_in(const struct rules_plan *plan, GArray *pool4)
{
	g_autofree char *name = g_strconcat(plan->table, RULES_STAND_IN, NULL);
	struct rules_plan stand_in = *plan;

	if (pool4 != NULL)
		stand_in.pool4 = pool4;
	return print_table(&stand_in, name, false);
}
