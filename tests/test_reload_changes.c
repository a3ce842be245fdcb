/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changes at run time outlive a reload of the configuration, until the section that they are about
 * says something else (INTERFACE, section 5).
 */
#include "dbus/names.h"
#include "tests/change_call.h"

#define HEAD "[Translation]\nPool6=2001:db8:64::/96\nClients=any\n"
#define WAN  "[Pool4 wan]\nAddresses=192.0.2.0/30\nPorts=1024-65535\n"
#define OLD  "[Pool4 old]\nAddresses=192.0.2.16\nPorts=1024-65535\nProtocols=udp\n"
#define WEB  "[Static web]\nProtocols=tcp\nInside=[2001:db8::5]:80\nOutside=192.0.2.1:80\n"

static const struct pool4_entry *entry_named(const char *name)
{
	return pool4_entry_by_name(service.gateway.nat->pool4, name);
}

static void assert_state(const char *name, enum pool4_state state, enum pool4_source source)
{
	g_test_message("%s", name);
	g_assert_nonnull(entry_named(name));
	g_assert_cmpint(entry_named(name)->state, ==, state);
	g_assert_cmpint(entry_named(name)->spec.source, ==, source);
}

static bool is_bound(enum protocol protocol, uint32_t addr, uint16_t port)
{
	return bib_find4(&service.gateway.nat->bib[protocol], &(struct taddr4){addr, port}) !=
	       SLAB_NONE;
}

static void assert_done(const struct change_ending *ending)
{
	g_assert_cmpstr(ending->name, ==, NULL);
	g_assert_true(ending->changed);
}

/* One of each: added, removed, drained; a static binding added, and one removed. */
static void change_all(void)
{
	_cleanup_ending_ struct change_ending added, off, mail, drained, web;

	change_add("198.51.100.0/29", "2000-2999", "", "name", "s", "more", &added);
	change_bib("RemoveBib", "tcp", "2001:db8::5", 80, "", 0, NULL, &web);
	change_entry("RemovePool4", "wan", NULL, &off); /* nothing uses it now */
	change_bib("AddBib", "udp", "2001:db8::6", 2525, "192.0.2.16", 2525, NULL, &mail);
	change_entry("DrainPool4", "old", NULL, &drained);
	assert_done(&added);
	assert_done(&off);
	assert_done(&mail);
	assert_done(&drained);
	assert_done(&web);
}

static void assert_all_changed(void)
{
	assert_state("more", POOL4_ACTIVE, POOL4_FROM_RUNTIME);
	assert_state("wan", POOL4_DISABLED, POOL4_FROM_FILE);
	assert_state("old", POOL4_DRAINING, POOL4_FROM_FILE);
	g_assert_true(is_bound(PROTOCOL_UDP, 0xc0000210, 2525));
	g_assert_false(is_bound(PROTOCOL_TCP, 0xc0000201, 80));
	g_assert_cmpuint(pool4_n_entries(service.gateway.nat->pool4), ==, 3);
}

static void test_reload(void)
{
	uint32_t more;

	g_assert_true(is_bound(PROTOCOL_TCP, 0xc0000201, 80));
	change_all();
	assert_all_changed();
	more = entry_named("more")->id;
	for (unsigned i = 0; i < 2; i++) {
		test_service_reload(&service, HEAD WAN OLD WEB);
		assert_all_changed();
		g_assert_cmpuint(entry_named("more")->id, ==, more); /* still the same one */
	}

	/* Sections that say something else are believed again. */
	test_service_reload(&service,
			    HEAD "[Pool4 wan]\nAddresses=192.0.2.0/29\nPorts=1024-65535\n" OLD
				 "[Static web]\nProtocols=tcp\nInside=[2001:db8::7]:80\n"
				 "Outside=192.0.2.1:80\n");
	assert_state("wan", POOL4_ACTIVE, POOL4_FROM_FILE);
	g_assert_cmpuint(entry_named("wan")->n_addresses, ==, 8);
	assert_state("old", POOL4_DRAINING, POOL4_FROM_FILE);
	g_assert_true(is_bound(PROTOCOL_TCP, 0xc0000201, 80));

	/* One that says what was added takes it over, and takes it along when it goes. */
	test_service_reload(&service, HEAD WAN OLD "[Pool4 more]\nAddresses=198.51.100.0/29\n"
						   "Ports=2000-2999\n");
	assert_state("more", POOL4_ACTIVE, POOL4_FROM_FILE);
	g_assert_cmpuint(entry_named("more")->id, ==, more);
	test_service_reload(&service, HEAD WAN OLD);
	g_assert_null(entry_named("more"));
}

/* A section with another name is the same entry: its bindings live on, and it is used as before. */
static void test_rename(void)
{
	_cleanup_ending_ struct change_ending drained, end;
	uint32_t wan = entry_named("wan")->id;
	const struct bib *bib = &service.gateway.nat->bib[PROTOCOL_TCP];

	test_service_add_session(&service, PROTOCOL_TCP, 1, 5000, 1);
	g_assert_cmpuint(bib->entries.n_used, ==, 2); /* one is static */
	test_service_reload(&service, HEAD "[Pool4 lan]\nAddresses=192.0.2.0/30\n"
					   "Ports=1024-65535\n" OLD WEB);
	assert_state("lan", POOL4_ACTIVE, POOL4_FROM_FILE);
	g_assert_cmpuint(entry_named("lan")->id, ==, wan);
	g_assert_null(entry_named("wan"));
	g_assert_cmpuint(bib->entries.n_used, ==, 2);

	/* What was said of the old name is not said of the new one. */
	change_entry("DrainPool4", "lan", NULL, &drained);
	assert_state("lan", POOL4_DRAINING, POOL4_FROM_FILE);
	test_service_reload(&service, HEAD WAN OLD WEB);
	assert_state("wan", POOL4_ACTIVE, POOL4_FROM_FILE);
	g_assert_cmpuint(entry_named("wan")->id, ==, wan);
	change_bib("RemoveBib", "tcp", "2001:db8:1::1", 5000, "", 0, NULL, &end);
	assert_done(&end);
}

/* A section that is gone while its entry is in use: nothing says how the entry should be used. */
static void test_section_gone(void)
{
	_cleanup_ending_ struct change_ending refused, end;

	test_service_add_session(&service, PROTOCOL_UDP, 1, 5000, 1);
	test_service_reload(&service, HEAD "[Pool4 other]\nAddresses=203.0.113.1\n"
					   "Ports=1024-65535\n");
	assert_state("wan", POOL4_DRAINING, POOL4_FROM_FILE);
	change_entry("EnablePool4", "wan", NULL, &refused);
	change_assert_refused(&refused, SD_BUS_ERROR_NOT_SUPPORTED,
			      "pool4 entry wan is not in the configuration any more: put it back "
			      "there and reload");
	assert_state("wan", POOL4_DRAINING, POOL4_FROM_FILE);
	change_bib("RemoveBib", "udp", "2001:db8:1::1", 5000, "", 0, NULL, &end);
	assert_done(&end);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/reload-changes/rename", test_rename);
	g_test_add_func("/reload-changes/reload", test_reload);
	g_test_add_func("/reload-changes/section-gone", test_section_gone);
	return bus_clients_run(HEAD WAN OLD WEB);
}
