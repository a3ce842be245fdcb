/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A copy into somebody else's descriptor: whole, refused, or left. A disk that hangs is a write
 * that does not come back. */
#include "daemon/copy_out.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE     300000
#define LONG_MS  600000
#define SHORT_MS 50

static char *directory, *path;
static atomic_bool stop, hangs;
static atomic_uint n_hanging;

ssize_t __real_write(int fd, const void *data, size_t size);
ssize_t __wrap_write(int fd, const void *data, size_t size);

/* A file takes nothing while the disk hangs. */
ssize_t __wrap_write(int fd, const void *data, size_t size)
{
	struct stat status;

	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) {
		atomic_fetch_add(&n_hanging, 1);
		while (atomic_load(&hangs))
			g_usleep(1000);
		atomic_fetch_sub(&n_hanging, 1);
	}
	return __real_write(fd, data, size);
}

static char *contents(void)
{
	char *data = g_malloc(SIZE);

	for (unsigned i = 0; i < SIZE; i++)
		data[i] = (char)(i * 7 + i / 251);
	return data;
}

static void wait_until_over(struct copy_out *copy)
{
	while (!copy_out_is_over(copy))
		g_usleep(1000);
}

/* ---- it is taken --------------------------------------------------------------------------------
 */

static void test_file(void)
{
	g_autofree char *to = g_build_filename(directory, "to", NULL), *expected = contents();
	g_autofree char *found = NULL;
	int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct copy_out *copy;
	gsize size;

	g_assert_cmpint(copy_out_new(path, fd, &copy), ==, 0);
	close(fd);
	g_assert_cmpint(copy_out_wait(copy, &stop, LONG_MS), ==, 0);
	g_assert_true(copy_out_is_over(copy));
	copy_out_free(copy);
	g_assert_true(g_file_get_contents(to, &found, &size, NULL));
	g_assert_cmpmem(found, size, expected, SIZE);
	g_assert_cmpint(g_unlink(to), ==, 0);
}

/* Its end is the end of what is read. */
static gpointer read_all(gpointer data)
{
	GByteArray *bytes = g_byte_array_new();
	int fd = GPOINTER_TO_INT(data);
	guint8 buffer[5000];
	ssize_t n;

	while ((n = read(fd, buffer, sizeof(buffer))) > 0)
		g_byte_array_append(bytes, buffer, (guint)n);
	g_assert_cmpint(n, ==, 0);
	return bytes;
}

static void test_reader(void)
{
	for (unsigned is_socket = 0; is_socket < 2; is_socket++) {
		g_autofree char *expected = contents();
		struct copy_out *copy;
		GByteArray *found;
		GThread *thread;
		int fd[2];

		g_assert_cmpint(is_socket ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd)
					  : pipe2(fd, O_CLOEXEC),
				==, 0);
		thread = g_thread_new("reader", read_all, GINT_TO_POINTER(fd[0]));
		g_assert_cmpint(copy_out_new(path, fd[1], &copy), ==, 0);
		close(fd[1]);
		g_assert_cmpint(copy_out_wait(copy, &stop, LONG_MS), ==, 0);
		copy_out_free(copy);
		found = g_thread_join(thread);
		g_assert_cmpmem(found->data, found->len, expected, SIZE);
		g_byte_array_unref(found);
		close(fd[0]);
	}
}

/* ---- it is not ----------------------------------------------------------------------------------
 */

static void test_refused(void)
{
	struct copy_out *copy = NULL;
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	int fd[2];

	g_assert_cmpint(copy_out_new("/nonexistent", full, &copy), ==, -ENOENT);
	g_assert_cmpint(copy_out_new(path, -1, &copy), ==, -EBADF);
	g_assert_null(copy);
	g_assert_cmpint(copy_out_new(path, full, &copy), ==, 0);
	g_assert_cmpint(copy_out_wait(copy, &stop, LONG_MS), ==, -ENOSPC);
	copy_out_free(copy);
	close(full);
	g_assert_cmpint(pipe2(fd, O_CLOEXEC), ==, 0);
	close(fd[0]);
	g_assert_cmpint(copy_out_new(path, fd[1], &copy), ==, 0);
	g_assert_cmpint(copy_out_wait(copy, &stop, LONG_MS), ==, -EPIPE);
	copy_out_free(copy);
	close(fd[1]);
}

/* Nobody reads: it is left when it is time, or the end, and comes back by itself. */
static void test_unread(void)
{
	for (unsigned is_stopped = 0; is_stopped < 2; is_stopped++) {
		struct copy_out *copy;
		int fd[2];

		g_assert_cmpint(pipe2(fd, O_CLOEXEC), ==, 0);
		g_assert_cmpint(copy_out_new(path, fd[1], &copy), ==, 0);
		atomic_store(&stop, is_stopped);
		g_assert_cmpint(copy_out_wait(copy, &stop, is_stopped ? LONG_MS : SHORT_MS), ==,
				is_stopped ? -ECANCELED : -ETIMEDOUT);
		atomic_store(&stop, false);
		wait_until_over(copy);
		copy_out_free(copy);
		close(fd[0]);
		close(fd[1]);
	}
}

/* The kernel does not come back: it is left all the same, writes nothing more when it does, and has
 * nothing open then. */
static void test_hanging(void)
{
	for (unsigned is_stopped = 0; is_stopped < 2; is_stopped++) {
		g_autofree char *to = g_build_filename(directory, "hangs", NULL);
		int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		struct copy_out *copy;
		struct stat status;

		atomic_store(&hangs, true);
		g_assert_cmpint(copy_out_new(path, fd, &copy), ==, 0);
		while (atomic_load(&n_hanging) == 0)
			g_usleep(1000);
		atomic_store(&stop, is_stopped);
		g_assert_cmpint(copy_out_wait(copy, &stop, is_stopped ? LONG_MS : SHORT_MS), ==,
				is_stopped ? -ECANCELED : -ETIMEDOUT);
		atomic_store(&stop, false);
		g_assert_false(copy_out_is_over(copy));
		atomic_store(&hangs, false);
		wait_until_over(copy);
		copy_out_free(copy);
		g_assert_cmpint(fstat(fd, &status), ==, 0);
		g_assert_cmpint(status.st_size, <, SIZE);
		close(fd);
		g_assert_cmpint(g_unlink(to), ==, 0);
	}
}

/* Whoever has begun it forgets it while it hangs: the thread has its own. */
static void test_forgotten(void)
{
	g_autofree char *to = g_build_filename(directory, "forgotten", NULL);
	int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct copy_out *copy;

	atomic_store(&hangs, true);
	g_assert_cmpint(copy_out_new(path, fd, &copy), ==, 0);
	close(fd);
	while (atomic_load(&n_hanging) == 0)
		g_usleep(1000);
	copy_out_free(copy);
	atomic_store(&hangs, false);
	while (atomic_load(&n_hanging) > 0)
		g_usleep(1000);
	g_assert_cmpint(g_unlink(to), ==, 0);
}

int main(int argc, char **argv)
{
	g_autofree char *data = contents();
	int r;

	g_test_init(&argc, &argv, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	directory = g_dir_make_tmp("nat64d-copy-XXXXXX", NULL);
	path = g_build_filename(directory, "from", NULL);
	g_assert_true(g_file_set_contents(path, data, SIZE, NULL));
	g_test_add_func("/copy-out/file", test_file);
	g_test_add_func("/copy-out/reader", test_reader);
	g_test_add_func("/copy-out/refused", test_refused);
	g_test_add_func("/copy-out/unread", test_unread);
	g_test_add_func("/copy-out/hanging", test_hanging);
	g_test_add_func("/copy-out/forgotten", test_forgotten);
	r = g_test_run();
	g_assert_cmpint(g_unlink(path), ==, 0);
	g_assert_cmpint(g_rmdir(directory), ==, 0);
	return r;
}
