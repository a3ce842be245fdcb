# SPDX-License-Identifier: GPL-2.0-or-later
"""
Datagrams between the kernels of client and server through the gateway: tunnels' bytes, large
datagrams, path MTU discovery of those who forbid fragments, and order.
"""
import asyncio
import errno
import os
import socket
import struct

from nodes import CLIENT6, SERVER4, SERVER6, Failed, datagram, require

# Not in Python's socket module; the numbers are those of <linux/in.h> and <linux/in6.h>.
IP_MTU_DISCOVER, IP_MTU, IPV6_MTU_DISCOVER, PMTUDISC_DO = 10, 14, 23, 2
FLOWS = 4
NUMBERS = 2000
WINDOW = 64

IKE = bytes.fromhex("0123456789abcdef00000000000000002120220800000000") + struct.pack(">I", 300) + \
    bytes(range(256)) + bytes(16)
NON_ESP_MARKER = bytes(4)
KEEPALIVE = b"\xff"


INSIDE_PORT = 8080  # of the static binding in datagrams.sh


def cases(client, server, static):
    async def internet_key_exchange():
        """O-10: IKE at port 500 passes byte for byte, both ways"""
        here, there = client.udp(CLIENT6, 500), server.udp(SERVER4, 500)
        await same_both_ways(here, there, 500, [IKE, IKE[:28], os.urandom(1200)])

    async def esp_in_udp():
        """O-10: port 4500 passes byte for byte, both ways: IKE behind its marker, ESP, keepalive"""
        here, there = client.udp(CLIENT6, 4500), server.udp(SERVER4, 4500)
        esp = struct.pack(">II", 0xc0ffee01, 1) + os.urandom(1400)
        await same_both_ways(here, there, 4500, [NON_ESP_MARKER + IKE, esp, KEEPALIVE, esp[:36]])

    async def large():
        """F-1, F-19: 8000 and 60000 bytes both ways, the server first"""
        here, there = client.udp(CLIENT6), server.udp(SERVER4)
        mapped = await meet(here, there)
        for size in 8000, 60000:
            data = os.urandom(size)
            there.sendto(data, mapped)
            require((await datagram(here))[0] == data, "other data of", size, "bytes")
            here.sendto(data[::-1], (SERVER6, there.getsockname()[1]))
            require((await datagram(there))[0] == data[::-1], "other data of", size, "bytes")

    async def large_to_static():
        """F-1, S-15: 8000 and 60000 bytes of a server that nobody asked, to a static binding"""
        here, there = client.udp(CLIENT6, INSIDE_PORT), server.udp(SERVER4)
        for size in 8000, 60000:
            data = os.urandom(size)
            there.sendto(data, static)
            found, source = await datagram(here)
            require(found == data, "other data of", size, "bytes")
            here.sendto(data[::-1], source)
            found, source = await datagram(there)
            require(found == data[::-1] and source == static, "other data, or from", source)

    async def discovery_of_server():
        """F-12: a server that forbids fragments learns 1480 and sends what fits"""
        here, there = client.udp(CLIENT6), server.udp(SERVER4)
        there.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_DO)
        there.connect(await meet(here, there))
        there.send(bytes(1472))
        await until_mtu(there, socket.IPPROTO_IP, IP_MTU, 1480)
        require(there.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.EMSGSIZE, "not told")
        await sends_what_fits(there, here, 1452)

    async def discovery_of_client():
        """F-16: a client that forbids fragments sends what fits"""
        here, there = client.udp(CLIENT6), server.udp(SERVER4)
        here.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_DO)
        here.connect((SERVER6, there.getsockname()[1]))
        await sends_what_fits(here, there, 1452)

    async def order():
        """T-24: numbered datagrams of several flows arrive in order, both ways at the same time"""
        streams = []
        for _ in range(FLOWS):
            here, there = client.udp(CLIENT6), server.udp(SERVER4)
            there.connect(await meet(here, there))
            here.connect((SERVER6, there.getsockname()[1]))
            streams += [in_order(here, there), in_order(there, here)]
        await asyncio.gather(*streams)

    return [internet_key_exchange, esp_in_udp, large, large_to_static,
            discovery_of_server, discovery_of_client, order]


async def meet(here, there):
    here.sendto(b"hello", (SERVER6, there.getsockname()[1]))
    return (await datagram(there))[1]


async def same_both_ways(here, there, port, payloads):
    for payload in payloads:
        here.sendto(payload, (SERVER6, port))
        found, mapped = await datagram(there)
        require(found == payload, "from the client:", found.hex(), "of", payload.hex())
        there.sendto(payload, mapped)
        found, source = await datagram(here)
        require(found == payload, "from the server:", found.hex(), "of", payload.hex())
        require(source == (SERVER6, port), "from", source)


async def until_mtu(made, level, option, expected):
    for _ in range(40):
        found = made.getsockopt(level, option)
        if found == expected:
            return
        await asyncio.sleep(0.05)
    raise Failed("path MTU %d instead of %d" % (found, expected))


async def sends_what_fits(one, other, largest):
    """One byte more is not even sent."""
    for size in 1200, 1252, 1350, largest:
        data = os.urandom(size)
        one.send(data)
        require((await datagram(other))[0] == data, "other data of", size, "bytes")
    try:
        one.send(bytes(largest + 1))
    except OSError as error:
        require(error.errno == errno.EMSGSIZE, error)
        return
    raise Failed("%d bytes were sent" % (largest + 1))


async def in_order(one, other):
    """Never more on the way than the receiver's buffer holds, so none is lost."""
    sent = 0
    for expected in range(NUMBERS):
        while sent < min(NUMBERS, expected + WINDOW):
            one.send(struct.pack(">I", sent) + bytes(sent * 37 % 1200))
            sent += 1
        data, _ = await datagram(other)
        found, = struct.unpack(">I", data[:4])
        require(found == expected and len(data) == 4 + found * 37 % 1200,
                "expected", expected, "found", found)
