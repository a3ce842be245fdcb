/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation
 *
 * The next one: after its configuration it asks the one before (--replace), or takes what the
 * service manager has kept; starts, and restores what was stored when it asked; takes what has
 * changed, which stops packets; and when all is in place says so, and reads on where the other has
 * stopped. So packets wait for what has changed within a start, and not for all that there is.
 *
 * The one before: yields what only one can have (bus name, control socket, database) when it is
 * asked, and translates on. What changes in the tables from then on is still marked as changed in
 * them: that is the second part, and what the next one writes to the database. If not all could be
 * written, marks say nothing about what the first part has, and there is only one. If the next one
 * fails, everything is taken back, the packet thread first. Rules are put anew then, as the other
 * one may have changed them, and queues end that it has bound by sockets of ours: nobody would read
 * them.
 *
 * Through a service manager only descriptors come: the queues with what waits in them, when they
 * were read last, and after a clean end the tables, too.
 */
#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "daemon/core/nat64.h"
#include "daemon/daemon_changes.h"
#include "daemon/daemon_history.h"
#include "daemon/daemon_internal.h"
#include "daemon/daemon_state.h"
#include "daemon/heartbeat.h"
#include "daemon/log.h"
#include "daemon/nfqueue.h"
#include "daemon/sending.h"
#include "daemon/tables.h"
#include "daemon/worker.h"
#include "dbus/manager.h"

/* How long the next one may take to start, and to restore: a session is some microseconds on an
 * idle machine, and has ten times as many. */
#define START_TIMEOUT_MS 30000
#define TAKE_TIMEOUT_MS  15000
#define SESSIONS_PER_MS  20

static char *path_of(const struct daemon *daemon)
{
	return g_strconcat(daemon->handover.socket, ".handover", NULL);
}

/* ---- the next one -------------------------------------------------------------------------------
 */

static int ask(struct daemon *daemon)
{
	struct daemon_handover *handover = &daemon->handover;
	g_autofree char *path = path_of(daemon);
	char text[HANDOVER_TEXT_SIZE];
	int r = handover_ask(path, TABLES_FORMAT, &handover->peer, &handover->inherited, text);

	if (r == 0) {
		handover->in_parts = handover->inherited.fd[DESCRIPTOR_TABLES] >= 0;
		log_line(LOG_INFO, "taking over from the daemon at %s", daemon->handover.socket);
	} else if (r == -ENOENT || r == -ECONNRESET) {
		log_line(LOG_NOTICE, "there is no daemon at %s to take over from: starting plainly",
			 daemon->handover.socket);
		descriptors_init(&handover->inherited);
		return 0;
	} else {
		log_line(LOG_ERR, "--replace: %s", text);
	}
	return r;
}

int daemon_handover_begin(struct daemon *daemon)
{
	struct daemon_handover *handover = &daemon->handover;
	int r = daemon->handover.replace ? ask(daemon) : 0;

	if (r == 0 && !handover->peer) {
		descriptors_listen(&handover->inherited);
		handover->is_kept = true;
	}
	if (r == 0)
		r = heartbeat_new(descriptors_take(&handover->inherited, DESCRIPTOR_HEARTBEAT),
				  &daemon->heartbeat);
	return r;
}

/* It has not ended well: we go on with what we have, as after any crash of its. */
static void peer_has_died(struct daemon_handover *handover)
{
	log_line(LOG_WARNING, "the daemon before has died while it handed over: its database is "
			      "used");
	handover_peer_free(handover->peer);
	handover->peer = NULL;
}

/* 0 also if it has died, and then without tables. */
static int take_tables(struct daemon_handover *handover, int *ret_fd)
{
	char text[HANDOVER_TEXT_SIZE];
	int r = handover_take(handover->peer, ret_fd, text);

	if (r == -ECONNRESET)
		peer_has_died(handover);
	else if (r < 0)
		log_line(LOG_ERR, "--replace: %s", text);
	return r == -ECONNRESET ? 0 : r;
}

int daemon_handover_take(struct daemon *daemon)
{
	struct daemon_handover *handover = &daemon->handover;

	if (!handover->peer || handover->in_parts)
		return 0;
	return take_tables(handover, &handover->inherited.fd[DESCRIPTOR_TABLES]);
}

/* Without a database there may still be somebody's tables. */
static void restore_without_state(struct daemon *daemon, int tables_fd)
{
	struct daemon_handover *handover = &daemon->handover;
	struct restore *restore = &handover->restore;

	*restore = (struct restore){.gateway = &daemon->gateway, .now_ms = gateway_now_ms()};
	if (tables_fd < 0 ||
	    restore_tables(restore, handover->in_parts ? PERSIST_STORED : PERSIST_ALL, tables_fd) <
		    0 ||
	    handover->in_parts)
		return;
	persist_restored(daemon->gateway.nat, false, restore->now_ms);
	restore_report(restore, "");
}

void daemon_handover_restore(struct daemon *daemon)
{
	const struct daemon_handover *handover = &daemon->handover;
	int tables_fd = handover->inherited.fd[DESCRIPTOR_TABLES];
	enum daemon_state_source source = DAEMON_STATE_TABLES;

	if (!daemon->state) {
		restore_without_state(daemon, tables_fd);
		return;
	}
	if (handover->in_parts)
		source = DAEMON_STATE_STORED;
	else if (tables_fd < 0)
		source = DAEMON_STATE_ALONE;
	else if (handover->is_kept)
		source = DAEMON_STATE_KEPT;
	daemon_state_restore(daemon->state, source, tables_fd);
}

bool daemon_handover_shares_queues(const struct daemon *daemon)
{
	return daemon->handover.in_parts && daemon_packets_have_same_queues(&daemon->packets);
}

int daemon_handover_check(struct daemon *daemon)
{
	struct handover_peer *peer = daemon->handover.peer;
	char text[HANDOVER_TEXT_SIZE];
	int r = peer ? handover_check(peer, text) : 0;

	if (r == -ECONNRESET)
		return 0; /* nobody else has rules now: taking the tables tells more */
	if (r < 0)
		log_line(LOG_ERR, "--replace: %s", text);
	return r;
}

int daemon_handover_take_changes(struct daemon *daemon)
{
	struct daemon_handover *handover = &daemon->handover;
	struct restore *restore = &handover->restore;
	bool is_all = false;
	int fd = -1;
	int r;

	if (!handover->in_parts)
		return 0;
	/* Giving back so much memory takes its time. */
	(void)close(descriptors_take(&handover->inherited, DESCRIPTOR_TABLES));
	r = take_tables(handover, &fd);
	if (r < 0)
		return r;
	if (daemon->state) {
		daemon_state_restore_changes(daemon->state, fd);
	} else {
		restore->now_ms = gateway_now_ms();
		is_all = fd >= 0 && restore_changes(restore, fd) == 0;
		persist_restored(daemon->gateway.nat, !is_all, restore->now_ms);
		restore_report(restore, "");
	}
	pool4_sync_renew_statics(daemon->sync);
	if (fd >= 0)
		(void)close(fd);
	return 0;
}

/* Whoever came before with the queues we have: how long did nobody read them? */
static void judge_age(struct daemon *daemon, bool ended_well)
{
	uint64_t beat_ms = atomic_load(heartbeat_place(daemon->heartbeat));
	uint64_t age_ms = gateway_now_ms() - beat_ms;

	if (!daemon->handover.is_kept || !daemon_packets_are_inherited(&daemon->packets) ||
	    age_ms <= (ended_well ? HEARTBEAT_LATE_CLEAN_MS : HEARTBEAT_LATE_MS))
		return;
	daemon->handover.is_late = true;
	log_line(LOG_NOTICE,
		 "nobody has read the queues for %" PRIu64
		 " ms: what waits in them is too late and dropped",
		 age_ms);
}

int daemon_handover_finish(struct daemon *daemon)
{
	struct daemon_handover *handover = &daemon->handover;
	int tables_fd = descriptors_take(&handover->inherited, DESCRIPTOR_TABLES);
	char text[HANDOVER_TEXT_SIZE];
	int r = handover->peer ? handover_taken(handover->peer, text) : 0;

	if (tables_fd >= 0) {
		tables_spend(tables_fd);
		(void)close(tables_fd);
		descriptors_forget(DESCRIPTOR_TABLES);
	}
	if (r < 0 && r != -ECONNRESET) {
		log_line(LOG_ERR, "--replace: %s", text);
		return r;
	}
	if (handover->peer)
		log_line(LOG_INFO, "taken over: packets have waited for at most %" PRIu64 " ms",
			 gateway_now_ms() - atomic_load(heartbeat_place(daemon->heartbeat)));
	handover_peer_free(handover->peer);
	handover->peer = NULL;
	judge_age(daemon, tables_fd >= 0);
	daemon_packets_settle(&daemon->packets);
	return 0;
}

/* ---- the one before -----------------------------------------------------------------------------
 */

bool daemon_handover_is_idle(const struct daemon *daemon)
{
	return !daemon->handover.yielded;
}

static void list_descriptors(const struct daemon *daemon, struct descriptors *ret)
{
	const struct rawsock *rawsock = sending_rawsock(daemon->sending.sending[0]);

	descriptors_init(ret);
	daemon_packets_list(&daemon->packets, ret);
	ret->fd[DESCRIPTOR_RAW4] = rawsock_fd4(rawsock);
	ret->fd[DESCRIPTOR_RAW6] = rawsock_fd6(rawsock);
	ret->fd[DESCRIPTOR_HEARTBEAT] = heartbeat_fd(daemon->heartbeat);
}

static void stop_packets(struct daemon *daemon)
{
	daemon_packets_stop(&daemon->packets);
	daemon->handover.stopped = true;
}

/* What is stored, as far as it can be told from what changes from now on. */
static void give_stored(struct daemon *daemon, bool is_all, struct descriptors *ret)
{
	struct nat64 *nat = daemon->gateway.nat;

	gateway_lock(&daemon->gateway);
	if (!daemon->state)
		is_all = persist_begin_stored(nat);
	is_all = is_all && persist_is_on(nat);
	gateway_unlock(&daemon->gateway);
	daemon->handover.gave_stored =
		is_all &&
		tables_save(&daemon->gateway, PERSIST_STORED, false,
			    daemon_state_owner(daemon->state), &ret->fd[DESCRIPTOR_TABLES]) == 0;
}

static int ready(void *context, bool knows_tables, struct descriptors *ret, uint64_t *ret_more_ms)
{
	struct daemon *daemon = context;
	bool is_all;

	log_line(LOG_NOTICE, "another nat64d is taking over");
	daemon_changes_settle(daemon->changes);
	if (!knows_tables)
		stop_packets(daemon);
	daemon_history_stop(daemon->history);
	is_all = daemon_state_leave(daemon->state, knows_tables, daemon_feed_watchdog, daemon);
	/* What has been stored until then is done and answered here, too. */
	daemon_tell_stored(daemon);
	daemon_changes_settle(daemon->changes);
	manager_yield(daemon->manager);
	daemon->handover.yielded = true;
	list_descriptors(daemon, ret);
	if (knows_tables)
		give_stored(daemon, is_all, ret);
	gateway_lock(&daemon->gateway);
	*ret_more_ms = nat64_n_sessions(daemon->gateway.nat) / SESSIONS_PER_MS;
	gateway_unlock(&daemon->gateway);
	return 0;
}

static int take(void *context, int *ret_tables_fd, uint64_t *ret_more_ms)
{
	struct daemon *daemon = context;
	bool is_rest = daemon->handover.gave_stored;
	const struct nat64 *nat = daemon->gateway.nat;

	if (daemon->handover.stopped)
		return 0;
	stop_packets(daemon);
	gateway_lock(&daemon->gateway);
	*ret_more_ms = (is_rest ? persist_n_changed(nat) : nat64_n_sessions(nat)) / SESSIONS_PER_MS;
	gateway_unlock(&daemon->gateway);
	return tables_save(&daemon->gateway, is_rest ? PERSIST_CHANGED : PERSIST_ALL, true,
			   daemon_state_owner(daemon->state), ret_tables_fd);
}

static void go_on(void *context, const char *why)
{
	struct daemon *daemon = context;
	int r = daemon_packets_run(&daemon->packets) ? 0 : daemon_start_packets(daemon);

	daemon->handover.yielded = daemon->handover.stopped = false;
	daemon_sending_say_again(&daemon->sending);
	daemon->handover.gave_stored = false;
	if (!daemon->state) {
		gateway_lock(&daemon->gateway);
		persist_end(daemon->gateway.nat);
		gateway_unlock(&daemon->gateway);
	}
	if (r == 0)
		r = daemon_state_go_on(daemon->state);
	daemon_history_go_on(daemon->history);
	if (r == 0)
		r = manager_return(daemon->manager);
	if (r < 0)
		log_line(LOG_ERR, "the control socket can not be had back: %s", strerror(-r));
	daemon->rules.applied = false;
	(void)daemon_put_rules(daemon, POOL4_SYNC_ANEW);
	daemon_packets_take_back(&daemon->packets);
	log_line(LOG_WARNING, "the other nat64d has not taken over (%s): this one goes on", why);
	if (daemon->handover.end_wanted || !daemon_packets_run(&daemon->packets))
		(void)sd_event_exit(daemon->event, daemon_packets_run(&daemon->packets) ? 0 : 1);
}

static void taken(void *context, pid_t successor)
{
	struct daemon *daemon = context;

	daemon->handover.done = true;
	log_line(LOG_INFO, "handed over to process %d", (int)successor);
	/* The watchdog is not among what it gets: who does not know of one can not feed it. */
	(void)sd_notifyf(0, "MAINPID=%d\nWATCHDOG_USEC=0\n", (int)successor);
	(void)sd_event_exit(daemon->event, 0);
}

static void store_descriptors(const struct daemon *daemon)
{
	struct descriptors descriptors;

	list_descriptors(daemon, &descriptors);
	descriptors_store_all(&descriptors);
}

void daemon_handover_serve(struct daemon *daemon)
{
	g_autofree char *path = path_of(daemon);
	const struct handover_config config = {
		.path = path,
		.event = daemon->event,
		.tables_format = TABLES_FORMAT,
		.start_timeout_ms = START_TIMEOUT_MS,
		.take_timeout_ms = TAKE_TIMEOUT_MS,
		.ready = ready,
		.take = take,
		.go_on = go_on,
		.taken = taken,
		.context = daemon,
	};
	int r;

	/* Only what was there at the start was late. */
	daemon->handover.is_late = false;
	store_descriptors(daemon);
	r = handover_new(&config, &daemon->handover.server);
	if (r < 0)
		log_line(LOG_WARNING, "no other nat64d can take over from this one: %s: %s", path,
			 strerror(-r));
}

/* It is used only if the database is then as we leave it now, with what has ended. */
void daemon_handover_keep(struct daemon *daemon)
{
	int fd;

	if (!daemon->handover.server || daemon->handover.done || !getenv("NOTIFY_SOCKET") ||
	    tables_save(&daemon->gateway, PERSIST_ALL, false, daemon_state_owner(daemon->state),
			&fd) < 0)
		return;
	descriptors_store(DESCRIPTOR_TABLES, fd);
	(void)close(fd);
}

void daemon_handover_end(struct daemon *daemon)
{
	handover_free(daemon->handover.server);
	daemon->handover.server = NULL;
	descriptors_close(&daemon->handover.inherited);
}
