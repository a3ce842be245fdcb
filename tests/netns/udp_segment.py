#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Superpackets of UDP, as senders make them with UDP_SEGMENT: one send, several datagrams.

    udp_segment.py server ADDRESS PORT    sends back what comes, as a superpacket, too
    udp_segment.py client ADDRESS PORT    prints how many came back, and how many of them as they were sent
"""

import socket
import sys

UDP_SEGMENT = 103  # linux/udp.h
SIZE, NUMBER = 1000, 10


def open_socket(address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    result = socket.socket(family, socket.SOCK_DGRAM)
    result.settimeout(5)
    return result


def datagrams():
    return [bytes([i]) * SIZE for i in range(NUMBER)]


def receive(udp):
    """Up to NUMBER datagrams, and who has sent the last one."""
    found, peer = [], None
    try:
        while len(found) < NUMBER:
            datagram, peer = udp.recvfrom(65536)
            found.append(datagram)
    except socket.timeout:
        pass
    return found, peer


def serve(address, port):
    udp = open_socket(address)
    udp.bind((address, port))
    udp.settimeout(None)
    print("listening", flush=True)
    while True:
        found, peer = receive(udp)
        udp.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, SIZE)
        udp.sendto(b"".join(found), peer)


def ask(address, port):
    udp = open_socket(address)
    udp.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, SIZE)
    udp.sendto(b"".join(datagrams()), (address, port))
    found, _ = receive(udp)
    print(len(found), sum(a == b for a, b in zip(found, datagrams())))


if __name__ == "__main__":
    {"server": serve, "client": ask}[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
