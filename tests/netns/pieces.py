# SPDX-License-Identifier: GPL-2.0-or-later
"""
Packets cut into fragments by hand, and fragments off the wire put together by hand: what a kernel
would hide is looked at here (F-6 to F-19).
"""
import struct

from nodes import require
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment

UDP_PROTOCOL = 17
FRAGMENT = 44
MORE4, DF4 = 0x2000, 0x4000


def udp(peer, to, payload, **header):
    """A datagram of a peer, whole; the header's fields as scapy calls them."""
    network = IP if peer.wire.version == 4 else IPv6
    return bytes(network(src=peer.address, dst=to[0], **header) /
                 UDP(sport=peer.port, dport=to[1]) / payload)


def cut(packet, size, identification):
    """The fragments of an IPv4 or IPv6 packet, each with so many bytes of its payload."""
    version = packet[0] >> 4
    head, body = packet[:20 if version == 4 else 40], packet[20 if version == 4 else 40:]
    pieces = []
    for begin in range(0, len(body), size):
        piece, more = body[begin:begin + size], begin + size < len(body)
        if version == 4:
            one = IP(head)
            one.id, one.frag, one.flags = identification, begin // 8, "MF" if more else 0
            del one.len, one.chksum
            pieces.append(bytes(one / piece))
        else:
            one = IPv6(head)
            one.nh = FRAGMENT
            del one.plen
            pieces.append(bytes(one / IPv6ExtHdrFragment(
                nh=head[6], offset=begin // 8, m=more, id=identification) / piece))
    return pieces


def is_fragment(packet):
    """None, or Identification, begin, more, of a packet off the wire."""
    if packet.version == 4:
        word = int(packet.flags) << 13 | packet.frag
        return (packet.id, packet.frag * 8, bool(word & MORE4)) if word & ~DF4 else None
    if IPv6ExtHdrFragment not in packet:
        return None
    header = packet[IPv6ExtHdrFragment]
    return header.id, header.offset * 8, bool(header.m)


def require_checksums(packet, body):
    """Of the IPv4 header, and of the whole UDP datagram."""
    raw = bytes(packet)
    if packet.version == 4:
        require(folded(raw[:20]) == 0xffff, "header checksum", raw[:20].hex())
        addresses = raw[12:20]
    else:
        addresses = raw[8:40]
    pseudo = addresses + struct.pack(">IHH", len(body), 0, UDP_PROTOCOL)
    require(folded(pseudo + body) == 0xffff, "checksum of UDP from", packet.src)


def folded(data):
    total = sum(struct.unpack(">%dH" % ((len(data) + 1) // 2), data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


async def whole(peer):
    """The next packet, which is to be a datagram in one piece: it, and its payload."""
    packet = await peer.receive()
    require(is_fragment(packet) is None, "a fragment:", packet.summary())
    require((packet.proto if packet.version == 4 else packet.nh) == UDP_PROTOCOL,
            "no UDP:", packet.summary())
    body = bytes(packet)[20 if packet.version == 4 else 40:]
    require_checksums(packet, body)
    return packet, body[8:]


async def joined(peer, largest):
    """
    The next fragments, which are to be a datagram, in order, none larger than that, one
    Identification, DF=0: how many, the Identification, and the payload.
    """
    body, n, identification, more = b"", 0, None, True
    while more:
        packet = await peer.receive()
        found = is_fragment(packet)
        require(found is not None, "no fragment:", packet.summary())
        own, begin, more = found
        require(packet.version == 6 or not packet.flags.DF, "DF:", packet.summary())
        require(identification in (None, own), "Identification", own, "after", identification)
        require(begin == len(body), "a fragment at", begin, "after", len(body), "bytes")
        require(len(packet) <= largest, len(packet), "bytes, and not", largest)
        body += bytes(packet)[20 if packet.version == 4 else 48:]
        n, identification = n + 1, own
    require_checksums(packet, body)
    return n, identification, body[8:]
