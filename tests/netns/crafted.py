# SPDX-License-Identifier: GPL-2.0-or-later
"""
Peers that are no kernel's: segments written by hand, at the far end of a veth behind router6 and
router4 (crafted_up in tap.sh). No host there answers anything by itself.
"""
import asyncio
import itertools
import json
import logging

from nodes import ETH_P, Failed, Node, in_pool6, nat64ctl, require

logging.getLogger("scapy.runtime").setLevel(logging.ERROR)
from scapy.layers.inet import IP, TCP  # noqa: E402
from scapy.layers.inet6 import IPv6  # noqa: E402

DEVICE = "crafted-end"
ROUTER_MAC = bytes.fromhex("020000000001")
CLIENTS = "2001:db8:3::%x"
# Of the entry whose ports no client gets unless a stored SYN asks for one.
HOLDING_CLIENTS = "2001:db8:3:1::%x"
SERVERS = "198.51.100.%d"
FIRST_SERVER = 129


def is_segment(packet):
    return packet.payload.name == "TCP"


class Wire:
    """All that comes through one veth, given to whom it is for."""

    def __init__(self, node, version):
        self.version, self.peers = version, []
        self.socket = Node(node).wire(DEVICE, version)
        asyncio.get_running_loop().add_reader(self.socket, self.on_packets)

    def on_packets(self):
        while True:
            try:
                data = self.socket.recv(65536)
            except BlockingIOError:
                return
            packet = (IP if self.version == 4 else IPv6)(data)
            for peer in self.peers:
                if peer.address == packet.dst and \
                        (not is_segment(packet) or packet.dport == peer.port):
                    peer.arrived.put_nowait(packet)

    def send(self, packet):
        self.socket.sendto(packet, (DEVICE, ETH_P[self.version], 0, 0, ROUTER_MAC))


class Peer:
    """An address and a port, of TCP where nothing else is said."""

    def __init__(self, wire, address, port):
        self.wire, self.address, self.port = wire, address, port
        self.arrived = asyncio.Queue()
        self.sent_at = 0.0  # of the loop's clock, before the packet was out
        wire.peers.append(self)

    @property
    def in_pool6(self):
        return in_pool6(self.address), self.port

    def send(self, to, flags, seq=0, ack=0, payload=b""):
        """What went out, as bytes."""
        network = IP if self.wire.version == 4 else IPv6
        packet = bytes(network(src=self.address, dst=to[0]) / TCP(
            sport=self.port, dport=to[1], flags=flags, seq=seq, ack=ack) / payload)
        self.sent_at = asyncio.get_running_loop().time()
        self.wire.send(packet)
        return packet

    async def receive(self, seconds=2):
        try:
            return await asyncio.wait_for(self.arrived.get(), seconds)
        except asyncio.TimeoutError:
            raise Failed("nothing for %s within %s s" % (self.address, seconds))

    async def segment(self, flags, seconds=2):
        """The next packet, which is to be a segment with these flags and right checksums."""
        packet = await self.receive(seconds)
        require(is_segment(packet) and packet[TCP].flags == flags,
                "expected", flags, "found", packet.summary())
        require(bytes(packet) == anew(packet), "wrong checksum:", bytes(packet).hex())
        return packet

    async def icmp_error(self, kind, code, seconds=2):
        """The next packet, which is to be such an error: it, its MTU, and the packet that it quotes."""
        packet = await self.receive(seconds)
        message = bytes(packet.payload)
        protocol = packet.proto if self.wire.version == 4 else packet.nh
        require(protocol in (1, 58) and tuple(message[:2]) == (kind, code),
                "expected ICMP %d/%d, found" % (kind, code), packet.summary())
        return packet, int.from_bytes(message[4:8], "big"), message[8:]

    async def silence(self, seconds):
        try:
            packet = await asyncio.wait_for(self.arrived.get(), seconds)
        except asyncio.TimeoutError:
            return
        raise Failed("%s was to hear nothing: %s" % (self.address, packet.summary()))


def anew(packet):
    """The same with lengths and checksums as scapy computes them."""
    other = packet.copy()
    del other[TCP].chksum
    if IP in other:
        del other[IP].chksum, other[IP].len
    else:
        del other[IPv6].plen
    return bytes(other.__class__(bytes(other)))


def after_a_hop(packet):
    """The packet as the router sends it on."""
    if packet[0] >> 4 == 6:
        return packet[:7] + bytes([packet[7] - 1]) + packet[8:]
    other = IP(packet)
    other.ttl -= 1
    del other.chksum
    return bytes(other)


class Lab:
    """Peers, no two of which share an address; places of pool4 that are nobody's."""

    def __init__(self, held_address=None, held_ports=()):
        self.wire6, self.wire4 = Wire("router6", 6), Wire("router4", 4)
        self.numbers = itertools.count(1)
        self.servers = itertools.count(FIRST_SERVER)
        self.held = ((held_address, port) for port in held_ports)

    def client(self, addresses=CLIENTS):
        return Peer(self.wire6, addresses % next(self.numbers), 5000)

    def server(self):
        return Peer(self.wire4, SERVERS % next(self.servers), 80)

    def at(self, address4):
        return Peer(self.wire4, address4, 80)

    def another_port(self, server):
        return Peer(self.wire4, server.address, server.port + 1)

    def holding_client(self):
        return self.client(HOLDING_CLIENTS)

    def unbound(self):
        return next(self.held)


async def establish(client, server):
    """The handshake; the client's address and port on the IPv4 side."""
    client.send(server.in_pool6, "S", 1000)
    syn = await server.segment("S")
    mapped = syn.src, syn.sport
    require(syn[TCP].seq == 1000, "sequence number", syn[TCP].seq)
    server.send(mapped, "SA", 5000, 1001)
    answer = await client.segment("SA")
    require((answer.src, answer.sport) == (server.in_pool6), "answered by", answer.summary())
    client.send(server.in_pool6, "A", 1001, 5001)
    await server.segment("A")
    return mapped


async def pass_data(client, server, mapped):
    """A segment each way."""
    client.send(server.in_pool6, "PA", 1001, 5001, b"from the client")
    arrived = await server.segment("PA")
    require(bytes(arrived[TCP].payload) == b"from the client", bytes(arrived))
    server.send(mapped, "PA", 5001, 1016, b"from the server")
    arrived = await client.segment("PA")
    require(bytes(arrived[TCP].payload) == b"from the server", bytes(arrived))


async def states(client):
    """Of the sessions of a client."""
    rows = json.loads(await nat64ctl("--json", "session", "list", "--protocol", "tcp", "--client",
                                     client.address + "/128"))
    return sorted(row["state"] for row in rows)


async def has_states(client, *expected):
    found = await states(client)
    require(found == sorted(expected), "expected", expected, "found", found)
