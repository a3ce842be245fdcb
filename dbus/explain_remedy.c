/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an operator can do about each outcome that a packet which was asked about can have. */
#include "dbus/explain.h"

/* clang-format off */
static const char *const remedies[N_OUTCOMES] = {
	[OUTCOME_NOT_OURS] =
		"is it the right prefix or address? 'nat64ctl status' shows Pool6 and pool4",
	[OUTCOME_EXEMPT] =
		"Translation.Exempt and Translation.ExemptPorts name what is not translated",
	[OUTCOME_LEFT_TO_HOST] =
		"'nat64ctl publish PORT/PROTOCOL ADDRESS6 --on ADDRESS4' gives the port to a client",
	[OUTCOME_SYN_STORED] =
		"'nat64ctl publish PORT/tcp ADDRESS6 --on ADDRESS4' lets the IPv4 side in at once",
	[OUTCOME_BAD_TCP_FLAGS] =
		"no sender needs such flags",
	[OUTCOME_ICMP_UNTRANSLATABLE] =
		"only echo requests and replies, and errors, have a counterpart",
	[OUTCOME_ILLEGAL_SOURCE] =
		"the sender needs another address",
	[OUTCOME_ILLEGAL_DESTINATION] =
		"another destination: no packet may go to this one",
	[OUTCOME_SOURCE_IN_POOL6] =
		"the sender needs an address outside Pool6",
	[OUTCOME_BAD_U_OCTET] =
		"embed the IPv4 address as RFC 6052, 2.2 says",
	[OUTCOME_NONGLOBAL_DESTINATION] =
		"Translation.AllowNonGlobal permits it, or a network-specific prefix in Translation.Pool6",
	[OUTCOME_NONGLOBAL_SOURCE] =
		"Translation.AllowNonGlobal permits it, or a network-specific prefix in Translation.Pool6",
	[OUTCOME_CLIENT_NOT_ALLOWED] =
		"add the client's prefix to Translation.Clients, or a route to it",
	[OUTCOME_CLIENT_BLOCKED] =
		"'nat64ctl client unblock PREFIX' ends the block",
	[OUTCOME_DESTINATION_DENIED] =
		"take the destination out of Translation.DenyDestination",
	[OUTCOME_SOURCE_DENIED] =
		"take the source out of Translation.DenySource",
	[OUTCOME_SOURCE_DENIED_TCP] =
		"take the source out of Translation.DenySource",
	[OUTCOME_HOP_LIMIT] =
		"a higher hop limit or TTL; if it was high, packets go round in a loop",
	[OUTCOME_TOO_BIG] =
		"senders learn the size by the error they get; Translation.ClampMSS=yes helps TCP if it is lost",
	[OUTCOME_NO_ROUTE] =
		"add a route to the destination: 'ip route get ADDRESS' shows what the kernel knows",
	[OUTCOME_HOST_UNREACHABLE] =
		"the next hop must answer: 'ip neigh' shows it",
	[OUTCOME_POOL4_NO_ENTRY] =
		"'nat64ctl pool4 add ADDRESSES --clients PREFIX' serves the client; 'pool4 list' shows who is served",
	[OUTCOME_POOL4_EXHAUSTED] =
		"'nat64ctl pool4 add ADDRESSES' adds ports; 'nat64ctl client list' shows who has them",
	[OUTCOME_BIB_FULL] =
		"raise Limits.Bindings; 'nat64ctl client list' shows who has them",
	[OUTCOME_SESSION_FULL] =
		"raise Limits.Sessions; 'nat64ctl client list' shows who has them",
	[OUTCOME_SESSION_FULL_TCP] =
		"raise Limits.Sessions or Limits.SessionsTCP",
	[OUTCOME_ADDRESS_BINDINGS] =
		"raise Limits.BindingsPerAddress, or wait until some of its bindings end",
	[OUTCOME_CLIENT_BINDINGS] =
		"raise Limits.BindingsPerClient, or wait until some of its bindings end",
	[OUTCOME_CLIENT_RATE] =
		"raise Limits.NewBindingsPerClientRate, or wait a second",
	[OUTCOME_CLIENT_SESSIONS] =
		"raise Limits.SessionsPerClient, or wait until some of its sessions end",
	[OUTCOME_CLIENT_SESSIONS_TCP] =
		"raise Limits.SessionsPerClient, or wait until some of its sessions end",
	[OUTCOME_BINDING_SESSIONS] =
		"raise Limits.SessionsPerBinding, or wait until some of its sessions end",
	[OUTCOME_BINDING_SESSIONS_TCP] =
		"raise Limits.SessionsPerBinding, or wait until some of its sessions end",
	[OUTCOME_DRAINING] =
		"'nat64ctl resume' ends the draining",
	[OUTCOME_BIB6_NOT_FOUND] =
		"the client must open anew: nobody knows a connection that this belongs to",
	[OUTCOME_BIB4_NOT_FOUND] =
		"'nat64ctl publish PORT/udp ADDRESS6 --on ADDRESS4' leads it to a client",
	[OUTCOME_BIB4_NOT_FOUND_TCP] =
		"'nat64ctl publish PORT/tcp ADDRESS6 --on ADDRESS4' leads it to a client",
	[OUTCOME_BIB4_NOT_FOUND_ICMP] =
		"'nat64ctl bib add icmp [ADDRESS6]:ID ADDRESS4:ID' leads it to a client",
	[OUTCOME_FILTERED] =
		"Translation.Filtering=endpoint-independent lets everybody in, or the client sends first",
	[OUTCOME_FILTERED_TCP] =
		"Translation.Filtering=endpoint-independent lets everybody in, or the client sends first",
	[OUTCOME_EXTERNAL_TCP_FORBIDDEN] =
		"Translation.ExternalTCP=yes lets the IPv4 side open TCP to bindings",
	[OUTCOME_SYN_WAITS] =
		"it is over in a few seconds, or when the client opens towards this peer",
	[OUTCOME_SYN_STORE_FULL] =
		"raise Limits.StoredSYNs",
};
/* clang-format on */

const char *explain_remedy(enum outcome outcome)
{
	return remedies[outcome];
}
