/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See options.h. */
#include "dbus/options.h"

#include "dbus/dictionary.h"

/* clang-format off */
static const struct dictionary_row change_rows[] = {
	{"dry-run",  'b', OPTION_DRY_RUN,  offsetof(struct change_options, dry_run)},
	{"force",    'b', OPTION_FORCE,    offsetof(struct change_options, force)},
	{"replace",  'b', OPTION_REPLACE,  offsetof(struct change_options, replace)},
	{"overflow", 'b', OPTION_OVERFLOW, offsetof(struct change_options, overflow)},
	{"all",      'b', OPTION_ALL,      offsetof(struct change_options, all)},
	{"name",     's', OPTION_NAME,     offsetof(struct change_options, name)},
	{"comment",  's', OPTION_COMMENT,  offsetof(struct change_options, comment)},
	{"clients",  's', OPTION_CLIENTS,  offsetof(struct change_options, clients)},
	{"prefix",   's', OPTION_PREFIX,   offsetof(struct change_options, prefix)},
};
/* clang-format on */

int options_read(sd_bus_message *message, unsigned allowed, struct change_options *ret,
		 sd_bus_error *error)
{
	static const struct dictionary dictionary = {
		.noun = "option",
		.error = SD_BUS_ERROR_INVALID_ARGS,
		.rows = change_rows,
		.n_rows = sizeof(change_rows) / sizeof(change_rows[0]),
	};

	*ret = (struct change_options){.dry_run = false};
	return dictionary_read(message, &dictionary, allowed | OPTION_DRY_RUN, ret, NULL, error);
}
