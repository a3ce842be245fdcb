/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every option that nat64ctl has, of whatever command: its name, its value, what it is for. Which
 * command takes which is said by the table of verbs. */
#pragma once

#include <stdint.h>

/* What a word or the value of an option is: who checks it, and how a shell completes it. */
enum ctl_kind {
	CTL_KIND_NONE, /* an option without value */
	CTL_KIND_TEXT, /* anything; what has no kind of its own is for the daemon to judge */
	CTL_KIND_NUMBER,
	CTL_KIND_PORT,
	CTL_KIND_TIME, /* "10min" */
	CTL_KIND_PROTOCOL,
	CTL_KIND_PROTOCOLS, /* "tcp,udp" */
	CTL_KIND_ENTRY,     /* of pool4: name or id */
	CTL_KIND_POOL6,     /* one of its prefixes */
	CTL_KIND_CLIENT,    /* prefix of a client that is known */
	CTL_KIND_BLOCKED,   /* prefix of a client that is blocked */
	CTL_KIND_KEY,       /* of the configuration */
	CTL_KIND_KEY_VALUE, /* of the key in the word before */
	CTL_KIND_STATE,     /* of a TCP session */
	CTL_KIND_FLAGS,     /* of TCP: "syn,ack" */
	CTL_KIND_LEVEL,     /* of the log */
	CTL_KIND_EVENTS,    /* to be monitored */
	CTL_KIND_FILE,
	CTL_KIND_COMMAND, /* of nat64ctl */
	CTL_KIND_ACTION,  /* of the command in the word before */
};

enum ctl_option {
	/* Of changing verbs. */
	CTL_DRY_RUN,
	CTL_FORCE,
	CTL_REPLACE,
	CTL_EVERY, /* --all, for the daemon to know */
	CTL_OVERFLOW,
	CTL_NAME,
	CTL_COMMENT,
	CTL_CLIENTS,
	CTL_PREFIX,
	CTL_PROTOCOLS,
	CTL_ON,
	CTL_FOR,
	CTL_WAIT,
	CTL_TO,
	CTL_STATE_DIR,
	/* Filters, in the order of INTERFACE, section 6. */
	CTL_PROTOCOL,
	CTL_CLIENT,
	CTL_ADDRESS4,
	CTL_PORT4,
	CTL_SERVER,
	CTL_STATE,
	CTL_STATIC,
	CTL_POOL4,
	/* Of what is shown. */
	CTL_LIMIT,
	CTL_COUNT,
	CTL_LINES,
	CTL_PCAP,
	CTL_TOP,
	CTL_INTERVAL,
	CTL_ALL,
	CTL_QUIET,
	CTL_AT,
	CTL_WITHIN,
	CTL_JOURNAL,
	CTL_FLAGS,
	CTL_LENGTH,
	CTL_TTL,
	CTL_ICMP_TYPE,
	CTL_PRINT,
	CTL_EARLY,
	CTL_CONFIG,
	CTL_PROBE,
	/* Of every command. */
	CTL_INSTANCE,
	CTL_JSON,
	CTL_NO_LEGEND,
	CTL_BUS,
	CTL_SOCKET,
	CTL_HELP,
	CTL_VERSION,
	CTL_N_OPTIONS,
};

#define CTL_BIT(option) (UINT64_C(1) << (option))
#define CTL_GLOBAL_OPTIONS                                                                       \
	(CTL_BIT(CTL_INSTANCE) | CTL_BIT(CTL_JSON) | CTL_BIT(CTL_NO_LEGEND) | CTL_BIT(CTL_BUS) | \
	 CTL_BIT(CTL_SOCKET) | CTL_BIT(CTL_HELP) | CTL_BIT(CTL_VERSION))
#define CTL_BIB_FILTERS                                                        \
	(CTL_BIT(CTL_PROTOCOL) | CTL_BIT(CTL_CLIENT) | CTL_BIT(CTL_ADDRESS4) | \
	 CTL_BIT(CTL_PORT4) | CTL_BIT(CTL_STATIC) | CTL_BIT(CTL_POOL4))
#define CTL_EVENT_FILTERS (CTL_BIB_FILTERS | CTL_BIT(CTL_SERVER))
#define CTL_FILTERS       (CTL_EVENT_FILTERS | CTL_BIT(CTL_STATE))

struct ctl_option_info {
	const char *name;  /* "--limit"; the bus calls it "limit" */
	const char *brief; /* "-i", or NULL */
	const char *value; /* "N", or NULL: it takes none */
	enum ctl_kind kind;
	char type; /* of the value on the bus: b, s, u or q */
	const char *help;
};

extern const struct ctl_option_info ctl_options[CTL_N_OPTIONS];

/* The words that a kind consists of, such as protocols, ended by NULL; or NULL: not a fixed set. */
const char *const *ctl_kind_words(enum ctl_kind kind);
