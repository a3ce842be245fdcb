/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/pool4_text.h"
