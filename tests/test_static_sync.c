/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tens of thousands of static bindings in step with the configuration and what was changed by
 * command: as many as an address has ports. None is compared with each other one, which would take
 * longer than this test may.
 */
#include "daemon/static_sync.h"

#include "daemon/core/nat64.h"
#include "daemon/static_key.h"
#include "tests/craft.h"
#include "tests/gateway_fixture.h"

#define FIRST 1024
#define N     60000

struct fixture {
	struct gateway gateway;
	struct gateway_fixture *core;
	struct pool4_runtime *runtime;
	struct static_sync *sync;
	struct config config;
};

static void no_report(int level, const char *text)
{
	g_error("%d %s", level, text);
}

static struct config_static binding_of(uint32_t i)
{
	struct config_static binding = {.protocol = {[PROTOCOL_TCP] = true}};

	(void)g_snprintf(binding.name, sizeof(binding.name), "s%u", i);
	binding.inside = (struct taddr6){craft_addr6("2001:db8:1::5"), (uint16_t)(FIRST + i)};
	binding.outside = (struct taddr4){craft_addr4("203.0.113.1"), (uint16_t)(FIRST + i)};
	return binding;
}

static void set_up(struct fixture *f, gconstpointer data)
{
	static const struct nat64_limits limits = {N, N, 16, 1 << 20};

	gateway_init(&f->gateway);
	f->core = gateway_new("203.0.113.1", "1024-65535", &limits);
	f->gateway.nat = f->core->nat;
	f->runtime = pool4_runtime_new();
	f->sync = static_sync_new(&f->gateway, no_report);
	f->config.statics = g_new0(struct config_static, N);
	f->config.n_statics = N;
	for (uint32_t i = 0; i < N; i++)
		f->config.statics[i] = binding_of(i);
}

static void tear_down(struct fixture *f, gconstpointer data)
{
	g_free(f->config.statics);
	static_sync_free(f->sync);
	pool4_runtime_free(f->runtime);
	f->gateway.nat = NULL;
	gateway_deinit(&f->gateway);
	gateway_free(f->core);
}

static void assert_bound(const struct fixture *f, uint32_t n)
{
	g_assert_cmpuint(static_sync_count(f->sync), ==, n);
	g_assert_cmpuint(nat64_n_bindings(f->gateway.nat), ==, n);
	g_assert_true(nat64_check(f->gateway.nat));
}

/* All of the file; every second of them; all again. */
static void test_file(struct fixture *f, gconstpointer data)
{
	struct config half = {.statics = g_new0(struct config_static, N / 2), .n_statics = N / 2};

	for (uint32_t i = 0; i < N / 2; i++)
		half.statics[i] = f->config.statics[2 * i];
	g_assert_cmpuint(static_sync_follow(f->sync, &f->config, true, f->runtime), ==, 0);
	assert_bound(f, N);
	g_assert_cmpuint(static_sync_follow(f->sync, &f->config, true, f->runtime), ==, 0);
	assert_bound(f, N);
	g_assert_cmpuint(static_sync_follow(f->sync, &half, true, f->runtime), ==, 0);
	assert_bound(f, N / 2);
	g_assert_cmpuint(static_sync_follow(f->sync, &f->config, true, f->runtime), ==, 0);
	assert_bound(f, N);
	g_free(half.statics);
}

/* The same by command, each of which may come twice, and go. */
static void test_commands(struct fixture *f, gconstpointer data)
{
	const struct config nothing = {.n_statics = 0};

	for (uint32_t i = 0; i < N; i++)
		pool4_runtime_add_static(f->runtime, &f->config.statics[i], false);
	pool4_runtime_add_static(f->runtime, &f->config.statics[7], false);
	g_assert_cmpuint(f->runtime->statics->len, ==, N);
	g_assert_cmpuint(static_sync_follow(f->sync, &nothing, true, f->runtime), ==, 0);
	assert_bound(f, N);
	pool4_runtime_remove_static(f->runtime, &f->config.statics[7], false);
	g_assert_null(pool4_runtime_find_static(f->runtime, &f->config.statics[7]));
	g_assert_nonnull(pool4_runtime_find_static(f->runtime, &f->config.statics[8]));
	g_assert_cmpuint(static_sync_follow(f->sync, &nothing, true, f->runtime), ==, 0);
	assert_bound(f, N - 1);
}

/* Those of the file, removed by command: they stay away until they are added again. */
static void test_removed(struct fixture *f, gconstpointer data)
{
	for (uint32_t i = 1; i < N; i++)
		pool4_runtime_remove_static(f->runtime, &f->config.statics[i], true);
	g_assert_cmpuint(static_sync_follow(f->sync, &f->config, true, f->runtime), ==, 0);
	assert_bound(f, 1);
	pool4_runtime_add_static(f->runtime, &f->config.statics[9], true);
	g_assert_cmpuint(static_sync_follow(f->sync, &f->config, true, f->runtime), ==, 0);
	assert_bound(f, 2);
}

/* What makes two bindings the same: both sides and the protocols; not what they are called. */
static void test_keys(void)
{
	const struct config_static one = binding_of(1);
	GHashTable *keys = static_keys_new();
	struct config_static other = one;

	g_assert_true(static_keys_add(keys, &one));
	g_assert_false(static_keys_add(keys, &one));
	(void)g_strlcpy(other.name, "another", sizeof(other.name));
	g_assert_true(static_keys_contain(keys, &other));
	other.inside.addr.byte[15]++;
	g_assert_false(static_keys_contain(keys, &other));
	other = one;
	other.inside.port++;
	g_assert_false(static_keys_contain(keys, &other));
	other = one;
	other.outside.addr++;
	g_assert_false(static_keys_contain(keys, &other));
	other = one;
	other.outside.port++;
	g_assert_false(static_keys_contain(keys, &other));
	other = one;
	other.protocol[PROTOCOL_UDP] = true;
	g_assert_false(static_keys_contain(keys, &other));
	other = static_key_only(&other, PROTOCOL_TCP);
	g_assert_true(static_keys_contain(keys, &other));
	static_keys_remove(keys, &one);
	g_assert_false(static_keys_contain(keys, &one));
	g_hash_table_unref(keys);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(struct fixture *f, gconstpointer data);
	} tests[] = {
		{"/static_sync/file", test_file},
		{"/static_sync/commands", test_commands},
		{"/static_sync/removed", test_removed},
	};

	g_test_init(&argc, &argv, NULL);
	for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++)
		g_test_add(tests[i].name, struct fixture, NULL, set_up, tests[i].run, tear_down);
	g_test_add_func("/static_sync/keys", test_keys);
	return g_test_run();
}
