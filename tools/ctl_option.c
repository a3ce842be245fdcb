/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See ctl_option.h. */
#include "tools/ctl_option.h"

#include <stddef.h>

/* clang-format off */
const struct ctl_option_info ctl_options[CTL_N_OPTIONS] = {
	[CTL_DRY_RUN]   = {"--dry-run",   NULL, NULL,      CTL_KIND_NONE,      'b', "say what would change, and change nothing"},
	[CTL_FORCE]     = {"--force",     NULL, NULL,      CTL_KIND_NONE,      'b', "all the same: bindings that use it end; for a blocked client, too"},
	[CTL_REPLACE]   = {"--replace",   NULL, NULL,      CTL_KIND_NONE,      'b', "end the bindings that have one of the sides"},
	[CTL_EVERY]     = {"--all",       NULL, NULL,      CTL_KIND_NONE,      'b', "all of them"},
	[CTL_OVERFLOW]  = {"--overflow",  NULL, NULL,      CTL_KIND_NONE,      'b', "its clients use other entries, too, when it is full"},
	[CTL_NAME]      = {"--name",      NULL, "N",       CTL_KIND_TEXT,      's', "what to call it; else it gets a name"},
	[CTL_COMMENT]   = {"--comment",   NULL, "T",       CTL_KIND_TEXT,      's', "a note, shown with it"},
	[CTL_CLIENTS]   = {"--clients",   NULL, "PREFIX",  CTL_KIND_CLIENT,    's', "only these IPv6 prefixes use it"},
	[CTL_PREFIX]    = {"--prefix",    NULL, "P",       CTL_KIND_POOL6,     's', "only what comes by this prefix of Pool6"},
	[CTL_PROTOCOLS] = {"--protocol",  NULL, "tcp,udp,icmp", CTL_KIND_PROTOCOLS, 's', "else all three"},
	[CTL_ON]        = {"--on",        NULL, "ADDRESS4", CTL_KIND_TEXT,     's', "the IPv4 address; else the first of pool4"},
	[CTL_FOR]       = {"--for",       NULL, "TIME",    CTL_KIND_TIME,      't', "for 30s, 10min, 2h or 1d; else without end"},
	[CTL_WAIT]      = {"--wait",      NULL, "TIME",    CTL_KIND_TIME,      't', "until no session is left, at most 30s, 10min, 2h or 1d"},
	[CTL_TO]        = {"--to",        NULL, "FILE",    CTL_KIND_FILE,      's', "into this file; else into the daemon's directory"},
	[CTL_STATE_DIR] = {"--state-dir", NULL, "DIR",     CTL_KIND_FILE,      's', "of a daemon that was started with this --state-dir"},
	[CTL_PROTOCOL]  = {"--protocol",  NULL, "P",       CTL_KIND_PROTOCOL,  's', "tcp, udp or icmp"},
	[CTL_CLIENT]    = {"--client",    NULL, "PREFIX",  CTL_KIND_CLIENT,    's', "IPv6 address or prefix of the client"},
	[CTL_ADDRESS4]  = {"--address4",  NULL, "A",       CTL_KIND_TEXT,      's', "IPv4 address of the binding"},
	[CTL_PORT4]     = {"--port4",     NULL, "N",       CTL_KIND_PORT,      'q', "its port, or ICMP identifier"},
	[CTL_SERVER]    = {"--server",    NULL, "PREFIX4", CTL_KIND_TEXT,      's', "IPv4 address or prefix of the server"},
	[CTL_STATE]     = {"--state",     NULL, "S",       CTL_KIND_STATE,     's', "state of the TCP session"},
	[CTL_STATIC]    = {"--static",    NULL, NULL,      CTL_KIND_NONE,      'b', "static bindings only"},
	[CTL_POOL4]     = {"--pool4",     NULL, "ENTRY",   CTL_KIND_ENTRY,     's', "of this entry of pool4"},
	[CTL_LIMIT]     = {"--limit",     NULL, "N",       CTL_KIND_NUMBER,    'u', "so many rows at most; 0: all"},
	[CTL_COUNT]     = {"--count",     NULL, NULL,      CTL_KIND_NONE,      'b', "only how many there are"},
	[CTL_LINES]     = {"--count",     NULL, "N",       CTL_KIND_NUMBER,    'u', "end after so many"},
	[CTL_PCAP]      = {"--pcap",      NULL, "FILE",    CTL_KIND_FILE,      's', "the packets of both sides, for Wireshark (pcapng)"},
	[CTL_TOP]       = {"--top",       NULL, "N",       CTL_KIND_NUMBER,    'u', "so many at most"},
	[CTL_INTERVAL]  = {"--interval",  NULL, "TIME",    CTL_KIND_TIME,      't', "between two looks; else 2s, and never less than 100ms"},
	[CTL_ALL]       = {"--all",       NULL, NULL,      CTL_KIND_NONE,      'b', "all of them"},
	[CTL_QUIET]     = {"--quiet",     NULL, NULL,      CTL_KIND_NONE,      'b', "only by the exit status"},
	[CTL_AT]        = {"--at",        NULL, "TIME",    CTL_KIND_TEXT,      's', "when: 2026-01-31T12:00:00Z, another zone such as +01:00, @SECONDS or now"},
	[CTL_WITHIN]    = {"--within",    NULL, "TIME",    CTL_KIND_TIME,      't', "before and after that, for clocks that differ; else 5min"},
	[CTL_JOURNAL]   = {"--journal",   NULL, "DIR",     CTL_KIND_FILE,      's', "ask only the journal whose files are there, also of another host; needs no daemon"},
	[CTL_FLAGS]     = {"--flags",     NULL, "FLAGS",   CTL_KIND_FLAGS,     's', "TCP flags, such as syn (the default) or fin,ack"},
	[CTL_LENGTH]    = {"--length",    NULL, "N",       CTL_KIND_NUMBER,    'u', "bytes of the whole packet"},
	[CTL_TTL]       = {"--ttl",       NULL, "N",       CTL_KIND_NUMBER,    'u', "its TTL or hop limit"},
	[CTL_ICMP_TYPE]      = {"--icmp",      NULL, "TYPE/CODE", CTL_KIND_TEXT,    's', "else an echo request"},
	[CTL_PRINT]     = {"--print",     NULL, NULL,      CTL_KIND_NONE,      'b', "show what it would run, and run nothing"},
	[CTL_EARLY]     = {"--early",     NULL, NULL,      CTL_KIND_NONE,      'b', "rules only, before there is a network"},
	[CTL_CONFIG]    = {"--config",    NULL, "FILE",    CTL_KIND_FILE,      's', "instead of the installed configuration"},
	[CTL_PROBE]     = {"--probe",     NULL, "ADDRESS4", CTL_KIND_TEXT,     's', "ask a server there, a DNS server best, through nat64d"},
	[CTL_INSTANCE]  = {"--instance",  "-i", "INSTANCE", CTL_KIND_TEXT,     's', "the daemon that was started with this --instance"},
	[CTL_JSON]      = {"--json",      NULL, NULL,      CTL_KIND_NONE,      'b', "one JSON document"},
	[CTL_NO_LEGEND] = {"--no-legend", NULL, NULL,      CTL_KIND_NONE,      'b', "columns without headings"},
	[CTL_BUS]       = {"--bus",       NULL, "ADDRESS", CTL_KIND_TEXT,      's', "the bus that the daemon is on"},
	[CTL_SOCKET]    = {"--socket",    NULL, "PATH",    CTL_KIND_FILE,      's', "its control socket"},
	[CTL_HELP]      = {"--help",      "-h", NULL,      CTL_KIND_NONE,      'b', "how to call a command, or all of them"},
	[CTL_VERSION]   = {"--version",   NULL, NULL,      CTL_KIND_NONE,      'b', "which version this is"},
};

static const char *const protocols[] = {"tcp", "udp", "icmp", NULL};
static const char *const levels[] = {"err", "warning", "notice", "info", "debug", NULL};
static const char *const events[] = {"bindings", "sessions", "drops", "limits", "all", NULL};
static const char *const flags[] = {"syn", "ack", "fin", "rst", "psh", "urg", NULL};
/* clang-format on */

const char *const *ctl_kind_words(enum ctl_kind kind)
{
	/* clang-format off */
	static const char *const *const words[] = {
		[CTL_KIND_PROTOCOL] = protocols,
		[CTL_KIND_PROTOCOLS] = protocols,
		[CTL_KIND_FLAGS] = flags,
		[CTL_KIND_LEVEL] = levels,
		[CTL_KIND_EVENTS] = events,
	};
	/* clang-format on */

	return (size_t)kind < sizeof(words) / sizeof(words[0]) ? words[kind] : NULL;
}
