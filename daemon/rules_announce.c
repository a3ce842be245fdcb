/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How packets for pool4 come to this host: see rules_announce.h.
 */
#include "daemon/rules_announce.h"

#include <inttypes.h>

#include "daemon/core/pool4_text.h"

/* Commands for so many prefixes fit into a sentence. */
#define COMMANDS_MAX 8
#define TEXT_SIZE    128

/* What all entries are compared with: arrays of struct addr4_range, sorted and merged. */
struct surroundings {
	GArray *own;
	GArray *others;    /* local by routes that somebody else made */
	GArray *never;     /* not ours to announce: native, exempt */
	GArray *next_hops; /* of routes */
	GArray *asked;     /* for these ARP is asked on some link */
	GArray *all;       /* all of these together */
	const struct rules_routes *routes;
};

static const struct addr4_range *range_of(const GArray *ranges, guint i)
{
	return &g_array_index(ranges, struct addr4_range, i);
}

static GArray *ranges_new(void)
{
	return g_array_new(FALSE, FALSE, sizeof(struct addr4_range));
}

static void add_prefix(GArray *ranges, const struct prefix4 *prefix)
{
	struct addr4_range range = {prefix4_first(prefix), prefix4_last(prefix)};

	g_array_append_val(ranges, range);
}

static GArray *without(const GArray *ranges, const GArray *minus)
{
	GArray *left = ranges_new();

	g_array_set_size(left, ranges->len + minus->len);
	g_array_set_size(left, addr4_ranges_without(
				       (const struct addr4_range *)(void *)ranges->data,
				       ranges->len, (const struct addr4_range *)(void *)minus->data,
				       minus->len, (struct addr4_range *)(void *)left->data));
	return left;
}

static GArray *common(const GArray *a, const GArray *b)
{
	g_autoptr(GArray) only_a = without(a, b);

	return without(a, only_a);
}

void rules_announce_split(const struct addr4_range *range, GArray *ret)
{
	uint64_t first = range->first;

	while (first <= range->last) {
		struct prefix4 prefix = {.addr = (uint32_t)first, .len = 32};
		uint64_t size = 1;

		while (prefix.len > 0 && first % (size * 2) == 0 &&
		       first + size * 2 - 1 <= range->last) {
			size *= 2;
			prefix.len--;
		}
		g_array_append_val(ret, prefix);
		first += size;
	}
}

/* May neighbours on this link be answered, by the configuration? */
static bool is_chosen(const struct rules_plan *plan, const struct rules_onlink4 *onlink)
{
	const char *const *names = (const char *const *)plan->announce_on;

	return plan->announces && (!names || g_strv_contains(names, onlink->name));
}

static void append(GArray *ranges, const GArray *more)
{
	g_array_append_vals(ranges, more->data, more->len);
}

static void surroundings_init(struct surroundings *around, const struct rules_plan *plan,
			      const uint32_t *own, size_t n_own, const struct rules_routes *routes)
{
	*around = (struct surroundings){
		.own = ranges_new(),
		.others = ranges_new(),
		.never = ranges_new(),
		.next_hops = ranges_new(),
		.asked = ranges_new(),
		.all = ranges_new(),
		.routes = routes,
	};
	for (size_t i = 0; i < n_own; i++)
		add_prefix(around->own, &(struct prefix4){own[i], 32});
	for (guint i = 0; i < routes->local4->len; i++)
		add_prefix(around->others, &g_array_index(routes->local4, struct prefix4, i));
	for (guint i = 0; i < routes->next_hops4->len; i++)
		add_prefix(around->next_hops,
			   &(struct prefix4){g_array_index(routes->next_hops4, uint32_t, i), 32});
	for (guint i = 0; i < routes->onlink4->len; i++)
		add_prefix(around->asked,
			   &g_array_index(routes->onlink4, struct rules_onlink4, i).prefix);
	append(around->never, plan->native4);
	append(around->never, plan->exempt4);
	rules_plan_merge4(around->own);
	rules_plan_merge4(around->others);
	rules_plan_merge4(around->never);
	rules_plan_merge4(around->next_hops);
	rules_plan_merge4(around->asked);
	append(around->all, around->own);
	append(around->all, around->others);
	append(around->all, around->never);
	append(around->all, around->next_hops);
	append(around->all, around->asked);
	rules_plan_merge4(around->all);
}

static void surroundings_deinit(struct surroundings *around)
{
	g_array_unref(around->own);
	g_array_unref(around->others);
	g_array_unref(around->never);
	g_array_unref(around->next_hops);
	g_array_unref(around->asked);
	g_array_unref(around->all);
}

/* Or how many there are, if that would be long. */
static char *print(const GArray *ranges)
{
	const struct addr4_range *range = (const struct addr4_range *)(void *)ranges->data;
	char text[TEXT_SIZE];

	if (pool4_text_print(range, ranges->len, text, sizeof(text)) < sizeof(text))
		return g_strdup(text);
	return g_strdup_printf("%" PRIu64 " addresses", addr4_ranges_count(range, ranges->len));
}

/* What makes the kernel answer all the same. */
static char *commands_for(const struct rules_plan *plan, const GArray *ranges)
{
	const char *key = plan->mode == RULES_NONE ? "" : "Pool4.Announce=auto";
	const char *before = plan->mode == RULES_NONE ? "" : ", or: ";
	g_autoptr(GArray) prefixes = g_array_new(FALSE, FALSE, sizeof(struct prefix4));
	GString *text = g_string_new(key);
	char buffer[ADDR_TEXT_SIZE];

	for (guint i = 0; i < ranges->len && prefixes->len <= COMMANDS_MAX; i++)
		rules_announce_split(range_of(ranges, i), prefixes);
	for (guint i = 0; i < prefixes->len && prefixes->len <= COMMANDS_MAX; i++)
		g_string_append_printf(
			text, "%sip route add local %s dev lo", i == 0 ? before : " && ",
			prefix4_print(&g_array_index(prefixes, struct prefix4, i), buffer));
	return g_string_free(text, FALSE);
}

G_GNUC_PRINTF(3, 4)
static void warn(struct rules_plan *plan, const char *entry, const char *format, ...)
{
	g_autofree char *clause = NULL;
	va_list args;

	va_start(args, format);
	clause = g_strdup_vprintf(format, args);
	va_end(args);
	rules_warnings_add(plan->warnings, entry, 0,
			   g_strdup_printf("pool4 entry %s: %s", entry, clause));
}

static void warn_next_hops(struct rules_plan *plan, const char *name, const GArray *ranges)
{
	g_autofree char *text = print(ranges);

	warn(plan, name,
	     "%s is the next hop of a route, so it is not announced: take it out of Addresses",
	     text);
}

/* The link does not answer, as it is: why, and what settles it. */
static void warn_silent(struct rules_plan *plan, const char *name,
			const struct rules_onlink4 *onlink, const GArray *ranges)
{
	g_autofree char *text = print(ranges);
	g_autofree char *commands = commands_for(plan, ranges);

	if (onlink->arp_ignore[0] != '\0')
		warn(plan, name, "%s does not answer ARP for %s: sysctl -w %s", onlink->name, text,
		     onlink->arp_ignore);
	else
		warn(plan, name, "nobody answers ARP for %s on %s: %s", text, onlink->name,
		     commands);
}

/* Those of the addresses that are asked for on links; what can be answered goes to announce. */
static unsigned look_at_links(struct rules_plan *plan, const struct surroundings *around,
			      const char *name, const GArray *ranges, GArray *announce)
{
	const GArray *links = around->routes->onlink4;
	unsigned reach = 0;

	for (guint i = 0; i < links->len; i++) {
		const struct rules_onlink4 *onlink = &g_array_index(links, struct rules_onlink4, i);
		g_autoptr(GArray) subnet = ranges_new();
		g_autoptr(GArray) here = NULL;

		add_prefix(subnet, &onlink->prefix);
		here = common(ranges, subnet);
		if (here->len == 0)
			continue;
		if (is_chosen(plan, onlink) && onlink->arp_ignore[0] == '\0') {
			g_array_append_vals(announce, here->data, here->len);
		} else if (name) {
			warn_silent(plan, name, onlink, here);
			reach |= POOL4_UNREACHABLE;
		}
	}
	return reach;
}

/* What is neither the host's nor left to the kernel, and not local yet. */
static GArray *candidates(const GArray *ranges, const struct surroundings *around)
{
	g_autoptr(GArray) foreign = without(ranges, around->own);
	g_autoptr(GArray) taken = without(foreign, around->never);

	return without(taken, around->others);
}

/* What a router has to send here. Named links ask for all of it, says the configuration. */
static unsigned look_beyond_links(const struct rules_plan *plan, const struct surroundings *around,
				  const GArray *ranges, GArray *announce)
{
	g_autoptr(GArray) beyond = without(ranges, around->asked);

	if (beyond->len == 0)
		return 0;
	if (!plan->announces || !plan->announce_on)
		return POOL4_ROUTED;
	g_array_append_vals(announce, beyond->data, beyond->len);
	return 0;
}

static bool intersect(const GArray *a, const GArray *b)
{
	g_autoptr(GArray) both = common(a, b);

	return both->len > 0;
}

/* Do the sorted ranges have anything in common with the entry? */
static bool meet(const GArray *ranges, const struct rules_entry *entry)
{
	for (uint32_t i = 0; i < entry->n_addresses; i++) {
		guint low = 0, high = ranges->len;

		while (low < high) {
			guint middle = low + (high - low) / 2;

			if (range_of(ranges, middle)->last < entry->addresses[i].first)
				low = middle + 1;
			else
				high = middle;
		}
		if (low < ranges->len && range_of(ranges, low)->first <= entry->addresses[i].last)
			return true;
	}
	return false;
}

/* Nothing here has to do with it. This is the case for most entries of a pool that has many. */
static unsigned look_at_far_entry(const struct rules_plan *plan, const struct rules_entry *entry,
				  GArray *announce)
{
	if (!plan->announces || !plan->announce_on)
		return POOL4_ROUTED;
	g_array_append_vals(announce, entry->addresses, entry->n_addresses);
	return POOL4_ANNOUNCED;
}

/* Appends what is to be announced. */
static unsigned look_at_entry(struct rules_plan *plan, const struct surroundings *around,
			      const struct rules_entry *entry, GArray *announce)
{
	g_autoptr(GArray) ranges = ranges_new();
	g_autoptr(GArray) open = NULL;
	g_autoptr(GArray) asked = ranges_new();
	g_autoptr(GArray) hops = NULL;
	g_autoptr(GArray) answered = NULL;
	unsigned reach = 0;

	g_array_append_vals(ranges, entry->addresses, entry->n_addresses);
	rules_plan_merge4(ranges);
	if (intersect(ranges, around->own))
		reach |= POOL4_LOCAL;
	if (intersect(ranges, around->others))
		reach |= POOL4_ANNOUNCED;
	open = candidates(ranges, around);
	reach |= look_at_links(plan, around, entry->name, open, asked);
	reach |= look_beyond_links(plan, around, open, asked);
	rules_plan_merge4(asked);
	hops = common(asked, around->next_hops);
	answered = without(asked, around->next_hops);
	if (hops->len > 0 && entry->name)
		warn_next_hops(plan, entry->name, hops);
	if (hops->len > 0)
		reach |= POOL4_UNREACHABLE;
	if (answered->len > 0)
		reach |= POOL4_ANNOUNCED;
	g_array_append_vals(announce, answered->data, answered->len);
	return reach;
}

void rules_announce_plan(struct rules_plan *plan, const struct rules_entry *entries,
			 uint32_t n_entries, const uint32_t *own, size_t n_own,
			 const struct rules_routes *routes)
{
	g_autoptr(GArray) announce = ranges_new();
	struct surroundings around;

	surroundings_init(&around, plan, own, n_own, routes);
	g_array_set_size(plan->reach, 0);
	g_ptr_array_set_size(plan->warnings, 0);
	for (uint32_t i = 0; i < n_entries; i++) {
		unsigned reach = meet(around.all, &entries[i])
					 ? look_at_entry(plan, &around, &entries[i], announce)
					 : look_at_far_entry(plan, &entries[i], announce);

		g_array_append_val(plan->reach, reach);
	}
	rules_plan_merge4(announce);
	g_array_set_size(plan->announce, 0);
	for (guint i = 0; i < announce->len; i++)
		rules_announce_split(range_of(announce, i), plan->announce);
	surroundings_deinit(&around);
}

bool rules_announce_add(struct rules_plan *plan, const struct rules_entry *entries,
			uint32_t n_entries, const uint32_t *own, size_t n_own,
			const struct rules_routes *routes)
{
	const unsigned reach = POOL4_ROUTED;
	struct surroundings around;
	bool far = !plan->announces || plan->announce_on == NULL;

	surroundings_init(&around, plan, own, n_own, routes);
	for (uint32_t i = 0; far && i < n_entries; i++)
		far = !meet(around.all, &entries[i]);
	surroundings_deinit(&around);
	if (!far || rules_plan_has_native(entries, n_entries, routes->native4))
		return false;
	g_array_set_size(plan->reach, 0);
	for (uint32_t i = 0; i < n_entries; i++)
		g_array_append_val(plan->reach, reach);
	return true;
}
