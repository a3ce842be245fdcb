/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nat64ctl doctor: what a laboratory can not provoke (tests/netns/doctor.sh does the rest):
 * counters that take hours, cards that it does not have, clocks that are wrong, and rules of many
 * forms.
 */
#include <glib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/config_override.h"
#include "tools/ctl_doctor.h"
#include "tools/ctl_firewall.h"
#include "tools/ctl_stats.h"

static void clear_counter(gpointer data)
{
	g_free(((struct ctl_counter *)data)->name);
}

static void add_counter(struct doctor *doctor, const char *name, uint64_t value)
{
	struct ctl_counter counter = {g_strdup(name), value};

	g_array_append_val(doctor->counters, counter);
}

/* A daemon that answers, or that of an instance. */
static struct doctor *doctor_new(const char *instance)
{
	struct doctor *doctor = g_new0(struct doctor, 1);

	doctor->ctl = g_new0(struct ctl, 1);
	doctor->ctl->instance = instance;
	doctor->config_path = "/etc/nat64d/nat64d.conf";
	doctor->config = config_new_default();
	doctor->problems = config_problems_new();
	doctor->counters = g_array_new(FALSE, FALSE, sizeof(struct ctl_counter));
	g_array_set_clear_func(doctor->counters, clear_counter);
	doctor->state = g_strdup("active");
	return doctor;
}

static void doctor_free(struct doctor *doctor)
{
	g_free(doctor->finding);
	g_free(doctor->fix);
	g_free(doctor->state);
	g_array_unref(doctor->counters);
	g_clear_pointer(&doctor->links, g_array_unref);
	config_free(doctor->config);
	g_ptr_array_unref(doctor->problems);
	g_free(doctor->ctl);
	g_free(doctor);
}

static enum doctor_result run(struct doctor *doctor, const struct doctor_check *checks,
			      const char *name)
{
	g_clear_pointer(&doctor->finding, g_free);
	g_clear_pointer(&doctor->fix, g_free);
	for (; checks->name != NULL; checks++) {
		if (strcmp(checks->name, name) == 0)
			return checks->run(doctor);
	}
	g_error("there is no check %s", name);
}

static const struct {
	const char *check;
	struct {
		const char *name;
		uint64_t value;
	} counter[3];
	enum doctor_result result;
	const char *fix;
} of_counters[] = {
	{"stored-syns", {{"stored_syns", 79}, {"limit_stored_syns", 100}}, DOCTOR_OK, NULL},
	{"stored-syns",
	 {{"stored_syns", 80}, {"limit_stored_syns", 100}},
	 DOCTOR_WARN,
	 "nat64ctl config set Limits.StoredSYNs 200"},
	{"fragments",
	 {{"fragment_bytes", 100}, {"limit_fragment_bytes", 100}},
	 DOCTOR_WARN,
	 "nat64ctl config set Limits.FragmentMemory 200"},
	{"fragments", {{"limit_fragment_bytes", 100}}, DOCTOR_OK, NULL},
	{"speed", {{"packets_6to4_late", 0}}, DOCTOR_OK, NULL},
	{"speed",
	 {{"packets_4to6_late", 7}},
	 DOCTOR_WARN,
	 "systemctl set-property nat64d CPUWeight=1000"},
	{"sending",
	 {{"send_errors_no_buffer", 1}},
	 DOCTOR_WARN,
	 "nat64ctl config set Queue.Memory 256M"},
	{"sending", {{"send_errors_other", 1}}, DOCTOR_WARN, "nat64ctl monitor drops"},
	/* Of servers that are not there. */
	{"sending", {{"send_errors_unreachable", 9}, {"send_errors_no_route", 9}}, DOCTOR_OK, NULL},
	{"traffic", {{"uptime_usec", 599999999}}, DOCTOR_OK, NULL},
	{"traffic", {{"uptime_usec", 600000000}}, DOCTOR_WARN, "nat64ctl doctor --probe ADDRESS4"},
	{"traffic", {{"uptime_usec", 600000000}, {"queue_6400_received", 1}}, DOCTOR_OK, NULL},
	{"queues", {{"queue_6400_lost", 1}}, DOCTOR_WARN, "nat64ctl config set Queue.Length 65536"},
	{"database", {{"state_failing", 1}}, DOCTOR_FAIL, "journalctl -u nat64d -p warning"},
};

static void test_counters(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(of_counters); i++) {
		struct doctor *doctor = doctor_new(NULL);

		for (size_t j = 0; j < 3 && of_counters[i].counter[j].name != NULL; j++)
			add_counter(doctor, of_counters[i].counter[j].name,
				    of_counters[i].counter[j].value);
		g_test_message("%s, %zu", of_counters[i].check, i);
		g_assert_cmpint(run(doctor, doctor_daemon_checks, of_counters[i].check), ==,
				of_counters[i].result);
		g_assert_cmpstr(doctor->fix, ==, of_counters[i].fix);
		g_assert_nonnull(doctor->finding);
		doctor_free(doctor);
	}
}

/* Without a daemon nothing is said about it, and every check of it says so. */
static void test_no_daemon(void)
{
	struct doctor *doctor = doctor_new(NULL);

	g_clear_pointer(&doctor->state, g_free);
	g_assert_cmpint(run(doctor, doctor_daemon_checks, "daemon"), ==, DOCTOR_FAIL);
	g_assert_cmpstr(doctor->fix, ==, "systemctl restart nat64d");
	for (const struct doctor_check *check = doctor_daemon_checks + 1; check->name != NULL;
	     check++)
		g_assert_cmpint(run(doctor, doctor_daemon_checks, check->name), ==, DOCTOR_SKIP);
	doctor_free(doctor);
}

/* Each remedy is for the instance that was asked about. */
static void test_instance(void)
{
	static const struct {
		const char *check, *counter, *fix;
	} cases[] = {
		{"queues", "queue_1_lost", "nat64ctl -i lan config set Queue.Length 65536"},
		{"speed", "packets_6to4_late", "systemctl set-property nat64d@lan CPUWeight=1000"},
		{"database", "state_failing", "journalctl -u nat64d@lan -p warning"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct doctor *doctor = doctor_new("lan");

		add_counter(doctor, cases[i].counter, 1);
		(void)run(doctor, doctor_daemon_checks, cases[i].check);
		g_assert_cmpstr(doctor->fix, ==, cases[i].fix);
		doctor_free(doctor);
	}
}

static void test_clock(void)
{
	static const struct {
		bool synchronised, retention;
		int64_t now_s, file_s;
		enum doctor_result result;
	} cases[] = {
		{true, true, 1000, 0, DOCTOR_OK},      {true, true, 1000, 1060, DOCTOR_OK},
		{true, true, 1000, 1061, DOCTOR_FAIL}, {false, false, 1000, 0, DOCTOR_OK},
		{false, true, 1000, 0, DOCTOR_WARN},   {false, true, 0, 2000000000, DOCTOR_FAIL},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct doctor *doctor = doctor_new(NULL);
		struct doctor_clock clock = {cases[i].synchronised, cases[i].now_s,
					     cases[i].file_s};

		doctor->config->nat64.retention_s = cases[i].retention ? 3600 : 0;
		g_test_message("case %zu", i);
		g_assert_cmpint(doctor_judge_clock(doctor, &clock), ==, cases[i].result);
		g_assert_cmpstr(doctor->fix, ==,
				cases[i].result == DOCTOR_OK ? NULL : "timedatectl set-ntp true");
		doctor_free(doctor);
	}
}

/* What is set at run time counts above the files; what does not fit to them does not, and is told.
 */
static void test_runtime_keys(void)
{
	static const struct {
		const char *key, *value;
		bool fits;
	} cases[] = {
		{"Log.Bindings", "yes", true},
		{"Timeouts.UDP", "1s", false},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct doctor *doctor = doctor_new(NULL);
		g_autoptr(GPtrArray) overrides = config_overrides_new();
		struct doctor_clock clock = {.now_s = 1000};
		g_autofree char *path = NULL;
		int fd = g_file_open_tmp("doctor-XXXXXX", &path, NULL);

		g_assert_cmpint(fd, >=, 0);
		close(fd);
		g_assert_true(g_file_set_contents(path, "[Timeouts]\nUDP=6min\n", -1, NULL));
		doctor->config_path = path;
		doctor->config_given = true;
		config_free(doctor->config);
		doctor_config_load(doctor);
		g_assert_cmpint(doctor_judge_clock(doctor, &clock), ==, DOCTOR_OK);
		config_override_put(overrides, config_key_parse(cases[i].key), cases[i].value,
				    NULL);
		doctor_config_lay(doctor, overrides);
		g_assert_cmpuint(doctor->config->nat64.udp_ms, ==, 360000);
		g_assert_cmpint(doctor_judge_clock(doctor, &clock), ==,
				cases[i].fits ? DOCTOR_WARN : DOCTOR_OK);
		g_assert_cmpint(run(doctor, doctor_host_checks, "configuration"), ==,
				cases[i].fits ? DOCTOR_OK : DOCTOR_WARN);
		(void)unlink(path);
		doctor_free(doctor);
	}
}

static void set_link(struct doctor *doctor, const struct doctor_link *link)
{
	doctor->links = g_array_new(FALSE, FALSE, sizeof(struct doctor_link));
	g_array_append_val(doctor->links, *link);
}

static void test_links(void)
{
	static const struct {
		const char *check;
		struct doctor_link link;
		uint64_t truncated;
		const char *fix; /* NULL: all is well */
	} cases[] = {
		{"lro", {.name = "wan0", .up = true, .lro = true}, 0, "ethtool -K wan0 lro off"},
		{"lro", {.name = "wan0", .lro = true}, 0, NULL},
		{"lro", {.name = "wan0", .up = true}, 0, NULL},
		{"superpackets", {.name = "a", .up = true, .gso_max_size = 65536}, 0, NULL},
		{"superpackets",
		 {.name = "a", .up = true, .gso_max_size = 65536},
		 1,
		 "ip link set a gso_max_size 65000 gro_max_size 65000"},
		{"superpackets",
		 {.name = "a", .up = true, .gro_max_size = 65537},
		 0,
		 "ip link set a gso_max_size 65000 gro_max_size 65000"},
		{"superpackets",
		 {.name = "lo", .up = true, .loopback = true, .gro_max_size = 100000},
		 0,
		 NULL},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct doctor *doctor = doctor_new(NULL);

		set_link(doctor, &cases[i].link);
		add_counter(doctor, "packets_6to4_truncated", cases[i].truncated);
		g_test_message("case %zu", i);
		g_assert_cmpint(run(doctor, doctor_link_checks, cases[i].check), ==,
				cases[i].fix != NULL ? DOCTOR_WARN : DOCTOR_OK);
		g_assert_cmpstr(doctor->fix, ==, cases[i].fix);
		doctor_free(doctor);
	}
}

/* One chain, and whether it eats what is translated. */
#define CHAIN(family, table, name, head, rules)                                    \
	"table " family " " table " { # handle 1\n\tchain " name " { # handle 2\n" \
	"\t\t" head "\n" rules "\t}\n}\n"
#define OUTPUT(rules) \
	CHAIN("inet", "fw", "out", "type filter hook output priority filter; policy drop;", rules)

static const struct {
	const char *listing;
	bool forwarded;  /* Queue.Inject=packet */
	const char *fix; /* NULL: it does not */
} firewalls[] = {
	{"", false, NULL},
	{OUTPUT(""), false,
	 "nft insert rule inet fw out meta mark and 0xff000000 == 0x64000000 accept"},
	{OUTPUT("\t\tmeta mark & 0xff000000 == 0x64000000 accept # handle 3\n"), false, NULL},
	{OUTPUT("\t\tmeta mark & 0xff000000 == 0x64000000 counter packets 1 bytes 2 accept\n"),
	 false, NULL},
	/* Whoever is accepted before nobody is dropped. */
	{OUTPUT("\t\tcounter packets 1 bytes 2 accept\n"), false, NULL},
	{OUTPUT("\t\tdrop\n\t\tmeta mark & 0xff000000 == 0x64000000 accept\n"), false,
	 "nft insert rule inet fw out meta mark and 0xff000000 == 0x64000000 accept"},
	{OUTPUT("\t\tip daddr 192.0.2.1 accept\n\t\tlog prefix \"accept all \" comment \"drop it\" "
		"reject with icmpx admin-prohibited\n"),
	 false, "nft insert rule inet fw out meta mark and 0xff000000 == 0x64000000 accept"},
	{CHAIN("ip", "filter", "OUTPUT", "type filter hook output priority 0; policy drop;", ""),
	 false, "iptables -t filter -I OUTPUT -m mark --mark 0x64000000/0xff000000 -j ACCEPT"},
	{CHAIN("ip6", "mangle", "POSTROUTING",
	       "type filter hook postrouting priority mangle; policy drop;", ""),
	 false,
	 "ip6tables -t mangle -I POSTROUTING -m mark --mark 0x64000000/0xff000000 -j ACCEPT"},
	/* What raw sockets send is not forwarded. */
	{CHAIN("inet", "fw", "fwd", "type filter hook forward priority 0; policy drop;", ""), false,
	 NULL},
	{CHAIN("inet", "fw", "fwd", "type filter hook forward priority 0; policy drop;", ""), true,
	 "nft insert rule inet fw fwd meta mark and 0xff000000 == 0x64000000 accept"},
	{CHAIN("inet", "fw", "fwd", "type filter hook forward priority 0; policy drop;",
	       "\t\tiifname \"nat64d\" accept\n"),
	 true, NULL},
	{CHAIN("inet", "fw", "in", "type filter hook input priority 0; policy drop;", ""), false,
	 NULL},
	{CHAIN("inet", "fw", "pre", "type filter hook prerouting priority -500; policy drop;", ""),
	 false, "nft insert rule inet fw pre meta mark and 0xff000000 == 0x64000000 accept"},
	{CHAIN("inet", "fw", "pre", "type filter hook prerouting priority raw; policy drop;", ""),
	 false, NULL},
	{CHAIN("inet", "fw", "pre", "type filter hook prerouting priority raw - 200; policy drop;",
	       ""),
	 false, "nft insert rule inet fw pre meta mark and 0xff000000 == 0x64000000 accept"},
	{CHAIN("inet", "fw", "out", "type filter hook output priority 0; policy accept;",
	       "\t\tct state invalid,untracked drop\n"),
	 false, "nft insert rule inet fw out meta mark and 0xff000000 == 0x64000000 accept"},
	{CHAIN("inet", "fw", "out", "type filter hook output priority 0; policy accept;",
	       "\t\tct state invalid drop\n\t\tct state untracked accept\n"),
	 false, NULL},
	/* Our own, and those of an instance. */
	{CHAIN("inet", "nat64d", "out", "type filter hook output priority 0; policy drop;", ""),
	 false, NULL},
	{CHAIN("inet", "nat64d_lan", "out", "type filter hook output priority 0; policy drop;", ""),
	 false, NULL},
	{CHAIN("bridge", "fw", "out", "type filter hook output priority 0; policy drop;", ""),
	 false, NULL},
	/* Not whole, and not nft's at all. */
	{"table inet", false, NULL},
	{"table inet fw {\n\tchain out {\n\t\ttype filter hook output priority", false, NULL},
	{"chain out {\n\ttype filter hook output priority 0; policy drop;\n}\n", false, NULL},
	{"}\n}\n\n\t # handle \n\"\n", false, NULL},
};

static void test_firewall(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(firewalls); i++) {
		g_autoptr(GPtrArray) chains = firewall_parse(firewalls[i].listing);
		g_autofree char *finding = NULL, *fix = NULL;
		const struct firewall_ours ours = {
			.mark = {0x64000000, 0xff000000},
			.device = firewalls[i].forwarded ? "nat64d" : NULL,
		};

		g_test_message("%zu: %s", i, firewalls[i].listing);
		g_assert_cmpint(firewall_eats(chains, &ours, &finding, &fix), ==,
				firewalls[i].fix != NULL);
		g_assert_cmpstr(fix, ==, firewalls[i].fix);
	}
}

static void test_marks(void)
{
	static const struct {
		const char *rule;
		bool clashes;
	} cases[] = {
		{"meta mark set 0x64000000", true},
		{"meta mark set 0x64000007 accept", true},
		{"meta mark set 0x65000000", true},
		{"meta mark set 0x66123456", true},
		{"meta mark set 0x67000000", false},
		{"meta mark set 0x00000001", false},
		{"meta mark set meta mark & 0x00ffffff | 0x64000000", true},
		{"meta mark set mark and 0x00ffffff xor 0x65000000", true},
		{"ip daddr 192.0.2.1 meta mark set ct mark", false},
		{"ct mark set 0x64000000", false},
		{"meta mark & 0xff000000 == 0x64000000 drop", false},
		{"meta mark set", false},
		{"meta mark set 0x", false},
		{"meta mark set 0xffffffffffff", false},
		{"meta mark set 0x1 comment \"0x64000000\"", false},
	};
	const struct config_mark mark = {0x64000000, 0xff000000};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *listing = g_strdup_printf(
			"table ip shaper {\n\tchain marks {\n\t\t%s # handle 9\n\t}\n}\n",
			cases[i].rule);
		g_autoptr(GPtrArray) chains = firewall_parse(listing);
		g_autofree char *clash = firewall_marks(chains, &mark);
		g_autofree char *expected = g_strdup_printf("'%s' (chain marks of table ip shaper) "
							    "gives packets a mark that is nat64d's",
							    cases[i].rule);

		g_assert_cmpstr(clash, ==, cases[i].clashes ? expected : NULL);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/doctor/counters", test_counters);
	g_test_add_func("/doctor/no_daemon", test_no_daemon);
	g_test_add_func("/doctor/instance", test_instance);
	g_test_add_func("/doctor/clock", test_clock);
	g_test_add_func("/doctor/runtime_keys", test_runtime_keys);
	g_test_add_func("/doctor/links", test_links);
	g_test_add_func("/doctor/firewall", test_firewall);
	g_test_add_func("/doctor/marks", test_marks);
	return g_test_run();
}
