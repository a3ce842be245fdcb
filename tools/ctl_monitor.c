/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat64ctl monitor and trace: what happens, line by line as the daemon writes it into a pipe, until
 * somebody ends it. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/core/outcome.h"
#include "dbus/names.h"
#include "tools/ctl_arguments.h"
#include "tools/ctl_pcapng.h"
#include "tools/ctl_time.h"

#define _cleanup_message_ __attribute__((cleanup(sd_bus_message_unrefp)))

#define PACKET_MAX 2048 /* bytes of one that the daemon tells */

struct lines {
	int fd;
	GString *text;     /* read, and not printed yet */
	uint64_t n_wanted; /* 0 = without end */
	uint64_t n_printed;
	/* One line for people. */
	void (*print)(const json_t *object);
	/* Of --pcap; NULL: none. */
	FILE *pcap;
	const char *pcap_path;
	GPtrArray *packets; /* json_t: of the line that comes next */
};

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "";
}

static json_int_t number_of(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

/* " name text", if the object has it. */
static void print_text(const json_t *object, const char *label, const char *name)
{
	if (json_object_get(object, name) != NULL)
		printf(" %s%s", label, text_of(object, name));
}

static void print_number(const json_t *object, const char *label, const char *name)
{
	if (json_object_get(object, name) != NULL)
		printf(" %s%" JSON_INTEGER_FORMAT, label, number_of(object, name));
}

static const char *sentence_of(const json_t *object)
{
	enum outcome outcome = outcome_parse(text_of(object, "outcome"));

	return outcome == N_OUTCOMES ? text_of(object, "outcome") : outcome_info(outcome)->sentence;
}

/* "udp [2001:db8::5]:2000 > 198.51.100.1:53: no free port in pool4" */
static void print_packet(const json_t *object)
{
	print_text(object, "", "protocol");
	print_text(object, "", "source");
	print_text(object, "> ", "destination");
	printf(": %s\n", sentence_of(object));
}

/* Bindings, sessions, blocks. */
static void print_mapping(const json_t *object)
{
	print_text(object, "", "protocol");
	if (json_object_get(object, "address6") != NULL)
		printf(" [%s]:%" JSON_INTEGER_FORMAT, text_of(object, "address6"),
		       number_of(object, "port6"));
	print_text(object, "", "client");
	printf(" %s:%" JSON_INTEGER_FORMAT, text_of(object, "address4"),
	       number_of(object, "port4"));
	if (json_object_get(object, "last_port4") != NULL)
		printf("-%" JSON_INTEGER_FORMAT, number_of(object, "last_port4"));
	if (json_object_get(object, "server") != NULL)
		printf(" with %s:%" JSON_INTEGER_FORMAT, text_of(object, "server"),
		       number_of(object, "server_port"));
	putchar('\n');
}

/* Quotas, exhaustion, alarms. */
static void print_limit(const json_t *object)
{
	print_text(object, "", "protocol");
	print_text(object, "", "address6");
	print_text(object, "", "client");
	print_text(object, "", "address4");
	print_text(object, "pool4 ", "pool4");
	print_number(object, "at ", "value");
	print_number(object, "of ", "limit");
	print_number(object, "more since the last one: ", "suppressed");
	if (json_object_get(object, "outcome") != NULL)
		printf(": %s", sentence_of(object));
	putchar('\n');
}

static void print_event(const json_t *object)
{
	const char *event = text_of(object, "event");
	const struct {
		const char *event, *words;
	} mappings[] = {
		{"NAT64 BIB create", "binding begins:"},
		{"NAT64 BIB delete", "binding ends:"},
		{"NAT64 session create", "session begins:"},
		{"NAT64 session delete", "session ends:"},
		{"Port block allocation", "block begins:"},
		{"Port block de-allocation", "block ends:"},
	};

	if (strcmp(event, "lost") == 0) {
		printf("%" JSON_INTEGER_FORMAT " lines were lost: they came too fast\n",
		       number_of(object, "count"));
		return;
	}
	fputs(text_of(object, "time"), stdout);
	if (strcmp(event, "drop") == 0) {
		fputs(" drop:", stdout);
		print_packet(object);
		return;
	}
	for (unsigned i = 0; i < G_N_ELEMENTS(mappings); i++) {
		if (strcmp(event, mappings[i].event) == 0) {
			printf(" %s", mappings[i].words);
			print_mapping(object);
			return;
		}
	}
	printf(" %s:", event);
	print_limit(object);
}

static void print_trace(const json_t *object)
{
	const json_t *steps = json_object_get(object, "steps");

	if (strcmp(text_of(object, "event"), "lost") == 0) {
		print_event(object);
		return;
	}
	fputs(text_of(object, "time"), stdout);
	print_packet(object);
	for (size_t i = 0; i < json_array_size(steps); i++) {
		const json_t *step = json_array_get(steps, i);

		printf("  %-15s %s\n", text_of(step, "step"), text_of(step, "text"));
	}
}

/* "45000054..."; how many bytes there are. */
static size_t bytes_of(const char *hex, uint8_t *ret, size_t max)
{
	size_t n = 0;

	for (; n < max && g_ascii_isxdigit(hex[0]) && g_ascii_isxdigit(hex[1]); hex += 2)
		ret[n++] =
			(uint8_t)(g_ascii_xdigit_value(hex[0]) << 4 | g_ascii_xdigit_value(hex[1]));
	return n;
}

/* One packet of {"event":"packet"} into the file. */
static bool keep_packet(const struct lines *lines, const json_t *packet, const char *comment)
{
	g_autofree char *problem = NULL;
	uint8_t bytes[PACKET_MAX];
	size_t n = bytes_of(text_of(packet, "bytes"), bytes, sizeof(bytes));
	bool came = strcmp(text_of(packet, "way"), "came") == 0;
	uint64_t usec = 0;

	problem = ctl_time_parse(text_of(packet, "time"), &usec);
	return pcapng_add(lines->pcap, n > 0 && bytes[0] >> 4 == 6 ? PCAPNG_IPV6 : PCAPNG_IPV4,
			  came, usec, bytes, n, MAX(n, (size_t)number_of(packet, "size")),
			  came ? comment : NULL);
}

/* Packets wait for the line that says what has become of them. False: the file can not be written.
 */
static bool keep(struct lines *lines, json_t *object)
{
	bool kept = true;

	if (strcmp(text_of(object, "event"), "packet") == 0) {
		g_ptr_array_add(lines->packets, json_incref(object));
		return true;
	}
	for (guint i = 0; i < lines->packets->len; i++)
		kept = kept && keep_packet(lines, g_ptr_array_index(lines->packets, i),
					   sentence_of(object));
	g_ptr_array_set_size(lines->packets, 0);
	return kept && fflush(lines->pcap) == 0;
}

static enum ctl_status print_line(struct lines *lines, bool json, const char *text, size_t size)
{
	json_t *object = json_loadb(text, size, 0, NULL);
	bool is_packet = object != NULL && strcmp(text_of(object, "event"), "packet") == 0;
	enum ctl_status status = CTL_DONE;

	if (object != NULL && lines->pcap != NULL && !keep(lines, object))
		status = ctl_fail(CTL_FAILED, "%s: %s", lines->pcap_path, g_strerror(errno));
	if (!is_packet)
		lines->n_printed++;
	if (json && !is_packet) {
		(void)fwrite(text, 1, size, stdout);
		putchar('\n');
	} else if (object != NULL && !is_packet) {
		lines->print(object);
	}
	json_decref(object);
	return status;
}

static bool has_enough(const struct lines *lines)
{
	return lines->n_wanted != 0 && lines->n_printed >= lines->n_wanted;
}

/* What is whole of what has been read. */
static enum ctl_status print_lines(struct lines *lines, bool json)
{
	const char *begin = lines->text->str, *end;
	enum ctl_status status = CTL_DONE;

	while (status == CTL_DONE && !has_enough(lines) && (end = strchr(begin, '\n')) != NULL) {
		status = print_line(lines, json, begin, (size_t)(end - begin));
		begin = end + 1;
	}
	g_string_erase(lines->text, 0, begin - lines->text->str);
	(void)fflush(stdout);
	return status;
}

/* Waits for more, also for the end of who reads us; false then. */
static bool wait_for_more(const struct lines *lines)
{
	struct pollfd fds[] = {{.fd = lines->fd, .events = POLLIN}, {.fd = STDOUT_FILENO}};

	while (poll(fds, 2, -1) < 0) {
		if (errno != EINTR)
			return false;
	}
	return (fds[1].revents & POLLERR) == 0;
}

static enum ctl_status follow(struct ctl *ctl, struct lines *lines)
{
	enum ctl_status status = CTL_DONE;
	char buffer[65536];

	while (status == CTL_DONE && !has_enough(lines) && !ferror(stdout) &&
	       wait_for_more(lines)) {
		ssize_t n = read(lines->fd, buffer, sizeof(buffer));

		if (n == 0)
			return ctl_fail(CTL_NOT_RUNNING, "nat64d hung up");
		if (n < 0 && errno != EINTR)
			return ctl_fail(CTL_FAILED, "the lines can not be read: %s",
					g_strerror(errno));
		if (n > 0)
			g_string_append_len(lines->text, buffer, n);
		status = print_lines(lines, ctl->json);
	}
	return status;
}

/* False: the file can not be had; the reason has been printed. */
static bool open_pcap(struct lines *lines, const char *path)
{
	if (path == NULL)
		return true;
	lines->pcap_path = path;
	lines->packets = g_ptr_array_new_with_free_func((GDestroyNotify)json_decref);
	lines->pcap = fopen(path, "wbe");
	if (lines->pcap != NULL && pcapng_begin(lines->pcap) && fflush(lines->pcap) == 0)
		return true;
	(void)ctl_fail(CTL_FAILED, "%s: %s", path, g_strerror(errno));
	return false;
}

/* status, if all could be written. */
static enum ctl_status close_pcap(struct lines *lines, enum ctl_status status)
{
	if (lines->packets != NULL)
		g_ptr_array_unref(lines->packets);
	if (lines->pcap != NULL && fclose(lines->pcap) != 0 && status == CTL_DONE)
		return ctl_fail(CTL_FAILED, "%s: %s", lines->pcap_path, g_strerror(errno));
	return status;
}

/* Hands the call, which it frees, a pipe, and prints what comes out of it. */
static enum ctl_status run(struct ctl *ctl, sd_bus_message *call,
			   const struct ctl_arguments *arguments,
			   void (*print)(const json_t *object))
{
	struct lines lines = {.n_wanted = arguments->number[CTL_LINES], .print = print};
	enum ctl_status status;
	int fds[2], r;

	if (!open_pcap(&lines, arguments->option[CTL_PCAP])) {
		sd_bus_message_unref(call);
		return close_pcap(&lines, CTL_FAILED);
	}
	if (pipe2(fds, O_CLOEXEC) < 0) {
		sd_bus_message_unref(call);
		return close_pcap(&lines, ctl_fail(CTL_FAILED, "there is no pipe to be had: %s",
						   g_strerror(errno)));
	}
	r = ctl_arguments_append_and(call, arguments, CTL_EVENT_FILTERS,
				     lines.pcap != NULL ? "bytes" : NULL);
	if (r >= 0)
		r = sd_bus_message_append(call, "h", fds[1]);
	status = r < 0 ? ctl_fail(CTL_FAILED, "the call can not be made: %s", g_strerror(-r))
		       : ctl_call(ctl, call, NULL);
	/* Both are copies of the end that is the daemon's. */
	sd_bus_message_unref(call);
	close(fds[1]);
	if (status == CTL_DONE) {
		lines.fd = fds[0];
		lines.text = g_string_new(NULL);
		status = follow(ctl, &lines);
		g_string_free(lines.text, TRUE);
	}
	close(fds[0]);
	return close_pcap(&lines, status);
}

enum ctl_status ctl_monitor(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	const char *word = arguments->word[0];
	sd_bus_message *call = NULL;
	enum ctl_status status;
	int r;

	status = ctl_call_new(ctl, DBUS_INTERFACE_MANAGER, "Monitor", &call);
	if (status != CTL_DONE)
		return status;
	if (strcmp(word, "bindings") == 0)
		r = sd_bus_message_append(call, "as", 2, "bindings", "sessions");
	else
		r = sd_bus_message_append(call, "as", 1, *word != '\0' ? word : "all");
	if (r < 0) {
		sd_bus_message_unref(call);
		return ctl_fail(CTL_FAILED, "Monitor: %s", g_strerror(-r));
	}
	return run(ctl, call, arguments, print_event);
}

enum ctl_status ctl_trace(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	sd_bus_message *call = NULL;
	enum ctl_status status = ctl_call_new(ctl, DBUS_INTERFACE_MANAGER, "Trace", &call);

	return status != CTL_DONE ? status : run(ctl, call, arguments, print_trace);
}
