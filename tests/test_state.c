/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon's state around a gateway, written by its thread: killed at random moments, 300 times
 * (O-13, P-16), and ended well (O-12).
 */
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/core/persist.h"
#include "daemon/daemon_state.h"
#include "daemon/log.h"
#include "schema/given_file.h"
#include "schema/store_who.h"
#include "tests/gateway_fixture.h"

/* With the address sanitizer fewer, each of which costs ten times as much: see test_store_killed.c.
 */
#ifdef __SANITIZE_ADDRESS__
#define N_KILLS 100
#else
#define N_KILLS 300
#endif
#define SEED 20111204

/* What the process that is to be killed has had, for the one that kills it. */
struct shared {
	atomic_bool in_use[N_PROTOCOLS][65536]; /* by port, which one address has */
	atomic_uint n_bindings;
};

static char *directory;
static char *run_directory; /* in memory; NULL: this host has none */

static const struct config_state config = {.keep = true, .flush_ms = 10, .sync_ms = 50};

/* What a test may want otherwise. */
static const char *pool_address = "203.0.113.1";
static uint32_t retention_s;

static struct gateway_fixture *new_gateway(void)
{
	const struct gateway_options options = {
		.addresses = pool_address, .ports = "1024-65535", .now_ms = gateway_now_ms()};

	return gateway_new_with(&options);
}

struct instance {
	struct gateway_fixture *fixture;
	struct gateway gateway;
	struct daemon_state *state;
};

static void begin_only(struct instance *instance)
{
	gateway_init(&instance->gateway);
	instance->fixture = new_gateway();
	instance->gateway.nat = instance->fixture->nat;
	instance->gateway.nat->config.retention_s = retention_s;
	instance->state = daemon_state_open(&instance->gateway, directory, run_directory, &config);
	g_assert_nonnull(instance->state);
	daemon_state_restore(instance->state, DAEMON_STATE_ALONE, -1);
	g_assert_true(nat64_check(instance->gateway.nat));
}

static void begin(struct instance *instance)
{
	begin_only(instance);
	daemon_state_own(instance->state);
}

static void end(struct instance *instance)
{
	daemon_state_stop(instance->state);
	instance->gateway.nat = NULL;
	gateway_deinit(&instance->gateway);
	gateway_free(instance->fixture);
}

static enum protocol protocol_of(uint32_t i)
{
	return i & 8 ? PROTOCOL_TCP : PROTOCOL_UDP;
}

static struct taddr4 send_packet(struct instance *instance, uint32_t i)
{
	struct taddr6 client = taddr6_of("[2001:db8:1::]:0");
	const struct taddr4 server = taddr4_of("198.51.100.7:443");
	enum outcome outcome;
	struct taddr4 mapped;

	client.addr.byte[15] = (uint8_t)(i % 7);
	client.port = (uint16_t)(1024 + i % 45);
	gateway_lock(&instance->gateway);
	outcome = (protocol_of(i) == PROTOCOL_TCP ? gateway_syn6 : gateway_udp6)(
		instance->fixture, &client, &server, gateway_now_ms());
	g_assert_cmpint(outcome, ==, OUTCOME_TRANSLATED);
	mapped = gateway_sent_src4(instance->fixture);
	gateway_unlock(&instance->gateway);
	return mapped;
}

static void end_binding(struct instance *instance, struct shared *shared, enum protocol protocol,
			uint32_t from)
{
	struct nat64 *nat = instance->gateway.nat;
	uint32_t index;

	gateway_lock(&instance->gateway);
	index = bib_next(&nat->bib[protocol], from);
	if (index != SLAB_NONE) {
		/* Before: afterwards it may be too late to say so. */
		shared->in_use[protocol][bib_at(&nat->bib[protocol], index)->port4] = false;
		nat64_remove_binding(nat, protocol, index, gateway_now_ms());
	}
	gateway_unlock(&instance->gateway);
}

static void end_oldest(struct instance *instance)
{
	struct nat64 *nat = instance->gateway.nat;

	gateway_lock(&instance->gateway);
	nat64_remove_binding(nat, PROTOCOL_UDP, bib_next(&nat->bib[PROTOCOL_UDP], 0),
			     gateway_now_ms());
	gateway_unlock(&instance->gateway);
}

/* Until it is killed. */
static G_GNUC_NORETURN void live(struct shared *shared, uint32_t seed)
{
	GRand *random = g_rand_new_with_seed(seed);
	struct instance instance = {0};

	begin(&instance);
	g_assert_cmpint(daemon_state_start(instance.state), ==, 0);
	for (;;) {
		uint32_t i = g_rand_int(random);
		struct taddr4 mapped = send_packet(&instance, i);

		shared->in_use[protocol_of(i)][mapped.port] = true;
		if (g_rand_int_range(random, 0, 3) == 0)
			end_binding(&instance, shared, protocol_of(g_rand_int(random)),
				    g_rand_int(random) % 250);
		shared->n_bindings = nat64_n_bindings(instance.gateway.nat);
		if (g_rand_int_range(random, 0, 20) == 0)
			g_usleep(200);
	}
}

/* P-16: none of them goes to another client. */
static void check_ports(struct instance *instance, struct shared *shared)
{
	const struct pool4 *pool4 = instance->gateway.nat->pool4;

	for (uint32_t i = 0; i < N_PROTOCOLS * 65536; i++) {
		enum protocol protocol = i >> 16;
		uint16_t port = (uint16_t)i;
		const struct taddr4 mapped = {taddr4_of("203.0.113.1:1").addr, port};

		if (!shared->in_use[protocol][port])
			continue;
		g_assert_true(pool4_is_used(pool4, protocol, &mapped) ||
			      pool4_is_held(pool4, protocol, &mapped, 1));
		shared->in_use[protocol][port] = pool4_is_used(pool4, protocol, &mapped);
	}
}

static void check_integrity(void)
{
	char *path = g_build_filename(directory, "state.db", NULL);
	sqlite3_stmt *statement;
	sqlite3 *db;

	g_assert_cmpint(sqlite3_open(path, &db), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &statement, NULL), ==,
			SQLITE_OK);
	g_assert_cmpint(sqlite3_step(statement), ==, SQLITE_ROW);
	g_assert_cmpstr((const char *)sqlite3_column_text(statement, 0), ==, "ok");
	sqlite3_finalize(statement);
	sqlite3_close(db);
	g_free(path);
}

static void remove_one(char *which)
{
	GDir *dir = g_dir_open(which, 0, NULL);
	const char *name;

	while ((name = g_dir_read_name(dir))) {
		char *path = g_build_filename(which, name, NULL);

		(void)g_unlink(path);
		g_free(path);
	}
	g_dir_close(dir);
	(void)g_rmdir(which);
	g_free(which);
}

static void remove_directory(void)
{
	remove_one(directory);
	if (run_directory)
		remove_one(run_directory);
	run_directory = NULL;
}

static void make_directory(void)
{
	directory = g_dir_make_tmp("nat64d-state-XXXXXX", NULL);
	g_assert_nonnull(directory);
}

static void make_run_directory(void)
{
	run_directory = g_strdup("/dev/shm/nat64d-state-XXXXXX");
	if (!given_file_is_place("/dev/shm") || !g_mkdtemp(run_directory))
		g_clear_pointer(&run_directory, g_free);
}

static bool has_ports(const char *which)
{
	g_autofree char *path = g_build_filename(which, "ports", NULL);

	return g_file_test(path, G_FILE_TEST_EXISTS);
}

/* What packets write to is in memory, so that no disk is waited for; at the end of the process a
 * copy is where it outlives the machine. */
static void test_place_of_ports(void)
{
	struct instance instance = {0};
	struct given_file *before;

	make_directory();
	make_run_directory();
	if (!run_directory) {
		g_test_skip("/dev/shm is no tmpfs");
		remove_directory();
		return;
	}
	/* An older version had it with the state, and is still at it. */
	g_assert_cmpint(given_file_open(directory, &before), ==, 0);
	given_note(given_file_ring(before), PROTOCOL_UDP,
		   &(struct taddr4){taddr4_of("203.0.113.1:1").addr, 2000}, gateway_now_ms());
	begin(&instance);
	g_assert_true(has_ports(run_directory));
	g_assert_false(has_ports(directory));
	g_assert_cmpuint(instance.gateway.nat->given->n, ==, 1);
	g_assert_true(instance.gateway.nat->given != given_file_ring(before));
	g_assert_true(pool4_is_held(instance.gateway.nat->pool4, PROTOCOL_UDP,
				    &(struct taddr4){taddr4_of("203.0.113.1:1").addr, 2000}, 1));
	(void)send_packet(&instance, 0);
	end(&instance);
	g_assert_false(has_ports(run_directory));
	g_assert_true(has_ports(directory));
	given_file_close(before);
	begin(&instance);
	g_assert_cmpuint(instance.gateway.nat->given->n, ==, 2);
	/* A successor has the file, too: it is not taken away from it. */
	(void)daemon_state_leave(instance.state, false, NULL, NULL);
	end(&instance);
	g_assert_true(has_ports(run_directory));
	g_assert_false(has_ports(directory));
	remove_directory();
}

/* Every other time it is at work, however long this machine takes to begin; else it may be at its
 * start. */
static void kill_at_random(pid_t child, const struct shared *shared, unsigned round, GRand *random)
{
	int status;

	for (unsigned i = 0; round % 2 == 0 && shared->n_bindings == 0 && i < 100000; i++)
		g_usleep(100);
	g_usleep((gulong)g_rand_int_range(random, 500, 40000));
	g_assert_cmpint(kill(child, SIGKILL), ==, 0);
	g_assert_cmpint(waitpid(child, &status, 0), ==, child);
	g_assert_true(WIFSIGNALED(status));
	g_assert_cmpint(WTERMSIG(status), ==, SIGKILL);
}

static void note_given(const char *which, uint16_t port, uint64_t ago_ms)
{
	struct given_file *file;

	g_assert_cmpint(given_file_open(which, &file), ==, 0);
	given_note(given_file_ring(file), PROTOCOL_UDP,
		   &(struct taddr4){taddr4_of("203.0.113.1:1").addr, port},
		   gateway_now_ms() - ago_ms);
	given_file_close(file);
}

static bool is_held(const struct instance *instance, uint16_t port)
{
	const struct taddr4 mapped = {taddr4_of("203.0.113.1:1").addr, port};

	return pool4_is_held(instance->gateway.nat->pool4, PROTOCOL_UDP, &mapped, 1);
}

/* Both directories, and a reason to skip. */
static bool make_directories(void)
{
	make_directory();
	make_run_directory();
	if (run_directory)
		return true;
	g_test_skip("/dev/shm is no tmpfs");
	remove_directory();
	return false;
}

/* P-16: one that fails at its start takes nothing from the one that is running. */
static void test_second_fails(void)
{
	struct instance running = {0}, second = {0};

	if (!make_directories())
		return;
	begin(&running);
	(void)send_packet(&running, 0);
	begin_only(&second);
	end(&second);
	g_assert_true(has_ports(run_directory));
	g_assert_false(has_ports(directory));
	/* What comes now is not lost with it. */
	(void)send_packet(&running, 1);
	second = (struct instance){0};
	begin_only(&second);
	g_assert_cmpuint(second.gateway.nat->given->n, ==, 2);
	end(&second);
	end(&running);
	g_assert_false(has_ports(run_directory));
	g_assert_true(has_ports(directory));
	/* What lies there for the next one stays there for the one after it. */
	second = (struct instance){0};
	begin_only(&second);
	g_assert_cmpuint(second.gateway.nat->given->n, ==, 2);
	end(&second);
	g_assert_true(has_ports(directory));
	remove_directory();
}

/* P-16: two that have noted apart from each other, of which none is forgotten. */
static void test_two_rings(void)
{
	struct instance instance = {0};

	if (!make_directories())
		return;
	for (uint16_t i = 0; i < 3; i++)
		note_given(run_directory, 2000 + i, 60000);
	note_given(directory, 3000, 1000);
	begin(&instance);
	/* The other one has fewer, and is the newer one. */
	g_assert_true(is_held(&instance, 3000));
	g_assert_false(has_ports(directory));
	end(&instance);
	remove_directory();

	instance = (struct instance){0};
	g_assert_true(make_directories());
	note_given(directory, 3000, 60000);
	note_given(run_directory, 2000, 1000);
	begin(&instance);
	g_assert_true(is_held(&instance, 2000));
	g_assert_true(is_held(&instance, 3000));
	/* It was not taken, so it is not thrown away. */
	g_assert_true(has_ports(directory));
	end(&instance);
	g_assert_true(has_ports(directory));
	g_assert_false(has_ports(run_directory));
	remove_directory();
}

/* The state directory by another name is no second place. */
static void test_one_directory(void)
{
	struct instance instance = {0};

	if (!make_directories())
		return;
	remove_one(directory);
	directory = g_strconcat(run_directory, "/", NULL);
	begin(&instance);
	(void)send_packet(&instance, 0);
	end(&instance);
	g_assert_true(has_ports(directory));
	remove_one(directory);
	g_clear_pointer(&run_directory, g_free);
}

static void test_killed(gconstpointer in_memory)
{
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	GRand *random = g_rand_new_with_seed(SEED);
	unsigned n_restored = 0;

	make_directory();
	if (in_memory)
		make_run_directory();
	for (unsigned i = 0; i < N_KILLS; i++) {
		struct instance instance = {0};
		uint32_t seed = g_rand_int(random);
		pid_t child;

		shared->n_bindings = 0;
		child = fork();
		if (child == 0)
			live(shared, seed);
		kill_at_random(child, shared, i, random);
		check_integrity();
		begin(&instance);
		n_restored += nat64_n_bindings(instance.gateway.nat);
		check_ports(&instance, shared);
		end(&instance);
	}
	g_assert_cmpuint(n_restored, >, N_KILLS);
	g_rand_free(random);
	(void)munmap(shared, sizeof(*shared));
	remove_directory();
}

static void test_ended_well(void)
{
	struct instance instance = {0};
	struct taddr4 mapped[50];

	make_directory();
	begin(&instance);
	g_assert_cmpint(daemon_state_start(instance.state), ==, 0);
	for (uint32_t i = 0; i < G_N_ELEMENTS(mapped); i++)
		mapped[i] = send_packet(&instance, i);
	end(&instance);
	instance = (struct instance){0};
	begin(&instance);
	g_assert_cmpuint(nat64_n_bindings(instance.gateway.nat), ==, G_N_ELEMENTS(mapped));
	g_assert_cmpuint(nat64_n_sessions(instance.gateway.nat), ==, G_N_ELEMENTS(mapped));
	g_assert_cmpuint(instance.gateway.nat->revive_until_ms, ==, 0);
	for (uint32_t i = 0; i < G_N_ELEMENTS(mapped); i++) {
		struct taddr4 now = send_packet(&instance, i);

		g_assert_true(taddr4_equal(&now, &mapped[i]));
	}
	end(&instance);
	remove_directory();
}

/* State.Keep=no, and FlushInterval=exit. */
static void test_settings(void)
{
	const struct config_state none = {.keep = false};
	const struct config_state at_exit = {.keep = true, .flush_ms = UINT32_MAX};
	struct instance instance = {0};

	g_assert_null(daemon_state_open(&instance.gateway, "/nowhere", NULL, &none));
	daemon_state_restore(NULL, DAEMON_STATE_ALONE, -1);
	g_assert_cmpint(daemon_state_start(NULL), ==, 0);
	daemon_state_stop(NULL);

	make_directory();
	gateway_init(&instance.gateway);
	instance.fixture = new_gateway();
	instance.gateway.nat = instance.fixture->nat;
	instance.state = daemon_state_open(&instance.gateway, directory, NULL, &at_exit);
	daemon_state_restore(instance.state, DAEMON_STATE_ALONE, -1);
	g_assert_cmpint(daemon_state_start(instance.state), ==, 0);
	(void)send_packet(&instance, 1);
	end(&instance);
	instance = (struct instance){0};
	begin(&instance);
	g_assert_cmpuint(nat64_n_bindings(instance.gateway.nat), ==, 1);
	end(&instance);
	remove_directory();
}

/* Rows of closed bindings, of which this port's. */
static GArray *ask_who(const struct taddr4 *mapped)
{
	const struct store_config store = {.directory = directory, .busy_ms = 1000};
	const struct store_who_question question = {
		.mapped = *mapped, .from_s = 0, .to_s = INT64_MAX, .max = 100};
	GArray *rows = g_array_new(FALSE, FALSE, sizeof(struct store_who_row));
	char text[STORE_TEXT_SIZE];

	if (store_who(&store, &question, rows, text) < 0)
		g_error("%s", text);
	return rows;
}

static guint n_closed(const struct taddr4 *mapped)
{
	GArray *rows = ask_who(mapped);
	guint n = rows->len;

	g_array_unref(rows);
	return n;
}

/* L-13: what ends is stored as soon as somebody asks for it, at the latest at the end. */
static void test_closed(void)
{
	struct instance instance = {0};
	struct taddr4 mapped[3];
	uint64_t before_s, after_s;

	make_directory();
	begin(&instance);
	instance.gateway.nat->config.retention_s = 3600;
	g_assert_cmpint(daemon_state_start(instance.state), ==, 0);
	before_s = (uint64_t)g_get_real_time() / 1000000;
	for (uint32_t i = 0; i < G_N_ELEMENTS(mapped); i++)
		mapped[i] = send_packet(&instance, i);
	end_oldest(&instance);
	g_assert_true(daemon_state_flush(instance.state));
	after_s = (uint64_t)g_get_real_time() / 1000000 + 1;
	GArray *rows = ask_who(&mapped[0]);
	g_assert_cmpuint(rows->len, ==, 1);
	const struct store_who_row *row = &g_array_index(rows, struct store_who_row, 0);
	g_assert_cmpint(row->created_s, >=, before_s - 1); /* the second that it was in */
	g_assert_cmpint(row->ended_s, >=, row->created_s);
	g_assert_cmpint(row->ended_s, <=, after_s);
	g_array_unref(rows);
	g_assert_cmpuint(n_closed(&mapped[1]), ==, 0);
	end_oldest(&instance);
	end(&instance);
	g_assert_cmpuint(n_closed(&mapped[1]), ==, 1);
	g_assert_cmpuint(n_closed(&mapped[2]), ==, 0);

	/* What does not fit the configuration any more has ended, too. */
	instance = (struct instance){0};
	pool_address = "203.0.113.2";
	retention_s = 3600;
	begin(&instance);
	g_assert_cmpint(daemon_state_start(instance.state), ==, 0);
	g_assert_true(daemon_state_flush(instance.state));
	g_assert_cmpuint(nat64_n_bindings(instance.gateway.nat), ==, 0);
	g_assert_cmpuint(n_closed(&mapped[2]), ==, 1);
	end(&instance);
	pool_address = "203.0.113.1";
	retention_s = 0;

	/* With a retention of 0 they go. */
	instance = (struct instance){0};
	begin(&instance);
	g_assert_cmpint(daemon_state_start(instance.state), ==, 0);
	g_assert_true(daemon_state_flush(instance.state));
	g_assert_cmpuint(n_closed(&mapped[0]) + n_closed(&mapped[1]), ==, 0);
	end(&instance);
	remove_directory();
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	log_set_level(LOG_ERR);
	g_test_add_func("/state/settings", test_settings);
	g_test_add_func("/state/ended_well", test_ended_well);
	g_test_add_func("/state/closed", test_closed);
	g_test_add_func("/state/place_of_ports", test_place_of_ports);
	g_test_add_func("/state/second_fails", test_second_fails);
	g_test_add_func("/state/two_rings", test_two_rings);
	g_test_add_func("/state/one_directory", test_one_directory);
	g_test_add_data_func("/state/killed", NULL, test_killed);
	g_test_add_data_func("/state/killed_ports_in_memory", "", test_killed);
	return g_test_run();
}
