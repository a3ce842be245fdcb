/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See daemon_history.h. A job belongs to its thread until that has put it into the list of those
 * that are done; that list and the number behind it are all that is shared, under the mutex.
 */
#include "daemon/daemon_history.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "daemon/copy_out.h"
#include "daemon/core/nat64.h"
#include "schema/store_snapshot.h"
#include "schema/store_who.h"

#define JOBS_MAX    8
#define NICE        10
#define BUSY_MS     2000
#define GIVE_MS     (9 * 60 * 1000)
#define SECOND_USEC UINT64_C(1000000)
/* Ports, for which the lock is held. */
#define SEEN_AT_ONCE 512

struct job {
	struct job *next;
	struct daemon_history *history;
	pthread_t thread;
	bool is_snapshot;
	struct state_who question;
	int fd; /* where to; -1: a file of its own */
	struct state_answer answer;
	GArray *owners;
	struct state_owner block; /* created_usec 0: nobody has it now */
	state_answered_fn *answered;
	void *cookie;
};

struct daemon_history {
	struct daemon_history_config config;
	struct state_calls calls;
	char *snapshot_path;
	atomic_bool stop;
	unsigned n_jobs;
	bool is_copying;       /* one of them is a snapshot */
	struct copy_out *left; /* of its thread while there is one, else ours: not over when left */
	sd_event_source *source;
	int done_fd;
	pthread_mutex_t mutex;
	pthread_cond_t is_done;
	struct job *done;
};

static void fail(struct job *job, enum state_error error, const char *text)
{
	job->answer.error = error;
	(void)g_strlcpy(job->answer.text, text, sizeof(job->answer.text));
}

static struct store_config store_config(const struct daemon_history *history)
{
	return (struct store_config){.directory = history->config.directory, .busy_ms = BUSY_MS};
}

/* Everything so far is in the file, or the answer says why not. */
static bool flush(struct job *job)
{
	struct gateway *gateway = job->history->config.gateway;

	if (job->history->config.flush(job->history->config.context))
		return true;
	gateway_lock(gateway);
	fail(job, STATE_FAILED,
	     gateway->store.problem[0] ? gateway->store.problem
				       : "the state database can not be written");
	gateway_unlock(gateway);
	return false;
}

/* ---- who ----------------------------------------------------------------------------------------
 */

/* Those who have it now, if they had it then. */
static void add_open(struct job *job)
{
	struct gateway *gateway = job->history->config.gateway;
	uint64_t until = job->question.at_usec + job->question.within_usec;

	gateway_lock(gateway);
	for (enum protocol i = 0; i < N_PROTOCOLS; i++) {
		const struct bib *bib = &gateway->nat->bib[i];
		uint32_t found = bib_find4(bib, &job->question.mapped);
		const struct bib_entry *entry = found != SLAB_NONE ? bib_at(bib, found) : NULL;
		uint64_t offset = (uint64_t)g_get_real_time() - gateway_now_ms() * 1000;
		struct state_owner owner;

		if (!entry)
			continue;
		owner = (struct state_owner){
			.protocol = i,
			.client = bib_entry_taddr6(entry),
			.created_usec = (uint64_t)entry->created_s * SECOND_USEC + offset,
			.ended_usec = UINT64_MAX,
		};
		owner.created_usec -= owner.created_usec % SECOND_USEC;
		if (owner.created_usec <= until)
			g_array_append_val(job->owners, owner);
	}
	gateway_unlock(gateway);
}

/* The same binding: it had it still when that was looked up, and not any more a moment later. */
static void remove_open(GArray *owners, const struct state_owner *closed)
{
	for (guint i = 0; i < owners->len; i++) {
		const struct state_owner *open = &g_array_index(owners, struct state_owner, i);
		uint64_t apart = open->created_usec > closed->created_usec
					 ? open->created_usec - closed->created_usec
					 : closed->created_usec - open->created_usec;

		if (open->ended_usec == UINT64_MAX && open->protocol == closed->protocol &&
		    addr6_equal(&open->client.addr, &closed->client.addr) &&
		    open->client.port == closed->client.port && apart <= 2 * SECOND_USEC) {
			g_array_remove_index(owners, i);
			return;
		}
	}
}

/* The binding of one port of the block of the question, number i of all protocols. */
static void see_port(struct job *job, uint32_t i, uint64_t offset)
{
	const struct nat64 *nat = job->history->config.gateway->nat;
	const uint32_t size = nat->limits.pool4.block_size;
	const uint32_t first = job->question.mapped.port / size * size;
	const struct taddr4 mapped = {job->question.mapped.addr, (uint16_t)(first + i % size)};
	const struct bib *bib = &nat->bib[i / size];
	uint32_t found = bib_find4(bib, &mapped);
	const struct bib_entry *entry = found != SLAB_NONE ? bib_at(bib, found) : NULL;
	uint64_t created;

	if (!entry || entry->is_static)
		return;
	created = (uint64_t)entry->created_s * SECOND_USEC + offset;
	created -= created % SECOND_USEC;
	if (job->block.created_usec == 0 || created < job->block.created_usec)
		job->block = (struct state_owner){
			.protocol = N_PROTOCOLS,
			.client.addr = addr6_mask(&entry->addr6, nat->config.pairing_prefix_length),
			.prefix_len = nat->config.pairing_prefix_length,
			.created_usec = created,
			.ended_usec = UINT64_MAX,
		};
}

/* Where clients have blocks of ports, whoever has the block has the port: since when, the oldest of
 * the bindings in it says, as far as these are there. */
static void see_block(struct job *job)
{
	struct gateway *gateway = job->history->config.gateway;
	const struct pool4_allocation *pool4 = &gateway->nat->limits.pool4;
	uint64_t offset = (uint64_t)g_get_real_time() - gateway_now_ms() * 1000;
	uint32_t n = pool4->mode == POOL4_BLOCKS ? N_PROTOCOLS * pool4->block_size : 0;

	for (uint32_t i = 0; i < n;) {
		gateway_lock(gateway);
		for (uint32_t end = MIN(n, i + SEEN_AT_ONCE); i < end; i++)
			see_port(job, i, offset);
		gateway_unlock(gateway);
	}
}

/* It is of the time for which the block is somebody's still, which is longer then. */
static bool lengthen_block(struct state_owner *block, const struct state_owner *closed)
{
	if (block->created_usec == 0 || closed->protocol != N_PROTOCOLS ||
	    closed->prefix_len != block->prefix_len ||
	    !addr6_equal(&closed->client.addr, &block->client.addr) ||
	    closed->ended_usec + 2 * SECOND_USEC < block->created_usec)
		return false;
	block->created_usec = MIN(block->created_usec, closed->created_usec);
	return true;
}

/* The latest first, as each may be of the time of the one before. */
static void add_closed(struct job *job, const GArray *rows)
{
	for (guint i = rows->len; i-- > 0;) {
		const struct store_who_row *row = &g_array_index(rows, struct store_who_row, i);
		const struct state_owner owner = {
			.protocol = row->protocol,
			.client = row->client,
			.prefix_len = row->prefix_len,
			.created_usec = (uint64_t)row->created_s * SECOND_USEC,
			.ended_usec = (uint64_t)row->ended_s * SECOND_USEC,
		};

		remove_open(job->owners, &owner);
		if (!lengthen_block(&job->block, &owner))
			g_array_append_val(job->owners, owner);
	}
	if (job->block.created_usec > 0 &&
	    job->block.created_usec <= job->question.at_usec + job->question.within_usec)
		g_array_append_val(job->owners, job->block);
}

static gint compare_owners(gconstpointer a, gconstpointer b)
{
	const struct state_owner *left = a, *right = b;

	if (left->created_usec != right->created_usec)
		return left->created_usec < right->created_usec ? -1 : 1;
	return (gint)left->protocol - (gint)right->protocol;
}

static uint32_t retention_s(const struct job *job)
{
	struct gateway *gateway = job->history->config.gateway;
	uint32_t seconds;

	gateway_lock(gateway);
	seconds = gateway->nat->config.retention_s;
	gateway_unlock(gateway);
	return seconds;
}

/* What is too old, and not gone yet, is not told. */
static struct store_who_question question_of(const struct job *job)
{
	const struct state_who *who = &job->question;
	int64_t kept_s = g_get_real_time() / G_USEC_PER_SEC - retention_s(job);
	uint64_t from = who->at_usec > who->within_usec ? who->at_usec - who->within_usec : 0;
	uint64_t to = who->at_usec + who->within_usec + SECOND_USEC - 1;

	return (struct store_who_question){
		.mapped = who->mapped,
		.from_s = MAX((int64_t)(from / SECOND_USEC), kept_s),
		.to_s = (int64_t)(to / SECOND_USEC),
		.max = STATE_OWNERS_MAX + 1,
	};
}

static void work_who(struct job *job)
{
	const struct store_config config = store_config(job->history);
	const struct store_who_question question = question_of(job);
	GArray *rows = g_array_new(FALSE, FALSE, sizeof(struct store_who_row));
	char text[STORE_TEXT_SIZE];

	add_open(job);
	see_block(job);
	if (flush(job)) {
		if (store_who(&config, &question, rows, text) < 0)
			fail(job, STATE_FAILED, text);
		else
			add_closed(job, rows);
	}
	g_array_unref(rows);
	if (job->owners->len > STATE_OWNERS_MAX)
		fail(job, STATE_BUSY,
		     "more than 10000 had it within that time: ask for less around it");
	g_array_sort(job->owners, compare_owners);
	job->answer.owner = (struct state_owner *)(void *)job->owners->data;
	job->answer.n_owners = job->owners->len;
}

/* ---- snapshot -----------------------------------------------------------------------------------
 */

/* It gets what is at path; if he does not take it, the copy is left to itself. */
static void give(struct job *job, const char *path)
{
	struct daemon_history *history = job->history;
	char text[STATE_TEXT_SIZE];
	struct copy_out *copy = NULL;
	int r = copy_out_new(path, job->fd, &copy);

	if (r == 0)
		r = copy_out_wait(copy, &history->stop, history->config.give_ms);
	if (copy_out_is_over(copy))
		copy_out_free(copy);
	else
		history->left = copy;
	if (r < 0) {
		(void)g_snprintf(text, sizeof(text), "the snapshot can not be written there: %s",
				 r == -ETIMEDOUT   ? "it has not been taken in time"
				 : r == -ECANCELED ? "the daemon ends"
						   : g_strerror(-r));
		fail(job, r == -ECANCELED ? STATE_ENDS : STATE_FAILED, text);
	}
}

static void work_snapshot(struct job *job)
{
	const struct store_config config = store_config(job->history);
	char *own = g_strconcat(job->history->snapshot_path, ".out", NULL);
	const char *path = job->fd >= 0 ? own : job->history->snapshot_path;
	gint64 begun = g_get_monotonic_time();
	char text[STORE_TEXT_SIZE];

	if (!flush(job)) {
		g_free(own);
		return;
	}
	if (store_snapshot(&config, path, &job->history->stop, &job->answer.n_rows, text) < 0)
		fail(job, atomic_load(&job->history->stop) ? STATE_ENDS : STATE_FAILED, text);
	else if (job->fd >= 0)
		give(job, path);
	if (job->fd >= 0)
		(void)g_unlink(own);
	g_free(own);
	job->answer.usec = (uint64_t)(g_get_monotonic_time() - begun);
}

/* ---- jobs ---------------------------------------------------------------------------------------
 */

static void *run(void *data)
{
	struct job *job = data;
	struct daemon_history *history = job->history;
	const uint64_t one = 1;

	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
	(job->is_snapshot ? work_snapshot : work_who)(job);
	(void)pthread_mutex_lock(&history->mutex);
	job->next = history->done;
	history->done = job;
	(void)!write(history->done_fd, &one, sizeof(one));
	(void)pthread_cond_signal(&history->is_done);
	(void)pthread_mutex_unlock(&history->mutex);
	return NULL;
}

static void free_job(struct job *job)
{
	if (job->fd >= 0)
		(void)close(job->fd);
	g_array_unref(job->owners);
	g_free(job);
}

static void answer_done(struct daemon_history *history)
{
	struct job *job;

	(void)pthread_mutex_lock(&history->mutex);
	job = history->done;
	history->done = NULL;
	(void)pthread_mutex_unlock(&history->mutex);
	while (job) {
		struct job *next = job->next;

		(void)pthread_join(job->thread, NULL);
		history->n_jobs--;
		history->is_copying = history->is_copying && !job->is_snapshot;
		job->answered(job->cookie, &job->answer);
		free_job(job);
		job = next;
	}
}

static int on_done(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	uint64_t n;

	(void)!read(fd, &n, sizeof(n));
	answer_done(userdata);
	return 0;
}

/* False: it is refused. */
static bool may_begin(struct job *job)
{
	const struct daemon_history *history = job->history;

	if (!history->config.directory)
		fail(job, STATE_OFF, "there is no state database: State.Keep=no");
	else if (!job->is_snapshot && retention_s(job) == 0)
		fail(job, STATE_OFF,
		     "closed bindings are not kept: set State.Retention to how long they shall be "
		     "('nat64ctl config set State.Retention 7d'); who has it now, 'nat64ctl bib "
		     "lookup' says");
	else if (atomic_load(&history->stop))
		fail(job, STATE_ENDS, "the daemon ends, or hands over to its successor");
	else if (job->is_snapshot && history->is_copying)
		fail(job, STATE_BUSY, "a snapshot is being written already");
	else if (job->fd >= 0 && !copy_out_is_over(history->left))
		fail(job, STATE_BUSY,
		     "the file of an earlier snapshot has still not taken what was written to it");
	else if (history->n_jobs >= JOBS_MAX)
		fail(job, STATE_BUSY,
		     "8 questions to the state database are being answered: try again");
	return job->answer.error == STATE_OK;
}

/* Takes the job over. */
static void begin(struct job *job)
{
	struct daemon_history *history = job->history;
	int r = 0;

	if (may_begin(job)) {
		if (job->is_snapshot && copy_out_is_over(history->left)) {
			copy_out_free(history->left);
			history->left = NULL;
		}
		r = pthread_create(&job->thread, NULL, run, job);
		if (r == 0) {
			history->n_jobs++;
			history->is_copying |= job->is_snapshot;
			return;
		}
		fail(job, STATE_FAILED, g_strerror(r));
	}
	job->answered(job->cookie, &job->answer);
	free_job(job);
}

static struct job *new_job(struct daemon_history *history, state_answered_fn *answered,
			   void *cookie)
{
	struct job *job = g_new0(struct job, 1);

	job->history = history;
	job->fd = -1;
	job->owners = g_array_new(FALSE, FALSE, sizeof(struct state_owner));
	job->answered = answered;
	job->cookie = cookie;
	return job;
}

static void call_who(void *context, const struct state_who *question, state_answered_fn *answered,
		     void *cookie)
{
	struct job *job = new_job(context, answered, cookie);
	const uint64_t latest = UINT64_MAX / 4;

	job->question = (struct state_who){
		.mapped = question->mapped,
		.at_usec = MIN(question->at_usec, latest),
		.within_usec = MIN(question->within_usec, latest),
	};
	begin(job);
}

static void call_snapshot(void *context, int fd, state_answered_fn *answered, void *cookie)
{
	struct job *job = new_job(context, answered, cookie);

	job->is_snapshot = true;
	if (fd >= 0)
		job->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (fd >= 0 && job->fd < 0)
		fail(job, STATE_FAILED, g_strerror(errno));
	begin(job);
}

int daemon_history_new(const struct daemon_history_config *config, struct daemon_history **ret)
{
	struct daemon_history *history = g_new0(struct daemon_history, 1);
	int r;

	history->config = *config;
	if (history->config.give_ms == 0)
		history->config.give_ms = GIVE_MS;
	history->snapshot_path =
		g_build_filename(config->directory ? config->directory : "", "snapshot.db", NULL);
	history->calls = (struct state_calls){
		.context = history,
		.snapshot_path = history->snapshot_path,
		.who = call_who,
		.snapshot = call_snapshot,
	};
	(void)pthread_mutex_init(&history->mutex, NULL);
	(void)pthread_cond_init(&history->is_done, NULL);
	history->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = history->done_fd < 0 ? -errno
				 : sd_event_add_io(config->event, &history->source,
						   history->done_fd, EPOLLIN, on_done, history);
	if (r < 0) {
		daemon_history_free(history);
		return r;
	}
	*ret = history;
	return 0;
}

const struct state_calls *daemon_history_calls(struct daemon_history *history)
{
	return &history->calls;
}

void daemon_history_stop(struct daemon_history *history)
{
	if (!history)
		return;
	atomic_store(&history->stop, true);
	while (history->n_jobs > 0) {
		(void)pthread_mutex_lock(&history->mutex);
		while (!history->done)
			(void)pthread_cond_wait(&history->is_done, &history->mutex);
		(void)pthread_mutex_unlock(&history->mutex);
		answer_done(history);
	}
}

void daemon_history_go_on(struct daemon_history *history)
{
	if (history)
		atomic_store(&history->stop, false);
}

void daemon_history_free(struct daemon_history *history)
{
	if (!history)
		return;
	daemon_history_stop(history);
	sd_event_source_unref(history->source);
	if (history->done_fd >= 0)
		(void)close(history->done_fd);
	(void)pthread_mutex_destroy(&history->mutex);
	(void)pthread_cond_destroy(&history->is_done);
	copy_out_free(history->left);
	g_free(history->snapshot_path);
	g_free(history);
}
