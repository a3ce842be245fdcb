/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What was changed by command: rows that somebody waits for until they are on the disk, and rows
 * that are owed.
 */
#include <errno.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "schema/store_writer_internal.h"

static GHashTable *new_rows_by_key(void)
{
	return g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
				     (GDestroyNotify)kept_row_free);
}

/* Those that the store has not, or otherwise. */
static GPtrArray *list_differing(const struct store_writer *writer, const GPtrArray *rows)
{
	GPtrArray *differing = g_ptr_array_new();

	for (guint i = 0; i < rows->len; i++) {
		struct kept_row *row = g_ptr_array_index(rows, i);
		g_autofree char *key = kept_row_key(row);
		const struct kept_row *stored = g_hash_table_lookup(writer->kept, key);
		bool same = stored ? kept_row_equal(stored, row) : !row->exists;

		/* Of one that could not be read at the start nobody knows what it has. */
		if (!same || !writer->config.kept || g_hash_table_contains(writer->unsure, key))
			g_ptr_array_add(differing, row);
	}
	return differing;
}

static void note_kept(GHashTable *rows, const struct kept_row *row, bool stays)
{
	char *key = kept_row_key(row);

	if (stays) {
		g_hash_table_replace(rows, key, kept_row_copy(row));
		return;
	}
	g_hash_table_remove(rows, key);
	g_free(key);
}

int writer_put_kept_anew(struct store_writer *writer)
{
	GPtrArray *rows = g_ptr_array_new();
	GHashTableIter iter;
	void *row;
	int r;

	g_hash_table_iter_init(&iter, writer->kept);
	while (g_hash_table_iter_next(&iter, NULL, &row))
		g_ptr_array_add(rows, row);
	r = store_put_kept(writer->store, rows, writer->config.kept != NULL);
	g_ptr_array_unref(rows);
	return r;
}

/* What has just failed and may be there all the same: who asked for it was told that nothing is
 * changed, so the store is to have again what it had. A newer word that it is owed stays. */
static void owe_what_was(struct store_writer *writer, const GPtrArray *failed)
{
	for (guint i = 0; i < failed->len; i++) {
		const struct kept_row *row = g_ptr_array_index(failed, i);
		g_autofree char *key = kept_row_key(row);
		const struct kept_row *stored = g_hash_table_lookup(writer->kept, key);
		struct kept_row *was;

		(void)g_hash_table_add(writer->unsure, g_strdup(key));
		/* What one has that could not be read at the start is not known. */
		if (g_hash_table_contains(writer->owed, key) || (!stored && !writer->config.kept))
			continue;
		was = kept_row_copy(stored ? stored : row);
		was->exists = stored != NULL;
		g_hash_table_insert(writer->owed, g_steal_pointer(&key), was);
	}
}

/* text: why not. */
static int put_rows(struct store_writer *writer, const GPtrArray *rows, char text[STORE_TEXT_SIZE])
{
	GPtrArray *differing = list_differing(writer, rows);
	int r = differing->len > 0 ? writer_have_store(writer) : 0;

	if (r < 0) {
		gateway_lock(writer->config.gateway);
		(void)g_strlcpy(text, writer->config.gateway->store.problem, STORE_TEXT_SIZE);
		gateway_unlock(writer->config.gateway);
	} else if (differing->len > 0) {
		r = store_put_kept(writer->store, differing, false);
		if (r < 0)
			(void)g_strlcpy(text, store_error(writer->store), STORE_TEXT_SIZE);
		if (r < 0 && r != -E2BIG) {
			owe_what_was(writer, differing);
			writer_store_failed(writer, r);
		}
	}
	for (guint i = 0; r == 0 && i < differing->len; i++) {
		const struct kept_row *row = g_ptr_array_index(differing, i);
		g_autofree char *key = kept_row_key(row);

		note_kept(writer->kept, row, row->exists);
		(void)g_hash_table_remove(writer->unsure, key);
	}
	g_ptr_array_unref(differing);
	return r;
}

/* Each for itself, so that one that is too long does not take the others along. */
static int put_one_by_one(struct store_writer *writer, const GPtrArray *rows)
{
	char text[STORE_TEXT_SIZE];
	int r = 0;

	for (guint i = 0; i < rows->len && r == 0; i++) {
		GPtrArray *one = g_ptr_array_new();

		g_ptr_array_add(one, g_ptr_array_index(rows, i));
		r = put_rows(writer, one, text);
		g_ptr_array_unref(one);
		if (r == -E2BIG) {
			writer_report(writer, LOG_ERR, text);
			r = 0;
		}
	}
	return r;
}

/* The newest word of each counts. */
void writer_put_owed(struct store_writer *writer)
{
	GPtrArray *rows = g_ptr_array_new();
	char text[STORE_TEXT_SIZE];
	GHashTableIter iter;
	void *row;
	int r;

	g_hash_table_iter_init(&iter, writer->owed);
	while (g_hash_table_iter_next(&iter, NULL, &row))
		g_ptr_array_add(rows, row);
	r = rows->len > 0 ? put_rows(writer, rows, text) : 0;
	if (r == -E2BIG)
		r = put_one_by_one(writer, rows);
	g_ptr_array_unref(rows);
	if (r == 0)
		g_hash_table_remove_all(writer->owed);
}

static struct job *take_jobs(struct store_writer *writer)
{
	struct job *jobs;

	g_mutex_lock(&writer->jobs_lock);
	jobs = writer->jobs;
	writer->jobs = NULL;
	writer->last_job = &writer->jobs;
	g_mutex_unlock(&writer->jobs_lock);
	return jobs;
}

static void do_job(struct store_writer *writer, struct job *job)
{
	char text[STORE_TEXT_SIZE] = "";
	int r = 0;

	if (job->ticket != 0)
		r = put_rows(writer, job->rows, text);
	for (guint i = 0; i < job->rows->len; i++) {
		const struct kept_row *row = g_ptr_array_index(job->rows, i);

		if (r == 0)
			note_kept(writer->owed, row, job->ticket == 0);
	}
	if (job->ticket != 0)
		writer->config.stored(writer->config.context, job->ticket, r, text);
	g_ptr_array_unref(job->rows);
	g_free(job);
}

void writer_do_jobs(struct store_writer *writer)
{
	struct job *jobs = take_jobs(writer);
	bool any = jobs != NULL;

	while (jobs) {
		struct job *next = jobs->next;

		do_job(writer, jobs);
		jobs = next;
	}
	if (any && writer->retry_ms == 0)
		writer_put_owed(writer);
}

void store_writer_put(struct store_writer *writer, GPtrArray *rows, uint64_t ticket)
{
	struct job *job = g_new(struct job, 1);
	const uint64_t one = 1;

	*job = (struct job){.rows = rows, .ticket = ticket};
	g_mutex_lock(&writer->jobs_lock);
	*writer->last_job = job;
	writer->last_job = &job->next;
	g_mutex_unlock(&writer->jobs_lock);
	(void)!write(writer->wake_fd, &one, sizeof(one));
}

void writer_init_kept(struct store_writer *writer)
{
	const GPtrArray *kept = writer->config.kept;

	writer->last_job = &writer->jobs;
	writer->kept = new_rows_by_key();
	writer->owed = new_rows_by_key();
	writer->unsure = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	for (guint i = 0; kept && i < kept->len; i++)
		note_kept(writer->kept, g_ptr_array_index(kept, i), true);
}

void writer_deinit_kept(struct store_writer *writer)
{
	g_hash_table_unref(writer->kept);
	g_hash_table_unref(writer->owed);
	g_hash_table_unref(writer->unsure);
}
