/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Slices of the tables, copied out under the gateway's lock, so that nobody talks to the bus while
 * packets wait. A cursor is a position in a slab: "udp:4711" is the next one to look at. Positions
 * do not move, so what exists throughout is listed exactly once.
 *
 * Packets wait for who has the lock, and where the control thread is not alone on its processor
 * they wait for as long as somebody else has that. So a slice is small, and what it is copied into
 * is memory that is there already: a microsecond or two for LIST_ROWS rows. It looks at LIST_SLICE
 * positions at most, and one page at LIST_WORK_MAX: a filter that matches little can not stop the
 * packets. Nor does a count, which looks at all of them. Between two slices the lock is left alone,
 * while the rows are printed, or else for a moment (list_let_pass()).
 */
#pragma once

#include "daemon/gateway.h"
#include "dbus/list_filter.h"

#define LIST_SLICE       512
#define LIST_ROWS        64    /* copied at a time, by who then prints them */
#define LIST_PAUSE_NSEC  50000 /* between two slices */
#define LIST_WORK_MAX    1000000
#define LIST_CURSOR_SIZE 32
#define LIST_POOL4_SLICE 64
/* Bytes of addresses in one page of entries, after which there is no further one, and of one entry.
 * A bus takes no message of more than 32 MiB: the rest of 10 000 rows is less than 30 million
 * bytes. */
#define LIST_POOL4_PAGE_MAX  (1u << 20)
#define LIST_POOL4_TEXT_MAX  (2u << 20)
#define LIST_EXPIRY_SESSIONS 10000 /* of one binding that are looked at for its end */

struct list_cursor {
	enum protocol protocol; /* N_PROTOCOLS: at the end */
	uint32_t index;
};

/* "" is the beginning. */
bool list_cursor_parse(const char *text, struct list_cursor *ret);
void list_cursor_begin(struct list_cursor *ret);
/* "" at the end. */
const char *list_cursor_print(const struct list_cursor *cursor, char ret[LIST_CURSOR_SIZE]);

struct list_bib_row {
	enum protocol protocol;
	struct bib_entry entry;
	uint64_t expires_ms; /* UINT64_MAX = never */
};

struct list_session_row {
	enum protocol protocol;
	struct taddr6 client;
	struct taddr4 mapped;
	struct addr6 server6;
	struct taddr4 server;
	uint8_t state;
	uint64_t expires_ms;
};

/* Of the server as the client sees it: y = z, but an ICMP query keeps the client's identifier. */
static inline uint16_t list_session_port6(const struct list_session_row *row)
{
	return row->protocol == PROTOCOL_ICMP ? row->client.port : row->server.port;
}

/* The next rows of one slice, at once; *cursor is moved. Returns how many, which may be none, and
 * adds to *work how many positions and sessions it has looked at. filter is resolved already. */
uint32_t list_bib(struct gateway *gateway, const struct list_filter *filter,
		  struct list_cursor *cursor, struct list_bib_row *rows, uint32_t capacity,
		  uint32_t *work);
uint32_t list_sessions(struct gateway *gateway, const struct list_filter *filter,
		       struct list_cursor *cursor, struct list_session_row *rows, uint32_t capacity,
		       uint32_t *work);
/* Before the next slice, by who prints n_rows rows in between: few of them take no time. */
void list_let_pass(uint32_t n_rows);
/* A moment without the lock. */
void list_pause(void);

/* How many there are: without a filter, or with one for the protocol alone, known at once. */
uint64_t list_count_bib(struct gateway *gateway, const struct list_filter *filter);
uint64_t list_count_sessions(struct gateway *gateway, const struct list_filter *filter);

/* The binding of row->protocol with this IPv6 side, or with this IPv4 side if taddr6 is NULL. False
 * if there is none. */
bool list_bib_find(struct gateway *gateway, const struct taddr6 *taddr6,
		   const struct taddr4 *taddr4, struct list_bib_row *row);

struct list_pool4_row {
	uint32_t id;
	char name[POOL4_NAME_SIZE];
	char comment[POOL4_COMMENT_SIZE];
	char *addresses;
	char ports[1024];
	char protocols[32];
	char clients[POOL4_CLIENTS_MAX * ADDR_TEXT_SIZE];
	bool overflow;
	char prefix[ADDR_TEXT_SIZE];
	enum pool4_state state;
	enum pool4_source source;
	char reach[64]; /* words for enum pool4_reach */
	bool protocol[N_PROTOCOLS];
	uint64_t n_ports[N_PROTOCOLS];
	uint64_t n_used[N_PROTOCOLS];
	uint64_t n_peak[N_PROTOCOLS];
	uint64_t n_held[N_PROTOCOLS];
	uint64_t n_reused[N_PROTOCOLS];
	uint64_t n_refused[N_PROTOCOLS];
};

/* Entries with an id > *after, which is moved, or set to 0 at the end. Stops early when without
 * memory, with -ENOMEM in *ret_error. */
uint32_t list_pool4(struct gateway *gateway, uint32_t *after, struct list_pool4_row *rows,
		    uint32_t capacity, int *ret_error);
/* One entry, its addresses to be freed with free(): they may be many, and are NULL unless they are
 * wanted. -ENOENT if there is none, or -ENOMEM. */
int list_pool4_entry(struct gateway *gateway, uint32_t id, bool with_addresses,
		     struct list_pool4_row *ret);
void list_pool4_rows_free(struct list_pool4_row *rows, uint32_t n_rows);
