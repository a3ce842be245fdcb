/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What was changed at run time, beside the configuration: entries of pool4 that were added, entries
 * of the file that were taken out of use, and the same of static bindings. The list is all that is
 * needed to make the same changes again after a reload, or after a restart (kept.h).
 *
 * A record about an object of the file holds a copy of its section: it counts only for as long as
 * the section says the same.
 *
 * Pure data, control thread only.
 */
#pragma once

#include "daemon/config.h"

enum pool4_intent {
	POOL4_USE,
	POOL4_DRAIN, /* goes with its last binding: if of the file, it is off then */
	POOL4_OFF,   /* of the file only: disabled */
};

/* An entry that was added, or one of the file that is not to be used. */
struct pool4_record {
	struct config_pool4 entry;
	struct prefix6 prefix; /* Prefix=, as an index means nothing after a reload; len 0 = any */
	enum pool4_intent intent;
};

/* One protocol of a static binding: added, or one of the file that was removed. */
struct static_record {
	struct config_static binding; /* with exactly one protocol */
	bool removed;
};

struct pool4_runtime {
	GPtrArray *added; /* of struct pool4_record, in order */
	GHashTable *by_name;
	GHashTable *off; /* by name, of struct pool4_record: of the file */
	/* The entry "auto", drained, as long as it has bindings: they are to outlive a restart,
	 * too. NULL: there is none. Its intent is POOL4_DRAIN. */
	struct pool4_record *leaving;
	GArray *statics; /* of struct static_record, in order; and their keys (static_key.h) */
	GHashTable *static_keys;
	/* What has changed since that was asked last (kept.h): names of entries, and static
	 * bindings. */
	GHashTable *touched;
	GArray *touched_statics; /* of struct config_static, with one protocol */
};

struct pool4_runtime *pool4_runtime_new(void);
void pool4_runtime_free(struct pool4_runtime *runtime);

/* A copy of the entry, added. */
struct pool4_record *pool4_runtime_add(struct pool4_runtime *runtime,
				       const struct config_pool4 *entry,
				       const struct prefix6 *prefix);
/* NULL if it was not added at run time. */
struct pool4_record *pool4_runtime_find(const struct pool4_runtime *runtime, const char *name);
void pool4_runtime_remove(struct pool4_runtime *runtime, const char *name);
/* Of one that was added. */
void pool4_runtime_set_added_intent(struct pool4_runtime *runtime, struct pool4_record *record,
				    enum pool4_intent intent);

/* "auto" is drained, with this; or it is not any more, or has gone. */
void pool4_runtime_set_leaving(struct pool4_runtime *runtime, const struct pool4_spec *spec);
void pool4_runtime_forget_leaving(struct pool4_runtime *runtime);

/* What is to become of an entry of the file. */
enum pool4_intent pool4_runtime_intent(const struct pool4_runtime *runtime,
				       const struct config_pool4 *entry);
/* prefix: its Prefix=. */
void pool4_runtime_set_intent(struct pool4_runtime *runtime, const struct config_pool4 *entry,
			      const struct prefix6 *prefix, enum pool4_intent intent);

/* The newest word wins: forgets what is about sections that are gone or say something else now, and
 * what was added and the file has now, or has otherwise. A sentence for each of which that changes
 * something goes to report. */
void pool4_runtime_forget(struct pool4_runtime *runtime, const struct config *config,
			  void (*report)(void *context, const char *text), void *context);

/* The section of an entry; NULL: there is none. */
const struct config_pool4 *pool4_runtime_section(const struct config *config, const char *name);

/* One protocol of a static binding was added, or removed; the newest word holds. of_file: the file
 * has it. */
void pool4_runtime_add_static(struct pool4_runtime *runtime, const struct config_static *binding,
			      bool of_file);
void pool4_runtime_remove_static(struct pool4_runtime *runtime, const struct config_static *binding,
				 bool of_file);

/* As it is there; NULL if there is none. Both have one protocol. */
const struct static_record *pool4_runtime_find_static(const struct pool4_runtime *runtime,
						      const struct config_static *binding);

/* Do both say the same, comments aside? */
bool pool4_runtime_same(const struct config_pool4 *a, const struct config_pool4 *b);
