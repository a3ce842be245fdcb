/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The NAT64 as one object: packets and time in, outcomes and packets out (RFC 6146).
 *
 * nat64_receive() is the table of contents of the RFC. Everything that the core wants to know of
 * the outside it asks through struct nat64_world, whose functions answer from memory at once.
 *
 * Times are milliseconds of a clock that never goes back. One thread at a time, but for what lane.h
 * says.
 */
#pragma once

#include "daemon/core/bib.h"
#include "daemon/core/blocklist.h"
#include "daemon/core/client.h"
#include "daemon/core/closed.h"
#include "daemon/core/emit.h"
#include "daemon/core/event.h"
#include "daemon/core/fragment.h"
#include "daemon/core/given.h"
#include "daemon/core/icmp_error.h"
#include "daemon/core/ip4_id.h"
#include "daemon/core/lane.h"
#include "daemon/core/noted.h"
#include "daemon/core/pairing.h"
#include "daemon/core/pool4.h"
#include "daemon/core/rfc6052.h"
#include "daemon/core/session.h"
#include "daemon/core/syn_store.h"
#include "daemon/core/tcp_fsm.h"
#include "daemon/core/watch.h"
#include "daemon/core/xlat.h"

#define NAT64_POOL6_MAX    16
#define NAT64_PREFIXES_MAX 64 /* of each list of prefixes in the configuration */

/* What the way to a destination looks like. */
struct route_answer {
	enum { ROUTE_OK, ROUTE_NONE, ROUTE_NEXT_HOP_DEAD } state;
	uint32_t mtu;          /* of the route, the path or the device, whatever is least */
	bool by_default_route; /* no more specific route than ::/0 */
	bool on_trial; /* ROUTE_OK, but its next hop did not answer lately: see tried6, tried4 */
};

/* The outside, as the core sees it. Every function answers at once, without blocking, and asking
 * changes nothing: who only asks may, and who decides anew gets the same answer. */
struct nat64_world {
	void *context;
	void (*route6)(void *context, const struct addr6 *dst, struct route_answer *ret);
	void (*route4)(void *context, uint32_t dst, struct route_answer *ret);
	/* The gateway's own address towards dst, for errors of its own (I-32). False if none, or if
	 * the administrator wants no errors to be sent there (I-31). */
	bool (*source6)(void *context, const struct addr6 *dst, struct addr6 *ret);
	bool (*source4)(void *context, uint32_t dst, uint32_t *ret);
	/* Configured on an interface of this host? Announced pool4 is not. */
	bool (*own6)(void *context, const struct addr6 *addr);
	bool (*own4)(void *context, uint32_t addr);
	/* Does a local socket listen there? From a set refreshed at most once a second (P-23). */
	bool (*listens4)(void *context, enum protocol protocol, uint32_t addr, uint16_t port);
	/* A packet goes where the answer was on_trial, so the kernel asks for the next hop anew;
	 * until it has an answer, or none, others find ROUTE_NEXT_HOP_DEAD. Never called where no
	 * answer is on_trial. */
	void (*tried6)(void *context, const struct addr6 *dst);
	void (*tried4)(void *context, uint32_t dst);
};

enum filtering { FILTERING_ENDPOINT_INDEPENDENT, FILTERING_ADDRESS_DEPENDENT };

/* I-31: what becomes of the ICMP error that an outcome has. */
enum answering {
	ANSWERING_DEFAULT, /* limited; those marked OPTION in outcome.h as answer_optional says */
	ANSWERING_NO,
	ANSWERING_LIMITED, /* by icmp_limit */
	ANSWERING_UNLIMITED,
};

/* Lifetimes of one destination port, Timeouts.UDPByPort (K-1). */
struct port_lifetime {
	uint16_t port; /* 0..1023 */
	uint32_t lifetime_ms;
};
#define NAT64_PORT_LIFETIMES_MAX 32

/* Servers' ports that are exempt, Translation.ExemptPorts. */
struct exempt_ports {
	enum protocol protocol; /* TCP or UDP */
	uint16_t first;
	uint16_t last;
	struct prefix4 servers; /* 0.0.0.0/0: wherever they are */
};

/* What one client may have, protocol by protocol (quota.h). 0 = no limit. */
struct quota_config {
	uint32_t bindings_per_address;         /* of one IPv6 address */
	struct port_share bindings_per_client; /* a share is of the ports that it can reach */
	struct port_share sessions_per_client;
	uint32_t binding_rate; /* new bindings of a client, a second and at once */
	uint32_t sessions_per_binding;
	struct port_share alarm[2]; /* Limits.PoolAlarm: upper and lower threshold (L-10) */
};

/* Everything that may change while packets flow. Checked by the edge (config.c), not here. */
struct nat64_config {
	struct prefix6
		pool6[NAT64_POOL6_MAX]; /* len 0 = free place: indices are kept in sessions */
	bool any_nonglobal;             /* Translation.AllowNonGlobal=yes */
	struct prefix4 nonglobal[NAT64_PREFIXES_MAX];
	uint32_t n_nonglobal;
	enum filtering filtering[N_PROTOCOLS];
	bool external_tcp;
	bool clients_any;  /* Translation.Clients=any */
	bool clients_auto; /* auto, besides the list */
	struct prefix6 clients[NAT64_PREFIXES_MAX];
	uint32_t n_clients;
	bool deny_own; /* Translation.DenyDestination */
	struct prefix4 deny[NAT64_PREFIXES_MAX];
	uint32_t n_deny;
	struct prefix4 deny_source[NAT64_PREFIXES_MAX]; /* Translation.DenySource */
	uint32_t n_deny_source;
	struct prefix4 exempt4[NAT64_PREFIXES_MAX];
	uint32_t n_exempt4;
	struct prefix6 exempt6[NAT64_PREFIXES_MAX];
	uint32_t n_exempt6;
	struct exempt_ports exempt_ports[NAT64_PREFIXES_MAX];
	uint32_t n_exempt_ports;
	bool error_source_server; /* Translation.ErrorSource=server (I-19) */
	bool inbound_refresh;     /* S-20 */
	struct xlat_rules rules;
	struct pool4_policy pool4_policy;
	uint8_t pairing_prefix_length;
	struct quota_config quota;
	/* Its client_prefix_length is that of all limits; for quotas it is fixed with the tables.
	 */
	struct icmp_limit_config icmp_limit;
	bool answer_optional; /* send the errors marked OPTION in outcome.h */
	uint8_t answering[N_OUTCOMES];
	bool trust_inner_checksum; /* do not verify the embedded IPv4 header of ICMP errors (I-7) */
	uint32_t udp_ms;
	uint32_t tcp_established_ms;
	uint32_t tcp_transitory_ms;
	uint32_t tcp_opening_ms;
	uint32_t tcp_incoming_syn_ms;
	uint32_t icmp_ms;
	uint32_t fragment_ms; /* K-7 */
	struct port_lifetime udp_by_port[NAT64_PORT_LIFETIMES_MAX];
	uint32_t n_udp_by_port;
	uint32_t retention_s; /* State.Retention: how long closed bindings are kept; 0 = not at all
			       */
};

/* The defaults of INTERFACE.md, section 4, with the Well-Known Prefix. */
void nat64_config_default(struct nat64_config *ret);

/* Of the tables. Allocation is fixed when they are made. */
struct nat64_limits {
	uint32_t bindings; /* of all protocols together */
	uint32_t sessions;
	uint32_t stored_syns;
	uint64_t fragment_memory;      /* bytes */
	struct pool4_allocation pool4; /* but for client_length, which is pairing_prefix_length's */
	uint32_t sessions_of[N_PROTOCOLS]; /* of one protocol, within sessions; 0: no own limit */
};

/* Where work in steps has come to; zeroed = nothing is done yet. */
struct nat64_step {
	unsigned protocol;
	uint32_t index;
	uint32_t n_ended;
};

struct nat64_counters {
	uint64_t packets[2][N_OUTCOMES]; /* [0] 6->4, [1] 4->6 */
	uint64_t bytes[2];               /* of translated packets as they came */
	uint64_t icmp_errors_sent[2];    /* to the IPv6 side, to the IPv4 side */
	uint64_t icmp_errors_limited[2];
	uint64_t bindings_created[N_PROTOCOLS];
	uint64_t sessions_created[N_PROTOCOLS];
	uint64_t stored_syns_expired;
	uint64_t fragments_expired; /* packets that never became whole */
	uint64_t probes_sent;
};

struct nat64 {
	struct nat64_config config;
	struct nat64_limits limits;
	uint32_t bindings_bound; /* limits.bindings, or more that were there when it was lowered */
	uint32_t sessions_bound;
	struct nat64_world world;
	struct nat64_counters counters;
	struct noted_packet noted[N_OUTCOMES]; /* the last one, of outcomes that are NOTED */
	struct pool4 *pool4;
	struct pairing_table pairings;
	struct client_table clients;
	struct blocklist blocklist;
	struct event_queue events;
	struct watch watch;
	struct bib bib[N_PROTOCOLS];
	struct session_table sessions[N_PROTOCOLS];
	struct syn_store syns;
	struct fragment_table fragments;
	struct ip4_id ip4_ids;
	struct icmp_limit icmp_limit;
	struct random random;
	bool draining;
	/* After a restart (persist.h): until then restored bindings live without a session, and a
	 * segment makes one (O-12, O-13). 0: not so. */
	uint64_t idle_until_ms;
	uint64_t revive_until_ms;
	struct nat64_step idle_step; /* this and the next are private to persist.c */
	uint32_t n_expected[2];
	struct given_ring *given;   /* P-16; lent by the edge, or NULL */
	struct closed_queue closed; /* L-13: to be stored, while config.retention_s says so */
	bool bindings_alarmed;      /* as many as the upper threshold of Limits.Bindings */
	uint64_t alarm_due_ms; /* an alarm of pool4 that was put off; UINT64_MAX = none (quota.h) */
};

/* seed: all keys and all random numbers come from it. NULL without memory. */
struct nat64 *nat64_new(const struct nat64_config *config, const struct nat64_limits *limits,
			const struct nat64_world *world, const uint8_t seed[RANDOM_SEED_SIZE],
			uint64_t now_ms);
void nat64_free(struct nat64 *nat);

/* Lifetimes apply to the next (re)set of each timer (S-23). */
void nat64_set_config(struct nat64 *nat, const struct nat64_config *config);
/* What is there stays, also if it is more than now may be. How pool4 is handed out does not change.
 */
void nat64_set_limits(struct nat64 *nat, const struct nat64_limits *limits);

/*
 * One packet. What is to be sent is appended to out, which has room (out_has_room()); packet's
 * memory is rewritten and must stay until out has been sent. The outcome has been counted. Of a
 * packet in fragments each is received on its own; the last one missing ends as the whole does.
 */
enum outcome nat64_receive(struct nat64 *nat, struct packet *packet, uint64_t now_ms,
			   struct out *out);

/* What nat64_receive() would do with this packet now, if there is memory for it: the outcome, and
 * what it is made of (decision.h). Nothing changes but the view of the packet, which is neither a
 * fragment nor an ICMP error. */
struct decision;
enum outcome nat64_explain(const struct nat64 *nat, struct packet *packet, uint64_t now_ms,
			   struct decision *ret);

/* Ends what is over at now_ms, looking at no more than budget entries; may append to out (probes,
 * answers to stored SYNs) and stops early when out is full. True if nothing is left to do now. */
bool nat64_expire(struct nat64 *nat, uint64_t now_ms, unsigned budget, struct out *out);
uint64_t nat64_next_deadline(const struct nat64 *nat);

/* Management. Results as in pool4.h. */
enum nat64_static_result {
	NAT64_STATIC_OK,
	NAT64_STATIC_IDENTICAL, /* is there already */
	NAT64_STATIC_ILLEGAL,   /* the IPv6 address is multicast, link-local, ::, ... */
	NAT64_STATIC_IN_POOL6,  /* the IPv6 address lies inside Pool6 (S-5) */
	NAT64_STATIC_NOT_OUR_ADDRESS, /* neither in pool4 nor the host's own */
	NAT64_STATIC_LISTENER,        /* a local socket listens there */
	NAT64_STATIC_TAKEN,           /* one side is bound otherwise */
	NAT64_STATIC_FULL,
};
/* What nat64_add_static() would say, but for NAT64_STATIC_FULL, without doing it. */
enum nat64_static_result nat64_check_static(const struct nat64 *nat, enum protocol protocol,
					    const struct taddr6 *taddr6,
					    const struct taddr4 *taddr4);
enum nat64_static_result nat64_add_static(struct nat64 *nat, enum protocol protocol,
					  const struct taddr6 *taddr6, const struct taddr4 *taddr4,
					  uint64_t now_ms);
/* With all its sessions. */
void nat64_remove_binding(struct nat64 *nat, enum protocol protocol, uint32_t index,
			  uint64_t now_ms);
/* Ends the bindings of an entry of pool4 (P-22): all of them, or (outside) those whose IPv4 address
 * it does not have any more (pool4_set_addresses()). Looks at no more than budget bindings and ends
 * no more than budget sessions; true if there is more to do. */
bool nat64_end_bindings(struct nat64 *nat, uint32_t pool4_id, bool outside, struct nat64_step *step,
			unsigned budget, uint64_t now_ms);

uint32_t nat64_n_bindings(const struct nat64 *nat);
uint32_t nat64_n_sessions(const struct nat64 *nat);
size_t nat64_memory(const struct nat64 *nat);

/* All invariants of all tables; for tests. */
bool nat64_check(const struct nat64 *nat);
