/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A change is stored before it is done and answered; what can not be stored changes nothing; others
 * are served meanwhile, and all happens in the order in which it was asked for.
 */
#include <string.h>

#include "dbus/names.h"
#include "schema/kept_row.h"
#include "tests/change_call.h"

#define HEAD                                  \
	"[Translation]\nPool6=2001:db8:64::/" \
	"96\nClients=any\n[Limits]\nBindings=1000\nSessions=1000\n"
#define WAN          "[Pool4 wan]\nAddresses=192.0.2.0/30\nPorts=1024-65535\n"
#define WEB          "[Static web]\nProtocols=tcp\nInside=[2001:db8::5]:80\nOutside=192.0.2.1:80\n"
#define FILE_OF_TEST HEAD "[Timeouts]\nUDP=4min\n" WAN WEB
#define NO_SPACE     "a test says that the disk is full"

static const struct pool4_entry *entry_named(const char *name)
{
	return pool4_entry_by_name(service.gateway.nat->pool4, name);
}

/* What this client has sent before has come. */
static void sync_calls(void)
{
	g_assert_cmpint(sd_bus_call_method(clients[0], DBUS_SERVICE, DBUS_PATH,
					   DBUS_INTERFACE_MANAGER, "GetStatistics", NULL, NULL,
					   NULL),
			>=, 0);
}

/* The row of this key, as one line; NULL if there is none. */
static char *kept(const char *key)
{
	const struct kept_row *row;
	GString *text;

	sync_calls(); /* what is stored after an answer, too */
	row = g_hash_table_lookup(service.kept, key);
	if (row == NULL)
		return NULL;
	text = g_string_new(NULL);
	for (unsigned i = 0; i < KEPT_COLUMNS_MAX && row->value[i] != NULL; i++)
		g_string_append_printf(text, "%s%s", i > 0 ? "|" : "", row->value[i]);
	return g_string_free(text, FALSE);
}

#define assert_kept(key, expected)                      \
	do {                                            \
		g_autofree char *text_ = kept(key);     \
		g_assert_cmpstr(text_, ==, (expected)); \
	} while (0)

static void assert_changed(const struct change_ending *ending)
{
	g_test_message("%s", ending->text);
	g_assert_cmpstr(ending->name, ==, NULL);
	g_assert_true(ending->changed);
}

#define ADDED "tcp udp icmp|||0||active|"
#define WAN_SAID                                                                                \
	"Addresses=192.0.2.0/30; Ports=1024-65535; Protocols=tcp udp icmp; Clients=; Prefix=; " \
	"Overflow=no"

/* What each kind of change leaves behind. */
static void test_rows(void)
{
	_cleanup_ending_ struct change_ending added, unnamed, off, on, drained, removed,
		unnamed_removed;
	_cleanup_ending_ struct change_ending bound, unbound, replaced, set, reset, other;

	change_add("198.51.100.0/29", "2000-2999", "udp", "comment", "s", "by hand", &unnamed);
	assert_changed(&unnamed);
	assert_kept("pool4_entry\np1", "p1|198.51.100.0/29|2000-2999|udp|||0|by hand|active|");
	g_assert_nonnull(entry_named("p1"));
	change_add("198.51.100.8", "", "", "name", "s", "more", &added);
	assert_changed(&added);
	assert_kept("pool4_entry\nmore", "more|198.51.100.8|auto|" ADDED);
	change_bib("AddBib", "udp", "2001:db8::6", 2525, "198.51.100.8", 2525, NULL, &bound);
	assert_kept("static_binding\nudp\n198.51.100.8:2525\n[2001:db8::6]:2525",
		    "udp|198.51.100.8:2525|[2001:db8::6]:2525||0");
	change_entry("DrainPool4", "more", NULL, &drained);
	assert_changed(&drained);
	assert_kept("pool4_entry\nmore", "more|198.51.100.8|auto|tcp udp icmp|||0||draining|");
	change_bib("RemoveBib", "udp", "", 0, "198.51.100.8", 2525, NULL, &unbound);
	assert_kept("static_binding\nudp\n198.51.100.8:2525\n[2001:db8::6]:2525", NULL);
	change_entry("RemovePool4", "more", NULL, &removed);
	assert_changed(&removed);
	assert_kept("pool4_entry\nmore", NULL);
	change_entry("RemovePool4", "p1", NULL, &unnamed_removed);
	assert_kept("pool4_entry\np1", NULL);

	/* Of the file: what it said then is kept, too. */
	change_bib("AddBib", "tcp", "2001:db8::7", 80, "192.0.2.1", 80, "replace", &replaced);
	assert_changed(&replaced);
	assert_kept("static_binding\ntcp\n192.0.2.1:80\n[2001:db8::5]:80",
		    "tcp|192.0.2.1:80|[2001:db8::5]:80||1");
	assert_kept("static_binding\ntcp\n192.0.2.1:80\n[2001:db8::7]:80",
		    "tcp|192.0.2.1:80|[2001:db8::7]:80||0");
	change_entry("RemovePool4", "wan", "force", &off);
	assert_changed(&off);
	assert_kept("pool4_entry\nwan",
		    "wan|192.0.2.0/30|1024-65535|tcp udp icmp|||0||disabled|" WAN_SAID);
	change_entry("EnablePool4", "wan", NULL, &on);
	assert_changed(&on);
	assert_kept("pool4_entry\nwan", NULL);
	change_config("Timeouts.UDP", "6min", NULL, &set);
	assert_kept("setting\nTimeouts\nUDP", "Timeouts|UDP|6min|=4min");
	change_config("Timeouts.ICMP", "3min", NULL, &other);
	assert_kept("setting\nTimeouts\nICMP", "Timeouts|ICMP|3min|");
	change_entry("ResetConfig", "", NULL, &reset);
	assert_changed(&reset);
	assert_kept("setting\nTimeouts\nUDP", NULL);
	assert_kept("setting\nTimeouts\nICMP", NULL);
}

static void block(const char *method, const char *prefix, struct change_ending *ret)
{
	_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_message_ sd_bus_message *reply = NULL;
	int r = strcmp(method, "BlockClient") == 0
			? sd_bus_call_method(clients[0], DBUS_SERVICE, DBUS_PATH,
					     DBUS_INTERFACE_MANAGER, method, &error, &reply,
					     "sta{sv}", prefix, UINT64_C(3600000000), 0)
			: sd_bus_call_method(clients[0], DBUS_SERVICE, DBUS_PATH,
					     DBUS_INTERFACE_MANAGER, method, &error, &reply,
					     "sa{sv}", prefix, 0);

	*ret = (struct change_ending){NULL};
	if (r < 0) {
		ret->name = g_strdup(error.name);
		ret->text = g_strdup(error.message);
	} else {
		change_read_result(reply, ret);
	}
}

static void test_blocked(void)
{
	_cleanup_ending_ struct change_ending blocked, unblocked;
	const struct kept_row *row;

	block("BlockClient", "2001:db8:9::/64", &blocked);
	assert_changed(&blocked);
	sync_calls();
	row = g_hash_table_lookup(service.kept, "blocked_client\n2001:db8:9::/64");
	g_assert_nonnull(row);
	g_assert_cmpint(g_ascii_strtoll(row->value[KEPT_BLOCKED_UNTIL], NULL, 10) -
				g_ascii_strtoll(row->value[KEPT_BLOCKED_SINCE], NULL, 10),
			==, 3600);
	block("UnblockClient", "2001:db8:9::/64", &unblocked);
	assert_changed(&unblocked);
	sync_calls();
	g_assert_null(g_hash_table_lookup(service.kept, "blocked_client\n2001:db8:9::/64"));
}

static uint32_t n_blocked(void)
{
	return service.gateway.nat->blocklist.entries.n_used;
}

/* All kinds, while the disk is full: each is refused, and nothing is as it was not before. */
static void test_fails(void)
{
	_cleanup_ending_ struct change_ending add, remove, drain, bind, replace, unbind, set, pool6,
		blocked, dry, same;
	int n_rules = g_atomic_int_get(&service.n_rules);
	uint32_t n_static = service.gateway.nat->bib[PROTOCOL_TCP].entries.n_used;

	g_atomic_int_set(&service.store_fails, 1);
	change_add("198.51.100.1", "", "", "name", "s", "late", &add);
	change_assert_refused(&add, DBUS_ERROR_DATABASE_FAILED, NO_SPACE);
	change_entry("RemovePool4", "wan", "force", &remove);
	change_assert_refused(&remove, DBUS_ERROR_DATABASE_FAILED, NO_SPACE);
	change_entry("DrainPool4", "wan", NULL, &drain);
	change_assert_refused(&drain, DBUS_ERROR_DATABASE_FAILED, NO_SPACE);
	change_bib("AddBib", "tcp udp", "2001:db8::6", 25, "192.0.2.2", 25, NULL, &bind);
	change_assert_refused(&bind, DBUS_ERROR_DATABASE_FAILED, NO_SPACE);
	change_bib("AddBib", "tcp", "2001:db8::8", 80, "192.0.2.1", 80, "replace", &replace);
	change_assert_refused(&replace, DBUS_ERROR_DATABASE_FAILED, NO_SPACE);
	change_bib("RemoveBib", "tcp", "", 0, "192.0.2.1", 80, NULL, &unbind);
	change_assert_refused(&unbind, DBUS_ERROR_DATABASE_FAILED, NO_SPACE);
	change_config("Timeouts.UDP", "7min", NULL, &set);
	change_assert_refused(&set, DBUS_ERROR_DATABASE_FAILED, NO_SPACE);
	change_entry("AddPool6", "2001:db8:65::/96", NULL, &pool6);
	change_assert_refused(&pool6, DBUS_ERROR_DATABASE_FAILED, NO_SPACE);
	block("BlockClient", "2001:db8:9::/64", &blocked);
	change_assert_refused(&blocked, DBUS_ERROR_DATABASE_FAILED, NO_SPACE);
	/* What stores nothing works. */
	change_entry("DrainPool4", "wan", "dry-run", &dry);
	assert_changed(&dry);
	change_entry("EnablePool4", "wan", NULL, &same);
	change_assert_done(&same, 0,
			   "pool4 entry wan is there already: 192.0.2.0/30, tcp udp icmp, ports "
			   "1024-65535",
			   "");
	g_atomic_int_set(&service.store_fails, 0);

	g_assert_cmpuint(pool4_n_entries(service.gateway.nat->pool4), ==, 1);
	g_assert_cmpint(entry_named("wan")->state, ==, POOL4_ACTIVE);
	g_assert_cmpuint(service.gateway.nat->bib[PROTOCOL_TCP].entries.n_used, ==, n_static);
	g_assert_cmpuint(service.gateway.nat->bib[PROTOCOL_UDP].entries.n_used, ==, 0);
	g_assert_cmpuint(service.gateway.nat->config.udp_ms, ==, 240000);
	g_assert_cmpuint(service.gateway.nat->config.pool6[1].len, ==, 0);
	g_assert_cmpuint(n_blocked(), ==, 0);
	g_assert_cmpint(g_atomic_int_get(&service.n_rules), ==, n_rules);
}

/* The same of a prefix that could go. */
static void test_prefix_fails(void)
{
	_cleanup_ending_ struct change_ending more, refused, less;

	change_entry("AddPool6", "2001:db8:65::/96", NULL, &more);
	assert_changed(&more);
	g_atomic_int_set(&service.store_fails, 1);
	change_entry("RemovePool6", "2001:db8:65::/96", NULL, &refused);
	change_assert_refused(&refused, DBUS_ERROR_DATABASE_FAILED, NO_SPACE);
	g_atomic_int_set(&service.store_fails, 0);
	g_assert_cmpuint(service.gateway.nat->config.pool6[1].len, ==, 96);
	change_entry("RemovePool6", "2001:db8:65::/96", NULL, &less);
	assert_changed(&less);
	g_assert_cmpuint(service.gateway.nat->config.pool6[1].len, ==, 0);
}

/* A call that is not waited for; its number in endings comes when it ends. */
struct pending {
	GArray *order;
	int number;
	bool failed;
	char *text;
};

static int on_reply(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	struct pending *pending = userdata;

	pending->failed = sd_bus_message_is_method_error(reply, NULL) > 0;
	if (pending->failed)
		pending->text = g_strdup(sd_bus_message_get_error(reply)->message);
	g_array_append_val(pending->order, pending->number);
	return 0;
}

static void ask(struct pending *pending, GArray *order, int number, const char *method,
		const char *types, ...)
{
	_cleanup_message_ sd_bus_message *message = NULL;
	va_list args;

	*pending = (struct pending){.order = order, .number = number};
	g_assert_cmpint(sd_bus_message_new_method_call(clients[0], &message, DBUS_SERVICE,
						       DBUS_PATH, DBUS_INTERFACE_MANAGER, method),
			>=, 0);
	va_start(args, types);
	g_assert_cmpint(sd_bus_message_appendv(message, types, args), >=, 0);
	va_end(args);
	g_assert_cmpint(sd_bus_call_async(clients[0], NULL, message, on_reply, pending, 0), >=, 0);
	g_assert_cmpint(sd_bus_flush(clients[0]), >=, 0);
}

static void wait_for(const GArray *order, guint n)
{
	while (order->len < n) {
		int r = sd_bus_process(clients[0], NULL);

		g_assert_cmpint(r, >=, 0);
		if (r == 0)
			g_assert_cmpint(sd_bus_wait(clients[0], UINT64_MAX), >=, 0);
	}
}

static void assert_order(const GArray *order, guint n)
{
	g_assert_cmpuint(order->len, ==, n);
	for (guint i = 0; i < n; i++)
		g_assert_cmpint(g_array_index(order, int, i), ==, (int)i);
}

static void assert_done(const struct pending *pending)
{
	g_assert_cmpstr(pending->text, ==, NULL);
	g_assert_false(pending->failed);
}

/* A key as somebody else reads it meanwhile. */
static char *value_of(const char *key)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	const char *value;

	g_assert_cmpint(sd_bus_call_method(clients[1], DBUS_SERVICE, DBUS_PATH,
					   DBUS_INTERFACE_MANAGER, "GetConfig", NULL, &reply, "s",
					   key),
			>=, 0);
	g_assert_cmpint(sd_bus_message_read(reply, "s", &value), >, 0);
	return g_strdup(value);
}

/* While the disk takes its time nothing has happened, and everybody else is served. */
static void test_slow(void)
{
	g_autoptr(GArray) order = g_array_new(FALSE, FALSE, sizeof(int));
	int n_stored = g_atomic_int_get(&service.n_stored);
	g_autofree char *before = NULL, *after = NULL;
	_cleanup_ending_ struct change_ending reset;
	struct pending set;

	test_service_store(&service, true);
	ask(&set, order, 0, "SetConfig", "ssa{sv}", "Timeouts.UDP", "8min", 0);
	test_service_wait_stored(&service, n_stored + 1);
	before = value_of("Timeouts.UDP");
	g_assert_cmpstr(before, ==, "4min");
	g_assert_cmpuint(service.gateway.nat->config.udp_ms, ==, 240000);
	g_assert_cmpuint(order->len, ==, 0);
	test_service_store(&service, false);
	wait_for(order, 1);
	assert_done(&set);
	after = value_of("Timeouts.UDP");
	g_assert_cmpstr(after, ==, "8min");
	change_entry("ResetConfig", "", NULL, &reset);
}

/* What comes while a transaction is on its way shares the next one. */
static void test_together(void)
{
	enum { N = 20 };
	g_autoptr(GArray) order = g_array_new(FALSE, FALSE, sizeof(int));
	int n_stored = g_atomic_int_get(&service.n_stored);
	struct pending add[N], remove[N];

	test_service_store(&service, true);
	for (int i = 0; i < N; i++) {
		g_autofree char *address = g_strdup_printf("198.51.100.%d", i);
		g_autofree char *name = g_strdup_printf("n%d", i);

		ask(&add[i], order, i, "AddPool4", "sssa{sv}", address, "", "", 1, "name", "s",
		    name);
		if (i == 0)
			test_service_wait_stored(&service, n_stored + 1);
	}
	sync_calls();
	test_service_store(&service, false);
	wait_for(order, N);
	assert_order(order, N);
	g_assert_cmpint(g_atomic_int_get(&service.n_stored), <=, n_stored + 3);
	for (int i = 0; i < N; i++)
		assert_done(&add[i]);
	for (int i = 0; i < N; i++) {
		g_autofree char *name = g_strdup_printf("n%d", i);

		ask(&remove[i], order, N + i, "RemovePool4", "sa{sv}", name, 0);
	}
	wait_for(order, 2 * N);
	assert_order(order, 2 * N);
	for (int i = 0; i < N; i++)
		assert_done(&remove[i]);
	g_assert_cmpuint(pool4_n_entries(service.gateway.nat->pool4), ==, 1);
}

/* Nobody waits for an answer, and each needs what the one before has done. */
static void test_order(void)
{
	_cleanup_ending_ struct change_ending unbound;
	g_autoptr(GArray) order = g_array_new(FALSE, FALSE, sizeof(int));
	struct pending call[9];

	ask(&call[0], order, 0, "AddPool4", "sssa{sv}", "198.51.100.1", "", "", 1, "name", "s",
	    "a");
	ask(&call[1], order, 1, "AddBib", "ssqsqa{sv}", "udp", "2001:db8::6", 2525, "198.51.100.1",
	    2525, 0);
	ask(&call[2], order, 2, "RemovePool4", "sa{sv}", "a", 0);
	ask(&call[3], order, 3, "RemovePool4", "sa{sv}", "a", 1, "force", "b", 1);
	ask(&call[4], order, 4, "AddPool4", "sssa{sv}", "198.51.100.1", "", "tcp", 1, "name", "s",
	    "a");
	ask(&call[5], order, 5, "SetConfig", "ssa{sv}", "Timeouts.UDP", "8min", 0);
	ask(&call[6], order, 6, "SetConfig", "ssa{sv}", "Timeouts.UDP", "9min", 0);
	ask(&call[7], order, 7, "ResetConfig", "sa{sv}", "Timeouts.UDP", 0);
	ask(&call[8], order, 8, "RemovePool4", "sa{sv}", "a", 1, "force", "b", 1);
	wait_for(order, 9);
	for (unsigned i = 0; i < 9; i++)
		g_test_message("answer %u is of call %d", i, g_array_index(order, int, i));
	for (unsigned i = 0; i < 9; i++) {
		g_test_message("%u: %s", i, call[i].text ? call[i].text : "done");
		g_assert_cmpint(call[i].failed, ==, i == 2);
	}
	g_assert_true(g_str_has_prefix(call[2].text, "pool4 entry a is used by 1 binding"));
	g_free(call[2].text);
	g_assert_null(entry_named("a"));
	assert_kept("pool4_entry\na", NULL);
	assert_kept("setting\nTimeouts\nUDP", NULL);
	/* It would be back with its address. */
	change_bib("RemoveBib", "udp", "2001:db8::6", 2525, "198.51.100.1", 2525, NULL, &unbound);
	assert_changed(&unbound);
}

/* Both were good when they were looked at, but one is in the way of the other. */
static void test_overlap(void)
{
	g_autoptr(GArray) order = g_array_new(FALSE, FALSE, sizeof(int));
	int n_stored = g_atomic_int_get(&service.n_stored);
	_cleanup_ending_ struct change_ending reset, removed;
	struct pending first, call[2];

	test_service_store(&service, true);
	ask(&first, order, 0, "SetConfig", "ssa{sv}", "Timeouts.ICMP", "8min", 0);
	test_service_wait_stored(&service, n_stored + 1);
	ask(&call[0], order, 1, "AddPool4", "sssa{sv}", "198.51.100.0/29", "", "", 1, "name", "s",
	    "a");
	ask(&call[1], order, 2, "AddPool4", "sssa{sv}", "198.51.100.1", "", "", 1, "name", "s",
	    "b");
	sync_calls();
	test_service_store(&service, false);
	wait_for(order, 3);
	assert_done(&call[0]);
	g_assert_true(g_str_has_prefix(call[1].text, "198.51.100.1 overlaps pool4 entry a"));
	g_free(call[1].text);
	change_entry("RemovePool4", "a", NULL, &removed);
	assert_changed(&removed);
	assert_kept("pool4_entry\na", NULL);
	assert_kept("pool4_entry\nb", NULL);
	change_entry("ResetConfig", "", NULL, &reset);
}

/* It is stored, and can not be done: then it is not to come back at the next start. */
static void test_rules_fail(void)
{
	_cleanup_ending_ struct change_ending failed, settings, next;

	g_atomic_int_set(&service.rules_fail, 1);
	change_add("198.51.100.1", "", "", "name", "s", "never", &failed);
	g_atomic_int_set(&service.rules_fail, 0);
	change_assert_refused(&failed, SD_BUS_ERROR_FAILED,
			      "the packet rules can not follow: the kernel says no");
	g_atomic_int_set(&service.apply_fails, 1);
	change_config("Timeouts.ICMP", "5min", NULL, &settings);
	g_atomic_int_set(&service.apply_fails, 0);
	change_assert_refused(&settings, SD_BUS_ERROR_FAILED,
			      "it can not be put into effect: a test says so");
	change_entry("RemovePool4", "never", NULL, &next);
	g_assert_cmpstr(next.name, ==, DBUS_ERROR_NO_SUCH_POOL4);
	assert_kept("pool4_entry\nnever", NULL);
	assert_kept("setting\nTimeouts\nICMP", NULL);
}

#define CAN_NOT_FOLLOW "the packet rules can not follow: the kernel says no"

/* Keys, prefixes, static bindings and files, too: what was said before the failure is in effect,
 * and stored. */
static void test_rules_fail_for_all(void)
{
	_cleanup_ending_ struct change_ending before, again, prefix, binding, files, reset;
	const GPtrArray *overrides;

	change_config("Timeouts.ICMP", "2min", NULL, &before);
	assert_changed(&before);
	g_atomic_int_set(&service.rules_fail, 1);
	change_config("Timeouts.ICMP", "3min", NULL, &again);
	change_entry("AddPool6", "2001:db8:65::/96", NULL, &prefix);
	change_bib("AddBib", "udp", "2001:db8::16", 2626, "192.0.2.2", 2626, NULL, &binding);
	test_service_write(&service, HEAD "[Timeouts]\nUDP=7min\n" WAN WEB);
	change_gateway(clients[0], "Reload", NULL, &files);
	test_service_write(&service, FILE_OF_TEST);
	g_atomic_int_set(&service.rules_fail, 0);
	change_assert_refused(&again, SD_BUS_ERROR_FAILED, CAN_NOT_FOLLOW);
	change_assert_refused(&prefix, SD_BUS_ERROR_FAILED, CAN_NOT_FOLLOW);
	change_assert_refused(&binding, SD_BUS_ERROR_FAILED, CAN_NOT_FOLLOW);
	change_assert_refused(&files, SD_BUS_ERROR_FAILED, CAN_NOT_FOLLOW);
	assert_kept("setting\nTimeouts\nICMP", "Timeouts|ICMP|2min|");
	assert_kept("setting\nTranslation\nPool6", NULL);
	assert_kept("static_binding\nudp\n192.0.2.2:2626\n[2001:db8::16]:2626", NULL);
	overrides = service.settings->overrides;
	g_assert_cmpuint(overrides->len, ==, 1);
	g_assert_cmpstr(((const struct config_override *)g_ptr_array_index(overrides, 0))->value,
			==, "2min");
	g_assert_cmpuint(service.gateway.nat->config.pool6[1].len, ==, 0);
	g_assert_cmpuint(service.gateway.nat->config.udp_ms, ==, 4 * 60000);
	g_assert_cmpuint(bib_find4(&service.gateway.nat->bib[PROTOCOL_UDP],
				   &(struct taddr4){0xc0000202, 2626}),
			 ==, SLAB_NONE);
	/* What is there since before is none of it. */
	g_assert_cmpuint(bib_find4(&service.gateway.nat->bib[PROTOCOL_TCP],
				   &(struct taddr4){0xc0000201, 80}),
			 !=, SLAB_NONE);
	change_entry("ResetConfig", "", NULL, &reset);
	assert_changed(&reset);
	assert_kept("setting\nTimeouts\nICMP", NULL);
}

/* Who has asked does not wait for the answer: it is done all the same. */
static void test_gone(void)
{
	g_autoptr(GArray) order = g_array_new(FALSE, FALSE, sizeof(int));
	int n_stored = g_atomic_int_get(&service.n_stored);
	_cleanup_ending_ struct change_ending removed;
	struct pending add, other;
	sd_bus *before = clients[0];

	test_service_store(&service, true);
	clients[0] = test_service_connect(&service, true);
	ask(&add, order, 0, "AddPool4", "sssa{sv}", "198.51.100.1", "", "", 1, "name", "s", "left");
	test_service_wait_stored(&service, n_stored + 1);
	ask(&other, order, 1, "AddPool4", "sssa{sv}", "198.51.100.2", "", "", 1, "name", "s",
	    "behind");
	clients[0] = sd_bus_close_unref(clients[0]);
	clients[0] = before;
	test_service_store(&service, false);
	change_entry("RemovePool4", "left", NULL, &removed);
	change_assert_done(&removed, 1,
			   "pool4 entry left removed: 198.51.100.1, tcp udp icmp, ports 1024-65535",
			   "");
}

/* The files say something else: what was set, or disabled, is not kept any more. */
static void test_newest_word(void)
{
	_cleanup_ending_ struct change_ending set, off, reload, sync;

	change_config("Timeouts.UDP", "6min", NULL, &set);
	change_entry("RemovePool4", "wan", "force", &off);
	assert_changed(&off);
	assert_kept("setting\nTimeouts\nUDP", "Timeouts|UDP|6min|=4min");
	test_service_write(&service, HEAD "[Timeouts]\nUDP=5min\n[Pool4 wan]\n"
					  "Addresses=192.0.2.0/29\nPorts=1024-65535\n");
	/* The disk has nothing to do with what the files say. */
	g_atomic_int_set(&service.store_fails, 1);
	change_gateway(clients[0], "Reload", NULL, &reload);
	g_atomic_int_set(&service.store_fails, 0);
	g_assert_cmpstr(reload.name, ==, NULL);
	g_assert_nonnull(strstr(reload.differences,
				"Timeouts.UDP: the files say '5min' now, which holds; '6min', set "
				"at run time, is dropped"));
	g_assert_cmpint(entry_named("wan")->state, ==, POOL4_ACTIVE);
	change_gateway(clients[0], "Resume", NULL, &sync);
	assert_kept("setting\nTimeouts\nUDP", NULL);
	assert_kept("pool4_entry\nwan", NULL);
	assert_kept("static_binding\ntcp\n192.0.2.1:80\n[2001:db8::5]:80", NULL);
}

static void test_overrides_disabled(void)
{
	_cleanup_ending_ struct change_ending off, add, dry, remove, bind, blocked, unblocked, on;
	static const char *const text =
		"State.Overrides=no: pool4, static bindings and keys are changed "
		"in the configuration file only";
	static const int yes = 1;

	change_config("State.Overrides", "no", NULL, &off);
	g_assert_cmpstr(off.name, ==, NULL);
	change_add("198.51.100.1", "", "", NULL, NULL, NULL, &add);
	change_assert_refused(&add, DBUS_ERROR_OVERRIDES_DISABLED, text);
	change_add("198.51.100.1", "", "", "dry-run", "b", &yes, &dry);
	change_assert_refused(&dry, DBUS_ERROR_OVERRIDES_DISABLED, text);
	change_entry("RemovePool4", "wan", "force", &remove);
	change_assert_refused(&remove, DBUS_ERROR_OVERRIDES_DISABLED, text);
	change_bib("AddBib", "tcp", "2001:db8::6", 25, "192.0.2.2", 25, NULL, &bind);
	change_assert_refused(&bind, DBUS_ERROR_OVERRIDES_DISABLED, text);
	block("BlockClient", "2001:db8:9::/64", &blocked);
	assert_changed(&blocked);
	block("UnblockClient", "2001:db8:9::/64", &unblocked);
	assert_changed(&unblocked);
	/* Taking back is not setting. */
	change_entry("ResetConfig", "", NULL, &on);
	assert_changed(&on);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/stored/rows", test_rows);
	g_test_add_func("/stored/blocked", test_blocked);
	g_test_add_func("/stored/fails", test_fails);
	g_test_add_func("/stored/prefix-fails", test_prefix_fails);
	g_test_add_func("/stored/slow", test_slow);
	g_test_add_func("/stored/together", test_together);
	g_test_add_func("/stored/order", test_order);
	g_test_add_func("/stored/overlap", test_overlap);
	g_test_add_func("/stored/rules-fail", test_rules_fail);
	g_test_add_func("/stored/rules-fail-for-all", test_rules_fail_for_all);
	g_test_add_func("/stored/gone", test_gone);
	g_test_add_func("/stored/overrides-disabled", test_overrides_disabled);
	g_test_add_func("/stored/newest-word", test_newest_word);
	return bus_clients_run(FILE_OF_TEST);
}
