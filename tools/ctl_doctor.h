/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What nat64ctl doctor looks at. A check says what it has found in one sentence, and by which
 * command that can be mended; what it needs to know is in struct doctor. Those of the host work
 * without the daemon.
 */
#pragma once

#include <glib.h>

#include "daemon/config.h"
#include "daemon/rules_route.h"
#include "tools/ctl.h"
#include "tools/ctl_entries.h"

enum doctor_result { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL, DOCTOR_SKIP };

/* An interface, as the kernel tells of it. */
struct doctor_link {
	char name[RULES_LINK_NAME_SIZE];
	int ifindex;
	bool up;
	bool loopback;
	bool lro;
	uint32_t mtu;
	uint32_t gso_max_size; /* bytes; 0: not told */
	uint32_t gro_max_size;
};

/* A queue as the kernel tells of it, in /proc/net/netfilter/nfnetlink_queue. */
struct doctor_queue {
	bool exists;
	uint64_t waiting; /* packets */
	uint64_t refused; /* by the socket of who reads: its buffer was full */
	uint64_t seen;    /* the refused ones included */
};

/* What the clock check judges. */
struct doctor_clock {
	bool synchronised;
	int64_t now_s;  /* since 1970 */
	int64_t file_s; /* when the database was written last; 0: there is none */
};

/* From the IPv6 side. */
struct doctor_packets {
	uint64_t seen;
	uint64_t translated;
};

struct doctor {
	struct ctl *ctl;
	const char *config_path;      /* never NULL */
	bool config_given;            /* by --config */
	struct config *config;        /* that holds; NULL: the files are refused */
	GPtrArray *problems;          /* of it: struct config_problem */
	GArray *counters;             /* struct ctl_counter; NULL: the daemon does not answer */
	GArray *later;                /* the same of a moment later: by doctor_later() */
	char *state;                  /* or NULL, as well */
	char *database;               /* its path; NULL: not known, or there is none */
	const char *probe;            /* by --probe: an IPv4 address; or NULL */
	struct doctor_packets before; /* it began */
	/* What several checks look at: read when the first one asks for it. */
	GArray *links;     /* struct doctor_link */
	GPtrArray *chains; /* struct firewall_chain */
	GPtrArray *names;  /* of entries that the daemon has */
	struct ctl_entries entries;
	bool has_entries;
	struct rules_routes routes;
	bool has_routes;
	/* Of the check that is running. */
	char *finding;
	char *fix; /* a command; or NULL */
};

struct doctor_check {
	const char *name;
	enum doctor_result (*run)(struct doctor *doctor);
};

/* Each ends with a row without a name. */
extern const struct doctor_check doctor_daemon_checks[];
extern const struct doctor_check doctor_host_checks[];
extern const struct doctor_check doctor_link_checks[];
extern const struct doctor_check doctor_rule_checks[];
extern const struct doctor_check doctor_probe_checks[];

/* Sets finding. Returns result. */
enum doctor_result doctor_say(struct doctor *doctor, enum doctor_result result, const char *format,
			      ...) G_GNUC_PRINTF(3, 4);
/* What has to be asked of a daemon that does not answer. */
enum doctor_result doctor_skip(struct doctor *doctor);
/* Sets fix. */
void doctor_fix(struct doctor *doctor, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* The same, of a command of nat64ctl's to the daemon that is looked at. */
void doctor_fix_ctl(struct doctor *doctor, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* The same, by a drop-in of the configuration, which is for this key of this section alone. */
void doctor_fix_key(struct doctor *doctor, const char *section, const char *key, const char *value);
/* Reads the files. */
void doctor_config_load(struct doctor *doctor);
/* Lays above them what was set at run time: struct config_override. */
void doctor_config_lay(struct doctor *doctor, const GPtrArray *overrides);
/* The same, of what the daemon says. */
void doctor_config_ask(struct doctor *doctor);
/* " --config FILE" if that was given, else "". g_free() */
char *doctor_config_option(const struct doctor *doctor);
/* "nat64d", "nat64d@NAME": the unit. g_free() */
char *doctor_unit(const struct doctor *doctor);

/* The arguments of "nat64ctl pool4 add" that would make such an entry with these ports, for a
 * shell. An entry has its addresses only, not the interface:NAME that they may have come from.
 * g_free() */
struct ctl_pool4;
char *doctor_remake(const struct ctl_pool4 *entry, const char *ports);

/* The routes by which a router sends these addresses to via, for a shell; "" if there are none.
 * g_free() */
char *doctor_route_commands(const struct addr4_range *range, uint32_t n_ranges, uint32_t via);

/* Reads what is not there yet. NULL, or false: it can not be read. */
const GArray *doctor_links(struct doctor *doctor);
const struct ctl_entries *doctor_entries(struct doctor *doctor);
const struct rules_routes *doctor_routes(struct doctor *doctor);
const GArray *doctor_later(struct doctor *doctor);

/* The queue of that number in the kernel's text; pure. */
struct doctor_queue doctor_queue_parse(const char *text, uint32_t number);
/* Has nobody read a packet between these two looks, though some waited? Pure. */
bool doctor_queue_is_stuck(const struct doctor_queue *before, const struct doctor_queue *now);
/* Judges the clock; pure. */
enum doctor_result doctor_judge_clock(struct doctor *doctor, const struct doctor_clock *clock);
