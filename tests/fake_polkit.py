# SPDX-License-Identifier: GPL-2.0-or-later
"""A polkit that does as it is told: python-dbusmock's, and what that one can not."""

import os

import dbus
from dbusmock import MOCK_IFACE
from dbusmock.templates.polkitd import (  # noqa: F401, pylint: disable=unused-import
    BUS_NAME, MAIN_IFACE, MAIN_OBJ, SYSTEM_BUS, AllowUnknown, ReleaseHangingCalls, SetAllowed,
    SimulateHang)
from dbusmock.templates import polkitd


def load(mock, parameters):
    polkitd.load(mock, parameters)
    mock.mode = 'answer'
    mock.questions = []


@dbus.service.method(MOCK_IFACE, in_signature='s', out_signature='')
def SetMode(self, mode):
    """answer: as the template; password: an administrator has to say so; error; crash"""
    self.mode = mode


@dbus.service.method(MOCK_IFACE, in_signature='', out_signature='as')
def TakeQuestions(self):
    """What was asked since this was called: SUBJECT-KIND ACTION FLAGS, and what was cancelled."""
    questions, self.questions = self.questions, []
    return dbus.Array(questions, signature='s')


@dbus.service.method(MAIN_IFACE, in_signature='(sa{sv})sa{ss}us', out_signature='(bba{ss})',
                     async_callbacks=('ok_cb', 'err_cb'))
def CheckAuthorization(self, subject, action_id, _details, flags, cancellation_id, ok_cb, err_cb):
    self.questions.append(f'{subject[0]} {action_id} {flags}')
    if self.mode == 'crash':
        os._exit(1)
    if self.mode == 'error':
        err_cb(dbus.exceptions.DBusException('the wires are crossed',
                                             name='org.freedesktop.PolicyKit1.Error.Failed'))
        return
    allowed = action_id in self.allowed or self.allow_unknown
    answer = (allowed, self.mode == 'password', {'polkit.retains_authorization_after_challenge': '1'})
    if self.simulate_hang:
        self.hanging_calls.append((ok_cb, answer))
    else:
        ok_cb(answer)


@dbus.service.method(MAIN_IFACE, in_signature='s', out_signature='')
def CancelCheckAuthorization(self, _cancellation_id):
    self.questions.append('cancelled')
