/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nat64ctl against the real manager: output against files, exit statuses and errors (INTERFACE,
 * section 6). Ports are drawn from a fixed seed; times are made equal before comparing.
 */
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "tests/cli_expect.h"

/* The second one in deterministic mode. */
static struct test_service service, deterministic;

/* clang-format off */
static const struct cli_case cli_cases[] = {
	{"help", 0, "help.out", ""},
	{"help pool4 add", 0, "help_pool4_add.out", ""},
	{"pool4 add --help", 0, "help_pool4_add.out", ""},
	{"client --help", 0, "help_client.out", ""},
	{"help --json", 0, "help.json", ""},
	{"help pool4 ad", 2, NULL, "nat64ctl: there is no command 'pool4 ad': did you mean 'pool4 add'?\n"},
	{"help pool4 add now", 2, NULL, "nat64ctl: 'now' is one word too many: 'help' takes [COMMAND] [ACTION]\n"},
	{"pol4", 2, NULL, "nat64ctl: there is no command 'pol4': did you mean 'pool4'?\n"},
	{"bib lsit", 2, NULL, "nat64ctl: there is no command 'bib lsit': did you mean 'bib list'?\n"},
	{"bib list --protcol tcp", 2, NULL, "nat64ctl: 'bib list' has no option '--protcol': did you mean --protocol?\n"},
	{"--jsno status", 2, NULL, "nat64ctl: there is no option '--jsno': did you mean --json?\n"},
	{"status --json=yes", 2, NULL, "nat64ctl: --json takes no value\n"},
	{"bib list --protocol tcp --protocol udp", 2, NULL, "nat64ctl: --protocol is given twice, 'tcp' and 'udp'\n"},
	{"bib list -- --count", 2, NULL, "nat64ctl: '--count' is one word too many: 'bib list' takes no words\n"},
	{"status -", 2, NULL, "nat64ctl: '-' is one word too many: 'status' takes no words\n"},
	{"bib list --dry-run", 2, NULL, "nat64ctl: 'bib list' changes nothing, with or without --dry-run\n"},
	{"status", 0, "status.out", ""},
	{"", 0, "status.out", ""},
	{"status --json", 0, "status.json", ""},
	{"pool4 list --no-legend", 0, "pool4_list_plain.out", ""},
	{"session list --count --json", 0, "session_count.json", ""},
	{"session list --protocol udp --json", 0, "session_list_udp.json", ""},
	{"pool4 list", 0, "pool4_list.out", ""},
	{"pool4 list --json", 0, "pool4_list.json", ""},
	{"pool4 show wan", 0, "pool4_show.out", ""},
	{"pool4 show 1 --json", 0, "pool4_list.json", ""},
	{"pool4 show nobody", 3, NULL, "nat64ctl: pool4 has no entry 'nobody'\n"},
	{"pool4 show", 2, NULL, "nat64ctl: 'pool4 show' lacks ENTRY: it takes ENTRY\n"},
	{"bib list", 0, "bib_list.out", ""},
	{"bib list --no-legend --protocol udp", 0, "bib_list_udp.out", ""},
	{"bib list --json", 0, "bib_list.json", ""},
	{"bib list --count --protocol=tcp", 0, "bib_count.out", ""},
	{"bib list --json --client 2001:db8:9::/64", 0, "empty.json", ""},
	{"bib list --limit 1 --no-legend", 0, "bib_list_limit.out", ""},
	{"session list", 0, "session_list.out", ""},
	{"session list --server 198.51.100.2 --json", 0, "session_list.json", ""},
	{"stats --no-legend", 0, "stats.out", ""},
	{"stats --json", 0, "stats.json", ""},
	{"metrics", 0, "metrics.out", ""},
	{"metrics --json", 0, "metrics.json", ""},
	{"bib list --protocol sctp", 1, NULL, "nat64ctl: 'sctp' is none of: tcp, udp, icmp\n"},
	{"bib list --pool4 nobody", 3, NULL, "nat64ctl: pool4 has no entry 'nobody'\n"},
	{"bib list --server 192.0.2.1", 2, NULL, "nat64ctl: 'bib list' has no option '--server'; there is --protocol, --client, --address4, --port4, --static, --pool4, --limit, --count\n"},
	{"bib list --port4 70000", 2, NULL, "nat64ctl: --port4: '70000' is not a port\n"},
	{"bib list --limit", 2, NULL, "nat64ctl: --limit needs its value N\n"},
	{"bib show", 2, NULL, "nat64ctl: there is no command 'bib show'; there is 'bib list', 'bib add', 'bib remove', 'bib lookup'\n"},
	{"bib", 2, NULL, "nat64ctl: there is no command 'bib'; there is 'bib list', 'bib add', 'bib remove', 'bib lookup'\n"},
	{"table", 2, NULL, "nat64ctl: there is no command 'table'; 'nat64ctl help' lists them\n"},
	{"--table", 2, NULL, "nat64ctl: there is no option '--table'; 'nat64ctl help' lists them\n"},
	{"-i ../x", 2, NULL, "nat64ctl: --instance: '../x' is not a letter and up to 31 more of a-z, 0-9 and _\n"},
	{"-i 1 status", 2, NULL, "nat64ctl: --instance: '1' is not a letter and up to 31 more of a-z, 0-9 and _\n"},
	{"--instance= status", 2, NULL, "nat64ctl: --instance: '' is not a letter and up to 31 more of a-z, 0-9 and _\n"},
	{"bib list --limit -1", 2, NULL, "nat64ctl: --limit: '-1' is not a number\n"},
	{"bib list --client 192.0.2.1", 1, NULL, "nat64ctl: filter client: '192.0.2.1' is not an IPv6 address or prefix\n"},
	{"bib list --protocol tcp extra", 2, NULL, "nat64ctl: 'extra' is one word too many: 'bib list' takes no words\n"},
	{"session list --state open", 1, NULL, "nat64ctl: filter state: 'open' is not a state of TCP sessions\n"},
	{"session list --count --port4 1", 0, "session_count.out", ""},
	{"bib list --count --limit 2 --client 2001:db8:1::/64", 0, "bib_count_limit.out", ""},
	{"bib list --json --limit 3", 0, "bib_list.json", ""},
	{"pool4 list --count", 0, "pool4_count.out", ""},
	{"bib list --count --client nobody", 1, NULL, "nat64ctl: filter client: 'nobody' is not an IPv6 address or prefix\n"},
	{"monitor packets", 1, NULL, "nat64ctl: 'packets' is none of: bindings, sessions, drops, limits, all\n"},
	{"monitor --state established", 2, NULL, "nat64ctl: 'monitor' has no option '--state': did you mean --static?\n"},
	{"monitor --pool4 nobody", 3, NULL, "nat64ctl: pool4 has no entry 'nobody'\n"},
	{"trace --client 192.0.2.1", 1, NULL, "nat64ctl: filter client: '192.0.2.1' is not an IPv6 address or prefix\n"},
	{"trace --count x", 2, NULL, "nat64ctl: --count: 'x' is not a number\n"},
	{"session flush", 2, NULL, "nat64ctl: session flush takes filters, such as --client PREFIX, or --all\n"},
	{"session flush --dry-run", 2, NULL, "nat64ctl: session flush takes filters, such as --client PREFIX, or --all\n"},
	{"session flush --all --protocol tcp", 1, NULL, "nat64ctl: the option 'all' and a filter exclude each other\n"},
	{"session flush --port4 x", 2, NULL, "nat64ctl: --port4: 'x' is not a port\n"},
	{"status now", 2, NULL, "nat64ctl: 'now' is one word too many: 'status' takes no words\n"},
	{"stats --some", 2, NULL, "nat64ctl: 'stats' has no option '--some'; there is --all\n"},
	{"setup --table", 2, NULL, "nat64ctl: 'setup' has no option '--table'; there is --dry-run, --print, --early, --config\n"},
	{"setup --config", 2, NULL, "nat64ctl: --config needs its value FILE\n"},
	{"setup now", 2, NULL, "nat64ctl: 'now' is one word too many: 'setup' takes no words\n"},
	{"teardown --print", 2, NULL, "nat64ctl: 'teardown' has no option '--print'; there is --dry-run\n"},
	{"pool4 add 192.0.2.8/28", 1, NULL, "nat64ctl: 192.0.2.8/28 has host bits set: did you mean 192.0.2.0/28 (16 addresses) or 192.0.2.8/29 (8 addresses)?\n"},
	{"pool4 add 192.0.2.8/29 --dry-run", 0, "pool4_add_dry.out", "nat64ctl: warning: it has more ports than the 300000 of Limits.Bindings can use\n"},
	{"pool4 add 192.0.2.8/29 --dry-run --json", 0, "pool4_add_dry.json", ""},
	{"pool4 add", 2, NULL, "nat64ctl: 'pool4 add' lacks ADDRESSES: it takes ADDRESSES [PORTS]\n"},
	{"pool4 add 192.0.2.8 1-2 3", 2, NULL, "nat64ctl: '3' is one word too many: 'pool4 add' takes ADDRESSES [PORTS]\n"},
	{"pool4 add 192.0.2.8 --name", 2, NULL, "nat64ctl: --name needs its value N\n"},
	{"pool4 add 192.0.2.8 --overflow=1", 2, NULL, "nat64ctl: --overflow takes no value\n"},
	{"pool4 remove wan --colour", 2, NULL, "nat64ctl: 'pool4 remove' has no option '--colour'; there is --dry-run, --force\n"},
	{"pool4 remove nobody", 3, NULL, "nat64ctl: pool4 has no entry 'nobody'\n"},
	{"pool4 remove wan", 1, NULL, "nat64ctl: pool4 entry wan is used by 3 bindings: 'nat64ctl pool4 drain wan' waits for their end, --force ends them\n"},
	{"pool4 remove wan --force --dry-run", 0, "pool4_remove_dry.out", "nat64ctl: warning: 3 bindings would end\n"},
	{"pool4 remove wan --force --dry-run --json", 0, "pool4_remove_dry.json", ""},
	{"pool4 drain wan --dry-run", 0, "pool4_drain_dry.out", ""},
	{"pool4 drain wan --dry-run --json", 0, "pool4_drain_dry.json", ""},
	{"pool4 enable wan --json", 0, "pool4_enable.json", ""},
	{"pool4 enable wan", 0, "pool4_enable.out", ""},
	{"bib add tcp [2001:db8::5]:80 192.0.2.1:80 --dry-run", 0, "bib_add_dry.out", ""},
	{"bib add tcp,udp [2001:db8::5]:80-81 192.0.2.1:80-81 --dry-run", 0, "bib_add_range_dry.out", ""},
	{"bib add tcp,udp [2001:db8::5]:80-81 192.0.2.1:80-81 --dry-run --json", 0, "bib_add_range_dry.json", ""},
	{"bib remove tcp 192.0.2.1:80-81 --json", 3, "bib_remove_range.json", "nat64ctl: there is no binding tcp 192.0.2.1:80\n"},
	{"bib add tcp [2001:db8::5]:80-81 192.0.2.1:80", 2, NULL, "nat64ctl: 2 ports on one side and 1 on the other: as many are needed\n"},
	{"bib add tcp 192.0.2.1:80 [2001:db8::5]:80", 2, NULL, "nat64ctl: '192.0.2.1:80' is not an address with a port, such as [2001:db8::5]:2000 or 192.0.2.2:2000\n"},
	{"bib add tcp 2001:db8::5#80 198.51.100.9:80", 1, NULL, "nat64ctl: 198.51.100.9 is neither in pool4 nor the host's own: 'nat64ctl pool4 add 198.51.100.9' adds it\n"},
	{"bib remove tcp 192.0.2.1:80", 3, NULL, "nat64ctl: there is no binding tcp 192.0.2.1:80\n"},
	{"bib lookup icmp [2001:db8:1::3]:77", 0, "bib_lookup.out", ""},
	{"bib lookup tcp 192.0.2.1:80", 3, NULL, "nat64ctl: there is no binding tcp 192.0.2.1:80\n"},
	{"publish 443/tcp,udp 2001:db8::5 --dry-run", 0, "publish_dry.out", ""},
	{"bib lookup icmp [2001:db8:1::3]:77 --json", 0, "bib_lookup.json", ""},
	{"bib remove icmp [2001:db8:1::3]:77 --dry-run", 0, "bib_remove_dry.out", ""},
	{"publish 443/tcp,udp 2001:db8::5 --dry-run --json", 0, "publish_dry.json", ""},
	{"publish 443/tcp [2001:db8::5]:8443 --on 192.0.2.3 --dry-run", 0, "publish_on_dry.out", ""},
	{"publish 443 2001:db8::5", 2, NULL, "nat64ctl: '443' is not ports and protocols, such as 443/tcp,udp\n"},
	{"explain udp [2001:db8:1::2]:3000 198.51.100.1:80", 0, "explain.out", ""},
	{"explain udp 2001:db8:1::2#3000 [2001:db8:64::c633:6401]:80 --length=600 --json", 0, "explain.json", ""},
	{"explain tcp [2001:db8:1::2]:3000 198.51.100.1:80 --flags fin,ack --ttl 3", 0, "explain_refused.out", ""},
	{"explain icmp 2001:db8:1::2 198.51.100.1:7 --icmp 129/0 --ttl 1", 0, "explain_answered.out", ""},
	{"explain udp", 2, NULL, "nat64ctl: 'explain' lacks SOURCE: it takes PROTOCOL SOURCE DESTINATION\n"},
	{"explain udp a b c", 2, NULL, "nat64ctl: 'c' is one word too many: 'explain' takes PROTOCOL SOURCE DESTINATION\n"},
	{"explain udp a b --ttl", 2, NULL, "nat64ctl: --ttl needs its value N\n"},
	{"explain udp a b --ttl x", 2, NULL, "nat64ctl: --ttl: 'x' is not a number\n"},
	{"explain udp a b --ttl 4294967296", 2, NULL, "nat64ctl: --ttl: '4294967296' is not a number\n"},
	{"explain udp a b --dry-run", 2, NULL, "nat64ctl: 'explain' changes nothing, with or without --dry-run\n"},
	{"explain udp a b", 1, NULL, "nat64ctl: 'a' is not an address with a port, such as [2001:db8::5]:2000 or 192.0.2.2:2000\n"},
	{"pool6 list", 0, "pool6_list.out", ""},
	{"pool6 list --json", 0, "pool6_list.json", ""},
	{"pool6 list all", 2, NULL, "nat64ctl: 'all' is one word too many: 'pool6 list' takes no words\n"},
	{"pool6 add 2001:db8:65::/96 --dry-run", 0, "pool6_add_dry.out", ""},
	{"pool6 add", 2, NULL, "nat64ctl: 'pool6 add' lacks PREFIX: it takes PREFIX\n"},
	{"pool6 add 192.0.2.0/24", 1, NULL, "nat64ctl: '192.0.2.0/24' is not an IPv6 prefix\n"},
	{"pool6 remove 2001:db8:64::/96", 1, NULL, "nat64ctl: 2001:db8:64::/96 is the only prefix of Pool6: add another one first\n"},
	{"pool6 add 2001:db8:65::/96 --dry-run --json", 0, "pool6_add_dry.json", ""},
	{"dns64 unbound", 0, "dns64_unbound.out", ""},
	{"dns64 unbound --json", 0, "dns64_unbound.json", ""},
	{"dns64 bind", 0, "dns64_bind.out", ""},
	{"dns64 bind --json", 0, "dns64_bind.json", ""},
	{"dns64 coredns", 0, "dns64_coredns.out", ""},
	{"dns64 coredns --json", 0, "dns64_coredns.json", ""},
	{"dns64 dnsmasq", 2, NULL, "nat64ctl: there is no command 'dns64 dnsmasq'; there is 'dns64 unbound', 'dns64 bind', 'dns64 coredns'\n"},
	{"pref64 radvd", 0, "pref64_radvd.out", ""},
	{"pref64 radvd --json", 0, "pref64_radvd.json", ""},
	{"pref64 networkd", 0, "pref64_networkd.out", ""},
	{"pref64 networkd --json", 0, "pref64_networkd.json", ""},
	{"config list --json", 0, "config_list.json", ""},
	{"config list --no-legend", 0, "config_list.out", ""},
	{"config get Timeouts.UDP", 0, "config_get.out", ""},
	{"config get Timeouts.UDP --json", 0, "config_get.json", ""},
	{"config get Timeouts.UPD", 3, NULL, "nat64ctl: there is no key 'Timeouts.UPD'\n"},
	{"config get", 2, NULL, "nat64ctl: 'config get' lacks KEY: it takes KEY\n"},
	{"config set Timeouts.UDP 6min --dry-run", 0, "config_set_dry.out", ""},
	{"config set Timeouts.UDP 6min --dry-run --json", 0, "config_set_dry.json", ""},
	{"config reset --all --json", 0, "config_reset_all.json", ""},
	{"config set Timeouts.UDP", 2, NULL, "nat64ctl: 'config set' lacks VALUE: it takes KEY VALUE\n"},
	{"config set Timeouts.UPD 6min", 3, NULL, "nat64ctl: there is no key 'Timeouts.UPD': did you mean Timeouts.UDP?\n"},
	{"config set Limits.Pool4Objects 6", 1, NULL, "nat64ctl: Limits.Pool4Objects takes effect at the next start only: set it in the configuration file\n"},
	{"config reset", 2, NULL, "nat64ctl: config reset takes one KEY, or --all\n"},
	{"config reset Timeouts.UDP --all", 2, NULL, "nat64ctl: config reset takes one KEY, or --all\n"},
	{"config reset --all --dry-run", 0, "config_reset_dry.out", ""},
	{"config reset Timeouts.UDP", 0, "config_reset.out", ""},
	{"reload --dry-run", 0, "reload_dry.out", ""},
	{"reload --dry-run --json", 0, "reload_dry.json", ""},
	{"reload now", 2, NULL, "nat64ctl: 'now' is one word too many: 'reload' takes no words\n"},
	{"health", 0, "health.out", ""},
	{"health --quiet", 0, "empty.out", ""},
	{"health --json", 0, "health.json", ""},
	{"health now", 2, NULL, "nat64ctl: 'now' is one word too many: 'health' takes no words\n"},
	{"log-level info --dry-run", 0, "log_level_dry.out", ""},
	{"log-level", 2, NULL, "nat64ctl: 'log-level' lacks LEVEL: it takes LEVEL\n"},
	{"log-level loud", 2, NULL, "nat64ctl: 'loud' is none of: err, warning, notice, info, debug\n"},
	{"client list", 0, "client_list.out", ""},
	{"client list --top 5 --json", 0, "client_list.json", ""},
	{"client show 2001:db8:1::/48", 0, "client_show.out", ""},
	{"client list --top 0", 2, NULL, "nat64ctl: --top: '0' is not a number from 1 to 10000\n"},
	{"client show 2001:db8:1::/48 --json", 0, "client_show.json", ""},
	{"client block 2001:db8:9::/64 --for 1d --dry-run --json", 0, "client_block_dry.json", ""},
	{"client show 2001:db8:9::/64", 3, NULL, "nat64ctl: no client in 2001:db8:9::/64 has bindings\n"},
	{"client block 2001:db8:9::/64 --for 1d --dry-run", 0, "client_block_dry.out", ""},
	{"client block 2001:db8:9::5/64", 1, NULL, "nat64ctl: 2001:db8:9::5/64 has host bits set: did you mean 2001:db8:9::/64 or 2001:db8:9::5?\n"},
	{"client block 192.0.2.1", 1, NULL, "nat64ctl: '192.0.2.1' is not an IPv6 address or prefix\n"},
	{"client block ::1 --for ever", 2, NULL, "nat64ctl: --for: 'ever' is not a time such as 30s, 10min, 2h or 1d\n"},
	{"client unblock 2001:db8:9::/64", 3, NULL, "nat64ctl: client 2001:db8:9::/64 is not blocked\n"},
	{"client blocked all", 2, NULL, "nat64ctl: 'all' is one word too many: 'client blocked' takes no words\n"},
	{"client ports udp 2001:db8::1", 1, NULL, "nat64ctl: whose ports are which is computed with Pool4.Mode=deterministic only: 'nat64ctl bib list' shows who has them now\n"},
	{"client of udp 192.0.2.1:1000", 1, NULL, "nat64ctl: whose ports are which is computed with Pool4.Mode=deterministic only: 'nat64ctl bib list' shows who has them now\n"},
	{"who 192.0.2.1:2000 --at now", 1, NULL, "nat64ctl: there is no state database: State.Keep=no\n"},
	{"snapshot", 1, NULL, "nat64ctl: there is no state database: State.Keep=no\n"},
	{"restore", 2, NULL, "nat64ctl: 'restore' lacks FILE: it takes FILE\n"},
	{"drain --wait soon", 2, NULL, "nat64ctl: --wait: 'soon' is not a time such as 30s, 10min, 2h or 1d\n"},
	{"drain now", 2, NULL, "nat64ctl: 'now' is one word too many: 'drain' takes no words\n"},
	{"resume --wait 1s", 2, NULL, "nat64ctl: 'resume' has no option '--wait'; there is --dry-run\n"},
	{"status --bus", 2, NULL, "nat64ctl: --bus needs its value ADDRESS\n"},
};

/* One after the other: each changes what the next one says. */
static const struct cli_case cli_steps[] = {
	{"log-level info", 0, "log_level.out", ""},
	{"log-level info --json", 0, "log_level_same.json", ""},
	{"log-level warning", 0, "log_level_back.out", ""},
	{"client blocked", 0, "client_blocked_none.out", ""},
	{"client block 2001:db8:9::/64", 0, "client_block.out", ""},
	{"client blocked", 0, "client_blocked.out", ""},
	{"client blocked --json", 0, "client_blocked.json", ""},
	{"client unblock 2001:db8:9::/64 --dry-run --json", 0, "client_unblock_dry.json", ""},
	{"client unblock 2001:db8:9::/64", 0, "client_unblock.out", ""},
	{"drain --dry-run", 0, "drain_dry.out", ""},
	{"drain --wait 1s", 1, "drain.out", "nat64ctl: 4 sessions are left after 1s\n"},
	{"drain --json", 0, "drain.json", ""},
	{"status", 0, "status_draining.out", ""},
	{"resume --dry-run", 0, "resume_dry.out", ""},
	{"resume", 0, "resume.out", ""},
	{"resume --json", 0, "resume.json", ""},
	{"pool6 add 2001:db8:65::/96", 0, "pool6_add.out", ""},
	{"pool6 add 64:ff9b::/96", 0, "pool6_add_known.out", ""},
	{"dns64 unbound", 0, "dns64_unbound.out", "nat64ctl: warning: unbound can have one prefix only: this is the first\n"},
	{"dns64 bind", 0, "dns64_bind_known.out", ""},
	{"pref64 radvd", 0, "pref64_radvd_more.out", ""},
	{"pref64 networkd", 0, "pref64_networkd_more.out", ""},
	{"pool6 remove 64:ff9b::/96", 0, "pool6_remove_known.out", ""},
	{"pool6 remove 2001:db8:65::/96 --dry-run --json", 0, "pool6_remove_dry.json", ""},
	{"pool6 remove 2001:db8:65::/96", 0, "pool6_remove.out", ""},
	{"session flush --server 198.51.100.2 --dry-run", 0, "session_flush_dry.out", ""},
	{"session flush --server 198.51.100.2", 0, "session_flush.out", ""},
	{"session flush --server=198.51.100.2 --json", 0, "session_flush.json", ""},
	{"session flush --all --dry-run --json", 0, "session_flush_dry.json", ""},
	/* Nothing of it is left since the prefix has gone again. */
	{"config reset Translation.Pool6", 0, "config_reset_pool6.out", ""},
	{"config set Timeouts.UDP 7min", 0, "config_set.out", ""},
	{"config reset Timeouts.UDP", 0, "config_reset_set.out", ""},
};

/* The same; these draw ports and numbers, which those of before would miss. */
static const struct cli_case cli_changes[] = {
	{"config set Limits.SessionsPerClient 4000 --json", 0, "config_set.json", ""},
	{"config reset Limits.SessionsPerClient --json", 0, "config_reset_set.json", ""},
	{"client block 2001:db8:9::/64 --json", 0, "client_block.json", ""},
	{"client unblock 2001:db8:9::/64 --json", 0, "client_unblock.json", ""},
	{"client unblock 2001:db8:9::/64", 3, NULL, "nat64ctl: client 2001:db8:9::/64 is not blocked\n"},
	{"pool6 add 2001:db8:66::/96 --json", 0, "pool6_add.json", ""},
	{"pool6 remove 2001:db8:66::/96 --json", 0, "pool6_remove.json", ""},
	{"pool4 add 203.0.113.128/30 2000-2999 --name more", 0, "pool4_add.out", ""},
	{"pool4 add 203.0.113.132/30 2000-2999 --name even --json", 0, "pool4_add.json", ""},
	{"pool4 add 203.0.113.136 --name over --clients 2001:db8:7::/48 --overflow", 0, "pool4_add_overflow.out", ""},
	{"pool4 show over", 0, "pool4_show_overflow.out", ""},
	{"bib add tcp [2001:db8::5]:80 203.0.113.128:80", 0, "bib_add.out", ""},
	{"bib add tcp,udp [2001:db8::5]:90-91 203.0.113.132:90-91 --comment web --json", 0, "bib_add_range.json", ""},
	{"bib add tcp [2001:db8::5]:80 203.0.113.128:81", 1, NULL, "nat64ctl: tcp [2001:db8::5]:80 is bound to 203.0.113.128:80 (static): --replace ends that binding\n"},
	{"bib add tcp [2001:db8::5]:80 203.0.113.128:81 --replace", 0, "bib_add_replace.out", "nat64ctl: warning: 1 binding ended\n"},
	{"bib lookup tcp [2001:db8::5]:80", 0, "bib_lookup_replaced.out", ""},
	{"publish 443/tcp,udp 2001:db8::5 --on 203.0.113.128", 0, "publish.out", ""},
	{"publish 444/tcp 2001:db8::5 --on 203.0.113.128 --json", 0, "publish.json", ""},
	{"publish 443/tcp 2001:db8::6 --on 203.0.113.128", 1, NULL, "nat64ctl: tcp 203.0.113.128:443 is bound to [2001:db8::5]:443 (static): --replace ends that binding\n"},
	{"publish 443/tcp 2001:db8::6 --on 203.0.113.128 --replace", 0, "publish_replace.out", "nat64ctl: warning: 1 binding ended\n"},
	{"bib lookup tcp 203.0.113.128:443", 0, "publish_replaced.out", ""},
	{"bib remove tcp,udp 203.0.113.128:443", 0, "bib_remove.out", ""},
	{"bib remove tcp 203.0.113.128:444 --json", 0, "bib_remove.json", ""},
	{"bib remove tcp 203.0.113.128:81-82", 3, "bib_remove_first.out", "nat64ctl: there is no binding tcp 203.0.113.128:82\n"},
	{"pool4 drain more --json", 0, "pool4_drain.json", ""},
	{"pool4 remove over", 0, "pool4_remove.out", ""},
	{"pool4 remove even --force --json", 0, "pool4_remove.json", ""},
	{"pool4 remove even", 3, NULL, "nat64ctl: pool4 has no entry 'even'\n"},
	{"pool4 list --count", 0, "pool4_count.out", ""},
};

static const struct cli_case deterministic_cases[] = {
	{"client ports tcp 2001:db8:1:5::77", 0, "client_ports.out", ""},
	{"client ports tcp 2001:db8:1:5::/64 --json", 0, "client_ports.json", ""},
	{"client ports udp 2001:db8:2:1::1 --prefix 2001:db8:65::/96", 0, "client_ports_prefix.out", ""},
	{"client ports udp 2001:db8:2:1::1", 3, NULL, "nat64ctl: no active entry of pool4 has udp ports for 2001:db8:2:1::/64\n"},
	{"client ports udp 2001:db8:2:1::1 --prefix 2001:db8:66::/96", 1, NULL, "nat64ctl: '2001:db8:66::/96' is not a prefix of Pool6\n"},
	{"publish 443/tcp 2001:db8::5 --dry-run", 1, NULL, "nat64ctl: pool4 has no active entry for all clients: choose an address with --on\n"},
	{"client ports udp", 2, NULL, "nat64ctl: 'client ports' lacks ADDRESS6: it takes PROTOCOL ADDRESS6\n"},
	{"client ports sctp 2001:db8:1::1", 1, NULL, "nat64ctl: 'sctp' is none of: tcp, udp, icmp\n"},
	{"client ports udp 192.0.2.1", 1, NULL, "nat64ctl: '192.0.2.1' is not an IPv6 address or prefix\n"},
	{"client of icmp 192.0.2.1:1250", 0, "client_of.out", ""},
	{"who 192.0.2.1:3000 --at now --json", 0, "who.json", ""},
	{"who 192.0.2.1:3000 --at now", 0, "who.out", ""},
	{"snapshot --dry-run --to /nowhere/x --json", 0, "snapshot_dry.json", ""},
	{"client of icmp 192.0.2.1:1250 --json", 0, "client_of.json", ""},
	{"client of tcp 192.0.2.1:2000", 3, NULL, "nat64ctl: tcp 192.0.2.1:2000 is no client's\n"},
	{"client of tcp 192.0.2.1", 2, NULL, "nat64ctl: '192.0.2.1' is not an address with a port, such as [2001:db8::5]:2000 or 192.0.2.2:2000\n"},
	{"client of tcp 192.0.2.1:1-2", 2, NULL, "nat64ctl: '192.0.2.1:1-2' is not an address with a port, such as [2001:db8::5]:2000 or 192.0.2.2:2000\n"},
	{"client of tcp [2001:db8:1::1]:1", 2, NULL, "nat64ctl: '[2001:db8:1::1]:1' is not an address with a port, such as [2001:db8::5]:2000 or 192.0.2.2:2000\n"},
	{"client of tcp 192.0.2.1.5:1", 1, NULL, "nat64ctl: '192.0.2.1.5' is not an IPv4 address\n"},
	{"client of tcp", 2, NULL, "nat64ctl: 'client of' lacks V4: it takes PROTOCOL V4\n"},
	{"drain --wait 10min", 0, "drain_idle.out", ""},
	{"client of sctp 192.0.2.1:1", 1, NULL, "nat64ctl: 'sctp' is none of: tcp, udp, icmp\n"},
};
/* clang-format on */

/* Every document that a case has seen is as data/schemas says, times included. */
static void test_schemas(void)
{
	g_autofree char *commands = g_build_filename(EXPECTED, "help.json", NULL);
	g_autofree char *documents = g_build_filename(service.directory, "documents", NULL);
	g_autofree char *line =
		g_strdup_printf("%s %s %s %s", CHECK_SCHEMAS, SCHEMAS, commands, documents);
	g_autofree char *problems = NULL;
	int status;

	g_assert_true(g_spawn_command_line_sync(line, &problems, NULL, &status, NULL));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		g_test_skip(problems);
		return;
	}
	g_assert_cmpstr(problems, ==, "");
	g_assert_cmpint(status, ==, 0);
}

static void check_case(const struct test_service *of, const struct cli_case *c, bool to_socket)
{
	g_autofree char *documents = g_build_filename(service.directory, "documents", NULL);

	cli_expect(of, c, to_socket, documents);
}

static void test_case(gconstpointer data)
{
	check_case(&service, data, false);
	check_case(&service, data, true);
}

static void test_deterministic_case(gconstpointer data)
{
	check_case(&deterministic, data, false);
	check_case(&deterministic, data, true);
}

static void run_steps(const struct cli_case *steps, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		g_test_message("%s", steps[i].arguments);
		check_case(&service, &steps[i], i % 2 == 1);
	}
}

static void test_steps(void)
{
	run_steps(cli_steps, G_N_ELEMENTS(cli_steps));
}

static void test_changes(void)
{
	run_steps(cli_changes, G_N_ELEMENTS(cli_changes));
}

/* Of what is in use; on its way back there may be warnings, about this host's own addresses. */
static void test_drain_used(void)
{
	static const struct cli_case drain = {"pool4 drain wan", 0, "pool4_drain_used.out", ""};
	g_autofree char *out = NULL, *warnings = NULL;

	check_case(&service, &drain, true);
	g_assert_cmpint(cli_run(&service, "pool4 enable wan", true, &out, &warnings), ==, 0);
	cli_expect_text("pool4_enable_drained.out", out);
}

/* In words and with --json, each of a file that says something else. */
static void test_reload(void)
{
	static const struct cli_case cases[] = {
		{"reload", 0, "reload.out", ""},
		{"reload --json", 0, "reload.json", ""},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *text =
			g_strdup_printf("[Translation]\nPool6=2001:db8:64::/96\nClients=any\n"
					"[Limits]\nBindings=%u\nSessions=300000\n"
					"StoredSYNs=16\nFragmentMemory=1M\nPool4Objects=8\n"
					"[Pool4 wan]\nAddresses=192.0.2.0/30\nPorts=1024-65535\n"
					"Comment=for tests\n",
					300001 + i);

		test_service_write(&service, text);
		check_case(&service, &cases[i], i % 2 == 1);
	}
}

/* Out of the one with a state database, and into a directory: the second time there is one. */
static void test_snapshot(void)
{
	const char *directory = deterministic.directory;
	g_autofree char *take = g_strdup_printf("snapshot --to %s/taken.db", directory);
	g_autofree char *restore =
		g_strdup_printf("restore %s/taken.db --state-dir %s/other", directory, directory);
	g_autofree char *take_json = g_strdup_printf("%s --json", take);
	g_autofree char *restore_dry = g_strdup_printf("%s --dry-run --json", restore);
	g_autofree char *restore_json = g_strdup_printf("%s --json", restore);
	g_autofree char *other = g_build_filename(directory, "other", NULL);
	const struct cli_case cases[] = {
		{take, 0, "snapshot_to.out", ""},
		{take_json, 0, "snapshot_to.json", ""},
		{"snapshot", 0, "snapshot.out", ""},
		{"snapshot --json", 0, "snapshot.json", ""},
		{restore_dry, 0, "restore_dry.json", ""},
		{restore, 0, "restore.out", ""},
		{restore_json, 0, "restore_again.json", ""},
	};

	g_assert_cmpint(g_mkdir(other, 0700), ==, 0);
	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++)
		check_case(&deterministic, &cases[i], i % 2 == 1);
}

/* One test for each, named after its place and its words. */
static void add_cases(const char *folder, const struct cli_case *cases, size_t n,
		      void (*test)(gconstpointer data))
{
	for (size_t i = 0; i < n; i++) {
		g_autofree char *name =
			g_strdup_printf("/%s/%zu-%s", folder, i, cases[i].arguments);

		g_strdelimit(name + strlen(folder) + 2, "/", '_');
		g_test_add_data_func(name, &cases[i], test);
	}
}

/* Starts nat64ctl, which goes on; waits until the core tells it what happens. */
static GPid start_watching(const char *arguments, bool to_socket, int *ret_out)
{
	g_autofree char *line =
		g_strdup_printf("%s %s %s %s", NAT64CTL, to_socket ? "--socket" : "--bus",
				to_socket ? service.socket_path : service.bus_address, arguments);
	g_auto(GStrv) words = NULL;
	bool watched = false;
	GPid pid;

	g_assert_true(g_shell_parse_argv(line, NULL, &words, NULL));
	g_assert_true(g_spawn_async_with_pipes(NULL, words, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL,
					       NULL, &pid, NULL, ret_out, NULL, NULL));
	while (!watched) {
		gateway_lock(&service.gateway);
		watched = service.gateway.nat->watch.wanted || service.gateway.nat->watch.trace;
		gateway_unlock(&service.gateway);
		g_usleep(1000);
	}
	return pid;
}

/* What it has printed; it ends with status 0 by itself. */
static char *end_watching(GPid pid, int out)
{
	GIOChannel *channel = g_io_channel_unix_new(out);
	char *text = NULL, *normal;
	bool watched = true;
	int status;

	g_assert_cmpint(g_io_channel_read_to_end(channel, &text, NULL, NULL), ==,
			G_IO_STATUS_NORMAL);
	g_io_channel_shutdown(channel, FALSE, NULL);
	g_io_channel_unref(channel);
	g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
	g_assert_cmpint(status, ==, 0);
	while (watched) {
		gateway_lock(&service.gateway);
		watched = service.gateway.nat->watch.ring || service.gateway.nat->watch.trace;
		gateway_unlock(&service.gateway);
		g_usleep(1000);
	}
	normal = cli_normalise(text);
	g_free(text);
	return normal;
}

/* Each line is a document. */
static void keep_lines(const char *arguments, const char *text)
{
	g_autofree char *documents = g_build_filename(service.directory, "documents", NULL);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	for (unsigned i = 0; *lines[i] != '\0'; i++) {
		json_t *document = json_loads(lines[i], 0, NULL);

		g_assert_nonnull(document);
		if (g_strcmp0(json_string_value(json_object_get(document, "time")), "TIME") == 0)
			json_object_del(document, "time"); /* made equal */
		cli_keep_document(documents, arguments, document);
		json_decref(document);
	}
}

/* monitor and trace: a packet that is dropped, and a binding. */
/* Each counter has a meaning, zero or not. */
static void test_meanings(void)
{
	g_autofree char *out = NULL, *message = NULL;
	g_auto(GStrv) lines = NULL;

	g_assert_cmpint(cli_run(&service, "stats --all --json", false, &out, &message), ==, 0);
	lines = g_strsplit(out, "\n", -1);
	g_assert_cmpuint(g_strv_length(lines), >, 100);
	for (char **line = lines; *line != NULL; line++) {
		if (strstr(*line, "\"description\":\"\"") != NULL)
			g_error("no meaning: %s", *line);
	}
}

static void test_watching(void)
{
	static const struct {
		const char *arguments, *file;
	} cases[] = {
		{"monitor drops --count 2", "monitor_drops.out"},
		{"monitor drops --count=2 --json", "monitor_drops.json"},
		{"trace --address4 192.0.2.2 --count 2", "trace.out"},
		{"trace --address4 192.0.2.2 --count 2 --json", "trace.json"},
	};

	for (unsigned i = 0; i < 2 * G_N_ELEMENTS(cases); i++) {
		const char *arguments = cases[i / 2].arguments;
		g_autofree char *got = NULL;
		int out;
		GPid pid = start_watching(arguments, i % 2 == 1, &out);

		for (uint16_t port = 5000; port < 5002; port++)
			g_assert_cmpint(test_service_receive4(&service, port), ==,
					OUTCOME_BIB4_NOT_FOUND);
		got = end_watching(pid, out);
		cli_expect_text(cases[i / 2].file, got);
		if (g_str_has_suffix(arguments, "--json"))
			keep_lines(arguments, got);
	}
}

/* One look; nothing happens between it and the one before. */
static void test_top(void)
{
	g_autofree char *out = NULL, *message = NULL, *normal = NULL, *json = NULL;

	g_assert_cmpint(cli_run(&service, "top --count 1 --interval 100ms", false, &out, &message),
			==, 0);
	g_assert_cmpstr(message, ==, "");
	normal = cli_normalise(out);
	cli_expect_text("top.out", normal);
	g_clear_pointer(&message, g_free);
	g_assert_cmpint(
		cli_run(&service, "top --json --count 2 --interval 100ms", true, &json, &message),
		==, 0);
	keep_lines("top --json", json);
}

/* In words: a binding and its sessions. */
static void test_watching_bindings(void)
{
	g_autofree char *got = NULL, *out = NULL, *message = NULL;
	int fd;
	GPid pid = start_watching("monitor bindings --client 2001:db8:1::9 --count 4", false, &fd);

	test_service_add_session(&service, PROTOCOL_UDP, 9, 900, 3);
	g_assert_cmpint(
		cli_run(&service, "session flush --client 2001:db8:1::9", true, &out, &message), ==,
		0);
	got = end_watching(pid, fd);
	cli_expect_text("monitor_bindings.out", got);
}

/* For somebody to have had an address. */
static void add_static(struct gateway *gateway)
{
	const struct taddr4 outside = {0xc0000201, 3000};
	struct taddr6 inside = {.port = 80};

	g_assert_true(addr6_parse("2001:db8:1::1", &inside.addr));
	gateway_lock(gateway);
	g_assert_cmpint(
		nat64_add_static(gateway->nat, PROTOCOL_TCP, &inside, &outside, gateway_now_ms()),
		==, NAT64_STATIC_OK);
	gateway_unlock(gateway);
}

int main(int argc, char **argv)
{
	int r;

	(void)signal(SIGPIPE,
		     SIG_IGN); /* as the daemon does; what is run here does not inherit it */
	g_test_init(&argc, &argv, NULL);
	test_service_start(&service);
	test_service_add_session(&service, PROTOCOL_TCP, 1, 2000, 1);
	test_service_add_session(&service, PROTOCOL_TCP, 1, 2000, 2);
	test_service_add_session(&service, PROTOCOL_UDP, 2, 3000, 1);
	test_service_add_session(&service, PROTOCOL_ICMP, 3, 77, 1);
	test_service_start_with(&deterministic, test_service_deterministic);
	add_static(&deterministic.gateway);
	add_cases("cli", cli_cases, G_N_ELEMENTS(cli_cases), test_case);
	add_cases("deterministic", deterministic_cases, G_N_ELEMENTS(deterministic_cases),
		  test_deterministic_case);
	g_test_add_func("/cli/steps", test_steps);
	g_test_add_func("/cli/meanings", test_meanings);
	g_test_add_func("/cli/watching", test_watching);
	g_test_add_func("/cli/top", test_top);
	g_test_add_func("/cli/watching-bindings", test_watching_bindings);
	g_test_add_func("/cli/changes", test_changes);
	g_test_add_func("/cli/drain-used", test_drain_used);
	g_test_add_func("/cli/reload", test_reload);
	g_test_add_func("/cli/snapshot", test_snapshot);
	g_test_add_func("/schemas/documents", test_schemas);
	r = g_test_run();
	test_service_stop(&deterministic);
	test_service_stop(&service);
	return r;
}
