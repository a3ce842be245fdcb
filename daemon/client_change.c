/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/client_change.h"

#include "daemon/change_text.h"
#include "daemon/core/nat64.h"
#include "daemon/kept.h"

static bool parse(const char *text, struct prefix6 *ret_prefix, struct change_result *ret)
{
	if (prefix6_parse(text, ret_prefix))
		return true;
	change_fail(ret, CHANGE_INVALID_ADDRESS, "'%.*s' is not an IPv6 prefix", CHANGE_QUOTED_MAX,
		    text);
	return false;
}

void client_change_block(struct gateway *gateway, const char *words, uint64_t usec,
			 const struct change_options *options, struct change_result *ret)
{
	struct blocklist *list = &gateway->nat->blocklist;
	bool forever = usec == 0 || usec == UINT64_MAX;
	uint64_t now_ms = gateway_now_ms();
	uint64_t until_ms = forever ? BLOCKLIST_FOREVER : now_ms + usec / 1000 + (usec % 1000 != 0);
	bool known, same, fits, done = true;
	char text[ADDR_TEXT_SIZE];
	struct prefix6 prefix;
	uint32_t index;

	if (!parse(words, &prefix, ret))
		return;
	gateway_lock(gateway);
	index = blocklist_find(list, &prefix);
	known = index != SLAB_NONE;
	fits = known || list->entries.n_used < BLOCKLIST_MAX;
	same = known && forever && blocklist_at(list, index)->until_ms == until_ms;
	if (!same && !options->dry_run)
		done = blocklist_add(list, &prefix, until_ms);
	gateway_unlock(gateway);
	prefix6_print(&prefix, text);
	if (!fits || !done) {
		change_fail(ret, CHANGE_EXHAUSTED,
			    "%s can not be blocked: %u prefixes are, which is the most", text,
			    BLOCKLIST_MAX);
		return;
	}
	if (same) {
		change_nothing(ret, "client %s is blocked already", text);
		return;
	}
	change_done(ret, "client %s %s", text, options->dry_run ? "would be blocked" : "blocked");
	if (options->plan)
		g_ptr_array_add(options->plan->rows, kept_blocked_row(&prefix, until_ms, now_ms));
}

void client_change_unblock(struct gateway *gateway, const char *words,
			   const struct change_options *options, struct change_result *ret)
{
	struct blocklist *list = &gateway->nat->blocklist;
	char text[ADDR_TEXT_SIZE];
	struct prefix6 prefix;
	uint32_t index;

	if (!parse(words, &prefix, ret))
		return;
	gateway_lock(gateway);
	index = blocklist_find(list, &prefix);
	if (index != SLAB_NONE && !options->dry_run)
		blocklist_remove(list, index);
	gateway_unlock(gateway);
	prefix6_print(&prefix, text);
	if (index == SLAB_NONE) {
		change_fail(ret, CHANGE_NO_SUCH_CLIENT, "client %s is not blocked", text);
		return;
	}
	change_done(ret, "client %s %s", text,
		    options->dry_run ? "would be unblocked" : "unblocked");
	if (options->plan)
		g_ptr_array_add(options->plan->rows, kept_blocked_gone(&prefix));
}
