/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See config_keys.h. */
#include "daemon/config_keys.h"

#include <string.h>

#include "daemon/near.h"

/* Durations are kept in 32 bits of milliseconds and in the timer wheel: 30 days fit in both. */
#define SECOND 1000u
#define MONTH  (30u * 86400 * SECOND)

#define IN_CONFIG(field) offsetof(struct config, field)
#define IN_POOL4(field)  offsetof(struct config_pool4, field)
#define IN_STATIC(field) offsetof(struct config_static, field)

#define LIVE  CONFIG_LIVE
#define RELAX (CONFIG_LIVE | CONFIG_RELAXABLE)

static const char *const choices_filtering[] = {"endpoint-independent", "address-dependent", NULL};
static const char *const choices_error_source[] = {"router", "server", NULL};
static const char *const choices_inner_checksum[] = {"verify", "ignore", NULL};
static const char *const choices_pairing[] = {"soft", "strict", NULL};
static const char *const choices_mode[] = {"dynamic", "blocks", "deterministic", NULL};
static const char *const choices_rules[] = {"auto", "nft", "iptables", "none", NULL};
static const char *const choices_inject[] = {"auto", "raw", "packet", NULL};
static const char *const choices_forwarding[] = {"auto", "no", NULL};

/* clang-format off */
const struct config_key config_keys[] = {
/* Everything else may depend on this one. */
{"Timeouts", "AllowBelowMinimum", CONFIG_BOOL, IN_CONFIG(allow_below_minimum),
 0, 0, "", "no", NULL, LIVE, "permits lifetimes below the minimum of their RFC"},

{"Translation", "Pool6", CONFIG_POOL6, 0,
 1, NAT64_POOL6_MAX, "RFC 6052, 2.2", "64:ff9b::/96", NULL, LIVE,
 "one or more IPv6 prefixes in which IPv4 addresses are embedded"},
{"Translation", "AllowNonGlobal", CONFIG_NONGLOBAL, 0,
 0, NAT64_PREFIXES_MAX, "", "no", NULL, LIVE,
 "no, yes, or the IPv4 prefixes that may be reached through 64:ff9b::/96 although not global"},
{"Translation", "Filtering", CONFIG_FILTERINGS, 0,
 0, 0, "", "endpoint-independent", choices_filtering, LIVE,
 "which IPv4 peers may send to a binding: all, or those the inside has sent to"},
{"Translation", "FilteringTCP", CONFIG_FILTERING, IN_CONFIG(nat64.filtering[PROTOCOL_TCP]),
 0, 0, "", "", choices_filtering, LIVE, "the same for TCP only; empty = as Filtering"},
{"Translation", "FilteringUDP", CONFIG_FILTERING, IN_CONFIG(nat64.filtering[PROTOCOL_UDP]),
 0, 0, "", "", choices_filtering, LIVE, "the same for UDP only; empty = as Filtering"},
{"Translation", "FilteringICMP", CONFIG_FILTERING, IN_CONFIG(nat64.filtering[PROTOCOL_ICMP]),
 0, 0, "", "", choices_filtering, LIVE, "the same for ICMP queries only; empty = as Filtering"},
{"Translation", "ExternalTCP", CONFIG_BOOL, IN_CONFIG(nat64.external_tcp),
 0, 0, "", "yes", NULL, LIVE, "the IPv4 side may open TCP connections to a binding"},
{"Translation", "InboundRefresh", CONFIG_BOOL, IN_CONFIG(nat64.inbound_refresh),
 0, 0, "", "yes", NULL, LIVE, "packets from the IPv4 side keep UDP and ICMP sessions alive too"},
{"Translation", "AnswerUnbound", CONFIG_BOOL, IN_CONFIG(nat64.answer_optional),
 0, 0, "", "no", NULL, LIVE,
 "answer IPv4 packets without a binding, or filtered, with an ICMP error instead of silence"},
{"Translation", "ICMPErrors", CONFIG_ANSWERING, 0,
 0, 0, "RFC 7915, 4.4 and 5.4", "", NULL, LIVE,
 "what becomes of single kinds of the gateway's own ICMP errors, each named by its outcome ('nat64ctl stats --all' lists them): hop_limit:unlimited no_route:no"},
{"Translation", "SilentInterfaces", CONFIG_INTERFACES, IN_CONFIG(silent_interfaces),
 0, 0, "RFC 7915, 4.4 and 5.4", "", NULL, LIVE,
 "interfaces by which no ICMP errors of the gateway's own leave"},
{"Translation", "InnerChecksum", CONFIG_EITHER, IN_CONFIG(nat64.trust_inner_checksum),
 0, 0, "RFC 5508, REQ-3", "verify", choices_inner_checksum, LIVE,
 "verify the IPv4 header checksum of the packet embedded in an ICMP error, or pass the error on in any case"},
{"Translation", "TrafficClass", CONFIG_COPY, IN_CONFIG(nat64.rules.traffic_class),
 0, 255, "", "copy", NULL, LIVE, "of IPv6 packets: copy the IPv4 TOS, zero, or a number 0-255"},
{"Translation", "TypeOfService", CONFIG_COPY, IN_CONFIG(nat64.rules.type_of_service),
 0, 255, "", "copy", NULL, LIVE,
 "of IPv4 packets: copy the IPv6 traffic class, zero, or a number 0-255"},
{"Translation", "ErrorSource", CONFIG_EITHER, IN_CONFIG(nat64.error_source_server),
 0, 0, "", "router", choices_error_source, LIVE,
 "source of translated ICMPv4 errors: the router that sent it, or the server it is about"},
{"Translation", "LowestIPv6MTU", CONFIG_NUMBER, IN_CONFIG(nat64.rules.lowest_ipv6_mtu),
 1280, 65535, "RFC 7915, 4.1", "1280", NULL, LIVE,
 "IPv4 packets that may be fragmented are cut to IPv6 packets of this size"},
{"Translation", "ClampMSS", CONFIG_BOOL, IN_CONFIG(nat64.rules.clamp_mss),
 0, 0, "", "no", NULL, LIVE, "lower the TCP MSS option of SYN segments to what the paths carry"},
{"Translation", "DropZeroUDPChecksum", CONFIG_BOOL,
 IN_CONFIG(nat64.rules.drop_udp4_zero_checksum),
 0, 0, "", "no", NULL, LIVE, "drop IPv4 UDP without a checksum instead of computing one"},
{"Translation", "Parity", CONFIG_BOOL, IN_CONFIG(nat64.pool4_policy.parity),
 0, 0, "", "yes", NULL, LIVE, "even UDP ports become even ports, odd ones odd"},
{"Translation", "PreservePort", CONFIG_BOOL, IN_CONFIG(nat64.pool4_policy.preserve_port),
 0, 0, "", "no", NULL, LIVE, "use the client's own port number while it is free"},
{"Translation", "LocalTraffic", CONFIG_BOOL, IN_CONFIG(local_traffic),
 0, 0, "", "yes", NULL, LIVE, "translate what the gateway itself sends to Pool6"},
{"Translation", "Clients", CONFIG_CLIENTS, 0,
 0, NAT64_PREFIXES_MAX, "", "auto", NULL, LIVE,
 "who may use the gateway: any, auto, and IPv6 prefixes"},
{"Translation", "DenyDestination", CONFIG_DENY, 0,
 0, NAT64_PREFIXES_MAX, "", "own", NULL, LIVE,
 "IPv4 destinations that are refused: own, private, and prefixes"},
{"Translation", "DenySource", CONFIG_DENY_SOURCE, 0,
 0, NAT64_PREFIXES_MAX, "", "", NULL, LIVE,
 "IPv4 prefixes that may open nothing towards the IPv6 side"},
{"Translation", "Exempt", CONFIG_EXEMPT, 0,
 0, NAT64_PREFIXES_MAX, "", "", NULL, LIVE,
 "IPv4 and IPv6 prefixes that are handed to the kernel untouched"},
{"Translation", "ExemptPorts", CONFIG_EXEMPT_PORTS, 0,
 0, NAT64_PREFIXES_MAX, "RFC 6888, REQ-6", "", NULL, LIVE,
 "ports of servers that are handed to the kernel untouched: tcp:25 udp:5000-5010@198.51.100.0/24"},

{"Pool4", "Announce", CONFIG_ANNOUNCE, IN_CONFIG(announce),
 0, 0, "", "auto", NULL, LIVE, "where the kernel answers ARP for pool4: none, auto, or interfaces"},
{"Pool4", "Pairing", CONFIG_EITHER, IN_CONFIG(nat64.pool4_policy.strict_pairing),
 0, 0, "", "soft", choices_pairing, LIVE,
 "a client whose address has no free port gets another one, or is refused"},
{"Pool4", "PairingPrefixLength", CONFIG_BYTE, IN_CONFIG(nat64.pairing_prefix_length),
 1, 128, "", "128", NULL, LIVE | CONFIG_DYNAMIC,
 "sources in one prefix of this length share an IPv4 address"},
{"Pool4", "Mode", CONFIG_CHOICE, IN_CONFIG(limits.pool4.mode),
 0, 0, "", "dynamic", choices_mode, 0,
 "how ports are handed out: one by one, in blocks, or each client its own, computed from its address"},
{"Pool4", "BlockSize", CONFIG_NUMBER, IN_CONFIG(limits.pool4.block_size),
 1, 32767, "", "512", NULL, 0, "ports of one block, of each protocol"},

{CONFIG_SECTION_POOL4, "Addresses", CONFIG_ADDRESSES, 0,
 0, 0, "", "", NULL, LIVE,
 "192.0.2.7, 192.0.2.8/29, 192.0.2.8-192.0.2.15, interface:NAME"},
{CONFIG_SECTION_POOL4, "Ports", CONFIG_PORTS, 0,
 0, 0, "", "auto", NULL, LIVE,
 "port ranges, also for ICMP identifiers; auto = 1024-65535 without what the host needs itself"},
{CONFIG_SECTION_POOL4, "Protocols", CONFIG_PROTOCOLS, IN_POOL4(spec.protocol),
 0, 0, "", "tcp udp icmp", NULL, LIVE, "any of tcp, udp, icmp"},
{CONFIG_SECTION_POOL4, "Clients", CONFIG_ENTRY_CLIENTS, 0,
 0, POOL4_CLIENTS_MAX, "", "", NULL, LIVE, "only sources in these IPv6 prefixes use the entry"},
{CONFIG_SECTION_POOL4, "Prefix", CONFIG_ENTRY_PREFIX, 0,
 0, 0, "", "", NULL, LIVE, "only traffic to this prefix of Pool6 uses the entry"},
{CONFIG_SECTION_POOL4, "Overflow", CONFIG_BOOL, IN_POOL4(spec.overflow),
 0, 0, "", "no", NULL, LIVE, "Clients may use general entries when this one is full"},
{CONFIG_SECTION_POOL4, "Comment", CONFIG_COMMENT, IN_POOL4(spec.comment),
 0, POOL4_COMMENT_SIZE - 1, "", "", NULL, LIVE, "a note for people"},
{CONFIG_SECTION_POOL4, "Enabled", CONFIG_ENABLED, 0,
 0, 0, "", "yes", NULL, LIVE, "Enabled=no removes the entry"},

{CONFIG_SECTION_STATIC, "Protocols", CONFIG_PROTOCOLS, IN_STATIC(protocol),
 0, 0, "", "tcp udp", NULL, LIVE, "any of tcp, udp, icmp"},
{CONFIG_SECTION_STATIC, "Inside", CONFIG_INSIDE, IN_STATIC(inside),
 0, 0, "", "", NULL, LIVE, "the client's address and port, or ICMP identifier"},
{CONFIG_SECTION_STATIC, "Outside", CONFIG_OUTSIDE, IN_STATIC(outside),
 0, 0, "", "", NULL, LIVE, "the IPv4 address and port, or ICMP identifier"},
{CONFIG_SECTION_STATIC, "Comment", CONFIG_COMMENT, IN_STATIC(comment),
 0, POOL4_COMMENT_SIZE - 1, "", "", NULL, LIVE, "a note for people"},
{CONFIG_SECTION_STATIC, "Enabled", CONFIG_ENABLED, 0,
 0, 0, "", "yes", NULL, LIVE, "Enabled=no removes the static binding"},

{"Timeouts", "UDP", CONFIG_DURATION, IN_CONFIG(nat64.udp_ms),
 120 * SECOND, MONTH, "RFC 4787, REQ-5", "5min", NULL, RELAX, "UDP sessions"},
{"Timeouts", "UDPByPort", CONFIG_UDP_BY_PORT, 0,
 1 * SECOND, MONTH, "", "53:15s 123:15s", NULL, LIVE,
 "UDP sessions to these destination ports, 0 to 1023"},
{"Timeouts", "TCPEstablished", CONFIG_DURATION, IN_CONFIG(nat64.tcp_established_ms),
 7200 * SECOND, MONTH, "RFC 5382, REQ-5", "2h", NULL, RELAX, "established TCP connections"},
{"Timeouts", "TCPTransitory", CONFIG_DURATION, IN_CONFIG(nat64.tcp_transitory_ms),
 240 * SECOND, MONTH, "RFC 5382, REQ-5", "4min", NULL, RELAX, "TCP connections that close"},
{"Timeouts", "TCPOpening", CONFIG_DURATION, IN_CONFIG(nat64.tcp_opening_ms),
 1 * SECOND, MONTH, "", "4min", NULL, LIVE, "TCP connections that are half open"},
{"Timeouts", "TCPIncomingSYN", CONFIG_DURATION, IN_CONFIG(nat64.tcp_incoming_syn_ms),
 6 * SECOND, MONTH, "RFC 5382, REQ-4", "6s", NULL, RELAX,
 "how long an unsolicited SYN is kept, in case the inside opens too"},
{"Timeouts", "ICMP", CONFIG_DURATION, IN_CONFIG(nat64.icmp_ms),
 60 * SECOND, MONTH, "RFC 5508, REQ-2", "1min", NULL, RELAX, "ICMP queries"},
{"Timeouts", "Fragment", CONFIG_DURATION, IN_CONFIG(nat64.fragment_ms),
 2 * SECOND, 60 * SECOND, "RFC 6146, 3.4 and RFC 8200, 4.5", "10s", NULL, LIVE,
 "how long the fragments of a packet may take to arrive"},
{"Timeouts", "HoldDown", CONFIG_DURATION, IN_CONFIG(nat64.pool4_policy.hold_ms),
 0, MONTH, "", "2min", NULL, LIVE,
 "a UDP port or ICMP identifier that was given back goes to no other client for so long"},
{"Timeouts", "HoldDownTCP", CONFIG_DURATION, IN_CONFIG(nat64.pool4_policy.hold_tcp_ms),
 0, MONTH, "", "0s", NULL, LIVE, "the same for TCP ports, which can be used again at once"},

{"Limits", "Bindings", CONFIG_NUMBER, IN_CONFIG(limits.bindings),
 1, 1u << 30, "", "1000000", NULL, LIVE, "bindings of all protocols"},
{"Limits", "Sessions", CONFIG_NUMBER, IN_CONFIG(limits.sessions),
 1, 1u << 30, "", "2000000", NULL, LIVE, "sessions of all protocols"},
{"Limits", "SessionsTCP", CONFIG_NUMBER, IN_CONFIG(limits.sessions_of[PROTOCOL_TCP]),
 0, 1u << 30, "", "0", NULL, LIVE, "sessions of TCP, within Sessions; 0 = no limit of its own"},
{"Limits", "SessionsUDP", CONFIG_NUMBER, IN_CONFIG(limits.sessions_of[PROTOCOL_UDP]),
 0, 1u << 30, "", "0", NULL, LIVE, "sessions of UDP, within Sessions; 0 = no limit of its own"},
{"Limits", "SessionsICMP", CONFIG_NUMBER, IN_CONFIG(limits.sessions_of[PROTOCOL_ICMP]),
 0, 1u << 30, "", "0", NULL, LIVE, "sessions of ICMP queries, within Sessions; 0 = no limit of its own"},
{"Limits", "BindingsPerAddress", CONFIG_NUMBER, IN_CONFIG(nat64.quota.bindings_per_address),
 0, 1u << 30, "", "2048", NULL, LIVE, "bindings of one IPv6 address and protocol; 0 = no limit"},
{"Limits", "BindingsPerClient", CONFIG_SHARE, IN_CONFIG(nat64.quota.bindings_per_client),
 0, 1u << 30, "", "0", NULL, LIVE,
 "bindings of one client prefix and protocol, or a share of the ports it can reach; 0 = no limit"},
{"Limits", "SessionsPerClient", CONFIG_SHARE, IN_CONFIG(nat64.quota.sessions_per_client),
 0, 1u << 30, "", "0", NULL, LIVE,
 "sessions of one client prefix and protocol, or a share of the ports it can reach; 0 = no limit"},
{"Limits", "NewBindingsPerClientRate", CONFIG_NUMBER,
 IN_CONFIG(nat64.quota.binding_rate),
 0, 1000000, "", "0", NULL, LIVE,
 "new bindings of one client prefix and protocol, a second and at once; 0 = no limit"},
{"Limits", "SessionsPerBinding", CONFIG_NUMBER, IN_CONFIG(nat64.quota.sessions_per_binding),
 0, 1u << 30, "", "0", NULL, LIVE, "sessions of one binding, a static one too; 0 = no limit"},
{"Limits", "ClientPrefixLength", CONFIG_BYTE,
 IN_CONFIG(nat64.icmp_limit.client_prefix_length),
 1, 128, "", "64", NULL, 0, "what counts as one client for limits"},
{"Limits", "HeldPorts", CONFIG_SHARE, IN_CONFIG(nat64.pool4_policy.max_held),
 0, 1u << 30, "", "25%", NULL, LIVE, "ports of an entry that may be held down; they are the last choice"},
{"Limits", "Pool4Objects", CONFIG_NUMBER, IN_CONFIG(pool4_objects),
 0, 4096, "", "4096", NULL, 0, "entries of pool4 that get a D-Bus object"},
{"Limits", "PoolAlarm", CONFIG_ALARM, IN_CONFIG(nat64.quota.alarm),
 1, 100, "", "80% 70%", NULL, LIVE,
 "use of an entry of pool4, and of a client's and all bindings, that raises and clears the alarm"},
{"Limits", "StoredSYNs", CONFIG_NUMBER, IN_CONFIG(limits.stored_syns),
 1, 1u << 20, "", "1024", NULL, LIVE, "unsolicited SYNs that are kept at a time"},
{"Limits", "FragmentMemory", CONFIG_SIZE, IN_CONFIG(limits.fragment_memory),
 65536, 1ull << 40, "", "16M", NULL, LIVE,
 "for fragments that wait for others; one source may have an eighth of it"},
{"Limits", "ICMPErrorRate", CONFIG_NUMBER, IN_CONFIG(nat64.icmp_limit.rate),
 1, 1000000, "", "10", NULL, LIVE, "ICMP errors of the gateway's own, a second and client prefix"},
{"Limits", "ICMPErrorBurst", CONFIG_NUMBER, IN_CONFIG(nat64.icmp_limit.burst),
 1, 1000000, "", "10", NULL, LIVE, "ICMP errors at once, before the rate counts"},
{"Limits", "ICMPErrorRateTotal", CONFIG_NUMBER, IN_CONFIG(nat64.icmp_limit.rate_total),
 0, 1000000, "", "1000", NULL, LIVE, "ICMP errors a second to all together; 0 = none are sent"},

{"Queue", "First", CONFIG_NUMBER, IN_CONFIG(queue.first),
 0, 65535, "", "6400", NULL, 0, "first of the NFQUEUE numbers; two for each worker"},
{"Queue", "Workers", CONFIG_WORKERS, IN_CONFIG(queue.workers),
 1, 32, "", "auto", NULL, 0, "packet threads; auto = one for each CPU, at most 32"},
{"Queue", "Length", CONFIG_NUMBER, IN_CONFIG(queue.length),
 16, 1u << 24, "", "16384", NULL, LIVE, "packets that may wait in the kernel"},
{"Queue", "Memory", CONFIG_SIZE, IN_CONFIG(queue.memory_size),
 65536, 1u << 30, "", "64M", NULL, LIVE, "bytes that may wait in the kernel"},
{"Queue", "Rules", CONFIG_CHOICE, IN_CONFIG(queue.rules),
 0, 0, "", "auto", choices_rules, LIVE, "how packets get into the queue"},
{"Queue", "Mark", CONFIG_MARK, IN_CONFIG(queue.mark),
 0, 0, "", "0x64000000/0xff000000", NULL, 0, "mark/mask on everything the daemon sends"},
{"Queue", "Inject", CONFIG_CHOICE, IN_CONFIG(queue.inject),
 0, 0, "", "auto", choices_inject, 0, "how TCP is sent: forwarded by the kernel if that works, else raw"},

{"Setup", "Forwarding", CONFIG_CHOICE, IN_CONFIG(forwarding),
 0, 0, "", "auto", choices_forwarding, LIVE, "turn forwarding on at start, or leave it as it is"},

{"State", "FlushInterval", CONFIG_FLUSH, IN_CONFIG(state.flush_ms),
 10, 3600 * SECOND, "", "250ms", NULL, 0, "what a crash may lose; exit = write only at exit"},
{"State", "SyncInterval", CONFIG_DURATION, IN_CONFIG(state.sync_ms),
 0, 86400 * SECOND, "", "5s", NULL, 0, "what a power cut may lose; 0 = up to the kernel"},
{"State", "Keep", CONFIG_BOOL, IN_CONFIG(state.keep),
 0, 0, "", "yes", NULL, 0, "keep a database at all"},
{"State", "Overrides", CONFIG_BOOL, IN_CONFIG(overrides),
 0, 0, "", "yes", NULL, LIVE, "pool4, static bindings and keys may be changed at run time"},
{"State", "Retention", CONFIG_SECONDS, IN_CONFIG(nat64.retention_s),
 0, 100 * 365 * 86400u, "", "0", NULL, LIVE, "how long closed bindings are kept for 'who'"},

{"Log", "Bindings", CONFIG_BOOL, IN_CONFIG(log.bindings),
 0, 0, "RFC 6888, 4", "no", NULL, LIVE,
 "log each binding that is made or ends, or, where ports come in blocks, each block"},
{"Log", "Destinations", CONFIG_BOOL, IN_CONFIG(log.destinations),
 0, 0, "RFC 6888, REQ-12", "no", NULL, LIVE,
 "log each session in place of each binding, with the peer's address and port"},
{"Log", "Target", CONFIG_TARGET, IN_CONFIG(log.target),
 0, 0, "", "journal", NULL, LIVE, "where Bindings are logged: journal, syslog or file:PATH"},

{"Metrics", "File", CONFIG_PATH, IN_CONFIG(metrics.file),
 0, 0, "", "", NULL, LIVE, "OpenMetrics text, written every 15 s"},
{"Metrics", "Listen", CONFIG_LISTEN, IN_CONFIG(metrics.listen),
 0, 0, "", "", NULL, LIVE, "unix socket, or address and port, that serve OpenMetrics by HTTP"},
{NULL},
};

static const char *const forms[] = {
	[CONFIG_BOOL] = "yes or no",
	[CONFIG_NUMBER] = "a number",
	[CONFIG_BYTE] = "a number",
	[CONFIG_DURATION] = "a time such as 300, 5min or 2h4min",
	[CONFIG_SECONDS] = "a time such as 300, 5min or 2h4min",
	[CONFIG_SIZE] = "a size such as 65536 or 64M",
	[CONFIG_CHOICE] = "one word",
	[CONFIG_EITHER] = "one word",
	[CONFIG_COPY] = "copy, zero or a number from 0 to 255",
	[CONFIG_SHARE] = "a number, or a share such as 50%",
	[CONFIG_PATH] = "a path from /, or empty",
	[CONFIG_LISTEN] = "a path from /, or an address and port such as 127.0.0.1:9464 or [::1]:9464",
	[CONFIG_TARGET] = "journal, syslog or file:PATH",
	[CONFIG_WORKERS] = "auto or a number",
	[CONFIG_FLUSH] = "a time such as 250ms, or exit",
	[CONFIG_MARK] = "value/mask, such as 0x64000000/0xff000000",
	[CONFIG_ALARM] = "two shares such as 80% 70%",
	[CONFIG_FILTERING] = "one word, or empty",
	[CONFIG_FILTERINGS] = "one word",
	[CONFIG_POOL6] = "IPv6 prefixes",
	[CONFIG_NONGLOBAL] = "no, yes or IPv4 prefixes",
	[CONFIG_CLIENTS] = "any, auto and IPv6 prefixes",
	[CONFIG_DENY] = "own, private and IPv4 prefixes",
	[CONFIG_DENY_SOURCE] = "IPv4 prefixes",
	[CONFIG_EXEMPT_PORTS] = "PROTOCOL:PORTS or PROTOCOL:PORTS@PREFIX, several of them",
	[CONFIG_EXEMPT] = "IPv4 and IPv6 prefixes",
	[CONFIG_UDP_BY_PORT] = "PORT:TIME, several of them",
	[CONFIG_ANNOUNCE] = "none, auto or names of interfaces",
	[CONFIG_INTERFACES] = "names of interfaces",
	[CONFIG_ANSWERING] = "OUTCOME:no, OUTCOME:limited or OUTCOME:unlimited, several of them",
	[CONFIG_ADDRESSES] = "IPv4 addresses, prefixes, ranges, interface:NAME",
	[CONFIG_PORTS] = "auto or port ranges such as 1024-65535",
	[CONFIG_PROTOCOLS] = "any of tcp udp icmp",
	[CONFIG_ENTRY_CLIENTS] = "IPv6 prefixes",
	[CONFIG_ENTRY_PREFIX] = "a prefix of Pool6",
	[CONFIG_COMMENT] = "text",
	[CONFIG_ENABLED] = "yes or no",
	[CONFIG_INSIDE] = "an address and port such as [2001:db8::5]:443",
	[CONFIG_OUTSIDE] = "an address and port such as 192.0.2.2:443",
};
/* clang-format on */
G_STATIC_ASSERT(G_N_ELEMENTS(forms) == N_CONFIG_TYPES);

const char *config_type_form(enum config_type type)
{
	return forms[type];
}

const struct config_key *config_key_find(const char *section, const char *name)
{
	for (const struct config_key *key = config_keys; key->section != NULL; key++) {
		if (strcmp(key->section, section) == 0 && strcmp(key->name, name) == 0)
			return key;
	}
	return NULL;
}

bool config_key_is_of_object(const struct config_key *key)
{
	return strcmp(key->section, CONFIG_SECTION_POOL4) == 0 ||
	       strcmp(key->section, CONFIG_SECTION_STATIC) == 0;
}

const struct config_key *config_key_parse(const char *text)
{
	for (const struct config_key *key = config_keys; key->section != NULL; key++) {
		size_t length = strlen(key->section);

		if (!config_key_is_of_object(key) && strncmp(text, key->section, length) == 0 &&
		    text[length] == '.' && strcmp(text + length + 1, key->name) == 0)
			return key;
	}
	return NULL;
}

bool config_key_is_live(const struct config_key *key, const struct config *running)
{
	if ((key->flags & CONFIG_DYNAMIC) != 0 && running->limits.pool4.mode != POOL4_DYNAMIC)
		return false;
	return (key->flags & CONFIG_LIVE) != 0;
}

size_t config_type_size(enum config_type type)
{
	switch ((int)type) {
	case CONFIG_BOOL:
	case CONFIG_EITHER:
		return sizeof(bool);
	case CONFIG_BYTE:
		return sizeof(uint8_t);
	case CONFIG_NUMBER:
	case CONFIG_DURATION:
	case CONFIG_SECONDS:
	case CONFIG_WORKERS:
	case CONFIG_FLUSH:
	case CONFIG_CHOICE: /* of enums, and uint32_t */
		return sizeof(uint32_t);
	case CONFIG_SIZE:
		return sizeof(uint64_t);
	case CONFIG_COPY:
		return sizeof(int);
	case CONFIG_SHARE:
		return sizeof(struct port_share);
	case CONFIG_MARK:
		return sizeof(struct config_mark);
	default:
		return 0;
	}
}

bool config_key_section_exists(const char *section)
{
	for (const struct config_key *key = config_keys; key->section != NULL; key++) {
		if (strcmp(key->section, section) == 0)
			return true;
	}
	return false;
}

char *config_key_suggest(const char *section, const char *name)
{
	struct near near = {.written = name};
	const struct config_key *best;

	for (const struct config_key *key = config_keys; key->section != NULL; key++) {
		/* Elsewhere only the very name. */
		if (strcmp(key->section, section) == 0 || near_distance(name, key->name) == 0)
			near_consider(&near, key->name, key);
	}
	best = near_found(&near);
	return best != NULL ? g_strdup_printf("%s.%s", best->section, best->name) : NULL;
}

char *config_key_suggest_section(const char *section)
{
	struct near near = {.written = section};
	const char *best;

	for (const struct config_key *key = config_keys; key->section != NULL; key++)
		near_consider(&near, key->section, key->section);
	best = near_found(&near);
	return best != NULL ? g_strdup_printf("[%s]", best) : NULL;
}
