/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The exporter's two halves: exporter.c makes the text and the file, exporter_listen.c answers. */
#pragma once

#include <glib.h>
#include <sys/stat.h>

#include "dbus/exporter.h"

struct aside;
struct exporter_connection;
struct exporter_file;

struct exporter {
	struct gateway *gateway;
	sd_event *event;
	sd_event_source *tick;
	unsigned n_ticks; /* since the file was written */
	char *file;
	struct exporter_file *writing; /* NULL: no file is wanted */
	struct aside *aside;           /* its thread */
	bool file_fails;
	/* The last text, and when it was made (CLOCK_BOOTTIME); 0 = never. */
	GString *text;
	uint64_t text_ms;
	/* exporter_listen.c */
	char *listen;
	int fd; /* -1: it could not be had yet, or is not wanted */
	bool listen_fails;
	unsigned n_patient; /* so many times its address may be in use, by whom we take over from */
	struct stat
		path; /* of a socket in the file system, as we made it; st_ino 0: there is none */
	sd_event_source *accept;
	struct exporter_connection *first;
	unsigned n_connections;
};

/* No older than a second. */
const GString *exporter_text(struct exporter *exporter);

/* Opens what is wanted and is not open. */
void exporter_listen_start(struct exporter *exporter);
/* Closes it, and whoever talks to it. */
void exporter_listen_stop(struct exporter *exporter);
