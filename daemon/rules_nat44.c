/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NAT44 beside NAT64: see rules_nat44.h.
 */
#include "daemon/rules_nat44.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <stdio.h>

#include "daemon/rules_kernel.h"

#define TCP        1u
#define UDP        2u
#define BOTH       (TCP | UDP)
#define DYNAMIC    49152 /* RFC 6335: the range that people know */
#define PORTS_SIZE 16

/* What a rule does, in whichever language. */
struct nat44_rule {
	unsigned protocols;
	bool has_target; /* snat: to these addresses */
	struct addr4_range target;
	uint16_t first; /* ports; 0 = any */
	uint16_t last;
};

/* "192.0.2.1", "192.0.2.1-192.0.2.3:1024-2047", ":49152-65535": false if it is something else. */
static bool parse_target(const char *text, struct nat44_rule *rule)
{
	g_auto(GStrv) parts = g_strsplit(text, ":", 2);
	g_auto(GStrv) ends = g_strsplit(parts[0], "-", 2);
	unsigned first, last;
	int n;

	if (parts[0][0] != '\0') {
		if (!addr4_parse(ends[0], &rule->target.first) ||
		    !addr4_parse(ends[1] != NULL ? ends[1] : ends[0], &rule->target.last))
			return false;
		rule->has_target = true;
	}
	if (parts[1] == NULL)
		return true;
	n = sscanf(parts[1], "%u-%u", &first, &last);
	if (n < 1 || first > UINT16_MAX || (n == 2 && last > UINT16_MAX))
		return false;
	rule->first = (uint16_t)first;
	rule->last = (uint16_t)(n == 2 ? last : first);
	return true;
}

/* Which protocols of the address may meet. */
static unsigned clash(const struct nat44_rule *rule, uint32_t addr, const GArray *own)
{
	unsigned protocols = 0;

	if (rule->has_target && (addr < rule->target.first || addr > rule->target.last))
		return 0;
	for (guint i = 0; i < own->len; i++) {
		const struct rules_own *range = &g_array_index(own, struct rules_own, i);
		unsigned bit = range->protocol == PROTOCOL_TCP   ? TCP
			       : range->protocol == PROTOCOL_UDP ? UDP
								 : 0;

		if (range->addr == addr && (rule->first == 0 || (rule->first <= range->last &&
								 range->first <= rule->last)))
			protocols |= bit & rule->protocols;
	}
	return protocols;
}

/* The ports of the address that are left to NAT44: the usual ones if they are free, else the most
 * that are so in one piece. False if there are none. */
static bool free_ports(uint32_t addr, const GArray *own, char ret[PORTS_SIZE])
{
	g_autofree bool *taken = g_new0(bool, 65536 + 1);
	uint32_t best = 0, n_best = 0, n = 0;

	for (guint i = 0; i < own->len; i++) {
		const struct rules_own *range = &g_array_index(own, struct rules_own, i);

		if (range->addr == addr && range->protocol != PROTOCOL_ICMP)
			memset(&taken[range->first], true, (size_t)range->last - range->first + 1);
	}
	taken[65536] = true;
	for (uint32_t port = 1024; port <= 65536; port++) {
		if (!taken[port]) {
			n++;
			continue;
		}
		if (n > n_best) {
			best = port - n;
			n_best = n;
		}
		n = 0;
	}
	if (memchr(&taken[DYNAMIC], true, 65536 - DYNAMIC) == NULL) {
		best = DYNAMIC;
		n_best = 65536 - DYNAMIC;
	}
	(void)snprintf(ret, PORTS_SIZE, "%u-%u", best, best + n_best - 1);
	return n_best > 0;
}

/* where: "(table inet fw, chain out)". command: with the free ports; NULL = there are none. */
static void say(uint32_t addr, const char *rule, const char *where, const char *command,
		GPtrArray *ret)
{
	char address[ADDR_TEXT_SIZE];

	addr4_print(addr, address);
	if (command != NULL)
		rules_warnings_add(ret, NULL, addr,
				   g_strdup_printf("NAT44 can use ports of %s that are pool4's, "
						   "by '%s' (%s): %s",
						   address, rule, where, command));
	else
		rules_warnings_add(ret, NULL, addr,
				   g_strdup_printf("NAT44 can use ports of %s that are pool4's, "
						   "by '%s' (%s), and pool4 leaves it none: "
						   "Ports=1024-49151 would",
						   address, rule, where));
}

/* ---- nft --------------------------------------------------------------------------------------
 */

/* Does the value of words[i], one or a list in braces, have the word (quoted or not)? */
static bool has_word(char **words, guint i, const char *wanted)
{
	bool list = words[i] != NULL && strcmp(words[i], "{") == 0;

	for (; words[i] != NULL && strcmp(words[i], "}") != 0; i++) {
		g_autofree char *word = g_strdup(words[i]);
		g_autofree char *bare = NULL;

		g_strdelimit(word, "\",", ' ');
		bare = g_strdup(g_strstrip(word));
		if (g_str_has_suffix(bare, "*") && strncmp(bare, wanted, strlen(bare) - 1) == 0)
			return true;
		if (strcmp(bare, wanted) == 0)
			return true;
		if (!list)
			return false;
	}
	return false;
}

/* The condition at words[i] on what is wanted, which "!=" turns round. */
static bool allows(char **words, guint i, const char *wanted)
{
	bool is_not = words[i] != NULL && strcmp(words[i], "!=") == 0;

	return has_word(words, is_not ? i + 1 : i, wanted) != is_not;
}

static unsigned protocols_allowed(char **words, guint i)
{
	return (allows(words, i, "tcp") ? TCP : 0) | (allows(words, i, "udp") ? UDP : 0);
}

/* Does the condition at words[i] keep away everything but TCP and UDP? */
static bool allows_no_other(char **words, guint i)
{
	bool list = words[i] != NULL && strcmp(words[i], "{") == 0;

	for (i += list; words[i] != NULL && strcmp(words[i], "}") != 0; i++) {
		size_t length = strcspn(words[i], ",");

		if (length != 3 ||
		    (strncmp(words[i], "tcp", 3) != 0 && strncmp(words[i], "udp", 3) != 0))
			return false;
		if (!list)
			return true;
	}
	return list;
}

/* "meta protocol" and "ether type" are about what is below. */
static bool is_protocol(char **words, guint i)
{
	return strcmp(words[i], "l4proto") == 0 ||
	       (strcmp(words[i], "protocol") == 0 && i > 0 && strcmp(words[i - 1], "ip") == 0);
}

/* The conditions of a rule before its verb. False if it is not for the link. ret_only: it is for
 * nothing but these protocols. */
static bool read_conditions(char **words, guint n, const char *link, unsigned *ret_protocols,
			    bool *ret_only)
{
	*ret_protocols = BOTH;
	*ret_only = false;
	for (guint i = 0; i + 1 < n; i++) {
		if ((strcmp(words[i], "oifname") == 0 || strcmp(words[i], "oif") == 0) &&
		    !allows(words, i + 1, link))
			return false;
		if (is_protocol(words, i)) {
			*ret_protocols &= protocols_allowed(words, i + 1);
			*ret_only |= allows_no_other(words, i + 1);
		}
		if ((strcmp(words[i], "tcp") == 0 || strcmp(words[i], "udp") == 0) &&
		    (strcmp(words[i + 1], "dport") == 0 || strcmp(words[i + 1], "sport") == 0)) {
			*ret_protocols &= strcmp(words[i], "tcp") == 0 ? TCP : UDP;
			*ret_only = true;
		}
	}
	return true;
}

static guint find_verb(char **words)
{
	guint i = 0;

	while (words[i] != NULL && strcmp(words[i], "masquerade") != 0 &&
	       strcmp(words[i], "snat") != 0)
		i++;
	return i;
}

/* words[from] to the one before words[to], with spaces between and behind. */
static char *join(char **words, guint from, guint to)
{
	GString *text = g_string_new(NULL);

	for (guint i = from; i < to && words[i] != NULL; i++)
		g_string_append_printf(text, "%s ", words[i]);
	return g_string_free(text, FALSE);
}

/* The verb and what follows it, with these ports. */
static char *with_ports(char **words, guint verb, const char *ports)
{
	guint to = verb;
	GString *text;

	while (words[to] != NULL && strcmp(words[to], "to") != 0)
		to++;
	if (words[to] == NULL) {
		g_autofree char *flags = join(words, verb + 1, UINT_MAX);

		text = g_string_new(NULL);
		g_string_append_printf(text, "%s to :%s %s", words[verb], ports, flags);
	} else {
		g_autofree char *before = join(words, verb, to + 1);
		g_autofree char *flags =
			words[to + 1] != NULL ? join(words, to + 2, UINT_MAX) : g_strdup("");
		g_auto(GStrv) parts =
			g_strsplit(words[to + 1] != NULL ? words[to + 1] : "", ":", 2);

		text = g_string_new(before);
		g_string_append_printf(text, "%s:%s %s", parts[0], ports, flags);
	}
	g_strchomp(text->str);
	return g_string_free(text, FALSE);
}

static char *nft_command(const char *place, const char *handle, char **words, guint verb,
			 unsigned protocols, bool only, const char *ports)
{
	const char *these = protocols == BOTH ? "{ tcp, udp }" : protocols == TCP ? "tcp" : "udp";
	g_autofree char *conditions = join(words, 0, verb);
	g_autofree char *limited = with_ports(words, verb, ports);
	g_autofree char *as_before = join(words, verb, UINT_MAX);

	g_strchomp(as_before);
	if (only)
		return g_strdup_printf("nft 'replace rule %s handle %s %s%s'", place, handle,
				       conditions, limited);
	return g_strdup_printf("nft 'insert rule %s position %s %smeta l4proto %s %s; "
			       "replace rule %s handle %s %smeta l4proto != %s %s'",
			       place, handle, conditions, these, limited, place, handle, conditions,
			       these, as_before);
}

static void judge_line(const char *place, const char *where, const char *line, const GArray *own,
		       const struct rules_nat44_address *address, GPtrArray *ret)
{
	g_auto(GStrv) halves = g_strsplit(line, " # handle ", 2);
	g_auto(GStrv) words = g_strsplit(halves[0], " ", -1);
	guint verb = find_verb(words), to = verb;
	struct nat44_rule rule = {.protocols = BOTH};
	g_autofree char *command = NULL;
	char ports[PORTS_SIZE];
	bool only;

	if (words[verb] == NULL ||
	    !read_conditions(words, verb, address->link, &rule.protocols, &only))
		return;
	while (words[to] != NULL && strcmp(words[to], "to") != 0)
		to++;
	if (words[to] != NULL && words[to + 1] != NULL && !parse_target(words[to + 1], &rule))
		return;
	if (strcmp(words[verb], "snat") == 0 && !rule.has_target)
		return;
	if (clash(&rule, address->addr, own) == 0)
		return;
	if (free_ports(address->addr, own, ports))
		command = nft_command(place, halves[1], words, verb, rule.protocols, only, ports);
	say(address->addr, halves[0], where, command, ret);
}

void rules_nat44_judge(const char *family, const char *table, const char *chain,
		       const char *listing, const GArray *own, const GArray *addresses,
		       GPtrArray *ret)
{
	g_autoptr(GRegex) counter = g_regex_new(" packets [0-9]+ bytes [0-9]+", 0, 0, NULL);
	g_autofree char *text = g_regex_replace_literal(counter, listing, -1, 0, "", 0, NULL);
	g_autofree char *place = g_strdup_printf("%s %s %s", family, table, chain);
	g_autofree char *where = g_strdup_printf("table %s %s, chain %s", family, table, chain);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	for (char **line = lines; *line != NULL; line++) {
		for (guint i = 0; i < addresses->len && strstr(*line, " # handle ") != NULL; i++)
			judge_line(place, where, g_strstrip(*line), own,
				   &g_array_index(addresses, struct rules_nat44_address, i), ret);
	}
}

/* ---- iptables ---------------------------------------------------------------------------------
 */

/* "-A POSTROUTING -o eth0 -p tcp -j MASQUERADE --to-ports 1024-2047", taken apart. */
struct iptables_rule {
	struct nat44_rule rule;
	const char *target; /* of SNAT: its addresses */
	char *conditions;   /* without -p */
	const char *verb;
	bool for_link;
};

static bool parse_iptables(char **words, const char *link, struct iptables_rule *ret)
{
	GString *conditions = g_string_new(NULL);
	bool fine = true;

	*ret = (struct iptables_rule){.rule.protocols = BOTH, .for_link = true};
	for (guint i = 2; words[i] != NULL; i++) {
		const char *value = words[i + 1];
		bool is_not = strcmp(words[i - 1], "!") == 0;

		if (value == NULL) {
			g_string_append_printf(conditions, "%s ", words[i]);
			break;
		}
		if (strcmp(words[i], "-o") == 0)
			ret->for_link &= (strcmp(value, link) == 0) != is_not;
		if (strcmp(words[i], "-p") == 0 && !is_not) {
			ret->rule.protocols = strcmp(value, "tcp") == 0   ? TCP
					      : strcmp(value, "udp") == 0 ? UDP
									  : 0;
			i++;
		} else if (strcmp(words[i], "-j") == 0) {
			ret->verb = value;
			i++;
		} else if (strcmp(words[i], "--to-ports") == 0) {
			g_autofree char *text = g_strconcat(":", value, NULL);

			fine &= parse_target(text, &ret->rule);
			i++;
		} else if (strcmp(words[i], "--to-source") == 0) {
			fine &= parse_target(value, &ret->rule);
			ret->target = value;
			i++;
		} else {
			g_string_append_printf(conditions, "%s ", words[i]);
		}
	}
	ret->conditions = g_string_free(conditions, FALSE);
	return fine && ret->verb != NULL &&
	       (strcmp(ret->verb, "MASQUERADE") == 0 ||
		(strcmp(ret->verb, "SNAT") == 0 && ret->target));
}

static char *iptables_command(const char *chain, unsigned number, const struct iptables_rule *rule,
			      unsigned protocols, const char *ports)
{
	bool restricted = rule->rule.protocols != BOTH;
	GString *text = g_string_new(NULL);

	for (unsigned bit = TCP; bit <= UDP; bit <<= 1) {
		if (!(protocols & bit))
			continue;
		g_string_append_printf(text, "%siptables -t nat -%c %s %u %s-p %s -j %s ",
				       text->len > 0 ? " && " : "", restricted ? 'R' : 'I', chain,
				       number, rule->conditions, bit == TCP ? "tcp" : "udp",
				       rule->verb);
		if (rule->target != NULL)
			g_string_append_printf(text, "--to-source %.*s:%s",
					       (int)strcspn(rule->target, ":"), rule->target,
					       ports);
		else
			g_string_append_printf(text, "--to-ports %s", ports);
	}
	return g_string_free(text, FALSE);
}

/* harmless: conditions of rules before this one, and for which protocols they have spoken. */
static void judge_iptables_line(const char *line, unsigned number, const GArray *own,
				const struct rules_nat44_address *address, GHashTable *harmless,
				GPtrArray *ret)
{
	g_auto(GStrv) words = g_strsplit(line, " ", -1);
	struct iptables_rule rule;
	unsigned protocols, spoken;

	if (parse_iptables(words, address->link, &rule) && rule.for_link) {
		spoken = GPOINTER_TO_UINT(g_hash_table_lookup(harmless, rule.conditions));
		protocols = clash(&rule.rule, address->addr, own) & ~spoken;
		if (protocols == 0) {
			spoken |= rule.rule.protocols;
			g_hash_table_insert(harmless, g_strdup(rule.conditions),
					    GUINT_TO_POINTER(spoken));
		} else {
			g_autofree char *command = NULL;
			char ports[PORTS_SIZE];

			if (free_ports(address->addr, own, ports))
				command =
					iptables_command(words[1], number, &rule, protocols, ports);
			say(address->addr, line, "iptables, table nat", command, ret);
		}
	}
	g_free(rule.conditions);
}

void rules_nat44_judge_iptables(const char *saved, const GArray *own, const GArray *addresses,
				GPtrArray *ret)
{
	g_auto(GStrv) lines = g_strsplit(saved, "\n", -1);

	for (guint i = 0; i < addresses->len; i++) {
		g_autoptr(GHashTable) harmless =
			g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
		unsigned number = 0;

		for (char **line = lines; *line != NULL; line++) {
			if (!g_str_has_prefix(*line, "-A POSTROUTING "))
				continue;
			judge_iptables_line(
				*line, ++number, own,
				&g_array_index(addresses, struct rules_nat44_address, i), harmless,
				ret);
		}
	}
}

/* ---- the host ---------------------------------------------------------------------------------
 */

/* Those of the host's addresses that are in pool4. */
static GArray *read_addresses(const GArray *own)
{
	GArray *addresses = g_array_new(FALSE, TRUE, sizeof(struct rules_nat44_address));
	struct ifaddrs *list = NULL;

	if (getifaddrs(&list) < 0)
		return addresses;
	for (const struct ifaddrs *i = list; i != NULL; i = i->ifa_next) {
		struct rules_nat44_address address = {0};
		struct sockaddr_in in4;

		if (i->ifa_addr == NULL || i->ifa_addr->sa_family != AF_INET)
			continue;
		memcpy(&in4, i->ifa_addr, sizeof(in4));
		address.addr = ntohl(in4.sin_addr.s_addr);
		g_strlcpy(address.link, i->ifa_name, sizeof(address.link));
		address.link[strcspn(address.link, ":")] = '\0'; /* a label */
		for (guint j = 0; j < own->len; j++) {
			if (g_array_index(own, struct rules_own, j).addr == address.addr) {
				g_array_append_val(addresses, address);
				break;
			}
		}
	}
	freeifaddrs(list);
	return addresses;
}

static void judge_chain(struct rules_plan *plan, char **table, const char *chain,
			const GArray *addresses)
{
	g_autofree char *command =
		g_strdup_printf("list chain %s %s %s", table[1], table[2], chain);
	g_autofree char *listing = NULL;

	if (rules_kernel_nft(command, false, &listing, NULL) == 0)
		rules_nat44_judge(table[1], table[2], chain, listing, plan->own, addresses,
				  plan->warnings);
}

/* iptables' table is judged in its own words. */
static bool is_iptables(char **table)
{
	return strcmp(table[1], "ip") == 0 && strcmp(table[2], "nat") == 0;
}

static void judge_iptables(struct rules_plan *plan, const GArray *addresses)
{
	const char *const argv[] = {"iptables-nft-save", "-t", "nat", NULL};
	g_autofree char *saved = NULL;

	if (rules_kernel_program(argv, "", &saved, NULL) == 0)
		rules_nat44_judge_iptables(saved, plan->own, addresses, plan->warnings);
}

static void judge_table(struct rules_plan *plan, char **table, GPtrArray *chains,
			const GArray *addresses)
{
	bool upper = chains->len > 0 &&
		     g_ptr_array_find_with_equal_func(chains, "POSTROUTING", g_str_equal, NULL);

	if (is_iptables(table) && upper) {
		judge_iptables(plan, addresses);
		return;
	}
	for (guint i = 0; i < chains->len; i++)
		judge_chain(plan, table, g_ptr_array_index(chains, i), addresses);
}

void rules_nat44_check(struct rules_plan *plan)
{
	g_autoptr(GArray) addresses = read_addresses(plan->own);
	g_autofree char *listing = NULL;
	g_auto(GStrv) tables = NULL;

	if (addresses->len == 0 || rules_kernel_nft("list chains", false, &listing, NULL) < 0)
		return;
	tables = g_strsplit(listing, "\n}", -1);
	for (char **text = tables; *text != NULL; text++) {
		g_auto(GStrv) words = g_strsplit_set(g_strstrip(*text), " \n\t", -1);
		g_autoptr(GPtrArray) chains = g_ptr_array_new();

		if (strstr(*text, "type nat hook postrouting") == NULL || g_strv_length(words) < 3)
			continue;
		for (char **word = words; *word != NULL; word++) {
			if (strcmp(*word, "chain") == 0 && word[1] != NULL)
				g_ptr_array_add(chains, word[1]);
		}
		judge_table(plan, words, chains, addresses);
	}
}
