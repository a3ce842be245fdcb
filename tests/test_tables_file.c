/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables in memory, from one gateway to the next: what comes is what was there, with what is not
 * stored; and whatever else is in such a file makes nothing that must not be (P-16, X-1, A-10).
 */
#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/core/persist.h"
#include "daemon/heartbeat.h"
#include "daemon/restore.h"
#include "daemon/tables.h"
#include "tests/gateway_fixture.h"

#define OWNER     4711
#define N_MUTANTS 3000
#define SEED      20111204

struct instance {
	struct gateway_fixture *fixture;
	struct gateway gateway;
};

static void begin(struct instance *instance)
{
	gateway_init(&instance->gateway);
	instance->fixture = gateway_new("203.0.113.1", "1024-65535", NULL);
	instance->gateway.nat = instance->fixture->nat;
}

static void end(struct instance *instance)
{
	g_assert_true(nat64_check(instance->gateway.nat));
	instance->gateway.nat = NULL;
	gateway_deinit(&instance->gateway);
	gateway_free(instance->fixture);
}

/* Forty flows of ten clients, TCP and UDP. */
static void fill(struct instance *instance)
{
	for (unsigned i = 0; i < 40; i++) {
		struct taddr6 client = taddr6_of("[2001:db8:1::]:0");
		const struct taddr4 server = taddr4_of("198.51.100.7:443");

		client.addr.byte[15] = (uint8_t)(i % 10);
		client.port = (uint16_t)(2000 + i);
		g_assert_cmpint((i % 2 ? gateway_syn6 : gateway_udp6)(instance->fixture, &client,
								      &server, gateway_now_ms()),
				==, OUTCOME_TRANSLATED);
	}
}

static int save(struct instance *instance)
{
	int fd = -1;

	g_assert_cmpint(tables_save(&instance->gateway, OWNER, &fd), ==, 0);
	return fd;
}

static struct restore load(struct instance *instance, int fd, int expected)
{
	struct restore restore = {.gateway = &instance->gateway, .now_ms = gateway_now_ms()};

	g_assert_cmpint(restore_tables(&restore, fd), ==, expected);
	return restore;
}

/* All rows, as text. */
static char *rows_of(struct instance *instance)
{
	GString *text = g_string_new(NULL);
	struct persist_cursor cursor = {0};
	struct persist_row row;

	while (persist_copy(instance->gateway.nat, &cursor, &row, 1, 0) == 1) {
		if (!row.exists)
			continue;
		g_string_append_printf(text, "%u %u %u ", row.kind, row.protocol, row.index);
		if (row.kind == PERSIST_BINDING)
			g_string_append_printf(text, "%u %x:%u %u %u\n", row.binding.port6,
					       row.binding.mapped.addr, row.binding.mapped.port,
					       row.binding.number, row.binding.created_s);
		else
			g_string_append_printf(text, "%u %u %x:%u %u\n", row.session.binding,
					       row.session.number, row.session.peer.addr,
					       row.session.peer.port, row.session.state);
	}
	return g_string_free(text, FALSE);
}

static void test_there_and_back(void)
{
	struct instance old;
	struct instance fresh;
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;
	struct restore restore;
	uint64_t owner;
	int fd;

	begin(&old);
	begin(&fresh);
	fill(&old);
	fd = save(&old);
	g_assert_cmpint(tables_owner(fd, &owner), ==, 0);
	g_assert_cmpuint(owner, ==, OWNER);
	restore = load(&fresh, fd, 0);
	g_assert_cmpuint(restore.n_restored[PERSIST_BINDING], ==, 40);
	g_assert_cmpuint(restore.n_restored[PERSIST_SESSION], ==, 40);
	g_assert_cmpuint(restore.n_bad, ==, 0);
	before = rows_of(&old);
	after = rows_of(&fresh);
	g_assert_cmpstr(after, ==, before);
	close(fd);
	end(&old);
	end(&fresh);
}

static uint32_t take_all(struct instance *instance)
{
	struct persist_cursor cursor = {0};
	struct persist_row row[200];

	return persist_take(instance->gateway.nat, &cursor, row, G_N_ELEMENTS(row), 0);
}

/* What the one before has not stored is still to be stored by the next one, and only that; what is
 * gone since, too. */
static void test_changed(void)
{
	struct instance old;
	struct instance fresh;
	int fd;

	begin(&old);
	begin(&fresh);
	g_assert_true(persist_begin(old.gateway.nat));
	g_assert_true(persist_begin(fresh.gateway.nat));
	fill(&old);
	g_assert_cmpuint(take_all(&old), ==, 80);
	nat64_remove_binding(old.gateway.nat, PROTOCOL_UDP, 3, gateway_now_ms());
	const struct taddr6 client = taddr6_of("[2001:db8:1::7]:9");
	const struct taddr4 server = taddr4_of("198.51.100.7:9");
	g_assert_cmpint(gateway_udp6(old.fixture, &client, &server, gateway_now_ms()), ==,
			OUTCOME_TRANSLATED);
	g_assert_cmpuint(persist_n_changed(old.gateway.nat), >, 0);
	fd = save(&old);
	(void)load(&fresh, fd, 0);
	g_assert_cmpuint(persist_n_changed(fresh.gateway.nat), ==,
			 persist_n_changed(old.gateway.nat));
	close(fd);
	end(&old);
	end(&fresh);
}

/* Prefixes are known by value: another order of Pool6 makes no other bindings. */
static void test_pool6_moves(void)
{
	struct instance old;
	struct instance fresh;
	struct restore restore;
	struct prefix6 *pool6;
	int fd;

	begin(&old);
	begin(&fresh);
	fill(&old);
	fd = save(&old);
	pool6 = fresh.gateway.nat->config.pool6;
	pool6[1] = pool6[0];
	g_assert_true(prefix6_parse("2001:db8:65::/96", &pool6[0]));
	restore = load(&fresh, fd, 0);
	g_assert_cmpuint(restore.n_restored[PERSIST_BINDING], ==, 40);
	g_assert_cmpuint(bib_at(&fresh.gateway.nat->bib[PROTOCOL_UDP], 0)->pool6, ==, 1);
	end(&fresh);
	begin(&fresh);
	g_assert_true(prefix6_parse("2001:db8:65::/96", &fresh.gateway.nat->config.pool6[0]));
	restore = load(&fresh, fd, 0);
	g_assert_cmpuint(restore.n_refused[PERSIST_BINDING][PERSIST_NO_POOL6], ==, 40);
	g_assert_cmpuint(nat64_n_bindings(fresh.gateway.nat), ==, 0);
	close(fd);
	end(&old);
	end(&fresh);
}

/* What is no such file, not complete, of another version, or used up. */
static void test_unusable(void)
{
	struct instance old;
	struct instance fresh;
	struct stat status;
	int fd;

	begin(&old);
	begin(&fresh);
	fill(&old);
	fd = save(&old);
	g_assert_cmpint(fstat(fd, &status), ==, 0);
	g_assert_cmpint(ftruncate(fd, status.st_size - 1), ==, 0);
	(void)load(&fresh, fd, -EBADMSG);
	g_assert_cmpint(ftruncate(fd, status.st_size + 1000), ==, 0);
	(void)load(&fresh, fd, -EBADMSG);
	g_assert_cmpint(ftruncate(fd, status.st_size), ==, 0);
	g_assert_cmpint(pwrite(fd, "\2", 1, 8), ==, 1);
	(void)load(&fresh, fd, -EPROTONOSUPPORT);
	g_assert_cmpint(pwrite(fd, "\1", 1, 8), ==, 1);
	tables_spend(fd);
	(void)load(&fresh, fd, -EBADMSG);
	g_assert_cmpint(ftruncate(fd, 0), ==, 0);
	(void)load(&fresh, fd, -EBADMSG);
	close(fd);
	g_assert_cmpuint(nat64_n_bindings(fresh.gateway.nat), ==, 0);
	end(&old);
	end(&fresh);
}

static void check_is_sound(struct instance *instance)
{
	const struct nat64 *nat = instance->gateway.nat;

	g_assert_true(nat64_check(nat));
	g_assert_cmpuint(nat64_n_bindings(nat), <=, nat->limits.bindings);
	for (unsigned protocol = 0; protocol < N_PROTOCOLS; protocol++) {
		const struct bib *bib = &nat->bib[protocol];

		for (uint32_t i = bib_next(bib, 0); i != SLAB_NONE; i = bib_next(bib, i + 1)) {
			const struct bib_entry *entry = bib_at(bib, i);

			g_assert_cmpuint(entry->addr4, ==, taddr4_of("203.0.113.1:1").addr);
			g_assert_cmpuint(entry->port4, >=, 1024);
			g_assert_false(prefix6_contains(&nat->config.pool6[0], &entry->addr6));
		}
	}
}

/* Bytes at random places, behind a header that says all is well. */
static void test_mutants(void)
{
	GRand *random = g_rand_new_with_seed(SEED);
	struct instance old;
	g_autofree uint8_t *content = NULL;
	struct stat status;
	int fd;

	begin(&old);
	fill(&old);
	fd = save(&old);
	g_assert_cmpint(fstat(fd, &status), ==, 0);
	content = g_malloc((gsize)status.st_size);
	g_assert_cmpint(pread(fd, content, (size_t)status.st_size, 0), ==, status.st_size);
	for (unsigned i = 0; i < N_MUTANTS; i++) {
		struct instance fresh;
		int mutant = memfd_create("mutant", MFD_CLOEXEC);
		struct restore restore = {.now_ms = gateway_now_ms()};

		g_assert_cmpint(pwrite(mutant, content, (size_t)status.st_size, 0), ==,
				status.st_size);
		for (int n = g_rand_int_range(random, 1, 200); n > 0; n--) {
			const uint8_t byte = (uint8_t)g_rand_int(random);
			off_t at = i % 4 ? g_rand_int_range(random, 400, (gint32)status.st_size)
					 : g_rand_int_range(random, 0, (gint32)status.st_size);

			g_assert_cmpint(pwrite(mutant, &byte, 1, at), ==, 1);
		}
		begin(&fresh);
		fresh.gateway.nat->limits.bindings = 30;
		g_assert_true(persist_begin(fresh.gateway.nat));
		restore.gateway = &fresh.gateway;
		(void)restore_tables(&restore, mutant);
		persist_restored(fresh.gateway.nat, false, restore.now_ms);
		check_is_sound(&fresh);
		end(&fresh);
		close(mutant);
	}
	g_rand_free(random);
	close(fd);
	end(&old);
}

/* The beat outlives who made it; what is something else is not taken for one. */
static void test_heartbeat(void)
{
	struct heartbeat *heartbeat = NULL;
	int fd;

	g_assert_cmpint(heartbeat_new(-1, &heartbeat), ==, 0);
	g_assert_cmpuint(*heartbeat_place(heartbeat), ==, 0);
	*heartbeat_place(heartbeat) = 1234;
	fd = dup(heartbeat_fd(heartbeat));
	heartbeat_free(heartbeat);
	g_assert_cmpint(heartbeat_new(fd, &heartbeat), ==, 0);
	g_assert_cmpuint(*heartbeat_place(heartbeat), ==, 1234);
	heartbeat_free(heartbeat);
	/* It could be made shorter while we write to it. */
	fd = memfd_create("other", MFD_CLOEXEC);
	g_assert_cmpint(pwrite(fd, "12345678", 8, 0), ==, 8);
	g_assert_cmpint(heartbeat_new(fd, &heartbeat), ==, 0);
	g_assert_cmpuint(*heartbeat_place(heartbeat), ==, 0);
	heartbeat_free(heartbeat);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/tables_file/there_and_back", test_there_and_back);
	g_test_add_func("/tables_file/changed", test_changed);
	g_test_add_func("/tables_file/pool6_moves", test_pool6_moves);
	g_test_add_func("/tables_file/unusable", test_unusable);
	g_test_add_func("/tables_file/mutants", test_mutants);
	g_test_add_func("/heartbeat/outlives", test_heartbeat);
	return g_test_run();
}
