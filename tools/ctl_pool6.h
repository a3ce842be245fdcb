/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The prefixes of Pool6, as the daemon has them now. */
#pragma once

#include <glib.h>

#include "tools/ctl.h"

/* Texts, in their order. On failure the reason has been printed. */
enum ctl_status ctl_pool6_get(struct ctl *ctl, GPtrArray **ret);
