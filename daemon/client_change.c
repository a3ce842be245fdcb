/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/client_change.h"

#include "daemon/change_text.h"
#include "daemon/core/nat64.h"
#include "daemon/kept.h"

/* A prefix, and where it is in the list. */
struct blocked {
	struct prefix6 prefix;
	char text[ADDR_TEXT_SIZE];
	uint32_t index; /* SLAB_NONE: it is not */
};

/* The gateway is locked then, unless this fails. */
static bool lock_and_find(struct gateway *gateway, const char *words, struct blocked *ret_blocked,
			  struct change_result *ret)
{
	if (!prefix6_parse(words, &ret_blocked->prefix)) {
		change_fail(ret, CHANGE_INVALID_ADDRESS, "'%.*s' is not an IPv6 prefix",
			    CHANGE_QUOTED_MAX, words);
		return false;
	}
	prefix6_print(&ret_blocked->prefix, ret_blocked->text);
	gateway_lock(gateway);
	ret_blocked->index = blocklist_find(&gateway->nat->blocklist, &ret_blocked->prefix);
	return true;
}

void client_change_block(struct gateway *gateway, const char *words, uint64_t usec,
			 const struct change_options *options, struct change_result *ret)
{
	struct blocklist *list = &gateway->nat->blocklist;
	bool forever = usec == 0 || usec == UINT64_MAX;
	uint64_t now_ms = gateway_now_ms();
	uint64_t until_ms = forever ? BLOCKLIST_FOREVER : now_ms + usec / 1000 + (usec % 1000 != 0);
	bool known, same, fits, done = true;
	struct blocked blocked;

	if (!lock_and_find(gateway, words, &blocked, ret))
		return;
	known = blocked.index != SLAB_NONE;
	fits = known || list->entries.n_used < BLOCKLIST_MAX;
	same = known && forever && blocklist_at(list, blocked.index)->until_ms == until_ms;
	if (!same && !options->dry_run)
		done = blocklist_add(list, &blocked.prefix, until_ms);
	gateway_unlock(gateway);
	if (!fits || !done) {
		change_fail(ret, CHANGE_EXHAUSTED,
			    "%s can not be blocked: %u prefixes are, which is the most",
			    blocked.text, BLOCKLIST_MAX);
		return;
	}
	if (same) {
		change_nothing(ret, "client %s is blocked already", blocked.text);
		return;
	}
	change_done(ret, "client %s %s", blocked.text,
		    options->dry_run ? "would be blocked" : "blocked");
	if (options->plan)
		g_ptr_array_add(options->plan->rows,
				kept_blocked_row(&blocked.prefix, until_ms, now_ms));
}

void client_change_unblock(struct gateway *gateway, const char *words,
			   const struct change_options *options, struct change_result *ret)
{
	struct blocked blocked;

	if (!lock_and_find(gateway, words, &blocked, ret))
		return;
	if (blocked.index != SLAB_NONE && !options->dry_run)
		blocklist_remove(&gateway->nat->blocklist, blocked.index);
	gateway_unlock(gateway);
	if (blocked.index == SLAB_NONE) {
		change_fail(ret, CHANGE_NO_SUCH_CLIENT, "client %s is not blocked", blocked.text);
		return;
	}
	change_done(ret, "client %s %s", blocked.text,
		    options->dry_run ? "would be unblocked" : "unblocked");
	if (options->plan)
		g_ptr_array_add(options->plan->rows, kept_blocked_gone(&blocked.prefix));
}
