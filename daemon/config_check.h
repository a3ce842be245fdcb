/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What no single key can know: how the values of a configuration fit together. */
#pragma once

#include "daemon/config_file.h"

/* file says where things stand. Adds errors and warnings. */
void config_check(const struct config *config, const struct config_file *file, GPtrArray *problems);

/* Why no binding can have these ports, as far as its sides are given; NULL if it can. */
const char *config_static_refusal(const struct config_static *binding);
