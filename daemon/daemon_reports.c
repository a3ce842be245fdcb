/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/daemon_reports.h"

#include <errno.h>

#include "daemon/core/nat64.h"

/* The queue of events holds EVENT_QUEUE_MAX: 80 000 a second with this, if the disk can take them.
 */
#define OFTEN_USEC 50000

static int on_often(sd_event_source *source, uint64_t usec, void *userdata)
{
	daemon_reports_drain(userdata);
	return sd_event_source_set_time_relative(source, OFTEN_USEC);
}

int daemon_reports_start(struct daemon_reports *reports, struct gateway *gateway,
			 struct event_report *events, sd_event *event, const struct config *config)
{
	int r;

	reports->gateway = gateway;
	reports->events = events;
	reports->log = event_log_new();
	reports->maps = map_log_new(gateway, reports->log);
	r = exporter_new(gateway, event, &reports->exporter);
	if (r >= 0)
		r = sd_event_add_time_relative(event, &reports->often, CLOCK_MONOTONIC, OFTEN_USEC,
					       0, on_often, reports);
	if (r < 0)
		return r;
	daemon_reports_set(reports, config);
	return 0;
}

void daemon_reports_publish(struct daemon_reports *reports, const struct config *config,
			    bool succeeds)
{
	reports->is_public = true;
	if (succeeds)
		exporter_succeed(reports->exporter);
	exporter_set(reports->exporter, config->metrics.file, config->metrics.listen);
	daemon_reports_look(reports);
}

void daemon_reports_set(struct daemon_reports *reports, const struct config *config)
{
	struct event_queue *queue;

	if (reports->log == NULL)
		return;
	/* What has happened by now goes where it was to go. */
	daemon_reports_drain(reports);
	event_log_set(reports->log, &config->log);
	if (reports->is_public)
		exporter_set(reports->exporter, config->metrics.file, config->metrics.listen);
	/* One or the other: a session names its binding, too (L-7). */
	gateway_lock(reports->gateway);
	queue = &reports->gateway->nat->events;
	queue->want_sessions = config->log.bindings && config->log.destinations;
	queue->want_bindings = config->log.bindings && !config->log.destinations;
	gateway_unlock(reports->gateway);
	(void)sd_event_source_set_time_relative(reports->often, OFTEN_USEC);
	(void)sd_event_source_set_enabled(reports->often,
					  config->log.bindings ? SD_EVENT_ON : SD_EVENT_OFF);
}

void daemon_reports_event(struct daemon_reports *reports, const struct event *event,
			  const char *pool4)
{
	uint64_t now_ms = gateway_now_ms();
	uint64_t ago_ms = now_ms > event->time_ms ? now_ms - event->time_ms : 0;
	uint64_t wall_usec = (uint64_t)g_get_real_time();

	if (reports->log != NULL)
		event_log_write(reports->log, event, pool4,
				wall_usec - MIN(ago_ms * 1000, wall_usec));
}

/* Before they are all there nothing is written: the first look is. */
void daemon_reports_pool4(struct daemon_reports *reports, uint32_t id)
{
	if (reports->is_public)
		map_log_look(reports->maps, id);
}

void daemon_reports_look(struct daemon_reports *reports)
{
	if (reports->is_public)
		map_log_look_all(reports->maps, gateway_now_ms());
}

void daemon_reports_drain(struct daemon_reports *reports)
{
	event_report_drain(reports->events);
	event_log_flush(reports->log, gateway_now_ms());
}

void daemon_reports_end(struct daemon_reports *reports)
{
	map_log_free(reports->maps);
	event_log_free(reports->log);
	exporter_free(reports->exporter);
	sd_event_source_disable_unref(reports->often);
	*reports = (struct daemon_reports){.log = NULL};
}
