/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who carries out which kind of change. */
#pragma once

#include "daemon/change.h"
#include "daemon/gateway.h"
#include "daemon/pool4_sync.h"
#include "daemon/settings_change.h"

/* With other options than the request has. */
void daemon_perform(struct pool4_sync *sync, struct gateway *gateway,
		    const struct settings_change *settings, const struct change_request *request,
		    const struct change_options *options, struct change_result *ret);

/* Keys, prefixes of Pool6, or the files. */
bool daemon_perform_is_of_settings(enum change_kind kind);
