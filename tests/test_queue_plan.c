/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whoever came before: each queue that is wanted has one socket, and none changes its socket. */
#include <glib.h>

#include "daemon/queue_plan.h"

#define FIRST 6400

/* "6400 6404 | 6401": the queues of each socket, those for TCP in front; old ones behind a '-'. */
static char *print(const struct queue_plan *plan)
{
	GString *text = g_string_new(NULL);

	for (unsigned i = 0; i < plan->n_sockets; i++) {
		const struct queue_plan_socket *socket = &plan->socket[i];

		if (i > 0)
			g_string_append(text, " |");
		for (unsigned j = 0; j < socket->n_queues + socket->n_old; j++)
			g_string_append_printf(text, "%s%s%u", i + j > 0 ? " " : "",
					       j == socket->n_queues ? "- " : "",
					       socket->number[j]);
	}
	return g_string_free(text, FALSE);
}

/* What the sockets of a plan have, as the kernel tells it. */
static unsigned own(const struct queue_plan *plan, bool is_known, struct queue_plan_owned *ret)
{
	for (unsigned i = 0; i < plan->n_sockets; i++) {
		ret[i] = (struct queue_plan_owned){.is_known = is_known,
						   .n = is_known ? plan->socket[i].n_queues : 0};
		for (unsigned j = 0; j < ret[i].n; j++)
			ret[i].number[j] = plan->socket[i].number[ret[i].n - 1 - j];
	}
	return plan->n_sockets;
}

static void test_plans(void)
{
	/* clang-format off */
	static const struct {
		unsigned before; /* 0: nobody */
		unsigned first_before;
		unsigned n;
		const char *expected;
	} cases[] = {
		{ 0, FIRST, 1, "6400 6401" },
		{ 0, FIRST, 4, "6400 6404 | 6401 6405 | 6402 6406 | 6403 6407" },
		{ 4, FIRST, 4, "6400 6404 | 6401 6405 | 6402 6406 | 6403 6407" },
		{ 4, FIRST, 2, "6400 - 6404 | 6401 - 6405 | 6402 - 6406 | 6403 - 6407" },
		{ 2, FIRST, 4, "6400 6402 | 6401 6403 | 6404 6406 | 6405 6407" },
		{ 1, FIRST, 4, "6400 6401 | 6402 6405 | 6403 6406 | 6404 6407" },
		{ 2, 6500,  2, "6400 6402 - 6502 6500 | 6401 6403 - 6503 6501" },
		{ 4, FIRST, 1, "6400 - 6404 | 6401 - 6405 | - 6406 6402 | - 6407 6403" },
	};
	/* clang-format on */
	static struct queue_plan_owned owned[QUEUE_PLAN_SOCKETS_MAX];
	static struct queue_plan before, plan;

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		unsigned n_owned = 0;
		g_autofree char *text = NULL;

		if (cases[i].before > 0) {
			queue_plan_make((uint16_t)cases[i].first_before, cases[i].before, NULL, 0,
					&before);
			n_owned = own(&before, true, owned);
		}
		queue_plan_make(FIRST, cases[i].n, owned, n_owned, &plan);
		text = print(&plan);
		g_assert_cmpstr(text, ==, cases[i].expected);
	}
}

/* Where the kernel does not tell, they are taken for what they most likely are. */
static void test_unknown(void)
{
	static struct queue_plan_owned owned[QUEUE_PLAN_SOCKETS_MAX];
	static struct queue_plan before, plan;
	g_autofree char *expected = NULL;
	g_autofree char *text = NULL;

	queue_plan_make(FIRST, 3, NULL, 0, &before);
	queue_plan_make(FIRST, 3, owned, own(&before, false, owned), &plan);
	expected = print(&before);
	text = print(&plan);
	g_assert_cmpstr(text, ==, expected);
}

/* Any numbers of threads, one after the other: all that is wanted is there once, and stays where it
 * was. */
static void test_any(void)
{
	static struct queue_plan_owned owned[QUEUE_PLAN_SOCKETS_MAX];
	static struct queue_plan plan;
	unsigned n_owned = 0;
	GRand *random = g_rand_new_with_seed(32);

	for (unsigned turn = 0; turn < 500; turn++) {
		const unsigned n = (unsigned)g_rand_int_range(random, 1, 33);
		unsigned seen[2 * QUEUE_PLAN_SOCKETS_MAX] = {0};
		unsigned most = 0;

		queue_plan_make(FIRST, n, owned, n_owned, &plan);
		for (unsigned i = 0; i < plan.n_sockets; i++) {
			const struct queue_plan_socket *socket = &plan.socket[i];

			most = MAX(most, socket->n_super);
			for (unsigned j = 0; j < socket->n_queues; j++) {
				const unsigned offset = socket->number[j] - FIRST;

				g_assert_cmpuint(offset, <, 2 * n);
				g_assert_cmpint(offset < n, ==, j < socket->n_super);
				seen[offset]++;
				for (unsigned k = 0; k < n_owned; k++)
					for (unsigned l = 0; l < owned[k].n; l++)
						if (owned[k].number[l] == socket->number[j])
							g_assert_cmpuint(k, ==, i);
			}
		}
		for (unsigned i = 0; i < 2 * n; i++)
			g_assert_cmpuint(seen[i], ==, 1);
		n_owned = own(&plan, true, owned);
	}
	g_rand_free(random);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/queue_plan/plans", test_plans);
	g_test_add_func("/queue_plan/unknown", test_unknown);
	g_test_add_func("/queue_plan/any", test_any);
	return g_test_run();
}
