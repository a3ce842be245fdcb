/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an administrator does to the entries of a random pool4 and of its model, in one step each.
 */
#pragma once

#include "tests/property/pool4_model.h"

void pool4_admin_add(struct pool4_model *model);
void pool4_admin_remove(struct pool4_model *model);
/* One that is in use, with all that uses it (P-22). */
void pool4_admin_force_remove(struct pool4_model *model);
void pool4_admin_set_state(struct pool4_model *model);
void pool4_admin_set_ports(struct pool4_model *model);
void pool4_admin_set_addresses(struct pool4_model *model);
