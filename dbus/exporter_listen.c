/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The exporter's socket: as much of HTTP/1.1 (RFC 9112) as a scraper needs. A request is read to
 * the end of its headers, answered with the text and "Connection: close", and that is all; nothing
 * in the headers matters here. See exporter.h.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/core/addr.h"
#include "daemon/log.h"
#include "dbus/exporter_internal.h"
#include "dbus/local_socket.h"

#define BACKLOG  16
#define TYPE     "application/openmetrics-text; version=1.0.0; charset=utf-8"
#define PATH     "/metrics"
#define ACCURACY 100000

struct exporter_connection {
	struct exporter_connection *next;
	struct exporter *exporter;
	int fd;
	sd_event_source *io, *patience;
	char request[EXPORTER_REQUEST_MAX + 1];
	size_t n_read;
	GString *answer; /* NULL: it is still asked */
	size_t n_sent;
};

static void connection_free(struct exporter_connection *connection)
{
	struct exporter *exporter = connection->exporter;
	struct exporter_connection **link = &exporter->first;

	while (*link != connection)
		link = &(*link)->next;
	*link = connection->next;
	exporter->n_connections--;
	sd_event_source_disable_unref(connection->io);
	sd_event_source_disable_unref(connection->patience);
	(void)close(connection->fd);
	if (connection->answer != NULL)
		g_string_free(connection->answer, TRUE);
	g_free(connection);
}

static int on_patience(sd_event_source *source, uint64_t usec, void *userdata)
{
	connection_free(userdata);
	return 0;
}

static void answer(struct exporter_connection *connection, const char *status, const char *type,
		   const char *text, size_t size, bool with_text)
{
	connection->answer = g_string_new(NULL);
	g_string_printf(connection->answer,
			"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
			"Connection: close\r\n\r\n",
			status, type, size);
	if (with_text)
		g_string_append_len(connection->answer, text, (gssize)size);
}

static void refuse(struct exporter_connection *connection, const char *status)
{
	g_autofree char *text = g_strdup_printf("%s: the metrics are at %s\n", status, PATH);

	answer(connection, status, "text/plain", text, strlen(text), true);
}

/* "GET /metrics HTTP/1.1", perhaps with a question behind the path. */
static void decide(struct exporter_connection *connection)
{
	g_autofree char *line =
		g_strndup(connection->request, strcspn(connection->request, "\r\n"));
	g_auto(GStrv) words = g_strsplit(line, " ", -1);
	bool is_head = words[0] != NULL && strcmp(words[0], "HEAD") == 0;
	const GString *text;

	if (g_strv_length(words) != 3 || !g_str_has_prefix(words[2], "HTTP/1.")) {
		refuse(connection, "400 Bad Request");
	} else if (!is_head && strcmp(words[0], "GET") != 0) {
		refuse(connection, "405 Method Not Allowed");
	} else if (strncmp(words[1], PATH, strlen(PATH)) != 0 ||
		   strchr("?", words[1][strlen(PATH)]) == NULL) {
		refuse(connection, "404 Not Found");
	} else {
		text = exporter_text(connection->exporter);
		answer(connection, "200 OK", TYPE, text->str, text->len, !is_head);
	}
}

/* False: it is at its end. */
static bool read_more(struct exporter_connection *connection)
{
	ssize_t n = recv(connection->fd, connection->request + connection->n_read,
			 EXPORTER_REQUEST_MAX - connection->n_read, MSG_DONTWAIT);

	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	connection->n_read += (size_t)n;
	connection->request[connection->n_read] = '\0';
	if (memchr(connection->request, '\0', connection->n_read) != NULL)
		refuse(connection, "400 Bad Request");
	else if (strstr(connection->request, "\r\n\r\n") != NULL ||
		 strstr(connection->request, "\n\n") != NULL)
		decide(connection);
	else if (connection->n_read == EXPORTER_REQUEST_MAX)
		refuse(connection, "431 Request Header Fields Too Large");
	return true;
}

/* The same. */
static bool send_more(struct exporter_connection *connection)
{
	const GString *text = connection->answer;
	ssize_t n = send(connection->fd, text->str + connection->n_sent,
			 text->len - connection->n_sent, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	connection->n_sent += (size_t)n;
	return connection->n_sent < text->len;
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct exporter_connection *connection = userdata;
	bool goes_on = connection->answer == NULL ? read_more(connection) : send_more(connection);

	if (goes_on && connection->answer != NULL)
		goes_on = sd_event_source_set_io_events(source, EPOLLOUT) >= 0;
	if (!goes_on)
		connection_free(connection);
	return 0;
}

static int on_accept(sd_event_source *source, int listening, uint32_t events, void *userdata)
{
	struct exporter *exporter = userdata;
	struct exporter_connection *connection;
	int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return 0;
	if (exporter->n_connections == EXPORTER_CONNECTIONS_MAX) {
		(void)close(fd);
		return 0;
	}
	connection = g_new0(struct exporter_connection, 1);
	connection->exporter = exporter;
	connection->fd = fd;
	connection->next = exporter->first;
	exporter->first = connection;
	exporter->n_connections++;
	if (sd_event_add_io(exporter->event, &connection->io, fd, EPOLLIN, on_io, connection) < 0 ||
	    sd_event_add_time_relative(exporter->event, &connection->patience, CLOCK_MONOTONIC,
				       EXPORTER_PATIENCE_USEC, ACCURACY, on_patience,
				       connection) < 0)
		connection_free(connection);
	return 0;
}

/* A name in the file system. -errno */
static int bind_path(struct exporter *exporter, int fd)
{
	int r = local_socket_bind(fd, exporter->listen);

	if (r < 0)
		return r;
	/* As open as what D-Bus shows. */
	if (chmod(exporter->listen, 0666) < 0 || stat(exporter->listen, &exporter->path) < 0)
		return -errno;
	return 0;
}

static int bind_address(const char *text, int *ret)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	struct sockaddr_in in4 = {.sin_family = AF_INET};
	const int on = 1;
	struct taddr6 taddr6;
	struct taddr4 taddr4;
	bool is4 = taddr4_parse(text, &taddr4);

	if (!is4 && !taddr6_parse(text, &taddr6))
		return -EINVAL;
	*ret = socket(is4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*ret < 0)
		return -errno;
	(void)setsockopt(*ret, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* No SO_REUSEPORT: two daemons with the same Metrics.Listen would share its scrapes, and
	 * nobody would know. Who takes over tries again until the one before has ended. */
	if (is4) {
		in4.sin_addr.s_addr = htonl(taddr4.addr);
		in4.sin_port = htons(taddr4.port);
		return bind(*ret, (const struct sockaddr *)&in4, sizeof(in4)) < 0 ? -errno : 0;
	}
	(void)setsockopt(*ret, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	memcpy(&in6.sin6_addr, taddr6.addr.byte, sizeof(in6.sin6_addr));
	in6.sin6_port = htons(taddr6.port);
	return bind(*ret, (const struct sockaddr *)&in6, sizeof(in6)) < 0 ? -errno : 0;
}

static int open_socket(struct exporter *exporter)
{
	int fd = -1, r;

	if (exporter->listen[0] == '/') {
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		r = fd < 0 ? -errno : bind_path(exporter, fd);
	} else {
		r = bind_address(exporter->listen, &fd);
	}
	if (r == 0 && listen(fd, BACKLOG) < 0)
		r = -errno;
	if (r == 0)
		r = sd_event_add_io(exporter->event, &exporter->accept, fd, EPOLLIN, on_accept,
				    exporter);
	if (r < 0) {
		if (fd >= 0)
			(void)close(fd);
		return r;
	}
	exporter->fd = fd;
	return 0;
}

void exporter_listen_start(struct exporter *exporter)
{
	int r;

	if (exporter->listen == NULL || exporter->fd >= 0) {
		exporter->n_patient = 0;
		return;
	}
	r = open_socket(exporter);
	if (r == -EADDRINUSE && exporter->n_patient > 0)
		return;
	exporter->n_patient = 0;
	if (r < 0 && !exporter->listen_fails)
		log_line(LOG_WARNING,
			 "Metrics.Listen: nobody can be listened to at %s: %s; it is "
			 "tried again",
			 exporter->listen, strerror(-r));
	else if (r == 0 && exporter->listen_fails)
		log_line(LOG_NOTICE, "Metrics.Listen: metrics can be read at %s now",
			 exporter->listen);
	exporter->listen_fails = r < 0;
}

void exporter_listen_stop(struct exporter *exporter)
{
	struct stat now;

	while (exporter->first != NULL)
		connection_free(exporter->first);
	exporter->accept = sd_event_source_disable_unref(exporter->accept);
	/* Another daemon may have put its own in this place. Before nobody listens any more: until
	 * then nobody else does. */
	if (exporter->path.st_ino != 0 && stat(exporter->listen, &now) == 0 &&
	    now.st_ino == exporter->path.st_ino && now.st_dev == exporter->path.st_dev)
		(void)unlink(exporter->listen);
	exporter->path.st_ino = 0;
	if (exporter->fd >= 0)
		(void)close(exporter->fd);
	exporter->fd = -1;
}
