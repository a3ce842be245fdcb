# SPDX-License-Identifier: GPL-2.0-or-later
"""
TCP between the kernels of client and server through the gateway, with the lifetimes of tcp.sh:
whatever two real hosts do must pass, with its data whole.
"""
import asyncio
import errno
import os
import socket
import struct
import time

from nodes import (CLIENT6, CLIENT2_6, SERVER4, SERVER6, Failed, accept, connect, receive, require,
                   send)

SLICES = 8
SLICE_SIZE = 100000
# Longer than an established session and a closing one together.
IDLE = 10
# Of the static binding in tcp.sh.
INSIDE_PORT = 8080


def cases(client, client2, server, address_dependent, static, unbound):
    """static, unbound: (T,t) of the static binding; of nobody, but for client2 to have."""
    async def half_close_client():
        """S-33: the client closes first, the server goes on sending for 4 s"""
        here, there, _ = await open_connection(client, server, 7001)
        await send_slowly_after_fin(here, there)

    async def half_close_server():
        """S-33: the server closes first, the client goes on sending for 4 s"""
        here, there, _ = await open_connection(client, server, 7002)
        await send_slowly_after_fin(there, here)

    async def simultaneous_open():
        """S-29, S-30: server and client open to each other; one connection"""
        there = server.tcp(SERVER4, 7003)
        opening = asyncio.create_task(connect(there, *unbound, seconds=10))
        await asyncio.sleep(0.5)
        here = client2.tcp(CLIENT2_6)
        await connect(here, SERVER6, 7003, 10)
        await opening
        require(there.getpeername() == unbound, there.getpeername())
        await exchange(here, there)

    async def reset_by_client():
        """S-34: an abort of the client reaches the server"""
        here, there, _ = await open_connection(client, server, 7004)
        await abort(here, there)

    async def reset_by_server():
        """S-34: an abort of the server reaches the client"""
        here, there, _ = await open_connection(client, server, 7005)
        await abort(there, here)

    async def idle():
        """S-31, S-32: a silent connection outlives its lifetime, as the host answers the probe"""
        here, there, _ = await open_connection(client, server, 7006)
        await outlives(here, there)

    async def keepalive():
        """S-19: keepalives of the hosts keep a connection"""
        here, there, _ = await open_connection(client, server, 7007)
        for end in here, there:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
        await outlives(here, there)

    async def reopened():
        """S-33, C-6: three connections from one port to one port, each right after the other"""
        peers = set()
        with server.listener(SERVER4, 7008) as listener:
            for _ in range(3):
                here, there, peer = await open_connection(client, server, 7008, 7108, listener)
                peers.add(peer)
                await exchange(here, there)
                # Who closes first has to wait in TIME-WAIT: the server, whose port takes new ones.
                there.close()
                require(await receive(here) == b"", "no FIN of the server")
                here.close()
                await is_free(client, CLIENT6, 7108)
        require(len(peers) == 1, "one mapping expected, found", peers)

    async def server_inside():
        """S-25 c, e: a server behind a static binding is reached from the IPv4 side"""
        if address_dependent:
            with client.tcp(CLIENT6, INSIDE_PORT) as opener:
                with server.listener(SERVER4, 7009) as listener:
                    await connect(opener, SERVER6, 7009)
                    await accept(listener)
        with client.listener(CLIENT6, INSIDE_PORT) as listener:
            there = server.tcp(SERVER4)
            await connect(there, *static)
            here, peer = await accept(listener)
            require(peer == (SERVER6, there.getsockname()[1]), "seen as", peer)
            await exchange(here, there)

    return [half_close_client, half_close_server, simultaneous_open, reset_by_client,
            reset_by_server, idle, keepalive, reopened, server_inside]


async def open_connection(client, server, port, from_port=0, listener=None):
    """Both ends, and what the server takes the client for."""
    own = listener or server.listener(SERVER4, port)
    try:
        here = client.tcp(CLIENT6, from_port)
        await connect(here, SERVER6, port)
        there, peer = await accept(own)
    finally:
        if listener is None:
            own.close()
    return here, there, peer


async def is_free(node, address, port):
    """No connection has the port any more: the last FIN is acknowledged."""
    end = time.monotonic() + 5
    while True:
        with node.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            try:
                probe.bind((address, port))
                return
            except OSError as error:
                require(error.errno == errno.EADDRINUSE and time.monotonic() < end, error)
        await asyncio.sleep(0.02)


async def exchange(one, other):
    """A slice each way, at the same time."""
    data = os.urandom(SLICE_SIZE), os.urandom(SLICE_SIZE)
    _, _, *found = await asyncio.gather(send(one, data[0]), send(other, data[1]),
                                        receive(other, SLICE_SIZE), receive(one, SLICE_SIZE))
    require(tuple(found) == data, "the data changed on the way")


async def send_slowly_after_fin(closes, sends):
    closes.shutdown(socket.SHUT_WR)
    require(await receive(sends) == b"", "no FIN")
    data = os.urandom(SLICES * SLICE_SIZE)
    arriving = asyncio.create_task(receive(closes))
    for begin in range(0, len(data), SLICE_SIZE):
        await send(sends, data[begin:begin + SLICE_SIZE])
        await asyncio.sleep(0.5)
    sends.shutdown(socket.SHUT_WR)
    require(await arriving == data, "the data changed on the way")


async def abort(one, other):
    await exchange(one, other)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    one.close()
    try:
        data = await receive(other, 1, 3)
    except ConnectionResetError:
        return
    raise Failed("expected a reset, found %r" % data)


async def outlives(here, there):
    await exchange(here, there)
    await asyncio.sleep(IDLE)
    # The server first: the client's own segments would make no new session, either (S-26).
    await send(there, b"still there")
    require(await receive(here, 11, 3) == b"still there", "other data")
    await exchange(here, there)
