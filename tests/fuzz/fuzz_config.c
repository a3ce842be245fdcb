/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Configuration files of any bytes into config_load(), with a drop-in, and the addresses of a pool4
 * entry as text (K-12, X-10).
 *
 * An input is text; a byte 0 in it ends the file, and the drop-in follows. Both are written to a
 * folder of this process's own in TMPDIR, which goes with it; nothing else is read or written. The
 * whole input without its zeros is also read as a list of addresses.
 *
 * The checks: refused exactly if there is an error among the problems; each problem names a file
 * that is ours, a line that this file has, and a sentence; the same files give the same problems
 * again; what is accepted can be run: its NAT64 exists, keeps its invariants, and takes its pool4
 * entries; a value inside the struct is inside its bounds. A list of addresses that was read is
 * sorted and apart, and printed and read again it is the same.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "daemon/config.h"
#include "daemon/core/pool4_text.h"
#include "tests/fake_world.h"
#include "tests/fuzz/fuzz.h"

#define TEXT_MAX 16384

static char *folder, *path, *drop_in_folder, *drop_in;

static void remove_files(void)
{
	(void)g_remove(drop_in);
	(void)g_remove(drop_in_folder);
	(void)g_remove(path);
	(void)g_remove(folder);
}

static void make_folder(void)
{
	if (folder)
		return;
	folder = g_dir_make_tmp("nat64d-fuzz-XXXXXX", NULL);
	REQUIRE(folder);
	path = g_build_filename(folder, "nat64d.conf", NULL);
	drop_in_folder = g_strdup_printf("%s.d", path);
	drop_in = g_build_filename(drop_in_folder, "10.conf", NULL);
	REQUIRE(g_mkdir(drop_in_folder, 0700) == 0);
	REQUIRE(atexit(remove_files) == 0);
}

static void write_file(const char *name, const char *text, size_t size)
{
	FILE *file = fopen(name, "w");

	REQUIRE(file && fwrite(text, 1, size, file) == size && fclose(file) == 0);
}

static unsigned n_lines(const char *text, size_t size)
{
	unsigned n = 1;

	for (size_t i = 0; i < size; i++)
		n += text[i] == '\n';
	return n;
}

/* A person can find what is meant. */
static void check_problem(const struct config_problem *problem, const unsigned lines[2])
{
	const bool is_file = strcmp(problem->file, path) == 0;
	const bool is_drop_in = strcmp(problem->file, drop_in) == 0;
	g_autofree char *text = config_problem_print(problem);

	REQUIRE(is_file || is_drop_in || *problem->file == '\0');
	REQUIRE(problem->line <= (is_drop_in ? lines[1] : lines[0]));
	REQUIRE(*problem->sentence != '\0');
	REQUIRE(g_utf8_validate(text, -1, NULL));
}

static void check_same_again(const GPtrArray *problems, int r)
{
	g_autoptr(GPtrArray) again = config_problems_new();
	struct config *config = NULL;

	REQUIRE(config_load(path, &config, again) == r);
	REQUIRE(again->len == problems->len);
	for (guint i = 0; i < again->len; i++) {
		g_autofree char *one = config_problem_print(g_ptr_array_index(problems, i));
		g_autofree char *two = config_problem_print(g_ptr_array_index(again, i));

		REQUIRE(strcmp(one, two) == 0);
	}
	config_free(config);
}

/* K-1 to K-12: what no file may say without AllowBelowMinimum. */
static void check_bounds(const struct config *config)
{
	const struct nat64_config *nat64 = &config->nat64;
	unsigned n = 0;

	for (unsigned i = 0; i < NAT64_POOL6_MAX; i++)
		n += nat64->pool6[i].len != 0;
	REQUIRE(n > 0);
	REQUIRE(nat64->rules.lowest_ipv6_mtu >= 1280);
	REQUIRE(nat64->n_clients <= NAT64_PREFIXES_MAX && nat64->n_deny <= NAT64_PREFIXES_MAX);
	REQUIRE(nat64->n_udp_by_port <= NAT64_PORT_LIFETIMES_MAX);
	REQUIRE((config->queue.mark.value & ~config->queue.mark.mask) == 0);
	if (config->allow_below_minimum)
		return;
	REQUIRE(nat64->udp_ms >= 120000);
	REQUIRE(nat64->tcp_established_ms >= 7200000);
	REQUIRE(nat64->tcp_transitory_ms >= 240000);
	REQUIRE(nat64->tcp_incoming_syn_ms >= 6000);
	REQUIRE(nat64->icmp_ms >= 60000);
	REQUIRE(nat64->fragment_ms >= 2000 && nat64->fragment_ms <= 60000);
}

/* The core takes it: what the check of the whole has let pass does not clash there. */
static void check_runs(const struct config *config)
{
	static const uint8_t seed[RANDOM_SEED_SIZE] = {1};
	struct fake_world fake;
	struct nat64_world world;
	struct nat64 *nat;

	fake_world_init(&fake);
	world = fake_world_calls(&fake);
	nat = nat64_new(&config->nat64, &config->limits, &world, seed, 1000);
	REQUIRE(nat);
	for (uint32_t i = 0; i < config->n_pool4; i++) {
		const struct config_pool4 *entry = &config->pool4[i];
		uint32_t id;

		/* Those whose addresses or ports only the host can say are not whole yet. */
		if (entry->ports_auto || entry->spec.n_addresses == 0)
			continue;
		REQUIRE(pool4_add(nat->pool4, &entry->spec, &id) == POOL4_OK);
	}
	REQUIRE(nat64_check(nat));
	nat64_free(nat);
}

static void check_files(const char *text, size_t size)
{
	const char *end = memchr(text, '\0', size);
	const size_t first = end ? (size_t)(end - text) : size;
	const size_t second = end ? size - first - 1 : 0;
	const unsigned lines[2] = {n_lines(text, first), n_lines(text + size - second, second)};
	g_autoptr(GPtrArray) problems = config_problems_new();
	struct config *config = NULL;
	int r;

	write_file(path, text, first);
	write_file(drop_in, text + size - second, second);
	r = config_load(path, &config, problems);
	REQUIRE(r == 0 || r == -EINVAL);
	REQUIRE((r == -EINVAL) == config_problems_have(problems, CONFIG_ERROR));
	REQUIRE((config == NULL) == (r != 0));
	for (guint i = 0; i < problems->len; i++)
		check_problem(g_ptr_array_index(problems, i), lines);
	check_same_again(problems, r);
	if (config) {
		check_bounds(config);
		check_runs(config);
	}
	config_free(config);
}

static void check_addresses(const char *text)
{
	char error[POOL4_TEXT_ERROR_SIZE];
	struct pool4_text list, again;
	size_t size;
	char *printed;

	error[0] = '\0';
	if (pool4_text_parse(text, &list, error)) {
		REQUIRE(error[0] != '\0' && memchr(error, '\0', sizeof(error)));
		return;
	}
	REQUIRE(list.n_ranges + list.n_interfaces > 0);
	for (uint32_t i = 0; i < list.n_ranges; i++) {
		REQUIRE(list.range[i].first <= list.range[i].last);
		REQUIRE(i == 0 || (uint64_t)list.range[i - 1].last + 1 < list.range[i].first);
	}
	if (list.n_ranges > 0) {
		size = pool4_text_print(list.range, list.n_ranges, NULL, 0) + 1;
		printed = g_malloc(size);
		REQUIRE(pool4_text_print(list.range, list.n_ranges, printed, size) == size - 1);
		REQUIRE(pool4_text_parse(printed, &again, error) == NULL);
		REQUIRE(again.n_ranges == list.n_ranges && again.n_interfaces == 0);
		REQUIRE(memcmp(again.range, list.range, list.n_ranges * sizeof(*list.range)) == 0);
		pool4_text_deinit(&again);
		g_free(printed);
	}
	pool4_text_deinit(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	/* In blocks of their own, so that the sanitizer sees every step beyond. */
	g_autofree char *text = NULL, *without_zeros = NULL;
	size_t n = 0;

	if (size > TEXT_MAX)
		size = TEXT_MAX;
	make_folder();
	text = g_malloc(size + 1);
	memcpy(text, input, size);
	without_zeros = g_malloc(size + 1);
	for (size_t i = 0; i < size; i++)
		if (input[i] != 0)
			without_zeros[n++] = (char)input[i];
	without_zeros[n] = '\0';
	check_files(text, size);
	check_addresses(without_zeros);
	return 0;
}
