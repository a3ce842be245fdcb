# SPDX-License-Identifier: GPL-2.0-or-later
#
# ping with room for all that waited: that of iputils asks for a receive buffer of 170 small answers, and
# loses more than that when a daemon that was away sends them in one go. For ping.sh and bus.sh.
#
#   pinger.py ADDRESS INTERVAL_S
#
# Each answer is a line, with "icmp_seq=N ", which goes on after 65535. SIGQUIT prints how many were sent, as "sent=N"; SIGINT ends it.

import os
import select
import signal
import socket
import struct
import sys
import time

ECHO_REQUEST, ECHO_REPLY = 128, 129
ROOM_BYTES = 16 << 20
SO_RCVBUFFORCE = 33
PADDING = bytes(48)


def main():
    address, interval_s = sys.argv[1], float(sys.argv[2])
    identifier = os.getpid() & 0xffff
    sent = 0
    asked = []

    # Ignored by whoever the shell starts in the background.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Told between two lines, not in the middle of one.
    signal.signal(signal.SIGQUIT, lambda _number, _frame: asked.append(True))
    link = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    try:
        link.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, ROOM_BYTES)
    except PermissionError:
        # Not root outside: as much as everybody may have.
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM_BYTES)
    # All types but one are filtered out (RFC 3542, section 3.2): a one is a type that does not pass.
    bits = [0xffffffff] * 8
    bits[ECHO_REPLY // 32] &= ~(1 << ECHO_REPLY % 32)
    link.setsockopt(socket.IPPROTO_ICMPV6, 1, struct.pack("=8I", *bits))
    link.connect((address, 0))
    due = time.monotonic()
    while True:
        if asked:
            asked.clear()
            print("sent=%d" % sent, flush=True)
        wait_s = due - time.monotonic()
        if wait_s <= 0:
            sent += 1
            request = struct.pack("!BBHHHQ", ECHO_REQUEST, 0, 0, identifier, sent & 0xffff, sent) + PADDING
            try:
                link.send(request)
            except OSError:
                pass  # An ICMPv6 error for an earlier one is no reason to end; this one is lost.
            # What was missed while others ran is not made up for.
            due = max(due + interval_s, time.monotonic())
            continue
        if select.select([link], [], [], wait_s)[0]:
            try:
                message = link.recv(65536)
            except OSError:
                continue
            if len(message) >= 16 and struct.unpack("!H", message[4:6])[0] == identifier:
                print("%d bytes from %s: icmp_seq=%d answered" % (
                    len(message), address, struct.unpack("!Q", message[8:16])[0]), flush=True)


try:
    main()
except KeyboardInterrupt:
    pass
