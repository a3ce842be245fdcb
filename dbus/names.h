/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of the management interface that service and clients share; org.nat64d1.xml explains them.
 */
#pragma once

#define DBUS_SERVICE           "org.nat64d1"
#define DBUS_PATH              "/org/nat64d1"
#define DBUS_INTERFACE_MANAGER "org.nat64d1.Manager"

#define DBUS_ERROR_INVALID_ADDRESS  "org.nat64d1.Error.InvalidAddress"
#define DBUS_ERROR_INVALID_PROTOCOL "org.nat64d1.Error.InvalidProtocol"
#define DBUS_ERROR_INVALID_FILTER   "org.nat64d1.Error.InvalidFilter"
#define DBUS_ERROR_NO_SUCH_POOL4    "org.nat64d1.Error.NoSuchPool4"

/* Rows of the list methods. */
#define DBUS_TYPE_POOL4   "(oa{sv})"
#define DBUS_TYPE_BIB     "(ssqsqbuttu)"
#define DBUS_TYPE_SESSION "(ssqsqsqsqst)"

#define DBUS_ROWS_DEFAULT 1000
#define DBUS_ROWS_MAX     10000

/* Who may see bindings and sessions, besides root and the daemon's user. */
#define DBUS_ADMIN_GROUP "nat64d-admin"

#define DBUS_CONTROL_SOCKET "/run/nat64d/control"
