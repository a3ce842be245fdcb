/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The set of used ports and the draw among the free ones: P-8, P-9, P-21. */
#include <glib.h>

#include "daemon/core/port_set.h"

static const uint8_t seed[RANDOM_SEED_SIZE] = {1, 2, 3};

static struct port_ranges ranges_of(const char *text)
{
	char error[PORTS_ERROR_SIZE];
	struct port_ranges ranges;

	g_assert_null(port_ranges_parse(text, &ranges, error, sizeof(error)));
	return ranges;
}

/* Through all forms and back, against an array of truth values. */
static void test_forms(void)
{
	g_autofree uint16_t *order = g_new(uint16_t, 4096);
	g_autoptr(GRand) rand = g_rand_new_with_seed(2);
	struct port_ranges all = ranges_of("1-65535");
	struct port_set set = {.n_used = 0};

	for (unsigned i = 0; i < 4096; i++)
		order[i] = (uint16_t)(i * 15 + 1);
	for (unsigned i = 4095; i > 0; i--) {
		unsigned j = (unsigned)g_rand_int_range(rand, 0, (int)i + 1);
		uint16_t swap = order[i];

		order[i] = order[j];
		order[j] = swap;
	}
	for (unsigned i = 0; i < 4096; i++) {
		g_assert_false(port_set_contains(&set, order[i]));
		g_assert_true(port_set_add(&set, order[i]));
		g_assert_false(port_set_add(&set, order[i]));
		g_assert_cmpuint(set.n_used, ==, i + 1);
		g_assert_true(port_set_check(&set));
		if (i < PORT_SET_IN_PLACE)
			g_assert_cmpuint(port_set_memory(&set), ==, 0);
		else
			g_assert_cmpuint(port_set_memory(&set), <=,
					 i < PORT_SET_BITMAP ? 2048 : 8192);
	}
	g_assert_cmpuint(port_set_count(&set, &all, &port_class_any), ==, 4096);
	for (unsigned i = 0; i < 4096; i++) {
		for (unsigned j = 0; j < 4096; j += 97)
			g_assert_true(port_set_contains(&set, order[j]) == (j >= i));
		port_set_remove(&set, order[i]);
		g_assert_true(port_set_check(&set));
		if (4096 - i - 1 < PORT_SET_BITMAP / 2)
			g_assert_cmpuint(port_set_memory(&set), <=, 1024);
	}
	g_assert_cmpuint(set.n_used, ==, 0);
	g_assert_cmpuint(port_set_memory(&set), ==, 0);
	port_set_deinit(&set);
}

/* Count by class, in the array's form and in the bitmap's. */
static void test_count(void)
{
	struct port_ranges ranges = ranges_of("1 10-20 63-64 1000-1100 60000-65535");
	static const struct port_class classes[] = {
		{0, 65535, -1}, {0, 1023, 0}, {0, 1023, 1}, {1024, 65535, 1}, {0, 1023, -1}};
	struct port_set set = {.n_used = 0};
	g_autofree bool *model = g_new0(bool, 65536);

	for (unsigned port = 1; port < 65536; port += port < 1200 ? 3 : 16) {
		g_assert_true(port_set_add(&set, (uint16_t)port));
		model[port] = true;
		if (set.n_used % 50 != 0)
			continue;
		for (size_t i = 0; i < G_N_ELEMENTS(classes); i++) {
			uint32_t n = 0;

			for (unsigned p = 0; p < 65536; p++)
				n += model[p] && port_ranges_contain(&ranges, (uint16_t)p) &&
				     port_class_contains(&classes[i], (uint16_t)p);
			g_assert_cmpuint(port_set_count(&set, &ranges, &classes[i]), ==, n);
		}
	}
	g_assert_cmpuint(set.n_used, >, PORT_SET_BITMAP);
	port_set_deinit(&set);
}

/* P-21: each port of the ranges is drawn before the draw fails, and no other. */
static void test_draw_reaches_every_port(void)
{
	static const char *const texts[] = {"80", "1-16", "1024-1039 5000", "1 63-65 127-130 65535",
					    "20000-23999"};
	struct random random;

	random_init(&random, seed);
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		struct port_ranges ranges = ranges_of(texts[i]);
		struct port_set set = {.n_used = 0};
		uint16_t port;

		while (port_set_draw(&set, &ranges, &port_class_any, &random, &port)) {
			g_assert_true(port_ranges_contain(&ranges, port));
			g_assert_true(port_set_add(&set, port));
		}
		g_assert_cmpuint(set.n_used, ==, port_ranges_count(&ranges));
		port_set_deinit(&set);
	}
}

/* The class binds the draw too: odd ports below 1024 run out while others are free. */
/* All ports of the ranges that are of the class, and no more. */
static void check_drawn(const char *text, const struct port_class *class, unsigned n)
{
	struct port_ranges ranges = ranges_of(text);
	struct port_set set = {.n_used = 0};
	struct random random;
	uint16_t port;

	random_init(&random, seed);
	while (port_set_draw(&set, &ranges, class, &random, &port)) {
		g_assert_true(port_class_contains(class, port));
		g_assert_true(port_ranges_contain(&ranges, port));
		g_assert_true(port_set_add(&set, port));
	}
	g_assert_cmpuint(set.n_used, ==, n);
	g_assert_true(port_set_draw(&set, &ranges, &port_class_any, &random, &port));
	port_set_deinit(&set);
}

static void test_draw_in_class(void)
{
	static const struct port_class low_odd = {0, 1023, 1}, high_odd = {1024, 65535, 1};

	check_drawn("100-120 1000-2000", &low_odd, 10 + 12);
	/* So many that they are a bitmap; a range with none of them. */
	check_drawn("1030 2001-9999 20000 30000-30003", &high_odd, 4000 + 2);
}

/*
 * P-9: draws among the free ports are uniform. Chi-square with n - 1 degrees of freedom: the limit
 * is the mean and five standard deviations, which the fixed seed either always keeps or never.
 */
static void check_uniform(const struct port_set *set, const struct port_ranges *ranges,
			  const struct port_class *class)
{
	g_autofree uint32_t *hits = g_new0(uint32_t, 65536);
	uint32_t n_free = 0, n_draws;
	double expected, chi_square = 0;
	struct random random;

	random_init(&random, seed);
	for (unsigned p = 0; p < 65536; p++)
		n_free += port_ranges_contain(ranges, (uint16_t)p) &&
			  port_class_contains(class, (uint16_t)p) &&
			  !port_set_contains(set, (uint16_t)p);
	n_draws = MAX(2000, n_free * 4);
	expected = (double)n_draws / n_free;
	for (uint32_t i = 0; i < n_draws; i++) {
		uint16_t port;

		g_assert_true(port_set_draw(set, ranges, class, &random, &port));
		g_assert_false(port_set_contains(set, port));
		hits[port]++;
	}
	for (unsigned p = 0; p < 65536; p++) {
		if (port_ranges_contain(ranges, (uint16_t)p) &&
		    port_class_contains(class, (uint16_t)p) && !port_set_contains(set, (uint16_t)p))
			chi_square += (hits[p] - expected) * (hits[p] - expected) / expected;
		else
			g_assert_cmpuint(hits[p], ==, 0);
	}
	chi_square -= n_free - 1;
	if (chi_square > 0)
		g_assert_cmpfloat(chi_square * chi_square, <, 5.0 * 5.0 * 2 * (n_free - 1));
}

static void test_draw_is_uniform(void)
{
	static const struct port_class even = {1024, 65535, 0};
	struct port_ranges few = ranges_of("80 443 1000-1020 1030-1049 40000");
	struct port_ranges many = ranges_of("1024-65535");
	struct port_ranges some = ranges_of("30000-34999");
	struct port_set set = {.n_used = 0};

	check_uniform(&set, &few, &port_class_any);
	check_uniform(&set, &many, &port_class_any);
	check_uniform(&set, &many, &even);

	/* 40 of 44 in use: mostly the exact pass, in the array's form. */
	for (unsigned port = 1000; port < 1050; port++)
		if (port_ranges_contain(&few, (uint16_t)port) && port % 12 != 0)
			g_assert_true(port_set_add(&set, (uint16_t)port));
	check_uniform(&set, &few, &port_class_any);

	/* 95 % in use: the same as a bitmap. */
	for (unsigned port = 30000; port < 35000; port++)
		if (port % 21 != 0)
			g_assert_true(port_set_add(&set, (uint16_t)port));
	g_assert_cmpuint(port_set_memory(&set), ==, 8192);
	check_uniform(&set, &some, &port_class_any);
	check_uniform(&set, &some, &even);
	port_set_deinit(&set);
}

/* Of the ports in use in the ranges each is drawn, in every form, and no other. */
static void check_members(const char *text, unsigned first, unsigned last, unsigned step)
{
	struct port_ranges ranges = ranges_of(text);
	g_autofree uint32_t *hits = g_new0(uint32_t, 65536);
	struct port_set set = {.n_used = 0};
	struct random random;
	uint16_t port;

	random_init(&random, seed);
	g_assert_false(port_set_draw_member(&set, &ranges, &random, &port));
	for (unsigned i = first; i <= last; i += step)
		g_assert_true(port_set_add(&set, (uint16_t)i));
	for (uint32_t i = 0; i < set.n_used * 20; i++) {
		g_assert_true(port_set_draw_member(&set, &ranges, &random, &port));
		hits[port]++;
	}
	for (unsigned i = 0; i < 65536; i++)
		g_assert_true((hits[i] > 0) == (port_ranges_contain(&ranges, (uint16_t)i) &&
						port_set_contains(&set, (uint16_t)i)));
	port_set_deinit(&set);
}

static void test_draw_member(void)
{
	check_members("1-65535", 30000, 30003, 3);
	check_members("1000-30010 30012-30040 40000", 30000, 30048, 4);
	check_members("29000-30010 30012-30020 30021-30040 30044-31000", 30000, 30048, 4);
	check_members("1 20000-20999 21100-30000", 20000, 24095, 3);
}

/* What a set costs follows its size in steps, up and down, and not at once down where it has just
 * gone up: four ports in place, arrays of 8 to 1024, then a bit for each port. */
static void test_steps_of_memory(void)
{
	static const struct {
		uint32_t n_ports, bytes; /* from so many ports on */
	} up[] = {{0, 0},    {5, 16},    {9, 32},     {17, 64},    {33, 128},
		  {65, 256}, {129, 512}, {257, 1024}, {513, 2048}, {1025, 8192}},
	  /* down to so many */
		down[] = {{1500, 8192}, {511, 1024}, {128, 512}, {64, 256}, {32, 128},
			  {16, 64},     {8, 32},     {4, 16},    {2, 0},    {0, 0}};
	struct port_set set = {.n_used = 0};
	unsigned step = 0;

	for (uint32_t n = 0; n <= 1500; n++) {
		if (step + 1 < G_N_ELEMENTS(up) && n == up[step + 1].n_ports)
			step++;
		g_assert_cmpuint(set.n_used, ==, n);
		g_assert_cmpuint(port_set_memory(&set), ==, up[step].bytes);
		g_assert_true(port_set_add(&set, (uint16_t)(n * 7)));
	}
	step = 0;
	for (uint32_t n = 1500; n < UINT32_MAX; n--) {
		port_set_remove(&set, (uint16_t)(n * 7));
		while (step + 1 < G_N_ELEMENTS(down) && n <= down[step + 1].n_ports)
			step++;
		g_assert_cmpuint(set.n_used, ==, n);
		g_assert_cmpuint(port_set_memory(&set), ==, down[step].bytes);
	}
	port_set_deinit(&set);
}

/* What stands behind the end of a list of ranges is none of them. */
static void test_unused_ranges(void)
{
	const struct port_ranges one = {{{10, 11}, {30, 63}}, 1};
	struct random random;
	struct port_set set = {.n_used = 0};
	uint16_t port;

	random_init(&random, seed);
	g_assert_true(port_set_add(&set, 40));
	g_assert_cmpuint(port_set_count(&set, &one, &port_class_any), ==, 0);
	g_assert_false(port_set_draw_member(&set, &one, &random, &port));
	for (unsigned i = 0; i < 2; i++) {
		g_assert_true(port_set_draw(&set, &one, &port_class_any, &random, &port));
		g_assert_cmpuint(port, <=, 11);
		g_assert_true(port_set_add(&set, port));
	}
	g_assert_cmpuint(port_set_count(&set, &one, &port_class_any), ==, 2);
	g_assert_false(port_set_draw(&set, &one, &port_class_any, &random, &port));
	port_set_deinit(&set);
}

/* What lies between ranges is of none of them, also if it is the next in the set. */
static void test_member_between_ranges(void)
{
	const struct port_ranges ranges = ranges_of("10 20 30-31");
	struct port_set set = {.n_used = 0};
	bool drawn[64] = {false};
	struct random random;
	uint16_t port;

	random_init(&random, seed);
	for (port = 5; port < 40; port += 5)
		g_assert_true(port_set_add(&set, port));
	for (unsigned i = 0; i < 100; i++) {
		g_assert_true(port_set_draw_member(&set, &ranges, &random, &port));
		drawn[port] = true;
	}
	for (unsigned i = 0; i < G_N_ELEMENTS(drawn); i++)
		g_assert_cmpint(drawn[i], ==, i == 10 || i == 20 || i == 30);
	port_set_deinit(&set);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/port-set/forms", test_forms);
	g_test_add_func("/port-set/count", test_count);
	g_test_add_func("/port-set/draw-reaches-every-port", test_draw_reaches_every_port);
	g_test_add_func("/port-set/draw-in-class", test_draw_in_class);
	g_test_add_func("/port-set/draw-is-uniform", test_draw_is_uniform);
	g_test_add_func("/port-set/draw-member", test_draw_member);
	g_test_add_func("/port-set/steps-of-memory", test_steps_of_memory);
	g_test_add_func("/port-set/member-between-ranges", test_member_between_ranges);
	g_test_add_func("/port-set/unused-ranges", test_unused_ranges);
	return g_test_run();
}
