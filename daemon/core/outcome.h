/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * THE list: every way a packet can end.
 *
 * One line says all about an outcome: its name, what happens to the packet, which ICMP error its
 * sender gets, and a sentence for people. The enum, counters, verdicts, the D-Bus dictionary,
 * "nat64ctl stats" and the words in tests/packets come from here.
 *
 *   verdict   TRANSLATED  dropped in the queue, and what was made of it is sent
 *             HOST        handed back to the kernel unmodified
 *             STORED      kept for later, dropped in the queue
 *             DROP        dropped
 *             NOTED       dropped, and now and then said in the log with addresses and ports
 *   answer6   the ICMPv6 error for a sender on the IPv6 side (6->4, and hairpinned packets); 1/1 is
 *             not sent about ICMPv6, such as a ping (RFC 7915, 5.4)
 *   answer4   the ICMPv4 error for a sender on the IPv4 side (4->6)
 *             SILENT; ERROR(type, code); OPTION(type, code): off unless the configuration asks for
 *             it. Fields (MTU, pointer) come from where the outcome is decided. A packet that is
 *             STORED gets its error when its time is over. See tests/vectors/gateway_errors.csv.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* clang-format off */
#define OUTCOME_LIST(X) \
/*    name                   verdict     answer6       answer4        sentence */ \
X(TRANSLATED,                TRANSLATED, SILENT,       SILENT,        "translated and sent") \
X(HAIRPINNED,                TRANSLATED, SILENT,       SILENT,        "translated twice and sent back to the IPv6 side") \
X(NOT_OURS,                  HOST,       SILENT,       SILENT,        "not for a Pool6 prefix or a pool4 address: left to the kernel") \
X(EXEMPT,                    HOST,       SILENT,       SILENT,        "exempt from translation by the configuration: left to the kernel") \
X(LEFT_TO_HOST,              HOST,       SILENT,       SILENT,        "no binding on an address of this host: left to the host's own programs") \
X(SYN_STORED,                STORED,     SILENT,       ERROR(3, 3),   "unsolicited SYN kept for six seconds, in case the inside opens too") \
X(FRAGMENT_STORED,           STORED,     OPTION(3, 1), OPTION(11, 1), "fragment kept until the rest of its packet is there") \
X(LATE,                      DROP,       SILENT,       SILENT,        "waited in the queue while no nat64d ran, for more than a second") \
X(TRUNCATED,                 NOTED,      SILENT,       SILENT,        "longer than the queue can carry") \
X(SUPERPACKET_NOT_TCP,       NOTED,      SILENT,       SILENT,        "superpacket that is not TCP: where its datagrams end is not told (is it in the queue for TCP?)") \
X(MALFORMED_IP4,             DROP,       SILENT,       SILENT,        "IPv4 header with a wrong version, length or checksum") \
X(MALFORMED_IP6,             DROP,       SILENT,       SILENT,        "IPv6 header with a wrong version or length") \
X(BAD_EXTENSION_HEADERS,     NOTED,      SILENT,       SILENT,        "IPv6 extension headers that are too many, misplaced or cut short") \
X(MALFORMED_TCP,             DROP,       SILENT,       SILENT,        "TCP header cut short or with a wrong data offset") \
X(MALFORMED_UDP,             DROP,       SILENT,       SILENT,        "UDP header cut short or with a length that does not fit") \
X(MALFORMED_ICMP,            DROP,       SILENT,       SILENT,        "ICMP message cut short") \
X(BAD_TCP_FLAGS,             DROP,       SILENT,       SILENT,        "TCP segment with SYN and FIN, SYN and RST, or no flags at all") \
X(UDP6_ZERO_CHECKSUM,        NOTED,      SILENT,       SILENT,        "UDP over IPv6 without a checksum") \
X(UDP4_ZERO_CHECKSUM,        NOTED,      SILENT,       SILENT,        "UDP over IPv4 without a checksum, in fragments or by configuration") \
X(ICMP_BAD_CHECKSUM,         DROP,       SILENT,       SILENT,        "ICMP error with a wrong checksum") \
X(ICMP_UNTRANSLATABLE,       DROP,       SILENT,       SILENT,        "ICMP type, code or pointer that has no counterpart") \
X(ICMP_INNER_UNUSABLE,       DROP,       SILENT,       SILENT,        "ICMP error whose embedded packet is too short, a later fragment, or an ICMP error itself") \
X(ICMP_ADDRESS_MISMATCH,     DROP,       SILENT,       SILENT,        "ICMP error that is not addressed to the sender of the embedded packet") \
X(ICMP_NO_BINDING,           DROP,       SILENT,       SILENT,        "ICMP error about a packet that no binding or session knows") \
X(ILLEGAL_SOURCE,            DROP,       SILENT,       SILENT,        "source address that no packet may have") \
X(ILLEGAL_DESTINATION,       DROP,       SILENT,       SILENT,        "destination inside Pool6 that embeds an address no packet may go to") \
X(SOURCE_IN_POOL6,           DROP,       SILENT,       SILENT,        "IPv6 source address inside Pool6") \
X(BAD_U_OCTET,               DROP,       SILENT,       SILENT,        "destination inside Pool6 whose bits 64 to 71 are not zero") \
X(NONGLOBAL_DESTINATION,     DROP,       ERROR(1, 1),  SILENT,        "non-global IPv4 destination with the Well-Known Prefix") \
X(NONGLOBAL_SOURCE,          DROP,       SILENT,       SILENT,        "non-global IPv4 source, which the Well-Known Prefix may not show") \
X(CLIENT_NOT_ALLOWED,        DROP,       ERROR(1, 1),  SILENT,        "this IPv6 source may not use the gateway (Translation.Clients)") \
X(CLIENT_BLOCKED,            DROP,       ERROR(1, 1),  SILENT,        "this client is blocked by the administrator") \
X(DESTINATION_DENIED,        DROP,       ERROR(1, 1),  SILENT,        "this IPv4 destination is denied (Translation.DenyDestination)") \
X(SOURCE_DENIED,             DROP,       ERROR(1, 1),  ERROR(3, 13), "this IPv4 source is denied (Translation.DenySource)") \
X(SOURCE_DENIED_TCP,         DROP,       SILENT,       SILENT,        "this IPv4 source is denied (Translation.DenySource): TCP") \
X(SOURCE_ROUTE,              DROP,       SILENT,       ERROR(3, 5),   "IPv4 source route that is not used up") \
X(ROUTING_HEADER,            DROP,       ERROR(4, 0),  SILENT,        "IPv6 routing header with segments left") \
X(UNKNOWN_PROTOCOL,          DROP,       ERROR(1, 4),  ERROR(3, 2),   "neither TCP, UDP nor ICMP") \
X(FRAGMENT_DUPLICATE,        DROP,       SILENT,       SILENT,        "fragment that is there already") \
X(FRAGMENT_OVERLAP,          DROP,       SILENT,       SILENT,        "fragment of a packet whose fragments overlap or contradict each other") \
X(FRAGMENT_TINY,             DROP,       ERROR(4, 3),  SILENT,        "first fragment without the whole transport header, or one that could change it") \
X(FRAGMENT_BAD,              DROP,       ERROR(4, 0),  SILENT,        "fragment of a length, or fragments with ECN marks, that can not be") \
X(FRAGMENT_TOO_BIG,          DROP,       SILENT,       SILENT,        "fragments of a packet that would be larger than 65535 bytes, or in too many pieces") \
X(FRAGMENT_MEMORY,           NOTED,      SILENT,       SILENT,        "as many fragments wait as Limits.FragmentMemory allows") \
X(FRAGMENT_SHARE,            DROP,       SILENT,       SILENT,        "as many fragments of this source wait as its share of Limits.FragmentMemory allows") \
X(HOP_LIMIT,                 DROP,       ERROR(3, 0),  ERROR(11, 0),  "hop limit or TTL used up") \
X(TOO_BIG,                   DROP,       ERROR(2, 0),  ERROR(3, 4),   "larger than the next hop's MTU and not to be fragmented") \
X(NO_ROUTE,                  DROP,       ERROR(1, 0),  ERROR(3, 0),   "no route to the destination") \
X(HOST_UNREACHABLE,          DROP,       ERROR(1, 0),  ERROR(3, 1),   "the next hop does not answer, or its link is down") \
X(POOL4_NO_ENTRY,            DROP,       ERROR(1, 3),  SILENT,        "no pool4 entry serves this client, protocol and prefix") \
X(POOL4_EXHAUSTED,           DROP,       ERROR(1, 3),  SILENT,        "no free port in pool4") \
X(BIB_FULL,                  DROP,       ERROR(1, 3),  SILENT,        "as many bindings as Limits.Bindings allows") \
X(SESSION_FULL,              DROP,       ERROR(1, 3),  ERROR(3, 1),   "as many sessions as Limits.Sessions or that of the protocol allows") \
X(SESSION_FULL_TCP,          DROP,       ERROR(1, 3),  SILENT,        "as many sessions as Limits.Sessions or .SessionsTCP allows: opened from the IPv4 side") \
X(ADDRESS_BINDINGS,          DROP,       ERROR(1, 3),  SILENT,        "as many bindings of this IPv6 address and protocol as Limits.BindingsPerAddress allows") \
X(CLIENT_BINDINGS,           DROP,       ERROR(1, 3),  SILENT,        "as many bindings of this client and protocol as Limits.BindingsPerClient allows") \
X(CLIENT_RATE,               DROP,       ERROR(1, 3),  SILENT,        "more new bindings a second of this client and protocol than Limits.NewBindingsPerClientRate allows") \
X(CLIENT_SESSIONS,           DROP,       ERROR(1, 3),  ERROR(3, 1),   "as many sessions of this client and protocol as Limits.SessionsPerClient allows") \
X(CLIENT_SESSIONS_TCP,       DROP,       ERROR(1, 3),  SILENT,        "as many sessions of this client as Limits.SessionsPerClient allows: TCP opened from the IPv4 side") \
X(BINDING_SESSIONS,          DROP,       ERROR(1, 3),  ERROR(3, 1),   "as many sessions of this binding as Limits.SessionsPerBinding allows") \
X(BINDING_SESSIONS_TCP,      DROP,       ERROR(1, 3),  SILENT,        "as many sessions of this binding as Limits.SessionsPerBinding allows: TCP opened from the IPv4 side") \
X(NO_MEMORY,                 NOTED,      ERROR(1, 3),  ERROR(3, 1),   "no memory for a new binding or session") \
X(DRAINING,                  DROP,       ERROR(1, 3),  SILENT,        "the gateway is draining and makes no new bindings") \
X(BIB6_NOT_FOUND,            DROP,       SILENT,       SILENT,        "TCP segment that opens nothing, from a client without a binding") \
X(BIB4_NOT_FOUND,            DROP,       OPTION(1, 4), OPTION(3, 3),  "no binding for this pool4 address and UDP port") \
X(BIB4_NOT_FOUND_TCP,        DROP,       SILENT,       SILENT,        "no binding for this pool4 address and TCP port") \
X(BIB4_NOT_FOUND_ICMP,       DROP,       OPTION(1, 0), OPTION(3, 1),  "no binding for this pool4 address and ICMP identifier") \
X(FILTERED,                  DROP,       OPTION(1, 1), OPTION(3, 13), "address-dependent filtering: the inside has not sent to this address") \
X(FILTERED_TCP,              DROP,       SILENT,       SILENT,        "address-dependent filtering: TCP from an address the inside has not sent to") \
X(EXTERNAL_TCP_FORBIDDEN,    DROP,       SILENT,       SILENT,        "the IPv4 side may not open TCP (Translation.ExternalTCP)") \
X(SYN_WAITS,                 DROP,       SILENT,       SILENT,        "segment of a connection whose first SYN is still kept") \
X(SYN_STORE_FULL,            NOTED,      SILENT,       SILENT,        "as many unsolicited SYNs as Limits.StoredSYNs allows") \
X(SEND_FAILED,               DROP,       SILENT,       SILENT,        "the kernel refused to send the translated packet")
/* clang-format on */

enum outcome {
#define X(name, verdict, answer6, answer4, sentence) OUTCOME_##name,
	OUTCOME_LIST(X)
#undef X
		N_OUTCOMES,
};

enum verdict { VERDICT_TRANSLATED, VERDICT_HOST, VERDICT_STORED, VERDICT_DROP };

struct icmp_answer {
	bool sent;     /* an error exists for this outcome */
	bool optional; /* and it is off by default */
	uint8_t type;
	uint8_t code;
};

struct outcome_info {
	const char *name; /* lower case: "bad_u_octet" */
	enum verdict verdict;
	bool noted; /* the log speaks of it, see noted.h */
	struct icmp_answer answer6;
	struct icmp_answer answer4;
	const char *sentence;
};

const struct outcome_info *outcome_info(enum outcome outcome);
/* By name, in lower or upper case; N_OUTCOMES if there is none. */
enum outcome outcome_parse(const char *name);
