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

#include "daemon/core/binding.h"
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

	g_assert_cmpint(tables_save(&instance->gateway, PERSIST_ALL, false, OWNER, &fd), ==, 0);
	return fd;
}

static struct restore load(struct instance *instance, int fd, int expected)
{
	struct restore restore = {.gateway = &instance->gateway, .now_ms = gateway_now_ms()};

	g_assert_cmpint(restore_tables(&restore, PERSIST_ALL, fd), ==, expected);
	return restore;
}

/* All rows, as text. */
static char *rows_of(struct instance *instance)
{
	GString *text = g_string_new(NULL);
	struct persist_cursor cursor = {0};
	struct persist_row row;

	while (persist_copy(instance->gateway.nat, PERSIST_ALL, &cursor, &row, 1) == 1) {
		if (!row.exists)
			continue;
		g_string_append_printf(text, "%u %u %u ", row.kind, row.protocol, row.index);
		if (row.kind == PERSIST_BINDING)
			g_string_append_printf(text, "%u %x:%u %u %u\n", row.binding.port6,
					       row.binding.mapped.addr, row.binding.mapped.port,
					       row.binding.number, row.binding.created_s);
		else
			g_string_append_printf(text, "%u %u %x:%u %u %x\n", row.session.binding,
					       row.session.number, row.session.peer.addr,
					       row.session.peer.port, row.session.state,
					       row.session.segments);
	}
	return g_string_free(text, FALSE);
}

/* Those of TCP: what is known of their segments. */
static void set_segments(struct instance *instance)
{
	struct session_table *table = &instance->gateway.nat->sessions[PROTOCOL_TCP];
	unsigned n = 0;

	for (uint32_t i = 0; (i = session_next(table, i)) != SLAB_NONE; i++) {
		const struct session known = {
			.mss_6to4 = (365u - n) & SESSION_MSS_MAX,
			.mss_4to6 = n % 2 ? SESSION_MSS_MAX : 22u,
			.syn_from6 = n % 2 == 0,
			.syn_from4 = n % 3 == 2,
		};

		session_set_segments(table, i, session_segments(&known));
		n++;
	}
	g_assert_cmpuint(n, >, 3);
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
	set_segments(&old);
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
	const uint32_t older = TABLES_FORMAT - 1, ours = TABLES_FORMAT;
	g_assert_cmpint(pwrite(fd, &older, sizeof(older), 8), ==, sizeof(older));
	(void)load(&fresh, fd, -EPROTONOSUPPORT);
	g_assert_cmpint(pwrite(fd, &ours, sizeof(ours), 8), ==, sizeof(ours));
	tables_spend(fd);
	(void)load(&fresh, fd, -EBADMSG);
	g_assert_cmpint(ftruncate(fd, 0), ==, 0);
	(void)load(&fresh, fd, -EBADMSG);
	close(fd);
	g_assert_cmpuint(nat64_n_bindings(fresh.gateway.nat), ==, 0);
	end(&old);
	end(&fresh);
}

/* ---- in two steps -------------------------------------------------------------------------------
 */

static int save_part(struct instance *instance, enum persist_part part)
{
	int fd = -1;

	g_assert_cmpint(tables_save(&instance->gateway, part, part != PERSIST_STORED, OWNER, &fd),
			==, 0);
	return fd;
}

static void load_part(struct instance *instance, struct restore *restore, enum persist_part part,
		      int fd)
{
	restore->gateway = &instance->gateway;
	restore->now_ms = gateway_now_ms();
	if (part == PERSIST_CHANGED) {
		g_assert_cmpint(restore_changes(restore, fd), ==, 0);
		persist_restored(instance->gateway.nat, false, restore->now_ms);
		g_assert_true(nat64_check(instance->gateway.nat));
	} else {
		g_assert_cmpint(restore_tables(restore, part, fd), ==, 0);
	}
	g_assert_cmpuint(restore->n_bad, ==, 0);
	close(fd);
}

/* What a client does: a flow of few, which is new or goes on; or the end of a binding or a session,
 * whose places others get. */
static void happen(struct instance *instance, GRand *random, uint64_t now_ms)
{
	struct nat64 *nat = instance->gateway.nat;
	enum protocol protocol = g_rand_int_range(random, 0, 2) ? PROTOCOL_UDP : PROTOCOL_TCP;
	struct taddr6 client = taddr6_of("[2001:db8:1::]:0");
	struct taddr4 server = taddr4_of("198.51.100.7:443");
	uint32_t i = (uint32_t)g_rand_int_range(random, 0, 60);

	client.addr.byte[15] = (uint8_t)g_rand_int_range(random, 0, 8);
	client.port = (uint16_t)g_rand_int_range(random, 2000, 2010);
	server.port = (uint16_t)g_rand_int_range(random, 443, 446);
	switch (g_rand_int_range(random, 0, 9)) {
	case 0:
		i = bib_next(&nat->bib[protocol], i);
		if (i != SLAB_NONE)
			nat64_remove_binding(nat, protocol, i, now_ms);
		break;
	case 1:
		i = session_next(&nat->sessions[protocol], i);
		if (i != SLAB_NONE)
			binding_end_session(nat, protocol, i, now_ms);
		break;
	case 2: /* a packet too big: nothing but its segments changes */
		i = session_next(&nat->sessions[PROTOCOL_TCP], i);
		if (i != SLAB_NONE)
			session_set_segments(&nat->sessions[PROTOCOL_TCP], i,
					     g_rand_int(random) & SESSION_SEGMENTS_MAX);
		break;
	default:
		(void)(protocol == PROTOCOL_TCP ? gateway_syn6 : gateway_udp6)(
			instance->fixture, &client, &server, now_ms);
		break;
	}
}

static void hold_ports(struct instance *instance)
{
	const struct pool4_policy policy = {
		.hold_ms = 120000, .hold_tcp_ms = 120000, .max_held = {100, true}};

	pool4_set_policy(instance->gateway.nat->pool4, &policy);
	pool4_set_held_limit(instance->gateway.nat->pool4, 1000);
}

/* Between the parts, and in the midst of the first one, packets go on: what comes is what there was
 * in the end, to the last entry; and what is not stored of it is known. */
static void test_two_steps(void)
{
	GRand *random = g_rand_new_with_seed(SEED);

	for (unsigned round = 0; round < 300; round++) {
		uint64_t now_ms = gateway_now_ms();
		struct restore restore = {0};
		struct instance old, fresh;
		g_autofree char *before = NULL, *after = NULL;

		begin(&old);
		begin(&fresh);
		if (round % 2)
			hold_ports(&fresh);
		g_assert_true(persist_begin(old.gateway.nat));
		g_assert_true(persist_begin(fresh.gateway.nat));
		for (int n = g_rand_int_range(random, 0, 150); n > 0; n--)
			happen(&old, random, now_ms);
		(void)take_all(&old);
		for (int n = g_rand_int_range(random, 0, 50); n > 0; n--)
			happen(&old, random, now_ms);
		load_part(&fresh, &restore, PERSIST_STORED, save_part(&old, PERSIST_STORED));
		for (int n = g_rand_int_range(random, 0, 150); n > 0; n--)
			happen(&old, random, now_ms);
		load_part(&fresh, &restore, PERSIST_CHANGED, save_part(&old, PERSIST_CHANGED));
		before = rows_of(&old);
		after = rows_of(&fresh);
		g_test_message("round %u", round);
		g_assert_cmpstr(after, ==, before);
		g_assert_cmpuint(persist_n_changed(fresh.gateway.nat), ==,
				 persist_n_changed(old.gateway.nat));
		g_assert_cmpuint(restore.n_restored[PERSIST_BINDING], ==,
				 nat64_n_bindings(old.gateway.nat));
		g_assert_cmpuint(restore.n_restored[PERSIST_SESSION], ==,
				 nat64_n_sessions(old.gateway.nat));
		end(&old);
		end(&fresh);
	}
	g_rand_free(random);
}

/* Slices of the first part, with packets in between: no session in it is without its binding. */
static void test_slices(void)
{
	GRand *random = g_rand_new_with_seed(SEED);
	uint64_t now_ms = gateway_now_ms();

	for (unsigned round = 0; round < 300; round++) {
		struct persist_cursor cursor = {0};
		struct instance old, fresh;
		struct persist_row row;

		begin(&old);
		begin(&fresh);
		g_assert_true(persist_begin(old.gateway.nat));
		for (int n = g_rand_int_range(random, 0, 150); n > 0; n--)
			happen(&old, random, now_ms);
		(void)take_all(&old);
		while (persist_copy(old.gateway.nat, PERSIST_STORED, &cursor, &row, 1) == 1) {
			enum persist_result result =
				persist_restore(fresh.gateway.nat, &row, now_ms);

			/* Another binding may have got the port of one that came before. */
			if (row.kind == PERSIST_BINDING)
				g_assert_true(result == PERSIST_OK || result == PERSIST_TAKEN);
			else
				g_assert_cmpint(result, ==, PERSIST_OK);
			happen(&old, random, now_ms);
		}
		int fd = save_part(&old, PERSIST_CHANGED);
		struct restore restore = {.gateway = &fresh.gateway, .now_ms = now_ms};
		g_assert_cmpint(restore_changes(&restore, fd), ==, 0);
		persist_restored(fresh.gateway.nat, false, now_ms);
		close(fd);
		g_autofree char *before = rows_of(&old), *after = rows_of(&fresh);
		g_assert_cmpstr(after, ==, before);
		end(&old);
		end(&fresh);
	}
	g_rand_free(random);
}

/* P-14: the port of a binding that ends while the next one restores is held there, too. */
static void test_left_is_held(void)
{
	struct taddr6 client = taddr6_of("[2001:db8:1::77]:9");
	const struct taddr4 server = taddr4_of("198.51.100.7:9");
	struct restore restore = {0};
	struct instance old, fresh;
	struct taddr4 gone;

	begin(&old);
	begin(&fresh);
	hold_ports(&fresh);
	g_assert_true(persist_begin(old.gateway.nat));
	fill(&old);
	(void)take_all(&old);
	load_part(&fresh, &restore, PERSIST_STORED, save_part(&old, PERSIST_STORED));
	g_assert_cmpuint(restore.n_restored[PERSIST_BINDING], ==, 40);
	gone = bib_entry_taddr4(bib_at(&old.gateway.nat->bib[PROTOCOL_UDP], 3));
	nat64_remove_binding(old.gateway.nat, PROTOCOL_UDP, 3, gateway_now_ms());
	/* One that another binding comes to the place of. */
	const struct taddr4 followed =
		bib_entry_taddr4(bib_at(&old.gateway.nat->bib[PROTOCOL_TCP], 4));
	nat64_remove_binding(old.gateway.nat, PROTOCOL_TCP, 4, gateway_now_ms());
	g_assert_cmpint(gateway_syn6(old.fixture, &client, &server, gateway_now_ms()), ==,
			OUTCOME_TRANSLATED);
	g_assert_true(slab_is_used(&old.gateway.nat->bib[PROTOCOL_TCP].entries, 4));
	load_part(&fresh, &restore, PERSIST_CHANGED, save_part(&old, PERSIST_CHANGED));
	g_assert_cmpuint(restore.n_restored[PERSIST_BINDING], ==, 39);
	g_assert_cmpuint(restore.n_held, ==, 2);
	g_assert_true(pool4_is_held(fresh.gateway.nat->pool4, PROTOCOL_UDP, &gone, 1));
	g_assert_true(pool4_is_held(fresh.gateway.nat->pool4, PROTOCOL_TCP, &followed, 1));
	g_assert_false(pool4_is_held(fresh.gateway.nat->pool4, PROTOCOL_ICMP, &gone, 1));
	end(&old);
	end(&fresh);
}

/* A port that another binding has got meanwhile is in use, not held. */
static void test_used_is_not_held(void)
{
	struct restore restore = {0};
	struct instance old, fresh;

	begin(&old);
	begin(&fresh);
	hold_ports(&fresh);
	g_assert_true(persist_begin(old.gateway.nat));
	fill(&old);
	(void)take_all(&old);
	load_part(&fresh, &restore, PERSIST_STORED, save_part(&old, PERSIST_STORED));
	const struct bib_entry moved = *bib_at(&old.gateway.nat->bib[PROTOCOL_UDP], 3);
	const struct taddr6 inside = {moved.addr6, moved.port6};
	const struct taddr4 mapped = bib_entry_taddr4(&moved);
	nat64_remove_binding(old.gateway.nat, PROTOCOL_UDP, 3, gateway_now_ms());
	const struct taddr6 client = taddr6_of("[2001:db8:1::77]:9");
	const struct taddr4 server = taddr4_of("198.51.100.7:9");
	g_assert_cmpint(gateway_udp6(old.fixture, &client, &server, gateway_now_ms()), ==,
			OUTCOME_TRANSLATED);
	struct persist_row row = {
		.kind = PERSIST_BINDING,
		.protocol = PROTOCOL_UDP,
		.index = 50,
		.exists = true,
		.binding = {.addr6 = inside.addr, .port6 = inside.port, .mapped = mapped},
	};
	g_assert_cmpint(persist_restore(old.gateway.nat, &row, gateway_now_ms()), ==, PERSIST_OK);
	persist_set_changed(old.gateway.nat, &row);
	load_part(&fresh, &restore, PERSIST_CHANGED, save_part(&old, PERSIST_CHANGED));
	g_assert_cmpuint(restore.n_held, ==, 0);
	g_assert_true(pool4_is_used(fresh.gateway.nat->pool4, PROTOCOL_UDP, &mapped));
	g_assert_cmpuint(restore.n_restored[PERSIST_BINDING], ==, 41);
	persist_restored(old.gateway.nat, false, gateway_now_ms());
	end(&old);
	end(&fresh);
}

/* A static binding that came with the first part stays, even if its prefix is not there any more;
 * one that is new in the next one makes way, and is not counted among those that were restored. */
static void test_static_in_parts(void)
{
	const struct taddr6 inside = taddr6_of("[2001:db8:1::5]:443"),
			    other = taddr6_of("[2001:db8:1::6]:443");
	const struct taddr4 outside = taddr4_of("203.0.113.1:443"),
			    outside2 = taddr4_of("203.0.113.1:444"),
			    server = taddr4_of("198.51.100.7:9");
	struct taddr6 client = taddr6_of("[2001:db8:1::77]:9");
	struct restore restore = {0};
	struct instance old, fresh;
	const struct bib *bib;

	begin(&old);
	begin(&fresh);
	bib = &fresh.gateway.nat->bib[PROTOCOL_UDP];
	g_assert_true(prefix6_parse("2001:db8:65::/96", &fresh.gateway.nat->config.pool6[0]));
	g_assert_true(persist_begin(old.gateway.nat));
	g_assert_cmpint(nat64_add_static(old.gateway.nat, PROTOCOL_UDP, &inside, &outside,
					 gateway_now_ms()),
			==, NAT64_STATIC_OK);
	(void)take_all(&old);
	load_part(&fresh, &restore, PERSIST_STORED, save_part(&old, PERSIST_STORED));
	g_assert_cmpuint(restore.n_restored[PERSIST_BINDING], ==, 1);
	g_assert_cmpint(nat64_add_static(fresh.gateway.nat, PROTOCOL_UDP, &other, &outside2,
					 gateway_now_ms()),
			==, NAT64_STATIC_OK);
	persist_take_back(old.gateway.nat, PERSIST_BINDING, PROTOCOL_UDP, 0);
	g_assert_cmpint(gateway_udp6(old.fixture, &client, &server, gateway_now_ms()), ==,
			OUTCOME_TRANSLATED);
	load_part(&fresh, &restore, PERSIST_CHANGED, save_part(&old, PERSIST_CHANGED));
	g_assert_cmpuint(bib_find4(bib, &outside), ==, 0);
	g_assert_cmpuint(bib_at(bib, 0)->pool6, ==, 0);
	g_assert_cmpuint(bib_find4(bib, &outside2), ==, SLAB_NONE);
	g_assert_cmpuint(restore.n_restored[PERSIST_BINDING], ==, 1);
	end(&old);
	end(&fresh);
}

/* Where no database is, all counts as stored when it begins; and then it ends. */
static void test_without_database(void)
{
	struct restore restore = {0};
	struct instance old, fresh;

	begin(&old);
	begin(&fresh);
	fill(&old);
	g_assert_false(persist_is_on(old.gateway.nat));
	g_assert_true(persist_begin_stored(old.gateway.nat));
	g_assert_cmpuint(persist_n_changed(old.gateway.nat), ==, 0);
	load_part(&fresh, &restore, PERSIST_STORED, save_part(&old, PERSIST_STORED));
	nat64_remove_binding(old.gateway.nat, PROTOCOL_UDP, 3, gateway_now_ms());
	load_part(&fresh, &restore, PERSIST_CHANGED, save_part(&old, PERSIST_CHANGED));
	g_autofree char *before = rows_of(&old), *after = rows_of(&fresh);
	g_assert_cmpstr(after, ==, before);
	g_assert_cmpuint(nat64_n_bindings(fresh.gateway.nat), ==, 39);
	persist_end(old.gateway.nat);
	g_assert_false(persist_is_on(old.gateway.nat));
	end(&old);
	end(&fresh);
}

/* L-13: what ended meanwhile is known to the next one, which stores it; to whoever does not, not.
 */
static void test_closed(void)
{
	struct closed_binding closed[3];
	struct restore restore = {0};
	struct instance old, fresh;
	int fd;

	begin(&old);
	begin(&fresh);
	g_assert_true(persist_begin(old.gateway.nat));
	old.gateway.nat->config.retention_s = fresh.gateway.nat->config.retention_s = 86400;
	fill(&old);
	(void)take_all(&old);
	const struct bib_entry gone = *bib_at(&old.gateway.nat->bib[PROTOCOL_UDP], 3);
	nat64_remove_binding(old.gateway.nat, PROTOCOL_UDP, 3, gateway_now_ms());
	nat64_remove_binding(old.gateway.nat, PROTOCOL_TCP, 4, gateway_now_ms());
	fd = save_part(&old, PERSIST_CHANGED);
	load_part(&fresh, &restore, PERSIST_CHANGED, dup(fd));
	g_assert_cmpuint(closed_copy(&fresh.gateway.nat->closed, 0, closed, 3), ==, 0);
	g_assert_true(persist_begin(fresh.gateway.nat));
	load_part(&fresh, &restore, PERSIST_CHANGED, fd);
	g_assert_cmpuint(closed_copy(&fresh.gateway.nat->closed, 0, closed, 3), ==, 2);
	g_assert_cmpuint(closed[0].protocol, ==, PROTOCOL_UDP);
	g_assert_true(addr6_equal(&closed[0].addr6, &gone.addr6));
	g_assert_cmpuint(closed[0].port6, ==, gone.port6);
	g_assert_cmpuint(closed[0].mapped.port, ==, gone.port4);
	g_assert_cmpint(closed[0].created_s, ==, gone.created_s);
	g_assert_cmpuint(closed[0].ended_ms, <=, gateway_now_ms());
	g_assert_cmpuint(closed[0].ended_ms + 2000, >, gateway_now_ms());
	/* With the one before they stay: it may go on after all. */
	g_assert_cmpuint(closed_copy(&old.gateway.nat->closed, 0, closed, 3), ==, 2);
	end(&old);
	end(&fresh);
}

/* What ended is told to the second: up, as in the database, but not later than now. A client's
 * block comes as such (L-11). */
static void test_closed_block(void)
{
	const struct closed_binding block = {
		.addr6 = taddr6_of("[2001:db8:1::]:0").addr,
		.mapped = {taddr4_of("203.0.113.1:0").addr, 1024},
		.port6 = 1087,
		.protocol = N_PROTOCOLS,
		.prefix_len = 64,
		.created_s = -7,
		.ended_ms = 5001,
	};
	/* Of nobody, of part of a prefix, and of no ports. */
	struct closed_binding bad[4] = {block, block, block, block}, found[5];
	struct restore restore = {0};
	struct instance old, fresh;
	int fd;

	bad[0].prefix_len = 0;
	bad[1].prefix_len = 129;
	bad[2].prefix_len = 47;
	bad[3].port6 = 1023;
	begin(&old);
	begin(&fresh);
	g_assert_true(persist_begin(old.gateway.nat));
	g_assert_true(persist_begin(fresh.gateway.nat));
	fresh.gateway.nat->config.retention_s = 86400;
	closed_note(&old.gateway.nat->closed, &block);
	load_part(&fresh, &restore, PERSIST_CHANGED, save_part(&old, PERSIST_CHANGED));
	g_assert_cmpuint(closed_copy(&fresh.gateway.nat->closed, 0, found, 5), ==, 1);
	g_assert_cmpuint(found[0].protocol, ==, N_PROTOCOLS);
	g_assert_cmpuint(found[0].prefix_len, ==, 64);
	g_assert_true(addr6_equal(&found[0].addr6, &block.addr6));
	g_assert_true(taddr4_equal(&found[0].mapped, &block.mapped));
	g_assert_cmpuint(found[0].port6, ==, 1087);
	g_assert_cmpint(found[0].created_s, ==, -7);
	g_assert_cmpuint(found[0].ended_ms, ==, 6000);

	for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++)
		closed_note(&old.gateway.nat->closed, &bad[i]);
	restore.now_ms = 5500;
	fd = save_part(&old, PERSIST_CHANGED);
	g_assert_cmpint(restore_changes(&restore, fd), ==, 0);
	g_assert_cmpuint(restore.n_bad, ==, G_N_ELEMENTS(bad));
	g_assert_cmpuint(closed_copy(&fresh.gateway.nat->closed, 0, found, 5), ==, 2);
	g_assert_cmpuint(found[1].ended_ms, ==, 5500);
	close(fd);
	end(&old);
	end(&fresh);
}

/* L-13: they come with all that there is, too, if there is no first part; and not where the one
 * before still stores them himself. */
static void test_closed_with_all(void)
{
	struct closed_binding closed[3];
	struct instance old, fresh;
	int fd = -1;

	begin(&old);
	begin(&fresh);
	g_assert_true(persist_begin(old.gateway.nat));
	g_assert_true(persist_begin(fresh.gateway.nat));
	old.gateway.nat->config.retention_s = fresh.gateway.nat->config.retention_s = 86400;
	fill(&old);
	nat64_remove_binding(old.gateway.nat, PROTOCOL_UDP, 3, gateway_now_ms());
	fd = save(&old);
	(void)load(&fresh, fd, 0);
	g_assert_cmpuint(closed_copy(&fresh.gateway.nat->closed, 0, closed, 3), ==, 0);
	close(fd);
	end(&fresh);
	begin(&fresh);
	g_assert_true(persist_begin(fresh.gateway.nat));
	fresh.gateway.nat->config.retention_s = 86400;
	g_assert_cmpint(tables_save(&old.gateway, PERSIST_ALL, true, OWNER, &fd), ==, 0);
	g_assert_cmpuint(load(&fresh, fd, 0).n_bad, ==, 0);
	g_assert_cmpuint(closed_copy(&fresh.gateway.nat->closed, 0, closed, 3), ==, 1);
	g_assert_cmpuint(nat64_n_bindings(fresh.gateway.nat), ==, 39);
	persist_restored(fresh.gateway.nat, false, gateway_now_ms());
	close(fd);
	end(&old);
	end(&fresh);
}

/* One part is not taken for another one. */
static void test_parts(void)
{
	struct instance old, fresh;

	begin(&old);
	begin(&fresh);
	g_assert_true(persist_begin(old.gateway.nat));
	fill(&old);
	for (unsigned part = 0; part < N_PERSIST_PARTS; part++) {
		struct restore restore = {.gateway = &fresh.gateway};
		int fd = save_part(&old, part);

		for (unsigned other = 0; other < N_PERSIST_PARTS; other++) {
			if (other == part)
				continue;
			g_assert_cmpint(other == PERSIST_CHANGED
						? restore_changes(&restore, fd)
						: restore_tables(&restore, other, fd),
					==, -EBADMSG);
		}
		close(fd);
	}
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

/* Bytes at random places, behind a header that says all is well; of each part. */
static void test_mutants(gconstpointer data)
{
	const enum persist_part part = GPOINTER_TO_UINT(data);
	GRand *random = g_rand_new_with_seed(SEED);
	struct instance old;
	g_autofree uint8_t *content = NULL;
	struct stat status;
	int fd;

	begin(&old);
	if (part != PERSIST_ALL)
		g_assert_true(persist_begin(old.gateway.nat));
	old.gateway.nat->config.retention_s = 86400;
	fill(&old);
	if (part == PERSIST_STORED)
		(void)take_all(&old);
	nat64_remove_binding(old.gateway.nat, PROTOCOL_UDP, 3, gateway_now_ms());
	fd = save_part(&old, part);
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
		fresh.gateway.nat->config.retention_s = 86400;
		if (part == PERSIST_CHANGED) {
			/* Also over what is there already. */
			(void)restore_changes(&restore, fd);
			(void)restore_changes(&restore, mutant);
		} else {
			(void)restore_tables(&restore, part, mutant);
		}
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
	g_test_add_func("/tables_file/two_steps", test_two_steps);
	g_test_add_func("/tables_file/slices", test_slices);
	g_test_add_func("/tables_file/left_is_held", test_left_is_held);
	g_test_add_func("/tables_file/used_is_not_held", test_used_is_not_held);
	g_test_add_func("/tables_file/static_in_parts", test_static_in_parts);
	g_test_add_func("/tables_file/without_database", test_without_database);
	g_test_add_func("/tables_file/closed", test_closed);
	g_test_add_func("/tables_file/closed_block", test_closed_block);
	g_test_add_func("/tables_file/closed_with_all", test_closed_with_all);
	g_test_add_func("/tables_file/parts", test_parts);
	g_test_add_data_func("/tables_file/mutants/all", GUINT_TO_POINTER(PERSIST_ALL),
			     test_mutants);
	g_test_add_data_func("/tables_file/mutants/stored", GUINT_TO_POINTER(PERSIST_STORED),
			     test_mutants);
	g_test_add_data_func("/tables_file/mutants/changed", GUINT_TO_POINTER(PERSIST_CHANGED),
			     test_mutants);
	g_test_add_func("/heartbeat/outlives", test_heartbeat);
	return g_test_run();
}
