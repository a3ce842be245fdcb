/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The maps of deterministic mode in the log: at the start, at each change, and once a day (L-12).
 */
#include "daemon/map_log.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>

#include "tests/gateway_fixture.h"

#define DAY_MS    (UINT64_C(24) * 60 * 60 * 1000)
#define NAME      "-\tNAT64 deterministic map\ttest"
#define CLIENTS   "2001:db8::/126"
#define ADDRESSES "203.0.113.1-203.0.113.2"
#define MAP       "\ttcp udp icmp\t" CLIENTS "\t128\t203.0.113.1-203.0.113.2\t1024-2047\t2\t512"

struct fixture {
	struct gateway_fixture *core;
	struct gateway gateway;
	struct event_log *log;
	struct map_log *maps;
	char *directory, *path;
	size_t n_read;
};

static void begin(struct fixture *f, enum pool4_mode mode)
{
	const struct nat64_limits limits = {1000, 2000, 16, 1 << 20, .pool4 = {.mode = mode}};
	g_autofree char *target = NULL;

	*f = (struct fixture){.directory = g_dir_make_tmp("nat64d-XXXXXX", NULL)};
	f->path = g_build_filename(f->directory, "log", NULL);
	f->core = gateway_new_with(&(struct gateway_options){.addresses = ADDRESSES,
							     .ports = "1024-2047",
							     .limits = &limits,
							     .now_ms = FIXTURE_START_MS,
							     .clients = CLIENTS});
	gateway_init(&f->gateway);
	f->gateway.nat = f->core->nat;
	f->log = event_log_new();
	target = g_strconcat("file:", f->path, NULL);
	/* Also without Log.Bindings. */
	event_log_set(f->log, &(struct config_log){.bindings = false, .target = target});
	f->maps = map_log_new(&f->gateway, f->log);
}

static void end(struct fixture *f)
{
	map_log_free(f->maps);
	event_log_free(f->log);
	f->gateway.nat = NULL; /* the fixture's */
	gateway_deinit(&f->gateway);
	gateway_free(f->core);
	(void)g_unlink(f->path);
	(void)g_rmdir(f->directory);
	g_free(f->path);
	g_free(f->directory);
}

/* Exactly this has come: nothing, or a line after its time. */
static void assert_written(struct fixture *f, const char *expected)
{
	g_autofree char *text = NULL;
	gsize size = 0;
	const char *line;

	event_log_flush(f->log, FIXTURE_START_MS);
	if (expected == NULL && !g_file_test(f->path, G_FILE_TEST_EXISTS))
		return;
	g_assert_true(g_file_get_contents(f->path, &text, &size, NULL));
	if (expected == NULL) {
		g_assert_cmpuint(size, ==, f->n_read);
		return;
	}
	g_assert_cmpuint(size, >, f->n_read);
	line = text + f->n_read;
	g_assert_true(g_regex_match_simple("^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z\t",
					   line, 0, 0));
	g_assert_cmpstr(strchr(line, '\t') + 1, ==, expected);
	f->n_read = size;
}

static void test_changes(void)
{
	struct fixture f;
	struct pool4 *pool;
	uint32_t id;

	begin(&f, POOL4_DETERMINISTIC);
	pool = f.core->nat->pool4;
	id = f.core->pool4;
	map_log_look_all(f.maps, FIXTURE_START_MS);
	assert_written(&f, NAME "\tactive" MAP "\n");
	map_log_look_all(f.maps, FIXTURE_START_MS + 10000);
	map_log_look(f.maps, id);
	assert_written(&f, NULL);

	pool4_set_state(pool, id, POOL4_DRAINING);
	map_log_look(f.maps, id);
	assert_written(&f, NAME "\tdraining" MAP "\n");
	g_assert_cmpint(pool4_set_ports(pool, id, &(struct port_ranges){{{2048, 2057}}, 1}), ==,
			POOL4_OK);
	map_log_look_all(f.maps, FIXTURE_START_MS + 20000);
	assert_written(&f, NAME "\tdraining\ttcp udp icmp\t" CLIENTS
				"\t128\t203.0.113.1-203.0.113.2\t2048-2057\t2\t5\n");

	g_assert_cmpint(pool4_remove(pool, id), ==, POOL4_OK);
	map_log_look(f.maps, id);
	assert_written(&f, NAME "\tgone\n");
	map_log_look(f.maps, id);
	map_log_look_all(f.maps, FIXTURE_START_MS + 30000);
	map_log_look(f.maps, 4711);
	assert_written(&f, NULL);
	end(&f);
}

static void test_daily(void)
{
	struct fixture f;

	begin(&f, POOL4_DETERMINISTIC);
	map_log_look_all(f.maps, FIXTURE_START_MS);
	assert_written(&f, NAME "\tactive" MAP "\n");
	map_log_look_all(f.maps, FIXTURE_START_MS + DAY_MS - 1);
	assert_written(&f, NULL);
	map_log_look_all(f.maps, FIXTURE_START_MS + DAY_MS);
	assert_written(&f, NAME "\tactive" MAP "\n");
	map_log_look_all(f.maps, FIXTURE_START_MS + DAY_MS + 10000);
	assert_written(&f, NULL);

	/* One that is gone, and nobody has said so. */
	g_assert_cmpint(pool4_remove(f.core->nat->pool4, f.core->pool4), ==, POOL4_OK);
	map_log_look_all(f.maps, FIXTURE_START_MS + DAY_MS + 20000);
	assert_written(&f, NAME "\tgone\n");
	end(&f);
}

static void test_other_modes(void)
{
	struct fixture f;

	begin(&f, POOL4_DYNAMIC);
	map_log_look_all(f.maps, FIXTURE_START_MS);
	map_log_look(f.maps, f.core->pool4);
	assert_written(&f, NULL);
	end(&f);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/map_log/changes", test_changes);
	g_test_add_func("/map_log/daily", test_daily);
	g_test_add_func("/map_log/other_modes", test_other_modes);
	return g_test_run();
}
