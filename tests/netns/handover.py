# SPDX-License-Identifier: GPL-2.0-or-later
#
# Speaks the protocol of daemon/handover_message.h, as one of the two sides, and does what none of ours
# would, as the user PEER_UID if that is set. For handover.sh.
#
#   handover.py successor PATH STEP…     connects
#   handover.py predecessor PATH STEP…   listens, prints "listening", and takes one connection
#
# A STEP that is the name of a message sends it; "TYPE/PROTOCOL/FORMAT" with these numbers,
# "tables=FILE" and "ready=FILE" with a memory file of that content. "garbage" and "short" are no messages. "receive"
# prints the type of the next message, its sentence and what came with it, or "closed"; "expect=TYPE" ends
# with status 1 if it is not that one. At the end it dies without a word.

import os
import signal
import socket
import struct
import sys

MESSAGE = struct.Struct("=8s III I 5I 160s")
MAGIC = b"n64hand\0"
TYPES = ["", "ask", "ready", "take", "tables", "taken", "refused", "late"]
NAMES = ["queue", "raw4", "raw6", "heartbeat", "tables"]
PATIENCE_S = 60


def pack(type_, protocol=1, format_=3, descriptors=()):
    numbers = [NAMES.index(name) for name in descriptors] + [0] * (5 - len(descriptors))
    return MESSAGE.pack(MAGIC, protocol, TYPES.index(type_), format_, len(descriptors), *numbers, b"")


def memory_file(path):
    fd = os.memfd_create("tables")
    with open(path, "rb") as file:
        os.write(fd, file.read())
    return fd


def receive(connection):
    data, fds, _, _ = socket.recv_fds(connection, MESSAGE.size, 8)
    if not data:
        return "closed", ""
    magic, protocol, type_, format_, n, *rest = MESSAGE.unpack(data)
    # Behind those with a name come the queues of further packet threads.
    names = [NAMES[number] for number in rest[:n]]
    assert magic == MAGIC and len(fds) >= n, (magic, n, fds)
    for fd in fds:
        os.close(fd)
    return TYPES[type_], " ".join([rest[5].rstrip(b"\0").decode()] + names)


def step(connection, what):
    if what == "garbage":
        connection.send(os.urandom(MESSAGE.size))
    elif what == "short":
        connection.send(pack("ask")[:100])
    elif what == "receive":
        print(*receive(connection), flush=True)
    elif what.startswith("expect="):
        got = receive(connection)
        print(*got, flush=True)
        if got[0] != what[7:]:
            sys.exit(1)
    elif what.startswith(("tables=", "ready=")):
        name, path = what.split("=")
        fd = memory_file(path)
        socket.send_fds(connection, [pack(name, descriptors=["tables"])], [fd])
    else:
        name, *numbers = what.split("/")
        connection.send(pack(name, *map(int, numbers)))


def main():
    role, path, *steps = sys.argv[1:]
    signal.alarm(PATIENCE_S)
    if "PEER_UID" in os.environ:
        os.setgroups([])
        os.setuid(int(os.environ["PEER_UID"]))
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if role == "successor":
        connection.connect(path)
    else:
        connection.bind(path)
        connection.listen(1)
        print("listening", flush=True)
        connection, _ = connection.accept()
    for what in steps:
        try:
            step(connection, what)
        except BrokenPipeError:
            print("broken", flush=True)
    os._exit(0)


main()
