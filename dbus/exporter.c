/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See exporter.h. Here: the text, and the file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/aside.h"
#include "daemon/log.h"
#include "dbus/exporter_internal.h"
#include "dbus/list.h"
#include "dbus/metrics.h"
#include "dbus/statistics.h"

#define TICK_USEC    1000000
#define PATIENT_USEC 50000 /* while who came before still has the address */
#define TEXT_MS      1000
#define ENTRIES_PAGE 64
#define PATIENCE_MS  200 /* far more than a disk takes that does not hang */

/* All of them, page by page; names are the caller's to free. */
static GArray *take_entries(struct gateway *gateway)
{
	GArray *entries = g_array_new(FALSE, FALSE, sizeof(struct metrics_entry));
	uint32_t after = 0;
	int error = 0;

	do {
		struct list_pool4_row *rows = calloc(ENTRIES_PAGE, sizeof(*rows));
		uint32_t n;

		if (rows == NULL)
			break;
		n = list_pool4(gateway, &after, rows, ENTRIES_PAGE, &error);
		for (uint32_t i = 0; i < n; i++) {
			struct metrics_entry entry = {.name = g_strdup(rows[i].name)};

			memcpy(entry.total, rows[i].n_ports, sizeof(entry.total));
			memcpy(entry.used, rows[i].n_used, sizeof(entry.used));
			g_array_append_val(entries, entry);
		}
		list_pool4_rows_free(rows, n);
	} while (after != 0 && error == 0);
	return entries;
}

static void make_text(struct exporter *exporter)
{
	GArray *entries = take_entries(exporter->gateway);
	struct statistic *statistics;
	struct metrics_counter *counters;
	uint32_t n = 0;

	statistics = statistics_take(exporter->gateway, &n);
	if (statistics != NULL) {
		struct metrics metrics = {
			.n_counters = n,
			.entry = (const struct metrics_entry *)(const void *)entries->data,
			.n_entries = entries->len,
		};

		counters = g_new(struct metrics_counter, n);
		for (uint32_t i = 0; i < n; i++)
			counters[i] =
				(struct metrics_counter){statistics[i].name, statistics[i].value};
		metrics.counter = counters;
		g_string_truncate(exporter->text, 0);
		metrics_print(&metrics, exporter->text);
		g_free(counters);
		free(statistics);
	}
	for (guint i = 0; i < entries->len; i++)
		g_free((char *)g_array_index(entries, struct metrics_entry, i).name);
	g_array_unref(entries);
}

const GString *exporter_text(struct exporter *exporter)
{
	uint64_t now_ms = gateway_now_ms();

	if (exporter->text_ms == 0 || now_ms - exporter->text_ms >= TEXT_MS) {
		make_text(exporter);
		exporter->text_ms = now_ms;
	}
	return exporter->text;
}

/* ---- the file -----------------------------------------------------------------------------------
 */

/* The thread's, while it writes. */
struct exporter_file {
	char *path;
	GString *text;
	int result; /* a negative errno */
};

static void file_free(void *data)
{
	struct exporter_file *file = data;

	g_free(file->path);
	g_string_free(file->text, TRUE);
	g_free(file);
}

/* Beside it, and then in its place: whoever reads it finds a whole one. */
static void replace_file(void *data)
{
	struct exporter_file *file = data;
	g_autofree char *fresh = g_strconcat(file->path, ".new", NULL);
	int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
		      0644);
	ssize_t n;
	int r = 0;

	file->result = fd < 0 ? -errno : 0;
	if (fd < 0)
		return;
	n = write(fd, file->text->str, file->text->len);
	if (n != (ssize_t)file->text->len)
		r = n < 0 ? -errno : -ENOSPC;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && rename(fresh, file->path) < 0)
		r = -errno;
	if (r < 0)
		(void)unlink(fresh);
	file->result = r;
}

/* Two that are under way at once would write one file: while one hangs there is no other. */
static void write_file(struct exporter *exporter)
{
	int r = -ETIMEDOUT;

	if (!aside_is_busy(exporter->aside)) {
		g_string_assign(exporter->writing->text, exporter_text(exporter)->str);
		if (aside_do(exporter->aside, replace_file, PATIENCE_MS))
			r = exporter->writing->result;
	}
	if (r < 0 && !exporter->file_fails)
		log_line(LOG_WARNING, "Metrics.File: %s can not be written: %s; it is tried again",
			 exporter->file, r == -ETIMEDOUT ? "its disk hangs" : strerror(-r));
	else if (r == 0 && exporter->file_fails)
		log_line(LOG_NOTICE, "Metrics.File: %s is written again", exporter->file);
	exporter->file_fails = r < 0;
}

static void set_file(struct exporter *exporter, const char *path)
{
	aside_free(exporter->aside); /* and what it writes */
	exporter->aside = NULL;
	exporter->writing = NULL;
	g_free(exporter->file);
	exporter->file = g_strdup(path);
	exporter->file_fails = false;
	exporter->n_ticks = 0;
	if (!path)
		return;
	exporter->writing = g_new0(struct exporter_file, 1);
	exporter->writing->path = g_strdup(path);
	exporter->writing->text = g_string_new(NULL);
	exporter->aside = aside_new(exporter->writing, file_free);
	write_file(exporter);
}

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct exporter *exporter = userdata;
	bool is_patient = exporter->n_patient > 0;

	/* Such a tick is no second. */
	if (!is_patient && exporter->file != NULL && ++exporter->n_ticks >= EXPORTER_FILE_SECONDS) {
		exporter->n_ticks = 0;
		write_file(exporter);
	}
	exporter->n_patient -= is_patient;
	exporter_listen_start(exporter);
	(void)sd_event_source_set_time_relative(source,
						exporter->n_patient > 0 ? PATIENT_USEC : TICK_USEC);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

int exporter_new(struct gateway *gateway, sd_event *event, struct exporter **ret)
{
	struct exporter *exporter = g_new0(struct exporter, 1);
	int r;

	exporter->gateway = gateway;
	exporter->event = sd_event_ref(event);
	exporter->text = g_string_new(NULL);
	exporter->fd = -1;
	r = sd_event_add_time_relative(event, &exporter->tick, CLOCK_MONOTONIC, TICK_USEC, 0,
				       on_tick, exporter);
	if (r < 0) {
		exporter_free(exporter);
		return r;
	}
	*ret = exporter;
	return 0;
}

void exporter_free(struct exporter *exporter)
{
	if (exporter == NULL)
		return;
	exporter_listen_stop(exporter);
	sd_event_source_disable_unref(exporter->tick);
	sd_event_unref(exporter->event);
	set_file(exporter, NULL);
	g_string_free(exporter->text, TRUE);
	g_free(exporter->listen);
	g_free(exporter);
}

void exporter_succeed(struct exporter *exporter)
{
	exporter->n_patient = EXPORTER_SUCCEED_USEC / PATIENT_USEC;
	(void)sd_event_source_set_time_relative(exporter->tick, PATIENT_USEC);
}

void exporter_set(struct exporter *exporter, const char *file, const char *listen)
{
	if (g_strcmp0(exporter->file, file) != 0)
		set_file(exporter, file);
	if (g_strcmp0(exporter->listen, listen) != 0) {
		exporter_listen_stop(exporter);
		g_free(exporter->listen);
		exporter->listen = g_strdup(listen);
		exporter->listen_fails = false;
		exporter_listen_start(exporter);
	}
}
