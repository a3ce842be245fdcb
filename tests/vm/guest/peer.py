#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Both ends of the traffic in the machine.

peer.py serve            TCP 7000: numbered lines until the other end closes; TCP 7001: a digest, and
                         what it is of; UDP 7: who it came from
peer.py download         reads numbered lines; at SIGTERM says how many there were; any other number
                         than the next one, or an end, is an error
peer.py checksum         the other TCP port, and whether the digest is right
peer.py udp PORT         from that port: what the server says who it is
"""

import hashlib
import signal
import socket
import sys
import threading
import time

SERVER4 = '198.51.100.2'
SERVER6 = '64:ff9b::198.51.100.2'
LINE = 16
SIZE = 1 << 20


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


def accept(port, serve):
    listener = socket.create_server(('', port))
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


def serve():
    for port, function in ((7000, numbered), (7001, digested)):
        threading.Thread(target=accept, args=(port, function), daemon=True).start()
    echo = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    echo.bind((SERVER4, 7))
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


def download():
    number = 0
    longest = 0.0

    def end(*_):
        print(f'{number} lines, longest silence {longest:.1f} s', flush=True)
        sys.exit(0 if number > 0 else 1)

    connection = socket.create_connection((SERVER6, 7000))
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
            with open('/run/download', 'w', encoding='ascii') as file:
                file.write(str(number))


def checksum():
    with socket.create_connection((SERVER6, 7001)) as connection:
        digest = read_exactly(connection, 64).decode()
        found = hashlib.sha256(read_exactly(connection, SIZE)).hexdigest()
    if found != digest:
        sys.exit(f'expected {digest}, found {found}')


def udp(port):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.bind(('2001:db8:1::2', int(port)))
        sock.settimeout(2)
        for _ in range(5):
            sock.sendto(b'?', (SERVER6, 7))
            try:
                print(sock.recv(64).decode())
                return
            except socket.timeout:
                continue
    sys.exit('no answer to 5 datagrams')


{'serve': serve, 'download': download, 'checksum': checksum, 'udp': udp}[sys.argv[1]](*sys.argv[2:])
