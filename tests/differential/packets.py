# SPDX-License-Identifier: GPL-2.0-or-later
"""
Random packets for differential.py: most of them right, with the sizes, addresses and fields at
which something changes, and some of them spoilt afterwards.
"""
import ipaddress
import struct

from reference_packet import (
    ICMP4, ICMP6, TCP, UDP, WELL_KNOWN, checksum, embed, header4, header6, ones_sum, pseudo, put16)

SERVERS = ("198.51.100.7", "198.51.100.255", "192.0.2.33", "192.88.99.1", "203.0.113.77",
           "8.0.0.0", "1.2.3.4", "223.255.255.255", "100.64.0.1", "10.1.2.3", "192.168.0.1")
ILLEGAL = ("0.1.2.3", "127.0.0.1", "169.254.9.9", "224.0.0.1", "240.0.0.1", "255.255.255.255")
ROUTERS6 = ("2001:db8:5::9", "2001:db8::1", "3fff:fff::1")
ILLEGAL6 = ("::", "::1", "ff02::1", "fe80::1", "::ffff:192.0.2.1", "2001:db8:64::192.0.2.1")
PROTOCOLS = (TCP, UDP, ICMP6)
FLAGS = (0x02, 0x02, 0x10, 0x18, 0x12, 0x11, 0x04, 0x14, 0xc2, 0x40, 0x00, 0x03, 0x06, 0x29)


def packed(text):
    return ipaddress.ip_address(text).packed


class Maker:
    """Packets for one gateway out of one random source."""

    def __init__(self, random, gateway):
        self.random, self.gateway = random, gateway

    def chance(self, percent):
        return self.random.random() * 100 < percent

    def pick(self, things):
        return things[int(self.random.random() * len(things))]

    def number(self, bits):
        return self.random.getrandbits(bits)

    def bytes(self, size):
        return self.random.randbytes(size)

    def size(self):
        """Of a payload: small, or where a packet stops fitting."""
        if self.chance(80):
            return self.random.randrange(64)
        near = self.pick((1232, 1240, 1260, 1280, self.gateway.mtu6, self.gateway.mtu4))
        return max(0, min(near, 2000) - self.random.randrange(0, 100, self.pick((1, 4))) +
                   self.random.randrange(12))

    def hop_limit(self):
        return self.pick((0, 1, 2)) if self.chance(4) else self.random.randrange(2, 256)

    def server(self):
        if self.chance(2):
            return packed(self.pick(ILLEGAL))
        if self.chance(10):
            return self.bytes(4)
        return packed(self.pick(SERVERS))

    def binding(self, protocol):
        return self.pick(list(self.gateway.bindings[protocol].items()))

    def transport(self, protocol, src, dst, src_port, dst_port, size, whole=True):
        """TCP, UDP or an echo with its checksum, which is right in most of them."""
        data = self.bytes(size)
        if protocol == TCP:
            options = self.bytes(4 * (self.random.randrange(11) if self.chance(20) else 0))
            flags = self.pick(FLAGS)
            out = struct.pack("!HHIIBBHHH", src_port, dst_port, self.number(32), self.number(32),
                              (20 + len(options)) << 2 | self.number(4), flags, self.number(16), 0,
                              self.number(16)) + options + data
            at = 16
        elif protocol == UDP:
            length = 8 + size
            if self.chance(3):
                length -= self.random.randrange(0, size + 1)
            out = struct.pack("!HHHH", src_port, dst_port, length, 0) + data
            at = 6
        else:
            kind = self.pick((8, 8, 0) if protocol == ICMP4 else (128, 128, 129))
            port = src_port if src_port is not None else dst_port
            out = struct.pack("!BBHHH", kind, 0, 0, port, self.number(16)) + data
            at = 2
        value = right(protocol, src, dst, out, whole)
        if self.chance(8):
            value = self.pick((0, 0xffff, self.number(16)))
        return put16(out, at, value)

    # ---- IPv4

    def packet4(self, src, dst, protocol, payload, ttl=None):
        options = b""
        if self.chance(8):
            options = self.bytes(4 * self.random.randrange(1, 11))
            if self.chance(40):  # a source route, used up or not
                size = self.pick((3, 7, 11, 15))
                options = bytes([self.pick((131, 137)), size, self.pick((4, size, size + 1))]) + \
                    self.bytes(size - 3) + b"\0"
        total = 20 + len(options) + len(payload)
        bits = self.pick((0, 0x4000))
        if self.chance(1):
            bits = self.pick((0x2000, 0x2001, 0x8000))
        out = header4(self.number(8), total, self.number(16), bits,
                      self.hop_limit() if ttl is None else ttl, protocol, src, dst)
        if options:
            out = bytes([0x45 + len(options) // 4]) + out[1:] + options
            out = put16(put16(out, 10, 0), 10, checksum(put16(out, 10, 0)))
        return out + payload

    def plain4(self):
        protocol6 = self.pick(PROTOCOLS)
        protocol = ICMP4 if protocol6 == ICMP6 else protocol6
        taddr4 = self.binding(protocol6)[1]
        src, dst = self.server(), taddr4[0]
        port = taddr4[1] if not self.chance(4) else self.number(16)
        payload = self.transport(protocol, src, dst, None if protocol == ICMP4 else
                                 self.number(16), port, self.size())
        if self.chance(2):
            protocol = self.number(8)
        return self.packet4(src, dst, protocol, payload)

    def error4(self):
        """An error from a router about what the gateway has sent."""
        protocol6 = self.pick(PROTOCOLS)
        protocol = ICMP4 if protocol6 == ICMP6 else protocol6
        src, port = self.binding(protocol6)[1]
        dst = self.server()
        whole = self.transport(protocol, src, dst, port, self.number(16), self.size())
        about = self.packet4(src, dst, protocol, whole, self.number(8))
        kind = self.pick((3, 3, 3, 11, 12)) if not self.chance(4) else self.number(8)
        code = self.random.randrange(18) if kind == 3 and self.chance(80) else self.pick((0, 1, 4))
        rest = bytes([self.pick((0, 9, 12, 16, self.random.randrange(24))), 0]) + \
            struct.pack("!H", self.pick((0, 68, 1259, 1260, 1300, 1480, 1500, self.number(16))))
        if self.chance(10):
            rest = self.bytes(4)
        body, length = self.quote(about, 4)
        if length:
            rest = rest[:1] + bytes([length]) + rest[2:]
        message = struct.pack("!BBH", kind, code, 0) + rest + body
        message = put16(message, 2, checksum(message))
        if self.chance(2):
            message = put16(message, 2, self.number(16))
        outer = self.server() if not self.chance(20) else packed(self.pick(SERVERS[-3:]))
        return self.packet4(outer, src if not self.chance(2) else self.binding(TCP)[1][0], ICMP4,
                            message)

    # ---- IPv6

    def packet6(self, src, dst, protocol, payload, hop_limit=None):
        chain = []
        if self.chance(15):
            if self.chance(40):
                chain.append((0, self.pad()))
            for _ in range(self.random.randrange(3)):
                chain.append(self.pick(((60, self.pad()), (43, self.routing()))))
            if self.chance(60):
                chain.append((44, struct.pack("!HI", self.pick((0, 0, 0, 6, 1, 8)),
                                              self.number(32))))
            if self.chance(2):
                chain *= self.random.randrange(1, 10)
        out = b""
        following = protocol
        for number, body in reversed(chain):
            size = 0 if number == 44 else (len(body) + 2) // 8 - 1
            out = bytes([following, size]) + body + out
            following = number
        head = header6(self.number(8), len(out) + len(payload), following,
                       self.hop_limit() if hop_limit is None else hop_limit, src, dst)
        return head[:1] + bytes([head[1] | self.number(4)]) + self.bytes(2) + head[4:] + out + payload

    def pad(self):
        return self.bytes(self.pick((6, 6, 14, 22)))

    def routing(self):
        return bytes([self.number(8), 0 if not self.chance(15) else self.number(8)]) + \
            self.bytes(self.pick((4, 20)))

    def destination6(self, server, straight=False):
        prefix = self.pick(self.gateway.prefixes)
        if straight and prefix == WELL_KNOWN:
            prefix = self.gateway.prefixes[-1]
        out = embed(prefix, server)
        if prefix.prefixlen < 96 and self.chance(8):
            suffix = bytearray(out)
            suffix[self.pick((8, 14, 15, 15, 15))] = self.number(8)
            out = bytes(suffix)
        return out

    def plain6(self):
        protocol = self.pick(PROTOCOLS)
        (src, port), _ = self.binding(protocol)
        if self.chance(10):
            port = self.number(16)
        if self.chance(2):
            src = packed(self.pick(ILLEGAL6))
        server, peer = self.server(), self.number(16)
        if self.chance(5):
            server, peer = self.binding(protocol)[1]
        dst = self.destination6(server)
        payload = self.transport(protocol, src, dst, port, peer, self.size())
        if self.chance(2):
            protocol = self.number(8)
        return self.packet6(src, dst, protocol, payload)

    def error6(self):
        """An error from a client or a router about what the gateway has sent."""
        protocol = self.pick(PROTOCOLS)
        (client, port), _ = self.binding(protocol)
        peer = self.destination6(self.server(), straight=True)
        whole = self.transport(protocol, peer, client, self.number(16), port, self.size())
        if protocol == ICMP6:
            whole = put16(whole, 4, port)
        about = self.packet6(peer, client, protocol, whole, self.number(8))
        kind = self.pick((1, 1, 2, 3, 4)) if not self.chance(4) else self.number(8)
        code = self.random.randrange(7) if kind in (1, 4) and self.chance(80) else self.pick((0, 1))
        rest = struct.pack("!I", self.pick((0, 6, 40, self.random.randrange(50), 1279, 1280, 1300,
                                            1500, 70000, self.number(32))))
        body, length = self.quote(about, 8)
        if length:
            rest = bytes([length]) + rest[1:]
        message = struct.pack("!BBH", kind, code, 0) + rest + body
        src = client if self.chance(50) else packed(self.pick(ROUTERS6))
        dst = peer if not self.chance(2) else self.destination6(self.server())
        message = put16(message, 2, right(ICMP6, src, dst, message))
        if self.chance(2):
            message = put16(message, 2, self.number(16))
        return self.packet6(src, dst, ICMP6, message)

    # ---- both

    def quote(self, about, unit):
        """As much of a packet as errors have of it, and with RFC 4884's extension the length."""
        if self.chance(30):
            about = about[:self.random.randrange(20, 100)]
        elif self.chance(30):
            about = about[:1232]
        if self.chance(10):
            about += self.bytes(self.random.randrange(20))
        if not self.chance(25):
            return about, 0
        field = about[:max(128, unit * self.random.randrange(120))]
        field += bytes(max(128 - len(field), -len(field) % unit))
        objects = b"".join(struct.pack("!HBB", 4 + size, self.number(2), 1) + self.bytes(size)
                           for size in (self.pick((0, 4, 8, 60)),) * self.pick((0, 1, 2)))
        extension = b"\x20\0\0\0" + objects
        if self.chance(90):
            extension = put16(extension, 2, checksum(extension))
        elif self.chance(50):
            extension = bytes([self.number(8)]) + extension[1:2] + self.bytes(2) + extension[4:]
        length = len(field) // unit
        return field + extension, length if not self.chance(3) else self.number(8)

    def packet(self):
        make = self.pick((self.plain4, self.error4, self.plain6, self.error6))
        data = make()
        if make in (self.plain4, self.plain6) and self.chance(4):
            data = self.zero_sum(data)
        if self.chance(20):
            data = self.spoil(data)
        return data

    def zero_sum(self, data):
        """Changes the last word so that the translated checksum computes to zero (T-33)."""
        verdict = self.gateway.judge(data)
        if verdict.faults or not verdict.packets or len(verdict.packets) != 1:
            return data
        out = verdict.packets[0]
        protocol = out[9] if out[0] >> 4 == 4 else out[6]
        start = 20 if out[0] >> 4 == 4 else 40
        at = {TCP: 16, UDP: 6}.get(protocol, 2)
        least = {TCP: 24}.get(protocol, 10)
        size = len(out) - start
        if size < least or size % 2 or (protocol == TCP and 4 * (out[start + 12] >> 4) > size - 2):
            return data
        now = ones_sum(out[start + at:start + at + 2])
        word = ones_sum(data[-2:] + struct.pack("!H", now))
        l4 = len(data) - size
        mine = data[9] if data[0] >> 4 == 4 else {ICMP4: ICMP6}.get(protocol, protocol)
        ends = (data[12:16], data[16:20]) if data[0] >> 4 == 4 else (data[8:24], data[24:40])
        transport = put16(data[l4:-2] + struct.pack("!H", word), at, 0)
        if protocol == UDP and struct.unpack("!H", transport[4:6])[0] != size:
            return data
        return data[:l4] + put16(transport, at, right(mine, *ends, transport))

    def spoil(self, data):
        data = bytearray(data)
        for _ in range(self.pick((1, 1, 1, 2, 5))):
            how = self.random.randrange(5)
            at = self.random.randrange(min(len(data), 120)) if data else 0
            if not data:
                break
            if how == 0:
                data[at] ^= 1 << self.random.randrange(8)
            elif how == 1:
                data[at] = self.pick((0, 1, 0xff, 0x80, self.number(8)))
            elif how == 2:
                del data[self.random.randrange(len(data)):]
            elif how == 3:
                data += self.bytes(self.random.randrange(1, 30))
            else:
                data[at] = (data[at] + self.pick((1, 255))) & 0xff
        data = bytes(data)
        return self.repair(data) if self.chance(70) else data

    def repair(self, data):
        """Makes the header checksum right again, and that of an ICMP error behind it."""
        if len(data) >= 28 and data[0] >> 4 == 4:
            size = 4 * (data[0] & 15)
            total = struct.unpack("!H", data[2:4])[0]
            if 20 <= size <= total <= len(data):
                data = put16(data, 10, checksum(put16(data[:size], 10, 0)))
                if data[9] == ICMP4 and total >= size + 8:
                    message = put16(data[size:total], 2, 0)
                    data = data[:size] + put16(message, 2, checksum(message)) + data[total:]
        elif len(data) >= 48 and data[0] >> 4 == 6 and data[6] == ICMP6:
            end = 40 + struct.unpack("!H", data[4:6])[0]
            if 48 <= end <= len(data):
                message = put16(data[40:end], 2, 0)
                value = right(ICMP6, data[8:24], data[24:40], message)
                data = data[:40] + put16(message, 2, value) + data[end:]
        return data


def right(protocol, src, dst, message, whole=True):
    """The checksum of a transport header whose field is zero."""
    length = len(message)
    if protocol == UDP:
        length = struct.unpack("!H", message[4:6])[0]
    value = checksum(pseudo(src, dst, protocol, length) + message[:length])
    return value or 0xffff if protocol == UDP else value
