/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Configuration files for tests. */
#pragma once

#include <glib.h>

#include "daemon/config.h"

/* Of a file in tests/config. */
char *config_fixture_path(const char *name);

/* A file of its own with this text. */
char *config_fixture_write(const char *text);

/* Loads what must load; warnings are in problems. */
struct config *config_fixture_load(const char *path, GPtrArray *problems);
