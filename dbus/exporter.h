/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Metrics for who does not speak D-Bus: a file that is written anew every fifteen seconds
 * (Metrics.File), and a socket on which "GET /metrics" is answered (Metrics.Listen).
 *
 * Both are read-only, and show what D-Bus shows to everyone. What fails is logged once, tried
 * again, and logged once more when it works; translation does not depend on any of it. Strangers
 * may talk to the socket: there are bounds on how many do, how much they say, and for how long, and
 * the text is made no more than once a second.
 *
 * Control thread only.
 */
#pragma once

#include <systemd/sd-event.h>

#include "daemon/gateway.h"

#define EXPORTER_CONNECTIONS_MAX 16
#define EXPORTER_REQUEST_MAX     4096
#define EXPORTER_PATIENCE_USEC   10000000 /* for a whole exchange */
#define EXPORTER_FILE_SECONDS    15
#define EXPORTER_SUCCEED_USEC    5000000

struct exporter;

int exporter_new(struct gateway *gateway, sd_event *event, struct exporter **ret);
void exporter_free(struct exporter *exporter);

/* Before exporter_set(), of who takes over: an address may be in use for so long, and nothing is
 * said of it. */
void exporter_succeed(struct exporter *exporter);
/* Either may be NULL: none. listen: a path, or an address and port as in "127.0.0.1:9464",
 * "[::1]:9464". They are copied; what stays as it was goes on. */
void exporter_set(struct exporter *exporter, const char *file, const char *listen);
