/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A pipe or socket pair whose writing end is handed to the service, and what came out of it. */
#pragma once

#include "tests/bus_clients.h"

enum reader_kind { READER_PIPE, READER_SOCKET, N_READER_KINDS };

struct reader {
	int fd;        /* to read from */
	int other;     /* to write to, until it has been handed over */
	GString *text; /* read so far */
};

void reader_open(struct reader *reader, enum reader_kind kind);
void reader_close(struct reader *reader);
/* The writing end is closed: the service has its own. */
void reader_handed_over(struct reader *reader);

/* Once there is something: 64 KiB of it at most. False at the end. */
bool reader_read_some(struct reader *reader);
/* Reads until the other end is closed; fails if that does not come in time. */
void reader_read_all(struct reader *reader);
/* Reads until text stands there, which must come. */
void reader_read_until(struct reader *reader, const char *text);
/* How many lines there are; all are whole. */
unsigned reader_n_lines(const struct reader *reader);
