#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Both ends of the traffic in the machine.

peer.py serve [ADDRESS]  TCP 7000: numbered lines until the other end closes; TCP 7001: a digest, and
                         what it is of; TCP 7002: a checksum of what comes, and as much in return with
                         its own; UDP 7: who it came from
peer.py download [TO]    reads numbered lines; at SIGTERM says how many there were; any other number
                         than the next one, or an end, is an error
peer.py ping             100 echo requests per second, each with its own number; at SIGTERM, but not before
                         there were 1000, waits for what is missing, and says how many were answered and
                         for how long none was
peer.py checksum         the other TCP port, and whether the digest is right
peer.py both MB          that port, so much in each direction
peer.py udp PORT [TO]    from that port: what the server says who it is
peer.py udps PORT N      the same from N ports, without words
peer.py advertise        a router's advertisements, each three seconds, on the interface "gateway"
"""

import hashlib
import os
import select
import signal
import socket
import struct
import sys
import threading
import time
import zlib

SERVER6 = '64:ff9b::198.51.100.2'
PROGRESS = os.environ.get('PEER_PROGRESS', '/run/download')
SERVER4 = '198.51.100.2'
LINE = 16
SIZE = 1 << 20
PIECE = 1 << 16
PINGS = 1000
INTERVAL = 0.01
# Nothing has come for so long, while nothing is sent any more: it is lost.
PATIENCE = 20


def numbered(connection):
    number = 0
    try:
        while True:
            connection.sendall(b''.join(b'%015d\n' % (number + i) for i in range(64)))
            number += 64
            time.sleep(0.02)
    except OSError:
        connection.close()


def digested(connection):
    data = b''.join(hashlib.sha256(b'%d' % i).digest() for i in range(SIZE // 32))
    connection.sendall(hashlib.sha256(data).hexdigest().encode() + data)
    connection.close()


def pieces(count):
    for number in range(count):
        yield b'%016d' % number * (PIECE // 16)


def returned(connection):
    size = found = sent = 0
    while data := connection.recv(PIECE):
        found = zlib.crc32(data, found)
        size += len(data)
    connection.sendall(b'%08x' % found)
    for piece in pieces(size // PIECE):
        sent = zlib.crc32(piece, sent)
        connection.sendall(piece)
    connection.sendall(b'%08x' % sent)
    connection.close()


def accept(port, serve):
    listener = socket.create_server(('', port))
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


def serve(server=SERVER4):
    for port, function in ((7000, numbered), (7001, digested), (7002, returned)):
        threading.Thread(target=accept, args=(port, function), daemon=True).start()
    echo = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    echo.bind((server, 7))
    while True:
        _, peer = echo.recvfrom(2048)
        echo.sendto(b'%s:%d' % (peer[0].encode(), peer[1]), peer)


def read_exactly(connection, size):
    data = b''
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise EOFError(f'the connection ended after {len(data)} of {size} bytes')
        data += piece
    return data


def download(server=SERVER6):
    number = 0
    longest = 0.0

    def end(*_):
        print(f'{number} lines, longest silence {longest:.1f} s', flush=True)
        sys.exit(0 if number > 0 else 1)

    connection = socket.create_connection((server, 7000))
    signal.signal(signal.SIGTERM, end)
    while True:
        before = time.monotonic()
        line = read_exactly(connection, LINE)
        longest = max(longest, time.monotonic() - before)
        if line != b'%015d\n' % number:
            sys.exit(f'line {number} is {line}')
        number += 1
        if number % 64 == 0:
            # For who waits for it to go on.
            with open(PROGRESS, 'w', encoding='ascii') as file:
                file.write(str(number))


class Pinger:
    """Echo requests and what comes back; time is that of the client's clock."""

    def __init__(self):
        self.sock = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
        self.sock.connect((SERVER6, 0))
        self.name = os.getpid() & 0xffff
        self.sent = 0
        self.answered = set()
        self.last = time.monotonic()
        self.longest = 0.0
        self.stop = False
        signal.signal(signal.SIGTERM, self.end)

    def end(self, *_):
        self.stop = True

    def send(self):
        # The kernel sets the checksum; the number has 32 bits, of which the header takes 16.
        self.sock.send(struct.pack('!BBHHHI', 128, 0, 0, self.name, self.sent & 0xffff, self.sent))
        self.sent += 1

    def receive(self, timeout):
        """What comes within timeout seconds."""
        readable, _, _ = select.select([self.sock], [], [], max(timeout, 0))
        if not readable:
            return
        data = self.sock.recv(2048)
        if len(data) != 12 or data[0] != 129 or data[4:6] != struct.pack('!H', self.name):
            return
        now = time.monotonic()
        self.longest = max(self.longest, now - self.last)
        self.last = now
        self.answered.add(struct.unpack('!I', data[8:])[0])
        if len(self.answered) % 10 == 0:
            with open('/run/ping', 'w', encoding='ascii') as file:
                file.write(str(len(self.answered)))

    def run(self):
        due = time.monotonic()
        while not self.stop or self.sent < PINGS:
            now = time.monotonic()
            if now >= due:
                self.send()
                due = max(due + INTERVAL, now)
            self.receive(due - time.monotonic())
        end = time.monotonic()
        while len(self.answered) < self.sent and time.monotonic() - max(self.last, end) < PATIENCE:
            self.receive(1)
        print(self.sent - len(self.answered), f'of {self.sent} pings lost, longest silence {self.longest:.2f} s',
              flush=True)


def checksum():
    with socket.create_connection((SERVER6, 7001)) as connection:
        digest = read_exactly(connection, 64).decode()
        found = hashlib.sha256(read_exactly(connection, SIZE)).hexdigest()
    if found != digest:
        sys.exit(f'expected {digest}, found {found}')


def both(megabytes):
    count = (int(megabytes) << 20) // PIECE
    sent = found = 0
    with socket.create_connection((SERVER6, 7002)) as connection:
        for piece in pieces(count):
            sent = zlib.crc32(piece, sent)
            connection.sendall(piece)
        connection.shutdown(socket.SHUT_WR)
        if read_exactly(connection, 8) != b'%08x' % sent:
            sys.exit('what was sent is not what has come')
        for _ in range(count):
            found = zlib.crc32(read_exactly(connection, PIECE), found)
        if read_exactly(connection, 8) != b'%08x' % found:
            sys.exit('what has come is not what was sent')


def ask_udp(port, server):
    """What the server says who that port is."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.bind(('2001:db8:1::2', port))
        sock.settimeout(2)
        for _ in range(5):
            sock.sendto(b'?', (server, 7))
            try:
                return sock.recv(64).decode()
            except socket.timeout:
                continue
    sys.exit('no answer to 5 datagrams')


def udp(port, server=SERVER6):
    print(ask_udp(int(port), server))


def udps(port, n):
    for i in range(int(n)):
        ask_udp(int(port) + i, SERVER6)


def advertise():
    """RFC 4861, 4.2: a default route for half an hour, and a prefix to make an address of."""
    sock = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'gateway')
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
    prefix = struct.pack('!BBBBIII', 3, 4, 64, 0xc0, 86400, 14400, 0)
    message = struct.pack('!BBHBBHII', 134, 0, 0, 64, 0, 1800, 0, 0) + prefix
    message += socket.inet_pton(socket.AF_INET6, '2001:db8:4::')
    while True:
        try:
            sock.sendto(message, ('ff02::1', 0))
        except OSError:
            pass  # the interface has no address yet
        time.sleep(3)


def ping():
    Pinger().run()


verbs = {'serve': serve, 'download': download, 'ping': ping, 'advertise': advertise, 'checksum': checksum, 'both': both,
         'udp': udp, 'udps': udps}
verbs[sys.argv[1]](*sys.argv[2:])
