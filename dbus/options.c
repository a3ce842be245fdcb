/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See options.h. */
#include "dbus/options.h"

#include <stddef.h>
#include <string.h>

#include "dbus/quote.h"

/* clang-format off */
static const struct option_row change_rows[] = {
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

/* The rows that a method takes, and what has been read. */
struct reading {
	const struct option_row *rows;
	size_t n_rows;
	unsigned allowed;
	unsigned given;
	void *ret;
};

static const struct option_row *find_row(const struct reading *reading, const char *name)
{
	for (size_t i = 0; i < reading->n_rows; i++) {
		if ((reading->rows[i].bit & reading->allowed) != 0 &&
		    strcmp(reading->rows[i].name, name) == 0)
			return &reading->rows[i];
	}
	return NULL;
}

/* The variant that belongs to the row. */
static int read_value(sd_bus_message *message, const struct option_row *row, void *field,
		      sd_bus_error *error)
{
	const char type[] = {row->type, '\0'};
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
	if (row->type == 'u')
		return sd_bus_message_read(message, "v", "u", (uint32_t *)field);
	r = sd_bus_message_read(message, "v", "b", &flag);
	*(bool *)field = r >= 0 && flag;
	return r;
}

/* One name with its value. */
static int read_option(sd_bus_message *message, struct reading *reading, sd_bus_error *error)
{
	const struct option_row *row;
	char text[QUOTE_SIZE];
	const char *name;
	int r;

	r = sd_bus_message_read(message, "s", &name);
	if (r < 0)
		return r;
	row = find_row(reading, name);
	if (row == NULL)
		return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
					 "there is no option '%s' here", quote(name, text));
	if ((reading->given & row->bit) != 0)
		return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
					 "option %s is given twice", name);
	reading->given |= row->bit;
	return read_value(message, row, (char *)reading->ret + row->offset, error);
}

int options_read_rows(sd_bus_message *message, const struct option_row *rows, size_t n_rows,
		      unsigned allowed, void *ret, sd_bus_error *error)
{
	struct reading reading = {rows, n_rows, allowed, 0, ret};
	int r;

	r = sd_bus_message_enter_container(message, 'a', "{sv}");
	if (r < 0)
		return r;
	while ((r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
		r = read_option(message, &reading, error);
		if (r < 0)
			return r;
		r = sd_bus_message_exit_container(message);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : sd_bus_message_exit_container(message);
}

int options_read(sd_bus_message *message, unsigned allowed, struct change_options *ret,
		 sd_bus_error *error)
{
	struct change_options options = {.dry_run = false};
	int r;

	r = options_read_rows(message, change_rows, sizeof(change_rows) / sizeof(change_rows[0]),
			      allowed | OPTION_DRY_RUN, &options, error);
	if (r < 0)
		return r;
	*ret = options;
	return 0;
}
