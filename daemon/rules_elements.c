/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rules_elements.h. */
#include "daemon/rules_elements.h"

#include "daemon/rules_plan.h"

static GArray *ranges_new(void)
{
	return g_array_new(FALSE, FALSE, sizeof(struct addr4_range));
}

static const struct addr4_range *range_of(const GArray *ranges, guint i)
{
	return &g_array_index(ranges, struct addr4_range, i);
}

static GArray *without(const GArray *ranges, const GArray *minus)
{
	GArray *left = ranges_new();

	g_array_set_size(left, ranges->len + minus->len);
	g_array_set_size(
		left, addr4_ranges_without((const struct addr4_range *)(const void *)ranges->data,
					   ranges->len,
					   (const struct addr4_range *)(const void *)minus->data,
					   minus->len, (struct addr4_range *)(void *)left->data));
	return left;
}

void rules_elements_compare(const GArray *elements, const GArray *wanted,
			    struct rules_difference *ret)
{
	g_autoptr(GArray) kept = ranges_new();
	guint j = 0;

	*ret = (struct rules_difference){.gone = ranges_new()};
	for (guint i = 0; i < elements->len; i++) {
		const struct addr4_range *element = range_of(elements, i);
		bool meets, stays;

		while (j < wanted->len && range_of(wanted, j)->last < element->first)
			j++;
		meets = j < wanted->len && range_of(wanted, j)->first <= element->last;
		stays = meets && range_of(wanted, j)->first <= element->first &&
			element->last <= range_of(wanted, j)->last;
		if (stays)
			rules_plan_append4(kept, element);
		else
			g_array_append_vals(ret->gone, element, 1);
		ret->gap |= meets && !stays;
	}
	ret->fresh = without(wanted, kept);
}

void rules_difference_deinit(struct rules_difference *difference)
{
	g_clear_pointer(&difference->gone, g_array_unref);
	g_clear_pointer(&difference->fresh, g_array_unref);
}

GArray *rules_elements_after(const GArray *elements, const struct rules_difference *difference)
{
	const GArray *gone = difference->gone, *fresh = difference->fresh;
	GArray *after = ranges_new();
	guint j = 0, k = 0;

	for (guint i = 0; i < elements->len; i++) {
		const struct addr4_range *element = range_of(elements, i);

		if (j < gone->len && range_of(gone, j)->first == element->first) {
			j++;
			continue;
		}
		for (; k < fresh->len && range_of(fresh, k)->first < element->first; k++)
			g_array_append_vals(after, range_of(fresh, k), 1);
		g_array_append_vals(after, element, 1);
	}
	if (k < fresh->len)
		g_array_append_vals(after, range_of(fresh, k), fresh->len - k);
	return after;
}
