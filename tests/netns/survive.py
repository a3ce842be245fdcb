# SPDX-License-Identifier: GPL-2.0-or-later
#
# The traffic of survive.sh: what has to live on while nat64d comes and goes.
#
#   survive.py server ADDRESS4       echoes lines of TCP and datagrams of UDP (port 2007), and says which port it saw
#   survive.py idle ADDRESS6 N       N TCP connections
#   survive.py flows ADDRESS6 N      N flows of UDP, each of a port of its own
#   survive.py download ADDRESS6 PATH HURRY
#   survive.py upload ADDRESS6 PATH FILE HURRY
#
# The two of many wait for a line of standard input each time, then use every one of theirs, and print how
# many have had the right answer: of UDP, the same port outside as at first. A transfer goes on slowly until
# the file HURRY exists, so that it lasts as long as it has to, and then ends with the SHA-256 of what it got.

import hashlib
import os
import resource
import select
import selectors
import socket
import sys
import time

PORT = 2007
CHUNK = 65536
PAUSE_S = 0.05  # after a chunk: some 1.2 MB/s
PATIENCE_S = 60
AGAIN_S = 1  # a datagram may be lost


def serve(address):
    selector = selectors.DefaultSelector()
    listener = socket.create_server((address, PORT), backlog=512)
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind((address, PORT))
    selector.register(listener, selectors.EVENT_READ)
    selector.register(datagrams, selectors.EVENT_READ)
    print("listening", flush=True)
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                selector.register(listener.accept()[0], selectors.EVENT_READ)
            elif key.fileobj is datagrams:
                data, peer = datagrams.recvfrom(CHUNK)
                datagrams.sendto(f"{data.decode()} {peer[1]}".encode(), peer)
            else:
                data = key.fileobj.recv(CHUNK)
                if data:
                    key.fileobj.sendall(data)
                else:
                    selector.unregister(key.fileobj)


# How many of the sockets answer right; those that do not are asked again if they may lose things.
def ask_all(sockets, is_right, again):
    waiting = dict.fromkeys(sockets, b"")
    end = time.monotonic() + PATIENCE_S
    asked = 0
    while waiting and time.monotonic() < end:
        if asked == 0 or (again and time.monotonic() - asked > AGAIN_S):
            for sock in waiting:
                sock.send(b"hello")
            asked = time.monotonic()
        for sock in select.select(list(waiting), [], [], 0.2)[0]:
            data = sock.recv(CHUNK)
            if not data:
                return len(sockets) - len(waiting)
            waiting[sock] += data
            if is_right(sock, waiting[sock]):
                del waiting[sock]
    return len(sockets) - len(waiting)


def each_line(ask):
    print(ask(), flush=True)
    for _ in sys.stdin:
        print(ask(), flush=True)


def idle(address, n):
    connections = [socket.create_connection((address, PORT)) for _ in range(n)]
    each_line(lambda: ask_all(connections, lambda _, data: data == b"hello", False))


def flows(address, n):
    sockets = []
    outside = {}
    for _ in range(n):
        sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        sock.connect((address, PORT))
        sockets.append(sock)

    # Whatever comes late of an earlier question says the same.
    def is_right(sock, data):
        ports = {part.split()[0] for part in data.split(b"hello") if part}
        return len(ports) == 1 and outside.setdefault(sock, ports) == ports

    each_line(lambda: ask_all(sockets, is_right, True))


def pause(hurry):
    if not os.path.exists(hurry):
        time.sleep(PAUSE_S)


def download(address, path, hurry):
    connection = socket.create_connection((address, 80))
    connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
    file = connection.makefile("rb")
    while file.readline() not in (b"\r\n", b""):
        pass
    digest = hashlib.sha256()
    while data := file.read(CHUNK):
        digest.update(data)
        pause(hurry)
    print(digest.hexdigest(), flush=True)


def upload(address, path, name, hurry):
    connection = socket.create_connection((address, 80))
    connection.sendall(f"POST {path} HTTP/1.0\r\nContent-Length: {os.path.getsize(name)}\r\n\r\n".encode())
    with open(name, "rb") as file:
        while data := file.read(CHUNK):
            connection.sendall(data)
            pause(hurry)
    answer = connection.makefile("rb").read()
    print(answer.decode().splitlines()[-1], flush=True)


def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    role, *arguments = sys.argv[1:]
    if role == "server":
        serve(*arguments)
    elif role in ("idle", "flows"):
        {"idle": idle, "flows": flows}[role](arguments[0], int(arguments[1]))
    else:
        {"download": download, "upload": upload}[role](*arguments)


main()
