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
	CHANGE_DATABASE_FAILED,
	CHANGE_NOT_SUPPORTED, /* not for this entry */
	CHANGE_FAILED,        /* memory, or the kernel */
	N_CHANGE_ERRORS,
};

struct kept_plan; /* kept.h */

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
	/* Of an entry without a name: as it has been stored. NULL or "": none is yet. */
	const char *planned_name;
	/* With dry_run: gets what the change would store. NULL: nobody asks. */
	struct kept_plan *plan;
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

enum change_kind {
	CHANGE_ADD_POOL4,
	CHANGE_POOL4, /* one that is there */
	CHANGE_ADD_BIB,
	CHANGE_REMOVE_BIB,
	CHANGE_SET_CONFIG,
	CHANGE_RESET_CONFIG,
	CHANGE_ADD_POOL6,
	CHANGE_REMOVE_POOL6,
	CHANGE_RELOAD,
	CHANGE_BLOCK,
	CHANGE_UNBLOCK,
	N_CHANGE_KINDS,
};

#define CHANGE_NAME_SIZE 33 /* as that of an entry of pool4 */

/* Who asks keeps the texts until he is answered. */
struct change_request {
	enum change_kind kind;
	struct change_options options;
	enum change_action action; /* CHANGE_POOL4 */
	struct change_pool4 pool4; /* CHANGE_ADD_POOL4 */
	struct change_bib bib;     /* of bindings */
	const char *word;          /* entry (name, id or addresses), key (reset "": all), prefix */
	const char *value;         /* CHANGE_SET_CONFIG */
	uint64_t usec;             /* CHANGE_BLOCK; 0 or UINT64_MAX: without end */
	char planned[CHANGE_NAME_SIZE]; /* name of the new entry, as it is stored; "" = none yet */
};

/* How a request goes on. */
enum change_step {
	CHANGE_ANSWER,     /* the result is final */
	CHANGE_WAIT_TURN,  /* others come first: it is asked again (manager_stored()) */
	CHANGE_WAIT_STORE, /* nothing is done yet: it is carried out once it is stored, likewise */
	CHANGE_WAIT_RULES, /* done; answered when the rules have followed (manager_settled()) */
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
	/* Of that, what is not taken back if the rules can not follow; "": nothing. */
	char lasting[CHANGE_TEXT_SIZE];
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

/* What the management interface asks of the daemon. *ret is empty before. */
struct change_calls {
	void *context;
	/* Checks the request; does it at once, or says what it waits for. */
	enum change_step (*ask)(void *context, struct change_request *request,
				struct change_result *ret);
	/* It is stored: does it. ANSWER or WAIT_RULES. */
	enum change_step (*carry_out)(void *context, const struct change_request *request,
				      struct change_result *ret);
	/* The rules are settled: adds to *result what that has shown about its entry. */
	void (*add_warnings)(void *context, struct change_result *result);
	/* Not a change: the key with this number; false behind the last. */
	bool (*get_key)(void *context, unsigned number, struct change_key *ret);
};
