/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See options.h. */
#include "dbus/options.h"

#include <stddef.h>
#include <string.h>

#include "dbus/quote.h"

/* clang-format off */
static const struct row {
	const char *name;
	char type;
	enum option option;
	size_t offset; /* in struct change_options: bool or text */
} rows[] = {
	{"dry-run",  'b', OPTION_DRY_RUN,  offsetof(struct change_options, dry_run)},
	{"force",    'b', OPTION_FORCE,    offsetof(struct change_options, force)},
	{"replace",  'b', OPTION_REPLACE,  offsetof(struct change_options, replace)},
	{"overflow", 'b', OPTION_OVERFLOW, offsetof(struct change_options, overflow)},
	{"name",     's', OPTION_NAME,     offsetof(struct change_options, name)},
	{"comment",  's', OPTION_COMMENT,  offsetof(struct change_options, comment)},
	{"clients",  's', OPTION_CLIENTS,  offsetof(struct change_options, clients)},
	{"prefix",   's', OPTION_PREFIX,   offsetof(struct change_options, prefix)},
};
/* clang-format on */

static const struct row *find_row(const char *name, unsigned allowed)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if ((rows[i].option & allowed) != 0 && strcmp(rows[i].name, name) == 0)
			return &rows[i];
	}
	return NULL;
}

/* The variant that belongs to the row. */
static int read_value(sd_bus_message *message, const struct row *row,
		      struct change_options *options, sd_bus_error *error)
{
	const char type[] = {row->type, '\0'};
	void *field = (char *)options + row->offset;
	char quoted[QUOTE_SIZE];
	const char *contents;
	int r, flag;

	r = sd_bus_message_peek_type(message, NULL, &contents);
	if (r < 0)
		return r;
	if (strcmp(contents, type) != 0)
		return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
					 "option %s has type '%s' instead of '%s'", row->name,
					 quote(contents, quoted), type);
	if (row->type == 's')
		return sd_bus_message_read(message, "v", "s", (const char **)field);
	r = sd_bus_message_read(message, "v", "b", &flag);
	*(bool *)field = r >= 0 && flag;
	return r;
}

/* One name with its value. given: those that have been read. */
static int read_option(sd_bus_message *message, unsigned allowed, struct change_options *options,
		       unsigned *given, sd_bus_error *error)
{
	const struct row *row;
	char text[QUOTE_SIZE];
	const char *name;
	int r;

	r = sd_bus_message_read(message, "s", &name);
	if (r < 0)
		return r;
	row = find_row(name, allowed);
	if (row == NULL)
		return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
					 "there is no option '%s' here", quote(name, text));
	if ((*given & row->option) != 0)
		return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
					 "option %s is given twice", name);
	*given |= row->option;
	return read_value(message, row, options, error);
}

int options_read(sd_bus_message *message, unsigned allowed, struct change_options *ret,
		 sd_bus_error *error)
{
	struct change_options options = {.dry_run = false};
	unsigned given = 0;
	int r;

	r = sd_bus_message_enter_container(message, 'a', "{sv}");
	if (r < 0)
		return r;
	while ((r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
		r = read_option(message, allowed | OPTION_DRY_RUN, &options, &given, error);
		if (r < 0)
			return r;
		r = sd_bus_message_exit_container(message);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	r = sd_bus_message_exit_container(message);
	if (r < 0)
		return r;
	*ret = options;
	return 0;
}
