/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation
 *
 * The next one: after its configuration it asks the one before (--replace), or takes what the
 * service manager has kept; starts up to the point where the tables are needed; takes them, which
 * stops packets; and when all is in place says so, and reads on where the other has stopped.
 *
 * The one before: yields what only one can have (bus name, control socket, database) when it is
 * asked, and translates on. What changes in the tables from then on is still marked as changed in
 * them, so the next one writes it to the database. If that one fails, everything is taken back, the
 * packet thread first. Rules are put anew then, as the other one may have changed them.
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

int daemon_handover_take(struct daemon *daemon)
{
	struct daemon_handover *handover = &daemon->handover;
	char text[HANDOVER_TEXT_SIZE];
	int r;

	if (!handover->peer)
		return 0;
	r = handover_take(handover->peer, &handover->inherited.fd[DESCRIPTOR_TABLES], text);
	if (r == -ECONNRESET)
		peer_has_died(handover);
	else if (r < 0)
		log_line(LOG_ERR, "--replace: %s", text);
	return r == -ECONNRESET ? 0 : r;
}

/* Whoever came before with the queues we have: how long did nobody read them? */
static void judge_age(struct daemon *daemon, bool ended_well)
{
	uint64_t beat_ms = atomic_load(heartbeat_place(daemon->heartbeat));
	uint64_t age_ms = gateway_now_ms() - beat_ms;

	if (!daemon->handover.is_kept || !nfqueue_is_inherited(daemon->nfqueue) ||
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
	handover_peer_free(handover->peer);
	handover->peer = NULL;
	judge_age(daemon, tables_fd >= 0);
	nfqueue_settle(daemon->nfqueue);
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
	descriptors_init(ret);
	ret->fd[DESCRIPTOR_QUEUE] = nfqueue_fd(daemon->nfqueue);
	ret->fd[DESCRIPTOR_RAW4] = rawsock_fd4(sending_rawsock(daemon->sending.sending));
	ret->fd[DESCRIPTOR_RAW6] = rawsock_fd6(sending_rawsock(daemon->sending.sending));
	ret->fd[DESCRIPTOR_HEARTBEAT] = heartbeat_fd(daemon->heartbeat);
}

static void stop_packets(struct daemon *daemon)
{
	worker_stop(daemon->worker);
	daemon->worker = NULL;
	daemon->handover.stopped = true;
}

static int ready(void *context, bool knows_tables, struct descriptors *ret)
{
	struct daemon *daemon = context;

	log_line(LOG_NOTICE, "another nat64d is taking over");
	daemon_changes_settle(daemon->changes);
	if (!knows_tables)
		stop_packets(daemon);
	daemon_history_stop(daemon->history);
	daemon_state_leave(daemon->state, knows_tables);
	/* What has been stored until then is done and answered here, too. */
	daemon_tell_stored(daemon);
	daemon_changes_settle(daemon->changes);
	manager_yield(daemon->manager);
	daemon->handover.yielded = true;
	list_descriptors(daemon, ret);
	return 0;
}

static int take(void *context, int *ret_tables_fd, uint64_t *ret_more_ms)
{
	struct daemon *daemon = context;

	if (daemon->handover.stopped)
		return 0;
	stop_packets(daemon);
	gateway_lock(&daemon->gateway);
	*ret_more_ms = nat64_n_sessions(daemon->gateway.nat) / SESSIONS_PER_MS;
	gateway_unlock(&daemon->gateway);
	return tables_save(&daemon->gateway, PERSIST_ALL, daemon_state_owner(daemon->state), ret_tables_fd);
}

static void go_on(void *context, const char *why)
{
	struct daemon *daemon = context;
	int r = daemon->worker ? 0 : daemon_start_worker(daemon);

	daemon->handover.yielded = daemon->handover.stopped = false;
	daemon_sending_say_again(&daemon->sending);
	if (r == 0)
		r = daemon_state_go_on(daemon->state);
	daemon_history_go_on(daemon->history);
	if (r == 0)
		r = manager_return(daemon->manager);
	if (r < 0)
		log_line(LOG_ERR, "the control socket can not be had back: %s", strerror(-r));
	daemon->rules.applied = false;
	(void)daemon_put_rules(daemon, POOL4_SYNC_ANEW);
	log_line(LOG_WARNING, "the other nat64d has not taken over (%s): this one goes on", why);
	if (daemon->handover.end_wanted || !daemon->worker)
		(void)sd_event_exit(daemon->event, daemon->worker ? 0 : 1);
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
	for (unsigned i = 0; i < N_DESCRIPTORS; i++)
		if (descriptors.fd[i] >= 0)
			descriptors_store(i, descriptors.fd[i]);
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

/* It is used only if the database is then as we leave it now. */
void daemon_handover_keep(struct daemon *daemon)
{
	int fd;

	if (!daemon->handover.server || daemon->handover.done || !getenv("NOTIFY_SOCKET") ||
	    tables_save(&daemon->gateway, PERSIST_ALL, daemon_state_owner(daemon->state), &fd) < 0)
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
