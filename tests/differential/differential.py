#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
The core and the reference (reference.py) about the same packets: what comes out is to be equal byte
for byte. What the gateway may choose, the reference takes from what it sent (class Choice).

usage: differential.py TRANSLATE

NAT64D_PACKETS: how many (20000). NAT64D_SEED: which (6146). Prints TAP.
"""
import collections
import ipaddress
import os
import random
import shlex
import subprocess
import sys
import tempfile

from packets import Maker
from reference import Choice, Gateway
from reference_packet import HOST, ICMP6, SILENT, TCP, UDP

PREFIXES = [ipaddress.ip_network(text) for text in (
    "2001:db8:64::/96", "3fff:1::/32", "3fff:2:300::/40", "3fff:3:4::/48", "3fff:4:5:600::/56",
    "3fff:5:6:7::/64", "64:ff9b::/96")]
POOL4 = ipaddress.ip_network("203.0.113.0/29")
CLIENTS = (("2001:db8:1::1", "203.0.113.1"), ("2001:db8:2:3:4:5:6:7", "203.0.113.2"),
           ("3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "203.0.113.3"))
# Of each client: ports or identifiers of both sides. An echo is hairpinned with the identifier that
# its sender has on the IPv4 side, so those are all the same for once.
PORTS = {(TCP, "tcp"): ((443, 20001), (65535, 1), (5000, 5000)),
         (UDP, "udp"): ((53, 20002), (1, 65535), (5000, 5000)),
         (ICMP6, "icmp"): ((0, 5000), (65535, 5000), (5000, 5000))}
MTUS = ((1500, 1500), (1500, 1500), (1280, 1500), (1500, 1280), (9000, 9000), (1500, 576),
        (9000, 1000), (1280, 1260))
BATCH = 5000
SHOWN = 10
SAMPLE = 40  # one in so many goes to scapy
# No kind of packet may stay untested because the generator lost it: least share of all packets.
KINDS = {"4to6 tcp": .02, "4to6 udp": .02, "4to6 echo": .02, "4to6 error": .05, "6to4 tcp": .02,
         "6to4 udp": .02, "6to4 echo": .02, "6to4 error": .05, "hairpin tcp": .001,
         "hairpin udp": .001, "hairpin echo": .0005}


def bindings():
    table, lines = {}, []
    for (protocol, name), ports in PORTS.items():
        table[protocol] = {}
        for (address6, address4), (port6, port4) in zip(CLIENTS, ports):
            table[protocol][(ipaddress.ip_address(address6).packed, port6)] = \
                (ipaddress.ip_address(address4).packed, port4)
            lines.append("bind %s [%s]:%d %s:%d" % (name, address6, port6, address4, port4))
    return table, lines


def play(command, setup, batch):
    with tempfile.TemporaryFile("w+") as lines:
        lines.write("\n".join(setup) + "\n")
        for first, gateway, data in batch:
            lines.write("packet %d %d %d %s\n" % (first, gateway.mtu6, gateway.mtu4, data.hex()))
        lines.seek(0)
        done = subprocess.run(command, stdin=lines, stdout=subprocess.PIPE, check=True)
    answers = done.stdout.decode().splitlines()
    assert len(answers) == len(batch), "not every packet was answered"
    return [(words[0], [bytes.fromhex(word) for word in words[1:]])
            for words in (line.split() for line in answers)]


def agrees(verdict, outcome, actual):
    """Does what the core did follow from the verdict?"""
    done = outcome in ("translated", "hairpinned")
    if not verdict.faults:
        return done and actual == verdict.packets
    for _, answer in verdict.faults:
        if answer is HOST and outcome in ("not_ours", "left_to_host") and not actual:
            return True
        if not done and actual == ([] if answer in (SILENT, HOST) else [answer]):
            return True
    return False


def show(number, seed, gateway, verdict, outcome, actual, data):
    print("# packet %d, NAT64D_SEED=%d, Pool6 from %s, MTU %d and %d: %s" % (
        number, seed, gateway.prefixes[0], gateway.mtu6, gateway.mtu4, verdict.kind))
    print("#   in        " + data.hex())
    print("#   core      %s %s" % (outcome, " ".join(one.hex() for one in actual)))
    if verdict.faults:
        print("#   reference " + ", ".join("%s %s" % (
            ids, answer if isinstance(answer, str) else answer.hex())
            for ids, answer in verdict.faults))
    else:
        print("#   reference " + " ".join(one.hex() for one in verdict.packets))


def with_scapy(pairs):
    """
    A third opinion on lengths and checksums: scapy takes a packet apart and computes what it can
    anew. Where that changes nothing in the packet that came in, it may change nothing in those sent.
    Returns the number of packets judged and those that scapy would have sent otherwise.
    """
    import logging
    logging.getLogger("scapy.runtime").setLevel(logging.ERROR)
    from scapy.layers.inet import ICMP, IP, TCP as Tcp, UDP as Udp
    from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6EchoRequest, IPv6, _ICMPv6Error

    def anew(data):
        packet = (IP if data[0] >> 4 == 4 else IPv6)(data)
        if packet.version == 4:
            del packet.chksum, packet.len
        else:
            del packet.plen
        layer = packet.payload
        if packet.version == 4 and (packet.frag or packet.flags.MF):
            return None
        # scapy writes the objects of an RFC 4884 extension anew, and loses what follows the last.
        if isinstance(layer, ICMP) and layer.type in (3, 11, 12) and data[packet.ihl * 4 + 5]:
            return None
        if isinstance(layer, (Tcp, Udp, ICMP)):
            del layer.chksum
        elif isinstance(layer, (ICMPv6EchoRequest, ICMPv6EchoReply, _ICMPv6Error)):
            del layer.cksum
        else:
            return None
        return bytes(packet)

    good = [sent for data, sent in pairs if anew(data) == data]
    changed = [(one, anew(one)) for sent in good for one in sent]
    return len(good), [(one, other) for one, other in changed if other not in (one, None)]


def main():
    # Of another machine's program meson says what runs it.
    command = shlex.split(os.environ.get("MESON_EXE_WRAPPER", "")) + sys.argv[1:]
    seed = int(os.environ.get("NAT64D_SEED", "6146"), 0)
    count = int(os.environ.get("NAT64D_PACKETS", "20000"), 0)
    source = random.Random(seed)
    table, lines = bindings()
    setup = ["prefix %s" % prefix for prefix in PREFIXES] + lines
    gateways = [(first, Gateway(PREFIXES[first:] + PREFIXES[:first], table, POOL4, mtu6, mtu4))
                for first in range(len(PREFIXES)) for mtu6, mtu4 in MTUS]
    makers = [(first, gateway, Maker(source, gateway)) for first, gateway in gateways]
    print("1..3")
    print("# NAT64D_SEED=%d NAT64D_PACKETS=%d" % (seed, count))

    tally, outcomes, sample, differences = collections.Counter(), collections.Counter(), [], 0
    unjudged = collections.Counter()
    for begin in range(0, count, BATCH):
        batch = []
        for _ in range(min(BATCH, count - begin)):
            first, gateway, maker = makers[source.randrange(len(makers))]
            data = maker.packet()
            batch.append((first, gateway, data))
        answers = play(command, setup, batch)
        for number, (one, (outcome, actual)) in enumerate(zip(batch, answers), begin):
            _, gateway, data = one
            verdict = gateway.judge(data, Choice(actual))
            outcomes[outcome] += 1
            if verdict.unjudged:
                unjudged[verdict.unjudged] += 1
                continue
            if agrees(verdict, outcome, actual):
                if not verdict.faults:
                    tally[verdict.kind] += 1
                    if number % SAMPLE == 0:
                        sample.append((data, actual))
                continue
            differences += 1
            if differences <= SHOWN:
                show(number, seed, gateway, verdict, outcome, actual, data)

    for name, counter in (("translated", tally), ("outcome", outcomes), ("not judged", unjudged)):
        for key, value in sorted(counter.items()):
            print("# %s: %s %d" % (name, key, value))
    print("%sok 1 %d packets: %d differences" % ("not " if differences else "", count, differences))
    missing = [kind for kind, share in KINDS.items() if tally[kind] < share * count]
    print("%sok 2 every kind of packet was translated often%s" % (
        "not " if missing else "", ": not " + ", ".join(missing) if missing else ""))
    try:
        judged, wrong = with_scapy(sample)
    except ImportError:
        judged, wrong = 0, []
        print("ok 3 scapy agrees # SKIP python3-scapy is not installed")
    else:
        for one, other in wrong[:SHOWN]:
            print("#   core  " + one.hex())
            print("#   scapy " + other.hex())
        print("%sok 3 scapy agrees about %d packets" % ("not " if wrong else "", judged))
    return 1 if differences or missing or wrong else 0


if __name__ == "__main__":
    sys.exit(main())
