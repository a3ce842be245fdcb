/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which of the daemon's threads is this? By it a thread finds what it has for itself where all have
 * the same.
 */
#pragma once

/* The control thread, and packet threads. */
#define THREADS_MAX 33

/* 0 .. THREADS_MAX - 1, once, before anything is looked for. A thread that has never said so has
 * number 0, that of the control thread. */
void thread_number_set(unsigned number);
unsigned thread_number(void);
