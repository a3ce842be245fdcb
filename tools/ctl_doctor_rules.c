/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat64ctl doctor: packet rules, those of others, and what they share with nat64d. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemon/pool4_auto.h"
#include "daemon/pool4_clash.h"
#include "daemon/rules_host.h"
#include "daemon/rules_kernel.h"
#include "daemon/rules_nat44.h"
#include "daemon/rules_probe.h"
#include "tools/ctl_doctor.h"
#include "tools/ctl_firewall.h"
#include "tools/ctl_pool4.h"
#include "tools/ctl_stats.h"

#define QUEUES_FILE "/proc/net/netfilter/nfnetlink_queue"
/* Between two looks at the queues: no packet waits for so long when somebody reads. */
#define LOOK_AGAIN_USEC 300000

static enum doctor_result has_queue_expression(struct doctor *doctor)
{
	g_autofree char *error = NULL, *program = NULL;
	int r = rules_probe_nft_queue(&error);

	if (r == 0)
		return doctor_say(doctor, DOCTOR_OK, "nf_tables of this kernel can queue");
	if (r != -EOPNOTSUPP) {
		doctor_fix(doctor, r == -EPERM ? "sudo nat64ctl doctor" : "modprobe nf_tables");
		return doctor_say(doctor, r == -EPERM ? DOCTOR_SKIP : DOCTOR_FAIL, "%s",
				  error != NULL ? error : g_strerror(-r));
	}
	if (doctor->config != NULL && doctor->config->queue.rules == CONFIG_RULES_NFT) {
		doctor_fix(doctor, "modprobe nft_queue");
		return doctor_say(
			doctor, DOCTOR_FAIL,
			"nf_tables of this kernel can not queue, as Queue.Rules=nft wants");
	}
	if (doctor->config != NULL && doctor->config->queue.rules == CONFIG_RULES_NONE)
		return doctor_say(doctor, DOCTOR_OK, "nf_tables can not queue, nor is it to");
	if (rules_kernel_program((const char *const[]){"iptables-nft", "-V", NULL}, "", NULL,
				 NULL) < 0) {
		doctor_fix(doctor, "apt install iptables");
		return doctor_say(
			doctor, DOCTOR_FAIL,
			"nf_tables of this kernel can not queue, and there is no iptables");
	}
	return doctor_say(doctor, DOCTOR_OK,
			  "iptables queues, as nf_tables of this kernel can not");
}

static enum doctor_result has_rules(struct doctor *doctor)
{
	g_autofree char *rules = NULL, *error = NULL;
	g_autofree char *config = doctor_config_option(doctor);
	int r = rules_in_kernel(doctor->ctl->instance, &rules, &error);

	if (r == -EPERM)
		doctor_fix(doctor, "sudo nat64ctl doctor");
	if (r < 0)
		return doctor_say(doctor, r == -EPERM ? DOCTOR_SKIP : DOCTOR_FAIL, "%s", error);
	if (*rules != '\0')
		return doctor_say(doctor, DOCTOR_OK, "the packet rules are in place");
	doctor_fix_ctl(doctor, "setup%s", config);
	return doctor_say(doctor, DOCTOR_FAIL,
			  "there are no packet rules: packets to Pool6 leave as they are");
}

struct doctor_queue doctor_queue_parse(const char *text, uint32_t number)
{
	struct doctor_queue queue = {.exists = false};
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	for (char **line = lines; *line != NULL; line++) {
		uint64_t n, waiting, refused, seen;

		/* Number, who reads, waiting, how much of a packet is copied (2), dropped as it was
		 * full, dropped as its reader's socket was, and the id of the last packet. */
		if (sscanf(*line, "%" SCNu64 " %*s %" SCNu64 " %*s %*s %*s %" SCNu64 " %" SCNu64,
			   &n, &waiting, &refused, &seen) == 4 &&
		    n == number)
			queue = (struct doctor_queue){true, waiting, refused, seen};
	}
	return queue;
}

bool doctor_queue_is_stuck(const struct doctor_queue *before, const struct doctor_queue *now)
{
	/* What the socket has no place for gets an id, too, and never waits: kernels count in 32
	 * bits. */
	uint32_t queued = (uint32_t)((now->seen - before->seen) - (now->refused - before->refused));

	return before->waiting != 0 && (uint32_t)(now->waiting - before->waiting) == queued;
}

static bool look_at_queue(uint32_t number, struct doctor_queue *ret)
{
	g_autofree char *text = NULL;

	*ret = (struct doctor_queue){.exists = false};
	if (!g_file_get_contents(QUEUES_FILE, &text, NULL, NULL))
		return false;
	*ret = doctor_queue_parse(text, number);
	return true;
}

/* Those that the daemon has bound, whatever processors there are by now. */
static uint32_t n_queues(const struct doctor *doctor)
{
	uint32_t n = doctor->counters != NULL
			     ? ctl_stats_count(doctor->counters, "queue_", "_received")
			     : 0;

	return n > 0 ? n : 2 * rules_n_workers(doctor->config);
}

/* Does somebody read each queue, and give back what he reads? */
static enum doctor_result has_readers(struct doctor *doctor)
{
	g_autofree char *unit = doctor_unit(doctor);
	struct doctor_queue before[2 * 32];
	uint32_t first, n;

	if (doctor->config == NULL)
		return doctor_say(doctor, DOCTOR_SKIP, "the configuration is refused");
	first = doctor->config->queue.first;
	n = MIN(n_queues(doctor), G_N_ELEMENTS(before));
	for (uint32_t i = 0; i < n; i++) {
		if (!look_at_queue(first + i, &before[i]))
			return doctor_say(doctor, DOCTOR_SKIP, QUEUES_FILE " can not be read");
		if (before[i].exists)
			continue;
		doctor_fix(doctor, "systemctl restart %s", unit);
		return doctor_say(doctor, DOCTOR_FAIL,
				  "nobody reads queue %" PRIu32 ": what comes there is dropped",
				  first + i);
	}
	g_usleep(LOOK_AGAIN_USEC);
	for (uint32_t i = 0; i < n; i++) {
		struct doctor_queue now;

		if (!look_at_queue(first + i, &now) || !doctor_queue_is_stuck(&before[i], &now))
			continue;
		doctor_fix(doctor, "systemctl restart %s", unit);
		return doctor_say(doctor, DOCTOR_FAIL,
				  "%" PRIu64 " packets wait in queue %" PRIu32
				  ", and nobody has read one of them",
				  now.waiting, first + i);
	}
	return doctor_say(doctor, DOCTOR_OK, "the queues are read");
}

/* NULL: the reason has been said, and the result is DOCTOR_SKIP. */
static const GPtrArray *chains_of_others(struct doctor *doctor)
{
	g_autofree char *listing = NULL, *error = NULL;

	if (doctor->chains != NULL)
		return doctor->chains;
	if (rules_kernel_nft("list ruleset", false, &listing, &error) < 0) {
		(void)doctor_say(doctor, DOCTOR_SKIP, "the host's packet rules can not be read: %s",
				 error);
		return NULL;
	}
	doctor->chains = firewall_parse(listing);
	return doctor->chains;
}

/* From the counters. */
struct sent {
	uint64_t translated;
	uint64_t refused; /* by a firewall */
};

static struct sent count_sent(const GArray *counters)
{
	return (struct sent){
		.translated = ctl_stats_value(counters, "packets_6to4_translated") +
			      ctl_stats_value(counters, "packets_4to6_translated"),
		.refused = ctl_stats_value(counters, "send_errors_firewall"),
	};
}

/* What has come to it since doctor began. What was refused is looked at last: it is counted after
 * the packet has been. */
static struct sent count_sent_since(struct doctor *doctor)
{
	const struct sent before = count_sent(doctor->counters);
	g_autoptr(GArray) counters = NULL, later = NULL;

	if (ctl_stats_get(doctor->ctl, &counters) != CTL_DONE)
		return (struct sent){0};
	g_usleep(LOOK_AGAIN_USEC);
	if (ctl_stats_get(doctor->ctl, &later) != CTL_DONE)
		return (struct sent){0};
	return (struct sent){
		.translated = count_sent(counters).translated - before.translated,
		.refused = count_sent(later).refused - before.refused,
	};
}

/* There is no chain that does so in general; one may for some. */
static enum doctor_result judge_refused(struct doctor *doctor, uint64_t refused)
{
	struct sent since = count_sent_since(doctor);

	if (since.refused == 0 && since.translated > 0)
		return doctor_say(doctor, DOCTOR_OK,
				  "no firewall drops what is translated: none of the last %" PRIu64
				  " packets, of those before %" PRIu64,
				  since.translated, refused);
	doctor_fix(doctor, "nft list ruleset");
	if (since.refused > 0)
		return doctor_say(doctor, DOCTOR_WARN,
				  "a firewall has refused %" PRIu64 " packets, %" PRIu64
				  " of them just now; no chain does so in general",
				  refused + since.refused, since.refused);
	return doctor_say(doctor, DOCTOR_WARN,
			  "a firewall has refused %" PRIu64
			  " packets; no chain does so in general, "
			  "and just now there was none to show whether it still does",
			  refused);
}

/* Does the kernel forward TCP for us? */
static bool is_forwarded(const struct doctor *doctor)
{
	if (doctor->config->queue.inject == CONFIG_INJECT_AUTO)
		return doctor->counters != NULL &&
		       ctl_stats_value(doctor->counters, "tcp_by_packet") != 0;
	return doctor->config->queue.inject == CONFIG_INJECT_PACKET;
}

static enum doctor_result passes_firewall(struct doctor *doctor)
{
	const GPtrArray *chains = chains_of_others(doctor);
	g_autofree char *finding = NULL, *fix = NULL, *device = NULL;
	uint64_t refused = doctor->counters != NULL ? count_sent(doctor->counters).refused : 0;
	struct firewall_ours ours;

	if (chains == NULL)
		return DOCTOR_SKIP;
	if (doctor->config == NULL)
		return doctor_say(doctor, DOCTOR_SKIP, "the configuration is refused");
	device = rules_inject_device(doctor->ctl->instance);
	ours = (struct firewall_ours){
		.mark = doctor->config->queue.mark,
		.device = is_forwarded(doctor) ? device : NULL,
	};
	if (firewall_eats(chains, &ours, &finding, &fix)) {
		doctor_fix(doctor, "%s", fix);
		return doctor_say(doctor, refused > 0 ? DOCTOR_FAIL : DOCTOR_WARN,
				  refused > 0 ? "%s; %" PRIu64 " were refused" : "%s", finding,
				  refused);
	}
	if (refused == 0)
		return doctor_say(doctor, DOCTOR_OK, "no firewall drops what is translated");
	return judge_refused(doctor, refused);
}

static enum doctor_result has_marks_of_its_own(struct doctor *doctor)
{
	const GPtrArray *chains = chains_of_others(doctor);
	g_autofree char *clash = NULL;

	if (chains == NULL)
		return DOCTOR_SKIP;
	if (doctor->config == NULL)
		return doctor_say(doctor, DOCTOR_SKIP, "the configuration is refused");
	clash = firewall_marks(chains, &doctor->config->queue.mark);
	if (clash == NULL)
		return doctor_say(doctor, DOCTOR_OK, "no rule of others sets a mark of nat64d's");
	doctor_fix_key(doctor, "Queue", "Mark", "0x28000000/0xfc000000");
	return doctor_say(doctor, DOCTOR_WARN, "%s", clash);
}

/* "what it is: the command" */
static enum doctor_result say_with_command(struct doctor *doctor, const char *sentence)
{
	const char *command = strstr(sentence, "): ");

	command = command != NULL ? command + 1 : strrchr(sentence, ':');
	if (command == NULL)
		return doctor_say(doctor, DOCTOR_WARN, "%s", sentence);
	if (!g_str_has_prefix(command + strlen(": "), "Ports="))
		doctor_fix(doctor, "%s", command + strlen(": "));
	return doctor_say(doctor, DOCTOR_WARN, "%.*s", (int)(command - sentence), sentence);
}

static enum doctor_result is_beside_nat44(struct doctor *doctor)
{
	const struct ctl_entries *entries = doctor_entries(doctor);
	g_autoptr(GArray) own = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	struct rules_plan plan;
	enum doctor_result result;

	if (entries == NULL || doctor->config == NULL)
		return doctor_say(doctor, DOCTOR_SKIP, "the configuration is refused");
	if (rules_host_addresses(own) < 0)
		return doctor_say(doctor, DOCTOR_SKIP, "the host's addresses can not be read");
	rules_plan_init(&plan, doctor->ctl->instance, doctor->config, RULES_NONE);
	rules_plan_set_entries(
		&plan, (const struct rules_entry *)(const void *)entries->entry->data,
		entries->entry->len, (const uint32_t *)(const void *)own->data, own->len);
	rules_nat44_check(&plan);
	if (plan.warnings->len == 0) {
		result = doctor_say(doctor, DOCTOR_OK, "no NAT44 uses ports of pool4's");
	} else {
		const struct rules_warning *warning = g_ptr_array_index(plan.warnings, 0);

		result = say_with_command(doctor, warning->text);
	}
	rules_plan_deinit(&plan);
	return result;
}

static void add_option(GString *text, const char *option, const char *value)
{
	g_autofree char *quoted = NULL;

	if (*value == '\0')
		return;
	quoted = g_shell_quote(value);
	g_string_append_printf(text, " %s %s", option, quoted);
}

char *doctor_remake(const struct ctl_pool4 *entry, const char *ports)
{
	g_autofree char *protocols = g_strdup(entry->protocols);
	g_autofree char *addresses = g_shell_quote(entry->addresses);
	GString *text = g_string_new(addresses);

	g_strdelimit(protocols, " ", ',');
	g_string_append_printf(text, " '%s' --name %s", ports, entry->name);
	/* All of them is what an entry has without a word. */
	if (strcmp(protocols, "tcp,udp,icmp") != 0)
		add_option(text, "--protocols", protocols);
	add_option(text, "--clients", entry->clients);
	if (entry->overflow)
		g_string_append(text, " --overflow");
	add_option(text, "--prefix", entry->prefix);
	add_option(text, "--comment", entry->comment);
	return g_string_free(text, FALSE);
}

struct remake {
	const char *name;
	const char *ports;
	char *words;
};

static bool remake_if_meant(const struct ctl_pool4 *entry, void *context)
{
	struct remake *remake = context;

	if (strcmp(entry->name, remake->name) != 0)
		return false;
	remake->words = doctor_remake(entry, remake->ports);
	return true;
}

/* Ports=LIST leaves them out, in the file or, of an entry made at run time, made anew. */
static void fix_ports(struct doctor *doctor, const struct rules_entry *entry, const char *sentence)
{
	const char *ports = strstr(sentence, "Ports=");
	const char *instance = doctor->ctl->instance;
	g_autofree char *list = NULL;
	struct remake remake = {.name = entry->name};

	if (ports == NULL)
		return;
	ports += strlen("Ports=");
	list = g_strndup(ports, strcspn(ports, "l")); /* "leaves out" */
	g_strchomp(list);
	for (uint32_t i = 0; doctor->config != NULL && i < doctor->config->n_pool4; i++) {
		g_autofree char *section = g_strdup_printf("Pool4 %s", entry->name);

		if (strcmp(doctor->config->pool4[i].spec.name, entry->name) != 0)
			continue;
		doctor_fix_key(doctor, section, "Ports", list);
		return;
	}
	remake.ports = list;
	if (doctor->state != NULL)
		(void)ctl_pool4_each(doctor->ctl, remake_if_meant, &remake);
	if (remake.words != NULL) {
		g_autofree char *finding = g_steal_pointer(&doctor->finding);

		doctor_fix_ctl(doctor, "pool4 remove %s --force && nat64ctl%s%s pool4 add %s",
			       entry->name, instance != NULL ? " -i " : "",
			       instance != NULL ? instance : "", remake.words);
		(void)doctor_say(doctor, DOCTOR_WARN,
				 "%s; if it was added as interface:NAME, that goes in place of the "
				 "addresses",
				 finding);
	}
	g_free(remake.words);
}

static enum doctor_result has_ports_of_its_own(struct doctor *doctor)
{
	g_autofree struct pool4_auto_host *host = g_new0(struct pool4_auto_host, 1);
	g_autoptr(GPtrArray) sentences = g_ptr_array_new_with_free_func(g_free);
	const struct ctl_entries *entries = doctor_entries(doctor);
	struct pool4_auto *autos;
	guint n_own = 0;

	if (entries == NULL)
		return doctor_say(doctor, DOCTOR_SKIP, "the configuration is refused");
	if (pool4_auto_new(&autos) < 0)
		return doctor_say(doctor, DOCTOR_SKIP, "the host's ports can not be read");
	for (guint i = 0; i < entries->entry->len && sentences->len == 0; i++) {
		const struct rules_entry *entry =
			&g_array_index(entries->entry, struct rules_entry, i);
		uint32_t addr;

		if (entry->name == NULL ||
		    !pool4_auto_own(autos, entry->addresses, entry->n_addresses, &addr))
			continue;
		n_own++;
		pool4_auto_read_host(autos, addr, 1, host);
		pool4_clash_check(entry->name, addr, entry->ports, host, sentences);
		if (sentences->len > 0) {
			(void)say_with_command(doctor, g_ptr_array_index(sentences, 0));
			fix_ports(doctor, entry, g_ptr_array_index(sentences, 0));
		}
	}
	pool4_auto_free(autos);
	if (sentences->len > 0)
		return DOCTOR_WARN;
	return doctor_say(doctor, DOCTOR_OK,
			  n_own > 0 ? "pool4 has no port that the host's programs use"
				    : "pool4 has no address of the host's own");
}

const struct doctor_check doctor_rule_checks[] = {
	{"kernel", has_queue_expression}, {"rules", has_rules},
	{"readers", has_readers},         {"firewall", passes_firewall},
	{"marks", has_marks_of_its_own},  {"ports", has_ports_of_its_own},
	{"nat44", is_beside_nat44},       {NULL},
};
