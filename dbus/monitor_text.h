/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What Monitor tells, a JSON object in each line, and whether a filter lets it through. Members are
 * those of the journal (INTERFACE, section 8) in small letters; org.nat64d1.xml lists them.
 */
#pragma once

#include "daemon/core/nat64.h"
#include "dbus/list_filter.h"

#define MONITOR_TEXT_MAX 1024

/* Each writes a line with its end into ret, MONITOR_TEXT_MAX bytes, and returns its length. offset:
 * manager_realtime_offset(); pool4: the name of the event's entry, or "". */
size_t monitor_text_event(const struct event *event, const char *pool4, uint64_t offset, char *ret);
size_t monitor_text_drop(const struct watch_drop *drop, uint64_t offset, char *ret);
/* So many could not be told. */
size_t monitor_text_lost(uint64_t n_lost, char *ret);

/* filter is resolved, and names no state. */
bool monitor_wants_event(const struct list_filter *filter, const struct event *event);
/* Of a packet only what it says itself is known: one from the IPv4 side has no client. */
bool monitor_wants_drop(const struct list_filter *filter, const struct watch_drop *drop);

/* "2026-01-31T12:00:00.250Z" of a time of the core; returns the end. */
char *monitor_text_time(char *at, uint64_t core_ms, uint64_t offset);
/* ,"protocol":"udp","source":"[2001:db8::5]:2000","destination":"..." as far as it is known */
char *monitor_text_packet(char *at, const struct noted_packet *packet);
/* The protocol of a packet, or N_PROTOCOLS. */
enum protocol monitor_packet_protocol(const struct noted_packet *packet);
