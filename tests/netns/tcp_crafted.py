# SPDX-License-Identifier: GPL-2.0-or-later
"""
TCP between crafted peers through the real gateway: what has to be sent and seen segment by segment
(RFC 6146, 3.5.2.2). Lifetimes are those of tcp.sh: an established session 4 s, a closing one 4 s,
a stored SYN the real 6 s.
"""
import asyncio

from crafted import Lab, after_a_hop, establish, has_states, pass_data, states
from nodes import GATEWAY4, require
from scapy.layers.inet import TCP
from scapy.layers.inet6 import IPv6

HOLD = 6
ESTABLISHED = 4
TRANSITORY = 4
TICK = 0.002  # the gateway counts milliseconds
LATE = 2.5  # K-13: a session is gone at most 2 s after its time; half a second for this machine


def cases(lab, own, address_dependent):
    """The cases for a pool4 on the host's own address or not, and for this filtering."""
    async def held_syn():
        """S-25 b, S-27, S-28: an unsolicited SYN is kept for 6 s, the first one only, and then
        quoted in ICMPv4 3/3"""
        server, mapped = lab.server(), lab.unbound()
        await is_held(server, mapped)

    async def stored_and_opened():
        """S-29, S-30: both ends open, the outer SYN comes first; one session, nothing in ICMP"""
        client, server, mapped = lab.holding_client(), lab.server(), lab.unbound()
        await opens_together(client, server, mapped)
        await server.silence(HOLD + 1)

    async def no_binding():
        """S-26, P-23: other segments to no binding are dropped in silence, or are the host's own"""
        server, mapped = lab.server(), lab.unbound()
        for flags in ("A", "SA", "FA", "R", "RA", "PA"):
            server.send(mapped, flags, 1, 1)
        if own:
            await server.segment("R")  # to the first; the others are its firewall's business
        else:
            await server.silence(1)

    async def other_segments():
        """S-26: other segments to a binding pass and make no session"""
        client, server = lab.client(), lab.server()
        mapped = await establish(client, server)
        stranger = lab.another_port(server)  # whom address-dependent filtering knows, too
        for flags in ("A", "FA", "R"):
            stranger.send(mapped, flags, 7, 7)
            await client.segment(flags)
        await has_states(client, "established")

    async def reset_by_client():
        """S-34: RST of the client: TRANS, and traffic heals it"""
        client, server = lab.client(), lab.server()
        mapped = await establish(client, server)
        client.send(server.in_pool6, "R", 1001)
        await server.segment("R")
        await has_states(client, "trans")
        await pass_data(client, server, mapped)
        await has_states(client, "established")

    async def reset_by_server():
        """S-34: RST of the server: TRANS, traffic heals it; without traffic the session ends"""
        client, server = lab.client(), lab.server()
        mapped = await establish(client, server)
        server.send(mapped, "RA", 5001, 1001)
        await client.segment("RA")
        await has_states(client, "trans")
        await pass_data(client, server, mapped)
        await has_states(client, "established")
        server.send(mapped, "RA", 5001, 1001)
        await client.segment("RA")
        await ends(client, TRANSITORY, server.sent_at)
        server.send(mapped, "A", 5001, 1001)
        await client.silence(0.5)

    async def probe():
        """S-31: the probe at the end of a lifetime: an answer keeps the session, silence ends it"""
        client, server = lab.client(), lab.server()
        mapped = await establish(client, server)
        await is_probed(client, server)
        client.send(server.in_pool6, "A", 1001, 5001)
        await server.segment("A")
        await has_states(client, "established")
        closing = await is_probed(client, server)
        await ends(client, TRANSITORY, closing)
        server.send(mapped, "PA", 5001, 1001, b"too late")
        await client.silence(0.5)
        if own:
            await server.segment("R")  # the host's: P-23
        await server.silence(0.1)

    async def reopened_by_client():
        """S-33, C-6: the client opens again right after both FINs, from the same port"""
        client, server = lab.client(), lab.server()
        mapped = await establish(client, server)
        await close(client, server, mapped)
        require(await establish(client, server) == mapped, "another mapping than", mapped)
        await pass_data(client, server, mapped)

    async def reopened_by_server():
        """S-33, C-6: the server opens again right after both FINs, to the same port"""
        client, server = lab.client(), lab.server()
        mapped = await establish(client, server)
        await close(client, server, mapped)
        server.send(mapped, "S", 9000)
        await client.segment("S")
        await has_states(client, "v4_init")
        client.send(server.in_pool6, "SA", 1000, 9001)
        await server.segment("SA")
        await has_states(client, "established")
        await pass_data(client, server, mapped)

    async def half_closed():
        """S-33: each FIN by itself leaves the other direction open"""
        client, server = lab.client(), lab.server()
        mapped = await establish(client, server)
        client.send(server.in_pool6, "FA", 1001, 5001)
        await server.segment("FA")
        await has_states(client, "v6_fin_rcv")
        for _ in range(4):  # longer than a closing session lives
            await asyncio.sleep(1.8)
            server.send(mapped, "PA", 5001, 1002, b"more")
            await client.segment("PA")
        await has_states(client, "v6_fin_rcv")
        server.send(mapped, "FA", 5001, 1002)
        await client.segment("FA")
        await ends(client, TRANSITORY, server.sent_at)

    async def crossing():
        """S-29: the SYNs of both ends cross: one session"""
        client, known, server = lab.client(), lab.server(), lab.server()
        mapped = await establish(client, known)
        if address_dependent:
            await establish(client, lab.another_port(server))
        client.send(server.in_pool6, "S", 1000)
        server.send(mapped, "S", 5000)
        await server.segment("S")
        await client.segment("S")
        await has_states(client, *["established"] * (3 if address_dependent else 2))
        await answer_both(client, server, mapped)

    async def external():
        """S-25 c: the IPv4 side opens a connection to a binding at once"""
        client, server = lab.client(), lab.server()
        mapped = await establish(client, lab.server())
        server.send(mapped, "S", 5000)
        await client.segment("S")
        await has_states(client, "established", "v4_init")
        client.send(server.in_pool6, "SA", 1000, 5001)
        await server.segment("SA")
        server.send(mapped, "A", 5001, 1001)
        await client.segment("A")
        await has_states(client, "established", "established")

    async def stranger():
        """S-25 d, S-27: under address-dependent filtering a stranger's SYN to a binding is kept for
        6 s and then quoted"""
        mapped = await establish(lab.client(), lab.server())
        await is_held(lab.server(), mapped)

    async def stranger_met():
        """S-25 d, S-29: the client opens to the stranger meanwhile: one session"""
        client, known, server = lab.client(), lab.server(), lab.server()
        mapped = await establish(client, known)
        await opens_together(client, server, mapped, known)
        await server.silence(HOLD + 1)

    async def known():
        """S-25 e: who is known by its address may open a connection from another port"""
        client, server = lab.client(), lab.server()
        mapped = await establish(client, server)
        other = lab.another_port(server)
        other.send(mapped, "S", 5000)
        await client.segment("S")
        await has_states(client, "established", "v4_init")

    common = [held_syn, stored_and_opened, no_binding, other_segments, reset_by_client,
              reset_by_server, probe, half_closed, reopened_by_client, reopened_by_server, crossing]
    return common + ([stranger, stranger_met, known] if address_dependent else [external])


async def is_held(server, mapped):
    begin = asyncio.get_running_loop().time()

    def passed():
        return asyncio.get_running_loop().time() - begin

    syn = server.send(mapped, "S", 100)
    await server.silence(HOLD / 2)
    server.send(mapped, "S", 200)
    server.send(mapped, "A", 201, 1)
    await server.silence(HOLD - 0.1 - passed())
    packet, _, quoted = await server.icmp_error(3, 3, 0.1 + LATE)
    require(packet.src == GATEWAY4, "from", packet.src)
    # T-25: as it was received, behind one router.
    require(quoted == after_a_hop(syn)[:len(quoted)] and len(quoted) >= 28, "quoted", quoted.hex(),
            "of", syn.hex())
    await server.silence(1)


async def opens_together(client, server, mapped, known=None):
    """The server's SYN is kept when the client's comes: one session, beside that with a server that
    is known, and both go on."""
    async def are_established():
        if known:  # However slow this machine is: it has just been used.
            client.send(known.in_pool6, "A", 1001, 5001)
            await known.segment("A")
        await has_states(client, *["established"] * (2 if known else 1))

    server.send(mapped, "S", 5000)
    await server.silence(0.5)
    client.send(server.in_pool6, "S", 1000)
    syn = await server.segment("S")
    require((syn.src, syn.sport) == mapped, "expected", mapped, "found", syn.summary())
    await client.silence(0.3)
    await are_established()
    server.send(mapped, "S", 5000)
    await client.segment("S")
    await answer_both(client, server, mapped)
    await are_established()


async def answer_both(client, server, mapped):
    """RFC 9293, 3.5: both ends have seen the other's SYN."""
    client.send(server.in_pool6, "SA", 1000, 5001)
    await server.segment("SA")
    server.send(mapped, "SA", 5000, 1001)
    await client.segment("SA")
    await pass_data(client, server, mapped)


async def close(client, server, mapped):
    client.send(server.in_pool6, "FA", 1001, 5001)
    await server.segment("FA")
    server.send(mapped, "FA", 5001, 1002)
    await client.segment("FA")
    client.send(server.in_pool6, "A", 1002, 5002)
    await server.segment("A")
    await has_states(client, "v4v6_fin_rcv")


def now():
    return asyncio.get_running_loop().time()


async def is_probed(client, server):
    """Not before the lifetime is over; from the server, with nothing set but ACK. Returns a moment
    that the next timer did not begin before."""
    since = max(client.sent_at, server.sent_at) + ESTABLISHED
    packet = await client.segment("A", ESTABLISHED + LATE)
    require(now() > since - TICK, "probed", since - now(), "s too early")
    segment = packet[TCP]
    require((packet.src, segment.sport) == server.in_pool6, "from", packet.summary())
    found = segment.seq, segment.ack, segment.window, len(segment.payload), packet[IPv6].hlim
    require(found == (0, 0, 0, 0, 63), "seq, ack, window, size, hop limit:", found)
    await has_states(client, "trans")
    return since


async def ends(client, seconds, since):
    """Not before its time, which began at since or later, and not long after it (K-13)."""
    late = now() + seconds + LATE
    while await states(client):
        require(now() < late, "the session is still there")
        await asyncio.sleep(0.1)
    require(now() > since + seconds - TICK, "gone", since + seconds - now(), "s too early")


def cases_of_forbidden(lab):
    """With ExternalTCP=no."""
    async def forbidden():
        """S-25 a: with ExternalTCP=no a SYN from the IPv4 side is dropped in silence and not kept"""
        client, server, mapped = lab.holding_client(), lab.server(), lab.unbound()
        server.send(mapped, "S", 5000)
        await server.silence(0.3)
        client.send(server.in_pool6, "S", 1000)
        mapped = await server.segment("S")
        await has_states(client, "v6_init")
        lab.another_port(server).send((mapped.src, mapped.sport), "S", 5000)
        await client.silence(0.3)
        await server.silence(0.3)

    return [forbidden]
