/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the packet rules are to say: see rules_plan.h.
 */
#include "daemon/rules_plan.h"

#include "daemon/core/rfc6052.h"

static int compare_ranges(const void *a, const void *b)
{
	const struct addr4_range *x = a, *y = b;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return x->last < y->last ? -1 : x->last > y->last;
}

void rules_plan_merge4(GArray *ranges)
{
	struct addr4_range *range = (struct addr4_range *)(void *)ranges->data;
	guint n = 0;

	if (ranges->len == 0)
		return;
	g_array_sort(ranges, compare_ranges);
	for (guint i = 1; i < ranges->len; i++) {
		if (range[n].last == UINT32_MAX || range[i].first <= range[n].last + 1)
			range[n].last = MAX(range[n].last, range[i].last);
		else
			range[++n] = range[i];
	}
	g_array_set_size(ranges, n + 1);
}

void rules_plan_append4(GArray *ranges, const struct addr4_range *range)
{
	struct addr4_range *last =
		ranges->len == 0 ? NULL
				 : &g_array_index(ranges, struct addr4_range, ranges->len - 1);

	if (last != NULL && (last->last == UINT32_MAX || range->first <= last->last + 1))
		last->last = MAX(last->last, range->last);
	else
		g_array_append_vals(ranges, range, 1);
}

static int compare_prefixes(const void *a, const void *b)
{
	const struct prefix6 *x = a, *y = b;
	int order = memcmp(x->addr.byte, y->addr.byte, sizeof(x->addr.byte));

	return order != 0 ? order : (int)x->len - (int)y->len;
}

/* Sorted, a prefix follows the one that it lies in. Prefixes that merely touch stay apart. */
static void merge6(GArray *prefixes)
{
	struct prefix6 *prefix = (struct prefix6 *)(void *)prefixes->data;
	guint n = 0;

	if (prefixes->len == 0)
		return;
	g_array_sort(prefixes, compare_prefixes);
	for (guint i = 1; i < prefixes->len; i++) {
		if (!prefix6_contains(&prefix[n], &prefix[i].addr))
			prefix[++n] = prefix[i];
	}
	g_array_set_size(prefixes, n + 1);
}

struct prefix6 rules_plan_embed(const struct prefix6 *pool6, const struct prefix4 *prefix4)
{
	unsigned len = (unsigned)pool6->len + prefix4->len;

	/* The u octet, bits 64 to 71, belongs to the prefix as soon as it is reached. */
	if (pool6->len <= 64 && len > 64)
		len += 8;
	return (struct prefix6){.addr = rfc6052_embed(pool6, prefix4->addr), .len = (uint8_t)len};
}

static void add_range(GArray *ranges, uint32_t first, uint32_t last)
{
	struct addr4_range range = {.first = first, .last = last};

	g_array_append_val(ranges, range);
}

static void set_exempt(struct rules_plan *plan, const struct nat64_config *nat64)
{
	g_array_append_vals(plan->exempt6, nat64->exempt6, nat64->n_exempt6);
	for (uint32_t i = 0; i < nat64->n_exempt4; i++) {
		const struct prefix4 *prefix = &nat64->exempt4[i];

		add_range(plan->exempt4, prefix4_first(prefix), prefix4_last(prefix));
		for (guint j = 0; j < plan->pool6->len; j++) {
			struct prefix6 inside = rules_plan_embed(
				&g_array_index(plan->pool6, struct prefix6, j), prefix);

			g_array_append_val(plan->exempt6, inside);
		}
	}
	rules_plan_merge4(plan->exempt4);
	merge6(plan->exempt6);
}

static void warning_free(void *data)
{
	struct rules_warning *warning = data;

	g_free(warning->entry);
	g_free(warning->text);
	g_free(warning);
}

GPtrArray *rules_warnings_new(void)
{
	return g_ptr_array_new_with_free_func(warning_free);
}

void rules_warnings_add(GPtrArray *warnings, const char *entry, uint32_t addr, char *text)
{
	struct rules_warning *warning = g_new(struct rules_warning, 1);

	*warning = (struct rules_warning){g_strdup(entry), addr, text};
	g_ptr_array_add(warnings, warning);
}

void rules_plan_init(struct rules_plan *plan, const char *instance, const struct config *config,
		     enum rules_mode mode)
{
	*plan = (struct rules_plan){
		.table = rules_table_name(instance),
		.mode = mode,
		.mark = config->queue.mark,
		.queue_first = config->queue.first,
		.workers = rules_n_workers(config),
		.inject_device = config->queue.inject != CONFIG_INJECT_RAW
					 ? rules_inject_device(instance)
					 : NULL,
		.local_traffic = config->local_traffic,
		.pool6 = g_array_new(FALSE, FALSE, sizeof(struct prefix6)),
		.exempt6 = g_array_new(FALSE, FALSE, sizeof(struct prefix6)),
		.native6 = g_array_new(FALSE, FALSE, sizeof(struct prefix6)),
		.exempt4 = g_array_new(FALSE, FALSE, sizeof(struct addr4_range)),
		.native4 = g_array_new(FALSE, FALSE, sizeof(struct addr4_range)),
		.pool4 = g_array_new(FALSE, FALSE, sizeof(struct addr4_range)),
		.own = g_array_new(FALSE, FALSE, sizeof(struct rules_own)),
		.announces = mode != RULES_NONE && config->announce.how != CONFIG_ANNOUNCE_NONE,
		.announce_on = g_strdupv(config->announce.interfaces),
		.announce = g_array_new(FALSE, FALSE, sizeof(struct prefix4)),
		.reach = g_array_new(FALSE, FALSE, sizeof(unsigned)),
		.warnings = rules_warnings_new(),
		.undo = g_ptr_array_new_with_free_func(g_free),
	};
	for (unsigned i = 0; i < NAT64_POOL6_MAX; i++) {
		if (config->nat64.pool6[i].len != 0)
			g_array_append_val(plan->pool6, config->nat64.pool6[i]);
	}
	merge6(plan->pool6);
	set_exempt(plan, &config->nat64);
}

static bool same_array(const GArray *a, const GArray *b)
{
	return a->len == b->len &&
	       (a->len == 0 ||
		memcmp(a->data, b->data, a->len * g_array_get_element_size((GArray *)a)) == 0);
}

static bool same_words(char *const *a, char *const *b)
{
	return a == NULL || b == NULL
		       ? a == b
		       : g_strv_equal((const char *const *)a, (const char *const *)b);
}

bool rules_plan_is_of(const struct rules_plan *plan, const struct config *config)
{
	struct rules_plan other;
	bool same;

	rules_plan_init(&other, NULL, config, plan->mode);
	same = plan->mark.value == other.mark.value && plan->mark.mask == other.mark.mask &&
	       plan->queue_first == other.queue_first && plan->workers == other.workers &&
	       plan->local_traffic == other.local_traffic && plan->announces == other.announces &&
	       same_words(plan->announce_on, other.announce_on) &&
	       same_array(plan->pool6, other.pool6) && same_array(plan->exempt6, other.exempt6) &&
	       same_array(plan->exempt4, other.exempt4);
	rules_plan_deinit(&other);
	return same;
}

void rules_plan_deinit(struct rules_plan *plan)
{
	g_clear_pointer(&plan->table, g_free);
	g_clear_pointer(&plan->inject_device, g_free);
	g_clear_pointer(&plan->pool6, g_array_unref);
	g_clear_pointer(&plan->exempt6, g_array_unref);
	g_clear_pointer(&plan->native6, g_array_unref);
	g_clear_pointer(&plan->exempt4, g_array_unref);
	g_clear_pointer(&plan->native4, g_array_unref);
	g_clear_pointer(&plan->pool4, g_array_unref);
	g_clear_pointer(&plan->own, g_array_unref);
	g_clear_pointer(&plan->announce_on, g_strfreev);
	g_clear_pointer(&plan->announce, g_array_unref);
	g_clear_pointer(&plan->reach, g_array_unref);
	g_clear_pointer(&plan->warnings, g_ptr_array_unref);
	g_clear_pointer(&plan->undo, g_ptr_array_unref);
}

static int compare_own(const void *a, const void *b)
{
	const struct rules_own *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	if (x->protocol != y->protocol)
		return x->protocol < y->protocol ? -1 : 1;
	return (int)x->first - (int)y->first;
}

static void merge_own(GArray *array)
{
	struct rules_own *own = (struct rules_own *)(void *)array->data;
	guint n = 0;

	if (array->len == 0)
		return;
	g_array_sort(array, compare_own);
	for (guint i = 1; i < array->len; i++) {
		if (own[i].addr == own[n].addr && own[i].protocol == own[n].protocol &&
		    own[i].first <= (uint32_t)own[n].last + 1)
			own[n].last = MAX(own[n].last, own[i].last);
		else
			own[++n] = own[i];
	}
	g_array_set_size(array, n + 1);
}

static bool entry_has(const struct rules_entry *entry, uint32_t addr)
{
	for (uint32_t i = 0; i < entry->n_addresses; i++) {
		if (entry->addresses[i].first <= addr && addr <= entry->addresses[i].last)
			return true;
	}
	return false;
}

static void add_own(GArray *array, const struct rules_entry *entry, uint32_t addr)
{
	for (int protocol = 0; protocol < N_PROTOCOLS; protocol++) {
		if (!entry->protocol[protocol])
			continue;
		for (uint32_t i = 0; i < entry->ports->n_ranges; i++) {
			struct rules_own own = {
				.addr = addr,
				.protocol = (enum protocol)protocol,
				.first = entry->ports->range[i].first,
				.last = entry->ports->range[i].last,
			};

			g_array_append_val(array, own);
		}
	}
}

/* Takes the (sorted) own addresses out of the merged ranges. */
static GArray *without_own(const GArray *ranges, const GArray *own)
{
	GArray *result = g_array_sized_new(FALSE, FALSE, sizeof(struct addr4_range), ranges->len);
	guint j = 0;

	for (guint i = 0; i < ranges->len; i++) {
		struct addr4_range range = g_array_index(ranges, struct addr4_range, i);
		uint64_t next = range.first;

		while (j < own->len && g_array_index(own, uint32_t, j) < range.first)
			j++;
		for (; j < own->len && g_array_index(own, uint32_t, j) <= range.last; j++) {
			uint32_t addr = g_array_index(own, uint32_t, j);

			if (next < addr)
				add_range(result, (uint32_t)next, addr - 1);
			next = (uint64_t)addr + 1;
		}
		if (next <= range.last)
			add_range(result, (uint32_t)next, range.last);
	}
	return result;
}

static int compare_addresses(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

void rules_plan_set_entries(struct rules_plan *plan, const struct rules_entry *entries,
			    uint32_t n_entries, const uint32_t *own, size_t n_own)
{
	g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(struct addr4_range));
	g_autoptr(GArray) sorted = g_array_new(FALSE, FALSE, sizeof(uint32_t));

	g_array_append_vals(sorted, own, (guint)n_own);
	g_array_sort(sorted, compare_addresses);
	g_array_set_size(plan->own, 0);
	for (uint32_t i = 0; i < n_entries; i++) {
		g_array_append_vals(all, entries[i].addresses, entries[i].n_addresses);
		for (guint j = 0; j < sorted->len; j++) {
			uint32_t addr = g_array_index(sorted, uint32_t, j);

			if (entry_has(&entries[i], addr))
				add_own(plan->own, &entries[i], addr);
		}
	}
	rules_plan_merge4(all);
	merge_own(plan->own);
	g_array_unref(plan->pool4);
	plan->pool4 = without_own(all, sorted);
}

/* Both are merged. */
static GArray *unite(const GArray *a, const GArray *b)
{
	GArray *both = g_array_sized_new(FALSE, FALSE, sizeof(struct addr4_range), a->len + b->len);
	guint i = 0, j = 0;

	while (i < a->len && j < b->len) {
		const struct addr4_range *x = &g_array_index(a, struct addr4_range, i);
		const struct addr4_range *y = &g_array_index(b, struct addr4_range, j);
		bool first = x->first <= y->first;

		rules_plan_append4(both, first ? x : y);
		i += first;
		j += !first;
	}
	for (; i < a->len; i++)
		rules_plan_append4(both, &g_array_index(a, struct addr4_range, i));
	for (; j < b->len; j++)
		rules_plan_append4(both, &g_array_index(b, struct addr4_range, j));
	return both;
}

static GArray *addresses_of(const struct rules_entry *entries, uint32_t n_entries)
{
	GArray *all = g_array_new(FALSE, FALSE, sizeof(struct addr4_range));

	for (uint32_t i = 0; i < n_entries; i++)
		g_array_append_vals(all, entries[i].addresses, entries[i].n_addresses);
	rules_plan_merge4(all);
	return all;
}

void rules_plan_add_entries(struct rules_plan *plan, const struct rules_entry *entries,
			    uint32_t n_entries)
{
	g_autoptr(GArray) fresh = addresses_of(entries, n_entries);
	GArray *before = plan->pool4;

	plan->pool4 = unite(before, fresh);
	g_array_unref(before);
}

static bool more_specific4(const struct rules_entry *entries, uint32_t n_entries, uint32_t first,
			   uint32_t last)
{
	for (uint32_t i = 0; i < n_entries; i++) {
		for (uint32_t j = 0; j < entries[i].n_addresses; j++) {
			const struct addr4_range *range = &entries[i].addresses[j];

			if (range->first <= first && last <= range->last &&
			    last - first < range->last - range->first)
				return true;
		}
	}
	return false;
}

/* Few routes touch pool4 at all: that is asked first, so that a full routing table costs little. */
static bool touches(const GArray *ranges, const struct prefix4 *prefix)
{
	guint low = 0, high = ranges->len;

	while (low < high) {
		guint middle = low + (high - low) / 2;

		if (g_array_index(ranges, struct addr4_range, middle).last < prefix4_first(prefix))
			low = middle + 1;
		else
			high = middle;
	}
	return low < ranges->len &&
	       g_array_index(ranges, struct addr4_range, low).first <= prefix4_last(prefix);
}

void rules_plan_set_native(struct rules_plan *plan, const struct rules_entry *entries,
			   uint32_t n_entries, const GArray *routes6, const GArray *routes4)
{
	g_array_set_size(plan->native6, 0);
	g_array_set_size(plan->native4, 0);
	for (guint i = 0; i < routes6->len; i++) {
		const struct prefix6 *route = &g_array_index(routes6, struct prefix6, i);

		for (guint j = 0; j < plan->pool6->len; j++) {
			const struct prefix6 *pool6 =
				&g_array_index(plan->pool6, struct prefix6, j);

			if (route->len > pool6->len && prefix6_contains(pool6, &route->addr))
				g_array_append_val(plan->native6, *route);
		}
	}
	for (guint i = 0; i < routes4->len; i++) {
		const struct prefix4 *route = &g_array_index(routes4, struct prefix4, i);

		if (touches(plan->pool4, route) &&
		    more_specific4(entries, n_entries, prefix4_first(route), prefix4_last(route)))
			add_range(plan->native4, prefix4_first(route), prefix4_last(route));
	}
	merge6(plan->native6);
	rules_plan_merge4(plan->native4);
}

bool rules_plan_has_native(const struct rules_entry *entries, uint32_t n_entries,
			   const GArray *routes4)
{
	g_autoptr(GArray) addresses = addresses_of(entries, n_entries);

	for (guint i = 0; i < routes4->len; i++) {
		const struct prefix4 *route = &g_array_index(routes4, struct prefix4, i);

		if (touches(addresses, route) &&
		    more_specific4(entries, n_entries, prefix4_first(route), prefix4_last(route)))
			return true;
	}
	return false;
}

static bool mark_is_free(const struct config_mark *mark, uint32_t value, uint32_t taken)
{
	return value != 0 && value != mark->value && value != taken;
}

/* One bit of the mask flipped; if that gives nothing, two. */
static uint32_t choose_mark(const struct config_mark *mark, uint32_t taken)
{
	for (unsigned bits = 1; bits <= 2; bits++) {
		for (unsigned i = 0; i < 32; i++) {
			for (unsigned j = bits == 1 ? i : i + 1; j < (bits == 1 ? i + 1 : 32u);
			     j++) {
				uint32_t flip = UINT32_C(1) << i | UINT32_C(1) << j;
				uint32_t value = mark->value ^ flip;

				if ((flip & mark->mask) == flip && mark_is_free(mark, value, taken))
					return value;
			}
		}
	}
	return 0;
}

bool rules_plan_marks(const struct config_mark *mark, struct rules_marks *ret)
{
	uint32_t take = choose_mark(mark, 0);
	uint32_t offer = take == 0 ? 0 : choose_mark(mark, take);

	if (offer == 0)
		return false;
	*ret = (struct rules_marks){.take = take, .offer = offer};
	return true;
}
