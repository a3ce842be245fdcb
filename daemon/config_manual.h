/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of keys in words for people: the section KEYS of nat64d.conf(5), which the build puts
 * into the page, and the example file data/nat64d.conf, which a test holds to it. Both name the
 * sections in one order, and all keys of each.
 */
#pragma once

/* "# KEYS" and all that belongs to it, in scdoc's markup. g_free() */
char *config_manual_keys(void);
/* Every key with its default, as a comment. g_free() */
char *config_manual_example(void);
