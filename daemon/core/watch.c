/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/watch.h"

#include <stdlib.h>
#include <string.h>

void watch_deinit(struct watch *watch)
{
	if (!watch)
		return;
	free(watch->ring);
	watch->ring = NULL;
	free(watch->came);
	watch->came = NULL;
	watch->bytes = NULL;
}

bool watch_want_bytes(struct watch *watch, watch_bytes_fn bytes)
{
	if (bytes && !watch->came) {
		watch->came = malloc(WATCH_BYTES_MAX);
		if (!watch->came)
			return false;
	}
	watch->bytes = bytes;
	if (!bytes) {
		free(watch->came);
		watch->came = NULL;
	}
	return true;
}

void watch_keep(struct watch *watch, const uint8_t *data, uint32_t size)
{
	watch->came_size = size;
	watch->n_came = size < WATCH_BYTES_MAX ? size : WATCH_BYTES_MAX;
	memcpy(watch->came, data, watch->n_came);
}

void watch_tell(struct watch *watch, const struct out *out, uint32_t first)
{
	watch->bytes(watch->trace_context, &(struct watch_bytes){
						   .came = watch->came,
						   .n_came = watch->n_came,
						   .came_size = watch->came_size,
						   .out = out,
						   .first = first,
					   });
}

bool watch_want(struct watch *watch, unsigned wanted)
{
	if (wanted && !watch->ring) {
		watch->ring = calloc(WATCH_RECORDS, sizeof(*watch->ring));
		if (!watch->ring)
			return false;
		watch->first = watch->n_records = 0;
	}
	if (!wanted) {
		free(watch->ring);
		watch->ring = NULL;
		watch->n_records = 0;
	}
	watch->wanted = wanted;
	return true;
}

/* The place of a new one; NULL if there is none, which is counted. */
static struct watch_record *push(struct watch *watch)
{
	if (watch->n_records == WATCH_RECORDS) {
		watch->n_lost++;
		return NULL;
	}
	return &watch->ring[(watch->first + watch->n_records++) % WATCH_RECORDS];
}

void watch_event(struct watch *watch, const struct event *event)
{
	struct watch_record *record = push(watch);

	if (record)
		*record = (struct watch_record){.event = *event};
}

void watch_drop(struct watch *watch, const struct watch_drop *drop)
{
	struct watch_record *record = push(watch);

	if (record)
		*record = (struct watch_record){.is_drop = true, .drop = *drop};
}

bool watch_next(struct watch *watch, struct watch_record *ret)
{
	if (watch->n_records == 0)
		return false;
	*ret = watch->ring[watch->first];
	watch->first = (watch->first + 1) % WATCH_RECORDS;
	watch->n_records--;
	return true;
}

size_t watch_memory(const struct watch *watch)
{
	return watch->ring ? WATCH_RECORDS * sizeof(*watch->ring) : 0;
}

bool watch_check(const struct watch *watch)
{
	return !watch->wanted == !watch->ring && watch->n_records <= WATCH_RECORDS &&
	       watch->first < WATCH_RECORDS && (watch->ring || watch->n_records == 0);
}
