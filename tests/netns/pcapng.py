#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What is in a pcapng file, a line for each packet: side, way, protocol, addresses, sizes, comment. Every length,
checksum and option is judged.

pcapng.py FILE
"""

import ipaddress
import struct
import sys

NAMES = {1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'icmp6', 44: 'fragment'}


def options(data):
    found = {}
    while True:
        code, size = struct.unpack_from('=HH', data)
        if code == 0:
            assert size == 0 and len(data) == 4, 'options go on behind their end'
            return found
        found[code] = data[4:4 + size]
        assert len(found[code]) == size, 'an option is cut'
        data = data[4 + (size + 3 & ~3):]


def blocks(data):
    while data:
        kind, size = struct.unpack_from('=II', data)
        assert size % 4 == 0 and 12 <= size <= len(data), f'a block of {size} bytes'
        assert struct.unpack_from('=I', data, size - 4)[0] == size, 'its sizes differ'
        yield kind, data[8:size - 4]
        data = data[size:]


def checksum(data):
    total = sum(struct.unpack(f'!{len(data) // 2}H', data[:len(data) & ~1]))
    total += data[-1] << 8 if len(data) & 1 else 0
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def describe(packet, whole):
    if packet[0] >> 4 == 6:
        size, protocol = struct.unpack_from('!HB', packet, 4)
        assert 40 + size == whole, f'{40 + size} of {whole} bytes'
        source, destination, payload = packet[8:24], packet[24:40], packet[40:]
        pseudo = source + destination + struct.pack('!II', size, protocol)
    else:
        size, protocol = struct.unpack_from('!H', packet, 2)[0], packet[9]
        assert size == whole, f'{size} of {whole} bytes'
        assert checksum(packet[:20]) == 0xffff, 'checksum of the IPv4 header'
        source, destination, payload = packet[12:16], packet[16:20], packet[20:]
        pseudo = source + destination + struct.pack('!HH', protocol, size - 20) if protocol != 1 else b''
    if len(packet) == whole and protocol in (1, 17, 58):
        assert checksum(pseudo + payload) == 0xffff, 'checksum'
    return f'{NAMES[protocol]} {ipaddress.ip_address(source)} > {ipaddress.ip_address(destination)}'


def main():
    with open(sys.argv[1], 'rb') as file:
        found = list(blocks(file.read()))
    kind, body = found[0]
    assert kind == 0x0a0d0d0a and body[:8] == struct.pack('=IHH', 0x1a2b3c4d, 1, 0), 'no section'
    options(body[16:])
    interfaces = []
    for kind, body in found[1:]:
        if kind == 1:
            assert struct.unpack_from('=H', body)[0] == 101, 'not of IP packets'
            interfaces.append(options(body[8:])[2].decode())
            continue
        assert kind == 6, f'a block of kind {kind}'
        interface, high, low, size, whole = struct.unpack_from('=IIIII', body)
        packet, rest = body[20:20 + size], options(body[20 + (size + 3 & ~3):])
        assert len(packet) == size <= whole
        way = {1: 'came', 2: 'left'}[struct.unpack('=I', rest[2])[0]]
        assert interfaces[interface] == f'IPv{packet[0] >> 4}', 'the wrong side'
        print(f'{(high << 32 | low) // 1000000} IPv{packet[0] >> 4} {way} {describe(packet, whole)} {size}/{whole}',
              rest.get(1, b'').decode())


main()
