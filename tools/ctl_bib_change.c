/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat64ctl bib add, remove, lookup, and publish: bindings by their two sides. A range of ports
 * stands for as many bindings. */
#include <glib.h>
#include <string.h>

#include "dbus/names.h"
#include "tools/ctl_change.h"
#include "tools/ctl_list.h"
#include "tools/ctl_pool4.h"
#include "tools/ctl_side.h"

#define _cleanup_message_ __attribute__((cleanup(sd_bus_message_unrefp)))

/* The call for port number i of the ranges. */
static enum ctl_status call_one(struct ctl *ctl, const char *method, const char *protocols,
				const struct ctl_side *side6, const struct ctl_side *side4,
				unsigned i, const struct ctl_arguments *arguments)
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
				 const struct ctl_side *side6, const struct ctl_side *side4,
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

static enum ctl_status add(struct ctl *ctl, const char *protocols, const struct ctl_side *side6,
			   const struct ctl_side *side4, const struct ctl_arguments *arguments)
{
	if (side6->last - side6->first != side4->last - side4->first)
		return ctl_fail(CTL_USAGE,
				"%u ports on one side and %u on the other: as many are "
				"needed",
				side6->last - side6->first + 1, side4->last - side4->first + 1);
	return call_each(ctl, "AddBib", protocols, side6, side4, arguments);
}

enum ctl_status ctl_bib_add(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	struct ctl_side side6 = {.first = 0}, side4 = {.first = 0};
	g_autofree char *protocols = ctl_change_words(arguments->word[0]);

	if (!ctl_side_parse(arguments->word[1], &side6) || !ctl_side_is_ipv6(&side6))
		return ctl_side_bad(arguments->word[1]);
	if (!ctl_side_parse(arguments->word[2], &side4) || ctl_side_is_ipv6(&side4))
		return ctl_side_bad(arguments->word[2]);
	return add(ctl, protocols, &side6, &side4, arguments);
}

enum ctl_status ctl_bib_remove(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	const struct ctl_side none = {.first = 0};
	g_autofree char *protocols = ctl_change_words(arguments->word[0]);
	struct ctl_side side;

	if (!ctl_side_parse(arguments->word[1], &side))
		return ctl_side_bad(arguments->word[1]);
	return call_each(ctl, "RemoveBib", protocols, ctl_side_is_ipv6(&side) ? &side : &none,
			 ctl_side_is_ipv6(&side) ? &none : &side, arguments);
}

/* The first address of an entry that everybody uses. */
static bool take_address(const struct ctl_pool4 *entry, void *context)
{
	char *address = context;

	if (strcmp(entry->state, "active") != 0 || *entry->clients != '\0')
		return false;
	(void)g_strlcpy(address, entry->addresses, CTL_SIDE_ADDRESS_SIZE);
	address[strcspn(address, "/- ")] = '\0';
	return true;
}

static enum ctl_status choose_address(struct ctl *ctl, char ret[CTL_SIDE_ADDRESS_SIZE])
{
	enum ctl_status status = ctl_pool4_each(ctl, take_address, ret);

	if (status != CTL_DONE || *ret != '\0')
		return status;
	return ctl_fail(CTL_FAILED, "pool4 has no active entry for all clients: choose an address "
				    "with --on");
}

/* "443/tcp,udp 2001:db8::5": the client's port is the same unless it is given. */
enum ctl_status ctl_publish(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	struct ctl_side side6 = {.first = 0}, side4 = {.first = 0};
	g_autofree char *ports = NULL, *protocols = NULL;
	enum ctl_status status = CTL_DONE;
	const char *slash;

	slash = strchr(arguments->word[0], '/');
	ports = g_strndup(arguments->word[0], strcspn(arguments->word[0], "/"));
	protocols = ctl_change_words(slash != NULL ? slash + 1 : "");
	if (slash == NULL || *protocols == '\0' ||
	    !ctl_ports_parse(ports, &side4.first, &side4.last))
		return ctl_fail(CTL_USAGE, "'%s' is not ports and protocols, such as 443/tcp,udp",
				arguments->word[0]);
	if (!ctl_side_parse(arguments->word[1], &side6) || !ctl_side_is_ipv6(&side6)) {
		if (strpbrk(arguments->word[1], "[]#") != NULL ||
		    strchr(arguments->word[1], ':') == NULL)
			return ctl_side_bad(arguments->word[1]);
		(void)g_strlcpy(side6.address, arguments->word[1], sizeof(side6.address));
		side6.first = side4.first;
		side6.last = side4.last;
	}
	if (arguments->option[CTL_ON] != NULL)
		(void)g_strlcpy(side4.address, arguments->option[CTL_ON], sizeof(side4.address));
	else
		status = choose_address(ctl, side4.address);
	return status != CTL_DONE ? status : add(ctl, protocols, &side6, &side4, arguments);
}

enum ctl_status ctl_bib_lookup(struct ctl *ctl, const struct ctl_arguments *arguments)
{
	_cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
	enum ctl_status status;
	struct ctl_side side;
	int r;

	if (!ctl_side_parse(arguments->word[1], &side) || side.first != side.last)
		return ctl_side_bad(arguments->word[1]);
	status = ctl_call_new(ctl, DBUS_INTERFACE_MANAGER, "LookupBib", &call);
	if (status != CTL_DONE)
		return status;
	r = sd_bus_message_append(call, "ssq", arguments->word[0], side.address, (int)side.first);
	if (r < 0)
		return ctl_fail(CTL_FAILED, "LookupBib: %s", g_strerror(-r));
	status = ctl_call(ctl, call, &reply);
	return status != CTL_DONE ? status : ctl_bib_print(ctl, reply);
}
