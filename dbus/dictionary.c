/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dbus/dictionary.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "dbus/quote.h"

static const struct dictionary_row *find_row(const struct dictionary *dictionary, unsigned allowed,
					     const char *name)
{
	for (size_t i = 0; i < dictionary->n_rows; i++) {
		const struct dictionary_row *row = &dictionary->rows[i];

		if ((row->bit & allowed) != 0 && strcmp(row->name, name) == 0)
			return row;
	}
	return NULL;
}

/* The variant that belongs to the row. */
static int read_value(sd_bus_message *message, const struct dictionary *dictionary,
		      const struct dictionary_row *row, void *field, sd_bus_error *error)
{
	const char type[] = {row->type, '\0'};
	char quoted[QUOTE_SIZE];
	const char *contents;
	int r, flag;

	r = sd_bus_message_peek_type(message, NULL, &contents);
	if (r < 0)
		return r;
	if (strcmp(contents, type) != 0)
		return sd_bus_error_setf(error, dictionary->error,
					 "%s %s has type '%s' instead of '%s'", dictionary->noun,
					 row->name, quote(contents, quoted), type);
	switch (row->type) {
	case 's':
		return sd_bus_message_read(message, "v", "s", (const char **)field);
	case 'q':
		return sd_bus_message_read(message, "v", "q", (uint16_t *)field);
	case 'u':
		return sd_bus_message_read(message, "v", "u", (uint32_t *)field);
	default:
		r = sd_bus_message_read(message, "v", "b", &flag);
		*(bool *)field = r >= 0 && flag;
		return r;
	}
}

/* One name with its value. given: those that have been read. */
static int read_entry(sd_bus_message *message, const struct dictionary *dictionary,
		      unsigned allowed, void *ret, unsigned *given, sd_bus_error *error)
{
	const struct dictionary_row *row;
	char quoted[QUOTE_SIZE];
	const char *name;
	int r;

	r = sd_bus_message_read(message, "s", &name);
	if (r < 0)
		return r;
	row = find_row(dictionary, allowed, name);
	if (row == NULL)
		return sd_bus_error_setf(error, dictionary->error, "there is no %s '%s' here",
					 dictionary->noun, quote(name, quoted));
	if ((*given & row->bit) != 0)
		return sd_bus_error_setf(error, dictionary->error, "%s %s is given twice",
					 dictionary->noun, name);
	*given |= row->bit;
	return read_value(message, dictionary, row, (char *)ret + row->offset, error);
}

int dictionary_read(sd_bus_message *message, const struct dictionary *dictionary, unsigned allowed,
		    void *ret, unsigned *ret_given, sd_bus_error *error)
{
	unsigned given = 0;
	int r;

	r = sd_bus_message_enter_container(message, 'a', "{sv}");
	if (r < 0)
		return r;
	while ((r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
		r = read_entry(message, dictionary, allowed, ret, &given, error);
		if (r < 0)
			return r;
		r = sd_bus_message_exit_container(message);
		if (r < 0)
			return r;
	}
	if (ret_given != NULL)
		*ret_given = given;
	return r < 0 ? r : sd_bus_message_exit_container(message);
}
