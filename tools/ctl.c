/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See ctl.h. */
#include "tools/ctl.h"

#include <errno.h>
#include <glib.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "dbus/names.h"

#define CONNECT_SECONDS 10
/* From when the daemon gives up until its answer is here. */
#define ANSWER_USEC 10000000

enum ctl_status ctl_fail(enum ctl_status status, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	(void)fflush(stdout);
	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	/* One line, whatever words of others are in it. */
	for (char *c = text; *c != '\0'; c++) {
		if (g_ascii_iscntrl(*c))
			*c = '?';
	}
	fprintf(stderr, "nat64ctl: %s\n", text);
	return status;
}

void ctl_print_json(json_t *document)
{
	(void)json_dumpf(document, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	putchar('\n');
	json_decref(document);
}

enum ctl_status ctl_bad_reply(int r)
{
	return ctl_fail(CTL_FAILED, "the daemon's reply can not be read: %s", g_strerror(-r));
}

void ctl_deinit(struct ctl *ctl)
{
	sd_bus_flush_close_unref(ctl->bus);
	ctl_agent_end(&ctl->agent);
	g_free(ctl->service);
	g_free(ctl->refusal);
	g_clear_pointer(&ctl->pool4_names, g_hash_table_unref);
}

static char *default_socket(const struct ctl *ctl)
{
	if (ctl->instance == NULL)
		return g_strdup(DBUS_CONTROL_SOCKET);
	return g_strdup_printf("/run/nat64d/%s/control", ctl->instance);
}

/* Connects to the control socket. */
static int open_socket(const char *path, sd_bus **ret)
{
	static const struct timeval patience = {.tv_sec = CONNECT_SECONDS};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	sd_bus *bus = NULL;
	int fd, r;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* connect() waits while the daemon has no place for more. */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	r = sd_bus_new(&bus);
	if (r < 0) {
		close(fd);
		return r;
	}
	r = sd_bus_set_fd(bus, fd, fd);
	if (r < 0)
		close(fd);
	else
		r = sd_bus_start(bus);
	if (r < 0) {
		sd_bus_unref(bus);
		return r;
	}
	*ret = bus;
	return 0;
}

static int open_bus(const char *address, sd_bus **ret)
{
	sd_bus *bus = NULL;
	int r;

	if (address == NULL)
		return sd_bus_open_system(ret);
	r = sd_bus_new(&bus);
	if (r < 0)
		return r;
	r = sd_bus_set_address(bus, address);
	if (r >= 0)
		r = sd_bus_set_bus_client(bus, true);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r < 0) {
		sd_bus_unref(bus);
		return r;
	}
	*ret = bus;
	return 0;
}

/* Does anybody own the service's name there? */
static bool has_service(sd_bus *bus, const char *service)
{
	__attribute__((cleanup(sd_bus_message_unrefp))) sd_bus_message *reply = NULL;
	int owned = 0;

	if (sd_bus_call_method(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
			       "org.freedesktop.DBus", "NameHasOwner", NULL, &reply, "s",
			       service) < 0)
		return false;
	return sd_bus_message_read(reply, "b", &owned) >= 0 && owned;
}

static enum ctl_status socket_failed(const char *path, int r)
{
	if (r == -EACCES || r == -EPERM)
		return ctl_fail(CTL_NOT_AUTHORISED,
				"%s: only root and group " DBUS_ADMIN_GROUP " may connect", path);
	if (r == -EAGAIN)
		return ctl_fail(CTL_NOT_RUNNING,
				"%s: nat64d does not answer: too many others are connected, or it "
				"hangs",
				path);
	return ctl_fail(CTL_NOT_RUNNING, "nat64d is not running: %s: %s", path, g_strerror(-r));
}

/* As --bus or --socket say; without them the system bus, then the control socket. */
static enum ctl_status open_any(struct ctl *ctl)
{
	g_autofree char *path = default_socket(ctl);
	int r_bus, r;

	if (ctl->socket_path != NULL) {
		r = open_socket(ctl->socket_path, &ctl->bus);
		return r < 0 ? socket_failed(ctl->socket_path, r) : CTL_DONE;
	}
	r_bus = open_bus(ctl->bus_address, &ctl->bus);
	if (r_bus >= 0 && has_service(ctl->bus, ctl->service))
		return CTL_DONE;
	ctl->bus = sd_bus_flush_close_unref(ctl->bus);
	if (ctl->bus_address != NULL)
		return ctl_fail(CTL_NOT_RUNNING, "nat64d is not running: %s: %s", ctl->bus_address,
				r_bus < 0 ? g_strerror(-r_bus) : "nobody owns its name");
	r = open_socket(path, &ctl->bus);
	if (r == -EACCES || r == -EPERM)
		return socket_failed(path, r);
	if (r < 0)
		return ctl_fail(
			CTL_NOT_RUNNING,
			"nat64d is not running: neither %s on the system bus nor %s answers; "
			"'systemctl start nat64d' would start it",
			ctl->service, path);
	return CTL_DONE;
}

/* Polkit may ask somebody at a terminal for his password, which takes a while. Root is not asked,
 * nor anybody on the control socket; and not while words are completed. */
static void set_patience(struct ctl *ctl)
{
	uint64_t usec = ctl->patience_usec;

	ctl->asks = usec == 0 && geteuid() != 0 && sd_bus_is_bus_client(ctl->bus) > 0 &&
		    isatty(STDIN_FILENO);
	if (ctl->asks)
		usec = DBUS_PASSWORD_USEC + ANSWER_USEC;
	(void)sd_bus_set_method_call_timeout(ctl->bus, usec);
}

enum ctl_status ctl_call_new(struct ctl *ctl, const char *interface, const char *method,
			     sd_bus_message **ret)
{
	return ctl_call_new_at(ctl, DBUS_PATH, interface, method, ret);
}

enum ctl_status ctl_call_new_at(struct ctl *ctl, const char *path, const char *interface,
				const char *method, sd_bus_message **ret)
{
	enum ctl_status status;
	int r;

	if (ctl->service == NULL)
		ctl->service = ctl->instance != NULL
				       ? g_strdup_printf("%s.%s", DBUS_SERVICE, ctl->instance)
				       : g_strdup(DBUS_SERVICE);
	if (ctl->bus == NULL) {
		status = open_any(ctl);
		if (status != CTL_DONE)
			return status;
		set_patience(ctl);
	}
	r = sd_bus_message_new_method_call(ctl->bus, ret, ctl->service, path, interface, method);
	if (r >= 0)
		r = sd_bus_message_set_auto_start(*ret, false);
	if (r >= 0 && ctl->asks && ctl_agent_is_for(method))
		ctl_agent_begin(&ctl->agent);
	if (r >= 0 && ctl->asks)
		r = sd_bus_message_set_allow_interactive_authorization(*ret, true);
	if (r < 0)
		return ctl_fail(CTL_FAILED, "%s: %s", method, g_strerror(-r));
	return CTL_DONE;
}

static enum ctl_status status_of_error(const sd_bus_error *error)
{
	if (sd_bus_error_has_name(error, SD_BUS_ERROR_ACCESS_DENIED) ||
	    sd_bus_error_has_name(error, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED))
		return CTL_NOT_AUTHORISED;
	if (sd_bus_error_has_name(error, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
	    sd_bus_error_has_name(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER) ||
	    sd_bus_error_has_name(error, SD_BUS_ERROR_NO_REPLY) ||
	    sd_bus_error_has_name(error, SD_BUS_ERROR_DISCONNECTED))
		return CTL_NOT_RUNNING;
	if (sd_bus_error_has_name(error, DBUS_ERROR_NO_SUCH_POOL4) ||
	    sd_bus_error_has_name(error, DBUS_ERROR_NO_SUCH_BIB) ||
	    sd_bus_error_has_name(error, DBUS_ERROR_NO_SUCH_CLIENT) ||
	    sd_bus_error_has_name(error, DBUS_ERROR_INVALID_KEY))
		return CTL_NO_SUCH;
	return CTL_FAILED;
}

enum ctl_status ctl_call_quietly(struct ctl *ctl, sd_bus_message *call, sd_bus_message **ret_reply)
{
	__attribute__((cleanup(sd_bus_error_free))) sd_bus_error error = SD_BUS_ERROR_NULL;
	int r = sd_bus_call(ctl->bus, call, 0, &error, ret_reply);

	if (r >= 0)
		return CTL_DONE;
	g_clear_pointer(&ctl->refusal, g_free);
	ctl->is_off = sd_bus_error_has_name(&error, SD_BUS_ERROR_NOT_SUPPORTED);
	if (r == -ECONNRESET || r == -ENOTCONN || r == -EPIPE) {
		ctl->refusal = g_strdup("nat64d hung up");
		return CTL_NOT_RUNNING;
	}
	ctl->refusal = g_strdup(error.message != NULL ? error.message : g_strerror(-r));
	return status_of_error(&error);
}

enum ctl_status ctl_call(struct ctl *ctl, sd_bus_message *call, sd_bus_message **ret_reply)
{
	enum ctl_status status = ctl_call_quietly(ctl, call, ret_reply);

	return status == CTL_DONE ? CTL_DONE : ctl_fail(status, "%s", ctl->refusal);
}

enum ctl_status ctl_call_plain(struct ctl *ctl, const char *method, sd_bus_message **ret_reply)
{
	__attribute__((cleanup(sd_bus_message_unrefp))) sd_bus_message *call = NULL;
	enum ctl_status status = ctl_call_new(ctl, DBUS_INTERFACE_MANAGER, method, &call);

	return status != CTL_DONE ? status : ctl_call(ctl, call, ret_reply);
}

enum ctl_status ctl_get_property(struct ctl *ctl, const char *name, sd_bus_message **ret_reply)
{
	__attribute__((cleanup(sd_bus_message_unrefp))) sd_bus_message *call = NULL;
	enum ctl_status status = ctl_call_new(ctl, "org.freedesktop.DBus.Properties", "Get", &call);
	int r;

	if (status != CTL_DONE)
		return status;
	r = sd_bus_message_append(call, "ss", DBUS_INTERFACE_MANAGER, name);
	return r < 0 ? ctl_fail(CTL_FAILED, "%s: %s", name, g_strerror(-r))
		     : ctl_call(ctl, call, ret_reply);
}
