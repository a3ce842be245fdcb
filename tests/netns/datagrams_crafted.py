# SPDX-License-Identifier: GPL-2.0-or-later
"""
Datagrams between crafted peers through the real gateway: what fragments, sizes and refusals look like
on the wire, whether the gateway's kernel tracks connections (and puts packets together) or not.
"""
import asyncio
import os
import random
import subprocess

from crafted import after_a_hop, establish
from nodes import GATEWAY4, GATEWAY6, Failed, in_pool6, require
from pieces import cut, joined, udp, whole
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6

LOWEST_IPV6_MTU = 1280
MTU = 1500
# What is as large as QUIC's first packets (RFC 9000, 14.1: 1200), and what fills the links.
SIZES = 1200, 1252, 1350, 1452
FOLLOWED_SECONDS = 10  # F-27
ESP, AH = 50, 51


def cases(lab):
    async def fragments_6to4():
        """F-1, F-10, F-18, F-19: the client's fragments in any order and some twice: DF=0, in order,
        a new ID for each datagram"""
        client, server = lab.client(), lab.server()
        identifications = set()
        for disorder in ORDERS:
            data = os.urandom(8000)
            pieces = cut(udp(client, server.in_pool6, data), 1232, 0x12345678)
            send_all(client, disorder(pieces))
            n, identification, found = await joined(server, MTU)
            require(found == data and n == 6, n, "fragments, the data is the same:", found == data)
            identifications.add(identification)
        require(len(identifications) == len(ORDERS), "IDs:", identifications)

    async def fragments_4to6():
        """F-1, F-11, F-18, F-19: the server's fragments in any order and some twice: a Fragment
        header, in order, none above 1280 bytes"""
        client, server = lab.client(), lab.server()
        mapped = await meet(client, server)
        for number, disorder in enumerate(ORDERS):
            data = os.urandom(8000)
            send_all(server, disorder(cut(udp(server, mapped, data), 1480, 77 + number)))
            n, _, found = await joined(client, LOWEST_IPV6_MTU)
            require(found == data and n == 7, n, "fragments, the data is the same:", found == data)

    async def small_fragments():
        """F-19: fragments of a datagram that would fit: whole or cut, never with DF"""
        client, server = lab.client(), lab.server()
        mapped = await meet(client, server)
        data = os.urandom(1000)
        send_all(client, cut(udp(client, server.in_pool6, data), 512, 5))
        packet, found = await whole(server)
        require(found == data and not packet.flags.DF, packet.summary())
        send_all(server, cut(udp(server, mapped, data), 512, 5))
        _, found = await whole(client)
        require(found == data, "other data")

    async def slow_fragments():
        """F-3: fragments that come within 2 s, the last one first"""
        client, server = lab.client(), lab.server()
        mapped = await meet(client, server)
        for sender, receiver, to, largest in (client, server, server.in_pool6, MTU), \
                (server, client, mapped, LOWEST_IPV6_MTU):
            data = os.urandom(4000)
            for piece in reversed(cut(udp(sender, to, data), 1024, 11)):
                sender.wire.send(piece)
                await asyncio.sleep(0.6)
            _, _, found = await joined(receiver, largest)
            require(found == data, "other data")

    async def tcp_fragments():
        """F-1: segments of TCP in fragments, both ways"""
        client, server = lab.client(), lab.server()
        mapped = await establish(client, server)
        data = os.urandom(1100)
        for sender, receiver, to in (client, server, server.in_pool6), (server, client, mapped):
            network = IP if sender.wire.version == 4 else IPv6
            number = 1001 if sender is client else 5001
            send_all(sender, cut(bytes(network(src=sender.address, dst=to[0]) / TCP(
                sport=sender.port, dport=to[1], flags="PA", seq=number, ack=6002 - number) / data),
                512, 12)[::-1])
            packet = await receiver.segment("PA")
            require(bytes(packet[TCP].payload) == data, packet.summary())

    async def without_checksum():
        """T-34, T-35: datagrams of IPv4 without checksum get one, whole or in fragments"""
        client, server = lab.client(), lab.server()
        mapped = await meet(client, server)
        for size in 1000, 4000:
            data = os.urandom(size)
            packet = bytearray(udp(server, mapped, data))
            packet[26:28] = bytes(2)
            if size == 1000:
                server.wire.send(bytes(packet))
                _, found = await whole(client)
            else:
                send_all(server, cut(bytes(packet), 1480, 13)[::-1])
                _, _, found = await joined(client, LOWEST_IPV6_MTU)
            require(found == data, "other data")

    async def hairpinned():
        """H-1, F-19: fragments from a client to another one's mapped address"""
        client, other, server = lab.client(), lab.client(), lab.server()
        source, target = await meet(client, server), await meet(other, server)
        data = os.urandom(4000)
        send_all(client, cut(udp(client, (in_pool6(target[0]), target[1]), data), 1232, 14)[::-1])
        _, _, found = await joined(other, LOWEST_IPV6_MTU)
        require(found == data, "other data")
        small = os.urandom(1000)
        other.wire.send(udp(other, (in_pool6(source[0]), source[1]), small))
        packet, found = await whole(client)
        require(found == small and (packet.src, packet.sport) == (in_pool6(target[0]), target[1]),
                packet.summary())

    async def overlapping():
        """F-24: overlapping fragments are dropped in silence, in both directions"""
        client, server = lab.client(), lab.server()
        mapped = await meet(client, server)
        for sender, receiver, to in (client, server, server.in_pool6), (server, client, mapped):
            # Not the very same place twice: of those a kernel believes the first.
            pieces = cut(udp(sender, to, os.urandom(2000)), 512, 9)
            forged = cut(udp(sender, to, os.urandom(2000)), 520, 9)
            send_all(sender, pieces[:2] + forged[1:2] + pieces[2:])
            await receiver.silence(0.5)
            await sender.silence(0.1)

    async def atomic():
        """O-16, F-8: an atomic fragment is a packet as any other; DF=0, its own ID"""
        client, server = lab.client(), lab.server()
        for size in 100, 1400:
            data = os.urandom(size)
            send_all(client, cut(udp(client, server.in_pool6, data, fl=0xabcde), 1 << 16, 0xabcd1234))
            packet, found = await whole(server)
            require(found == data and not packet.flags.DF and packet.id == 0x1234, packet.show2(True))

    async def sizes_6to4():
        """F-7, T-15: datagrams of QUIC's sizes from the client in one piece, DF above 1280 bytes"""
        client, server = lab.client(), lab.server()
        for size in SIZES:
            data = os.urandom(size)
            client.wire.send(udp(client, server.in_pool6, data))
            packet, found = await whole(server)
            require(found == data, "other data of", size, "bytes")
            require(bool(packet.flags.DF) == (size + 48 > LOWEST_IPV6_MTU), packet.summary(), size)

    async def sizes_4to6():
        """F-11, F-13: datagrams of QUIC's sizes from the server: with DF in one piece, without it none
        above 1280 bytes"""
        client, server = lab.client(), lab.server()
        mapped = await meet(client, server)
        for size in SIZES:
            data = os.urandom(size)
            server.wire.send(udp(server, mapped, data, flags="DF"))
            _, found = await whole(client)
            require(found == data, "other data of", size, "bytes")
            server.wire.send(udp(server, mapped, data))
            if size + 48 <= LOWEST_IPV6_MTU:
                _, found = await whole(client)
            else:
                n, _, found = await joined(client, LOWEST_IPV6_MTU)
                require(n == 2, n, "fragments")
            require(found == data, "other data of", size, "bytes")

    async def too_big_4to6():
        """F-12: 1472 bytes with DF do not fit on the IPv6 side: 3/4 with 1480; without DF they pass"""
        client, server = lab.client(), lab.server()
        mapped = await meet(client, server)
        data = os.urandom(1472)
        packet = udp(server, mapped, data, flags="DF")
        server.wire.send(packet)
        await refused(server, packet, 3, 4, 1480)
        server.wire.send(udp(server, mapped, data))
        _, _, found = await joined(client, LOWEST_IPV6_MTU)
        require(found == data, "other data")

    async def route_mtu_4():
        """F-15, F-16, F-17, F-27: the route's MTU on the IPv4 side is followed within 10 s: 1400, 905,
        and back"""
        client, server = lab.client(), lab.server()
        await meet(client, server)
        large = udp(client, server.in_pool6, os.urandom(1452))
        small = os.urandom(1232)
        route = "route", "replace", server.address + "/32", "via", "192.0.2.2"
        gateway_ip(*route, "mtu", "1400")
        await follows(client, large, 2, 0, 1420)
        gateway_ip(*route, "mtu", "905")
        await follows(client, large, 2, 0, 1280)
        await clear(server)
        client.wire.send(udp(client, server.in_pool6, small))
        n, _, found = await joined(server, 905)
        require(found == small and n == 2, n, "fragments")
        data = os.urandom(4000)
        send_all(client, cut(udp(client, server.in_pool6, data), 1232, 3))
        _, _, found = await joined(server, 905)
        require(found == data, "other data")
        gateway_ip("route", "del", *route[2:])
        await passes_again(client, large, server)

    async def route_mtu_6():
        """F-12, F-19, F-27: the route's MTU on the IPv6 side is followed within 10 s: 1400, and back"""
        client, server = lab.client(), lab.server()
        mapped = await meet(client, server)
        large = udp(server, mapped, os.urandom(1452), flags="DF")
        route = "-6", "route", "replace", client.address + "/128", "via", "2001:db8:6::1"
        gateway_ip(*route, "mtu", "1400")
        await follows(server, large, 3, 4, 1380)
        await clear(client)
        data = os.urandom(4000)
        send_all(server, cut(udp(server, mapped, data), 1480, 3))
        _, _, found = await joined(client, LOWEST_IPV6_MTU)
        require(found == data, "other data")
        gateway_ip("-6", "route", "del", *route[3:])
        await passes_again(server, large, client)

    async def ipsec_from_client():
        """O-10: AH and native ESP of the client are refused with 1/4"""
        client, server = lab.client(), lab.server()
        for protocol in AH, ESP:
            packet = bytes(IPv6(src=client.address, dst=server.in_pool6[0], nh=protocol) /
                           (b"\x11\x04\0\0\0\0\x01\x01" + os.urandom(80)))
            client.wire.send(packet)
            await refused(client, packet, 1, 4)
        await server.silence(0.1)

    async def ipsec_from_server():
        """O-10: AH and native ESP of the server are refused with 3/2"""
        client, server = lab.client(), lab.server()
        mapped = await meet(client, server)
        for protocol in AH, ESP:
            packet = bytes(IP(src=server.address, dst=mapped[0], proto=protocol) /
                           (b"\x11\x04\0\0\0\0\x01\x01" + os.urandom(80)))
            server.wire.send(packet)
            await refused(server, packet, 3, 2)
        await client.silence(0.1)

    async def well_known_address():
        """O-4: what is for 192.0.0.170 goes out, and nobody but its holder answers (RFC 7050)"""
        for address in "192.0.0.170", "192.0.0.171":
            client, holder = lab.client(), lab.at(address)
            to = holder.in_pool6[0]
            for message in (UDP(sport=client.port, dport=53) / b"?",
                            TCP(sport=client.port, dport=80, flags="S"),
                            ICMPv6EchoRequest(id=7, data=b"?")):
                client.wire.send(bytes(IPv6(src=client.address, dst=to) / message))
            seen = [await holder.receive() for _ in range(3)]
            require({packet.payload.name for packet in seen} == {"UDP", "TCP", "ICMP"}, seen)
            await client.silence(0.5)
            asked = next(packet for packet in seen if ICMP in packet)
            holder.wire.send(bytes(IP(src=address, dst=asked.src) / ICMP(
                type="echo-reply", id=asked[ICMP].id) / b"!"))
            answer = await client.receive()
            require(answer.src == to, answer.summary())

    return [fragments_6to4, fragments_4to6, small_fragments, slow_fragments, tcp_fragments,
            without_checksum, hairpinned, overlapping, atomic, sizes_6to4, sizes_4to6, too_big_4to6, route_mtu_4, route_mtu_6, ipsec_from_client,
            ipsec_from_server, well_known_address]


# The order in which fragments are sent: as they are, from behind, mixed and each of them twice.
ORDERS = (list, lambda pieces: pieces[::-1],
          lambda pieces: random.Random(64).sample(pieces * 2, len(pieces) * 2))


def send_all(peer, packets):
    for packet in packets:
        peer.wire.send(packet)


async def meet(client, server):
    """A datagram of the client makes its binding: its address and port on the IPv4 side."""
    client.wire.send(udp(client, server.in_pool6, b"hello"))
    packet, _ = await whole(server)
    return packet.src, packet.sport


async def refused(sender, packet, kind, code, mtu=0):
    """The gateway tells the sender so, quoting the packet as it arrived."""
    error, found, quoted = await sender.icmp_error(kind, code)
    require(error.src == (GATEWAY4 if sender.wire.version == 4 else GATEWAY6), "from", error.src)
    require(found == mtu, "MTU", found, "instead of", mtu)
    require(len(quoted) >= 28 and quoted == after_a_hop(packet)[:len(quoted)], "quoted", quoted.hex(),
            "of", packet.hex())


async def follows(sender, packet, kind, code, mtu):
    """Within 10 s the packet is refused so."""
    end = asyncio.get_running_loop().time() + FOLLOWED_SECONDS
    while asyncio.get_running_loop().time() < end:
        sender.wire.send(packet)
        try:
            _, found, _ = await sender.icmp_error(kind, code, 0.3)
        except Failed:
            continue
        if found == mtu:
            return
    raise Failed("no error of MTU %d within %d s" % (mtu, FOLLOWED_SECONDS))


async def passes_again(sender, packet, receiver):
    """Within 10 s the packet gets through whole."""
    end = asyncio.get_running_loop().time() + FOLLOWED_SECONDS
    await clear(receiver)
    while asyncio.get_running_loop().time() < end:
        sender.wire.send(packet)
        try:
            await asyncio.wait_for(receiver.arrived.get(), 0.3)
            return
        except asyncio.TimeoutError:
            continue
    raise Failed("not within %d s" % FOLLOWED_SECONDS)


async def clear(peer):
    """Forgets what arrived until now, or is on its way."""
    await asyncio.sleep(0.1)
    while not peer.arrived.empty():
        peer.arrived.get_nowait()


def gateway_ip(*words):
    subprocess.run(["ip", "-n", os.environ["TOPOLOGY_NAME"] + "-gateway", *words], check=True)
