/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/bench_rows.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define N_CLOCK_READINGS 10000

static unsigned n_failed;

double bench_cpu_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int compare_figures(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

double bench_quantile(double *figures, size_t n, double share)
{
	size_t at = (size_t)(share * (double)(n - 1) + 0.5);

	qsort(figures, n, sizeof(*figures), compare_figures);
	return figures[at];
}

double bench_clock_ns(void)
{
	static double clock_ns = -1;
	static double ns[N_CLOCK_READINGS];

	if (clock_ns >= 0)
		return clock_ns;
	for (size_t i = 0; i < N_CLOCK_READINGS; i++) {
		ns[i] = bench_cpu_ns();
		ns[i] = bench_cpu_ns() - ns[i];
	}
	clock_ns = bench_quantile(ns, N_CLOCK_READINGS, 0.5);
	return clock_ns;
}

/* As many digits as the size of the figure makes worth reading. */
static void print_figure(char *ret, size_t size, double figure, const char *unit)
{
	int digits = figure >= 100 ? 0 : figure >= 10 ? 1 : 2;

	snprintf(ret, size, "%.*f %s", figure == (double)(long)figure ? 0 : digits, figure, unit);
}

void bench_section(const char *title)
{
	printf("\n%s\n", title);
}

void bench_show(const char *title, double figure, const char *unit)
{
	char text[64];

	print_figure(text, sizeof(text), figure, unit);
	printf("  %-58s %12s\n", title, text);
	fflush(stdout);
}

void bench_at_most(const char *title, double figure, const char *unit, double bar)
{
	bool holds = figure <= bar;
	char text[2][64];

	print_figure(text[0], sizeof(text[0]), figure, unit);
	print_figure(text[1], sizeof(text[1]), bar, unit);
	printf("  %-58s %12s  at most %10s  %s\n", title, text[0], text[1],
	       holds ? "holds" : "FAILS");
	fflush(stdout);
	n_failed += !holds;
}

unsigned bench_n_failed(void)
{
	return n_failed;
}

size_t bench_resident(void)
{
	FILE *statm = fopen("/proc/self/statm", "r");
	unsigned long size = 0, resident = 0;

	if (!statm || fscanf(statm, "%lu %lu", &size, &resident) != 2)
		resident = 0;
	if (statm)
		fclose(statm);
	return resident * (size_t)sysconf(_SC_PAGESIZE);
}

void bench_come_first(void)
{
	const struct sched_param first = {.sched_priority = 2};

	(void)sched_setscheduler(0, SCHED_FIFO, &first); /* not without privileges */
}
