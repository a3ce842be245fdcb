/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nat64ctl doctor: what a laboratory can not provoke (tests/netns/doctor.sh does the rest):
 * counters that take hours, cards that it does not have, and clocks that are wrong.
 */
#include <glib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/config_override.h"
#include "tools/ctl_doctor.h"
#include "tools/ctl_firewall.h"
#include "tools/ctl_pool4.h"
#include "tools/ctl_stats.h"

static void clear_counter(gpointer data)
{
	g_free(((struct ctl_counter *)data)->name);
}

static GArray *counters_new(void)
{
	GArray *counters = g_array_new(FALSE, FALSE, sizeof(struct ctl_counter));

	g_array_set_clear_func(counters, clear_counter);
	return counters;
}

/* As it is when doctor begins, and stays. */
static void add_counter(struct doctor *doctor, const char *name, uint64_t value)
{
	struct ctl_counter counter = {g_strdup(name), value}, later = {g_strdup(name), value};

	g_array_append_val(doctor->counters, counter);
	g_array_append_val(doctor->later, later);
}

/* What comes while it looks. */
static void add_later(struct doctor *doctor, const char *name, uint64_t value)
{
	struct ctl_counter counter = {g_strdup(name), 0}, later = {g_strdup(name), value};

	g_array_append_val(doctor->counters, counter);
	g_array_append_val(doctor->later, later);
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
	doctor->counters = counters_new();
	doctor->later = counters_new();
	doctor->state = g_strdup("active");
	return doctor;
}

static void doctor_free(struct doctor *doctor)
{
	g_free(doctor->finding);
	g_free(doctor->fix);
	g_free(doctor->state);
	g_array_unref(doctor->counters);
	g_array_unref(doctor->later);
	g_clear_pointer(&doctor->links, g_array_unref);
	g_clear_pointer(&doctor->chains, g_ptr_array_unref);
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
	/* While nobody read the queues, before it started. */
	{"speed",
	 {{"packets_4to6_late", 7}, {"uptime_usec", 599999999}},
	 DOCTOR_WARN,
	 "journalctl -u nat64d -n 100"},
	{"speed", {{"packets_4to6_late", 7}, {"uptime_usec", 600000000}}, DOCTOR_OK, NULL},
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

/* What has been cured is not complained of any more, once packets show that. */
static void test_past(void)
{
	static const struct {
		const char *check, *counter;
		uint64_t received, more; /* while doctor looks */
		const char *finding;
	} cases[] = {
		{"queues", "queue_1_lost", 0, 0,
		 "3 packets were lost in the queues; just now there was none to show whether that "
		 "goes on"},
		{"queues", "queue_1_lost", 9, 2,
		 "5 packets were lost in the queues, 2 of them just now"},
		{"queues", "queue_1_lost", 9, 0,
		 "none of the last 9 packets was lost in the queues; 3 were, of those before"},
		{"sending", "send_errors_no_buffer", 9, 0,
		 "none of the last 9 packets was left unsent; 3 were, of those before"},
		{"sending", "send_errors_other", 9, 1,
		 "4 packets were left unsent, 1 of them just now, for reasons of the kernel's"},
		{"sending", "send_errors_other", 9, 0,
		 "none of the last 9 packets was left unsent; 3 were, of those before"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct doctor *doctor = doctor_new(NULL);
		bool well = cases[i].received > 0 && cases[i].more == 0;

		add_counter(doctor, cases[i].counter, 3);
		add_later(doctor, "queue_1_received", cases[i].received);
		g_array_index(doctor->later, struct ctl_counter, 0).value += cases[i].more;
		g_test_message("case %zu", i);
		g_assert_cmpint(run(doctor, doctor_daemon_checks, cases[i].check), ==,
				well ? DOCTOR_OK : DOCTOR_WARN);
		g_assert_cmpstr(doctor->finding, ==, cases[i].finding);
		g_assert_cmpint(doctor->fix == NULL, ==, well);
		doctor_free(doctor);
	}
}

/* A remedy never makes worse what is set already. */
static void test_from_what_is_set(void)
{
	static const struct {
		const char *counter, *check;
		uint32_t length;
		uint64_t memory_size;
		const char *fix;
	} cases[] = {
		{"queue_1_lost", "queues", 16, 1, "nat64ctl config set Queue.Length 65536"},
		{"queue_1_lost", "queues", 100000, 1, "nat64ctl config set Queue.Length 200000"},
		{"queue_1_lost", "queues", 10000000, 1,
		 "nat64ctl config set Queue.Length 16777216"},
		{"queue_1_lost", "queues", 16777216, 1, "nat64ctl top"},
		{"send_errors_no_buffer", "sending", 1, 512u << 20,
		 "nat64ctl config set Queue.Memory 1024M"},
		{"send_errors_no_buffer", "sending", 1, 1u << 30, "tc -s qdisc show"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct doctor *doctor = doctor_new(NULL);

		add_counter(doctor, cases[i].counter, 1);
		doctor->config->queue.length = cases[i].length;
		doctor->config->queue.memory_size = cases[i].memory_size;
		g_assert_cmpint(run(doctor, doctor_daemon_checks, cases[i].check), ==, DOCTOR_WARN);
		g_assert_cmpstr(doctor->fix, ==, cases[i].fix);
		doctor_free(doctor);
	}
}

/* Routes that ip takes, and none to an address by itself. */
static void test_routes(void)
{
	const struct addr4_range ranges[] = {{0xcb007100, 0xcb007106},  /* 203.0.113.0-6 */
					     {0xc0000201, 0xc0000201}}; /* 192.0.2.1 */
	g_autofree char *routes = doctor_route_commands(ranges, 2, 0xc0000201);
	g_autofree char *none = doctor_route_commands(ranges + 1, 1, 0xc0000201);

	g_assert_cmpstr(routes, ==,
			"ip route add 203.0.113.0/30 via 192.0.2.1 && "
			"ip route add 203.0.113.4/31 via 192.0.2.1 && "
			"ip route add 203.0.113.6/32 via 192.0.2.1");
	g_assert_cmpstr(none, ==, "");
}

/* Nobody reads, though the kernel counts on. */
static void test_queues_of_the_kernel(void)
{
	static const struct {
		const char *before, *now;
		bool stuck;
	} cases[] = {
		{" 6400  12     0 2 65531     0     0        5  1\n",
		 " 6400  12     0 2 65531     0     0        5  1\n", false},
		{" 6400  12     3 2 65531     0     0        5  1\n",
		 " 6400  12     3 2 65531     0     0        5  1\n", true},
		{" 6400  12     3 2 65531     0     0        5  1\n",
		 " 6400  12     5 2 65531     0     0        7  1\n", true},
		{" 6400  12     3 2 65531     0     0        5  1\n",
		 " 6400  12     3 2 65531     0     0        7  1\n", false},
		/* The socket is full: its packets have ids, and are dropped at once. */
		{" 6400  12     3 2 65531     0     1        5  1\n",
		 " 6400  12     3 2 65531     0     5        9  1\n", true},
		{" 6400  12     3 2 65531     0     1        5  1\n",
		 " 6400  12     3 2 65531     0     5       10  1\n", false},
		/* Ids have 32 bits. */
		{" 6400  12     3 2 65531     0     0 4294967295  1\n",
		 " 6400  12     5 2 65531     0     0        1  1\n", true},
		{"", "", false},
		{"64", "6400 1 x", false},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct doctor_queue before = doctor_queue_parse(cases[i].before, 6400);
		struct doctor_queue now = doctor_queue_parse(cases[i].now, 6400);

		g_test_message("case %zu", i);
		g_assert_cmpint(doctor_queue_is_stuck(&before, &now), ==, cases[i].stuck);
		g_assert_false(doctor_queue_parse(cases[i].before, 6401).exists);
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
		{"speed", "packets_6to4_late", "journalctl -u nat64d@lan -n 100"},
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

/* An entry that is made anew is what it was, but for its ports; what others wrote stays a word. */
static void test_remake(void)
{
	static const struct {
		struct ctl_pool4 entry;
		const char *words;
	} cases[] = {
		{{.name = "own",
		  .addresses = "192.0.2.1 192.0.2.8/29",
		  .protocols = "tcp udp icmp",
		  .clients = "",
		  .prefix = "",
		  .comment = ""},
		 "'192.0.2.1 192.0.2.8/29' '5000-5009' --name own"},
		{{.name = "lan",
		  .addresses = "192.0.2.1",
		  .protocols = "tcp udp",
		  .clients = "2001:db8:1::/48 2001:db8:2::/48",
		  .overflow = 1,
		  .prefix = "64:ff9b::/96",
		  .comment = "it's $(mine); `now`"},
		 "'192.0.2.1' '5000-5009' --name lan --protocols 'tcp,udp' --clients "
		 "'2001:db8:1::/48 2001:db8:2::/48' --overflow --prefix '64:ff9b::/96' --comment "
		 "'it'\\''s $(mine); `now`'"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *words = doctor_remake(&cases[i].entry, "5000-5009");

		g_assert_cmpstr(words, ==, cases[i].words);
	}
}

/* What mends one section leaves what mended another one. */
static void test_drop_ins(void)
{
	struct doctor *doctor = doctor_new(NULL);

	doctor_fix_key(doctor, "Pool4 wan", "Ports", "5000-5009");
	g_assert_cmpstr(
		doctor->fix, ==,
		"mkdir -p /etc/nat64d/nat64d.conf.d && printf '[Pool4 "
		"wan]\\nPorts=5000-5009\\n' >/etc/nat64d/nat64d.conf.d/90-Pool4-wan-Ports.conf "
		"&& systemctl restart nat64d");
	doctor_free(doctor);
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

/* With Inject=auto FORWARD counts for as long as TCP goes that way. */
static void test_firewall_of_auto(void)
{
	for (uint64_t by_packet = 0; by_packet < 2; by_packet++) {
		struct doctor *doctor = doctor_new(NULL);

		add_counter(doctor, "tcp_by_packet", by_packet);
		doctor->chains = firewall_parse("table inet fw {\n\tchain fwd {\n\t\ttype filter "
						"hook forward priority 0; policy drop;\n\t}\n}\n");
		g_assert_cmpint(run(doctor, doctor_rule_checks, "firewall"), ==,
				by_packet != 0 ? DOCTOR_WARN : DOCTOR_OK);
		doctor_free(doctor);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/doctor/counters", test_counters);
	g_test_add_func("/doctor/past", test_past);
	g_test_add_func("/doctor/from_what_is_set", test_from_what_is_set);
	g_test_add_func("/doctor/routes", test_routes);
	g_test_add_func("/doctor/queues_of_the_kernel", test_queues_of_the_kernel);
	g_test_add_func("/doctor/no_daemon", test_no_daemon);
	g_test_add_func("/doctor/instance", test_instance);
	g_test_add_func("/doctor/clock", test_clock);
	g_test_add_func("/doctor/runtime_keys", test_runtime_keys);
	g_test_add_func("/doctor/remake", test_remake);
	g_test_add_func("/doctor/drop_ins", test_drop_ins);
	g_test_add_func("/doctor/links", test_links);
	g_test_add_func("/doctor/firewall_of_auto", test_firewall_of_auto);
	return g_test_run();
}
