/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nat64ctl top: pools, clients, traffic and its rates, again and again: in place on a terminal,
 * until q or Ctrl-C; one after the other where there is none, as lines of JSON with --json.
 *
 * A rate is what has been counted between two looks, by the daemon's own clock; so the first view
 * comes after the first interval. A daemon that has begun anew meanwhile has no rates that once.
 */
#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "daemon/core/outcome.h"
#include "dbus/names.h"
#include "tools/ctl_arguments.h"
#include "tools/ctl_pool4.h"
#include "tools/ctl_stats.h"
#include "tools/table.h"
#include "tools/terminal.h"

#define _cleanup_message_ __attribute__((cleanup(sd_bus_message_unrefp)))

#define INTERVAL_USEC  2000000
#define INTERVAL_MIN   100000
#define ENTRIES_SHOWN  8
#define ENTRIES_MAX    1000 /* that are looked at */
#define DROPS_SHOWN    3
#define CLIENTS_JSON   100
#define CLIENTS_PLAIN  10
#define HEIGHT_DEFAULT 24
#define LABEL          "%-9s "

/* Of terminals, as all of them since the VT100 know it (ECMA-48). */
#define GO_HOME    "\033[H"
#define CLEAR_LINE "\033[K"
#define CLEAR_REST "\033[J"
#define CLEAR_ALL  "\033[2J"
#define HIDE       "\033[?25l"
#define SHOW       "\033[?25h"

struct top_entry {
	char *name;
	char *state;
	uint64_t used[CTL_N_PROTOCOLS];
	uint64_t total[CTL_N_PROTOCOLS];
	unsigned percent; /* of the fullest protocol */
};

struct top_client {
	char *prefix;
	uint64_t bindings[CTL_N_PROTOCOLS];
	uint64_t sessions;
	uint64_t refused;
};

/* What one look has found. */
struct look {
	char *state;
	GArray *counters; /* struct ctl_counter */
	GArray *entries;  /* struct top_entry, the fullest first */
	GArray *clients;  /* struct top_client, as the daemon orders them */
};

struct top {
	struct ctl *ctl;
	uint64_t interval_usec;
	uint64_t n_wanted; /* 0: no end */
	bool terminal;
	bool keys; /* stdin is one, too, and does not echo */
	struct termios before;
	int signals;
	struct look now, last;
	bool has_rates;
	double seconds; /* between the two */
};

static void entry_clear(gpointer data)
{
	g_free(((struct top_entry *)data)->name);
	g_free(((struct top_entry *)data)->state);
}

static void client_clear(gpointer data)
{
	g_free(((struct top_client *)data)->prefix);
}

static void look_clear(struct look *look)
{
	g_free(look->state);
	g_clear_pointer(&look->counters, g_array_unref);
	g_clear_pointer(&look->entries, g_array_unref);
	g_clear_pointer(&look->clients, g_array_unref);
	*look = (struct look){NULL};
}

static bool note_entry(const struct ctl_pool4 *entry, void *context)
{
	GArray *entries = context;
	struct top_entry copy = {.name = g_strdup(entry->name), .state = g_strdup(entry->state)};

	for (unsigned p = 0; p < CTL_N_PROTOCOLS; p++) {
		copy.used[p] = entry->used[p];
		copy.total[p] = entry->total[p];
		if (copy.total[p] != 0)
			copy.percent =
				MAX(copy.percent, (unsigned)(copy.used[p] * 100 / copy.total[p]));
	}
	g_array_append_val(entries, copy);
	return entries->len == ENTRIES_MAX;
}

static gint compare_entries(gconstpointer a, gconstpointer b)
{
	const struct top_entry *x = a, *y = b;

	return x->percent != y->percent ? (x->percent < y->percent ? 1 : -1)
					: strcmp(x->name, y->name);
}

static enum ctl_status get_clients(struct ctl *ctl, unsigned limit, GArray *ret)
{
	_cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
	enum ctl_status status = ctl_call_new(ctl, DBUS_INTERFACE_MANAGER, "ListClients", &call);
	struct top_client client;
	const char *prefix;
	int r;

	if (status != CTL_DONE)
		return status;
	r = sd_bus_message_append(call, "a{sv}su", 0, "", limit);
	if (r < 0)
		return ctl_fail(CTL_FAILED, "ListClients: %s", g_strerror(-r));
	status = ctl_call(ctl, call, &reply);
	if (status != CTL_DONE)
		return status;
	r = sd_bus_message_enter_container(reply, 'a', DBUS_TYPE_CLIENT);
	while (r >= 0 &&
	       (r = sd_bus_message_read(reply, DBUS_TYPE_CLIENT, &prefix, &client.bindings[CTL_TCP],
					&client.bindings[CTL_UDP], &client.bindings[CTL_ICMP],
					&client.sessions, &client.refused)) > 0) {
		client.prefix = g_strdup(prefix);
		g_array_append_val(ret, client);
	}
	return r < 0 ? ctl_bad_reply(r) : CTL_DONE;
}

static enum ctl_status look_take(struct ctl *ctl, unsigned n_clients, struct look *ret)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	const char *state;
	enum ctl_status status = ctl_get_property(ctl, "State", &reply);
	int r;

	if (status != CTL_DONE)
		return status;
	r = sd_bus_message_read(reply, "v", "s", &state);
	if (r < 0)
		return ctl_bad_reply(r);
	ret->state = g_strdup(state);
	ret->entries = g_array_new(FALSE, FALSE, sizeof(struct top_entry));
	ret->clients = g_array_new(FALSE, FALSE, sizeof(struct top_client));
	g_array_set_clear_func(ret->entries, entry_clear);
	g_array_set_clear_func(ret->clients, client_clear);
	status = ctl_stats_get(ctl, &ret->counters);
	if (status == CTL_DONE)
		status = ctl_pool4_each(ctl, note_entry, ret->entries);
	if (status == CTL_DONE)
		status = get_clients(ctl, n_clients, ret->clients);
	if (status == CTL_DONE)
		g_array_sort(ret->entries, compare_entries);
	return status;
}

static uint64_t value(const struct look *look, const char *name)
{
	return ctl_stats_value(look->counters, "%s", name);
}

/* A second; 0 without rates. */
static double rate_of(const struct top *top, uint64_t now, uint64_t last)
{
	return top->has_rates && now > last ? (double)(now - last) / top->seconds : 0;
}

static double rate(const struct top *top, const char *name)
{
	return top->has_rates ? rate_of(top, value(&top->now, name), value(&top->last, name)) : 0;
}

static double rate_of_sum(const struct top *top, const char *prefix, const char *suffix)
{
	return top->has_rates ? rate_of(top, ctl_stats_sum(top->now.counters, prefix, suffix),
					ctl_stats_sum(top->last.counters, prefix, suffix))
			      : 0;
}

/* By direction, "6to4" or "4to6": packets that went on, bytes, and packets that were dropped. */
struct flow {
	double packets, bits, drops;
};

static struct flow flow_of(const struct top *top, const char *direction)
{
	g_autofree char *prefix = g_strdup_printf("packets_%s_", direction);
	g_autofree char *bytes = g_strdup_printf("bytes_%s", direction);
	struct flow flow = {.bits = rate(top, bytes) * 8};

	for (enum outcome outcome = 0; outcome < N_OUTCOMES; outcome++) {
		const struct outcome_info *info = outcome_info(outcome);
		g_autofree char *name = g_strconcat(prefix, info->name, NULL);

		if (info->verdict == VERDICT_TRANSLATED)
			flow.packets += rate(top, name);
		else if (info->verdict == VERDICT_DROP)
			flow.drops += rate(top, name);
	}
	return flow;
}

/* A line after the other; on a terminal each is cut to its width, and clears what was there. */
struct screen {
	GString *text;
	bool terminal;
	unsigned width, lines_left;
};

G_GNUC_PRINTF(2, 3) static void line(struct screen *screen, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	if (screen->lines_left == 0)
		return;
	screen->lines_left--;
	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	g_strchomp(text);
	if (screen->terminal && strlen(text) > screen->width)
		text[screen->width] = '\0';
	g_string_append_printf(screen->text, "%s%s\n", text, screen->terminal ? CLEAR_LINE : "");
}

static void print_flow(struct screen *screen, const struct top *top, const char *label,
		       const char *direction)
{
	struct flow flow = flow_of(top, direction);

	line(screen, LABEL "%10.0f packets/s %9.2f Mbit/s %8.0f dropped/s", label, flow.packets,
	     flow.bits / 1e6, flow.drops);
}

static void print_table(struct screen *screen, const struct top *top, const char *label,
			const char *what)
{
	g_autofree char *created = g_strdup_printf("%s_created_", what);
	g_autoptr(GString) numbers = g_string_new(NULL);

	for (unsigned p = 0; p < CTL_N_PROTOCOLS; p++) {
		g_autofree char *name = g_strdup_printf("%s_%s", what, ctl_protocols[p]);

		g_string_append_printf(numbers, "%s %-9" PRIu64 " ", ctl_protocols[p],
				       value(&top->now, name));
	}
	line(screen, LABEL "%s%8.0f new/s", label, numbers->str, rate_of_sum(top, created, ""));
}

/* The reasons for most of what is dropped now, or, before there are rates, has been. */
static void print_drops(struct screen *screen, const struct top *top)
{
	static const char *const directions[] = {"6to4", "4to6"};
	bool shown[2][N_OUTCOMES] = {{false}};

	for (unsigned i = 0; i < DROPS_SHOWN; i++) {
		unsigned best_d = 0;
		enum outcome best = N_OUTCOMES;
		double most = 0;

		for (unsigned d = 0; d < 2; d++) {
			for (enum outcome outcome = 0; outcome < N_OUTCOMES; outcome++) {
				g_autofree char *name =
					g_strdup_printf("packets_%s_%s", directions[d],
							outcome_info(outcome)->name);
				double drops = outcome_info(outcome)->verdict == VERDICT_DROP
						       ? rate(top, name)
						       : 0;

				if (shown[d][outcome] || drops <= most)
					continue;
				most = drops;
				best = outcome;
				best_d = d;
			}
		}
		if (best == N_OUTCOMES)
			return;
		shown[best_d][best] = true;
		line(screen, LABEL "%10.0f /s %s %s: %s", i == 0 ? "Drops" : "", most,
		     directions[best_d], outcome_info(best)->name, outcome_info(best)->sentence);
	}
}

static void print_entries(struct screen *screen, const struct top *top)
{
	const GArray *entries = top->now.entries;

	line(screen, "%s", "");
	line(screen, "%-20s %-9s %5s %12s %12s %12s", "POOL4", "STATE", "USED", "TCP", "UDP",
	     "ICMP");
	for (guint i = 0; i < MIN(entries->len, ENTRIES_SHOWN); i++) {
		const struct top_entry *entry = &g_array_index(entries, struct top_entry, i);

		line(screen, "%-20s %-9s %4u%% %12" PRIu64 " %12" PRIu64 " %12" PRIu64, entry->name,
		     entry->state, entry->percent, entry->used[CTL_TCP], entry->used[CTL_UDP],
		     entry->used[CTL_ICMP]);
	}
	if (entries->len > ENTRIES_SHOWN)
		line(screen, "... and %u more%s", entries->len - ENTRIES_SHOWN,
		     entries->len == ENTRIES_MAX ? ", at least" : "");
}

static void print_clients(struct screen *screen, const struct top *top)
{
	const GArray *clients = top->now.clients;

	line(screen, "%s", "");
	line(screen, "%-30s %8s %8s %8s %9s %9s", "CLIENT", "TCP", "UDP", "ICMP", "SESSIONS",
	     "REFUSED");
	for (guint i = 0; i < clients->len; i++) {
		const struct top_client *client = &g_array_index(clients, struct top_client, i);

		line(screen, "%-30s %8" PRIu64 " %8" PRIu64 " %8" PRIu64 " %9" PRIu64 " %9" PRIu64,
		     client->prefix, client->bindings[CTL_TCP], client->bindings[CTL_UDP],
		     client->bindings[CTL_ICMP], client->sessions, client->refused);
	}
}

static void print_text(const struct top *top, unsigned width, unsigned height)
{
	struct screen screen = {
		.text = g_string_new(top->terminal ? GO_HOME : ""),
		.terminal = top->terminal,
		.width = width,
		.lines_left = top->terminal ? height - 1 : UINT32_MAX,
	};
	char time[TABLE_TIME_SIZE], uptime[TABLE_TIME_SIZE];

	line(&screen, "nat64d %s for %s, %s%s", top->now.state,
	     table_duration_print(value(&top->now, "uptime_usec"), uptime),
	     table_time_print((uint64_t)g_get_real_time(), time),
	     top->has_rates ? "" : " (begun anew: no rates yet)");
	print_flow(&screen, top, "6 to 4", "6to4");
	print_flow(&screen, top, "4 to 6", "4to6");
	print_table(&screen, top, "Bindings", "bindings");
	print_table(&screen, top, "Sessions", "sessions");
	line(&screen, LABEL "%" PRIu64 " waiting, %.0f lost/s", "Queues",
	     ctl_stats_sum(top->now.counters, "queue_", "_waiting"),
	     rate_of_sum(top, "queue_", "_lost"));
	print_drops(&screen, top);
	print_entries(&screen, top);
	print_clients(&screen, top);
	if (top->terminal)
		g_string_append(screen.text, CLEAR_REST);
	(void)fwrite(screen.text->str, 1, screen.text->len, stdout);
	g_string_free(screen.text, TRUE);
}

static json_t *json_of_flow(const struct top *top, const char *direction)
{
	struct flow flow = flow_of(top, direction);

	return json_pack("{s:f, s:f, s:f}", "packets", flow.packets, "bits", flow.bits, "drops",
			 flow.drops);
}

static json_t *json_of_protocols(const uint64_t number[CTL_N_PROTOCOLS])
{
	json_t *object = json_object();

	for (unsigned p = 0; p < CTL_N_PROTOCOLS; p++)
		json_object_set_new(object, ctl_protocols[p], json_integer((json_int_t)number[p]));
	return object;
}

/* A line, as a stream of them is. */
static void print_json(const struct top *top)
{
	json_t *pool4 = json_array(), *clients = json_array(), *object;
	char time[TABLE_TIME_SIZE];

	for (guint i = 0; i < MIN(top->now.entries->len, ENTRIES_SHOWN); i++) {
		const struct top_entry *entry =
			&g_array_index(top->now.entries, struct top_entry, i);

		json_array_append_new(pool4, json_pack("{s:s, s:s, s:i, s:o, s:o}", "name",
						       entry->name, "state", entry->state,
						       "percent", (int)entry->percent, "used",
						       json_of_protocols(entry->used), "total",
						       json_of_protocols(entry->total)));
	}
	for (guint i = 0; i < top->now.clients->len; i++) {
		const struct top_client *client =
			&g_array_index(top->now.clients, struct top_client, i);

		json_array_append_new(clients,
				      json_pack("{s:s, s:o, s:I, s:I}", "prefix", client->prefix,
						"bindings", json_of_protocols(client->bindings),
						"sessions", (json_int_t)client->sessions, "refused",
						(json_int_t)client->refused));
	}
	object = json_pack(
		"{s:s, s:s, s:b, s:f, s:o, s:o, s:f, s:f, s:I, s:f, s:o, s:o}", "time",
		table_time_print((uint64_t)g_get_real_time(), time), "state", top->now.state,
		"rates", top->has_rates, "seconds", top->seconds, "6to4", json_of_flow(top, "6to4"),
		"4to6", json_of_flow(top, "4to6"), "new_bindings",
		rate_of_sum(top, "bindings_created_", ""), "new_sessions",
		rate_of_sum(top, "sessions_created_", ""), "queue_waiting",
		(json_int_t)ctl_stats_sum(top->now.counters, "queue_", "_waiting"), "queue_lost",
		rate_of_sum(top, "queue_", "_lost"), "pool4", pool4, "clients", clients);
	(void)json_dumpf(object, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
	putchar('\n');
	json_decref(object);
}

static unsigned height_of_terminal(void)
{
	struct winsize size;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 1 ? size.ws_row
									       : HEIGHT_DEFAULT;
}

static void begin_keys(struct top *top)
{
	struct termios quiet;

	if (!top->terminal || tcgetattr(STDIN_FILENO, &top->before) < 0)
		return;
	quiet = top->before;
	quiet.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	top->keys = tcsetattr(STDIN_FILENO, TCSANOW, &quiet) == 0;
}

static void begin(struct top *top)
{
	sigset_t signals;

	top->terminal = !top->ctl->json && isatty(STDOUT_FILENO);
	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGINT);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &signals, NULL);
	top->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	begin_keys(top);
	if (top->terminal)
		fputs(HIDE CLEAR_ALL, stdout);
}

static void end(struct top *top)
{
	if (top->terminal)
		fputs(SHOW, stdout);
	(void)fflush(stdout);
	if (top->keys)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &top->before);
	if (top->signals >= 0)
		(void)close(top->signals);
}

/* Until the interval is over; false: it is time to end. */
static bool wait_for_next(const struct top *top)
{
	gint64 until = g_get_monotonic_time() + (gint64)top->interval_usec;

	for (;;) {
		gint64 left = until - g_get_monotonic_time();
		struct pollfd fds[] = {
			{.fd = top->signals, .events = POLLIN},
			{.fd = top->keys ? STDIN_FILENO : -1, .events = POLLIN},
			{.fd = STDOUT_FILENO},
		};
		char key;
		int r;

		if (left <= 0)
			return true;
		r = poll(fds, G_N_ELEMENTS(fds), (int)(left / 1000) + 1);
		if (r < 0 && errno != EINTR)
			return false;
		/* Whoever reads us has gone; or somebody wants an end. */
		if (r > 0 && ((fds[0].revents | fds[2].revents) & (POLLIN | POLLERR | POLLHUP)))
			return false;
		if (r > 0 && fds[1].revents != 0 &&
		    (read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q'))
			return false;
	}
}

/* The time between two looks is the daemon's. */
static void compare(struct top *top)
{
	uint64_t now = value(&top->now, "uptime_usec"), last = value(&top->last, "uptime_usec");

	top->has_rates = now > last;
	top->seconds = top->has_rates ? (double)(now - last) / 1e6 : 0;
}

static enum ctl_status follow(struct top *top)
{
	unsigned n_clients = top->ctl->json ? CLIENTS_JSON : CLIENTS_PLAIN;
	enum ctl_status status = look_take(top->ctl, n_clients, &top->last);

	for (uint64_t n = 1; status == CTL_DONE; n++) {
		unsigned height = height_of_terminal();

		if (!wait_for_next(top))
			break;
		status = look_take(top->ctl, top->terminal ? height : n_clients, &top->now);
		if (status != CTL_DONE)
			break;
		compare(top);
		if (!top->terminal && !top->ctl->json && n > 1)
			putchar('\n');
		if (top->ctl->json)
			print_json(top);
		else
			print_text(top, terminal_width(), height);
		if (fflush(stdout) != 0 || ferror(stdout) || n == top->n_wanted)
			break;
		look_clear(&top->last);
		top->last = top->now;
		top->now = (struct look){NULL};
	}
	return status;
}

enum ctl_status ctl_top(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	struct top top = {.ctl = ctl, .interval_usec = INTERVAL_USEC};
	enum ctl_status status;

	if (ctl_arguments_has(arguments, CTL_INTERVAL))
		top.interval_usec = MAX(arguments->number[CTL_INTERVAL], INTERVAL_MIN);
	top.n_wanted = arguments->number[CTL_LINES];
	begin(&top);
	status = follow(&top);
	end(&top);
	look_clear(&top.now);
	look_clear(&top.last);
	return status;
}
