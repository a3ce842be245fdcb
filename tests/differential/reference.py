# SPDX-License-Identifier: GPL-2.0-or-later
"""
Header and checksum translation once more, in its plainest form, to judge the core by.

Written from RFC 7915, RFC 6052, RFC 6146 and the catalogue of requirements, with no look at the C.
Every checksum is computed over all bytes, nothing is done in place, nothing is fast. Where a
packet has several faults the RFCs do not say which comes first: judge() names all of them, with
the ids of the catalogue, and any is accepted.

Fragments, other than atomic ones, are not judged.
"""
import ipaddress
import struct

from reference_packet import (
    AH, HOST, ICMP4, ICMP6, ILLEGAL4, ILLEGAL6, NONGLOBAL4, SILENT, TCP, UDP, WELL_KNOWN, Sides,
    checksum, embed, extract, header4, header6, networks, port_offsets, pseudo6, put16, quotable,
    translate_transport, unexpired_source_route, walk_chain, well_formed, within)

LOWEST_MTU6 = 1280
PLATEAUS = (65535, 32000, 17914, 8166, 4352, 2002, 1492)  # RFC 1191, 7; those of 1280 and more
OWN6 = ipaddress.IPv6Address("2001:db8:ffff::1").packed
OWN4 = ipaddress.IPv4Address("192.0.2.254").packed

# ICMP: types, codes and pointers (tables in front of I-1).
CODES46 = {0: (1, 0), 1: (1, 0), 2: (4, 1), 3: (1, 4), 4: (2, 0), 5: (1, 0), 6: (1, 0), 7: (1, 0),
           8: (1, 0), 9: (1, 1), 10: (1, 1), 11: (1, 0), 12: (1, 0), 13: (1, 1), 15: (1, 1)}
CODES64 = {0: (3, 1), 1: (3, 10), 2: (3, 1), 3: (3, 1), 4: (3, 3)}
POINTERS46 = {0: 0, 1: 1, 2: 4, 3: 4, 8: 7, 9: 6, **{n: 8 for n in range(12, 16)},
              **{n: 24 for n in range(16, 20)}}
POINTERS64 = {0: 0, 1: 1, 4: 2, 5: 2, 6: 9, 7: 8, **{n: 12 for n in range(8, 24)},
              **{n: 16 for n in range(24, 40)}}


def map46(kind, code, rest, inner_total, mtu6, mtu4):
    """Type, code and the second four bytes without the length attribute; None: dropped."""
    if kind == 3 and code in CODES46:
        kind6, code6 = CODES46[code]
        value = 0
        if code == 2:
            value = 6
        if code == 4:
            mtu = struct.unpack("!H", rest[2:4])[0]
            if mtu == 0:  # F-22
                mtu = next((p for p in PLATEAUS if p < inner_total), 0)
            value = max(1280, min(mtu + 20, mtu6, mtu4 + 20))  # F-20
        return kind6, code6, value
    if kind == 11:
        return 3, code, 0
    if kind == 12 and code in (0, 2) and rest[0] in POINTERS46:
        return 4, 0, POINTERS46[rest[0]]
    return None


def map64(kind, code, rest, inner_has_fragment, mtu6, mtu4):
    value = struct.unpack("!I", rest)[0]
    if kind == 1 and code in CODES64:
        return CODES64[code] + (0,)
    if kind == 2:
        less = 28 if inner_has_fragment else 20  # F-21, F-23
        return 3, 4, min(max(value, 1280) - less, mtu4, mtu6 - less, 65535)
    if kind == 3:
        return 11, code, 0
    if kind == 4 and code == 0 and value in POINTERS64:
        return 12, 0, POINTERS64[value] << 24
    if kind == 4 and code == 1:
        return 3, 2, 0
    return None


def split_extension(kind, message, words, unit, with_extensions):
    """
    RFC 4884, 5: quoted packet and extension. Believed only if a structure of version 2 with a right
    checksum (or none) stands where the length attribute says.
    """
    body = message[8:]
    size = words * unit
    if kind not in with_extensions or size < 128 or size + 4 > len(body):
        return body, b""
    extension = body[size:]
    if extension[0] >> 4 != 2:
        return body, b""
    if extension[2:4] != b"\0\0" and checksum(extension) != 0:
        return body, b""
    return body[:size], extension


class Choice:
    """
    What the gateway may choose itself, read from the packets that it sent: Identifications (T-14,
    F-10, C-8), and address and port of a new binding (P-9).
    """

    def __init__(self, sent=()):
        first = sent[0] if sent else b""
        self.identification = self.embedded = self.fragment6 = 0
        self.source = (b"", 0)
        if len(first) >= 48 and first[0] >> 4 == 6 and first[6] == 44:
            self.fragment6, = struct.unpack("!I", first[44:48])
        elif len(first) >= 28 and first[0] == 0x45:
            self.identification, = struct.unpack("!H", first[4:6])
            port = first[24:26] if first[9] == ICMP4 else first[20:22]
            self.source = first[12:16], struct.unpack("!H", port)[0]
            if len(first) >= 48:
                self.embedded, = struct.unpack("!H", first[32:34])


class Verdict:
    """What may happen to a packet: faults as (id, what its sender is told), or packets."""

    def __init__(self):
        self.faults = []
        self.packets = None
        self.unjudged = None
        self.kind = "other"

    def fault(self, ids, answer=SILENT):
        self.faults.append((ids, answer))


class Gateway:
    """
    prefixes in the order of Pool6, bindings {protocol of IPv6: {(address6, port): (address4,
    port)}}, pool4 a network, the MTU of both sides.
    """

    def __init__(self, prefixes, bindings, pool4, mtu6, mtu4):
        self.prefixes, self.bindings, self.pool4 = prefixes, bindings, pool4
        self.mtu6, self.mtu4 = mtu6, mtu4
        self.by4 = {{ICMP6: ICMP4}.get(protocol, protocol):
                    {taddr4: taddr6 for taddr6, taddr4 in table.items()}
                    for protocol, table in bindings.items()}

    def prefix_of(self, address6):
        address = ipaddress.IPv6Address(address6)
        return next((prefix for prefix in self.prefixes if address in prefix), None)

    def in_pool4(self, address4):
        return ipaddress.IPv4Address(address4) in self.pool4

    # ---- errors of its own

    def error6(self, offending, kind, code, value=0):
        """ICMPv6 to the sender of an IPv6 packet (T-25, I-26, I-32)."""
        size = 40 + struct.unpack("!H", offending[4:6])[0]
        quoted = offending[:size][:1280 - 48]
        dst = offending[8:24]
        body = struct.pack("!BBHI", kind, code, 0, value) + quoted
        body = put16(body, 2, checksum(pseudo6(OWN6, dst, ICMP6, len(body)) + body))
        traffic_class = struct.unpack("!H", offending[:2])[0] >> 4 & 0xfc
        return header6(traffic_class, len(body), ICMP6, 64, OWN6, dst) + body

    def error4(self, offending, kind, code, value=0):
        size = struct.unpack("!H", offending[2:4])[0]
        quoted = offending[:size][:576 - 28]
        body = struct.pack("!BBHI", kind, code, 0, value) + quoted
        body = put16(body, 2, checksum(body))
        return header4(offending[1] & 0xfc, 20 + len(body), self.choice.identification, 0, 64, ICMP4, OWN4,
                       offending[12:16]) + body

    def judge(self, data, choice=Choice()):
        verdict, self.choice = Verdict(), choice
        if len(data) and data[0] >> 4 == 4:
            self.judge4(data, verdict)
        elif len(data) and data[0] >> 4 == 6:
            self.judge6(data, verdict)
        else:
            verdict.fault("X-7 X-8")
        return verdict

    # ---- RFC 7915, 4: IPv4 to IPv6

    def judge4(self, data, verdict, hairpinned=False, used=None, cut=False):
        """
        hairpinned: the packet is the second leg of one that came from the IPv6 side (H-1); used:
        the client that sent it, and its prefix, which is the newest of that client (A-14).
        """
        verdict.kind = "4to6 malformed"
        if len(data) < 20:
            return verdict.fault("X-7")
        header_size = 4 * (data[0] & 15)
        tos, total = data[1], struct.unpack("!H", data[2:4])[0]
        flags = struct.unpack("!H", data[6:8])[0]
        ttl, protocol, src, dst = data[8], data[9], data[12:16], data[16:20]
        if header_size < 20 or total < header_size or total > len(data):
            return verdict.fault("X-7")
        if checksum(data[:header_size]) != 0:
            verdict.fault("X-7")
        data = data[:total]  # T-10
        payload = data[header_size:]
        if not self.in_pool4(dst):
            verdict.fault("A-13", HOST)
        if flags & 0x3fff:
            verdict.unjudged = "F-1: a fragment"
            return None
        is_error = protocol == ICMP4 and payload[:1] in (b"\3", b"\4", b"\5", b"\x0b", b"\x0c")

        def tell(kind, code, value=0):
            if is_error or not self.answerable4(src):
                return SILENT
            return self.error4(data, kind, code, value)

        if within(src, ILLEGAL4) and not (
                is_error and not within(src, networks("0.0.0.0/8 127.0.0.0/8 224.0.0.0/4"))):
            verdict.fault("A-10")  # I-20
        if unexpired_source_route(data[20:header_size]):
            verdict.fault("T-8", tell(3, 5))
        if protocol not in (TCP, UDP, ICMP4):
            return verdict.fault("T-22", tell(3, 2))
        if ttl <= 1 and not hairpinned:
            verdict.fault("T-5", tell(11, 0))
        if protocol == ICMP4 and payload[:1] not in (b"\0", b"\x08"):
            return self.error46(data, payload, verdict, hairpinned)
        if not well_formed(protocol, payload, verdict):
            return None
        port = port_offsets(protocol, payload)[1]
        to = self.by4[protocol].get((dst, port))
        if to is None:
            verdict.fault("S-14 S-25 S-26")
            return None
        size = 40 + len(payload)
        # F-19: more than the way to the sender carries was put together on the way here.
        cut = cut or (flags & 0x4000 and len(data) > max(1280, self.mtu4) and not hairpinned)
        if flags & 0x4000 and size > self.mtu6 and not hairpinned and not cut:
            verdict.fault("F-12", tell(3, 4, self.mtu6 - 20))
        verdict.kind = "4to6 " + {TCP: "tcp", UDP: "udp", ICMP4: "echo"}[protocol]
        prefix = used[1] if used and used[0] == to else self.prefixes[0]
        if prefix == WELL_KNOWN and within(src, NONGLOBAL4):
            verdict.fault("A-9")
        sides = Sides(src, dst, embed(prefix, src), to[0], None, to[1])
        if verdict.faults:
            return None
        out = translate_transport(protocol, payload, sides, len(payload))
        next_header = ICMP6 if protocol == ICMP4 else protocol
        hop_limit = ttl if hairpinned else ttl - 1
        # H-8: between the two legs is no IPv4 link, so DF means nothing there.
        whole = (flags & 0x4000 or hairpinned) and not cut
        limit = self.mtu6 if whole else min(LOWEST_MTU6, self.mtu6)
        if size <= limit:
            verdict.packets = [header6(tos, len(out), next_header, hop_limit, sides.new_src,
                                       sides.new_dst) + out]
            return None
        verdict.packets = []  # F-11; the Identification is the gateway's (C-8)
        room = (limit - 48) // 8 * 8
        for at in range(0, len(out), room):
            piece = out[at:at + room]
            more = at + room < len(out)
            verdict.packets.append(
                header6(tos, 8 + len(piece), 44, hop_limit, sides.new_src, sides.new_dst) +
                struct.pack("!BBHI", next_header, 0, at | more, self.choice.fragment6) + piece)
        return None

    def answerable4(self, src):
        return not within(src, ILLEGAL4)

    def error46(self, data, message, verdict, hairpinned):
        """An ICMPv4 error with the packet it is about (RFC 7915, 4.2 and 4.3)."""
        verdict.kind = "4to6 error"
        tos, ttl, src, dst = data[1], data[8], data[12:16], data[16:20]
        if len(message) < 8:
            return verdict.fault("I-13")
        if checksum(message) != 0:
            verdict.fault("I-6")
        kind, code = message[0], message[1]
        if map46(kind, code, message[4:8], 65535, 1280, 1280) is None:
            return verdict.fault("I-1 I-2")
        quoted, extension = split_extension(kind, message, message[5], 4, (3, 11, 12))
        if len(quoted) < 20:
            return verdict.fault("I-13")
        header_size, total = 4 * (quoted[0] & 15), struct.unpack("!H", quoted[2:4])[0]
        if quoted[0] >> 4 != 4 or header_size < 20 or total < header_size or \
                len(quoted) < header_size:
            return verdict.fault("I-13")
        if checksum(quoted[:header_size]) != 0:
            verdict.fault("I-7")
        quoted = quoted[:total]  # I-25
        fragment = struct.unpack("!H", quoted[6:8])[0]
        protocol, inner = quoted[9], quoted[header_size:]
        if fragment & 0x1fff:
            return verdict.fault("I-13")
        if not quotable(protocol, inner, (0, 8)):
            return verdict.fault("I-13 I-15")
        inner_src, inner_dst = quoted[12:16], quoted[16:20]
        if inner_src != dst:
            verdict.fault("I-17")
        to = self.by4[protocol].get((inner_src, port_offsets(protocol, inner)[0]))
        if to is None:
            return verdict.fault("I-14")
        if self.prefixes[0] == WELL_KNOWN and within(inner_dst, NONGLOBAL4):
            verdict.fault("A-9")
        if within(inner_dst, ILLEGAL4):
            verdict.fault("A-10")
        if verdict.faults:
            return None
        kind6, code6, value = map46(kind, code, message[4:8], total, self.mtu6, self.mtu4)
        prefix = self.prefixes[0]
        sides = Sides(inner_src, inner_dst, to[0], embed(prefix, inner_dst), to[1], None)
        length = total - header_size
        transport = translate_transport(protocol, inner, sides, length, embedded=True)
        next_header = ICMP6 if protocol == ICMP4 else protocol
        if fragment & 0x2000:
            shim = struct.pack("!BBHI", next_header, 0, 1, struct.unpack("!H", quoted[4:6])[0])
            embedded = header6(quoted[1], length + 8, 44, quoted[8], to[0], sides.new_dst) + shim
        else:
            embedded = header6(quoted[1], length, next_header, quoted[8], to[0], sides.new_dst)
        rest, body = attach_extension(kind6 in (1, 3), embedded + transport, extension, 8,
                                      1280 - 48)
        if rest:
            value |= rest << 24
        out = struct.pack("!BBHI", kind6, code6, 0, value) + body
        new_src = embed(prefix, src)
        out = put16(out, 2, checksum(pseudo6(new_src, to[0], ICMP6, len(out)) + out))
        verdict.packets = [header6(tos, len(out), ICMP6, ttl if hairpinned else ttl - 1, new_src,
                                   to[0]) + out]
        return None

    # ---- RFC 7915, 5: IPv6 to IPv4

    def judge6(self, data, verdict):
        verdict.kind = "6to4 malformed"
        if len(data) < 40:
            return verdict.fault("X-8")
        traffic_class = struct.unpack("!H", data[:2])[0] >> 4 & 0xff
        length, hop_limit = struct.unpack("!H", data[4:6])[0], data[7]
        src, dst = data[8:24], data[24:40]
        if 40 + length > len(data):
            return verdict.fault("X-8")
        if length == 0 and len(data) > 40:
            verdict.fault("T-23")
        data = data[:40 + length]
        prefix = self.prefix_of(dst)
        if prefix is None:
            verdict.fault("A-13", HOST)
        if self.prefix_of(src):
            verdict.fault("A-12")
        if within(src, ILLEGAL6):
            verdict.fault("A-10")
        protocol, at, fragment, segments_left = walk_chain(data, verdict)
        if protocol is None:
            return None
        if fragment and struct.unpack("!H", fragment[2:4])[0] & 0xfff9:
            verdict.unjudged = "F-1: a fragment"
            return None
        payload = data[at:]
        is_error = protocol == ICMP6 and (payload[:1] < b"\x80" or payload[:1] == b"\x89")

        def tell(kind, code, value=0):
            if is_error or within(src, ILLEGAL6):
                return SILENT
            return self.error6(data, kind, code, value)

        if segments_left is not None:
            verdict.fault("T-20", tell(4, 0, segments_left + 3))
        if protocol not in (TCP, UDP, ICMP6):
            verdict.fault("T-21", tell(1, 4))
            if protocol == AH:  # an ICMPv6 error may hide behind it (I-29)
                verdict.fault("T-21")
        dst4 = None
        if prefix is not None:
            dst4 = extract(prefix, dst)
            if prefix.prefixlen < 96 and dst[8] != 0:
                verdict.fault("A-8")
            if within(dst4, ILLEGAL4):
                verdict.fault("A-10")
            if prefix == WELL_KNOWN and within(dst4, NONGLOBAL4):
                verdict.fault("A-9", SILENT if protocol == ICMP6 else tell(1, 1))  # I-30
        if hop_limit <= 1:
            verdict.fault("T-16", tell(3, 0))
        if protocol not in (TCP, UDP, ICMP6) or dst4 is None:
            return None
        if protocol == ICMP6 and payload[:1] not in (b"\x80", b"\x81"):
            return self.error64(data, payload, verdict, fragment, dst4)
        if not well_formed(protocol, payload, verdict, from6=True):
            return None
        total = 20 + len(payload)
        # port 0 is in no range of pool4 (P-12), so a packet to it goes to the IPv4 side.
        hairpinned = self.in_pool4(dst4) and (protocol == ICMP6 or payload[2:4] != b"\0\0")
        cut = not fragment and len(data) > max(1280, self.mtu6)  # F-19
        if not fragment and len(data) > 1280 and total > self.mtu4 and not hairpinned and not cut:
            verdict.fault("F-16", tell(2, 0, max(1280, self.mtu4 + 20)))
        port = port_offsets(protocol, payload)[0]
        known = self.bindings[protocol].get((src, port))
        if known is None and protocol == TCP and payload[13] & 0x06 != 0x02:
            verdict.fault("S-26")
        verdict.kind = "6to4 " + {TCP: "tcp", UDP: "udp", ICMP6: "echo"}[protocol]
        if verdict.faults:
            return None

        def translate(mine):
            sides = Sides(src, dst, mine[0], dst4, mine[1], None)
            out = translate_transport(protocol, payload, sides, len(payload))
            return self.send4(out, ICMP4 if protocol == ICMP6 else protocol, traffic_class,
                              hop_limit - 1, mine[0], dst4, fragment, hairpinned, cut)

        if hairpinned:
            return self.second_leg(data, translate, known, ((src, port), prefix), cut, verdict)
        if known is None:
            known = self.choice.source
            if not self.in_pool4(known[0] or b"\0\0\0\0"):
                known = (self.pool4.network_address.packed, 0)
        verdict.packets = translate(known)
        return None

    def send4(self, out, protocol, tos, ttl, src, dst, fragment, hairpinned, cut):
        total = 20 + len(out)
        limit = 65535 if hairpinned else self.mtu4
        identification = self.choice.identification
        if fragment:
            identification = struct.unpack("!H", fragment[6:8])[0]
        if total <= limit:
            df = 0x4000 if total > 1260 and not fragment and not cut else 0  # T-15, F-8, F-19
            return [header4(tos, total, identification, df, ttl, protocol, src, dst) + out]
        room = (limit - 20) // 8 * 8  # F-15, F-17
        return [header4(tos, 20 + len(out[at:at + room]), identification,
                        at // 8 | (0x2000 if at + room < len(out) else 0), ttl, protocol, src,
                        dst) + out[at:at + room]
                for at in range(0, len(out), room)]

    def second_leg(self, data, translate, known, used, cut, verdict):
        verdict.kind = verdict.kind.replace("6to4", "hairpin")
        if known is None:
            verdict.unjudged = "H-3: hairpinned with a new binding"
            return None
        second = Verdict()
        middle = translate(known)[0]
        if 20 + len(middle) > self.mtu6 and not cut:
            verdict.fault("H-8", self.error6(data, 2, 0, self.mtu6))
        self.judge4(middle, second, True, used, cut)
        verdict.faults += second.faults
        verdict.packets = second.packets
        return None

    def error64(self, data, message, verdict, fragment, dst4):
        """An ICMPv6 error with the packet it is about (RFC 7915, 5.2 and 5.3)."""
        verdict.kind = "6to4 error"
        src, dst = data[8:24], data[24:40]
        if len(message) < 8:
            return verdict.fault("I-13")
        if checksum(pseudo6(src, dst, ICMP6, len(message)) + message) != 0:
            verdict.fault("I-6")
        kind, code = message[0], message[1]
        if map64(kind, code, message[4:8], False, 1280, 1280) is None:
            return verdict.fault("I-1 I-2")
        quoted, extension = split_extension(kind, message, message[4], 8, (1, 3))
        if len(quoted) < 40 or quoted[0] >> 4 != 6:
            return verdict.fault("I-13")
        claimed = 40 + struct.unpack("!H", quoted[4:6])[0]
        quoted = quoted[:claimed]
        chain = Verdict()
        protocol, at, inner_fragment, segments_left = walk_chain(quoted, chain)
        if protocol is None or chain.faults:
            return verdict.fault("I-13")
        if segments_left is not None:
            return verdict.fault("T-20 I-10")
        if inner_fragment and struct.unpack("!H", inner_fragment[2:4])[0] & 0xfff8:
            return verdict.fault("I-13")
        inner = quoted[at:]
        if not quotable(protocol, inner, (128, 129)):
            return verdict.fault("I-13 I-15")
        inner_src, inner_dst = quoted[8:24], quoted[24:40]
        if inner_src != dst:
            verdict.fault("I-17")
        if self.prefix_of(inner_src) is None:
            return verdict.fault("I-17")
        mine = self.bindings[protocol].get((inner_dst, port_offsets(protocol, inner)[1]))
        if mine is None:
            return verdict.fault("I-14")
        if verdict.faults:
            return None
        if self.in_pool4(dst4):
            verdict.unjudged = "H-6: a hairpinned error"
            return None
        kind4, code4, value = map64(kind, code, message[4:8], inner_fragment is not None,
                                    self.mtu6, self.mtu4)
        inner_src4 = extract(self.prefix_of(inner_src), inner_src)
        sides = Sides(inner_src, inner_dst, inner_src4, mine[0], None, mine[1])
        length = claimed - at
        transport = translate_transport(protocol, inner, sides, length, embedded=True)
        total = 20 + length
        identification, bits = self.choice.embedded, 0x4000 if total > 1260 else 0
        if inner_fragment:
            word, identification = struct.unpack("!HxxH", inner_fragment[2:8])
            bits = 0x2000 if word & 1 else 0
        tos = struct.unpack("!H", quoted[:2])[0] >> 4 & 0xff
        embedded = header4(tos, total, identification, bits, quoted[7],
                           ICMP4 if protocol == ICMP6 else protocol, inner_src4, mine[0])
        rest, body = attach_extension((kind4, code4) != (3, 4) and kind4 in (3, 11) and
                                      kind in (1, 3), embedded + transport, extension, 4, 576 - 28)
        value |= rest << 16
        out = struct.pack("!BBHI", kind4, code4, 0, value) + body
        out = put16(out, 2, checksum(out))
        traffic_class = struct.unpack("!H", data[:2])[0] >> 4 & 0xff
        verdict.packets = self.send4(out, ICMP4, traffic_class, data[7] - 1, mine[0], dst4,
                                     fragment, False, False)
        return None


def attach_extension(supported, quoted, extension, unit, room):
    """The length attribute in its unit, and what follows it (I-23, I-24, I-26)."""
    if not extension or not supported:
        return 0, quoted[:room]
    padded = quoted + bytes(max(128 - len(quoted), -len(quoted) % unit))
    if len(padded) + len(extension) > room:
        padded = padded[:max(128, (room - len(extension)) // unit * unit)]
    return len(padded) // unit, padded + extension[:room - len(padded)]
