/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/ip4_id.h"
