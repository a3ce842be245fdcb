#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The PREF64 options (RFC 8781) of the first router advertisement that is an answer to ours, a line each:
"PREFIX/LENGTH LIFETIME HEX", the lifetime in seconds; nothing if there is none.

advertised.py INTERFACE SECONDS
"""

import ipaddress
import socket
import struct
import sys
import time

ROUTER_SOLICITATION, ROUTER_ADVERTISEMENT, PREF64 = 133, 134, 38
LENGTHS = [96, 64, 56, 48, 40, 32] # RFC 8781, 4: of the prefix length code


def options(message):
    """(type, whole option) of each."""
    at = 16
    while at + 8 <= len(message):
        size = message[at + 1] * 8
        yield message[at], message[at:at + size]
        at += max(size, 8)


def main():
    interface, seconds = sys.argv[1], float(sys.argv[2])
    index = socket.if_nametoindex(interface)
    end = time.monotonic() + seconds
    wire = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
    wire.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
    wire.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                    socket.inet_pton(socket.AF_INET6, "ff02::1") + struct.pack("@I", index))
    wire.settimeout(0.5)
    while time.monotonic() < end:
        try:
            wire.sendto(struct.pack("!BBHI", ROUTER_SOLICITATION, 0, 0, 0), ("ff02::2", 0, 0, index))
            message = wire.recv(1500)
            while message[0] != ROUTER_ADVERTISEMENT:
                message = wire.recv(1500)
        except (socket.timeout, OSError):
            continue
        for kind, option in options(message):
            if kind == PREF64:
                lifetime, code = struct.unpack("!H", option[2:4])[0] & ~7, option[3] & 7
                prefix = ipaddress.ip_network((option[4:16] + bytes(4), LENGTHS[code]))
                print(prefix, lifetime, option.hex())
        return


main()
