/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What has to change in a set of IPv4 addresses, element by element. */
#include "daemon/rules_elements.h"
#include "tests/craft.h"

static GArray *ranges_new(void)
{
	return g_array_new(FALSE, FALSE, sizeof(struct addr4_range));
}

/* "1-3 9": addresses as plain numbers. */
static GArray *parse(const char *text)
{
	g_auto(GStrv) words = g_strsplit(text, " ", -1);
	GArray *ranges = ranges_new();

	for (char **word = words; *word != NULL && **word != '\0'; word++) {
		char *end;
		struct addr4_range range = {.first = (uint32_t)strtoul(*word, &end, 10)};

		range.last = *end == '-' ? (uint32_t)strtoul(end + 1, NULL, 10) : range.first;
		g_array_append_val(ranges, range);
	}
	return ranges;
}

static char *print(const GArray *ranges)
{
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < ranges->len; i++) {
		const struct addr4_range *range = &g_array_index(ranges, struct addr4_range, i);

		g_string_append_printf(text, "%s%u", i == 0 ? "" : " ", range->first);
		if (range->last != range->first)
			g_string_append_printf(text, "-%u", range->last);
	}
	return g_string_free(text, FALSE);
}

static void test_compare(void)
{
	/* clang-format off */
	static const struct {
		const char *elements;
		const char *wanted;
		const char *gone;
		const char *fresh;
		const char *after;
		bool gap;
	} cases[] = {
		{ "", "", "", "", "", false },
		{ "", "1-3 9", "", "1-3 9", "1-3 9", false },
		{ "1-3 9", "1-3 9", "", "", "1-3 9", false },
		{ "1-3 9", "", "1-3 9", "", "", false },
		{ "5", "1 5 9", "", "1 9", "1 5 9", false },
		/* what is wanted stays, and so new neighbours do not become one with it */
		{ "5", "4-6", "", "4 6", "4 5 6", false },
		{ "4 5 6", "4-6", "", "", "4 5 6", false },
		{ "4 5 6", "4 6", "5", "", "4 6", false },
		/* an element can only go as a whole */
		{ "1-9", "1-4 6-9", "1-9", "1-4 6-9", "1-4 6-9", true },
		{ "1-9", "2-9", "1-9", "2-9", "2-9", true },
		{ "1-9", "1-8", "1-9", "1-8", "1-8", true },
		{ "1-4 5-9", "3-7", "1-4 5-9", "3-7", "3-7", true },
		{ "1-4 5-9", "1-7", "5-9", "5-7", "1-4 5-7", true },
		{ "0-4294967295", "0-9", "0-4294967295", "0-9", "0-9", true },
		{ "4294967295", "7 4294967295", "", "7", "7 4294967295", false },
	};
	/* clang-format on */

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GArray) elements = parse(cases[i].elements);
		g_autoptr(GArray) wanted = parse(cases[i].wanted);
		g_autoptr(GArray) after = NULL;
		g_autofree char *gone = NULL, *fresh = NULL, *afterwards = NULL;
		struct rules_difference difference;

		rules_elements_compare(elements, wanted, &difference);
		after = rules_elements_after(elements, &difference);
		gone = print(difference.gone);
		fresh = print(difference.fresh);
		afterwards = print(after);
		g_assert_cmpstr(gone, ==, cases[i].gone);
		g_assert_cmpstr(fresh, ==, cases[i].fresh);
		g_assert_cmpstr(afterwards, ==, cases[i].after);
		g_assert_cmpint(difference.gap, ==, cases[i].gap);
		rules_difference_deinit(&difference);
	}
}

#define N_ADDRESSES 64
#define N_STEPS     20000

static GArray *ranges_of_bits(uint64_t bits)
{
	GArray *ranges = ranges_new();

	for (uint32_t i = 0; i < N_ADDRESSES; i++) {
		struct addr4_range range = {i, i};

		if (bits >> i & 1)
			g_array_append_val(ranges, range);
	}
	g_array_set_size(ranges, addr4_ranges_merge((struct addr4_range *)(void *)ranges->data,
						    ranges->len));
	return ranges;
}

/* Also says whether they are in order and have no overlaps. */
static uint64_t bits_of_ranges(const GArray *ranges)
{
	uint64_t bits = 0, next = 0;

	for (guint i = 0; i < ranges->len; i++) {
		const struct addr4_range *range = &g_array_index(ranges, struct addr4_range, i);

		g_assert_cmpuint(range->first, >=, next);
		g_assert_cmpuint(range->last, >=, range->first);
		next = (uint64_t)range->last + 1;
		for (uint32_t addr = range->first; addr <= range->last; addr++)
			bits |= UINT64_C(1) << addr;
	}
	return bits;
}

/* Against sets of bits: what goes was there as it is, what comes was not, and what is wanted all
 * the time is only missing where it is said. */
static void test_random(void)
{
	g_autoptr(GRand) random = g_rand_new_with_seed(64);
	GArray *elements = ranges_new();
	unsigned n_gaps = 0;

	for (unsigned i = 0; i < N_STEPS; i++) {
		uint64_t before = bits_of_ranges(elements);
		/* Few changes, or something else altogether. */
		uint64_t word = (uint64_t)g_rand_int(random) << 32 | g_rand_int(random);
		uint64_t bits = g_rand_int_range(random, 0, 8) == 0
					? word
					: before ^ UINT64_C(3) << g_rand_int_range(random, 0, 63);
		g_autoptr(GArray) wanted = ranges_of_bits(bits);
		struct rules_difference difference;
		uint64_t gone, fresh;
		GArray *after;

		rules_elements_compare(elements, wanted, &difference);
		gone = bits_of_ranges(difference.gone);
		fresh = bits_of_ranges(difference.fresh);
		after = rules_elements_after(elements, &difference);
		g_assert_cmphex(gone & ~before, ==, 0);
		g_assert_cmphex(fresh & before & ~gone, ==, 0);
		g_assert_cmpint(difference.gap, ==, (gone & bits) != 0);
		g_assert_cmphex(bits_of_ranges(after), ==, bits);
		g_assert_cmpuint(after->len, ==,
				 elements->len - difference.gone->len + difference.fresh->len);
		n_gaps += difference.gap;
		rules_difference_deinit(&difference);
		g_array_unref(elements);
		elements = after;
	}
	g_assert_cmpuint(n_gaps, >, N_STEPS / 10);
	g_assert_cmpuint(n_gaps, <, N_STEPS);
	g_array_unref(elements);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/rules_elements/compare", test_compare);
	g_test_add_func("/rules_elements/random", test_random);
	return g_test_run();
}
