/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The properties of an entry of pool4: in a row of ListPool4 and as those of its object. */
#pragma once

#include <systemd/sd-bus.h>

#include "dbus/list.h"

/* The value of one property, without a variant around it. -EINVAL if there is none of that name. */
int pool4_row_append(sd_bus_message *reply, const struct list_pool4_row *row, const char *property);

/* All of them, as a{sv}. */
int pool4_row_append_all(sd_bus_message *reply, const struct list_pool4_row *row);
