/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See ctl_verbs.h. */
#include "tools/ctl_verbs.h"

#include <glib.h>
#include <string.h>

#define BIT(option) CTL_BIT(CTL_##option)
#define LIST        (BIT(LIMIT) | BIT(COUNT))

#define READS   false
#define CHANGES true

#define WORD(name, kind)                     \
	{                                    \
		name, CTL_KIND_##kind, false \
	}
#define OPTIONAL(name, kind)                \
	{                                   \
		name, CTL_KIND_##kind, true \
	}

/* clang-format off */
const struct ctl_verb ctl_verbs[] = {
	{"status", NULL, {}, 0, READS, "status",
	 "the gateway at a glance", ctl_status},
	{"health", NULL, {}, BIT(QUIET), READS, "health",
	 "is it active, with rules in place and queues that move? for probes", ctl_health},

	{"pool4", "list", {}, LIST, READS, "pool4",
	 "addresses and ports that bindings may use", ctl_pool4_list},
	{"pool4", "show", {WORD("ENTRY", ENTRY)}, 0, READS, "pool4",
	 "everything about one entry", ctl_pool4_show},
	{"pool4", "add", {WORD("ADDRESSES", TEXT), OPTIONAL("PORTS", TEXT)},
	 BIT(NAME) | BIT(PROTOCOLS) | BIT(CLIENTS) | BIT(OVERFLOW) | BIT(PREFIX) | BIT(COMMENT), CHANGES, "change",
	 "use addresses: 192.0.2.7, 192.0.2.8/29, A-B, interface:NAME", ctl_pool4_add},
	{"pool4", "remove", {WORD("ENTRY|ADDRESSES", ENTRY)}, BIT(FORCE), CHANGES, "change",
	 "remove an entry; --force ends the bindings that use it", ctl_pool4_remove},
	{"pool4", "drain", {WORD("ENTRY|ADDRESSES", ENTRY)}, 0, CHANGES, "change",
	 "no new bindings; the entry goes with its last one", ctl_pool4_drain},
	{"pool4", "enable", {WORD("ENTRY|ADDRESSES", ENTRY)}, 0, CHANGES, "change",
	 "use an entry again that was removed or drained", ctl_pool4_enable},

	{"pool6", "list", {}, 0, READS, "pool6",
	 "prefixes in which IPv4 addresses are embedded", ctl_pool6_list},
	{"pool6", "add", {WORD("PREFIX", TEXT)}, 0, CHANGES, "change",
	 "one more prefix", ctl_pool6_add},
	{"pool6", "remove", {WORD("PREFIX", POOL6)}, 0, CHANGES, "change",
	 "a prefix less", ctl_pool6_remove},

	{"bib", "list", {}, CTL_BIB_FILTERS | LIST, READS, "bib",
	 "bindings", ctl_bib_list},
	{"bib", "add", {WORD("PROTOCOLS", PROTOCOLS), WORD("V6", TEXT), WORD("V4", TEXT)},
	 BIT(REPLACE) | BIT(FORCE) | BIT(COMMENT), CHANGES, "change",
	 "a static binding: bib add tcp '[2001:db8::5]:2000' 192.0.2.2:2000", ctl_bib_add},
	{"bib", "remove", {WORD("PROTOCOLS", PROTOCOLS), WORD("V6|V4", TEXT)}, 0, CHANGES, "change",
	 "end a binding, static or not", ctl_bib_remove},
	{"bib", "lookup", {WORD("PROTOCOL", PROTOCOL), WORD("V6|V4", TEXT)}, 0, READS, "bib",
	 "the binding of one address and port", ctl_bib_lookup},
	{"publish", NULL, {WORD("PORTS/PROTOCOLS", TEXT), WORD("ADDRESS6[:PORT]", TEXT)},
	 BIT(ON) | BIT(REPLACE) | BIT(FORCE) | BIT(COMMENT), CHANGES, "change",
	 "let the IPv4 side reach a client: publish 443/tcp,udp 2001:db8::5", ctl_publish},

	{"session", "list", {}, CTL_FILTERS | LIST, READS, "session",
	 "sessions: who talks to whom", ctl_session_list},
	{"session", "flush", {}, CTL_FILTERS | BIT(EVERY), CHANGES, "change",
	 "end sessions, and bindings with their last one", ctl_session_flush},

	{"client", "list", {}, BIT(TOP), READS, "client",
	 "who uses most", ctl_client_list},
	{"client", "show", {WORD("PREFIX", CLIENT)}, 0, READS, "client",
	 "the clients in a prefix", ctl_client_show},
	{"client", "block", {WORD("PREFIX", CLIENT)}, BIT(FOR), CHANGES, "change",
	 "drop what comes from a client, or is for it", ctl_client_block},
	{"client", "unblock", {WORD("PREFIX", BLOCKED)}, 0, CHANGES, "change",
	 "end a block", ctl_client_unblock},
	{"client", "blocked", {}, 0, READS, "blocked",
	 "whom a block stops, and until when", ctl_client_blocked},
	{"client", "ports", {WORD("PROTOCOL", PROTOCOL), WORD("ADDRESS6", CLIENT)}, BIT(PREFIX), READS, "owner",
	 "deterministic mode: the address and ports of a client", ctl_client_ports},
	{"client", "of", {WORD("PROTOCOL", PROTOCOL), WORD("V4", TEXT)}, 0, READS, "owner",
	 "deterministic mode: the client that has an address and port", ctl_client_of},

	{"who", NULL, {WORD("ADDRESS4:PORT", TEXT)}, BIT(AT) | BIT(WITHIN) | BIT(JOURNAL), READS, "who",
	 "who had it at a time: who 192.0.2.2:2000 --at 2026-01-31T12:00:00Z", ctl_who},

	{"config", "list", {}, 0, READS, "config",
	 "the keys of the configuration, and where each stands", ctl_config_list},
	{"config", "get", {WORD("KEY", KEY)}, 0, READS, "config_value",
	 "the value of one key: config get Timeouts.UDP", ctl_config_get},
	{"config", "set", {WORD("KEY", KEY), WORD("VALUE", KEY_VALUE)}, 0, CHANGES, "change",
	 "set a key until the file says something else about it", ctl_config_set},
	{"config", "reset", {OPTIONAL("KEY", KEY)}, BIT(ALL), CHANGES, "change",
	 "what the file says holds again, for one key or all", ctl_config_reset},
	{"reload", NULL, {}, 0, CHANGES, "change",
	 "read the files anew, or only say what would change", ctl_reload},

	{"drain", NULL, {}, BIT(WAIT), CHANGES, "change",
	 "no new bindings, the whole gateway; --wait until no session is left", ctl_drain},
	{"resume", NULL, {}, 0, CHANGES, "change",
	 "new bindings again, after drain", ctl_resume},

	{"snapshot", NULL, {}, BIT(TO), CHANGES, "change",
	 "a copy of the state database, while it is used", ctl_snapshot},
	{"restore", NULL, {WORD("FILE", FILE)}, BIT(STATE_DIR), CHANGES, "change",
	 "the state of a snapshot for the next start, also on another machine; needs no daemon", ctl_restore},

	{"explain", NULL, {WORD("PROTOCOL", PROTOCOL), WORD("SOURCE", TEXT), WORD("DESTINATION", TEXT)},
	 BIT(FLAGS) | BIT(LENGTH) | BIT(TTL) | BIT(ICMP_TYPE), READS, "explain",
	 "what would become of a packet, step by step; changes nothing", ctl_explain},
	{"monitor", NULL, {OPTIONAL("EVENTS", EVENTS)}, CTL_EVENT_FILTERS | BIT(LINES), READS, "monitor",
	 "what happens, as it happens: bindings, sessions, drops, limits or all", ctl_monitor},
	{"trace", NULL, {}, CTL_EVENT_FILTERS | BIT(LINES) | BIT(PCAP), READS, "trace",
	 "every step of real packets", ctl_trace},
	{"top", NULL, {}, BIT(INTERVAL) | BIT(LINES), READS, "top",
	 "pools, clients and rates, refreshed in place; q ends it", ctl_top},
	{"stats", NULL, {}, BIT(ALL), READS, "stats",
	 "counters that are not zero, or all", ctl_stats},
	{"doctor", NULL, {}, BIT(CONFIG) | BIT(PROBE), READS, "doctor",
	 "checks, each with the command that mends it", ctl_doctor},
	{"metrics", NULL, {}, 0, READS, "metrics",
	 "the same for Prometheus (OpenMetrics)", ctl_metrics},
	{"log-level", NULL, {WORD("LEVEL", LEVEL)}, 0, CHANGES, "change",
	 "err, warning, notice, info or debug, from now on", ctl_log_level},

	{"dns64", "unbound", {}, 0, READS, "snippet",
	 "what makes unbound a DNS64 with the gateway's prefix", ctl_snippet},
	{"dns64", "bind", {}, 0, READS, "snippet",
	 "the same for BIND", ctl_snippet},
	{"dns64", "coredns", {}, 0, READS, "snippet",
	 "the same for CoreDNS", ctl_snippet},
	{"pref64", "radvd", {}, 0, READS, "snippet",
	 "what makes radvd tell clients the prefix (RFC 8781)", ctl_snippet},
	{"pref64", "networkd", {}, 0, READS, "snippet",
	 "the same for systemd-networkd", ctl_snippet},

	{"import", "jool", {WORD("FILE", FILE)}, 0, READS, "import",
	 "a nat64d.conf made of Jool's file; needs no daemon", ctl_import},
	{"import", "tayga", {WORD("FILE", FILE)}, 0, READS, "import",
	 "the same of tayga.conf", ctl_import},

	{"setup", NULL, {}, BIT(PRINT) | BIT(EARLY) | BIT(CONFIG), CHANGES, "setup",
	 "put rules, sysctls and routes in place, or show them; needs no daemon", ctl_setup},
	{"teardown", NULL, {}, 0, CHANGES, "change",
	 "remove what setup and the daemon put in place; needs no daemon", ctl_teardown},
	{"help", NULL, {OPTIONAL("COMMAND", COMMAND), OPTIONAL("ACTION", ACTION)}, 0, READS, "help",
	 "the commands, or one of them", ctl_help},
	{NULL},
};
/* clang-format on */

const struct ctl_verb *ctl_verb_find(const char *noun, const char *action)
{
	for (const struct ctl_verb *verb = ctl_verbs; verb->noun != NULL; verb++) {
		if (strcmp(verb->noun, noun) == 0 && g_strcmp0(verb->action, action) == 0)
			return verb;
	}
	return NULL;
}

bool ctl_verb_is_noun(const char *word)
{
	for (const struct ctl_verb *verb = ctl_verbs; verb->noun != NULL; verb++) {
		if (strcmp(verb->noun, word) == 0)
			return true;
	}
	return false;
}

unsigned ctl_verb_n_words(const struct ctl_verb *verb)
{
	unsigned n = 0;

	while (n < CTL_WORDS_MAX && verb->word[n].name != NULL)
		n++;
	return n;
}

uint64_t ctl_verb_options(const struct ctl_verb *verb)
{
	return verb->options | (verb->changes ? CTL_BIT(CTL_DRY_RUN) : 0);
}

char *ctl_verb_name(const struct ctl_verb *verb)
{
	return verb->action != NULL ? g_strdup_printf("%s %s", verb->noun, verb->action)
				    : g_strdup(verb->noun);
}

char *ctl_verb_words(const struct ctl_verb *verb)
{
	GString *words = g_string_new(NULL);

	for (unsigned i = 0; i < ctl_verb_n_words(verb); i++)
		g_string_append_printf(words, verb->word[i].optional ? "%s[%s]" : "%s%s",
				       i > 0 ? " " : "", verb->word[i].name);
	return g_string_free(words, FALSE);
}
