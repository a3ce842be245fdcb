/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changes at run time by the management interface: entries of pool4 and static bindings come, go
 * and are refused, each refusal with its sentence (INTERFACE, sections 5 and 7); when the answer
 * comes; objects and their signals.
 */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/log.h"
#include "dbus/names.h"
#include "tests/change_call.h"

static const struct pool4_entry *change_entry_named(const char *name)
{
	return pool4_entry_by_name(service.gateway.nat->pool4, name);
}

/* Every argument of AddPool4, wrong. */
static void test_add_refused(void)
{
	static const struct {
		const char *addresses, *ports, *protocols, *option, *value, *name, *text;
	} cases[] = {
		{"", "", "", NULL, NULL, DBUS_ERROR_INVALID_ADDRESS,
		 "the list of addresses is empty"},
		{"192.0.2.8/28", "", "", NULL, NULL, DBUS_ERROR_INVALID_ADDRESS,
		 "192.0.2.8/28 has host bits set: did you mean 192.0.2.0/28 (16 addresses) or "
		 "192.0.2.8/29 (8 addresses)?"},
		{"192.0.2.15-192.0.2.8", "", "", NULL, NULL, DBUS_ERROR_INVALID_ADDRESS,
		 "192.0.2.15-192.0.2.8 is reversed: did you mean 192.0.2.8-192.0.2.15?"},
		{"224.0.0.1", "", "", NULL, NULL, DBUS_ERROR_INVALID_ADDRESS,
		 "224.0.0.1 cannot be in pool4: the address is multicast: name addresses at which "
		 "others reach this host"},
		{"240.0.0.0/8", "", "", NULL, NULL, DBUS_ERROR_INVALID_ADDRESS,
		 "240.0.0.0/8 cannot be in pool4: it has addresses that are reserved (class E): "
		 "name addresses at which others reach this host"},
		{"127.0.0.1", "", "", NULL, NULL, DBUS_ERROR_INVALID_ADDRESS,
		 "127.0.0.1 cannot be in pool4: the address is loopback: name addresses at which "
		 "others reach this host"},
		{"0.0.0.1", "", "", NULL, NULL, DBUS_ERROR_INVALID_ADDRESS,
		 "0.0.0.1 cannot be in pool4: the address is in 0.0.0.0/8: name addresses at which "
		 "others reach this host"},
		{"2001:db8::1", "", "", NULL, NULL, DBUS_ERROR_INVALID_ADDRESS,
		 "2001:db8::1 is not an IPv4 address: pool4 has IPv4 addresses only"},
		{"198.51.100.1", "70-60", "", NULL, NULL, DBUS_ERROR_INVALID_PORTS,
		 "70-60 is reversed: did you mean 60-70?"},
		{"198.51.100.1", "x", "", NULL, NULL, DBUS_ERROR_INVALID_PORTS,
		 "x is not a port or a range of ports"},
		{"198.51.100.1", "0-5", "", NULL, NULL, DBUS_ERROR_INVALID_PORTS,
		 "0-5 is not possible: port 0 is never used, the first is 1"},
		{"198.51.100.1", "", "sctp", NULL, NULL, DBUS_ERROR_INVALID_PROTOCOL,
		 "'sctp' is none of: tcp, udp, icmp"},
		{"198.51.100.1", "", "", "clients", "192.0.2.1", DBUS_ERROR_INVALID_VALUE,
		 "clients: '192.0.2.1' is not an IPv6 prefix"},
		{"198.51.100.1", "", "", "prefix", "2001:db8:65::/96", DBUS_ERROR_INVALID_VALUE,
		 "prefix: 2001:db8:65::/96 is not a prefix of Translation.Pool6"},
		{"198.51.100.1", "", "", "name", "auto", DBUS_ERROR_INVALID_VALUE,
		 "the name 'auto' is kept for the entry that exists while there is no other"},
		{"198.51.100.1", "", "", "name", "Wan", DBUS_ERROR_INVALID_VALUE,
		 "'Wan' is not a name: at most 32 of a-z, 0-9, '.', '_' and '-', with a letter or "
		 "digit in front"},
		{"198.51.100.1", "", "", "name", "wan", DBUS_ERROR_OVERLAP,
		 "there is a pool4 entry wan already (192.0.2.0/30, tcp udp icmp, ports "
		 "1024-65535): choose another name"},
		{"192.0.2.3", "", "", NULL, NULL, DBUS_ERROR_OVERLAP,
		 "192.0.2.3 overlaps pool4 entry wan (192.0.2.0/30, tcp udp icmp, ports "
		 "1024-65535): choose other addresses, ports, protocols or clients, or remove "
		 "that one first"},
		{"198.51.100.1", "", "", "colour", "red", SD_BUS_ERROR_INVALID_ARGS,
		 "there is no option 'colour' here"},
		{"198.51.100.1", "", "", "force", "yes", SD_BUS_ERROR_INVALID_ARGS,
		 "there is no option 'force' here"},
		{"198.51.100.1", "", "", "overflow", "yes", SD_BUS_ERROR_INVALID_ARGS,
		 "option overflow has type 's' instead of 'b'"},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		_cleanup_ending_ struct change_ending ending;

		change_add(cases[i].addresses, cases[i].ports, cases[i].protocols, cases[i].option,
			   "s", cases[i].value, &ending);
		g_test_message("%s", ending.text);
		change_assert_refused(&ending, cases[i].name, cases[i].text);
	}
	g_assert_cmpuint(pool4_n_entries(service.gateway.nat->pool4), ==, 1);
}

/* Comes, is there already, is used, and goes. */
static void test_add_and_remove(void)
{
	_cleanup_ending_ struct change_ending first, again, one, none, used, would, forced, gone;
	g_autofree char *path = NULL;

	change_add("198.51.100.0/29", "2000-2999", "udp", "name", "s", "more", &first);
	change_assert_done(&first, 1,
			   "pool4 entry more added: 198.51.100.0/29, udp, ports 2000-2999", "");
	g_assert_cmpint(change_entry_named("more")->state, ==, POOL4_ACTIVE);
	path = g_strdup_printf(DBUS_PATH_POOL4 "/%u", change_entry_named("more")->id);
	g_assert_cmpstr(first.entry, ==, path);
	change_add("198.51.100.0-198.51.100.7", "2000-2999", "udp", NULL, NULL, NULL, &again);
	change_assert_done(
		&again, 0,
		"pool4 entry more is there already: 198.51.100.0/29, udp, ports 2000-2999", "");
	g_assert_cmpstr(again.entry, ==, path);

	gateway_lock(&service.gateway);
	g_assert_cmpint(nat64_add_static(service.gateway.nat, PROTOCOL_UDP,
					 &(struct taddr6){{{0x20, 1, 0xd, 0xb8}}, 7},
					 &(struct taddr4){0xc6336401, 2001}, gateway_now_ms()),
			==, NAT64_STATIC_OK);
	gateway_unlock(&service.gateway);
	change_entry("RemovePool4", "198.51.100.0/30", NULL, &one);
	change_assert_refused(&one, DBUS_ERROR_NO_SUCH_POOL4,
			      "pool4 has no entry with exactly the addresses 198.51.100.0/30; more "
			      "(198.51.100.0/29, udp, ports 2000-2999) has some of them");
	change_entry("RemovePool4", "203.0.113.1", NULL, &none);
	change_assert_refused(&none, DBUS_ERROR_NO_SUCH_POOL4,
			      "pool4 has no entry with the addresses 203.0.113.1");
	change_entry("RemovePool4", "198.51.100.0/29", NULL, &used);
	change_assert_refused(
		&used, DBUS_ERROR_POOL4_IN_USE,
		"pool4 entry more is used by 1 binding: 'nat64ctl pool4 drain more' waits "
		"for their end, --force ends them");
	change_force_dry("more", &would);
	change_assert_done(
		&would, 1,
		"pool4 entry more would be removed: 198.51.100.0/29, udp, ports 2000-2999",
		"1 binding would end\n");
	change_entry("RemovePool4", "more", "force", &forced);
	change_assert_done(&forced, 1,
			   "pool4 entry more removed: 198.51.100.0/29, udp, ports 2000-2999",
			   "1 binding ended\n");
	g_assert_null(change_entry_named("more"));
	change_entry("RemovePool4", "more", NULL, &gone);
	change_assert_refused(&gone, DBUS_ERROR_NO_SUCH_POOL4, "pool4 has no entry 'more'");
}

/* Addresses of several entries name none of them. */
static void test_ambiguous(void)
{
	_cleanup_ending_ struct change_ending tcp, udp, both, end_tcp, end_udp;

	change_add("198.51.100.9", "", "tcp", "name", "s", "t", &tcp);
	change_add("198.51.100.9", "", "udp", "name", "s", "u", &udp);
	change_entry("RemovePool4", "198.51.100.9", NULL, &both);
	change_assert_refused(&both, DBUS_ERROR_AMBIGUOUS,
			      "2 entries of pool4 have the addresses 198.51.100.9: name one of t "
			      "(198.51.100.9, tcp, ports 1024-65535), u (198.51.100.9, udp, ports "
			      "1024-65535)");
	change_entry("RemovePool4", "t", NULL, &end_tcp);
	change_entry("RemovePool4", "u", NULL, &end_udp);
	g_assert_cmpuint(pool4_n_entries(service.gateway.nat->pool4), ==, 1);
}

static void test_dry_run(void)
{
	static const int yes = 1;
	_cleanup_ending_ struct change_ending would;
	int n_rules = g_atomic_int_get(&service.n_rules);

	change_add("198.51.100.1", "", "", "dry-run", "b", &yes, &would);
	change_assert_done(
		&would, 1,
		"pool4 entry would be added: 198.51.100.1, tcp udp icmp, ports 1024-65535", "");
	g_assert_cmpstr(would.entry, ==, "/");
	g_assert_cmpuint(pool4_n_entries(service.gateway.nat->pool4), ==, 1);
	g_assert_cmpint(g_atomic_int_get(&service.n_rules), ==, n_rules);
}

/* One of the file is disabled, stays so, and can be used again. */
static void test_disable_and_enable(void)
{
	_cleanup_ending_ struct change_ending off, again, overlap, on, same;

	change_entry("RemovePool4", "wan", NULL, &off);
	change_assert_done(&off, 1,
			   "pool4 entry wan disabled: 192.0.2.0/30, tcp udp icmp, ports 1024-65535",
			   "");
	g_assert_cmpint(change_entry_named("wan")->state, ==, POOL4_DISABLED);
	change_entry("RemovePool4", "wan", NULL, &again);
	change_assert_done(&again, 0, "pool4 entry wan is disabled already", "");
	change_add("192.0.2.1", "", "", NULL, NULL, NULL, &overlap);
	change_assert_refused(
		&overlap, DBUS_ERROR_OVERLAP,
		"192.0.2.1 overlaps pool4 entry wan (192.0.2.0/30, tcp udp icmp, ports "
		"1024-65535), which is disabled: 'nat64ctl pool4 enable wan' uses it again");
	change_entry("EnablePool4", "wan", NULL, &on);
	change_assert_done(
		&on, 1,
		"pool4 entry wan is used again: 192.0.2.0/30, tcp udp icmp, ports 1024-65535", "");
	g_assert_cmpint(change_entry_named("wan")->state, ==, POOL4_ACTIVE);
	change_entry("EnablePool4", "wan", NULL, &same);
	change_assert_done(&same, 0,
			   "pool4 entry wan is there already: 192.0.2.0/30, tcp udp icmp, ports "
			   "1024-65535",
			   "");
}

static void test_drain(void)
{
	_cleanup_ending_ struct change_ending added, drained, twice, overlap, back, end;

	change_add("198.51.100.1", "", "udp", "name", "s", "d", &added);
	gateway_lock(&service.gateway);
	g_assert_cmpint(nat64_add_static(service.gateway.nat, PROTOCOL_UDP,
					 &(struct taddr6){{{0x20, 1, 0xd, 0xb8}}, 8},
					 &(struct taddr4){0xc6336401, 2001}, gateway_now_ms()),
			==, NAT64_STATIC_OK);
	gateway_unlock(&service.gateway);
	change_entry("DrainPool4", "d", NULL, &drained);
	change_assert_done(&drained, 1,
			   "pool4 entry d takes no new bindings and goes with the last of 1", "");
	g_assert_cmpint(change_entry_named("d")->state, ==, POOL4_DRAINING);
	change_entry("DrainPool4", "d", NULL, &twice);
	change_assert_done(&twice, 0, "pool4 entry d is drained already", "");
	change_add("198.51.100.0/31", "", "", NULL, NULL, NULL, &overlap);
	change_assert_refused(
		&overlap, DBUS_ERROR_OVERLAP,
		"198.51.100.0/31 overlaps pool4 entry d (198.51.100.1, udp, ports 1024-65535), "
		"which goes with its last binding: 'nat64ctl pool4 remove d --force' ends them");
	change_entry("EnablePool4", "d", NULL, &back);
	g_assert_cmpint(change_entry_named("d")->state, ==, POOL4_ACTIVE);
	change_entry("RemovePool4", "d", "force", &end);
	g_assert_null(change_entry_named("d"));
}

/* What the rules do not follow is taken back. */
static void test_rules_fail(void)
{
	_cleanup_ending_ struct change_ending failed;

	g_atomic_int_set(&service.rules_fail, 1);
	change_add("198.51.100.1", "", "", "name", "s", "f", &failed);
	g_atomic_int_set(&service.rules_fail, 0);
	change_assert_refused(&failed, SD_BUS_ERROR_FAILED,
			      "the packet rules can not follow: the kernel says no");
	g_assert_null(change_entry_named("f"));
}

static void assert_extent(enum pool4_sync_extent expected)
{
	g_assert_cmpint(g_atomic_int_get(&service.extent), ==, expected);
}

static void add_named(const char *address, const char *name, enum pool4_sync_extent expected)
{
	_cleanup_ending_ struct change_ending ending;

	change_add(address, "", "", "name", "s", name, &ending);
	assert_extent(expected);
}

static void assert_changes_entry(const char *method, const char *name)
{
	_cleanup_ending_ struct change_ending ending;

	change_entry(method, name, NULL, &ending);
	assert_extent(POOL4_SYNC_DIFFERENCE);
}

/* Only where nothing but new entries has come the rules are not looked at as a whole. */
static void test_extent(void)
{
	_cleanup_ending_ struct change_ending first;

	change_add("198.51.100.21", "", "", "name", "s", "e1", &first); /* after whatever test */
	add_named("198.51.100.22", "e2", POOL4_SYNC_PENDING);
	assert_changes_entry("RemovePool4", "e1");
	add_named("198.51.100.21", "e1", POOL4_SYNC_PENDING);
	assert_changes_entry("RemovePool4", "wan");
	add_named("198.51.100.23", "e3", POOL4_SYNC_PENDING);
	assert_changes_entry("EnablePool4", "wan");
	g_atomic_int_set(&service.rules_fail, 1);
	add_named("198.51.100.24", "e4", POOL4_SYNC_PENDING);
	g_atomic_int_set(&service.rules_fail, 0);
	/* what was taken back is to leave the rules, too */
	add_named("198.51.100.25", "e5", POOL4_SYNC_DIFFERENCE);
	add_named("198.51.100.26", "e6", POOL4_SYNC_PENDING);
	assert_changes_entry("RemovePool4", "e1");
	assert_changes_entry("RemovePool4", "e2");
	assert_changes_entry("RemovePool4", "e3");
	assert_changes_entry("RemovePool4", "e5");
	assert_changes_entry("RemovePool4", "e6");
}

static int on_reply(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	g_assert_false(sd_bus_message_is_method_error(message, NULL));
	++*(unsigned *)userdata;
	return 0;
}

/* Many calls that do not wait for each other share the updates of the rules. */
static void test_many(void)
{
	const unsigned n_calls = 2000;
	unsigned n_sent = 0, n_done = 0;
	int n_rules = g_atomic_int_get(&service.n_rules);

	while (n_done < n_calls) {
		int r;

		while (n_sent < n_calls && n_sent - n_done < 100) {
			g_autofree char *address =
				g_strdup_printf("198.18.%u.%u", n_sent / 256, n_sent % 256);

			g_assert_cmpint(sd_bus_call_method_async(clients[0], NULL, DBUS_SERVICE,
								 DBUS_PATH, DBUS_INTERFACE_MANAGER,
								 "AddPool4", on_reply, &n_done,
								 "sssa{sv}", address, "", "", 0),
					>=, 0);
			n_sent++;
		}
		r = sd_bus_process(clients[0], NULL);
		g_assert_cmpint(r, >=, 0);
		if (r == 0)
			(void)sd_bus_wait(clients[0], UINT64_MAX);
	}
	n_rules = g_atomic_int_get(&service.n_rules) - n_rules;
	g_test_message("%u calls, %d updates of the rules", n_calls, n_rules);
	g_assert_cmpuint(pool4_n_entries(service.gateway.nat->pool4), ==, n_calls + 1);
	g_assert_cmpint(n_rules, <, (int)n_calls / 4);
	for (unsigned i = 0; i < n_calls; i++) {
		g_autofree char *address = g_strdup_printf("198.18.%u.%u", i / 256, i % 256);
		_cleanup_ending_ struct change_ending end;

		change_entry("RemovePool4", address, NULL, &end);
		g_assert_cmpstr(end.name, ==, NULL);
	}
}

static int on_signal(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	GString *seen = userdata;
	const char *path;

	sd_bus_message_read(message, "o", &path);
	g_string_append_printf(seen, "%s %s\n", sd_bus_message_get_member(message), path);
	return 0;
}

#define N_LOGGED 100

/* What the service says while all of them come at once: they wait for the lock meanwhile. */
static char *log_of_many_changes(void)
{
	g_autofree char *path = g_build_filename(service.directory, "log", NULL);
	int before = dup(STDERR_FILENO), fd = g_open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	unsigned n_done = 0;
	char *text = NULL;

	g_assert_cmpint(dup2(fd, STDERR_FILENO), ==, STDERR_FILENO);
	log_set_level(LOG_NOTICE);
	gateway_lock(&service.gateway);
	for (unsigned i = 0; i < N_LOGGED; i++) {
		g_autofree char *address = g_strdup_printf("198.18.9.%u", i);

		g_assert_cmpint(sd_bus_call_method_async(clients[1], NULL, DBUS_SERVICE, DBUS_PATH,
							 DBUS_INTERFACE_MANAGER, "AddPool4",
							 on_reply, &n_done, "sssa{sv}", address, "",
							 "", 0),
				>=, 0);
	}
	gateway_unlock(&service.gateway);
	while (n_done < N_LOGGED) {
		int r = sd_bus_process(clients[1], NULL);

		g_assert_cmpint(r, >=, 0);
		if (r == 0)
			(void)sd_bus_wait(clients[1], UINT64_MAX);
	}
	log_set_level(LOG_WARNING);
	g_assert_cmpint(dup2(before, STDERR_FILENO), ==, STDERR_FILENO);
	close(before);
	close(fd);
	g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
	return text;
}

/* Many changes are a few lines, and how many more there were. */
static void test_summarised_log(void)
{
	g_autofree char *text = log_of_many_changes();
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	unsigned n_lines = 0, n_sums = 0, n_summed = 0;

	for (char **line = lines; *line != NULL; line++) {
		unsigned n = 0;

		n_lines += strstr(*line, " added: 198.18.9.") != NULL;
		if (sscanf(*line, "nat64d: and %u more changes like these", &n) == 1) {
			n_sums++;
			n_summed += n;
		}
	}
	g_test_message("%u lines, and %u more in %u", n_lines, n_summed, n_sums);
	g_assert_cmpuint(n_lines + n_summed, ==, N_LOGGED);
	g_assert_cmpuint(n_sums, >, 0);
	/* Twenty before each of them, and perhaps some after the last. */
	g_assert_cmpuint(n_lines, <=, 20 * (n_sums + 1));
	g_assert_cmpuint(n_lines, >=, 20 * n_sums);
	for (unsigned i = 0; i < N_LOGGED; i++) {
		g_autofree char *address = g_strdup_printf("198.18.9.%u", i);
		_cleanup_ending_ struct change_ending end;

		change_entry("RemovePool4", address, NULL, &end);
		g_assert_cmpstr(end.name, ==, NULL);
	}
}

/* An entry is an object from when it can be used, and no more of them than may be. */
static void test_objects(void)
{
	sd_bus *watcher = test_service_connect(&service, false);
	g_autoptr(GString) seen = g_string_new(NULL), expected = g_string_new(NULL);
	_cleanup_ending_ struct change_ending end;
	char *paths[10];

	g_assert_cmpint(sd_bus_match_signal(watcher, NULL, DBUS_SERVICE, DBUS_PATH,
					    "org.freedesktop.DBus.ObjectManager", NULL, on_signal,
					    seen),
			>=, 0);
	for (unsigned i = 0; i < G_N_ELEMENTS(paths); i++) {
		g_autofree char *address = g_strdup_printf("198.51.100.%u", i + 1);
		_cleanup_ending_ struct change_ending added;

		change_add(address, "", "", NULL, NULL, NULL, &added);
		paths[i] = g_strdup(added.entry);
		/* 8 in all, and one is that of wan */
		g_assert_cmpint(strcmp(paths[i], "/") == 0, ==, i >= 7);
		if (i < 7)
			g_string_append_printf(expected, "InterfacesAdded %s\n", paths[i]);
	}
	change_entry("RemovePool4", "198.51.100.1", NULL, &end);
	g_string_append_printf(expected, "InterfacesRemoved %s\n", paths[0]);
	while (seen->len < expected->len) {
		int r = sd_bus_process(watcher, NULL);

		g_assert_cmpint(r, >=, 0);
		if (r == 0)
			g_assert_cmpint(sd_bus_wait(watcher, 20000000), >, 0);
	}
	g_assert_cmpstr(seen->str, ==, expected->str);
	for (unsigned i = 0; i < G_N_ELEMENTS(paths); i++) {
		g_autofree char *address = g_strdup_printf("198.51.100.%u", i + 1);
		_cleanup_ending_ struct change_ending removed;

		change_entry("RemovePool4", address, NULL, &removed);
		g_free(paths[i]);
	}
	sd_bus_flush_close_unref(watcher);
}

/* All objects come in one message: an entry that would be a large part of it is a row only. */
static void test_large_entry(void)
{
	g_autoptr(GString) addresses = g_string_new(NULL);
	_cleanup_ending_ struct change_ending small, large, removed;

	for (unsigned i = 0; i < 128; i++)
		g_string_append_printf(addresses, "203.0.113.%u ", 2 * i);
	change_add(addresses->str, "", "", NULL, NULL, NULL, &small);
	g_assert_true(g_str_has_prefix(small.entry, DBUS_PATH_POOL4 "/"));
	change_entry("RemovePool4", addresses->str, NULL, &removed);
	g_assert_cmpstr(removed.name, ==, NULL);
	change_ending_clear(&removed);
	g_string_append(addresses, "198.51.100.7");
	change_add(addresses->str, "", "", NULL, NULL, NULL, &large);
	g_assert_cmpstr(large.name, ==, NULL);
	g_assert_cmpstr(large.entry, ==, "/");
	change_entry("RemovePool4", addresses->str, NULL, &removed);
	g_assert_cmpstr(removed.name, ==, NULL);
}

/* None of it is for everyone. */
static void test_access(void)
{
	static const char *const calls[] = {
		"AddPool4 sssa{sv} 198.51.100.1 '' '' 0",
		"RemovePool4 sa{sv} wan 0",
		"DrainPool4 sa{sv} wan 0",
		"EnablePool4 sa{sv} wan 0",
		"AddBib ssqsqa{sv} tcp ::1 1 ::1 1 0",
		"RemoveBib ssqsqa{sv} tcp ::1 1 ::1 1 0",
		"LookupBib ssq tcp 192.0.2.1 1",
		"ListClients a{sv}su 0 '' 0",
		"ListBlockedClients",
		"PortsOf sss tcp ::1 ''",
		"ClientOf ssq tcp 192.0.2.1 1",
		"Drain a{sv} 0",
		"Resume a{sv} 0",
		"BlockClient sta{sv} ::1 0 0",
		"UnblockClient sa{sv} ::1 0",
	};

	bus_clients_check_access(calls, G_N_ELEMENTS(calls), false);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/changes/add-refused", test_add_refused);
	g_test_add_func("/changes/add-and-remove", test_add_and_remove);
	g_test_add_func("/changes/ambiguous", test_ambiguous);
	g_test_add_func("/changes/dry-run", test_dry_run);
	g_test_add_func("/changes/disable-and-enable", test_disable_and_enable);
	g_test_add_func("/changes/drain", test_drain);
	g_test_add_func("/changes/rules-fail", test_rules_fail);
	g_test_add_func("/changes/extent", test_extent);
	g_test_add_func("/changes/many", test_many);
	g_test_add_func("/changes/summarised-log", test_summarised_log);
	g_test_add_func("/changes/objects", test_objects);
	g_test_add_func("/changes/large-entry", test_large_entry);
	g_test_add_func("/changes/access", test_access);
	return bus_clients_run(NULL);
}
