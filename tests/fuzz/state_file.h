/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A state database as a stranger could leave it: one of any version that has been released, with
 * rows that are then changed by SQL, column by column and with values of any type, and bytes of the
 * file that are changed after that.
 */
#pragma once

#include "tests/fuzz/fuzz.h"

/* The gateway that the rows are about (fuzz_state.c). */
#define STATE_FILE_ADDRESS   "203.0.113.1"
#define STATE_FILE_PORT      1024
#define STATE_FILE_PORT_LAST 2047

/* Makes the file at path, which is not there, from the rest of the input. True if all of it was
 * done by SQL on tables as they are, so that its pages are sound. */
bool state_file_make(const char *path, struct fuzz_input *input);
/* What is left of the input is the file, as it is. */
void state_file_copy(const char *path, struct fuzz_input *input);
