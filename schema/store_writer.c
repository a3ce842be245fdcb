/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The thread that writes what the core has marked, behind the packets: see store_writer.h.
 */
#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <syslog.h>
#include <unistd.h>

#include "daemon/core/minmax.h"
#include "schema/store_writer_internal.h"

/* Rows for which the lock is held: some 20 us. */
#define SLICE_ROWS 256
/* Of one transaction, so that what is to be taken back is bounded. */
#define TRANSACTION_ROWS 65536
#define RETRY_MIN_MS     250
#define RETRY_MAX_MS     10000
/* A log that readers have let grow so far is the operator's business; and so far, it would fill his
 * disk. */
#define WAL_ALARM_SIZE (64u << 20)
#define WAL_MAX_SIZE   (1024u << 20)
/* How often the log is put into the file where the kernel may say when it is safe. */
#define CHECKPOINT_MS 5000
#define IDLE_MS       60000
#define NICE          10

struct taken {
	uint8_t kind;
	uint8_t protocol;
	uint32_t index;
};

void writer_report(struct store_writer *writer, int level, const char *text)
{
	if (writer->config.report)
		writer->config.report(writer->config.context, level, text);
}

static void set_problem(struct store_writer *writer, const char *problem)
{
	struct gateway *gateway = writer->config.gateway;

	gateway_lock(gateway);
	gateway->store.state = problem[0] ? GATEWAY_STORE_FAILING : GATEWAY_STORE_OK;
	(void)g_strlcpy(gateway->store.problem, problem, sizeof(gateway->store.problem));
	(void)g_snprintf(gateway->store.path, sizeof(gateway->store.path), "%s/state.db",
			 writer->config.store.directory);
	gateway_unlock(gateway);
}

static void failed(struct store_writer *writer, const char *why)
{
	struct gateway *gateway = writer->config.gateway;
	bool is_first = writer->retry_ms == 0;

	writer->retry_ms = is_first ? RETRY_MIN_MS : min_u32(writer->retry_ms * 2, RETRY_MAX_MS);
	set_problem(writer, why);
	gateway_lock(gateway);
	gateway->store.n_failures++;
	gateway_unlock(gateway);
	if (is_first) {
		char *text = g_strdup_printf("%s; translation goes on, and it is tried again", why);

		writer_report(writer, LOG_ERR, text);
		g_free(text);
	}
}

static void worked(struct store_writer *writer)
{
	if (writer->retry_ms == 0)
		return;
	writer->retry_ms = 0;
	set_problem(writer, writer->wal_problem);
	writer_report(writer, LOG_NOTICE,
		      "bindings and sessions are written to the state database again");
}

void writer_store_failed(struct store_writer *writer, int error)
{
	char text[STORE_TEXT_SIZE];

	(void)g_strlcpy(text, store_error(writer->store), sizeof(text));
	if (error == -EUCLEAN)
		(void)store_set_aside_open(writer->store);
	if (error != -EBUSY && error != -ENOSPC) {
		store_close(writer->store);
		writer->store = NULL;
	}
	failed(writer, text);
}

/* Somebody else's file, or an empty one: everything is to be written. */
static int begin_anew(struct store_writer *writer)
{
	struct gateway *gateway = writer->config.gateway;
	bool begun;
	int r;

	r = store_clear(writer->store);
	if (r == 0)
		r = writer_put_kept_anew(writer);
	if (r < 0)
		return r;
	gateway_lock(gateway);
	begun = persist_begin(gateway->nat);
	gateway_unlock(gateway);
	writer->n_begun++;
	return begun ? 0 : -ENOMEM;
}

int writer_have_store(struct store_writer *writer)
{
	char text[STORE_TEXT_SIZE];
	int r;

	if (!writer->store) {
		r = store_open(&writer->config.store, &writer->store, text);
		if (r < 0) {
			failed(writer, text);
			return r;
		}
	}
	if (store_owner(writer->store) == writer->config.owner)
		return 0;
	r = begin_anew(writer);
	if (r == -ENOMEM)
		failed(writer, "no memory to remember what has to be stored");
	else if (r < 0)
		writer_store_failed(writer, r);
	return r;
}

/* ---- bindings and sessions ----------------------------------------------------------------------
 */

static void take_back(struct store_writer *writer)
{
	struct gateway *gateway = writer->config.gateway;

	for (guint i = 0; i < writer->taken->len;) {
		gateway_lock(gateway);
		for (unsigned n = 0; n < SLICE_ROWS && i < writer->taken->len; n++, i++) {
			const struct taken *taken = &g_array_index(writer->taken, struct taken, i);

			persist_take_back(gateway->nat, taken->kind, taken->protocol, taken->index);
		}
		gateway_unlock(gateway);
	}
	g_array_set_size(writer->taken, 0);
}

/* The next rows; how many. */
static unsigned take(struct store_writer *writer, struct persist_cursor *cursor,
		     struct persist_row row[SLICE_ROWS])
{
	struct gateway *gateway = writer->config.gateway;
	unsigned n;

	gateway_lock(gateway);
	store_set_pool6(writer->store, gateway->nat->config.pool6);
	n = persist_take(gateway->nat, cursor, row, SLICE_ROWS, gateway_now_ms());
	gateway_unlock(gateway);
	for (unsigned i = 0; i < n; i++) {
		const struct taken taken = {(uint8_t)row[i].kind, (uint8_t)row[i].protocol,
					    row[i].index};

		g_array_append_val(writer->taken, taken);
	}
	return n;
}

/* One transaction; *ret_done if it has come to the end of the tables. */
static int write_transaction(struct store_writer *writer, struct persist_cursor *cursor, bool clean,
			     bool *ret_done)
{
	struct persist_row row[SLICE_ROWS];
	struct store_clock now;
	unsigned n = SLICE_ROWS;
	int r;

	g_array_set_size(writer->taken, 0);
	r = store_begin(writer->store);
	while (r == 0 && n == SLICE_ROWS && writer->taken->len < TRANSACTION_ROWS) {
		n = take(writer, cursor, row);
		for (unsigned i = 0; i < n && r == 0; i++)
			r = store_put(writer->store, &row[i]);
	}
	*ret_done = n < SLICE_ROWS;
	if (r == 0)
		r = closed_writer_put(&writer->closed, writer->store);
	store_clock_read(&now);
	if (r == 0)
		r = store_commit(writer->store, &now, writer->config.owner, clean && *ret_done);
	if (r < 0) {
		store_roll_back(writer->store);
		take_back(writer);
		return r;
	}
	closed_writer_stored(&writer->closed);
	return 0;
}

static void tell_lost(struct store_writer *writer)
{
	uint64_t n = closed_writer_take_lost(&writer->closed);
	char text[160];

	if (n == 0)
		return;
	(void)snprintf(text, sizeof(text),
		       "%" G_GUINT64_FORMAT
		       " bindings have ended that could not be stored in time: 'nat64ctl who' "
		       "does not know them",
		       n);
	writer_report(writer, LOG_WARNING, text);
}

/* All that has changed. */
static bool flush(struct store_writer *writer, bool clean)
{
	struct gateway *gateway = writer->config.gateway;
	struct persist_cursor cursor = {0};
	unsigned n_begun = writer->n_begun;
	uint64_t n_given = 0;
	bool done = false;
	int r;

	r = closed_writer_put_pile(&writer->closed, writer->store, TRANSACTION_ROWS,
				   writer->config.owner);
	gateway_lock(gateway);
	if (gateway->nat->given)
		n_given = gateway->nat->given->n;
	/* That it works again is to be seen. */
	done = persist_n_changed(gateway->nat) == 0 && !clean && writer->retry_ms == 0;
	gateway_unlock(gateway);
	done = done && !closed_writer_has_work(&writer->closed);
	while (r == 0 && !done) {
		r = write_transaction(writer, &cursor, clean, &done);
		if (r == 0 && !done)
			writer_do_jobs(writer);
		if (!writer->store)
			return false;
		if (writer->n_begun != n_begun) { /* what has been written is in another file */
			n_begun = writer->n_begun;
			cursor = (struct persist_cursor){0};
		}
	}
	if (r < 0) {
		writer_store_failed(writer, r);
		return false;
	}
	if (writer->config.given)
		given_file_set_stored(writer->config.given, n_given);
	gateway_lock(gateway);
	gateway->store.flushed_usec = (uint64_t)g_get_real_time();
	gateway_unlock(gateway);
	tell_lost(writer);
	return true;
}

/* Somebody who reads keeps the log from being used anew. */
static void watch_wal(struct store_writer *writer, uint64_t size)
{
	bool had_alarm = writer->wal_problem[0] != '\0', had_held = writer->wal_size > WAL_MAX_SIZE;
	bool is_held = size > WAL_MAX_SIZE;

	writer->wal_size = size;
	writer->wal_problem[0] = '\0';
	if (size > WAL_ALARM_SIZE)
		(void)snprintf(writer->wal_problem, sizeof(writer->wal_problem),
			       "somebody has been reading the state database for so long that its "
			       "log has grown to %" G_GUINT64_FORMAT " MB%s",
			       size >> 20,
			       is_held ? "; until he ends, what changes is kept in memory only"
				       : "");
	if (writer->wal_problem[0] && (!had_alarm || is_held != had_held))
		writer_report(writer, LOG_WARNING, writer->wal_problem);
	else if (had_alarm && !writer->wal_problem[0])
		writer_report(writer, LOG_NOTICE, "the log of the state database is short again");
	if (had_alarm || writer->wal_problem[0])
		set_problem(writer, writer->wal_problem);
}

/* Safe from a power cut, and the log is empty unless somebody reads. */
static bool sync_store(struct store_writer *writer)
{
	uint64_t now_ms = gateway_now_ms();
	uint64_t wal_size = 0;
	int r;

	if (store_has_moved(writer->store)) {
		store_close(writer->store);
		writer->store = NULL;
		failed(writer, "the state database has been removed or replaced");
		return false;
	}
	r = store_sync(writer->store, &wal_size);
	if (r < 0) {
		writer_store_failed(writer, r);
		return false;
	}
	writer->synced_ms = now_ms;
	watch_wal(writer, wal_size);
	return true;
}

static uint32_t sync_ms(const struct store_writer *writer)
{
	return writer->config.sync_ms > 0 ? writer->config.sync_ms : CHECKPOINT_MS;
}

static uint64_t until_sync_ms(const struct store_writer *writer)
{
	uint64_t since_ms = gateway_now_ms() - writer->synced_ms;

	return since_ms < sync_ms(writer) ? sync_ms(writer) - since_ms : 0;
}

/* Writes what has changed. All is well only if it also is as safe as it should be by now. */
static bool write_all(struct store_writer *writer, bool clean)
{
	if (writer_have_store(writer) < 0)
		return false;
	if (writer->wal_size > WAL_MAX_SIZE &&
	    (!sync_store(writer) || writer->wal_size > WAL_MAX_SIZE))
		return false;
	if (!flush(writer, clean))
		return false;
	if ((until_sync_ms(writer) == 0 || atomic_load(&writer->stop)) && !sync_store(writer))
		return false;
	worked(writer);
	return true;
}

static void set_busy(struct store_writer *writer, uint64_t since_ms)
{
	gateway_lock(writer->config.gateway);
	writer->config.gateway->store.busy_since_ms = since_ms;
	gateway_unlock(writer->config.gateway);
}

/* As write_all(), with an eye on the time that the disk takes. */
static bool write_round(struct store_writer *writer, bool clean)
{
	uint64_t begin_ms = gateway_now_ms();
	uint64_t took_ms;
	char text[160];
	bool has_worked;

	set_busy(writer, begin_ms);
	has_worked = write_all(writer, clean);
	set_busy(writer, 0);
	took_ms = gateway_now_ms() - begin_ms;
	if ((took_ms > GATEWAY_STORE_SLOW_MS) == writer->is_slow)
		return has_worked;
	writer->is_slow = !writer->is_slow;
	(void)snprintf(text, sizeof(text),
		       writer->is_slow ? "the disk took %" G_GUINT64_FORMAT
					 " s to write the state database; translation goes on"
				       : "the disk writes the state database in %" G_GUINT64_FORMAT
					 " s again",
		       took_ms / 1000);
	writer_report(writer, writer->is_slow ? LOG_WARNING : LOG_NOTICE, text);
	return has_worked;
}

static uint32_t pause_ms(const struct store_writer *writer)
{
	const uint32_t flush_ms = writer->config.flush_ms;

	if (writer->retry_ms > 0)
		return writer->retry_ms;
	/* Not a flush interval later than it should be safe; but who wants to write rarely, does.
	 */
	if (flush_ms < sync_ms(writer))
		return (uint32_t)min_u64(flush_ms, until_sync_ms(writer));
	return min_u32(flush_ms, IDLE_MS);
}

/* Until the next flush, or until there is a job; true: until the flush. */
static bool wait_for_work(struct store_writer *writer)
{
	struct pollfd wake = {.fd = writer->wake_fd, .events = POLLIN};
	uint64_t now_ms = gateway_now_ms();
	uint64_t n;

	if (now_ms < writer->flush_at_ms &&
	    poll(&wake, 1, (int)(writer->flush_at_ms - now_ms)) != 0) {
		(void)!read(writer->wake_fd, &n, sizeof(n));
		return false;
	}
	return true;
}

/* How many have wanted a flush so far; *ret_is_wanted: some of them wait still. */
static uint64_t read_wanted(struct store_writer *writer, bool *ret_is_wanted)
{
	uint64_t n;

	g_mutex_lock(&writer->jobs_lock);
	n = writer->n_wanted;
	*ret_is_wanted = writer->n_done < n;
	g_mutex_unlock(&writer->jobs_lock);
	return n;
}

static void answer(struct store_writer *writer, uint64_t n_wanted, bool has_worked)
{
	g_mutex_lock(&writer->jobs_lock);
	writer->n_done = n_wanted;
	writer->has_worked = has_worked;
	g_cond_broadcast(&writer->flushed);
	g_mutex_unlock(&writer->jobs_lock);
}

bool store_writer_flush(struct store_writer *writer)
{
	const uint64_t one = 1;
	uint64_t number;
	bool has_worked;

	g_mutex_lock(&writer->jobs_lock);
	number = ++writer->n_wanted;
	(void)!write(writer->wake_fd, &one, sizeof(one));
	while (writer->n_done < number)
		g_cond_wait(&writer->flushed, &writer->jobs_lock);
	has_worked = writer->has_worked;
	g_mutex_unlock(&writer->jobs_lock);
	return has_worked;
}

static void *run(void *data)
{
	struct store_writer *writer = data;
	const struct store_writer_config *config = &writer->config;
	bool is_wanted, has_worked;
	uint64_t n_wanted;

	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
	while (!atomic_load(&writer->stop)) {
		bool is_time = wait_for_work(writer);

		writer_do_jobs(writer);
		n_wanted = read_wanted(writer, &is_wanted);
		if (!is_time && !is_wanted)
			continue;
		writer_put_owed(writer);
		/* One that failed is tried until it works, also if the rest waits for the end. */
		has_worked =
			(is_wanted || config->flush_ms != UINT32_MAX || writer->retry_ms > 0) &&
			write_round(writer, false);
		answer(writer, n_wanted, has_worked);
		writer->flush_at_ms = gateway_now_ms() + pause_ms(writer);
	}
	writer_do_jobs(writer);
	writer_put_owed(writer);
	has_worked = write_round(writer, !writer->leave);
	/* There is no next time, and one that has turned out to be damaged is out of the way now.
	 */
	if (!has_worked && !writer->store)
		has_worked = write_round(writer, !writer->leave);
	answer(writer, UINT64_MAX, has_worked);
	return NULL;
}

static void writer_free(struct store_writer *writer)
{
	if (writer->wake_fd >= 0)
		(void)close(writer->wake_fd);
	writer_deinit_kept(writer);
	g_mutex_clear(&writer->jobs_lock);
	g_cond_clear(&writer->flushed);
	g_array_unref(writer->taken);
	g_free(writer);
}

int store_writer_start(const struct store_writer_config *config, struct store *store,
		       const char *problem, struct store_writer **ret)
{
	struct store_writer *writer = g_new0(struct store_writer, 1);
	int r;

	writer->config = *config;
	writer->store = store;
	writer->taken = g_array_new(FALSE, FALSE, sizeof(struct taken));
	writer->synced_ms = gateway_now_ms();
	writer->flush_at_ms = writer->synced_ms + pause_ms(writer);
	writer->closed = CLOSED_WRITER(config->gateway);
	g_mutex_init(&writer->jobs_lock);
	g_cond_init(&writer->flushed);
	writer_init_kept(writer);
	writer->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = writer->wake_fd < 0 ? -errno : 0;
	if (r == 0) {
		set_problem(writer, "");
		if (!store)
			failed(writer, problem);
		r = -pthread_create(&writer->thread, NULL, run, writer);
	}
	if (r < 0) {
		writer_free(writer);
		return r;
	}
	(void)pthread_setname_np(writer->thread, "state");
	*ret = writer;
	return 0;
}

/* The disk may take its time. */
static void join(struct store_writer *writer, void (*waits)(void *context), void *context)
{
	struct timespec until;

	do {
		if (waits)
			waits(context);
		(void)clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec++;
	} while (pthread_clockjoin_np(writer->thread, NULL, CLOCK_MONOTONIC, &until) == ETIMEDOUT);
}

/* Did it end with all that had changed written? */
static bool end(struct store_writer *writer, void (*waits)(void *context), void *context)
{
	const uint64_t one = 1;
	bool has_worked;

	atomic_store(&writer->stop, true);
	(void)!write(writer->wake_fd, &one, sizeof(one));
	join(writer, waits, context);
	has_worked = writer->has_worked;
	store_close(writer->store);
	writer_free(writer);
	return has_worked;
}

void store_writer_stop(struct store_writer *writer)
{
	if (writer)
		(void)end(writer, NULL, NULL);
}

bool store_writer_leave(struct store_writer *writer, void (*waits)(void *context), void *context)
{
	if (!writer)
		return false;
	writer->leave = true;
	return end(writer, waits, context);
}
