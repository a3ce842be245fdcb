/* SPDX-License-Identifier: GPL-2.0-or-later */
/* O-12: a successor knows whether the running one still waits for it, before it touches what is the
 * host's. */
#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/handover.h"
#include "daemon/handover_message.h"

struct running {
	char *directory;
	char *path;
	int listening_fd;
	int fd; /* of the one that asks */
	struct handover_peer *peer;
};

static void begin(struct running *running)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	*running = (struct running){.fd = -1};
	running->directory = g_dir_make_tmp("handover-XXXXXX", NULL);
	g_assert_nonnull(running->directory);
	running->path = g_build_filename(running->directory, "handover", NULL);
	g_strlcpy(address.sun_path, running->path, sizeof(address.sun_path));
	running->listening_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	g_assert_cmpint(running->listening_fd, >=, 0);
	g_assert_cmpint(
		bind(running->listening_fd, (const struct sockaddr *)&address, sizeof(address)), ==,
		0);
	g_assert_cmpint(listen(running->listening_fd, 1), ==, 0);
}

static void end(struct running *running)
{
	handover_peer_free(running->peer);
	if (running->fd >= 0)
		(void)close(running->fd);
	(void)close(running->listening_fd);
	(void)g_unlink(running->path);
	(void)g_rmdir(running->directory);
	g_free(running->path);
	g_free(running->directory);
}

static void say(struct running *running, enum handover_type type)
{
	struct handover_message message = handover_message(type);

	g_assert_cmpint(handover_send(running->fd, &message, NULL), ==, 0);
}

static void leave(struct running *running)
{
	(void)close(running->fd);
	running->fd = -1;
}

static void *answer(void *context)
{
	struct running *running = context;

	running->fd = accept4(running->listening_fd, NULL, NULL, SOCK_CLOEXEC);
	g_assert_cmpint(running->fd, >=, 0);
	say(running, HANDOVER_READY);
	return NULL;
}

static void ask(struct running *running)
{
	GThread *thread = g_thread_new("running", answer, running);
	struct handover_message asked;
	struct descriptors descriptors;
	char text[HANDOVER_TEXT_SIZE];

	g_assert_cmpint(handover_ask(running->path, 1, &running->peer, &descriptors, text), ==, 0);
	g_thread_join(thread);
	descriptors_close(&descriptors);
	g_assert_cmpint(handover_receive(running->fd, &asked, &descriptors), ==, 0);
	g_assert_cmpuint(asked.type, ==, HANDOVER_ASK);
	descriptors_close(&descriptors);
	/* As long as it says nothing more it waits, however often it is asked. */
	for (unsigned i = 0; i < 2; i++)
		g_assert_cmpint(handover_check(running->peer, text), ==, 0);
}

static void expect(struct running *running, int error, const char *words)
{
	char text[HANDOVER_TEXT_SIZE] = "";

	g_assert_cmpint(handover_check(running->peer, text), ==, error);
	g_assert_nonnull(strstr(text, words));
}

static void test_goes_on(void)
{
	struct running running;

	begin(&running);
	ask(&running);
	say(&running, HANDOVER_LATE);
	leave(&running);
	expect(&running, -ETIME, "has gone on by itself");
	end(&running);
}

/* Nobody goes on then: the tables are asked for, and that tells it again. */
static void test_dies(void)
{
	char text[HANDOVER_TEXT_SIZE] = "";
	struct running running;
	int fd = -1;

	begin(&running);
	ask(&running);
	leave(&running);
	expect(&running, -ECONNRESET, "has gone");
	g_assert_cmpint(handover_take(running.peer, &fd, text), ==, -ECONNRESET);
	g_assert_cmpint(fd, ==, -1);
	end(&running);
}

/* What is not to come now is no leave to go on. */
static void test_nonsense(void)
{
	struct running running;

	begin(&running);
	ask(&running);
	g_assert_cmpint(send(running.fd, "n64hand", 7, 0), ==, 7);
	expect(&running, -EBADMSG, "can not be understood");
	say(&running, HANDOVER_TABLES);
	expect(&running, -EPROTO, "makes no sense");
	end(&running);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/handover_peer/goes-on", test_goes_on);
	g_test_add_func("/handover_peer/dies", test_dies);
	g_test_add_func("/handover_peer/nonsense", test_nonsense);
	return g_test_run();
}
