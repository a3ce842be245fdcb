/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation
 *
 * Start: configuration, core, queues, sockets, rules, in this order, so that whatever is wrong is
 * found before anything on the host has changed. pool4's entries are used once the rules are in,
 * and the packet thread starts last: what waits in queues of a daemon before finds everything in
 * place. At the end the rules stay: no packet may slip through untranslated while the daemon is
 * away.
 *
 * Everything here runs in the control thread. What the packet thread has to say comes by an
 * eventfd.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "daemon/capabilities.h"
#include "daemon/config.h"
#include "daemon/core/nat64.h"
#include "daemon/daemon_changes.h"
#include "daemon/daemon_history.h"
#include "daemon/daemon_internal.h"
#include "daemon/daemon_kept.h"
#include "daemon/daemon_reload.h"
#include "daemon/daemon_rules.h"
#include "daemon/daemon_state.h"
#include "daemon/gateway.h"
#include "daemon/heartbeat.h"
#include "daemon/log.h"
#include "daemon/nfqueue.h"
#include "daemon/noted_log.h"
#include "daemon/pool4_sync.h"
#include "daemon/restore.h"
#include "daemon/rules.h"
#include "daemon/rules_news.h"
#include "daemon/settings_change.h"
#include "daemon/worker.h"
#include "daemon/world.h"
#include "dbus/manager.h"

#define SECOND_USEC 1000000u
/* The event loop's own choice, 250 ms, would make twelve seconds of ten ticks. */
#define TICK_ACCURACY_USEC 10000u
#define FOLLOW_TICKS       10 /* P-18: seconds between looks at what the host has changed */
/* P-22: addresses often change several at a time. */
#define COLLECT_USEC 100000u

static void report(int level, const char *text)
{
	log_line(level, "%s", text);
}

static void tell_event(void *context, const struct event *event, const char *pool4)
{
	struct daemon *daemon = context;

	daemon_reports_event(&daemon->reports, event, pool4);
	if (daemon->manager)
		manager_event(daemon->manager, event);
}

static void tell_lost_events(void *context, uint64_t n_lost)
{
	log_line(LOG_WARNING, "%" PRIu64 " events came too fast to be told one by one", n_lost);
}

static void pool4_changed(void *context, uint32_t id)
{
	struct daemon *daemon = context;

	daemon_reports_pool4(&daemon->reports, id);
	if (daemon->manager)
		manager_pool4_changed(daemon->manager, id);
}

static void link_changed(void *context, const char *name, bool up)
{
	struct daemon *daemon = context;

	if (daemon_sending_is_device(&daemon->sending, name)) {
		if (daemon_handover_is_idle(daemon))
			daemon_sending_look(&daemon->sending);
		return;
	}
	log_line(LOG_NOTICE, "%s is %s", name,
		 up ? "up"
		    : "down: packets that should leave by it are answered with "
		      "'unreachable'");
}

static void follow_in(struct daemon *daemon, uint64_t usec)
{
	int enabled = SD_EVENT_OFF;

	/* Not put off by further news: those are in time for it. */
	if (!daemon->follow || sd_event_source_get_enabled(daemon->follow, &enabled) != 0)
		return;
	(void)sd_event_source_set_time_relative(daemon->follow, usec);
	(void)sd_event_source_set_enabled(daemon->follow, SD_EVENT_ONESHOT);
}

static void follow_soon(void *context)
{
	follow_in(context, COLLECT_USEC);
}

/* Before any packet. */
static void restore(void *context)
{
	struct daemon *daemon = context;

	daemon_handover_restore(daemon);
	daemon_kept_restore_clients(&daemon->kept, &daemon->gateway);
}

static int start_core(struct daemon *daemon)
{
	const struct world_config world_config = {
		.n_workers = rules_n_workers(daemon->config),
		.mark = daemon->config->queue.mark.value,
		.link_changed = link_changed,
		.addresses4_changed = follow_soon,
		.context = daemon,
	};
	const struct pool4_sync_config sync_config = {
		.gateway = &daemon->gateway,
		.report = report,
		.changed = pool4_changed,
		.restore = restore,
		.context = daemon,
	};
	uint8_t seed[RANDOM_SEED_SIZE];
	struct nat64_world world;
	int r;

	r = world_new(&world_config, &daemon->world);
	if (r < 0) {
		log_line(LOG_ERR, "the kernel's routes and addresses can not be read: %s",
			 strerror(-r));
		return r;
	}
	r = world_set_silent(daemon->world, daemon->config->silent_interfaces);
	if (r < 0)
		return r;
	if (getrandom(seed, sizeof(seed), 0) != (ssize_t)sizeof(seed)) {
		log_line(LOG_ERR, "the kernel gives no random numbers");
		return -EIO;
	}
	world = world_functions(daemon->world);
	daemon->gateway.nat = nat64_new(&daemon->config->nat64, &daemon->config->limits, &world,
					seed, gateway_now_ms());
	explicit_bzero(seed, sizeof(seed));
	if (!daemon->gateway.nat) {
		log_line(LOG_ERR, "no memory for the tables");
		return -ENOMEM;
	}
	r = pool4_sync_new(&sync_config, &daemon->sync);
	if (r < 0) {
		log_line(LOG_ERR, "the host's sockets and routes can not be read: %s",
			 strerror(-r));
		return r;
	}
	return 0;
}

static int start_entries(struct daemon *daemon)
{
	daemon_kept_restore_pool4(&daemon->kept, daemon->sync, daemon->config);
	/* Each has been reported. */
	return pool4_sync_follow(daemon->sync, daemon->config) > 0 ? -EINVAL : 0;
}

static void set_super(void *context, bool whole)
{
	struct daemon *daemon = context;

	daemon_packets_set_super(&daemon->packets, whole);
}

/* Queues and sockets: what needs capabilities, and may be in use by others. */
static int open_packets(struct daemon *daemon)
{
	struct descriptors *inherited = &daemon->handover.inherited;
	const struct daemon_sending_config config = {
		.gateway = &daemon->gateway,
		.instance = daemon->options->instance,
		.queue = &daemon->config->queue,
		.n_workers = rules_n_workers(daemon->config),
		.inherited_fd4 = descriptors_take(inherited, DESCRIPTOR_RAW4),
		.inherited_fd6 = descriptors_take(inherited, DESCRIPTOR_RAW6),
		.set_super = set_super,
		.context = daemon,
	};
	int r = daemon_sending_open(&daemon->sending, &config);

	if (r < 0)
		return r;
	daemon->packets.gateway = &daemon->gateway;
	daemon->packets.sending = &daemon->sending;
	daemon->packets.world = daemon->world;
	return daemon_packets_open(&daemon->packets, &daemon->config->queue, config.n_workers,
				   inherited);
}

int daemon_start_packets(struct daemon *daemon)
{
	return daemon_packets_start(&daemon->packets, heartbeat_place(daemon->heartbeat),
				    daemon->handover.is_late);
}

static int put_rules(void *context, enum pool4_sync_extent extent, char **ret_error)
{
	struct daemon *daemon = context;

	return daemon_rules_put(&daemon->rules, extent, ret_error);
}

int daemon_put_rules(struct daemon *daemon, enum pool4_sync_extent extent)
{
	return put_rules(daemon, extent, NULL);
}

static int open_rules(struct daemon *daemon)
{
	g_autofree char *error = NULL;
	int r;

	daemon->rules = (struct daemon_rules){
		.instance = daemon->options->instance,
		.gateway = &daemon->gateway,
		.sync = daemon->sync,
		.now_ms = gateway_now_ms,
	};
	r = daemon_rules_open(&daemon->rules, daemon->config, &error);
	if (r < 0)
		log_line(LOG_ERR, "packet rules: %s", error ? error : strerror(-r));
	return r;
}

/* What the host has changed in the meantime: addresses, listening sockets, connection tracking,
 * or our own rules, by somebody who flushed them all. */
static void follow_host(struct daemon *daemon)
{
	uint64_t again_ms;

	(void)world_refresh(daemon->world);
	daemon_packets_compare(&daemon->packets, rules_count_workers(daemon->config));
	(void)pool4_sync_follow(daemon->sync, daemon->config);
	again_ms = daemon_rules_keep(&daemon->rules);
	if (again_ms > 0)
		follow_in(daemon, again_ms * 1000);
	daemon_sending_look(&daemon->sending);
	daemon_reports_look(&daemon->reports);
}

static int on_follow(sd_event_source *source, uint64_t usec, void *userdata)
{
	if (daemon_handover_is_idle(userdata))
		follow_host(userdata);
	return 0;
}

/* While another one takes over there is no loop; that has its own time limits. */
void daemon_feed_watchdog(void *data)
{
	struct daemon *daemon = data;

	watchdog_feed(&daemon->watchdog, daemon_packets_run(&daemon->packets)
						 ? daemon_packets_oldest_beat(&daemon->packets)
						 : gateway_now_ms());
}

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct daemon *daemon = userdata;

	daemon_packets_count(&daemon->packets);
	daemon_reports_drain(&daemon->reports);
	daemon_feed_watchdog(daemon);
	if (!daemon_handover_is_idle(daemon))
		return sd_event_source_set_time_relative(source, SECOND_USEC);
	daemon_packets_end_old(&daemon->packets);
	daemon_sending_tick(&daemon->sending);
	if (pool4_sync_reap(daemon->sync))
		daemon_changes_want_rules(daemon->changes);
	noted_log_report(&daemon->noted_log, &daemon->gateway, gateway_now_ms());
	if (++daemon->n_ticks % FOLLOW_TICKS == 0)
		follow_host(daemon);
	/* Counted from now: after a long sleep there is nothing to catch up with. */
	return sd_event_source_set_time_relative(source, SECOND_USEC);
}

static int on_news(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct daemon *daemon = userdata;
	int r;

	r = world_read_news(daemon->world);
	if (r < 0)
		log_line(LOG_WARNING, "news of routes and links can not be read: %s", strerror(-r));
	return 0;
}

static int on_rules_news(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct daemon *daemon = userdata;

	if (rules_news_read(daemon->rules_news))
		follow_soon(daemon);
	if (rules_news_of_others(daemon->rules_news))
		daemon_sending_doubt(&daemon->sending);
	return 0;
}

static int on_worker_failed(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct daemon *daemon = userdata;

	log_line(LOG_ERR, "a packet thread has ended: %s",
		 strerror(-daemon_packets_error(&daemon->packets)));
	return sd_event_exit(daemon->event, 1);
}

static const struct config *running_config(void *context)
{
	return ((const struct daemon *)context)->config;
}

/* Another configuration, without losing state (O-11); the rules are still to follow. */
static int apply_config(void *context, struct config *fresh, char **ret_error)
{
	struct daemon *daemon = context;
	int r;

	r = daemon_adapt_config(fresh, daemon->config, ret_error);
	if (r == 0)
		r = daemon_rules_open(&daemon->rules, fresh, ret_error);
	if (r < 0) {
		config_free(fresh);
		return r;
	}
	gateway_lock(&daemon->gateway);
	nat64_set_config(daemon->gateway.nat, &fresh->nat64);
	nat64_set_limits(daemon->gateway.nat, &fresh->limits);
	gateway_unlock(&daemon->gateway);
	(void)world_set_silent(daemon->world, fresh->silent_interfaces);
	daemon_reports_set(&daemon->reports, fresh);
	daemon_packets_set_waiting(&daemon->packets, &fresh->queue);
	(void)pool4_sync_follow(daemon->sync, fresh);
	config_free(daemon->config);
	daemon->config = fresh;
	return 0;
}

/* The rules are to follow what was read, or it does not hold. */
static void follow_reload(struct daemon *daemon)
{
	if (put_rules(daemon, POOL4_SYNC_DIFFERENCE, NULL) == 0) {
		settings_change_settle(&daemon->settings_change);
		log_line(LOG_INFO, "reloaded");
		return;
	}
	if (settings_change_back(&daemon->settings_change)) {
		(void)put_rules(daemon, POOL4_SYNC_DIFFERENCE, NULL);
		log_line(LOG_ERR, "reload refused, as the packet rules can not follow: the "
				  "configuration of before stays in use");
	} else {
		log_line(LOG_ERR,
			 "reload refused, as the packet rules can not follow; the "
			 "configuration of before is to be used again with the next change");
	}
}

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	static const struct change_options no_options;
	struct daemon *daemon = userdata;
	struct change_result result = {.error = CHANGE_OK};

	if (!daemon_handover_is_idle(daemon)) {
		log_line(LOG_NOTICE, "reload refused: another nat64d is taking over");
		return 0;
	}
	(void)sd_notify(0, "RELOADING=1");
	/* If the rules can not follow the files, what is answered already is not taken back with
	 * them; and who waits is answered by what becomes of his change alone. */
	daemon_changes_settle(daemon->changes);
	settings_change_reload(&daemon->settings_change, &no_options, &result);
	if (result.error != CHANGE_OK)
		log_line(LOG_ERR, "reload refused, the configuration of before stays in use: %s",
			 result.text);
	else
		follow_reload(daemon);
	g_strfreev(result.details);
	daemon_changes_keep(daemon->changes);
	manager_changed(daemon->manager);
	(void)sd_notify(0, "READY=1");
	return 0;
}

/* Not between two daemons: if the next one fails, it is still ours to end well. */
static int on_end(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	struct daemon *daemon = userdata;

	daemon->handover.end_wanted = true;
	return daemon_handover_is_idle(daemon) ? sd_event_exit(daemon->event, 0) : 0;
}

static int start_events(struct daemon *daemon)
{
	int r;

	r = sd_event_default(&daemon->event);
	if (r >= 0)
		r = sd_event_add_signal(daemon->event, NULL, SIGTERM, on_end, daemon);
	if (r >= 0)
		r = sd_event_add_signal(daemon->event, NULL, SIGINT, on_end, daemon);
	if (r >= 0)
		r = sd_event_add_signal(daemon->event, NULL, SIGHUP, on_reload, daemon);
	if (r >= 0)
		r = sd_event_add_io(daemon->event, NULL, world_fd(daemon->world), EPOLLIN, on_news,
				    daemon);
	if (r >= 0)
		r = rules_news_new(daemon->options->instance, &daemon->rules_news);
	if (r >= 0)
		r = sd_event_add_io(daemon->event, NULL, rules_news_fd(daemon->rules_news), EPOLLIN,
				    on_rules_news, daemon);
	if (r >= 0)
		r = sd_event_add_io(daemon->event, NULL, daemon_packets_failed_fd(&daemon->packets),
				    EPOLLIN, on_worker_failed, daemon);
	if (r >= 0)
		r = sd_event_add_time_relative(daemon->event, &daemon->tick, CLOCK_BOOTTIME,
					       SECOND_USEC, TICK_ACCURACY_USEC, on_tick, daemon);
	if (r >= 0)
		r = sd_event_source_set_enabled(daemon->tick, SD_EVENT_ON);
	if (r >= 0)
		r = sd_event_add_time_relative(daemon->event, &daemon->follow, CLOCK_BOOTTIME,
					       COLLECT_USEC, TICK_ACCURACY_USEC, on_follow, daemon);
	if (r >= 0)
		r = sd_event_source_set_enabled(daemon->follow, SD_EVENT_OFF);
	if (r < 0)
		log_line(LOG_ERR, "the event loop can not be set up: %s", strerror(-r));
	return r < 0 ? r : 0;
}

static void store_rows(void *context, GPtrArray *rows, uint64_t ticket)
{
	struct daemon *daemon = context;

	daemon_state_put(daemon->state, rows, ticket);
}

static void tell_stored(void *context, uint64_t ticket, const char *error)
{
	struct daemon *daemon = context;

	daemon_changes_stored(daemon->changes, ticket, error);
}

void daemon_tell_stored(struct daemon *daemon)
{
	if (daemon->state)
		daemon_state_tell(daemon->state, tell_stored, daemon);
}

static int on_stored(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	daemon_tell_stored(userdata);
	return 0;
}

static int start_changes(struct daemon *daemon)
{
	const struct daemon_changes_config config = {
		.event = daemon->event,
		.gateway = &daemon->gateway,
		.sync = daemon->sync,
		.put_rules = put_rules,
		.context = daemon,
		.settings = &daemon->settings_change,
		.overrides = daemon->kept.overrides,
		.store = daemon->state ? store_rows : NULL,
	};
	int r = 0;

	if (daemon->state)
		r = sd_event_add_io(daemon->event, NULL, daemon_state_fd(daemon->state), EPOLLIN,
				    on_stored, daemon);
	if (r >= 0)
		r = daemon_changes_new(&config, &daemon->changes);
	if (r < 0)
		log_line(LOG_ERR, "changes can not be served: %s", strerror(-r));
	return r < 0 ? r : 0;
}

/* Writes what changes from now on, and first what has turned out to be over at the start. */
static int start_state(struct daemon *daemon)
{
	int r = daemon_state_start(daemon->state);

	if (r == 0 && !daemon->handover.peer)
		daemon_state_own(daemon->state);
	if (r == 0 && daemon->state)
		daemon_state_put(daemon->state, g_steal_pointer(&daemon->kept.outdated), 0);
	if (r == 0)
		daemon_changes_keep(daemon->changes);
	return r;
}

/* In a thread of its own. */
static bool flush_state(void *context)
{
	return daemon_state_flush(((struct daemon *)context)->state);
}

static int start_history(struct daemon *daemon)
{
	const struct daemon_history_config config = {
		.gateway = &daemon->gateway,
		.event = daemon->event,
		.directory = daemon->state ? daemon->options->state_dir : NULL,
		.flush = flush_state,
		.context = daemon,
	};

	return daemon_history_new(&config, &daemon->history);
}

static int start_manager(struct daemon *daemon)
{
	const struct daemon_options *options = daemon->options;
	g_autofree char *service =
		*options->instance ? g_strdup_printf("org.nat64d1.%s", options->instance) : NULL;
	const struct manager_options manager_options = {
		.service = service,
		.no_bus = options->no_bus,
		.bus_address = options->bus,
		.socket_path = options->socket,
		.changes = daemon_changes_calls(daemon->changes),
		.state = daemon_history_calls(daemon->history),
		.pool4_objects = daemon->config->pool4_objects,
	};
	int r;

	r = manager_new(&daemon->gateway, daemon->event, &manager_options, &daemon->manager);
	if (r == 0)
		daemon_changes_set_manager(daemon->changes, daemon->manager);
	if (r == -EADDRINUSE)
		log_line(LOG_ERR, "the control socket %s belongs to a daemon that is running",
			 options->socket);
	else if (r < 0)
		log_line(LOG_ERR, "the control socket %s can not be made: %s", options->socket,
			 strerror(-r));
	return r;
}

static void say_ready(struct daemon *daemon)
{
	static const char *const by[] = {
		[RULES_NFT] = "nft",
		[RULES_IPTABLES] = "nft and iptables",
		[RULES_NONE] = "the operator",
	};
	const struct config_queue *queue = &daemon->config->queue;
	char prefix[ADDR_TEXT_SIZE];
	unsigned n_entries;

	gateway_lock(&daemon->gateway);
	daemon->gateway.state = GATEWAY_ACTIVE;
	n_entries = pool4_n_entries(daemon->gateway.nat->pool4);
	gateway_unlock(&daemon->gateway);
	manager_changed(daemon->manager);
	log_line(LOG_INFO, "ready: version %s, %s to %u pool4 %s, queues %u-%u, packet rules by %s",
		 NAT64D_VERSION, prefix6_print(&daemon->config->nat64.pool6[0], prefix), n_entries,
		 n_entries == 1 ? "entry" : "entries", queue->first,
		 queue->first + daemon->gateway.n_queues - 1, by[rules_mode(daemon->rules.rules)]);
	(void)sd_notify(0, "READY=1");
}

static int load_config(struct daemon *daemon)
{
	g_autoptr(GPtrArray) problems = config_problems_new();
	int r = config_settings_new(daemon->options->config_path, &daemon->settings,
				    &daemon->config, problems);

	settings_log_problems(problems);
	daemon->settings_change = (struct settings_change){
		.settings = daemon->settings,
		.running = running_config,
		.apply = apply_config,
		.context = daemon,
	};
	return r;
}

/* Before the core: what is in the database decides about keys and entries, too. */
static void open_state(struct daemon *daemon)
{
	daemon->state = daemon_state_open(&daemon->gateway, daemon->options->state_dir,
					  daemon->options->run_dir, &daemon->config->state);
	daemon_kept_init(&daemon->kept, daemon_state_kept(daemon->state));
	daemon_kept_restore_settings(&daemon->kept, daemon->settings, &daemon->config);
}

/* With what the files say, if what was set at run time is what the rules can not follow. */
static int put_first_rules(struct daemon *daemon)
{
	g_autofree char *error = NULL;
	int r = put_rules(daemon, POOL4_SYNC_DIFFERENCE, &error);

	if (r < 0 && daemon_changes_hold_settings(daemon->changes, &daemon->rules.rules,
						  error ? error : strerror(-r)))
		r = put_rules(daemon, POOL4_SYNC_DIFFERENCE, NULL);
	settings_change_settle(&daemon->settings_change);
	return r;
}

static int start(struct daemon *daemon)
{
	bool has_rules = false;
	int r;

	r = load_config(daemon);
	if (r == 0)
		r = daemon_handover_begin(daemon);
	if (r < 0)
		return r;
	open_state(daemon);
	daemon->config->queue.n_workers = rules_count_workers(daemon->config);
	r = start_core(daemon);
	if (r == 0)
		r = open_packets(daemon);
	if (r == 0)
		r = open_rules(daemon);
	if (r < 0)
		return r;
	r = start_events(daemon);
	if (r == 0)
		r = daemon_reports_start(&daemon->reports, &daemon->gateway, &daemon->events,
					 daemon->event, daemon->config);
	if (r == 0)
		r = start_changes(daemon);
	if (r == 0)
		r = daemon_handover_take(daemon);
	if (r == 0)
		r = start_entries(daemon);
	if (r == 0)
		r = start_history(daemon);
	if (r == 0)
		r = start_manager(daemon);
	if (r < 0)
		return r;
	r = capabilities_keep_net();
	if (r < 0) {
		log_line(LOG_ERR, "capabilities can not be given up: %s", strerror(-r));
		return r;
	}
	if (daemon_handover_shares_queues(daemon)) {
		/* One that goes on after all has its own. */
		r = daemon_handover_check(daemon);
		if (r == 0)
			r = put_first_rules(daemon);
		/* Packets do not wait for it then. */
		if (r == 0)
			daemon_sending_choose(&daemon->sending);
		has_rules = true;
	}
	if (r == 0)
		r = daemon_handover_take_changes(daemon);
	if (r == 0)
		r = start_state(daemon);
	if (r == 0 && !has_rules)
		r = put_first_rules(daemon);
	if (r == 0 && !has_rules)
		daemon_sending_choose(&daemon->sending);
	if (r == 0)
		r = daemon_handover_finish(daemon);
	if (r == 0)
		daemon_state_own(daemon->state);
	if (r == 0)
		r = daemon_start_packets(daemon);
	if (r == 0)
		daemon_reports_publish(&daemon->reports, daemon->config, daemon->handover.replace);
	return r;
}

static void stop(struct daemon *daemon)
{
	daemon_packets_stop(&daemon->packets);
	daemon_handover_keep(daemon);
	daemon_history_stop(daemon->history);
	daemon_state_stop(daemon->state);
	manager_free(daemon->manager);
	daemon_history_free(daemon->history);
	daemon_handover_end(daemon);
	daemon_changes_free(daemon->changes);
	daemon_rules_close(&daemon->rules);
	daemon_reports_end(&daemon->reports);
	sd_event_source_unref(daemon->tick);
	sd_event_source_unref(daemon->follow);
	sd_event_unref(daemon->event);
	rules_news_free(daemon->rules_news);
	pool4_sync_free(daemon->sync);
	daemon_packets_close(&daemon->packets);
	daemon_sending_close(&daemon->sending, daemon->handover.done || daemon->handover.peer);
	heartbeat_free(daemon->heartbeat);
	gateway_deinit(&daemon->gateway);
	world_free(daemon->world);
	daemon_kept_deinit(&daemon->kept);
	config_free(daemon->config);
	config_settings_free(daemon->settings);
	/* Last: the one before takes back what we had of it. */
	handover_peer_free(daemon->handover.peer);
}

int daemon_run(const struct daemon_options *options)
{
	struct daemon daemon = {.options = options,
				.packets = DAEMON_PACKETS_CLOSED,
				.noted_log = {.report = report}};
	sigset_t signals;
	int r;

	/* Before any thread is made: the event loop takes them all. */
	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	(void)sigaddset(&signals, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &signals, NULL);
	(void)signal(SIGPIPE, SIG_IGN);

	gateway_init(&daemon.gateway);
	daemon.handover =
		(struct daemon_handover){.socket = options->socket, .replace = options->replace};
	descriptors_init(&daemon.handover.inherited);
	daemon.events = (struct event_report){.gateway = &daemon.gateway,
					      .each = tell_event,
					      .lost = tell_lost_events,
					      .context = &daemon};
	r = start(&daemon);
	if (r == 0) {
		daemon_handover_serve(&daemon);
		say_ready(&daemon);
		r = sd_event_loop(daemon.event);
		daemon_reports_drain(&daemon.reports);
		if (!daemon.handover.done)
			(void)sd_notify(0, "STOPPING=1");
		gateway_lock(&daemon.gateway);
		daemon.gateway.state = GATEWAY_STOPPING;
		gateway_unlock(&daemon.gateway);
		if (!daemon.handover.done)
			log_line(LOG_INFO, "stopped; the packet rules stay, so that nothing passes "
					   "untranslated ('nat64ctl teardown' removes them)");
	}
	stop(&daemon);
	return r == 0 ? 0 : 1;
}
