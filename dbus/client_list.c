/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See client_list.h. The rows that use most are kept in a heap whose root uses least. */
#include "dbus/client_list.h"

#include "dbus/list.h"

bool client_sort_parse(const char *text, enum client_sort *ret)
{
	static const char *const names[] = {
		[CLIENT_BY_BINDINGS] = "bindings",
		[CLIENT_BY_SESSIONS] = "sessions",
		[CLIENT_BY_REFUSED] = "refused",
	};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]) == 0 || (*text == '\0' && i == CLIENT_BY_BINDINGS)) {
			*ret = (enum client_sort)i;
			return true;
		}
	}
	return false;
}

static uint64_t sum(const uint32_t number[N_PROTOCOLS])
{
	uint64_t n = 0;

	for (enum protocol protocol = 0; protocol < N_PROTOCOLS; protocol++)
		n += number[protocol];
	return n;
}

static uint64_t weight(const struct client_row *row, enum client_sort sort)
{
	switch (sort) {
	case CLIENT_BY_BINDINGS:
		return sum(row->client.n_bindings);
	case CLIENT_BY_SESSIONS:
		return sum(row->client.n_sessions);
	case CLIENT_BY_REFUSED:
		return row->n_refused;
	}
	return 0;
}

static void swap(struct client_row *a, struct client_row *b)
{
	struct client_row row = *a;

	*a = *b;
	*b = row;
}

static void sift_down(struct client_row *rows, uint32_t n, uint32_t i, enum client_sort sort)
{
	for (;;) {
		uint32_t least = i;

		for (uint32_t child = 2 * i + 1; child <= 2 * i + 2 && child < n; child++) {
			if (weight(&rows[child], sort) < weight(&rows[least], sort))
				least = child;
		}
		if (least == i)
			return;
		swap(&rows[i], &rows[least]);
		i = least;
	}
}

static void sift_up(struct client_row *rows, uint32_t i, enum client_sort sort)
{
	while (i > 0 && weight(&rows[i], sort) < weight(&rows[(i - 1) / 2], sort)) {
		swap(&rows[i], &rows[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
}

static uint32_t keep(struct client_row *rows, uint32_t n, uint32_t capacity,
		     const struct client_row *row, enum client_sort sort)
{
	if (n < capacity) {
		rows[n] = *row;
		sift_up(rows, n, sort);
		return n + 1;
	}
	if (weight(row, sort) > weight(&rows[0], sort)) {
		rows[0] = *row;
		sift_down(rows, n, 0, sort);
	}
	return n;
}

uint32_t client_list_slice(struct gateway *gateway, const struct prefix6 *inside, uint32_t *next,
			   struct client_row *rows, uint32_t capacity)
{
	const struct client_table *table = &gateway->nat->clients;
	uint32_t n = 0;

	gateway_lock(gateway);
	for (unsigned i = 0; i < LIST_SLICE && n < capacity && *next != SLAB_NONE; i++) {
		uint32_t index = client_next(table, *next);
		const struct client_quota *quota;
		struct client_view client;

		*next = index == SLAB_NONE ? SLAB_NONE : index + 1;
		if (index == SLAB_NONE)
			continue;
		client_view(table, index, &client);
		if (inside && !prefix6_contains(inside, &client.prefix))
			continue;
		quota = client_quota(table, index);
		rows[n++] = (struct client_row){
			.client = client,
			.prefix_length = table->prefix_length,
			.n_refused = quota ? quota->n_refused : 0,
		};
	}
	gateway_unlock(gateway);
	return n;
}

uint32_t client_list(struct gateway *gateway, const struct prefix6 *inside, enum client_sort sort,
		     struct client_row *rows, uint32_t capacity)
{
	struct client_row slice[LIST_SLICE];
	uint32_t n = 0, next = 0;

	while (next != SLAB_NONE) {
		uint32_t n_slice = client_list_slice(gateway, inside, &next, slice, LIST_SLICE);

		for (uint32_t i = 0; i < n_slice; i++)
			n = keep(rows, n, capacity, &slice[i], sort);
		if (next != SLAB_NONE)
			list_pause();
	}
	/* Out of the heap, least first, to the end. */
	for (uint32_t left = n; left > 1; left--) {
		swap(&rows[0], &rows[left - 1]);
		sift_down(rows, left - 1, 0, sort);
	}
	return n;
}
