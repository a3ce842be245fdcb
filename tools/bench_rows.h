/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rows of bench_pool4's table, and how its figures are measured. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* CPU time of this thread in ns. */
double bench_cpu_ns(void);
/* What reading it takes, in ns; measured at the first call. */
double bench_clock_ns(void);

/* Of n figures, which are sorted by it: the one that share of them do not exceed. */
double bench_quantile(double *figures, size_t n, double share);

/* A row of the table: a figure, and the most (least) that it may be. */
void bench_show(const char *title, double figure, const char *unit);
void bench_at_most(const char *title, double figure, const char *unit, double bar);
void bench_section(const char *title);

/* Rows whose bar did not hold. */
unsigned bench_n_failed(void);

/* Resident memory of the process, in bytes. */
size_t bench_resident(void);

/* Ahead of all else that the machine does, if that is permitted. */
void bench_come_first(void);
