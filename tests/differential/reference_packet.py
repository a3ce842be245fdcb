# SPDX-License-Identifier: GPL-2.0-or-later
"""
What the reference (reference.py) takes packets apart with and puts them together: addresses
(RFC 6052), checksums over all bytes, headers, the transport layer, chains of extension headers.
"""
import ipaddress
import struct

TCP, UDP, ICMP4, ICMP6, AH = 6, 17, 1, 58, 51
SILENT, HOST = "silent", "left to the host"


def networks(text):
    return [ipaddress.ip_network(one) for one in text.split()]


ILLEGAL4 = networks("0.0.0.0/8 127.0.0.0/8 169.254.0.0/16 224.0.0.0/4 240.0.0.0/4")
ILLEGAL6 = networks("::/128 ::1/128 ff00::/8 ::ffff:0:0/96 fe80::/10")
NONGLOBAL4 = networks(
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 "
    "192.0.2.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 "
    "240.0.0.0/4")
WELL_KNOWN = ipaddress.ip_network("64:ff9b::/96")


def within(packed, nets):
    address = ipaddress.ip_address(packed)
    return any(address in net for net in nets)


# RFC 6052, 2.2: where the octets of the IPv4 address stand.
OCTETS = {32: (4, 5, 6, 7), 40: (5, 6, 7, 9), 48: (6, 7, 9, 10), 56: (7, 9, 10, 11),
          64: (9, 10, 11, 12), 96: (12, 13, 14, 15)}


def embed(prefix, address4):
    out = bytearray(prefix.network_address.packed)
    for at, octet in zip(OCTETS[prefix.prefixlen], address4):
        out[at] = octet
    return bytes(out)


def extract(prefix, address6):
    return bytes(address6[at] for at in OCTETS[prefix.prefixlen])


def ones_sum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def checksum(data):
    return ~ones_sum(data) & 0xffff


def pseudo4(src, dst, protocol, length):
    return src + dst + struct.pack("!BBH", 0, protocol, length & 0xffff)


def pseudo6(src, dst, protocol, length):
    return src + dst + struct.pack("!II", length, protocol)


def carried(before, after, protocol):
    """The checksum of after, its field being zero, wrong by as much as that of before (T-32)."""
    value = ones_sum(struct.pack("!HH", ones_sum(before), checksum(after)))
    if protocol == UDP:
        return value or 0xffff  # T-33
    return 0 if value == 0xffff else value


def put16(data, at, value):
    return data[:at] + struct.pack("!H", value) + data[at + 2:]


def header4(tos, total, identification, fragment, ttl, protocol, src, dst):
    out = struct.pack("!BBHHHBBH", 0x45, tos, total & 0xffff, identification, fragment, ttl,
                      protocol, 0) + src + dst
    return put16(out, 10, checksum(out))


def header6(traffic_class, length, protocol, hop_limit, src, dst):
    return struct.pack("!IHBB", 6 << 28 | traffic_class << 20, length & 0xffff, protocol,
                       hop_limit) + src + dst


class Sides:
    """The addresses and ports of one packet before and after."""

    def __init__(self, src, dst, new_src, new_dst, src_port=None, dst_port=None):
        self.src, self.dst, self.new_src, self.new_dst = src, dst, new_src, new_dst
        self.src_port, self.dst_port = src_port, dst_port  # to be written; None: as they are


CHECK_AT = {TCP: 16, UDP: 6, ICMP4: 2, ICMP6: 2}
ECHO46 = {8: 128, 0: 129}
ECHO64 = {128: 8, 129: 0}


def translate_transport(protocol, data, sides, length, embedded=False):
    """
    TCP, UDP or an echo behind its new IP header. length is what the header claims; of an embedded
    packet there may be less.
    """
    to6 = len(sides.src) == 4
    out = data
    if protocol in (ICMP4, ICMP6):
        out = bytes([(ECHO46 if to6 else ECHO64)[data[0]]]) + out[1:]
        identifier = sides.src_port if sides.src_port is not None else sides.dst_port
        if identifier is not None:
            out = put16(out, 4, identifier)
    else:
        if sides.src_port is not None:
            out = put16(out, 0, sides.src_port)
        if sides.dst_port is not None:
            out = put16(out, 2, sides.dst_port)
    at = CHECK_AT[protocol]
    if len(data) < at + 2:
        return out  # cut off in front of its checksum
    was = data[at:at + 2]
    if protocol == UDP:
        length = struct.unpack("!H", data[4:6])[0]
        if was == b"\0\0" and embedded:
            return out  # I-9: there was none, and the packet is not there to compute it
    covered = data if embedded else data[:length]
    before = pseudo(sides.src, sides.dst, protocol, length) + covered
    if protocol == UDP and was == b"\0\0":
        before = b"\xff\xff"  # T-34: as if it were right
    new_protocol = {ICMP4: ICMP6, ICMP6: ICMP4}.get(protocol, protocol)
    after = pseudo(sides.new_src, sides.new_dst, new_protocol, length) + put16(out, at, 0)[:len(covered)]
    return put16(out, at, carried(before, after, protocol))


def pseudo(src, dst, protocol, length):
    if protocol == ICMP4:
        return b""  # I-3
    return (pseudo4 if len(src) == 4 else pseudo6)(src, dst, protocol, length)


def port_offsets(protocol, data):
    """Source and destination port, or the identifier twice."""
    if protocol in (ICMP4, ICMP6):
        identifier = struct.unpack("!H", data[4:6])[0]
        return identifier, identifier
    return struct.unpack("!HH", data[:4])


def walk_chain(data, verdict):
    """
    Protocol behind the extension headers and where it begins, the Fragment header if any, and
    where a routing header with segments left stands. Protocol None: the chain cannot be followed.
    """
    protocol, at, fragment, segments_left, headers = data[6], 40, None, None, 0
    while protocol in (0, 43, 44, 60):
        headers += 1
        if protocol == 0 and at != 40:
            verdict.fault("T-23")
            return None, at, fragment, segments_left
        if fragment:
            verdict.fault("F-9")
            return None, at, fragment, segments_left
        if headers > 8 or at + 8 > len(data):
            verdict.fault("T-23 X-8")
            return None, at, fragment, segments_left
        size = 8 if protocol == 44 else 8 + 8 * data[at + 1]
        if at + size > len(data):
            verdict.fault("X-8")
            return None, at, fragment, segments_left
        if protocol == 44:
            fragment = data[at:at + 8]
            if struct.unpack("!H", fragment[2:4])[0] & 0xfff8:
                return data[at], at + 8, fragment, segments_left
        if protocol == 43 and data[at + 3] != 0 and segments_left is None:
            segments_left = at
        protocol, at = data[at], at + size
    if fragment and protocol in (AH, 135, 139, 140):
        verdict.fault("F-9")
    return protocol, at, fragment, segments_left


def unexpired_source_route(options):
    at = 0
    while at < len(options) and options[at] != 0:
        if options[at] == 1:
            at += 1
            continue
        if at + 1 >= len(options) or options[at + 1] < 2 or at + options[at + 1] > len(options):
            return False
        if options[at] in (131, 137) and options[at + 1] >= 3 and options[at + 2] <= options[at + 1]:
            return True
        at += options[at + 1]
    return False


def well_formed(protocol, payload, verdict, from6=False):
    """Lengths and flags of TCP, UDP or an echo; says what is wrong, and whether to go on."""
    if protocol == TCP:
        if len(payload) < 20 or not 20 <= 4 * (payload[12] >> 4) <= len(payload):
            return verdict.fault("T-38")
        flags = payload[13]
        if flags == 0 or flags & 0x03 == 0x03 or flags & 0x06 == 0x06:
            return verdict.fault("X-9")
    elif protocol == UDP:
        if from6 and payload[6:8] == b"\0\0":
            verdict.fault("T-36")
        if len(payload) < 8 or not 8 <= struct.unpack("!H", payload[4:6])[0] <= len(payload):
            return verdict.fault("T-37")
    else:
        if len(payload) < 8:
            return verdict.fault("I-1")
        if payload[1] != 0:
            return verdict.fault("I-1")
    return True


def quotable(protocol, inner, echo_types):
    """Do the ports or the identifier of an embedded packet stand there (I-13, I-15)?"""
    if protocol in (TCP, UDP):
        return len(inner) >= 4
    if protocol == (ICMP4 if echo_types[0] == 0 else ICMP6):
        return len(inner) >= 6 and inner[0] in echo_types
    return False
