/* SPDX-License-Identifier: GPL-2.0-or-later */
/* org.freedesktop.LogControl1, as "systemctl service-log-level nat64d" wants it. */
#pragma once

#include <systemd/sd-bus.h>

struct manager;

/* Adds the object. */
int log_control_serve(struct manager *manager, sd_bus *bus);
