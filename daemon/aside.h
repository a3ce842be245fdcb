/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Work on a file whose disk may hang: a thread of its own does one piece after the other, and who
 * has it done is back after a bounded time, done or not. The control thread has no other way to
 * write files: it feeds the watchdog.
 */
#pragma once

#include <stdbool.h>

struct aside;

/* data is the work's alone while a piece is under way, and is given to free_data when the last of
 * it is over. */
struct aside *aside_new(void *data, void (*free_data)(void *data));
/* Does not wait: what is under way is left to itself, and ends when its disk lets it. */
void aside_free(struct aside *aside);

/* work(data). True when it is done; false if it is still under way after limit_ms, or could not be
 * begun for want of a thread. Nothing may be under way. */
bool aside_do(struct aside *aside, void (*work)(void *data), unsigned limit_ms);
/* Does not wait. */
bool aside_is_busy(struct aside *aside);
/* Waits until nothing is under way: for limit_ms at most. */
bool aside_wait(struct aside *aside, unsigned limit_ms);
