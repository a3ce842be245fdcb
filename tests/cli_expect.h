/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What nat64ctl prints, held against the files in tests/cli. With NAT64D_WRITE_EXPECTED in the
 * environment they are written instead.
 */
#pragma once

#include <jansson.h>

#include "tests/cli_run.h"

struct cli_case {
	const char *arguments; /* separated by spaces */
	int status;
	const char *file;    /* of standard output in tests/cli, or NULL: none */
	const char *message; /* on standard error */
};

/* Times and sizes that differ from run to run are made equal. */
char *cli_normalise(const char *text);

/* A normalised text is that of the file. */
void cli_expect_text(const char *file, const char *text);

/* Runs as the case says; what it printed with --json is added to the file documents. */
void cli_expect(const struct test_service *of, const struct cli_case *c, bool to_socket,
		const char *documents);

/* Adds a document, for check_schemas.py. */
void cli_keep_document(const char *documents, const char *arguments, json_t *document);
