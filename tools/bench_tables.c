/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bench_tables: what the tables cost in memory, and the longest that one packet keeps the processor
 * while they grow, empty and shrink; called by `tools/bench tables`, which has the bars.
 *
 *   bench_tables CLIENTS BINDINGS [keep]
 *
 * BINDINGS flows of CLIENTS clients, each with a /64 of its own, come as fast as can be; then all
 * of them end in one moment, and then the ports that they held. keep: as with State.Keep and
 * State.Retention, so that what has changed is marked, and what has ended noted. After each batch
 * of packets a turn of expiry follows, as in worker.c. Prints lines of a name and a number.
 *
 * Times are CPU time of the thread. Everything is done several times alike, in processes of their
 * own, and of each packet and turn the least time counts: so it is the work that is measured, with
 * the system calls in it, and not an interrupt or what else the machine does.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/core/minmax.h"
#include "daemon/core/packet.h"
#include "daemon/core/persist.h"
#include "daemon/memory.h"
#include "tools/bench_core.h"
#include "tools/bench_rows.h"

#define N_RUNS 3u
/* As in worker.c and nfqueue.h. */
#define BATCH  64u
#define BUDGET 256u
/* More of them than it takes to empty everything. */
#define N_TURNS (1u << 20)

/* 32 addresses for a million bindings. */
#define FIRST_ADDR            0x0a000000u
#define BINDINGS_OF_ADDRESSES 31250u

enum phase {
	PHASE_GROW_PACKET,
	PHASE_GROW_TURN,
	PHASE_EXPIRE_PACKET, /* of a flow that goes on, between two turns */
	PHASE_EXPIRE_TURN,
	PHASE_HOLDS_PACKET,
	PHASE_HOLDS_TURN,
	N_PHASES,
};

static const char *const names[N_PHASES] = {
	"grow-packet", "grow-turn", "expire-packet", "expire-turn", "holds-packet", "holds-turn",
};

/* What the runs have in common; the parent has it, they write. */
struct figures {
	uint32_t *least_ns[N_PHASES];
	uint32_t n[N_PHASES];
	size_t empty; /* resident bytes */
	size_t full;
	size_t emptied;
	size_t shrunk;
	size_t counted_full; /* by nat64_memory() */
	size_t counted_shrunk;
};

static void *shared(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (memory == MAP_FAILED) {
		fprintf(stderr, "bench_tables: no memory for %zu bytes\n", size);
		exit(2);
	}
	return memory;
}

static void note(struct figures *figures, enum phase phase, double begin)
{
	uint32_t *at = &figures->least_ns[phase][figures->n[phase]++];
	double ns = bench_cpu_ns() - begin - bench_clock_ns();

	if (ns < 1)
		ns = 1;
	if (*at == 0 || ns < *at)
		*at = (uint32_t)ns;
}

/* Resident memory of this process alone. */
static size_t resident(void)
{
	FILE *statm = fopen("/proc/self/statm", "r");
	unsigned long all = 0, of_others = 0;

	if (!statm || fscanf(statm, "%*u %lu %lu", &all, &of_others) != 2)
		exit(2);
	fclose(statm);
	return (all - of_others) * (size_t)sysconf(_SC_PAGESIZE);
}

static struct addr6 client_of(uint32_t n)
{
	struct addr6 addr = {{0x20, 0x01, 0x0d, 0xb8, 0x80}};

	store_be32(addr.byte + 4, 0x80000000u | n);
	addr.byte[15] = 1;
	return addr;
}

static struct bench_core *make(uint32_t n_bindings)
{
	const struct nat64_limits limits = {n_bindings + 1, n_bindings + 1, 1024, 16 << 20,
					    .pool4 = {.mode = POOL4_DYNAMIC}};
	struct nat64_config config;

	bench_core_config(&config);
	config.quota.bindings_per_address = 0;
	return bench_core_new(&config, &limits, FIRST_ADDR,
			      FIRST_ADDR + (n_bindings - 1) / BINDINGS_OF_ADDRESSES);
}

/* Flow number n is a new one; that of number 0 goes on. */
static void send_flow(struct bench_core *core, uint32_t n_clients, uint32_t n)
{
	struct addr6 client = client_of(n % n_clients);

	(void)bench_core_send6(core, &client, (uint16_t)(1024 + n / n_clients));
}

static bool no_bindings(const struct nat64 *nat)
{
	return nat64_n_bindings(nat) == 1;
}

static bool no_holds(const struct nat64 *nat)
{
	return pool4_n_held(nat->pool4) <= 1; /* of the flow that went on, and ended */
}

/* Turns until it is so, with a packet of a flow that goes on after each. */
static void empty(struct bench_core *core, bool (*done)(const struct nat64 *),
		  struct figures *figures, enum phase phase)
{
	while (!done(core->nat) && figures->n[phase] + 1 < N_TURNS) {
		double begin = bench_cpu_ns();

		/* Else the next tick is waited for. */
		core->now_ms += bench_core_expire(core, BUDGET) ? 100 : 0;
		note(figures, phase + 1, begin);
		begin = bench_cpu_ns();
		send_flow(core, 1, 0);
		note(figures, phase, begin);
	}
}

static void run(struct figures *figures, uint32_t n_clients, uint32_t n_bindings, bool keep)
{
	struct bench_core *core = make(n_bindings);
	struct nat64_config config = core->nat->config;

	if (keep) {
		config.retention_s = 3600;
		nat64_set_config(core->nat, &config);
		if (!persist_begin(core->nat))
			exit(2);
	}
	send_flow(core, n_clients, 0); /* what is taken once */
	figures->empty = resident();
	for (uint32_t i = 1; i < n_bindings; i++) {
		double begin = bench_cpu_ns();

		send_flow(core, n_clients, i);
		note(figures, PHASE_GROW_PACKET, begin);
		if (i % BATCH != 0)
			continue;
		begin = bench_cpu_ns();
		(void)bench_core_expire(core, BUDGET);
		note(figures, PHASE_GROW_TURN, begin);
	}
	figures->full = resident();
	figures->counted_full = nat64_memory(core->nat);

	core->now_ms += core->nat->config.udp_by_port[0].lifetime_ms - 1; /* of port 53 */
	send_flow(core, 1, 0);
	core->now_ms++;
	empty(core, no_bindings, figures, PHASE_EXPIRE_PACKET);
	figures->emptied = resident();
	core->now_ms += core->nat->config.pool4_policy.hold_ms;
	empty(core, no_holds, figures, PHASE_HOLDS_PACKET);
	closed_drop(&core->nat->closed, core->nat->closed.end);
	figures->shrunk = resident();
	figures->counted_shrunk = nat64_memory(core->nat);
	if (nat64_n_bindings(core->nat) != 1) {
		fprintf(stderr, "bench_tables: %u bindings are left, not 1\n",
			nat64_n_bindings(core->nat));
		exit(2);
	}
	bench_core_free(core);
	exit(0);
}

/* The longest, in us. */
static double longest(const struct figures *figures, enum phase phase)
{
	uint32_t ns = 0;

	for (uint32_t i = 0; i < figures->n[phase]; i++)
		ns = max_u32(ns, figures->least_ns[phase][i]);
	return (double)ns / 1000;
}

static void print(const struct figures *figures, uint32_t n_bindings)
{
	const double n = n_bindings;

	printf("full-bytes %zu\n", figures->full - figures->empty);
	printf("full-each %.1f\n", (double)(figures->full - figures->empty) / n);
	printf("full-counted %zu\n", figures->counted_full);
	printf("emptied-bytes %zu\n",
	       figures->emptied > figures->empty ? figures->emptied - figures->empty : 0);
	printf("shrunk-bytes %zu\n",
	       figures->shrunk > figures->empty ? figures->shrunk - figures->empty : 0);
	printf("shrunk-counted %zu\n", figures->counted_shrunk);
	for (unsigned i = 0; i < N_PHASES; i++)
		printf("%s %.1f\n", names[i], longest(figures, i));
	for (unsigned i = 0; i < N_PHASES; i++)
		printf("%s-turns %u\n", names[i], figures->n[i]);
}

int main(int argc, char **argv)
{
	const uint32_t n_clients = argc > 2 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;
	const uint32_t n_bindings = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;
	struct figures *figures;

	if (n_clients == 0 || n_clients > n_bindings || n_bindings / n_clients > 64000) {
		fprintf(stderr, "usage: bench_tables CLIENTS BINDINGS [keep]\n");
		return 2;
	}
	memory_prepare();
	(void)bench_clock_ns();
	figures = shared(sizeof(*figures));
	for (unsigned i = 0; i < N_PHASES; i++)
		figures->least_ns[i] = shared((max_u32(n_bindings, N_TURNS)) * sizeof(uint32_t));
	for (unsigned i = 0; i < N_RUNS; i++) {
		pid_t child;
		int status;

		memset(figures->n, 0, sizeof(figures->n));
		child = fork();
		if (child == 0)
			run(figures, n_clients, n_bindings, argc > 3);
		if (child < 0 || waitpid(child, &status, 0) < 0 || !WIFEXITED(status) ||
		    WEXITSTATUS(status) != 0)
			return 2;
	}
	print(figures, n_bindings);
	return 0;
}
