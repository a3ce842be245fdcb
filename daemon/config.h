/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration file and its drop-ins, read into one fresh struct (INTERFACE, section 4).
 *
 * config_load() reads, validates the whole and reports every problem with file and line; it never
 * changes anything that is in use. Which keys exist, their bounds and defaults: config_keys.h.
 * --check, start and reload run the same code.
 */
#pragma once

#include <glib.h>

#include "daemon/core/nat64.h"

#define CONFIG_DEFAULT_PATH "/etc/nat64d/nat64d.conf"

/* Where something was written. file is "" for a default. */
struct config_place {
	char *file;
	unsigned line;
};

/* [Pool4 NAME] */
struct config_pool4 {
	struct pool4_spec spec; /* spec.addresses belongs to this; without what interfaces give */
	char **interfaces;      /* of the words interface:NAME in Addresses; NULL-terminated */
	bool ports_auto;        /* no Ports, or Ports=auto: spec.ports is empty, P-18 resolves it */
	struct config_place place;
};

/* [Static NAME] */
struct config_static {
	char name[POOL4_NAME_SIZE];
	char comment[POOL4_COMMENT_SIZE];
	bool protocol[N_PROTOCOLS];
	struct taddr6 inside;
	struct taddr4 outside;
	struct config_place place;
};

enum config_rules { CONFIG_RULES_AUTO, CONFIG_RULES_NFT, CONFIG_RULES_IPTABLES, CONFIG_RULES_NONE };
enum config_inject { CONFIG_INJECT_AUTO, CONFIG_INJECT_RAW, CONFIG_INJECT_PACKET };

struct config_mark {
	uint32_t value; /* no bit outside mask */
	uint32_t mask;
};

#define CONFIG_WORKERS_MAX 32
struct config_queue {
	uint32_t first;
	uint32_t workers;     /* 0 = auto: one for each processor */
	uint32_t n_workers;   /* what that came to when the daemon started; 0: none runs by this */
	uint32_t length;      /* packets */
	uint64_t memory_size; /* bytes */
	enum config_rules rules;
	struct config_mark mark;
	enum config_inject inject;
};

/* Setup.Forwarding */
enum config_forwarding { CONFIG_FORWARDING_AUTO, CONFIG_FORWARDING_NO };

/* Pool4.Announce */
enum config_announce_how { CONFIG_ANNOUNCE_AUTO, CONFIG_ANNOUNCE_NONE, CONFIG_ANNOUNCE_LIST };
struct config_announce {
	enum config_announce_how how;
	char **interfaces; /* for _LIST; NULL-terminated, else NULL */
};

/* The state database, from the next start on. */
struct config_state {
	bool keep;         /* is there one at all? */
	uint32_t flush_ms; /* UINT32_MAX: only at exit */
	uint32_t sync_ms;  /* 0: up to the kernel */
};

/* Before the path of a Log.Target. */
#define CONFIG_TARGET_FILE "file:"

/* Log: bindings, and where they are told. */
struct config_log {
	bool bindings;
	bool destinations;
	char *target; /* "journal", "syslog" or "file:PATH" */
};

/* Metrics for who does not speak D-Bus; NULL: none. */
struct config_metrics {
	char *file;
	char *listen; /* a path, or an address and port */
};

struct config {
	struct nat64_config nat64; /* ready for nat64_new(); exempts are in here too */
	struct nat64_limits limits;
	struct config_pool4 *pool4; /* the enabled ones, in the order of the files */
	uint32_t n_pool4;
	struct config_static *statics;
	uint32_t n_statics;
	struct config_queue queue;
	enum config_forwarding forwarding;
	struct config_announce announce;
	bool local_traffic;       /* Translation.LocalTraffic */
	char **silent_interfaces; /* Translation.SilentInterfaces; NULL-terminated, or NULL */
	bool allow_below_minimum;
	bool overrides;         /* State.Overrides: keys may be set at run time */
	uint32_t pool4_objects; /* Limits.Pool4Objects */
	struct config_state state;
	struct config_log log;
	struct config_metrics metrics;
};

/* How bad a problem is. */
enum config_severity {
	CONFIG_WARNING, /* works, and the operator should know */
	CONFIG_UNKNOWN, /* unknown section or key: an error for --check, else a warning */
	CONFIG_ERROR,   /* the configuration is refused */
};

struct config_problem {
	enum config_severity severity;
	char *file;
	unsigned line; /* 0 = the file as a whole */
	char *section; /* "" = none */
	char *key;     /* "" = the section as a whole */
	char *sentence;
};

/* [a-z0-9][a-z0-9._-]{0,31} */
bool config_name_is_valid(const char *name);

/* An empty list of struct config_problem, which frees its members. */
GPtrArray *config_problems_new(void);
/* "FILE:LINE: [Section] Key: sentence"; to be freed with g_free(). */
char *config_problem_print(const struct config_problem *problem);
/* Is there a problem as bad as severity, or worse? */
bool config_problems_have(const GPtrArray *problems, enum config_severity severity);

/*
 * Reads path and path.d/ *.conf in lexical order. 0, or -EINVAL if any problem is a CONFIG_ERROR,
 * or a negative errno if a file can not be read (that too is in problems). *ret only with 0. path
 * NULL means CONFIG_DEFAULT_PATH, and only that file may be missing: then all defaults hold.
 */
int config_load(const char *path, struct config **ret, GPtrArray *problems);
/* The same of files that were read already (config_file.h), and of what was set at run time
 * (config_override.h): 0 or -EINVAL. */
struct config_file;
int config_make(const struct config_file *file, const GPtrArray *overrides, struct config **ret,
		GPtrArray *problems);
/* All defaults, as an empty file gives. */
struct config *config_new_default(void);
void config_free(struct config *config);
