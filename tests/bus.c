/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See bus.h. */
#include "tests/bus.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "daemon/core/filter.h"
#include "daemon/daemon_changes.h"
#include "daemon/daemon_history.h"
#include "daemon/daemon_reload.h"
#include "daemon/daemon_state.h"
#include "daemon/log.h"
#include "dbus/manager.h"
#include "dbus/names.h"
#include "schema/kept_row.h"
#include "tests/fake_world.h"
#include "tests/naive.h"

/* Everyone may do everything but call the service, which the policy that is installed permits; it
 * also says who hears what. Its administrator is root; here, whoever runs the test. No message is
 * of more than 32 MiB, as on any bus. */
static const char bus_config[] =
	"<busconfig><type>session</type><listen>unix:path=%s/bus</listen>"
	"<auth>EXTERNAL</auth><policy context=\"default\"><allow user=\"*\"/>"
	"<allow send_destination=\"*\"/><allow receive_sender=\"*\"/><allow own=\"*\"/>"
	"<deny send_destination_prefix=\"org.nat64d1\"/></policy>"
	"<policy user=\"%u\"><allow receive_interface=\"org.nat64d1.Manager\"/></policy>"
	"<limit name=\"max_message_size\">33554432</limit>"
	"<include>" BUS_POLICY "</include></busconfig>";

#define _cleanup_message_ __attribute__((cleanup(sd_bus_message_unrefp)))

/* Longer than the manager ever waits, even with sanitizers on a busy machine. */
#define WAIT_USEC 20000000

/* However the test ends. */
static void die_with_parent(gpointer data)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
}

/* Outlives the test, a timeout's signal to its process group included. */
static void leave_group(gpointer data)
{
	(void)setsid();
}

/* A directory of our own. Whatever ends the test closes its end of the pipe, and then the shell
 * removes the directory. */
static void make_directory(struct test_service *service)
{
	const char *argv[] = {"sh", "-c", "read line; rm -rf -- \"$0\"", NULL, NULL};
	g_autoptr(GError) error = NULL;

	service->directory = g_dir_make_tmp("nat64d-bus-XXXXXX", &error);
	g_assert_no_error(error);
	g_assert_cmpint(chmod(service->directory, 0755), ==, 0);
	argv[3] = service->directory;
	g_spawn_async_with_pipes(
		NULL, (char **)argv, NULL,
		G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL |
			G_SPAWN_STDERR_TO_DEV_NULL | G_SPAWN_CLOEXEC_PIPES,
		leave_group, NULL, &service->cleaner, &service->cleaner_fd, NULL, NULL, &error);
	g_assert_no_error(error);
}

void test_service_start_bus(struct test_service *service)
{
	g_autofree char *path = g_build_filename(service->directory, "bus.conf", NULL);
	g_autofree char *config = g_strdup_printf(bus_config, service->directory, geteuid());
	g_autofree char *option = g_strdup_printf("--config-file=%s", path);
	const char *argv[] = {"dbus-daemon", "--nofork", "--print-address", option, NULL};
	g_autoptr(GError) error = NULL;
	char line[256];
	FILE *out;
	int fd;

	g_file_set_contents(path, config, -1, &error);
	g_assert_no_error(error);
	g_spawn_async_with_pipes(NULL, (char **)argv, NULL,
				 G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD, die_with_parent,
				 NULL, &service->bus_daemon, NULL, &fd, NULL, &error);
	g_assert_no_error(error);
	out = fdopen(fd, "r");
	g_assert_nonnull(fgets(line, sizeof(line), out)); /* it listens now */
	fclose(out);
}

void test_service_stop_bus(struct test_service *service)
{
	g_assert_cmpint(kill(service->bus_daemon, SIGTERM), ==, 0);
	g_assert_cmpint(kill(service->bus_daemon, SIGCONT), ==, 0); /* if it hangs by SIGSTOP */
	g_assert_cmpint(waitpid(service->bus_daemon, NULL, 0), ==, service->bus_daemon);
}

/* Warnings are about the machine on which the test runs: it may have addresses of the entries. */
static void report(int level, const char *text)
{
	if (level <= LOG_ERR)
		g_test_message("%s", text);
}

static void pool4_changed(void *context, uint32_t id)
{
	struct test_service *service = context;

	if (service->manager)
		manager_pool4_changed(service->manager, id);
}

uint64_t test_service_give_ms;

static const char config_text[] = "[Translation]\nPool6=2001:db8:64::/96\nClients=any\n"
				  "[Limits]\nBindings=300000\nSessions=300000\n"
				  "StoredSYNs=16\nFragmentMemory=1M\nPool4Objects=8\n"
				  "[Pool4 wan]\nAddresses=192.0.2.0/30\nPorts=1024-65535\n"
				  "Comment=for tests\n";

const char test_service_deterministic[] =
	"[Translation]\nPool6=2001:db8:64::/96 2001:db8:65::/96\nClients=any\n"
	"[Limits]\nBindings=10000\nSessions=10000\nStoredSYNs=16\nFragmentMemory=1M\n"
	"[State]\nRetention=1h\n"
	"[Pool4]\nMode=deterministic\nPairingPrefixLength=64\n"
	"[Pool4 wan]\nAddresses=192.0.2.0/30\nPorts=1000-1999\nClients=2001:db8:1::/60\n"
	"[Pool4 two]\nAddresses=192.0.2.16\nPorts=5000-5099\nProtocols=udp\n"
	"Clients=2001:db8:2::/63\nPrefix=2001:db8:65::/96\n";

/* The file that the settings are read from. */
static char *config_path(const struct test_service *service)
{
	return g_build_filename(service->directory, "nat64d.conf", NULL);
}

void test_service_write(const struct test_service *service, const char *text)
{
	g_autofree char *path = config_path(service);
	g_autoptr(GError) error = NULL;

	g_file_set_contents(path, text, -1, &error);
	g_assert_no_error(error);
}

static struct config *read_config(const struct test_service *service, const char *text)
{
	g_autofree char *path = config_path(service);
	GPtrArray *problems = config_problems_new();
	struct config *config = NULL;

	test_service_write(service, text);
	g_assert_cmpint(config_load(path, &config, problems), ==, 0);
	g_ptr_array_unref(problems);
	return config;
}

static const struct config *running_config(void *context)
{
	return ((const struct test_service *)context)->config;
}

/* As the daemon does. */
static int apply_config(void *context, struct config *fresh, char **ret_error)
{
	struct test_service *service = context;
	int r;

	if (g_atomic_int_get(&service->apply_fails)) {
		*ret_error = g_strdup("a test says so");
		config_free(fresh);
		return -EPERM;
	}
	r = daemon_adapt_config(fresh, service->config, ret_error);
	if (r < 0) {
		config_free(fresh);
		return r;
	}
	gateway_lock(&service->gateway);
	nat64_set_config(service->gateway.nat, &fresh->nat64);
	nat64_set_limits(service->gateway.nat, &fresh->limits);
	gateway_unlock(&service->gateway);
	g_assert_cmpuint(pool4_sync_follow(service->sync, fresh), ==, 0);
	config_free(service->config);
	service->config = fresh;
	return 0;
}

static void read_settings(struct test_service *service, const char *text)
{
	g_autofree char *path = config_path(service);
	GPtrArray *problems = config_problems_new();

	test_service_write(service, text);
	g_assert_cmpint(config_settings_new(path, &service->settings, &service->config, problems),
			==, 0);
	g_ptr_array_unref(problems);
	service->settings_change = (struct settings_change){
		.settings = service->settings,
		.running = running_config,
		.apply = apply_config,
		.context = service,
	};
}

static void make_gateway(struct test_service *service, struct fake_world *world, const char *config)
{
	static const uint8_t seed[RANDOM_SEED_SIZE] = {1};
	const struct pool4_sync_config sync_config = {
		.gateway = &service->gateway,
		.report = report,
		.changed = pool4_changed,
		.context = service,
	};
	struct nat64_world calls = fake_world_calls(world);
	const struct pool4_entry *wan;
	char *error = NULL;

	read_settings(service, config);
	gateway_init(&service->gateway);
	service->gateway.sending =
		(struct gateway_sending){.by_packet = true, .reason = "a probe came through"};
	service->gateway.nat = nat64_new(&service->config->nat64, &service->config->limits, &calls,
					 seed, gateway_now_ms());
	g_assert_nonnull(service->gateway.nat);
	g_assert_cmpint(pool4_sync_new(&sync_config, &service->sync), ==, 0);
	g_assert_cmpuint(pool4_sync_follow(service->sync, service->config), ==, 0);
	g_assert_cmpint(pool4_sync_rules(service->sync, NULL, POOL4_SYNC_ANEW, &error), ==, 0);
	wan = pool4_entry_by_name(service->gateway.nat->pool4, "wan");
	service->pool4_id = wan ? wan->id : 0;
	if (wan)
		pool4_set_reach(service->gateway.nat->pool4, wan->id, POOL4_ANNOUNCED);
	service->gateway.state = GATEWAY_ACTIVE;
	service->gateway.rules_in_place = true;
}

enum outcome test_service_packet(struct test_service *service, enum protocol protocol,
				 uint32_t client, uint16_t port, uint8_t server)
{
	struct filter_input input = {.tcp_flags = TH_SYN, .now_ms = gateway_now_ms()};
	struct nat64 *nat = service->gateway.nat;
	uint32_t peer4 = 0xc6336400 | server;
	struct tuple6 in = {.protocol = protocol};
	struct filter_plan plan;
	enum outcome outcome;

	g_assert_true(addr6_parse("2001:db8:1::", &in.src.addr));
	store_be32(&in.src.addr.byte[12], client);
	in.src.port = port;
	in.dst.addr = rfc6052_embed(&nat->config.pool6[0], peer4);
	in.dst.port = protocol == PROTOCOL_ICMP ? port : 80;
	gateway_lock(&service->gateway);
	outcome = filter_6to4(nat, &in, 0, peer4, &input, &plan);
	if (outcome == OUTCOME_TRANSLATED)
		outcome = filter_commit(nat, &plan, input.now_ms);
	else
		filter_refused(nat, &plan, outcome, input.now_ms);
	gateway_unlock(&service->gateway);
	return outcome;
}

enum outcome test_service_receive4(struct test_service *service, uint16_t port)
{
	uint8_t buffer[PACKET_HEADROOM + 28] = {0};
	uint8_t *ip = buffer + PACKET_HEADROOM;
	struct packet packet = {.data = ip, .size = 28, .headroom = PACKET_HEADROOM};
	struct out_packet packets[EMIT_PIECES_MAX];
	uint8_t arena[EMIT_ARENA_PER_PACKET];
	struct out out = {.packet = packets,
			  .capacity = G_N_ELEMENTS(packets),
			  .arena = arena,
			  .arena_size = sizeof(arena)};
	enum outcome outcome;

	ip[0] = 0x45;
	ip[3] = 28;
	ip[8] = 64;
	ip[9] = IPPROTO_UDP;
	store_be32(ip + 12, 0xc6336409);
	store_be32(ip + 16, 0xc0000202);
	store_be16(ip + 20, 4000);
	store_be16(ip + 22, port);
	store_be16(ip + 24, 8);
	store_be16(ip + 26, 0x1234); /* nobody looks at it */
	store_be16(ip + 10, naive_checksum(ip, 20));
	gateway_lock(&service->gateway);
	outcome = nat64_receive(service->gateway.nat, &packet, gateway_now_ms(), &out);
	gateway_unlock(&service->gateway);
	out_clear(&out);
	return outcome;
}

void test_service_add_session(struct test_service *service, enum protocol protocol, uint32_t client,
			      uint16_t port, uint8_t server)
{
	g_assert_cmpint(test_service_packet(service, protocol, client, port, server), ==,
			OUTCOME_TRANSLATED);
}

static int on_stop(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	return sd_event_exit(sd_event_source_get_event(source), 0);
}

static int on_call(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct test_service *service = userdata;
	eventfd_t n;

	g_assert_cmpint(eventfd_read(fd, &n), ==, 0);
	service->call(service);
	g_assert_cmpint(eventfd_write(service->done_fd, 1), ==, 0);
	return 0;
}

/* In the service's thread. Waits for its end. */
static void call(struct test_service *service, void (*function)(struct test_service *service))
{
	eventfd_t n;

	service->call = function;
	g_assert_cmpint(eventfd_write(service->call_fd, 1), ==, 0);
	g_assert_cmpint(eventfd_read(service->done_fd, &n), ==, 0);
}

static void follow(struct test_service *service)
{
	g_autofree char *error = NULL;

	gateway_lock(&service->gateway);
	nat64_set_config(service->gateway.nat, &service->config->nat64);
	gateway_unlock(&service->gateway);
	g_assert_cmpuint(pool4_sync_follow(service->sync, service->config), ==, 0);
	g_assert_cmpint(pool4_sync_rules(service->sync, NULL, POOL4_SYNC_ANEW, &error), ==, 0);
}

void test_service_reload(struct test_service *service, const char *config)
{
	struct config *before = service->config;

	service->config = read_config(service, config);
	call(service, follow);
	config_free(before);
}

static void tell_event(void *context, const struct event *event, const char *pool4)
{
	struct test_service *service = context;

	manager_event(service->manager, event);
}

static void lost_events(void *context, uint64_t n_lost)
{
	g_error("%" G_GUINT64_FORMAT " events were lost", n_lost);
}

static void tell_events(struct test_service *service)
{
	event_report_drain(&service->events);
}

void test_service_tell_events(struct test_service *service)
{
	call(service, tell_events);
}

/* There are no rules here; a test may want them to fail. */
static int put_rules(void *context, enum pool4_sync_extent extent, char **ret_error)
{
	struct test_service *service = context;

	g_atomic_int_inc(&service->n_rules);
	g_atomic_int_set(&service->extent, (int)extent);
	if (g_atomic_int_get(&service->rules_fail)) {
		if (g_atomic_int_get(&service->rules_fail) == 2)
			g_atomic_int_set(&service->apply_fails, 1);
		*ret_error = g_strdup("the kernel says no");
		return -EPERM;
	}
	return pool4_sync_rules(service->sync, NULL, extent, ret_error);
}

static bool flush_state(void *context)
{
	return daemon_state_flush(context);
}

static struct daemon_state *start_state(struct test_service *service, const char *directory)
{
	const struct config_state config = {.keep = true, .flush_ms = 3600000, .sync_ms = 5000};
	struct daemon_state *state;

	g_assert_cmpint(g_mkdir(directory, 0700), ==, 0);
	state = daemon_state_open(&service->gateway, directory, NULL, &config);
	daemon_state_restore(state, DAEMON_STATE_ALONE, -1);
	g_assert_cmpint(daemon_state_start(state), ==, 0);
	return state;
}

static void keep(struct test_service *service, const GPtrArray *rows)
{
	for (guint i = 0; i < rows->len; i++) {
		const struct kept_row *row = g_ptr_array_index(rows, i);
		g_autofree char *key = kept_row_key(row);

		if (row->exists)
			g_hash_table_replace(service->kept, g_steal_pointer(&key),
					     kept_row_copy(row));
		else
			g_hash_table_remove(service->kept, key);
	}
}

/* There is no database here; a test may want it to fail, or to be slow. */
static void store_rows(void *context, GPtrArray *rows, uint64_t ticket)
{
	struct test_service *service = context;

	if (ticket == 0) {
		keep(service, rows);
		g_ptr_array_unref(rows);
		return;
	}
	g_assert_null(service->storing); /* one at a time */
	service->storing = rows;
	service->ticket = ticket;
	g_atomic_int_inc(&service->n_stored);
	if (!g_atomic_int_get(&service->store_waits))
		g_assert_cmpint(eventfd_write(service->store_fd, 1), ==, 0);
}

static int on_stored(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct test_service *service = userdata;
	GPtrArray *rows = g_steal_pointer(&service->storing);
	bool fails = g_atomic_int_get(&service->store_fails);
	eventfd_t n;

	g_assert_cmpint(eventfd_read(fd, &n), ==, 0);
	if (rows == NULL)
		return 0;
	if (!fails)
		keep(service, rows);
	g_ptr_array_unref(rows);
	daemon_changes_stored(service->changes, service->ticket,
			      fails ? "a test says that the disk is full" : NULL);
	return 0;
}

void test_service_store(struct test_service *service, bool wait)
{
	g_atomic_int_set(&service->store_waits, wait);
	g_assert_cmpint(eventfd_write(service->store_fd, 1), ==, 0);
}

void test_service_wait_stored(const struct test_service *service, int n)
{
	while (g_atomic_int_get(&service->n_stored) < n)
		g_usleep(1000);
}

static gpointer serve(gpointer data)
{
	struct test_service *service = data;
	struct daemon_changes_config changes_config = {
		.gateway = &service->gateway,
		.sync = service->sync,
		.put_rules = put_rules,
		.context = service,
		.settings = &service->settings_change,
		.store = store_rows,
	};
	struct manager_options options = {
		.bus_address = service->bus_address,
		.socket_path = service->socket_path,
		.pool4_objects = service->config->pool4_objects,
	};
	g_autofree char *directory = g_build_filename(service->directory, "state", NULL);
	struct daemon_history_config history_config = {
		.gateway = &service->gateway,
		.directory = service->config->nat64.retention_s > 0 ? directory : NULL,
		.flush = flush_state,
		.give_ms = test_service_give_ms,
	};
	struct daemon_history *history = NULL;
	struct daemon_state *state = NULL;
	sd_event *event = NULL;

	g_assert_cmpint(sd_event_new(&event), >=, 0);
	changes_config.event = event;
	if (history_config.directory)
		state = start_state(service, directory);
	history_config.event = event;
	history_config.context = state;
	g_assert_cmpint(daemon_history_new(&history_config, &history), ==, 0);
	options.state = daemon_history_calls(history);
	g_assert_cmpint(daemon_changes_new(&changes_config, &service->changes), ==, 0);
	options.changes = daemon_changes_calls(service->changes);
	g_assert_cmpint(sd_event_add_io(event, NULL, service->stop_fd, EPOLLIN, on_stop, NULL), >=,
			0);
	g_assert_cmpint(sd_event_add_io(event, NULL, service->call_fd, EPOLLIN, on_call, service),
			>=, 0);
	g_assert_cmpint(
		sd_event_add_io(event, NULL, service->store_fd, EPOLLIN, on_stored, service), >=,
		0);
	g_assert_cmpint(manager_new(&service->gateway, event, &options, &service->manager), >=, 0);
	daemon_changes_set_manager(service->changes, service->manager);
	g_assert_cmpint(sd_event_loop(event), ==, 0);
	daemon_history_stop(history);
	daemon_state_stop(state);
	manager_free(service->manager);
	daemon_history_free(history);
	daemon_changes_free(service->changes);
	sd_event_unref(event);
	return NULL;
}

static int on_owner(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	const char *name, *old_owner, *owner;

	if (sd_bus_message_read(message, "sss", &name, &old_owner, &owner) >= 0 &&
	    strcmp(name, DBUS_SERVICE) == 0 && *owner != '\0')
		*(bool *)userdata = true;
	return 0;
}

sd_bus *test_service_watch(const struct test_service *service, bool *owned)
{
	sd_bus *watcher = test_service_connect(service, false);

	g_assert_cmpint(sd_bus_match_signal(watcher, NULL, "org.freedesktop.DBus",
					    "/org/freedesktop/DBus", "org.freedesktop.DBus",
					    "NameOwnerChanged", on_owner, owned),
			>=, 0);
	return watcher;
}

void test_service_wait(sd_bus *watcher, const bool *owned)
{
	_cleanup_message_ sd_bus_message *reply = NULL;

	/* It may have been there before the watcher was. */
	if (sd_bus_call_method(watcher, "org.freedesktop.DBus", "/org/freedesktop/DBus",
			       "org.freedesktop.DBus", "GetNameOwner", NULL, &reply, "s",
			       DBUS_SERVICE) >= 0)
		return;
	while (!*owned) {
		int r = sd_bus_process(watcher, NULL);

		g_assert_cmpint(r, >=, 0);
		if (r == 0) /* 0 = nothing came in time */
			g_assert_cmpint(sd_bus_wait(watcher, WAIT_USEC), >, 0);
	}
}

void test_service_start(struct test_service *service)
{
	test_service_start_with(service, config_text);
}

void test_service_start_with(struct test_service *service, const char *config)
{
	struct fake_world *world = g_new(struct fake_world, 1);
	sd_bus *watcher;
	bool owned = false;

	log_set_level(LOG_WARNING);
	*service = (struct test_service){
		.stop_fd = eventfd(0, EFD_CLOEXEC),
		.call_fd = eventfd(0, EFD_CLOEXEC),
		.done_fd = eventfd(0, EFD_CLOEXEC),
		.store_fd = eventfd(0, EFD_CLOEXEC),
		.kept = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
					      (GDestroyNotify)kept_row_free),
		.events = {&service->gateway, tell_event, lost_events, service, 0},
	};
	make_directory(service);
	service->socket_path = g_build_filename(service->directory, "control", NULL);
	service->bus_address = g_strdup_printf("unix:path=%s/bus", service->directory);
	test_service_start_bus(service);
	fake_world_init(world);
	service->world = world;
	make_gateway(service, world, config);

	watcher = test_service_watch(service, &owned);
	service->thread = g_thread_new("manager", serve, service);
	test_service_wait(watcher, &owned);
	sd_bus_flush_close_unref(watcher);
}

void test_service_stop(struct test_service *service)
{
	g_assert_cmpint(eventfd_write(service->stop_fd, 1), ==, 0);
	g_thread_join(service->thread);
	close(service->stop_fd);
	close(service->call_fd);
	close(service->done_fd);
	close(service->store_fd);
	g_hash_table_unref(service->kept);
	if (service->storing)
		g_ptr_array_unref(service->storing);
	g_assert_true(nat64_check(service->gateway.nat));
	pool4_sync_free(service->sync);
	gateway_deinit(&service->gateway);
	config_free(service->config);
	config_settings_free(service->settings);
	g_free(service->world);
	test_service_stop_bus(service);
	g_assert_cmpint(g_access(service->socket_path, F_OK), ==, -1); /* removed */
	close(service->cleaner_fd);
	g_assert_cmpint(waitpid(service->cleaner, NULL, 0), ==, service->cleaner);
	g_assert_cmpint(g_access(service->directory, F_OK), ==, -1);
	g_free(service->directory);
	g_free(service->bus_address);
	g_free(service->socket_path);
}

sd_bus *test_service_connect(const struct test_service *service, bool to_socket)
{
	g_autofree char *address = to_socket ? g_strdup_printf("unix:path=%s", service->socket_path)
					     : g_strdup(service->bus_address);
	sd_bus *bus = NULL;

	g_assert_cmpint(sd_bus_new(&bus), >=, 0);
	g_assert_cmpint(sd_bus_set_address(bus, address), >=, 0);
	g_assert_cmpint(sd_bus_set_bus_client(bus, !to_socket), >=, 0);
	g_assert_cmpint(sd_bus_start(bus), >=, 0);
	return bus;
}
