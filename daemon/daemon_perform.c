/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/daemon_perform.h"

#include <glib.h>

#include "daemon/client_change.h"
#include "daemon/pool4_change.h"
#include "daemon/static_change.h"

static void change_pool4(struct pool4_sync *sync, const struct change_request *request,
			 const struct change_options *options, struct change_result *ret)
{
	static void (*const change[N_CHANGE_ACTIONS])(struct pool4_sync * sync, const char *entry,
						      const struct change_options *options,
						      struct change_result *ret) = {
		[CHANGE_REMOVE] = pool4_change_remove,
		[CHANGE_DRAIN] = pool4_change_drain,
		[CHANGE_ENABLE] = pool4_change_enable,
	};

	change[request->action](sync, request->word, options, ret);
	/* Its bindings have ended, or it takes no more: the next update of the rules follows that.
	 */
	if (ret->error == CHANGE_OK && ret->needs_rules)
		(void)g_strlcpy(ret->lasting, ret->text, sizeof(ret->lasting));
}

static void change_settings(const struct settings_change *settings,
			    const struct change_request *request,
			    const struct change_options *options, struct change_result *ret)
{
	if (request->kind == CHANGE_SET_CONFIG)
		settings_change_set(settings, request->word, request->value, options, ret);
	else if (request->kind == CHANGE_RESET_CONFIG)
		settings_change_reset(settings, request->word, options, ret);
	else if (request->kind == CHANGE_RELOAD)
		settings_change_reload(settings, options, ret);
	else
		settings_change_pool6(settings, request->word, request->kind == CHANGE_ADD_POOL6,
				      options, ret);
}

void daemon_perform(struct pool4_sync *sync, struct gateway *gateway,
		    const struct settings_change *settings, const struct change_request *request,
		    const struct change_options *options, struct change_result *ret)
{
	switch (request->kind) {
	case CHANGE_ADD_POOL4:
		pool4_change_add(sync, &request->pool4, options, ret);
		break;
	case CHANGE_POOL4:
		change_pool4(sync, request, options, ret);
		break;
	case CHANGE_ADD_BIB:
		static_change_add(sync, &request->bib, options, ret);
		break;
	case CHANGE_REMOVE_BIB:
		static_change_remove(sync, &request->bib, options, ret);
		break;
	case CHANGE_SET_CONFIG:
	case CHANGE_RESET_CONFIG:
	case CHANGE_ADD_POOL6:
	case CHANGE_REMOVE_POOL6:
	case CHANGE_RELOAD:
		change_settings(settings, request, options, ret);
		break;
	case CHANGE_BLOCK:
		client_change_block(gateway, request->word, request->usec, options, ret);
		break;
	case CHANGE_UNBLOCK:
		client_change_unblock(gateway, request->word, options, ret);
		break;
	case N_CHANGE_KINDS:
		break;
	}
}

bool daemon_perform_is_of_settings(enum change_kind kind)
{
	return kind == CHANGE_SET_CONFIG || kind == CHANGE_RESET_CONFIG ||
	       kind == CHANGE_ADD_POOL6 || kind == CHANGE_REMOVE_POOL6 || kind == CHANGE_RELOAD;
}
