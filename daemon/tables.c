/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Written and read by system calls, not mapped: whoever else has the file could shorten it.
 */
#include "daemon/tables.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "n64table"

struct header {
	char magic[8];
	uint32_t format; /* also tells the other byte order */
	uint32_t row_size;
	uint64_t n_rows;
	uint64_t owner;
	uint64_t reach[N_PERSIST_KINDS];
	uint32_t part; /* enum persist_part */
	uint32_t zero;
	struct {
		uint8_t addr[16];
		uint32_t len;
	} pool6[NAT64_POOL6_MAX];
};

/* In place of a persist_kind: a binding that has ended. */
#define KIND_CLOSED N_PERSIST_KINDS

enum { ROW_EXISTS = 1, ROW_CHANGED = 2, ROW_STATIC = 4, ROW_FLAGS = 7 };

struct row {
	uint8_t kind;
	uint8_t protocol;
	uint8_t flags;
	uint8_t pool6; /* of header.pool6 */
	uint32_t index;
	uint32_t time_s;  /* created, until */
	uint32_t binding; /* the session's; when it ended, in seconds */
	uint32_t addr4;   /* mapped, peer */
	uint16_t port4;
	uint16_t port6;
	uint16_t number; /* of one that has ended: prefix_len of its block */
	uint8_t state;
	uint8_t zero;
	uint8_t addr6[16]; /* of a session: its segments, four bytes, and zeros */
};

/* Rows for which the lock is held, and that are written or read at once. */
#define SLICE_ROWS 512

static int write_all(int fd, const void *data, size_t size, off_t offset)
{
	const char *byte = data;

	while (size > 0) {
		ssize_t n = pwrite(fd, byte, size, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		byte += n;
		size -= (size_t)n;
		offset += n;
	}
	return 0;
}

static int read_all(int fd, void *data, size_t size, off_t offset)
{
	char *byte = data;

	while (size > 0) {
		ssize_t n = pread(fd, byte, size, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EBADMSG;
		byte += n;
		size -= (size_t)n;
		offset += n;
	}
	return 0;
}

static off_t offset_of(uint64_t row)
{
	return (off_t)(sizeof(struct header) + row * sizeof(struct row));
}

static struct row pack(const struct persist_row *from)
{
	struct row row = {
		.kind = (uint8_t)from->kind,
		.protocol = (uint8_t)from->protocol,
		.flags = (uint8_t)((from->exists ? ROW_EXISTS : 0) |
				   (from->changed ? ROW_CHANGED : 0)),
		.index = from->index,
	};

	if (from->exists && from->kind == PERSIST_BINDING) {
		row.flags |= from->binding.is_static ? ROW_STATIC : 0;
		row.pool6 = from->binding.pool6;
		row.time_s = from->binding.created_s;
		row.addr4 = from->binding.mapped.addr;
		row.port4 = from->binding.mapped.port;
		row.port6 = from->binding.port6;
		row.number = from->binding.number;
		memcpy(row.addr6, from->binding.addr6.byte, sizeof(row.addr6));
	} else if (from->exists) {
		row.pool6 = from->session.pool6;
		row.time_s = from->session.until_s;
		row.binding = from->session.binding;
		row.addr4 = from->session.peer.addr;
		row.port4 = from->session.peer.port;
		row.number = from->session.number;
		row.state = from->session.state;
		memcpy(row.addr6, &from->session.segments, sizeof(from->session.segments));
	}
	return row;
}

/* Rounded up, as the store does (store_put_closed()). */
static struct row pack_closed(const struct closed_binding *from)
{
	struct row row = {
		.kind = KIND_CLOSED,
		.protocol = from->protocol,
		.time_s = from->created_s,
		.binding = (uint32_t)((from->ended_ms + 999) / 1000),
		.addr4 = from->mapped.addr,
		.port4 = from->mapped.port,
		.port6 = from->port6,
		.number = from->protocol == N_PROTOCOLS ? from->prefix_len : 0,
	};

	memcpy(row.addr6, from->addr6.byte, sizeof(row.addr6));
	return row;
}

static int write_rows(int fd, struct header *header, const struct row *row, unsigned n)
{
	int r = write_all(fd, row, n * sizeof(*row), offset_of(header->n_rows));

	header->n_rows += n;
	return r;
}

static int save_rows(struct gateway *gateway, int fd, struct header *header)
{
	struct persist_cursor cursor = {0};
	struct persist_row from[SLICE_ROWS];
	struct row row[SLICE_ROWS];
	unsigned n;
	int r = 0;

	do {
		gateway_lock(gateway);
		n = persist_copy(gateway->nat, header->part, &cursor, from, SLICE_ROWS);
		gateway_unlock(gateway);
		for (unsigned i = 0; i < n; i++) {
			uint64_t *reach = &header->reach[from[i].kind];

			row[i] = pack(&from[i]);
			*reach = from[i].index < *reach ? *reach : from[i].index + UINT64_C(1);
		}
		r = write_rows(fd, header, row, n);
	} while (r == 0 && n == SLICE_ROWS);
	return r;
}

/* The queue stays as it is: whoever goes on after all stores them himself. */
static int save_closed(struct gateway *gateway, int fd, struct header *header)
{
	struct closed_binding from[SLICE_ROWS];
	struct row row[SLICE_ROWS];
	uint64_t next;
	unsigned n;
	int r = 0;

	gateway_lock(gateway);
	next = gateway->nat->closed.first;
	gateway_unlock(gateway);
	do {
		gateway_lock(gateway);
		n = closed_copy(&gateway->nat->closed, next, from, SLICE_ROWS);
		gateway_unlock(gateway);
		for (unsigned i = 0; i < n; i++)
			row[i] = pack_closed(&from[i]);
		next += n;
		r = write_rows(fd, header, row, n);
	} while (r == 0 && n == SLICE_ROWS);
	return r;
}

/* Last, so that a file that is not complete is none. */
static int save_header(struct gateway *gateway, int fd, struct header *header)
{
	gateway_lock(gateway);
	for (unsigned i = 0; i < NAT64_POOL6_MAX; i++) {
		const struct prefix6 *prefix = &gateway->nat->config.pool6[i];

		memcpy(header->pool6[i].addr, prefix->addr.byte, sizeof(prefix->addr.byte));
		header->pool6[i].len = prefix->len;
	}
	gateway_unlock(gateway);
	return write_all(fd, header, sizeof(*header), 0);
}

int tables_save(struct gateway *gateway, enum persist_part part, bool with_closed, uint64_t owner,
		int *ret_fd)
{
	struct header header = {
		.magic = MAGIC,
		.format = TABLES_FORMAT,
		.row_size = sizeof(struct row),
		.owner = owner,
		.part = part,
	};
	int fd = memfd_create("nat64d-tables", MFD_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	r = save_rows(gateway, fd, &header);
	if (r == 0 && with_closed)
		r = save_closed(gateway, fd, &header);
	if (r == 0)
		r = save_header(gateway, fd, &header);
	if (r < 0) {
		(void)close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

static bool unpack(const struct row *row, const uint8_t pool6_now[NAT64_POOL6_MAX],
		   struct persist_row *ret)
{
	uint8_t pool6;

	if (row->kind >= N_PERSIST_KINDS || row->protocol >= N_PROTOCOLS || row->zero != 0 ||
	    (row->flags & ~ROW_FLAGS) != 0 || row->pool6 >= NAT64_POOL6_MAX)
		return false;
	pool6 = pool6_now[row->pool6];
	*ret = (struct persist_row){
		.kind = row->kind,
		.protocol = row->protocol,
		.index = row->index,
		.exists = row->flags & ROW_EXISTS,
		.changed = row->flags & ROW_CHANGED,
	};
	if (row->kind == PERSIST_BINDING) {
		ret->binding = (struct persist_binding){
			.port6 = row->port6,
			.mapped = {row->addr4, row->port4},
			.number = row->number,
			.pool6 = pool6,
			.is_static = row->flags & ROW_STATIC,
			.created_s = row->time_s,
		};
		memcpy(ret->binding.addr6.byte, row->addr6, sizeof(row->addr6));
		return true;
	}
	ret->session = (struct persist_session){
		.binding = row->binding,
		.number = row->number,
		.peer = {row->addr4, row->port4},
		.state = row->state,
		.pool6 = pool6,
		.until_s = row->time_s,
	};
	memcpy(&ret->session.segments, row->addr6, sizeof(ret->session.segments));
	return true;
}

/* What is told in place of bindings is a client's prefix, and its ports. */
static bool is_block(const struct row *row)
{
	struct prefix6 client = {.len = (uint8_t)row->number};

	memcpy(client.addr.byte, row->addr6, sizeof(row->addr6));
	return row->protocol == N_PROTOCOLS && row->number >= 1 && row->number <= 128 &&
	       !prefix6_has_host_bits(&client) && row->port4 <= row->port6;
}

static bool unpack_closed(const struct row *row, struct closed_binding *ret)
{
	if (row->flags != 0 || row->pool6 != 0 || row->index != 0 || row->state != 0 ||
	    row->zero != 0)
		return false;
	if (!is_block(row) && (row->protocol >= N_PROTOCOLS || row->number != 0))
		return false;
	*ret = (struct closed_binding){
		.mapped = {row->addr4, row->port4},
		.port6 = row->port6,
		.protocol = row->protocol,
		.prefix_len = (uint8_t)row->number,
		.created_s = row->time_s,
		.ended_ms = row->binding * UINT64_C(1000),
	};
	memcpy(ret->addr6.byte, row->addr6, sizeof(row->addr6));
	return true;
}

/* Where the prefix is now, or PERSIST_POOL6_GONE. */
static uint8_t find_pool6(const struct prefix6 pool6[NAT64_POOL6_MAX], const uint8_t addr[16],
			  uint32_t len)
{
	for (uint8_t i = 0; i < NAT64_POOL6_MAX; i++)
		if (pool6[i].len > 0 && pool6[i].len == len &&
		    memcmp(pool6[i].addr.byte, addr, sizeof(pool6[i].addr.byte)) == 0)
			return i;
	return PERSIST_POOL6_GONE;
}

static int read_header(int fd, struct header *ret)
{
	struct stat status;
	int r = read_all(fd, ret, sizeof(*ret), 0);

	if (r < 0 || memcmp(ret->magic, MAGIC, sizeof(ret->magic)) != 0)
		return r < 0 ? r : -EBADMSG;
	if (ret->format != TABLES_FORMAT || ret->row_size != sizeof(struct row))
		return -EPROTONOSUPPORT;
	if (fstat(fd, &status) < 0)
		return -errno;
	if (ret->n_rows > (uint64_t)status.st_size / sizeof(struct row) ||
	    offset_of(ret->n_rows) != status.st_size)
		return -EBADMSG;
	return 0;
}

int tables_owner(int fd, uint64_t *ret)
{
	struct header header;
	int r = read_header(fd, &header);

	if (r == 0)
		*ret = header.owner;
	return r;
}

int tables_reach(int fd, uint64_t ret[N_PERSIST_KINDS])
{
	struct header header;
	int r = read_header(fd, &header);

	if (r == 0)
		memcpy(ret, header.reach, sizeof(header.reach));
	return r;
}

/* False: it has values that are never written. */
static bool read_row(const struct row *row, const uint8_t pool6_now[NAT64_POOL6_MAX],
		     const struct tables_reader *reader)
{
	struct closed_binding closed;
	struct persist_row found;

	if (row->kind == KIND_CLOSED) {
		if (!unpack_closed(row, &closed))
			return false;
		if (reader->closed)
			reader->closed(reader->context, &closed);
		return true;
	}
	if (!unpack(row, pool6_now, &found))
		return false;
	if (reader->row)
		reader->row(reader->context, &found);
	return true;
}

int tables_load(int fd, enum persist_part part, const struct prefix6 pool6[NAT64_POOL6_MAX],
		const struct tables_reader *reader, uint64_t *ret_n_bad)
{
	uint8_t pool6_now[NAT64_POOL6_MAX];
	struct row row[SLICE_ROWS];
	struct header header;
	int r = read_header(fd, &header);

	*ret_n_bad = 0;
	if (r == 0 && header.part != part)
		r = -EBADMSG;
	if (r < 0)
		return r;
	for (unsigned i = 0; i < NAT64_POOL6_MAX; i++)
		pool6_now[i] = find_pool6(pool6, header.pool6[i].addr, header.pool6[i].len);
	for (uint64_t at = 0; at < header.n_rows;) {
		uint64_t left = header.n_rows - at;
		unsigned n = left < SLICE_ROWS ? (unsigned)left : SLICE_ROWS;

		r = read_all(fd, row, n * sizeof(row[0]), offset_of(at));
		/* Somebody has shortened it meanwhile: what there was has been restored. */
		if (r < 0) {
			*ret_n_bad += left;
			return 0;
		}
		for (unsigned i = 0; i < n; i++)
			*ret_n_bad += !read_row(&row[i], pool6_now, reader);
		at += n;
	}
	return 0;
}

void tables_spend(int fd)
{
	const struct header none = {0};

	(void)!pwrite(fd, &none, sizeof(none), 0);
}
