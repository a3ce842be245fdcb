/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/daemon_kept.h"

#include "daemon/core/nat64.h"
#include "daemon/kept.h"
#include "daemon/log.h"
#include "daemon/settings_change.h"

static void report(void *context, int level, const char *text)
{
	log_line(level, "%s", text);
}

void daemon_kept_init(struct daemon_kept *kept, const GPtrArray *rows)
{
	*kept = (struct daemon_kept){.rows = rows, .outdated = kept_rows_new()};
}

void daemon_kept_deinit(struct daemon_kept *kept)
{
	g_clear_pointer(&kept->overrides, g_ptr_array_unref);
	g_clear_pointer(&kept->outdated, g_ptr_array_unref);
}

void daemon_kept_restore_settings(struct daemon_kept *kept, struct config_settings *settings,
				  struct config **config)
{
	g_autoptr(GPtrArray) held = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GPtrArray) problems = config_problems_new();
	struct config_draft draft;

	if (!kept->rows)
		return;
	kept->overrides = kept_settings_read(kept->rows, report, NULL);
	if (config_draft_restore(settings, kept->overrides, *config, &draft, held, problems) < 0) {
		settings_log_problems(problems);
		return;
	}
	for (guint i = 0; i < held->len; i++)
		log_line(LOG_WARNING, "%s", (const char *)g_ptr_array_index(held, i));
	for (guint i = 0; i < draft.dropped->len; i++)
		log_line(LOG_NOTICE, "%s", (const char *)g_ptr_array_index(draft.dropped, i));
	config_free(*config);
	*config = g_steal_pointer(&draft.config);
	config_settings_accept(settings, &draft);
}

void daemon_kept_restore_pool4(const struct daemon_kept *kept, struct pool4_sync *sync,
			       const struct config *config)
{
	if (kept->rows)
		pool4_sync_restore(sync, config, kept->rows);
}

void daemon_kept_restore_clients(struct daemon_kept *kept, struct gateway *gateway)
{
	if (!kept->rows)
		return;
	gateway_lock(gateway);
	kept_blocked_restore(&gateway->nat->blocklist, kept->rows, gateway_now_ms(), kept->outdated,
			     report, NULL);
	gateway_unlock(gateway);
}
