/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/state_fixture.h"

#include <glib/gstdio.h>
#include <stdarg.h>

#include "daemon/core/persist.h"
#include "daemon/log.h"

void __wrap_log_line(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

static GMutex log_lock;
static GPtrArray *log_lines;

void __wrap_log_line(int level, const char *format, ...)
{
	va_list arguments;
	char *line;

	va_start(arguments, format);
	line = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	g_mutex_lock(&log_lock);
	g_assert_nonnull(log_lines);
	g_ptr_array_add(log_lines, line);
	g_mutex_unlock(&log_lock);
}

void state_setup(struct state_fixture *f, gconstpointer data)
{
	f->directory = g_dir_make_tmp("nat64d-state-XXXXXX", NULL);
	g_assert_nonnull(f->directory);
	f->path = g_build_filename(f->directory, "state.db", NULL);
	f->log = log_lines = g_ptr_array_new_with_free_func(g_free);
	f->options = (struct gateway_options){.addresses = "203.0.113.1", .ports = "1024-65535"};
	fake_time_set(STATE_BOOT_MS, STATE_WALL_MS, "boot 1");
}

static void clean(const char *directory)
{
	GDir *dir = g_dir_open(directory, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		char *path = g_build_filename(directory, name, NULL);

		(void)g_unlink(path);
		g_free(path);
	}
	if (dir)
		g_dir_close(dir);
}

void state_teardown(struct state_fixture *f, gconstpointer data)
{
	clean(f->directory);
	(void)g_rmdir(f->directory);
	log_lines = NULL;
	g_ptr_array_unref(f->log);
	g_free(f->path);
	g_free(f->directory);
}

void state_begin(struct state_fixture *f)
{
	const struct config_state config = {
		.keep = true, .flush_ms = STATE_FLUSH_MS, .sync_ms = STATE_SYNC_MS};

	f->gateway = (struct gateway){0};
	gateway_init(&f->gateway);
	f->options.now_ms = fake_time_now_ms();
	f->fixture = gateway_new_with(&f->options);
	f->gateway.nat = f->fixture->nat;
	f->state = daemon_state_open(&f->gateway, f->directory, NULL, &config);
	g_assert_nonnull(f->state);
	daemon_state_restore(f->state, DAEMON_STATE_ALONE, -1);
	g_assert_true(nat64_check(f->gateway.nat));
	/* Its sleeps are counted from here. */
	fake_time_begin();
	g_assert_cmpint(daemon_state_start(f->state), ==, 0);
	(void)fake_time_wait();
}

void state_end(struct state_fixture *f)
{
	daemon_state_stop(f->state);
	f->state = NULL;
	f->gateway.nat = NULL;
	gateway_deinit(&f->gateway);
	gateway_free(f->fixture);
}

struct taddr6 state_client(uint32_t number)
{
	struct taddr6 client = taddr6_of("[2001:db8:1::]:0");

	client.addr.byte[15] = (uint8_t)(1 + number / 64);
	client.port = (uint16_t)(1024 + number % 64);
	return client;
}

struct taddr4 state_send(struct state_fixture *f, uint32_t number)
{
	const struct taddr6 client = state_client(number);
	const struct taddr4 server = taddr4_of("198.51.100.7:443");
	struct taddr4 mapped;

	gateway_lock(&f->gateway);
	g_assert_cmpint(gateway_udp6(f->fixture, &client, &server, fake_time_now_ms()), ==,
			OUTCOME_TRANSLATED);
	mapped = gateway_sent_src4(f->fixture);
	gateway_unlock(&f->gateway);
	return mapped;
}

void state_send_all(struct state_fixture *f, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		(void)state_send(f, i);
}

uint32_t state_n_bindings(struct state_fixture *f)
{
	uint32_t n;

	gateway_lock(&f->gateway);
	n = nat64_n_bindings(f->gateway.nat);
	gateway_unlock(&f->gateway);
	return n;
}

uint32_t state_n_pending(struct state_fixture *f)
{
	uint32_t n;

	gateway_lock(&f->gateway);
	n = persist_n_changed(f->gateway.nat);
	gateway_unlock(&f->gateway);
	return n;
}

char *state_problem(struct state_fixture *f)
{
	struct gateway_store store;

	gateway_lock(&f->gateway);
	gateway_see_store(&f->gateway, fake_time_now_ms(), &store);
	gateway_unlock(&f->gateway);
	g_assert_cmpint(store.state == GATEWAY_STORE_FAILING, ==, store.problem[0] != '\0');
	return g_strdup(store.problem);
}

guint state_n_logged(const struct state_fixture *f, const char *words)
{
	guint n = 0;

	g_mutex_lock(&log_lock);
	for (guint i = 0; i < f->log->len; i++)
		n += strstr(g_ptr_array_index(f->log, i), words) != NULL;
	g_mutex_unlock(&log_lock);
	return n;
}
