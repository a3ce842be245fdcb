/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration at run time (INTERFACE, section 4): every key can be read, and set or refused
 * with a reason; the newest word wins; nothing is lost; Pool6 grows and shrinks.
 */
#include <string.h>

#include "daemon/config_keys.h"
#include "daemon/config_value.h"
#include "dbus/names.h"
#include "tests/change_call.h"

#define POOL6 "Pool6=2001:db8:64::/96\nClients=any\n"
#define WAN   "[Pool4 wan]\nAddresses=192.0.2.0/30\nPorts=1024-65535\n"
#define FILE_OF_TEST                                                                       \
	"[Translation]\n" POOL6 "[Timeouts]\nUDP=4min\n[Limits]\nBindings=1000\nSessions=" \
	"1000\n" WAN

/* A key as ListConfig has it, in one line: "VALUE|SOURCE|live"; the directory of files is "". */
static char *listed(sd_bus *bus, const char *wanted)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	const char *key, *value, *source;
	char *found = NULL;
	int live;

	g_assert_cmpint(sd_bus_call_method(bus, DBUS_SERVICE, DBUS_PATH, DBUS_INTERFACE_MANAGER,
					   "ListConfig", NULL, &reply, NULL),
			>=, 0);
	g_assert_cmpint(sd_bus_message_enter_container(reply, 'a', DBUS_TYPE_CONFIG), >=, 0);
	while (sd_bus_message_read(reply, DBUS_TYPE_CONFIG, &key, &value, &source, &live) > 0) {
		if (strcmp(key, wanted) != 0)
			continue;
		if (g_str_has_prefix(source, service.directory))
			source += strlen(service.directory);
		found = g_strdup_printf("%s|%s|%s", value, source, live ? "live" : "start");
	}
	return found;
}

static void assert_listed(const char *key, const char *expected)
{
	for (unsigned i = 0; i < 2; i++) {
		g_autofree char *found = listed(clients[i], key);

		g_assert_cmpstr(found, ==, expected);
	}
}

static char *get(const char *key, char **ret_error)
{
	_cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_message_ sd_bus_message *reply = NULL;
	const char *value;

	if (sd_bus_call_method(clients[1], DBUS_SERVICE, DBUS_PATH, DBUS_INTERFACE_MANAGER,
			       "GetConfig", &error, &reply, "s", key) < 0) {
		*ret_error = g_strdup_printf("%s: %s", error.name, error.message);
		return NULL;
	}
	g_assert_cmpint(sd_bus_message_read(reply, "s", &value), >, 0);
	return g_strdup(value);
}

static void assert_set(const char *key, const char *value, const char *text)
{
	_cleanup_ending_ struct change_ending ending;

	change_config(key, value, NULL, &ending);
	change_assert_done(&ending, 1, text, "");
}

static void reset_all(void)
{
	_cleanup_ending_ struct change_ending ending;

	change_entry("ResetConfig", "", NULL, &ending);
	g_assert_cmpstr(ending.name, ==, NULL);
}

/* Every row of the table, with its default or what the file says. */
static void test_every_key(void)
{
	for (const struct config_key *key = config_keys; key->section != NULL; key++) {
		g_autofree char *name = g_strdup_printf("%s.%s", key->section, key->name);
		g_autofree char *value = NULL, *error = NULL, *row = listed(clients[0], name);

		value = get(name, &error);
		if (config_key_is_of_object(key)) {
			g_assert_null(value);
			g_assert_null(row);
			continue;
		}
		g_assert_cmpstr(error, ==, NULL);
		g_assert_true(g_str_has_prefix(row, value));
		/* What a reload has to leave as it is, it must be able to compare. */
		if ((key->flags & CONFIG_LIVE) == 0 || (key->flags & CONFIG_DYNAMIC) != 0)
			g_assert_cmpuint(config_type_size(key->type), >, 0);
		if (strstr(row, "|default|") != NULL)
			g_assert_cmpstr(value, ==, key->initial);
	}
	assert_listed("Timeouts.UDP", "4min|/nat64d.conf:5|live");
	assert_listed("Timeouts.ICMP", "1min|default|live");
	assert_listed("Limits.Bindings", "1000|/nat64d.conf:7|live");
	assert_listed("Limits.Pool4Objects", "4096|default|start");
}

/* Whatever may be set is in effect at once; whatever may not says why. */
static void test_set_every_key(void)
{
	for (const struct config_key *key = config_keys; key->section != NULL; key++) {
		g_autofree char *name = g_strdup_printf("%s.%s", key->section, key->name);
		g_autofree char *error = NULL, *value = NULL;
		_cleanup_ending_ struct change_ending ending = {NULL};

		if (config_key_is_of_object(key))
			continue;
		value = get(name, &error);
		change_config(name, value, NULL, &ending);
		if (config_key_is_live(key, service.config))
			g_assert_cmpstr(ending.name, ==, NULL);
		else
			g_assert_cmpstr(ending.name, ==, DBUS_ERROR_RESTART_REQUIRED);
		g_assert_false(ending.changed);
	}
}

/* Of keys whose values are no numbers, words or yes and no: another value, one that is refused, and
 * what the sentence says then. */
/* clang-format off */
static const struct sample {
	const char *key, *other, *bad, *why;
} samples[] = {
	{"Log.Target", "syslog", "file:", "'file:' is not journal, syslog or file:PATH"},
	{"Metrics.File", "/run/nat64d/metrics", "metrics", "'metrics' is not a path from /, or empty"},
	{"Metrics.Listen", "[::1]:9464", "::1", "'::1' is not a path from /, or an address and port"},
	{"Translation.Pool6", "2001:db8:64::/96 2001:db8:65::/96", "2001:db8::/97", "(RFC 6052, 2.2)"},
	{"Translation.AllowNonGlobal", "10.0.0.0/8", "10.0.0.1/8", "has host bits set: did you mean 10.0.0.0/8"},
	{"Translation.Filtering", "address-dependent", "dependent", "'dependent' is none of: endpoint-independent, address-dependent"},
	{"Translation.FilteringTCP", "address-dependent", "dependent", "'dependent' is none of: endpoint-independent, address-dependent"},
	{"Translation.FilteringUDP", "address-dependent", "dependent", "'dependent' is none of: endpoint-independent, address-dependent"},
	{"Translation.FilteringICMP", "address-dependent", "dependent", "'dependent' is none of: endpoint-independent, address-dependent"},
	{"Translation.ICMPErrors", "hop_limit:unlimited no_route:no", "hop_limit:often", "'often' is not no, limited or unlimited"},
	{"Translation.SilentInterfaces", "wan0 lan0", "a/b", "'a/b' is not the name of an interface"},
	{"Translation.TrafficClass", "255", "256", "'256' is not copy, zero or a number from 0 to 255"},
	{"Translation.TypeOfService", "zero", "none", "'none' is not copy, zero or a number from 0 to 255"},
	{"Translation.Clients", "2001:db8:1::/48", "192.0.2.0/24", "'192.0.2.0/24' is not an IPv6 prefix"},
	{"Translation.DenyDestination", "own private 198.51.100.0/24", "public", "'public' is not an IPv4 prefix"},
	{"Translation.DenySource", "198.51.100.0/24", "own", "'own' is not an IPv4 prefix"},
	{"Translation.Exempt", "198.51.100.0/24 2001:db8:9::/48", "here", "'here' is not an IPv4 prefix"},
	{"Translation.ExemptPorts", "tcp:25 udp:5000-5010@198.51.100.0/24", "icmp:1", "'icmp:1' is not tcp:PORTS or udp:PORTS"},
	{"Pool4.Announce", "wan0", "a/b", "'a/b' is not the name of an interface"},
	{"Timeouts.UDPByPort", "53:20s", "1024:20s", "'1024' is not a destination port from 0 to 1023"},
	{"Limits.BindingsPerClient", "50%", "101%", "101% is more than all"},
	{"Limits.SessionsPerClient", "4000", "many", "'many' is not a number, or a share such as 50%"},
	{"Limits.HeldPorts", "10", "-1", "'-1' is not a number, or a share such as 50%"},
	{"Limits.PoolAlarm", "90% 50%", "50% 90%", "90% clears the alarm above 50%, which raises it"},
};
/* clang-format on */

/* A number of the key as people write it, that may be beyond its bounds. */
static char *number(const struct config_key *key, uint64_t value)
{
	return key->type == CONFIG_DURATION
		       ? g_strdup_printf("%" G_GUINT64_FORMAT "s", value / 1000)
		       : g_strdup_printf("%" G_GUINT64_FORMAT, value);
}

static void assert_invalid(const char *name, const char *bad, const char *why)
{
	_cleanup_ending_ struct change_ending ending;

	change_config(name, bad, NULL, &ending);
	g_test_message("%s=%s: %s", name, bad, ending.text);
	g_assert_cmpstr(ending.name, ==, DBUS_ERROR_INVALID_VALUE);
	g_assert_nonnull(strstr(ending.text, why));
}

/* K-12: the sentence has the bound, and who says so. */
static void assert_bounds(const struct config_key *key, const char *name)
{
	const uint64_t step = key->type == CONFIG_DURATION ? 1000 : 1;
	char bound[CONFIG_DURATION_TEXT_SIZE];
	g_autofree char *who = *key->bound != '\0' ? g_strdup_printf(" (%s)", key->bound) : NULL;
	g_autofree char *above = number(key, key->max + step), *more = NULL, *less = NULL;

	config_bound_print(key, key->max, bound);
	more = g_strdup_printf("is above the maximum of %s%s", bound, who != NULL ? who : "");
	assert_invalid(name, above, more);
	assert_invalid(name, "much", config_type_form(key->type));
	if (key->min > 0) {
		g_autofree char *below = number(key, key->min - step);

		config_bound_print(key, key->min, bound);
		less = g_strdup_printf("is below the minimum of %s%s", bound,
				       who != NULL ? who : "");
		assert_invalid(name, below, less);
	}
}

/* Another good value of the key. Refuses the bad ones by the way. */
static char *other_value(const struct config_key *key, const char *name)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(samples); i++) {
		if (strcmp(samples[i].key, name) == 0) {
			assert_invalid(name, samples[i].bad, samples[i].why);
			return g_strdup(samples[i].other);
		}
	}
	switch ((int)key->type) {
	case CONFIG_BOOL:
		assert_invalid(name, "maybe", "'maybe' is not yes or no");
		return g_strdup(strcmp(key->initial, "yes") == 0 ? "no" : "yes");
	case CONFIG_CHOICE:
	case CONFIG_EITHER:
		assert_invalid(name, "maybe", "'maybe' is none of: ");
		return g_strdup(key->choices[1]);
	case CONFIG_NUMBER:
	case CONFIG_BYTE:
	case CONFIG_DURATION:
	case CONFIG_SECONDS:
	case CONFIG_SIZE:
		assert_bounds(key, name);
		return g_strcmp0(key->initial, "128") == 0 ? g_strdup("64") : number(key, key->max);
	default:
		g_error("%s: its type has no sample", name);
	}
}

/* Item 4 of the issue: every key that is live, set, read, refused and taken back. */
static void test_other_values(void)
{
	for (const struct config_key *key = config_keys; key->section != NULL; key++) {
		g_autofree char *name = g_strdup_printf("%s.%s", key->section, key->name);
		g_autofree char *before = NULL, *other = NULL, *row = NULL, *error = NULL;
		_cleanup_ending_ struct change_ending set = {NULL}, reset = {NULL};

		if (config_key_is_of_object(key) || !config_key_is_live(key, service.config))
			continue;
		before = listed(clients[0], name);
		other = other_value(key, name);
		change_config(name, other, NULL, &set);
		g_assert_cmpstr(set.name, ==, NULL);
		g_assert_true(set.changed);
		row = g_strdup_printf("%s|runtime|live", other);
		assert_listed(name, row);
		change_entry("ResetConfig", name, NULL, &reset);
		g_assert_cmpstr(reset.name, ==, NULL);
		assert_listed(name, before);
		g_assert_true(nat64_check(service.gateway.nat));
	}
}

static void test_set(void)
{
	_cleanup_ending_ struct change_ending dry, again, reset, nothing;
	const struct nat64 *nat = service.gateway.nat;

	test_service_add_session(&service, PROTOCOL_UDP, 1, 2000, 1);
	g_assert_cmpuint(nat->config.udp_ms, ==, 240000);
	change_config("Timeouts.UDP", "7min", "dry-run", &dry);
	change_assert_done(&dry, 1, "Timeouts.UDP would be '7min', before '4min'", "");
	g_assert_cmpuint(nat->config.udp_ms, ==, 240000);
	assert_set("Timeouts.UDP", "7min", "Timeouts.UDP is now '7min', before '4min'");
	g_assert_cmpuint(nat->config.udp_ms, ==, 420000);
	assert_listed("Timeouts.UDP", "7min|runtime|live");
	change_config("Timeouts.UDP", "7min", NULL, &again);
	change_assert_done(&again, 0, "Timeouts.UDP is already '7min'", "");
	g_assert_cmpuint(nat64_n_sessions(nat), ==, 1); /* O-11 */

	change_entry("ResetConfig", "Timeouts.UDP", NULL, &reset);
	change_assert_done(&reset, 1, "Timeouts.UDP is what the files say again", "");
	g_assert_cmpuint(nat->config.udp_ms, ==, 240000);
	change_entry("ResetConfig", "Timeouts.UDP", NULL, &nothing);
	change_assert_done(&nothing, 0, "Timeouts.UDP is not set at run time", "");
	assert_listed("Timeouts.UDP", "4min|/nat64d.conf:5|live");
}

static void test_reset_all(void)
{
	_cleanup_ending_ struct change_ending dry, all, none;

	assert_set("Timeouts.ICMP", "2min", "Timeouts.ICMP is now '2min', before '1min'");
	assert_set("Translation.ClampMSS", "yes", "Translation.ClampMSS is now 'yes', before 'no'");
	change_entry("ResetConfig", "", "dry-run", &dry);
	change_assert_done(&dry, 1, "2 keys set at run time would be what the files say", "");
	g_assert_true(service.gateway.nat->config.rules.clamp_mss);
	change_entry("ResetConfig", "", NULL, &all);
	change_assert_done(&all, 1, "2 keys set at run time are what the files say again", "");
	g_assert_false(service.gateway.nat->config.rules.clamp_mss);
	change_entry("ResetConfig", "", NULL, &none);
	change_assert_done(&none, 0, "0 keys set at run time are what the files say again", "");
}

/* clang-format off */
static const struct {
	const char *key, *value, *error, *text;
} refusals[] = {
	{"Timeouts.UPD", "1min", DBUS_ERROR_INVALID_KEY, "there is no key 'Timeouts.UPD': did you mean Timeouts.UDP?"},
	{"UDP", "1min", DBUS_ERROR_INVALID_KEY, "there is no key 'UDP'"},
	{"", "1min", DBUS_ERROR_INVALID_KEY, "there is no key ''"},
	{".", "", DBUS_ERROR_INVALID_KEY, "there is no key '.'"},
	{"Pool4 wan.Addresses", "192.0.2.1", DBUS_ERROR_INVALID_KEY, "there is no key 'Pool4 wan.Addresses'"},
	{"Pool4 NAME.Addresses", "192.0.2.1", DBUS_ERROR_INVALID_KEY, "there is no key 'Pool4 NAME.Addresses'"},
	{"Timeouts.UDP", "1min", DBUS_ERROR_INVALID_VALUE, "[Timeouts] UDP: 1min is below the minimum of 2min (RFC 4787, REQ-5); Timeouts.AllowBelowMinimum=yes permits it"},
	{"Timeouts.UDP", "", DBUS_ERROR_INVALID_VALUE, "[Timeouts] UDP: '' is not a time such as 300, 5min or 2h4min"},
	{"Translation.ClampMSS", "maybe", DBUS_ERROR_INVALID_VALUE, "[Translation] ClampMSS: 'maybe' is not yes or no"},
	{"Translation.Pool6", "", DBUS_ERROR_INVALID_VALUE, "[Translation] Pool6: at least one prefix is needed"},
	{"Limits.Pool4Objects", "5", DBUS_ERROR_RESTART_REQUIRED, "Limits.Pool4Objects takes effect at the next start only: set it in the configuration file"},
	{"Queue.Inject", "raw", DBUS_ERROR_RESTART_REQUIRED, "Queue.Inject takes effect at the next start only: set it in the configuration file"},
	{"Log.Target", "nowhere", DBUS_ERROR_INVALID_VALUE, "[Log] Target: 'nowhere' is not journal, syslog or file:PATH"},
};
/* clang-format on */

static void test_refusals(void)
{
	g_autofree char *error = NULL;

	for (unsigned i = 0; i < G_N_ELEMENTS(refusals); i++) {
		_cleanup_ending_ struct change_ending ending;

		change_config(refusals[i].key, refusals[i].value, NULL, &ending);
		change_assert_refused(&ending, refusals[i].error, refusals[i].text);
	}
	g_assert_null(get("Timeouts.UPD", &error));
	g_assert_cmpstr(error, ==, DBUS_ERROR_INVALID_KEY ": there is no key 'Timeouts.UPD'");
}

/* What can not be put into effect is not believed in either. */
static void test_apply_fails(void)
{
	_cleanup_ending_ struct change_ending ending;

	g_atomic_int_set(&service.apply_fails, 1);
	change_config("Timeouts.ICMP", "5min", NULL, &ending);
	g_atomic_int_set(&service.apply_fails, 0);
	change_assert_refused(&ending, SD_BUS_ERROR_FAILED,
			      "it can not be put into effect: a test says so");
	assert_listed("Timeouts.ICMP", "1min|default|live");
	g_assert_cmpuint(service.gateway.nat->config.icmp_ms, ==, 60000);
}

static void test_overrides_disabled(void)
{
	_cleanup_ending_ struct change_ending off, refused, prefix, reset;

	change_config("State.Overrides", "no", NULL, &off);
	g_assert_cmpstr(off.name, ==, NULL);
	change_config("Timeouts.UDP", "7min", NULL, &refused);
	change_assert_refused(&refused, DBUS_ERROR_OVERRIDES_DISABLED,
			      "State.Overrides=no: keys are set in the configuration file only");
	change_entry("AddPool6", "2001:db8:65::/96", NULL, &prefix);
	change_assert_refused(&prefix, DBUS_ERROR_OVERRIDES_DISABLED,
			      "State.Overrides=no: keys are set in the configuration file only");
	change_entry("ResetConfig", "", NULL, &reset);
	change_assert_done(&reset, 1, "1 key set at run time is what the files say again", "");
}

/* The newest word wins: a key keeps what was set while the file says what it said. */
static void test_newest_word(void)
{
	_cleanup_ending_ struct change_ending same, dry, newer, bad;
	const struct nat64 *nat = service.gateway.nat;

	assert_set("Timeouts.UDP", "7min", "Timeouts.UDP is now '7min', before '4min'");
	test_service_write(&service, "# again\n" FILE_OF_TEST);
	change_gateway(clients[0], "Reload", NULL, &same);
	change_assert_done(&same, 0, "the files say what they said", "");
	g_assert_cmpuint(nat->config.udp_ms, ==, 420000);
	assert_listed("Timeouts.UDP", "7min|runtime|live");

	test_service_write(&service, "[Translation]\n" POOL6 "[Timeouts]\nUDP=9min\nICMP=2min\n"
				     "[Limits]\nBindings=2000\nSessions=1000\n" WAN
				     "[Pool4 more]\nAddresses=192.0.2.8\nPorts=2000-2999\n");
	change_gateway(clients[1], "Reload", "dry-run", &dry);
	change_assert_done(&dry, 1, "5 settings would change", "");
	g_assert_cmpstr(dry.differences, ==,
			"Timeouts.UDP: 7min -> 9min\nTimeouts.ICMP: 1min -> 2min\n"
			"Limits.Bindings: 1000 -> 2000\n"
			"[Pool4 more] Addresses: 192.0.2.8 is new\n"
			"[Pool4 more] Ports: 2000-2999 is new\n"
			"Timeouts.UDP: the files say '9min' now, which holds; '7min', set at run "
			"time, is dropped\n");
	g_assert_cmpuint(nat->config.udp_ms, ==, 420000);
	change_gateway(clients[1], "Reload", NULL, &newer);
	change_assert_done(&newer, 1, "5 settings have changed", "");
	g_assert_cmpstr(newer.differences, ==, dry.differences);
	g_assert_cmpuint(nat->config.udp_ms, ==, 540000);
	g_assert_cmpuint(nat->limits.bindings, ==, 2000);
	g_assert_nonnull(pool4_entry_by_name(nat->pool4, "more"));
	assert_listed("Timeouts.UDP", "9min|/nat64d.conf:5|live");

	test_service_write(&service, "[Timeouts]\nUDP=1s\n");
	change_gateway(clients[0], "Reload", NULL, &bad);
	g_assert_cmpstr(bad.name, ==, SD_BUS_ERROR_FAILED);
	g_assert_nonnull(
		strstr(bad.text, "nat64d.conf:2: [Timeouts] UDP: 1s is below the minimum of 2min"));
	g_assert_cmpuint(nat->config.udp_ms, ==, 540000);

	test_service_write(&service, FILE_OF_TEST);
	reset_all();
	change_ending_clear(&same);
	change_gateway(clients[0], "Reload", NULL, &same);
	g_assert_cmpstr(same.name, ==, NULL);
	g_assert_cmpuint(nat->config.udp_ms, ==, 240000);
}

/* The properties that changed, and nothing else: each with its strings. */
static int on_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	const char *interface, *name, *prefix;

	g_assert_cmpint(sd_bus_message_read(message, "s", &interface), >, 0);
	g_assert_cmpint(sd_bus_message_enter_container(message, 'a', "{sv}"), >, 0);
	while (sd_bus_message_enter_container(message, 'e', "sv") > 0) {
		g_assert_cmpint(sd_bus_message_read(message, "s", &name), >, 0);
		g_string_append(userdata, name);
		g_assert_cmpint(sd_bus_message_enter_container(message, 'v', "as"), >, 0);
		g_assert_cmpint(sd_bus_message_enter_container(message, 'a', "s"), >, 0);
		while (sd_bus_message_read(message, "s", &prefix) > 0)
			g_string_append_printf(userdata, " %s", prefix);
		g_string_append_c(userdata, '\n');
		for (unsigned i = 0; i < 3; i++)
			g_assert_cmpint(sd_bus_message_exit_container(message), >=, 0);
	}
	return 0;
}

/* Who listens hears of other prefixes, and not of them when it is another key that changes. */
static void test_announced(void)
{
	_cleanup_ending_ struct change_ending other, added, removed;
	sd_bus *watcher = test_service_connect(&service, false);
	g_autoptr(GString) seen = g_string_new(NULL);

	g_assert_cmpint(sd_bus_match_signal(watcher, NULL, DBUS_SERVICE, DBUS_PATH,
					    "org.freedesktop.DBus.Properties", "PropertiesChanged",
					    on_changed, seen),
			>=, 0);
	change_config("Timeouts.UDP", "7min", NULL, &other);
	change_entry("AddPool6", "2001:db8:65::/96", NULL, &added);
	change_entry("RemovePool6", "2001:db8:65::/96", NULL, &removed);
	change_assert_done(&removed, 1, "2001:db8:65::/96 removed from Pool6", "");
	/* What was sent before the answer to this is there. */
	g_assert_cmpint(sd_bus_call_method(watcher, DBUS_SERVICE, DBUS_PATH, DBUS_INTERFACE_MANAGER,
					   "GetStatistics", NULL, NULL, NULL),
			>=, 0);
	while (sd_bus_process(watcher, NULL) > 0)
		continue;
	g_assert_cmpstr(seen->str, ==,
			"Pool6 2001:db8:64::/96 2001:db8:65::/96\nPool6 2001:db8:64::/96\n");
	reset_all();
	sd_bus_flush_close_unref(watcher);
}

/* one more prefix, and one less, while sessions go on. */
static void test_pool6(void)
{
	_cleanup_ending_ struct change_ending dry, added, again, back, other, overlap, host, word,
		gone, last, unknown;
	const struct nat64_config *config = &service.gateway.nat->config;
	uint32_t n_sessions = nat64_n_sessions(service.gateway.nat);

	change_entry("AddPool6", "2001:db8:65::/96", "dry-run", &dry);
	change_assert_done(&dry, 1, "2001:db8:65::/96 would be added to Pool6", "");
	g_assert_cmpuint(config->pool6[1].len, ==, 0);
	change_entry("AddPool6", "2001:db8:65::/96", NULL, &added);
	change_assert_done(&added, 1, "2001:db8:65::/96 added to Pool6", "");
	g_assert_cmpuint(config->pool6[1].len, ==, 96);
	assert_listed("Translation.Pool6", "2001:db8:64::/96 2001:db8:65::/96|runtime|live");
	change_entry("AddPool6", "2001:db8:65::/96", NULL, &again);
	change_assert_done(&again, 0, "2001:db8:65::/96 is in Pool6", "");
	/* What the files say is theirs again. */
	change_entry("RemovePool6", "2001:db8:65::/96", NULL, &back);
	change_assert_done(&back, 1, "2001:db8:65::/96 removed from Pool6", "");
	assert_listed("Translation.Pool6", "2001:db8:64::/96|/nat64d.conf:2|live");
	change_ending_clear(&added);
	change_entry("AddPool6", "2001:db8:65::/96", NULL, &added);
	change_assert_done(&added, 1, "2001:db8:65::/96 added to Pool6", "");

	change_entry("AddPool6", "2001:db8:64::/64", NULL, &overlap);
	g_assert_cmpstr(overlap.name, ==, DBUS_ERROR_INVALID_VALUE);
	g_assert_nonnull(strstr(overlap.text, "overlap"));
	change_entry("AddPool6", "2001:db8:64::1/96", NULL, &host);
	g_assert_cmpstr(host.name, ==, DBUS_ERROR_INVALID_ADDRESS);
	change_entry("AddPool6", "here", NULL, &word);
	change_assert_refused(&word, DBUS_ERROR_INVALID_ADDRESS, "'here' is not an IPv6 prefix");

	/* Sessions keep the place of their prefix. */
	change_entry("RemovePool6", "2001:db8:64::/96", NULL, &gone);
	change_assert_done(&gone, 1, "2001:db8:64::/96 removed from Pool6", "");
	g_assert_cmpuint(config->pool6[0].len, ==, 0);
	g_assert_cmpuint(config->pool6[1].len, ==, 96);
	g_assert_cmpuint(nat64_n_sessions(service.gateway.nat), ==, n_sessions);
	change_entry("RemovePool6", "2001:db8:65::/96", NULL, &last);
	change_assert_refused(
		&last, DBUS_ERROR_INVALID_VALUE,
		"2001:db8:65::/96 is the only prefix of Pool6: add another one first");
	change_entry("RemovePool6", "2001:db8:66::/96", NULL, &unknown);
	change_assert_done(&unknown, 0, "2001:db8:66::/96 is not in Pool6", "");
	change_entry("AddPool6", "2001:db8:64::/96", NULL, &other);
	change_assert_done(&other, 1, "2001:db8:64::/96 added to Pool6", "");
	g_assert_cmpuint(config->pool6[0].len, ==, 96);
	reset_all();
	g_assert_cmpuint(config->pool6[1].len, ==, 0);
}

/* Keys may be read by all, and changed by few. */
static void test_access(void)
{
	static const char *const open[] = {"ListConfig", "GetConfig s Timeouts.UDP"};
	static const char *const changing[] = {
		"SetConfig 'ssa{sv}' Timeouts.UDP 7min 0", "ResetConfig 'sa{sv}' '' 0",
		"AddPool6 'sa{sv}' 2001:db8:65::/96 0", "RemovePool6 'sa{sv}' 2001:db8:65::/96 0",
		"Reload 'a{sv}' 0"};

	bus_clients_check_access(open, G_N_ELEMENTS(open), true);
	bus_clients_check_access(changing, G_N_ELEMENTS(changing), false);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/config/every-key", test_every_key);
	g_test_add_func("/config/set-every-key", test_set_every_key);
	g_test_add_func("/config/other-values", test_other_values);
	g_test_add_func("/config/set", test_set);
	g_test_add_func("/config/reset-all", test_reset_all);
	g_test_add_func("/config/refusals", test_refusals);
	g_test_add_func("/config/apply-fails", test_apply_fails);
	g_test_add_func("/config/overrides-disabled", test_overrides_disabled);
	g_test_add_func("/config/newest-word", test_newest_word);
	g_test_add_func("/config/pool6", test_pool6);
	g_test_add_func("/config/announced", test_announced);
	g_test_add_func("/config/access", test_access);
	return bus_clients_run(FILE_OF_TEST);
}
