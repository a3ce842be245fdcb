/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of the management interface that service and clients share; org.nat64d1.xml explains them.
 */
#pragma once

#define DBUS_SERVICE               "org.nat64d1"
#define DBUS_PATH                  "/org/nat64d1"
#define DBUS_PATH_POOL4            DBUS_PATH "/pool4"
#define DBUS_PATH_LOG_CONTROL      "/org/freedesktop/LogControl1"
#define DBUS_INTERFACE_LOG_CONTROL "org.freedesktop.LogControl1"
#define DBUS_INTERFACE_MANAGER     "org.nat64d1.Manager"
#define DBUS_INTERFACE_POOL4       "org.nat64d1.Pool4"

#define DBUS_ERROR_INVALID_ADDRESS    "org.nat64d1.Error.InvalidAddress"
#define DBUS_ERROR_INVALID_PORTS      "org.nat64d1.Error.InvalidPorts"
#define DBUS_ERROR_INVALID_PROTOCOL   "org.nat64d1.Error.InvalidProtocol"
#define DBUS_ERROR_INVALID_FILTER     "org.nat64d1.Error.InvalidFilter"
#define DBUS_ERROR_INVALID_KEY        "org.nat64d1.Error.InvalidKey"
#define DBUS_ERROR_RESTART_REQUIRED   "org.nat64d1.Error.RestartRequired"
#define DBUS_ERROR_OVERRIDES_DISABLED "org.nat64d1.Error.OverridesDisabled"
#define DBUS_ERROR_INVALID_VALUE      "org.nat64d1.Error.InvalidValue"
#define DBUS_ERROR_OVERLAP            "org.nat64d1.Error.Overlap"
#define DBUS_ERROR_AMBIGUOUS          "org.nat64d1.Error.Ambiguous"
#define DBUS_ERROR_NO_SUCH_POOL4      "org.nat64d1.Error.NoSuchPool4"
#define DBUS_ERROR_POOL4_IN_USE       "org.nat64d1.Error.Pool4InUse"
#define DBUS_ERROR_NO_SUCH_BIB        "org.nat64d1.Error.NoSuchBib"
#define DBUS_ERROR_BIB_EXISTS         "org.nat64d1.Error.BibExists"
#define DBUS_ERROR_ADDRESS_TAKEN      "org.nat64d1.Error.AddressTaken"
#define DBUS_ERROR_NOT_IN_POOL4       "org.nat64d1.Error.NotInPool4"
#define DBUS_ERROR_NO_SUCH_CLIENT     "org.nat64d1.Error.NoSuchClient"
#define DBUS_ERROR_CLIENT_BLOCKED     "org.nat64d1.Error.ClientBlocked"
#define DBUS_ERROR_EXHAUSTED          "org.nat64d1.Error.Exhausted"
#define DBUS_ERROR_DATABASE_FAILED    "org.nat64d1.Error.DatabaseFailed"

/* Rows of the list methods. */
#define DBUS_TYPE_POOL4   "(oa{sv})"
#define DBUS_TYPE_BIB     "(ssqsqbuttu)"
#define DBUS_TYPE_CLIENT  "(sttttt)"
#define DBUS_TYPE_BLOCKED "(st)"
#define DBUS_TYPE_CONFIG  "(sssb)"
#define DBUS_TYPE_SESSION "(ssqsqsqsqst)"
#define DBUS_TYPE_WHO     "(ssqtt)"

#define DBUS_ROWS_DEFAULT 1000
#define DBUS_ROWS_MAX     10000

/* Who may see bindings and sessions, besides root and the daemon's user. */
#define DBUS_ADMIN_GROUP "nat64d-admin"

/* Somebody whom polkit asks for a password has so long. */
#define DBUS_PASSWORD_USEC 120000000

#define DBUS_CONTROL_SOCKET "/run/nat64d/control"
