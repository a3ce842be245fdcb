/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * THE table of configuration keys: name, type, bounds with the RFC that sets them, default, and
 * where the value lands. The file, --check, later D-Bus and "nat64ctl config", the example file
 * and the manual page all come from it.
 *
 * Rows stand in the order in which they are applied: a key that others build upon comes first.
 */
#pragma once

#include "daemon/config.h"

enum config_type {
	CONFIG_BOOL,       /* bool */
	CONFIG_NUMBER,     /* uint32_t */
	CONFIG_BYTE,       /* uint8_t */
	CONFIG_DURATION,   /* uint32_t ms */
	CONFIG_SECONDS,    /* uint32_t s */
	CONFIG_SIZE,       /* uint64_t */
	CONFIG_CHOICE,     /* an enum: position in choices */
	CONFIG_EITHER,     /* bool: the second of two choices */
	CONFIG_COPY,       /* int: copy, zero or 0-255 */
	CONFIG_SHARE,      /* struct port_share */
	CONFIG_PATH,       /* char *, empty = NULL */
	CONFIG_LISTEN,     /* char *, likewise */
	CONFIG_TARGET,     /* char * */
	CONFIG_WORKERS,    /* uint32_t: auto = 0 */
	CONFIG_FLUSH,      /* uint32_t ms: exit = UINT32_MAX */
	CONFIG_MARK,       /* struct config_mark */
	CONFIG_ALARM,      /* struct port_share [2] */
	CONFIG_FILTERING,  /* enum filtering of one protocol; empty = as Translation.Filtering */
	CONFIG_FILTERINGS, /* enum filtering of all protocols */
	/* Lists, each with a home of its own in struct nat64_config: config_list.c */
	CONFIG_POOL6,
	CONFIG_NONGLOBAL,
	CONFIG_CLIENTS,
	CONFIG_DENY,
	CONFIG_DENY_SOURCE,
	CONFIG_EXEMPT,
	CONFIG_EXEMPT_PORTS,
	CONFIG_UDP_BY_PORT,
	CONFIG_ANNOUNCE,
	CONFIG_INTERFACES,
	CONFIG_ANSWERING,
	/* Keys of objects: config_object.c. The offset counts from the object. */
	CONFIG_ADDRESSES,
	CONFIG_PORTS,
	CONFIG_PROTOCOLS,
	CONFIG_ENTRY_CLIENTS,
	CONFIG_ENTRY_PREFIX,
	CONFIG_COMMENT,
	CONFIG_ENABLED,
	CONFIG_INSIDE,
	CONFIG_OUTSIDE,
	N_CONFIG_TYPES,
};

enum config_flags {
	CONFIG_LIVE = 1 << 0,      /* a change applies at once; others at the next start */
	CONFIG_RELAXABLE = 1 << 1, /* Timeouts.AllowBelowMinimum lifts the lower bound */
	CONFIG_DYNAMIC = 1 << 2,   /* live with Pool4.Mode=dynamic only */
};

struct config_key {
	const char *section; /* "Pool4 NAME" and "Static NAME" for keys of objects */
	const char *name;
	enum config_type type;
	size_t offset;
	uint64_t min; /* in the unit of the field */
	uint64_t max;
	const char *bound; /* who says so, behind the bound in messages: "RFC 5382, REQ-5"; or "" */
	const char *initial;
	const char *const *choices;
	unsigned flags;
	const char *help;
};

#define CONFIG_SECTION_POOL4  "Pool4 NAME"
#define CONFIG_SECTION_STATIC "Static NAME"

/* The table, ended by a row whose section is NULL. */
extern const struct config_key config_keys[];

/* section is a row's section, exactly. NULL if there is none. */
const struct config_key *config_key_find(const char *section, const char *name);
bool config_key_section_exists(const char *section);
/* "Timeouts.UDP"; keys of objects have no such name. NULL if there is none. */
const struct config_key *config_key_parse(const char *text);
bool config_key_is_of_object(const struct config_key *key);
/* Does a change apply at once, where this configuration runs? */
bool config_key_is_live(const struct config_key *key, const struct config *running);
/* Bytes of the field of a type that is kept in one; 0: config_list.c and config_object.c know. */
size_t config_type_size(enum config_type type);

/*
 * What the writer of an unknown key or section may have meant: the nearest name by edit distance
 * in the same section, else the same name in another. "Section.Key" or "[Section]" in new memory,
 * or NULL if nothing is near.
 */
char *config_key_suggest(const char *section, const char *name);
char *config_key_suggest_section(const char *section);

/* What a value of this type looks like: "yes or no". */
const char *config_type_form(enum config_type type);
