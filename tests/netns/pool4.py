#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
What happens to traffic while pool4 changes, by nat64ctl or by a reload: cases of pool4.sh, one after
the other, since each has a configuration of its own, which the daemon reads anew (SIGHUP). Each has
addresses or ports of its own, too: entries that are drained live as long as their bindings.

usage: pool4.py PID_OF_NAT64D CONFIGURATION LOG
"""
import asyncio
import errno
import itertools
import os
import signal
import socket
import subprocess
import sys
import time

from nodes import CLIENT6, CLIENT2_6, GATEWAY4, SERVER4, SERVER6, Failed, Node, nat64ctl, nat64ctl_all, \
    require, run_case

ECHO_PORT = 7777
PID, CONFIGURATION, LOG = int(sys.argv[1]), sys.argv[2], sys.argv[3]
INTERVAL = 0.01
IPV6_RECVERR = 25
# What a case leaves behind is gone soon.
SHORT = "\n[Timeouts]\nAllowBelowMinimum=yes\nUDP=1\n"

client, client2, server = Node("client"), Node("client2"), Node("server")
gateway, router4, router6 = Node("gateway"), Node("router4"), Node("router6")


def run(node, *words):
    name = "%s-%s" % (os.environ["TOPOLOGY_NAME"], node)
    return subprocess.run(["ip", "netns", "exec", name, *words], check=True, text=True,
                          stdout=subprocess.PIPE).stdout


def log_lines():
    with open(LOG) as log:
        return log.read().splitlines()


def said(words):
    return sum(words in line for line in log_lines())


async def until(what, condition, seconds=5.0):
    """The seconds are of the pauses, as those of until_true in tools/topology.sh."""
    rounds = int(seconds / 0.02)
    while not condition():
        require(rounds > 0, what, "did not happen within", seconds, "s:", "\n".join(log_lines()[-5:]))
        rounds -= 1
        await asyncio.sleep(0.02)


async def configure(text, translation=""):
    """The daemon has this configuration and nothing besides, and its rules are in."""
    for name, entry in (await entries()).items():
        if entry["source"] == "runtime":
            await nat64ctl("pool4", "remove", name, "--force")
    before = said("reloaded")
    with open(CONFIGURATION, "w") as file:
        file.write("[Translation]\nPool6=%s/96\n%s\n%s\n" %
                   (os.environ["TOPOLOGY_POOL6"], translation, text))
    os.kill(PID, signal.SIGHUP)
    await until("the reload", lambda: said("reloaded") > before)


async def no_binding_left():
    """Of those with SHORT: within 2 s of their lifetime (K-13)."""
    end = time.monotonic() + 5
    while await nat64ctl("bib", "list", "--count") != "0\n":
        require(time.monotonic() < end, "bindings have not ended:", await nat64ctl("bib", "list"))
        await asyncio.sleep(0.1)


async def entries():
    import json
    return {entry["name"]: entry for entry in json.loads(await nat64ctl("--json", "pool4", "list"))}


class Echo:
    """A server that answers each datagram with itself, and knows who came."""

    def __init__(self):
        self.socket = server.udp(SERVER4, ECHO_PORT)
        self.peers = {}  # first bytes of the datagram: set of (address, port)
        asyncio.get_running_loop().add_reader(self.socket, self.answer)

    def answer(self):
        try:
            while True:
                data, peer = self.socket.recvfrom(2048)
                self.peers.setdefault(data.split(b" ")[0], set()).add(peer)
                self.socket.sendto(data, peer)
        except BlockingIOError:
            pass

    def peer_of(self, flow):
        """(address, port) under which the server knows the flow: the only one."""
        peers = self.peers.get(flow.name, set())
        require(len(peers) == 1, "the server knows", flow.name, "as", peers)
        return next(iter(peers))

    def addresses(self):
        return {address for peers in self.peers.values() for address, _ in peers}

    def close(self):
        asyncio.get_running_loop().remove_reader(self.socket)
        self.socket.close()


class Flow:
    """Datagrams from one socket, and their answers."""
    number = 0

    def __init__(self, node, bind, server_address=SERVER6):
        Flow.number += 1
        self.name = b"flow%d" % Flow.number
        self.socket = node.udp(*bind)
        if ":" in server_address:  # 1/3 is no error of a UDP socket otherwise
            self.socket.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
        self.socket.connect((server_address, ECHO_PORT))
        self.sent, self.answered, self.errors = 0, set(), []
        asyncio.get_running_loop().add_reader(self.socket, self.receive)

    def receive(self):
        try:
            while True:
                self.answered.add(self.socket.recv(2048))
        except BlockingIOError:
            pass
        except OSError as error:
            self.errors.append(error.errno)

    def send(self):
        self.sent += 1
        try:
            self.socket.send(b"%s %d" % (self.name, self.sent))
        except OSError as error:
            self.errors.append(error.errno)

    @property
    def lost(self):
        return self.sent - len(self.answered)

    async def ask(self, seconds=2.0):
        """True: answered; False: an error came instead."""
        before, n_errors = len(self.answered), len(self.errors)
        self.send()
        end = time.monotonic() + seconds
        while len(self.answered) == before and len(self.errors) == n_errors:
            require(time.monotonic() < end, self.name, "got neither answer nor error")
            await asyncio.sleep(0.005)
        return len(self.answered) > before

    def close(self):
        asyncio.get_running_loop().remove_reader(self.socket)
        self.socket.close()


class Traffic:
    """Flows that send all the time, and, if anew, a new one at each turn."""

    def __init__(self, flows, anew=None):
        self.flows, self.anew, self.going = list(flows), anew, True
        self.task = asyncio.ensure_future(self.go())

    async def go(self):
        while self.going:
            if self.anew:
                self.flows.append(self.anew())
            for flow in self.flows[-50:]:
                flow.send()
            await asyncio.sleep(INTERVAL)

    async def stop(self):
        """What has not come back within 2 s is lost."""
        self.going = False
        await self.task
        end = time.monotonic() + 2
        while self.lost() > 0 and time.monotonic() < end:
            await asyncio.sleep(0.02)

    def lost(self):
        return sum(flow.lost for flow in self.flows)

    def sent(self):
        return sum(flow.sent for flow in self.flows)

    def close(self):
        for flow in self.flows:
            flow.close()


# A port that came again could have a binding yet, of an earlier case.
next_port = itertools.count(20000)


def flow(port=0):
    return Flow(client, (CLIENT6, port or next(next_port)))


def flow2(port=0):
    return Flow(client2, (CLIENT2_6, port or next(next_port)))


async def two_clients_one_port():
    """two clients with the same source port through one address"""
    await configure("[Pool4 one]\nAddresses=203.0.113.9" + SHORT)
    echo, first, second = Echo(), flow(5000), flow2(5000)
    require(await first.ask() and await second.ask(), "not answered")
    one, other = echo.peer_of(first), echo.peer_of(second)
    require(one[0] == other[0] == "203.0.113.9" and one[1] != other[1], one, other)
    for part in (echo, first, second):
        part.close()


async def pool_grows():
    """a pool of 5, then 2 more by nat64ctl, then a /29, while traffic flows: not a packet is lost"""
    await configure("[Pool4 main]\nAddresses=203.0.113.17-203.0.113.21" + SHORT)
    echo = Echo()
    # Of its own /128 each, so that the addresses are spread.
    addresses = ["2001:db8:1::1:%x" % i for i in range(40)]
    for address in addresses:
        run("client", "ip", "address", "add", address + "/64", "dev", "router6", "nodad")
    made = iter(range(100000))

    def anew():
        return Flow(client, (addresses[next(made) % len(addresses)], 0))

    traffic = Traffic([flow() for _ in range(10)], anew)
    await asyncio.sleep(0.5)
    require(echo.addresses() <= {"203.0.113.%d" % i for i in range(17, 22)}, echo.addresses())
    added = await nat64ctl("pool4", "add", "203.0.113.22-203.0.113.23", "--name", "two")
    require(added == "pool4 entry two added: 203.0.113.22/31, tcp udp icmp, ports 1024-65535\n",
            added)
    await asyncio.sleep(0.3)
    await nat64ctl("pool4", "add", "203.0.113.24/29", "--name", "more")
    await asyncio.sleep(0.3)
    await traffic.stop()
    require(traffic.lost() == 0, traffic.lost(), "of", traffic.sent(), "lost")
    # Clients keep their address; new ones come to the new.
    fresh = ["2001:db8:1::2:%x" % i for i in range(60)]
    for address in fresh:
        run("client", "ip", "address", "add", address + "/64", "dev", "router6", "nodad")
    late = [Flow(client, (address, 0)) for address in fresh]
    for one in late:
        require(await one.ask(), "a late client is not answered")
    require(echo.addresses() & {"203.0.113.%d" % i for i in range(22, 32)}, echo.addresses())
    for part in (echo, traffic, *late):
        part.close()


async def exhaustion():
    """64 ports are used up: the 65th flow is told 1/3, which is counted; nobody loses his; it recovers"""
    entry = "[Pool4 small]\nAddresses=203.0.113.40\nPorts=40000-40063\nProtocols=udp\n"
    await configure(entry)
    echo, flows = Echo(), [flow() for _ in range(64)]
    for one in flows:
        require(await one.ask(), "one of 64 is not answered")
    require(len({echo.peer_of(one)[1] for one in flows}) == 64, "ports are not different")
    late = flow()
    require(not await late.ask(), "the 65th is answered")
    require(late.errors == [errno.EHOSTUNREACH], late.errors)  # ICMPv6 1/3
    counters = await nat64ctl("stats")
    require("packets_6to4_pool4_exhausted" in counters, counters)
    await until("the alarm",
                lambda: said("pool4 entry small: 52 of 64 udp ports are in use (81%)") == 1)
    await until("the event", lambda: said("pool4 entry small has no free udp port at 203.0.113.40: "
                                          "new bindings are refused, 1 so far") == 1)
    for one in flows:
        require(await one.ask(), "one of the 64 has been evicted")
        require(echo.peer_of(one)[0] == "203.0.113.40", "moved")
    # Lifetimes apply from the next packet on.
    await configure(entry + SHORT)
    for one in flows:
        require(await one.ask(), "one of the 64 has been evicted by the reload")
    await no_binding_left()
    require(await late.ask(), "not answered although ports are free again")
    for part in (echo, late, *flows):
        part.close()
    await no_binding_left()


async def limit_for_one():
    """a limit stops one client and not the other"""
    await configure("[Pool4 limited]\nAddresses=203.0.113.48/28\n[Limits]\nBindingsPerClient=10")
    echo, flows = Echo(), [flow() for _ in range(10)]
    for one in flows:
        require(await one.ask(), "within the limit, but not answered")
    late, other = flow(), flow2()
    require(not await late.ask(), "answered beyond the limit")
    require(late.errors == [errno.EHOSTUNREACH], late.errors)
    require(await other.ask(), "the other client is not answered")
    for one in flows:
        require(await one.ask(), "a binding within the limit has gone")
    require("packets_6to4_client_bindings" in await nat64ctl("stats"), "not counted")
    for part in (echo, late, other, *flows):
        part.close()


async def forced_removal():
    """an entry in use stays until nat64ctl removes it by force: its flows go on at another address"""
    await configure("[Pool4 base]\nAddresses=203.0.113.97\nProtocols=udp" + SHORT)
    await nat64ctl("pool4", "add", "203.0.113.98", "--name", "special", "--clients", CLIENT6 + "/128")
    echo, traffic = Echo(), Traffic([flow() for _ in range(20)])
    other = Traffic([flow2()])
    await asyncio.sleep(0.3)
    require(echo.addresses() == {"203.0.113.97", "203.0.113.98"}, echo.addresses())
    status, _, said = await nat64ctl_all("pool4", "remove", "special")
    require(status == 1 and said.startswith(
        "nat64ctl: pool4 entry special is used by 20 bindings: 'nat64ctl pool4 drain special' waits"),
        status, said)
    status, text, said = await nat64ctl_all("pool4", "remove", "special", "--force")
    require(status == 0 and text.startswith("pool4 entry special removed: 203.0.113.98,"), text, said)
    require(said == "nat64ctl: warning: 20 bindings ended\n", said)
    await asyncio.sleep(0.3)
    await traffic.stop()
    await other.stop()
    for one in traffic.flows:
        require({address for address, _ in echo.peers[one.name]} == {"203.0.113.97", "203.0.113.98"},
                echo.peers[one.name])
        # Answers that are on their way to the old address.
        require(one.lost <= 10, one.lost, "of", one.sent, "lost of a flow that moved")
    require(other.lost() == 0, other.lost(), "of", other.sent(), "lost of another client")
    for part in (echo, traffic, other):
        part.close()


async def drain_and_removal():
    """an entry is drained by nat64ctl, and another loses its addresses, under traffic"""
    await configure("[Pool4 old]\nAddresses=203.0.113.65\nProtocols=udp")
    echo, traffic = Echo(), Traffic([flow() for _ in range(20)])
    await until("20 flows at the server", lambda: len(echo.peers) == 20)
    await configure("[Pool4 old]\nAddresses=203.0.113.65\nProtocols=udp\n"
                    "[Pool4 new]\nAddresses=203.0.113.66-203.0.113.67\nProtocols=udp")
    drained = await nat64ctl("pool4", "drain", "old")
    require(drained == "pool4 entry old takes no new bindings and goes with the last of 20\n", drained)
    listed = await entries()
    require(listed["old"]["state"] == "draining", listed)
    late = flow2()
    require(await late.ask(), "a new flow is not answered")
    require(echo.peer_of(late)[0] in ("203.0.113.66", "203.0.113.67"), echo.peer_of(late))
    await traffic.stop()
    require(traffic.lost() == 0, traffic.lost(), "of", traffic.sent(), "lost by draining")
    require("203.0.113.65" in {echo.peer_of(one)[0] for one in traffic.flows}, echo.addresses())
    # Cut: what was at .66 or .67 is at .68 afterwards.
    before = echo.peer_of(late)[0]
    other = "203.0.113.67" if before == "203.0.113.66" else "203.0.113.66"
    await configure("[Pool4 new]\nAddresses=%s 203.0.113.68\nProtocols=udp" % other)
    await until("the line of P-22",
                lambda: said("pool4 entry new: %s is gone: 1 bindings ended" % before) == 1)
    require(await late.ask(), "not answered after its address has gone")
    addresses = {address for address, _ in echo.peers[late.name]}
    require(len(addresses) == 2 and addresses <= {before, other, "203.0.113.68"}, addresses)
    for part in (echo, late, traffic):
        part.close()


async def interface_changes():
    """the address of an interface changes under traffic: followed within a second"""
    await configure("[Pool4 wan]\nAddresses=interface:router4\nPorts=20000-29999")
    echo, one = Echo(), flow()
    require(await one.ask(), "not answered")
    require(echo.peer_of(one)[0] == GATEWAY4, echo.peer_of(one))
    traffic = Traffic([one])
    run("gateway", "sysctl", "-qw", "net.ipv4.conf.all.promote_secondaries=1")
    run("gateway", "ip", "address", "add", "192.0.2.9/24", "dev", "router4")
    await until("the new address", lambda: said("pool4 entry wan has 192.0.2.9 now") == 1, 1)
    require(one.lost <= 2, one.lost, "lost while an address was added")
    run("gateway", "ip", "address", "delete", GATEWAY4 + "/24", "dev", "router4")
    run("gateway", "ip", "route", "replace", "default", "via", "192.0.2.2")
    await until("the end of its bindings", lambda: said(
        "pool4 entry wan: %s is gone: 1 bindings ended" % GATEWAY4) == 1, 1)
    await until("an answer at the new address",
                lambda: "192.0.2.9" in {address for address, _ in echo.peers[one.name]}, 1)
    await traffic.stop()
    run("gateway", "ip", "address", "add", GATEWAY4 + "/24", "dev", "router4")
    run("gateway", "ip", "address", "delete", "192.0.2.9/24", "dev", "router4")
    run("gateway", "ip", "route", "replace", "default", "via", "192.0.2.2")
    run("router4", "ip", "route", "replace", "203.0.113.0/24", "via", GATEWAY4)
    # Else the entry would be drained with what it had there.
    await until("the end of the bindings there", lambda: said("pool4 entry wan: 192.0.2.9 is gone") == 1)
    for part in (echo, traffic):
        part.close()


async def arp_is_answered():
    """ARP is answered for a /28 of the link, with no address added and one route"""
    before = run("gateway", "ip", "-4", "address")
    await configure("[Pool4 link]\nAddresses=192.0.2.64/28")
    asker = server.udp(SERVER4)
    for i in range(64, 80):
        asker.sendto(b"anybody?", ("192.0.2.%d" % i, 9999))

    def answered():
        lines = run("router4", "ip", "neigh", "show", "dev", "gateway").splitlines()
        return {line.split()[0] for line in lines if "lladdr" in line and "FAILED" not in line}

    await until("ARP for all of them",
                lambda: {"192.0.2.%d" % i for i in range(64, 80)} <= answered(), 3)
    require(run("gateway", "ip", "-4", "address") == before, "addresses have changed")

    def announced():
        routes = run("gateway", "ip", "route", "show", "table", "local", "proto", "64").splitlines()
        return [line.split()[:2] for line in routes]

    # That of the entry before goes when the daemon has heard that its address has gone.
    await until("one route", lambda: announced() == [["local", "192.0.2.64/28"]], 3)
    require((await entries())["link"]["reach"] == "announced", await entries())
    echo, one = Echo(), flow()
    require(await one.ask() and echo.peer_of(one)[0].startswith("192.0.2."), "no traffic")
    for part in (echo, one, asker):
        part.close()


async def two_pools():
    """two client prefixes with two pools"""
    await configure("[Pool4 one]\nAddresses=203.0.113.81\nClients=2001:db8:1::/64\n"
                    "[Pool4 two]\nAddresses=203.0.113.82\nClients=2001:db8:2::/64")
    echo, one, two = Echo(), flow(), flow2()
    require(await one.ask() and await two.ask(), "not answered")
    require(echo.peer_of(one)[0] == "203.0.113.81", echo.peer_of(one))
    require(echo.peer_of(two)[0] == "203.0.113.82", echo.peer_of(two))
    for part in (echo, one, two):
        part.close()


async def local_program():
    """a local program with a source port inside the range keeps working"""
    await configure("[Pool4 own]\nAddresses=%s\nPorts=10000-14999" % GATEWAY4)
    echo = Echo()
    traffic = Traffic([flow() for _ in range(20)])
    local = Flow(gateway, (GATEWAY4, 12000), SERVER4)
    local_traffic = Traffic([local])
    await asyncio.sleep(0.5)
    await local_traffic.stop()
    await traffic.stop()
    require(local.lost == 0, local.lost, "of", local.sent, "lost of the local program")
    require(traffic.lost() == 0, traffic.lost(), "of", traffic.sent(), "lost of the clients")
    require(echo.peer_of(local) == (GATEWAY4, 12000), echo.peer_of(local))
    for part in (echo, traffic, local_traffic):
        part.close()


async def nat44_beside():
    """NAT44 on the same address: no connection is harmed, not by load, not by the daemon's death"""
    run("gateway", "ip", "address", "add", "10.0.0.1/24", "dev", "router6")
    run("router6", "ip", "address", "add", "10.0.0.2/24", "dev", "gateway")
    run("router6", "ip", "route", "add", "default", "via", "10.0.0.1")
    nat44_rules = ("table ip nat44 { chain out { type nat hook postrouting priority srcnat;"
                   " oifname \"router4\" %s; }; }")
    run("gateway", "nft", nat44_rules % "masquerade")
    await configure("[Pool4 other]\nAddresses=203.0.113.113")
    status, _, said = await nat64ctl_all("pool4", "add", GATEWAY4, "30000-49151", "--name", "beside")
    require(status == 0, said)
    require("nat64ctl: warning: NAT44 can use ports of %s that are pool4's, by 'oifname \"router4\" "
            "masquerade' (table ip nat44, chain out): nft 'insert rule ip nat44 out " % GATEWAY4 in said,
            said)
    require("nat64ctl: warning: pool4 entry beside: the kernel gives ports 32768-49151 of %s to local "
            "programs, too: sysctl -w net.ipv4.ip_local_reserved_ports=" % GATEWAY4 in said, said)
    run("gateway", "nft", "delete table ip nat44")
    run("gateway", "nft", nat44_rules % "meta l4proto { tcp, udp } masquerade to :49152-65535")
    await nat64ctl("pool4", "remove", "other")
    echo = Echo()
    listener = server.listener(SERVER4, ECHO_PORT)
    tcp = router6.tcp("10.0.0.2")
    loop = asyncio.get_running_loop()
    await loop.sock_connect(tcp, (SERVER4, ECHO_PORT))
    peer, address = await loop.sock_accept(listener)
    require(address[0] == GATEWAY4 and address[1] >= 49152, address)
    nat44 = Traffic([Flow(router6, ("10.0.0.2", 0), SERVER4) for _ in range(20)],
                    lambda: Flow(router6, ("10.0.0.2", 0), SERVER4))
    nat64 = Traffic([flow() for _ in range(20)], flow)
    await asyncio.sleep(0.7)
    require(nat64.flows[0].answered, "NAT64 does not work beside")
    os.kill(PID, signal.SIGKILL)
    n_answered = sum(len(one.answered) for one in nat64.flows)
    await asyncio.sleep(0.7)
    await nat64.stop()
    await nat44.stop()
    require(sum(len(one.answered) for one in nat64.flows) < n_answered + 100, "still translates")
    require(nat44.lost() == 0, nat44.lost(), "of", nat44.sent(), "lost of NAT44")
    for one in nat44.flows:
        where = echo.peer_of(one)
        require(where[0] == GATEWAY4 and where[1] >= 49152, where)
    await loop.sock_sendall(tcp, b"hello")
    require(await asyncio.wait_for(loop.sock_recv(peer, 16), 3) == b"hello", "TCP is harmed")
    for part in (echo, listener, tcp, peer, nat44, nat64):
        part.close()


async def main():
    passed = True
    for case in (two_clients_one_port, pool_grows, exhaustion, limit_for_one, forced_removal,
                 drain_and_removal, interface_changes, arp_is_answered, two_pools, local_program,
                 nat44_beside):
        text, good = await run_case(case)
        print(text, flush=True)
        passed &= good
        if not good and case is not nat44_beside:  # which has killed the daemon
            print(*("# " + line for line in (await nat64ctl("stats")).splitlines()), sep="\n")
    return passed


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(main()) else 1)
