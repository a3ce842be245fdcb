#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A DNS server that answers every question, by UDP and TCP, with the question itself.

resolver.py ADDRESS4 answers|silent
"""

import selectors
import socket
import struct
import sys


def answer(question):
    return question[:2] + bytes([question[2] | 0x80]) + question[3:]


def main():
    address, manner = sys.argv[1:]
    selector = selectors.DefaultSelector()
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((address, 53))
    tcp = socket.create_server((address, 53))
    selector.register(udp, selectors.EVENT_READ)
    selector.register(tcp, selectors.EVENT_READ)
    print('ready', flush=True)
    while True:
        for key, _ in selector.select():
            if key.fileobj is udp:
                question, peer = udp.recvfrom(512)
                if manner == 'answers':
                    udp.sendto(answer(question), peer)
                continue
            connection, _ = tcp.accept()
            with connection:
                size = struct.unpack('!H', connection.recv(2, socket.MSG_WAITALL))[0]
                question = connection.recv(size, socket.MSG_WAITALL)
                if manner == 'answers':
                    connection.sendall(struct.pack('!H', size) + answer(question))


main()
