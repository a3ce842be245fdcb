/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat64ctl bib add, remove, lookup, and publish: bindings by their two sides. A range of ports
 * stands for as many bindings. */
#include <glib.h>
#include <string.h>

#include "dbus/names.h"
#include "tools/ctl_change.h"
#include "tools/ctl_list.h"
#include "tools/ctl_pool4.h"

#define _cleanup_message_ __attribute__((cleanup(sd_bus_message_unrefp)))

#define ADDRESS_SIZE 64

/* "[2001:db8::5]:2000", "192.0.2.2:2000-2009", "2001:db8::5#2000". */
struct side {
	char address[ADDRESS_SIZE]; /* "": not given */
	unsigned first, last;       /* ports; 0: not given */
};

/* "2000" or "2000-2009"; an ICMP identifier may be 0. */
static bool parse_ports(const char *text, unsigned *ret_first, unsigned *ret_last)
{
	g_auto(GStrv) ends = g_strsplit(text, "-", 2);
	guint64 first, last;

	if (ends[0] == NULL ||
	    !g_ascii_string_to_unsigned(ends[0], 10, 0, UINT16_MAX, &first, NULL))
		return false;
	last = first;
	if (ends[1] != NULL &&
	    !g_ascii_string_to_unsigned(ends[1], 10, first, UINT16_MAX, &last, NULL))
		return false;
	*ret_first = (unsigned)first;
	*ret_last = (unsigned)last;
	return true;
}

static bool parse_side(const char *text, struct side *ret)
{
	const char *bracket = strchr(text, ']');
	const char *mark = strchr(text, '#');
	size_t skip = *text == '[' ? 1 : 0;
	const char *end;

	if (mark == NULL)
		mark = bracket != NULL ? bracket + 1 : strchr(text, ':');
	if (mark == NULL || (*mark != '#' && *mark != ':') || (skip == 1) != (bracket != NULL))
		return false;
	end = bracket != NULL ? bracket : mark;
	if (end <= text + skip || (size_t)(end - text) - skip >= sizeof(ret->address))
		return false;
	memcpy(ret->address, text + skip, (size_t)(end - text) - skip);
	ret->address[(size_t)(end - text) - skip] = '\0';
	return parse_ports(mark + 1, &ret->first, &ret->last);
}

static bool is_ipv6(const struct side *side)
{
	return strchr(side->address, ':') != NULL;
}

static enum ctl_status bad_side(const char *text)
{
	return ctl_fail(CTL_USAGE,
			"'%s' is not an address with a port, such as [2001:db8::5]:2000 or "
			"192.0.2.2:2000",
			text);
}

/* The call for port number i of the ranges. */
static enum ctl_status call_one(struct ctl *ctl, const char *method, const char *protocols,
				const struct side *side6, const struct side *side4, unsigned i,
				const struct ctl_arguments *arguments)
{
	_cleanup_message_ sd_bus_message *call = NULL;
	enum ctl_status status = ctl_call_new(ctl, DBUS_INTERFACE_MANAGER, method, &call);
	int r;

	if (status != CTL_DONE)
		return status;
	r = sd_bus_message_append(call, "ssqsq", protocols, side6->address,
				  (int)(*side6->address ? side6->first + i : 0), side4->address,
				  (int)(*side4->address ? side4->first + i : 0));
	if (r < 0)
		return ctl_fail(CTL_FAILED, "%s: %s", method, g_strerror(-r));
	return ctl_change_run(ctl, call, arguments, false);
}

/* One call for each port of the ranges, up to one that fails. */
static enum ctl_status call_each(struct ctl *ctl, const char *method, const char *protocols,
				 const struct side *side6, const struct side *side4,
				 const struct ctl_arguments *arguments)
{
	unsigned n = *side6->address ? side6->last - side6->first : side4->last - side4->first;
	enum ctl_status status = CTL_DONE;

	if (n > 0)
		ctl_change_begin(ctl);
	for (unsigned i = 0; i <= n && status == CTL_DONE; i++)
		status = call_one(ctl, method, protocols, side6, side4, i, arguments);
	ctl_change_end(ctl);
	return status;
}

static enum ctl_status add(struct ctl *ctl, const char *protocols, const struct side *side6,
			   const struct side *side4, const struct ctl_arguments *arguments)
{
	if (side6->last - side6->first != side4->last - side4->first)
		return ctl_fail(CTL_USAGE,
				"%u ports on one side and %u on the other: as many are "
				"needed",
				side6->last - side6->first + 1, side4->last - side4->first + 1);
	return call_each(ctl, "AddBib", protocols, side6, side4, arguments);
}

enum ctl_status ctl_bib_add(struct ctl *ctl, int argc, char **argv)
{
	struct side side6 = {.first = 0}, side4 = {.first = 0};
	g_autofree char *protocols = NULL;
	struct ctl_arguments arguments;
	enum ctl_status status;

	status = ctl_change_parse(argc, argv, CTL_BIT(CTL_REPLACE) | CTL_BIT(CTL_COMMENT), 3, 3,
				  "PROTOCOLS V6 V4", &arguments);
	if (status != CTL_DONE)
		return status;
	if (!parse_side(arguments.word[1], &side6) || !is_ipv6(&side6))
		return bad_side(arguments.word[1]);
	if (!parse_side(arguments.word[2], &side4) || is_ipv6(&side4))
		return bad_side(arguments.word[2]);
	protocols = ctl_change_words(arguments.word[0]);
	return add(ctl, protocols, &side6, &side4, &arguments);
}

enum ctl_status ctl_bib_remove(struct ctl *ctl, int argc, char **argv)
{
	const struct side none = {.first = 0};
	g_autofree char *protocols = NULL;
	struct ctl_arguments arguments;
	enum ctl_status status;
	struct side side;

	status = ctl_change_parse(argc, argv, 0, 2, 2, "PROTOCOLS V6|V4", &arguments);
	if (status != CTL_DONE)
		return status;
	if (!parse_side(arguments.word[1], &side))
		return bad_side(arguments.word[1]);
	protocols = ctl_change_words(arguments.word[0]);
	return call_each(ctl, "RemoveBib", protocols, is_ipv6(&side) ? &side : &none,
			 is_ipv6(&side) ? &none : &side, &arguments);
}

/* The first address of the first entry that everybody uses. */
static enum ctl_status choose_address(struct ctl *ctl, char ret[ADDRESS_SIZE])
{
	_cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
	enum ctl_status status = ctl_call_new(ctl, DBUS_INTERFACE_MANAGER, "ListPool4", &call);
	struct ctl_pool4 entry;
	int r;

	if (status != CTL_DONE)
		return status;
	r = sd_bus_message_append(call, "su", "", 0);
	if (r < 0)
		return ctl_fail(CTL_FAILED, "ListPool4: %s", g_strerror(-r));
	status = ctl_call(ctl, call, &reply);
	if (status != CTL_DONE)
		return status;
	r = sd_bus_message_enter_container(reply, 'a', DBUS_TYPE_POOL4);
	while (r >= 0 && sd_bus_message_at_end(reply, false) == 0) {
		r = ctl_pool4_read(reply, &entry);
		if (r < 0 || strcmp(entry.state, "active") != 0 || *entry.clients != '\0')
			continue;
		(void)g_strlcpy(ret, entry.addresses, ADDRESS_SIZE);
		ret[strcspn(ret, "/- ")] = '\0';
		return CTL_DONE;
	}
	return r < 0 ? ctl_bad_reply(r)
		     : ctl_fail(CTL_FAILED, "pool4 has no active entry for all clients: choose an "
					    "address with --on");
}

/* "443/tcp,udp 2001:db8::5": the client's port is the same unless it is given. */
enum ctl_status ctl_publish(struct ctl *ctl, int argc, char **argv)
{
	struct side side6 = {.first = 0}, side4 = {.first = 0};
	const unsigned allowed = CTL_BIT(CTL_ON) | CTL_BIT(CTL_REPLACE) | CTL_BIT(CTL_COMMENT);
	g_autofree char *ports = NULL, *protocols = NULL;
	struct ctl_arguments arguments;
	enum ctl_status status;
	const char *slash;

	status = ctl_change_parse(argc, argv, allowed, 2, 2, "PORTS/PROTOCOLS ADDRESS6[:PORT]",
				  &arguments);
	if (status != CTL_DONE)
		return status;
	slash = strchr(arguments.word[0], '/');
	ports = g_strndup(arguments.word[0], strcspn(arguments.word[0], "/"));
	protocols = ctl_change_words(slash != NULL ? slash + 1 : "");
	if (slash == NULL || *protocols == '\0' || !parse_ports(ports, &side4.first, &side4.last))
		return ctl_fail(CTL_USAGE, "'%s' is not ports and protocols, such as 443/tcp,udp",
				arguments.word[0]);
	if (!parse_side(arguments.word[1], &side6) || !is_ipv6(&side6)) {
		if (strpbrk(arguments.word[1], "[]#") != NULL ||
		    strchr(arguments.word[1], ':') == NULL)
			return bad_side(arguments.word[1]);
		(void)g_strlcpy(side6.address, arguments.word[1], sizeof(side6.address));
		side6.first = side4.first;
		side6.last = side4.last;
	}
	if (arguments.option[CTL_ON] != NULL)
		(void)g_strlcpy(side4.address, arguments.option[CTL_ON], sizeof(side4.address));
	else
		status = choose_address(ctl, side4.address);
	return status != CTL_DONE ? status : add(ctl, protocols, &side6, &side4, &arguments);
}

enum ctl_status ctl_bib_lookup(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
	struct ctl_arguments arguments;
	enum ctl_status status;
	struct side side;
	int r;

	status = ctl_change_parse(argc, argv, 0, 2, 2, "PROTOCOL V6|V4", &arguments);
	if (status != CTL_DONE)
		return status;
	if (!parse_side(arguments.word[1], &side) || side.first != side.last)
		return bad_side(arguments.word[1]);
	status = ctl_call_new(ctl, DBUS_INTERFACE_MANAGER, "LookupBib", &call);
	if (status != CTL_DONE)
		return status;
	r = sd_bus_message_append(call, "ssq", arguments.word[0], side.address, (int)side.first);
	if (r < 0)
		return ctl_fail(CTL_FAILED, "LookupBib: %s", g_strerror(-r));
	status = ctl_call(ctl, call, &reply);
	return status != CTL_DONE ? status : ctl_bib_print(ctl, reply);
}
