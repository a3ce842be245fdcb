/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What management asks of the daemon while it runs, and what comes of it: the one thing that the
 * management interface and the daemon's wiring both know. Requests are texts as people write them;
 * who serves them parses them as the configuration file is parsed.
 *
 * Control thread only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* One for each error of the interface that a change can end with. */
enum change_error {
	CHANGE_OK,
	CHANGE_INVALID_ADDRESS,
	CHANGE_INVALID_PORTS,
	CHANGE_INVALID_PROTOCOL,
	CHANGE_INVALID_VALUE, /* of an option, or of a key */
	CHANGE_INVALID_KEY,
	CHANGE_RESTART_REQUIRED,
	CHANGE_OVERRIDES_DISABLED,
	CHANGE_OVERLAP,
	CHANGE_AMBIGUOUS,
	CHANGE_NO_SUCH_POOL4,
	CHANGE_POOL4_IN_USE,
	CHANGE_NO_SUCH_BIB,
	CHANGE_BIB_EXISTS,
	CHANGE_ADDRESS_TAKEN,
	CHANGE_NOT_IN_POOL4,
	CHANGE_NO_SUCH_CLIENT,
	CHANGE_CLIENT_BLOCKED,
	CHANGE_EXHAUSTED,
	CHANGE_NOT_SUPPORTED, /* not for this entry */
	CHANGE_FAILED,        /* memory, or the kernel */
	N_CHANGE_ERRORS,
};

/* Texts are NULL if not given. */
struct change_options {
	bool dry_run;
	bool force;
	bool replace;
	bool overflow;
	bool all;
	const char *name;
	const char *comment;
	const char *clients;
	const char *prefix;
};

/* "" = default. */
struct change_pool4 {
	const char *addresses;
	const char *ports;
	const char *protocols;
};

/* What is done to an entry that is there. */
enum change_action {
	CHANGE_REMOVE,
	CHANGE_DRAIN,
	CHANGE_ENABLE,
	N_CHANGE_ACTIONS,
};

/* "" and 0: this side is not given. */
struct change_bib {
	const char *protocols;
	const char *address6;
	uint16_t port6;
	const char *address4;
	uint16_t port4;
};

#define CHANGE_TEXT_SIZE    512
#define CHANGE_WARNINGS_MAX 6

struct change_result {
	enum change_error error;
	bool changed;
	bool needs_rules;            /* done only once the kernel's rules have followed */
	bool only_adds;              /* an entry is new, and nothing else has changed */
	uint32_t pool4;              /* id of the entry, or 0 */
	char text[CHANGE_TEXT_SIZE]; /* what has changed, or why not: one sentence */
	char warning[CHANGE_WARNINGS_MAX][CHANGE_TEXT_SIZE];
	unsigned n_warnings;
	char **details; /* NULL, or what is different, ended by NULL: all for free() */
};

/* A key of the configuration as it is now. Texts but for the names are for free(). */
struct change_key {
	const char *section;
	const char *name;
	char *value;
	char *source; /* "default", "runtime", "FILE:LINE" */
	bool live;    /* a change of it applies at once */
};

/* Each fills *ret, which is empty before. With needs_rules the caller answers when he is told that
 * the rules are settled (manager_settled()). */
struct change_calls {
	void *context;
	void (*add_pool4)(void *context, const struct change_pool4 *request,
			  const struct change_options *options, struct change_result *ret);
	/* entry: name, id or addresses */
	void (*change_pool4)(void *context, enum change_action action, const char *entry,
			     const struct change_options *options, struct change_result *ret);
	/* The rules are settled: adds to *result what that has shown about its entry. */
	void (*add_warnings)(void *context, struct change_result *result);
	void (*add_bib)(void *context, const struct change_bib *request,
			const struct change_options *options, struct change_result *ret);
	void (*remove_bib)(void *context, const struct change_bib *request,
			   const struct change_options *options, struct change_result *ret);
	/* key: "Timeouts.UDP"; reset "": all of them */
	void (*set_config)(void *context, const char *key, const char *value,
			   const struct change_options *options, struct change_result *ret);
	void (*reset_config)(void *context, const char *key, const struct change_options *options,
			     struct change_result *ret);
	void (*change_pool6)(void *context, const char *prefix, bool add,
			     const struct change_options *options, struct change_result *ret);
	void (*reload)(void *context, const struct change_options *options,
		       struct change_result *ret);
	/* Not a change: the key with this number; false behind the last. */
	bool (*get_key)(void *context, unsigned number, struct change_key *ret);
};
