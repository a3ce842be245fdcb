/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ports that were in use, in a file that outlives a crash. */
#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "schema/given_file.h"
#include "tests/store_fixture.h"

static void collect(void *context, enum protocol protocol, const struct taddr4 *mapped)
{
	GString *text = context;

	g_string_append_printf(text, "%s/%u ", protocol_name(protocol), mapped->port);
}

static char *given_ports(struct store_fixture *f, struct given_file **ret)
{
	GString *text = g_string_new(NULL);

	g_assert_cmpint(given_file_open(f->directory, ret), ==, 0);
	(void)given_file_each(*ret, 120000, collect, text);
	return g_string_free(text, FALSE);
}

#define assert_given(f, file, expected)                  \
	do {                                             \
		char *given_ = given_ports((f), (file)); \
		g_assert_cmpstr(given_, ==, (expected)); \
		g_free(given_);                          \
	} while (0)

/* P-16: those that nothing else knows yet, and those of the last 120 s. */
static void test_given(struct store_fixture *f, gconstpointer data)
{
	struct given_file *file;
	struct given_ring *ring;

	assert_given(f, &file, "");
	ring = given_file_ring(file);
	for (uint16_t i = 0; i < 4; i++)
		given_note(ring, i % N_PROTOCOLS, &(struct taddr4){1, i}, 1000 + i * 100000);
	given_file_close(file);
	assert_given(f, &file, "tcp/0 udp/1 icmp/2 tcp/3 ");
	given_file_set_stored(file, 4);
	given_file_close(file);
	assert_given(f, &file, "icmp/2 tcp/3 ");
	given_file_set_stored(file, 1);
	given_file_close(file);
	assert_given(f, &file, "udp/1 icmp/2 tcp/3 ");
	for (unsigned i = 0; i < GIVEN_PORTS; i++) /* the oldest are written over */
		given_note(given_file_ring(file), PROTOCOL_TCP, &(struct taddr4){1, 7}, 900000);
	given_file_set_stored(file, GIVEN_PORTS);
	g_assert_cmpuint(given_file_ring(file)->n, ==, GIVEN_PORTS + 4);
	given_file_close(file);
}

/* What came since somebody looked; of more than the ring has, what it has. */
static void test_given_since(struct store_fixture *f, gconstpointer data)
{
	GString *text = g_string_new(NULL);
	struct given_file *file;
	struct given_ring *ring;

	g_assert_cmpint(given_file_open(f->directory, &file), ==, 0);
	ring = given_file_ring(file);
	given_file_each_since(file, 0, collect, text);
	g_assert_cmpstr(text->str, ==, "");
	for (uint16_t i = 0; i < 4; i++)
		given_note(ring, i % N_PROTOCOLS, &(struct taddr4){1, i}, 1000);
	given_note(ring, 9, &(struct taddr4){1, 6}, 7); /* no protocol */
	given_file_each_since(file, 2, collect, text);
	g_assert_cmpstr(text->str, ==, "icmp/2 tcp/3 ");
	given_file_each_since(file, 5, collect, text);
	given_file_each_since(file, UINT64_MAX, collect, text);
	g_assert_cmpstr(text->str, ==, "icmp/2 tcp/3 ");
	for (unsigned i = 0; i < GIVEN_PORTS - 1; i++)
		given_note(ring, PROTOCOL_TCP, &(struct taddr4){1, 7}, 900000);
	given_note(ring, PROTOCOL_UDP, &(struct taddr4){1, 8}, 900000);
	g_string_truncate(text, 0);
	given_file_each_since(file, 2, collect, text);
	g_assert_true(g_str_has_prefix(text->str, "tcp/7 tcp/7 "));
	g_assert_true(g_str_has_suffix(text->str, "tcp/7 udp/8 "));
	g_string_free(text, TRUE);
	given_file_close(file);
}

static void test_given_hostile(struct store_fixture *f, gconstpointer data)
{
	char *path = g_build_filename(f->directory, "ports", NULL);
	struct given_file *file;
	gsize size;
	char *bytes;

	g_assert_true(g_file_set_contents(path, "no such file", -1, NULL));
	assert_given(f, &file, "");
	given_note(given_file_ring(file), PROTOCOL_UDP, &(struct taddr4){1, 5}, 7);
	given_note(given_file_ring(file), 9, &(struct taddr4){1, 6}, 7); /* no protocol */
	given_file_close(file);
	assert_given(f, &file, "udp/5 ");
	given_file_set_stored(file, 5000); /* more than there are */
	given_file_close(file);
	assert_given(f, &file, "");
	given_file_close(file);
	g_assert_true(g_file_get_contents(path, &bytes, &size, NULL));
	memset(bytes + 8, 0xff, size - 8);
	g_assert_true(g_file_set_contents(path, bytes, (gssize)size, NULL));
	assert_given(f, &file, "");
	given_file_close(file);
	(void)g_unlink(path);
	g_assert_cmpint(g_mkdir(path, 0700), ==, 0);
	g_assert_cmpint(given_file_open(f->directory, &file), ==, -EISDIR);
	(void)g_rmdir(path);
	g_assert_cmpint(symlink("/dev/full", path), ==, 0);
	g_assert_cmpint(given_file_open(f->directory, &file), ==, -ELOOP);
	g_free(bytes);
	g_free(path);
}

/* The copy in another directory: taken if it is ours and not older, left as a file of its own. */
static void test_given_copy(struct store_fixture *f, gconstpointer data)
{
	struct given_file *older = NULL;
	g_autofree char *other = g_build_filename(f->directory, "other", NULL);
	g_autofree char *path = g_build_filename(other, "ports", NULL);
	struct given_file *file, *copy;

	g_assert_cmpint(g_mkdir(other, 0700), ==, 0);
	assert_given(f, &file, "");
	g_assert_cmpint(given_file_take(file, other, &older), ==, -ENOENT);
	g_assert_true(g_file_set_contents(path, "short", -1, NULL));
	g_assert_cmpint(given_file_take(file, other, &older), ==, -ENOENT);
	given_note(given_file_ring(file), PROTOCOL_UDP, &(struct taddr4){1, 5}, 7);
	g_assert_cmpint(given_file_leave(file, other), ==, 0);
	given_note(given_file_ring(file), PROTOCOL_UDP, &(struct taddr4){1, 6}, 7);
	/* It is older now. */
	g_assert_cmpint(given_file_take(file, other, &older), ==, -ESTALE);
	g_assert_cmpuint(given_file_ring(file)->n, ==, 2);
	g_assert_cmpuint(given_file_ring(older)->n, ==, 1);
	given_file_close(g_steal_pointer(&older));
	g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
	g_assert_cmpint(given_file_open(other, &copy), ==, 0);
	g_assert_cmpuint(given_file_ring(copy)->n, ==, 1);
	given_note(given_file_ring(copy), PROTOCOL_UDP, &(struct taddr4){1, 7}, 7);
	given_note(given_file_ring(copy), PROTOCOL_UDP, &(struct taddr4){1, 8}, 7);
	/* Another process has it mapped: what that has written is there. */
	g_assert_cmpint(given_file_take(file, other, &older), ==, 0);
	g_assert_cmpuint(given_file_ring(file)->n, ==, 3);
	given_file_close(copy);
	given_file_close(file);
	assert_given(f, &file, "udp/5 udp/7 udp/8 ");
	given_file_remove(other);
	g_assert_cmpint(symlink("/dev/full", path), ==, 0);
	g_assert_cmpint(given_file_take(file, other, &older), ==, -ELOOP);
	g_assert_cmpint(given_file_leave(file, other), ==, 0);
	given_file_remove(other);
	g_assert_cmpint(g_mkdir(path, 0700), ==, 0);
	g_assert_cmpint(given_file_take(file, other, &older), ==, -EISDIR);
	g_assert_cmpint(given_file_leave(file, other), ==, -EEXIST);
	(void)g_rmdir(path);
	(void)g_rmdir(other);
	g_assert_cmpint(given_file_leave(file, other), ==, -ENOENT);
	given_file_close(file);
}

/* Two that began apart: which one is older is no matter of how many it has noted. */
static void test_given_apart(struct store_fixture *f, gconstpointer data)
{
	g_autofree char *other = g_build_filename(f->directory, "other", NULL);
	struct given_file *file, *copy, *older = NULL;
	GString *text = g_string_new(NULL);

	g_assert_cmpint(g_mkdir(other, 0700), ==, 0);
	g_assert_cmpint(given_file_open(f->directory, &file), ==, 0);
	g_assert_cmpint(given_file_open(other, &copy), ==, 0);
	/* An empty one takes an empty one. */
	g_assert_cmpint(given_file_take(file, other, &older), ==, 0);
	for (uint16_t i = 0; i < 5; i++)
		given_note(given_file_ring(file), PROTOCOL_TCP, &(struct taddr4){1, i}, 1000 + i);
	g_assert_cmpint(given_file_take(file, other, &older), ==, -ESTALE);
	given_file_close(g_steal_pointer(&older));
	given_note(given_file_ring(copy), PROTOCOL_UDP, &(struct taddr4){1, 9}, 1003);
	g_assert_cmpint(given_file_take(file, other, &older), ==, -ESTALE);
	(void)given_file_each(older, 120000, collect, text);
	g_assert_cmpstr(text->str, ==, "udp/9 ");
	/* It is no file of anybody's. */
	given_note(given_file_ring(older), PROTOCOL_UDP, &(struct taddr4){1, 10}, 2000);
	given_file_set_stored(older, 2);
	given_file_close(g_steal_pointer(&older));
	g_assert_cmpuint(given_file_ring(copy)->n, ==, 1);
	given_note(given_file_ring(copy), PROTOCOL_UDP, &(struct taddr4){1, 11}, 1005);
	g_assert_cmpint(given_file_take(file, other, &older), ==, 0);
	g_assert_null(older);
	g_assert_cmpuint(given_file_ring(file)->n, ==, 2);
	g_string_free(text, TRUE);
	given_file_close(copy);
	given_file_close(file);
	given_file_remove(other);
	(void)g_rmdir(other);
}

static void test_given_place(struct store_fixture *f, gconstpointer data)
{
	g_assert_false(given_file_is_place("/proc"));
	g_assert_false(given_file_is_place("/nowhere"));
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(struct store_fixture *f, gconstpointer data);
	} tests[] = {
		{"/given_file/given", test_given},
		{"/given_file/since", test_given_since},
		{"/given_file/hostile", test_given_hostile},
		{"/given_file/copy", test_given_copy},
		{"/given_file/apart", test_given_apart},
		{"/given_file/place", test_given_place},
	};

	g_test_init(&argc, &argv, NULL);
	for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++)
		g_test_add(tests[i].name, struct store_fixture, NULL, fixture_setup, tests[i].run,
			   fixture_teardown);
	return g_test_run();
}
