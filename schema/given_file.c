/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "schema/given_file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define FILE_NAME "ports"
#define MAGIC     "n64port1"

struct content {
	char magic[8];
	uint32_t n_ports; /* also tells a machine of the other byte order */
	uint32_t pad;
	uint64_t stored;
	struct given_ring ring;
};

struct given_file {
	struct content *content;
};

static char *path_in(const char *directory)
{
	return g_build_filename(directory, FILE_NAME, NULL);
}

static bool is_ours(const struct content *content)
{
	return memcmp(content->magic, MAGIC, sizeof(content->magic)) == 0 &&
	       content->n_ports == GIVEN_PORTS && content->stored <= content->ring.n;
}

/* Blocks for all of it: on a full disk the first packet would end the process. */
static int map(int fd, struct content **ret)
{
	struct content *content;
	int r = posix_fallocate(fd, 0, sizeof(*content));

	if (r != 0)
		return -r;
	content = mmap(NULL, sizeof(*content), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		       fd, 0);
	if (content == MAP_FAILED)
		return -errno;
	if (!is_ours(content)) {
		memset(content, 0, sizeof(*content));
		memcpy(content->magic, MAGIC, sizeof(content->magic));
		content->n_ports = GIVEN_PORTS;
	}
	*ret = content;
	return 0;
}

int given_file_open(const char *directory, struct given_file **ret)
{
	char *path = path_in(directory);
	struct content *content = NULL;
	struct stat status;
	int fd, r;

	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	r = fd < 0 || fstat(fd, &status) < 0 ? -errno : 0;
	if (r == 0 && !S_ISREG(status.st_mode))
		r = -EINVAL;
	/* One of another size is none of ours. */
	if (r == 0 && status.st_size != sizeof(*content) && ftruncate(fd, 0) < 0)
		r = -errno;
	if (r == 0)
		r = map(fd, &content);
	if (fd >= 0)
		(void)close(fd);
	g_free(path);
	if (r < 0)
		return r;
	*ret = g_new0(struct given_file, 1);
	(*ret)->content = content;
	return 0;
}

void given_file_close(struct given_file *file)
{
	if (!file)
		return;
	(void)munmap(file->content, sizeof(*file->content));
	g_free(file);
}

bool given_file_is_place(const char *directory)
{
	struct statfs status;

	return statfs(directory, &status) == 0 &&
	       (status.f_type == TMPFS_MAGIC || (uint32_t)status.f_type == RAMFS_MAGIC);
}

/* Whole, or -errno. */
static int read_whole(int fd, void *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = read(fd, (char *)data + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENOENT;
		done += (size_t)n;
	}
	return 0;
}

static int write_whole(int fd, const void *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = write(fd, (const char *)data + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

/* 0 of an empty one. */
static uint64_t newest_ms(const struct given_ring *ring)
{
	return ring->n > 0 ? ring->port[(ring->n - 1) % GIVEN_PORTS].time_ms : 0;
}

/* How many were noted says nothing of two rings that began apart. */
static bool is_older(const struct given_ring *ring, const struct given_ring *than)
{
	uint64_t ms = newest_ms(ring), than_ms = newest_ms(than);

	if (ring->n == 0 || than->n == 0)
		return than->n > 0;
	return ms != than_ms ? ms < than_ms : ring->n < than->n;
}

/* One that has no file. 0 or a negative errno. */
static int map_copy(const struct content *content, struct given_file **ret)
{
	struct content *copy = mmap(NULL, sizeof(*copy), PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (copy == MAP_FAILED)
		return -errno;
	*copy = *content;
	*ret = g_new0(struct given_file, 1);
	(*ret)->content = copy;
	return 0;
}

int given_file_take(struct given_file *file, const char *directory, struct given_file **ret_older)
{
	g_autofree char *path = path_in(directory);
	g_autofree struct content *content = g_new(struct content, 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int r;

	if (fd < 0)
		return -errno;
	r = read_whole(fd, content, sizeof(*content));
	(void)close(fd);
	if (r == 0 && !is_ours(content))
		r = -ENOENT;
	if (r < 0)
		return r;
	if (is_older(&content->ring, &file->content->ring)) {
		r = map_copy(content, ret_older);
		return r < 0 ? r : -ESTALE;
	}
	*file->content = *content;
	return 0;
}

int given_file_leave(const struct given_file *file, const char *directory)
{
	g_autofree char *path = path_in(directory);
	int fd, r;

	/* Nobody maps it; what is there may be of any kind. */
	(void)unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	r = write_whole(fd, file->content, sizeof(*file->content));
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r < 0)
		(void)unlink(path);
	return r;
}

void given_file_remove(const char *directory)
{
	g_autofree char *path = path_in(directory);

	(void)unlink(path);
}

struct given_ring *given_file_ring(struct given_file *file)
{
	return &file->content->ring;
}

void given_file_set_stored(struct given_file *file, uint64_t n)
{
	file->content->stored = n;
}

/* The port as a number, by which a set tells it from others. */
static gint64 key_of(const struct given_port *port)
{
	return (gint64)port->protocol << 48 | (gint64)port->addr4 << 16 | port->port4;
}

/* The places of those that count, the newest first: each port once, where it was noted last. */
static GArray *places(const struct given_file *file, uint64_t hold_ms)
{
	const struct given_ring *ring = &file->content->ring;
	uint64_t first = ring->n > GIVEN_PORTS ? ring->n - GIVEN_PORTS : 0;
	uint64_t last_ms = newest_ms(ring);
	GHashTable *seen = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	GArray *ret = g_array_new(FALSE, FALSE, sizeof(uint32_t));

	for (uint64_t i = ring->n; i-- > first;) {
		uint32_t place = (uint32_t)(i % GIVEN_PORTS);
		const struct given_port *port = &ring->port[place];
		bool is_recent = port->time_ms <= last_ms && last_ms - port->time_ms <= hold_ms;
		gint64 key = key_of(port);

		if ((i < file->content->stored && !is_recent) || port->protocol >= N_PROTOCOLS)
			continue;
		if (g_hash_table_add(seen, g_memdup2(&key, sizeof(key))))
			g_array_append_val(ret, place);
	}
	g_hash_table_destroy(seen);
	return ret;
}

uint32_t given_file_each(const struct given_file *file, uint64_t hold_ms,
			 void (*each)(void *context, enum protocol protocol,
				      const struct taddr4 *mapped),
			 void *context)
{
	GArray *place = places(file, hold_ms);
	uint32_t n = place->len;

	for (uint32_t i = n; i-- > 0;) {
		const struct given_port *port =
			&file->content->ring.port[g_array_index(place, uint32_t, i)];

		each(context, port->protocol, &(struct taddr4){port->addr4, port->port4});
	}
	g_array_free(place, TRUE);
	return n;
}

void given_file_each_since(const struct given_file *file, uint64_t n,
			   void (*each)(void *context, enum protocol protocol,
					const struct taddr4 *mapped),
			   void *context)
{
	const struct given_ring *ring = &file->content->ring;
	uint64_t first = ring->n > GIVEN_PORTS ? ring->n - GIVEN_PORTS : 0;

	for (uint64_t i = n > first ? n : first; i < ring->n; i++) {
		const struct given_port *port = &ring->port[i % GIVEN_PORTS];

		if (port->protocol < N_PROTOCOLS)
			each(context, port->protocol, &(struct taddr4){port->addr4, port->port4});
	}
}
