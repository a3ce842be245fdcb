/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Time that moves when a test says so, for the thread that writes the state: link with
 * -Wl,--wrap=poll,--wrap=gateway_now_ms,--wrap=store_clock_read. That thread sleeps in poll(),
 * until it is let go; all clocks then are on by what it wanted to sleep.
 */
#pragma once

#include <stdint.h>

/* In both clocks, and in which boot. */
void fake_time_set(uint64_t boot_ms, uint64_t wall_ms, const char *boot_id);
/* Before a thread that has not slept yet. */
void fake_time_begin(void);
uint64_t fake_time_now_ms(void);
void fake_time_advance(uint64_t ms);
/* The wall clock alone; forwards or backwards. */
void fake_time_step_wall(int64_t ms);

/* Until the thread sleeps: for how long it wants to, in ms. */
int fake_time_wait(void);
/* Its sleep is over: what it wants to sleep next. */
int fake_time_step(void);
/* The same, without waiting until it sleeps again. */
void fake_time_go(void);
