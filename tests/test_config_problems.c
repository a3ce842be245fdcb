/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is wrong with a configuration: each problem has its file, its line and its sentence
 * (INTERFACE, section 4; K-1 to K-9, K-12, A-1 to A-5).
 */
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#include "tests/config_fixture.h"

/* One file with one problem (or none: expected NULL), and what is said about it. */
struct bad_case {
	const char *text;
	const char *expected; /* behind "FILE" */
	enum config_severity severity;
};

#define E        CONFIG_ERROR
#define U        CONFIG_UNKNOWN
#define W        CONFIG_WARNING
#define OK_EMPTY NULL

#define DETERMINISTIC "[Pool4 a]\nAddresses=192.0.2.1\nClients=2001:db8::/48\n"

/* clang-format off */
static const struct bad_case bad_cases[] = {
/* Lines */
{"", OK_EMPTY, W},
{"# only a comment\n\n", OK_EMPTY, W},
{"Key=1\n", ":1: 'Key=1' stands before the first [Section]", E},
{"[Timeouts\nUDP=300\n", ":1: '[Timeouts' opens a section but has no ']' at its end", E},
{"[]\n", ":1: '[]' is not the name of a section", E},
{"[Timeouts]\nUDP\n", ":2: [Timeouts]: 'UDP' is neither Key=Value nor a [Section] nor a # comment", E},
{"[Timeouts]\nU DP=300\n", ":2: [Timeouts]: 'U DP' is not the name of a key", E},
{"[Timeouts]\nUDP=300\n\nUDP=400\n", ":4: [Timeouts] UDP: is set twice in this section, on line 2 and on line 4", E},
{"[Timeouts]\nUDP=300\n[Queue]\n[Timeouts]\nUDP=400\n", ":5: [Timeouts] UDP: is set twice in this section, on line 2 and on line 5", E},
{"[Timeouts]\n#\nUDP=\xff\n", ":3: this line is not UTF-8 text", E},
/* Unknown names */
{"[Timeouts]\nUPD=300\n", ":2: [Timeouts] UPD: unknown key: did you mean Timeouts.UDP?", U},
{"[Timeouts]\nudp=300\n", ":2: [Timeouts] udp: unknown key: did you mean Timeouts.UDP?", U},
{"[Limits]\nUDP=300\n", ":2: [Limits] UDP: unknown key: did you mean Timeouts.UDP?", U},
{"[Timeouts]\nSomethingElse=1\n", ":2: [Timeouts] SomethingElse: unknown key", U},
{"[Timeout]\nUDP=300\n", ":1: [Timeout]: unknown section: did you mean [Timeouts]?", U},
{"[Elsewhere]\nUDP=300\n", ":1: [Elsewhere]: unknown section", U},
{"[Pool4 a]\nAddresses=192.0.2.1\nPort=1-2\n", ":3: [Pool4 a] Port: unknown key: did you mean Pool4 NAME.Ports?", U},
/* Pool6 */
{"[Translation]\nPool6=2001:db8::/95\n", ":2: [Translation] Pool6: 2001:db8::/95: the length must be 32, 40, 48, 56, 64 or 96 (RFC 6052, 2.2)", E},
{"[Translation]\nPool6=2001:db8::1/96\n", ":2: [Translation] Pool6: 2001:db8::1/96: bits are set behind the prefix length (RFC 6052, 2.2)", E},
{"[Translation]\nPool6=2001:db8::/96 2001:db8::/64\n", ":2: [Translation] Pool6: 2001:db8::/64 overlaps 2001:db8::/96", E},
{"[Translation]\nPool6=192.0.2.0/24\n", ":2: [Translation] Pool6: '192.0.2.0/24' is not an IPv6 prefix", E},
{"[Translation]\nPool6=\n", ":2: [Translation] Pool6: at least one prefix is needed", E},
/* Words and numbers */
{"[Translation]\nExternalTCP=maybe\n", ":2: [Translation] ExternalTCP: 'maybe' is not yes or no", E},
{"[Translation]\nFiltering=full-cone\n", ":2: [Translation] Filtering: 'full-cone' is none of: endpoint-independent, address-dependent", E},
{"[Translation]\nTrafficClass=256\n", ":2: [Translation] TrafficClass: '256' is not copy, zero or a number from 0 to 255", E},
{"[Translation]\nClients=any 2001:db8::/32\n", ":2: [Translation] Clients: 'any' stands alone", E},
{"[Translation]\nClients=2001:db8::1/32\n", ":2: [Translation] Clients: 2001:db8::1/32 has host bits set: did you mean 2001:db8::/32?", E},
{"[Translation]\nDenyDestination=public\n", ":2: [Translation] DenyDestination: 'public' is not an IPv4 prefix", E},
{"[Translation]\nAllowNonGlobal=yes 10.0.0.0/8\n", ":2: [Translation] AllowNonGlobal: either no, or yes, or prefixes", E},
{"[Translation]\nAllowNonGlobal=yes\n", ":2: [Translation] AllowNonGlobal: non-global IPv4 addresses can be reached through 64:ff9b::/96, against RFC 6052, 3.1", W},
{"[Translation]\nPool6=2001:db8::/96\nAllowNonGlobal=yes\n", ":3: [Translation] AllowNonGlobal: has no effect, because 64:ff9b::/96 is not in Pool6", W},
{"[Translation]\nDenySource=2001:db8::/32\n", ":2: [Translation] DenySource: '2001:db8::/32' is not an IPv4 prefix", E},
{"[Translation]\nExemptPorts=25\n", ":2: [Translation] ExemptPorts: '25' is not tcp:PORTS or udp:PORTS", E},
{"[Translation]\nExemptPorts=icmp:25\n", ":2: [Translation] ExemptPorts: 'icmp:25' is not tcp:PORTS or udp:PORTS", E},
{"[Translation]\nExemptPorts=tcp:25,30\n", ":2: [Translation] ExemptPorts: '25,30' is not one range of ports", E},
{"[Translation]\nExemptPorts=tcp:26-25\n", ":2: [Translation] ExemptPorts: 26-25 is reversed: did you mean 25-26?", E},
{"[Translation]\nExemptPorts=tcp:25@198.51.100.7/24\n", ":2: [Translation] ExemptPorts: 198.51.100.7/24 has host bits set: did you mean 198.51.100.0/24?", E},
{"[Translation]\nInnerChecksum=no\n", ":2: [Translation] InnerChecksum: 'no' is none of: verify, ignore", E},
{"[Translation]\nICMPErrors=no_route\n", ":2: [Translation] ICMPErrors: 'no_route' is not OUTCOME:no, :limited or :unlimited", E},
{"[Translation]\nICMPErrors=noroute:no\n", ":2: [Translation] ICMPErrors: 'noroute' is not an outcome of 'nat64ctl stats --all'", E},
{"[Translation]\nICMPErrors=translated:no\n", ":2: [Translation] ICMPErrors: translated has no ICMP error", E},
{"[Translation]\nICMPErrors=no_route:no no_route:limited\n", ":2: [Translation] ICMPErrors: no_route stands there twice", E},
{"[Translation]\nICMPErrors=no_route:never\n", ":2: [Translation] ICMPErrors: 'never' is not no, limited or unlimited", E},
{"[Translation]\nICMPErrors=too_big:no\n", ":2: [Translation] ICMPErrors: without Packet Too Big and Fragmentation Needed, connections over paths with a smaller MTU hang", W},
{"[Translation]\nICMPErrors=hop_limit:unlimited no_route:unlimited\n", ":2: [Translation] ICMPErrors: errors without a limit can be used to flood others, against RFC 4443, 2.4 (f)", W},
{"[Translation]\nSilentInterfaces=wan0\n", ":2: [Translation] SilentInterfaces: not even Packet Too Big is sent there: connections over paths with a smaller MTU hang", W},
{"[Translation]\nSilentInterfaces=wan/0\n", ":2: [Translation] SilentInterfaces: 'wan/0' is not the name of an interface", E},
{"[Pool4]\nAnnounce=auto eth0\n", ":2: [Pool4] Announce: either none, or auto, or names of interfaces", E},
{"[Pool4]\nPairingPrefixLength=129\n", ":2: [Pool4] PairingPrefixLength: 129 is above the maximum of 128", E},
{"[Pool4]\nMode=static\n", ":2: [Pool4] Mode: 'static' is none of: dynamic, blocks, deterministic", E},
{"[Pool4]\nMode=deterministic\n", ":2: [Pool4] Mode: deterministic mode needs a section [Pool4 NAME] with Clients=", E},
{"[Pool4]\nMode=deterministic\n" DETERMINISTIC "Ports=1024-65535\n", ":3: [Pool4 a]: 2001:db8::/48 has 2^80 clients, each a /128 (PairingPrefixLength), more than there are IPv4 addresses and ports", E},
{"[Pool4]\nMode=deterministic\nPairingPrefixLength=64\n" DETERMINISTIC "Ports=1024-65535\n", ":4: [Pool4 a]: 65536 clients, each a /64 (PairingPrefixLength), cannot share 1 address with 64512 ports: that is 65536 clients for each address", E},
{"[Pool4]\nMode=deterministic\nPairingPrefixLength=56\n" DETERMINISTIC "Ports=1024-65535\n", OK_EMPTY, W},
{"[Pool4]\nMode=deterministic\nPairingPrefixLength=56\n" DETERMINISTIC, ":4: [Pool4 a]: automatic ports may change, and with them who had which: in deterministic mode Ports= is needed", E},
{"[Pool4]\nMode=deterministic\nPairingPrefixLength=56\n[Pool4 a]\nAddresses=interface:wan0\nPorts=1024-65535\nClients=2001:db8::/48\n", ":4: [Pool4 a]: the addresses of an interface may change, and with them who had which ports: in deterministic mode they are to be named", E},
{"[Pool4]\nMode=deterministic\n[Pool4 a]\nAddresses=192.0.2.1\nPorts=1024-65535\n", ":3: [Pool4 a]: Clients= is needed: ports are computed from a client's place in it", E},
{"[Pool4]\nMode=deterministic\nPairingPrefixLength=56\n" DETERMINISTIC "Ports=1024-65535\n[Pool4 b]\nAddresses=192.0.2.2\nClients=2001:db8::/48\nPorts=1024-65535\n", ":8: [Pool4 b]: another entry is for the same clients, and in deterministic mode there can be only one", E},
{"[Pool4]\nMode=blocks\n", OK_EMPTY, W},
{"[Pool4]\nBlockSize=0\n", ":2: [Pool4] BlockSize: 0 is below the minimum of 1", E},
{"[Pool4]\nMode=blocks\n[Pool4 a]\nAddresses=192.0.2.1\nPorts=1000-1600\nProtocols=tcp udp\n", ":3: [Pool4 a]: a block is of tcp, udp and icmp: in this mode the entry has to be for all three", E},
{"[Pool4]\nMode=blocks\n[Pool4 a]\nAddresses=192.0.2.1\nPorts=600-1400\n", ":3: [Pool4 a]: its ports have no whole block of 512 (BlockSize), which begins at a multiple of that", E},
{"[Pool4]\nMode=blocks\nBlockSize=100\n[Pool4 a]\nAddresses=192.0.2.1\nPorts=600-1400\n", OK_EMPTY, W},
{"[Limits]\nBindings=0\n", ":2: [Limits] Bindings: 0 is below the minimum of 1", E},
{"[Limits]\nBindings=1e6\n", ":2: [Limits] Bindings: '1e6' is not a number", E},
{"[Limits]\nHeldPorts=101%\n", ":2: [Limits] HeldPorts: 101% is more than all", E},
{"[Limits]\nBindingsPerAddress=many\n", ":2: [Limits] BindingsPerAddress: 'many' is not a number", E},
{"[Limits]\nBindingsPerAddress=1073741825\n", ":2: [Limits] BindingsPerAddress: 1073741825 is above the maximum of 1073741824", E},
{"[Limits]\nBindingsPerAddress=50%\n", ":2: [Limits] BindingsPerAddress: '50%' is not a number", E},
{"[Limits]\nBindingsPerClient=-1\n", ":2: [Limits] BindingsPerClient: '-1' is not a number, or a share such as 50%", E},
{"[Limits]\nBindingsPerClient=101%\n", ":2: [Limits] BindingsPerClient: 101% is more than all", E},
{"[Limits]\nBindingsPerClient=100%\n", OK_EMPTY, W},
{"[Limits]\nSessionsPerClient=half\n", ":2: [Limits] SessionsPerClient: 'half' is not a number, or a share such as 50%", E},
{"[Limits]\nSessionsPerClient=1073741825\n", ":2: [Limits] SessionsPerClient: 1073741825 is above the maximum of 1073741824", E},
{"[Limits]\nNewBindingsPerClientRate=10/s\n", ":2: [Limits] NewBindingsPerClientRate: '10/s' is not a number", E},
{"[Limits]\nNewBindingsPerClientRate=1000001\n", ":2: [Limits] NewBindingsPerClientRate: 1000001 is above the maximum of 1000000", E},
{"[Limits]\nSessionsPerBinding=few\n", ":2: [Limits] SessionsPerBinding: 'few' is not a number", E},
{"[Limits]\nClientPrefixLength=0\n", ":2: [Limits] ClientPrefixLength: 0 is below the minimum of 1", E},
{"[Limits]\nClientPrefixLength=129\n", ":2: [Limits] ClientPrefixLength: 129 is above the maximum of 128", E},
{"[Limits]\nPool4Objects=4097\n", ":2: [Limits] Pool4Objects: 4097 is above the maximum of 4096", E},
{"[Limits]\nPoolAlarm=80%\n", ":2: [Limits] PoolAlarm: '80%' is not two shares such as 80% 70%", E},
{"[Limits]\nPoolAlarm=800 700\n", ":2: [Limits] PoolAlarm: 800 is above the maximum of 100", E},
{"[Limits]\nPoolAlarm=0% 0%\n", ":2: [Limits] PoolAlarm: 0% is below the minimum of 1", E},
{"[Limits]\nPoolAlarm=70% 80%\n", ":2: [Limits] PoolAlarm: 80% clears the alarm above 70%, which raises it", E},
{"[Queue]\nMemory=64X\n", ":2: [Queue] Memory: '64X' is not a size such as 65536 or 64M", E},
{"[Queue]\nMark=0x1/0x2\n", ":2: [Queue] Mark: 0x1/0x2 has bits of the mark outside its mask", E},
{"[Queue]\nMark=0x0/0xff\n", ":2: [Queue] Mark: a mark of 0 can not be told from no mark", E},
{"[Queue]\nWorkers=33\n", ":2: [Queue] Workers: 33 is above the maximum of 32", E},
{"[Queue]\nFirst=65500\n", ":2: [Queue] First: two queue numbers for each worker from here on end above 65535", E},
/* Bounds: K-1 to K-9, K-12 */
{"[Timeouts]\nUDP=119\n", ":2: [Timeouts] UDP: 119 is below the minimum of 2min (RFC 4787, REQ-5); Timeouts.AllowBelowMinimum=yes permits it", E},
{"[Timeouts]\nUDP=120\n", OK_EMPTY, W},
{"[Timeouts]\nTCPEstablished=1h59min59s\n", ":2: [Timeouts] TCPEstablished: 1h59min59s is below the minimum of 2h (RFC 5382, REQ-5); Timeouts.AllowBelowMinimum=yes permits it", E},
{"[Timeouts]\nTCPEstablished=2h\n", OK_EMPTY, W},
{"[Timeouts]\nTCPTransitory=239s\n", ":2: [Timeouts] TCPTransitory: 239s is below the minimum of 4min (RFC 5382, REQ-5); Timeouts.AllowBelowMinimum=yes permits it", E},
{"[Timeouts]\nTCPOpening=30\n", OK_EMPTY, W},
{"[Timeouts]\nTCPIncomingSYN=5s\n", ":2: [Timeouts] TCPIncomingSYN: 5s is below the minimum of 6s (RFC 5382, REQ-4); Timeouts.AllowBelowMinimum=yes permits it", E},
{"[Timeouts]\nICMP=59\n", ":2: [Timeouts] ICMP: 59 is below the minimum of 1min (RFC 5508, REQ-2); Timeouts.AllowBelowMinimum=yes permits it", E},
{"[Timeouts]\nICMP=31d\n", ":2: [Timeouts] ICMP: 31d is above the maximum of 30d (RFC 5508, REQ-2)", E},
{"[Timeouts]\nICMP=a while\n", ":2: [Timeouts] ICMP: 'a while' is not a time such as 300, 5min or 2h4min", E},
{"[Timeouts]\nFragment=1s\n", ":2: [Timeouts] Fragment: 1s is below the minimum of 2s (RFC 6146, 3.4 and RFC 8200, 4.5)", E},
{"[Timeouts]\nFragment=61s\n", ":2: [Timeouts] Fragment: 61s is above the maximum of 1min (RFC 6146, 3.4 and RFC 8200, 4.5)", E},
{"[Timeouts]\nUDPByPort=5060:60s\n", ":2: [Timeouts] UDPByPort: '5060' is not a destination port from 0 to 1023 (RFC 4787, REQ-5)", E},
{"[Timeouts]\nUDPByPort=53\n", ":2: [Timeouts] UDPByPort: '53' is not PORT:TIME", E},
{"[Timeouts]\nUDPByPort=53:31d\n", ":2: [Timeouts] UDPByPort: 31d is not between 1s and 30d", E},
{"[Timeouts]\nUDPByPort=53:15s 53:20s\n", ":2: [Timeouts] UDPByPort: port 53 stands there twice", E},
{"[Timeouts]\nAllowBelowMinimum=yes\nUDP=10s\n", ":2: [Timeouts] AllowBelowMinimum: lifetimes may be below the minimum of their RFC; idle connections may break", W},
{"[Timeouts]\nAllowBelowMinimum=yes\nUDP=500ms\n", ":3: [Timeouts] UDP: 500ms is below the minimum of 1s (RFC 4787, REQ-5)", E},
{"[Translation]\nLowestIPv6MTU=1279\n", ":2: [Translation] LowestIPv6MTU: 1279 is below the minimum of 1280 (RFC 7915, 4.1)", E},
{"[Translation]\nLowestIPv6MTU=1280\n", OK_EMPTY, W},
/* Keys of later issues: checked, and said not to be in effect */
{"[Log]\nTarget=ipfix:192.0.2.1:4739\n", ":2: [Log] Target: 'ipfix:192.0.2.1:4739' is not journal, syslog or file:PATH", E},
{"[Log]\nTarget=file:relative\n", ":2: [Log] Target: 'file:relative' is not journal, syslog or file:PATH", E},
{"[Log]\nTarget=\n", ":2: [Log] Target: '' is not journal, syslog or file:PATH", E},
{"[State]\nRetention=30\n", OK_EMPTY, W},
{"[State]\nRetention=200y\n", ":2: [State] Retention: '200y' is not a time such as 300, 5min or 2h4min", E},
{"[State]\nRetention=36501d\n", ":2: [State] Retention: 36501d is above the maximum of 36500d", E},
{"[State]\nKeep=no\nRetention=1d\n", ":3: [State] Retention: closed bindings are kept in the state database, and State.Keep=no", W},
{"[State]\nFlushInterval=exit\nRetention=1d\n", ":3: [State] Retention: with FlushInterval=exit, bindings that end wait in memory, a million at most: what comes then is lost for 'who'", W},
{"[Log]\nBindings=perhaps\n", ":2: [Log] Bindings: 'perhaps' is not yes or no", E},
{"[Metrics]\nFile=metrics\n", ":2: [Metrics] File: 'metrics' is not a path from /, or empty", E},
{"[Metrics]\nFile=/run/\n", ":2: [Metrics] File: '/run/' is not a path from /, or empty", E},
{"[Metrics]\nListen=9464\n", ":2: [Metrics] Listen: '9464' is not a path from /, or an address and port such as 127.0.0.1:9464 or [::1]:9464", E},
{"[Metrics]\nListen=127.0.0.1:0\n", ":2: [Metrics] Listen: '127.0.0.1:0' is not a path from /, or an address and port such as 127.0.0.1:9464 or [::1]:9464", E},
{"[Metrics]\nListen=localhost:9464\n", ":2: [Metrics] Listen: 'localhost:9464' is not a path from /, or an address and port such as 127.0.0.1:9464 or [::1]:9464", E},
/* [Pool4 NAME] */
{"[Pool4 a]\nPorts=1024-65535\n", ":1: [Pool4 a]: Addresses= is missing", E},
{"[Pool4 a]\nEnabled=no\n", OK_EMPTY, W},
{"[Pool4 Wan]\nAddresses=192.0.2.1\n", ":1: [Pool4 Wan]: 'Wan' is not a name: at most 32 of a-z, 0-9, '.', '_' and '-', with a letter or digit in front", E},
{"[Pool4 auto]\nAddresses=192.0.2.1\n", ":1: [Pool4 auto]: the name 'auto' is kept for the entry that exists while there is no other", E},
{"[Pool4 a]\nAddresses=192.0.2.8/28\n", ":2: [Pool4 a] Addresses: 192.0.2.8/28 has host bits set: did you mean 192.0.2.0/28 (16 addresses) or 192.0.2.8/29 (8 addresses)?", E},
{"[Pool4 a]\nAddresses=192.0.2.1\nPorts=70-60\n", ":3: [Pool4 a] Ports: 70-60 is reversed: did you mean 60-70?", E},
{"[Pool4 a]\nAddresses=192.0.2.1\nPorts=\n", ":3: [Pool4 a] Ports: the list of ports is empty", E},
{"[Pool4 a]\nAddresses=192.0.2.1\nProtocols=\n", ":3: [Pool4 a] Protocols: at least one of tcp, udp, icmp is needed", E},
{"[Pool4 a]\nAddresses=192.0.2.1\nClients=192.0.2.0/24\n", ":3: [Pool4 a] Clients: '192.0.2.0/24' is not an IPv6 prefix", E},
{"[Pool4 a]\nAddresses=192.0.2.1\nProtocols=sctp\n", ":3: [Pool4 a] Protocols: 'sctp' is none of: tcp, udp, icmp", E},
{"[Pool4 a]\nAddresses=192.0.2.1\nPrefix=2001:db8::/96\n", ":3: [Pool4 a] Prefix: 2001:db8::/96 is not a prefix of Translation.Pool6", E},
{"[Pool4 a]\nAddresses=192.0.2.1\nEnabled=never\n", ":3: [Pool4 a] Enabled: 'never' is not yes or no", E},
{"[Pool4 a]\nAddresses=192.0.2.1\nPorts=80\n[Pool4 b]\nAddresses=192.0.2.1\n", OK_EMPTY, W},
{"[Limits]\nBindings=1000\n[Pool4 a]\nAddresses=192.0.2.1\n", ":3: [Pool4 a]: has more ports than the 1000 of Limits.Bindings can use", W},
/* [Static NAME] */
{"[Static a]\nInside=[2001:db8::5]:443\n", ":1: [Static a]: Outside= is missing", E},
{"[Static a]\nInside=2001:db8::5\nOutside=192.0.2.2:443\n", ":2: [Static a] Inside: '2001:db8::5' is not an IPv6 address with a port, such as [2001:db8::5]:443", E},
{"[Static a]\nInside=[64:ff9b::1]:443\nOutside=192.0.2.2:443\n", ":2: [Static a] Inside: [64:ff9b::1]:443 lies inside 64:ff9b::/96 of Translation.Pool6", E},
{"[Static a]\nInside=[ff02::1]:443\nOutside=192.0.2.2:443\n", ":2: [Static a] Inside: [ff02::1]:443: no host can have this address", E},
{"[Static a]\nInside=[2001:db8::5]:443\nOutside=192.0.2.2\n", ":3: [Static a] Outside: '192.0.2.2' is not an IPv4 address with a port, such as 192.0.2.2:443", E},
{"[Static a]\nInside=[2001:db8::5]:443\nOutside=127.0.0.1:443\n", ":3: [Static a] Outside: 127.0.0.1:443: no host can have this address", E},
{"[Static a]\nInside=[2001:db8::5]:0\nOutside=192.0.2.2:443\n", ":1: [Static a]: port 0 is no port of TCP or UDP: 1 to 65535 are", E},
{"[Static a]\nProtocols=icmp\nInside=[2001:db8::5]:0\nOutside=192.0.2.2:443\n", OK_EMPTY, W},
};
/* clang-format on */

static void test_bad(gconstpointer data)
{
	const struct bad_case *bad = data;
	g_autofree char *path = config_fixture_write(bad->text);
	g_autoptr(GPtrArray) problems = config_problems_new();
	g_autofree char *line = NULL, *expected = NULL;
	struct config *config = NULL;
	int r = config_load(path, &config, problems);

	g_unlink(path);
	for (guint i = 0; i < problems->len; i++) {
		const struct config_problem *problem = g_ptr_array_index(problems, i);
		g_autofree char *text = config_problem_print(problem);

		g_test_message("%s", text);
		if (problem->severity < bad->severity)
			continue;
		g_assert_null(line); /* one only */
		g_assert_cmpint(problem->severity, ==, bad->severity);
		line = g_steal_pointer(&text);
	}
	g_assert_cmpint(r, ==,
			bad->expected != NULL && bad->severity == CONFIG_ERROR ? -EINVAL : 0);
	expected = bad->expected != NULL ? g_strconcat(path, bad->expected, NULL) : NULL;
	g_assert_cmpstr(line, ==, expected);
	config_free(config);
}

/* All problems at once, in the order of files and lines. */
static void test_all_problems(void)
{
	static const char *const expected[] = {
		"bad.conf:3: [Timeouts] UDP: is set twice in this section, on line 2 and on line 3",
		"bad.conf:5: [Timeouts] TPCOpening: unknown key: did you mean Timeouts.TCPOpening?",
		"bad.conf:8: [Translation] Pool6: 2001:db8::/33: the length must be 32, 40, 48, "
		"56, "
		"64 or 96 (RFC 6052, 2.2)",
		"bad.conf.d/a.conf:2: [Limits] Sessions: 'many' is not a number",
		"bad.conf.d/b.conf:2: [Pool4 one] Ports: 1024-70000 is not possible: ports end at "
		"65535",
	};
	g_autofree char *path = config_fixture_path("bad.conf");
	g_autoptr(GPtrArray) problems = config_problems_new();
	struct config *config = NULL;

	g_assert_cmpint(config_load(path, &config, problems), ==, -EINVAL);
	g_assert_null(config);
	for (guint i = 0; i < problems->len; i++) {
		g_autofree char *line = config_problem_print(g_ptr_array_index(problems, i));

		g_assert_cmpuint(i, <, G_N_ELEMENTS(expected));
		g_assert_cmpstr(line + strlen(FIXTURES) + 1, ==, expected[i]);
	}
	g_assert_cmpuint(problems->len, ==, G_N_ELEMENTS(expected));
}

static void test_overlaps(void)
{
	g_autofree char *path =
		config_fixture_write("[Pool4 a]\nAddresses=192.0.2.0/30\n"
				     "[Pool4 b]\nAddresses=192.0.2.3\n"
				     "[Static c]\nInside=[2001:db8::1]:80\n"
				     "Outside=192.0.2.1:80\n"
				     "[Static d]\nProtocols=udp\nInside=[2001:db8::2]:80\n"
				     "Outside=192.0.2.1:80\n");
	g_autoptr(GPtrArray) problems = config_problems_new();
	struct config *config = NULL;
	const struct config_problem *first, *second;
	g_autofree char *pool = NULL, *bound = NULL;

	g_assert_cmpint(config_load(path, &config, problems), ==, -EINVAL);
	g_unlink(path);
	g_assert_cmpuint(problems->len, ==, 2);
	first = g_ptr_array_index(problems, 0);
	second = g_ptr_array_index(problems, 1);
	pool = g_strdup_printf("overlaps [Pool4 a] in %s:1: an address and port of the same "
			       "protocol, clients and prefix is in both",
			       path);
	bound = g_strdup_printf("udp 192.0.2.1:80 is bound already by [Static c] in %s:5", path);
	g_assert_cmpuint(first->line, ==, 3);
	g_assert_cmpstr(first->sentence, ==, pool);
	g_assert_cmpuint(second->line, ==, 8);
	g_assert_cmpstr(second->sentence, ==, bound);
}

/* Each is said with its reason, and nothing else is. */
static void test_unreadable_file(void)
{
	static const struct {
		const char *path;
		int error;
		const char *line;
	} cases[] = {
		{"/nonexistent/nat64d.conf", -ENOENT,
		 "/nonexistent/nat64d.conf: can not be read: No such file or directory"},
		{"/proc", -EISDIR, "/proc: can not be read: Is a directory"},
		{"/dev/zero", -EFBIG, "/dev/zero: can not be read: File too large"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GPtrArray) problems = config_problems_new();
		g_autofree char *line = NULL;
		struct config *config = NULL;

		g_assert_cmpint(config_load(cases[i].path, &config, problems), ==, cases[i].error);
		g_assert_null(config);
		g_assert_cmpuint(problems->len, ==, 1);
		line = config_problem_print(g_ptr_array_index(problems, 0));
		g_assert_cmpstr(line, ==, cases[i].line);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (unsigned i = 0; i < G_N_ELEMENTS(bad_cases); i++) {
		g_autofree char *name = g_strdup_printf("/config_problems/bad/%u", i);

		g_test_add_data_func(name, &bad_cases[i], test_bad);
	}
	g_test_add_func("/config_problems/all-problems", test_all_problems);
	g_test_add_func("/config_problems/overlaps", test_overlaps);
	g_test_add_func("/config_problems/unreadable-file", test_unreadable_file);
	return g_test_run();
}
