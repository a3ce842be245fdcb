/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nat64ctl import: the configuration of another translator, as far as it means something here, as a
 * nat64d.conf; and a line for each thing that it does not mean here.
 *
 * What others have written is not trusted: every key is judged as nat64d would, and so is the
 * whole; what does not pass becomes a line, too. No text of theirs gets into the file unquoted.
 */
#pragma once

#include "daemon/config.h"

struct import {
	GPtrArray *sections;    /* struct import_section, in the order in which they come */
	GPtrArray *notes;       /* char *: what could not be carried over, and why */
	struct config *scratch; /* where keys are tried */
};

/* Begins an object, "Pool4 p1"; keys of other sections begin theirs by themselves. */
void import_object(struct import *import, const char *section);
/* origin: what their file calls it, for the note in case that nat64d refuses the value. */
void import_key(struct import *import, const char *section, const char *key, const char *value,
		const char *origin);
/* "WHAT: why not". Control characters do not get through, and it is cut where it gets long. */
void import_note(struct import *import, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Reads text, all of it. NULL, or why it is no such configuration at all; g_free(). */
char *import_jool(struct import *import, const char *text, size_t size);
char *import_tayga(struct import *import, const char *text, size_t size);
