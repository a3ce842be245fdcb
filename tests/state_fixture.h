/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon's state around a gateway, by fake time (fake_time.h) and on a fake disk (fake_disk.h):
 * begun, sent packets, killed or ended, and begun again in the same directory. Link also with
 * -Wl,--wrap=log_line.
 */
#pragma once

#include "daemon/daemon_state.h"
#include "tests/fake_disk.h"
#include "tests/fake_time.h"
#include "tests/gateway_fixture.h"

#define STATE_FLUSH_MS 250
#define STATE_SYNC_MS  5000
#define STATE_BOOT_MS  2000000
#define STATE_WALL_MS  1800000000000

struct state_fixture {
	char *directory;
	char *path; /* of the database */
	struct gateway_fixture *fixture;
	struct gateway gateway;
	struct daemon_state *state;     /* NULL: it is not running */
	struct gateway_options options; /* of the gateway; its time is set at each beginning */
	GPtrArray *log;
};

/* As g_test_add() wants them: a directory, and nothing that runs. */
void state_setup(struct state_fixture *f, gconstpointer data);
void state_teardown(struct state_fixture *f, gconstpointer data);

/* Restores what there is, and begins to write. */
void state_begin(struct state_fixture *f);
/* All that has changed is written, if that works. */
void state_end(struct state_fixture *f);

/* Some 64 of them share an address. */
struct taddr6 state_client(uint32_t number);
/* It sends UDP, which is translated: as what. */
struct taddr4 state_send(struct state_fixture *f, uint32_t number);
/* All with a number below n. */
void state_send_all(struct state_fixture *f, uint32_t n);
uint32_t state_n_bindings(struct state_fixture *f);
uint32_t state_n_pending(struct state_fixture *f);

/* As D-Bus has it; free with g_free(). */
char *state_problem(struct state_fixture *f);
/* How many lines have these words. */
guint state_n_logged(const struct state_fixture *f, const char *words);

#define state_assert_problem(f, words)                                \
	do {                                                          \
		char *problem_ = state_problem(f);                    \
		if (!strstr(problem_, (words)))                       \
			g_error("\"%s\" in \"%s\"", words, problem_); \
		g_free(problem_);                                     \
	} while (0)
#define state_assert_no_problem(f)                 \
	do {                                       \
		char *problem_ = state_problem(f); \
		g_assert_cmpstr(problem_, ==, ""); \
		g_free(problem_);                  \
	} while (0)
