# SPDX-License-Identifier: GPL-2.0-or-later
#
# Flows of numbered UDP datagrams from many addresses, for workers.sh.
#
#   workers.py sink PORT              answers each datagram to its sender, and prints at the end (SIGTERM)
#                                     "FLOWS DATAGRAMS OVERTAKEN"
#   workers.py send SERVER PORT COUNT ADDRESS…   so many of each address, in turn; prints
#                                     "SENT ANSWERED OVERTAKEN" when no more answers come
#
# OVERTAKEN: datagrams that came after one that was sent later, by the same flow. Those that are lost do not
# count.

import random
import selectors
import signal
import socket
import struct
import sys
import time

IN_FLIGHT = 64
PATIENCE_S = 2
ROOM = 8 << 20
HEAD = struct.Struct("!QI")  # the flow, at random, and the number of the datagram


class Order:
    def __init__(self):
        self.last = {}
        self.n = 0
        self.n_overtaken = 0

    def note(self, data):
        flow, number = HEAD.unpack(data[:HEAD.size])
        self.n += 1
        if number <= self.last.get(flow, -1):
            self.n_overtaken += 1
        self.last[flow] = number


def open_socket(family, address):
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM)
    sock.bind(address)
    return sock


def sink(port):
    order = Order()
    sock = open_socket(socket.AF_INET, ("0.0.0.0", port))

    def end(*_):
        print(len(order.last), order.n, order.n_overtaken, flush=True)
        sys.exit(0)

    signal.signal(signal.SIGTERM, end)
    print("ready", flush=True)
    while True:
        data, sender = sock.recvfrom(65536)
        order.note(data)
        sock.sendto(data, sender)


# No more than IN_FLIGHT are under way, so that nothing is lost for want of room.
def send(server, port, count, addresses):
    order = Order()
    selector = selectors.DefaultSelector()
    flows = [random.getrandbits(64) for _ in addresses]
    socks = [open_socket(socket.AF_INET6, (address, 0)) for address in addresses]
    for sock in socks:
        sock.setblocking(False)
        selector.register(sock, selectors.EVENT_READ)
    total, n_sent, heard = count * len(socks), 0, time.monotonic()
    while order.n < total and time.monotonic() < heard + PATIENCE_S:
        while n_sent < total and n_sent - order.n < IN_FLIGHT:
            number, index = divmod(n_sent, len(socks))
            data = HEAD.pack(flows[index], number).ljust(16 + (n_sent * 37) % 1000, b".")
            socks[index].sendto(data, (server, port))
            n_sent += 1
        for key, _ in selector.select(0.1):
            order.note(key.fileobj.recv(65536))
            heard = time.monotonic()
    print(n_sent, order.n, order.n_overtaken)


if sys.argv[1] == "sink":
    sink(int(sys.argv[2]))
else:
    send(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5:])
