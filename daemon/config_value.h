/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Values of configuration keys: text in, a field of a struct out, or a sentence that says why not.
 * Bounds are checked here, so that no other place can forget them (K-12).
 */
#pragma once

#include "daemon/config_keys.h"

/*
 * Parses text as key wants it and writes it into base, which is config itself or the object
 * (struct config_pool4, struct config_static) that the key belongs to. Returns NULL, or a clause
 * for a message in new memory; then nothing has been written.
 */
char *config_value_set(const struct config_key *key, const char *text, struct config *config,
		       void *base);

/* "300", "15s", "2h4min", "250ms", "1d12h"; a bare number is seconds. In milliseconds. */
bool config_duration_parse(const char *text, uint64_t *ret_ms);
/* "2h4min", with the units that are needed; "0s". ret is DURATION_TEXT_SIZE bytes. */
#define CONFIG_DURATION_TEXT_SIZE 64
const char *config_duration_print(uint64_t ms, char *ret);
/* A bound of key in the unit that people write. ret is CONFIG_DURATION_TEXT_SIZE bytes. */
void config_bound_print(const struct config_key *key, uint64_t value, char *ret);
/* "65536", "64M" (1024 to the power of K, M, G, T). */
bool config_size_parse(const char *text, uint64_t *ret_bytes);
/* Decimal digits only. */
bool config_number_parse(const char *text, uint64_t *ret);

/* Of the lists that have a home of their own in struct nat64_config: config_list.c. */
char *config_list_set(const struct config_key *key, const char *text, struct config *config,
		      void *field);
/* Of keys in [Pool4 NAME] and [Static NAME]: config_object.c. */
char *config_object_set(const struct config_key *key, const char *text, struct config *config,
			void *base);

/* yes, true, on, 1; no, false, off, 0. */
bool config_bool_parse(const char *text, bool *ret);
/* A prefix without host bits, or a clause for a message in new memory. */
char *config_prefix6_parse(const char *text, struct prefix6 *ret);

/* The words of a list, separated by spaces or tabs; to be freed with g_strfreev(). */
char **config_words(const char *text);
