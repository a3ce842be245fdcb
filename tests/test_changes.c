/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changes at run time by the management interface: entries of pool4 and static bindings come, go
 * and are refused, each refusal with its sentence (INTERFACE, sections 5 and 7); when the answer
 * comes; objects and their signals.
 */
#include <grp.h>
#include <string.h>
#include <unistd.h>

#include "dbus/names.h"
#include "tests/bus.h"

#define _cleanup_message_ __attribute__((cleanup(sd_bus_message_unrefp)))
#define _cleanup_error_   __attribute__((cleanup(sd_bus_error_free)))

static struct test_service service;
static sd_bus *clients[2]; /* bus, control socket */

/* What a call ended with. */
struct ending {
	char *name; /* of the error; NULL = done */
	char *text; /* its sentence, or the summary */
	char *entry;
	char *warnings; /* a line each */
	int changed;
};

static void ending_clear(struct ending *ending)
{
	g_free(ending->name);
	g_free(ending->text);
	g_free(ending->entry);
	g_free(ending->warnings);
}
#define _cleanup_ending_ __attribute__((cleanup(ending_clear)))

static void read_result(sd_bus_message *reply, struct ending *ret)
{
	const char *summary, *warning;
	GString *warnings = g_string_new(NULL);

	g_assert_cmpint(sd_bus_message_enter_container(reply, 'a', "{sv}"), >, 0);
	g_assert_cmpint(sd_bus_message_read(reply, "{sv}{sv}", NULL, "b", &ret->changed, NULL, "s",
					    &summary),
			>, 0);
	ret->text = g_strdup(summary);
	sd_bus_message_enter_container(reply, 'e', "sv");
	sd_bus_message_skip(reply, "s");
	sd_bus_message_enter_container(reply, 'v', "as");
	sd_bus_message_enter_container(reply, 'a', "s");
	while (sd_bus_message_read(reply, "s", &warning) > 0)
		g_string_append_printf(warnings, "%s\n", warning);
	ret->warnings = g_string_free(warnings, FALSE);
}

/* signature: of what stands in front of the options; option NULL: none. */
static void call(sd_bus *bus, const char *method, const char *const *words, const char *option,
		 const char *type, const void *value, struct ending *ret)
{
	_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_message_ sd_bus_message *message = NULL, *reply = NULL;

	*ret = (struct ending){NULL, NULL, NULL, NULL, 0};
	g_assert_cmpint(sd_bus_message_new_method_call(bus, &message, DBUS_SERVICE, DBUS_PATH,
						       DBUS_INTERFACE_MANAGER, method),
			>=, 0);
	for (; *words != NULL; words++)
		sd_bus_message_append_basic(message, 's', *words);
	sd_bus_message_open_container(message, 'a', "{sv}");
	if (option != NULL) {
		sd_bus_message_open_container(message, 'e', "sv");
		sd_bus_message_append_basic(message, 's', option);
		sd_bus_message_open_container(message, 'v', type);
		sd_bus_message_append_basic(message, *type, value);
		sd_bus_message_close_container(message);
		sd_bus_message_close_container(message);
	}
	sd_bus_message_close_container(message);
	if (sd_bus_call(bus, message, 0, &error, &reply) < 0) {
		ret->name = g_strdup(error.name);
		ret->text = g_strdup(error.message);
		return;
	}
	if (strcmp(method, "AddPool4") == 0) {
		const char *entry;

		g_assert_cmpint(sd_bus_message_read(reply, "o", &entry), >, 0);
		ret->entry = g_strdup(entry);
	}
	read_result(reply, ret);
}

static void add(const char *addresses, const char *ports, const char *protocols, const char *option,
		const char *type, const void *value, struct ending *ret)
{
	const char *const words[] = {addresses, ports, protocols, NULL};

	call(clients[0], "AddPool4", words, option, type, value, ret);
}

static void change(const char *method, const char *entry, const char *option, struct ending *ret)
{
	static const int yes = 1;
	const char *const words[] = {entry, NULL};

	call(clients[1], method, words, option, "b", &yes, ret);
}

/* What removing by force would do. */
static void force_dry(const char *entry, struct ending *ret)
{
	_cleanup_message_ sd_bus_message *reply = NULL;

	*ret = (struct ending){NULL, NULL, NULL, NULL, 0};
	g_assert_cmpint(sd_bus_call_method(clients[1], DBUS_SERVICE, DBUS_PATH,
					   DBUS_INTERFACE_MANAGER, "RemovePool4", NULL, &reply,
					   "sa{sv}", entry, 2, "force", "b", 1, "dry-run", "b", 1),
			>=, 0);
	read_result(reply, ret);
}

/* It ends so, with this sentence and these warnings. */
static void assert_done(const struct ending *ending, int changed, const char *text,
			const char *warnings)
{
	g_assert_cmpstr(ending->name, ==, NULL);
	g_assert_cmpstr(ending->text, ==, text);
	g_assert_cmpstr(ending->warnings, ==, warnings);
	g_assert_cmpint(ending->changed, ==, changed);
}

static void assert_refused(const struct ending *ending, const char *name, const char *text)
{
	g_assert_cmpstr(ending->text, ==, text);
	g_assert_cmpstr(ending->name, ==, name);
}

static const struct pool4_entry *entry_named(const char *name)
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
		 "224.0.0.1 cannot be in pool4: the address is multicast"},
		{"240.0.0.0/8", "", "", NULL, NULL, DBUS_ERROR_INVALID_ADDRESS,
		 "240.0.0.0/8 cannot be in pool4: it has addresses that are reserved (class E)"},
		{"127.0.0.1", "", "", NULL, NULL, DBUS_ERROR_INVALID_ADDRESS,
		 "127.0.0.1 cannot be in pool4: the address is loopback"},
		{"0.0.0.1", "", "", NULL, NULL, DBUS_ERROR_INVALID_ADDRESS,
		 "0.0.0.1 cannot be in pool4: the address is in 0.0.0.0/8"},
		{"2001:db8::1", "", "", NULL, NULL, DBUS_ERROR_INVALID_ADDRESS,
		 "2001:db8::1 is not an IPv4 address: pool4 has IPv4 addresses only"},
		{"198.51.100.1", "70-60", "", NULL, NULL, DBUS_ERROR_INVALID_PORTS,
		 "70-60 is reversed: did you mean 60-70?"},
		{"198.51.100.1", "x", "", NULL, NULL, DBUS_ERROR_INVALID_PORTS,
		 "x is not a port or a range of ports"},
		{"198.51.100.1", "0-5", "", NULL, NULL, DBUS_ERROR_INVALID_PORTS,
		 "0-5 is not possible: port 0 is never used"},
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
		_cleanup_ending_ struct ending ending;

		add(cases[i].addresses, cases[i].ports, cases[i].protocols, cases[i].option, "s",
		    cases[i].value, &ending);
		g_test_message("%s", ending.text);
		assert_refused(&ending, cases[i].name, cases[i].text);
	}
	g_assert_cmpuint(pool4_n_entries(service.gateway.nat->pool4), ==, 1);
}

/* Comes, is there already, is used, and goes. */
static void test_add_and_remove(void)
{
	_cleanup_ending_ struct ending first, again, one, used, would, forced, gone;
	g_autofree char *path = NULL;

	add("198.51.100.0/29", "2000-2999", "udp", "name", "s", "more", &first);
	assert_done(&first, 1, "pool4 entry more added: 198.51.100.0/29, udp, ports 2000-2999", "");
	g_assert_cmpint(entry_named("more")->state, ==, POOL4_ACTIVE);
	path = g_strdup_printf(DBUS_PATH_POOL4 "/%u", entry_named("more")->id);
	g_assert_cmpstr(first.entry, ==, path);
	add("198.51.100.0-198.51.100.7", "2000-2999", "udp", NULL, NULL, NULL, &again);
	assert_done(&again, 0,
		    "pool4 entry more is there already: 198.51.100.0/29, udp, ports 2000-2999", "");
	g_assert_cmpstr(again.entry, ==, path);

	gateway_lock(&service.gateway);
	g_assert_cmpint(nat64_add_static(service.gateway.nat, PROTOCOL_UDP,
					 &(struct taddr6){{{0x20, 1, 0xd, 0xb8}}, 7},
					 &(struct taddr4){0xc6336401, 2001}, gateway_now_ms()),
			==, NAT64_STATIC_OK);
	gateway_unlock(&service.gateway);
	change("RemovePool4", "198.51.100.0/30", NULL, &one);
	assert_refused(&one, DBUS_ERROR_NO_SUCH_POOL4,
		       "pool4 has no entry with exactly the addresses 198.51.100.0/30; more "
		       "(198.51.100.0/29, udp, ports 2000-2999) has some of them");
	change("RemovePool4", "198.51.100.0/29", NULL, &used);
	assert_refused(&used, DBUS_ERROR_POOL4_IN_USE,
		       "pool4 entry more is used by 1 binding: 'nat64ctl pool4 drain more' waits "
		       "for their end, --force ends them");
	force_dry("more", &would);
	assert_done(&would, 1,
		    "pool4 entry more would be removed: 198.51.100.0/29, udp, ports 2000-2999",
		    "1 binding would end\n");
	change("RemovePool4", "more", "force", &forced);
	assert_done(&forced, 1, "pool4 entry more removed: 198.51.100.0/29, udp, ports 2000-2999",
		    "1 binding ended\n");
	g_assert_null(entry_named("more"));
	change("RemovePool4", "more", NULL, &gone);
	assert_refused(&gone, DBUS_ERROR_NO_SUCH_POOL4, "pool4 has no entry 'more'");
}

/* Addresses of several entries name none of them. */
static void test_ambiguous(void)
{
	_cleanup_ending_ struct ending tcp, udp, both, end_tcp, end_udp;

	add("198.51.100.9", "", "tcp", "name", "s", "t", &tcp);
	add("198.51.100.9", "", "udp", "name", "s", "u", &udp);
	change("RemovePool4", "198.51.100.9", NULL, &both);
	assert_refused(&both, DBUS_ERROR_AMBIGUOUS,
		       "2 entries of pool4 have the addresses 198.51.100.9: name one of t "
		       "(198.51.100.9, tcp, ports 1024-65535), u (198.51.100.9, udp, ports "
		       "1024-65535)");
	change("RemovePool4", "t", NULL, &end_tcp);
	change("RemovePool4", "u", NULL, &end_udp);
	g_assert_cmpuint(pool4_n_entries(service.gateway.nat->pool4), ==, 1);
}

static void test_dry_run(void)
{
	static const int yes = 1;
	_cleanup_ending_ struct ending would;
	int n_rules = g_atomic_int_get(&service.n_rules);

	add("198.51.100.1", "", "", "dry-run", "b", &yes, &would);
	assert_done(&would, 1,
		    "pool4 entry would be added: 198.51.100.1, tcp udp icmp, ports 1024-65535", "");
	g_assert_cmpstr(would.entry, ==, "/");
	g_assert_cmpuint(pool4_n_entries(service.gateway.nat->pool4), ==, 1);
	g_assert_cmpint(g_atomic_int_get(&service.n_rules), ==, n_rules);
}

/* One of the file is disabled, stays so, and can be used again. */
static void test_disable_and_enable(void)
{
	_cleanup_ending_ struct ending off, again, overlap, on, same;

	change("RemovePool4", "wan", NULL, &off);
	assert_done(&off, 1,
		    "pool4 entry wan disabled: 192.0.2.0/30, tcp udp icmp, ports 1024-65535", "");
	g_assert_cmpint(entry_named("wan")->state, ==, POOL4_DISABLED);
	change("RemovePool4", "wan", NULL, &again);
	assert_done(&again, 0, "pool4 entry wan is disabled already", "");
	add("192.0.2.1", "", "", NULL, NULL, NULL, &overlap);
	assert_refused(&overlap, DBUS_ERROR_OVERLAP,
		       "192.0.2.1 overlaps pool4 entry wan (192.0.2.0/30, tcp udp icmp, ports "
		       "1024-65535), which is disabled: 'nat64ctl pool4 enable wan' uses it again");
	change("EnablePool4", "wan", NULL, &on);
	assert_done(&on, 1,
		    "pool4 entry wan is used again: 192.0.2.0/30, tcp udp icmp, ports 1024-65535",
		    "");
	g_assert_cmpint(entry_named("wan")->state, ==, POOL4_ACTIVE);
	change("EnablePool4", "wan", NULL, &same);
	assert_done(&same, 0,
		    "pool4 entry wan is there already: 192.0.2.0/30, tcp udp icmp, ports "
		    "1024-65535",
		    "");
}

static void test_drain(void)
{
	_cleanup_ending_ struct ending added, drained, twice, back, end;

	add("198.51.100.1", "", "udp", "name", "s", "d", &added);
	gateway_lock(&service.gateway);
	g_assert_cmpint(nat64_add_static(service.gateway.nat, PROTOCOL_UDP,
					 &(struct taddr6){{{0x20, 1, 0xd, 0xb8}}, 8},
					 &(struct taddr4){0xc6336401, 2001}, gateway_now_ms()),
			==, NAT64_STATIC_OK);
	gateway_unlock(&service.gateway);
	change("DrainPool4", "d", NULL, &drained);
	assert_done(&drained, 1, "pool4 entry d takes no new bindings and goes with the last of 1",
		    "");
	g_assert_cmpint(entry_named("d")->state, ==, POOL4_DRAINING);
	change("DrainPool4", "d", NULL, &twice);
	assert_done(&twice, 0, "pool4 entry d is drained already", "");
	change("EnablePool4", "d", NULL, &back);
	g_assert_cmpint(entry_named("d")->state, ==, POOL4_ACTIVE);
	change("RemovePool4", "d", "force", &end);
	g_assert_null(entry_named("d"));
}

/* What the rules do not follow is taken back. */
static void test_rules_fail(void)
{
	_cleanup_ending_ struct ending failed;

	g_atomic_int_set(&service.rules_fail, 1);
	add("198.51.100.1", "", "", "name", "s", "f", &failed);
	g_atomic_int_set(&service.rules_fail, 0);
	assert_refused(&failed, SD_BUS_ERROR_FAILED,
		       "the packet rules can not follow: the kernel says no");
	g_assert_null(entry_named("f"));
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
		_cleanup_ending_ struct ending end;

		change("RemovePool4", address, NULL, &end);
		g_assert_cmpstr(end.name, ==, NULL);
	}
}

static void bib(const char *method, const char *protocols, const char *address6, uint16_t port6,
		const char *address4, uint16_t port4, const char *option, struct ending *ret)
{
	_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_message_ sd_bus_message *reply = NULL;
	int r;

	*ret = (struct ending){NULL, NULL, NULL, NULL, 0};
	if (option != NULL)
		r = sd_bus_call_method(clients[1], DBUS_SERVICE, DBUS_PATH, DBUS_INTERFACE_MANAGER,
				       method, &error, &reply, "ssqsqa{sv}", protocols, address6,
				       port6, address4, port4, 1, option, "b", 1);
	else
		r = sd_bus_call_method(clients[1], DBUS_SERVICE, DBUS_PATH, DBUS_INTERFACE_MANAGER,
				       method, &error, &reply, "ssqsqa{sv}", protocols, address6,
				       port6, address4, port4, 0);
	if (r >= 0) {
		read_result(reply, ret);
		return;
	}
	ret->name = g_strdup(error.name);
	ret->text = g_strdup(error.message);
}

static void test_bib_refused(void)
{
	static const struct {
		const char *method, *protocols, *address6;
		uint16_t port6;
		const char *address4;
		uint16_t port4;
		const char *name, *text;
	} cases[] = {
		{"AddBib", "sctp", "2001:db8::5", 80, "192.0.2.2", 80, DBUS_ERROR_INVALID_PROTOCOL,
		 "'sctp' is none of: tcp, udp, icmp"},
		{"AddBib", "tcp", "192.0.2.1", 80, "192.0.2.2", 80, DBUS_ERROR_INVALID_ADDRESS,
		 "'192.0.2.1' is not an IPv6 address"},
		{"AddBib", "tcp", "2001:db8::5", 80, "x", 80, DBUS_ERROR_INVALID_ADDRESS,
		 "'x' is not an IPv4 address"},
		{"AddBib", "tcp", "2001:db8::5", 0, "192.0.2.2", 80, DBUS_ERROR_INVALID_PORTS,
		 "port 0 is no port of TCP or UDP: 1 to 65535 are"},
		{"AddBib", "tcp", "", 0, "192.0.2.2", 80, DBUS_ERROR_INVALID_ADDRESS,
		 "a static binding has an IPv6 and an IPv4 address: one is missing"},
		{"AddBib", "tcp", "ff02::1", 80, "192.0.2.2", 80, DBUS_ERROR_INVALID_ADDRESS,
		 "ff02::1 is not the address of one host: it is multicast, link-local, loopback "
		 "or ::"},
		{"AddBib", "tcp", "2001:db8:64::1", 80, "192.0.2.2", 80, DBUS_ERROR_INVALID_ADDRESS,
		 "2001:db8:64::1 lies in Pool6, where the IPv4 hosts are: give the client's own "
		 "address"},
		{"AddBib", "tcp", "2001:db8::5", 80, "198.51.100.7", 80, DBUS_ERROR_NOT_IN_POOL4,
		 "198.51.100.7 is neither in pool4 nor the host's own: 'nat64ctl pool4 add "
		 "198.51.100.7' adds it"},
		{"RemoveBib", "tcp", "", 0, "", 0, DBUS_ERROR_INVALID_ADDRESS,
		 "which binding? give its IPv6 or its IPv4 address and port"},
		{"RemoveBib", "tcp udp", "", 0, "192.0.2.2", 81, DBUS_ERROR_NO_SUCH_BIB,
		 "there is no binding tcp udp 192.0.2.2:81"},
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		_cleanup_ending_ struct ending ending;

		bib(cases[i].method, cases[i].protocols, cases[i].address6, cases[i].port6,
		    cases[i].address4, cases[i].port4, NULL, &ending);
		assert_refused(&ending, cases[i].name, cases[i].text);
	}
}

/* Draining waits for what does not end by itself. */
static void test_drain_statics(void)
{
	_cleanup_ending_ struct ending added, one, two, would, drained, gone, end;

	add("198.51.100.1", "", "", "name", "s", "ds", &added);
	bib("AddBib", "tcp", "2001:db8::5", 2000, "198.51.100.1", 2000, NULL, &one);
	change("DrainPool4", "ds", "dry-run", &would);
	assert_done(&would, 1,
		    "pool4 entry ds would take no new bindings and goes with the last of 1",
		    "1 static binding is among them: the entry stays until 'nat64ctl bib remove' "
		    "ends it\n");
	bib("AddBib", "udp", "2001:db8::5", 2001, "198.51.100.1", 2001, NULL, &two);
	change("DrainPool4", "ds", NULL, &drained);
	assert_done(&drained, 1, "pool4 entry ds takes no new bindings and goes with the last of 2",
		    "2 static bindings are among them: the entry stays until 'nat64ctl bib remove' "
		    "ends them\n");
	bib("RemoveBib", "tcp", "", 0, "198.51.100.1", 2000, NULL, &gone);
	g_assert_cmpint(entry_named("ds")->state, ==, POOL4_DRAINING);
	change("RemovePool4", "ds", "force", &end);
	g_assert_null(entry_named("ds"));
}

/* Comes on a port outside of the entry's, is there already, gives way to another, and goes. */
static void test_bib(void)
{
	_cleanup_ending_ struct ending added, again, taken, exists, replaced, gone;
	_cleanup_message_ sd_bus_message *reply = NULL;
	const char *protocol, *address6, *address4;
	uint16_t port6, port4;

	bib("AddBib", "tcp udp", "2001:db8::5", 443, "192.0.2.2", 443, NULL, &added);
	assert_done(&added, 1, "static binding tcp udp [2001:db8::5]:443 to 192.0.2.2:443 added",
		    "");
	bib("AddBib", "tcp udp", "2001:db8::5", 443, "192.0.2.2", 443, NULL, &again);
	assert_done(&again, 0,
		    "static binding tcp udp [2001:db8::5]:443 to 192.0.2.2:443 is there already",
		    "");
	g_assert_cmpint(sd_bus_call_method(clients[0], DBUS_SERVICE, DBUS_PATH,
					   DBUS_INTERFACE_MANAGER, "LookupBib", NULL, &reply, "ssq",
					   "tcp", "192.0.2.2", 443),
			>=, 0);
	g_assert_cmpint(sd_bus_message_enter_container(reply, 'r', "ssqsqbuttu"), >, 0);
	sd_bus_message_read(reply, "ssqsq", &protocol, &address6, &port6, &address4, &port4);
	g_assert_cmpstr(address6, ==, "2001:db8::5");
	g_assert_cmpuint(port6, ==, 443);

	bib("AddBib", "tcp", "2001:db8::6", 443, "192.0.2.2", 443, NULL, &taken);
	assert_refused(&taken, DBUS_ERROR_ADDRESS_TAKEN,
		       "tcp 192.0.2.2:443 is bound to [2001:db8::5]:443 (static): --replace ends "
		       "that binding");
	bib("AddBib", "tcp", "2001:db8::5", 443, "192.0.2.2", 444, NULL, &exists);
	assert_refused(&exists, DBUS_ERROR_BIB_EXISTS,
		       "tcp [2001:db8::5]:443 is bound to 192.0.2.2:443 (static): --replace ends "
		       "that binding");
	bib("AddBib", "tcp", "2001:db8::6", 443, "192.0.2.2", 443, "replace", &replaced);
	assert_done(&replaced, 1, "static binding tcp [2001:db8::6]:443 to 192.0.2.2:443 added",
		    "1 binding ended\n");
	bib("RemoveBib", "tcp udp", "", 0, "192.0.2.2", 443, NULL, &gone);
	assert_done(&gone, 1, "binding tcp udp 192.0.2.2:443 removed", "");
}

static int on_signal(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	GString *seen = userdata;
	const char *path;

	sd_bus_message_read(message, "o", &path);
	g_string_append_printf(seen, "%s %s\n", sd_bus_message_get_member(message), path);
	return 0;
}

/* An entry is an object from when it can be used, and no more of them than may be. */
static void test_objects(void)
{
	sd_bus *watcher = test_service_connect(&service, false);
	g_autoptr(GString) seen = g_string_new(NULL), expected = g_string_new(NULL);
	_cleanup_ending_ struct ending end;
	char *paths[10];

	g_assert_cmpint(sd_bus_match_signal(watcher, NULL, DBUS_SERVICE, DBUS_PATH,
					    "org.freedesktop.DBus.ObjectManager", NULL, on_signal,
					    seen),
			>=, 0);
	for (unsigned i = 0; i < G_N_ELEMENTS(paths); i++) {
		g_autofree char *address = g_strdup_printf("198.51.100.%u", i + 1);
		_cleanup_ending_ struct ending added;

		add(address, "", "", NULL, NULL, NULL, &added);
		paths[i] = g_strdup(added.entry);
		/* 8 in all, and one is that of wan */
		g_assert_cmpint(strcmp(paths[i], "/") == 0, ==, i >= 7);
		if (i < 7)
			g_string_append_printf(expected, "InterfacesAdded %s\n", paths[i]);
	}
	change("RemovePool4", "198.51.100.1", NULL, &end);
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
		_cleanup_ending_ struct ending removed;

		change("RemovePool4", address, NULL, &removed);
		g_free(paths[i]);
	}
	sd_bus_flush_close_unref(watcher);
}

/* Blocked, known to be, let in again. */
static void test_block(void)
{
	_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	struct prefix6 prefix;

	g_assert_true(prefix6_parse("2001:db8:7::/64", &prefix));
	for (unsigned i = 0; i < 2; i++) {
		_cleanup_message_ sd_bus_message *reply = NULL;
		_cleanup_ending_ struct ending ending = {NULL, NULL, NULL, NULL, 0};

		g_assert_cmpint(sd_bus_call_method(clients[i], DBUS_SERVICE, DBUS_PATH,
						   DBUS_INTERFACE_MANAGER, "BlockClient", NULL,
						   &reply, "sta{sv}", "2001:db8:7::/64", UINT64_MAX,
						   0),
				>=, 0);
		read_result(reply, &ending);
		assert_done(&ending, i == 0,
			    i == 0 ? "client 2001:db8:7::/64 blocked"
				   : "client 2001:db8:7::/64 is blocked already",
			    "");
		g_assert_true(blocklist_covers(&service.gateway.nat->blocklist, &prefix.addr));
	}
	for (unsigned i = 0; i < 2; i++)
		g_assert_cmpint(sd_bus_call_method(clients[i], DBUS_SERVICE, DBUS_PATH,
						   DBUS_INTERFACE_MANAGER, "UnblockClient", &error,
						   NULL, "sa{sv}", "2001:db8:7::/64", 0) >= 0,
				==, i == 0);
	g_assert_cmpstr(error.name, ==, DBUS_ERROR_NO_SUCH_CLIENT);
	g_assert_false(blocklist_covers(&service.gateway.nat->blocklist, &prefix.addr));
}

/* A time of nearly for ever does not end at once. */
static void test_block_for_long(void)
{
	struct nat64 *nat = service.gateway.nat;
	struct prefix6 prefix;

	g_assert_true(prefix6_parse("2001:db8:8::/64", &prefix));
	g_assert_cmpint(sd_bus_call_method(clients[0], DBUS_SERVICE, DBUS_PATH,
					   DBUS_INTERFACE_MANAGER, "BlockClient", NULL, NULL,
					   "sta{sv}", "2001:db8:8::/64", UINT64_MAX - 1, 0),
			>=, 0);
	g_assert_cmpuint(
		blocklist_at(&nat->blocklist, blocklist_find(&nat->blocklist, &prefix))->until_ms,
		>=, UINT64_MAX / 1000);
	g_assert_cmpint(sd_bus_call_method(clients[0], DBUS_SERVICE, DBUS_PATH,
					   DBUS_INTERFACE_MANAGER, "UnblockClient", NULL, NULL,
					   "sa{sv}", "2001:db8:8::/64", 0),
			>=, 0);
}

static void become_nobody(gpointer data)
{
	if (setgroups(0, NULL) < 0 || setgid(65534) < 0 || setuid(65534) < 0)
		_exit(99);
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
		"BlockClient sta{sv} ::1 0 0",
		"UnblockClient sa{sv} ::1 0",
	};

	if (geteuid() != 0) {
		g_test_skip("needs root, to become somebody else");
		return;
	}
	for (unsigned i = 0; i < G_N_ELEMENTS(calls); i++) {
		g_autofree char *line =
			g_strdup_printf("busctl --address=%s call " DBUS_SERVICE " " DBUS_PATH
					" " DBUS_INTERFACE_MANAGER " %s",
					service.bus_address, calls[i]);
		g_autofree char *message = NULL;
		g_auto(GStrv) words = NULL;
		int status;

		g_assert_true(g_shell_parse_argv(line, NULL, &words, NULL));
		g_assert_true(g_spawn_sync(NULL, words, NULL,
					   G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL,
					   become_nobody, NULL, NULL, &message, &status, NULL));
		g_test_message("%s: %s", calls[i], message);
		g_assert_cmpint(status, !=, 0);
		g_assert_nonnull(strstr(message, "Access denied"));
	}
}

int main(int argc, char **argv)
{
	int r;

	g_test_init(&argc, &argv, NULL);
	test_service_start(&service);
	for (unsigned i = 0; i < 2; i++)
		clients[i] = test_service_connect(&service, i == 1);
	g_test_add_func("/changes/add-refused", test_add_refused);
	g_test_add_func("/changes/add-and-remove", test_add_and_remove);
	g_test_add_func("/changes/ambiguous", test_ambiguous);
	g_test_add_func("/changes/dry-run", test_dry_run);
	g_test_add_func("/changes/disable-and-enable", test_disable_and_enable);
	g_test_add_func("/changes/drain", test_drain);
	g_test_add_func("/changes/rules-fail", test_rules_fail);
	g_test_add_func("/changes/many", test_many);
	g_test_add_func("/changes/bib-refused", test_bib_refused);
	g_test_add_func("/changes/bib", test_bib);
	g_test_add_func("/changes/drain-statics", test_drain_statics);
	g_test_add_func("/changes/objects", test_objects);
	g_test_add_func("/changes/block", test_block);
	g_test_add_func("/changes/block-for-long", test_block_for_long);
	g_test_add_func("/changes/access", test_access);
	r = g_test_run();
	for (unsigned i = 0; i < 2; i++)
		sd_bus_flush_close_unref(clients[i]);
	test_service_stop(&service);
	return r;
}
