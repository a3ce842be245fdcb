/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The addresses of a pool4 entry as people write them (INTERFACE.md, section 5): a list of
 * 192.0.2.7, 192.0.2.8/29, 192.0.2.8-192.0.2.15 and interface:NAME, separated by spaces or commas.
 *
 * Numbers only: no names are looked up here, and interfaces are left to the edge, which knows their
 * addresses.
 */
#pragma once

#include "daemon/core/addr4_ranges.h"

#define POOL4_TEXT_INTERFACE_SIZE 16  /* as the kernel's IFNAMSIZ */
#define POOL4_TEXT_ERROR_SIZE     256 /* holds every sentence of pool4_text_parse() */

struct pool4_text {
	struct addr4_range *range; /* sorted, merged */
	uint32_t n_ranges;
	char (*interface)[POOL4_TEXT_INTERFACE_SIZE]; /* in the order of the text, each once */
	uint32_t n_interfaces;
};

/* NULL, and the caller ends *ret with pool4_text_deinit(); or one sentence with the offending
 * value, written to error, and *ret is untouched. An empty list is an error. */
const char *pool4_text_parse(const char *text, struct pool4_text *ret,
			     char error[POOL4_TEXT_ERROR_SIZE]);
void pool4_text_deinit(struct pool4_text *text);

/* "192.0.2.7 192.0.2.8/29 192.0.2.16-192.0.2.18": an address, a prefix where a range is one, else
 * first-last. As snprintf(): writes at most size bytes with the NUL, and returns the length of the
 * whole text. */
size_t pool4_text_print(const struct addr4_range *range, uint32_t n_ranges, char *buffer,
			size_t size);
