/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parts of what an entry of pool4 is to be, as people write them, with spaces in between. Each is
 * new, for g_free(). */
#pragma once

#include "daemon/core/pool4.h"

char *pool4_spec_text_addresses(const struct pool4_spec *spec);
char *pool4_spec_text_protocols(const struct pool4_spec *spec);
char *pool4_spec_text_clients(const struct pool4_spec *spec);
