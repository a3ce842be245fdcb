/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fake_time.h"

#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "schema/store.h"

int __real_poll(struct pollfd *fds, nfds_t n_fds, int timeout_ms);
int __wrap_poll(struct pollfd *fds, nfds_t n_fds, int timeout_ms);
uint64_t __wrap_gateway_now_ms(void);
void __wrap_store_clock_read(struct store_clock *ret);

static GMutex lock;
static GCond changed;
static struct store_clock now;
static int go_fd = -1;
static unsigned n_sleeps; /* that have begun */
static unsigned n_gone;   /* that were ended */
static int wanted_ms;     /* by the last of them */
static int wake_fd = -1;  /* that it sleeps at */

void fake_time_set(uint64_t boot_ms, uint64_t wall_ms, const char *boot_id)
{
	g_mutex_lock(&lock);
	now = (struct store_clock){.boot_ms = boot_ms, .wall_ms = wall_ms};
	(void)g_strlcpy(now.boot_id, boot_id, sizeof(now.boot_id));
	g_mutex_unlock(&lock);
}

void fake_time_begin(void)
{
	g_mutex_lock(&lock);
	if (go_fd >= 0)
		(void)close(go_fd);
	go_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
	n_sleeps = n_gone = 0;
	g_mutex_unlock(&lock);
	g_assert_cmpint(go_fd, >=, 0);
}

uint64_t fake_time_now_ms(void)
{
	return __wrap_gateway_now_ms();
}

void fake_time_advance(uint64_t ms)
{
	g_mutex_lock(&lock);
	now.boot_ms += ms;
	now.wall_ms += ms;
	g_mutex_unlock(&lock);
}

void fake_time_step_wall(int64_t ms)
{
	g_mutex_lock(&lock);
	now.wall_ms += (uint64_t)ms;
	g_mutex_unlock(&lock);
}

uint64_t __wrap_gateway_now_ms(void)
{
	uint64_t ms;

	g_mutex_lock(&lock);
	ms = now.boot_ms;
	g_mutex_unlock(&lock);
	return ms;
}

void __wrap_store_clock_read(struct store_clock *ret)
{
	g_mutex_lock(&lock);
	*ret = now;
	g_mutex_unlock(&lock);
}

/* The only one who calls it sleeps, with a descriptor that wakes it. */
int __wrap_poll(struct pollfd *fds, nfds_t n_fds, int timeout_ms)
{
	struct pollfd both[2] = {fds[0], {.fd = go_fd, .events = POLLIN}};
	uint64_t one;
	int n;

	g_assert_cmpuint(n_fds, ==, 1);
	g_mutex_lock(&lock);
	n_sleeps++;
	wanted_ms = timeout_ms;
	wake_fd = fds[0].fd;
	g_cond_broadcast(&changed);
	g_mutex_unlock(&lock);
	do
		n = __real_poll(both, 2, -1);
	while (n < 0 && errno == EINTR);
	if (!both[1].revents) {
		g_mutex_lock(&lock);
		n_sleeps--; /* it will sleep again by itself */
		g_mutex_unlock(&lock);
		fds[0].revents = both[0].revents;
		return 1;
	}
	fds[0].revents = 0;
	g_assert_cmpint(read(go_fd, &one, sizeof(one)), ==, sizeof(one));
	return 0;
}

/* There is something that it has not seen yet. */
static bool is_to_wake(void)
{
	struct pollfd wake = {.fd = wake_fd, .events = POLLIN};

	return __real_poll(&wake, 1, 0) != 0;
}

int fake_time_wait(void)
{
	int ms;

	g_mutex_lock(&lock);
	while (n_sleeps <= n_gone || is_to_wake())
		g_cond_wait(&changed, &lock);
	ms = wanted_ms;
	g_mutex_unlock(&lock);
	return ms;
}

void fake_time_go(void)
{
	const uint64_t one = 1;

	fake_time_advance((uint64_t)fake_time_wait());
	g_mutex_lock(&lock);
	n_gone++;
	g_mutex_unlock(&lock);
	g_assert_cmpint(write(go_fd, &one, sizeof(one)), ==, sizeof(one));
}

int fake_time_step(void)
{
	fake_time_go();
	return fake_time_wait();
}
