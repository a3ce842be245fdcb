/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bench_restore DIRECTORY [ROUNDS [again]]: what it costs to have a million bindings with a session
 * each back, in process: out of the database in that directory, which is made there first, and out
 * of a predecessor's tables. For a profile; again: of the database alone, as it has been made
 * before.
 *
 * Prints for each of database and tables: ms of the clock, and ms of processor time of the process;
 * the least of the rounds.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/core/binding.h"
#include "daemon/gateway.h"
#include "daemon/restore.h"
#include "daemon/row_pipe.h"
#include "daemon/tables.h"
#include "schema/store.h"

#define N_FLOWS          1000000u
#define PORTS_OF_ADDRESS 1000u
#define FIRST_PORT       2000u
#define LIFETIME_MS      3600000u
#define SLICE_ROWS       512u

struct cost {
	double clock_ms;
	double cpu_ms;
};

static void fail(const char *what)
{
	fprintf(stderr, "bench_restore: %s\n", what);
	exit(1);
}

static double now(clockid_t clock)
{
	struct timespec time;

	(void)clock_gettime(clock, &time);
	return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static bool own4(void *context, uint32_t addr)
{
	return false;
}

static void begin(struct gateway *gateway)
{
	static const struct nat64_limits limits = {1100000, 2200000, 16, 1 << 20};
	static const struct nat64_world world = {.own4 = own4};
	static const struct addr4_range addresses = {0xc6120000, 0xc6120fff}; /* 198.18.0.0/20 */
	const struct pool4_spec spec = {
		.addresses = (struct addr4_range *)&addresses,
		.n_addresses = 1,
		.ports = {.range = {{1024, 65535}}, .n_ranges = 1},
		.protocol = {true, true, true},
		.pool6 = POOL4_ANY_PREFIX,
	};
	struct nat64_config config;
	uint8_t seed[RANDOM_SEED_SIZE] = {23};
	uint32_t id;

	gateway_init(gateway);
	nat64_config_default(&config);
	(void)prefix6_parse("2001:db8:64::/96", &config.pool6[0]);
	seed[1] = (uint8_t)time(NULL);
	gateway->nat = nat64_new(&config, &limits, &world, seed, gateway_now_ms());
	if (!gateway->nat || pool4_add(gateway->nat->pool4, &spec, &id) != POOL4_OK ||
	    !persist_begin(gateway->nat))
		fail("no memory for a gateway");
	pool4_set_state(gateway->nat->pool4, id, POOL4_ACTIVE);
}

static void fill(struct nat64 *nat)
{
	const struct taddr4 server = {0xc6336407, 9};
	uint64_t now_ms = gateway_now_ms();

	for (uint32_t i = 0; i < N_FLOWS; i++) {
		struct taddr6 client = {.port = (uint16_t)(FIRST_PORT + i % PORTS_OF_ADDRESS)};
		struct binding_plan plan;
		uint32_t binding;

		(void)addr6_parse("2001:db8:8000::1", &client.addr);
		client.addr.byte[6] = (uint8_t)(i / PORTS_OF_ADDRESS >> 8);
		client.addr.byte[7] = (uint8_t)(i / PORTS_OF_ADDRESS);
		if (binding_choose(nat, PROTOCOL_UDP, &client, 0, &server, now_ms, &plan) !=
			    OUTCOME_TRANSLATED ||
		    binding_create(nat, &plan, now_ms, &binding) != OUTCOME_TRANSLATED ||
		    binding_add_session(nat, PROTOCOL_UDP, binding, &server, 0, 0,
					now_ms + LIFETIME_MS, now_ms) != OUTCOME_TRANSLATED)
			fail("a flow can not be made");
	}
}

static struct store *open_store(const char *directory, struct gateway *gateway)
{
	const struct store_config config = {.directory = directory};
	char text[STORE_TEXT_SIZE] = "";
	struct store *store;

	if (store_open(&config, &store, text) < 0)
		fail(text);
	store_set_pool6(store, gateway->nat->config.pool6);
	return store;
}

static void write_rows(const char *directory, struct gateway *gateway)
{
	struct store *store = open_store(directory, gateway);
	struct persist_cursor cursor = {0};
	struct persist_row row[SLICE_ROWS];
	struct store_clock clock;
	unsigned n;

	store_clock_read(&clock);
	if (store_begin(store) < 0)
		fail(store_error(store));
	do {
		n = persist_take(gateway->nat, &cursor, row, SLICE_ROWS, gateway_now_ms());
		for (unsigned i = 0; i < n; i++)
			if (store_put(store, &row[i]) < 0)
				fail(store_error(store));
	} while (n == SLICE_ROWS);
	if (store_commit(store, &clock, 1, true) < 0)
		fail(store_error(store));
	store_close(store);
}

static void check(const struct restore *restore)
{
	if (restore->n_restored[PERSIST_BINDING] != N_FLOWS ||
	    restore->n_restored[PERSIST_SESSION] != N_FLOWS)
		fail("not all of them are back");
}

static int read_rows(void *context, row_pipe_fn put, void *put_context)
{
	struct store_clock clock;
	uint64_t n_bad;

	store_clock_read(&clock);
	return store_load(context, &clock, put, put_context, &n_bad);
}

static void from_database(const char *directory, struct gateway *gateway)
{
	struct restore restore = {.gateway = gateway, .now_ms = gateway_now_ms()};
	struct store *store = open_store(directory, gateway);

	persist_expect(gateway->nat, PERSIST_BINDING, N_FLOWS);
	persist_expect(gateway->nat, PERSIST_SESSION, N_FLOWS);
	if (row_pipe_run(read_rows, store, restore_row, &restore) < 0)
		fail(store_error(store));
	restore_rows_end(&restore);
	check(&restore);
	store_close(store);
}

static void from_tables(int fd, struct gateway *gateway)
{
	struct restore restore = {.gateway = gateway, .now_ms = gateway_now_ms()};

	if (restore_tables(&restore, PERSIST_ALL, fd) < 0)
		fail("the tables can not be read");
	check(&restore);
}

static void measure(const char *directory, int fd, struct cost *least)
{
	struct cost cost = {now(CLOCK_MONOTONIC), now(CLOCK_PROCESS_CPUTIME_ID)};
	struct gateway gateway;

	begin(&gateway);
	if (fd < 0)
		from_database(directory, &gateway);
	else
		from_tables(fd, &gateway);
	cost.clock_ms = now(CLOCK_MONOTONIC) - cost.clock_ms;
	cost.cpu_ms = now(CLOCK_PROCESS_CPUTIME_ID) - cost.cpu_ms;
	if (least->clock_ms == 0 || cost.clock_ms < least->clock_ms)
		least->clock_ms = cost.clock_ms;
	if (least->cpu_ms == 0 || cost.cpu_ms < least->cpu_ms)
		least->cpu_ms = cost.cpu_ms;
	gateway_deinit(&gateway);
}

int main(int argc, char **argv)
{
	struct cost save = {0}, tables = {0}, database = {0};
	int n_rounds = argc > 2 ? atoi(argv[2]) : 3;
	struct gateway gateway;
	int fd;

	if (argc < 2) {
		fprintf(stderr, "usage: bench_restore DIRECTORY [ROUNDS [again]]\n");
		return 2;
	}
	if (argc > 3) {
		for (int i = 0; i < n_rounds; i++)
			measure(argv[1], -1, &database);
		printf("database %.0f %.0f\n", database.clock_ms, database.cpu_ms);
		return 0;
	}
	begin(&gateway);
	fill(gateway.nat);
	save = (struct cost){now(CLOCK_MONOTONIC), now(CLOCK_PROCESS_CPUTIME_ID)};
	if (tables_save(&gateway, PERSIST_ALL, false, 1, &fd) < 0)
		fail("the tables can not be saved");
	save.clock_ms = now(CLOCK_MONOTONIC) - save.clock_ms;
	save.cpu_ms = now(CLOCK_PROCESS_CPUTIME_ID) - save.cpu_ms;
	write_rows(argv[1], &gateway);
	gateway_deinit(&gateway);
	for (int i = 0; i < n_rounds; i++) {
		measure(argv[1], -1, &database);
		measure(argv[1], fd, &tables);
	}
	printf("database %.0f %.0f\ntables %.0f %.0f\nsave %.0f %.0f\n", database.clock_ms,
	       database.cpu_ms, tables.clock_ms, tables.cpu_ms, save.clock_ms, save.cpu_ms);
	return 0;
}
